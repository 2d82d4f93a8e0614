/* The header: attributes of <b>, and the short elements before the groups. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bundle/reader_p.h"

/* A mistake in an attribute, by its letter. */
static int bad_attr(struct reader *r, char element, char attr)
{
	return reader_fail(r, "<%c> without a valid attribute \"%c\"", element,
	    attr);
}

/* Copy a site's name. */
static bool read_site(const char *p, size_t n, char out[TEXT_NAME_MAX + 1])
{
	if (!p || n == 0 || n > TEXT_NAME_MAX || memchr(p, '\0', n))
		return false;
	memcpy(out, p, n);
	out[n] = '\0';
	return text_name_ok(out);
}

/* Absent attributes are zero. */
static bool attr_b64(const struct attr *a, uint64_t max, uint64_t *out)
{
	*out = 0;
	return !a->p || text_read_b64_number(a->p, a->n, max, out);
}

static bool attr_int(const struct attr *a, int64_t *out)
{
	*out = 0;
	return !a->p || text_read_int(a->p, a->n, out);
}

/* "1" or absent. */
static bool attr_flag(const struct attr *a, bool *out)
{
	*out = a->p != NULL;
	return !a->p || (a->n == 1 && *a->p == '1');
}

/* "AFTER UPTO" */
static bool read_range(const struct attr *a, struct bundle_head *h)
{
	struct text_list l;
	int64_t extra;

	if (!a->p)
		return false;
	text_list_start(&l, a->p, a->n, ' ');
	return text_list_next(&l, &h->after) == 1 &&
	    text_list_next(&l, &h->upto) == 1 &&
	    text_list_next(&l, &extra) == 0 && h->after >= 0 &&
	    h->upto >= h->after;
}

/* "FIRST END" */
static bool read_load(const struct attr *a, struct bundle_head *h)
{
	struct text_list l;
	int64_t extra;

	text_list_start(&l, a->p, a->n, ' ');
	return text_list_next(&l, &h->load) == 1 &&
	    text_list_next(&l, &h->load_end) == 1 &&
	    text_list_next(&l, &extra) == 0 && h->load > 0 &&
	    h->load_end > 0;
}

/* The places of ATTRS_B, in its order. */
enum { B_V, B_F, B_T, B_I, B_J, B_N, B_R, B_P, B_G, B_C, B_W, B_H, B_E, B_Z,
	B_L, B_M };

/* Which attribute is wrong; 0: none. */
static char read_attrs(struct bundle_head *h, const struct attr *a)
{
	uint64_t schema, prev;
	int64_t w, ago;

	if (!read_site(a[B_F].p, a[B_F].n, h->from))
		return 'f';
	if (!read_site(a[B_T].p, a[B_T].n, h->to))
		return 't';
	if (!a[B_I].p || !attr_b64(&a[B_I], UINT64_MAX, &h->inc))
		return 'i';
	if (!attr_b64(&a[B_J], UINT64_MAX, &h->rinc))
		return 'j';
	if (!a[B_N].p || !attr_int(&a[B_N], &h->number) || h->number < 0)
		return 'n';
	if (!read_range(&a[B_R], h))
		return 'r';
	if (!attr_b64(&a[B_P], UINT32_MAX, &prev))
		return 'p';
	h->prev = (uint32_t)prev;
	if (!attr_b64(&a[B_G], UINT64_MAX, &h->tag))
		return 'g';
	if (!a[B_C].p || !attr_int(&a[B_C], &h->clock))
		return 'c';
	if (!attr_int(&a[B_W], &w))
		return 'w';
	h->wall = (int64_t)((uint64_t)h->clock + (uint64_t)w);
	if (!attr_b64(&a[B_H], UINT32_MAX, &schema))
		return 'h';
	h->schema = (uint32_t)schema;
	if (!attr_flag(&a[B_E], &h->end))
		return 'e';
	if (!attr_flag(&a[B_Z], &h->full))
		return 'z';
	if (a[B_L].p && !read_load(&a[B_L], h))
		return 'l';
	h->load_all = a[B_M].p != NULL;
	if (h->load_all && (!attr_int(&a[B_M], &ago) || !h->load))
		return 'm';
	if (h->load_all)
		h->forgotten = (int64_t)((uint64_t)h->clock - (uint64_t)ago);
	return 0;
}

int head_start(struct reader *r, const struct attr *a)
{
	if (!a[B_V].p || a[B_V].n != 1 || *a[B_V].p != '1')
		return reader_fail(r, "not format 1; a newer dialsync may "
		    "read it");
	char wrong = read_attrs(&r->head, a);

	if (wrong)
		return bad_attr(r, 'b', wrong);
	r->head.ack_inc = r->head.rinc;
	r->origins = calloc(1, sizeof *r->origins);
	if (!r->origins)
		return reader_no_memory(r);
	memcpy(r->origins->site, r->head.from, sizeof r->head.from);
	r->origins->inc = r->head.inc;
	r->head.origins = r->origins;
	r->head.norigins = 1;
	return 0;
}

/* The places of ATTRS_Y. */
enum { Y_U, Y_G, Y_I, Y_X };

int head_ack(struct reader *r, const struct attr *a)
{
	struct bundle_head *h = &r->head;

	h->has_ack = true;
	if (!a[Y_U].p || !attr_int(&a[Y_U], &h->ack_upto) || h->ack_upto < 0)
		return bad_attr(r, 'y', 'u');
	if (!attr_b64(&a[Y_G], UINT64_MAX, &h->ack_tag))
		return bad_attr(r, 'y', 'g');
	if (a[Y_I].p && !attr_b64(&a[Y_I], UINT64_MAX, &h->ack_inc))
		return bad_attr(r, 'y', 'i');
	if (a[Y_X].p && (!attr_int(&a[Y_X], &h->want) || h->want < 1))
		return bad_attr(r, 'y', 'x');
	return 0;
}

/* ---- lists */

static int bad_line(struct reader *r, char element, size_t i)
{
	return reader_fail(r, "line %zu of <%c> cannot be read", i + 1,
	    element);
}

/* How many lines the element's text has (an empty one: none), when there are
 * at most max; room for them and `more` in *list.  -1: too many. */
static int64_t list_room(struct reader *r, char element, size_t more,
    size_t max, size_t size, void *list)
{
	void **p = list;
	size_t n = r->text.n > 0;

	for (size_t i = 0; i < r->text.n; i++)
		n += r->text.p[i] == '\n';
	if (n + more > max)
		return reader_fail(r, "<%c> has more than %zu lines", element,
		    max - more);
	void *q = realloc(*p, (n + more) * size + 1);

	if (!q)
		return reader_no_memory(r);
	*p = q;
	return (int64_t)n;
}

/* Take the next line apart at its one space. */
static bool line_pair(const char **p, const char *end, const char **a,
    size_t *an, const char **b, size_t *bn)
{
	const char *line;
	size_t n;

	if (!text_part(p, end, '\n', &line, &n))
		return false;
	const char *stop = line + n, *at = line;

	return text_part(&at, stop, ' ', a, an) &&
	    text_part(&at, stop, ' ', b, bn) && !at;
}

static int read_chain(struct reader *r)
{
	int64_t n = list_room(r, 'q', 0, BUNDLE_CHAIN_MAX, sizeof *r->chain,
	    &r->chain);
	const char *p = buf_str(&r->text), *end = p + r->text.n, *a, *b;
	size_t an, bn;

	for (int64_t i = 0; i < n; i++)
		if (!line_pair(&p, end, &a, &an, &b, &bn) ||
		    !text_read_int(a, an, &r->chain[i].upto) ||
		    !text_read_b64_number(b, bn, UINT64_MAX,
		    &r->chain[i].tag))
			return bad_line(r, 'q', (size_t)i);
	r->head.chain = r->chain;
	r->head.nchain = n > 0 ? (size_t)n : 0;
	return n < 0 ? -1 : 0;
}

static int read_acktags(struct reader *r)
{
	const char *p = r->text.n ? r->text.p : NULL, *part;
	const char *end = buf_str(&r->text) + r->text.n;
	size_t n, i = 0;

	for (; text_part(&p, end, ' ', &part, &n); i++)
		if (i == BUNDLE_TAGS_MAX ||
		    !text_read_b64_number(part, n, UINT64_MAX,
		    &r->acktags[i]))
			return reader_fail(r, "tag %zu of <y> cannot be read",
			    i + 1);
	r->head.acktags = r->acktags;
	r->head.nacktags = i;
	return 0;
}

static int read_origins(struct reader *r)
{
	int64_t n = list_room(r, 'o', 1, BUNDLE_ORIGINS_MAX,
	    sizeof *r->origins, &r->origins);
	const char *p = buf_str(&r->text), *end = p + r->text.n, *a, *b;
	size_t an, bn;

	for (int64_t i = 0; i < n; i++)
		if (!line_pair(&p, end, &a, &an, &b, &bn) ||
		    !read_site(a, an, r->origins[i + 1].site) ||
		    !text_read_b64_number(b, bn, UINT64_MAX,
		    &r->origins[i + 1].inc))
			return bad_line(r, 'o', (size_t)i);
	r->head.origins = r->origins;
	r->head.norigins = n > 0 ? (size_t)n + 1 : 1;
	return n < 0 ? -1 : 0;
}

/* <w>, <l> and <a>: origin (not below first) and how far its clock is behind. */
static int read_clocks(struct reader *r, char element, int64_t first,
    struct bundle_clock **list, size_t *count)
{
	int64_t n = list_room(r, element, 0, BUNDLE_ORIGINS_MAX, sizeof **list,
	    list), origin, ago;
	const char *p = buf_str(&r->text), *end = p + r->text.n, *a, *b;
	size_t an, bn;

	for (int64_t i = 0; i < n; i++) {
		if (!line_pair(&p, end, &a, &an, &b, &bn) ||
		    !text_read_int(a, an, &origin) || origin < first ||
		    origin >= (int64_t)r->head.norigins ||
		    !text_read_int(b, bn, &ago))
			return bad_line(r, element, (size_t)i);
		(*list)[i].origin = (uint32_t)origin;
		(*list)[i].clock = (int64_t)((uint64_t)r->head.clock -
		    (uint64_t)ago);
	}
	*count = n > 0 ? (size_t)n : 0;
	return n < 0 ? -1 : 0;
}

/* <r>: rows and the table's name, which may have blanks. */
static int read_counts(struct reader *r)
{
	int64_t n = list_room(r, 'r', 0, BUNDLE_COUNTS_MAX, sizeof *r->counts,
	    &r->counts);
	const char *p = buf_str(&r->text), *end = p + r->text.n, *line, *stop;
	struct buf scratch = BUF_INIT(SIZE_MAX);
	struct value v;
	size_t len;
	bool ok = n >= 0;

	for (int64_t i = 0; i < n && ok; i++) {
		struct bundle_count *c = &r->counts[i];

		ok = text_part(&p, end, '\n', &line, &len);
		stop = ok ? memchr(line, ' ', len) : NULL;
		buf_reset(&scratch);
		ok = stop &&
		    text_read_int(line, (size_t)(stop - line), &c->rows) &&
		    c->rows >= 0 &&
		    bundle_value_read(stop + 1,
			len - (size_t)(stop + 1 - line), VALUE_TEXT, &scratch,
			&v) == 0 &&
		    v.type == VALUE_TEXT && v.n > 0 &&
		    v.n <= BUNDLE_NAME_MAX && !memchr(v.p, '\0', v.n);
		if (ok)
			buf_add(&r->names, v.p, v.n);
		if (ok)
			buf_addc(&r->names, '\0');
		else
			bad_line(r, 'r', (size_t)i);
	}
	buf_free(&scratch);
	if (!ok)
		return -1;
	if (r->names.failed)
		return reader_no_memory(r);
	/* names is whole now: it does not move any more */
	p = r->names.p;
	for (int64_t i = 0; i < n; i++, p += strlen(p) + 1)
		r->counts[i].table = p;
	r->head.counts = r->counts;
	r->head.ncounts = (size_t)n;
	return 0;
}

int head_text(struct reader *r, char element)
{
	struct bundle_head *h = &r->head;
	int rc = 0;

	switch (element) {
	case 'q':
		return read_chain(r);
	case 'y':
		return read_acktags(r);
	case 'o':
		return read_origins(r);
	case 'w':
		rc = read_clocks(r, 'w', 1, &r->know, &h->nknow);
		h->know = r->know;
		return rc;
	case 'r':
		return read_counts(r);
	case 'l':
		rc = read_clocks(r, 'l', 1, &r->ends, &h->nends);
		h->ends = r->ends;
		return rc;
	default:
		if (h->end)
			return reader_fail(r, "<a> in a bundle that reaches "
			    "the end");
		rc = read_clocks(r, 'a', 0, &r->adopt, &h->nadopt);
		h->adopt = r->adopt;
		return rc;
	}
}
