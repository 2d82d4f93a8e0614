/* One end of line-sim: pty, link, command; see sim_end.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* posix_openpt, ptsname_r, cfmakeraw */
#endif
#include "tests/line/sim_end.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* Tell the user which call failed on what, and why. */
static int complain(const char *call, const char *what, const char *next)
{
	fprintf(stderr, "line-sim: %s %s: %s; %s\n", call, what,
	    strerror(errno), next);
	return -1;
}

/* Make the link under a passing name and rename it, so that nobody finds
 * the name missing while a new connection takes the place of the old. */
static int make_link(const struct sim_end *e)
{
	char tmp[4096];
	struct stat st;
	int n;

	if (lstat(e->link, &st) == 0 && !S_ISLNK(st.st_mode)) {
		fprintf(stderr, "line-sim: %s is there already and is no "
		    "symbolic link; remove it or choose another name\n",
		    e->link);
		return -1;
	}
	n = snprintf(tmp, sizeof(tmp), "%s.%ld", e->link, (long)getpid());
	if (n < 0 || (size_t)n >= sizeof(tmp)) {
		errno = ENAMETOOLONG;
		return complain("link", e->link, "choose a shorter name");
	}
	(void)unlink(tmp);
	if (symlink(e->name, tmp) < 0)
		return complain("link", tmp, "is the directory there?");
	if (rename(tmp, e->link) < 0) {
		(void)complain("rename to", e->link, "choose another name");
		(void)unlink(tmp);
		return -1;
	}
	return 0;
}

/* No echo, no translation, no signals, eight bits: a modem's port. */
static int make_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t) < 0)
		return -1;
	cfmakeraw(&t);
	t.c_cflag |= CLOCAL | CREAD;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	return tcsetattr(fd, TCSANOW, &t);
}

int end_open(struct sim_end *e)
{
	e->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (e->master < 0 || grantpt(e->master) < 0 ||
	    unlockpt(e->master) < 0 ||
	    ptsname_r(e->master, e->name, sizeof(e->name)) != 0)
		return complain("open", "a pty",
		    "is /dev/pts mounted, and is a pty free?");
	e->slave = open(e->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (e->slave < 0 || make_raw(e->slave) < 0)
		return complain("set up", e->name, "check /dev/pts");
	return e->link ? make_link(e) : 0;
}

/* In the child: put the slave on 0 and 1 and become the command. */
static void become_command(const struct sim_end *e)
{
	sigset_t none;
	int fd;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)setsid();
	fd = open(e->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || dup2(fd, 0) < 0 || dup2(fd, 1) < 0)
		(void)complain("open", e->name, "nothing was started");
	else
		execl("/bin/sh", "sh", "-c", e->command, (char *)NULL);
	_exit(127);
}

int end_start(struct sim_end *e)
{
	if (!e->command)
		return 0;
	e->pid = fork();
	if (e->pid == 0)
		become_command(e);
	if (e->pid < 0) {
		e->pid = 0;
		return complain("start", e->command, "try again");
	}
	return 0;
}

void end_ended(struct sim_end *e, pid_t pid, int wait_status)
{
	if (pid != e->pid || pid <= 0)
		return;
	e->pid = 0;
	e->status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) :
	    128 + WTERMSIG(wait_status);
}

bool end_is_read(const struct sim_end *e)
{
	int waiting = 0;

	return e->slave < 0 || ioctl(e->slave, FIONREAD, &waiting) < 0 ||
	    waiting == 0;
}

void end_hang_up(struct sim_end *e)
{
	if (e->master >= 0)
		(void)close(e->master);
	if (e->slave >= 0)
		(void)close(e->slave);
	e->master = e->slave = -1;
}

void end_unlink(struct sim_end *e)
{
	char to[sizeof(e->name)];
	ssize_t n;

	if (!e->link || e->name[0] == '\0')
		return;
	n = readlink(e->link, to, sizeof(to));
	if (n > 0 && (size_t)n == strlen(e->name) &&
	    memcmp(to, e->name, (size_t)n) == 0)
		(void)unlink(e->link);
	e->name[0] = '\0';
}
