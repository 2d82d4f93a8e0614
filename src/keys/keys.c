/* What is made of a key.  See keys.h. */
#include "config.h"

#include "keys/keys.h"

#include <sodium.h>
#include <string.h>

#define SUBKEY 32

int keys_start(struct err *e)
{
	if (sodium_init() < 0)
		return err_set(e, ERR_SYSTEM,
		    "libsodium did not start: there "
		    "is no source of random numbers on this machine");
	return 0;
}

void key_random(struct key *k)
{
	randombytes_buf(k->b, sizeof(k->b));
}

void keys_wipe(struct keys *k)
{
	sodium_memzero(k, sizeof(*k));
}

void key_psk(const struct key *k, uint8_t psk[32])
{
	crypto_generichash(psk, 32, k->b, sizeof(k->b), NULL, 0);
}

/* libsodium wants its state at a multiple of 64, which a struct that others
 * allocate, or copy, does not promise: work on a copy of it.  384 bytes are
 * copied for a piece of some kilobytes. */
_Static_assert(
    sizeof(crypto_generichash_state) <= sizeof(((struct key_mac *)0)->opaque),
    "libsodium's state fits");

void key_mac_start(struct key_mac *m, const struct key *k)
{
	static const char use[] = "dialsync bundle digest";
	crypto_generichash_state s;
	uint8_t subkey[SUBKEY];

	crypto_generichash(subkey, sizeof(subkey), (const uint8_t *)use,
	    sizeof(use) - 1, k->b, sizeof(k->b));
	crypto_generichash_init(&s, subkey, sizeof(subkey), KEYS_MAC);
	memcpy(m->opaque, &s, sizeof(s));
	sodium_memzero(subkey, sizeof(subkey));
	sodium_memzero(&s, sizeof(s));
}

void key_mac_add(struct key_mac *m, const void *p, size_t n)
{
	crypto_generichash_state s;

	memcpy(&s, m->opaque, sizeof(s));
	crypto_generichash_update(&s, p, n);
	memcpy(m->opaque, &s, sizeof(s));
	sodium_memzero(&s, sizeof(s));
}

void key_mac_end(struct key_mac *m, uint8_t out[KEYS_MAC])
{
	crypto_generichash_state s;

	memcpy(&s, m->opaque, sizeof(s));
	crypto_generichash_final(&s, out, KEYS_MAC);
	sodium_memzero(&s, sizeof(s));
	sodium_memzero(m, sizeof(*m));
}

bool key_mac_same(const uint8_t a[KEYS_MAC], const uint8_t b[KEYS_MAC])
{
	return sodium_memcmp(a, b, KEYS_MAC) == 0;
}
