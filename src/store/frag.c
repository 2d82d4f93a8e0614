#include "config.h"

#include "store/frag.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/store_p.h"

void mask_bind(sqlite3_stmt *st, int i, const struct table *t,
    const uint64_t *m, bool death)
{
	unsigned char b[MASK_WORDS * 8];

	if (death) {
		sqlite3_bind_int64(st, i, LOG_DEATH);
		return;
	}
	if (t->words == 1) {
		sqlite3_bind_int64(st, i, (int64_t)m[0]);
		return;
	}
	for (int w = 0; w < t->words; w++)
		for (int k = 0; k < 8; k++)
			b[w * 8 + k] = (unsigned char)(m[w] >> (8 * k));
	sqlite3_bind_blob(st, i, b, t->words * 8, SQLITE_TRANSIENT);
}

/* A table that gained columns reads its older, shorter masks too. */
void mask_column(sqlite3_stmt *st, int i, const struct table *t, uint64_t *m,
    bool *death)
{
	const unsigned char *b;
	int n;

	memset(m, 0, (size_t)t->words * sizeof(*m));
	*death = false;
	if (sqlite3_column_type(st, i) == SQLITE_INTEGER) {
		int64_t v = sqlite3_column_int64(st, i);

		*death = v == LOG_DEATH;
		m[0] = *death ? 1 : (uint64_t)v & MASK_ALL_BITS;
		return;
	}
	b = sqlite3_column_blob(st, i);
	n = sqlite3_column_bytes(st, i) / 8;
	for (int w = 0; w < n && w < t->words; w++)
		for (int k = 0; k < 8; k++)
			m[w] |= (uint64_t)b[w * 8 + k] << (8 * k);
}

int frags_of(struct store *s, const struct table *t, const struct value *key,
    struct frag *out, int max, struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_FRAG_OF,
	    "SELECT s, m, c, o, a FROM dialsync_frag WHERE t = ? AND k = ?"
	    " ORDER BY s", e);
	int n = 0, rc;

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, t->id);
	db_bind(st, 2, key);
	while ((rc = db_step(st, e)) == 1) {
		struct frag *f = &out[n];

		if (n == max) {
			rc = err_set(e, ERR_DATA, "table %s: a row has more"
			    " than %d versions; dialsync_frag is damaged",
			    t->name, max);
			break;
		}
		f->seq = sqlite3_column_int64(st, 0);
		mask_column(st, 1, t, f->mask.w, &f->death);
		f->ver.clock = sqlite3_column_int64(st, 2);
		f->ver.origin = sqlite3_column_int64(st, 3);
		f->arrival = sqlite3_column_int64(st, 4);
		n++;
	}
	sqlite3_reset(st);
	return rc < 0 ? -1 : n;
}

int frag_add(struct store *s, const struct table *t, const struct value *key,
    const struct frag *f, struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_FRAG_ADD,
	    "INSERT INTO dialsync_frag(t, k, s, m, c, o, a)"
	    " VALUES(?, ?, ?, ?, ?, ?, ?)", e);

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, t->id);
	db_bind(st, 2, key);
	sqlite3_bind_int64(st, 3, f->seq);
	mask_bind(st, 4, t, f->mask.w, f->death);
	sqlite3_bind_int64(st, 5, f->ver.clock);
	sqlite3_bind_int64(st, 6, f->ver.origin);
	sqlite3_bind_int64(st, 7, f->arrival);
	return db_run(st, e);
}

int frag_set_mask(struct store *s, const struct table *t, int64_t seq,
    const uint64_t *mask, struct err *e)
{
	sqlite3_stmt *st;

	if (mask_empty(mask, t->words))
		return frag_remove(s, seq, e);
	st = store_stmt(s, ST_FRAG_MASK,
	    "UPDATE dialsync_frag SET m = ? WHERE s = ?", e);
	if (!st)
		return -1;
	mask_bind(st, 1, t, mask, false);
	sqlite3_bind_int64(st, 2, seq);
	return db_run(st, e);
}

int frag_remove(struct store *s, int64_t seq, struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_FRAG_DEL,
	    "DELETE FROM dialsync_frag WHERE s = ?", e);

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, seq);
	return db_run(st, e);
}
