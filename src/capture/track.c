#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/fs.h"
#include "capture/capture_p.h"

/* ---- triggers in the database */

int capture_trigger_has(struct store *s, int64_t id, const char *on,
    int64_t *n, struct err *e)
{
	char *sql = on ? sqlite3_mprintf("SELECT count(*) FROM sqlite_master"
	    " WHERE type = 'trigger' AND name GLOB 'dialsync_%lld_*'"
	    " AND tbl_name = %Q COLLATE NOCASE", (long long)id, on) :
	    sqlite3_mprintf("SELECT count(*) FROM sqlite_master"
	    " WHERE type = 'trigger' AND name GLOB 'dialsync_%lld_*'",
	    (long long)id);
	int rc;

	if (!sql)
		return err_set(e, ERR_SYSTEM, "out of memory");
	rc = db_int(s->db, sql, 0, n, e);
	sqlite3_free(sql);
	return rc;
}

int capture_trigger_text(struct store *s, int64_t id, char **sql,
    struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e,
	    "SELECT sql FROM sqlite_master WHERE type = 'trigger'"
	    " AND name = 'dialsync_%lld_update'", (long long)id);
	int rc;

	*sql = NULL;
	if (!st)
		return -1;
	rc = db_step(st, e);
	if (rc >= 0)
		*sql = strdup(rc == 1 ?
		    (const char *)sqlite3_column_text(st, 0) : "");
	sqlite3_finalize(st);
	if (rc >= 0 && !*sql)
		abort();
	return rc < 0 ? -1 : 0;
}

/* Do statements on the table compile?  Not where a trigger of the user's calls
 * a function of the application's. */
static int compiles(struct store *s, const struct table *t, struct err *e)
{
	struct buf sql = BUF_INIT(SIZE_MAX);
	char *table = db_quote(t->name);
	sqlite3_stmt *st[3] = {NULL, NULL, NULL};
	int rc = -1;

	buf_addf(&sql, "UPDATE %s SET ", table);
	for (int i = 0, n = 0; i < t->ncols; i++) {
		char *col = db_quote(t->cols[i].name);

		if (t->cols[i].present)
			buf_addf(&sql, "%s%s = %s", n++ ? ", " : "", col, col);
		free(col);
	}
	st[0] = db_prepare(s->db, buf_str(&sql), false, e);
	if (st[0])
		st[1] = db_preparef(s->db, e, "INSERT INTO %s DEFAULT VALUES",
		    table);
	if (st[1])
		st[2] = db_preparef(s->db, e, "DELETE FROM %s", table);
	if (st[2])
		rc = 0;
	for (int i = 0; i < 3; i++)
		sqlite3_finalize(st[i]);
	buf_free(&sql);
	free(table);
	return rc;
}

/* The name of the trigger that CREATE TRIGGER text makes; it has no quotes. */
static void trigger_name(const char *sql, char *out, size_t n)
{
	const char *from = sql + strlen("CREATE TRIGGER ");

	snprintf(out, n, "%.*s", (int)strcspn(from, " "), from);
}

/* Drop our triggers on the table that have another text than any wanted one,
 * or none of the wanted names.  Their names are gathered first: dropping while
 * reading sqlite_master would end the reading. */
static int drop_stale(struct store *s, const struct table *t, char **want,
    int nwant, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e,
	    "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
	    " AND (name GLOB 'dialsync_%lld_*' OR"
	    "  (name GLOB 'dialsync_[0-9]*' AND tbl_name = %Q COLLATE NOCASE))",
	    (long long)t->id, t->name);
	struct buf drop = BUF_INIT(SIZE_MAX);
	int rc;

	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1) {
		const char *sql = (const char *)sqlite3_column_text(st, 1);
		char *name = db_quote((const char *)
		    sqlite3_column_text(st, 0));
		bool keep = false;

		for (int i = 0; i < nwant && !keep; i++)
			keep = sql && want && !strcmp(sql, want[i]);
		if (!keep)
			buf_addf(&drop, "DROP TRIGGER %s;", name);
		free(name);
	}
	sqlite3_finalize(st);
	if (rc == 0 && drop.n)
		rc = db_exec(s->db, buf_str(&drop), e);
	buf_free(&drop);
	return rc;
}

/* Make those of the wanted triggers that are not there. */
static int make_missing(struct store *s, char **want, int nwant,
    struct err *e)
{
	for (int i = 0; i < nwant; i++) {
		char name[64], *sql;
		int64_t there = 0;
		int rc;

		trigger_name(want[i], name, sizeof(name));
		sql = sqlite3_mprintf("SELECT count(*) FROM sqlite_master"
		    " WHERE type = 'trigger' AND name = %Q", name);
		rc = sql ? db_int(s->db, sql, 0, &there, e) :
		    err_set(e, ERR_SYSTEM, "out of memory");
		sqlite3_free(sql);
		if (rc < 0 || (!there && db_exec(s->db, want[i], e) < 0))
			return -1;
	}
	return 0;
}

/* A key of more than four columns needs more columns in the log. */
static int widen_log(struct store *s, int nkey, struct err *e)
{
	int64_t n;

	if (db_int(s->db, "SELECT count(*) FROM"
	    " pragma_table_info('dialsync_log') WHERE name GLOB 'k[0-9]*'", 4,
	    &n, e) < 0)
		return -1;
	for (; n < nkey; n++)
		if (db_execf(s->db, e, "ALTER TABLE dialsync_log ADD COLUMN"
		    " k%d", (int)n + 1) < 0)
			return -1;
	return 0;
}

/* The texts that the triggers should have; malloc'd, each too. */
static char **wanted(const struct capture_def *d, int *n, struct err *e)
{
	char **want;

	*n = capture_trigger_count(d);
	want = calloc((size_t)*n, sizeof(*want));
	for (int i = 0; want && i < *n; i++) {
		struct buf b = BUF_INIT(SIZE_MAX);

		capture_trigger(d, i, &b);
		if (!b.failed)
			want[i] = strdup(buf_str(&b));
		buf_free(&b);
		if (!want[i]) {
			while (i > 0)
				free(want[--i]);
			free(want);
			want = NULL;
		}
	}
	if (!want)
		err_set(e, ERR_SYSTEM, "out of memory");
	return want;
}

int capture_trigger_sync(struct store *s, const struct table *t,
    struct err *e)
{
	struct capture_source src;
	struct err none = ERR_INIT;
	bool before = compiles(s, t, &none) == 0;
	char **want;
	int n, rc;

	if (widen_log(s, t->nkey, e) < 0 ||
	    capture_source_load(s, t, &src, e) < 0)
		return -1;
	want = wanted(&src.def, &n, e);
	rc = want ? drop_stale(s, t, want, n, e) : -1;
	if (rc == 0)
		rc = make_missing(s, want, n, e);
	for (int i = 0; want && i < n; i++)
		free(want[i]);
	free(want);
	capture_source_free(&src);
	/* a trigger that does not compile would stop every application */
	if (rc == 0 && before && compiles(s, t, e) < 0) {
		e->kind = ERR_DATA;
		return err_add(e, "table %s: its triggers do not work here",
		    t->name);
	}
	return rc;
}

/* ---- tracking */

/* The table's name as the schema spells it; malloc'd, NULL: none such. */
static int real_name(struct store *s, const char *name, char **real,
    struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e,
	    "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
	    " AND name = %Q COLLATE NOCASE", name);
	int rc;

	*real = NULL;
	if (!st)
		return -1;
	rc = db_step(st, e);
	if (rc == 1) {
		*real = strdup((const char *)sqlite3_column_text(st, 0));
		if (!*real)
			abort();
	}
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

/* Changes that came while the table was not here, or not tracked, were kept
 * beside it: its rows are marked as held, and the applier, which alone places
 * rows, tries them at its next run. */
static int place_later(struct store *s, const struct table *t, struct err *e)
{
	long long id = (long long)t->id;

	if (db_execf(s->db, e,
		"INSERT OR IGNORE INTO dialsync_held(t, k, why, since)"
		" SELECT t, k, 'came before its table; the next apply places"
		" it', %lld FROM (SELECT t, k FROM dialsync_aside"
		" WHERE t = %lld UNION SELECT t, k FROM dialsync_frag"
		" WHERE t = %lld AND m & 1)", (long long)clock_wall(), id,
		id) < 0)
		return -1;
	return sqlite3_changes(s->db) ? store_meta_set_int(s, "retry", 1, e)
				      : 0;
}

/* Register, take new columns, make triggers. */
static int track_real(struct store *s, const char *name, struct err *e)
{
	struct table *t = table_by_name(s, name);
	char *why = strcasecmp(name, TABLE_CONFLICT) ?
	    table_refusal(s, name) : NULL;
	char *old = NULL, *left_out;
	bool was_here = !t || t->present;
	int rc;

	if (why) {
		err_set(e, ERR_DATA, "%s", why);
		free(why);
		return -1;
	}
	if (!t && table_register(s, name, &t, e) < 0)
		return -1;
	if (table_set_tracked(s, t, true, e) < 0)
		return -1;
	t = table_by_name(s, name);
	rc = t ? capture_trigger_text(s, t->id, &old, e) :
	    err_set(e, ERR_CALLER, "table %s vanished", name);
	if (rc == 0)
		rc = capture_take_columns(s, &t, old, e);
	free(old);
	if (rc == 0)
		rc = capture_trigger_sync(s, t, e);
	if (rc == 0 && !was_here)
		rc = place_later(s, t, e);
	if (rc < 0)
		return -1;
	left_out = fs_format(META_LEFT_OUT "%s", t->name);
	rc = store_meta_set_int(s, left_out, 0, e);
	free(left_out);
	return rc;
}

int capture_track(struct store *s, const char *table, struct err *e)
{
	char *name;
	int rc;

	if (real_name(s, table, &name, e) < 0)
		return -1;
	if (!name)
		return err_set(e, ERR_USAGE,
		    "there is no table %s in this database", table);
	rc = track_real(s, name, e);
	free(name);
	/* what we changed ourselves is no news to capture_refresh() */
	if (rc == 0)
		rc = db_int(s->db, "PRAGMA schema_version", 0, &s->schema, e);
	return rc;
}

int capture_untrack(struct store *s, const char *table, struct err *e)
{
	struct table *t = table_by_name(s, table);
	char *left_out;
	int rc;

	if (!t || !t->tracked || !strcasecmp(table, TABLE_CONFLICT))
		return err_set(e, ERR_USAGE, "table %s is not tracked",
		    table);
	if (drop_stale(s, t, NULL, 0, e) < 0)
		return -1;
	left_out = fs_format(META_LEFT_OUT "%s", t->name);
	rc = store_meta_set_int(s, left_out, 1, e);
	free(left_out);
	if (rc == 0)
		rc = table_set_tracked(s, t, false, e);
	return rc;
}

int capture_null_keys(struct store *s, struct table *t, int64_t *n,
    struct err *e)
{
	struct buf b = BUF_INIT(SIZE_MAX);
	char *name = db_quote(t->name);
	int rc;

	buf_addf(&b, "SELECT count(*) FROM %s WHERE ", name);
	free(name);
	for (int i = 0; i < t->nkey; i++) {
		char *col = db_quote(t->cols[t->key[i]].name);

		buf_addf(&b, "%s%s IS NULL", i ? " OR " : "", col);
		free(col);
	}
	*n = 0;
	rc = t->nkey ? db_int(s->db, buf_str(&b), 0, n, e) : 0;
	buf_free(&b);
	return rc;
}
