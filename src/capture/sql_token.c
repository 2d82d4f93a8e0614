#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "capture/sql_token.h"

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_' || c == '$' || (c & 0x80);
}

/* Behind blanks and comments. */
const char *sql_skip(const char *s)
{
	for (;;) {
		if (*s && strchr(" \t\n\r\f", *s)) {
			s++;
		} else if (s[0] == '-' && s[1] == '-') {
			s += strcspn(s, "\n");
		} else if (s[0] == '/' && s[1] == '*') {
			const char *end = strstr(s + 2, "*/");

			s = end ? end + 2 : s + strlen(s);
		} else {
			return s;
		}
	}
}

/* Behind a quoted token that begins at s; doubled quotes stand for one. */
static const char *skip_quoted(const char *s)
{
	char close = *s == '[' ? ']' : *s;

	for (s++; *s; s++) {
		if (*s != close)
			continue;
		if (close == ']' || s[1] != close)
			return s + 1;
		s++;
	}
	return s;
}

/* The next token from *s on; n = 0 at the end. */
struct sql_token sql_next(const char **s)
{
	struct sql_token t = {sql_skip(*s), 0};
	const char *end = t.p;

	if (*end && strchr("'\"`[", *end))
		end = skip_quoted(end);
	else if (is_word(*end))
		while (is_word(*end))
			end++;
	else if (*end)
		end++;
	t.n = (size_t)(end - t.p);
	*s = end;
	return t;
}

bool sql_is(const struct sql_token *t, const char *word)
{
	return t->n == strlen(word) && !strncasecmp(t->p, word, t->n);
}

char *sql_name(const struct sql_token *t)
{
	char *out = malloc(t->n + 1), close = t->n ? *t->p : 0;
	size_t n = 0;

	if (!out)
		abort();
	if (!close || !strchr("'\"`[", close)) {
		memcpy(out, t->p, t->n);
		out[t->n] = '\0';
		return out;
	}
	close = close == '[' ? ']' : close;
	for (size_t i = 1; i < t->n; i++) {
		if (t->p[i] == close && i + 1 == t->n)
			break;
		out[n++] = t->p[i];
		if (t->p[i] == close)
			i++; /* doubled */
	}
	out[n] = '\0';
	return out;
}
