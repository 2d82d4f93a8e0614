/* modem-sim: ptys that behave like Hayes modems on a telephone network.  One
 * loop carries bytes between the ptys and the sans-IO network of phone.c.
 * What the options mean, and how a pty shows DTR and DCD: tests/line/README.
 *
 * Exit status: 0; 64 usage, 69 no pty or no link could be made, 74 a file
 * could not be made or written. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* ppoll */
#endif
#include "tests/line/modem_args.h"
#include "tests/line/sim_end.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define LOT_NS (2 * SIM_MS)   /* bytes are at most this much late */
#define LOOK_NS (20 * SIM_MS) /* for DTR, speeds, a reader that takes more */

struct port {
	struct sim_end end;
	bool open;      /* a program has the slave */
	bool stalled;   /* it does not read */
	bool carrier;   /* DCD, when we looked last */
};

struct sim {
	struct modem_args args;
	struct phone *phone;
	struct port port[PHONE_MODEMS_MAX];
	size_t lot;
	uint64_t start;
	uint64_t looked;  /* at terminal settings */
	FILE *log;
	int control;      /* FIFO, or -1 */
	char line[200];   /* of the FIFO, so far */
	size_t line_n;
};

static volatile sig_atomic_t got_stop, got_stats, got_cut;
static sigset_t mask_in_poll;

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		got_stats = 1;
	else if (sig == SIGUSR2)
		got_cut = 1;
	else
		got_stop = 1;
}

/* Signals come in while the loop waits, and only then. */
static void catch_signals(void)
{
	static const int caught[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1,
	    SIGUSR2};
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

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 * SIM_MS + (uint64_t)t.tv_nsec;
}

static int complain(const char *call, const char *what)
{
	fprintf(stderr, "modem-sim: %s %s: %s; choose another name\n", call,
	    what, strerror(errno));
	return -1;
}

static void log_call(void *arg, uint64_t now, const char *text)
{
	struct sim *s = arg;

	if (s->log)
		fprintf(s->log, "%llu %s\n", (unsigned long long)
		    ((now - s->start) / SIM_MS), text);
}

static int write_stats(const struct sim *s)
{
	struct phone_stats st;
	char tmp[4096];
	FILE *f;
	int n;

	if (!s->args.stats)
		return 0;
	phone_stats(s->phone, &st);
	n = snprintf(tmp, sizeof(tmp), "%s.tmp", s->args.stats);
	f = n > 0 && (size_t)n < sizeof(tmp) ? fopen(tmp, "w") : NULL;
	if (!f)
		return complain("write", s->args.stats);
	fprintf(f, "seed: %llu\ndialled: %u\nconnected: %u\ncut: %u\n"
	    "bytes: %llu\ndropped: %llu\n",
	    (unsigned long long)s->args.phone.line.seed, st.dialled,
	    st.connected, st.cut, (unsigned long long)st.bytes,
	    (unsigned long long)st.dropped);
	if (fclose(f) == 0 && rename(tmp, s->args.stats) == 0)
		return 0;
	return complain("write", s->args.stats);
}

/* The pty, in raw mode, which it stays without a program that has it open:
 * only so a program's close is seen. */
static int open_port(struct port *t)
{
	if (end_open(&t->end) < 0)
		return -1;
	(void)close(t->end.slave);
	t->end.slave = -1;
	t->open = t->stalled = false;
	return 0;
}

/* A speed as termios has it; 0: B0, which is DTR low. */
static uint32_t bps_of(speed_t speed)
{
	static const struct {
		speed_t speed;
		uint32_t bps;
	} rows[] = {
		{B300, 300}, {B1200, 1200}, {B2400, 2400}, {B4800, 4800},
		{B9600, 9600}, {B19200, 19200}, {B38400, 38400},
		{B57600, 57600}, {B115200, 115200}, {B230400, 230400},
		{B460800, 460800}, {B921600, 921600}
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].speed == speed)
			return rows[i].bps;
	return speed == B0 ? 0 : 57600;
}

/* DTR is high while a program has the slave open at a speed that is not 0.
 * (The master's settings are the slave's.) */
static void look_at_dtr(struct sim *s, int m, uint64_t now)
{
	struct port *t = &s->port[m];
	struct termios tio;
	bool on = t->open;

	if (on && tcgetattr(t->end.master, &tio) == 0) {
		uint32_t bps = bps_of(cfgetospeed(&tio));

		on = bps > 0;
		phone_cable(s->phone, m, bps);
	}
	phone_dtr(s->phone, m, on, now);
}

/* From the pty to the modem, as much as it takes. */
static void carry_in(struct sim *s, int m)
{
	struct port *t = &s->port[m];
	uint8_t bytes[4096];
	uint64_t now = now_ns();
	size_t room;
	ssize_t n;

	while ((room = phone_room(s->phone, m, now)) > 0 || !t->open) {
		if (room > sizeof(bytes))
			room = sizeof(bytes);
		n = read(t->end.master, bytes, room ? room : 1);
		now = now_ns();
		if (n < 0 && errno == EAGAIN) {
			/* Somebody has it open. */
			if (!t->open) {
				t->open = true;
				look_at_dtr(s, m, now);
			}
			return;
		}
		if (n <= 0) { /* EIO: the last program has closed it */
			if (t->open) {
				t->open = false;
				look_at_dtr(s, m, now);
			}
			return;
		}
		if (!t->open) { /* opened, and written to */
			t->open = true;
			look_at_dtr(s, m, now);
		}
		phone_feed(s->phone, m, bytes, (size_t)n, now);
	}
}

/* From the modem to the pty, what is due. */
static void carry_out(struct sim *s, int m)
{
	struct port *t = &s->port[m];
	uint64_t now = now_ns();
	const uint8_t *p;
	size_t n;
	ssize_t w;

	t->stalled = false;
	while ((n = phone_out(s->phone, m, now, &p)) > 0) {
		if (!t->open) { /* to nobody */
			phone_take(s->phone, m, n, now);
			continue;
		}
		w = write(t->end.master, p, n);
		if (w <= 0) {
			t->stalled = true;
			return;
		}
		phone_take(s->phone, m, (size_t)w, now);
	}
}

/* --hup: the pty goes when DCD falls. */
static int look_at_dcd(struct sim *s, int m)
{
	struct port *t = &s->port[m];
	bool carrier = phone_carrier(s->phone, m) &&
	    phone_in_call(s->phone, m);
	bool fell = t->carrier && !carrier;

	t->carrier = carrier;
	if (!fell || !s->args.hup || phone_carrier(s->phone, m))
		return 0;
	end_hang_up(&t->end);
	return open_port(t);
}

static int find_modem(void *arg, const char *name)
{
	struct sim *s = arg;
	int i;

	for (i = 0; i < s->args.n; i++)
		if (!strcmp(s->args.modem[i].number, name) ||
		    !strcmp(s->args.modem[i].link, name))
			return i;
	return -1;
}

static void read_control(struct sim *s)
{
	char c;

	while (s->control >= 0 && read(s->control, &c, 1) == 1) {
		if (c != '\n') {
			if (s->line_n + 1 < sizeof(s->line))
				s->line[s->line_n++] = c;
			continue;
		}
		s->line[s->line_n] = '\0';
		s->line_n = 0;
		(void)modem_args_control(s->phone, s->line, now_ns(),
		    find_modem, s);
	}
}

/* Sleep until something is due, or a program has or takes bytes.  A port
 * without a program would wake us all the time: it is looked at now and
 * then. */
static void sim_wait(const struct sim *s)
{
	struct pollfd p[PHONE_MODEMS_MAX + 1];
	uint64_t now = now_ns(), next = phone_next(s->phone, now);
	struct timespec timeout;
	int i;

	for (i = 0; i < s->args.n; i++) {
		const struct port *t = &s->port[i];
		bool hears = phone_room(s->phone, i, now) >= s->lot;

		p[i] = (struct pollfd){.fd = -1};
		if (t->open && (hears || t->stalled))
			p[i].fd = t->end.master;
		p[i].events = (short)((hears ? POLLIN : 0) |
		    (t->stalled ? POLLOUT : 0));
	}
	p[i] = (struct pollfd){.fd = s->control, .events = POLLIN};
	if (next < now + LOT_NS)
		next = now + LOT_NS;
	if (next > now + LOOK_NS)
		next = now + LOOK_NS;
	next -= now;
	timeout.tv_sec = (time_t)(next / (1000 * SIM_MS));
	timeout.tv_nsec = (long)(next % (1000 * SIM_MS));
	(void)ppoll(p, (nfds_t)s->args.n + 1, &timeout, &mask_in_poll);
}

/* All that is due now.  -1: a pty could not be made. */
static int step(struct sim *s)
{
	uint64_t now = now_ns();
	bool look = now >= s->looked + LOOK_NS;
	int i;

	if (got_cut) {
		got_cut = 0;
		phone_cut(s->phone, -1, now);
	}
	if (got_stats) {
		got_stats = 0;
		(void)write_stats(s);
	}
	read_control(s);
	if (look)
		s->looked = now;
	for (i = 0; i < s->args.n; i++) {
		if (look)
			look_at_dtr(s, i, now);
		carry_in(s, i);
	}
	phone_tick(s->phone, now_ns());
	for (i = 0; i < s->args.n; i++) {
		carry_out(s, i);
		if (look_at_dcd(s, i) < 0)
			return -1;
	}
	return 0;
}

/* --- beginning and end ------------------------------------------------------- */

static int add_modems(struct sim *s)
{
	const char *why;
	size_t k;
	int i;

	for (i = 0; i < s->args.n; i++) {
		const struct modem_arg *m = &s->args.modem[i];

		if (phone_add(s->phone, m->number, m->maker, &why) < 0) {
			fprintf(stderr, "modem-sim: modem %s (number %s, "
			    "maker %s): %s; nothing was started; see "
			    "modem-sim --help\n", m->link, m->number,
			    m->maker, why);
			return -1;
		}
		s->port[i].end = (struct sim_end)SIM_END_INIT;
		s->port[i].end.link = m->link;
	}
	for (k = 0; k < s->args.n_results; k++)
		if (modem_args_result(s->phone, s->args.result[k]) < 0) {
			fprintf(stderr, "modem-sim: nothing was started\n");
			return -1;
		}
	return 0;
}

static int open_files(struct sim *s)
{
	FILE *f;

	s->control = -1;
	if (s->args.control) {
		if (mkfifo(s->args.control, 0600) < 0 && errno != EEXIST)
			return complain("make", s->args.control);
		/* For writing too, so that it never ends. */
		s->control = open(s->args.control, O_RDWR | O_NONBLOCK |
		    O_CLOEXEC);
		if (s->control < 0)
			return complain("open", s->args.control);
	}
	if (s->args.log) {
		s->log = fopen(s->args.log, "a");
		if (!s->log)
			return complain("open", s->args.log);
		(void)setvbuf(s->log, NULL, _IOLBF, 0);
	}
	if (s->args.pidfile) {
		f = fopen(s->args.pidfile, "w");
		if (!f || fprintf(f, "%ld\n", (long)getpid()) < 0 ||
		    fclose(f) != 0)
			return complain("write", s->args.pidfile);
	}
	return 0;
}

/* Everything up to "ready".  Returns 0 or an exit status. */
static int set_up(struct sim *s)
{
	uint64_t byte_ns = UINT64_C(10000000000) / s->args.phone.line.bps;
	int i;

	s->lot = (size_t)(LOT_NS / byte_ns) + 1;
	if (s->lot > s->args.phone.line.buffer_bytes)
		s->lot = s->args.phone.line.buffer_bytes;
	if (s->lot > 64)
		s->lot = 64;
	if (add_modems(s) < 0)
		return 64;
	if (open_files(s) < 0)
		return 74;
	for (i = 0; i < s->args.n; i++)
		if (open_port(&s->port[i]) < 0)
			return 69;
	s->start = now_ns();
	fprintf(stderr, "modem-sim: seed %llu\n",
	    (unsigned long long)s->args.phone.line.seed);
	if (write(s->args.ready_fd, "ready\n", 6) != 6)
		fprintf(stderr, "modem-sim: nobody was told \"ready\": %s\n",
		    strerror(errno));
	return 0;
}

static void tear_down(struct sim *s)
{
	int i;

	for (i = 0; i < s->args.n; i++) {
		if (s->port[i].end.link) {
			end_hang_up(&s->port[i].end);
			end_unlink(&s->port[i].end);
		}
		free(s->args.modem[i].link);
	}
	if (s->control >= 0) {
		(void)close(s->control);
		(void)unlink(s->args.control);
	}
	if (s->args.pidfile)
		(void)unlink(s->args.pidfile);
	if (s->log)
		(void)fclose(s->log);
	phone_free(s->phone);
}

int main(int argc, char **argv)
{
	static struct sim s; /* large */
	const char *why;
	int status = modem_args_read(&s.args, argc, argv);

	if (status != 0)
		return status < 0 ? 64 : 0;
	s.control = -1;
	s.args.phone.log = log_call;
	s.args.phone.log_arg = &s;
	s.phone = phone_new(&s.args.phone, &why);
	if (!s.phone) {
		fprintf(stderr, "modem-sim: %s; nothing was started; see "
		    "modem-sim --help\n", why);
		return 64;
	}
	catch_signals();
	status = set_up(&s);
	while (status == 0 && !got_stop) {
		if (step(&s) < 0)
			status = 69;
		sim_wait(&s);
	}
	if (write_stats(&s) < 0 && status == 0)
		status = 74;
	tear_down(&s);
	return status;
}
