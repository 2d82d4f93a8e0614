/* A bundle in words: the header, then a row a line.  Nothing that comes from
 * the bundle reaches the terminal unescaped. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bundle/bundle_p.h"

/* Bytes of a BLOB that are shown. */
#define BLOB_SHOWN 32

struct show {
	int (*line)(void *arg, const char *s, size_t n);
	void *arg;
	struct buf b;                  /* the line being made */
	struct bundle_origin *origins; /* owned: the head's */
	size_t norigins;
};

/* Characters that can move the cursor, hide or reverse text: C1 controls,
 * direction marks, line separators. */
static bool is_sly(const unsigned char *p, size_t len)
{
	if (len == 2)
		return p[0] == 0xc2 && p[1] < 0xa0;
	if (len != 3 || p[0] != 0xe2)
		return false;
	if (p[1] == 0x80)
		return p[2] >= 0x8b && p[2] <= 0xae &&
		    (p[2] <= 0x8f || p[2] >= 0xa8);
	return p[1] == 0x81 && p[2] >= 0xa0 && p[2] <= 0xaf;
}

/* Text for a terminal; a quote is doubled when quote is one. */
static void add_safe(struct buf *b, const char *s, size_t n, char quote)
{
	const unsigned char *p = (const unsigned char *)s;

	for (size_t i = 0, len; i < n; i += len) {
		len = value_xml_char(p + i, n - i);
		if (len == 0 || p[i] < 0x20 || p[i] == 0x7f ||
		    is_sly(p + i, len)) {
			len = len ? len : 1;
			if (p[i] == '\n')
				buf_adds(b, "\\n");
			else
				for (size_t k = 0; k < len; k++)
					buf_addf(b, "\\x%02X", p[i + k]);
			continue;
		}
		if (p[i] == '\\' || (quote && p[i] == (unsigned char)quote))
			buf_addc(b, (char)p[i]);
		buf_add(b, p + i, len);
	}
}

static void add_value(struct buf *b, const struct value *v)
{
	switch (v->type) {
	case VALUE_NULL:
		buf_adds(b, "NULL");
		break;
	case VALUE_INTEGER:
		text_write_int(b, v->i);
		break;
	case VALUE_REAL:
		text_write_real(b, v->r);
		/* so that 1.0 and 1 look different */
		if (b->n > 0 && v->r >= -1e15 && v->r <= 1e15 &&
		    v->r - (double)(int64_t)v->r == 0)
			buf_adds(b, ".0");
		break;
	case VALUE_TEXT:
		buf_addc(b, '\'');
		add_safe(b, v->p, v->n, '\'');
		buf_addc(b, '\'');
		break;
	case VALUE_BLOB:
		buf_adds(b, "x'");
		for (size_t i = 0; i < v->n && i < BLOB_SHOWN; i++)
			buf_addf(b, "%02X", (unsigned char)v->p[i]);
		buf_addc(b, '\'');
		if (v->n > BLOB_SHOWN)
			buf_addf(b, "... (%zu bytes)", v->n);
		break;
	}
}

/* "2026-05-18T08:22:47Z", or the number when no calendar has it. */
static void add_time(struct buf *b, int64_t t)
{
	char text[CLOCK_TEXT];

	if (t < 0 || t > INT64_C(253402300799)) {
		text_write_int(b, t);
		return;
	}
	clock_format(t, text);
	buf_adds(b, text);
}

/* Hand the line on and begin a new one. */
static int put_line(struct show *s, struct err *e)
{
	int rc = 0;

	if (s->b.failed)
		return err_set(e, ERR_SYSTEM, "bundle: out of memory");
	if (s->line(s->arg, buf_str(&s->b), s->b.n) != 0)
		rc = err_set(e, ERR_SYSTEM, "the output cannot be written");
	buf_reset(&s->b);
	return rc;
}

static void add_clocks(struct show *s, const struct bundle_clock *list,
    size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct bundle_origin *o = &s->origins[list[i].origin];

		buf_addf(&s->b, "%s%s ", i ? ", " : "", o->site);
		add_time(&s->b, list[i].clock);
	}
}

static void add_range(struct buf *b, const struct bundle_head *h)
{
	if (h->after == h->upto) {
		buf_addf(b, "  no changes; at %lld of %s's sequence",
		    (long long)h->upto, h->from);
	} else {
		buf_addf(b, "  changes after %lld up to %lld of %s's "
		    "sequence, tag ", (long long)h->after, (long long)h->upto,
		    h->from);
		text_write_b64_number(b, h->tag);
	}
	buf_adds(b, h->end ? "; reaches its end" : "; more follow");
	if (h->nchain > 0)
		buf_addf(b, "; sent again, over %zu earlier ends", h->nchain);
}

static void add_ack(struct buf *b, const struct bundle_head *h)
{
	buf_addf(b, "  acknowledges %s up to %lld", h->to,
	    (long long)h->ack_upto);
	if (h->ack_tag) {
		buf_adds(b, ", tag ");
		text_write_b64_number(b, h->ack_tag);
	}
	if (h->ack_inc != h->rinc) {
		buf_adds(b, ", of incarnation ");
		text_write_b64_number(b, h->ack_inc);
	}
	if (h->want)
		buf_adds(b, "; asks for a resend from there");
}

static int put_knowledge(struct show *s, const struct bundle_head *h,
    struct err *e)
{
	buf_addf(&s->b, "  knows%s: %s ", h->full ? " in all" : "", h->from);
	add_time(&s->b, h->clock);
	if (h->nknow > 0)
		buf_adds(&s->b, ", ");
	add_clocks(s, h->know, h->nknow);
	if (put_line(s, e) < 0)
		return -1;
	if (h->nends > 0) {
		buf_adds(&s->b, "  put back to a backup since: ");
		add_clocks(s, h->ends, h->nends);
		if (put_line(s, e) < 0)
			return -1;
	}
	if (h->nadopt == 0)
		return 0;
	buf_adds(&s->b, "  with it the receiver knows: ");
	add_clocks(s, h->adopt, h->nadopt);
	return put_line(s, e);
}

/* Whether they are right only the applier can say, which has the keys. */
static int put_digests(struct show *s, const struct bundle_head *h,
    struct err *e)
{
	if (h->digests == 0)
		buf_adds(&s->b, "  not signed");
	else
		buf_addf(&s->b, "  signed: %zu keyed digest%s, checked when"
		    " it is applied", h->digests, h->digests == 1 ? "" : "s");
	return put_line(s, e);
}

/* Part of a first load; how many rows the sender has. */
static int put_load(struct show *s, const struct bundle_head *h,
    struct err *e)
{
	if (h->load) {
		buf_addf(&s->b, "  part of a first load, done at %lld%s",
		    (long long)h->load_end, h->load_all ?
		    "; rows that it does not name are to go" : "");
		if (put_line(s, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < h->ncounts; i++) {
		const struct bundle_count *c = &h->counts[i];

		buf_addf(&s->b, "  %s has %lld row%s in ", h->from,
		    (long long)c->rows, c->rows == 1 ? "" : "s");
		add_safe(&s->b, c->table, strlen(c->table), 0);
		if (put_line(s, e) < 0)
			return -1;
	}
	return 0;
}

static int show_head(void *arg, const struct bundle_head *h, struct err *e)
{
	struct show *s = arg;

	s->origins = malloc(h->norigins * sizeof *s->origins);
	if (!s->origins)
		return err_set(e, ERR_SYSTEM, "bundle: out of memory");
	memcpy(s->origins, h->origins, h->norigins * sizeof *s->origins);
	s->norigins = h->norigins;
	buf_addf(&s->b, "bundle %lld from %s (incarnation ",
	    (long long)h->number, h->from);
	text_write_b64_number(&s->b, h->inc);
	buf_addf(&s->b, ") to %s", h->to);
	if (h->rinc) {
		buf_adds(&s->b, " (incarnation ");
		text_write_b64_number(&s->b, h->rinc);
		buf_addc(&s->b, ')');
	}
	buf_adds(&s->b, ", packed ");
	add_time(&s->b, h->wall);
	if (put_line(s, e) < 0)
		return -1;
	if (put_digests(s, h, e) < 0)
		return -1;
	add_range(&s->b, h);
	if (put_line(s, e) < 0)
		return -1;
	if (h->has_ack) {
		add_ack(&s->b, h);
		if (put_line(s, e) < 0)
			return -1;
	}
	if (put_knowledge(s, h, e) < 0)
		return -1;
	return put_load(s, h, e);
}

static void add_row(struct show *s, const struct bundle_group *g,
    const struct bundle_rowview *row)
{
	static const char *const kinds[] = {"death", "update", "birth"};
	const char *table = bundle_group_table(g);

	add_safe(&s->b, table, strlen(table), 0);
	buf_addf(&s->b, "  %s  key=", kinds[bundle_group_kind(g)]);
	for (int i = 0; i < bundle_group_nkey(g); i++) {
		if (i > 0)
			buf_addc(&s->b, ',');
		add_value(&s->b, &row->key[i]);
	}
	for (int i = 0; i < bundle_group_ncols(g); i++) {
		const char *col = bundle_group_col(g, i);

		if (!row->has[i])
			continue;
		buf_adds(&s->b, "  ");
		add_safe(&s->b, col, strlen(col), 0);
		buf_addc(&s->b, '=');
		add_value(&s->b, &row->field[i]);
	}
	buf_adds(&s->b, "  (");
	add_time(&s->b, row->clock);
	buf_addf(&s->b, " %s)", s->origins[row->origin].site);
}

static int show_group(void *arg, struct bundle_group *g, struct err *e)
{
	struct show *s = arg;
	struct bundle_rowview row;
	int rc;

	while ((rc = bundle_group_next(g, &row, e)) == 1) {
		add_row(s, g, &row);
		if (put_line(s, e) < 0)
			return -1;
	}
	return rc;
}

int bundle_show(int fd, int (*line)(void *arg, const char *s, size_t n),
    void *arg, struct err *e)
{
	static const struct bundle_ops ops = {show_head, show_group, NULL};
	struct show s = {.line = line, .arg = arg};

	buf_init(&s.b, SIZE_MAX);
	int rc = bundle_read(fd, &ops, &s, NULL, e);

	free(s.origins);
	buf_free(&s.b);
	return rc;
}
