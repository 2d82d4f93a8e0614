#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "capture/capture_p.h"
#include "capture/trigger_text.h"

/* The user's triggers while peers' changes are placed.  Triggers are off then
 * (SQLITE_DBCONFIG_ENABLE_TRIGGER): what one writes to a tracked table comes
 * as a change of its own, and would come twice.  What it writes to a table
 * that is not tracked comes from nowhere, so those that write such tables only
 * run as TEMP copies, which that setting leaves on.
 *
 * Copies are on this connection alone and die with it.  A copy runs while the
 * function below says so: a row that a copy's failure refused is placed again
 * without that one (row.c), since it is in its table at every other site. */

#define COPY "dialsync_follow_"

/* One trigger of the user's. */
struct trig {
	char *name, *on;       /* owned; on: as the schema spells it */
	struct trigger_text x; /* borrows from sql */
	char *sql;             /* owned */
	char *why;             /* owned; why it is not copied; NULL: it is */
};

struct follow {
	struct store *s;
	struct trig *list;     /* owned */
	int n;
	void (*tell)(void *arg, const struct capture_unfollowed *);
	void *arg;
};

/* dialsync_follows(i): may copy i run?  Asked when its turn comes. */
static void guard(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct store *s = sqlite3_user_data(c);
	int i = n == 1 ? sqlite3_value_int(v[0]) : -1;
	bool runs = i >= 0 && i < s->nfollow && !s->follow_off[i];

	if (runs)
		s->follow_last = i;
	sqlite3_result_int(c, runs);
}

static void trig_free(struct trig *t)
{
	trigger_text_free(&t->x);
	free(t->name);
	free(t->on);
	free(t->sql);
	free(t->why);
}

static void follow_free(struct follow *f)
{
	for (int i = 0; i < f->n; i++)
		trig_free(&f->list[i]);
	free(f->list);
}

static char *copy(sqlite3_stmt *st, int col)
{
	const char *p = (const char *)sqlite3_column_text(st, col);
	char *c = strdup(p ? p : "");

	if (!c)
		abort();
	return c;
}

/* All triggers of the user's. */
static int load(struct follow *f, struct err *e)
{
	sqlite3_stmt *st = db_prepare(f->s->db, "SELECT name, tbl_name, sql"
	    " FROM main.sqlite_master WHERE type = 'trigger'"
	    " AND name NOT GLOB 'dialsync_*'"
	    " AND tbl_name NOT GLOB 'dialsync_*' ORDER BY name", false, e);
	int rc;

	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1) {
		struct trig *t;

		f->list = realloc(f->list,
		    (size_t)(f->n + 1) * sizeof(*f->list));
		if (!f->list)
			abort();
		t = &f->list[f->n++];
		memset(t, 0, sizeof(*t));
		t->name = copy(st, 0);
		t->on = copy(st, 1);
		t->sql = copy(st, 2);
		if (trigger_text_parse(t->sql, &t->x) < 0)
			t->why = fs_format("its text is not understood");
	}
	sqlite3_finalize(st);
	return rc;
}

static bool tracked(struct store *s, const char *name)
{
	const struct table *t = table_by_name(s, name);

	return t && t->tracked;
}

/* ---- which of them are copied */

/* Why a copy may not write that table; NULL: it may.  malloc'd. */
static int judge_target(struct store *s, const char *name, char **why,
    struct err *e)
{
	sqlite3_stmt *st = db_preparef(s->db, e, "SELECT type, sql FROM"
	    " main.sqlite_master WHERE type IN ('table', 'view')"
	    " AND name = %Q COLLATE NOCASE", name);
	int rc;

	*why = NULL;
	if (!st)
		return -1;
	rc = db_step(st, e);
	if (tracked(s, name))
		*why = fs_format("it writes %s, which is tracked: what it does"
		    " there comes as changes of its own", name);
	else if (!strncasecmp(name, "dialsync_", 9))
		*why = fs_format("it writes %s, which is dialsync's", name);
	else if (rc == 0)
		*why = fs_format("it writes %s, which is not in this"
		    " database", name);
	else if (rc == 1 && !strcmp((const char *)sqlite3_column_text(st, 0),
		"view"))
		*why = fs_format("it writes %s, which is a view", name);
	else if (rc == 1 && sqlite3_column_text(st, 1) && table_text_undoes(
		(const char *)sqlite3_column_text(st, 1)))
		*why = fs_format("it writes %s, whose ON CONFLICT could undo"
		    " more than the one row", name);
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

/* One that writes both kinds of tables cannot be copied by halves. */
static void add_mixed(struct follow *f, struct trig *t)
{
	char *more;

	for (int i = 0; i < t->x.ntargets; i++) {
		if (tracked(f->s, t->x.targets[i]))
			continue;
		more = fs_format("%s; it writes %s, too, which is not: make"
		    " two triggers of it", t->why, t->x.targets[i]);
		free(t->why);
		t->why = more;
		return;
	}
}

static int judge(struct follow *f, struct trig *t, struct err *e)
{
	if (t->why)
		return 0;
	if (t->x.instead)
		t->why = fs_format("it is on a view");
	else if (t->x.ntargets == 0 && t->x.raises)
		t->why = fs_format("it only checks; the site where the row was"
		    " written has checked it");
	else if (t->x.ntargets == 0)
		t->why = fs_format("it writes nothing");
	for (int i = 0; i < t->x.ntargets && !t->why; i++) {
		if (judge_target(f->s, t->x.targets[i], &t->why, e) < 0)
			return -1;
		if (t->why && tracked(f->s, t->x.targets[i]))
			add_mixed(f, t);
	}
	if (!t->why && t->x.raises)
		t->why = fs_format("it may refuse a row (RAISE), which is in"
		    " its table at the other sites; make two triggers of it");
	else if (!t->why && t->x.undoes)
		t->why = fs_format("its OR ROLLBACK or OR FAIL could undo"
		    " more than the one row");
	return 0;
}

/* Rows of that table may change while changes are placed: it is tracked, or a
 * copy writes it. */
static bool reached(const struct follow *f, const char *table,
    const bool *used)
{
	if (tracked(f->s, table))
		return true;
	for (int i = 0; i < f->n; i++)
		for (int k = 0; used[i] && !f->list[i].why &&
		    k < f->list[i].x.ntargets; k++)
			if (!strcasecmp(f->list[i].x.targets[k], table))
				return true;
	return false;
}

/* Judge all; forget those that no change of a peer's could set off. */
static int choose(struct follow *f, struct err *e)
{
	bool *used = calloc((size_t)f->n + 1, sizeof(*used)), more = true;
	int n = 0;

	if (!used)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (int i = 0; i < f->n; i++)
		if (judge(f, &f->list[i], e) < 0) {
			free(used);
			return -1;
		}
	while (more) {
		more = false;
		for (int i = 0; i < f->n; i++)
			if (!used[i] && reached(f, f->list[i].on, used))
				used[i] = more = true;
	}
	/* those that are not used go behind the others, and then away */
	for (int i = 0; i < f->n; i++) {
		struct trig t = f->list[i];

		if (!used[i])
			continue;
		f->list[i] = f->list[n];
		f->list[n++] = t;
	}
	free(used);
	while (f->n > n)
		trig_free(&f->list[--f->n]);
	return 0;
}

/* ---- copies */

static int drop_copies(struct store *s, struct err *e)
{
	sqlite3_stmt *st = db_prepare(s->db, "SELECT name FROM"
	    " temp.sqlite_temp_master WHERE type = 'trigger'"
	    " AND name GLOB '" COPY "*'", false, e);
	struct buf drop = BUF_INIT(SIZE_MAX);
	int rc;

	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1)
		buf_addf(&drop, "DROP TRIGGER temp.%s;",
		    (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	if (rc == 0 && drop.n)
		rc = db_exec(s->db, buf_str(&drop), e);
	buf_free(&drop);
	return rc;
}

static int make_copy(struct follow *f, int i, struct err *e)
{
	struct buf b = BUF_INIT(SIZE_MAX);
	char name[64], guarded[64];
	int rc;

	snprintf(name, sizeof(name), COPY "%d", i);
	snprintf(guarded, sizeof(guarded), "dialsync_follows(%d)", i);
	trigger_text_copy(&f->list[i].x, name, guarded, &b);
	rc = b.failed ? err_set(e, ERR_SYSTEM, "out of memory") :
	    db_exec(f->s->db, buf_str(&b), e);
	buf_free(&b);
	return rc;
}

/* Do the statements on tracked tables compile, which takes the copies in, and
 * what those set off?  A table where they did not before is passed over. */
static bool all_compile(struct store *s, const bool *before, struct err *why)
{
	for (int i = 0; i < s->ntables; i++)
		if (s->tables[i]->present && before[i] &&
		    capture_compiles(s, s->tables[i], why) < 0)
			return false;
	return true;
}

/* All at once, and where that does not work (one calls a function of the
 * application's) each by itself. */
static int make_copies(struct follow *f, const bool *before, struct err *e)
{
	struct err why = ERR_INIT;
	bool works = true;

	for (int i = 0; i < f->n && works; i++)
		works = f->list[i].why || make_copy(f, i, &why) == 0;
	if (works && all_compile(f->s, before, &why))
		return 0;
	if (drop_copies(f->s, e) < 0)
		return -1;
	for (int i = 0; i < f->n; i++) {
		if (f->list[i].why)
			continue;
		err_clear(&why);
		if (make_copy(f, i, &why) == 0 &&
		    all_compile(f->s, before, &why))
			continue;
		f->list[i].why = fs_format("it does not work outside of the"
		    " application (%s)", why.text);
		if (db_execf(f->s->db, e, "DROP TRIGGER IF EXISTS temp."
			COPY "%d", i) < 0)
			return -1;
	}
	return 0;
}

static int make(struct follow *f, struct err *e)
{
	struct store *s = f->s;
	bool *before = calloc((size_t)s->ntables + 1, sizeof(*before));
	struct err none = ERR_INIT;
	int rc;

	free(s->follow_off);
	s->nfollow = f->n;
	s->follow_off = calloc((size_t)f->n + 1, sizeof(bool));
	if (!before || !s->follow_off)
		abort();
	for (int i = 0; i < s->ntables; i++)
		before[i] = f->n && s->tables[i]->present &&
		    capture_compiles(s, s->tables[i], &none) == 0;
	rc = make_copies(f, before, e);
	free(before);
	for (int i = 0; i < f->n && rc == 0; i++) {
		struct trig *t = &f->list[i];
		struct capture_unfollowed u = {t->name, t->on, t->why,
		    (const char *const *)t->x.targets, t->x.ntargets};

		if (t->why && f->tell)
			f->tell(f->arg, &u);
	}
	return rc;
}

static int follow(struct store *s,
    void (*tell)(void *arg, const struct capture_unfollowed *), void *arg,
    struct err *e)
{
	struct follow f = {s, NULL, 0, tell, arg};
	int rc = drop_copies(s, e);

	/* once: SQLite makes no function anew while any statement runs */
	if (rc == 0 && !s->follow_asked) {
		rc = sqlite3_create_function(s->db, "dialsync_follows", 1,
		    SQLITE_UTF8, s, guard, NULL, NULL);
		if (rc != SQLITE_OK)
			rc = db_err(s->db, rc, e, "dialsync_follows()");
		s->follow_asked = rc == 0;
	}
	if (rc == 0)
		rc = load(&f, e);
	if (rc == 0)
		rc = choose(&f, e);
	if (rc == 0)
		rc = make(&f, e);
	follow_free(&f);
	return rc;
}

/* Only what would surprise: why it was not copied, track has told. */
static void tell_broken(void *arg, const struct capture_unfollowed *u)
{
	struct store *s = arg;
	char text[ERR_TEXT_MAX];

	if (!s->warn || strncmp(u->why, "it does not work", 16))
		return;
	snprintf(text, sizeof(text), "trigger %s of table %s does not run for"
	    " changes of peers: %s", u->name, u->table, u->why);
	s->warn(s->warn_arg, text);
}

int capture_follow(struct store *s, struct err *e)
{
	if (s->follow_schema == s->schema &&
	    s->follow_registry == s->registry)
		return 0;
	if (follow(s, tell_broken, s, e) < 0)
		return -1;
	s->follow_schema = s->schema;
	s->follow_registry = s->registry;
	return 0;
}

int capture_unfollow(struct store *s, struct err *e)
{
	s->follow_schema = -1;
	return drop_copies(s, e);
}

int capture_follow_list(struct store *s,
    void (*tell)(void *arg, const struct capture_unfollowed *), void *arg,
    struct err *e)
{
	int on = 1, rc;

	sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, -1, &on);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	rc = follow(s, tell, arg, e);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, on, NULL);
	return capture_unfollow(s, e) < 0 ? -1 : rc;
}
