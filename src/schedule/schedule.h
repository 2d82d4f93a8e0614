/* When a peer is to be called: from what dialsync.conf says of it (every,
 * hours, retry, budget), what the log of calls knows of it, and the time.
 * Pure but for the time zone (TZ): no file, no clock; so the dialer, which
 * calls, and the status, which only says when, cannot differ.
 *
 * The rules, all of which must allow a call:
 *	every   so long after the last good call in either direction began;
 *	        none yet: at once.  Up to a minute early, or a timer that runs
 *	        every few minutes would be later each day.
 *	hours   local time.  A call may last longer than they do.
 *	retry   after the n-th failed call of ours in this window, the n-th
 *	        wait; after the last, or a failure that trying again does not
 *	        mend (64, 76, 77, 78, a modem that refuses the number), the next
 *	        window: networks blacklist numbers that are redialled blindly.
 *	        A window is one item of hours on one day.  Where every hour is
 *	        open there is none: then it is "every" after the last try.
 *	budget  seconds that calls of ours were connected since local midnight;
 *	        of one over midnight, the part after it.  A call begins only
 *	        with a minute left, and is to be ended when nothing is.
 * By hand (dialsync call PEER) hours and budget hold; urgent, the budget. */
#ifndef SCHEDULE_SCHEDULE_H
#define SCHEDULE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config_data.h"

#define SCHEDULE_NONE INT64_MIN                  /* not known; never */
#define SCHEDULE_TRIED_MAX (CONFIG_LIST_MAX + 1) /* more add nothing */

enum schedule_how { SCHEDULE_BY_CLOCK, SCHEDULE_BY_HAND, SCHEDULE_URGENT };

/* Why not now: the first rule that does not allow it. */
enum schedule_why {
	SCHEDULE_DUE,    /* now */
	SCHEDULE_NEVER,  /* every = 0, or no hour is open */
	SCHEDULE_EVERY,
	SCHEDULE_HOURS,
	SCHEDULE_RETRY,
	SCHEDULE_WINDOW, /* the tries of this window are used up */
	SCHEDULE_BUDGET
};

/* What the log of calls knows of a peer; see schedule_facts.h.  Wall
 * seconds. */
struct schedule_facts {
	int64_t last_good; /* when the last good call began */
	int64_t tries;     /* calls of ours that failed since then */
	int64_t tried[SCHEDULE_TRIED_MAX]; /* when they began, newest first */
	size_t n_tried;
	bool hopeless;     /* the newest of them: see retry */
	int64_t used;      /* seconds connected since local midnight */
};

struct schedule_answer {
	bool due;
	enum schedule_why why;
	int64_t next;    /* when; `now` if due; SCHEDULE_NONE: never */
	int64_t limit_s; /* due: schedule_limit() now */
};

void schedule_ask(const struct config_peer *p, const struct schedule_facts *f,
    enum schedule_how how, int64_t now, struct schedule_answer *out);

/* After how many seconds a call that is connected at this time is to be ended
 * (max-call; what is left of the budget, today's, and tomorrow's too for one
 * that is still there at midnight); 0: no limit.  Ask when it is connected:
 * dialing takes time that does not count. */
int64_t schedule_limit(const struct config_peer *p,
    const struct schedule_facts *f, int64_t now);

/* Why not now, as a sentence without the peer's name: "outside of its hours;
 * next at 2026-11-23 22:00", "hours and retry waits ... add --urgent".
 * Returns out. */
#define SCHEDULE_TEXT 240
const char *schedule_text(const struct schedule_answer *a,
    enum schedule_how how, char out[SCHEDULE_TEXT]);

/* When the local day of this time began, and when the next one does; also
 * where clocks are set at midnight. */
int64_t schedule_day_start(int64_t t);
int64_t schedule_day_end(int64_t t);

#endif
