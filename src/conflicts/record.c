/* Records and held rows, read from the database. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conflicts/conflicts.h"
#include "store/key.h"

void *work_alloc(struct work *w, size_t n)
{
	void *p = arena_alloc(&w->arena, n);

	if (!p)
		abort();
	return p;
}

struct value work_copy(struct work *w, const struct value *v)
{
	struct value c = *v;
	char *p;

	if (v->type != VALUE_TEXT && v->type != VALUE_BLOB)
		return c;
	p = work_alloc(w, v->n + 1);
	if (v->n)
		memcpy(p, v->p, v->n);
	p[v->n] = '\0';
	c.p = p;
	return c;
}

static struct text get_text(struct work *w, sqlite3_stmt *st, int i)
{
	struct value v;
	struct text t = {NULL, 0};

	/* as text, whatever a peer put there */
	if (sqlite3_column_type(st, i) == SQLITE_NULL)
		return t;
	sqlite3_column_text(st, i);
	memset(&v, 0, sizeof(v));
	v.type = VALUE_TEXT;
	v.p = (const char *)sqlite3_column_text(st, i);
	v.n = (size_t)sqlite3_column_bytes(st, i);
	v = work_copy(w, &v);
	t.p = v.p;
	t.n = v.n;
	return t;
}

static const char columns[] = "rowid, id, kind, tbl, key, field, row,"
    " lost_site, won_site, bundle, seen_by, settled, settled_by, lost, won,"
    " lost_clock, won_clock, settled_clock";

static void read_record(struct work *w, sqlite3_stmt *st, struct record *r)
{
	struct text *texts[] = {&r->id, &r->kind, &r->tbl, &r->key, &r->field,
	    &r->row, &r->lost_site, &r->won_site, &r->bundle, &r->seen_by,
	    &r->settled, &r->settled_by};
	struct value v;

	r->n = sqlite3_column_int64(st, 0);
	for (int i = 0; i < 12; i++)
		*texts[i] = get_text(w, st, 1 + i);
	db_column(st, 13, &v);
	r->lost = work_copy(w, &v);
	db_column(st, 14, &v);
	r->won = work_copy(w, &v);
	r->lost_clock = sqlite3_column_int64(st, 15);
	r->won_clock = sqlite3_column_int64(st, 16);
	r->settled_clock = sqlite3_column_int64(st, 17);
}

int records_each(struct work *w, bool all,
    int (*fn)(struct work *, const struct record *, void *arg), void *arg,
    struct err *e)
{
	sqlite3_stmt *st = db_preparef(w->s->db, e, "SELECT %s FROM"
	    " dialsync_conflict WHERE %d OR settled IS NULL ORDER BY rowid",
	    columns, all);
	struct record r;
	int rc = st ? 1 : -1;

	while (rc == 1 && (rc = db_step(st, e)) == 1) {
		arena_reset(&w->arena);
		read_record(w, st, &r);
		rc = fn(w, &r, arg) == 0 ? 1 : -1;
	}
	sqlite3_finalize(st);
	return rc;
}

/* The nearest number there is to n, in words. */
static int no_such(struct work *w, const char *prefix, const char *table,
    const char *what, int64_t n, struct err *e)
{
	char *sql = sqlite3_mprintf("SELECT rowid FROM %s ORDER BY"
	    " abs(rowid - %lld), rowid LIMIT 1", table, (long long)n);
	int64_t near;

	if (!sql || db_int(w->s->db, sql, 0, &near, e) < 0) {
		sqlite3_free(sql);
		return -1;
	}
	sqlite3_free(sql);
	if (!near)
		return err_set(e, ERR_USAGE, "there is no %s %s%lld, and no"
		    " other one", what, prefix, (long long)n);
	return err_set(e, ERR_USAGE, "there is no %s %s%lld; the nearest is"
	    " %s%lld; see \"dialsync conflicts list --all\"", what, prefix,
	    (long long)n, prefix, (long long)near);
}

int record_get(struct work *w, int64_t n, struct record *r, struct err *e)
{
	sqlite3_stmt *st = db_preparef(w->s->db, e, "SELECT %s FROM"
	    " dialsync_conflict WHERE rowid = %lld", columns, (long long)n);
	int rc = st ? db_step(st, e) : -1;

	if (rc == 1)
		read_record(w, st, r);
	sqlite3_finalize(st);
	if (rc == 0)
		return no_such(w, "", "dialsync_conflict", "conflict", n, e);
	return rc < 0 ? -1 : 0;
}

/* ---- held rows */

static void read_held(struct work *w, sqlite3_stmt *st, struct held_row *h)
{
	struct table *t;
	struct buf key = BUF_INIT(SIZE_MAX);
	struct value v;

	memset(h, 0, sizeof(*h));
	h->n = sqlite3_column_int64(st, 0);
	h->t = sqlite3_column_int64(st, 1);
	db_column(st, 2, &v);
	h->k = work_copy(w, &v);
	h->kind = get_text(w, st, 3);
	h->why = get_text(w, st, 4);
	h->since = sqlite3_column_int64(st, 5);
	h->tbl = get_text(w, st, 6);
	t = table_by_id(w->s, h->t);
	if (t && t->nkey)
		key_text(t, &h->k, &key);
	v.type = VALUE_TEXT;
	v.p = buf_str(&key);
	v.n = key.n;
	v = work_copy(w, &v);
	h->key.p = (char *)v.p;
	h->key.n = v.n;
	buf_free(&key);
}

static sqlite3_stmt *held_stmt(struct work *w, int64_t n, struct err *e)
{
	return db_preparef(w->s->db, e, "SELECT h.rowid, t, k, kind, why,"
	    " since, d.name FROM dialsync_held h JOIN dialsync_table d"
	    " USING(t) WHERE %d OR h.rowid = %lld ORDER BY h.rowid", n == 0,
	    (long long)n);
}

int helds_each(struct work *w,
    int (*fn)(struct work *, const struct held_row *, void *arg), void *arg,
    struct err *e)
{
	sqlite3_stmt *st = held_stmt(w, 0, e);
	struct held_row h;
	int rc = st ? 1 : -1;

	while (rc == 1 && (rc = db_step(st, e)) == 1) {
		arena_reset(&w->arena);
		read_held(w, st, &h);
		rc = fn(w, &h, arg) == 0 ? 1 : -1;
	}
	sqlite3_finalize(st);
	return rc;
}

int held_row_get(struct work *w, int64_t n, struct held_row *h, struct err *e)
{
	sqlite3_stmt *st = held_stmt(w, n, e);
	int rc = st ? db_step(st, e) : -1;

	if (rc == 1)
		read_held(w, st, h);
	sqlite3_finalize(st);
	if (rc == 0)
		return no_such(w, "h", "dialsync_held", "held row", n, e);
	return rc < 0 ? -1 : 0;
}

/* ---- what a record speaks of */

int record_column(struct work *w, const struct table *t, const char *name)
{
	int i = 0;

	if (!name)
		return -1;
	while (i < t->ncols && strcasecmp(t->cols[i].name, name) != 0)
		i++;
	if (i == t->ncols)
		i = table_old_column(w->s->db, t, name);
	return i >= 0 && t->cols[i].present ? i : -1;
}

/* The table that a record names, also by a name that it had; NULL: it is not
 * here. */
static struct table *named_table(struct work *w, const char *name)
{
	struct table *t = name ? table_by_name(w->s, name) : NULL;

	if (!t && name)
		t = table_by_alias(w->s, name);
	return t && t->present ? t : NULL;
}

int record_row(struct work *w, const struct record *r, struct table **out,
    struct value *key, struct err *e)
{
	struct buf scratch = BUF_INIT(SIZE_MAX);
	struct table *t = named_table(w, r->tbl.p);
	struct value cols[16];
	bool ok;

	/* no honest site makes one about another record */
	if (t && strcmp(t->name, TABLE_CONFLICT) == 0)
		return err_set(e, ERR_DATA, "it is about another conflict, so"
		    " nothing can be taken from it; dismiss it");
	if (!t)
		return err_set(e, ERR_DATA, "table %s is not here, or not"
		    " tracked: \"dialsync track\" it first, or settle this"
		    " where it is", r->tbl.p ? r->tbl.p : "");
	ok = r->key.p && key_from_text(t, r->key.p, r->key.n, &w->arena, cols) &&
	    key_make(t, cols, &scratch, key);
	if (ok)
		*key = work_copy(w, key);
	buf_free(&scratch);
	if (!ok)
		return err_set(e, ERR_DATA, "the record's key does not fit"
		    " table %s as it is here", t->name);
	*out = t;
	return 0;
}

struct foreign *record_foreign(struct work *w, const struct record *r,
    const struct table *child, struct err *e)
{
	struct foreign_list *l;

	if (r->won.type != VALUE_TEXT || !r->field.p ||
	    foreign_load(w->s, &l, e) < 0)
		return NULL;
	return foreign_named(w->s, l, child, r->field.p, r->won.p);
}

struct table *record_row_table(struct work *w, const struct record *r)
{
	const char *name = r->tbl.p;

	if (r->kind.p && strcmp(r->kind.p, CONFLICT_PARENT) == 0)
		name = r->won.type == VALUE_TEXT ? r->won.p : NULL;
	return named_table(w, name);
}
