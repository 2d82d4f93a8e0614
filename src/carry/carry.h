/* A stick that goes to and fro between sites: any directory that is there now
 * and perhaps not in a moment.  On it (doc/SPOOL.md, "Sticks"):
 *
 *	DIR/FROM/TO/N.xml.gz   bundles; written by FROM, removed by either
 *	DIR/FROM/TO/applied    what FROM has applied of TO's; written by FROM
 *
 * For each peer it does what a call does, without a line: take in what is for
 * us, remove from the outbox what the peer has, write what is ready.  But what
 * was written to a stick stays in the outbox until the peer has applied it,
 * since sticks get lost.
 *
 * Errors: ERR_SYSTEM the stick or the disk (full, taken out); ERR_AGAIN
 * stopped by a signal; ERR_BUSY a call with the peer is under way; ERR_DATA. */
#ifndef CARRY_CARRY_H
#define CARRY_CARRY_H

#include <sys/stat.h>

#include "site/site.h"
#include "spool/spool_inbox.h"

/* What was done for one peer. */
struct carry_result {
	unsigned taken, damaged;       /* bundles for us */
	unsigned written, removed;     /* bundles on the stick */
	uint64_t written_bytes;
	unsigned delivered;            /* left the outbox: the peer has them */
};

struct carry {
	struct site *site;        /* borrowed */
	const char *dir;          /* the stick; borrowed */
	struct stat at;           /* the stick when we began */
	const char *peer;         /* whose turn it is; borrowed */
	struct spool_applied *ours;   /* what we applied of the peer's; owned */
	struct spool_applied *theirs; /* what the peer applied of ours; owned */
	uint64_t copied;          /* bytes of the file being copied */
	uint64_t size;            /* ... of so many */
	uint64_t number;          /* ... of this bundle */
	struct carry_result r;
};

/* ---- carry_stick.c: the stick's directories and files */

/* Is the same stick still there?  0, -1. */
int carry_stick_there(const struct carry *, struct err *);
/* DIR/FROM/TO (malloc'd); makes it when `make`.  NULL without an error when it
 * is not there and need not be made. */
char *carry_stick_dir(const struct carry *, const char *from, const char *to,
    bool make, struct err *);
/* The bundles in such a directory, in order of number; with sweep also remove
 * what stopped copies of ours have left.  The caller frees l->e. */
int carry_stick_list(const char *dir, bool sweep, struct spool_list *l,
    struct err *);
/* Open a plain file of the stick; never follows a link.  -1: it is not there
 * or none. */
int carry_stick_open(const char *dir, const char *name);
/* Number, size and sum of a bundle on the stick: 1; 0 there is none; -1. */
int carry_stick_mark(const char *dir, uint64_t number, struct spool_mark *,
    struct err *);
int carry_stick_remove(const char *dir, uint64_t number, struct err *);
/* For fs_copy(): progress, and whether to go on. */
bool carry_more(void *arg, size_t n);

/* ---- carry_in.c, carry_out.c: one peer; its lock is held */

/* Copy what is for us into the inbox; remove from the stick what is applied. */
int carry_in(struct carry *, struct err *);
/* Outbox and stick: remove what the peer has, write what is ready, and what
 * we have applied of the peer's. */
int carry_out(struct carry *, struct err *);

/* ---- carry_pack.c */

/* Run the packer for these peers; its exit code. */
int carry_pack(const struct site *, char *const *peers, int n);

#endif
