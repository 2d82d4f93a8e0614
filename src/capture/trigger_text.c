#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "capture/sql_token.h"
#include "capture/trigger_text.h"

/* https://www.sqlite.org/lang_createtrigger.html.  SQLite takes many keywords
 * for names where no keyword can stand, BEGIN and REPLACE among them, so each
 * is looked for only where it can be one. */

void trigger_text_free(struct trigger_text *x)
{
	free(x->table);
	for (int i = 0; i < x->ntargets; i++)
		free(x->targets[i]);
	memset(x, 0, sizeof(*x));
}

/* The last part of [schema.]name, whose first token is t. */
static struct sql_token last_name(const char **s, struct sql_token t)
{
	const char *at = *s;
	struct sql_token dot = sql_next(&at);

	if (!sql_is(&dot, "."))
		return t;
	t = sql_next(&at);
	*s = at;
	return t;
}

/* "CREATE TRIGGER name", up to what it runs at. */
static int parse_name(const char **s)
{
	struct sql_token t = sql_next(s);
	const char *at;

	if (!sql_is(&t, "CREATE"))
		return -1;
	t = sql_next(s);
	if (sql_is(&t, "TEMP") || sql_is(&t, "TEMPORARY"))
		t = sql_next(s);
	if (!sql_is(&t, "TRIGGER"))
		return -1;
	t = sql_next(s);
	at = *s;
	if (sql_is(&t, "IF")) {
		struct sql_token not = sql_next(&at);

		if (sql_is(&not, "NOT")) {
			sql_next(&at); /* EXISTS */
			t = sql_next(&at);
			*s = at;
		}
	}
	return last_name(s, t).n ? 0 : -1;
}

/* "AFTER UPDATE OF a, b ON table [FOR EACH ROW]".  ON is no name. */
static int parse_event(const char **s, struct trigger_text *out)
{
	struct sql_token t;
	const char *end, *at;

	out->event = end = sql_skip(*s);
	for (;;) {
		t = sql_next(s);
		if (t.n == 0)
			return -1;
		if (sql_is(&t, "ON"))
			break;
		if (t.p == out->event)
			out->instead = sql_is(&t, "INSTEAD");
		end = t.p + t.n;
	}
	out->nevent = (size_t)(end - out->event);
	t = sql_next(s);
	t = last_name(s, t);
	if (t.n == 0)
		return -1;
	out->table = sql_name(&t);
	at = *s;
	t = sql_next(&at);
	if (sql_is(&t, "FOR")) {
		sql_next(&at); /* EACH */
		sql_next(&at); /* ROW */
		*s = at;
	}
	return 0;
}

/* "[WHEN condition] BEGIN": outside of parentheses a name BEGIN can only stand
 * behind NEW. or OLD. */
static int parse_when(const char **s, struct trigger_text *out)
{
	struct sql_token t = sql_next(s), before = {NULL, 0};
	int depth = 0;

	if (sql_is(&t, "WHEN")) {
		before = t;
		out->when = sql_skip(*s);
		t = sql_next(s);
	}
	while (t.n && (depth || !sql_is(&t, "BEGIN") ||
	    sql_is(&before, "."))) {
		if (!out->when)
			return -1;
		depth += sql_is(&t, "(") - sql_is(&t, ")");
		before = t;
		t = sql_next(s);
	}
	if (t.n == 0)
		return -1;
	if (out->when)
		out->nwhen = (size_t)(before.p + before.n - out->when);
	out->body = t.p;
	return 0;
}

static int add_target(struct trigger_text *out, const struct sql_token *t)
{
	char *name = sql_name(t);

	for (int i = 0; i < out->ntargets; i++)
		if (!strcasecmp(out->targets[i], name)) {
			free(name);
			return 0;
		}
	if (out->ntargets == TRIGGER_TARGETS_MAX) {
		free(name);
		return -1;
	}
	out->targets[out->ntargets++] = name;
	return 0;
}

/* The table that a statement writes, if it writes one; first: its first
 * token. */
static int parse_target(const char **s, const struct sql_token *first,
    struct trigger_text *out)
{
	bool update = sql_is(first, "UPDATE");
	struct sql_token t;

	if (!update && !sql_is(first, "INSERT") && !sql_is(first, "REPLACE") &&
	    !sql_is(first, "DELETE"))
		return 0;
	t = sql_next(s);
	if (sql_is(&t, "OR")) {
		t = sql_next(s);
		out->undoes |= sql_is(&t, "ROLLBACK") || sql_is(&t, "FAIL");
		t = sql_next(s);
	}
	if (!update) /* INTO, FROM */
		t = sql_next(s);
	t = last_name(s, t);
	return t.n ? add_target(out, &t) : -1;
}

/* BEGIN statement; ... END */
static int parse_body(const char *s, struct trigger_text *out)
{
	struct sql_token t, before = {NULL, 0};
	bool first = true;

	sql_next(&s); /* BEGIN */
	while ((t = sql_next(&s)).n) {
		if (first && sql_is(&t, "END"))
			return 0;
		if (first && parse_target(&s, &t, out) < 0)
			return -1;
		out->raises |= sql_is(&t, "(") && sql_is(&before, "RAISE");
		first = sql_is(&t, ";");
		before = t;
	}
	return -1;
}

int trigger_text_parse(const char *sql, struct trigger_text *out)
{
	memset(out, 0, sizeof(*out));
	if (parse_name(&sql) == 0 && parse_event(&sql, out) == 0 &&
	    parse_when(&sql, out) == 0 && parse_body(out->body, out) == 0)
		return 0;
	trigger_text_free(out);
	return -1;
}

void trigger_text_copy(const struct trigger_text *x, const char *name,
    const char *guard, struct buf *out)
{
	buf_addf(out, "CREATE TEMP TRIGGER %s ", name);
	buf_add(out, x->event, x->nevent);
	buf_adds(out, " ON main.\"");
	for (const char *p = x->table; *p; p++) {
		if (*p == '"')
			buf_addc(out, '"');
		buf_addc(out, *p);
	}
	buf_addf(out, "\" WHEN %s", guard);
	if (x->nwhen) {
		buf_adds(out, " AND (");
		buf_add(out, x->when, x->nwhen);
		buf_addc(out, ')');
	}
	buf_addf(out, " %s", x->body);
}

bool table_text_undoes(const char *sql)
{
	struct sql_token t, before = {NULL, 0};

	while ((t = sql_next(&sql)).n) {
		if (sql_is(&before, "CONFLICT") &&
		    (sql_is(&t, "FAIL") || sql_is(&t, "ROLLBACK")))
			return true;
		before = t;
	}
	return false;
}
