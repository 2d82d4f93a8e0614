/* Our own clock was ahead, or is behind: what becomes of the changes that were
 * made meanwhile.  doc/STORE.md, "Clocks". */
#ifndef CAPTURE_AHEAD_H
#define CAPTURE_AHEAD_H

#include "store/store.h"

struct ahead_in {
	int64_t now;     /* wall clock */
	int64_t own;     /* the latest own clock: given, told or logged */
	int64_t shared;  /* the latest clock that other sites have, too */
	int64_t agreed;  /* the latest wall clock of a peer that agreed with
			  * ours when its bundle was looked at; 0: none */
};

enum ahead {
	AHEAD_NO,
	AHEAD_WAS,     /* we were ahead, and now the clock is right */
	AHEAD_BEHIND   /* it is now that the clock is wrong: go on behind the
			* last clock given */
};

/* Pure: which of the two is it? */
enum ahead ahead_decide(const struct ahead_in *);

/* Before a program packs or applies (outside of a transaction).  Where we were
 * ahead, all that was stamped so gets clocks from now on and a new incarnation;
 * said through the store's warn.  state: path of SITE/state. */
int ahead_check(struct store *, const char *state, struct err *);

/* A peer's bundle says that it was packed at wall: remember it if it agrees
 * with our clock.  Needs an open write transaction. */
int ahead_agree(struct store *, int64_t wall, struct err *);

#endif
