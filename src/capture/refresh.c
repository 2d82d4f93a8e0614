#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "capture/capture_p.h"
#include "store/row.h"

/* What capture does when the schema has moved.  Tables and columns come and go
 * by plain SQL of anyone; nobody tells us, but PRAGMA schema_version does. */

/* ---- rows into the log */

/* "INSERT INTO dialsync_log ... SELECT code, key FROM table"; the caller may
 * add a WHERE. */
static void put_log_rows(struct buf *b, const struct table *t,
    const char *code)
{
	char *name = db_quote(t->name);

	buf_adds(b, "INSERT INTO dialsync_log(t, m, w");
	for (int i = 0; i < t->nkey; i++)
		buf_addf(b, ", k%d", i + 1);
	buf_addf(b, ") SELECT %lld, %s, strftime('%%s', 'now')",
	    (long long)t->id, code);
	for (int i = 0; i < t->nkey; i++) {
		char *col = db_quote(t->cols[t->key[i]].name);

		buf_addf(b, ", %s", col);
		free(col);
	}
	buf_addf(b, " FROM %s", name);
	free(name);
}

int capture_log_all(struct store *s, const struct table *t, struct err *e)
{
	struct buf b = BUF_INIT(SIZE_MAX);
	int rc;

	put_log_rows(&b, t, "-1");
	rc = db_exec(s->db, buf_str(&b), e);
	buf_free(&b);
	return rc;
}

/* The set of one register as the log has it. */
static void put_one_register(struct buf *b, const struct table *t, int reg)
{
	if (t->words <= 1) {
		buf_addf(b, "%llu", 1ULL << reg);
		return;
	}
	for (int w = 0; w < t->words; w++)
		buf_addf(b, "%s%llu", w ? "," : "'",
		    w == reg / MASK_BITS ? 1ULL << reg % MASK_BITS : 0ULL);
	buf_addc(b, '\'');
}

/* "col is not its default, bit for bit". */
static void put_not_default(struct buf *b, const struct column *c)
{
	char *col = db_quote(c->name);
	const char *dflt = c->dflt ? c->dflt : "NULL";

	buf_addf(b, "(%s COLLATE BINARY IS NOT (%s) OR"
	    " (%s IS NOT NULL AND (%s) IS NULL))", col, dflt, col, dflt);
	free(col);
}

/* Log the rows that have something in a new column: whoever put it there did
 * so before the triggers knew the column. */
static int log_column(struct store *s, const struct table *t, int i,
    struct err *e)
{
	struct buf b = BUF_INIT(SIZE_MAX), code = BUF_INIT(SIZE_MAX);
	int rc;

	put_one_register(&code, t, REG_COLUMN + i);
	put_log_rows(&b, t, buf_str(&code));
	buf_adds(&b, " WHERE ");
	put_not_default(&b, &t->cols[i]);
	rc = db_exec(s->db, buf_str(&b), e);
	buf_free(&b);
	buf_free(&code);
	return rc;
}

/* ---- values that waited for their column */

/* Is the row's value in column i the default still?  1, 0, -1; -2 no row. */
static int untouched(struct store *s, const struct table *t, int i,
    const struct value *key, struct err *e)
{
	struct value v[16];
	struct buf b = BUF_INIT(SIZE_MAX);
	char *name = db_quote(t->name);
	sqlite3_stmt *st;
	int rc;

	if (!key_split(t, key, v)) {
		free(name);
		return -2;
	}
	buf_adds(&b, "SELECT NOT ");
	put_not_default(&b, &t->cols[i]);
	buf_addf(&b, " FROM %s WHERE ", name);
	free(name);
	for (int k = 0; k < t->nkey; k++) {
		char *col = db_quote(t->cols[t->key[k]].name);

		buf_addf(&b, "%s%s = ?", k ? " AND " : "", col);
		free(col);
	}
	st = db_prepare(s->db, buf_str(&b), false, e);
	buf_free(&b);
	if (!st)
		return -1;
	for (int k = 0; k < t->nkey; k++)
		db_bind(st, k + 1, &v[k]);
	rc = db_step(st, e);
	rc = rc == 1 ? sqlite3_column_int(st, 0) : rc == 0 ? -2 : -1;
	sqlite3_finalize(st);
	return rc;
}

/* Place one parked value.  A row that has a value of its own by now keeps it:
 * the fold makes a conflict of the two.  What a constraint refuses stays. */
static int place_one(struct store *s, struct table *t, int i,
    const struct value *key, const struct value *v, struct err *e)
{
	struct value *values;
	uint64_t cols[MASK_WORDS] = {0};
	int rc = untouched(s, t, i, key, e);

	if (rc != 1)
		return rc == -1 ? -1 : 0;
	values = calloc((size_t)t->ncols, sizeof(*values));
	if (!values)
		return err_set(e, ERR_SYSTEM, "out of memory");
	values[i] = *v;
	mask_set(cols, REG_COLUMN + i);
	rc = row_update(s, t, key, cols, values, e);
	free(values);
	if (rc == 1)
		rc = aside_drop(s, t, key, REG_COLUMN + i, e);
	return rc < 0 ? -1 : 0;
}

/* The next parked value of a register behind *key: 1, 0, -1.  Both stay valid
 * until *st is finalized. */
static int next_parked(struct store *s, const struct table *t, int reg,
    const struct value *after, sqlite3_stmt **st, struct value *key,
    struct value *v, struct err *e)
{
	int rc;

	*st = db_preparef(s->db, e, "SELECT k, v FROM dialsync_aside"
	    " WHERE t = %lld AND r = %d %s ORDER BY k LIMIT 1",
	    (long long)t->id, reg, after ? "AND k > ?" : "");
	if (!*st)
		return -1;
	if (after)
		db_bind(*st, 1, after);
	rc = db_step(*st, e);
	if (rc == 1) {
		db_column(*st, 0, key);
		db_column(*st, 1, v);
	}
	return rc;
}

/* Place what was parked for column i.  Triggers are off meanwhile: these values
 * have their versions already and are no edits of this site. */
static int place_parked(struct store *s, struct table *t, int i,
    struct err *e)
{
	sqlite3_stmt *st = NULL, *last = NULL;
	struct value key, v;
	int on = 1, rc;

	if (!aside_any(s))
		return 0;
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, -1, &on);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	while ((rc = next_parked(s, t, REG_COLUMN + i, last ? &key : NULL, &st,
	    &key, &v, e)) == 1) {
		sqlite3_finalize(last);
		last = st;
		if (place_one(s, t, i, &key, &v, e) < 0) {
			st = NULL;
			rc = -1;
			break;
		}
	}
	sqlite3_finalize(last);
	sqlite3_finalize(st);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, on, NULL);
	return rc;
}

/* ---- columns */

/* Does the update trigger know the column?  It names each in one way only. */
static bool trigger_knows(const char *text, const char *name)
{
	char *q = db_quote(name), *probe = fs_format("typeof(OLD.%s)", q);
	bool known = strstr(text, probe) != NULL;

	free(probe);
	free(q);
	return known;
}

int capture_take_columns(struct store *s, struct table **tp, const char *old,
    struct err *e)
{
	struct table *t = *tp;
	/* reading the registry again frees the name that t has */
	char *name = strdup(t->name);
	int before = t->ncols, rc;

	if (!name)
		return err_set(e, ERR_SYSTEM, "out of memory");
	rc = table_register(s, name, &t, e);
	free(name);
	*tp = t;
	if (rc < 0)
		return -1;
	for (int i = 0; i < t->ncols && t->present; i++) {
		struct column *c = &t->cols[i];

		/* A name that the registry has is new only if the triggers
		 * did not know it: it waited.  A renamed column is a new one,
		 * although SQLite has put its name into the triggers. */
		if (!c->present || c->keypos || (i < before &&
		    (!*old || trigger_knows(old, c->name))))
			continue;
		if (log_column(s, t, i, e) < 0 ||
		    place_parked(s, t, i, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- refresh */

struct warner {
	void (*warn)(void *arg, const char *text);
	void *arg;
};

static void warnf(const struct warner *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void warnf(const struct warner *w, const char *fmt, ...)
{
	va_list ap;
	char text[ERR_TEXT_MAX];

	if (!w->warn)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	w->warn(w->arg, text);
}

/* A table that is tracked and gone: dropped, or renamed with its triggers. */
static int warn_gone(struct store *s, const struct table *t,
    const struct warner *w, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e,
	    "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger'"
	    " AND name = 'dialsync_%lld_insert'", (long long)t->id);
	int rc;

	if (!st)
		return -1;
	rc = db_step(st, e);
	if (rc == 1)
		warnf(w, "table %s was renamed to %s; its changes do not"
		    " travel; rename it at every site and run \"dialsync track"
		    " %s\"", t->name, (const char *)sqlite3_column_text(st, 0),
		    (const char *)sqlite3_column_text(st, 0));
	else
		warnf(w, "table %s is tracked, but the database has no such"
		    " table; changes that come for it are kept; make the table"
		    " again, or run \"dialsync untrack %s\"", t->name, t->name);
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

static int refresh_table(struct store *s, const char *name,
    const struct warner *w, struct err *e)
{
	struct table *t = table_by_name(s, name);
	bool ours = !strcasecmp(name, TABLE_CONFLICT);
	struct err why = ERR_INIT;
	int64_t here, n;
	char *old, *sql;
	int rc;

	sql = sqlite3_mprintf("SELECT count(*) FROM sqlite_master WHERE type ="
	    " 'table' AND name = %Q COLLATE NOCASE", name);
	rc = sql ? db_int(s->db, sql, 0, &here, e) : -1;
	sqlite3_free(sql);
	if (rc < 0 || capture_trigger_has(s, t->id, t->name, &n, e) < 0)
		return -1;
	if (!here)
		return warn_gone(s, t, w, e);
	if (n == 0 && !ours) {
		warnf(w, "table %s has lost its triggers, as a table does that"
		    " is made anew: its changes are not logged; run \"dialsync"
		    " track %s\"", name, name);
		return 0;
	}
	if (capture_trigger_text(s, t->id, &old, e) < 0)
		return -1;
	/* first, since a renamed key column has to be registered */
	rc = capture_take_columns(s, &t, old, e);
	if (rc == 0 && !t->present)
		warnf(w, "table %s has no primary key now that its rows could"
		    " be told apart by; its changes do not travel", name);
	else if (rc == 0 && capture_trigger_sync(s, t, &why) < 0)
		warnf(w, "%s; run \"dialsync track %s\"", why.text, name);
	free(old);
	return rc;
}

/* One table that came since `track --all`.  Its rows travel, too: none of them
 * can have been at the peers already. */
static int take_new_table(struct store *s, const char *name,
    const struct warner *w, struct err *e)
{
	struct err why = ERR_INIT;

	if (capture_track(s, name, &why) == 0)
		return capture_log_all(s, table_by_name(s, name), e);
	if (why.kind == ERR_DATA || why.kind == ERR_USAGE) {
		warnf(w, "%s", why.text);
		return 0;
	}
	*e = why;
	return -1;
}

/* Their names are gathered first, since triggers are made on the way. */
static int take_new_tables(struct store *s, const struct warner *w,
    struct err *e)
{
	struct buf names = BUF_INIT(SIZE_MAX);
	sqlite3_stmt *st;
	int rc;

	st = db_prepare(s->db, "SELECT name FROM sqlite_master m WHERE"
	    " type = 'table' AND name NOT GLOB 'sqlite_*'"
	    " AND name NOT GLOB 'dialsync_*' AND NOT EXISTS (SELECT 1 FROM"
	    " dialsync_table d WHERE d.name = m.name AND d.tracked)"
	    " AND NOT EXISTS (SELECT 1 FROM dialsync_meta WHERE"
	    " k = '" META_LEFT_OUT "' || m.name AND v)", false, e);
	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1)
		buf_add(&names, sqlite3_column_text(st, 0),
		    (size_t)sqlite3_column_bytes(st, 0) + 1);
	sqlite3_finalize(st);
	for (size_t i = 0; i < names.n && rc == 0;
	     i += strlen(names.p + i) + 1)
		rc = take_new_table(s, names.p + i, w, e);
	buf_free(&names);
	return rc;
}

/* Every tracked table, by name: each may read the registry again. */
static int refresh_tables(struct store *s, const struct warner *w,
    struct err *e)
{
	int n = s->ntables, rc = 0;
	char **names = calloc((size_t)n + 1, sizeof(*names));

	if (!names)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (int i = 0; i < n; i++)
		if (s->tables[i]->tracked)
			names[i] = strdup(s->tables[i]->name);
	for (int i = 0; i < n; i++) {
		if (names[i] && rc == 0)
			rc = refresh_table(s, names[i], w, e);
		free(names[i]);
	}
	free(names);
	return rc;
}

int capture_refresh(struct store *s,
    void (*warn)(void *arg, const char *text), void *arg, struct err *e)
{
	struct warner w = {warn, arg};
	int64_t now, seen, all;

	if (db_int(s->db, "PRAGMA schema_version", 0, &now, e) < 0 ||
	    store_meta_int(s, META_SCHEMA, -1, &seen, e) < 0)
		return -1;
	if (now == s->schema && now == seen)
		return 0;
	if (tables_load(s, e) < 0 || refresh_tables(s, &w, e) < 0 ||
	    store_meta_int(s, CAPTURE_META_ALL, 0, &all, e) < 0)
		return -1;
	if (all && take_new_tables(s, &w, e) < 0)
		return -1;
	if (db_int(s->db, "PRAGMA schema_version", 0, &s->schema, e) < 0)
		return -1;
	return store_meta_set_int(s, META_SCHEMA, s->schema, e);
}
