/* ZMODEM's frames: bytes <-> headers and data subpackets.  Pure: no clock, no
 * state of the session.  Forsberg, "The ZMODEM Inter Application File
 * Transfer Protocol", 1988, chapters 7 and 9. */
#ifndef MODEM_FRAME_H
#define MODEM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_DATA_MAX 8192 /* longest subpacket taken */

enum frame_type { /* of a header */
	ZRQINIT, ZRINIT, ZSINIT, ZACK, ZFILE, ZSKIP, ZNAK, ZABORT, ZFIN, ZRPOS,
	ZDATA, ZEOF, ZFERR, ZCRC, ZCHALLENGE, ZCOMPL, ZCAN, ZFREECNT, ZCOMMAND,
	ZSTDERR, ZTYPES
};

enum frame_end { /* of a subpacket */
	ZCRCE = 'h', /* the frame ends, no answer */
	ZCRCG = 'i', /* goes on, no answer */
	ZCRCQ = 'j', /* goes on, ZACK wanted */
	ZCRCW = 'k'  /* the frame ends, ZACK wanted */
};

enum frame_coding { FRAME_HEX, FRAME_BIN16, FRAME_BIN32 };

/* ZP0..ZP3 = p[0..3] hold a position, low byte first; flags are numbered the
 * other way round: ZF0 = p[3]. */
struct frame_header {
	enum frame_type type;
	enum frame_coding coding;
	uint8_t p[4];
};

uint32_t frame_pos(const struct frame_header *h);
void frame_set_pos(uint8_t p[4], uint32_t pos);

/* --- writing: into the caller's array, which must have room --- */

struct frame_out {
	uint8_t *p;     /* borrowed */
	size_t n, cap;
	uint8_t last;   /* last byte put: CR is escaped after '@' */
	bool escape_controls;
};

#define FRAME_HEADER_ROOM 32
#define FRAME_DATA_ROOM(n) (2 * (n) + 12)

/* All false, nothing written, if the room might not do. */
bool frame_put_header(struct frame_out *o, enum frame_coding c,
    enum frame_type t, const uint8_t p[4]);
bool frame_put_data(struct frame_out *o, bool crc32, const uint8_t *p,
    size_t n, enum frame_end end);
bool frame_put_raw(struct frame_out *o, const void *p, size_t n);

/* --- reading --- */

enum frame_found {
	FRAME_NONE,   /* all input is used up */
	FRAME_HEADER, /* .header */
	FRAME_DATA,   /* .data, .n, .end: a subpacket whose CRC is right */
	FRAME_BAD,    /* a damaged header (.in_data false) or subpacket */
	FRAME_CANCEL, /* five CAN in a row */
	FRAME_OO      /* "OO" between frames: over and out */
};

struct frame_parser {
	enum {
		FP_HUNT, FP_PAD, FP_CODING, FP_HEX, FP_BIN, FP_TRAIL, FP_DATA,
		FP_CHECK
	} state;
	bool zdle;               /* the last byte was ZDLE */
	bool drop_controls;      /* set by the owner: raw controls are noise */
	uint8_t cans;            /* CAN in a row */
	uint8_t os;              /* 'O' in a row, between frames */
	uint8_t got, want;       /* bytes of a header or check */
	uint8_t raw[9];          /* type, p[4], check */
	uint8_t high;            /* first digit of a hex pair */
	bool half;
	enum frame_coding coding;/* of the last header, so of its data */
	enum frame_end end;
	bool done;               /* data[] was given out: start anew */
	size_t n;
	uint64_t junk;           /* bytes that belonged to no frame */
	/* What was found; valid until the next call. */
	struct frame_header header;
	bool in_data;
	uint8_t data[FRAME_DATA_MAX];
};

void frame_parser_init(struct frame_parser *f);

/* Forget a frame that was begun (the sender begins anew): look for '*'. */
void frame_hunt(struct frame_parser *f);

/* Read on: uses *used <= n bytes and returns what they completed, or
 * FRAME_NONE with *used == n.  Total over all byte values: never fails,
 * never reads back.  After a header of a type that carries data, subpackets
 * are expected; after a damaged one the next header is looked for. */
enum frame_found frame_read(struct frame_parser *f, const uint8_t *p,
    size_t n, size_t *used);

#endif
