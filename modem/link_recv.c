/* The link, what came: bytes in order, holes between them, and when to say
 * so. */
#include <string.h>

#include "modem/link_p.h"

#define QUIET_MS 40
#define OPENED_MAX (LINK_WINDOW / 4) /* opened and not said */

/* --- holes --- */

/* Forget what is behind the last hole: it will be sent again.  Only a line
 * that is past all use, or a peer that means harm, brings us here. */
static void forget_last(struct link_recv *r)
{
	r->high = r->hole[--r->n_holes].off;
	r->tail_open = true;
}

static void hole_insert(struct link_recv *r, size_t i, uint64_t off,
    uint64_t n)
{
	if (r->n_holes == LINK_HOLES) {
		forget_last(r);
		if (i > r->n_holes)
			return;
	}
	memmove(&r->hole[i + 1], &r->hole[i],
	    (r->n_holes - i) * sizeof *r->hole);
	r->hole[i].off = off;
	r->hole[i].n = n;
	r->n_holes++;
}

/* [off, end) has come. */
static void hole_fill(struct link_recv *r, uint64_t off, uint64_t end)
{
	for (size_t i = 0; i < r->n_holes; ) {
		struct link_hole *h = &r->hole[i];
		uint64_t h_end = h->off + h->n;

		if (h_end <= off) {
			i++;
			continue;
		}
		if (h->off >= end)
			return;
		if (h->off < off) {
			h->n = off - h->off;
			if (h_end > end)
				hole_insert(r, i + 1, end, h_end - end);
			i++;
		} else if (h_end > end) {
			h->off = end;
			h->n = h_end - end;
			return;
		} else {
			memmove(h, h + 1, (--r->n_holes - i) * sizeof *h);
		}
	}
}

static uint64_t in_order(const struct link_recv *r)
{
	return r->n_holes > 0 ? r->hole[0].off : r->high;
}

/* --- frames --- */

/* Keep p[0..n) at off, which may lie before what is taken, in part.  Nothing
 * behind the window is kept. */
static void keep(struct link *l, int64_t off, const uint8_t *p, size_t n)
{
	struct link_recv *r = &l->r;
	int64_t skip = (int64_t)r->taken - off;
	uint64_t from, end;

	if (skip > 0) {
		if ((uint64_t)skip >= n)
			return;
		p += skip;
		n -= (size_t)skip;
		off += skip;
	}
	from = (uint64_t)off;
	end = from + n;
	if (n == 0 || end > r->taken + LINK_WINDOW)
		return;
	if (from > r->high) {
		if (r->n_holes == LINK_HOLES) {
			r->tail_open = true;
			return;
		}
		hole_insert(r, r->n_holes, r->high, from - r->high);
		l->c.ack_now = true;
	}
	link_ring_write(r->ring, from, p, n);
	if (end > r->high) {
		r->high = end;
		r->tail_open = false;
	}
	hole_fill(r, from, end);
}

void link_recv_data(struct link *l, const struct wire_frame *f)
{
	struct link_recv *r = &l->r;
	uint32_t rel = (f->off - (uint32_t)r->taken) & WIRE_OFF_MASK;
	int64_t off = (int64_t)r->taken + rel;
	unsigned step = (f->seq - r->last_seq) & WIRE_SEQ_MASK;

	if (rel > WIRE_OFF_MASK / 2)
		off -= (int64_t)WIRE_OFF_MASK + 1;
	if (step > 1 && step <= WIRE_SEQ_MASK / 2) {
		/* Frames were lost, and nothing says which ranges. */
		r->tail_open = true;
		l->c.ack_now = true;
	}
	if (step > 0 && step <= WIRE_SEQ_MASK / 2) {
		r->last_seq = f->seq;
		r->stamp = (uint16_t)(l->now / 4);
	}
	l->c.news = true;
	keep(l, off, f->p, f->n);
}

size_t link_peek(const struct link *l, const uint8_t **p)
{
	uint64_t at = l->r.taken % LINK_WINDOW;
	uint64_t n = in_order(&l->r) - l->r.taken;

	*p = l->r.ring + at;
	if (n > LINK_WINDOW + LINK_SLACK - at)
		n = LINK_WINDOW + LINK_SLACK - at;
	return (size_t)n;
}

void link_take(struct link *l, size_t n)
{
	uint64_t there = in_order(&l->r) - l->r.taken;

	l->r.taken += n < there ? n : there;
	if (n > 0) {
		l->r.rejected = false;
		l->c.news = true;
	}
	if (l->r.taken - l->c.ack_opened >= OPENED_MAX)
		l->c.ack_now = true;
}

void link_reject(struct link *l, size_t n)
{
	struct link_recv *r = &l->r;
	uint64_t there = in_order(r) - r->taken;

	if (n > there)
		n = (size_t)there;
	if (n == 0)
		return;
	r->rejected = true;
	l->c.ack_now = l->c.news = true;
	if (r->taken + n == r->high && r->n_holes == 0) {
		r->high = r->taken;
		r->tail_open = true;
	} else if (r->n_holes > 0 && r->hole[0].off == r->taken + n) {
		r->hole[0].off -= n;
		r->hole[0].n += n;
	} else {
		hole_insert(r, 0, r->taken, n);
	}
}

/* --- acknowledgements --- */

/* How long between two that ride in data: they shall take 0.5 % of the line
 * at most. */
static double ride_ms(const struct link *l)
{
	double ms = LINK_ACK_MS;

	if (l->p.rate > 0 && ms * l->p.rate < 1400)
		ms = 1400 / l->p.rate;
	return ms;
}

bool link_recv_ack_due(const struct link *l)
{
	const struct link_ctl *c = &l->c;

	if (c->ack_now || c->answer)
		return true;
	if (!c->news)
		return false;
	if (c->ack_soft || l->conf.half)
		return true;
	if (link_send_ready(l) || l->s.open)
		return (double)(l->now - c->ack_at) >= ride_ms(l);
	return l->now >= link_recv_ack_at(l);
}

/* When one goes alone, if no data comes to carry it. */
uint64_t link_recv_ack_at(const struct link *l)
{
	uint64_t at, quiet = l->byte_at + QUIET_MS;

	if (l->c.ack_now || l->c.answer)
		return 0;
	if (!l->c.news || link_send_ready(l) || l->s.open)
		return UINT64_MAX;
	at = l->c.ack_at + LINK_ACK_MS;
	/* Nothing more comes: this may be the end. */
	if (!wire_reader_waits(&l->reader) && quiet < at)
		at = quiet;
	return at;
}

void link_recv_make_ack(struct link *l, struct wire_ack *a, bool tail)
{
	struct link_recv *r = &l->r;

	a->opened = (uint32_t)(r->taken & WIRE_OFF_MASK);
	a->last_seq = r->last_seq;
	a->stamp = r->stamp;
	a->unopened = r->rejected;
	a->n = 0;
	for (size_t i = 0; i < r->n_holes; i++) {
		uint64_t off = r->hole[i].off;
		uint64_t end = off + r->hole[i].n;

		while (off < end && a->n < WIRE_GAPS_MAX) {
			uint64_t n = end - off < 4095 ? end - off : 4095;

			a->gap[a->n].off = (uint32_t)(off & WIRE_OFF_MASK);
			a->gap[a->n++].n = (uint16_t)n;
			off += n;
		}
	}
	if ((tail || r->tail_open) && a->n < WIRE_GAPS_MAX) {
		a->gap[a->n].off = (uint32_t)(r->high & WIRE_OFF_MASK);
		a->gap[a->n++].n = 0;
	}
	l->c.ack_now = l->c.ack_soft = l->c.news = false;
	l->c.ack_at = l->now;
	l->c.ack_opened = r->taken;
}
