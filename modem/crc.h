/* The two checks of ZMODEM.  CRC-16 is CCITT's polynomial 0x1021, start 0, no
 * reflection (CRC-16/XMODEM: "123456789" gives 0x31C3); CRC-32 is zlib's. */
#ifndef MODEM_CRC_H
#define MODEM_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Continue crc (start with 0) over n bytes. */
uint16_t crc16_add(uint16_t crc, const uint8_t *p, size_t n);
uint32_t crc32_add(uint32_t crc, const uint8_t *p, size_t n);

#endif
