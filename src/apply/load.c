/* First loads, as the receiver sees them.  A load sends all rows anew; of a
 * site whose rows of before may be others, so that what differs is a conflict.
 * One that is all there is also says, by what it does not name, which rows are
 * gone.  sync.md, "First load" and "Forgetting". */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/apply_p.h"
#include "base/clock.h"
#include "base/fs.h"
#include "capture/capture.h"
#include "store/key.h"
#include "store/scan.h"

int load_begin(struct store *s, struct peer *p, const struct bundle_head *h,
    struct err *e)
{
	p->began = h->load;
	p->pos = 0;
	p->pos_tag = 0;
	p->told = -1;
	return db_execf(s->db, e, "DELETE FROM dialsync_named WHERE p = %lld;"
	    "DELETE FROM dialsync_count WHERE p = %lld", (long long)p->id,
	    (long long)p->id);
}

int load_head(struct apply_work *w, const struct bundle_head *h,
    struct err *e)
{
	if (store_meta_int(w->s, STORE_META_FORGOTTEN, 0, &w->forgotten,
		e) < 0)
		return -1;
	for (size_t i = 0; i < h->ncounts; i++)
		if (db_execf(w->s->db, e, "INSERT OR REPLACE INTO"
			" dialsync_count(p, name, there) VALUES(%lld, %Q,"
			" %lld)", (long long)w->peer->id, h->counts[i].table,
			(long long)h->counts[i].rows) < 0)
			return -1;
	return 0;
}

/* ---- what a load names */

static int named_run(struct store *s, const char *sql, const struct peer *p,
    const struct table *t, const struct value *key, struct err *e)
{
	sqlite3_stmt *st = db_prepare(s->db, sql, false, e);
	int rc;

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, p->id);
	sqlite3_bind_int64(st, 2, t->id);
	db_bind(st, 3, key);
	rc = db_step(st, e);
	sqlite3_finalize(st);
	return rc;
}

int load_name(struct apply_work *w, const struct incoming *in, struct err *e)
{
	int rc = 0;

	if (in->kind == BUNDLE_DEATH)
		return 0;
	/* an edit without a birth: there the row is not known any more */
	if (in->kind == BUNDLE_UPDATE)
		return named_run(w->s, "INSERT OR IGNORE INTO"
		    " dialsync_named(p, t, k, alive) VALUES(?, ?, ?, 0)",
		    w->peer, in->t, &in->key, e);
	if (named_run(w->s, "INSERT OR REPLACE INTO"
		" dialsync_named(p, t, k, alive) VALUES(?, ?, ?, 1)", w->peer,
		in->t, &in->key, e) < 0)
		return -1;
	/* what was held as old when it came alone is vouched for now */
	if (aside_any(w->s))
		rc = held_is_old(w->s, in->t, &in->key, e);
	if (rc == 1)
		rc = held_release(w->s, in->t, &in->key, e);
	return rc == 1 ? capture_log_birth(w->s, in->t, &in->key, e) : rc;
}

bool load_is_old(const struct apply_work *w, const struct incoming *in)
{
	return in->ver.clock > STORE_CLOCK_LOAD &&
	    in->ver.clock <= w->forgotten;
}

int load_base(struct apply_work *w, const struct incoming *in, int n,
    struct frag *out, struct err *e)
{
	uint64_t both[MASK_WORDS];

	if (!in->t->present ||
	    (!w->base_unknown && in->ver.clock != STORE_CLOCK_LOAD))
		return 0;
	memset(out, 0, sizeof(*out));
	memcpy(out->mask.w, in->t->all.w,
	    (size_t)in->t->words * sizeof(*both));
	for (int i = 0; i < n; i++) {
		if (w->frags[i].death)
			return 0;
		mask_minus(out->mask.w, w->frags[i].mask.w, in->t->words);
	}
	for (int i = 0; i < in->t->nkey; i++)
		mask_clear(out->mask.w, in->t->key[i] + REG_COLUMN);
	if (in->kind == BUNDLE_DEATH
		? mask_empty(out->mask.w, in->t->words)
		: !mask_and(both, out->mask.w, in->mask.w, in->t->words))
		return 0;
	/* older than all, but this site's: another's row of that key is
	 * another row */
	out->ver = (struct version){0, w->s->self};
	return row_exists(w->s, in->t, &in->key, e);
}

/* ---- rows that it did not name */

/* A value as SQL. */
static void add_literal(struct buf *b, const struct value *v)
{
	switch (v->type) {
	case VALUE_NULL:
		buf_adds(b, "NULL");
		return;
	case VALUE_INTEGER:
		buf_addf(b, "%lld", (long long)v->i);
		return;
	case VALUE_REAL:
		if (isinf(v->r))
			buf_adds(b, v->r < 0 ? "-9e999" : "9e999");
		else
			buf_addf(b, "%.17g", v->r);
		if (v->r == floor(v->r) && fabs(v->r) < 1e16)
			buf_adds(b, ".0");
		return;
	case VALUE_TEXT:
	case VALUE_BLOB:
		break;
	}
	if (v->type == VALUE_TEXT && !memchr(v->p, '\0', v->n)) {
		buf_addc(b, '\'');
		for (size_t i = 0; i < v->n; i++) {
			buf_addc(b, v->p[i]);
			if (v->p[i] == '\'')
				buf_addc(b, '\'');
		}
		buf_addc(b, '\'');
		return;
	}
	buf_adds(b, v->type == VALUE_TEXT ? "CAST(x'" : "x'");
	for (size_t i = 0; i < v->n; i++)
		buf_addf(b, "%02X", (unsigned char)v->p[i]);
	buf_adds(b, v->type == VALUE_TEXT ? "' AS TEXT)" : "'");
}

/* Is the column there, and among the registers (NULL: all)? */
static bool among(const struct table *t, const uint64_t *regs, int i)
{
	return t->cols[i].present && (!regs || t->cols[i].keypos ||
	    mask_has(regs, i + REG_COLUMN));
}

/* The statement that brings the row back. */
static void add_insert(struct buf *b, const struct table *t,
    const uint64_t *regs, const struct value *row)
{
	char *q = db_quote(t->name);
	int n = 0;

	buf_addf(b, "INSERT INTO %s(", q);
	free(q);
	for (int i = 0; i < t->ncols; i++)
		if (among(t, regs, i)) {
			q = db_quote(t->cols[i].name);
			buf_addf(b, "%s%s", n++ ? ", " : "", q);
			free(q);
		}
	buf_adds(b, ") VALUES(");
	n = 0;
	for (int i = 0; i < t->ncols; i++)
		if (among(t, regs, i)) {
			buf_adds(b, n++ ? ", " : "");
			add_literal(b, &row[i]);
		}
	buf_adds(b, ");");
}

/* Keep the row's values, for a person who finds that it should not have
 * gone. */
static int keep_values(struct apply_work *w, struct table *t,
    const struct value *key, const uint64_t *regs, const struct value *row,
    struct err *e)
{
	struct buf sql = BUF_INIT(SIZE_MAX), k = BUF_INIT(SIZE_MAX);
	sqlite3_stmt *st;
	int rc;

	add_insert(&sql, t, regs, row);
	key_text(t, key, &k);
	st = sql.failed || k.failed ? NULL : db_prepare(w->s->db,
	    "INSERT INTO dialsync_removed(peer, at, tbl, key, sql)"
	    " VALUES(?, ?, ?, ?, ?)", false, e);
	if (st) {
		sqlite3_bind_text(st, 1, w->peer->name, -1, SQLITE_STATIC);
		sqlite3_bind_int64(st, 2, clock_wall());
		sqlite3_bind_text(st, 3, t->name, -1, SQLITE_STATIC);
		sqlite3_bind_text(st, 4, buf_str(&k), (int)k.n, SQLITE_STATIC);
		sqlite3_bind_text64(st, 5, buf_str(&sql), sql.n, SQLITE_STATIC,
		    SQLITE_UTF8);
		rc = db_step(st, e);
	} else if (sql.failed || k.failed) {
		rc = err_set(e, ERR_SYSTEM, "out of memory");
	} else {
		rc = -1;
	}
	sqlite3_finalize(st);
	buf_free(&sql);
	buf_free(&k);
	return rc < 0 ? -1 : 0;
}

static int keep_row(struct apply_work *w, struct table *t,
    const struct value *key, struct err *e)
{
	int rc = row_read(w->s, t, key, w->row, e);

	if (rc == 1)
		rc = keep_values(w, t, key, NULL, w->row, e);
	row_read_done(t);
	return rc;
}

int load_again(struct apply_work *w, const struct incoming *in,
    const uint64_t *regs, struct err *e)
{
	w->again++;
	return keep_values(w, in->t, &in->key, regs, in->values, e) < 0
	    ? -1 : capture_log_touch(w->s, in->t, &in->key, e);
}

/* A row that the sender does not have.  What it does not know of stays and
 * travels; if the sender knew the row once, or may have forgotten that it did,
 * the row is born anew, since an edit alone never makes one.  So is a row of
 * which the sender has nothing but edits: they came after it was deleted and
 * forgotten there.  All else was
 * deleted there: it goes, by a death like any other, so that whoever has the
 * row from here, or from the sender, loses it too. */
static int judge_row(struct apply_work *w, struct table *t,
    const struct value *key, bool edited, struct err *e)
{
	int n = frags_of(w->s, t, key, w->frags, FRAGS_MAX, e);
	bool stays = edited, anew = true;

	if (n < 0)
		return -1;
	for (int i = 0; i < n; i++) {
		const struct frag *f = &w->frags[i];
		bool knows = work_sender_knows(w, &f->ver);

		stays |= !knows;
		if (mask_has(f->mask.w, REG_LIFE))
			anew = knows || f->ver.clock <= w->head.forgotten;
	}
	if (stays) {
		w->kept++;
		return anew ? capture_log_birth(w->s, t, key, e) : 0;
	}
	w->removed++;
	if (keep_row(w, t, key, e) < 0 || row_delete(w->s, t, key, e) < 0)
		return -1;
	return capture_log_touch(w->s, t, key, e);
}

/* 1, and whether as alive; 0 it is not; -1. */
static int is_named(struct apply_work *w, const struct table *t,
    const struct value *key, bool *alive, struct err *e)
{
	int rc = named_run(w->s, "SELECT 1 FROM dialsync_named WHERE p = ?"
	    " AND t = ? AND k = ? AND alive", w->peer, t, key, e);

	*alive = rc == 1;
	return rc != 0 ? rc : named_run(w->s, "SELECT 1 FROM dialsync_named"
	    " WHERE p = ? AND t = ? AND k = ?", w->peer, t, key, e);
}

static int sweep_table(struct apply_work *w, struct table *t, struct err *e)
{
	struct key_scan k;
	int n, rc = 0;
	bool alive;

	key_scan_init(&k, t);
	while (rc >= 0 && (n = key_scan_next(w->s, &k, e)) != 0) {
		rc = n;
		for (int i = 0; i < n && rc >= 0; i++) {
			rc = is_named(w, t, &k.keys[i], &alive, e);
			if (rc == 0 || (rc == 1 && !alive))
				rc = judge_row(w, t, &k.keys[i], rc == 1, e);
		}
	}
	key_scan_free(&k);
	return rc < 0 ? -1 : 0;
}

/* ---- row counts */

struct counted {
	char *name;
	int64_t there;
};

/* The tables that the peer counted: all, or those not compared yet. */
static int list_counts(struct apply_work *w, bool all, struct counted **out,
    size_t *n, struct err *e)
{
	sqlite3_stmt *st = db_preparef(w->s->db, e,
	    "SELECT name, there FROM dialsync_count WHERE p = %lld%s"
	    " ORDER BY name", (long long)w->peer->id,
	    all ? "" : " AND here IS NULL");
	struct counted *more;
	int rc;

	*out = NULL;
	*n = 0;
	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1) {
		more = realloc(*out, (*n + 1) * sizeof(**out));
		if (!more)
			abort();
		*out = more;
		more[*n].name =
		    fs_format("%s", (const char *)sqlite3_column_text(st, 0));
		more[(*n)++].there = sqlite3_column_int64(st, 1);
	}
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

static void free_counts(struct counted *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(c[i].name);
	free(c);
}

static int sweep(struct apply_work *w, struct err *e)
{
	struct counted *c;
	size_t n;
	int rc = list_counts(w, true, &c, &n, e);

	for (size_t i = 0; i < n && rc == 0; i++) {
		struct table *t = table_by_name(w->s, c[i].name);

		if (t && t->tracked && t->present)
			rc = sweep_table(w, t, e);
	}
	free_counts(c, n);
	return rc;
}

/* More than a tenth, and more than a few that may be on their way; or none at
 * all where the other has some. */
static bool differ_widely(int64_t a, int64_t b)
{
	int64_t more = a > b ? a : b, less = a > b ? b : a;

	return (less == 0 && more > 1) || more - less > 3 + more / 10;
}

/* Compare one table's rows; a difference is kept for the status. */
static int compare(struct apply_work *w, const struct counted *c,
    struct err *e)
{
	const struct table *t = table_by_name(w->s, c->name);
	long long p = w->peer->id;
	int64_t here = 0;
	bool differs = false;

	/* what came for a table that is not here is said elsewhere */
	if (t && t->tracked && t->present) {
		char *q = db_quote(t->name);
		char *sql = fs_format("SELECT count(*) FROM %s", q);
		int rc = db_int(w->s->db, sql, 0, &here, e);

		free(q);
		free(sql);
		if (rc < 0)
			return -1;
		differs = differ_widely(here, c->there) &&
		    (c->there > here || w->peer->loading == PEER_LOAD_NONE);
	}
	w->differ += differs;
	return differs
	    ? db_execf(w->s->db, e, "UPDATE dialsync_count SET here = %lld"
		" WHERE p = %lld AND name = %Q", (long long)here, p, c->name)
	    : db_execf(w->s->db, e, "DELETE FROM dialsync_count WHERE"
		" p = %lld AND name = %Q", p, c->name);
}

int load_end(struct apply_work *w, struct err *e)
{
	const struct bundle_head *h = &w->head;
	struct counted *c;
	size_t n;
	int rc = 0;

	w->loaded = h->load && h->upto >= h->load_end;
	if (!h->end && !w->loaded)
		return 0;
	if (w->loaded && h->load_all && sweep(w, e) < 0)
		return -1;
	if (w->loaded && db_execf(w->s->db, e, "DELETE FROM dialsync_named"
		" WHERE p = %lld", (long long)w->peer->id) < 0)
		return -1;
	if (list_counts(w, false, &c, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = compare(w, &c[i], e);
	free_counts(c, n);
	return rc;
}

/* ---- telling */

static int tell_counts(struct store *s, const struct peer *p,
    void (*tell)(void *arg, int severity, const char *text), void *arg,
    struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e, "SELECT name, there, here FROM"
	    " dialsync_count WHERE p = %lld AND here IS NOT NULL ORDER BY name",
	    (long long)p->id);
	char text[900];
	int rc;

	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1) {
		int64_t there = sqlite3_column_int64(st, 1);
		int64_t here = sqlite3_column_int64(st, 2);
		bool lacks = there > here;

		snprintf(text, sizeof(text), "%s has %lld row%s of table %s,"
		    " this site has %lld: %s may lack rows that were there"
		    " before \"track\"; \"dialsync peer %s --load\" at %s sends"
		    " them", p->name, (long long)there, there == 1 ? "" : "s",
		    (const char *)sqlite3_column_text(st, 0), (long long)here,
		    lacks ? "this site" : p->name, lacks ? s->site : p->name,
		    lacks ? p->name : "this site");
		tell(arg, APPLY_WARN, text);
	}
	sqlite3_finalize(st);
	return rc;
}

int load_tell(struct store *s, const struct peer *p,
    const struct apply_work *w,
    void (*tell)(void *arg, int severity, const char *text), void *arg,
    struct err *e)
{
	char text[700];

	if (w->loaded) {
		snprintf(text, sizeof(text), "%s: its first load is complete",
		    p->name);
		tell(arg, APPLY_INFO, text);
	}
	if (w->removed || w->kept) {
		snprintf(text, sizeof(text), "%s had not heard of this site for"
		    " longer than its forget-after and sent all that it has:"
		    " %lld row%s deleted there went here, too, with the values"
		    " kept in dialsync_removed; %lld that %s changed here"
		    " meanwhile stay%s", p->name, (long long)w->removed,
		    w->removed == 1 ? "" : "s", (long long)w->kept,
		    w->kept == 1 ? "was" : "were", w->kept == 1 ? "s" : "");
		tell(arg, APPLY_WARN, text);
	}
	if (w->again) {
		snprintf(text, sizeof(text), "%s: %lld row%s came again that"
		    " had been deleted here long ago; %s deleted there, too,"
		    " with the values kept in dialsync_removed", p->name,
		    (long long)w->again, w->again == 1 ? "" : "s",
		    w->again == 1 ? "it is" : "they are");
		tell(arg, APPLY_WARN, text);
	}
	return w->differ ? tell_counts(s, p, tell, arg, e) : 0;
}
