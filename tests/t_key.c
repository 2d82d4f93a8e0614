/* Canonical keys: two rows have the same one exactly when SQLite calls their
 * keys equal; and what a canonical key is split into is equal to the key.
 * SQLite itself says what is equal: each pair of values is put to it. */
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

#include "store/key.h"
#include "store/store.h"
#include "store/table.h"

/* Kinds of keys: how columns k (and l) are declared. */
struct row {
	const char *name;
	const char *ddl;
	int ncols;
};

static const struct row rows[] = {
	{"no affinity", "k PRIMARY KEY", 1},
	{"text", "k TEXT PRIMARY KEY", 1},
	{"NOCASE", "k TEXT COLLATE NOCASE PRIMARY KEY", 1},
	{"RTRIM", "k TEXT COLLATE RTRIM PRIMARY KEY", 1},
	{"NOCASE without affinity", "k COLLATE NOCASE PRIMARY KEY", 1},
	{"integer", "k INTEGER PRIMARY KEY", 1},
	{"INT, no rowid alias", "k INT PRIMARY KEY", 1},
	{"real", "k REAL PRIMARY KEY", 1},
	{"numeric", "k NUMERIC PRIMARY KEY", 1},
	{"blob", "k BLOB PRIMARY KEY", 1},
	{"two columns", "k, l, PRIMARY KEY(k, l)", 2},
	{"two, in the other order", "k, l, PRIMARY KEY(l, k)", 2},
	{"two, collated", "k TEXT COLLATE NOCASE, l COLLATE RTRIM,"
	    " PRIMARY KEY(k, l)", 2},
};

static const char *const values[] = {
	"0", "1", "-1", "1.0", "0.0", "-0.0", "1.5", "-1.5", "'1'", "'1.0'",
	"'01'", "9223372036854775807", "9223372036854775807.0",
	"-9223372036854775808", "-9223372036854775808.0",
	"9007199254740993", "9007199254740992.0", "9007199254740992",
	"1e18", "1000000000000000000", "1e19", "9e999", "-9e999", "4.9e-324",
	"''", "' '", "'  '", "'a'", "'A'", "'a '", "'A  '", "' a'", "'ab'",
	"'\xc3\xa4'", "'\xc3\x84'", "'[' ", "'{'", "'@'", "'`'",
	"char(0)", "'a'||char(0)", "'a'||char(0)||' '", "'a'||char(9)",
	"CAST(x'ff' AS TEXT)", "x''", "x'00'", "x'61'", "x'4161'", "x'31'",
	"x'490000000000000001'", "CAST(x'490000000000000001' AS TEXT)",
};

#define NVALUES ((int)(sizeof(values) / sizeof(values[0])))

/* A canonical key, copied. */
struct canon {
	bool made;      /* false: NULL, or the table refused the value */
	struct value key;
	struct buf own;
	char sql[200];  /* "k, l" as it was written */
};

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	return st;
}

/* The one row of table t as its canonical key. */
static void make(sqlite3 *db, const struct table *t, struct canon *c)
{
	struct value v[16], key;
	struct buf scratch = BUF_INIT(SIZE_MAX);
	sqlite3_stmt *st = prepare(db, "SELECT * FROM t");

	c->made = false;
	memset(&c->own, 0, sizeof(c->own));
	buf_init(&c->own, SIZE_MAX);
	if (sqlite3_step(st) == SQLITE_ROW) {
		for (int i = 0; i < t->nkey; i++)
			db_column(st, t->key[i], &v[i]);
		c->made = key_make(t, v, &scratch, &key);
		assert_true(c->made);
		c->key = key;
		if (key.type == VALUE_TEXT || key.type == VALUE_BLOB) {
			buf_add(&c->own, key.p, key.n);
			c->key.p = c->own.p;
		}
	}
	sqlite3_finalize(st);
	buf_free(&scratch);
}

/* How many rows of t have a key equal to what the canonical key says? */
static int found(sqlite3 *db, const struct table *t, const struct value *key)
{
	struct value v[16];
	sqlite3_stmt *st;
	int n;

	assert_true(key_split(t, key, v));
	st = prepare(db, t->nkey == 1 ? "SELECT count(*) FROM t WHERE k = ?1"
				      : "SELECT count(*) FROM t WHERE k = ?1"
					" AND l = ?2");
	for (int i = 0; i < t->nkey; i++)
		db_bind(st, t->key[i] + 1, &v[i]);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return n;
}

static bool put(sqlite3 *db, const char *sql)
{
	char text[300];

	snprintf(text, sizeof(text), "INSERT INTO t VALUES(%s)", sql);
	return sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK;
}

static int check_row(const struct row *r, sqlite3 *db, struct table *t)
{
	static struct canon c[2 * 64];
	int n = 0, bad = 0;

	assert_true(NVALUES <= 64);
	for (int i = 0; i < NVALUES * r->ncols; i++) {
		snprintf(c[n].sql, sizeof(c[n].sql),
		    r->ncols == 1 ? "%s" : i < NVALUES ? "%s, 'p '" : "1, %s",
		    values[i % NVALUES]);
		sqlite3_exec(db, "DELETE FROM t", NULL, NULL, NULL);
		if (!put(db, c[n].sql))
			continue;
		make(db, t, &c[n]);
		if (found(db, t, &c[n].key) != 1) {
			print_error("%s: %s: not found by its canonical key\n",
			    r->name, c[n].sql);
			bad++;
		}
		n++;
	}
	/* the second of an equal pair is refused, as the key is taken */
	for (int i = 0; i < n; i++) {
		sqlite3_exec(db, "DELETE FROM t", NULL, NULL, NULL);
		put(db, c[i].sql);
		for (int k = 0; k < n; k++) {
			bool same = value_same(&c[i].key, &c[k].key);
			bool equal;

			sqlite3_exec(db, "SAVEPOINT s", NULL, NULL, NULL);
			equal = !put(db, c[k].sql);
			sqlite3_exec(db, "ROLLBACK TO s; RELEASE s", NULL,
			    NULL, NULL);
			if (same == equal)
				continue;
			print_error("%s: %s and %s are %s\n", r->name,
			    c[i].sql, c[k].sql, equal ? "equal, their keys"
							" not"
						      : "not equal, their keys"
							" are");
			bad++;
		}
	}
	for (int i = 0; i < n; i++)
		buf_free(&c[i].own);
	assert_true(n > 10);
	return bad;
}

static void test_rows(void **state)
{
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char path[] = "/tmp/t_keyXXXXXX", sql[200];
		struct err e = ERR_INIT;
		struct store *s;
		struct table *t;
		sqlite3 *db;
		int fd = mkstemp(path);

		assert_true(fd >= 0);
		close(fd);
		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		snprintf(sql, sizeof(sql), "PRAGMA synchronous = off;"
		    " CREATE TABLE t(%s)", rows[i].ddl);
		assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), 0);
		assert_int_equal(store_create(db, "ann", &e), 0);
		assert_int_equal(store_open(path, "ann", DB_WRITE, &s, &e), 0);
		assert_int_equal(table_register(s, "t", &t, &e), 0);
		assert_int_equal(table_set_tracked(s, t, true, &e), 0);
		t = table_by_name(s, "t");
		assert_int_equal(t->nkey, rows[i].ncols);
		sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL);
		bad += check_row(&rows[i], s->db, t);
		store_close(s);
		sqlite3_close(db);
		unlink(path);
	}
	assert_int_equal(bad, 0);
}

/* A damaged key is refused, whatever its bytes. */
static void test_damaged(void **state)
{
	static const char *const bad[] = {"", "I", "I1234567", "T", "T\0\0\0\5a",
		"B\xff\xff\xff\xff", "I12345678X", "R12345678R"};
	static const size_t n[] = {0, 1, 8, 1, 6, 5, 10, 10};
	struct table t;
	struct value out[16];

	(void)state;
	memset(&t, 0, sizeof(t));
	t.nkey = 1;
	for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++) {
		char *copy = malloc(n[i] ? n[i] : 1); /* so that ASan sees */
		struct value key = {VALUE_BLOB, 0, 0, copy, n[i]};

		assert_non_null(copy);
		memcpy(copy, bad[i], n[i]);
		if (key_split(&t, &key, out))
			fail_msg("damaged key %zu was split", i);
		free(copy);
	}
	t.nkey = 2;
	out[0] = (struct value){VALUE_INTEGER, 3, 0, NULL, 0};
	assert_false(key_split(&t, &out[0], &out[1]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
