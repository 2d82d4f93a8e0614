/* Rows that a constraint refused, tried again when something has changed. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "apply/apply_p.h"

/* The values aside of a row, copied; set gets their registers. */
static int load_aside(struct store *s, struct table *t,
    const struct value *key, struct value *values, struct mask *set,
    struct arena *arena, struct err *e)
{
	struct value canon[16];

	memset(values, 0, (size_t)t->ncols * sizeof(*values));
	memset(set, 0, sizeof(*set));
	if (aside_mask(s, t, key, set->w, e) < 0)
		return -1;
	if (!key_split(t, key, canon))
		return err_set(e, ERR_DATA, "table %s: a damaged key",
		    t->name);
	for (int i = 0; i < t->nkey; i++)
		values[t->key[i]] = canon[i];
	for (int i = 0; i < t->ncols; i++) {
		struct value *v = &values[i];

		if (!mask_has(set->w, i + REG_COLUMN))
			continue;
		if (!t->cols[i].present) {
			mask_clear(set->w, i + REG_COLUMN);
			continue;
		}
		if (aside_get(s, t, key, i + REG_COLUMN, v, e) < 0)
			return -1;
		if (v->type == VALUE_TEXT || v->type == VALUE_BLOB)
			v->p = arena_copy(arena, v->p, v->n);
	}
	return 0;
}

/* 1 alive by its registers, 0 not, -1. */
static int is_alive(struct store *s, struct table *t, const struct value *key,
    struct frag *frags, struct err *e)
{
	int n = frags_of(s, t, key, frags, FRAGS_MAX, e);

	for (int i = 0; i < n; i++)
		if (mask_has(frags[i].mask.w, REG_LIFE))
			return !frags[i].death;
	return n < 0 ? -1 : 0;
}

/* 1 dead by its registers, 0 not, -1. */
static int is_dead(struct store *s, struct table *t, const struct value *key,
    struct frag *frags, struct err *e)
{
	int n = frags_of(s, t, key, frags, FRAGS_MAX, e);

	for (int i = 0; i < n; i++)
		if (frags[i].death)
			return 1;
	return n < 0 ? -1 : 0;
}

/* Try one row: 1 placed, 0 still held, -1. */
static int retry_row(struct store *s, struct table *t, const struct value *key,
    struct frag *frags, struct arena *arena, struct err *e)
{
	struct value values[TABLE_COLUMNS_MAX];
	struct err why = ERR_INIT;
	struct mask set;
	uint64_t wait[MASK_WORDS];
	int there = row_exists(s, t, key, e), rc;

	if (there < 0 || held_wait(s, t, key, wait, e) < 0 ||
	    load_aside(s, t, key, values, &set, arena, e) < 0)
		return -1;
	/* a person decides about these */
	if (there && !mask_empty(wait, t->words)) {
		mask_minus(set.w, wait, t->words);
		if (mask_empty(set.w, t->words))
			return 0;
	}
	rc = is_dead(s, t, key, frags, e);
	if (rc < 0)
		return -1;
	if (rc == 1 && there) {
		/* its death came while the table was not looked after */
		if (row_delete(s, t, key, e) < 0)
			return -1;
		return held_drop(s, t, key, e) < 0 ? -1 : 1;
	}
	rc = 1;
	if (there && !mask_empty(set.w, t->words)) {
		rc = row_update(s, t, key, set.w, values, &why);
	} else if (!there) {
		rc = is_alive(s, t, key, frags, e);
		if (rc < 0)
			return -1;
		if (rc == 1)
			rc = row_insert(s, t, set.w, values, &why);
		else
			rc = 1; /* dead by now: nothing to place */
	}
	if (rc < 0)
		*e = why;
	if (rc != 1)
		return rc < 0 ? -1 : held_put(s, t, key, HELD_RULE, why.text, e);
	for (int r = REG_COLUMN; r < t->ncols + REG_COLUMN; r++)
		if (mask_has(set.w, r) && aside_drop(s, t, key, r, e) < 0)
			return -1;
	return held_drop(s, t, key, e) < 0 ? -1 : 1;
}

/* The keys of all held rows (at most 10,000 at a time), copied. */
struct held_row {
	int64_t t;
	struct value key;
};

static int list_held(struct store *s, struct held_row **out, size_t *n,
    struct arena *arena, struct err *e)
{
	sqlite3_stmt *st = db_prepare(s->db,
	    "SELECT t, k FROM dialsync_held WHERE kind <> 'old'"
	    " ORDER BY since, t, k LIMIT 10000",
	    false, e);
	struct held_row *list = NULL, *more;
	int rc;

	*n = 0;
	*out = NULL;
	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1) {
		more = realloc(list, (*n + 1) * sizeof(*list));
		if (!more)
			abort();
		list = more;
		list[*n].t = sqlite3_column_int64(st, 0);
		db_column(st, 1, &list[*n].key);
		if (list[*n].key.p)
			list[*n].key.p = arena_copy(arena, list[*n].key.p,
			    list[*n].key.n);
		(*n)++;
	}
	sqlite3_finalize(st);
	*out = list;
	return rc;
}

int held_release(struct store *s, struct table *t, const struct value *key,
    struct err *e)
{
	struct arena arena = ARENA_INIT;
	struct frag *frags = calloc(FRAGS_MAX, sizeof(*frags));
	int rc = frags ? retry_row(s, t, key, frags, &arena, e)
		       : err_set(e, ERR_SYSTEM, "out of memory");

	free(frags);
	arena_free(&arena);
	return rc;
}

int held_retry(struct store *s, int64_t *left, struct err *e)
{
	struct arena arena = ARENA_INIT;
	struct frag *frags = calloc(FRAGS_MAX, sizeof(*frags));
	struct held_row *rows = NULL;
	bool progress = true;
	size_t n = 0;
	int rc = frags ? 0 : -1;

	/* one placed row may be what another waits for */
	while (rc >= 0 && progress) {
		progress = false;
		free(rows);
		rc = list_held(s, &rows, &n, &arena, e);
		for (size_t i = 0; i < n && rc >= 0; i++) {
			struct table *t = table_by_id(s, rows[i].t);

			if (!t || !t->present)
				continue;
			rc = retry_row(s, t, &rows[i].key, frags, &arena, e);
			progress |= rc == 1;
		}
	}
	*left = (int64_t)n;
	free(rows);
	free(frags);
	arena_free(&arena);
	return rc < 0 ? -1 : 0;
}
