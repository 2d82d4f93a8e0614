/* One bundle from a descriptor into the database.  Private to src/apply. */
#ifndef APPLY_RECEIVE_H
#define APPLY_RECEIVE_H

#include "apply/apply_p.h"
#include "apply/order.h"

struct receive {
	struct store *store;   /* borrowed */
	const struct config *cfg; /* borrowed; may be NULL */
	const char *name;      /* the peer's; borrowed */
	/* for the status; may be NULL */
	void (*on_group)(void *arg, const char *table, int rows);
	void (*on_bytes)(void *arg, int64_t bytes);
	void *arg;
	/* results */
	enum order order;
	char why[300];         /* of ORDER_HOLD */
	int64_t number;        /* as the header says */
	bool head_seen;
	bool ours;             /* a failure is our database's, not its */
	bool alarm;            /* ORDER_HOLD: the peer should know of it */
	bool renewed;          /* this site began a new incarnation */
	int64_t changes, conflicts, held_rows;
	struct peer peer;      /* as committed */
	struct apply_work work;
};

/* Read the header only: is it a bundle at all? */
int receive_peek(struct receive *, int fd, bool *cut, struct err *);

/* Decide and, when its turn has come, merge it: one transaction, committed.
 * Returns 0 with r->order (ORDER_HOLD: nothing merged); -1 with err: ERR_DATA the
 * bundle cannot be used (rolled back), ERR_BUSY, ERR_SYSTEM. */
int receive_bundle(struct receive *, int fd, bool *cut, struct err *);

#endif
