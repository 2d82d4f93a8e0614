#include "config.h"

#include "store/foreign.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "store/held.h"
#include "store/key.h"
#include "store/row.h"
#include "store/store_p.h"

static int no_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "out of memory");
}

static char *copy(const unsigned char *p)
{
	char *c = strdup(p ? (const char *)p : "");

	if (!c)
		abort();
	return c;
}

/* Is this the name of column i, or was it? */
static bool is_column(struct store *s, const struct table *t, int i,
    const char *name)
{
	return strcasecmp(t->cols[i].name, name) == 0 ||
	    (table_find_column(t, name) < 0 &&
		table_old_column(s->db, t, name) == i);
}

static bool was_named(struct store *s, const struct foreign *f,
    const char *field, const char *parent)
{
	char *names = strdup(field), *name = names, *end;
	int i = 0;
	bool same = strcasecmp(f->parent_name, parent) == 0 ||
	    (f->parent && table_by_alias(s, parent) == f->parent);

	if (!names)
		abort();
	for (; same && name && i < f->ncols; i++, name = end) {
		/* a name that has ", " in it is not found by its old names */
		end = strstr(name, ", ");
		if (end) {
			*end = '\0';
			end += 2;
		}
		same = is_column(s, f->child, f->from[i], name);
	}
	free(names);
	return same && !name && i == f->ncols;
}

struct foreign *foreign_named(struct store *s, const struct foreign_list *l,
    const struct table *child, const char *field, const char *parent)
{
	for (int i = 0; i < l->n; i++)
		if (l->f[i].child == child &&
		    strcmp(l->f[i].field, field) == 0 &&
		    strcasecmp(l->f[i].parent_name, parent) == 0)
			return &l->f[i];
	for (int i = 0; i < l->n; i++)
		if (l->f[i].child == child &&
		    was_named(s, &l->f[i], field, parent))
			return &l->f[i];
	return NULL;
}

void foreign_free(struct store *s)
{
	struct foreign_list *l = s->foreign;

	for (int i = 0; l && i < l->n; i++) {
		struct foreign *f = &l->f[i];

		/* the tables are read again in the middle of a bundle */
		s->scan_all |= f->scan;
		sqlite3_finalize(f->has);
		sqlite3_finalize(f->children);
		sqlite3_finalize(f->old);
		sqlite3_finalize(f->get);
		for (int k = 0; k < f->ncols; k++)
			free(f->to[k]);
		free(f->field);
		free(f->parent_name);
	}
	if (l)
		free(l->f);
	free(l);
	s->foreign = NULL;
}

static int column_of(const struct table *t, const char *name)
{
	for (int i = 0; t && i < t->ncols; i++)
		if (t->cols[i].present &&
		    strcasecmp(t->cols[i].name, name) == 0)
			return i;
	return -1;
}

/* ---- reading them */

/* Room for a new foreign key of that child. */
static struct foreign *append(struct foreign_list *l, struct table *child)
{
	struct foreign *f = realloc(l->f, (size_t)(l->n + 1) * sizeof(*f));

	if (!f)
		abort();
	l->f = f;
	f += l->n++;
	memset(f, 0, sizeof(*f));
	f->child = child;
	return f;
}

/* One foreign key that can be looked up; else it is dropped again: a column is
 * generated, or there is no such parent table, or no such column in it. */
static int finish(struct store *s, struct foreign_list *l, bool usable,
    struct err *e)
{
	struct foreign *f = &l->f[l->n - 1];
	sqlite3_stmt *st;
	struct buf b = BUF_INIT(SIZE_MAX);
	int rc;

	f->parent = table_by_name(s, f->parent_name);
	if (f->parent && !f->parent->present)
		f->parent = NULL;
	f->by_key = f->parent && f->parent->nkey == f->ncols;
	for (int i = 0; i < f->ncols; i++) {
		int k = f->tocol[i] = column_of(f->parent, f->to[i]);

		f->by_key &= k >= 0 && f->parent->key[i] == k;
		buf_addf(&b, "%s%s", i ? ", " : "",
		    f->child->cols[f->from[i]].name);
	}
	f->field = copy((const unsigned char *)buf_str(&b));
	buf_free(&b);
	for (int i = 0; i < f->ncols && usable; i++) {
		rc = sqlite3_table_column_metadata(s->db, "main",
		    f->parent_name, f->to[i], NULL, NULL, NULL, NULL, NULL);
		usable = rc == SQLITE_OK;
	}
	/* an index that begins with the first of the child's columns */
	st = usable ? db_preparef(s->db, e, "SELECT 1 FROM"
	    " pragma_index_list(%Q) l, pragma_index_info(l.name) i"
	    " WHERE NOT l.partial AND i.seqno = 0 AND i.name = %Q"
	    " COLLATE NOCASE", f->child->name,
	    f->child->cols[f->from[0]].name) : NULL;
	if (usable && !st)
		return -1;
	rc = st ? db_step(st, e) : 0;
	sqlite3_finalize(st);
	f->indexed = rc == 1 ||
	    (f->child->rowid_key && f->child->key[0] == f->from[0]);
	if (rc >= 0 && !usable) {
		for (int k = 0; k < f->ncols; k++)
			free(f->to[k]);
		free(f->field);
		free(f->parent_name);
		l->n--;
	}
	return rc < 0 ? -1 : 0;
}

/* The name of column n of a parent's primary key, where the foreign key names
 * none. */
static char *key_name(struct store *s, const char *parent, int n)
{
	sqlite3_stmt *st = db_preparef(s->db, NULL, "SELECT name FROM"
	    " pragma_table_info(%Q) WHERE pk = %d", parent, n + 1);
	char *name = st && db_step(st, NULL) == 1
	    ? copy(sqlite3_column_text(st, 0)) : copy(NULL);

	sqlite3_finalize(st);
	return name;
}

static int load_child(struct store *s, struct foreign_list *l,
    struct table *t, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e, "SELECT id, seq, \"table\","
	    " \"from\", \"to\" FROM pragma_foreign_key_list(%Q)"
	    " ORDER BY id, seq", t->name);
	bool usable = true, open = false;
	int rc;

	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1) {
		struct foreign *f;
		int n = sqlite3_column_int(st, 1), col;

		if (n == 0) {
			if (open && finish(s, l, usable, e) < 0)
				break;
			f = append(l, t);
			f->parent_name = copy(sqlite3_column_text(st, 2));
			open = usable = true;
		}
		f = &l->f[l->n - 1];
		col = column_of(t, (const char *)sqlite3_column_text(st, 3));
		if (col < 0 || n >= FOREIGN_COLS_MAX || n != f->ncols) {
			usable = false;
			continue;
		}
		f->from[n] = col;
		f->to[n] = sqlite3_column_type(st, 4) == SQLITE_NULL
		    ? key_name(s, f->parent_name, n)
		    : copy(sqlite3_column_text(st, 4));
		f->ncols++;
	}
	sqlite3_finalize(st);
	if (rc == 0 && open)
		rc = finish(s, l, usable && l->f[l->n - 1].ncols > 0, e);
	return rc < 0 ? -1 : 0;
}

int foreign_load(struct store *s, struct foreign_list **out, struct err *e)
{
	struct foreign_list *l;

	if (s->foreign) {
		*out = s->foreign;
		return 0;
	}
	l = calloc(1, sizeof(*l));
	if (!l)
		return no_memory(e);
	s->foreign = l;
	for (int i = 0; i < s->ntables; i++)
		if (s->tables[i]->present && s->tables[i]->id != 1 &&
		    load_child(s, l, s->tables[i], e) < 0) {
			foreign_free(s);
			return -1;
		}
	for (int i = 0; i < l->n; i++) {
		l->f[i].child->foreign = true;
		if (l->f[i].parent)
			l->f[i].parent->foreign = true;
	}
	*out = l;
	return 0;
}

/* ---- looking up */

static void add_name(struct buf *b, const char *name)
{
	char *q = db_quote(name);

	buf_adds(b, q);
	free(q);
}

static void add_key_where(struct buf *b, const struct table *t)
{
	for (int i = 0; i < t->nkey; i++) {
		buf_adds(b, i ? " AND " : " WHERE ");
		add_name(b, t->cols[t->key[i]].name);
		buf_adds(b, " = ?");
	}
}

/* "SELECT child's columns FROM child WHERE key" */
static int prepare_get(struct store *s, struct foreign *f, struct err *e)
{
	struct buf b = BUF_INIT(SIZE_MAX);

	for (int i = 0; i < f->ncols; i++) {
		buf_adds(&b, i ? ", " : "SELECT ");
		add_name(&b, f->child->cols[f->from[i]].name);
	}
	buf_adds(&b, " FROM ");
	add_name(&b, f->child->name);
	add_key_where(&b, f->child);
	f->get = db_prepare(s->db, buf_str(&b), true, e);
	buf_free(&b);
	return f->get ? 0 : -1;
}

int foreign_values(struct store *s, struct foreign *f,
    const struct value *key, struct value *values, struct arena *arena,
    struct err *e)
{
	struct value cols[16];
	int rc;

	if (!f->child->present || !key_split(f->child, key, cols))
		return 0;
	if (!f->get && prepare_get(s, f, e) < 0)
		return -1;
	for (int i = 0; i < f->child->nkey; i++)
		db_bind(f->get, i + 1, &cols[i]);
	rc = db_step(f->get, e);
	for (int i = 0; i < f->ncols && rc == 1; i++) {
		db_column(f->get, i, &values[i]);
		if (values[i].type == VALUE_NULL)
			rc = 0;
		if (values[i].n) {
			values[i].p = arena_copy(arena, values[i].p,
			    values[i].n);
			if (!values[i].p)
				rc = no_memory(e);
		}
	}
	sqlite3_reset(f->get);
	sqlite3_clear_bindings(f->get);
	return rc;
}

bool foreign_answers(const struct value *a, const struct value *b)
{
	if (value_same(a, b))
		return true;
	return a->type == VALUE_TEXT && b->type == VALUE_TEXT &&
	    a->n == b->n && sqlite3_strnicmp(a->p ? a->p : "",
		b->p ? b->p : "", (int)a->n) == 0;
}

/* A held parent by other columns than its key: rows that are held whole are
 * few. */
static int held_search(struct store *s, const struct foreign *f,
    const struct value *values, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e, "SELECT h.k FROM"
	    " dialsync_held h JOIN dialsync_aside a ON a.t = h.t AND a.k = h.k"
	    " WHERE h.t = %lld AND a.r = %d", (long long)f->parent->id,
	    f->parent->key[0] + REG_COLUMN);
	struct value key, v;
	bool found = false;
	int rc = st ? 1 : -1;

	while (rc == 1 && !found && (rc = db_step(st, e)) == 1) {
		db_column(st, 0, &key);
		found = true;
		for (int i = 0; i < f->ncols && found && rc == 1; i++) {
			int got = f->tocol[i] < 0 ? 0 : aside_get(s,
			    f->parent, &key, f->tocol[i] + REG_COLUMN, &v, e);

			if (got < 0)
				rc = -1;
			found = got == 1 && foreign_answers(&v, &values[i]);
		}
	}
	sqlite3_finalize(st);
	return rc < 0 ? -1 : found;
}

/* Is the parent held, and not in its table?  It is alive, only this site's own
 * rules refuse it: what others are told must not call that dangling. */
static int parent_held(struct store *s, const struct foreign *f,
    const struct value *values, struct err *e)
{
	struct buf scratch = BUF_INIT(SIZE_MAX);
	struct value key;
	int rc = 0;

	if (!aside_any(s) || !f->parent)
		return 0;
	if (!f->by_key)
		return held_search(s, f, values, e);
	if (key_make(f->parent, values, &scratch, &key))
		rc = held_whole(s, f->parent, &key, e);
	buf_free(&scratch);
	return rc;
}

/* The parent's column compares, with its own collation and affinity, as
 * SQLite's own foreign keys do. */
int foreign_has(struct store *s, struct foreign *f,
    const struct value *values, struct err *e)
{
	struct buf b = BUF_INIT(SIZE_MAX);
	int rc;

	if (!f->has) {
		buf_adds(&b, "SELECT 1 FROM ");
		add_name(&b, f->parent_name);
		for (int i = 0; i < f->ncols; i++) {
			buf_adds(&b, i ? " AND " : " WHERE ");
			add_name(&b, f->to[i]);
			buf_adds(&b, " = ?");
		}
		f->has = db_prepare(s->db, buf_str(&b), true, e);
		buf_free(&b);
		if (!f->has)
			return -1;
	}
	for (int i = 0; i < f->ncols; i++)
		db_bind(f->has, i + 1, &values[i]);
	rc = db_step(f->has, e);
	sqlite3_reset(f->has);
	sqlite3_clear_bindings(f->has);
	return rc ? rc : parent_held(s, f, values, e);
}

/* ---- touched rows */

/* The same of a row that is held as a whole; copied to the arena. */
static int held_values(struct store *s, const struct foreign *f,
    const struct value *key, struct value *values, struct arena *arena,
    struct err *e)
{
	int rc = held_whole(s, f->parent, key, e);

	for (int i = 0; i < f->ncols && rc == 1; i++) {
		struct value *v = &values[i];

		rc = f->tocol[i] < 0 ? 0 : aside_get(s, f->parent, key,
		    f->tocol[i] + REG_COLUMN, v, e);
		if (rc == 1 && v->n) {
			v->p = arena_copy(arena, v->p, v->n);
			if (!v->p)
				rc = no_memory(e);
		}
	}
	return rc;
}

/* Old values of the columns that children refer to. */
static int old_values(struct store *s, struct foreign *f,
    const struct value *key, struct value *values, struct arena *arena,
    struct err *e)
{
	struct buf b = BUF_INIT(SIZE_MAX);
	struct value cols[16];
	int rc;

	if (!key_split(f->parent, key, cols))
		return 0;
	if (f->by_key) {
		memcpy(values, cols, (size_t)f->ncols * sizeof(*values));
		return 1;
	}
	if (!f->old) {
		for (int i = 0; i < f->ncols; i++) {
			buf_adds(&b, i ? ", " : "SELECT ");
			add_name(&b, f->to[i]);
		}
		buf_adds(&b, " FROM ");
		add_name(&b, f->parent_name);
		add_key_where(&b, f->parent);
		f->old = db_prepare(s->db, buf_str(&b), true, e);
		buf_free(&b);
		if (!f->old)
			return -1;
	}
	sqlite3_reset(f->old);
	for (int i = 0; i < f->parent->nkey; i++)
		db_bind(f->old, i + 1, &cols[i]);
	rc = db_step(f->old, e);
	for (int i = 0; i < f->ncols && rc == 1; i++)
		db_column(f->old, i, &values[i]);
	return rc ? rc : held_values(s, f, key, values, arena, e);
}

static int prepare_children(struct store *s, struct foreign *f,
    struct err *e)
{
	struct buf b = BUF_INIT(SIZE_MAX);
	const struct table *t = f->child;

	for (int i = 0; i < t->nkey; i++) {
		buf_adds(&b, i ? ", " : "SELECT ");
		add_name(&b, t->cols[t->key[i]].name);
	}
	buf_adds(&b, " FROM ");
	add_name(&b, t->name);
	for (int i = 0; i < f->ncols; i++) {
		const char *col = t->cols[f->from[i]].name;
		const char *mine = NULL, *theirs = NULL;

		sqlite3_table_column_metadata(s->db, "main", t->name, col,
		    NULL, &mine, NULL, NULL, NULL);
		sqlite3_table_column_metadata(s->db, "main", f->parent_name,
		    f->to[i], NULL, &theirs, NULL, NULL, NULL);
		buf_adds(&b, i ? " AND " : " WHERE ");
		add_name(&b, col);
		if (mine && theirs && strcasecmp(mine, theirs) != 0) {
			buf_adds(&b, " COLLATE ");
			add_name(&b, theirs);
		}
		buf_adds(&b, " = ?");
	}
	f->children = db_prepare(s->db, buf_str(&b), true, e);
	buf_free(&b);
	return f->children ? 0 : -1;
}

/* Note each child of these values; *some: there is one. */
static int note_children(struct store *s, struct foreign *f,
    const struct value *values, bool *some, struct err *e)
{
	struct buf scratch = BUF_INIT(SIZE_MAX);
	struct value cols[16], key;
	int rc;

	if (!f->indexed) {
		f->scan = *some = true;
		return 0;
	}
	if (!f->children && prepare_children(s, f, e) < 0)
		return -1;
	sqlite3_reset(f->children);
	for (int i = 0; i < f->ncols; i++)
		db_bind(f->children, i + 1, &values[i]);
	while ((rc = db_step(f->children, e)) == 1) {
		for (int i = 0; i < f->child->nkey; i++)
			db_column(f->children, i, &cols[i]);
		buf_reset(&scratch);
		if (!key_make(f->child, cols, &scratch, &key))
			continue;
		*some = true;
		rc = dangling_add(s, f, &key, e);
		if (rc < 0)
			break;
	}
	sqlite3_reset(f->children);
	sqlite3_clear_bindings(f->children);
	buf_free(&scratch);
	return rc < 0 ? -1 : 0;
}

static bool changes(const struct table *t, const int *cols, int n,
    const uint64_t *regs)
{
	for (int i = 0; i < n; i++)
		if (cols[i] >= 0 && mask_has(regs, table_reg(t, cols[i])))
			return true;
	return false;
}

int foreign_before(struct store *s, struct table *t, const struct value *key,
    const uint64_t *cols, struct err *e)
{
	struct arena arena = ARENA_INIT;
	struct foreign_list *l;
	bool some = false;
	int64_t any = 0;
	int rc = 0;

	if (foreign_load(s, &l, e) < 0)
		return -1;
	if (!t->foreign)
		return 0;
	for (int i = 0; i < l->n && rc >= 0; i++) {
		struct foreign *f = &l->f[i];
		struct value values[FOREIGN_COLS_MAX];

		if (f->parent != t ||
		    (cols && !changes(t, f->tocol, f->ncols, cols)))
			continue;
		rc = old_values(s, f, key, values, &arena, e);
		if (rc == 1)
			rc = note_children(s, f, values, &some, e);
		if (f->old)
			sqlite3_reset(f->old);
		any = 1;
	}
	arena_free(&arena);
	if (rc < 0)
		return -1;
	/* it may also be the parent of a parent that went */
	if (any && !some && db_int(s->db, "SELECT EXISTS(SELECT 1 FROM"
		" dialsync_dangling)", 0, &any, e) < 0)
		return -1;
	return (some || any) ? gone_put(s, t, key, e) : 0;
}

int foreign_after(struct store *s, struct table *t, const struct value *key,
    const uint64_t *cols, struct err *e)
{
	struct arena arena = ARENA_INIT;
	struct foreign_list *l;
	int rc = 0;

	if (foreign_load(s, &l, e) < 0)
		return -1;
	for (int i = 0; i < l->n && t->foreign && rc >= 0; i++) {
		struct foreign *f = &l->f[i];
		struct value values[FOREIGN_COLS_MAX];

		if (f->child != t || !changes(t, f->from, f->ncols, cols))
			continue;
		rc = foreign_values(s, f, key, values, &arena, e);
		if (rc == 1)
			rc = foreign_has(s, f, values, e) + 2;
		/* 2: there is no such parent (now) */
		if (rc == 1 || (rc == 2 && dangling_add(s, f, key, e) < 0))
			rc = -1;
	}
	arena_free(&arena);
	return rc < 0 ? -1 : 0;
}
