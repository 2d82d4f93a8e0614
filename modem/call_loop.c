/* The one poll loop: port + clock + spool <-> protocol.  It knows when, and
 * leaves what to the protocol and how to the call_*.c files.
 *
 * Pacing: a pty hides 17 KB and a modem more, so POLLOUT says nothing about
 * the wire.  Where the speed is known, we keep our own account of what the
 * wire can have taken and stay at most half a second ahead of it (but 1 KB,
 * so that a slow line is not starved by a late process). */
#include "config.h"

#include "modem/call_p.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

#define AHEAD_SECONDS 0.5
#define AHEAD_MIN     1024.0
#define TICK_MS       250   /* DCD, packer, stop: nothing waits longer */
#define MEET_MS       90000 /* noise and echoes do not hold the line */
#define LAST_BYTES_MS 2000  /* for the cancel sequence */
#define OVERDUE_MS    10000 /* input without end does not stop the timers */

/* How many bytes may be written now. */
static size_t pace_room(struct call *c, uint64_t now)
{
	struct call_pace *p = &c->pace;
	double limit = p->rate * AHEAD_SECONDS, queued;

	if (p->rate <= 0)
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

/* How long poll may sleep. */
static int sleep_ms(struct call *c, uint64_t now, bool paced)
{
	uint64_t at = zm_deadline(c->zm);
	uint64_t most = paced ? 20 : TICK_MS;

	if (at <= now)
		return 0;
	return (int)(at - now < most ? at - now : most);
}

/* The line has gone. */
static void lose(struct call *c, const struct err *why)
{
	if (c->err.kind == ERR_NONE)
		c->err = *why;
	c->over = true;
}

/* Pass on what came; false: nothing did. */
static bool read_in(struct call *c, uint64_t now)
{
	uint8_t buf[4096];
	struct err e = ERR_INIT;
	ssize_t n = port_read(c->port, buf, sizeof buf, &e);
	size_t keep;

	if (n < 0)
		lose(c, &e);
	if (n <= 0)
		return false;
	keep = sizeof c->first - c->first_n;
	if (keep > (size_t)n)
		keep = (size_t)n;
	memcpy(c->first + c->first_n, buf, keep);
	c->first_n += keep;
	call_check_collision(c);
	zm_feed(c->zm, buf, (size_t)n, now);
	return true;
}

static void write_out(struct call *c, uint64_t now)
{
	const uint8_t *p;
	struct err e = ERR_INIT;
	size_t n, room;
	ssize_t put = 1;

	while (put > 0 && !c->over && (n = zm_out(c->zm, &p)) > 0) {
		room = pace_room(c, now);
		put =
		    room ? port_write(c->port, p, n < room ? n : room, &e) : 0;
		if (put < 0)
			lose(c, &e);
		if (put <= 0)
			break;
		c->pace.ahead += (double)put;
		zm_sent(c->zm, (size_t)put, now);
		call_events(c);
	}
}

/* What is to be looked at although nothing came. */
static void look_around(struct call *c, uint64_t now)
{
	const struct config_peer *p = c->peer;
	const uint8_t *out;

	if (call_stop_take(c->site) && !c->give_up_ms) {
		c->result = "interrupted";
		zm_abort(c->zm, ERR_AGAIN, "interrupted");
	}
	if (p && p->max_call > 0 && !c->give_up_ms && !zm_safe(c->zm) &&
	    now - c->report.start_ms > (uint64_t)p->max_call * 1000) {
		c->result = "max-call";
		zm_abort(c->zm, ERR_AGAIN,
		    "the call was longer than the "
		    "peer's max-call");
	}
	if (!c->met && !c->give_up_ms && now - c->report.start_ms > MEET_MS)
		zm_abort(c->zm, ERR_AGAIN,
		    "nobody there who can be "
		    "understood; does the line echo?");
	call_send_next(c);
	call_recv_tick(c, now);
	call_report_tick(c, now, false);
	call_events(c);
	if (c->err.kind != ERR_NONE && !c->give_up_ms)
		c->give_up_ms = now + LAST_BYTES_MS;
	if (c->give_up_ms && (now >= c->give_up_ms || zm_out(c->zm, &out) == 0))
		c->over = true;
}

/* Input comes before timers, as it may be what they wait for; but a flood of
 * nonsense must not keep them from running out. */
static bool overdue(struct call *c, uint64_t now)
{
	return now > OVERDUE_MS && now - OVERDUE_MS > zm_deadline(c->zm);
}

void call_loop(struct call *c)
{
	struct pollfd v[3];
	const uint8_t *out;
	uint64_t now = clock_ms();

	c->pace.last_ms = now;
	call_events(c);
	while (!c->over) {
		bool some = zm_out(c->zm, &out) > 0;
		bool room = pace_room(c, now) > 0;

		port_pollfd(c->port, v, some && room);
		v[2].fd = c->site->stop_fd;
		v[2].events = POLLIN;
		v[2].revents = 0;
		if (poll(v, 3, sleep_ms(c, now, some && !room)) < 0 &&
		    errno != EINTR)
			err_sys(&c->err, "poll");
		now = clock_ms();
		if (!read_in(c, now) || overdue(c, now))
			zm_tick(c->zm, now);
		call_events(c);
		write_out(c, now);
		look_around(c, now);
	}
}
