#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/key.h"

/* In a BLOB key each value is a letter and its payload; numbers are big-endian,
 * lengths four bytes.  A lone INTEGER or TEXT key is not wrapped: that is what
 * most tables have, and then the key reads well in SQL. */

static void put_u64(struct buf *b, uint64_t v)
{
	unsigned char c[8];

	for (int i = 7; i >= 0; i--, v >>= 8)
		c[i] = (unsigned char)v;
	buf_add(b, c, 8);
}

static uint64_t get_be(const unsigned char *p, int n)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* SQLite compares 1 and 1.0 as equal, exactly. */
static bool whole(double r, int64_t *i)
{
	if (!(r >= -9223372036854775808.0 && r < 9223372036854775808.0) ||
	    r != floor(r))
		return false;
	*i = (int64_t)r;
	return true;
}

/* Text as its collation sees it: NOCASE folds A-Z only, RTRIM ignores blanks
 * at the end (https://www.sqlite.org/datatype3.html, section 7). */
static void fold_text(enum collation coll, const struct value *v,
    struct buf *out)
{
	size_t n = v->n;

	if (coll == COLL_RTRIM)
		while (n > 0 && v->p[n - 1] == ' ')
			n--;
	if (coll != COLL_NOCASE) {
		buf_add(out, v->p, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		char c = v->p[i];

		buf_addc(out, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
	}
}

/* One value inside a BLOB key. */
static void put_value(enum collation coll, const struct value *v,
    struct buf *out)
{
	int64_t i = v->i;
	uint64_t bits;
	size_t at;

	switch (v->type) {
	case VALUE_REAL:
		if (!whole(v->r, &i)) {
			memcpy(&bits, &v->r, 8);
			buf_addc(out, 'R');
			put_u64(out, bits);
			return;
		}
		/* fall through */
	case VALUE_INTEGER:
		buf_addc(out, 'I');
		put_u64(out, (uint64_t)i);
		return;
	case VALUE_TEXT:
	case VALUE_BLOB:
		buf_addc(out, v->type == VALUE_TEXT ? 'T' : 'B');
		at = out->n;
		buf_add(out, "\0\0\0\0", 4);
		if (v->type == VALUE_TEXT)
			fold_text(coll, v, out);
		else
			buf_add(out, v->p, v->n);
		if (out->failed)
			return;
		for (size_t n = out->n - at - 4, k = 4; k > 0; k--, n >>= 8)
			out->p[at + k - 1] = (char)n;
		return;
	case VALUE_NULL:
		return;
	}
}

bool key_make(const struct table *t, const struct value *cols,
    struct buf *scratch, struct value *key)
{
	size_t at = scratch->n;

	for (int i = 0; i < t->nkey; i++)
		if (cols[i].type == VALUE_NULL)
			return false;
	memset(key, 0, sizeof(*key));
	if (t->nkey == 1) {
		enum collation coll = t->present ? t->cols[t->key[0]].coll
						 : COLL_BINARY;

		if (cols[0].type == VALUE_INTEGER ||
		    (cols[0].type == VALUE_REAL &&
			whole(cols[0].r, &key->i))) {
			key->type = VALUE_INTEGER;
			if (cols[0].type == VALUE_INTEGER)
				key->i = cols[0].i;
			return true;
		}
		if (cols[0].type == VALUE_TEXT) {
			key->type = VALUE_TEXT;
			if (coll == COLL_BINARY) {
				key->p = cols[0].p;
				key->n = cols[0].n;
				return true;
			}
			fold_text(coll, &cols[0], scratch);
			/* an empty text may have made no memory */
			key->p = scratch->p ? scratch->p + at : "";
			key->n = scratch->n - at;
			return !scratch->failed;
		}
	}
	for (int i = 0; i < t->nkey; i++)
		put_value(t->present ? t->cols[t->key[i]].coll : COLL_BINARY,
		    &cols[i], scratch);
	key->type = VALUE_BLOB;
	key->p = scratch->p + at;
	key->n = scratch->n - at;
	return !scratch->failed;
}

bool key_split(const struct table *t, const struct value *key,
    struct value *out)
{
	const unsigned char *p = (const unsigned char *)key->p;
	size_t left = key->n, n;

	if (key->type != VALUE_BLOB) {
		out[0] = *key;
		return t->nkey == 1;
	}
	for (int i = 0; i < t->nkey; i++) {
		struct value *v = &out[i];

		memset(v, 0, sizeof(*v));
		if (left < 1)
			return false;
		n = p[0] == 'T' || p[0] == 'B' ? 5 : 9;
		if (left < n)
			return false;
		if (n == 9) {
			uint64_t bits = get_be(p + 1, 8);

			v->type = p[0] == 'I' ? VALUE_INTEGER : VALUE_REAL;
			if (p[0] == 'I')
				v->i = (int64_t)bits;
			else
				memcpy(&v->r, &bits, 8);
		} else {
			v->type = p[0] == 'T' ? VALUE_TEXT : VALUE_BLOB;
			v->n = (size_t)get_be(p + 1, 4);
			v->p = (const char *)p + 5;
			if (v->n > left - 5)
				return false;
			n += v->n;
		}
		p += n;
		left -= n;
	}
	return left == 0;
}

void key_text(const struct table *t, const struct value *key, struct buf *out)
{
	struct value v[16];

	if (!key_split(t, key, v)) {
		buf_adds(out, "?");
		return;
	}
	for (int i = 0; i < t->nkey; i++) {
		if (i)
			buf_adds(out, ", ");
		if (v[i].type == VALUE_INTEGER) {
			buf_addf(out, "%lld", (long long)v[i].i);
		} else if (v[i].type == VALUE_REAL) {
			buf_addf(out, "%.17g", v[i].r);
		} else if (v[i].type == VALUE_BLOB) {
			buf_adds(out, "x'");
			for (size_t k = 0; k < v[i].n; k++)
				buf_addf(out, "%02X", (unsigned char)v[i].p[k]);
			buf_adds(out, "'");
		} else {
			buf_addc(out, '\'');
			for (size_t k = 0; k < v[i].n; k++) {
				if (v[i].p[k] == '\'')
					buf_addc(out, '\'');
				buf_addc(out, v[i].p[k]);
			}
			buf_addc(out, '\'');
		}
	}
}

/* ---- and back */

static bool hex_value(const char **p, const char *end, struct arena *arena,
    struct value *v)
{
	const char *q = *p + 2;
	char *out = arena_alloc(arena, (size_t)(end - q) / 2 + 1);

	v->type = VALUE_BLOB;
	v->p = out;
	for (v->n = 0; q + 1 < end && *q != '\''; q += 2, v->n++) {
		char two[3] = {q[0], q[1], '\0'}, *stop;

		if (!out)
			return false;
		out[v->n] = (char)strtoul(two, &stop, 16);
		if (*stop)
			return false;
	}
	*p = q + 1;
	return q < end && *q == '\'';
}

static bool text_value(const char **p, const char *end, struct arena *arena,
    struct value *v)
{
	const char *q = *p + 1;
	char *out = arena_alloc(arena, (size_t)(end - q) + 1);

	v->type = VALUE_TEXT;
	v->p = out;
	if (!out)
		return false;
	for (; q < end; q++) {
		if (*q == '\'' && (q + 1 == end || q[1] != '\''))
			break;
		if (*q == '\'')
			q++;
		out[v->n++] = *q;
	}
	*p = q + 1;
	return q < end;
}

static bool number_value(const char **p, const char *end, struct value *v)
{
	char text[64], *stop;
	size_t n = 0;

	for (; *p + n < end && (*p)[n] != ',' && n + 1 < sizeof(text); n++)
		text[n] = (*p)[n];
	text[n] = '\0';
	*p += n;
	v->type = VALUE_INTEGER;
	v->i = strtoll(text, &stop, 10);
	if (*stop) {
		v->type = VALUE_REAL;
		v->r = strtod(text, &stop);
	}
	return n && !*stop;
}

bool key_from_text(const struct table *t, const char *text, size_t n,
    struct arena *arena, struct value *cols)
{
	const char *p = text, *end = text + n;

	for (int i = 0; i < t->nkey; i++) {
		bool ok;

		memset(&cols[i], 0, sizeof(cols[i]));
		if (i && (end - p < 2 || *p++ != ',' || *p++ != ' '))
			return false;
		if (p == end)
			return false;
		ok = *p == '\'' ? text_value(&p, end, arena, &cols[i])
		    : *p == 'x' && end - p > 2
		    ? hex_value(&p, end, arena, &cols[i])
		    : number_value(&p, end, &cols[i]);
		if (!ok)
			return false;
	}
	return p == end;
}
