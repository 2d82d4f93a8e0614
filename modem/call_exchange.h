/* The exchange inside a call: private to the call_exchange*.c files.
 *
 *	call_exchange.c       the session: who is there, the end
 *	call_exchange_send.c  the outbox's bundles, offered with their sums
 *	call_exchange_recv.c  what is here already; what comes
 *	call_exchange_line.c  what a line's last call showed */
#ifndef MODEM_CALL_EXCHANGE_H
#define MODEM_CALL_EXCHANGE_H

#include "modem/call_p.h"
#include "modem/exchange.h"

/* The bundle that is offered next: read through once for its CRC-32, a slice
 * at a time. */
struct exchange_offer_next {
	struct spool_entry entry; /* number 0: none */
	uint64_t at;
	uint32_t crc;
	int fd; /* -1: summed */
};

struct session_exchange {
	struct exchange *x; /* owned */
	bool greeted;       /* a hello that means us came */
	bool known_who;     /* what came instead was looked at, and told */
	bool wanted;        /* there is room for an offer */
	bool ended;         /* no_more is said, nothing was offered since */
	bool final;         /* nothing can be offered any more */
	uint32_t refused;   /* hellos refused, as counted last */
	uint64_t first_ms;  /* the first byte came; 0 */
	uint64_t noise;     /* bytes before a hello that means us */
	struct exchange_offer_next next;
	uint64_t asked;     /* highest number whose bytes were asked for */
	uint64_t skipped;   /* bytes of bundles that need not be sent */
	uint64_t settled;   /* bytes of bundles that are stored there */
	uint64_t restarted; /* came with a wrong sum, is sent again; 0 */
	unsigned differing;
	unsigned passed;    /* not taken there, or here */
};

/* call_exchange_send.c */
bool call_offer_work(struct call *c);
void call_offer_data(struct call *c, const struct exchange_event *ev);
void call_offer_stored(struct call *c, const struct exchange_event *ev);
void call_offer_passed(struct call *c, const struct exchange_event *ev);
void call_offer_close(struct session_exchange *s);

/* call_exchange_recv.c */
/* What of peer is here; changes nothing on the disk. */
int call_have(struct call *c, const char *peer, struct message_have *have,
    struct err *e);
void call_income_bundle(struct call *c, const struct exchange_event *ev);
void call_income_ask(struct call *c, const struct exchange_event *ev);
void call_income_data(struct call *c, const struct exchange_event *ev);
void call_income_end(struct call *c, const struct exchange_event *ev);
void call_income_stored(
    struct call *c, uint64_t number, enum spool_commit_result result);

/* call_exchange_line.c: status/line.NAME.  Nothing depends on it. */
void call_line_recall(struct call *c, struct exchange_conf *conf);
void call_line_remember(struct call *c, const struct exchange_stats *s);

#endif
