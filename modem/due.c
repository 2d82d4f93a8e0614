/* See due.h. */
#include "config.h"

#include "modem/due.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "spool/call_log.h"

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

/* The word for the call log of a failure before there was a line. */
static const char *word_of(const struct err *why)
{
	switch (why->kind) {
	case ERR_REFUSED:
		return "refused";
	case ERR_CONFIG:
	case ERR_USAGE:
		return "config";
	case ERR_DEVICE:
		return "device";
	default:
		return "io";
	}
}

/* A call that did not come to a line.  Its exit code. */
static int note_failure(const struct spool *s, const struct due_call *c,
    const struct err *why)
{
	struct call_record r = {.start = clock_wall(), .try = c->try};
	struct err e = ERR_INIT;

	if (why->kind == ERR_BUSY) {
		log_debug("%s", why->text);
		return 0;
	}
	r.end = r.start;
	r.exit = err_exit_code(why);
	snprintf(r.peer, sizeof(r.peer), "%s", c->peer->name);
	snprintf(r.line, sizeof(r.line), "%s", c->n_routes ?
	    c->route[0].line->name : "");
	snprintf(r.direction, sizeof(r.direction), "out");
	snprintf(r.result, sizeof(r.result), "%s", word_of(why));
	snprintf(r.message, sizeof(r.message), "%s", why->text);
	log_error("%s: %s", c->peer->name, why->text);
	if (call_log_append(s, &r, &e) < 0)
		log_warn("the call is not in the call log: %s", e.text);
	return r.exit;
}

/* Call this peer if its time has come.  Its exit code; less than 0: stop, with
 * e if that is an error. */
static int call_one(const struct spool *s, const struct config *cfg,
    const struct config_peer *p, due_fn *call, void *arg, struct err *e)
{
	struct due_call one;
	struct err why = ERR_INIT;
	int code;

	if (due_prepare(s, cfg, p, SCHEDULE_BY_CLOCK, &one, e) < 0) {
		if (e->kind != ERR_AGAIN)
			return -1;
		err_clear(e);
		return 0;
	}
	code = call(arg, &one, &why);
	if (code > 0 && why.kind != ERR_NONE)
		code = note_failure(s, &one, &why);
	return code;
}

int due_call_all(const struct spool *s, const struct config *cfg,
    due_fn *call, void *arg, struct err *e)
{
	int worst = 0;

	for (size_t i = 0; i < cfg->n_peers; i++) {
		int code = call_one(s, cfg, &cfg->peers[i], call, arg, e);

		if (code < 0)
			return e->kind != ERR_NONE ? -1 : worst;
		if (place(code) < place(worst))
			worst = code;
	}
	return worst;
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
