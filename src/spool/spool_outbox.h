/* The outbox.  The packer (which holds SPOOL_LOCK_PACKER) makes ready bundles:
 *
 *	fd = spool_tmp_create(s, peer, n, e);    outbox/PEER/tmp/N.xml.gz
 *	... write ...
 *	spool_tmp_sync(s, peer, n, fd, e);       bytes and name are on the disk
 *	... commit mark, number and tag in the database ...
 *	spool_publish_outbox(s, peer, n, e);     now it is ready
 *
 * and calls spool_sweep_outbox_tmp before anything else.  Stopped before the
 * commit: the sweep deletes the file, the changes are packed again.  Stopped
 * after it: the sweep publishes the file, whose bytes were synced before.
 *
 * The dialer is the only remover of ready bundles: spool_outbox_stored and
 * spool_outbox_drop_acked.
 *
 * Errors: as in spool.h. */
#ifndef SPOOL_SPOOL_OUTBOX_H
#define SPOOL_SPOOL_OUTBOX_H

#include "spool/spool.h"

/* Packer: a new file in tmp; a descriptor for writing, close-on-exec, the
 * caller's to close.  path (may be NULL) gets its path (malloc).  A file of
 * that number in tmp is an error (ERR_CALLER): sweep or drop it first. */
int spool_tmp_create(const struct spool *s, const char *peer, uint64_t number,
    char **path, struct err *e);

/* Packer: sync bytes and name.  After this the number may be committed. */
int spool_tmp_sync(const struct spool *s, const char *peer, uint64_t number,
    int fd, struct err *e);

/* Packer: give up a file in tmp whose number is not committed. */
int spool_tmp_drop(
    const struct spool *s, const char *peer, uint64_t number, struct err *e);

/* Packer: tmp/N becomes ready.  0: ready, also when it was linked already; 1: a
 * different file has that name, tmp/N is left as it is; -1. */
int spool_publish_outbox(
    const struct spool *s, const char *peer, uint64_t number, struct err *e);

/* Packer: the highest number that lies in tmp or outbox or is in `acked`, 0 if
 * none.  After a restored backup the database's counter may be behind it;
 * the next bundle's number must be above both. */
int spool_outbox_last(
    const struct spool *s, const char *peer, uint64_t *number, struct err *e);

struct spool_sweep {
	unsigned published, removed;
	unsigned clashed; /* committed, but the name is taken: left in tmp */
};

/* Is this number committed?  1 yes, 0 no, -1 with e: stop the sweep. */
typedef int spool_committed_fn(void *ctx, uint64_t number, struct err *e);

/* Packer, at its start: publish what is committed, delete the rest. */
int spool_sweep_outbox_tmp(const struct spool *s, const char *peer,
    spool_committed_fn *is_committed, void *ctx, struct spool_sweep *done,
    struct err *e);

/* Dialer: the peer has stored this bundle: remove it. */
int spool_outbox_stored(
    const struct spool *s, const char *peer, uint64_t number, struct err *e);
/* The same for n of them (at most SPOOL_REMOVE_MAX), with one sync. */
#define SPOOL_REMOVE_MAX 256
int spool_outbox_stored_all(const struct spool *s, const char *peer,
    const uint64_t *number, size_t n, struct err *e);

/* Applier: the peer has applied everything through number.  A hint, written
 * from the database; never lowered by the dialer. */
int spool_acked_write(
    const struct spool *s, const char *peer, uint64_t number, struct err *e);

/* Whoever: that number; 0 when there is no such file or it is damaged, so
 * that nothing is deleted on the word of a damaged file. */
int spool_acked_read(
    const struct spool *s, const char *peer, uint64_t *number, struct err *e);

/* Dialer: remove ready bundles through the acknowledged number; removed (may
 * be NULL) gets how many. */
int spool_outbox_drop_acked(
    const struct spool *s, const char *peer, unsigned *removed, struct err *e);

#endif
