/* The keys that are shared with a peer, while its inbox is drained: which of
 * them it has been seen to use, and which old ones go (doc/KEYS.md, "A new
 * key").  Private to src/apply. */
#ifndef APPLY_KEYRING_H
#define APPLY_KEYRING_H

#include "apply/trust.h"
#include "spool/spool.h"
#include "store/store.h"

struct keyring {
	struct keys keys;
	bool seen[KEYS_MAX];  /* in a bundle that was applied in its turn */
	bool drop[KEYS_MAX];  /* not needed any more */
	bool any_drop;
};

/* Read them.  No file: no keys, which is no error.  Errors: ERR_CONFIG the file
 * is broken or others can read it; ERR_SYSTEM. */
int keyring_open(struct keyring *, const struct spool *, struct store *,
    const char *peer, struct err *);
void keyring_close(struct keyring *);

/* A bundle was applied in its turn, signed like this.  Not in a transaction. */
int keyring_used(struct keyring *, struct store *, const char *peer,
    const struct trust *, struct err *);

/* Nothing of the peer's waits any more: remove from the file what may go.
 * *gone: how many did; 0 too when somebody else is changing the file or
 * packing: then with a later bundle. */
int keyring_settle(struct keyring *, const struct spool *, struct store *,
    const char *peer, size_t *gone, struct err *);

#endif
