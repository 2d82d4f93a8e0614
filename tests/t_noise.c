/* modem/noise.c: the published vector of this pattern, and what must not
 * open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "modem/noise.h"

/* Noise_NNpsk0_25519_ChaChaPoly_SHA256 of vectors/cacophony.txt, the vectors
 * of the Haskell library cacophony (github.com/haskell-cryptography/cacophony,
 * commit 36c1e5c3; the handshake's hash was added later, commit 8ee9d41e),
 * which snow and others are held against too. */
static const char prologue_hex[] = "4a6f686e2047616c74";
static const char psk_hex[] =
    "54686973206973206d7920417573747269616e20706572737065637469766521";
static const char caller_hex[] =
    "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a";
static const char answerer_hex[] =
    "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b";
static const char hash_hex[] =
    "f4d03dc34495c95729ea6de9e1b59004b59733102488b3e24bc441e0be208eaf";

/* The first two are the handshake; the rest are sent in turn, the caller's
 * first. */
static const struct message_row {
	const char *payload, *ciphertext;
} rows[] = {
	{"4c756477696720766f6e204d69736573",
	    "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944"
	    "79b962b8aff8485742ac32f905ba45369e2465fb59e138a93d67a0d1266b6a54"},
	{"4d757272617920526f746862617264",
	    "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843"
	    "d6062704d5a9c422a8e834423f8c1feada7e8d0d910a1a2cd030fb584221e3"},
	{"462e20412e20486179656b",
	    "e632c3763d7669067383433197a3baddf146e9e70ad4b4e9e59e0f"},
	{"4361726c204d656e676572",
	    "64c6bee32ea91c8474bb4c21d7a700109ad45af77b29764ba5eb1e"},
	{"4a65616e2d426170746973746520536179",
	    "e2fa0bed0603b62d3ccac2ecabbf3fe33f3e86514909b323361626266cb2471cc8"},
	{"457567656e2042f6686d20766f6e2042617765726b",
	    "0c01dc9cec1fe4ddd692e8dd32188aa351088dc91183639a53b57aa4692b5ebd"
	    "ef8b8ca111"},
};

struct bytes {
	size_t n;
	uint8_t p[100];
};

static struct bytes unhex(const char *hex)
{
	struct bytes b;

	assert_int_equal(sodium_hex2bin(b.p, sizeof(b.p), hex, strlen(hex),
	    NULL, &b.n, NULL), 0);
	return b;
}

static void assert_hex(const uint8_t *p, size_t n, const char *hex)
{
	struct bytes b = unhex(hex);

	assert_int_equal(n, b.n);
	assert_memory_equal(p, b.p, n);
}

static struct noise begin(bool caller)
{
	struct bytes prologue = unhex(prologue_hex), psk = unhex(psk_hex);
	struct bytes seed = unhex(caller ? caller_hex : answerer_hex);
	struct noise s;

	noise_init(&s, caller, psk.p, prologue.p, prologue.n, seed.p);
	return s;
}

/* One handshake message of the vector, written and read. */
static void shake(struct noise *from, struct noise *to,
    const struct message_row *r)
{
	struct bytes payload = unhex(r->payload);
	uint8_t out[100], back[100];

	noise_write(from, payload.p, payload.n, out);
	assert_hex(out, payload.n + NOISE_MESSAGE, r->ciphertext);
	assert_int_equal(
	    noise_read(to, out, payload.n + NOISE_MESSAGE, back), 0);
	assert_memory_equal(back, payload.p, payload.n);
}

/* One transport message of the vector: nothing is associated. */
static void carry(const uint8_t send[NOISE_KEY], const uint8_t open[NOISE_KEY],
    uint8_t count, const struct message_row *r)
{
	struct bytes payload = unhex(r->payload);
	uint8_t nonce[12] = {[4] = count}, out[100], back[100];
	unsigned long long n;

	crypto_aead_chacha20poly1305_ietf_encrypt(out, &n, payload.p,
	    payload.n, NULL, 0, NULL, nonce, send);
	assert_hex(out, n, r->ciphertext);
	assert_int_equal(crypto_aead_chacha20poly1305_ietf_decrypt(back, &n,
	    NULL, out, n, NULL, 0, nonce, open), 0);
	assert_int_equal(n, payload.n);
	assert_memory_equal(back, payload.p, n);
}

static void test_vector(void **state)
{
	struct noise c = begin(true), a = begin(false);
	uint8_t c_out[NOISE_KEY], c_in[NOISE_KEY], a_out[NOISE_KEY],
	    a_in[NOISE_KEY];

	(void)state;
	shake(&c, &a, &rows[0]);
	shake(&a, &c, &rows[1]);
	assert_hex(c.h, sizeof(c.h), hash_hex);
	assert_hex(a.h, sizeof(a.h), hash_hex);
	noise_split(&c, c_out, c_in);
	noise_split(&a, a_out, a_in);
	carry(c_out, a_in, 0, &rows[2]);
	carry(a_out, c_in, 0, &rows[3]);
	carry(c_out, a_in, 1, &rows[4]);
	carry(a_out, c_in, 1, &rows[5]);
	assert_memory_not_equal(c_out, c_in, NOISE_KEY);
}

/* The messages of dialsync: no payloads. */
static void test_empty(void **state)
{
	struct noise c = begin(true), a = begin(false);
	uint8_t m[NOISE_MESSAGE];

	(void)state;
	noise_write(&c, NULL, 0, m);
	assert_int_equal(noise_read(&a, m, sizeof(m), NULL), 0);
	noise_write(&a, NULL, 0, m);
	assert_int_equal(noise_read(&c, m, sizeof(m), NULL), 0);
	assert_memory_equal(c.h, a.h, sizeof(c.h));
	assert_memory_equal(c.ck, a.ck, sizeof(c.ck));
}

/* m does not open, and s can still read what does. */
static void expect_closed(struct noise *s, const uint8_t *m, size_t n)
{
	struct noise before = *s;
	uint8_t out[100];

	assert_int_equal(noise_read(s, m, n, out), -1);
	assert_memory_equal(s, &before, sizeof(before));
}

/* Each bit of both messages, each shorter length, and more behind. */
static void damage(struct noise *to, const struct message_row *r)
{
	struct bytes m = unhex(r->ciphertext);
	uint8_t out[100];

	for (size_t bit = 0; bit < 8 * m.n; bit++) {
		/* the group ignores its top bit; the hash does not */
		m.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		expect_closed(to, m.p, m.n);
		m.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t n = 0; n < m.n; n++)
		expect_closed(to, m.p, n);
	m.p[m.n] = 0;
	expect_closed(to, m.p, m.n + 1);
	assert_int_equal(noise_read(to, m.p, m.n, out), 0);
}

static void test_damage(void **state)
{
	struct noise c = begin(true), a = begin(false);
	struct bytes payload = unhex(rows[0].payload);
	uint8_t out[100];

	(void)state;
	damage(&a, &rows[0]);
	noise_write(&c, payload.p, payload.n, out);
	damage(&c, &rows[1]);
	assert_hex(c.h, sizeof(c.h), hash_hex);
}

/* What differs between the two sides. */
static const struct other_row {
	const char *name;
	const char *prologue;
	size_t n;
	unsigned psk_bit; /* 256: none */
	bool opens;
} other_rows[] = {
	{"nothing", "John Galt", 9, 256, true},
	{"first bit of the psk", "John Galt", 9, 0, false},
	{"last bit of the psk", "John Galt", 9, 255, false},
	{"a prologue that is longer", "John Galt", 10, 256, false},
	{"a prologue that is shorter", "John Galt", 8, 256, false},
	{"no prologue", "", 0, 256, false},
	{"another prologue", "John Galu", 9, 256, false},
};

static void test_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof other_rows / sizeof *other_rows; i++) {
		const struct other_row *r = &other_rows[i];
		struct bytes psk = unhex(psk_hex), seed = unhex(answerer_hex);
		struct noise c = begin(true), a;
		uint8_t m[NOISE_MESSAGE];

		print_message("%s\n", r->name);
		if (r->psk_bit < 256)
			psk.p[r->psk_bit / 8] ^=
			    (uint8_t)(1u << r->psk_bit % 8);
		noise_init(&a, false, psk.p, r->prologue, r->n, seed.p);
		noise_write(&c, NULL, 0, m);
		if (!r->opens) {
			expect_closed(&a, m, sizeof(m));
			continue;
		}
		assert_int_equal(noise_read(&a, m, sizeof(m), NULL), 0);
	}
}

/* One's own message is not an answer, nor is an answer to another call. */
static void test_not_for_us(void **state)
{
	struct noise c = begin(true), c2 = begin(true), a = begin(false);
	struct bytes prologue = unhex(prologue_hex), psk = unhex(psk_hex);
	uint8_t seed[32] = {1}, m[NOISE_MESSAGE], answer[NOISE_MESSAGE];

	(void)state;
	noise_write(&c, NULL, 0, m);
	expect_closed(&c, m, sizeof(m));
	noise_init(&c2, true, psk.p, prologue.p, prologue.n, seed);
	noise_write(&c2, NULL, 0, answer);
	expect_closed(&c, answer, sizeof(answer));
	assert_int_equal(noise_read(&a, answer, sizeof(answer), NULL), 0);
	noise_write(&a, NULL, 0, answer);
	expect_closed(&c, answer, sizeof(answer));
	assert_int_equal(noise_read(&c2, answer, sizeof(answer), NULL), 0);
}

/* The points with which any secret gives the same: someone who knows the psk
 * could fix the keys with them.  From RFC 7748's curve: of orders 1, 2, 4, 8
 * and 8, and those above the field's prime that are the same. */
static const char *const low_rows[] = {
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

static void test_low(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof low_rows / sizeof *low_rows; i++) {
		struct bytes low = unhex(low_rows[i]);
		struct noise c = begin(true), a = begin(false);
		uint8_t m[NOISE_MESSAGE];

		print_message("%s\n", low_rows[i]);
		/* a message that is right, but for its key */
		memcpy(c.e_pub, low.p, NOISE_KEY);
		noise_write(&c, NULL, 0, m);
		expect_closed(&a, m, sizeof(m));
	}
}

/* The same towards the caller: the tag is right, as ee is all zeros. */
static void test_low_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof low_rows / sizeof *low_rows; i++) {
		struct bytes low = unhex(low_rows[i]);
		struct noise c = begin(true), a = begin(false);
		uint8_t m[NOISE_MESSAGE];

		noise_write(&c, NULL, 0, m);
		assert_int_equal(noise_read(&a, m, sizeof(m), NULL), 0);
		memcpy(a.e_pub, low.p, NOISE_KEY);
		memset(a.ee, 0, sizeof(a.ee));
		noise_write(&a, NULL, 0, m);
		expect_closed(&c, m, sizeof(m));
	}
}

static void test_wipe(void **state)
{
	struct noise s = begin(true), zero = {0};

	(void)state;
	noise_wipe(&s);
	assert_memory_equal(&s, &zero, sizeof(s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_other),
		cmocka_unit_test(test_not_for_us),
		cmocka_unit_test(test_low),
		cmocka_unit_test(test_low_answer),
		cmocka_unit_test(test_wipe),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
