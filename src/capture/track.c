#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/fs.h"
#include "capture/capture_p.h"
#include "store/key.h"
#include "store/row.h"

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

int capture_compiles(struct store *s, const struct table *t, struct err *e)
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
	bool before = capture_compiles(s, t, &none) == 0;
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
	if (rc == 0 && before && capture_compiles(s, t, e) < 0) {
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
static const char waits[] = "came while its table was not tracked; the next"
    " apply places it";

int capture_place_later(struct store *s, const struct table *t, struct err *e)
{
	long long id = (long long)t->id;

	if (db_execf(s->db, e,
		"INSERT OR IGNORE INTO dialsync_held(t, k, kind, why, since)"
		" SELECT DISTINCT t, k, '" HELD_NEW "', '%s', %lld"
		" FROM dialsync_aside WHERE t = %lld", waits, (long long)clock_wall(), id) < 0)
		return -1;
	return store_meta_set_int(s, HELD_META_RETRY, 1, e);
}

/* ---- what happened while the table was not looked after */

struct absence {
	struct store *s;
	struct table *t;
	struct frag *frags;  /* owned; FRAGS_MAX of them, scratch */
	bool keys_same;      /* no row was born or died meanwhile */
	bool empty;
	int64_t born, gone;
};

sqlite3_stmt *capture_select_keys(struct store *s, const struct table *t,
    struct err *e)
{
	struct buf b = BUF_INIT(SIZE_MAX);
	char *name = db_quote(t->name);
	sqlite3_stmt *st;

	for (int i = 0; i < t->nkey; i++) {
		char *col = db_quote(t->cols[t->key[i]].name);

		buf_addf(&b, "%s%s", i ? ", " : "SELECT ", col);
		free(col);
	}
	buf_addf(&b, " FROM %s", name);
	free(name);
	st = db_prepare(s->db, buf_str(&b), false, e);
	buf_free(&b);
	return st;
}

/* The next row's canonical key: 1; 0 no more rows; -1.  Rows with a NULL in
 * the key are passed over. */
static int next_key(sqlite3_stmt *st, const struct table *t,
    struct buf *scratch, struct value *key, struct err *e)
{
	struct value cols[16];
	int rc;

	while ((rc = db_step(st, e)) == 1) {
		for (int i = 0; i < t->nkey; i++)
			db_column(st, i, &cols[i]);
		buf_reset(scratch);
		if (key_make(t, cols, scratch, key))
			break;
	}
	return rc;
}

/* A number made of the keys of all rows, in any order: another number, another
 * set of keys.  *empty: there are no rows. */
static int keys_print(struct store *s, const struct table *t, int64_t *print,
    bool *empty, struct err *e)
{
	const uint64_t mul = UINT64_C(0x9E3779B97F4A7C15);
	struct buf scratch = BUF_INIT(SIZE_MAX);
	sqlite3_stmt *st = capture_select_keys(s, t, e);
	struct value key;
	uint64_t sum = 1;
	int rc = st ? 1 : -1;

	*empty = true;
	while (rc == 1 && (rc = next_key(st, t, &scratch, &key, e)) == 1) {
		uint64_t h = mul ^ (uint64_t)key.type;

		if (key.type == VALUE_INTEGER)
			h = (h ^ (uint64_t)key.i) * mul;
		for (size_t i = 0; key.type != VALUE_INTEGER && i < key.n; i++)
			h = (h ^ (unsigned char)key.p[i]) * mul;
		h ^= h >> 29;
		sum += h * mul;
		*empty = false;
	}
	sqlite3_finalize(st);
	buf_free(&scratch);
	*print = (int64_t)(sum >> 1);
	return rc;
}

/* Log as born each row that no fragment says is alive: it may have come
 * meanwhile.  One that a peer's death waits for is none. */
static int log_unknown(struct absence *a, struct err *e)
{
	struct buf scratch = BUF_INIT(SIZE_MAX);
	sqlite3_stmt *st = capture_select_keys(a->s, a->t, e);
	struct value key;
	int rc = st ? 1 : -1;

	while (rc == 1 && (rc = next_key(st, a->t, &scratch, &key, e)) == 1) {
		int n = frags_of(a->s, a->t, &key, a->frags, FRAGS_MAX, e);
		bool known = false;

		for (int i = 0; i < n; i++)
			known |= mask_has(a->frags[i].mask.w, REG_LIFE);
		if (n < 0 || (!known &&
			capture_log_birth(a->s, a->t, &key, e) < 0))
			rc = -1;
		a->born += rc == 1 && !known;
	}
	sqlite3_finalize(st);
	buf_free(&scratch);
	return rc;
}

/* One row that has fragments, here or not: a death of a peer's that could not
 * be carried out waits as held; a row that is gone is looked at by the fold. */
static int look_back_at(struct absence *a, const struct value *key,
    struct err *e)
{
	int n = frags_of(a->s, a->t, key, a->frags, FRAGS_MAX, e);
	int there = n < 0 ? -1 : row_exists(a->s, a->t, key, e);
	struct held h;
	int held = there < 0 ? -1 : held_get(a->s, a->t, key, &h, e);
	bool dead = false, alive = false;

	if (held < 0)
		return -1;
	for (int i = 0; i < n; i++) {
		dead |= a->frags[i].death;
		alive |= !a->frags[i].death && a->frags[i].arrival &&
		    mask_has(a->frags[i].mask.w, REG_LIFE);
	}
	/* as it should be: alive and there, dead and gone, waiting already */
	if (!(dead && there) && (held || dead || there))
		return 0;
	/* where all columns are the key a birth leaves nothing beside */
	if (dead || (alive && a->t->nkey == a->t->ncols))
		return held_new(a->s, a->t, key, waits, e) < 0 ? -1 : 0;
	if (a->keys_same || a->empty)
		return 0;
	a->gone++;
	return capture_log_touch(a->s, a->t, key, e);
}

static int look_back(struct absence *a, struct err *e)
{
	sqlite3_stmt *st = db_preparef(a->s->db, e,
	    "SELECT DISTINCT k FROM dialsync_frag WHERE t = %lld ORDER BY k",
	    (long long)a->t->id);
	struct value key;
	int rc = st ? 1 : -1;

	while (rc == 1 && (rc = db_step(st, e)) == 1) {
		db_column(st, 0, &key);
		if (look_back_at(a, &key, e) < 0)
			rc = -1;
	}
	sqlite3_finalize(st);
	return rc;
}

static void tell_absence(const struct absence *a)
{
	struct store *s = a->s;
	char text[ERR_TEXT_MAX];

	if (!s->warn)
		return;
	snprintf(text, sizeof(text), "table %s was not logged for a time:"
	    " fields that were changed in that time are not known to the peers"
	    " until they are edited again", a->t->name);
	s->warn(s->warn_arg, text);
	if (a->keys_same)
		return;
	snprintf(text, sizeof(text), "table %s: %lld row%s that may be new and"
	    " %lld that %s gone %s sent to the peers", a->t->name,
	    (long long)a->born, a->born == 1 ? "" : "s", (long long)a->gone,
	    a->gone == 1 ? "is" : "are",
	    a->born + a->gone == 1 ? "is" : "are");
	s->warn(s->warn_arg, text);
	if (a->empty)
		s->warn(s->warn_arg, "the table is empty: the rows that it had"
		    " are not deleted at the peers");
}

/* The table is looked after again: its triggers were missing, by untrack or
 * because it was made anew.  Births and deaths of that time are found again by
 * comparing rows and fragments; a row that was there at init has no fragment,
 * so it counts as born, unless the keys are still those of untrack. */
static int look_after_absence(struct store *s, struct table *t,
    struct err *e)
{
	struct absence a = {s, t, calloc(FRAGS_MAX, sizeof(struct frag)),
	    false, false, 0, 0};
	char *name = fs_format(META_KEYS "%s", t->name);
	int64_t was = 0, now = 0;
	int rc = -1;

	if (!a.frags)
		err_set(e, ERR_SYSTEM, "out of memory");
	else if (keys_print(s, t, &now, &a.empty, e) == 0)
		rc = store_meta_int(s, name, -1, &was, e);
	free(name);
	a.keys_same = was == now;
	if (rc == 0)
		rc = look_back(&a, e);
	if (rc == 0 && !a.keys_same)
		rc = log_unknown(&a, e);
	free(a.frags);
	if (rc == 0)
		tell_absence(&a);
	return rc;
}

/* Was the table tracked at any time?  The setting is there since then. */
static int tracked_before(struct store *s, const char *name, bool *before,
    struct err *e)
{
	char *left_out = fs_format(META_LEFT_OUT "%s", name);
	int64_t v;
	int rc = store_meta_int(s, left_out, -1, &v, e);

	free(left_out);
	*before = v >= 0;
	return rc;
}

/* The settings of a table that is tracked now. */
static int settle(struct store *s, const struct table *t, struct err *e)
{
	char *left_out = fs_format(META_LEFT_OUT "%s", t->name);
	int rc = store_meta_set_int(s, left_out, 0, e);

	free(left_out);
	if (rc == 0)
		rc = db_execf(s->db, e, "DELETE FROM dialsync_meta WHERE"
		    " k = '" META_KEYS "' || %Q", t->name);
	if (rc == 0)
		rc = capture_trouble_set(s, t->name, NULL, e);
	return rc;
}

/* Register, take new columns, make triggers. */
static int track_real(struct store *s, const char *name, struct err *e)
{
	struct table *t = table_by_name(s, name);
	char *why = strcasecmp(name, TABLE_CONFLICT) ?
	    table_refusal(s, name) : NULL;
	char *old = NULL;
	bool known = t != NULL, before = false, absent;
	int rc;

	if (why) {
		err_set(e, ERR_DATA, "%s", why);
		free(why);
		return -1;
	}
	if (capture_forget_names(s, name, e) < 0 ||
	    (!t && table_register(s, name, &t, e) < 0))
		return -1;
	/* the triggers that there were: a table that was made anew has none */
	if (capture_trigger_text(s, t->id, &old, e) < 0)
		return -1;
	absent = !*old;
	rc = tracked_before(s, t->name, &before, e);
	if (rc == 0)
		rc = table_set_tracked(s, t, true, e);
	t = table_by_name(s, name);
	if (rc == 0)
		rc = t ? capture_take_columns(s, &t, old, e) :
		    err_set(e, ERR_CALLER, "table %s vanished", name);
	free(old);
	if (rc == 0)
		rc = capture_trigger_sync(s, t, e);
	/* rows that both sites had before either knew of the other's */
	if (rc == 0 && known && absent && !before)
		rc = capture_reconcile(s, t, false, e);
	if (rc == 0 && known && absent)
		rc = capture_place_later(s, t, e);
	if (rc == 0 && absent && before)
		rc = look_after_absence(s, t, e);
	return rc == 0 ? settle(s, t, e) : -1;
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
	char *left_out, *keys;
	int64_t print;
	bool empty;
	int rc;

	if (!t || !t->tracked || !strcasecmp(table, TABLE_CONFLICT))
		return err_set(e, ERR_USAGE, "table %s is not tracked",
		    table);
	if (drop_stale(s, t, NULL, 0, e) < 0)
		return -1;
	left_out = fs_format(META_LEFT_OUT "%s", t->name);
	rc = store_meta_set_int(s, left_out, 1, e);
	free(left_out);
	if (rc == 0 && t->present) {
		rc = keys_print(s, t, &print, &empty, e);
		keys = fs_format(META_KEYS "%s", t->name);
		if (rc == 0)
			rc = store_meta_set_int(s, keys, print, e);
		free(keys);
	}
	if (rc == 0)
		rc = capture_trouble_set(s, t->name, NULL, e);
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
