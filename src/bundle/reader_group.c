/* Fills a group: the texts of its columns go into one arena as they come;
 * each is checked for its number of lines when it is whole.  The values are
 * read by group.c, row by row. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bundle/reader_p.h"

void group_free(struct bundle_group *g)
{
	buf_free(&g->arena);
	free(g->col);
	free(g->origins);
	free(g->clocks);
	free(g->value);
	free(g->has);
}

/* Copy into the arena, with a NUL; returns where, or SIZE_MAX. */
static size_t keep(struct bundle_group *g, const char *p, size_t n)
{
	size_t at = g->arena.n;

	buf_add(&g->arena, p, n);
	buf_addc(&g->arena, '\0');
	return g->arena.failed ? SIZE_MAX : at;
}

/* A table's or column's name: a text value.  *off: where it was put. */
static int read_name(struct reader *r, const struct attr *a, const char *what,
    size_t *off)
{
	char out[BUNDLE_NAME_MAX * 4 + 8];
	struct value v;

	if (!a->p || a->n > BUNDLE_NAME_MAX * 4 ||
	    !value_decode(a->p, a->n, VALUE_TEXT, out, &v) ||
	    v.type != VALUE_TEXT || v.n == 0 || v.n > BUNDLE_NAME_MAX ||
	    memchr(v.p, '\0', v.n))
		return reader_fail(r, "%s without a valid name", what);
	*off = keep(&r->group, v.p, v.n);
	return *off == SIZE_MAX ? reader_no_memory(r) : 0;
}

/* An integer attribute in [min, max]; def when it is absent. */
static int read_int(struct reader *r, const struct attr *a, char name,
    int64_t min, int64_t max, int64_t def, int64_t *out)
{
	*out = def;
	if (a->p && (!text_read_int(a->p, a->n, out) || *out < min ||
	    *out > max))
		return reader_fail(r, "attribute \"%c\" of a group is not a "
		    "number from %lld to %lld", name, (long long)min,
		    (long long)max);
	return 0;
}

/* The places of ATTRS_GROUP. */
enum { G_T, G_N, G_S, G_V };

int group_start(struct reader *r, enum bundle_kind kind, const struct attr *a)
{
	struct bundle_group *g = &r->group;
	int64_t n, s, v;

	buf_reset(&g->arena);
	g->kind = kind;
	g->at = reader_offset(r);
	g->nkey = g->ncols = g->ncol_all = g->row = 0;
	g->bad = g->has_origins = g->has_clocks = false;
	g->generation++;
	if (read_name(r, &a[G_T], "group", &g->table_off) < 0 ||
	    read_int(r, &a[G_N], 'n', 1, BUNDLE_GROUP_ROWS, 1, &n) < 0 ||
	    read_int(r, &a[G_S], 's', 0, (int64_t)r->head.norigins - 1, 0,
	    &s) < 0 ||
	    read_int(r, &a[G_V], 'v', INT64_MIN, INT64_MAX, 0, &v) < 0)
		return -1;
	g->nrows = (int)n;
	g->origin = (uint32_t)s;
	g->clock = (int64_t)((uint64_t)r->head.clock - (uint64_t)v);
	return 0;
}

/* A new column at the end of the list. */
static struct column *add_column(struct reader *r)
{
	struct bundle_group *g = &r->group;

	if (g->ncol_all == g->cap) {
		int cap = g->cap ? g->cap * 2 : 32;
		struct column *p = realloc(g->col, (size_t)cap * sizeof *p);

		if (!p) {
			reader_no_memory(r);
			return NULL;
		}
		g->col = p;
		g->cap = cap;
	}
	struct column *c = &g->col[g->ncol_all++];

	memset(c, 0, sizeof *c);
	c->at = reader_offset(r);
	c->all = true;
	c->carry = g->nrows;
	c->plain = VALUE_TEXT;
	return c;
}

/* 'y' of <k> and <c>: the form of the lines. */
static int read_form(struct reader *r, const struct attr *a, struct column *c)
{
	if (!a->p)
		return 0;
	if (a->n == 1 && *a->p == 'u')
		c->form = FORM_UUID;
	else if (a->n == 1 && *a->p == 'd' && c->key)
		c->form = FORM_DIFFERENCE;
	else
		return reader_fail(r, "unknown form of lines in attribute "
		    "\"y\"");
	return 0;
}

int group_key_start(struct reader *r, const struct attr *a)
{
	struct column *c;

	if (r->group.nkey == BUNDLE_KEYS_MAX)
		return reader_fail(r, "key of more than %d columns",
		    BUNDLE_KEYS_MAX);
	if (!(c = add_column(r)))
		return -1;
	r->group.nkey++;
	c->key = true;
	c->off = r->group.arena.n;
	return read_form(r, a, c);
}

int group_list_start(struct reader *r)
{
	/* its text is put behind the rest, and dropped when it is read */
	r->group.list_off = r->group.arena.n;
	return 0;
}

/* The i attribute: distances of the rows that carry the column, each at least
 * one; "": none. */
static int read_index(struct reader *r, const struct attr *a, struct column *c)
{
	struct text_list l;
	int64_t d, row = 0;
	int rc;

	if (!a->p)
		return 0;
	c->all = false;
	c->carry = 0;
	text_list_start(&l, a->p, a->n, ' ');
	while ((rc = text_list_next(&l, &d)) == 1) {
		if (d < 1 || d > r->group.nrows - row)
			rc = -1;
		if (rc < 0)
			break;
		row += d;
		c->carry++;
	}
	if (rc < 0 || (c->carry == 0 && r->group.kind != BUNDLE_BIRTH))
		return reader_fail(r, "attribute \"i\" of <c> names rows that "
		    "are not in the group");
	c->index_n = a->n;
	c->index_off = keep(&r->group, a->p, a->n);
	return c->index_off == SIZE_MAX ? reader_no_memory(r) : 0;
}

/* Refuse a name that the group has already. */
static int check_new_name(struct reader *r, const struct column *c)
{
	struct bundle_group *g = &r->group;
	const char *name = g->arena.p + c->name_off;
	uint32_t h = 2166136261u;
	char safe[64];

	for (const char *p = name; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	/* 2000 columns never fill 4096 places */
	for (;; h++) {
		h &= 4095;
		if (g->seen[h].generation != g->generation)
			break;
		if (strcmp(g->arena.p + g->col[g->seen[h].col].name_off,
		    name) == 0)
			return reader_fail(r, "column \"%s\" twice",
			    text_safe(name, strlen(name), safe, sizeof safe));
	}
	g->seen[h].generation = g->generation;
	g->seen[h].col = (int)(c - g->col);
	return 0;
}

/* The places of ATTRS_C. */
enum { C_N, C_I, C_X, C_A, C_Y };

int group_column_start(struct reader *r, const struct attr *a)
{
	struct bundle_group *g = &r->group;
	struct column *c;

	if (g->nkey == 0)
		return reader_fail(r, "column before the key");
	if (g->kind == BUNDLE_DEATH)
		return reader_fail(r, "column in a group of deaths");
	if (g->ncols == BUNDLE_COLUMNS_MAX)
		return reader_fail(r, "more than %d columns",
		    BUNDLE_COLUMNS_MAX);
	if (!(c = add_column(r)))
		return -1;
	g->ncols++;
	if (read_name(r, &a[C_N], "column", &c->name_off) < 0 ||
	    check_new_name(r, c) < 0 || read_index(r, &a[C_I], c) < 0 ||
	    read_form(r, &a[C_Y], c) < 0)
		return -1;
	if (a[C_A].p) {
		if (a[C_A].n != 1 || !strchr("ir", *a[C_A].p) ||
		    c->form == FORM_UUID)
			return reader_fail(r, "unknown class in attribute "
			    "\"a\" of <c>");
		c->plain = *a[C_A].p == 'i' ? VALUE_INTEGER : VALUE_REAL;
	}
	c->off = g->arena.n;
	if (a[C_X].p) {
		c->constant = true;
		buf_add(&g->arena, a[C_X].p, a[C_X].n);
		c->n = a[C_X].n;
	}
	return 0;
}

/* ---- the text of an element is whole */

static int bad_value(struct reader *r, const struct column *c, int line)
{
	return reader_fail(r, "line %d of <%c> cannot be read", line,
	    c->key ? 'k' : 'c');
}

/* Look through lines of UUIDs: those in full enter the dictionary, and a
 * reference must be to one that is there already. */
static int check_uuids(struct reader *r, struct column *c, int *lines)
{
	const char *p = r->group.arena.p + c->off, *end = p + c->n, *line;
	struct uuid u;
	size_t n, got;
	int64_t ref;

	for (; text_part(&p, end, '\n', &line, &n); ++*lines) {
		if (n == UUID_B64 && *line != '=' && *line != '@') {
			char bytes[UUID_B64];

			if (!text_read_b64(line, n, bytes, &got))
				return bad_value(r, c, *lines + 1);
			memcpy(u.b, bytes, sizeof u.b);
			uuid_dict_add(&r->dict, &u);
		} else if (n > 0 && *line == '@') {
			if (!text_read_int(line + 1, n - 1, &ref) || ref < 0 ||
			    ref >= (int64_t)r->dict.n)
				return bad_value(r, c, *lines + 1);
		} else if (c->key || n == 0 || (*line != '=' &&
		    (n != 2 || memcmp(line, "\\N", 2)))) {
			return bad_value(r, c, *lines + 1);
		}
	}
	return r->dict.failed ? reader_no_memory(r) : 0;
}

static int end_column(struct reader *r)
{
	struct bundle_group *g = &r->group;
	struct column *c = &g->col[g->ncol_all - 1];
	int lines = 0, expected = c->constant ? 1 : c->carry;

	if (c->constant && g->arena.n > c->off + c->n)
		return reader_fail(r, "column with both \"x\" and a text");
	c->n = g->arena.n - c->off;
	if (c->carry == 0) {
		if (c->n > 0 || c->constant)
			return reader_fail(r, "values in a column that no row "
			    "carries");
		return 0;
	}
	if (c->form == FORM_UUID) {
		if (check_uuids(r, c, &lines) < 0)
			return -1;
	} else {
		const char *p = buf_str(&g->arena) + c->off, *end = p + c->n;

		for (lines = 1; p < end && (p = memchr(p, '\n',
		    (size_t)(end - p))); p++)
			lines++;
	}
	r->values += c->carry;
	if (r->values > VALUES_MAX)
		return reader_fail(r, "more than %d values", VALUES_MAX);
	if (lines != expected)
		return reader_fail(r, "<%c> has %d lines for %d rows",
		    c->key ? 'k' : 'c', lines, expected);
	buf_addc(&g->arena, '\0');
	return g->arena.failed ? reader_no_memory(r) : 0;
}

/* Room for one element of size for each row, kept from group to group. */
static bool row_room(void *array, int *cap, int n, size_t size)
{
	void **p = array;

	if (n <= *cap)
		return true;
	free(*p);
	*cap = 0;
	if (!(*p = malloc((size_t)n * size)))
		return false;
	*cap = n;
	return true;
}

static int read_origins(struct reader *r, struct text_list *l)
{
	struct bundle_group *g = &r->group;
	int64_t v;

	if (!row_room(&g->origins, &g->caporigins, g->nrows,
	    sizeof *g->origins))
		return reader_no_memory(r);
	g->has_origins = true;
	for (int i = 0; i < g->nrows; i++) {
		if (text_list_next(l, &v) != 1 || v < 0 ||
		    v >= (int64_t)r->head.norigins)
			return reader_fail(r, "number %d of <s> cannot be "
			    "read", i + 1);
		g->origins[i] = (uint32_t)v;
	}
	return 0;
}

static int read_clocks(struct reader *r, struct text_list *l)
{
	struct bundle_group *g = &r->group;
	uint64_t clock = (uint64_t)r->head.clock;
	int64_t v;

	if (!row_room(&g->clocks, &g->capclocks, g->nrows, sizeof *g->clocks))
		return reader_no_memory(r);
	g->has_clocks = true;
	for (int i = 0; i < g->nrows; i++) {
		if (text_list_next(l, &v) != 1)
			return reader_fail(r, "number %d of <v> cannot be "
			    "read", i + 1);
		clock -= (uint64_t)v;
		g->clocks[i] = (int64_t)clock;
	}
	return 0;
}

/* <s> and <v>. */
static int end_list(struct reader *r, char element)
{
	struct bundle_group *g = &r->group;
	size_t from = g->list_off;
	struct text_list l;

	text_list_start(&l, g->arena.p + from, g->arena.n - from, ' ');
	if ((element == 's' ? read_origins(r, &l) : read_clocks(r, &l)) < 0)
		return -1;
	if (l.p)
		return reader_fail(r, "<%c> has more numbers than the group "
		    "has rows", element);
	g->arena.n = from;
	return 0;
}

int group_text_end(struct reader *r, char element)
{
	if (element == 'k' || element == 'c')
		return end_column(r);
	return end_list(r, element);
}

/* ---- the group is whole */

/* The arena will not move any more: offsets become pointers. */
static void set_cursors(struct bundle_group *g)
{
	for (int i = 0; i < g->ncol_all; i++) {
		struct column *c = &g->col[i];
		struct text_list *l = &c->index;
		int64_t d = c->carry > 0;

		c->line = g->arena.p + c->off;
		c->end = c->line + c->n;
		if (!c->all) {
			text_list_start(l, g->arena.p + c->index_off,
			    c->index_n, ' ');
			text_list_next(l, &d);
		}
		c->next = (int)d;
	}
	g->table = g->arena.p + g->table_off;
}

int group_end(struct reader *r)
{
	struct bundle_group *g = &r->group;
	size_t n = (size_t)g->ncol_all;
	struct value *value;
	bool *has;

	if (g->nkey == 0)
		return reader_fail(r, "group without a key");
	if (!(value = realloc(g->value, n * sizeof *value)))
		return reader_no_memory(r);
	g->value = value;
	if (!(has = realloc(g->has, n * sizeof *has)))
		return reader_no_memory(r);
	g->has = has;
	set_cursors(g);
	if (r->ops->group(r->arg, g, r->e) != 0) {
		r->result = -1;
		xmlStopParser(r->xml);
		return -1;
	}
	return 0;
}
