/* The link, what goes out: control first, then what was lost, then new data.
 * Which frame carried which range of the stream last is kept in segments,
 * sorted by offset; all that is known of the peer is how far it has opened,
 * and what was proved to be lost. */
#include <string.h>

#include "modem/link_p.h"

#define FRAME_COST 12
#define SEGS_NEW 3000 /* new data leaves room for splits */

/* --- segments --- */

static struct link_seg *seg_at(struct link_send *s, size_t i)
{
	return &s->seg[s->seg_head + i];
}

/* The first segment that ends behind off. */
static size_t seg_find(struct link_send *s, uint64_t off)
{
	size_t lo = 0, hi = s->seg_n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		const struct link_seg *g = seg_at(s, mid);

		if (g->off + g->n > off)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* Room for one more at the end of the array. */
static bool seg_room(struct link_send *s)
{
	if (s->seg_head + s->seg_n < LINK_SEGS)
		return true;
	if (s->seg_head == 0)
		return false;
	memmove(s->seg, s->seg + s->seg_head, s->seg_n * sizeof *s->seg);
	s->seg_head = 0;
	return true;
}

/* Let a segment begin at off.  Without room it stays whole: then more is sent
 * again than need be, which only a peer that reports nonsense brings about. */
static void seg_split(struct link_send *s, uint64_t off)
{
	size_t i = seg_find(s, off);
	struct link_seg *g;

	if (i == s->seg_n || seg_at(s, i)->off >= off || !seg_room(s))
		return;
	g = seg_at(s, i);
	memmove(g + 1, g, (s->seg_n - i) * sizeof *g);
	s->seg_n++;
	s->n_lost += g->lost;
	g->n = (uint32_t)(off - g->off);
	g[1].n -= g->n;
	g[1].off = off;
}

/* All before una is opened. */
static void seg_drop(struct link_send *s)
{
	while (s->seg_n > 0) {
		struct link_seg *g = seg_at(s, 0);

		if (g->off + g->n > s->una) {
			if (g->off < s->una) {
				g->n -= (uint32_t)(s->una - g->off);
				g->off = s->una;
			}
			return;
		}
		s->n_lost -= g->lost;
		s->seg_head++;
		s->seg_n--;
	}
	s->seg_head = 0;
}

/* The range [off, end) has gone out in frame seq. */
static void seg_sent(struct link_send *s, uint64_t off, uint64_t end,
    uint64_t seq)
{
	size_t i;

	seg_split(s, off);
	seg_split(s, end);
	for (i = seg_find(s, off); i < s->seg_n; i++) {
		struct link_seg *g = seg_at(s, i);

		if (g->off >= end)
			break;
		s->n_lost -= g->lost;
		g->lost = false;
		g->seq = seq;
	}
}

/* When all that was written so far will have left. */
static double gone_when_built(const struct link *l)
{
	double rate = l->p.rate * l->p.gain;
	double at = l->p.gone;

	if (at < (double)l->now)
		at = (double)l->now;
	if (rate > 0)
		at += (double)(l->wire_built - l->wire_sent) / rate;
	return at;
}

/* --- what an acknowledgement proves --- */

/* Parts of [off, end) whose last frame has a number from lo to hi are lost.
 * A run of lost frames counts as one error: no smaller frame would have
 * helped. */
static unsigned seg_lose(struct link_send *s, uint64_t off, uint64_t end,
    uint64_t lo, uint64_t hi)
{
	unsigned errors = 0;
	size_t i = seg_find(s, off);

	/* Splits only where something is lost, and only at the two ends. */
	if (i < s->seg_n && seg_at(s, i)->seq >= lo &&
	    seg_at(s, i)->seq <= hi && !seg_at(s, i)->lost)
		seg_split(s, off);
	for (i = seg_find(s, off); i < s->seg_n; i++) {
		struct link_seg *g = seg_at(s, i);

		if (g->off >= end)
			break;
		if (g->lost || g->seq < lo || g->seq > hi)
			continue;
		if (g->off + g->n > end) {
			seg_split(s, end);
			g = seg_at(s, i);
		}
		g->lost = true;
		s->n_lost++;
		if (g->seq != s->err_seq && g->seq != s->err_seq + 1)
			errors++;
		s->err_seq = g->seq;
	}
	return errors;
}

/* Where the gap lies in our count: from una on.  False: nowhere. */
static bool gap_place(const struct link_send *s, const struct wire_gap *g,
    uint64_t *off, uint64_t *end)
{
	uint64_t rel = (g->off - s->una) & WIRE_OFF_MASK;

	*off = s->una + rel;
	if (*off >= s->nxt)
		return false;
	*end = g->n > 0 ? *off + g->n : s->nxt;
	if (*end > s->nxt)
		*end = s->nxt;
	return true;
}

/* The frames that have arrived or were lost: up to what the peer has seen.
 * False: it claims what was never sent. */
static bool ack_fits(const struct link_send *s, const struct wire_ack *a,
    uint64_t *opened, uint64_t *last)
{
	*opened = s->una + ((a->opened - s->una) & WIRE_OFF_MASK);
	*last = s->acked + ((a->last_seq - s->acked) & WIRE_SEQ_MASK);
	return *opened <= s->nxt && *last < s->seq && *last < s->handed;
}

/* So many frames were lost on end that the peer could not tell the next one
 * from an old one: none of their numbers has arrived, so they are free. */
static void reuse_numbers(struct link *l)
{
	struct link_send *s = &l->s;

	if (s->seq - s->acked < LINK_FLIGHT || s->settled + 1 != s->handed ||
	    s->handed != s->seq || s->open)
		return;
	s->flight[s->acked % LINK_SENT].end = l->wire_sent;
	s->settled = s->acked;
	s->seq = s->handed = s->acked + 1;
	l->c.n_probes = 0;
}

void link_send_ack(struct link *l, const struct wire_ack *a, bool proves,
    uint64_t before)
{
	struct link_send *s = &l->s;
	unsigned errors = 0;
	uint64_t opened, last, off, end;
	bool news;

	if (!ack_fits(s, a, &opened, &last))
		return;
	news = opened != s->una || last != s->acked;
	if (last != s->acked) {
		s->acked = last;
		link_pace_news(l, last, a->stamp);
	}
	s->una = opened;
	seg_drop(s);
	while (s->bound_n > 0 && s->bound[s->bound_head] <= s->una) {
		s->bound_head = (s->bound_head + 1) % LINK_BOUNDS;
		s->bound_n--;
	}
	for (size_t i = 0; i < a->n; i++)
		if (gap_place(s, &a->gap[i], &off, &end))
			errors += seg_lose(s, off, end, 0, s->acked);
	if (s->settled < s->acked)
		s->settled = s->acked;
	if (proves && before > s->acked + 1) {
		errors += seg_lose(s, s->una, s->nxt, s->acked + 1,
		    before - 1);
		if (s->settled < before - 1)
			s->settled = before - 1;
		reuse_numbers(l);
	}
	if (s->settled + 1 == s->seq)
		s->empty_data = s->data;
	if (!a->unopened)
		link_pace_lost(l, errors);
	if (news || errors > 0) {
		l->c.backoff = 0;
		l->c.timer_from = (uint64_t)gone_when_built(l) + 1;
	}
}

/* --- what may go out --- */

static uint64_t in_flight(const struct link_send *s)
{
	return s->seq - 1 - s->acked;
}

bool link_send_ready(const struct link *l)
{
	const struct link_send *s = &l->s;

	if (s->n_lost == 0 && (s->nxt == s->end || s->seg_n >= SEGS_NEW))
		return false;
	return in_flight(s) < LINK_FLIGHT && !link_pace_waits_for_news(l);
}

void link_send_handed(struct link *l, size_t n)
{
	struct link_send *s = &l->s;
	double rate = l->p.rate * l->p.gain;

	while (s->handed < s->seq) {
		struct link_flight *f = &s->flight[s->handed % LINK_SENT];
		double behind = 0;

		if (f->end > l->wire_sent)
			return;
		if (rate > 0)
			behind = (double)(l->wire_sent - f->end) / rate;
		f->gone = l->p.gone - l->p.shift - behind;
		f->hand = (double)l->now;
		f->burst = (double)(n - (l->wire_sent - f->end));
		f->idles = l->p.idles;
		s->handed++;
	}
}

/* --- bytes --- */

/* Three '+' in a row; the bytes in front of a frame never are one. */
static bool has_plus(const uint8_t *p, size_t n)
{
	for (size_t i = 2; i < n; i++)
		if (p[i] == '+' && p[i - 1] == '+' && p[i - 2] == '+')
			return true;
	return false;
}

/* Stuff what lies in tmp. */
static void put_tmp(struct link *l, size_t n)
{
	n = stuff_encode(l->conf.mask_out, l->tmp, n, l->out + l->out_n);
	l->out_n += n;
	l->wire_built += n;
}

/* --- control --- */

static bool ack_has_plus(const struct wire_ack *a)
{
	uint8_t b[WIRE_ACK_MAX];
	size_t n = wire_ack_write(b, a);

	return has_plus(b, n) || b[n - 1] == '+';
}

/* An acknowledgement with no "+++" in it, nor a '+' at its end: gaps may be
 * shorter than they are, what was opened and seen may be what the last one
 * said. */
static void make_ack(struct link *l, struct wire_ack *a, bool tail)
{
	uint64_t opened = l->c.ack_opened;
	uint16_t seq = l->c.ack_seq;

	link_recv_make_ack(l, a, tail);
	for (int i = 0; l->conf.break_plus && ack_has_plus(a); i++) {
		a->stamp++;
		for (size_t k = 0; k < a->n; k++)
			if (a->gap[k].n > 1)
				a->gap[k].n--;
		if (i == 2) {
			a->opened = (uint32_t)(opened & WIRE_OFF_MASK);
			a->last_seq = seq;
			l->c.ack_opened = opened;
		}
		if (i == 300)
			a->n = 0;
	}
	l->c.ack_seq = a->last_seq;
}

static void put_ack(struct link *l)
{
	uint8_t body[WIRE_ACK_MAX + 1];
	struct wire_ack a;
	size_t n, m;

	make_ack(l, &a, l->c.answer || l->conf.half);
	do {
		n = wire_ack_write(body, &a);
		if (l->c.answer)
			body[n++] = l->c.answer_id;
		m = wire_control(l->tmp, WIRE_ACK, body, n);
		a.stamp++;
	} while (l->conf.break_plus && has_plus(l->tmp, m));
	l->c.answer = false;
	put_tmp(l, m);
}

static void put_probe(struct link *l)
{
	struct link_ctl *c = &l->c;
	struct link_probe_sent *p;
	size_t n;

	do {
		c->probe_id++;
		n = wire_control(l->tmp, WIRE_PROBE, &c->probe_id, 1);
	} while (l->conf.break_plus && has_plus(l->tmp, n));
	put_tmp(l, n);
	if (c->n_probes == LINK_PROBES)
		memmove(c->probe, c->probe + 1,
		    --c->n_probes * sizeof *c->probe);
	p = &c->probe[c->n_probes++];
	p->id = c->probe_id;
	p->seq = l->s.seq;
	p->end = l->wire_built;
	p->gone = l->p.rate > 0 && !l->conf.half ? gone_when_built(l) : -1;
	if (c->user_due) {
		c->user_id = c->probe_id;
		c->user_due = false;
	}
	c->probe_due = false;
	l->p.probe_at = l->now;
	l->p.probe_seq = l->s.seq;
	l->p.anchor_probed = true;
	l->c.timer_from = (uint64_t)gone_when_built(l) + 1;
	l->stats.probes++;
}

static void put_turn(struct link *l)
{
	uint8_t body[5];
	size_t n = link_half_turn(l, body), m;

	do {
		m = wire_control(l->tmp, WIRE_TURN, body, n);
		body[n - 1]++;
	} while (l->conf.break_plus && has_plus(l->tmp, m));
	put_tmp(l, m);
}

/* May an acknowledgement wait for the next data frame?  It can be read when
 * that frame is whole. */
static bool data_carries(const struct link *l)
{
	double ms = 200;

	if (!link_send_ready(l) || l->s.open || l->c.answer)
		return false;
	if (!l->c.ack_now)
		return true;
	return l->p.rate > 0 &&
	    (double)link_frame_bytes(l) <= ms * l->p.rate;
}

/* A control frame that is due, one at a time. */
static bool put_control(struct link *l)
{
	if (l->c.answer || (link_recv_ack_due(l) && !data_carries(l)))
		put_ack(l);
	else if (l->c.probe_due && !l->conf.half)
		put_probe(l);
	else
		return false;
	return true;
}

static bool control_presses(const struct link *l)
{
	return l->c.answer || l->c.ack_now || link_half_turn_over(l) ||
	    (l->c.probe_due && !l->conf.half);
}

/* --- data --- */

/* What the next frame should carry: lost ranges first.  Returns its length. */
static size_t choose(struct link *l, uint64_t *off, bool *again)
{
	struct link_send *s = &l->s;
	uint64_t max = link_frame_bytes(l), end, best = 0;
	uint64_t chunk = 64u << link_chunk_step(l);

	*again = s->n_lost > 0;
	if (*again) {
		size_t i = 0;

		while (!seg_at(s, i)->lost)
			i++;
		*off = seg_at(s, i)->off;
		end = *off;
		for (; i < s->seg_n && seg_at(s, i)->lost &&
		    seg_at(s, i)->off == end; i++)
			end += seg_at(s, i)->n;
		/* Without room for a split a segment goes whole. */
		if (s->seg_n == LINK_SEGS)
			max = WIRE_DATA_MAX;
		return (size_t)(end - *off < max ? end - *off : max);
	}
	*off = s->nxt;
	/* The first on an empty line measures the way: in one piece. */
	if (s->settled + 1 == s->seq && l->p.rate > 0 && max > chunk)
		max = chunk;
	end = s->end - s->nxt < max ? s->end : s->nxt + max;
	/* Ends with a record, if that costs little: what is whole can be
	 * used, and a cut of the line costs less. */
	for (size_t i = 0; i < s->bound_n; i++) {
		uint64_t b = s->bound[(s->bound_head + i) % LINK_BOUNDS];

		if (b > end)
			break;
		if (b > *off + max / 8)
			best = b;
	}
	return (size_t)((best > 0 ? best : end) - *off);
}

/* The whole frame is in the buffer: n bytes from off. */
static void frame_done(struct link *l, uint64_t off, size_t n, bool again)
{
	struct link_send *s = &l->s;
	struct link_flight *f = &s->flight[s->seq % LINK_SENT];

	s->data += n + FRAME_COST;
	f->end = l->wire_built;
	f->gone = (double)l->now - l->p.shift;
	if (again) {
		l->stats.again += n;
		seg_sent(s, off, off + n, s->seq);
	} else if (n > 0 && seg_room(s)) {
		*seg_at(s, s->seg_n++) = (struct link_seg){
			.off = off, .n = (uint32_t)n, .seq = s->seq};
		s->nxt = off + n;
	}
	s->seq++;
	s->open = false;
	l->c.timer_from = (uint64_t)gone_when_built(l) + 1;
	link_half_sent(l);
}

/* A short frame in which no "+++" is: n bytes at most, or a number left out,
 * which the peer takes for a lost frame that nobody misses. */
static size_t short_frame(struct link *l, uint64_t off,
    const struct wire_ack *ack, size_t *n)
{
	const uint8_t *p = link_ring_at(l->s.ring, off);
	size_t size;

	for (;;) {
		size = wire_short(l->tmp, (uint16_t)(l->s.seq & WIRE_SEQ_MASK),
		    (uint32_t)(off & WIRE_OFF_MASK), ack, p, *n);
		if (!l->conf.break_plus || !has_plus(l->tmp, size))
			return size;
		for (size_t i = 2; i < *n; i++)
			if (has_plus(p + i - 2, 3))
				*n = i + 1;
		if (--*n == 0) {
			struct link_flight *f =
			    &l->s.flight[l->s.seq++ % LINK_SENT];

			f->end = l->wire_built;
			f->gone = (double)l->now - l->p.shift;
			*n = 1;
		}
	}
}

static bool stalled(const struct link *l)
{
	return l->s.open && l->now >= l->s.chunk_at + LINK_STALL_MS;
}

static void put_chunk(struct link *l)
{
	struct link_send *s = &l->s;
	size_t whole = (size_t)64 << s->frame.step, n, size;
	bool last;

	n = s->plan - s->frame.n < whole ? s->plan - s->frame.n : whole;
	/* Announced, but something else comes first, or the next chunk would
	 * come so late that the peer has given the frame up. */
	if ((control_presses(l) || stalled(l)) && s->frame.n > 0)
		n = 0;
	s->chunk_at = l->now;
	last = s->frame.n + n == s->plan || n < whole;
	size = wire_long_chunk(&s->frame, l->tmp,
	    link_ring_at(s->ring, s->off + s->frame.n), n, last);
	put_tmp(l, size);
	if (last)
		frame_done(l, s->off, s->frame.n, s->again);
}

static void put_frame(struct link *l)
{
	struct link_send *s = &l->s;
	struct wire_ack a, *ack = NULL;
	unsigned step = link_chunk_step(l);
	uint64_t off;
	bool again;
	size_t n = choose(l, &off, &again), room = WIRE_SHORT_MAX;

	if (link_recv_ack_due(l)) {
		make_ack(l, &a, l->conf.half);
		ack = &a;
		room -= 7 + 4 * a.n;
	}
	if (l->conf.break_plus && n > (size_t)64 << step)
		n = (size_t)64 << step;
	if (l->conf.break_plus && n > room)
		n = room;
	if (n <= (size_t)64 << step && n <= room) {
		size_t size = short_frame(l, off, ack, &n);

		put_tmp(l, size);
		frame_done(l, off, n, again);
		return;
	}
	s->open = true;
	s->chunk_at = l->now;
	s->again = again;
	s->off = off;
	s->plan = n;
	put_tmp(l, wire_long_begin(&s->frame, l->tmp, step,
	    (uint16_t)(s->seq & WIRE_SEQ_MASK),
	    (uint32_t)(off & WIRE_OFF_MASK), ack));
	put_chunk(l);
}

/* Fill the buffer with what pace and turn allow now. */
void link_send_fill(struct link *l)
{
	while (l->out_n < LINK_OUT_FILL) {
		if (!link_half_may_send(l))
			return;
		if (l->s.open) {
			/* Half a frame is out: the next chunk, or its end. */
			if (l->p.rate > 0 && link_pace_at(l) > l->now &&
			    !control_presses(l) && !stalled(l))
				return;
			put_chunk(l);
		} else if (link_half_turn_due(l)) {
			if (link_half_wants_probe(l))
				put_probe(l);
			put_turn(l);
		} else if (put_control(l)) {
			continue;
		} else if (link_send_ready(l)) {
			if (link_pace_at(l) > l->now)
				return;
			if (link_pace_wants_probe(l)) {
				l->c.probe_due = true;
				continue;
			}
			put_frame(l);
		} else {
			return;
		}
	}
}
