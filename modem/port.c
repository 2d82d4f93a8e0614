/* Chooses the backend for a device, and what both backends share. */
#include "config.h"

#include "modem/port.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "modem/port_lock.h"

struct port *port_new(const struct port_conf *c, const char *name)
{
	struct port *p = calloc(1, sizeof *p);

	if (!p)
		abort();
	p->name = fs_format("%s", name);
	p->fd_in = p->fd_out = p->listen_fd = -1;
	p->unread = -1;
	p->speed = c->speed;
	p->modem = c->modem;
	return p;
}

bool port_is_listener(const char *device)
{
	return strncmp(device, "tcp-listen:", 11) == 0;
}

/* Not a path: "tcp:...", "pipe:...", "stdio". */
static bool is_plain(const char *device)
{
	return strncmp(device, "tcp:", 4) == 0 || port_is_listener(device) ||
	       strncmp(device, "pipe:", 5) == 0 || strcmp(device, "stdio") == 0;
}

/* libserialport knows a port by its name in /sys/class/tty with a device
 * behind it; ptys have none and belong to the plain backend. */
static bool has_driver(const char *path)
{
	char sys[PATH_MAX];
	const char *base = strrchr(path, '/');

	if (strncmp(path, "/dev/pts/", 9) == 0)
		return false;
	snprintf(sys, sizeof sys, "/sys/class/tty/%s/device", base + 1);
	return fs_exists(sys);
}

/* A device under a path: find the real one, lock it, open it. */
static int open_device(struct port *p, const struct port_conf *c, struct err *e)
{
	char real[PATH_MAX];
	struct stat st;

	if (c->device[0] != '/')
		return err_set(e, ERR_CONFIG,
		    "device \"%s\" is neither a "
		    "path nor tcp:, tcp-listen: or pipe:; correct the line's "
		    "device",
		    c->device);
	if (!realpath(c->device, real) || stat(real, &st) < 0)
		return err_set(e, ERR_DEVICE,
		    "%s: %s; plug it in, or correct "
		    "the line's device",
		    c->device, strerror(errno));
	if (!S_ISCHR(st.st_mode))
		return err_set(e, ERR_DEVICE,
		    "%s is not a terminal device; "
		    "correct the line's device",
		    c->device);
	p->lock = port_lock_take(real, e);
	if (!p->lock)
		return -1;
	if (has_driver(real))
		return port_serial_open(p, c, real, e);
	return port_fd_open(p, c, real, e);
}

int port_open(const struct port_conf *c, struct port **out, struct err *e)
{
	struct port *p = port_new(c, c->device);
	int rc = is_plain(c->device) ? port_fd_open(p, c, NULL, e)
				     : open_device(p, c, e);

	if (rc < 0) {
		port_close(p);
		p = NULL;
	}
	*out = p;
	return rc;
}

void port_pollfd(const struct port *p, struct pollfd v[2], bool want_write)
{
	bool same = p->fd_in == p->fd_out;

	memset(v, 0, 2 * sizeof *v);
	v[0].fd = p->fd_in >= 0 ? p->fd_in : p->listen_fd;
	v[0].events = POLLIN;
	if (same && want_write)
		v[0].events |= POLLOUT;
	v[1].fd = !same && want_write ? p->fd_out : -1;
	v[1].events = POLLOUT;
}

ssize_t port_read(struct port *p, void *buf, size_t n, struct err *e)
{
	if (p->unread >= 0 && n > 0) {
		*(unsigned char *)buf = (unsigned char)p->unread;
		p->unread = -1;
		return 1;
	}
	return p->ops->read(p, buf, n, e);
}

void port_unread(struct port *p, unsigned char byte)
{
	p->unread = byte;
}

ssize_t port_write(struct port *p, const void *buf, size_t n, struct err *e)
{
	return p->ops->write(p, buf, n, e);
}

unsigned port_signals(struct port *p)
{
	return p->ops->signals(p);
}

size_t port_queued(const struct port *p)
{
	int n = 0;

	if (p->fd_out < 0 || ioctl(p->fd_out, TIOCOUTQ, &n) < 0 || n < 0)
		return 0;
	return (size_t)n;
}

void port_drain(const struct port *p, int ms)
{
	uint64_t end = clock_ms() + (uint64_t)ms;
	struct timespec t = {0, 20 * 1000 * 1000};

	/* tcdrain has no time limit, and flow control may hold for ever */
	while (port_queued(p) > 0 && clock_ms() < end)
		nanosleep(&t, NULL);
}

void port_hangup(struct port *p)
{
	p->ops->hangup(p);
}

void port_close(struct port *p)
{
	if (!p)
		return;
	if (p->ops)
		p->ops->close(p);
	port_lock_drop(p->lock);
	free(p->lock);
	free(p->name);
	free(p);
}
