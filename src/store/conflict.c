#include "config.h"

#include "store/conflict.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/held.h"
#include "store/key.h"
#include "store/row.h"
#include "store/store_p.h"

/* A record's columns, before they are bound. */
struct record {
	const struct buf *id;
	const char *kind, *tbl;
	const struct buf *key;
	const char *field;
	struct value lost, won;
	struct version loser, winner;
	const char *bundle;
	const struct buf *row;
};

static const char *site_of(struct store *s, int64_t o)
{
	const struct origin *origin = store_origin_get(s, o);

	return origin ? origin->site : "";
}

static void bind_buf(sqlite3_stmt *st, int i, const struct buf *b)
{
	if (b && b->n)
		sqlite3_bind_text64(st, i, b->p, b->n, SQLITE_STATIC,
		    SQLITE_UTF8);
	else
		sqlite3_bind_null(st, i);
}

/* ---- the log */

int log_by_hand(struct store *s, const struct table *t,
    const struct value *key, int code, const uint64_t *regs, struct err *e)
{
	struct buf b = BUF_INIT(SIZE_MAX), m = BUF_INIT(SIZE_MAX);
	struct value cols[16];
	sqlite3_stmt *st;
	int rc = -1;

	if (!key_split(t, key, cols))
		return err_set(e, ERR_DATA, "table %s: a damaged key",
		    t->name);
	if (code)
		buf_addf(&m, "%d", code);
	for (int w = 0; w < t->words && !code; w++)
		buf_addf(&m, "%s%llu", w ? "," : "",
		    (unsigned long long)regs[w]);
	buf_adds(&b, "INSERT INTO dialsync_log(t, m, w");
	for (int i = 0; i < t->nkey; i++)
		buf_addf(&b, ", k%d", i + 1);
	buf_addf(&b, ") VALUES(%lld, %s%s%s, %lld", (long long)t->id,
	    t->words > 1 && !code ? "'" : "", buf_str(&m),
	    t->words > 1 && !code ? "'" : "", (long long)clock_wall());
	for (int i = 0; i < t->nkey; i++)
		buf_adds(&b, ", ?");
	buf_addc(&b, ')');
	st = db_prepare(s->db, buf_str(&b), false, e);
	buf_free(&b);
	buf_free(&m);
	if (!st)
		return -1;
	for (int i = 0; i < t->nkey; i++)
		db_bind(st, i + 1, &cols[i]);
	rc = db_run(st, e);
	sqlite3_finalize(st);
	return rc;
}

/* One column of the conflict table by name, as a register. */
static int reg_of(const struct table *t, const char *name)
{
	for (int i = 0; i < t->ncols; i++)
		if (strcmp(t->cols[i].name, name) == 0)
			return i + REG_COLUMN;
	return -1;
}

static int log_record(struct store *s, const char *id, size_t n, int code,
    const char *const *columns, struct err *e)
{
	const struct table *t = table_by_id(s, 1);
	struct value key = {.type = VALUE_TEXT, .p = id, .n = n};
	uint64_t regs[MASK_WORDS] = {0};

	for (; columns && *columns; columns++)
		mask_set(regs, reg_of(t, *columns));
	return log_by_hand(s, t, &key, code, regs, e);
}

/* ---- records */

/* The record's key names the register and the loser's version. */
static void conflict_id(struct store *s, const struct conflict *c,
    const struct buf *key, struct buf *id)
{
	const struct origin *o = store_origin_get(s, c->loser.origin);

	buf_addf(id, "%s|%s|%s|%lld|%s|%lld", c->table->name, buf_str(key),
	    c->field, (long long)c->loser.clock, o ? o->site : "",
	    o ? (long long)o->inc : 0LL);
	/* the winner has the same version, and may lose one day, too */
	if (c->loser.clock == c->winner.clock &&
	    c->loser.origin == c->winner.origin)
		buf_adds(id, "|=");
}

/* What another site added to the record may have come before the record itself:
 * the evaluation of held rows puts it in. */
static int take_waiting(struct store *s, const struct buf *id, struct err *e)
{
	const struct table *t = table_by_id(s, 1);
	struct value key = {.type = VALUE_TEXT, .p = id->p, .n = id->n};
	struct mask aside;

	memset(&aside, 0, sizeof(aside));
	if (!aside_any(s) || !t)
		return 0;
	if (aside_mask(s, t, &key, aside.w, e) < 0)
		return -1;
	if (mask_empty(aside.w, t->words))
		return 0;
	return held_new(s, t, &key, "came before its record", e) < 0 ? -1
	    : store_meta_set_int(s, HELD_META_RETRY, 1, e);
}

/* 1 new, 0 there already, -1. */
static int insert(struct store *s, const struct record *r, struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_CONFLICT_ADD,
	    "INSERT OR IGNORE INTO dialsync_conflict(id, kind, tbl, key, field,"
	    " lost, lost_clock, lost_site, won, won_clock, won_site, bundle,"
	    " seen_by, row) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    e);
	int rc;

	if (!st)
		return -1;
	bind_buf(st, 1, r->id);
	sqlite3_bind_text(st, 2, r->kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, r->tbl, -1, SQLITE_STATIC);
	bind_buf(st, 4, r->key);
	sqlite3_bind_text(st, 5, r->field, -1, SQLITE_STATIC);
	db_bind(st, 6, &r->lost);
	sqlite3_bind_int64(st, 7, r->loser.clock);
	sqlite3_bind_text(st, 8, site_of(s, r->loser.origin), -1,
	    SQLITE_TRANSIENT);
	db_bind(st, 9, &r->won);
	sqlite3_bind_int64(st, 10, r->winner.clock);
	sqlite3_bind_text(st, 11, site_of(s, r->winner.origin), -1,
	    SQLITE_TRANSIENT);
	sqlite3_bind_text(st, 12, r->bundle, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 13, s->site, -1, SQLITE_STATIC);
	bind_buf(st, 14, r->row);
	rc = db_run(st, e);
	sqlite3_clear_bindings(st);
	if (rc == 0 && sqlite3_changes(s->db) == 0)
		return 0;
	return rc < 0 || take_waiting(s, r->id, e) < 0 ? -1 : 1;
}

/* A record that another site made without knowing the row. */
int conflict_complete(struct store *s, const struct buf *id,
    const struct buf *json, struct err *e)
{
	static const char *const row[] = {"row", NULL};
	sqlite3_stmt *st;
	int rc;

	if (!json || !json->n)
		return 0;
	st = store_stmt(s, ST_CONFLICT_ROW, "UPDATE dialsync_conflict"
	    " SET row = ? WHERE id = ? AND row IS NULL", e);
	if (!st)
		return -1;
	bind_buf(st, 1, json);
	bind_buf(st, 2, id);
	rc = db_run(st, e);
	sqlite3_clear_bindings(st);
	if (rc < 0 || sqlite3_changes(s->db) == 0)
		return rc;
	return log_record(s, id->p, id->n, 0, row, e);
}

static int add(struct store *s, const struct record *r, struct err *e)
{
	int rc;

	if (r->id->failed || r->key->failed)
		return err_set(e, ERR_SYSTEM, "out of memory");
	rc = insert(s, r, e);
	/* no trigger runs on this table: log it by hand */
	if (rc == 1 && log_record(s, r->id->p, r->id->n, LOG_BIRTH, NULL,
		e) < 0)
		return -1;
	if (rc == 0 && conflict_complete(s, r->id, r->row, e) < 0)
		return -1;
	return rc;
}

int conflict_add(struct store *s, const struct conflict *c, struct err *e)
{
	struct buf id = BUF_INIT(SIZE_MAX), key = BUF_INIT(SIZE_MAX);
	struct record r = {.id = &id, .kind = c->kind,
	    .tbl = c->table->name, .key = &key, .field = c->field,
	    .loser = c->loser, .winner = c->winner, .bundle = c->bundle,
	    .row = c->row};
	int rc;

	/* a conflict about a conflict record tells nobody anything */
	if (strcmp(c->table->name, TABLE_CONFLICT) == 0)
		return 0;
	if (c->lost)
		r.lost = *c->lost;
	if (c->won)
		r.won = *c->won;
	key_text(c->table, c->key, &key);
	conflict_id(s, c, &key, &id);
	rc = add(s, &r, e);
	buf_free(&id);
	buf_free(&key);
	return rc;
}

void conflict_parent_id(const struct conflict_parent *p, struct buf *id)
{
	struct buf key = BUF_INIT(SIZE_MAX);

	key_text(p->child, p->key, &key);
	buf_addf(id, "%s|%s|%s|%s|%s", p->child->name, buf_str(&key), p->field,
	    p->parent, p->reference);
	id->failed |= key.failed;
	buf_free(&key);
}

int conflict_parent_add(struct store *s, const struct conflict_parent *p,
    const struct buf *id, struct err *e)
{
	struct buf key = BUF_INIT(SIZE_MAX);
	struct record r = {.id = id, .kind = CONFLICT_PARENT,
	    .tbl = p->child->name, .key = &key, .field = p->field,
	    .loser = p->ref, .winner = p->death, .bundle = p->bundle,
	    .row = p->row};
	int rc;

	r.lost = (struct value){.type = VALUE_TEXT, .p = p->reference,
	    .n = strlen(p->reference)};
	r.won = (struct value){.type = VALUE_TEXT, .p = p->parent,
	    .n = strlen(p->parent)};
	key_text(p->child, p->key, &key);
	rc = add(s, &r, e);
	buf_free(&key);
	return rc;
}

/* ---- settling */

int conflict_settled(struct store *s, const struct buf *id, char how[16],
    struct err *e)
{
	sqlite3_stmt *st = store_stmt(s, ST_CONFLICT_SETTLED,
	    "SELECT settled FROM dialsync_conflict WHERE id = ?", e);
	const char *text = NULL;
	int rc;

	how[0] = '\0';
	if (!st)
		return -1;
	bind_buf(st, 1, id);
	rc = db_step(st, e);
	if (rc == 1)
		text = (const char *)sqlite3_column_text(st, 0);
	if (text) {
		strncpy(how, text, 15);
		how[15] = '\0';
	}
	rc = rc < 0 ? -1 : text != NULL;
	sqlite3_reset(st);
	return rc;
}

int conflict_settle(struct store *s, const struct buf *id, const char *how,
    struct err *e)
{
	static const char *const columns[] = {"settled", "settled_by",
	    "settled_clock", NULL};
	sqlite3_stmt *st = store_stmt(s, ST_CONFLICT_SETTLE,
	    "UPDATE dialsync_conflict SET settled = ?1, settled_by ="
	    " iif(?1 IS NULL, NULL, ?2), settled_clock ="
	    " iif(?1 IS NULL, NULL, ?3) WHERE id = ?4", e);
	int rc;

	if (!st)
		return -1;
	sqlite3_bind_text(st, 1, how, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, s->site, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, clock_wall());
	bind_buf(st, 4, id);
	rc = db_run(st, e);
	sqlite3_clear_bindings(st);
	if (rc < 0 || sqlite3_changes(s->db) == 0)
		return rc;
	return log_record(s, id->p, id->n, 0, columns, e);
}

int conflict_partial(struct store *s, struct table *t,
    const struct value *key, uint64_t *regs, struct err *e)
{
	static const char *const later[] = {"row", "settled", "settled_by",
	    "settled_clock", NULL};
	struct value *values = calloc((size_t)t->ncols, sizeof(*values));
	int rc;

	memset(regs, 0, (size_t)t->words * sizeof(*regs));
	if (!values)
		return err_set(e, ERR_SYSTEM, "out of memory");
	rc = row_read(s, t, key, values, e);
	for (int i = 0; rc == 1 && later[i]; i++) {
		int reg = reg_of(t, later[i]);

		if (reg >= 0 && values[reg - REG_COLUMN].type == VALUE_NULL)
			mask_set(regs, reg);
	}
	row_read_done(t);
	free(values);
	return rc < 0 ? -1 : 0;
}
