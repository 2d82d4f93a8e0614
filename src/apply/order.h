/* What to do with a bundle, from its header and what was applied before: pure.
 * sync.md, "Numbers, acknowledgements, repair". */
#ifndef APPLY_ORDER_H
#define APPLY_ORDER_H

#include "bundle/bundle.h"
#include "store/peer.h"

enum order {
	ORDER_APPLY,      /* the next one, or one that overlaps by a resend */
	ORDER_DUPLICATE,  /* all of it was applied before */
	ORDER_GAP,        /* something before it is missing: wait */
	ORDER_MERGE,      /* of or for an incarnation that has ended: its
			   * changes are merged, nothing else is taken */
	ORDER_FORK,       /* its sender has two pasts, and it goes on from the
			   * one that was not applied here: merged, too, and
			   * the peer is told */
	ORDER_NEW,        /* the peer's new incarnation begins with it */
	ORDER_HOLD        /* why says what is wrong with it */
};

struct order_in {
	const struct bundle_head *head;
	const struct peer *peer;
	const char *site;   /* ours */
	int64_t inc;        /* our incarnation */
	bool ended;         /* head->inc is one that the peer has left */
	bool fresh;         /* head->inc begins with this bundle; the peer's
			     * position is 0 then */
	bool end_known;     /* a bundle with its end was applied before */
};

/* Is it part of a first load that has not begun here?  Then the peer's position
 * counts from 0 again, whatever is decided, unless it is held or merged. */
bool order_load_begins(const struct order_in *);

enum order order_decide(const struct order_in *, char *why, size_t why_n);

#endif
