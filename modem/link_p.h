/* Inside of link*.c only.  link.c: the interface, frames that came, timers;
 * link_send.c: what goes out; link_recv.c: what came, and acknowledgements;
 * link_pace.c: rate, frame size; link_half.c: turns.
 *
 * Offsets and sequence numbers are 64 bits here and cut to their width on the
 * line only, so that nothing here wraps. */
#ifndef MODEM_LINK_P_H
#define MODEM_LINK_P_H

#include "modem/link.h"
#include "modem/stuff.h"
#include "modem/wire.h"

/* A ring of the window, and its first bytes once more behind it: so many
 * bytes from any place lie in one piece. */
#define LINK_SLACK 8192
#define LINK_RECORD 4114    /* the largest record; record.h */
#define LINK_OUT_FILL 16384
#define LINK_OUT_ROOM (LINK_OUT_FILL + 2 * WIRE_FRAME_MAX)
#define LINK_FLIGHT 2000    /* frames: less than half of the 12 bits */
#define LINK_SENT 2048
#define LINK_SEGS 4096
#define LINK_SEGS_NEW 3000  /* new data leaves room for splits */
#define LINK_HOLES 256
#define LINK_BOUNDS 256
#define LINK_PROBES 8
#define LINK_ACK_MS 500
#define LINK_QUIET_MS 40
#define LINK_STALL_MS 1500  /* an open frame held up for so long is ended */
#define LINK_SEQ_FIRST (WIRE_SEQ_MASK + 1) /* so that none is 0xFFF */

/* A range of the stream that was sent and is not opened: by which frame
 * last. */
struct link_seg {
	uint64_t off, seq;
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

struct link_pace {
	double rate;     /* bytes a ms of the line; 0: not known */
	double gain;     /* the model runs so much faster, to find out */
	double gone;     /* when what was handed out will have left */
	double shift;    /* sum of the corrections of gone */
	double base;     /* peer's clock less ours, plus the way */
	/* base is measured by a frame that found the line empty: from when it
	 * was handed out, how many bytes, and the peer's stamp. */
	bool anchored, anchor_waits, raised;
	uint64_t anchor_seq, anchor_start, anchor_age;
	bool anchor_probed;
	double anchor_from;
	double anchor_way;  /* stamp less hand-out */
	double anchor_n;    /* bytes */
	/* The last correction: frames from there on were handed out after
	 * it, and should take less time than before. */
	uint64_t fixed_seq;
	double fixed, fixed_gone, fixed_delay;
	unsigned kept_up; /* spans in a row in which the line did */
	bool push;       /* one frame more ahead; then an answer is awaited: */
	uint64_t push_seq;
	uint32_t idles;  /* times when the line had nothing to do */
	bool pressed;    /* the port did not take all that was there */
	size_t allow;    /* rate not known: bytes on their way */
	bool have_ref;   /* measured from there: */
	uint64_t ref_end;
	double ref_gone, ref_stamp;
	uint32_t ref_idles;
	uint16_t stamp16;
	double stamp;    /* the same, without wrap, ms */
	uint64_t probe_at, probe_seq;
	double rtt;
	double err_n, err_bytes; /* decayed counts */
	uint64_t err_end;
	/* the other direction */
	double rate_in;
	uint64_t in_at, in_bytes;
	size_t in_frame; /* longest frame lately */
};

struct link_half {
	bool token;
	uint8_t number;  /* of the last TURN, theirs or ours */
	uint64_t wait_from; /* the first TURN that was not answered */
	uint64_t first_at; /* first good frame since our turn */
	unsigned takes;  /* of the token, since the last TURN that came */
	uint64_t turn_end, hold_until, take_at, take_last;
	uint32_t mine_ms, yours_ms; /* longest turns */
	unsigned empty;  /* turns in which nobody had anything */
	bool sent;       /* something, in this turn */
	bool busy;       /* our last turn had no pause */
	uint32_t idles;  /* pace.idles at its begin */
	uint64_t got_at, got_bytes; /* first frame of their turn */
	uint64_t bad;
	uint64_t built;  /* wire bytes before this turn */
	double rate_in;
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
/* Is there something to send that neither window, pace nor turn forbids for
 * long? */
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

/* --- link_pace.c */
void link_pace_init(struct link *l);
/* When the next chunk may be begun; now or before: at once. */
uint64_t link_pace_at(const struct link *l);
void link_pace_handed(struct link *l, size_t n);
/* Frame seq, and all before it, had arrived at the peer's time stamp. */
void link_pace_news(struct link *l, uint64_t seq, uint16_t stamp);
bool link_pace_waits_for_news(const struct link *l);
bool link_pace_wants_probe(const struct link *l);
void link_pace_told(struct link *l, double rate, bool busy);
void link_pace_answered(struct link *l, const struct link_probe_sent *p);
void link_pace_lost(struct link *l, unsigned frames);
void link_pace_came(struct link *l, size_t frame_size);
size_t link_frame_bytes(const struct link *l);
unsigned link_chunk_step(const struct link *l);
uint32_t link_peer_frame_ms(const struct link *l);
double link_errors(const struct link *l);

/* --- link_half.c */
void link_half_init(struct link *l);
bool link_half_may_send(const struct link *l);
bool link_half_turn_over(const struct link *l);
/* Over, or nothing more to send: TURN goes out. */
bool link_half_turn_due(const struct link *l);
bool link_half_wants_probe(const struct link *l);
size_t link_half_turn(struct link *l, uint8_t body[5]);
void link_half_got_turn(struct link *l, const struct wire_frame *f);
void link_half_heard(struct link *l);
void link_half_came(struct link *l, const struct wire_frame *f);
void link_half_sent(struct link *l);
void link_half_tick(struct link *l);
uint64_t link_half_deadline(const struct link *l);

#endif
