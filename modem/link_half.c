/* The link under half duplex: one token.  Its holder sends data and
 * acknowledgements, then TURN; without it nothing is sent at all.  A TURN that
 * was lost is made up for by time: the caller takes the token after the
 * longest turn and a round trip, the answerer after twice that, so that they
 * do not take it both.  Turns have numbers: when they did take it both, or one
 * too early, the TURN with the greater number counts. */
#include "modem/link_p.h"

#define TURN_FIRST_MS 5000
#define TURN_MIN_MS 2000
#define TURN_MAX_MS 30000
#define HOLD_MS 200       /* an empty turn waits for its user */
#define HOLD_MORE_MS 100  /* after the last data of a turn */
#define HOLD_MAX_MS 8000
#define LATE_MS 2000       /* the last chunk, TURN itself */
#define TRIP_MAX_MS 120000.0
#define SLOWEST 30        /* bytes a second */

static void begin_turn(struct link *l)
{
	struct link_half *h = &l->h;
	unsigned idle = h->empty < 6 ? h->empty : 6;
	uint32_t hold = HOLD_MS << idle;

	h->token = true;
	h->sent = false;
	h->idles = l->p.idles;
	h->turn_end = l->now + h->mine_ms;
	h->hold_until = l->now + (hold < HOLD_MAX_MS ? hold : HOLD_MAX_MS);
	h->take_at = UINT64_MAX;
}

/* Their turn begins, when what we sent has left. */
static void end_turn(struct link *l)
{
	struct link_half *h = &l->h;
	uint64_t wait = h->yours_ms + (uint64_t)l->p.rtt + LATE_MS;
	uint64_t from = l->p.gone > (double)l->now ? (uint64_t)l->p.gone :
	    l->now;

	/* Not known yet how fast it leaves: as slow as it can be. */
	if (l->p.rate == 0)
		from += (l->wire_built - h->built) * 1000 / SLOWEST;
	h->built = l->wire_built;
	/* The first chunk always finds the line idle. */
	h->busy = l->p.idles - h->idles <= 1;
	h->token = false;
	if (h->wait_from == 0)
		h->wait_from = l->now;
	h->first_at = h->got_at = 0;
	h->bad = l->reader.bad + l->reader.junk;
	h->take_at = from + (l->conf.caller ? wait : 2 * wait);
	h->take_last = h->take_at + h->yours_ms;
}

void link_half_init(struct link *l)
{
	l->h.mine_ms = l->h.yours_ms = TURN_FIRST_MS;
	l->h.take_at = UINT64_MAX;
	if (!l->conf.half)
		return;
	if (l->conf.caller)
		begin_turn(l);
	else
		end_turn(l);
}

bool link_half_may_send(const struct link *l)
{
	return !l->conf.half || l->h.token;
}

/* Nothing to send, or nothing that may be sent in this turn. */
static bool nothing(const struct link *l)
{
	return !link_send_ready(l) && !l->s.open;
}

bool link_half_turn_over(const struct link *l)
{
	return l->conf.half && l->h.token && l->now >= l->h.turn_end;
}

bool link_half_turn_due(const struct link *l)
{
	const struct link_half *h = &l->h;

	if (!l->conf.half || !h->token || l->s.open)
		return false;
	if (link_half_turn_over(l))
		return true;
	/* What they sent is answered in each turn. */
	return nothing(l) && !link_recv_ack_due(l) &&
	    l->now >= h->hold_until;
}

/* What we sent before is still not acknowledged, or the user asks. */
bool link_half_wants_probe(const struct link *l)
{
	return l->c.user_due || (l->s.una < l->s.nxt && !l->h.sent);
}

size_t link_half_turn(struct link *l, uint8_t body[5])
{
	struct link_half *h = &l->h;
	unsigned tenths, rate = 0;

	h->empty = h->sent ? 0 : h->empty + 1;
	/* The next odd number is the caller's, the next even one the
	 * answerer's. */
	h->number++;
	if ((h->number & 1) != l->conf.caller)
		h->number++;
	tenths = h->yours_ms / 100;
	if (h->rate_in > 0)
		rate = h->rate_in < 65535 ? (unsigned)h->rate_in : 65535;
	body[0] = (uint8_t)(tenths >> 8);
	body[1] = (uint8_t)tenths;
	body[2] = h->number;
	body[3] = (uint8_t)(rate >> 8);
	body[4] = (uint8_t)rate;
	end_turn(l);
	return 5;
}

/* How long they may send next: longer, if nothing was damaged. */
static void judge(struct link *l)
{
	struct link_half *h = &l->h;

	if (l->reader.bad + l->reader.junk > h->bad || l->r.n_holes > 0 ||
	    l->r.tail_open)
		h->yours_ms /= 2;
	else if (h->got_at != 0)
		h->yours_ms *= 2;
	if (h->yours_ms < TURN_MIN_MS)
		h->yours_ms = TURN_MIN_MS;
	if (h->yours_ms > TURN_MAX_MS)
		h->yours_ms = TURN_MAX_MS;
}

/* From the end of our turn to the first frame of theirs, if that was not after
 * we had taken the token: never less than the round trip. */
static void measure_trip(struct link *l)
{
	struct link_half *h = &l->h;
	double ms = (double)(h->first_at - h->wait_from);

	if (h->takes == 0 && (l->p.rtt == 0 || ms < l->p.rtt))
		l->p.rtt = ms < TRIP_MAX_MS ? ms : TRIP_MAX_MS;
	h->wait_from = 0;
	h->takes = 0;
}

/* It was under way when we took the token: we did not wait for long enough. */
static void got_old_turn(struct link *l)
{
	struct link_half *h = &l->h;
	double ms = (double)(l->now - h->wait_from);

	if (h->takes > 0 && ms > l->p.rtt)
		l->p.rtt = ms < TRIP_MAX_MS ? ms : TRIP_MAX_MS;
}

void link_half_got_turn(struct link *l, const struct wire_frame *f)
{
	struct link_half *h = &l->h;
	uint32_t ms;

	if (!l->conf.half || f->n < 5)
		return;
	if ((uint8_t)(f->p[2] - h->number) - 1u >= 0x7F) {
		got_old_turn(l);
		return;
	}
	h->number = f->p[2];
	if (h->token)
		return;
	measure_trip(l);
	ms = ((uint32_t)f->p[0] << 8 | f->p[1]) * 100;
	if (ms < TURN_MIN_MS)
		ms = TURN_MIN_MS;
	h->mine_ms = ms < TURN_MAX_MS ? ms : TURN_MAX_MS;
	link_pace_told(l, (double)((unsigned)f->p[3] << 8 | f->p[4]),
	    h->busy);
	judge(l);
	/* Damaged or not: they are told what came of it. */
	if (l->reader.bad + l->reader.junk > h->bad)
		l->c.ack_now = true;
	begin_turn(l);
}

/* Bytes in their turn: it is not over, but noise shall not hold us for ever. */
void link_half_heard(struct link *l)
{
	struct link_half *h = &l->h;
	uint64_t at = l->now + (uint64_t)l->p.rtt + LATE_MS;

	if (!l->conf.half || h->token)
		return;
	if (at > h->take_last)
		at = h->take_last;
	if (h->take_at < at)
		h->take_at = at;
}

/* A good frame in their turn: measure. */
void link_half_came(struct link *l, const struct wire_frame *f)
{
	struct link_half *h = &l->h;

	if (!l->conf.half || h->token)
		return;
	if (h->first_at == 0)
		h->first_at = l->now;
	if (f->kind > WIRE_LONG_ACK)
		return;
	h->empty = 0;
	if (h->got_at == 0) {
		h->got_at = l->now;
		h->got_bytes = l->stats.wire_in;
	} else if (l->now - h->got_at >= 500) {
		h->rate_in = (double)(l->stats.wire_in - h->got_bytes) * 1000 /
		    (double)(l->now - h->got_at);
	}
}

void link_half_tick(struct link *l)
{
	struct link_half *h = &l->h;

	if (l->conf.half && !h->token && l->now >= h->take_at) {
		l->stats.timeouts++;
		l->c.ack_now = true;
		h->takes++;
		begin_turn(l);
	}
}

/* Data keeps the turn for a little longer: more may come of it. */
void link_half_sent(struct link *l)
{
	struct link_half *h = &l->h;

	h->sent = true;
	if (h->hold_until < l->now + HOLD_MORE_MS)
		h->hold_until = l->now + HOLD_MORE_MS;
}

uint64_t link_half_deadline(const struct link *l)
{
	const struct link_half *h = &l->h;
	uint64_t at = h->take_at;

	if (!l->conf.half)
		return UINT64_MAX;
	if (h->token)
		at = nothing(l) && h->hold_until < h->turn_end ?
		    h->hold_until : h->turn_end;
	return at;
}
