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
#include "dialsync/site_peer.h"
#include "store/note.h"

static const char usage[] =
    "usage: dialsync peer [NAME [--line L]... [--phone N]... [--load] |\n"
    "                     NAME --remove] [-C DIR]\n"
    "\n"
    "Add a peer or change one; without NAME: list them.  The peer gets what\n"
    "was logged since \"dialsync track\"; older rows are taken to be there,\n"
    "unless --load sends them.\n"
    "\n"
    "  --line L   reach it by this line; again: tried in turn\n"
    "  --phone N  its telephone number; again: tried in turn\n"
    "  --load     send everything first: all rows of all tracked tables\n"
    "  --remove   it is no peer any more; added again, both go on where they\n"
    "             stood\n"
    "  -C DIR     the site's directory\n"
    "  -q, -v     be quiet; explain\n"
    "  --help, --version\n";

struct wanted {
	const char *name;
	const char *lines[CONFIG_LIST_MAX + 1];
	const char *phones[CONFIG_LIST_MAX + 1];
	int nlines, nphones;
	bool remove, load;
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
	struct err e = ERR_INIT;
	int64_t seq;

	if (store_meta_int(s->store, "seq", 0, &seq, &e) < 0)
		return log_err(&e, NULL);
	for (size_t i = 0; i < s->cfg->n_peers; i++) {
		const struct config_peer *c = &s->cfg->peers[i];

		if (peer_load(s->store, c->name, &p, &e) < 0)
			return log_err(&e, NULL);
		printf("%s\tlines ", c->name);
		put_list(&c->lines);
		printf("\tphones ");
		put_list(&c->phones);
		printf("\tsecurity %s\tsent to %lld of %lld\tapplied to %lld\n",
		    c->security == CONFIG_SECURITY_NONE ? "none" :
		    c->security == CONFIG_SECURITY_SIGN ? "sign" : "encrypt",
		    (long long)p.mark, (long long)seq, (long long)p.pos);
	}
	if (s->cfg->n_peers == 0)
		log_info("no peers yet; add one with \"dialsync peer NAME\"");
	return 0;
}

/* ---- the file */

static const char note[] =
    "; There are no keys in this version: bundles and calls are neither\n"
    "; signed nor encrypted, and whoever knows the names is let in.\n";

/* Put the note above the line `security` of the peer's section. */
static int add_note(const char *path, const char *name, struct err *e)
{
	struct buf old = BUF_INIT(1 << 24), new = BUF_INIT(1 << 24);
	char *header = fs_format("[peer %s]", name);
	const char *at;
	int rc = fs_read(path, &old, e);

	at = rc == 0 ? strstr(buf_str(&old), header) : NULL;
	at = at ? strstr(at, "\nsecurity") : NULL;
	if (at) {
		at++;
		buf_add(&new, old.p, (size_t)(at - old.p));
		buf_adds(&new, note);
		buf_adds(&new, at);
		rc = new.failed ? 0 :
		    fs_replace(path, new.p, new.n, 0, e);
	}
	free(header);
	buf_free(&old);
	buf_free(&new);
	return rc;
}

int site_peer_write(const char *path, const struct config *cfg,
    const char *name, const char *const *lines, const char *const *phones,
    struct err *e)
{
	static const char *const none[] = {"none", NULL};
	const struct config_peer *old = config_peer(cfg, name);
	struct config_edit edits[3];
	bool security = !old || !config_key_at(&old->where, "security") ||
	    config_key_at(&old->where, "security") == old->where.section;
	size_t n = 0;

	if (lines && *lines)
		edits[n++] = (struct config_edit){"line", lines};
	if (phones && *phones)
		edits[n++] = (struct config_edit){"phone", phones};
	if (security)
		edits[n++] = (struct config_edit){"security", none};
	if (config_edit_set_peer(path, name, edits, n, e) < 0)
		return -1;
	return security ? add_note(path, name, e) : 0;
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

static int set_peer(struct site *s, const char *path, const struct wanted *w,
    struct err *e)
{
	bool known = config_peer(s->cfg, w->name) != NULL;
	struct peer p;
	int rc;

	if (!strcmp(w->name, s->cfg->site.name))
		return err_set(e, ERR_USAGE, "%s is this site itself; a peer is"
		    " another one", w->name);
	if (check_lines(s, w, e) < 0 ||
	    site_peer_write(path, s->cfg, w->name, w->lines, w->phones,
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
	log_info("peer %s is %s; it %s; there are no keys in this version, so"
	    " %s has security = none", w->name, known ? "changed" : "added",
	    w->nlines || known ? "is in " CONFIG_NAME :
	    "has no line yet: add one with --line", CONFIG_NAME);
	return w->load ? want_load(s->store, w->name, e) : 0;
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

int cmd_peer(int argc, char **argv)
{
	static const struct option longopts[] = {
		{"line", required_argument, NULL, 'l'},
		{"phone", required_argument, NULL, 'p'},
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
		else if (c == 'r')
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
	if (!w.name && (w.nlines || w.nphones || w.remove || w.load))
		return site_usage(&o, "the peer's name is missing");
	if (w.remove && (w.nlines || w.nphones || w.load))
		return site_usage(&o, "--remove stands alone");
	if (w.name && !text_name_ok(w.name))
		return site_usage(&o, "a peer's name is 1 to 32 of a-z A-Z 0-9"
		    " _ - . and begins with a letter or digit");
	return run(&o, &w);
}
