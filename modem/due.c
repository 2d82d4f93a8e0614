/* See due.h. */
#include "config.h"

#include "modem/due.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

/* What the log says of this peer. */
static int read_peer(const struct spool *s, const struct config *cfg,
    const struct config_peer *p, int64_t now, struct schedule_peer *out,
    struct err *e)
{
	struct schedule_peer *all = calloc(cfg->n_peers + 1, sizeof(*all));
	int rc;

	if (!all)
		return err_set(e, ERR_SYSTEM, "no memory for the log of calls");
	rc = schedule_read(s, cfg, now, all, e);
	for (size_t i = 0; rc == 0 && i < cfg->n_peers; i++)
		if (all[i].peer == p)
			*out = all[i];
	free(all);
	return rc;
}

static void fill(const struct spool *s, const struct config *cfg,
    const struct schedule_peer *known, struct due_call *out)
{
	struct spool_counts n = {0};
	bool counted = spool_count(s, known->peer->name, &n, NULL) == 0 &&
	    n.outbox_bytes < INT64_MAX && n.outbox_bundles < INT64_MAX;

	memset(out, 0, sizeof(*out));
	out->peer = known->peer;
	out->n_routes = schedule_routes(cfg, known->peer, out->route);
	out->try = known->facts.tries + 1;
	out->facts = known->facts;
	out->estimate_s = !counted ? -1 : schedule_estimate(known,
	    (int64_t)n.outbox_bytes, -1, &out->bps);
	if (counted && n.outbox_bundles > 0)
		estimate_text(out->estimate_s, (int64_t)n.outbox_bundles,
		    out->bps, out->about);
}

int due_prepare(const struct spool *s, const struct config *cfg,
    const struct config_peer *p, enum schedule_how how, struct due_call *out,
    struct err *e)
{
	struct schedule_peer known = {0};
	struct schedule_answer a;
	char why[SCHEDULE_TEXT];
	int64_t now = clock_wall();

	if (read_peer(s, cfg, p, now, &known, e) < 0)
		return -1;
	schedule_ask(p, &known.facts, how, now, &a);
	if (!a.due)
		return err_set(e, ERR_AGAIN, "%s: %s", p->name,
		    schedule_text(&a, how, why));
	fill(s, cfg, &known, out);
	return 0;
}

/* Where an exit code stands among those of several peers.  What the contract's
 * order does not name (usage, no site, a bug) comes first, 0 last. */
static size_t place(int code)
{
	static const int order[] = {78, 77, 76, 74, 69, 65, 75, 0};
	const size_t n = sizeof(order) / sizeof(*order);

	for (size_t i = 0; i < n; i++)
		if (code == order[i])
			return i + 1;
	return 0;
}

int due_call_all(const struct spool *s, const struct config *cfg,
    due_fn *call, void *arg, struct err *e)
{
	struct due_call one;
	struct err why = ERR_INIT;
	int code = 0, rc;

	for (size_t i = 0; i < cfg->n_peers; i++) {
		err_clear(&why);
		rc = due_prepare(s, cfg, &cfg->peers[i], SCHEDULE_BY_CLOCK,
		    &one, &why);
		if (rc < 0 && why.kind == ERR_AGAIN)
			continue;
		if (rc < 0) {
			*e = why;
			return -1;
		}
		rc = call(arg, &one);
		if (rc < 0)
			break;
		if (place(rc) < place(code))
			code = rc;
	}
	return code;
}

const char *due_next_try(const struct spool *s, const struct config *cfg,
    const struct config_peer *p, char out[DUE_NEXT_TEXT])
{
	struct schedule_peer known = {0};
	struct schedule_answer a;
	int64_t now = clock_wall();
	struct tm tm;
	time_t t;

	out[0] = '\0';
	if (p->every == 0 || read_peer(s, cfg, p, now, &known, NULL) < 0)
		return out;
	schedule_ask(p, &known.facts, SCHEDULE_BY_CLOCK, now, &a);
	t = (time_t)a.next;
	if (a.next != SCHEDULE_NONE && localtime_r(&t, &tm))
		strftime(out, DUE_NEXT_TEXT, "next try at %Y-%m-%d %H:%M",
		    &tm);
	return out;
}
