/* Who may run.  A lock is an open file description lock (fcntl F_OFD_SETLK)
 * on a small hidden file that holds the owner's process id.  The kernel drops
 * it when the process ends, however it ends, so a lock is never stale; the
 * file stays, because removing it would let two owners lock two files.
 *
 *	PACKER   outbox/PEER/.lock         two packers for one peer; a packer
 *	                                   and who changes keys/PEER.key
 *	APPLIER  inbox/.lock               two appliers (name NULL)
 *	LINE     status/.dialer.LINE.lock  two dialers on one line
 *	CALL     inbox/PEER/.lock          two calls with one peer on two lines
 *
 * Errors: ERR_BUSY held by another, whose pid is in the text; ERR_SYSTEM. */
#ifndef SPOOL_SPOOL_LOCK_H
#define SPOOL_SPOOL_LOCK_H

#include "spool/spool.h"

enum spool_lock_kind {
	SPOOL_LOCK_PACKER,
	SPOOL_LOCK_APPLIER,
	SPOOL_LOCK_LINE,
	SPOOL_LOCK_CALL
};

struct spool_lock {
	int fd; /* -1: not held */
};

#define SPOOL_LOCK_INIT                                                        \
	{                                                                      \
		-1                                                             \
	}

/* Take the lock without waiting.  name: peer or line.  The directories are
 * made if they are missing. */
int spool_lock(const struct spool *s, enum spool_lock_kind kind,
    const char *name, struct spool_lock *l, struct err *e);
void spool_unlock(struct spool_lock *l);

/* The pid of the owner; 0 when nobody holds it, -1 when somebody does whose
 * pid cannot be told.  Takes no lock, not even for a moment. */
long spool_lock_owner(
    const struct spool *s, enum spool_lock_kind kind, const char *name);

#endif
