/* Values as lines: the exact text of each, and back again bit for bit. */
#include "config.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bundle/bundle_p.h"
#include "tests/bundle_random.h"

#define TEXT(s) {.type = VALUE_TEXT, .p = (s), .n = sizeof(s) - 1}
#define BLOB(s) {.type = VALUE_BLOB, .p = (s), .n = sizeof(s) - 1}
#define INT(v)  {.type = VALUE_INTEGER, .i = (v)}
#define REAL(v) {.type = VALUE_REAL, .r = (v)}
#define NIL     {.type = VALUE_NULL}

#define T VALUE_TEXT
#define I VALUE_INTEGER
#define R VALUE_REAL

static const struct {
	const char *name;
	struct value v;
	enum value_type plain;
	const char *line;
} rows[] = {
	{"NULL in a text column", NIL, T, "\\N"},
	{"NULL in an integer column", NIL, I, "\\N"},
	{"NaN is stored as NULL", REAL(NAN), R, "\\N"},
	{"integer in its column", INT(42), I, "42"},
	{"integer in a text column", INT(42), T, "\\I42"},
	{"integer in a real column", INT(-1), R, "\\I-1"},
	{"zero", INT(0), I, "0"},
	{"largest integer", INT(INT64_MAX), I, "9223372036854775807"},
	{"smallest integer", INT(INT64_MIN), I, "-9223372036854775808"},
	{"2^53 + 1", INT(9007199254740993), I, "9007199254740993"},
	{"real in its column", REAL(12.5), R, "12.5"},
	{"real in a text column", REAL(0.1), T, "\\R0.1"},
	{"real without a fraction", REAL(3), R, "3"},
	{"real in an integer column", REAL(3), I, "\\R3"},
	{"zero real", REAL(0.0), R, "0"},
	{"minus zero", REAL(-0.0), R, "-0"},
	{"minus zero in a text column", REAL(-0.0), T, "\\R-0"},
	{"infinity", REAL(INFINITY), R, "Inf"},
	{"minus infinity", REAL(-INFINITY), R, "-Inf"},
	{"smallest denormal", REAL(5e-324), R, "4.94065645841247e-324"},
	{"largest real", REAL(1.7976931348623157e308), R,
	    "1.7976931348623157e+308"},
	{"seventeen digits", REAL(0.1 + 0.2), R, "0.30000000000000004"},
	{"sixteen digits", REAL(9007199254740993.0), R, "9007199254740992"},
	{"price", REAL(-1234.56), R, "-1234.56"},
	{"thousandth", REAL(0.001), R, "0.001"},
	{"large power", REAL(1e15), R, "1e+15"},
	{"just below", REAL(999999999999.999), R, "999999999999.999"},
	{"plain text", TEXT("312-555-0142"), T, "312-555-0142"},
	{"empty text", TEXT(""), T, ""},
	{"empty text in an integer column", TEXT(""), I, "\\S"},
	{"number as text", TEXT("42"), T, "42"},
	{"number as text in an integer column", TEXT("42"), I, "\\S42"},
	{"text that looks like NULL", TEXT("\\N"), T, "\\\\N"},
	{"the same in a real column", TEXT("\\N"), R, "\\S\\\\N"},
	{"backslashes", TEXT("\\\\\\"), T, "\\\\\\\\\\\\"},
	{"tab, newline, return", TEXT("a\tb\nc\rd"), T, "a\\tb\\nc\\rd"},
	{"leading equals sign", TEXT("=1"), T, "=1"},
	{"leading at sign", TEXT("@1"), T, "@1"},
	{"end of CDATA", TEXT("a]]>b"), T, "a]]>b"},
	{"markup is escaped later", TEXT("<&>\""), T, "<&>\""},
	{"blanks stay", TEXT("  a  "), T, "  a  "},
	{"NUL in a long text", TEXT("abcdefgh\0ijklmnop"), T,
	    "abcdefgh\\x00ijklmnop"},
	{"control in a long text", TEXT("bell\x07 and more text"), T,
	    "bell\\x07 and more text"},
	{"mostly controls: base 64", TEXT("\1\2\3\4"), T, "\\TAQIDBA"},
	{"invalid UTF-8", TEXT("caf\xe9 au lait, bien"), T,
	    "caf\\xE9 au lait, bien"},
	{"character cut short at the end", TEXT("euro \xe2\x82\xe2\x82"), T,
	    "\\TZXVybyDiguKC"},
	{"surrogate", TEXT("high half: \xed\xa0\x80 alone, no low"), T,
	    "high half: \\xED\\xA0\\x80 alone, no low"},
	{"U+FFFE", TEXT("no character: \xef\xbf\xbe is none, so"), T,
	    "no character: \\xEF\\xBF\\xBE is none, so"},
	{"overlong slash", TEXT("overlong slash \xc0\xaf ........."), T,
	    "overlong slash \\xC0\\xAF ........."},
	{"valid UTF-8 stays", TEXT("\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\x9e"), T,
	    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\x9e"},
	{"U+FFFD, U+10FFFF", TEXT("\xef\xbf\xbd\xf4\x8f\xbf\xbf"), T,
	    "\xef\xbf\xbd\xf4\x8f\xbf\xbf"},
	{"delete is a character", TEXT("\x7f"), T, "\x7f"},
	{"empty blob", BLOB(""), T, "\\H"},
	{"blob of one byte", BLOB("\xff"), T, "\\HFF"},
	{"blob of two bytes", BLOB("\0\xff"), T, "\\BAP8"},
	{"blob of three bytes in an integer column", BLOB("abc"), I,
	    "\\BYWJj"},
};

static void each_value_has_its_line(void **state)
{
	struct buf b = BUF_INIT(SIZE_MAX), scratch = BUF_INIT(SIZE_MAX);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct value v, want = rows[i].v;

		buf_reset(&b);
		bundle_value_write(&b, &rows[i].v, rows[i].plain);
		if (strcmp(buf_str(&b), rows[i].line) != 0)
			fail_msg("%s: \"%s\" instead of \"%s\"", rows[i].name,
			    buf_str(&b), rows[i].line);
		if (want.type == VALUE_REAL && isnan(want.r))
			want = (struct value)NIL;
		if (bundle_value_read(buf_str(&b), b.n, rows[i].plain,
		    &scratch, &v) != 0 || !value_same(&v, &want))
			fail_msg("%s: comes back as something else",
			    rows[i].name);
	}
	buf_free(&b);
	buf_free(&scratch);
}

static const struct {
	const char *name, *line;
	enum value_type plain;
} bad_rows[] = {
	{"no number", "", I}, {"plus sign", "+1", I}, {"minus zero", "-0", I},
	{"leading zero", "01", I}, {"minus alone", "-", I},
	{"blank", " 1", I}, {"hexadecimal", "0x1", I}, {"real", "1.0", I},
	{"one too large", "9223372036854775808", I},
	{"one too small", "-9223372036854775809", I},
	{"far too large", "99999999999999999999", I},
	{"no real", "", R}, {"NaN", "nan", R}, {"infinity in words",
	"infinity", R}, {"point first", ".5", R}, {"point last", "5.", R},
	{"exponent without digits", "1e", R}, {"hexadecimal real", "0x1p3", R},
	{"too large a real", "1e999", R}, {"comma", "1,5", R},
	{"plus sign", "+1.5", R}, {"blank behind", "1.5 ", R},
	{"long real", "0.00000000000000000000000000000000000000000000001", R},
	{"unknown escape", "a\\qb", T}, {"unknown letter", "\\Q", T},
	{"backslash at the end", "abc\\", T}, {"half an \\x", "\\x4", T},
	{"lower-case hex", "\\x4a", T}, {"\\x without digits", "\\xZZ", T},
	{"NULL with more", "\\NN", T}, {"\\I without digits", "\\I", T},
	{"\\I with a real", "\\I1.5", T}, {"\\R with words", "\\Rabc", T},
	{"odd hex", "\\H0", T}, {"hex of letters", "\\HGG", T},
	{"base 64 of one character", "\\BA", T},
	{"base 64 with padding", "\\BAA==", T},
	{"base 64 with bits left", "\\BAB", T},
	{"base 64 of the other alphabet", "\\B+/+/", T},
	{"text without mark", "abc", I}, {"escape in an integer", "\\t", I},
};

static void what_is_no_value_is_refused(void **state)
{
	struct buf scratch = BUF_INIT(SIZE_MAX);
	struct value v;

	(void)state;
	for (size_t i = 0; i < sizeof bad_rows / sizeof *bad_rows; i++)
		if (bundle_value_read(bad_rows[i].line,
		    strlen(bad_rows[i].line), bad_rows[i].plain, &scratch,
		    &v) == 0)
			fail_msg("%s: \"%s\" was read", bad_rows[i].name,
			    bad_rows[i].line);
	buf_free(&scratch);
}

static bool comes_back(const struct value *v, struct buf *b,
    struct buf *scratch)
{
	struct value got;

	for (enum value_type plain = I; plain <= T; plain++) {
		buf_reset(b);
		bundle_value_write(b, v, plain);
		if (memchr(buf_str(b), '\n', b->n) ||
		    bundle_value_read(buf_str(b), b->n, plain, scratch,
		    &got) != 0 || !value_same(&got, v))
			return false;
	}
	return true;
}

/* Any bits that are a double; and those that %.15g and the short way print. */
static void random_reals_come_back(void **state)
{
	struct buf b = BUF_INIT(SIZE_MAX), scratch = BUF_INIT(SIZE_MAX);
	struct random r = {seed_from_environment()};
	char expected[40];

	(void)state;
	print_message("SEED=%llu\n", (unsigned long long)r.state);
	for (int i = 0; i < 200000; i++) {
		struct value v = REAL(0);
		uint64_t bits = (uint64_t)random_below(&r, 1u << 31) << 33 ^
		    (uint64_t)random_below(&r, 1u << 31) << 16 ^
		    random_below(&r, 1u << 31);

		memcpy(&v.r, &bits, sizeof bits);
		if (i % 2)
			v.r = random_below(&r, 100000000) / 1000.0 *
			    (random_below(&r, 2) ? -1 : 1000);
		if (isnan(v.r))
			continue;
		assert_true(comes_back(&v, &b, &scratch));
		buf_reset(&b);
		bundle_value_write(&b, &v, R);
		for (int d = 15; d <= 17; d++) {
			snprintf(expected, sizeof expected, "%.*g", d, v.r);
			if (strtod(expected, NULL) == v.r)
				break;
		}
		if (!isinf(v.r))
			assert_string_equal(buf_str(&b), expected);
	}
	buf_free(&b);
	buf_free(&scratch);
}

static void random_bytes_come_back(void **state)
{
	struct buf b = BUF_INIT(SIZE_MAX), scratch = BUF_INIT(SIZE_MAX);
	struct random r = {seed_from_environment()};
	static const unsigned char sly[] = {0, 7, 9, 10, 13, 0x1f, '\\', 'x',
	    0x7f, 0x80, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xff,
	    0xbe};
	char space[64];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct value v = {.type = i % 3 ? VALUE_TEXT : VALUE_BLOB,
		    .p = space, .n = random_below(&r, sizeof space)};

		for (size_t k = 0; k < v.n; k++)
			space[k] = (char)(i % 5 == 0 ? random_below(&r, 256) :
			    random_below(&r, 3) ? 'a' :
			    sly[random_below(&r, sizeof sly)]);
		assert_true(comes_back(&v, &b, &scratch));
	}
	buf_free(&b);
	buf_free(&scratch);
}

static void a_very_long_text_comes_back(void **state)
{
	struct buf b = BUF_INIT(SIZE_MAX), scratch = BUF_INIT(SIZE_MAX);
	struct value v = {.type = VALUE_TEXT, .n = VALUE_MAX};
	char *p = malloc(VALUE_MAX + 1);

	(void)state;
	memset(p, '\\', VALUE_MAX + 1);
	v.p = p;
	assert_true(comes_back(&v, &b, &scratch));
	v.n++;
	assert_false(comes_back(&v, &b, &scratch));
	free(p);
	buf_free(&b);
	buf_free(&scratch);
}

/* A locale with a comma, if there is one here. */
static void numbers_have_a_point_in_every_locale(void **state)
{
	static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8",
	    "fr_FR.UTF-8", "de_DE", "nl_NL.UTF-8"};
	struct buf b = BUF_INIT(SIZE_MAX), scratch = BUF_INIT(SIZE_MAX);
	struct value v = REAL(1e-9 / 3);
	const char *have = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names && !have; i++)
		have = setlocale(LC_ALL, names[i]);
	if (!have) {
		print_message("no locale with a decimal comma here\n");
		skip();
	}
	bundle_value_write(&b, &v, R);
	assert_null(strchr(buf_str(&b), ','));
	assert_true(comes_back(&v, &b, &scratch));
	setlocale(LC_ALL, "C");
	buf_free(&b);
	buf_free(&scratch);
}

static const struct {
	uint64_t v;
	const char *text;
} b64_rows[] = {
	{0, "A"}, {1, "B"}, {63, "_"}, {64, "BA"}, {4095, "__"},
	{UINT32_MAX, "D_____"}, {UINT64_MAX, "P__________"},
};

static void base_64_numbers(void **state)
{
	static const char *const bad[] = {"", "AA", "AB", "B=", "B+",
	    "Q__________", "BAAAAAAAAAAA", " B"};
	struct buf b = BUF_INIT(SIZE_MAX);
	uint64_t got;

	(void)state;
	for (size_t i = 0; i < sizeof b64_rows / sizeof *b64_rows; i++) {
		const char *s = b64_rows[i].text;

		buf_reset(&b);
		text_write_b64_number(&b, b64_rows[i].v);
		assert_string_equal(buf_str(&b), s);
		assert_true(text_read_b64_number(s, strlen(s), UINT64_MAX,
		    &got));
		assert_true(got == b64_rows[i].v);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (text_read_b64_number(bad[i], strlen(bad[i]), UINT64_MAX,
		    &got))
			fail_msg("\"%s\" was read", bad[i]);
	assert_false(text_read_b64_number("EAAAAA", 6, UINT32_MAX, &got));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_value_has_its_line),
		cmocka_unit_test(what_is_no_value_is_refused),
		cmocka_unit_test(random_reals_come_back),
		cmocka_unit_test(random_bytes_come_back),
		cmocka_unit_test(a_very_long_text_comes_back),
		cmocka_unit_test(numbers_have_a_point_in_every_locale),
		cmocka_unit_test(base_64_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
