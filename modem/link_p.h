/* Inside of link*.c only.  link.c: the interface, frames that came, timers;
 * link_send.c: what goes out; link_recv.c: what came, and acknowledgements.
 *
 * Offsets and sequence numbers are 64 bits here and cut to their width on the
 * line only, so that nothing here wraps. */
#ifndef MODEM_LINK_P_H
#define MODEM_LINK_P_H

#include "modem/link.h"
#include "modem/link_pace_p.h"
#include "modem/stuff.h"
#include "modem/wire.h"

/* Behind the ring its first bytes once more: so many lie in one piece. */
#define LINK_SLACK 8192
#define LINK_RECORD 4114    /* the largest record; record.h */
#define LINK_OUT_FILL 16384
#define LINK_OUT_ROOM (LINK_OUT_FILL + 2 * WIRE_FRAME_MAX)
#define LINK_FLIGHT 2000    /* frames: less than half of the 12 bits */
#define LINK_SENT 2048
#define LINK_SEGS 4096
#define LINK_HOLES 256
#define LINK_BOUNDS 256
#define LINK_PROBES 8
#define LINK_ACK_MS 500
#define LINK_STALL_MS 1500  /* an open frame held up for so long is ended */
#define LINK_SEQ_FIRST (WIRE_SEQ_MASK + 1) /* so that none is 0xFFF */

/* A range of the stream that was sent and is not opened. */
struct link_seg {
	uint64_t off, seq; /* of the last frame with it */
	uint32_t n;
	bool lost;       /* to be sent again */
};

/* A frame on its way, by seq modulo LINK_SENT. */
struct link_flight {
	uint64_t end;    /* wire bytes up to its end */
	double gone;     /* when it left by the model, less pace.shift */
	double hand;     /* when its last byte was handed out ... */
	double burst;    /* ... with so many before it at that moment */
	uint32_t idles;
};

struct link_send {
	uint8_t *ring;   /* owned */
	uint64_t una;    /* the peer has opened all before */
	uint64_t nxt;    /* sent once */
	uint64_t end;    /* put */
	uint64_t seq;    /* of the next frame */
	uint64_t acked;  /* the last that the peer has seen */
	uint64_t settled; /* acked, or proved to be lost */
	uint64_t handed; /* the next whose last byte is still here */
	uint64_t data;   /* bytes in data frames so far */
	uint64_t empty_data; /* the same when all was settled last */
	size_t seg_head, seg_n, n_lost;
	uint64_t err_seq; /* the last that was found lost */
	uint64_t bound[LINK_BOUNDS]; /* ends of what was put: records */
	size_t bound_head, bound_n;
	/* the long frame that is half out */
	struct wire_long frame;
	bool open, again;
	uint64_t off;
	size_t plan;     /* its length, if nothing ends it before */
	uint64_t chunk_at; /* its last chunk was written then */
	struct link_seg seg[LINK_SEGS];
	struct link_flight flight[LINK_SENT];
};

struct link_hole {
	uint64_t off, n;
};

struct link_recv {
	uint8_t *ring;   /* owned */
	uint64_t taken;  /* = opened */
	uint64_t high;   /* nothing from here on was received */
	size_t n_holes;
	bool tail_open;  /* frames were lost, perhaps behind high */
	bool rejected;
	uint16_t last_seq, stamp;
	struct link_hole hole[LINK_HOLES];
};

/* What is owed to the peer, and asked of it. */
struct link_ctl {
	bool ack_now, ack_soft, news;
	bool answer;     /* a probe: answer_id */
	uint8_t answer_id;
	uint64_t ack_at; /* when the last one was written */
	uint64_t ack_opened; /* what it said */
	uint16_t ack_seq;
	bool probe_due;
	uint8_t probe_id; /* of the last one */
	size_t n_probes;
	struct link_probe_sent {
		uint8_t id;
		uint64_t seq;  /* frames before this one were sent before */
		uint64_t end;  /* wire bytes up to it */
		double gone;
	} probe[LINK_PROBES];
	bool user_due, user_waits, user_answered;
	uint8_t user_id;
	unsigned backoff;
	uint64_t timer_from; /* when the last data or probe will have left */
	uint64_t keep_at; /* last probe for its own sake */
};

struct link {
	struct link_conf conf;
	uint64_t now;
	uint64_t heard;  /* the last good frame */
	uint64_t byte_at; /* the last byte */
	uint64_t wire_built, wire_sent;
	struct link_stats stats;
	struct stuff stuff;
	struct wire_reader reader;
	struct link_send s;
	struct link_recv r;
	struct link_ctl c;
	struct link_pace p;
	struct link_half h;
	size_t out_at, out_n;
	uint8_t out[LINK_OUT_ROOM];
	uint8_t tmp[WIRE_FRAME_MAX]; /* a piece before stuffing */
};

/* --- link.c */
void link_ring_write(uint8_t *ring, uint64_t off, const uint8_t *p, size_t n);
const uint8_t *link_ring_at(const uint8_t *ring, uint64_t off);
uint64_t link_dead_ms(const struct link *l);
/* When the retransmission timer runs out; UINT64_MAX: it does not run. */
uint64_t link_timer_at(const struct link *l);

/* --- link_send.c */
void link_send_fill(struct link *l);
/* Something to send that neither window, pace nor turn forbids for long. */
bool link_send_ready(const struct link *l);
/* n more bytes, as counted in wire_sent. */
void link_send_handed(struct link *l, size_t n);
void link_send_ack(struct link *l, const struct wire_ack *a, bool proves,
    uint64_t before);

/* --- link_recv.c */
void link_recv_data(struct link *l, const struct wire_frame *f);
void link_recv_make_ack(struct link *l, struct wire_ack *a, bool tail);
bool link_recv_ack_due(const struct link *l); /* alone, or with data */
uint64_t link_recv_ack_at(const struct link *l);

#endif
