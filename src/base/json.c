#include "config.h"

#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

void json_init(struct json *j, struct buf *out)
{
	memset(j, 0, sizeof(*j));
	j->out = out;
}

/* Length of the valid UTF-8 sequence at s, or 0. */
static size_t utf8_len(const unsigned char *s, size_t n)
{
	size_t len, i;

	if (s[0] < 0x80)
		return 1;
	len = s[0] >= 0xC2 && s[0] <= 0xDF ? 2 :
	    s[0] >= 0xE0 && s[0] <= 0xEF   ? 3 :
	    s[0] >= 0xF0 && s[0] <= 0xF4   ? 4 :
					     0;
	if (len == 0 || len > n)
		return 0;
	for (i = 1; i < len; i++)
		if ((s[i] & 0xC0) != 0x80)
			return 0;
	if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) ||
	    (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))
		return 0;
	return len;
}

/* A JSON string; bytes that are not UTF-8 become U+FFFD. */
static void quoted(struct buf *out, const char *p, size_t n)
{
	const unsigned char *s = (const unsigned char *)p;
	size_t i = 0, len;

	buf_addc(out, '"');
	while (i < n) {
		len = utf8_len(s + i, n - i);
		if (len == 0) {
			buf_adds(out, "\\ufffd");
			i++;
		} else if (len > 1) {
			buf_add(out, s + i, len);
			i += len;
		} else {
			unsigned char c = s[i++];

			if (c == '"' || c == '\\')
				buf_addf(out, "\\%c", c);
			else if (c == '\n')
				buf_adds(out, "\\n");
			else if (c < 32 || c == 127)
				buf_addf(out, "\\u%04x", c);
			else
				buf_addc(out, (char)c);
		}
	}
	buf_addc(out, '"');
}

/* The comma before a member, and its key. */
static void member(struct json *j, const char *key)
{
	if (j->some[j->depth])
		buf_adds(j->out, ", ");
	j->some[j->depth] = true;
	if (key) {
		quoted(j->out, key, strlen(key));
		buf_adds(j->out, ": ");
	}
}

static void open_level(struct json *j, const char *key, char c)
{
	member(j, key);
	buf_addc(j->out, c);
	if (j->depth + 1 < JSON_DEPTH)
		j->depth++;
	else
		j->out->failed = true;
	j->some[j->depth] = false;
}

void json_object(struct json *j, const char *key)
{
	open_level(j, key, '{');
}

void json_array(struct json *j, const char *key)
{
	open_level(j, key, '[');
}

void json_end(struct json *j, char close)
{
	buf_addc(j->out, close);
	if (j->depth > 0)
		j->depth--;
}

void json_string(struct json *j, const char *key, const char *s)
{
	if (!s)
		json_null(j, key);
	else
		json_bytes(j, key, s, strlen(s));
}

void json_bytes(struct json *j, const char *key, const char *p, size_t n)
{
	member(j, key);
	quoted(j->out, p, n);
}

void json_int(struct json *j, const char *key, int64_t v)
{
	member(j, key);
	buf_addf(j->out, "%" PRId64, v);
}

void json_real(struct json *j, const char *key, double v)
{
	member(j, key);
	if (isfinite(v))
		buf_addf(j->out, "%.17g", v);
	else
		buf_adds(j->out, "null");
}

void json_bool(struct json *j, const char *key, bool v)
{
	member(j, key);
	buf_adds(j->out, v ? "true" : "false");
}

void json_null(struct json *j, const char *key)
{
	member(j, key);
	buf_adds(j->out, "null");
}
