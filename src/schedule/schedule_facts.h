/* What log/calls.log knows of each peer: when it was called well, the tries
 * since, the time used today, and how fast its line was.  Read from the log's
 * end, in bounded memory, and no further than is needed.
 *
 * Errors: ERR_SYSTEM; no log is no error, only no calls. */
#ifndef SCHEDULE_SCHEDULE_FACTS_H
#define SCHEDULE_SCHEDULE_FACTS_H

#include "config/config_data.h"
#include "schedule/estimate.h"
#include "schedule/schedule.h"
#include "spool/call_log.h"
#include "spool/spool.h"

struct schedule_peer {
	const struct config_peer *peer; /* borrowed */
	const struct config_line *line; /* borrowed: the first it is called
	                                   on; NULL: none */
	bool called;                    /* last is the last call with it */
	struct call_record last;
	struct schedule_facts facts;
	struct estimate_calls own;      /* good calls with it on that line */
	struct estimate_calls others;   /* ... with other peers */
	/* private */
	int64_t now, midnight, last_try;
	int looked_at; /* records */
};

/* Begin with what is known without a log. */
void schedule_peer_init(struct schedule_peer *s, const struct config *cfg,
    const struct config_peer *p, int64_t now);

/* A record more of the log, newest first; of whatever peer.  False: no older
 * one is needed for this peer. */
bool schedule_peer_add(struct schedule_peer *s, const struct call_record *r);

/* Of all peers of the configuration, in its order: n = cfg->n_peers. */
int schedule_read(const struct spool *spool, const struct config *cfg,
    int64_t now, struct schedule_peer *all, struct err *e);

/* How long a call for so many bytes will be connected (see estimate.h), by
 * calls with this peer, else with others on the line, else by what the line
 * promises; -1: not known.  *bps (may be NULL): the rate behind it, in bits as
 * the line counts them; 0: not known. */
int64_t schedule_estimate(const struct schedule_peer *s, int64_t to_send,
    int64_t to_receive, int64_t *bps);

/* Lines and numbers to try in turn: all numbers on the first line, then all on
 * the next.  A line without a modem has no number (NULL). */
struct schedule_route {
	const struct config_line *line; /* borrowed, as phone */
	const char *phone;
};
#define SCHEDULE_ROUTES_MAX (CONFIG_LIST_MAX * CONFIG_LIST_MAX)
size_t schedule_routes(const struct config *cfg, const struct config_peer *p,
    struct schedule_route out[SCHEDULE_ROUTES_MAX]);

/* After routes[at] ended with this exit code and (connected) came or did not
 * come to an exchange: the next to try now, or n: no more.  A line that cannot
 * dial (69) is not tried with another number. */
size_t schedule_next_route(const struct schedule_route *routes, size_t n,
    size_t at, int exit_code, bool connected);

#endif
