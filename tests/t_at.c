/* modem/at*.c: dialogues of tests/data/at/ (its README has their form), texts
 * of many makers as rows, and junk.  SEED=n repeats the random part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <glob.h>
#include <time.h>

#include <cmocka.h>

#include "modem/at.h"

#define ROWS(t) (sizeof(t) / sizeof *(t))

/* --- dialogues ------------------------------------------------------------ */

enum how { WHOLE, BYTES, PARITY, HOWS };
static const char *const hows[] = {"whole", "byte by byte", "with parity"};

struct play {
	const char *file;
	int line;
	enum how how;
	struct at_conf conf;
	enum at_maker maker;
	struct at *a;
	uint64_t now;
	char sent[600], left[600];
	size_t sent_n, left_n;
};

#define CHECK(p, condition, ...) do { \
	if (!(condition)) { \
		print_error("%s:%d (%s): ", (p)->file, (p)->line, \
		    hows[(p)->how]); \
		print_error(__VA_ARGS__); \
		print_error("\n"); \
		fail(); \
	} \
} while (0)

/* Take what the machine has to send. */
static void take(struct play *p)
{
	const uint8_t *out;
	size_t n = at_out(p->a, &out);

	CHECK(p, p->sent_n + n < sizeof(p->sent), "it sends too much");
	memcpy(p->sent + p->sent_n, out, n);
	p->sent_n += n;
	if (n > 0)
		at_sent(p->a, n, p->now);
}

/* Let time pass until the machine has sent something, or until then. */
static void pass(struct play *p, uint64_t until)
{
	uint64_t next;

	for (take(p); p->sent_n == 0; take(p)) {
		next = at_deadline(p->a);
		if (next > until)
			break;
		CHECK(p, next >= p->now || next == 0, "its deadline is past");
		if (next > p->now)
			p->now = next;
		at_tick(p->a, p->now);
	}
	if (p->sent_n == 0 && until != UINT64_MAX && until > p->now) {
		p->now = until;
		at_tick(p->a, p->now);
	}
}

/* \r \n \xHH \\ in place; returns the length. */
static size_t unescape(char *s)
{
	char *to = s;
	unsigned n;

	for (char *from = s; *from; from++) {
		if (*from != '\\') {
			*to++ = *from;
			continue;
		}
		from++;
		if (*from == 'r')
			*to++ = '\r';
		else if (*from == 'n')
			*to++ = '\n';
		else if (*from == 'x' && sscanf(from + 1, "%2x", &n) == 1) {
			*to++ = (char)n;
			from += 2;
		} else
			*to++ = *from;
	}
	*to = '\0';
	return (size_t)(to - s);
}

static void modem_says(struct play *p, char *text)
{
	size_t n = unescape(text), i, took;

	pass(p, p->now + 20);
	p->left_n = 0;
	for (i = 0; i < n; i += took) {
		uint8_t byte = (uint8_t)text[i];

		if (p->how == WHOLE)
			took = at_feed(p->a, text + i, n - i, p->now);
		else {
			if (p->how == PARITY)
				byte |= 0x80;
			took = at_feed(p->a, &byte, 1, p->now);
		}
		if (took == 0)
			break;
	}
	CHECK(p, n - i < sizeof(p->left), "much is left");
	memcpy(p->left, text + i, n - i);
	p->left_n = n - i;
	/* The LF of a CONNECT may be missing; then time tells. */
	if (at_deadline(p->a) <= p->now + 100 && p->sent_n == 0)
		pass(p, p->now + 110);
}

static const char *or_dash(const char *s)
{
	return *s ? s : "-";
}

static void event_words(const struct at_event *ev, char *out, size_t n)
{
	static const char *const names[] = {
		[AT_EV_READY] = "ready", [AT_EV_RING] = "ring",
		[AT_EV_COLLISION] = "collision",
		[AT_EV_PROGRESS] = "progress", [AT_EV_CONNECT] = "connect",
		[AT_EV_NO_CALL] = "no-call", [AT_EV_DONE] = "done",
		[AT_EV_DTR] = "dtr", [AT_EV_HUNG_UP] = "hung-up",
		[AT_EV_FAILED] = "failed"};
	const char *name = names[ev->type];
	const struct at_connect *c = ev->connect;

	if (ev->type == AT_EV_RING)
		(void)snprintf(out, n, "ring %u %s", ev->rings, ev->text);
	else if (c)
		(void)snprintf(out, n, "connect %lu %s %s %s %s %s",
		    (unsigned long)c->bps,
		    c->bps_is_carrier ? "carrier" : "said",
		    or_dash(c->modulation), or_dash(c->protocol),
		    or_dash(c->compression), c->text);
	else if (ev->type == AT_EV_NO_CALL)
		(void)snprintf(out, n, "no-call %s %s%s| %s",
		    at_code_result(ev->code), ev->text,
		    *ev->text ? " " : "", ev->err->text);
	else if (ev->type == AT_EV_FAILED)
		(void)snprintf(out, n, "failed %s", ev->err->text);
	else if (ev->code == AT_TIMEOUT)
		(void)snprintf(out, n, "%s-unsure", name);
	else if (ev->type == AT_EV_DONE)
		(void)snprintf(out, n, "done %s%s%s",
		    ev->code == AT_OK ? "OK" : "ERROR",
		    *ev->text ? " " : "", ev->text);
	else
		(void)snprintf(out, n, "%s%s%s", name,
		    *ev->text ? " " : "", ev->text);
}

static void expect_event(struct play *p, const char *want)
{
	struct at_event ev;
	char got[1200];
	bool is;

	/* It may need time, but nothing more may be sent for it. */
	while (!(is = at_event(p->a, &ev))) {
		take(p);
		CHECK(p, p->sent_n == 0, "sends \"%.*s\" instead of %s",
		    (int)p->sent_n, p->sent, want);
		CHECK(p, at_deadline(p->a) != UINT64_MAX, "no event %s",
		    want);
		p->now = at_deadline(p->a);
		at_tick(p->a, p->now);
	}
	CHECK(p, is, "no event; wanted %s", want);
	event_words(&ev, got, sizeof(got));
	CHECK(p, strcmp(got, want) == 0, "got  %s\nwanted %s", got, want);
}

static void expect_sent(struct play *p, char *text)
{
	size_t n = unescape(text);
	uint64_t from = p->now;

	pass(p, UINT64_MAX);
	CHECK(p, p->sent_n == n && memcmp(p->sent, text, n) == 0,
	    "sent \"%.*s\" after %d ms, wanted \"%s\"", (int)p->sent_n,
	    p->sent, (int)(p->now - from), text);
	p->sent_n = 0;
	p->now += 2; /* the bytes take their time */
}

static void set_conf(struct play *p, const char *text)
{
	char key[20] = "";
	int at = 0;

	(void)sscanf(text, "%19s %n", key, &at);
	text += at;
	if (!strcmp(key, "init"))
		(void)snprintf(p->conf.init, sizeof(p->conf.init), "%s", text);
	else if (!strcmp(key, "prefix"))
		(void)snprintf(p->conf.prefix, sizeof(p->conf.prefix), "%s",
		    text);
	else if (!strcmp(key, "pulse"))
		p->conf.pulse = true;
	else if (!strcmp(key, "dtr"))
		p->conf.dtr = strcmp(text, "no") != 0;
	else if (!strcmp(key, "wait"))
		p->conf.connect_wait_ms = (uint32_t)atol(text);
	else if (!strcmp(key, "guard"))
		p->conf.guard_ms = (uint32_t)atol(text);
	else if (!strcmp(key, "maker"))
		p->maker = at_maker(text);
	else
		CHECK(p, false, "conf %s is not known", key);
}

/* A task of the caller; false: it is none. */
static bool do_task(struct play *p, const char *word, const char *rest)
{
	struct err e = ERR_INIT;

	if (!strcmp(word, "init"))
		at_init(p->a, p->now);
	else if (!strcmp(word, "dial"))
		CHECK(p, at_dial(p->a, rest, p->now, &e) == 0, "%s", e.text);
	else if (!strcmp(word, "answer"))
		CHECK(p, at_answer(p->a, p->now) == 0, "not now");
	else if (!strcmp(word, "command"))
		CHECK(p, at_command(p->a, rest, p->now) == 0, "not now");
	else if (!strcmp(word, "hangup"))
		at_hangup(p->a, p->now);
	else if (!strcmp(word, "dtr"))
		at_dtr_done(p->a, !strcmp(rest, "gone"), p->now);
	else if (!strcmp(word, "lost"))
		at_carrier_lost(p->a, p->now);
	else
		return false;
	return true;
}

static void do_line(struct play *p, char *text)
{
	char *rest = strchr(text, ' ');

	if (rest)
		*rest++ = '\0';
	else
		rest = text + strlen(text);
	if (!strcmp(text, "conf")) {
		set_conf(p, rest);
		return;
	}
	if (!p->a) {
		p->a = at_new(&p->conf, p->now);
		assert_non_null(p->a);
		at_set_maker(p->a, p->maker);
	}
	if (!strcmp(text, "<"))
		expect_sent(p, rest);
	else if (!strcmp(text, ">"))
		modem_says(p, rest);
	else if (!strcmp(text, "ev"))
		expect_event(p, rest);
	else if (!strcmp(text, "data")) {
		size_t n = unescape(rest);

		/* (an LF of numeric results is data: the machine cannot
		 * know) */
		CHECK(p, p->left_n == n && !memcmp(p->left, rest, n),
		    "left \"%.*s\"", (int)p->left_n, p->left);
	} else if (!strcmp(text, "wait")) {
		pass(p, p->now + (uint64_t)atol(rest));
		CHECK(p, p->sent_n == 0, "it sends \"%.*s\"", (int)p->sent_n,
		    p->sent);
	} else
		CHECK(p, do_task(p, text, rest), "\"%s\" is not known", text);
}

static void play_file(const char *file, enum how how)
{
	struct play p = {.file = file, .how = how, .now = 1000000};
	struct at_event ev;
	char text[700];
	FILE *f = fopen(file, "r");

	assert_non_null(f);
	at_conf_init(&p.conf);
	while (fgets(text, sizeof(text), f)) {
		p.line++;
		text[strcspn(text, "\n")] = '\0';
		if (text[0] && text[0] != '#')
			do_line(&p, text);
	}
	(void)fclose(f);
	CHECK(&p, p.a && !at_event(p.a, &ev), "an event is left over");
	at_free(p.a);
}

static void test_dialogues(void **state)
{
	const char *top = getenv("abs_top_srcdir");
	char pattern[4096];
	glob_t g;
	int how;

	(void)state;
	(void)snprintf(pattern, sizeof(pattern), "%s/tests/data/at/*.txt",
	    top ? top : ".");
	assert_int_equal(glob(pattern, 0, NULL, &g), 0);
	assert_true(g.gl_pathc > 20);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		print_message("%s\n", strrchr(g.gl_pathv[i], '/') + 1);
		for (how = 0; how < HOWS; how++)
			play_file(g.gl_pathv[i], (enum how)how);
	}
	globfree(&g);
}

/* --- CONNECT texts ---------------------------------------------------------- */

static const struct connect_row {
	const char *text, *want; /* bps from modulation protocol compression */
	bool corrected;
} connect_rows[] = {
	{"CONNECT", "0 said - - -", false},
	{"CONNECT 300", "300 said - - -", false},
	{"CONNECT 2400/NONE", "2400 said - NONE -", false},
	{"CONNECT 9600/SYNC", "9600 said - NONE -", false},
	{"CONNECT 28800/ARQ/VFC/LAPM/V42BIS", "28800 said VFC LAPM V42BIS",
	    true},
	{"CONNECT 14400/ARQ/V32/MNP/MNP5", "14400 said V32 MNP MNP5", true},
	{"CONNECT 9600/ARQ/HST/CELLULAR/HST/V42BIS", "9600 said HST ARQ "
	    "V42BIS", true},
	{"CONNECT 49333/ARQ/x2/LAPM/V42BIS", "49333 said X2 LAPM V42BIS",
	    true},
	{"CONNECT 28800/V34", "28800 said V34 - -", false},
	{"CONNECT 33600 EC", "33600 said - ARQ -", true},
	{"Connect 1200EC", "1200 said - - -", false},
	{"CONNECT 28800 V42bis", "28800 said - V42 V42BIS", true},
	{"CONNECT 115200/V.34 33600/V.42bis", "33600 carrier V34 V42 V42BIS",
	    true},
	{"CONNECT 57600/ARQ/V34/LAPM", "57600 said V34 LAPM -", true},
	{"CONNECT 1200/75", "1200 said - - -", false},
	{"CONNECT 75TX/1200RX", "75 said - - -", false},
	{"CONNECT 14400/REL - CD 1", "14400 said - ARQ -", true},
	{"CONNECT 2400/REL5", "2400 said - MNP MNP5", true},
	{"CONNECT 14400/MNP10", "14400 said - MNP10 -", true},
	{"CONNECT 33600/V.34+/LAP-M/V.42 bis", "33600 said V34 LAPM V42BIS",
	    true},
	{"CONNECT FAST/UUCP", "0 said - - -", false},
	{"CONNECT 9600/RLP", "9600 said - RLP -", true},
	{"CONNECT 99999999999999999999", "0 said - - -", false},
	{"connect 64000/X75", "64000 said - X75 -", true},
};

static void connect_words(const struct at_connect *c, char *out, size_t n)
{
	(void)snprintf(out, n, "%lu %s %s %s %s", (unsigned long)c->bps,
	    c->bps_is_carrier ? "carrier" : "said", or_dash(c->modulation),
	    or_dash(c->protocol), or_dash(c->compression));
}

static void test_connects(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(connect_rows); i++) {
		const struct connect_row *r = &connect_rows[i];
		struct at_connect c = {0};
		char got[200];

		print_message("%s\n", r->text);
		assert_int_equal(at_result(r->text, false, AT_MAKER_UNKNOWN),
		    AT_CONNECT);
		at_connect_add(&c, r->text);
		connect_words(&c, got, sizeof(got));
		assert_string_equal(got, r->want);
		assert_string_equal(c.text, r->text);
		assert_int_equal(c.corrected, r->corrected);
	}
}

/* --- results, makers, numbers ------------------------------------------------ */

static const struct result_row {
	const char *line;
	enum at_code code;
} result_rows[] = {
	{"OK", AT_OK}, {"ok", AT_OK}, {"OKAY", AT_NONE}, {"", AT_NONE},
	{"RING", AT_RING}, {"RING 1", AT_RING}, {"RINGING", AT_PROGRESS},
	{"RINGS", AT_NONE}, {"RRING", AT_PROGRESS},
	{"NO CARRIER", AT_NO_CARRIER}, {"NO CARRIERS", AT_NONE},
	{"NO  CARRIER", AT_NONE}, {"ERROR", AT_ERROR},
	{"+CME ERROR: 10", AT_ERROR}, {"NO DIAL-TONE", AT_NO_DIALTONE},
	{"NO LINE", AT_NO_DIALTONE}, {"BLACKLIST FULL", AT_BLACKLISTED},
	{"FAX", AT_VOICE}, {"DATA", AT_NONE}, {"0", AT_NONE},
	{"x CONNECT", AT_NONE}, {"CONNECTING", AT_NONE},
	{"CARRIER", AT_DETAIL},
};
static const struct maker_row {
	const char *identity, *name;
	const char *flows; /* in turn */
} maker_rows[] = {
	{"5601; U.S. Robotics 56K FAX EXT V1.2.23", "USRobotics",
	    "&H1&R2 &F1!"},
	{"3362; USRobotics Courier V.Everything", "USRobotics",
	    "&H1&R2 &F1!"},
	{"56000; V1.301-V90_2M_DLS; RCV56DPF-PLL", "Rockwell or Conexant",
	    "&K3 +IFC=2,2"},
	{"CX93001-EIS_V0.2013-V92", "Rockwell or Conexant", "&K3 +IFC=2,2"},
	{"LT V.90 Data+Fax Modem Version 5.94", "Lucent",
	    "&K3 \\Q3 +IFC=2,2"},
	{"247; MT5634ZBA V1.31k; RC56D", "Multitech",
	    "\\Q3 &K3 +IFC=2,2"},
	{"Microcom DeskPorte 28.8P", "Microcom", "\\Q3 +IFC=2,2"},
	{"ZyXEL U-1496E", "ZyXEL", "&H3 +IFC=2,2"},
	{"", "unknown", "+IFC=2,2 &K3 \\Q3 &H1&R2"},
	{"2400", "unknown", "+IFC=2,2 &K3 \\Q3 &H1&R2"},
};

static void test_results(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(result_rows); i++) {
		print_message("%s\n", result_rows[i].line);
		assert_int_equal(at_result(result_rows[i].line, false,
		    AT_MAKER_UNKNOWN), result_rows[i].code);
	}
	assert_int_equal(at_result("9", true, AT_MAKER_UNKNOWN), AT_CONNECT);
	assert_int_equal(at_result("77", true, AT_MAKER_ROCKWELL), AT_DETAIL);
	assert_int_equal(at_result("32", true, AT_MAKER_ZYXEL), AT_CONNECT);
	assert_int_equal(at_result("1234", true, AT_MAKER_UNKNOWN), AT_NONE);
	assert_int_equal(at_result("1 ", true, AT_MAKER_UNKNOWN), AT_NONE);
}

static void test_makers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(maker_rows); i++) {
		const struct maker_row *r = &maker_rows[i];
		enum at_maker m = at_maker(r->identity);
		char flows[100] = "";
		const char *f;
		bool resets;

		print_message("%s\n", r->identity);
		assert_string_equal(at_maker_name(m), r->name);
		for (size_t k = 0; (f = at_flow_command(m, k, &resets)); k++)
			(void)snprintf(flows + strlen(flows), sizeof(flows) -
			    strlen(flows), "%s%s%s", k ? " " : "", f,
			    resets ? "!" : "");
		assert_string_equal(flows, r->flows);
	}
}

static const struct number_row {
	const char *name, *prefix, *number;
	bool pulse;
	const char *want; /* NULL: refused */
} number_rows[] = {
	{"tone", "", "5551234", false, "ATDT5551234\r"},
	{"pulse", "", "5551234", true, "ATDP5551234\r"},
	{"prefix and pause", "9,", "(0) 555-1234", false,
	    "ATDT9,(0) 555-1234\r"},
	{"country code", "", "+43 1 555W1", false, "ATDT+43 1 555W1\r"},
	{"ends in command mode", "", "5551234;", false, NULL},
	{"letters", "", "555-CALL", false, NULL},
	{"a command", "", "1\rATH", false, NULL},
	{"empty", "", "", false, NULL},
	{"nothing to dial", "9", ",,", false, NULL},
	{"too long", "", "1234567890123456789012345678901234567890123456789"
	    "0123456789012345678901234567890X", false, NULL},
};

/* A machine that is idle, at time 1000. */
static struct at *idle_at(const struct at_conf *c)
{
	struct at *a = at_new(c, 1000);
	struct at_event ev;
	const uint8_t *p;
	uint64_t now = 1000;

	assert_non_null(a);
	at_init(a, now);
	while (!at_event(a, &ev)) {
		if (at_deadline(a) != UINT64_MAX && at_deadline(a) > now)
			now = at_deadline(a);
		at_tick(a, now);
		if (at_out(a, &p) > 0) {
			at_sent(a, at_out(a, &p), now);
			(void)at_feed(a, "\r\nOK\r\n", 6, now);
		}
	}
	assert_int_equal(ev.type, AT_EV_READY);
	return a;
}

static void test_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(number_rows); i++) {
		const struct number_row *r = &number_rows[i];
		struct err e = ERR_INIT;
		struct at_conf c;
		struct at *a;
		const uint8_t *p;

		print_message("%s\n", r->name);
		at_conf_init(&c);
		(void)snprintf(c.prefix, sizeof(c.prefix), "%s", r->prefix);
		c.pulse = r->pulse;
		a = idle_at(&c);
		assert_int_equal(at_dial(a, r->number, 99000, &e),
		    r->want ? 0 : -1);
		if (r->want) {
			assert_int_equal(at_out(a, &p), strlen(r->want));
			assert_memory_equal(p, r->want, strlen(r->want));
		} else
			assert_int_equal(e.kind, ERR_CONFIG);
		at_free(a);
	}
}

/* Tasks that do not fit now are refused, and change nothing. */
static void test_not_now(void **state)
{
	struct err e = ERR_INIT;
	struct at_conf c;
	struct at *a;

	(void)state;
	at_conf_init(&c);
	a = at_new(&c, 0);
	assert_int_equal(at_answer(a, 0), -1);
	assert_int_equal(at_dial(a, "1", 0, &e), -1);
	assert_int_equal(at_command(a, "ATI", 0), -1);
	at_free(a);
	a = idle_at(&c);
	assert_int_equal(at_command(a, "ATI\rATH", 99000), -1);
	assert_int_equal(at_dial(a, "1", 99000, &e), 0);
	assert_int_equal(at_dial(a, "1", 99000, &e), -1);
	assert_int_equal(at_answer(a, 99000), -1);
	at_free(a);
}

/* --- the watch ---------------------------------------------------------------- */

static void test_watch(void **state)
{
	static const struct row {
		const char *name, *data;
		bool lost;
	} rows[] = {
		{"nothing", "", false},
		{"the text", "abc\r\nNO CARRIER\r\n", true},
		{"after CRs", "\r\r\r\nNO CARRIER\r\n", true},
		{"begun twice", "\r\nNO CARRIER\r\r\nNO CARRIER\r\n", true},
		{"more behind", "\r\nNO CARRIER\r\nx", false},
		{"no CR before", "xNO CARRIER\r\n", false},
		{"unfinished", "\r\nNO CARRIER\r", false},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct at_watch w = {0, 0};

		print_message("%s\n", rows[i].name);
		at_watch_feed(&w, rows[i].data, strlen(rows[i].data), 5000);
		assert_false(at_watch_lost(&w, 5000 + AT_WATCH_MS - 1));
		assert_int_equal(at_watch_lost(&w, 5000 + AT_WATCH_MS),
		    rows[i].lost);
		assert_true(at_watch_deadline(&w) == (rows[i].lost ?
		    5000 + AT_WATCH_MS : UINT64_MAX));
	}
}

/* --- junk ---------------------------------------------------------------------- */

static uint32_t rnd(uint64_t *s)
{
	*s = *s * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*s >> 33);
}

static const char *const scraps[] = {"\r\nOK\r\n", "OK\r", "0\r",
    "\r\nERROR\r\n", "\r\nCONNECT 9600\r\n", "1\r", "\r\nNO CARRIER\r\n",
    "RING\r\n", "\r\nCARRIER 31200\r\n", "BUSY\r\n", "+++", "ATQ0V1E0\r",
    "\r", "\n"};

static void do_random(struct at *a, uint64_t *s, uint64_t now)
{
	struct err e = ERR_INIT;
	char junk[600];
	size_t i, n;

	switch (rnd(s) % 12) {
	case 0: at_init(a, now); break;
	case 1: (void)at_dial(a, "5551234", now, &e); break;
	case 2: (void)at_answer(a, now); break;
	case 3: at_hangup(a, now); break;
	case 4: at_dtr_done(a, rnd(s) % 2, now); break;
	case 5: at_carrier_lost(a, now); break;
	case 6: (void)at_command(a, "ATI3", now); break;
	case 7:
		n = rnd(s) % sizeof(junk);
		for (i = 0; i < n; i++)
			junk[i] = (char)rnd(s);
		assert_true(at_feed(a, junk, n, now) <= n);
		break;
	default:
		i = rnd(s) % ROWS(scraps);
		assert_true(at_feed(a, scraps[i], strlen(scraps[i]), now) <=
		    strlen(scraps[i]));
	}
}

/* Whatever came, hanging up and beginning anew leads to an end in time. */
static void come_to_an_end(struct at *a, uint64_t now)
{
	uint64_t limit = now + 120000;
	struct at_event ev;
	const uint8_t *p;

	while (at_event(a, &ev))
		;
	at_init(a, now);
	for (;;) {
		while (at_event(a, &ev)) {
			if (ev.type == AT_EV_DTR)
				at_dtr_done(a, true, now);
			else if (ev.type == AT_EV_FAILED)
				return;
		}
		if (at_out(a, &p) > 0)
			at_sent(a, at_out(a, &p), now);
		assert_true(at_deadline(a) < limit);
		if (at_deadline(a) > now)
			now = at_deadline(a);
		at_tick(a, now);
	}
}

static void test_junk(void **state)
{
	const char *given = getenv("SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) :
	    (uint64_t)time(NULL), s;

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	s = seed;
	for (int run = 0; run < 300; run++) {
		uint64_t now = 1000;
		struct at_conf c;
		struct at *a;

		at_conf_init(&c);
		c.dtr = run % 2;
		a = run % 3 ? idle_at(&c) : at_new(&c, now);
		now = 200000;
		for (int i = 0; i < 200; i++) {
			struct at_event ev;
			const uint8_t *p;
			size_t n;

			do_random(a, &s, now);
			while (rnd(&s) % 4 && at_event(a, &ev))
				assert_non_null(ev.text);
			n = at_out(a, &p);
			at_sent(a, n ? rnd(&s) % (n + 1) : 0, now);
			now += rnd(&s) % 4 ? rnd(&s) % 300 :
			    rnd(&s) % 20000;
			at_tick(a, now);
		}
		come_to_an_end(a, now);
		at_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogues),
		cmocka_unit_test(test_connects),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_makers),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_not_now),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_junk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
