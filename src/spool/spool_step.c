/* The small durable steps that the outbox, the inbox and the partials share.
 * See spool_p.h. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool/spool_p.h"

int spool_sync_fd(int fd, const char *path, struct err *e)
{
	if (fsync(fd) < 0)
		return err_sys(e, "fsync %s", path);
	fs_step();
	return 0;
}

int spool_read_tail(
    const char *path, size_t limit, struct buf *b, bool *cut, struct err *e)
{
	struct err why = ERR_INIT;
	struct stat st;
	off_t at = 0;
	ssize_t n = 1;
	char *p;
	int fd = spool_open_file(AT_FDCWD, path, &st, &why);

	if (cut)
		*cut = false;
	if (fd < 0 && why.kind == ERR_MISSING)
		return 0;
	if (fd < 0) {
		if (e)
			*e = why;
		return -1;
	}
	if ((uint64_t)st.st_size > limit) {
		at = st.st_size - (off_t)limit;
		if (cut)
			*cut = true;
	}
	p = buf_room(b, limit);
	for (size_t got = 0; p && got < limit && n != 0;) {
		n = pread(fd, p + got, limit - got, at + (off_t)got);
		if (n < 0 && errno != EINTR)
			break;
		got += n > 0 ? (size_t)n : 0;
		b->n += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	if (!p)
		return err_set(e, ERR_SYSTEM, "no memory to read %s", path);
	return n < 0 ? err_sys(e, "read %s", path) : 0;
}

bool spool_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return lstat(a, &x) == 0 && lstat(b, &y) == 0 && S_ISREG(x.st_mode) &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Stopped before the link: only tmp is there.  After it: both names are one
 * file, and this function, called again, sees that and goes on from there.
 * tmp goes only when the directory of path is synced, so at every instant
 * one name at least is on the disk. */
int spool_move_new(const char *tmp, const char *path, struct err *e)
{
	char *dir, *slash;
	int rc = fs_publish(-1, tmp, path, e);

	if (rc != 1 || !spool_same_file(tmp, path))
		return rc;
	dir = fs_format("%s", path);
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	/* the link may have been made just before a power cut was survived
	 * by us, not by the disk's order: sync before the other name goes */
	rc = fs_sync_dir(slash ? dir : ".", e);
	free(dir);
	return rc == 0 ? fs_remove(tmp, e) : rc;
}

bool spool_is_leftover(const char *name, const char *suffix)
{
	char tail[32];
	size_t n = strlen(name), k;

	snprintf(tail, sizeof(tail), "%s.tmp", suffix);
	k = strlen(tail);
	return n > k + 1 && name[0] == '.' && name[1] >= '0' &&
	       name[1] <= '9' && strcmp(name + n - k, tail) == 0;
}
