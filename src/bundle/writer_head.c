/* The header of a bundle.  What has its ordinary value is not written: a
 * bundle of one field is mostly header. */
#include "config.h"

#include <string.h>

#include "bundle/bundle_p.h"

static void attr_int(struct buf *b, const char *name, int64_t v)
{
	buf_adds(b, name);
	text_write_int(b, v);
	buf_addc(b, '"');
}

static void attr_b64(struct buf *b, const char *name, uint64_t v)
{
	buf_adds(b, name);
	text_write_b64_number(b, v);
	buf_addc(b, '"');
}

/* Names of sites need no escapes (text_name_ok). */
static void write_attrs(struct buf *b, const struct bundle_head *h)
{
	buf_addf(b, "<b v=\"1\" f=\"%s\" t=\"%s", h->from, h->to);
	attr_b64(b, "\" i=\"", h->inc);
	if (h->rinc)
		attr_b64(b, " j=\"", h->rinc);
	attr_int(b, " n=\"", h->number);
	buf_addf(b, " r=\"%lld %lld\"", (long long)h->after,
	    (long long)h->upto);
	if (h->prev)
		attr_b64(b, " p=\"", h->prev);
	if (h->after != h->upto)
		attr_b64(b, " g=\"", h->tag);
	attr_int(b, " c=\"", h->clock);
	if (h->wall != h->clock)
		attr_int(b, " w=\"", (int64_t)((uint64_t)h->wall -
		    (uint64_t)h->clock));
	if (h->schema)
		attr_b64(b, " h=\"", h->schema);
	if (h->end)
		buf_adds(b, " e=\"1\"");
	if (h->full)
		buf_adds(b, " z=\"1\"");
	if (h->load)
		buf_addf(b, " l=\"%lld %lld\"", (long long)h->load,
		    (long long)h->load_end);
	if (h->load && h->load_all)
		attr_int(b, " m=\"", (int64_t)((uint64_t)h->clock -
		    (uint64_t)h->forgotten));
	buf_addc(b, '>');
}

static void write_chain(struct buf *b, const struct bundle_head *h)
{
	if (h->nchain == 0)
		return;
	buf_adds(b, "<q>");
	for (size_t i = 0; i < h->nchain; i++) {
		if (i > 0)
			buf_addc(b, '\n');
		text_write_int(b, h->chain[i].upto);
		buf_addc(b, ' ');
		text_write_b64_number(b, h->chain[i].tag);
	}
	buf_adds(b, "</q>");
}

static void write_ack(struct buf *b, const struct bundle_head *h)
{
	if (!h->has_ack)
		return;
	buf_adds(b, "<y");
	attr_int(b, " u=\"", h->ack_upto);
	if (h->ack_tag)
		attr_b64(b, " g=\"", h->ack_tag);
	if (h->ack_inc != h->rinc)
		attr_b64(b, " i=\"", h->ack_inc);
	if (h->want)
		attr_int(b, " x=\"", h->want);
	if (h->nacktags == 0) {
		buf_adds(b, "/>");
		return;
	}
	for (size_t i = 0; i < h->nacktags; i++) {
		buf_addc(b, i == 0 ? '>' : ' ');
		text_write_b64_number(b, h->acktags[i]);
	}
	buf_adds(b, "</y>");
}

static void write_origins(struct buf *b, const struct bundle_head *h)
{
	if (h->norigins < 2)
		return;
	buf_adds(b, "<o>");
	for (size_t i = 1; i < h->norigins; i++) {
		if (i > 1)
			buf_addc(b, '\n');
		buf_adds(b, h->origins[i].site);
		buf_addc(b, ' ');
		text_write_b64_number(b, h->origins[i].inc);
	}
	buf_adds(b, "</o>");
}

/* Clocks are near the sender's own, so differences are short. */
static void write_clocks(struct buf *b, const char *name, int64_t base,
    const struct bundle_clock *list, size_t n)
{
	if (n == 0)
		return;
	buf_addf(b, "<%s>", name);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(b, '\n');
		text_write_int(b, list[i].origin);
		buf_addc(b, ' ');
		text_write_int(b, (int64_t)((uint64_t)base -
		    (uint64_t)list[i].clock));
	}
	buf_addf(b, "</%s>", name);
}

static void write_counts(struct buf *b, const struct bundle_head *h)
{
	struct buf line = BUF_INIT(SIZE_MAX);

	if (h->ncounts == 0)
		return;
	buf_adds(b, "<r>");
	for (size_t i = 0; i < h->ncounts; i++) {
		struct value name = {.type = VALUE_TEXT,
		    .p = h->counts[i].table,
		    .n = strlen(h->counts[i].table)};

		buf_reset(&line);
		if (i > 0)
			buf_addc(&line, '\n');
		text_write_int(&line, h->counts[i].rows);
		buf_addc(&line, ' ');
		bundle_value_write(&line, &name, VALUE_TEXT);
		encode_text(b, buf_str(&line), line.n);
		b->failed |= line.failed;
	}
	buf_free(&line);
	buf_adds(b, "</r>");
}

void encode_head(struct encoder *x)
{
	const struct bundle_head *h = x->head;

	write_attrs(&x->xml, h);
	write_chain(&x->xml, h);
	write_ack(&x->xml, h);
	write_origins(&x->xml, h);
	write_clocks(&x->xml, "w", h->clock, h->know, h->nknow);
	write_clocks(&x->xml, "l", h->clock, h->ends, h->nends);
	if (!h->end)
		write_clocks(&x->xml, "a", h->clock, h->adopt, h->nadopt);
	write_counts(&x->xml, h);
	encode_line_end(x);
}
