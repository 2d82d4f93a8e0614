/* Random tables and statements for random_world.c. */
#ifndef RANDOM_SQL_H
#define RANDOM_SQL_H

#include <stddef.h>

#include "tests/random_world.h"

/* CREATE TABLE t<i> and its indexes into w->ddl: a key of some kind, then
 * columns a to d, perhaps f that refers to t0, perhaps a generated one. */
void sql_table(struct world *, int i);

/* A statement that changes rows; every value that it writes is a new one. */
void sql_edit(struct world *, int site, char *out, size_t size);

/* A new step of ALTER TABLE that the site may take now, or false. */
bool sql_alter(struct world *, int site, struct alter *);

/* An expression for the key of table i that is the same for equal keys. */
const char *sql_key(struct world *, int i);

#endif
