#include "config.h"

#include "store/store_p.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "store/row.h"

/* SQLite's busy handler sleeps 100 ms at most between two tries: a pause of a
 * little more than that is one that every waiting writer finds.  One after so
 * much work costs a sixth of the time, and keeps the wait far below the 2 s
 * that programs commonly allow.  Where the journal is no WAL, a writer syncs
 * several times and keeps the others out meanwhile: more of both. */
#define YIELD_MS             105
#define YIELD_AFTER_MS       600
#define YIELD_SLOW_MS        200
#define YIELD_SLOW_AFTER_MS  300

sqlite3_stmt *store_stmt(struct store *s, enum store_stmt which,
    const char *sql, struct err *e)
{
	return db_slot(s->db, &s->st[which], sql, e);
}

/* Random bytes from the kernel; it never fails for so few, once booted. */
static uint64_t random64(void)
{
	uint64_t v = 0;

	if (getrandom(&v, sizeof(v), 0) != (ssize_t)sizeof(v))
		abort();
	return v;
}

int64_t store_random_inc(void)
{
	int64_t v;

	do
		v = (int64_t)(random64() >> 22); /* 42 bits: seven digits */
	while (v == 0);
	return v;
}

uint64_t store_random_tag(void)
{
	uint64_t v;

	do
		v = random64();
	while (v == 0);
	return v;
}

/* 1: there are tables of ours; 0: none; -1. */
static int has_schema(sqlite3 *db, struct err *e)
{
	int64_t n;

	if (db_int(db, "SELECT count(*) FROM sqlite_master"
		       " WHERE name = 'dialsync_meta'", 0, &n, e) < 0)
		return -1;
	return n > 0;
}

/* The site's name and incarnation into s; 0, or -1. */
static int read_identity(struct store *s, struct err *e)
{
	sqlite3_stmt *st;
	int64_t format;
	int rc;

	if (store_meta_int(s, "format", 0, &format, e) < 0)
		return -1;
	if (format != STORE_FORMAT)
		return err_set(e, ERR_DATA,
		    "the database has dialsync tables of format %lld, this"
		    " program knows format %d", (long long)format,
		    STORE_FORMAT);
	st = db_prepare(s->db, "SELECT v FROM dialsync_meta WHERE k = 'site'",
	    false, e);
	if (!st)
		return -1;
	rc = db_step(st, e);
	if (rc == 1)
		snprintf(s->site, sizeof(s->site), "%s",
		    (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	if (rc == 0)
		return err_set(e, ERR_DATA, "the database has no site name");
	if (rc < 0)
		return -1;
	return store_meta_int(s, "inc", 0, &s->inc, e);
}

int store_create(sqlite3 *db, const char *site, struct err *e)
{
	int rc = has_schema(db, e);

	if (rc < 0)
		return -1;
	if (rc > 0)
		return err_set(e, ERR_DATA,
		    "the database belongs to a site already");
	if (db_begin(db, e) < 0)
		return -1;
	if (db_exec(db, store_schema, e) < 0 ||
	    db_execf(db, e,
		"INSERT INTO dialsync_meta VALUES('format', %d),('site', %Q),"
		"('inc', %lld),('seq', 0),('last', 0),('packed', 0);"
		"INSERT INTO dialsync_table(t, name, tracked, nkey)"
		" VALUES(1, %Q, 1, 1)", STORE_FORMAT, site,
		(long long)store_random_inc(), TABLE_CONFLICT) < 0 ||
	    db_execf(db, e,
		"INSERT INTO dialsync_origin(site, inc, known)"
		" SELECT %Q, v, 0 FROM dialsync_meta WHERE k = 'inc';"
		"INSERT INTO dialsync_column(t, r, name, here)"
		" SELECT 1, cid + 2, name, 1 + pk FROM pragma_table_info(%Q)",
		site,
		TABLE_CONFLICT) < 0 ||
	    db_commit(db, e) < 0) {
		db_rollback(db);
		return -1;
	}
	return 0;
}

/* Is its journal a WAL?  Asked once: a change of it needs the database for
 * itself, and a wrong answer costs some time only. */
static bool is_wal(struct store *s)
{
	sqlite3_stmt *st = db_prepare(s->db, "PRAGMA journal_mode", false,
	    NULL);
	bool wal = false;

	if (st && db_step(st, NULL) == 1) {
		const char *mode = (const char *)sqlite3_column_text(st, 0);

		wal = mode && strcmp(mode, "wal") == 0;
	}
	sqlite3_finalize(st);
	return wal;
}

int store_open(const char *path, const char *site, enum db_mode mode,
    struct store **out, struct err *e)
{
	struct store *s = calloc(1, sizeof(*s));
	int rc;

	*out = NULL;
	if (!s)
		return err_set(e, ERR_SYSTEM, "out of memory");
	s->follow_schema = -1;
	if (db_open(path, mode, &s->db, e) < 0) {
		free(s);
		return -1;
	}
	rc = has_schema(s->db, e);
	if (rc == 0)
		err_set(e, ERR_DATA, "%s has no dialsync tables; run"
		    " \"dialsync init %s --database FILE\"", path, site);
	if (rc <= 0 || read_identity(s, e) < 0 || store_origins_load(s, e) < 0)
		goto fail;
	if (strcmp(s->site, site) != 0) {
		err_set(e, ERR_DATA, "%s" STORE_OF_SITE "%s, not of %s", path,
		    s->site, site);
		goto fail;
	}
	if (tables_load(s, e) < 0 || aside_begin(s, e) < 0)
		goto fail;
	s->wal = is_wal(s);
	*out = s;
	return 0;
fail:
	store_close(s);
	return -1;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	db_rollback(s->db);
	for (int i = 0; i < ST_COUNT; i++)
		sqlite3_finalize(s->st[i]);
	tables_free(s);
	origins_free(s);
	db_close(s->db);
	free(s->follow_off);
	free(s);
}

/* Another process may have moved the counters since we looked. */
static int read_counters(struct store *s, struct err *e)
{
	if (store_meta_int(s, "seq", 0, &s->seq, e) < 0 ||
	    store_meta_int(s, "last", 0, &s->last, e) < 0 ||
	    store_meta_int(s, "packed", 0, &s->packed, e) < 0 ||
	    store_meta_int(s, "inc", 0, &s->inc, e) < 0)
		return -1;
	if (store_origins_load(s, e) < 0)
		return -1;
	s->dirty = false;
	return aside_begin(s, e);
}

int registry_moved(struct store *s, struct err *e)
{
	int64_t n;

	if (store_meta_int(s, "registry", 0, &n, e) < 0)
		return -1;
	s->registry = n + 1;
	return store_meta_set_int(s, "registry", n + 1, e);
}

/* Another process may have registered tables or columns (an applier, a
 * "track"): what we hold of them would be too short. */
static int read_registry(struct store *s, struct err *e)
{
	int64_t n;

	if (store_meta_int(s, "registry", 0, &n, e) < 0)
		return -1;
	return n == s->registry ? 0 : tables_load(s, e);
}

/* A statement that was left on a row would keep its read transaction open, and
 * with it an old state of the database. */
static void reset_all(struct store *s)
{
	for (int i = 0; i < ST_COUNT; i++)
		sqlite3_reset(s->st[i]);
	for (int i = 0; i < s->ntables; i++)
		row_read_done(s->tables[i]);
}

int store_begin(struct store *s, struct err *e)
{
	if (db_begin(s->db, e) < 0)
		return -1;
	s->begun_ms = clock_ms();
	if (read_counters(s, e) < 0 || read_registry(s, e) < 0) {
		store_rollback(s);
		return -1;
	}
	return 0;
}

/* The write lock was ours for so long. */
static void note_held(struct store *s)
{
	s->last_ms = clock_ms() - s->begun_ms;
	s->held_ms += s->last_ms;
	s->begun_ms = clock_ms();
}

static void sleep_ms(long ms)
{
	struct timespec t = {0, ms * 1000000};

	nanosleep(&t, NULL);
}

void store_yield(struct store *s, bool long_one)
{
	if (long_one ||
	    s->held_ms >= (s->wal ? YIELD_AFTER_MS : YIELD_SLOW_AFTER_MS)) {
		sleep_ms(s->wal ? YIELD_MS : YIELD_SLOW_MS);
		s->held_ms = 0;
	} else if (s->last_ms >= 20) {
		sleep_ms(3);
	}
	s->last_ms = 0;
}

int store_note(struct store *s, struct err *e)
{
	int64_t step;

	return store_meta_int(s, "step", 0, &step, e) < 0 ||
	    store_meta_set_int(s, "step", step + 1, e) < 0
	    ? -1
	    : store_meta_set_int(s, "memo", (int64_t)store_random_tag(), e);
}

int store_commit(struct store *s, struct err *e)
{
	int rc;

	if (s->dirty &&
	    (store_meta_set_int(s, "seq", s->seq, e) < 0 ||
		store_meta_set_int(s, "last", s->last, e) < 0 ||
		store_meta_set_int(s, "packed", s->packed, e) < 0))
		return -1;
	s->dirty = false;
	reset_all(s);
	rc = db_commit(s->db, e);
	note_held(s);
	return rc;
}

void store_rollback(struct store *s)
{
	s->dirty = false;
	/* copies of triggers that were made in it are gone with it */
	s->follow_schema = -1;
	reset_all(s);
	if (!sqlite3_get_autocommit(s->db))
		note_held(s);
	db_rollback(s->db);
}

int store_meta_int(struct store *s, const char *key, int64_t dflt,
    int64_t *out, struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_META_GET,
	    "SELECT v FROM dialsync_meta WHERE k = ?", e);
	int rc;

	*out = dflt;
	if (!st)
		return -1;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	rc = db_step(st, e);
	if (rc == 1)
		*out = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return rc < 0 ? -1 : 0;
}

int store_meta_set_int(struct store *s, const char *key, int64_t v,
    struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_META_SET,
	    "INSERT OR REPLACE INTO dialsync_meta(k, v) VALUES(?, ?)", e);

	if (!st)
		return -1;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, v);
	return db_run(st, e);
}
