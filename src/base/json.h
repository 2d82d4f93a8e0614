/* Writes one JSON document into a buf.  Commas are put by the writer. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define JSON_DEPTH 16

struct json {
	struct buf *out;  /* borrowed */
	int depth;
	bool some[JSON_DEPTH];  /* this level has a member already */
};

void json_init(struct json *j, struct buf *out);
/* key is NULL inside an array and at the top. */
void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
void json_end(struct json *j, char close);  /* '}' or ']' */
void json_string(struct json *j, const char *key, const char *s); /* NULL: null */
void json_bytes(struct json *j, const char *key, const char *p, size_t n);
void json_int(struct json *j, const char *key, int64_t v);
void json_real(struct json *j, const char *key, double v);
void json_bool(struct json *j, const char *key, bool v);
void json_null(struct json *j, const char *key);

#endif
