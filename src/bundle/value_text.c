/* Values as lines: doc/BUNDLE.md, "Values".  Every value of SQLite comes back
 * bit for bit; what is not ordinary starts with a backslash and a letter. */
#include "config.h"

#include <math.h>
#include <string.h>

#include "bundle/bundle_p.h"

/* What one byte of text costs when it stands alone: 1 as it is, 2 as \t and
 * so on, 4 as \xHH; 0: look at the whole character. */
static size_t byte_cost(unsigned char c)
{
	if (c >= 0x80)
		return 0;
	if (c == '\\' || c == '\t' || c == '\n' || c == '\r')
		return 2;
	return c < 0x20 ? 4 : 1;
}

/* https://www.w3.org/TR/xml/#charsets, and the table of well-formed UTF-8
 * (Unicode, table 3-7): no overlong forms, no surrogates. */
size_t value_xml_char(const unsigned char *p, size_t n)
{
	unsigned char c = p[0], lo = 0x80, hi = 0xbf;
	size_t len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	if (c < 0x80)
		return c >= 0x20 || c == '\t' || c == '\n' || c == '\r';
	if (c < 0xc2 || c > 0xf4 || n < len)
		return 0;
	if (c == 0xe0)
		lo = 0xa0;
	else if (c == 0xed)
		hi = 0x9f;
	else if (c == 0xf0)
		lo = 0x90;
	else if (c == 0xf4)
		hi = 0x8f;
	if (p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	/* U+FFFE and U+FFFF */
	if (c == 0xef && p[1] == 0xbf && p[2] >= 0xbe)
		return 0;
	return len;
}

/* Length of the escaped text; *odd: some bytes need \xHH. */
static size_t escaped_length(const unsigned char *p, size_t n, bool *odd)
{
	size_t len = 0, step;

	*odd = false;
	for (size_t i = 0; i < n; i += step) {
		size_t cost = byte_cost(p[i]);

		step = 1;
		if (cost == 0) {
			step = value_xml_char(p + i, n - i);
			cost = step;
			if (step == 0) {
				step = 1;
				cost = 4;
			}
		}
		if (cost == 4 && step == 1)
			*odd = true;
		len += cost;
	}
	return len;
}

/* One byte that cannot stand for itself. */
static void escape_byte(struct buf *out, unsigned char c)
{
	static const char hex[] = "0123456789ABCDEF";
	char e[4] = {'\\', 'x', hex[c >> 4], hex[c & 15]};
	size_t n = 2;

	if (c == '\\')
		e[1] = '\\';
	else if (c == '\t')
		e[1] = 't';
	else if (c == '\n')
		e[1] = 'n';
	else if (c == '\r')
		e[1] = 'r';
	else
		n = 4;
	buf_add(out, e, n);
}

/* Text with its escapes; runs that need none are added in one piece. */
static void write_escaped(struct buf *out, const unsigned char *p, size_t n)
{
	size_t run = 0, i = 0;

	while (i < n) {
		size_t step = byte_cost(p[i]);

		if (step == 0)
			step = value_xml_char(p + i, n - i);
		else if (step != 1)
			step = 0;
		if (step > 0) {
			i += step;
			continue;
		}
		buf_add(out, p + run, i - run);
		escape_byte(out, p[i]);
		run = ++i;
	}
	buf_add(out, p + run, n - run);
}

static void write_text(struct buf *out, const struct value *v,
    enum value_type plain)
{
	const unsigned char *p = (const unsigned char *)v->p;
	bool odd;
	size_t len = escaped_length(p, v->n, &odd);

	if (odd && len > 2 + text_b64_length(v->n)) {
		buf_adds(out, "\\T");
		text_write_b64(out, p, v->n);
		return;
	}
	if (plain != VALUE_TEXT)
		buf_adds(out, "\\S");
	if (len == v->n)
		buf_add(out, p, v->n);
	else
		write_escaped(out, p, v->n);
}

static void write_blob(struct buf *out, const struct value *v)
{
	static const char hex[] = "0123456789ABCDEF";

	if (v->n >= 2) {
		buf_adds(out, "\\B");
		text_write_b64(out, v->p, v->n);
		return;
	}
	/* empty, or one byte: hex is no longer, and can be read */
	buf_adds(out, "\\H");
	if (v->n == 1) {
		buf_addc(out, hex[(unsigned char)*v->p >> 4]);
		buf_addc(out, hex[(unsigned char)*v->p & 15]);
	}
}

void bundle_value_write(struct buf *out, const struct value *v,
    enum value_type plain)
{
	switch (v->type) {
	case VALUE_INTEGER:
		if (plain != VALUE_INTEGER)
			buf_adds(out, "\\I");
		text_write_int(out, v->i);
		return;
	case VALUE_REAL:
		if (isnan(v->r))
			break;  /* as SQLite stores it */
		if (plain != VALUE_REAL)
			buf_adds(out, "\\R");
		text_write_real(out, v->r);
		return;
	case VALUE_TEXT:
		write_text(out, v, plain);
		return;
	case VALUE_BLOB:
		write_blob(out, v);
		return;
	case VALUE_NULL:
		break;
	}
	buf_adds(out, "\\N");
}

/* ---- reading */

/* Upper case only: one spelling for each value. */
static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Two digits at p. */
static int hex_byte(const char *p)
{
	int hi = hex_digit(p[0]), lo = hex_digit(p[1]);

	return hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
}

/* Take escapes out of text.  Never longer than it was, so out may be p. */
static bool decode_text(const char *p, size_t n, char *out, struct value *v)
{
	const char *end = p + n, *e;
	char *o = out;

	v->type = VALUE_TEXT;
	v->p = p;
	v->n = n;
	if (n == 0 || !(e = memchr(p, '\\', n)))
		return true;
	for (; e; e = memchr(p, '\\', (size_t)(end - p))) {
		int c;

		memmove(o, p, (size_t)(e - p));
		o += e - p;
		p = e + 2;
		if (p > end)
			return false;
		if (e[1] == 'x') {
			if (end - p < 2 || (c = hex_byte(p)) < 0)
				return false;
			p += 2;
		} else {
			c = e[1] == 't' ? '\t' :
			    e[1] == 'n' ? '\n' :
			    e[1] == 'r' ? '\r' :
			    e[1] == '\\' ? '\\' : -1;
			if (c < 0)
				return false;
		}
		*o++ = (char)c;
	}
	memmove(o, p, (size_t)(end - p));
	o += end - p;
	v->p = out;
	v->n = (size_t)(o - out);
	return true;
}

static bool decode_hex(const char *p, size_t n, char *out, struct value *v)
{
	if (n % 2)
		return false;
	for (size_t i = 0; i < n; i += 2) {
		int c = hex_byte(p + i);

		if (c < 0)
			return false;
		out[i / 2] = (char)c;
	}
	v->p = out;
	v->n = n / 2;
	return true;
}

/* A line that is no escape, in a column of this class. */
static bool decode_plain(const char *p, size_t n, enum value_type class,
    char *out, struct value *v)
{
	v->type = class;
	if (class == VALUE_INTEGER)
		return text_read_int(p, n, &v->i);
	if (class == VALUE_REAL)
		return text_read_real(p, n, &v->r);
	return decode_text(p, n, out, v);
}

/* The letters are upper case, those of escapes inside text lower case, so
 * that both can stand at the start of a line. */
static bool decode_marked(const char *line, size_t n, enum value_type plain,
    char *out, struct value *v)
{
	const char *p = line + 2;

	switch (line[1]) {
	case 'N':
		return n == 2;
	case 'I':
		return decode_plain(p, n - 2, VALUE_INTEGER, out, v);
	case 'R':
		return decode_plain(p, n - 2, VALUE_REAL, out, v);
	case 'S':
		return decode_text(p, n - 2, out, v);
	case 'H':
		v->type = VALUE_BLOB;
		return decode_hex(p, n - 2, out, v);
	case 'B':
	case 'T':
		v->type = line[1] == 'B' ? VALUE_BLOB : VALUE_TEXT;
		v->p = out;
		return text_read_b64(p, n - 2, out, &v->n);
	default:
		return plain == VALUE_TEXT && decode_text(line, n, out, v);
	}
}

bool value_decode(const char *line, size_t n, enum value_type plain, char *out,
    struct value *v)
{
	memset(v, 0, sizeof *v);
	if (n >= 2 && line[0] == '\\') {
		if (!decode_marked(line, n, plain, out, v))
			return false;
	} else if (!decode_plain(line, n, plain, out, v)) {
		return false;
	}
	return v->n <= VALUE_MAX;
}

int bundle_value_read(const char *line, size_t n, enum value_type plain,
    struct buf *scratch, struct value *v)
{
	buf_reset(scratch);
	char *out = buf_room(scratch, n + 1);

	if (!out || !value_decode(line, n, plain, out, v))
		return -1;
	return 0;
}
