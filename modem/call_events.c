/* What the protocol asks for, and who is at the far end. */
#include "config.h"

#include "modem/call_p.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"

/* End the call for this reason: the far end is told (cancel), and ZM_EV_FAILED
 * brings the reason back. */
static void refuse(struct call *c, const struct err *e)
{
	zm_abort(c->zm, e->kind, e->text);
}

/* The caller of an incoming call, or NULL with e.  A name proves nothing by
 * itself, so only peers with security = none get through. */
static const struct config_peer *identify(
    struct call *c, const char *name, struct err *e)
{
	const struct config_peer *p;
	char safe[4 * TEXT_NAME_MAX + 8];

	if (!name || !*name)
		name = c->insist ? c->insist : c->line->peer;
	if (!name) {
		err_set(e, ERR_REFUSED,
		    "line %s: the caller does not say "
		    "who it is (plain ZMODEM); write peer = NAME into [line "
		    "%s] of dialsync.conf, or answer with --peer NAME",
		    c->line->name, c->line->name);
		return NULL;
	}
	text_safe(name, strlen(name), safe, sizeof safe);
	if (strcmp(name, c->site->cfg->site.name) == 0) {
		err_set(e, ERR_REFUSED,
		    "line %s: our own name \"%s\" came "
		    "back; the line echoes, or two sites have one name",
		    c->line->name, safe);
		return NULL;
	}
	p = config_peer(c->site->cfg, name);
	if (!p)
		err_set(e, ERR_REFUSED,
		    "line %s: the caller says that it is "
		    "\"%s\", which is no peer of this site; if it is to be "
		    "one: dialsync peer %s",
		    c->line->name, safe, text_name_ok(name) ? name : "NAME");
	return p;
}

/* ZM_EV_PEER. */
static void meet(struct call *c, const char *name)
{
	const struct config_peer *p = c->peer;
	struct err e = ERR_INIT;

	if (!p) {
		p = identify(c, name, &e);
		if (!p || call_peer_allowed(c->site, p, &e) < 0 ||
		    call_take_peer(c, p, &e) < 0) {
			refuse(c, &e);
			return;
		}
	}
	c->met = true;
	log_info("%s: connected%s", p->name,
	    name ? ""
		 : " with a plain "
		   "ZMODEM program");
	call_state(c->report.status, "exchanging", NULL);
	call_report_tick(c, 0, true);
}

/* The peer offered a file under a name that is no bundle's. */
static void refused_name(struct call *c, const char *name)
{
	char safe[120];

	text_safe(name, strlen(name), safe, sizeof safe);
	log_warn("%s: \"%s\" was offered and not taken: bundles are called "
		 "NNNNNNNN.xml.gz and are smaller than 1 GB",
	    c->peer ? c->peer->name : c->line->name, safe);
}

static void one_event(struct call *c, const struct zm_event *ev)
{
	switch (ev->type) {
	case ZM_EV_PEER:
		meet(c, ev->name);
		break;
	case ZM_EV_WANT_FILE:
		c->send.wanted = true;
		call_send_next(c);
		break;
	case ZM_EV_WANT_DATA:
		call_send_data(c, ev);
		break;
	case ZM_EV_FILE_SENT:
		call_send_done(c, ev);
		break;
	case ZM_EV_FILE_OFFERED:
		call_recv_offer(c, ev);
		break;
	case ZM_EV_FILE_REFUSED:
		refused_name(c, ev->name);
		break;
	case ZM_EV_GOT_DATA:
		call_recv_data(c, ev);
		break;
	case ZM_EV_FILE_END:
		call_recv_end(c, ev);
		break;
	case ZM_EV_FILE_CUT:
		call_recv_cut(c);
		break;
	case ZM_EV_SAFE:
		call_report_safe(c);
		break;
	case ZM_EV_DONE:
		c->over = true;
		break;
	case ZM_EV_FAILED:
		if (c->err.kind == ERR_NONE)
			c->err = *ev->err;
		break;
	}
}

void call_events(struct call *c)
{
	struct zm_event ev;

	while (zm_event(c->zm, &ev))
		one_event(c, &ev);
}
