/* modem/chat*.c: login scripts as rows of script and dialogue; wrong scripts;
 * junk.  SEED=n repeats the random part.
 *
 * A dialogue is lines: "<" what must be sent next (time passes), ">" what
 * comes, "wait MS" (nothing may be sent), "break", and its last is "done",
 * "done REST" (bytes left to the caller) or "fail TEXT".  \r \n \xHH as in C,
 * written \\r and so on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "modem/chat.h"

#define ROWS(t) (sizeof(t) / sizeof *(t))

static const struct row {
	const char *name, *script, *dialogue;
} rows[] = {
	{"empty script", "", "done"},
	{"log in", "ogin: \\L ssword: \\P",
	    ">hub login: \n<ann\\r\n>ann\\r\\nPassword: \n<sesame\\r\ndone"},
	{"ends with an expect", "\"\" \\r\\c ogin:",
	    "<\\r\n>login: rest\ndone  rest"},
	{"empty expect, empty send", "\"\" \"\" '' ''", "<\\r\\r\ndone"},
	{"in one burst", "ogin: \\L ssword: \\P $ dialsync",
	    "> login: password: $ \n<ann\\rsesame\\rdialsync\\r\ndone"},
	{"sub-expect, not needed", "ogin:--ogin: \\L",
	    ">login:\n<ann\\r\ndone"},
	{"sub-expect, needed", "ogin:--ogin: \\L",
	    "wait 44000\n<\\r\n>login:\n<ann\\r\ndone"},
	{"sub-expects, a break and an end", "TIMEOUT 5 "
	    "ogin:-BREAK-ogin:-EOT-ogin: \\L",
	    "wait 4900\nbreak\nwait 4900\n<\\x04\nwait 4900\n"
	    "fail login: waited 5 s for \"ogin:\", and nothing came"},
	{"what came is shown", "TIMEOUT 7 ogin: \\L ssword: \\P",
	    ">login: \n<ann\\r\n>\\r\\nLogin incorrect\\r\\n\nfail login: "
	    "waited 7 s for \"ssword:\"; what came ends in \" \\x0D\\x0A"
	    "Login incorrect\\x0D\\x0A\""},
	{"an echoed password is not", "ssword: \\P $ x",
	    ">Password:\n<sesame\\r\n>sesame\\r\\nbad\nfail login: waited "
	    "45 s for \"$\"; what came ends in \"****\\x0D\\x0Abad\""},
	{"nor a string with \\q", "a \\qxyzzy b",
	    ">a\n<xyzzy\\r\n>xyzzy?\nfail login: waited 45 s for \"b\"; what "
	    "came ends in \"****?\""},
	{"abort", "ABORT BUSY ABORT 'NO CARRIER' ogin: \\L",
	    ">\\r\\nNO CARRIER\nfail login: the other side says "
	    "\"NO CARRIER\""},
	{"abort, while it sends", "ABORT incorrect \"\" a\\db z",
	    "<a\n>incorrect\n<b\\r\nfail login: the other side says "
	    "\"incorrect\""},
	{"pauses", "a x\\dy\\pz\\c b q\\c",
	    ">a\n<x\nwait 990\n<y\nwait 90\n<z\n>b\n<q\ndone"},
	{"break inside", "\"\" a\\Kb", "<a\nbreak\n<b\\r\ndone"},
	{"escapes", "\\s\\055\\-\\x41\\\\ \\b\\n\\s\\t\\N\\101\\x7f",
	    "> --A\\\\\n<\\x08\\n \\t\\x00A\\x7f\\r\ndone"},
	{"blanks in quotes, - in quotes", "\"a - b\" 'c \"d' \"e \\\" f\" g",
	    ">a - b\n<c \"d\\r\n>e \" f\n<g\\r\ndone"},
	{"words in quotes are words", "\"TIMEOUT\" \"EOT\"",
	    ">TIMEOUT\n<EOT\\r\ndone"},
	{"parity of the other side", "ogin: \\L",
	    ">\\xec\\xef\\xe7\\xe9\\xee\\xba\n<ann\\r\ndone"},
	{"bytes above 127 awaited", "\\344 x", ">\\xe4\n<x\\r\ndone"},
	{"zeros between", "ogin: \\L", ">l\\x00o\\x00g\\x00in:\n<ann\\r\ndone"},
	{"begun twice", "aab x", ">aaab\n<x\\r\ndone"},
	{"time counts from each expect", "TIMEOUT 5 a b c d",
	    "wait 4900\n>a\n<b\\r\nwait 4900\n>c\n<d\\r\ndone"},
	{"TIMEOUT in the middle", "a b TIMEOUT 60 c d",
	    ">a\n<b\\r\nwait 59000\n>c\n<d\\r\ndone"},
	{"^ is itself", "^A ^B", ">^A\n<^B\\r\ndone"},
	{"the escaped text of an expect", "a\\r\\nb x",
	    "fail login: waited 45 s for \"a\\x0D\\x0Ab\", and nothing came"},
};

static const struct bad_row {
	const char *name, *script, *why; /* why: a part of the message */
} bad_rows[] = {
	{"quote", "ogin: 'abc", "string 2 (abc) has no quote"},
	{"behind a quote", "\"ogin:\"x y", "goes on behind its quote"},
	{"unknown escape", "ogin: \\L ssword: \\Z",
	    "string 4 (\\Z) has an escape that is not known"},
	{"password awaited", "\\P x", "is awaited, but has an escape"},
	{"backslash at the end", "a b\\", "ends in one \\"},
	{"half a sub-expect", "ogin:-x y", "sends after a -"},
	{"TIMEOUT", "TIMEOUT soon a b", "(soon) is the time of a TIMEOUT"},
	{"TIMEOUT 0", "TIMEOUT 0 a b", "is the time of a TIMEOUT"},
	{"TIMEOUT alone", "a b TIMEOUT", "needs a number"},
	{"ABORT alone", "ABORT", "needs a text"},
	{"ABORT of nothing", "ABORT \"\" a b", "needs a text"},
	{"nine", "ABORT 1 ABORT 2 ABORT 3 ABORT 4 ABORT 5 ABORT 6 ABORT 7 "
	    "ABORT 8 ABORT 9", "is the ninth ABORT"},
	{"octal", "\\777 x", "an escape that is not known"},
	{"hex", "\\xg x", "an escape that is not known"},
	{"zero", "\\0 x", "awaits a zero"},
	{"of chat(8)", "SAY hello a b", "is a word of chat(8)"},
	{"long", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa x",
	    "is longer than 100"},
};

struct play {
	const struct row *r;
	bool bytewise;
	struct chat *c;
	uint64_t now;
	char sent[600], left[600];
	size_t sent_n, left_n;
};

#define CHECK(p, condition, ...) do { \
	if (!(condition)) { \
		print_error("%s%s: ", (p)->r->name, \
		    (p)->bytewise ? " (byte by byte)" : ""); \
		print_error(__VA_ARGS__); \
		print_error("\n"); \
		fail(); \
	} \
} while (0)

static size_t unescape(char *s)
{
	char *to = s;
	unsigned n;

	for (char *from = s; *from; from++) {
		if (*from == '\\' && from[1] == 'x' &&
		    sscanf(from + 2, "%2x", &n) == 1) {
			*to++ = (char)n;
			from += 3;
		} else if (*from == '\\') {
			from++;
			*to++ = *from == 'r' ? '\r' : *from == 'n' ? '\n' :
			    *from == 't' ? '\t' : *from;
		} else
			*to++ = *from;
	}
	*to = '\0';
	return (size_t)(to - s);
}

static void take(struct play *p)
{
	const uint8_t *out;
	size_t n;

	while ((n = chat_out(p->c, &out)) > 0) {
		CHECK(p, p->sent_n + n < sizeof(p->sent), "sends much");
		memcpy(p->sent + p->sent_n, out, n);
		p->sent_n += n;
		chat_sent(p->c, n, p->now);
	}
}

/* Until something is sent, a break is due, the end, or until then. */
static void pass(struct play *p, uint64_t until)
{
	for (take(p); p->sent_n == 0 && !chat_wants_break(p->c) &&
	    chat_state(p->c) == CHAT_RUNNING &&
	    chat_deadline(p->c) <= until; take(p)) {
		if (chat_deadline(p->c) > p->now)
			p->now = chat_deadline(p->c);
		chat_tick(p->c, p->now);
	}
	if (until != UINT64_MAX && until > p->now)
		p->now = until;
}

static void come(struct play *p, char *text)
{
	size_t n = unescape(text), i, took;

	for (i = 0; i < n; i += took) {
		took = chat_feed(p->c, text + i, p->bytewise ? 1 : n - i,
		    p->now);
		if (took == 0 || chat_state(p->c) != CHAT_RUNNING) {
			i += took;
			break;
		}
	}
	p->left_n = n - i;
	memcpy(p->left, text + i, n - i);
}

static void end(struct play *p, const char *how, char *rest)
{
	pass(p, UINT64_MAX);
	CHECK(p, p->sent_n == 0, "sends \"%.*s\"", (int)p->sent_n, p->sent);
	if (!strcmp(how, "fail")) {
		CHECK(p, chat_state(p->c) == CHAT_FAILED, "has not failed");
		CHECK(p, !strcmp(chat_error(p->c)->text, rest),
		    "got  %s\nwanted %s", chat_error(p->c)->text, rest);
		return;
	}
	CHECK(p, chat_state(p->c) == CHAT_DONE, "is not done: %s",
	    chat_doing(p->c));
	(void)unescape(rest);
	CHECK(p, p->left_n == strlen(rest) &&
	    !memcmp(p->left, rest, p->left_n), "left \"%.*s\"",
	    (int)p->left_n, p->left);
}

static void do_line(struct play *p, char *text)
{
	char *rest = strchr(text, ' ');
	size_t n;

	rest = rest ? rest + 1 : text + strlen(text);
	if (*text == '<') {
		n = unescape(text + 1);
		pass(p, UINT64_MAX);
		CHECK(p, p->sent_n == n && !memcmp(p->sent, text + 1, n),
		    "sent \"%.*s\", wanted \"%s\"", (int)p->sent_n, p->sent,
		    text + 1);
		p->sent_n = 0;
	} else if (*text == '>')
		come(p, text + 1);
	else if (!strncmp(text, "wait", 4)) {
		pass(p, p->now + (uint64_t)atol(rest));
		CHECK(p, p->sent_n == 0, "sends \"%.*s\"", (int)p->sent_n,
		    p->sent);
	} else if (!strcmp(text, "break")) {
		pass(p, UINT64_MAX);
		CHECK(p, chat_wants_break(p->c), "wants no break");
		chat_break_done(p->c, p->now);
	} else {
		text[4] = '\0';
		end(p, text, rest);
	}
}

static void play_row(const struct row *r, bool bytewise)
{
	struct play p = {.r = r, .bytewise = bytewise, .now = 1000};
	struct err e = ERR_INIT;
	char text[600], *line, *next;

	CHECK(&p, chat_parse(r->script, &p.c, &e) == 0, "%s", e.text);
	chat_start(p.c, "ann", "sesame", p.now);
	(void)snprintf(text, sizeof(text), "%s", r->dialogue);
	for (line = text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		do_line(&p, line);
	}
	chat_free(p.c);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		print_message("%s\n", rows[i].name);
		play_row(&rows[i], false);
		play_row(&rows[i], true);
	}
}

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(bad_rows); i++) {
		struct err e = ERR_INIT;
		struct chat *c;

		print_message("%s\n", bad_rows[i].name);
		assert_int_equal(chat_parse(bad_rows[i].script, &c, &e), -1);
		assert_null(c);
		assert_int_equal(e.kind, ERR_CONFIG);
		if (!strstr(e.text, bad_rows[i].why))
			assert_string_equal(e.text, bad_rows[i].why);
	}
}

static void test_password_needed(void **state)
{
	struct err e = ERR_INIT;
	struct chat *c;

	(void)state;
	assert_int_equal(chat_parse("ogin: \\L", &c, &e), 0);
	assert_false(chat_needs_password(c));
	chat_free(c);
	assert_int_equal(chat_parse("ogin: x\\P", &c, &e), 0);
	assert_true(chat_needs_password(c));
	chat_free(c);
	chat_free(NULL);
}

/* A thousand strings, or one of 5,000 characters. */
static void test_too_much(void **state)
{
	char script[6000];
	struct err e = ERR_INIT;
	struct chat *c;

	(void)state;
	memset(script, 'a', 5000);
	script[5000] = '\0';
	assert_int_equal(chat_parse(script, &c, &e), -1);
	for (int i = 0; i < 4000; i += 2)
		memcpy(script + i, "a ", 2);
	script[4000] = '\0';
	assert_int_equal(chat_parse(script, &c, &e), -1);
	assert_non_null(strstr(e.text, "more than 128 strings"));
	/* Twice as much as is kept, then the text. */
	assert_int_equal(chat_parse("ogin: \\L", &c, &e), 0);
	chat_start(c, "ann", NULL, 0);
	memset(script, 'x', 2500);
	memcpy(script + 2500, "login:", 6);
	assert_int_equal(chat_feed(c, script, 2506, 5), 2506);
	assert_string_equal(chat_doing(c), "sending");
	chat_free(c);
}

static uint32_t rnd(uint64_t *s)
{
	*s = *s * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*s >> 33);
}

/* Random scripts of likely pieces against random bytes: an end in time, or an
 * error that says something. */
static void test_junk(void **state)
{
	static const char *const pieces[] = {"a", "b", " ", " ", "-", "--",
	    "\\d", "\\p", "\\c", "\\K", "\\P", "\\L", "\"", "'", "\\", "\\x4",
	    "\\101", " ABORT ", " TIMEOUT 3 ", " \"\" ", "BREAK", "EOT", "\\q"};
	const char *given = getenv("SEED");
	uint64_t s = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	unsigned good = 0;

	(void)state;
	print_message("seed %llu\n", (unsigned long long)s);
	for (int run = 0; run < 3000; run++) {
		char script[200] = "";
		struct err e = ERR_INIT;
		struct chat *c;
		uint64_t now = 0;

		for (unsigned i = rnd(&s) % 24; i > 0; i--)
			strcat(script, pieces[rnd(&s) % ROWS(pieces)]);
		if (chat_parse(script, &c, &e) < 0) {
			assert_int_equal(e.kind, ERR_CONFIG);
			continue;
		}
		good++;
		chat_start(c, "ann", "ab", now);
		for (int i = 0; chat_state(c) == CHAT_RUNNING; i++) {
			char junk[40];
			const uint8_t *p;
			size_t n = chat_out(c, &p);

			assert_true(i < 1000);
			chat_sent(c, n ? 1 + rnd(&s) % n : 0, now);
			if (chat_wants_break(c))
				chat_break_done(c, now);
			for (n = 0; n < rnd(&s) % sizeof(junk); n++)
				junk[n] = (char)(rnd(&s) % 3 ?
				    'a' + rnd(&s) % 2 : rnd(&s) % 256);
			assert_true(chat_feed(c, junk, n, now) <= n);
			now += rnd(&s) % 4000;
			chat_tick(c, now);
		}
		if (chat_state(c) == CHAT_FAILED)
			assert_true(strlen(chat_error(c)->text) > 20);
		chat_free(c);
	}
	assert_true(good > 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_password_needed),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_junk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
