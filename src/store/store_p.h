/* Private to src/store: the schema's text and the prepared statements. */
#ifndef STORE_STORE_P_H
#define STORE_STORE_P_H

#include "store/store.h"

enum store_stmt {
	ST_META_GET,
	ST_META_SET,
	ST_ORIGIN_ADD,
	ST_ORIGIN_KNOW,
	ST_FRAG_OF,
	ST_FRAG_ADD,
	ST_FRAG_MASK,
	ST_FRAG_DEL,
	ST_ASIDE_PUT,
	ST_ASIDE_GET,
	ST_ASIDE_DEL,
	ST_ASIDE_REGS,
	ST_HELD_PUT,
	ST_HELD_DEL,
	ST_HELD_NEW,
	ST_HELD_GET,
	ST_HELD_WAIT,
	ST_HELD_ANY,
	ST_CONFLICT_ADD,
	ST_CONFLICT_ROW,
	ST_CONFLICT_SETTLED,
	ST_CONFLICT_SETTLE,
	ST_DANGLING_ADD,
	ST_DANGLING_ID,
	ST_DANGLING_DEL,
	ST_DANGLING_NEXT,
	ST_GONE_PUT,
	ST_GONE_GET,
	ST_GONE_USED,
	ST_PEER_LOAD,
	ST_PEER_SAVE,
	ST_SENT_ADD,
	ST_SENT_GET,
	ST_SEEN_ADD,
	ST_VIEW_SET,
	ST_TOLD_SET,
	ST_COUNT
};

/* CREATE statements of all our tables. */
extern const char store_schema[];

/* Version of store_schema; in dialsync_meta as "format". */
#define STORE_FORMAT 1

/* The prepared statement of that kind, reset. */
sqlite3_stmt *store_stmt(struct store *, enum store_stmt, const char *sql,
    struct err *);

/* The registry of tables and columns was changed: others read it anew. */
int registry_moved(struct store *, struct err *);

/* Free what store->tables holds. */
void tables_free(struct store *);

/* Origins are cached: number - 1 is the index. */
void origins_free(struct store *);

#endif
