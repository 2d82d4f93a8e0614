/* Random histories: two to eight sites, random tables and edits, bundles that
 * come late, twice, out of order or never; programs killed, backups put back,
 * databases copied, tables altered.  When all has come to rest:
 *
 *	all sites hold the same, bit for bit: tables, what is held, conflicts,
 *	    registers
 *	no value is gone, unless a site that saw it overwrote it, or it is in a
 *	    conflict or a held record
 *	nobody has anything more to say
 *
 * random_sites [-n WORLDS] [-t SECONDS] [-o WORD,...] [-k]
 *
 * $SEED or -s: the first seed; one seed makes one world.  -o: what may happen
 * in all worlds (words below); without it, or with "mix", the seed chooses.  -k keeps the
 * directories of worlds that failed.  One line a failing seed; the last line
 * counts.  "-s SEED -n 1 -o trace" tells the whole history; give the words that
 * the failing line names, too. */
#include "config.h"

#include <ftw.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "keys/keys.h"
#include "tests/random_fate.h"
#include "tests/random_judge.h"
#include "tests/random_wire.h"

/* Words of -o, and in how many of a hundred worlds the default mix has each. */
static const struct word {
	const char *name;
	size_t at;
	uint32_t percent;
} words[] = {
    {"lossy", offsetof(struct options, lossy), 50},
    {"unique", offsetof(struct options, unique), 25},
    {"strict", offsetof(struct options, strict), 20},
    {"fk", offsetof(struct options, fk), 25},
    {"kill", offsetof(struct options, kill), 15},
    {"restore", offsetof(struct options, restore), 12},
    {"multi", offsetof(struct options, multi), 4},
    {"image", offsetof(struct options, image), 0},
    {"alter", offsetof(struct options, alter), 5},
    {"drop", offsetof(struct options, drop), 5},
    {"copy", offsetof(struct options, copy), 15},
    {"keys", offsetof(struct options, keys), 12},
    {"trace", offsetof(struct options, trace), 0},
};
#define NWORDS (sizeof(words) / sizeof(words[0]))

static bool keep; /* the directory of a world that failed */

static bool *word_of(struct options *o, const struct word *w)
{
	return (bool *)((char *)o + w->at);
}

/* "all" is every word but trace. */
static bool add_word(struct options *o, const char *s)
{
	bool found = false;

	for (size_t i = 0; i < NWORDS; i++)
		if (strcmp(words[i].name, s) == 0 ||
		    (strcmp("all", s) == 0 && i + 1 < NWORDS)) {
			*word_of(o, &words[i]) = true;
			found = true;
		}
	return found || strcmp(s, "none") == 0 || strcmp(s, "mix") == 0;
}

/* A generator of its own, so that the words do not change the history. */
static void mix(uint64_t seed, struct options *o)
{
	struct world *dice = calloc(1, sizeof(*dice));

	if (!dice)
		abort();
	dice->rnd = ~seed;
	for (size_t i = 0; i < NWORDS; i++)
		if (rnd(dice, 100) < words[i].percent)
			*word_of(o, &words[i]) = true;
	free(dice);
}

static void imply(struct options *o)
{
	o->restore |= o->multi || o->image;
	o->alter |= o->drop;
}

/* ---- a world's life */

static int any_peer(struct world *w, int i)
{
	int p;

	do
		p = (int)rnd(w, (uint32_t)w->nsites);
	while (!w->site[i].peer[p]);
	return p;
}

/* Rarer things; true when one happened. */
static bool fate(struct world *w, int i, int p)
{
	struct node *s = &w->site[i];
	uint32_t x = rnd(w, 100);

	if (x < 14 && w->opt.kill)
		world_kill(w, i, p, rnd(w, 2));
	else if (x < 20 && w->opt.restore && (!s->backup || w->opt.multi))
		world_backup(w, i);
	/* one that did not say anything since the backup lost little */
	else if (x < 26 && w->opt.restore && s->backup &&
	    (s->packed > s->backup + 1 || rnd(w, 6) == 0) &&
	    w->restores < (w->opt.multi ? 3 : 1))
		world_restore(w, i);
	else if (x >= 26 && x < 32 && w->opt.alter)
		world_alter(w, i);
	else if (x >= 32 && x < 35 && w->opt.copy && w->copies < 2)
		world_copy(w, i);
	else if (x >= 35 && x < 39 && w->opt.keys)
		world_new_key(w, i, p);
	else if (x >= 39 && x < 47 && w->opt.keys)
		world_bring_key(w, i, p);
	else
		return false;
	return true;
}

static void live(struct world *w)
{
	static const int64_t steps[] = {0, 0, 0, 1, 1, 5, 60, 3600};
	uint32_t n = 15 + rnd(w, 60);

	n += n / 5 * (uint32_t)(w->nsites - 2);
	for (; n > 0 && !w->bad[0]; n--) {
		int i = (int)rnd(w, (uint32_t)w->nsites), p = any_peer(w, i);
		uint32_t x = rnd(w, 100);

		w->now += steps[rnd(w, 8)];
		if (fate(w, i, p))
			continue;
		if (x < 45)
			world_edit(w, i);
		else if (x < 63)
			world_pack(w, i, p, rnd(w, 10) < 7);
		else if (x < 82)
			world_deliver(w, p, i, true);
		else
			world_apply(w, i);
	}
}

/* Edits until one has changed something. */
static void edit_for_sure(struct world *w, int i)
{
	for (int n = 0; n < 50 && !w->bad[0]; n++) {
		world_edit(w, i);
		if (dump_count(w->site[i].app, "dialsync_log WHERE m <> 0"))
			break;
	}
}

/* Steps that only some have made are made by all; and whoever was put back
 * hears of it with the next change of one who had applied by then what was
 * lost: when all is at rest, that is every one.  Keys come where they belong. */
static void catch_up(struct world *w)
{
	for (int i = 0; i < w->nsites && w->opt.keys; i++)
		for (int p = 0; p < w->nsites; p++)
			if (w->site[i].peer[p])
				world_bring_key(w, i, p);
	for (int i = 0; i < w->nsites; i++)
		while (!w->bad[0] && world_alter_next(w, i))
			;
	if (!w->restores)
		return;
	for (int i = 0; i < w->nsites; i++)
		world_edit(w, i);
	world_rest(w);
	for (int i = 0; i < w->nsites; i++)
		edit_for_sure(w, i);
}

static int remove_one(const char *path, const struct stat *st, int flag,
    struct FTW *f)
{
	(void)st;
	(void)flag;
	(void)f;
	return remove(path);
}

static void print_seed(const struct world *w, uint64_t seed,
    const char *what)
{
	printf("%s: seed %llu -o none", what, (unsigned long long)seed);
	for (size_t i = 0; i + 1 < NWORDS; i++)
		if (*word_of((struct options *)&w->opt, &words[i]))
			printf(",%s", words[i].name);
	printf(" (%d sites, %d tables, %d bundles): ", w->nsites, w->ntables,
	    w->nflights);
}

/* Nothing is lost by these, but they are more than there should be. */
static void print_waste(const struct world *w, uint64_t seed,
    const struct findings *a, const struct findings *b)
{
	if (a->false_conflicts == b->false_conflicts &&
	    a->echoes == b->echoes && a->twice == b->twice)
		return;
	print_seed(w, seed, "waste");
	printf("%lld false conflicts, %lld echoes, %lld twice\n",
	    b->false_conflicts - a->false_conflicts, b->echoes - a->echoes,
	    b->twice - a->twice);
}

static bool one_world(uint64_t seed, const struct options *opt,
    const char *base, struct findings *all)
{
	static struct world w;
	struct findings was = *all;
	bool ok;

	world_init(&w, seed, opt, base);
	if (w.opt.keys)
		world_share_keys(&w);
	w.wire = wire_new();
	live(&w);
	world_lose(&w);
	if ((w.nalters || w.restores) && rnd(&w, 2))
		world_rest(&w);
	catch_up(&w);
	world_rest(&w);
	if (!w.bad[0])
		judge(&w, all);
	ok = !w.bad[0];
	/* what is held for its key is sent again, and may be here by then */
	if (w.opt.keys) {
		all->false_conflicts = was.false_conflicts;
		all->echoes = was.echoes;
		all->two_givers = was.two_givers;
		all->twice = was.twice;
	}
	print_waste(&w, seed, &was, all);
	if (!ok) {
		print_seed(&w, seed, "FAILED");
		printf("%s\n", w.bad);
	}
	wire_free(w.wire);
	world_free(&w);
	if (ok || !keep)
		nftw(w.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	else
		printf("  kept in %s\n", w.dir);
	return ok;
}

static const char *make_base(void)
{
	static char base[100];
	const char *tmp = getenv("TMPDIR");

	/* memory is quicker than a disk, and nothing here must survive */
	if (!tmp)
		tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(base, sizeof(base), "%.80s/sitesXXXXXX", tmp);
	if (!mkdtemp(base)) {
		perror(base);
		exit(99);
	}
	return base;
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print_findings(const struct findings *f)
{
	printf("%lld bundles, %lld values, %lld registers, %lld conflicts,"
	       " %lld held, %lld killed, %lld put back, %lld copies, %lld"
	       " altered\n", f->bundles, f->tokens, f->registers, f->conflicts,
	    f->held, f->kills, f->restores, f->copies, f->alters);
	printf("%lld false conflicts, %lld echoes (and %lld of what came from"
	       " two givers), %lld registers sent twice; %lld where a backup"
	       " was put back\n", f->false_conflicts, f->echoes,
	    f->two_givers, f->twice, f->after_restore);
}

/* Where no backup was put back, none of these may be; what came from two givers
 * may go back to the second one, which is rare. */
static bool wasteful(const struct findings *f)
{
	bool is = f->false_conflicts || f->echoes || f->twice ||
	    f->two_givers * 200 > f->registers;

	if (is)
		printf("FAILED: more went over the lines, or into records,"
		       " than there is a reason for\n");
	return is;
}

struct run {
	uint64_t seed;
	struct options opt;
	bool chosen; /* by -o */
	int worlds;
	double seconds;
};

static int parse(int argc, char **argv, struct run *r)
{
	int c;

	while ((c = getopt(argc, argv, "s:n:t:o:k")) != -1)
		switch (c) {
		case 's':
			r->seed = strtoull(optarg, NULL, 10);
			break;
		case 'n':
			r->worlds = atoi(optarg);
			r->seconds = 1e9;
			break;
		case 't':
			r->seconds = atof(optarg);
			break;
		case 'o':
			r->chosen = strcmp(optarg, "trace") != 0 &&
			    strcmp(optarg, "mix") != 0;
			for (char *s = strtok(optarg, ","); s;
			    s = strtok(NULL, ","))
				if (!add_word(&r->opt, s))
					return 64;
			break;
		case 'k':
			keep = true;
			break;
		default:
			return 64;
		}
	return 0;
}

int main(int argc, char **argv)
{
	const char *env = getenv("SEED"), *base;
	struct run r = {env ? strtoull(env, NULL, 10)
			    : (uint64_t)time(NULL) * 1000, {0}, false,
	    1000000, 15};
	struct findings all;
	double begin;
	int bad = 0, n;

	struct err e = ERR_INIT;

	log_init("random_sites", -1);
	if (keys_start(&e) < 0)
		return 99;
	memset(&all, 0, sizeof(all));
	if (parse(argc, argv, &r) != 0) {
		fprintf(stderr, "usage: random_sites [-s SEED] [-n WORLDS]"
		    " [-t SECONDS] [-o WORD,...] [-k]\nwords: none all");
		for (size_t i = 0; i < NWORDS; i++)
			fprintf(stderr, " %s", words[i].name);
		fputc('\n', stderr);
		return 64;
	}
	printf("SEED=%llu\n", (unsigned long long)r.seed);
	fflush(stdout);
	begin = seconds_now();
	base = make_base();
	for (n = 0; n < r.worlds && seconds_now() < begin + r.seconds; n++) {
		struct options o = r.opt;

		if (!r.chosen)
			mix(r.seed + (uint64_t)n, &o);
		imply(&o);
		bad += !one_world(r.seed + (uint64_t)n, &o, base, &all);
		fflush(stdout);
	}
	rmdir(base);
	print_findings(&all);
	bad += wasteful(&all);
	printf("%d worlds, %d bad, %.0f a second\n", n, bad,
	    n / (seconds_now() - begin));
	return bad ? 1 : 0;
}
