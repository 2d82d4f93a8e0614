/* Bundles whose clocks are too far ahead of ours: they wait in the inbox until
 * a clock is set.  Private to src/apply. */
#ifndef APPLY_REFUSE_H
#define APPLY_REFUSE_H

#include "apply/far.h"
#include "apply/receive.h"

/* What waits in one peer's inbox, in one run. */
struct refuse {
	int64_t inc;      /* of the bundles that wait; 0: none does */
	int64_t number;   /* the first of them */
	int64_t clock;    /* the one that is too far ahead */
	enum far why;
	int count;        /* all of them, and those that wait behind them */
};

enum refuse_what {
	REFUSE_NO,      /* go on with it */
	REFUSE_WAIT,    /* it stays where it is */
	REFUSE_DROP,    /* the peer has sent anew what was in it */
	REFUSE_HOLD     /* it can never be applied */
};

/* Before a bundle is applied, from its header (receive_peek).  Bundles of an
 * incarnation that has ended were refused for good: the peer's clock came
 * right, and it said in its new incarnation whether it still has all that they
 * bring.  Outside of a transaction.  Writes one where the peer's clock agrees
 * with ours though its changes do not. */
int refuse_look(const struct receive *, struct refuse *, enum refuse_what *,
    struct err *);

/* A change in it was stamped too far ahead (r->far). */
void refuse_change(const struct receive *, struct refuse *);

/* What to tell a person. */
void refuse_text(const struct refuse *, const char *peer, char *out,
    size_t size);

#endif
