/* See spool_text.h. */
#include "config.h"

#include "spool/spool_text.h"

#include <stdint.h>
#include <string.h>

/* Bytes of the well-formed UTF-8 character at s that is no C1 control; 0 if
 * there is none.  s ends with a NUL, which is no continuation byte, so the
 * reads stay inside. */
static size_t utf8_length(const unsigned char *s)
{
	size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	uint32_t c = s[0] & (0xffu >> (n + 1));
	static const uint32_t least[] = {0, 0, 0xa0, 0x800, 0x10000};

	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return n;
}

void spool_escape(struct buf *b, const char *s, size_t max)
{
	static const char from[] = "\n\r\t\\", to[] = "nrt\\";
	const unsigned char *p = (const unsigned char *)s;
	const unsigned char *end = p + strnlen(s, max);

	while (p < end) {
		const char *found = strchr(from, *p);
		size_t n = *p < 0x80 ? 1 : utf8_length(p);

		if (found) {
			buf_addc(b, '\\');
			buf_addc(b, to[found - from]);
			n = 1;
		} else if (*p < 0x20 || *p == 0x7f || n == 0) {
			buf_addf(b, "\\x%02X", *p);
			n = 1;
		} else if (p + n > end) {
			break; /* max falls into a character: leave it out */
		} else {
			buf_add(b, p, n);
		}
		p += n;
	}
}

/* The value of a hex digit, or -1. */
static int hex(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)((p - digits) & 15) : -1;
}

void spool_unescape(char *s)
{
	static const char from[] = "nrt\\", to[] = "\n\r\t\\";
	char *out = s;

	while (*s) {
		const char *found =
		    s[0] == '\\' && s[1] ? strchr(from, s[1]) : NULL;

		if (found) {
			*out++ = to[found - from];
			s += 2;
		} else if (s[0] == '\\' && s[1] == 'x' && hex(s[2]) >= 0 &&
			   hex(s[3]) >= 0 && (hex(s[2]) | hex(s[3])) != 0) {
			*out++ = (char)(hex(s[2]) << 4 | hex(s[3]));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

char *spool_next_line(struct buf *b, size_t *at)
{
	char *line, *end;

	if (!b->p || *at >= b->n)
		return NULL;
	line = b->p + *at;
	end = memchr(line, '\n', b->n - *at);
	if (!end)
		return NULL;
	*end = '\0';
	*at = (size_t)(end - b->p) + 1;
	return line;
}
