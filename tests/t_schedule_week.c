/* Simulated weeks of "dialsync call --due" every five minutes, with a real log
 * of calls and random failures: calls fall into their hours, retries back
 * off, the budget holds, and what was promised as the next call is kept.
 * What is checked is counted here anew, not with what is tested.
 *
 * SEED in the environment repeats a run; it is printed. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config/config.h"
#include "schedule/schedule.h"
#include "schedule/schedule_facts.h"
#include "spool/call_log.h"

#define TICK 300
#define WEEK (7 * 86400)
#define N_RETRY 4

struct plan {
	const char *zone;
	int64_t start;
	unsigned failures;   /* of a hundred calls */
	const char *keys;
	int budget;          /* seconds a day */
	int at_least;        /* calls */
};

static const char conf[] =
    "[site]\nname = ann\ndatabase = d.db\n"
    "[line modem]\ndevice = /dev/ttyS0\n"
    "[peer hub]\nhours = Mon-Fri 22:00-05:00, Sat-Sun any\n"
    "retry = 5m 10m 20m 40m\n%s"
    "[peer zoe]\nevery = 1h\n";
static const int waits[N_RETRY] = {300, 600, 1200, 2400};

static uint64_t seed;

static unsigned pick(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

struct world {
	const struct plan *plan;     /* borrowed */
	char dir[40];
	struct spool spool;
	struct config *cfg;
	int64_t promised;            /* the next call, as said last */
	int64_t last_try;
	int failed, calls, good;     /* failed: in a row, since the last pause */
	char night[16];
	struct { char day[16]; int64_t used; } days[40];
	int n_days;
};

static void begin(struct world *w, const struct plan *plan)
{
	struct err e = ERR_INIT;
	char path[80];
	FILE *f;

	memset(w, 0, sizeof(*w));
	w->plan = plan;
	strcpy(w->dir, "/tmp/t_schedule_week.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(path, sizeof(path), "%s/dialsync.conf", w->dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, conf, plan->keys);
	fclose(f);
	assert_int_equal(config_read(path, &w->cfg, NULL, &e), 0);
	assert_int_equal(spool_open(&w->spool, w->dir, &e), 0);
	w->promised = SCHEDULE_NONE;
	w->last_try = SCHEDULE_NONE;
}

static void end(struct world *w)
{
	char cmd[80];

	spool_close(&w->spool);
	config_free(w->cfg);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", w->dir);
	assert_int_equal(system(cmd), 0);
}

/* The local date, shifted: a night is one date, twelve hours before. */
static void date_of(int64_t t, int shift, char out[16])
{
	time_t tt = (time_t)(t - shift);

	strftime(out, 16, "%Y-%m-%d", localtime(&tt));
}

/* Second by second, so that midnight is where the calendar has it. */
static void count_budget(struct world *w, int64_t from, int64_t to)
{
	char day[16];

	for (int64_t t = from; t < to; t++) {
		date_of(t, 0, day);
		if (!w->n_days || strcmp(w->days[w->n_days - 1].day, day)) {
			assert_true(w->n_days < 40);
			strcpy(w->days[w->n_days++].day, day);
		}
		if (++w->days[w->n_days - 1].used > w->plan->budget)
			fail_msg("%s: more than %d s", day, w->plan->budget);
	}
}

static void check_hours(int64_t now)
{
	time_t t = (time_t)now;
	struct tm tm = *localtime(&t);
	bool weekend = tm.tm_wday == 0 || tm.tm_wday == 6;
	/* a night belongs to the day on which it begins */
	bool night = tm.tm_hour >= 22 ||
	    (tm.tm_hour < 5 && tm.tm_wday >= 2 && tm.tm_wday <= 5);

	if (!weekend && !night)
		fail_msg("a call on day %d at %d:%02d", tm.tm_wday,
		    tm.tm_hour, tm.tm_min);
}

/* The n-th try in a row waited the n-th time at least; a row is no longer
 * than the list, and a new one is for a new window. */
static void check_backoff(struct world *w, int64_t now)
{
	char night[16];
	time_t t = (time_t)now;
	int wday = localtime(&t)->tm_wday;

	/* weekend: windows are the days */
	date_of(now, wday == 0 || wday == 6 ? 0 : 12 * 3600, night);
	if (strcmp(night, w->night) != 0) {
		strcpy(w->night, night);
		w->failed = 0;
	}
	if (w->failed == 0)
		return;
	if (w->failed > N_RETRY)
		fail_msg("%s: try %d in one window", night, w->failed + 1);
	if (now - w->last_try < waits[w->failed - 1])
		fail_msg("%s: try %d after %d s", night, w->failed + 1,
		    (int)(now - w->last_try));
}

/* A call of a few seconds to its limit, or one that fails.  It takes time to
 * dial.  Returns when it is over. */
static int64_t call(struct world *w, int64_t now,
    const struct schedule_facts *f)
{
	static const char *const bad[] = {
		"busy", "no-answer", "no-carrier", "dropped"
	};
	struct err e = ERR_INIT;
	unsigned how = pick(4);
	bool good = pick(100) >= w->plan->failures;
	struct call_record r = {.start = now, .try = f->tries + 1};
	int64_t connected = now + 1 + pick(90);
	int64_t limit = schedule_limit(&w->cfg->peers[0], f, connected);

	assert_true(limit > 0);
	strcpy(r.peer, "hub");
	strcpy(r.line, "modem");
	strcpy(r.direction, "out");
	strcpy(r.result, good ? "done" : bad[how]);
	r.exit = good ? 0 : 75;
	if (good || how == 3)
		r.seconds = pick(3) ? 1 + pick((unsigned)limit) : limit;
	r.end = connected + r.seconds;
	r.bytes_sent = r.seconds * 3000;
	assert_int_equal(call_log_append(&w->spool, &r, &e), 0);
	count_budget(w, r.end - r.seconds, r.end);
	w->last_try = now;
	w->failed = good ? 0 : w->failed + 1;
	w->calls++;
	w->good += good;
	return r.end;
}

/* One run of cron.  Returns when it is over. */
static int64_t tick(struct world *w, int64_t now)
{
	struct schedule_peer all[2];
	struct schedule_answer a;
	struct err e = ERR_INIT;

	assert_int_equal(schedule_read(&w->spool, w->cfg, now, all, &e), 0);
	schedule_ask(&w->cfg->peers[0], &all[0].facts, SCHEDULE_BY_CLOCK, now,
	    &a);
	if (a.due != (a.next == now))
		fail_msg("due %d, but the next is not now", a.due);
	if (w->promised != SCHEDULE_NONE &&
	    a.due != (now >= w->promised) && now + 60 < w->promised)
		fail_msg("%lld: promised %lld, but due is %d",
		    (long long)now, (long long)w->promised, a.due);
	w->promised = SCHEDULE_NONE;
	if (!a.due) {
		assert_true(a.next > now);
		w->promised = a.next;
		return now;
	}
	check_hours(now);
	check_backoff(w, now);
	return call(w, now, &all[0].facts);
}

static void week(const struct plan *plan)
{
	struct world w;
	int64_t now, over;

	setenv("TZ", plan->zone, 1);
	tzset();
	begin(&w, plan);
	for (now = plan->start; now < plan->start + WEEK; now += TICK) {
		over = tick(&w, now + pick(20));
		while (now + TICK <= over)
			now += TICK; /* cron's next runs find the lock taken */
	}
	printf("  %s, %u %% fail: %d calls, %d good\n", plan->zone,
	    plan->failures, w.calls, w.good);
	if (w.calls < plan->at_least)
		fail_msg("only %d calls", w.calls);
	end(&w);
}

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
#define RARELY "every = 12h\nbudget = 30m/day\nmax-call = 15m\n"
#define OFTEN "every = 30m\nbudget = 20m/day\n" /* more than it may */

static void test_weeks(void **state)
{
	static const struct plan weeks[] = {
		{"UTC", 1795305600, 0, RARELY, 1800, 8}, /* 2026-11-22 */
		{"UTC", 1795305600, 50, RARELY, 1800, 8},
		/* 5 in each of 7 windows */
		{"UTC", 1795305600, 100, RARELY, 1800, 30},
		{"UTC", 1795305600, 10, OFTEN, 1200, 8},
		/* 2026-03-25, + 1 h on 29; 2026-10-20, - 1 h on 25 */
		{BERLIN, 1774393200, 50, RARELY, 1800, 8},
		{BERLIN, 1774393200, 10, OFTEN, 1200, 8},
		{BERLIN, 1792533600, 50, RARELY, 1800, 8},
		{BERLIN, 1792533600, 100, RARELY, 1800, 30},
		{BERLIN, 1792533600, 10, OFTEN, 1200, 8},
		{"XXX11", 1795305600, 80, RARELY, 1800, 8},
		{"XXX-14", 1795305600, 80, OFTEN, 1200, 8},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(weeks) / sizeof(*weeks); i++)
		week(&weeks[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_weeks)};
	const char *s = getenv("SEED");

	seed = s ? strtoull(s, NULL, 10) : (uint64_t)time(NULL);
	printf("SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
