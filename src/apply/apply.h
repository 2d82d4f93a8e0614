/* The applier: bundles in the inbox -> rows in the database.  sync.md, "Merge".
 *
 * The position, number and tag that a bundle brings the peer to are committed
 * with its changes; of a large one, which is merged in several transactions,
 * with the last of them.  So a bundle takes effect once:
 *
 *	1 commit   rows and position (large: rows, rows, ..., rows and position)
 *	2          inbox/PEER/applied says so
 *	3          the bundle is deleted
 *
 * Stopped before 1: nothing happened, or nothing but changes that the next run
 * finds equal (doc/MERGE.md, "Large bundles").  After 1 or 2: the next run finds the
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
	int part_rows; /* tests: end each transaction after so many rows;
			* 0: after APPLY_PART_MS */
};

/* How long other programs wait for one transaction, about. */
#define APPLY_PART_MS 100

/* Severities of tell. */
#define APPLY_INFO  0
#define APPLY_WARN  1

struct apply_result {
	int applied, duplicates, waiting, held; /* bundles */
	int refused; /* bundles that wait for a clock to be set */
	int64_t changes, conflicts, held_rows;
};

/* Drain one peer's inbox.  Bundles that cannot be used go to held/ and are no
 * error.  Errors: ERR_BUSY the database is locked, ERR_CONFIG the peer's key
 * file cannot be used, ERR_SYSTEM; what was committed before stays. */
int apply_peer(const struct apply_conf *, const char *peer,
    struct apply_result *, struct err *);

/* Look at held rows again when something else than a bundle may have changed
 * what can be placed: an application's edit, the schema, a person
 * (HELD_META_RETRY).  result->held_rows grows by those that are newly held. */
int apply_held(const struct apply_conf *, struct apply_result *,
    struct err *);

#endif
