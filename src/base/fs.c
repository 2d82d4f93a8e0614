#include "config.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYNC_TOGETHER 8 /* files; then one sync of the file system is less */

void (*fs_step_hook)(void);

#ifdef STOP_POINTS
/* Steps left until the process ends; -1: never. */
static long steps_left(void)
{
	const char *s = getenv("DIALSYNC_STOP_AFTER");

	return s && *s ? strtol(s, NULL, 10) : -1;
}

/* A program may make steps in two threads, so the count is atomic. */
void fs_step(void)
{
	static _Atomic long made;

	if (fs_step_hook)
		fs_step_hook();
	/* as SIGKILL would: no destructor, no buffered output */
	if (++made == steps_left())
		_exit(100);
}
#else
void fs_step(void)
{
	if (fs_step_hook)
		fs_step_hook();
}
#endif

char *fs_format(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	return s;
}

char *fs_join(const char *dir, const char *name)
{
	if (name[0] == '/')
		return fs_format("%s", name);
	return fs_format("%s/%s", dir, name);
}

/* The directory part of path ("." when there is none), malloc'd. */
static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return fs_format(".");
	if (slash == path)
		return fs_format("/");
	return fs_format("%.*s", (int)(slash - path), path);
}

int fs_mkdirs(const char *path, struct err *e)
{
	char *copy = fs_format("%s", path), *p = copy;
	int rc = 0;
	struct stat st;

	for (;;) {
		p = strchr(p + 1, '/');
		if (p)
			*p = '\0';
		if (mkdir(copy, 0777) < 0 && errno != EEXIST &&
		    !(p && stat(copy, &st) == 0)) {
			rc = err_sys(e, "mkdir %s", copy);
			break;
		}
		if (!p)
			break;
		*p = '/';
	}
	if (rc == 0 && (stat(copy, &st) < 0 || !S_ISDIR(st.st_mode)))
		rc = err_set(e, ERR_SYSTEM, "%s is not a directory", copy);
	free(copy);
	return rc;
}

int fs_sync_dir(const char *dir, struct err *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return err_sys(e, "open %s", dir);
	/* some file systems cannot sync a directory and say EINVAL */
	if (fsync(fd) < 0 && errno != EINVAL && errno != ENOTSUP)
		rc = err_sys(e, "fsync %s", dir);
	close(fd);
	if (rc == 0)
		fs_step();
	return rc;
}

int fs_write_all(int fd, const void *p, size_t n, struct err *e)
{
	const char *s = p;

	while (n > 0) {
		ssize_t k = write(fd, s, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_sys(e, "write");
		s += k;
		n -= (size_t)k;
	}
	return 0;
}

/* Write tmp with the mode wanted; fsync when durable. */
static int write_tmp(const char *tmp, const void *p, size_t n, mode_t mode,
    bool durable, struct err *e)
{
	int fd = open(tmp,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_sys(e, "open %s", tmp);
	if (fs_write_all(fd, p, n, e) < 0) {
		close(fd);
		return err_add(e, "%s", tmp);
	}
	if (fchmod(fd, mode) < 0 || (durable && fsync(fd) < 0)) {
		err_sys(e, "fsync %s", tmp);
		close(fd);
		return -1;
	}
	if (close(fd) < 0)
		return err_sys(e, "close %s", tmp);
	if (durable)
		fs_step();
	return 0;
}

/* Stopped before the rename: path is the old file, tmp is overwritten by the
 * next replace.  After it: path is the new file, whole, since its bytes were
 * synced first; the directory sync makes the rename itself durable. */
static int replace(const char *path, const void *p, size_t n, mode_t mode,
    bool durable, struct err *e)
{
	char *dir = dir_of(path);
	const char *slash = strrchr(path, '/');
	char *tmp = fs_format("%s/.%s.tmp", dir, slash ? slash + 1 : path);
	struct stat st;
	int rc;

	if (mode == 0)
		mode = stat(path, &st) == 0 ? st.st_mode & 07777 : 0644;
	rc = write_tmp(tmp, p, n, mode, durable, e);
	if (rc == 0 && rename(tmp, path) < 0)
		rc = err_sys(e, "rename %s to %s", tmp, path);
	if (rc == 0 && durable) {
		fs_step();
		rc = fs_sync_dir(dir, e);
	}
	if (rc < 0)
		unlink(tmp);
	free(tmp);
	free(dir);
	return rc;
}

int fs_replace(const char *path, const void *p, size_t n, mode_t mode,
    struct err *e)
{
	return replace(path, p, n, mode, true, e);
}

int fs_replace_fast(const char *path, const void *p, size_t n, mode_t mode,
    struct err *e)
{
	return replace(path, p, n, mode, false, e);
}

/* All bytes of one file into another. */
static int copy_bytes(int from, int to, const char *tmp,
    bool (*more)(void *arg, size_t n), void *arg, struct err *e)
{
	char chunk[32768];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(from, chunk, sizeof(chunk), at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read what goes to %s", tmp);
		if (fs_write_all(to, chunk, (size_t)n, e) < 0)
			return err_add(e, "%s", tmp);
		at += n;
		if (more && !more(arg, (size_t)n))
			return err_set(e, ERR_AGAIN, "stopped");
	}
	if (fsync(to) < 0)
		return err_sys(e, "fsync %s", tmp);
	fs_step();
	return 0;
}

/* Some file systems do not rename over a file that is there.  Stopped between
 * the unlink and the rename: the name is missing, and is made again. */
static int rename_over(const char *tmp, const char *path, struct err *e)
{
	if (rename(tmp, path) == 0)
		return 0;
	if ((errno != EEXIST && errno != EPERM && errno != EACCES) ||
	    unlink(path) < 0 || rename(tmp, path) < 0)
		return err_sys(e, "rename %s to %s", tmp, path);
	return 0;
}

int fs_copy(int from, const char *path, bool (*more)(void *arg, size_t n),
    void *arg, struct err *e)
{
	char *dir = dir_of(path);
	const char *slash = strrchr(path, '/');
	char *tmp = fs_format("%s/.%s.tmp", dir, slash ? slash + 1 : path);
	int fd = open(tmp,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
	int rc = fd < 0 ? err_sys(e, "open %s", tmp)
			: copy_bytes(from, fd, tmp, more, arg, e);

	/* a full or missing medium may say so only here */
	if (fd >= 0 && close(fd) < 0 && rc == 0)
		rc = err_sys(e, "close %s", tmp);
	if (rc == 0)
		rc = rename_over(tmp, path, e);
	if (rc == 0) {
		fs_step();
		rc = fs_sync_dir(dir, e);
	} else {
		unlink(tmp);
	}
	free(tmp);
	free(dir);
	return rc;
}

/* Write out the bytes of all, without the journal's commit and the disk's
 * flush that each fsync costs.  1: the system cannot do that. */
static int write_out(const struct fs_name *f, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (f[i].fd >= 0)
			sync_file_range(
			    f[i].fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	for (size_t i = 0; i < n; i++)
		if (f[i].fd >= 0 &&
		    sync_file_range(f[i].fd, 0, 0,
			SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
			    SYNC_FILE_RANGE_WAIT_AFTER) < 0)
			return errno == ENOSYS || errno == EINVAL
			    ? 1
			    : err_sys(e, "write %s", f[i].tmp);
	return 0;
}

/* All files are on the disk, names apart.  One by one, many small files cost a
 * commit and a flush each, 256 of them 40 times the time of one syncfs.
 * sync_file_range tells each file's errors, which syncfs of older kernels
 * forgets; no fsync after it tells them again, so an error is final. */
static int sync_files(const struct fs_name *f, size_t n, struct err *e)
{
	int rc = n >= SYNC_TOGETHER && f[0].fd >= 0 ? write_out(f, n, e) : 1;

	if (rc < 0)
		return -1;
	if (rc == 0) {
		if (syncfs(f[0].fd) < 0)
			return err_sys(e, "sync %s and others", f[0].tmp);
		fs_step();
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (f[i].fd < 0)
			continue;
		if (fsync(f[i].fd) < 0)
			return err_sys(e, "fsync %s", f[i].tmp);
		fs_step();
	}
	return 0;
}

/* The name for one file; its directory is not synced yet.  1: the name is
 * taken. */
static int give_name(struct fs_name *f, bool *linked, struct err *e)
{
	*linked = false;
	if (link(f->tmp, f->path) == 0)
		*linked = true;
	/* some file systems have no hard links; none replaces with this */
	else if ((errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS) ||
	    renameat2(AT_FDCWD, f->tmp, AT_FDCWD, f->path, RENAME_NOREPLACE) <
		0)
		return errno == EEXIST
		    ? 1
		    : err_sys(e, "link %s to %s", f->tmp, f->path);
	fs_step();
	return 0;
}

/* Stopped before a link: tmp is there, path is not.  Between link and unlink:
 * both names are one file; publishing again says "exists" and the caller's
 * sweep removes tmp.  No tmp goes before the one sync of the directory, so
 * that each file has a name that is on the disk at every instant. */
int fs_publish_all(struct fs_name *f, size_t n, struct err *e)
{
	bool *linked = calloc(n, sizeof(*linked)), any = false;
	char *dir;
	int rc = 0;

	if (!linked)
		abort();
	rc = sync_files(f, n, e);
	for (size_t i = 0; i < n && rc == 0; i++) {
		f[i].rc = give_name(&f[i], &linked[i], e);
		rc = f[i].rc < 0 ? -1 : 0;
		any = any || f[i].rc == 0;
	}
	if (rc == 0 && any) {
		dir = dir_of(f[0].path);
		rc = fs_sync_dir(dir, e);
		free(dir);
	}
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (!linked[i])
			continue;
		if (unlink(f[i].tmp) < 0)
			rc = err_sys(e, "unlink %s", f[i].tmp);
		else
			fs_step();
	}
	free(linked);
	return rc;
}

int fs_publish(int fd, const char *tmp, const char *path, struct err *e)
{
	struct fs_name f = {fd, tmp, path, 0};

	return fs_publish_all(&f, 1, e) < 0 ? -1 : f.rc;
}

int fs_remove_all(const char *const *path, size_t n, struct err *e)
{
	bool some = false;
	char *dir;
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		if (unlink(path[i]) == 0) {
			some = true;
			fs_step();
		} else if (errno != ENOENT) {
			rc = err_sys(e, "unlink %s", path[i]);
		}
	}
	if (!some || rc < 0)
		return rc;
	dir = dir_of(path[0]);
	rc = fs_sync_dir(dir, e);
	free(dir);
	return rc;
}

int fs_remove(const char *path, struct err *e)
{
	return fs_remove_all(&path, 1, e);
}

int fs_read(const char *path, struct buf *b, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char chunk[8192];
	ssize_t n;

	if (fd < 0) {
		int missing = errno == ENOENT;

		err_sys(e, "open %s", path);
		if (missing && e)
			e->kind = ERR_MISSING;
		return -1;
	}
	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_sys(e, "read %s", path);
			close(fd);
			return -1;
		}
		buf_add(b, chunk, (size_t)n);
		if (b->failed) {
			close(fd);
			return err_set(e, ERR_DATA,
			    "%s is longer than %zu bytes", path, b->limit);
		}
	}
	close(fd);
	return 0;
}

bool fs_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}
