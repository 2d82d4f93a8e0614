#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "capture/capture_p.h"

/* Just enough of SQL's lexical rules to find the parts of a CREATE INDEX that
 * SQLite itself has accepted: https://www.sqlite.org/lang_createindex.html */

struct token {
	const char *p;
	size_t n;
};

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_' || c == '$' || (c & 0x80);
}

/* Behind blanks and comments. */
static const char *skip_blanks(const char *s)
{
	for (;;) {
		if (*s && strchr(" \t\n\r\f", *s)) {
			s++;
		} else if (s[0] == '-' && s[1] == '-') {
			s += strcspn(s, "\n");
		} else if (s[0] == '/' && s[1] == '*') {
			const char *end = strstr(s + 2, "*/");

			s = end ? end + 2 : s + strlen(s);
		} else {
			return s;
		}
	}
}

/* Behind a quoted token that begins at s; doubled quotes stand for one. */
static const char *skip_quoted(const char *s)
{
	char close = *s == '[' ? ']' : *s;

	for (s++; *s; s++) {
		if (*s != close)
			continue;
		if (close == ']' || s[1] != close)
			return s + 1;
		s++;
	}
	return s;
}

/* The next token from *s on; n = 0 at the end. */
static struct token next(const char **s)
{
	struct token t = {skip_blanks(*s), 0};
	const char *end = t.p;

	if (*end && strchr("'\"`[", *end))
		end = skip_quoted(end);
	else if (is_word(*end))
		while (is_word(*end))
			end++;
	else if (*end)
		end++;
	t.n = (size_t)(end - t.p);
	*s = end;
	return t;
}

static bool is(const struct token *t, const char *word)
{
	return t->n == strlen(word) && !strncasecmp(t->p, word, t->n);
}

static char *copy(const char *from, const char *to)
{
	char *s = strndup(from, (size_t)(to - from));

	if (!s)
		abort();
	return s;
}

/* Keep one expression; last is its last token, before it the one before. */
static int add_expr(struct index_text *out, const char *from,
    const struct token *before, const struct token *last)
{
	const char *to = last->p + last->n;

	if ((is(last, "ASC") || is(last, "DESC")) && before->n)
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
	struct token t, last = {NULL, 0}, before = {NULL, 0};
	const char *from = NULL;
	int depth = 1;

	for (;;) {
		t = next(s);
		if (t.n == 0)
			return -1;
		depth += is(&t, "(") - is(&t, ")");
		if (depth == 0 || (depth == 1 && is(&t, ","))) {
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
	struct token t;
	const char *from, *to;

	memset(out, 0, sizeof(*out));
	/* a name ON cannot stand there unquoted, so the first ON is the one */
	do
		t = next(&sql);
	while (t.n && !is(&t, "ON"));
	if (t.n == 0)
		return -1;
	next(&sql); /* the table */
	t = next(&sql);
	if (!is(&t, "(") || parse_list(&sql, out) < 0)
		goto bad;
	t = next(&sql);
	if (t.n == 0)
		return 0;
	if (!is(&t, "WHERE"))
		goto bad;
	/* up to its last token: a comment behind it would swallow ours */
	from = skip_blanks(sql);
	to = from;
	while ((t = next(&sql)).n && !is(&t, ";"))
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
static bool names(const struct token *t, const char *name)
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
	struct token t;

	while ((t = next(&text)).n)
		if (names(&t, column))
			return true;
	return false;
}

/* Behind the parenthesis that closes the one before s; *last: that one. */
static const char *skip_group(const char *s, const char **last)
{
	struct token t;
	int depth = 1;

	while (depth > 0 && (t = next(&s)).n) {
		depth += is(&t, "(") - is(&t, ")");
		*last = t.p;
	}
	return depth ? NULL : s;
}

char *capture_text_generated(const char *sql, const char *column)
{
	struct token t;
	bool first = true, ours = false, as = false;
	const char *from, *end = NULL;

	while ((t = next(&sql)).n && !is(&t, "("))
		;
	/* "AS (" stands in a column's definition for nothing else */
	while ((t = next(&sql)).n && !is(&t, ")")) {
		if (first)
			ours = names(&t, column);
		first = is(&t, ",");
		if (is(&t, "(")) {
			from = sql;
			sql = skip_group(sql, &end);
			if (!sql)
				return NULL;
			if (ours && as)
				return copy(from, end);
		}
		as = is(&t, "AS");
	}
	return NULL;
}
