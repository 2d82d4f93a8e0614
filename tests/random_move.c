/* Packers, appliers and what lies between them, for random_world.c; and the
 * killing of either. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apply/apply.h"
#include "base/fs.h"
#include "pack/pack.h"
#include "tests/random_fate.h"
#include "tests/random_judge.h"
#include "tests/random_wire.h"

static void way_path(struct world *w, int flight, char out[240])
{
	snprintf(out, 240, "%s/way/%d", w->dir, flight);
}

/* Move what is ready onto the way. */
static void collect(struct world *w, struct spool *sp, int from, int to)
{
	const char *peer = w->site[to].name;
	struct err e = ERR_INIT;
	struct spool_list l;
	char way[240];

	if (spool_list(sp, SPOOL_KIND_OUTBOX, peer, 0, &l, &e) < 0)
		world_die("spool_list", &e);
	for (size_t k = 0; k < l.n; k++) {
		char *path = spool_path(sp, SPOOL_KIND_OUTBOX, peer,
		    l.e[k].number);
		struct flight *f = &w->flight[w->nflights];

		if (w->nflights == FLIGHT_MAX)
			world_die("too many bundles", NULL);
		way_path(w, w->nflights, way);
		if (rename(path, way) < 0)
			world_die(way, NULL);
		free(path);
		*f = (struct flight){from, to, (int64_t)l.e[k].number, false,
		    false};
		wire_sent(w->wire, w->nflights, from, to, way);
		w->nflights++;
		w->site[from].packed = w->event;
	}
	spool_list_free(&l);
}

static void pack(struct world *w, int i, int to, bool flush, struct spool *sp)
{
	struct node *s = &w->site[i];
	struct err e = ERR_INIT;
	struct pack_conf conf = {world_store(w, s), sp, w->bundle_size, flush,
	    NULL, NULL};
	struct pack_result r = {0, 0, 0};

	if (pack_peer(&conf, w->site[to].name, &r, &e) < 0)
		world_bad(w, "%s cannot pack for %s: %s", s->name,
		    w->site[to].name, e.text);
	world_say(w, "%s packs for %s: %d bundles, %lld rows", s->name,
	    w->site[to].name, r.bundles, (long long)r.rows);
}

static void open_spool(struct node *s, struct spool *sp)
{
	struct err e = ERR_INIT;

	if (spool_open(sp, s->dir, &e) < 0)
		world_die("spool", &e);
}

/* A program that runs for long has its database open, another opens it anew */
static void begin_run(struct world *w, struct node *s)
{
	w->event++;
	if (s->store && rnd(w, 8) == 0) {
		store_close(s->store);
		s->store = NULL;
	}
}

void world_pack(struct world *w, int i, int to, bool flush)
{
	struct node *s = &w->site[i];
	struct spool sp;

	begin_run(w, s);
	open_spool(s, &sp);
	pack(w, i, to, flush, &sp);
	collect(w, &sp, i, to);
	spool_close(&sp);
}

static void arrive(struct world *w, int i)
{
	struct flight *f = &w->flight[i];
	const char *from = w->site[f->from].name, *to = w->site[f->to].name;
	char way[240], path[300];

	way_path(w, i, way);
	snprintf(path, sizeof(path), "%s/inbox/%s", w->site[f->to].dir, from);
	fs_mkdirs(path, NULL);
	snprintf(path, sizeof(path), "%s/inbox/%s/%08lld.xml.gz",
	    w->site[f->to].dir, from, (long long)f->number);
	if (link(way, path) < 0) {
		if (errno != EEXIST)
			world_die(path, NULL);
		/* the same, or one of that number before a restore: it waits */
		return;
	}
	world_say(w, "%s -> %s: %lld arrives%s", from, to,
	    (long long)f->number, f->arrived ? " again" : "");
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
				arrive(w, i);
		} else if (f->arrived ? rnd(w, 12) == 0
				      : rnd(w, w->opt.lossy ? 3 : 2) == 0) {
			arrive(w, i);
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

/* A bundle may be held after a restore only: then it is told what to do. */
static void apply_from(struct world *w, struct node *s, int k,
    struct apply_conf *conf, struct apply_result *all)
{
	struct apply_result r;
	struct err e = ERR_INIT;

	memset(&r, 0, sizeof(r));
	if (apply_peer(conf, w->site[k].name, &r, &e) < 0) {
		world_bad(w, "%s cannot apply from %s: %s", s->name,
		    w->site[k].name, e.text);
		return;
	}
	if (r.applied || r.duplicates || r.waiting || r.held)
		world_say(w, "%s applies from %s: %d, %d known, %d wait,"
			     " %d held, %lld conflicts, %lld held rows",
		    s->name, w->site[k].name, r.applied, r.duplicates,
		    r.waiting, r.held, (long long)r.conflicts,
		    (long long)r.held_rows);
	all->applied += r.applied;
	/* what is late may be signed with a key that has gone */
	if (r.held && !w->restores && !w->opt.keys)
		world_bad(w, "%s holds a bundle from %s", s->name,
		    w->site[k].name);
}

static void apply(struct world *w, int i, struct spool *sp)
{
	struct node *s = &w->site[i];
	struct err e = ERR_INIT;
	struct apply_conf conf = {.store = world_store(w, s), .spool = sp,
	    .tell = tell, .arg = w, .part_rows = w->part_rows};
	struct apply_result all;

	memset(&all, 0, sizeof(all));
	for (int k = 0; k < w->nsites; k++)
		if (s->peer[k])
			apply_from(w, s, k, &conf, &all);
	if (apply_held(&conf, &all, &e) < 0)
		world_bad(w, "%s: held rows: %s", s->name, e.text);
}

void world_apply(struct world *w, int i)
{
	struct node *s = &w->site[i];
	struct spool sp;

	begin_run(w, s);
	open_spool(s, &sp);
	wire_reads(w->wire, w, i);
	apply(w, i, &sp);
	wire_applied(w->wire, w, i);
	spool_close(&sp);
	seen_after_apply(w, i);
	if (w->opt.keys)
		world_check_keys(w);
}

/* ---- rest */

static void each_way(struct world *w, bool packs)
{
	for (int i = 0; i < w->nsites; i++)
		for (int p = 0; p < w->nsites; p++)
			if (w->site[i].peer[p] && packs)
				world_pack(w, i, p, true);
			else if (w->site[i].peer[p])
				world_deliver(w, i, p, false);
}

/* Everything is packed, carried and applied until nobody says more: not in a
 * round after which nobody had anything to apply, either. */
void world_rest(struct world *w)
{
	int quiet = 0;

	for (int round = 0; round < 80 && quiet < 2 && !w->bad[0]; round++) {
		int before = w->nflights;

		w->now++;
		each_way(w, true);
		each_way(w, false);
		for (int i = 0; i < w->nsites; i++)
			world_apply(w, i);
		quiet = w->nflights == before ? quiet + 1 : 0;
		world_say(w, "---- round %d: %d bundles", round,
		    w->nflights - before);
	}
	if (quiet < 2)
		world_bad(w, "never silent");
}

/* ---- killed */

static long steps_left;

static void step(void)
{
	if (--steps_left <= 0)
		_exit(100);
}

/* SQLite's connections do not survive a fork: all of this site are closed
 * before, and opened again when they are needed. */
bool world_kill_at(struct world *w, int i, int to, bool packs, long at)
{
	struct node *s = &w->site[i];
	struct spool sp;
	int status;
	pid_t pid;

	w->event++;
	w->kills++;
	world_close(s);
	steps_left = at;
	world_say(w, "%s: %s, killed after %ld steps", s->name,
	    packs ? "a packer" : "an applier", steps_left);
	if (!packs)
		wire_reads(w->wire, w, i);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		fs_step_hook = step;
		open_spool(s, &sp);
		if (packs)
			pack(w, i, to, true, &sp);
		else
			apply(w, i, &sp);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		world_die("fork", NULL);
	world_say(w, "%s: %s", s->name, WEXITSTATUS(status) == 100
		? "killed" : "was done before");
	open_spool(s, &sp);
	if (packs)
		collect(w, &sp, i, to);
	else
		wire_applied(w->wire, w, i);
	spool_close(&sp);
	seen_after_apply(w, i);
	return WEXITSTATUS(status) == 100;
}

void world_kill(struct world *w, int i, int to, bool packs)
{
	world_kill_at(w, i, to, packs, 1 + (long)rnd(w, packs ? 14 : 20));
}
