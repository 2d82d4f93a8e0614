/* The log of before, where columns have come since.
 *
 * A row that was born before ADD COLUMN has no register for the column.  A fold
 * that ran between the two says so; so must one that comes later, since both
 * give the birth one version: a copy made by hand, and what its original goes on
 * to tell others, would differ for ever.  So what is in the log is folded before
 * capture looks at the new columns. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "capture/capture_p.h"
#include "store/table.h"

/* Has the table all that it had at the last look, under the same names? */
static bool only_grew(const struct table *t)
{
	char coll[17];

	if (!t->present || t->nkey != t->frag_nkey)
		return false;
	for (int i = 0; i < t->ncols; i++) {
		const struct column *c = &t->cols[i];

		if (c->here && (!c->present || c->here != 1 + c->keypos))
			return false;
	}
	table_key_coll(t, coll);
	return strcmp(coll, t->frag_coll) == 0;
}

static bool ever_seen(const struct table *t)
{
	for (int i = 0; i < t->ncols; i++)
		if (t->cols[i].here)
			return true;
	return false;
}

/* Columns whose name a peer's has, too, are registered already. */
static void hide_columns(struct table *t)
{
	for (int i = 0; i < t->ncols; i++)
		if (!t->cols[i].here) {
			t->cols[i].present = false;
			mask_clear(t->all.w, i + REG_COLUMN);
		}
}

/* The numbers of the tables that the log speaks of; malloc'd.  Their count, -1. */
static int list_logged(struct store *s, int64_t **ids, struct err *e)
{
	sqlite3_stmt *st = db_prepare(s->db, "SELECT DISTINCT t FROM"
	    " dialsync_log", false, e);
	int rc = st ? 1 : -1, n = 0;

	*ids = calloc((size_t)s->ntables + 1, sizeof(**ids));
	if (!*ids)
		abort();
	while (rc == 1 && n < s->ntables && (rc = db_step(st, e)) == 1) {
		struct table *t = table_by_id(s, sqlite3_column_int64(st, 0));

		if (t && t->tracked && ever_seen(t))
			(*ids)[n++] = t->id;
	}
	sqlite3_finalize(st);
	return rc < 0 ? -1 : n;
}

/* Columns that were renamed get their names first: then they are there. */
static int take_names(struct store *s, int64_t id, struct err *e)
{
	struct table *t = table_by_id(s, id);
	char *old;
	int rc;

	if (capture_trigger_text(s, id, &old, e) < 0)
		return -1;
	rc = capture_take_renames(s, &t, old, e);
	free(old);
	return rc;
}

/* What cannot be done is undone, and left to the look, which tells it. */
static int try_names(struct store *s, int64_t id, struct err *e)
{
	struct err why = ERR_INIT;

	if (db_exec(s->db, "SAVEPOINT early", e) < 0)
		return -1;
	if (take_names(s, id, &why) == 0)
		return db_exec(s->db, "RELEASE early", e);
	if (sqlite3_get_autocommit(s->db) || why.kind == ERR_SYSTEM ||
	    why.kind == ERR_BUSY || why.kind == ERR_AGAIN) {
		*e = why;
		return -1;
	}
	return db_exec(s->db, "ROLLBACK TO early; RELEASE early", e) < 0
	    ? -1 : tables_load(s, e);
}

/* 1: all these tables only got columns, and columns other names; 0: not so. */
static int all_grew(struct store *s, const int64_t *ids, int n,
    struct err *e)
{
	for (int i = 0; i < n; i++) {
		if (only_grew(table_by_id(s, ids[i])))
			continue;
		if (!table_by_id(s, ids[i])->present)
			return 0;
		if (try_names(s, ids[i], e) < 0)
			return -1;
		if (!only_grew(table_by_id(s, ids[i])))
			return 0;
	}
	return 1;
}

int capture_hide_new(struct store *s, struct err *e)
{
	int64_t *ids;
	bool moved;
	int rc, n;

	if (capture_moved(s, &moved, e) < 0)
		return -1;
	if (!moved)
		return 0;
	if (tables_load(s, e) < 0)
		return -1;
	n = list_logged(s, &ids, e);
	rc = n > 0 ? all_grew(s, ids, n, e) : n;
	for (int i = 0; i < n && rc == 1; i++)
		hide_columns(table_by_id(s, ids[i]));
	free(ids);
	s->schema = -1; /* the look that follows reads the tables again */
	return rc;
}
