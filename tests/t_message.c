/* modem/message.c: each type there and back, and what must not be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "modem/message.h"

/* --- each message is these bytes, both ways --- */

static const struct bytes_row {
	const char *name;
	struct message m;
	size_t n;
	uint8_t p[MESSAGE_HAVE_MAX];
} bytes_rows[] = {
	{"HAVE of nothing", {.type = MESSAGE_HAVE}, 3, {1, 0, 0}},
	{"HAVE with a top", {.type = MESSAGE_HAVE,
	    .have = {.has_top = true, .top = 300, .top_crc = 0x01020304}},
	    9, {1, 1, 0xAC, 2, 1, 2, 3, 4, 0}},
	{"HAVE with a partial, and more follows", {.type = MESSAGE_HAVE,
	    .have = {.more = true, .n = 1,
	    .part = {{.number = 7, .size = 128, .crc = 0xA5000011,
	    .offset = 127}}}},
	    11, {1, 2, 1, 7, 0x80, 1, 0xA5, 0, 0, 0x11, 127}},
	{"BUNDLE", {.type = MESSAGE_BUNDLE, .number = 1, .size = 5,
	    .crc = 0xFFFFFFFF, .offset = 5},
	    8, {2, 1, 5, 255, 255, 255, 255, 5}},
	{"STORED", {.type = MESSAGE_STORED, .number = 127, .count = 2},
	    3, {5, 127, 2}},
	{"STORED up to the highest number", {.type = MESSAGE_STORED,
	    .number = MESSAGE_NUMBER_MAX, .count = 1},
	    10, {5, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 16, 1}},
	{"ASK", {.type = MESSAGE_ASK, .number = 2, .size = 0, .crc = 0},
	    7, {6, 2, 0, 0, 0, 0, 0}},
	{"WANT", {.type = MESSAGE_WANT, .number = 2, .offset = 128},
	    4, {7, 2, 0x80, 1}},
	{"END of nothing", {.type = MESSAGE_END}, 2, {8, 0}},
	{"FIN", {.type = MESSAGE_FIN}, 1, {9}},
	{"BYE", {.type = MESSAGE_BYE, .reason = 2}, 2, {10, 2}},
	{"PASS", {.type = MESSAGE_PASS, .number = 9}, 2, {11, 9}},
	{"a size of 63 bits", {.type = MESSAGE_ASK, .number = 1,
	    .size = INT64_MAX, .crc = 1},
	    15, {6, 1, 255, 255, 255, 255, 255, 255, 255, 255, 127,
	    0, 0, 0, 1}},
};

static void test_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bytes_rows / sizeof *bytes_rows; i++) {
		const struct bytes_row *r = &bytes_rows[i];
		uint8_t out[MESSAGE_HAVE_MAX];
		const char *why = NULL;
		struct message m;
		size_t at = 0;

		print_message("%s\n", r->name);
		assert_int_equal(message_write(&r->m, out), r->n);
		assert_memory_equal(out, r->p, r->n);
		assert_int_equal(message_read(out, r->n, &at, &m, &why), 1);
		assert_int_equal(at, r->n);
		assert_memory_equal(&m, &r->m, sizeof m);
		assert_int_equal(message_read(out, r->n, &at, &m, &why), 0);
		/* cut anywhere, it is refused */
		for (size_t n = 1; n < r->n; n++) {
			at = 0;
			assert_int_equal(message_read(out, n, &at, &m, &why),
			    -1);
			assert_int_equal(at, 0);
			assert_non_null(why);
		}
	}
}

static void test_data(void **state)
{
	static const uint8_t p[] = {4, 3, 'a', 'b', 'c', 9, 3, 'd', 'e'};
	const char *why;
	struct message m;
	size_t at = 0;

	(void)state;
	assert_int_equal(message_read(p, sizeof p, &at, &m, &why), 1);
	assert_int_equal(m.type, MESSAGE_DATAN);
	assert_int_equal(m.n, 3);
	assert_ptr_equal(m.p, p + 2);
	assert_int_equal(message_read(p, sizeof p, &at, &m, &why), 1);
	assert_int_equal(m.type, MESSAGE_FIN);
	assert_int_equal(message_read(p, sizeof p, &at, &m, &why), 1);
	assert_int_equal(m.type, MESSAGE_DATA);
	assert_int_equal(m.n, 2);
	assert_ptr_equal(m.p, p + 7);
	assert_int_equal(message_read(p, sizeof p, &at, &m, &why), 0);
	m.type = MESSAGE_DATAN;
	m.n = 300;
	{
		uint8_t out[MESSAGE_HEAD_MAX];

		assert_int_equal(message_write(&m, out), 3);
		assert_int_equal(out[1], 0xAC);
		assert_int_equal(out[2], 2);
	}
}

/* --- what is not to be read --- */

static const struct bad_row {
	const char *name, *why;
	size_t n;
	uint8_t p[MESSAGE_HAVE_MAX];
} bad_rows[] = {
	{"a type behind the last", MESSAGE_LATER, 1, {12}},
	{"type 255", MESSAGE_LATER, 2, {255, 0}},
	{"a number that is longer than needed",
	    "a number is longer than it needs to be", 3, {8, 0x80, 0}},
	{"a number of ten bytes", "a number has more than nine bytes", 12,
	    {8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}},
	{"a number above 2^53", "a bundle's number is out of range", 9,
	    {8, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 16}},
	{"bundle 0", "a bundle's number is out of range", 8, {2, 0, 5}},
	{"BUNDLE from behind its end",
	    "an offset lies behind the bundle's end", 8,
	    {2, 1, 5, 0, 0, 0, 0, 6}},
	{"a partial that is longer than its bundle",
	    "an offset lies behind the bundle's end", 10,
	    {1, 0, 1, 1, 5, 0, 0, 0, 0, 6}},
	{"nine partials", "too many partial bundles", 100, {1, 0, 9}},
	{"very many partials", "too many partial bundles", 20,
	    {1, 0, 255, 255, 255, 255, 255, 255, 255, 255, 127}},
	{"STORED of none", "a count is out of range", 3, {5, 1, 0}},
	{"STORED of too many", "a count is out of range", 12,
	    {5, 2, 255, 255, 255, 255, 255, 255, 255, 255, 127}},
	{"DATA without a byte", "data without a byte", 1, {3}},
	{"DATAN without a byte", "data without a byte", 3, {4, 0, 9}},
	{"DATAN longer than the record", "data is cut short", 4,
	    {4, 3, 'a', 'b'}},
	{"DATAN of 2^63 - 1", "data is cut short", 11,
	    {4, 255, 255, 255, 255, 255, 255, 255, 255, 127, 0}},
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad_rows / sizeof *bad_rows; i++) {
		const struct bad_row *r = &bad_rows[i];
		const char *why = NULL;
		struct message m;
		size_t at = 0;

		print_message("%s\n", r->name);
		assert_int_equal(message_read(r->p, r->n, &at, &m, &why), -1);
		assert_string_equal(why, r->why);
	}
}

/* Whatever comes: it ends, nothing is read behind it (ASan), and what was
 * understood is written as the same bytes. */
static void test_random(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint8_t p[64], out[MESSAGE_HAVE_MAX];
		size_t n, at = 0, from = 0;
		const char *why = NULL;
		struct message m;
		uint8_t *copy;

		for (n = 0; n < sizeof p; n++) {
			seed = seed * 1103515245u + 12345u;
			p[n] = (uint8_t)(seed >> 24);
			if (seed >> 22 & 1)
				p[n] &= 15;
		}
		n = seed >> 16 & 63;
		copy = malloc(n + 1);
		memcpy(copy, p, n);
		while (message_read(copy, n, &at, &m, &why) == 1) {
			size_t w;

			assert_true(at > from && at <= n);
			if (m.type == MESSAGE_HAVE)
				copy[from + 1] &= 3;
			if (m.type != MESSAGE_DATA && m.type !=
			    MESSAGE_DATAN && m.reason < 0xFFFF) {
				w = message_write(&m, out);
				if (m.type != MESSAGE_BYE) {
					assert_int_equal(w, at - from);
					assert_memory_equal(out, copy + from,
					    w);
				}
			}
			from = at;
		}
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
