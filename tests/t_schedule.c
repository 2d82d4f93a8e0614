/* When peers are called: every rule of schedule.h as rows, in several zones
 * and on the days on which clocks are set; what a call will last. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/config.h"
#include "schedule/estimate.h"
#include "schedule/schedule.h"
#include "schedule/schedule_facts.h"

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
#define TRIED 6
#define DIALING 30 /* seconds before each call is connected */

/* Peers of one dialsync.conf, by their keys. */
static struct config *read_peer(const char *keys)
{
	char path[] = "/tmp/t_schedule.XXXXXX";
	int fd = mkstemp(path);
	struct buf problems = BUF_INIT(4000);
	struct config *cfg = NULL;
	struct err e = ERR_INIT;
	FILE *f = fdopen(fd, "w");

	assert_non_null(f);
	fprintf(f, "[site]\nname = ann\ndatabase = d.db\n"
	    "[line modem]\ndevice = /dev/ttyS0\n"
	    "[line second]\ndevice = /dev/ttyS1\n"
	    "[line net]\ndevice = tcp:hub:1234\n"
	    "[peer hub]\n%s", keys);
	fclose(f);
	if (config_read(path, &cfg, &problems, &e) < 0)
		fail_msg("%s\n%s", e.text, buf_str(&problems));
	buf_free(&problems);
	unlink(path);
	return cfg;
}

/* "2026-11-22T09:30", local; "": none. */
static int64_t local(const char *text)
{
	struct tm tm = {0};

	if (!*text)
		return SCHEDULE_NONE;
	assert_non_null(strptime(text, "%Y-%m-%dT%H:%M", &tm));
	tm.tm_isdst = -1;
	return mktime(&tm);
}

static void set_zone(const char *tz)
{
	setenv("TZ", tz, 1);
	tzset();
}

static const char *const whys[] = {
	"due", "never", "every", "hours", "retry", "window", "budget"
};

struct row {
	const char *name, *zone, *keys, *now;
	const char *last_good;
	const char *tried[TRIED]; /* newest first */
	int64_t used;
	const char *why, *next;
	int64_t limit;
};

#define NIGHTS "hours = Mon-Fri 22:00-05:00, Sat-Sun any\n"
#define RETRY "retry = 5m 10m\n"
#define E12 "every = 12h\n"

/* 2026-11-22 is a Sunday. */
static const struct row by_clock[] = {
	{"no every, no scheduled calls", "UTC", "", "2026-11-24T12:00", "",
	    {0}, 0, "never", "", 0},
	{"never called: at once", "UTC", E12, "2026-11-24T12:00", "",
	    {0}, 0, "due", "2026-11-24T12:00", 0},
	{"the last good call is long ago", "UTC", E12, "2026-11-24T12:00",
	    "2026-11-24T00:00", {0}, 0, "due", "2026-11-24T12:00", 0},
	{"not so long ago", "UTC", E12, "2026-11-24T11:58",
	    "2026-11-24T00:00", {0}, 0, "every", "2026-11-24T12:00", 0},
	{"a minute early counts", "UTC", E12, "2026-11-24T11:59",
	    "2026-11-24T00:00", {0}, 0, "due", "2026-11-24T11:59", 0},
	{"a good call in the future: the clock was wrong", "UTC", E12,
	    "2026-11-24T12:00", "2031-01-01T00:00", {0}, 0,
	    "due", "2026-11-24T12:00", 0},
	{"max-call is the limit", "UTC", E12 "max-call = 15m\n",
	    "2026-11-24T12:00", "", {0}, 0, "due", "2026-11-24T12:00", 900},

	{"outside of hours: when they open", "UTC", E12 NIGHTS,
	    "2026-11-24T12:00", "", {0}, 0, "hours", "2026-11-24T22:00", 0},
	{"in hours over midnight, before it", "UTC", E12 NIGHTS,
	    "2026-11-24T22:00", "", {0}, 0, "due", "2026-11-24T22:00", 0},
	{"in hours over midnight, behind it", "UTC", E12 NIGHTS,
	    "2026-11-25T04:59", "", {0}, 0, "due", "2026-11-25T04:59", 0},
	{"the end of hours is outside", "UTC", E12 NIGHTS,
	    "2026-11-25T05:00", "", {0}, 0, "hours", "2026-11-25T22:00", 0},
	{"Monday's first hours are not Sunday's night", "UTC", E12 NIGHTS,
	    "2026-11-23T01:00", "", {0}, 0, "hours", "2026-11-23T22:00", 0},
	{"Friday's night goes into the weekend", "UTC", E12 NIGHTS,
	    "2026-11-28T06:00", "", {0}, 0, "due", "2026-11-28T06:00", 0},
	{"due by day, called by night", "UTC", E12 NIGHTS,
	    "2026-11-24T06:00", "2026-11-24T04:00", {0}, 0,
	    "every", "2026-11-24T22:00", 0},
	{"once a week", "UTC", E12 "hours = Wed 03:00-04:00\n",
	    "2026-11-25T04:00", "", {0}, 0, "hours", "2026-12-02T03:00", 0},

	{"the first failure waits the first time", "UTC", E12 NIGHTS RETRY,
	    "2026-11-24T22:04", "", {"2026-11-24T22:00"}, 0,
	    "retry", "2026-11-24T22:05", 0},
	{"and then is tried", "UTC", E12 NIGHTS RETRY,
	    "2026-11-24T22:05", "", {"2026-11-24T22:00"}, 0,
	    "due", "2026-11-24T22:05", 0},
	{"the second failure waits the second", "UTC", E12 NIGHTS RETRY,
	    "2026-11-24T22:06", "",
	    {"2026-11-24T22:05", "2026-11-24T22:00"}, 0,
	    "retry", "2026-11-24T22:15", 0},
	{"after the last: the next window", "UTC", E12 NIGHTS RETRY,
	    "2026-11-24T22:30", "", {"2026-11-24T22:15",
	    "2026-11-24T22:05", "2026-11-24T22:00"}, 0,
	    "window", "2026-11-25T22:00", 0},
	{"midnight is not the next window", "UTC", E12 NIGHTS RETRY,
	    "2026-11-25T01:00", "", {"2026-11-24T22:15",
	    "2026-11-24T22:05", "2026-11-24T22:00"}, 0,
	    "window", "2026-11-25T22:00", 0},
	{"the next window begins anew", "UTC", E12 NIGHTS RETRY,
	    "2026-11-25T22:00", "", {"2026-11-24T22:15",
	    "2026-11-24T22:05", "2026-11-24T22:00"}, 0,
	    "due", "2026-11-25T22:00", 0},
	{"and waits its first time again", "UTC", E12 NIGHTS RETRY,
	    "2026-11-25T22:01", "", {"2026-11-25T22:00",
	    "2026-11-24T22:15", "2026-11-24T22:05", "2026-11-24T22:00"}, 0,
	    "retry", "2026-11-25T22:05", 0},
	{"a wait that ends outside of hours: the next window", "UTC",
	    E12 NIGHTS RETRY, "2026-11-25T04:58", "",
	    {"2026-11-25T04:57"}, 0, "retry", "2026-11-25T22:00", 0},
	{"a new window is no blind redial", "UTC",
	    E12 "hours = 20:00-22:00, 22:00-23:00\n" RETRY,
	    "2026-11-24T22:00", "", {"2026-11-24T21:58"}, 0,
	    "retry", "2026-11-24T22:03", 0},
	{"a long wait ends with the window", "UTC",
	    E12 NIGHTS "retry = 5m 40m\n", "2026-11-28T23:56", "",
	    {"2026-11-28T23:55", "2026-11-28T23:50"}, 0,
	    "retry", "2026-11-29T00:00", 0},
	{"but not a minute after the last try", "UTC",
	    E12 NIGHTS "retry = 5m 40m\n", "2026-11-28T23:59", "",
	    {"2026-11-28T23:58", "2026-11-28T23:50"}, 0,
	    "retry", "2026-11-29T00:03", 0},
	{"the days of a weekend are windows", "UTC", E12 NIGHTS RETRY,
	    "2026-11-28T12:00", "", {"2026-11-28T11:00",
	    "2026-11-28T10:00", "2026-11-28T09:00"}, 0,
	    "window", "2026-11-29T00:00", 0},
	{"a call by hand that failed does not hurry", "UTC", E12 RETRY,
	    "2026-11-24T04:00", "2026-11-24T00:00",
	    {"2026-11-24T03:00"}, 0, "every", "2026-11-24T12:00", 0},
	{"always open: retries", "UTC", E12 RETRY, "2026-11-24T03:05", "",
	    {"2026-11-24T03:05", "2026-11-24T03:00"}, 0,
	    "retry", "2026-11-24T03:15", 0},
	{"always open: after the last, every", "UTC", E12 RETRY,
	    "2026-11-24T03:20", "", {"2026-11-24T03:15",
	    "2026-11-24T03:05", "2026-11-24T03:00"}, 0,
	    "window", "2026-11-24T15:15", 0},
	{"always open: the list again", "UTC", E12 RETRY,
	    "2026-11-24T15:16", "", {"2026-11-24T15:15",
	    "2026-11-24T03:15", "2026-11-24T03:05", "2026-11-24T03:00"}, 0,
	    "retry", "2026-11-24T15:20", 0},
	{"tries in the future are not waited for", "UTC", E12 RETRY,
	    "2026-11-24T12:00", "", {"2031-01-01T00:00"}, 0,
	    "due", "2026-11-24T12:00", 0},

	{"budget: what is left is the limit", "UTC", E12
	    "budget = 30m/day\n", "2026-11-24T12:00", "", {0}, 600,
	    "due", "2026-11-24T12:00", 1200},
	{"budget: max-call is shorter", "UTC", E12
	    "budget = 30m/day\nmax-call = 5m\n", "2026-11-24T12:00", "",
	    {0}, 600, "due", "2026-11-24T12:00", 300},
	{"budget used up: tomorrow", "UTC", E12 "budget = 30m/day\n",
	    "2026-11-24T12:00", "", {0}, 1800,
	    "budget", "2026-11-25T00:00", 0},
	{"budget: less than a minute is none", "UTC", E12
	    "budget = 30m/day\n", "2026-11-24T12:00", "", {0}, 1741,
	    "budget", "2026-11-25T00:00", 0},
	{"budget used up: tomorrow's hours", "UTC", E12 NIGHTS
	    "budget = 30m/day\n", "2026-11-24T23:00", "", {0}, 1800,
	    "budget", "2026-11-25T00:00", 0},
	{"budget: hours closed till then", "UTC", E12
	    "hours = 22:00-23:30\nbudget = 30m/day\n",
	    "2026-11-24T23:00", "", {0}, 1800,
	    "budget", "2026-11-25T22:00", 0},
	{"budget: over midnight there is more", "UTC", E12
	    "budget = 30m/day\n", "2026-11-24T23:50", "", {0}, 0,
	    "due", "2026-11-24T23:50", 600 + 1800},
	{"budget: not so if it ends before", "UTC", E12
	    "budget = 30m/day\n", "2026-11-24T23:20", "", {0}, 0,
	    "due", "2026-11-24T23:20", 1800},

	/* clocks: 2026-03-29 02:00 -> 03:00, 2026-10-25 03:00 -> 02:00 */
	{"hours are local", BERLIN, E12 NIGHTS, "2026-11-24T21:59", "",
	    {0}, 0, "hours", "2026-11-24T22:00", 0},
	{"hours in the hour that does not exist", BERLIN, E12
	    "hours = 02:15-02:45\n", "2026-03-29T01:00", "", {0}, 0,
	    "hours", "2026-03-30T02:15", 0},
	{"hours that begin in it open behind it", BERLIN, E12
	    "hours = 02:30-04:00\n", "2026-03-29T01:00", "", {0}, 0,
	    "hours", "2026-03-29T03:00", 0},
	{"a shorter night", BERLIN, E12 NIGHTS, "2026-03-28T12:00",
	    "2026-03-28T20:00", {0}, 0, "due", "2026-03-28T12:00", 0},
	{"the window after the clock was set", BERLIN, E12
	    "hours = 22:00-05:00\n" RETRY, "2026-10-25T04:00", "",
	    {"2026-10-24T22:15", "2026-10-24T22:05", "2026-10-24T22:00"}, 0,
	    "window", "2026-10-25T22:00", 0},
	{"a day of 25 hours ends at midnight", BERLIN, E12
	    "budget = 30m/day\n", "2026-10-25T01:00", "", {0}, 1800,
	    "budget", "2026-10-26T00:00", 0},
	{"a day of 23 hours ends at midnight", BERLIN, E12
	    "budget = 30m/day\n", "2026-03-29T01:00", "", {0}, 1800,
	    "budget", "2026-03-30T00:00", 0},
};

static const struct row by_hand[] = {
	{"by hand: every and retry do not count", "UTC", E12 RETRY,
	    "2026-11-24T03:01", "2026-11-24T02:00",
	    {"2026-11-24T03:00"}, 0, "due", "2026-11-24T03:01", 0},
	{"by hand: without every, too", "UTC", "", "2026-11-24T03:01", "",
	    {0}, 0, "due", "2026-11-24T03:01", 0},
	{"by hand: hours hold", "UTC", NIGHTS, "2026-11-24T12:00", "",
	    {0}, 0, "hours", "2026-11-24T22:00", 0},
	{"by hand: the budget holds", "UTC", "budget = 30m/day\n",
	    "2026-11-24T12:00", "", {0}, 1800,
	    "budget", "2026-11-25T00:00", 0},
};

static const struct row urgent[] = {
	{"urgent: hours do not hold", "UTC", NIGHTS, "2026-11-24T12:00",
	    "", {0}, 0, "due", "2026-11-24T12:00", 0},
	{"urgent: the budget does", "UTC", NIGHTS "budget = 30m/day\n",
	    "2026-11-24T12:00", "", {0}, 1800,
	    "budget", "2026-11-25T00:00", 0},
	{"urgent: the budget is the limit", "UTC", NIGHTS
	    "budget = 30m/day\n", "2026-11-24T12:00", "", {0}, 1700,
	    "due", "2026-11-24T12:00", 100},
};

static void show(char *out, size_t n, int64_t t)
{
	time_t tt = (time_t)t;

	out[0] = '\0';
	if (t != SCHEDULE_NONE)
		strftime(out, n, "%Y-%m-%dT%H:%M", localtime(&tt));
}

static void check_row(const struct row *r, enum schedule_how how)
{
	struct schedule_facts f = {.last_good = SCHEDULE_NONE};
	struct schedule_answer a;
	struct config *cfg;
	char next[40];
	int64_t now;

	set_zone(r->zone);
	cfg = read_peer(r->keys);
	now = local(r->now);
	f.last_good = local(r->last_good);
	for (size_t i = 0; i < TRIED && r->tried[i]; i++)
		f.tried[f.n_tried++] = local(r->tried[i]);
	f.tries = (int64_t)f.n_tried;
	f.used = r->used;
	schedule_ask(&cfg->peers[0], &f, how, now, &a);
	show(next, sizeof(next), a.next);
	if (strcmp(whys[a.why], r->why) != 0 || strcmp(next, r->next) != 0 ||
	    a.limit_s != r->limit || a.due != (a.why == SCHEDULE_DUE))
		fail_msg("%s: %s, next %s, limit %d; not %s, %s, %d", r->name,
		    whys[a.why], next, (int)a.limit_s, r->why, r->next,
		    (int)r->limit);
	config_free(cfg);
}

#define ROWS(a) (sizeof(a) / sizeof(*(a)))

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(by_clock); i++)
		check_row(&by_clock[i], SCHEDULE_BY_CLOCK);
	for (size_t i = 0; i < ROWS(by_hand); i++)
		check_row(&by_hand[i], SCHEDULE_BY_HAND);
	for (size_t i = 0; i < ROWS(urgent); i++)
		check_row(&urgent[i], SCHEDULE_URGENT);
}

/* What trying again does not mend waits for the next window at once. */
static void test_hopeless(void **state)
{
	struct config *cfg;
	struct schedule_facts f = {.last_good = SCHEDULE_NONE, .tries = 1,
	    .n_tried = 1, .hopeless = true};
	struct schedule_answer a;

	(void)state;
	set_zone("UTC");
	cfg = read_peer(E12 NIGHTS RETRY);
	f.tried[0] = local("2026-11-24T22:00");
	schedule_ask(&cfg->peers[0], &f, SCHEDULE_BY_CLOCK,
	    f.tried[0] + 60, &a);
	assert_int_equal(a.why, SCHEDULE_WINDOW);
	assert_int_equal(a.next, local("2026-11-25T22:00"));
	config_free(cfg);
}

/* Where clocks are set at midnight a day begins at 1:00, or has two 0:00. */
static void test_days(void **state)
{
	static const struct {
		const char *name, *zone, *at, *start; /* UTC */
		int64_t seconds;
	} rows[] = {
		{"a plain day", "UTC", "2026-11-24T12:00:00Z",
		    "2026-11-24T00:00:00Z", 86400},
		{"at midnight", "UTC", "2026-11-24T00:00:00Z",
		    "2026-11-24T00:00:00Z", 86400},
		{"east", "XXX-14", "2026-11-24T12:00:00Z",
		    "2026-11-24T10:00:00Z", 86400},
		{"23 hours", BERLIN, "2026-03-29T12:00:00Z",
		    "2026-03-28T23:00:00Z", 23 * 3600},
		{"25 hours", BERLIN, "2026-10-25T12:00:00Z",
		    "2026-10-24T22:00:00Z", 25 * 3600},
		{"0:00 is skipped", "XXX3YYY,M10.3.0/0,M2.3.0/0",
		    "2026-10-18T12:00:00Z", "2026-10-18T03:00:00Z",
		    23 * 3600},
		{"the day before that", "XXX3YYY,M10.3.0/0,M2.3.0/0",
		    "2026-10-17T12:00:00Z", "2026-10-17T03:00:00Z",
		    24 * 3600},
		{"23:00 comes twice", "XXX3YYY,M10.3.0/0,M2.3.0/0",
		    "2026-02-14T12:00:00Z", "2026-02-14T02:00:00Z",
		    25 * 3600},
		{"0:00 comes twice", "XXX5YYY,M3.2.0/0,M11.1.0/1",
		    "2026-11-01T12:00:00Z", "2026-11-01T04:00:00Z",
		    25 * 3600},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char text[CLOCK_TEXT];
		int64_t at, start, end;

		set_zone(rows[i].zone);
		assert_int_equal(clock_parse(rows[i].at, &at), 0);
		start = schedule_day_start(at);
		end = schedule_day_end(at);
		clock_format(start, text);
		if (strcmp(text, rows[i].start) != 0 ||
		    end - start != rows[i].seconds)
			fail_msg("%s: from %s, %d s", rows[i].name, text,
			    (int)(end - start));
	}
}

/* ---- sentences */

static void test_text(void **state)
{
	static const struct {
		enum schedule_how how;
		enum schedule_why why;
		const char *next, *text;
	} rows[] = {
		{SCHEDULE_BY_CLOCK, SCHEDULE_EVERY, "2026-11-24T22:00",
		    "the last good call is not so long ago; next at "
		    "2026-11-24 22:00"},
		{SCHEDULE_BY_HAND, SCHEDULE_HOURS, "2026-11-24T22:00",
		    "outside of its hours; next at 2026-11-24 22:00; add "
		    "--urgent to call now"},
		{SCHEDULE_URGENT, SCHEDULE_BUDGET, "2026-11-25T00:00",
		    "the budget of today is used up; next at 2026-11-25 "
		    "00:00; raise \"budget\" in dialsync.conf to call now"},
		{SCHEDULE_BY_CLOCK, SCHEDULE_NEVER, "",
		    "not called by the clock (every = 0)"},
	};
	char text[SCHEDULE_TEXT];

	(void)state;
	set_zone("UTC");
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct schedule_answer a = {.why = rows[i].why,
		    .next = local(rows[i].next)};

		assert_string_equal(schedule_text(&a, rows[i].how, text),
		    rows[i].text);
	}
}

/* ---- records of the log */

struct entry {
	const char *peer, *line, *direction, *result;
	int exit, start_min, seconds, try; /* minutes before now */
};

static const struct {
	const char *name;
	struct entry log[6]; /* newest first */
	int good_min;        /* -1: none */
	int tries, used, samples;
	bool hopeless;
} histories[] = {
	{"nothing", {{0}}, -1, 0, 0, 0, false},
	{"a good call", {{"hub", "modem", "out", "done", 0, 60, 120, 1}},
	    60, 0, 120, 1, false},
	{"theirs is good for us, and costs us nothing",
	    {{"hub", "modem", "in", "done", 0, 60, 120, 0}},
	    60, 0, 0, 1, false},
	{"of another peer, but the same line",
	    {{"zoe", "modem", "out", "done", 0, 60, 120, 1}},
	    -1, 0, 0, 0, false},
	{"tries since", {{"hub", "modem", "out", "busy", 75, 10, 0, 2},
	    {"hub", "modem", "out", "dropped", 75, 20, 30, 1},
	    {"hub", "modem", "out", "done", 0, 60, 120, 1},
	    {"hub", "modem", "out", "busy", 75, 70, 0, 1}},
	    60, 2, 150, 1, false},
	{"two numbers are one try", {{"hub", "modem", "out", "busy", 75, 10,
	    0, 2}, {"hub", "modem", "out", "busy", 75, 11, 0, 2},
	    {"hub", "modem", "out", "busy", 75, 20, 0, 1}},
	    -1, 2, 0, 0, false},
	{"without the column each is one", {{"hub", "modem", "out", "busy",
	    75, 10, 0, 0}, {"hub", "modem", "out", "busy", 75, 11, 0, 0}},
	    -1, 2, 0, 0, false},
	{"theirs that failed are no tries of ours",
	    {{"hub", "modem", "in", "dropped", 75, 10, 30, 0}},
	    -1, 0, 0, 0, false},
	{"a wrong key is hopeless", {{"hub", "modem", "out", "refused", 77,
	    10, 2, 2}, {"hub", "modem", "out", "busy", 75, 20, 0, 1}},
	    -1, 2, 2, 0, true},
	{"once, not now", {{"hub", "modem", "out", "busy", 75, 10, 0, 2},
	    {"hub", "modem", "out", "refused", 77, 20, 2, 1}},
	    -1, 2, 2, 0, false},
	{"the modem refuses the number", {{"hub", "modem", "out",
	    "blacklisted", 75, 10, 0, 1}}, -1, 1, 0, 0, true},
	{"over midnight, 12 hours and 30 s ago", {{"hub", "modem", "out",
	    "dropped", 75, 721, 300, 1}}, -1, 1, 270, 0, false},
	{"yesterday's do not count", {{"hub", "modem", "out", "dropped", 75,
	    800, 300, 1}}, -1, 1, 0, 0, false},
	{"dialing is not connected time", {{"hub", "modem", "out",
	    "no-answer", 75, 100, 0, 1}}, -1, 1, 0, 0, false},
};

static void test_facts(void **state)
{
	struct config *cfg;
	int64_t now;

	(void)state;
	set_zone("UTC");
	cfg = read_peer("line = modem\nline = second\n");
	now = local("2026-11-24T12:00");
	for (size_t i = 0; i < ROWS(histories); i++) {
		struct schedule_peer s;
		const struct schedule_facts *f = &s.facts;
		int64_t good = histories[i].good_min < 0 ? SCHEDULE_NONE :
		    now - histories[i].good_min * 60;

		schedule_peer_init(&s, cfg, &cfg->peers[0], now);
		for (size_t k = 0; k < 6 && histories[i].log[k].peer; k++) {
			const struct entry *h = &histories[i].log[k];
			struct call_record r = {.exit = h->exit,
			    .start = now - h->start_min * 60,
			    .seconds = h->seconds, .try = h->try};

			r.end = r.start + DIALING + h->seconds;
			strcpy(r.peer, h->peer);
			strcpy(r.line, h->line);
			strcpy(r.direction, h->direction);
			strcpy(r.result, h->result);
			schedule_peer_add(&s, &r);
		}
		if (f->last_good != good || f->tries != histories[i].tries ||
		    f->used != histories[i].used ||
		    (int)s.own.n != histories[i].samples ||
		    f->hopeless != histories[i].hopeless)
			fail_msg("%s: good %d, %d tries, %d s, %d samples, %d",
			    histories[i].name,
			    f->last_good == SCHEDULE_NONE ? -1 :
			    (int)(now - f->last_good) / 60, (int)f->tries,
			    (int)f->used, (int)s.own.n, f->hopeless);
	}
	config_free(cfg);
}

/* ---- lines and numbers in turn */

static void test_routes(void **state)
{
	static const struct {
		const char *name, *keys, *routes;
		const char *after_busy, *after_69, *after_dropped;
	} rows[] = {
		{"numbers in turn", "line = modem\nphone = 1\nphone = 2\n",
		    "modem/1 modem/2 ", "modem/2", "", ""},
		{"numbers, then lines", "line = modem\nline = second\n"
		    "phone = 1\nphone = 2\n",
		    "modem/1 modem/2 second/1 second/2 ",
		    "modem/2", "second/1", ""},
		{"a line without modem has none", "line = net\nline = modem\n"
		    "phone = 1\n", "net/- modem/1 ", "modem/1", "modem/1",
		    ""},
		{"no line, and three to choose from", "phone = 1\n", "", "",
		    "", ""},
	};
	static const struct { int code; bool connected; } ends[] = {
		{75, false}, {69, false}, {75, true}
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct config *cfg = read_peer(rows[i].keys);
		struct schedule_route r[SCHEDULE_ROUTES_MAX];
		const char *const want[] = {rows[i].after_busy,
		    rows[i].after_69, rows[i].after_dropped};
		size_t n = schedule_routes(cfg, &cfg->peers[0], r);
		char text[200] = "";

		for (size_t k = 0; k < n; k++)
			snprintf(text + strlen(text), 60, "%s/%s ",
			    r[k].line->name, r[k].phone ? r[k].phone : "-");
		assert_string_equal(text, rows[i].routes);
		for (size_t k = 0; k < 3 && n; k++) {
			size_t at = schedule_next_route(r, n, 0,
			    ends[k].code, ends[k].connected);

			text[0] = '\0';
			if (at < n)
				snprintf(text, sizeof(text), "%s/%s",
				    r[at].line->name,
				    r[at].phone ? r[at].phone : "-");
			if (strcmp(text, want[k]) != 0)
				fail_msg("%s: after %d %s", rows[i].name,
				    ends[k].code, text);
		}
		config_free(cfg);
	}
}

/* ---- estimates */

static void test_estimate(void **state)
{
	static const struct {
		const char *name;
		bool both;
		int64_t nominal;
		struct estimate_call call[5];
		int64_t send, receive;
		int64_t seconds; /* within 5 %, at least 1 */
	} rows[] = {
		{"nothing is known", true, 0, {{0}}, 100000, 0, -1},
		{"the line promises 2880 B/s", true, 2880, {{0}},
		    100000, 0, 40},
		{"one call", true, 0, {{60000, 100, 23}}, 120000, 0, 43},
		{"two calls give rate and overhead", true, 9999,
		    {{60000, 0, 30}, {20000, 0, 14}}, 100000, 0, 46},
		{"the fuller direction", true, 0,
		    {{60000, 10000, 30}, {20000, 10000, 14}},
		    100000, 90000, 46},
		{"both, one after the other", false, 0,
		    {{50000, 10000, 30}, {10000, 10000, 14}},
		    50000, 50000, 46},
		{"one retrain does not count", true, 0,
		    {{60000, 0, 30}, {20000, 0, 14}, {40000, 0, 90},
		    {10000, 0, 10}, {80000, 0, 38}}, 100000, 0, 46},
		{"small calls say what a call costs", true, 3000,
		    {{200, 0, 8}, {300, 0, 8}, {100, 0, 9}}, 0, 0, 8},
		{"a rate is not known from them", true, 0,
		    {{200, 0, 8}, {300, 0, 8}, {100, 0, 9}}, 9999, 0, -1},
		{"nor needed for little", true, 0,
		    {{200, 0, 8}, {300, 0, 8}, {100, 0, 9}}, 999, 0, 8},
		{"nothing to send, nothing known to receive", true, 0,
		    {{60000, 0, 30}, {20000, 0, 14}}, 0, -1, 6},
		{"a rate backwards is none", true, 0,
		    {{60000, 0, 10}, {20000, 0, 14}}, 60000, 0, 20},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct estimate_calls c = {0};
		struct estimate_line l = {rows[i].both, rows[i].nominal};
		struct estimate e;
		int64_t s, off;

		while (c.n < 5 && rows[i].call[c.n].seconds) {
			c.call[c.n] = rows[i].call[c.n];
			c.n++;
		}
		estimate_make(&c, &l, &e);
		s = estimate_seconds(&e, &l, rows[i].send, rows[i].receive);
		off = s > rows[i].seconds ? s - rows[i].seconds
		                          : rows[i].seconds - s;
		if (off > 1 && off > rows[i].seconds / 20)
			fail_msg("%s: %d s, not %d", rows[i].name, (int)s,
			    (int)rows[i].seconds);
	}
}

static void test_estimate_words(void **state)
{
	static const struct {
		int64_t seconds, bundles, bps;
		const char *text;
	} rows[] = {
		{40, 3, 28800, "about 40 s for 3 bundles at 28.8k"},
		{3, 1, 0, "about 3 s for 1 bundle"},
		{121, 0, 9600, "about 3 min for 0 bundles at 9600"},
		{36000, 9, 1500000, "about 10.0 h for 9 bundles at 1.5M"},
		{-1, 9, 9600, ""},
	};
	static const struct {
		const char *connect;
		int64_t bps;
	} connects[] = {
		{"CONNECT 33600/V42", 33600}, {"CONNECT 57600/ARQ/V34", 57600},
		{"CONNECT", 0}, {"CARRIER 9600; CONNECT 115200", 9600},
		{"/dev/ttyS0", 0}, {"CONNECT 99999999999999", 0},
		{"CONNECT FAST", 0}, {"", 0},
	};
	char text[ESTIMATE_TEXT];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_string_equal(estimate_text(rows[i].seconds,
		    rows[i].bundles, rows[i].bps, text), rows[i].text);
	for (size_t i = 0; i < ROWS(connects); i++)
		assert_int_equal(estimate_connect_bps(connects[i].connect),
		    connects[i].bps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_hopeless),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_estimate),
		cmocka_unit_test(test_estimate_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
