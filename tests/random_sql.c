#include "config.h"

#include "tests/random_sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Kinds of keys: columns, and how the n-th key is written. */
struct key_kind {
	const char *columns; /* and the PRIMARY KEY */
	const char *tail;
	int ncols;
	const char *col[2];
	const char *value[6]; /* of all its columns; 0 and 5 are equal keys */
};

static const struct key_kind kinds[] = {
    {"k TEXT PRIMARY KEY NOT NULL", "", 1, {"k"},
	{"'one'", "'two'", "''", "'Drei'", "'drei'", "'one'"}},
    {"k INTEGER PRIMARY KEY", "", 1, {"k"},
	{"1", "2", "-3", "9223372036854775807", "0", "1"}},
    {"k TEXT COLLATE NOCASE PRIMARY KEY NOT NULL", "", 1, {"k"},
	{"'Ann'", "'Bob'", "'cy'", "'Dee'", "'\xc3\xa9'", "'ANN'"}},
    {"k TEXT COLLATE RTRIM, l INT, PRIMARY KEY(k, l)", " WITHOUT ROWID", 2,
	{"k", "l"},
	{"'x', 1", "'x', 2", "'y', 1", "' y', 1", "'', 0", "'x  ', 1"}},
    {"k, l, PRIMARY KEY(k, l)", "", 2, {"k", "l"},
	{"1, 'p'", "1.5, 'p'", "'1', 'p'", "x'31', x'00ff'", "'q', 2.0",
	    "1.0, 'p'"}},
    {"k BLOB PRIMARY KEY NOT NULL", " WITHOUT ROWID", 1, {"k"},
	{"x'00'", "x'0001'", "x''", "x'ffff'", "1.25", "x'00'"}},
};

static const char *const types[] = {
    "", "TEXT", "INTEGER", "REAL", "NUMERIC", "BLOB", "TEXT COLLATE NOCASE"};

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))

/* More that two sites can clash in, or that a merge can break. */
static const char *const indexes[] = {
    "", "(a, b)", "(b) WHERE a IS NOT NULL", "(lower(a))",
    "(b, c)", "(coalesce(a, b))", "(a COLLATE NOCASE)",
    "(typeof(a), b) WHERE b IS NOT 3"};

static const char *const checks[] = {
    "", ", CHECK(c IS NOT NULL OR a IS NOT NULL)",
    (", CHECK(a IS NULL OR b IS NULL OR typeof(a) <> typeof(b)"
     " OR typeof(a) = 'text')")};

/* Behind a table's definition: an index that is not part of it. */
static void add_index(struct world *w, int i, char *out, size_t size)
{
	const char *ix = indexes[rnd(w, COUNT(indexes))];
	size_t n = strlen(out);

	if (!*ix || n + 100 > size)
		return;
	n += (size_t)snprintf(out + n, size - n, "; CREATE UNIQUE INDEX u%d ON ",
	    i);
	if (n < size)
		snprintf(out + n, size - n, "t%d%s", i, ix);
}

void sql_table(struct world *w, int i, char *out, size_t size)
{
	const struct key_kind *k;
	const char *t[3];
	const char *check;
	char cols[200];

	w->kind[i] = (int)rnd(w, COUNT(kinds));
	k = &kinds[w->kind[i]];
	for (int c = 0; c < 3; c++)
		t[c] = types[rnd(w, COUNT(types))];
	snprintf(cols, sizeof(cols), "a %s%s, b %s, c %s%s", t[0],
	    w->opt.strict && rnd(w, 2) ? " NOT NULL DEFAULT 'd'" : "", t[1],
	    t[2], w->opt.unique && rnd(w, 2) ? " UNIQUE" : "");
	check = w->opt.strict ? checks[rnd(w, COUNT(checks))] : "";
	/* table constraints come last, so a composite key must too */
	if (k->ncols == 1)
		snprintf(out, size, "CREATE TABLE t%d(%s, %s%s)%s", i,
		    k->columns, cols, check, k->tail);
	else
		snprintf(out, size, "CREATE TABLE t%d(%.*s, %s, %s%s)%s", i,
		    (int)(strstr(k->columns, ", PRIMARY") - k->columns),
		    k->columns, cols, strstr(k->columns, "PRIMARY"), check,
		    k->tail);
	if (w->opt.unique)
		add_index(w, i, out, size);
}

/* A value that was never written before, of any storage class; or NULL. */
static void new_value(struct world *w, const char *site, char *out,
    size_t size)
{
	long long n = (long long)++w->writes;

	uint32_t kind = rnd(w, 8);

	/* where values are unique they should clash */
	if (w->opt.unique && kind < 2)
		kind = 5;
	switch (kind) {
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
		snprintf(out, size, "'%s%lld &<\\'||char(%d)", site, n,
		    (int)rnd(w, 40) + 1);
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

void sql_edit(struct world *w, const char *site, char *out, size_t size)
{
	int i = (int)rnd(w, (uint32_t)w->ntables);
	const struct key_kind *k = &kinds[w->kind[i]];
	uint32_t pick = rnd(w, (uint32_t)w->nkeys);
	const char *key, *other = k->value[rnd(w, 6)];
	char v[3][120], where[120], set[120];

	/* the first key now and then in its other spelling */
	key = k->value[pick == 0 && rnd(w, 3) == 0 ? 5 : pick];
	for (int c = 0; c < 3; c++)
		new_value(w, site, v[c], sizeof(v[c]));
	where_key(k, key, where, sizeof(where));
	switch (rnd(w, 12)) {
	case 0:
	case 1:
	case 2:
	case 3:
		snprintf(out, size, "UPDATE t%d SET %c = %s WHERE %s", i,
		    (char)('a' + rnd(w, 3)), v[0], where);
		break;
	case 4:
		snprintf(out, size, "UPDATE t%d SET a = %s, c = %s WHERE %s", i,
		    v[0], v[1], where);
		break;
	case 5:
		snprintf(out, size, "UPDATE t%d SET b = %s", i, v[0]);
		break;
	case 6:
		snprintf(out, size, "DELETE FROM t%d WHERE %s", i, where);
		break;
	case 7:
		set_key(k, other, set, sizeof(set));
		snprintf(out, size, "UPDATE OR %s t%d SET %s, b = %s WHERE %s",
		    rnd(w, 2) ? "REPLACE" : "IGNORE", i, set, v[0], where);
		break;
	case 8:
		snprintf(out, size, "REPLACE INTO t%d VALUES(%s, %s, %s, %s)",
		    i, key, v[0], v[1], v[2]);
		break;
	default:
		snprintf(out, size, "INSERT OR IGNORE INTO t%d VALUES(%s, %s,"
				    " %s, %s)", i, key, v[0], v[1], v[2]);
	}
}

/* ---- tables as text */

/* A value, bit for bit. */
static void put_value(struct buf *b, sqlite3_stmt *st, int i)
{
	double r;
	uint64_t bits;
	const unsigned char *p;
	int n;

	switch (sqlite3_column_type(st, i)) {
	case SQLITE_NULL:
		buf_adds(b, "N");
		return;
	case SQLITE_INTEGER:
		buf_addf(b, "I%lld", (long long)sqlite3_column_int64(st, i));
		return;
	case SQLITE_FLOAT:
		r = sqlite3_column_double(st, i);
		memcpy(&bits, &r, 8);
		buf_addf(b, "R%016" PRIx64 "(%.17g)", bits, r);
		return;
	case SQLITE_TEXT:
		buf_adds(b, "T");
		p = sqlite3_column_text(st, i);
		break;
	default:
		buf_adds(b, "B");
		p = sqlite3_column_blob(st, i);
	}
	n = sqlite3_column_bytes(st, i);
	for (int k = 0; k < n; k++)
		if (p[k] > ' ' && p[k] < 127)
			buf_addc(b, (char)p[k]);
		else
			buf_addf(b, "\\%02x", p[k]);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *text)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(db, text, -1, &st, NULL) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", text, sqlite3_errmsg(db));
		abort();
	}
	return st;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The rows of a query as sorted lines. */
static void dump_query(sqlite3 *db, const char *text, struct buf *out)
{
	sqlite3_stmt *st = prepare(db, text);
	char **lines = NULL;
	size_t n = 0;

	while (sqlite3_step(st) == SQLITE_ROW) {
		struct buf b = BUF_INIT(SIZE_MAX);

		for (int i = 0; i < sqlite3_column_count(st); i++) {
			put_value(&b, st, i);
			buf_addc(&b, ' ');
		}
		lines = realloc(lines, (n + 1) * sizeof(*lines));
		if (!lines)
			abort();
		lines[n++] = strdup(buf_str(&b));
		buf_free(&b);
	}
	sqlite3_finalize(st);
	if (n)
		qsort(lines, n, sizeof(*lines), by_text);
	for (size_t i = 0; i < n; i++) {
		buf_addf(out, "%s\n", lines[i]);
		free(lines[i]);
	}
	free(lines);
}

/* Every register of every row with its version, however fragments group them;
 * a register is bit r of its mask. */
static const char registers[] =
    "WITH RECURSIVE bit(r) AS (SELECT 0 UNION ALL SELECT r + 1 FROM bit"
    " WHERE r < 61)"
    " SELECT t.name, f.k, CASE WHEN f.m < 0 THEN 'dead'"
    "  WHEN r = 0 THEN 'born' WHEN r = 1 THEN 'spelling'"
    "  ELSE (SELECT name FROM dialsync_column c WHERE c.t = f.t AND c.r = bit.r)"
    "  END, f.c, o.site, o.inc"
    " FROM dialsync_frag f JOIN dialsync_table t USING(t)"
    " JOIN dialsync_origin o USING(o) JOIN bit"
    " ON CASE WHEN f.m < 0 THEN r = 0 ELSE f.m >> r & 1 END"
    /* key columns have no registers of their own: spelling speaks for all */
    " WHERE r < 2 OR (SELECT name FROM dialsync_column c WHERE c.t = f.t"
    "  AND c.r = bit.r) NOT IN ('k', 'l', 'id')";

void dump_site(struct world *w, int i, bool regs, struct buf *out)
{
	sqlite3 *db = w->site[i].app;

	for (int k = 0; k < w->ntables; k++) {
		char text[60];

		snprintf(text, sizeof(text), "SELECT * FROM t%d", k);
		buf_addf(out, "t%d\n", k);
		dump_query(db, text, out);
	}
	buf_adds(out, "conflicts\n");
	dump_query(db, "SELECT * FROM dialsync_conflict", out);
	/* columns of the key have no values of their own beside it */
	buf_adds(out, "held\n");
	dump_query(db, "SELECT name, k, kind FROM dialsync_held"
		       " JOIN dialsync_table USING(t)", out);
	dump_query(db, "SELECT t.name, k, c.name, v FROM dialsync_aside a"
		       " JOIN dialsync_table t USING(t)"
		       " LEFT JOIN dialsync_column c USING(t, r)"
		       " WHERE c.name NOT IN ('k', 'l')", out);
	if (!regs)
		return;
	buf_adds(out, "registers\n");
	dump_query(db, registers, out);
}

/* {"blob": "00FF"} and the like, as put_value() writes them. */
static void put_kept(struct buf *out, sqlite3_stmt *st)
{
	static const char letters[] = "RTB";

	for (int k = 0; k < 3; k++) {
		const char *p = (const char *)sqlite3_column_text(st, 1 + k);
		double r;
		uint64_t bits;

		if (!p)
			continue;
		if (k == 0) {
			r = strtod(p, NULL);
			memcpy(&bits, &r, 8);
			buf_addf(out, "R%016" PRIx64 "(%.17g)", bits, r);
			return;
		}
		buf_addc(out, letters[k]);
		for (; p[0] && p[1]; p += 2) {
			char two[3] = {p[0], p[1], '\0'};
			int c = (int)strtol(two, NULL, 16);

			buf_addf(out, c > ' ' && c < 127 ? "%c" : "\\%02x", c);
		}
		return;
	}
}

void dump_kept_rows(struct world *w, int i, struct buf *out)
{
	sqlite3_stmt *st = prepare(w->site[i].app, "SELECT atom, CASE type WHEN 'object'"
	    " THEN json_extract(value, '$.real') END, CASE type WHEN 'object'"
	    " THEN json_extract(value, '$.text') END, CASE type WHEN 'object'"
	    " THEN json_extract(value, '$.blob') END"
	    " FROM dialsync_conflict c, json_each(c.row)");
	while (sqlite3_step(st) == SQLITE_ROW) {
		buf_addc(out, ' ');
		if (sqlite3_column_type(st, 0) != SQLITE_NULL)
			put_value(out, st, 0);
		else
			put_kept(out, st);
		buf_adds(out, " ");
	}
	sqlite3_finalize(st);
}

void dump_values(struct world *w, sqlite3 *db, struct buf *out)
{
	for (int k = 0; k < w->ntables; k++) {
		char text[60];
		sqlite3_stmt *st;

		snprintf(text, sizeof(text), "SELECT a, b, c FROM t%d", k);
		st = prepare(db, text);
		while (sqlite3_step(st) == SQLITE_ROW)
			for (int c = 0; c < 3; c++) {
				/* small and NULL ones are not unique */
				if (sqlite3_column_type(st, c) == SQLITE_NULL ||
				    sqlite3_column_bytes(st, c) < 4)
					continue;
				buf_addf(out, "t%d.%c=", k, 'a' + c);
				put_value(out, st, c);
				buf_addc(out, '\n');
			}
		sqlite3_finalize(st);
	}
}
