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

/* ---- conflicts */

static const char *site_of(struct store *s, int64_t o)
{
	const struct origin *origin = store_origin_get(s, o);

	return origin ? origin->site : "";
}

/* The record's key names the register and the loser's version, so that two
 * sites that see the same conflict make the same row. */
static void conflict_id(struct store *s, const struct conflict *c,
    struct buf *id)
{
	const struct origin *o = store_origin_get(s, c->loser.origin);

	buf_addf(id, "%s|", c->table->name);
	key_text(c->table, c->key, id);
	buf_addf(id, "|%s|%lld|%s|%lld", c->field, (long long)c->loser.clock,
	    o ? o->site : "", o ? (long long)o->inc : 0LL);
	/* the winner has the same version, and may lose one day, too */
	if (c->loser.clock == c->winner.clock &&
	    c->loser.origin == c->winner.origin)
		buf_adds(id, "|=");
}

static int conflict_insert(struct store *s, const struct conflict *c,
    const struct buf *id, struct err *e)
{
	static const struct value null;
	struct buf key = BUF_INIT(SIZE_MAX);
	sqlite3_stmt *st = store_stmt(s, ST_CONFLICT_ADD,
	    "INSERT OR IGNORE INTO dialsync_conflict(id, tbl, key, field, lost,"
	    " lost_clock, lost_site, won, won_clock, won_site, bundle, seen_by)"
	    " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", e);
	int rc;

	if (!st)
		return -1;
	key_text(c->table, c->key, &key);
	sqlite3_bind_text(st, 1, buf_str(id), (int)id->n, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, c->table->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, buf_str(&key), (int)key.n, SQLITE_STATIC);
	sqlite3_bind_text(st, 4, c->field, -1, SQLITE_STATIC);
	db_bind(st, 5, c->lost ? c->lost : &null);
	sqlite3_bind_int64(st, 6, c->loser.clock);
	sqlite3_bind_text(st, 7, site_of(s, c->loser.origin), -1,
	    SQLITE_TRANSIENT);
	db_bind(st, 8, c->won ? c->won : &null);
	sqlite3_bind_int64(st, 9, c->winner.clock);
	sqlite3_bind_text(st, 10, site_of(s, c->winner.origin), -1,
	    SQLITE_TRANSIENT);
	sqlite3_bind_text(st, 11, c->bundle, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 12, s->site, -1, SQLITE_STATIC);
	rc = db_run(st, e);
	sqlite3_clear_bindings(st);
	buf_free(&key);
	return rc < 0 ? -1 : sqlite3_changes(s->db) > 0;
}

int conflict_add(struct store *s, const struct conflict *c, struct err *e)
{
	struct buf id = BUF_INIT(SIZE_MAX);
	sqlite3_stmt *st;
	int rc, added;

	/* a conflict about a conflict record tells nobody anything */
	if (strcmp(c->table->name, TABLE_CONFLICT) == 0)
		return 0;
	conflict_id(s, c, &id);
	if (id.failed) {
		buf_free(&id);
		return err_set(e, ERR_SYSTEM, "out of memory");
	}
	rc = added = conflict_insert(s, c, &id, e);
	if (rc == 1) {
		/* no trigger runs on this connection: log it by hand */
		st = store_stmt(s, ST_CONFLICT_LOG,
		    "INSERT INTO dialsync_log(t, m, w, k1) VALUES(1, -1, ?, ?)",
		    e);
		rc = -1;
		if (st) {
			sqlite3_bind_int64(st, 1, clock_wall());
			sqlite3_bind_text(st, 2, buf_str(&id), (int)id.n,
			    SQLITE_STATIC);
			rc = db_run(st, e);
		}
	}
	buf_free(&id);
	return rc < 0 ? -1 : added;
}
