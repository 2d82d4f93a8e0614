/* See talk.h. */
#include "modem/talk.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>

#include "base/clock.h"

#define SLICE_MS 1000 /* DCD wakes no poll: so often the port is read anyway */

static int ms_until(uint64_t deadline)
{
	uint64_t now = clock_ms();

	if (deadline <= now)
		return 0;
	return deadline - now < SLICE_MS ? (int)(deadline - now) : SLICE_MS;
}

static uint64_t sooner(uint64_t deadline, uint64_t until)
{
	return until > 0 && until < deadline ? until : deadline;
}

/* Wait for a byte, for room when there is something to write, or until then.
 * False: stop_fd is readable. */
static bool wait_port(const struct talk *t, bool want_write,
    uint64_t deadline)
{
	struct pollfd v[3] = {{.fd = -1}, {.fd = -1}, {.fd = t->stop_fd,
	    .events = POLLIN}};

	port_pollfd(t->port, v, want_write);
	if (poll(v, 3, ms_until(deadline)) < 0)
		return true; /* EINTR: look at all again */
	return v[2].revents == 0;
}

/* Where the port knows its carrier, it must be down now. */
static void drop_dtr(struct talk *t)
{
	unsigned before = port_signals(t->port);

	if (before & PORT_UNKNOWN) {
		at_dtr_done(t->at, false, clock_ms());
		return;
	}
	port_hangup(t->port);
	at_dtr_done(t->at, !(port_signals(t->port) & PORT_DCD), clock_ms());
}

/* The next event that is the caller's. */
static bool next_event(struct talk *t, struct at_event *ev)
{
	while (at_event(t->at, ev)) {
		if (ev->type == AT_EV_DTR)
			drop_dtr(t);
		else if (ev->type != AT_EV_PROGRESS)
			return true;
		else if (t->progress)
			t->progress(t->arg, ev->text);
	}
	return false;
}

/* One byte from the port, if there is one.  Returns as port_read; but a DCD
 * that falls (of a call that another program left) is no loss here. */
static ssize_t feed_at(struct talk *t, struct err *e)
{
	uint8_t byte;
	ssize_t n;

	t->port->had_carrier = false;
	n = port_read(t->port, &byte, 1, e);

	if (n > 0 && at_feed(t->at, &byte, 1, clock_ms()) == 0)
		port_unread(t->port, byte); /* data already */
	else if (n == 0)
		at_tick(t->at, clock_ms());
	return n;
}

int talk_event(struct talk *t, struct at_event *ev, struct err *e)
{
	const uint8_t *out;
	ssize_t n;
	size_t some;

	for (;;) {
		if (next_event(t, ev))
			return 1;
		if (t->until_ms > 0 && clock_ms() >= t->until_ms)
			return 2;
		some = at_out(t->at, &out);
		n = some > 0 ? port_write(t->port, out, some, e) : 0;
		if (n > 0)
			at_sent(t->at, (size_t)n, clock_ms());
		if (n >= 0 && !wait_port(t, at_out(t->at, &out) > 0,
		    sooner(at_deadline(t->at), t->until_ms)))
			return 0;
		if (n >= 0)
			n = feed_at(t, e);
		if (n < 0 && !at_hangs_up(t->at))
			return -1;
		if (n < 0) {
			*ev = (struct at_event){.type = AT_EV_HUNG_UP,
			    .code = AT_OK, .text = ""};
			return 1;
		}
	}
}

/* Returns as port_read. */
static ssize_t feed_chat(struct talk *t, struct chat *c, struct at_watch *w,
    struct err *e)
{
	uint8_t byte;
	ssize_t n = port_read(t->port, &byte, 1, e);

	if (n > 0) {
		at_watch_feed(w, &byte, 1, clock_ms());
		(void)chat_feed(c, &byte, 1, clock_ms());
	} else if (n == 0) {
		chat_tick(c, clock_ms());
	}
	if (n == 0 && t->at && at_watch_lost(w, clock_ms()))
		return err_set(e, ERR_AGAIN, "carrier lost (%s: the modem "
		    "says NO CARRIER)", t->port->name);
	return n;
}

static int login_end(const struct chat *c, struct err *e)
{
	if (chat_state(c) == CHAT_DONE)
		return 1;
	return err_set(e, chat_error(c)->kind, "%s", chat_error(c)->text);
}

int talk_login(struct talk *t, struct chat *c, const char *login,
    const char *password, struct err *e)
{
	const uint8_t *out;
	struct at_watch w = {0};
	char doing[60] = "";
	ssize_t n;
	size_t some;

	chat_start(c, login, password, clock_ms());
	while (chat_state(c) == CHAT_RUNNING) {
		if (t->progress && strncmp(doing, chat_doing(c),
		    sizeof(doing) - 1) != 0) {
			(void)snprintf(doing, sizeof(doing), "%s",
			    chat_doing(c));
			t->progress(t->arg, doing);
		}
		some = chat_out(c, &out);
		n = some > 0 ? port_write(t->port, out, some, e) : 0;
		if (n > 0)
			chat_sent(c, (size_t)n, clock_ms());
		if (n < 0)
			return -1;
		if (chat_wants_break(c)) {
			/* nothing where there is none */
			(void)tcsendbreak(t->port->fd_out, 0);
			chat_break_done(c, clock_ms());
		}
		if (chat_state(c) != CHAT_RUNNING)
			break;
		if (!wait_port(t, chat_out(c, &out) > 0, chat_deadline(c)))
			return 0;
		if (feed_chat(t, c, &w, e) < 0)
			return -1;
	}
	return login_end(c, e);
}
