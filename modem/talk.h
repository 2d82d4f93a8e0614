/* The loop around at.h and chat.h on an open port: what a call does before and
 * after its data.  Bytes are read one at a time, so that the first byte of
 * data stays in the port for whoever reads next.
 *
 * A call:
 *     at_init();   talk_event() -> READY
 *     at_dial();   talk_event() -> CONNECT, NO_CALL, COLLISION
 *     talk_login(), if the peer has a login
 *     ... data, on the port itself ...
 *     at_carrier_lost() if the port said so, else at_hangup();
 *     talk_event() -> HUNG_UP
 * Answering: talk_event() -> RING, at_answer(), talk_event() -> CONNECT. */
#ifndef MODEM_TALK_H
#define MODEM_TALK_H

#include "base/err.h"
#include "modem/at.h"
#include "modem/chat.h"
#include "modem/port.h"

struct talk {
	struct port *port; /* borrowed; open */
	struct at *at;     /* borrowed; NULL: talk_login() only */
	int stop_fd;       /* readable: give up waiting; -1: none */
	uint64_t until_ms; /* talk_event() waits no longer (clock_ms()); 0 */
	/* What goes on, for the status ("RINGING"); may be NULL. */
	void (*progress)(void *arg, const char *text);
	void *arg;
};

/* Drive t->at until something happens that its caller must know: every event
 * but PROGRESS and DTR.  DTR is dropped here, where the port has it (an
 * at_conf.dtr for a port that has none is harmless).
 * 1: *ev (borrowed from at); 0: stop_fd; 2: it is until_ms; -1: the port is
 * gone, ERR_AGAIN or ERR_DEVICE.  A carrier that falls while hanging up is HUNG_UP. */
int talk_event(struct talk *t, struct at_event *ev, struct err *e);

/* Run the script from its start.  1: done; 0: stop_fd; -1: it failed
 * (chat_state() tells) or the carrier went, which with a modem also its text
 * says: ERR_AGAIN. */
int talk_login(struct talk *t, struct chat *c, const char *login,
    const char *password, struct err *e);

#endif
