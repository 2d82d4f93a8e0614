/* dialsync track, dialsync untrack */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"
#include "capture/capture.h"
#include "dialsync/site_cmd.h"

static const char track_usage[] =
    "usage: dialsync track TABLE... | --all [-C DIR]\n"
    "\n"
    "Log every change to these tables from now on, by whatever program it is\n"
    "made.  Again after ALTER TABLE: harmless.\n"
    "\n"
    "  --all     every table that can be tracked, and those made later\n"
    "  -C DIR    the site's directory\n"
    "  -q, -v    be quiet; explain\n"
    "  --help, --version\n";

static const char untrack_usage[] =
    "usage: dialsync untrack TABLE... [-C DIR]\n"
    "\n"
    "Stop logging changes to these tables.  What is known of their rows is\n"
    "kept, and changes that peers send wait until \"dialsync track\".\n"
    "\n"
    "  -C DIR    the site's directory\n"
    "  -q, -v    be quiet; explain\n"
    "  --help, --version\n";

static const struct option longopts[] = {
	{"all", no_argument, NULL, 'a'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

/* What is told once, whatever the number of tables. */
struct told {
	struct buf integer; /* tables with INTEGER PRIMARY KEY */
	int done, failed;
	int code;           /* the first failure's */
};

/* Names of all tables that a user made, one NUL behind each. */
static int list_tables(struct store *s, struct buf *names, struct err *e)
{
	sqlite3_stmt *st = db_prepare(s->db, "SELECT name FROM"
	    " pragma_table_list WHERE schema = 'main' AND type IN"
	    " ('table', 'virtual') AND name NOT GLOB 'sqlite_*'"
	    " AND name NOT GLOB 'dialsync_*' ORDER BY name", false, e);
	int rc;

	if (!st)
		return -1;
	while ((rc = db_step(st, e)) == 1)
		buf_add(names, sqlite3_column_text(st, 0),
		    (size_t)sqlite3_column_bytes(st, 0) + 1);
	sqlite3_finalize(st);
	return rc;
}

/* The table nearest to a name that does not exist; in names, or NULL. */
static const char *nearest_table(const struct buf *names, const char *name)
{
	const char **list;
	const char *near;
	size_t n = 0;

	list = calloc(names->n + 1, sizeof(*list));
	if (!list)
		return NULL;
	for (size_t i = 0; i < names->n; i += strlen(names->p + i) + 1)
		list[n++] = names->p + i;
	near = text_nearest(name, list);
	free(list);
	return near;
}

static void tell_tracked(struct store *s, const char *name, struct told *told)
{
	struct table *t = table_by_name(s, name);
	struct err e = ERR_INIT;
	int64_t nulls = 0;
	int ncols = 0;

	if (!t)
		return;
	/* dropped columns stay registered */
	for (int i = 0; i < t->ncols; i++)
		ncols += t->cols[i].present;
	log_info("%s: tracked, %d column%s", t->name, ncols,
	    ncols == 1 ? "" : "s");
	told->done++;
	if (t->rowid_key)
		buf_addf(&told->integer, "%s%s", told->integer.n ? ", " : "",
		    t->name);
	if (capture_null_keys(s, t, &nulls, &e) == 0 && nulls > 0)
		log_warn("%s: %lld row%s a NULL in the key and cannot be told"
		    " apart; they do not travel; give them keys", t->name,
		    (long long)nulls, nulls == 1 ? " has" : "s have");
}

/* No fold need say again that the table is left out. */
static int told_refused(struct store *s, const char *name, struct err *e)
{
	char *key = fs_format(CAPTURE_META_REFUSED "%s", name);
	int rc = store_meta_set_int(s, key, 1, e);

	free(key);
	return rc;
}

/* One table; what fails is undone and told, the others go on. */
static int track_one(struct store *s, const char *name, bool all,
    struct told *told, struct err *e)
{
	struct err why = ERR_INIT;
	struct buf names = BUF_INIT(SIZE_MAX);
	const char *near = NULL;

	if (db_exec(s->db, "SAVEPOINT track", e) < 0)
		return -1;
	if (capture_track(s, name, &why) == 0) {
		tell_tracked(s, name, told);
		return db_exec(s->db, "RELEASE track", e);
	}
	/* on a full disk SQLite has rolled back everything by itself */
	if (!sqlite3_get_autocommit(s->db) &&
	    (db_exec(s->db, "ROLLBACK TO track; RELEASE track", e) < 0 ||
		tables_load(s, e) < 0))
		return -1;
	if (sqlite3_get_autocommit(s->db) || (why.kind != ERR_DATA && why.kind != ERR_USAGE)) {
		*e = why;
		return -1;
	}
	if (all) {
		log_warn("%s; it is left out", why.text);
		return told_refused(s, name, e);
	}
	if (why.kind == ERR_USAGE && list_tables(s, &names, e) == 0)
		near = nearest_table(&names, name);
	if (near)
		err_set(&why, ERR_USAGE, "there is no table %s in this"
		    " database; did you mean %s?", name, near);
	told->code = told->code ? told->code : err_exit_code(&why);
	told->failed++;
	log_err(&why, near ? NULL : "it is not tracked");
	buf_free(&names);
	return 0;
}

static int track_all(struct store *s, struct told *told, struct err *e)
{
	struct buf names = BUF_INIT(SIZE_MAX);
	int rc = list_tables(s, &names, e);

	for (size_t i = 0; rc == 0 && i < names.n;
	     i += strlen(names.p + i) + 1)
		rc = track_one(s, names.p + i, true, told, e);
	buf_free(&names);
	if (rc == 0)
		rc = store_meta_set_int(s, CAPTURE_META_ALL, 1, e);
	return rc;
}

static void tell_all(const struct told *told, bool all)
{
	if (told->integer.n)
		log_warn("%s: INTEGER PRIMARY KEY: two sites that insert at"
		    " the same time take the same numbers, and then one row"
		    " wins and the other is a conflict; better keys are UUIDs,"
		    " or the site's name and a number", told->integer.p);
	if (all)
		log_info("%d table%s tracked; later ones will be, too",
		    told->done, told->done == 1 ? " is" : "s are");
}

/* ---- triggers of the user's */

struct asked {
	char **names;  /* tables of the command; n = 0: all */
	int n;
};

static bool concerns(const struct asked *a, const char *table)
{
	for (int i = 0; i < a->n; i++)
		if (!strcasecmp(a->names[i], table))
			return true;
	return a->n == 0;
}

/* One that does not run for changes of peers, if it has to do with a table of
 * the command. */
static void tell_unfollowed(void *arg, const struct capture_unfollowed *u)
{
	bool told = concerns(arg, u->table);

	for (int i = 0; i < u->ntargets && !told; i++)
		told = concerns(arg, u->targets[i]);
	if (told)
		log_info("%s: trigger %s does not run for changes that come"
		    " from peers: %s", u->table, u->name, u->why);
}

static int run_track(struct site *site, char **names, int n, bool all)
{
	struct store *s = site->store;
	struct told told = {BUF_INIT(SIZE_MAX), 0, 0, 0};
	struct asked asked = {names, all ? 0 : n};
	struct err e = ERR_INIT;
	int rc = store_begin(s, &e);

	if (rc == 0 && all)
		rc = track_all(s, &told, &e);
	for (int i = 0; rc == 0 && i < n; i++)
		rc = track_one(s, names[i], false, &told, &e);
	if (rc == 0)
		rc = capture_follow_list(s, tell_unfollowed, &asked, &e);
	if (rc == 0)
		rc = store_commit(s, &e);
	if (rc < 0) {
		store_rollback(s);
		told.code = log_err(&e, e.kind == ERR_BUSY ?
		    "nothing was changed; try again" : "nothing was changed");
	} else {
		tell_all(&told, all);
	}
	buf_free(&told.integer);
	return told.code;
}

int cmd_track(int argc, char **argv)
{
	struct site_options o = {"dialsync track", track_usage, NULL,
	    argv, longopts};
	struct site site;
	bool all = false;
	int c, code;

	log_init(o.program, site_verbosity());
	while ((c = getopt_long(argc, argv, SITE_SHORT, longopts, NULL)) !=
	    -1) {
		if (c == 'a')
			all = true;
		else if ((code = site_option(&o, c)) >= 0)
			return code;
	}
	if (all == (optind < argc))
		return site_usage(&o, all ? "--all and table names exclude each"
		    " other" : "no table is named");
	code = site_begin(&site, &o);
	if (code)
		return code;
	code = run_track(&site, argv + optind, argc - optind, all);
	site_close(&site);
	return code;
}

static int run_untrack(struct site *site, char **names, int n)
{
	struct store *s = site->store;
	struct err e = ERR_INIT;
	int code = 0;

	/* what is logged already is not lost with the tracking */
	if (capture_fold_begin(s, &e) < 0)
		return log_err(&e, "nothing was changed; try again");
	for (int i = 0; i < n; i++) {
		if (capture_untrack(s, names[i], &e) == 0) {
			log_info("%s: changes are logged no more; what is known"
			    " of its rows is kept", names[i]);
			continue;
		}
		if (e.kind != ERR_USAGE) {
			store_rollback(s);
			return log_err(&e, "nothing was changed");
		}
		code = log_err(&e, "nothing is to be done for it");
	}
	if (store_commit(s, &e) < 0)
		return log_err(&e, "nothing was changed");
	return code;
}

int cmd_untrack(int argc, char **argv)
{
	struct site_options o = {"dialsync untrack", untrack_usage, NULL,
	    argv, longopts};
	struct site site;
	int c, code;

	log_init(o.program, site_verbosity());
	while ((c = getopt_long(argc, argv, SITE_SHORT, longopts + 1, NULL)) !=
	    -1)
		if ((code = site_option(&o, c)) >= 0)
			return code;
	if (optind == argc)
		return site_usage(&o, "no table is named");
	code = site_begin(&site, &o);
	if (code)
		return code;
	code = run_untrack(&site, argv + optind, argc - optind);
	site_close(&site);
	return code;
}
