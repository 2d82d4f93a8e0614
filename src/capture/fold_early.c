/* The log of before, where columns have come since.
 *
 * A row that was born before ADD COLUMN has no register for the column.  A fold
 * that ran between the two says so; so must one that comes later, since both
 * give the birth one version: a copy made by hand, and what its original goes on
 * to tell others, would differ for ever.  So what is in the log is folded before
 * capture looks at the new columns. */
#include "config.h"

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

/* The tables that the log speaks of: 1: all only grew; 0: not so, or it is
 * empty; -1. */
static int each_logged(struct store *s, void (*work)(struct table *),
    struct err *e)
{
	sqlite3_stmt *st = db_prepare(s->db, "SELECT DISTINCT t FROM"
	    " dialsync_log", false, e);
	int rc = st ? 1 : -1, n = 0;

	while (rc == 1 && (rc = db_step(st, e)) == 1) {
		struct table *t = table_by_id(s, sqlite3_column_int64(st, 0));

		if (!t || !t->tracked || !ever_seen(t))
			continue;
		if (work)
			work(t);
		else if (!only_grew(t))
			break;
		n++;
	}
	sqlite3_finalize(st);
	return rc < 0 ? -1 : rc == 0 && n > 0;
}

int capture_hide_new(struct store *s, struct err *e)
{
	bool moved;
	int rc;

	if (capture_moved(s, &moved, e) < 0)
		return -1;
	if (!moved)
		return 0;
	if (tables_load(s, e) < 0)
		return -1;
	rc = each_logged(s, NULL, e);
	if (rc == 1)
		rc = each_logged(s, hide_columns, e);
	s->schema = -1; /* the look that follows reads the tables again */
	return rc;
}
