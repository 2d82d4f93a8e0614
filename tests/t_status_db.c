/* What the status reads from the database: counts for a peer and for the site,
 * and that a lock is never waited for. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "status/status_db.h"
#include "store/peer.h"
#include "store/store.h"

static char dir[64], path[100];
static sqlite3 *db;
static struct err err;

/* A database of site ann with peer hub in its second incarnation; origins:
 * 1 ann, 2 hub (first), 3 hub (second), 4 lab. */
static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/t_status_db.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/ann.db", dir);
	err_clear(&err);
	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    store_create(db, "ann", &err) < 0)
		return -1;
	return db_exec(db,
	    "INSERT INTO dialsync_peer(p, name, inc, mark)"
	    " VALUES(7, 'hub', 20, 10), (8, 'lab', 40, 0);"
	    "INSERT INTO dialsync_origin(o, site, inc)"
	    " VALUES(2, 'hub', 10), (3, 'hub', 20), (4, 'lab', 40)", &err);
}

static int teardown(void **state)
{
	char cmd[100];

	(void)state;
	sqlite3_close(db);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

/* A fragment: sequence, clock, origin, arrival. */
#define FRAG(s, c, o, a) "INSERT INTO dialsync_frag VALUES(2, 'k', " #s \
	", 4, " #c ", " #o ", " #a ");"
#define LOG(m) "INSERT INTO dialsync_log(t, m, w, k1) VALUES(2, " #m \
	", 100, 'k');"
#define CONFLICT(id, settled) "INSERT INTO dialsync_conflict(id, kind," \
	" tbl, key, field, lost, lost_clock, lost_site, won, won_clock," \
	" won_site, bundle, seen_by, settled) VALUES('" id \
	"', 'edit', 't', 'k', 'f', 1, 1, 'ann', 2, 2, 'hub', 'hub 1'," \
	" 'ann', " settled ");"

static const struct {
	const char *name, *sql;
	int64_t unpacked, waiting_for;  /* of hub */
	int64_t held_rows, conflicts;
} rows[] = {
	{"nothing logged, nothing held", "SELECT 1", 0, 0, 0, 0},
	{"what is in the log is not packed",
	    LOG(4) LOG(-1) LOG(-2), 3, 0, 0, 0},
	{"a key that is only to be looked at is no change",
	    LOG(0) LOG(4), 1, 0, 0, 0},
	{"a wide table's set is text", LOG('0,4'), 1, 0, 0, 0},
	{"past the mark, and not before it",
	    FRAG(9, 5, 1, 0) FRAG(10, 5, 1, 0) FRAG(11, 5, 1, 0), 1, 0, 0, 0},
	{"what came from the peer is not sent back",
	    FRAG(11, 1, 3, 3) FRAG(12, 1, 1, 3) FRAG(13, 1, 3, 0), 1, 0, 0,
	    0},
	{"what came from its earlier incarnation is",
	    FRAG(11, 1, 2, 2), 1, 0, 0, 0},
	{"what it gave and has lost goes back to it",
	    "UPDATE dialsync_peer SET back = 11 WHERE name = 'hub';"
	    FRAG(11, 1, 3, 3) FRAG(12, 1, 3, 3), 1, 0, 0, 0},
	{"what another peer brought is forwarded",
	    FRAG(11, 1, 4, 4), 1, 0, 0, 0},
	{"a first load goes to whom it is for",
	    "UPDATE dialsync_peer SET load = 12 WHERE name = 'hub';"
	    FRAG(11, 1, 1, 0) FRAG(13, 1, 1, 0), 1, 0, 0, 0},
	{"with all else, while it is on its way",
	    "UPDATE dialsync_peer SET load = 12, loading = 1;"
	    "INSERT INTO dialsync_view VALUES(7, 4, 50);"
	    FRAG(11, 50, 4, 4) FRAG(12, 1, 3, 3) FRAG(13, 50, 4, 4), 2, 0, 0,
	    0},
	{"what it is known to know is left out",
	    "INSERT INTO dialsync_view VALUES(7, 4, 50);"
	    FRAG(11, 50, 4, 4) FRAG(12, 51, 4, 4), 1, 0, 0, 0},
	{"what another peer knows does not count",
	    "INSERT INTO dialsync_view VALUES(8, 4, 50);"
	    FRAG(11, 50, 4, 4), 1, 0, 0, 0},
	{"a count ends at 100,000",
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
	    " LIMIT 100005) INSERT INTO dialsync_log(t, m, w)"
	    " SELECT 2, 4, 100 FROM n", STATUS_COUNT_MAX, 0, 0, 0},
	{"a long sequence is counted to its end, chunk by chunk",
	    "WITH RECURSIVE n(i) AS (SELECT 11 UNION ALL SELECT i + 1 FROM n"
	    " LIMIT 10000) INSERT INTO dialsync_frag"
	    " SELECT 2, i, i, 4, i, 1, 3 * (i % 2) FROM n", 5000, 0, 0, 0},
	{"a missing bundle",
	    "UPDATE dialsync_peer SET waiting_for = 118 WHERE name = 'hub'",
	    0, 118, 0, 0},
	{"held rows",
	    "INSERT INTO dialsync_held VALUES(2, 'a', 'rule', 'x', 1, NULL),"
	    "(2, 'b', 'unique', 'x', 1, NULL)", 0, 0, 2, 0},
	{"conflicts that nobody settled",
	    CONFLICT("a", "NULL") CONFLICT("b", "'take'")
	    CONFLICT("c", "NULL"), 0, 0, 0, 2},
};

static void test_counts(void **state)
{
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct status_seen_peer p = {.name = "hub"};
		struct status_seen s = {.site = "ann"};
		struct status_db *d;

		assert_int_equal(setup(NULL), 0);
		if (db_exec(db, rows[i].sql, &err) < 0)
			fail_msg("%s: %s", rows[i].name, err.text);
		d = status_db_open(path, "ann", &err);
		if (!d || status_db_site(d, &s, &err) < 0 ||
		    status_db_peer(d, &p, &err) < 0)
			fail_msg("%s: %s", rows[i].name, err.text);
		if (p.unpacked != rows[i].unpacked ||
		    p.waiting_for != rows[i].waiting_for ||
		    s.held_rows != rows[i].held_rows ||
		    s.conflicts != rows[i].conflicts) {
			print_error("%s: unpacked %lld, waiting for %lld, "
			    "held %lld, conflicts %lld\n", rows[i].name,
			    (long long)p.unpacked, (long long)p.waiting_for,
			    (long long)s.held_rows, (long long)s.conflicts);
			bad++;
		}
		status_db_close(d);
		assert_int_equal(teardown(NULL), 0);
	}
	assert_int_equal(bad, 0);
}

static void test_unknown_peer(void **state)
{
	struct status_db *d = status_db_open(path, "ann", &err);
	struct status_seen_peer p = {.name = "nobody"};

	(void)state;
	assert_non_null(d);
	assert_int_equal(status_db_peer(d, &p, &err), 0);
	assert_true(p.unpacked == STATUS_NONE);
	assert_true(p.waiting_for == STATUS_NONE);
	status_db_close(d);
}

/* Others' locks: open finds it, or a count does; neither waits. */
static void test_locked(void **state)
{
	struct status_db *d = status_db_open(path, "ann", &err);
	struct status_seen s = {.site = "ann"};
	struct status_seen_peer p = {.name = "hub"};
	uint64_t start = clock_ms();

	(void)state;
	assert_non_null(d);
	assert_int_equal(db_exec(db, "BEGIN EXCLUSIVE", &err), 0);
	assert_int_equal(status_db_site(d, &s, &err), -1);
	assert_int_equal(err.kind, ERR_BUSY);
	assert_true(s.held_rows == STATUS_NONE);
	assert_true(s.conflicts == STATUS_NONE);
	assert_int_equal(status_db_peer(d, &p, &err), -1);
	assert_true(p.unpacked == STATUS_NONE);
	status_db_close(d);
	assert_null(status_db_open(path, "ann", &err));
	assert_int_equal(err.kind, ERR_BUSY);
	assert_true(clock_ms() - start < 2000);
	/* and nobody waits for us */
	assert_int_equal(db_exec(db, "COMMIT", &err), 0);
}

/* An open status holds nothing between its counts. */
static void test_holds_nothing(void **state)
{
	struct status_db *d = status_db_open(path, "ann", &err);
	struct status_seen s = {.site = "ann"};

	(void)state;
	assert_non_null(d);
	assert_int_equal(status_db_site(d, &s, &err), 0);
	assert_int_equal(db_exec(db, "BEGIN EXCLUSIVE;"
	    "CREATE TABLE t(a); COMMIT", &err), 0);
	status_db_close(d);
}

/* A schema so large that SQLite asks whether to go on while it reads it. */
static void test_large_schema(void **state)
{
	struct status_seen s = {.site = "ann"};
	struct status_db *d;

	(void)state;
	assert_int_equal(db_exec(db, "BEGIN", &err), 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(db_execf(db, &err, "CREATE TABLE t%d(a, b)",
		    i), 0);
	assert_int_equal(db_exec(db, "COMMIT", &err), 0);
	d = status_db_open(path, "ann", &err);
	if (!d)
		fail_msg("%s", err.text);
	assert_int_equal(status_db_site(d, &s, &err), 0);
	status_db_close(d);
}

static void test_not_ours(void **state)
{
	char other[200];
	FILE *f;

	(void)state;
	assert_null(status_db_open(path, "hub", &err));
	assert_int_equal(err.kind, ERR_DATA);
	snprintf(other, sizeof(other), "%s/none.db", dir);
	assert_null(status_db_open(other, "ann", &err));
	assert_int_equal(err.kind, ERR_MISSING);
	assert_int_equal(access(other, F_OK), -1);
	f = fopen(other, "w");
	assert_non_null(f);
	assert_null(status_db_open(other, "ann", &err));
	assert_int_equal(err.kind, ERR_DATA);
	fprintf(f, "this is not a database, whatever its name says; and it "
	    "is longer than a header of one hundred bytes, so.\n");
	assert_int_equal(fclose(f), 0);
	assert_null(status_db_open(other, "ann", &err));
	assert_int_equal(err.kind, ERR_DATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test_setup_teardown(test_unknown_peer, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_locked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_holds_nothing, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_large_schema, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_not_ours, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
