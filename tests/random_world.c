#include "config.h"

#include "tests/random_world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/apply.h"
#include "base/fs.h"
#include "capture/capture.h"
#include "pack/pack.h"
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
	vsnprintf(w->bad, sizeof(w->bad), fmt, ap);
	va_end(ap);
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
	vfs = *sqlite3_vfs_find(NULL);
	vfs.zName = "faketime";
	vfs.xCurrentTimeInt64 = vfs_time;
	sqlite3_vfs_register(&vfs, 1);
}

static void set_time(struct world *w, const struct site *s)
{
	char text[32];

	fake_now = w->now + s->off;
	snprintf(text, sizeof(text), "%lld", (long long)fake_now);
	setenv("DIALSYNC_NOW", text, 1);
}

/* ---- making sites */

static void die(const char *what, const struct err *e)
{
	fprintf(stderr, "random_sites: %s: %s\n", what, e ? e->text : "");
	abort();
}

static struct store *open_store(struct world *w, struct site *s)
{
	struct err e = ERR_INIT;
	struct store *st;
	char path[240];

	snprintf(path, sizeof(path), "%s/d.db", s->dir);
	set_time(w, s);
	if (store_open(path, s->name, DB_APPLY, &st, &e) < 0)
		die("store_open", &e);
	return st;
}

static void sql(sqlite3 *db, const char *text)
{
	char *msg = NULL;

	if (sqlite3_exec(db, text, NULL, NULL, &msg) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", text, msg);
		abort();
	}
}

static void make_site(struct world *w, int i)
{
	struct site *s = &w->site[i];
	struct err e = ERR_INIT;
	struct store *st;
	struct spool sp;
	struct peer p;
	char path[240], name[16];

	s->name[0] = (char)('a' + i);
	snprintf(s->dir, sizeof(s->dir), "%.150s/%c", w->dir, 'a' + i);
	snprintf(path, sizeof(path), "%s/d.db", s->dir);
	if (mkdir(s->dir, 0700) < 0)
		die(s->dir, NULL);
	if (sqlite3_open(path, &s->app) != SQLITE_OK)
		die(path, NULL);
	sql(s->app, "PRAGMA journal_mode=wal; PRAGMA synchronous=off");
	for (int k = 0; k < w->ntables; k++)
		sql(s->app, w->ddl[k]);
	if (store_create(s->app, s->name, &e) < 0)
		die("store_create", &e);
	st = open_store(w, s);
	if (store_begin(st, &e) < 0)
		die("begin", &e);
	for (int k = 0; k < w->nsites; k++) {
		snprintf(name, sizeof(name), "%c", 'a' + k);
		if (s->peer[k] && peer_add(st, name, &p, &e) < 0)
			die("peer_add", &e);
	}
	for (int k = 0; k < w->ntables; k++) {
		snprintf(name, sizeof(name), "t%d", k);
		if (capture_track(st, name, &e) < 0)
			die("track", &e);
	}
	if (store_commit(st, &e) < 0)
		die("commit", &e);
	store_close(st);
	if (spool_open(&sp, s->dir, &e) < 0 || spool_make_site(&sp, &e) < 0)
		die("spool", &e);
	spool_close(&sp);
	if (rnd(w, 4) == 0)
		sql(s->app, "PRAGMA recursive_triggers = on");
}

static void join(struct world *w, int a, int b)
{
	char path[200];

	if (a == b || w->site[a].peer[b])
		return;
	w->site[a].peer[b] = w->site[b].peer[a] = true;
	snprintf(path, sizeof(path), "%s/way-%d-%d", w->dir, a, b);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/way-%d-%d", w->dir, b, a);
	mkdir(path, 0700);
}

/* Chain, star, ring or anything connected. */
static void topology(struct world *w)
{
	uint32_t kind = rnd(w, 4);

	for (int i = 1; i < w->nsites; i++)
		join(w, i,
		    kind == 0       ? 0
			: kind == 3 ? (int)rnd(w, (uint32_t)i)
				    : i - 1);
	if (kind == 2 && w->nsites > 2)
		join(w, 0, w->nsites - 1);
	for (uint32_t n = kind == 3 ? rnd(w, 3) : 0; n > 0; n--)
		join(w, (int)rnd(w, (uint32_t)w->nsites),
		    (int)rnd(w, (uint32_t)w->nsites));
}

void world_init(struct world *w, uint64_t seed, const struct options *opt,
    const char *base)
{
	static const int64_t sizes[] = {1, 300, 600, 65536};

	memset(w, 0, sizeof(*w));
	w->rnd = seed;
	w->part_rows = seed % 3 ? 0 : 1 + (int)(seed / 3 % 5);
	w->opt = *opt;
	w->now = 1800000000;
	install_time();
	snprintf(w->dir, sizeof(w->dir), "%s/%llu", base,
	    (unsigned long long)seed);
	if (mkdir(w->dir, 0700) < 0)
		die(w->dir, NULL);
	w->nsites = 2 + (int)rnd(w, SITES_MAX - 1);
	w->ntables = 1 + (int)rnd(w, TABLES_MAX);
	w->nkeys = 1 + (int)rnd(w, 4);
	w->bundle_size = sizes[rnd(w, 4)];
	for (int i = 0; i < w->ntables; i++)
		sql_table(w, i, w->ddl[i], sizeof(w->ddl[i]));
	topology(w);
	for (int i = 0; i < w->nsites; i++) {
		w->site[i].off = rnd(w, 3) ? 0 : (int64_t)rnd(w, 7200) - 3600;
		make_site(w, i);
		world_say(w, "site %s clock %+lld", w->site[i].name,
		    (long long)w->site[i].off);
		for (int k = 0; k < i; k++)
			if (w->site[i].peer[k])
				world_say(w, "  joined to %s", w->site[k].name);
	}
	for (int i = 0; i < w->ntables; i++)
		world_say(w, "%s", w->ddl[i]);
}

void world_free(struct world *w)
{
	for (int i = 0; i < w->nsites; i++)
		sqlite3_close(w->site[i].app);
	for (int i = 0; i < w->ntokens; i++)
		free(w->token[i].text);
	free(w->token);
}

/* ---- edits */

/* Is this line among the lines of b? */
static bool has_line(const struct buf *b, const char *line, size_t n)
{
	const char *p = buf_str(b);

	while (p && *p) {
		const char *end = strchr(p, '\n');

		if (!end)
			break;
		if ((size_t)(end - p) == n && memcmp(p, line, n) == 0)
			return true;
		p = end + 1;
	}
	return false;
}

static struct token *find_token(struct world *w, const char *line, size_t n)
{
	for (int i = 0; i < w->ntokens; i++)
		if (strlen(w->token[i].text) == n &&
		    memcmp(w->token[i].text, line, n) == 0)
			return &w->token[i];
	return NULL;
}

static void each_line(struct world *w, const struct buf *b,
    void (*f)(struct world *, const char *, size_t, void *), void *arg)
{
	const char *p = buf_str(b), *end;

	while (p && *p && (end = strchr(p, '\n')) != NULL) {
		f(w, p, (size_t)(end - p), arg);
		p = end + 1;
	}
}

/* What the writer saw and took away was overwritten knowingly. */
static void gone(struct world *w, const char *line, size_t n, void *after)
{
	struct token *t = find_token(w, line, n);

	if (t && !has_line(after, line, n))
		t->over = true;
}

struct came {
	const struct buf *before;
	int site;
};

static void came(struct world *w, const char *line, size_t n, void *arg)
{
	const struct came *c = arg;
	struct token *t = find_token(w, line, n), *more;

	if (has_line(c->before, line, n))
		return;
	if (t) { /* the same value put back */
		t->over = false;
		return;
	}
	more = realloc(w->token, (size_t)(w->ntokens + 1) * sizeof(*more));
	if (!more)
		abort();
	w->token = more;
	t = &w->token[w->ntokens++];
	t->text = strndup(line, n);
	t->site = c->site;
	t->over = false;
}

void world_edit(struct world *w, int i)
{
	struct site *s = &w->site[i];
	struct buf before = BUF_INIT(SIZE_MAX), after = BUF_INIT(SIZE_MAX);
	struct came c = {&before, i};
	uint32_t n = 1 + (rnd(w, 3) ? 0 : rnd(w, 6));
	bool back = rnd(w, 12) == 0;

	set_time(w, s);
	dump_values(w, s->app, &before);
	sqlite3_exec(s->app, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	while (n-- > 0) {
		char text[1200];

		sql_edit(w, s->name, text, sizeof(text));
		world_say(w, "%s: %s", s->name, text);
		/* a constraint may say no: then nothing was written */
		if (sqlite3_exec(s->app, text, NULL, NULL, NULL) != SQLITE_OK)
			world_say(w, "  no: %s", sqlite3_errmsg(s->app));
	}
	world_say(w, "%s: %s at %lld", s->name, back ? "rollback" : "commit",
	    (long long)(w->now + s->off));
	sqlite3_exec(s->app, back ? "ROLLBACK" : "COMMIT", NULL, NULL, NULL);
	dump_values(w, s->app, &after);
	each_line(w, &before, gone, &after);
	each_line(w, &after, came, &c);
	buf_free(&before);
	buf_free(&after);
}

/* ---- bundles */

/* Move what is ready onto the way. */
static void collect(struct world *w, struct spool *sp, int from, int to)
{
	const char *peer = w->site[to].name;
	struct err e = ERR_INIT;
	struct spool_list l;
	char way[240];

	if (spool_list(sp, SPOOL_KIND_OUTBOX, peer, 0, &l, &e) < 0)
		die("spool_list", &e);
	for (size_t k = 0; k < l.n; k++) {
		char *path = spool_path(sp, SPOOL_KIND_OUTBOX, peer,
		    l.e[k].number);
		struct flight *f = &w->flight[w->nflights];

		if (w->nflights == FLIGHT_MAX)
			die("too many bundles", NULL);
		snprintf(way, sizeof(way), "%s/way-%d-%d/%llu", w->dir, from,
		    to, (unsigned long long)l.e[k].number);
		if (rename(path, way) < 0)
			die(way, NULL);
		free(path);
		*f = (struct flight){from, to, (int64_t)l.e[k].number, false,
		    false};
		w->nflights++;
	}
	spool_list_free(&l);
}

void world_pack(struct world *w, int i, int to, bool flush)
{
	struct site *s = &w->site[i];
	struct err e = ERR_INIT;
	struct store *st = open_store(w, s);
	struct spool sp;
	struct pack_conf conf = {st, &sp, w->bundle_size, flush, NULL, NULL};
	struct pack_result r = {0, 0, 0};

	if (spool_open(&sp, s->dir, &e) < 0)
		die("spool", &e);
	if (pack_peer(&conf, w->site[to].name, &r, &e) < 0)
		world_bad(w, "%s cannot pack for %s: %s", s->name,
		    w->site[to].name, e.text);
	world_say(w, "%s packs for %s: %d bundles, %lld rows", s->name,
	    w->site[to].name, r.bundles, (long long)r.rows);
	store_close(st);
	collect(w, &sp, i, to);
	spool_close(&sp);
}

static void arrive(struct world *w, struct flight *f)
{
	char way[240], path[300];

	snprintf(way, sizeof(way), "%s/way-%d-%d/%lld", w->dir, f->from,
	    f->to, (long long)f->number);
	snprintf(path, sizeof(path), "%s/inbox/%s", w->site[f->to].dir,
	    w->site[f->from].name);
	fs_mkdirs(path, NULL);
	snprintf(path, sizeof(path), "%s/inbox/%s/%08lld.xml.gz",
	    w->site[f->to].dir, w->site[f->from].name, (long long)f->number);
	if (link(way, path) < 0 && errno != EEXIST)
		die(path, NULL);
	world_say(w, "%s -> %s: %lld arrives%s", w->site[f->from].name,
	    w->site[f->to].name, (long long)f->number,
	    f->arrived ? " again" : "");
	f->arrived = true;
}

void world_deliver(struct world *w, int from, int to, bool chaos)
{
	for (int i = 0; i < w->nflights; i++) {
		struct flight *f = &w->flight[i];

		if (f->from != from || f->to != to)
			continue;
		if (!chaos) {
			if (!f->arrived && !f->lost)
				arrive(w, f);
		} else if (f->arrived ? rnd(w, 12) == 0
				      : rnd(w, w->opt.lossy ? 3 : 2) == 0) {
			arrive(w, f);
		}
	}
}

void world_lose(struct world *w)
{
	bool later[SITES_MAX][SITES_MAX] = {{false}};

	for (int i = w->nflights - 1; i >= 0 && w->opt.lossy; i--) {
		struct flight *f = &w->flight[i];

		f->lost = !f->arrived && later[f->from][f->to];
		later[f->from][f->to] = true;
		if (f->lost)
			world_say(w, "%s -> %s: %lld is lost",
			    w->site[f->from].name, w->site[f->to].name,
			    (long long)f->number);
	}
}

static void tell(void *arg, int severity, const char *text)
{
	struct world *w = arg;

	world_say(w, "  %s%s", severity == APPLY_WARN ? "WARNING " : "", text);
}

static void warn(void *arg, const char *text)
{
	world_say(arg, "  warns: %s", text);
}

bool world_apply(struct world *w, int i)
{
	struct site *s = &w->site[i];
	struct err e = ERR_INIT;
	struct store *st = open_store(w, s);
	struct spool sp;
	struct apply_conf conf = {.store = st, .spool = &sp, .tell = tell,
	    .arg = w};
	struct apply_result r;
	bool any = false;

	/* in every third world bundles are merged in several transactions */
	conf.part_rows = w->part_rows;
	st->warn = warn;
	st->warn_arg = w;
	if (spool_open(&sp, s->dir, &e) < 0)
		die("spool", &e);
	for (int k = 0; k < w->nsites; k++) {
		if (!s->peer[k])
			continue;
		memset(&r, 0, sizeof(r));
		if (apply_peer(&conf, w->site[k].name, &r, &e) < 0) {
			world_bad(w, "%s cannot apply: %s", s->name, e.text);
			break;
		}
		world_say(w, "%s applies from %s: %d, %d known, %d wait,"
			     " %d held, %lld conflicts, %lld held rows",
		    s->name, w->site[k].name, r.applied, r.duplicates,
		    r.waiting, r.held, (long long)r.conflicts,
		    (long long)r.held_rows);
		any |= r.applied || r.held;
		if (r.held)
			world_bad(w, "%s holds a bundle from %s", s->name,
			    w->site[k].name);
	}
	memset(&r, 0, sizeof(r));
	if (apply_held(&conf, &r, &e) < 0)
		world_bad(w, "%s: held rows: %s", s->name, e.text);
	store_close(st);
	spool_close(&sp);
	return any;
}
