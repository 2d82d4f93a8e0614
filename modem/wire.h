/* Frames on the line; doc/EXCHANGE.md, Frames.  Pure: bytes in, frames out,
 * whatever is between them; and the other way.  Unstuffed bytes on both
 * sides: stuff.h is applied by the link. */
#ifndef MODEM_WIRE_H
#define MODEM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_SYNC     0xA5
#define WIRE_DATA_MAX 4096 /* of a long frame */
#define WIRE_SHORT_MAX 4095 /* of a short one, its ack block included */
#define WIRE_CONTROL_MAX 255
#define WIRE_GAPS_MAX 15
#define WIRE_ACK_MAX  (7 + 4 * WIRE_GAPS_MAX)
#define WIRE_STEP_MAX 6 /* a chunk of 4,096 */
#define WIRE_FRAME_MAX (12 + 80 + WIRE_DATA_MAX + WIRE_ACK_MAX)
#define WIRE_SEQ_MASK 0xFFFu
#define WIRE_OFF_MASK 0xFFFFFu

enum wire_kind {
	WIRE_SHORT, WIRE_SHORT_ACK, WIRE_LONG, WIRE_LONG_ACK, WIRE_ACK,
	WIRE_PROBE, WIRE_TURN
};

struct wire_gap {
	uint32_t off;  /* 20 bits */
	uint16_t n;    /* 1 to 4095; 0: all from off on */
};
struct wire_ack {
	uint32_t opened;   /* 20 bits */
	uint16_t last_seq; /* 12 bits */
	uint16_t stamp;    /* 4 ms units */
	bool unopened;     /* a record did not open */
	size_t n;
	struct wire_gap gap[WIRE_GAPS_MAX];
};
struct wire_frame {
	enum wire_kind kind; /* or a number up to 15: ignore it */
	uint16_t seq;
	uint32_t off;
	bool has_ack;
	struct wire_ack ack;
	const uint8_t *p;  /* data, or the body of a control frame; of an ack
	                    * frame what follows the ack block */
	size_t n;
	size_t size;       /* bytes on the wire, before stuffing */
};

/* --- writing; each returns the bytes written to out */
/* n and the ack block together at most WIRE_SHORT_MAX. */
size_t wire_short(uint8_t *out, uint16_t seq, uint32_t off,
    const struct wire_ack *ack, const uint8_t *p, size_t n);
/* n at most WIRE_CONTROL_MAX. */
size_t wire_control(uint8_t *out, enum wire_kind kind, const uint8_t *p,
    size_t n);
size_t wire_ack_write(uint8_t *out, const struct wire_ack *a);

/* A long frame, chunk by chunk, so that it can end early. */
struct wire_long {
	uint32_t crc;
	unsigned step; /* a whole chunk is 64 << step bytes */
	size_t n;      /* data so far */
};
size_t wire_long_begin(struct wire_long *w, uint8_t *out, unsigned step,
    uint16_t seq, uint32_t off, const struct wire_ack *ack);
/* n bytes; fewer than a whole chunk (0 too) must be the last.  The last chunk
 * is followed by the CRC.  Writes at most n + 6. */
size_t wire_long_chunk(struct wire_long *w, uint8_t *out, const uint8_t *p,
    size_t n, bool last);

/* --- reading */
struct wire_reader {
	size_t n, at;   /* bytes kept, and how far they were looked at */
	size_t given_up; /* before this nothing is waited for */
	uint64_t bad;   /* frames with a good header and a bad CRC */
	uint64_t junk;  /* bytes that belonged to no frame */
	uint8_t buf[2 * (WIRE_FRAME_MAX + 4096)];
};
void wire_reader_init(struct wire_reader *r);
/* Room for more bytes: put up to *n there, then wire_reader_add.  There is
 * always room after wire_next() returned false. */
uint8_t *wire_reader_room(struct wire_reader *r, size_t *n);
void wire_reader_add(struct wire_reader *r, size_t n);
/* The next good frame; f->p is valid until the next call.  After it returned
 * false all bytes were looked at. */
bool wire_next(struct wire_reader *r, struct wire_frame *f);
/* Does a frame that has begun wait for more bytes? */
bool wire_reader_waits(const struct wire_reader *r);
/* The line has been silent: a frame that waits for more bytes is given up and
 * its bytes are looked at again, by wire_next(). */
void wire_reader_flush(struct wire_reader *r);

#endif
