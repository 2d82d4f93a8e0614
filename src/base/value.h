/* One SQL value: what a field holds.  The five storage classes of SQLite
 * (https://www.sqlite.org/datatype3.html, section 2), without SQLite. */
#ifndef BASE_VALUE_H
#define BASE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_type {
	VALUE_NULL = 0,
	VALUE_INTEGER,
	VALUE_REAL,
	VALUE_TEXT,  /* any bytes; not always valid UTF-8, may hold NUL */
	VALUE_BLOB
};

/* A value that one bundle can carry: 16 MiB. */
#define VALUE_MAX ((size_t)16 << 20)

struct value {
	enum value_type type;
	int64_t i;      /* VALUE_INTEGER */
	double r;       /* VALUE_REAL; never NaN (SQLite stores NaN as NULL) */
	const char *p;  /* VALUE_TEXT, VALUE_BLOB: n bytes, borrowed */
	size_t n;
};

/* Same type and same bits (0.0 and -0.0 differ). */
bool value_same(const struct value *a, const struct value *b);

#endif
