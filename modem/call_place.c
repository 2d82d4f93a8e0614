/* `dialsync call`: connect, exchange, hang up. */
#include "config.h"

#include "modem/call_p.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "modem/call_peer.h"

struct candidates {
	const struct config_line *line[CONFIG_LIST_MAX];
	size_t n;
};

/* Can this line place calls at all, and to this peer? */
static int line_can_call(struct call_site *s, const struct config_peer *p,
    const struct config_line *line, struct err *e)
{
	if (call_line_allowed(line, e) < 0 ||
	    call_peer_allowed(s, p, line, e) < 0)
		return -1;
	if (line->device.kind == CONFIG_DEVICE_LISTEN)
		return err_set(e, ERR_USAGE,
		    "line %s waits for calls "
		    "(tcp-listen); run \"dialsync answer %s\", and call from "
		    "the other side",
		    line->name, line->name);
	return 0;
}

/* The lines to try, in the configured order.  One that cannot call is left
 * out if there is another; if not, it is the reason. */
static int choose_lines(struct call_site *s, const struct call_options *o,
    const struct config_peer *p, struct candidates *out, struct err *e)
{
	const struct config_line *line;
	struct err why = ERR_INIT;
	size_t i;

	out->n = 0;
	if (o->line || p->lines.n == 0) {
		line = config_need_line(s->cfg, o->line, e);
		if (!line || line_can_call(s, p, line, e) < 0)
			return -1;
		out->line[out->n++] = line;
		return 0;
	}
	for (i = 0; i < p->lines.n; i++) {
		line = config_line(s->cfg, p->lines.text[i]);
		if (!line)
			continue;
		err_clear(&why);
		if (line_can_call(s, p, line, &why) == 0)
			out->line[out->n++] = line;
		else if (e->kind == ERR_NONE)
			*e = why;
	}
	if (out->n == 0)
		return -1;
	if (e->kind != ERR_NONE)
		log_warn("%s", e->text);
	err_clear(e);
	return 0;
}

/* --dry-run: what would be done. */
static int say_plan(struct call_site *s, const struct config_peer *p,
    const struct candidates *lines, struct err *e)
{
	struct spool_counts n;
	char bytes[CALL_NUMBER_TEXT];
	size_t i;

	if (spool_count(&s->spool, p->name, &n, e) < 0)
		return -1;
	call_number(n.outbox_bytes, bytes);
	for (i = 0; i < lines->n; i++) {
		const struct config_line *l = lines->line[i];

		printf("%s%s on line %s (%s", i ? "else " : "would call ",
		    p->name, l->name, l->device.text);
		if (l->device.kind == CONFIG_DEVICE_PATH)
			printf(", %lld bps: %lld s to send",
			    (long long)l->speed,
			    (long long)((int64_t)n.outbox_bytes * 10 /
					l->speed));
		printf(")\n");
	}
	printf("ready: %llu bundle%s, %s bytes; what is not packed yet would "
	       "be packed first\n",
	    (unsigned long long)n.outbox_bundles,
	    n.outbox_bundles == 1 ? "" : "s", bytes);
	return 0;
}

/* A scheduled call failed: until when the next one waits. */
static void say_next_try(struct call *c, const struct call_line *own)
{
	char next[DUE_NEXT_TEXT], text[CALL_MESSAGE_MAX];

	if (!c->by_clock || !*due_next_try(&c->site->spool, c->site->cfg,
			       c->peer, next))
		return;
	log_info("%s: %s", c->peer->name, next);
	snprintf(text, sizeof text, "%.400s; %s", c->err.text, next);
	call_state(own->status, "waiting", text);
}

/* Try one line.  *connected: it came to an exchange, well or badly, so that
 * the other lines are not tried. */
static int try_line(
    struct call *c, const struct config_line *line, bool *connected)
{
	struct call_line own = {line, SPOOL_LOCK_INIT, NULL, 0};
	struct port_conf pc;
	struct port *port = NULL;
	int code;

	*connected = false;
	err_clear(&c->err);
	call_use_line(c, &own);
	if (call_line_take(c->site, line, &own, &c->err) < 0)
		return call_finish(c);
	call_use_line(c, &own);
	call_note(own.status, "direction", "out");
	call_note(own.status, "peer", c->peer->name);
	call_state(own.status, "dialing", NULL);
	call_port_conf(c->site, line, &pc);
	if (port_open(&pc, &port, &c->err) == 0) {
		*connected = true;
		call_exchange(c, port);
		port_close(port);
	} else if (call_stop_take(c->site)) {
		c->result = "interrupted";
	}
	code = call_finish(c);
	if (code != 0)
		say_next_try(c, &own);
	call_line_drop(&own);
	return code;
}

/* A peer may be called: do so, by its lines in turn. */
static int place_one(struct call_site *s, const struct call_options *o,
    const struct due_call *due, struct err *e)
{
	const struct config_peer *p = due->peer;
	struct candidates lines;
	struct call c;
	bool connected = false;
	size_t i;
	int code = 0;

	if (choose_lines(s, o, p, &lines, e) < 0)
		return err_exit_code(e);
	if (o->dry_run)
		return say_plan(s, p, &lines, e) < 0 ? err_exit_code(e) : 0;
	call_init(&c, s);
	c.outgoing = true;
	c.no_pack = o->no_pack;
	c.due = due;
	c.by_clock = o->due;
	if (call_take_peer(&c, p, e) < 0) {
		call_free(&c);
		return err_exit_code(e);
	}
	if (due->about[0])
		log_info("%s: %s", p->name, due->about);
	for (i = 0; i < lines.n && !connected && !s->stopping; i++)
		code = try_line(&c, lines.line[i], &connected);
	call_free(&c);
	return code;
}

struct due_run {
	struct call_site *site;
	const struct call_options *options;
};

static int place_due(void *arg, const struct due_call *due, struct err *e)
{
	struct due_run *r = arg;

	return r->site->stopping ? -1 : place_one(r->site, r->options, due, e);
}

int call_place(struct call_site *s, const struct call_options *o, struct err *e)
{
	struct due_run all = {s, o};
	const struct config_peer *p;
	struct due_call due;
	int code;

	if (o->due && (o->peer || o->line || o->urgent)) {
		err_set(e, ERR_USAGE,
		    "--due calls every peer whose time has come, on its own "
		    "lines and in its hours; leave out what was named, or "
		    "--due");
		return err_exit_code(e);
	}
	if (o->due) {
		code = due_call_all(&s->spool, s->cfg, place_due, &all, e);
		return code < 0 ? err_exit_code(e) : code;
	}
	p = config_need_peer(s->cfg, o->peer, e);
	if (!p || due_prepare(&s->spool, s->cfg, p,
		      o->urgent ? SCHEDULE_URGENT : SCHEDULE_BY_HAND, &due,
		      e) < 0)
		return err_exit_code(e);
	return place_one(s, o, &due, e);
}
