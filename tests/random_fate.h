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
