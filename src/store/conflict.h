/* Conflicts: rows of dialsync_conflict, which sync like any other.  The record's
 * key is made of what lost, so that all sites that see one conflict make one
 * row, and what one of them does not know another completes. */
#ifndef STORE_CONFLICT_H
#define STORE_CONFLICT_H

#include "store/frag.h"

/* Kinds. */
#define CONFLICT_EDIT   "edit"    /* a field lost to an edit */
#define CONFLICT_DEATH  "death"   /* an edit lost to a death */
#define CONFLICT_BIRTH  "birth"   /* one key born twice; field "" */
#define CONFLICT_LIFE   "life"    /* a death that lost; a birth lost to one */
#define CONFLICT_PARENT "parent"  /* a foreign key that dangles */

/* How one was settled; NULL: it is open. */
#define SETTLED_TAKEN     "taken"      /* a person took the lost value */
#define SETTLED_DISMISSED "dismissed"  /* a person let it be */
#define SETTLED_RULE      "rule"       /* resolve = mine took it */
#define SETTLED_WHOLE     "whole"      /* the reference holds again */

struct conflict {
	const char *kind;
	const struct table *table;
	const struct value *key;
	const char *field;          /* column name; "" for the row's life */
	struct version loser, winner;
	const struct value *lost, *won; /* NULL: none, the row is dead */
	const char *bundle;         /* "hub 118"; NULL: made here */
	const struct buf *row;      /* JSON of the row that lost or vanished;
				     * NULL: not known here.  Borrowed. */
};

/* Record it, once; logged so that the next fold gives it a version.  A record
 * that is there and has no row gets this one.  1: a new one; 0: known already,
 * or about a conflict record itself; -1. */
int conflict_add(struct store *, const struct conflict *, struct err *);

/* A foreign key of a child row that leads nowhere.  Its id goes to id. */
struct conflict_parent {
	const struct table *child;
	const struct value *key;     /* of the child */
	const char *field;           /* the child's columns: "a, b" */
	const char *parent;          /* the parent's table */
	const char *reference;       /* the values, as text for people */
	struct version ref, death;   /* of the reference; of the parent's
				      * death: origin 0 when not known */
	const char *bundle;
	const struct buf *row;       /* JSON of the parent, or NULL */
};
void conflict_parent_id(const struct conflict_parent *, struct buf *id);
int conflict_parent_add(struct store *, const struct conflict_parent *,
    const struct buf *id, struct err *);

/* Give a record that has no row this one. */
int conflict_complete(struct store *, const struct buf *id,
    const struct buf *row, struct err *);

/* How the record is settled: 1 it is (how, borrowed until the next call), 0 it
 * is open, -1; no such record: 0. */
int conflict_settled(struct store *, const struct buf *id, char how[16],
    struct err *);

/* Settle it (how: one of the above) or open it again (NULL), by this site and
 * now; logged.  0, or -1. */
int conflict_settle(struct store *, const struct buf *id, const char *how,
    struct err *);

/* In the fold: which registers a birth of a record does not set.  What a site
 * does not know (row), or has not done (settled), it must not overwrite at
 * another. */
int conflict_partial(struct store *, struct table *, const struct value *key,
    uint64_t *regs, struct err *);

/* Log an edit of one row's registers, or a birth or death (LOG_BIRTH,
 * LOG_DEATH in code; 0: the set), as a trigger would: for changes made on a
 * connection without triggers. */
int log_by_hand(struct store *, const struct table *, const struct value *key,
    int code, const uint64_t *regs, struct err *);

#endif
