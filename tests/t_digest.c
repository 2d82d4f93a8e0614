/* Where a bundle's file carries digests: places are found in gzip headers of
 * any kind, and the writer leaves them where they are found. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bundle/bundle.h"
#include "bundle/digest.h"

#define GZ(flg) "\x1f\x8b\x08" flg "\0\0\0\0\x02\xff"
#define ONE  "DS\x10\0" "0123456789abcdef"
#define ROW(name, bytes, ...) \
	{name, bytes, sizeof(bytes) - 1, __VA_ARGS__}

static const struct {
	const char *name;
	const char *bytes;
	size_t n;
	size_t count, at[BUNDLE_DIGESTS_MAX];
} headers[] = {
ROW("a header without an extra field", GZ("\0") "xxxx", 0, {0}),
ROW("an extra field without subfields", GZ("\4") "\0\0", 0, {0}),
ROW("one digest", GZ("\4") "\x14\0" ONE, 1, {16}),
ROW("two digests", GZ("\4") "\x28\0" ONE ONE, 2, {16, 36}),
ROW("a stranger's subfield before it", GZ("\4") "\x19\0" "XY\1\0z" ONE, 1,
    {21}),
ROW("a stranger's subfield behind it", GZ("\4") "\x18\0" ONE "XY\0\0", 1,
    {16}),
ROW("a name follows", GZ("\x0c") "\x14\0" ONE "name\0", 1, {16}),
ROW("a subfield of ours with another length", GZ("\4") "\x08\0"
    "DS\4\0abcd", 0, {0}),
ROW("a subfield that is longer than the field", GZ("\4") "\x14\0"
    "DS\x11\0" "0123456789abcdef", 0, {0}),
ROW("half a subfield behind it", GZ("\4") "\x16\0" ONE "XY", 0, {0}),
ROW("a field that is longer than the file", GZ("\4") "\x15\0" ONE, 0, {0}),
ROW("a field of more than 1,024 bytes", GZ("\4") "\x01\x04" ONE, 0, {0}),
ROW("another compression", "\x1f\x8b\x07\4\0\0\0\0\2\xff\x14\0" ONE, 0, {0}),
ROW("not gzip", "PK\x03\4\0\0\0\0\2\xff\x14\0" ONE, 0, {0}),
ROW("a file of eleven bytes", GZ("\4") "\x14", 0, {0}),
ROW("an empty file", "", 0, {0}),
ROW("the ninth digest is bytes like others", GZ("\4") "\xb4\0" ONE ONE ONE
    ONE ONE ONE ONE ONE ONE, 8,
    {16, 36, 56, 76, 96, 116, 136, 156}),
};

static void places_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
		size_t at[BUNDLE_DIGESTS_MAX];
		/* in a block of its own size: nothing is read behind it */
		char *p = malloc(headers[i].n + 1);
		char *end = p + 1;

		memcpy(end, headers[i].bytes, headers[i].n);
		size_t count = bundle_digest_places(end, headers[i].n, at);

		if (count != headers[i].count ||
		    memcmp(at, headers[i].at, count * sizeof *at) != 0)
			fail_msg("%s: %zu places, the first at %zu",
			    headers[i].name, count, count ? at[0] : 0);
		free(p);
	}
}

static int stop_at_head(void *arg, const struct bundle_head *h,
    struct err *e)
{
	(void)e;
	*(size_t *)arg = h->digests;
	return 1;
}

static int no_group(void *arg, struct bundle_group *g, struct err *e)
{
	(void)arg;
	(void)g;
	(void)e;
	return 0;
}

static FILE *file_of(const struct buf *b)
{
	FILE *f = tmpfile();

	assert_non_null(f);
	assert_int_equal(fwrite(b->p, 1, b->n, f), b->n);
	assert_int_equal(fflush(f), 0);
	rewind(f);
	return f;
}

static void one_row(struct bundle_writer *w)
{
	static const char *const cols[] = {"id"};
	static const int key[] = {0};
	struct value v = {.type = VALUE_INTEGER, .i = 7};

	bundle_row(w, bundle_table(w, "t", 1, cols, 1, key), BUNDLE_BIRTH, 5,
	    0);
	bundle_key(w, &v);
}

/* A bundle with so many places, whole or in chunks; both its forms have them
 * at the same offsets, zeroed, and 20 bytes each (2 for the field). */
static void the_writer_leaves_places(void **state)
{
	struct bundle_writer *w = bundle_writer_new();

	(void)state;
	for (int chunked = 0; chunked < 2; chunked++) {
		size_t plain = 0;

		for (size_t n = 0; n <= BUNDLE_DIGESTS_MAX; n++) {
			static const struct bundle_origin ann = {"ann", 3};
			struct bundle_head h = {.from = "ann", .to = "hub",
			    .inc = 3, .number = 1, .upto = 1, .tag = 9,
			    .clock = 5, .wall = 5, .norigins = 1,
			    .origins = &ann, .digests = n};
			static const uint8_t zero[BUNDLE_DIGEST];
			size_t at[BUNDLE_DIGESTS_MAX], seen = 99, some;
			struct buf out = BUF_INIT(SIZE_MAX);
			struct err e = ERR_INIT;

			one_row(w);
			if (chunked)
				assert_int_equal(bundle_chunk(w, 5, &some,
				    &e), 0);
			if (bundle_finish(w, &h, &out, &e) < 0)
				fail_msg("%s", e.text);
			assert_int_equal(bundle_digest_places(out.p, out.n,
			    at), n);
			for (size_t i = 0; i < n; i++) {
				assert_int_equal(at[i], 16 + 20 * i);
				assert_memory_equal(out.p + at[i], zero,
				    BUNDLE_DIGEST);
			}
			if (n == 0)
				plain = out.n;
			else
				assert_int_equal(out.n, plain + 2 + 20 * n);
			FILE *f = file_of(&out);
			static const struct bundle_ops ops = {stop_at_head,
			    no_group, NULL};

			if (bundle_read(fileno(f), &ops, &seen, NULL, &e) < 0)
				fail_msg("%s", e.text);
			assert_int_equal(seen, n);
			fclose(f);
			buf_free(&out);
		}
	}
	bundle_writer_free(w);
}

/* A bundle that ends anywhere is cut; a whole one is not, nor is another
 * file. */
static void a_cut_file_is_known(void **state)
{
	static const struct bundle_origin ann = {"ann", 3};
	struct bundle_head h = {.from = "ann", .to = "hub", .inc = 3,
	    .number = 1, .upto = 1, .tag = 9, .clock = 5, .wall = 5,
	    .norigins = 1, .origins = &ann, .digests = 2};
	struct bundle_writer *w = bundle_writer_new();
	struct buf out = BUF_INIT(SIZE_MAX);
	struct err e = ERR_INIT;
	size_t whole;

	(void)state;
	one_row(w);
	assert_int_equal(bundle_finish(w, &h, &out, &e), 0);
	whole = out.n;
	for (size_t n = 0; n <= whole; n++) {
		out.n = n;
		FILE *f = file_of(&out);

		if (bundle_is_cut(fileno(f)) != (n < whole))
			fail_msg("%zu of %zu bytes", n, whole);
		fclose(f);
	}
	buf_reset(&out);
	buf_adds(&out, "this is a letter");
	FILE *f = file_of(&out);

	assert_false(bundle_is_cut(fileno(f)));
	fclose(f);
	buf_free(&out);
	bundle_writer_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_found),
		cmocka_unit_test(the_writer_leaves_places),
		cmocka_unit_test(a_cut_file_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
