/* `dialsync hangup`: ask the dialers that have a call to end it.  They cancel
 * the exchange, keep partials, and say so; one that answers goes on
 * answering. */
#include "config.h"

#include "modem/call_p.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"

#define WAIT_MS 15000

/* Do these states, of a living dialer, mean that it has a call?  "Safe" is
 * said before the last bytes are out, and stays for a while after the call;
 * the result is written when the call is over. */
static bool has_call(const char *state, const char *result)
{
	static const char *const calm[] = {
	    "idle", "listening", "failed", "waiting", NULL};
	static const char *const ending[] = {
	    "safe-to-hang-up", "hanging-up", NULL};
	int i;

	for (i = 0; calm[i]; i++)
		if (strcmp(state, calm[i]) == 0)
			return false;
	for (i = 0; ending[i]; i++)
		if (strcmp(state, ending[i]) == 0)
			return result == NULL;
	return true;
}

/* Is a call under way there, by this process? */
static bool in_call(struct call_site *s, const char *line, long pid)
{
	char *path;
	struct status_map m = {0};
	struct err e = ERR_INIT;
	const char *state;
	bool alive = false, in = false;

	if (spool_lock_owner(&s->spool, SPOOL_LOCK_LINE, line) != pid)
		return false;
	path = fs_format("%s/" SPOOL_STATUS "/dialer.%s", s->dir, line);
	if (status_read(path, &m, &alive, &e) == 0) {
		state = status_map_get(&m, "state");
		in = alive && state != NULL &&
		     has_call(state, status_map_get(&m, "result"));
		status_map_free(&m);
	}
	free(path);
	return in;
}

/* 1: a call was ended, 0: there was none, -1. */
static int end_line(struct call_site *s, const char *line, struct err *e)
{
	long pid = spool_lock_owner(&s->spool, SPOOL_LOCK_LINE, line);
	uint64_t end = clock_ms() + WAIT_MS;
	struct timespec t = {0, 50 * 1000 * 1000};

	if (pid <= 0 || !in_call(s, line, pid))
		return 0;
	if (kill((pid_t)pid, SIGUSR1) < 0)
		return err_set(e, ERR_SYSTEM,
		    "line %s: process %ld cannot be "
		    "told to end its call: %s",
		    line, pid, strerror(errno));
	while (in_call(s, line, pid)) {
		if (clock_ms() > end)
			return err_set(e, ERR_AGAIN,
			    "line %s: process %ld "
			    "still has not ended its call; try again, or end "
			    "the process",
			    line, pid);
		nanosleep(&t, NULL);
	}
	log_info("line %s: the call has ended", line);
	return 1;
}

int call_hangup(
    struct call_site *s, const struct call_options *o, struct err *e)
{
	int ended = 0, rc;
	size_t i;

	if (o->line) {
		if (strcmp(o->line, "stdio") != 0 &&
		    !config_need_line(s->cfg, o->line, e))
			return err_exit_code(e);
		ended = end_line(s, o->line, e);
		if (ended == 0)
			log_info("line %s: no call", o->line);
		return ended < 0 ? err_exit_code(e) : 0;
	}
	for (i = 0; i <= s->cfg->n_lines; i++) {
		rc = end_line(s,
		    i < s->cfg->n_lines ? s->cfg->lines[i].name : "stdio", e);
		if (rc < 0)
			return err_exit_code(e);
		ended += rc;
	}
	if (!ended)
		log_info("no call on any line");
	return 0;
}
