#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "capture/capture.h"
#include "store/held.h"
#include "store/peer.h"

/* Own fragments that nobody shares, in order; malloc'd.  Not rows that a first
 * load gave its version: they are older than every change, and would be given
 * the same again. */
struct own {
	int64_t seq, clock;
};

static int list_own(struct store *s, int64_t origin, int64_t upto,
    struct own **out, size_t *n, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e,
	    "SELECT s, c FROM dialsync_frag WHERE o = %lld AND s > %lld"
	    " AND c > %d ORDER BY s", (long long)origin, (long long)upto,
	    STORE_CLOCK_LOAD);
	struct own *list = NULL, *more;
	size_t cap = 0;
	int rc;

	*n = 0;
	*out = NULL;
	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1) {
		if (*n == cap) {
			cap = cap ? cap * 2 : 256;
			more = realloc(list, cap * sizeof(*list));
			if (!more)
				abort();
			list = more;
		}
		list[*n].seq = sqlite3_column_int64(st, 0);
		list[*n].clock = sqlite3_column_int64(st, 1);
		(*n)++;
	}
	sqlite3_finalize(st);
	*out = list;
	return rc;
}

/* New versions, so that these changes are not mistaken for others that the
 * site made with the same clocks before it went back. */
static int renew_versions(struct store *s, int64_t old, int64_t upto,
    struct err *e)
{
	int64_t wall = clock_wall();
	struct own *own;
	size_t n;
	int rc = list_own(s, old, upto, &own, &n, e);

	for (size_t i = 0; i < n && rc == 0; i++) {
		int64_t c = own[i].clock + 1;

		c = c < wall ? wall : c;
		c = c < s->last ? s->last : c;
		s->last = c;
		rc = db_execf(s->db, e, "UPDATE dialsync_frag SET s = %lld,"
					" o = %lld, c = %lld, a = 0"
					" WHERE s = %lld",
		    (long long)store_next_seq(s), (long long)s->self,
		    (long long)c, (long long)own[i].seq);
	}
	free(own);
	return rc;
}

int capture_renew(struct store *s, int64_t upto, int64_t clock, struct err *e)
{
	int64_t old = s->self, was = s->inc, inc = store_random_inc(), self;

	if (store_origin(s, s->site, inc, &self, e) < 0 ||
	    store_meta_set_int(s, "inc", inc, e) < 0)
		return -1;
	s->inc = inc;
	s->self = self;
	if (s->packed > s->last)
		s->last = s->packed;
	s->last++; /* past every clock that was told before */
	s->dirty = true;
	if (renew_versions(s, old, upto, e) < 0 ||
	    db_execf(s->db, e,
		"UPDATE dialsync_origin SET known = min(known, %lld)"
		" WHERE o = %lld;"
		"UPDATE dialsync_peer SET mark = 0, tag = 0, scan = 0,"
		" full = 1, acked = 0, told = -1, tell = 1;"
		"DELETE FROM dialsync_sent; DELETE FROM dialsync_told",
		(long long)clock, (long long)old) < 0 ||
	    peer_end_own_inc(s, was, e) < 0 ||
	    store_know(s, self, s->last, e) < 0 ||
	    store_meta_set_int(s, "memo", (int64_t)store_random_tag(), e) < 0 ||
	    /* later versions are later claims */
	    store_meta_set_int(s, HELD_META_RETRY, 1, e) < 0)
		return -1;
	/* the cache of origins says what the table said */
	return store_origins_load(s, e);
}

/* ---- the file beside the database */

int capture_state_write(struct store *s, const char *path, struct err *e)
{
	char text[64];
	int64_t memo;
	int n;

	if (store_meta_int(s, "memo", 0, &memo, e) < 0)
		return -1;
	n = snprintf(text, sizeof(text), "tag: %016llx\n",
	    (unsigned long long)memo);
	return fs_replace(path, text, (size_t)n, 0644, e);
}

/* 1: the file has a tag; 0: it has none, or there is no file. */
static int read_state(const char *path, uint64_t *tag, struct err *e)
{
	struct buf b = BUF_INIT(4096);
	struct err why = ERR_INIT;
	int rc = fs_read(path, &b, &why);

	if (rc < 0 && why.kind != ERR_MISSING && why.kind != ERR_DATA) {
		*e = why;
		return -1;
	}
	rc = rc == 0 && strncmp(buf_str(&b), "tag: ", 5) == 0;
	if (rc)
		*tag = strtoull(buf_str(&b) + 5, NULL, 16);
	buf_free(&b);
	return rc;
}

/* Does the database know that tag?  1, 0, -1. */
static int knows_tag(struct store *s, uint64_t tag, struct err *e)
{
	int64_t memo, n;
	char sql[100];

	if (store_meta_int(s, "memo", 0, &memo, e) < 0)
		return -1;
	if ((uint64_t)memo == tag)
		return 1;
	snprintf(sql, sizeof(sql), "SELECT EXISTS(SELECT 1 FROM dialsync_sent"
				   " WHERE tag = %lld)", (long long)tag);
	if (db_int(s->db, sql, 0, &n, e) < 0)
		return -1;
	return n != 0;
}

/* All that was ever packed in this database is shared, as far as it knows. */
static int renew_restored(struct store *s, struct err *e)
{
	int64_t upto;

	if (capture_fold_begin(s, e) < 0)
		return -1;
	if (db_int(s->db, "SELECT max(upto) FROM dialsync_sent", 0, &upto,
		e) == 0 &&
	    capture_renew(s, upto, s->packed, e) == 0 &&
	    store_commit(s, e) == 0)
		return 0;
	store_rollback(s);
	return -1;
}

int capture_state_check(struct store *s, const char *path, struct err *e)
{
	uint64_t tag;
	int rc = read_state(path, &tag, e);

	if (rc == 1) {
		rc = knows_tag(s, tag, e);
		rc = rc < 0 ? -1 : !rc;
	}
	if (rc <= 0)
		return rc;
	if (renew_restored(s, e) < 0)
		return -1;
	if (s->warn)
		s->warn(s->warn_arg, "this database is older than what was"
		    " last sent from here: a backup was put back. The site"
		    " goes on as a new incarnation; what was changed here"
		    " since the backup comes back from the peers with the"
		    " next calls");
	return capture_state_write(s, path, e);
}
