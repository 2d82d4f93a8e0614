/* The applier: bundles in the inbox -> rows in the database.  sync.md, "Merge".
 *
 * One bundle is one transaction: its changes, and with them the position,
 * number and tag that it brings the peer to.  So a bundle takes effect once:
 *
 *	1 commit   rows and position
 *	2          inbox/PEER/applied says so
 *	3          the bundle is deleted
 *
 * Stopped before 1: nothing happened.  After 1 or 2: the next run finds the
 * bundle's range at or below the position and deletes it. */
#ifndef APPLY_APPLY_H
#define APPLY_APPLY_H

#include "config/config.h"
#include "spool/spool.h"
#include "spool/status_file.h"
#include "store/peer.h"

struct apply_conf {
	struct store *store;        /* borrowed; opened with DB_APPLY */
	const struct spool *spool;  /* borrowed */
	const struct config *cfg;   /* borrowed: "resolve"; may be NULL */
	struct status_file *status; /* borrowed; may be NULL */
	/* what a person may want to know; may be NULL */
	void (*tell)(void *arg, int severity, const char *text);
	void *arg;
};

/* Severities of tell. */
#define APPLY_INFO  0
#define APPLY_WARN  1

struct apply_result {
	int applied, duplicates, waiting, held; /* bundles */
	int64_t changes, conflicts, held_rows;
};

/* Drain one peer's inbox.  Bundles that cannot be used go to held/ and are no
 * error.  Errors: ERR_BUSY the database is locked, ERR_SYSTEM; what was
 * committed before stays. */
int apply_peer(const struct apply_conf *, const char *peer,
    struct apply_result *, struct err *);

/* Try rows that were held again, if anything was applied (r->applied) or a
 * table has come that changes were parked for. */
int apply_held(const struct apply_conf *, struct apply_result *,
    struct err *);

#endif
