#include "config.h"

#include "store/row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/foreign.h"
#include "store/key.h"
#include "store/row_p.h"
#include "store/store_p.h"

void row_statements_free(struct table *t)
{
	sqlite3_finalize(t->exists);
	sqlite3_finalize(t->select);
	sqlite3_finalize(t->erase);
	for (int i = 0; i < t->nupdates; i++)
		sqlite3_finalize(t->updates[i].st);
	free(t->updates);
	t->exists = t->select = t->erase = NULL;
	t->updates = NULL;
	t->nupdates = 0;
}

/* "a" = ? AND "b" = ?: the columns' own collations compare. */
static void where_key(struct buf *b, const struct table *t)
{
	buf_adds(b, " WHERE ");
	for (int i = 0; i < t->nkey; i++) {
		char *q = db_quote(t->cols[t->key[i]].name);

		buf_addf(b, "%s%s = ?", i ? " AND " : "", q);
		free(q);
	}
}

/* Bind the key's columns from parameter `at` on. */
static int bind_key(sqlite3_stmt *st, int at, const struct table *t,
    const struct value *key, struct err *e)
{
	struct value v[16];

	if (!key_split(t, key, v))
		return err_set(e, ERR_DATA,
		    "table %s: a key does not have %d columns", t->name,
		    t->nkey);
	for (int i = 0; i < t->nkey; i++)
		db_bind(st, at + i, &v[i]);
	return 0;
}

/* Prepare "HEAD FROM table WHERE key" into *slot, once. */
static sqlite3_stmt *key_stmt(struct store *s, struct table *t,
    sqlite3_stmt **slot, const char *head, const struct value *key,
    struct err *e)
{
	if (!*slot) {
		struct buf b = BUF_INIT(1 << 20);
		char *q = db_quote(t->name);

		buf_addf(&b, "%s FROM %s", head, q);
		where_key(&b, t);
		free(q);
		*slot = db_prepare(s->db, buf_str(&b), true, e);
		buf_free(&b);
		if (!*slot)
			return NULL;
	} else {
		sqlite3_reset(*slot);
	}
	return bind_key(*slot, 1, t, key, e) < 0 ? NULL : *slot;
}

/* Can it be the fault of a copy of a user's trigger?  Not what any statement
 * would meet. */
static bool may_be_copy(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_ROW:
	case SQLITE_DONE:
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_NOMEM:
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_INTERRUPT:
		return false;
	default:
		return true;
	}
}

/* Step a statement that changes one row.  A user's trigger that fails is no
 * reason to refuse a row that is in its table at other sites: then the row is
 * placed without it.  It is the one whose turn came last; where none had its
 * turn it is the row that is refused.  (A failed statement leaves nothing
 * behind.) */
static int step_row(struct store *s, struct table *t, sqlite3_stmt *st)
{
	char why[200] = "", text[500];
	int rc;

	s->follow_last = -1;
	rc = sqlite3_step(st);
	if (s->follow_last < 0 || !may_be_copy(rc))
		return rc;
	snprintf(why, sizeof(why), "%s", sqlite3_errmsg(s->db));
	while (s->follow_last >= 0 && may_be_copy(rc)) {
		s->follow_off[s->follow_last] = true;
		s->follow_last = -1;
		sqlite3_reset(st);
		rc = sqlite3_step(st);
	}
	memset(s->follow_off, 0, (size_t)s->nfollow * sizeof(bool));
	if (rc != SQLITE_DONE || t->follow_told || !s->warn)
		return rc;
	t->follow_told = true;
	snprintf(text, sizeof(text), "table %s: a trigger failed for a change"
	    " of a peer (%s); the row is placed without what the trigger does;"
	    " make what it keeps anew, a full-text index with"
	    " INSERT INTO name(name) VALUES('rebuild')", t->name, why);
	s->warn(s->warn_arg, text);
	return rc;
}

int row_exists(struct store *s, struct table *t, const struct value *key,
    struct err *e)
{
	sqlite3_stmt *st;
	int rc;

	if (!t->present)
		return 0;
	st = key_stmt(s, t, &t->exists, "SELECT 1", key, e);
	if (!st)
		return -1;
	rc = db_step(st, e);
	sqlite3_reset(st);
	return rc;
}

int row_delete(struct store *s, struct table *t, const struct value *key,
    struct err *e)
{
	sqlite3_stmt *st;
	int rc;

	if (!t->present)
		return 0;
	if (s->watch && foreign_before(s, t, key, NULL, e) < 0)
		return -1;
	st = key_stmt(s, t, &t->erase, "DELETE", key, e);
	if (!st)
		return -1;
	rc = step_row(s, t, st);
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		db_err(s->db, rc, e, "deleting a row");
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? sqlite3_changes(s->db) > 0 : -1;
}

int row_read(struct store *s, struct table *t, const struct value *key,
    struct value *values, struct err *e)
{
	sqlite3_stmt *st;
	int rc, k = 0;

	if (!t->present)
		return 0;
	if (!t->select) {
		struct buf b = BUF_INIT(1 << 20);

		buf_adds(&b, "SELECT ");
		for (int i = 0; i < t->ncols; i++) {
			char *q;

			if (!t->cols[i].present)
				continue;
			q = db_quote(t->cols[i].name);
			buf_addf(&b, "%s%s", k++ ? ", " : "", q);
			free(q);
		}
		st = key_stmt(s, t, &t->select, buf_str(&b), key, e);
		buf_free(&b);
	} else {
		st = key_stmt(s, t, &t->select, "", key, e);
	}
	if (!st || (rc = db_step(st, e)) < 0)
		return -1;
	memset(values, 0, (size_t)t->ncols * sizeof(*values));
	if (rc == 0) {
		sqlite3_reset(st);
		return 0;
	}
	k = 0;
	for (int i = 0; i < t->ncols; i++)
		if (t->cols[i].present)
			db_column(st, k++, &values[i]);
	return 1;
}

void row_read_done(struct table *t)
{
	if (t->select)
		sqlite3_reset(t->select);
}

/* ---- placing */

/* The columns that a statement sets: those in cols, and the key's when its
 * spelling is to be set (always for an insert). */
static bool sets(const struct table *t, const uint64_t *cols, int i,
    bool insert)
{
	if (!t->cols[i].present)
		return false;
	if (t->cols[i].keypos)
		return insert || mask_has(cols, REG_SPELLING);
	return mask_has(cols, i + REG_COLUMN);
}

/* OR ABORT: the schema's ON CONFLICT REPLACE would evict another row.  Only
 * where there is such a clause, since what is said here holds for the
 * statements of triggers, too, against their own OR IGNORE. */
static void insert_sql(struct buf *b, const struct table *t,
    const uint64_t *cols)
{
	char *q = db_quote(t->name);
	int n = 0;

	buf_addf(b, "INSERT %sINTO %s(", t->policy ? "OR ABORT " : "", q);
	free(q);
	for (int i = 0; i < t->ncols; i++)
		if (sets(t, cols, i, true)) {
			q = db_quote(t->cols[i].name);
			buf_addf(b, "%s%s", n++ ? "," : "", q);
			free(q);
		}
	buf_adds(b, ") VALUES(");
	for (int i = 0; i < n; i++)
		buf_adds(b, i ? ",?" : "?");
	buf_adds(b, ")");
}

static void update_sql(struct buf *b, const struct table *t,
    const uint64_t *cols)
{
	char *q = db_quote(t->name);
	int n = 0;

	buf_addf(b, "UPDATE %s%s SET ", t->policy ? "OR ABORT " : "", q);
	free(q);
	for (int i = 0; i < t->ncols; i++)
		if (sets(t, cols, i, false)) {
			q = db_quote(t->cols[i].name);
			buf_addf(b, "%s%s = ?", n++ ? "," : "", q);
			free(q);
		}
	where_key(b, t);
}

/* The slot for a new statement: a free one, or the least recently used. */
static struct row_update *free_slot(struct table *t)
{
	struct row_update *u = NULL;

	if (!t->updates) {
		t->updates = calloc(ROW_UPDATES_MAX, sizeof(*t->updates));
		if (!t->updates)
			return NULL;
	}
	if (t->nupdates < ROW_UPDATES_MAX)
		return &t->updates[t->nupdates++];
	for (int i = 0; i < t->nupdates; i++)
		if (!u || t->updates[i].used < u->used)
			u = &t->updates[i];
	sqlite3_finalize(u->st);
	u->st = NULL;
	return u;
}

static sqlite3_stmt *place_stmt(struct store *s, struct table *t,
    const uint64_t *cols, bool insert, struct err *e)
{
	static int64_t uses;
	struct row_update *u;
	struct buf b = BUF_INIT(1 << 20);
	size_t size = (size_t)t->words * sizeof(*cols);

	for (int i = 0; i < t->nupdates; i++) {
		u = &t->updates[i];
		if (u->insert == insert && u->st &&
		    memcmp(u->cols.w, cols, size) == 0) {
			u->used = ++uses;
			sqlite3_reset(u->st);
			return u->st;
		}
	}
	u = free_slot(t);
	if (!u) {
		err_set(e, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	if (insert)
		insert_sql(&b, t, cols);
	else
		update_sql(&b, t, cols);
	u->st = db_prepare(s->db, buf_str(&b), true, e);
	buf_free(&b);
	memcpy(u->cols.w, cols, size);
	u->insert = insert;
	u->used = ++uses;
	return u->st;
}

static int bind_values(sqlite3_stmt *st, const struct table *t,
    const uint64_t *cols, const struct value *values, bool insert)
{
	int n = 0;

	for (int i = 0; i < t->ncols; i++)
		if (sets(t, cols, i, insert))
			db_bind(st, ++n, &values[i]);
	return n;
}

/* Did a unique index say no, or the key? */
static bool taken(int rc)
{
	return rc == SQLITE_CONSTRAINT_UNIQUE ||
	    rc == SQLITE_CONSTRAINT_PRIMARYKEY ||
	    rc == SQLITE_CONSTRAINT_ROWID;
}

/* Run it: enum row_placed. */
static int place(struct store *s, struct table *t, sqlite3_stmt *st,
    struct err *e)
{
	sqlite3 *db = s->db;
	int rc = step_row(s, t, st);

	if (rc == SQLITE_DONE || rc == SQLITE_ROW) {
		sqlite3_reset(st);
		return ROW_PLACED;
	}
	/* also what an expression index or a CHECK cannot digest: the row is
	 * refused, others go on */
	if ((rc & 0xff) == SQLITE_CONSTRAINT ||
	    (rc & 0xff) == SQLITE_MISMATCH ||
	    (rc & 0xff) == SQLITE_TOOBIG || (rc & 0xff) == SQLITE_ERROR) {
		err_set(e, ERR_DATA, "%s", sqlite3_errmsg(db));
		sqlite3_reset(st);
		return taken(rc) ? ROW_TAKEN : ROW_REFUSED;
	}
	db_err(db, rc, e, "placing a row");
	sqlite3_reset(st);
	return -1;
}

/* A statement that cannot be prepared: the table needs what only the
 * application has (a function in a CHECK or an index).  Its rows are held. */
static int refused(struct err *e)
{
	if (e->kind != ERR_CALLER)
		return -1;
	e->kind = ERR_DATA;
	return ROW_REFUSED;
}

/* Its foreign keys are looked up by its key. */
static int note_insert(struct store *s, struct table *t,
    const uint64_t *cols, const struct value *values, struct err *e)
{
	struct buf scratch = BUF_INIT(SIZE_MAX);
	struct value own[16], key;
	uint64_t regs[MASK_WORDS];
	int rc = 1;

	for (int i = 0; i < t->nkey; i++)
		own[i] = values[t->key[i]];
	memcpy(regs, cols, (size_t)t->words * sizeof(*regs));
	mask_set(regs, REG_SPELLING);
	if (key_make(t, own, &scratch, &key) &&
	    foreign_after(s, t, &key, regs, e) < 0)
		rc = -1;
	buf_free(&scratch);
	return rc;
}

int row_insert(struct store *s, struct table *t, const uint64_t *cols,
    const struct value *values, struct err *e)
{
	sqlite3_stmt *st = place_stmt(s, t, cols, true, e);
	int rc;

	if (!st)
		return refused(e);
	bind_values(st, t, cols, values, true);
	rc = place(s, t, st, e);
	return rc == ROW_PLACED && s->watch
	    ? note_insert(s, t, cols, values, e) : rc;
}

int row_update(struct store *s, struct table *t, const struct value *key,
    const uint64_t *cols, const struct value *values, struct err *e)
{
	sqlite3_stmt *st;
	bool any = false;
	int n, rc;

	for (int i = 0; i < t->ncols && !any; i++)
		any = sets(t, cols, i, false);
	if (!any)
		return row_exists(s, t, key, e);
	if (s->watch && foreign_before(s, t, key, cols, e) < 0)
		return -1;
	st = place_stmt(s, t, cols, false, e);
	if (!st)
		return refused(e);
	n = bind_values(st, t, cols, values, false);
	if (bind_key(st, n + 1, t, key, e) < 0)
		return -1;
	rc = place(s, t, st, e);
	if (rc == ROW_PLACED && sqlite3_changes(s->db) == 0)
		return ROW_NONE;
	if (rc == ROW_PLACED && s->watch &&
	    foreign_after(s, t, key, cols, e) < 0)
		return -1;
	return rc;
}
