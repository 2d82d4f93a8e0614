#include "config.h"

#include "tests/random_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "capture/capture.h"
#include "store/peer.h"
#include "tests/random_fate.h"
#include "tests/random_judge.h"
#include "tests/random_sql.h"

/* splitmix64 (Sebastiano Vigna, public domain): any seed is a good one. */
uint32_t rnd(struct world *w, uint32_t n)
{
	uint64_t z = (w->rnd += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return (uint32_t)((z ^ z >> 31) % n);
}

void world_bad(struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (w->bad[0])
		return;
	va_start(ap, fmt);
	vsnprintf(w->bad, BAD_SIZE, fmt, ap);
	va_end(ap);
	world_say(w, "BAD: %s", w->bad);
}

void world_say(struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (!w->opt.trace)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout); /* children write, too */
}

void world_die(const char *what, const struct err *e)
{
	fprintf(stderr, "random world: %s: %s\n", what, e ? e->text : "");
	abort();
}

/* ---- time: SQLite's 'now' and ours, as the site at work sees it */

static int64_t fake_now;

static int vfs_time(sqlite3_vfs *v, sqlite3_int64 *ms)
{
	(void)v;
	/* milliseconds since noon of 24 November 4714 BC */
	*ms = fake_now * 1000 + INT64_C(210866760000000);
	return SQLITE_OK;
}

static void install_time(void)
{
	static sqlite3_vfs vfs;

	if (vfs.zName)
		return;
	/* as our programs do; before SQLite's first use */
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 1200, 400);
	vfs = *sqlite3_vfs_find(NULL);
	vfs.zName = "faketime";
	vfs.xCurrentTimeInt64 = vfs_time;
	sqlite3_vfs_register(&vfs, 1);
}

void world_set_time(struct world *w, const struct node *s)
{
	char text[32];

	fake_now = w->now + s->off;
	snprintf(text, sizeof(text), "%lld", (long long)fake_now);
	setenv("DIALSYNC_NOW", text, 1);
}

/* ---- connections */

void world_exec(sqlite3 *db, const char *text)
{
	char *msg = NULL;

	if (sqlite3_exec(db, text, NULL, NULL, &msg) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", text, msg);
		abort();
	}
}

static void warn(void *arg, const char *text)
{
	world_say(arg, "  warns: %s", text);
}

struct store *world_store(struct world *w, struct node *s)
{
	struct err e = ERR_INIT;
	char path[240];

	world_set_time(w, s);
	if (s->store)
		return s->store;
	snprintf(path, sizeof(path), "%s/d.db", s->dir);
	if (store_open(path, s->name, DB_APPLY, &s->store, &e) < 0)
		world_die("store_open", &e);
	/* what a power cut does is not told here, only what a kill does */
	world_exec(s->store->db, "PRAGMA synchronous = off");
	s->store->warn = warn;
	s->store->warn_arg = w;
	return s->store;
}

void world_open_app(struct world *w, struct node *s)
{
	char path[240];

	if (s->app)
		return;
	snprintf(path, sizeof(path), "%s/d.db", s->dir);
	world_set_time(w, s);
	if (sqlite3_open(path, &s->app) != SQLITE_OK)
		world_die(path, NULL);
	world_exec(s->app, s->wal
		? "PRAGMA journal_mode = wal; PRAGMA synchronous = off"
		: "PRAGMA synchronous = off");
	if (s->recursive)
		world_exec(s->app, "PRAGMA recursive_triggers = on");
	if (s->fk)
		world_exec(s->app, "PRAGMA foreign_keys = on");
}

void world_close(struct node *s)
{
	for (int k = 0; k < TABLES_MAX; k++) {
		sqlite3_finalize(s->values[k]);
		s->values[k] = NULL;
	}
	store_close(s->store);
	s->store = NULL;
	sqlite3_close(s->app);
	s->app = NULL;
}

/* ---- making sites */

/* As every program does at its start with those of the configuration. */
void world_add_peers(struct world *w, struct node *s)
{
	struct store *st = world_store(w, s);
	struct err e = ERR_INIT;
	struct peer p;

	if (store_begin(st, &e) < 0)
		world_die("begin", &e);
	for (int k = 0; k < w->nsites; k++)
		if (s->peer[k] && peer_add(st, w->site[k].name, &p, &e) < 0)
			world_die("peer_add", &e);
	if (store_commit(st, &e) < 0)
		world_die("commit", &e);
}

static void track(struct world *w, struct node *s)
{
	struct store *st = world_store(w, s);
	struct err e = ERR_INIT;
	char name[16];

	if (store_begin(st, &e) < 0)
		world_die("begin", &e);
	for (int k = 0; k < w->ntables; k++) {
		snprintf(name, sizeof(name), "t%d", k);
		if (capture_track(st, name, &e) < 0)
			world_die("track", &e);
	}
	if (store_commit(st, &e) < 0)
		world_die("commit", &e);
}

void world_name(struct world *w, int i)
{
	struct node *s = &w->site[i];
	char *dir;

	snprintf(s->name, sizeof(s->name), i < 26 ? "%c" : "s%d",
	    i < 26 ? 'a' + i : i);
	dir = fs_join(w->dir, s->name);
	snprintf(s->dir, sizeof(s->dir), "%s", dir);
	free(dir);
}

void world_make_site(struct world *w, int i)
{
	struct node *s = &w->site[i];
	struct err e = ERR_INIT;
	struct spool sp;

	if (mkdir(s->dir, 0700) < 0)
		world_die(s->dir, NULL);
	world_open_app(w, s);
	for (int k = 0; k < w->ntables; k++) {
		world_exec(s->app, w->ddl[k]);
		strcpy(s->cols[k], "abcd");
	}
	if (store_create(s->app, s->name, &e) < 0)
		world_die("store_create", &e);
	world_add_peers(w, s);
	track(w, s);
	if (spool_open(&sp, s->dir, &e) < 0 || spool_make_site(&sp, &e) < 0)
		world_die("spool", &e);
	spool_close(&sp);
}

void world_join(struct world *w, int a, int b)
{
	if (a != b)
		w->site[a].peer[b] = w->site[b].peer[a] = true;
}

/* Chain, star, ring or anything connected. */
static void topology(struct world *w)
{
	uint32_t kind = rnd(w, 4);

	for (int i = 1; i < w->nsites; i++)
		world_join(w, i,
		    kind == 0       ? 0
			: kind == 3 ? (int)rnd(w, (uint32_t)i)
				    : i - 1);
	if (kind == 2 && w->nsites > 2)
		world_join(w, 0, w->nsites - 1);
	for (uint32_t n = kind == 3 ? rnd(w, 3) : 0; n > 0; n--)
		world_join(w, (int)rnd(w, (uint32_t)w->nsites),
		    (int)rnd(w, (uint32_t)w->nsites));
}

void world_begin(struct world *w, uint64_t seed, const struct options *opt,
    const char *base)
{
	static char *bad;
	char way[140];

	memset(w, 0, sizeof(*w));
	if (!bad)
		bad = mmap(NULL, BAD_SIZE, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (bad == MAP_FAILED)
		abort();
	w->bad = bad;
	bad[0] = '\0';
	w->rnd = seed;
	w->opt = *opt;
	w->now = 1800000000;
	w->bundle_size = 65536;
	install_time();
	snprintf(w->dir, sizeof(w->dir), "%s/%llu", base,
	    (unsigned long long)seed);
	snprintf(way, sizeof(way), "%s/way", w->dir);
	if (mkdir(w->dir, 0700) < 0 || mkdir(way, 0700) < 0)
		world_die(w->dir, NULL);
}

/* Most worlds are small: there a history is dense. */
static int how_many_sites(struct world *w)
{
	uint32_t x = rnd(w, 20);

	return x < 14 ? 2 + (int)rnd(w, 3) : 4 + (int)rnd(w, 5);
}

void world_init(struct world *w, uint64_t seed, const struct options *opt,
    const char *base)
{
	static const int64_t sizes[] = {1, 300, 600, 65536};

	world_begin(w, seed, opt, base);
	/* in every third world bundles are merged in several transactions */
	w->part_rows = seed % 3 ? 0 : 1 + (int)(seed / 3 % 5);
	w->nsites = how_many_sites(w);
	w->ntables = 1 + (int)rnd(w, TABLES_MAX);
	w->nkeys = 1 + (int)rnd(w, 4);
	if (opt->unique && w->nkeys < 3)
		w->nkeys += 2;
	w->bundle_size = sizes[rnd(w, 4)];
	for (int i = 0; i < w->ntables; i++) {
		sql_table(w, i);
		world_say(w, "%s", w->ddl[i]);
	}
	topology(w);
	for (int i = 0; i < w->nsites; i++)
		world_name(w, i);
	for (int i = 0; i < w->nsites; i++) {
		struct node *s = &w->site[i];

		s->off = rnd(w, 3) ? 0 : (int64_t)rnd(w, 7200) - 3600;
		s->wal = rnd(w, 3) != 0;
		s->recursive = rnd(w, 4) == 0;
		s->fk = opt->fk && rnd(w, 3) != 0;
		world_make_site(w, i);
		world_say(w, "site %s clock %+lld%s%s%s", s->name,
		    (long long)s->off, s->wal ? "" : ", rollback journal",
		    s->recursive ? ", recursive triggers" : "",
		    s->fk ? ", foreign keys" : "");
		for (int k = 0; k < i; k++)
			if (s->peer[k])
				world_say(w, "  joined to %s", w->site[k].name);
	}
}

void world_free(struct world *w)
{
	for (int i = 0; i < w->nsites; i++)
		world_close(&w->site[i]);
	for (int i = 0; i < w->ntokens; i++) {
		free(w->token[i].text);
		free(w->token[i].before);
	}
}

/* ---- edits */

bool world_sql(struct world *w, int i, const char *text)
{
	struct node *s = &w->site[i];
	bool ok;

	world_open_app(w, s);
	world_set_time(w, s);
	ok = sqlite3_exec(s->app, text, NULL, NULL, NULL) == SQLITE_OK;
	world_say(w, "%s: %s%s%s", s->name, text, ok ? "" : "  -- no: ",
	    ok ? "" : sqlite3_errmsg(s->app));
	return ok;
}

void world_edit(struct world *w, int i)
{
	struct node *s = &w->site[i];
	uint32_t n = 1 + (rnd(w, 3) ? 0 : rnd(w, 6));
	bool back = rnd(w, 12) == 0;
	struct seen before;

	world_open_app(w, s);
	world_set_time(w, s);
	w->event++;
	seen_tables(w, i, &before);
	sqlite3_exec(s->app, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	while (n-- > 0) {
		char text[1400];

		sql_edit(w, i, text, sizeof(text));
		world_sql(w, i, text);
	}
	/* a commit that a deferred constraint refuses takes all back */
	if (back ||
	    sqlite3_exec(s->app, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		sqlite3_exec(s->app, "ROLLBACK", NULL, NULL, NULL);
	world_say(w, "%s: %s at %lld", s->name, back ? "rollback" : "commit",
	    (long long)(w->now + s->off));
	seen_edit(w, i, &before);
}
