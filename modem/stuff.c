/* See stuff.h. */
#include "modem/stuff.h"

#include <string.h>

#define ZDLE 0x18

/* Is this one of XON and XOFF, bit 7 set or not? */
static bool is_flow(uint8_t v)
{
	return (v & 0x7F) == 0x11 || (v & 0x7F) == 0x13;
}

static bool forbidden(uint8_t mask, uint8_t v)
{
	uint8_t low = v & 0x7F;

	if (v == ZDLE)
		return mask != 0;
	if ((mask & STUFF_XON) && is_flow(v))
		return true;
	if ((mask & STUFF_DLE) && low == 0x10)
		return true;
	if ((mask & STUFF_TELNET) && v == 0xFF)
		return true;
	if ((mask & STUFF_CR) && low == 0x0D)
		return true;
	return (mask & STUFF_ALL) && (low < 0x20 || low == 0x7F);
}

size_t stuff_encode(uint8_t mask, const uint8_t *in, size_t n, uint8_t *out)
{
	size_t o = 0;

	if (mask == 0) {
		memcpy(out, in, n);
		return n;
	}
	for (size_t i = 0; i < n; i++) {
		if (forbidden(mask, in[i])) {
			out[o++] = ZDLE;
			out[o++] = in[i] ^ 0x40;
		} else {
			out[o++] = in[i];
		}
	}
	return o;
}

size_t stuff_decode(struct stuff *s, const uint8_t *in, size_t n, uint8_t *out)
{
	size_t o = 0;

	if (s->mask == 0) {
		if (out != in)
			memmove(out, in, n);
		return n;
	}
	for (size_t i = 0; i < n; i++) {
		uint8_t v = in[i];

		/* Whatever lies on the way put it there, perhaps behind a
		 * ZDLE: that one still waits for its value. */
		if ((s->mask & STUFF_XON) && is_flow(v))
			continue;
		if (s->escaped) {
			out[o++] = v ^ 0x40;
			s->escaped = false;
		} else if (v == ZDLE) {
			s->escaped = true;
		} else {
			out[o++] = v;
		}
	}
	return o;
}
