/* Lock files are made complete under another name and linked, so that nobody
 * ever reads half a process id. */
#include "config.h"

#include "modem/port_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/text.h"

/* A lock without a readable process id is believed for so long: its maker
 * may be between open and write. */
#define UNREADABLE_SECONDS 60

/* The process id in a lock file: > 0; 0: the file has gone; -1: unreadable
 * but young, so held; -2: unreadable and old, so stale. */
static long read_pid(const char *path)
{
	char text[32];
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;
	int binary;
	long pid;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	n = read(fd, text, sizeof text - 1);
	if (n < 0 || fstat(fd, &st) < 0) {
		close(fd);
		return -1;
	}
	close(fd);
	text[n] = '\0';
	pid = strtol(text, NULL, 10);
	/* some old programs write the number as it is in memory; its bytes
	 * may look like digits, but one is 0: pids are below 2^22 */
	if (n == (ssize_t)sizeof binary && memchr(text, 0, sizeof binary)) {
		memcpy(&binary, text, sizeof binary);
		pid = binary;
	}
	if (pid > 0)
		return pid;
	return time(NULL) - st.st_mtime > UNREADABLE_SECONDS ? -2 : -1;
}

/* The program behind a process id, for the message. */
static void program_name(long pid, char *out, size_t out_n)
{
	char path[48], raw[64];
	int fd;
	ssize_t n = 0;

	snprintf(path, sizeof path, "/proc/%ld/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, raw, sizeof raw);
		close(fd);
	}
	while (n > 0 && raw[n - 1] == '\n')
		n--;
	if (n > 0)
		text_safe(raw, (size_t)n, out, out_n);
	else
		snprintf(out, out_n, "a program");
}

/* Take a stale lock away.  It is moved aside and read again, so that of two
 * processes that find it stale at once, none removes the other's new one. */
static void remove_stale(const char *lock, const char *aside, long stale)
{
	if (rename(lock, aside) < 0)
		return;
	if (read_pid(aside) != stale && link(aside, lock) < 0 &&
	    errno != EEXIST) {
		/* the new owner's lock is lost: TIOCEXCL still guards */
	}
	unlink(aside);
}

/* Is the lock there and its owner alive?  Fills e when so. */
static int check_holder(
    const char *device, const char *lock, const char *aside, struct err *e)
{
	long pid = read_pid(lock);
	char who[80];

	if (pid == 0)
		return 0;
	if (pid == -2 ||
	    (pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH)) {
		remove_stale(lock, aside, pid);
		return 0;
	}
	if (pid < 0)
		return err_set(e, ERR_DEVICE,
		    "%s is in use: %s names no "
		    "process; if no program uses the port, remove that file",
		    device, lock);
	program_name(pid, who, sizeof who);
	return err_set(e, ERR_DEVICE,
	    "%s is in use by %s (process %ld, "
	    "lock %s); wait until it ends, or end it",
	    device, who, pid, lock);
}

/* Write our process id under a name of our own. */
static int write_own(const char *own, const char *dir, struct err *e)
{
	char text[16];
	int fd, n;

	unlink(own);
	fd = open(own, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set(e, ERR_DEVICE,
		    "cannot make a lock file in %s: "
		    "%s; make the directory writable for this user, or set "
		    "DIALSYNC_LOCK_DIR",
		    dir, strerror(errno));
	n = snprintf(text, sizeof text, "%10ld\n", (long)getpid());
	if (fs_write_all(fd, text, (size_t)n, e) < 0) {
		close(fd);
		unlink(own);
		return -1;
	}
	close(fd);
	return 0;
}

char *port_lock_take(const char *device, struct err *e)
{
	const char *dir = getenv("DIALSYNC_LOCK_DIR");
	const char *name = device;
	char *lock, *own, *aside, *c;
	int tries, ok = -1;

	if (!dir || !*dir)
		dir = "/run/lock";
	if (strncmp(name, "/dev/", 5) == 0)
		name += 5;
	lock = fs_format("%s/LCK..%s", dir, name);
	for (c = lock + strlen(dir) + 1; *c; c++)
		if (*c == '/')
			*c = '_';
	own = fs_format("%s/LTMP.%ld", dir, (long)getpid());
	aside = fs_format("%s/LOLD.%ld", dir, (long)getpid());

	if (write_own(own, dir, e) == 0) {
		for (tries = 0; tries < 5; tries++) {
			ok = link(own, lock);
			if (ok == 0 || check_holder(device, lock, aside, e))
				break;
		}
		if (ok < 0 && tries == 5)
			err_set(e, ERR_DEVICE, "cannot lock %s with %s: %s",
			    device, lock, strerror(errno));
		unlink(own);
	}
	free(own);
	free(aside);
	if (ok == 0)
		return lock;
	free(lock);
	return NULL;
}

void port_lock_drop(const char *lock)
{
	if (lock && read_pid(lock) == (long)getpid())
		unlink(lock);
}
