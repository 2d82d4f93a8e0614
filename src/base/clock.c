#include "config.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

int64_t clock_wall(void)
{
	const char *fixed = getenv("DIALSYNC_NOW");
	int64_t t;

	if (fixed && text_int(fixed, 0, INT64_MAX / 4, &t))
		return t;
	return (int64_t)time(NULL);
}

uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void clock_format(int64_t wall, char out[CLOCK_TEXT])
{
	time_t t = (time_t)wall;
	struct tm tm;

	/* years that the text has no room for are not times of ours */
	if (wall < 0 || wall > INT64_C(253402300799) || !gmtime_r(&t, &tm)) {
		snprintf(out, CLOCK_TEXT, "%s", "?");
		return;
	}
	strftime(out, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

int clock_parse(const char *s, int64_t *wall)
{
	struct tm tm;
	const char *end;

	memset(&tm, 0, sizeof(tm));
	end = strptime(s, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!end || *end)
		return -1;
	*wall = (int64_t)timegm(&tm);
	return 0;
}
