/* Conflicts: found while merging, written as rows that sync. */
#include "config.h"

#include <string.h>

#include "apply/apply_p.h"
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

/* Two values of one register met, and neither site knew of the other's. */
int clash_registers(struct apply_work *w, const struct incoming *in,
    const struct frag *f, const uint64_t *regs, const uint64_t *greater,
    struct err *e)
{
	int order = store_version_cmp(w->s, &in->ver, &f->ver);

	for (int i = 0; i < in->t->ncols; i++) {
		struct conflict c = {in->t, &in->key, in->t->cols[i].name,
		    f->ver, in->ver, NULL, &in->values[i], w->name};
		struct value here;
		int rc;

		if (!mask_has(regs, i + REG_COLUMN))
			continue;
		rc = current_value(w, in, i + REG_COLUMN, &here, e);
		if (rc < 0)
			return -1;
		if (rc == 0 || value_same(&here, &in->values[i]))
			continue;
		c.lost = &here;
		/* one version: the greater value stays */
		if (order < 0 || (order == 0 &&
				     !mask_has(greater, i + REG_COLUMN))) {
			c.loser = in->ver;
			c.winner = f->ver;
			c.lost = &in->values[i];
			c.won = &here;
		}
		if (record(w, &c, e) < 0)
			return -1;
	}
	return 0;
}

/* A birth lost to a death, or a death to a birth. */
int clash_life(struct apply_work *w, const struct incoming *in,
    const struct frag *life, struct err *e)
{
	struct conflict c = {in->t, &in->key, "", in->ver, life->ver, NULL,
	    NULL, w->name};

	return record(w, &c, e);
}

int late_add(struct apply_work *w, const struct incoming *in, int reg,
    const struct value *v, const struct version *ver, bool incoming,
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
	l->incoming = incoming;
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
		struct conflict c = {t, &l->key, "", l->ver, {0, 0}, &l->value,
		    NULL, w->name};
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
