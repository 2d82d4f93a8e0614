/* See crc.h. */
#include "modem/crc.h"

#include <zlib.h>

/* One byte at a time by nibbles: a table of 16 is enough at line speed. */
uint16_t crc16_add(uint16_t crc, const uint8_t *p, size_t n)
{
	static const uint16_t table[16] = {
		0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
		0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef,
	};

	for (; n > 0; n--, p++) {
		unsigned c = crc;

		c = (c << 4) ^ table[((c >> 12) ^ (*p >> 4)) & 15];
		c = (c << 4) ^ table[((c >> 12) ^ *p) & 15];
		crc = (uint16_t)c;
	}
	return crc;
}

uint32_t crc32_add(uint32_t crc, const uint8_t *p, size_t n)
{
	/* A subpacket at most: n always fits zlib's uInt. */
	return (uint32_t)crc32(crc, p, (uInt)n);
}
