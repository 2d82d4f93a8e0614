/* The exchange on the line of a call: who is there, what is asked, the end.
 * See session.h, exchange.h, doc/EXCHANGE.md. */
#include "config.h"

#include "modem/call_exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "modem/call_modem.h"
#include "modem/call_peer.h"
#include "modem/stuff.h"
#include "modem/who_is_there.h"

#define LOOK_AFTER_MS  3000  /* who is it, if no hello came by then */
#define REFUSE_MAX_MS  60000 /* the longest that a refusal waits */
#define NOISE_MAX      65536 /* bytes without a hello */

static struct session_exchange *session(const struct call *c)
{
	return c->session;
}

/* --- the session's life --------------------------------------------------- */

static int configure(struct call *c, struct exchange_conf *x, struct err *e)
{
	memset(x, 0, sizeof *x);
	x->caller = c->outgoing;
	snprintf(x->site, sizeof x->site, "%s", c->site->cfg->site.name);
	x->insist = c->outgoing ? NULL : c->insist;
	if (getrandom(x->seed, sizeof x->seed, 0) !=
	    (ssize_t)sizeof x->seed)
		return err_sys(e, "no random numbers");
	if (c->line->flow == CONFIG_FLOW_XONXOFF)
		x->mask = STUFF_XON;
	x->half = c->line->duplex == CONFIG_DUPLEX_HALF;
	call_line_recall(c, x);
	/* a modem's cable says little about its line, a pty's nothing */
	if (c->port->wire && c->port->speed > 0 && !c->line->modem) {
		x->rate_max = c->port->speed / 10.0;
		/* the first call over a cable whose speed is known */
		if (x->rate == 0)
			x->rate = x->rate_max;
	}
	if (x->rate == 0 && c->modem)
		x->rate = c->modem->connect.bps / 10.0;
	return 0;
}

static int start(struct call *c, uint64_t now, struct err *e)
{
	struct session_exchange *s = calloc(1, sizeof *s);
	struct exchange_conf x;
	struct exchange_peer *peers = NULL;

	if (!s)
		abort();
	s->next.fd = -1;
	if (configure(c, &x, e) == 0 &&
	    call_peers_new(c->site, c->line, c->outgoing ? c->peer : NULL,
		&peers, &x.n_peers, e) == 0) {
		x.peers = peers;
		s->x = exchange_new(&x, now);
		if (!s->x)
			err_set(e, ERR_CALLER, "the exchange cannot begin");
		call_peers_free(peers, x.n_peers);
	}
	explicit_bzero(&x, sizeof x);
	if (!s->x) {
		free(s);
		return -1;
	}
	c->session = s;
	return 0;
}

static void end(struct call *c)
{
	struct session_exchange *s = session(c);
	struct exchange_stats t;

	exchange_get_stats(s->x, &t);
	call_line_remember(c, &t);
	call_offer_close(s);
	exchange_free(s->x);
	free(s);
	c->session = NULL;
}

/* A refusal waits, longer each time, so that keys cannot be tried fast; a
 * hello with the right key ends the waiting (greet). */
static void check_refused(struct call *c, uint64_t now)
{
	struct session_exchange *s = session(c);
	struct exchange_stats t;

	if (c->outgoing)
		return;
	exchange_get_stats(s->x, &t);
	if (t.refused == s->refused)
		return;
	s->refused = t.refused;
	c->refused = true;
	if (c->refuse_ms && *c->refuse_ms) {
		c->hold_ms = now + *c->refuse_ms;
		*c->refuse_ms *= 2;
		if (*c->refuse_ms > REFUSE_MAX_MS)
			*c->refuse_ms = REFUSE_MAX_MS;
	}
	log_warn("line %s: a caller is refused: no peer of this site, or "
		 "with another key or security%s",
	    c->line->name,
	    c->insist ? ", or not the one that --peer names" : "");
}

/* A flood in which there is no hello: whatever it is, it is not us. */
static void check_noise(struct call *c, size_t n)
{
	struct session_exchange *s = session(c);
	struct who_is_there w;
	char text[ERR_TEXT_MAX];

	if (s->greeted || s->refused)
		return;
	s->noise += n;
	if (s->noise <= NOISE_MAX)
		return;
	call_who(c, &w);
	snprintf(text, sizeof text, "%llu bytes came, and no hello of a "
	    "dialsync among them; %s", (unsigned long long)s->noise,
	    w.sentence);
	call_stop(c, SESSION_STOP_PROTOCOL, ERR_PEER, text);
}

/* ZMODEM's cancel: a dialsync that is set to it has seen our hello. */
static void check_cancel(struct call *c)
{
	if (session(c)->greeted || c->why.kind != ERR_NONE ||
	    !memmem(c->first, c->first_n, "\x18\x18\x18\x18\x18", 5))
		return;
	call_stop(c, SESSION_STOP_PROTOCOL, ERR_PEER,
	    "the far end speaks ZMODEM and has cancelled the call; write "
	    "protocol = dialsync into its line's section, or protocol = "
	    "zmodem into this one's, and security = none for the peer");
}

static void feed(struct call *c, const uint8_t *p, size_t n, uint64_t now)
{
	if (!session(c)->first_ms)
		session(c)->first_ms = now;
	exchange_feed(session(c)->x, p, n, now);
	check_refused(c, now);
	check_noise(c, n);
	check_cancel(c);
}

/* Something came, but no hello: tell what it seems to be, and do not wait for
 * what cannot come. */
static void look_who(struct call *c, uint64_t now)
{
	struct session_exchange *s = session(c);
	struct who_is_there w;

	if (s->greeted || s->known_who || s->refused || !s->first_ms ||
	    now < s->first_ms + LOOK_AFTER_MS || c->err.kind != ERR_NONE)
		return;
	s->known_who = true;
	call_who(c, &w);
	if (w.who == WHO_DIALSYNC) /* one that does not mean us */
		return;
	if (!w.final) {
		log_info("line %s: no dialsync yet: %s", c->line->name,
		    w.sentence);
		return;
	}
	if (w.who == WHO_LOGIN || w.who == WHO_PASSWORD ||
	    w.who == WHO_LOGIN_FAILED)
		c->result = "login";
	call_stop(c, SESSION_STOP_PROTOCOL,
	    w.who == WHO_ZMODEM ? ERR_PEER : ERR_AGAIN, w.sentence);
}

static void tick(struct call *c, uint64_t now)
{
	exchange_tick(session(c)->x, now);
	look_who(c, now);
}

static uint64_t deadline(struct call *c)
{
	return exchange_deadline(session(c)->x);
}

static size_t out(struct call *c, const uint8_t **p, uint64_t now)
{
	return exchange_out(session(c)->x, p, now);
}

static void sent(struct call *c, size_t n, uint64_t now)
{
	exchange_sent(session(c)->x, n, now);
}

static void stop(struct call *c, enum session_stop reason, enum err_kind kind,
    const char *why)
{
	exchange_stop(session(c)->x, reason, kind, why);
}

/* --- who is there ---------------------------------------------------------- */

/* EXCHANGE_EV_HELLO: someone with a peer's key, or without one where none is
 * wanted.  Whether it is alive, and not an old recording, only its first
 * record shows: until then nothing is changed here. */
static void greet(struct call *c, const struct exchange_event *ev)
{
	struct message_have have;
	struct err e = ERR_INIT;

	session(c)->greeted = true;
	c->hold_ms = 0;
	c->refused = false;
	if (call_have(c, ev->peer, &have, &e) < 0)
		call_fail(c, &e);
	else
		exchange_have(session(c)->x, &have);
}

static const char *security_text(const struct config_peer *p)
{
	switch (p->security) {
	case CONFIG_SECURITY_ENCRYPT:
		return "encrypted";
	case CONFIG_SECURITY_SIGN:
		return "signed, not encrypted";
	case CONFIG_SECURITY_NONE:
		break;
	}
	return "without a key: not encrypted";
}

/* EXCHANGE_EV_PEER: it is there. */
static void meet(struct call *c, const struct exchange_event *ev)
{
	const struct config_peer *p = config_peer(c->site->cfg, ev->peer);
	struct err e = ERR_INIT;
	char how[100];

	if (c->refuse_ms)
		*c->refuse_ms = CALL_REFUSE_MS;
	if (!p) {
		err_set(&e, ERR_CALLER, "\"%s\" is no peer", ev->peer);
		call_fail(c, &e);
		return;
	}
	if (!c->peer && call_take_peer(c, p, &e) < 0) {
		call_fail(c, &e);
		return;
	}
	if (p->security == CONFIG_SECURITY_NONE)
		snprintf(how, sizeof how, "%s", security_text(p));
	else
		snprintf(how, sizeof how, "%s, key %zu of keys/%s.key",
		    security_text(p), ev->key + 1, p->name);
	call_meet(c, how);
}

/* --- events ---------------------------------------------------------------- */

static void failed(struct call *c, const struct err *why)
{
	if (c->err.kind == ERR_NONE)
		c->err = *why;
}

static void one_event(struct call *c, const struct exchange_event *ev)
{
	switch (ev->type) {
	case EXCHANGE_EV_HELLO:
		greet(c, ev);
		break;
	case EXCHANGE_EV_PEER:
		meet(c, ev);
		break;
	case EXCHANGE_EV_STORED:
		call_offer_stored(c, ev);
		break;
	case EXCHANGE_EV_PASSED:
		call_offer_passed(c, ev);
		break;
	case EXCHANGE_EV_WANT_OFFER:
		session(c)->wanted = true;
		break;
	case EXCHANGE_EV_WANT_DATA:
		call_offer_data(c, ev);
		break;
	case EXCHANGE_EV_BUNDLE:
		call_income_bundle(c, ev);
		break;
	case EXCHANGE_EV_ASK:
		call_income_ask(c, ev);
		break;
	case EXCHANGE_EV_DATA:
		call_income_data(c, ev);
		break;
	case EXCHANGE_EV_BUNDLE_END:
		call_income_end(c, ev);
		break;
	case EXCHANGE_EV_SAFE:
		call_report_safe(c);
		break;
	case EXCHANGE_EV_DONE:
		c->over = true;
		break;
	case EXCHANGE_EV_FAILED:
		failed(c, ev->err);
		break;
	}
}

/* Is it an event of a session that we have refused to go on with? */
static bool is_deaf(const struct call *c, const struct exchange_event *ev)
{
	return !c->met && ev->type != EXCHANGE_EV_HELLO &&
	       ev->type != EXCHANGE_EV_PEER &&
	       ev->type != EXCHANGE_EV_SAFE && ev->type != EXCHANGE_EV_DONE &&
	       ev->type != EXCHANGE_EV_FAILED;
}

static void events(struct call *c)
{
	struct exchange_event ev;

	while (exchange_event(session(c)->x, &ev))
		if (!is_deaf(c, &ev))
			one_event(c, &ev);
}

static bool work(struct call *c, uint64_t now)
{
	look_who(c, now);
	return call_offer_work(c);
}

static void stored(
    struct call *c, uint64_t number, enum spool_commit_result result)
{
	call_income_stored(c, number, result);
}

/* --- how it went ------------------------------------------------------------ */

static bool safe(const struct call *c)
{
	return exchange_safe(session(c)->x);
}

static void stats(const struct call *c, struct session_stats *st)
{
	const struct session_exchange *s = session(c);
	struct exchange_stats t;
	uint64_t there;

	exchange_get_stats(s->x, &t);
	there = t.acked + s->skipped;
	st->wire_out = t.link.wire_out;
	st->wire_in = t.link.wire_in;
	st->again = t.link.again;
	st->arrived = there > s->settled ? there - s->settled : 0;
	st->sending = t.data_out + s->skipped > s->settled;
}

static unsigned left_out(const struct call *c)
{
	return session(c)->passed;
}

static void explain(struct call *c)
{
	unsigned n = session(c)->passed;

	if (n > 0)
		err_set(&c->err, ERR_AGAIN,
		    "%u bundle%s not taken, here or there; the next call "
		    "tries again",
		    n, n == 1 ? " was" : "s were");
	else
		err_set(&c->err, ERR_AGAIN,
		    "the other side ended the call before all was done");
}

/* Say what is there instead of a dialsync, if that is known. */
static void facts(struct call *c, struct buf *m)
{
	struct who_is_there w;

	if (c->safe || session(c)->greeted || c->first_n == 0 ||
	    c->err.kind != ERR_AGAIN || session(c)->refused)
		return;
	call_who(c, &w);
	/* not twice */
	if (!strstr(c->err.text, w.sentence))
		buf_addf(m, "; %s", w.sentence);
}

static bool is_ours(const struct call *c)
{
	(void)c; /* facts() says it better */
	return true;
}

const struct session_ops session_exchange = {
	.paces = true,
	.both_ways = true,
	.start = start,
	.end = end,
	.feed = feed,
	.tick = tick,
	.deadline = deadline,
	.out = out,
	.sent = sent,
	.events = events,
	.work = work,
	.stored = stored,
	.stop = stop,
	.safe = safe,
	.left_out = left_out,
	.stats = stats,
	.explain = explain,
	.facts = facts,
	.is_ours = is_ours,
};
