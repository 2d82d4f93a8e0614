/* Just enough of SQL's lexical rules to find the parts of a statement that
 * SQLite itself has accepted, as it stands in the schema.  Private to
 * src/capture. */
#ifndef CAPTURE_SQL_TOKEN_H
#define CAPTURE_SQL_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

/* Borrowed from the text. */
struct sql_token {
	const char *p;
	size_t n;   /* 0: the end of the text */
};

/* Behind blanks and comments. */
const char *sql_skip(const char *s);
/* The next token from *s on: a word, a quoted name or text with its quotes, or
 * one other character. */
struct sql_token sql_next(const char **s);
/* Is it this word, in any case, without quotes? */
bool sql_is(const struct sql_token *, const char *word);
/* The name that a token stands for, quotes taken off; malloc'd. */
char *sql_name(const struct sql_token *);

#endif
