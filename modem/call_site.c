/* The site that a dialer works for, and the signals that end a call. */
#include "config.h"

#include "modem/call.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"

/* The pipe through which the handler wakes poll(). */
static int stop_pipe[2] = {-1, -1};

/* 'c': this call only; 'q': the process. */
static void on_signal(int sig)
{
	int old = errno;
	char what = sig == SIGUSR1 ? 'c' : 'q';

	if (write(stop_pipe[1], &what, 1) < 0)
		errno = 0; /* full: it will wake up anyway */
	errno = old;
}

int call_stop_init(struct call_site *s, struct err *e)
{
	static const int sigs[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};
	struct sigaction a;
	size_t i;

	if (stop_pipe[0] >= 0) {
		close(stop_pipe[0]);
		close(stop_pipe[1]);
	}
	if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(e, "pipe");
	s->stop_fd = stop_pipe[0];
	memset(&a, 0, sizeof a);
	a.sa_handler = on_signal;
	for (i = 0; i < sizeof sigs / sizeof *sigs; i++)
		sigaction(sigs[i], &a, NULL);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

bool call_stop_take(struct call_site *s)
{
	char what[16];
	ssize_t n, i;
	bool some = false;

	while ((n = read(s->stop_fd, what, sizeof what)) > 0) {
		some = true;
		for (i = 0; i < n; i++)
			if (what[i] == 'q')
				s->stopping = true;
	}
	return some || s->stopping;
}

int call_site_open(struct call_site *s, const char *dir, struct err *e)
{
	struct buf problems = BUF_INIT((size_t)1 << 20);
	char *path, *real;
	int rc;

	memset(s, 0, sizeof *s);
	s->stop_fd = -1;
	if (config_find(dir, &s->dir, e) < 0)
		return -1;
	/* absolute, as the packer is told it too */
	real = realpath(s->dir, NULL);
	if (real) {
		free(s->dir);
		s->dir = real;
	}
	/* the packer finds the site as any of our programs does; set here,
	 * before there are threads */
	setenv("DIALSYNC_DIR", s->dir, 1);
	path = fs_join(s->dir, CONFIG_NAME);
	rc = config_read(path, &s->cfg, &problems, e);
	free(path);
	if (problems.n > 0 &&
	    fs_write_all(STDERR_FILENO, problems.p, problems.n, NULL) < 0)
		log_debug("standard error is closed");
	/* with a single wrong line the summary would say the same again */
	if (rc < 0 && problems.n > 0 &&
	    memchr(problems.p, '\n', problems.n - 1) == NULL)
		e->text[0] = '\0';
	buf_free(&problems);
	if (rc < 0 || spool_open(&s->spool, s->dir, e) < 0 ||
	    spool_make_site(&s->spool, e) < 0)
		return -1;
	return call_stop_init(s, e);
}

void call_site_close(struct call_site *s)
{
	if (s->spool.dir)
		spool_close(&s->spool);
	config_free(s->cfg);
	free(s->dir);
}
