/* What the database knows that the status shows.  Read-only, and never in
 * anybody's way: no lock is waited for, no statement runs longer than
 * STATUS_DB_MS, and none has a transaction around it.  What cannot be had so
 * is not known. */
#ifndef STATUS_STATUS_DB_H
#define STATUS_STATUS_DB_H

#include <sqlite3.h>

#include "status/status_model.h"

#define STATUS_DB_MS 250       /* a statement */
#define STATUS_DB_ALL_MS 2000  /* all statements that count for one peer */

struct status_db;

/* Open the site's database.  Errors: ERR_MISSING no such file, ERR_DATA not
 * this site's database, ERR_BUSY, ERR_SYSTEM. */
struct status_db *status_db_open(const char *path, const char *site,
    struct err *e);
void status_db_close(struct status_db *d);

/* held_rows and conflicts.  Each that cannot be read is STATUS_NONE; then -1
 * and the reason. */
int status_db_site(struct status_db *d, struct status_seen *seen,
    struct err *e);

/* What is wrong with tracked tables, a sentence each, at most
 * STATUS_TROUBLES_MAX; seen->parked and seen->untracked.  The texts are
 * malloc'd and belong to the caller, also after an error. */
#define STATUS_TROUBLES_MAX 32
int status_db_tables(struct status_db *d, struct status_seen *seen,
    char **texts, size_t *n, struct err *e);

/* unpacked, waiting_for and note of p->name, in the same way; STATUS_NONE without an
 * error where the database does not know the peer yet.  unpacked counts log
 * entries and what stands in the local sequence past the peer's mark, at most
 * STATUS_COUNT_MAX looked at; a pack may find fewer, as it folds repeated
 * edits into one. */
int status_db_peer(struct status_db *d, struct status_seen_peer *p,
    struct err *e);

#endif
