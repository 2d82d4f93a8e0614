/* The link, how fast and in what pieces.  Nothing that the system says tells
 * what waits between us and the wire; the only measure is what the peer says
 * has arrived, and when (its clock).  So a model is kept of when each frame
 * will have left, corrected with each acknowledgement; the next chunk is begun
 * when the model has LEAD_MS left.  doc/EXCHANGE.md, Pace. */
#include <math.h>
#include <string.h>

#include "modem/link_p.h"

#define LEAD_MS 100.0
#define START_MIN 600    /* bytes; and 5 for each ms of the round trip */
#define START_MAX 2048
#define OPEN_MAX 2048
#define GAIN_STEADY 1.05  /* to keep the line busy, and notice a faster one */
#define GAIN_TRY 1.25
#define GAIN_MAX 2.0
#define QUEUE_MS 250.0
#define NEWS_MS 1000.0    /* longer than expected without news: wait */
#define CHUNK_MS 160.0
#define CHUNK_SLOW_MS 1200.0
#define FRAME_MS 8800.0
#define FRAME_MIN 128
#define RATE_LOW 0.03     /* 300 bps; below that half of it */
#define ANCHOR_MS 30000
#define OVERHEAD 12.0
/* Errors: as if ERR_BYTES had gone before, with so many errors that the best
 * frame has 1 KB; it reaches 4 KB after 50 KB without one. */
#define ERR_BYTES 3333.0
#define ERR_FRESH (OVERHEAD / (1024.0 * 1024.0))
#define ERR_KNOWN_BYTES 20000.0
#define ERR_DECAY 300000.0
#define RTT_MAX 120000.0

void link_pace_init(struct link *l)
{
	struct link_pace *p = &l->p;
	double max = l->conf.rate_max / 1000;

	p->rate = l->conf.rate / 1000;
	if (max > 0 && p->rate > max)
		p->rate = max;
	if (!(p->rate >= 0))
		p->rate = 0;
	p->gain = GAIN_STEADY;
	p->gone = (double)l->now;
	p->rtt = l->conf.rtt_ms;
	if (p->rtt > RTT_MAX)
		p->rtt = RTT_MAX;
	p->allow = START_MIN + (size_t)(5 * p->rtt);
	if (p->allow > START_MAX)
		p->allow = START_MAX;
	if (l->conf.half)
		p->allow = START_MIN;
	p->err_bytes = l->conf.errors > 0 ? ERR_KNOWN_BYTES : ERR_BYTES;
	p->err_n = p->err_bytes *
	    (l->conf.errors > 0 ? l->conf.errors : ERR_FRESH);
}

/* --- the model --- */

static double speed(const struct link_pace *p)
{
	return p->rate * p->gain;
}

/* How long the way is, given the rate. */
static void set_base(struct link_pace *p)
{
	double base;

	if (!p->anchored || p->rate == 0)
		return;
	base = p->anchor_way - p->anchor_n / p->rate;
	/* Once it was found too low it only rises. */
	if (!p->raised || base > p->base)
		p->base = base;
}

/* Whatever the peer's stamps say, the line does not stand still. */
static void set_rate(struct link *l, double rate)
{
	double max = l->conf.rate_max / 1000;

	if (rate < 0.001)
		rate = 0.001;
	if (max > 0 && rate > max)
		rate = max;
	l->p.rate = rate;
	set_base(&l->p);
}

/* So much is handed out ahead; to find out whether the line is faster, once, one
 * short frame. */
static double lead_ms(const struct link_pace *p)
{
	double ms = LEAD_MS + FRAME_MIN / speed(p);

	if (!p->push)
		return LEAD_MS;
	return ms > QUEUE_MS ? ms : QUEUE_MS;
}

void link_pace_handed(struct link *l, size_t n)
{
	struct link_pace *p = &l->p;
	double now = (double)l->now;
	bool empty = p->gone <= now && l->s.settled + 1 == l->s.handed;

	/* No pause of ours is one in which the port took no more. */
	if (p->gone + 5 < now && (p->rate > 0 || !p->pressed))
		p->idles++;
	p->pressed = l->out_at < l->out_n;
	if (empty && (p->rate > 0 || !p->anchor_waits)) {
		p->anchor_waits = true;
		p->anchor_from = now;
		p->anchor_start = l->wire_sent - n;
		p->anchor_seq = l->s.handed;
		p->anchor_probed = false;
	}
	if (p->gone < now)
		p->gone = now;
	if (p->rate > 0)
		p->gone += (double)n / speed(p);
	if (p->push && p->gone >= now + lead_ms(p)) {
		p->push = false;
		p->push_seq = l->s.handed;
	}
}

/* The frame that found the line empty, handed out in one piece, has arrived:
 * that is how long the way is. */
static void anchor(struct link *l, const struct link_flight *f)
{
	struct link_pace *p = &l->p;
	double way = p->stamp - p->anchor_from;
	double n = (double)(f->end - p->anchor_start);

	if (!p->anchor_waits)
		return;
	p->anchor_waits = false;
	if (f->hand > p->anchor_from + 2)
		return;
	if (p->anchored && l->now - p->anchor_age < ANCHOR_MS &&
	    (p->rate == 0 || way - n / p->rate > p->base))
		return;
	p->anchored = true;
	p->anchor_age = l->now;
	p->anchor_way = way;
	p->anchor_n = n;
	p->raised = false;
	set_base(p);
}

/* What was built and what waits in the buffer. */
static double gone_with_buffer(const struct link *l)
{
	double at = l->p.gone;

	if (at < (double)l->now)
		at = (double)l->now;
	return at + (double)(l->wire_built - l->wire_sent) / speed(&l->p);
}

uint64_t link_pace_at(const struct link *l)
{
	const struct link_send *s = &l->s;
	double at;

	if (l->p.rate == 0) {
		/* All at once, then nothing until all of it is settled: single
		 * frames would never show the rate. */
		return s->data - s->empty_data < l->p.allow ? l->now :
		    UINT64_MAX;
	}
	at = gone_with_buffer(l) - lead_ms(&l->p);
	return at <= (double)l->now ? l->now : (uint64_t)ceil(at);
}

/* How long the peer's acknowledgement may take from when a frame has left. */
static double news_ms(const struct link *l)
{
	double ms = LINK_ACK_MS;

	if (l->p.rate_in > 0 && 1400 / l->p.rate_in > ms)
		ms = 1400 / l->p.rate_in;
	if (ms > 10000)
		ms = 10000;
	return ms + l->p.rtt + 2 * link_peer_frame_ms(l) + NEWS_MS;
}

bool link_pace_waits_for_news(const struct link *l)
{
	const struct link_send *s = &l->s;
	const struct link_flight *f = &s->flight[(s->settled + 1) % LINK_SENT];

	if (l->p.rate == 0)
		return link_pace_at(l) == UINT64_MAX;
	if (l->conf.half || s->settled + 1 >= s->handed)
		return false;
	return f->gone + l->p.shift + news_ms(l) < (double)l->now;
}

/* --- what arrived --- */

static void take_ref(struct link_pace *p, const struct link_flight *f)
{
	p->have_ref = true;
	p->ref_end = f->end;
	p->ref_gone = f->gone;
	p->ref_stamp = p->stamp;
	p->ref_idles = f->idles;
}

/* So fast that what is too much is QUEUE_MS of the line at most until the
 * next probe is answered. */
static double gain_max(const struct link *l)
{
	double wait = l->p.rtt + 20, frame = link_peer_frame_ms(l), gain;

	wait += frame < 500 ? frame : 500;
	gain = 1 + QUEUE_MS / wait;
	if (l->conf.rate_max > 0 && l->p.rate * 1000 >= l->conf.rate_max)
		gain = GAIN_STEADY;
	if (gain < GAIN_STEADY)
		gain = GAIN_STEADY;
	return gain < GAIN_MAX ? gain : GAIN_MAX;
}

/* Frame f has left at left (our time): so, at the rate known now, will all
 * that follows it, though none before it was handed out. */
static void rebuild(struct link *l, const struct link_flight *f, double left)
{
	struct link_pace *p = &l->p;
	uint64_t end = f->end;

	for (uint64_t i = l->s.acked; i < l->s.handed; i++) {
		struct link_flight *g = &l->s.flight[i % LINK_SENT];

		if (g->end > end) {
			double n = (double)(g->end - end);
			double last = g->burst < n ? g->burst : n;

			left += n / speed(p);
			if (left + 5 < g->hand + last / speed(p)) {
				left = g->hand + last / speed(p);
				p->idles++;
			}
			end = g->end;
		}
		g->gone = left;
		g->idles = p->idles;
	}
	p->gone = left + (double)(l->wire_sent - end) / speed(p);
	p->shift = 0;
}

/* The first rate: what was handed out at once, or as fast as the port took it,
 * came apart on the line.  The model begins here. */
static void first_rate(struct link *l, const struct link_flight *f)
{
	struct link_pace *p = &l->p;
	double ms = p->stamp - p->ref_stamp;
	double n = (double)(f->end - p->ref_end);
	double apart = f->gone - p->ref_gone;

	if (n <= 0 || (apart > (ms > 20 ? ms / 4 : 5) &&
	    f->idles != p->ref_idles))
		return;
	if (!p->anchored) {
		/* No frame was handed out in one piece, or it was lost. */
		p->anchored = true;
		p->anchor_age = l->now;
		p->anchor_way = p->stamp - f->hand;
		p->anchor_n = f->burst;
	}
	set_rate(l, n / (ms > 40 ? ms : ms + 4));
	if (ms <= 40) {
		p->kept_up = 2;
		p->gain = gain_max(l);
	}
	rebuild(l, f, p->stamp - p->base);
}

/* No rate yet, and all that was allowed has arrived before the news of it came:
 * twice as much at once does not lie longer than that on the line.  So where
 * the peer's long frames carry few acknowledgements, a burst grows until two
 * of them tell how it came apart; or it is long enough for what arrived
 * between two to be a first rate, which is too low and grows from there. */
static void open_up(struct link *l, uint64_t last, const struct link_flight *f)
{
	struct link_pace *p = &l->p;
	double ms = p->stamp - p->ref_stamp;
	double n = (double)(f->end - p->ref_end);

	if (p->rate > 0 || last + 1 != l->s.handed || l->s.end == l->s.nxt)
		return;
	if (p->allow < OPEN_MAX) {
		p->allow *= 2;
	} else if (p->anchored && n > (double)p->allow / 2) {
		set_rate(l, n / (ms + 4));
		p->kept_up = 2;
		p->gain = gain_max(l);
		rebuild(l, f, p->stamp - p->base);
	}
}

/* Bring the model to what has arrived. */
static void correct(struct link *l, uint64_t seq, const struct link_flight *f)
{
	struct link_pace *p = &l->p;
	double off = p->stamp - p->base - (f->gone + p->shift);
	double delay = p->stamp - f->hand - f->burst / p->rate;

	/* No frame has told yet how long the way is: as the model has it. */
	if (!p->anchored) {
		p->anchored = true;
		p->anchor_age = l->now;
		p->anchor_way = p->base = p->base + off;
		p->anchor_n = 0;
		return;
	}
	/* Holding back has not helped, and the gain alone does not explain
	 * it: it was no queue, the way is longer than we thought. */
	if (seq >= p->fixed_seq && p->fixed > 40 &&
	    off > 40 + 2 * (p->gain - 1) * (f->gone - p->fixed_gone) &&
	    delay > p->fixed_delay - p->fixed / 2) {
		p->base += off;
		p->raised = true;
		p->fixed = 0;
		return;
	}
	if (seq >= p->fixed_seq) {
		p->fixed = off;
		p->fixed_gone = f->gone;
		p->fixed_seq = l->s.handed;
		p->fixed_delay = delay;
	}
	p->shift += off;
	p->gone += off;
}

/* The line kept up with the model: it may be faster. */
static void grow(struct link *l, double measured)
{
	struct link_pace *p = &l->p;
	double max = gain_max(l);

	/* A push shows any rate, but is short: something on the way may have
	 * brought its bytes together. */
	if (measured > p->rate * GAIN_MAX)
		measured = p->rate * GAIN_MAX;
	if ((p->gain > GAIN_STEADY || max <= GAIN_STEADY) && measured > p->rate)
		set_rate(l, measured);
	if (++p->kept_up < 2)
		return;
	/* Such a long way that running faster until an answer comes would be
	 * too much: one push. */
	if (max <= GAIN_STEADY && l->s.acked >= p->push_seq)
		p->push = true;
	p->gain = p->gain < GAIN_TRY ? GAIN_TRY : p->gain * 1.25;
	if (p->gain > max)
		p->gain = max;
}

static void measure(struct link *l, const struct link_flight *f)
{
	struct link_pace *p = &l->p;
	double ms = p->stamp - p->ref_stamp, model = f->gone - p->ref_gone;
	double n = (double)(f->end - p->ref_end);
	double slack = (p->gain - 1) / 2;
	/* No later than one that found the line empty: so did this one,
	 * whatever the model says, and the line is not the limit. */
	bool soon = p->anchored && p->stamp - f->hand <= p->anchor_way + 8;
	bool empty = soon && f->burst >= p->anchor_n;

	if (f->idles != p->ref_idles) {
		/* We were the slower one: a lower bound. */
		if (n / (ms + 8) > p->rate)
			set_rate(l, n / (ms + 8));
		take_ref(p, f);
		return;
	}
	if (model * slack < (p->gain > GAIN_STEADY ? 12 : 24))
		return; /* too short to tell */
	/* A shorter one cannot tell: but in the end a limit is one. */
	if (soon && !empty && model * p->rate < 4 * p->anchor_n)
		return;
	if (!empty && ms > model * (1 + slack) + 8) {
		bool tried = p->gain > GAIN_STEADY;

		p->gain = GAIN_STEADY;
		p->kept_up = 0;
		set_rate(l, p->rate + (n / ms - p->rate) * (tried ? 1 : 0.3));
		/* What went out meanwhile lies there for longer. */
		if (tried && f->idles == p->idles)
			rebuild(l, f, p->stamp - p->base);
	} else {
		grow(l, n / (ms + 4));
	}
	take_ref(p, f);
}

void link_pace_news(struct link *l, uint64_t last, uint16_t stamp)
{
	struct link_pace *p = &l->p;
	const struct link_flight *f = &l->s.flight[last % LINK_SENT];
	double n = (double)(f->end - p->err_end);

	p->err_end = f->end;
	if (n > ERR_DECAY / 2)
		n = ERR_DECAY / 2;
	p->err_bytes += n;
	p->err_n *= 1 - n / ERR_DECAY;
	p->err_bytes *= 1 - n / ERR_DECAY;

	p->stamp += 4.0 * (uint16_t)(stamp - p->stamp16);
	p->stamp16 = stamp;
	if (last >= p->anchor_seq)
		anchor(l, f);
	if (!p->have_ref) {
		take_ref(p, f);
		if (p->rate > 0)
			correct(l, last, f);
	} else if (l->conf.half) {
		p->allow = p->allow < LINK_WINDOW ? p->allow * 2 : p->allow;
	} else if (p->rate == 0) {
		first_rate(l, f);
		open_up(l, last, f);
		take_ref(p, f);
	} else {
		correct(l, last, f);
		measure(l, f);
	}
}

bool link_pace_wants_probe(const struct link *l)
{
	const struct link_pace *p = &l->p;
	double every = p->rtt > 12 / (p->gain - 1) ? p->rtt :
	    12 / (p->gain - 1);

	if (l->conf.half || l->c.probe_due || l->s.seq == LINK_SEQ_FIRST)
		return false;
	if (p->rate > 0 && p->anchor_waits && !p->anchor_probed &&
	    l->s.seq == p->anchor_seq + 1 &&
	    (!p->anchored || l->now - p->anchor_age >= ANCHOR_MS))
		return true;
	/* Not known: after each of the first two on an empty line, also when
	 * those that began did not all arrive. */
	if (p->rate == 0)
		return l->s.seq != p->probe_seq &&
		    l->s.seq - l->s.settled >= 2 &&
		    l->s.seq - l->s.settled <= 3;
	/* Never two with no data between them. */
	return p->gain > GAIN_STEADY && p->have_ref &&
	    l->s.seq != p->probe_seq &&
	    (double)(l->now - p->probe_at) >= every;
}

/* Half duplex: the peer has measured our last turn, and it is ours again, so
 * that all has left.  A turn with pauses shows a lower bound only. */
void link_pace_told(struct link *l, double rate, bool busy)
{
	struct link_pace *p = &l->p;
	bool kept_up = rate / 1000 > 0.97 * speed(p);

	if (p->gone > (double)l->now)
		p->gone = (double)l->now;
	if (rate <= 0)
		return;
	rate /= 1000;
	if (p->rate > 0 && rate < p->rate && (!busy || rate < p->rate / 2))
		rate = busy ? p->rate / 2 : p->rate;
	if (p->rate > 0 && busy)
		p->gain = kept_up ? GAIN_TRY : GAIN_STEADY;
	set_rate(l, rate);
}

/* A probe was answered: the round trip, and all before it has left. */
void link_pace_answered(struct link *l, const struct link_probe_sent *sent)
{
	struct link_pace *p = &l->p;
	double now = (double)l->now, ms = now - sent->gone, last;

	/* Not known how long it lay in front of the line. */
	if (p->rate == 0 || sent->gone < 0)
		return;
	last = now + (double)(l->wire_built - sent->end) / speed(p);
	if (p->gone > last)
		p->gone = last;
	if (ms < 0)
		ms = 0;
	if (ms > RTT_MAX)
		ms = RTT_MAX;
	p->rtt += (ms - p->rtt) / (ms > p->rtt ? 8 : 2);
}

/* --- errors and sizes --- */

void link_pace_lost(struct link *l, unsigned frames)
{
	l->p.err_n += frames;
}

double link_errors(const struct link *l)
{
	return l->p.err_n / l->p.err_bytes;
}

/* 64 << step bytes last so long that control can wait for them. */
unsigned link_chunk_step(const struct link *l)
{
	double rate = l->p.rate;
	unsigned step = 2;

	if (rate == 0)
		return step;
	/* No smaller: then frames are short anyhow. */
	if ((64 << step) > CHUNK_SLOW_MS * rate)
		step--;
	while (step < WIRE_STEP_MAX && (128 << step) <= CHUNK_MS * rate)
		step++;
	return step;
}

/* Overhead and damage cost least at the root of their ratio. */
size_t link_frame_bytes(const struct link *l)
{
	double n = sqrt(OVERHEAD / link_errors(l));
	double rate = l->p.rate;
	/* Two short ones show the rate soonest. */
	double unknown = FRAME_MIN << (l->s.seq - LINK_SEQ_FIRST < 2 ?
	    l->s.seq - LINK_SEQ_FIRST : 2);

	if (rate == 0 && n > unknown)
		n = unknown;
	if (rate > 0 && n > FRAME_MS * rate)
		n = FRAME_MS * rate;
	if (n < FRAME_MIN)
		n = rate > 0 && rate < RATE_LOW ? FRAME_MIN / 2 : FRAME_MIN;
	if (n > WIRE_DATA_MAX)
		n = WIRE_DATA_MAX;
	return (size_t)n;
}

/* --- the other direction --- */

void link_pace_came(struct link *l, size_t frame_size)
{
	struct link_pace *p = &l->p;
	uint64_t ms = l->now - p->in_at, n = l->stats.wire_in - p->in_bytes;

	if (frame_size >= p->in_frame)
		p->in_frame = frame_size;
	else
		p->in_frame -= (p->in_frame - frame_size) / 8;
	if (p->in_at != 0 && ms < 200)
		return;
	if (p->in_at != 0 && ms < 20000) {
		double rate = (double)n / (double)ms;

		if (rate > p->rate_in)
			p->rate_in = rate;
		else
			p->rate_in -= (p->rate_in - rate) / 16;
	}
	p->in_at = l->now;
	p->in_bytes = l->stats.wire_in;
}

uint32_t link_peer_frame_ms(const struct link *l)
{
	double rate = l->p.rate_in > 0 ? l->p.rate_in : l->p.rate;
	double ms = rate > 0 ? (double)l->p.in_frame / rate : 0;

	return ms > 10000 ? 10000 : (uint32_t)ms;
}
