/* Tracked tables as we know them: registered columns, keys, statements. */
#ifndef STORE_TABLE_H
#define STORE_TABLE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/value.h"
#include "store/mask.h"
#include "store/store.h"

/* The tables of ours that sync like a user's. */
#define TABLE_CONFLICT "dialsync_conflict"

/* Columns that a table may ever register, dropped and parked ones included. */
#define TABLE_COLUMNS_MAX 1980
/* ... and of these so many by peers, for columns that are not here. */
#define TABLE_PARKED_MAX  1000

enum collation { COLL_BINARY, COLL_NOCASE, COLL_RTRIM, COLL_OTHER };

struct column {
	char *name;      /* owned */
	bool present;    /* in the table now; else dropped, or never had here */
	bool notnull;
	int keypos;      /* 1-based position in the key; 0: not in it */
	enum collation coll; /* of a key column */
	char *dflt;      /* owned; default as SQL text, or NULL */
};

struct table {
	int64_t id;
	char *name;      /* owned, as registered */
	bool tracked;
	bool present;    /* there is such a table now, with a usable key */
	bool foreign;    /* parent or child in a foreign key (foreign.h) */
	bool rowid_key;  /* INTEGER PRIMARY KEY */
	int ncols;       /* registered ones; register of cols[i] is i + 2 */
	struct column *cols; /* owned */
	int nkey;        /* columns of the key; 0: not known here */
	int key[16];     /* indexes into cols, in key order */
	int words;       /* of its masks */
	struct mask all; /* life, spelling and every present column */
	uint32_t print;  /* fingerprint of its schema */
	/* statements, made when first needed (row.c) */
	sqlite3_stmt *exists, *select, *erase, *insert;
	struct row_update *updates; /* by set of columns */
	int nupdates;
};

/* The registry: all tables ever tracked or parked, read with store_open and
 * again when the schema moved. */
int tables_load(struct store *, struct err *);
struct table *table_by_id(struct store *, int64_t id);
struct table *table_by_name(struct store *, const char *name);

/* Register a table by name (no triggers: capture does those); with its
 * columns when it exists in the database, else empty (parked changes of a
 * table that is not here).  The same number as before when it was known. */
int table_register(struct store *, const char *name, struct table **,
    struct err *);
/* The index of a column in t->cols; registered when new (not present here:
 * its values are parked). */
int table_column(struct store *, struct table *, const char *name, int *col,
    struct err *);
int table_set_tracked(struct store *, struct table *, bool tracked,
    struct err *);

/* Why a table of the database cannot be tracked: NULL when it can, else a
 * reason with the remedy (malloc'd): a view, a virtual table, no primary key,
 * a key column with a collation of the application's own. */
char *table_refusal(struct store *, const char *name);

/* ---- keys.  A canonical key is one value: equal exactly when SQLite calls
 * the rows' keys equal under the key's collation and numeric comparison.
 * INTEGER (a whole number), TEXT (folded as the collation does), else a BLOB
 * that holds types and values. */

/* The canonical key of the columns' values (t->nkey of them); text and blob
 * go to scratch.  false: a NULL in the key. */
bool key_make(const struct table *, const struct value *cols,
    struct buf *scratch, struct value *key);
/* The reverse: values equal to the key's columns.  out borrows from key. */
bool key_split(const struct table *, const struct value *key,
    struct value *out);
/* As SQL text for people: 'a', 3 */
void key_text(const struct table *, const struct value *key, struct buf *out);
/* The reverse: the values of the key's columns, in the arena. */
bool key_parse(const struct table *, const char *text, size_t n,
    struct arena *, struct value *cols);

#endif
