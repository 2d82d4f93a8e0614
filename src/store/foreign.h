/* Foreign keys of tracked tables, and references that dangle.  Nothing is held
 * back for them: a row is placed as it is, and a reference that leads nowhere
 * when the sender's sequence was applied to its end is a conflict.
 *
 * They are found through the rows that were touched, while s->watch is set:
 * a placed row's parents are looked up, and so are the children of a row that
 * goes or whose referenced columns change.  A foreign key without an index on
 * the child's columns costs one scan of the child's table in a transaction
 * that took a parent away. */
#ifndef STORE_FOREIGN_H
#define STORE_FOREIGN_H

#include "base/arena.h"
#include "base/buf.h"
#include "store/table.h"

#define FOREIGN_COLS_MAX 16

struct foreign {
	struct table *child;    /* borrowed from the store */
	struct table *parent;   /* NULL: not tracked */
	char *parent_name;      /* owned */
	char *field;            /* owned: "a, b" */
	int ncols;
	int from[FOREIGN_COLS_MAX];   /* columns of child */
	char *to[FOREIGN_COLS_MAX];   /* owned: the parent's columns */
	int tocol[FOREIGN_COLS_MAX];  /* ... as columns of parent, or -1 */
	bool by_key;            /* `to` is the parent's key, in its order */
	bool indexed;           /* the child's columns are */
	bool scan;              /* look at all rows of child, see above */
	sqlite3_stmt *has, *children, *old, *get; /* made when first needed */
};

/* All of them, read when first asked for and again with the tables. */
struct foreign_list {
	struct foreign *f;  /* owned */
	int n;
};
int foreign_load(struct store *, struct foreign_list **, struct err *);
void foreign_free(struct store *);

/* The foreign key of a child by its columns ("a, b") and its parent table, also
 * by names that they had before they were renamed here.  NULL: there is none
 * (any more). */
struct foreign *foreign_named(struct store *, const struct foreign_list *,
    const struct table *child, const char *field, const char *parent);

/* Values of the child's columns; 1 all are there, 0 no such row or a NULL among
 * them, -1.  Text and blobs are in the arena. */
int foreign_values(struct store *, struct foreign *,
    const struct value *key, struct value *values, struct arena *,
    struct err *);
/* Does a value of a parent's row answer to a child's?  As types and collations
 * may differ, this is a little wider than what SQLite does. */
bool foreign_answers(const struct value *, const struct value *);
/* Is the parent of these values in its table, or held as a whole?  1, 0, -1. */
int foreign_has(struct store *, struct foreign *, const struct value *values,
    struct err *);

/* ---- what row.c tells while s->watch is set */

/* A row is about to leave its table (cols NULL), or these registers are about
 * to change. */
int foreign_before(struct store *, struct table *, const struct value *key,
    const uint64_t *cols, struct err *);
/* It was placed; these registers were set. */
int foreign_after(struct store *, struct table *, const struct value *key,
    const uint64_t *cols, struct err *);

/* ---- dialsync_dangling, dialsync_gone */

/* The reference may dangle: looked at by the next review. */
int dangling_add(struct store *, const struct foreign *,
    const struct value *child_key, struct err *);
/* The row that went, as JSON, while a reference to it may dangle. */
int gone_put(struct store *, struct table *, const struct value *key,
    struct err *);
/* The row that these values lead to, as it was when it went.  1, 0, -1. */
int gone_find(struct store *, const struct foreign *,
    const struct value *values, struct buf *json, struct err *);

/* At the end of a transaction: look through child tables where there is no
 * index (foreign.h, top). */
int dangling_scan(struct store *, struct err *);
/* Look at every reference that may dangle: those that do are recorded as
 * conflicts, those that are whole again settle.  bundle: "hub 118", or NULL.
 * *n counts new conflicts (may be NULL). */
int dangling_review(struct store *, const char *bundle, int64_t *n,
    struct err *);

#endif
