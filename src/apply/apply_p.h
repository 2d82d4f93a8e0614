/* Private to src/apply. */
#ifndef APPLY_APPLY_P_H
#define APPLY_APPLY_P_H

#include "apply/apply.h"
#include "apply/merge.h"
#include "base/arena.h"
#include "bundle/bundle.h"
#include "store/row.h"

/* An edit that met a death: judged when the bundle is done. */
struct late {
	struct late *next;
	int64_t table;
	struct value key, value;
	int reg;
	struct version ver;
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
	int newtables;        /* that this bundle made known */
	int64_t changes, held, conflicts;
	int64_t last_seq;     /* given to the last incoming version */
	int64_t limit;        /* no clock may be past it; */
	int64_t far_clock;    /* ... one that was; 0: none */
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
};

/* Merge and place one fragment. */
int place_fragment(struct apply_work *, const struct incoming *,
    struct err *);
/* A whole group. */
int place_group(struct apply_work *, struct bundle_group *, struct err *);

/* Conflicts: what lost, with its value. */
int clash_registers(struct apply_work *, const struct incoming *,
    const struct frag *, const uint64_t *regs, struct err *);
int clash_life(struct apply_work *, const struct incoming *,
    const struct frag *life, struct err *);
int late_add(struct apply_work *, const struct incoming *, int reg,
    const struct value *, const struct version *, bool incoming,
    struct err *);
int late_judge(struct apply_work *, struct err *);

/* The row's present value of a register: from beside it, or from the table.
 * 1 found, 0 not, -1. */
int current_value(struct apply_work *, const struct incoming *, int reg,
    struct value *, struct err *);

/* Try held rows again; *left gets how many stay held. */
int held_retry(struct store *, int64_t *left, struct err *);

#endif
