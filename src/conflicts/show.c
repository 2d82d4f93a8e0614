/* One conflict, or one held row, with all that is known of it. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "conflicts/conflicts.h"

static bool is(const struct text *t, const char *word)
{
	return t->p && strcmp(t->p, word) == 0;
}

static void put_line(struct buf *b, const char *name, const struct text *t)
{
	buf_addf(b, "%-10s", name);
	put_safe(b, t->p ? t->p : "-", t->p ? t->n : 1, 300);
	buf_addc(b, '\n');
}

/* "of ann, ", on a line of its own. */
static void put_of(struct buf *b, const char *word, const struct text *site)
{
	buf_addf(b, "\n          %s ", word);
	put_safe(b, site->p ? site->p : "", site->n, 60);
	buf_adds(b, ", ");
}

/* What "take" would do, in words. */
static void put_take(struct work *w, const struct record *r, struct buf *b)
{
	struct table *t;
	struct value key;
	struct err e = ERR_INIT;
	bool birth = r->lost.type == VALUE_TEXT &&
	    strcmp(r->lost.p, "birth") == 0;
	int there;

	if (record_row(w, r, &t, &key, &e) < 0) {
		put_safe(b, e.text, strlen(e.text), sizeof(e.text));
		return;
	}
	there = row_exists(w->s, t, &key, &e);
	if (is(&r->kind, CONFLICT_EDIT) ||
	    (is(&r->kind, CONFLICT_DEATH) && there == 1)) {
		if (there != 1) {
			buf_adds(b, "nothing: the row is not there");
			return;
		}
		buf_adds(b, "set ");
		put_safe(b, r->field.p ? r->field.p : "", r->field.n, 60);
		buf_adds(b, " to ");
		put_value(b, &r->lost, 100);
	} else if (is(&r->kind, CONFLICT_BIRTH)) {
		buf_adds(b, r->row.p ? "give the row the values that lost;"
			" with --as-new make a row of its own of them"
			: "nothing yet: the row that lost is not known here");
	} else if (is(&r->kind, CONFLICT_LIFE) && !birth) {
		buf_adds(b, "delete the row");
	} else if (is(&r->kind, CONFLICT_PARENT)) {
		buf_addf(b, "%s", r->row.p ? "bring the row back that it"
			" refers to" : "nothing yet: no site has told what"
			" was in the row that it refers to");
	} else {
		buf_adds(b, r->row.p ? "bring the row back"
			: "nothing yet: the row is not known here");
	}
}

/* A row's values, a line each. */
static void put_values(const struct table *t, const uint64_t *set,
    const struct value *values, struct buf *b)
{
	for (int i = 0; i < t->ncols; i++) {
		if (!t->cols[i].present || !mask_has(set, i + REG_COLUMN))
			continue;
		buf_addf(b, "    %s = ", t->cols[i].name);
		put_value(b, &values[i], 300);
		buf_addc(b, '\n');
	}
}

static void put_kept(struct work *w, const struct record *r, struct buf *b)
{
	struct table *t = record_row_table(w, r);
	struct value *values;
	struct mask set;

	if (!t || !r->row.p)
		return;
	values = work_alloc(w, (size_t)t->ncols * sizeof(*values));
	buf_addf(b, "kept row of %s:\n", t->name);
	if (row_json_get(w->s->db, r->row.p, r->row.n, t, values, &set,
		&w->arena, NULL) == 0)
		put_values(t, set.w, values, b);
	else
		buf_adds(b, "    it cannot be read\n");
}

/* The row as it is now. 1, 0 not there, -1. */
static int row_now(struct work *w, const struct record *r, struct table **t,
    struct value **values)
{
	struct value key;

	if (record_row(w, r, t, &key, NULL) < 0)
		return 0;
	*values = work_alloc(w, (size_t)(*t)->ncols * sizeof(**values));
	return row_read(w->s, *t, &key, *values, NULL) == 1;
}

static int json_show(struct work *w, const struct record *r,
    struct buf *out)
{
	struct buf take = BUF_INIT(4096);
	struct table *t = NULL;
	struct value *values = NULL;
	struct json j;

	put_take(w, r, &take);
	json_init(&j, out);
	json_object(&j, NULL);
	json_int(&j, "v", 1);
	json_array(&j, "conflicts");
	json_record(w, &j, r);
	json_end(&j, ']');
	if (row_now(w, r, &t, &values)) {
		json_object(&j, "now");
		for (int i = 0; i < t->ncols; i++)
			if (t->cols[i].present)
				row_json_value(&j, t->cols[i].name,
				    &values[i]);
		json_end(&j, '}');
		row_read_done(t);
	} else {
		json_null(&j, "now");
	}
	json_bytes(&j, "take", take.p ? take.p : "", take.n);
	json_end(&j, '}');
	buf_addc(out, '\n');
	buf_free(&take);
	return 0;
}

/* What lost or won.  Of a birth these are whole rows, and a death is won by a
 * deletion; of a parent they are a key, quoted already, and a table's name. */
static void put_side(struct buf *out, const struct record *r, const char *head,
    const struct value *v, const char *whole)
{
	buf_adds(out, head);
	if (v->type == VALUE_NULL && (is(&r->kind, CONFLICT_BIRTH) ||
		(is(&r->kind, CONFLICT_DEATH) && v == &r->won)))
		buf_adds(out, whole);
	else if (v->type == VALUE_TEXT && (is(&r->kind, CONFLICT_PARENT) ||
		is(&r->kind, CONFLICT_LIFE)))
		put_safe(out, v->p, v->n, 300);
	else
		put_value(out, v, 300);
}

int show_record(struct work *w, const struct record *r, struct buf *out,
    struct err *e)
{
	struct table *t = NULL;
	struct value *values = NULL;

	(void)e;
	if (w->ask->json)
		return json_show(w, r, out);
	buf_addf(out, "conflict  %lld, ", (long long)r->n);
	put_safe(out, r->kind.p ? r->kind.p : "", r->kind.n, 20);
	buf_addf(out, "%s\n", r->settled.p ? "" : ", open");
	put_line(out, "table", &r->tbl);
	put_line(out, "key", &r->key);
	if (r->field.n)
		put_line(out, "field", &r->field);
	put_side(out, r, is(&r->kind, CONFLICT_PARENT) ? "refers to "
						       : "lost      ",
	    &r->lost, r->row.p ? "the row that is kept, below"
			       : "a row that is not known here");
	put_of(out, "of", &r->lost_site);
	put_time(out, r->lost_clock);
	put_side(out, r, is(&r->kind, CONFLICT_PARENT) ? "\nin table  "
						       : "\nwon       ",
	    &r->won, is(&r->kind, CONFLICT_DEATH) ? "the row's deletion"
						  : "the row that is there");
	put_of(out, "of", &r->won_site);
	put_time(out, r->won_clock);
	buf_addc(out, '\n');
	put_line(out, "bundle", &r->bundle);
	put_line(out, "seen by", &r->seen_by);
	if (r->settled.p) {
		put_line(out, "settled", &r->settled);
		out->n -= out->n > 0; /* the line's end */
		put_of(out, "by", &r->settled_by);
		put_time(out, r->settled_clock);
		buf_addc(out, '\n');
	}
	if (row_now(w, r, &t, &values)) {
		buf_adds(out, "the row now:\n");
		put_values(t, t->all.w, values, out);
		row_read_done(t);
	} else {
		buf_adds(out, "the row is not there\n");
	}
	put_kept(w, r, out);
	buf_adds(out, "take would ");
	put_take(w, r, out);
	buf_addc(out, '\n');
	return 0;
}

/* ---- held */

int show_held(struct work *w, const struct held_row *h, struct buf *out,
    struct err *e)
{
	struct table *t = table_by_id(w->s, h->t);
	struct value *values, v;
	struct mask aside;
	uint64_t wait[MASK_WORDS];
	struct json j;

	if (w->ask->json) {
		json_init(&j, out);
		json_object(&j, NULL);
		json_int(&j, "v", 1);
		json_array(&j, "held");
		json_held(&j, h);
		json_end(&j, ']');
		json_end(&j, '}');
		buf_addc(out, '\n');
		return 0;
	}
	buf_addf(out, "held      h%lld, %s\n", (long long)h->n, h->kind.p);
	put_line(out, "table", &h->tbl);
	buf_adds(out, "key       ");
	put_safe(out, h->key.p, h->key.n, 300);
	buf_adds(out, "\nsince     ");
	put_time(out, h->since);
	buf_addc(out, '\n');
	put_line(out, "why", &h->why);
	if (!t || !t->present)
		return 0;
	values = work_alloc(w, (size_t)t->ncols * sizeof(*values));
	memset(&aside, 0, sizeof(aside));
	if (aside_mask(w->s, t, &h->k, aside.w, e) < 0 ||
	    held_wait(w->s, t, &h->k, wait, e) < 0)
		return -1;
	for (int i = 0; i < t->ncols; i++)
		if (mask_has(aside.w, i + REG_COLUMN) &&
		    aside_get(w->s, t, &h->k, i + REG_COLUMN, &v, e) == 1)
			values[i] = work_copy(w, &v);
	buf_adds(out, "not in its table:\n");
	put_values(t, aside.w, values, out);
	if (!mask_empty(wait, t->words))
		buf_addf(out, "take h%lld keeps what this site wrote, as a new"
		    " edit; dismiss h%lld places what waits\n",
		    (long long)h->n, (long long)h->n);
	else
		buf_addf(out, "it comes by itself when the cause is gone; take"
		    " h%lld --value V gives it another value\n",
		    (long long)h->n);
	return 0;
}
