#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/row.h"
#include "store/store_p.h"

int aside_begin(struct store *s, struct err *e)
{
	int64_t any;

	if (db_int(s->db, "SELECT EXISTS(SELECT 1 FROM dialsync_aside)", 0,
		&any, e) < 0)
		return -1;
	s->aside = any != 0;
	return 0;
}

bool aside_any(struct store *s)
{
	return s->aside;
}

static void bind_row(sqlite3_stmt *st, const struct table *t,
    const struct value *key)
{
	sqlite3_bind_int64(st, 1, t->id);
	db_bind(st, 2, key);
}

int aside_put(struct store *s, const struct table *t, const struct value *key,
    int reg, const struct value *v, struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_ASIDE_PUT,
	    "INSERT OR REPLACE INTO dialsync_aside(t, k, r, v)"
	    " VALUES(?, ?, ?, ?)", e);

	if (!st)
		return -1;
	bind_row(st, t, key);
	sqlite3_bind_int(st, 3, reg);
	db_bind(st, 4, v);
	s->aside = true;
	return db_run(st, e);
}

int aside_get(struct store *s, const struct table *t, const struct value *key,
    int reg, struct value *v, struct err *e)
{
	sqlite3_stmt *st;
	int rc;

	memset(v, 0, sizeof(*v));
	if (!s->aside)
		return 0;
	st = store_stmt(s, ST_ASIDE_GET,
	    "SELECT v FROM dialsync_aside WHERE t = ? AND k = ? AND r = ?", e);
	if (!st)
		return -1;
	bind_row(st, t, key);
	sqlite3_bind_int(st, 3, reg);
	rc = db_step(st, e);
	if (rc == 1)
		db_column(st, 0, v);
	return rc;
}

int aside_drop(struct store *s, const struct table *t, const struct value *key,
    int reg, struct err *e)
{
	sqlite3_stmt *st;

	if (!s->aside)
		return 0;
	st = store_stmt(s, ST_ASIDE_DEL,
	    "DELETE FROM dialsync_aside WHERE t = ? AND k = ? AND r = ?", e);
	if (!st)
		return -1;
	bind_row(st, t, key);
	sqlite3_bind_int(st, 3, reg);
	return db_run(st, e);
}

int aside_mask(struct store *s, const struct table *t,
    const struct value *key, uint64_t *mask, struct err *e)
{
	sqlite3_stmt *st;
	int rc;

	if (!s->aside)
		return 0;
	st = store_stmt(s, ST_ASIDE_REGS,
	    "SELECT r FROM dialsync_aside WHERE t = ? AND k = ?", e);
	if (!st)
		return -1;
	bind_row(st, t, key);
	while ((rc = db_step(st, e)) == 1) {
		int r = sqlite3_column_int(st, 0);

		if (r >= 0 && r < t->ncols + REG_COLUMN)
			mask_set(mask, r);
	}
	sqlite3_reset(st);
	return rc;
}

int held_put(struct store *s, const struct table *t, const struct value *key,
    const char *kind, const char *why, struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_HELD_PUT,
	    "INSERT INTO dialsync_held(t, k, kind, why, since)"
	    " VALUES(?, ?, ?, ?, ?) ON CONFLICT(t, k) DO UPDATE"
	    " SET kind = excluded.kind, why = excluded.why", e);

	if (!st)
		return -1;
	bind_row(st, t, key);
	sqlite3_bind_text(st, 3, kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 4, why, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 5, clock_wall());
	return db_run(st, e);
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

int held_is(struct store *s, const struct table *t, const struct value *key,
    struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_HELD_IS,
	    "SELECT 1 FROM dialsync_held WHERE t = ? AND k = ?", e);
	int rc;

	if (!st)
		return -1;
	bind_row(st, t, key);
	rc = db_step(st, e);
	sqlite3_reset(st);
	return rc;
}

int held_is_old(struct store *s, const struct table *t,
    const struct value *key, struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_HELD_OLD,
	    "SELECT 1 FROM dialsync_held WHERE t = ? AND k = ?"
	    " AND kind = 'old'", e);
	int rc;

	if (!st)
		return -1;
	bind_row(st, t, key);
	rc = db_step(st, e);
	sqlite3_reset(st);
	return rc;
}

/* ---- values that wait for a person */

static int set_wait(struct store *s, const struct table *t,
    const struct value *key, const uint64_t *mask, struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_HELD_WAIT_SET,
	    "UPDATE dialsync_held SET wait = ?3 WHERE t = ?1 AND k = ?2", e);

	if (!st)
		return -1;
	bind_row(st, t, key);
	if (mask_empty(mask, t->words))
		sqlite3_bind_null(st, 3);
	else
		mask_bind(st, 3, t, mask, false);
	return db_run(st, e);
}

int held_wait(struct store *s, const struct table *t,
    const struct value *key, uint64_t *mask, struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_HELD_WAIT,
	    "SELECT wait FROM dialsync_held WHERE t = ? AND k = ?"
	    " AND wait IS NOT NULL", e);
	bool death;
	int rc;

	memset(mask, 0, (size_t)t->words * sizeof(*mask));
	if (!st)
		return -1;
	bind_row(st, t, key);
	rc = db_step(st, e);
	if (rc == 1)
		mask_column(st, 0, t, mask, &death);
	sqlite3_reset(st);
	return rc < 0 ? -1 : !mask_empty(mask, t->words);
}

int held_wait_add(struct store *s, const struct table *t,
    const struct value *key, const uint64_t *mask, struct err *e)
{
	uint64_t all[MASK_WORDS];
	int rc = held_is(s, t, key, e);

	if (rc == 0)
		rc = held_put(s, t, key, HELD_PERSON, "a value from another"
		    " site waits for a person (resolve = hold)", e);
	if (rc < 0 || held_wait(s, t, key, all, e) < 0)
		return -1;
	mask_or(all, mask, t->words);
	return set_wait(s, t, key, all, e);
}

int held_wait_drop(struct store *s, const struct table *t,
    const struct value *key, const uint64_t *mask, struct err *e)
{
	sqlite3_stmt *st;
	uint64_t all[MASK_WORDS];
	int rc = held_wait(s, t, key, all, e);

	if (rc <= 0)
		return rc;
	mask_minus(all, mask, t->words);
	if (set_wait(s, t, key, all, e) < 0)
		return -1;
	if (!mask_empty(all, t->words))
		return 0;
	st = store_stmt(s, ST_HELD_WAIT_DEL, "DELETE FROM dialsync_held"
	    " WHERE t = ? AND k = ? AND kind = 'person'", e);
	if (!st)
		return -1;
	bind_row(st, t, key);
	return db_run(st, e);
}
