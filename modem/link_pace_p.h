/* Inside of link*.c only, the part of link_p.h that is link_pace.c's (rate,
 * frame size) and link_half.c's (turns). */
#ifndef MODEM_LINK_PACE_P_H
#define MODEM_LINK_PACE_P_H

#include "modem/link.h"
#include "modem/wire.h"

struct link_flight;
struct link_probe_sent;

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
