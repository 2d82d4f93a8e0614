/* The first bytes each way: magic, version, what each can, Noise's message;
 * doc/EXCHANGE.md, Hello.  Only bytes: what they mean is exchange's. */
#ifndef MODEM_HELLO_H
#define MODEM_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modem/noise.h"
#include "modem/stuff.h"

#define HELLO_VERSION  1
#define HELLO_NAME_MAX 32
#define HELLO_BODY_MAX 200
/* All escaped, with magic. */
#define HELLO_WIRE_MAX (3 + 2 * (4 + HELLO_BODY_MAX + 4))

#define HELLO_ANSWERER 0x01u
#define HELLO_SECURITY 0x06u /* shifted by 1 */
#define HELLO_HALF     0x08u
#define HELLO_REFUSED  0x10u

struct hello {
	uint8_t fixed[4];             /* version, flags, mask, length */
	uint8_t noise[NOISE_MESSAGE]; /* if security is not none */
	char name[HELLO_NAME_MAX + 1]; /* with security none and sign; "": none */
	uint8_t reason;               /* refused */
};

/* Set fixed[3] from the flags and the name, as hello_write() will: the
 * prologue needs it before there is a Noise message. */
void hello_set_length(struct hello *h);
/* The bytes for the line into out (room for HELLO_WIRE_MAX); sets fixed[3].
 * Returns how many. */
size_t hello_write(struct hello *h, uint8_t *out);

enum hello_got {
	HELLO_NOTHING,   /* not yet */
	HELLO_WHOLE,     /* *out is it */
	HELLO_SEVEN_BIT, /* the magic came with bit 7 cleared or made a parity */
	HELLO_BAD        /* magic, but damaged; the search goes on */
};
/* Finds hellos in a stream of bytes, whatever else is in it: each magic begins
 * a candidate, also inside of another one, so that a damaged length does not
 * hide the repetition that follows. */
#define HELLO_CANDIDATES 8 /* the oldest goes when there are more */
#define HELLO_RING       256
struct hello_reader {
	uint8_t magic[2];  /* the last bytes, as they came */
	struct stuff stuff;
	uint32_t n;        /* bytes decoded; modulo 2^32 */
	uint8_t ring[HELLO_RING];
	unsigned candidates;
	uint32_t begin[HELLO_CANDIDATES]; /* n behind their magic */
};
void hello_reader_init(struct hello_reader *r);
/* Whatever the other side's version is, fixed is as it came; noise and name
 * are zero where the flags say that there are none, or security is 3. */
enum hello_got hello_feed(struct hello_reader *r, uint8_t byte,
    struct hello *out);

#endif
