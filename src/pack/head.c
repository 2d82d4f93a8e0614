/* The header of a bundle: range, tags, knowledge, acknowledgement. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pack/pack_p.h"
#include "store/know.h"

void pack_head_free(struct pack_head *h)
{
	free(h->chain);
	free(h->know);
	free(h->adopt);
	free(h->ends);
	free(h->told);
	memset(h, 0, sizeof(*h));
}

/* Tag of upto: a resend repeats the one that was made first.  A resend also
 * lists the ends of what it covers, so that the receiver can find its own
 * position among them. */
static int make_tags(struct pack_head *h, struct store *s,
    const struct peer *p, struct err *e)
{
	struct peer_sent *sent;
	size_t n;

	if (peer_sent_from(s, p, p->mark, &sent, &n, e) < 0)
		return -1;
	if (h->head.upto > h->head.after)
		h->head.tag = store_random_tag();
	for (size_t i = 0; i < n; i++)
		if (sent[i].upto == h->head.upto &&
		    h->head.upto > h->head.after)
			h->head.tag = sent[i].tag;
	/* only when bundles past the mark were made before */
	if (n > 0 && sent[n - 1].upto > p->mark && n <= BUNDLE_CHAIN_MAX) {
		h->chain = calloc(n, sizeof(*h->chain));
		if (!h->chain) {
			free(sent);
			return err_set(e, ERR_SYSTEM, "pack: out of memory");
		}
		for (size_t i = 0; i < n; i++) {
			h->chain[i].upto = sent[i].upto;
			h->chain[i].tag = sent[i].tag;
		}
		h->head.nchain = n;
		h->head.chain = h->chain;
	}
	free(sent);
	return 0;
}

/* What we have applied of the peer's, when it has moved since we said so (or
 * a resend is wanted).  Some older tags go with it, ever further apart, so
 * that a peer that was put back to a backup finds the last one it shares. */
static int make_ack(struct pack_head *h, struct store *s, const struct peer *p,
    struct err *e)
{
	uint64_t seen[40];
	size_t n, step;

	h->head.rinc = (uint64_t)p->inc;
	if (p->inc == 0 || (p->told == p->pos && !p->want && !p->full))
		return 0;
	h->head.has_ack = true;
	h->head.want = p->want;
	h->head.ack_inc = (uint64_t)p->inc;
	h->head.ack_upto = p->pos;
	h->head.ack_tag = p->pos_tag;
	if (peer_seen_list(s, p, seen, 40, &n, e) < 0)
		return -1;
	for (step = 0; step < n; step = step ? step * 2 : 1)
		if (seen[step] != (uint64_t)p->pos_tag)
			h->acktags[h->head.nacktags++] = seen[step];
	h->head.acktags = h->acktags;
	return 0;
}

int pack_known_take(struct pack_known *k, struct store *s, struct err *e)
{
	int64_t wall = clock_wall();

	k->n = store_origin_count(s);
	k->clocks = malloc((size_t)(k->n + 1) * sizeof(*k->clocks));
	if (!k->clocks)
		return err_set(e, ERR_SYSTEM, "pack: out of memory");
	k->clocks[0] = -1;
	for (int64_t o = 1; o <= k->n; o++)
		k->clocks[o] = store_origin_get(s, o)->known;
	/* From now on this clock is told: changes to come must be later. */
	k->clock = s->last > s->packed ? s->last : s->packed;
	/* The bundle says the time, too, and waits at the peer where that is
	 * far ahead: then it has to show here when the clock comes right, also
	 * if all changes were made before it went ahead. */
	if (wall > k->clock + CLOCK_FAR_S)
		k->clock = wall;
	k->clocks[s->self] = k->clock;
	if (s->packed != k->clock) {
		s->packed = k->clock;
		s->dirty = true;
	}
	return 0;
}

void pack_known_free(struct pack_known *k)
{
	free(k->clocks);
	memset(k, 0, sizeof(*k));
}

/* Knowledge that the peer was not told yet; and what it may adopt with a
 * bundle that is not the last one: nothing that is still to come. */
static int make_knowledge(struct pack_head *h, struct store *s,
    const struct peer *p, struct pack_rows *r, const struct pack_known *k,
    const struct pack_rest *rest, const struct pack_filter *filter,
    struct err *e)
{
	int64_t n = k->n;
	size_t nk = 0, na = 0, ne = 0;

	h->head.full = p->full;
	h->know = calloc((size_t)n + 1, sizeof(*h->know));
	h->adopt = calloc((size_t)n + 1, sizeof(*h->adopt));
	h->ends = calloc((size_t)n + 1, sizeof(*h->ends));
	if (!h->know || !h->adopt || !h->ends)
		return err_set(e, ERR_SYSTEM, "pack: out of memory");
	for (int64_t o = 1; o <= n; o++) {
		const struct origin *origin = store_origin_get(s, o);
		struct know_say say = {k->clocks[o], h->told[o],
		    filter->view[o], pack_rest_least(rest, h->head.upto, o),
		    p->full, h->head.end, false, false, KNOW_NOTHING};
		uint32_t index;

		know_say(&say);
		if (!say.tell && !say.may)
			continue; /* nothing new: the name need not travel */
		if (pack_rows_origin(r, s, o, &index, e) < 0)
			return -1;
		if (index && say.tell)
			h->know[nk++] = (struct bundle_clock){index,
			    say.known};
		if (index && say.tell && origin->ends != STORE_NO_END)
			h->ends[ne++] = (struct bundle_clock){index,
			    origin->ends};
		if (say.may)
			h->adopt[na++] = (struct bundle_clock){index,
			    say.adopt};
	}
	h->head.know = h->know;
	h->head.nknow = nk;
	h->head.ends = h->ends;
	h->head.nends = ne;
	h->head.adopt = h->adopt;
	h->head.nadopt = na;
	return 0;
}

/* A bundle that is part of a first load. */
static int make_load(struct pack_head *h, struct store *s,
    const struct peer *p, struct err *e)
{
	struct bundle_head *b = &h->head;

	b->load = p->load_first;
	b->load_end = p->load;
	b->load_all = p->load_all;
	return store_meta_int(s, STORE_META_FORGOTTEN, 0, &b->forgotten, e);
}

int pack_head_make(struct pack_head *h, struct store *s, const struct peer *p,
    struct pack_rows *r, const struct pack_known *known,
    struct pack_rest *rest, const struct pack_filter *filter,
    const struct pack_counts *counts, struct err *e)
{
	struct bundle_head *b = &h->head;
	bool some = bundle_rows(r->w) > 0 || r->chunks || pack_load_left(p);

	memset(h, 0, sizeof(*h));
	snprintf(b->from, sizeof(b->from), "%s", s->site);
	snprintf(b->to, sizeof(b->to), "%s", p->name);
	b->inc = (uint64_t)s->inc;
	b->number = p->number + 1;
	b->after = p->mark;
	b->prev = (uint32_t)p->tag;
	b->upto = some ? r->upto : p->mark;
	b->end = r->end && some;
	b->wall = clock_wall();
	b->schema = r->schema;
	b->clock = known->clock;
	h->ntold = store_origin_count(s) + 1;
	if (peer_told_load(s, p, &h->told, e) < 0 ||
	    make_tags(h, s, p, e) < 0 || make_ack(h, s, p, e) < 0)
		return -1;
	/* without rows, and without a load, there is nothing that it lacks */
	if (some && !b->end &&
	    pack_rest_update(rest, s, filter, p->mark, INT64_MAX, e) < 0)
		return -1;
	if (make_knowledge(h, s, p, r, known, rest, filter, e) < 0)
		return -1;
	if (pack_load_left(p) && make_load(h, s, p, e) < 0)
		return -1;
	b->counts = counts->list;
	b->ncounts = counts->n;
	b->origins = r->origins;
	b->norigins = r->norigins;
	return 0;
}
