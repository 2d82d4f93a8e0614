/* A few sites in one process with fake clocks, and bundles between them.  Each
 * is a directory with a database and a spool, worked on by the same libraries
 * as the programs; applications are plain SQLite connections whose writes the
 * triggers see. */
#ifndef RANDOM_WORLD_H
#define RANDOM_WORLD_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "spool/spool.h"
#include "store/store.h"

#define SITES_MAX   64
#define TABLES_MAX  3
#define COLUMNS_MAX 9    /* of a table, beside its key; names are letters */
#define ALTERS_MAX  4
#define FLIGHT_MAX  16384 /* bundles ever made in one world */
#define TOKENS_MAX  4096
#define TOKEN_WORDS (TOKENS_MAX / 64)

struct wire;

struct seen {
	uint64_t w[TOKEN_WORDS];
};

/* A value that some site wrote, unique in its world. */
struct token {
	char *text;     /* owned: "t0.a[key]=value", as dump_values says it */
	int site;       /* that wrote it ... */
	int64_t event;  /* ... then */
	int64_t over[SITES_MAX]; /* events: overwritten by a site that saw it,
			 * for the first time there; 0: not by that one */
	bool again;     /* it was written more than once */
	uint64_t born;  /* set of sites that wrote it again unseen: where its
			 * column is not, a row is born with it; or is new */
	bool excused;   /* gone with a backup, before anybody else had it */
	struct seen *before; /* owned: what its writer had seen */
};

/* A bundle that left an outbox; the file is DIR/way/INDEX. */
struct flight {
	int from, to;
	int64_t number;
	bool arrived; /* at least once */
	bool lost;
};

struct node {
	char name[8];      /* a, b, ..., s26 */
	char dir[200];
	sqlite3 *app;      /* owned: the application's connection */
	struct store *store; /* owned; the programs', NULL when none runs */
	sqlite3_stmt *values[TABLES_MAX]; /* owned; dump_values' */
	int64_t off;       /* of its wall clock, seconds */
	bool wal, recursive, fk; /* PRAGMAs of the application */
	bool peer[SITES_MAX];
	char cols[TABLES_MAX][COLUMNS_MAX + 1]; /* letters that exist here */
	int altered;       /* steps of world.alter that were made here */
	struct seen seen;  /* values that its users have seen */
	int64_t packed;    /* event of the last pack that made a bundle */
	/* the backup */
	int64_t backup;    /* event when it was made; 0: none */
	struct seen backup_seen;
	char backup_cols[TABLES_MAX][COLUMNS_MAX + 1];
	int backup_altered;
};

/* What may happen in a world; words for -o. */
struct options {
	bool lossy;     /* bundles get lost on the way */
	bool unique;    /* unique indexes of all kinds */
	bool strict;    /* NOT NULL, CHECK, STRICT tables, generated columns */
	bool fk;        /* foreign keys */
	bool kill;      /* packers and appliers are killed */
	bool restore;   /* a backup is put back, once */
	bool multi;     /* ... more often */
	bool image;     /* ... of the whole directory */
	bool alter;     /* ALTER TABLE */
	bool drop;      /* ... also DROP and RENAME COLUMN */
	bool copy;      /* sites are copied, and the copies join */
	bool keys;      /* peers share keys, and replace them */
	bool trace;
};

struct alter {
	int table;
	char add, drop, rename; /* letters; rename goes with add */
	char sql[200];
};

struct world {
	struct options opt;
	uint64_t rnd;       /* state of the generator */
	int part_rows;  /* of apply_conf; 0 in two of three worlds */
	char dir[120];
	int nsites, ntables, nkeys, nbase;
	struct node site[SITES_MAX];
	char ddl[TABLES_MAX][900];
	int kind[TABLES_MAX]; /* of the key: random_sql.c */
	bool ref[TABLES_MAX]; /* column f refers to t0 */
	struct alter alter[ALTERS_MAX];
	int nalters;
	int64_t now;        /* of the world; a site's clock is off by site.off */
	int64_t event;      /* counts what happens */
	int64_t writes;     /* values written so far: makes each one unique */
	struct token token[TOKENS_MAX];
	int ntokens;
	int hash[TOKENS_MAX * 2]; /* token number + 1 by text */
	struct flight flight[FLIGHT_MAX];
	int nflights;
	struct wire *wire;  /* owned: what bundles carry; NULL: not watched */
	int64_t bundle_size;
	int restores, kills, copies;
	char *bad;          /* the first thing that is wrong; shared with
			     * children */
};
#define BAD_SIZE 1000

/* A number below n. */
uint32_t rnd(struct world *, uint32_t n);

/* Make sites, tables, peers for the seed, in base (a directory). */
void world_init(struct world *, uint64_t seed, const struct options *,
    const char *base);
void world_free(struct world *);

/* The same by hand: an empty world; then sites with the DDL of w->ddl, all named
 * and joined before the first is made. */
void world_begin(struct world *, uint64_t seed, const struct options *,
    const char *base);
void world_name(struct world *, int i);
void world_join(struct world *, int a, int b);
void world_make_site(struct world *, int i);

/* What may happen. */
void world_edit(struct world *, int site);
/* Statements by the application; constraints may say no. */
bool world_sql(struct world *, int site, const char *sql);
void world_pack(struct world *, int site, int peer, bool flush);
/* Bundles for one site: chaos takes some, some twice; else all that never
 * arrived and are not lost come, in order. */
void world_deliver(struct world *, int from, int to, bool chaos);
/* With lossy those that have not arrived by now are lost, but the last of each
 * way: from that one the receiver sees the gap. */
void world_lose(struct world *);
void world_apply(struct world *, int site);
/* Everything is packed, carried and applied until nobody says more. */
void world_rest(struct world *);
/* Pack or apply in a child that is killed after a random durable step. */
void world_kill(struct world *, int site, int peer, bool pack);
/* ... after that step; was there such a step? */
bool world_kill_at(struct world *, int site, int peer, bool pack, long step);

void world_bad(struct world *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void world_say(struct world *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
