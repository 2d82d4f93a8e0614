/* Held rows: alive by their registers, but something of them is not in their
 * table.  A held row is in its table with some values aside, or it is not
 * there and all of its values are aside, the key's columns too (that tells the
 * two apart: a row that is in its table has none of its key aside).  sync.md,
 * "Held rows"; what is held when, doc/MERGE.md.
 *
 * Which rows those are is evaluated by the applier alone, from the registers.
 * Others may put a row here, and ask for an evaluation by HELD_META_RETRY. */
#ifndef STORE_HELD_H
#define STORE_HELD_H

#include "store/table.h"

/* Kinds, as dialsync_held has them. */
#define HELD_NEW    "new"    /* not evaluated yet: only within a transaction
			      * of the applier, or until its next run */
#define HELD_RULE   "rule"   /* NOT NULL, CHECK: anything the table refuses */
#define HELD_UNIQUE "unique" /* another row has the value, and claims it by an
			      * earlier change */
#define HELD_PERSON "person" /* registers wait for a person */
#define HELD_OLD    "old"    /* never placed by the evaluation */

/* In dialsync_meta, 1: evaluate all held rows at the next apply. */
#define HELD_META_RETRY "retry"

struct held {
	char kind[16];
	struct mask wait;  /* registers that wait for a person */
};

/* A row was refused: let the evaluation decide.  1: it was not held before;
 * 0: it was, and its kind stays; -1. */
int held_new(struct store *, const struct table *, const struct value *key,
    const char *why, struct err *);
/* It is held, of that kind; since and wait stay as they were.  1: it was not
 * held before, 0, -1. */
int held_put(struct store *, const struct table *, const struct value *key,
    const char *kind, const char *why, struct err *);
/* 1, 0 not held, -1. */
int held_get(struct store *, const struct table *, const struct value *key,
    struct held *, struct err *);
/* Is it held as HELD_OLD?  1, 0, -1. */
int held_is_old(struct store *, const struct table *, const struct value *key,
    struct err *);
int held_drop(struct store *, const struct table *, const struct value *key,
    struct err *);
/* Is it held, and not in its table?  (It is not dead then.)  1, 0, -1. */
int held_whole(struct store *, const struct table *, const struct value *key,
    struct err *);
/* Is any row of the table held?  1, 0, -1. */
int held_any(struct store *, const struct table *, struct err *);

/* ---- registers that wait for a person: their values are aside, and the
 * evaluation does not place them while the row is in its table */

/* These wait, too; a row that was not held is now, as HELD_PERSON. */
int held_wait_add(struct store *, const struct table *,
    const struct value *key, const uint64_t *regs, const char *why,
    struct err *);
/* The registers that wait, none if it is not held.  1 some do, 0, -1. */
int held_wait(struct store *, const struct table *, const struct value *key,
    uint64_t *regs, struct err *);
/* These wait no longer.  A row of kind HELD_PERSON of which nothing is aside any
 * more is not held then; else what is aside is placed by the next evaluation,
 * which this asks for. */
int held_wait_drop(struct store *, const struct table *,
    const struct value *key, const uint64_t *regs, struct err *);

#endif
