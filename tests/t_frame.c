/* modem/frame.c and modem/crc.c: known frames byte for byte, every byte value
 * through every coding, damage, splits.  SEED=n repeats the random part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "modem/crc.h"
#include "modem/frame.h"

static unsigned seed;

static struct frame_out out_at(uint8_t *p, size_t cap, bool controls)
{
	struct frame_out o = {p, 0, cap, 0, controls};

	return o;
}

static void test_crc(void **state)
{
	const uint8_t *digits = (const uint8_t *)"123456789";

	(void)state;
	/* Check values of CRC-16/XMODEM and CRC-32/ISO-HDLC. */
	assert_int_equal(crc16_add(0, digits, 9), 0x31c3);
	assert_int_equal(crc32_add(0, digits, 9), 0xcbf43926);
	assert_int_equal(crc16_add(crc16_add(0, digits, 4), digits + 4, 5),
	    0x31c3);
}

/* As any rz and sz send them. */
static const struct header_row {
	const char *name;
	enum frame_coding coding;
	enum frame_type type;
	uint8_t p[4];
	const char *bytes;
	size_t n;
} header_rows[] = {
#define B(s) s, sizeof s - 1
	{"ZRQINIT in hex", FRAME_HEX, ZRQINIT, {0, 0, 0, 0},
	    B("**\030B00000000000000\r\n\021")},
	{"ZRINIT of rz in hex", FRAME_HEX, ZRINIT, {0, 0, 0, 0x23},
	    B("**\030B0100000023be50\r\n\021")},
	{"ZRPOS 0 in hex", FRAME_HEX, ZRPOS, {0, 0, 0, 0},
	    B("**\030B0900000000a87c\r\n\021")},
	{"ZFIN in hex has no XON", FRAME_HEX, ZFIN, {0, 0, 0, 0},
	    B("**\030B0800000000022d\r\n")},
	{"ZDATA with CRC-16, position escaped", FRAME_BIN16, ZDATA,
	    {0x18, 0x11, 0, 0},
	    B("*\030A\n\030X\030Q\000\000\250\177")},
#undef B
};

static void test_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof header_rows / sizeof *header_rows; i++) {
		const struct header_row *r = &header_rows[i];
		uint8_t buf[FRAME_HEADER_ROOM];
		struct frame_out o = out_at(buf, sizeof buf, false);
		struct frame_parser f;
		size_t used;

		print_message("%s\n", r->name);
		assert_true(frame_put_header(&o, r->coding, r->type, r->p));
		if (r->coding == FRAME_HEX) {
			assert_int_equal(o.n, r->n);
			assert_memory_equal(buf, r->bytes, r->n);
		} else {
			assert_memory_equal(buf, r->bytes, 8);
		}
		frame_parser_init(&f);
		assert_int_equal(frame_read(&f, buf, o.n, &used),
		    FRAME_HEADER);
		assert_int_equal(f.header.type, r->type);
		assert_int_equal(f.header.coding, r->coding);
		assert_memory_equal(f.header.p, r->p, 4);
	}
}

/* What every good subpacket must hold, if set. */
static const uint8_t *expected_data;

/* Read all of buf, by step bytes; count what is found. */
static enum frame_found read_all(struct frame_parser *f, const uint8_t *p,
    size_t n, size_t step, int *headers, int *datas, int *bads)
{
	enum frame_found last = FRAME_NONE;

	for (size_t at = 0; at < n;) {
		size_t m = n - at < step ? n - at : step, used;
		enum frame_found found = frame_read(f, p + at, m, &used);

		assert_true(used > 0 && used <= m);
		assert_true(found != FRAME_NONE || used == m);
		at += used;
		if (found != FRAME_NONE)
			last = found;
		*headers += found == FRAME_HEADER;
		*datas += found == FRAME_DATA;
		*bads += found == FRAME_BAD;
		if (found == FRAME_DATA && expected_data != NULL) {
			assert_int_equal(f->n, 512);
			assert_memory_equal(f->data, expected_data, 512);
		}
	}
	return last;
}

/* A ZDATA frame of two subpackets with every byte value in every coding. */
static size_t all_values(uint8_t *buf, size_t cap, enum frame_coding c,
    bool controls, uint8_t data[512])
{
	struct frame_out o = out_at(buf, cap, controls);
	const uint8_t p[4] = {0x0d, 0x8d, 0x40, 0xff};

	for (int i = 0; i < 256; i++) {
		data[i] = (uint8_t)i;
		data[256 + i] = (uint8_t)(i % 3 == 0 ? '@' : i % 3 == 1 ?
		    0x0d : i);
	}
	assert_true(frame_put_header(&o, c, ZDATA, p));
	assert_true(frame_put_data(&o, c == FRAME_BIN32, data, 512, ZCRCG));
	assert_true(frame_put_data(&o, c == FRAME_BIN32, data, 512, ZCRCW));
	return o.n;
}

static void test_all_values(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		enum frame_coding c = (enum frame_coding)(i % 3);
		bool controls = i >= 3;
		uint8_t buf[4096], data[512];
		size_t n = all_values(buf, sizeof buf, c, controls, data);

		expected_data = data;
		for (size_t step = 1; step <= n; step = step * 2 + 1) {
			struct frame_parser f;
			int h = 0, d = 0, b = 0;

			frame_parser_init(&f);
			f.drop_controls = controls;
			read_all(&f, buf, n, step, &h, &d, &b);
			assert_int_equal(h, 1);
			assert_int_equal(d, 2);
			assert_int_equal(b, 0);
			assert_int_equal(f.end, ZCRCW);
		}
		expected_data = NULL;
		for (size_t k = 1; c != FRAME_HEX && k < n - 1; k++) {
			/* What must never be bare on the line. */
			assert_int_not_equal(buf[k] & 0x7f, 0x13);
			assert_int_not_equal(buf[k] & 0x7f, 0x11);
			assert_false((buf[k] & 0x7f) == 0x0d &&
			    (buf[k - 1] & 0x7f) == '@');
			assert_false(controls && buf[k] != 0x18 &&
			    (buf[k] & 0x60) == 0);
		}
	}
}

/* No single flipped bit may give other data than was sent. */
static void test_flips(void **state)
{
	uint8_t buf[4096], data[512];
	size_t n;

	(void)state;
	n = all_values(buf, sizeof buf, FRAME_BIN32, false, data);
	for (size_t bit = 0; bit < n * 8; bit++) {
		struct frame_parser f;
		size_t at = 0, used;

		frame_parser_init(&f);
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		while (at < n) {
			enum frame_found found = frame_read(&f, buf + at,
			    n - at, &used);

			at += used;
			if (found != FRAME_DATA)
				continue;
			assert_int_equal(f.n, 512);
			assert_memory_equal(f.data, data, 512);
		}
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* Noise never breaks the parser, and afterwards a header is found. */
static void test_noise(void **state)
{
	const uint8_t p[4] = {1, 2, 3, 4};
	static const char likely[] = "*\030ABCOhijk@\r\nlm0\021";

	(void)state;
	srand(seed);
	for (int run = 0; run < 300; run++) {
		struct frame_parser f;
		uint8_t buf[20000];
		struct frame_out o;
		int h = 0, d = 0, b = 0;
		size_t n = (size_t)rand() % 18000;

		for (size_t i = 0; i < n; i++)
			buf[i] = rand() % 3 ? (uint8_t)rand() :
			    (uint8_t)likely[(size_t)rand() %
			    (sizeof likely - 1)];
		frame_parser_init(&f);
		read_all(&f, buf, n, 1 + (size_t)rand() % 500, &h, &d, &b);
		frame_hunt(&f);
		o = out_at(buf, sizeof buf, false);
		frame_put_header(&o, FRAME_HEX, ZACK, p);
		h = 0;
		read_all(&f, buf, o.n, 5, &h, &d, &b);
		assert_int_equal(h, 1);
		assert_int_equal(frame_pos(&f.header), 0x04030201);
	}
}

static const struct found_row {
	const char *name;
	const char *bytes;
	size_t n;
	enum frame_found expected; /* the last one */
} found_rows[] = {
#define B(s) s, sizeof s - 1
	{"five CAN cancel", B("xx\030\030\030\030\030"), FRAME_CANCEL},
	{"four CAN do not", B("\030\030\030\030x"), FRAME_NONE},
	{"CAN in the middle of a header cancel",
	    B("**\030B01\030\030\030\030\030"), FRAME_CANCEL},
	{"over and out", B("noise OO"), FRAME_OO},
	{"a single O is nothing", B("O O O"), FRAME_NONE},
	{"hex CRC wrong", B("**\030B0100000023be51\r\n"), FRAME_BAD},
	{"hex in upper case", B("**\030B0100000023BE50\r\n"), FRAME_HEADER},
	{"hex with a letter that is none", B("**\030B01x"), FRAME_BAD},
	{"many pads", B("********\030B0100000023be50"), FRAME_HEADER},
	{"a frame type above ZSTDERR", B("**\030B1400000000ed2a"), FRAME_BAD},
	{"a frame cut by another", B("**\030B01**\030B0100000023be50"),
	    FRAME_HEADER},
	{"XON inside hex is dropped", B("**\030B01\0210000\0230023be50"),
	    FRAME_HEADER},
	{"a subpacket with a broken escape",
	    B("**\030B0a00000000bc5e\r\nabc\030!"), FRAME_BAD},
#undef B
};

static void test_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof found_rows / sizeof *found_rows; i++) {
		const struct found_row *r = &found_rows[i];

		for (size_t step = 1; step <= r->n; step++) {
			struct frame_parser f;
			int h = 0, d = 0, b = 0;

			frame_parser_init(&f);
			if (read_all(&f, (const uint8_t *)r->bytes, r->n,
			    step, &h, &d, &b) != r->expected)
				fail_msg("%s (by %zu)", r->name, step);
		}
	}
}

/* More data than a subpacket may hold is refused, not stored. */
static void test_too_long(void **state)
{
	static uint8_t data[FRAME_DATA_MAX + 1], buf[20000];
	struct frame_out o = out_at(buf, sizeof buf, false);
	struct frame_parser f;
	const uint8_t p[4] = {0, 0, 0, 0};
	int h = 0, d = 0, b = 0;

	(void)state;
	assert_false(frame_put_data(&o, true, data, sizeof data, ZCRCE));
	frame_put_header(&o, FRAME_BIN32, ZDATA, p);
	frame_put_data(&o, true, data, FRAME_DATA_MAX, ZCRCE);
	frame_parser_init(&f);
	read_all(&f, buf, o.n, 999, &h, &d, &b);
	assert_int_equal(d, 1);
	memmove(buf + 13, buf + 12, o.n - 12);
	frame_parser_init(&f);
	d = 0;
	read_all(&f, buf, o.n + 1, 999, &h, &d, &b);
	assert_int_equal(d, 0);
	assert_true(b > 0);
	o.cap = o.n + 5;
	assert_false(frame_put_header(&o, FRAME_HEX, ZACK, p));
}

int main(void)
{
	const char *s = getenv("SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_all_values),
		cmocka_unit_test(test_flips),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_too_long),
	};

	seed = s != NULL ? (unsigned)atoi(s) : 1;
	print_message("SEED=%u\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
