/* Random tables and statements for random_world.c, and what tables hold as
 * text. */
#ifndef RANDOM_SQL_H
#define RANDOM_SQL_H

#include <stddef.h>

#include "tests/random_world.h"

/* CREATE TABLE t<i>: a key of some kind, then columns a, b, c. */
void sql_table(struct world *, int i, char *out, size_t size);

/* A statement that changes some row; every value that it writes is a new
 * one. */
void sql_edit(struct world *, const char *site, char *out, size_t size);

#endif
