/* Capture: triggers that log each change of a tracked table by key and set of
 * columns, and the fold that turns the log into fragments.  sync.md, "Capture:
 * append, then fold". */
#ifndef CAPTURE_CAPTURE_H
#define CAPTURE_CAPTURE_H

#include "base/buf.h"
#include "store/table.h"

/* ---- trigger text: pure, from the table's definition */

/* One UNIQUE index that REPLACE may evict a row through. */
struct capture_unique {
	const char *const *exprs;  /* columns quoted, or expressions as written */
	const char *const *colls;  /* collation of each, NULL: the default */
	int nexprs;
	const char *where;         /* partial index: its WHERE text, or NULL */
	bool rowid;                /* no index: the rowid, where that is not the
				    * key */
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

/* When the schema moved (table_schema()) since the last look: read the tables
 * again, make the triggers of tracked tables again where they differ, register new
 * columns (values that are not the default are logged), place what was parked
 * for a column that has come.  A tracked table that vanished or lost its
 * triggers is reported through warn (one line, may be NULL).  Needs an open
 * write transaction.  Called by capture_fold. */
int capture_refresh(struct store *,
    void (*warn)(void *arg, const char *text), void *arg, struct err *);

/* Has it moved since the last look?  Then even an apply without bundles has
 * something to do: to place what waited. */
int capture_moved(struct store *, bool *moved, struct err *);

/* In dialsync_meta, and a table's name, 1: it cannot be tracked under
 * CAPTURE_META_ALL, and that was told. */
#define CAPTURE_META_REFUSED "refused:"

/* In dialsync_meta, and a table's name: text of what is wrong with it. */
#define CAPTURE_META_TROUBLE "trouble:"

/* Tell through warn again what capture_refresh() found wrong with tables at its
 * last look (lost triggers, vanished, renamed), as long as the schema has not
 * moved since; and that no table is tracked at all.  Once in a run of a
 * program, since nobody may have read it the first time. */
int capture_trouble(struct store *, void (*warn)(void *arg, const char *text),
    void *arg, struct err *);

/* Rows of t whose key has a NULL: they cannot be told apart, do not travel. */
int capture_null_keys(struct store *, struct table *, int64_t *n,
    struct err *);

/* Ask the next fold to look at one row, by its canonical key. */
int capture_log_touch(struct store *, const struct table *,
    const struct value *key, struct err *);
/* Log one row as born. */
int capture_log_birth(struct store *, const struct table *,
    const struct value *key, struct err *);
/* ---- the user's triggers while changes of peers are placed */

/* One that does not run then. */
struct capture_unfollowed {
	const char *name, *table, *why;
	const char *const *targets;  /* tables that it writes */
	int ntargets;
};

/* On a connection whose triggers are off: make TEMP copies of those triggers
 * that write untracked tables only, again when the schema or the registry has
 * moved.  Cheap when nothing did.  Needs an open write transaction. */
int capture_follow(struct store *, struct err *);
/* Remove the copies. */
int capture_unfollow(struct store *, struct err *);
/* Tell those that a change of a peer would set off and that are not copied;
 * leaves no copies behind. */
int capture_follow_list(struct store *,
    void (*tell)(void *arg, const struct capture_unfollowed *), void *arg,
    struct err *);

/* Fold at most max log entries into fragments; *more: entries are left.  Needs
 * an open write transaction. */
int capture_fold(struct store *, int64_t max, bool *more, struct err *);

/* This database went back to an older state (a backup was put back): begin a
 * new incarnation.  The old one ends at clock, the last that all of its pasts
 * share (store_end); every peer gets what it lacks, from the beginning.  Needs
 * an open write transaction.  (tests/model.py, renew) */
int capture_renew(struct store *, int64_t clock, struct err *);

/* The file SITE/state counts the commits that others may hear of, as the
 * database does.  Check (outside of a transaction, before anything is folded):
 * a database that is behind the file was put back, and so, it may be, was one
 * whose file is gone: a new incarnation is begun, and said through warn.  Where
 * only the machine was started anew all peers are told what is here.  Write:
 * after each such commit.  Stopped between the two, the file is behind, which
 * is no alarm. */
int capture_state_check(struct store *, const char *path, struct err *);
int capture_state_write(struct store *, const char *path, struct err *);

/* Fold everything: batches in transactions of their own (so that applications
 * are not kept waiting), then begin the transaction that the caller asked for
 * and fold the small rest in it.  On success a write transaction is open and
 * the log is empty in it; on a connection whose triggers are off the copies
 * of capture_follow() are there. */
int capture_fold_begin(struct store *, struct err *);

#endif
