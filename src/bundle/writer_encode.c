/* One group as XML: keys, origins, clocks, then a text node for each column.
 * Values of a column stand together because they are alike: that is what
 * deflate lives on. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bundle/bundle_p.h"

/* A constant column is an attribute up to here. */
#define CONSTANT_MAX 200

/* A cell of the group and its row's place there. */
struct cell_at {
	const struct cell *c;
	uint32_t row;
};

/* A column (or key column) about to be written. */
struct colview {
	const struct cell_at *at;
	size_t n;
	enum value_type plain;
	bool uuid;
};

/* ---- XML */

/* How many bytes from p on need no entity. */
static size_t plain_run(const char *p, size_t n, bool attr)
{
	size_t i = 0;

	while (i < n && p[i] != '&' && p[i] != '<' && p[i] != '>' &&
	    (p[i] != '"' || !attr))
		i++;
	return i;
}

static void add_xml(struct buf *b, const char *p, size_t n, bool attr)
{
	size_t start = b->n;

	while (n > 0) {
		size_t run = plain_run(p, n, attr);

		buf_add(b, p, run);
		p += run;
		n -= run;
		if (n == 0)
			break;
		if (*p == '&')
			buf_adds(b, "&amp;");
		else if (*p == '<')
			buf_adds(b, "&lt;");
		else if (*p == '"')
			buf_adds(b, "&quot;");
		else if (!attr && b->n - start >= 2 &&
		    memcmp(b->p + b->n - 2, "]]", 2) == 0)
			buf_adds(b, "&gt;");
		else
			buf_addc(b, '>');
		p++;
		n--;
	}
}

void encode_text(struct buf *xml, const char *p, size_t n)
{
	add_xml(xml, p, n, false);
}

void encode_attr(struct buf *xml, const char *p, size_t n)
{
	add_xml(xml, p, n, true);
}

void encode_flush(struct encoder *x)
{
	if (!x->xml.failed)
		gz_out_write(&x->gz, buf_str(&x->xml), x->xml.n);
	buf_reset(&x->xml);
}

/* For people who look with zcat; two line ends are 1.5 % of a bundle of one
 * field, so small ones do without. */
void encode_line_end(struct encoder *x)
{
	if (x->w->nrows >= 16)
		buf_addc(&x->xml, '\n');
}

/* A name as an attribute: a text value, since SQLite allows any name. */
static void name_attr(struct encoder *x, char attr, const char *name)
{
	struct value v = {.type = VALUE_TEXT, .p = name, .n = strlen(name)};

	buf_reset(&x->lines);
	bundle_value_write(&x->lines, &v, VALUE_TEXT);
	buf_addf(&x->xml, " %c=\"", attr);
	encode_attr(&x->xml, buf_str(&x->lines), x->lines.n);
	buf_addc(&x->xml, '"');
}

/* ---- lines */

/* The cell's UUID, if it holds one. */
static bool cell_uuid(const struct encoder *x, const struct cell *c,
    struct uuid *u)
{
	return c->type == VALUE_TEXT && c->n == UUID_TEXT &&
	    uuid_parse(buf_str(&x->w->bytes) + c->u.off, c->n, u);
}

/* Decide how the lines are written: the class that most values have is
 * plain, and UUIDs are packed where that pays for its attribute and for the
 * "=" before other values. */
static void look_at(const struct encoder *x, struct colview *v)
{
	size_t count[5] = {0}, uuids = 0;
	struct uuid u;

	for (size_t i = 0; i < v->n; i++) {
		count[v->at[i].c->type]++;
		uuids += cell_uuid(x, v->at[i].c, &u);
	}
	v->plain = VALUE_TEXT;
	if (count[VALUE_INTEGER] > count[v->plain])
		v->plain = VALUE_INTEGER;
	if (count[VALUE_REAL] > count[v->plain])
		v->plain = VALUE_REAL;
	v->uuid = uuids > 0 && v->plain == VALUE_TEXT &&
	    uuids * (UUID_TEXT - UUID_B64) >
	    v->n - uuids - count[VALUE_NULL] + 6;
}

/* One line of a column of UUIDs. */
static void uuid_line(struct encoder *x, const struct cell *c)
{
	struct uuid u;

	if (cell_uuid(x, c, &u)) {
		int64_t known = uuid_dict_use(&x->dict, &u);

		if (known < 0) {
			text_write_b64(&x->lines, u.b, sizeof u.b);
			return;
		}
		buf_addc(&x->lines, '@');
		text_write_int(&x->lines, known);
		return;
	}
	struct value v = cell_value(x->w, c);

	if (v.type != VALUE_NULL)
		buf_addc(&x->lines, '=');
	bundle_value_write(&x->lines, &v, VALUE_TEXT);
}

/* Lines first to first + n of the column. */
static void write_lines(struct encoder *x, const struct colview *v, size_t n)
{
	buf_reset(&x->lines);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(&x->lines, '\n');
		if (v->uuid) {
			uuid_line(x, v->at[i].c);
			continue;
		}
		struct value val = cell_value(x->w, v->at[i].c);

		bundle_value_write(&x->lines, &val, v->plain);
	}
}

/* All cells hold the same value, and it is short enough for an attribute. */
static bool is_constant(const struct encoder *x, const struct colview *v)
{
	struct value a = cell_value(x->w, v->at[0].c);

	if (v->n < 2 || a.n > CONSTANT_MAX)
		return false;
	for (size_t i = 1; i < v->n; i++) {
		struct value b = cell_value(x->w, v->at[i].c);

		if (!value_same(&a, &b))
			return false;
	}
	return true;
}

/* ---- keys */

/* a - b, when an int64 holds it. */
static bool difference(int64_t a, int64_t b, int64_t *d)
{
	if ((b < 0 && a > INT64_MAX + b) || (b > 0 && a < INT64_MIN + b))
		return false;
	*d = a - b;
	return true;
}

/* Integers as differences; false when one is no integer or the difference is
 * too large (then plain lines are written). */
static bool write_differences(struct encoder *x, const struct colview *v)
{
	int64_t last = 0, d;

	buf_reset(&x->lines);
	for (size_t i = 0; i < v->n; i++) {
		const struct cell *c = v->at[i].c;

		if (c->type != VALUE_INTEGER || !difference(c->u.i, last, &d))
			return false;
		last = c->u.i;
		if (i > 0)
			buf_addc(&x->lines, '\n');
		text_write_int(&x->lines, d);
	}
	return true;
}

static void write_key(struct encoder *x, struct colview *v)
{
	struct uuid u;

	if (write_differences(x, v)) {
		buf_adds(&x->xml, "<k y=\"d\">");
	} else {
		v->plain = VALUE_TEXT;
		v->uuid = true;
		for (size_t i = 0; i < v->n && v->uuid; i++)
			v->uuid = cell_uuid(x, v->at[i].c, &u);
		buf_adds(&x->xml, v->uuid ? "<k y=\"u\">" : "<k>");
		write_lines(x, v, v->n);
	}
	encode_text(&x->xml, buf_str(&x->lines), x->lines.n);
	buf_adds(&x->xml, "</k>");
	encode_flush(x);
	gz_out_border(&x->gz);
}

/* ---- origins and clocks of the rows */

static bool same_origin(const struct encoder *x, const uint32_t *o, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (x->w->rows[o[i]].origin != x->w->rows[o[0]].origin)
			return false;
	return true;
}

static bool same_clock(const struct encoder *x, const uint32_t *o, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (x->w->rows[o[i]].clock != x->w->rows[o[0]].clock)
			return false;
	return true;
}

static void write_origins(struct encoder *x, const uint32_t *order, size_t n)
{
	buf_adds(&x->xml, "<s>");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(&x->xml, ' ');
		text_write_int(&x->xml, x->w->rows[order[i]].origin);
	}
	buf_adds(&x->xml, "</s>");
}

/* Clock arithmetic wraps: a difference always brings the clock back. */
static void write_clocks(struct encoder *x, const uint32_t *order, size_t n)
{
	uint64_t last = (uint64_t)x->head->clock;

	buf_adds(&x->xml, "<v>");
	for (size_t i = 0; i < n; i++) {
		uint64_t clock = (uint64_t)x->w->rows[order[i]].clock;

		if (i > 0)
			buf_addc(&x->xml, ' ');
		text_write_int(&x->xml, (int64_t)(last - clock));
		last = clock;
	}
	buf_adds(&x->xml, "</v>");
}

/* ---- columns */

/* Which rows carry the column: the distance of each to the one before. */
static void write_index(struct buf *xml, const struct colview *v)
{
	uint32_t last = 0;

	buf_adds(xml, " i=\"");
	for (size_t i = 0; i < v->n; i++) {
		if (i > 0)
			buf_addc(xml, ' ');
		text_write_int(xml, v->at[i].row + 1 - last);
		last = v->at[i].row + 1;
	}
	buf_addc(xml, '"');
}

static void write_column(struct encoder *x, const char *name,
    struct colview *v, size_t nrows)
{
	buf_adds(&x->xml, "<c");
	name_attr(x, 'n', name);
	if (v->n == 0) {
		buf_adds(&x->xml, " i=\"\"/>");
		return;
	}
	for (size_t i = 1; i < v->n; i++)
		if (v->at[i].row == v->at[i - 1].row)
			x->twice = true;
	look_at(x, v);
	bool constant = is_constant(x, v);

	if (v->n < nrows)
		write_index(&x->xml, v);
	write_lines(x, v, constant ? 1 : v->n);
	if (constant) {
		buf_adds(&x->xml, " x=\"");
		encode_attr(&x->xml, buf_str(&x->lines), x->lines.n);
		buf_addc(&x->xml, '"');
	}
	if (v->uuid)
		buf_adds(&x->xml, " y=\"u\"");
	else if (v->plain != VALUE_TEXT)
		buf_adds(&x->xml, v->plain == VALUE_REAL ?
		    " a=\"r\"" : " a=\"i\"");
	if (constant) {
		buf_adds(&x->xml, "/>");
	} else {
		buf_addc(&x->xml, '>');
		encode_text(&x->xml, buf_str(&x->lines), x->lines.n);
		buf_adds(&x->xml, "</c>");
	}
	encode_flush(x);
	gz_out_border(&x->gz);
}

/* Gather the cells of the group column by column, keys first, into x->at: a
 * counting sort.  start[j]..start[j + 1] are column j's, of nkey + ncols. */
static int gather(struct encoder *x, const struct wtable *t,
    const uint32_t *order, size_t n, size_t *start)
{
	const struct bundle_writer *w = x->w;
	size_t ncols = (size_t)(t->nkey + t->ncols), sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += w->rows[order[i]].ncells;
	if (sum > x->capat) {
		struct cell_at *p = realloc(x->at, sum * sizeof *p);

		if (!p)
			return -1;
		x->at = p;
		x->capat = sum;
	}
	/* pass 0 counts, in start[j + 1]; pass 1 places, and moves start[j]
	 * from its column's begin to its end */
	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < n; i++) {
			const struct row *r = &w->rows[order[i]];

			for (uint32_t k = 0; k < r->ncells; k++) {
				const struct cell *c = &w->cells[r->cell + k];
				size_t j = c->col < 0 ? k :
				    (size_t)(t->nkey + c->col);

				if (pass == 0)
					start[j + 1]++;
				else
					x->at[start[j]++] =
					    (struct cell_at){c, i};
			}
		}
		for (size_t j = 0; pass == 0 && j < ncols; j++)
			start[j + 1] += start[j];
	}
	memmove(start + 1, start, ncols * sizeof *start);
	start[0] = 0;
	return 0;
}

static bool is_key(const struct wtable *t, int col)
{
	for (int i = 0; i < t->nkey; i++)
		if (t->key[i] == col)
			return true;
	return false;
}

/* Everything of a group between its tags. */
static void write_group_body(struct encoder *x, const struct wtable *t,
    enum bundle_kind kind, const uint32_t *order, size_t n,
    const size_t *start)
{
	struct colview v = {0};

	for (int i = 0; i < t->nkey; i++) {
		v.at = x->at + start[i];
		v.n = n;
		write_key(x, &v);
	}
	if (!same_origin(x, order, n))
		write_origins(x, order, n);
	if (!same_clock(x, order, n))
		write_clocks(x, order, n);
	for (int i = 0; i < t->ncols; i++) {
		size_t j = (size_t)(t->nkey + i);

		v.at = x->at + start[j];
		v.n = start[j + 1] - start[j];
		/* a birth says which columns it leaves out; the key's own
		 * are known from the key */
		if (v.n > 0 || (kind == BUNDLE_BIRTH && !is_key(t, i)))
			write_column(x, t->cols[i], &v, n);
	}
}

static const char *tag_name(enum bundle_kind kind)
{
	return kind == BUNDLE_DEATH ? "d" : kind == BUNDLE_UPDATE ? "u" : "i";
}

int encode_group(struct encoder *x, const uint32_t *order, size_t n)
{
	const struct row *r = &x->w->rows[order[0]];
	const struct wtable *t = &x->w->tables[r->table];
	int64_t ago = (int64_t)((uint64_t)x->head->clock - (uint64_t)r->clock);
	size_t *start = calloc((size_t)(t->nkey + t->ncols) + 1,
	    sizeof *start);

	if (!start || gather(x, t, order, n, start) < 0) {
		free(start);
		return -1;
	}
	buf_addf(&x->xml, "<%s", tag_name(r->kind));
	name_attr(x, 't', t->name);
	if (n > 1)
		buf_addf(&x->xml, " n=\"%zu\"", n);
	if (r->origin > 0 && same_origin(x, order, n))
		buf_addf(&x->xml, " s=\"%u\"", r->origin);
	if (ago != 0 && same_clock(x, order, n))
		buf_addf(&x->xml, " v=\"%lld\"", (long long)ago);
	buf_addc(&x->xml, '>');
	write_group_body(x, t, r->kind, order, n, start);
	buf_addf(&x->xml, "</%s>", tag_name(r->kind));
	encode_line_end(x);
	free(start);
	return 0;
}
