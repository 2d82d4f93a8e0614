/* Counts from the database.  See status_db.h. */
#include "config.h"

#include "status/status_db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "store/db.h"
#include "store/note.h"

#define STEPS_BETWEEN_LOOKS 1000  /* of SQLite's machine, about 0.1 ms */
#define CHUNK 5000                /* of the sequence, 20 ms on a slow disk */

struct status_db {
	sqlite3 *db;           /* owned */
	char *path;            /* owned; for messages */
	uint64_t deadline_ms;  /* of the statement that runs */
};

/* SQLite asks now and then whether to go on: a program that only looks must
 * not hold a read lock for long. */
static int too_long(void *arg)
{
	const struct status_db *d = arg;

	return clock_ms() > d->deadline_ms;
}

/* Why SQLite has just failed, for a person who asked for a status and knows no
 * statement of ours.  Returns -1. */
static int explain(const struct status_db *d, struct err *e)
{
	switch (sqlite3_errcode(d->db) & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(e, ERR_BUSY, "%s is locked by another program",
		    d->path);
	case SQLITE_INTERRUPT:
		return err_set(e, ERR_BUSY, "%s: counting took longer than %d"
		    " ms", d->path, STATUS_DB_MS);
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return err_set(e, ERR_DATA, "%s: %s", d->path,
		    sqlite3_errmsg(d->db));
	case SQLITE_ERROR:
		/* no such table: no bug of ours here */
		return err_set(e, ERR_DATA, "%s has not the tables of a site:"
		    " %s", d->path, sqlite3_errmsg(d->db));
	default:
		return err_set(e, ERR_SYSTEM, "%s: %s", d->path,
		    sqlite3_errmsg(d->db));
	}
}

/* Prepare; the first time, that reads the whole schema, so the time that a
 * statement may take begins here.  NULL: explain() says why. */
static sqlite3_stmt *prepare(struct status_db *d, const char *sql)
{
	d->deadline_ms = clock_ms() + STATUS_DB_MS;
	return db_prepare(d->db, sql, false, NULL);
}

/* Run to the first row; st NULL: it could not be prepared.  1 a row, 0 none,
 * -1. */
static int first_row(struct status_db *d, sqlite3_stmt *st, struct err *e)
{
	int rc;

	d->deadline_ms = clock_ms() + STATUS_DB_MS;
	rc = st ? db_step(st, NULL) : -1;
	return rc < 0 ? explain(d, e) : rc;
}

/* Is it this site's database? */
static int check_site(struct status_db *d, const char *site, struct err *e)
{
	sqlite3_stmt *st = prepare(d,
	    "SELECT v FROM dialsync_meta WHERE k = 'site'");
	const char *name;
	int rc = first_row(d, st, e);

	name = rc == 1 ? (const char *)sqlite3_column_text(st, 0) : NULL;
	if (rc >= 0 && (!name || strcmp(name, site) != 0))
		rc = err_set(e, ERR_DATA, "%s is not the database of site %s",
		    d->path, site);
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

struct status_db *status_db_open(const char *path, const char *site,
    struct err *e)
{
	struct status_db *d;
	int rc;

	if (access(path, F_OK) < 0) {
		err_set(e, ERR_MISSING, "%s: %s", path, strerror(errno));
		return NULL;
	}
	d = calloc(1, sizeof(*d));
	if (!d) {
		err_set(e, ERR_SYSTEM, "no memory to open %s", path);
		return NULL;
	}
	d->path = fs_format("%s", path);
	/* not db_open(): that one waits for locks */
	rc = sqlite3_open_v2(path, &d->db, SQLITE_OPEN_READONLY, NULL);
	if (rc != SQLITE_OK) {
		explain(d, e);
		status_db_close(d);
		return NULL;
	}
	sqlite3_busy_timeout(d->db, 0);
	sqlite3_progress_handler(d->db, STEPS_BETWEEN_LOOKS, too_long, d);
	if (check_site(d, site, e) < 0) {
		status_db_close(d);
		return NULL;
	}
	return d;
}

void status_db_close(struct status_db *d)
{
	if (!d)
		return;
	db_close(d->db);
	free(d->path);
	free(d);
}

/* Rows of a FROM clause, at most STATUS_COUNT_MAX. */
static int count_rows(struct status_db *d, const char *from, int64_t *out,
    struct err *e)
{
	char *sql = fs_format("SELECT count(*) FROM (SELECT 1 FROM %s LIMIT"
	    " %d)", from, STATUS_COUNT_MAX);
	sqlite3_stmt *st = prepare(d, sql);
	int rc = first_row(d, st, e);

	free(sql);
	*out = rc == 1 ? sqlite3_column_int64(st, 0) : STATUS_NONE;
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

int status_db_site(struct status_db *d, struct status_seen *seen,
    struct err *e)
{
	int held = count_rows(d, "dialsync_held", &seen->held_rows, e);
	int lost = count_rows(d, "dialsync_conflict WHERE settled IS NULL",
	    &seen->conflicts, e);

	return held < 0 || lost < 0 ? -1 : 0;
}

/* Tables that are tracked and have no triggers of ours, so that nobody logs
 * their changes: found afresh, since no pack may have noticed it yet. */
static int list_troubles(struct status_db *d, char **texts, size_t *n,
    struct err *e)
{
	sqlite3_stmt *st = prepare(d, "SELECT name, EXISTS(SELECT 1 FROM"
	    " sqlite_master WHERE type = 'table' AND name = d.name"
	    " COLLATE NOCASE) FROM dialsync_table d WHERE tracked"
	    " AND name <> 'dialsync_conflict' AND NOT EXISTS(SELECT 1 FROM"
	    " sqlite_master WHERE type = 'trigger' AND name = 'dialsync_' ||"
	    " d.t || '_update' AND tbl_name = d.name COLLATE NOCASE)"
	    " ORDER BY name");
	int rc = -1;

	for (; *n < STATUS_TROUBLES_MAX &&
	     (rc = first_row(d, st, e)) == 1; (*n)++) {
		const char *name = (const char *)sqlite3_column_text(st, 0);

		texts[*n] = sqlite3_column_int(st, 1) ?
		    fs_format("table %s: its changes are not logged; run"
		    " \"dialsync track %s\"", name, name) :
		    fs_format("table %s is not in the database; what comes for"
		    " it is kept; make it again and run \"dialsync track %s\","
		    " or run \"dialsync untrack %s\"", name, name, name);
	}
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

/* Tables of which a peer, when it first sent, had many more or many fewer rows
 * than this site; not while what it lacks is on its way. */
static int list_differences(struct status_db *d, const char *site,
    char **texts, size_t *n, struct err *e)
{
	sqlite3_stmt *st = prepare(d, "SELECT c.name, p.name, there, here FROM"
	    " dialsync_count c JOIN dialsync_peer p USING(p)"
	    " WHERE here IS NOT NULL AND NOT (here > there AND p.loading)"
	    " ORDER BY p.name, c.name");
	int rc = -1;

	for (; *n < STATUS_TROUBLES_MAX &&
	     (rc = first_row(d, st, e)) == 1; (*n)++) {
		const char *peer = (const char *)sqlite3_column_text(st, 1);
		int64_t there = sqlite3_column_int64(st, 2);
		int64_t here = sqlite3_column_int64(st, 3);
		bool lacks = there > here;

		texts[*n] = fs_format("table %s: %s had %lld row%s, this site"
		    " had %lld: %s may lack rows; \"dialsync peer %s --load\""
		    " at %s sends them",
		    (const char *)sqlite3_column_text(st, 0), peer,
		    (long long)there, there == 1 ? "" : "s", (long long)here,
		    lacks ? site : peer, lacks ? site : peer,
		    lacks ? peer : site);
	}
	sqlite3_finalize(st);
	return rc < 0 && *n < STATUS_TROUBLES_MAX ? -1 : 0;
}

/* Values of columns that are not here.  Rows that are held or dead have values
 * aside too; those columns are here. */
static int count_parked(struct status_db *d, int64_t *out, struct err *e)
{
	sqlite3_stmt *st = prepare(d, "SELECT coalesce(sum(n), 0) FROM"
	    " (SELECT t, r, count(*) AS n FROM dialsync_aside GROUP BY t, r) a"
	    " JOIN dialsync_table d USING(t) JOIN dialsync_column c"
	    " ON c.t = a.t AND c.r = a.r WHERE NOT d.tracked OR NOT EXISTS"
	    " (SELECT 1 FROM pragma_table_xinfo(d.name) x"
	    "  WHERE x.name = c.name COLLATE NOCASE)");
	int rc = first_row(d, st, e);

	*out = rc == 1 ? sqlite3_column_int64(st, 0) : STATUS_NONE;
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

int status_db_tables(struct status_db *d, struct status_seen *seen,
    char **texts, size_t *n, struct err *e)
{
	int64_t tracked = STATUS_NONE;

	*n = 0;
	if (count_rows(d, "dialsync_table WHERE tracked AND name <>"
	    " 'dialsync_conflict'", &tracked, e) < 0 ||
	    count_parked(d, &seen->parked, e) < 0)
		return -1;
	seen->untracked = tracked == 0;
	return list_troubles(d, texts, n, e) < 0 ||
	    list_differences(d, seen->site, texts, n, e) < 0 ? -1 : 0;
}

/* The next CHUNK of the local sequence past ?2: how many there are, the last
 * one, and how many of them a pack would send: all while a first load is wanted
 * or under way, not rows that only such a load gave a version, nor what came from the peer
 * (unless it went back and lost it), nor what it is known to know. */
static sqlite3_stmt *prepare_chunk(struct status_db *d, const char *name)
{
	static const char sql[] =
	    "SELECT count(*), max(f.s), sum("
	    " CASE WHEN p.loading = 2 OR (p.loading = 1 AND f.s <= p.load)"
	    " THEN 1"
	    " WHEN f.s > p.load AND f.c = 1 AND EXISTS (SELECT 1 FROM"
	    "  dialsync_origin g JOIN dialsync_meta m ON m.k = 'site'"
	    "  AND g.site = m.v WHERE g.o = f.o) THEN 0 ELSE"
	    " NOT (f.s > p.back AND EXISTS (SELECT 1 FROM dialsync_origin g"
	    "  WHERE g.o = f.a AND g.site = ?1 AND g.inc = p.inc))"
	    " AND NOT EXISTS (SELECT 1 FROM dialsync_view v WHERE v.p = p.p"
	    "  AND v.o = f.o AND v.clock >= f.c) END)"
	    " FROM dialsync_peer p, (SELECT s, c, o, a FROM dialsync_frag"
	    "  WHERE s > ?2 ORDER BY s LIMIT ?3) f"
	    " WHERE p.name = ?1";
	sqlite3_stmt *st = prepare(d, sql);

	if (st) {
		sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
		sqlite3_bind_int(st, 3, CHUNK);
	}
	return st;
}

/* Count past the mark, chunk by chunk: each is a read of a few milliseconds, so
 * that an application which wants to commit in between can. */
static int count_sequence(struct status_db *d, const char *name,
    int64_t mark, int64_t *out, struct err *e)
{
	uint64_t start = clock_ms();
	sqlite3_stmt *st = prepare_chunk(d, name);
	int64_t seen = 0, chunk = CHUNK;
	int rc = st ? 1 : explain(d, e);

	*out = 0;
	while (rc == 1 && chunk == CHUNK && seen < STATUS_COUNT_MAX) {
		sqlite3_bind_int64(st, 2, mark);
		rc = first_row(d, st, e);
		if (rc != 1)
			break;
		chunk = sqlite3_column_int64(st, 0);
		mark = sqlite3_column_int64(st, 1);
		*out += sqlite3_column_int64(st, 2);
		seen += chunk;
		sqlite3_reset(st);
		if (clock_ms() - start > STATUS_DB_ALL_MS)
			rc = err_set(e, ERR_BUSY, "%s: counting changes for "
			    "%s took longer than %d ms", d->path, name,
			    STATUS_DB_ALL_MS);
	}
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

/* The number that is waited for, and the mark; 1 found, 0 no such peer, -1. */
static int read_peer(struct status_db *d, struct status_seen_peer *p,
    int64_t *mark, struct err *e)
{
	sqlite3_stmt *st = prepare(d, "SELECT waiting_for, mark FROM"
	    " dialsync_peer WHERE name = ?");
	int rc;

	if (st)
		sqlite3_bind_text(st, 1, p->name, -1, SQLITE_STATIC);
	rc = first_row(d, st, e);
	if (rc == 1) {
		p->waiting_for = sqlite3_column_int64(st, 0);
		*mark = sqlite3_column_int64(st, 1);
	}
	sqlite3_finalize(st);
	return rc;
}

/* What apply noted of the peer; more than one sentence of them in one line. */
static int read_notes(struct status_db *d, struct status_seen_peer *p,
    struct err *e)
{
	sqlite3_stmt *st = prepare(d, "SELECT group_concat(v, '; ') FROM"
	    " (SELECT v FROM dialsync_meta WHERE k IN ('" NOTE_META NOTE_CLOCK
	    ":' || ?1, '" NOTE_META NOTE_TWINS ":' || ?1) ORDER BY k)");
	const char *text;
	int rc;

	if (st)
		sqlite3_bind_text(st, 1, p->name, -1, SQLITE_STATIC);
	rc = first_row(d, st, e);
	text = rc == 1 ? (const char *)sqlite3_column_text(st, 0) : NULL;
	p->note = text ? fs_format("%s", text) : NULL;
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

int status_db_peer(struct status_db *d, struct status_seen_peer *p,
    struct err *e)
{
	int64_t logged, sequence, mark = 0;
	int rc = read_peer(d, p, &mark, e);

	p->unpacked = STATUS_NONE;
	if (rc <= 0) {
		p->waiting_for = STATUS_NONE;
		return rc;
	}
	/* an entry with no register asks to look at a row, and is no change */
	if (read_notes(d, p, e) < 0)
		return -1;
	if (count_rows(d, "dialsync_log WHERE m IS NOT 0", &logged, e) < 0 ||
	    count_sequence(d, p->name, mark, &sequence, e) < 0)
		return -1;
	p->unpacked = logged + sequence;
	if (p->unpacked > STATUS_COUNT_MAX)
		p->unpacked = STATUS_COUNT_MAX;
	return 0;
}
