/* What the measuring programs share.  They are programs: what fails ends them,
 * with a message. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <sqlite3.h>

#include "base/err.h"

/* Seconds on a clock that never jumps; with MEASURE_CPU in the environment, of
 * this process's CPU time: to compare two builds on a machine that is busy. */
double now(void);

/* End with a message unless rc is 0 or more; e may be NULL. */
void need(int rc, const char *what, const struct err *e);

/* Open a database as an application would: WAL, 64 MB of page cache. */
sqlite3 *app_open(const char *path);
void app_exec(sqlite3 *db, const char *sql);
sqlite3_stmt *app_prepare(sqlite3 *db, const char *sql);

/* The middle one; sorts v. */
double median(double *v, int n);

/* Remove the database and what lies beside it; then copy from, unless it is
 * NULL. */
void fresh_database(const char *path, const char *from);

#endif
