#include "config.h"

#include "store/db.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

int db_err(sqlite3 *db, int rc, struct err *e, const char *what)
{
	enum err_kind kind;
	const char *text = db ? sqlite3_errmsg(db) : sqlite3_errstr(rc);

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(e, ERR_BUSY,
		    "%s: the database is locked by another program", what);
	case SQLITE_NOTADB:
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
		kind = ERR_DATA;
		break;
	case SQLITE_CORRUPT:
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_NOMEM:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		kind = ERR_SYSTEM;
		break;
	default:
		kind = ERR_CALLER;
	}
	return err_set(e, kind, "%s: %s", what, text);
}

/* Our programs have one thread each: SQLite need not lock, nor count memory,
 * which takes a lock as well (8 % of a fold).  Refused, and harmless, when the
 * program has used SQLite before. */
static void configure(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int db_open(const char *path, enum db_mode mode, sqlite3 **db, struct err *e)
{
	int flags = mode == DB_READ ? SQLITE_OPEN_READONLY
				    : SQLITE_OPEN_READWRITE;
	int rc;

	*db = NULL;
	configure();
	if (access(path, F_OK) < 0) {
		err_sys(e, "database %s", path);
		if (e)
			e->kind = ERR_MISSING;
		return -1;
	}
	rc = sqlite3_open_v2(path, db, flags, NULL);
	if (rc != SQLITE_OK) {
		db_err(*db, rc, e, path);
		goto fail;
	}
	sqlite3_extended_result_codes(*db, 1);
	sqlite3_busy_timeout(*db, DB_BUSY_MS);
	/* SQLite's own 2 MB are too few where keys are random: most pages
	 * would be read and written again for every row of a fold. */
	sqlite3_exec(*db, "PRAGMA cache_size = -" DB_CACHE_KB, NULL, NULL,
	    NULL);
	/* Triggers are what captures changes: an applied change must not be
	 * captured again.  Foreign keys: cascades arrive as changes. */
	if (mode == DB_APPLY) {
		sqlite3_db_config(*db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
		sqlite3_db_config(*db, SQLITE_DBCONFIG_ENABLE_FKEY, 0, NULL);
	}
	/* read the header now, so that a file that is no database is told
	 * here and not in the middle */
	rc = sqlite3_exec(*db, "SELECT 1 FROM sqlite_master LIMIT 1", NULL,
	    NULL, NULL);
	if (rc != SQLITE_OK) {
		db_err(*db, rc, e, path);
		goto fail;
	}
	return 0;
fail:
	sqlite3_close(*db);
	*db = NULL;
	return -1;
}

void db_close(sqlite3 *db)
{
	sqlite3_close_v2(db);
}

int db_exec(sqlite3 *db, const char *sql, struct err *e)
{
	int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	char what[80];

	if (rc == SQLITE_OK)
		return 0;
	snprintf(what, sizeof(what), "%.60s", sql);
	return db_err(db, rc, e, what);
}

int db_execf(sqlite3 *db, struct err *e, const char *fmt, ...)
{
	va_list ap;
	char *sql;
	int rc;

	va_start(ap, fmt);
	sql = sqlite3_vmprintf(fmt, ap);
	va_end(ap);
	if (!sql)
		return err_set(e, ERR_SYSTEM, "out of memory");
	rc = db_exec(db, sql, e);
	sqlite3_free(sql);
	return rc;
}

sqlite3_stmt *db_prepare(sqlite3 *db, const char *sql, bool keep,
    struct err *e)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v3(db, sql, -1,
	    keep ? SQLITE_PREPARE_PERSISTENT : 0, &st, NULL);
	char what[80];

	if (rc == SQLITE_OK)
		return st;
	snprintf(what, sizeof(what), "%.60s", sql);
	db_err(db, rc, e, what);
	return NULL;
}

sqlite3_stmt *db_preparef(sqlite3 *db, struct err *e, const char *fmt, ...)
{
	va_list ap;
	char *sql;
	sqlite3_stmt *st;

	va_start(ap, fmt);
	sql = sqlite3_vmprintf(fmt, ap);
	va_end(ap);
	if (!sql) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	st = db_prepare(db, sql, false, e);
	sqlite3_free(sql);
	return st;
}

sqlite3_stmt *db_slot(sqlite3 *db, sqlite3_stmt **slot, const char *sql,
    struct err *e)
{
	if (!*slot)
		*slot = db_prepare(db, sql, true, e);
	else
		sqlite3_reset(*slot);
	return *slot;
}

int db_step(sqlite3_stmt *st, struct err *e)
{
	int rc = sqlite3_step(st);
	char what[80];

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	snprintf(what, sizeof(what), "%.60s", sqlite3_sql(st));
	return db_err(sqlite3_db_handle(st), rc, e, what);
}

int db_run(sqlite3_stmt *st, struct err *e)
{
	int rc;

	while ((rc = db_step(st, e)) == 1)
		;
	sqlite3_reset(st);
	return rc;
}

void db_bind(sqlite3_stmt *st, int i, const struct value *v)
{
	switch (v->type) {
	case VALUE_NULL:
		sqlite3_bind_null(st, i);
		break;
	case VALUE_INTEGER:
		sqlite3_bind_int64(st, i, v->i);
		break;
	case VALUE_REAL:
		sqlite3_bind_double(st, i, v->r);
		break;
	case VALUE_TEXT:
		sqlite3_bind_text64(st, i, v->n ? v->p : "", v->n,
		    SQLITE_STATIC, SQLITE_UTF8);
		break;
	case VALUE_BLOB:
		sqlite3_bind_blob64(st, i, v->n ? v->p : "", v->n,
		    SQLITE_STATIC);
		break;
	}
}

void db_column(sqlite3_stmt *st, int i, struct value *v)
{
	memset(v, 0, sizeof(*v));
	switch (sqlite3_column_type(st, i)) {
	case SQLITE_INTEGER:
		v->type = VALUE_INTEGER;
		v->i = sqlite3_column_int64(st, i);
		break;
	case SQLITE_FLOAT:
		v->type = VALUE_REAL;
		v->r = sqlite3_column_double(st, i);
		break;
	case SQLITE_TEXT:
		v->type = VALUE_TEXT;
		v->p = (const char *)sqlite3_column_text(st, i);
		v->n = (size_t)sqlite3_column_bytes(st, i);
		break;
	case SQLITE_BLOB:
		v->type = VALUE_BLOB;
		v->p = sqlite3_column_blob(st, i);
		v->n = (size_t)sqlite3_column_bytes(st, i);
		break;
	default:
		v->type = VALUE_NULL;
	}
}

int db_int(sqlite3 *db, const char *sql, int64_t dflt, int64_t *out,
    struct err *e)
{
	sqlite3_stmt *st = db_prepare(db, sql, false, e);
	int rc;

	*out = dflt;
	if (!st)
		return -1;
	rc = db_step(st, e);
	if (rc == 1 && sqlite3_column_type(st, 0) != SQLITE_NULL)
		*out = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

int db_begin(sqlite3 *db, struct err *e)
{
	return db_exec(db, "BEGIN IMMEDIATE", e);
}

int db_commit(sqlite3 *db, struct err *e)
{
	int rc;

	sqlite3_busy_timeout(db, DB_COMMIT_MS);
	rc = db_exec(db, "COMMIT", e);
	sqlite3_busy_timeout(db, DB_BUSY_MS);
	if (rc < 0)
		return -1;
	fs_step();
	return 0;
}

void db_rollback(sqlite3 *db)
{
	if (!sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

char *db_quote(const char *name)
{
	size_t n = strlen(name), i, k = 0;
	char *out = malloc(2 * n + 3);

	if (!out)
		abort();
	out[k++] = '"';
	for (i = 0; i < n; i++) {
		if (name[i] == '"')
			out[k++] = '"';
		out[k++] = name[i];
	}
	out[k++] = '"';
	out[k] = '\0';
	return out;
}
