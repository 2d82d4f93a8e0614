/* The list, for people and as JSON. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "conflicts/conflicts.h"

void put_safe(struct buf *b, const char *p, size_t n, size_t max)
{
	size_t start = b->n;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		/* C1 controls are C2 80 to C2 9F */
		bool c1 = c == 0xC2 && i + 1 < n &&
		    (unsigned char)p[i + 1] < 0xA0;

		if (b->n - start >= max && (c & 0xC0) != 0x80) {
			buf_adds(b, "...");
			return;
		}
		if (c < 32 || c == 127 || c1)
			buf_addf(b, "\\x%02X", c);
		else
			buf_addc(b, (char)c);
		if (c1)
			buf_addf(b, "\\x%02X", (unsigned char)p[++i]);
	}
}

void put_value(struct buf *b, const struct value *v, size_t max)
{
	switch (v->type) {
	case VALUE_NULL:
		buf_adds(b, "NULL");
		break;
	case VALUE_INTEGER:
		buf_addf(b, "%lld", (long long)v->i);
		break;
	case VALUE_REAL:
		buf_addf(b, "%.15g", v->r);
		break;
	case VALUE_TEXT:
		buf_addc(b, '\'');
		put_safe(b, v->p, v->n, max);
		buf_addc(b, '\'');
		break;
	case VALUE_BLOB:
		buf_adds(b, "x'");
		for (size_t i = 0; i < v->n && 2 * i < max; i++)
			buf_addf(b, "%02X", (unsigned char)v->p[i]);
		buf_adds(b, 2 * v->n > max ? "...'" : "'");
		break;
	}
}

void put_time(struct buf *b, int64_t clock)
{
	char text[CLOCK_TEXT];

	if (clock <= 0)
		return;
	clock_format(clock, text);
	buf_adds(b, text);
}

static bool is(const struct text *t, const char *word)
{
	return t->p && strcmp(t->p, word) == 0;
}

static void put_text(struct buf *b, const struct text *t)
{
	put_safe(b, t->p ? t->p : "", t->n, 60);
}

/* "ann at 2026-11-22T09:30:00Z" */
static void put_who(struct buf *b, const struct text *site, int64_t clock)
{
	put_text(b, site);
	if (clock > 0) {
		buf_adds(b, site->n ? " at " : "");
		put_time(b, clock);
	}
}

/* What happened, in one line. */
static void put_summary(struct buf *b, const struct record *r)
{
	bool death = is(&r->kind, CONFLICT_DEATH);

	if (is(&r->kind, CONFLICT_PARENT)) {
		buf_adds(b, "refers to ");
		put_safe(b, r->won.type == VALUE_TEXT ? r->won.p : "",
		    r->won.type == VALUE_TEXT ? r->won.n : 0, 60);
		buf_addc(b, ' ');
		put_safe(b, r->lost.type == VALUE_TEXT ? r->lost.p : "",
		    r->lost.type == VALUE_TEXT ? r->lost.n : 0, 60);
		buf_adds(b, ", which is not there");
		return;
	}
	if (is(&r->kind, CONFLICT_BIRTH)) {
		buf_adds(b, "two rows of one key: that of ");
		put_who(b, &r->lost_site, r->lost_clock);
		buf_adds(b, " lost to that of ");
		put_who(b, &r->won_site, r->won_clock);
		return;
	}
	if (is(&r->kind, CONFLICT_LIFE)) {
		bool birth = r->lost.type == VALUE_TEXT &&
		    strcmp(r->lost.p, "birth") == 0;

		buf_addf(b, "the row was %s by ", birth ? "added" : "deleted");
		put_who(b, &r->lost_site, r->lost_clock);
		buf_addf(b, " and %s by ", birth ? "deleted" : "added");
		put_who(b, &r->won_site, r->won_clock);
		return;
	}
	put_value(b, &r->lost, 40);
	buf_adds(b, " of ");
	put_who(b, &r->lost_site, r->lost_clock);
	buf_adds(b, death ? " lost to the row's deletion by " : " lost to ");
	if (!death) {
		put_value(b, &r->won, 40);
		buf_adds(b, " of ");
	}
	put_who(b, &r->won_site, r->won_clock);
}

struct listing {
	struct buf *out;
	struct json *json;  /* NULL: for people */
	int64_t n, open;
};

static int list_record(struct work *w, const struct record *r, void *arg)
{
	struct listing *l = arg;

	l->n++;
	l->open += !r->settled.p;
	if (l->json) {
		json_record(w, l->json, r);
		return l->out->failed;
	}
	buf_addf(l->out, "%5lld  ", (long long)r->n);
	put_text(l->out, &r->kind);
	for (size_t i = r->kind.n; i < 6; i++)
		buf_addc(l->out, ' ');
	buf_adds(l->out, "  ");
	put_text(l->out, &r->tbl);
	buf_addc(l->out, ' ');
	put_text(l->out, &r->key);
	if (r->field.n) {
		buf_addc(l->out, ' ');
		put_text(l->out, &r->field);
	}
	buf_adds(l->out, ": ");
	put_summary(l->out, r);
	if (r->settled.p) {
		buf_adds(l->out, " (");
		put_text(l->out, &r->settled);
		if (r->settled_by.n)
			buf_adds(l->out, " by ");
		put_text(l->out, &r->settled_by);
		buf_adds(l->out, ")");
	}
	buf_addc(l->out, '\n');
	return l->out->failed;
}

static int list_held(struct work *w, const struct held_row *h, void *arg)
{
	struct listing *l = arg;
	char name[24];

	(void)w;
	l->n++;
	if (l->json) {
		json_held(l->json, h);
		return l->out->failed;
	}
	snprintf(name, sizeof(name), "h%lld", (long long)h->n);
	buf_addf(l->out, "%5s  %-6s  ", name, h->kind.p ? h->kind.p : "");
	put_text(l->out, &h->tbl);
	buf_addc(l->out, ' ');
	put_safe(l->out, h->key.p, h->key.n, 60);
	buf_adds(l->out, ": held since ");
	put_time(l->out, h->since);
	buf_adds(l->out, ": ");
	put_safe(l->out, h->why.p ? h->why.p : "", h->why.n, 300);
	buf_addc(l->out, '\n');
	return l->out->failed;
}

int list_all(struct work *w, struct buf *out, struct err *e)
{
	struct json j;
	struct listing records = {out, NULL, 0, 0}, helds = {out, NULL, 0, 0};

	if (w->ask->json) {
		json_init(&j, out);
		json_object(&j, NULL);
		json_int(&j, "v", 1);
		json_string(&j, "site", w->s->site);
		json_array(&j, "conflicts");
		records.json = helds.json = &j;
	}
	if (records_each(w, w->ask->all, list_record, &records, e) < 0)
		return -1;
	if (w->ask->json) {
		json_end(&j, ']');
		json_array(&j, "held");
	}
	if (helds_each(w, list_held, &helds, e) < 0)
		return -1;
	if (w->ask->json) {
		json_end(&j, ']');
		json_end(&j, '}');
		buf_addc(out, '\n');
	} else if (records.n + helds.n == 0) {
		buf_adds(out, "no conflicts, nothing held\n");
	} else {
		buf_addf(out, "%lld open conflict%s, %lld held row%s; "
		    "\"dialsync conflicts show N\" says what can be done\n",
		    (long long)records.open, records.open == 1 ? "" : "s",
		    (long long)helds.n, helds.n == 1 ? "" : "s");
	}
	return 0;
}

/* ---- JSON */

static void put(struct json *j, const char *name, const struct text *t)
{
	if (t->p)
		json_bytes(j, name, t->p, t->n);
	else
		json_null(j, name);
}

static void put_clock(struct json *j, const char *name, int64_t clock)
{
	char text[CLOCK_TEXT];

	if (clock <= 0) {
		json_null(j, name);
		return;
	}
	clock_format(clock, text);
	json_string(j, name, text);
}

/* The kept row, read and written again: what a peer sent is not passed on as
 * it is. */
static void put_row(struct work *w, struct json *j, const struct record *r)
{
	struct table *t = record_row_table(w, r);
	struct value *values;
	struct mask set;

	values = t ? work_alloc(w, (size_t)t->ncols * sizeof(*values)) : NULL;
	if (!t || !r->row.p || row_json_get(w->s->db, r->row.p, r->row.n, t,
		values, &set, &w->arena, NULL) < 0) {
		json_null(j, "row");
		return;
	}
	json_object(j, "row");
	for (int i = 0; i < t->ncols; i++)
		if (mask_has(set.w, i + REG_COLUMN))
			row_json_value(j, t->cols[i].name, &values[i]);
	json_end(j, '}');
}

void json_record(struct work *w, struct json *j, const struct record *r)
{
	json_object(j, NULL);
	json_int(j, "n", r->n);
	put(j, "kind", &r->kind);
	put(j, "table", &r->tbl);
	put(j, "key", &r->key);
	put(j, "field", &r->field);
	row_json_value(j, "lost", &r->lost);
	put(j, "lost_site", &r->lost_site);
	put_clock(j, "lost_time", r->lost_clock);
	row_json_value(j, "won", &r->won);
	put(j, "won_site", &r->won_site);
	put_clock(j, "won_time", r->won_clock);
	put(j, "bundle", &r->bundle);
	put(j, "seen_by", &r->seen_by);
	put_row(w, j, r);
	put(j, "settled", &r->settled);
	put(j, "settled_by", &r->settled_by);
	put_clock(j, "settled_time", r->settled_clock);
	json_end(j, '}');
}

void json_held(struct json *j, const struct held_row *h)
{
	char name[24];

	snprintf(name, sizeof(name), "h%lld", (long long)h->n);
	json_object(j, NULL);
	json_string(j, "n", name);
	put(j, "kind", &h->kind);
	put(j, "table", &h->tbl);
	json_bytes(j, "key", h->key.p, h->key.n);
	put(j, "why", &h->why);
	put_clock(j, "since", h->since);
	json_end(j, '}');
}
