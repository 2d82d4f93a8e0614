/* A copied database becomes a site of its own; for init --copy and copy. */
#ifndef DIALSYNC_SITE_IDENTITY_H
#define DIALSYNC_SITE_IDENTITY_H

#include "store/peer.h"

/* Whose the database was, and who it becomes. */
struct identity {
	const char *site;    /* the new name */
	int64_t inc;         /* the new incarnation */
	int64_t original;    /* origin number of the database's site */
	int64_t known;       /* every change of it up to there is in the copy */
	uint64_t memo;       /* last tag made; 0: none */
};

/* In an open transaction on a copy whose log is empty: its name, incarnation
 * and knowledge; no peers, so no marks; last clock and sequence stay. */
int identity_take(sqlite3 *db, const struct identity *, struct err *);

#endif
