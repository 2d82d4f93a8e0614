#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/row.h"
#include "store/store_p.h"

static void bind_row(sqlite3_stmt *st, const struct table *t,
    const struct value *key)
{
	sqlite3_bind_int64(st, 1, t->id);
	db_bind(st, 2, key);
}

/* Insert it, or do what the statement says of one that is there: 1 when it is
 * new. */
static int put(struct store *s, sqlite3_stmt *st, const struct table *t,
    const struct value *key, const char *kind, const char *why, bool was,
    struct err *e)
{
	bind_row(st, t, key);
	sqlite3_bind_text(st, 3, kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 4, why, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 5, clock_wall());
	if (db_run(st, e) < 0)
		return -1;
	return !was && sqlite3_changes(s->db) > 0;
}

int held_new(struct store *s, const struct table *t, const struct value *key,
    const char *why, struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_HELD_NEW,
	    "INSERT OR IGNORE INTO dialsync_held(t, k, kind, why, since)"
	    " VALUES(?, ?, ?, ?, ?)", e);

	return st ? put(s, st, t, key, HELD_NEW, why, false, e) : -1;
}

int held_put(struct store *s, const struct table *t, const struct value *key,
    const char *kind, const char *why, struct err *e)
{
	struct held h;
	int was = held_get(s, t, key, &h, e);
	sqlite3_stmt *st = was < 0 ? NULL : store_stmt(s, ST_HELD_PUT,
	    "INSERT INTO dialsync_held(t, k, kind, why, since)"
	    " VALUES(?, ?, ?, ?, ?) ON CONFLICT(t, k) DO UPDATE"
	    " SET kind = excluded.kind, why = excluded.why"
	    " WHERE kind <> excluded.kind OR why <> excluded.why", e);

	return st ? put(s, st, t, key, kind, why, was == 1, e) : -1;
}

int held_get(struct store *s, const struct table *t, const struct value *key,
    struct held *h, struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_HELD_GET,
	    "SELECT kind, wait FROM dialsync_held WHERE t = ? AND k = ?", e);
	bool death;
	int rc;

	memset(h, 0, sizeof(*h));
	if (!st)
		return -1;
	bind_row(st, t, key);
	rc = db_step(st, e);
	if (rc == 1) {
		snprintf(h->kind, sizeof(h->kind), "%s",
		    (const char *)sqlite3_column_text(st, 0));
		if (sqlite3_column_type(st, 1) != SQLITE_NULL)
			mask_column(st, 1, t, h->wait.w, &death);
	}
	sqlite3_reset(st);
	return rc;
}

int held_is_old(struct store *s, const struct table *t,
    const struct value *key, struct err *e)
{
	struct held h;
	int rc = held_get(s, t, key, &h, e);

	return rc == 1 ? strcmp(h.kind, HELD_OLD) == 0 : rc;
}

int held_drop(struct store *s, const struct table *t, const struct value *key,
    struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_HELD_DEL,
	    "DELETE FROM dialsync_held WHERE t = ? AND k = ?", e);

	if (!st)
		return -1;
	bind_row(st, t, key);
	return db_run(st, e);
}

int held_whole(struct store *s, const struct table *t,
    const struct value *key, struct err *e)
{
	struct value v;
	struct held h;
	int rc;

	if (!t->present || t->nkey == 0)
		return 0;
	rc = aside_get(s, t, key, t->key[0] + REG_COLUMN, &v, e);
	return rc == 1 ? held_get(s, t, key, &h, e) : rc;
}

int held_any(struct store *s, const struct table *t, struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_HELD_ANY,
	    "SELECT 1 FROM dialsync_held WHERE t = ? LIMIT 1", e);
	int rc;

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, t->id);
	rc = db_step(st, e);
	sqlite3_reset(st);
	return rc;
}

/* ---- waiting for a person */

static int put_wait(struct store *s, const struct table *t,
    const struct value *key, const uint64_t *regs, struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_HELD_WAIT,
	    "UPDATE dialsync_held SET wait = ?3 WHERE t = ?1 AND k = ?2", e);

	if (!st)
		return -1;
	bind_row(st, t, key);
	if (mask_empty(regs, t->words))
		sqlite3_bind_null(st, 3);
	else
		mask_bind(st, 3, t, regs, false);
	return db_run(st, e);
}

int held_wait_add(struct store *s, const struct table *t,
    const struct value *key, const uint64_t *regs, const char *why,
    struct err *e)
{
	struct held h;
	int rc = held_get(s, t, key, &h, e);

	if (rc < 0 || (rc == 0 &&
		held_put(s, t, key, HELD_PERSON, why, e) < 0))
		return -1;
	mask_or(h.wait.w, regs, t->words);
	return put_wait(s, t, key, h.wait.w, e);
}

int held_wait(struct store *s, const struct table *t, const struct value *key,
    uint64_t *regs, struct err *e)
{
	struct held h;
	int rc = held_get(s, t, key, &h, e);

	if (rc < 0)
		return -1;
	memcpy(regs, h.wait.w, (size_t)t->words * sizeof(*regs));
	return !mask_empty(regs, t->words);
}

int held_wait_drop(struct store *s, const struct table *t,
    const struct value *key, const uint64_t *regs, struct err *e)
{
	struct mask aside;
	struct held h;
	int rc = held_get(s, t, key, &h, e);

	if (rc <= 0)
		return rc;
	mask_minus(h.wait.w, regs, t->words);
	if (put_wait(s, t, key, h.wait.w, e) < 0)
		return -1;
	if (strcmp(h.kind, HELD_PERSON) == 0 &&
	    mask_empty(h.wait.w, t->words)) {
		memset(&aside, 0, sizeof(aside));
		if (aside_mask(s, t, key, aside.w, e) < 0)
			return -1;
		if (mask_empty(aside.w, t->words))
			return held_drop(s, t, key, e);
	}
	return store_meta_set_int(s, HELD_META_RETRY, 1, e);
}
