/* Held rows and values. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conflicts/conflicts.h"
#include "store/key.h"

/* ---- values that wait for a person */

/* The registers have what is decided: nothing of it waits any more.  What is of
 * a column that was dropped here stays parked: it is all there is of it. */
static int drop_waiting(struct work *w, struct table *t,
    const struct value *key, const uint64_t *regs, struct err *e)
{
	for (int i = 0; i < t->ncols; i++)
		if (mask_has(regs, i + REG_COLUMN) && t->cols[i].present &&
		    aside_drop(w->s, t, key, i + REG_COLUMN, e) < 0)
			return -1;
	return held_wait_drop(w->s, t, key, regs, e);
}

int wait_keep(struct work *w, struct table *t, const struct value *key,
    const uint64_t *regs, struct err *e)
{
	uint64_t here[MASK_WORDS];

	if (drop_waiting(w, t, key, regs, e) < 0)
		return -1;
	/* the table has the values already, so no trigger would log them */
	return mask_and(here, regs, t->all.w, t->words)
	    ? log_by_hand(w->s, t, key, 0, here, e) : 0;
}

int wait_place(struct work *w, struct table *t, const struct value *key,
    const uint64_t *regs, struct err *e)
{
	struct value *values = work_alloc(w,
	    (size_t)t->ncols * sizeof(*values));
	uint64_t set[MASK_WORDS] = {0};

	for (int i = 0; i < t->ncols; i++) {
		struct value v;
		int rc;

		if (!mask_has(regs, i + REG_COLUMN))
			continue;
		rc = aside_get(w->s, t, key, i + REG_COLUMN, &v, e);
		if (rc < 0)
			return -1;
		if (rc == 0)
			continue;
		values[i] = work_copy(w, &v);
		mask_set(set, i + REG_COLUMN);
	}
	/* no edit of this site: the registers have these values already */
	if (!mask_empty(set, t->words) &&
	    edit_row(w, t, key, set, values, e) < 0)
		return -1;
	return drop_waiting(w, t, key, regs, e);
}

struct settling {
	const struct held_row *h;
	const struct table *t;
	const uint64_t *regs;
	const char *how;
	int64_t n[256];
	int count;
};

/* Is it one that this decision settles? */
static int find_waiting(struct work *w, const struct record *r, void *arg)
{
	struct settling *s = arg;
	int i = r->field.n ? record_column(w, s->t, r->field.p) : -1;

	if (s->count < 256 && r->tbl.p && r->key.p && r->lost_site.p &&
	    strcasecmp(r->tbl.p, s->t->name) == 0 &&
	    r->key.n == s->h->key.n &&
	    memcmp(r->key.p, s->h->key.p, r->key.n) == 0 &&
	    strcmp(r->lost_site.p, w->s->site) == 0 && r->kind.p &&
	    (strcmp(r->kind.p, CONFLICT_BIRTH) == 0 ||
		(strcmp(r->kind.p, CONFLICT_EDIT) == 0 && i >= 0 &&
		    mask_has(s->regs, i + REG_COLUMN))))
		s->n[s->count++] = r->n;
	return 0;
}

static int settle_waiting(struct work *w, const struct held_row *h,
    const struct table *t, const uint64_t *regs, const char *how,
    struct err *e)
{
	struct work other = {.s = w->s, .ask = w->ask, .arena = ARENA_INIT};
	struct settling s = {.h = h, .t = t, .regs = regs, .how = how};
	struct record r;
	int rc = records_each(&other, false, find_waiting, &s, e);

	for (int i = 0; i < s.count && rc == 0; i++) {
		rc = record_get(&other, s.n[i], &r, e);
		if (rc == 0)
			rc = settle(&other, &r, how, e);
	}
	arena_free(&other.arena);
	return rc;
}

/* ---- a row that its table refuses */

/* Does the reason name column i: UNIQUE ("u"): ..., or SQLite's own words,
 * NOT NULL constraint failed: t.u? */
static bool blames(const struct table *t, int i, const struct text *why)
{
	char *quoted = db_quote(t->cols[i].name);
	char *full = sqlite3_mprintf("%s.%s", t->name, t->cols[i].name);
	const char *at = why->p && full ? strstr(why->p, full) : NULL;
	bool yes = at && strchr(", ;", at[strlen(full)]);

	if (why->p && strncmp(why->p, "UNIQUE (", 8) == 0)
		yes |= strstr(why->p, quoted) != NULL;
	sqlite3_free(full);
	free(quoted);
	return yes;
}

/* The column that --value is for: the one that the reason names, or the only
 * one whose value is aside. */
static int blocked_column(struct work *w, struct table *t,
    const struct held_row *h, struct err *e)
{
	struct mask aside;
	int found = -1, n = 0;

	memset(&aside, 0, sizeof(aside));
	if (aside_mask(w->s, t, &h->k, aside.w, e) < 0)
		return -1;
	for (int i = 0; i < t->ncols; i++) {
		if (!t->cols[i].present || t->cols[i].keypos ||
		    !mask_has(aside.w, i + REG_COLUMN))
			continue;
		if (blames(t, i, &h->why))
			return i;
		found = i;
		n++;
	}
	if (n == 1)
		return found;
	return err_set(e, ERR_DATA, "it cannot be told which column --value"
	    " is for; change what is in the way instead: \"dialsync conflicts"
	    " show h%lld\"", (long long)h->n);
}

/* All values aside, the others as the table has them. */
static int aside_row(struct work *w, struct table *t, const struct held_row *h,
    struct value *values, struct mask *set, struct err *e)
{
	struct value cols[16];

	memset(set, 0, sizeof(*set));
	if (!key_split(t, &h->k, cols) ||
	    aside_mask(w->s, t, &h->k, set->w, e) < 0)
		return -1;
	for (int i = 0; i < t->nkey; i++)
		values[t->key[i]] = cols[i];
	for (int i = 0; i < t->ncols; i++) {
		struct value v;

		if (!mask_has(set->w, i + REG_COLUMN))
			continue;
		if (!t->cols[i].present) {
			mask_clear(set->w, i + REG_COLUMN);
			continue;
		}
		if (aside_get(w->s, t, &h->k, i + REG_COLUMN, &v, e) < 0)
			return -1;
		values[i] = work_copy(w, &v);
	}
	return 0;
}

static int take_value(struct work *w, const struct held_row *h, struct table *t,
    struct err *e)
{
	struct value *values = work_alloc(w,
	    (size_t)t->ncols * sizeof(*values));
	struct mask set;
	int there, rc, i = blocked_column(w, t, h, e);

	memset(values, 0, (size_t)t->ncols * sizeof(*values));
	if (i < 0 || aside_row(w, t, h, values, &set, e) < 0)
		return -1;
	asked_value(w, &values[i]);
	there = row_exists(w->s, t, &h->k, e);
	if (there < 0)
		return -1;
	/* of a row in its table only the one value is edited */
	if (there) {
		memset(&set, 0, sizeof(set));
		mask_set(set.w, i + REG_COLUMN);
	}
	if (drop_waiting(w, t, &h->k, set.w, e) < 0 ||
	    held_drop(w->s, t, &h->k, e) < 0)
		return -1;
	as_application(w, true, true);
	rc = there ? edit_row(w, t, &h->k, set.w, values, e)
		   : insert_row(w, t, set.w, values, e);
	as_application(w, false, false);
	if (rc < 0)
		return -1;
	buf_addf(&w->say, "row %s of %s is in its table, with ", h->key.p,
	    t->name);
	buf_addf(&w->say, "%s ", t->cols[i].name);
	put_value(&w->say, &values[i], 60);
	return 0;
}

/* ---- */

static struct table *table_of(struct work *w, const struct held_row *h,
    struct err *e)
{
	struct table *t = table_by_id(w->s, h->t);

	if (t && t->present)
		return t;
	err_set(e, ERR_DATA, "table %s is not here, or not tracked:"
	    " \"dialsync track\" it first", h->tbl.p);
	return NULL;
}

int take_held(struct work *w, const struct held_row *h, struct err *e)
{
	struct table *t = table_of(w, h, e);
	uint64_t wait[MASK_WORDS];
	int rc = t ? held_wait(w->s, t, &h->k, wait, e) : -1;

	if (rc < 0)
		return -1;
	if (w->ask->as_new)
		return err_set(e, ERR_USAGE, "--as-new is for two rows of one"
		    " key; h%lld is a held row", (long long)h->n);
	if (rc == 1 && !w->ask->value) {
		if (wait_keep(w, t, &h->k, wait, e) < 0 ||
		    settle_waiting(w, h, t, wait, SETTLED_TAKEN, e) < 0)
			return -1;
		buf_addf(&w->say, "what this site wrote into row %s of %s"
		    " holds", h->key.p, t->name);
		return 0;
	}
	if (w->ask->value)
		return take_value(w, h, t, e);
	return err_set(e, ERR_DATA, "row %s of %s is held: %s; change what is"
	    " in its way (\"dialsync conflicts show h%lld\") and it comes by"
	    " itself, or give it another value with --value", h->key.p,
	    t->name, h->why.p, (long long)h->n);
}

int dismiss_held(struct work *w, const struct held_row *h, struct err *e)
{
	struct table *t = table_of(w, h, e);
	uint64_t wait[MASK_WORDS];
	int rc = t ? held_wait(w->s, t, &h->k, wait, e) : -1;

	if (rc < 0)
		return -1;
	if (rc == 1) {
		if (wait_place(w, t, &h->k, wait, e) < 0 ||
		    settle_waiting(w, h, t, wait, SETTLED_DISMISSED, e) < 0)
			return -1;
		buf_addf(&w->say, "what had waited is in row %s of %s now",
		    h->key.p, t->name);
		return 0;
	}
	return err_set(e, ERR_DATA, "a held row cannot be dismissed, since"
	    " every site has it: change what is in its way (\"dialsync"
	    " conflicts show h%lld\"), or give it another value with \"take"
	    " h%lld --value V\"", (long long)h->n, (long long)h->n);
}
