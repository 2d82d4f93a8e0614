/* SQLite with struct err: opening, transactions, statements, values.  The
 * only place that turns SQLite's result codes into ours. */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <stdbool.h>
#include <sqlite3.h>

#include "base/err.h"
#include "base/value.h"

/* How long we wait for an application's transaction to end. */
#define DB_BUSY_MS 10000

/* How long a commit waits for readers, where the journal is no WAL: meanwhile
 * nobody can begin to read. */
#define DB_COMMIT_MS 1500

/* Pages of the database kept in memory, at most. */
#define DB_CACHE_KB "16384"

enum db_mode {
	DB_READ,   /* read only: status */
	DB_WRITE,  /* must exist; triggers work as for any program */
	DB_APPLY   /* as DB_WRITE; triggers and foreign keys are off */
};

/* Open path.  A missing file is ERR_MISSING, a file that is no database
 * ERR_DATA, a locked one ERR_BUSY.  The caller closes with db_close(). */
int db_open(const char *path, enum db_mode, sqlite3 **db, struct err *);
void db_close(sqlite3 *db);

/* Set err from the connection's last error (rc decides the kind: BUSY and
 * LOCKED are ERR_BUSY, NOTADB ERR_DATA, CORRUPT, FULL and IOERR ERR_SYSTEM,
 * CONSTRAINT ERR_DATA, SCHEMA and ERROR ERR_CALLER).  Returns -1. */
int db_err(sqlite3 *db, int rc, struct err *, const char *what);

/* Run one or more statements without results. */
int db_exec(sqlite3 *db, const char *sql, struct err *);
int db_execf(sqlite3 *db, struct err *, const char *fmt, ...);
/* (fmt is sqlite3_mprintf's: %w for identifiers inside "", %Q for text) */

/* Prepare; with keep the statement will live long (SQLITE_PREPARE_PERSISTENT).
 * NULL with err on failure. */
sqlite3_stmt *db_prepare(sqlite3 *db, const char *sql, bool keep,
    struct err *);
sqlite3_stmt *db_preparef(sqlite3 *db, struct err *, const char *fmt, ...);

/* Prepare once: if *slot is NULL, prepare into it; reset it otherwise. */
sqlite3_stmt *db_slot(sqlite3 *db, sqlite3_stmt **slot, const char *sql,
    struct err *);

/* Step: 1 a row, 0 done, -1 error. */
int db_step(sqlite3_stmt *, struct err *);
/* Step to the end, then reset; 0 or -1. */
int db_run(sqlite3_stmt *, struct err *);

/* Bind and read one of our values.  db_column's text and blob are valid until
 * the next step.  Text is read by length, so NULs inside are kept. */
void db_bind(sqlite3_stmt *, int i, const struct value *);
void db_column(sqlite3_stmt *, int i, struct value *);

/* One integer from a query; dflt when there is no row or it is NULL. */
int db_int(sqlite3 *db, const char *sql, int64_t dflt, int64_t *out,
    struct err *);

/* BEGIN IMMEDIATE (waits DB_BUSY_MS, then ERR_BUSY "the database is locked"),
 * COMMIT (a durable step: fs_step; waits DB_COMMIT_MS for readers, then ERR_BUSY:
 * roll back and try the transaction again), ROLLBACK (never fails; safe when no
 * transaction is open). */
int db_begin(sqlite3 *db, struct err *);
int db_commit(sqlite3 *db, struct err *);
void db_rollback(sqlite3 *db);

/* A name as a quoted SQL identifier: "a""b".  malloc'd. */
char *db_quote(const char *name);

#endif
