/* When is it over?  "Safe" is derived from what both sides have said, never
 * set; FIN follows from it.  And the other ends: BYE, silence, errors. */
#include "modem/exchange_p.h"

#include <stdarg.h>
#include <stdio.h>

/* A side that is safe keeps the line until the other one is, too: its FIN
 * answers ours at once.  If it does not come, a probe tells whether anyone is
 * still there. */
#define FIN_WAIT_MS   2000u
#define PROBE_WAIT_MS 8000u
#define HALF_WAIT_MS  60000u /* for the turn to come round */

bool exchange_over(const struct exchange *x)
{
	return x->st == EXCHANGE_ST_DONE || x->st == EXCHANGE_ST_FAILED;
}

const char *exchange_peer_name(const struct exchange *x)
{
	return x->h.peer != NULL ? x->h.peer->name : "the other side";
}

bool exchange_safe(const struct exchange *x)
{
	return x->s.theirs_known && x->s.no_more && x->s.end_out &&
	    exchange_send_over(x) && x->r.end && exchange_recv_over(x);
}

/* --- failures --- */

__attribute__((format(printf, 3, 0)))
static void set_err(struct exchange *x, enum err_kind kind, const char *fmt,
    va_list ap)
{
	char text[ERR_TEXT_MAX];

	vsnprintf(text, sizeof text, fmt, ap);
	err_set(&x->e.err, kind, "%s", text);
}

void exchange_fail(struct exchange *x, enum err_kind kind, const char *fmt,
    ...)
{
	va_list ap;

	if (exchange_over(x))
		return;
	x->st = EXCHANGE_ST_FAILED;
	if (x->e.failing) /* the first reason is the one that counts */
		return;
	va_start(ap, fmt);
	set_err(x, kind, fmt, ap);
	va_end(ap);
}

void exchange_bye(struct exchange *x, unsigned reason)
{
	struct link_stats ls;
	uint64_t ms = EXCHANGE_BYE_MS;

	if (x->link == NULL || x->st < EXCHANGE_ST_OPEN) {
		x->st = EXCHANGE_ST_FAILED;
		return;
	}
	link_get_stats(x->link, &ls);
	if (ls.rate_out > 0) /* BYE stands behind what is sealed */
		ms += (uint64_t)((double)link_unacked(x->link) * 1000 /
		    ls.rate_out);
	if (ms > 5 * EXCHANGE_BYE_MS || x->half)
		ms = 5 * EXCHANGE_BYE_MS;
	x->e.failing = true;
	x->e.bye_until = x->now + ms;
	x->s.bye = true;
	x->s.bye_reason = reason;
	x->s.ask = false;
}

void exchange_fail_peer(struct exchange *x, const char *fmt, ...)
{
	va_list ap;

	if (exchange_over(x) || x->e.failing)
		return;
	va_start(ap, fmt);
	set_err(x, ERR_PEER, fmt, ap);
	va_end(ap);
	err_add(&x->e.err, "%s broke the protocol", exchange_peer_name(x));
	x->e.deaf = true;
	exchange_bye(x, 4);
}

void exchange_stop(struct exchange *x, unsigned reason, enum err_kind kind,
    const char *why)
{
	if (exchange_over(x) || x->e.failing)
		return;
	if (x->s.fin_out) { /* nothing is left that the other side needs */
		x->st = EXCHANGE_ST_DONE;
		return;
	}
	err_set(&x->e.err, kind, "%s", why);
	exchange_bye(x, reason);
}

/* --- the last events --- */

/* FIN is on the line, not in the link. */
static bool fin_has_left(const struct exchange *x)
{
	struct link_stats ls;

	if (!x->s.fin_out || !link_drained(x->link))
		return false;
	link_get_stats(x->link, &ls);
	return ls.stream_out >= x->s.stream;
}

/* Our FIN is out and theirs is in, or will not come. */
static bool is_done(const struct exchange *x)
{
	uint64_t wait = x->half ? HALF_WAIT_MS : PROBE_WAIT_MS;
	struct link_stats ls;

	if (x->st != EXCHANGE_ST_SESSION || !fin_has_left(x))
		return false;
	if (x->r.fin)
		return true;
	if (x->e.probe_at == 0)
		return false;
	link_get_stats(x->link, &ls);
	if (link_probe_answered(x->link) && link_unacked(x->link) == 0)
		return x->now >= x->e.probe_at + FIN_WAIT_MS + ls.rtt_ms;
	return x->now >= x->e.probe_at + wait + 4 * (uint64_t)ls.rtt_ms;
}

bool exchange_end_event(struct exchange *x, struct exchange_event *ev)
{
	/* With FIN it is final; before, something new may come. */
	if (!x->e.safe_told && x->s.fin_out && exchange_safe(x)) {
		x->e.safe_told = true;
		x->stats.safe_ms = x->now - x->start;
		ev->type = EXCHANGE_EV_SAFE;
		return true;
	}
	if (is_done(x))
		x->st = EXCHANGE_ST_DONE;
	if (!exchange_over(x) || x->e.over_told)
		return false;
	x->e.over_told = true;
	ev->type = x->st == EXCHANGE_ST_DONE ? EXCHANGE_EV_DONE :
	    EXCHANGE_EV_FAILED;
	if (x->st == EXCHANGE_ST_FAILED)
		ev->err = &x->e.err;
	return true;
}

/* --- time --- */

static void bye_tick(struct exchange *x)
{
	bool gone = x->s.bye_out && link_drained(x->link) &&
	    link_unacked(x->link) == 0;

	if (gone || x->now >= x->e.bye_until)
		x->st = EXCHANGE_ST_FAILED;
}

static uint64_t probe_due(const struct exchange *x)
{
	struct link_stats ls;

	link_get_stats(x->link, &ls);
	return x->e.fin_at + (x->half ? HALF_WAIT_MS : FIN_WAIT_MS) +
	    2 * (uint64_t)ls.rtt_ms;
}

static void fin_tick(struct exchange *x)
{
	if (x->e.fin_at == 0 && fin_has_left(x))
		x->e.fin_at = x->now;
	if (x->e.fin_at == 0 || x->e.probe_at != 0 || x->r.fin ||
	    x->now < probe_due(x))
		return;
	x->e.probe_at = x->now;
	link_probe(x->link);
}

void exchange_end_tick(struct exchange *x)
{
	if (exchange_over(x) || x->link == NULL)
		return;
	if (x->e.failing)
		bye_tick(x);
	else if (x->s.fin_out)
		fin_tick(x);
	if (!exchange_over(x) && link_dead(x->link))
		exchange_fail(x, ERR_AGAIN, "%s has fallen silent",
		    exchange_peer_name(x));
}

uint64_t exchange_end_deadline(const struct exchange *x)
{
	uint64_t at = UINT64_MAX;
	struct link_stats ls;

	if (x->link == NULL || exchange_over(x))
		return UINT64_MAX;
	link_get_stats(x->link, &ls);
	if (x->e.failing)
		at = x->e.bye_until;
	else if (x->e.probe_at != 0)
		at = x->now + FIN_WAIT_MS / 4;
	else if (x->e.fin_at != 0)
		at = probe_due(x);
	return at;
}
