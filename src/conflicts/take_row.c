/* Whole rows come back: after a death, beside another of their key, or because
 * others refer to them. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conflicts/conflicts.h"
#include "store/key.h"

static struct value *row_values(struct work *w, const struct table *t)
{
	return work_alloc(w, (size_t)t->ncols * sizeof(struct value));
}

/* ---- an edit that lost to a death */

struct twins {
	const struct record *of;
	int n;
	int64_t number[64];
};

/* Other fields of the same row that the same death took: with the row they are
 * back, too. */
static int find_twin(struct work *w, const struct record *r, void *arg)
{
	struct twins *t = arg;
	const struct record *o = t->of;

	(void)w;
	if (r->n != o->n && t->n < 64 && r->kind.p && r->tbl.p && r->key.p &&
	    r->won_site.p && strcmp(r->kind.p, CONFLICT_DEATH) == 0 &&
	    strcmp(r->tbl.p, o->tbl.p) == 0 &&
	    strcmp(r->key.p, o->key.p) == 0 &&
	    r->won_clock == o->won_clock &&
	    strcmp(r->won_site.p, o->won_site.p) == 0)
		t->number[t->n++] = r->n;
	return 0;
}

static int settle_twins(struct work *w, const struct record *r,
    struct err *e)
{
	struct work other = {.s = w->s, .ask = w->ask, .arena = ARENA_INIT};
	struct twins t = {.of = r, .n = 0};
	struct record twin;
	int rc = records_each(&other, false, find_twin, &t, e);

	for (int i = 0; i < t.n && rc == 0; i++) {
		rc = record_get(&other, t.number[i], &twin, e);
		if (rc == 0)
			rc = settle(&other, &twin, SETTLED_TAKEN, e);
	}
	if (t.n)
		buf_addf(&w->say, "; that settles %d other conflict%s of it,"
		    " too", t.n, t.n == 1 ? "" : "s");
	arena_free(&other.arena);
	return rc;
}

int take_death(struct work *w, const struct record *r, struct err *e)
{
	struct table *t;
	struct value key, *values;
	struct mask set;
	int i, rc;

	if (record_row(w, r, &t, &key, e) < 0)
		return -1;
	i = record_column(w, t, r->field.p);
	if (i < 0 || t->cols[i].keypos)
		return err_set(e, ERR_DATA, "table %s has no column %s here"
		    " (any more) that has a value to put back; dismiss it",
		    t->name, r->field.p);
	values = row_values(w, t);
	rc = row_exists(w->s, t, &key, e);
	if (rc < 0)
		return -1;
	if (rc == 0 && kept_row(w, r, t, &key, values, &set, e) < 0)
		return -1;
	if (rc == 1)
		memset(&set, 0, sizeof(set));
	values[i] = r->lost;
	if (w->ask->value)
		asked_value(w, &values[i]);
	mask_set(set.w, i + REG_COLUMN);
	as_application(w, true, true);
	if (rc == 1) {
		rc = edit_row(w, t, &key, set.w, values, e);
		buf_addf(&w->say, "%s of %s %s is back", r->field.p, t->name,
		    r->key.p);
	} else {
		rc = insert_row(w, t, set.w, values, e);
		buf_addf(&w->say, "row %s of %s is back", r->key.p, t->name);
		if (rc == 1 && settle_twins(w, r, e) < 0)
			rc = -1;
	}
	as_application(w, false, false);
	return rc < 0 ? -1 : settle(w, r, SETTLED_TAKEN, e);
}

/* ---- two births of one key */

/* A number that no row has and none ever had, as far as is known here. */
static int next_number(struct work *w, const struct table *t, int64_t *n,
    struct err *e)
{
	char *name = db_quote(t->name), *col = db_quote(
	    t->cols[t->key[0]].name);
	char *sql = sqlite3_mprintf("SELECT max(coalesce((SELECT max(%s) FROM"
	    " %s WHERE typeof(%s) = 'integer'), 0), coalesce((SELECT max(k)"
	    " FROM dialsync_frag WHERE t = %lld AND typeof(k) = 'integer'),"
	    " 0))", col, name, col, (long long)t->id);
	int rc = sql ? db_int(w->s->db, sql, 0, n, e) : -1;

	sqlite3_free(sql);
	free(name);
	free(col);
	if (rc == 0 && *n == INT64_MAX)
		return err_set(e, ERR_DATA, "%s has no number left; give one"
		    " with --value", t->name);
	++*n;
	return rc;
}

static bool like_uuid(const struct value *v)
{
	if (v->type != VALUE_TEXT || v->n != 36)
		return false;
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? v->p[i] != '-'
			 : !strchr("0123456789abcdefABCDEF", v->p[i]))
			return false;
	}
	return true;
}

/* A UUID made of the conflict's id (version 8): two sites that take the same
 * conflict at once make the same row of it. */
static void put_uuid(const struct record *r, bool upper, char out[37])
{
	uint64_t h[2];

	for (int k = 0; k < 2; k++) {
		/* FNV-1a, with two beginnings, and a mix behind it */
		h[k] = UINT64_C(14695981039346656037) + (uint64_t)k;
		for (size_t i = 0; i < r->id.n; i++)
			h[k] = (h[k] ^ (unsigned char)r->id.p[i]) *
			    UINT64_C(1099511628211);
		h[k] ^= h[k] >> 31;
		h[k] *= UINT64_C(0x9E3779B97F4A7C15);
		h[k] ^= h[k] >> 29;
	}
	snprintf(out, 37, upper ? "%08X-%04X-8%03X-%04X-%012llX"
				: "%08x-%04x-8%03x-%04x-%012llx",
	    (unsigned)(h[0] >> 32), (unsigned)(h[0] >> 16 & 0xFFFF),
	    (unsigned)(h[0] & 0xFFF),
	    (unsigned)(h[1] >> 48 & 0x3FFF) | 0x8000,
	    (unsigned long long)(h[1] & UINT64_C(0xFFFFFFFFFFFF)));
}

/* The key of the row of its own. */
static int new_key(struct work *w, const struct record *r,
    const struct table *t, struct value *v, struct err *e)
{
	char *text;

	if (t->nkey != 1)
		return err_set(e, ERR_DATA, "the key of %s has several"
		    " columns: insert the row by hand under a key of your"
		    " choice (\"dialsync conflicts show %lld\" has its"
		    " values), then dismiss this", t->name, (long long)r->n);
	if (w->ask->value) {
		asked_value(w, v);
		return v->type == VALUE_NULL
		    ? err_set(e, ERR_USAGE, "a key cannot be NULL") : 0;
	}
	if (v->type == VALUE_INTEGER) {
		return next_number(w, t, &v->i, e);
	}
	if (!like_uuid(v))
		return err_set(e, ERR_USAGE, "%s is neither a number nor a"
		    " UUID, so no new key can be made for the row: give one,"
		    " with --as-new --value KEY", r->key.p);
	text = work_alloc(w, 37);
	put_uuid(r, strpbrk(v->p, "ABCDEF") && !strpbrk(v->p, "abcdef"),
	    text);
	v->p = text;
	return 0;
}

/* Columns that the row's own site had edited before it lost are not in it: these
 * edits lost one by one, or hold in the row that won. */
struct filling {
	const struct record *of;
	const struct table *t;
	struct value *values;
	struct mask *set;
	struct work *w;
};

static int fill_one(struct work *other, const struct record *r, void *arg)
{
	struct filling *f = arg;
	int i = r->field.n ? record_column(other, f->t, r->field.p) : -1;

	if (i < 0 || mask_has(f->set->w, i + REG_COLUMN) || !r->kind.p ||
	    !r->tbl.p || !r->key.p || !r->lost_site.p ||
	    strcmp(r->kind.p, CONFLICT_EDIT) != 0 ||
	    strcmp(r->tbl.p, f->of->tbl.p) != 0 ||
	    strcmp(r->key.p, f->of->key.p) != 0 ||
	    strcmp(r->lost_site.p, f->of->lost_site.p) != 0)
		return 0;
	f->values[i] = work_copy(f->w, &r->lost);
	mask_set(f->set->w, i + REG_COLUMN);
	return 0;
}

static int fill_row(struct work *w, const struct record *r, struct table *t,
    const struct value *key, struct value *values, struct mask *set,
    struct err *e)
{
	struct work other = {.s = w->s, .ask = w->ask, .arena = ARENA_INIT};
	struct filling f = {r, t, values, set, w};
	struct value *now = row_values(w, t);
	struct frag *frags = work_alloc(w, FRAGS_MAX * sizeof(*frags));
	int n, rc = records_each(&other, true, fill_one, &f, e);

	arena_free(&other.arena);
	n = rc < 0 ? -1 : frags_of(w->s, t, key, frags, FRAGS_MAX, e);
	rc = n < 0 ? -1 : row_read(w->s, t, key, now, e);
	for (int k = 0; k < n && rc == 1; k++) {
		const struct origin *o = store_origin_get(w->s,
		    frags[k].ver.origin);

		for (int i = 0; o && strcmp(o->site, r->lost_site.p) == 0 &&
		     i < t->ncols; i++)
			if (mask_has(frags[k].mask.w, i + REG_COLUMN) &&
			    t->cols[i].present && !t->cols[i].keypos &&
			    !mask_has(set->w, i + REG_COLUMN)) {
				values[i] = work_copy(w, &now[i]);
				mask_set(set->w, i + REG_COLUMN);
			}
	}
	row_read_done(t);
	return rc < 0 ? -1 : 0;
}

static int take_as_new(struct work *w, const struct record *r,
    struct table *t, struct value *values, struct mask *set, struct err *e)
{
	struct value *key = &values[t->key[0]];
	int rc;

	if (new_key(w, r, t, key, e) < 0)
		return -1;
	as_application(w, true, true);
	rc = insert_row(w, t, set->w, values, e);
	as_application(w, false, false);
	if (rc < 0)
		return -1;
	buf_addf(&w->say, "the row that lost is a row of its own in %s, with"
	    " key ", t->name);
	put_value(&w->say, key, 60);
	return settle(w, r, SETTLED_TAKEN, e);
}

int take_birth(struct work *w, const struct record *r, struct err *e)
{
	uint64_t wait[MASK_WORDS];
	struct table *t;
	struct value key, *values;
	struct mask set;
	int rc;

	if (w->ask->value && !w->ask->as_new)
		return err_set(e, ERR_USAGE, "conflict %lld is about a whole"
		    " row: --value gives the key of --as-new",
		    (long long)r->n);
	if (w->ask->as_new && r->settled.p &&
	    strcmp(r->settled.p, SETTLED_TAKEN) == 0)
		return err_set(e, ERR_DATA, "it was taken already, by %s, and"
		    " --as-new would make the row once more; if that is meant,"
		    " insert it by hand", r->settled_by.p ? r->settled_by.p
							  : "a site");
	if (record_row(w, r, &t, &key, e) < 0)
		return -1;
	values = row_values(w, t);
	if (kept_row(w, r, t, &key, values, &set, e) < 0)
		return -1;
	if (w->ask->as_new)
		return fill_row(w, r, t, &key, values, &set, e) < 0
		    ? -1 : take_as_new(w, r, t, values, &set, e);
	if (held_wait(w->s, t, &key, wait, e) < 0 ||
	    (mask_and(wait, wait, set.w, t->words) &&
		wait_keep(w, t, &key, wait, e) < 0))
		return -1;
	mask_clear(set.w, REG_SPELLING);
	as_application(w, true, true);
	rc = edit_row(w, t, &key, set.w, values, e);
	if (rc == 0)
		rc = insert_row(w, t, set.w, values, e);
	as_application(w, false, false);
	if (rc < 0)
		return -1;
	buf_addf(&w->say, "row %s of %s has the values that had lost",
	    r->key.p, t->name);
	return settle(w, r, SETTLED_TAKEN, e);
}

/* ---- a life that lost */

int take_life(struct work *w, const struct record *r, struct err *e)
{
	bool birth = r->lost.type == VALUE_TEXT &&
	    strcmp(r->lost.p, "birth") == 0;
	struct table *t;
	struct value key, *values;
	struct err why = ERR_INIT;
	struct mask set;
	int rc;

	if (record_row(w, r, &t, &key, e) < 0)
		return -1;
	values = row_values(w, t);
	if (birth && kept_row(w, r, t, &key, values, &set, e) < 0)
		return -1;
	as_application(w, true, true);
	if (birth)
		rc = insert_row(w, t, set.w, values, e);
	else
		rc = row_delete(w->s, t, &key, &why);
	as_application(w, false, false);
	if (rc < 0 && !birth)
		err_set(e, why.kind, "the table refuses it: %s; nothing was"
		    " changed; delete what refers to the row first, or dismiss"
		    " this", why.text);
	if (rc < 0)
		return -1;
	buf_addf(&w->say, "row %s of %s is %s", r->key.p, t->name,
	    birth ? "back" : "deleted");
	return settle(w, r, SETTLED_TAKEN, e);
}

/* ---- a reference that dangles */

/* Rows that are on their way back, each for the sake of the one above. */
struct coming {
	const struct table *t;
	const struct value *key;
	const struct coming *up;
	int depth;
};

static bool is_coming(const struct coming *c, const struct table *t,
    const struct value *key)
{
	for (; c; c = c->up)
		if (c->t == t && value_same(c->key, key))
			return true;
	return false;
}

/* The parents of a row that comes back, as far as they went here, too; those
 * that are not known become conflicts of their own. */
static int grandparents(struct work *w, struct table *t,
    const struct value *row, const struct coming *, struct err *e);

static int bring_back(struct work *w, struct table *t, const char *json,
    size_t n, const struct coming *up, struct err *e)
{
	struct value *values = row_values(w, t), key;
	struct buf scratch = BUF_INIT(SIZE_MAX), text = BUF_INIT(SIZE_MAX);
	struct value cols[16];
	struct coming c = {t, &key, up, up ? up->depth + 1 : 0};
	struct mask set;
	bool ok;
	int rc;

	if (row_json_get(w->s->db, json, n, t, values, &set, &w->arena,
		e) < 0)
		return -1;
	for (int i = 0; i < t->nkey; i++)
		cols[i] = values[t->key[i]];
	ok = key_make(t, cols, &scratch, &key);
	if (ok)
		key = work_copy(w, &key);
	buf_free(&scratch);
	if (!ok)
		return err_set(e, ERR_DATA, "the row of %s that is kept has no"
		    " key; insert the row by hand, or dismiss this", t->name);
	/* rows that refer to each other, or to themselves */
	if (is_coming(up, t, &key))
		return 0;
	if (grandparents(w, t, values, &c, e) < 0)
		return -1;
	as_application(w, true, false);
	rc = insert_row(w, t, set.w, values, e);
	as_application(w, false, false);
	if (rc == 1) {
		key_text(t, &key, &text);
		buf_addf(&w->say, "%s%s %s", w->say.n ? ", " : "", t->name,
		    buf_str(&text));
	}
	buf_free(&text);
	return rc < 0 ? -1 : 0;
}

static int grandparents(struct work *w, struct table *t,
    const struct value *row, const struct coming *c, struct err *e)
{
	struct foreign_list *l;

	if (foreign_load(w->s, &l, e) < 0)
		return -1;
	for (int i = 0; i < l->n && c->depth < 20; i++) {
		struct foreign *f = &l->f[i];
		struct value values[FOREIGN_COLS_MAX];
		struct buf json = BUF_INIT(SIZE_MAX);
		bool null = false;
		int rc = 1;

		if (f->child != t)
			continue;
		for (int k = 0; k < f->ncols; k++) {
			values[k] = row[f->from[k]];
			null |= values[k].type == VALUE_NULL;
		}
		if (!null)
			rc = foreign_has(w->s, f, values, e);
		if (rc == 0)
			rc = gone_find(w->s, f, values, &json, e);
		else if (rc == 1)
			rc = 0;
		if (rc == 1)
			rc = bring_back(w, f->parent, json.p, json.n, c, e);
		buf_free(&json);
		if (rc < 0)
			return -1;
	}
	return 0;
}

int take_parent(struct work *w, const struct record *r, struct err *e)
{
	struct value values[FOREIGN_COLS_MAX], key;
	struct table *t, *parent;
	struct foreign *f;
	struct buf json = BUF_INIT(SIZE_MAX);
	int rc;

	if (record_row(w, r, &t, &key, e) < 0)
		return -1;
	f = record_foreign(w, r, t, e);
	rc = f ? foreign_values(w->s, f, &key, values, &w->arena, e) : 0;
	if (rc == 1)
		rc = !foreign_has(w->s, f, values, e);
	if (rc < 0)
		return -1;
	if (rc == 0) {
		buf_adds(&w->say, "the reference is whole already");
		return settle(w, r, SETTLED_WHOLE, e);
	}
	parent = f->parent;
	if (!parent)
		return err_set(e, ERR_DATA, "table %s is not tracked here;"
		    " insert the row by hand, or dismiss this",
		    f->parent_name);
	if (r->row.p)
		buf_add(&json, r->row.p, r->row.n);
	else if (gone_find(w->s, f, values, &json, e) < 0)
		return -1;
	if (!json.n)
		return err_set(e, ERR_DATA, "no site has told yet what was in"
		    " row %s of %s; a site that saw it vanish adds it to this"
		    " conflict with its next bundle; else insert the row by"
		    " hand, or change %s, or dismiss this",
		    r->lost.type == VALUE_TEXT ? r->lost.p : "",
		    parent->name, r->field.p);
	rc = bring_back(w, parent, json.p, json.n, NULL, e);
	buf_free(&json);
	if (rc == 0)
		rc = foreign_has(w->s, f, values, e);
	if (rc == 0)
		return err_set(e, ERR_DATA, "the row that is kept with it is"
		    " not the one that %s refers to; insert the row by hand,"
		    " or dismiss this", r->field.p);
	if (rc < 0)
		return -1;
	buf_adds(&w->say, " is back");
	return settle(w, r, SETTLED_TAKEN, e);
}
