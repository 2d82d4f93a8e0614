/* Private to src/capture: single triggers, unique indexes, index text. */
#ifndef CAPTURE_CAPTURE_P_H
#define CAPTURE_CAPTURE_P_H

#include "capture/capture.h"
#include "capture/source.h"

/* One trigger of the definition after the other: capture_triggers() in parts.
 * 0 insert, 1 delete, 2 update, 3 key, then two for each unique index. */
int capture_trigger_count(const struct capture_def *);
void capture_trigger(const struct capture_def *, int i, struct buf *out);

/* The parts of a CREATE INDEX statement as it stands in the schema. */
#define INDEX_EXPRS_MAX 2000  /* SQLITE_MAX_COLUMN */
struct index_text {
	char **exprs;  /* owned; as written, without ASC and DESC */
	int n;
	char *where;   /* owned; NULL: a full index */
};

/* Take it apart.  -1: not the text of an index (nothing to free). */
int index_text_parse(const char *sql, struct index_text *out);
void index_text_free(struct index_text *);

/* How many triggers of ours the table of that number has, on table `on`
 * (NULL: on any). */
int capture_trigger_has(struct store *, int64_t id, const char *on,
    int64_t *n, struct err *);

/* The text of the update trigger, which names the columns that were known when
 * it was made; "" when there is none.  malloc'd. */
int capture_trigger_text(struct store *, int64_t id, char **sql,
    struct err *);

/* Make the table's triggers what they should be: those that differ are made
 * anew, others of ours on it go. */
int capture_trigger_sync(struct store *, const struct table *, struct err *);

/* Do statements on the table compile?  Not where a trigger calls a function of
 * the application's. */
int capture_compiles(struct store *, const struct table *, struct err *);

/* Register the columns of a table that is tracked already, whose triggers were
 * made with text `old` ("" for none): rows whose value in a new column is not
 * the default are logged, values that waited for the column are placed.
 * *t is read again. */
int capture_take_columns(struct store *, struct table **t, const char *old,
    struct err *);

/* The keys of fragments and values aside, where the table's key is another now
 * than when they were filed, or they waited for a table of that key: filed
 * anew.  *t is read again. */
int capture_take_key(struct store *, struct table **t, struct err *);

/* Give columns that were renamed their new names in the registry, with all
 * that is known of them; old: text of the update trigger.  *t is read again.
 * Changes of peers that have renamed a column before wait under the new name,
 * and come to it: rc 1, their values are to be placed (capture_place_column). */
int capture_take_renames(struct store *, struct table **t, const char *old,
    struct err *);
/* The same for the table, which is called `name` now: 1; 0: what is known
 * under that name is another table's; -1. */
int capture_take_table_name(struct store *, struct table **t,
    const char *name, struct err *);

/* A column or table that has the name that another had before: peers that
 * have not renamed that one mean the other by it.  The name, malloc'd, NULL:
 * none. */
int capture_old_name(struct store *, const struct table *, char **name,
    struct err *);
/* From now on such names mean what has them here. */
int capture_forget_names(struct store *, const char *table, struct err *);

/* Place all that waits for column i, whatever the rows have in it. */
int capture_place_column(struct store *, struct table *, int i,
    struct err *);

/* The register under which the update trigger of that text has the column; -1:
 * it does not know it. */
int capture_trigger_register(const char *text, const char *name);

/* All that is known of a table that is not here goes to another. */
int capture_merge_table(struct store *, struct table *from, struct table *to,
    struct err *);

/* Rows that are in the table against values that wait for them: equal ones
 * wait no more, others are logged as written here.  births: rows of which
 * nobody has said that they are alive are logged as born. */
int capture_reconcile(struct store *, struct table *, bool births,
    struct err *);

/* Let the next apply place what waits beside the table. */
int capture_place_later(struct store *, const struct table *, struct err *);

/* "SELECT key FROM table"; the caller finalizes it. */
sqlite3_stmt *capture_select_keys(struct store *, const struct table *,
    struct err *);

/* Log one row as edited in one register. */
int capture_log_register(struct store *, const struct table *,
    const struct value *key, int reg, struct err *);

/* Keep what a person must do about a table, for capture_trouble(); NULL:
 * nothing any more. */
int capture_trouble_set(struct store *, const char *table, const char *text,
    struct err *);

/* 1: the schema has moved, the log's tables have only got columns since the last
 * look (and their columns other names, which are taken now), and are read
 * without those: fold the log before capture_refresh(), which reads them again.
 * 0: the log comes after it. */
int capture_hide_new(struct store *, struct err *);

/* Settings in dialsync_meta. */
#define META_SCHEMA    "schema"     /* table_schema() at the last refresh */
#define META_LEFT_OUT  "left_out:"  /* and the table's name: untracked */
#define META_KEYS      "keys:"      /* and its name: its keys at untrack */

#endif
