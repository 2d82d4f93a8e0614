/* Records: what the stream of a direction consists of.  Each is sealed once
 * and opened in order; doc/EXCHANGE.md, Records. */
#ifndef MODEM_RECORD_H
#define MODEM_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_DATA_MAX 4096
#define RECORD_TAG      16
#define RECORD_MAX      (2 + RECORD_DATA_MAX + RECORD_TAG)
#define RECORD_COUNT_MAX ((uint64_t)1 << 32)

enum record_security { RECORD_NONE, RECORD_SIGN, RECORD_ENCRYPT };

/* One direction. */
struct record {
	enum record_security security;
	uint8_t key[32];
	uint64_t count;           /* the next record's number */
	uint8_t bind[4];          /* the answerer's hello; into record 0 */
};

/* key: of this direction (noise_split); may be NULL with RECORD_NONE. */
void record_init(struct record *r, enum record_security s,
    const uint8_t key[32], const uint8_t bind[4]);
void record_wipe(struct record *r);
/* Bytes that n bytes of messages take on the stream. */
size_t record_size(const struct record *r, size_t n);
/* Seal n (1 to RECORD_DATA_MAX) bytes; out has room for RECORD_MAX and does
 * not overlap p.  Returns the size, or 0: 2^32 records were sealed, the call
 * must end (or n is none of these: our bug). */
size_t record_seal(struct record *r, const void *p, size_t n, uint8_t *out);

enum record_got { RECORD_MORE, RECORD_OPENED, RECORD_BAD };
/* Open the record that begins at in, of which have bytes are there (more than
 * its own do no harm).  RECORD_MORE: *need bytes are needed; it grows at most
 * once.  RECORD_OPENED: *n bytes are in out (room for RECORD_DATA_MAX, does
 * not overlap in), *need is what it took from in.  RECORD_BAD: it does not
 * open (*need is its size, *n 0, out is not to be used), or its length is
 * impossible or 2^32 records were opened (*need is 2); the count stays, so
 * that the same place can be tried again. */
enum record_got record_open(struct record *r, const uint8_t *in, size_t have,
    size_t *need, uint8_t *out, size_t *n);

#endif
