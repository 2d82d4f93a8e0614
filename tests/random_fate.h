/* For whoever makes histories of random_world.h: what happens to whole sites,
 * and the connections to their databases. */
#ifndef RANDOM_FATE_H
#define RANDOM_FATE_H

#include "tests/random_world.h"

/* A backup is made; it is put back: the database alone, or without its spool
 * and state, or all of the directory. */
void world_backup(struct world *, int site);
void world_restore(struct world *, int site);
/* A copy of the site joins it, made by dialsync copy or by hand. */
void world_copy(struct world *, int site);
/* One step of ALTER TABLE: the next one that others made, or a new one. */
void world_alter(struct world *, int site);
bool world_alter_next(struct world *, int site);

/* Keys: one is shared by each two peers that have none yet; a site makes a new
 * one for a peer; brings its file there; no two peers may be left without one
 * in common. */
void world_share_keys(struct world *);
void world_new_key(struct world *, int site, int peer);
void world_bring_key(struct world *, int from, int to);
void world_check_keys(struct world *);

/* The programs' connection, opened when it is not; closed with the others. */
struct store *world_store(struct world *, struct node *);
void world_add_peers(struct world *, struct node *);
void world_open_app(struct world *, struct node *);
void world_close(struct node *);
void world_set_time(struct world *, const struct node *);
void world_exec(sqlite3 *, const char *sql);
void world_die(const char *what, const struct err *)
    __attribute__((noreturn));

#endif
