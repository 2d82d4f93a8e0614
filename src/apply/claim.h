/* Who has a unique value when two rows say that it is theirs: pure, no
 * database.  doc/MERGE.md has the rules as tables, tests/t_held.c runs them.
 *
 * A row's claim is the latest version among its birth and the columns of its
 * table's unique indexes; the earlier claim goes first, of equal ones that of
 * the smaller key.  So every site comes to the same, whatever came first. */
#ifndef APPLY_CLAIM_H
#define APPLY_CLAIM_H

#include <stdbool.h>

#include "store/frag.h"

struct claim {
	struct version ver;
	struct value key;  /* canonical; borrowed */
};

/* -1, 0, 1: as store_version_cmp(). */
typedef int claim_version_cmp(void *arg, const struct version *,
    const struct version *);

/* The latest version of those fragments that have one of these registers; the
 * base version when none has. */
struct version claim_version(const struct frag *, int n,
    const uint64_t *registers, int words, claim_version_cmp *, void *arg);

/* -1: a goes first; 1: b; 0: the same row.  Keys are ordered as SQLite orders
 * them: numbers, text by bytes, blobs by bytes. */
int claim_cmp(const struct claim *a, const struct claim *b,
    claim_version_cmp *, void *arg);

/* One unique index, as the row that wants a place sees it. */
enum claim_holder {
	CLAIM_FREE,    /* nobody else has its value */
	CLAIM_EARLIER, /* one with the earlier claim has it */
	CLAIM_LATER    /* one with a later claim */
};
struct claim_index {
	enum claim_holder holder;
	bool yields;   /* a column of it may be NULL, and is not yet */
};

enum claim_step {
	CLAIM_PLACE,   /* take the place: those with later claims leave theirs */
	CLAIM_YIELD,   /* give up the column of *which, and look again */
	CLAIM_WHOLE    /* the row cannot be in its table; *which says why */
};

/* The indexes in their order. */
enum claim_step claim_decide(const struct claim_index *, int n, int *which);

#endif
