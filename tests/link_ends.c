/* See link_ends.h. */
#include "tests/link_ends.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The stream of a side; runs of '+' now and then. */
uint8_t ends_byte(int side, size_t at)
{
	uint64_t v = (at / 8 + 1) * UINT64_C(0x9E3779B97F4A7C15) +
	    (uint64_t)side;

	if (at % 5000 < 40)
		return '+';
	v ^= v >> 29;
	v *= UINT64_C(0xBF58476D1CE4E5B9);
	v ^= v >> 32;
	return (uint8_t)(v >> (at % 8 * 8));
}

uint64_t ends_now_ms(const struct ends *x)
{
	return x->ns / SIM_MS;
}

void ends_open(struct ends *x, const struct ends_conf *c, uint64_t seed)
{
	const char *why;

	memset(x, 0, sizeof *x);
	x->conf = *c;
	x->conf.line.seed = seed;
	x->rng = seed ^ 0x5555;
	x->ns = 1000 * SIM_MS;
	x->talks = -1;
	if (x->conf.record == 0)
		x->conf.record = 4096;
	if (x->conf.line.buffer_bytes == 0)
		x->conf.line.buffer_bytes = 17 << 10;
	x->line = sim_line_new(&x->conf.line, &why);
	for (int i = 0; i < 2; i++) {
		struct link_conf *lc = &x->conf.link[i];

		lc->caller = i == 0;
		if (lc->rtt_ms == 0)
			lc->rtt_ms = 2 * c->line.delay_ms + 20;
		x->e[i].l = link_new(lc, ends_now_ms(x));
		x->e[i].want = c->send[!i];
		if (x->line == NULL || x->e[i].l == NULL) {
			fprintf(stderr, "link_ends: %s\n", why);
			abort();
		}
	}
}

void ends_close(struct ends *x)
{
	link_free(x->e[0].l);
	link_free(x->e[1].l);
	sim_line_free(x->line);
}

static bool chance(struct ends *x, uint32_t one_in)
{
	return one_in > 0 && sim_random(&x->rng) % one_in == 0;
}

/* Put what the link wants, record by record. */
static void put(struct ends *x, int i)
{
	struct end *e = &x->e[i];
	size_t n;

	while ((n = link_wants(e->l)) > 0 && e->put < x->conf.send[i]) {
		uint8_t buf[8192];
		size_t left = x->conf.send[i] - e->put;

		if (n > x->conf.record)
			n = x->conf.record;
		if (n > left)
			n = left;
		for (size_t k = 0; k < n; k++)
			buf[k] = ends_byte(i, e->put + k);
		link_put(e->l, buf, n);
		e->put += n;
	}
}

/* Take whole records, or what is left. */
static void take(struct ends *x, int i)
{
	struct end *e = &x->e[i];

	for (;;) {
		const uint8_t *p;
		size_t have = link_peek(e->l, &p), left = e->want - e->got;
		size_t n = left < x->conf.record ? left : x->conf.record;

		if (n == 0 && have > 0)
			x->wrong = true;
		if (n == 0 || have < n)
			return;
		if (x->conf.reject > 0 && !e->rejected &&
		    sim_random(&x->rng) % x->conf.reject == 0) {
			e->rejected = true;
			e->rejects++;
			link_reject(e->l, n);
			return;
		}
		e->rejected = false;
		for (size_t k = 0; k < n; k++)
			if (p[k] != ends_byte(!i, e->got + k))
				x->wrong = true;
		link_take(e->l, n);
		e->got += n;
		if (e->got == e->want)
			e->done_ms = ends_now_ms(x);
	}
}

/* Deliver what is due to side i, as damaged as asked for. */
static void deliver(struct ends *x, int i)
{
	enum sim_dir d = i == 0 ? SIM_BA : SIM_AB;
	uint64_t now = ends_now_ms(x);
	const uint8_t *p;
	size_t n;

	while ((n = sim_line_due(x->line, d, x->ns, &p)) > 0) {
		uint8_t buf[3 * 512];
		size_t m = 0;

		if (n > 512)
			n = 512;
		for (size_t k = 0; k < n; k++) {
			if (chance(x, x->conf.insert))
				buf[m++] = !x->conf.flow_noise ?
				    (uint8_t)sim_random(&x->rng) :
				    sim_random(&x->rng) % 2 ? 0x11 : 0x13;
			if (chance(x, x->conf.drop))
				continue;
			buf[m++] = p[k];
			if (chance(x, x->conf.twice))
				buf[m++] = p[k];
		}
		sim_line_take(x->line, d, n);
		if (x->conf.dead_from[!i] > 0 &&
		    now >= x->conf.dead_from[!i] && now < x->conf.dead_to[!i])
			m = 0;
		if (m > 0)
			x->e[i].heard_ms = now;
		link_feed(x->e[i].l, buf, m, now);
		take(x, i);
	}
}

static void watch_plus(struct end *e, const uint8_t *p, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		e->plus_run = p[k] == '+' ? e->plus_run + 1 : 0;
		if (e->plus_run == 3)
			e->plus++;
	}
}

/* Half duplex: who had the line before, and is any of it still there? */
static void watch_turns(struct ends *x, int i)
{
	if (sim_line_pending(x->line, i == 0 ? SIM_BA : SIM_AB) > 0)
		x->both++;
	if (x->talks != i)
		x->turns++;
	x->talks = i;
}

static void write_out(struct ends *x, int i)
{
	enum sim_dir d = i == 0 ? SIM_AB : SIM_BA;
	struct end *e = &x->e[i];
	uint64_t now = ends_now_ms(x);
	const uint8_t *p;
	size_t n;

	for (;;) {
		put(x, i);
		n = link_out(e->l, &p, now);
		if (n == 0)
			return;
		n = sim_line_put(x->line, d, p, n, x->ns);
		if (n == 0)
			return;
		watch_turns(x, i);
		watch_plus(e, p, n);
		link_sent(e->l, n, now);
	}
}

/* The next time at which something happens to side i, in ns. */
static uint64_t next_time(struct ends *x, int i)
{
	enum sim_dir in = i == 0 ? SIM_BA : SIM_AB;
	uint64_t at = sim_line_next(x->line, in), t;
	const uint8_t *p;

	t = link_deadline(x->e[i].l);
	if (t != UINT64_MAX && t * SIM_MS < at)
		at = t * SIM_MS;
	if (link_out(x->e[i].l, &p, ends_now_ms(x)) > 0) {
		t = sim_line_room_at(x->line, !in, 1, x->ns);
		if (t < at)
			at = t;
	}
	return at;
}

bool ends_step(struct ends *x)
{
	uint64_t at = UINT64_MAX, now;

	for (int i = 0; i < 2; i++) {
		uint64_t t = next_time(x, i);

		if (t < at)
			at = t;
	}
	if (at == UINT64_MAX)
		return false;
	if (at < x->ns + SIM_MS)
		at = x->ns + SIM_MS;
	if (x->conf.late_ms > 0)
		at += sim_random(&x->rng) % (x->conf.late_ms + 1) * SIM_MS;
	x->ns = (at + SIM_MS - 1) / SIM_MS * SIM_MS;
	now = ends_now_ms(x);
	for (int i = 0; i < 2; i++) {
		deliver(x, i);
		if (link_deadline(x->e[i].l) <= now)
			link_tick(x->e[i].l, now);
		take(x, i);
	}
	for (int i = 0; i < 2; i++)
		write_out(x, i);
	return true;
}

bool ends_finished(const struct ends *x)
{
	for (int i = 0; i < 2; i++)
		if (x->e[i].got < x->e[i].want ||
		    x->e[i].put < x->conf.send[i] ||
		    link_unacked(x->e[i].l) > 0)
			return false;
	return true;
}

bool ends_run(struct ends *x, uint64_t ms)
{
	uint64_t end = ends_now_ms(x) + ms;

	for (int i = 0; i < 2; i++)
		write_out(x, i);
	while (!ends_finished(x) && ends_now_ms(x) < end)
		if (!ends_step(x) || x->wrong)
			return false;
	return ends_finished(x) && !x->wrong;
}
