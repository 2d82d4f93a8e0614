/* Messages inside records; doc/EXCHANGE.md, Messages. */
#ifndef MODEM_MESSAGE_H
#define MODEM_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum message_type {
	MESSAGE_PAD, MESSAGE_HAVE, MESSAGE_BUNDLE, MESSAGE_DATA, MESSAGE_DATAN,
	MESSAGE_STORED, MESSAGE_ASK, MESSAGE_WANT, MESSAGE_END, MESSAGE_FIN,
	MESSAGE_BYE, MESSAGE_PASS
};

#define MESSAGE_HEAD_MAX 32     /* any message but HAVE, without data */
#define MESSAGE_PARTS_MAX 8
#define MESSAGE_HAVE_MAX (16 + MESSAGE_PARTS_MAX * 31)
#define MESSAGE_NUMBER_MAX ((uint64_t)1 << 53)

/* *why of a type that version 1 does not have. */
#define MESSAGE_LATER "it speaks a later version of the exchange"

struct message_part {
	uint64_t number, size, offset;
	uint32_t crc;
};
struct message_have {
	bool has_top, more;
	uint64_t top;
	uint32_t top_crc;
	size_t n;
	struct message_part part[MESSAGE_PARTS_MAX];
};
struct message {
	enum message_type type;
	uint64_t number, size, offset, count; /* as far as the type has them */
	uint32_t crc;
	unsigned reason;
	struct message_have have;
	const uint8_t *p; /* DATA, DATAN: inside the record */
	size_t n;
};

/* Into out (room for MESSAGE_HAVE_MAX); DATA and DATAN: the head only, the
 * caller puts n bytes behind it.  Returns the bytes written. */
size_t message_write(const struct message *m, uint8_t *out);
/* The message at *at of a record; *at goes behind it.  1: *m is it, 0: the
 * record is over, -1: it is none of version 1, or is cut: *why says what
 * (a constant string). */
int message_read(const uint8_t *p, size_t n, size_t *at, struct message *m,
    const char **why);

#endif
