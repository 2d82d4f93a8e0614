/* The simulated line itself; see line.h. */
#include "tests/line/line.h"

#include <stdlib.h>
#include <string.h>

#define XON 0x11
#define XOFF 0x13
#define NS_PER_BYTE_AT_1_BPS UINT64_C(10000000000) /* 10 bits */
#define QUEUE_MAX ((size_t)1 << 24) /* bytes; about 150 MB with due times */

/* One direction.  The queue holds everything between the sender's modem and
 * the receiver's hand, oldest first: what is on the wire, what still waits
 * to be sent, and what is due but not taken. */
struct way {
	uint8_t *bytes;          /* owned, a ring of line.cap bytes */
	uint64_t *due;           /* owned, the same ring: when each is due */
	size_t head, count;
	uint64_t next_free;      /* the transmitter has sent all it has */
	uint64_t rng;
	uint64_t connection_bytes; /* taken since the last dial */
	uint64_t run_start;      /* since then sent without a pause: ... */
	uint64_t run_bytes;      /* ... so much */
	bool stopped;            /* the receiving end has sent XOFF */
	struct sim_line_stats stats;
};

struct sim_line {
	struct sim_line_conf conf;
	struct way way[2];
	uint64_t byte_ns;
	uint64_t error_below;    /* a random number below this is an error */
	size_t cap;
	uint64_t first_start;    /* of this connection; SIM_NEVER: none yet */
	uint32_t cuts;           /* connections that ended */
	bool cut;                /* by count or by hand */
};

uint64_t sim_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* What is wrong with the configuration, or NULL. */
static const char *check_conf(const struct sim_line_conf *c)
{
	if (c->bps < 50 || c->bps > 10000000)
		return "the rate must be 50 to 10000000 bps";
	if (c->delay_ms > 60000)
		return "the delay must be 60000 ms at most";
	if (!(c->bit_errors >= 0 && c->bit_errors <= 1))
		return "the bit error rate must be 0 to 1";
	if (c->buffer_bytes < 1 || c->buffer_bytes > 1 << 20)
		return "the buffer must be 1 to 1048576 bytes";
	return NULL;
}

/* A rate as a bound for 64 random bits. */
static uint64_t error_bound(double rate)
{
	double bound = rate * 18446744073709551616.0;

	if (bound >= 18446744073709551615.0)
		return UINT64_MAX;
	return (uint64_t)bound;
}

struct sim_line *sim_line_new(const struct sim_line_conf *conf,
    const char **why)
{
	struct sim_line *l;
	int d;

	*why = check_conf(conf);
	if (*why)
		return NULL;
	l = calloc(1, sizeof(*l));
	*why = "no memory for the line";
	if (!l)
		return NULL;
	l->conf = *conf;
	l->byte_ns = (NS_PER_BYTE_AT_1_BPS + conf->bps / 2) / conf->bps;
	l->error_below = error_bound(conf->bit_errors);
	/* The sender's modem, what fits on the wire, the receiver's modem. */
	l->cap = 2 * conf->buffer_bytes + 2 +
	    (size_t)(conf->delay_ms * SIM_MS / l->byte_ns);
	if (l->cap > QUEUE_MAX) {
		*why = "rate x delay is more than the simulator can hold";
		sim_line_free(l);
		return NULL;
	}
	for (d = 0; d < 2; d++) {
		struct way *w = &l->way[d];

		w->bytes = malloc(l->cap);
		w->due = malloc(l->cap * sizeof(*w->due));
		if (!w->bytes || !w->due) {
			sim_line_free(l);
			return NULL;
		}
		/* A sequence for each direction, so that errors do not
		 * depend on how the two interleave. */
		w->rng = conf->seed * 2 + (uint64_t)d;
		(void)sim_random(&w->rng);
		w->stats.first_ns = w->stats.bulk_first_ns = SIM_NEVER;
	}
	l->first_start = SIM_NEVER;
	*why = NULL;
	return l;
}

void sim_line_free(struct sim_line *l)
{
	int d;

	if (!l)
		return;
	for (d = 0; d < 2; d++) {
		free(l->way[d].bytes);
		free(l->way[d].due);
	}
	free(l);
}

/* Does this connection end by itself? */
static bool cut_is_set(const struct sim_line *l)
{
	return l->conf.cut_times == 0 || l->cuts < l->conf.cut_times;
}

/* How many more bytes may arrive in d before the carrier goes. */
static uint64_t left_before_cut(const struct sim_line *l, enum sim_dir d)
{
	uint64_t n = l->conf.cut_bytes;

	if (n == 0 || !cut_is_set(l) ||
	    (l->conf.cut_dir == SIM_CUT_AB && d != SIM_AB) ||
	    (l->conf.cut_dir == SIM_CUT_BA && d != SIM_BA))
		return UINT64_MAX;
	return n - l->way[d].connection_bytes;
}

uint64_t sim_line_cut_at(const struct sim_line *l)
{
	if (l->conf.cut_ms == 0 || l->first_start == SIM_NEVER ||
	    !cut_is_set(l))
		return SIM_NEVER;
	return l->first_start + l->conf.cut_ms * SIM_MS;
}

bool sim_line_is_cut(const struct sim_line *l, uint64_t now)
{
	return l->cut || now >= sim_line_cut_at(l);
}

/* How many bytes the transmitter still has to send, the one that it is
 * sending included. */
static size_t unsent(const struct sim_line *l, const struct way *w,
    uint64_t now)
{
	if (w->next_free <= now)
		return 0;
	return (size_t)((w->next_free - now + l->byte_ns - 1) / l->byte_ns);
}

size_t sim_line_room(struct sim_line *l, enum sim_dir d, uint64_t now)
{
	const struct way *w = &l->way[d];
	size_t used = unsent(l, w, now);
	size_t room, space = l->cap - w->count;

	if (sim_line_is_cut(l, now) || used >= l->conf.buffer_bytes)
		return 0;
	room = l->conf.buffer_bytes - used;
	/* A receiver that does not take stops the sender in the end, as V.42
	 * does: then space is the smaller one. */
	return room < space ? room : space;
}

uint64_t sim_line_room_at(struct sim_line *l, enum sim_dir d, size_t want,
    uint64_t now)
{
	const struct way *w = &l->way[d];
	uint64_t keep;

	if (want > l->conf.buffer_bytes)
		want = l->conf.buffer_bytes;
	if (sim_line_is_cut(l, now) || l->cap - w->count < want)
		return SIM_NEVER;
	if (sim_line_room(l, d, now) >= want)
		return now;
	keep = (l->conf.buffer_bytes - want) * l->byte_ns;
	return w->next_free - keep; /* no room now, so it is the larger */
}

/* Turn over bits of one byte at the configured rate. */
static uint8_t damage(struct sim_line *l, struct way *w, uint8_t byte)
{
	int bit;

	if (l->error_below == 0)
		return byte;
	for (bit = 0; bit < 8; bit++) {
		uint64_t r = sim_random(&w->rng);

		if (r < l->error_below || l->error_below == UINT64_MAX) {
			byte ^= (uint8_t)(1u << bit);
			w->stats.bit_errors++;
		}
	}
	return byte;
}

/* Note a byte that is sent from start on: is it part of a bulk? */
static void note_bulk(const struct sim_line *l, struct way *w, uint64_t start)
{
	if (start > w->next_free + SIM_BULK_NS) {
		w->run_start = start;
		w->run_bytes = 0;
	}
	if (++w->run_bytes < SIM_BULK_BYTES)
		return;
	if (w->stats.bulk_first_ns == SIM_NEVER)
		w->stats.bulk_first_ns = w->run_start;
	w->stats.bulk_last_ns = start + l->byte_ns;
}

/* Send one byte after all that wait before it. */
static void transmit(struct sim_line *l, struct way *w, uint8_t byte,
    uint64_t now)
{
	uint64_t start = w->next_free > now ? w->next_free : now;
	size_t at = (w->head + w->count) % l->cap;

	if (w->stats.first_ns == SIM_NEVER)
		w->stats.first_ns = start;
	if (l->first_start == SIM_NEVER)
		l->first_start = start;
	note_bulk(l, w, start);
	w->next_free = start + l->byte_ns;
	byte = damage(l, w, byte);
	w->bytes[at] = l->conf.seven ? byte & 0x7F : byte;
	w->due[at] = w->next_free + l->conf.delay_ms * SIM_MS;
	w->count++;
}

size_t sim_line_put(struct sim_line *l, enum sim_dir d, const uint8_t *p,
    size_t n, uint64_t now)
{
	struct way *w = &l->way[d], *back = &l->way[!d];
	size_t room = sim_line_room(l, d, now), i;

	if (sim_line_is_cut(l, now))
		return 0;
	for (i = 0; i < n; i++) {
		if (l->conf.xonxoff && (p[i] == XON || p[i] == XOFF)) {
			/* Meant for this end's own modem, which then stops
			 * handing over what comes from the other side. */
			back->stopped = p[i] == XOFF;
			continue;
		}
		if (room == 0)
			break;
		transmit(l, w, p[i], now);
		room--;
	}
	return i;
}

size_t sim_line_due(struct sim_line *l, enum sim_dir d, uint64_t now,
    const uint8_t **p)
{
	const struct way *w = &l->way[d];
	uint64_t most = left_before_cut(l, d), cut_at = sim_line_cut_at(l);
	size_t n;

	*p = w->bytes + w->head;
	if (l->cut || w->stopped)
		return 0;
	if (most > w->count)
		most = w->count;
	if (most > l->cap - w->head)
		most = l->cap - w->head; /* up to the ring's end */
	for (n = 0; n < most; n++)
		if (w->due[w->head + n] > now || w->due[w->head + n] >= cut_at)
			break;
	return n;
}

void sim_line_take(struct sim_line *l, enum sim_dir d, size_t n)
{
	struct way *w = &l->way[d];

	if (n > w->count || n > left_before_cut(l, d))
		abort(); /* took what was never shown */
	if (n == 0)
		return;
	w->stats.last_ns = w->due[(w->head + n - 1) % l->cap];
	w->stats.bytes += n;
	w->connection_bytes += n;
	w->head = (w->head + n) % l->cap;
	w->count -= n;
	if (left_before_cut(l, d) == 0)
		sim_line_cut(l);
}

uint64_t sim_line_next(const struct sim_line *l, enum sim_dir d)
{
	const struct way *w = &l->way[d];

	if (l->cut || w->stopped || w->count == 0)
		return SIM_NEVER;
	return w->due[w->head];
}

size_t sim_line_pending(const struct sim_line *l, enum sim_dir d)
{
	return l->way[d].count;
}

void sim_line_cut(struct sim_line *l)
{
	l->cut = true;
}

void sim_line_redial(struct sim_line *l)
{
	int d;

	for (d = 0; d < 2; d++) {
		struct way *w = &l->way[d];

		w->stats.lost += w->count;
		w->head = w->count = 0;
		w->next_free = 0;
		w->connection_bytes = 0;
		w->stopped = false;
	}
	l->first_start = SIM_NEVER;
	l->cut = false;
	l->cuts++;
}

const struct sim_line_stats *sim_line_stats(const struct sim_line *l,
    enum sim_dir d)
{
	return &l->way[d].stats;
}

double sim_line_utilisation(const struct sim_line *l, uint64_t *ns)
{
	uint64_t first = SIM_NEVER, last = 0, most = 0;
	int d;

	for (d = 0; d < 2; d++) {
		const struct sim_line_stats *s = &l->way[d].stats;

		if (s->first_ns < first)
			first = s->first_ns;
		if (s->last_ns > last)
			last = s->last_ns;
		if (s->bytes > most)
			most = s->bytes;
	}
	if (ns)
		*ns = most ? last - first : 0;
	return most ? (double)most * (double)l->byte_ns /
	    (double)(last - first) : 0;
}
