/* Hooks: the commands of [hooks] in dialsync.conf, started at certain moments
 * and then left alone.  Nobody waits for one: a call goes on, and may end,
 * while it runs.
 *
 * A command is run by "sh -c" in the site's directory, in a session of its
 * own, without any of our files: standard input and output are /dev/null,
 * since ours may be the line; standard error stays, unless it may be the line
 * too.  What it is told is in its environment, see hook_names in hook.c and
 * dialsync.conf(5); bytes that came from outside are made safe to print.
 *
 * Errors: ERR_BUSY too many run; ERR_SYSTEM.  They are for a warning: a hook
 * that does not run is no reason to end anything. */
#ifndef HOOK_HOOK_H
#define HOOK_HOOK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "config/config_data.h"

#define HOOKS_MAX 8         /* of one process, at once */
#define HOOK_TIME_MAX_S 600 /* then it is ended */

enum hook_event {
	HOOK_CONNECT, /* a call is connected */
	HOOK_SAFE,    /* you can hang up now */
	HOOK_HANGUP,  /* a call has ended, well or not */
	HOOK_HELD     /* something new is held */
};

/* What a hook is told: NULL or -1 is not known, and empty there. */
struct hook_facts {
	const char *dir, *site; /* known always; dir may be relative */
	const char *peer, *line, *direction, *connect, *phone;
	const char *result, *message;
	int64_t exit_code, seconds;
	int64_t bundles_sent, bundles_received, bytes_sent, bytes_received;
	int64_t held_bundles, held_rows;
};
#define HOOK_FACTS_INIT {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
	NULL, -1, -1, -1, -1, -1, -1, -1, -1}

/* The hooks that a process has started.  HOOKS_INIT, or all zero. */
struct hooks {
	bool line_is_stdio; /* standard error may be the line: silence it */
	int n;
	struct {
		pid_t pid;
		uint64_t start_ms;
	} run[HOOKS_MAX];
};
#define HOOKS_INIT {false, 0, {{0, 0}}}

/* Start what is configured for this event.  1: started, 0: nothing is
 * configured, -1.  Returns at once. */
int hook_run(struct hooks *h, const struct config_hooks *cfg,
    enum hook_event event, const struct hook_facts *f, struct err *e);

/* Forget those that have ended, end those that run for too long.  hook_run()
 * does so first; call it now and then where a process lives for long.  In a
 * forked child of the process forget all: *h = HOOKS_INIT. */
void hook_reap(struct hooks *h);

#endif
