/* What people and programs see of a call: the status file, one progress line,
 * the call log, and the one sentence that all of it is for. */
#include "config.h"

#include "modem/call_p.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define REPORT_MS 250
#define SAMPLE_MS 1000

const char *call_number(uint64_t n, char out[CALL_NUMBER_TEXT])
{
	char plain[24];
	int len = snprintf(plain, sizeof plain, "%llu", (unsigned long long)n);
	char *to = out;
	int i;

	for (i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = plain[i];
	}
	*to = '\0';
	return out;
}

const char *call_connect_text(const struct call *c)
{
	const char *said = c->report.record.connect;

	return said[0] || c->line->modem ? said : c->line->device.text;
}

void call_note(struct status_file *f, const char *key, const char *value)
{
	if (f)
		status_set(f, key, value);
}

void call_state(struct status_file *f, const char *state, const char *message)
{
	struct err e = ERR_INIT;

	if (!f)
		return;
	status_set(f, "state", state);
	status_set_time(f, "since", clock_wall());
	status_set_bool(
	    f, "safe_to_hang_up", strcmp(state, "safe-to-hang-up") == 0);
	status_set(f, "message", message);
	if (status_flush(f, true, &e) < 0)
		log_debug("status: %s", e.text);
}

void call_report_start(struct call *c)
{
	struct call_report *r = &c->report;
	struct status_file *f = r->status;

	r->record.start = clock_wall();
	r->start_ms = r->sample_ms = clock_ms();
	/* now, since dialing took time */
	if (c->due)
		c->limit_s = schedule_limit(c->due->peer, &c->due->facts,
		    r->record.start);
	if (!f)
		return;
	status_set(f, "direction", c->outgoing ? "out" : "in");
	status_set(f, "peer", c->peer ? c->peer->name : NULL);
	status_set(f, "connect", call_connect_text(c));
	status_set(f, "result", NULL);
	status_set(f, "exit", NULL);
	status_set(f, "receiving.bundles_done", NULL);
	status_set(f, "receiving.bytes_done", NULL);
	status_set(f, "receiving.bytes_total", NULL);
	status_set(f, "sending.bundles_done", NULL);
	status_set(f, "sending.bundles_total", NULL);
	status_set(f, "sending.bytes_done", NULL);
	status_set(f, "sending.bytes_total", NULL);
	call_state(f, "connected", NULL);
}

/* Bytes a second of one direction, smoothed over a few seconds. */
static void smooth(double *rate, uint64_t bytes, uint64_t ms)
{
	double now = (double)bytes * 1000.0 / (double)ms;

	*rate = *rate > 0 ? 0.6 * *rate + 0.4 * now : now;
}

static void measure(
    struct call_report *r, const struct session_stats *s, uint64_t now)
{
	uint64_t ms = now - r->sample_ms;

	if (ms < SAMPLE_MS)
		return;
	smooth(&r->rate_in, s->wire_in - r->sample_in, ms);
	smooth(&r->rate_out, s->wire_out - r->sample_out, ms);
	r->sample_ms = now;
	r->sample_in = s->wire_in;
	r->sample_out = s->wire_out;
}

/* The figures of one moment. */
struct figures {
	int64_t sent, to_send, received, to_receive;
	double rate; /* of the fuller direction */
	int seconds; /* -1: not known */
	bool sending;
};

/* Seconds that a direction still takes, or -1. */
static double time_left(int64_t bytes, double rate)
{
	if (bytes <= 0)
		return 0;
	return rate >= 1 ? (double)bytes / rate : -1;
}

static void look(
    struct call *c, const struct session_stats *s, struct figures *f)
{
	struct call_report *r = &c->report;
	int64_t left_out, left_in;
	double t;

	f->sending = s->sending;
	f->sent = c->send.bytes_done + (int64_t)s->arrived;
	f->to_send = c->send.bytes_total;
	f->received = c->recv.bytes_done +
		      (c->recv.part ? (int64_t)c->recv.part->synced : 0);
	f->to_receive = c->recv.bytes_total;
	f->rate = r->rate_in > r->rate_out ? r->rate_in : r->rate_out;
	left_out = f->to_send - f->sent;
	left_in = f->to_receive - f->received;
	if (c->ops->both_ways) {
		double a = time_left(left_out, r->rate_out);
		double b = time_left(left_in, r->rate_in);

		t = a < 0 || b < 0 ? -1 : a > b ? a : b;
	} else {
		/* one direction after the other: the times add up */
		t = f->rate >= 1 ? time_left(left_out + left_in, f->rate) : -1;
	}
	f->seconds = t < 0 || t > 1e9 ? -1 : (int)(t + 0.999);
}

static void write_status(struct call *c, const struct figures *g)
{
	struct call_report *r = &c->report;
	struct status_file *f = r->status;
	struct err e = ERR_INIT;

	if (!f)
		return;
	status_set(f, "peer", c->peer ? c->peer->name : NULL);
	status_set_int(f, "receiving.bundles_done", c->recv.bundles_done);
	status_set_int(f, "receiving.bytes_done", g->received);
	status_set_int(f, "receiving.bytes_total", g->to_receive);
	status_set_int(f, "sending.bundles_done", c->send.bundles_done);
	status_set_int(f, "sending.bundles_total", c->send.bundles_total);
	status_set_int(f, "sending.bytes_done", g->sent);
	status_set_int(f, "sending.bytes_total", g->to_send);
	/* a cable carries ten bits a byte; of anything else we see bytes */
	if (g->rate > 0)
		status_set_int(f, "bps",
		    (int64_t)(g->rate *
			      (c->port && c->port->speed > 0 ? 10 : 8)));
	if (g->seconds >= 0)
		status_set_int(f, "seconds_left", g->seconds);
	if (status_flush(f, false, &e) < 0)
		log_debug("status: %s", e.text);
}

static void write_progress(struct call *c, const struct figures *g)
{
	char a[CALL_NUMBER_TEXT], b[CALL_NUMBER_TEXT], d[CALL_NUMBER_TEXT];
	char in[100] = "", out[100] = "", rate[64] = "", left[40] = "";

	if (c->recv.part)
		snprintf(in, sizeof in, "receiving %lld, %s of %s bytes",
		    (long long)c->recv.bundles_done + 1,
		    call_number((uint64_t)g->received, a),
		    call_number((uint64_t)g->to_receive, b));
	if (g->sending)
		snprintf(out, sizeof out,
		    "%ssending %lld of %lld, %s of %s "
		    "bytes",
		    *in ? "; " : "", (long long)c->send.bundles_done + 1,
		    (long long)c->send.bundles_total,
		    call_number((uint64_t)g->sent, a),
		    call_number((uint64_t)g->to_send, b));
	if (!*in && !*out)
		return;
	if (g->rate >= 1)
		snprintf(rate, sizeof rate, ", %s B/s",
		    call_number((uint64_t)g->rate, d));
	if (g->seconds >= 0)
		snprintf(left, sizeof left, ", %d s left", g->seconds);
	log_progress("%s: %s%s%s%s", c->peer->name, in, out, rate, left);
}

void call_report_tick(struct call *c, uint64_t now_ms, bool force)
{
	struct call_report *r = &c->report;
	struct session_stats s;
	struct figures g;

	if (now_ms == 0)
		now_ms = clock_ms();
	if (!force && now_ms < r->next_ms)
		return;
	r->next_ms = now_ms + REPORT_MS;
	hook_reap(&c->site->hooks);
	c->ops->stats(c, &s);
	measure(r, &s, now_ms);
	look(c, &s, &g);
	write_status(c, &g);
	if (c->peer && !c->ops->safe(c))
		write_progress(c, &g);
}

void call_report_safe(struct call *c)
{
	static const char line[] = "You can hang up now.\n";

	call_report_tick(c, 0, true);
	if (c->report.status)
		status_set_int(c->report.status, "seconds_left", 0);
	call_state(c->report.status, "safe-to-hang-up", "You can hang up now.");
	call_hook(c, HOOK_SAFE);
	log_progress_end();
	if (log_verbosity() >= 0 &&
	    write(STDERR_FILENO, line, sizeof line - 1) < 0)
		return; /* nobody reads; the status file has it too */
}

void call_report_end(struct call *c, const char *state, const char *result,
    int exit_code, const char *message)
{
	struct call_report *r = &c->report;
	struct call_record *d = &r->record;
	struct err e = ERR_INIT;

	d->end = clock_wall();
	d->exit = exit_code;
	if (r->start_ms)
		d->seconds = (int64_t)(clock_ms() - r->start_ms + 999) / 1000;
	snprintf(d->peer, sizeof d->peer, "%s", c->peer ? c->peer->name : "");
	snprintf(d->line, sizeof d->line, "%s", c->line->name);
	snprintf(d->direction, sizeof d->direction, "%s",
	    c->outgoing ? "out" : "in");
	snprintf(d->result, sizeof d->result, "%s", result);
	if (!d->connect[0])
		snprintf(d->connect, sizeof d->connect, "%s",
		    call_connect_text(c));
	snprintf(d->message, sizeof d->message, "%s", message);
	d->try = c->due ? c->due->try : 0;
	if (call_log_append(&c->site->spool, d, &e) < 0)
		log_warn("the call is not in the call log: %s", e.text);
	/* callers that nobody knows start nothing */
	if (c->outgoing || c->met)
		call_hook(c, HOOK_HANGUP);
	if (!r->status)
		return;
	status_set(r->status, "result", result);
	status_set_int(r->status, "exit", exit_code);
	/* "safe" was said when it became so, and its time counts */
	if (strcmp(state, "safe-to-hang-up") != 0)
		call_state(r->status, state, message);
	else if (status_flush(r->status, true, &e) < 0)
		log_debug("status: %s", e.text);
}
