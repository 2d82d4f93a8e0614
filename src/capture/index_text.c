#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "capture/capture_p.h"
#include "capture/sql_token.h"

/* The parts of a CREATE INDEX: https://www.sqlite.org/lang_createindex.html */

static char *copy(const char *from, const char *to)
{
	char *s = strndup(from, (size_t)(to - from));

	if (!s)
		abort();
	return s;
}

/* Keep one expression; last is its last token, before it the one before. */
static int add_expr(struct index_text *out, const char *from,
    const struct sql_token *before, const struct sql_token *last)
{
	const char *to = last->p + last->n;

	if ((sql_is(last, "ASC") || sql_is(last, "DESC")) && before->n)
		to = before->p + before->n;
	if (to <= from || out->n >= INDEX_EXPRS_MAX)
		return -1;
	out->exprs = realloc(out->exprs,
	    (size_t)(out->n + 1) * sizeof(*out->exprs));
	if (!out->exprs)
		abort();
	out->exprs[out->n++] = copy(from, to);
	return 0;
}

/* The list behind its "(", up to and with its ")". */
static int parse_list(const char **s, struct index_text *out)
{
	struct sql_token t, last = {NULL, 0}, before = {NULL, 0};
	const char *from = NULL;
	int depth = 1;

	for (;;) {
		t = sql_next(s);
		if (t.n == 0)
			return -1;
		depth += sql_is(&t, "(") - sql_is(&t, ")");
		if (depth == 0 || (depth == 1 && sql_is(&t, ","))) {
			if (!from || add_expr(out, from, &before, &last) < 0)
				return -1;
			from = NULL;
			last.n = 0;
			if (depth == 0)
				return 0;
			continue;
		}
		if (!from)
			from = t.p;
		before = last;
		last = t;
	}
}

int index_text_parse(const char *sql, struct index_text *out)
{
	struct sql_token t;
	const char *from, *to;

	memset(out, 0, sizeof(*out));
	/* a name ON cannot stand there unquoted, so the first ON is the one */
	do
		t = sql_next(&sql);
	while (t.n && !sql_is(&t, "ON"));
	if (t.n == 0)
		return -1;
	sql_next(&sql); /* the table */
	t = sql_next(&sql);
	if (!sql_is(&t, "(") || parse_list(&sql, out) < 0)
		goto bad;
	t = sql_next(&sql);
	if (t.n == 0)
		return 0;
	if (!sql_is(&t, "WHERE"))
		goto bad;
	/* up to its last token: a comment behind it would swallow ours */
	from = sql_skip(sql);
	to = from;
	while ((t = sql_next(&sql)).n && !sql_is(&t, ";"))
		to = t.p + t.n;
	if (to == from)
		goto bad;
	out->where = copy(from, to);
	return 0;
bad:
	index_text_free(out);
	return -1;
}

void index_text_free(struct index_text *x)
{
	for (int i = 0; i < x->n; i++)
		free(x->exprs[i]);
	free(x->exprs);
	free(x->where);
	memset(x, 0, sizeof(*x));
}

/* ---- names in expressions, and generated columns */

/* Is the token that name, quoted or not? */
static bool names(const struct sql_token *t, const char *name)
{
	size_t n = strlen(name), k = 0;
	char close;

	if (t->n < 2 || !strchr("'\"`[", t->p[0]))
		return t->n == n && !strncasecmp(t->p, name, n);
	close = t->p[0] == '[' ? ']' : t->p[0];
	for (size_t i = 1; i + 1 < t->n; i++, k++) {
		if (k >= n || strncasecmp(&t->p[i], &name[k], 1) != 0)
			return false;
		i += t->p[i] == close && t->p[i + 1] == close;
	}
	return k == n;
}

bool capture_text_names(const char *text, const char *column)
{
	struct sql_token t;

	while ((t = sql_next(&text)).n)
		if (names(&t, column))
			return true;
	return false;
}

/* Behind the parenthesis that closes the one before s; *last: that one. */
static const char *skip_group(const char *s, const char **last)
{
	struct sql_token t;
	int depth = 1;

	while (depth > 0 && (t = sql_next(&s)).n) {
		depth += sql_is(&t, "(") - sql_is(&t, ")");
		*last = t.p;
	}
	return depth ? NULL : s;
}

char *capture_text_generated(const char *sql, const char *column)
{
	struct sql_token t;
	bool first = true, ours = false, as = false;
	const char *from, *end = NULL;

	while ((t = sql_next(&sql)).n && !sql_is(&t, "("))
		;
	/* "AS (" stands in a column's definition for nothing else */
	while ((t = sql_next(&sql)).n && !sql_is(&t, ")")) {
		if (first)
			ours = names(&t, column);
		first = sql_is(&t, ",");
		if (sql_is(&t, "(")) {
			from = sql;
			sql = skip_group(sql, &end);
			if (!sql)
				return NULL;
			if (ours && as)
				return copy(from, end);
		}
		as = sql_is(&t, "AS");
	}
	return NULL;
}
