#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store_p.h"

/* Origins are few (sites times restores): all of them are kept in memory. */

void origins_free(struct store *s)
{
	free(s->origins);
	s->origins = NULL;
	s->norigins = 0;
}

/* Room for one more at the end; NULL when out of memory. */
static struct origin *origin_room(struct store *s)
{
	struct origin *p = realloc(s->origins,
	    (size_t)(s->norigins + 1) * sizeof(*p));

	if (!p)
		return NULL;
	s->origins = p;
	return p + s->norigins;
}

int store_origins_load(struct store *s, struct err *e)
{
	sqlite3_stmt *st = db_prepare(s->db,
	    "SELECT o, site, inc, known, ends FROM dialsync_origin ORDER BY o",
	    false, e);
	int rc;

	if (!st)
		return -1;
	s->norigins = 0;
	while ((rc = db_step(st, e)) == 1) {
		struct origin *o = origin_room(s);

		if (!o || sqlite3_column_int64(st, 0) != s->norigins + 1) {
			rc = err_set(e, ERR_DATA,
			    "dialsync_origin is damaged: its numbers have a"
			    " gap");
			break;
		}
		snprintf(o->site, sizeof(o->site), "%s",
		    (const char *)sqlite3_column_text(st, 1));
		o->inc = sqlite3_column_int64(st, 2);
		o->known = sqlite3_column_int64(st, 3);
		o->ends = sqlite3_column_type(st, 4) == SQLITE_NULL
		    ? STORE_NO_END
		    : sqlite3_column_int64(st, 4);
		s->norigins++;
		if (o->inc == s->inc && strcmp(o->site, s->site) == 0)
			s->self = s->norigins;
	}
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

int store_origin(struct store *s, const char *site, int64_t inc, int64_t *out,
    struct err *e)
{
	sqlite3_stmt *st;
	struct origin *o;

	for (int64_t i = 0; i < s->norigins; i++)
		if (s->origins[i].inc == inc &&
		    strcmp(s->origins[i].site, site) == 0) {
			*out = i + 1;
			return 0;
		}
	o = origin_room(s);
	if (!o)
		return err_set(e, ERR_SYSTEM, "out of memory");
	st = store_stmt(s, ST_ORIGIN_ADD,
	    "INSERT INTO dialsync_origin(o, site, inc) VALUES(?, ?, ?)", e);
	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, s->norigins + 1);
	sqlite3_bind_text(st, 2, site, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, inc);
	if (db_run(st, e) < 0)
		return -1;
	memset(o, 0, sizeof(*o));
	snprintf(o->site, sizeof(o->site), "%s", site);
	o->inc = inc;
	o->known = -1;
	o->ends = STORE_NO_END;
	*out = ++s->norigins;
	return 0;
}

const struct origin *store_origin_get(struct store *s, int64_t o)
{
	return o >= 1 && o <= s->norigins ? &s->origins[o - 1] : NULL;
}

int64_t store_origin_count(struct store *s)
{
	return s->norigins;
}

int store_version_cmp(struct store *s, const struct version *a,
    const struct version *b)
{
	const struct origin *oa, *ob;
	int c;

	if (a->clock != b->clock)
		return a->clock < b->clock ? -1 : 1;
	if (a->origin == b->origin)
		return 0;
	/* the base version has the smallest name, "" */
	oa = store_origin_get(s, a->origin);
	ob = store_origin_get(s, b->origin);
	if (!oa || !ob)
		return oa ? 1 : ob ? -1 : 0;
	c = strcmp(oa->site, ob->site);
	if (c)
		return c < 0 ? -1 : 1;
	return oa->inc < ob->inc ? -1 : oa->inc > ob->inc;
}

bool store_version_loaded(struct store *s, const struct version *v)
{
	const struct origin *o = store_origin_get(s, v->origin);

	return v->clock == STORE_CLOCK_LOAD && o &&
	    strcmp(o->site, s->site) == 0;
}

int store_know(struct store *s, int64_t o, int64_t clock, struct err *e)
{
	sqlite3_stmt *st;

	if (o < 1 || o > s->norigins)
		return 0;
	if (clock > s->origins[o - 1].ends)
		clock = s->origins[o - 1].ends;
	if (s->origins[o - 1].known >= clock)
		return 0;
	st = store_stmt(s, ST_ORIGIN_KNOW,
	    "UPDATE dialsync_origin SET known = ? WHERE o = ?", e);
	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, clock);
	sqlite3_bind_int64(st, 2, o);
	if (db_run(st, e) < 0)
		return -1;
	s->origins[o - 1].known = clock;
	return 0;
}

/* ---- incarnations that have ended */

/* Fragments of o beyond clock get new places in the local sequence, in their
 * order: every peer is offered them again, whoever gave them. */
static int offer_again(struct store *s, int64_t o, int64_t clock,
    struct err *e)
{
	/* not rows of a first load: they are the same in all pasts */
	sqlite3_stmt *st = db_preparef(s->db, e, "SELECT s FROM dialsync_frag"
	    " WHERE o = %lld AND c > %lld ORDER BY s", (long long)o,
	    (long long)(clock < STORE_CLOCK_LOAD ? STORE_CLOCK_LOAD : clock));
	int64_t *list = NULL, *more;
	size_t n = 0, cap = 0;
	int rc;

	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1) {
		if (n == cap) {
			cap = cap ? cap * 2 : 256;
			more = realloc(list, cap * sizeof(*list));
			if (!more) {
				rc = err_set(e, ERR_SYSTEM, "out of memory");
				break;
			}
			list = more;
		}
		list[n++] = sqlite3_column_int64(st, 0);
	}
	sqlite3_finalize(st);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = db_execf(s->db, e, "UPDATE dialsync_frag SET s = %lld,"
					" a = 0 WHERE s = %lld",
		    (long long)store_next_seq(s), (long long)list[i]);
	free(list);
	return rc;
}

int store_end(struct store *s, int64_t o, int64_t clock, struct err *e)
{
	struct origin *x;

	if (o < 1 || o > s->norigins)
		return 0;
	/* no clock is below 1, and what is known of it must be told */
	clock = clock < 0 ? 0 : clock;
	x = &s->origins[o - 1];
	if (x->ends <= clock)
		return 0;
	x->ends = clock;
	x->known = x->known < 0 ? 0 : x->known < clock ? x->known : clock;
	if (db_execf(s->db, e,
		"UPDATE dialsync_origin SET ends = %lld, known = %lld"
		" WHERE o = %lld;"
		"UPDATE dialsync_view SET clock = min(clock, %lld)"
		" WHERE o = %lld;"
		"DELETE FROM dialsync_told WHERE o = %lld",
		(long long)clock, (long long)x->known, (long long)o,
		(long long)clock, (long long)o, (long long)o) < 0 ||
	    offer_again(s, o, clock, e) < 0)
		return -1;
	return 1;
}
