#include "config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "capture/capture_p.h"

/* The text of the triggers.  They run inside every program that writes to the
 * table, whatever SQLite it was built with, so they use only SQL of 3.8.2 and
 * do as little as they can: one row for the log a changed row.
 *
 * A row REPLACE evicts through a UNIQUE index leaves without a trigger, so
 * BEFORE triggers log the keys that the new row would evict.  The fold looks
 * whether they are gone, so one key too many costs only that look.
 *
 * Measured (100,000 rows of 13 columns, one transaction, CPU time, without
 * triggers 0.40 s for inserts and 0.32 s for updates of one field): insert
 * 0.55; update 0.72 with the bits shifted and or'ed, 0.66 with the sum of
 * CASEs used here, 0.61 without typeof() (which misses 1 to 1.0), 0.47 with
 * one trigger a column, but then a statement that changes five fields logs
 * five rows, and one that sets all columns takes 0.87. */

static const char now[] = "strftime('%s','now')";

/* Append a name as an identifier. */
static void put_name(struct buf *b, const char *name)
{
	buf_addc(b, '"');
	for (; *name; name++) {
		if (*name == '"')
			buf_addc(b, '"');
		buf_addc(b, *name);
	}
	buf_addc(b, '"');
}

/* Append OLD."name" or NEW."name". */
static void put_ref(struct buf *b, const char *row, const char *name)
{
	buf_addf(b, "%s.", row);
	put_name(b, name);
}

static const struct column *key_column(const struct table *t, int i)
{
	return &t->cols[t->key[i]];
}

static const char *coll_name(enum collation coll)
{
	return coll == COLL_NOCASE ? "NOCASE" :
	    coll == COLL_RTRIM ? "RTRIM" : "BINARY";
}

/* " COLLATE name", and nothing for NULL. */
static void put_collate(struct buf *b, const char *coll)
{
	if (!coll)
		return;
	buf_adds(b, " COLLATE ");
	put_name(b, coll);
}

/* "CREATE TRIGGER dialsync_ID_what WHEN ON table" up to its conditions; the
 * caller adds [WHEN ...] and the body.  of: columns, or NULL. */
static void put_head(struct buf *b, const struct table *t, const char *what,
    const char *event, const struct buf *of)
{
	buf_addf(b, "CREATE TRIGGER dialsync_%lld_%s %s", (long long)t->id,
	    what, event);
	if (of && of->n)
		buf_addf(b, " OF %s", buf_str(of));
	buf_adds(b, " ON ");
	put_name(b, t->name);
}

/* "INSERT INTO dialsync_log(t,m,w,k1,...)" */
static void put_insert(struct buf *b, const struct table *t)
{
	buf_adds(b, "INSERT INTO dialsync_log(t,m,w");
	for (int i = 0; i < t->nkey; i++)
		buf_addf(b, ",k%d", i + 1);
	buf_addc(b, ')');
}

/* One statement that logs code for the key of row (OLD or NEW). */
static void put_log(struct buf *b, const struct table *t, const char *code,
    const char *row)
{
	put_insert(b, t);
	buf_addf(b, " VALUES(%lld,%s,%s", (long long)t->id, code, now);
	for (int i = 0; i < t->nkey; i++) {
		buf_addc(b, ',');
		put_ref(b, row, key_column(t, i)->name);
	}
	buf_adds(b, ");");
}

/* A condition: the key is the same, as its own collation sees it; or not. */
static void put_key_same(struct buf *b, const struct table *t, bool same)
{
	for (int i = 0; i < t->nkey; i++) {
		const struct column *c = key_column(t, i);

		if (i)
			buf_adds(b, same ? " AND " : " OR ");
		put_ref(b, "OLD", c->name);
		buf_adds(b, same ? " IS " : " IS NOT ");
		put_ref(b, "NEW", c->name);
		put_collate(b, coll_name(c->coll));
	}
}

/* A condition: any bit of this column's value changed.  Plain IS NOT would
 * follow the column's collation and miss 1 to 1.0. */
static void put_changed(struct buf *b, const char *name)
{
	put_ref(b, "OLD", name);
	buf_adds(b, " COLLATE BINARY IS NOT ");
	put_ref(b, "NEW", name);
	buf_adds(b, " OR typeof(");
	put_ref(b, "OLD", name);
	buf_adds(b, ")<>typeof(");
	put_ref(b, "NEW", name);
	buf_addc(b, ')');
}

/* Begin the term of one register in the sum of its word. */
static void put_bit(struct buf *b, bool *first)
{
	buf_addf(b, "%s\nCASE WHEN ", *first ? "" : "+");
	*first = false;
}

static void put_bit_end(struct buf *b, int reg)
{
	buf_addf(b, " THEN %llu ELSE 0 END",
	    1ULL << (reg % MASK_BITS));
}

/* The registers of one word as a sum of CASEs. */
static void put_word(struct buf *b, const struct table *t, int word)
{
	bool first = true;

	if (word == 0 && !t->rowid_key) {
		put_bit(b, &first);
		for (int i = 0; i < t->nkey; i++) {
			if (i)
				buf_adds(b, " OR ");
			put_changed(b, key_column(t, i)->name);
		}
		put_bit_end(b, REG_SPELLING);
	}
	for (int i = 0; i < t->ncols; i++) {
		const struct column *c = &t->cols[i];
		int reg = REG_COLUMN + i;

		/* the key's columns travel as the key and its spelling */
		if (reg / MASK_BITS != word || !c->present || c->keypos)
			continue;
		put_bit(b, &first);
		put_changed(b, c->name);
		put_bit_end(b, reg);
	}
	if (first)
		buf_addc(b, '0');
}

/* The set of changed registers: an integer, or text of its words. */
static void put_mask(struct buf *b, const struct table *t)
{
	if (t->words <= 1) {
		put_word(b, t, 0);
		return;
	}
	for (int w = 0; w < t->words; w++) {
		buf_adds(b, w ? "||','||(" : "(");
		put_word(b, t, w);
		buf_addc(b, ')');
	}
}

/* Names under which UPDATE may set an INTEGER PRIMARY KEY beside its own:
 * UPDATE OF compares names as they stand in the statement. */
#define ROWID_NAMES "rowid,oid,_rowid_"

/* A row that changed under the same key. */
static void put_update(struct buf *b, const struct table *t)
{
	struct buf mask = BUF_INIT(SIZE_MAX);

	put_mask(&mask, t);
	put_head(b, t, "update", "AFTER UPDATE", NULL);
	buf_adds(b, "\nWHEN ");
	put_key_same(b, t, true);
	buf_adds(b, "\nBEGIN ");
	put_log(b, t, buf_str(&mask), "NEW");
	buf_adds(b, " END");
	b->failed |= mask.failed;
	buf_free(&mask);
}

/* A changed key: few statements set one, and UPDATE OF keeps this trigger out
 * of all others. */
static void put_key_change(struct buf *b, const struct table *t)
{
	struct buf of = BUF_INIT(SIZE_MAX);

	for (int i = 0; i < t->nkey; i++) {
		if (i)
			buf_addc(&of, ',');
		put_name(&of, key_column(t, i)->name);
	}
	if (t->rowid_key)
		buf_adds(&of, "," ROWID_NAMES);
	put_head(b, t, "key", "AFTER UPDATE", &of);
	buf_adds(b, "\nWHEN ");
	put_key_same(b, t, false);
	buf_adds(b, "\nBEGIN ");
	put_log(b, t, "-2", "OLD");
	buf_addc(b, ' ');
	put_log(b, t, "-1", "NEW");
	buf_adds(b, " END");
	b->failed |= of.failed;
	buf_free(&of);
}

/* Every row that came, or every one that went. */
static void put_life(struct buf *b, const struct table *t, bool birth)
{
	put_head(b, t, birth ? "insert" : "delete",
	    birth ? "AFTER INSERT" : "AFTER DELETE", NULL);
	buf_adds(b, "\nBEGIN ");
	put_log(b, t, birth ? "-1" : "-2", birth ? "NEW" : "OLD");
	buf_adds(b, " END");
}

/* Is the expression nothing but one quoted name?  Then name gets it. */
static bool one_name(const char *expr, struct buf *name)
{
	buf_reset(name);
	if (*expr != '"')
		return false;
	for (const char *s = expr + 1; *s; s++) {
		if (*s == '"' && *++s != '"')
			return *s == '\0';
		buf_addc(name, *s);
	}
	return false;
}

static const struct column *find_column(const struct table *t,
    const char *name)
{
	for (int i = 0; i < t->ncols; i++)
		if (t->cols[i].present && !strcasecmp(t->cols[i].name, name))
			return &t->cols[i];
	return NULL;
}

static bool is_rowid(const char *expr)
{
	return !strcasecmp(expr, "rowid") || !strcasecmp(expr, "oid") ||
	    !strcasecmp(expr, "_rowid_");
}

/* May NULL become something else in the new row?  OR REPLACE puts the default
 * where NOT NULL meets NULL, and it does so after the BEFORE triggers ran. */
static bool may_default(const struct column *c)
{
	return c->present && c->notnull && c->dflt;
}

/* The value of a plain column, compared with that column, whose affinity and
 * collation hold. */
static void put_new_column(struct buf *b, const struct column *c)
{
	bool dflt = may_default(c);

	buf_adds(b, dflt ? "ifnull(" : "");
	put_ref(b, "NEW", c->name);
	if (dflt)
		buf_addf(b, ",(%s))", c->dflt);
}

/* The default as the column will store it.  CAST would make 2026 of a time in
 * a column of numbers; what its comparison finds equal is the number. */
static void put_stored_default(struct buf *b, const struct column *c)
{
	const char *to = strcmp(c->affinity, "REAL") ? "INTEGER" : "REAL";

	if (strcmp(c->affinity, "BLOB") == 0)
		buf_addf(b, "(%s)", c->dflt);
	else if (strcmp(c->affinity, "TEXT") == 0)
		buf_addf(b, "CAST((%s) AS TEXT)", c->dflt);
	else
		buf_addf(b, "(SELECT CASE WHEN x=CAST(x AS %s)"
		    " THEN CAST(x AS %s) WHEN x=CAST(x AS NUMERIC)"
		    " THEN CAST(x AS NUMERIC) ELSE x END"
		    " FROM (SELECT (%s) AS x))", to, to, c->dflt);
}

/* How the new row's columns are written. */
enum new_row {
	NEW_PLAIN,   /* NEW.a: it has the column's collation, no affinity */
	NEW_TYPED,   /* CAST: with both; where it leaves the value as it is */
	NEW_DEFAULT  /* ifnull(): where a NULL is to become a default */
};

static const char *cast_type(const struct column *c)
{
	return strcmp(c->affinity, "INTEGER") ? c->affinity : "NUMERIC";
}

static bool has_affinity(const struct column *c)
{
	return c->present && strcmp(c->affinity, "BLOB") != 0;
}

static void put_row_column(struct buf *b, const struct column *c,
    enum new_row how)
{
	bool cast = how == NEW_TYPED && has_affinity(c);
	bool dflt = how == NEW_DEFAULT && may_default(c);

	buf_adds(b, cast ? "CAST(" : dflt ? "ifnull(" : "");
	put_ref(b, "NEW", c->name);
	if (cast)
		buf_addf(b, " AS %s)", cast_type(c));
	if (dflt) {
		buf_addc(b, ',');
		put_stored_default(b, c);
		buf_addc(b, ')');
	}
}

/* "FROM (SELECT NEW.a AS a, ...)": the new row as a table of one row, so that
 * an index's own text, which never qualifies a name, can be asked about it. */
static void put_new_row(struct buf *b, const struct capture_def *d,
    enum new_row how)
{
	const struct table *t = d->table;
	bool first = true;

	buf_adds(b, " FROM (SELECT ");
	for (int i = 0; i < t->ncols + d->ngenerated; i++) {
		const char *name = i < t->ncols ? t->cols[i].name :
		    d->generated[i - t->ncols];

		if (i < t->ncols && !t->cols[i].present)
			continue;
		buf_adds(b, first ? "" : ",");
		first = false;
		if (i < t->ncols)
			put_row_column(b, &t->cols[i], how);
		else
			put_ref(b, "NEW", name);
		buf_adds(b, " AS ");
		put_name(b, name);
	}
	buf_adds(b, ") AS dialsync_n");
}

/* Does the text compare, so that affinity matters? */
static bool compares(const char *text)
{
	return strpbrk(text, "=<>") || capture_text_names(text, "IN") ||
	    capture_text_names(text, "BETWEEN") ||
	    capture_text_names(text, "CASE");
}

/* The condition under which the text is asked of a row written that way.
 * false: there is none, it need not be. */
static bool put_how(struct buf *b, const struct table *t, const char *text,
    enum new_row how)
{
	int n = 0;

	for (int i = 0; i < t->ncols; i++) {
		const struct column *c = &t->cols[i];

		if (!(how == NEW_DEFAULT ? may_default(c) : has_affinity(c)) ||
		    !capture_text_names(text, c->name))
			continue;
		if (n++)
			buf_adds(b, how == NEW_DEFAULT ? " OR " : " AND ");
		else
			buf_adds(b, " WHEN ");
		if (how == NEW_TYPED)
			buf_adds(b, "typeof(");
		put_ref(b, "NEW", c->name);
		buf_adds(b, how == NEW_DEFAULT ? " IS NULL" :
		    strcmp(c->affinity, "TEXT") == 0 ? ")<>'blob'" :
		    ") NOT IN('text','blob')");
	}
	return n > 0;
}

static void put_text_of(struct buf *b, const struct capture_def *d,
    const char *text, enum new_row how)
{
	buf_addf(b, "(SELECT (%s)", text);
	put_new_row(b, d, how);
	buf_addc(b, ')');
}

/* What a text of the index makes of the new row. */
static void put_asked(struct buf *b, const struct capture_def *d,
    const char *text)
{
	struct buf cases = BUF_INIT(SIZE_MAX);

	if (put_how(&cases, d->table, text, NEW_DEFAULT)) {
		buf_adds(&cases, " THEN ");
		put_text_of(&cases, d, text, NEW_DEFAULT);
	}
	if (compares(text) && put_how(&cases, d->table, text, NEW_TYPED)) {
		buf_adds(&cases, " THEN ");
		put_text_of(&cases, d, text, NEW_TYPED);
	}
	if (cases.n)
		buf_addf(b, "(CASE%s ELSE ", buf_str(&cases));
	put_text_of(b, d, text, NEW_PLAIN);
	if (cases.n)
		buf_adds(b, " END)");
	b->failed |= cases.failed;
	buf_free(&cases);
}

/* The value that the new row will have for one expression of the index. */
static void put_new_value(struct buf *b, const struct capture_def *d,
    const char *expr, struct buf *name)
{
	const struct column *c;

	if (!one_name(expr, name)) {
		if (is_rowid(expr)) {
			buf_addf(b, "NEW.%s", expr);
			return;
		}
		put_asked(b, d, expr);
		return;
	}
	c = find_column(d->table, buf_str(name));
	if (c)
		put_new_column(b, c);
	else
		buf_addf(b, "NEW.%s", expr);
}

/* Columns of the index, for UPDATE OF; empty when any statement may matter: an
 * expression or the WHERE of the index may speak of any column. */
static void put_of(struct buf *of, const struct table *t,
    const struct capture_unique *u, struct buf *name)
{
	bool rowid = false;

	if (u->where)
		return;
	for (int i = 0; i < u->nexprs; i++) {
		const struct column *c;

		if (is_rowid(u->exprs[i])) {
			rowid = true;
			continue;
		}
		c = one_name(u->exprs[i], name) ?
		    find_column(t, buf_str(name)) : NULL;
		if (!c) {
			buf_reset(of);
			return;
		}
		if (c->keypos && t->rowid_key)
			rowid = true;
		if (of->n)
			buf_addc(of, ',');
		buf_adds(of, u->exprs[i]);
	}
	if (rowid)
		buf_addf(of, "%s" ROWID_NAMES, of->n ? "," : "");
}

/* The condition under which the trigger has to look at all. */
static void put_when(struct buf *b, const struct capture_def *d,
    const struct capture_unique *u, bool update, bool plain)
{
	if (u->where) {
		/* a new row that the index leaves out evicts nothing; and
		 * what guards the expressions from bad values guards them
		 * here too */
		buf_adds(b, "\nWHEN ");
		put_asked(b, d, u->where);
	} else if (update && plain) {
		for (int i = 0; i < u->nexprs; i++) {
			buf_addf(b, "%sOLD.%s IS NOT NEW.%s",
			    i ? " OR " : "\nWHEN ", u->exprs[i], u->exprs[i]);
			put_collate(b, u->colls ? u->colls[i] : NULL);
		}
	} else if (!update && u->nexprs == 1 && is_rowid(u->exprs[0])) {
		/* -1: SQLite will choose one that is free */
		buf_addf(b, "\nWHEN NEW.%s<>-1", u->exprs[0]);
	}
}

/* "SELECT key FROM t WHERE index's values = new values".
 *
 * The index's WHERE is asked of the row that is there, too: without it the
 * planner cannot use a partial index and each insert would read the whole
 * table (EXPLAIN QUERY PLAN: SCAN without, SEARCH ... USING INDEX with it).
 * No row is missed by that.  Only rows inside the index can be evicted, and a
 * row that enters it after this trigger ran does so by an INSERT or UPDATE
 * that is logged itself. */
static void put_candidates(struct buf *b, const struct capture_def *d,
    const struct capture_unique *u, bool update, struct buf *name)
{
	const struct table *t = d->table;

	put_insert(b, t);
	buf_addf(b, "\nSELECT %lld,0,%s", (long long)t->id, now);
	for (int i = 0; i < t->nkey; i++) {
		buf_addc(b, ',');
		put_name(b, key_column(t, i)->name);
	}
	buf_adds(b, " FROM ");
	put_name(b, t->name);
	/* a table of such a name would hide the row that it means */
	if (!strcasecmp(t->name, "new") || !strcasecmp(t->name, "old"))
		buf_adds(b, " AS dialsync_t");
	for (int i = 0; i < u->nexprs; i++) {
		bool named = is_rowid(u->exprs[i]) ||
		    one_name(u->exprs[i], name);

		buf_adds(b, i ? "\nAND " : "\nWHERE ");
		buf_addf(b, named ? "%s=" : "(%s)=", u->exprs[i]);
		put_new_value(b, d, u->exprs[i], name);
		put_collate(b, u->colls ? u->colls[i] : NULL);
	}
	if (u->where)
		buf_addf(b, "\nAND (%s)", u->where);
	if (update) {
		buf_adds(b, "\nAND NOT (");
		for (int i = 0; i < t->nkey; i++) {
			const struct column *c = key_column(t, i);

			buf_adds(b, i ? " AND " : "");
			put_name(b, c->name);
			buf_adds(b, " IS ");
			put_ref(b, "OLD", c->name);
			put_collate(b, coll_name(c->coll));
		}
		buf_addc(b, ')');
	}
	buf_addc(b, ';');
}

/* One BEFORE trigger of a unique index. */
static void put_unique(struct buf *b, const struct capture_def *d, int n,
    bool update)
{
	const struct capture_unique *u = &d->unique[n];
	struct buf of = BUF_INIT(SIZE_MAX), name = BUF_INIT(SIZE_MAX);
	char what[32];

	put_of(&of, d->table, u, &name);
	snprintf(what, sizeof(what), "u%d_%s", n + 1,
	    update ? "update" : "insert");
	put_head(b, d->table, what, update ? "BEFORE UPDATE" : "BEFORE INSERT",
	    update ? &of : NULL);
	put_when(b, d, u, update, of.n > 0);
	buf_adds(b, "\nBEGIN ");
	put_candidates(b, d, u, update, &name);
	buf_adds(b, " END");
	b->failed |= of.failed || name.failed;
	buf_free(&of);
	buf_free(&name);
}

int capture_trigger_count(const struct capture_def *d)
{
	return 4 + 2 * d->nunique;
}

void capture_trigger(const struct capture_def *d, int i, struct buf *out)
{
	if (i < 2)
		put_life(out, d->table, i == 0);
	else if (i == 2)
		put_update(out, d->table);
	else if (i == 3)
		put_key_change(out, d->table);
	else
		put_unique(out, d, (i - 4) / 2, i % 2);
}

void capture_triggers(const struct capture_def *d, struct buf *out)
{
	for (int i = 0; i < capture_trigger_count(d); i++) {
		if (i)
			buf_adds(out, ";\n");
		capture_trigger(d, i, out);
	}
}
