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
