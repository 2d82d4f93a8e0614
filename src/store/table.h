/* Tracked tables as we know them: registered columns, keys, statements. */
#ifndef STORE_TABLE_H
#define STORE_TABLE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

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
	int here;        /* at capture's last look: 0 it was not in the table;
			  * else 1 + its position in the key */
	bool notnull;
	int keypos;      /* 1-based position in the key; 0: not in it */
	enum collation coll; /* of a key column */
	char *dflt;      /* owned; default as SQL text, or NULL */
	const char *affinity; /* "TEXT" ...; NULL: not present */
};

struct table {
	int64_t id;
	char *name;      /* owned, as registered */
	bool tracked;
	bool present;    /* there is such a table now, with a usable key */
	bool foreign;    /* parent or child in a foreign key (foreign.h) */
	bool rowid_key;  /* INTEGER PRIMARY KEY */
	bool policy;     /* its schema has ON CONFLICT */
	bool follow_told; /* a copy of a user's trigger failed, and that was
			   * told */
	int ncols;       /* registered ones; register of cols[i] is i + 2 */
	struct column *cols; /* owned */
	int nkey;        /* columns of the key; 0: not known here */
	int width;       /* 0: the table; else what waits for a table of that
			  * name with so many key columns: never present */
	/* of the keys in fragments: columns, and a letter for the collation of
	 * each, "": all binary.  Other than the table's own where that was
	 * made anew and capture has not yet seen to it */
	int frag_nkey;
	char frag_coll[17];
	int key[16];     /* indexes into cols, in key order */
	int words;       /* of its masks */
	struct mask all; /* life, spelling and every present column */
	uint32_t print;  /* fingerprint of its schema */
	/* statements, made when first needed (row.c) */
	sqlite3_stmt *exists, *select, *erase, *insert;
	struct row_update *updates; /* by set of columns */
	int nupdates;
	/* what the applier knows of its unique indexes (apply/unique.c) */
	struct unique *unique;
	void (*unique_free)(struct unique *);
};

/* The register of t->cols[i]: the key's columns have one together, its
 * spelling.  Values aside are filed by column for all that, as i +
 * REG_COLUMN. */
static inline int table_reg(const struct table *t, int i)
{
	return t->cols[i].keypos ? REG_SPELLING : i + REG_COLUMN;
}

/* The registry: all tables ever tracked or parked, read with store_open and
 * again when the schema moved. */
int tables_load(struct store *, struct err *);
struct table *table_by_id(struct store *, int64_t id);
struct table *table_by_name(struct store *, const char *name);
/* One that had the name before it was renamed here: peers may call it so
 * still.  NULL: none. */
struct table *table_by_alias(struct store *, const char *name);

/* Register a table by name (no triggers: capture does those); with its
 * columns, but those whose name another column had before, when it exists in
 * the database, else empty (parked changes of a table that is not here).  The
 * same number as before when it was known. */
int table_register(struct store *, const char *name, struct table **,
    struct err *);
/* A number of the schema as it is now: of PRAGMA schema_version, and of its
 * text, since a copy by SQLite's backup begins counting anew. */
int table_schema(struct store *, int64_t *mark, struct err *);
/* A table or column (col >= 0) was renamed, with all that is known of it. */
int table_renamed(struct store *, struct table *, int col, const char *name,
    struct err *);
/* The local sequence through which a peer was told of a column by that name of
 * before; and: it lost what follows seq, and gets it by the names of now. */
int table_told(struct store *, const struct table *, const char *old,
    int64_t peer, int64_t *seq, struct err *);
int table_told_again(struct store *, int64_t peer, int64_t seq, struct err *);
/* Its columns are as capture has seen them now. */
int table_seen(struct store *, struct table *, struct err *);
/* The affinity of a column of that declared type, by name; static. */
const char *table_affinity(const char *type, bool strict);
/* The index of a registered column; -1: none of that name. */
int table_find_column(const struct table *, const char *name);
/* The index of the column that had the name before it was renamed here; -1:
 * none. */
int table_old_column(sqlite3 *, const struct table *, const char *name);
/* The index of a column in t->cols, also by a name that it had; registered
 * when new (not present here: its values are parked). */
int table_column(struct store *, struct table *, const char *name, int *col,
    struct err *);
/* What waits for a table of that name whose key has so many columns;
 * registered when new.  Reads the registry again. */
int table_waiting(struct store *, const char *name, int nkey,
    struct table **, struct err *);
/* The same, NULL: nothing does. */
struct table *table_waiting_find(struct store *, const char *name, int nkey);
/* The keys in fragments are those of the table as it is now. */
int table_key_taken(struct store *, struct table *, struct err *);
/* The collations of the table's key, as in frag_coll. */
void table_key_coll(const struct table *, char coll[17]);
int table_set_tracked(struct store *, struct table *, bool tracked,
    struct err *);

/* Why a table of the database cannot be tracked: NULL when it can, else a
 * reason with the remedy (malloc'd): a view, a virtual table, no primary key,
 * a key column with a collation of the application's own. */
char *table_refusal(struct store *, const char *name);

#endif
