#include "config.h"

#include "store/scan.h"

#include <stdlib.h>
#include <string.h>

#include "store/key.h"

/* Long keys: a batch ends when they take this much. */
#define BYTES_MAX ((size_t)4 << 20)

void key_scan_init(struct key_scan *k, struct table *t)
{
	memset(k, 0, sizeof(*k));
	k->t = t;
	buf_init(&k->last, SIZE_MAX);
}

void key_scan_free(struct key_scan *k)
{
	arena_free(&k->arena);
	free(k->keys);
	buf_free(&k->last);
	memset(k, 0, sizeof(*k));
}

/* ("a", "b") > (?, ?): the columns' own collations compare, so the canonical
 * key stands for the one that was read. */
static void scan_sql(struct buf *b, const struct table *t, bool begun)
{
	struct buf cols = BUF_INIT(1 << 20), marks = BUF_INIT(1 << 20);
	char *q;

	for (int i = 0; i < t->nkey; i++) {
		q = db_quote(t->cols[t->key[i]].name);
		buf_addf(&cols, "%s%s", i ? ", " : "", q);
		buf_adds(&marks, i ? ", ?" : "?");
		free(q);
	}
	q = db_quote(t->name);
	buf_addf(b, "SELECT %s FROM %s", buf_str(&cols), q);
	free(q);
	for (int i = 0; i < t->nkey; i++) {
		q = db_quote(t->cols[t->key[i]].name);
		buf_addf(b, " %s %s IS NOT NULL", i ? "AND" : "WHERE", q);
		free(q);
	}
	if (begun)
		buf_addf(b, " AND (%s) > (%s)", buf_str(&cols),
		    buf_str(&marks));
	buf_addf(b, " ORDER BY %s LIMIT %d", buf_str(&cols), KEY_SCAN_MAX);
	b->failed |= cols.failed || marks.failed;
	buf_free(&cols);
	buf_free(&marks);
}

static sqlite3_stmt *prepare(struct store *s, struct key_scan *k,
    struct err *e)
{
	struct value v[16];
	struct buf sql = BUF_INIT(1 << 20);
	sqlite3_stmt *st;

	scan_sql(&sql, k->t, k->begun);
	st = db_prepare(s->db, buf_str(&sql), false, e);
	buf_free(&sql);
	if (!st || !k->begun)
		return st;
	if (!key_split(k->t, &k->last_key, v)) {
		sqlite3_finalize(st);
		err_set(e, ERR_DATA, "table %s: a damaged key", k->t->name);
		return NULL;
	}
	for (int i = 0; i < k->t->nkey; i++)
		db_bind(st, i + 1, &v[i]);
	return st;
}

/* The row that the statement is on, as a canonical key. */
static int take_key(struct key_scan *k, sqlite3_stmt *st, struct buf *scratch,
    struct err *e)
{
	struct value cols[16], *key = &k->keys[k->n];

	for (int i = 0; i < k->t->nkey; i++)
		db_column(st, i, &cols[i]);
	buf_reset(scratch);
	if (!key_make(k->t, cols, scratch, key))
		return scratch->failed
		    ? err_set(e, ERR_SYSTEM, "out of memory") : 0;
	if (key->type == VALUE_TEXT || key->type == VALUE_BLOB) {
		key->p = arena_copy(&k->arena, key->p, key->n);
		if (!key->p)
			return err_set(e, ERR_SYSTEM, "out of memory");
	}
	k->n++;
	return 0;
}

/* The batch's last key outlives it. */
static int keep_last(struct key_scan *k, struct err *e)
{
	struct value *v = &k->last_key;

	*v = k->keys[k->n - 1];
	k->begun = true;
	if (v->type != VALUE_TEXT && v->type != VALUE_BLOB)
		return 0;
	buf_reset(&k->last);
	buf_add(&k->last, v->p, v->n);
	if (k->last.failed)
		return err_set(e, ERR_SYSTEM, "out of memory");
	v->p = v->n ? k->last.p : "";
	return 0;
}

int key_scan_next(struct store *s, struct key_scan *k, struct err *e)
{
	struct buf scratch = BUF_INIT(SIZE_MAX);
	sqlite3_stmt *st;
	int rc;

	arena_reset(&k->arena);
	k->n = 0;
	if (!k->keys)
		k->keys = calloc(KEY_SCAN_MAX, sizeof(*k->keys));
	if (!k->keys)
		return err_set(e, ERR_SYSTEM, "out of memory");
	st = prepare(s, k, e);
	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1) {
		rc = take_key(k, st, &scratch, e);
		if (rc < 0 || k->arena.total > BYTES_MAX)
			break;
	}
	sqlite3_finalize(st);
	buf_free(&scratch);
	if (rc < 0 || (k->n && keep_last(k, e) < 0))
		return -1;
	return k->n;
}
