/* dialsync-apply: the applier as a process; run as "dialsync apply". */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/apply.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"
#include "capture/capture.h"
#include "capture/forget.h"
#include "capture/identity.h"
#include "hook/hook.h"
#include "keys/keys.h"
#include "site/site.h"
#include "spool/spool_lock.h"

static const char usage[] =
    "usage: dialsync apply [PEER...] [--watch] [--every TIME] [-C DIR]\n"
    "\n"
    "Apply the bundles that lie in the inbox: merge their changes into the\n"
    "database, field by field, and delete them.  Once, or\n"
    "\n"
    "  --watch       keep looking: every two minutes (apply-every of\n"
    "                dialsync.conf), and at once when a call stores a bundle\n"
    "  --every TIME  look this often instead: 30s, 2m\n"
    "  -C DIR        the site's directory\n"
    "  -q, -v        be quiet; explain\n"
    "  --help, --version\n";

#define PROGRAM "dialsync apply"

struct options {
	const char *dir;
	bool watch;
	int64_t every; /* seconds; 0: as configured */
	char **peers;
	int npeers;
};

static const struct option longopts[] = {
    {"watch", no_argument, NULL, 'w'},
    {"every", required_argument, NULL, 'e'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

/* -1: go on; else the exit code. */
static int parse(int argc, char **argv, struct options *o)
{
	int c;

	memset(o, 0, sizeof(*o));
	log_init(PROGRAM, site_verbosity());
	opterr = 0;
	while ((c = getopt_long(argc, argv, "C:qv", longopts, NULL)) != -1) {
		switch (c) {
		case 'C':
			o->dir = optarg;
			break;
		case 'q':
			log_init(PROGRAM, -1);
			break;
		case 'v':
			log_init(PROGRAM, 1);
			break;
		case 'w':
			o->watch = true;
			break;
		case 'e':
			if (!text_duration(optarg, &o->every) ||
			    o->every < 1) {
				log_error("--every %s is no time; write 30s"
					  " or 2m", optarg);
				return 64;
			}
			break;
		case 'V':
			return site_version();
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			return site_bad_option(PROGRAM, argv, longopts);
		}
	}
	o->peers = argv + optind;
	o->npeers = argc - optind;
	return -1;
}

static void tell(void *arg, int severity, const char *text)
{
	(void)arg;
	if (severity == APPLY_WARN)
		log_warn("%s", text);
	else
		log_info("%s", text);
}

/* The dialer writes a byte here when it has stored a bundle.  Without the
 * pipe we look by the clock only. */
static int open_wake(const struct site *s, char **path)
{
	struct stat st;
	int fd;

	*path = fs_format("%s/%s/applier.wake", s->dir, SPOOL_STATUS);
	if (mkfifo(*path, 0600) < 0 && errno != EEXIST)
		return -1;
	/* for writing too, so that the last writer's leaving is no end */
	fd = open(*path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void warn_held_rows(const char *what, int64_t n)
{
	if (n)
		log_warn("%s: %lld row%s not wholly in %s table: another row"
			 " has a unique value, or a rule refuses %s; kept,"
			 " and placed when that changes; see"
			 " \"dialsync conflicts\"",
		    what, (long long)n, n == 1 ? " is" : "s are",
		    n == 1 ? "its" : "their", n == 1 ? "it" : "them");
}

/* Something new is held: run the hook, which tells a person.  name: the peer;
 * NULL: it was held because of what was changed here. */
static void tell_held(const struct apply_conf *conf, struct hooks *hooks,
    const char *name, int64_t bundles, int64_t rows)
{
	struct hook_facts f = HOOK_FACTS_INIT;
	struct err e = ERR_INIT;
	char message[120];

	if (bundles == 0 && rows == 0)
		return;
	snprintf(message, sizeof(message), "%lld bundle%s and %lld row%s newly"
	    " held", (long long)bundles, bundles == 1 ? "" : "s",
	    (long long)rows, rows == 1 ? "" : "s");
	f.dir = conf->spool->dir;
	f.site = conf->cfg->site.name;
	f.peer = name;
	f.message = message;
	f.exit_code = 65;
	f.held_bundles = bundles;
	f.held_rows = rows;
	if (hook_run(hooks, &conf->cfg->hooks, HOOK_HELD, &f, &e) < 0)
		log_warn("%s", e.text);
}

static int apply_one(const struct apply_conf *conf, struct hooks *hooks,
    const char *name, struct apply_result *all)
{
	struct apply_result r;
	struct err e = ERR_INIT;
	int rc, code = 0;

	memset(&r, 0, sizeof(r));
	rc = apply_peer(conf, name, &r, &e);
	if (rc < 0) {
		err_add(&e, "%s", name);
		code = log_err(&e, "what was not applied stays in the inbox;"
				   " nothing is lost");
	}
	if (r.waiting)
		log_warn("%s: %d bundle%s waiting for one that is missing; a"
			 " resend is asked for with the next call", name,
		    r.waiting, r.waiting == 1 ? " is" : "s are");
	if (r.conflicts)
		log_info("%s: %lld conflict%s: the later change holds, the"
			 " other is kept; see \"dialsync conflicts\"", name,
		    (long long)r.conflicts, r.conflicts == 1 ? "" : "s");
	warn_held_rows(name, r.held_rows);
	if (r.refused)
		code = site_worse(code, 75);
	if (r.held || r.held_rows)
		code = site_worse(code, 65);
	tell_held(conf, hooks, name, r.held, r.held_rows);
	all->applied += r.applied;
	return code;
}

static void warn(void *arg, const char *text)
{
	(void)arg;
	log_warn("%s", text);
}

/* All peers asked for, once. */
static int apply_all(struct site *s, const struct options *o,
    const struct apply_conf *conf, struct hooks *hooks)
{
	struct apply_result all;
	struct err e = ERR_INIT;
	int code = 0;

	memset(&all, 0, sizeof(all));
	if (o->npeers == 0)
		for (size_t i = 0; i < s->cfg->n_peers && !site_stop; i++)
			code = site_worse(code,
			    apply_one(conf, hooks, s->cfg->peers[i].name,
				&all));
	for (int i = 0; i < o->npeers && !site_stop; i++)
		code = site_worse(code, apply_one(conf, hooks, o->peers[i],
		    &all));
	if (apply_held(conf, &all, &e) < 0)
		code = site_worse(code, log_err(&e, "held rows stay held"));
	warn_held_rows("what was changed here", all.held_rows);
	if (all.held_rows)
		code = site_worse(code, 65);
	tell_held(conf, hooks, NULL, 0, all.held_rows);
	/* last, since each peer's inbox begins with a look whether the
	 * database was put back */
	if (capture_forget(s->store, s->cfg->site.forget_after, warn, NULL,
		&e) < 0)
		code = site_worse(code, log_err(&e, "deleted rows are"
		    " remembered for longer; nothing is lost"));
	status_set(conf->status, "state", "idle");
	status_set(conf->status, "processing.table", NULL);
	status_set_int(conf->status, "exit", code);
	status_flush(conf->status, true, &e);
	return code;
}

static int is_bundle(const struct dirent *d)
{
	const char *dot = strchr(d->d_name, '.');

	return dot && !strcmp(dot, ".xml.gz");
}

/* Bundles dropped into the inbox of a site that is no peer would lie there
 * unseen for ever. */
static void warn_strangers(const struct site *s)
{
	char *inbox = fs_join(s->dir, SPOOL_INBOX);
	struct dirent **names, **files;
	int n = scandir(inbox, &names, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;
		char *dir = fs_join(inbox, name);
		int files_n = !text_name_ok(name) || config_peer(s->cfg, name)
		    ? 0 : scandir(dir, &files, is_bundle, NULL);

		if (files_n > 0)
			log_warn("inbox/%s holds %d bundle%s, but %s is no"
			    " peer here; add it with \"dialsync peer %s\", or"
			    " delete them", name, files_n,
			    files_n == 1 ? "" : "s", name, name);
		for (int k = 0; k < files_n; k++)
			free(files[k]);
		if (files_n > 0)
			free(files);
		free(dir);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	free(inbox);
}

static int run(struct site *s, const struct options *o)
{
	struct apply_conf conf = {.store = s->store, .spool = &s->spool,
	    .cfg = s->cfg, .tell = tell};
	struct spool_lock lock = SPOOL_LOCK_INIT;
	struct hooks hooks = HOOKS_INIT;
	int64_t every = o->every ? o->every : s->cfg->site.apply_every;
	struct err e = ERR_INIT;
	char *wake_path = NULL;
	int code, wake = -1;

	/* for tests: many small parts; see DIALSYNC_STOP_AFTER */
	if (getenv("DIALSYNC_APPLY_ROWS"))
		conf.part_rows = atoi(getenv("DIALSYNC_APPLY_ROWS"));
	if (spool_lock(&s->spool, SPOOL_LOCK_APPLIER, NULL, &lock, &e) < 0)
		return log_err(&e, e.kind == ERR_BUSY ?
		    "it does the work; or stop it first" : NULL);
	conf.status = status_open(&s->spool, "applier", &e);
	if (o->watch)
		wake = open_wake(s, &wake_path);
	warn_strangers(s);
	capture_trouble(s->store, warn, NULL, &e);
	for (;;) {
		code = apply_all(s, o, &conf, &hooks);
		if (!o->watch || site_stop)
			break;
		site_wait(wake, every * 1000);
		hook_reap(&hooks);
		if (site_stop)
			break;
	}
	if (wake >= 0) {
		close(wake);
		unlink(wake_path);
	}
	free(wake_path);
	status_close(conf.status);
	spool_unlock(&lock);
	return code;
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct options o;
	struct site s;
	int code = parse(argc, argv, &o);

	if (code >= 0)
		return code;
	if (keys_start(&e) < 0 || site_open(&s, o.dir, &e) < 0)
		return log_err(&e, NULL);
	code = 0;
	site_warn_clock();
	for (int i = 0; i < o.npeers && code == 0; i++)
		if (!config_need_peer(s.cfg, o.peers[i], &e))
			code = log_err(&e, "see \"dialsync peer\"");
	if (code == 0 && site_open_store(&s, DB_APPLY, &e) < 0)
		code = log_err(&e, site_next(&e));
	if (code == 0 && identity_check(s.store, s.dir, &e) < 0)
		code = log_err(&e, site_next(&e));
	site_catch_signals();
	if (code == 0)
		code = run(&s, &o);
	site_close(&s);
	return code;
}
