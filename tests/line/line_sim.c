/* line-sim: two ptys joined by a simulated line.  One loop carries bytes
 * between the ptys and the sans-IO line of line.c, which says when each byte
 * is due.  What the options mean: tests/line/README.
 *
 * Exit status: 0; with commands the first of theirs that is not 0; 64 usage,
 * 69 no pty or no link could be made, 74 a file could not be written. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* ppoll */
#endif
#include "tests/line/line.h"
#include "tests/line/sim_args.h"
#include "tests/line/sim_end.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Bytes of a stream are handed over in lots, at most this much late, as a
 * UART's FIFO does; a byte that comes after a pause is not held up. */
#define LOT_NS (2 * SIM_MS)
#define STALL_POLL_NS (20 * SIM_MS) /* in case a wake-up goes missing */
#define CUT_GRACE_MS 250            /* for programs to read what came */
#define DRAIN_NS (2000 * SIM_MS)    /* no byte taken for so long: over */
#define KILL_AFTER_MS 2000

struct sim {
	struct sim_args args;
	struct sim_line *line;
	struct sim_end end[2];
	size_t lot;              /* bytes of the line in LOT_NS, 1 or more */
	uint64_t written[2];     /* when a lot was last handed to that end */
	bool stalled[2];         /* that end takes no more for now */
	uint64_t start;          /* ns, when the line was ready */
	double start_unix;       /* seconds, the same moment */
	unsigned connections;
	uint64_t all_ended;      /* ns, when the last command ended; 0 */
};

static volatile sig_atomic_t got_stop, got_stats, got_cut, got_child;
static sigset_t mask_in_poll;

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		got_stats = 1;
	else if (sig == SIGUSR2)
		got_cut = 1;
	else if (sig == SIGCHLD)
		got_child = 1;
	else
		got_stop = 1;
}

/* Signals come in while the loop waits, and only then. */
static void catch_signals(void)
{
	static const int caught[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1,
	    SIGUSR2, SIGCHLD};
	struct sigaction sa;
	sigset_t block;
	size_t i;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal;
	sigemptyset(&block);
	for (i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
		(void)sigaction(caught[i], &sa, NULL);
		sigaddset(&block, caught[i]);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigprocmask(SIG_BLOCK, &block, &mask_in_poll);
	for (i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigdelset(&mask_in_poll, caught[i]);
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000 * SIM_MS + (uint64_t)t.tv_nsec;
}

static uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static void sleep_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	(void)nanosleep(&t, NULL);
}

/* "key: milliseconds since ready", or null for a time that never came. */
static void print_ms(FILE *f, const char *key, const struct sim *s,
    uint64_t ns, bool known)
{
	if (known)
		fprintf(f, "%s: %.3f\n", key, (double)(ns - s->start) / 1e6);
	else
		fprintf(f, "%s: null\n", key);
}

static void print_way(FILE *f, const struct sim *s, enum sim_dir d, bool over)
{
	const struct sim_line_stats *st = sim_line_stats(s->line, d);
	const char *way = d == SIM_AB ? "ab" : "ba";
	char key[32];

	fprintf(f, "%s.bytes: %llu\n", way, (unsigned long long)st->bytes);
	(void)snprintf(key, sizeof(key), "%s.first_ms", way);
	print_ms(f, key, s, st->first_ns, st->first_ns != SIM_NEVER);
	(void)snprintf(key, sizeof(key), "%s.last_ms", way);
	print_ms(f, key, s, st->last_ns, st->bytes > 0);
	(void)snprintf(key, sizeof(key), "%s.bulk_first_ms", way);
	print_ms(f, key, s, st->bulk_first_ns,
	    st->bulk_first_ns != SIM_NEVER);
	(void)snprintf(key, sizeof(key), "%s.bulk_last_ms", way);
	print_ms(f, key, s, st->bulk_last_ns, st->bulk_first_ns != SIM_NEVER);
	fprintf(f, "%s.bit_errors: %llu\n", way,
	    (unsigned long long)st->bit_errors);
	fprintf(f, "%s.lost: %llu\n", way, (unsigned long long)st->lost +
	    (over ? sim_line_pending(s->line, d) : 0));
}

/* Replace the statistics file.  state: connected, cut or ended. */
static int write_stats(const struct sim *s, const char *state)
{
	char tmp[4096];
	uint64_t ns;
	double used;
	FILE *f;
	int n;

	if (!s->args.stats)
		return 0;
	n = snprintf(tmp, sizeof(tmp), "%s.tmp", s->args.stats);
	f = n > 0 && (size_t)n < sizeof(tmp) ? fopen(tmp, "w") : NULL;
	if (!f)
		goto failed;
	fprintf(f, "state: %s\nseed: %llu\nbps: %lu\nconnections: %u\n",
	    state, (unsigned long long)s->args.line.seed,
	    (unsigned long)s->args.line.bps, s->connections);
	fprintf(f, "ready_unix_ms: %.3f\n", s->start_unix * 1e3);
	print_way(f, s, SIM_AB, strcmp(state, "connected") != 0);
	print_way(f, s, SIM_BA, strcmp(state, "connected") != 0);
	used = sim_line_utilisation(s->line, &ns);
	fprintf(f, "seconds: %.3f\nutilisation: %.4f\n", (double)ns / 1e9,
	    used);
	if (fclose(f) == 0 && rename(tmp, s->args.stats) == 0)
		return 0;
failed:
	fprintf(stderr, "line-sim: write %s: %s; the line goes on without "
	    "statistics\n", s->args.stats, strerror(errno));
	return -1;
}

/* From the pty into the line, no more than its buffer takes: what stays in
 * the pty is the sender's to feel. */
static void carry_in(struct sim *s, enum sim_dir d)
{
	uint8_t bytes[4096];
	uint64_t now = now_ns();
	size_t room = sim_line_room(s->line, d, now);
	ssize_t n;

	/* Not for every single byte that the line has sent: see sim_wait. */
	if (sim_line_room_at(s->line, d, s->lot, now) > now)
		return;
	while (room > 0) {
		n = read(s->end[d].master, bytes,
		    room < sizeof(bytes) ? room : sizeof(bytes));
		if (n <= 0)
			return;
		/* The time after the read: a byte is on the line when it is
		 * here, not when its writer had it. */
		now = now_ns();
		(void)sim_line_put(s->line, d, bytes, (size_t)n, now);
		room = sim_line_room(s->line, d, now);
	}
}

/* From the line into the pty, what is due. */
static void carry_out(struct sim *s, enum sim_dir d)
{
	uint64_t now = now_ns();
	const uint8_t *p;
	size_t n;
	ssize_t w;

	s->stalled[!d] = false;
	while ((n = sim_line_due(s->line, d, now, &p)) > 0) {
		w = write(s->end[!d].master, p, n);
		if (w <= 0) {
			s->stalled[!d] = true;
			return;
		}
		s->written[!d] = now;
		sim_line_take(s->line, d, (size_t)w);
	}
}

/* When the loop must look again, if no descriptor wakes it earlier. */
static uint64_t next_look(const struct sim *s, uint64_t now)
{
	uint64_t next = sim_line_cut_at(s->line), t;
	int d;

	for (d = 0; d < 2; d++) {
		t = sim_line_next(s->line, d);
		if (s->stalled[!d])
			t = now + STALL_POLL_NS;
		else if (t != SIM_NEVER && t < s->written[!d] + LOT_NS)
			t = s->written[!d] + LOT_NS;
		if (t < next)
			next = t;
		t = sim_line_room_at(s->line, d, s->lot, now);
		if (t > now && t < next)
			next = t;
	}
	if (s->all_ended && now + STALL_POLL_NS < next)
		next = now + STALL_POLL_NS;
	return next;
}

/* Sleep until something is due or an end has or takes bytes.  An end is
 * listened to when a lot fits; otherwise each byte that leaves the buffer
 * would wake the loop. */
static void sim_wait(const struct sim *s)
{
	uint64_t now = now_ns(), next = next_look(s, now);
	struct timespec timeout;
	struct pollfd p[2];
	int i;

	for (i = 0; i < 2; i++) {
		p[i].fd = s->end[i].master;
		p[i].events = 0;
		p[i].revents = 0;
		if (sim_line_room_at(s->line, i, s->lot, now) <= now)
			p[i].events |= POLLIN;
		if (s->stalled[i])
			p[i].events |= POLLOUT;
	}
	next = next > now ? next - now : 0;
	timeout.tv_sec = (time_t)(next / (1000 * SIM_MS));
	timeout.tv_nsec = (long)(next % (1000 * SIM_MS));
	/* EINTR is what we want: the flags are looked at next. */
	(void)ppoll(p, 2, next >= 3600 * 1000 * SIM_MS ? NULL : &timeout,
	    &mask_in_poll);
}

/* Take note of commands that have ended. */
static void reap(struct sim *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		end_ended(&s->end[0], pid, status);
		end_ended(&s->end[1], pid, status);
	}
	if ((s->args.command[0] || s->args.command[1]) &&
	    s->end[0].pid == 0 && s->end[1].pid == 0 && !s->all_ended)
		s->all_ended = now_ns();
}

/* All commands have ended, and what they sent to an end that has none has
 * been read there; or nothing moves any more. */
static bool is_over(const struct sim *s)
{
	uint64_t last = s->all_ended;
	int d;

	if (!s->all_ended)
		return false;
	for (d = 0; d < 2; d++)
		if (s->written[d] > last)
			last = s->written[d];
	if (now_ns() > last + s->args.line.delay_ms * SIM_MS + DRAIN_NS)
		return true;
	for (d = 0; d < 2; d++)
		if (!s->args.command[!d] &&
		    (sim_line_pending(s->line, d) > 0 ||
		    !end_is_read(&s->end[!d])))
			return false;
	return true;
}

/* The carrier is gone.  What had arrived is left to its readers for a
 * moment, since the kernel throws it away with the pty. */
static void hang_up(struct sim *s)
{
	int ms, quiet = 0;

	for (ms = 0; ms < CUT_GRACE_MS && quiet < 3; ms += 5) {
		quiet = end_is_read(&s->end[0]) && end_is_read(&s->end[1]) ?
		    quiet + 1 : 0;
		sleep_ms(5);
	}
	end_hang_up(&s->end[0]);
	end_hang_up(&s->end[1]);
}

/* Both ptys, and a new connection on the line. */
static int dial(struct sim *s)
{
	if (s->connections++ > 0)
		sim_line_redial(s->line);
	if (end_open(&s->end[0]) < 0 || end_open(&s->end[1]) < 0)
		return -1;
	s->stalled[0] = s->stalled[1] = false;
	return 0;
}

/* Carry until the line ends; returns its last state for the statistics,
 * NULL when no new pty could be made. */
static const char *run(struct sim *s)
{
	for (;;) {
		if (got_child) {
			got_child = 0;
			reap(s);
		}
		if (got_stop)
			return "ended";
		if (got_cut) {
			got_cut = 0;
			sim_line_cut(s->line);
		}
		carry_in(s, SIM_AB);
		carry_in(s, SIM_BA);
		carry_out(s, SIM_AB);
		carry_out(s, SIM_BA);
		/* Only here: what a command left in its pty has been seen. */
		if (is_over(s))
			return "ended";
		if (sim_line_is_cut(s->line, now_ns())) {
			hang_up(s);
			if (!s->args.redial)
				return "cut";
			if (dial(s) < 0)
				return NULL;
		}
		if (got_stats) {
			got_stats = 0;
			(void)write_stats(s, "connected");
		}
		sim_wait(s);
	}
}

/* After a cut commands see it and end by themselves; when we are told to
 * stop they are told too, and then killed.  Nothing is left running. */
static void wait_for_commands(struct sim *s)
{
	int i, told_ms = -1;

	while (reap(s), s->end[0].pid || s->end[1].pid) {
		for (i = 0; i < 2 && got_stop; i++)
			if (s->end[i].pid && (told_ms < 0 ||
			    told_ms > KILL_AFTER_MS))
				(void)kill(-s->end[i].pid, told_ms < 0 ?
				    SIGTERM : SIGKILL);
		if (got_stop)
			told_ms = told_ms < 0 ? 0 : told_ms + 10;
		(void)ppoll(NULL, 0, &(struct timespec){0, 10000000},
		    &mask_in_poll);
	}
}

static int write_pidfile(const char *path)
{
	FILE *f;

	if (!path)
		return 0;
	f = fopen(path, "w");
	if (f && fprintf(f, "%ld\n", (long)getpid()) > 0 && fclose(f) == 0)
		return 0;
	fprintf(stderr, "line-sim: write %s: %s; nothing was started; choose "
	    "another --pidfile\n", path, strerror(errno));
	return -1;
}

/* Everything up to "ready".  Returns 0 or an exit status. */
static int set_up(struct sim *s)
{
	uint64_t byte_ns = UINT64_C(10000000000) / s->args.line.bps;
	int i;

	catch_signals();
	s->lot = (size_t)(LOT_NS / byte_ns) + 1;
	if (s->lot > s->args.line.buffer_bytes)
		s->lot = s->args.line.buffer_bytes;
	for (i = 0; i < 2; i++) {
		s->end[i].link = s->args.link[i];
		s->end[i].command = s->args.command[i];
	}
	if (dial(s) < 0)
		return 69;
	if (write_pidfile(s->args.pidfile) < 0)
		return 74;
	s->start = now_ns();
	s->start_unix = (double)clock_ns(CLOCK_REALTIME) / 1e9;
	fprintf(stderr, "line-sim: seed %llu\n",
	    (unsigned long long)s->args.line.seed);
	if (write(s->args.ready_fd, "ready\n", 6) != 6)
		fprintf(stderr, "line-sim: nobody was told \"ready\": %s\n",
		    strerror(errno));
	for (i = 0; i < 2; i++)
		if (end_start(&s->end[i]) < 0)
			return 69;
	return 0;
}

int main(int argc, char **argv)
{
	struct sim s = {.end = {SIM_END_INIT, SIM_END_INIT}};
	const char *state = NULL, *why;
	int status, i;

	i = args_read(&s.args, argc, argv);
	if (i != 0)
		return i < 0 ? 64 : 0;
	s.line = sim_line_new(&s.args.line, &why);
	if (!s.line) {
		fprintf(stderr, "line-sim: %s; nothing was started; "
		    "see line-sim --help\n", why);
		return 64;
	}
	status = set_up(&s);
	if (status == 0) {
		state = run(&s);
		status = state ? 0 : 69;
	}
	if (!state)
		got_stop = 1;
	wait_for_commands(&s);
	for (i = 0; i < 2; i++) {
		if (status == 0)
			status = s.end[i].status;
		end_hang_up(&s.end[i]);
		end_unlink(&s.end[i]);
	}
	if (state && write_stats(&s, state) < 0 && status == 0)
		status = 74;
	if (s.args.pidfile)
		(void)unlink(s.args.pidfile);
	sim_line_free(s.line);
	return status;
}
