/* A few sites in one process with fake clocks, and bundles between them that
 * come late, twice, in any order or not at all: for random_sites.c.
 *
 * Each site is a directory with a database and a spool, worked on by the same
 * libraries as the programs; applications are plain SQLite connections whose
 * writes the triggers see. */
#ifndef RANDOM_WORLD_H
#define RANDOM_WORLD_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define SITES_MAX  4
#define TABLES_MAX 3
#define FLIGHT_MAX 4096 /* bundles ever made in one world */

/* A value that some site wrote, unique in its world. */
struct token {
	char *text;   /* owned: "table.column=value", as dump_values says it */
	int site;
	bool over;    /* overwritten by a site that saw it */
};

/* A bundle that left an outbox. */
struct flight {
	int from, to;
	int64_t number;
	bool arrived; /* at least once */
	bool lost;
};

struct site {
	char name[2];       /* a, b, ... */
	char dir[200];
	sqlite3 *app;     /* owned: the application's connection */
	int64_t off;      /* of its wall clock, seconds */
	bool peer[SITES_MAX];
};

struct options {
	bool lossy;     /* bundles get lost on the way */
	bool unique;    /* unique indexes */
	bool strict;    /* NOT NULL and CHECK */
	bool trace;
};

struct world {
	struct options opt;
	uint64_t rnd;       /* state of the generator */
	int part_rows;  /* of apply_conf; 0 in two of three worlds */
	char dir[120];
	int nsites, ntables, nkeys;
	struct site site[SITES_MAX];
	char ddl[TABLES_MAX][600];
	int kind[TABLES_MAX]; /* of the key: random_sql.c */
	int64_t now;        /* of the world; a site's clock is off by site.off */
	int64_t writes;     /* values written so far: makes each one unique */
	struct token *token; /* owned */
	int ntokens;
	struct flight flight[FLIGHT_MAX];
	int nflights;
	int64_t bundle_size;
	int held;           /* bundles held: never in these worlds */
	char bad[600];      /* the first thing that is wrong */
};

/* A number below n. */
uint32_t rnd(struct world *, uint32_t n);

/* Make sites, tables and peers for the seed, in base (a directory). */
void world_init(struct world *, uint64_t seed, const struct options *,
    const char *base);
void world_free(struct world *);

/* What may happen. */
void world_edit(struct world *, int site);
void world_pack(struct world *, int site, int peer, bool flush);
/* Bundles for one site: chaos takes some, in any order, some twice; else all
 * that never arrived and are not lost come, in order. */
void world_deliver(struct world *, int from, int to, bool chaos);
/* Where bundles may get lost, those that have not arrived by now are, but the
 * last one of each way: from that one the receiver sees the gap. */
void world_lose(struct world *);
/* Returns true when a bundle was applied or refused. */
bool world_apply(struct world *, int site);

/* Rows of all tables as sorted lines, reals bit for bit; then registers. */
void dump_site(struct world *, int site, bool registers, struct buf *);
/* Values of columns other than keys, one a line, in no order. */
/* The values of rows that are kept in conflict records. */
void dump_kept_rows(struct world *, int i, struct buf *out);
void dump_values(struct world *, sqlite3 *, struct buf *);

void world_bad(struct world *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void world_say(struct world *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
