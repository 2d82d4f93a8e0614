/* Frames: see wire.h, doc/EXCHANGE.md. */
#include "modem/wire.h"

#include <string.h>

#include "modem/crc.h"

#define CHUNK_GOES_ON 0xFF
#define CHUNK_LAST    0xFE
#define ACK_UNOPENED  0x80
#define ACK_COUNT     0x0F

static uint8_t crc8(const uint8_t *p, size_t n)
{
	static const uint8_t table[16] = {
		0x00, 0x07, 0x0e, 0x09, 0x1c, 0x1b, 0x12, 0x15,
		0x38, 0x3f, 0x36, 0x31, 0x24, 0x23, 0x2a, 0x2d,
	};
	uint8_t c = 0;

	for (; n > 0; n--, p++) {
		c ^= *p;
		c = (uint8_t)(c << 4) ^ table[c >> 4];
		c = (uint8_t)(c << 4) ^ table[c >> 4];
	}
	return c;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xFFFF);
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* --- writing --- */

size_t wire_ack_write(uint8_t *out, const struct wire_ack *a)
{
	out[0] = (uint8_t)(a->n | (a->unopened ? ACK_UNOPENED : 0));
	put32(out + 1, (a->opened & WIRE_OFF_MASK) << 12 |
	    (a->last_seq & WIRE_SEQ_MASK));
	put16(out + 5, a->stamp);
	for (size_t i = 0; i < a->n; i++)
		put32(out + 7 + 4 * i, (a->gap[i].off & WIRE_OFF_MASK) << 12 |
		    (a->gap[i].n & 0xFFFu));
	return 7 + 4 * a->n;
}

/* The header of a data frame, up to its CRC-8: 8 bytes. */
static size_t put_header(uint8_t *out, enum wire_kind kind, unsigned low,
    uint16_t seq, uint32_t off)
{
	out[0] = WIRE_SYNC;
	put16(out + 1, (unsigned)kind << 12 | low);
	put32(out + 3, (uint32_t)(seq & WIRE_SEQ_MASK) << 20 |
	    (off & WIRE_OFF_MASK));
	out[7] = crc8(out + 1, 6);
	return 8;
}

size_t wire_short(uint8_t *out, uint16_t seq, uint32_t off,
    const struct wire_ack *ack, const uint8_t *p, size_t n)
{
	size_t a = ack ? 7 + 4 * ack->n : 0;
	size_t o = put_header(out, ack ? WIRE_SHORT_ACK : WIRE_SHORT,
	    (unsigned)(a + n), seq, off);

	if (ack)
		o += wire_ack_write(out + o, ack);
	memcpy(out + o, p, n);
	o += n;
	put32(out + o, crc32_add(0, out + 1, o - 1));
	return o + 4;
}

size_t wire_control(uint8_t *out, enum wire_kind kind, const uint8_t *p,
    size_t n)
{
	out[0] = WIRE_SYNC;
	put16(out + 1, (unsigned)kind << 12 | (unsigned)n);
	out[3] = crc8(out + 1, 2);
	if (n > 0)
		memcpy(out + 4, p, n);
	put32(out + 4 + n, crc32_add(0, out + 1, 3 + n));
	return 8 + n;
}

size_t wire_long_begin(struct wire_long *w, uint8_t *out, unsigned step,
    uint16_t seq, uint32_t off, const struct wire_ack *ack)
{
	size_t o = put_header(out, ack ? WIRE_LONG_ACK : WIRE_LONG, step << 8,
	    seq, off);

	if (ack)
		o += wire_ack_write(out + o, ack);
	w->crc = crc32_add(0, out + 1, o - 1);
	w->step = step;
	w->n = 0;
	return o;
}

size_t wire_long_chunk(struct wire_long *w, uint8_t *out, const uint8_t *p,
    size_t n, bool last)
{
	size_t o = 0;

	if (n == (size_t)64 << w->step) {
		out[o++] = last ? CHUNK_LAST : CHUNK_GOES_ON;
	} else {
		put16(out, (unsigned)n);
		o = 2;
		last = true;
	}
	if (n > 0)
		memcpy(out + o, p, n);
	o += n;
	w->crc = crc32_add(w->crc, out, o);
	w->n += n;
	if (last) {
		put32(out + o, w->crc);
		o += 4;
	}
	return o;
}

/* --- reading --- */

void wire_reader_init(struct wire_reader *r)
{
	r->n = r->at = r->given_up = 0;
	r->bad = r->junk = 0;
}

uint8_t *wire_reader_room(struct wire_reader *r, size_t *n)
{
	if (r->at > 0) {
		memmove(r->buf, r->buf + r->at, r->n - r->at);
		r->n -= r->at;
		r->given_up -= r->given_up < r->at ? r->given_up : r->at;
		r->at = 0;
	}
	*n = sizeof r->buf - r->n;
	return r->buf + r->n;
}

void wire_reader_add(struct wire_reader *r, size_t n)
{
	r->n += n;
}

void wire_reader_flush(struct wire_reader *r)
{
	r->given_up = r->n;
}

bool wire_reader_waits(const struct wire_reader *r)
{
	return r->n > r->at;
}

/* What stands at a sync byte. */
enum found { FRAME, NO_FRAME, NEEDS_MORE };

/* An ack block of which n bytes are there at most: its size, or 0. */
static size_t read_ack(const uint8_t *p, size_t n, struct wire_ack *a)
{
	uint32_t v;

	if (n < 7)
		return 0;
	a->n = p[0] & ACK_COUNT;
	a->unopened = p[0] & ACK_UNOPENED;
	if (n < 7 + 4 * a->n)
		return 0;
	v = get32(p + 1);
	a->opened = v >> 12;
	a->last_seq = v & WIRE_SEQ_MASK;
	a->stamp = (uint16_t)get16(p + 5);
	for (size_t i = 0; i < a->n; i++) {
		v = get32(p + 7 + 4 * i);
		a->gap[i].off = v >> 12;
		a->gap[i].n = v & 0xFFF;
	}
	return 7 + 4 * a->n;
}

static bool crc_right(struct wire_reader *r, const uint8_t *p, size_t n)
{
	if (crc32_add(0, p + 1, n - 1) == get32(p + n))
		return true;
	r->bad++;
	return false;
}

/* A frame whose length stands in its header: head bytes, then len. */
static enum found read_counted(struct wire_reader *r, uint8_t *p, size_t have,
    size_t head, size_t len, struct wire_frame *f)
{
	size_t a = 0;

	f->size = head + len + 4;
	if (have < f->size)
		return NEEDS_MORE;
	if (!crc_right(r, p, head + len))
		return NO_FRAME;
	if (f->has_ack) {
		a = read_ack(p + head, len, &f->ack);
		if (a == 0)
			return NO_FRAME;
	}
	f->p = p + head + a;
	f->n = len - a;
	return FRAME;
}

/* Find the end of a long frame whose first chunk is at o: *end is where its
 * CRC stands, or how far one must be able to look. */
static enum found walk_chunks(const uint8_t *p, size_t have, size_t o,
    unsigned step, size_t *end)
{
	size_t data = 0, n;
	bool last = false;

	while (!last) {
		if (have < o + 2)
			return NEEDS_MORE;
		n = (size_t)64 << step;
		last = p[o] != CHUNK_GOES_ON;
		if (p[o] >= CHUNK_LAST) {
			o++;
		} else {
			n = get16(p + o);
			o += 2;
		}
		data += n;
		o += n;
		if (data > WIRE_DATA_MAX)
			return NO_FRAME;
	}
	*end = o;
	return have < o + 4 ? NEEDS_MORE : FRAME;
}

/* Put the chunks of a good frame together, in place. */
static void join_chunks(uint8_t *p, size_t o, size_t end, unsigned step,
    struct wire_frame *f)
{
	uint8_t *to = p + o;

	f->p = to;
	f->n = 0;
	while (o < end) {
		size_t n = (size_t)64 << step;

		if (p[o] >= CHUNK_LAST) {
			o++;
		} else {
			n = get16(p + o);
			o += 2;
		}
		memmove(to + f->n, p + o, n);
		f->n += n;
		o += n;
	}
}

static enum found read_long(struct wire_reader *r, uint8_t *p, size_t have,
    unsigned step, struct wire_frame *f)
{
	size_t o = 8, end;
	enum found got;

	if (f->has_ack) {
		if (have < o + 1)
			return NEEDS_MORE;
		o += 7 + 4 * (size_t)(p[o] & ACK_COUNT);
		if (have < o)
			return NEEDS_MORE;
	}
	got = walk_chunks(p, have, o, step, &end);
	if (got != FRAME)
		return got;
	if (!crc_right(r, p, end))
		return NO_FRAME;
	if (f->has_ack)
		read_ack(p + 8, o - 8, &f->ack);
	join_chunks(p, o, end, step, f);
	f->size = end + 4;
	return FRAME;
}

static enum found read_frame(struct wire_reader *r, uint8_t *p, size_t have,
    struct wire_frame *f)
{
	unsigned kind, low;
	uint32_t v;

	if (have < 4)
		return NEEDS_MORE;
	kind = p[1] >> 4;
	low = get16(p + 1) & 0xFFF;
	f->kind = (enum wire_kind)kind;
	f->has_ack = kind == WIRE_SHORT_ACK || kind == WIRE_LONG_ACK ||
	    kind == WIRE_ACK;
	if (kind >= WIRE_ACK) {
		if (crc8(p + 1, 2) != p[3] || low > WIRE_CONTROL_MAX)
			return NO_FRAME;
		return read_counted(r, p, have, 4, low, f);
	}
	if (have < 8)
		return NEEDS_MORE;
	if (crc8(p + 1, 6) != p[7])
		return NO_FRAME;
	v = get32(p + 3);
	f->seq = (uint16_t)(v >> 20);
	f->off = v & WIRE_OFF_MASK;
	if (kind == WIRE_SHORT || kind == WIRE_SHORT_ACK)
		return read_counted(r, p, have, 8, low, f);
	if (low >> 8 > WIRE_STEP_MAX)
		return NO_FRAME;
	return read_long(r, p, have, low >> 8, f);
}

bool wire_next(struct wire_reader *r, struct wire_frame *f)
{
	while (r->at < r->n) {
		uint8_t *p = r->buf + r->at;
		uint8_t *sync = memchr(p, WIRE_SYNC, r->n - r->at);
		enum found got;

		if (sync == NULL) {
			r->junk += r->n - r->at;
			r->at = r->n;
			break;
		}
		r->junk += (size_t)(sync - p);
		r->at += (size_t)(sync - p);
		memset(f, 0, offsetof(struct wire_frame, ack));
		f->ack.n = 0;
		got = read_frame(r, sync, r->n - r->at, f);
		if (got == FRAME) {
			r->at += f->size;
			return true;
		}
		if (got == NEEDS_MORE && r->at >= r->given_up)
			return false;
		/* All bytes behind this sync are looked at again. */
		r->at++;
		r->junk++;
	}
	return false;
}
