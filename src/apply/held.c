/* What is held, evaluated from the registers: doc/MERGE.md, "Held rows".
 *
 * Whatever order changes came in, the table must end as if its rows had been
 * placed one by one, the earliest claim first.  Rows that are not held are in
 * their table in full and do not clash with each other; so only held rows have
 * to be looked at, in the order of their claims, and those that they displace,
 * which have later claims and so get their turn later.  When a row has its
 * turn, all that is in the table with an earlier claim is there to stay.
 *
 * Turns are kept in a TEMP table, so that memory stays bounded however many
 * rows are held. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "apply/apply_p.h"
#include "apply/claim.h"
#include "apply/unique.h"
#include "store/key.h"

/* One table's evaluation. */
struct eval {
	struct store *s;
	struct table *t;
	const struct unique *u;
	struct frag *frags;       /* owned; FRAGS_MAX, scratch */
	struct value *row;        /* owned: a row as it is in its table */
	struct claim_index *seat; /* owned: by index of u */
	struct buf scratch;
	struct arena arena;       /* of one turn */
	sqlite3_stmt *push, *pop, *done;
	int64_t newly;
};

/* The row whose turn it is. */
struct turn {
	struct value key;    /* in the arena */
	struct claim claim;
	struct held held;
	bool fresh;          /* not held before this transaction */
	bool there;          /* in its table */
	struct value *values; /* as it would be: in the arena */
	struct mask set;     /* registers to place, by what is aside */
	struct mask given;   /* columns given up for NULL */
	const char *why;
};

static int no_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "apply: out of memory");
}

static struct value keep(struct eval *v, const struct value *from)
{
	struct value to = *from;

	if (to.type == VALUE_TEXT || to.type == VALUE_BLOB) {
		to.p = arena_copy(&v->arena, from->p, from->n);
		if (!to.p)
			abort();
	}
	return to;
}

/* ---- claims and turns */

static int version_cmp(void *s, const struct version *a,
    const struct version *b)
{
	return store_version_cmp(s, a, b);
}

enum life { LIFE_UNKNOWN, LIFE_BORN, LIFE_DEAD };

/* What the row's fragments say of its claim, and whether it lives. */
static int load_claim(struct eval *v, const struct value *key,
    struct claim *c, enum life *life, struct err *e)
{
	int n = frags_of(v->s, v->t, key, v->frags, FRAGS_MAX, e);

	if (n < 0)
		return -1;
	c->key = *key;
	c->ver = claim_version(v->frags, n, v->u->registers.w, v->t->words,
	    version_cmp, v->s);
	*life = LIFE_UNKNOWN;
	for (int i = 0; i < n; i++)
		if (mask_has(v->frags[i].mask.w, REG_LIFE))
			*life = v->frags[i].death ? LIFE_DEAD : LIFE_BORN;
	return 0;
}

/* Let the row have its turn. */
static int push(struct eval *v, const struct value *key, bool fresh,
    struct err *e)
{
	const struct origin *o;
	struct claim c;
	enum life life;

	if (load_claim(v, key, &c, &life, e) < 0)
		return -1;
	o = store_origin_get(v->s, c.ver.origin);
	sqlite3_reset(v->push);
	sqlite3_bind_int64(v->push, 1, c.ver.clock);
	sqlite3_bind_text(v->push, 2, o ? o->site : "", -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(v->push, 3, o ? o->inc : 0);
	db_bind(v->push, 4, key);
	sqlite3_bind_int(v->push, 5, fresh);
	return db_run(v->push, e);
}

/* The next turn: 1, 0 none left, -1. */
static int pop(struct eval *v, struct turn *r, struct err *e)
{
	struct value key;
	int rc;

	memset(r, 0, sizeof(*r));
	arena_reset(&v->arena);
	sqlite3_reset(v->pop);
	rc = db_step(v->pop, e);
	if (rc == 1) {
		db_column(v->pop, 3, &key);
		r->key = keep(v, &key);
		r->fresh = sqlite3_column_int(v->pop, 4) != 0;
		sqlite3_reset(v->done);
		for (int i = 0; i < 3; i++)
			sqlite3_bind_value(v->done, i + 1,
			    sqlite3_column_value(v->pop, i));
		db_bind(v->done, 4, &r->key);
	}
	sqlite3_reset(v->pop);
	return rc == 1 ? (db_run(v->done, e) < 0 ? -1 : 1) : rc;
}

/* ---- values */

/* The default of a column, for a birth that did not bring it.  Only to find
 * out whom it clashes with: what cannot be asked clashes with nobody. */
static void default_value(struct eval *v, const struct column *c,
    struct value *out)
{
	struct err none = ERR_INIT;
	sqlite3_stmt *st;
	struct value x;

	if (!c->dflt)
		return;
	st = db_preparef(v->s->db, &none, "SELECT (%s)", c->dflt);
	if (st && db_step(st, &none) == 1) {
		db_column(st, 0, &x);
		*out = keep(v, &x);
	}
	sqlite3_finalize(st);
}

/* The row as its registers say: what is aside, else what is in the table.
 * false in *ok: its key is not one of this table any more. */
static int load_values(struct eval *v, struct turn *r, bool *ok,
    struct err *e)
{
	struct table *t = v->t;
	struct value canon[16], x;
	struct mask aside;
	int rc;

	*ok = key_split(t, &r->key, canon);
	if (!*ok)
		return 0;
	r->values = arena_alloc(&v->arena,
	    (size_t)t->ncols * sizeof(*r->values));
	if (!r->values)
		return no_memory(e);
	memset(r->values, 0, (size_t)t->ncols * sizeof(*r->values));
	memset(&aside, 0, sizeof(aside));
	rc = row_read(v->s, t, &r->key, v->row, e);
	if (rc < 0 || aside_mask(v->s, t, &r->key, aside.w, e) < 0)
		return -1;
	r->there = rc == 1;
	for (int i = 0; i < t->nkey; i++)
		r->values[t->key[i]] = canon[i];
	for (int i = 0; i < t->ncols; i++) {
		int reg = i + REG_COLUMN;

		if (!t->cols[i].present)
			continue;
		if (r->there)
			r->values[i] = keep(v, &v->row[i]);
		if (mask_has(aside.w, reg) &&
		    !(r->there && mask_has(r->held.wait.w, reg))) {
			if (aside_get(v->s, t, &r->key, reg, &x, e) < 0)
				return -1;
			r->values[i] = keep(v, &x);
			mask_set(r->set.w, table_reg(t, i));
		} else if (!r->there && !t->cols[i].keypos) {
			default_value(v, &t->cols[i], &r->values[i]);
		}
	}
	row_read_done(t);
	return 0;
}

/* Put the values of the row's present columns aside, where none is yet. */
static int put_aside(struct eval *v, const struct value *key,
    const struct value *row, const uint64_t *only, struct err *e)
{
	struct mask aside;

	memset(&aside, 0, sizeof(aside));
	if (aside_mask(v->s, v->t, key, aside.w, e) < 0)
		return -1;
	for (int i = 0; i < v->t->ncols; i++) {
		int reg = i + REG_COLUMN;

		if (!v->t->cols[i].present || mask_has(aside.w, reg) ||
		    (only && !mask_has(only, reg)))
			continue;
		if (aside_put(v->s, v->t, key, reg, &row[i], e) < 0)
			return -1;
	}
	return 0;
}

/* What was placed is aside no longer. */
static int drop_aside(struct eval *v, const struct turn *r, struct err *e)
{
	struct table *t = v->t;

	for (int i = 0; i < t->ncols; i++) {
		int reg = i + REG_COLUMN;

		if (!t->cols[i].present || mask_has(r->given.w, reg) ||
		    !mask_has(r->set.w, table_reg(t, i)))
			continue;
		if (aside_drop(v->s, t, &r->key, reg, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- what becomes of the row */

/* It stays held, of that kind. */
static int stays(struct eval *v, const struct turn *r, const char *kind,
    const char *why, struct err *e)
{
	v->newly += r->fresh;
	return held_put(v->s, v->t, &r->key, kind, why, e) < 0 ? -1 : 0;
}

/* Take the row out of its table, all of it aside. */
static int take_out(struct eval *v, const struct value *key, struct err *e)
{
	int rc = row_read(v->s, v->t, key, v->row, e);

	if (rc == 1)
		rc = put_aside(v, key, v->row, NULL, e);
	row_read_done(v->t);
	return rc < 0 ? -1 : row_delete(v->s, v->t, key, e);
}

static int hold_whole(struct eval *v, struct turn *r, const char *kind,
    const char *why, struct err *e)
{
	struct value canon[16];
	int rc = 0;

	if (r->there) {
		rc = take_out(v, &r->key, e);
	} else if (key_split(v->t, &r->key, canon)) {
		/* the key's spelling, which may never have come */
		struct mask key;

		memset(&key, 0, sizeof(key));
		for (int i = 0; i < v->t->nkey; i++)
			mask_set(key.w, v->t->key[i] + REG_COLUMN);
		rc = put_aside(v, &r->key, r->values, key.w, e);
	}
	return rc < 0 ? -1 : stays(v, r, kind, why, e);
}

/* It is in its table as its registers say, but for what waits for a person. */
static int placed(struct eval *v, const struct turn *r, struct err *e)
{
	if (drop_aside(v, r, e) < 0)
		return -1;
	/* a row that was taken out comes back as its registers say: what it had
	 * in their place is in the conflict that waits for the person */
	if (!r->there || mask_empty(r->held.wait.w, v->t->words))
		return held_drop(v->s, v->t, &r->key, e);
	if (strcmp(r->held.kind, HELD_PERSON) == 0)
		return 0;
	return stays(v, r, HELD_PERSON, "waits for a person", e);
}

/* Place it, with NULL in the columns that were given up. */
static int try_place(struct eval *v, struct turn *r, struct err *why)
{
	struct mask set = r->set;

	mask_or(set.w, r->given.w, v->t->words);
	return r->there
	    ? row_update(v->s, v->t, &r->key, set.w, r->values, why)
	    : row_insert(v->s, v->t, set.w, r->values, why);
}

/* ---- against others */

/* Who has the row's value in index i? */
static int look_at(struct eval *v, const struct turn *r, int i,
    struct value *other, enum claim_holder *who, struct err *e)
{
	struct claim c;
	enum life life;
	struct value key;
	int rc = unique_holder(v->s, v->t, v->u, i, r->values, &v->scratch,
	    &key, e);

	*who = CLAIM_FREE;
	other->type = VALUE_NULL;
	if (rc == UNIQUE_NO_KEY)
		*who = CLAIM_EARLIER;
	if (rc != UNIQUE_ROW || value_same(&key, &r->key))
		return rc;
	*other = keep(v, &key);
	if (load_claim(v, other, &c, &life, e) < 0)
		return -1;
	*who = claim_cmp(&c, &r->claim, version_cmp, v->s) < 0
	    ? CLAIM_EARLIER : CLAIM_LATER;
	return rc;
}

/* Text for people: whose the value is. */
static const char *tell_why(struct eval *v, const struct unique_index *ix,
    const struct value *other)
{
	struct buf b = BUF_INIT(500);
	const char *text;

	buf_addf(&b, "UNIQUE (%s): ", ix->text);
	if (other->type == VALUE_NULL) {
		buf_adds(&b, "a row without a key has it");
	} else {
		buf_adds(&b, "row ");
		key_text(v->t, other, &b);
		buf_adds(&b, " has it, by an earlier change");
	}
	text = b.failed ? "UNIQUE" : arena_copy(&v->arena, buf_str(&b),
	    b.n + 1);
	buf_free(&b);
	return text ? text : "UNIQUE";
}

/* Give up what rows with earlier claims have.  1: a place is left, 0: none,
 * -1. */
static int yield(struct eval *v, struct turn *r, struct err *e)
{
	struct value other, first;
	int which = 0, rc;

	for (;;) {
		enum claim_step step;
		int col;

		first.type = VALUE_NULL;
		for (int i = 0; i < v->u->n; i++) {
			struct claim_index *x = &v->seat[i];

			col = v->u->index[i].yields;
			x->yields = col >= 0 &&
			    !mask_has(r->given.w, col + REG_COLUMN);
			rc = look_at(v, r, i, &other, &x->holder, e);
			if (rc == UNIQUE_CANNOT) {
				r->why = arena_copy(&v->arena, e->text,
				    strlen(e->text) + 1);
				return 0;
			}
			if (rc < 0)
				return -1;
			if (x->holder == CLAIM_EARLIER) {
				first = other;
				break;
			}
		}
		step = claim_decide(v->seat, v->u->n, &which);
		if (step == CLAIM_PLACE)
			return 1;
		r->why = tell_why(v, &v->u->index[which], &first);
		if (step == CLAIM_WHOLE)
			return 0;
		col = v->u->index[which].yields;
		mask_set(r->given.w, col + REG_COLUMN);
		memset(&r->values[col], 0, sizeof(r->values[col]));
	}
}

/* A row with a later claim leaves its value, or its table, until its turn. */
static int displace(struct eval *v, const struct value *key, int i,
    struct err *e)
{
	struct value *none = arena_alloc(&v->arena,
	    (size_t)v->t->ncols * sizeof(*none));
	int col = v->u->index[i].yields, rc;
	struct err why = ERR_INIT;
	struct mask set;

	if (!none)
		return no_memory(e);
	memset(none, 0, (size_t)v->t->ncols * sizeof(*none));
	memset(&set, 0, sizeof(set));
	rc = ROW_REFUSED;
	if (col >= 0) {
		mask_set(set.w, col + REG_COLUMN);
		rc = row_read(v->s, v->t, key, v->row, e);
		if (rc == 1 &&
		    put_aside(v, key, v->row, set.w, e) < 0)
			rc = -1;
		row_read_done(v->t);
		if (rc < 0)
			return -1;
		rc = row_update(v->s, v->t, key, set.w, none, &why);
	}
	if (rc < 0)
		*e = why;
	else if (rc == ROW_REFUSED || rc == ROW_TAKEN)
		rc = take_out(v, key, e);
	if (rc < 0)
		return -1;
	rc = held_put(v->s, v->t, key, HELD_UNIQUE, "displaced", e);
	return rc < 0 ? -1 : push(v, key, rc == 1, e);
}

/* The row's values clash with those of others. */
static int contend(struct eval *v, struct turn *r, struct err *e)
{
	struct value *full = arena_copy(&v->arena, r->values,
	    (size_t)v->t->ncols * sizeof(*full));
	struct err why = ERR_INIT;
	int rc;

	if (!full)
		return no_memory(e);
	rc = yield(v, r, e);
	for (int i = 0; i < v->u->n && rc == 1; i++) {
		enum claim_holder who;
		struct value other;

		rc = look_at(v, r, i, &other, &who, e);
		rc = rc == UNIQUE_CANNOT ? 0 : rc < 0 ? -1 : 1;
		if (rc == 1 && who == CLAIM_LATER &&
		    displace(v, &other, i, e) < 0)
			rc = -1;
	}
	if (rc == 1)
		rc = try_place(v, r, &why);
	if (rc < 0) {
		if (why.kind != ERR_NONE)
			*e = why;
		return -1;
	}
	if (rc == ROW_PLACED && mask_empty(r->given.w, v->t->words))
		return placed(v, r, e);
	if (rc == ROW_PLACED) {
		if (drop_aside(v, r, e) < 0 ||
		    put_aside(v, &r->key, full, r->given.w, e) < 0)
			return -1;
		return stays(v, r, HELD_UNIQUE, r->why, e);
	}
	r->values = full;
	return hold_whole(v, r, HELD_UNIQUE, r->why ? r->why : why.text, e);
}

/* ---- turns */

/* Does the row live, so that it should have a place? */
static bool lives(const struct turn *r, enum life life)
{
	/* what was taken out of its table lived; what only waited beside one
	 * that was not tracked may be edits of a row that never came */
	return life == LIFE_BORN || r->there ||
	    (life == LIFE_UNKNOWN && strcmp(r->held.kind, HELD_NEW) != 0);
}

static int take_turn(struct eval *v, struct turn *r, struct err *e)
{
	struct err why = ERR_INIT;
	enum life life;
	bool ok;
	int rc = held_get(v->s, v->t, &r->key, &r->held, e);

	if (rc <= 0)
		return rc;
	if (load_claim(v, &r->key, &r->claim, &life, e) < 0 ||
	    load_values(v, r, &ok, e) < 0)
		return -1;
	if (!ok)
		return stays(v, r, HELD_RULE, "its key is not one of the"
		    " table's present key", e);
	if (life == LIFE_DEAD || !lives(r, life)) {
		/* its death came while the table was not looked after */
		if (r->there && row_delete(v->s, v->t, &r->key, e) < 0)
			return -1;
		return held_drop(v->s, v->t, &r->key, e);
	}
	rc = try_place(v, r, &why);
	switch (rc) {
	case ROW_PLACED:
		return placed(v, r, e);
	case ROW_REFUSED:
		return hold_whole(v, r, HELD_RULE, why.text, e);
	case ROW_TAKEN:
		return contend(v, r, e);
	default:
		*e = why;
		return -1;
	}
}

/* ---- a table */

static const char turns[] =
    "CREATE TEMP TABLE IF NOT EXISTS dialsync_turn(c INTEGER, site TEXT,"
    " inc INTEGER, k, fresh INTEGER, PRIMARY KEY(c, site, inc, k))"
    " WITHOUT ROWID; DELETE FROM temp.dialsync_turn";

static int eval_begin(struct eval *v, struct err *e)
{
	size_t n;

	v->u = unique_of(v->s, v->t, e);
	if (!v->u || db_exec(v->s->db, turns, e) < 0)
		return -1;
	n = (size_t)(v->t->ncols > v->u->n ? v->t->ncols : v->u->n) + 1;
	v->frags = calloc(FRAGS_MAX, sizeof(*v->frags));
	v->row = calloc(n, sizeof(*v->row));
	v->seat = calloc(n, sizeof(*v->seat));
	if (!v->frags || !v->row || !v->seat)
		return no_memory(e);
	v->push = db_prepare(v->s->db, "INSERT OR IGNORE INTO"
	    " temp.dialsync_turn VALUES(?, ?, ?, ?, ?)", true, e);
	v->pop = v->push ? db_prepare(v->s->db, "SELECT * FROM"
	    " temp.dialsync_turn ORDER BY c, site, inc, k LIMIT 1", true, e)
			 : NULL;
	v->done = v->pop ? db_prepare(v->s->db, "DELETE FROM"
	    " temp.dialsync_turn WHERE c = ? AND site = ? AND inc = ?"
	    " AND k = ?", true, e) : NULL;
	return v->done ? 0 : -1;
}

static void eval_end(struct eval *v)
{
	sqlite3_finalize(v->push);
	sqlite3_finalize(v->pop);
	sqlite3_finalize(v->done);
	free(v->frags);
	free(v->row);
	free(v->seat);
	buf_free(&v->scratch);
	arena_free(&v->arena);
}

/* Every held row of the table gets a turn. */
static int push_all(struct eval *v, struct err *e)
{
	sqlite3_stmt *st = db_preparef(v->s->db, e, "SELECT k, kind = '"
	    HELD_NEW "' FROM dialsync_held WHERE t = %lld AND kind <> '"
	    HELD_OLD "'", (long long)v->t->id);
	struct value key;
	int rc = st ? 1 : -1;

	while (rc == 1 && (rc = db_step(st, e)) == 1) {
		db_column(st, 0, &key);
		if (push(v, &key, sqlite3_column_int(st, 1) != 0, e) < 0)
			rc = -1;
	}
	sqlite3_finalize(st);
	return rc;
}

int held_evaluate(struct store *s, struct table *t, int64_t *newly,
    struct err *e)
{
	struct eval v;
	struct turn r;
	int rc;

	if (!t->present)
		return 0;
	rc = held_any(s, t, e);
	if (rc <= 0)
		return rc;
	memset(&v, 0, sizeof(v));
	v.s = s;
	v.t = t;
	buf_init(&v.scratch, SIZE_MAX);
	rc = eval_begin(&v, e);
	if (rc == 0)
		rc = push_all(&v, e);
	while (rc == 0 && (rc = pop(&v, &r, e)) == 1)
		rc = take_turn(&v, &r, e) < 0 ? -1 : 0;
	*newly += v.newly;
	eval_end(&v);
	return rc;
}

int held_evaluate_all(struct store *s, int64_t *newly, struct err *e)
{
	for (int i = 0; i < s->ntables; i++)
		if (held_evaluate(s, s->tables[i], newly, e) < 0)
			return -1;
	return 0;
}

int held_release(struct store *s, struct table *t, const struct value *key,
    struct err *e)
{
	struct eval v;
	struct turn r;
	int rc;

	if (!t->present)
		return 0;
	memset(&v, 0, sizeof(v));
	v.s = s;
	v.t = t;
	buf_init(&v.scratch, SIZE_MAX);
	rc = eval_begin(&v, e);
	if (rc == 0)
		rc = held_put(s, t, key, HELD_NEW, "released", e) < 0 ? -1
		    : push(&v, key, true, e);
	while (rc == 0 && (rc = pop(&v, &r, e)) == 1)
		rc = take_turn(&v, &r, e) < 0 ? -1 : 0;
	eval_end(&v);
	return rc < 0 ? -1 : row_exists(s, t, key, e);
}
