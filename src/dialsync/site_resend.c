/* dialsync resend: send again what a peer is not known to have applied. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "dialsync/site_cmd.h"
#include "spool/spool_outbox.h"

static const char usage[] =
    "usage: dialsync resend [PEER] [-C DIR]\n"
    "\n"
    "When in doubt: send again what PEER is not known to have applied.  The next\n"
    "pack makes new bundles of it; what PEER has already changes nothing there.\n"
    "\n"
    "  -C DIR     the site's directory\n"
    "  -q, -v     be quiet; explain\n"
    "  --help, --version\n";

static const struct option longopts[] = {
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

/* Of the bundles past the acknowledged one: how many there are, and how many
 * of those are still in the outbox. */
static int count_bundles(struct site *site, const struct peer *p, int64_t *all,
    int64_t *ready, struct err *e)
{
	struct peer_sent *sent;
	struct spool_list l;
	size_t n, k = 0;

	*all = *ready = 0;
	if (peer_sent_from(site->store, p, p->acked + 1, &sent, &n, e) < 0)
		return -1;
	if (spool_list(&site->spool, SPOOL_KIND_OUTBOX, p->name, 0, &l, e) <
	    0) {
		free(sent);
		return -1;
	}
	for (size_t i = 0; i < n; i++) {
		while (k < l.n && (int64_t)l.e[k].number < sent[i].number)
			k++;
		++*all;
		*ready += k < l.n && (int64_t)l.e[k].number == sent[i].number;
	}
	spool_list_free(&l);
	free(sent);
	return 0;
}

/* In a transaction: 1 the mark went back, 0 there is no need, -1. */
static int rewind_peer(struct site *site, const char *name, struct peer *p,
    int64_t *rows, struct err *e)
{
	struct store *s = site->store;
	int64_t all, ready;
	char sql[120];
	int rc;

	if (peer_load(s, name, p, e) < 0 ||
	    count_bundles(site, p, &all, &ready, e) < 0)
		return -1;
	if (p->mark > p->acked && all > 0 && all == ready) {
		log_info("%s: the %lld bundle%s that it is not known to have"
			 " applied %s still in the outbox; a call or a stick"
			 " takes %s", name, (long long)all, all == 1 ? "" : "s",
		    all == 1 ? "is" : "are", all == 1 ? "it" : "them");
		return 0;
	}
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM dialsync_frag"
	    " WHERE s > %lld AND s <= %lld", (long long)p->acked,
	    (long long)p->mark);
	if (db_int(s->db, sql, 0, rows, e) < 0)
		return -1;
	rc = peer_rewind(s, p, e);
	if (rc == 0)
		log_info("%s: nothing to send again: it has applied all that"
			 " was packed for it, or the next pack makes bundles of"
			 " the rest anyway", name);
	return rc <= 0 ? rc : peer_save(s, p, e) < 0 ? -1 : 1;
}

static int run_resend(struct site *site, const char *name)
{
	struct store *s = site->store;
	struct err e = ERR_INIT;
	struct peer p;
	int64_t rows = 0;
	int rc;

	if (store_begin(s, &e) < 0)
		return log_err(&e, "nothing was changed; try again");
	rc = rewind_peer(site, name, &p, &rows, &e);
	if (rc == 1 && store_commit(s, &e) < 0)
		rc = -1;
	if (rc < 1)
		store_rollback(s);
	if (rc < 0)
		return log_err(&e, "nothing was changed; try again");
	if (rc == 1)
		log_info("%s: up to %lld change%s that it is not known to have"
			 " applied %s sent again, in new bundles: with the next"
			 " call, carry or \"dialsync pack --flush %s\"", name,
		    (long long)rows, rows == 1 ? "" : "s",
		    rows == 1 ? "is" : "are", name);
	return 0;
}

int cmd_resend(int argc, char **argv)
{
	struct site_options o = {"dialsync resend", usage, NULL, argv,
	    longopts};
	const struct config_peer *peer;
	struct err e = ERR_INIT;
	struct site site;
	int c, code;

	log_init(o.program, site_verbosity());
	while ((c = getopt_long(argc, argv, SITE_SHORT, longopts, NULL)) != -1)
		if ((code = site_option(&o, c)) >= 0)
			return code;
	if (argc - optind > 1)
		return site_usage(&o, "one peer at a time");
	code = site_begin(&site, &o);
	if (code)
		return code;
	peer = config_need_peer(site.cfg, argv[optind], &e);
	code = peer ? run_resend(&site, peer->name)
		    : log_err(&e, "see \"dialsync peer\"");
	site_close(&site);
	return code;
}
