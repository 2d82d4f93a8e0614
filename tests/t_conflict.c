/* Rows as JSON and back, keys as text and back, and conflict records: what a
 * birth of one leaves open. */
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

#include "capture/capture.h"
#include "store/conflict.h"
#include "store/key.h"
#include "store/row.h"
#include "store/row_json.h"

static struct store *s;
static struct table *t;
static char path[] = "/tmp/t_conflict.XXXXXX";

static int setup(void **state)
{
	struct err e = ERR_INIT;
	sqlite3 *db;
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0 || close(fd) < 0 ||
	    db_open(path, DB_WRITE, &db, &e) < 0 ||
	    store_create(db, "ann", &e) < 0 ||
	    db_exec(db, "CREATE TABLE t(k PRIMARY KEY, a, b)", &e) < 0)
		return -1;
	db_close(db);
	if (store_open(path, "ann", DB_APPLY, &s, &e) < 0 ||
	    store_begin(s, &e) < 0 || capture_track(s, "t", &e) < 0)
		return -1;
	t = table_by_name(s, "t");
	return t ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	store_close(s);
	return unlink(path);
}

/* ---- */

static const char *const values[] = {
	"NULL", "0", "-1", "9007199254740992", "9007199254740993",
	"9223372036854775807", "-9223372036854775808", "0.0", "1.0", "0.1",
	"-1e300", "4.9e-324", "9e999", "-9e999", "1.7976931348623157e308",
	"''", "'a'", "'\"\\'", "char(10)||char(9)||char(31)||char(127)",
	"'Gr\xc3\xbc\xc3\x9f'", "char(128512)", "char(0)", "'a'||char(0)",
	"CAST(x'61FF' AS TEXT)", "CAST(x'EDA080' AS TEXT)",
	"CAST(x'C3' AS TEXT)", "CAST(x'C080' AS TEXT)", "x''", "x'00'",
	"x'0123456789ABCDEF'", "'{\"real\": \"1\"}'", "'null'",
};

static void test_row_json(void **state)
{
	struct arena arena = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		sqlite3_stmt *st = db_preparef(s->db, NULL, "SELECT %s",
		    values[i]);
		struct value row[3] = {{.type = VALUE_INTEGER, .i = 7}};
		struct value back[3];
		struct buf json = BUF_INIT(SIZE_MAX);
		struct mask set;

		assert_int_equal(db_step(st, NULL), 1);
		db_column(st, 0, &row[1]);
		row_json_put(t, t->all.w, row, &json);
		if (row_json_get(s->db, json.p, json.n, t, back, &set, &arena,
			NULL) < 0 ||
		    !value_same(&row[1], &back[1]) ||
		    !value_same(&row[0], &back[0])) {
			print_error("%s: does not come back from %s\n",
			    values[i], buf_str(&json));
			fail();
		}
		buf_free(&json);
		sqlite3_finalize(st);
	}
	arena_free(&arena);
}

static const struct {
	const char *name, *json;
	int rc, columns;
} hostile[] = {
	{"all columns", "{\"k\": 1, \"a\": null, \"b\": \"x\"}", 0, 3},
	{"one column", "{\"K\": 1}", 0, 1},
	{"a column that is not here", "{\"k\": 1, \"zz\": 2}", 0, 1},
	{"only such", "{\"zz\": 2}", -1, 0},
	{"none", "{}", -1, 0},
	{"no JSON", "{", -1, 0},
	{"empty", "", -1, 0},
	{"an array", "[1, 2]", -1, 0},
	{"a number", "7", -1, 0},
	{"an array inside", "{\"k\": [1]}", -1, 0},
	{"a plain real", "{\"k\": 1.5}", -1, 0},
	{"true", "{\"k\": true}", -1, 0},
	{"an object of another kind", "{\"k\": {\"x\": \"1\"}}", -1, 0},
	{"no real", "{\"k\": {\"real\": \"1x\"}}", -1, 0},
	{"not a number", "{\"k\": {\"real\": \"nan\"}}", -1, 0},
	{"an empty real", "{\"k\": {\"real\": \"\"}}", -1, 0},
	{"half a byte", "{\"k\": {\"blob\": \"0\"}}", -1, 0},
	{"no byte", "{\"k\": {\"blob\": \"zz\"}}", -1, 0},
	{"a real that is none", "{\"k\": {\"real\": 1}}", -1, 0},
};

static void test_hostile_json(void **state)
{
	struct arena arena = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		struct value back[3];
		struct mask set;
		int n = 0, rc = row_json_get(s->db, hostile[i].json,
		    strlen(hostile[i].json), t, back, &set, &arena, NULL);

		for (int c = 0; c < 3 && rc == 0; c++)
			n += mask_has(set.w, c + REG_COLUMN);
		if (rc != hostile[i].rc || (rc == 0 &&
			n != hostile[i].columns)) {
			print_error("%s: %d, %d columns\n", hostile[i].name,
			    rc, n);
			fail();
		}
	}
	arena_free(&arena);
}

static void test_keys(void **state)
{
	static const char *const bad[] = {"", "'", "'a", "x'0", "x'zz'", "a",
	    "1, 2", "1,", "'a' ", "1x", "--1"};
	struct arena arena = ARENA_INIT;
	struct value cols[16];

	(void)state;
	for (size_t i = 1; i < sizeof(values) / sizeof(values[0]); i++) {
		sqlite3_stmt *st = db_preparef(s->db, NULL, "SELECT %s",
		    values[i]);
		struct buf scratch = BUF_INIT(SIZE_MAX);
		struct buf text = BUF_INIT(SIZE_MAX);
		struct buf again = BUF_INIT(SIZE_MAX);
		struct value v, key, back;

		assert_int_equal(db_step(st, NULL), 1);
		db_column(st, 0, &v);
		assert_true(key_make(t, &v, &scratch, &key));
		key_text(t, &key, &text);
		if (!key_from_text(t, buf_str(&text), text.n, &arena, cols) ||
		    !key_make(t, cols, &again, &back) ||
		    !value_same(&key, &back)) {
			print_error("key %s: does not come back from %s\n",
			    values[i], buf_str(&text));
			fail();
		}
		buf_free(&scratch);
		buf_free(&text);
		buf_free(&again);
		sqlite3_finalize(st);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (key_from_text(t, bad[i], strlen(bad[i]), &arena, cols)) {
			print_error("\"%s\" is no key\n", bad[i]);
			fail();
		}
	arena_free(&arena);
}

/* ---- records */

/* Which columns of the only record have a version, as one word each. */
static void versions(struct buf *out)
{
	struct table *c = table_by_id(s, 1);
	struct frag frags[20];
	struct value key = {.type = VALUE_TEXT};
	sqlite3_stmt *st = db_prepare(s->db,
	    "SELECT id FROM dialsync_conflict", false, NULL);
	int n;

	assert_int_equal(db_step(st, NULL), 1);
	db_column(st, 0, &key);
	n = frags_of(s, c, &key, frags, 20, NULL);
	for (int i = 0; i < c->ncols; i++)
		for (int k = 0; k < n; k++)
			if (mask_has(frags[k].mask.w, i + REG_COLUMN) &&
			    (strncmp(c->cols[i].name, "settled", 7) == 0 ||
				strcmp(c->cols[i].name, "row") == 0 ||
				strcmp(c->cols[i].name, "won") == 0))
				buf_addf(out, "%s ", c->cols[i].name);
	sqlite3_finalize(st);
}

static void fold(const char *want)
{
	struct buf b = BUF_INIT(SIZE_MAX);
	struct err e = ERR_INIT;
	bool more;

	assert_int_equal(capture_fold(s, 1000, &more, &e), 0);
	versions(&b);
	assert_string_equal(buf_str(&b), want);
	buf_free(&b);
	t = table_by_name(s, "t"); /* read again by the fold */
}

static void test_records(void **state)
{
	struct value key = {.type = VALUE_INTEGER, .i = 7};
	struct value lost = {.type = VALUE_TEXT, .p = "x", .n = 1};
	struct buf row = BUF_INIT(SIZE_MAX), id = BUF_INIT(SIZE_MAX);
	struct conflict c = {.kind = CONFLICT_DEATH, .table = t, .key = &key,
	    .field = "a", .loser = {100, s->self}, .winner = {101, s->self},
	    .lost = &lost, .bundle = "hub 1"};
	struct err e = ERR_INIT;
	char how[16];

	(void)state;
	assert_int_equal(conflict_add(s, &c, &e), 1);
	assert_int_equal(conflict_add(s, &c, &e), 0);
	/* a birth: neither the row nor how it is settled; won, NULL, is said */
	fold("won ");
	buf_adds(&row, "{\"k\": 7}");
	c.table = t;
	c.row = &row;
	assert_int_equal(conflict_add(s, &c, &e), 0);
	fold("won row ");
	c.table = t;
	/* who has the row keeps it */
	buf_reset(&row);
	buf_adds(&row, "{\"k\": 8}");
	assert_int_equal(conflict_add(s, &c, &e), 0);
	buf_addf(&id, "t|7|a|100|ann|%lld", (long long)s->inc);
	assert_int_equal(conflict_settled(s, &id, how, &e), 0);
	assert_int_equal(conflict_settle(s, &id, SETTLED_TAKEN, &e), 0);
	assert_int_equal(conflict_settled(s, &id, how, &e), 1);
	assert_string_equal(how, "taken");
	fold("won row settled settled_by settled_clock ");
	assert_int_equal(conflict_settle(s, &id, NULL, &e), 0);
	assert_int_equal(conflict_settled(s, &id, how, &e), 0);
	/* one about a conflict record is none */
	c.table = table_by_id(s, 1);
	assert_int_equal(conflict_add(s, &c, &e), 0);
	buf_free(&row);
	buf_free(&id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_row_json),
		cmocka_unit_test(test_hostile_json),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_records),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
