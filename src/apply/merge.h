/* The merge of one incoming fragment into a row's registers: pure, no database.
 * Each register goes by itself to the later version (clock, site,
 * incarnation); doc/MERGE.md has the rules as tables, tests/t_merge.c runs
 * them row for row.
 *
 * Two rules make it cheap.  The registers of a fragment share one version, so
 * a comparison is made once for a fragment, not once for a register.  And a
 * death is always later than every register of the row that its site knew: so
 * a field that is older than a death can never be seen again (whatever birth
 * beats the death beats the field), and is dropped with it.
 *
 * That holds although a site may not have all columns of a table: a birth takes
 * every older register with it, those too that it does not carry.  Else a death
 * between the two would make a difference, and that may come after both. */
#ifndef APPLY_MERGE_H
#define APPLY_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "bundle/bundle.h"
#include "store/mask.h"

/* One fragment that the row has. */
struct merge_frag {
	/* in */
	struct mask mask;
	bool death;
	int cmp;           /* incoming version against this one: -1, 0, 1 */
	bool sender_knows; /* the sender knew this version when it packed ... */
	struct mask apart; /* ... but has it of these registers under another
			    * name, beside the value that it sends */
	/* cmp == 0, and a value is another one: the site that made both went
	 * back to a backup in between.  The greater value has the register */
	struct mask differs, greater; /* greater: the incoming one is */
	bool base;         /* of the base, or as old: no birth takes it */
	/* out */
	struct mask keep;  /* what stays of it; empty: it goes */
	struct mask clash; /* registers that may be a conflict: incoming and
			    * this one met, neither side knew of the other */
};

struct merge {
	/* in */
	enum bundle_kind kind;
	int words;
	struct mask mask;  /* registers that the incoming fragment carries */
	bool known;        /* this site knew the incoming version before */
	bool partial;      /* births take only what they carry: here ... */
	bool base;         /* ... and of the base, whose registers stay, too */
	struct merge_frag *frag; /* borrowed */
	int nfrag;
	/* out */
	struct mask win;   /* registers that the incoming fragment takes */
	struct mask gone;  /* registers of the row that a birth takes and does
			    * not carry: they have their defaults again */
	bool alive;        /* the row's life afterwards, as registers say: */
	bool dead;         /* neither: only known as a row of the base, or not */
	bool kill;         /* the row leaves its table */
	bool late;         /* incoming fields meet a death: judged when the
			    * bundle is done, against the death of then */
	bool life_clash;   /* a life that lost without being known */
};

void merge_run(struct merge *);

#endif
