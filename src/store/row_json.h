/* A row as one JSON object of column names and values, and back, bit for bit:
 *
 *	{"id": 7, "name": "Ann", "share": {"real": "0.1"}, "none": null,
 *	 "photo": {"blob": "FFD8"}, "odd": {"text": "61FF"},
 *	 "big": {"int": "9223372036854775807"}}
 *
 * {"text"} is for text that is no UTF-8 or holds a NUL, {"int"} for what is
 * past 2^53, where some readers of JSON lose digits. */
#ifndef STORE_ROW_JSON_H
#define STORE_ROW_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "store/table.h"

/* One value, as a member of that name (NULL: alone). */
struct json;
void row_json_value(struct json *, const char *name, const struct value *);

/* The values of the columns that regs has (bits of columns; the key's columns
 * always).  Nothing in out if it would be longer than can travel. */
void row_json_put(const struct table *, const uint64_t *regs,
    const struct value *values, struct buf *out);

/* Read it: values[i] of each column i of t that it has and that is in the table
 * now; set gets their bits.  Text and blobs are in the arena.  ERR_DATA: it is
 * none. */
int row_json_get(sqlite3 *, const char *json, size_t n, const struct table *,
    struct value *values, struct mask *set, struct arena *, struct err *);
/* Is it the row of that (canonical) key?  Columns of the key that it lacks are
 * added. */
bool row_json_is(const struct table *, const struct value *key,
    struct value *values, struct mask *set, struct arena *);

#endif
