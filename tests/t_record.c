/* modem/record.c: what was sealed opens once and in order, in its direction,
 * and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "modem/record.h"

static const uint8_t key[32] = "the key of one of the directions";
static const uint8_t other_key[32] = "the key of the other direction..";
static const uint8_t bind[4] = {1, 5, 7, 48};

static const char *const names[] = {"none", "sign", "encrypt"};

static struct record begin(enum record_security s)
{
	struct record r;

	record_init(&r, s, key, bind);
	return r;
}

static void fill(uint8_t *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(seed + i * 7 + (i >> 8));
}

static void expect_open(struct record *r, const uint8_t *in, size_t have,
    const uint8_t *want, size_t n_want)
{
	uint8_t out[RECORD_DATA_MAX];
	size_t need, n;
	uint64_t count = r->count;

	assert_int_equal(
	    record_open(r, in, have, &need, out, &n), RECORD_OPENED);
	assert_int_equal(n, n_want);
	assert_memory_equal(out, want, n);
	assert_int_equal(need, record_size(r, n));
	assert_int_equal(r->count, count + 1);
}

static void expect_bad(struct record *r, const uint8_t *in, size_t have)
{
	struct record before = *r;
	uint8_t out[RECORD_DATA_MAX];
	size_t need, n;

	assert_int_equal(record_open(r, in, have, &need, out, &n), RECORD_BAD);
	assert_int_equal(n, 0);
	assert_memory_equal(r, &before, sizeof(before));
}

static const size_t sizes[] = {1, 2, 15, 16, 17, 255, 256, 257, 1000, 4095,
    4096};

static void test_sizes(void **state)
{
	static uint8_t data[RECORD_DATA_MAX], sealed[RECORD_MAX];

	(void)state;
	for (int s = RECORD_NONE; s <= RECORD_ENCRYPT; s++) {
		struct record a = begin(s), b = begin(s);

		print_message("%s\n", names[s]);
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			size_t n = sizes[i], size;

			fill(data, n, (unsigned)i);
			size = record_seal(&a, data, n, sealed);
			assert_int_equal(size, record_size(&a, n));
			assert_int_equal(size, 2 + n + (s ? 16 : 0));
			assert_int_equal(sealed[0] << 8 | sealed[1], n);
			expect_open(&b, sealed, size, data, n);
		}
		assert_int_equal(record_seal(&a, data, 0, sealed), 0);
		assert_int_equal(record_seal(&a, data, 4097, sealed), 0);
	}
}

/* Whether the data can be seen. */
static void test_clear(void **state)
{
	static const char text[] = "DE OE1XYZ, in clear as the rules want it";
	uint8_t sealed[RECORD_MAX];

	(void)state;
	for (int s = RECORD_NONE; s <= RECORD_ENCRYPT; s++) {
		struct record a = begin(s);

		record_seal(&a, text, sizeof(text), sealed);
		assert_int_equal(memcmp(sealed + 2, text, sizeof(text)) == 0,
		    s != RECORD_ENCRYPT);
	}
}

/* Byte for byte, so that another program can be held against it.  Python:
 *	from cryptography.hazmat.primitives.ciphers.aead import *
 *	c = ChaCha20Poly1305(b"the key of one of the directions")
 *	N = lambda i: bytes(4) + i.to_bytes(8, "little")
 *	L = b"\0\5"; B = bytes([1, 5, 7, 48])
 *	c.encrypt(N(0), b"HELLO", L + B); c.encrypt(N(1), b"HELLO", L)
 *	c.encrypt(N(0), b"", L + B + b"HELLO"); ...N(1), b"", L + b"HELLO" */
static const struct byte_row {
	const char *name;
	enum record_security security;
	uint64_t count;
	const char *hex;
} byte_rows[] = {
	{"none", RECORD_NONE, 0, "000548454c4c4f"},
	{"encrypt, record 0", RECORD_ENCRYPT, 0,
	    "0005309fe2392469f571700f45fc7d75ea8363ba474b6d"},
	{"encrypt, record 1", RECORD_ENCRYPT, 1,
	    "0005b2e725d6037a79e07ee75dc3bb1d2697296a18d5f0"},
	{"encrypt, record 0x01020304", RECORD_ENCRYPT, 0x01020304,
	    "00059cdd951ce2c0cf406c126773fabc95c03e11c852ab"},
	{"sign, record 0", RECORD_SIGN, 0,
	    "000548454c4c4f344f17b6ed711061b63fa7f7c470c9e9"},
	{"sign, record 1", RECORD_SIGN, 1,
	    "000548454c4c4fda841befb1f7d13f95ebb566c30c5d8e"},
};

static void test_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof byte_rows / sizeof *byte_rows; i++) {
		const struct byte_row *r = &byte_rows[i];
		struct record a = begin(r->security);
		uint8_t sealed[RECORD_MAX];
		char hex[100];
		size_t n;

		print_message("%s\n", r->name);
		a.count = r->count;
		n = record_seal(&a, "HELLO", 5, sealed);
		sodium_bin2hex(hex, sizeof(hex), sealed, n);
		assert_string_equal(hex, r->hex);
	}
}

/* Two records of 5 bytes each. */
struct two {
	struct record r; /* the receiver */
	size_t n;        /* of each */
	uint8_t p[2][RECORD_MAX];
};

static struct two seal_two(enum record_security s)
{
	struct record a = begin(s);
	struct two t = {.r = begin(s)};

	t.n = record_seal(&a, "HELLO", 5, t.p[0]);
	assert_int_equal(record_seal(&a, "AGAIN", 5, t.p[1]), t.n);
	return t;
}

/* What a receiver says at each byte, and with more behind. */
static void test_more(void **state)
{
	(void)state;
	for (int s = RECORD_NONE; s <= RECORD_ENCRYPT; s++) {
		struct two t = seal_two(s);
		uint8_t out[RECORD_DATA_MAX], both[2 * RECORD_MAX];
		size_t need, n;

		for (size_t have = 0; have < t.n; have++) {
			assert_int_equal(record_open(&t.r, t.p[0], have, &need,
			    out, &n), RECORD_MORE);
			assert_int_equal(need, have < 2 ? 2 : t.n);
			assert_int_equal(t.r.count, 0);
		}
		memcpy(both, t.p[0], t.n);
		memcpy(both + t.n, t.p[1], t.n);
		for (size_t more = 0; more <= t.n; more++) {
			t.r.count = 0;
			expect_open(&t.r, both, t.n + more,
			    (const uint8_t *)"HELLO", 5);
		}
	}
}

/* Every bit but the length's, which is another table. */
static void test_damage(void **state)
{
	(void)state;
	for (int s = RECORD_SIGN; s <= RECORD_ENCRYPT; s++) {
		struct two t = seal_two(s);

		for (size_t bit = 16; bit < 8 * t.n; bit++) {
			t.p[0][bit / 8] ^= (uint8_t)(1u << bit % 8);
			expect_bad(&t.r, t.p[0], t.n);
			t.p[0][bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		/* and the place can be tried again */
		expect_open(&t.r, t.p[0], t.n, (const uint8_t *)"HELLO", 5);
		expect_open(&t.r, t.p[1], t.n, (const uint8_t *)"AGAIN", 5);
	}
}

static const struct length_row {
	const char *name;
	uint8_t p[2];
	enum record_got got;
	size_t need; /* without the tag */
} length_rows[] = {
	{"0 is impossible", {0, 0}, RECORD_BAD, 2},
	{"1", {0, 1}, RECORD_MORE, 3},
	{"4,096 is the longest", {0x10, 0}, RECORD_MORE, 4098},
	{"4,097 is impossible", {0x10, 1}, RECORD_BAD, 2},
	{"bit 13", {0x20, 1}, RECORD_BAD, 2},
	{"bit 15", {0x80, 1}, RECORD_BAD, 2},
	{"all bits", {0xff, 0xff}, RECORD_BAD, 2},
};

static void test_length(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof length_rows / sizeof *length_rows; i++)
		for (int s = RECORD_NONE; s <= RECORD_ENCRYPT; s++) {
			const struct length_row *r = &length_rows[i];
			struct record b = begin(s);
			uint8_t out[RECORD_DATA_MAX];
			size_t need, n, tag = s && r->need > 2 ? 16 : 0;

			print_message("%s: %s\n", names[s], r->name);
			assert_int_equal(record_open(&b, r->p, 2, &need, out,
			    &n), r->got);
			assert_int_equal(need, r->need + tag);
			assert_int_equal(b.count, 0);
		}
}

/* A length that was made another, with all its bytes there. */
static void test_length_changed(void **state)
{
	static uint8_t sealed[2 * RECORD_MAX], data[1000];

	(void)state;
	for (int s = RECORD_SIGN; s <= RECORD_ENCRYPT; s++) {
		struct record a = begin(s), b = begin(s);
		size_t size;

		memset(sealed, 0, sizeof(sealed));
		size = record_seal(&a, data, sizeof(data), sealed);
		for (unsigned n = 1; n <= RECORD_DATA_MAX; n++) {
			if (n == sizeof(data))
				continue;
			sealed[0] = (uint8_t)(n >> 8);
			sealed[1] = (uint8_t)n;
			expect_bad(&b, sealed, record_size(&b, n));
		}
		assert_int_equal(size, 2 + 1000 + 16);
	}
}

enum trick { OVERTAKE, REPLAY, REFLECT, OTHER_HELLO, OTHER_HELLO_LATER,
	OTHER_SECURITY, OTHER_TAG };

static const struct trick_row {
	const char *name;
	enum trick trick;
	bool opens;
} trick_rows[] = {
	{"record 1 before record 0", OVERTAKE, false},
	{"record 0 again", REPLAY, false},
	{"our own record comes back", REFLECT, false},
	{"the answerer's hello was changed under way", OTHER_HELLO, false},
	{"... record 1 does not look at that", OTHER_HELLO_LATER, true},
	{"signed is not encrypted, nor the other way", OTHER_SECURITY, false},
	{"the tag of another record", OTHER_TAG, false},
};

static void try_trick(enum trick trick, struct two *t)
{
	switch (trick) {
	case OVERTAKE:
		memcpy(t->p[0], t->p[1], t->n);
		break;
	case REPLAY:
		t->r.count = 1;
		break;
	case REFLECT:
		memcpy(t->r.key, other_key, sizeof(other_key));
		break;
	case OTHER_HELLO_LATER:
		memcpy(t->p[0], t->p[1], t->n);
		t->r.count = 1;
		/* fall through */
	case OTHER_HELLO:
		t->r.bind[2] ^= 1;
		break;
	case OTHER_SECURITY:
		t->r.security = t->r.security == RECORD_SIGN ? RECORD_ENCRYPT
							     : RECORD_SIGN;
		break;
	case OTHER_TAG:
		memcpy(t->p[0] + t->n - 16, t->p[1] + t->n - 16, 16);
		break;
	}
}

static void test_tricks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof trick_rows / sizeof *trick_rows; i++)
		for (int s = RECORD_SIGN; s <= RECORD_ENCRYPT; s++) {
			const struct trick_row *r = &trick_rows[i];
			struct two t = seal_two(s);

			print_message("%s: %s\n", names[s], r->name);
			try_trick(r->trick, &t);
			if (r->opens)
				expect_open(&t.r, t.p[0], t.n,
				    (const uint8_t *)"AGAIN", 5);
			else
				expect_bad(&t.r, t.p[0], t.n);
		}
}

/* Each byte of the hello counts. */
static void test_bind(void **state)
{
	(void)state;
	for (int s = RECORD_SIGN; s <= RECORD_ENCRYPT; s++)
		for (size_t bit = 0; bit < 32; bit++) {
			struct two t = seal_two(s);

			t.r.bind[bit / 8] ^= (uint8_t)(1u << bit % 8);
			expect_bad(&t.r, t.p[0], t.n);
		}
}

/* The last record is number 2^32 - 1. */
static void test_count(void **state)
{
	(void)state;
	for (int s = RECORD_NONE; s <= RECORD_ENCRYPT; s++) {
		struct record a = begin(s), b = begin(s);
		uint8_t sealed[RECORD_MAX];
		size_t n;

		a.count = b.count = RECORD_COUNT_MAX - 1;
		n = record_seal(&a, "x", 1, sealed);
		assert_int_equal(n, record_size(&a, 1));
		expect_open(&b, sealed, n, (const uint8_t *)"x", 1);
		assert_int_equal(record_seal(&a, "x", 1, sealed), 0);
		assert_int_equal(a.count, RECORD_COUNT_MAX);
		expect_bad(&b, sealed, n);
	}
}

static void test_wipe(void **state)
{
	struct record r = begin(RECORD_ENCRYPT), zero = {0};

	(void)state;
	record_wipe(&r);
	assert_memory_equal(&r, &zero, sizeof(r));
	record_init(&r, RECORD_NONE, NULL, bind);
	assert_memory_equal(r.key, zero.key, sizeof(r.key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_clear),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_more),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_length_changed),
		cmocka_unit_test(test_tricks),
		cmocka_unit_test(test_bind),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_wipe),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
