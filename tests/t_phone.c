/* tests/line/phone.c and modem/at.c against each other: the machine dials,
 * answers and hangs up on modems of every maker, in simulated time; then what
 * happens to lines; then all of it at random.  SEED=n repeats that part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "modem/at.h"
#include "tests/line/phone.h"

#define ROWS(t) (sizeof(t) / sizeof *(t))
#define ENDS 3

/* A program with its modem.  A pty's bytes are moved at once. */
struct end {
	struct at *a;
	char got[4000];    /* data */
	size_t got_n;
	char events[1000]; /* in words, each with a blank behind it */
	struct at_connect connect;
	bool no_dcd;       /* look for the text instead */
	struct at_watch watch;
};

struct world {
	struct phone *p;
	struct end end[ENDS];
	int n;
	uint64_t ms;
};

static void log_line(void *arg, uint64_t now, const char *text)
{
	(void)arg;
	if (getenv("VERBOSE"))
		print_message("%7llu %s\n", (unsigned long long)(now /
		    SIM_MS), text);
}

static void world_init(struct world *w, const struct phone_conf *c,
    const char *maker, const struct at_conf *at)
{
	static const char *const numbers[ENDS] = {"5551", "5552", "5553"};
	struct phone_conf conf = *c;
	const char *why;

	memset(w, 0, sizeof(*w));
	conf.log = log_line;
	w->p = phone_new(&conf, &why);
	assert_non_null(w->p);
	w->ms = 1000;
	for (w->n = 0; w->n < ENDS; w->n++) {
		assert_int_equal(phone_add(w->p, numbers[w->n], maker, &why),
		    w->n);
		w->end[w->n].a = at_new(at, w->ms);
		assert_non_null(w->end[w->n].a);
	}
}

static void world_fini(struct world *w)
{
	for (int i = 0; i < w->n; i++)
		at_free(w->end[i].a);
	phone_free(w->p);
}

static void note_events(struct world *w, int i)
{
	static const char *const names[] = {
		[AT_EV_READY] = "ready", [AT_EV_RING] = "ring",
		[AT_EV_COLLISION] = "collision", [AT_EV_PROGRESS] = NULL,
		[AT_EV_CONNECT] = "connect", [AT_EV_NO_CALL] = "no-call",
		[AT_EV_DONE] = "done", [AT_EV_DTR] = "dtr",
		[AT_EV_HUNG_UP] = "hung-up", [AT_EV_FAILED] = "failed"};
	struct end *e = &w->end[i];
	struct at_event ev;

	while (at_event(e->a, &ev)) {
		size_t n = strlen(e->events);

		if (ev.connect)
			e->connect = *ev.connect;
		if (names[ev.type])
			(void)snprintf(e->events + n, sizeof(e->events) - n,
			    "%s%s%s ", names[ev.type],
			    ev.type == AT_EV_NO_CALL ? ":" : "",
			    ev.type == AT_EV_NO_CALL ?
			    at_code_result(ev.code) : ev.code == AT_TIMEOUT ?
			    "-unsure" : "");
		if (ev.type == AT_EV_DTR) {
			phone_dtr(w->p, i, false, w->ms * SIM_MS);
			at_dtr_done(e->a, !phone_carrier(w->p, i), w->ms);
			phone_dtr(w->p, i, true, w->ms * SIM_MS);
		}
	}
}

static void note_data(struct world *w, int i, const uint8_t *p, size_t n)
{
	struct end *e = &w->end[i];

	assert_true(e->got_n + n < sizeof(e->got));
	memcpy(e->got + e->got_n, p, n);
	e->got_n += n;
	at_watch_feed(&e->watch, p, n, w->ms);
}

/* Bytes both ways between program and modem; true: some moved. */
static bool move(struct world *w, int i)
{
	struct end *e = &w->end[i];
	const uint8_t *p;
	uint64_t now = w->ms * SIM_MS;
	size_t n, took, room = phone_room(w->p, i, now);
	bool moved = false;

	n = at_out(e->a, &p);
	if (n > room)
		n = room;
	if (n > 0) {
		phone_feed(w->p, i, p, n, now);
		at_sent(e->a, n, w->ms);
		moved = true;
	}
	n = phone_out(w->p, i, now, &p);
	if (n > 0) {
		uint8_t bytes[256];

		n = n > sizeof(bytes) ? sizeof(bytes) : n;
		memcpy(bytes, p, n);
		phone_take(w->p, i, n, now);
		took = at_feed(e->a, bytes, n, w->ms);
		note_data(w, i, bytes + took, n - took);
		moved = true;
	}
	note_events(w, i);
	if (at_online(e->a) && !phone_carrier(w->p, i) && !e->no_dcd)
		at_carrier_lost(e->a, w->ms);
	return moved;
}

static void step(struct world *w)
{
	for (int i = 0; i < w->n; i++)
		while (move(w, i))
			;
	w->ms += 5;
	phone_tick(w->p, w->ms * SIM_MS);
	for (int i = 0; i < w->n; i++)
		at_tick(w->end[i].a, w->ms);
}

static void run(struct world *w, uint64_t ms)
{
	for (uint64_t until = w->ms + ms; w->ms < until;)
		step(w);
}

/* Until this is among end i's events; they are forgotten then. */
static void run_until(struct world *w, int i, const char *event, uint64_t ms)
{
	uint64_t until = w->ms + ms;

	while (!strstr(w->end[i].events, event)) {
		if (w->ms >= until) {
			print_error("end %d: no %s in %d ms, only: %s\n", i,
			    event, (int)ms, w->end[i].events);
			fail();
		}
		step(w);
	}
	w->end[i].events[0] = '\0';
}

static void ready(struct world *w)
{
	for (int i = 0; i < w->n; i++) {
		at_init(w->end[i].a, w->ms);
		run_until(w, i, "ready ", 20000);
	}
}

static void say(struct world *w, int i, const char *text)
{
	size_t n = strlen(text);

	assert_true(at_online(w->end[i].a));
	assert_true(phone_room(w->p, i, w->ms * SIM_MS) >= n);
	phone_feed(w->p, i, (const uint8_t *)text, n, w->ms * SIM_MS);
}

static void heard(struct world *w, int i, const char *text)
{
	struct end *e = &w->end[i];

	e->got[e->got_n] = '\0';
	assert_string_equal(e->got, text);
	e->got_n = 0;
}

static void call(struct world *w, int from, int to, const char *number)
{
	struct err e = ERR_INIT;

	/* A NO CARRIER that came after DCD fell. */
	w->end[from].got_n = w->end[to].got_n = 0;
	assert_int_equal(at_dial(w->end[from].a, number, w->ms, &e), 0);
	run_until(w, to, "ring ", 5000);
	assert_int_equal(at_answer(w->end[to].a, w->ms), 0);
	run_until(w, from, "connect ", 10000);
	run_until(w, to, "connect ", 10000);
}

/* --- makers -------------------------------------------------------------------- */

static const struct maker_row {
	const char *maker, *init;
	unsigned bps; /* as the texts say */
	const char *protocol, *compression;
	bool dtr;
} maker_rows[] = {
	{"usr", "&F1X4", 33600, "LAPM", "V42BIS", true},
	{"usr", "&F1V0X4", 0, "", "", false},
	{"usr", "&FX0", 0, "", "", true},
	{"rockwell", "AT&F&K3", 33600, "LAPM", "V42BIS", true},
	{"rockwell", "&F&K3", 33600, "LAPM", "V42BIS", false},
	{"lucent", "&F&K3X4", 33600, "V42", "V42BIS", true},
	{"zyxel", "&FX5", 33600, "V42", "V42BIS", true},
	{"multitech", "&F\\Q3", 33600, "ARQ", "", true},
	{"iridium", "&F&K3", 33600, "NONE", "NONE", true},
	{"v250", "+IFC=2,2;+MR=1", 33600, "LAPM", "V42BIS", false},
	{"plain", "", 33600, "", "", true},
	{"plain", "&D0", 33600, "", "", true},
};

static void test_makers(void **state)
{
	(void)state;
	for (size_t k = 0; k < ROWS(maker_rows); k++) {
		const struct maker_row *r = &maker_rows[k];
		struct phone_conf c;
		struct at_conf at;
		struct world w;

		print_message("%s %s\n", r->maker, r->init);
		phone_conf_init(&c);
		at_conf_init(&at);
		at.dtr = r->dtr;
		(void)snprintf(at.init, sizeof(at.init), "%s", r->init);
		world_init(&w, &c, r->maker, &at);
		ready(&w);
		for (int again = 0; again < 2; again++) {
			call(&w, 0, 1, again ? "9,5552" : "5552");
			assert_int_equal(w.end[0].connect.bps, r->bps);
			assert_string_equal(w.end[0].connect.protocol,
			    r->protocol);
			assert_string_equal(w.end[0].connect.compression,
			    r->compression);
			say(&w, 0, "there");
			say(&w, 1, "and back");
			run(&w, 500);
			heard(&w, 1, "there");
			heard(&w, 0, "and back");
			at_hangup(w.end[again].a, w.ms);
			run_until(&w, again, "hung-up ", 20000);
			run(&w, 200);
			assert_false(at_online(w.end[!again].a));
			assert_false(phone_in_call(w.p, 0));
			assert_false(phone_in_call(w.p, 1));
		}
		world_fini(&w);
	}
}

/* --- calls in vain, lines, states ------------------------------------------------ */

static void start(struct world *w, struct phone_conf *c, const char *maker)
{
	struct at_conf at;

	at_conf_init(&at);
	at.connect_wait_ms = 20000;
	world_init(w, c, maker, &at);
	ready(w);
}

static void test_in_vain(void **state)
{
	static const struct row {
		const char *number, *want;
	} rows[] = {
		{"111", "no-call:busy "}, {"222", "no-call:no-answer "},
		{"333", "no-call:no-carrier "},
		{"444", "no-call:no-dialtone "}, {"666", "no-call:no-carrier "},
		{"777", "no-call:no-carrier "},
		{"888", "no-call:blacklisted "},
		{"999", "no-call:blacklisted "},
		{"5553", "no-call:no-answer "}, /* rings, S7 is over */
		{"5551", "no-call:busy "},      /* its own number */
	};
	static const struct {
		const char *number;
		enum phone_result r;
	} set[] = {{"111", PHONE_BUSY}, {"222", PHONE_NO_ANSWER},
	    {"333", PHONE_NO_CARRIER}, {"444", PHONE_NO_DIALTONE},
	    {"666", PHONE_VOICE}, {"888", PHONE_DELAYED},
	    {"999", PHONE_BLACKLISTED}};
	struct phone_conf c;
	struct err e = ERR_INIT;
	struct world w;

	(void)state;
	phone_conf_init(&c);
	start(&w, &c, "usr");
	for (size_t i = 0; i < ROWS(set); i++)
		assert_true(phone_set_result(w.p, set[i].number, set[i].r));
	for (size_t i = 0; i < ROWS(rows); i++) {
		print_message("%s\n", rows[i].number);
		assert_int_equal(at_dial(w.end[0].a, rows[i].number, w.ms,
		    &e), 0);
		run_until(&w, 0, rows[i].want, 40000);
	}
	phone_dead(w.p, 0, true);
	assert_int_equal(at_dial(w.end[0].a, "5552", w.ms, &e), 0);
	run_until(&w, 0, "no-call:no-dialtone ", 5000);
	phone_dead(w.p, 0, false);
	call(&w, 0, 1, "5552");
	run(&w, 11000); /* it rang there */
	w.end[2].events[0] = '\0';
	assert_int_equal(at_dial(w.end[2].a, "5552", w.ms, &e), 0);
	run_until(&w, 2, "no-call:busy ", 5000);
	world_fini(&w);
}

static void test_blacklist(void **state)
{
	struct phone_conf c;
	struct err e = ERR_INIT;
	struct world w;

	(void)state;
	phone_conf_init(&c);
	c.blacklist = 2;
	start(&w, &c, "rockwell");
	for (int i = 0; i < 6; i++) {
		assert_int_equal(at_dial(w.end[0].a, "12345", w.ms, &e), 0);
		run_until(&w, 0, i < 2 ? "no-call:no-carrier " :
		    "no-call:blacklisted ", 5000);
	}
	call(&w, 0, 1, "5552"); /* another number is not meant */
	at_hangup(w.end[0].a, w.ms);
	run_until(&w, 0, "hung-up ", 5000);
	run(&w, 31000);
	assert_int_equal(at_dial(w.end[0].a, "12345", w.ms, &e), 0);
	run_until(&w, 0, "no-call:no-carrier ", 5000);
	world_fini(&w);
}

static void test_collision(void **state)
{
	struct phone_conf c;
	struct err e = ERR_INIT;
	struct world w;

	(void)state;
	phone_conf_init(&c);
	start(&w, &c, "usr");
	assert_int_equal(at_dial(w.end[0].a, "5552", w.ms, &e), 0);
	run(&w, 100);
	phone_ring(w.p, 0, w.ms * SIM_MS);
	run_until(&w, 0, "collision ", 2000);
	run(&w, 12000);
	call(&w, 0, 1, "5552");
	world_fini(&w);
}

/* S0, an answering modem that a person starts, a call that is broken off. */
static void test_answering(void **state)
{
	struct phone_conf c;
	struct err e = ERR_INIT;
	struct world w;

	(void)state;
	phone_conf_init(&c);
	start(&w, &c, "rockwell");
	assert_int_equal(at_command(w.end[1].a, "S0=2", w.ms), 0);
	run_until(&w, 1, "done ", 1000);
	assert_int_equal(at_dial(w.end[0].a, "5552", w.ms, &e), 0);
	run_until(&w, 1, "ring ring connect ", 8000);
	run_until(&w, 0, "connect ", 1000);
	at_hangup(w.end[0].a, w.ms);
	at_hangup(w.end[1].a, w.ms);
	run_until(&w, 0, "hung-up ", 5000);
	run_until(&w, 1, "hung-up ", 5000);
	/* Broken off while it rings: the other one rings no more. */
	assert_int_equal(at_dial(w.end[0].a, "5553", w.ms, &e), 0);
	run_until(&w, 2, "ring ", 5000);
	at_hangup(w.end[0].a, w.ms);
	run_until(&w, 0, "hung-up ", 5000);
	run(&w, 10000);
	assert_string_equal(w.end[2].events, "");
	/* By hand. */
	assert_int_equal(at_dial(w.end[0].a, NULL, w.ms, &e), 0);
	assert_int_equal(at_answer(w.end[2].a, w.ms), 0);
	run_until(&w, 0, "connect ", 2000);
	run_until(&w, 2, "connect ", 2000);
	world_fini(&w);
}

/* The modem holds a call when the program begins: another program's. */
static void test_left_behind(void **state)
{
	struct phone_conf c;
	struct at_conf at;
	struct world w;

	(void)state;
	phone_conf_init(&c);
	for (int dtr = 0; dtr < 2; dtr++) {
		start(&w, &c, "rockwell");
		call(&w, 0, 1, "5552");
		at_conf_init(&at);
		at.dtr = dtr;
		at_free(w.end[0].a);
		w.end[0].a = at_new(&at, w.ms);
		at_init(w.end[0].a, w.ms);
		run_until(&w, 0, "ready ", 30000);
		assert_false(phone_in_call(w.p, 0));
		/* What it was told before it went away was data. */
		w.end[1].got_n = 0;
		call(&w, 0, 2, "5553");
		world_fini(&w);
	}
}

/* Settings that somebody left, and half a command. */
static void test_settings_left(void **state)
{
	static const char *const left[] = {"ATE1\r", "ATQ1\r", "ATV0\r",
	    "ATQ1V0E1X0\r", "ATE0S7=1\r", "ATDT", "garbage", "ATS12=100\r"};
	struct phone_conf c;
	struct world w;

	(void)state;
	phone_conf_init(&c);
	for (size_t i = 0; i < ROWS(left); i++)
		for (int in_call = 0; in_call < 2; in_call++) {
			struct at_conf at;

			print_message("%s\n", left[i]);
			at_conf_init(&at);
			at.dtr = false;
			world_init(&w, &c, "rockwell", &at);
			phone_feed(w.p, 0, (const uint8_t *)left[i],
			    strlen(left[i]), w.ms * SIM_MS);
			run(&w, 100);
			if (in_call && strchr(left[i], '\r')) {
				phone_feed(w.p, 0, (const uint8_t *)
				    "ATD5552\r", 8, w.ms * SIM_MS);
				phone_feed(w.p, 1, (const uint8_t *)
				    "ATS0=1\r", 7, w.ms * SIM_MS);
				run(&w, 1500);
				if (!strstr(left[i], "S7"))
					assert_true(phone_in_call(w.p, 0));
			}
			at_init(w.end[0].a, w.ms);
			run_until(&w, 0, "ready ", 40000);
			world_fini(&w);
		}
}

/* What came before the carrier went is there; NO CARRIER tells it under
 * &C0; another call can be made at once. */
static void test_cut(void **state)
{
	struct phone_conf c;
	struct world w;

	(void)state;
	phone_conf_init(&c);
	c.line.cut_bytes = 5;
	c.line.cut_dir = SIM_CUT_AB;
	start(&w, &c, "usr");
	call(&w, 0, 1, "5552");
	w.end[1].no_dcd = true;
	say(&w, 0, "123456789");
	run(&w, 500);
	assert_false(at_online(w.end[0].a));
	assert_true(at_online(w.end[1].a));
	run(&w, AT_WATCH_MS);
	assert_true(at_watch_lost(&w.end[1].watch, w.ms));
	heard(&w, 1, "12345\r\nNO CARRIER\r\n");
	at_carrier_lost(w.end[1].a, w.ms);
	call(&w, 0, 1, "5552"); /* cut_times is 1 */
	say(&w, 0, "123456789");
	run(&w, 500);
	heard(&w, 1, "123456789");
	phone_cut(w.p, -1, w.ms * SIM_MS);
	run(&w, 100);
	assert_false(at_online(w.end[0].a));
	world_fini(&w);
}

static void test_retrain(void **state)
{
	struct phone_conf c;
	struct world w;

	(void)state;
	phone_conf_init(&c);
	start(&w, &c, "usr");
	call(&w, 0, 1, "5552");
	say(&w, 0, "before");
	phone_retrain(w.p, 5000, w.ms * SIM_MS);
	assert_int_equal(phone_room(w.p, 0, w.ms * SIM_MS), 0);
	run(&w, 4900);
	assert_int_equal(w.end[1].got_n, 0);
	run(&w, 300);
	heard(&w, 1, "before");
	world_fini(&w);
}

/* Without the maker's command a full buffer loses bytes; with it, none. */
static void test_flow(void **state)
{
	struct phone_conf c;
	struct phone_stats s;
	struct world w;
	uint8_t block[4000];
	bool resets;

	(void)state;
	phone_conf_init(&c);
	c.need_flow = true;
	c.line.buffer_bytes = 1000;
	memset(block, 'x', sizeof(block));
	start(&w, &c, "multitech");
	call(&w, 0, 1, "5552");
	for (int i = 0; i < 20; i++)
		phone_feed(w.p, 0, block, 100, w.ms * SIM_MS);
	phone_stats(w.p, &s);
	assert_true(s.dropped >= 900);
	at_hangup(w.end[0].a, w.ms);
	run_until(&w, 0, "hung-up ", 5000);
	run(&w, 500);
	assert_int_equal(at_command(w.end[0].a,
	    at_flow_command(AT_MAKER_MULTITECH, 0, &resets), w.ms), 0);
	run_until(&w, 0, "done ", 5000);
	call(&w, 0, 1, "5552");
	assert_true(phone_room(w.p, 0, w.ms * SIM_MS) <= 1000);
	world_fini(&w);
}

/* --- at random --------------------------------------------------------------------- */

static uint32_t rnd(uint64_t *s)
{
	return (uint32_t)(sim_random(s) >> 33);
}

static void do_random(struct world *w, uint64_t *s)
{
	static const char *const numbers[] = {"5551", "5552", "5553", "1"};
	int i = (int)(rnd(s) % (unsigned)w->n);
	struct at *a = w->end[i].a;
	uint64_t now = w->ms * SIM_MS;
	struct err e = ERR_INIT;

	w->end[i].got_n = 0;
	switch (rnd(s) % 12) {
	case 0: at_init(a, w->ms); break;
	case 1:
	case 2:
	case 3:
		(void)at_dial(a, numbers[rnd(s) % 4], w->ms, &e);
		break;
	case 4:
	case 5:
	case 6: (void)at_answer(a, w->ms); break;
	case 7: at_hangup(a, w->ms); break;
	case 8: phone_cut(w->p, i, now); break;
	case 9: phone_ring(w->p, i, now); break;
	case 10: phone_retrain(w->p, rnd(s) % 3000, now); break;
	default:
		if (phone_room(w->p, i, now) > 20)
			phone_feed(w->p, i, (const uint8_t *)"0123456789+++"
			    "\r", rnd(s) % 15, now);
	}
}

/* After any history a call can be made. */
static void test_random(void **state)
{
	static const char *const makers[] = {"usr", "rockwell", "zyxel",
	    "plain"};
	const char *given = getenv("SEED");
	uint64_t s = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	struct phone_stats stats;
	unsigned connected = 0;

	(void)state;
	print_message("seed %llu\n", (unsigned long long)s);
	for (int k = 0; k < 24; k++) {
		struct phone_conf c;
		struct at_conf at;
		struct world w;

		phone_conf_init(&c);
		c.line.cut_times = 0;
		c.cut_random = k % 2 ? 200 : 0;
		c.line.seed = s + (uint64_t)k;
		at_conf_init(&at);
		at.dtr = k % 3;
		world_init(&w, &c, makers[k % 4], &at);
		ready(&w);
		for (int i = 0; i < 150; i++) {
			do_random(&w, &s);
			run(&w, rnd(&s) % 3 ? rnd(&s) % 300 :
			    rnd(&s) % 5000);
		}
		for (int i = 0; i < w.n; i++) {
			at_hangup(w.end[i].a, w.ms);
			run(&w, 30000);
			w.end[i].events[0] = '\0';
		}
		ready(&w);
		call(&w, 0, 1, "5552");
		phone_stats(w.p, &stats);
		connected += stats.connected;
		world_fini(&w);
	}
	print_message("%u calls\n", connected);
	assert_true(connected > 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_makers),
		cmocka_unit_test(test_in_vain),
		cmocka_unit_test(test_blacklist),
		cmocka_unit_test(test_collision),
		cmocka_unit_test(test_answering),
		cmocka_unit_test(test_left_behind),
		cmocka_unit_test(test_settings_left),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_retrain),
		cmocka_unit_test(test_flow),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
