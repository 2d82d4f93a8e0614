/* Rows of users' tables: read and placed; and values kept beside them, where
 * table and register differ (rows that are dead, unknown, held or parked). */
#ifndef STORE_ROW_H
#define STORE_ROW_H

#include "store/frag.h"

/* Is the row in its table? 1, 0, -1. */
int row_exists(struct store *, struct table *, const struct value *key,
    struct err *);

/* Read the row: values[i] of every present column i (others NULL), valid until
 * the next row_read of that table.  1 found, 0 not, -1. */
int row_read(struct store *, struct table *, const struct value *key,
    struct value *values, struct err *);
/* Give the read statement back (ends its read lock). */
void row_read_done(struct table *);

/* Place a row.  cols: the registers to set (bits of columns; REG_SPELLING: the
 * key's columns too, from values); values as in row_read.  Returns 1 done, 0
 * no such row (update) or the key is taken (insert), -1 error; 2 a constraint
 * refused it (why in err, kind ERR_DATA).
 * row_insert leaves columns that are not in cols to their defaults. */
int row_insert(struct store *, struct table *, const uint64_t *cols,
    const struct value *values, struct err *);
int row_update(struct store *, struct table *, const struct value *key,
    const uint64_t *cols, const struct value *values, struct err *);
int row_delete(struct store *, struct table *, const struct value *key,
    struct err *);

/* ---- values aside */

/* false: no value is aside anywhere (cheap, asked before each look). */
bool aside_any(struct store *);
/* Call once a transaction: another process may have put some. */
int aside_begin(struct store *, struct err *);
int aside_put(struct store *, const struct table *, const struct value *key,
    int reg, const struct value *, struct err *);
/* 1 found (valid until the next aside_ call), 0 not, -1. */
int aside_get(struct store *, const struct table *, const struct value *key,
    int reg, struct value *, struct err *);
int aside_drop(struct store *, const struct table *, const struct value *key,
    int reg, struct err *);
/* Set the bits of the registers that are aside for this row. */
int aside_mask(struct store *, const struct table *, const struct value *key,
    uint64_t *mask, struct err *);

/* ---- held rows: alive by their registers, but not as these say in their
 * table.  Kinds: */
#define HELD_RULE   "rule"    /* the table refuses the row */
#define HELD_UNIQUE "unique"  /* another row has a value of it */
#define HELD_PERSON "person"  /* resolve = hold: a person decides */
#define HELD_OLD    "old"     /* it may be one that was deleted and
			       * forgotten: a person inserts it again */

int held_put(struct store *, const struct table *, const struct value *key,
    const char *kind, const char *why, struct err *);
int held_drop(struct store *, const struct table *, const struct value *key,
    struct err *);
/* 1, 0, -1 */
int held_is(struct store *, const struct table *, const struct value *key,
    struct err *);

/* ... as one of kind "old"? */
int held_is_old(struct store *, const struct table *, const struct value *key,
    struct err *);

/* Registers of a row whose values wait aside for a person; the row counts as
 * held, its table has this site's own values. */
int held_wait_add(struct store *, const struct table *,
    const struct value *key, const uint64_t *mask, struct err *);
/* Set the bits of those that wait; 1 some, 0 none, -1. */
int held_wait(struct store *, const struct table *, const struct value *key,
    uint64_t *mask, struct err *);
/* These wait no more; the last one's row is no longer held. */
int held_wait_drop(struct store *, const struct table *,
    const struct value *key, const uint64_t *mask, struct err *);

#endif
