/* Records.  See record.h. */
#include "config.h"

#include "modem/record.h"

#include <sodium.h>
#include <string.h>

#define HEAD  2
#define NONCE crypto_aead_chacha20poly1305_ietf_NPUBBYTES

/* What is authenticated and not encrypted: the length, in record 0 the
 * answerer's hello, and what is only signed. */
struct aside {
	size_t n;
	uint8_t p[HEAD + 4 + RECORD_DATA_MAX];
};

void record_init(struct record *r, enum record_security s,
    const uint8_t key[32], const uint8_t bind[4])
{
	memset(r, 0, sizeof(*r));
	r->security = s;
	if (key)
		memcpy(r->key, key, sizeof(r->key));
	memcpy(r->bind, bind, sizeof(r->bind));
}

void record_wipe(struct record *r)
{
	sodium_memzero(r, sizeof(*r));
}

size_t record_size(const struct record *r, size_t n)
{
	return HEAD + n + (r->security == RECORD_NONE ? 0 : RECORD_TAG);
}

/* Four bytes 0, the count in 64 bits, the low byte first. */
static void make_nonce(const struct record *r, uint8_t nonce[NONCE])
{
	memset(nonce, 0, NONCE);
	for (unsigned i = 0; i < 8; i++)
		nonce[4 + i] = (uint8_t)(r->count >> (8 * i));
}

static void make_aside(const struct record *r, const uint8_t head[HEAD],
    const uint8_t *body, size_t n, struct aside *a)
{
	memcpy(a->p, head, HEAD);
	a->n = HEAD;
	if (r->count == 0) {
		memcpy(a->p + a->n, r->bind, sizeof(r->bind));
		a->n += sizeof(r->bind);
	}
	if (r->security == RECORD_SIGN) {
		memcpy(a->p + a->n, body, n);
		a->n += n;
	}
}

size_t record_seal(struct record *r, const void *p, size_t n, uint8_t *out)
{
	uint8_t nonce[NONCE], *body = out + HEAD;
	struct aside a;

	if (n == 0 || n > RECORD_DATA_MAX || r->count >= RECORD_COUNT_MAX)
		return 0;
	out[0] = (uint8_t)(n >> 8);
	out[1] = (uint8_t)n;
	memcpy(body, p, n);
	if (r->security != RECORD_NONE) {
		make_nonce(r, nonce);
		make_aside(r, out, body, n, &a);
		/* signed: nothing is encrypted, the tag alone is added */
		if (r->security == RECORD_SIGN)
			crypto_aead_chacha20poly1305_ietf_encrypt(body + n,
			    NULL, NULL, 0, a.p, a.n, NULL, nonce, r->key);
		else
			crypto_aead_chacha20poly1305_ietf_encrypt(
			    body, NULL, body, n, a.p, a.n, NULL, nonce, r->key);
	}
	r->count++;
	return record_size(r, n);
}

/* The body of n bytes behind head, and its tag; 0: it is in out. */
static int open_body(
    const struct record *r, const uint8_t *head, size_t n, uint8_t *out)
{
	const uint8_t *body = head + HEAD;
	uint8_t nonce[NONCE];
	struct aside a;

	if (r->security != RECORD_NONE) {
		make_nonce(r, nonce);
		make_aside(r, head, body, n, &a);
	}
	if (r->security == RECORD_ENCRYPT)
		return crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL,
		    NULL, body, n + RECORD_TAG, a.p, a.n, nonce, r->key);
	if (r->security == RECORD_SIGN &&
	    crypto_aead_chacha20poly1305_ietf_decrypt(NULL, NULL, NULL,
		body + n, RECORD_TAG, a.p, a.n, nonce, r->key) < 0)
		return -1;
	memcpy(out, body, n);
	return 0;
}

enum record_got record_open(struct record *r, const uint8_t *in, size_t have,
    size_t *need, uint8_t *out, size_t *n)
{
	size_t length;

	*n = 0;
	*need = HEAD;
	if (have < HEAD)
		return RECORD_MORE;
	length = (size_t)in[0] << 8 | in[1];
	if (length == 0 || length > RECORD_DATA_MAX ||
	    r->count >= RECORD_COUNT_MAX)
		return RECORD_BAD;
	*need = record_size(r, length);
	if (have < *need)
		return RECORD_MORE;
	if (open_body(r, in, length, out) < 0)
		return RECORD_BAD;
	*n = length;
	r->count++;
	return RECORD_OPENED;
}
