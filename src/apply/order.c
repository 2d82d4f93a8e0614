#include "config.h"

#include "apply/order.h"

#include <stdio.h>
#include <string.h>

/* Is our position among the ends that it lists? */
static bool chain_has(const struct bundle_head *h, int64_t pos, uint64_t tag)
{
	for (size_t i = 0; i < h->nchain; i++)
		if (h->chain[i].upto == pos)
			return h->chain[i].tag == tag;
	return pos == h->after && h->prev == (uint32_t)tag;
}

bool order_load_begins(const struct order_in *in)
{
	return in->head->load > (in->fresh ? 0 : in->peer->began);
}

enum order order_decide(const struct order_in *in, char *why, size_t n)
{
	const struct bundle_head *h = in->head;
	const struct peer *p = in->peer;
	bool load = order_load_begins(in);
	int64_t pos = in->fresh || load ? 0 : p->pos;

	why[0] = '\0';
	if (strcmp(h->from, p->name) != 0) {
		snprintf(why, n, "it is from %s, not from %s", h->from,
		    p->name);
		return ORDER_HOLD;
	}
	if (strcmp(h->to, in->site) != 0) {
		snprintf(why, n, "it is for %s, and this site is %s", h->to,
		    in->site);
		return ORDER_HOLD;
	}
	if (in->ended || (h->rinc && (int64_t)h->rinc != in->inc))
		return ORDER_MERGE;
	/* whatever it brings, the load that began since brings, too */
	if (!in->fresh && h->number < p->began)
		return ORDER_DUPLICATE;
	if (h->after > pos)
		return ORDER_GAP;
	if (in->fresh)
		return ORDER_NEW; /* also without changes: it announces it */
	if (load)
		return ORDER_APPLY;
	/* an end seen before, or a resend of a history that has our position */
	if (h->upto <= pos &&
	    (h->after == h->upto || in->end_known ||
		chain_has(h, pos, p->pos_tag)))
		return ORDER_DUPLICATE;
	if (h->upto <= pos ||
	    (pos > 0 && !chain_has(h, pos, p->pos_tag)))
		return ORDER_FORK;
	return ORDER_APPLY;
}
