/* hours = Mon-Fri 22:00-05:00, Sat-Sun any
 *
 * Items divided by commas; an item is [DAY[-DAY]] (FROM-TO | any).  The times
 * are local.  Calls are allowed in the union of the items. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "config/config_p.h"

#define DAY_MINUTES 1440
#define ALL_DAYS 0x7fu

static const char *const day_names[] = {
	"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"
};

/* 0 to 6, or -1. */
static int day_number(const char *s, size_t n)
{
	int i;

	for (i = 0; i < 7; i++)
		if (n == 3 && !strncasecmp(s, day_names[i], 3))
			return i;
	return -1;
}

/* "Mon" or "Fri-Mon" (over the week's end) into a mask; 0: it is neither. */
static unsigned days_parse(const char *s, size_t n)
{
	int from, to;
	unsigned mask;

	from = to = day_number(s, n < 3 ? n : 3);
	if (n > 3)
		to = s[3] == '-' ? day_number(s + 4, n - 4) : -1;
	if (from < 0 || to < 0)
		return 0;
	for (mask = 1u << from; from != to; mask |= 1u << from)
		from = (from + 1) % 7;
	return mask;
}

/* "7:05" or "24:00" at *s into minutes, *s moved behind it; -1: it is none. */
static int clock_minutes(const char **s)
{
	const char *p = *s;
	int hour = 0, digits = 0;

	for (; *p >= '0' && *p <= '9' && digits < 3; p++, digits++)
		hour = hour * 10 + (*p - '0');
	if (digits < 1 || digits > 2 || p[0] != ':' ||
	    p[1] < '0' || p[1] > '5' || p[2] < '0' || p[2] > '9')
		return -1;
	*s = p + 3;
	hour = hour * 60 + (p[1] - '0') * 10 + (p[2] - '0');
	return hour <= DAY_MINUTES ? hour : -1;
}

/* "22:00-05:00" or "any". */
static bool times_parse(const char *s, struct config_window *w)
{
	if (!strcasecmp(s, "any")) {
		w->from = 0;
		w->to = DAY_MINUTES;
		return true;
	}
	w->from = clock_minutes(&s);
	if (w->from < 0 || w->from == DAY_MINUTES || *s++ != '-')
		return false;
	w->to = clock_minutes(&s);
	/* 0:00 as an end is midnight at the day's end. */
	if (w->to == 0)
		w->to = DAY_MINUTES;
	return w->to >= 0 && *s == '\0' && w->from != w->to;
}

/* One item, its blanks at the ends cut off. */
static bool item_parse(char *s, struct config_window *w, struct buf *why)
{
	char shown[40];
	size_t n = strcspn(s, " \t");
	const char *times = s + n + strspn(s + n, " \t");

	w->days = ALL_DAYS;
	if (*times)
		w->days = days_parse(s, n);
	else
		times = s;
	if (w->days && times_parse(times, w))
		return true;
	if (w->days && days_parse(s, n) && times == s)
		buf_addf(why, "hours \"%s\" says no time; write \"%s any\" or "
		    "\"%s 22:00-05:00\"", s, s, s);
	else
		buf_addf(why, "hours \"%s\" is not understood; write for "
		    "example \"Mon-Fri 22:00-05:00, Sat-Sun any\"",
		    text_safe(s, strlen(s), shown, sizeof(shown)));
	return false;
}

bool hours_parse(const char *s, struct config_hours *out, struct buf *why)
{
	struct config_hours h = {0};
	char *copy = config_strdup(s), *item, *comma, *end;
	bool ok = true;

	for (item = copy; ok && item; item = comma ? comma + 1 : NULL) {
		comma = strchr(item, ',');
		end = comma ? comma : item + strlen(item);
		item += strspn(item, " \t");
		while (end > item && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
		*end = '\0';
		if (h.n == CONFIG_LIST_MAX) {
			buf_addf(why, "hours has more than %d items; join some",
			    CONFIG_LIST_MAX);
			ok = false;
		} else {
			ok = item_parse(item, &h.window[h.n++], why);
		}
	}
	free(copy);
	if (ok)
		*out = h;
	return ok;
}

bool config_hours_open(const struct config_hours *h, int wday, int minute)
{
	const struct config_window *w;
	unsigned today = 1u << wday, yesterday = 1u << ((wday + 6) % 7);

	for (w = h->window; w < h->window + h->n; w++) {
		if (w->from < w->to) {
			if ((w->days & today) && minute >= w->from &&
			    minute < w->to)
				return true;
		} else if (((w->days & today) && minute >= w->from) ||
		    ((w->days & yesterday) && minute < w->to)) {
			return true;
		}
	}
	return false;
}

int config_hours_next(const struct config_hours *h, int wday, int minute)
{
	int wait, at;

	/* A week of minutes, 16 windows at most: cheap enough to look at. */
	for (wait = 0; wait < 7 * DAY_MINUTES; wait++) {
		at = minute + wait;
		if (config_hours_open(h, (wday + at / DAY_MINUTES) % 7,
		    at % DAY_MINUTES))
			return wait;
	}
	return -1;
}
