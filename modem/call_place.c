/* `dialsync call`: connect, exchange, hang up. */
#include "config.h"

#include "modem/call_modem.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "modem/call_peer.h"

struct routes {
	struct schedule_route r[SCHEDULE_ROUTES_MAX];
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

/* Does what the command line says of numbers fit this line? */
static int number_fits(const struct call_options *o,
    const struct config_peer *p, const struct schedule_route *r, struct err *e)
{
	if (!r->line->modem && (o->phone || o->connected))
		return err_set(e, ERR_USAGE,
		    "line %s has no modem to dial with; leave out %s, or name "
		    "another --line",
		    r->line->name, o->phone ? "--phone" : "--connected");
	if (r->line->modem && !r->phone && !o->connected)
		return err_set(e, ERR_CONFIG,
		    "peer %s has no number to dial on line %s; write "
		    "phone = NUMBER into [peer %s] of dialsync.conf, or use "
		    "--phone",
		    p->name, r->line->name, p->name);
	return 0;
}

/* The numbers to dial on a line, in turn. */
static int add_line(struct call_site *s, const struct call_options *o,
    const struct config_peer *p, const struct config_line *line,
    struct routes *out, struct err *e)
{
	struct schedule_route r = {line, o->phone};
	size_t i, n = p->phones.n;

	if (line_can_call(s, p, line, e) < 0)
		return -1;
	if (!line->modem || o->phone || o->connected || n == 0) {
		if (number_fits(o, p, &r, e) < 0)
			return -1;
		out->r[out->n++] = r;
		return 0;
	}
	for (i = 0; i < n && out->n < SCHEDULE_ROUTES_MAX; i++)
		out->r[out->n++] =
		    (struct schedule_route){line, p->phones.text[i]};
	return 0;
}

/* The lines and numbers to try, in the configured order.  A line that cannot
 * call is left out if there is another; if not, it is the reason. */
static int choose_routes(struct call_site *s, const struct call_options *o,
    const struct config_peer *p, struct routes *out, struct err *e)
{
	const struct config_line *line;
	struct err why = ERR_INIT;
	size_t i;

	out->n = 0;
	if (o->line || p->lines.n == 0) {
		line = config_need_line(s->cfg, o->line, e);
		return line ? add_line(s, o, p, line, out, e) : -1;
	}
	for (i = 0; i < p->lines.n; i++) {
		line = config_line(s->cfg, p->lines.text[i]);
		if (!line || out->n >= SCHEDULE_ROUTES_MAX)
			continue;
		err_clear(&why);
		if (add_line(s, o, p, line, out, &why) < 0 &&
		    e->kind == ERR_NONE)
			*e = why;
	}
	if (out->n == 0)
		return -1;
	if (e->kind != ERR_NONE && !o->phone && !o->connected)
		log_warn("%s", e->text);
	err_clear(e);
	return 0;
}

/* --dry-run: what would be done. */
static int say_plan(struct call_site *s, const struct config_peer *p,
    const struct routes *routes, struct err *e)
{
	struct spool_counts n;
	char bytes[CALL_NUMBER_TEXT];
	size_t i;

	if (spool_count(&s->spool, p->name, &n, e) < 0)
		return -1;
	call_number(n.outbox_bytes, bytes);
	for (i = 0; i < routes->n; i++) {
		const struct config_line *l = routes->r[i].line;
		const char *phone = routes->r[i].phone;

		printf("%s%s on line %s (%s", i ? "else " : "would call ",
		    p->name, l->name, l->device.text);
		if (phone)
			printf(", dialing %s", phone);
		else if (!l->modem && l->device.kind == CONFIG_DEVICE_PATH)
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

/* What one try stands on. */
struct attempt {
	struct call *call;
	const struct call_options *options;
	struct call_login *login; /* NULL: none */
	const struct schedule_route *route;
	struct call_line own;
	bool connected; /* badly or well: no other number is tried */
};

/* Told to end before there was an exchange: the log says so. */
static void stopped(struct call *c)
{
	call_stop_take(c->site);
	c->result = "interrupted";
	err_set(&c->err, ERR_AGAIN, "interrupted");
}

/* The port is open: dial, where that is needed, log in, exchange. */
static void use_port(struct attempt *t, struct call_modem *m, struct port *port)
{
	struct call *c = t->call;
	const char *phone = t->options->connected ? NULL : t->route->phone;
	int got = 1;

	if (m) {
		got = call_modem_open(m, c->site, &t->own, port, &c->err);
		if (got == 1 && phone)
			log_info("%s: dialing %s on line %s", c->peer->name,
			    phone, c->line->name);
		if (got == 1)
			got = call_modem_dial(c, m, phone);
	}
	t->connected = got == 1;
	if (got == 1)
		got = call_login_run(c, t->login, m, port);
	if (got == 1)
		call_exchange(c, port);
	if (got == 0)
		stopped(c);
	if (m)
		call_modem_hangup(c, m);
}

static void open_and_use(struct attempt *t)
{
	struct call *c = t->call;
	struct call_modem m;
	struct port_conf pc;
	struct port *port = NULL;

	memset(&m, 0, sizeof m);
	call_port_conf(c->site, c->line, &pc);
	if (port_open(&pc, &port, &c->err) == 0) {
		use_port(t, c->line->modem ? &m : NULL, port);
		port_close(port);
	} else if (call_stop_take(c->site)) {
		c->result = "interrupted";
	}
	call_modem_free(&m);
	c->modem = NULL;
}

/* The number that is dialed: for the log, and before the reason why not. */
static void name_phone(struct attempt *t)
{
	struct call *c = t->call;

	if (t->route->phone && c->err.kind != ERR_NONE && !t->connected)
		err_add(&c->err, "%s", t->route->phone);
}

/* Try one line, and on it one number. */
static int try_route(struct attempt *t)
{
	struct call *c = t->call;
	int code;

	t->connected = false;
	t->own = (struct call_line){t->route->line, SPOOL_LOCK_INIT, NULL, 0};
	err_clear(&c->err);
	c->result = NULL;
	call_use_line(c, &t->own);
	c->report.record.connect[0] = '\0';
	snprintf(c->report.record.phone, sizeof c->report.record.phone, "%s",
	    t->route->phone ? t->route->phone : "");
	if (call_line_take(c->site, t->route->line, &t->own, &c->err) < 0)
		return call_finish(c);
	call_use_line(c, &t->own);
	call_note(t->own.status, "direction", "out");
	call_note(t->own.status, "peer", c->peer->name);
	call_state(t->own.status, "dialing", t->route->phone);
	open_and_use(t);
	name_phone(t);
	code = call_finish(c);
	if (code != 0)
		say_next_try(c, &t->own);
	call_line_drop(&t->own);
	return code;
}

/* By its lines and numbers in turn. */
static int try_routes(
    struct attempt *t, const struct routes *routes)
{
	struct call *c = t->call;
	size_t i = 0;
	int code = 0;

	while (i < routes->n && !c->site->stopping) {
		t->route = &routes->r[i];
		code = try_route(t);
		if (c->result && strcmp(c->result, "interrupted") == 0)
			break;
		i = schedule_next_route(
		    routes->r, routes->n, i, code, t->connected);
	}
	return code;
}

/* A peer may be called: do so. */
static int place_one(struct call_site *s, const struct call_options *o,
    const struct due_call *due, struct err *e)
{
	const struct config_peer *p = due->peer;
	struct attempt t = {.options = o};
	struct routes routes;
	struct call c;
	int code;

	if (choose_routes(s, o, p, &routes, e) < 0)
		return err_exit_code(e);
	if (o->dry_run)
		return say_plan(s, p, &routes, e) < 0 ? err_exit_code(e) : 0;
	if (call_login_open(s, p, &t.login, e) < 0)
		return err_exit_code(e);
	call_init(&c, s);
	c.outgoing = true;
	c.no_pack = o->no_pack;
	c.due = due;
	c.by_clock = o->due;
	t.call = &c;
	if (call_take_peer(&c, p, e) < 0) {
		code = err_exit_code(e);
	} else {
		if (due->about[0])
			log_info("%s: %s", p->name, due->about);
		code = try_routes(&t, &routes);
	}
	call_free(&c);
	call_login_free(t.login);
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

	if (o->phone && o->connected) {
		err_set(e, ERR_USAGE,
		    "--connected does not dial, as somebody has done so; "
		    "leave out --phone, or --connected");
		return err_exit_code(e);
	}
	if (o->due && (o->peer || o->line || o->urgent || o->phone ||
			  o->connected)) {
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
