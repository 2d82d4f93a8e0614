/* A bundle: changes from one site for one peer, gzip around XML, columnar.
 * The format is doc/BUNDLE.md; this is the only library that knows it, and the
 * only includer of zlib's deflate and of libxml2.  It knows neither the spool
 * nor a database. */
#ifndef BUNDLE_BUNDLE_H
#define BUNDLE_BUNDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "base/value.h"

/* Limits of format 1; the reader refuses what is over them before it takes
 * memory.  The writer stays under them by itself. */
#define BUNDLE_ROWS_MAX    20000              /* rows of a chunk we write */
#define BUNDLE_RAW_MAX     ((size_t)8 << 20)  /* its values, plus one row */
#define BUNDLE_TEXT_MAX    ((size_t)64 << 20) /* uncompressed, when read */
#define BUNDLE_GROUP_ROWS  65536              /* rows in a group, when read */
#define BUNDLE_COLUMNS_MAX 2000               /* SQLite's own limit */
#define BUNDLE_KEYS_MAX    16                 /* columns of a key */
#define BUNDLE_ORIGINS_MAX 4096
#define BUNDLE_CHAIN_MAX   4096
#define BUNDLE_TAGS_MAX    64
#define BUNDLE_NAME_MAX    255                /* table and column names */
#define BUNDLE_COUNTS_MAX  4096               /* tables whose rows are counted */

enum bundle_kind { BUNDLE_DEATH = 0, BUNDLE_UPDATE, BUNDLE_BIRTH };

struct bundle_pos {
	int64_t upto;
	uint64_t tag;
};

/* One origin: a site in one incarnation. */
struct bundle_origin {
	char site[TEXT_NAME_MAX + 1];
	uint64_t inc;
};

/* origin: index into origins of the head (0 is the sender itself). */
struct bundle_clock {
	uint32_t origin;
	int64_t clock;  /* seconds */
};

/* How many rows a table of the sender's has. */
struct bundle_count {
	const char *table;
	int64_t rows;
};

/* The header.  Arrays are borrowed from whoever filled it; when read, they
 * live until the reader ends. */
struct bundle_head {
	char from[TEXT_NAME_MAX + 1], to[TEXT_NAME_MAX + 1];
	uint64_t inc;     /* the sender's incarnation */
	uint64_t rinc;    /* the receiver's, for which it was made; 0: unknown */
	int64_t number;   /* orders and names files */
	int64_t after, upto; /* of the sender's sequence: (after, upto] */
	uint32_t prev;    /* low 32 bits of the tag of `after`; 0: none */
	uint64_t tag;     /* of upto; 0 when after == upto */
	bool end;         /* reaches the end of the sender's sequence */
	int64_t clock;    /* the sender's own clock: base of all others */
	int64_t wall;     /* the sender's wall clock at packing */
	uint32_t schema;  /* fingerprint of the tables it speaks of */
	/* ends of earlier bundles from after on, in a resend */
	size_t nchain;
	const struct bundle_pos *chain;
	/* what the sender has applied of the receiver's */
	bool has_ack;
	int64_t want;     /* asks for a resend from ack_upto: the number of
			   * the newest bundle that the sender saw; 0: no */
	uint64_t ack_inc;
	int64_t ack_upto;
	uint64_t ack_tag;
	size_t nacktags;
	const uint64_t *acktags; /* older ones, newest first */
	/* origins[0] is the sender (from, inc) */
	size_t norigins;
	const struct bundle_origin *origins;
	/* what the sender knows: all of it (full), or what changed since the
	 * last bundle that reached the end; origin 0 is "clock", not listed */
	bool full;
	size_t nknow;
	const struct bundle_clock *know;
	/* incarnations that have ended, because a database was put back: what
	 * is later than clock of them has more than one past */
	size_t nends;
	const struct bundle_clock *ends;
	/* what the receiver may adopt with it; meaningful only when !end
	 * (at the end it is the same as know) */
	size_t nadopt;
	const struct bundle_clock *adopt;
	/* a first load (peer --load): load is a number not above that of its
	 * first bundle, the same in all of them, 0: no part of one; it is done
	 * with the bundle that reaches load_end.  load_all: rows that it does
	 * not name are to go */
	int64_t load, load_end;
	bool load_all;
	int64_t forgotten; /* with load_all: no later death was forgotten */
	/* in the first bundle to a peer: how many rows the tracked tables
	 * have */
	size_t ncounts;
	const struct bundle_count *counts;
	/* of the file: places for keyed digests (bundle/digest.h), zeroed when
	 * written, at most BUNDLE_DIGESTS_MAX */
	size_t digests;
};

/* ---- writing */

struct bundle_writer;

struct bundle_writer *bundle_writer_new(void);
void bundle_writer_free(struct bundle_writer *);

/* Name a table: returns its index for bundle_row(), the same one when it was
 * named before.  cols: names of all columns that the sender's schema has (not
 * generated ones), in registered order; key: indexes into cols of the key's
 * columns, in key order.  Everything is copied. */
int bundle_table(struct bundle_writer *, const char *name, int ncols,
    const char *const *cols, int nkey, const int *key);

/* Begin a row.  Then bundle_key() once for each key column (the canonical
 * key), bundle_field() for each field that travels (a key column as a field:
 * the key's exact spelling, where it differs from the canonical key).  clock in
 * seconds; origin an index into the head's origins.  Values are copied. */
void bundle_row(struct bundle_writer *, int table, enum bundle_kind,
    int64_t clock, uint32_t origin);
void bundle_key(struct bundle_writer *, const struct value *);
void bundle_field(struct bundle_writer *, int col, const struct value *);

size_t bundle_rows(const struct bundle_writer *);
size_t bundle_raw(const struct bundle_writer *); /* bytes of values so far */

/* For a bundle of more rows than memory should hold: encode and compress the
 * rows so far and forget them; tables stay named, and bundle_finish() puts the
 * head in front.  clock: as the head's will be.  *compressed: bytes so far. */
int bundle_chunk(struct bundle_writer *, int64_t clock, size_t *compressed,
    struct err *);

/* Encode and compress all rows under this head, into out (appended).  The
 * writer is then empty again (tables too).  Errors: ERR_SYSTEM out of memory,
 * ERR_CALLER. */
int bundle_finish(struct bundle_writer *, const struct bundle_head *,
    struct buf *out, struct err *);

/* Forget the rows and tables. */
void bundle_reset(struct bundle_writer *);

/* ---- reading */

/* A group of rows of one table and kind; valid during the callback. */
struct bundle_group;

enum bundle_kind bundle_group_kind(const struct bundle_group *);
const char *bundle_group_table(const struct bundle_group *);
int bundle_group_rows(const struct bundle_group *);
int bundle_group_nkey(const struct bundle_group *);
/* Columns that the group names, in file order; those that no row carries too
 * (a birth's columns that a later change has). */
int bundle_group_ncols(const struct bundle_group *);
const char *bundle_group_col(const struct bundle_group *, int col);

/* One row, after bundle_group_next(); values are valid until the next call. */
struct bundle_rowview {
	const struct value *key;    /* nkey values */
	int64_t clock;
	uint32_t origin;
	const bool *has;            /* ncols flags: the row carries it */
	const struct value *field;  /* ncols values, set where has[] */
};

/* Step to the next row: 1, 0 after the last one, -1 when a value cannot be
 * read (ERR_DATA). */
int bundle_group_next(struct bundle_group *, struct bundle_rowview *,
    struct err *);

struct bundle_ops {
	/* After the header, before the first group (or at the end of a
	 * bundle without groups).  0: go on; 1: enough, stop reading
	 * (bundle_read returns 1); -1: failed with err. */
	int (*head)(void *arg, const struct bundle_head *, struct err *);
	/* A complete group; walk it with bundle_group_next().  0 or -1. */
	int (*group)(void *arg, struct bundle_group *, struct err *);
	/* May be NULL: compressed bytes read so far, for progress. */
	void (*progress)(void *arg, int64_t bytes_in);
};

/* Read a bundle from fd (from its current offset) to its end.  Returns 0; 1
 * when head() said enough; -1 with err: ERR_DATA "offset N: ..." when the
 * bytes are not a bundle (then nothing after the bad place was reported, but
 * groups before it were: the caller rolls back), ERR_SYSTEM when read failed,
 * or what a callback set.  *cut (may be NULL) is set when the file merely ends
 * too early: it may still be growing. */
int bundle_read(int fd, const struct bundle_ops *, void *arg, bool *cut,
    struct err *);

/* ---- values as text (doc/BUNDLE.md, "Values"); exported for show and tests */

/* Append v as one line of a column whose plain lines mean `plain` (VALUE_TEXT,
 * VALUE_INTEGER or VALUE_REAL), before XML escaping. */
void bundle_value_write(struct buf *out, const struct value *v,
    enum value_type plain);
/* The reverse.  v borrows from scratch or from line.  -1: not a value. */
int bundle_value_read(const char *line, size_t n, enum value_type plain,
    struct buf *scratch, struct value *v);

/* Print a bundle in words, a row a line, by way of line().
 * Limits as for bundle_read. */
int bundle_show(int fd, int (*line)(void *arg, const char *s, size_t n),
    void *arg, struct err *);

#endif
