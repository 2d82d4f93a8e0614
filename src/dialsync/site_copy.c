/* dialsync copy: a site for a peer, ready to carry there.  It is built beside
 * DIR and gets its name last, so that what is called DIR is whole. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <getopt.h>
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
#include "dialsync/site_copy_db.h"
#include "dialsync/site_key.h"
#include "dialsync/site_peer.h"
#include "spool/spool_lock.h"

static const char usage[] =
    "usage: dialsync copy PEER DIR [-C DIR]\n"
    "\n"
    "Make in DIR, which must be new or empty, a site for that peer: a copy of\n"
    "the database, a dialsync.conf, a new key, and the position from which both\n"
    "sites go on.  Carry DIR there; from then on they exchange what changes.\n"
    "\n"
    "  -C DIR    this site's directory\n"
    "  -q, -v    be quiet; explain\n"
    "  --help, --version\n";

struct copy {
	struct site *site;
	const char *peer;
	char *dir;       /* owned; without slashes at its end */
	char *tmp;       /* owned; where it is built */
	char *db_name;   /* owned; the database's name in it */
	struct keys key; /* the new one, of both sides */
	struct copy_start start;
};

/* ---- files */

static int remove_entry(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* What a run that was stopped left; the name is ours alone. */
static int remove_tmp(const struct copy *c, struct err *e)
{
	if (!fs_exists(c->tmp))
		return 0;
	if (nftw(c->tmp, remove_entry, 8, FTW_DEPTH | FTW_PHYS) != 0)
		return err_sys(e, "remove %s", c->tmp);
	return 0;
}

/* DIR must not exist, or be empty. */
static int check_dir(const char *dir, struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *x;
	int n = 0;

	if (!d) {
		if (errno == ENOENT)
			return 0;
		return err_sys(e, "%s", dir);
	}
	while (n == 0 && (x = readdir(d)))
		n += strcmp(x->d_name, ".") && strcmp(x->d_name, "..");
	closedir(d);
	if (n)
		return err_set(e, ERR_USAGE, "%s is not empty; name a new"
		    " directory", dir);
	return 0;
}

static int write_state(const char *dir, uint64_t tag, struct err *e)
{
	char *path = fs_join(dir, SPOOL_STATE), text[64];
	int n = snprintf(text, sizeof(text), "tag: %016llx\n",
	    (unsigned long long)tag);
	int rc = fs_replace(path, text, (size_t)n, 0644, e);

	free(path);
	return rc;
}

/* ---- the copy's dialsync.conf: ours, with other names and one peer */

static int set_names(const struct copy *c, const char *path, struct err *e)
{
	const char *const name[] = {c->peer, NULL};
	const char *const database[] = {c->db_name, NULL};
	const struct config_edit edits[] = {{"name", name},
	    {"database", database}};

	return config_edit_set_site(path, edits, 2, e);
}

/* The peer there is this site; by the lines by which it is called from here,
 * and signed only, where that is said here: both must say the same. */
static int set_peers(const struct copy *c, const char *path, struct err *e)
{
	static const char *const sign[] = {"sign", NULL};
	static const struct config_edit only_sign = {"security", sign};
	const struct config *ours = c->site->cfg;
	const struct config_peer *to = config_peer(ours, c->peer);
	const char *lines[CONFIG_LIST_MAX + 1] = {NULL};
	const char *us = ours->site.name;

	for (size_t i = 0; to && i < to->lines.n; i++)
		lines[i] = to->lines.text[i];
	/* each step leaves a file without a mistake: the peers go first, since
	 * one of them has the name that the site will have */
	for (size_t i = 0; i < ours->n_peers; i++)
		if (config_edit_remove_peer(path, ours->peers[i].name, e) < 0)
			return -1;
	if (set_names(c, path, e) < 0)
		return -1;
	if (site_peer_write(path, ours, us, lines, NULL, true, e) < 0)
		return -1;
	return to && to->security == CONFIG_SECURITY_SIGN ?
	    config_edit_set_peer(path, us, &only_sign, 1, e) : 0;
}

static int write_conf(const struct copy *c, struct err *e)
{
	struct buf text = BUF_INIT(1 << 24);
	char *path = fs_join(c->tmp, CONFIG_NAME);
	int rc = fs_read(c->site->cfg->path, &text, e);

	if (rc == 0)
		rc = fs_replace(path, buf_str(&text), text.n, 0644, e);
	if (rc == 0)
		rc = set_peers(c, path, e);
	buf_free(&text);
	free(path);
	return rc;
}

static int make_spool(const struct copy *c, struct err *e)
{
	struct spool sp;
	int rc;

	if (spool_open(&sp, c->tmp, e) < 0)
		return -1;
	rc = spool_make_site(&sp, e);
	if (rc == 0)
		rc = spool_make_peer(&sp, c->site->cfg->site.name, e);
	spool_close(&sp);
	return rc;
}

/* ---- the steps */

/* Make the new name itself durable. */
static int sync_above(const char *dir, struct err *e)
{
	const char *slash = strrchr(dir, '/');
	char *above = !slash ? fs_format(".") : slash == dir ? fs_format("/") :
	    fs_format("%.*s", (int)(slash - dir), dir);
	int rc = fs_sync_dir(above, e);

	free(above);
	return rc;
}

/* Our side of the key goes on top of those of before, which stay for what is
 * still on its way.  Last, and DIR gets its name at once behind it: stopped in
 * between, a key is on top that nobody else has; the next run puts another above
 * it.  The other way round the peer would sign with a key that is not known
 * here. */
static int add_key(const struct copy *c, const struct keys *old,
    struct err *e)
{
	struct keys all = *old;
	int rc;

	/* never more than a file holds: the oldest goes */
	if (all.n == KEYS_MAX)
		all.n--;
	memmove(all.key + 1, all.key, all.n * sizeof(all.key[0]));
	all.key[0] = c->key.key[0];
	all.n++;
	rc = keys_write(c->site->dir, c->peer, &all, e);
	keys_wipe(&all);
	return rc;
}

static int finish(struct copy *c, struct err *e)
{
	struct err ignored = ERR_INIT;
	struct keys old;
	int rc = -1;

	if (keys_read(c->site->dir, c->peer, &old, e) < 0)
		return -1;
	if (add_key(c, &old, e) == 0) {
		rc = rename(c->tmp, c->dir) == 0 ? 0 :
		    err_sys(e, "rename %s to %s", c->tmp, c->dir);
		if (rc < 0)
			keys_write(c->site->dir, c->peer, &old, &ignored);
	}
	keys_wipe(&old);
	if (rc < 0)
		return -1;
	fs_step();
	return sync_above(c->dir, e);
}

static int build(struct copy *c, struct err *e)
{
	char *db = fs_join(c->tmp, c->db_name);
	int rc = remove_tmp(c, e);

	if (rc == 0)
		rc = fs_mkdirs(c->tmp, e);
	if (rc == 0)
		rc = copy_database(c->site, c->peer, db, &c->start, e);
	free(db);
	if (rc == 0) {
		char *path = fs_join(c->site->dir, SPOOL_STATE);

		rc = capture_state_write(c->site->store, path, e);
		free(path);
	}
	if (rc < 0 || write_state(c->tmp, c->start.tag, e) < 0 ||
	    write_conf(c, e) < 0 || make_spool(c, e) < 0 ||
	    keys_write(c->tmp, c->site->cfg->site.name, &c->key, e) < 0 ||
	    fs_sync_dir(c->tmp, e) < 0)
		return -1;
	return finish(c, e);
}

/* Write the peer's section here, if need be, and read the file again. */
static int add_section(struct copy *c, struct err *e)
{
	const struct config *cfg = c->site->cfg;
	struct config *again;

	if (site_peer_write(cfg->path, cfg, c->peer, NULL, NULL, true,
		e) < 0 ||
	    config_read(cfg->path, &again, NULL, e) < 0)
		return -1;
	config_free(c->site->cfg);
	c->site->cfg = again;
	return 0;
}

/* This site's side of the peer: a section, directories. */
static int add_peer(struct copy *c, struct err *e)
{
	const struct config *cfg = c->site->cfg;
	struct peer p;

	if (!strcmp(c->peer, cfg->site.name))
		return err_set(e, ERR_USAGE, "%s is this site itself; name the"
		    " site that the copy is for", c->peer);
	if (peer_load(c->site->store, c->peer, &p, NULL) == 0 && p.inc)
		log_warn("%s has exchanged bundles with this site before; the"
		    " copy takes its place: the database that it had must not"
		    " be used any more", c->peer);
	/* a broken key file is found before anything is copied */
	if (keys_read(c->site->dir, c->peer, &c->key, e) < 0 ||
	    site_key_get(KEY_NEW, NULL, c->peer, &c->key, e) < 0 ||
	    add_section(c, e) < 0)
		return -1;
	return spool_make_peer(&c->site->spool, c->peer, e);
}

static void warn(void *arg, const char *text)
{
	(void)arg;
	log_warn("%s", text);
}

static int run(struct copy *c, struct err *e)
{
	struct spool_lock lock = SPOOL_LOCK_INIT;
	int rc;

	capture_trouble(c->site->store, warn, NULL, e);
	if (check_dir(c->dir, e) < 0 ||
	    identity_check(c->site->store, c->site->dir, e) < 0 ||
	    add_peer(c, e) < 0 ||
	    spool_lock(&c->site->spool, SPOOL_LOCK_PACKER, c->peer, &lock,
		e) < 0)
		return -1;
	rc = build(c, e);
	spool_unlock(&lock);
	if (rc < 0) {
		struct err ignored;

		remove_tmp(c, &ignored);
		return -1;
	}
	log_info("site %s is ready to carry in %s; before it is used there,"
	    " look through its " CONFIG_NAME ": lines, phone numbers and hooks"
	    " are still this site's.  It has a key that it shares with this"
	    " site: let nobody else see it", c->peer, c->dir);
	return 0;
}

/* The last part of the database's path. */
static char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return fs_format("%s", slash ? slash + 1 : path);
}

int cmd_copy(int argc, char **argv)
{
	static const struct option longopts[] = {
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	struct site_options o = {"dialsync copy", usage, NULL,
	    argv, longopts};
	struct err e = ERR_INIT;
	struct site site;
	struct copy copy;
	size_t n;
	int c, code;

	log_init(o.program, site_verbosity());
	while ((c = getopt_long(argc, argv, SITE_SHORT, longopts, NULL)) !=
	    -1)
		if ((code = site_option(&o, c)) >= 0)
			return code;
	if (argc - optind != 2)
		return site_usage(&o, "a peer and a directory are needed");
	if (!text_name_ok(argv[optind]))
		return site_usage(&o, "a peer's name is 1 to 32 of a-z A-Z 0-9"
		    " _ - . and begins with a letter or digit");
	code = site_begin(&site, &o);
	if (code)
		return code;
	memset(&copy, 0, sizeof(copy));
	copy.site = &site;
	copy.peer = argv[optind];
	copy.dir = fs_format("%s", argv[optind + 1]);
	for (n = strlen(copy.dir); n > 1 && copy.dir[n - 1] == '/';)
		copy.dir[--n] = '\0';
	copy.tmp = fs_format("%s.dialsync-tmp", copy.dir);
	copy.db_name = base_name(site.cfg->site.database);
	if (run(&copy, &e) < 0)
		code = log_err(&e, NULL);
	keys_wipe(&copy.key);
	free(copy.dir);
	free(copy.tmp);
	free(copy.db_name);
	site_close(&site);
	return code;
}
