/* References that may dangle, and the rows that they lead to. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "store/conflict.h"
#include "store/foreign.h"
#include "store/held.h"
#include "store/key.h"
#include "store/row.h"
#include "store/row_json.h"
#include "store/store_p.h"

static int no_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "out of memory");
}

int dangling_add(struct store *s, const struct foreign *f,
    const struct value *key, struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_DANGLING_ADD,
	    "INSERT OR IGNORE INTO dialsync_dangling(t, k, field, parent)"
	    " VALUES(?, ?, ?, ?)", e);

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, f->child->id);
	db_bind(st, 2, key);
	sqlite3_bind_text(st, 3, f->field, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 4, f->parent_name, -1, SQLITE_STATIC);
	return db_run(st, e);
}

/* ---- rows that went */

/* A row that is held as a whole is aside: 1, 0 it is not, -1. */
static int held_json(struct store *s, const struct table *t,
    const struct value *key, struct value *values, struct buf *json,
    struct err *e)
{
	struct arena arena = ARENA_INIT;
	struct mask set;
	int rc = held_whole(s, t, key, e);
	bool held = rc == 1;

	memset(&set, 0, sizeof(set));
	for (int i = 0; i < t->ncols && held && rc >= 0; i++) {
		struct value *v = &values[i];

		rc = aside_get(s, t, key, i + REG_COLUMN, v, e);
		if (rc != 1 || !t->cols[i].present)
			continue;
		mask_set(set.w, i + REG_COLUMN);
		if (v->n) {
			v->p = arena_copy(&arena, v->p, v->n);
			rc = v->p ? 1 : no_memory(e);
		}
	}
	if (held && rc >= 0)
		row_json_put(t, set.w, values, json);
	arena_free(&arena);
	return rc < 0 ? -1 : held;
}

int gone_put(struct store *s, struct table *t, const struct value *key,
    struct err *e)
{
	struct value *values = calloc((size_t)t->ncols + 1, sizeof(*values));
	struct buf json = BUF_INIT(SIZE_MAX);
	sqlite3_stmt *st;
	int rc;

	if (!values)
		return no_memory(e);
	/* a statement of its own: a caller may be in the middle of t's */
	st = t->select;
	t->select = NULL;
	rc = row_read(s, t, key, values, e);
	if (rc == 1)
		row_json_put(t, t->all.w, values, &json);
	else if (rc == 0)
		rc = held_json(s, t, key, values, &json, e);
	sqlite3_finalize(t->select);
	t->select = st;
	free(values);
	if (rc == 1 && json.n) {
		st = store_stmt(s, ST_GONE_PUT, "INSERT OR REPLACE INTO"
		    " dialsync_gone(t, k, row) VALUES(?, ?, ?)", e);
		rc = st ? 0 : -1;
		if (st) {
			sqlite3_bind_int64(st, 1, t->id);
			db_bind(st, 2, key);
			sqlite3_bind_text64(st, 3, json.p, json.n,
			    SQLITE_STATIC, SQLITE_UTF8);
			rc = db_run(st, e);
			sqlite3_clear_bindings(st);
		}
	}
	buf_free(&json);
	return rc < 0 ? -1 : 0;
}

/* A parent by its key; its JSON is added to json.  1, 0, -1. */
static int gone_get(struct store *s, const struct table *t,
    const struct value *key, struct buf *json, struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_GONE_GET,
	    "SELECT row FROM dialsync_gone WHERE t = ? AND k = ?", e);
	int rc;

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, t->id);
	db_bind(st, 2, key);
	rc = db_step(st, e);
	if (rc == 1)
		buf_add(json, sqlite3_column_text(st, 0),
		    (size_t)sqlite3_column_bytes(st, 0));
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return rc;
}

/* A parent by other columns than its key: rows that went are few. */
static int gone_search(struct store *s, const struct foreign *f,
    const struct value *values, struct buf *json, struct value *key,
    struct arena *arena, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e, "SELECT row, k FROM"
	    " dialsync_gone WHERE t = %lld", (long long)f->parent->id);
	struct value *row = calloc((size_t)f->parent->ncols, sizeof(*row));
	struct mask set;
	bool found = false;
	int rc = st && row ? 1 : -1;

	while (rc == 1 && !found && (rc = db_step(st, e)) == 1) {
		const char *p = (const char *)sqlite3_column_text(st, 0);
		size_t n = (size_t)sqlite3_column_bytes(st, 0);

		found = row_json_get(s->db, p, n, f->parent, row, &set, arena,
		    NULL) == 0;
		for (int i = 0; i < f->ncols && found; i++)
			found = f->tocol[i] >= 0 &&
			    foreign_answers(&row[f->tocol[i]],
				&values[i]);
		if (!found)
			continue;
		buf_add(json, p, n);
		db_column(st, 1, key);
		if (key->n)
			key->p = arena_copy(arena, key->p, key->n);
	}
	sqlite3_finalize(st);
	free(row);
	return rc < 0 ? -1 : found;
}

/* As gone_find, and the parent's key. */
static int find(struct store *s, const struct foreign *f,
    const struct value *values, struct buf *json, struct value *key,
    struct arena *arena, struct err *e)
{
	struct buf scratch = BUF_INIT(SIZE_MAX);
	int rc = 0;

	if (!f->parent)
		return 0;
	if (!f->by_key)
		return gone_search(s, f, values, json, key, arena, e);
	if (key_make(f->parent, values, &scratch, key)) {
		rc = gone_get(s, f->parent, key, json, e);
		if (key->n)
			key->p = arena_copy(arena, key->p, key->n);
	}
	buf_free(&scratch);
	return rc;
}

int gone_find(struct store *s, const struct foreign *f,
    const struct value *values, struct buf *json, struct err *e)
{
	struct arena arena = ARENA_INIT;
	struct value key;
	int rc = find(s, f, values, json, &key, &arena, e);

	arena_free(&arena);
	return rc;
}

/* ---- the review */

/* One line of dialsync_dangling, copied. */
struct entry {
	int64_t n, t;
	struct value key;
	const char *field, *parent;
	struct buf id;   /* in the arena; n = 0: no record yet */
};

struct review {
	struct store *s;
	struct foreign_list *list;
	const char *bundle;
	int64_t added;
	struct arena arena;
	struct frag *frags;
};

/* The next after n: 1, 0 none, -1. */
static int next_entry(struct review *r, struct entry *en, struct err *e)
{
	sqlite3_stmt *st = store_stmt(r->s, ST_DANGLING_NEXT,
	    "SELECT n, t, k, field, parent, id FROM dialsync_dangling"
	    " WHERE n > ? ORDER BY n LIMIT 1", e);
	struct value v;
	int rc;

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, en->n);
	rc = db_step(st, e);
	arena_reset(&r->arena);
	memset(en, 0, sizeof(*en));
	if (rc == 1) {
		en->n = sqlite3_column_int64(st, 0);
		en->t = sqlite3_column_int64(st, 1);
		db_column(st, 2, &en->key);
		if (en->key.p)
			en->key.p = arena_copy(&r->arena, en->key.p,
			    en->key.n);
		db_column(st, 3, &v);
		en->field = arena_copy(&r->arena, v.p, v.n + 1);
		db_column(st, 4, &v);
		en->parent = arena_copy(&r->arena, v.p, v.n + 1);
		db_column(st, 5, &v);
		if (v.n)
			en->id.p = arena_copy(&r->arena, v.p, v.n + 1);
		en->id.n = v.n;
	}
	sqlite3_reset(st);
	return rc;
}

static struct foreign *foreign_of(struct review *r, const struct entry *en)
{
	return foreign_named(r->s, r->list, table_by_id(r->s, en->t),
	    en->field, en->parent);
}

/* The version of a register of a row, or of its death; origin 0: none. */
static int version_of(struct review *r, const struct table *t,
    const struct value *key, int reg, struct version *v, struct err *e)
{
	int n = frags_of(r->s, t, key, r->frags, FRAGS_MAX, e);

	v->clock = v->origin = 0;
	for (int i = 0; i < n; i++)
		if (reg == REG_LIFE ? r->frags[i].death
				    : mask_has(r->frags[i].mask.w, reg))
			*v = r->frags[i].ver;
	return n < 0 ? -1 : 0;
}

static void reference_text(const struct value *values, int n,
    struct buf *out)
{
	struct table t = {.nkey = 1};

	for (int i = 0; i < n; i++) {
		if (i)
			buf_adds(out, ", ");
		/* a blob would be read as a key of several columns */
		if (values[i].type == VALUE_BLOB) {
			buf_adds(out, "x'");
			for (size_t k = 0; k < values[i].n; k++)
				buf_addf(out, "%02X",
				    (unsigned char)values[i].p[k]);
			buf_adds(out, "'");
		} else {
			key_text(&t, &values[i], out);
		}
	}
}

static int forget(struct review *r, const struct entry *en, struct err *e)
{
	sqlite3_stmt *st = store_stmt(r->s, ST_DANGLING_DEL,
	    "DELETE FROM dialsync_dangling WHERE n = ?", e);

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, en->n);
	return db_run(st, e);
}

/* The record settles if it is open. */
static int whole(struct review *r, const struct buf *id, struct err *e)
{
	char how[16];
	int rc;

	if (id->n == 0)
		return 0;
	rc = conflict_settled(r->s, id, how, e);
	return rc == 0 ? conflict_settle(r->s, id, SETTLED_WHOLE, e) : rc;
}

/* It dangles: record it; open the record again if it had settled.  What a
 * person dismissed stays so, and is looked at no more. */
static int dangles(struct review *r, const struct entry *en,
    const struct conflict_parent *c, struct err *e)
{
	struct buf id = BUF_INIT(SIZE_MAX);
	sqlite3_stmt *st;
	char how[16];
	int rc;

	conflict_parent_id(c, &id);
	if (en->id.n && (en->id.n != id.n ||
		memcmp(en->id.p, id.p, id.n) != 0) &&
	    whole(r, &en->id, e) < 0) {
		buf_free(&id);
		return -1;
	}
	rc = conflict_parent_add(r->s, c, &id, e);
	r->added += rc == 1;
	if (rc >= 0)
		rc = conflict_settled(r->s, &id, how, e);
	if (rc == 1 && strcmp(how, SETTLED_DISMISSED) == 0) {
		buf_free(&id);
		return forget(r, en, e);
	}
	if (rc == 1)
		rc = conflict_settle(r->s, &id, NULL, e);
	st = rc < 0 ? NULL : store_stmt(r->s, ST_DANGLING_ID,
	    "UPDATE dialsync_dangling SET id = ? WHERE n = ?", e);
	if (st) {
		sqlite3_bind_text64(st, 1, id.p, id.n, SQLITE_STATIC,
		    SQLITE_UTF8);
		sqlite3_bind_int64(st, 2, en->n);
		rc = db_run(st, e);
		sqlite3_clear_bindings(st);
	}
	buf_free(&id);
	return st && rc >= 0 ? 0 : -1;
}

static int review_entry(struct review *r, const struct entry *en,
    struct err *e)
{
	struct foreign *f = foreign_of(r, en);
	struct buf text = BUF_INIT(SIZE_MAX), json = BUF_INIT(SIZE_MAX);
	struct conflict_parent c = {.key = &en->key, .field = en->field,
	    .bundle = r->bundle, .row = &json};
	struct value values[FOREIGN_COLS_MAX], parent = {.type = VALUE_NULL};
	int rc = 0, reg;

	if (f)
		rc = foreign_values(r->s, f, &en->key, values, &r->arena, e);
	if (rc == 1) {
		rc = foreign_has(r->s, f, values, e);
		rc = rc < 0 ? -1 : !rc;
	}
	if (rc < 0)
		return -1;
	if (rc == 0)
		return whole(r, &en->id, e) < 0 ? -1 : forget(r, en, e);
	c.child = f->child;
	c.parent = f->parent_name;
	reference_text(values, f->ncols, &text);
	c.reference = buf_str(&text);
	reg = table_reg(f->child, f->from[0]);
	rc = version_of(r, f->child, &en->key, reg, &c.ref, e);
	if (rc == 0)
		rc = find(r->s, f, values, &json, &parent, &r->arena, e);
	if (rc >= 0 && (rc == 1 || (f->parent && f->by_key)) &&
	    parent.type != VALUE_NULL)
		rc = version_of(r, f->parent, &parent, REG_LIFE, &c.death, e);
	if (rc >= 0)
		rc = dangles(r, en, &c, e);
	buf_free(&text);
	buf_free(&json);
	return rc < 0 ? -1 : 0;
}

/* ---- edits of this site that another site found lost to a death */

/* One open record without a row: id, tbl, key. */
static int complete_one(struct review *r, sqlite3_stmt *st, struct err *e)
{
	struct buf json = BUF_INIT(SIZE_MAX), scratch = BUF_INIT(SIZE_MAX);
	struct buf id = {(char *)sqlite3_column_text(st, 0),
	    (size_t)sqlite3_column_bytes(st, 0), 0, SIZE_MAX, false};
	const char *key = (const char *)sqlite3_column_text(st, 2);
	struct table *t = table_by_name(r->s,
	    (const char *)sqlite3_column_text(st, 1));
	struct value cols[16], k;
	int rc = 0;

	arena_reset(&r->arena);
	if (t && t->present && key_from_text(t, key,
		(size_t)sqlite3_column_bytes(st, 2), &r->arena, cols) &&
	    key_make(t, cols, &scratch, &k))
		rc = gone_get(r->s, t, &k, &json, e);
	if (rc == 1)
		rc = conflict_complete(r->s, &id, &json, e);
	buf_free(&json);
	buf_free(&scratch);
	return rc;
}

/* A server met the edit of this site after the death, so it had no row; this
 * site had it until the same bundles took it away, and adds it. */
static int complete_own(struct review *r, struct err *e)
{
	sqlite3_stmt *st = db_prepare(r->s->db,
	    "SELECT id, tbl, key FROM dialsync_conflict WHERE settled IS NULL"
	    " AND lost_site = ? AND kind = 'death' AND row IS NULL"
	    " AND EXISTS(SELECT 1 FROM dialsync_gone) ORDER BY +id", false, e);
	int rc = st ? 1 : -1;

	if (st)
		sqlite3_bind_text(st, 1, r->s->site, -1, SQLITE_STATIC);
	while (rc >= 0 && (rc = db_step(st, e)) == 1)
		rc = complete_one(r, st, e) < 0 ? -1 : 1;
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

/* ---- what is still needed of the rows that went */

static int use(struct review *r, struct foreign *f,
    const struct value *values, int depth, struct err *e);

/* ... and of the parents that such a row had itself. */
static int use_row(struct review *r, struct table *t, const struct buf *json,
    int depth, struct err *e)
{
	struct value *row = calloc((size_t)t->ncols, sizeof(*row));
	struct value values[FOREIGN_COLS_MAX];
	struct mask set;
	int rc;

	if (!row)
		return no_memory(e);
	rc = row_json_get(r->s->db, json->p, json->n, t, row, &set, &r->arena,
	    e);
	for (int i = 0; i < r->list->n && rc == 0; i++) {
		struct foreign *f = &r->list->f[i];
		bool all = f->child == t;

		for (int k = 0; k < f->ncols && all; k++) {
			values[k] = row[f->from[k]];
			all = values[k].type != VALUE_NULL;
		}
		if (all)
			rc = use(r, f, values, depth + 1, e);
	}
	free(row);
	return rc;
}

static int use(struct review *r, struct foreign *f,
    const struct value *values, int depth, struct err *e)
{
	struct buf json = BUF_INIT(SIZE_MAX);
	struct value key;
	sqlite3_stmt *st;
	int rc = depth > 20 ? 0 : find(r->s, f, values, &json, &key,
	    &r->arena, e);

	if (rc == 1) {
		st = store_stmt(r->s, ST_GONE_USED, "UPDATE dialsync_gone"
		    " SET used = 1 WHERE t = ? AND k = ? AND used = 0", e);
		rc = -1;
		if (st) {
			sqlite3_bind_int64(st, 1, f->parent->id);
			db_bind(st, 2, &key);
			rc = db_run(st, e);
		}
		/* a row that was seen already has had its turn */
		if (rc == 0 && sqlite3_changes(r->s->db) > 0)
			rc = use_row(r, f->parent, &json, depth, e);
	}
	buf_free(&json);
	return rc < 0 ? -1 : 0;
}

static int sweep(struct review *r, struct err *e)
{
	struct entry en = {.n = 0};
	int64_t any;
	int rc;

	if (db_int(r->s->db, "SELECT EXISTS(SELECT 1 FROM dialsync_gone)", 0,
		&any, e) < 0)
		return -1;
	if (!any)
		return 0;
	if (db_exec(r->s->db, "UPDATE dialsync_gone SET used = 0", e) < 0)
		return -1;
	while ((rc = next_entry(r, &en, e)) == 1) {
		struct foreign *f = foreign_of(r, &en);
		struct value values[FOREIGN_COLS_MAX];

		rc = f ? foreign_values(r->s, f, &en.key, values, &r->arena,
		    e) : 0;
		if (rc < 0 || (rc == 1 && use(r, f, values, 0, e) < 0))
			return -1;
	}
	return rc < 0 ? -1 : db_exec(r->s->db,
	    "DELETE FROM dialsync_gone WHERE used = 0", e);
}

/* ---- */

/* All rows of a child table whose parent is not there. */
static int scan(struct store *s, struct foreign *f, struct err *e)
{
	struct buf b = BUF_INIT(SIZE_MAX), scratch = BUF_INIT(SIZE_MAX);
	const struct table *t = f->child;
	struct value values[FOREIGN_COLS_MAX], cols[16], key;
	sqlite3_stmt *st;
	char *q;
	int rc;

	for (int i = 0; i < f->ncols + t->nkey; i++) {
		q = db_quote(t->cols[i < f->ncols ? f->from[i]
				: t->key[i - f->ncols]].name);
		buf_addf(&b, "%s%s", i ? ", " : "SELECT ", q);
		free(q);
	}
	q = db_quote(t->name);
	buf_addf(&b, " FROM %s", q);
	free(q);
	st = db_prepare(s->db, buf_str(&b), false, e);
	rc = st ? 1 : -1;
	while (rc >= 0 && (rc = db_step(st, e)) == 1) {
		bool null = false;

		for (int i = 0; i < f->ncols; i++) {
			db_column(st, i, &values[i]);
			null |= values[i].type == VALUE_NULL;
		}
		for (int i = 0; i < t->nkey; i++)
			db_column(st, f->ncols + i, &cols[i]);
		buf_reset(&scratch);
		if (null || !key_make(t, cols, &scratch, &key))
			continue;
		rc = foreign_has(s, f, values, e);
		if (rc == 0)
			rc = dangling_add(s, f, &key, e);
	}
	sqlite3_finalize(st);
	buf_free(&b);
	buf_free(&scratch);
	return rc;
}

int dangling_scan(struct store *s, struct err *e)
{
	struct foreign_list *l = s->foreign;

	if (s->scan_all && foreign_load(s, &l, e) < 0)
		return -1;
	for (int i = 0; l && i < l->n; i++) {
		if ((l->f[i].scan || (s->scan_all && !l->f[i].indexed)) &&
		    scan(s, &l->f[i], e) < 0)
			return -1;
		l->f[i].scan = false;
	}
	s->scan_all = false;
	return 0;
}

int dangling_review(struct store *s, const char *bundle, int64_t *n,
    struct err *e)
{
	struct review r = {.s = s, .bundle = bundle, .arena = ARENA_INIT};
	struct entry en = {.n = 0};
	int64_t any;
	int rc;

	if (db_int(s->db, "SELECT EXISTS(SELECT 1 FROM dialsync_dangling)"
			  " OR EXISTS(SELECT 1 FROM dialsync_gone)", 0, &any,
		e) < 0)
		return -1;
	if (!any)
		return 0;
	if (foreign_load(s, &r.list, e) < 0)
		return -1;
	r.frags = calloc(FRAGS_MAX, sizeof(*r.frags));
	if (!r.frags)
		return no_memory(e);
	while ((rc = next_entry(&r, &en, e)) == 1)
		if ((rc = review_entry(&r, &en, e)) < 0)
			break;
	if (rc >= 0)
		rc = complete_own(&r, e);
	if (rc >= 0)
		rc = sweep(&r, e);
	if (n)
		*n += r.added;
	free(r.frags);
	arena_free(&r.arena);
	return rc < 0 ? -1 : 0;
}
