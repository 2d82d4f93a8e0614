/* The rules of schedule.h, each a function from a time to the first time that
 * it allows; a call is due when all of them leave the time alone. */
#include "config.h"

#include "schedule/schedule.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define MINUTE 60
#define DAY_MINUTES 1440
#define HOURS_AHEAD_S (9 * 86400) /* hours repeat weekly; clocks are set */
#define EARLY_MAX_S MINUTE
#define NEED_S MINUTE             /* a call for less is not begun */
#define ROUNDS_MAX 64

/* ---- local time */

/* The clock on the wall as minutes since 1970, as if there was no zone: it
 * repeats or skips some when clocks are set. */
static int64_t wall_minutes(int64_t t)
{
	time_t tt = (time_t)t;
	struct tm tm;

	if (!localtime_r(&tt, &tm))
		return t / MINUTE;
	return (int64_t)timegm(&tm) / MINUTE;
}

static int64_t day_of(int64_t t)
{
	return wall_minutes(t) / DAY_MINUTES;
}

/* The first second of a day, n days after that of t.  mktime() may be off by
 * what the clock was set at midnight: 0:00 that does not exist, or twice. */
static int64_t day_begin(int64_t t, int n)
{
	int64_t day = day_of(t) + n, at;
	time_t tt = (time_t)t;
	struct tm tm;

	if (!localtime_r(&tt, &tm))
		return (t / 86400 + n) * 86400;
	tm.tm_mday += n;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	at = (int64_t)mktime(&tm);
	for (int i = 0; i < 8 && day_of(at) < day; i++)
		at += 30 * MINUTE;
	for (int i = 0; i < 8 && day_of(at - 30 * MINUTE) >= day; i++)
		at -= 30 * MINUTE;
	return at;
}

int64_t schedule_day_start(int64_t t)
{
	return day_begin(t, 0);
}

int64_t schedule_day_end(int64_t t)
{
	return day_begin(t, 1);
}

/* ---- hours and windows */

/* Is this item open at this minute (of wall_minutes())?  *begin: when it
 * began, by the same clock. */
static bool item_open(const struct config_window *w, int64_t at,
    int64_t *begin)
{
	int64_t day = at / DAY_MINUTES;
	int minute = (int)(at % DAY_MINUTES);
	/* 1 January 1970 was a Thursday */
	unsigned today = 1u << ((day + 4) % 7);
	unsigned yesterday = 1u << ((day + 3) % 7);
	bool over_midnight = w->from >= w->to;

	*begin = day * DAY_MINUTES + w->from;
	if ((w->days & today) && minute >= w->from &&
	    (over_midnight || minute < w->to))
		return true;
	*begin -= DAY_MINUTES;
	return over_midnight && (w->days & yesterday) && minute < w->to;
}

/* When the youngest window began that is open at this time; -1: none is. */
static int64_t window_at(const struct config_hours *h, int64_t t)
{
	int64_t at = wall_minutes(t), begin, last = -1;

	for (size_t i = 0; i < h->n; i++)
		if (item_open(&h->window[i], at, &begin) && begin > last)
			last = begin;
	return last;
}

/* Is there no time at which calls may not be made? */
static bool always_open(const struct config_hours *h)
{
	int64_t begin;

	/* by any week, minute by minute, without a zone */
	for (int64_t at = DAY_MINUTES; at < 8 * DAY_MINUTES; at++) {
		bool open = false;

		for (size_t i = 0; i < h->n && !open; i++)
			open = item_open(&h->window[i], at, &begin);
		if (!open)
			return false;
	}
	return h->n > 0;
}

/* The first time from t on at which a window is open that began later than
 * `than` (-1: any).  Minute by minute, which is right however clocks are
 * set, and is some thousand looks at most. */
static int64_t next_window(const struct config_hours *h, int64_t t,
    int64_t than)
{
	int64_t at = t, end = t + HOURS_AHEAD_S;

	while (at < end) {
		if (window_at(h, at) > than)
			return at;
		at += MINUTE - (at % MINUTE + MINUTE) % MINUTE;
	}
	return SCHEDULE_NONE;
}

/* ---- the rules: t, or the first time after it that is allowed */

struct asked {
	const struct config_peer *p;
	const struct schedule_facts *f;
	int64_t now;
	bool always; /* every hour is open */
};

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* `every` after the last good call. */
static int64_t rule_every(const struct asked *a, int64_t t,
    enum schedule_why *why)
{
	int64_t early = a->p->every / 10, due;

	*why = SCHEDULE_EVERY;
	/* in the future: the clock was wrong then, and nothing is known */
	if (a->f->last_good == SCHEDULE_NONE || a->f->last_good > a->now)
		return t;
	if (early > EARLY_MAX_S)
		early = EARLY_MAX_S;
	due = a->f->last_good + a->p->every;
	return t >= due - early ? t : due;
}

static int64_t rule_hours(const struct asked *a, int64_t t,
    enum schedule_why *why)
{
	*why = SCHEDULE_HOURS;
	return a->always ? t : next_window(&a->p->hours, t, -1);
}

/* Where no window ends, the list is gone through again and again, with
 * `every` between. */
static int64_t retry_always(const struct asked *a, int64_t t, int64_t last,
    enum schedule_why *why)
{
	const struct config_retry *r = &a->p->retry;
	size_t at = (size_t)(a->f->tries - 1) % (r->n + 1);
	int64_t longest = r->n ? r->wait[r->n - 1] : 0;

	if (at < r->n && !a->f->hopeless)
		return later(t, last + r->wait[at]);
	*why = SCHEDULE_WINDOW;
	return later(t, last + later(a->p->every, longest));
}

/* The n-th wait after the last try, but no longer than until a new window:
 * its tries begin anew. */
static int64_t wait_in_window(const struct asked *a, int64_t t, int64_t window,
    size_t n)
{
	const struct config_retry *r = &a->p->retry;
	int64_t last = a->f->tried[0], until = last + r->wait[n - 1], anew;

	if (until <= t || window_at(&a->p->hours, until) <= window)
		return later(t, until);
	anew = next_window(&a->p->hours, t, window);
	return later(t, anew < until ? anew : until);
}

static int64_t rule_retry(const struct asked *a, int64_t t,
    enum schedule_why *why)
{
	const struct schedule_facts *f = a->f;
	const struct config_retry *r = &a->p->retry;
	int64_t last = f->n_tried ? f->tried[0] : SCHEDULE_NONE, window;
	size_t n = 0;

	*why = SCHEDULE_RETRY;
	if (last == SCHEDULE_NONE || last > a->now || f->tries <= 0)
		return t;
	if (a->always)
		return retry_always(a, t, last, why);
	window = window_at(&a->p->hours, t);
	for (size_t i = 0; i < f->n_tried; i++)
		n += window_at(&a->p->hours, f->tried[i]) == window;
	/* a new window is no reason to dial again a minute later */
	if (window == -1 || n == 0)
		return later(t, last + (r->n ? r->wait[0] : 0));
	if (n <= r->n && !f->hopeless)
		return wait_in_window(a, t, window, n);
	*why = SCHEDULE_WINDOW;
	return next_window(&a->p->hours, t, window);
}

static int64_t rule_budget(const struct asked *a, int64_t t,
    enum schedule_why *why)
{
	int64_t budget = a->p->budget;
	int64_t need = budget < NEED_S ? budget : NEED_S;

	*why = SCHEDULE_BUDGET;
	if (budget == 0 || day_of(t) != day_of(a->now) ||
	    budget - a->f->used >= need)
		return t;
	return schedule_day_end(t);
}

typedef int64_t rule_fn(const struct asked *, int64_t, enum schedule_why *);

static rule_fn *const by_clock[] = {
	rule_every, rule_hours, rule_retry, rule_budget, NULL
};
static rule_fn *const by_hand[] = {rule_hours, rule_budget, NULL};
static rule_fn *const urgent[] = {rule_budget, NULL};

int64_t schedule_limit(const struct config_peer *p,
    const struct schedule_facts *f, int64_t now)
{
	int64_t left = p->budget - f->used;
	int64_t until = schedule_day_end(now) - now;

	if (p->budget == 0)
		return p->max_call;
	if (left >= until)
		left = until + p->budget;
	if (left < 1)
		left = 1; /* 0 would be no limit */
	return p->max_call && p->max_call < left ? p->max_call : left;
}

/* Move t until all rules leave it alone. */
static int64_t settle(const struct asked *a, rule_fn *const *rules,
    enum schedule_why *first)
{
	int64_t t = a->now, moved;
	enum schedule_why why;

	for (int round = 0; round < ROUNDS_MAX; round++) {
		int64_t before = t;

		for (size_t i = 0; rules[i]; i++) {
			moved = rules[i](a, t, &why);
			if (moved == t)
				continue;
			if (*first == SCHEDULE_DUE)
				*first = why;
			if (moved == SCHEDULE_NONE)
				return SCHEDULE_NONE;
			t = moved;
		}
		if (t == before)
			return t;
	}
	return SCHEDULE_NONE;
}

void schedule_ask(const struct config_peer *p, const struct schedule_facts *f,
    enum schedule_how how, int64_t now, struct schedule_answer *out)
{
	struct asked a = {p, f, now, always_open(&p->hours)};
	rule_fn *const *rules = how == SCHEDULE_BY_CLOCK ? by_clock :
	    how == SCHEDULE_BY_HAND ? by_hand : urgent;

	memset(out, 0, sizeof(*out));
	out->next = SCHEDULE_NONE;
	out->why = SCHEDULE_DUE;
	if (how != SCHEDULE_BY_CLOCK || p->every > 0)
		out->next = settle(&a, rules, &out->why);
	if (out->next == SCHEDULE_NONE)
		out->why = SCHEDULE_NEVER;
	out->due = out->next == now;
	if (out->due)
		out->limit_s = schedule_limit(p, f, now);
}

/* ---- in words */

static const char *const reasons[] = {
	[SCHEDULE_DUE] = "due now",
	[SCHEDULE_NEVER] = "not called by the clock (every = 0)",
	[SCHEDULE_EVERY] = "the last good call is not so long ago",
	[SCHEDULE_HOURS] = "outside of its hours",
	[SCHEDULE_RETRY] = "the last try failed; it waits before the next",
	[SCHEDULE_WINDOW] = "this window's tries have failed",
	[SCHEDULE_BUDGET] = "the budget of today is used up",
};

const char *schedule_text(const struct schedule_answer *a,
    enum schedule_how how, char out[SCHEDULE_TEXT])
{
	const char *advice = "";
	char when[32] = "";
	time_t t = (time_t)a->next;
	struct tm tm;

	if (how == SCHEDULE_BY_HAND && a->why == SCHEDULE_HOURS)
		advice = "; add --urgent to call now";
	else if (how != SCHEDULE_BY_CLOCK && a->why == SCHEDULE_BUDGET)
		advice = "; raise \"budget\" in dialsync.conf to call now";
	else if (how != SCHEDULE_BY_CLOCK && a->why == SCHEDULE_NEVER)
		return strcpy(out, "its hours are never open; correct "
		    "\"hours\" in dialsync.conf, or add --urgent");
	if (!a->due && a->next != SCHEDULE_NONE && localtime_r(&t, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
	snprintf(out, SCHEDULE_TEXT, "%s%s%s%s", reasons[a->why],
	    when[0] ? "; next at " : "", when, advice);
	return out;
}
