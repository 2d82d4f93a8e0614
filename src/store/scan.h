/* All keys of a table in the order of its key, in batches, so that no statement
 * stays open between them: rows may come and go meanwhile. */
#ifndef STORE_SCAN_H
#define STORE_SCAN_H

#include "base/arena.h"
#include "base/buf.h"
#include "store/table.h"

#define KEY_SCAN_MAX 2000  /* keys of a batch */

struct key_scan {
	struct table *t;       /* borrowed; present */
	struct arena arena;    /* what the keys point to */
	struct value *keys;    /* owned; of this batch */
	int n;
	struct buf last;       /* the last key, kept for the next batch */
	struct value last_key;
	bool begun;
};

void key_scan_init(struct key_scan *, struct table *);
void key_scan_free(struct key_scan *);

/* The next batch: how many keys are in keys, 0 at the end, -1.  They are valid
 * until the next call.  Rows with a NULL in the key are left out: they do not
 * travel.  Errors: ERR_BUSY, ERR_SYSTEM, ERR_DATA. */
int key_scan_next(struct store *, struct key_scan *, struct err *);

#endif
