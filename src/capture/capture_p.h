/* Private to src/capture: single triggers, unique indexes, index text. */
#ifndef CAPTURE_CAPTURE_P_H
#define CAPTURE_CAPTURE_P_H

#include "capture/capture.h"

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

/* A table's definition for capture_triggers(), read from the database. */
struct capture_source {
	struct capture_def def;
	struct capture_unique *unique; /* owned, with all that it points to */
	char **generated;              /* owned */
};

int capture_source_load(struct store *, const struct table *,
    struct capture_source *, struct err *);
void capture_source_free(struct capture_source *);

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

/* Log every row of a table as born. */
int capture_log_all(struct store *, const struct table *, struct err *);

/* Ask the next fold to look at one row, by its canonical key. */
int capture_log_touch(struct store *, const struct table *,
    const struct value *key, struct err *);
/* Log one row as born. */
int capture_log_birth(struct store *, const struct table *,
    const struct value *key, struct err *);

/* Keep what a person must do about a table, for capture_trouble(); NULL:
 * nothing any more. */
int capture_trouble_set(struct store *, const char *table, const char *text,
    struct err *);

/* Settings in dialsync_meta. */
#define META_SCHEMA    "schema"     /* schema_version at the last refresh */
#define META_LEFT_OUT  "left_out:"  /* and the table's name: untracked */
#define META_KEYS      "keys:"      /* and its name: its keys at untrack */

#endif
