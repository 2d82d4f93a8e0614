/* A site's database: our tables in it, and what they say of the site, its
 * peers and their knowledge.  doc/STORE.md explains each table.  SQLite behind
 * one interface; a process has one store open. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"
#include "store/db.h"

struct store {
	sqlite3 *db;                   /* owned */
	char site[TEXT_NAME_MAX + 1];  /* this site's name */
	int64_t inc;                   /* its incarnation, > 0 */
	int64_t self;                  /* its origin number */
	/* counters: read at store_begin(), written by store_commit() */
	int64_t seq;     /* last number of the local sequence given */
	int64_t last;    /* last own clock given */
	int64_t packed;  /* last own clock told to any peer */
	bool dirty;      /* a counter changed in this transaction */
	struct table **tables;  /* owned; see table.h */
	int ntables;
	int64_t schema;  /* PRAGMA schema_version that tables were read at */
	int64_t marked, mark; /* another one, and table_schema() at it */
	/* how long others had to wait for us; see store_yield() */
	uint64_t begun_ms, held_ms, last_ms;
	bool wal;
	int64_t registry; /* ... and how often the registry had changed */
	struct origin *origins; /* owned; number o at [o - 1] */
	int64_t norigins;
	/* told of what a person should know; set by the program, may be NULL */
	void (*warn)(void *arg, const char *text);
	void *warn_arg;
	/* TEMP copies of users' triggers on this connection: made for that
	 * state of schema and registry; so many; which of them are silent,
	 * and which one ran last (-1: none) */
	int64_t follow_schema, follow_registry;
	int nfollow, follow_last;
	bool *follow_off;      /* owned; nfollow of them */
	bool follow_asked;     /* the function that asks for it is made */
	struct foreign_list *foreign; /* owned; see foreign.h */
	bool watch;             /* rows are placed: note references */
	bool scan_all;          /* see dangling_scan() */
	bool aside;             /* some value is aside (see row.h) */
	sqlite3_stmt *st[64];   /* prepared once, enum store_stmt in store_p.h */
};

/* Make our tables in a database and its identity: name, a fresh random
 * incarnation.  ERR_DATA when the database has a site already (says which). */
int store_create(sqlite3 *db, const char *site, struct err *);

/* Open the database of a site and check that it is the site's: ERR_MISSING
 * (no such file), ERR_DATA (no dialsync tables: run init; another site's
 * database). */
int store_open(const char *path, const char *site, enum db_mode,
    struct store **, struct err *);
/* In the text of that last error. */
#define STORE_OF_SITE " is the database of site "
void store_close(struct store *);

/* Something is about to be committed that others may hear of: the state file
 * is to say so, too (capture_state_write). */
int store_note(struct store *, struct err *);

/* A write transaction: counters are read afresh.  Commit writes them. */
int store_begin(struct store *, struct err *);
int store_commit(struct store *, struct err *);
void store_rollback(struct store *);

/* Between two write transactions of a long work: let other writers in.  A
 * moment after a long transaction; from time to time so long that whoever waits
 * with SQLite's busy handler, which looks ten times a second, finds the lock
 * free.  long_one: at once so long. */
void store_yield(struct store *, bool long_one);

/* A new random number: 42 bits, never 0 (an incarnation), or 64 (a tag). */
int64_t store_random_inc(void);
uint64_t store_random_tag(void);

/* One setting of dialsync_meta. */
int store_meta_int(struct store *, const char *key, int64_t dflt, int64_t *,
    struct err *);
int store_meta_set_int(struct store *, const char *key, int64_t, struct err *);

/* The next number of the local sequence. */
static inline int64_t store_next_seq(struct store *s)
{
	s->dirty = true;
	return ++s->seq;
}

/* ---- origins and knowledge */

/* No clock or sequence number of a peer may be beyond these (years and numbers
 * that no site lives to see), so that adding one to them never overflows. */
#define STORE_CLOCK_MAX (INT64_C(1) << 40)
#define STORE_SEQ_MAX   (INT64_C(1) << 60)

/* The clock of rows that were there before any change was logged, once a first
 * load has given them a version: older than every change, since those have
 * clocks above it. */
#define STORE_CLOCK_LOAD 1

/* In dialsync_meta: the latest clock of a death that was forgotten here. */
#define STORE_META_FORGOTTEN "forgotten"

/* Origin 0 is the base version: what was there at init, older than all. */
struct version {
	int64_t clock;
	int64_t origin;  /* number in dialsync_origin; 0: base */
};

struct origin {
	char site[TEXT_NAME_MAX + 1];
	int64_t inc;
	int64_t known;  /* every change of it up to this clock is known; -1 */
	int64_t ends;   /* it has ended: beyond this clock nobody counts as
			 * knowing it; STORE_NO_END */
};
#define STORE_NO_END INT64_MAX

/* The number of an origin, made when it is new. */
int store_origin(struct store *, const char *site, int64_t inc, int64_t *o,
    struct err *);
/* Look one up; borrowed, valid until store_close. NULL: no such number. */
const struct origin *store_origin_get(struct store *, int64_t o);
int64_t store_origin_count(struct store *); /* numbers are 1..count */
/* -1, 0, 1: (clock, site, incarnation) in that order. */
int store_version_cmp(struct store *, const struct version *,
    const struct version *);
/* Is it a row of this site's that a first load gave a version? */
bool store_version_loaded(struct store *, const struct version *);
/* This site knows origin o through clock (never lowers, and never past its
 * end). */
int store_know(struct store *, int64_t o, int64_t clock, struct err *);
/* The incarnation o has ended, and beyond that clock it has more than one
 * past, since its database was put back.  From now on nobody counts as knowing
 * it past there, and what is here of that is offered to all peers again.  1: it
 * was news, 0, -1. */
int store_end(struct store *, int64_t o, int64_t clock, struct err *);
/* Read origins from the database again (after another process may have). */
int store_origins_load(struct store *, struct err *);

#endif
