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

static enum order hold(char *why, size_t n, const char *text)
{
	snprintf(why, n, "%s", text);
	return ORDER_HOLD;
}

bool order_load_begins(const struct order_in *in)
{
	bool fresh = (int64_t)in->head->inc != in->peer->inc;

	return in->head->load > (fresh ? 0 : in->peer->began);
}

enum order order_decide(const struct order_in *in, char *why, size_t n)
{
	const struct bundle_head *h = in->head;
	const struct peer *p = in->peer;
	bool fresh = (int64_t)h->inc != p->inc;
	bool load = order_load_begins(in);
	int64_t pos = fresh || load ? 0 : p->pos;

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
	if (in->ended)
		return ORDER_MERGE;
	if (h->rinc && (int64_t)h->rinc != in->inc)
		return ORDER_MERGE;
	/* whatever it brings, the load that began since brings, too */
	if (!fresh && h->number < p->began)
		return ORDER_DUPLICATE;
	if (h->after > pos)
		return ORDER_GAP;
	if (fresh)
		return ORDER_NEW; /* also without changes: it announces it */
	if (load)
		return ORDER_APPLY;
	/* an end seen before, or a resend of a history that has our position */
	if (h->upto <= pos && (h->after == h->upto || in->end_known ||
				  chain_has(h, pos, p->pos_tag)))
		return ORDER_DUPLICATE;
	if (h->upto <= pos)
		return hold(why, n, "it ends at a state of the peer that was"
		    " never applied here: was an older backup put back there,"
		    " or are there two sites of that name? The peer is told"
		    " and will say anew what it has");
	if (pos > 0 && !chain_has(h, pos, p->pos_tag))
		return hold(why, n, "it goes on from a state of the peer that"
		    " was never applied here: was an older backup put back"
		    " there, or are there two sites of that name? The peer is"
		    " told and will say anew what it has");
	return ORDER_APPLY;
}
