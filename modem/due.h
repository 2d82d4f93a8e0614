/* What stands before a call: is it allowed now, by which lines and numbers,
 * for how long at most, and what may be said of it; and "call --due", which
 * asks this for every peer.  The rules are schedule.h's; here they meet the
 * configuration, the spool and the clock.
 *
 * Errors: ERR_AGAIN not now, with why and what to do; ERR_SYSTEM. */
#ifndef MODEM_DUE_H
#define MODEM_DUE_H

#include "config/config_data.h"
#include "schedule/estimate.h"
#include "schedule/schedule.h"
#include "schedule/schedule_facts.h"
#include "spool/spool.h"

struct due_call {
	const struct config_peer *peer; /* borrowed */
	struct schedule_route route[SCHEDULE_ROUTES_MAX]; /* in turn */
	size_t n_routes;   /* 0: a line must be named */
	int64_t try;       /* for the call log: of all routes of this call */
	struct schedule_facts facts; /* for schedule_limit(), once connected */
	int64_t estimate_s, bps; /* -1, 0: not known */
	char about[ESTIMATE_TEXT]; /* "about 40 s for 3 bundles at 28.8k", of
	                              what is ready; "": not known */
};

/* May this peer be called now?  0 and *out; -1 with ERR_AGAIN, "hub: outside
 * of its hours; next at ...; add --urgent to call now". */
int due_prepare(const struct spool *s, const struct config *cfg,
    const struct config_peer *p, enum schedule_how how, struct due_call *out,
    struct err *e);

/* Makes one call, and returns its exit code; less than 0: stop, nothing more is
 * to be called.  A failure that came before there was anything for the call log
 * and that nobody was told of yet is in e, as with call_place(). */
typedef int due_fn(void *arg, const struct due_call *call, struct err *e);

/* Call every peer whose time has come, one after the other, in the order of
 * dialsync.conf; whether the next is due is asked when it is its turn.  Returns
 * the exit code of all (contract, "Exit codes"); 0 where nothing is due; -1
 * with e.
 *
 * What is in a call's e is told, and noted in the call log as a try, or the
 * same would be tried every five minutes; but not that another call with the
 * peer is under way (ERR_BUSY), which is as good as one of ours. */
int due_call_all(const struct spool *s, const struct config *cfg,
    due_fn *call, void *arg, struct err *e);

/* After a call that failed and is in the log: "next try at 2026-11-23 22:05"
 * for the message and the status; "" where the clock calls nobody, or nothing
 * is known.  Returns out. */
#define DUE_NEXT_TEXT 64
const char *due_next_try(const struct spool *s, const struct config *cfg,
    const struct config_peer *p, char out[DUE_NEXT_TEXT]);

#endif
