/* What runs on the line of a call, as the loop and the report see it: the
 * exchange (call_exchange.c) or classic ZMODEM (call_zm.c).  Each operation
 * gets the call; its state is behind c->session.
 *
 * Bytes and milliseconds in, bytes out, as in the protocols themselves.  What
 * a protocol asks for is answered in events() and work(), through the
 * functions of call_send.c and call_recv.c. */
#ifndef MODEM_SESSION_H
#define MODEM_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "spool/spool_part.h"

struct call;

/* Why a call ends before its time; the peer is told, where it can be. */
enum session_stop {
	SESSION_STOP_MAX_CALL = 1,
	SESSION_STOP_INTERRUPTED,
	SESSION_STOP_ERROR,    /* here: the disk, a bug */
	SESSION_STOP_PROTOCOL, /* the peer's bytes are wrong */
	SESSION_STOP_BUSY      /* another call with this peer */
};

struct session_stats {
	uint64_t wire_out, wire_in; /* bytes on the line */
	uint64_t again;             /* bytes that were sent again */
	uint64_t arrived; /* of bundles that are under way: there already */
	bool sending;     /* bundles are under way */
};

struct session_ops {
	bool paces;     /* it paces itself; else the loop does */
	bool both_ways; /* at once; else one direction after the other */
	int (*start)(struct call *c, uint64_t now_ms, struct err *e);
	void (*end)(struct call *c); /* frees c->session */
	void (*feed)(
	    struct call *c, const uint8_t *p, size_t n, uint64_t now_ms);
	void (*tick)(struct call *c, uint64_t now_ms);
	uint64_t (*deadline)(struct call *c); /* of the next tick */
	size_t (*out)(struct call *c, const uint8_t **p, uint64_t now_ms);
	void (*sent)(struct call *c, size_t n, uint64_t now_ms);
	/* Answer all that the protocol asks, until it asks nothing. */
	void (*events)(struct call *c);
	/* Do a little of one's own: offer what has become ready.  true: there
	 * is more of it that waits for nothing. */
	bool (*work)(struct call *c, uint64_t now_ms);
	/* The disk is through with a bundle that was received. */
	void (*stored)(struct call *c, uint64_t number,
	    enum spool_commit_result result);
	/* End in good order: FAILED with this kind and text follows. */
	void (*stop)(struct call *c, enum session_stop reason,
	    enum err_kind kind, const char *why);
	bool (*safe)(const struct call *c); /* "You can hang up now" */
	/* Bundles that stay for the next call, although it is safe; NULL:
	 * none are where it is. */
	unsigned (*left_out)(const struct call *c);
	void (*stats)(const struct call *c, struct session_stats *s);
	/* For people.  It ended without a fault, but not all is done: why;
	 * into c->err. */
	void (*explain)(struct call *c);
	/* What should be said besides the error, or the counts. */
	void (*facts)(struct call *c, struct buf *m);
	/* Are the first bytes that came this protocol? */
	bool (*is_ours)(const struct call *c);
};

extern const struct session_ops session_zmodem, session_exchange;

#endif
