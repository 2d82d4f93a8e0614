/* The dialer's side of the inbox: a bundle that is being received.
 *
 *	inbox/PEER/part/N.xml.gz   bytes in order, from the start
 *	inbox/PEER/part/N.offset   key: value lines: offset, size, mtime, digest
 *
 * Only the offset in the side file is trusted: it is written after the bytes
 * before it were synced, so a call that stops at any instant, power cut
 * included, goes on from there.  Bytes behind it may be garbage (a file may
 * be longer than what reached the disk) and are cut off at the next open.
 *
 * The caller holds SPOOL_LOCK_CALL for the peer.
 * Errors: as in spool.h; ERR_PEER where more or fewer bytes came than the
 * peer said. */
#ifndef SPOOL_SPOOL_PART_H
#define SPOOL_SPOOL_PART_H

#include "spool/spool.h"

#define SPOOL_DIGEST_SIZE 136 /* room for 128 characters, "" when unknown */

/* What is known of the file at the sender. */
struct spool_source {
	uint64_t size;                  /* SPOOL_SIZE_UNKNOWN */
	int64_t mtime;                  /* 0: unknown */
	char digest[SPOOL_DIGEST_SIZE]; /* graphic ASCII: "crc32=1a2b3c4d" */
};

struct spool_part {
	uint64_t number;
	uint64_t end;    /* bytes written */
	uint64_t synced; /* bytes that the side file vouches for */
	uint32_t crc;    /* zlib's CRC-32 of all of them ... */
	bool crc_known;  /* ... unless it goes on after an earlier call */
	struct spool_source source;
	int fd;
	char *peer, *path, *side;  /* owned */
	const struct spool *spool; /* borrowed until close */
};

/* What was synced of a partial of an earlier call: offset, and the source as
 * it was then.  0 and an unknown source when there is none. */
int spool_part_read(const struct spool *s, const char *peer, uint64_t number,
    struct spool_source *src, uint64_t *offset, struct err *e);

/* Open or begin the partial.  src says what the sender offers now; where a
 * known size, mtime or digest differs from what the side file has, the
 * partial is dropped and begun anew.  offset gets where to go on. */
int spool_part_open(const struct spool *s, const char *peer, uint64_t number,
    const struct spool_source *src, struct spool_part **out, uint64_t *offset,
    struct err *e);

/* Add bytes at the end; more than source.size: ERR_PEER, nothing written. */
int spool_part_append(
    struct spool_part *p, const void *data, size_t n, struct err *e);

/* Make what was added survive: every 2 s, and at once when carrier goes.
 * Nothing new: no disk is touched. */
int spool_part_sync(struct spool_part *p, struct err *e);

/* The same in two parts, so that one thread can append while another syncs:
 * spool_part_vouch syncs what was written and has the side file vouch for the
 * first `end` bytes (which were written before the call); it changes nothing
 * in p, whose synced the owner sets when it has returned 0. */
int spool_part_vouch(const struct spool_part *p, uint64_t end, struct err *e);

/* All size bytes are here: publish in the inbox, note in `stored`.  0: stored;
 * the peer may be told, p is closed and freed.  1: another file has that
 * name (dropped by hand): the partial is kept, try again in a later call.
 * -1.  After 1 and -1 p is still the caller's to close. */
int spool_part_commit(struct spool_part *p, uint64_t size, struct err *e);

#define SPOOL_COMMIT_MAX 256 /* partials in one group */
enum spool_commit_result {
	SPOOL_COMMIT_STORED,  /* the peer may be told */
	SPOOL_COMMIT_TAKEN,   /* another file has that name: synced, kept */
	SPOOL_COMMIT_DIFFERS  /* not the announced "crc32=": dropped */
};
struct spool_commit {
	struct spool_part *part; /* stays the caller's to close */
	uint64_t size;
	enum spool_commit_result result;
	uint32_t crc; /* of what came */
};

/* Commit several partials of one peer with one sync of each directory and of
 * `stored`.  0: see each result.  -1: the peer may be told of none of them;
 * those that got their names are known the next time. */
int spool_part_commit_all(struct spool_commit *c, size_t n, struct err *e);

/* Close without syncing: what was not synced is received again. */
void spool_part_close(struct spool_part *p);

/* Remove a partial and its side file. */
int spool_part_drop(
    const struct spool *s, const char *peer, uint64_t number, struct err *e);

/* At the start of a call: finish commits that were stopped half way, remove
 * partials of bundles that are known here and side files without partial.
 * finished (may be NULL) gets how many were found stored. */
int spool_part_sweep(
    const struct spool *s, const char *peer, unsigned *finished, struct err *e);

#endif
