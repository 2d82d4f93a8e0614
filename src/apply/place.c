/* Merges one fragment and places what won.  Registers always merge; where a
 * value cannot be in its table (the row is dead, unknown or held, the column is
 * not here) it is kept aside, and pack and fold use it from there. */
#include "config.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "apply/apply_p.h"
#include "capture/capture.h"
#include "apply/unique.h"
#include "store/foreign.h"
#include "store/key.h"

/* Do these registers speak of column i? */
static bool speaks_of(const struct table *t, const uint64_t *regs, int i)
{
	return mask_has(regs, table_reg(t, i));
}

/* Put won registers aside. */
static int put_aside(struct apply_work *w, const struct incoming *in,
    const uint64_t *regs, struct err *e)
{
	for (int i = 0; i < in->t->ncols; i++)
		if (speaks_of(in->t, regs, i) &&
		    aside_put(w->s, in->t, &in->key, i + REG_COLUMN,
			&in->values[i], e) < 0)
			return -1;
	return 0;
}

/* Placed: nothing of it is aside any more. */
static int drop_aside(struct apply_work *w, const struct incoming *in,
    const uint64_t *regs, struct err *e)
{
	struct mask aside;

	if (!aside_any(w->s))
		return 0;
	memset(&aside, 0, sizeof(aside));
	if (aside_mask(w->s, in->t, &in->key, aside.w, e) < 0)
		return -1;
	if (mask_empty(aside.w, in->t->words))
		return 0;
	for (int i = 0; i < in->t->ncols; i++)
		if (mask_has(aside.w, i + REG_COLUMN) &&
		    speaks_of(in->t, regs, i) &&
		    aside_drop(w->s, in->t, &in->key, i + REG_COLUMN, e) < 0)
			return -1;
	return 0;
}

/* Split won registers into those whose column is in the table, and others. */
static void split_present(const struct table *t, const uint64_t *win,
    uint64_t *here, uint64_t *parked)
{
	mask_and(here, win, t->all.w, t->words);
	memcpy(parked, win, (size_t)t->words * sizeof(*parked));
	mask_minus(parked, t->all.w, t->words);
	mask_clear(parked, REG_LIFE);
	mask_clear(parked, REG_SPELLING);
}

/* Its held rows are looked at when all is merged.  By number, since the
 * registry may be read again. */
static int touch(struct apply_work *w, const struct table *t, struct err *e)
{
	int64_t *more;

	for (size_t i = 0; i < w->ntouched; i++)
		if (w->touched[i] == t->id)
			return 0;
	more = realloc(w->touched, (w->ntouched + 1) * sizeof(*more));
	if (!more)
		return err_set(e, ERR_SYSTEM, "apply: out of memory");
	w->touched = more;
	more[w->ntouched++] = t->id;
	w->look = false;
	return 0;
}

/* Where rows are held: may these registers that won change who has a place?
 * Those of claims may, and any of a row that is held itself. */
static int touch_claims(struct apply_work *w, const struct incoming *in,
    const uint64_t *win, struct err *e)
{
	const struct unique *u = unique_of(w->s, in->t, e);
	uint64_t both[MASK_WORDS];
	struct held h;
	int rc;

	if (!u)
		return -1;
	rc = mask_and(both, win, u->registers.w, in->t->words) ? 1
	    : held_get(w->s, in->t, &in->key, &h, e);
	return rc == 1 ? touch(w, in->t, e) : rc;
}

/* The row cannot be as its registers say, as things are now: keep the values.
 * What becomes of it is decided when all has been merged (held.c). */
static int hold_row(struct apply_work *w, const struct incoming *in,
    const uint64_t *regs, const char *why, struct err *e)
{
	if (put_aside(w, in, regs, e) < 0)
		return -1;
	if (held_new(w->s, in->t, &in->key, why, e) < 0)
		return -1;
	return touch(w, in->t, e);
}

/* Won registers of a row that is in its table. */
static int update_row(struct apply_work *w, const struct incoming *in,
    const uint64_t *here, struct err *e)
{
	struct err why = ERR_INIT;
	int rc = row_update(w->s, in->t, &in->key, here, in->values, &why);

	if (rc == ROW_PLACED)
		return drop_aside(w, in, here, e);
	if (rc == ROW_NONE)
		return put_aside(w, in, here, e);
	if (rc == ROW_REFUSED || rc == ROW_TAKEN)
		return hold_row(w, in, here, why.text, e);
	*e = why;
	return -1;
}

/* A new life: the birth's fields and those that later edits brought before. */
static int insert_row(struct apply_work *w, const struct incoming *in,
    const uint64_t *here, struct err *e)
{
	struct value all[BUNDLE_COLUMNS_MAX + 2], v;
	struct mask aside, set;
	struct err why = ERR_INIT;
	int rc;

	memset(&set, 0, sizeof(set));
	mask_or(set.w, here, in->t->words);
	if (!aside_any(w->s)) {
		rc = row_insert(w->s, in->t, set.w, in->values, &why);
		goto placed;
	}
	memset(&aside, 0, sizeof(aside));
	if (aside_mask(w->s, in->t, &in->key, aside.w, e) < 0)
		return -1;
	memcpy(all, in->values, (size_t)in->t->ncols * sizeof(*all));
	for (int i = 0; i < in->t->ncols; i++) {
		int r = i + REG_COLUMN;

		if (!mask_has(aside.w, r) || speaks_of(in->t, here, i) ||
		    !in->t->cols[i].present)
			continue;
		if (aside_get(w->s, in->t, &in->key, r, &v, e) < 0)
			return -1;
		/* the statement's memory goes with the next look */
		if (v.type == VALUE_TEXT || v.type == VALUE_BLOB)
			v.p = arena_copy(&w->arena, v.p, v.n);
		all[i] = v;
		mask_set(set.w, table_reg(in->t, i));
	}
	rc = row_insert(w->s, in->t, set.w, all, &why);
placed:
	if (rc == ROW_PLACED)
		return drop_aside(w, in, set.w, e);
	if (rc < 0) {
		*e = why;
		return -1;
	}
	/* refused: is the row there already (since init), or is it a rule? */
	rc = row_exists(w->s, in->t, &in->key, e);
	if (rc < 0)
		return -1;
	return rc ? update_row(w, in, here, e)
		  : hold_row(w, in, here, why.text, e);
}

/* The row that is about to go as JSON, once, so that it can be brought back;
 * NULL when it is not in its table, or too large to travel. */
static int keep_row(struct apply_work *w, const struct incoming *in,
    const char **row, struct err *e)
{
	struct buf json = BUF_INIT(SIZE_MAX);
	int rc;

	/* judging in portions empties the arena */
	if (*row && w->late)
		return 0;
	*row = NULL;
	rc = row_json_here(w, in, &json, e);
	if (rc == 0 && json.n) {
		*row = arena_copy(&w->arena, json.p, json.n + 1);
		if (!*row)
			rc = err_set(e, ERR_SYSTEM, "out of memory");
	}
	buf_free(&json);
	return rc;
}

/* A row that this site had edited is remembered until the sender's sequence is
 * applied to its end: a conflict that a server has found may ask for it. */
static int keep_own(struct apply_work *w, const struct incoming *in, int n,
    struct err *e)
{
	for (int i = 0; i < n; i++) {
		const struct origin *o = store_origin_get(w->s,
		    w->frags[i].ver.origin);

		if (o && strcmp(o->site, w->s->site) == 0 && in->t->id != 1)
			return gone_put(w->s, in->t, &in->key, e);
	}
	return 0;
}

/* One register of a row that dies: what is later than the death is kept, what
 * nobody overwrote knowingly is judged.  The value is borrowed until the next look
 * at what is aside: so the row is kept before it, and the value put aside before
 * judging, which may look there, too. */
static int kill_value(struct apply_work *w, const struct incoming *in, int i,
    int col, const char **row, uint64_t *drop, struct err *e)
{
	const struct merge_frag *m = &w->mfrags[i];
	bool keypos = in->t->cols[col].keypos;
	bool keep = speaks_of(in->t, m->keep.w, col);
	int r = col + REG_COLUMN, rc;
	bool clash = mask_has(m->clash.w, r) && !keypos;
	struct value v;

	if (!keep && !clash)
		return 0;
	if (clash && keep_row(w, in, row, e) < 0)
		return -1;
	rc = current_value(w, in, r, &v, e);
	if (rc <= 0)
		return rc;
	if (keep) {
		mask_clear(drop, table_reg(in->t, col));
		if (aside_put(w->s, in->t, &in->key, r, &v, e) < 0)
			return -1;
	}
	return clash ? late_add(w, in, r, &v, &w->frags[i].ver, *row, e) : 0;
}

/* A death: keep what is later than it, then the row goes. */
static int kill_row(struct apply_work *w, const struct incoming *in, int n,
    struct err *e)
{
	struct mask drop;
	const char *row = NULL;

	/* everything of the row, columns that are not here included */
	memset(&drop, 0, sizeof(drop));
	mask_set(drop.w, REG_SPELLING);
	for (int i = 0; i < in->t->ncols; i++)
		mask_set(drop.w, i + REG_COLUMN);
	for (int i = 0; i < n; i++)
		for (int c = 0; c < in->t->ncols; c++)
			if (kill_value(w, in, i, c, &row, drop.w, e) < 0)
				return -1;
	row_read_done(in->t);
	/* children of a row that is aside are found by what is aside */
	if (keep_own(w, in, n, e) < 0 ||
	    row_delete(w->s, in->t, &in->key, e) < 0 ||
	    drop_aside(w, in, drop.w, e) < 0)
		return -1;
	return aside_any(w->s) ? held_drop(w->s, in->t, &in->key, e) : 0;
}

/* What the merge left of the row's older fragments. */
static int write_fragments(struct apply_work *w, const struct incoming *in,
    const struct merge *m, struct err *e)
{
	struct frag f;

	for (int i = 0; i < m->nfrag; i++) {
		if (w->frags[i].seq == 0 || /* of the base: load_base() */
		    memcmp(m->frag[i].keep.w, m->frag[i].mask.w,
			(size_t)m->words * sizeof(uint64_t)) == 0)
			continue;
		if (frag_set_mask(w->s, in->t, w->frags[i].seq,
			m->frag[i].keep.w, e) < 0)
			return -1;
	}
	if (mask_empty(m->win.w, m->words))
		return 0;
	f.seq = store_next_seq(w->s);
	f.ver = in->ver;
	f.arrival = w->sender;
	f.death = in->kind == BUNDLE_DEATH;
	memcpy(f.mask.w, m->win.w, (size_t)m->words * sizeof(uint64_t));
	w->changes++;
	return frag_add(w->s, in->t, &in->key, &f, e);
}

/* Conflicts first: they need the values that are about to be replaced. */
static int record_clashes(struct apply_work *w, const struct incoming *in,
    const struct merge *m, struct err *e)
{
	for (int i = 0; i < m->nfrag; i++) {
		bool life = mask_has(m->frag[i].mask.w, REG_LIFE);

		/* not with a row of before (load_base): there its fields
		 * differ, as after edits that nobody has logged */
		bool births = life && in->kind == BUNDLE_BIRTH &&
		    !m->frag[i].death && w->frags[i].seq;

		if (!m->kill && !mask_empty(m->frag[i].clash.w, m->words) &&
		    (births && m->frag[i].cmp != 0
			? clash_birth(w, in, &w->frags[i],
			      m->frag[i].clash.w, e)
			: clash_registers(w, in, &w->frags[i],
			      m->frag[i].clash.w, m->frag[i].greater.w,
			      e)) < 0)
			return -1;
		if (life && m->life_clash &&
		    clash_life(w, in, &w->frags[i], e) < 0)
			return -1;
	}
	if (!m->late)
		return 0;
	for (int i = 0; i < in->t->ncols; i++)
		if (mask_has(in->mask.w, i + REG_COLUMN) &&
		    late_add(w, in, i + REG_COLUMN, &in->values[i], &in->ver,
			NULL, e) < 0)
			return -1;
	return 0;
}

/* A birth of long ago of a row of which nothing is left here.  If its version was
 * known the row was deleted and forgotten, which is said again.  Else it may be
 * as well: a first load that brings it vouches for it, and it is born anew,
 * since others have forgotten, too; alone it is held. */
static int place_old(struct apply_work *w, const struct incoming *in,
    const uint64_t *here, struct err *e)
{
	int rc = row_exists(w->s, in->t, &in->key, e);

	if (rc < 0)
		return -1;
	if (rc == 0 && work_we_know(w, &in->ver))
		return load_again(w, in, here, e);
	if (rc == 1 || w->head.load) {
		if (insert_row(w, in, here, e) < 0)
			return -1;
		rc = row_exists(w->s, in->t, &in->key, e);
		return rc == 1 ? capture_log_birth(w->s, in->t, &in->key, e)
			       : rc;
	}
	w->held++;
	if (put_aside(w, in, here, e) < 0)
		return -1;
	return held_put(w->s, in->t, &in->key, HELD_OLD, "it was born before"
	    " deleted rows were last forgotten here (forget-after): it may be"
	    " one of those; insert it again if it is wanted", e) < 0 ? -1 : 0;
}

/* What waits for a person is replaced where it waits: the table keeps what this
 * site wrote. */
static int leave_waiting(struct apply_work *w, const struct incoming *in,
    uint64_t *here, struct err *e)
{
	uint64_t wait[MASK_WORDS], both[MASK_WORDS];
	int rc = held_wait(w->s, in->t, &in->key, wait, e);

	if (rc <= 0 || !mask_and(both, here, wait, in->t->words))
		return rc < 0 ? -1 : 0;
	mask_minus(here, both, in->t->words);
	return put_aside(w, in, both, e);
}

/* What the table would have put into the column. */
static int default_value(struct apply_work *w, const struct column *c,
    struct value *v, struct err *e)
{
	sqlite3_stmt *st = db_preparef(w->s->db, e, "SELECT (%s)",
	    c->dflt ? c->dflt : "NULL");
	int rc = st ? db_step(st, e) : -1;

	if (rc == 1) {
		db_column(st, 0, v);
		if (v->type == VALUE_TEXT || v->type == VALUE_BLOB)
			v->p = arena_copy(&w->arena, v->p, v->n);
	}
	sqlite3_finalize(st);
	return rc == 1 ? 0 : -1;
}

/* The row was born anew where some columns are not: they have their defaults
 * again, as they would in a new row. */
static int reset(struct apply_work *w, const struct incoming *in,
    const struct merge *m, bool in_table, struct err *e)
{
	static struct value values[TABLE_COLUMNS_MAX];
	struct err why = ERR_INIT;
	uint64_t here[MASK_WORDS];
	int rc;

	if (mask_empty(m->gone.w, m->words))
		return 0;
	if (drop_aside(w, in, m->gone.w, e) < 0)
		return -1;
	mask_and(here, m->gone.w, in->t->all.w, m->words);
	mask_clear(here, REG_SPELLING);
	if (!in_table || mask_empty(here, m->words))
		return 0;
	memcpy(values, in->values, (size_t)in->t->ncols * sizeof(*values));
	for (int i = 0; i < in->t->ncols; i++)
		if (mask_has(here, i + REG_COLUMN) &&
		    default_value(w, &in->t->cols[i], &values[i], e) < 0)
			return -1;
	rc = row_update(w->s, in->t, &in->key, here, values, &why);
	if (rc == ROW_REFUSED || rc == ROW_TAKEN)
		return held_new(w->s, in->t, &in->key, why.text, e) < 0 ? -1
		    : touch(w, in->t, e);
	if (rc < 0)
		*e = why;
	return rc < 0 ? -1 : 0;
}

/* Put what won where it belongs. */
static int place(struct apply_work *w, const struct incoming *in,
    const struct merge *m, int n, struct err *e)
{
	uint64_t here[MASK_WORDS], parked[MASK_WORDS];
	bool born = in->kind == BUNDLE_BIRTH && m->alive &&
	    mask_has(m->win.w, REG_LIFE);
	bool was_alive = false;

	if (m->kill)
		return kill_row(w, in, n, e);
	if (mask_empty(m->win.w, m->words))
		return 0;
	for (int i = 0; i < n; i++)
		was_alive |= mask_has(w->frags[i].mask.w, REG_LIFE) &&
		    !w->frags[i].death;
	if (reset(w, in, m, !m->dead && in->t->present, e) < 0)
		return -1;
	split_present(in->t, m->win.w, here, parked);
	if (!mask_empty(parked, m->words) && put_aside(w, in, parked, e) < 0)
		return -1;
	if (m->dead || !in->t->present) {
		memcpy(here, m->win.w, (size_t)m->words * sizeof(*here));
		return put_aside(w, in, here, e);
	}
	if (born && !was_alive && n == 0 && load_is_old(w, in))
		return place_old(w, in, here, e);
	if (born && was_alive && aside_any(w->s)) {
		int rc = held_is_old(w->s, in->t, &in->key, e);

		if (rc < 0 ||
		    (rc == 1 && held_drop(w->s, in->t, &in->key, e) < 0))
			return -1;
		was_alive = rc == 0; /* born again, and that is not old */
	}
	if (aside_any(w->s) && leave_waiting(w, in, here, e) < 0)
		return -1;
	if (born && !was_alive)
		return insert_row(w, in, here, e);
	mask_clear(here, REG_LIFE);
	return mask_empty(here, m->words) ? 0 : update_row(w, in, here, e);
}

/* A total order of values; which one does not matter, but all sites have it. */
static int value_order(const struct value *a, const struct value *b)
{
	size_t n = a->n < b->n ? a->n : b->n;
	int c;

	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	switch (a->type) {
	case VALUE_INTEGER:
		return a->i < b->i ? -1 : a->i > b->i;
	case VALUE_REAL:
		return a->r < b->r ? -1 : a->r > b->r;
	case VALUE_TEXT:
	case VALUE_BLOB:
		c = n ? memcmp(a->p, b->p, n) : 0;
		return c ? c : a->n < b->n ? -1 : a->n > b->n;
	default:
		return 0;
	}
}

/* The same for the key's spelling, which is all its columns. */
static int compare_spelling(struct apply_work *w, const struct incoming *in,
    const struct frag *f, struct merge_frag *m, struct err *e)
{
	struct value here;
	int c = 0, rc;

	if (!in->t->present || !mask_has(f->mask.w, REG_SPELLING) ||
	    !mask_has(in->mask.w, REG_SPELLING))
		return 0;
	for (int i = 0; i < in->t->nkey && c == 0; i++) {
		rc = current_value(w, in, in->t->key[i] + REG_COLUMN, &here,
		    e);
		if (rc < 0)
			return -1;
		c = rc ? value_order(&in->values[in->t->key[i]], &here) : 0;
	}
	if (c > 0)
		mask_set(m->greater.w, REG_SPELLING);
	return 0;
}

/* The same version: are the values the same, too? */
static int compare_values(struct apply_work *w, const struct incoming *in,
    const struct frag *f, struct merge_frag *m, struct err *e)
{
	struct value here;
	int c, rc;

	for (int i = 0; i < in->t->ncols; i++) {
		int reg = i + REG_COLUMN;

		if (!mask_has(f->mask.w, reg) || !mask_has(in->mask.w, reg))
			continue;
		rc = current_value(w, in, reg, &here, e);
		if (rc < 0)
			return -1;
		c = rc ? value_order(&in->values[i], &here) : 0;
		if (c)
			mask_set(m->differs.w, reg);
		if (c > 0)
			mask_set(m->greater.w, reg);
	}
	return compare_spelling(w, in, f, m, e);
}

/* Registers of a fragment that the sender, which has not renamed their column
 * yet, has got under the new name: there they wait beside the value of the old
 * one, which its users see and edit. */
static void set_apart(const struct apply_work *w, const struct incoming *in,
    const struct frag *f, struct mask *apart)
{
	memset(apart, 0, sizeof(*apart));
	if (f->seq > in->told && f->arrival != w->sender &&
	    f->ver.origin != w->sender)
		*apart = in->old;
}

int place_fragment(struct apply_work *w, const struct incoming *in,
    struct err *e)
{
	struct merge m;
	int n = frags_of(w->s, in->t, &in->key, w->frags, FRAGS_MAX, e), rc;

	if (n < 0 || (rc = load_base(w, in, n, &w->frags[n], e)) < 0)
		return -1;
	n += rc;
	m.kind = in->kind;
	m.words = in->t->words;
	m.mask = in->mask;
	m.known = work_we_know(w, &in->ver);
	m.partial = in->t->id == 1; /* records complete each other */
	m.base = in->ver.clock <= STORE_CLOCK_LOAD;
	m.frag = w->mfrags;
	w->row_read = false;
	m.nfrag = n;
	for (int i = 0; i < n; i++) {
		struct frag *f = &w->frags[i];

		memset(&w->mfrags[i].mask, 0, sizeof(w->mfrags[i].mask));
		memcpy(w->mfrags[i].mask.w, f->mask.w,
		    (size_t)m.words * sizeof(uint64_t));
		w->mfrags[i].death = f->death;
		w->mfrags[i].cmp = store_version_cmp(w->s, &in->ver, &f->ver);
		w->mfrags[i].base = f->ver.clock <= STORE_CLOCK_LOAD;
		w->mfrags[i].sender_knows = f->seq &&
		    work_sender_knows(w, &f->ver);
		set_apart(w, in, f, &w->mfrags[i].apart);
		memset(&w->mfrags[i].differs, 0, sizeof(struct mask));
		memset(&w->mfrags[i].greater, 0, sizeof(struct mask));
		if (w->mfrags[i].cmp == 0 && f->seq &&
		    compare_values(w, in, f, &w->mfrags[i], e) < 0)
			return -1;
	}
	merge_run(&m);
	rc = record_clashes(w, in, &m, e);
	if (rc == 0)
		rc = write_fragments(w, in, &m, e);
	if (w->row_read)
		row_read_done(in->t);
	w->row_read = false;
	if (rc < 0 || place(w, in, &m, n, e) < 0)
		return -1;
	mask_or(m.win.w, m.gone.w, m.words);
	return w->look && !mask_empty(m.win.w, m.words)
	    ? touch_claims(w, in, m.win.w, e) : 0;
}

/* ---- a group of the bundle */

static bool is_ours(const char *name)
{
	return sqlite3_strnicmp(name, "sqlite_", 7) == 0 ||
	    sqlite3_strnicmp(name, "dialsync_", 9) == 0;
}

/* A table whose key is another there. */
static void tell_key(const struct apply_work *w, const struct table *t,
    int nkey)
{
	char text[500];

	if (!w->s->warn)
		return;
	snprintf(text, sizeof(text), "table %s: its key has %d column%s at %s"
	    " and %d here; its changes wait until it has the same key at both"
	    " and \"dialsync track %s\" was run", t->name, nkey,
	    nkey == 1 ? "" : "s", w->peer->name, t->nkey, t->name);
	w->s->warn(w->s->warn_arg, text);
}

/* Which of our tables a group is for. */
static int group_table(struct apply_work *w, struct bundle_group *g,
    struct table **out, struct err *e)
{
	const char *name = bundle_group_table(g);
	struct table *t = table_by_name(w->s, name);
	int nkey = bundle_group_nkey(g);

	if (!t)
		t = table_by_alias(w->s, name);
	if (!t && is_ours(name))
		return err_set(e, ERR_DATA, "it names the table %s, which is"
		    " not one for peers", name);
	if (!t && (++w->newtables > 200 || w->s->ntables >= 4000))
		return err_set(e, ERR_DATA, "it names too many tables that are"
		    " not here (%s and others)", name);
	if (!t && table_register(w->s, name, &t, e) < 0)
		return -1;
	if (t->nkey == 0) {
		/* not here (yet): its changes are parked and passed on */
		t->nkey = nkey;
		if (db_execf(w->s->db, e, "UPDATE dialsync_table SET nkey = %d"
					  " WHERE t = %lld", nkey,
			(long long)t->id) < 0)
			return -1;
	}
	if (t->nkey == nkey) {
		*out = t;
		return 0;
	}
	/* its key is another there: those changes wait for the table's being
	 * made with that key here, and are passed on meanwhile */
	*out = table_waiting_find(w->s, name, nkey);
	if (*out)
		return 0;
	if (++w->newtables > 200 || w->s->ntables >= 4000)
		return err_set(e, ERR_DATA, "it names too many kinds of keys"
		    " (table %s and others)", name);
	tell_key(w, t, nkey);
	return table_waiting(w->s, name, nkey, out, e);
}

/* The group's columns as ours; new ones are registered. */
static int group_columns(struct apply_work *w, struct bundle_group *g,
    struct table *t, int *cols, struct err *e)
{
	int n = bundle_group_ncols(g);

	if (n + t->ncols > TABLE_PARKED_MAX && n > t->ncols)
		return err_set(e, ERR_DATA, "table %s: %d columns, and %d are"
		    " known here", t->name, n, t->ncols);
	for (int i = 0; i < n; i++) {
		if (table_column(w->s, t, bundle_group_col(g, i), &cols[i],
			e) < 0)
			return -1;
		for (int k = 0; k < i; k++)
			/* one that is renamed here, and not everywhere */
			if (cols[k] == cols[i] &&
			    !sqlite3_stricmp(bundle_group_col(g, k),
				bundle_group_col(g, i)))
				return err_set(e, ERR_DATA,
				    "table %s: column %s twice", t->name,
				    t->cols[cols[i]].name);
	}
	return 0;
}

/* Those of them that were renamed here, and not at the sender. */
static int group_renamed(struct apply_work *w, struct bundle_group *g,
    struct incoming *in, const int *cols, struct err *e)
{
	int n = bundle_group_ncols(g);

	memset(&in->old, 0, sizeof(in->old));
	in->told = INT64_MAX;
	for (int i = 0; i < n; i++) {
		const char *name = bundle_group_col(g, i);
		int64_t told;

		if (!sqlite3_stricmp(name, in->t->cols[cols[i]].name))
			continue;
		if (table_told(w->s, in->t, name, w->peer->id, &told, e) < 0)
			return -1;
		mask_set(in->old.w, cols[i] + REG_COLUMN);
		if (told < in->told)
			in->told = told;
	}
	return 0;
}

/* One row of a group as a fragment. */
static bool row_incoming(struct apply_work *w, struct bundle_group *g,
    const struct bundle_rowview *row, const int *cols, struct value *values,
    struct incoming *in)
{
	struct table *t = in->t;
	int n = bundle_group_ncols(g);

	memset(in->mask.w, 0, sizeof(in->mask.w));
	in->ver.clock = row->clock;
	in->ver.origin = w->origins[row->origin];
	if (in->kind != BUNDLE_UPDATE)
		mask_set(in->mask.w, REG_LIFE);
	if (in->kind == BUNDLE_BIRTH)
		mask_set(in->mask.w, REG_SPELLING);
	if (t->present)
		for (int i = 0; i < t->nkey; i++)
			values[t->key[i]] = row->key[i];
	for (int i = 0; i < n; i++) {
		if (!row->has[i] || (mask_has(in->mask.w, cols[i] +
			REG_COLUMN) && !t->cols[cols[i]].keypos))
			continue;
		values[cols[i]] = row->field[i];
		if (t->cols[cols[i]].present && t->cols[cols[i]].keypos)
			mask_set(in->mask.w, REG_SPELLING);
		else
			mask_set(in->mask.w, cols[i] + REG_COLUMN);
	}
	buf_reset(&w->scratch);
	return key_make(t, row->key, &w->scratch, &in->key);
}

int check_group(struct store *s, struct bundle_group *g, struct err *e)
{
	const char *name = bundle_group_table(g);
	struct table *t = table_by_name(s, name);
	int n = bundle_group_ncols(g);

	if (!t && is_ours(name))
		return err_set(e, ERR_DATA, "it names the table %s, which is"
		    " not one for peers", name);
	for (int i = 0; i < n; i++)
		for (int k = 0; k < i; k++)
			if (!sqlite3_stricmp(bundle_group_col(g, i),
				bundle_group_col(g, k)))
				return err_set(e, ERR_DATA,
				    "table %s: column %s twice", name,
				    bundle_group_col(g, i));
	return 0;
}

int check_row(const struct bundle_rowview *row, size_t norigins,
    int64_t limit, int64_t *far_clock, const char *table, struct err *e)
{
	if (row->origin >= norigins)
		return err_set(e, ERR_DATA, "an origin has no name");
	if (row->clock < 0 || row->clock > STORE_CLOCK_MAX)
		return err_set(e, ERR_DATA, "table %s: a clock that cannot be:"
		    " %lld s", table, (long long)row->clock);
	if (row->clock > limit) {
		*far_clock = row->clock;
		return err_set(e, ERR_DATA, "table %s: a change is stamped far"
		    " ahead of this computer's clock", table);
	}
	return 0;
}

int place_held(struct apply_work *w, struct err *e)
{
	for (size_t i = 0; i < w->ntouched; i++) {
		struct table *t = table_by_id(w->s, w->touched[i]);

		if (t && held_evaluate(w->s, t, &w->held, e) < 0)
			return -1;
	}
	w->ntouched = 0;
	return 0;
}

/* Look up what the group is about; again when a part was committed. */
static int group_begin(struct apply_work *w, struct bundle_group *g,
    struct incoming *in, int *cols, struct err *e)
{
	int rc;

	if (group_table(w, g, &in->t, e) < 0 ||
	    group_columns(w, g, in->t, cols, e) < 0 ||
	    group_renamed(w, g, in, cols, e) < 0)
		return -1;
	/* rows that this transaction holds are looked at anyway; those that
	 * were held before it began, only if the group touches them */
	rc = in->t->present ? held_any(w->s, in->t, e) : 0;
	w->look = rc == 1;
	return rc < 0 ? -1 : 0;
}

int place_group(struct apply_work *w, struct bundle_group *g, struct err *e)
{
	static int cols[BUNDLE_COLUMNS_MAX + 1];
	static struct value values[MASK_WORDS * MASK_BITS];
	struct bundle_rowview row;
	struct incoming in;
	int rc;

	memset(&in, 0, sizeof(in));
	if (group_begin(w, g, &in, cols, e) < 0)
		return -1;
	in.kind = bundle_group_kind(g);
	in.values = values;
	while ((rc = bundle_group_next(g, &row, e)) == 1) {
		if (check_row(&row, w->head.norigins, w->limit, &w->far_clock,
			in.t->name, e) < 0)
			return -1;
		if (!row_incoming(w, g, &row, cols, values, &in))
			return err_set(e, ERR_DATA, "table %s: a key is NULL",
			    in.t->name);
		if ((w->naming && load_name(w, &in, e) < 0) ||
		    place_fragment(w, &in, e) < 0)
			return -1;
		rc = w->row_done(w, e);
		if (rc < 0 || (rc == 1 && group_begin(w, g, &in, cols, e) < 0))
			return -1;
	}
	return rc;
}
