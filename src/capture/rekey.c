#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/capture_p.h"
#include "store/conflict.h"
#include "store/held.h"
#include "store/key.h"
#include "store/row.h"

/* Fragments and values aside, when the key that they are filed under is not the
 * table's any more: it was made anew with other key columns or another
 * collation, or it came only now and its changes had waited.  Rows that are one
 * now merge as they do in apply: each register goes to the later version, a
 * value that loses is a conflict. */

/* Values that wait are bounded here as in a bundle. */
#define KEY_COLUMNS_MAX 16

struct rekey {
	struct store *s;
	struct table *from, *to;
	int *col;            /* owned; from's column -> to's */
	struct frag *moved, *there; /* owned; FRAGS_MAX of each */
	struct buf scratch;
	const struct value *key;    /* the row's, in from */
	struct value newkey;        /* ... and in to */
	int64_t rows;               /* moved */
};

static int out_of_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "out of memory");
}

/* A value outlives the statement that it was read from. */
static char *keep(struct value *v)
{
	char *p;

	if (v->type != VALUE_TEXT && v->type != VALUE_BLOB)
		return NULL;
	p = malloc(v->n + 1);
	if (!p)
		abort();
	if (v->n)
		memcpy(p, v->p, v->n);
	v->p = p;
	return p;
}

/* ---- one row */

/* Of two values of one register one stands; the other is kept. */
static int add_conflict(struct rekey *r, int col, const struct frag *lost_f,
    const struct value *lost, const struct frag *won_f,
    const struct value *won, struct err *e)
{
	struct conflict c;

	memset(&c, 0, sizeof(c));
	c.kind = CONFLICT_EDIT;
	c.table = r->to;
	c.key = &r->newkey;
	c.field = r->to->cols[col].name;
	c.loser = lost_f->ver;
	c.winner = won_f->ver;
	c.lost = lost;
	c.won = won;
	return c.loser.origin == 0 || (won && value_same(lost, won)) ? 0 :
	    conflict_add(r->s, &c, e) < 0 ? -1 : 0;
}

/* The value of a register of the row in its new place: from beside it, or from
 * the table.  1, 0, -1; *own: to be freed. */
static int value_there(struct rekey *r, int col, struct value *v, char **own,
    struct err *e)
{
	static struct value row[TABLE_COLUMNS_MAX];
	int rc = aside_get(r->s, r->to, &r->newkey, col + REG_COLUMN, v, e);

	*own = NULL;
	if (rc == 0 && r->to->present && r->to->cols[col].present) {
		rc = row_read(r->s, r->to, &r->newkey, row, e);
		if (rc == 1)
			*v = row[col];
	}
	if (rc == 1)
		*own = keep(v);
	row_read_done(r->to);
	return rc;
}

/* One column of a moved fragment against those that are there.  It stays in
 * f->mask where it wins. */
static int move_value(struct rekey *r, struct frag *f, int n, int from,
    struct err *e)
{
	int col = r->col[from], reg = col + REG_COLUMN, has, rc = 0;
	struct frag *other = NULL;
	struct value v, w;
	char *own_v = NULL, *own_w = NULL;

	for (int i = 0; i < n && !other; i++)
		if (mask_has(r->there[i].mask.w, reg))
			other = &r->there[i];
	has = aside_get(r->s, r->from, r->key, from + REG_COLUMN, &v, e);
	if (has < 0)
		return -1;
	if (has)
		own_v = keep(&v);
	if (other) {
		int was = value_there(r, col, &w, &own_w, e);
		bool later = store_version_cmp(r->s, &f->ver, &other->ver) > 0;

		rc = was < 0 ? -1 : 0;
		if (rc == 0 && was && later)
			rc = add_conflict(r, col, other, &w, f,
			    has ? &v : NULL, e);
		else if (rc == 0 && has && !later)
			rc = add_conflict(r, col, f, &v, other,
			    was ? &w : NULL, e);
		mask_clear(later ? other->mask.w : f->mask.w, reg);
		has = has && later;
	}
	if (rc == 0 && has)
		rc = aside_put(r->s, r->to, &r->newkey, reg, &v, e);
	free(own_v);
	free(own_w);
	return rc;
}

/* Life and spelling: the later one.  A death takes what is older than it. */
static void move_life(struct rekey *r, struct frag *f, int n)
{
	for (int i = 0; i < n; i++) {
		struct frag *g = &r->there[i];
		bool later = store_version_cmp(r->s, &f->ver, &g->ver) > 0;

		for (int reg = REG_LIFE; reg <= REG_SPELLING; reg++)
			if (mask_has(f->mask.w, reg) &&
			    mask_has(g->mask.w, reg))
				mask_clear(later ? g->mask.w : f->mask.w,
				    reg);
		if (f->death && later && mask_has(f->mask.w, REG_LIFE))
			memset(&g->mask, 0, sizeof(g->mask));
		if (g->death && !later)
			memset(&f->mask, 0, sizeof(f->mask));
	}
}

/* One fragment to its new row. */
static int move_fragment(struct rekey *r, struct frag *f, struct err *e)
{
	int n = frags_of(r->s, r->to, &r->newkey, r->there, FRAGS_MAX, e);
	struct mask was[1], *before;

	if (n < 0)
		return -1;
	before = calloc((size_t)n + 1, sizeof(*before));
	if (!before)
		return out_of_memory(e);
	*was = f->mask;
	memset(&f->mask, 0, sizeof(f->mask));
	for (int i = 0; i < n; i++) {
		/* words beyond the table's are not set by frags_of() */
		memset(r->there[i].mask.w + r->to->words, 0,
		    (size_t)(MASK_WORDS - r->to->words) * sizeof(uint64_t));
		before[i] = r->there[i].mask;
	}
	for (int reg = REG_LIFE; reg <= REG_SPELLING; reg++)
		if (mask_has(was->w, reg))
			mask_set(f->mask.w, reg);
	for (int i = 0; i < r->from->ncols && !f->death; i++)
		if (mask_has(was->w, i + REG_COLUMN))
			mask_set(f->mask.w, r->col[i] + REG_COLUMN);
	move_life(r, f, n);
	for (int i = 0; i < r->from->ncols; i++)
		if (mask_has(f->mask.w, r->col[i] + REG_COLUMN) &&
		    move_value(r, f, n, i, e) < 0) {
			free(before);
			return -1;
		}
	if (frag_remove(r->s, f->seq, e) < 0)
		n = -1;
	for (int i = 0; i < n; i++)
		if (memcmp(&before[i], &r->there[i].mask, sizeof(*before)) &&
		    frag_set_mask(r->s, r->to, r->there[i].seq,
			r->there[i].mask.w, e) < 0)
			n = -1;
	free(before);
	if (n < 0)
		return -1;
	return mask_empty(f->mask.w, r->to->words) ? 0 :
	    frag_add(r->s, r->to, &r->newkey, f, e);
}

/* A row that is here, and dead by what came to it: the next apply, which alone
 * places and deletes, sees to it. */
static int bury_later(struct rekey *r, struct err *e)
{
	int n = frags_of(r->s, r->to, &r->newkey, r->there, FRAGS_MAX, e);
	bool dead = false;
	int there;

	for (int i = 0; i < n; i++)
		dead |= r->there[i].death;
	if (n < 0 || !dead)
		return n < 0 ? -1 : 0;
	there = row_exists(r->s, r->to, &r->newkey, e);
	if (there <= 0)
		return there;
	return held_new(r->s, r->to, &r->newkey, "its death came before its"
	    " table had this name or key; the next apply carries it out",
	    e) < 0 ? -1 : store_meta_set_int(r->s, HELD_META_RETRY, 1, e);
}

/* All that is known of one row. */
static int move_row(struct rekey *r, const struct value *key,
    const struct value *newkey, struct err *e)
{
	struct mask aside;
	struct value v;
	int n;

	r->key = key;
	r->newkey = *newkey;
	n = frags_of(r->s, r->from, key, r->moved, FRAGS_MAX, e);
	for (int i = 0; i < n; i++)
		if (move_fragment(r, &r->moved[i], e) < 0)
			return -1;
	memset(&aside, 0, sizeof(aside));
	if (n < 0 || aside_mask(r->s, r->from, key, aside.w, e) < 0)
		return -1;
	/* the key's spelling is beside the row without a bit of its own */
	for (int i = 0; i < r->from->ncols; i++) {
		int rc = 0, reg = r->col[i] + REG_COLUMN;

		if (!mask_has(aside.w, i + REG_COLUMN))
			continue;
		if (r->from->cols[i].keypos && r->to->cols[r->col[i]].keypos)
			rc = aside_get(r->s, r->from, key, i + REG_COLUMN, &v,
			    e);
		if (rc == 1) {
			char *own = keep(&v);

			rc = aside_put(r->s, r->to, newkey, reg, &v, e);
			free(own);
		}
		if (rc < 0 || aside_drop(r->s, r->from, key, i + REG_COLUMN,
			e) < 0)
			return -1;
	}
	r->rows++;
	return held_drop(r->s, r->from, key, e) < 0 ? -1 : bury_later(r, e);
}

/* ---- all rows */

static void rekey_free(struct rekey *r)
{
	free(r->col);
	free(r->moved);
	free(r->there);
	buf_free(&r->scratch);
}

static int rekey_init(struct rekey *r, struct store *s, struct table *from,
    struct table *to, struct err *e)
{
	memset(r, 0, sizeof(*r));
	r->s = s;
	r->from = from;
	r->to = to;
	buf_init(&r->scratch, SIZE_MAX);
	r->col = calloc((size_t)from->ncols + 1, sizeof(*r->col));
	r->moved = calloc(FRAGS_MAX, sizeof(*r->moved));
	r->there = calloc(FRAGS_MAX, sizeof(*r->there));
	if (!r->col || !r->moved || !r->there)
		return out_of_memory(e);
	for (int i = 0; i < from->ncols; i++)
		if (from == to)
			r->col[i] = i;
		else if (table_column(s, to, from->cols[i].name, &r->col[i],
			     e) < 0)
			return -1;
	return 0;
}

/* The next key behind *after that anything is filed under: 1, 0, -1; *own is
 * its memory. */
static int next_key(struct rekey *r, const struct value *after,
    struct value *key, char **own, struct err *e)
{
	sqlite3_stmt *st = db_preparef(r->s->db, e,
	    "SELECT k FROM (SELECT k FROM dialsync_frag WHERE t = %lld %s"
	    " UNION SELECT k FROM dialsync_aside WHERE t = %lld %s)"
	    " ORDER BY k LIMIT 1", (long long)r->from->id,
	    after ? "AND k > ?1" : "", (long long)r->from->id,
	    after ? "AND k > ?1" : "");
	int rc;

	if (!st)
		return -1;
	if (after)
		db_bind(st, 1, after);
	rc = db_step(st, e);
	if (rc == 1) {
		db_column(st, 0, key);
		*own = keep(key);
	}
	sqlite3_finalize(st);
	return rc;
}

/* Where does that key belong?  1: newkey in to; 0: it stays. */
typedef int place_fn(struct rekey *, const struct value *key,
    struct value *newkey);

static int each_key(struct rekey *r, place_fn *place, struct err *e)
{
	struct value key, last, newkey;
	char *own = NULL, *before = NULL;
	bool any = false;
	int rc;

	while ((rc = next_key(r, any ? &last : NULL, &key, &own, e)) == 1) {
		buf_reset(&r->scratch);
		if (place(r, &key, &newkey) == 1)
			rc = move_row(r, &key, &newkey, e);
		free(before);
		before = own;
		own = NULL;
		last = key;
		any = true;
		if (rc < 0)
			break;
	}
	free(before);
	return rc;
}

/* Keys of another width than the table's go as they are. */
static int old_width(struct rekey *r, const struct value *key,
    struct value *newkey)
{
	struct value cols[KEY_COLUMNS_MAX];

	*newkey = *key;
	return !key_split(r->from, key, cols);
}

/* The key as the table sees it now. */
static int as_now(struct rekey *r, const struct value *key,
    struct value *newkey)
{
	struct value cols[KEY_COLUMNS_MAX];

	if (!key_split(r->to, key, cols) ||
	    !key_make(r->to, cols, &r->scratch, newkey))
		return 0;
	return r->from != r->to || !value_same(key, newkey);
}

static int rekey(struct store *s, struct table *from, struct table *to,
    place_fn *place, int64_t *rows, struct err *e)
{
	struct rekey r;
	int rc = rekey_init(&r, s, from, to, e);

	if (rc == 0)
		rc = each_key(&r, place, e);
	*rows += r.rows;
	rekey_free(&r);
	return rc;
}

/* ---- a finer collation: rows that are here say how their keys are spelled */

/* The table as it was: the same but for the collations of its key.  Its memory
 * is t's. */
static void as_before(const struct table *t, struct table *old,
    struct column *cols)
{
	*old = *t;
	old->cols = cols;
	memcpy(cols, t->cols, (size_t)t->ncols * sizeof(*cols));
	for (int i = 0; i < t->nkey; i++)
		cols[t->key[i]].coll = t->frag_coll[0] == '\0' ? COLL_BINARY :
		    t->frag_coll[i] == 'N' ? COLL_NOCASE :
		    t->frag_coll[i] == 'R' ? COLL_RTRIM : COLL_BINARY;
}

static int respell_row(struct rekey *r, const struct table *old,
    sqlite3_stmt *st, struct err *e)
{
	struct value cols[KEY_COLUMNS_MAX], was, now;
	struct buf b = BUF_INIT(SIZE_MAX);
	int rc = 0;

	for (int i = 0; i < old->nkey; i++)
		db_column(st, i, &cols[i]);
	buf_reset(&r->scratch);
	if (key_make(old, cols, &b, &was) &&
	    key_make(r->to, cols, &r->scratch, &now) && !value_same(&was, &now))
		rc = move_row(r, &was, &now, e);
	buf_free(&b);
	return rc;
}

static int respell(struct store *s, struct table *t, int64_t *rows,
    struct err *e)
{
	struct column *cols = calloc((size_t)t->ncols + 1, sizeof(*cols));
	struct table old;
	struct rekey r;
	sqlite3_stmt *st;
	int rc;

	if (!cols)
		return out_of_memory(e);
	as_before(t, &old, cols);
	rc = rekey_init(&r, s, t, t, e);
	st = rc == 0 ? capture_select_keys(s, t, e) : NULL;
	rc = st ? 1 : -1;
	while (rc == 1 && (rc = db_step(st, e)) == 1)
		if (respell_row(&r, &old, st, e) < 0)
			rc = -1;
	sqlite3_finalize(st);
	*rows += r.rows;
	rekey_free(&r);
	free(cols);
	return rc;
}

/* ---- the spelling of keys whose table was not here */

/* The registers that may speak of the key's columns. */
static void key_registers(const struct table *t, struct mask *regs)
{
	memset(regs, 0, sizeof(*regs));
	mask_set(regs->w, REG_SPELLING);
	for (int i = 0; i < t->nkey; i++)
		mask_set(regs->w, t->key[i] + REG_COLUMN);
}

/* The latest of them stands, as the spelling. */
static int spell_row(struct store *s, const struct table *t,
    const struct value *key, struct frag *frags, struct err *e)
{
	int n = frags_of(s, t, key, frags, FRAGS_MAX, e), last = -1, rc = 0;
	uint64_t some[MASK_WORDS];
	struct mask regs;

	key_registers(t, &regs);
	for (int i = 0; i < n; i++)
		if (mask_and(some, frags[i].mask.w, regs.w, t->words) &&
		    (last < 0 || store_version_cmp(s, &frags[i].ver,
			&frags[last].ver) > 0))
			last = i;
	for (int i = 0; i < n && rc == 0; i++) {
		uint64_t *m = frags[i].mask.w, was[MASK_WORDS];

		memcpy(was, m, (size_t)t->words * sizeof(*m));
		mask_minus(m, regs.w, t->words);
		if (i == last)
			mask_set(m, REG_SPELLING);
		if (memcmp(was, m, (size_t)t->words * sizeof(*m)))
			rc = frag_set_mask(s, t, frags[i].seq, m, e);
	}
	return n < 0 ? -1 : rc;
}

/* While a table is not here nobody knows which of its columns are the key's, so
 * each has a register of its own.  Now they have one together: else an earlier
 * spelling that is still to come would find none that is later.  Rows that have
 * such a register have its value aside. */
static int join_spelling(struct store *s, struct table *t, struct err *e)
{
	struct frag *frags;
	sqlite3_stmt *st;
	struct buf in = BUF_INIT(1000);
	struct value key;
	int rc;

	if (!aside_any(s) || !t->present)
		return 0;
	for (int i = 0; i < t->nkey; i++)
		buf_addf(&in, "%s%d", i ? "," : "", t->key[i] + REG_COLUMN);
	frags = calloc(FRAGS_MAX, sizeof(*frags));
	st = frags ? db_preparef(s->db, e, "SELECT DISTINCT k FROM"
	    " dialsync_aside WHERE t = %lld AND r IN (%s)", (long long)t->id,
	    buf_str(&in)) : NULL;
	buf_free(&in);
	rc = st ? 1 : frags ? -1 : out_of_memory(e);
	while (rc == 1 && (rc = db_step(st, e)) == 1) {
		db_column(st, 0, &key);
		rc = spell_row(s, t, &key, frags, e) < 0 ? -1 : 1;
	}
	sqlite3_finalize(st);
	free(frags);
	return rc;
}

/* ---- */

int capture_take_key(struct store *s, struct table **tp, struct err *e)
{
	struct table *t = *tp, *waits;
	char *name = strdup(t->name), coll[17];
	int nkey = t->nkey, was = t->frag_nkey, rc = 0;
	int64_t gone = 0, rows = 0;

	if (!name)
		return out_of_memory(e);
	table_key_coll(t, coll);
	if (was && was != nkey) {
		rc = table_waiting(s, name, was, &waits, e);
		t = table_by_name(s, name);
		if (rc == 0)
			rc = rekey(s, t, waits, old_width, &gone, e);
	} else if (strcmp(coll, t->frag_coll)) {
		rc = respell(s, t, &rows, e);
		if (rc == 0)
			rc = rekey(s, t, t, as_now, &rows, e);
	}
	waits = table_waiting_find(s, name, nkey);
	if (rc == 0 && waits)
		rc = rekey(s, waits, t, as_now, &rows, e);
	free(name);
	if (rc == 0 && (was != nkey || strcmp(coll, t->frag_coll)))
		rc = table_key_taken(s, t, e);
	if (rc == 0)
		rc = join_spelling(s, t, e);
	if (rc == 0 && rows)
		rc = capture_reconcile(s, t, false, e);
	if (rc == 0 && rows)
		rc = capture_place_later(s, t, e);
	*tp = t;
	return rc;
}

int capture_merge_table(struct store *s, struct table *from, struct table *to,
    struct err *e)
{
	int64_t rows = 0;

	if (rekey(s, from, to, as_now, &rows, e) < 0 ||
	    join_spelling(s, to, e) < 0)
		return -1;
	return rows ? capture_place_later(s, to, e) : 0;
}

/* ---- rows of a table that came, and what peers sent of them before */

/* Values that wait for the row against those that it has: the same ones wait
 * no more; another is logged as written here, and the fold makes a conflict
 * of the two. */
static int reconcile_row(struct store *s, struct table *t,
    const struct value *key, struct err *e)
{
	static struct value row[TABLE_COLUMNS_MAX];
	struct mask aside;
	struct value v;
	int rc;

	memset(&aside, 0, sizeof(aside));
	if (aside_mask(s, t, key, aside.w, e) < 0)
		return -1;
	if (mask_empty(aside.w, t->words))
		return 0;
	rc = row_read(s, t, key, row, e);
	for (int i = 0; i < t->ncols && rc == 1; i++) {
		int reg = i + REG_COLUMN;

		if (!t->cols[i].present || !mask_has(aside.w, reg))
			continue;
		if (aside_get(s, t, key, reg, &v, e) < 0)
			rc = -1;
		else if (value_same(&v, &row[i]))
			rc = aside_drop(s, t, key, reg, e) < 0 ? -1 : 1;
		else if (!t->cols[i].keypos)
			rc = capture_log_register(s, t, key, reg, e) < 0 ? -1
									 : 1;
	}
	row_read_done(t);
	return rc < 0 ? -1 : 0;
}

/* Is the row's life known? */
static int life_known(struct store *s, struct table *t,
    const struct value *key, struct frag *frags, struct err *e)
{
	int n = frags_of(s, t, key, frags, FRAGS_MAX, e);

	for (int i = 0; i < n; i++)
		if (mask_has(frags[i].mask.w, REG_LIFE))
			return frags[i].death ? 0 : 1;
	return n < 0 ? -1 : 0;
}

int capture_reconcile(struct store *s, struct table *t, bool births,
    struct err *e)
{
	struct frag *frags = calloc(FRAGS_MAX, sizeof(*frags));
	struct value cols[KEY_COLUMNS_MAX], key;
	struct buf scratch = BUF_INIT(SIZE_MAX);
	sqlite3_stmt *st = frags ? capture_select_keys(s, t, e) : NULL;
	int rc = st ? 1 : frags ? -1 : out_of_memory(e);

	while (rc == 1 && (rc = db_step(st, e)) == 1) {
		int known;

		for (int i = 0; i < t->nkey; i++)
			db_column(st, i, &cols[i]);
		buf_reset(&scratch);
		if (!key_make(t, cols, &scratch, &key))
			continue;
		known = life_known(s, t, &key, frags, e);
		if (known < 0 || (!known && births &&
			capture_log_birth(s, t, &key, e) < 0) ||
		    reconcile_row(s, t, &key, e) < 0)
			rc = -1;
	}
	sqlite3_finalize(st);
	buf_free(&scratch);
	free(frags);
	return rc;
}
