/* The first bytes each way: magic, version, what each can, Noise's message;
 * doc/EXCHANGE.md, Hello.  Only bytes: what they mean is exchange's. */
#ifndef MODEM_HELLO_H
#define MODEM_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modem/noise.h"

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
	char name[HELLO_NAME_MAX + 1]; /* "": not sent */
	uint8_t reason;               /* refused */
};

/* The bytes for the line into out (room for HELLO_WIRE_MAX); sets fixed[3].
 * Returns how many. */
size_t hello_write(struct hello *h, uint8_t *out);

enum hello_got {
	HELLO_NOTHING,   /* not yet */
	HELLO_WHOLE,     /* *out is it */
	HELLO_SEVEN_BIT, /* the magic came without bit 7 */
	HELLO_BAD        /* magic, but damaged; the search goes on */
};
/* Finds hellos in a stream of bytes, whatever else is in it. */
struct hello_reader {
	unsigned at;    /* bytes of magic seen */
	bool in_body, escaped;
	size_t n;
	uint8_t body[4 + HELLO_BODY_MAX + 4];
};
void hello_reader_init(struct hello_reader *r);
enum hello_got hello_feed(struct hello_reader *r, uint8_t byte,
    struct hello *out);

#endif
