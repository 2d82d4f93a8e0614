/* What is to be done with a bundle, and what its header alone tells: that this
 * database went back to an older state, or that the peer's did. */
#include "config.h"

#include <string.h>

#include "apply/order.h"
#include "apply/receive.h"
#include "apply/twins.h"
#include "base/clock.h"
#include "capture/capture.h"

/* The peer has begun a new incarnation: its numbers begin anew, and what we
 * sent counts from what it says that it has.  When it is the first that we
 * hear of it, and it never ended another one, what was sent is still on its
 * way. */
static int new_incarnation(struct store *s, struct peer *p,
    const struct bundle_head *h, struct err *e)
{
	bool first = p->inc == 0;

	if (!first && peer_end_inc(s, p, p->inc, e) < 0)
		return -1;
	p->inc = (int64_t)h->inc;
	p->pos = 0;
	p->pos_tag = 0;
	p->told = -1;
	p->ack_number = 0;
	p->ack_wall = 0;
	p->began = 0;
	for (size_t i = 0; i < h->nends; i++)
		first &= strcmp(h->origins[h->ends[i].origin].site,
			     p->name) != 0;
	if (first)
		return 0;
	p->acked = 0;
	p->back = s->seq;
	p->full = true;
	p->scan = p->mark = 0;
	p->tag = 0;
	if (h->has_ack && (int64_t)h->ack_inc == s->inc) {
		p->scan = p->mark = h->ack_upto;
		p->tag = h->ack_tag;
	}
	/* it went back behind a load: what that said is all to be said again,
	 * since much of it looks as if the peer knew it */
	if (p->load && p->mark < p->load && p->loading == PEER_LOAD_NONE)
		p->loading = PEER_LOAD_WANTED;
	return peer_view_clear(s, p, e) < 0 ? -1 : peer_told_clear(s, p, e);
}

/* A peer's new incarnation: does it know the one before it?  Then it went back
 * or was moved; else it was made anew.  What it asked for before is void. */
static int peer_anew(struct receive *r, const struct bundle_head *h,
    int64_t old, struct err *e)
{
	if (old == 0)
		return 0;
	r->anew = ANEW_MADE;
	for (size_t i = 0; i < h->nknow; i++)
		if (strcmp(h->origins[h->know[i].origin].site,
			r->peer.name) == 0)
			r->anew = ANEW_RENEWED;
	r->peer.wish_pos = -1;
	return peer_ended_set_wall(r->store, &r->peer, old, h->wall, e);
}

/* The peer is there.  A fresh first load may have waited for that. */
static void heard(struct receive *r)
{
	if (r->order == ORDER_HOLD)
		return;
	r->peer.heard = clock_wall();
	if (r->peer.loading == PEER_LOAD_LATER)
		r->peer.loading = PEER_LOAD_WANTED;
}

/* Is what it acknowledges ours?  1 yes (or it says nothing of this
 * incarnation), 0 no: we never made that tag. */
static int ack_known(struct store *s, const struct peer *p,
    const struct bundle_head *h, struct err *e)
{
	int rc = 1;

	if (!h->has_ack || (int64_t)h->ack_inc != s->inc)
		return 1;
	for (size_t i = 0; i < h->nacktags && rc == 1; i++)
		rc = peer_sent_made(s, p, h->acktags[i], e);
	/* older ones may be forgotten: they were acknowledged before */
	if (rc == 1 && h->ack_upto > 0 && h->ack_upto >= p->acked)
		rc = peer_sent_made(s, p, h->ack_tag, e);
	return rc;
}

/* Our own incarnation as the header says it to have ended; NULL. */
static const struct bundle_clock *our_end(struct store *s,
    const struct bundle_head *h)
{
	for (size_t i = 0; i < h->nends; i++) {
		const struct bundle_origin *o = &h->origins[h->ends[i].origin];

		if (strcmp(o->site, s->site) == 0 &&
		    (int64_t)o->inc == s->inc)
			return &h->ends[i];
	}
	return NULL;
}

/* The peer knows of changes or of an incarnation of ours that this database
 * does not have: it was put back.  From the last state that both know on, it
 * goes on as a new incarnation; the bundle, made for the old one, is then
 * merged and a resend asked for. */
static int went_back(struct receive *r, const struct bundle_head *h,
    const struct bundle_clock *end, struct err *e)
{
	struct peer_sent shared = {0, 0, -1, 0};
	struct store *s = r->store;

	if (peer_sent_shared(s, &r->peer, h->acktags, h->nacktags, &shared,
		e) < 0)
		return -1;
	if (end && end->clock < shared.clock)
		shared.clock = end->clock;
	if (capture_renew(s, shared.clock, e) < 0)
		return -1;
	r->renewed = true;
	/* the peer's own entry was changed with all others */
	return peer_load(s, r->name, &r->peer, e);
}

/* Did we go back? */
static int check_self(struct receive *r, const struct bundle_head *h,
    struct err *e)
{
	const struct bundle_clock *end = our_end(r->store, h);
	int known = ack_known(r->store, &r->peer, h, e);

	if (known < 0)
		return -1;
	return known == 0 || end ? went_back(r, h, end, e) : 0;
}

/* Incarnations that the header says to have ended, the sender's included. */
static int learn_ends(struct store *s, const struct bundle_head *h,
    struct err *e)
{
	for (size_t i = 0; i < h->nends; i++) {
		const struct bundle_origin *x = &h->origins[h->ends[i].origin];
		int64_t o;

		if (store_origin(s, x->site, (int64_t)x->inc, &o, e) < 0 ||
		    (o != s->self && store_end(s, o, h->ends[i].clock, e) < 0))
			return -1;
	}
	return 0;
}

/* Has the sender's incarnation ended? */
static int has_ended(struct receive *r, const struct bundle_head *h,
    struct err *e)
{
	int64_t o;
	int rc = 0;

	if ((int64_t)h->inc != r->peer.inc)
		rc = peer_ended(r->store, &r->peer, (int64_t)h->inc, e);
	if (rc != 0)
		return rc;
	if (store_origin(r->store, h->from, (int64_t)h->inc, &o, e) < 0)
		return -1;
	return store_origin_get(r->store, o)->ends != STORE_NO_END;
}

/* The sender has two pasts: what they share ends where the bundle goes on. */
static int fork_found(struct receive *r, const struct bundle_head *h,
    struct err *e)
{
	int64_t clock = -1, o;

	if (peer_seen_before(r->store, &r->peer, h->after, h->prev, &clock,
		e) < 0 ||
	    store_origin(r->store, h->from, (int64_t)h->inc, &o, e) < 0)
		return -1;
	return store_end(r->store, o, clock, e) < 0 ? -1 : 0;
}

int receive_decide(struct receive *r, const struct bundle_head *h,
    struct err *e)
{
	struct store *s = r->store;
	struct order_in in = {h, &r->peer, s->site, 0, false, false, false};
	bool ours = strcmp(h->from, r->peer.name) == 0 &&
	    strcmp(h->to, s->site) == 0;
	int64_t old = r->peer.inc;
	bool load;
	int rc;

	r->anew = ANEW_NO;
	r->twins = r->other_self = r->renewed_self = false;
	if (ours) {
		if (check_self(r, h, e) < 0)
			return -1;
		rc = has_ended(r, h, e);
		if (rc < 0)
			return -1;
		in.ended = rc;
		in.fresh = !in.ended && (int64_t)h->inc != r->peer.inc;
		if (twins_look(r, h, in.ended, e) < 0)
			return -1;
		/* whatever it was made for: what we send next is for this
		 * incarnation of the peer, from its beginning */
		if (in.fresh && (new_incarnation(s, &r->peer, h, e) < 0 ||
				    peer_anew(r, h, old, e) < 0))
			return -1;
		if (learn_ends(s, h, e) < 0)
			return -1;
		rc = peer_seen_has(s, &r->peer, h->tag, NULL, e);
		if (rc < 0)
			return -1;
		in.end_known = h->tag && (rc == 1 ||
		    (h->upto == r->peer.pos && h->tag == r->peer.pos_tag));
	}
	/* the state file is written when the bundle is done, and a database
	 * that is ahead of it for long looks as if it were another one's */
	r->whole = r->renewed || r->renewed_self;
	in.inc = s->inc;
	r->ended = in.ended;
	load = order_load_begins(&in);
	r->order = order_decide(&in, r->why, sizeof(r->why));
	heard(r);
	if (r->order == ORDER_FORK)
		return fork_found(r, h, e);
	/* also where its first bundle is missing: a resend is asked for from
	 * its beginning */
	if (load && (r->order == ORDER_NEW || r->order == ORDER_APPLY ||
			r->order == ORDER_GAP))
		return load_begin(s, &r->peer, h, e);
	return 0;
}
