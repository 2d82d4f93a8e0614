/* Everything that is just a descriptor: ptys, TCP either way, the pipes of a
 * command, standard input and output. */
#include "config.h"

#include "modem/port.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

/* How long a command may take to end once its pipes are closed. */
#define CHILD_MS 2000
/* How long a TCP peer may take to close its side, too. */
#define LINGER_MS 500
/* Bytes that TCP may hold back unsent: acknowledgements queue behind them. */
#define TCP_UNSENT (16 * 1024)

/* What close puts back. */
struct saved {
	struct termios t;        /* valid when p->tty */
	int flags_in, flags_out; /* stdio: of F_SETFL; -1: leave */
};

static ssize_t lost(struct port *p, const char *why, struct err *e)
{
	return err_set(e, ERR_AGAIN, "carrier lost (%s: %s)", p->name, why);
}

/* Has our command ended by itself with a failure?  Then that is the reason,
 * and not "end of file". */
static ssize_t ended(struct port *p, const char *why, struct err *e)
{
	struct timespec t = {0, 50 * 1000 * 1000};
	int status;

	if (p->child > 0) {
		nanosleep(&t, NULL); /* its pipes close before it ends */
		if (waitpid(p->child, &status, WNOHANG) == p->child) {
			p->child = 0;
			if (WIFEXITED(status) && WEXITSTATUS(status))
				return err_set(e, ERR_AGAIN,
				    "carrier lost "
				    "(%s: the command ended with status %d)",
				    p->name, WEXITSTATUS(status));
		}
	}
	return lost(p, why, e);
}

static ssize_t fd_read(struct port *p, void *buf, size_t n, struct err *e)
{
	ssize_t got;

	if (p->fd_in < 0)
		return lost(p, "no connection", e);
	got = read(p->fd_in, buf, n);
	if (got > 0)
		return got;
	if (got == 0)
		return ended(p, "the other end closed it", e);
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	return ended(p, strerror(errno), e);
}

static ssize_t fd_write(
    struct port *p, const void *buf, size_t n, struct err *e)
{
	ssize_t put;

	if (p->fd_out < 0)
		return lost(p, "no connection", e);
	put = write(p->fd_out, buf, n);
	if (put >= 0)
		return put;
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	return ended(p, strerror(errno), e);
}

/* A pty or socket has no modem signals. */
static unsigned fd_signals(struct port *p)
{
	(void)p;
	return PORT_UNKNOWN;
}

/* Let the command end by itself; then ask; then insist. */
static void end_child(struct port *p)
{
	static const int sigs[] = {0, SIGTERM, SIGKILL};
	struct timespec t = {0, 20 * 1000 * 1000};
	uint64_t end;
	size_t i;

	for (i = 0; i < 3 && p->child > 0; i++) {
		if (sigs[i])
			kill(p->child, sigs[i]);
		end = clock_ms() + CHILD_MS;
		while (p->child > 0 && clock_ms() < end) {
			if (waitpid(p->child, NULL, WNOHANG) != 0)
				p->child = 0;
			else
				nanosleep(&t, NULL);
		}
	}
}

/* Put the terminal and the descriptors' flags back as they were. */
static void restore(struct port *p)
{
	struct saved *s = p->priv;

	if (!s)
		return;
	if (p->tty)
		tcsetattr(p->fd_in, TCSANOW, &s->t);
	if (s->flags_in >= 0)
		fcntl(p->fd_in, F_SETFL, s->flags_in);
	if (s->flags_out >= 0)
		fcntl(p->fd_out, F_SETFL, s->flags_out);
	free(s);
	p->priv = NULL;
	p->tty = false;
}

/* A socket that is closed while bytes are unread in it sends a reset, which
 * may overtake our last bytes: say that no more comes, and read to the end. */
static void end_socket(struct port *p)
{
	uint64_t end = clock_ms() + LINGER_MS;
	struct pollfd v = {p->fd_in, POLLIN, 0};
	struct stat st;
	char buf[4096];
	ssize_t n = 1;

	if (p->fd_in < 0 || fstat(p->fd_in, &st) < 0 || !S_ISSOCK(st.st_mode) ||
	    shutdown(p->fd_out, SHUT_WR) < 0)
		return;
	while (n > 0 && clock_ms() < end) {
		if (poll(&v, 1, LINGER_MS / 10) > 0)
			n = read(p->fd_in, buf, sizeof buf);
	}
}

static void fd_hangup(struct port *p)
{
	end_socket(p);
	restore(p);
	if (p->fd_out >= 0 && p->fd_out != p->fd_in)
		close(p->fd_out);
	if (p->fd_in >= 0)
		close(p->fd_in);
	p->fd_in = p->fd_out = -1;
	end_child(p);
}

static void fd_close(struct port *p)
{
	fd_hangup(p);
	if (p->listen_fd >= 0)
		close(p->listen_fd);
	p->listen_fd = -1;
}

static const struct port_ops fd_ops = {
    fd_read, fd_write, fd_signals, fd_hangup, fd_close};

/* Non-blocking; *old, when asked for, is for restore(). */
static void set_nonblock(int fd, int *old)
{
	int flags = fcntl(fd, F_GETFL);

	if (old)
		*old = flags;
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* Raw: eight bits, no echo, no signals, no flow control characters. */
static int set_raw(struct port *p, struct saved *s, struct err *e)
{
	struct termios t;

	if (tcgetattr(p->fd_in, &s->t) < 0)
		return err_set(e, ERR_DEVICE, "%s: not a terminal: %s", p->name,
		    strerror(errno));
	t = s->t;
	cfmakeraw(&t);
	t.c_iflag &= ~(tcflag_t)(IXON | IXOFF | IXANY);
	t.c_cflag |= CREAD | CLOCAL;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	/* TCSANOW: what the far end said already must not be flushed */
	if (tcsetattr(p->fd_in, TCSANOW, &t) < 0)
		return err_set(e, ERR_DEVICE, "%s: tcsetattr: %s", p->name,
		    strerror(errno));
	p->tty = true;
	return 0;
}

static struct saved *new_saved(struct port *p)
{
	struct saved *s = calloc(1, sizeof *s);

	if (!s)
		abort();
	s->flags_in = s->flags_out = -1;
	p->priv = s;
	return s;
}

static int open_pty(struct port *p, const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, ERR_DEVICE,
		    "%s: cannot open it: %s; look at "
		    "who may use it",
		    p->name, strerror(errno));
	p->fd_in = p->fd_out = fd;
	if (set_raw(p, new_saved(p), e) < 0)
		return -1;
	if (ioctl(fd, TIOCEXCL) < 0)
		return err_set(e, ERR_DEVICE, "%s: TIOCEXCL: %s", p->name,
		    strerror(errno));
	return 0;
}

static int open_stdio(struct port *p, struct err *e)
{
	struct saved *s = new_saved(p);

	p->fd_in = dup(0);
	p->fd_out = dup(1);
	if (p->fd_in < 0 || p->fd_out < 0)
		return err_set(e, ERR_DEVICE,
		    "standard input or output is "
		    "closed; --stdio needs both");
	fcntl(p->fd_in, F_SETFD, FD_CLOEXEC);
	fcntl(p->fd_out, F_SETFD, FD_CLOEXEC);
	if (isatty(p->fd_in) && set_raw(p, s, e) < 0)
		return -1;
	/* the flags belong to whoever shares the descriptors, too */
	set_nonblock(p->fd_in, &s->flags_in);
	set_nonblock(p->fd_out, &s->flags_out);
	return 0;
}

/* In the child: our ends of the pipes become 0 and 1. */
static void run_command(const char *command, int in, int out)
{
	dup2(in, 0);
	dup2(out, 1);
	signal(SIGPIPE, SIG_DFL);
	/* Ctrl-C is ours to answer: the call must end in good order */
	signal(SIGINT, SIG_IGN);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static int open_pipe(struct port *p, const char *command, struct err *e)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) < 0)
		return err_sys(e, "%s: pipe", p->name);
	if (pipe2(from, O_CLOEXEC) < 0) {
		close(to[0]);
		close(to[1]);
		return err_sys(e, "%s: pipe", p->name);
	}
	p->child = fork();
	if (p->child == 0)
		run_command(command, to[0], from[1]);
	close(to[0]);
	close(from[1]);
	p->fd_in = from[0];
	p->fd_out = to[1];
	if (p->child < 0) {
		p->child = 0;
		return err_sys(e, "%s: fork", p->name);
	}
	set_nonblock(p->fd_in, NULL);
	set_nonblock(p->fd_out, NULL);
	return 0;
}

/* "HOST:PORT", "[V6]:PORT", ":PORT", "PORT" into two texts. */
static int split_address(const char *s, char *host, char *port, size_t n)
{
	const char *colon = strrchr(s, ':');
	const char *from = s, *end = colon ? colon : s;
	int64_t number;

	if (*from == '[' && end > from + 1 && end[-1] == ']') {
		from++;
		end--;
	}
	snprintf(host, n, "%.*s", (int)(end - from), from);
	snprintf(port, n, "%s", colon ? colon + 1 : s);
	return text_int(port, 0, 65535, &number) ? 0 : -1;
}

static struct addrinfo *resolve(
    struct port *p, const char *s, bool passive, struct err *e)
{
	struct addrinfo hint = {0}, *list = NULL;
	char host[256], port[256];
	int rc;

	hint.ai_socktype = SOCK_STREAM;
	hint.ai_flags = passive ? AI_PASSIVE : 0;
	if (split_address(s, host, port, sizeof host) < 0 ||
	    (!passive && !*host)) {
		err_set(e, ERR_CONFIG,
		    "device \"%s\": not an address and a "
		    "port number; write %s",
		    p->name,
		    passive ? "tcp-listen:PORT or tcp-listen:ADDRESS:PORT"
			    : "tcp:HOST:PORT");
		return NULL;
	}
	rc = getaddrinfo(*host ? host : NULL, port, &hint, &list);
	if (rc) {
		err_set(e, ERR_DEVICE,
		    "%s: %s; correct the address, or look "
		    "at the network",
		    p->name, gai_strerror(rc));
		return NULL;
	}
	return list;
}

/* A connected socket becomes the port's connection. */
static void take_socket(struct port *p, int fd)
{
	int on = 1, unsent = TCP_UNSENT;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	p->fd_in = p->fd_out = fd;
}

/* Wait for a connect under way.  0, or an errno; ECANCELED: told to stop. */
static int wait_connect(int fd, int stop_fd, int ms)
{
	struct pollfd v[2] = {{fd, POLLOUT, 0}, {stop_fd, POLLIN, 0}};
	uint64_t end = clock_ms() + (uint64_t)ms;
	int error = 0, rc;
	socklen_t n = sizeof error;

	do {
		uint64_t now = clock_ms();

		rc = poll(v, 2, now < end ? (int)(end - now) : 0);
	} while (rc < 0 && errno == EINTR);
	if (v[1].revents)
		return ECANCELED;
	if (rc == 0)
		return ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		return errno;
	return error;
}

static int open_tcp(
    struct port *p, const struct port_conf *c, const char *s, struct err *e)
{
	struct addrinfo *list = resolve(p, s, false, e), *a;
	int error = 0, fd;

	if (!list)
		return -1;
	for (a = list; a && p->fd_in < 0 && error != ECANCELED;
	     a = a->ai_next) {
		fd = socket(a->ai_family,
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd < 0) {
			error = errno;
			continue;
		}
		error = connect(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
		if (error == EINPROGRESS)
			error =
			    wait_connect(fd, c->stop_fd, c->connect_wait_ms);
		if (error == 0)
			take_socket(p, fd);
		else
			close(fd);
	}
	freeaddrinfo(list);
	if (p->fd_in >= 0)
		return 0;
	if (error == ECANCELED)
		return err_set(e, ERR_AGAIN, "%s: interrupted", p->name);
	return err_set(
	    e, ERR_AGAIN, "%s: no connection: %s", p->name, strerror(error));
}

static int open_listener(struct port *p, const char *s, struct err *e)
{
	struct addrinfo *list = resolve(p, s, true, e), *a;
	int on = 1, fd = -1, error = 0;

	if (!list)
		return -1;
	for (a = list; a && p->listen_fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family,
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd < 0) {
			error = errno;
			continue;
		}
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
		if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 &&
		    listen(fd, 4) == 0) {
			p->listen_fd = fd;
		} else {
			error = errno;
			close(fd);
		}
	}
	freeaddrinfo(list);
	if (p->listen_fd < 0)
		return err_set(e, ERR_DEVICE,
		    "%s: cannot wait for calls "
		    "there: %s; choose another port number, or end the "
		    "program that has it",
		    p->name, strerror(error));
	return 0;
}

int port_accept(struct port *p, struct err *e)
{
	int fd;

	if (p->listen_fd < 0 || p->fd_in >= 0)
		return 1;
	fd = accept4(p->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		take_socket(p, fd);
		return 1;
	}
	/* a caller that went away between poll and accept is no failure */
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return 0;
	return err_set(
	    e, ERR_DEVICE, "%s: accept: %s", p->name, strerror(errno));
}

int port_fd_open(
    struct port *p, const struct port_conf *c, const char *path, struct err *e)
{
	p->ops = &fd_ops;
	if (path)
		return open_pty(p, path, e);
	/* the speed of the cable says nothing about these */
	p->speed = 0;
	if (strcmp(c->device, "stdio") == 0)
		return open_stdio(p, e);
	if (strncmp(c->device, "pipe:", 5) == 0)
		return open_pipe(p, c->device + 5, e);
	if (port_is_listener(c->device))
		return open_listener(p, c->device + 11, e);
	return open_tcp(p, c, c->device + 4, e);
}
