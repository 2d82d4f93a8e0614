/* The sans-IO line of tests/line/line.c: when bytes arrive, how many fit,
 * what is damaged, where the carrier goes.  Time is a number here, so whole
 * minutes of line pass at once.  The process: s_line_sim.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/line/line.h"

#define SEC (1000 * SIM_MS)

static const struct sim_line_conf plain = {
	.bps = 33600, .buffer_bytes = 4096, .cut_times = 1, .seed = 1
};

static struct sim_line *new_line(const struct sim_line_conf *c)
{
	const char *why;
	struct sim_line *l = sim_line_new(c, &why);

	if (!l)
		fail_msg("no line: %s", why);
	return l;
}

/* The n-th byte of the test stream; never XON or XOFF. */
static uint8_t stream_byte(size_t n)
{
	return (uint8_t)(0x20 + n % 97);
}

/* One direction of a test run. */
struct flow {
	enum sim_dir dir;
	size_t put, got, end;
	size_t wrong;
	uint64_t last;  /* when the last byte was taken */
};

/* Offer what is left, and take what is due. */
static void move(struct sim_line *l, struct flow *f, uint64_t now)
{
	uint8_t buf[512];
	const uint8_t *p;
	size_t n, i;

	while (f->put < f->end) {
		size_t want = f->end - f->put;

		want = want < sizeof(buf) ? want : sizeof(buf);
		for (i = 0; i < want; i++)
			buf[i] = stream_byte(f->put + i);
		n = sim_line_put(l, f->dir, buf, want, now);
		f->put += n;
		if (n < want)
			break;
	}
	while ((n = sim_line_due(l, f->dir, now, &p)) > 0) {
		for (i = 0; i < n; i++)
			f->wrong += p[i] != stream_byte(f->got + i);
		f->got += n;
		f->last = now;
		sim_line_take(l, f->dir, n);
	}
}

/* Both directions by small steps until all came, or the carrier went; the
 * receivers look every step_ns, from start on. */
static void run(struct sim_line *l, struct flow *ab, struct flow *ba,
    uint64_t start, uint64_t step_ns)
{
	uint64_t now = start, end = start + 4000 * SEC;

	while ((ab->got < ab->end || ba->got < ba->end) && now < end &&
	    !sim_line_is_cut(l, now)) {
		move(l, ab, now);
		move(l, ba, now);
		now += step_ns;
	}
	if (!sim_line_is_cut(l, now))
		return;
	move(l, ab, now);
	move(l, ba, now);
}

static void test_rate_and_delay(void **state)
{
	static const struct {
		const char *name;
		uint32_t bps, delay_ms;
		size_t buffer, ab, ba;
		uint64_t start;
	} rows[] = {
		{"33,600 one way for a minute", 33600, 0, 4096, 200000, 0, 0},
		{"33,600 both ways", 33600, 60, 4096, 60000, 60000, 7 * SEC},
		{"2,400 over a satellite", 2400, 700, 4096, 12000, 9000, 0},
		{"115,200 both ways", 115200, 0, 4096, 200000, 200000, 1},
		{"a small buffer does not slow a line", 33600, 60, 64, 20000,
		    20000, 0},
		{"a rate that divides nothing", 28799, 33, 4096, 50000, 1, 0},
		{"a delay longer than the transfer", 1200, 60000, 4096, 10,
		    10, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sim_line_conf c = plain;
		struct flow ab = {SIM_AB, 0, 0, rows[i].ab, 0, 0};
		struct flow ba = {SIM_BA, 0, 0, rows[i].ba, 0, 0};
		struct flow *fuller = rows[i].ab >= rows[i].ba ? &ab : &ba;
		uint64_t step = SIM_MS, ideal;
		struct sim_line *l;

		c.bps = rows[i].bps;
		c.delay_ms = rows[i].delay_ms;
		c.buffer_bytes = rows[i].buffer;
		l = new_line(&c);
		run(l, &ab, &ba, rows[i].start, step);
		print_message("%s\n", rows[i].name);
		assert_int_equal(ab.got, rows[i].ab);
		assert_int_equal(ba.got, rows[i].ba);
		assert_int_equal(ab.wrong + ba.wrong, 0);
		ideal = (uint64_t)((double)fuller->end * 1e10 / rows[i].bps) +
		    rows[i].delay_ms * SIM_MS;
		/* Late by the look every step at most, and early by no more
		 * than the rounding of a byte's time to nanoseconds. */
		assert_in_range(fuller->last - rows[i].start,
		    ideal - fuller->end, ideal + step + fuller->end);
		assert_in_range(sim_line_stats(l, fuller->dir)->last_ns -
		    rows[i].start, ideal - fuller->end, ideal + fuller->end);
		sim_line_free(l);
	}
}

static void test_no_credit_and_never_early(void **state)
{
	struct sim_line_conf c = plain;
	struct sim_line *l;
	const uint8_t *p;
	uint64_t due;

	(void)state;
	c.bps = 10000;  /* a byte is 1 ms */
	c.delay_ms = 5;
	l = new_line(&c);
	assert_int_equal(sim_line_put(l, SIM_AB, (const uint8_t *)"abc", 3,
	    10 * SEC), 3);
	due = 10 * SEC + 6 * SIM_MS;
	assert_int_equal(sim_line_next(l, SIM_AB), due);
	assert_int_equal(sim_line_due(l, SIM_AB, due - 1, &p), 0);
	assert_int_equal(sim_line_due(l, SIM_AB, due, &p), 1);
	assert_int_equal(sim_line_due(l, SIM_AB, due + 2 * SIM_MS - 1, &p), 2);
	assert_int_equal(sim_line_due(l, SIM_AB, due + 2 * SIM_MS, &p), 3);
	assert_int_equal(p[2], 'c');
	assert_int_equal(sim_line_due(l, SIM_BA, 20 * SEC, &p), 0);
	sim_line_take(l, SIM_AB, 3);
	/* Ten idle seconds later the next byte takes as long. */
	(void)sim_line_put(l, SIM_AB, (const uint8_t *)"d", 1, 20 * SEC);
	assert_int_equal(sim_line_next(l, SIM_AB), 20 * SEC + 6 * SIM_MS);
	assert_int_equal(sim_line_stats(l, SIM_AB)->first_ns, 10 * SEC);
	sim_line_free(l);
}

static void test_buffer_limits_what_is_taken(void **state)
{
	struct sim_line_conf c = plain;
	struct flow f = {SIM_AB, 0, 0, 100000, 0, 0};
	struct sim_line *l;
	size_t most;

	(void)state;
	c.bps = 10000;
	c.buffer_bytes = 100;
	c.delay_ms = 20; /* 20 bytes on the wire */
	l = new_line(&c);
	assert_int_equal(sim_line_room(l, SIM_AB, SEC), 100);
	f.put = 0;
	move(l, &f, SEC);
	assert_int_equal(f.put, 100);
	assert_int_equal(sim_line_room(l, SIM_BA, SEC), 100);
	assert_int_equal(sim_line_room(l, SIM_AB, SEC), 0);
	assert_int_equal(sim_line_room_at(l, SIM_AB, 1, SEC), SEC + SIM_MS);
	assert_int_equal(sim_line_room_at(l, SIM_AB, 30, SEC),
	    SEC + 30 * SIM_MS);
	assert_int_equal(sim_line_room_at(l, SIM_AB, 999, SEC),
	    SEC + 100 * SIM_MS);
	assert_int_equal(sim_line_room(l, SIM_AB, SEC + 30 * SIM_MS - 1), 29);
	assert_int_equal(sim_line_room(l, SIM_AB, SEC + 30 * SIM_MS), 30);

	/* Nobody takes for 1,000 s: the sender is stopped in the end. */
	for (most = 1; most < 1000; most++) {
		uint8_t b = stream_byte(f.put);

		f.put += sim_line_put(l, SIM_AB, &b, 1, SEC + most * SEC);
	}
	assert_in_range(f.put, 220, 224);
	assert_int_equal(sim_line_room_at(l, SIM_AB, 1, 2000 * SEC),
	    SIM_NEVER);
	/* And goes on, with nothing lost, when they take again. */
	f.end = 5000;
	while (f.got < f.end && most < 100000)
		move(l, &f, 3000 * SEC + most++ * 10 * SIM_MS);
	assert_int_equal(f.got, 5000);
	assert_int_equal(f.wrong, 0);
	sim_line_free(l);
}

/* Carry n zero bytes in one direction and count the ones that arrive. */
static uint64_t carry_zeros(const struct sim_line_conf *c, enum sim_dir d,
    size_t n, uint64_t *sum)
{
	static const uint8_t zeros[1000];
	struct sim_line *l = new_line(c);
	uint64_t now = 0, ones = 0;
	const uint8_t *p;
	size_t put = 0, k, i;

	*sum = 0;
	while (put < n || sim_line_pending(l, d) > 0) {
		put += sim_line_put(l, d, zeros, put < n ? 1000 : 0, now);
		while ((k = sim_line_due(l, d, now, &p)) > 0) {
			for (i = 0; i < k; i++) {
				ones += (unsigned)__builtin_popcount(p[i]);
				*sum = *sum * 31 + p[i];
			}
			sim_line_take(l, d, k);
		}
		now += 10 * SIM_MS;
	}
	assert_int_equal(ones, sim_line_stats(l, d)->bit_errors);
	sim_line_free(l);
	return ones;
}

static void test_errors_come_at_their_rate(void **state)
{
	static const double rates[] = {0, 1e-5, 1e-4, 1e-2, 0.5, 1};
	const char *text = getenv("SEED");
	struct sim_line_conf c = plain;
	uint64_t ones, sum, again, other;
	size_t i, bytes = 1000000;

	(void)state;
	c.bps = 10000000;
	c.buffer_bytes = 100000;
	c.seed = text && *text ? strtoull(text, NULL, 10) : 1;
	print_message("SEED=%llu\n", (unsigned long long)c.seed);
	for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		double mean = 8e6 * rates[i];
		double sigma = sqrt(mean * (1 - rates[i]));

		c.bit_errors = rates[i];
		ones = carry_zeros(&c, SIM_AB, bytes, &sum);
		print_message("rate %g: %llu\n", rates[i],
		    (unsigned long long)ones);
		/* Five sigma: once in two million seeds. */
		assert_true(fabs((double)ones - mean) <= 5 * sigma);
	}
	c.bit_errors = 1e-3;
	(void)carry_zeros(&c, SIM_AB, 100000, &sum);
	(void)carry_zeros(&c, SIM_AB, 100000, &again);
	assert_true(sum == again);
	(void)carry_zeros(&c, SIM_BA, 100000, &other);
	assert_true(sum != other);
	c.seed++;
	(void)carry_zeros(&c, SIM_AB, 100000, &other);
	assert_true(sum != other);
}

static void test_cut_is_exact(void **state)
{
	static const struct {
		const char *name;
		uint64_t cut_bytes, cut_ms;
		enum sim_cut dir;
		uint32_t delay_ms;
		size_t ab, ba;         /* offered */
		size_t got_ab, got_ba; /* SIZE_MAX: not looked at */
	} rows[] = {
		{"after one byte", 1, 0, SIM_CUT_EITHER, 0, 10, 0, 1, 0},
		{"after 52,000 of 100,000", 52000, 0, SIM_CUT_EITHER, 60,
		    100000, 0, 52000, 0},
		{"counted in ab, ba runs on", 700, 0, SIM_CUT_AB, 0, 1000,
		    1000, 700, SIZE_MAX},
		{"counted in ba", 700, 0, SIM_CUT_BA, 5, 1000, 1000, SIZE_MAX,
		    700},
		{"counted in ba only, ba is short", 700, 0, SIM_CUT_BA, 0,
		    1000, 699, 1000, 699},
		{"either: the fuller one counts", 500, 0, SIM_CUT_EITHER, 0,
		    100, 900, 100, 500},
		{"never reached", 1001, 0, SIM_CUT_EITHER, 0, 1000, 1000,
		    1000, 1000},
		/* 1 byte is 1 ms; due at the cut's very moment is too late */
		{"after 100 ms", 0, 100, SIM_CUT_EITHER, 0, 1000, 50, 99, 50},
		{"after 100 ms with delay", 0, 100, SIM_CUT_EITHER, 30, 1000,
		    0, 69, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sim_line_conf c = plain;
		struct flow ab = {SIM_AB, 0, 0, rows[i].ab, 0, 0};
		struct flow ba = {SIM_BA, 0, 0, rows[i].ba, 0, 0};
		struct sim_line *l;

		c.bps = 10000;
		c.cut_bytes = rows[i].cut_bytes;
		c.cut_ms = rows[i].cut_ms;
		c.cut_dir = rows[i].dir;
		c.delay_ms = rows[i].delay_ms;
		l = new_line(&c);
		/* Steps of 7 ms: the count must be exact all the same. */
		run(l, &ab, &ba, SEC, 7 * SIM_MS);
		print_message("%s\n", rows[i].name);
		if (rows[i].got_ab != SIZE_MAX)
			assert_int_equal(ab.got, rows[i].got_ab);
		if (rows[i].got_ba != SIZE_MAX)
			assert_int_equal(ba.got, rows[i].got_ba);
		assert_int_equal(ab.wrong + ba.wrong, 0);
		if (ab.got < ab.end || ba.got < ba.end) {
			assert_true(sim_line_is_cut(l, 5000 * SEC));
			assert_int_equal(sim_line_room(l, SIM_AB, 5000 * SEC),
			    0);
		}
		sim_line_free(l);
	}
}

static void test_redial(void **state)
{
	struct sim_line_conf c = plain;
	struct flow ab = {SIM_AB, 0, 0, 1000, 0, 0};
	struct flow none = {SIM_BA, 0, 0, 0, 0, 0};
	struct sim_line *l;

	(void)state;
	c.cut_bytes = 300;
	c.cut_times = 2;
	l = new_line(&c);
	run(l, &ab, &none, 0, SIM_MS);
	assert_int_equal(ab.got, 300);
	sim_line_redial(l);
	assert_false(sim_line_is_cut(l, 100 * SEC));
	assert_int_equal(sim_line_pending(l, SIM_AB), 0);
	assert_int_equal(sim_line_stats(l, SIM_AB)->lost, 700);
	ab.put = ab.got;
	run(l, &ab, &none, 100 * SEC, SIM_MS);
	assert_int_equal(ab.got, 600);
	sim_line_redial(l);
	ab.put = ab.got;
	run(l, &ab, &none, 200 * SEC, SIM_MS); /* the third is not cut */
	assert_int_equal(ab.got, 1000);
	assert_int_equal(ab.wrong, 0);
	assert_int_equal(sim_line_stats(l, SIM_AB)->bytes, 1000);
	sim_line_cut(l);
	assert_true(sim_line_is_cut(l, 300 * SEC));
	sim_line_free(l);
}

static void test_xonxoff_and_seven(void **state)
{
	struct sim_line_conf c = plain;
	struct sim_line *l;
	const uint8_t *p;

	(void)state;
	c.xonxoff = true;
	l = new_line(&c);
	(void)sim_line_put(l, SIM_AB, (const uint8_t *)"a\x13z", 3, 0);
	(void)sim_line_put(l, SIM_BA, (const uint8_t *)"held", 4, 0);
	assert_int_equal(sim_line_due(l, SIM_AB, SEC, &p), 2);
	assert_memory_equal(p, "az", 2);
	assert_int_equal(sim_line_due(l, SIM_BA, SEC, &p), 0);
	assert_int_equal(sim_line_next(l, SIM_BA), SIM_NEVER);
	assert_int_equal(sim_line_pending(l, SIM_BA), 4);
	(void)sim_line_put(l, SIM_AB, (const uint8_t *)"\x11", 1, 2 * SEC);
	assert_int_equal(sim_line_pending(l, SIM_AB), 2);
	assert_int_equal(sim_line_due(l, SIM_BA, 2 * SEC, &p), 4);
	sim_line_free(l);

	c.xonxoff = false;
	c.seven = true;
	l = new_line(&c);
	(void)sim_line_put(l, SIM_AB, (const uint8_t *)"\x13\xff\x80", 3, 0);
	assert_int_equal(sim_line_due(l, SIM_AB, SEC, &p), 3);
	assert_memory_equal(p, "\x13\x7f\x00", 3);
	sim_line_free(l);
}

static void test_utilisation(void **state)
{
	struct sim_line_conf c = plain;
	struct flow ab = {SIM_AB, 0, 0, 500, 0, 0};
	struct flow ba = {SIM_BA, 0, 0, 1000, 0, 0};
	struct sim_line *l;
	uint64_t ns;

	(void)state;
	c.bps = 10000;
	c.delay_ms = 250;
	l = new_line(&c);
	assert_true(sim_line_utilisation(l, &ns) == 0 && ns == 0);
	run(l, &ab, &ba, 5 * SEC, SIM_MS);
	assert_true(fabs(sim_line_utilisation(l, &ns) - 0.8) < 1e-6);
	assert_int_equal(ns, SEC + 250 * SIM_MS);
	sim_line_free(l);
}

/* 300 bytes, a pause, 600 bytes in two lots, a pause, 511 bytes: the 600 are
 * the only bulk.  Then one more byte, and the 512 are one, too. */
static void test_bulk(void **state)
{
	static const struct {
		size_t n;
		uint64_t at_ms, first_ms, last_ms; /* 0: none */
	} rows[] = {
		{300, 100, 0, 0},
		{400, 1000, 0, 0},
		{200, 1404, 1000, 1604}, /* 4 ms late: no pause */
		{511, 3000, 1000, 1604},
		{1, 3511, 1000, 3512},
	};
	const struct sim_line_stats *st;
	struct sim_line_conf c = plain;
	uint8_t bytes[1024] = {0};
	struct sim_line *l;

	(void)state;
	c.bps = 10000;
	l = new_line(&c);
	st = sim_line_stats(l, SIM_BA);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint8_t *p;
		size_t n;

		assert_int_equal(sim_line_put(l, SIM_BA, bytes, rows[i].n,
		    rows[i].at_ms * SIM_MS), rows[i].n);
		while ((n = sim_line_due(l, SIM_BA, SIM_NEVER - 1, &p)) > 0)
			sim_line_take(l, SIM_BA, n);
		assert_int_equal(st->bulk_first_ns, rows[i].first_ms ?
		    rows[i].first_ms * SIM_MS : SIM_NEVER);
		if (rows[i].last_ms)
			assert_int_equal(st->bulk_last_ns,
			    rows[i].last_ms * SIM_MS);
	}
	sim_line_free(l);
}

static void test_bad_configuration_is_refused(void **state)
{
	static const struct {
		const char *name;
		uint32_t bps, delay_ms;
		double rate;
		size_t buffer;
	} rows[] = {
		{"no rate", 0, 0, 0, 4096},
		{"rate too high", 10000001, 0, 0, 4096},
		{"delay too long", 33600, 60001, 0, 4096},
		{"negative error rate", 33600, 0, -1e-9, 4096},
		{"error rate above 1", 33600, 0, 1.1, 4096},
		{"error rate is no number", 33600, 0, NAN, 4096},
		{"no buffer", 33600, 0, 0, 0},
		{"buffer too large", 33600, 0, 0, (1 << 20) + 1},
		{"more under way than fits", 10000000, 60000, 0, 4096},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sim_line_conf c = plain;
		const char *why = NULL;

		c.bps = rows[i].bps;
		c.delay_ms = rows[i].delay_ms;
		c.bit_errors = rows[i].rate;
		c.buffer_bytes = rows[i].buffer;
		if (sim_line_new(&c, &why) != NULL || !why)
			fail_msg("%s: not refused", rows[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate_and_delay),
		cmocka_unit_test(test_no_credit_and_never_early),
		cmocka_unit_test(test_buffer_limits_what_is_taken),
		cmocka_unit_test(test_errors_come_at_their_rate),
		cmocka_unit_test(test_cut_is_exact),
		cmocka_unit_test(test_redial),
		cmocka_unit_test(test_xonxoff_and_seven),
		cmocka_unit_test(test_utilisation),
		cmocka_unit_test(test_bulk),
		cmocka_unit_test(test_bad_configuration_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
