/* What unique indexes a table has, and who has a value in them.
 *
 * An index of plain columns is asked with the values.  One with expressions, a
 * WHERE or a generated column is asked with its own text: the row is put into a
 * TEMP table with columns of the same names, affinities and collations, where
 * SQLite itself finds what the row would have in the index. */
#include "config.h"

#include "apply/unique.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "capture/source.h"
#include "store/key.h"

static void unique_free(struct unique *u)
{
	for (int i = 0; i < u->n; i++) {
		sqlite3_finalize(u->index[i].find);
		free(u->index[i].text);
		free(u->index[i].cols);
		free(u->index[i].sql);
	}
	sqlite3_finalize(u->scratch_put);
	free(u->index);
	free(u->scratch_create);
	free(u->scratch_name);
	free(u->scratch_insert);
	free(u);
}

/* A copy of the text that was built; b is freed. */
static char *built(struct buf *b)
{
	char *p = strdup(buf_str(b));

	if (!p || b->failed)
		abort();
	buf_free(b);
	return p;
}

static void add_name(struct buf *b, const char *name)
{
	char *q = db_quote(name);

	buf_adds(b, q);
	free(q);
}

/* ---- one index */

/* The registered column that the index has as quoted text; -1: it is an
 * expression, or a generated column. */
static int plain_column(const struct table *t, const char *expr)
{
	for (int i = 0; i < t->ncols; i++) {
		char *q = db_quote(t->cols[i].name);
		bool same = t->cols[i].present && !strcasecmp(q, expr);

		free(q);
		if (same)
			return i;
	}
	return -1;
}

static void claim_column(struct unique *u, const struct table *t, int i)
{
	if (t->cols[i].present)
		mask_set(u->registers.w, table_reg(t, i));
}

/* The columns that a text speaks of claim; a generated column speaks of any. */
static void claim_text(struct unique *u, const struct capture_source *src,
    const char *text)
{
	const struct table *t = src->def.table;
	bool all = false;

	for (int i = 0; i < src->def.ngenerated; i++)
		all |= capture_text_names(text, src->def.generated[i]);
	for (int i = 0; i < t->ncols; i++)
		if (all || capture_text_names(text, t->cols[i].name))
			claim_column(u, t, i);
}

static void load_index(struct unique *u, const struct capture_source *src,
    const struct capture_unique *from, struct unique_index *to)
{
	const struct table *t = src->def.table;
	struct buf text = BUF_INIT(SIZE_MAX);

	to->yields = -1;
	to->plain = !from->where;
	to->cols = calloc((size_t)from->nexprs, sizeof(*to->cols));
	if (!to->cols)
		abort();
	for (int k = 0; k < from->nexprs; k++) {
		int col = plain_column(t, from->exprs[k]);

		buf_addf(&text, "%s%s", k ? ", " : "", from->exprs[k]);
		if (from->colls[k] && strcasecmp(from->colls[k], "BINARY"))
			buf_addf(&text, " COLLATE %s", from->colls[k]);
		to->plain &= col >= 0;
		to->cols[to->ncols++] = col;
		if (col < 0)
			claim_text(u, src, from->exprs[k]);
		else
			claim_column(u, t, col);
		if (to->yields < 0 && col >= 0 && !t->cols[col].notnull &&
		    !t->cols[col].keypos)
			to->yields = col;
	}
	if (from->where) {
		claim_text(u, src, from->where);
		buf_addf(&text, " WHERE %s", from->where);
	}
	to->text = built(&text);
}

/* "SELECT key FROM t WHERE": the key's columns by name, unqualified, so that
 * the index's own text may follow. */
static void add_select(struct buf *b, const struct table *t)
{
	for (int i = 0; i < t->nkey; i++) {
		buf_adds(b, i ? ", " : "SELECT ");
		add_name(b, t->cols[t->key[i]].name);
	}
	buf_adds(b, " FROM main.");
	add_name(b, t->name);
}

static void add_collate(struct buf *b, const char *coll)
{
	if (!coll)
		return;
	buf_adds(b, " COLLATE ");
	add_name(b, coll);
}

static char *plain_sql(const struct table *t, const struct capture_unique *ix)
{
	struct buf b = BUF_INIT(SIZE_MAX);

	add_select(&b, t);
	for (int k = 0; k < ix->nexprs; k++) {
		buf_addf(&b, "%s%s = ?%d", k ? " AND " : " WHERE ",
		    ix->exprs[k], k + 1);
		add_collate(&b, ix->colls[k]);
	}
	return built(&b);
}

/* The names "dialsync 1" ... cannot be the table's: its own text sees only
 * its own columns. */
static char *text_sql(const struct table *t, const struct capture_unique *ix,
    const char *scratch)
{
	struct buf b = BUF_INIT(SIZE_MAX);

	add_select(&b, t);
	buf_adds(&b, ", (SELECT ");
	for (int k = 0; k < ix->nexprs; k++)
		buf_addf(&b, "%s(%s) AS \"dialsync %d\"", k ? ", " : "",
		    ix->exprs[k], k);
	buf_addf(&b, " FROM temp.%s", scratch);
	if (ix->where)
		buf_addf(&b, " WHERE (%s)", ix->where);
	buf_adds(&b, ") AS \"dialsync\" WHERE ");
	for (int k = 0; k < ix->nexprs; k++) {
		buf_addf(&b, "%s(%s)", k ? " AND " : "", ix->exprs[k]);
		add_collate(&b, ix->colls[k]);
		buf_addf(&b, " = \"dialsync\".\"dialsync %d\"", k);
	}
	if (ix->where)
		buf_addf(&b, " AND (%s)", ix->where);
	return built(&b);
}

static int by_text(const void *a, const void *b)
{
	const struct unique_index *x = a, *y = b;

	return strcmp(x->text, y->text);
}

/* ---- the scratch table */

static void add_column(struct store *s, const struct table *t,
    struct buf *create, const char *name, const char *type, bool strict,
    const char *expr)
{
	const char *coll = NULL;

	add_name(create, name);
	buf_addf(create, " %s", table_affinity(type, strict));
	sqlite3_table_column_metadata(s->db, "main", t->name, name, NULL,
	    &coll, NULL, NULL, NULL);
	add_collate(create, coll);
	if (expr)
		buf_addf(create, " AS (%s)", expr);
}

/* The columns of the scratch table. */
static int scratch_columns(struct store *s, const struct table *t,
    struct buf *create, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e,
	    "SELECT x.name, x.type, x.hidden, m.sql, l.strict"
	    " FROM pragma_table_xinfo(%Q) x, sqlite_master m,"
	    " pragma_table_list(%Q) l WHERE x.hidden <> 1"
	    " AND m.type = 'table' AND m.name = %Q COLLATE NOCASE"
	    " AND l.schema = 'main' ORDER BY x.cid", t->name, t->name,
	    t->name);
	int rc, n = 0;

	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1) {
		const char *name = (const char *)sqlite3_column_text(st, 0);
		char *expr = NULL;

		if (sqlite3_column_int(st, 2) != 0)
			expr = capture_text_generated((const char *)
			    sqlite3_column_text(st, 3), name);
		buf_adds(create, n++ ? ", " : "");
		add_column(s, t, create, name, (const char *)
		    sqlite3_column_text(st, 1), sqlite3_column_int(st, 4),
		    expr);
		free(expr);
	}
	sqlite3_finalize(st);
	return rc;
}

/* The statement that fills it: every registered column that is present. */
static void scratch_values(const struct table *t, struct buf *b)
{
	int n = 0;

	for (int i = 0; i < t->ncols; i++) {
		if (!t->cols[i].present)
			continue;
		buf_adds(b, n++ ? ", " : "(");
		add_name(b, t->cols[i].name);
	}
	for (int i = 0; i < n; i++)
		buf_adds(b, i ? ", ?" : ") VALUES(?");
	buf_adds(b, ")");
}

/* The schema's version is in its name: one of an older schema may be left. */
static int make_scratch(struct store *s, const struct table *t,
    struct unique *u, struct err *e)
{
	struct buf create = BUF_INIT(SIZE_MAX), insert = BUF_INIT(SIZE_MAX);
	int rc;

	buf_addf(&create, "CREATE TEMP TABLE IF NOT EXISTS %s(",
	    u->scratch_name);
	rc = scratch_columns(s, t, &create, e);
	buf_adds(&create, ")");
	buf_addf(&insert, "INSERT INTO temp.%s", u->scratch_name);
	scratch_values(t, &insert);
	u->scratch_create = built(&create);
	u->scratch_insert = built(&insert);
	return rc;
}

/* ---- all of a table's */

static struct unique *load(struct store *s, const struct capture_source *src,
    struct err *e)
{
	const struct table *t = src->def.table;
	struct unique *u = calloc(1, sizeof(*u));
	bool text = false;

	if (!u)
		abort();
	u->index = calloc((size_t)src->def.nunique + 1, sizeof(*u->index));
	if (!u->index)
		abort();
	u->scratch_name = fs_format("dialsync_claim_%lld_%lld",
	    (long long)t->id, (long long)s->schema);
	mask_set(u->registers.w, REG_LIFE);
	for (int i = 0; i < src->def.nunique; i++) {
		const struct capture_unique *from = &src->def.unique[i];
		struct unique_index *to = &u->index[u->n];

		if (from->rowid)
			continue;
		u->n++;
		load_index(u, src, from, to);
		to->sql = to->plain ? plain_sql(t, from)
				    : text_sql(t, from, u->scratch_name);
		text |= !to->plain;
	}
	if (u->n)
		qsort(u->index, (size_t)u->n, sizeof(*u->index), by_text);
	if (text && make_scratch(s, t, u, e) < 0) {
		unique_free(u);
		return NULL;
	}
	return u;
}

const struct unique *unique_of(struct store *s, struct table *t,
    struct err *e)
{
	struct capture_source src;

	if (t->unique)
		return t->unique;
	if (capture_source_load(s, t, &src, e) < 0) {
		/* an index that cannot be understood: whom a row clashes with
		 * is not known then, and it is held whole */
		if (e->kind != ERR_DATA)
			return NULL;
		src.def.table = t;
	}
	t->unique = load(s, &src, e);
	t->unique_free = unique_free;
	capture_source_free(&src);
	return t->unique;
}

/* ---- asking */

static int put_scratch(struct store *s, const struct table *t,
    struct unique *u, const struct value *values, struct err *e)
{
	sqlite3_stmt *st;
	int n = 0;

	/* a rollback takes the table away */
	if (db_exec(s->db, u->scratch_create, e) < 0 ||
	    db_execf(s->db, e, "DELETE FROM temp.%s", u->scratch_name) < 0)
		return -1;
	st = db_slot(s->db, &u->scratch_put, u->scratch_insert, e);
	if (!st)
		return -1;
	for (int i = 0; i < t->ncols; i++)
		if (t->cols[i].present)
			db_bind(st, ++n, &values[i]);
	return db_run(st, e);
}

/* What a statement that failed means: is it the values, or the database? */
static int cannot(const struct err *e)
{
	return e->kind == ERR_CALLER || e->kind == ERR_DATA ? UNIQUE_CANNOT
							    : -1;
}

int unique_holder(struct store *s, const struct table *t,
    const struct unique *cu, int i, const struct value *values,
    struct buf *scratch, struct value *key, struct err *e)
{
	struct unique *u = t->unique; /* cu, with its statements */
	struct unique_index *ix = &u->index[i];
	struct value cols[16];
	sqlite3_stmt *st;
	int rc;

	(void)cu;
	for (int k = 0; ix->plain && k < ix->ncols; k++)
		if (values[ix->cols[k]].type == VALUE_NULL)
			return UNIQUE_FREE;
	if (!ix->plain && put_scratch(s, t, u, values, e) < 0)
		return cannot(e);
	st = db_slot(s->db, &ix->find, ix->sql, e);
	if (!st)
		return cannot(e);
	for (int k = 0; ix->plain && k < ix->ncols; k++)
		db_bind(st, k + 1, &values[ix->cols[k]]);
	rc = db_step(st, e);
	if (rc == 1) {
		for (int k = 0; k < t->nkey; k++)
			db_column(st, k, &cols[k]);
		buf_reset(scratch);
		rc = !key_make(t, cols, scratch, key) ? UNIQUE_NO_KEY
						      : UNIQUE_ROW;
		/* a plain key is borrowed from the statement: keep it */
		if (rc == UNIQUE_ROW && key->p && key->p != scratch->p) {
			buf_add(scratch, key->p, key->n);
			key->p = scratch->p ? scratch->p : "";
		}
	}
	sqlite3_reset(st);
	return rc < 0 ? cannot(e) : rc;
}
