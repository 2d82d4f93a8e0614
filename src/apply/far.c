#include "config.h"

#include "apply/far.h"

#include "base/clock.h"

int64_t far_limit(int64_t now)
{
	return now < CLOCK_SANE ? INT64_MAX : now + CLOCK_FAR_S;
}

enum far far_decide(int64_t wall, int64_t own, int64_t now)
{
	if (wall > now + CLOCK_FAR_S)
		return now < CLOCK_SANE ? FAR_UNSET : FAR_AHEAD;
	return own > far_limit(now) ? FAR_AHEAD : FAR_NO;
}
