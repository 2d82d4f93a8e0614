/* The link: one byte stream a direction over a line that loses and damages,
 * but never reorders.  Frames with selective repeat, one retransmission timer,
 * and pacing, so that nothing queues unseen; doc/EXCHANGE.md, Link.
 *
 * Sans-IO: bytes and milliseconds in, bytes out.  The user above takes what
 * came in order and says when it could be used (records that opened): only
 * that is acknowledged.  Memory is taken by link_new() only. */
#ifndef MODEM_LINK_H
#define MODEM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINK_WINDOW ((size_t)256 << 10) /* stream bytes unacknowledged */

struct link_conf {
	bool caller;
	bool half;            /* half duplex: the caller has the first turn */
	uint8_t mask_out, mask_in; /* stuff.h */
	bool break_plus;      /* no "+++" in what is sent */
	uint32_t rtt_ms;      /* as the hello measured it */
	double rate;          /* bytes a second out, as the last call on this line
	                       * showed; 0: not known */
	double rate_max;      /* the cable's speed: never more; 0: not known */
	double errors;        /* damaged frames a byte, as the last call showed */
	uint32_t silence_ms;  /* given up after max(this, 4 round trips) */
};

struct link_stats {
	uint64_t wire_out, wire_in;     /* bytes on the line */
	uint64_t stream_out, stream_in; /* new stream bytes sent; taken */
	uint64_t again;                 /* stream bytes sent again */
	uint64_t bad_frames, junk;
	uint32_t timeouts, probes;
	double rate_out;  /* bytes a second, measured; 0: not yet */
	double rate_in;
	double errors;    /* damaged frames a byte, estimated */
	uint32_t rtt_ms;
};

struct link; /* opaque */

struct link *link_new(const struct link_conf *c, uint64_t now_ms);
void link_free(struct link *l);

/* From the line: takes all. */
void link_feed(struct link *l, const uint8_t *p, size_t n, uint64_t now_ms);
void link_tick(struct link *l, uint64_t now_ms);
uint64_t link_deadline(const struct link *l); /* UINT64_MAX: never */
/* To the line: what pace and turn allow now; borrowed until the next call. */
size_t link_out(struct link *l, const uint8_t **p, uint64_t now_ms);
void link_sent(struct link *l, size_t n, uint64_t now_ms);

/* The stream out: bytes that fit into the window and what should be in it now
 * (little more than one record ahead of the wire, so that what is sealed late
 * can still be decided late).  0, or enough for the largest record. */
size_t link_wants(const struct link *l);
/* Add n <= LINK_WINDOW - link_unacked() bytes: a record, so that frames can end
 * with it (one of 4,096 bytes fills the longest frame). */
void link_put(struct link *l, const uint8_t *p, size_t n);
size_t link_unacked(const struct link *l); /* put, and not known to be opened */

/* The stream in: what is there in order. */
size_t link_peek(const struct link *l, const uint8_t **p);
/* The first n bytes were used; that is acknowledged. */
void link_take(struct link *l, size_t n);
/* The first n bytes are wrong although their frames were good: again. */
void link_reject(struct link *l, size_t n);

/* Ask for an acknowledgement now; link_probe_answered() tells. */
void link_probe(struct link *l);
bool link_probe_answered(const struct link *l);
bool link_dead(const struct link *l); /* silent for too long */
/* Nothing is to be written at the moment, and no chunk is half out. */
bool link_drained(const struct link *l);
void link_get_stats(const struct link *l, struct link_stats *s);

#endif
