/* random_exchange: two cores and a line in one process, from a seed.
 *
 *	random_exchange [-s SEED] [-n N] [-t SECONDS] [-o WORDS] [-v]
 *
 * Each seed is a history: bundles both ways, a line with its faults, calls
 * that are cut at any byte, processes that are killed at any event, until a
 * call over a clean line brings all that is left.  Then every bundle has
 * arrived exactly once and intact; no call said "safe" wrongly; none hung;
 * what was sent twice is counted.  -s S -n 1 repeats a history.
 *
 * WORDS, parted by commas, say what may happen; without: all of it.
 *	noise   bytes are dropped, doubled and inserted, bits turned over
 *	flow    bare XON and XOFF come from the line
 *	cut     the carrier is lost
 *	kill    a process is killed
 *	dead    one direction carries nothing, for a time or for ever
 *	delay   up to 20 s one way
 *	half    half duplex
 *	every   instead: one history, cut at every byte of its first call,
 *	        and either process killed at every event
 *	speed   instead: 33,600 bps, 60 ms, one large bundle one way or both
 *	        and one cut; what is sent twice is judged, and its median
 *	goals   instead: no faults; how near to the physical limit, beside the
 *	        goal; less than was reached once is a failure
 * Exit 0, or abort with the seed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "exchange_ends.h"

enum { NOISE = 1, FLOW = 2, CUT = 4, KILL = 8, DEAD = 16, DELAY = 32,
	HALF = 64, EVERY = 128, SPEED = 256, GOALS = 512 };

static const struct {
	const char *name;
	unsigned bit;
} words[] = {{"noise", NOISE}, {"flow", FLOW}, {"cut", CUT},
    {"kill", KILL}, {"dead", DEAD}, {"delay", DELAY}, {"half", HALF},
    {"every", EVERY}, {"speed", SPEED},
    {"goals", GOALS}};

#define ALL (NOISE | FLOW | CUT | KILL | DEAD | DELAY)
#define TWICE_MAX 65536

static struct history {
	uint64_t seed, rng;
	unsigned may;
	bool verbose;
	struct end a, b;
	struct wire w;
	struct sim_line_conf conf;
	struct sim_line *noisy, *clean;
	unsigned calls, cuts;
	uint64_t most_ms;
} h;

static struct totals {
	uint64_t seeds, calls, cuts, kills, safe;
	size_t twice[TWICE_MAX]; /* bytes of each cut */
	size_t n_twice;
} total;

static void broken(const char *what)
{
	fprintf(stderr, "random_exchange: seed %llu, call %u: %s\n",
	    (unsigned long long)h.seed, h.calls, what);
	abort();
}

#define MUST(c, what) do { if (!(c)) broken(what); } while (0)

static uint64_t below(uint64_t n)
{
	return sim_random(&h.rng) % n;
}

static bool may(unsigned what, unsigned one_in)
{
	return (h.may & what) != 0 && below(one_in) == 0;
}

/* --- a history --- */

static size_t make_size(void)
{
	if (h.may & EVERY)
		return below(900);
	switch (below(8)) {
	case 0:
		return below(3);
	case 1:
		return 4000 + below(200);
	case 2:
		return below(20000);
	case 3:
		return below(6000);
	default:
		return below(700);
	}
}

static void make_bundles(struct end *e)
{
	uint64_t number = 1 + below(3) * below(1000);
	size_t n = below(4) == 0 ? 0 : below(8);

	if (h.may & EVERY)
		n = 2 + n % 2;
	for (size_t i = 0; i < n; i++) {
		end_add(e, number, make_size(), sim_random(&h.rng));
		number += 1 + below(4) / 3 * below(300);
	}
}

static void make_end(struct end *e)
{
	make_bundles(e);
	e->conf.silence_ms = 60000;
	e->store_ms = below(3) == 0 ? below(5000) : 0;
	e->data_ms = below(8) == 0 ? below(500) : 0;
	e->decide_ms = below(4) == 0 ? below(10000) : 0;
	/* not both: a byte every half second is no fault of the line's */
	e->data_max = e->data_ms == 0 && below(4) == 0 ? 1 + below(2000) : 0;
	e->conf.mask = below(4) == 0 || (h.may & FLOW) ? 1 : 0;
	e->conf.record_ms = below(2) ? 0 : 500 + (uint32_t)below(8000);
	if (below(2))
		e->conf.rate = h.conf.bps / 10.0 * (double)(1 + below(20)) /
		    10;
}

static void make_line(void)
{
	static const uint32_t bps[] = {1200, 2400, 9600, 33600, 115200,
	    1000000};
	static const double noise[] = {0, 1e-5, 1e-4};

	h.conf.bps = bps[below(6)];
	h.conf.delay_ms = may(DELAY, 3) ? (uint32_t)below(20000) :
	    (uint32_t)below(300);
	h.conf.buffer_bytes = (size_t)1 << (5 + below(10));
	h.conf.seed = sim_random(&h.rng);
	h.clean = sim_line_new(&h.conf, &(const char *){NULL});
	if (may(NOISE, 2))
		h.conf.bit_errors = noise[below(3)];
	h.noisy = sim_line_new(&h.conf, &(const char *){NULL});
	MUST(h.clean != NULL && h.noisy != NULL, "sim_line_new");
	h.w.rng = sim_random(&h.rng);
	h.w.step = (1 + below(50)) * SIM_MS;
	h.w.now = 1000 * SIM_MS;
	h.w.end[0] = &h.a;
	h.w.end[1] = &h.b;
}

static void make_history(uint64_t seed, unsigned allowed, bool verbose)
{
	static const enum record_security how[] = {RECORD_NONE, RECORD_SIGN,
	    RECORD_ENCRYPT};
	enum record_security s;

	memset(&h, 0, sizeof h);
	h.seed = seed;
	h.rng = sim_random(&seed); /* neighbours have nothing in common */
	h.may = allowed;
	h.verbose = verbose;
	s = how[below(3)];
	end_init(&h.a, "ann", &h.b, true, s, 0);
	end_init(&h.b, "hub", &h.a, false, s, 0);
	make_line();
	make_end(&h.a);
	make_end(&h.b);
	if (may(HALF, 1))
		h.a.conf.half = h.b.conf.half = true;
}

static void end_history(void)
{
	sim_line_free(h.noisy);
	sim_line_free(h.clean);
	end_fini(&h.a);
	end_fini(&h.b);
}

/* --- calls --- */

/* How long a call may take at most on this line: the bytes, several times
 * over, delays, and the times after which silence is given up. */
static uint64_t bound_ms(void)
{
	uint64_t bytes = 4000, ms;

	for (size_t i = 0; i < h.a.disk.n_out; i++)
		bytes += h.a.disk.out[i].size + 200;
	for (size_t i = 0; i < h.b.disk.n_out; i++)
		bytes += h.b.disk.out[i].size + 200;
	ms = bytes * 10000 / h.conf.bps;
	if (h.a.conf.half)
		ms = ms * 4 + 400000;
	return ms * 8 + 40 * h.conf.delay_ms + 400000;
}

static void make_late(struct end *e)
{
	if (below(3) != 0 || e->disk.n_out > SPOOL_MAX - 10)
		return;
	e->late_at = h.w.now / SIM_MS + below(below(2) ? bound_ms() / 20 :
	    6 * h.conf.delay_ms + 500);
	e->late_size = below(2000);
}

static void make_faults(bool clean)
{
	struct wire *w = &h.w;
	uint64_t ms = bound_ms() / 20;

	w->l = clean ? h.clean : h.noisy;
	w->drop = w->twice = w->insert = w->flow = 0;
	w->dead_from[0] = w->dead_from[1] = UINT64_MAX;
	w->dead_until[0] = w->dead_until[1] = UINT64_MAX;
	w->cut_at = 0;
	h.a.kill_at = h.b.kill_at = 0;
	h.a.late_at = h.b.late_at = 0;
	/* No noise lasts for ever: from here on the call must end. */
	w->clean_at = w->now + bound_ms() * SIM_MS;
	if (clean)
		return;
	if (may(NOISE, 3))
		w->drop = 1e-4;
	if (may(NOISE, 3))
		w->twice = 1e-4;
	if (may(NOISE, 3))
		w->insert = 1e-4;
	if (may(FLOW, 2))
		w->flow = 1e-3;
	if (may(CUT, 2))
		w->cut_at = 1 + below(below(3) ? 30000 : 600);
	if (may(KILL, 4))
		h.a.kill_at = 1 + below(60);
	if (may(KILL, 4))
		h.b.kill_at = 1 + below(60);
	if (may(DEAD, 4)) {
		int d = (int)below(2);

		w->dead_from[d] = w->now + below(ms) * SIM_MS;
		if (below(2))
			w->dead_until[d] = w->dead_from[d] + below(50000) *
			    SIM_MS;
	}
	make_late(&h.a);
	make_late(&h.b);
	if (may(KILL, 6))
		h.a.power_cut = true;
	if (may(KILL, 10))
		h.b.damage_part = true;
}

static void say_call(uint64_t ms)
{
	printf("call %u: %llu ms, %llu bytes%s; ann: %s%s%s; hub: %s%s%s\n",
	    h.calls, (unsigned long long)ms,
	    (unsigned long long)h.w.carried, h.w.cut ? ", cut" : "",
	    h.a.safe ? "safe " : "", h.a.killed ? "killed " : "",
	    h.a.err.text, h.b.safe ? "safe " : "",
	    h.b.killed ? "killed " : "", h.b.err.text);
}

static void say_hang(void)
{
	for (int i = 0; i < 2; i++) {
		struct end *e = h.w.end[i];
		struct exchange_stats st;

		if (e->x == NULL)
			continue;
		exchange_get_stats(e->x, &st);
		printf("%s: %s, safe %d, link: out %llu in %llu, stream out "
		    "%llu in %llu, again %llu, bad %llu, junk %llu, "
		    "timeouts %u, probes %u, rate %.0f %.0f, rtt %u, "
		    "unsent %llu, deadline %+lld; log: %s\n", e->name,
		    exchange_state(e->x), exchange_safe(e->x),
		    (unsigned long long)st.link.wire_out,
		    (unsigned long long)st.link.wire_in,
		    (unsigned long long)st.link.stream_out,
		    (unsigned long long)st.link.stream_in,
		    (unsigned long long)st.link.again,
		    (unsigned long long)st.link.bad_frames,
		    (unsigned long long)st.link.junk, st.link.timeouts,
		    st.link.probes, st.link.rate_out, st.link.rate_in,
		    st.link.rtt_ms, (unsigned long long)st.unsent,
		    (long long)(exchange_deadline(e->x) -
		    h.w.now / SIM_MS), e->log);
	}
	printf("bps %u, delay %u, buffer %zu, step %llu, cuts %d\n",
	    h.conf.bps, h.conf.delay_ms, h.conf.buffer_bytes,
	    (unsigned long long)(h.w.step / SIM_MS), h.w.cut);
}

/* Both speak it right, whatever the line does. */
static void check_peers(void)
{
	for (int i = 0; i < 2; i++)
		if (h.w.end[i]->failed && h.w.end[i]->err.kind == ERR_PEER)
			broken(h.w.end[i]->err.text);
}

/* One call; is everything over? */
static bool call(bool clean)
{
	uint64_t began = h.w.now, limit;
	bool over;

	make_faults(clean);
	sim_line_redial(h.w.l);
	h.calls++;
	total.calls++;
	end_start(&h.a, sim_random(&h.rng), began / SIM_MS);
	end_start(&h.b, sim_random(&h.rng), began / SIM_MS);
	/* noise ends after one bound; what is left has another */
	limit = began + 2 * bound_ms() * SIM_MS;
	over = wire_run(&h.w, limit);
	if (h.verbose)
		say_call((h.w.now - began) / SIM_MS);
	if (!over) {
		char what[200];

		if (h.verbose)
			say_hang();

		snprintf(what, sizeof what, "it hangs: %s, %s",
		    exchange_state(h.a.x), exchange_state(h.b.x));
		broken(what);
	}
	check_peers();
	total.cuts += h.w.cut;
	h.cuts += h.w.cut;
	total.kills += h.a.killed + h.b.killed;
	total.safe += h.a.safe + h.b.safe;
	h.w.now += (1 + below(100000)) * SIM_MS;
	return h.a.safe && h.b.safe && end_delivered(&h.a) &&
	    end_delivered(&h.b);
}

static void check_all(void)
{
	MUST(end_delivered(&h.a) && end_delivered(&h.b), "not delivered");
	MUST(h.a.disk.n_in == h.b.disk.n_out &&
	    h.b.disk.n_in == h.a.disk.n_out, "not exactly once");
}

static void run_history(uint64_t seed, unsigned allowed, bool verbose)
{
	make_history(seed, allowed, verbose);
	for (int i = 0; i < 5 && !call(false); i++)
		;
	/* Clean: the first may end without what came too late in it. */
	if (!(end_delivered(&h.a) && end_delivered(&h.b)))
		MUST(call(true), "a clean call does not deliver all");
	check_all();
	end_history();
	total.seeds++;
}

/* --- cut at every byte, killed at every event --- */

enum every { EVERY_BYTE, EVERY_EVENT_A, EVERY_EVENT_B };

/* The call, disturbed at n; false: it ended before. */
static bool disturb(uint64_t seed, enum every what, uint64_t n, bool verbose)
{
	bool hit;

	make_history(seed, EVERY, verbose);
	make_faults(true);
	if (what == EVERY_BYTE)
		h.w.cut_at = n;
	else
		(what == EVERY_EVENT_A ? &h.a : &h.b)->kill_at = n;
	sim_line_redial(h.w.l);
	h.calls++;
	end_start(&h.a, seed + 1, h.w.now / SIM_MS);
	end_start(&h.b, seed + 2, h.w.now / SIM_MS);
	MUST(wire_run(&h.w, h.w.now + bound_ms() * SIM_MS), "hangs");
	hit = h.w.cut || h.a.killed || h.b.killed;
	total.cuts += h.w.cut;
	total.kills += h.a.killed + h.b.killed;
	total.calls++;
	total.safe += h.a.safe + h.b.safe;
	h.w.now += 1000 * SIM_MS;
	if (!(end_delivered(&h.a) && end_delivered(&h.b)))
		MUST(call(true), "not delivered after that");
	check_all();
	end_history();
	return hit;
}

static void run_every(uint64_t seed, bool verbose)
{
	for (int what = EVERY_BYTE; what <= EVERY_EVENT_B; what++)
		for (uint64_t n = 1; disturb(seed, (enum every)what, n,
		    verbose); n++)
			;
	total.seeds++;
}

/* --- what is sent twice --- */

static int compare(const void *p, const void *q)
{
	size_t x = *(const size_t *)p, y = *(const size_t *)q;

	return x < y ? -1 : x > y;
}

/* In one direction. */
static void note_twice(const struct end *e, bool verbose)
{
	uint64_t unique = 0, sent = e->wire_data + e->again;
	size_t twice;

	for (size_t i = 0; i < e->disk.n_out; i++)
		unique += e->disk.out[i].size;
	if (unique < 90000)
		return;
	twice = sent > unique ? (size_t)(sent - unique) : 0;
	if (verbose)
		printf("cut: %zu bytes twice, %llu of them in one call\n",
		    twice, (unsigned long long)e->again);
	if (total.n_twice < TWICE_MAX)
		total.twice[total.n_twice++] = twice;
	if (twice >= 5500)
		broken("too much is sent twice after a cut");
}

static void run_speed(uint64_t seed, bool verbose)
{
	make_history(seed, 0, verbose);
	sim_line_free(h.clean);
	h.conf.bps = 33600;
	h.conf.delay_ms = 60;
	h.conf.buffer_bytes = 4096;
	h.clean = sim_line_new(&h.conf, &(const char *){NULL});
	end_add(&h.a, 5000, 100000, seed);
	if (below(2))
		end_add(&h.b, 5000, 100000, seed + 9);
	h.a.store_ms = h.b.store_ms = h.a.data_ms = h.b.data_ms = 0;
	h.a.decide_ms = h.b.decide_ms = 0;
	h.a.conf.rate = h.b.conf.rate = 3360;
	h.a.conf.record_ms = h.b.conf.record_ms = 0;
	make_faults(true);
	h.w.cut_at = 8000 + below(90000);
	h.w.step = 2 * SIM_MS;
	sim_line_redial(h.w.l);
	end_start(&h.a, seed + 1, h.w.now / SIM_MS);
	end_start(&h.b, seed + 2, h.w.now / SIM_MS);
	MUST(wire_run(&h.w, h.w.now + bound_ms() * SIM_MS), "hangs");
	total.cuts += h.w.cut;
	total.calls += 2;
	h.w.now += 1000 * SIM_MS;
	h.w.step = 2 * SIM_MS;
	MUST(call(true), "not delivered after the cut");
	check_all();
	note_twice(&h.a, verbose);
	note_twice(&h.b, verbose);
	end_history();
	total.seeds++;
}

/* --- how fast --- */

static const struct goal {
	const char *name;
	uint32_t bps, delay_ms;
	int n_a, n_b;
	size_t size;
	double errors, goal; /* of line and limit; goal 0: none is set */
	double floor;        /* what was reached, less 0.001 */
	uint8_t mask;
	bool told;           /* the rate of the last call is known */
} goals[] = {
	{"33,600, 10 x 20,000 one way", 33600, 60, 10, 0,
	    20000, 0, 0.985, 0.983, 0, true},
	{"33,600, 10 x 20,000 both ways", 33600, 60, 10, 10,
	    20000, 0, 0.98, 0.981, 0, true},
	{"33,600, 100 x 500 one way", 33600, 60, 100, 0,
	    500, 0, 0.92, 0.944, 0, true},
	{"33,600, 10 x 20,000 one way, 1e-5", 33600, 60, 10, 0,
	    20000, 1e-5, 0.92, 0.921, 0, true},
	{"33,600, 10 x 20,000 both ways, 1e-5", 33600, 60, 10, 10,
	    20000, 1e-5, 0.90, 0.910, 0, true},
	{"2,400, 700 ms, 4 x 3,000 both ways", 2400, 700, 4, 4,
	    3000, 0, 0.90, 0.895, 0, true},
	{"115,200, 0 ms, 10 x 20,000 both ways", 115200, 0, 10, 10,
	    20000, 0, 0.985, 0.987, 0, true},
	{"33,600, XON/XOFF, 10 x 20,000 one way", 33600, 60, 10, 0,
	    20000, 0, 0.96, 0.964, 1, true},
	{"33,600, 10 x 20,000 one way, first call", 33600, 60, 10, 0,
	    20000, 0, 0, 0.981, 0, false},
	{"33,600, 10 x 20,000 both ways, first call", 33600, 60, 10, 10,
	    20000, 0, 0, 0.962, 0, false},
	{"115,200, 0 ms, both ways, first call", 115200, 0, 10, 10,
	    20000, 0, 0, 0.949, 0, false},
	{"115,200, 10 ms, both ways, first call", 115200, 10, 10, 10,
	    20000, 0, 0, 0.938, 0, false},
	{"1,000,000, 10 ms, both ways, first call", 1000000, 10, 10, 10,
	    200000, 0, 0, 0.964, 0, false},
	{"10,000,000, 0 ms, both ways, first call", 10000000, 0, 2, 2,
	    8000000, 0, 0, 0.989, 0, false},
	{"2,400, 700 ms, 4 x 3,000 both ways, first call", 2400, 700, 4, 4,
	    3000, 0, 0, 0.798, 0, false},
};

static double run_goal(const struct goal *g, uint64_t seed)
{
	uint64_t bytes = (uint64_t)(g->n_a > g->n_b ? g->n_a : g->n_b) *
	    g->size, ms;

	memset(&h, 0, sizeof h);
	h.seed = seed;
	h.conf = (struct sim_line_conf){.bps = g->bps,
	    .delay_ms = g->delay_ms, .bit_errors = g->errors,
	    .buffer_bytes = 4096, .seed = seed};
	end_init(&h.a, "ann", &h.b, true, RECORD_ENCRYPT, 0);
	end_init(&h.b, "hub", &h.a, false, RECORD_ENCRYPT, 0);
	for (int i = 0; i < g->n_a; i++)
		end_add(&h.a, 1 + (uint64_t)i, g->size, seed + (uint64_t)i);
	for (int i = 0; i < g->n_b; i++)
		end_add(&h.b, 1 + (uint64_t)i, g->size, seed - (uint64_t)i);
	h.a.conf.mask = h.b.conf.mask = g->mask;
	h.a.conf.rate = h.b.conf.rate = g->told ? g->bps / 10.0 : 0;
	h.a.conf.errors = h.b.conf.errors = g->told ? g->errors * 8 + 4e-7 : 0;
	h.clean = sim_line_new(&h.conf, &(const char *){NULL});
	MUST(h.clean != NULL, "sim_line_new");
	h.w.l = h.clean;
	h.w.end[0] = &h.a;
	h.w.end[1] = &h.b;
	h.w.now = 1000 * SIM_MS;
	h.w.step = SIM_MS;
	make_faults(true);
	end_start(&h.a, seed + 1, 1000);
	end_start(&h.b, seed + 2, 1000);
	MUST(wire_run(&h.w, h.w.now + bound_ms() * SIM_MS), "hangs");
	ms = (h.a.safe_at > h.b.safe_at ? h.a.safe_at : h.b.safe_at) - 1000;
	MUST(h.a.safe && h.b.safe, "not safe");
	end_history();
	return (double)bytes * 10000 / g->bps / (double)ms;
}

static void run_goals(uint64_t seed)
{
	for (size_t i = 0; i < sizeof goals / sizeof *goals; i++) {
		const struct goal *g = &goals[i];
		double r[5];
		int n = g->errors > 0 ? 5 : 1;

		for (int k = 0; k < n; k++)
			r[k] = run_goal(g, seed + (uint64_t)k);
		for (int k = 1; k < n; k++)
			for (int j = k; j > 0 && r[j] < r[j - 1]; j--) {
				double t = r[j];

				r[j] = r[j - 1];
				r[j - 1] = t;
			}
		printf("%-50s %.3f (%.3f)%s\n", g->name, r[n / 2], g->goal,
		    r[n / 2] < g->goal ? " missed" : "");
		MUST(r[n / 2] >= g->floor, "slower than it was");
	}
}

static void report(void)
{
	printf("random_exchange: %llu seeds, %llu calls, %llu cuts, "
	    "%llu kills, %llu times safe\n",
	    (unsigned long long)total.seeds, (unsigned long long)total.calls,
	    (unsigned long long)total.cuts, (unsigned long long)total.kills,
	    (unsigned long long)total.safe);
	if (total.n_twice == 0)
		return;
	qsort(total.twice, total.n_twice, sizeof total.twice[0], compare);
	printf("sent twice after a cut: median %zu bytes, at most %zu\n",
	    total.twice[total.n_twice / 2], total.twice[total.n_twice - 1]);
	if (total.twice[total.n_twice / 2] > 3500)
		broken("the median of what is sent twice is too high");
}

static unsigned parse_words(char *list)
{
	unsigned bits = 0;

	for (char *w = strtok(list, ","); w != NULL; w = strtok(NULL, ",")) {
		size_t i = 0;

		while (i < sizeof words / sizeof *words &&
		    strcmp(words[i].name, w) != 0)
			i++;
		if (i == sizeof words / sizeof *words) {
			fprintf(stderr, "random_exchange: no word \"%s\"\n",
			    w);
			exit(64);
		}
		bits |= words[i].bit;
	}
	return bits;
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, n = 0;
	unsigned bits = ALL;
	time_t until = 0;
	bool verbose = false;
	int c;

	while ((c = getopt(argc, argv, "s:n:t:o:v")) != -1)
		switch (c) {
		case 's':
			seed = strtoull(optarg, NULL, 10);
			break;
		case 'n':
			n = strtoull(optarg, NULL, 10);
			break;
		case 't':
			until = time(NULL) + atoi(optarg);
			break;
		case 'o':
			bits = parse_words(optarg);
			break;
		case 'v':
			verbose = true;
			break;
		default:
			return 64;
		}
	if (sodium_init() < 0)
		return 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	ends_broken = broken;
	if (n == 0 && until == 0)
		n = bits & GOALS ? 1 : 200;
	for (uint64_t i = 0; (n == 0 || i < n) &&
	    (until == 0 || time(NULL) < until); i++)
		if (bits & GOALS)
			run_goals(seed + i);
		else if (bits & EVERY)
			run_every(seed + i, verbose);
		else if (bits & SPEED)
			run_speed(seed + i, verbose);
		else
			run_history(seed + i, bits, verbose);
	if (!(bits & GOALS))
		report();
	return 0;
}
