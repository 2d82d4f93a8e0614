/* The modem of a call: from an open port to a connection that carries data,
 * and back to a modem on hook.  Used for lines with modem = yes only.
 *
 * Functions return 1, 0 when the call was told to end (call_stop_take() knows),
 * or -1 with e, or with c->err and the log's word in c->result. */
#ifndef MODEM_CALL_MODEM_H
#define MODEM_CALL_MODEM_H

#include "modem/call_p.h"
#include "modem/talk.h"

struct call_modem {
	struct call_site *site;   /* borrowed, as line and status */
	const struct config_line *line;
	struct status_file *status;
	struct talk talk;         /* talk.at: owned */
	struct at_watch watch;    /* what comes while there is data */
	struct at_connect connect; /* how we were connected; bps 0 where it is
	                            * the cable's */
	bool ready;               /* it was set up: it can be told to hang up */
	bool gone;                /* the carrier, or the port */
};

/* Find the modem on an open port and set it up.  ERR_DEVICE no modem there;
 * ERR_CONFIG it does not take init; ERR_AGAIN the port has gone. */
int call_modem_open(struct call_modem *m, struct call_site *s,
    const struct call_line *l, struct port *port, struct err *e);
void call_modem_free(struct call_modem *m);

/* Dial, again after a while when a call comes in at that moment.  phone NULL:
 * a person has dialled.  1: connected, and its time runs. */
int call_modem_dial(struct call *c, struct call_modem *m, const char *phone);

/* Wait for a ring, or what S0 made of it, no longer than until_ms (0: as long
 * as it takes).  1: it rings; 2: it is until_ms; 0; -1. */
int call_modem_ring(struct call_modem *m, uint64_t until_ms, struct err *e);
/* Take the call that rings, or that a person took. */
int call_modem_answer(struct call *c, struct call_modem *m);

/* Bytes of data that came, and the time: has the modem said that the carrier
 * has gone?  No bytes: n = 0. */
bool call_modem_lost(struct call_modem *m, const void *p, size_t n,
    uint64_t now_ms);
/* It has said so, or it only looks like it: write nothing now. */
bool call_modem_hushed(const struct call_modem *m);

/* Hang up what there is to hang up; bounded by the modem's silence. */
void call_modem_hangup(struct call *c, struct call_modem *m);

/* Login scripts, on lines of all kinds.  *out: NULL where the peer has none. */
struct call_login;
int call_login_open(const struct call_site *s, const struct config_peer *p,
    struct call_login **out, struct err *e);
void call_login_free(struct call_login *l);
/* m: NULL on a line without a modem. */
int call_login_run(struct call *c, struct call_login *l, struct call_modem *m,
    struct port *port);

#endif
