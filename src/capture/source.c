#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "capture/capture_p.h"

/* What the triggers of a table have to know, read from the schema. */

/* One unique index as the pragmas name it. */
struct index_row {
	char *name, *sql; /* owned; sql NULL: a constraint in CREATE TABLE */
	bool partial;
};

static char *copy_text(sqlite3_stmt *st, int col)
{
	const char *p = (const char *)sqlite3_column_text(st, col);
	char *c = p ? strdup(p) : NULL;

	if (p && !c)
		abort();
	return c;
}

/* The array with room for one more member behind its n, cleared. */
static void *grow(void *old, int n, size_t size)
{
	char *array = realloc(old, (size_t)(n + 1) * size);

	if (!array)
		abort();
	memset(array + (size_t)n * size, 0, size);
	return array;
}

static void free_list(const char *const *list, int n)
{
	for (int i = 0; list && i < n; i++)
		free((char *)list[i]);
	free((void *)list);
}

void capture_source_free(struct capture_source *src)
{
	for (int i = 0; i < src->def.nunique; i++) {
		struct capture_unique *u = &src->unique[i];

		free_list(u->exprs, u->nexprs);
		free_list(u->colls, u->nexprs);
		free((char *)u->where);
	}
	free(src->unique);
	free_list((const char *const *)src->generated, src->def.ngenerated);
	memset(src, 0, sizeof(*src));
}

static struct capture_unique *add_unique(struct capture_source *src)
{
	src->unique = grow(src->unique, src->def.nunique,
	    sizeof(*src->unique));
	src->def.unique = src->unique;
	return &src->unique[src->def.nunique++];
}

/* Takes both strings. */
static void add_expr(struct capture_unique *u, char *expr, char *coll)
{
	const char **exprs, **colls;

	exprs = grow((void *)u->exprs, u->nexprs, sizeof(*exprs));
	colls = grow((void *)u->colls, u->nexprs, sizeof(*colls));
	exprs[u->nexprs] = expr;
	colls[u->nexprs] = coll;
	u->exprs = exprs;
	u->colls = colls;
	u->nexprs++;
}

/* The columns and expressions of one index into u. */
static int load_exprs(struct store *s, const struct index_row *row,
    const struct index_text *text, struct capture_unique *u, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e,
	    "SELECT cid, name, coll FROM pragma_index_xinfo(%Q)"
	    " WHERE key = 1 ORDER BY seqno", row->name);
	int rc, i = 0;

	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1) {
		char *expr = NULL;

		if (sqlite3_column_int(st, 0) >= 0) {
			expr = db_quote((const char *)
			    sqlite3_column_text(st, 1));
		} else if (i < text->n) {
			expr = strdup(text->exprs[i]);
			if (!expr)
				abort();
		}
		if (!expr) {
			rc = err_set(e, ERR_DATA, "index %s cannot be read",
			    row->name);
			break;
		}
		add_expr(u, expr, copy_text(st, 2));
		i++;
	}
	sqlite3_finalize(st);
	return rc;
}

static int load_index(struct store *s, struct capture_source *src,
    const struct index_row *row, struct err *e)
{
	struct index_text text = {NULL, 0, NULL};
	struct capture_unique *u = add_unique(src);
	int rc;

	if (row->sql && index_text_parse(row->sql, &text) < 0)
		return err_set(e, ERR_DATA, "index %s: its text in the schema"
		    " cannot be understood: %.200s", row->name, row->sql);
	rc = load_exprs(s, row, &text, u, e);
	if (rc == 0 && row->partial) {
		u->where = text.where;
		text.where = NULL;
		if (!u->where)
			rc = err_set(e, ERR_DATA,
			    "index %s: its WHERE cannot be found", row->name);
	}
	index_text_free(&text);
	return rc;
}

/* An INTEGER PRIMARY KEY is the rowid.  Any other table with rowids can lose a
 * row to REPLACE through that hidden key too; such a table has an index for its
 * primary key.  The name under which the rowid can be had, or NULL. */
static const char *hidden_rowid(struct store *s, const struct table *t)
{
	static const char *const names[] = {"_rowid_", "rowid", "oid"};
	struct err none;

	for (size_t i = 0; i < 3; i++) {
		sqlite3_stmt *st;
		int64_t taken = 1;
		char *sql = sqlite3_mprintf("SELECT count(*) FROM"
		    " pragma_table_xinfo(%Q) WHERE name = %Q COLLATE NOCASE",
		    t->name, names[i]);

		if (sql)
			db_int(s->db, sql, 1, &taken, &none);
		sqlite3_free(sql);
		if (taken)
			continue;
		st = db_preparef(s->db, &none, "SELECT %s FROM \"%w\"",
		    names[i], t->name);
		sqlite3_finalize(st);
		return st ? names[i] : NULL;
	}
	return NULL;
}

static int load_generated(struct store *s, struct capture_source *src,
    const struct table *t, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e, "SELECT name FROM"
	    " pragma_table_xinfo(%Q) WHERE hidden IN (2, 3)", t->name);
	int rc;

	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1) {
		src->generated = grow(src->generated, src->def.ngenerated,
		    sizeof(*src->generated));
		src->generated[src->def.ngenerated++] = copy_text(st, 0);
	}
	sqlite3_finalize(st);
	src->def.generated = (const char *const *)src->generated;
	return rc;
}

/* The names first, since loading each asks further pragmas. */
static int list_indexes(struct store *s, const struct table *t,
    struct index_row **rows, int *n, bool *pk, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e,
	    "SELECT l.name, l.partial, m.sql, l.origin FROM"
	    " pragma_index_list(%Q) l LEFT JOIN sqlite_master m"
	    " ON m.type = 'index' AND m.name = l.name"
	    " WHERE l.\"unique\" ORDER BY l.name", t->name);
	int rc;

	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1) {
		struct index_row *row;
		const char *origin = (const char *)sqlite3_column_text(st, 3);

		if (origin && !strcmp(origin, "pk")) {
			*pk = true;
			continue;
		}
		*rows = grow(*rows, *n, sizeof(**rows));
		row = &(*rows)[(*n)++];
		row->name = copy_text(st, 0);
		row->partial = sqlite3_column_int(st, 1) != 0;
		row->sql = copy_text(st, 2);
	}
	sqlite3_finalize(st);
	return rc;
}

int capture_source_load(struct store *s, const struct table *t,
    struct capture_source *src, struct err *e)
{
	struct index_row *rows = NULL;
	const char *rowid;
	int n = 0, rc;
	bool pk = false;

	memset(src, 0, sizeof(*src));
	src->def.table = t;
	rc = list_indexes(s, t, &rows, &n, &pk, e);
	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = load_index(s, src, &rows[i], e);
		free(rows[i].name);
		free(rows[i].sql);
	}
	free(rows);
	if (rc == 0)
		rc = load_generated(s, src, t, e);
	rowid = rc == 0 && pk ? hidden_rowid(s, t) : NULL;
	if (rowid) {
		char *name = strdup(rowid);

		if (!name)
			abort();
		add_expr(add_unique(src), name, NULL);
		src->unique[src->def.nunique - 1].rowid = true;
	}
	if (rc < 0)
		capture_source_free(src);
	return rc;
}
