/* Fragments and the values of their registers, into a bundle's writer. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pack/pack_p.h"
#include "store/key.h"
#include "store/know.h"
#include "store/row.h"

bool pack_lacks(const struct pack_filter *f, int64_t seq, int64_t origin,
    int64_t clock, int64_t arrival)
{
	/* rows of before that have a version for another peer's sake are the
	 * base version still */
	bool base = origin == 0 || (seq > f->load &&
	    clock == STORE_CLOCK_LOAD && origin < f->nview && f->own[origin]);
	struct know_frag k = {base, clock,
	    origin < f->nview ? f->view[origin] : KNOW_NOTHING,
	    arrival && arrival == f->giver, seq <= f->back};

	if (f->loading && seq <= f->load && origin != 0)
		return true;
	return know_lacks(&k);
}

int pack_rows_init(struct pack_rows *r, struct store *s, struct err *e)
{
	memset(r, 0, sizeof(*r));
	r->nindex = store_origin_count(s) + 1;
	r->w = bundle_writer_new();
	r->index = calloc((size_t)r->nindex, sizeof(*r->index));
	r->origins = calloc((size_t)r->nindex, sizeof(*r->origins));
	if (!r->w || !r->index || !r->origins) {
		pack_rows_free(r);
		return err_set(e, ERR_SYSTEM, "pack: out of memory");
	}
	snprintf(r->origins[0].site, sizeof(r->origins[0].site), "%s",
	    s->site);
	r->origins[0].inc = (uint64_t)s->inc;
	r->norigins = 1;
	return 0;
}

void pack_rows_free(struct pack_rows *r)
{
	bundle_writer_free(r->w);
	free(r->index);
	free(r->origins);
	memset(r, 0, sizeof(*r));
}

int pack_rows_origin(struct pack_rows *r, struct store *s, int64_t o,
    uint32_t *index, struct err *e)
{
	const struct origin *from = store_origin_get(s, o);

	*index = 0;
	if (o == s->self)
		return 0;
	if (!from || o >= r->nindex)
		return err_set(e, ERR_DATA, "origin %lld is not known",
		    (long long)o);
	if (r->index[o] == 0) {
		struct bundle_origin *to = &r->origins[r->norigins];

		if (r->norigins >= BUNDLE_ORIGINS_MAX)
			return err_set(e, ERR_DATA, "a bundle cannot name"
			    " more than %d origins", BUNDLE_ORIGINS_MAX);
		memcpy(to->site, from->site, sizeof(to->site));
		to->inc = (uint64_t)from->inc;
		r->index[o] = (uint32_t)r->norigins++;
	}
	*index = r->index[o];
	return 0;
}

/* ---- one fragment */

/* The table's number in the bundle.  All registered columns are named, so that
 * their numbers are ours; a table that is not here (its changes are parked
 * and passed on) has no names for its key's columns: any that no field has. */
static int writer_table(struct pack_rows *r, const struct table *t)
{
	const char *names[BUNDLE_COLUMNS_MAX];
	char made[BUNDLE_KEYS_MAX][24];
	int key[BUNDLE_KEYS_MAX], n = t->ncols;

	if (n + t->nkey > BUNDLE_COLUMNS_MAX)
		return -1;
	for (int i = 0; i < n; i++)
		names[i] = t->cols[i].name;
	for (int i = 0; i < t->nkey; i++) {
		key[i] = t->key[i];
		if (!t->present) {
			snprintf(made[i], sizeof(made[i]), "dialsync:%d", i);
			names[n] = made[i];
			key[i] = n++;
		}
	}
	return bundle_table(r->w, t->name, n, names, t->nkey, key);
}

/* A value that no bundle can carry is told and left out. */
static bool too_large(struct store *s, const struct table *t,
    const struct value *key, int col, const struct value *v)
{
	char text[400];
	struct buf k = BUF_INIT(200);

	if (v->n <= VALUE_MAX)
		return false;
	key_text(t, key, &k);
	snprintf(text, sizeof(text), "table %s, row %s, column %s: a value of"
	    " %zu bytes is too large to travel (the limit is %zu); make it"
	    " smaller, then it will be sent", t->name, buf_str(&k),
	    t->cols[col].name, v->n, VALUE_MAX);
	buf_free(&k);
	if (s->warn)
		s->warn(s->warn_arg, text);
	return true;
}

/* The key's columns as fields, where its spelling travels: in an update when
 * the register is in the fragment, in a birth when it is not the canonical
 * one.  row: NULL when there is none; an edit that came before its row has its
 * spelling beside it. */
static int add_spelling(struct pack_rows *r, struct store *s,
    const struct table *t, const struct value *key, const struct frag *f,
    const struct value *canon, const struct value *row, struct err *e)
{
	if (!t->present || !mask_has(f->mask.w, REG_SPELLING))
		return 0;
	for (int i = 0; i < t->nkey; i++) {
		struct value v;
		int rc = 0;

		if (aside_any(s))
			rc = aside_get(s, t, key, t->key[i] + REG_COLUMN, &v,
			    e);
		if (rc < 0)
			return -1;
		if (rc == 0 && !row)
			continue;
		if (rc == 0)
			v = row[t->key[i]];
		if (!mask_has(f->mask.w, REG_LIFE) ||
		    !value_same(&canon[i], &v))
			bundle_field(r->w, t->key[i], &v);
	}
	return 0;
}

/* The fields of a fragment: from beside the register where it is kept there,
 * else from the row. */
static int add_fields(struct pack_rows *r, struct store *s,
    struct table *t, const struct value *key, const struct frag *f,
    const struct value *row, struct err *e)
{
	for (int i = 0; i < t->ncols; i++) {
		struct value v;
		int rc = 0;

		if (!mask_has(f->mask.w, i + REG_COLUMN))
			continue;
		if (aside_any(s))
			rc = aside_get(s, t, key, i + REG_COLUMN, &v, e);
		if (rc < 0)
			return -1;
		if (rc == 0 && (!row || !t->cols[i].present))
			continue; /* gone with its row or column */
		if (rc == 0)
			v = row[i];
		if (!too_large(s, t, key, i, &v) && !t->cols[i].keypos)
			bundle_field(r->w, i, &v);
	}
	return 0;
}

/* In a first load the row is not vouched for: it may be one that was deleted and
 * forgotten here.  Its values go as an edit, and who has the row makes it anew. */
static int not_born(struct store *s, const struct table *t,
    const struct value *key, bool *birth, struct err *e)
{
	int rc = *birth && aside_any(s) ? held_is_old(s, t, key, e) : 0;

	if (rc == 1)
		*birth = false;
	return rc;
}

static int add_fragment(struct pack_rows *r, struct store *s,
    struct table *t, const struct value *key, const struct frag *f,
    bool loading, struct err *e)
{
	static struct value row[BUNDLE_COLUMNS_MAX + 2];
	struct value canon[BUNDLE_KEYS_MAX];
	bool birth = !f->death && mask_has(f->mask.w, REG_LIFE);
	int table, rc = 0;
	uint32_t origin;

	/* of a table that was made anew with another key: what was known of
	 * its old rows cannot be said in the new one's terms */
	if (!key_split(t, key, canon))
		return 0;
	if (!f->death) {
		rc = row_read(s, t, key, row, e);
		if (rc < 0)
			return -1;
		/* its row is gone, and it is kept nowhere */
		if (rc == 0 && !aside_any(s))
			return 0;
	}
	if (loading && not_born(s, t, key, &birth, e) < 0)
		return -1;
	table = writer_table(r, t);
	if (table < 0 || pack_rows_origin(r, s, f->ver.origin, &origin, e) < 0)
		return table < 0 ? err_set(e, ERR_DATA, "table %s has more"
					   " columns than a bundle can name",
				       t->name)
				 : -1;
	if (table >= r->ntables) { /* numbers are given in order */
		r->schema ^= t->print;
		r->ntables = table + 1;
	}
	bundle_row(r->w, table,
	    f->death ? BUNDLE_DEATH : birth ? BUNDLE_BIRTH : BUNDLE_UPDATE,
	    f->ver.clock, origin);
	for (int i = 0; i < t->nkey; i++)
		bundle_key(r->w, &canon[i]);
	if (!f->death) {
		const struct value *there = rc == 1 ? row : NULL;

		rc = add_spelling(r, s, t, key, f, canon, there, e);
		if (rc == 0)
			rc = add_fields(r, s, t, key, f, there, e);
		row_read_done(t);
	}
	return rc < 0 ? -1 : 0;
}

/* ---- the range */

static sqlite3_stmt *range(struct store *s, int64_t from, int64_t top,
    struct err *e)
{
	sqlite3_stmt *st = db_prepare(s->db,
	    "SELECT s, t, k, m, c, o, a FROM dialsync_frag"
	    " WHERE s > ? AND s <= ? ORDER BY s", false, e);

	if (st) {
		sqlite3_bind_int64(st, 1, from);
		sqlite3_bind_int64(st, 2, top);
	}
	return st;
}

static void read_fragment(sqlite3_stmt *st, const struct table *t,
    struct frag *f)
{
	f->seq = sqlite3_column_int64(st, 0);
	mask_column(st, 3, t, f->mask.w, &f->death);
	f->ver.clock = sqlite3_column_int64(st, 4);
	f->ver.origin = sqlite3_column_int64(st, 5);
	f->arrival = sqlite3_column_int64(st, 6);
}

int pack_rows_collect(struct pack_rows *r, struct store *s,
    const struct pack_filter *filter, int64_t from, int64_t scan, size_t raw,
    struct err *e)
{
	sqlite3_stmt *st = range(s, scan > from ? scan : from, r->top, e);
	struct table *t = NULL;
	struct value key;
	struct frag f;
	int rc;

	if (!st)
		return -1;
	r->upto = from;
	r->end = true;
	while ((rc = db_step(st, e)) == 1) {
		int64_t id = sqlite3_column_int64(st, 1);

		if (!pack_lacks(filter, sqlite3_column_int64(st, 0),
			sqlite3_column_int64(st, 5),
			sqlite3_column_int64(st, 4),
			sqlite3_column_int64(st, 6)))
			continue;
		/* a second goes whole, within reason: what the peer may adopt
		 * with a part of it would not cover that part.  Not rows of a
		 * first load, which all have one clock */
		if ((bundle_raw(r->w) >= raw &&
			(r->last.clock <= STORE_CLOCK_LOAD ||
			    r->last.clock != sqlite3_column_int64(st, 4) ||
			    r->last.origin != sqlite3_column_int64(st, 5) ||
			    bundle_raw(r->w) >= raw + raw / 4)) ||
		    bundle_rows(r->w) >= BUNDLE_ROWS_MAX) {
			r->end = false;
			break;
		}
		if (!t || t->id != id)
			t = table_by_id(s, id);
		if (!t || t->nkey == 0)
			continue;
		read_fragment(st, t, &f);
		db_column(st, 2, &key);
		rc = add_fragment(r, s, t, &key, &f, filter->loading, e);
		if (rc < 0)
			break;
		r->upto = f.seq;
		r->last = f.ver;
	}
	sqlite3_finalize(st);
	/* a bundle that reaches the end covers what the peer knew, too */
	if (rc >= 0 && r->end)
		r->upto = r->top;
	return rc < 0 ? -1 : 0;
}

/* ---- what is still to come */

#define REST_BLOCK 1024

void pack_rest_free(struct pack_rest *r)
{
	free(r->least);
	memset(r, 0, sizeof(*r));
}

/* Room for blocks through `to`; every clock of new ones "none". */
static int rest_grow(struct pack_rest *r, int64_t to, struct err *e)
{
	size_t w = (size_t)(r->norigins + 1);
	size_t blocks = (size_t)((to - r->from) / REST_BLOCK + 2);
	int64_t *more;

	if (r->least && blocks <= r->nblocks)
		return 0;
	more = realloc(r->least, blocks * w * sizeof(*more));
	if (!more)
		return err_set(e, ERR_SYSTEM, "pack: out of memory");
	r->least = more;
	for (size_t i = r->nblocks * w; i < blocks * w; i++)
		more[i] = INT64_MAX;
	r->nblocks = blocks;
	return 0;
}

/* The clocks of at most limit fragments past r->to; their number, or -1. */
static int64_t rest_scan(struct pack_rest *r, struct store *s,
    const struct pack_filter *f, int64_t limit, struct err *e)
{
	sqlite3_stmt *st = db_prepare(s->db, "SELECT s, c, o, a FROM"
	    " dialsync_frag WHERE s > ? ORDER BY s LIMIT ?", false, e);
	size_t w = (size_t)(r->norigins + 1);
	int64_t n = 0;
	int rc;

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, r->to);
	sqlite3_bind_int64(st, 2, limit);
	while ((rc = db_step(st, e)) == 1) {
		int64_t seq = sqlite3_column_int64(st, 0);
		int64_t c = sqlite3_column_int64(st, 1);
		int64_t o = sqlite3_column_int64(st, 2);
		size_t b = (size_t)((seq - r->from - 1) / REST_BLOCK);

		n++;
		r->to = seq;
		if (o < 1 || o > r->norigins || b >= r->nblocks ||
		    !pack_lacks(f, seq, o, c, sqlite3_column_int64(st, 3)))
			continue;
		if (c < r->least[b * w + (size_t)o])
			r->least[b * w + (size_t)o] = c;
	}
	sqlite3_finalize(st);
	return rc < 0 ? -1 : n;
}

/* What is covered already stays: a fragment that left its place since makes a
 * clock lower than it need be, which only makes the peer adopt less. */
int pack_rest_update(struct pack_rest *r, struct store *s,
    const struct pack_filter *f, int64_t mark, int64_t limit, struct err *e)
{
	size_t w;
	int64_t n;

	if (!r->least || r->from > mark ||
	    r->norigins != store_origin_count(s)) {
		pack_rest_free(r);
		r->from = r->to = mark;
		r->norigins = store_origin_count(s);
	}
	if (r->least && r->to >= s->seq)
		return 0;
	if (rest_grow(r, s->seq, e) < 0)
		return -1;
	n = rest_scan(r, s, f, limit, e);
	if (n < 0)
		return -1;
	if (n < limit && r->to < s->seq)
		r->to = s->seq;
	/* each block also speaks for those behind it */
	w = (size_t)(r->norigins + 1);
	for (size_t b = r->nblocks - 1; b-- > 0;)
		for (size_t o = 1; o < w; o++)
			if (r->least[(b + 1) * w + o] < r->least[b * w + o])
				r->least[b * w + o] = r->least[(b + 1) * w + o];
	return n == limit;
}

int64_t pack_rest_least(const struct pack_rest *r, int64_t upto, int64_t o)
{
	size_t b;

	if (o < 1 || o > r->norigins)
		return INT64_MAX;
	/* the block of upto may hold fragments before it: then the clock is
	 * lower than it need be, which only makes the peer adopt less */
	b = upto < r->from ? 0 : (size_t)((upto - r->from) / REST_BLOCK);
	if (b >= r->nblocks)
		return INT64_MAX;
	return r->least[b * (size_t)(r->norigins + 1) + (size_t)o];
}
