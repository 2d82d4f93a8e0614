/* The inbox after a bundle is stored: what is known here, the applier's moves
 * and its `applied` file.
 *
 * Bundles in the inbox may have come by the line or by hand; a file dropped by
 * `cp` may still grow: spool_list and spool_open_bundle give size and mtime,
 * the rest is the applier's judgement.
 *
 * Errors: as in spool.h. */
#ifndef SPOOL_SPOOL_INBOX_H
#define SPOOL_SPOOL_INBOX_H

#include "spool/spool.h"

#define SPOOL_KNOWN_MAX  1000 /* lines kept in stored and in applied */
#define SPOOL_REASON_MAX 1000 /* bytes of a .why line; longer ones are cut */

/* One bundle that was stored or applied. */
struct spool_mark {
	uint64_t number;
	uint64_t size;
	uint32_t crc; /* zlib's CRC-32 of the file */
};

/* inbox/PEER/applied: a hint for the dialer, written from the database. */
struct spool_applied {
	uint64_t through; /* every number up to here is applied; 0: none */
	size_t n;
	struct spool_mark
	    mark[SPOOL_KNOWN_MAX]; /* the last ones, oldest first */
};

/* A missing file: through 0, nothing known.  Damaged lines are skipped. */
int spool_applied_read(const struct spool *s, const char *peer,
    struct spool_applied *a, struct err *e);
int spool_applied_write(const struct spool *s, const char *peer,
    const struct spool_applied *a, struct err *e);
/* A file of that form elsewhere: a stick's.  Links are not followed. */
int spool_applied_read_file(const char *path, struct spool_applied *a,
    struct err *e);
/* Is exactly this bundle among the marks? */
bool spool_applied_has(const struct spool_applied *a,
    const struct spool_mark *m);
/* Add one behind the others; the oldest goes when there are too many. */
void spool_applied_add(struct spool_applied *a, const struct spool_mark *m);

/* inbox/PEER/stored: what the dialer stored.  Reads the last SPOOL_KNOWN_MAX
 * into m (room for so many), oldest first, and their number into n. */
int spool_stored_read(const struct spool *s, const char *peer,
    struct spool_mark *m, size_t *n, struct err *e);
/* Dialer: append n lines (at most SPOOL_KNOWN_MAX) and sync once. */
int spool_stored_add(const struct spool *s, const char *peer,
    const struct spool_mark *m, size_t n, struct err *e);

/* Both files in memory, for a call that asks about many bundles. */
struct spool_known;
struct spool_known *spool_known_load(
    const struct spool *s, const char *peer, struct err *e);
void spool_known_free(struct spool_known *k);
uint64_t spool_known_through(const struct spool_known *k);

/* Is this bundle here already: in the inbox, held, in `stored`, or at or below
 * the applied number?  size may be SPOOL_SIZE_UNKNOWN, crc NULL; what is
 * given must agree wherever both are known, so that a number that a restored
 * peer uses a second time is not mistaken for the first. */
bool spool_known_has(const struct spool_known *k, uint64_t number,
    uint64_t size, const uint32_t *crc);

/* The same, but only if exactly this bundle is noted or lies here: where a
 * second look costs nothing, the applier decides about old numbers. */
bool spool_known_exactly(const struct spool_known *k,
    const struct spool_mark *m);

/* Where a mark of this number and size is noted: its crc, and true. */
bool spool_known_mark(const struct spool_known *k, struct spool_mark *m);
/* The highest bundle that is known here with all its particulars: noted, or
 * in the inbox.  false: there is none. */
bool spool_known_top(const struct spool_known *k, struct spool_mark *top);

/* The same for one bundle. */
int spool_have(const struct spool *s, const char *peer, uint64_t number,
    uint64_t size, bool *have, struct err *e);

/* Wake an applier that watches: one byte into its FIFO, if it has made one.
 * Without it the applier looks every two minutes by itself. */
void spool_wake_applier(const struct spool *s);

/* Applier, after its commit and after `applied`: delete.  Missing is fine. */
int spool_inbox_remove(
    const struct spool *s, const char *peer, uint64_t number, struct err *e);

/* Applier: move inbox/PEER/N to held/PEER/N with a line of reason beside it.
 * Never replaces: if another file is held under that number, this one becomes
 * N-2.xml.gz, N-3 and so on.  ERR_MISSING when N is not in the inbox. */
int spool_hold(const struct spool *s, const char *peer, uint64_t number,
    const char *reason, struct err *e);

/* Move held/PEER/N back and remove its reason.  1: the inbox has another file
 * of that name, nothing was done.  ERR_MISSING when N is not held. */
int spool_unhold(
    const struct spool *s, const char *peer, uint64_t number, struct err *e);

/* Applier: remove reasons whose bundle is gone (a person moved or deleted it,
 * or a hold was stopped half way). */
int spool_held_sweep(const struct spool *s, const char *peer, struct err *e);

#endif
