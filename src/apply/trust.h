/* Who signed a bundle: its keyed digests against the keys that are shared with
 * the peer.  Asked before anything that the file says is believed.  Private
 * to src/apply. */
#ifndef APPLY_TRUST_H
#define APPLY_TRUST_H

#include "base/err.h"
#include "keys/keys.h"

struct trust {
	size_t digests;    /* that the file carries */
	bool by[KEYS_MAX]; /* our key i made one of them */
	bool any;          /* ... any of them did */
	bool same_first;   /* the first is by our first: the peer has on top
			    * what we have on top */
};

/* Read all of fd once, from its start by pread; its offset stays.  Memory does
 * not grow with it.  0, also when nothing fits; -1: ERR_SYSTEM. */
int trust_look(int fd, const struct keys *, struct trust *, struct err *);

/* May it be used?  0; -1 with ERR_DATA: why not, for people.  Without a key all
 * may. */
int trust_judge(const struct trust *, const struct keys *, const char *peer,
    struct err *);

#endif
