/* The link: its interface, frames that came, timers.  See link.h. */
#include "modem/link.h"

#include <stdlib.h>
#include <string.h>

#include "modem/link_p.h"

#define SILENCE_MS 60000
#define FLUSH_MS 3000 /* a frame that stands still for so long is none */
#define RIDES_MS 200 /* such frames carry no hurried ack */
#define SOON_MS 5000
#define BACKOFF_MAX 8
#define UNKNOWN_MS 1000 /* nobody knows what still lies ahead of the line */
#define ANSWER_BYTES 40 /* of a probe and its answer, stuffed */

/* --- rings --- */

void link_ring_write(uint8_t *ring, uint64_t off, const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t at = (size_t)(off % LINK_WINDOW);
		size_t m = LINK_WINDOW - at < n ? LINK_WINDOW - at : n;

		memcpy(ring + at, p, m);
		if (at < LINK_SLACK)
			memcpy(ring + LINK_WINDOW + at, p,
			    m < LINK_SLACK - at ? m : LINK_SLACK - at);
		off += m;
		p += m;
		n -= m;
	}
}

const uint8_t *link_ring_at(const uint8_t *ring, uint64_t off)
{
	return ring + off % LINK_WINDOW;
}

/* --- birth and death --- */

struct link *link_new(const struct link_conf *c, uint64_t now_ms)
{
	struct link *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->conf = *c;
	if (l->conf.silence_ms == 0)
		l->conf.silence_ms = SILENCE_MS;
	l->s.ring = malloc(LINK_WINDOW + LINK_SLACK);
	l->r.ring = malloc(LINK_WINDOW + LINK_SLACK);
	if (l->s.ring == NULL || l->r.ring == NULL) {
		link_free(l);
		return NULL;
	}
	l->now = l->heard = l->byte_at = now_ms;
	l->stuff.mask = c->mask_in;
	wire_reader_init(&l->reader);
	l->s.seq = l->s.handed = LINK_SEQ_FIRST;
	l->s.acked = l->s.settled = LINK_SEQ_FIRST - 1;
	l->r.last_seq = l->c.ack_seq = WIRE_SEQ_MASK;
	l->c.ack_at = l->c.keep_at = l->c.timer_from = now_ms;
	link_pace_init(l);
	link_half_init(l);
	return l;
}

void link_free(struct link *l)
{
	if (l == NULL)
		return;
	free(l->s.ring);
	free(l->r.ring);
	free(l);
}

/* --- frames that came --- */

/* An ack block.  In an answered probe it proves what was lost of all that was
 * sent before the probe; under half duplex it always comes after all that we
 * had sent. */
static void got_ack(struct link *l, const struct wire_frame *f)
{
	const struct link_probe_sent *p = NULL;
	uint64_t before = 0;

	if (f->kind == WIRE_ACK && f->n > 0) {
		for (size_t i = 0; i < l->c.n_probes; i++)
			if (l->c.probe[i].id == f->p[0])
				p = &l->c.probe[i];
	}
	if (p != NULL) {
		before = p->seq;
		link_pace_answered(l, p);
		if (l->c.user_waits &&
		    (uint8_t)(p->id - l->c.user_id) < LINK_PROBES) {
			l->c.user_waits = false;
			l->c.user_answered = true;
		}
	} else if (l->conf.half && !l->h.token) {
		before = l->s.seq;
	}
	link_send_ack(l, &f->ack, before > 0, before);
	if (p != NULL) {
		/* This one and those before it are settled. */
		size_t n = (size_t)(p - l->c.probe) + 1;

		l->c.n_probes -= n;
		memmove(l->c.probe, p + 1, l->c.n_probes * sizeof *p);
	}
}

static void got_frame(struct link *l, const struct wire_frame *f)
{
	l->heard = l->now;
	link_half_came(l, f);
	if (f->has_ack)
		got_ack(l, f);
	switch (f->kind) {
	case WIRE_SHORT:
	case WIRE_SHORT_ACK:
	case WIRE_LONG:
	case WIRE_LONG_ACK:
		link_pace_came(l, f->size);
		link_recv_data(l, f);
		break;
	case WIRE_PROBE:
		if (f->n < 1)
			break;
		l->c.answer = true;
		l->c.answer_id = f->p[0];
		break;
	case WIRE_TURN:
		link_half_got_turn(l, f);
		break;
	case WIRE_ACK:
		break;
	}
}

static void read_frames(struct link *l)
{
	struct wire_frame f;

	while (wire_next(&l->reader, &f))
		got_frame(l, &f);
}

void link_feed(struct link *l, const uint8_t *p, size_t n, uint64_t now_ms)
{
	l->now = now_ms;
	if (n == 0)
		return;
	l->byte_at = now_ms;
	l->stats.wire_in += n;
	link_half_heard(l);
	while (n > 0) {
		size_t room, m;
		uint8_t *to = wire_reader_room(&l->reader, &room);

		m = room < n ? room : n;
		wire_reader_add(&l->reader, stuff_decode(&l->stuff, p, m, to));
		p += m;
		n -= m;
		read_frames(l);
	}
	link_half_tick(l);
}

/* --- timers --- */

uint64_t link_dead_ms(const struct link *l)
{
	uint64_t ms = l->conf.silence_ms, rtt = (uint64_t)l->p.rtt;

	if (ms < 4 * rtt)
		ms = 4 * rtt;
	/* Both may hold their tongue for a turn, and one TURN be lost. */
	if (l->conf.half && ms < 4 * (30000 + rtt))
		ms = 4 * (30000 + rtt);
	return ms;
}

/* Data goes out, and will be acknowledged. */
static bool sends_on(const struct link *l)
{
	return link_send_ready(l) && link_pace_at(l) < l->now + SOON_MS;
}

uint64_t link_timer_at(const struct link *l)
{
	uint64_t wait, frame;

	if (l->conf.half || l->c.probe_due || l->out_at < l->out_n)
		return UINT64_MAX;
	if (!l->c.user_waits && (l->s.una == l->s.nxt || sends_on(l)))
		return UINT64_MAX;
	/* The acknowledgement waits for the frame that is under way there,
	 * and can be read when the one that carries it is whole. */
	frame = link_peer_frame_ms(l);
	wait = (uint64_t)l->p.rtt + 2 * frame + 50;
	if (frame > RIDES_MS)
		wait += LINK_ACK_MS;
	if (l->p.rate > 0)
		wait += (uint64_t)(ANSWER_BYTES / l->p.rate);
	else
		wait += UNKNOWN_MS;
	/* No seldomer than the probes of an idle line. */
	if (wait << l->c.backoff < link_dead_ms(l) / 6)
		wait <<= l->c.backoff;
	else if (wait < link_dead_ms(l) / 6)
		wait = link_dead_ms(l) / 6;
	return l->c.timer_from + wait;
}

static uint64_t flush_at(const struct link *l)
{
	if (!wire_reader_waits(&l->reader))
		return UINT64_MAX;
	return l->byte_at + FLUSH_MS;
}

/* A probe now and then, so that a peer that has gone is noticed. */
static uint64_t keep_at(const struct link *l)
{
	uint64_t at = l->heard > l->c.keep_at ? l->heard : l->c.keep_at;

	if (l->conf.half || l->c.probe_due)
		return UINT64_MAX;
	/* One of the two is enough: the caller's probes and their answers. */
	return at + link_dead_ms(l) / (l->conf.caller ? 6 : 5);
}

void link_tick(struct link *l, uint64_t now_ms)
{
	l->now = now_ms;
	if (flush_at(l) <= now_ms) {
		wire_reader_flush(&l->reader);
		read_frames(l);
	}
	if (link_timer_at(l) <= now_ms) {
		l->c.probe_due = true;
		l->stats.timeouts++;
		if (l->c.backoff < BACKOFF_MAX)
			l->c.backoff++;
	}
	if (keep_at(l) <= now_ms) {
		l->c.probe_due = true;
		l->c.keep_at = now_ms;
	}
	link_half_tick(l);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t link_deadline(const struct link *l)
{
	uint64_t at = l->heard + link_dead_ms(l);

	at = earlier(at, flush_at(l));
	at = earlier(at, link_half_deadline(l));
	/* What the port has not taken yet is asked for by POLLOUT. */
	if (l->out_at < l->out_n || !link_half_may_send(l))
		return at;
	at = earlier(at, keep_at(l));
	at = earlier(at, link_timer_at(l));
	at = earlier(at, link_recv_ack_at(l));
	if (link_send_ready(l) || l->s.open)
		at = earlier(at, link_pace_at(l));
	if (l->s.open)
		at = earlier(at, l->s.chunk_at + LINK_STALL_MS);
	return at;
}

bool link_dead(const struct link *l)
{
	return l->now >= l->heard + link_dead_ms(l);
}

/* --- out --- */

size_t link_out(struct link *l, const uint8_t **p, uint64_t now_ms)
{
	l->now = now_ms;
	if (l->out_at == l->out_n) {
		l->out_at = l->out_n = 0;
		link_send_fill(l);
	}
	*p = l->out + l->out_at;
	return l->out_n - l->out_at;
}

void link_sent(struct link *l, size_t n, uint64_t now_ms)
{
	l->now = now_ms;
	if (n == 0)
		return;
	l->out_at += n;
	l->wire_sent += n;
	l->stats.wire_out += n;
	link_pace_handed(l, n);
	link_send_handed(l, n);
}

/* --- the streams --- */

size_t link_unacked(const struct link *l)
{
	return (size_t)(l->s.end - l->s.una);
}

size_t link_wants(const struct link *l)
{
	uint64_t begun = l->s.open && !l->s.again ? l->s.off + l->s.plan :
	    l->s.nxt;
	size_t unsent = (size_t)(l->s.end - begun);
	size_t room = LINK_WINDOW - link_unacked(l);
	size_t ahead = link_frame_bytes(l);
	double more = 50 * l->p.rate * l->p.gain;

	if (more > 64 << 10)
		more = 64 << 10;
	if (ahead < (size_t)more)
		ahead = (size_t)more;
	if (unsent >= ahead || room < LINK_RECORD)
		return 0;
	if (ahead < LINK_RECORD)
		ahead = LINK_RECORD;
	return room < ahead ? room : ahead;
}

void link_put(struct link *l, const uint8_t *p, size_t n)
{
	struct link_send *s = &l->s;

	if (n == 0 || n > LINK_WINDOW - link_unacked(l))
		return; /* against the contract */
	link_ring_write(s->ring, s->end, p, n);
	s->end += n;
	if (s->bound_n < LINK_BOUNDS)
		s->bound[(s->bound_head + s->bound_n++) % LINK_BOUNDS] =
		    s->end;
}

void link_probe(struct link *l)
{
	l->c.user_waits = true;
	l->c.user_answered = false;
	l->c.user_due = true;
	l->c.probe_due = !l->conf.half; /* there it goes before TURN */
}

bool link_probe_answered(const struct link *l)
{
	return l->c.user_answered;
}

bool link_drained(const struct link *l)
{
	return l->out_at == l->out_n && !l->s.open && !link_send_ready(l) &&
	    !l->c.ack_now && !l->c.answer && !l->c.probe_due;
}

void link_get_stats(const struct link *l, struct link_stats *s)
{
	*s = l->stats;
	s->bad_frames = l->reader.bad;
	s->junk = l->reader.junk;
	s->rate_out = l->p.rate * 1000;
	s->rate_in = l->p.rate_in * 1000;
	s->errors = link_errors(l);
	s->rtt_ms = (uint32_t)l->p.rtt;
	s->stream_in = l->r.taken;
	s->stream_out = l->s.nxt;
}
