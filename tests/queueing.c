/* How late does control arrive while data flows at full rate?  Two links on
 * two real ttys, joined by line-sim, whose pty hides 17 KB: both send all the
 * time, A sends a probe now and then, and it is seen when it is whole at B.
 *
 *	queueing TTY-A TTY-B SECONDS EVERY-MS LIMIT-MS [flood]
 *
 * flood: A writes frames as long as the tty takes them, as programs do that
 * trust POLLOUT; to prove that the measurement sees what it is for.
 * Exit 0: no probe was later than the limit; 1: one was, or did not come. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "modem/link.h"
#include "modem/wire.h"

#define PROBES_MAX 1000
#define PROBE_LATE_MS 60000 /* one that has not come by then is lost */

struct end {
	int fd;
	struct link *link;
	uint64_t in;                /* stream bytes that came */
};

struct flood {
	uint8_t out[WIRE_FRAME_MAX];
	size_t n, at;
	uint16_t seq;
	bool probe;                 /* the next frame is one */
};

static struct wire_reader tap; /* what B sees */
static unsigned late_ms[PROBES_MAX];
static size_t n_late;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void open_end(struct end *e, const char *path, bool caller)
{
	struct link_conf c = {.caller = caller, .rtt_ms = 20,
	    .silence_ms = 60000};

	e->fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (e->fd < 0) {
		perror(path);
		exit(2);
	}
	e->link = link_new(&c, now_ms());
	if (!e->link)
		abort();
}

/* Random bytes as far as the link wants some. */
static void fill(struct end *e)
{
	uint8_t bytes[1024];

	while (link_wants(e->link) > 0 &&
	       link_unacked(e->link) + sizeof bytes <= LINK_WINDOW) {
		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = (uint8_t)(rand() >> 7);
		link_put(e->link, bytes, sizeof bytes);
	}
}

static void write_out(struct end *e)
{
	const uint8_t *p;
	size_t n;
	ssize_t w;

	fill(e);
	while ((n = link_out(e->link, &p, now_ms())) > 0) {
		w = write(e->fd, p, n);
		if (w <= 0)
			return;
		link_sent(e->link, (size_t)w, now_ms());
		fill(e);
	}
}

/* Look for the probe in what B was given. */
static bool probe_came(const uint8_t *p, size_t n)
{
	struct wire_frame f;
	bool came = false;

	while (n > 0) {
		size_t room;
		uint8_t *to = wire_reader_room(&tap, &room);

		if (room > n)
			room = n;
		memcpy(to, p, room);
		wire_reader_add(&tap, room);
		p += room;
		n -= room;
		while (wire_next(&tap, &f))
			came |= f.kind == WIRE_PROBE;
	}
	return came;
}

/* Returns true when a probe came in. */
static bool read_in(struct end *e, bool tapped)
{
	const uint8_t *p;
	uint8_t buf[4096];
	bool came = false;
	ssize_t n;
	size_t k;

	while ((n = read(e->fd, buf, sizeof buf)) > 0) {
		if (tapped)
			came |= probe_came(buf, (size_t)n);
		link_feed(e->link, buf, (size_t)n, now_ms());
		while ((k = link_peek(e->link, &p)) > 0) {
			e->in += k;
			link_take(e->link, k);
		}
	}
	return came;
}

/* As if the tty were the line: frame after frame while it takes them. */
static void write_flood(struct end *e, struct flood *f)
{
	for (;;) {
		ssize_t w;

		if (f->at == f->n && f->probe) {
			const uint8_t identity = 1;

			f->n = wire_control(f->out, WIRE_PROBE, &identity, 1);
			f->at = 0;
			f->probe = false;
		} else if (f->at == f->n) {
			static const uint8_t data[512];

			f->n = wire_short(f->out, f->seq++, 0, NULL, data,
			    sizeof data);
			f->at = 0;
		}
		w = write(e->fd, f->out + f->at, f->n - f->at);
		if (w <= 0)
			return;
		f->at += (size_t)w;
	}
}

/* Sleep until an end has bytes or a link wants to be ticked. */
static void wait_for(struct end e[2], uint64_t at, bool flood)
{
	struct pollfd p[2] = {{e[0].fd, POLLIN, 0}, {e[1].fd, POLLIN, 0}};
	uint64_t now = now_ms();

	for (int i = 0; i < 2; i++)
		if (link_deadline(e[i].link) < at)
			at = link_deadline(e[i].link);
	if (flood)
		p[0].events |= POLLOUT;
	at = at > now ? at - now : 0;
	(void)poll(p, 2, at > 50 ? 50 : (int)at);
}

/* Send a probe every now and then and note how late each was. */
static void measure(struct end e[2], uint64_t end_ms, unsigned every_ms,
    struct flood *f)
{
	uint64_t asked = 0, next = now_ms() + every_ms;

	while (now_ms() < end_ms || asked) {
		uint64_t now = now_ms();

		if (asked && now - asked > PROBE_LATE_MS) {
			late_ms[n_late++] = PROBE_LATE_MS;
			return;
		}
		if (!asked && now >= next && n_late < PROBES_MAX) {
			asked = now;
			if (f)
				f->probe = true;
			else
				link_probe(e[0].link);
		}
		for (int i = 0; i < 2; i++)
			link_tick(e[i].link, now);
		if (f)
			write_flood(&e[0], f);
		else
			write_out(&e[0]);
		write_out(&e[1]);
		wait_for(e, next > now ? next : now + 50, f != NULL);
		(void)read_in(&e[0], false);
		/* one of the link's own says nothing before it was asked */
		if (read_in(&e[1], true) && asked) {
			now = now_ms();
			late_ms[n_late++] = (unsigned)(now - asked);
			asked = 0;
			next = now + every_ms / 2 + (unsigned)rand() % every_ms;
		}
	}
}

static int by_number(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static struct flood flood;
	struct end e[2] = {{-1, NULL, 0}, {-1, NULL, 0}};
	uint64_t start = now_ms(), ms;
	unsigned limit;

	if (argc < 6) {
		fprintf(stderr, "usage: queueing TTY-A TTY-B SECONDS EVERY-MS "
		    "LIMIT-MS [flood]\n");
		return 64;
	}
	ms = (uint64_t)atoi(argv[3]) * 1000;
	limit = (unsigned)atoi(argv[5]);
	open_end(&e[0], argv[1], true);
	open_end(&e[1], argv[2], false);
	wire_reader_init(&tap);
	measure(e, start + ms, (unsigned)atoi(argv[4]),
	    argc > 6 ? &flood : NULL);
	if (n_late == 0)
		return 1;
	ms = now_ms() - start;
	qsort(late_ms, n_late, sizeof *late_ms, by_number);
	printf("%zu probes: median %u ms, latest %u ms; %llu B/s to A, "
	    "%llu B/s to B\n", n_late, late_ms[n_late / 2],
	    late_ms[n_late - 1], (unsigned long long)(e[0].in * 1000 / ms),
	    (unsigned long long)(e[1].in * 1000 / ms));
	for (int i = 0; i < 2; i++) {
		link_free(e[i].link);
		close(e[i].fd);
	}
	return late_ms[n_late - 1] > limit;
}
