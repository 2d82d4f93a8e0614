/* A port: the bytes of one line, whatever they travel over.
 *
 * Two backends behind one small interface: port_serial.c for real serial
 * ports (the only includer of libserialport) and port_fd.c for whatever is
 * just a descriptor (ptys, TCP, the pipes of a command, stdin and stdout).
 * Nothing here knows a protocol.  All reads and writes are non-blocking.
 *
 * Devices (contract.md, Configuration):
 *   /dev/ttyS0, /dev/serial/by-id/...   a serial port; symlinks are resolved
 *   /dev/pts/3                          a pty: raw mode and lock, no speed
 *   tcp:HOST:PORT, tcp-listen:[ADDR:]PORT, pipe:COMMAND (by sh -c), stdio
 *
 * A port that has gone (end of file, EIO, hang-up, reset, DCD fallen) is
 * ERR_AGAIN, "carrier lost"; a device that is missing, refused or in use is
 * ERR_DEVICE and names the holder.  Errors: those two, and ERR_CONFIG for a
 * device text that cannot be understood. */
#ifndef MODEM_PORT_H
#define MODEM_PORT_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum port_flow { PORT_FLOW_NONE, PORT_FLOW_RTSCTS, PORT_FLOW_XONXOFF };

struct port_conf {
	const char *device; /* borrowed during port_open */
	int speed;          /* bits per second of the cable; 0: not known */
	enum port_flow flow;
	bool modem;          /* watch DCD, hang up by DTR */
	int connect_wait_ms; /* for tcp:; at most this long */
	int stop_fd;         /* readable: give up waiting; -1: none */
};

/* Bits of port_signals(). */
#define PORT_DCD     1u /* carrier detected */
#define PORT_UNKNOWN 2u /* this port has no such signals */

struct port;

struct port_ops {
	ssize_t (*read)(struct port *, void *p, size_t n, struct err *e);
	ssize_t (*write)(struct port *, const void *p, size_t n, struct err *e);
	unsigned (*signals)(struct port *);
	void (*hangup)(struct port *);
	void (*close)(struct port *);
};

struct port {
	const struct port_ops *ops;
	char *name;        /* owned; as a person knows it */
	char *lock;        /* owned; path of our UUCP lock file, or NULL */
	int fd_in, fd_out; /* for poll; -1: no connection at the moment */
	int listen_fd;     /* tcp-listen: where calls come in; else -1 */
	int speed;         /* bits per second, 0: not known */
	bool wire;         /* a UART keeps to it; a pty does not */
	int unread;        /* a byte put back by port_unread; -1: none */
	bool modem;
	bool had_carrier; /* modem: DCD has been seen */
	bool tty;         /* saved holds what to restore at close */
	pid_t child;      /* pipe: the command, or 0 */
	void *priv;       /* owned by the backend */
};

/* Open the device and lock it.  *out is the caller's, for port_close.  A
 * tcp-listen port is open without a connection: see port_accept.  Blocks
 * only for tcp: (connect_wait_ms). */
int port_open(const struct port_conf *c, struct port **out, struct err *e);

/* tcp-listen: take one waiting connection.  1: taken, 0: none waits, -1.
 * One at a time: others wait in the kernel's queue.  On every other port: 1
 * at once. */
int port_accept(struct port *p, struct err *e);

/* What to poll: v[0] for reading and v[1] for writing (when want_write);
 * before port_accept v[0] is where calls come in. */
void port_pollfd(const struct port *p, struct pollfd v[2], bool want_write);

/* Bytes read or written, 0: none now, -1: the line is gone (e says why). */
ssize_t port_read(struct port *p, void *buf, size_t n, struct err *e);
ssize_t port_write(struct port *p, const void *buf, size_t n, struct err *e);

/* Put one byte back: the next port_read returns it, alone. */
void port_unread(struct port *p, unsigned char byte);

unsigned port_signals(struct port *p);

/* Bytes that this machine has not passed on yet (TIOCOUTQ), as far as it
 * knows; 0 where it cannot be asked. */
size_t port_queued(const struct port *p);

/* Wait until what was written has gone out, at most ms. */
void port_drain(const struct port *p, int ms);

/* End the call: DTR low for more than a second on a modem line, else the
 * connection is closed; a tcp-listen port can accept the next one. */
void port_hangup(struct port *p);

/* Hang up as far as the kind of port needs it, restore the terminal's
 * settings, remove the lock, free.  NULL is allowed. */
void port_close(struct port *p);

/* The same text in words of the kind: is this a line that answers only? */
bool port_is_listener(const char *device);

/* --- for the backends ------------------------------------------------- */

struct port *port_new(const struct port_conf *c, const char *name);
int port_serial_open(
    struct port *p, const struct port_conf *c, const char *path, struct err *e);
int port_fd_open(
    struct port *p, const struct port_conf *c, const char *path, struct err *e);

#endif
