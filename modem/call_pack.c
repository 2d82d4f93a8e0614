/* The packer runs as a process of its own, so that the program that faces the
 * line never opens the database.  It packs while we connect; the call waits
 * for it only before it says "no more", and not for long. */
#include "config.h"

#include "modem/call_p.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"

/* In the child.  Standard output may be the line itself (--stdio): the packer
 * must not reach it. */
static void run_packer(const char *path, const char *peer)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, 0);
	dup2(null, 1);
	signal(SIGPIPE, SIG_DFL);
	execl(path, "dialsync-pack", peer, "--flush", (char *)NULL);
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	_exit(127);
}

void call_pack_start(struct call *c)
{
	const char *dir = getenv("DIALSYNC_EXEC_PATH");
	char *path;

	if (c->no_pack)
		return;
	path = fs_format("%s/dialsync-pack", dir && *dir ? dir : LIBEXECDIR);
	c->pack.pid = fork();
	if (c->pack.pid == 0)
		run_packer(path, c->peer->name);
	if (c->pack.pid < 0) {
		c->pack.pid = 0;
		log_warn("%s: the packer was not started (%s); what is ready "
			 "is sent",
		    c->peer->name, strerror(errno));
	}
	c->pack.deadline_ms =
	    clock_ms() + (uint64_t)c->site->cfg->site.pack_wait * 1000;
	free(path);
}

bool call_pack_over(struct call *c, uint64_t now_ms)
{
	int status = 0;
	pid_t pid;

	if (c->pack.pid == 0)
		return true;
	pid = waitpid(c->pack.pid, &status, WNOHANG);
	if (pid == 0 && now_ms < c->pack.deadline_ms)
		return false;
	if (pid == 0) {
		log_info("%s: the packer is still at work; what it makes goes "
			 "with the next call",
		    c->peer->name);
	} else if (pid > 0 && status != 0) {
		log_warn("%s: the packer ended with %s %d; what is ready is "
			 "sent; run \"dialsync pack %s\" to see why",
		    c->peer->name, WIFEXITED(status) ? "exit code" : "signal",
		    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
		    c->peer->name);
	}
	c->pack.pid = 0;
	return true;
}
