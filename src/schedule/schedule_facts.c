/* The log of calls, from its end, into facts.  See schedule_facts.h. */
#include "config.h"

#include "schedule/schedule_facts.h"

#include <string.h>

#include "config/config.h"

#define RECORDS_MAX 10000 /* looked at; where one peer was never called */
#define SAMPLES_WITHIN 300 /* records looked at for rates alone */

static bool is_good(const struct call_record *r)
{
	return r->exit == 0;
}

static bool is_ours(const struct call_record *r)
{
	return strcmp(r->direction, "out") == 0;
}

/* Failures that trying again does not mend: there is no line to call on, the
 * peer speaks another version, the key is wrong, dialsync.conf is; a modem that
 * refuses the number. */
static bool is_hopeless(const struct call_record *r)
{
	return r->exit == 64 || r->exit == 76 || r->exit == 77 || r->exit == 78 ||
	    strcmp(r->result, "blacklisted") == 0;
}

/* How much of the connected time of a call of ours lies between midnight and
 * now.  It is counted back from its end: what comes before was dialing. */
static int64_t used_today(const struct schedule_peer *s,
    const struct call_record *r)
{
	int64_t from = r->end - r->seconds, to = r->end;

	if (!is_ours(r))
		return 0;
	if (from < s->midnight)
		from = s->midnight;
	if (to > s->now)
		to = s->now;
	return to > from ? to - from : 0;
}

static void add_sample(struct estimate_calls *c, const struct call_record *r)
{
	if (c->n == ESTIMATE_CALLS_MAX)
		return;
	c->call[c->n++] = (struct estimate_call){
	    r->bytes_sent, r->bytes_received, r->seconds};
}

void schedule_peer_init(struct schedule_peer *s, const struct config *cfg,
    const struct config_peer *p, int64_t now)
{
	struct schedule_route routes[SCHEDULE_ROUTES_MAX];

	memset(s, 0, sizeof(*s));
	s->peer = p;
	s->now = now;
	s->midnight = schedule_day_start(now);
	if (schedule_routes(cfg, p, routes) > 0)
		s->line = routes[0].line;
	s->facts.last_good = SCHEDULE_NONE;
}

/* A call of ours that failed, and no good one after it.  One try may be
 * several calls, by other numbers and lines: they have one number, `try`. */
static void add_try(struct schedule_peer *s, const struct call_record *r)
{
	struct schedule_facts *f = &s->facts;

	if (f->tries > 0 && r->try > 0 && r->try == s->last_try)
		return;
	if (f->tries == 0)
		f->hopeless = is_hopeless(r);
	s->last_try = r->try;
	f->tries++;
	if (f->n_tried < SCHEDULE_TRIED_MAX)
		f->tried[f->n_tried++] = r->start;
}

bool schedule_peer_add(struct schedule_peer *s, const struct call_record *r)
{
	struct schedule_facts *f = &s->facts;
	bool known = f->last_good != SCHEDULE_NONE;
	bool same = strcmp(r->peer, s->peer->name) == 0;

	s->looked_at++;
	if (s->line && strcmp(r->line, s->line->name) == 0 && is_good(r) &&
	    r->seconds > 0)
		add_sample(same ? &s->own : &s->others, r);
	if (same) {
		if (!s->called)
			s->last = *r;
		s->called = true;
		f->used += used_today(s, r);
		if (!known && is_good(r))
			f->last_good = r->start;
		else if (!known && is_ours(r))
			add_try(s, r);
	}
	return f->last_good == SCHEDULE_NONE || r->end >= s->midnight ||
	    (s->line && s->own.n < ESTIMATE_CALLS_MAX / 2 &&
	    s->looked_at < SAMPLES_WITHIN);
}

int schedule_read(const struct spool *spool, const struct config *cfg,
    int64_t now, struct schedule_peer *all, struct err *e)
{
	struct err why = ERR_INIT;
	struct call_log *log;
	struct call_record r;
	bool more = true;
	int rc = 1;

	for (size_t i = 0; i < cfg->n_peers; i++)
		schedule_peer_init(&all[i], cfg, &cfg->peers[i], now);
	log = call_log_open(spool, &why);
	if (!log && why.kind == ERR_MISSING)
		return 0;
	if (!log)
		return err_set(e, why.kind, "%s", why.text);
	for (int n = 0; n < RECORDS_MAX && more; n++) {
		rc = call_log_prev(log, &r, e);
		if (rc != 1)
			break;
		more = false;
		for (size_t i = 0; i < cfg->n_peers; i++)
			more |= schedule_peer_add(&all[i], &r);
	}
	call_log_close(log);
	return rc < 0 ? -1 : 0;
}

/* ---- estimates */

/* What the line's settings or its modem's last CONNECT promise. */
static int64_t nominal_rate(const struct schedule_peer *s)
{
	if (s->line->device.kind != CONFIG_DEVICE_PATH)
		return 0;
	if (!s->line->modem)
		return s->line->speed / 10;
	if (s->called && strcmp(s->last.line, s->line->name) == 0)
		return estimate_connect_bps(s->last.connect) / 10;
	return 0;
}

int64_t schedule_estimate(const struct schedule_peer *s, int64_t to_send,
    int64_t to_receive, int64_t *bps)
{
	struct estimate_line line = {0};
	struct estimate e;
	int bits;

	if (bps)
		*bps = 0;
	if (!s->line)
		return -1;
	line.both_at_once = s->line->protocol == CONFIG_PROTOCOL_DIALSYNC &&
	    s->line->duplex == CONFIG_DUPLEX_FULL;
	line.nominal = nominal_rate(s);
	estimate_make(&s->own, &line, &e);
	if (!e.measured && s->own.n == 0)
		estimate_make(&s->others, &line, &e);
	/* a serial line carries ten bits a byte; of others we see bytes */
	bits = s->line->device.kind == CONFIG_DEVICE_PATH ? 10 : 8;
	if (bps)
		*bps = (int64_t)(e.rate * bits);
	return estimate_seconds(&e, &line, to_send, to_receive);
}

/* ---- lines and numbers */

static size_t add_routes(const struct config_line *line,
    const struct config_peer *p, struct schedule_route *out, size_t n)
{
	if (!line->modem || p->phones.n == 0) {
		out[n++] = (struct schedule_route){line, NULL};
		return n;
	}
	for (size_t i = 0; i < p->phones.n && n < SCHEDULE_ROUTES_MAX; i++)
		out[n++] = (struct schedule_route){line, p->phones.text[i]};
	return n;
}

size_t schedule_routes(const struct config *cfg, const struct config_peer *p,
    struct schedule_route out[SCHEDULE_ROUTES_MAX])
{
	const struct config_line *line;
	size_t n = 0;

	/* no line: the only one there is */
	if (p->lines.n == 0 && cfg->n_lines == 1)
		n = add_routes(&cfg->lines[0], p, out, n);
	for (size_t i = 0; i < p->lines.n; i++) {
		line = config_line(cfg, p->lines.text[i]);
		if (line)
			n = add_routes(line, p, out, n);
	}
	return n;
}

size_t schedule_next_route(const struct schedule_route *routes, size_t n,
    size_t at, int exit_code, bool connected)
{
	size_t next = at + 1;

	if (exit_code == 0 || connected)
		return n;
	if (exit_code == 69)
		while (next < n && routes[next].line == routes[at].line)
			next++;
	return next;
}
