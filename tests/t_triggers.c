/* Triggers: whatever SQL changes a row, the log names the row.  Each row of the
 * table makes a database, tracks table t, runs plain SQL as an application
 * would, and compares the log: entries "code key[,key]" in order, where code is
 * + birth, - death, ? touch, or the changed columns' names (! the spelling). */
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

#include "base/fs.h"
#include "capture/capture_p.h"

struct row {
	const char *name;
	const char *table;    /* tracked; NULL: t */
	const char *schema;   /* and what was there before */
	const char *sql;
	const char *log;
};

static const struct row rows[] = {
	{"insert is a birth", NULL, "CREATE TABLE t(id INTEGER PRIMARY KEY, a)",
	    "INSERT INTO t VALUES(1, 'x'), (2, 'y')", "+ 1; + 2"},
	{"update names the column", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b);"
	    "INSERT INTO t VALUES(1, 'x', 'y')",
	    "UPDATE t SET b = 'z' WHERE id = 1", "b 1"},
	{"update of two columns is one entry", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, c);"
	    "INSERT INTO t VALUES(1, 1, 1, 1)",
	    "UPDATE t SET a = 2, b = b, c = 3", "a c 1"},
	{"delete is a death", NULL, "CREATE TABLE t(id TEXT PRIMARY KEY, a);"
	    "INSERT INTO t VALUES('k', 1)",
	    "DELETE FROM t WHERE id = 'k'", "- k"},
	{"DELETE without WHERE", NULL, "CREATE TABLE t(id INTEGER PRIMARY KEY);"
	    "INSERT INTO t VALUES(1), (2)", "DELETE FROM t", "- 1; - 2"},
	{"upsert that updates", NULL, "CREATE TABLE t(id TEXT PRIMARY KEY, n);"
	    "INSERT INTO t VALUES('k', 1)",
	    "INSERT INTO t VALUES('k', 5) ON CONFLICT(id) DO UPDATE"
	    " SET n = n + excluded.n", "n k"},
	{"upsert that does nothing", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, n);"
	    "INSERT INTO t VALUES(1, 1)",
	    "INSERT INTO t VALUES(1, 5) ON CONFLICT DO NOTHING", ""},
	{"UPDATE FROM", NULL, "CREATE TABLE t(id INTEGER PRIMARY KEY, n);"
	    "CREATE TABLE s(i, m); INSERT INTO s VALUES(1, 7);"
	    "INSERT INTO t VALUES(1, 1), (2, 2)",
	    "UPDATE t SET n = m FROM s WHERE s.i = t.id", "n 1"},
	{"a write through a view", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, n);"
	    "CREATE VIEW v AS SELECT * FROM t; CREATE TRIGGER vi INSTEAD OF"
	    " INSERT ON v BEGIN INSERT INTO t VALUES(NEW.id, NEW.n); END",
	    "INSERT INTO v VALUES(3, 4)", "+ 3"},
	/* REPLACE */
	{"REPLACE of the same key", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, a);"
	    "INSERT INTO t VALUES(1, 'x')", "REPLACE INTO t VALUES(1, 'y')",
	    "+ 1"},
	{"REPLACE evicts another row", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE);"
	    "INSERT INTO t VALUES(1, 'x')", "REPLACE INTO t VALUES(2, 'x')",
	    "? 1; + 2"},
	{"REPLACE evicts two rows at once", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, v UNIQUE);"
	    "INSERT INTO t VALUES(1, 'x', 'p'), (2, 'y', 'q')",
	    "REPLACE INTO t VALUES(3, 'x', 'q')", "? 2; ? 1; + 3|? 1; ? 2; + 3"},
	{"REPLACE evicts through two columns", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u, v, UNIQUE(u, v));"
	    "INSERT INTO t VALUES(1, 'x', 'p'), (2, 'x', 'q')",
	    "REPLACE INTO t VALUES(3, 'x', 'q')", "? 2; + 3"},
	{"REPLACE evicts through NOCASE", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE COLLATE NOCASE);"
	    "INSERT INTO t VALUES(1, 'ann')",
	    "REPLACE INTO t VALUES(2, 'ANN')", "? 1; + 2"},
	{"REPLACE evicts through the index's own collation", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u);"
	    "CREATE UNIQUE INDEX i ON t(u COLLATE NOCASE DESC);"
	    "INSERT INTO t VALUES(1, 'ann')",
	    "REPLACE INTO t VALUES(2, 'ANN')", "? 1; + 2"},
	{"REPLACE evicts through a partial index", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u, live);"
	    "CREATE UNIQUE INDEX i ON t(u) WHERE live = 1 -- a comment\n;"
	    "INSERT INTO t VALUES(1, 'x', 1), (2, 'x', 0)",
	    "REPLACE INTO t VALUES(3, 'x', 0); REPLACE INTO t"
	    " VALUES(4, 'x', 1)", "+ 3; ? 1; + 4"},
	{"UPDATE OR REPLACE that enters a partial index", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u, live);"
	    "CREATE UNIQUE INDEX i ON t(u) WHERE live = 1;"
	    "INSERT INTO t VALUES(1, 'x', 1), (2, 'x', 0)",
	    "UPDATE OR REPLACE t SET live = 1 WHERE id = 2", "? 1; live 2"},
	{"REPLACE evicts through an expression", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u, v);"
	    "CREATE UNIQUE INDEX i ON t(lower(u) || ',', v, substr(u,1,2));"
	    "INSERT INTO t VALUES(1, 'Ann', 1)",
	    "REPLACE INTO t VALUES(2, 'ANN', 1);"
	    "REPLACE INTO t VALUES(3, 'Ann', 1)", "+ 2; ? 1; + 3"},
	{"an expression that fails outside its WHERE", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u);"
	    "CREATE UNIQUE INDEX i ON t(json_extract(u, '$.a'))"
	    " WHERE json_valid(u); INSERT INTO t VALUES(1, '{\"a\":5}')",
	    "INSERT INTO t VALUES(2, 'no json'); REPLACE INTO t"
	    " VALUES(3, '{\"a\": 5}')", "+ 2; ? 1; + 3"},
	{"REPLACE evicts through a generated column", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u,"
	    " g AS (lower(u)) STORED UNIQUE);"
	    "INSERT INTO t(id, u) VALUES(1, 'Ann')",
	    "REPLACE INTO t(id, u) VALUES(2, 'ANN')", "? 1; + 2"},
	{"an expression over a generated column", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u, g AS (u + 1));"
	    "CREATE UNIQUE INDEX i ON t(abs(g));"
	    "INSERT INTO t(id, u) VALUES(1, 1)",
	    "REPLACE INTO t(id, u) VALUES(2, -3)", "? 1; + 2"},
	{"REPLACE puts a default for NULL", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u TEXT NOT NULL"
	    " DEFAULT 'x' UNIQUE); INSERT INTO t VALUES(1, 'x')",
	    "REPLACE INTO t VALUES(2, NULL)", "? 1; + 2"},
	{"REPLACE of NULL by the default, in a partial index", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u, d NOT NULL DEFAULT 0);"
	    "CREATE UNIQUE INDEX i ON t(u) WHERE d IS NOT NULL;"
	    "INSERT INTO t VALUES(1, 'x', 0)",
	    "REPLACE INTO t VALUES(2, 'x', NULL)", "? 1; + 2"},
	{"REPLACE of NULL by the default, in an expression", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, d NOT NULL DEFAULT 'x');"
	    "CREATE UNIQUE INDEX i ON t(upper(d));"
	    "INSERT INTO t VALUES(1, 'X')",
	    "REPLACE INTO t VALUES(2, NULL)", "? 1; + 2"},
	{"REPLACE of NULL by a default of another type, in an expression", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, d TEXT NOT NULL DEFAULT 0,"
	    " e); CREATE UNIQUE INDEX i ON t(coalesce(d, e));"
	    "INSERT INTO t VALUES(1, 0, 5)",
	    "REPLACE INTO t VALUES(2, NULL, 6)", "? 1; + 2"},
	{"REPLACE of NULL by a text that is a number", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, d INT NOT NULL"
	    " DEFAULT '7'); CREATE UNIQUE INDEX i ON t(abs(d));"
	    "INSERT INTO t VALUES(1, -7)",
	    "REPLACE INTO t VALUES(2, NULL)", "? 1; + 2"},
	{"REPLACE of NULL by a time among numbers", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, d DATE NOT NULL"
	    " DEFAULT '2026-01-02'); CREATE UNIQUE INDEX i ON t(d || '');"
	    "INSERT INTO t(id) VALUES(1)",
	    "REPLACE INTO t VALUES(2, NULL)", "? 1; + 2"},
	{"REPLACE of NULL by a real number", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, d REAL NOT NULL"
	    " DEFAULT 7); CREATE UNIQUE INDEX i ON t(d || '');"
	    "INSERT INTO t(id) VALUES(1)",
	    "REPLACE INTO t VALUES(2, NULL)", "? 1; + 2"},
	{"affinity in a WHERE", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u, d TEXT);"
	    "CREATE UNIQUE INDEX i ON t(u) WHERE d = 1;"
	    "INSERT INTO t VALUES(1, 'x', 1)",
	    "REPLACE INTO t VALUES(2, 'x', 1)", "? 1; + 2"},
	{"affinity and collation in a WHERE", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u, d TEXT COLLATE NOCASE,"
	    " n INT NOT NULL DEFAULT 1); CREATE UNIQUE INDEX i ON t(u)"
	    " WHERE d IN ('open', 3) AND n <> '2';"
	    "INSERT INTO t VALUES(1, 'x', 'OPEN', 1), (2, 'y', 3, 1)",
	    "REPLACE INTO t VALUES(3, 'x', 'Open', 1);"
	    "REPLACE INTO t VALUES(4, 'y', 3, 1);"
	    "REPLACE INTO t VALUES(5, 'y', 3, 2)",
	    "? 1; + 3; ? 2; + 4; + 5"},
	{"affinity in a WHERE, and values that do not fit it", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u, n INT);"
	    "CREATE UNIQUE INDEX i ON t(u) WHERE n <> '2';"
	    "INSERT INTO t VALUES(1, 'x', 'abc')",
	    "REPLACE INTO t VALUES(2, 'x', 'abc')", "? 1; + 2"},
	{"affinity in an expression", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u, d TEXT);"
	    "CREATE UNIQUE INDEX i ON t(CASE WHEN d = 1 THEN u END);"
	    "INSERT INTO t VALUES(1, 'x', 1)",
	    "REPLACE INTO t VALUES(2, 'x', 1)", "? 1; + 2"},
	{"collation in a WHERE, of a column with a default", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u, d TEXT COLLATE NOCASE"
	    " NOT NULL DEFAULT ''); CREATE UNIQUE INDEX i ON t(u)"
	    " WHERE d = 'open'; INSERT INTO t VALUES(1, 'x', 'OPEN')",
	    "REPLACE INTO t VALUES(2, 'x', 'OPEN')", "? 1; + 2"},
	{"REPLACE in the schema", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE"
	    " ON CONFLICT REPLACE); INSERT INTO t VALUES(1, 'x')",
	    "INSERT INTO t VALUES(2, 'x')", "? 1; + 2"},
	{"REPLACE through the hidden rowid", NULL,
	    "CREATE TABLE t(id TEXT PRIMARY KEY, a);"
	    "INSERT INTO t(rowid, id) VALUES(7, 'x')",
	    "REPLACE INTO t(rowid, id) VALUES(7, 'y')", "? x; + y"},
	{"UPDATE OR REPLACE of the hidden rowid", NULL,
	    "CREATE TABLE t(id TEXT PRIMARY KEY, a);"
	    "INSERT INTO t(rowid, id) VALUES(7, 'x'), (8, 'y')",
	    "UPDATE OR REPLACE t SET rowid = 7 WHERE id = 'y'", "? x; ? y"},
	{"REPLACE in WITHOUT ROWID", NULL,
	    "CREATE TABLE t(a, b, u UNIQUE, PRIMARY KEY(a, b)) WITHOUT ROWID;"
	    "INSERT INTO t VALUES(1, 2, 'x'), (1, 3, 'y')",
	    "REPLACE INTO t VALUES(1, 4, 'y')", "? 1,3; + 1,4"},
	{"REPLACE with recursive triggers", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE);"
	    "INSERT INTO t VALUES(1, 'x')", "PRAGMA recursive_triggers = 1;"
	    "REPLACE INTO t VALUES(2, 'x')", "? 1; - 1; + 2"},
	{"UPDATE OR REPLACE of a unique column", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE);"
	    "INSERT INTO t VALUES(1, 'x'), (2, 'y')",
	    "UPDATE OR REPLACE t SET u = 'x' WHERE id = 2", "? 1; u 2"},
	{"UPDATE of a unique column to itself asks nothing", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, a);"
	    "INSERT INTO t VALUES(1, 'x', 1)",
	    "UPDATE t SET u = u, a = 2", "a 1"},
	{"UPDATE OR REPLACE of the key", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, a);"
	    "INSERT INTO t VALUES(1, 'x'), (2, 'y')",
	    "UPDATE OR REPLACE t SET id = 1 WHERE id = 2", "- 2; + 1"},
	{"a NULL in a unique column meets nobody", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE);"
	    "INSERT INTO t VALUES(1, NULL)", "REPLACE INTO t VALUES(2, NULL)",
	    "+ 2"},
	/* keys */
	{"changed key is a death and a birth", NULL,
	    "CREATE TABLE t(id TEXT PRIMARY KEY, a);"
	    "INSERT INTO t VALUES('x', 1)", "UPDATE t SET id = 'y', a = 2",
	    "- x; + y"},
	{"changed key under the rowid's name", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, a);"
	    "INSERT INTO t VALUES(1, 1)", "UPDATE t SET rowid = 5; UPDATE t"
	    " SET oid = 6; UPDATE t SET _ROWID_ = 7",
	    "- 1; + 5; - 5; + 6; - 6; + 7"},
	{"one of two key columns", NULL,
	    "CREATE TABLE t(a, b, c, PRIMARY KEY(b, a));"
	    "INSERT INTO t VALUES(1, 2, 3)", "UPDATE t SET a = 4; UPDATE t"
	    " SET c = 5", "- 2,1; + 2,4; c 2,4"},
	{"spelling of a NOCASE key", NULL,
	    "CREATE TABLE t(id TEXT COLLATE NOCASE PRIMARY KEY, a);"
	    "INSERT INTO t VALUES('ann', 1)", "UPDATE t SET id = 'Ann'; UPDATE t"
	    " SET id = 'Bob'", "! Ann; - Ann; + Bob"},
	{"spelling of an RTRIM key and a field", NULL,
	    "CREATE TABLE t(id TEXT COLLATE RTRIM PRIMARY KEY, a);"
	    "INSERT INTO t VALUES('ann', 1)", "UPDATE t SET id = 'ann ', a = 2",
	    "! a ann "},
	{"spelling of a number as a key", NULL,
	    "CREATE TABLE t(id PRIMARY KEY, a); INSERT INTO t VALUES(1, 1)",
	    "UPDATE t SET id = 1.0", "! 1.0"},
	{"a key of six columns", NULL,
	    "CREATE TABLE t(a, b, c, d, e, f, g, PRIMARY KEY(f,e,d,c,b,a))",
	    "INSERT INTO t VALUES(1,2,3,4,5,6,7); UPDATE t SET g = 0;"
	    "UPDATE t SET a = 0",
	    "+ 6,5,4,3,2,1; g 6,5,4,3,2,1; - 6,5,4,3,2,1; + 6,5,4,3,2,0"},
	{"WITHOUT ROWID", NULL,
	    "CREATE TABLE t(id TEXT PRIMARY KEY, a) WITHOUT ROWID",
	    "INSERT INTO t VALUES('k', 1); UPDATE t SET a = 2; UPDATE t"
	    " SET id = 'l'; DELETE FROM t", "+ k; a k; - k; + l; - l"},
	/* values */
	{"1 to 1.0", NULL, "CREATE TABLE t(id INTEGER PRIMARY KEY, a);"
	    "INSERT INTO t VALUES(1, 1)", "UPDATE t SET a = 1.0", "a 1"},
	{"text to blob, and to NULL", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, a);"
	    "INSERT INTO t VALUES(1, 'x')", "UPDATE t SET a = x'78'; UPDATE t"
	    " SET a = NULL; UPDATE t SET a = ''", "a 1; a 1; a 1"},
	{"case of a NOCASE field", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, a COLLATE NOCASE);"
	    "INSERT INTO t VALUES(1, 'ANN')", "UPDATE t SET a = 'Ann'", "a 1"},
	{"generated columns are no registers", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, g AS (a + 1) STORED, a);"
	    "INSERT INTO t VALUES(1, 1)", "UPDATE t SET a = 5", "a 1"},
	/* other triggers and keys */
	{"ON DELETE CASCADE", NULL,
	    "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE t(id INTEGER"
	    " PRIMARY KEY, p REFERENCES p ON DELETE CASCADE);"
	    "INSERT INTO p VALUES(1); INSERT INTO t VALUES(5, 1), (6, 1)",
	    "PRAGMA foreign_keys = 1; DELETE FROM p", "- 5; - 6"},
	{"ON DELETE SET NULL", NULL,
	    "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE t(id INTEGER"
	    " PRIMARY KEY, p REFERENCES p ON DELETE SET NULL);"
	    "INSERT INTO p VALUES(1); INSERT INTO t VALUES(5, 1)",
	    "PRAGMA foreign_keys = 1; DELETE FROM p", "p 5"},
	{"ON UPDATE CASCADE", NULL,
	    "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE t(id INTEGER"
	    " PRIMARY KEY, p REFERENCES p ON UPDATE CASCADE);"
	    "INSERT INTO p VALUES(1); INSERT INTO t VALUES(5, 1)",
	    "PRAGMA foreign_keys = 1; UPDATE p SET id = 2", "p 5"},
	{"ON UPDATE CASCADE into a key", NULL,
	    "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE t(id INTEGER"
	    " PRIMARY KEY REFERENCES p ON UPDATE CASCADE, a);"
	    "INSERT INTO p VALUES(1); INSERT INTO t VALUES(1, 1)",
	    "PRAGMA foreign_keys = 1; UPDATE p SET id = 2", "- 1; + 2"},
	{"the user's own triggers", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, a, n);"
	    "CREATE TRIGGER mine AFTER UPDATE OF a ON t BEGIN UPDATE t SET"
	    " n = 9 WHERE id = NEW.id; END; INSERT INTO t VALUES(1, 1, 1)",
	    "UPDATE t SET a = 2", "a 1; n 1|n 1; a 1"},
	{"a trigger of the user's that writes before", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE);"
	    "CREATE TRIGGER mine BEFORE INSERT ON t WHEN NEW.id = 3 BEGIN"
	    " UPDATE t SET u = 'x' WHERE id = 1; END;"
	    "INSERT INTO t VALUES(1, 'a')", "REPLACE INTO t VALUES(3, 'x')",
	    "u 1; ? 1; + 3|u 1; + 3"},
	{"a savepoint rolled back", NULL,
	    "CREATE TABLE t(id INTEGER PRIMARY KEY, a)",
	    "BEGIN; INSERT INTO t VALUES(1, 1); SAVEPOINT s; INSERT INTO t"
	    " VALUES(2, 2); ROLLBACK TO s; COMMIT", "+ 1"},
	/* names */
	{"odd names", "a\"b c", "CREATE TABLE \"a\"\"b c\"(\"select\" TEXT"
	    " PRIMARY KEY, \"x\"\"y\", [z w] UNIQUE, \"\xc3\xa4\");"
	    "INSERT INTO \"a\"\"b c\" VALUES('k', 1, 2, 3)",
	    "UPDATE \"a\"\"b c\" SET \"x\"\"y\" = 5, \"\xc3\xa4\" = 6; REPLACE"
	    " INTO \"a\"\"b c\" VALUES('l', 1, 2, 3)",
	    "x\"y \xc3\xa4 k; ? k; + l"},
	{"a table named NEW", "new", "CREATE TABLE new(old INTEGER PRIMARY KEY,"
	    " new UNIQUE); CREATE UNIQUE INDEX i ON new(lower(new));"
	    "INSERT INTO new VALUES(1, 'x')",
	    "REPLACE INTO new VALUES(2, 'x')", "? 1; ? 1; + 2"},
	{"a column named rowid", NULL, "CREATE TABLE t(rowid TEXT PRIMARY KEY,"
	    " oid); INSERT INTO t(_rowid_, rowid) VALUES(3, 'k')",
	    "UPDATE t SET oid = 1; REPLACE INTO t(_rowid_, rowid)"
	    " VALUES(3, 'l')", "oid k; ? k; + l"},
};

/* ---- a database for one row */

static char dir[] = "/tmp/t_triggers.XXXXXX";

static char *db_path(void)
{
	return fs_join(dir, "t.db");
}

static void run_sql(sqlite3 *db, const char *sql, const char *name)
{
	char *text = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK)
		fail_msg("%s: %s: %s", name, text, sql);
}

static sqlite3 *fresh(const char *schema, const char *name)
{
	char *path = db_path();
	sqlite3 *db;

	unlink(path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	free(path);
	run_sql(db, "PRAGMA synchronous = off; PRAGMA journal_mode = memory",
	    name);
	run_sql(db, schema, name);
	return db;
}

static struct store *open_store(const char *name)
{
	struct err e = ERR_INIT;
	struct store *s;
	char *path = db_path();

	if (store_open(path, "ann", DB_WRITE, &s, &e) < 0)
		fail_msg("%s: %s", name, e.text);
	free(path);
	return s;
}

static void track(const char *table, const char *name)
{
	struct err e = ERR_INIT;
	struct store *s = open_store(name);

	if (store_begin(s, &e) < 0 || capture_track(s, table, &e) < 0 ||
	    store_commit(s, &e) < 0)
		fail_msg("%s: %s", name, e.text);
	store_close(s);
}

/* The registers of a log entry as column names. */
static void put_registers(struct buf *b, const struct table *t,
    const char *text)
{
	for (int w = 0; *text; w++) {
		uint64_t m = strtoull(text, (char **)&text, 10);

		for (int bit = 0; bit < MASK_BITS; bit++) {
			int reg = w * MASK_BITS + bit;

			if (!(m >> bit & 1))
				continue;
			if (b->n && b->p[b->n - 1] != ' ')
				buf_addc(b, ' ');
			if (reg == REG_SPELLING)
				buf_addc(b, '!');
			else
				buf_adds(b, t->cols[reg - 2].name);
		}
		text += *text == ',';
	}
}

/* The whole log as text. */
static void read_log(struct store *s, struct buf *b)
{
	sqlite3_stmt *st;

	assert_int_equal(sqlite3_prepare_v2(s->db, "SELECT * FROM dialsync_log"
	    " ORDER BY seq", -1, &st, NULL), SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW) {
		struct table *t = table_by_id(s, sqlite3_column_int(st, 1));
		const char *m = (const char *)sqlite3_column_text(st, 2);

		assert_non_null(t);
		assert_true(sqlite3_column_int64(st, 3) > 1000000000);
		if (b->n)
			buf_adds(b, "; ");
		if (!strcmp(m, "-1"))
			buf_addc(b, '+');
		else if (!strcmp(m, "-2"))
			buf_addc(b, '-');
		else if (!strcmp(m, "0") && sqlite3_column_type(st, 2) ==
		    SQLITE_INTEGER)
			buf_addc(b, '?');
		else
			put_registers(b, t, m);
		for (int i = 0; i < t->nkey; i++)
			buf_addf(b, "%s%s", i ? "," : " ",
			    (const char *)sqlite3_column_text(st, 4 + i));
	}
	sqlite3_finalize(st);
}

/* Is text one of the expected ones, which "|" separates? */
static bool expected(const char *want, const char *text)
{
	size_t n = strlen(text);

	while (want) {
		if (!strncmp(want, text, n) && (want[n] == '\0' ||
		    want[n] == '|'))
			return true;
		want = strchr(want, '|');
		want = want ? want + 1 : NULL;
	}
	return false;
}

static void check_row(const struct row *r)
{
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT(SIZE_MAX);
	sqlite3 *db = fresh(r->schema, r->name);
	struct store *s;

	assert_int_equal(store_create(db, "ann", &e), 0);
	track(r->table ? r->table : "t", r->name);
	run_sql(db, r->sql, r->name);
	s = open_store(r->name);
	read_log(s, &b);
	if (!expected(r->log, buf_str(&b)))
		fail_msg("%s: log is \"%s\", not \"%s\"", r->name, buf_str(&b),
		    r->log);
	store_close(s);
	buf_free(&b);
	sqlite3_close(db);
}

static void logs_what_sql_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
}

/* ---- wide tables: several words */

static void wide_tables_log_several_words(void **state)
{
	struct buf b = BUF_INIT(SIZE_MAX);

	(void)state;
	buf_adds(&b, "CREATE TABLE t(id INTEGER PRIMARY KEY");
	for (int i = 1; i < 150; i++)
		buf_addf(&b, ", c%d", i);
	buf_adds(&b, "); INSERT INTO t(id) VALUES(1)");
	/* c59 is register 61, the last of the first word; 60 begins the next */
	check_row(&(struct row){"150 columns", NULL, buf_str(&b),
	    "UPDATE t SET c1 = 1, c59 = 1, c60 = 1, c122 = 1, c149 = 1;"
	    "UPDATE t SET c60 = 2; DELETE FROM t",
	    "c1 c59 c60 c122 c149 1; c60 1; - 1"});
	buf_reset(&b);
	buf_adds(&b, "CREATE TABLE t(id INTEGER PRIMARY KEY");
	for (int i = 1; i < 60; i++)
		buf_addf(&b, ", c%d", i);
	buf_adds(&b, "); INSERT INTO t(id) VALUES(1)");
	check_row(&(struct row){"60 columns are one word", NULL, buf_str(&b),
	    "UPDATE t SET c59 = 1, c1 = 1", "c1 c59 1"});
	buf_free(&b);
}

/* ---- what applications must not notice */

static void applications_do_not_notice(void **state)
{
	struct err e = ERR_INIT;
	sqlite3 *db = fresh("CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE)",
	    "unnoticed");

	(void)state;
	assert_int_equal(store_create(db, "ann", &e), 0);
	track("t", "unnoticed");
	run_sql(db, "INSERT INTO t VALUES(70, 'a'), (71, 'b')", "unnoticed");
	assert_int_equal(sqlite3_last_insert_rowid(db), 71);
	assert_int_equal(sqlite3_changes(db), 2);
	run_sql(db, "REPLACE INTO t VALUES(80, 'a')", "unnoticed");
	assert_int_equal(sqlite3_last_insert_rowid(db), 80);
	assert_int_equal(sqlite3_changes(db), 1);
	run_sql(db, "UPDATE t SET u = u || 'x'", "unnoticed");
	assert_int_equal(sqlite3_changes(db), 2);
	run_sql(db, "DELETE FROM t", "unnoticed");
	assert_int_equal(sqlite3_changes(db), 2);
	assert_int_equal(sqlite3_exec(db, "INSERT INTO t VALUES(1, 'z');"
	    "INSERT INTO t VALUES(2, 'z')", NULL, NULL, NULL),
	    SQLITE_CONSTRAINT);
	sqlite3_close(db);
}

/* ---- the planner must find candidates by index */

static void candidates_are_found_by_index(void **state)
{
	static const struct {
		const char *name, *schema;
	} plans[] = {
		{"plain", "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE)"},
		{"partial", "CREATE TABLE t(id INTEGER PRIMARY KEY, u, l);"
		    "CREATE UNIQUE INDEX i ON t(u) WHERE l IS NOT NULL"
		    " AND u <> ''"},
		{"expression", "CREATE TABLE t(id INTEGER PRIMARY KEY, u);"
		    "CREATE UNIQUE INDEX i ON t(lower(u) COLLATE NOCASE DESC)"},
		{"default", "CREATE TABLE t(id INTEGER PRIMARY KEY,"
		    " u TEXT NOT NULL DEFAULT 'x' UNIQUE COLLATE NOCASE)"},
		{"hidden rowid", "CREATE TABLE t(id TEXT PRIMARY KEY, u)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		struct err e = ERR_INIT;
		sqlite3 *db = fresh(plans[i].schema, plans[i].name);
		sqlite3_stmt *st;
		int searches = 0;

		assert_int_equal(store_create(db, "ann", &e), 0);
		track("t", plans[i].name);
		sqlite3_db_config(db, SQLITE_DBCONFIG_TRIGGER_EQP, 1, NULL);
		/* EXPLAIN does not look whether the schema moved; this does */
		run_sql(db, "SELECT * FROM t", plans[i].name);
		assert_int_equal(sqlite3_prepare_v2(db, "EXPLAIN QUERY PLAN"
		    " INSERT INTO t(id) VALUES(1)", -1, &st, NULL), SQLITE_OK);
		while (sqlite3_step(st) == SQLITE_ROW) {
			const char *p = (const char *)
			    sqlite3_column_text(st, 3);

			if (!strcmp(p, "SCAN t"))
				fail_msg("%s: %s", plans[i].name, p);
			searches += strstr(p, "SEARCH") != NULL;
		}
		if (searches == 0)
			fail_msg("%s: no search", plans[i].name);
		sqlite3_finalize(st);
		sqlite3_close(db);
	}
}

/* ---- tracking again, and a schema that moves */

static void warn_text(void *arg, const char *text)
{
	buf_addf(arg, "%s\n", text);
}

static void refresh(struct buf *warnings)
{
	struct err e = ERR_INIT;
	struct store *s = open_store("refresh");

	buf_reset(warnings);
	if (store_begin(s, &e) < 0 ||
	    capture_refresh(s, warn_text, warnings, &e) < 0 ||
	    store_commit(s, &e) < 0)
		fail_msg("refresh: %s", e.text);
	store_close(s);
}

static int64_t ask(sqlite3 *db, const char *sql)
{
	struct err e = ERR_INIT;
	int64_t n;

	if (db_int(db, sql, -99, &n, &e) < 0)
		fail_msg("%s", e.text);
	return n;
}

static void assert_log(const char *want)
{
	struct store *s = open_store("log");
	struct buf b = BUF_INIT(SIZE_MAX);

	read_log(s, &b);
	assert_string_equal(buf_str(&b), want);
	buf_free(&b);
	store_close(s);
}

static void tracking_again_changes_nothing(void **state)
{
	struct err e = ERR_INIT;
	sqlite3 *db = fresh("CREATE TABLE t(id TEXT PRIMARY KEY, u UNIQUE);"
	    "CREATE UNIQUE INDEX i ON t(lower(u)) WHERE u > 'a'", "again");
	int64_t version;

	(void)state;
	assert_int_equal(store_create(db, "ann", &e), 0);
	track("T", "again");
	version = ask(db, "PRAGMA schema_version");
	assert_int_equal(ask(db, "SELECT count(*) FROM sqlite_master WHERE"
	    " type = 'trigger'"), 4 + 3 * 2);
	track("t", "again");
	assert_int_equal(ask(db, "PRAGMA schema_version"), version);
	run_sql(db, "DROP INDEX i", "again");
	track("t", "again");
	assert_int_equal(ask(db, "SELECT count(*) FROM sqlite_master WHERE"
	    " type = 'trigger'"), 4 + 2 * 2);
	sqlite3_close(db);
}

static void new_columns_are_taken(void **state)
{
	struct err e = ERR_INIT;
	struct buf w = BUF_INIT(SIZE_MAX);
	sqlite3 *db = fresh("CREATE TABLE t(id INTEGER PRIMARY KEY, a);"
	    "INSERT INTO t VALUES(1, 1), (2, 2), (3, 3)", "columns");

	(void)state;
	assert_int_equal(store_create(db, "ann", &e), 0);
	track("t", "columns");
	refresh(&w);
	/* a column that a peer has: its value waits for it */
	run_sql(db, "INSERT INTO dialsync_column(t, r, name) VALUES((SELECT t FROM"
	    " dialsync_table WHERE name = 't'), 4, 'vat');"
	    "INSERT INTO dialsync_aside SELECT t, 3, 4, 'parked' FROM"
	    " dialsync_table WHERE name = 't';"
	    "INSERT INTO dialsync_aside SELECT t, 1, 4, 'late' FROM"
	    " dialsync_table WHERE name = 't'", "columns");
	run_sql(db, "ALTER TABLE t ADD COLUMN vat DEFAULT 7;"
	    "ALTER TABLE t ADD COLUMN b;"
	    "UPDATE t SET vat = 8 WHERE id = 1; UPDATE t SET b = 5"
	    " WHERE id = 2", "columns");
	/* so far the triggers see statements that change nothing */
	assert_log("? 1; ? 2");
	refresh(&w);
	assert_string_equal(buf_str(&w), "");
	assert_log("? 1; ? 2; vat 1; b 2");
	assert_int_equal(ask(db, "SELECT vat = 'parked' FROM t WHERE id = 3"), 1);
	assert_int_equal(ask(db, "SELECT vat FROM t WHERE id = 1"), 8);
	/* row 1 has a value of its own: the fold makes a conflict of it */
	assert_int_equal(ask(db, "SELECT sum(k) FROM dialsync_aside"), 1);
	run_sql(db, "UPDATE t SET b = 6 WHERE id = 3", "columns");
	refresh(&w);
	assert_log("? 1; ? 2; vat 1; b 2; b 3");
	buf_free(&w);
	sqlite3_close(db);
}

static void renamed_columns_are_the_same(void **state)
{
	struct err e = ERR_INIT;
	struct buf w = BUF_INIT(SIZE_MAX);
	sqlite3 *db = fresh("CREATE TABLE t(id TEXT PRIMARY KEY, a UNIQUE, b);"
	    "CREATE UNIQUE INDEX i ON t(lower(a)) WHERE b > 1;"
	    "INSERT INTO t VALUES('x', 'p', 2), ('y', NULL, 3)", "rename");

	(void)state;
	assert_int_equal(store_create(db, "ann", &e), 0);
	track("t", "rename");
	run_sql(db, "ALTER TABLE t RENAME COLUMN a TO aa;"
	    "ALTER TABLE t RENAME COLUMN id TO key; REPLACE INTO t"
	    " VALUES('z', 'P', 2); DELETE FROM t WHERE key = 'z'", "rename");
	/* the registry does not know the key's name yet, but all is logged */
	assert_int_equal(ask(db, "SELECT group_concat(m || k1) = '0x,-1z,-2z'"
	    " FROM (SELECT m, k1 FROM dialsync_log ORDER BY seq)"), 1);
	run_sql(db, "DELETE FROM dialsync_log; INSERT INTO t VALUES('x', 'p',"
	    " 2); DELETE FROM dialsync_log", "rename");
	refresh(&w);
	assert_string_equal(buf_str(&w), "");
	assert_log("");
	run_sql(db, "UPDATE t SET aa = 'q', key = 'v' WHERE key = 'x'; UPDATE t"
	    " SET aa = 'r' WHERE key = 'y'", "rename");
	assert_log("- x; + v; aa y");
	buf_free(&w);
	sqlite3_close(db);
}

/* A version of that register of row k, by the only site there is. */
static void put_version(struct buf *b, int reg)
{
	struct mask m;

	if (reg < MASK_BITS) {
		buf_addf(b, "INSERT INTO dialsync_frag SELECT t, 'k', 1, %lld,"
		    " 5, 1, 0 FROM dialsync_table WHERE name = 't';",
		    1LL << reg);
		return;
	}
	memset(&m, 0, sizeof(m));
	mask_set(m.w, reg);
	buf_adds(b, "INSERT INTO dialsync_frag SELECT t, 'k', 1, x'");
	for (int i = 0; i < 16; i++)
		buf_addf(b, "%02x", (unsigned)(m.w[i / 8] >> i % 8 * 8 & 255));
	buf_adds(b, "', 5, 1, 0 FROM dialsync_table WHERE name = 't';");
}

/* A name that a peer had first, given to a column that was another: the
 * trigger names it, under the old bit.  In a wide table bits alone do not tell
 * registers apart. */
static void renamed_to_a_name_that_waited(void **state)
{
	static const struct {
		const char *from;
		int extra; /* columns in front of those that matter */
	} tables[] = {{"a", 0}, {"a", 70}, {"z", 61}};

	(void)state;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		struct err e = ERR_INIT;
		struct buf w = BUF_INIT(SIZE_MAX), b = BUF_INIT(SIZE_MAX);
		sqlite3 *db;

		buf_adds(&b, "CREATE TABLE t(id TEXT PRIMARY KEY");
		for (int k = 0; k < tables[i].extra; k++)
			buf_addf(&b, ", x%d", k);
		buf_addf(&b, ", %s); INSERT INTO t(id, %s) VALUES('k', 1),"
		    " ('l', 2), ('m', NULL)", tables[i].from, tables[i].from);
		db = fresh(buf_str(&b), "renamed");
		assert_int_equal(store_create(db, "ann", &e), 0);
		track("t", "renamed");
		refresh(&w);
		buf_reset(&b);
		/* something waits for k, nothing for l */
		buf_addf(&b, "INSERT INTO dialsync_column(t, r, name) SELECT t,"
		    " max(r) + 1, 'tel' FROM dialsync_column WHERE t = (SELECT t FROM"
		    " dialsync_table WHERE name = 't');"
		    "INSERT INTO dialsync_aside SELECT t, 'k', r, 99 FROM"
		    " dialsync_column WHERE name = 'tel';");
		put_version(&b, tables[i].extra + 2 + REG_COLUMN);
		buf_addf(&b, "ALTER TABLE t RENAME COLUMN %s TO tel",
		    tables[i].from);
		run_sql(db, buf_str(&b), "renamed");
		refresh(&w);
		/* nobody edited anything: 99 is later than the base's */
		assert_log("");
		assert_int_equal(ask(db, "SELECT tel FROM t WHERE id = 'k'"),
		    99);
		assert_int_equal(ask(db, "SELECT count(*) FROM dialsync_aside"),
		    0);
		run_sql(db, "UPDATE t SET tel = 3 WHERE id = 'm'", "renamed");
		assert_log("tel m");
		buf_free(&b);
		buf_free(&w);
		sqlite3_close(db);
	}
}

static void lost_tables_are_told(void **state)
{
	struct err e = ERR_INIT;
	struct buf w = BUF_INIT(SIZE_MAX);
	sqlite3 *db = fresh("CREATE TABLE t(id INTEGER PRIMARY KEY, a);"
	    "CREATE TABLE r(id INTEGER PRIMARY KEY, a);"
	    "CREATE TABLE d(id INTEGER PRIMARY KEY, a)", "lost");

	(void)state;
	assert_int_equal(store_create(db, "ann", &e), 0);
	track("t", "lost");
	track("r", "lost");
	track("d", "lost");
	refresh(&w);
	assert_string_equal(buf_str(&w), "");
	run_sql(db, "CREATE TABLE n(id INTEGER PRIMARY KEY, a); INSERT INTO n"
	    " SELECT * FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t;"
	    "ALTER TABLE r RENAME TO r2; DROP TABLE d", "lost");
	refresh(&w);
	assert_non_null(strstr(buf_str(&w), "table t has lost its triggers"));
	assert_non_null(strstr(buf_str(&w), "table r is called r2 now"));
	assert_non_null(strstr(buf_str(&w), "no such table"));
	refresh(&w); /* told once */
	assert_string_equal(buf_str(&w), "");
	track("t", "lost");
	run_sql(db, "INSERT INTO t VALUES(1, 1); INSERT INTO r2 VALUES(2, 2)",
	    "lost");
	assert_log("+ 1; + 2");
	buf_free(&w);
	sqlite3_close(db);
}

static void all_takes_later_tables(void **state)
{
	struct err e = ERR_INIT;
	struct buf w = BUF_INIT(SIZE_MAX);
	sqlite3 *db = fresh("CREATE TABLE t(id INTEGER PRIMARY KEY)", "all");

	(void)state;
	assert_int_equal(store_create(db, "ann", &e), 0);
	run_sql(db, "INSERT INTO dialsync_meta VALUES('track_all', 1),"
	    " ('left_out:t', 1)", "all");
	run_sql(db, "CREATE TABLE u(id INTEGER PRIMARY KEY, a); INSERT INTO u"
	    " VALUES(5, 5); CREATE TABLE nokey(a); INSERT INTO t VALUES(1)",
	    "all");
	refresh(&w);
	assert_non_null(strstr(buf_str(&w), "nokey has no primary key"));
	run_sql(db, "UPDATE u SET a = 6; INSERT INTO t VALUES(2)", "all");
	assert_log("+ 5; a 5");
	buf_free(&w);
	sqlite3_close(db);
}

static void untracked_tables_are_silent(void **state)
{
	struct err e = ERR_INIT;
	sqlite3 *db = fresh("CREATE TABLE t(id, PRIMARY KEY(id)); INSERT INTO t"
	    " VALUES(NULL), (NULL), (1)", "untrack");
	struct store *s;
	int64_t n;

	(void)state;
	assert_int_equal(store_create(db, "ann", &e), 0);
	track("t", "untrack");
	s = open_store("untrack");
	assert_int_equal(store_begin(s, &e), 0);
	assert_int_equal(capture_null_keys(s, table_by_name(s, "t"), &n, &e),
	    0);
	assert_int_equal(n, 2);
	assert_int_equal(capture_untrack(s, "T", &e), 0);
	assert_int_equal(capture_untrack(s, "t", &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_int_equal(store_commit(s, &e), 0);
	store_close(s);
	run_sql(db, "INSERT INTO t VALUES(3)", "untrack");
	assert_int_equal(ask(db, "SELECT count(*) FROM dialsync_log"), 0);
	sqlite3_close(db);
}

/* ---- */

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char *path = db_path();

	(void)state;
	unlink(path);
	free(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logs_what_sql_does),
		cmocka_unit_test(wide_tables_log_several_words),
		cmocka_unit_test(applications_do_not_notice),
		cmocka_unit_test(candidates_are_found_by_index),
		cmocka_unit_test(tracking_again_changes_nothing),
		cmocka_unit_test(new_columns_are_taken),
		cmocka_unit_test(renamed_columns_are_the_same),
		cmocka_unit_test(renamed_to_a_name_that_waited),
		cmocka_unit_test(lost_tables_are_told),
		cmocka_unit_test(all_takes_later_tables),
		cmocka_unit_test(untracked_tables_are_silent),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
