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

/* A column of the table that the triggers did not know under this register. */
struct arrival {
	struct table *t;
	int i;           /* it is t->cols[i] */
	int from;        /* register it had before it was renamed; -1 */
	struct frag *frags; /* owned; FRAGS_MAX of them, scratch */
};

/* "SELECT key, column, column is its default FROM table". */
static void put_select(struct buf *b, const struct table *t, int i)
{
	char *name = db_quote(t->name), *col;

	buf_adds(b, "SELECT ");
	for (int k = 0; k < t->nkey; k++) {
		col = db_quote(t->cols[t->key[k]].name);
		buf_addf(b, "%s, ", col);
		free(col);
	}
	col = db_quote(t->cols[i].name);
	buf_addf(b, "%s, NOT ", col);
	free(col);
	put_not_default(b, &t->cols[i]);
	buf_addf(b, " FROM %s", name);
	free(name);
}

/* The version of a register; false: none of its own, so the base's. */
static bool version_of(const struct frag *frags, int n, int reg,
    struct version *out)
{
	for (int i = 0; i < n; i++)
		if (mask_has(frags[i].mask.w, reg)) {
			*out = frags[i].ver;
			return true;
		}
	return false;
}

/* Was the parked value made from the value that the row has here?  It was when
 * both sites renamed the column, the value here is the base's or was written
 * by the writer of the parked one, and that is the later.  Then it takes the
 * row's place; else the two are a conflict.  1, 0, -1. */
static int follows(struct store *s, const struct arrival *a,
    const struct value *key, struct err *e)
{
	struct version old, new;
	int n;

	if (a->from < 0)
		return 0;
	n = frags_of(s, a->t, key, a->frags, FRAGS_MAX, e);
	if (n < 0)
		return -1;
	if (!version_of(a->frags, n, REG_COLUMN + a->i, &new))
		return 0;
	return !version_of(a->frags, n, a->from, &old) ||
	    (old.origin == new.origin && old.clock <= new.clock);
}

/* May the parked value be placed over the row's?  1, 0, -1. */
static int may_place(struct store *s, const struct arrival *a,
    const struct value *key, const struct value *here, bool untouched,
    const struct value *parked, struct err *e)
{
	if (untouched || value_same(here, parked))
		return 1;
	return follows(s, a, key, e);
}

/* Log one row as edited in one register; cols: its key's columns. */
static int log_row(struct store *s, const struct table *t, const char *code,
    const struct value *cols, struct err *e)
{
	struct buf b = BUF_INIT(SIZE_MAX);
	sqlite3_stmt *st;
	int rc = -1;

	buf_adds(&b, "INSERT INTO dialsync_log(t, m, w");
	for (int i = 0; i < t->nkey; i++)
		buf_addf(&b, ", k%d", i + 1);
	buf_addf(&b, ") VALUES(%lld, %s, strftime('%%s', 'now')",
	    (long long)t->id, code);
	for (int i = 0; i < t->nkey; i++)
		buf_adds(&b, ", ?");
	buf_addc(&b, ')');
	st = db_prepare(s->db, buf_str(&b), false, e);
	buf_free(&b);
	if (!st)
		return -1;
	for (int i = 0; i < t->nkey; i++)
		db_bind(st, i + 1, &cols[i]);
	rc = db_run(st, e);
	sqlite3_finalize(st);
	return rc;
}

int capture_log_touch(struct store *s, const struct table *t,
    const struct value *key, struct err *e)
{
	struct value cols[16];

	return key_split(t, key, cols) ? log_row(s, t, "0", cols, e) : 0;
}

int capture_log_birth(struct store *s, const struct table *t,
    const struct value *key, struct err *e)
{
	struct value cols[16];

	return key_split(t, key, cols) ? log_row(s, t, "-1", cols, e) : 0;
}

/* As log_column, row by row: of the rows that have a value parked for the
 * column only those are logged that keep their own. */
static int log_column_rows(struct store *s, const struct arrival *a,
    struct err *e)
{
	struct buf b = BUF_INIT(SIZE_MAX), code = BUF_INIT(SIZE_MAX);
	struct buf scratch = BUF_INIT(SIZE_MAX);
	struct value cols[16], key, here, parked;
	sqlite3_stmt *st;
	int nkey = a->t->nkey, rc, keep;

	put_one_register(&code, a->t, REG_COLUMN + a->i);
	put_select(&b, a->t, a->i);
	st = db_prepare(s->db, buf_str(&b), false, e);
	buf_free(&b);
	rc = st ? 1 : -1;
	while (rc == 1 && (rc = db_step(st, e)) == 1) {
		for (int k = 0; k < nkey; k++)
			db_column(st, k, &cols[k]);
		buf_reset(&scratch);
		if (sqlite3_column_int(st, nkey + 1) ||
		    !key_make(a->t, cols, &scratch, &key))
			continue;
		db_column(st, nkey, &here);
		keep = aside_get(s, a->t, &key, REG_COLUMN + a->i, &parked, e);
		if (keep == 1)
			keep = may_place(s, a, &key, &here, false, &parked, e);
		if (keep < 0 || (keep == 0 &&
			log_row(s, a->t, buf_str(&code), cols, e) < 0))
			rc = -1;
	}
	sqlite3_finalize(st);
	buf_free(&code);
	buf_free(&scratch);
	return rc;
}

/* Place one parked value.  A row that has a value of its own by now keeps it:
 * the fold makes a conflict of the two.  What a constraint refuses stays. */
static int place_one(struct store *s, const struct arrival *a,
    const struct value *key, const struct value *v, struct err *e)
{
	struct table *t = a->t;
	struct value *values, cols[16], here;
	uint64_t set[MASK_WORDS] = {0};
	struct buf b = BUF_INIT(SIZE_MAX);
	sqlite3_stmt *st;
	int rc;

	if (!key_split(t, key, cols))
		return 0;
	put_select(&b, t, a->i);
	for (int k = 0; k < t->nkey; k++) {
		char *col = db_quote(t->cols[t->key[k]].name);

		buf_addf(&b, "%s%s = ?", k ? " AND " : " WHERE ", col);
		free(col);
	}
	st = db_prepare(s->db, buf_str(&b), false, e);
	buf_free(&b);
	if (!st)
		return -1;
	for (int k = 0; k < t->nkey; k++)
		db_bind(st, k + 1, &cols[k]);
	rc = db_step(st, e);
	if (rc == 1) {
		db_column(st, t->nkey, &here);
		rc = may_place(s, a, key, &here,
		    sqlite3_column_int(st, t->nkey + 1), v, e);
	}
	sqlite3_finalize(st);
	if (rc != 1)
		return rc;
	values = calloc((size_t)t->ncols, sizeof(*values));
	if (!values)
		return err_set(e, ERR_SYSTEM, "out of memory");
	values[a->i] = *v;
	mask_set(set, REG_COLUMN + a->i);
	rc = row_update(s, t, key, set, values, e);
	free(values);
	if (rc == 1)
		rc = aside_drop(s, t, key, REG_COLUMN + a->i, e);
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

static int place_all_parked(struct store *s, const struct arrival *a,
    struct err *e)
{
	sqlite3_stmt *st = NULL, *last = NULL;
	struct value key, v;
	int rc;

	while ((rc = next_parked(s, a->t, REG_COLUMN + a->i,
	    last ? &key : NULL, &st, &key, &v, e)) == 1) {
		sqlite3_finalize(last);
		last = st;
		if (place_one(s, a, &key, &v, e) < 0) {
			st = NULL;
			rc = -1;
			break;
		}
	}
	sqlite3_finalize(last);
	sqlite3_finalize(st);
	return rc;
}

/* Place what was parked for the column.  Triggers are off meanwhile: these
 * values have their versions already and are no edits of this site.  An index
 * of the user's that triggers keep has to hear of them all the same. */
static int place_parked(struct store *s, const struct arrival *a,
    struct err *e)
{
	int on = 1, rc;

	sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, -1, &on);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	rc = capture_follow(s, e);
	if (rc == 0)
		rc = place_all_parked(s, a, e);
	if (on && capture_unfollow(s, e) < 0)
		rc = -1;
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, on, NULL);
	return rc;
}

/* ---- columns */

/* In which word of the mask's text the place p is: words are separated by
 * "||','||(", and names stand in double quotes. */
static int word_at(const char *text, const char *p)
{
	static const char border[] = "||','||(";
	bool quoted = false;
	int word = 0;

	for (; text < p; text++) {
		quoted ^= *text == '"';
		word += !quoted &&
		    !strncmp(text, border, sizeof(border) - 1);
	}
	return word;
}

/* The register under which the update trigger has the column; -1: it does not
 * know it.  The trigger names each column in one way only, and its bit stands
 * behind.  A renamed column is there under its new name, since SQLite changes
 * the names in triggers, but with the bit of the old. */
static int trigger_register(const char *text, const char *name)
{
	char *q = db_quote(name);
	char *probe = fs_format("typeof(OLD.%s)<>typeof(NEW.%s) THEN ", q, q);
	const char *at = strcasestr(text, probe);
	unsigned long long bit = at ? strtoull(at + strlen(probe), NULL, 10)
				    : 0;
	int reg = -1;

	if (bit)
		reg = word_at(text, at) * MASK_BITS + __builtin_ctzll(bit);
	free(probe);
	free(q);
	return reg;
}

/* The column is new here: log who has a value in it, place what waited. */
static int take_column(struct store *s, struct table *t, int i, int from,
    struct err *e)
{
	struct arrival a = {t, i, from, NULL};
	char *sql = fs_format("SELECT EXISTS(SELECT 1 FROM dialsync_aside"
	    " WHERE t = %lld AND r = %d)", (long long)t->id, REG_COLUMN + i);
	int64_t parked = 0;
	int rc = db_int(s->db, sql, 0, &parked, e);

	free(sql);
	if (rc < 0)
		return -1;
	if (!parked)
		return log_column(s, t, i, e);
	a.frags = calloc(FRAGS_MAX, sizeof(*a.frags));
	if (!a.frags)
		return err_set(e, ERR_SYSTEM, "out of memory");
	rc = log_column_rows(s, &a, e);
	if (rc == 0)
		rc = place_parked(s, &a, e);
	free(a.frags);
	return rc;
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
		int reg = trigger_register(old, c->name);

		/* A name that the registry has is new only if the triggers
		 * did not know it as this register: it waited. */
		if (!c->present || c->keypos || (i < before &&
		    (!*old || reg == REG_COLUMN + i)))
			continue;
		if (take_column(s, t, i, reg < REG_COLUMN ? -1 : reg, e) < 0)
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

int capture_trouble_set(struct store *s, const char *table, const char *text,
    struct err *e)
{
	if (!text)
		return db_execf(s->db, e, "DELETE FROM dialsync_meta WHERE"
		    " k = '" CAPTURE_META_TROUBLE "' || lower(%Q)", table);
	return db_execf(s->db, e, "INSERT OR REPLACE INTO dialsync_meta"
	    " VALUES('" CAPTURE_META_TROUBLE "' || lower(%Q), %Q)", table,
	    text);
}

/* Tell it now, and keep it to be told again. */
static int trouble(struct store *s, const char *table, const struct warner *w,
    struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
static int trouble(struct store *s, const char *table, const struct warner *w,
    struct err *e, const char *fmt, ...)
{
	va_list ap;
	char text[ERR_TEXT_MAX];

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (w->warn)
		w->warn(w->arg, text);
	return capture_trouble_set(s, table, text, e);
}

int capture_trouble(struct store *s,
    void (*warn)(void *arg, const char *text), void *arg, struct err *e)
{
	int64_t now, seen, tracked;
	sqlite3_stmt *st;
	int rc;

	if (db_int(s->db, "SELECT count(*) FROM dialsync_table WHERE tracked"
	    " AND name <> '" TABLE_CONFLICT "'", 0, &tracked, e) < 0 ||
	    db_int(s->db, "PRAGMA schema_version", 0, &now, e) < 0 ||
	    store_meta_int(s, META_SCHEMA, -1, &seen, e) < 0)
		return -1;
	if (!tracked)
		warn(arg, "no table is tracked, so no change is logged; run"
		    " \"dialsync track --all\"");
	if (now != seen)
		return 0;
	st = db_prepare(s->db, "SELECT v FROM dialsync_meta WHERE k GLOB '"
	    CAPTURE_META_TROUBLE "*' ORDER BY k", false, e);
	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1)
		warn(arg, (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	return rc;
}

/* A table that is tracked and gone: dropped, or renamed with its triggers. */
static int warn_gone(struct store *s, const struct table *t,
    const struct warner *w, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e,
	    "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger'"
	    " AND name = 'dialsync_%lld_insert'", (long long)t->id);
	char *to;
	int rc;

	if (!st)
		return -1;
	rc = db_step(st, e);
	to = rc == 1 ? fs_format("%s",
	    (const char *)sqlite3_column_text(st, 0)) : NULL;
	sqlite3_finalize(st);
	if (to)
		rc = trouble(s, t->name, w, e, "table %s was renamed to %s;"
		    " its changes do not travel; rename it at every site and"
		    " run \"dialsync track %s\"", t->name, to, to);
	else if (rc == 0)
		rc = trouble(s, t->name, w, e, "table %s is tracked, but the"
		    " database has no such table; changes that come for it are"
		    " kept; make the table again and run \"dialsync track"
		    " %s\", or run \"dialsync untrack %s\"", t->name, t->name,
		    t->name);
	free(to);
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
	if (n == 0 && !ours)
		return trouble(s, name, w, e, "table %s has lost its triggers,"
		    " as a table does that is made anew: its changes are not"
		    " logged; run \"dialsync track %s\"", name, name);
	if (capture_trouble_set(s, name, NULL, e) < 0 ||
	    capture_trigger_text(s, t->id, &old, e) < 0)
		return -1;
	/* first, since a renamed key column has to be registered */
	rc = capture_take_columns(s, &t, old, e);
	free(old);
	if (rc < 0)
		return -1;
	if (!t->present)
		return trouble(s, name, w, e, "table %s has no primary key now"
		    " that its rows could be told apart by; its changes do not"
		    " travel", name);
	if (capture_trigger_sync(s, t, &why) < 0)
		return trouble(s, name, w, e, "%s; run \"dialsync track %s\"",
		    why.text, name);
	return 0;
}

/* A table that cannot be tracked is told once. */
static int refuse_once(struct store *s, const char *name, const char *why,
    const struct warner *w, struct err *e)
{
	char *key = fs_format(CAPTURE_META_REFUSED "%s", name);
	int64_t told = 0;
	int rc = store_meta_int(s, key, 0, &told, e);

	if (rc == 0 && !told) {
		warnf(w, "%s", why);
		rc = store_meta_set_int(s, key, 1, e);
	}
	free(key);
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
	if (why.kind == ERR_DATA || why.kind == ERR_USAGE)
		return refuse_once(s, name, why.text, w, e);
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

	/* virtual tables and what stands behind them: nobody would track those
	 * by name either */
	st = db_prepare(s->db, "SELECT name FROM pragma_table_list m WHERE"
	    " m.schema = 'main' AND type = 'table'"
	    " AND name NOT GLOB 'sqlite_*'"
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
