/* The dialogue with a Hayes modem as a machine without input/output: bytes
 * and milliseconds go in, bytes and events come out.  It opens, reads,
 * sleeps, logs and exits nothing.
 *
 * The loop around it, as around zmodem.h:
 *   poll until at_deadline()            (line readable; writable if at_out)
 *   at_feed() what came, or at_tick()
 *   while (at_event(a, &ev)) act on it  (always all of them)
 *   write what at_out() has, at_sent() what was taken
 *
 * A task at a time: at_init(), then at_dial(), at_answer(), at_command() or
 * at_hangup(); each ends in one event.  Between tasks the modem is idle and a
 * call that comes in is AT_EV_RING.  From AT_EV_CONNECT on the line is data:
 * at_feed() takes nothing more, and all bytes it left are the caller's, until
 * at_hangup().  DTR and DCD are the caller's as well: AT_EV_DTR asks for the
 * one, at_carrier_lost() tells of the other.
 *
 * Junk, echo, long lines and settings that somebody left are expected; memory
 * is taken by at_new() only.  Errors: functions return 0, or -1 with nothing
 * done when the task does not fit now (AT is in another one). */
#ifndef MODEM_AT_H
#define MODEM_AT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "modem/at_result.h"

#define AT_INIT_MAX 200
#define AT_PREFIX_MAX 20
#define AT_DIAL_MAX 80       /* prefix and number together */
#define AT_INFO_MAX 500      /* what a command answers */

struct at_conf {
	char init[AT_INIT_MAX + 1];     /* with or without AT; "": none */
	char prefix[AT_PREFIX_MAX + 1]; /* before each number, as "9," */
	bool pulse;               /* else tones */
	bool dtr;                 /* there is a DTR to drop */
	uint32_t connect_wait_ms; /* from the number's last digit to CONNECT;
	                           * S7 is set to it, as far as that goes */
	uint32_t command_ms;      /* for an OK */
	uint32_t guard_ms;        /* of silence before and after +++ */
};

/* The defaults: no init, no prefix, tones, DTR, 60 s, 3 s, 1.2 s. */
void at_conf_init(struct at_conf *c);

enum at_event_type {
	AT_EV_READY,     /* at_init() is done */
	/* A call comes in; rings: how many (after 10 s of silence it is a new
	 * call).  text: as the modem says it. */
	AT_EV_RING,
	/* The other side's call came in while ours was being dialled; ours is
	 * broken off and the modem idle: at_answer(), or at_dial() later. */
	AT_EV_COLLISION,
	AT_EV_PROGRESS,  /* text: "RINGING", "CARRIER 33600": to be shown */
	/* at_dial(), at_answer() or S0 have made a call: *connect. */
	AT_EV_CONNECT,
	/* at_dial() or at_answer() have not: code, text (as the modem says
	 * it, or ""), err. */
	AT_EV_NO_CALL,
	AT_EV_DONE,      /* at_command(): code OK or ERROR; text: its answer
	                  * without the result, lines joined by "; " */
	/* Drop DTR for a second or more (or close and open the port), look
	 * at DCD, then at_dtr_done(). */
	AT_EV_DTR,
	/* at_hangup() is done.  code: OK; AT_TIMEOUT when the modem did not
	 * answer, so that the call may still be up. */
	AT_EV_HUNG_UP,
	/* at_init() found no modem, or it does not take its settings: err
	 * says what was sent and what came.  Nothing can be done. */
	AT_EV_FAILED
};

struct at_event {
	enum at_event_type type;
	enum at_code code;
	unsigned rings;
	const char *text;                 /* printable; never NULL */
	const struct at_connect *connect; /* CONNECT only */
	const struct err *err;            /* NO_CALL, FAILED only */
}; /* pointers: borrowed until the next call that is not at_event() */

struct at; /* opaque */

/* NULL: no memory.  now_ms: any clock that never goes back. */
struct at *at_new(const struct at_conf *c, uint64_t now_ms);
void at_free(struct at *a);

/* Returns how many of the n bytes it took: all, but for what follows a
 * CONNECT (data).  When less: drain the events, then read on oneself. */
size_t at_feed(struct at *a, const void *p, size_t n, uint64_t now_ms);
void at_tick(struct at *a, uint64_t now_ms);
uint64_t at_deadline(const struct at *a); /* UINT64_MAX: never */
size_t at_out(const struct at *a, const uint8_t **p);
void at_sent(struct at *a, size_t n, uint64_t now_ms);
bool at_event(struct at *a, struct at_event *ev);

/* Find the modem (in command mode or not, whatever its echo and result codes
 * are), then send conf.init and S7.  Allowed at any time: begins anew. */
void at_init(struct at *a, uint64_t now_ms);
/* Digits and * # A-D , W @ ! T P + - ( ) . / and blanks, 1 to AT_DIAL_MAX with
 * the prefix; else -1 with ERR_CONFIG.  A call that rings already is
 * AT_EV_COLLISION at once.  NULL: a person has made the call, the modem is to
 * go on the line as the one who calls (ATX1D). */
int at_dial(struct at *a, const char *number, uint64_t now_ms, struct err *e);
/* ATA: to a RING, or at once when a person took the call. */
int at_answer(struct at *a, uint64_t now_ms);
/* Any command that ends in OK or ERROR, without "AT" or with. */
int at_command(struct at *a, const char *command, uint64_t now_ms);
/* Allowed at any time.  Breaks off what is going on, then DTR if there is
 * one, then +++ and ATH.  Data that waits to be written is lost. */
void at_hangup(struct at *a, uint64_t now_ms);
/* In answer to AT_EV_DTR.  gone: DCD is down now, or nobody knows but the
 * port was closed meanwhile; false: it is up (&D0), or nobody knows. */
void at_dtr_done(struct at *a, bool gone, uint64_t now_ms);
/* DCD fell in data mode: the modem is in command mode by itself. */
void at_carrier_lost(struct at *a, uint64_t now_ms);
/* Numbers above 8 (V0) mean what this maker says. */
void at_set_maker(struct at *a, enum at_maker maker);
bool at_online(const struct at *a);
bool at_idle(const struct at *a); /* and on hook */
bool at_hangs_up(const struct at *a); /* at_hangup() is under way */
const char *at_state(const struct at *a); /* for messages, never NULL */

/* Without DCD (&C0, a pty) only the text tells in data mode that the carrier
 * has gone; it may also be data.  So: the last bytes that came are CR LF NO
 * CARRIER CR LF, and AT_WATCH_MS nothing after them. */
#define AT_WATCH_MS 1500
struct at_watch {
	unsigned matched; /* bytes of the text */
	uint64_t since;   /* when it was whole; 0: it is not */
};
void at_watch_feed(struct at_watch *w, const void *p, size_t n,
    uint64_t now_ms);
uint64_t at_watch_deadline(const struct at_watch *w); /* UINT64_MAX: none */
bool at_watch_lost(const struct at_watch *w, uint64_t now_ms);

#endif
