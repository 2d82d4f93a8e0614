/* dialsync-carry: bundles by stick; run as "dialsync carry". */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"
#include "carry/carry.h"
#include "spool/spool_lock.h"

static const char usage[] =
    "usage: dialsync carry STICK [PEER...] [--no-pack] [-C DIR]\n"
    "\n"
    "Exchange bundles with peers through a directory that travels: a stick, a\n"
    "disk, a mailed archive.  What is ready is written to STICK, what is there\n"
    "for this site is taken in, and what was applied is deleted from it.  All\n"
    "peers without PEER; several sites may use one stick.\n"
    "\n"
    "  --no-pack  carry what is ready; do not run the packer first\n"
    "  -C DIR     the site's directory\n"
    "  -q, -v     be quiet; explain\n"
    "  --help, --version\n";

#define PROGRAM "dialsync carry"

struct options {
	const char *dir;
	const char *stick;
	bool no_pack;
	char **peers;
	int npeers;
};

static const struct option longopts[] = {
    {"no-pack", no_argument, NULL, 'n'},
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
		case 'n':
			o->no_pack = true;
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
	if (optind == argc) {
		log_error("which stick? Name the directory where it is"
			  " mounted; see \"%s --help\"", PROGRAM);
		return 64;
	}
	o->stick = argv[optind];
	o->peers = argv + optind + 1;
	o->npeers = argc - optind - 1;
	return -1;
}

/* All peers of the configuration; an array of borrowed names. */
static char **all_peers(const struct config *cfg, int *n)
{
	char **list = calloc(cfg->n_peers + 1, sizeof(*list));

	if (!list)
		abort();
	*n = (int)cfg->n_peers;
	for (size_t i = 0; i < cfg->n_peers; i++)
		list[i] = (char *)cfg->peers[i].name;
	return list;
}

static void report(const struct carry *c)
{
	const struct carry_result *r = &c->r;
	char size[32];

	log_progress_end();
	if (r->taken)
		log_info("%s: %u bundle%s taken in; \"dialsync apply\" brings"
			 " %s into the database", c->peer, r->taken,
		    r->taken == 1 ? " is" : "s are",
		    r->taken == 1 ? "it" : "them");
	if (r->delivered)
		log_info("%s: %u bundle%s applied there and left the outbox",
		    c->peer, r->delivered, r->delivered == 1 ? " was" :
		    "s were");
	if (r->written)
		log_info("%s: %u bundle%s (%s) written to the stick; kept here"
			 " until %s has applied %s", c->peer, r->written,
		    r->written == 1 ? "" : "s",
		    text_bytes((int64_t)r->written_bytes, size, sizeof(size)),
		    c->peer, r->written == 1 ? "it" : "them");
	if (r->removed)
		log_debug("%s: %u applied bundle%s deleted from the stick",
		    c->peer, r->removed, r->removed == 1 ? "" : "s");
	if (!r->taken && !r->delivered && !r->written && !r->removed)
		log_debug("%s: nothing new", c->peer);
}

/* What the other side says of our bundles, and what we know of its. */
static int read_applied(struct carry *c, struct err *e)
{
	struct err why = ERR_INIT;
	char *path, *dir = carry_stick_dir(c, c->peer, c->site->cfg->site.name,
	    false, &why);

	memset(c->theirs, 0, sizeof(*c->theirs));
	if (!dir && why.kind != ERR_NONE) {
		*e = why;
		return -1;
	}
	if (dir) {
		path = fs_join(dir, SPOOL_APPLIED);
		/* unreadable or none at all: then it says nothing */
		if (spool_applied_read_file(path, c->theirs, &why) < 0)
			memset(c->theirs, 0, sizeof(*c->theirs));
		free(path);
		free(dir);
	}
	return spool_applied_read(&c->site->spool, c->peer, c->ours, e);
}

/* What cannot be read from the stick does not keep ours from it. */
static int carry_both(struct carry *c, struct err *e)
{
	struct err why = ERR_INIT;
	int in = carry_in(c, e), out;

	if (in < 0 && (e->kind == ERR_AGAIN || carry_stick_there(c, NULL) < 0))
		return -1;
	out = carry_out(c, &why);
	if (in == 0 && out < 0)
		*e = why;
	return in < 0 || out < 0 ? -1 : 0;
}

static int carry_peer(struct carry *c, const char *peer)
{
	struct spool_lock lock = SPOOL_LOCK_INIT;
	struct err e = ERR_INIT;
	int rc;

	c->peer = peer;
	memset(&c->r, 0, sizeof(c->r));
	rc = spool_make_peer(&c->site->spool, peer, &e);
	if (rc == 0)
		rc = spool_lock(&c->site->spool, SPOOL_LOCK_CALL, peer, &lock,
		    &e);
	if (rc < 0) {
		err_add(&e, e.kind == ERR_BUSY ? "a call or another carry with"
		    " %s is under way" : "%s", peer);
		return log_err(&e, "nothing is lost; try again");
	}
	rc = read_applied(c, &e);
	if (rc == 0)
		rc = carry_both(c, &e);
	spool_unlock(&lock);
	report(c);
	if (rc == 0)
		return c->r.damaged ? 65 : 0;
	err_add(&e, "%s", peer);
	return log_err(&e, e.kind == ERR_AGAIN
	    ? "run it again; what was done is kept"
	    : "nothing is lost: what is not on the stick is still in the"
	      " outbox; see that the stick is in and has room, and run it"
	      " again");
}

static int run(struct site *s, const struct options *o)
{
	struct carry c;
	struct err e = ERR_INIT;
	int n = o->npeers, code = 0;
	char **all = NULL, **peers = o->peers;

	memset(&c, 0, sizeof(c));
	c.site = s;
	c.dir = o->stick;
	if (stat(c.dir, &c.at) < 0 || !S_ISDIR(c.at.st_mode)) {
		log_error("%s is %s; is the stick mounted there?", c.dir,
		    errno == ENOENT ? "not there" : "no directory that can be"
		    " used");
		return 66;
	}
	if (n == 0)
		peers = all = all_peers(s->cfg, &n);
	if (n == 0)
		log_warn("this site has no peers; see \"dialsync peer\"");
	c.ours = calloc(1, sizeof(*c.ours));
	c.theirs = calloc(1, sizeof(*c.theirs));
	if (!c.ours || !c.theirs)
		abort();
	if (!o->no_pack && n > 0)
		code = carry_pack(s, peers, n);
	for (int i = 0; i < n; i++) {
		/* after a signal or without the stick once is enough */
		if (site_stop || (i > 0 && carry_stick_there(&c, &e) < 0)) {
			code = site_worse(code, site_stop ? 75
				: log_err(&e, "put it in and run it again"));
			break;
		}
		code = site_worse(code, carry_peer(&c, peers[i]));
	}
	free(c.ours);
	free(c.theirs);
	free(all);
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
	if (site_open(&s, o.dir, &e) < 0)
		return log_err(&e, NULL);
	code = 0;
	for (int i = 0; i < o.npeers && code == 0; i++)
		if (!config_need_peer(s.cfg, o.peers[i], &e))
			code = log_err(&e, "see \"dialsync peer\"");
	site_catch_signals();
	if (code == 0)
		code = run(&s, &o);
	site_close(&s);
	return code;
}
