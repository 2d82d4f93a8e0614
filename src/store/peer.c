#include "config.h"

#include "store/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/store_p.h"

int peer_load(struct store *s, const char *name, struct peer *p, struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_PEER_LOAD,
	    "SELECT p, name, number, mark, tag, full, acked, inc, pos, pos_tag,"
	    " pos_number, back, want, tell, told, unanswered, waiting_for,"
	    " scan, ack_number, wish_pos, wish_number, wish_when, load,"
	    " load_first, loading, load_all, began, heard, ack_wall"
	    " FROM dialsync_peer WHERE name = ? AND NOT removed", e);
	int rc;

	if (!st)
		return -1;
	memset(p, 0, sizeof(*p));
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	rc = db_step(st, e);
	if (rc == 1) {
		p->id = sqlite3_column_int64(st, 0);
		snprintf(p->name, sizeof(p->name), "%s",
		    (const char *)sqlite3_column_text(st, 1));
		p->number = sqlite3_column_int64(st, 2);
		p->mark = sqlite3_column_int64(st, 3);
		p->tag = (uint64_t)sqlite3_column_int64(st, 4);
		p->full = sqlite3_column_int(st, 5) != 0;
		p->acked = sqlite3_column_int64(st, 6);
		p->inc = sqlite3_column_int64(st, 7);
		p->pos = sqlite3_column_int64(st, 8);
		p->pos_tag = (uint64_t)sqlite3_column_int64(st, 9);
		p->pos_number = sqlite3_column_int64(st, 10);
		p->back = sqlite3_column_int64(st, 11);
		p->want = sqlite3_column_int64(st, 12);
		p->tell = sqlite3_column_int(st, 13) != 0;
		p->told = sqlite3_column_int64(st, 14);
		p->unanswered = sqlite3_column_int64(st, 15);
		p->waiting_for = sqlite3_column_int64(st, 16);
		p->scan = sqlite3_column_int64(st, 17);
		p->ack_number = sqlite3_column_int64(st, 18);
		p->wish_pos = sqlite3_column_int64(st, 19);
		p->wish_number = sqlite3_column_int64(st, 20);
		p->wish_when = sqlite3_column_int64(st, 21);
		p->load = sqlite3_column_int64(st, 22);
		p->load_first = sqlite3_column_int64(st, 23);
		p->loading = (enum peer_loading)sqlite3_column_int(st, 24);
		p->load_all = sqlite3_column_int(st, 25) != 0;
		p->began = sqlite3_column_int64(st, 26);
		p->heard = sqlite3_column_int64(st, 27);
		p->ack_wall = sqlite3_column_int64(st, 28);
	}
	sqlite3_reset(st);
	if (rc == 0)
		return err_set(e, ERR_USAGE, "peer %s is not known to this"
		    " database", name);
	return rc < 0 ? -1 : 0;
}

int peer_save(struct store *s, const struct peer *p, struct err *e)
{
	const int64_t v[] = {p->number, p->mark, (int64_t)p->tag, p->full,
	    p->acked, p->inc, p->pos, (int64_t)p->pos_tag, p->pos_number,
	    p->back, p->want, p->tell, p->told, p->unanswered, p->waiting_for,
	    p->scan, p->ack_number, p->wish_pos, p->wish_number,
	    p->wish_when, p->load, p->load_first, (int64_t)p->loading,
	    p->load_all, p->began, p->heard, p->ack_wall, p->id};
	sqlite3_stmt *st = store_stmt(s, ST_PEER_SAVE,
	    "UPDATE dialsync_peer SET number = ?, mark = ?, tag = ?, full = ?,"
	    " acked = ?, inc = ?, pos = ?, pos_tag = ?, pos_number = ?,"
	    " back = ?, want = ?, tell = ?, told = ?, unanswered = ?,"
	    " waiting_for = ?, scan = ?, ack_number = ?, wish_pos = ?,"
	    " wish_number = ?, wish_when = ?, load = ?, load_first = ?,"
	    " loading = ?, load_all = ?, began = ?, heard = ?,"
	    " ack_wall = ?"
	    " WHERE p = ?", e);

	if (!st)
		return -1;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		sqlite3_bind_int64(st, (int)i + 1, v[i]);
	return db_run(st, e);
}

/* Where the peer's mark goes back to is an end that it has applied, so it has
 * a tag, or the beginning; the next bundle lists the tags from there on
 * (pack/head.c), as it does for a peer's own wish. */
int peer_rewind(struct store *s, struct peer *p, struct err *e)
{
	struct peer_sent sent = {0, 0, -1, 0};
	int rc;

	if (p->acked >= p->mark)
		return 0;
	rc = p->acked ? peer_sent_get(s, p, p->acked, &sent, e) : 1;
	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(e, ERR_CALLER, "the position that %s has"
		    " acknowledged has no tag", p->name);
	p->mark = p->scan = p->acked;
	p->tag = sent.tag;
	p->full = true;
	p->told = -1;
	return peer_told_clear(s, p, e) < 0 ? -1 : 1;
}

int peer_add(struct store *s, const char *name, struct peer *p, struct err *e)
{
	/* a peer that was never heard of is silent from now on, not since
	 * ever; nor is one that comes back, which gets everything anew if
	 * deaths were forgotten without it */
	if (db_execf(s->db, e, "INSERT OR IGNORE INTO dialsync_peer(name,"
		" heard) VALUES(%Q, %lld);"
		"UPDATE dialsync_peer SET loading = %d, load_all = 1"
		" WHERE name = %Q AND removed < (SELECT a.v FROM"
		" dialsync_meta a, dialsync_meta f WHERE a.k = 'forgot_at'"
		" AND f.k = 'forgotten') AND removed;"
		"UPDATE dialsync_peer SET removed = 0, heard = %lld"
		" WHERE name = %Q AND removed", name, (long long)clock_wall(),
		PEER_LOAD_LATER, name, (long long)clock_wall(), name) < 0)
		return -1;
	return peer_load(s, name, p, e);
}

int peer_load_start(struct store *s, struct peer *p, struct err *e)
{
	p->load = store_next_seq(s);
	p->load_first = p->number + 1;
	p->loading = PEER_LOAD_ON;
	p->mark = p->scan = 0;
	p->tag = 0;
	p->full = true;
	p->told = -1;
	return peer_told_clear(s, p, e) < 0 ? -1 : peer_save(s, p, e);
}

int peer_list(struct store *s, char ***names, int *n, struct err *e)
{
	sqlite3_stmt *st = db_prepare(s->db,
	    "SELECT name FROM dialsync_peer WHERE NOT removed"
	    " ORDER BY name", false, e);
	char **list = NULL, **more;
	int rc;

	*n = 0;
	*names = NULL;
	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1) {
		more = realloc(list, (size_t)(*n + 1) * sizeof(*list));
		if (!more)
			abort();
		list = more;
		list[*n] = strdup((const char *)sqlite3_column_text(st, 0));
		if (!list[*n])
			abort();
		(*n)++;
	}
	sqlite3_finalize(st);
	*names = list;
	return rc;
}

int peer_remove(struct store *s, const char *name, struct err *e)
{
	struct peer p;

	if (peer_load(s, name, &p, e) < 0)
		return -1;
	return db_execf(s->db, e, "UPDATE dialsync_peer SET"
	    " removed = max(1, %lld), tell = 0, waiting_for = 0"
	    " WHERE p = %lld", (long long)clock_wall(), (long long)p.id);
}

/* ---- own tags */

int peer_sent_add(struct store *s, const struct peer *p,
    const struct peer_sent *x, struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_SENT_ADD,
	    "INSERT OR REPLACE INTO dialsync_sent(p, upto, tag, clock, number,"
	    " inc) VALUES(?, ?, ?, ?, ?, ?)", e);

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, p->id);
	sqlite3_bind_int64(st, 2, x->upto);
	sqlite3_bind_int64(st, 3, (int64_t)x->tag);
	sqlite3_bind_int64(st, 4, x->clock);
	sqlite3_bind_int64(st, 5, x->number);
	sqlite3_bind_int64(st, 6, s->inc);
	return db_run(st, e);
}

int peer_sent_get(struct store *s, const struct peer *p, int64_t upto,
    struct peer_sent *x, struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_SENT_GET,
	    "SELECT tag, clock, number FROM dialsync_sent"
	    " WHERE p = ? AND inc = ? AND upto = ?", e);
	int rc;

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, p->id);
	sqlite3_bind_int64(st, 2, s->inc);
	sqlite3_bind_int64(st, 3, upto);
	rc = db_step(st, e);
	if (rc == 1) {
		x->upto = upto;
		x->tag = (uint64_t)sqlite3_column_int64(st, 0);
		x->clock = sqlite3_column_int64(st, 1);
		x->number = sqlite3_column_int64(st, 2);
	}
	sqlite3_reset(st);
	return rc;
}

int peer_sent_from(struct store *s, const struct peer *p, int64_t from,
    struct peer_sent **out, size_t *n, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e,
	    "SELECT upto, tag, clock, number FROM dialsync_sent"
	    " WHERE p = %lld AND inc = %lld AND upto >= %lld ORDER BY upto",
	    (long long)p->id, (long long)s->inc, (long long)from);
	struct peer_sent *list = NULL, *more;
	int rc;

	*n = 0;
	*out = NULL;
	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1) {
		more = realloc(list, (*n + 1) * sizeof(*list));
		if (!more)
			abort();
		list = more;
		list[*n].upto = sqlite3_column_int64(st, 0);
		list[*n].tag = (uint64_t)sqlite3_column_int64(st, 1);
		list[*n].clock = sqlite3_column_int64(st, 2);
		list[*n].number = sqlite3_column_int64(st, 3);
		(*n)++;
	}
	sqlite3_finalize(st);
	*out = list;
	return rc;
}

int peer_sent_made(struct store *s, const struct peer *p, uint64_t tag,
    struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e, "SELECT 1 FROM dialsync_sent"
	    " WHERE p = %lld AND tag = %lld", (long long)p->id,
	    (long long)tag);
	int rc = st ? db_step(st, e) : -1;

	sqlite3_finalize(st);
	return rc;
}

int peer_sent_shared(struct store *s, const struct peer *p,
    const uint64_t *tags, size_t n, struct peer_sent *x, struct err *e)
{
	int found = 0;

	for (size_t i = 0; i < n; i++) {
		sqlite3_stmt *st = db_preparef(s->db, e,
		    "SELECT upto, tag, clock, number FROM dialsync_sent"
		    " WHERE p = %lld AND tag = %lld", (long long)p->id,
		    (long long)tags[i]);
		int rc = st ? db_step(st, e) : -1;

		if (rc == 1 &&
		    (!found || sqlite3_column_int64(st, 2) > x->clock)) {
			x->upto = sqlite3_column_int64(st, 0);
			x->tag = (uint64_t)sqlite3_column_int64(st, 1);
			x->clock = sqlite3_column_int64(st, 2);
			x->number = sqlite3_column_int64(st, 3);
			found = 1;
		}
		sqlite3_finalize(st);
		if (rc < 0)
			return -1;
	}
	return found;
}

int peer_sent_prune(struct store *s, const struct peer *p, struct err *e)
{
	return db_execf(s->db, e,
	    "DELETE FROM dialsync_sent WHERE p = %lld AND inc = %lld"
	    " AND upto < %lld AND upto < (SELECT min(upto) FROM"
	    " (SELECT upto FROM dialsync_sent WHERE p = %lld AND inc = %lld"
	    "  ORDER BY upto DESC LIMIT 1000))",
	    (long long)p->id, (long long)s->inc, (long long)p->acked,
	    (long long)p->id, (long long)s->inc);
}

/* ---- the peer's tags */

int peer_seen_add(struct store *s, const struct peer *p,
    const struct peer_seen *x, struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_SEEN_ADD,
	    "INSERT OR IGNORE INTO dialsync_seen(p, upto, tag, inc, clock, n)"
	    " SELECT ?1, ?2, ?3, ?4, ?5, 1 + coalesce(max(n), 0)"
	    " FROM dialsync_seen WHERE p = ?1", e);

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, p->id);
	sqlite3_bind_int64(st, 2, x->upto);
	sqlite3_bind_int64(st, 3, (int64_t)x->tag);
	sqlite3_bind_int64(st, 4, x->inc);
	sqlite3_bind_int64(st, 5, x->clock);
	return db_run(st, e);
}

/* A bundle of an end before these would be taken for one of another past, and
 * such an old one comes from nobody but a person. */
int peer_seen_prune(struct store *s, const struct peer *p, struct err *e)
{
	return db_execf(s->db, e,
	    "DELETE FROM dialsync_seen WHERE p = %lld AND n < (SELECT"
	    " min(n) FROM (SELECT n FROM dialsync_seen WHERE p = %lld"
	    " ORDER BY n DESC LIMIT 1000))", (long long)p->id,
	    (long long)p->id);
}

int peer_seen_has(struct store *s, const struct peer *p, uint64_t tag,
    int64_t *clock, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e,
	    "SELECT clock FROM dialsync_seen WHERE p = %lld AND tag = %lld",
	    (long long)p->id, (long long)tag);
	int rc = st ? db_step(st, e) : -1;

	if (rc == 1 && clock)
		*clock = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc;
}

int peer_seen_before(struct store *s, const struct peer *p, int64_t upto,
    uint32_t tag, int64_t *clock, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e,
	    "SELECT clock FROM dialsync_seen WHERE p = %lld AND inc = %lld"
	    " AND upto = %lld AND tag & 4294967295 = %lld",
	    (long long)p->id, (long long)p->inc, (long long)upto,
	    (long long)tag);
	int rc = st ? db_step(st, e) : -1;

	if (rc == 1)
		*clock = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc;
}

int peer_seen_list(struct store *s, const struct peer *p, uint64_t *tags,
    size_t max, size_t *n, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e,
	    "SELECT tag FROM dialsync_seen WHERE p = %lld AND inc = %lld"
	    " ORDER BY n DESC LIMIT %lld", (long long)p->id,
	    (long long)p->inc, (long long)max);
	int rc;

	*n = 0;
	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1)
		tags[(*n)++] = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc;
}

int peer_seen_clear(struct store *s, const struct peer *p, struct err *e)
{
	return db_execf(s->db, e, "DELETE FROM dialsync_seen WHERE p = %lld",
	    (long long)p->id);
}

int peer_ended(struct store *s, const struct peer *p, int64_t inc,
    struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e,
	    "SELECT 1 FROM dialsync_ended WHERE p = %lld AND inc = %lld",
	    (long long)p->id, (long long)inc);
	int rc = st ? db_step(st, e) : -1;

	sqlite3_finalize(st);
	return rc;
}

int peer_end_inc(struct store *s, const struct peer *p, int64_t inc,
    struct err *e)
{
	return db_execf(s->db, e,
	    "INSERT OR IGNORE INTO dialsync_ended(p, inc)"
	    " VALUES(%lld, %lld)", (long long)p->id, (long long)inc);
}

int peer_end_own_inc(struct store *s, int64_t inc, struct err *e)
{
	const struct peer self = {.id = 0};

	return peer_end_inc(s, &self, inc, e);
}

int peer_own_inc(struct store *s, int64_t inc, struct err *e)
{
	const struct peer self = {.id = 0};

	return inc == s->inc ? 1 : peer_ended(s, &self, inc, e);
}

int peer_ended_set_wall(struct store *s, const struct peer *p, int64_t inc,
    int64_t wall, struct err *e)
{
	return db_execf(s->db, e,
	    "UPDATE dialsync_ended SET wall = %lld"
	    " WHERE p = %lld AND inc = %lld", (long long)wall,
	    (long long)p->id, (long long)inc);
}

int peer_ended_wall(struct store *s, const struct peer *p, int64_t inc,
    int64_t *wall, struct err *e)
{
	char sql[120];

	snprintf(sql, sizeof(sql), "SELECT wall FROM dialsync_ended"
	    " WHERE p = %lld AND inc = %lld", (long long)p->id,
	    (long long)inc);
	return db_int(s->db, sql, 0, wall, e);
}

/* ---- knowledge */

/* One column of (p, o, clock) as an array by origin number. */
static int load_clocks(struct store *s, const char *table,
    const struct peer *p, int64_t **out, struct err *e)
{
	int64_t n = store_origin_count(s), *v;
	sqlite3_stmt *st;
	int rc;

	*out = NULL;
	v = malloc((size_t)(n + 1) * sizeof(*v));
	if (!v)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (int64_t i = 0; i <= n; i++)
		v[i] = -1;
	st = db_preparef(s->db, e, "SELECT o, clock FROM %s WHERE p = %lld",
	    table, (long long)p->id);
	if (!st) {
		free(v);
		return -1;
	}
	while ((rc = db_step(st, e)) == 1) {
		int64_t o = sqlite3_column_int64(st, 0);

		if (o >= 1 && o <= n)
			v[o] = sqlite3_column_int64(st, 1);
	}
	sqlite3_finalize(st);
	if (rc < 0) {
		free(v);
		return -1;
	}
	*out = v;
	return 0;
}

static int set_clock(sqlite3_stmt *st, const struct peer *p, int64_t o,
    int64_t clock, struct err *e)
{
	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, p->id);
	sqlite3_bind_int64(st, 2, o);
	sqlite3_bind_int64(st, 3, clock);
	return db_run(st, e);
}

int peer_view_load(struct store *s, const struct peer *p, int64_t **view,
    struct err *e)
{
	return load_clocks(s, "dialsync_view", p, view, e);
}

int peer_view_set(struct store *s, const struct peer *p, int64_t o,
    int64_t clock, struct err *e)
{
	const struct origin *x = store_origin_get(s, o);

	if (x && clock > x->ends)
		clock = x->ends;
	return set_clock(store_stmt(s, ST_VIEW_SET,
	    "INSERT OR REPLACE INTO dialsync_view(p, o, clock)"
	    " VALUES(?, ?, ?)", e), p, o, clock, e);
}

int peer_view_clear(struct store *s, const struct peer *p, struct err *e)
{
	return db_execf(s->db, e, "DELETE FROM dialsync_view WHERE p = %lld",
	    (long long)p->id);
}

int peer_told_load(struct store *s, const struct peer *p, int64_t **told,
    struct err *e)
{
	return load_clocks(s, "dialsync_told", p, told, e);
}

int peer_told_set(struct store *s, const struct peer *p, int64_t o,
    int64_t clock, struct err *e)
{
	return set_clock(store_stmt(s, ST_TOLD_SET,
	    "INSERT OR REPLACE INTO dialsync_told(p, o, clock)"
	    " VALUES(?, ?, ?)", e), p, o, clock, e);
}

int peer_told_clear(struct store *s, const struct peer *p, struct err *e)
{
	return db_execf(s->db, e, "DELETE FROM dialsync_told WHERE p = %lld",
	    (long long)p->id);
}
