/* The modem of a call.  See call_modem.h. */
#include "config.h"

#include "modem/call_modem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define COLLISIONS_MAX 3
#define AGAIN_MS       11000 /* the modem waits 10 s before a ring is a new
                              * call's */
#define AGAIN_MORE_MS  7000  /* so that two sites do not dial at once again */

/* What the modem, or the login script, is at. */
static void show(void *arg, const char *text)
{
	struct call_modem *m = arg;

	log_debug("line %s: %s", m->line->name, text);
	call_note(m->status, "message", text);
	if (m->status)
		(void)status_flush(m->status, true, NULL);
}

static int configure(struct call_modem *m, struct port *port,
    struct at_conf *conf, struct err *e)
{
	const struct config_line *l = m->line;

	at_conf_init(conf);
	if (strlen(l->init) > AT_INIT_MAX)
		return err_set(e, ERR_CONFIG, "line %s: init has more than %d "
		    "characters; leave out what is the modem's default",
		    l->name, AT_INIT_MAX);
	if (strlen(l->prefix) > AT_PREFIX_MAX)
		return err_set(e, ERR_CONFIG, "line %s: prefix has more than "
		    "%d characters", l->name, AT_PREFIX_MAX);
	memcpy(conf->init, l->init, strlen(l->init) + 1);
	memcpy(conf->prefix, l->prefix, strlen(l->prefix) + 1);
	conf->pulse = l->dial == CONFIG_DIAL_PULSE;
	conf->dtr = !(port_signals(port) & PORT_UNKNOWN);
	conf->connect_wait_ms = (uint32_t)l->connect_wait * 1000;
	return 0;
}

/* S0 in init: the modem answers by itself. */
static bool answers_itself(const struct call_modem *m)
{
	const char *s0 = strcasestr(m->line->init, "S0=");

	return s0 != NULL && atoi(s0 + 3) > 0;
}

/* All about a connection that has come about. */
static void take_connect(struct call_modem *m, const struct at_connect *k)
{
	m->connect = *k;
	memset(&m->watch, 0, sizeof m->watch);
	/* many modems say the cable's speed, which is no news */
	if (!k->bps_is_carrier && (int)k->bps == m->talk.port->speed)
		m->connect.bps = 0;
}

int call_modem_open(struct call_modem *m, struct call_site *s,
    const struct call_line *l, struct port *port, struct err *e)
{
	struct at_conf conf;
	struct at_event ev;
	int got;

	memset(m, 0, sizeof *m);
	m->site = s;
	m->line = l->line;
	m->status = l->status;
	m->talk = (struct talk){.port = port, .stop_fd = s->stop_fd,
	    .progress = show, .arg = m};
	if (configure(m, port, &conf, e) < 0)
		return -1;
	m->talk.at = at_new(&conf, clock_ms());
	if (!m->talk.at)
		abort();
	at_init(m->talk.at, clock_ms());
	do {
		got = talk_event(&m->talk, &ev, e);
		if (got == 1 && ev.type == AT_EV_FAILED)
			got = err_set(e, ev.err->kind, "line %s: %s",
			    m->line->name, ev.err->text);
	} while (got == 1 && ev.type != AT_EV_READY);
	m->ready = got == 1;
	return got;
}

void call_modem_free(struct call_modem *m)
{
	at_free(m->talk.at);
	m->talk.at = NULL;
}

/* --- dialling and answering ------------------------------------------------ */

/* The call is there: its time runs. */
static int begin(struct call *c, struct call_modem *m)
{
	struct call_record *d = &c->report.record;

	snprintf(d->connect, sizeof d->connect, "%.*s",
	    CALL_CONNECT_MAX - 1, m->connect.text);
	call_note(m->status, "message", NULL);
	log_info("%s: %s", c->peer ? c->peer->name : m->line->name,
	    d->connect);
	c->modem = m;
	call_report_start(c);
	return 1;
}

/* What at_dial() or at_answer() came to: 1 connected, 2 collision, 0, -1. */
static int outcome(struct call *c, struct call_modem *m)
{
	struct at_event ev;
	int got;

	while ((got = talk_event(&m->talk, &ev, &c->err)) == 1) {
		if (ev.type == AT_EV_CONNECT) {
			take_connect(m, ev.connect);
			return begin(c, m);
		}
		if (ev.type == AT_EV_COLLISION)
			return 2;
		if (ev.type != AT_EV_NO_CALL)
			continue;
		c->result = at_code_result(ev.code);
		return err_set(&c->err, ev.err->kind, "%s", ev.err->text);
	}
	if (got < 0)
		m->gone = true;
	return got;
}

/* A call comes in just now: let it ring out, unless somebody takes it. */
static int wait_ringing(struct call *c, struct call_modem *m)
{
	uint64_t more = (uint64_t)getpid() * 997 % AGAIN_MORE_MS;
	struct at_event ev;
	int got;

	log_info("line %s: a call comes in just now; dialing again later",
	    m->line->name);
	m->talk.until_ms = clock_ms() + AGAIN_MS + more;
	while ((got = talk_event(&m->talk, &ev, &c->err)) == 1) {
		if (ev.type == AT_EV_RING)
			m->talk.until_ms = clock_ms() + AGAIN_MS + more;
		if (ev.type == AT_EV_CONNECT)
			break; /* S0: at_dial() says that it cannot dial */
	}
	m->talk.until_ms = 0;
	return got;
}

int call_modem_dial(struct call *c, struct call_modem *m, const char *phone)
{
	int got, times = 0;

	for (;;) {
		if (at_online(m->talk.at))
			times = COLLISIONS_MAX;
		else if (at_dial(m->talk.at, phone, clock_ms(), &c->err) < 0)
			return err_add(&c->err, "line %s", m->line->name);
		else if ((got = outcome(c, m)) != 2)
			return got;
		if (++times >= COLLISIONS_MAX) {
			c->result = "busy";
			return err_set(&c->err, ERR_AGAIN, "line %s is taken: "
			    "calls came in while this one was dialed; try "
			    "again later", m->line->name);
		}
		got = wait_ringing(c, m);
		if (got <= 0)
			return got;
	}
}

int call_modem_ring(struct call_modem *m, uint64_t until_ms, struct err *e)
{
	struct at_event ev;
	int got;

	m->talk.until_ms = until_ms;
	while ((got = talk_event(&m->talk, &ev, e)) == 1) {
		if (ev.type == AT_EV_CONNECT)
			take_connect(m, ev.connect);
		else if (ev.type != AT_EV_RING)
			continue;
		show(m, ev.text);
		if (ev.type == AT_EV_CONNECT || !answers_itself(m))
			break;
	}
	m->talk.until_ms = 0;
	return got;
}

int call_modem_answer(struct call *c, struct call_modem *m)
{
	int got;

	if (at_online(m->talk.at))
		return begin(c, m);
	if (at_answer(m->talk.at, clock_ms()) < 0)
		return err_set(&c->err, ERR_CALLER, "line %s: the modem is %s",
		    m->line->name, at_state(m->talk.at));
	got = outcome(c, m);
	return got == 2 ? -1 : got;
}

/* --- data, and its end ------------------------------------------------------- */

bool call_modem_lost(struct call_modem *m, const void *p, size_t n,
    uint64_t now_ms)
{
	at_watch_feed(&m->watch, p, n, now_ms);
	if (n == 0 && at_watch_lost(&m->watch, now_ms))
		m->gone = true;
	return m->gone;
}

bool call_modem_hushed(const struct call_modem *m)
{
	return at_watch_deadline(&m->watch) != UINT64_MAX;
}

void call_modem_hangup(struct call *c, struct call_modem *m)
{
	struct at_event ev;
	struct err e = ERR_INIT;
	int got;

	if (!m->ready || m->gone || at_idle(m->talk.at))
		return;
	if (!c->safe)
		call_state(m->status, "hanging-up", NULL);
	/* a call that stays up costs money: not even a signal stops this */
	m->talk.stop_fd = -1;
	m->talk.until_ms = 0;
	m->talk.progress = NULL;
	if (at_watch_deadline(&m->watch) != UINT64_MAX)
		at_carrier_lost(m->talk.at, clock_ms());
	at_hangup(m->talk.at, clock_ms());
	do
		got = talk_event(&m->talk, &ev, &e);
	while (got == 1 && ev.type != AT_EV_HUNG_UP);
	if (got == 1 && ev.code == AT_TIMEOUT)
		log_warn("line %s: the modem does not answer when it is to "
		    "hang up; the call may still be there: look at the modem, "
		    "and let init have &C1&D2", m->line->name);
}
