/* What the database keeps of each peer: how far it was sent, how far it was
 * applied, what the peer is known to know.  sync.md, "Numbers, acknowledgements,
 * repair" and "Knowledge". */
#ifndef STORE_PEER_H
#define STORE_PEER_H

#include "store/store.h"

/* A first load for the peer (peer --load). */
enum peer_loading {
	PEER_LOAD_NONE,   /* none, or the last one is done */
	PEER_LOAD_ON,     /* on its way */
	PEER_LOAD_WANTED, /* the next pack begins it */
	PEER_LOAD_LATER   /* wanted as soon as the peer is heard of again */
};

struct peer {
	int64_t id;
	char name[TEXT_NAME_MAX + 1];
	/* sending: own sequence through mark is packed, mark has this tag */
	int64_t number;    /* last bundle number used */
	int64_t mark;
	uint64_t tag;
	int64_t scan;      /* (mark, scan] has nothing that the peer lacks */
	bool full;         /* the next bundle tells all knowledge */
	int64_t acked;     /* position the peer is known to have applied */
	/* receiving */
	int64_t inc;       /* the peer's incarnation; 0: not known yet */
	int64_t pos;       /* its sequence through here is applied */
	uint64_t pos_tag;
	int64_t pos_number; /* bundle that reached pos */
	int64_t back;      /* fragments up to here go to their giver too */
	int64_t want;      /* ask for a resend from pos: the number of the
			    * newest bundle seen past what is missing; 0 */
	bool tell;         /* an acknowledgement alone is worth a bundle */
	int64_t told;      /* position that was last acknowledged to it */
	int64_t unanswered; /* bundles applied since anything was sent */
	int64_t ack_number; /* last bundle whose acknowledgement was taken */
	int64_t ack_wall;  /* ... and its sender's wall clock */
	int64_t waiting_for; /* number missing, for status; 0: none */
	/* a first load for it */
	int64_t load;      /* position where the last one ends; 0: never */
	int64_t load_first; /* no number before this one is part of it */
	enum peer_loading loading;
	bool load_all;     /* ... and rows that it does not name are to go */
	/* a first load from it: bundles before this number count no more */
	int64_t began;
	int64_t heard;     /* wall clock of its last applied bundle */
	/* its last wish for a resend that was granted: from which position,
	 * from which bundle number on, and when (wall); -1: none */
	int64_t wish_pos, wish_number, wish_when;
};

/* ERR_USAGE when there is none of that name, or it is removed. */
int peer_load(struct store *, const char *name, struct peer *, struct err *);
/* The load begins: everything goes to the peer, from the beginning.  Its end is
 * a position of its own, which no earlier acknowledgement can have named. */
int peer_load_start(struct store *, struct peer *, struct err *);
/* Make it when new; fields of a known one stay, also of one that was
 * removed: it is a peer again, and goes on where it stood. */
int peer_add(struct store *, const char *name, struct peer *, struct err *);
int peer_save(struct store *, const struct peer *, struct err *);
/* Names in order; each owned by the caller, and the array. */
int peer_list(struct store *, char ***names, int *n, struct err *);
/* It is no peer any more.  What it was sent and what it sent is remembered:
 * added again, both go on from there, whatever the other side did. */
int peer_remove(struct store *, const char *name, struct err *);

/* Packing goes back to what the peer is known to have applied; all that it was
 * told since then is told again.  Needs a write transaction; the caller saves.
 * 1: done, *p is changed; 0: nothing is unacknowledged; -1. */
int peer_rewind(struct store *, struct peer *, struct err *);

/* Own tags: a position packed for the peer, its tag, the own clock then, the
 * number of the bundle that ended there. */
struct peer_sent {
	int64_t upto;
	uint64_t tag;
	int64_t clock;
	int64_t number;
};
int peer_sent_add(struct store *, const struct peer *,
    const struct peer_sent *, struct err *);
/* Did this database ever make that tag, in any incarnation?  1, 0, -1. */
int peer_sent_made(struct store *, const struct peer *, uint64_t tag,
    struct err *);
/* 1 found, 0 not, -1. */
int peer_sent_get(struct store *, const struct peer *, int64_t upto,
    struct peer_sent *, struct err *);
/* All from position `from` on, in order; malloc'd array. */
int peer_sent_from(struct store *, const struct peer *, int64_t from,
    struct peer_sent **, size_t *n, struct err *);
/* The one with the latest clock whose tag is among these, of any incarnation: 1
 * found, 0 none, -1. */
int peer_sent_shared(struct store *, const struct peer *, const uint64_t *tags,
    size_t n, struct peer_sent *, struct err *);
/* Forget those before the acknowledged one but the last 1,000. */
int peer_sent_prune(struct store *, const struct peer *, struct err *);

/* The peer's tags whose bundles were applied, or only merged, here.  inc: the
 * incarnation that made it; clock: the peer's own at that time. */
struct peer_seen {
	int64_t upto;
	uint64_t tag;
	int64_t inc, clock;
};
int peer_seen_add(struct store *, const struct peer *,
    const struct peer_seen *, struct err *);
/* Forget all but the last 1,000. */
int peer_seen_prune(struct store *, const struct peer *, struct err *);
/* Was the bundle that ended with this tag applied or merged?  *clock (may be
 * NULL) gets its clock.  1, 0, -1. */
int peer_seen_has(struct store *, const struct peer *, uint64_t tag,
    int64_t *clock, struct err *);
/* The clock of the bundle of its present incarnation that ended at that
 * position, with a tag of those low 32 bits: 1, 0, -1. */
int peer_seen_before(struct store *, const struct peer *, int64_t upto,
    uint32_t tag, int64_t *clock, struct err *);
/* Those of its present incarnation, newest first, at most max. */
int peer_seen_list(struct store *, const struct peer *, uint64_t *tags,
    size_t max, size_t *n, struct err *);
int peer_seen_clear(struct store *, const struct peer *, struct err *);

/* Incarnations of the peer that have ended: 1, 0, -1. */
int peer_ended(struct store *, const struct peer *, int64_t inc,
    struct err *);
int peer_end_inc(struct store *, const struct peer *, int64_t inc,
    struct err *);
/* The same of this site's own, so that another site's of our name, which peers
 * tell of as well, are known from them. */
int peer_end_own_inc(struct store *, int64_t inc, struct err *);
int peer_own_inc(struct store *, int64_t inc, struct err *);
/* When it ended, by the peer's own clock: what that incarnation packed later
 * comes from a second site of the same name.  0: not known. */
int peer_ended_set_wall(struct store *, const struct peer *, int64_t inc,
    int64_t wall, struct err *);
int peer_ended_wall(struct store *, const struct peer *, int64_t inc,
    int64_t *wall, struct err *);

/* Knowledge of and towards the peer: arrays indexed by origin number (0
 * unused), n = store_origin_count() + 1; -1: nothing. malloc'd. */
int peer_view_load(struct store *, const struct peer *, int64_t **view,
    struct err *);
int peer_view_set(struct store *, const struct peer *, int64_t o,
    int64_t clock, struct err *);
int peer_view_clear(struct store *, const struct peer *, struct err *);
int peer_told_load(struct store *, const struct peer *, int64_t **told,
    struct err *);
int peer_told_set(struct store *, const struct peer *, int64_t o,
    int64_t clock, struct err *);
int peer_told_clear(struct store *, const struct peer *, struct err *);

#endif
