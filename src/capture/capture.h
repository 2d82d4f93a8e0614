/* Capture: triggers that log each change of a tracked table by key and set of
 * columns, and the fold that turns the log into fragments.  sync.md, "Capture:
 * append, then fold". */
#ifndef CAPTURE_CAPTURE_H
#define CAPTURE_CAPTURE_H

#include "store/table.h"

/* ---- trigger text: pure, from the table's definition */

/* One UNIQUE index that REPLACE may evict a row through. */
struct capture_unique {
	const char *const *exprs;  /* columns quoted, or expressions as written */
	const char *const *colls;  /* collation of each, NULL: the default */
	int nexprs;
	const char *where;         /* partial index: its WHERE text, or NULL */
};

struct capture_def {
	const struct table *table;
	const struct capture_unique *unique;
	int nunique;
	/* generated columns: no registers, but indexes may speak of them */
	const char *const *generated;
	int ngenerated;
};

/* Append the CREATE TRIGGER statements (names dialsync_<id>_<what>), separated
 * by ";\n", written with SQL of SQLite 3.8.2 only. */
void capture_triggers(const struct capture_def *, struct buf *out);

/* ---- in the database */

/* Register the table with its columns, make its triggers.  Again after ALTER
 * TABLE: harmless.  ERR_DATA with reason and remedy when it cannot be tracked.
 * Needs an open write transaction (store_begin). */
int capture_track(struct store *, const char *table, struct err *);
int capture_untrack(struct store *, const char *table, struct err *);

/* In dialsync_meta, 1: tables that come later are tracked, too. */
#define CAPTURE_META_ALL "track_all"

/* When PRAGMA schema_version moved since the last look: read the tables again,
 * make the triggers of tracked tables again where they differ, register new
 * columns (values that are not the default are logged), place what was parked
 * for a column that has come.  A tracked table that vanished or lost its
 * triggers is reported through warn (one line, may be NULL).  Needs an open
 * write transaction.  Called by capture_fold. */
int capture_refresh(struct store *,
    void (*warn)(void *arg, const char *text), void *arg, struct err *);

/* Rows of t whose key has a NULL: they cannot be told apart, do not travel. */
int capture_null_keys(struct store *, struct table *, int64_t *n,
    struct err *);

/* Fold at most max log entries into fragments; *more: entries are left.  Needs
 * an open write transaction. */
int capture_fold(struct store *, int64_t max, bool *more, struct err *);

/* Fold everything: batches in transactions of their own (so that applications
 * are not kept waiting), then begin the transaction that the caller asked for
 * and fold the small rest in it.  On success a write transaction is open and
 * the log is empty in it. */
int capture_fold_begin(struct store *, struct err *);

#endif
