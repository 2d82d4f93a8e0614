/* The one poll loop: port + clock + disk <-> protocol.  It knows when, and
 * leaves what to the session (session.h) and how to the call_*.c files.
 *
 * Pacing, for a protocol that does not pace itself: a pty hides 17 KB and a
 * modem more, so POLLOUT says nothing about the wire.  Where the speed is
 * known, we keep our own account of what the wire can have taken and stay at
 * most half a second ahead of it (but 1 KB, so that a slow line is not starved
 * by a late process). */
#include "config.h"

#include "modem/call_p.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "modem/call_modem.h"

#define AHEAD_SECONDS 0.5
#define AHEAD_MIN     1024.0
#define TICK_MS       250   /* DCD, packer, stop: nothing waits longer */
#define MEET_MS       90000 /* noise and echoes do not hold the line */
#define LAST_BYTES_MS 2000  /* for the cancel sequence */
#define READ_MAX      16384
#define READ_MUCH     2048  /* so much at once: there may be more */
#define OVERDUE_MS    10000 /* input without end does not stop the timers */

/* How many bytes may be written now. */
static size_t pace_room(struct call *c, uint64_t now)
{
	struct call_pace *p = &c->pace;
	double limit = p->rate * AHEAD_SECONDS, queued;

	if (p->rate <= 0 || c->ops->paces)
		return SIZE_MAX;
	if (limit < AHEAD_MIN)
		limit = AHEAD_MIN;
	p->ahead -= p->rate * (double)(now - p->last_ms) / 1000.0;
	p->last_ms = now;
	queued = (double)port_queued(c->port);
	if (p->ahead < queued)
		p->ahead = queued;
	return p->ahead < limit ? (size_t)(limit - p->ahead) : 0;
}

/* Bytes for the line; a refusal may have to wait, and a modem whose carrier
 * has gone would take them for commands. */
static size_t out(struct call *c, const uint8_t **p, uint64_t now)
{
	if (now < c->hold_ms || (c->modem && call_modem_hushed(c->modem)))
		return 0;
	return c->ops->out(c, p, now);
}

/* How long poll may sleep. */
static int sleep_ms(struct call *c, uint64_t now, bool paced)
{
	uint64_t at = c->ops->deadline(c);
	/* the packer's end is waited for, and comes without a signal */
	uint64_t most = paced || c->pack.pid ? 20 : TICK_MS;

	if (c->modem && call_modem_hushed(c->modem))
		return 20;
	if (at <= now)
		return 0;
	return (int)(at - now < most ? at - now : most);
}

/* The line has gone: the other side may have closed it because we said that
 * we end the call. */
static void lose(struct call *c, const struct err *why)
{
	if (c->err.kind == ERR_NONE)
		c->err = c->why.kind != ERR_NONE ? c->why : *why;
	if (c->modem)
		c->modem->gone = true;
	if (c->refused && c->why.kind == ERR_NONE)
		err_set(&c->err, ERR_REFUSED,
		    "a caller was refused, and hung up: it is no peer of this "
		    "site, or has another key or security");
	c->over = true;
}

/* Keep the first bytes of a direction for who_is_there. */
static void keep_first(char *to, size_t *have, const uint8_t *p, size_t n)
{
	size_t room = CALL_FIRST_MAX - *have;

	if (n > room)
		n = room;
	memcpy(to + *have, p, n);
	*have += n;
}

/* Pass on what came; false: nothing did.  A tty gives a page at most, however
 * much waits there. */
static bool read_in(struct call *c, uint64_t now)
{
	uint8_t buf[READ_MAX];
	struct err e = ERR_INIT;
	size_t n = 0;
	ssize_t got;

	do {
		got = port_read(c->port, buf + n, sizeof buf - n, &e);
		n += got > 0 ? (size_t)got : 0;
	} while (got >= READ_MUCH && n < sizeof buf);
	if (n > 0) {
		keep_first(c->first, &c->first_n, buf, n);
		if (c->modem)
			(void)call_modem_lost(c->modem, buf, n, now);
		c->ops->feed(c, buf, n, now);
	}
	if (n == 0 && got == 0 && c->modem &&
	    call_modem_lost(c->modem, "", 0, now))
		got = err_set(&e, ERR_AGAIN, "carrier lost (%s: the modem says "
		    "NO CARRIER)", c->port->name);
	if (got < 0)
		lose(c, &e);
	return n > 0;
}

static void write_out(struct call *c, uint64_t now)
{
	const uint8_t *p;
	struct err e = ERR_INIT;
	size_t n, room;
	ssize_t put = 1;

	while (put > 0 && !c->over && (n = out(c, &p, now)) > 0) {
		room = pace_room(c, now);
		put =
		    room ? port_write(c->port, p, n < room ? n : room, &e) : 0;
		if (put < 0)
			lose(c, &e);
		if (put <= 0)
			break;
		c->pace.ahead += (double)put;
		keep_first(c->said, &c->said_n, p, (size_t)put);
		c->ops->sent(c, (size_t)put, now);
		c->ops->events(c);
	}
}

/* May the call go on for as long as it has taken? */
static void check_time(struct call *c, uint64_t now)
{
	const struct config_peer *p = c->peer;
	int64_t limit = c->due ? c->limit_s : p ? p->max_call : 0;

	if (call_stop_take(c->site)) {
		c->result = "interrupted";
		call_stop(
		    c, SESSION_STOP_INTERRUPTED, ERR_AGAIN, "interrupted");
	} else if (limit > 0 && !c->ops->safe(c) &&
		   now - c->report.start_ms > (uint64_t)limit * 1000) {
		c->result = "max-call";
		call_stop(c, SESSION_STOP_MAX_CALL, ERR_AGAIN,
		    limit == p->max_call
			? "the call was longer than the peer's max-call"
			: "the peer's budget for today is used up");
	} else if (!c->met && now - c->began_ms > MEET_MS) {
		call_stop(c, SESSION_STOP_PROTOCOL, ERR_AGAIN,
		    "nobody there who can be understood; does the line "
		    "echo?");
	}
}

/* What is to be looked at although nothing came.  true: there is more to do
 * at once. */
static bool look_around(struct call *c, uint64_t now)
{
	const uint8_t *p;
	bool more;

	if (!c->give_up_ms && c->why.kind == ERR_NONE)
		check_time(c, now);
	more = c->ops->work(c, now);
	call_results(c);
	call_recv_tick(c, now);
	call_report_tick(c, now, false);
	c->ops->events(c);
	if (c->err.kind != ERR_NONE && !c->give_up_ms)
		c->give_up_ms =
		    (now > c->hold_ms ? now : c->hold_ms) + LAST_BYTES_MS;
	if (c->give_up_ms && now >= c->hold_ms &&
	    (now >= c->give_up_ms || c->ops->out(c, &p, now) == 0))
		c->over = true;
	return more;
}

/* Input comes before timers, as it may be what they wait for; but a flood of
 * nonsense must not keep them from running out. */
static bool overdue(struct call *c, uint64_t now)
{
	return now > OVERDUE_MS && now - OVERDUE_MS > c->ops->deadline(c);
}

/* What to poll.  While too much waits for the disk, the line is not read: it
 * has flow control, and memory has an end. */
static void poll_what(struct call *c, struct pollfd v[4], bool want_write)
{
	port_pollfd(c->port, v, want_write);
	if (c->disk && !call_disk_room(c->disk))
		v[0].fd = -1;
	v[2] = (struct pollfd){c->site->stop_fd, POLLIN, 0};
	v[3] = (struct pollfd){
	    c->disk ? call_disk_fd(c->disk) : -1, POLLIN, 0};
}

void call_loop(struct call *c)
{
	struct pollfd v[4];
	const uint8_t *p;
	uint64_t now = clock_ms();
	bool more = false;

	c->pace.last_ms = now;
	c->ops->events(c);
	while (!c->over) {
		bool some = out(c, &p, now) > 0;
		bool room = pace_room(c, now) > 0;

		poll_what(c, v, some && room);
		if (poll(v, 4, more ? 0 : sleep_ms(c, now, some && !room)) <
			0 &&
		    errno != EINTR)
			err_sys(&c->err, "poll");
		now = clock_ms();
		if (v[0].fd < 0 || !read_in(c, now) || overdue(c, now))
			c->ops->tick(c, now);
		c->ops->events(c);
		write_out(c, now);
		more = look_around(c, now);
	}
}
