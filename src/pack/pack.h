/* The packer: fragments past a peer's mark that the peer does not know ->
 * numbered bundles in its outbox.  sync.md, "Bundles" and "Numbers".
 *
 * The order of what is durable:
 *
 *	1 commit   the log is folded, "packed" is the clock that the bundle tells
 *	2          outbox/PEER/tmp/N.xml.gz is written, signed, and synced
 *	3 commit   mark, number and tag of the peer move past it
 *	4          tmp/N becomes outbox/PEER/N
 *
 * Stopped after 1: nothing is lost, clocks go on from there.  After 2: the
 * next start deletes the file, since N is not committed, and packs again.
 * After 3: the next start publishes the file. */
#ifndef PACK_PACK_H
#define PACK_PACK_H

#include "bundle/bundle.h"
#include "spool/spool.h"
#include "store/peer.h"

struct pack_conf {
	struct store *store;        /* borrowed */
	const struct spool *spool;  /* borrowed */
	int64_t bundle_size;        /* compressed bytes that close a bundle */
	bool flush;                 /* also the last, small one */
	/* after each bundle; may be NULL */
	void (*progress)(void *arg, const char *peer, int64_t number,
	    int64_t rows, int64_t bytes);
	void *arg;
};

struct pack_result {
	int bundles;
	int64_t rows, bytes;
};

/* Make bundles for one peer.  Errors: ERR_BUSY the database or the peer's
 * outbox is locked; ERR_USAGE no such peer; ERR_CONFIG its key file cannot be
 * used; ERR_SYSTEM; ERR_DATA. */
int pack_peer(const struct pack_conf *, const char *peer,
    struct pack_result *, struct err *);

#endif
