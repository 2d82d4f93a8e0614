#include "config.h"

#include "tests/random_fanout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tests/random_fate.h"
#include "tests/random_judge.h"
#include "tests/random_wire.h"

static void make(struct world *w, struct fanout *f, const char *base)
{
	struct options opt = {0};

	world_begin(w, 1, &opt, base);
	w->nsites = f->hubs + f->sites;
	w->ntables = 1;
	snprintf(w->ddl[0], sizeof(w->ddl[0]), "CREATE TABLE t0(k TEXT"
	    " PRIMARY KEY NOT NULL, a, b, c)");
	w->wire = wire_new();
	for (int i = 0; i < w->nsites; i++) {
		world_name(w, i);
		world_join(w, i, i < f->hubs ? (i + 1) % f->hubs
					     : i % f->hubs);
	}
	for (int i = 0; i < w->nsites; i++) {
		w->site[i].wal = true;
		world_make_site(w, i);
		w->site[i].cols[0][0] = '\0'; /* no values are judged */
	}
}

/* A call: both pack, bundles go both ways, both apply. */
static int call(struct world *w, int a, int b)
{
	int before = w->nflights;

	w->now++;
	world_pack(w, a, b, true);
	world_pack(w, b, a, true);
	world_deliver(w, a, b, false);
	world_deliver(w, b, a, false);
	world_apply(w, a);
	world_apply(w, b);
	return w->nflights - before;
}

/* Sites call their hubs, hubs their neighbours; until nobody has more. */
static void calls(struct world *w, struct fanout *f)
{
	int made;

	do {
		made = 0;
		for (int i = f->hubs; i < w->nsites; i++)
			made += call(w, i, i % f->hubs);
		for (int i = 0; i < f->hubs && f->hubs > 1; i++)
			made += call(w, i, (i + 1) % f->hubs);
	} while (made);
}

/* An insert, or an edit of a row that came in the last round from anywhere and
 * that nobody else edits; returns the registers that it sets. */
static int change(struct world *w, struct fanout *f, int site, int n)
{
	int before = f->changes / f->rounds / 2 * 2 + 1;
	char sql[200];

	if (n % 2)
		snprintf(sql, sizeof(sql), "INSERT INTO t0 VALUES('%d', 'row"
		    " %d of site %d', %d, 0)", n, n, site, n % 7);
	else
		snprintf(sql, sizeof(sql), "UPDATE t0 SET b = 'edit %d' WHERE"
		    " k = '%d'", n, n - before);
	world_set_time(w, &w->site[site]);
	world_exec(w->site[site].app, sql);
	/* a birth is a register, too */
	return sqlite3_changes(w->site[site].app) * (n % 2 ? 4 : 1);
}

static void find(struct world *w, struct fanout *f)
{
	for (int i = 0; i < w->nsites; i++)
		for (int k = 0; k < w->nsites; k++) {
			const struct wire_edge *e = wire_edge(w->wire, i, k);

			f->bundles += e->bundles;
			f->bytes += e->bytes;
			f->twice += e->twice;
			f->echoes += e->echoes;
			if (i < f->hubs && k < f->hubs)
				f->ring_registers += e->registers;
			else
				f->leaf_registers += e->registers;
		}
}

void fanout_run(struct world *w, struct fanout *f, const char *base)
{
	struct buf a = BUF_INIT(SIZE_MAX), b = BUF_INIT(SIZE_MAX);
	long long made = 0;
	int n = 0;

	make(w, f, base);
	calls(w, f); /* all have said what they know */
	for (int r = 0; r < f->rounds; r++) {
		for (int i = 0; i < f->changes / f->rounds; i++)
			made += change(w, f,
			    (int)rnd(w, (uint32_t)w->nsites), ++n);
		calls(w, f);
	}
	find(w, f);
	f->leaf_minimum = made * f->sites;
	f->ring_minimum = made * (f->hubs - 1);
	dump_site(w, 0, true, &a);
	for (int i = 1; i < w->nsites && !f->bad[0]; i++) {
		b.n = 0;
		dump_site(w, i, true, &b);
		if (strcmp(buf_str(&a), buf_str(&b)) != 0)
			snprintf(f->bad, sizeof(f->bad), "%s and %s differ",
			    w->site[0].name, w->site[i].name);
	}
	if (w->bad[0])
		snprintf(f->bad, sizeof(f->bad), "%.190s", w->bad);
	buf_free(&a);
	buf_free(&b);
}
