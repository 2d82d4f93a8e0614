/* Histories that went wrong in other programs of this kind, or in drafts of
 * this one, each by its name: sites in one process, real databases, spools and
 * bundles (random_world.h), what comes when as the case says. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "tests/random_fanout.h"
#include "tests/random_fate.h"
#include "tests/random_judge.h"
#include "tests/random_wire.h"

static struct world w;
static char base[100];

enum { A, B, C, D };

/* ---- what all cases do */

static void begin(int nsites, const char *ddl)
{
	static uint64_t number;
	struct options opt = {0};

	opt.trace = getenv("TRACE") != NULL;
	world_begin(&w, ++number, &opt, base);
	w.nsites = nsites;
	w.ntables = 1;
	snprintf(w.ddl[0], sizeof(w.ddl[0]), "%s", ddl);
	w.wire = wire_new();
	for (int i = 0; i < nsites; i++)
		world_name(&w, i);
}

static void make(void)
{
	for (int i = 0; i < w.nsites; i++) {
		w.site[i].wal = true;
		world_make_site(&w, i);
		/* the columns are the case's own, and no values are judged */
		w.site[i].cols[0][0] = '\0';
	}
	world_rest(&w);
}

static void ring(int nsites, const char *ddl)
{
	begin(nsites, ddl);
	for (int i = 0; i < nsites; i++)
		world_join(&w, i, (i + 1) % nsites);
	make();
}

static void chain(int nsites, const char *ddl)
{
	begin(nsites, ddl);
	for (int i = 1; i < nsites; i++)
		world_join(&w, i - 1, i);
	make();
}

static void end(void)
{
	char cmd[200];

	if (w.bad[0])
		print_error("%s\n", w.bad);
	assert_int_equal(w.bad[0], 0);
	wire_free(w.wire);
	world_free(&w);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", w.dir);
	assert_int_equal(system(cmd), 0);
}

static void edit(int site, const char *sql)
{
	w.now++;
	assert_true(world_sql(&w, site, sql));
}

/* One bundle or more from one site to another, applied at once. */
static void send(int from, int to)
{
	world_pack(&w, from, to, true);
	world_deliver(&w, from, to, false);
	world_apply(&w, to);
}

/* The rows of a query, values by '|', rows by ' '. */
static const char *ask(int site, const char *sql)
{
	static char out[2000];
	size_t n = 0;
	sqlite3_stmt *st;

	out[0] = '\0';
	world_open_app(&w, &w.site[site]);
	assert_int_equal(sqlite3_prepare_v2(w.site[site].app, sql, -1, &st,
	    NULL), SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW)
		for (int i = 0; i < sqlite3_column_count(st); i++)
			n += (size_t)snprintf(out + n, sizeof(out) - n,
			    "%s%s", n == 0 ? "" : i ? "|" : " ",
			    sqlite3_column_type(st, i) == SQLITE_NULL ? "NULL"
				: (const char *)sqlite3_column_text(st, i));
	sqlite3_finalize(st);
	return out;
}

/* All sites hold the same, and the query says this everywhere. */
static void everywhere(const char *sql, const char *want)
{
	struct buf a = BUF_INIT(SIZE_MAX), b = BUF_INIT(SIZE_MAX);

	for (int i = 0; i < w.nsites; i++) {
		assert_string_equal(ask(i, sql), want);
		b.n = 0;
		dump_site(&w, i, true, i ? &b : &a);
		if (i)
			assert_string_equal(buf_str(&b), buf_str(&a));
	}
	buf_free(&a);
	buf_free(&b);
}

static void no_conflicts(void)
{
	everywhere("SELECT count(*) FROM dialsync_conflict", "0");
}

/* No edge carried a register twice, or back to whom it came from. */
static void no_echo(void)
{
	for (int i = 0; i < w.nsites; i++)
		for (int k = 0; k < w.nsites; k++) {
			assert_int_equal(wire_edge(w.wire, i, k)->twice, 0);
			assert_int_equal(wire_edge(w.wire, i, k)->echoes, 0);
		}
}

/* ---- the cases */

#define T "CREATE TABLE t0(k TEXT PRIMARY KEY NOT NULL, a, b)"
#define NOCASE_KEY "CREATE TABLE t0(k TEXT COLLATE NOCASE PRIMARY KEY NOT NULL,"

static void two_fields_of_one_row_meet_at_a_relay(void **state)
{
	(void)state;
	chain(3, T);
	edit(A, "INSERT INTO t0 VALUES('x', 1, 1)");
	world_rest(&w);
	edit(C, "UPDATE t0 SET a = 'from c'");
	edit(A, "UPDATE t0 SET b = 'from a'");
	send(C, B);
	send(A, B);
	send(B, A);
	send(B, C);
	everywhere("SELECT * FROM t0", "x|from c|from a");
	world_rest(&w);
	everywhere("SELECT * FROM t0", "x|from c|from a");
	no_conflicts();
	no_echo();
	end();
}

/* a dies at A; B edits the old life; C, which heard of the death, bears it
 * again.  All three reach D, each with its own bundle, in the order. */
static void death_edit_birth(const int order[3], int edit_after)
{
	static const char *const says[] = {
	    "x|born again|2", "x|old life|2"};
	char text[100];

	begin(4, T);
	for (int i = 0; i < 3; i++) {
		world_join(&w, i, D);
		world_join(&w, i, C);
	}
	make();
	edit(A, "INSERT INTO t0 VALUES('x', 1, 1)");
	world_rest(&w);
	w.now += 100;
	edit(A, "DELETE FROM t0");
	send(A, C);
	w.now += 100;
	edit(C, "INSERT INTO t0 VALUES('x', 'born again', 2)");
	/* B's clock: before the death, between, after the birth */
	w.site[B].off = edit_after == 0 ? -150 : edit_after == 1 ? -50 : 50;
	edit(B, "UPDATE t0 SET a = 'old life'");
	for (int i = 0; i < 3; i++)
		send(order[i], D);
	assert_string_equal(ask(D, "SELECT * FROM t0"), says[edit_after == 2]);
	world_rest(&w);
	everywhere("SELECT * FROM t0", says[edit_after == 2]);
	/* whichever lost is in a record */
	snprintf(text, sizeof(text), "SELECT count(*) > 0 FROM"
	    " dialsync_conflict WHERE lost = '%s'",
	    edit_after == 2 ? "born again" : "old life");
	everywhere(text, "1");
	end();
}

static void a_death_an_edit_and_a_birth_in_six_orders(void **state)
{
	static const int orders[6][3] = {{A, B, C}, {A, C, B}, {B, A, C},
	    {B, C, A}, {C, A, B}, {C, B, A}};

	(void)state;
	for (int i = 0; i < 6; i++)
		for (int after = 0; after < 3; after++)
			death_edit_birth(orders[i], after);
}

/* Every number was published: none is committed and then forgotten, which a
 * resend would mend, but at the price of a call.  One killed between its link
 * and the unlink of tmp is published again, if it has gone by then. */
static void no_number_is_missing(int from, int to)
{
	int64_t last = 0;

	for (int i = 0; i < w.nflights; i++)
		if (w.flight[i].from == from && w.flight[i].to == to &&
		    w.flight[i].number != last)
			assert_int_equal(w.flight[i].number, ++last);
}

/* However far a packer came: the next one goes on from there. */
static void a_packer_is_killed_at_every_step(void **state)
{
	bool killed = true;

	(void)state;
	for (long step = 1; killed; step++) {
		chain(2, T);
		edit(A, "INSERT INTO t0 VALUES('x', 1, 1)");
		killed = world_kill_at(&w, A, B, true, step);
		edit(A, "UPDATE t0 SET a = 2");
		edit(B, "INSERT INTO t0 VALUES('y', 3, 3)");
		world_rest(&w);
		everywhere("SELECT * FROM t0 ORDER BY k", "x|2|1 y|3|3");
		no_conflicts();
		no_number_is_missing(A, B);
		end();
		assert_true(step < 100);
	}
}

static void an_applier_is_killed_at_every_step(void **state)
{
	bool killed = true;

	(void)state;
	for (long step = 1; killed; step++) {
		chain(3, T);
		edit(A, "INSERT INTO t0 VALUES('x', 1, 1)");
		world_pack(&w, A, B, true);
		world_deliver(&w, A, B, false);
		killed = world_kill_at(&w, B, A, false, step);
		edit(B, "INSERT INTO t0 VALUES('y', 3, 3)");
		world_rest(&w);
		everywhere("SELECT * FROM t0 ORDER BY k", "x|1|1 y|3|3");
		no_conflicts();
		no_echo();
		end();
		assert_true(step < 100);
	}
}

/* A bundle left, but the database does not know of it: its commit was lost
 * with the power, or it is an older backup.  The file of the last tag is gone
 * with it, or still there. */
static void published_but_not_committed(bool keep_state)
{
	char cmd[1300];
	const char *d;

	chain(2, T);
	edit(A, "INSERT INTO t0 VALUES('x', 1, 1)");
	world_rest(&w);
	edit(A, "UPDATE t0 SET a = 2");
	/* folded, as the packer's first transaction does; then its last one
	 * is what is taken back */
	world_close(&w.site[A]);
	d = w.site[A].dir;
	snprintf(cmd, sizeof(cmd), "cp %s/d.db %s/was && cp %s/state %s/was.state",
	    d, d, d, d);
	assert_int_equal(system(cmd), 0);
	send(A, B);
	world_close(&w.site[A]);
	snprintf(cmd, sizeof(cmd), "rm %s/d.db*; mv %s/was %s/d.db;%s mv"
	    " %s/was.state %s/state", d, d, d, keep_state ? ":" : "", d, d);
	assert_int_equal(system(cmd), 0);
	w.restores++;
	edit(A, "INSERT INTO t0 VALUES('y', 3, 3)");
	edit(B, "UPDATE t0 SET b = 'b''s'");
	world_rest(&w);
	edit(A, "UPDATE t0 SET b = 'then' WHERE k = 'y'");
	edit(B, "INSERT INTO t0 VALUES('z', 4, 4)");
	world_rest(&w);
	everywhere("SELECT * FROM t0 ORDER BY k", "x|2|b's y|3|then z|4|4");
	end();
}

static void a_bundle_is_published_and_its_commit_lost(void **state)
{
	(void)state;
	published_but_not_committed(false);
	published_but_not_committed(true);
}

static bool has_state(int site)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/state", w.site[site].dir);
	return access(path, F_OK) == 0;
}

#define INC "SELECT v FROM dialsync_meta WHERE k = 'inc'"

static void a_restored_sender_packs_before_her_next_call(void **state)
{
	bool with_state[2] = {false, false};
	char was[40];

	(void)state;
	for (uint64_t draw = 1; draw < 9; draw++) {
		chain(3, T);
		edit(A, "INSERT INTO t0 VALUES('x', 1, 1)");
		world_rest(&w);
		world_backup(&w, A);
		edit(A, "UPDATE t0 SET a = 'lost here'");
		edit(A, "INSERT INTO t0 VALUES('y', 2, 2)");
		world_rest(&w);
		/* which of the two ways it is put back is drawn */
		w.rnd = draw;
		world_restore(&w, A);
		with_state[has_state(A)] = true;
		snprintf(was, sizeof(was), "%s", ask(A, INC));
		edit(A, "INSERT INTO t0 VALUES('z', 3, 3)");
		edit(A, "UPDATE t0 SET b = 'new'");
		world_pack(&w, A, B, true); /* off-line */
		/* what lay beside the database tells it before the call does:
		 * that it is ahead, or that it is gone */
		assert_string_not_equal(was, ask(A, INC));
		edit(B, "UPDATE t0 SET b = 'b''s' WHERE k = 'y'");
		send(A, B);
		world_rest(&w);
		edit(C, "INSERT INTO t0 VALUES('u', 5, 5)");
		world_rest(&w);
		everywhere("SELECT * FROM t0 ORDER BY k",
		    "u|5|5 x|lost here|new y|2|b's z|3|new");
		assert_string_not_equal(was, ask(A, INC));
		end();
	}
	assert_true(with_state[false] && with_state[true]);
}

/* What the column's collation takes for equal is a change all the same. */
static void smith_in_a_nocase_column_and_key(void **state)
{
	(void)state;
	chain(3, NOCASE_KEY " a TEXT COLLATE NOCASE)");
	edit(A, "INSERT INTO t0 VALUES('KEY', 'SMITH')");
	world_rest(&w);
	edit(C, "UPDATE t0 SET a = 'Smith'");
	world_rest(&w);
	everywhere("SELECT * FROM t0", "KEY|Smith");
	edit(A, "UPDATE t0 SET k = 'Key'");
	world_rest(&w);
	everywhere("SELECT * FROM t0", "Key|Smith");
	/* one row, however each site spells its key meanwhile */
	edit(A, "UPDATE t0 SET k = 'kEY'");
	edit(C, "UPDATE t0 SET a = 'sMITH'");
	world_rest(&w);
	everywhere("SELECT * FROM t0", "kEY|sMITH");
	no_conflicts();
	no_echo();
	end();
}

/* The row died at A while B spelled its key anew, later: that waits beside the
 * dead row.  A program at B inserts the key as it was; perhaps one at A does the
 * same, which is no conflict. */
static void a_dead_key_is_born_in_another_spelling(void **state)
{
	(void)state;
	for (int twice = 0; twice < 2; twice++) {
		chain(2, NOCASE_KEY " a)");
		edit(A, "INSERT INTO t0 VALUES('Ann', 1)");
		world_rest(&w);
		edit(A, "DELETE FROM t0");
		w.now += 100;
		edit(B, "UPDATE t0 SET k = 'ANN'");
		send(A, B);
		assert_string_equal(ask(B, "SELECT count(*) FROM t0"), "0");
		edit(B, "INSERT INTO t0 VALUES('Ann', 2)");
		if (twice)
			edit(A, "INSERT INTO t0 VALUES('Ann', 2)");
		world_rest(&w);
		everywhere("SELECT * FROM t0", "Ann|2");
		everywhere("SELECT count(*) FROM dialsync_aside", "0");
		no_conflicts();
		end();
	}
}

/* The same with a row that is held whole. */
static void a_held_key_is_born_in_another_spelling(void **state)
{
	(void)state;
	chain(2, NOCASE_KEY " u NOT NULL UNIQUE)");
	edit(A, "INSERT INTO t0 VALUES('x', 1)");
	edit(B, "INSERT INTO t0 VALUES('ANN', 1)");
	world_rest(&w);
	everywhere("SELECT * FROM t0", "x|1");
	edit(B, "INSERT INTO t0 VALUES('Ann', 2)");
	world_rest(&w);
	everywhere("SELECT * FROM t0 ORDER BY k", "Ann|2 x|1");
	everywhere("SELECT count(*) FROM dialsync_aside", "0");
	end();
}

static void one_and_one_point_zero(void **state)
{
	(void)state;
	chain(3, "CREATE TABLE t0(k, a, b NUMERIC, PRIMARY KEY(k))");
	edit(A, "INSERT INTO t0 VALUES(7, 1, 1)");
	world_rest(&w);
	edit(C, "UPDATE t0 SET a = 1.0, b = 1.0");
	world_rest(&w);
	everywhere("SELECT k, a, typeof(a), typeof(b) FROM t0",
	    "7|1.0|real|integer");
	edit(A, "UPDATE t0 SET k = 7.0");
	world_rest(&w);
	everywhere("SELECT k, typeof(k), a FROM t0", "7.0|real|1.0");
	edit(B, "UPDATE t0 SET a = 1");
	world_rest(&w);
	everywhere("SELECT k, a, typeof(a) FROM t0", "7.0|1|integer");
	no_conflicts();
	no_echo();
	end();
}

/* A's change went round the ring before C's, which is older by its clock, sets
 * out. */
static void a_ring_of_three_with_a_late_old_clock(void **state)
{
	(void)state;
	ring(3, T);
	edit(A, "INSERT INTO t0 VALUES('x', 1, 1)");
	world_rest(&w);
	w.site[C].off = -40000;
	w.now += 50000;
	edit(C, "UPDATE t0 SET a = 'old', b = 'c''s'");
	edit(A, "UPDATE t0 SET a = 'new'");
	send(A, B);
	edit(B, "INSERT INTO t0 VALUES('y', 2, 2)");
	send(B, C);
	send(A, C);
	send(C, B);
	send(C, A);
	send(B, A);
	world_rest(&w);
	everywhere("SELECT * FROM t0 ORDER BY k", "x|new|c's y|2|2");
	everywhere("SELECT field, lost, lost_site, won, won_site FROM"
		   " dialsync_conflict", "a|old|c|new|a");
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < 3; k++)
			assert_int_equal(wire_edge(w.wire, i, k)->echoes, 0);
	end();
}

static void hubs_in_a_ring_carry_each_change_once(void **state)
{
	struct fanout f = {.hubs = 3, .sites = 9, .changes = 60, .rounds = 3};

	(void)state;
	fanout_run(&w, &f, base);
	assert_int_equal(f.bad[0], 0);
	assert_int_equal(f.twice, 0);
	assert_int_equal(f.echoes, 0);
	/* each change crosses each leaf's edge once, in one direction */
	assert_int_equal(f.leaf_registers, f.leaf_minimum);
	/* and no edge of the ring more than once in each */
	assert_true(f.ring_registers <= f.ring_minimum * 2);
	wire_free(w.wire);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_fields_of_one_row_meet_at_a_relay),
	    cmocka_unit_test(a_death_an_edit_and_a_birth_in_six_orders),
	    cmocka_unit_test(a_packer_is_killed_at_every_step),
	    cmocka_unit_test(an_applier_is_killed_at_every_step),
	    cmocka_unit_test(a_bundle_is_published_and_its_commit_lost),
	    cmocka_unit_test(a_restored_sender_packs_before_her_next_call),
	    cmocka_unit_test(smith_in_a_nocase_column_and_key),
	    cmocka_unit_test(a_dead_key_is_born_in_another_spelling),
	    cmocka_unit_test(a_held_key_is_born_in_another_spelling),
	    cmocka_unit_test(one_and_one_point_zero),
	    cmocka_unit_test(a_ring_of_three_with_a_late_old_clock),
	    cmocka_unit_test(hubs_in_a_ring_carry_each_change_once),
	};
	const char *tmp = getenv("TMPDIR");
	int failed;

	log_init("t_named", -1);
	if (!tmp)
		tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(base, sizeof(base), "%.80s/namedXXXXXX", tmp);
	if (!mkdtemp(base))
		return 99;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (failed == 0) {
		char cmd[200];

		snprintf(cmd, sizeof(cmd), "rm -rf '%s'", base);
		if (system(cmd) != 0)
			return 99;
	}
	return failed;
}
