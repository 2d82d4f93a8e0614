/* The text of users' triggers: on what, when, what they write, and the copy
 * that runs while peers' changes are placed.  Each text is given to SQLite,
 * too, and so is the copy.  And that of indexes. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "capture/capture_p.h"
#include "capture/trigger_text.h"
#include "store/db.h"

struct row {
	const char *name;
	const char *sql;
	const char *is;    /* "table: targets; marks", or NULL: refused */
	const char *copy;  /* or NULL: not compared */
};

static const struct row rows[] = {
	{"plain insert",
	    "CREATE TRIGGER x AFTER INSERT ON t BEGIN"
	    " INSERT INTO u VALUES(1); END", "t: u",
	    "CREATE TEMP TRIGGER c AFTER INSERT ON main.\"t\" WHEN g() BEGIN"
	    " INSERT INTO u VALUES(1); END"},
	{"each kind of statement, each table once",
	    "CREATE TRIGGER x BEFORE DELETE ON t FOR EACH ROW BEGIN"
	    " UPDATE u SET a = 1; DELETE FROM v; REPLACE INTO w VALUES(1);"
	    " INSERT OR IGNORE INTO U SELECT 1; SELECT 1; END", "t: u v w",
	    NULL},
	{"a condition keeps its sense",
	    "CREATE TRIGGER x AFTER UPDATE ON t WHEN new.a OR 1 -- BEGIN\n"
	    "BEGIN DELETE FROM u; END", "t: u",
	    "CREATE TEMP TRIGGER c AFTER UPDATE ON main.\"t\" WHEN g() AND"
	    " (new.a OR 1) BEGIN DELETE FROM u; END"},
	{"a column named begin is no BEGIN",
	    "CREATE TRIGGER x AFTER UPDATE ON t WHEN new.begin > (SELECT begin"
	    " FROM t) BEGIN DELETE FROM u; END", "t: u", NULL},
	{"CASE has an END of its own",
	    "CREATE TRIGGER x AFTER UPDATE ON t WHEN CASE WHEN new.a THEN 1"
	    " ELSE 0 END BEGIN UPDATE u SET a = CASE 1 WHEN 1 THEN 2 END;"
	    " DELETE FROM v; END", "t: u v", NULL},
	{"words in texts and comments are none",
	    "CREATE TRIGGER x AFTER UPDATE ON t BEGIN"
	    " INSERT INTO u VALUES('; DELETE FROM v; END'); /* ; UPDATE w */"
	    " -- ; DELETE FROM w\n"
	    " END", "t: u", NULL},
	{"quotes of all kinds",
	    "CREATE TRIGGER \"x \"\"y\" AFTER UPDATE OF a, \"on\" ON [t 2]"
	    " BEGIN DELETE FROM `u``2`; INSERT INTO 'v 2' VALUES(1);"
	    " UPDATE \"w\"\"2\" SET a = 1; END", "t 2: u`2 v 2 w\"2",
	    "CREATE TEMP TRIGGER c AFTER UPDATE OF a, \"on\" ON main.\"t 2\""
	    " WHEN g() BEGIN DELETE FROM `u``2`; INSERT INTO 'v 2' VALUES(1);"
	    " UPDATE \"w\"\"2\" SET a = 1; END"},
	{"keywords as names",
	    "CREATE TRIGGER before AFTER INSERT ON begin BEGIN"
	    " INSERT INTO replace VALUES(replace('a', 'b', 'c'));"
	    " DELETE FROM end; END", "begin: replace end", NULL},
	{"no time, IF NOT EXISTS, a schema's name",
	    "CREATE TRIGGER IF NOT EXISTS main.x DELETE ON main.t BEGIN"
	    " DELETE FROM u; END", "t: u",
	    "CREATE TEMP TRIGGER c DELETE ON main.\"t\" WHEN g() BEGIN"
	    " DELETE FROM u; END"},
	{"named if", "CREATE TRIGGER \"if\" AFTER INSERT ON t BEGIN"
	    " DELETE FROM u; END", "t: u", NULL},
	{"RAISE", "CREATE TRIGGER x BEFORE INSERT ON t BEGIN"
	    " SELECT RAISE(ABORT, 'no') WHERE new.a = 1; END", "t:; raises",
	    NULL},
	{"a column named raise is none",
	    "CREATE TRIGGER x BEFORE INSERT ON t BEGIN"
	    " UPDATE u SET a = \"raise\"; END", "t: u", NULL},
	{"OR ROLLBACK", "CREATE TRIGGER x BEFORE INSERT ON t BEGIN"
	    " INSERT OR ROLLBACK INTO u VALUES(1); END", "t: u; undoes", NULL},
	{"OR FAIL", "CREATE TRIGGER x BEFORE INSERT ON t BEGIN"
	    " UPDATE OR FAIL u SET a = 1; END", "t: u; undoes", NULL},
	{"UPSERT and a WITH", "CREATE TRIGGER x BEFORE INSERT ON t BEGIN"
	    " INSERT INTO u VALUES(1) ON CONFLICT(a) DO UPDATE SET a = 2;"
	    " WITH q AS (SELECT 1) SELECT * FROM q; END", "t: u", NULL},
	{"only reads", "CREATE TRIGGER x AFTER INSERT ON t BEGIN"
	    " SELECT new.a; END", "t:", NULL},
	{"INSTEAD OF", "CREATE TRIGGER x INSTEAD OF INSERT ON vw BEGIN"
	    " DELETE FROM u; END", "vw: u; instead", NULL},
	{"a full-text index", "CREATE TRIGGER x AFTER INSERT ON t BEGIN"
	    " INSERT INTO f(f, rowid, a) VALUES('delete', old.rowid, 1); END",
	    "t: f", NULL},
	{"not a trigger", "CREATE TABLE t(a)", NULL, NULL},
	{"cut short", "CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM",
	    NULL, NULL},
	{"cut in a quote", "CREATE TRIGGER x AFTER INSERT ON \"t", NULL,
	    NULL},
	{"empty", "", NULL, NULL},
};

static void describe(const struct trigger_text *x, char *out, size_t n)
{
	size_t at = (size_t)snprintf(out, n, "%s:", x->table);

	for (int i = 0; i < x->ntargets; i++)
		at += (size_t)snprintf(out + at, n - at, " %s",
		    x->targets[i]);
	snprintf(out + at, n - at, "%s%s%s", x->raises ? "; raises" : "",
	    x->undoes ? "; undoes" : "", x->instead ? "; instead" : "");
}

/* SQLite takes both the text and the copy. */
static void both_are_sql(const struct row *r, const char *copy)
{
	struct err e = ERR_INIT;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	if (db_exec(db, "CREATE TABLE t(a, begin, \"on\", raise);"
		"CREATE TABLE \"t 2\"(a, \"on\"); CREATE TABLE begin(a);"
		"CREATE TABLE u(a UNIQUE); CREATE VIEW vw AS SELECT 1 AS a",
		&e) < 0 || db_exec(db, r->sql, &e) < 0)
		fail_msg("%s: %s", r->name, e.text);
	if (!strstr(r->is, "instead") && db_exec(db, copy, &e) < 0)
		fail_msg("%s: %s: %s", r->name, copy, e.text);
	sqlite3_close(db);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct buf b = BUF_INIT(SIZE_MAX);
		struct trigger_text x;
		char is[200];

		if (trigger_text_parse(r->sql, &x) < 0) {
			if (r->is)
				fail_msg("%s: refused", r->name);
			continue;
		}
		if (!r->is)
			fail_msg("%s: taken", r->name);
		describe(&x, is, sizeof(is));
		if (strcmp(is, r->is))
			fail_msg("%s: %s, not %s", r->name, is, r->is);
		trigger_text_copy(&x, "c", "g()", &b);
		if (r->copy && strcmp(buf_str(&b), r->copy))
			fail_msg("%s: %s", r->name, buf_str(&b));
		both_are_sql(r, buf_str(&b));
		buf_free(&b);
		trigger_text_free(&x);
	}
}

static void test_table(void **state)
{
	(void)state;
	assert_true(table_text_undoes("CREATE TABLE t(a UNIQUE ON CONFLICT"
	    " ROLLBACK)"));
	assert_true(table_text_undoes("CREATE TABLE t(a, UNIQUE(a) on conflict"
	    " /**/ fail)"));
	assert_false(table_text_undoes("CREATE TABLE t(a UNIQUE ON CONFLICT"
	    " REPLACE, b DEFAULT 'CONFLICT FAIL')"));
}

/* ---- the text of indexes */

static void index_texts(void **state)
{
	static const struct {
		const char *sql, *want; /* "expr|expr WHERE where"; NULL: bad */
	} texts[] = {
		{"CREATE UNIQUE INDEX i ON t(a)", "a"},
		{"CREATE UNIQUE INDEX IF NOT EXISTS \"on\" ON [t (x](a DESC,"
		    "\n b COLLATE NOCASE asc)", "a|b COLLATE NOCASE"},
		{"CREATE UNIQUE INDEX i -- on x(\n ON/*(*/t ( substr(a, 1, ',')"
		    " , b||')' ) WHERE a='(' /* end */ -- more",
		    "substr(a, 1, ',')|b||')' WHERE a='('"},
		{"CREATE UNIQUE INDEX i ON t(a) WHERE b = 'it''s' AND c;",
		    "a WHERE b = 'it''s' AND c"},
		{"CREATE UNIQUE INDEX i ON t(desc desc)", "desc"},
		{"CREATE UNIQUE INDEX i ON t(a, )", NULL},
		{"CREATE UNIQUE INDEX i ON t(a", NULL},
		{"CREATE UNIQUE INDEX i ON t", NULL},
		{"CREATE UNIQUE INDEX i ON t(a) WHERE", NULL},
		{"CREATE UNIQUE INDEX i ON t('a", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct index_text x;
		struct buf b = BUF_INIT(SIZE_MAX);
		int rc = index_text_parse(texts[i].sql, &x);

		if ((rc == 0) != (texts[i].want != NULL))
			fail_msg("%s: %d", texts[i].sql, rc);
		if (rc < 0)
			continue;
		for (int k = 0; k < x.n; k++)
			buf_addf(&b, "%s%s", k ? "|" : "", x.exprs[k]);
		if (x.where)
			buf_addf(&b, " WHERE %s", x.where);
		assert_string_equal(buf_str(&b), texts[i].want);
		buf_free(&b);
		index_text_free(&x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(index_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
