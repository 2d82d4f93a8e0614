#include "config.h"

#include "capture/ahead.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fs.h"
#include "capture/capture.h"
#include "store/held.h"

/* In dialsync_meta: the latest wall clock of a peer that agreed with ours. */
#define META_AGREED "agreed"
/* ... is worth something for so long. */
#define AGREED_S (30 * CLOCK_FAR_S)
/* ... and written again when it is so much older. */
#define AGREED_STEP_S 3600

/* What is late may be ours or the clock's fault.  That others have clocks as
 * late as ours speaks against our clock, unless a peer agrees with it. */
enum ahead ahead_decide(const struct ahead_in *in)
{
	int64_t limit = in->now + CLOCK_FAR_S;

	if (in->own <= limit)
		return AHEAD_NO;
	if (in->now < CLOCK_SANE)
		return AHEAD_BEHIND;
	if (in->shared <= limit)
		return AHEAD_WAS;
	return in->agreed <= limit && in->agreed >= in->now - AGREED_S
	    ? AHEAD_WAS : AHEAD_BEHIND;
}

int ahead_agree(struct store *s, int64_t wall, struct err *e)
{
	int64_t now = clock_wall(), was;

	if (wall > now + CLOCK_FAR_S || wall < now - CLOCK_FAR_S)
		return 0;
	if (store_meta_int(s, META_AGREED, 0, &was, e) < 0)
		return -1;
	if (was <= now + CLOCK_FAR_S && wall < was + AGREED_STEP_S)
		return 0;
	return store_meta_set_int(s, META_AGREED, wall, e);
}

/* The latest of some clocks that is not above max. */
static int latest(struct store *s, int64_t max, int64_t *out, struct err *e)
{
	char *sql = sqlite3_mprintf("SELECT max(c) FROM ("
	    /* what peers have applied of ours, or say that they know */
	    "SELECT x.clock AS c FROM dialsync_sent x JOIN dialsync_peer p"
	    " ON p.p = x.p WHERE x.upto <= p.acked"
	    " UNION ALL SELECT clock FROM dialsync_view WHERE o = %lld"
	    /* what is known of others */
	    " UNION ALL SELECT known FROM dialsync_origin WHERE site <> %Q)"
	    " WHERE c <= %lld", (long long)s->self, s->site, (long long)max);
	int rc;

	if (!sql)
		return err_set(e, ERR_SYSTEM, "out of memory");
	rc = db_int(s->db, sql, 0, out, e);
	sqlite3_free(sql);
	return rc;
}

static int look(struct store *s, struct ahead_in *in, struct err *e)
{
	in->now = clock_wall();
	in->own = s->last > s->packed ? s->last : s->packed;
	if (latest(s, INT64_MAX, &in->shared, e) < 0)
		return -1;
	return store_meta_int(s, META_AGREED, 0, &in->agreed, e);
}

/* A quick look without a transaction: is there anything to decide? */
static int suspect(struct store *s, bool *yes, struct err *e)
{
	int64_t now = clock_wall(), last, packed, logged;

	if (store_meta_int(s, "last", 0, &last, e) < 0 ||
	    store_meta_int(s, "packed", 0, &packed, e) < 0 ||
	    db_int(s->db, "SELECT max(w) FROM dialsync_log", 0, &logged,
		e) < 0)
		return -1;
	last = last > packed ? last : packed;
	last = last > logged ? last : logged;
	*yes = last > now + CLOCK_FAR_S && now >= CLOCK_SANE;
	return 0;
}

struct late_frag {
	int64_t seq, rank;
};

/* Fragments that are stamped past limit, whoever made them; rank: their order
 * within their row. */
static int list_late(struct store *s, int64_t limit, struct late_frag **out,
    size_t *n, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e,
	    "SELECT s, dense_rank() OVER (PARTITION BY t, k ORDER BY c, o) AS r"
	    " FROM dialsync_frag WHERE c > %lld ORDER BY r, c, s",
	    (long long)limit);
	struct late_frag *more;
	size_t cap = 0;
	int rc;

	*n = 0;
	*out = NULL;
	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1) {
		if (*n == cap) {
			cap = cap ? cap * 2 : 256;
			more = realloc(*out, cap * sizeof(*more));
			if (!more)
				abort();
			*out = more;
		}
		(*out)[*n].seq = sqlite3_column_int64(st, 0);
		(*out)[(*n)++].rank = sqlite3_column_int64(st, 1);
	}
	sqlite3_finalize(st);
	return rc;
}

/* They become changes of this site, made now.  Those of one row keep their
 * order; own sequence numbers rise with clocks, as always. */
static int stamp_late(struct store *s, int64_t limit, size_t *n,
    struct err *e)
{
	int64_t base = s->last;
	struct late_frag *late;
	int rc = list_late(s, limit, &late, n, e);

	for (size_t i = 0; i < *n && rc == 0; i++) {
		s->last = base + late[i].rank;
		rc = db_execf(s->db, e, "UPDATE dialsync_frag SET s = %lld,"
		    " o = %lld, c = %lld, a = 0 WHERE s = %lld",
		    (long long)store_next_seq(s), (long long)s->self,
		    (long long)s->last, (long long)late[i].seq);
	}
	free(late);
	return rc;
}

/* Clocks go on from the present, but not below any that others have.  All that
 * is stamped later is stamped anew, also what a peer has applied that was
 * ahead as well: else it would win for years.  We lost nothing: the old
 * incarnation is known to its end. */
static int come_right(struct store *s, const struct ahead_in *in, size_t *n,
    struct err *e)
{
	int64_t old = s->self, limit = in->now + CLOCK_FAR_S, base;

	if (latest(s, limit, &base, e) < 0)
		return -1;
	s->last = s->packed = base > in->now ? base : in->now;
	s->dirty = true;
	if (capture_renew(s, in->own, e) < 0 ||
	    store_know(s, old, in->own, e) < 0 ||
	    stamp_late(s, limit, n, e) < 0)
		return -1;
	/* rows that are held stand in the order of their clocks */
	return store_meta_set_int(s, HELD_META_RETRY, 1, e);
}

static void say(struct store *s, enum ahead what, const struct ahead_in *in,
    size_t n)
{
	char own[CLOCK_TEXT], now[CLOCK_TEXT];
	char *text;

	if (!s->warn)
		return;
	clock_format(in->own, own);
	clock_format(in->now, now);
	text = what == AHEAD_WAS ? fs_format("the clock of this computer was"
	    " ahead: changes here were made at %s, and now it is %s. It is"
	    " taken to be right now: %zu change%s of that time got the present"
	    " one, and the site goes on as a new incarnation", own, now, n,
	    n == 1 ? "" : "s") :
	    fs_format("the clock of this computer says %s, but changes that"
	    " other sites have too were made at %s. Set it if it is wrong;"
	    " until then changes count as made at the later time", now, own);
	s->warn(s->warn_arg, text);
	free(text);
}

int ahead_check(struct store *s, const char *state, struct err *e)
{
	static bool said; /* that we are behind: once in a run */
	enum ahead what;
	struct ahead_in in;
	bool yes;
	size_t n = 0;

	if (suspect(s, &yes, e) < 0)
		return -1;
	if (!yes)
		return 0;
	if (capture_fold_begin(s, e) < 0)
		return -1;
	if (look(s, &in, e) < 0)
		goto fail;
	what = ahead_decide(&in);
	if (what == AHEAD_WAS && come_right(s, &in, &n, e) < 0)
		goto fail;
	if (store_commit(s, e) < 0)
		goto fail;
	if (what == AHEAD_WAS || (what == AHEAD_BEHIND && !said))
		say(s, what, &in, n);
	said = true;
	return what == AHEAD_WAS ? capture_state_write(s, state, e) : 0;
fail:
	store_rollback(s);
	return -1;
}
