/* Locks that end with their process.  See spool_lock.h. */
#include "config.h"

#include "spool/spool_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "spool/spool_p.h"

/* The lock's file, and in words what it guards. */
static char *lock_path(const struct spool *s, enum spool_lock_kind kind,
    const char *name, const char **what)
{
	switch (kind) {
	case SPOOL_LOCK_PACKER:
		*what = "a packer";
		return fs_format(
		    "%s/" SPOOL_OUTBOX "/%s/" SPOOL_LOCKFILE, s->dir, name);
	case SPOOL_LOCK_CALL:
		*what = "a call";
		return fs_format(
		    "%s/" SPOOL_INBOX "/%s/" SPOOL_LOCKFILE, s->dir, name);
	case SPOOL_LOCK_LINE:
		*what = "a dialer";
		return fs_format(
		    "%s/" SPOOL_STATUS "/.dialer.%s.lock", s->dir, name);
	case SPOOL_LOCK_APPLIER:
	default:
		*what = "an applier";
		return fs_format("%s/" SPOOL_INBOX "/" SPOOL_LOCKFILE, s->dir);
	}
}

/* The pid written in a lock's file, -1 when there is none to be read (its
 * owner has the lock but has not written yet). */
static long read_pid(int fd)
{
	char text[24];
	int64_t pid;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return -1;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text_int(text, 1, INT32_MAX, &pid) ? (long)pid : -1;
}

/* Lock the whole file; false with errno when another has it. */
static bool try_lock(int fd)
{
	struct flock f = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_SETLK, &f) == 0;
}

/* A pid of an earlier owner goes before ours is written: a reader sees ours
 * or none.  It is a hint for messages, so a full disk is no failure. */
static void write_pid(int fd)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) != n)
		(void)!ftruncate(fd, 0);
}

/* Somebody else has it: say who. */
static int busy(int fd, const char *what, const char *name, struct err *e)
{
	long pid = read_pid(fd);
	char who[40] = "";

	if (pid > 0)
		snprintf(who, sizeof(who), " (process %ld)", pid);
	return err_set(e, ERR_BUSY, "%s%s%s is running already%s", what,
	    name ? " for " : "", name ? name : "", who);
}

int spool_lock(const struct spool *s, enum spool_lock_kind kind,
    const char *name, struct spool_lock *l, struct err *e)
{
	const char *what;
	char *path;
	int fd, rc = 0;

	l->fd = -1;
	if (kind == SPOOL_LOCK_APPLIER)
		name = NULL;
	else if (spool_check_name(name, e) < 0)
		return -1;
	if (spool_make_site(s, e) < 0)
		return -1;
	if ((kind == SPOOL_LOCK_PACKER || kind == SPOOL_LOCK_CALL) &&
	    spool_make_peer(s, name, e) < 0)
		return -1;
	path = lock_path(s, kind, name, &what);
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0) {
		rc = err_sys(e, "open %s", path);
	} else if (!try_lock(fd)) {
		if (errno == EAGAIN || errno == EACCES)
			rc = busy(fd, what, name, e);
		else
			rc = err_sys(e, "lock %s", path);
		close(fd);
	} else {
		write_pid(fd);
		l->fd = fd;
	}
	free(path);
	return rc;
}

void spool_unlock(struct spool_lock *l)
{
	if (l->fd >= 0)
		close(l->fd); /* which drops the lock */
	l->fd = -1;
}

long spool_lock_owner(
    const struct spool *s, enum spool_lock_kind kind, const char *name)
{
	struct flock f = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	const char *what;
	struct stat st;
	char *path;
	long pid = 0;
	int fd;

	if (kind != SPOOL_LOCK_APPLIER && spool_check_name(name, NULL) < 0)
		return 0;
	path = lock_path(s, kind, name, &what);
	fd = spool_open_file(AT_FDCWD, path, &st, NULL);
	free(path);
	if (fd < 0)
		return 0;
	if (fcntl(fd, F_OFD_GETLK, &f) == 0 && f.l_type != F_UNLCK)
		pid = read_pid(fd);
	close(fd);
	return pid;
}
