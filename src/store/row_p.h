/* Private to src/store: the statements that a table keeps for its rows. */
#ifndef STORE_ROW_P_H
#define STORE_ROW_P_H

#include "store/table.h"

/* A prepared statement for one set of columns: an UPDATE, or an INSERT of
 * fewer than all.  A workload uses few sets; the least used goes. */
struct row_update {
	struct mask cols;
	bool insert;
	int64_t used;       /* number of its last use */
	sqlite3_stmt *st;
};

#define ROW_UPDATES_MAX 64

void row_statements_free(struct table *);

#endif
