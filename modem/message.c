/* Messages inside records; doc/EXCHANGE.md, Messages.  The table below is the
 * page's table: one row a type, and both directions go through it. */
#include "modem/message.h"

#include <string.h>

/* What follows the type byte, field by field. */
enum field { F_END, F_NUMBER, F_SIZE, F_CRC, F_OFFSET, F_COUNT, F_REASON };

static const struct row {
	bool known;
	uint8_t min; /* the lowest number that it may name */
	enum field field[5];
} rows[] = {
	[MESSAGE_PAD] = {true, 0, {F_END}},
	[MESSAGE_HAVE] = {true, 0, {F_END}},
	[MESSAGE_BUNDLE] = {true, 1,
	    {F_NUMBER, F_SIZE, F_CRC, F_OFFSET, F_END}},
	[MESSAGE_DATA] = {true, 0, {F_END}},
	[MESSAGE_DATAN] = {true, 0, {F_END}},
	[MESSAGE_STORED] = {true, 1, {F_NUMBER, F_COUNT, F_END}},
	[MESSAGE_ASK] = {true, 1, {F_NUMBER, F_SIZE, F_CRC, F_END}},
	[MESSAGE_WANT] = {true, 1, {F_NUMBER, F_OFFSET, F_END}},
	[MESSAGE_END] = {true, 0, {F_NUMBER, F_END}},
	[MESSAGE_FIN] = {true, 0, {F_END}},
	[MESSAGE_BYE] = {true, 0, {F_REASON, F_END}},
	[MESSAGE_PASS] = {true, 1, {F_NUMBER, F_END}},
};

#define TYPES (sizeof rows / sizeof *rows)

/* --- writing --- */

static size_t put_varint(uint8_t *out, uint64_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		out[n++] = (uint8_t)(v | 0x80);
	out[n++] = (uint8_t)v;
	return n;
}

static size_t put_crc(uint8_t *out, uint32_t crc)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(crc >> (24 - 8 * i));
	return 4;
}

static size_t put_have(const struct message_have *h, uint8_t *out)
{
	size_t n = 0;

	out[n++] = (uint8_t)((h->has_top ? 1 : 0) | (h->more ? 2 : 0));
	if (h->has_top) {
		n += put_varint(out + n, h->top);
		n += put_crc(out + n, h->top_crc);
	}
	n += put_varint(out + n, h->n);
	for (size_t i = 0; i < h->n; i++) {
		n += put_varint(out + n, h->part[i].number);
		n += put_varint(out + n, h->part[i].size);
		n += put_crc(out + n, h->part[i].crc);
		n += put_varint(out + n, h->part[i].offset);
	}
	return n;
}

static size_t put_field(const struct message *m, enum field f, uint8_t *out)
{
	switch (f) {
	case F_NUMBER:
		return put_varint(out, m->number);
	case F_SIZE:
		return put_varint(out, m->size);
	case F_CRC:
		return put_crc(out, m->crc);
	case F_OFFSET:
		return put_varint(out, m->offset);
	case F_COUNT:
		return put_varint(out, m->count);
	case F_REASON:
		return put_varint(out, m->reason);
	case F_END:
		break;
	}
	return 0;
}

size_t message_write(const struct message *m, uint8_t *out)
{
	size_t n = 0;

	out[n++] = (uint8_t)m->type;
	if (m->type == MESSAGE_HAVE)
		return n + put_have(&m->have, out + n);
	if (m->type == MESSAGE_DATAN)
		return n + put_varint(out + n, m->n);
	for (const enum field *f = rows[m->type].field; *f != F_END; f++)
		n += put_field(m, *f, out + n);
	return n;
}

/* --- reading: a cursor with one error --- */

struct cursor {
	const uint8_t *p;
	size_t n, at;
	const char *why; /* NULL: nothing is wrong so far */
};

static uint8_t get_byte(struct cursor *c)
{
	if (c->why == NULL && c->at >= c->n)
		c->why = "a message is cut short";
	return c->why == NULL ? c->p[c->at++] : 0;
}

static uint64_t get_varint(struct cursor *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 63; shift += 7) {
		uint8_t b = get_byte(c);

		v |= (uint64_t)(b & 0x7F) << shift;
		if (b & 0x80)
			continue;
		if (b == 0 && shift > 0 && c->why == NULL)
			c->why = "a number is longer than it needs to be";
		return v;
	}
	if (c->why == NULL)
		c->why = "a number has more than nine bytes";
	return 0;
}

static uint64_t get_number(struct cursor *c, uint64_t min)
{
	uint64_t v = get_varint(c);

	if (c->why == NULL && (v < min || v > MESSAGE_NUMBER_MAX))
		c->why = "a bundle's number is out of range";
	return v;
}

static uint32_t get_crc(struct cursor *c)
{
	uint32_t crc = 0;

	for (int i = 0; i < 4; i++)
		crc = crc << 8 | get_byte(c);
	return crc;
}

static uint64_t get_offset(struct cursor *c, uint64_t size)
{
	uint64_t v = get_varint(c);

	if (c->why == NULL && v > size)
		c->why = "an offset lies behind the bundle's end";
	return v;
}

static void get_have(struct cursor *c, struct message_have *h)
{
	uint8_t flags = get_byte(c);
	uint64_t n;

	h->has_top = flags & 1;
	h->more = flags & 2;
	if (h->has_top) {
		h->top = get_number(c, 1);
		h->top_crc = get_crc(c);
	}
	n = get_varint(c);
	if (n > MESSAGE_PARTS_MAX && c->why == NULL)
		c->why = "too many partial bundles";
	for (; h->n < n && c->why == NULL; h->n++) {
		struct message_part *p = &h->part[h->n];

		p->number = get_number(c, 1);
		p->size = get_varint(c);
		p->crc = get_crc(c);
		p->offset = get_offset(c, p->size);
	}
}

static void get_data(struct cursor *c, struct message *m)
{
	uint64_t n = c->n - c->at;

	if (m->type == MESSAGE_DATAN)
		n = get_varint(c);
	if (c->why == NULL && n == 0)
		c->why = "data without a byte";
	if (c->why == NULL && n > c->n - c->at)
		c->why = "data is cut short";
	if (c->why != NULL)
		return;
	m->p = c->p + c->at;
	m->n = (size_t)n;
	c->at += m->n;
}

static void get_field(struct cursor *c, enum field f, struct message *m)
{
	switch (f) {
	case F_NUMBER:
		m->number = get_number(c, rows[m->type].min);
		break;
	case F_SIZE:
		m->size = get_varint(c);
		break;
	case F_CRC:
		m->crc = get_crc(c);
		break;
	case F_OFFSET:
		m->offset = get_offset(c, m->type == MESSAGE_BUNDLE ?
		    m->size : UINT64_MAX);
		break;
	case F_COUNT:
		m->count = get_varint(c);
		if (c->why == NULL && (m->count == 0 ||
		    m->count > MESSAGE_NUMBER_MAX - m->number + 1))
			c->why = "a count is out of range";
		break;
	case F_REASON:
		m->reason = (unsigned)(get_varint(c) & 0xFFFF);
		break;
	case F_END:
		break;
	}
}

int message_read(const uint8_t *p, size_t n, size_t *at, struct message *m,
    const char **why)
{
	struct cursor c = {p, n, *at, NULL};
	uint8_t type;

	memset(m, 0, sizeof *m);
	if (c.at >= n)
		return 0;
	type = get_byte(&c);
	if (type >= TYPES || !rows[type].known) {
		*why = MESSAGE_LATER;
		return -1;
	}
	m->type = (enum message_type)type;
	if (m->type == MESSAGE_PAD) {
		*at = n;
		return 0;
	}
	if (m->type == MESSAGE_HAVE)
		get_have(&c, &m->have);
	else if (m->type == MESSAGE_DATA || m->type == MESSAGE_DATAN)
		get_data(&c, m);
	for (const enum field *f = rows[type].field; *f != F_END; f++)
		get_field(&c, *f, m);
	if (c.why != NULL) {
		*why = c.why;
		return -1;
	}
	*at = c.at;
	return 1;
}
