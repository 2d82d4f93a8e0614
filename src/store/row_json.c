#include "config.h"

#include "store/row_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "store/key.h"

/* Is it UTF-8 without NULs?  SQLite's JSON reads nothing else back. */
static bool plain_text(const struct value *v)
{
	const unsigned char *p = (const unsigned char *)v->p;

	for (size_t i = 0; i < v->n;) {
		size_t more = p[i] < 0x80 ? 0 : p[i] >= 0xC2 && p[i] < 0xE0 ? 1
		    : p[i] >= 0xE0 && p[i] < 0xF0 ? 2
		    : p[i] >= 0xF0 && p[i] < 0xF5 ? 3 : 9;

		if (p[i] == 0 || more == 9 || more > v->n - i - 1)
			return false;
		for (size_t k = 1; k <= more; k++)
			if ((p[i + k] & 0xC0) != 0x80)
				return false;
		/* overlong forms, surrogates, past the end */
		if ((p[i] == 0xE0 && p[i + 1] < 0xA0) ||
		    (p[i] == 0xED && p[i + 1] > 0x9F) ||
		    (p[i] == 0xF0 && p[i + 1] < 0x90) ||
		    (p[i] == 0xF4 && p[i + 1] > 0x8F))
			return false;
		i += more + 1;
	}
	return true;
}

static void put_typed(struct json *j, const char *name, const char *type,
    const char *text, size_t n)
{
	json_object(j, name);
	json_bytes(j, type, text, n);
	json_end(j, '}');
}

static void put_hex(struct json *j, const char *name, const char *type,
    const struct value *v)
{
	struct buf hex = BUF_INIT(SIZE_MAX);

	for (size_t i = 0; i < v->n; i++)
		buf_addf(&hex, "%02X", (unsigned char)v->p[i]);
	j->out->failed |= hex.failed;
	put_typed(j, name, type, buf_str(&hex), hex.n);
	buf_free(&hex);
}

void row_json_value(struct json *j, const char *name, const struct value *v)
{
	char text[40];
	int n;

	switch (v->type) {
	case VALUE_NULL:
		json_null(j, name);
		break;
	case VALUE_INTEGER:
		if (v->i >= -(INT64_C(1) << 53) && v->i <= INT64_C(1) << 53) {
			json_int(j, name, v->i);
			break;
		}
		n = snprintf(text, sizeof(text), "%" PRId64, v->i);
		put_typed(j, name, "int", text, (size_t)n);
		break;
	case VALUE_REAL:
		n = snprintf(text, sizeof(text), "%.17g", v->r);
		put_typed(j, name, "real", text, (size_t)n);
		break;
	case VALUE_TEXT:
		if (plain_text(v))
			json_bytes(j, name, v->n ? v->p : "", v->n);
		else
			put_hex(j, name, "text", v);
		break;
	case VALUE_BLOB:
		put_hex(j, name, "blob", v);
		break;
	}
}

void row_json_put(const struct table *t, const uint64_t *regs,
    const struct value *values, struct buf *out)
{
	struct json j;

	json_init(&j, out);
	json_object(&j, NULL);
	for (int i = 0; i < t->ncols; i++)
		if (t->cols[i].present && t->cols[i].keypos
			? true : mask_has(regs, i + REG_COLUMN))
			row_json_value(&j, t->cols[i].name, &values[i]);
	json_end(&j, '}');
	if (out->failed || out->n > VALUE_MAX)
		buf_reset(out);
}

/* ---- back */

static bool from_hex(const char *hex, size_t n, struct arena *arena,
    struct value *v)
{
	char *p = arena_alloc(arena, n / 2 + 1);

	if (!p || n % 2)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = hex[i];
		int d = c >= '0' && c <= '9' ? c - '0'
		    : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

		if (d < 0)
			return false;
		p[i / 2] = (char)(i % 2 ? p[i / 2] | d : d << 4);
	}
	v->p = p;
	v->n = n / 2;
	return true;
}

/* {"real": "0.1"} and the like: columns 3 real, 4 int, 5 blob, 6 text. */
static bool typed(sqlite3_stmt *st, struct arena *arena, struct value *v)
{
	static const enum value_type types[] = {VALUE_REAL, VALUE_INTEGER,
	    VALUE_BLOB, VALUE_TEXT};

	for (int i = 0; i < 4; i++) {
		const char *p;
		char *end;

		if (sqlite3_column_type(st, 3 + i) != SQLITE_TEXT)
			continue;
		p = (const char *)sqlite3_column_text(st, 3 + i);
		v->type = types[i];
		if (i >= 2)
			return from_hex(p,
			    (size_t)sqlite3_column_bytes(st, 3 + i), arena, v);
		if (i == 0)
			v->r = strtod(p, &end);
		else
			v->i = strtoll(p, &end, 10);
		return *p && !*end && (i != 0 || v->r == v->r);
	}
	return false;
}

static bool get_value(sqlite3_stmt *st, struct arena *arena, struct value *v)
{
	const char *type = (const char *)sqlite3_column_text(st, 1);

	memset(v, 0, sizeof(*v));
	if (!type)
		return false;
	if (strcmp(type, "null") == 0)
		return true;
	if (strcmp(type, "object") == 0)
		return typed(st, arena, v);
	if (strcmp(type, "integer") != 0 && strcmp(type, "text") != 0)
		return false;
	db_column(st, 2, v);
	if (v->type == VALUE_TEXT) {
		v->p = arena_copy(arena, v->p ? v->p : "", v->n);
		return v->p != NULL;
	}
	return v->type == VALUE_INTEGER;
}

/* The column of that name; or that had it, when the row was kept before the
 * column was renamed here, or comes from where it is not renamed yet. */
static int column_of(sqlite3 *db, const struct table *t, const char *name)
{
	for (int i = 0; name && i < t->ncols; i++)
		if (strcasecmp(t->cols[i].name, name) == 0)
			return i;
	return name ? table_old_column(db, t, name) : -1;
}

bool row_json_is(const struct table *t, const struct value *key,
    struct value *values, struct mask *set, struct arena *arena)
{
	struct buf scratch = BUF_INIT(SIZE_MAX);
	struct value cols[16], own[16], k;
	bool same = key_split(t, key, own);

	for (int i = 0; i < t->nkey && same; i++) {
		struct value *v = &values[t->key[i]];

		if (!mask_has(set->w, t->key[i] + REG_COLUMN)) {
			*v = own[i];
			if (v->n)
				v->p = arena_copy(arena, v->p, v->n);
			same = !v->n || v->p;
		}
		mask_set(set->w, t->key[i] + REG_COLUMN);
		cols[i] = *v;
	}
	mask_set(set->w, REG_SPELLING);
	same = same && key_make(t, cols, &scratch, &k) && value_same(&k, key);
	buf_free(&scratch);
	return same;
}

int row_json_get(sqlite3 *db, const char *json, size_t n,
    const struct table *t, struct value *values, struct mask *set,
    struct arena *arena, struct err *e)
{
	sqlite3_stmt *st = db_prepare(db,
	    "SELECT key, type, atom,"
	    " CASE type WHEN 'object' THEN json_extract(value, '$.real') END,"
	    " CASE type WHEN 'object' THEN json_extract(value, '$.int') END,"
	    " CASE type WHEN 'object' THEN json_extract(value, '$.blob') END,"
	    " CASE type WHEN 'object' THEN json_extract(value, '$.text') END"
	    " FROM json_each(CASE WHEN json_valid(?1) THEN ?1 END)", false, e);
	int rc, some = 0;

	memset(set, 0, sizeof(*set));
	memset(values, 0, (size_t)t->ncols * sizeof(*values));
	if (!st)
		return -1;
	sqlite3_bind_text64(st, 1, json, n, SQLITE_STATIC, SQLITE_UTF8);
	while ((rc = db_step(st, e)) == 1) {
		int i = sqlite3_column_type(st, 0) == SQLITE_TEXT
		    ? column_of(db, t,
			(const char *)sqlite3_column_text(st, 0)) : -1;

		if (i < 0 || !t->cols[i].present ||
		    mask_has(set->w, i + REG_COLUMN))
			continue;
		if (!get_value(st, arena, &values[i])) {
			rc = err_set(e, ERR_DATA, "column %s of the row that"
			    " is kept cannot be read", t->cols[i].name);
			break;
		}
		mask_set(set->w, i + REG_COLUMN);
		if (t->cols[i].keypos)
			mask_set(set->w, REG_SPELLING);
		some++;
	}
	sqlite3_finalize(st);
	if (rc == 0 && some == 0)
		return err_set(e, ERR_DATA, "the row that is kept cannot be"
		    " read: it is no JSON object of columns of table %s",
		    t->name);
	return rc < 0 ? -1 : 0;
}
