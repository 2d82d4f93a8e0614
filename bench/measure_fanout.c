/* measure_fanout: what each edge carries where hubs in a ring serve sites.
 *
 * usage: measure_fanout [HUBS SITES CHANGES ROUNDS]
 *
 * Exit 1: sites differ, an edge carried a register twice or back to whom it
 * came from, or a site's edge carried more than the least. */
#include "config.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/random_fanout.h"
#include "tests/random_wire.h"

static int remove_one(const char *path, const struct stat *st, int flag,
    struct FTW *f)
{
	(void)st;
	(void)flag;
	(void)f;
	return remove(path);
}

static double ratio(long long n, long long least)
{
	return least ? (double)n / (double)least : 0;
}

static void line(const char *name, const struct wire_edge *there,
    const struct wire_edge *back, long long least)
{
	long long n = there->registers + back->registers;

	printf("%-18s%9lld%9lld%12lld%12lld%12lld%8.3f\n", name,
	    there->bundles + back->bundles,
	    (there->bytes + back->bytes) / 1024, there->registers,
	    back->registers, least, ratio(n, least));
}

static void print_edges(const struct world *w, const struct fanout *f)
{
	struct wire_edge out, in;
	long long least = f->sites ? f->leaf_minimum / f->sites : 0;

	printf("%-18s%9s%9s%12s%12s%12s%8s\n", "edge", "bundles", "KB",
	    "registers", "back", "least", "ratio");
	for (int i = 0; i < f->hubs && f->hubs > 1; i++) {
		int k = (i + 1) % f->hubs;
		char name[40];

		snprintf(name, sizeof(name), "hub %d - hub %d", i + 1, k + 1);
		line(name, wire_edge(w->wire, i, k), wire_edge(w->wire, k, i),
		    least);
	}
	memset(&out, 0, sizeof(out));
	memset(&in, 0, sizeof(in));
	for (int i = f->hubs; i < f->hubs + f->sites; i++) {
		const struct wire_edge *a = wire_edge(w->wire, i, i % f->hubs);
		const struct wire_edge *b = wire_edge(w->wire, i % f->hubs, i);

		out.bundles += a->bundles;
		out.bytes += a->bytes;
		out.registers += a->registers;
		in.bundles += b->bundles;
		in.bytes += b->bytes;
		in.registers += b->registers;
	}
	line("all sites - hubs", &out, &in, f->leaf_minimum);
}

int main(int argc, char **argv)
{
	static struct world w;
	struct fanout f = {.hubs = 5, .sites = 50, .changes = 10000,
	    .rounds = 10};
	char base[] = "/dev/shm/fanoutXXXXXX", other[] = "/tmp/fanoutXXXXXX";
	char *dir = mkdtemp(base);

	log_init("measure_fanout", -1);
	if (argc == 5) {
		f.hubs = atoi(argv[1]);
		f.sites = atoi(argv[2]);
		f.changes = atoi(argv[3]);
		f.rounds = atoi(argv[4]);
	}
	if (f.hubs < 1 || f.sites < 0 || f.hubs + f.sites > SITES_MAX ||
	    f.rounds < 1 || (argc != 1 && argc != 5)) {
		fprintf(stderr, "usage: measure_fanout [HUBS SITES CHANGES"
				" ROUNDS], at most %d sites\n", SITES_MAX);
		return 64;
	}
	if (!dir && !(dir = mkdtemp(other))) {
		perror(other);
		return 2;
	}
	fanout_run(&w, &f, dir);
	printf("%d hubs in a ring, %d sites, %d changes in %d rounds of"
	       " calls\n\n", f.hubs, f.sites, f.changes, f.rounds);
	print_edges(&w, &f);
	printf("\nring: %lld registers, least %lld, ratio %.3f\n",
	    f.ring_registers, f.ring_minimum,
	    ratio(f.ring_registers, f.ring_minimum));
	printf("all: %lld bundles, %lld KB, %.1f bytes a register; %lld"
	       " registers sent twice, %lld echoes\n", f.bundles,
	    f.bytes / 1024, ratio(f.bytes, f.ring_registers +
		f.leaf_registers), f.twice, f.echoes);
	if (f.bad[0])
		printf("FAILED: %s\n", f.bad);
	wire_free(w.wire);
	world_free(&w);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return f.bad[0] || f.twice || f.echoes ||
	    f.leaf_registers != f.leaf_minimum;
}
