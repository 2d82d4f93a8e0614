/* modem/link*.c: two links on the simulated line.  SEED=n repeats the random
 * part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
	uint8_t mask;
	bool plus;
	uint32_t drop, insert;
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
	{.name = "33600, bit errors, one way", .bps = 33600, .delay_ms = 60,
	    .ber = 1e-5, .ab = 200000, .least = .93, .again = 20000},
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
	    .ba = 300, .least = .9},
	{.name = "10 Mbps, 1 ms", .bps = 10000000, .delay_ms = 1,
	    .ab = 4000000, .least = .8},
	{.name = "33600, 1 s", .bps = 33600, .delay_ms = 1000, .ab = 200000,
	    .ba = 200000, .least = .93},
	{.name = "33600, 20 s", .bps = 33600, .delay_ms = 20000, .ab = 200000,
	    .least = .3},
	{.name = "33600, 20 s, bit errors", .bps = 33600, .delay_ms = 20000,
	    .ber = 1e-5, .ab = 100000, .ba = 100000, .least = .1,
	    .again = 40000},
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
};

static void set(struct ends_conf *c, const struct row *r)
{
	memset(c, 0, sizeof *c);
	c->line.bps = r->bps;
	c->line.delay_ms = r->delay_ms;
	c->line.bit_errors = r->ber;
	c->send[0] = r->ab;
	c->send[1] = r->ba;
	for (int i = 0; i < 2; i++) {
		c->link[i].rate = r->rate;
		c->link[i].mask_in = c->link[i].mask_out = r->mask;
		c->link[i].break_plus = r->plus;
	}
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
		if (!ok || eff < r->least ||
		    s[0].again + s[1].again > r->again ||
		    (r->plus && x.e[0].plus + x.e[1].plus > 0)) {
			print_message("FAILED: %s%s\n", r->name,
			    ok ? "" : ": not finished");
			bad++;
		}
		ends_close(&x);
	}
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};
	const char *s = getenv("SEED");

	seed = s ? strtoull(s, NULL, 10) : 1;
	print_message("SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
