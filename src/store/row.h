/* Rows of users' tables: read and placed; and values kept beside them, where
 * table and register differ (rows that are dead, unknown, held or parked). */
#ifndef STORE_ROW_H
#define STORE_ROW_H

#include "store/frag.h"
#include "store/held.h"

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
 * key's columns too, from values); values as in row_read.  -1: an error.
 * row_insert leaves columns that are not in cols to their defaults. */
enum row_placed {
	ROW_NONE = 0,    /* an update, and there is no such row */
	ROW_PLACED = 1,
	ROW_REFUSED = 2, /* a rule of the table refused it: NOT NULL, CHECK, ...
			  * (why in err, kind ERR_DATA) */
	ROW_TAKEN = 3    /* another row has a value of a unique index, or the
			  * key of an insert; why in err, too */
};
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

#endif
