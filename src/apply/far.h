/* Is a bundle's clock too far ahead of ours to let it in?  Pure.  sync.md,
 * "First load, copies, clocks". */
#ifndef APPLY_FAR_H
#define APPLY_FAR_H

#include <stdint.h>

enum far {
	FAR_NO,
	FAR_AHEAD,   /* one of the two clocks is wrong, nobody knows which */
	FAR_UNSET    /* it is ours: it was never set */
};

/* wall: the sender's clock when it packed; own: the last clock that it gave;
 * now: our wall clock.  Who was never told the time (now before CLOCK_SANE)
 * works with others like him, but cannot judge the clocks of changes. */
enum far far_decide(int64_t wall, int64_t own, int64_t now);

/* No change may be stamped later than this. */
int64_t far_limit(int64_t now);

#endif
