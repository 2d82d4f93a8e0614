/* The unique indexes of a table, so that a row that was refused can be told
 * whom it clashes with.  Private to src/apply.
 *
 * Read from the schema once and kept with the table (struct table), which is
 * read anew when the schema moves. */
#ifndef APPLY_UNIQUE_H
#define APPLY_UNIQUE_H

#include "base/buf.h"
#include "store/row.h"

struct unique_index {
	char *text;      /* owned: its columns or expressions, collations and
			  * WHERE; indexes are in this order, so that it does
			  * not matter which was made first */
	int yields;      /* the first of its columns that may be NULL and is
			  * not of the key; -1: none */
	bool plain;      /* columns only, and every row is in it */
	int ncols;       /* plain: */
	int *cols;       /* owned; of struct table */
	char *sql;       /* owned; finds the row that has its value */
	sqlite3_stmt *find; /* owned */
};

struct unique {
	int n;
	struct unique_index *index; /* owned */
	struct mask registers;  /* whose versions make a row's claim */
	/* for expressions and WHERE: a TEMP table of one row, with the columns
	 * of the table, their affinities and collations */
	char *scratch_create, *scratch_name; /* owned; NULL: not needed */
	char *scratch_insert;
	sqlite3_stmt *scratch_put; /* owned */
};

/* Borrowed from the table.  NULL: an error. */
const struct unique *unique_of(struct store *, struct table *, struct err *);

enum unique_found {
	UNIQUE_FREE = 0,
	UNIQUE_ROW = 1,      /* that key has it */
	UNIQUE_NO_KEY = 2,   /* a row with a NULL in its key, which does not
			      * travel, has it */
	UNIQUE_CANNOT = 3    /* the index cannot digest these values (why in
			      * err), or cannot be asked */
};

/* Which row of the table has the value that this one would have in index i?
 * values: by column of t.  The key is canonical, in scratch.  enum
 * unique_found, or -1. */
int unique_holder(struct store *, const struct table *, const struct unique *,
    int i, const struct value *values, struct buf *scratch,
    struct value *key, struct err *);

#endif
