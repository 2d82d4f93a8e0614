#include "config.h"

#include "tests/random_sql.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Kinds of keys: columns, and how the n-th key is written. */
struct key_kind {
	const char *columns; /* and the PRIMARY KEY */
	const char *tail;
	const char *names;
	int ncols;
	bool typed;          /* may be in a STRICT table */
	const char *value[6]; /* of all its columns; 0 and 5 are equal keys */
	const char *same;    /* expression: equal for equal keys */
};

static const struct key_kind kinds[] = {
    {"k TEXT PRIMARY KEY NOT NULL", "", "k", 1, true,
	{"'one'", "'two'", "''", "'Drei'", "'drei'", "'one'"}, "k"},
    {"k INTEGER PRIMARY KEY", "", "k", 1, true,
	{"1", "2", "-3", "9223372036854775807", "0", "1"}, "k"},
    {"k TEXT COLLATE NOCASE PRIMARY KEY NOT NULL", "", "k", 1, true,
	{"'Ann'", "'Bob'", "'cy'", "'Dee'", "'\xc3\xa9'", "'ANN'"},
	"lower(k)"},
    {"k TEXT COLLATE RTRIM, l INT, PRIMARY KEY(k, l)", " WITHOUT ROWID",
	"k, l", 2, true,
	{"'x', 1", "'x', 2", "'y', 1", "' y', 1", "'', 0", "'x  ', 1"},
	"rtrim(k) || '/' || l"},
    {"k, l, PRIMARY KEY(k, l)", "", "k, l", 2, false,
	{"1, 'p'", "1.5, 'p'", "'1', 'p'", "x'31', x'00ff'", "'q', 2.0",
	    "1.0, 'p'"},
	"quote(CASE WHEN k = 1 THEN 1 ELSE k END) || '/' || quote(l)"},
    {"k BLOB PRIMARY KEY NOT NULL", " WITHOUT ROWID", "k", 1, true,
	{"x'00'", "x'0001'", "x''", "x'ffff'", "1.25", "x'00'"}, "quote(k)"},
    {"k INTEGER PRIMARY KEY AUTOINCREMENT", "", "k", 1, true,
	{"1", "2", "-3", "40", "0", "1"}, "k"},
};

static const char *const types[] = {
    "", "TEXT", "INTEGER", "REAL", "NUMERIC", "BLOB", "TEXT COLLATE NOCASE"};
static const char *const strict_types[] = {
    "ANY", "TEXT", "INT", "REAL", "INTEGER", "BLOB", "TEXT COLLATE NOCASE"};

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))

__attribute__((format(printf, 3, 4)))
static void add(char *out, size_t size, const char *fmt, ...)
{
	size_t n = strlen(out);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out + n, size - n, fmt, ap);
	va_end(ap);
}

const char *sql_key(struct world *w, int i)
{
	return kinds[w->kind[i]].same;
}

/* Each holds at every site, and not always in what two of them make. */
static void constraints(struct world *w, char *out, size_t size)
{
	static const char *const checks[] = {
	    "a IS NULL OR b IS NULL OR a IS NOT b",
	    "typeof(c) <> 'integer' OR c < 2 OR c > 9",
	    "coalesce(a, b) IS NULL OR typeof(a) <> typeof(b) OR b = ''",
	    "c IS NOT NULL OR a IS NOT NULL"};

	if (w->opt.unique && rnd(w, 3) == 0)
		add(out, size, ", UNIQUE(a, b)");
	for (uint32_t n = w->opt.strict ? rnd(w, 3) : 0; n > 0; n--)
		add(out, size, ", CHECK(%s)", checks[rnd(w, COUNT(checks))]);
}

/* Unique indexes that REPLACE evicts through, and that hold values. */
static void indexes(struct world *w, int i, char *out, size_t size)
{
	static const char *const what[] = {
	    "(b) WHERE a IS NOT NULL", "(lower(c))", "(lower(a))",
	    "(b, c)", "(coalesce(a, b))", "(a COLLATE NOCASE)",
	    "(typeof(a), b) WHERE b IS NOT 3", "(c DESC)"};

	for (uint32_t n = w->opt.unique ? rnd(w, 3) : 0; n > 0; n--)
		add(out, size, "; CREATE UNIQUE INDEX t%d_%u ON t%d%s", i, n,
		    i, what[rnd(w, COUNT(what))]);
}

void sql_table(struct world *w, int i)
{
	static const char *const actions[] = {
	    "", " ON DELETE CASCADE", " ON DELETE SET NULL",
	    " ON DELETE CASCADE ON UPDATE CASCADE"};
	const struct key_kind *k;
	char *out = w->ddl[i], cols[500] = "";
	size_t size = sizeof(w->ddl[i]);
	bool strict;

	w->kind[i] = (int)rnd(w, COUNT(kinds));
	k = &kinds[w->kind[i]];
	strict = w->opt.strict && k->typed && rnd(w, 3) == 0;
	for (int c = 0; c < 4; c++)
		add(cols, sizeof(cols), ", %c %s%s%s%s", 'a' + c,
		    strict ? strict_types[rnd(w, COUNT(strict_types))]
			   : types[rnd(w, COUNT(types))],
		    c == 0 && w->opt.strict && rnd(w, 2)
			? " NOT NULL DEFAULT 0" : "",
		    c == 2 && w->opt.unique && rnd(w, 2) ? " UNIQUE" : "",
		    c == 3 && rnd(w, 4) == 0 ? " DEFAULT 'df'" : "");
	w->ref[i] = i > 0 && w->opt.fk && kinds[w->kind[0]].ncols == 1 &&
	    rnd(w, 3);
	if (w->ref[i])
		add(cols, sizeof(cols), ", f%s REFERENCES t0(k)%s",
		    strict ? " ANY" : "", actions[rnd(w, COUNT(actions))]);
	if (w->opt.strict && rnd(w, 4) == 0)
		add(cols, sizeof(cols), ", g %sGENERATED ALWAYS AS (a || c)"
					" %s", strict ? "ANY " : "",
		    rnd(w, 2) ? "STORED" : "VIRTUAL");
	/* table constraints come last, so a composite key must too */
	out[0] = '\0';
	if (k->ncols == 1)
		add(out, size, "CREATE TABLE t%d(%s%s", i, k->columns, cols);
	else
		add(out, size, "CREATE TABLE t%d(%.*s%s, %s", i,
		    (int)(strstr(k->columns, ", PRIMARY") - k->columns),
		    k->columns, cols, strstr(k->columns, "PRIMARY"));
	constraints(w, out, size);
	add(out, size, ")%s%s%s", k->tail, strict && k->tail[0] ? "," : "",
	    strict ? " STRICT" : "");
	indexes(w, i, out, size);
}

/* A value that was never written before, of any storage class; or NULL.
 * Where constraints are, it is often one that several rows and sites want. */
static void new_value(struct world *w, int site, char col, char *out,
    size_t size)
{
	static const char *const wanted[] = {"1", "2", "3", "'p'", "'q'",
	    "'P'", "2.5"};
	long long n = (long long)++w->writes;

	if ((w->opt.unique || w->opt.strict) && col <= 'c' && rnd(w, 5) < 2) {
		snprintf(out, size, "%s", 
		    wanted[rnd(w, w->opt.strict ? 3 : COUNT(wanted))]);
		return;
	}
	switch (rnd(w, 8)) {
	case 0:
		snprintf(out, size, "%lld", 100000 + n);
		break;
	case 1:
		snprintf(out, size, "%lld.%03d", 200000 + n,
		    (int)rnd(w, 1000));
		break;
	case 2:
		snprintf(out, size, "x'00%016llx'", n);
		break;
	case 3:
		snprintf(out, size, "NULL");
		break;
	case 4:
		snprintf(out, size, "CAST(x'fe0041%08llx' AS TEXT)", n);
		break;
	case 5: /* often the same at two sites */
		snprintf(out, size, "%u", rnd(w, 3));
		break;
	default:
		snprintf(out, size, "'%s%lld &<\\'||char(%d)",
		    w->site[site].name, n, (int)rnd(w, 40) + 1);
	}
}

/* "k = 'x' AND l = 1" */
static void where_key(const struct key_kind *k, const char *value, char *out,
    size_t size)
{
	const char *comma = k->ncols == 2 ? strchr(value, ',') : NULL;

	if (!comma)
		snprintf(out, size, "k = %s", value);
	else
		snprintf(out, size, "k = %.*s AND l = %s",
		    (int)(comma - value), value, comma + 1);
}

/* "k = 'x', l = 1" or "(k, l) = ('x', 1)" */
static void set_key(const struct key_kind *k, const char *value, char *out,
    size_t size)
{
	snprintf(out, size, k->ncols == 2 ? "(k, l) = (%s)" : "k = %s", value);
}

/* A key of t0, or of no row. */
static const char *some_parent(struct world *w)
{
	return rnd(w, 5) ? kinds[w->kind[0]].value[rnd(w, (uint32_t)w->nkeys)]
			 : "NULL";
}

/* "INTO t1(k, a, b) VALUES('x', 1, 2)" */
static void into(struct world *w, int site, int i, const char *key, char *out,
    size_t size)
{
	const char *cols = w->site[site].cols[i];
	char v[120];

	add(out, size, "INTO t%d(%s", i, kinds[w->kind[i]].names);
	for (const char *c = cols; *c; c++)
		add(out, size, ", %c", *c);
	add(out, size, "%s) VALUES(%s", w->ref[i] ? ", f" : "", key);
	for (const char *c = cols; *c; c++) {
		new_value(w, site, *c, v, sizeof(v));
		add(out, size, ", %s", v);
	}
	if (w->ref[i])
		add(out, size, ", %s", some_parent(w));
	add(out, size, ")");
}

static void update(struct world *w, int site, int i, int n, char *out,
    size_t size)
{
	const char *cols = w->site[site].cols[i];
	uint32_t first = rnd(w, (uint32_t)strlen(cols));
	char v[120];

	if (w->ref[i] && rnd(w, 6) == 0) {
		add(out, size, "UPDATE t%d SET f = %s", i, some_parent(w));
		return;
	}
	add(out, size, "UPDATE t%d SET", i);
	for (int j = 0; j < n; j++) {
		char c = cols[(first + (uint32_t)j) % strlen(cols)];

		new_value(w, site, c, v, sizeof(v));
		add(out, size, "%s %c = %s", j ? "," : "", c, v);
	}
}

static void change_key(struct world *w, int site, int i, const char *where,
    char *out, size_t size)
{
	const struct key_kind *k = &kinds[w->kind[i]];
	char v[120], set[120];

	set_key(k, k->value[rnd(w, 6)], set, sizeof(set));
	new_value(w, site, w->site[site].cols[i][0], v, sizeof(v));
	add(out, size, "UPDATE OR %s t%d SET %s, %c = %s WHERE %s",
	    rnd(w, 2) ? "REPLACE" : "IGNORE", i, set, w->site[site].cols[i][0],
	    v, where);
}

/* The same values, spelled in another way. */
static void respell(struct world *w, int site, int i, char *out, size_t size)
{
	char c = w->site[site].cols[i][0];

	if (rnd(w, 2))
		add(out, size, "UPDATE t%d SET %c = upper(%c) WHERE typeof(%c)"
			       " = 'text'", i, c, c, c);
	else
		add(out, size, "UPDATE t%d SET %c = %c + 0.0 WHERE typeof(%c)"
			       " = 'integer' AND %c > 9", i, c, c, c, c);
}

static void upsert(struct world *w, int site, int i, const char *key,
    char *out, size_t size)
{
	char c = w->site[site].cols[i][0];

	add(out, size, "INSERT ");
	into(w, site, i, key, out, size);
	add(out, size, " ON CONFLICT(%s) DO UPDATE SET %c = excluded.%c",
	    kinds[w->kind[i]].names, c, c);
}

void sql_edit(struct world *w, int site, char *out, size_t size)
{
	int i = (int)rnd(w, (uint32_t)w->ntables);
	const struct key_kind *k = &kinds[w->kind[i]];
	uint32_t pick = rnd(w, (uint32_t)w->nkeys), what = rnd(w, 26);
	const char *key;
	char where[120];

	/* the first key now and then in its other spelling */
	key = k->value[pick == 0 && rnd(w, 3) == 0 ? 5 : pick];
	where_key(k, key, where, sizeof(where));
	out[0] = '\0';
	if (what < 11) {
		update(w, site, i, what < 8 ? 1 : 2, out, size);
		add(out, size, " WHERE %s", where);
	} else if (what < 12) {
		update(w, site, i, 1, out, size);
	} else if (what < 14) {
		add(out, size, "DELETE FROM t%d WHERE %s", i, where);
	} else if (what < 16) {
		change_key(w, site, i, where, out, size);
	} else if (what < 18) {
		add(out, size, "REPLACE ");
		into(w, site, i, key, out, size);
	} else if (what < 20) {
		upsert(w, site, i, key, out, size);
	} else if (what < 21) {
		respell(w, site, i, out, size);
	} else {
		add(out, size, "INSERT OR IGNORE ");
		into(w, site, i, key, out, size);
	}
	if (rnd(w, 25) == 0) {
		char *s = strdup(out);

		snprintf(out, size, "SAVEPOINT x; %s; ROLLBACK TO x;"
				    " RELEASE x", s);
		free(s);
	}
}

bool sql_alter(struct world *w, int site, struct alter *a)
{
	int i = (int)rnd(w, (uint32_t)w->ntables);
	const char *cols = w->site[site].cols[i];
	char c = (char)('x' + w->nalters);

	memset(a, 0, sizeof(*a));
	a->table = i;
	if (w->nalters == ALTERS_MAX - 1)
		return false;
	if (!w->opt.drop || rnd(w, 2)) {
		bool strict = strstr(w->ddl[i], "STRICT") != NULL;

		a->add = c;
		snprintf(a->sql, sizeof(a->sql),
		    "ALTER TABLE t%d ADD COLUMN %c %s%s", i, c,
		    strict ? "ANY" : types[rnd(w, COUNT(types))],
		    rnd(w, 2) ? " DEFAULT 7" : "");
	} else if (!strchr(cols, 'd')) {
		return false;
	} else if (rnd(w, 2)) {
		a->drop = 'd';
		snprintf(a->sql, sizeof(a->sql),
		    "ALTER TABLE t%d DROP COLUMN d", i);
	} else {
		a->rename = 'd';
		a->add = c;
		snprintf(a->sql, sizeof(a->sql),
		    "ALTER TABLE t%d RENAME COLUMN d TO %c", i, c);
	}
	return true;
}
