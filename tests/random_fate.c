/* What happens to sites as a whole, for random_world.c: backups are put back,
 * databases are copied, tables are altered. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "capture/capture.h"
#include "dialsync/site_copy_db.h"
#include "dialsync/site_identity.h"
#include "site/site.h"
#include "store/peer.h"
#include "tests/random_fate.h"
#include "tests/random_judge.h"
#include "tests/random_sql.h"
#include "tests/random_wire.h"

/* ---- backups */

static void copy_db(sqlite3 *from, const char *path)
{
	sqlite3 *to = NULL;
	sqlite3_backup *b;

	if (sqlite3_open(path, &to) != SQLITE_OK ||
	    !(b = sqlite3_backup_init(to, "main", from, "main")) ||
	    sqlite3_backup_step(b, -1) != SQLITE_DONE)
		world_die(path, NULL);
	sqlite3_backup_finish(b);
	sqlite3_close(to);
}

__attribute__((format(printf, 1, 2)))
static void shell(const char *fmt, ...)
{
	char cmd[900];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	if (system(cmd) != 0)
		world_die(cmd, NULL);
}

void world_backup(struct world *w, int i)
{
	struct node *s = &w->site[i];
	char path[260];

	w->event++;
	snprintf(path, sizeof(path), "%s/%s.backup", w->dir, s->name);
	if (w->opt.image) {
		world_close(s);
		shell("rm -rf '%s' && cp -a '%s' '%s'", path, s->dir, path);
	} else {
		remove(path);
		world_open_app(w, s);
		copy_db(s->app, path);
	}
	s->backup = w->event;
	s->backup_seen = s->seen;
	s->backup_altered = s->altered;
	memcpy(s->backup_cols, s->cols, sizeof(s->cols));
	world_say(w, "%s: a backup is made%s", s->name,
	    w->opt.image ? " of the whole directory" : "");
}

/* Put back: the database alone, with the file beside it or without it and the
 * spool; or all of the directory as it was. */
void world_restore(struct world *w, int i)
{
	struct node *s = &w->site[i];
	struct err e = ERR_INIT;
	const char *how = "the spool and its state are as they were";
	struct spool sp;
	char path[260];

	w->event++;
	w->restores++;
	world_close(s);
	snprintf(path, sizeof(path), "%s/%s.backup", w->dir, s->name);
	if (w->opt.image) {
		shell("rm -rf '%s' && cp -a '%s' '%s'", s->dir, path, s->dir);
		how = "with all of its directory";
		/* who finds that old keys are back brings those of today */
		for (int p = 0; w->opt.keys && p < w->nsites; p++)
			if (s->peer[p])
				world_bring_key(w, p, i);
	} else if (rnd(w, 2)) {
		/* keys are in a backup of their own */
		shell("find '%s' -mindepth 1 -maxdepth 1 ! -name keys -exec"
		    " rm -rf {} + && cp '%s' '%s/d.db'", s->dir, path, s->dir);
		how = "spool and state are gone";
	} else {
		shell("rm -f '%s/d.db'* && cp '%s' '%s/d.db'", s->dir, path,
		    s->dir);
	}
	if (spool_open(&sp, s->dir, &e) < 0 || spool_make_site(&sp, &e) < 0)
		world_die("spool", &e);
	spool_close(&sp);
	world_say(w, "%s: THE BACKUP IS PUT BACK, %s", s->name, how);
	s->altered = s->backup_altered;
	memcpy(s->cols, s->backup_cols, sizeof(s->cols));
	world_open_app(w, s);
	world_add_peers(w, s);
	seen_restored(w, i);
	wire_forget(w->wire, i);
}

/* ---- copies */

/* dialsync copy: the original makes it, with a position */
static void copy_by_peer(struct world *w, struct node *s, struct node *c,
    const char *path)
{
	struct err e = ERR_INIT;
	struct copy_start start;
	struct site ours;
	char state[240];

	memset(&ours, 0, sizeof(ours));
	ours.store = world_store(w, s);
	if (copy_database(&ours, c->name, path, &start, &e) < 0)
		world_die("copy", &e);
	snprintf(state, sizeof(state), "%s/state", s->dir);
	if (capture_state_write(s->store, state, &e) < 0)
		world_die("state", &e);
}

/* dialsync init --copy: of a file that somebody copied; peers are added after
 * it, on both sides */
static void copy_by_hand(struct world *w, struct node *s, struct node *c,
    const char *path)
{
	struct identity id = {c->name, store_random_inc(), 0, 0, 0};
	struct err e = ERR_INIT;
	struct store *st;
	struct peer p;

	world_open_app(w, s);
	copy_db(s->app, path);
	world_set_time(w, s);
	if (store_open(path, s->name, DB_WRITE, &st, &e) < 0 ||
	    capture_fold_begin(st, &e) < 0)
		world_die("copy", &e);
	id.original = st->self;
	id.known = st->packed > st->last - 1 ? st->packed : st->last - 1;
	st->packed = 0;
	if (identity_take(st->db, &id, &e) < 0 || store_commit(st, &e) < 0)
		world_die("copy", &e);
	store_close(st);
	if (store_open(path, c->name, DB_WRITE, &st, &e) < 0 ||
	    store_begin(st, &e) < 0 || peer_add(st, s->name, &p, &e) < 0 ||
	    store_commit(st, &e) < 0)
		world_die("copy", &e);
	store_close(st);
	st = world_store(w, s);
	if (store_begin(st, &e) < 0 || peer_add(st, c->name, &p, &e) < 0 ||
	    store_commit(st, &e) < 0)
		world_die("copy", &e);
}

void world_copy(struct world *w, int i)
{
	struct node *s = &w->site[i], *c = &w->site[w->nsites];
	struct err e = ERR_INIT;
	bool by_hand = rnd(w, 2);
	struct spool sp;
	char path[240];

	w->event++;
	w->copies++;
	memset(c, 0, sizeof(*c));
	world_name(w, w->nsites);
	snprintf(path, sizeof(path), "%s/d.db", c->dir);
	if (mkdir(c->dir, 0700) < 0)
		world_die(c->dir, NULL);
	c->wal = s->wal;
	c->off = rnd(w, 3) ? s->off : (int64_t)rnd(w, 7200) - 3600;
	memcpy(c->cols, s->cols, sizeof(c->cols));
	c->altered = s->altered;
	world_say(w, "%s: A COPY IS MADE, %s, %s", s->name, c->name,
	    by_hand ? "by hand" : "by dialsync copy");
	/* nothing in the original tells of a copy made by hand: an older
	 * backup of it, put back, cannot be told from what it was */
	if (by_hand)
		s->backup = 0;
	world_open_app(w, s);
	seen_copied(w, i, w->nsites, by_hand);
	if (by_hand)
		copy_by_hand(w, s, c, path);
	else
		copy_by_peer(w, s, c, path);
	if (spool_open(&sp, c->dir, &e) < 0 || spool_make_site(&sp, &e) < 0)
		world_die("spool", &e);
	spool_close(&sp);
	world_join(w, i, w->nsites++);
	if (w->opt.keys)
		world_share_keys(w);
	world_open_app(w, c);
}

/* ---- ALTER TABLE */

static void set_tracked(struct world *w, struct node *s, int table, bool yes)
{
	struct store *st = world_store(w, s);
	struct err e = ERR_INIT;
	char name[8];

	snprintf(name, sizeof(name), "t%d", table);
	if (capture_fold_begin(st, &e) < 0 ||
	    (yes ? capture_track(st, name, &e)
		 : capture_untrack(st, name, &e)) < 0 ||
	    store_commit(st, &e) < 0)
		world_die("track", &e);
}

/* DROP COLUMN is refused while triggers name the column.  Before: what waited
 * for a column that was added is placed by the fold that this begins with; that
 * came, and nobody writes it. */
static void before_alter(struct world *w, int i, const struct alter *a,
    struct seen *before)
{
	if (a->drop) {
		set_tracked(w, &w->site[i], a->table, false);
		seen_after_apply(w, i);
	}
	seen_tables(w, i, before);
}

static bool run_alter(struct world *w, int i, const struct alter *a)
{
	struct node *s = &w->site[i];
	char *cols = s->cols[a->table], *at;
	struct seen before;
	bool ok;

	w->event++;
	world_open_app(w, s);
	before_alter(w, i, a, &before);
	sqlite3_finalize(s->values[a->table]);
	s->values[a->table] = NULL;
	ok = world_sql(w, i, a->sql);
	if (a->drop)
		set_tracked(w, s, a->table, true);
	if (!ok)
		return false;
	at = strchr(cols, a->drop ? a->drop : a->rename);
	if (a->drop)
		memmove(at, at + 1, strlen(at));
	else if (a->rename)
		*at = a->add;
	else
		cols[strlen(cols)] = a->add;
	s->altered++;
	seen_edit(w, i, &before);
	return true;
}

bool world_alter_next(struct world *w, int i)
{
	struct node *s = &w->site[i];

	if (s->altered == w->nalters)
		return false;
	if (!run_alter(w, i, &w->alter[s->altered]))
		world_bad(w, "%s cannot %s", s->name,
		    w->alter[s->altered].sql);
	return true;
}

void world_alter(struct world *w, int i)
{
	struct alter a;

	if (world_alter_next(w, i) || !sql_alter(w, i, &a))
		return;
	w->alter[w->nalters++] = a;
	if (!run_alter(w, i, &a))
		w->nalters--;
}
