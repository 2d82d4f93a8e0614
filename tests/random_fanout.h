/* Hubs in a ring, sites around them: what each edge carries of changes made
 * everywhere, against the least that it could be.  For t_named.c and
 * bench/measure_fanout.c. */
#ifndef RANDOM_FANOUT_H
#define RANDOM_FANOUT_H

#include "tests/random_world.h"

struct fanout {
	/* asked for */
	int hubs, sites, changes;
	int rounds;   /* changes are made, and all call, so many times */
	/* found: registers that edges carried in either direction, and the
	 * least: each crosses each edge of a spanning tree once */
	long long leaf_registers, leaf_minimum;
	long long ring_registers, ring_minimum;
	long long bundles, bytes;
	long long twice, echoes;
	char bad[200]; /* sites that differ at the end */
};

/* Make the world (site 0 to hubs - 1 are the hubs; w->wire watches) and let it
 * live; it stays for the caller to look at, and to free. */
void fanout_run(struct world *, struct fanout *, const char *base);

#endif
