/* One bundle from a descriptor into the database.  Private to src/apply. */
#ifndef APPLY_RECEIVE_H
#define APPLY_RECEIVE_H

#include "apply/apply_p.h"
#include "apply/order.h"

/* The peer begins a new incarnation. */
enum receive_anew {
	ANEW_NO,
	ANEW_RENEWED,  /* it went back, or was moved: it knows its past */
	ANEW_MADE      /* made anew, with nothing of what it had */
};

struct receive {
	struct store *store;   /* borrowed */
	const struct config *cfg; /* borrowed; may be NULL */
	const char *name;      /* the peer's; borrowed */
	/* for the status; may be NULL */
	void (*on_group)(void *arg, const char *table, int rows);
	void (*on_bytes)(void *arg, int64_t bytes);
	void *arg;
	int part_rows;         /* rows of a part; 0: as many as part_ms allow */
	int part_ms;           /* how long a transaction may last */
	/* private to receive.c */
	bool verified;         /* the file was read to its end and is whole */
	bool too_long;         /* it needs parts, and must be verified first */
	bool whole;            /* one transaction, however long */
	int rows;              /* in this part */
	uint64_t begun_ms;     /* when its transaction began */
	uint32_t norigins;     /* for verifying */
	/* results */
	enum order order;
	char why[300];         /* of ORDER_HOLD */
	int64_t number;        /* as the header says */
	int64_t inc, wall, clock; /* ... of the sender */
	int64_t after, upto;
	bool head_seen;
	bool ours;             /* a failure is our database's, not its */
	bool renewed;          /* this site began a new incarnation */
	bool far;              /* ERR_DATA: a change is stamped so far ahead
				* that it waits; far_clock says when */
	int64_t far_clock;
	bool twins;            /* two sites have the peer's name */
	bool other_self;       /* the peer knows us as another; */
	bool renewed_self;     /* ... so we began a new incarnation */
	enum receive_anew anew;
	bool ended;            /* the bundle's incarnation has ended */
	bool first_look;       /* not a file that waited here before */
	int64_t changes, conflicts, held_rows;
	struct peer peer;      /* as committed */
	struct apply_work work;
};

/* Read the header only: is it a bundle at all? */
int receive_peek(struct receive *, int fd, bool *cut, struct err *);

/* Decide and, when its turn has come, merge it: committed, in one transaction
 * or, if that would last too long, in several (doc/MERGE.md, "Large bundles").
 * Returns 0 with r->order (ORDER_HOLD: nothing merged); -1 with err: ERR_DATA the
 * bundle cannot be used (rolled back), ERR_BUSY, ERR_AGAIN something else moved
 * what it depends on, ERR_SYSTEM. */
int receive_bundle(struct receive *, int fd, bool *cut, struct err *);

/* decide.c: what is to be done with it: r->order, r->why, r->ended.  What the
 * header tells of incarnations is taken at once: r->peer, our own. */
int receive_decide(struct receive *, const struct bundle_head *,
    struct err *);

#endif
