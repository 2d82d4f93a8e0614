/* modem/stuff.c: which values each mask forbids, every value there and back,
 * flow control bytes of others in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "modem/stuff.h"

/* What doc/EXCHANGE.md says of each bit, written out. */
static const struct {
	const char *name;
	uint8_t mask;
	const char *forbidden;
	size_t n;
} rows[] = {
#define B(s) s, sizeof s - 1
	{"no mask: nothing is escaped", 0, B("")},
	{"flow control", STUFF_XON, B("\x11\x13\x91\x93\x18")},
	{"DLE", STUFF_DLE, B("\x10\x90\x18")},
	{"telnet", STUFF_TELNET, B("\xff\x18")},
	{"carriage return", STUFF_CR, B("\x0d\x8d\x18")},
	{"the hello's set", STUFF_HELLO,
	    B("\x10\x11\x13\x18\x90\x91\x93\xff")},
	{"all controls", STUFF_ALL, B(
	    "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
	    "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f"
	    "\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f"
	    "\x90\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9a\x9b\x9c\x9d\x9e\x9f"
	    "\x7f\xff")},
#undef B
};

static void test_forbidden(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		print_message("%s\n", rows[i].name);
		for (unsigned v = 0; v < 256; v++) {
			uint8_t in = (uint8_t)v, out[2];
			size_t n = stuff_encode(rows[i].mask, &in, 1, out);

			if (memchr(rows[i].forbidden, (int)v, rows[i].n)) {
				assert_int_equal(n, 2);
				assert_int_equal(out[0], 0x18);
				assert_int_equal(out[1], v ^ 0x40);
				assert_null(memchr(rows[i].forbidden, out[1],
				    rows[i].n));
			} else {
				assert_int_equal(n, 1);
				assert_int_equal(out[0], v);
			}
		}
	}
}

/* Every mask, every value, every split; XON and XOFF put in everywhere where
 * they are not data. */
static void test_there_and_back(void **state)
{
	uint8_t in[256], enc[512], noisy[1536], out[1536];

	(void)state;
	for (unsigned i = 0; i < 256; i++)
		in[i] = (uint8_t)(255 - i);
	for (unsigned mask = 0; mask < 256; mask++) {
		size_t n = stuff_encode((uint8_t)mask, in, 256, enc), m = 0;

		for (size_t i = 0; i < n; i++) {
			if (mask & STUFF_XON) {
				noisy[m++] = 0x13;
				noisy[m++] = i % 2 ? 0x11 : 0x91;
			}
			noisy[m++] = enc[i];
		}
		for (size_t cut = 0; cut <= m; cut++) {
			struct stuff s = {(uint8_t)mask, false};
			size_t o = stuff_decode(&s, noisy, cut, out);

			o += stuff_decode(&s, noisy + cut, m - cut, out + o);
			assert_int_equal(o, 256);
			assert_memory_equal(out, in, 256);
			assert_false(s.escaped);
		}
	}
}

static void test_in_place(void **state)
{
	uint8_t buf[] = {0x18, 0x51, 0x41, 0x18, 0x58, 0x18};
	struct stuff s = {STUFF_XON, false};

	(void)state;
	assert_int_equal(stuff_decode(&s, buf, sizeof buf, buf), 3);
	assert_memory_equal(buf, "\x11\x41\x18", 3);
	assert_true(s.escaped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forbidden),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_in_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
