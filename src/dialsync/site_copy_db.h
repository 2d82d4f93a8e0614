/* The database's part of "dialsync copy". */
#ifndef DIALSYNC_SITE_COPY_DB_H
#define DIALSYNC_SITE_COPY_DB_H

#include "site/site.h"

/* Where both databases begin to exchange. */
struct copy_start {
	int64_t seq;    /* position in both sequences */
	int64_t last;   /* our last own clock */
	int64_t number; /* last bundle number that we used for the peer */
	int64_t inc;    /* the new site's incarnation */
	uint64_t tag;   /* of that position, in both directions */
	int64_t self;   /* our origin number, in both databases */
};

/* Fold, set the peer to begin at the sequence's end, and copy the database as
 * it is at that moment to path, which must not exist; then make it the peer's.
 * ERR_AGAIN: others wrote so much that no quiet moment was found. */
int copy_database(struct site *, const char *peer, const char *path,
    struct copy_start *, struct err *);

#endif
