#include "config.h"

#include "capture/forget.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "capture/capture.h"
#include "store/frag.h"
#include "store/row.h"

#define DAY 86400
#define BATCH 2000
#define META_LAST "forgot_at"  /* wall clock of the last run */

/* One peer, while deaths are weighed. */
struct witness {
	struct peer peer;
	int64_t *view;      /* owned */
	bool silent;
	bool lacks;         /* a death is forgotten that it was not told of */
};

struct forget {
	struct store *s;
	int64_t now, cutoff;
	struct witness *all; /* owned */
	int n;
	int64_t forgotten;  /* the latest clock */
	struct frag *frags; /* owned; FRAGS_MAX */
	struct arena arena;
	/* where the next batch begins */
	int64_t clock, seq;
};

/* A row that died. */
struct dead {
	int64_t t;
	struct value key;
};

static void free_witnesses(struct forget *f)
{
	for (int i = 0; i < f->n; i++)
		free(f->all[i].view);
	free(f->all);
	f->all = NULL;
	f->n = 0;
}

static int load_witnesses(struct forget *f, int64_t after, struct err *e)
{
	char **names;
	int n, rc = peer_list(f->s, &names, &n, e);

	free_witnesses(f);
	if (rc == 0) {
		f->all = calloc((size_t)n + 1, sizeof(*f->all));
		if (!f->all)
			rc = err_set(e, ERR_SYSTEM, "out of memory");
	}
	for (int i = 0; i < n && rc == 0; i++) {
		struct witness *w = &f->all[f->n++];

		rc = peer_load(f->s, names[i], &w->peer, e);
		if (rc == 0)
			rc = peer_view_load(f->s, &w->peer, &w->view, e);
		w->silent = f->now - w->peer.heard > after;
	}
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return rc;
}

static bool has_it(const struct forget *f, const struct witness *w,
    const struct frag *x)
{
	return w->peer.acked >= x->seq ||
	    (x->ver.origin <= store_origin_count(f->s) &&
		w->view[x->ver.origin] >= x->ver.clock);
}

/* May all that is known of the row be forgotten?  1, 0, -1. */
static int weigh(struct forget *f, struct table *t, const struct value *key,
    int *n, struct err *e)
{
	bool dead = false;

	*n = frags_of(f->s, t, key, f->frags, FRAGS_MAX, e);
	for (int i = 0; i < *n; i++) {
		const struct frag *x = &f->frags[i];

		dead |= x->death;
		if (x->ver.clock >= f->cutoff)
			return 0;
		for (int k = 0; k < f->n; k++)
			if (!f->all[k].silent && !has_it(f, &f->all[k], x))
				return 0;
	}
	return *n < 0 ? -1 : dead;
}

static int forget_row(struct forget *f, struct table *t,
    const struct value *key, struct err *e)
{
	struct mask aside;
	int n, rc = weigh(f, t, key, &n, e);

	if (rc <= 0)
		return rc;
	for (int i = 0; i < n; i++) {
		const struct frag *x = &f->frags[i];

		for (int k = 0; k < f->n && x->death; k++)
			f->all[k].lacks |= !has_it(f, &f->all[k], x);
		if (x->death && x->ver.clock > f->forgotten)
			f->forgotten = x->ver.clock;
		if (frag_remove(f->s, x->seq, e) < 0)
			return -1;
	}
	memset(&aside, 0, sizeof(aside));
	if (aside_mask(f->s, t, key, aside.w, e) < 0)
		return -1;
	for (int r = 0; r < t->ncols + REG_COLUMN; r++)
		if (mask_has(aside.w, r) &&
		    aside_drop(f->s, t, key, r, e) < 0)
			return -1;
	return held_drop(f->s, t, key, e);
}

/* The next rows that died before the cutoff; *n of them. */
static int list_dead(struct forget *f, struct dead *out, int *n,
    struct err *e)
{
	sqlite3_stmt *st = db_preparef(f->s->db, e,
	    "SELECT t, k, c, s FROM dialsync_frag WHERE m = -2 AND c < %lld"
	    " AND c >= %lld AND (c > %lld OR s > %lld) ORDER BY c, s"
	    " LIMIT %lld", (long long)f->cutoff, (long long)f->clock,
	    (long long)f->clock, (long long)f->seq, (long long)BATCH);
	int rc;

	*n = 0;
	arena_reset(&f->arena);
	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1) {
		struct value *k = &out[*n].key;

		out[*n].t = sqlite3_column_int64(st, 0);
		db_column(st, 1, k);
		if (k->type == VALUE_TEXT || k->type == VALUE_BLOB)
			k->p = arena_copy(&f->arena, k->p, k->n);
		f->clock = sqlite3_column_int64(st, 2);
		f->seq = sqlite3_column_int64(st, 3);
		(*n)++;
	}
	sqlite3_finalize(st);
	return rc;
}

/* What peers that lack a forgotten death get instead, when they come back. */
static int mark_peers(struct forget *f, void (*tell)(void *, const char *),
    void *arg, struct err *e)
{
	char text[500];

	for (int i = 0; i < f->n; i++) {
		struct peer *p = &f->all[i].peer;

		if (!f->all[i].lacks)
			continue;
		f->all[i].lacks = false;
		if (p->load_all && p->loading >= PEER_LOAD_WANTED)
			continue;
		p->loading = PEER_LOAD_LATER;
		p->load_all = true;
		if (peer_save(f->s, p, e) < 0)
			return -1;
		snprintf(text, sizeof(text), "%s has not been heard of for %lld"
		    " days: rows deleted since then are not remembered for it"
		    " any more (forget-after); when it is heard of again it"
		    " gets everything anew, and rows that are gone here go"
		    " there, but those that were changed there meanwhile",
		    p->name, (long long)((f->now - p->heard) / DAY));
		if (tell)
			tell(arg, text);
	}
	return 0;
}

/* One transaction of it: *more says whether another is due. */
static int forget_batch(struct forget *f, int64_t after, bool *more,
    void (*tell)(void *, const char *), void *arg, struct err *e)
{
	struct dead *dead = calloc(BATCH, sizeof(*dead));
	int n = 0, rc;

	*more = false;
	if (!dead)
		return err_set(e, ERR_SYSTEM, "out of memory");
	rc = capture_fold_begin(f->s, e);
	if (rc < 0) {
		free(dead);
		return -1;
	}
	rc = load_witnesses(f, after, e);
	if (rc == 0)
		rc = store_meta_int(f->s, STORE_META_FORGOTTEN, 0,
		    &f->forgotten, e);
	if (rc == 0)
		rc = list_dead(f, dead, &n, e);
	for (int i = 0; i < n && rc == 0; i++) {
		struct table *t = table_by_id(f->s, dead[i].t);

		if (t)
			rc = forget_row(f, t, &dead[i].key, e);
	}
	free(dead);
	*more = n == BATCH;
	if (rc == 0 && mark_peers(f, tell, arg, e) == 0 &&
	    store_meta_set_int(f->s, STORE_META_FORGOTTEN, f->forgotten,
		e) == 0 && store_commit(f->s, e) == 0)
		return 0;
	store_rollback(f->s);
	return -1;
}

/* ---- settled conflicts */

/* Settled here, and long ago: by the version of the register `settled`. */
static int settled_here(struct forget *f, struct table *t,
    const struct value *key, int reg, struct err *e)
{
	int n = frags_of(f->s, t, key, f->frags, FRAGS_MAX, e);

	for (int i = 0; i < n; i++) {
		const struct frag *x = &f->frags[i];
		const struct origin *o =
		    store_origin_get(f->s, x->ver.origin);

		if (!x->death && mask_has(x->mask.w, reg))
			return o && strcmp(o->site, f->s->site) == 0 &&
			    x->ver.clock < f->cutoff;
	}
	return n < 0 ? -1 : 0;
}

static int drop_settled(struct forget *f, struct table *t, int reg,
    struct err *e)
{
	sqlite3_stmt *st = db_prepare(f->s->db, "SELECT id FROM"
	    " dialsync_conflict WHERE settled IS NOT NULL", false, e);
	struct value id, *list;
	size_t n = 0;
	int rc;

	if (!st)
		return -1;
	list = calloc(BATCH, sizeof(*list));
	arena_reset(&f->arena);
	while (list && (rc = db_step(st, e)) == 1 && n < BATCH) {
		db_column(st, 0, &id);
		rc = settled_here(f, t, &id, reg, e);
		if (rc < 0)
			break;
		if (rc == 1) {
			id.p = arena_copy(&f->arena, id.p, id.n);
			list[n++] = id;
		}
	}
	sqlite3_finalize(st);
	rc = list ? rc : err_set(e, ERR_SYSTEM, "out of memory");
	/* where triggers run they log it as well, which is the same death */
	for (size_t i = 0; i < n && rc >= 0; i++)
		rc = row_delete(f->s, t, &list[i], e) < 0
		    ? -1 : capture_log_touch(f->s, t, &list[i], e);
	free(list);
	return rc < 0 ? -1 : 0;
}

/* The short ends of it, in one transaction. */
static int forget_rest(struct forget *f, struct err *e)
{
	struct table *t;
	int col, rc = 0;

	if (capture_fold_begin(f->s, e) < 0)
		return -1;
	t = table_by_name(f->s, TABLE_CONFLICT);
	if (t && t->present) {
		rc = table_column(f->s, t, "settled", &col, e);
		if (rc == 0)
			rc = drop_settled(f, t, col + REG_COLUMN, e);
	}
	if (rc == 0)
		rc = db_execf(f->s->db, e, "DELETE FROM dialsync_removed"
					   " WHERE at < %lld",
		    (long long)f->cutoff);
	for (int i = 0; i < f->n && rc == 0; i++)
		rc = peer_seen_prune(f->s, &f->all[i].peer, e);
	/* a row that was held as old, and was inserted again since */
	if (rc == 0)
		rc = db_exec(f->s->db, "DELETE FROM dialsync_held"
		    " WHERE kind = 'old' AND NOT EXISTS(SELECT 1 FROM"
		    " dialsync_aside a WHERE a.t = dialsync_held.t"
		    " AND a.k = dialsync_held.k)", e);
	if (rc == 0)
		rc = store_meta_set_int(f->s, META_LAST, f->now, e);
	if (rc == 0 && store_commit(f->s, e) == 0)
		return 0;
	store_rollback(f->s);
	return -1;
}

int capture_forget(struct store *s, int64_t after,
    void (*tell)(void *arg, const char *text), void *arg, struct err *e)
{
	struct forget f;
	int64_t last;
	bool more = true;
	int rc = 0;

	memset(&f, 0, sizeof(f));
	f.s = s;
	f.now = clock_wall();
	f.cutoff = f.now - after;
	f.seq = -1;
	if (store_meta_int(s, META_LAST, 0, &last, e) < 0)
		return -1;
	if (f.now >= last && f.now - last < DAY)
		return 0;
	f.frags = calloc(FRAGS_MAX, sizeof(*f.frags));
	if (!f.frags)
		return err_set(e, ERR_SYSTEM, "out of memory");
	while (more && rc == 0)
		rc = forget_batch(&f, after, &more, tell, arg, e);
	if (rc == 0)
		rc = forget_rest(&f, e);
	free_witnesses(&f);
	free(f.frags);
	arena_free(&f.arena);
	return rc;
}
