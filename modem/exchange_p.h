/* Inside of exchange*.c only: the session's state and its internal calls.
 *	exchange.c        the loop's calls: bytes, time, events
 *	exchange_hello.c  who is there, until the link begins
 *	exchange_send.c   what goes into our records: their bundles, our answers
 *	exchange_recv.c   what came in theirs
 *	exchange_end.c    is it safe, FIN, BYE, failures
 * A record that came is read one message at a time, when the loop asks for the
 * next event; ours are filled when the link wants bytes.  So nothing queues
 * here but the two tables, of EXCHANGE_OFFERS_MAX rows each. */
#ifndef MODEM_EXCHANGE_P_H
#define MODEM_EXCHANGE_P_H

#include "modem/exchange.h"
#include "modem/hello.h"
#include "modem/noise.h"

#define EXCHANGE_SILENCE_MS 60000u
#define EXCHANGE_RECORD_MS  17500u
#define EXCHANGE_RECORD_MIN 512u
#define EXCHANGE_RECORD_SPAN 2048u /* so much also if a frame has less */
/* Sealed it fits into one frame (4,096 bytes), so that a cut costs one record
 * and not two. */
#define EXCHANGE_RECORD_MAX ((size_t)RECORD_DATA_MAX - RECORD_TAG - 2)
#define EXCHANGE_FIRST_HAVE 28u  /* plaintext bytes of the answerer's first */
#define EXCHANGE_REJECTS    2u   /* a record is asked for so often again */
#define EXCHANGE_AGAINS     8u   /* a bundle is begun so often again */
#define EXCHANGE_UNOPENED   3u   /* answers that do not open, then it fails */
#define EXCHANGE_REFUSED_MS 20000u /* left to a refused caller to try again */
#define EXCHANGE_BYE_MS     2000u

enum exchange_st {
	EXCHANGE_ST_HELLO,   /* caller: its hello goes out; answerer: silent */
	EXCHANGE_ST_ASKED,   /* the process: exchange_have() or _refuse()? */
	EXCHANGE_ST_OPEN,    /* the link is there, no record of theirs yet */
	EXCHANGE_ST_SESSION,
	EXCHANGE_ST_DONE,
	EXCHANGE_ST_FAILED
};

struct exchange_hello {
	struct hello_reader reader;
	struct hello ours, theirs; /* theirs: the last one that was answered */
	bool have_theirs;
	uint8_t out[HELLO_WIRE_MAX];
	size_t n, sent;        /* of out */
	bool again;            /* the same once more, when there is room */
	struct noise noise;
	const struct exchange_peer *peer;
	size_t key;
	uint8_t e[EXCHANGE_KEYS_MAX][NOISE_KEY]; /* ours, public */
	uint64_t derived;      /* ephemeral keys used so far */
	uint64_t first_at;     /* the current hello went out; 0: not yet */
	uint64_t repeat_at, heard_at;
	uint32_t wait_ms;
	uint32_t tries, refusals, stale; /* hellos out, refusals in, and how
	                        * many of these belong to earlier keys */
	uint32_t unopened;
	unsigned sevens;       /* seven-bit magics since a whole hello */
	uint64_t bytes;        /* that were no hello */
	bool told;             /* EV_HELLO */
};

enum offer_st {
	OFFER_FREE,
	OFFER_ASK,     /* ASK must go out */
	OFFER_ASKED,
	OFFER_READY,   /* to be sent from offset on */
	OFFER_SENDING,
	OFFER_SENT,    /* all of it; STORED must come */
	OFFER_STORED,  /* the process must be told */
	OFFER_PASSED,
	OFFER_GONE,    /* cannot be read; kept in case that it is asked for */
	OFFER_STATES
};
struct offer {
	enum offer_st st;
	bool gone;             /* it cannot be read */
	uint8_t again;
	uint32_t crc;
	uint64_t number, size, offset;
	uint64_t reach;        /* the highest offset that was sent */
};

struct exchange_send {
	bool have_sent, have_more; /* our HAVE; its rest must go, too */
	size_t have_told;      /* partials in the first */
	struct message_have have;
	bool theirs_known;     /* their HAVE is complete */
	struct message_have theirs;
	struct offer offer[EXCHANGE_OFFERS_MAX];
	size_t rows[OFFER_STATES]; /* of them, in each state */
	bool news;             /* rows are OFFER_STORED or _PASSED */
	bool want_offer, want_told; /* the process may offer */
	bool no_more;
	uint64_t last;         /* highest number offered */
	uint64_t high;         /* highest number sent or asked */
	bool ask, ask_told;    /* WANT_DATA */
	size_t ask_n;
	uint64_t ask_number, ask_offset;
	bool ended;            /* an END was ever sent */
	bool end_out, fin_out; /* our END is current; FIN is sealed */
	uint64_t due;          /* up to here all is answered before a FIN */
	bool bye, bye_out;
	unsigned bye_reason;
	struct record record;
	uint64_t stream;       /* bytes given to the link */
	size_t fill;           /* bytes in buf: whole messages */
	size_t datan;          /* the last message is a DATAN that begins
	                        * here; SIZE_MAX: it is another one */
	uint8_t buf[RECORD_DATA_MAX];
	uint8_t sealed[RECORD_MAX];
};

enum income_st {
	INCOME_FREE,
	INCOME_ASK,     /* the process: known or restart? */
	INCOME_COMING,
	INCOME_WHOLE,   /* the process: stored? */
	INCOME_WANT,    /* WANT must go out */
	INCOME_WANTED,
	INCOME_STORED,  /* STORED must go out */
	INCOME_PASS,    /* PASS must go out */
	INCOME_STATES
};
struct income {
	enum income_st st;
	uint32_t crc;
	uint64_t number, size, offset; /* offset: so far */
};

struct exchange_recv {
	struct income income[EXCHANGE_OFFERS_MAX];
	size_t rows[INCOME_STATES]; /* of them, in each state */
	struct { uint64_t number; uint32_t crc; } done[EXCHANGE_OFFERS_MAX];
	size_t done_n;         /* stored in this call; a ring */
	uint64_t high;         /* highest number begun or asked */
	bool coming, skip;     /* a BUNDLE is open; its bytes are of no use */
	bool whole;            /* BUNDLE_END must be told */
	uint64_t number, left; /* the bundle's, and bytes that must come */
	bool have_done, end, fin;
	struct record record;
	unsigned rejects;
	size_t n_plain, at;
	uint8_t plain[RECORD_DATA_MAX];
};

struct exchange_end {
	bool safe_told, over_told;
	bool failing;          /* BYE goes out, then FAILED */
	bool deaf;             /* nothing of theirs is read any more */
	uint64_t bye_until;
	uint64_t fin_at, probe_at; /* 0: not yet */
	struct err err;
};

struct exchange {
	struct exchange_conf conf;
	struct exchange_peer *peers; /* owned */
	char insist[EXCHANGE_NAME_MAX + 1];
	bool caller;           /* two callers: one becomes the answerer */
	bool half;
	enum exchange_st st;
	uint64_t now, start;
	struct link *link;     /* owned; NULL before the session */
	bool out_is_hello;     /* what exchange_out() showed */
	bool peer_told;
	struct exchange_hello h;
	struct exchange_send s;
	struct exchange_recv r;
	struct exchange_end e;
	struct exchange_stats stats;
};

/* --- exchange_hello.c --- */
void exchange_hello_start(struct exchange *x);
/* Bytes before the session.  Returns how many were used: what is behind a
 * hello that began the session is the link's. */
size_t exchange_hello_feed(struct exchange *x, const uint8_t *p, size_t n);
void exchange_hello_tick(struct exchange *x);
uint64_t exchange_hello_deadline(const struct exchange *x);
void exchange_hello_sent(struct exchange *x, size_t n);
/* May one come, or be asked for, now? */
bool exchange_hello_reads(const struct exchange *x);
/* The answerer's answer goes out, the session begins. */
void exchange_hello_answer(struct exchange *x);

/* --- exchange_send.c --- */
/* Fill and seal records while the link wants them; stops where the process is
 * asked for data. */
void exchange_pump(struct exchange *x);
/* Seal answers that wait while the process is slow with data. */
void exchange_pump_late(struct exchange *x);
void exchange_send_init(struct exchange *x);
/* Their HAVE is complete: the process may offer. */
void exchange_send_begin(struct exchange *x);
bool exchange_send_event(struct exchange *x, struct exchange_event *ev);
void exchange_send_stored(struct exchange *x, uint64_t number,
    uint64_t count);
void exchange_send_wanted(struct exchange *x, uint64_t number,
    uint64_t offset);
void exchange_send_passed(struct exchange *x, uint64_t number);
/* Their FIN: what was begun after our END waits for the next call. */
void exchange_send_final(struct exchange *x);
bool exchange_send_over(const struct exchange *x);
/* What they have stored or passed and the process has not heard yet. */
bool exchange_send_news(struct exchange *x, struct exchange_event *ev);

/* --- exchange_recv.c --- */
void exchange_recv_init(struct exchange *x);
/* Read on until there is something to tell.  false: nothing is left. */
bool exchange_recv_event(struct exchange *x, struct exchange_event *ev);
/* Is everything that came stored, or answered otherwise? */
bool exchange_recv_over(const struct exchange *x);
/* Write answers behind out[0..n-1] of at most limit bytes; the new n. */
size_t exchange_recv_answers(struct exchange *x, uint8_t *out, size_t n,
    size_t limit);
bool exchange_recv_has_answers(const struct exchange *x);

/* --- exchange_end.c --- */
bool exchange_end_event(struct exchange *x, struct exchange_event *ev);
void exchange_end_tick(struct exchange *x);
uint64_t exchange_end_deadline(const struct exchange *x);
/* At once. */
void exchange_fail(struct exchange *x, enum err_kind kind,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* They broke the protocol: they are told (BYE), then it fails. */
void exchange_fail_peer(struct exchange *x, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void exchange_bye(struct exchange *x, unsigned reason);
bool exchange_over(const struct exchange *x);
const char *exchange_peer_name(const struct exchange *x);

#endif
