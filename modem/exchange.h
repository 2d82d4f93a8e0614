/* The exchange: the outboxes of two sites are swapped, both ways at once;
 * doc/EXCHANGE.md.  Sans-IO, as zmodem.h: bytes and milliseconds in, bytes and
 * events out.  The loop:
 *   poll until exchange_deadline()
 *   exchange_feed() what came, or exchange_tick()
 *   while (exchange_event(x, &ev)) answer it
 *   write what exchange_out() has, exchange_sent() what was taken, events again
 * Until EXCHANGE_EV_DONE or EXCHANGE_EV_FAILED.  Answers may come later: then
 * events and exchange_out() again.  Random bytes come from the caller
 * (conf.seed), keys are copied and wiped in exchange_free().  keys_start()
 * must have been called (libsodium). */
#ifndef MODEM_EXCHANGE_H
#define MODEM_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "modem/link.h"
#include "modem/message.h"
#include "modem/record.h"

#define EXCHANGE_NAME_MAX 32
#define EXCHANGE_KEYS_MAX 8
#define EXCHANGE_OFFERS_MAX 256 /* bundles offered and not yet stored there */

/* A peer that this site knows.  The caller has one: whom it calls. */
struct exchange_peer {
	char name[EXCHANGE_NAME_MAX + 1];
	enum record_security security;
	size_t n_psk; /* 0 with RECORD_NONE only */
	uint8_t psk[EXCHANGE_KEYS_MAX][32];
};

struct exchange_conf {
	bool caller;
	char site[EXCHANGE_NAME_MAX + 1];
	const struct exchange_peer *peers; /* copied; n >= 1 */
	size_t n_peers;
	const char *insist;    /* answerer: only this one; NULL */
	uint8_t seed[32];      /* the ephemeral secret; fresh for each call */
	uint8_t mask;          /* values that must not appear towards us */
	bool half;
	double rate, rate_max, errors; /* link.h */
	uint32_t silence_ms;   /* 0: 60 s */
	uint32_t record_ms;    /* a record lasts so long at most; 0: default */
};

enum exchange_event_type {
	/* A hello with a peer's key came (answerer), or the answer (caller):
	 * peer.  Nothing may be changed on disk yet.  Answer
	 * exchange_have(), or exchange_refuse(). */
	EXCHANGE_EV_HELLO,
	/* The other side's first record has opened: it is peer, and alive.
	 * From here on the disk may change, the packer may run. */
	EXCHANGE_EV_PEER,
	/* The other side has this bundle (number, crc; through HAVE's top or
	 * STORED): remove it from the outbox if it is the same. */
	EXCHANGE_EV_STORED,
	/* It will not store number in this call; the outbox keeps it. */
	EXCHANGE_EV_PASSED,
	/* Room for an offer: answer exchange_offer() or exchange_no_more(),
	 * now or later.  Comes again when there is room again. */
	EXCHANGE_EV_WANT_OFFER,
	/* Answer exchange_data() with 1 to n bytes of number from offset. */
	EXCHANGE_EV_WANT_DATA,
	/* A bundle begins: number, size, crc; its bytes come from offset on.
	 * Until it is whole exchange_stored() (known here), _restart() and
	 * _pass() may be said.  One that was coming is over: its sender
	 * could not read on, or begins it again where it was told to. */
	EXCHANGE_EV_BUNDLE,
	/* Is it (number, size, crc) known here?  exchange_stored(), or
	 * exchange_restart() from where a partial ends, or exchange_pass(). */
	EXCHANGE_EV_ASK,
	/* Bytes p[0..n-1] at offset of number, in order. */
	EXCHANGE_EV_DATA,
	/* All of number is here: check, sync, rename; then exchange_stored(). */
	EXCHANGE_EV_BUNDLE_END,
	/* exchange_safe() is true for good: say "You can hang up now." */
	EXCHANGE_EV_SAFE,
	/* Over, and safe: hang up. */
	EXCHANGE_EV_DONE,
	/* err says why: ERR_AGAIN silence or BYE, ERR_PEER protocol, another
	 * version or program, ERR_REFUSED, ERR_CALLER. */
	EXCHANGE_EV_FAILED
};

struct exchange_event {
	enum exchange_event_type type;
	const char *peer;  /* HELLO, PEER: borrowed */
	size_t key;        /* HELLO, PEER: which of its keys */
	uint64_t number, size, offset;
	uint32_t crc;
	const uint8_t *p;  /* DATA: until the next call */
	size_t n;
	const struct err *err; /* FAILED: until exchange_free() */
};

struct exchange_stats {
	struct link_stats link;
	uint64_t data_out, data_in;  /* bytes of bundles, once */
	uint64_t acked;              /* of data_out: opened by the other side */
	uint64_t unsent;             /* sealed, and not on the line yet */
	uint32_t sent, acknowledged, passed;        /* bundles */
	uint32_t received, stored, known;
	uint32_t refused;            /* hellos that were refused here */
	uint64_t hello_ms, first_data_ms, safe_ms;  /* since the start; 0: not */
};

struct exchange; /* opaque */

/* NULL: no memory, no peer, or one without a key that needs one. */
struct exchange *exchange_new(const struct exchange_conf *c, uint64_t now_ms);
void exchange_free(struct exchange *x);

void exchange_feed(struct exchange *x, const uint8_t *p, size_t n,
    uint64_t now_ms);
void exchange_tick(struct exchange *x, uint64_t now_ms);
uint64_t exchange_deadline(const struct exchange *x);
size_t exchange_out(struct exchange *x, const uint8_t **p, uint64_t now_ms);
void exchange_sent(struct exchange *x, size_t n, uint64_t now_ms);
bool exchange_event(struct exchange *x, struct exchange_event *ev);

/* Answers: 0, or -1 when it was not asked for or cannot be. */
int exchange_have(struct exchange *x, const struct message_have *have);
void exchange_refuse(struct exchange *x);
/* Offered in order of number.  The same number again, later: -1. */
int exchange_offer(struct exchange *x, uint64_t number, uint64_t size,
    uint32_t crc);
/* The outbox is empty for now: END.  A later exchange_offer() withdraws it,
 * until FIN is out: then exchange_offer() gives -1. */
int exchange_no_more(struct exchange *x);
int exchange_data(struct exchange *x, uint64_t number, uint64_t offset,
    const uint8_t *p, size_t n);
/* n could not be read, or the file has gone: it is left out of this call. */
int exchange_unreadable(struct exchange *x, uint64_t number);
int exchange_stored(struct exchange *x, uint64_t number); /* also: known */
int exchange_restart(struct exchange *x, uint64_t number, uint64_t offset);
int exchange_pass(struct exchange *x, uint64_t number);

/* End the call in good order before its time: BYE goes out, FAILED follows
 * with this kind and text when it is out (or after 2 s). */
void exchange_stop(struct exchange *x, unsigned reason, enum err_kind kind,
    const char *why);

/* "You can hang up now", derived: everything received is stored, everything
 * sent is acknowledged, both ENDs are current. */
bool exchange_safe(const struct exchange *x);
void exchange_get_stats(const struct exchange *x, struct exchange_stats *s);
const char *exchange_state(const struct exchange *x); /* for messages */

#endif
