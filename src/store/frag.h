/* Fragments: the registers of one row that share clock, origin and arrival.
 * dialsync_frag holds them by sequence, with an index by (table, key). */
#ifndef STORE_FRAG_H
#define STORE_FRAG_H

#include "store/table.h"

struct frag {
	int64_t seq;        /* of the local sequence */
	struct version ver;
	int64_t arrival;    /* origin number of the peer it came from; 0: own */
	bool death;         /* mask is { REG_LIFE } */
	struct mask mask;   /* words beyond the table's are not set */
};

/* Of one row: each has a register of its own, so there are never more than
 * registers. */
#define FRAGS_MAX (TABLE_COLUMNS_MAX + 2)

/* All fragments of a row, in sequence order: their number, or -1. */
int frags_of(struct store *, const struct table *, const struct value *key,
    struct frag *out, int max, struct err *);

int frag_add(struct store *, const struct table *, const struct value *key,
    const struct frag *, struct err *);
/* Give the fragment a new mask; an empty one removes it. */
int frag_set_mask(struct store *, const struct table *, int64_t seq,
    const uint64_t *mask, struct err *);
int frag_remove(struct store *, int64_t seq, struct err *);

/* Masks as stored. */
void mask_bind(sqlite3_stmt *, int i, const struct table *, const uint64_t *,
    bool death);
void mask_column(sqlite3_stmt *, int i, const struct table *, uint64_t *,
    bool *death);

#endif
