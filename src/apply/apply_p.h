/* Private to src/apply. */
#ifndef APPLY_APPLY_P_H
#define APPLY_APPLY_P_H

#include "apply/apply.h"
#include "apply/merge.h"
#include "base/arena.h"
#include "bundle/bundle.h"
#include "store/conflict.h"
#include "store/row.h"
#include "store/row_json.h"

/* An edit that met a death: judged when the bundle is done. */
struct late {
	struct late *next;
	int64_t table;
	struct value key, value;
	int reg;
	struct version ver;
	const char *row; /* JSON of the row that died, in the arena; NULL */
	bool incoming;   /* else: ours, that the sender did not know */
};

/* One bundle while it is merged. */
struct apply_work {
	struct store *s;
	struct bundle_head head;  /* numbers only: its arrays are gone when
				   * the reader ends */
	struct version *adopt;    /* what may be adopted, as our origins */
	size_t nadopt;
	struct bundle_pos *chain; /* ends that a resend repeats */
	size_t nchain;
	struct peer *peer;
	char name[64];        /* "hub 118", for conflicts */
	int64_t *origins;     /* bundle's index -> origin number */
	int64_t sender;       /* origin number of the sender */
	int64_t *sender_knows; /* by origin number */
	int64_t norigins;     /* length of sender_knows - 1 */
	struct arena arena;   /* late edits */
	struct late *late;
	struct buf scratch;
	struct frag *frags;   /* FRAGS_MAX */
	struct frag *judged;  /* FRAGS_MAX; for late_judge, which may run in
			       * the middle of a fragment */
	struct merge_frag *mfrags;
	struct value *row;    /* the row as it is, when it was needed */
	bool row_read;
	int row_there;
	int64_t *touched;     /* owned: numbers of tables whose held rows */
	size_t ntouched;      /* ... have to be looked at */
	bool look;            /* the group's table has such, and is not yet
			       * among them */
	int newtables;        /* that this bundle made known */
	int64_t changes, held, conflicts;
	int64_t last_seq;     /* given to the last incoming version */
	/* a first load */
	bool naming;          /* its keys are kept: it ends with "all" */
	bool base_unknown;    /* the sender may not have our older rows */
	int64_t forgotten;    /* clock of the latest death forgotten here */
	bool loaded;          /* it ended with this bundle */
	int64_t removed, kept; /* rows that it did not name */
	int64_t again;        /* rows that were deleted and forgotten here */
	int differ;           /* tables whose row counts differ widely */
	int64_t limit;        /* no clock may be past it; */
	int64_t far_clock;    /* ... one that was; 0: none */
	/* after each row: 0; 1 a part of the bundle was committed, and what
	 * is known of tables may be another now; -1 */
	int (*row_done)(struct apply_work *, struct err *);
	void *arg;
};

/* Does the sender, or this site, know that version? */
bool work_sender_knows(const struct apply_work *, const struct version *);
bool work_we_know(const struct apply_work *, const struct version *);

/* One incoming fragment, in our terms. */
struct incoming {
	struct table *t;
	struct value key;
	enum bundle_kind kind;
	struct version ver;
	struct mask mask;            /* registers carried */
	const struct value *values;  /* by column of t */
	/* columns that the group calls by a name that they had here, and the
	 * local sequence through which the sender was told of them so */
	struct mask old;
	int64_t told;
};

/* Merge and place one fragment. */
int place_fragment(struct apply_work *, const struct incoming *,
    struct err *);
/* Would the group be refused for what is known of its table here?  Changes
 * nothing; needs no transaction. */
int check_group(struct store *, struct bundle_group *, struct err *);
/* A row's origin and clock, which no site can have given otherwise; a clock past
 * limit is put into *far_clock. */
int check_row(const struct bundle_rowview *, size_t norigins, int64_t limit,
    int64_t *far_clock, const char *table, struct err *);
/* A whole group. */
int place_group(struct apply_work *, struct bundle_group *, struct err *);
/* At the end of each transaction that placed anything: what is held now, in
 * the tables that it touched. */
int place_held(struct apply_work *, struct err *);

/* Conflicts: what lost, with its value. */
int clash_registers(struct apply_work *, const struct incoming *,
    const struct frag *, const uint64_t *regs, const uint64_t *greater,
    struct err *);
int clash_birth(struct apply_work *, const struct incoming *,
    const struct frag *, const uint64_t *regs, struct err *);
int clash_life(struct apply_work *, const struct incoming *,
    const struct frag *life, struct err *);
/* ver: &incoming->ver when the edit came with it, else it is ours.  row: JSON
 * of the row as it was, in the arena, or NULL. */
int late_add(struct apply_work *, const struct incoming *, int reg,
    const struct value *, const struct version *ver, const char *row,
    struct err *);
/* The row as it is, in its table or held; nothing if it is neither. */
int row_json_here(struct apply_work *, const struct incoming *,
    struct buf *out, struct err *);
int late_judge(struct apply_work *, struct err *);

/* The row's present value of a register: from beside it, or from the table.
 * 1 found, 0 not, -1. */
int current_value(struct apply_work *, const struct incoming *, int reg,
    struct value *, struct err *);

/* ---- first loads (load.c) */

/* The header says that a load begins: the peer's position is 0 again, what an
 * earlier one named is forgotten. */
int load_begin(struct store *, struct peer *, const struct bundle_head *,
    struct err *);
/* Before the groups: row counts are kept. */
int load_head(struct apply_work *, const struct bundle_head *, struct err *);
/* A key that the load names. */
int load_name(struct apply_work *, const struct incoming *, struct err *);
/* After the groups: what ends with the bundle.  A load that is all there is
 * takes the rows that it did not name; row counts are compared. */
int load_end(struct apply_work *, struct err *);
/* Is it as old as deaths that were forgotten here?  A birth of a row that is not
 * known here may then be of one of those. */
bool load_is_old(const struct apply_work *, const struct incoming *);
/* A row that was deleted and forgotten here has come again: its death is logged
 * anew, what came is kept aside from all that syncs. */
int load_again(struct apply_work *, const struct incoming *,
    const uint64_t *regs, struct err *);
/* The row's registers without a version, as one fragment of the base version of
 * this site, when the row is in its table and the sender may not have it.  1
 * made, 0 nothing to make, -1. */
int load_base(struct apply_work *, const struct incoming *, int n,
    struct frag *out, struct err *);
/* Tell what load_end() found. */
int load_tell(struct store *, const struct peer *, const struct apply_work *,
    void (*tell)(void *arg, int severity, const char *text), void *arg,
    struct err *);

/* Place one held row now: 1 placed, 0 still held, -1. */
int held_release(struct store *, struct table *, const struct value *key,
    struct err *);

/* What may be in a table and what is held, from the registers of its rows: the
 * rows that are held and those that they displace.  *newly gets the rows added
 * that were not held before.  Once in a transaction, when all is merged. */
int held_evaluate(struct store *, struct table *, int64_t *newly,
    struct err *);
int held_evaluate_all(struct store *, int64_t *newly, struct err *);

/* "resolve = mine" and "hold": what this site's own values lost. */
int resolve_own(struct store *, const struct config *, struct err *);

#endif
