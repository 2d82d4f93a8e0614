#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "capture/capture_p.h"
#include "store/key.h"
#include "store/row.h"

/* What capture does when the schema has moved.  Tables and columns come and go
 * by plain SQL of anyone; nobody tells us, but table_schema() does. */

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

/* Log every row of a table as born. */
static int log_all(struct store *s, const struct table *t, struct err *e)
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

/* Log every row as edited in column i: the names of columns were exchanged. */
static int log_exchanged(struct store *s, const struct table *t, int i,
    struct err *e)
{
	struct buf b = BUF_INIT(SIZE_MAX), code = BUF_INIT(SIZE_MAX);
	int rc;

	put_one_register(&code, t, REG_COLUMN + i);
	put_log_rows(&b, t, buf_str(&code));
	rc = db_exec(s->db, buf_str(&b), e);
	buf_free(&b);
	buf_free(&code);
	return rc;
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
	bool all;        /* whatever the rows have in it */
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

/* May the parked value be placed over the row's? */
static bool may_place(const struct arrival *a, const struct value *here,
    bool untouched, const struct value *parked)
{
	return a->all || untouched || value_same(here, parked);
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

int capture_log_register(struct store *s, const struct table *t,
    const struct value *key, int reg, struct err *e)
{
	struct value cols[16];
	struct buf code = BUF_INIT(SIZE_MAX);
	int rc = 0;

	put_one_register(&code, t, reg);
	if (key_split(t, key, cols))
		rc = log_row(s, t, buf_str(&code), cols, e);
	buf_free(&code);
	return rc;
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
			keep = may_place(a, &here, false, &parked);
		if (keep < 0 || (keep == 0 &&
			log_row(s, a->t, buf_str(&code), cols, e) < 0))
			rc = -1;
	}
	sqlite3_finalize(st);
	buf_free(&code);
	buf_free(&scratch);
	return rc;
}

/* Set the column in the row that st has read.  A key's column is its spelling,
 * which is set as a whole. */
static int set_column(struct store *s, const struct arrival *a,
    const struct value *key, sqlite3_stmt *st, const struct value *v,
    struct err *e)
{
	struct table *t = a->t;
	struct value *values = calloc((size_t)t->ncols, sizeof(*values));
	uint64_t set[MASK_WORDS] = {0};
	int rc;

	if (!values)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (int k = 0; k < t->nkey; k++)
		db_column(st, k, &values[t->key[k]]);
	values[a->i] = *v;
	mask_set(set, table_reg(t, a->i));
	rc = row_update(s, t, key, set, values, e);
	free(values);
	return rc;
}

/* Place one parked value.  A row that has a value of its own by now keeps it:
 * the fold makes a conflict of the two.  What a constraint refuses stays, and
 * the row is held until the applier finds a place for it. */
static int place_one(struct store *s, const struct arrival *a,
    const struct value *key, const struct value *v, struct err *e)
{
	struct table *t = a->t;
	struct value cols[16], here;
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
		rc = may_place(a, &here, sqlite3_column_int(st, t->nkey + 1),
		    v);
	}
	if (rc == 1)
		rc = set_column(s, a, key, st, v, e);
	sqlite3_finalize(st);
	if (rc == ROW_REFUSED || rc == ROW_TAKEN)
		rc = held_new(s, t, key, e->text, e) < 0 ? -1
		    : store_meta_set_int(s, HELD_META_RETRY, 1, e);
	else if (rc == ROW_PLACED)
		rc = aside_drop(s, t, key, REG_COLUMN + a->i, e);
	return rc < 0 ? -1 : 0;
}

/* Does the log's entry set the register? */
static bool entry_sets(sqlite3_stmt *st, int reg)
{
	const char *p;

	if (sqlite3_column_type(st, 0) == SQLITE_INTEGER) {
		int64_t m = sqlite3_column_int64(st, 0);

		return m == LOG_BIRTH || (m > 0 && reg < MASK_BITS &&
		    (m >> reg & 1));
	}
	p = (const char *)sqlite3_column_text(st, 0);
	for (int w = 0; p && w < reg / MASK_BITS; w++) {
		p = strchr(p, ',');
		p = p ? p + 1 : NULL;
	}
	return p && (strtoull(p, NULL, 10) >> reg % MASK_BITS & 1);
}

/* Rows that an application has written the column of, and the log still says
 * so: what is in the table there has no version yet, and the fold, which comes
 * next, makes a conflict of it and what was parked. */
static int list_pending(struct store *s, const struct arrival *a,
    struct err *e)
{
	struct buf scratch = BUF_INIT(SIZE_MAX);
	sqlite3_stmt *put = NULL, *st = NULL;
	struct value cols[16], key;
	/* not dropped: the caller may be reading, which locks the schema */
	int rc = db_exec(s->db, "CREATE TEMP TABLE IF NOT EXISTS"
	    " dialsync_pending(k PRIMARY KEY);"
	    " DELETE FROM temp.dialsync_pending", e);

	if (rc == 0)
		put = db_prepare(s->db, "INSERT OR IGNORE INTO"
		    " temp.dialsync_pending VALUES(?)", false, e);
	if (put)
		st = db_preparef(s->db, e, "SELECT m, l.* FROM dialsync_log l"
		    " WHERE t = %lld", (long long)a->t->id);
	rc = st ? 1 : -1;
	while (rc == 1 && (rc = db_step(st, e)) == 1) {
		/* seq, t, m, w are before the key */
		for (int i = 0; i < a->t->nkey; i++)
			db_column(st, 5 + i, &cols[i]);
		buf_reset(&scratch);
		if (!entry_sets(st, REG_COLUMN + a->i) ||
		    !key_make(a->t, cols, &scratch, &key))
			continue;
		db_bind(put, 1, &key);
		if (db_run(put, e) < 0)
			rc = -1;
	}
	sqlite3_finalize(st);
	sqlite3_finalize(put);
	buf_free(&scratch);
	return rc;
}

/* The next parked value of a register behind *key: 1, 0, -1.  Both stay valid
 * until *st is finalized. */
static int next_parked(struct store *s, const struct table *t, int reg,
    const struct value *after, sqlite3_stmt **st, struct value *key,
    struct value *v, struct err *e)
{
	int rc;

	*st = db_preparef(s->db, e, "SELECT k, v FROM dialsync_aside"
	    " WHERE t = %lld AND r = %d %s AND NOT EXISTS(SELECT 1 FROM"
	    " temp.dialsync_pending p WHERE p.k = dialsync_aside.k)"
	    " ORDER BY k LIMIT 1", (long long)t->id, reg,
	    after ? "AND k > ?" : "");
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
	int rc = list_pending(s, a, e);

	while (rc == 0 && (rc = next_parked(s, a->t, REG_COLUMN + a->i,
	    last ? &key : NULL, &st, &key, &v, e)) == 1) {
		sqlite3_finalize(last);
		last = st;
		if (place_one(s, a, &key, &v, e) < 0) {
			st = NULL;
			rc = -1;
			break;
		}
		rc = 0;
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
int capture_trigger_register(const char *text, const char *name)
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
static int take_column(struct store *s, struct table *t, int i,
    struct err *e)
{
	struct arrival a = {t, i, false};
	char *sql = fs_format("SELECT EXISTS(SELECT 1 FROM dialsync_aside"
	    " WHERE t = %lld AND r = %d)", (long long)t->id, REG_COLUMN + i);
	int64_t parked = 0;
	int rc = db_int(s->db, sql, 0, &parked, e);

	free(sql);
	if (rc < 0)
		return -1;
	if (!parked)
		return log_column(s, t, i, e);
	rc = log_column_rows(s, &a, e);
	return rc < 0 ? -1 : place_parked(s, &a, e);
}

int capture_place_column(struct store *s, struct table *t, int i,
    struct err *e)
{
	struct arrival a = {t, i, true};

	return place_parked(s, &a, e);
}

int capture_take_columns(struct store *s, struct table **tp, const char *old,
    struct err *e)
{
	struct table *t = *tp;
	/* reading the registry again frees the name that t has */
	char *name = strdup(t->name);
	bool seen = false;
	int rc;

	if (!name)
		return err_set(e, ERR_SYSTEM, "out of memory");
	rc = capture_take_renames(s, &t, old, e);
	if (rc == 0)
		rc = table_register(s, name, &t, e);
	free(name);
	if (rc == 0 && t->present)
		rc = capture_take_key(s, &t, e);
	*tp = t;
	/* at the first look nothing is new */
	for (int i = 0; i < t->ncols; i++)
		seen |= t->cols[i].here != 0;
	for (int i = 0; i < t->ncols && t->present && seen && rc == 0; i++) {
		struct column *c = &t->cols[i];
		int reg = capture_trigger_register(old, c->name);

		if (!c->present || c->keypos)
			continue;
		/* a name that the registry has may be new all the same: peers
		 * had the column before */
		if (!c->here)
			rc = take_column(s, t, i, e);
		else if (reg >= REG_COLUMN && reg != REG_COLUMN + i)
			rc = log_exchanged(s, t, i, e);
	}
	return rc < 0 ? -1 : table_seen(s, t, e);
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
	int64_t tracked;
	sqlite3_stmt *st;
	bool moved;
	int rc;

	if (db_int(s->db, "SELECT count(*) FROM dialsync_table WHERE tracked"
	    " AND name <> '" TABLE_CONFLICT "'", 0, &tracked, e) < 0 ||
	    capture_moved(s, &moved, e) < 0)
		return -1;
	if (!tracked)
		warn(arg, "no table is tracked, so no change is logged; run"
		    " \"dialsync track --all\"");
	if (moved)
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

/* A table that is tracked and gone: dropped, or renamed with its triggers.
 * Then all that is known of it goes with its name: 1; else 0. */
static int gone(struct store *s, struct table **tp, const struct warner *w,
    struct err *e)
{
	struct table *t = *tp;
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
	if (to) {
		char *was = strdup(t->name);

		rc = capture_take_table_name(s, tp, to, e);
		if (rc == 1)
			warnf(w, "table %s is called %s now; until it is"
			    " renamed at the other sites, too, its changes"
			    " wait there", was, to);
		else if (rc == 0)
			rc = trouble(s, was, w, e, "table %s was renamed to"
			    " %s, which was another table before; its changes"
			    " do not travel; run \"dialsync untrack %s\" and"
			    " \"dialsync track %s\"", was, to, was, to);
		free(was);
	} else if (rc == 0)
		rc = trouble(s, t->name, w, e, "table %s is tracked, but the"
		    " database has no such table; changes that come for it are"
		    " kept; make the table again and run \"dialsync track"
		    " %s\", or run \"dialsync untrack %s\"", t->name, t->name,
		    t->name);
	free(to);
	return rc;
}

static int refresh_table(struct store *s, const char *name,
    const struct warner *w, struct err *e)
{
	struct table *t = table_by_name(s, name);
	bool ours = !strcasecmp(name, TABLE_CONFLICT);
	struct err why = ERR_INIT;
	int64_t here, n;
	char *old, *sql, *odd;
	int rc;

	sql = sqlite3_mprintf("SELECT count(*) FROM sqlite_master WHERE type ="
	    " 'table' AND name = %Q COLLATE NOCASE", name);
	rc = sql ? db_int(s->db, sql, 0, &here, e) : -1;
	sqlite3_free(sql);
	if (rc < 0 || capture_trigger_has(s, t->id, t->name, &n, e) < 0)
		return -1;
	if (!here) {
		char *now;

		rc = gone(s, &t, w, e);
		if (rc <= 0)
			return rc;
		now = strdup(t->name);
		if (!now)
			abort();
		rc = refresh_table(s, now, w, e);
		free(now);
		return rc;
	}
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
	if (capture_old_name(s, t, &odd, e) < 0)
		return -1;
	if (odd) {
		rc = trouble(s, name, w, e, "table %s: column %s is new, but"
		    " another column was called so before, and peers that have"
		    " not renamed that one mean it; the column does not travel;"
		    " once all sites have renamed it, run \"dialsync track"
		    " %s\" at each, here last", name, odd, name);
		free(odd);
		if (rc < 0)
			return -1;
	}
	if (capture_trigger_sync(s, t, &why) < 0)
		return trouble(s, name, w, e, "%s; run \"dialsync track %s\"",
		    why.text, name);
	return 0;
}

typedef int table_fn(struct store *, const char *name, const struct warner *,
    struct err *);
typedef int refused_fn(struct store *, const char *name, const char *why,
    const struct warner *, struct err *);

/* One table's work, whole or not at all: what a half-way error leaves would be
 * taken for done by the next look.  The others go on. */
static int undoing(struct store *s, const char *name, table_fn *work,
    refused_fn *refused, const struct warner *w, struct err *e)
{
	struct err why = ERR_INIT;

	if (db_exec(s->db, "SAVEPOINT refresh", e) < 0)
		return -1;
	if (work(s, name, w, &why) == 0)
		return db_exec(s->db, "RELEASE refresh", e);
	/* not the table's fault; on a full disk SQLite has rolled back */
	if (sqlite3_get_autocommit(s->db) || why.kind == ERR_SYSTEM ||
	    why.kind == ERR_BUSY || why.kind == ERR_AGAIN) {
		*e = why;
		return -1;
	}
	if (db_exec(s->db, "ROLLBACK TO refresh; RELEASE refresh", e) < 0 ||
	    tables_load(s, e) < 0)
		return -1;
	return refused(s, name, why.text, w, e);
}

/* A tracked table whose new schema cannot be taken. */
static int cannot_take(struct store *s, const char *name, const char *why,
    const struct warner *w, struct err *e)
{
	return trouble(s, name, w, e, "table %s was changed, and dialsync"
	    " cannot follow: %s; its changes may not be logged until"
	    " \"dialsync track %s\" succeeds", name, why, name);
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
	bool known = table_by_name(s, name) != NULL;
	struct table *t = table_by_alias(s, name);

	(void)w;
	if (t && !known)
		return err_set(e, ERR_DATA, "table %s is new, but table %s was"
		    " called so before, and peers that have not renamed it mean"
		    " that one; it is not tracked; once all sites have renamed"
		    " it, run \"dialsync track %s\" at each, here last", name,
		    t->name, name);
	if (capture_track(s, name, e) < 0)
		return -1;
	t = table_by_name(s, name);
	/* peers may have sent rows of it before it was here */
	return known ? capture_reconcile(s, t, true, e) : log_all(s, t, e);
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
		rc = undoing(s, names.p + i, take_new_table, refuse_once, w,
		    e);
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
			rc = undoing(s, names[i], refresh_table, cannot_take, w,
			    e);
		free(names[i]);
	}
	free(names);
	return rc;
}

int capture_moved(struct store *s, bool *moved, struct err *e)
{
	int64_t now, seen;

	if (table_schema(s, &now, e) < 0 ||
	    store_meta_int(s, META_SCHEMA, -1, &seen, e) < 0)
		return -1;
	*moved = now != seen;
	return 0;
}

int capture_refresh(struct store *s,
    void (*warn)(void *arg, const char *text), void *arg, struct err *e)
{
	struct warner w = {warn, arg};
	int64_t now, all;
	bool moved;

	if (db_int(s->db, "PRAGMA schema_version", 0, &now, e) < 0 ||
	    capture_moved(s, &moved, e) < 0)
		return -1;
	if (now == s->schema && !moved)
		return 0;
	if (tables_load(s, e) < 0 || refresh_tables(s, &w, e) < 0 ||
	    store_meta_int(s, CAPTURE_META_ALL, 0, &all, e) < 0)
		return -1;
	if (all && take_new_tables(s, &w, e) < 0)
		return -1;
	/* a rule or an index that held rows may have gone, or have come */
	if (store_meta_set_int(s, HELD_META_RETRY, 1, e) < 0 ||
	    db_int(s->db, "PRAGMA schema_version", 0, &s->schema, e) < 0 ||
	    table_schema(s, &now, e) < 0)
		return -1;
	return store_meta_set_int(s, META_SCHEMA, now, e);
}
