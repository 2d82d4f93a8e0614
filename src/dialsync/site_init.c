/* dialsync init: a site around a database that exists.
 *
 * dialsync.conf is written first and says which site the directory is; the
 * database gets its tables last, in one transaction.  Stopped in between, the
 * same command run again finds its own dialsync.conf and goes on. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"
#include "capture/capture.h"
#include "capture/identity.h"
#include "config/config_edit.h"
#include "dialsync/site_cmd.h"
#include "dialsync/site_identity.h"

static const char usage[] =
    "usage: dialsync init NAME --database FILE [--copy] [-C DIR]\n"
    "\n"
    "Make a site of this name around a database that exists, in ./NAME.\n"
    "\n"
    "  --database FILE  the SQLite database, relative to where you stand\n"
    "  --copy           FILE is a copy of another site's database: give it an\n"
    "                   identity of its own\n"
    "  -C DIR           make the site in DIR\n"
    "  -q, -v           be quiet; explain\n"
    "  --help, --version\n";

struct init {
	const char *name;
	const char *file;  /* as given */
	bool copy;
	char *dir;         /* owned */
	char *real;        /* owned; file, absolute */
	char *conf;        /* owned; path of dialsync.conf */
	bool again;        /* dialsync.conf is there, from a run before */
	bool rename;       /* it is there, copied with the database: of the
			    * site that was */
};

static void init_free(struct init *in)
{
	free(in->dir);
	free(in->real);
	free(in->conf);
}

/* The database's path as dialsync.conf should have it: relative where it is in
 * the site's directory or beside it, so that both can be moved together. */
static int conf_database(const struct init *in, char **out, struct err *e)
{
	char *dir = realpath(in->dir, NULL), *slash;
	size_t n;

	if (!dir)
		return err_sys(e, "realpath %s", in->dir);
	n = strlen(dir);
	*out = NULL;
	if (!strncmp(in->real, dir, n) && in->real[n] == '/')
		*out = fs_format("%s", in->real + n + 1);
	slash = strrchr(dir, '/');
	n = (size_t)(slash - dir);
	if (!*out && n > 0 && !strncmp(in->real, dir, n + 1))
		*out = fs_format("../%s", in->real + n + 1);
	if (!*out)
		*out = fs_format("%s", in->real);
	free(dir);
	return 0;
}

/* Is the dialsync.conf that is there the one that this command would write, or
 * one that was copied together with the database and gets another name? */
static int same_site(struct init *in, struct err *e)
{
	struct config *cfg;
	char *db, *real;
	bool same;

	if (config_read(in->conf, &cfg, NULL, e) < 0)
		return err_add(e, "there is a site already");
	db = site_database(in->dir, cfg);
	real = realpath(db, NULL);
	same = real && !strcmp(real, in->real);
	in->rename = same && in->copy && strcmp(cfg->site.name, in->name);
	same = same && (in->rename || !strcmp(cfg->site.name, in->name));
	free(db);
	free(real);
	if (!same)
		err_set(e, ERR_USAGE, "there is a site already: %s is of site"
		    " %s with database %s; nothing was changed; choose another"
		    " directory with -C", in->conf, cfg->site.name,
		    cfg->site.database);
	config_free(cfg);
	in->again = same;
	return same ? 0 : -1;
}

/* One of the directories of the site that it was. */
static int put_aside(const struct init *in, const char *dir,
    const char *site, bool keys, struct err *e)
{
	char *from = fs_join(in->dir, dir);
	char *to = fs_format("%s.of-%s", from, site);
	int rc = 0;

	if (rename(from, to) < 0) {
		if (errno != ENOENT)
			rc = err_sys(e, "rename %s to %s", from, to);
	} else if (keys) {
		log_warn("%s is now %s: they are %s's, and no peer takes them"
		    " from %s; delete it, and share new keys with \"dialsync"
		    " peer NAME --new-key\"", from, to, site, in->name);
	} else {
		log_warn("%s is now %s: its bundles were %s's; delete it when"
		    " %s has them, too", from, to, site, site);
	}
	free(from);
	free(to);
	return rc;
}

/* A whole site was copied: this one gets its own name.  What lies in its spool
 * was packed by, or for, the site that it was; the original has all of it.  Its
 * keys are shared by the original and its peers, and by nobody else. */
static int rename_site(const struct init *in, const char *site, struct err *e)
{
	const char *const name[] = {in->name, NULL};
	const struct config_edit edit = {"name", name};
	int rc = put_aside(in, SPOOL_OUTBOX, site, false, e);

	if (rc == 0)
		rc = put_aside(in, SPOOL_INBOX, site, false, e);
	if (rc == 0)
		rc = put_aside(in, "keys", site, true, e);
	return rc < 0 ? -1 : config_edit_set_site(in->conf, &edit, 1, e);
}

static int write_conf(struct init *in, const char *site, struct err *e)
{
	struct buf text = BUF_INIT(1 << 20);
	char *database = NULL;
	int rc;

	if (in->rename)
		return rename_site(in, site, e);
	if (in->again)
		return 0;
	if (conf_database(in, &database, e) < 0)
		return -1;
	rc = config_template(&text, in->name, database, e);
	if (rc == 0)
		rc = fs_replace(in->conf, buf_str(&text), text.n, 0644, e);
	free(database);
	buf_free(&text);
	return rc;
}

/* The site's name in the database; out "" when it has none. */
static int database_site(sqlite3 *db, char out[TEXT_NAME_MAX + 1],
    struct err *e)
{
	sqlite3_stmt *st;
	int64_t n;
	int rc;

	out[0] = '\0';
	if (db_int(db, "SELECT count(*) FROM sqlite_master WHERE name ="
	    " 'dialsync_meta'", 0, &n, e) < 0)
		return -1;
	if (n == 0)
		return 0;
	st = db_prepare(db, "SELECT v FROM dialsync_meta WHERE k = 'site'",
	    false, e);
	if (!st)
		return -1;
	rc = db_step(st, e);
	if (rc == 1)
		snprintf(out, TEXT_NAME_MAX + 1, "%s",
		    (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

/* May this command go on with a database that has this site's name? */
static int check_site(const struct init *in, const char *site, struct err *e)
{
	if (*site && !strcmp(site, in->name)) {
		if (in->again)
			return err_set(e, ERR_USAGE, "there is a site"
			    " already: %s is complete in %s; nothing was changed; go on with \"dialsync track\"",
			    in->name, in->dir);
		return err_set(e, ERR_USAGE, "%s is the database of a site %s"
		    " already; nothing was changed; %s", in->file, site,
		    in->copy ? "give the copy a name of its own" :
		    "a second site needs a copy of it and a name of its own");
	}
	if (*site && !in->copy)
		return err_set(e, ERR_USAGE, "%s is the database of site %s;"
		    " nothing was changed; if it is a copy of that site's,"
		    " add --copy", in->file, site);
	if (!*site && in->copy)
		return err_set(e, ERR_DATA, "%s has no dialsync tables, so it"
		    " is no copy of a site's database; nothing was changed;"
		    " leave out --copy", in->file);
	return 0;
}

/* Where the database is at home, in an open transaction. */
static int set_home(const struct init *in, struct store *s, struct err *e)
{
	struct host_identity here;

	return identity_look(s, in->dir, &here, e) < 0 ||
	    identity_store(s, &here, e) < 0 ? -1 : 0;
}

/* ---- a new site */

static int make_new(const struct init *in, sqlite3 *db, struct err *e)
{
	struct store *s;
	int rc;

	if (store_create(db, in->name, e) < 0 ||
	    store_open(in->real, in->name, DB_WRITE, &s, e) < 0)
		return -1;
	/* conflicts are rows of a table that is tracked from the start; were
	 * this missed, the first fold would make its triggers */
	rc = store_begin(s, e);
	if (rc == 0)
		rc = capture_refresh(s, NULL, NULL, e);
	if (rc == 0)
		rc = set_home(in, s, e);
	if (rc == 0)
		rc = store_commit(s, e);
	store_close(s);
	return rc;
}

/* ---- a copy */

/* A file copied from a database in WAL mode lacks what lay in its log. */
static void warn_wal(const struct init *in)
{
	unsigned char head[20] = {0};
	int fd = open(in->real, O_RDONLY | O_CLOEXEC);
	char *wal = fs_format("%s-wal", in->real);

	if (fd >= 0 && pread(fd, head, sizeof(head), 0) == sizeof(head) &&
	    head[18] == 2 && !fs_exists(wal))
		log_warn("%s was in WAL mode and there is no %s-wal: if it was"
		    " copied with cp while in use, its last changes are"
		    " missing here; they will come from the peers; next time"
		    " use \"dialsync copy\" or sqlite3's .backup", in->file,
		    in->file);
	if (fd >= 0)
		close(fd);
	free(wal);
}

static int quick_check(sqlite3 *db, const char *file, struct err *e)
{
	sqlite3_stmt *st = db_prepare(db, "PRAGMA quick_check(1)", false, e);
	const char *text;
	int rc;

	if (!st)
		return -1;
	rc = db_step(st, e);
	text = rc == 1 ? (const char *)sqlite3_column_text(st, 0) : "";
	if (rc == 1 && text && strcmp(text, "ok") != 0)
		rc = err_set(e, ERR_DATA, "%s is damaged (%s), as a copy of a"
		    " database in use may be; nothing was changed; make the"
		    " copy with \"dialsync copy\" or sqlite3's .backup", file,
		    text);
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

/* The last tag of whoever was here before is none of the new site's. */
static int drop_state(const struct init *in, struct err *e)
{
	char *state = fs_join(in->dir, SPOOL_STATE);
	int rc = fs_remove(state, e);

	free(state);
	return rc;
}

/* Fold what the copied log holds as the original would have, so that the same
 * changes get the same versions; then become another site.  Of the original's
 * last second more may be to come: its knowledge ends one before. */
static int take_copy(const struct init *in, const char *site, struct err *e)
{
	struct identity id = {in->name, store_random_inc(), 0, 0, 0};
	struct store *s;
	int rc;

	if (store_open(in->real, site, DB_WRITE, &s, e) < 0)
		return -1;
	rc = quick_check(s->db, in->file, e);
	if (rc == 0)
		rc = capture_fold_begin(s, e);
	if (rc == 0) {
		id.original = s->self;
		id.known = s->packed > s->last - 1 ? s->packed : s->last - 1;
		s->packed = 0;
		/* the counters the store holds are written at its commit */
		rc = identity_take(s->db, &id, e);
		if (rc == 0)
			rc = set_home(in, s, e);
		if (rc == 0)
			rc = store_commit(s, e);
	}
	store_close(s);
	return rc < 0 ? -1 : drop_state(in, e);
}

/* ---- the command */

static int make_spool(const struct init *in, struct err *e)
{
	struct spool sp;
	int rc;

	if (spool_open(&sp, in->dir, e) < 0)
		return -1;
	rc = spool_make_site(&sp, e);
	spool_close(&sp);
	return rc;
}

static int run(struct init *in, struct err *e)
{
	char site[TEXT_NAME_MAX + 1];
	sqlite3 *db;
	int rc;

	if (fs_exists(in->conf) && same_site(in, e) < 0) {
		e->kind = ERR_USAGE;
		return -1;
	}
	if (in->copy)
		warn_wal(in);
	if (db_open(in->real, DB_WRITE, &db, e) < 0)
		return -1;
	rc = database_site(db, site, e);
	if (rc == 0)
		rc = check_site(in, site, e);
	if (rc == 0)
		rc = fs_mkdirs(in->dir, e);
	if (rc == 0)
		rc = write_conf(in, site, e);
	if (rc == 0)
		rc = make_spool(in, e);
	if (rc == 0)
		rc = in->copy ? take_copy(in, site, e) : make_new(in, db, e);
	db_close(db);
	if (rc < 0)
		return -1;
	if (in->rename) {
		log_info("site %s is ready in %s; next, at each peer that its"
			 " dialsync.conf names: \"dialsync peer %s\"",
		    in->name, in->dir, in->name);
		return 0;
	}
	log_info("site %s is ready in %s; next: \"dialsync -C %s track --all\""
	    " and \"dialsync -C %s peer NAME\"", in->name, in->dir, in->dir,
	    in->dir);
	return 0;
}

/* What to do about a failure that does not say it. */
static const char *next_step(const struct err *e)
{
	if (e->kind == ERR_BUSY)
		return "nothing was changed; try again";
	if (strstr(e->text, "not a database"))
		return "nothing was made; name an SQLite database";
	return NULL;
}

int cmd_init(int argc, char **argv)
{
	static const struct option longopts[] = {
		{"database", required_argument, NULL, 'd'},
		{"copy", no_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	struct site_options o = {"dialsync init", usage, NULL,
	    argv, longopts};
	struct init in;
	struct stat st;
	struct err e = ERR_INIT;
	int c, code = 0;

	memset(&in, 0, sizeof(in));
	log_init(o.program, site_verbosity());
	while ((c = getopt_long(argc, argv, SITE_SHORT, longopts, NULL)) !=
	    -1) {
		if (c == 'd')
			in.file = optarg;
		else if (c == 'c')
			in.copy = true;
		else if ((code = site_option(&o, c)) >= 0)
			return code;
	}
	if (optind + 1 != argc)
		return site_usage(&o, "one site name is needed");
	in.name = argv[optind];
	if (!text_name_ok(in.name))
		return site_usage(&o, "a site's name is 1 to 32 of a-z A-Z 0-9"
		    " _ - . and begins with a letter or digit");
	if (!in.file)
		return site_usage(&o, "--database FILE is missing");
	in.real = realpath(in.file, NULL);
	if (!in.real) {
		err_sys(&e, "database %s", in.file);
		if (errno == ENOENT || errno == ENOTDIR)
			e.kind = ERR_MISSING;
		return log_err(&e, "nothing was made; name a database that"
		    " exists, or make it first with sqlite3");
	}
	if (stat(in.real, &st) == 0 && !S_ISREG(st.st_mode)) {
		err_set(&e, ERR_MISSING, "database %s is %s, no file", in.file,
		    S_ISDIR(st.st_mode) ? "a directory" : "something else");
		free(in.real);
		return log_err(&e, "nothing was made; name the SQLite database"
		    " itself");
	}
	in.dir = fs_format("%s", o.dir ? o.dir : in.name);
	in.conf = fs_join(in.dir, CONFIG_NAME);
	code = run(&in, &e) < 0 ? log_err(&e, next_step(&e)) : 0;
	init_free(&in);
	return code;
}
