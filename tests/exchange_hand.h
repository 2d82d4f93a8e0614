/* The other side of an exchange, worked by hand: the handshake, the link and
 * the records are real, what stands in the records is up to the test (or the
 * fuzzer).  Used by t_exchange and fz_exchange. */
#ifndef TESTS_EXCHANGE_HAND_H
#define TESTS_EXCHANGE_HAND_H

#include "modem/exchange.h"
#include "modem/hello.h"

#define HAND_LOG 4096

struct hand {
	struct exchange *x;    /* owned; the side that is tested */
	struct link *l;        /* owned; ours */
	struct record in, out;
	bool over;             /* x said DONE or FAILED */
	bool done;
	bool deaf;             /* what x says is not read any more */
	struct err err;
	uint64_t now;
	struct exchange_event want; /* n != 0: it wants these bytes */
	char events[HAND_LOG], heard[HAND_LOG];
	size_t n_events, n_heard;
	/* the fuzzer's: told of each event, instead of the log */
	void (*tell)(void *ctx, const struct exchange_event *ev);
	void *ctx;
};

/* x calls us, or answers; have is what it says that it has. */
void hand_start(struct hand *h, bool x_calls, enum record_security s,
    const struct message_have *have);
void hand_free(struct hand *h);
/* One record with these bytes; bad: one that does not open. */
void hand_say(struct hand *h, const uint8_t *p, size_t n, bool bad);
/* Carry bytes and drain events until all is quiet, or for ms. */
void hand_move(struct hand *h, uint64_t ms);
/* Take x's events. */
void hand_drain(struct hand *h);
/* Messages and answers in short: see exchange_hand.c. */
void hand_play(struct hand *h, const char *script);

#endif
