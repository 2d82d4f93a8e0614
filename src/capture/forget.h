/* Forgetting: deleted rows are remembered until every peer has been told and
 * they are old.  sync.md, "Forgetting". */
#ifndef CAPTURE_FORGET_H
#define CAPTURE_FORGET_H

#include "store/peer.h"

/* Once a day, else nothing is done: forget what is older than `after` seconds
 * and what every peer has that was heard of within that time:
 *
 *	deaths, and what is kept of those rows
 *	settled conflicts, at the site that settled them (they are deleted; a
 *	death like any other, which is forgotten in its turn)
 *	rows kept in dialsync_removed; ends of bundles of long ago
 *
 * A peer that was silent for longer keeps nothing; if it lacks a death that is
 * forgotten, it gets a first load that is all there is, as soon as it is heard
 * of again, and tell() is called with one line of text.  Transactions of its
 * own, each short; none may be open.  Errors: ERR_BUSY, ERR_SYSTEM, ERR_DATA. */
int capture_forget(struct store *, int64_t after,
    void (*tell)(void *arg, const char *text), void *arg, struct err *);

#endif
