/* One call: from an open port to a result that a person understands. */
#include "config.h"

#include "modem/call_p.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "modem/call_modem.h"
#include "modem/who_is_there.h"

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
	c->disk = call_disk_new(&c->site->spool, p->name, e);
	if (!c->disk)
		return -1;
	call_pack_start(c);
	return 0;
}

void call_meet(struct call *c, const char *how)
{
	c->met = true;
	log_info("%s: connected%s%s", c->peer->name, how ? " " : "",
	    how ? how : "");
	call_state(c->report.status, "exchanging", NULL);
	call_hook(c, HOOK_CONNECT);
	call_report_tick(c, 0, true);
}

void call_who(const struct call *c, struct who_is_there *w)
{
	who_is_there((const uint8_t *)c->first, c->first_n,
	    (const uint8_t *)c->said, c->said_n, w);
}

void call_stop(struct call *c, enum session_stop reason, enum err_kind kind,
    const char *why)
{
	if (c->why.kind != ERR_NONE)
		return;
	err_set(&c->why, kind, "%s", why);
	if (c->disk) {
		call_disk_wait(c->disk);
		call_results(c);
	}
	c->ops->stop(c, reason, kind, why);
}

void call_fail(struct call *c, const struct err *e)
{
	enum session_stop reason = SESSION_STOP_ERROR;

	if (e->kind == ERR_BUSY)
		reason = SESSION_STOP_BUSY;
	if (e->kind == ERR_PEER)
		reason = SESSION_STOP_PROTOCOL;
	call_stop(c, reason, e->kind, e->text);
}

void call_results(struct call *c)
{
	struct call_disk_result r;

	while (c->disk && call_disk_done(c->disk, &r)) {
		call_recv_result(c, &r);
		if (r.what == CALL_DISK_REMOVE && r.failed)
			log_warn("%s: bundle %08llu is stored there, but "
				 "stays in the outbox; it is not sent again",
			    c->peer->name, (unsigned long long)r.number);
	}
}

/* The line has gone, perhaps: all that came is synced, what is being stored is
 * finished, and counts.  At once, as the user may cut the power now. */
static void settle(struct call *c)
{
	call_recv_cut(c);
	if (!c->disk)
		return;
	call_disk_wait(c->disk);
	call_results(c);
	c->ops->events(c);
	c->safe = c->ops->safe(c);
}

void call_exchange(struct call *c, struct port *port)
{
	c->port = port;
	c->pace.rate = port->speed / 10.0;
	/* error control takes start and stop bits away */
	if (c->modem && c->modem->connect.bps > 0)
		c->pace.rate = c->modem->connect.bps / 8.0;
	c->ops = c->line->protocol == CONFIG_PROTOCOL_ZMODEM
		     ? &session_zmodem
		     : &session_exchange;
	if (!c->report.start_ms)
		call_report_start(c);
	c->began_ms = clock_ms();
	if (c->ops->start(c, clock_ms(), &c->err) < 0)
		return;
	call_loop(c);
	c->safe = c->ops->safe(c);
	settle(c);
	log_progress_end();
	port_drain(port, DRAIN_MS);
}

void call_free(struct call *c)
{
	if (c->disk)
		call_recv_close(c);
	call_disk_free(c->disk);
	c->disk = NULL;
	call_send_close(c);
	spool_unlock(&c->lock);
	if (c->session)
		c->ops->end(c);
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
	return c->met || c->first_n || c->modem ? "dropped" : "no-answer";
}

/* What a person should know besides the reason. */
static void add_facts(struct call *c, struct buf *m)
{
	char a[CALL_NUMBER_TEXT], b[CALL_NUMBER_TEXT], text[330];
	size_t n = c->first_n < 80 ? c->first_n : 80;

	if (c->session && !c->met && n > 0 && !c->ops->is_ours(c) &&
	    c->err.kind != ERR_REFUSED)
		buf_addf(m,
		    "; what came from the line was \"%s\": look at the "
		    "speed, and at what is at the far end",
		    text_safe(c->first, n, text, sizeof text));
	if (c->session && !c->met && n == 0 && c->err.kind == ERR_AGAIN &&
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

	buf_addf(m, "sent %lld bundle%s, %s bytes; received %lld, %s bytes",
	    (long long)c->send.bundles_done,
	    c->send.bundles_done == 1 ? "" : "s",
	    call_number((uint64_t)c->send.bytes_done, a),
	    (long long)c->recv.bundles_done,
	    call_number((uint64_t)c->recv.bytes_done, b));
}

/* The sentence about how it ended. */
static void describe(struct call *c, bool done, struct buf *m)
{
	if (!done) {
		buf_adds(m, c->err.text);
		add_facts(c, m);
	} else {
		add_counts(c, m);
	}
	if (c->session)
		c->ops->facts(c, m);
}

int call_finish(struct call *c)
{
	struct buf m = BUF_INIT(1200);
	struct session_stats s = {0};
	struct call_record *d = &c->report.record;
	const char *who = c->peer ? c->peer->name : c->line->name;
	bool done;
	int code;

	if (c->session)
		c->ops->stats(c, &s);
	if (c->session && !c->safe && c->err.kind == ERR_NONE)
		c->ops->explain(c);
	done = c->safe && !(c->ops->left_out && c->ops->left_out(c));
	if (c->safe && !done)
		c->ops->explain(c);
	code = done ? 0 : err_exit_code(&c->err);
	describe(c, done, &m);
	if (done)
		log_info("%s: done: %s", who, buf_str(&m));
	else
		log_error("%s: %s", who, buf_str(&m));
	d->bytes_sent = (int64_t)s.wire_out;
	d->bytes_received = (int64_t)s.wire_in;
	d->bundles_sent = c->send.bundles_done;
	d->bundles_received = c->recv.bundles_done;
	d->resent_bytes = (int64_t)s.again;
	call_report_end(c, c->safe ? "safe-to-hang-up" : "failed",
	    result_word(c), code, buf_str(&m));
	buf_free(&m);
	return code;
}
