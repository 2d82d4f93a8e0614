#include "config.h"

#include "dialsync/site_copy_db.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "capture/capture.h"
#include "dialsync/site_identity.h"

#define TRIES 10
#define PAGES 1024  /* copied between two looks */

/* Both sides know the same, so nothing is sent twice: the peer's view is what
 * this site knows, own changes through the last clock included. */
static int set_view(struct store *s, const struct peer *p, struct err *e)
{
	if (peer_view_clear(s, p, e) < 0 || peer_told_clear(s, p, e) < 0)
		return -1;
	for (int64_t o = 1; o <= store_origin_count(s); o++) {
		int64_t known = o == s->self ? s->last :
		    store_origin_get(s, o)->known;

		if (known >= 0 && peer_view_set(s, p, o, known, e) < 0)
			return -1;
	}
	return 0;
}

/* In an open transaction with an empty log. */
static int set_start(struct store *s, const char *name,
    struct copy_start *c, struct err *e)
{
	struct peer_sent sent;
	struct peer_seen seen;
	struct peer old, p;
	int64_t origin;

	if (peer_add(s, name, &old, e) < 0)
		return -1;
	c->seq = s->seq;
	c->last = s->last;
	c->number = old.number;
	if (!c->inc) /* once, also when we come here again */
		c->inc = store_random_inc();
	c->tag = store_random_tag();
	c->self = s->self;
	/* the clock is told by the copy, as if by a bundle */
	s->packed = s->last > s->packed ? s->last : s->packed;
	s->dirty = true;
	memset(&p, 0, sizeof(p));
	p.id = old.id;
	memcpy(p.name, old.name, sizeof(p.name));
	p.number = old.number;
	p.mark = p.scan = p.acked = p.pos = p.told = c->seq;
	p.tag = p.pos_tag = c->tag;
	p.full = true;
	p.inc = c->inc;
	p.heard = clock_wall();
	seen = (struct peer_seen){c->seq, c->tag, c->inc, c->last};
	sent = (struct peer_sent){c->seq, c->tag, c->last, old.number};
	if (db_execf(s->db, e, "DELETE FROM dialsync_sent WHERE p = %lld",
		(long long)p.id) < 0 || peer_seen_clear(s, &p, e) < 0 ||
	    (old.inc && old.inc != c->inc &&
		peer_end_inc(s, &p, old.inc, e) < 0) ||
	    store_origin(s, name, c->inc, &origin, e) < 0 ||
	    set_view(s, &p, e) < 0 ||
	    peer_sent_add(s, &p, &sent, e) < 0 ||
	    peer_seen_add(s, &p, &seen, e) < 0 ||
	    peer_save(s, &p, e) < 0)
		return -1;
	return store_note(s, e) < 0
	    ? -1
	    : store_meta_set_int(s, "memo", (int64_t)c->tag, e);
}

/* Open a second connection that sees the database as our commit left it, for
 * as long as its transaction is open.  1: somebody was faster. */
static int snapshot(struct site *s, const char *peer,
    const struct copy_start *c, sqlite3 **db, struct err *e)
{
	const char *path = sqlite3_db_filename(s->store->db, "main");
	int64_t seq = 0, logged = 0, tag = 0;
	char *sql = sqlite3_mprintf("SELECT tag FROM dialsync_peer"
	    " WHERE name = %Q", peer);
	int rc = -1;

	*db = NULL;
	if (!sql)
		return err_set(e, ERR_SYSTEM, "out of memory");
	if (db_open(path, DB_WRITE, db, e) == 0 &&
	    db_exec(*db, "BEGIN", e) == 0 &&
	    db_int(*db, "SELECT v FROM dialsync_meta WHERE k = 'seq'", -1,
		&seq, e) == 0 &&
	    db_int(*db, "SELECT count(*) FROM dialsync_log", 0, &logged,
		e) == 0 &&
	    db_int(*db, sql, 0, &tag, e) == 0)
		rc = seq != c->seq || logged || tag != (int64_t)c->tag;
	sqlite3_free(sql);
	if (rc != 0) {
		db_close(*db);
		*db = NULL;
	}
	return rc;
}

/* Commit the start and catch the moment; more changes mean once more. */
static int begin_copy(struct site *s, const char *peer, struct copy_start *c,
    sqlite3 **db, struct err *e)
{
	for (int i = 0; i < TRIES; i++) {
		int rc;

		if (capture_fold_begin(s->store, e) < 0)
			return -1;
		if (set_start(s->store, peer, c, e) < 0 ||
		    store_commit(s->store, e) < 0) {
			store_rollback(s->store);
			return -1;
		}
		rc = snapshot(s, peer, c, db, e);
		if (rc <= 0)
			return rc;
	}
	return err_set(e, ERR_AGAIN, "the database is written to without a"
	    " pause; nothing was copied; try again when it is less busy");
}

static int copy_pages(sqlite3 *from, sqlite3 *to, struct err *e)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int rc;

	if (!b)
		return db_err(to, sqlite3_errcode(to), e, "copy");
	do {
		rc = sqlite3_backup_step(b, PAGES);
		log_progress("copied %d of %d pages",
		    sqlite3_backup_pagecount(b) -
			sqlite3_backup_remaining(b),
		    sqlite3_backup_pagecount(b));
	} while (rc == SQLITE_OK);
	log_progress_end();
	sqlite3_backup_finish(b);
	return rc == SQLITE_DONE ? 0 : db_err(to, rc, e, "copy");
}

/* The copy's side of the same start. */
static int rewrite(sqlite3 *db, const char *us, int64_t our_inc,
    const char *peer, const struct copy_start *c, struct err *e)
{
	struct identity id = {peer, c->inc, c->self, c->last, c->tag};
	long long seq = c->seq, tag = (int64_t)c->tag;

	if (db_begin(db, e) < 0)
		return -1;
	if (identity_take(db, &id, e) < 0 ||
	    db_execf(db, e, "INSERT INTO dialsync_peer(p, name, mark, scan,"
		" tag, full, acked, inc, pos, pos_tag, pos_number, told,"
		" heard) VALUES(1, %Q, %lld, %lld, %lld, 1, %lld, %lld, %lld,"
		" %lld, %lld, %lld, %lld)", us, seq, seq, tag, seq, (long long)our_inc,
		seq, tag, (long long)c->number, seq,
		(long long)clock_wall()) < 0 ||
	    db_execf(db, e, "INSERT INTO dialsync_sent(p, upto, tag,"
		" clock, number, inc) VALUES(1, %lld, %lld,"
		" %lld, 0, %lld);"
		"INSERT INTO dialsync_seen(p, upto, tag, inc,"
		" clock, n) VALUES(1, %lld, %lld, %lld, %lld,"
		" 1);"
		"INSERT INTO dialsync_view(p, o, clock)"
		" SELECT 1, o, known FROM dialsync_origin WHERE known >= 0",
		seq, tag, (long long)c->last, (long long)c->inc, seq, tag,
		(long long)our_inc, (long long)c->last) < 0 ||
	    db_commit(db, e) < 0) {
		db_rollback(db);
		return -1;
	}
	return 0;
}

int copy_database(struct site *s, const char *peer, const char *path,
    struct copy_start *c, struct err *e)
{
	sqlite3 *from, *to = NULL;
	int rc;

	memset(c, 0, sizeof(*c));
	if (begin_copy(s, peer, c, &from, e) < 0)
		return -1;
	rc = sqlite3_open_v2(path, &to,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	rc = rc == SQLITE_OK ? copy_pages(from, to, e) :
	    db_err(to, rc, e, path);
	db_close(from);
	if (rc == 0)
		rc = rewrite(to, s->store->site, s->store->inc, peer, c, e);
	db_close(to);
	return rc;
}
