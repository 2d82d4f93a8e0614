/* Knowledge: one clock an origin (a site in one incarnation): all of its
 * changes up to there are known, or overwritten by known ones.  What follows
 * from it, as pure functions; doc/KNOWLEDGE.md has them as tables, and
 * tests/t_know.c runs those row for row.  (sync.md, "Knowledge") */
#ifndef STORE_KNOW_H
#define STORE_KNOW_H

#include <stdbool.h>
#include <stdint.h>

/* Nothing of the origin is known. */
#define KNOW_NOTHING (-1)

/* ---- the packer: does a peer lack a fragment? */
struct know_frag {
	bool base;      /* of the base version: it is everywhere */
	int64_t clock;
	int64_t view;   /* the peer knows its origin through this clock */
	bool theirs;    /* the peer gave it, in its present incarnation ... */
	bool lost;      /* ... and may have lost it since: a resend */
};

bool know_lacks(const struct know_frag *);

/* ---- the packer: what a header says of one origin */
struct know_say {
	/* in */
	int64_t known;  /* this site knows the origin through here */
	int64_t told;   /* the peer was told so, through here */
	int64_t view;   /* the peer knows the origin through here */
	int64_t least;  /* smallest clock of it still to come after this
			 * bundle; INT64_MAX: none */
	bool full;      /* the header tells all knowledge */
	bool end;       /* nothing is still to come */
	/* out */
	bool tell;      /* "I know it through `known`" */
	bool may;       /* "with this bundle you may adopt `adopt`" */
	int64_t adopt;
};

void know_say(struct know_say *);

/* ---- the applier: what a bundle lets this site know of one origin, when its
 * changes are in: the clock to raise its knowledge to, or KNOW_NOTHING. */
struct know_take {
	bool self;      /* the origin is this site itself */
	bool end;       /* the bundle reaches the end of the sender's sequence */
	int64_t sender; /* the sender knows the origin through here */
	int64_t adopt;  /* the header lets adopt this; KNOW_NOTHING: none */
};

int64_t know_take(const struct know_take *);

/* ---- the merge: does somebody whose knowledge of the version's origin is
 * `known` know the version? */
static inline bool know_covers(bool base, int64_t known, int64_t clock)
{
	return base || known >= clock;
}

#endif
