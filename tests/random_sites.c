/* Random histories: two to four sites, random tables and edits, bundles that
 * come late, twice, out of order or never.  When all has come to rest:
 *
 *	all sites hold the same, bit for bit: tables, conflicts, registers
 *	no value is gone, unless a site that saw it overwrote it, or a conflict
 *	    record has it
 *	nobody has anything more to say
 *
 * random_sites [-n WORLDS] [-t SECONDS] [-o lossy,unique,strict,trace]
 * $SEED or -s: the first seed; one seed makes one world. */
#include "config.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/random_world.h"

static bool keep; /* the directory of a world that failed */

/* ---- judging */

static void first_difference(const struct buf *a, const struct buf *b,
    char *out, size_t size)
{
	const char *p = buf_str(a), *q = buf_str(b), *lp = p, *lq = q;

	while (*p && *p == *q) {
		if (*p == '\n') {
			lp = p + 1;
			lq = q + 1;
		}
		p++;
		q++;
	}
	snprintf(out, size, "%.*s | %.*s", (int)strcspn(lp, "\n"), lp,
	    (int)strcspn(lq, "\n"), lq);
}

static void judge_equal(struct world *w)
{
	struct buf a = BUF_INIT(SIZE_MAX);

	dump_site(w, 0, true, &a);
	for (int i = 1; i < w->nsites; i++) {
		struct buf b = BUF_INIT(SIZE_MAX);
		char text[500];

		dump_site(w, i, true, &b);
		if (strcmp(buf_str(&a), buf_str(&b)) != 0) {
			first_difference(&a, &b, text, sizeof(text));
			world_bad(w, "%s and %s differ: %s", w->site[0].name,
			    w->site[i].name, text);
			world_say(w, "%s:\n%s\n%s:\n%s", w->site[0].name,
			    buf_str(&a), w->site[i].name, buf_str(&b));
		}
		buf_free(&b);
	}
	buf_free(&a);
}

/* Is the value (without its "t0.a=") in a conflict record or aside? */
static bool kept(struct world *w, const char *value)
{
	struct buf b = BUF_INIT(SIZE_MAX);
	char line[400];
	bool yes;

	for (int i = 0; i < w->nsites; i++)
		dump_site(w, i, false, &b);
	for (int i = 0; i < w->nsites; i++)
		dump_kept_rows(w, i, &b);
	snprintf(line, sizeof(line), " %s ", value);
	yes = strstr(buf_str(&b), line) != NULL;
	buf_free(&b);
	return yes;
}

static void judge_lost(struct world *w)
{
	struct buf now = BUF_INIT(SIZE_MAX);

	dump_values(w, w->site[0].app, &now);
	for (int i = 0; i < w->ntokens; i++) {
		const struct token *t = &w->token[i];

		if (!t->over && !strstr(buf_str(&now), t->text) &&
		    !kept(w, strchr(t->text, '=') + 1))
			world_bad(w, "lost: %s, written at %s", t->text,
			    w->site[t->site].name);
	}
	buf_free(&now);
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

static void live(struct world *w)
{
	static const int64_t steps[] = {0, 0, 0, 1, 1, 5, 60, 3600};

	for (uint32_t n = 15 + rnd(w, 60); n > 0; n--) {
		int i = (int)rnd(w, (uint32_t)w->nsites), p = any_peer(w, i);
		uint32_t x = rnd(w, 100);

		w->now += steps[rnd(w, 8)];
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

/* Everything is packed, carried and applied until nobody says more. */
static void rest(struct world *w)
{
	int quiet = 0;

	for (int round = 0; round < 60 && quiet < 3; round++) {
		int before = w->nflights;

		w->now++;
		for (int i = 0; i < w->nsites; i++)
			for (int p = 0; p < w->nsites; p++)
				if (w->site[i].peer[p])
					world_pack(w, i, p, true);
		for (int i = 0; i < w->nsites; i++)
			for (int p = 0; p < w->nsites; p++)
				if (w->site[i].peer[p])
					world_deliver(w, i, p, false);
		for (int i = 0; i < w->nsites; i++)
			world_apply(w, i);
		quiet = w->nflights == before ? quiet + 1 : 0;
		world_say(w, "---- round %d: %d bundles", round,
		    w->nflights - before);
	}
	if (quiet < 3)
		world_bad(w, "never silent");
}

static int remove_one(const char *path, const struct stat *st, int flag,
    struct FTW *f)
{
	(void)st;
	(void)flag;
	(void)f;
	return remove(path);
}

static bool one_world(uint64_t seed, const struct options *opt,
    const char *base)
{
	static struct world w;
	bool ok;

	world_init(&w, seed, opt, base);
	live(&w);
	world_lose(&w);
	rest(&w);
	judge_equal(&w);
	judge_lost(&w);
	ok = !w.bad[0];
	if (!ok)
		printf("FAILED: seed %llu (%d sites, %d tables, %d bundles):"
		       " %s\n", (unsigned long long)seed, w.nsites, w.ntables,
		    w.nflights, w.bad);
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

int main(int argc, char **argv)
{
	const char *env = getenv("SEED"), *base;
	uint64_t seed = env ? strtoull(env, NULL, 10)
			    : (uint64_t)time(NULL) * 1000;
	struct options opt = {0};
	int worlds = 1000000, seconds = 15, bad = 0, n, c;
	time_t end;

	while ((c = getopt(argc, argv, "s:n:t:o:k")) != -1)
		switch (c) {
		case 's':
			seed = strtoull(optarg, NULL, 10);
			break;
		case 'n':
			worlds = atoi(optarg);
			break;
		case 't':
			seconds = atoi(optarg);
			break;
		case 'o':
			opt.lossy = strstr(optarg, "lossy") != NULL;
			opt.unique = strstr(optarg, "unique") != NULL;
			opt.strict = strstr(optarg, "strict") != NULL;
			opt.trace = strstr(optarg, "trace") != NULL;
			break;
		case 'k':
			keep = true;
			break;
		default:
			return 64;
		}
	printf("SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	end = time(NULL) + seconds;
	base = make_base();
	for (n = 0; n < worlds && time(NULL) < end; n++) {
		struct options o = opt;

		/* half of the worlds lose bundles, some have constraints */
		o.lossy |= ((seed + (uint64_t)n) & 1) != 0;
		o.strict |= (seed + (uint64_t)n) % 5 == 0;
		bad += !one_world(seed + (uint64_t)n, &o, base);
		fflush(stdout);
	}
	rmdir(base);
	printf("%d worlds, %d bad\n", n, bad);
	return bad ? 1 : 0;
}
