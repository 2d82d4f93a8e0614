/* dialsync-pack: the packer as a process; run as "dialsync pack". */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "capture/capture.h"
#include "capture/forget.h"
#include "capture/identity.h"
#include "keys/keys.h"
#include "pack/pack.h"
#include "site/site.h"
#include "spool/status_file.h"

static const char usage[] =
    "usage: dialsync pack [PEER...] [--flush] [--watch] [-C DIR]\n"
    "\n"
    "Make bundles of what was changed since the last one, for each peer named\n"
    "(all of them without PEER), into outbox/PEER.\n"
    "\n"
    "  --flush   also the last one, however small it is\n"
    "  --watch   keep packing: every pack-every of dialsync.conf\n"
    "  -C DIR    the site's directory\n"
    "  -q, -v    be quiet; explain\n"
    "  --help, --version\n";

struct options {
	const char *dir;
	bool flush, watch;
	char **peers;
	int npeers;
};

static const struct option longopts[] = {
    {"flush", no_argument, NULL, 'f'},
    {"watch", no_argument, NULL, 'w'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

/* -1: go on; else the exit code. */
static int parse(int argc, char **argv, struct options *o)
{
	int c, verbosity = site_verbosity();

	memset(o, 0, sizeof(*o));
	log_init("dialsync pack", verbosity);
	opterr = 0;
	while ((c = getopt_long(argc, argv, "C:qv", longopts, NULL)) != -1) {
		switch (c) {
		case 'C':
			o->dir = optarg;
			break;
		case 'q':
			log_init("dialsync pack", -1);
			break;
		case 'v':
			log_init("dialsync pack", 1);
			break;
		case 'f':
			o->flush = true;
			break;
		case 'w':
			o->watch = true;
			break;
		case 'V':
			return site_version();
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			return site_bad_option("dialsync pack", argv,
			    longopts);
		}
	}
	o->peers = argv + optind;
	o->npeers = argc - optind;
	return -1;
}

static void warn(void *arg, const char *text)
{
	(void)arg;
	log_warn("%s", text);
}

static void progress(void *arg, const char *peer, int64_t number, int64_t rows,
    int64_t bytes)
{
	char size[32];

	(void)arg;
	log_info("%s: bundle %08lld is ready: %lld change%s, %s",
	    peer, (long long)number, (long long)rows, rows == 1 ? "" : "s",
	    text_bytes(bytes, size, sizeof(size)));
}

static int pack_one(struct site *s, const struct options *o, const char *name)
{
	struct pack_conf conf = {s->store, &s->spool,
	    s->cfg->site.bundle_size, o->flush, progress, NULL};
	struct pack_result r = {0, 0, 0};
	struct err e = ERR_INIT;

	if (pack_peer(&conf, name, &r, &e) == 0) {
		if (r.bundles == 0)
			log_debug("%s: nothing to pack", name);
		return 0;
	}
	err_add(&e, "%s", name);
	return log_err(&e, e.kind == ERR_BUSY
		? "nothing is lost; try again later"
		: "what was changed is still logged; nothing is lost");
}

/* All peers asked for, once. */
static int pack_all(struct site *s, const struct options *o,
    struct status_file *st)
{
	int code = 0;
	struct err e = ERR_INIT;

	status_set(st, "state", "packing");
	status_flush(st, true, &e);
	if (o->npeers == 0)
		for (size_t i = 0; i < s->cfg->n_peers && !site_stop; i++)
			code = site_worse(code,
			    pack_one(s, o, s->cfg->peers[i].name));
	for (int i = 0; i < o->npeers && !site_stop; i++)
		code = site_worse(code, pack_one(s, o, o->peers[i]));
	/* last, since each peer's packing looks first whether the database was
	 * put back */
	if (capture_forget(s->store, s->cfg->site.forget_after, warn, NULL,
		&e) < 0)
		code = site_worse(code, log_err(&e, "deleted rows are"
		    " remembered for longer; nothing is lost"));
	status_set(st, "state", "idle");
	status_set_int(st, "exit", code);
	status_flush(st, true, &e);
	return code;
}

static int check_names(struct site *s, const struct options *o)
{
	struct err e = ERR_INIT;

	for (int i = 0; i < o->npeers; i++)
		if (!config_need_peer(s->cfg, o->peers[i], &e))
			return log_err(&e, "see \"dialsync peer\"");
	return 0;
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct status_file *st;
	struct options o;
	struct site s;
	int code = parse(argc, argv, &o);

	if (code >= 0)
		return code;
	if (keys_start(&e) < 0 || site_open(&s, o.dir, &e) < 0)
		return log_err(&e, NULL);
	code = check_names(&s, &o);
	if (code == 0 && site_open_store(&s, DB_WRITE, &e) < 0)
		code = log_err(&e, site_next(&e));
	if (code == 0 && identity_check(s.store, s.dir, &e) < 0)
		code = log_err(&e, site_next(&e));
	if (code) {
		site_close(&s);
		return code;
	}
	site_warn_clock();
	capture_trouble(s.store, warn, NULL, &e);
	site_catch_signals();
	/* status is a service to others: without it we pack all the same */
	st = status_open(&s.spool, "packer", &e);
	for (;;) {
		code = pack_all(&s, &o, st);
		if (!o.watch || site_stop)
			break;
		site_wait(-1, s.cfg->site.pack_every * 1000);
		if (site_stop)
			break;
	}
	status_close(st);
	site_close(&s);
	return code;
}
