/* The handshake.  See noise.h; names in capitals are the specification's. */
#include "config.h"

#include "modem/noise.h"

#include <sodium.h>
#include <string.h>

#define HASH 32

static const char protocol[] = "Noise_NNpsk0_25519_ChaChaPoly_SHA256";

/* MixHash: h = HASH(h || p). */
static void mix_hash(struct noise *s, const void *p, size_t n)
{
	crypto_hash_sha256_state st;

	crypto_hash_sha256_init(&st);
	crypto_hash_sha256_update(&st, s->h, HASH);
	crypto_hash_sha256_update(&st, p, n);
	crypto_hash_sha256_final(&st, s->h);
	sodium_memzero(&st, sizeof(st)); /* p may be made of the psk */
}

/* HMAC-HASH(key, p || last), where last is one byte, or nothing when 0. */
static void hmac(const uint8_t key[HASH], const uint8_t *p, size_t n,
    uint8_t last, uint8_t out[HASH])
{
	crypto_auth_hmacsha256_state st;

	crypto_auth_hmacsha256_init(&st, key, HASH);
	crypto_auth_hmacsha256_update(&st, p, n);
	crypto_auth_hmacsha256_update(&st, &last, last != 0);
	crypto_auth_hmacsha256_final(&st, out);
	sodium_memzero(&st, sizeof(st));
}

/* HKDF(ck, p, outputs): into out, HASH bytes each. */
static void hkdf(const uint8_t ck[HASH], const uint8_t *p, size_t n,
    unsigned outputs, uint8_t out[][HASH])
{
	uint8_t temp[HASH], block[HASH];

	hmac(ck, p, n, 0, temp);
	hmac(temp, NULL, 0, 1, block);
	memcpy(out[0], block, HASH);
	for (unsigned i = 1; i < outputs; i++) {
		hmac(temp, block, HASH, (uint8_t)(i + 1), block);
		memcpy(out[i], block, HASH);
	}
	sodium_memzero(temp, sizeof(temp));
	sodium_memzero(block, sizeof(block));
}

/* MixKey. */
static void mix_key(struct noise *s, const uint8_t p[32])
{
	uint8_t out[2][HASH];

	hkdf(s->ck, p, 32, 2, out);
	memcpy(s->ck, out[0], HASH);
	memcpy(s->k, out[1], HASH);
	sodium_memzero(out, sizeof(out));
}

/* MixKeyAndHash. */
static void mix_key_and_hash(struct noise *s, const uint8_t p[32])
{
	uint8_t out[3][HASH];

	hkdf(s->ck, p, 32, 3, out);
	memcpy(s->ck, out[0], HASH);
	mix_hash(s, out[1], HASH);
	memcpy(s->k, out[2], HASH);
	sodium_memzero(out, sizeof(out));
}

/* Of both messages the tokens end with a MixKey, which sets the nonce to 0,
 * and each encrypts once: it is always 0. */
static const uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

/* EncryptAndHash. */
static void encrypt_and_hash(
    struct noise *s, const void *p, size_t n, uint8_t *out)
{
	crypto_aead_chacha20poly1305_ietf_encrypt(
	    out, NULL, p, n, s->h, HASH, NULL, nonce, s->k);
	mix_hash(s, out, n + NOISE_TAG);
}

/* DecryptAndHash; hashes whatever came. */
static int decrypt_and_hash(
    struct noise *s, const uint8_t *in, size_t n, uint8_t *out)
{
	int rc = crypto_aead_chacha20poly1305_ietf_decrypt(
	    out, NULL, NULL, in, n, s->h, HASH, nonce, s->k);

	mix_hash(s, in, n);
	return rc;
}

/* The token e, which with a psk is a MixKey too (section 9.2). */
static void token_e(struct noise *s, const uint8_t public[NOISE_KEY])
{
	mix_hash(s, public, NOISE_KEY);
	mix_key(s, public);
}

void noise_init(struct noise *s, bool caller, const uint8_t psk[32],
    const void *prologue, size_t n_prologue, const uint8_t seed[32])
{
	memset(s, 0, sizeof(*s));
	s->caller = caller;
	/* 36 bytes: longer than a hash, so its hash stands for it */
	crypto_hash_sha256(
	    s->h, (const uint8_t *)protocol, sizeof(protocol) - 1);
	memcpy(s->ck, s->h, HASH);
	mix_hash(s, prologue, n_prologue);
	/* the token psk, first in the first message, of both sides */
	mix_key_and_hash(s, psk);
	memcpy(s->e, seed, NOISE_KEY);
	crypto_scalarmult_curve25519_base(s->e_pub, s->e);
}

/* -> psk, e      <- e, ee */
void noise_write(struct noise *s, const void *payload, size_t n, uint8_t *out)
{
	memcpy(out, s->e_pub, NOISE_KEY);
	token_e(s, s->e_pub);
	if (!s->caller)
		mix_key(s, s->ee);
	encrypt_and_hash(s, payload, n, out + NOISE_KEY);
}

/* On a copy, so that a message that does not open leaves no trace.  The
 * answerer computes ee here too, as this is where a key of low order can be
 * refused (libsodium then says -1 and leaves ee at 0); all else is done even
 * so. */
int noise_read(struct noise *s, const uint8_t *in, size_t n, uint8_t *out)
{
	struct noise t = *s;
	int low, closed;

	if (n < NOISE_MESSAGE)
		return -1;
	memcpy(t.re, in, NOISE_KEY);
	token_e(&t, t.re);
	low = crypto_scalarmult_curve25519(t.ee, t.e, t.re);
	if (t.caller)
		mix_key(&t, t.ee);
	closed = decrypt_and_hash(&t, in + NOISE_KEY, n - NOISE_KEY, out);
	if (!(low | closed))
		*s = t;
	noise_wipe(&t);
	return low | closed ? -1 : 0;
}

void noise_split(
    const struct noise *s, uint8_t send[NOISE_KEY], uint8_t receive[NOISE_KEY])
{
	uint8_t out[2][HASH];

	hkdf(s->ck, NULL, 0, 2, out);
	memcpy(send, out[s->caller ? 0 : 1], HASH);
	memcpy(receive, out[s->caller ? 1 : 0], HASH);
	sodium_memzero(out, sizeof(out));
}

void noise_wipe(struct noise *s)
{
	sodium_memzero(s, sizeof(*s));
}
