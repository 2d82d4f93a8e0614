/* What sites hold as text, for random_judge.c. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/random_fate.h"
#include "tests/random_judge.h"
#include "tests/random_sql.h"

void put_value(struct buf *b, sqlite3_stmt *st, int i)
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
		if (p[k] > ' ' && p[k] < 127 && p[k] != '\\')
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

/* The rows of a query as sorted lines, a blank before and after each value. */
static void dump_query(sqlite3 *db, const char *text, struct buf *out)
{
	sqlite3_stmt *st = prepare(db, text);
	char **lines = NULL;
	size_t n = 0;

	while (sqlite3_step(st) == SQLITE_ROW) {
		struct buf b = BUF_INIT(SIZE_MAX);

		buf_addc(&b, ' ');
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

long long dump_count(sqlite3 *db, const char *table)
{
	char text[500];
	sqlite3_stmt *st;
	long long n;

	snprintf(text, sizeof(text), "SELECT count(*) FROM %s", table);
	st = prepare(db, text);
	n = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_finalize(st);
	return n;
}

/* Every register of every row with its version, however fragments group them;
 * a register is bit r of its mask. */
static const char registers[] =
    "WITH RECURSIVE bit(r) AS (SELECT 0 UNION ALL SELECT r + 1 FROM bit"
    " WHERE r < 16)"
    " SELECT t.name, f.k, CASE WHEN f.m < 0 THEN 'dead'"
    "  WHEN r = 0 THEN 'born' WHEN r = 1 THEN 'spelling'"
    "  ELSE (SELECT name FROM dialsync_column c WHERE c.t = f.t AND c.r = bit.r)"
    "  END, f.c, o.site, o.inc"
    " FROM dialsync_frag f JOIN dialsync_table t USING(t)"
    " JOIN dialsync_origin o USING(o) JOIN bit"
    " ON CASE WHEN f.m < 0 THEN r = 0 ELSE f.m >> r & 1 END"
    /* key columns have no registers of their own: spelling speaks for all;
     * a column that went leaves what it had */
    " WHERE r < 2 OR (SELECT name FROM dialsync_column c WHERE c.t = f.t"
    "  AND c.r = bit.r AND c.name NOT IN ('k', 'l', 'id')"
    "  AND EXISTS(SELECT 1 FROM pragma_table_info(t.name) x"
    "   WHERE x.name = c.name)) IS NOT NULL";

/* Values that are aside of rows that live: held ones, and those of columns
 * that are not here.  What a dead row keeps is nobody's. */
static const char held_values[] =
    "SELECT t.name, a.k, c.name, a.v FROM dialsync_aside a"
    " JOIN dialsync_table t USING(t)"
    " JOIN dialsync_column c ON c.t = a.t AND c.r = a.r"
    " WHERE EXISTS(SELECT 1 FROM dialsync_held h WHERE h.t = a.t"
    "  AND h.k = a.k)";

/* ... that some site wrote: a row that left its table has its defaults aside,
 * too, one that never was there has not.  Of a column that went, it is aside
 * where the value never was in the table, and nowhere else. */
static const char held_registers[] =
    "SELECT t.name, a.k, c.name, a.v FROM dialsync_aside a"
    " JOIN dialsync_table t USING(t)"
    " JOIN dialsync_column c ON c.t = a.t AND c.r = a.r"
    " WHERE EXISTS(SELECT 1 FROM dialsync_held h WHERE h.t = a.t"
    "  AND h.k = a.k) AND (c.here > 1 OR EXISTS(SELECT 1 FROM dialsync_frag f"
    "  WHERE f.t = a.t AND f.k = a.k AND f.m >> a.r & 1))"
    " AND EXISTS(SELECT 1 FROM pragma_table_info(t.name) x"
    "  WHERE x.name = c.name)";

/* All columns, in an order that does not depend on who added them when. */
static void dump_table(sqlite3 *db, int k, struct buf *out)
{
	char text[400];
	sqlite3_stmt *st;
	const char *columns;

	snprintf(text, sizeof(text), "SELECT group_concat(name) FROM (SELECT"
	    " name FROM pragma_table_xinfo('t%d') ORDER BY name)", k);
	st = prepare(db, text);
	columns = sqlite3_step(st) == SQLITE_ROW
	    ? (const char *)sqlite3_column_text(st, 0) : "*";
	buf_addf(out, "t%d(%s)\n", k, columns);
	snprintf(text, sizeof(text), "SELECT %s FROM t%d", columns, k);
	sqlite3_finalize(st);
	dump_query(db, text, out);
}

void dump_site(struct world *w, int i, bool regs, struct buf *out)
{
	sqlite3 *db = w->site[i].app;

	for (int k = 0; k < w->ntables; k++)
		dump_table(db, k, out);
	buf_adds(out, "conflicts\n");
	dump_query(db, "SELECT * FROM dialsync_conflict", out);
	buf_adds(out, "held\n");
	dump_query(db, "SELECT name, k, kind FROM dialsync_held"
		       " JOIN dialsync_table USING(t)", out);
	dump_query(db, held_registers, out);
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

			buf_addf(out, c > ' ' && c < 127 && c != '\\' ? "%c"
			    : "\\%02x", c);
		}
		return;
	}
}

/* Values of the rows that records keep. */
static void dump_kept_rows(sqlite3 *db, struct buf *out)
{
	sqlite3_stmt *st = prepare(db, "SELECT atom,"
	    " CASE type WHEN 'object' THEN json_extract(value, '$.real') END,"
	    " CASE type WHEN 'object' THEN json_extract(value, '$.text') END,"
	    " CASE type WHEN 'object' THEN json_extract(value, '$.blob') END"
	    " FROM dialsync_conflict c, json_each(c.row)");

	while (sqlite3_step(st) == SQLITE_ROW) {
		buf_addc(out, ' ');
		if (sqlite3_column_type(st, 0) != SQLITE_NULL)
			put_value(out, st, 0);
		else
			put_kept(out, st);
		buf_adds(out, " \n");
	}
	sqlite3_finalize(st);
}

void dump_kept(struct world *w, int i, struct buf *values)
{
	sqlite3 *db = w->site[i].app;

	/* each with a blank before and behind */
	dump_query(db, "SELECT '', lost FROM dialsync_conflict", values);
	dump_query(db, held_values, values);
	dump_kept_rows(db, values);
}

static int site_of(const struct world *w, const char *name)
{
	int i = w->nsites - 1;

	while (i >= 0 && strcmp(w->site[i].name, name) != 0)
		i--;
	return i;
}

void each_conflict(struct world *w, int i, void (*f)(void *arg,
    const char *field, const char *lost, const char *won, int loser),
    void *arg)
{
	sqlite3 *db = w->site[i].app;
	sqlite3_stmt *st = prepare(db, "SELECT tbl || '.' || field || '[',"
	    " lost, won, lost_site FROM dialsync_conflict"
	    " WHERE kind = 'edit'");

	while (sqlite3_step(st) == SQLITE_ROW) {
		struct buf lost = BUF_INIT(SIZE_MAX), won = BUF_INIT(SIZE_MAX);

		put_value(&lost, st, 1);
		put_value(&won, st, 2);
		f(arg, (const char *)sqlite3_column_text(st, 0),
		    buf_str(&lost), buf_str(&won),
		    site_of(w, (const char *)sqlite3_column_text(st, 3)));
		buf_free(&lost);
		buf_free(&won);
	}
	sqlite3_finalize(st);
}

void each_born_with(struct world *w, int i, void (*f)(void *arg,
    const char *field, const char *value), void *arg)
{
	const struct node *s = &w->site[i];
	/* a key that is no integer is kept in another form than it is logged:
	 * then any birth of the table will do */
	sqlite3_stmt *st = prepare(s->app, "SELECT t.name || '.' || c.name ||"
	    " '[', a.v FROM dialsync_aside a JOIN dialsync_table t USING(t)"
	    " JOIN dialsync_column c ON c.t = a.t AND c.r = a.r WHERE t.name"
	    " GLOB 't[0-9]' AND length(c.name) = 1 AND EXISTS (SELECT 1 FROM"
	    " dialsync_log l WHERE l.t = a.t AND l.m = -1 AND (l.k1 = a.k OR"
	    " typeof(a.k) <> 'integer'))");

	while (sqlite3_step(st) == SQLITE_ROW) {
		const char *field = (const char *)sqlite3_column_text(st, 0);
		struct buf value = BUF_INIT(SIZE_MAX);

		put_value(&value, st, 1);
		if (!strchr(s->cols[field[1] - '0'], field[3]))
			f(arg, field, buf_str(&value));
		buf_free(&value);
	}
	sqlite3_finalize(st);
}

/* Prepared once: this runs around every edit. */
static sqlite3_stmt *values_of(struct world *w, int i, int k)
{
	struct node *s = &w->site[i];
	char text[300], *p = text + sprintf(text, "SELECT %s", sql_key(w, k));

	world_open_app(w, s);
	if (s->values[k])
		return s->values[k];
	for (const char *c = s->cols[k]; *c; c++)
		p += sprintf(p, ", %c", *c);
	sprintf(p, " FROM t%d", k);
	s->values[k] = prepare(s->app, text);
	return s->values[k];
}

/* A value stays what it is when its column gets another name. */
static char first_name(const struct world *w, int table, char col)
{
	for (int k = 0; k < w->nalters; k++)
		if (w->alter[k].rename && w->alter[k].table == table &&
		    w->alter[k].add == col)
			return w->alter[k].rename;
	return col;
}

void dump_values(struct world *w, int i,
    void (*f)(void *arg, const char *line, size_t n), void *arg)
{
	const struct node *s = &w->site[i];
	struct buf b = BUF_INIT(SIZE_MAX);

	for (int k = 0; k < w->ntables; k++) {
		sqlite3_stmt *st = values_of(w, i, k);

		while (sqlite3_step(st) == SQLITE_ROW)
			for (int c = 0; s->cols[k][c]; c++) {
				/* small and NULL ones are not unique */
				if (sqlite3_column_type(st, c + 1) ==
					SQLITE_NULL ||
				    sqlite3_column_bytes(st, c + 1) < 5)
					continue;
				b.n = 0;
				buf_addf(&b, "t%d.%c[", k,
				    first_name(w, k, s->cols[k][c]));
				put_value(&b, st, 0);
				buf_adds(&b, "]=");
				put_value(&b, st, c + 1);
				f(arg, buf_str(&b), b.n);
			}
		sqlite3_reset(st);
	}
	buf_free(&b);
}
