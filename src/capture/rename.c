#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "capture/capture_p.h"
#include "store/conflict.h"
#include "store/row.h"

/* ALTER TABLE ... RENAME.  SQLite changes the names in our triggers, too, and
 * nothing else ever does: so the update trigger has the column under its new
 * name with the register of the old one.  Then it is the same column, with the
 * versions that it had.
 *
 * The old name stays known: peers that have not renamed it yet go on to speak
 * of it so, and what they say is of the same register.  What this site says
 * waits there under the new name, until they rename it as well; then both
 * registers, of one column, become one. */

/* ---- two registers become one */

struct join {
	struct store *s;
	struct table *t;
	int from, to;        /* columns */
	struct frag *frags;  /* owned; FRAGS_MAX */
	int n;
	struct value *row;   /* owned */
};

static struct frag *frag_with(struct join *j, int col)
{
	for (int i = 0; i < j->n; i++)
		if (mask_has(j->frags[i].mask.w, col + REG_COLUMN))
			return &j->frags[i];
	return NULL;
}

/* One of the two values stands.  Who wrote the later one may have known the
 * other: surely when the same site wrote both, and when the other is the
 * base's.  Else both are kept. */
static int add_conflict(struct join *j, const struct value *key,
    const struct frag *lost_f, const struct value *lost,
    const struct frag *won_f, const struct value *won, struct err *e)
{
	struct conflict c;

	if (lost_f->ver.origin == won_f->ver.origin || value_same(lost, won))
		return 0;
	memset(&c, 0, sizeof(c));
	c.kind = CONFLICT_EDIT;
	c.table = j->t;
	c.key = key;
	c.field = j->t->cols[j->to].name;
	c.loser = lost_f->ver;
	c.winner = won_f->ver;
	c.lost = lost;
	c.won = won;
	return conflict_add(j->s, &c, e) < 0 ? -1 : 0;
}

/* The value that the row has under the register that stays: 1, 0, -1. */
static int value_here(struct join *j, const struct value *key,
    struct value *v, struct err *e)
{
	int rc = aside_get(j->s, j->t, key, j->to + REG_COLUMN, v, e);

	if (rc != 0 || !j->t->present)
		return rc;
	rc = row_read(j->s, j->t, key, j->row, e);
	if (rc == 1)
		*v = j->row[j->to];
	return rc;
}

static int join_row(struct join *j, const struct value *key,
    const struct value *v, struct err *e)
{
	int to = j->to + REG_COLUMN, from = j->from + REG_COLUMN, rc;
	struct frag *f, *g;
	struct value w;
	bool later;

	j->n = frags_of(j->s, j->t, key, j->frags, FRAGS_MAX, e);
	if (j->n < 0)
		return -1;
	f = frag_with(j, j->from);
	g = frag_with(j, j->to);
	if (!f)
		return aside_drop(j->s, j->t, key, from, e);
	later = !g || store_version_cmp(j->s, &f->ver, &g->ver) > 0;
	rc = g ? value_here(j, key, &w, e) : 0;
	if (rc == 1)
		rc = later ? add_conflict(j, key, g, &w, f, v, e) :
		    add_conflict(j, key, f, v, g, &w, e);
	row_read_done(j->t);
	if (rc < 0)
		return -1;
	mask_clear(f->mask.w, from);
	if (later) {
		mask_set(f->mask.w, to);
		if (g && f != g) {
			mask_clear(g->mask.w, to);
			rc = frag_set_mask(j->s, j->t, g->seq, g->mask.w, e);
		}
		if (rc >= 0)
			rc = aside_put(j->s, j->t, key, to, v, e);
	}
	if (rc < 0 || frag_set_mask(j->s, j->t, f->seq, f->mask.w, e) < 0)
		return -1;
	return aside_drop(j->s, j->t, key, from, e);
}

/* The next value of the register that goes: 1, 0, -1; both are copies. */
static int next_value(struct join *j, struct value *key, struct value *v,
    char *own[2], struct err *e)
{
	sqlite3_stmt *st = db_preparef(j->s->db, e, "SELECT k, v FROM"
	    " dialsync_aside WHERE t = %lld AND r = %d LIMIT 1",
	    (long long)j->t->id, j->from + REG_COLUMN);
	struct value *each[2] = {key, v};
	int rc = st ? db_step(st, e) : -1;

	for (int i = 0; i < 2 && rc == 1; i++) {
		db_column(st, i, each[i]);
		own[i] = malloc(each[i]->n + 1);
		if (!own[i])
			abort();
		if (each[i]->p && each[i]->n)
			memcpy(own[i], each[i]->p, each[i]->n);
		if (each[i]->p)
			each[i]->p = own[i];
	}
	sqlite3_finalize(st);
	return rc;
}

/* All values of column `from`, which only peers have, to column `to`. */
static int join_columns(struct store *s, struct table *t, int from, int to,
    struct err *e)
{
	struct join j = {s, t, from, to, calloc(FRAGS_MAX, sizeof(*j.frags)),
	    0, calloc(TABLE_COLUMNS_MAX, sizeof(*j.row))};
	char *own[2] = {NULL, NULL};
	struct value key, v;
	int rc = j.frags && j.row ? 1 : err_set(e, ERR_SYSTEM, "out of memory");

	while (rc == 1 && (rc = next_value(&j, &key, &v, own, e)) == 1) {
		if (join_row(&j, &key, &v, e) < 0)
			rc = -1;
		free(own[0]);
		free(own[1]);
	}
	free(j.frags);
	free(j.row);
	return rc;
}

/* ---- columns */

/* Is there a column of that name in the table now?  1, 0, -1. */
static int in_table(struct store *s, const char *table, const char *col,
    struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e, "SELECT 1 FROM"
	    " pragma_table_xinfo(%Q) WHERE name = %Q COLLATE NOCASE", table,
	    col);
	int rc = st ? db_step(st, e) : -1;

	sqlite3_finalize(st);
	return rc;
}

/* The registered column that is called `name` now, as its i-th key column (pk >
 * 0) or by the trigger's text; -1: it is not a renamed one. */
static int renamed_from(const struct table *t, const char *old,
    const char *name, int pk)
{
	int at = table_find_column(t, name), reg;

	if (at >= 0 && t->cols[at].here)
		return -1;
	if (pk == 0) {
		reg = capture_trigger_register(old, name);
		return reg >= REG_COLUMN && reg < t->ncols + REG_COLUMN &&
		    reg - REG_COLUMN != at ? reg - REG_COLUMN : -1;
	}
	for (int i = 0; i < t->ncols; i++)
		if (t->cols[i].here == 1 + pk && i != at)
			return i;
	return -1;
}

/* One rename; what peers sent under the new name goes to the register. */
static int rename_column(struct store *s, struct table **tp, int from,
    const char *name, struct err *e)
{
	struct table *t = *tp;
	int at = table_find_column(t, name), rc = 0;
	char *table = strdup(t->name), *gone;

	if (!table)
		return err_set(e, ERR_SYSTEM, "out of memory");
	if (at >= 0) {
		/* a number is never given back */
		gone = fs_format("dialsync:%d", at + REG_COLUMN);
		rc = db_execf(s->db, e, "UPDATE dialsync_column SET name = %Q"
		    " WHERE t = %lld AND r = %d", gone, (long long)t->id,
		    at + REG_COLUMN);
		free(gone);
	}
	if (rc == 0)
		rc = table_renamed(s, t, from, name, e);
	if (rc == 0)
		rc = tables_load(s, e);
	if (rc == 0)
		*tp = t = table_by_name(s, table);
	free(table);
	if (rc < 0 || at < 0)
		return rc;
	if (join_columns(s, t, at, from, e) < 0)
		return -1;
	return capture_place_column(s, t, from, e);
}

/* The table's columns as they are: names, NUL behind each, a byte 'a' + their
 * position in the key before. */
static int list_columns(struct store *s, const struct table *t,
    struct buf *out, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e, "SELECT name, pk FROM"
	    " pragma_table_xinfo(%Q) WHERE hidden = 0", t->name);
	int rc = st ? 1 : -1;

	while (rc == 1 && (rc = db_step(st, e)) == 1) {
		buf_addc(out, (char)('a' + sqlite3_column_int(st, 1) % 26));
		buf_add(out, sqlite3_column_text(st, 0),
		    (size_t)sqlite3_column_bytes(st, 0) + 1);
	}
	sqlite3_finalize(st);
	return rc;
}

int capture_take_renames(struct store *s, struct table **tp, const char *old,
    struct err *e)
{
	struct buf list = BUF_INIT(SIZE_MAX);
	int rc = *old ? list_columns(s, *tp, &list, e) : 0;

	for (size_t i = 0; i < list.n && rc == 0;
	     i += strlen(list.p + i) + 1) {
		const char *name = list.p + i + 1;
		int from = renamed_from(*tp, old, name, list.p[i] - 'a');

		if (from < 0)
			continue;
		/* names that were swapped: the new one of one column is the
		 * old one of another */
		rc = in_table(s, (*tp)->name, (*tp)->cols[from].name, e);
		if (rc == 0)
			rc = rename_column(s, tp, from, name, e);
		else if (rc == 1)
			rc = 0;
	}
	buf_free(&list);
	return rc;
}

/* ---- names that mean something else now */

int capture_old_name(struct store *s, const struct table *t, char **name,
    struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e, "SELECT x.name FROM"
	    " pragma_table_xinfo(%Q) x JOIN dialsync_alias a ON a.name ="
	    " x.name AND a.t = %lld AND a.r > 0 AND NOT EXISTS (SELECT 1 FROM"
	    " dialsync_column c WHERE c.t = a.t AND c.name = a.name) LIMIT 1",
	    t->name, (long long)t->id);
	int rc = st ? db_step(st, e) : -1;

	*name = rc == 1 ? fs_format("%s",
	    (const char *)sqlite3_column_text(st, 0)) : NULL;
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

int capture_forget_names(struct store *s, const char *table, struct err *e)
{
	const struct table *t = table_by_name(s, table);

	if (db_execf(s->db, e, "DELETE FROM dialsync_alias WHERE r = 0 AND"
		" name = %Q", table) < 0)
		return -1;
	return !t ? 0 : db_execf(s->db, e, "DELETE FROM dialsync_alias WHERE"
	    " t = %lld AND r > 0 AND name IN (SELECT name FROM"
	    " pragma_table_xinfo(%Q))", (long long)t->id, table);
}

/* ---- tables */

/* The settings that have the table's name. */
static int move_settings(struct store *s, const char *was, const char *name,
    struct err *e)
{
	return db_execf(s->db, e, "DELETE FROM dialsync_meta WHERE k ="
	    " '" CAPTURE_META_TROUBLE "' || lower(%Q);"
	    " UPDATE OR REPLACE dialsync_meta SET k = '" META_LEFT_OUT "' || %Q"
	    " WHERE k = '" META_LEFT_OUT "' || %Q", was, name, was);
}

int capture_take_table_name(struct store *s, struct table **tp,
    const char *name, struct err *e)
{
	struct table *t = *tp, *other = table_by_name(s, name);
	int64_t id = t->id, other_id = other ? other->id : 0;
	char *gone;
	int rc = 0;

	if (other && other->tracked)
		return 0;
	if (other && other->nkey != t->nkey) {
		/* it waits for a table of that key */
		rc = db_execf(s->db, e, "UPDATE dialsync_table SET width ="
		    " nkey WHERE t = %lld", (long long)other_id);
	} else if (other) {
		gone = fs_format("dialsync:%lld", (long long)other_id);
		rc = db_execf(s->db, e, "UPDATE dialsync_table SET name = %Q"
		    " WHERE t = %lld", gone, (long long)other_id);
		free(gone);
	}
	if (rc == 0)
		rc = db_execf(s->db, e, "UPDATE OR IGNORE dialsync_table SET"
		    " name = %Q WHERE name = %Q AND width > 0", name, t->name);
	if (rc < 0 || move_settings(s, t->name, name, e) < 0 ||
	    table_renamed(s, t, -1, name, e) < 0 || tables_load(s, e) < 0)
		return -1;
	*tp = t = table_by_id(s, id);
	if (!t)
		return err_set(e, ERR_CALLER, "table %s vanished", name);
	other = other_id ? table_by_id(s, other_id) : NULL;
	if (other && !other->width && capture_merge_table(s, other, t, e) < 0)
		return -1;
	return 1;
}
