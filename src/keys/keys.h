/* Keys that two peers share: keys/PEER.key, one a line, the first is used for
 * calling, all are accepted.  A key is 128 random bits, never chosen by a
 * person: 26 base32 characters (RFC 4648, without padding; no 0, 1, 8, 9 in
 * it) and a check of two more, written in groups of four so that it can be
 * read out on the telephone:
 *
 *	RXBP-OLDB-S3FQ-ANLK-T7KA-SPTT-VA42
 *
 * Blanks, minus signs and small letters are understood; 0, 1 and 8 are taken
 * as O, I and B.  The check finds every one or two wrong characters, and every
 * two that were swapped. */
#ifndef KEYS_KEYS_H
#define KEYS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define KEYS_BYTES    16
#define KEYS_TEXT     40 /* room for the text and its NUL */
#define KEYS_MAX      8  /* in one file */
#define KEYS_MAC      16

struct key {
	uint8_t b[KEYS_BYTES];
};
struct keys {
	size_t n;
	struct key key[KEYS_MAX];
};

/* Once, before all else (libsodium's start). */
int keys_start(struct err *e);
void key_random(struct key *k);
const char *key_format(const struct key *k, char out[KEYS_TEXT]);
/* 0, or -1 with ERR_CONFIG: what is wrong and where, never the key itself; k
 * is then as it was.  The caller says what to do next. */
int key_parse(const char *text, struct key *k, struct err *e);

/* keys/PEER.key below dir.  0: read (n may be 0: there is no file); -1, n is
 * 0: ERR_CONFIG (peer is no name; a line is no key: its number; readable or
 * writable by others: chmod 600; a link; too many; none at all, since a file that
 * was emptied by mistake must not make a peer go without), ERR_SYSTEM.  '#'
 * begins a comment. */
int keys_read(const char *dir, const char *peer, struct keys *k, struct err *e);
/* As above, of a file anywhere, a stick's, say: whoever may read it, and through
 * a link.  It holds one key at least.  Also ERR_MISSING. */
int keys_read_carried(const char *path, struct keys *k, struct err *e);
/* Replace the file, 0600, durable (write, sync, rename, sync); makes keys/,
 * 0700, when it is not there.  No keys: removes the file. */
int keys_write(const char *dir, const char *peer, const struct keys *k,
    struct err *e);
void keys_wipe(struct keys *k);

/* The handshake's secret: BLAKE2b-256 of the key's bytes. */
void key_psk(const struct key *k, uint8_t psk[32]);

/* Keyed digest of a bundle's bytes (BLAKE2b-128 under a subkey of k that is
 * only for this), in pieces. */
struct key_mac {
	uint64_t opaque[48]; /* libsodium's state; may be copied */
};
void key_mac_start(struct key_mac *m, const struct key *k);
void key_mac_add(struct key_mac *m, const void *p, size_t n);
/* Also wipes m. */
void key_mac_end(struct key_mac *m, uint8_t out[KEYS_MAC]);
/* In constant time. */
bool key_mac_same(const uint8_t a[KEYS_MAC], const uint8_t b[KEYS_MAC]);

#endif
