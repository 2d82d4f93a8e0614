/* Byte values that must not appear on a line, escaped: ZDLE (0x18), value XOR
 * 0x40.  doc/EXCHANGE.md, Byte values. */
#ifndef MODEM_STUFF_H
#define MODEM_STUFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STUFF_XON     0x01u
#define STUFF_DLE     0x02u
#define STUFF_TELNET  0x04u
#define STUFF_CR      0x08u
#define STUFF_ALL     0x80u /* all controls */
#define STUFF_HELLO   0x07u /* the hello's fixed set */

struct stuff {
	uint8_t mask;
	bool escaped; /* decoding: a ZDLE was last */
};

/* out has room for 2 * n; returns how many. */
size_t stuff_encode(uint8_t mask, const uint8_t *in, size_t n, uint8_t *out);
/* In place (out may be in); a ZDLE at the end is remembered. */
size_t stuff_decode(struct stuff *s, const uint8_t *in, size_t n, uint8_t *out);

#endif
