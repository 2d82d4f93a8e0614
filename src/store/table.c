#include "config.h"

/* In dialsync_meta, and behind it "TABLE:PEER:NAME": a column's name of before,
 * and the local sequence that was packed for the peer when it was renamed. */
#define META_RENAMED "renamed:"

#include "store/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "store/foreign.h"
#include "store/row_p.h"
#include "store/store_p.h"

/* ---- the registry in memory */

static void table_free(struct table *t)
{
	if (!t)
		return;
	row_statements_free(t);
	if (t->unique)
		t->unique_free(t->unique);
	for (int i = 0; i < t->ncols; i++) {
		free(t->cols[i].name);
		free(t->cols[i].dflt);
	}
	free(t->cols);
	free(t->name);
	free(t);
}

void tables_free(struct store *s)
{
	foreign_free(s); /* its statements and pointers are of these */
	for (int i = 0; i < s->ntables; i++)
		table_free(s->tables[i]);
	free(s->tables);
	s->tables = NULL;
	s->ntables = 0;
}

struct table *table_by_id(struct store *s, int64_t id)
{
	for (int i = 0; i < s->ntables; i++)
		if (s->tables[i]->id == id)
			return s->tables[i];
	return NULL;
}

struct table *table_by_name(struct store *s, const char *name)
{
	/* SQLite folds ASCII in names, nothing else */
	for (int i = 0; i < s->ntables; i++)
		if (s->tables[i]->width == 0 &&
		    strcasecmp(s->tables[i]->name, name) == 0)
			return s->tables[i];
	return NULL;
}

struct table *table_by_alias(struct store *s, const char *name)
{
	struct err none = ERR_INIT;
	sqlite3_stmt *st = db_preparef(s->db, &none, "SELECT t FROM"
	    " dialsync_alias WHERE r = 0 AND name = %Q", name);
	struct table *t = NULL;

	if (st && db_step(st, &none) == 1)
		t = table_by_id(s, sqlite3_column_int64(st, 0));
	sqlite3_finalize(st);
	return t;
}

struct table *table_waiting_find(struct store *s, const char *name, int nkey)
{
	for (int i = 0; i < s->ntables; i++)
		if (s->tables[i]->width == nkey &&
		    strcasecmp(s->tables[i]->name, name) == 0)
			return s->tables[i];
	return NULL;
}

/* A copy, or NULL for NULL. */
static char *copy_text(const unsigned char *p)
{
	char *c = p ? strdup((const char *)p) : NULL;

	if (p && !c)
		abort();
	return c;
}

/* A registered column at the end of t->cols. */
static int column_append(struct table *t, const char *name, struct err *e)
{
	struct column *c;

	if (t->ncols >= TABLE_COLUMNS_MAX)
		return err_set(e, ERR_DATA, "table %s: more than %d columns"
		    " were ever registered", t->name, TABLE_COLUMNS_MAX);
	c = realloc(t->cols, (size_t)(t->ncols + 1) * sizeof(*c));
	if (!c)
		return err_set(e, ERR_SYSTEM, "out of memory");
	t->cols = c;
	c += t->ncols;
	memset(c, 0, sizeof(*c));
	c->name = strdup(name);
	if (!c->name)
		return err_set(e, ERR_SYSTEM, "out of memory");
	t->ncols++;
	t->words = (t->ncols + REG_COLUMN + MASK_BITS - 1) / MASK_BITS;
	return 0;
}

static int load_columns(struct store *s, struct table *t, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e,
	    "SELECT r, name, here FROM dialsync_column WHERE t = %lld ORDER BY r",
	    (long long)t->id);
	int rc;

	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1) {
		if (sqlite3_column_int64(st, 0) != t->ncols + REG_COLUMN) {
			rc = err_set(e, ERR_DATA, "dialsync_column is damaged"
			    " for table %s", t->name);
			break;
		}
		rc = column_append(t,
		    (const char *)sqlite3_column_text(st, 1), e);
		if (rc < 0)
			break;
		t->cols[t->ncols - 1].here = sqlite3_column_int(st, 2);
	}
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

int table_find_column(const struct table *t, const char *name)
{
	for (int i = 0; i < t->ncols; i++)
		if (strcasecmp(t->cols[i].name, name) == 0)
			return i;
	return -1;
}

/* ---- the schema as it is now */

/* Collations of the key's columns.  A rowid key has none. */
static int load_key_collations(struct store *s, struct table *t,
    struct err *e)
{
	for (int i = 0; i < t->nkey; i++) {
		struct column *c = &t->cols[t->key[i]];
		const char *coll = NULL;
		int rc = sqlite3_table_column_metadata(s->db, "main", t->name,
		    c->name, NULL, &coll, NULL, NULL, NULL);

		if (rc != SQLITE_OK)
			return db_err(s->db, rc, e, t->name);
		c->coll = !coll || strcasecmp(coll, "BINARY") == 0
		    ? COLL_BINARY
		    : strcasecmp(coll, "NOCASE") == 0 ? COLL_NOCASE
		    : strcasecmp(coll, "RTRIM") == 0  ? COLL_RTRIM
						      : COLL_OTHER;
		if (c->coll == COLL_OTHER)
			t->present = false;
	}
	return 0;
}

/* Is the key the rowid itself?  Then no index stands for it: true neither of
 * a WITHOUT ROWID table nor of INTEGER PRIMARY KEY DESC. */
static int load_rowid_key(struct store *s, struct table *t, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e,
	    "SELECT 1 FROM pragma_index_list(%Q) WHERE origin = 'pk'",
	    t->name);
	int rc = st ? db_step(st, e) : -1;

	sqlite3_finalize(st);
	t->rowid_key = t->nkey == 1 && rc == 0;
	return rc < 0 ? -1 : 0;
}

/* Does the schema say ON CONFLICT somewhere?  A comment that does is taken for
 * it, which does no harm. */
static int load_policy(struct store *s, struct table *t, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e, "SELECT sql LIKE"
	    " '%%conflict%%' FROM sqlite_master WHERE type = 'table'"
	    " AND name = %Q COLLATE NOCASE", t->name);
	int rc = st ? db_step(st, e) : -1;

	t->policy = rc == 1 && sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

/* https://www.sqlite.org/datatype3.html, section 3.1; only in a STRICT table
 * ANY is no number. */
const char *table_affinity(const char *type, bool strict)
{
	if (strict && !strcasecmp(type, "ANY"))
		return "BLOB";
	if (strcasestr(type, "INT"))
		return "INTEGER";
	if (strcasestr(type, "CHAR") || strcasestr(type, "CLOB") ||
	    strcasestr(type, "TEXT"))
		return "TEXT";
	if (!*type || strcasestr(type, "BLOB"))
		return "BLOB";
	if (strcasestr(type, "REAL") || strcasestr(type, "FLOA") ||
	    strcasestr(type, "DOUB"))
		return "REAL";
	return "NUMERIC";
}

/* Match the table's present columns to the registered ones; hidden and
 * generated ones (hidden > 0) do not travel. */
static int load_present(struct store *s, struct table *t, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e,
	    "SELECT name, \"notnull\", dflt_value, pk, type,"
	    " CASE WHEN upper(type) = 'ANY' THEN (SELECT strict FROM"
	    " pragma_table_list(%Q) WHERE schema = 'main') END FROM"
	    " pragma_table_xinfo(%Q) WHERE hidden = 0", t->name, t->name);
	bool whole = true;
	int rc, nkey = 0;

	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1) {
		int i = table_find_column(t, (const char *)sqlite3_column_text(st, 0));
		int pk = sqlite3_column_int(st, 3);

		if (i < 0) {
			/* not registered yet: capture_refresh; by a part of
			 * its key no row could be told from others */
			whole &= pk == 0;
			continue;
		}
		t->present = true;
		t->cols[i].present = true;
		t->cols[i].notnull = sqlite3_column_int(st, 1) != 0;
		t->cols[i].dflt = copy_text(sqlite3_column_text(st, 2));
		t->cols[i].affinity = table_affinity(
		    (const char *)sqlite3_column_text(st, 4),
		    sqlite3_column_int(st, 5));
		t->cols[i].keypos = pk;
		if (pk > 0 && pk <= 16) {
			t->key[pk - 1] = i;
			nkey = pk > nkey ? pk : nkey;
		}
	}
	sqlite3_finalize(st);
	if (rc < 0)
		return -1;
	if (nkey == 0 || !whole)
		t->present = false; /* gone, or made anew without a key */
	if (!t->present)
		return 0;
	t->nkey = nkey;
	return load_rowid_key(s, t, e) < 0 || load_policy(s, t, e) < 0 ? -1 :
	    load_key_collations(s, t, e);
}

/* What both sides would have to agree on for rows to fit. */
static void fingerprint(struct table *t)
{
	uLong crc = crc32(0, (const Bytef *)t->name, (uInt)strlen(t->name));

	memset(&t->all, 0, sizeof(t->all));
	mask_set(t->all.w, REG_LIFE);
	mask_set(t->all.w, REG_SPELLING);
	for (int i = 0; i < t->ncols; i++) {
		struct column *c = &t->cols[i];
		unsigned char b[3] = {c->notnull, (unsigned char)c->keypos,
		    (unsigned char)c->coll};

		if (!c->present)
			continue;
		/* the key has one register, its spelling */
		if (!c->keypos)
			mask_set(t->all.w, i + REG_COLUMN);
		crc = crc32(crc, (const Bytef *)c->name,
		    (uInt)strlen(c->name) + 1);
		crc = crc32(crc, b, sizeof(b));
	}
	t->print = (uint32_t)crc;
}

static int load_one(struct store *s, sqlite3_stmt *st, struct err *e)
{
	struct table *t = calloc(1, sizeof(*t)), **p;

	p = realloc(s->tables, (size_t)(s->ntables + 1) * sizeof(*p));
	if (p)
		s->tables = p;
	if (!t || !p) {
		free(t);
		return err_set(e, ERR_SYSTEM, "out of memory");
	}
	s->tables[s->ntables++] = t;
	t->id = sqlite3_column_int64(st, 0);
	t->name = copy_text(sqlite3_column_text(st, 1));
	t->tracked = sqlite3_column_int(st, 2) != 0;
	t->nkey = sqlite3_column_int(st, 3);
	t->width = sqlite3_column_int(st, 4);
	snprintf(t->frag_coll, sizeof(t->frag_coll), "%s",
	    (const char *)sqlite3_column_text(st, 5));
	t->words = 1;
	if (t->nkey < 0 || t->nkey > 16)
		t->nkey = 0;
	t->frag_nkey = t->nkey;
	if (load_columns(s, t, e) < 0)
		return -1;
	/* a table that is not tracked is as good as not here: its changes
	 * are parked until it is */
	if (t->tracked && load_present(s, t, e) < 0)
		return -1;
	fingerprint(t);
	return 0;
}

int tables_load(struct store *s, struct err *e)
{
	sqlite3_stmt *st;
	int rc;

	tables_free(s);
	if (store_meta_int(s, "registry", 0, &s->registry, e) < 0)
		return -1;
	if (db_int(s->db, "PRAGMA schema_version", 0, &s->schema, e) < 0)
		return -1;
	st = db_prepare(s->db,
	    "SELECT t, name, tracked, nkey, width, coll FROM dialsync_table"
	    " ORDER BY t", false, e);
	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1)
		if ((rc = load_one(s, st, e)) < 0)
			break;
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

/* ---- registration */

/* Read one table's entry again after a change to it. */
static int reload(struct store *s, const char *name, struct table **t,
    struct err *e)
{
	if (tables_load(s, e) < 0)
		return -1;
	*t = table_by_name(s, name);
	return *t ? 0 : err_set(e, ERR_CALLER, "table %s vanished", name);
}

int table_register(struct store *s, const char *name, struct table **out,
    struct err *e)
{
	if (!table_by_name(s, name) &&
	    db_execf(s->db, e,
		"INSERT INTO dialsync_table(name) VALUES(%Q)", name) < 0)
		return -1;
	/* new columns get the next numbers; old ones keep theirs */
	if (db_execf(s->db, e,
		"INSERT INTO dialsync_column(t, r, name)"
		" SELECT d.t, coalesce((SELECT max(r) + 1 FROM dialsync_column"
		"   WHERE t = d.t), 2) + row_number() OVER (ORDER BY x.cid) - 1,"
		"  x.name FROM dialsync_table d, pragma_table_xinfo(%Q) x"
		" WHERE d.name = %Q AND d.width = 0 AND x.hidden = 0 AND NOT EXISTS"
		"  (SELECT 1 FROM dialsync_column c WHERE c.t = d.t"
		"   AND c.name = x.name COLLATE NOCASE) AND NOT EXISTS"
		"  (SELECT 1 FROM dialsync_alias a WHERE a.t = d.t AND a.r > 0"
		"   AND a.name = x.name)", name, name) < 0)
		return -1;
	if (registry_moved(s, e) < 0)
		return -1;
	return reload(s, name, out, e);
}

int table_old_column(sqlite3 *db, const struct table *t, const char *name)
{
	sqlite3_stmt *st = db_preparef(db, NULL, "SELECT r FROM dialsync_alias"
	    " WHERE t = %lld AND r > 0 AND name = %Q", (long long)t->id, name);
	int col = st && db_step(st, NULL) == 1
	    ? sqlite3_column_int(st, 0) - REG_COLUMN : -1;

	sqlite3_finalize(st);
	return col < t->ncols ? col : -1;
}

/* The same, where what cannot be read is an error. */
static int old_name(struct store *s, const struct table *t, const char *name,
    int *col, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e, "SELECT r FROM dialsync_alias"
	    " WHERE t = %lld AND r > 0 AND name = %Q", (long long)t->id, name);
	int rc = st ? db_step(st, e) : -1;

	*col = rc == 1 ? sqlite3_column_int(st, 0) - REG_COLUMN : -1;
	if (*col >= t->ncols)
		*col = -1;
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

int table_schema(struct store *s, int64_t *mark, struct err *e)
{
	uLong crc = crc32(0, NULL, 0);
	sqlite3_stmt *st;
	int64_t now;
	int rc = 1;

	if (db_int(s->db, "PRAGMA schema_version", 0, &now, e) < 0)
		return -1;
	*mark = s->mark;
	if (s->mark && s->marked == now)
		return 0;
	st = db_prepare(s->db, "SELECT name, sql FROM sqlite_master"
	    " ORDER BY rowid", false, e);
	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1)
		for (int i = 0; i < 2; i++) {
			const void *p = sqlite3_column_blob(st, i);
			int n = sqlite3_column_bytes(st, i);

			crc = crc32(crc, p ? p : "", p ? (uInt)n : 1);
		}
	sqlite3_finalize(st);
	s->marked = now;
	*mark = s->mark = (int64_t)((uint64_t)(now & INT32_MAX) << 32 | crc);
	return rc;
}

int table_renamed(struct store *s, struct table *t, int col, const char *name,
    struct err *e)
{
	long long id = (long long)t->id;
	int rc;

	if (col >= 0)
		rc = db_execf(s->db, e, "INSERT OR REPLACE INTO dialsync_meta"
		    " SELECT '" META_RENAMED "' || c.t || ':' || p.p || ':' ||"
		    " lower(c.name), p.mark FROM dialsync_column c,"
		    " dialsync_peer p WHERE c.t = %lld AND c.r = %d;"
		    " INSERT OR IGNORE INTO dialsync_alias"
		    " SELECT name, t, r FROM dialsync_column WHERE t = %lld"
		    " AND r = %d; DELETE FROM dialsync_alias WHERE t = %lld"
		    " AND r > 0 AND name = %Q; UPDATE dialsync_column"
		    " SET name = %Q WHERE t = %lld AND r = %d", id,
		    col + REG_COLUMN, id, col + REG_COLUMN, id, name, name,
		    id, col + REG_COLUMN);
	else
		rc = db_execf(s->db, e, "INSERT OR IGNORE INTO dialsync_alias"
		    " VALUES(%Q, %lld, 0); DELETE FROM dialsync_alias WHERE"
		    " r = 0 AND name = %Q; UPDATE dialsync_table SET name = %Q"
		    " WHERE t = %lld", t->name, id, name, name, id);
	return rc < 0 ? -1 : registry_moved(s, e);
}

int table_told(struct store *s, const struct table *t, const char *old,
    int64_t peer, int64_t *seq, struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e, "SELECT v FROM dialsync_meta"
	    " WHERE k = '" META_RENAMED "%lld:%lld:' || lower(%Q)",
	    (long long)t->id, (long long)peer, old);
	int rc = st ? db_step(st, e) : -1;

	/* a peer that was added since was told nothing before */
	*seq = rc == 1 ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

int table_told_again(struct store *s, int64_t peer, int64_t seq,
    struct err *e)
{
	return db_execf(s->db, e, "UPDATE dialsync_meta SET v = %lld WHERE k"
	    " GLOB '" META_RENAMED "*:%lld:*' AND v > %lld", (long long)seq,
	    (long long)peer, (long long)seq);
}

int table_seen(struct store *s, struct table *t, struct err *e)
{
	for (int i = 0; i < t->ncols; i++) {
		struct column *c = &t->cols[i];
		int here = c->present ? 1 + c->keypos : 0;

		if (c->here != here && db_execf(s->db, e,
			"UPDATE dialsync_column SET here = %d WHERE t = %lld"
			" AND r = %d", here, (long long)t->id,
			i + REG_COLUMN) < 0)
			return -1;
		c->here = here;
	}
	return 0;
}

int table_column(struct store *s, struct table *t, const char *name, int *col,
    struct err *e)
{
	*col = table_find_column(t, name);
	if (*col < 0 && old_name(s, t, name, col, e) < 0)
		return -1;
	if (*col >= 0)
		return 0;
	if (t->ncols >= TABLE_COLUMNS_MAX)
		return err_set(e, ERR_DATA, "table %s: more than %d columns"
		    " were ever registered", t->name, TABLE_COLUMNS_MAX);
	if (db_execf(s->db, e, "INSERT INTO dialsync_column(t, r, name)"
			       " VALUES(%lld, %d, %Q)", (long long)t->id,
		t->ncols + REG_COLUMN, name) < 0)
		return -1;
	*col = t->ncols;
	if (registry_moved(s, e) < 0)
		return -1;
	return column_append(t, name, e);
}

int table_set_tracked(struct store *s, struct table *t, bool tracked,
    struct err *e)
{
	char *name = strdup(t->name);
	struct table *again;
	int rc;

	if (!name)
		return err_set(e, ERR_SYSTEM, "out of memory");
	rc = db_execf(s->db, e,
	    "UPDATE dialsync_table SET tracked = %d WHERE t = %lld",
	    tracked, (long long)t->id);
	if (rc == 0)
		rc = registry_moved(s, e);
	if (rc == 0)
		rc = reload(s, name, &again, e);
	free(name);
	return rc;
}

int table_waiting(struct store *s, const char *name, int nkey,
    struct table **out, struct err *e)
{
	char *copy = strdup(name);
	int rc = -1;

	if (!copy)
		return err_set(e, ERR_SYSTEM, "out of memory");
	*out = table_waiting_find(s, copy, nkey);
	if (*out)
		rc = 0;
	else if (db_execf(s->db, e, "INSERT INTO dialsync_table(name, nkey,"
		" width) VALUES(%Q, %d, %d)", copy, nkey, nkey) == 0 &&
	    registry_moved(s, e) == 0 && tables_load(s, e) == 0) {
		*out = table_waiting_find(s, copy, nkey);
		rc = *out ? 0 : err_set(e, ERR_CALLER, "table %s vanished",
		    copy);
	}
	free(copy);
	return rc;
}

void table_key_coll(const struct table *t, char coll[17])
{
	memset(coll, 0, 17);
	for (int i = 0; i < t->nkey; i++)
		coll[i] = t->cols[t->key[i]].coll == COLL_NOCASE ? 'N' :
		    t->cols[t->key[i]].coll == COLL_RTRIM ? 'R' : 'B';
	if (!strpbrk(coll, "NR"))
		coll[0] = '\0';
}

int table_key_taken(struct store *s, struct table *t, struct err *e)
{
	t->frag_nkey = t->nkey;
	table_key_coll(t, t->frag_coll);
	return db_execf(s->db, e, "UPDATE dialsync_table SET nkey = %d,"
	    " coll = %Q WHERE t = %lld", t->nkey, t->frag_coll,
	    (long long)t->id);
}

/* ---- refusal */

/* The first key column with a collation that we cannot fold, or NULL. */
static char *odd_collation(struct store *s, const char *name)
{
	struct err e = ERR_INIT;
	sqlite3_stmt *st = db_preparef(s->db, &e,
	    "SELECT name FROM pragma_table_xinfo(%Q) WHERE pk > 0", name);
	char *odd = NULL;

	while (st && !odd && db_step(st, &e) == 1) {
		const char *coll = NULL;
		const char *col = (const char *)sqlite3_column_text(st, 0);

		sqlite3_table_column_metadata(s->db, "main", name, col, NULL,
		    &coll, NULL, NULL, NULL);
		if (coll && strcasecmp(coll, "BINARY") != 0 &&
		    strcasecmp(coll, "NOCASE") != 0 &&
		    strcasecmp(coll, "RTRIM") != 0)
			odd = strdup(col);
	}
	sqlite3_finalize(st);
	return odd;
}

static char *reason(const char *fmt, const char *a, const char *b)
{
	char *m = sqlite3_mprintf(fmt, a, b), *out;

	out = m ? strdup(m) : NULL;
	sqlite3_free(m);
	if (!out)
		abort();
	return out;
}

char *table_refusal(struct store *s, const char *name)
{
	struct err e = ERR_INIT;
	sqlite3_stmt *st = db_preparef(s->db, &e,
	    "SELECT l.type, (SELECT count(*) FROM pragma_table_xinfo(l.name)"
	    " WHERE pk > 0), l.ncol FROM pragma_table_list(%Q) l"
	    " WHERE l.schema = 'main'", name);
	char type[20] = "", *odd, *why = NULL;
	int64_t npk = 0, ncols = 0;

	if (st && db_step(st, &e) == 1) {
		snprintf(type, sizeof(type), "%s",
		    (const char *)sqlite3_column_text(st, 0));
		npk = sqlite3_column_int64(st, 1);
		ncols = sqlite3_column_int64(st, 2);
	}
	sqlite3_finalize(st);
	if (strncasecmp(name, "sqlite_", 7) == 0 ||
	    strncasecmp(name, "dialsync_", 9) == 0)
		return reason("table %s belongs to the system", name, "");
	if (!type[0])
		return reason("there is no table %s in this database", name,
		    "");
	if (strcmp(type, "view") == 0)
		return reason("%s is a view; track the tables behind it", name,
		    "");
	if (strcmp(type, "table") != 0)
		return reason("%s is a %s table; track the table that it is"
			      " made from", name, type);
	if (npk == 0)
		return reason("table %s has no primary key, so its rows cannot"
			      " be told apart; give it one: create a table with"
			      " a PRIMARY KEY, copy the rows, drop the old one,"
			      " rename the new one", name, "");
	if (ncols > TABLE_COLUMNS_MAX)
		return reason("table %s has more columns than can be tracked",
		    name, "");
	if (npk > 16)
		return reason("table %s has more than 16 key columns", name,
		    "");
	odd = odd_collation(s, name);
	if (odd) {
		why = reason("key column %s of table %s has a collation of the"
			     " application's own; use BINARY, NOCASE or RTRIM",
		    odd, name);
		free(odd);
	}
	return why;
}
