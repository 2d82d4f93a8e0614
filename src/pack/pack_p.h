/* Private to src/pack. */
#ifndef PACK_PACK_P_H
#define PACK_PACK_P_H

#include "keys/keys.h"
#include "pack/pack.h"
#include "store/frag.h"

/* Which fragments the peer lacks. */
struct pack_filter {
	int64_t *view;     /* owned; the peer's knowledge by origin number */
	int64_t nview;
	int64_t giver;     /* origin number of the peer itself; 0: none yet */
	int64_t back;      /* up to here its own go back to it too */
	int64_t load;      /* rows of a first load up to here concern it */
	bool loading;      /* ... and all else, whatever it knows */
	bool *own;         /* owned; this site's origins, any incarnation */
};

bool pack_lacks(const struct pack_filter *, int64_t seq, int64_t origin,
    int64_t clock, int64_t arrival);

/* Smallest clocks of what is still to come, by origin, in blocks of the
 * sequence: so that a bundle that is not the last one can say what may be
 * adopted with it, without a look at the whole rest each time. */
struct pack_rest {
	int64_t from, to;  /* sequence covered: (from, to] */
	int64_t norigins;
	size_t nblocks;
	int64_t *least;    /* owned; [block * (norigins + 1) + origin] */
};

void pack_rest_free(struct pack_rest *);
/* Cover (mark, seq]; again when seq has grown or mark went back.  Looks at no
 * more than limit fragments: 1 when there may be more, 0 done, -1. */
int pack_rest_update(struct pack_rest *, struct store *,
    const struct pack_filter *, int64_t mark, int64_t limit, struct err *);
/* The smallest clock of origin o past upto; INT64_MAX: none. */
int64_t pack_rest_least(const struct pack_rest *, int64_t upto, int64_t o);

/* Rows for one bundle, from the open transaction. */
struct pack_rows {
	struct bundle_writer *w;   /* owned */
	uint32_t *index;           /* owned; origin number -> index in bundle */
	int64_t nindex;
	struct bundle_origin *origins; /* owned; the bundle's dictionary */
	size_t norigins;
	int64_t top;               /* the range ends here */
	int64_t upto;              /* last sequence number taken */
	struct version last;       /* ... and its version */
	bool end;                  /* nothing the peer lacks is past it */
	uint32_t schema;           /* of the tables used */
	int ntables;               /* how many those are */
	bool chunks;               /* rows went into the bundle already */
};

int pack_rows_init(struct pack_rows *, struct store *, struct err *);
void pack_rows_free(struct pack_rows *);
/* The bundle's index of an origin (0: this site). */
int pack_rows_origin(struct pack_rows *, struct store *, int64_t o,
    uint32_t *index, struct err *);
/* Collect fragments of (from, top] until raw bytes or BUNDLE_ROWS_MAX.  scan: up
 * to there nothing was found before; saves a look at what the peer knows. */
int pack_rows_collect(struct pack_rows *, struct store *,
    const struct pack_filter *, int64_t from, int64_t scan, size_t raw,
    struct err *);

/* What this site knew when the bundle was begun.  A bundle may be collected in
 * several transactions; what is applied or written between them has later
 * sequence numbers than its range, and is not part of what it tells. */
struct pack_known {
	int64_t clock;             /* own; told from now on */
	int64_t *clocks;           /* owned; by origin number, -1: nothing */
	int64_t n;                 /* origins */
};

int pack_known_take(struct pack_known *, struct store *, struct err *);
void pack_known_free(struct pack_known *);

/* How many rows the tracked tables have, for the first bundle to a peer. */
struct pack_counts {
	struct bundle_count *list; /* owned, and each name */
	size_t n;
	bool taken;
};

int pack_counts_take(struct pack_counts *, struct store *, struct err *);
void pack_counts_free(struct pack_counts *);

/* A first load that is wanted for the peer begins: rows without a version get
 * one, and the peer's mark goes to the beginning. */
int pack_load_begin(struct store *, struct peer *, struct err *);
/* Is it on its way, with something left to send, if only its end? */
bool pack_load_left(const struct peer *);

/* Put a digest by each key into its place in a whole bundle that was written
 * with so many places.  Without keys: nothing.  ERR_CALLER: other places. */
int pack_sign(struct buf *bundle, const struct keys *, struct err *);

/* The header's arrays, owned here. */
struct pack_head {
	struct bundle_head head;
	struct bundle_pos *chain;
	struct bundle_clock *know, *adopt, *ends;
	uint64_t acktags[BUNDLE_TAGS_MAX];
	int64_t *told;             /* what was told before, by origin */
	int64_t ntold;
};

/* Fill it from the store, in the transaction that collected the last rows. */
int pack_head_make(struct pack_head *, struct store *, const struct peer *,
    struct pack_rows *, const struct pack_known *, struct pack_rest *,
    const struct pack_filter *, const struct pack_counts *, struct err *);
void pack_head_free(struct pack_head *);

#endif
