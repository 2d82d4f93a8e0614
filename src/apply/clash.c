/* Conflicts: found while merging, written as rows that sync. */
#include "config.h"

#include <string.h>

#include "apply/apply_p.h"
#include "base/json.h"
#include "store/held.h"
#include "store/key.h"
#include "store/know.h"

bool work_sender_knows(const struct apply_work *w, const struct version *v)
{
	/* this site's rows of before: a peer that was never sent them has
	 * them, too */
	bool base = v->origin == 0 ||
	    (w->peer->load == 0 && store_version_loaded(w->s, v));

	return know_covers(base, v->origin <= w->norigins
	    ? w->sender_knows[v->origin] : KNOW_NOTHING, v->clock);
}

bool work_we_know(const struct apply_work *w, const struct version *v)
{
	const struct origin *o = store_origin_get(w->s, v->origin);

	return know_covers(v->origin == 0, o ? o->known : KNOW_NOTHING,
	    v->clock);
}

int current_value(struct apply_work *w, const struct incoming *in, int reg,
    struct value *v, struct err *e)
{
	int rc = aside_get(w->s, in->t, &in->key, reg, v, e);
	int col = reg - REG_COLUMN;

	if (rc != 0)
		return rc;
	if (!w->row_read) {
		w->row_there = row_read(w->s, in->t, &in->key, w->row, e);
		if (w->row_there < 0)
			return -1;
		w->row_read = true;
	}
	if (!w->row_there || col < 0 || !in->t->cols[col].present)
		return 0;
	*v = w->row[col];
	return 1;
}

static int record(struct apply_work *w, const struct conflict *c,
    struct err *e)
{
	int rc = conflict_add(w->s, c, e);

	w->conflicts += rc > 0;
	return rc < 0 ? -1 : 0;
}

/* Two values of one register met; c says that what came has won. */
static int clash_edit(struct apply_work *w, const struct incoming *in,
    const struct frag *f, struct conflict *c, const struct value *here,
    bool greater, struct err *e)
{
	int order = store_version_cmp(w->s, &in->ver, &f->ver);

	c->lost = here;
	/* one version: the greater value stays */
	if (order < 0 || (order == 0 && !greater)) {
		c->loser = in->ver;
		c->winner = f->ver;
		c->lost = c->won;
		c->won = here;
	}
	return record(w, c, e);
}

/* A value that a birth took which does not have the column: what came met
 * such a birth, or is one. */
static int clash_gone(struct apply_work *w, const struct incoming *in,
    struct conflict *c, const struct value *here, int col, struct err *e)
{
	c->lost = here;
	c->won = NULL;
	if (mask_has(in->mask.w, col + REG_COLUMN)) {
		struct version v = c->loser;

		c->loser = c->winner;
		c->winner = v;
		c->lost = &in->values[col];
	}
	return !c->lost || c->lost->type == VALUE_NULL ? 0 : record(w, c, e);
}

/* Two values of one register met, and neither site knew of the other's. */
int clash_registers(struct apply_work *w, const struct incoming *in,
    const struct frag *f, const uint64_t *regs, const uint64_t *greater,
    struct err *e)
{
	for (int i = 0; i < in->t->ncols; i++) {
		struct conflict c = {.kind = CONFLICT_EDIT, .table = in->t,
		    .key = &in->key, .field = in->t->cols[i].name,
		    .loser = f->ver, .winner = in->ver,
		    .won = &in->values[i], .bundle = w->name};
		struct value here;
		int rc;

		if (!mask_has(regs, i + REG_COLUMN))
			continue;
		rc = current_value(w, in, i + REG_COLUMN, &here, e);
		if (rc < 0)
			return -1;
		if (!mask_has(in->mask.w, i + REG_COLUMN) ||
		    !mask_has(f->mask.w, i + REG_COLUMN))
			rc = clash_gone(w, in, &c, rc == 1 ? &here : NULL, i,
			    e);
		else if (rc == 1 && !value_same(&here, &in->values[i]))
			rc = clash_edit(w, in, f, &c, &here,
			    mask_has(greater, i + REG_COLUMN), e);
		else
			rc = 0;
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* Do the two births differ in anything? 1, 0, -1. */
static int births_differ(struct apply_work *w, const struct incoming *in,
    const struct frag *f, const uint64_t *regs, struct err *e)
{
	struct value here;

	for (int i = 0; i < in->t->ncols; i++) {
		int rc;

		if (!mask_has(regs, i + REG_COLUMN))
			continue;
		rc = current_value(w, in, i + REG_COLUMN, &here, e);
		if (rc < 0)
			return -1;
		if (!mask_has(in->mask.w, i + REG_COLUMN))
			rc = rc == 1 && here.type != VALUE_NULL ? 2 : 0;
		else if (!mask_has(f->mask.w, i + REG_COLUMN))
			rc = in->values[i].type != VALUE_NULL ? 2 : 0;
		if (rc == 2 ||
		    (rc == 1 && !value_same(&here, &in->values[i])))
			return 1;
	}
	return 0;
}

/* A birth that came.  Columns that were edited since at its site are not in
 * it: these edits meet the row one by one. */
static void incoming_json(const struct incoming *in, struct buf *out)
{
	if (in->t->present)
		row_json_put(in->t, in->mask.w, in->values, out);
}

int row_json_here(struct apply_work *w, const struct incoming *in,
    struct buf *out, struct err *e)
{
	const struct table *t = in->t;
	struct value key[16], v;
	struct held h;
	struct json j;
	int rc = 0;

	if (!t->present || !key_split(t, &in->key, key))
		return 0;
	if (!w->row_read) {
		rc = w->row_there = row_read(w->s, in->t, &in->key, w->row, e);
		w->row_read = rc >= 0;
	}
	if (rc >= 0 && !w->row_there)
		rc = aside_any(w->s) ? held_get(w->s, t, &in->key, &h, e) : 0;
	if (rc < 0 || (rc == 0 && !w->row_there))
		return rc;
	json_init(&j, out);
	json_object(&j, NULL);
	/* what waits for a column that is not here yet is of the row, too */
	for (int i = 0; i < t->ncols; i++) {
		rc = current_value(w, in, i + REG_COLUMN, &v, e);
		if (rc < 0)
			return -1;
		if (rc == 0 && t->cols[i].keypos)
			v = key[t->cols[i].keypos - 1];
		if (rc == 1 || t->cols[i].keypos)
			row_json_value(&j, t->cols[i].name, &v);
	}
	json_end(&j, '}');
	/* what cannot travel is not kept */
	if (out->failed || out->n > VALUE_MAX)
		buf_reset(out);
	return 0;
}

/* One key was born at two sites: one record, with the row that lost; or, where
 * the row is larger than a record can be, one for each of its values. */
int clash_birth(struct apply_work *w, const struct incoming *in,
    const struct frag *f, const uint64_t *regs, struct err *e)
{
	struct buf row = BUF_INIT(SIZE_MAX);
	struct conflict c = {.kind = CONFLICT_BIRTH, .table = in->t,
	    .key = &in->key, .field = "", .loser = f->ver,
	    .winner = in->ver, .bundle = w->name, .row = &row};
	int rc = births_differ(w, in, f, regs, e);

	if (rc <= 0)
		return rc;
	if (store_version_cmp(w->s, &in->ver, &f->ver) < 0) {
		c.loser = in->ver;
		c.winner = f->ver;
		incoming_json(in, &row);
	} else {
		rc = row_json_here(w, in, &row, e);
	}
	/* a row too large to travel in one piece: value by value */
	if (rc >= 0)
		rc = in->t->present && row.n == 0
		    ? clash_registers(w, in, f, regs, regs, e)
		    : record(w, &c, e);
	buf_free(&row);
	return rc;
}

/* A birth lost to a death, or a death to a birth. */
int clash_life(struct apply_work *w, const struct incoming *in,
    const struct frag *life, struct err *e)
{
	struct buf row = BUF_INIT(SIZE_MAX);
	bool birth = in->kind == BUNDLE_BIRTH;
	struct value what = {.type = VALUE_TEXT, .p = birth ? "birth" : "death",
	    .n = 5};
	struct conflict c = {.kind = CONFLICT_LIFE, .table = in->t,
	    .key = &in->key, .field = "", .loser = in->ver,
	    .winner = life->ver, .lost = &what, .bundle = w->name,
	    .row = &row};
	int rc;

	if (birth)
		incoming_json(in, &row);
	rc = record(w, &c, e);
	buf_free(&row);
	return rc;
}

int late_add(struct apply_work *w, const struct incoming *in, int reg,
    const struct value *v, const struct version *ver, const char *row,
    struct err *e)
{
	struct late *l = arena_alloc(&w->arena, sizeof(*l));

	if (!l)
		return err_set(e, ERR_SYSTEM, "out of memory");
	memset(l, 0, sizeof(*l));
	l->table = in->t->id;
	l->key = in->key;
	l->value = *v;
	l->reg = reg;
	l->ver = *ver;
	l->incoming = ver == &in->ver;
	l->row = row;
	if (l->key.type == VALUE_TEXT || l->key.type == VALUE_BLOB)
		l->key.p = arena_copy(&w->arena, in->key.p, in->key.n);
	if (v->type == VALUE_TEXT || v->type == VALUE_BLOB)
		l->value.p = arena_copy(&w->arena, v->p, v->n);
	l->next = w->late;
	w->late = l;
	/* bounded: what a hostile bundle piles up is judged in portions */
	return w->arena.total > ((size_t)8 << 20) ? late_judge(w, e) : 0;
}

/* The death that stands for the row now, if one does. */
static int standing_death(struct apply_work *w, const struct table *t,
    const struct late *l, struct version *v, struct err *e)
{
	int n = frags_of(w->s, t, &l->key, w->judged, FRAGS_MAX, e);

	for (int i = 0; i < n; i++)
		if (w->judged[i].death) {
			*v = w->judged[i].ver;
			return 1;
		}
	return n < 0 ? -1 : 0;
}

int late_judge(struct apply_work *w, struct err *e)
{
	for (struct late *l = w->late; l; l = l->next) {
		struct table *t = table_by_id(w->s, l->table);
		struct buf row = {(char *)l->row, l->row ? strlen(l->row) : 0,
		    0, 0, false};
		struct conflict c = {.kind = CONFLICT_DEATH, .table = t,
		    .key = &l->key, .loser = l->ver, .lost = &l->value,
		    .bundle = w->name, .row = &row};
		int rc = t ? standing_death(w, t, l, &c.winner, e) : 0;

		if (rc < 0)
			return -1;
		/* alive again, or the sender deleted it knowingly */
		if (rc == 0 ||
		    (l->incoming && work_sender_knows(w, &c.winner)))
			continue;
		c.field = t->cols[l->reg - REG_COLUMN].name;
		if (record(w, &c, e) < 0)
			return -1;
	}
	w->late = NULL;
	arena_reset(&w->arena);
	return 0;
}
