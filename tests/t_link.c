/* modem/link*.c: two links on the simulated line.  SEED=n repeats the random
 * part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "modem/wire.h"
#include "tests/link_ends.h"

static uint64_t seed;
static struct ends x;

static const struct row {
	const char *name;
	uint32_t bps, delay_ms;
	double ber;
	size_t ab, ba;
	double least;     /* efficiency of the fuller direction */
	size_t again;     /* resent bytes at most, both together */
	double rate;      /* known from the last call; 0: not */
	uint32_t buffer;  /* of the line; 0: 17 KB */
	uint32_t record;  /* 0: 4096 */
	uint32_t rtt_ms;  /* as known at first; 0: truly */
	uint8_t mask;
	bool plus;
	uint32_t drop, insert, twice;
	bool half;
	uint64_t dead_from, dead_to; /* what B sends is lost, ms */
	uint32_t late_ms;
	uint64_t reject;  /* one record in so many */
	uint64_t turns;   /* at most */
	uint64_t ms;      /* given up after */
} rows[] = {
	{.name = "33600, 60 ms, one way", .bps = 33600, .delay_ms = 60,
	    .ab = 200000, .least = .99},
	{.name = "33600, 60 ms, both ways", .bps = 33600, .delay_ms = 60,
	    .ab = 200000, .ba = 200000, .least = .985},
	{.name = "33600, rate known", .bps = 33600, .delay_ms = 60,
	    .ab = 200000, .least = .99, .rate = 3360},
	{.name = "33600, rate known wrong, too high", .bps = 33600,
	    .delay_ms = 60, .ab = 200000, .least = .985, .rate = 11520},
	{.name = "33600, rate known wrong, too low", .bps = 33600,
	    .delay_ms = 60, .ab = 200000, .least = .95, .rate = 1200},
	/* At best .94: 384 bytes a frame, 12 more, one in 33 lost. */
	{.name = "33600, bit errors, one way", .bps = 33600, .delay_ms = 60,
	    .ber = 1e-5, .ab = 200000, .least = .91, .again = 20000},
	{.name = "33600, bit errors, both ways", .bps = 33600, .delay_ms = 60,
	    .ber = 1e-5, .ab = 200000, .ba = 200000, .least = .91,
	    .again = 40000},
	{.name = "33600, many bit errors", .bps = 33600, .delay_ms = 60,
	    .ber = 1e-4, .ab = 50000, .ba = 50000, .least = .65,
	    .again = 60000},
	{.name = "2400, 700 ms, both ways", .bps = 2400, .delay_ms = 700,
	    .ab = 12000, .ba = 12000, .least = .94},
	{.name = "115200, 0 ms, both ways", .bps = 115200, .ab = 200000,
	    .ba = 200000, .least = .985},
	{.name = "1200, 0 ms", .bps = 1200, .ab = 12000, .least = .95},
	{.name = "300, 10 ms", .bps = 300, .delay_ms = 10, .ab = 3000,
	    .ba = 300, .least = .85},
	{.name = "10 Mbps, 1 ms", .bps = 10000000, .delay_ms = 1,
	    .ab = 4000000, .least = .8},
	{.name = "33600, 1 s", .bps = 33600, .delay_ms = 1000, .ab = 200000,
	    .ba = 200000, .least = .93},
	{.name = "33600, 20 s", .bps = 33600, .delay_ms = 20000, .ab = 200000,
	    .least = .3},
	{.name = "33600, 20 s, bit errors", .bps = 33600, .delay_ms = 20000,
	    .ber = 1e-5, .ab = 100000, .ba = 100000, .least = .1,
	    .again = 40000},
	{.name = "1 Mbps, 18 s, the port takes little", .bps = 1000000,
	    .delay_ms = 18500, .ab = 20000, .least = .0015, .buffer = 128,
	    .rtt_ms = 1, .late_ms = 30},
	{.name = "115200, 12 s, rate known wrong, far too low", .bps = 115200,
	    .delay_ms = 12000, .ab = 20000, .least = .003, .rate = 11},
	{.name = "2400, short records, rate known wrong, a tenth",
	    .bps = 2400, .delay_ms = 113, .ab = 10000, .least = .5,
	    .record = 530, .rate = 24},
	{.name = "XON, XOFF noise", .bps = 33600, .delay_ms = 60, .ab = 100000,
	    .ba = 100000, .least = .9, .mask = 1, .insert = 500},
	{.name = "all controls escaped", .bps = 33600, .delay_ms = 60,
	    .ab = 100000, .least = .7, .mask = 0x8f},
	{.name = "+++ broken up", .bps = 33600, .delay_ms = 60, .ab = 100000,
	    .ba = 100000, .least = .8, .plus = true},
	{.name = "bytes dropped", .bps = 33600, .delay_ms = 60, .ab = 100000,
	    .ba = 100000, .least = .8, .again = 40000, .drop = 5000},
	{.name = "bytes inserted", .bps = 33600, .delay_ms = 60, .ab = 100000,
	    .ba = 100000, .least = .8, .again = 40000, .insert = 5000},
	{.name = "bytes doubled", .bps = 33600, .delay_ms = 60, .ab = 100000,
	    .ba = 100000, .least = .8, .again = 40000, .twice = 5000},
	{.name = "a direction dead for 20 s", .bps = 33600, .delay_ms = 60,
	    .ab = 200000, .ba = 100000, .least = .65, .again = 20000,
	    .dead_from = 10000, .dead_to = 30000},
	{.name = "a direction dead at the start", .bps = 33600,
	    .delay_ms = 60, .ab = 200000, .ba = 200000, .least = .65,
	    .again = 6000, .dead_from = 1, .dead_to = 10000},
	{.name = "a direction dead at the end", .bps = 33600,
	    .delay_ms = 60, .ab = 100000, .ba = 100000, .least = .5,
	    .again = 10000, .dead_from = 30000, .dead_to = 45000},
	{.name = "33600, late by 30 ms", .bps = 33600, .delay_ms = 60,
	    .ab = 200000, .ba = 200000, .least = .98, .late_ms = 30},
	{.name = "33600, late by 100 ms", .bps = 33600, .delay_ms = 60,
	    .ab = 200000, .ba = 200000, .least = .93, .late_ms = 100},
	{.name = "115200, late by 30 ms", .bps = 115200, .delay_ms = 0,
	    .ab = 400000, .ba = 400000, .least = .97, .late_ms = 30},
	{.name = "33600, late, rate known too low", .bps = 33600,
	    .delay_ms = 60, .ab = 400000, .least = .9, .rate = 500,
	    .late_ms = 30},
	{.name = "records do not open", .bps = 33600, .delay_ms = 60,
	    .ab = 200000, .ba = 200000, .least = .5, .again = 300000,
	    .reject = 5},
	{.name = "records do not open, bit errors", .bps = 33600,
	    .delay_ms = 60, .ber = 1e-5, .ab = 200000, .ba = 200000,
	    .least = .5, .again = 300000, .reject = 5},
	{.name = "half duplex, one way", .bps = 2400, .delay_ms = 200,
	    .ab = 20000, .least = .7, .half = true, .turns = 20},
	{.name = "half duplex, a little", .bps = 2400, .delay_ms = 200,
	    .ab = 300, .ba = 300, .least = .2, .half = true, .turns = 4},
	{.name = "half duplex, both ways", .bps = 2400, .delay_ms = 200,
	    .ab = 20000, .ba = 20000, .least = .3, .half = true, .turns = 30},
	{.name = "half duplex, bit errors", .bps = 2400, .delay_ms = 200,
	    .ber = 1e-4, .ab = 10000, .ba = 10000, .least = .1, .half = true,
	    .again = 20000, .ms = 2000000},
	{.name = "half duplex, 15 s, round trip not known", .bps = 1200,
	    .delay_ms = 15500, .ab = 3500, .ba = 100, .least = .07,
	    .again = 2500, .rtt_ms = 1, .half = true},
	{.name = "half duplex, very bad line", .bps = 2400, .delay_ms = 200,
	    .ber = 1e-3, .ab = 3000, .ba = 3000, .least = .01, .half = true,
	    .again = 40000, .ms = 9000000},
};

static void set(struct ends_conf *c, const struct row *r)
{
	memset(c, 0, sizeof *c);
	c->line.bps = r->bps;
	c->line.delay_ms = r->delay_ms;
	c->line.bit_errors = r->ber;
	c->line.buffer_bytes = r->buffer;
	c->record = r->record;
	c->send[0] = r->ab;
	c->send[1] = r->ba;
	for (int i = 0; i < 2; i++) {
		c->link[i].rate = r->rate;
		c->link[i].rtt_ms = r->rtt_ms;
		c->link[i].mask_in = c->link[i].mask_out = r->mask;
		c->link[i].break_plus = r->plus;
		c->link[i].half = r->half;
	}
	c->dead_from[1] = r->dead_from;
	c->dead_to[1] = r->dead_to;
	c->reject = r->reject;
	c->late_ms = r->late_ms;
	c->twice = r->twice;
	c->drop = r->drop;
	c->insert = r->insert;
	c->flow_noise = r->mask != 0;
}

static void test_rows(void **state)
{
	const char *only = getenv("ROW");
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *r = &rows[i];
		size_t most = r->ab > r->ba ? r->ab : r->ba;
		struct ends_conf c;
		struct link_stats s[2];
		uint64_t done;
		double eff;
		bool ok;

		if (only && !strstr(r->name, only))
			continue;
		set(&c, r);
		ends_open(&x, &c, seed);
		ok = ends_run(&x, r->ms ? r->ms : 1000000);
		for (int k = 0; k < 2; k++)
			link_get_stats(x.e[k].l, &s[k]);
		done = x.e[0].done_ms > x.e[1].done_ms ? x.e[0].done_ms :
		    x.e[1].done_ms;
		eff = (double)most * 10 / r->bps /
		    ((double)(done - 1000 - r->delay_ms) / 1000);
		print_message("%s: %.4f, again %llu %llu, wire %llu %llu, "
		    "probes %u %u, timeouts %u %u, rate %.0f %.0f, rtt %u\n",
		    r->name, eff, (unsigned long long)s[0].again,
		    (unsigned long long)s[1].again,
		    (unsigned long long)s[0].wire_out,
		    (unsigned long long)s[1].wire_out, s[0].probes,
		    s[1].probes, s[0].timeouts, s[1].timeouts,
		    s[0].rate_out, s[1].rate_out, s[0].rtt_ms);
		if (r->half)
			print_message("    turns %llu, both %llu\n",
			    (unsigned long long)x.turns,
			    (unsigned long long)x.both);
		if (!ok || eff < r->least ||
		    s[0].again + s[1].again > r->again ||
		    (r->turns > 0 && (x.turns > r->turns || x.both > 0)) ||
		    (r->plus && x.e[0].plus + x.e[1].plus > 0)) {
			print_message("FAILED: %s%s\n", r->name,
			    ok ? "" : ": not finished");
			bad++;
		}
		ends_close(&x);
	}
	assert_int_equal(bad, 0);
}

/* --- control during a transfer at full rate, behind a queue of 17 KB */

static const struct {
	const char *name;
	uint32_t bps;
	bool both;
	uint64_t most_ms;
} control_rows[] = {
	{"33600, one way", 33600, false, 500},
	{"33600, both ways", 33600, true, 700},
	{"2400, one way", 2400, false, 2000},
	{"2400, both ways", 2400, true, 3500},
	{"115200, one way", 115200, false, 500},
};

static void test_control(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof control_rows / sizeof *control_rows;
	    i++) {
		struct ends_conf c = {.line = {.bps = control_rows[i].bps}};
		uint64_t next, asked = 0, worst = 0, ms;
		unsigned answers = 0;
		bool ok = true;

		c.send[0] = control_rows[i].bps * 8;
		c.send[1] = control_rows[i].both ? c.send[0] : 0;
		ends_open(&x, &c, seed);
		/* The first 2 KB may lie there unmeasured. */
		next = 1000 + 20480000 / control_rows[i].bps;
		while (ok && !ends_finished(&x)) {
			ms = ends_now_ms(&x);
			if (asked > 0 && link_probe_answered(x.e[0].l)) {
				if (ms - asked > worst)
					worst = ms - asked;
				asked = 0;
				answers++;
				next = ms + 1000 + ms % 97;
			} else if (asked == 0 && ms >= next &&
			    x.e[0].put < c.send[0]) {
				link_probe(x.e[0].l);
				asked = ms;
			}
			/* The answer counts, too; it is short. */
			ok = ends_run(&x, 1) || !x.wrong;
		}
		print_message("%s: %u answers, worst %llu ms\n",
		    control_rows[i].name, answers,
		    (unsigned long long)worst);
		ends_close(&x);
		assert_true(ok && answers > 10);
		assert_true(worst <= control_rows[i].most_ms);
	}
}

/* --- nothing to send */

static void test_idle_is_quiet(void **state)
{
	struct ends_conf c = {.line = {.bps = 33600, .delay_ms = 60},
	    .send = {1000, 1000}};
	struct link_stats a, b;

	(void)state;
	ends_open(&x, &c, seed);
	assert_true(ends_run(&x, 5000));
	link_get_stats(x.e[0].l, &a);
	while (ends_now_ms(&x) < 3600000)
		assert_true(ends_step(&x));
	link_get_stats(x.e[0].l, &b);
	assert_false(link_dead(x.e[0].l) || link_dead(x.e[1].l));
	print_message("idle for an hour: %llu bytes out, %llu in\n",
	    (unsigned long long)(b.wire_out - a.wire_out),
	    (unsigned long long)(b.wire_in - a.wire_in));
	/* A probe and an answer every 10 s. */
	assert_in_range(b.wire_out + b.wire_in - a.wire_out - a.wire_in,
	    1000, 400 * 40);
	ends_close(&x);
}

/* --- a peer that has gone */

static void test_silence(void **state)
{
	static const struct {
		uint32_t delay_ms, silence_ms;
		bool half;
		uint64_t least, most;
	} rows_[] = {
		{60, 0, false, 60000, 61000},
		{60, 5000, false, 5000, 6000},
		{20000, 60000, false, 160000, 170000},
		{60, 60000, true, 120000, 125000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows_ / sizeof *rows_; i++) {
		struct ends_conf c = {
		    .line = {.bps = 33600, .delay_ms = rows_[i].delay_ms},
		    .send = {1000000, 0}, .dead_from = {60000, 60000},
		    .dead_to = {UINT64_MAX, UINT64_MAX}};
		uint64_t at;

		for (int k = 0; k < 2; k++) {
			c.link[k].silence_ms = rows_[i].silence_ms;
			c.link[k].half = rows_[i].half;
		}
		ends_open(&x, &c, seed);
		while (!link_dead(x.e[0].l) && ends_now_ms(&x) < 1000000)
			assert_true(ends_step(&x));
		at = ends_now_ms(&x) - x.e[0].heard_ms;
		print_message("silent for %llu ms\n", (unsigned long long)at);
		assert_in_range(at, rows_[i].least, rows_[i].most);
		ends_close(&x);
	}
}

/* --- an acknowledgement has numbers of its own, which may be "+++" */

static void test_plus_in_ack(void **state)
{
	static const struct {
		const char *name;
		uint16_t seq[2];
		uint32_t off[2];
		size_t n[2], take;
	} rows_[] = {
		/* opened 0x002b2, last seq 0xb2b: 00 2b 2b 2b */
		{"opened and last seq", {0x700, 0xb2b}, {0, 300}, {300, 390},
		    690},
		/* the gap: offset 0x002b2, length 0xb2b */
		{"a gap", {0, 2}, {0, 690 + 2859}, {690, 10}, 690},
	};
	static const uint8_t zero[1000];
	uint8_t frame[WIRE_FRAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof rows_ / sizeof *rows_; i++) {
		struct link_conf c = {.caller = true, .break_plus = true};
		struct link *l = link_new(&c, 1000);
		const uint8_t *p;
		size_t n, plus = 0;

		print_message("%s\n", rows_[i].name);
		assert_non_null(l);
		for (int k = 0; k < 2; k++) {
			n = wire_short(frame, rows_[i].seq[k], rows_[i].off[k],
			    NULL, zero, rows_[i].n[k]);
			link_feed(l, frame, n, 1000);
		}
		link_take(l, rows_[i].take);
		alarm(20); /* it never came to an end */
		n = link_out(l, &p, 1000);
		alarm(0);
		assert_in_range(n, 15, 60);
		for (size_t k = 2; k < n; k++)
			plus += memcmp(p + k - 2, "+++", 3) == 0;
		assert_int_equal(plus, 0);
		link_free(l);
	}
}

/* --- seeds: whatever the line does, the stream arrives whole */

static void random_conf(struct ends_conf *c, uint64_t *rng)
{
	static const uint32_t bps[] = {300, 2400, 9600, 33600, 115200};
	uint32_t b = bps[sim_random(rng) % 5];
	bool half = sim_random(rng) % 5 == 0;

	memset(c, 0, sizeof *c);
	c->line.bps = b;
	c->line.delay_ms = sim_random(rng) % 4 == 0 ?
	    (uint32_t)(sim_random(rng) % 20000) :
	    (uint32_t)(sim_random(rng) % 200);
	if (sim_random(rng) % 2)
		c->line.bit_errors = 1e-6 *
		    (double)(1 << sim_random(rng) % 8);
	c->line.buffer_bytes = 1 + sim_random(rng) % 20000;
	c->send[0] = sim_random(rng) % (b * 3);
	c->send[1] = sim_random(rng) % (b * 3);
	c->record = 1 + sim_random(rng) % 4114;
	if (sim_random(rng) % 4 == 0)
		c->drop = 3000;
	if (sim_random(rng) % 4 == 0)
		c->twice = 3000;
	if (sim_random(rng) % 4 == 0)
		c->insert = 3000;
	if (sim_random(rng) % 4 == 0)
		c->reject = 20;
	for (int i = 0; i < 2; i++) {
		if (sim_random(rng) % 4 == 0) {
			c->dead_from[i] = sim_random(rng) % 60000;
			c->dead_to[i] = c->dead_from[i] +
			    sim_random(rng) % 20000;
		}
		c->link[i].half = half;
		c->link[i].silence_ms = 3600000;
		c->link[i].break_plus = sim_random(rng) % 8 == 0;
		if (sim_random(rng) % 2)
			c->link[i].rate = (double)(sim_random(rng) % b);
		if (sim_random(rng) % 4 == 0)
			c->link[i].rate_max = b / 10;
	}
	if (sim_random(rng) % 4 == 0) {
		uint8_t mask = (uint8_t)sim_random(rng);

		c->link[0].mask_in = c->link[1].mask_out = mask;
		c->link[1].mask_in = c->link[0].mask_out = mask ^ 1;
	}
}

static void test_seeds(void **state)
{
	const char *count = getenv("SEEDS");
	uint64_t n = count ? strtoull(count, NULL, 10) : 150;

	(void)state;
	for (uint64_t i = seed; i < seed + n; i++) {
		struct ends_conf c;
		uint64_t rng = i;

		random_conf(&c, &rng);
		ends_open(&x, &c, i);
		if (!ends_run(&x, 36000000)) {
			print_message("SEED=%llu: %s; %u bps, %u ms, ber %g, "
			    "half %d: %zu of %zu, %zu of %zu\n",
			    (unsigned long long)i,
			    x.wrong ? "wrong bytes" : "not finished",
			    c.line.bps, c.line.delay_ms, c.line.bit_errors,
			    c.link[0].half, x.e[0].got, x.e[0].want,
			    x.e[1].got, x.e[1].want);
			fail();
		}
		ends_close(&x);
	}
}

/* --- what no line brings of itself: the fuzzer's scripts */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void test_scripts(void **state)
{
	uint8_t script[400];
	uint64_t rng = seed;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		size_t n = sim_random(&rng) % sizeof script;

		for (size_t k = 0; k < n; k++)
			script[k] = (uint8_t)sim_random(&rng);
		LLVMFuzzerTestOneInput(script, n);
	}
}

/* --- no limit but the processor */

static void test_throughput(void **state)
{
	static uint8_t buf[65536];
	struct link_conf c = {.caller = true};
	struct link *a = link_new(&c, 0), *b = link_new(&c, 0);
	clock_t start = clock();
	uint64_t got = 0, most = 64 << 20;
	const uint8_t *p;
	double s;
	size_t n;

	(void)state;
	while (got < most) {
		uint64_t now = (uint64_t)(clock() - start) * 1000 /
		    CLOCKS_PER_SEC;

		while ((n = link_wants(a)) > 0)
			link_put(a, buf, n < sizeof buf ? n : sizeof buf);
		n = link_out(a, &p, now);
		link_feed(b, p, n, now);
		link_sent(a, n, now);
		n = link_peek(b, &p);
		got += n;
		link_take(b, n);
		n = link_out(b, &p, now);
		link_feed(a, p, n, now);
		link_sent(b, n, now);
		if (link_deadline(a) <= now)
			link_tick(a, now);
		if (link_deadline(b) <= now)
			link_tick(b, now);
		assert_true(now < 60000);
	}
	s = (double)(clock() - start) / CLOCKS_PER_SEC;
	print_message("%.0f MB/s\n", (double)got / s / 1e6);
	/* Far below what it is without sanitizers on an idle machine. */
	assert_true((double)got / s > 1e6);
	link_free(a);
	link_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_idle_is_quiet),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_plus_in_ack),
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_throughput),
		cmocka_unit_test(test_seeds),
	};
	const char *s = getenv("SEED");

	seed = s ? strtoull(s, NULL, 10) : 1;
	print_message("SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
