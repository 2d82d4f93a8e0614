/* The first load: rows that were there before any change was logged get a
 * version, so that they travel like changes.  sync.md, "First load". */
#ifndef CAPTURE_LOAD_H
#define CAPTURE_LOAD_H

#include "store/peer.h"

/* May be told now and then: so many rows of a table are done. */
typedef void load_progress(void *arg, const char *table, int64_t rows);

/* Give every row of the tracked tables that lacks one, or some of whose
 * registers lack one, this site's version of clock STORE_CLOCK_LOAD: older than
 * every change, at the end of the local sequence, tables that others refer to
 * first, rows in key order.  In transactions of some 2,000 rows, so that
 * applications are not kept waiting.
 *
 * Stopped anywhere: what is committed has its versions, and the next call finds
 * nothing to do for it.  Needs no open transaction; progress may be NULL.
 * *stamped gets the number of rows.  Errors: ERR_BUSY, ERR_SYSTEM, ERR_DATA. */
int capture_load(struct store *, load_progress *, void *arg, int64_t *stamped,
    struct err *);

/* The names of the tracked tables that are there, those that others refer to
 * first; of a circle the first name comes first.  malloc'd, each and the array.
 * dialsync_conflict is not among them. */
int capture_load_order(struct store *, char ***names, int *n, struct err *);

#endif
