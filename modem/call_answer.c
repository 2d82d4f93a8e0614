/* `dialsync answer`: wait for calls.  One process a line; where there are
 * several lines, a parent that starts them, and starts them again. */
#include "config.h"

#include "modem/call_modem.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "modem/call_peer.h"

#define REOPEN_MS      5000  /* a device that has gone is looked for again */
#define REST_MS        1000  /* after noise that was no call */
#define QUIET_MS       500   /* after a failed call: silence, ... */
#define QUIET_MAX_MS   20000 /* ... waited for so long */
#define SAFE_MS        15000 /* "safe" stays in the status for so long */
#define RESTART_MS     5000  /* a child that died; doubled each time */
#define RESTART_MAX_MS 300000

/* One line of a supervised answer. */
struct child {
	const struct config_line *line;
	pid_t pid;         /* 0: not running */
	uint64_t start_ms; /* start it then */
	uint64_t wait_ms;  /* the last delay */
};

/* Sleep; true: the process is to end. */
static bool rest(struct call_site *s, int ms)
{
	struct pollfd v = {s->stop_fd, POLLIN, 0};

	poll(&v, 1, ms);
	call_stop_take(s);
	return s->stopping;
}

/* Has a call begun?  1: yes (its first byte is put back), 0: no, -1: the port
 * has gone.  What is left over from the last call, or comes when a plug is
 * moved, begins none: the end of a cancel, "OO", flow control, line ends. */
static int first_byte(struct port *p, struct err *e)
{
	static const char no_call[] = "\x18\x08"
				      "O\x11\x13\r\n\x8d\x8a\xff";
	unsigned char c;
	ssize_t n;

	while ((n = port_read(p, &c, 1, e)) > 0) {
		if (c == 0 || strchr(no_call, c))
			continue;
		port_unread(p, c);
		return 1;
	}
	return (int)n;
}

/* "Safe" stays in the status for a while; then it says that we wait. */
static void say_listening(const struct call_line *own)
{
	call_note(own->status, "peer", NULL);
	call_state(own->status, "listening", NULL);
}

/* Wait until the telephone rings.  As wait_call(). */
static int wait_ring(struct call_site *s, const struct call_line *own,
    struct call_modem *m, bool was_safe, struct err *e)
{
	uint64_t until = was_safe ? clock_ms() + SAFE_MS : 0;
	int got;

	if (!until)
		say_listening(own);
	for (;;) {
		if (s->stopping)
			return 0;
		got = call_modem_ring(m, until, e);
		if (got == 0)
			call_stop_take(s);
		if (got == 2)
			say_listening(own);
		if (got == 2)
			until = 0;
		if (got == 1 || got < 0)
			return got;
	}
}

/* Wait for the first byte, or a connection.  1: a call, 0: told to end, -1:
 * the port has gone.  was_safe: the status says so for a while longer. */
static int wait_call(struct call_site *s, const struct call_line *own,
    struct port *p, bool was_safe, struct err *e)
{
	struct pollfd v[3];
	uint64_t listen_ms = was_safe ? clock_ms() + SAFE_MS : 0;
	bool told = false;
	int got = 0;

	for (;;) {
		/* the signal may have come while we rested */
		if (s->stopping)
			return 0;
		if (!told && clock_ms() >= listen_ms) {
			say_listening(own);
			told = true;
		}
		port_pollfd(p, v, false);
		v[2].fd = s->stop_fd;
		v[2].events = POLLIN;
		v[2].revents = 0;
		if (poll(v, 3, told ? -1 : 1000) < 0 && errno != EINTR)
			return err_sys(e, "poll");
		call_stop_take(s);
		if (s->stopping)
			return 0;
		if (!v[0].revents)
			continue;
		if (p->listen_fd >= 0) {
			got = port_accept(p, e);
		} else {
			got = first_byte(p, e);
		}
		if (got != 0)
			return got;
	}
}

/* After a call that broke off, what the far end still sends (and what lies in
 * its buffers) must not pass for the next call: wait for silence. */
static void wait_quiet(struct call_site *s, struct port *p)
{
	char buf[4096];
	struct err e = ERR_INIT;
	struct pollfd v[3];
	uint64_t end = clock_ms() + QUIET_MAX_MS;

	while (clock_ms() < end && p->fd_in >= 0 && !s->stopping) {
		port_pollfd(p, v, false);
		v[1].fd = s->stop_fd;
		v[1].events = POLLIN;
		if (poll(v, 2, QUIET_MS) == 0)
			return;
		call_stop_take(s);
		if (v[0].revents && port_read(p, buf, sizeof buf, &e) < 0)
			return;
	}
}

/* One call that has come in.  met: it was a peer, and not noise. */
static int take_call(struct call_site *s, const struct call_options *o,
    struct call_line *own, struct call_modem *m, struct port *port, bool *met)
{
	struct call c;
	int code, got = 1;

	call_init(&c, s);
	c.refuse_ms = &own->refuse_ms;
	c.insist = o->peer;
	c.no_pack = o->no_pack;
	call_use_line(&c, own);
	if (m)
		got = call_modem_answer(&c, m);
	if (got == 1)
		call_exchange(&c, port);
	if (got == 0) {
		call_stop_take(s);
		c.result = "interrupted";
		err_set(&c.err, ERR_AGAIN, "interrupted");
	}
	if (m)
		call_modem_hangup(&c, m);
	if (port->listen_fd >= 0)
		port_hangup(port);
	code = call_finish(&c);
	if (code != 0 && !o->once && !m)
		wait_quiet(s, port);
	*met = c.met;
	call_free(&c);
	return code;
}

/* Open the port, and find its modem if it has one.  0, -1. */
static int open_once(struct call_site *s, const struct call_line *own,
    struct call_modem *m, struct port **port, struct err *e)
{
	struct port_conf pc;
	int got;

	call_port_conf(s, own->line, &pc);
	if (port_open(&pc, port, e) < 0)
		return -1;
	if (!own->line->modem)
		return 0;
	got = call_modem_open(m, s, own, *port, e);
	if (got == 1)
		return 0;
	if (got == 0) {
		call_stop_take(s);
		err_set(e, ERR_AGAIN, "line %s: interrupted",
		    own->line->name);
	}
	call_modem_free(m);
	port_close(*port);
	*port = NULL;
	return -1;
}

/* In patient mode wait until it is there.  0, or -1: stop. */
static int open_port(struct call_site *s, const struct call_line *own,
    bool patient, struct call_modem *m, struct port **port, struct err *e)
{
	bool told = false;

	while (open_once(s, own, m, port, e) < 0) {
		if (!patient || s->stopping)
			return -1;
		call_state(own->status, "failed", e->text);
		if (!told)
			log_warn("line %s: %s; trying again every %d s",
			    own->line->name, e->text, REOPEN_MS / 1000);
		told = true;
		if (rest(s, REOPEN_MS))
			return -1;
		err_clear(e);
	}
	return 0;
}

/* Until a call is there.  As wait_call(). */
static int wait_any(struct call_site *s, const struct call_options *o,
    const struct call_line *own, struct call_modem *m, struct port *port,
    bool was_safe, struct err *e)
{
	log_debug("line %s: waiting for calls", own->line->name);
	/* on --stdio the caller is there, even if silent so far */
	if (o->use_stdio || o->now)
		return 1;
	return m->talk.at ? wait_ring(s, own, m, was_safe, e)
			  : wait_call(s, own, port, was_safe, e);
}

/* Told to end before a call came: only who waits for one has failed. */
static int interrupted(const struct call_options *o,
    const struct call_line *own, struct err *e)
{
	err_clear(e);
	if (!o->once)
		return 0;
	err_set(e, ERR_AGAIN, "line %s: interrupted before a call came",
	    own->line->name);
	return err_exit_code(e);
}

/* Answer on one line, call after call. */
static int answer_line(struct call_site *s, const struct call_options *o,
    struct call_line *own, bool patient, struct err *e)
{
	struct port *port = NULL;
	struct call_modem m = {0};
	bool met = true;
	int got, code = 1;

	for (;;) {
		if (!port && open_port(s, own, patient, &m, &port, e) < 0)
			return s->stopping ? interrupted(o, own, e)
					   : err_exit_code(e);
		patient = !o->once;
		got = wait_any(s, o, own, &m, port, code == 0, e);
		code = got > 0 ? take_call(s, o, own, m.talk.at ? &m : NULL,
				     port, &met)
		       : got < 0 ? err_exit_code(e)
				 : 0;
		call_modem_free(&m);
		/* a listener keeps those who wait; others start afresh */
		if (port->listen_fd < 0 || got < 0) {
			port_close(port);
			port = NULL;
		}
		if (o->once || s->stopping)
			break;
		if (got < 0) {
			log_warn("line %s: %s; opening it again",
			    own->line->name, e->text);
			err_clear(e);
			rest(s, REOPEN_MS);
		} else if (!met) {
			rest(s, REST_MS);
		}
	}
	port_close(port);
	return got == 0 ? interrupted(o, own, e) : code;
}

/* A whole answering process for one line. */
static int answer_one(struct call_site *s, const struct call_options *o,
    const struct config_line *line, bool patient, struct err *e)
{
	struct call_line own = {line, SPOOL_LOCK_INIT, NULL, CALL_REFUSE_MS};
	int code;

	if (call_line_take(s, line, &own, e) < 0)
		return err_exit_code(e);
	call_peers_warn(s, line);
	code = answer_line(s, o, &own, patient, e);
	/* told to end while it waited: nothing has failed */
	if (e->kind != ERR_NONE && !s->stopping)
		call_state(own.status, "failed", e->text);
	else if (e->kind != ERR_NONE || !o->once)
		call_state(own.status, "idle", NULL);
	call_line_drop(&own);
	return code;
}

/* Start the line's child.  1 in the child. */
static int start_child(struct call_site *s, struct child *k, struct err *e)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		/* without the parent nobody would end it */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			s->stopping = true;
		memset(&s->hooks, 0, sizeof s->hooks);
		return call_stop_init(s, e) < 0 ? -1 : 1;
	}
	if (pid < 0)
		log_warn("line %s: fork: %s", k->line->name, strerror(errno));
	k->pid = pid > 0 ? pid : 0;
	k->start_ms = clock_ms() + RESTART_MS;
	return 0;
}

/* Collect a child that has ended; true: one had, and how. */
static bool reap(struct child *k, size_t n, int *code)
{
	int status;
	size_t i;

	for (i = 0; i < n; i++) {
		if (k[i].pid == 0 || waitpid(k[i].pid, &status, WNOHANG) == 0)
			continue;
		*code = WIFEXITED(status) ? WEXITSTATUS(status) : 70;
		k[i].pid = 0;
		k[i].wait_ms = k[i].wait_ms ? 2 * k[i].wait_ms : RESTART_MS;
		if (k[i].wait_ms > RESTART_MAX_MS)
			k[i].wait_ms = RESTART_MAX_MS;
		k[i].start_ms = clock_ms() + k[i].wait_ms;
		return true;
	}
	return false;
}

/* Tell all children to end their calls, and wait for them. */
static void end_children(struct child *k, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (k[i].pid > 0)
			kill(k[i].pid, SIGTERM);
	for (i = 0; i < n; i++)
		while (k[i].pid > 0 && waitpid(k[i].pid, NULL, 0) < 0 &&
		       errno == EINTR)
			;
}

/* Several lines: a child each.  In a child this returns its code. */
static int supervise(struct call_site *s, const struct call_options *o,
    struct child *k, size_t n, struct err *e)
{
	int code = 0, rc;
	bool ended = false;
	size_t i;

	while (!s->stopping && !(ended && o->once)) {
		for (i = 0; i < n; i++) {
			if (k[i].pid || clock_ms() < k[i].start_ms)
				continue;
			rc = start_child(s, &k[i], e);
			if (rc > 0)
				return answer_one(s, o, k[i].line, true, e);
			if (rc < 0)
				return err_exit_code(e);
		}
		rest(s, 200);
		ended = reap(k, n, &code);
		if (ended && !o->once && !s->stopping)
			log_warn("a line's process ended with %d; it is "
				 "started again",
			    code);
	}
	end_children(k, n);
	return o->once ? code : 0;
}

/* The lines to answer on, into k (room for all). */
static int choose_lines(struct call_site *s, const struct call_options *o,
    struct child *k, size_t *n, struct err *e)
{
	const struct config_line *line;
	size_t i;

	*n = 0;
	for (i = 0; i < o->n_lines; i++) {
		line = config_need_line(s->cfg, o->lines[i], e);
		if (!line)
			return -1;
		k[(*n)++].line = line;
	}
	for (i = 0; o->n_lines == 0 && i < s->cfg->n_lines; i++)
		if (s->cfg->lines[i].answer)
			k[(*n)++].line = &s->cfg->lines[i];
	if (*n == 0)
		return err_set(e, ERR_USAGE,
		    "no line has answer = yes; name "
		    "a line, or write answer = yes into its section of "
		    "dialsync.conf");
	for (i = 0; i < *n; i++)
		if (call_line_allowed(k[i].line, e) < 0)
			return -1;
	return 0;
}

/* --stdio: the named line's settings, but our own descriptors. */
static int answer_stdio(
    struct call_site *s, const struct call_options *o, struct err *e)
{
	static char stdio[] = "stdio";
	struct call_options once = *o;
	struct config_line line;
	const struct config_line *named;

	memset(&line, 0, sizeof line);
	line.name = stdio;
	if (o->n_lines > 0) {
		named = config_need_line(s->cfg, o->lines[0], e);
		if (!named)
			return err_exit_code(e);
		line = *named;
	}
	line.device.kind = CONFIG_DEVICE_PIPE;
	line.device.text = stdio;
	line.modem = false;
	once.once = true;
	return answer_one(s, &once, &line, false, e);
}

int call_answer(
    struct call_site *s, const struct call_options *o, struct err *e)
{
	struct child *k;
	size_t n = 0;
	int code;

	if (o->peer && !config_need_peer(s->cfg, o->peer, e))
		return err_exit_code(e);
	s->hooks.line_is_stdio = o->use_stdio;
	if (o->now && o->use_stdio) {
		err_set(e, ERR_USAGE, "with --stdio the caller is connected "
		    "already; leave out --now");
		return err_exit_code(e);
	}
	if (o->use_stdio)
		return answer_stdio(s, o, e);
	k = calloc(o->n_lines + s->cfg->n_lines + 1, sizeof *k);
	if (!k)
		abort();
	if (choose_lines(s, o, k, &n, e) < 0)
		code = err_exit_code(e);
	else if (o->now && (n != 1 || !k[0].line->modem))
		code = (err_set(e, ERR_USAGE, "--now is for the one line with "
			"a modem on which the call is; name it"),
		    err_exit_code(e));
	else if (n == 1)
		code = answer_one(s, o, k[0].line, false, e);
	else
		code = supervise(s, o, k, n, e);
	free(k);
	return code;
}
