/* Signing and checking a bundle's file, as bytes: by which keys, in which
 * order, whatever its size, and with no byte of it changed. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "apply/trust.h"
#include "bundle/digest.h"
#include "pack/pack_p.h"

/* The keys that the rows speak of, by letters. */
static struct key key_of(char letter)
{
	struct key k;

	memset(k.b, letter, sizeof k.b);
	return k;
}

static struct keys keys_of(const char *letters)
{
	struct keys k = {.n = strlen(letters)};

	for (size_t i = 0; i < k.n; i++)
		k.key[i] = key_of(letters[i]);
	return k;
}

/* A gzip header with places for so many digests, and n bytes behind it. */
static void make_file(struct buf *out, size_t digests, size_t n)
{
	static const char head[] = "\x1f\x8b\x08\x04\0\0\0\0\x02\xff";
	static const char zeros[BUNDLE_DIGEST];

	buf_reset(out);
	buf_add(out, head, 10);
	buf_addc(out, (char)(20 * digests));
	buf_addc(out, (char)(20 * digests >> 8));
	for (size_t i = 0; i < digests; i++) {
		buf_add(out, "DS\x10\0", 4);
		buf_add(out, zeros, sizeof zeros);
	}
	for (size_t i = 0; i < n; i++)
		buf_addc(out, (char)(i * 7 + i / 251));
}

static int file_of(const struct buf *b)
{
	FILE *f = tmpfile();
	int fd;

	assert_non_null(f);
	assert_int_equal(fwrite(b->p, 1, b->n, f), b->n);
	assert_int_equal(fflush(f), 0);
	fd = dup(fileno(f));
	fclose(f);
	return fd;
}

/* by: the letters of our keys that signed it. */
static const struct {
	const char *name, *signers, *ours, *by;
	bool same_first;
	const char *why; /* NULL: it may be used */
} rows[] = {
{"no keys anywhere", "", "", "", false, NULL},
{"signed, no key here", "A", "", "", false, NULL},
{"not signed, a key here", "", "A", "", false, "not signed"},
{"the key", "A", "A", "A", true, NULL},
{"another key", "B", "A", "", false, "fits not the key in keys/hub.key"},
{"none of two", "B", "AC", "", false, "fits none of the keys"},
{"both, in our order", "NO", "NO", "NO", true, NULL},
{"both, in another order", "ON", "NO", "NO", false, NULL},
{"the peer has the old one only", "O", "NO", "O", false, NULL},
{"the peer has the new one only", "N", "NO", "N", true, NULL},
{"we have the old one only", "NO", "O", "O", false, NULL},
{"one of theirs is not ours", "XNO", "NO", "NO", false, NULL},
{"one of ours is not theirs", "NO", "NXO", "NO", true, NULL},
{"eight of them", "ABCDEFGH", "ABCDEFGH", "ABCDEFGH", true, NULL},
{"the eighth", "ABCDEFGH", "H", "H", false, NULL},
};

static void who_signed(void **state)
{
	struct buf f = BUF_INIT(SIZE_MAX);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct keys signers = keys_of(rows[i].signers);
		struct keys ours = keys_of(rows[i].ours);
		char by[KEYS_MAX + 1] = "", *p = by;
		struct err e = ERR_INIT;
		struct trust t;
		int fd, rc;

		make_file(&f, signers.n, 100);
		assert_int_equal(pack_sign(&f, &signers, &e), 0);
		fd = file_of(&f);
		assert_int_equal(trust_look(fd, &ours, &t, &e), 0);
		close(fd);
		for (size_t k = 0; k < ours.n; k++)
			if (t.by[k])
				*p++ = rows[i].ours[k];
		*p = '\0';
		rc = trust_judge(&t, &ours, "hub", &e);
		if (strcmp(by, rows[i].by) != 0 || t.any != (by[0] != 0) ||
		    t.digests != signers.n ||
		    t.same_first != rows[i].same_first ||
		    (rows[i].why ? rc == 0 || e.kind != ERR_DATA ||
			!strstr(e.text, rows[i].why) : rc != 0))
			fail_msg("%s: by \"%s\", %zu digests, %d, %s",
			    rows[i].name, by, t.digests, t.same_first,
			    e.text);
	}
	buf_free(&f);
}

static bool fits(const struct buf *f, const struct keys *k)
{
	struct err e = ERR_INIT;
	int fd = file_of(f);
	struct trust t;

	assert_int_equal(trust_look(fd, k, &t, &e), 0);
	close(fd);
	return t.any;
}

/* The reading is in pieces of 64 KB. */
static void any_size_will_do(void **state)
{
	static const size_t sizes[] = {0, 1, 65536 - 33, 65536 - 32,
	    65536 - 31, 131072 - 33, 131072 - 32, 131072 - 31, 1000000};
	struct keys k = keys_of("K");
	struct buf f = BUF_INIT(SIZE_MAX);
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		make_file(&f, 1, sizes[i]);
		assert_int_equal(pack_sign(&f, &k, &e), 0);
		if (!fits(&f, &k))
			fail_msg("%zu bytes", sizes[i]);
		f.p[f.n - 1] ^= 1;
		if (fits(&f, &k))
			fail_msg("%zu bytes, the last one changed", sizes[i]);
	}
	buf_free(&f);
}

static void every_bit_counts(void **state)
{
	struct keys k = keys_of("K");
	struct buf f = BUF_INIT(SIZE_MAX);
	struct err e = ERR_INIT;

	(void)state;
	make_file(&f, 1, 300);
	assert_int_equal(pack_sign(&f, &k, &e), 0);
	for (size_t i = 0; i < f.n * 8; i++) {
		f.p[i / 8] ^= (char)(1 << i % 8);
		if (fits(&f, &k))
			fail_msg("bit %zu of byte %zu", i % 8, i / 8);
		f.p[i / 8] ^= (char)(1 << i % 8);
	}
	/* cut anywhere; a byte more */
	for (size_t n = f.n - 1; n > 0; n--) {
		struct buf cut = f;

		cut.n = n;
		assert_false(fits(&cut, &k));
	}
	buf_addc(&f, '\0');
	assert_false(fits(&f, &k));
	buf_free(&f);
}

/* The digests do not stand for one another: exchanged, they are another
 * file's; one of them taken away is another file. */
static void two_digests_are_one_file(void **state)
{
	struct keys both = keys_of("NO"), other = keys_of("ON");
	struct buf f = BUF_INIT(SIZE_MAX), g = BUF_INIT(SIZE_MAX);
	struct err e = ERR_INIT;

	(void)state;
	make_file(&f, 2, 50);
	assert_int_equal(pack_sign(&f, &both, &e), 0);
	make_file(&g, 2, 50);
	assert_int_equal(pack_sign(&g, &other, &e), 0);
	/* over the same bytes: only their places differ */
	assert_memory_equal(f.p + 16, g.p + 36, BUNDLE_DIGEST);
	assert_memory_equal(f.p + 36, g.p + 16, BUNDLE_DIGEST);
	buf_reset(&g);
	buf_add(&g, f.p, 10);
	buf_add(&g, "\x14\0", 2);
	buf_add(&g, f.p + 12, 20);
	buf_add(&g, f.p + 52, f.n - 52);
	assert_false(fits(&g, &both));
	/* and places that are not there are our mistake */
	make_file(&f, 1, 50);
	assert_int_equal(pack_sign(&f, &both, &e), -1);
	assert_int_equal(e.kind, ERR_CALLER);
	buf_free(&f);
	buf_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_signed),
		cmocka_unit_test(any_size_will_do),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(two_digests_are_one_file),
	};
	struct err e = ERR_INIT;

	if (keys_start(&e) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
