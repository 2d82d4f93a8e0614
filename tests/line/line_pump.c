/* line-pump: sends bytes on standard output and checks those that come on
 * standard input, both at once, to measure and prove a line.
 *
 *     line-pump [--send N] [--get N] [--seed N] [--seven] [--time-limit S]
 *
 * Both sides send the same sequence of the seed (random bytes without XON
 * and XOFF), so what comes must be its beginning.  When all is sent and all
 * has come (or the line was hung up) it writes to standard error:
 *
 *     got BYTES wrong WRONG span_ms FIRST_TO_LAST total_ms START_TO_LAST
 *
 * Exit status: 0 all came and was right; 1 something was wrong or missing;
 * 2 hung up; 64 usage. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "tests/line/line.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* One run through the sequence; sender and receiver have one each. */
struct sequence {
	uint64_t state;
	uint64_t at, end;
};

struct pump {
	struct sequence send, get;
	uint8_t mask;            /* 0x7F on a seven-bit line */
	uint64_t wrong;
	double start, first, last; /* ms */
	double limit;
	bool hung_up;
};

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static uint8_t next_byte(struct sequence *q)
{
	uint8_t byte;

	do
		byte = (uint8_t)sim_random(&q->state);
	while ((byte & 0x7F) == 0x11 || (byte & 0x7F) == 0x13);
	q->at++;
	return byte;
}

/* Send what goes; the bytes that did not go are made again next time. */
static void send_some(struct pump *p)
{
	struct sequence q = p->send;
	uint8_t bytes[1024];
	size_t n = 0;
	ssize_t w;

	while (n < sizeof(bytes) && q.at < q.end)
		bytes[n++] = next_byte(&q);
	w = write(1, bytes, n);
	if (w < 0 && errno != EAGAIN)
		p->hung_up = true;
	while (w-- > 0)
		(void)next_byte(&p->send);
}

static void get_some(struct pump *p)
{
	uint8_t bytes[4096];
	ssize_t n = read(0, bytes, sizeof(bytes)), i;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		p->hung_up = true;
		return;
	}
	p->last = now_ms();
	if (p->get.at == 0)
		p->first = p->last;
	for (i = 0; i < n; i++)
		if (bytes[i] != (next_byte(&p->get) & p->mask))
			p->wrong++;
}

static void run(struct pump *p)
{
	while (!p->hung_up && now_ms() < p->limit &&
	    (p->send.at < p->send.end || p->get.at < p->get.end)) {
		struct pollfd fd[2] = {
			{p->get.at < p->get.end ? 0 : -1, POLLIN, 0},
			{p->send.at < p->send.end ? 1 : -1, POLLOUT, 0}
		};

		if (poll(fd, 2, 100) <= 0)
			continue;
		if (fd[0].revents)
			get_some(p);
		if (fd[1].revents)
			send_some(p);
	}
}

int main(int argc, char **argv)
{
	struct pump p;
	double limit_s = 60;
	uint64_t seed = 1;
	int i;

	memset(&p, 0, sizeof(p));
	p.mask = 0xFF;
	for (i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--seven") == 0) {
			p.mask = 0x7F;
			continue;
		}
		if (value && strcmp(argv[i], "--send") == 0)
			p.send.end = strtoull(value, NULL, 10);
		else if (value && strcmp(argv[i], "--get") == 0)
			p.get.end = strtoull(value, NULL, 10);
		else if (value && strcmp(argv[i], "--seed") == 0)
			seed = strtoull(value, NULL, 10);
		else if (value && strcmp(argv[i], "--time-limit") == 0)
			limit_s = strtod(value, NULL);
		else {
			fprintf(stderr, "line-pump: %s is no option or lacks "
			    "its value; nothing was sent\n", argv[i]);
			return 64;
		}
		i++;
	}
	p.send.state = p.get.state = seed;
	for (i = 0; i < 2; i++)
		(void)fcntl(i, F_SETFL, fcntl(i, F_GETFL) | O_NONBLOCK);
	p.start = p.first = p.last = now_ms();
	p.limit = p.start + limit_s * 1e3;
	run(&p);
	fprintf(stderr, "got %llu wrong %llu span_ms %.1f total_ms %.1f\n",
	    (unsigned long long)p.get.at, (unsigned long long)p.wrong,
	    p.last - p.first, p.last - p.start);
	if (p.hung_up)
		return 2;
	return p.wrong || p.get.at < p.get.end || p.send.at < p.send.end;
}
