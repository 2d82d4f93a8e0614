/* dialsync peer: add, change, remove, list */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"
#include "capture/load.h"
#include "config/config_edit.h"
#include "dialsync/site_cmd.h"
#include "dialsync/site_key.h"
#include "dialsync/site_peer.h"
#include "store/note.h"

static const char usage[] =
    "usage: dialsync peer [NAME [--line L]... [--phone N]... [--load]\n"
    "                      [--new-key | --key-file F | --ask-key] |\n"
    "                      NAME --remove] [-C DIR]\n"
    "\n"
    "Add a peer or change one; without NAME: list them.  The peer gets what\n"
    "was logged since \"dialsync track\"; older rows are taken to be there,\n"
    "unless --load sends them.\n"
    "\n"
    "  --line L      reach it by this line; again: tried in turn\n"
    "  --phone N     its telephone number; again: tried in turn\n"
    "  --load        send everything first: all rows of all tracked tables\n"
    "  --new-key     make a key that only it and this site know, and print it;\n"
    "                an old one is good until the peer uses the new one\n"
    "  --key-file F  take in a key that was made there and carried here\n"
    "  --ask-key     take in one that was read out: from the terminal, or from\n"
    "                standard input\n"
    "  --remove      it is no peer any more; added again, both go on where\n"
    "                they stood\n"
    "  -C DIR        the site's directory\n"
    "  -q, -v        be quiet; explain\n"
    "  --help, --version\n";

struct wanted {
	const char *name;
	const char *lines[CONFIG_LIST_MAX + 1];
	const char *phones[CONFIG_LIST_MAX + 1];
	int nlines, nphones;
	bool remove, load;
	enum key_source key;
	const char *key_file;
};

/* ---- list */

static void put_list(const struct config_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		printf("%s%s", i ? "," : "", l->text[i]);
	if (l->n == 0)
		putchar('-');
}

static int list_peers(const struct site *s)
{
	struct peer p;
	struct keys keys;
	struct err e = ERR_INIT;
	int64_t seq;

	if (store_meta_int(s->store, "seq", 0, &seq, &e) < 0)
		return log_err(&e, NULL);
	for (size_t i = 0; i < s->cfg->n_peers; i++) {
		const struct config_peer *c = &s->cfg->peers[i];

		if (peer_load(s->store, c->name, &p, &e) < 0 ||
		    keys_read(s->dir, c->name, &keys, &e) < 0)
			return log_err(&e, NULL);
		printf("%s\tlines ", c->name);
		put_list(&c->lines);
		printf("\tphones ");
		put_list(&c->phones);
		printf("\tsecurity %s\tsent to %lld of %lld\tapplied to %lld"
		    "\tkeys %zu\n",
		    c->security == CONFIG_SECURITY_NONE ? "none" :
		    c->security == CONFIG_SECURITY_SIGN ? "sign" : "encrypt",
		    (long long)p.mark, (long long)seq, (long long)p.pos,
		    keys.n);
		keys_wipe(&keys);
	}
	if (s->cfg->n_peers == 0)
		log_info("no peers yet; add one with \"dialsync peer NAME\"");
	return 0;
}

/* ---- the file */

int site_peer_write(const char *path, const struct config *cfg,
    const char *name, const char *const *lines, const char *const *phones,
    bool keyed, struct err *e)
{
	static const char *const encrypt[] = {"encrypt", NULL};
	const struct config_peer *old = config_peer(cfg, name);
	struct config_edit edits[3];
	size_t n = 0;

	if (lines && *lines)
		edits[n++] = (struct config_edit){"line", lines};
	if (phones && *phones)
		edits[n++] = (struct config_edit){"phone", phones};
	if (keyed && old && old->security == CONFIG_SECURITY_NONE) {
		edits[n++] = (struct config_edit){"security", encrypt};
		log_info("[peer %s] of " CONFIG_NAME " said security = none,"
		    " which is refused where a key is shared; it says encrypt"
		    " now", name);
	}
	return config_edit_set_peer(path, name, edits, n, e);
}

/* ---- add, change, remove */

static int check_lines(const struct site *s, const struct wanted *w,
    struct err *e)
{
	for (int i = 0; i < w->nlines; i++)
		if (!config_line(s->cfg, w->lines[i])) {
			if (s->cfg->n_lines)
				config_need_line(s->cfg, w->lines[i], e);
			else
				err_set(e, ERR_USAGE, "there is no line %s;"
				    " write its section [line %s] first",
				    w->lines[i], w->lines[i]);
			return err_add(e, "%s", CONFIG_NAME);
		}
	return 0;
}

static void show_load(void *arg, const char *table, int64_t rows)
{
	(void)arg;
	log_progress("table %s: %lld rows are ready to be sent", table,
	    (long long)rows);
}

/* Ask for a first load: 1 it is on its way already, 0, -1. */
static int ask_load(struct store *s, const char *name, struct err *e)
{
	struct peer p;
	int rc = 1;

	if (store_begin(s, e) < 0)
		return -1;
	if (peer_load(s, name, &p, e) < 0)
		goto fail;
	if (p.loading != PEER_LOAD_ON || p.mark >= p.load) {
		rc = 0;
		p.load_all &= p.loading != PEER_LOAD_NONE;
		p.loading = PEER_LOAD_WANTED;
	}
	if (peer_save(s, &p, e) == 0 && store_commit(s, e) == 0)
		return rc;
fail:
	store_rollback(s);
	return -1;
}

/* The wish is committed first, so that whoever is stopped here has it done by
 * the next pack.  Rows get their versions now, where a person sees how far it
 * is; the packer does the rest. */
static int want_load(struct store *s, const char *name, struct err *e)
{
	int64_t rows;
	int rc = ask_load(s, name, e);

	if (rc < 0)
		return -1;
	if (rc == 1) {
		log_info("everything is on its way to %s already, bundle by"
		    " bundle", name);
		return 0;
	}
	rc = capture_load(s, show_load, NULL, &rows, e);
	log_progress_end();
	if (rc < 0)
		return err_add(e, "the first load for %s; what was made ready"
		    " stays so, run it again", name);
	log_info("%s gets everything first, from the next \"dialsync pack\" or"
	    " call on: %lld row%s of before \"track\", then all that was"
	    " logged", name, (long long)rows, rows == 1 ? "" : "s");
	return 0;
}

/* The peer's section and its place in the database. */
static int write_peer(struct site *s, const char *path,
    const struct wanted *w, bool keyed, struct err *e)
{
	bool known = config_peer(s->cfg, w->name) != NULL;
	struct peer p;
	int rc;

	if (site_peer_write(path, s->cfg, w->name, w->lines, w->phones, keyed,
		e) < 0 || spool_make_peer(&s->spool, w->name, e) < 0 ||
	    store_begin(s->store, e) < 0)
		return -1;
	rc = peer_add(s->store, w->name, &p, e);
	if (rc == 0)
		rc = store_commit(s->store, e);
	if (rc < 0) {
		store_rollback(s->store);
		return -1;
	}
	if (!known && p.number + p.inc > 0)
		log_info("%s was a peer before: both go on where they stood;"
		    " what was changed since is sent", w->name);
	log_info("peer %s is %s; it %s", w->name, known ? "changed" : "added",
	    w->nlines || known ? "is in " CONFIG_NAME :
	    "has no line yet: add one with --line");
	return 0;
}

/* Without a key nobody is called, unless a person says that none is needed. */
static void tell_no_key(const struct site *s, const struct wanted *w)
{
	const struct config_peer *old = config_peer(s->cfg, w->name);

	if (!old || old->security != CONFIG_SECURITY_NONE)
		log_info("%s has no key: make one with \"dialsync peer %s"
		    " --new-key\", or take in its own with --key-file or"
		    " --ask-key; without one calls need security = none in"
		    " [peer %s] of " CONFIG_NAME " on both sides", w->name,
		    w->name, w->name);
}

/* Stopped before the key is written: the section asks for one, and the same
 * command goes on. */
static int set_peer(struct site *s, const char *path, const struct wanted *w,
    struct err *e)
{
	struct keys old, more;
	size_t added = 0, all = 0;
	bool keyed;
	int rc = -1;

	if (!strcmp(w->name, s->cfg->site.name))
		return err_set(e, ERR_USAGE, "%s is this site itself; a peer is"
		    " another one", w->name);
	if (check_lines(s, w, e) < 0 ||
	    keys_read(s->dir, w->name, &old, e) < 0 ||
	    site_key_get(w->key, w->key_file, w->name, &more, e) < 0)
		return -1;
	keyed = old.n + more.n > 0;
	keys_wipe(&old);
	if (write_peer(s, path, w, keyed, e) == 0 && (more.n == 0 ||
	    site_key_add(s, w->name, &more, &added, &all, e) == 0))
		rc = 0;
	if (rc == 0 && more.n > 0)
		site_key_tell(s, w->name, w->key, &more, added, all);
	else if (rc == 0 && !keyed)
		tell_no_key(s, w);
	keys_wipe(&more);
	return rc == 0 && w->load ? want_load(s->store, w->name, e) : rc;
}

/* The key of one that is removed stays, as how far it was sent does: added
 * again, both go on, and nothing unsigned is taken from it in between.  Nobody
 * is let in with it, since only peers are. */
static void tell_key_left(const struct site *s, const char *name)
{
	struct err ignored = ERR_INIT;
	struct keys k;

	if (keys_read(s->dir, name, &k, &ignored) == 0 && k.n == 0)
		return;
	keys_wipe(&k);
	log_info("its key stays in %s/keys/%s.key for that, and nobody is let"
	    " in with it; if others may have it, delete that file", s->dir,
	    name);
}

/* The file first: programs that start in between would add the peer to the
 * database again because the file names it. */
static int remove_peer(struct site *s, const char *path, const char *name,
    struct err *e)
{
	struct spool_counts n;

	if (!config_need_peer(s->cfg, name, e))
		return -1;
	if (config_edit_remove_peer(path, name, e) < 0 ||
	    store_begin(s->store, e) < 0)
		return -1;
	if (peer_remove(s->store, name, e) < 0 ||
	    note_set(s->store, NOTE_TWINS, name, NULL, e) < 0 ||
	    note_set(s->store, NOTE_CLOCK, name, NULL, e) < 0 ||
	    store_commit(s->store, e) < 0) {
		store_rollback(s->store);
		return -1;
	}
	if (spool_count(&s->spool, name, &n, e) == 0 &&
	    n.outbox_bundles + n.inbox_bundles + n.held_bundles > 0)
		log_warn("bundles of %s are left in %s/outbox, inbox and held;"
		    " delete those directories if they are of no use (what is"
		    " missing then is sent again if it becomes a peer again)",
		    name, s->dir);
	log_info("peer %s is removed; how far it was sent is kept, so that"
	    " both go on from there if \"dialsync peer %s\" adds it again",
	    name, name);
	tell_key_left(s, name);
	return 0;
}

static int run(const struct site_options *o, const struct wanted *w)
{
	struct err e = ERR_INIT;
	struct site s;
	char *path;
	int code = site_begin(&s, o);

	if (code)
		return code;
	path = fs_join(s.dir, CONFIG_NAME);
	if (!w->name) {
		code = list_peers(&s);
	} else if ((w->remove ? remove_peer(&s, path, w->name, &e) :
	    set_peer(&s, path, w, &e)) < 0) {
		code = log_err(&e, NULL);
	}
	free(path);
	site_close(&s);
	return code;
}

/* One of the three ways to a key; false: there was one already. */
static bool want_key(struct wanted *w, int c)
{
	if (w->key != KEY_FROM_NOWHERE)
		return false;
	w->key = c == 'n' ? KEY_NEW : c == 'a' ? KEY_ASKED : KEY_FROM_FILE;
	w->key_file = c == 'f' ? optarg : NULL;
	return true;
}

/* What does not go together; NULL. */
static const char *check_wanted(const struct wanted *w)
{
	bool other = w->nlines || w->nphones || w->load || w->key;

	if (!w->name && (other || w->remove))
		return "the peer's name is missing";
	if (w->remove && other)
		return "--remove stands alone";
	if (w->name && !text_name_ok(w->name))
		return "a peer's name is 1 to 32 of a-z A-Z 0-9 _ - . and"
		    " begins with a letter or digit";
	return NULL;
}

int cmd_peer(int argc, char **argv)
{
	static const struct option longopts[] = {
		{"line", required_argument, NULL, 'l'},
		{"phone", required_argument, NULL, 'p'},
		{"new-key", no_argument, NULL, 'n'},
		{"key-file", required_argument, NULL, 'f'},
		{"ask-key", no_argument, NULL, 'a'},
		{"remove", no_argument, NULL, 'r'},
		{"load", no_argument, NULL, 'L'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	struct site_options o = {"dialsync peer", usage, NULL,
	    argv, longopts};
	struct wanted w;
	int c, code;

	memset(&w, 0, sizeof(w));
	log_init(o.program, site_verbosity());
	while ((c = getopt_long(argc, argv, SITE_SHORT, longopts, NULL)) !=
	    -1) {
		if ((c == 'l' && w.nlines == CONFIG_LIST_MAX) ||
		    (c == 'p' && w.nphones == CONFIG_LIST_MAX))
			return site_usage(&o, "too many lines or phones");
		if (c == 'l')
			w.lines[w.nlines++] = optarg;
		else if (c == 'p')
			w.phones[w.nphones++] = optarg;
		else if (c == 'n' || c == 'f' || c == 'a') {
			if (!want_key(&w, c))
				return site_usage(&o, "one of --new-key,"
				    " --key-file and --ask-key");
		} else if (c == 'r')
			w.remove = true;
		else if (c == 'L')
			w.load = true;
		else if ((code = site_option(&o, c)) >= 0)
			return code;
	}
	if (argc - optind > 1)
		return site_usage(&o, "one peer at a time");
	if (optind < argc)
		w.name = argv[optind];
	if (check_wanted(&w))
		return site_usage(&o, check_wanted(&w));
	return run(&o, &w);
}
