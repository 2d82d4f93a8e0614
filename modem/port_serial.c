/* Real serial ports, through libserialport: the only file that includes it.
 *
 * What the library gets wrong is put right on its descriptor:
 *  - sp_set_flowcontrol(RTSCTS) reports success without turning it on
 *    (0.1.1, 0.1.2): CRTSCTS is set here after every sp_set_*, and read back;
 *  - sp_set_rts fails where CRTSCTS was left on: it is cleared first;
 *  - sp_open sets CLOCAL, so loss of carrier is no end of file: DCD is asked;
 *  - whether close drops DTR depends on the version: it is dropped here. */
#include "config.h"

#include "modem/port.h"

#include <errno.h>
#include <fcntl.h>
#include <libserialport.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* DTR must stay low longer than a modem's S25 and the 1 s of V.250. */
#define HANGUP_MS 1500

/* What the library says of its last failure, in e. */
static int sp_fail(
    struct port *p, const char *what, enum sp_return rc, struct err *e)
{
	char *text = rc == SP_ERR_FAIL ? sp_last_error_message() : NULL;

	err_set(e, ERR_DEVICE,
	    "%s: cannot %s: %s; look at the cable and at "
	    "who may use the port (group dialout)",
	    p->name, what, text ? text : "not supported by this port");
	if (text)
		sp_free_error_message(text);
	return -1;
}

/* The port is gone: carrier or adapter. */
static ssize_t lost(struct port *p, const char *why, struct err *e)
{
	return err_set(e, ERR_AGAIN, "carrier lost (%s: %s)", p->name, why);
}

/* Was the descriptor hung up?  A read of 0 bytes alone does not tell. */
static bool hung_up(const struct port *p)
{
	struct pollfd v = {p->fd_in, POLLIN, 0};

	return poll(&v, 1, 0) > 0 &&
	       (v.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

static unsigned serial_signals(struct port *p)
{
	enum sp_signal s = 0;

	if (sp_get_signals(p->priv, &s) != SP_OK)
		return PORT_UNKNOWN;
	return (s & SP_SIG_DCD) ? PORT_DCD : 0;
}

/* Modem lines: has DCD fallen since it was up?  CLOCAL hides it otherwise. */
static bool carrier_fell(struct port *p)
{
	unsigned s = p->modem ? serial_signals(p) : PORT_UNKNOWN;

	if (s & PORT_DCD)
		p->had_carrier = true;
	return s == 0 && p->had_carrier;
}

static ssize_t serial_read(struct port *p, void *buf, size_t n, struct err *e)
{
	enum sp_return got = sp_nonblocking_read(p->priv, buf, n);

	if (got > 0)
		return got;
	if (got < 0)
		return lost(p, strerror(errno), e);
	if (hung_up(p))
		return lost(p, "hung up, or unplugged", e);
	if (carrier_fell(p))
		return lost(p, "the modem reports no carrier", e);
	return 0;
}

static ssize_t serial_write(
    struct port *p, const void *buf, size_t n, struct err *e)
{
	enum sp_return put = sp_nonblocking_write(p->priv, buf, n);

	return put >= 0 ? put : lost(p, strerror(errno), e);
}

static void serial_hangup(struct port *p)
{
	struct timespec t = {HANGUP_MS / 1000, HANGUP_MS % 1000 * 1000000L};

	if (!p->modem || p->fd_in < 0)
		return;
	sp_set_dtr(p->priv, SP_DTR_OFF);
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
	sp_set_dtr(p->priv, SP_DTR_ON);
	p->had_carrier = false;
}

static void serial_close(struct port *p)
{
	if (p->fd_in >= 0) {
		/* what did not go out in time never will: close would wait
		 * half a minute for a CTS that does not come */
		tcflush(p->fd_in, TCOFLUSH);
		ioctl(p->fd_in, TIOCNXCL);
		sp_close(p->priv);
	}
	if (p->priv)
		sp_free_port(p->priv);
	p->priv = NULL;
	p->fd_in = p->fd_out = -1;
}

static const struct port_ops serial_ops = {
    serial_read, serial_write, serial_signals, serial_hangup, serial_close};

/* Whoever had the port before may have left CRTSCTS on; then sp_set_rts fails
 * with "not supported". */
static int clear_flow(struct port *p, struct err *e)
{
	struct termios t;

	if (tcgetattr(p->fd_in, &t) < 0)
		return err_set(e, ERR_DEVICE, "%s: tcgetattr: %s", p->name,
		    strerror(errno));
	t.c_cflag &= ~(tcflag_t)CRTSCTS;
	if (tcsetattr(p->fd_in, TCSANOW, &t) < 0)
		return err_set(e, ERR_DEVICE, "%s: tcsetattr: %s", p->name,
		    strerror(errno));
	return 0;
}

/* 8N1, speed; flow control follows in set_flow. */
static int set_frame(struct port *p, const struct port_conf *c, struct err *e)
{
	struct sp_port *sp = p->priv;
	enum sp_return rc;

	if (c->speed > 0 && (rc = sp_set_baudrate(sp, c->speed)) != SP_OK)
		return sp_fail(p, "set the speed", rc, e);
	if ((rc = sp_set_bits(sp, 8)) != SP_OK ||
	    (rc = sp_set_parity(sp, SP_PARITY_NONE)) != SP_OK ||
	    (rc = sp_set_stopbits(sp, 1)) != SP_OK ||
	    (rc = sp_set_flowcontrol(sp, SP_FLOWCONTROL_NONE)) != SP_OK ||
	    (rc = sp_set_rts(sp, SP_RTS_ON)) != SP_OK ||
	    (rc = sp_set_dtr(sp, SP_DTR_ON)) != SP_OK)
		return sp_fail(p, "set 8N1", rc, e);
	return 0;
}

/* Flow control by termios, after the last sp_set_*, and read back. */
static int set_flow(struct port *p, enum port_flow flow, struct err *e)
{
	struct termios t;
	tcflag_t c = flow == PORT_FLOW_RTSCTS ? CRTSCTS : 0;
	tcflag_t i = flow == PORT_FLOW_XONXOFF ? IXON | IXOFF : 0;

	if (tcgetattr(p->fd_in, &t) < 0)
		return err_set(e, ERR_DEVICE, "%s: tcgetattr: %s", p->name,
		    strerror(errno));
	t.c_cflag = (t.c_cflag & ~(tcflag_t)CRTSCTS) | c | CREAD;
	t.c_iflag = (t.c_iflag & ~(tcflag_t)(IXON | IXOFF | IXANY)) | i;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	if (tcsetattr(p->fd_in, TCSANOW, &t) < 0 || tcgetattr(p->fd_in, &t) < 0)
		return err_set(e, ERR_DEVICE, "%s: tcsetattr: %s", p->name,
		    strerror(errno));
	if ((t.c_cflag & CRTSCTS) != c || (t.c_iflag & (IXON | IXOFF)) != i)
		return err_set(e, ERR_DEVICE,
		    "%s: the port's driver does not "
		    "take flow = %s; use another port, or set flow = none and "
		    "a speed not above the far end's",
		    p->name,
		    flow == PORT_FLOW_RTSCTS    ? "rtscts"
		    : flow == PORT_FLOW_XONXOFF ? "xonxoff"
						: "none");
	return 0;
}

int port_serial_open(
    struct port *p, const struct port_conf *c, const char *path, struct err *e)
{
	struct sp_port *sp = NULL;
	enum sp_return rc = sp_get_port_by_name(path, &sp);

	p->ops = &serial_ops;
	p->wire = true;
	p->priv = sp;
	if (rc != SP_OK)
		return sp_fail(p, "use it as a serial port", rc, e);
	rc = sp_open(sp, SP_MODE_READ_WRITE);
	if (rc != SP_OK)
		return sp_fail(p, "open it", rc, e);
	if (sp_get_port_handle(sp, &p->fd_in) != SP_OK)
		return err_set(e, ERR_CALLER, "%s: no descriptor", p->name);
	p->fd_out = p->fd_in;
	fcntl(p->fd_in, F_SETFD, FD_CLOEXEC);
	if (ioctl(p->fd_in, TIOCEXCL) < 0)
		return err_set(e, ERR_DEVICE, "%s: TIOCEXCL: %s", p->name,
		    strerror(errno));
	if (clear_flow(p, e) < 0 || set_frame(p, c, e) < 0)
		return -1;
	return set_flow(p, c->flow, e);
}
