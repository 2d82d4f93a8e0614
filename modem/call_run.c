/* One call: from an open port to a result that a person understands. */
#include "config.h"

#include "modem/call_p.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#define DRAIN_MS 3000

void call_init(struct call *c, struct call_site *s)
{
	memset(c, 0, sizeof *c);
	c->site = s;
	c->lock.fd = -1;
	c->send.fd = -1;
}

void call_use_line(struct call *c, const struct call_line *l)
{
	c->line = l->line;
	c->report.status = l->status;
	c->report.record.start = clock_wall();
}

int call_take_peer(struct call *c, const struct config_peer *p, struct err *e)
{
	if (spool_make_peer(&c->site->spool, p->name, e) < 0)
		return -1;
	if (spool_lock(&c->site->spool, SPOOL_LOCK_CALL, p->name, &c->lock, e) <
	    0)
		return err_add(e,
		    e->kind == ERR_BUSY ? "another call with %s is under way"
					: "peer %s",
		    p->name);
	c->peer = p;
	if (call_recv_open(c, e) < 0 || call_send_open(c, e) < 0)
		return -1;
	call_pack_start(c);
	return 0;
}

/* The protocol's settings for this line. */
static void configure(struct call *c, struct zm_conf *z)
{
	const char *whom = c->outgoing ? c->peer->name : c->insist;
	double second = c->port->speed / 10.0;

	zm_conf_init(z);
	snprintf(z->site, sizeof z->site, "%s", c->site->cfg->site.name);
	snprintf(z->peer, sizeof z->peer, "%s", whom ? whom : "");
	/* a block lasts a second at most, so that a repeat is cheap */
	if (second > 0 && second < z->block)
		z->block = second < 128 ? 128 : (uint32_t)second;
}

/* A plain rz hangs up when it has the last file; nobody waits there for the
 * end that dialsync sites agree on.  Nothing more can be known of it. */
static bool plain_is_done(const struct call *c)
{
	struct zm_stats z;

	zm_stats(c->zm, &z);
	return c->met && !zm_is_dialsync(c->zm) && c->send.ended &&
	       !c->send.number && !c->recv.part && !c->result &&
	       c->err.kind == ERR_AGAIN && c->send.bundles_done > 0 &&
	       z.sent_skipped == 0 && z.not_stored == 0;
}

/* A new session, as caller or answerer. */
static void start_session(struct call *c, enum zm_side side)
{
	struct zm_conf z;

	configure(c, &z);
	zm_free(c->zm);
	c->zm = zm_new(&z, side, clock_ms());
	if (!c->zm)
		abort();
}

/* A dialsync caller's ZRQINIT as it is on the wire (hex header): 'd', 's',
 * version 1, "I am the caller". */
static const char callers_hello[] = "**\x18"
				    "B0064730101";

/* Two callers on one cable: the smaller name becomes the answerer.  Each side
 * knows both names, so both come to the same result. */
void call_check_collision(struct call *c)
{
	if (!c->outgoing || c->met || c->yielded ||
	    !memmem(
		c->first, c->first_n, callers_hello, sizeof callers_hello - 1))
		return;
	c->yielded = true;
	if (strcmp(c->site->cfg->site.name, c->peer->name) > 0)
		return;
	log_info("%s: both sides call, or the line echoes; this one answers",
	    c->peer->name);
	start_session(c, ZM_ANSWERER);
}

void call_exchange(struct call *c, struct port *port)
{
	c->port = port;
	c->pace.rate = port->speed / 10.0;
	start_session(c, c->outgoing ? ZM_CALLER : ZM_ANSWERER);
	call_report_start(c);
	call_loop(c);
	c->safe = zm_safe(c->zm) || plain_is_done(c);
	/* at once when carrier goes: the user may cut the power now */
	call_recv_close(c);
	log_progress_end();
	port_drain(port, DRAIN_MS);
}

void call_free(struct call *c)
{
	call_recv_close(c);
	call_send_close(c);
	spool_unlock(&c->lock);
	zm_free(c->zm);
	c->zm = NULL;
}

/* The word for the call log. */
static const char *result_word(const struct call *c)
{
	if (c->safe)
		return "done";
	if (c->result)
		return c->result;
	switch (c->err.kind) {
	case ERR_PEER:
		return "protocol";
	case ERR_REFUSED:
		return "refused";
	case ERR_DEVICE:
		return "device";
	case ERR_CONFIG:
	case ERR_USAGE:
		return "config";
	case ERR_BUSY:
		return "busy";
	case ERR_CALLER:
	case ERR_SYSTEM:
	case ERR_MISSING:
	case ERR_DATA:
		return "io";
	case ERR_NONE:
	case ERR_AGAIN:
		break;
	}
	if (!c->port)
		return "no-carrier";
	return c->met || c->first_n ? "dropped" : "no-answer";
}

/* A call that ended by itself, but without "safe": what was left out. */
static void explain_done(struct call *c, const struct zm_stats *z)
{
	if (z->refused > 0)
		err_set(&c->err, ERR_PEER,
		    "%u offered file%s no bundle%s "
		    "and not taken; all else is done",
		    z->refused, z->refused == 1 ? " was" : "s were",
		    z->refused == 1 ? "" : "s");
	else
		err_set(&c->err, ERR_AGAIN,
		    "%u bundle%s not taken there, "
		    "%u not here; the next call tries again",
		    z->sent_skipped, z->sent_skipped == 1 ? " was" : "s were",
		    z->not_stored);
}

/* Are the first bytes a protocol of ours?  Then they need not be shown. */
static bool is_zmodem(const struct call *c)
{
	return memmem(c->first, c->first_n,
		   "**\x18"
		   "B",
		   4) != NULL;
}

static bool was_cancelled(const struct call *c)
{
	return memmem(c->first, c->first_n, "\x18\x18\x18\x18\x18", 5) !=
		   NULL &&
	       c->err.kind == ERR_AGAIN && !c->result;
}

/* What a person should know besides the reason. */
static void add_facts(struct call *c, struct buf *m)
{
	char a[CALL_NUMBER_TEXT], b[CALL_NUMBER_TEXT], text[330];

	if (c->zm && !c->met && was_cancelled(c))
		buf_adds(m, "; the far end refused the call, and says there "
			    "why");
	else if (c->zm && !c->met && c->first_n > 0 && !is_zmodem(c) &&
		 c->err.kind != ERR_REFUSED)
		buf_addf(m,
		    "; what came from the line was \"%s\": look at the "
		    "speed, and at what is at the far end",
		    text_safe(c->first, c->first_n, text, sizeof text));
	if (c->zm && !c->met && c->first_n == 0 && c->err.kind == ERR_AGAIN &&
	    !c->result)
		buf_adds(m, "; nothing came from the far end: is it "
			    "answering?");
	if (c->recv.kept && c->recv.kept_at > 0) {
		buf_addf(m, "; partial of %08llu kept at %s",
		    (unsigned long long)c->recv.kept,
		    call_number(c->recv.kept_at, a));
		if (c->recv.kept_size != SPOOL_SIZE_UNKNOWN)
			buf_addf(
			    m, " of %s", call_number(c->recv.kept_size, b));
		buf_adds(m, "; the next call resumes");
	}
}

/* "sent 2 bundles, 5,120 bytes; received ..." */
static void add_counts(struct call *c, struct buf *m)
{
	char a[CALL_NUMBER_TEXT], b[CALL_NUMBER_TEXT];
	bool plain = c->zm && !zm_is_dialsync(c->zm);

	buf_addf(m, "sent %lld bundle%s, %s bytes; received %lld, %s bytes",
	    (long long)c->send.bundles_done,
	    c->send.bundles_done == 1 ? "" : "s",
	    call_number((uint64_t)c->send.bytes_done, a),
	    (long long)c->recv.bundles_done,
	    call_number((uint64_t)c->recv.bytes_done, b));
	if (plain && c->send.bundles_done > 0)
		buf_addf(m, "; the other side does not confirm storing, %s",
		    c->line->zmodem_trust
			? "and is trusted (zmodem-trust = yes)"
			: "so the outbox keeps them");
}

int call_finish(struct call *c)
{
	struct buf m = BUF_INIT(1000);
	struct zm_stats z = {0};
	struct call_record *d = &c->report.record;
	const char *who = c->peer ? c->peer->name : c->line->name;
	int code;

	if (c->zm)
		zm_stats(c->zm, &z);
	if (!c->safe && c->err.kind == ERR_NONE)
		explain_done(c, &z);
	code = c->safe ? 0 : err_exit_code(&c->err);
	if (!c->safe) {
		buf_adds(&m, c->err.text);
		add_facts(c, &m);
		log_error("%s: %s", who, buf_str(&m));
	} else {
		add_counts(c, &m);
		log_info("%s: done: %s", who, buf_str(&m));
	}
	d->bytes_sent = (int64_t)z.bytes_out;
	d->bytes_received = (int64_t)z.bytes_in;
	d->bundles_sent = c->send.bundles_done;
	d->bundles_received = c->recv.bundles_done;
	d->resent_bytes = (int64_t)z.resent;
	call_report_end(c, c->safe ? "safe-to-hang-up" : "failed",
	    result_word(c), code, buf_str(&m));
	buf_free(&m);
	return code;
}
