/* One line of dialsync.conf, taken apart and put together.  The reader and the
 * editor both use it, so they cannot disagree about what a line means. */
#include <string.h>

#include "config/config_p.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The length of the UTF-8 character at p, or 0: RFC 3629, section 4. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t i, length;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	length = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	/* Overlong forms, surrogates, and what is above U+10FFFF. */
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (n < length || p[1] < low || p[1] > high)
		return 0;
	for (i = 2; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

/* What makes the bytes unfit for a line of text, or NULL. */
static const char *unfit(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t i, length;

	for (i = 0; i < n; i += length) {
		length = utf8_length(u + i, n - i);
		if (!length)
			return "the line is not UTF-8; save the file as UTF-8";
		if (u[i] == 0)
			return "the line holds a NUL byte; is this a text "
			    "file? remove the byte";
		if ((u[i] < 0x20 && u[i] != '\t') || u[i] == 0x7f)
			return "the line holds a control character; remove it";
	}
	return NULL;
}

/* Copy the line without indentation, comment and the blanks at its end.
 * *equals is the place of the first = in the copy and *raw_equals in the line,
 * both n when there is none; *raw_end is where the content ends. */
static void clean(const char *p, size_t n, char *text, size_t *equals,
    size_t *raw_equals, size_t *raw_end)
{
	size_t i = 0, used = 0, kept = 0;

	*equals = *raw_equals = n;
	*raw_end = 0;
	while (i < n && is_blank(p[i]))
		i++;
	for (; i < n; i++) {
		if ((p[i] == '#' || p[i] == ';') &&
		    (i == 0 || is_blank(p[i - 1])))
			break;
		if (p[i] == '\\' && i + 1 < n &&
		    (p[i + 1] == '#' || p[i + 1] == ';'))
			i++;
		if (p[i] == '=' && *equals == n) {
			*equals = used;
			*raw_equals = i;
		}
		text[used++] = p[i];
		if (!is_blank(p[i])) {
			kept = used;
			*raw_end = i + 1;
		}
	}
	text[kept] = '\0';
}

/* Cut the blanks at the end of s. */
static void trim_end(char *s)
{
	size_t n = strlen(s);

	while (n > 0 && is_blank(s[n - 1]))
		s[--n] = '\0';
}

static char *skip_blanks(char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

static void scan_section(struct raw_line *out)
{
	size_t n = strlen(out->text);

	if (out->text[n - 1] != ']') {
		out->kind = RAW_BAD;
		out->wrong = strchr(out->text, ']')
		    ? "there is text behind the ]; write a ; before a comment"
		    : "the section is not closed; put a ] at its end";
		return;
	}
	out->text[n - 1] = '\0';
	out->kind = RAW_SECTION;
	out->name = skip_blanks(out->text + 1);
	trim_end(out->name);
	out->value = out->name + strcspn(out->name, " \t");
	if (*out->value)
		*out->value++ = '\0';
	out->value = skip_blanks(out->value);
}

static void scan_key(const char *p, struct raw_line *out, size_t equals,
    size_t raw_equals, size_t raw_end)
{
	out->text[equals] = '\0';
	out->name = out->text;
	trim_end(out->name);
	out->value = skip_blanks(out->text + equals + 1);
	out->value_to = raw_end;
	out->value_from = raw_equals + 1;
	while (out->value_from < raw_end && is_blank(p[out->value_from]))
		out->value_from++;
	out->kind = RAW_KEY;
	if (!*out->name) {
		out->kind = RAW_BAD;
		out->wrong = "there is no key before the =; write KEY = VALUE";
	}
}

void raw_scan(const char *p, size_t n, struct raw_line *out)
{
	size_t equals, raw_equals, raw_end;

	out->kind = RAW_BLANK;
	out->name = out->value = out->text;
	out->text[0] = '\0';
	out->wrong = NULL;
	out->value_from = out->value_to = 0;
	if (n > 0 && p[n - 1] == '\n')
		n--;
	if (n > 0 && p[n - 1] == '\r')
		n--;
	if (n > CONFIG_LINE_LIMIT)
		out->wrong = "the line is longer than 4096 bytes; shorten it";
	else
		out->wrong = unfit(p, n);
	if (out->wrong) {
		out->kind = RAW_BAD;
		return;
	}
	clean(p, n, out->text, &equals, &raw_equals, &raw_end);
	if (!out->text[0])
		return;
	if (out->text[0] == '[') {
		scan_section(out);
	} else if (raw_equals < n) {
		scan_key(p, out, equals, raw_equals, raw_end);
	} else {
		out->kind = RAW_BAD;
		out->wrong = "there is no = in the line; write KEY = VALUE, or "
		    "a ; at its start if it is a comment";
	}
}

bool raw_write_value(struct buf *out, const char *value)
{
	size_t i, n = strlen(value);
	char before;

	if (n > CONFIG_LINE_LIMIT / 4 || unfit(value, n) ||
	    (n > 0 && (is_blank(value[0]) || is_blank(value[n - 1]))))
		return false;
	for (i = 0; i < n; i++) {
		/* Behind a backslash too: \# in the file means # alone. */
		before = i > 0 ? value[i - 1] : ' ';
		if ((value[i] == '#' || value[i] == ';') &&
		    (is_blank(before) || before == '\\'))
			buf_addc(out, '\\');
		buf_addc(out, value[i]);
	}
	return true;
}
