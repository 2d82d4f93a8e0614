#include "config.h"

#include "store/store_p.h"

/* Our tables; doc/STORE.md says what each is for.  Plain SQL, since a user
 * may look into them with any sqlite3 shell. */
const char store_schema[] =
    /* settings and counters */
    "CREATE TABLE dialsync_meta(k TEXT PRIMARY KEY, v) WITHOUT ROWID;"
    /* sites in one incarnation; known: all of its changes up to there; ends:
     * it has ended, beyond that clock it has more than one past */
    "CREATE TABLE dialsync_origin(o INTEGER PRIMARY KEY, site TEXT NOT NULL,"
    " inc INTEGER NOT NULL, known INTEGER NOT NULL DEFAULT -1,"
    " ends INTEGER,"
    " UNIQUE(site, inc));"
    /* tables and columns, numbered for ever */
    "CREATE TABLE dialsync_table(t INTEGER PRIMARY KEY,"
    " name TEXT NOT NULL COLLATE NOCASE,"
    " tracked INTEGER NOT NULL DEFAULT 0, nkey INTEGER NOT NULL DEFAULT 0,"
    " coll TEXT NOT NULL DEFAULT '', width INTEGER NOT NULL DEFAULT 0,"
    " UNIQUE(name, width));"
    "CREATE TABLE dialsync_column(t INTEGER NOT NULL, r INTEGER NOT NULL,"
    " name TEXT NOT NULL COLLATE NOCASE, here INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY(t, r)) WITHOUT ROWID;"
    /* names that they had; r = 0: the table */
    "CREATE TABLE dialsync_alias(name TEXT NOT NULL COLLATE NOCASE,"
    " t INTEGER NOT NULL, r INTEGER NOT NULL, PRIMARY KEY(name, t, r))"
    " WITHOUT ROWID;"
    /* what triggers append; emptied by every fold */
    "CREATE TABLE dialsync_log(seq INTEGER PRIMARY KEY, t INTEGER NOT NULL,"
    " m, w INTEGER NOT NULL, k1, k2, k3, k4);"
    /* versions: registers of row (t, k) that share clock, origin, arrival;
     * in the order in which packers read them */
    "CREATE TABLE dialsync_frag(t INTEGER NOT NULL, k NOT NULL,"
    " s INTEGER PRIMARY KEY, m NOT NULL, c INTEGER NOT NULL,"
    " o INTEGER NOT NULL, a INTEGER NOT NULL);"
    "CREATE INDEX dialsync_frag_k ON dialsync_frag(t, k);"
    "CREATE INDEX dialsync_frag_dead ON dialsync_frag(c) WHERE m = -2;"
    /* register values that are not in their table */
    "CREATE TABLE dialsync_aside(t INTEGER NOT NULL, k NOT NULL,"
    " r INTEGER NOT NULL, v, PRIMARY KEY(t, k, r)) WITHOUT ROWID;"
    /* rows of which something cannot be in their table */
    "CREATE TABLE dialsync_held(t INTEGER NOT NULL, k NOT NULL,"
    " kind TEXT NOT NULL, why TEXT NOT NULL, since INTEGER NOT NULL,"
    " wait, PRIMARY KEY(t, k));"
    /* conflicts; syncs like a user's table */
    "CREATE TABLE dialsync_conflict(id TEXT PRIMARY KEY NOT NULL,"
    " kind TEXT NOT NULL,"
    " tbl TEXT NOT NULL, key TEXT NOT NULL, field TEXT NOT NULL,"
    " lost, lost_clock INTEGER NOT NULL, lost_site TEXT NOT NULL,"
    " won, won_clock INTEGER NOT NULL, won_site TEXT NOT NULL,"
    " bundle TEXT, seen_by TEXT NOT NULL, row TEXT,"
    " settled TEXT, settled_by TEXT, settled_clock INTEGER);"
    "CREATE INDEX dialsync_conflict_open ON dialsync_conflict(lost_site)"
    " WHERE settled IS NULL;"
    /* references that may dangle: child row, its columns and parent table;
     * id: of the conflict record, once there is one */
    "CREATE TABLE dialsync_dangling(n INTEGER PRIMARY KEY,"
    " t INTEGER NOT NULL, k NOT NULL, field TEXT NOT NULL,"
    " parent TEXT NOT NULL COLLATE NOCASE, id TEXT,"
    " UNIQUE(t, k, field, parent));"
    /* rows that they refer to, as they were when they went */
    "CREATE TABLE dialsync_gone(t INTEGER NOT NULL, k NOT NULL,"
    " row TEXT NOT NULL, used INTEGER NOT NULL DEFAULT 1,"
    " PRIMARY KEY(t, k)) WITHOUT ROWID;"
    /* peers: struct peer */
    "CREATE TABLE dialsync_peer(p INTEGER PRIMARY KEY,"
    " name TEXT NOT NULL UNIQUE, number INTEGER NOT NULL DEFAULT 0,"
    " mark INTEGER NOT NULL DEFAULT 0, tag INTEGER NOT NULL DEFAULT 0,"
    " full INTEGER NOT NULL DEFAULT 1, acked INTEGER NOT NULL DEFAULT 0,"
    " inc INTEGER NOT NULL DEFAULT 0, pos INTEGER NOT NULL DEFAULT 0,"
    " pos_tag INTEGER NOT NULL DEFAULT 0,"
    " pos_number INTEGER NOT NULL DEFAULT 0,"
    " back INTEGER NOT NULL DEFAULT 0, want INTEGER NOT NULL DEFAULT 0,"
    " tell INTEGER NOT NULL DEFAULT 0, told INTEGER NOT NULL DEFAULT 0,"
    " unanswered INTEGER NOT NULL DEFAULT 0,"
    " waiting_for INTEGER NOT NULL DEFAULT 0,"
    " scan INTEGER NOT NULL DEFAULT 0,"
    " ack_number INTEGER NOT NULL DEFAULT 0,"
    " wish_pos INTEGER NOT NULL DEFAULT -1,"
    " wish_number INTEGER NOT NULL DEFAULT 0,"
    " wish_when INTEGER NOT NULL DEFAULT 0,"
    " removed INTEGER NOT NULL DEFAULT 0,"
    " load INTEGER NOT NULL DEFAULT 0,"
    " load_first INTEGER NOT NULL DEFAULT 0,"
    " loading INTEGER NOT NULL DEFAULT 0,"
    " load_all INTEGER NOT NULL DEFAULT 0,"
    " began INTEGER NOT NULL DEFAULT 0,"
    " heard INTEGER NOT NULL DEFAULT 0,"
    " ack_wall INTEGER NOT NULL DEFAULT 0);"
    /* rows that a peer says it has; here: what was found to differ */
    "CREATE TABLE dialsync_count(p INTEGER NOT NULL,"
    " name TEXT NOT NULL COLLATE NOCASE, there INTEGER NOT NULL,"
    " here INTEGER, PRIMARY KEY(p, name)) WITHOUT ROWID;"
    /* keys that a load under way has named */
    "CREATE TABLE dialsync_named(p INTEGER NOT NULL, t INTEGER NOT NULL,"
    " k NOT NULL, alive INTEGER NOT NULL, PRIMARY KEY(p, t, k))"
    " WITHOUT ROWID;"
    /* rows that went since a load did not name them, as SQL */
    "CREATE TABLE dialsync_removed(id INTEGER PRIMARY KEY,"
    " peer TEXT NOT NULL, at INTEGER NOT NULL, tbl TEXT NOT NULL,"
    " key TEXT NOT NULL, sql TEXT NOT NULL);"
    "CREATE TABLE dialsync_ended(p INTEGER NOT NULL, inc INTEGER NOT NULL,"
    " wall INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY(p, inc)) WITHOUT ROWID;"
    /* key columns first: SQLite 3.40's integrity_check trips over others */
    "CREATE TABLE dialsync_sent(p INTEGER NOT NULL, inc INTEGER NOT NULL,"
    " upto INTEGER NOT NULL, tag INTEGER NOT NULL, clock INTEGER NOT NULL,"
    " number INTEGER NOT NULL, PRIMARY KEY(p, inc, upto)) WITHOUT ROWID;"
    "CREATE TABLE dialsync_seen(p INTEGER NOT NULL, tag INTEGER NOT NULL,"
    " upto INTEGER NOT NULL, inc INTEGER NOT NULL, clock INTEGER NOT NULL,"
    " n INTEGER NOT NULL, PRIMARY KEY(p, tag)) WITHOUT ROWID;"
    "CREATE TABLE dialsync_view(p INTEGER NOT NULL, o INTEGER NOT NULL,"
    " clock INTEGER NOT NULL, PRIMARY KEY(p, o)) WITHOUT ROWID;"
    "CREATE TABLE dialsync_told(p INTEGER NOT NULL, o INTEGER NOT NULL,"
    " clock INTEGER NOT NULL, PRIMARY KEY(p, o)) WITHOUT ROWID;";
