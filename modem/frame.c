/* See frame.h.  The parser is one switch over its state a byte; each state has
 * a function, each is defined for all 256 values. */
#include "modem/frame.h"

#include <string.h>

#include "modem/crc.h"

#define ZPAD '*'
#define ZDLE 0x18
#define XON 0x11
#define XOFF 0x13
#define CANS 5

uint32_t frame_pos(const struct frame_header *h)
{
	return (uint32_t)h->p[0] | (uint32_t)h->p[1] << 8 |
	    (uint32_t)h->p[2] << 16 | (uint32_t)h->p[3] << 24;
}

void frame_set_pos(uint8_t p[4], uint32_t pos)
{
	p[0] = (uint8_t)pos;
	p[1] = (uint8_t)(pos >> 8);
	p[2] = (uint8_t)(pos >> 16);
	p[3] = (uint8_t)(pos >> 24);
}

/* --- writing --- */

static void put(struct frame_out *o, uint8_t c)
{
	o->p[o->n++] = c;
	o->last = c;
}

/* Whether c cannot go as it is: ZDLE; DLE, XON and XOFF with either parity;
 * CR after '@', which Telenet took for a command. */
static bool must_escape(const struct frame_out *o, uint8_t c)
{
	switch (c) {
	case ZDLE:
	case 0x10: case XON: case XOFF:
	case 0x90: case 0x91: case 0x93:
		return true;
	case 0x0d: case 0x8d:
		return o->escape_controls || (o->last & 0x7f) == '@';
	default:
		return o->escape_controls && (c & 0x60) == 0;
	}
}

static void put_escaped(struct frame_out *o, uint8_t c)
{
	if (must_escape(o, c)) {
		put(o, ZDLE);
		c ^= 0x40;
	}
	put(o, c);
}

static void put_check(struct frame_out *o, bool crc32, uint32_t crc)
{
	if (crc32) {
		for (int i = 0; i < 4; i++, crc >>= 8)
			put_escaped(o, (uint8_t)crc);
	} else {
		put_escaped(o, (uint8_t)(crc >> 8));
		put_escaped(o, (uint8_t)crc);
	}
}

static void put_hex(struct frame_out *o, uint8_t c)
{
	static const char digits[] = "0123456789abcdef";

	put(o, (uint8_t)digits[c >> 4]);
	put(o, (uint8_t)digits[c & 15]);
}

/* Hex headers survive lines that change case or eat controls; CR LF lets a
 * line-wise system pass them on, XON frees a peer stopped by a false XOFF. */
static void put_hex_header(struct frame_out *o, const uint8_t h[5])
{
	uint16_t crc = crc16_add(0, h, 5);

	put(o, ZPAD);
	put(o, ZPAD);
	put(o, ZDLE);
	put(o, 'B');
	for (int i = 0; i < 5; i++)
		put_hex(o, h[i]);
	put_hex(o, (uint8_t)(crc >> 8));
	put_hex(o, (uint8_t)crc);
	put(o, '\r');
	put(o, '\n');
	if (h[0] != ZACK && h[0] != ZFIN)
		put(o, XON);
}

bool frame_put_header(struct frame_out *o, enum frame_coding c,
    enum frame_type t, const uint8_t p[4])
{
	uint8_t h[5] = {(uint8_t)t, p[0], p[1], p[2], p[3]};

	if (o->cap - o->n < FRAME_HEADER_ROOM)
		return false;
	if (c == FRAME_HEX) {
		put_hex_header(o, h);
		return true;
	}
	put(o, ZPAD);
	put(o, ZDLE);
	put(o, c == FRAME_BIN32 ? 'C' : 'A');
	for (int i = 0; i < 5; i++)
		put_escaped(o, h[i]);
	put_check(o, c == FRAME_BIN32, c == FRAME_BIN32 ?
	    crc32_add(0, h, 5) : crc16_add(0, h, 5));
	return true;
}

bool frame_put_data(struct frame_out *o, bool crc32, const uint8_t *p,
    size_t n, enum frame_end end)
{
	uint8_t e = (uint8_t)end;

	if (n > FRAME_DATA_MAX || o->cap - o->n < FRAME_DATA_ROOM(n))
		return false;
	for (size_t i = 0; i < n; i++)
		put_escaped(o, p[i]);
	put(o, ZDLE);
	put(o, e);
	put_check(o, crc32, crc32 ?
	    crc32_add(crc32_add(0, p, n), &e, 1) :
	    crc16_add(crc16_add(0, p, n), &e, 1));
	if (end == ZCRCW && o->cap - o->n > 0)
		put(o, XON);
	return true;
}

bool frame_put_raw(struct frame_out *o, const void *p, size_t n)
{
	if (o->cap - o->n < n)
		return false;
	for (size_t i = 0; i < n; i++)
		put(o, ((const uint8_t *)p)[i]);
	return true;
}

/* --- reading --- */

void frame_parser_init(struct frame_parser *f)
{
	memset(f, 0, sizeof *f);
}

void frame_hunt(struct frame_parser *f)
{
	f->state = FP_HUNT;
	f->zdle = false;
	f->os = 0;
}

static enum frame_found bad(struct frame_parser *f, bool in_data)
{
	frame_hunt(f);
	f->in_data = in_data;
	return FRAME_BAD;
}

/* Undo ZDLE.  Returns the byte, or -1: nothing yet (ZDLE itself, flow
 * control), or -2: not allowed here, or 256 + c: end of a subpacket. */
static int unescape(struct frame_parser *f, uint8_t c)
{
	/* XON and XOFF are never sent bare: the line or a tty put them in. */
	if ((c & 0x7f) == XON || (c & 0x7f) == XOFF)
		return -1;
	if (!f->zdle) {
		if (c == ZDLE) {
			f->zdle = true;
			return -1;
		}
		return f->drop_controls && (c & 0x60) == 0 ? -1 : c;
	}
	if (c == ZDLE) /* CAN CAN: perhaps a cancel, which is counted */
		return -1;
	f->zdle = false;
	if (c >= 'h' && c <= 'k')
		return 256 + c;
	if (c == 'l')
		return 0x7f;
	if (c == 'm')
		return 0xff;
	if ((c & 0x60) == 0x40)
		return c ^ 0x40;
	return -2;
}

/* Between frames: look for '*', and for "OO". */
static enum frame_found read_hunt(struct frame_parser *f, uint8_t c)
{
	if (c == ZPAD) {
		f->state = FP_PAD;
		f->os = 0;
		return FRAME_NONE;
	}
	f->junk++;
	f->os = c == 'O' ? (uint8_t)(f->os + 1) : 0;
	if (f->os < 2)
		return FRAME_NONE;
	f->os = 0;
	return FRAME_OO;
}

static enum frame_found read_coding(struct frame_parser *f, uint8_t c)
{
	f->got = 0;
	f->half = f->zdle = false;
	switch (c) {
	case 'A':
		f->coding = FRAME_BIN16;
		f->state = FP_BIN;
		f->want = 7;
		break;
	case 'B':
		f->coding = FRAME_HEX;
		f->state = FP_HEX;
		f->want = 7;
		break;
	case 'C':
		f->coding = FRAME_BIN32;
		f->state = FP_BIN;
		f->want = 9;
		break;
	default:
		f->junk++;
		frame_hunt(f);
		if (c == ZPAD)
			f->state = FP_PAD;
	}
	return FRAME_NONE;
}

static bool header_right(const struct frame_parser *f)
{
	uint32_t crc = 0;

	if (f->coding != FRAME_BIN32)
		return crc16_add(0, f->raw, 7) == 0;
	for (int i = 8; i >= 5; i--)
		crc = crc << 8 | f->raw[i];
	return crc32_add(0, f->raw, 5) == crc;
}

static bool carries_data(enum frame_type t)
{
	return t == ZSINIT || t == ZFILE || t == ZDATA || t == ZCOMMAND ||
	    t == ZSTDERR;
}

/* One more byte of a header; the last one decides. */
static enum frame_found header_byte(struct frame_parser *f, uint8_t c)
{
	f->raw[f->got++] = c;
	if (f->got < f->want)
		return FRAME_NONE;
	if (!header_right(f) || f->raw[0] >= ZTYPES)
		return bad(f, false);
	f->header.type = (enum frame_type)f->raw[0];
	f->header.coding = f->coding;
	memcpy(f->header.p, f->raw + 1, 4);
	frame_hunt(f);
	if (carries_data(f->header.type)) {
		f->n = 0;
		f->state = f->coding == FRAME_HEX ? FP_TRAIL : FP_DATA;
	}
	return FRAME_HEADER;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static enum frame_found read_hex(struct frame_parser *f, uint8_t c)
{
	int d = hex_digit(c);

	if (c == XON || c == XOFF)
		return FRAME_NONE;
	if (d < 0) {
		bad(f, false);
		if (c == ZPAD)
			f->state = FP_PAD;
		return FRAME_BAD;
	}
	f->half = !f->half;
	if (f->half) {
		f->high = (uint8_t)(d << 4);
		return FRAME_NONE;
	}
	return header_byte(f, (uint8_t)(f->high | d));
}

static enum frame_found read_bin(struct frame_parser *f, uint8_t c)
{
	int b = unescape(f, c);

	if (b == -1)
		return FRAME_NONE;
	if (b < 0 || b > 255)
		return bad(f, false);
	return header_byte(f, (uint8_t)b);
}

static enum frame_found data_byte(struct frame_parser *f, uint8_t c)
{
	int b = unescape(f, c);

	if (b == -1)
		return FRAME_NONE;
	if (b > 255) {
		f->end = (enum frame_end)(b - 256);
		f->state = FP_CHECK;
		f->got = 0;
		f->want = f->coding == FRAME_BIN32 ? 4 : 2;
		return FRAME_NONE;
	}
	if (b < 0 || f->n == FRAME_DATA_MAX)
		return bad(f, true);
	f->data[f->n++] = (uint8_t)b;
	return FRAME_NONE;
}

/* The CR LF behind a hex header is not yet data. */
static enum frame_found read_trail(struct frame_parser *f, uint8_t c)
{
	uint8_t c7 = c & 0x7f;

	if (c7 == '\r' || c7 == XON)
		return FRAME_NONE;
	f->state = FP_DATA;
	return c7 == '\n' ? FRAME_NONE : data_byte(f, c);
}

static bool data_right(const struct frame_parser *f)
{
	uint8_t e = (uint8_t)f->end;
	uint32_t crc = 0;

	if (f->coding != FRAME_BIN32)
		return crc16_add(crc16_add(crc16_add(0, f->data, f->n), &e, 1),
		    f->raw, 2) == 0;
	for (int i = 3; i >= 0; i--)
		crc = crc << 8 | f->raw[i];
	return crc32_add(crc32_add(0, f->data, f->n), &e, 1) == crc;
}

static enum frame_found read_check(struct frame_parser *f, uint8_t c)
{
	int b = unescape(f, c);

	if (b == -1)
		return FRAME_NONE;
	if (b < 0 || b > 255)
		return bad(f, true);
	f->raw[f->got++] = (uint8_t)b;
	if (f->got < f->want)
		return FRAME_NONE;
	if (!data_right(f))
		return bad(f, true);
	frame_hunt(f);
	f->done = true;
	if (f->end == ZCRCG || f->end == ZCRCQ)
		f->state = FP_DATA;
	return FRAME_DATA;
}

static enum frame_found read_byte(struct frame_parser *f, uint8_t c)
{
	switch (f->state) {
	case FP_HUNT:
		return read_hunt(f, c);
	case FP_PAD:
		if (c == ZDLE)
			f->state = FP_CODING;
		else if (c != ZPAD)
			f->state = FP_HUNT;
		return FRAME_NONE;
	case FP_CODING:
		return read_coding(f, c);
	case FP_HEX:
		return read_hex(f, c);
	case FP_BIN:
		return read_bin(f, c);
	case FP_TRAIL:
		return read_trail(f, c);
	case FP_DATA:
		return data_byte(f, c);
	case FP_CHECK:
		return read_check(f, c);
	}
	return FRAME_NONE;
}

enum frame_found frame_read(struct frame_parser *f, const uint8_t *p,
    size_t n, size_t *used)
{
	/* The array of a finished subpacket is used again only now. */
	if (f->done)
		f->n = 0;
	f->done = false;
	for (*used = 0; *used < n;) {
		uint8_t c = p[(*used)++];
		enum frame_found found;

		f->cans = c == ZDLE ? (uint8_t)(f->cans + 1) : 0;
		if (f->cans >= CANS) {
			f->cans = 0;
			frame_hunt(f);
			return FRAME_CANCEL;
		}
		found = read_byte(f, c);
		if (found != FRAME_NONE)
			return found;
	}
	return FRAME_NONE;
}
