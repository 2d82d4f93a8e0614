/* "resolve = mine" and "hold" of a table: what becomes of this site's own values
 * that lost a conflict.  All sites merge by version; this is done afterwards,
 * to the open records of conflicts that this site lost, wherever they were
 * found: here, or at a server that knew both values first.
 *
 * mine: the value is written again, and logged, so that the next fold gives it
 *	a version of its own.  It knows what it overwrites, so nobody finds a
 *	conflict in it: two such sites do not play ping-pong.
 * hold: the table gets this site's value back, without a version; the one
 *	that won waits aside, and is what other sites get from here. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "apply/apply_p.h"
#include "store/key.h"

struct resolve {
	struct store *s;
	struct arena arena;
	struct frag *frags;   /* FRAGS_MAX */
	struct value *values; /* TABLE_COLUMNS_MAX */
	struct value *here;
};

/* An open record of a conflict that this site lost. */
struct lost {
	struct buf id;        /* in the arena */
	const char *kind;
	struct table *t;
	struct value key;
	struct mask set;      /* registers that lost, with r->values */
	bool whole;           /* ... are the whole row */
};

static void *keep(struct resolve *r, const void *p, size_t n)
{
	char *c = arena_alloc(&r->arena, n + 1);

	if (!c)
		abort();
	if (n)
		memcpy(c, p, n);
	c[n] = '\0';
	return c;
}

/* Column i of the statement as text in the arena. */
static const char *keep_text(struct resolve *r, sqlite3_stmt *st, int i,
    size_t *n)
{
	const char *p = (const char *)sqlite3_column_text(st, i);

	*n = (size_t)sqlite3_column_bytes(st, i);
	return p ? keep(r, p, *n) : NULL;
}

/* Its value's column, also by a name that it had; -1: none here. */
static int column_of(struct resolve *r, const struct table *t,
    const char *name)
{
	int i = name ? table_find_column(t, name) : -1;

	if (name && i < 0)
		i = table_old_column(r->s->db, t, name);
	return i >= 0 && t->cols[i].present && !t->cols[i].keypos ? i : -1;
}

/* The table of a record, also by a name that it had. */
static struct table *table_of(struct resolve *r, const char *name)
{
	struct table *t = table_by_name(r->s, name);

	return t ? t : table_by_alias(r->s, name);
}

/* What lost, from a record: id, kind, tbl, key, field, lost, row.  1; 0: it
 * has nothing that could be placed here. */
static int read_lost(struct resolve *r, sqlite3_stmt *st, struct lost *l)
{
	struct buf scratch = BUF_INIT(SIZE_MAX);
	const char *tbl, *key, *field, *row;
	size_t n, nkey, nrow;
	struct value cols[16];
	int i;

	memset(l, 0, sizeof(*l));
	l->id.p = (char *)keep_text(r, st, 0, &l->id.n);
	l->kind = keep_text(r, st, 1, &n);
	tbl = keep_text(r, st, 2, &n);
	key = keep_text(r, st, 3, &nkey);
	field = keep_text(r, st, 4, &n);
	row = keep_text(r, st, 6, &nrow);
	l->t = table_of(r, tbl);
	if (!l->t || !l->t->present ||
	    !key_from_text(l->t, key, nkey, &r->arena, cols) ||
	    !key_make(l->t, cols, &scratch, &l->key)) {
		buf_free(&scratch);
		return 0;
	}
	if (l->key.n)
		l->key.p = keep(r, l->key.p, l->key.n);
	buf_free(&scratch);
	l->whole = strcmp(l->kind, CONFLICT_EDIT) != 0;
	if (l->whole)
		return row && row_json_get(r->s->db, row, nrow, l->t,
		    r->values, &l->set, &r->arena, NULL) == 0 &&
		    row_json_is(l->t, &l->key, r->values, &l->set, &r->arena);
	i = column_of(r, l->t, field);
	if (i < 0)
		return 0;
	db_column(st, 5, &r->values[i]);
	if (r->values[i].n)
		r->values[i].p = keep(r, r->values[i].p, r->values[i].n);
	mask_set(l->set.w, i + REG_COLUMN);
	return 1;
}

/* Leave out registers that this site has written since: that is its value.  1
 * alive, 0 dead or unknown, -1. */
static int leave_own(struct resolve *r, struct lost *l, struct err *e)
{
	int n = frags_of(r->s, l->t, &l->key, r->frags, FRAGS_MAX, e);
	bool dead = false;

	for (int i = 0; i < n; i++) {
		const struct origin *o = store_origin_get(r->s,
		    r->frags[i].ver.origin);

		dead |= r->frags[i].death;
		if (o && strcmp(o->site, r->s->site) == 0)
			mask_minus(l->set.w, r->frags[i].mask.w, l->t->words);
	}
	mask_clear(l->set.w, REG_LIFE);
	mask_clear(l->set.w, REG_SPELLING);
	for (int i = 0; i < l->t->nkey; i++)
		mask_clear(l->set.w, l->t->key[i] + REG_COLUMN);
	return n < 0 ? -1 : !dead;
}

/* ---- mine */

/* The row that a death took: born again. */
static int bring_back(struct resolve *r, struct lost *l, struct err *e)
{
	struct err why = ERR_INIT;
	int rc;

	if (!l->whole)
		return 0;
	mask_set(l->set.w, REG_SPELLING);
	rc = row_insert(r->s, l->t, l->set.w, r->values, &why);
	if (rc < 0)
		*e = why;
	if (rc != 1)
		return rc < 0 ? -1 : 0;
	if (log_by_hand(r->s, l->t, &l->key, LOG_BIRTH, NULL, e) < 0)
		return -1;
	return conflict_settle(r->s, &l->id, SETTLED_RULE, e);
}

static int take_mine(struct resolve *r, struct lost *l, struct err *e)
{
	struct err why = ERR_INIT;
	struct mask all = l->set;
	int alive = leave_own(r, l, e), rc = 1;

	if (alive < 0)
		return -1;
	if (!alive) {
		l->set = all;
		return bring_back(r, l, e);
	}
	/* an edit of this site that lost to a death, and a life since: the
	 * row is there, and what it has is somebody's newer word */
	if (strcmp(l->kind, CONFLICT_DEATH) == 0)
		return 0;
	if (!mask_empty(l->set.w, l->t->words)) {
		rc = row_update(r->s, l->t, &l->key, l->set.w, r->values,
		    &why);
		if (rc < 0)
			*e = why;
		if (rc != 1)
			return rc < 0 ? -1 : 0; /* it stays open */
		for (int i = REG_COLUMN; i < l->t->ncols + REG_COLUMN; i++)
			if (mask_has(l->set.w, i) &&
			    aside_drop(r->s, l->t, &l->key, i, e) < 0)
				return -1;
		if (log_by_hand(r->s, l->t, &l->key, 0, l->set.w, e) < 0)
			return -1;
	}
	return conflict_settle(r->s, &l->id, SETTLED_RULE, e);
}

/* ---- hold */

/* Values that the table has now go aside; this site's come back. */
static int hold_theirs(struct resolve *r, struct lost *l, struct err *e)
{
	uint64_t wait[MASK_WORDS];
	struct mask aside;
	struct err why = ERR_INIT;
	int rc = leave_own(r, l, e);

	if (rc <= 0 || strcmp(l->kind, CONFLICT_DEATH) == 0)
		return rc < 0 ? -1 : 0;
	memset(&aside, 0, sizeof(aside));
	if (held_wait(r->s, l->t, &l->key, wait, e) < 0 ||
	    aside_mask(r->s, l->t, &l->key, aside.w, e) < 0)
		return -1;
	/* what is aside already waits, or is held for another reason */
	mask_minus(l->set.w, aside.w, l->t->words);
	mask_minus(l->set.w, wait, l->t->words);
	if (mask_empty(l->set.w, l->t->words))
		return 0;
	rc = row_read(r->s, l->t, &l->key, r->here, e);
	for (int i = 0; i < l->t->ncols && rc == 1; i++)
		if (mask_has(l->set.w, i + REG_COLUMN)) {
			if (value_same(&r->here[i], &r->values[i]))
				mask_clear(l->set.w, i + REG_COLUMN);
			else if (aside_put(r->s, l->t, &l->key,
				     i + REG_COLUMN, &r->here[i], e) < 0)
				rc = -1;
		}
	row_read_done(l->t);
	if (rc != 1 || mask_empty(l->set.w, l->t->words))
		return rc < 0 ? -1 : 0;
	rc = row_update(r->s, l->t, &l->key, l->set.w, r->values, &why);
	if (rc == 1)
		return held_wait_add(r->s, l->t, &l->key, l->set.w, "a value"
		    " from another site waits for a person (resolve = hold)",
		    e);
	if (rc < 0)
		*e = why;
	/* refused: what won stays in its place */
	for (int i = REG_COLUMN; i < l->t->ncols + REG_COLUMN && rc >= 0; i++)
		if (mask_has(l->set.w, i))
			rc = aside_drop(r->s, l->t, &l->key, i, e);
	return rc < 0 ? -1 : 0;
}

/* ---- */

static int resolve_one(struct resolve *r, const struct config *cfg,
    sqlite3_stmt *st, struct err *e)
{
	const struct table *t = table_of(r,
	    (const char *)sqlite3_column_text(st, 2));
	const struct config_table *conf = t ? config_table(cfg, t->name)
					    : NULL;
	struct lost l;

	if (!conf || conf->resolve == CONFIG_RESOLVE_LATEST)
		return 0;
	arena_reset(&r->arena);
	if (!read_lost(r, st, &l))
		return 0;
	return conf->resolve == CONFIG_RESOLVE_MINE ? take_mine(r, &l, e)
						    : hold_theirs(r, &l, e);
}

int resolve_own(struct store *s, const struct config *cfg, struct err *e)
{
	struct resolve r = {.s = s, .arena = ARENA_INIT};
	sqlite3_stmt *st;
	bool any = false;
	int rc;

	for (size_t i = 0; cfg && i < cfg->n_tables; i++)
		any |= cfg->tables[i].resolve != CONFIG_RESOLVE_LATEST;
	if (!any)
		return 0;
	r.frags = calloc(FRAGS_MAX, sizeof(*r.frags));
	r.values = calloc(TABLE_COLUMNS_MAX, sizeof(*r.values));
	r.here = calloc(TABLE_COLUMNS_MAX, sizeof(*r.here));
	if (!r.frags || !r.values || !r.here)
		abort();
	/* the latest of several values of a field comes last */
	st = db_prepare(s->db,
	    "SELECT id, kind, tbl, key, field, lost, row FROM"
	    " dialsync_conflict WHERE settled IS NULL AND lost_site = ?"
	    " AND kind IN ('edit', 'death', 'birth')"
	    " ORDER BY lost_clock, +id", false, e);
	rc = st ? 1 : -1;
	if (st)
		sqlite3_bind_text(st, 1, s->site, -1, SQLITE_STATIC);
	while (rc >= 0 && (rc = db_step(st, e)) == 1)
		rc = resolve_one(&r, cfg, st, e) < 0 ? -1 : 1;
	sqlite3_finalize(st);
	free(r.frags);
	free(r.values);
	free(r.here);
	arena_free(&r.arena);
	return rc < 0 ? -1 : 0;
}
