/* modem/hello.c: hellos are found behind any junk, byte by byte; damage is
 * noticed, and the next one is found all the same.  SEED=n repeats the random
 * part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "modem/crc.h"
#include "modem/hello.h"

#define ROWS(t) (sizeof(t) / sizeof *(t))

enum { NONE = 0, SIGN = 2, ENCRYPT = 4 }; /* in the flags */

static const struct hello_row {
	const char *name;
	struct hello h;
	unsigned fill; /* the Noise message counts up from here */
	size_t length; /* what fixed[3] must become */
} hello_rows[] = {
	{"caller, encrypt", {.fixed = {1, ENCRYPT, 0, 0}}, 0x40, 48},
	{"answerer, encrypt", {.fixed = {1, ENCRYPT | HELLO_ANSWERER, 1, 0}},
	    0x70, 48},
	{"all values that are escaped", {.fixed = {1, ENCRYPT, 0x87, 0}}, 0,
	    48},
	{"... with bit 7", {.fixed = {1, ENCRYPT, 0x87, 0}}, 0x80, 48},
	{"... and 0xFF", {.fixed = {1, ENCRYPT, 0xff, 0}}, 0xd0, 48},
	{"a name is not sent with encrypt",
	    {.fixed = {1, ENCRYPT, 0, 0}, .name = "hub"}, 1, 48},
	{"sign, with a call sign",
	    {.fixed = {1, SIGN | HELLO_HALF, 0, 0}, .name = "OE1XYZ"}, 2, 55},
	{"none", {.fixed = {1, NONE, 0, 0}, .name = "hub"}, 0, 4},
	{"none, without a name", {.fixed = {1, NONE, 0, 0}}, 0, 1},
	{"the longest name", {.fixed = {1, SIGN, 7, 0},
	    .name = "abcdefghijklmnopqrstuvwxyz012345"}, 3, 81},
	{"refused", {.fixed = {1, ENCRYPT | HELLO_ANSWERER | HELLO_REFUSED, 0,
	    0}, .reason = 1}, 0, 1},
	{"flags of a later version", {.fixed = {2, ENCRYPT | 0xe0, 0, 0}}, 5,
	    48},
};

struct wire {
	size_t n;
	uint8_t p[HELLO_WIRE_MAX + 1];
};

/* A row's hello, and its bytes on the line. */
static struct hello hello_of(const struct hello_row *r, struct wire *w)
{
	struct hello h = r->h;

	for (unsigned i = 0; i < NOISE_MESSAGE; i++)
		h.noise[i] = (uint8_t)(r->fill + i);
	w->n = hello_write(&h, w->p);
	assert_true(w->n <= HELLO_WIRE_MAX);
	/* what the other side is to see */
	if (h.fixed[1] & HELLO_REFUSED || (h.fixed[1] & HELLO_SECURITY) == NONE)
		memset(h.noise, 0, sizeof(h.noise));
	if (h.fixed[1] & HELLO_REFUSED ||
	    (h.fixed[1] & HELLO_SECURITY) == ENCRYPT)
		memset(h.name, 0, sizeof(h.name));
	return h;
}

/* Feed n bytes; how often each was said, and what the last byte said. */
struct said {
	unsigned count[HELLO_BAD + 1];
	enum hello_got last;
	struct hello h;
};

static void feed(struct hello_reader *r, const uint8_t *p, size_t n,
    struct said *s)
{
	for (size_t i = 0; i < n; i++) {
		s->last = hello_feed(r, p[i], &s->h);
		s->count[s->last]++;
	}
}

static struct said feed_new(const uint8_t *p, size_t n)
{
	struct hello_reader r;
	struct said s = {0};

	hello_reader_init(&r);
	feed(&r, p, n, &s);
	return s;
}

/* w is found, at its last byte and not before. */
static void expect_hello(struct hello_reader *r, const struct wire *w,
    const struct hello *h)
{
	struct said s = {0};

	feed(r, w->p, w->n, &s);
	assert_int_equal(s.last, HELLO_WHOLE);
	assert_int_equal(s.count[HELLO_WHOLE], 1);
	assert_memory_equal(&s.h, h, sizeof(*h));
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(hello_rows); i++) {
		const struct hello_row *row = &hello_rows[i];
		struct hello_reader r;
		struct wire w;
		struct hello h = hello_of(row, &w), length = row->h;

		print_message("%s\n", row->name);
		assert_int_equal(h.fixed[3], row->length);
		hello_set_length(&length);
		assert_int_equal(length.fixed[3], row->length);
		hello_reader_init(&r);
		expect_hello(&r, &w, &h);
		expect_hello(&r, &w, &h); /* repeated */
		for (size_t k = 0; k < w.n; k++)
			assert_null(memchr("\x10\x11\x13\x90\x91\x93\xff",
			    w.p[k], 7));
	}
}

/* Byte for byte.  Python: zlib.crc32(bytes([1, 0, 0x11, 4]) + b"\3hub") */
static void test_bytes(void **state)
{
	struct hello h = {.fixed = {1, NONE, 0x11, 0}, .name = "hub"};
	uint8_t out[HELLO_WIRE_MAX];
	static const uint8_t want[] = {0x9d, 'd', 's', 1, 0, 0x18, 0x51, 4, 3,
	    'h', 'u', 'b', 0x31, 0x07, 0x18, 0x50, 0xb8};

	(void)state;
	assert_int_equal(hello_write(&h, out), sizeof(want));
	assert_memory_equal(out, want, sizeof(want));
}

#define J(s) s, sizeof(s) - 1
static const struct junk_row {
	const char *name, *p;
	size_t n;
} junk_rows[] = {
	{"nothing", J("")},
	{"a login prompt", J("\r\nCONNECT 33600\r\nDebian\r\n\r\nlogin: ")},
	{"the first byte", J("\x9d")},
	{"the first byte three times", J("\x9d\x9d\x9d")},
	{"two bytes", J("\x9d" "d")},
	{"two bytes and the first", J("\x9d" "d\x9d")},
	{"a magic", J("\x9d" "ds")},
	{"three magics", J("\x9d" "ds\x9d" "ds\x9d" "ds")},
	{"more magics than candidates",
	    J("\x9d" "ds\x9d" "ds\x9d" "ds\x9d" "ds\x9d" "ds\x9d" "ds"
	    "\x9d" "ds\x9d" "ds\x9d" "ds\x9d" "ds\x9d" "ds\x9d" "ds")},
	{"a magic and the longest length", J("\x9d" "ds\1\4\0\xc8")},
	{"a magic and too great a length", J("\x9d" "ds\1\4\0\xc9")},
	{"ZDLE", J("\x18")},
	{"ZDLE in a candidate", J("\x9d" "ds\1\4\x18")},
	{"CANs of ZMODEM", J("\x18\x18\x18\x18\x18\x18\x18\x18")},
	{"telnet's options", J("\xff\xfd\x18\xff\xfb\x01")},
	{"XON", J("\x11")},
	{"seven bits", J("\x1d" "ds\1\4")},
};

static void test_junk(void **state)
{
	(void)state;
	for (size_t j = 0; j < ROWS(junk_rows); j++)
		for (size_t i = 0; i < ROWS(hello_rows); i++) {
			const struct junk_row *row = &junk_rows[j];
			struct hello_reader r;
			struct said s = {0};
			struct wire w;
			struct hello h = hello_of(&hello_rows[i], &w);

			if (i == 0)
				print_message("%s\n", row->name);
			hello_reader_init(&r);
			feed(&r, (const uint8_t *)row->p, row->n, &s);
			assert_int_equal(s.count[HELLO_WHOLE], 0);
			expect_hello(&r, &w, &h);
		}
}

/* Any beginning of a hello, and any end, then a whole one. */
static void test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(hello_rows); i++) {
		struct wire w;
		struct hello h = hello_of(&hello_rows[i], &w);

		for (size_t cut = 0; cut < w.n; cut++) {
			struct hello_reader r;
			struct said s = {0};

			hello_reader_init(&r);
			feed(&r, w.p, cut, &s);
			assert_int_equal(s.count[HELLO_NOTHING], cut);
			expect_hello(&r, &w, &h);
			hello_reader_init(&r);
			feed(&r, w.p + cut + 1, w.n - cut - 1, &s);
			assert_int_equal(s.count[HELLO_NOTHING], w.n - 1);
			expect_hello(&r, &w, &h);
		}
	}
}

/* Each byte changed to others, left out, and doubled: it is not found, and the
 * repetition is.  (The fixed set's bare values are dropped: nothing changes
 * where they are put in.) */
static void damage(const struct hello_row *row, size_t at, unsigned how)
{
	struct hello_reader r;
	struct said s = {0};
	struct wire w, bad;
	struct hello h = hello_of(row, &w);

	bad = w;
	if (how < 8) {
		bad.p[at] ^= (uint8_t)(1u << how);
	} else if (how == 8) {
		memmove(bad.p + at, bad.p + at + 1, --bad.n - at);
	} else {
		memmove(bad.p + at + 1, bad.p + at, bad.n++ - at);
	}
	hello_reader_init(&r);
	feed(&r, bad.p, bad.n, &s);
	/* its last byte twice is a whole hello and one byte too many */
	if (!(how == 9 && (at == w.n - 1 || at == 0)))
		assert_int_equal(s.count[HELLO_WHOLE], 0);
	expect_hello(&r, &w, &h);
}

static void test_damage(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(hello_rows); i++) {
		struct wire w;

		hello_of(&hello_rows[i], &w);
		for (size_t at = 0; at < w.n; at++)
			for (unsigned how = 0; how < 10; how++) {
				if (how == 9 && at + 1 < w.n &&
				    w.p[at] == w.p[at + 1] && at == w.n - 2)
					continue; /* the same as the last */
				damage(&hello_rows[i], at, how);
			}
	}
}

/* Flow control of the line's equipment anywhere, escapes included. */
static void test_xon(void **state)
{
	static const uint8_t flow[] = {0x11, 0x13, 0x91, 0x93};

	(void)state;
	for (size_t i = 0; i < ROWS(hello_rows); i++) {
		struct wire w;
		struct hello h = hello_of(&hello_rows[i], &w);

		for (size_t at = 0; at < w.n; at++)
			for (size_t f = 0; f < sizeof(flow); f++) {
				struct hello_reader r;
				struct wire x = w;

				memmove(x.p + at + 1, x.p + at, x.n++ - at);
				x.p[at] = flow[f];
				hello_reader_init(&r);
				expect_hello(&r, &x, &h);
			}
	}
}

enum parity { SPACE, EVEN, MARK };

static uint8_t with_parity(uint8_t v, enum parity p)
{
	unsigned ones = 0;

	v &= 0x7f;
	for (unsigned b = 0; b < 7; b++)
		ones += v >> b & 1;
	if (p == MARK || (p == EVEN && ones % 2))
		v |= 0x80;
	return v;
}

static void test_seven_bits(void **state)
{
	(void)state;
	for (int p = SPACE; p <= MARK; p++) {
		struct said s;
		struct wire w;

		hello_of(&hello_rows[0], &w);
		for (size_t i = 0; i < w.n; i++)
			w.p[i] = with_parity(w.p[i], p);
		s = feed_new(w.p, w.n);
		assert_int_equal(s.count[HELLO_SEVEN_BIT], 1);
		assert_int_equal(s.count[HELLO_NOTHING], w.n - 1);
		/* said at once */
		assert_int_equal(feed_new(w.p, 3).last, HELLO_SEVEN_BIT);
	}
}

/* ---- bodies that hello_write() does not write, with the right CRC ---- */

static struct wire seal(const uint8_t *p, size_t n)
{
	struct wire w = {3, {0x9d, 'd', 's'}};
	uint8_t b[300];
	uint32_t crc = crc32_add(0, p, n);

	memcpy(b, p, n);
	for (unsigned i = 0; i < 4; i++)
		b[n++] = (uint8_t)(crc >> (24 - 8 * i));
	w.n += stuff_encode(STUFF_HELLO, b, n, w.p + 3);
	return w;
}

static const struct body_row {
	const char *name;
	uint8_t flags;
	size_t n;         /* the body's length */
	const char *name_bytes; /* the last of them, from `at` on */
	size_t n_name, at;
	enum hello_got got;
	const char *got_name;
} body_rows[] = {
	{"more behind the Noise message", ENCRYPT, 80, J(""), 0, HELLO_WHOLE,
	    ""},
	{"the most behind it", ENCRYPT, 200, J(""), 0, HELLO_WHOLE, ""},
	{"more than that", ENCRYPT, 201, J(""), 0, HELLO_BAD, NULL},
	{"255", ENCRYPT, 255, J(""), 0, HELLO_BAD, NULL},
	{"no Noise message", ENCRYPT, 0, J(""), 0, HELLO_BAD, NULL},
	{"half a Noise message", ENCRYPT, 47, J(""), 0, HELLO_BAD, NULL},
	{"sign without a name's length", SIGN, 48, J(""), 0, HELLO_BAD, NULL},
	{"none without a name's length", NONE, 0, J(""), 0, HELLO_BAD, NULL},
	{"more behind the name", NONE, 20, J("\3hub"), 0, HELLO_WHOLE, "hub"},
	{"more behind the name, sign", SIGN, 70, "\3hub", 4, 48, HELLO_WHOLE,
	    "hub"},
	{"a name longer than the body", NONE, 3, J("\3hu"), 0, HELLO_BAD,
	    NULL},
	{"a name of 33", NONE, 34, J("\41abcdefghijklmnopqrstuvwxyz0123456"),
	    0, HELLO_BAD, NULL},
	{"a name of 180", NONE, 181, J("\264abc"), 0, HELLO_BAD, NULL},
	{"a name with a slash", NONE, 5, J("\4../x"), 0, HELLO_BAD, NULL},
	{"a name with NUL", NONE, 5, J("\4hu\0b"), 0, HELLO_BAD, NULL},
	{"a name with a control", NONE, 5, J("\4hu\33b"), 0, HELLO_BAD, NULL},
	{"refused without a reason", HELLO_REFUSED, 0, J(""), 0, HELLO_BAD,
	    NULL},
	{"more behind the reason", HELLO_REFUSED | ENCRYPT, 9, J(""), 0,
	    HELLO_WHOLE, ""},
	{"security 3, whatever that is", 6, 10, J(""), 0, HELLO_WHOLE, ""},
};
#undef J

static void test_bodies(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(body_rows); i++) {
		const struct body_row *row = &body_rows[i];
		uint8_t b[4 + 255] = {1, row->flags, 0, (uint8_t)row->n};
		struct wire w;
		struct said s;

		print_message("%s\n", row->name);
		memset(b + 4, 0x42, row->n);
		memcpy(b + 4 + row->at, row->name_bytes, row->n_name);
		w = seal(b, 4 + row->n);
		s = feed_new(w.p, w.n);
		assert_int_equal(s.count[row->got], 1);
		assert_int_equal(s.count[HELLO_NOTHING], w.n - 1);
		if (row->got != HELLO_WHOLE)
			continue;
		assert_int_equal(s.last, HELLO_WHOLE);
		assert_string_equal(s.h.name, row->got_name);
		assert_int_equal(s.h.fixed[3], row->n);
		assert_int_equal(s.h.noise[47],
		    row->flags == ENCRYPT || row->flags == SIGN ? 0x42 : 0);
		assert_int_equal(s.h.reason,
		    row->flags & HELLO_REFUSED ? 0x42 : 0);
	}
}

/* Magics by chance in what a hello carries. */
static void test_magics_inside(void **state)
{
	(void)state;
	for (size_t magics = 0; magics < HELLO_CANDIDATES; magics++) {
		uint8_t b[4 + NOISE_MESSAGE] = {1, ENCRYPT, 0, NOISE_MESSAGE};
		struct wire w;
		struct said s;

		for (size_t i = 0; i < magics; i++)
			memcpy(b + 4 + 5 * i, "\x9d" "ds", 3);
		w = seal(b, sizeof(b));
		s = feed_new(w.p, w.n);
		assert_int_equal(s.last, HELLO_WHOLE);
		assert_memory_equal(s.h.noise, b + 4, NOISE_MESSAGE);
	}
}

static unsigned seed;

/* Any bytes, many of which look like the beginning of something. */
static void test_random(void **state)
{
	static const uint8_t liked[] = {0x9d, 'd', 's', 0x18, 1, 4, 0, 48, 0x1d,
	    0x11, 200, 0xd1};
	struct hello_reader r;
	struct said s = {0};

	(void)state;
	srand(seed);
	hello_reader_init(&r);
	for (unsigned round = 0; round < 2000; round++) {
		struct wire w;
		struct hello h =
		    hello_of(&hello_rows[round % ROWS(hello_rows)], &w);

		for (unsigned n = (unsigned)rand() % 700; n; n--) {
			uint8_t v = (uint8_t)(rand() >> 7);

			if (v & 1)
				v = liked[v / 2 % sizeof(liked)];
			feed(&r, &v, 1, &s);
		}
		assert_int_equal(s.count[HELLO_WHOLE], 0);
		expect_hello(&r, &w, &h);
	}
	assert_true(s.count[HELLO_BAD] > 0);
	assert_true(s.count[HELLO_SEVEN_BIT] > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The fuzzer's own checks, with random scripts. */
static void test_scripts(void **state)
{
	(void)state;
	srand(seed);
	for (unsigned round = 0; round < 20000; round++) {
		uint8_t script[600];
		size_t n = (size_t)rand() % sizeof(script);

		for (size_t i = 0; i < n; i++)
			script[i] = (uint8_t)(rand() >> 7);
		/* the first piece a hello that can be right */
		if (n > 4 + NOISE_MESSAGE && round % 2)
			memcpy(script, "\1\63\1\4", 4);
		LLVMFuzzerTestOneInput(script, n);
	}
}

int main(void)
{
	const char *text = getenv("SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_junk),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_xon),
		cmocka_unit_test(test_seven_bits),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_magics_inside),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_scripts),
	};

	seed = text ? (unsigned)strtoul(text, NULL, 10) : (unsigned)time(NULL);
	print_message("SEED=%u\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
