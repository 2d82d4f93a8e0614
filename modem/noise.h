/* Noise_NNpsk0_25519_ChaChaPoly_SHA256 (The Noise Protocol Framework, revision
 * 34, sections 5, 7.4, 9): the handshake only, on libsodium's primitives.
 * Payloads may be anything in tests; dialsync's are empty.  No input/output,
 * no state outside of the struct; the ephemeral key comes from the caller, so
 * that published vectors can be run and a core is the same each time.
 *
 *	caller    noise_init, noise_write (32 + n + 16 bytes), noise_read
 *	answerer  noise_init, noise_read, noise_write
 *	both      noise_split, noise_wipe
 *
 * sodium_init() (keys_start()) must have been called.  Nothing here fails but
 * noise_read. */
#ifndef MODEM_NOISE_H
#define MODEM_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOISE_KEY     32
#define NOISE_TAG     16
#define NOISE_MESSAGE (NOISE_KEY + NOISE_TAG) /* with an empty payload */

struct noise {
	bool caller;
	uint8_t h[32], ck[32], k[NOISE_KEY]; /* as in the specification */
	uint8_t e[NOISE_KEY], e_pub[NOISE_KEY]; /* ours */
	uint8_t re[NOISE_KEY];                  /* theirs */
	uint8_t ee[NOISE_KEY];                  /* of both, since noise_read */
};

/* seed: 32 random bytes, our ephemeral secret. */
void noise_init(struct noise *s, bool caller, const uint8_t psk[32],
    const void *prologue, size_t n_prologue, const uint8_t seed[32]);
/* The next message of the pattern; out has room for n + NOISE_MESSAGE. */
void noise_write(struct noise *s, const void *payload, size_t n, uint8_t *out);
/* 0: n - NOISE_MESSAGE bytes of payload are in out (may be NULL when there are
 * none).  -1: it does not open: another key, prologue, damage, or a public key
 * that gives the same with any secret (of low order); s is as it was before,
 * so that another message can be tried.  How long it takes depends on what
 * came, not on the psk or on what is wrong. */
int noise_read(struct noise *s, const uint8_t *in, size_t n, uint8_t *out);
/* The keys of the two directions. */
void noise_split(const struct noise *s, uint8_t send[NOISE_KEY],
    uint8_t receive[NOISE_KEY]);
void noise_wipe(struct noise *s);

#endif
