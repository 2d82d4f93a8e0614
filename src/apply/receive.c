/* One bundle: header, decision, and its changes in one transaction. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/apply_p.h"
#include "apply/order.h"
#include "apply/receive.h"
#include "base/clock.h"
#include "capture/capture.h"
#include "store/foreign.h"
#include "store/know.h"

static int out_of_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "apply: out of memory");
}

static void work_free(struct apply_work *w)
{
	free(w->origins);
	free(w->adopt);
	free(w->chain);
	free(w->sender_knows);
	free(w->frags);
	free(w->judged);
	free(w->mfrags);
	free(w->row);
	arena_free(&w->arena);
	buf_free(&w->scratch);
}

static bool clocks_ok(const struct bundle_clock *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c[i].clock < -1 || c[i].clock > STORE_CLOCK_MAX)
			return false;
	return true;
}

/* Numbers that no site can have come from damage or malice. */
static int check_head(const struct bundle_head *h, struct err *e)
{
	if (h->clock < 0 || h->clock > STORE_CLOCK_MAX ||
	    !clocks_ok(h->know, h->nknow) || !clocks_ok(h->adopt, h->nadopt))
		return err_set(e, ERR_DATA, "its header has a clock that"
		    " cannot be");
	if (h->number > STORE_SEQ_MAX || h->upto > STORE_SEQ_MAX ||
	    h->ack_upto > STORE_SEQ_MAX || h->inc == 0 ||
	    h->inc > INT64_MAX || h->rinc > INT64_MAX ||
	    h->ack_inc > INT64_MAX)
		return err_set(e, ERR_DATA, "its header has a number that"
		    " cannot be");
	for (size_t i = 0; i < h->norigins; i++)
		if (h->origins[i].inc == 0 || h->origins[i].inc > INT64_MAX)
			return err_set(e, ERR_DATA, "an origin of it cannot"
			    " be");
	return 0;
}

/* The bundle's origins as ours. */
static int map_origins(struct apply_work *w, const struct bundle_head *h,
    struct err *e)
{
	if (store_origin_count(w->s) + (int64_t)h->norigins >
	    BUNDLE_ORIGINS_MAX - 96 && h->norigins > 64)
		return err_set(e, ERR_DATA, "it names %zu origins, more than"
		    " there can be sites", h->norigins);
	w->origins = calloc(h->norigins, sizeof(*w->origins));
	w->adopt = calloc(h->nadopt + 1, sizeof(*w->adopt));
	if (!w->origins || !w->adopt)
		return out_of_memory(e);
	for (size_t i = 0; i < h->norigins; i++)
		if (store_origin(w->s, h->origins[i].site,
			(int64_t)h->origins[i].inc, &w->origins[i], e) < 0)
			return -1;
	w->sender = w->origins[0];
	for (size_t i = 0; i < h->nadopt; i++)
		w->adopt[w->nadopt++] = (struct version){h->adopt[i].clock,
		    w->origins[h->adopt[i].origin]};
	return 0;
}

/* What the sender knew when it packed: told whole, or as what changed since
 * it last told.  Of an incarnation that has ended only what it says itself
 * counts: what was told since is another's. */
static int load_knowledge(struct apply_work *w, const struct bundle_head *h,
    bool whole, struct err *e)
{
	if (peer_view_load(w->s, w->peer, &w->sender_knows, e) < 0)
		return -1;
	w->norigins = store_origin_count(w->s);
	for (int64_t i = 0; whole && i <= w->norigins; i++)
		w->sender_knows[i] = -1;
	for (size_t i = 0; i < h->nknow; i++)
		w->sender_knows[w->origins[h->know[i].origin]] =
		    h->know[i].clock;
	w->sender_knows[w->sender] = h->clock;
	return 0;
}

static int work_init(struct apply_work *w, struct store *s,
    const struct bundle_head *h, struct peer *p, bool whole, struct err *e)
{
	memset(w, 0, sizeof(*w));
	w->s = s;
	w->head = *h;
	w->chain = malloc((h->nchain + 1) * sizeof(*w->chain));
	if (!w->chain)
		return out_of_memory(e);
	for (; w->nchain < h->nchain; w->nchain++)
		w->chain[w->nchain] = h->chain[w->nchain];
	w->peer = p;
	w->base_unknown = h->load && !h->load_all;
	snprintf(w->name, sizeof(w->name), "%s %lld", h->from,
	    (long long)h->number);
	buf_init(&w->scratch, SIZE_MAX);
	w->frags = calloc(FRAGS_MAX, sizeof(*w->frags));
	w->judged = calloc(FRAGS_MAX, sizeof(*w->judged));
	w->mfrags = calloc(FRAGS_MAX, sizeof(*w->mfrags));
	w->row = calloc(TABLE_COLUMNS_MAX, sizeof(*w->row));
	if (!w->frags || !w->judged || !w->mfrags || !w->row)
		return out_of_memory(e);
	return map_origins(w, h, e) < 0 || load_knowledge(w, h, whole, e) < 0 ? -1 : 0;
}

/* ---- the header's consequences */

/* The peer has begun a new incarnation: its numbers begin anew, and what we
 * sent counts from what it says that it has. */
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
	p->began = 0;
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
	if (peer_seen_clear(s, p, e) < 0 || peer_view_clear(s, p, e) < 0 ||
	    peer_told_clear(s, p, e) < 0)
		return -1;
	return 0;
}

/* Is what it acknowledges ours?  1 yes (or it says nothing of this
 * incarnation), 0 no: we never made that tag. */
static int ack_known(struct store *s, const struct peer *p,
    const struct bundle_head *h, struct err *e)
{
	struct peer_sent sent;
	int rc;

	if (!h->has_ack || (int64_t)h->ack_inc != s->inc || h->ack_upto == 0)
		return 1;
	/* older ones may be forgotten: they were acknowledged before */
	if (h->ack_upto < p->acked)
		return 1;
	rc = peer_sent_get(s, p, h->ack_upto, &sent, e);
	return rc < 0 ? -1 : rc == 1 && sent.tag == h->ack_tag;
}

/* Take what it acknowledges, once a bundle: the position that the peer has
 * applied, and its wish for a resend from there. */
static int take_ack(struct store *s, struct peer *p,
    const struct bundle_head *h, const int64_t *sender_knows, int64_t n,
    struct err *e)
{
	if (h->number <= p->ack_number)
		return 0;
	p->ack_number = h->number;
	if (!h->has_ack || (int64_t)h->ack_inc != s->inc)
		return 0;
	if (h->ack_upto > p->acked)
		p->acked = h->ack_upto;
	if (p->loading == PEER_LOAD_ON && h->ack_upto >= p->load) {
		p->loading = PEER_LOAD_NONE;
		p->load_all = false;
		/* it has all rows now */
		if (db_execf(s->db, e, "DELETE FROM dialsync_count WHERE"
			" p = %lld AND there < here", (long long)p->id) < 0)
			return -1;
	}
	if (!h->want || h->ack_upto >= p->mark)
		return 0;
	/* send again from there, what the peer says it lacks: also what it
	 * once gave us and may have lost */
	p->mark = p->scan = h->ack_upto;
	p->tag = h->ack_tag;
	p->back = s->seq;
	p->full = true;
	p->told = -1;
	if (peer_told_clear(s, p, e) < 0 || peer_view_clear(s, p, e) < 0)
		return -1;
	for (int64_t o = 1; o <= n; o++)
		if (sender_knows[o] >= 0 &&
		    peer_view_set(s, p, o, sender_knows[o], e) < 0)
			return -1;
	return 0;
}

/* What the bundle makes known here, its changes being in. */
static int take_knowledge(struct apply_work *w, struct err *e)
{
	int64_t *adopt = malloc((size_t)(w->norigins + 1) * sizeof(*adopt));
	int rc = 0;

	if (!adopt)
		return out_of_memory(e);
	for (int64_t o = 0; o <= w->norigins; o++)
		adopt[o] = KNOW_NOTHING;
	for (size_t i = 0; i < w->nadopt; i++)
		adopt[w->adopt[i].origin] = w->adopt[i].clock;
	for (int64_t o = 1; o <= w->norigins && rc == 0; o++) {
		struct know_take take = {o == w->s->self, w->head.end,
		    w->sender_knows[o], adopt[o]};

		rc = store_know(w->s, o, know_take(&take), e);
		if (rc == 0 && w->sender_knows[o] >= 0)
			rc = peer_view_set(w->s, w->peer, o,
			    w->sender_knows[o], e);
	}
	free(adopt);
	return rc;
}

/* After its changes: what the peer knows, what we may say to know, and how
 * far we are. */
static int take_position(struct apply_work *w, struct err *e)
{
	const struct bundle_head *h = &w->head;
	struct peer *p = w->peer;

	if (take_knowledge(w, e) < 0 || load_end(w, e) < 0)
		return -1;
	p->pos = h->upto;
	p->pos_tag = h->tag;
	p->pos_number = h->number;
	p->want = false;
	p->waiting_for = 0;
	/* enough unanswered ones are worth an acknowledgement alone */
	if (++p->unanswered >= 64)
		p->tell = true;
	/* a resend also stands for the bundles that it repeats */
	for (size_t i = 0; i < w->nchain; i++)
		if (w->chain[i].upto < h->upto && w->chain[i].tag &&
		    peer_seen_add(w->s, p, w->chain[i].upto, w->chain[i].tag,
			e) < 0)
			return -1;
	return h->upto == h->after
	    ? 0
	    : peer_seen_add(w->s, p, h->upto, h->tag, e);
}

/* ---- the reader's callbacks */

/* First look: only the header. */
static int on_peek(void *arg, const struct bundle_head *h, struct err *e)
{
	struct receive *r = arg;

	(void)e;
	r->number = h->number;
	r->head_seen = true;
	return 1;
}

static int no_group(void *arg, struct bundle_group *g, struct err *e)
{
	(void)arg;
	(void)g;
	return err_set(e, ERR_CALLER, "a group before the header");
}

static void ask_resend(struct peer *p, bool again)
{
	if (!p->want || again)
		p->tell = true;
	p->want = true;
}

/* The peer acknowledges a tag that this database never made: it went back to
 * an older state.  From the last state that both know on, it goes on as a new
 * incarnation; the bundle, made for the old one, is then merged and a resend
 * asked for. */
static int went_back(struct receive *r, const struct bundle_head *h,
    struct err *e)
{
	struct peer_sent shared = {0, 0, -1, 0};

	if (peer_sent_shared(r->store, &r->peer, h->acktags, h->nacktags,
		&shared, e) < 0 ||
	    capture_renew(r->store, shared.upto, shared.clock, e) < 0)
		return -1;
	r->renewed = true;
	/* the peer's own entry was changed with all others */
	return peer_load(r->store, r->name, &r->peer, e);
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

/* The decision, inside the transaction. */
static int decide(struct receive *r, const struct bundle_head *h,
    struct err *e)
{
	struct store *s = r->store;
	struct order_in in = {h, &r->peer, s->site, s->inc, false, false};
	int ended = 0, known = 1, seen = 0;
	bool load;

	if (strcmp(h->from, r->peer.name) == 0) {
		ended = peer_ended(s, &r->peer, (int64_t)h->inc, e);
		known = ack_known(s, &r->peer, h, e);
	}
	if (ended < 0 || known < 0)
		return -1;
	/* it knows a later state of ours than we do: we were put back */
	if (known == 0 && went_back(r, h, e) < 0)
		return -1;
	in.inc = s->inc;
	in.ended = ended == 1 && (int64_t)h->inc != r->peer.inc;
	seen = peer_seen_has(s, &r->peer, h->upto, h->tag, e);
	if (seen < 0)
		return -1;
	in.end_known = seen == 1 ||
	    (h->upto == r->peer.pos && h->tag == r->peer.pos_tag);
	load = order_load_begins(&in);
	r->order = order_decide(&in, r->why, sizeof(r->why));
	heard(r);
	r->alarm = strcmp(h->from, r->peer.name) == 0 &&
	    strcmp(h->to, s->site) == 0;
	/* also where its first bundle is missing: a resend is asked of this
	 * incarnation, from its beginning */
	if ((r->order == ORDER_NEW ||
		(r->order == ORDER_GAP && (int64_t)h->inc != r->peer.inc)) &&
	    new_incarnation(s, &r->peer, h, e) < 0)
		return -1;
	/* also where its first bundle is missing: a resend is asked for from
	 * its beginning */
	if (load && (r->order == ORDER_NEW || r->order == ORDER_APPLY ||
			r->order == ORDER_GAP))
		return load_begin(s, &r->peer, h, e);
	return 0;
}

static int on_head(void *arg, const struct bundle_head *h, struct err *e)
{
	struct receive *r = arg;
	bool first_look;

	if (check_head(h, e) < 0 || decide(r, h, e) < 0)
		return -1;
	first_look = h->number > r->peer.ack_number;
	if (r->order == ORDER_HOLD)
		return 1;
	r->number = h->number;
	if (work_init(&r->work, r->store, h, &r->peer,
		h->full || r->order == ORDER_MERGE, e) < 0)
		return -1;
	/* only with a position is it part of the load */
	r->work.naming = h->load_all && r->order != ORDER_MERGE;
	if (r->order != ORDER_MERGE &&
	    take_ack(r->store, &r->peer, h, r->work.sender_knows,
		r->work.norigins, e) < 0)
		return -1;
	switch (r->order) {
	case ORDER_APPLY:
	case ORDER_NEW:
	case ORDER_MERGE:
		return load_head(&r->work, h, e);
	case ORDER_GAP:
		/* an acknowledgement alone has nothing to wait for */
		if (h->after == h->upto)
			r->order = ORDER_DUPLICATE;
		r->peer.waiting_for = r->peer.pos_number + 1;
		/* each bundle that newly waits is a reason to ask again: the
		 * resend that was asked for may be lost, too */
		ask_resend(&r->peer, first_look);
		return 1;
	default:
		return 1;
	}
}

static int on_group(void *arg, struct bundle_group *g, struct err *e)
{
	struct receive *r = arg;

	if (r->on_group)
		r->on_group(r->arg, bundle_group_table(g),
		    bundle_group_rows(g));
	return place_group(&r->work, g, e);
}

static void on_progress(void *arg, int64_t bytes)
{
	struct receive *r = arg;

	if (r->on_bytes)
		r->on_bytes(r->arg, bytes);
}

/* ---- */

int receive_peek(struct receive *r, int fd, bool *cut, struct err *e)
{
	static const struct bundle_ops ops = {on_peek, no_group, NULL};
	int rc;

	r->head_seen = false;
	rc = bundle_read(fd, &ops, r, cut, e);
	return rc < 0 ? -1 : 0;
}

/* A held bundle changes nothing but this: the peer is told what we have of it,
 * with tags, so that it can find out whether it went back. */
static int alarm_peer(struct receive *r, struct err *e)
{
	if (r->peer.inc == 0 || !r->alarm)
		return 0;
	r->peer.told = -1;
	r->peer.tell = true;
	return peer_save(r->store, &r->peer, e);
}

/* The end of the transaction, when the bundle was read to its end. */
static int finish(struct receive *r, struct err *e)
{
	struct apply_work *w = &r->work;

	if (r->order == ORDER_APPLY || r->order == ORDER_NEW ||
	    r->order == ORDER_MERGE) {
		if (late_judge(w, e) < 0 || dangling_scan(w->s, e) < 0 ||
		    (w->head.end && dangling_review(w->s, w->name,
			&w->conflicts, e) < 0) ||
		    resolve_own(w->s, r->cfg, e) < 0)
			return -1;
		if (r->order == ORDER_MERGE)
			ask_resend(&r->peer, false);
		else if (take_position(w, e) < 0)
			return -1;
		r->changes = w->changes;
		r->conflicts = w->conflicts;
		r->held_rows = w->held;
	}
	return peer_save(r->store, &r->peer, e);
}

int receive_bundle(struct receive *r, int fd, bool *cut, struct err *e)
{
	static const struct bundle_ops ops = {on_head, on_group, on_progress};
	int rc;

	r->changes = r->conflicts = r->held_rows = 0;
	memset(&r->work, 0, sizeof(r->work));
	r->ours = true;
	if (capture_fold_begin(r->store, e) < 0)
		return -1;
	rc = peer_load(r->store, r->name, &r->peer, e);
	if (rc == 0) {
		r->ours = false;
		rc = bundle_read(fd, &ops, r, cut, e);
	}
	if (rc < 0)
		store_rollback(r->store);
	if (rc >= 0)
		rc = r->order == ORDER_HOLD ? alarm_peer(r, e) : finish(r, e);
	if (rc >= 0)
		rc = store_commit(r->store, e);
	if (rc < 0)
		store_rollback(r->store);
	work_free(&r->work);
	/* tables or columns that it registered are gone with a rollback */
	if (rc < 0 && tables_load(r->store, NULL) < 0)
		return -1;
	return rc < 0 ? -1 : 0;
}
