/* Walks a whole group row by row.  Each column has a cursor; escapes are taken
 * out in place, in the group's own arena, so that no value takes memory. */
#include "config.h"

#include <string.h>

#include "bundle/reader_p.h"

enum bundle_kind bundle_group_kind(const struct bundle_group *g)
{
	return g->kind;
}

const char *bundle_group_table(const struct bundle_group *g)
{
	return g->table;
}

int bundle_group_rows(const struct bundle_group *g)
{
	return g->nrows;
}

int bundle_group_nkey(const struct bundle_group *g)
{
	return g->nkey;
}

int bundle_group_ncols(const struct bundle_group *g)
{
	return g->ncols;
}

const char *bundle_group_col(const struct bundle_group *g, int col)
{
	return g->arena.p + g->col[g->nkey + col].name_off;
}

/* A line of a column of UUIDs; its shape was checked when it was read. */
static bool read_uuid(const struct bundle_group *g, struct column *c,
    char *line, size_t n, struct value *v)
{
	struct uuid u;
	char bytes[UUID_B64];
	size_t got;
	int64_t ref;

	memset(v, 0, sizeof *v);
	if (*line == '\\')
		return true;
	if (*line == '=')
		return value_decode(line + 1, n - 1, VALUE_TEXT, line + 1, v);
	if (*line == '@') {
		if (!text_read_int(line + 1, n - 1, &ref) ||
		    ref >= (int64_t)g->dict->n)
			return false;
		u = g->dict->list[ref];
	} else {
		if (!text_read_b64(line, n, bytes, &got))
			return false;
		memcpy(u.b, bytes, sizeof u.b);
	}
	uuid_format(&u, c->uuid);
	v->type = VALUE_TEXT;
	v->p = c->uuid;
	v->n = UUID_TEXT;
	return true;
}

static bool read_difference(struct column *c, const char *line, size_t n,
    struct value *v)
{
	int64_t d;

	memset(v, 0, sizeof *v);
	v->type = VALUE_INTEGER;
	if (!text_read_int(line, n, &d) ||
	    (d > 0 && c->last > INT64_MAX - d) ||
	    (d < 0 && c->last < INT64_MIN - d))
		return false;
	v->i = c->last += d;
	return true;
}

/* The column's next line. */
static bool next_value(struct bundle_group *g, struct column *c,
    struct value *v)
{
	char *line = c->line;
	char *nl = memchr(line, '\n', (size_t)(c->end - line));
	size_t n = (size_t)((nl ? nl : c->end) - line);

	c->line = nl ? nl + 1 : c->end;
	if (c->form == FORM_UUID)
		return read_uuid(g, c, line, n, v);
	if (c->form == FORM_DIFFERENCE)
		return read_difference(c, line, n, v);
	return value_decode(line, n, c->plain, line, v);
}

static int bad_value(struct bundle_group *g, const struct column *c,
    struct err *e)
{
	char table[80], col[80];

	g->bad = true;
	text_safe(g->table, strlen(g->table), table, sizeof table);
	if (c->key)
		return err_set(e, ERR_DATA, "offset %lld: table %s, row %d: "
		    "the key cannot be read", (long long)c->at, table, g->row);
	const char *name = g->arena.p + c->name_off;

	text_safe(name, strlen(name), col, sizeof col);
	return err_set(e, ERR_DATA, "offset %lld: table %s, column %s, row "
	    "%d: the value cannot be read", (long long)c->at, table, col,
	    g->row);
}

/* This row carries the column: read its value, find the next such row. */
static int step_column(struct bundle_group *g, int i, struct err *e)
{
	struct column *c = &g->col[i];
	int64_t d = 1;

	/* a constant stays as it was read the first time */
	if ((!c->constant || c->last == 0) &&
	    !next_value(g, c, &g->value[i]))
		return bad_value(g, c, e);
	if (c->constant)
		c->last = 1;
	if (!c->all && text_list_next(&c->index, &d) != 1)
		c->next = 0;
	else
		c->next += (int)d;
	return 0;
}

int bundle_group_next(struct bundle_group *g, struct bundle_rowview *row,
    struct err *e)
{
	if (g->bad)
		return err_set(e, ERR_DATA, "offset %lld: table %s: a value "
		    "cannot be read", (long long)g->at, g->table);
	if (g->row == g->nrows)
		return 0;
	g->row++;
	for (int i = 0; i < g->ncol_all; i++) {
		g->has[i] = g->col[i].next == g->row;
		if (g->has[i] && step_column(g, i, e) < 0)
			return -1;
	}
	row->key = g->value;
	row->clock = g->has_clocks ? g->clocks[g->row - 1] : g->clock;
	row->origin = g->has_origins ? g->origins[g->row - 1] : g->origin;
	row->has = g->has + g->nkey;
	row->field = g->value + g->nkey;
	return 1;
}
