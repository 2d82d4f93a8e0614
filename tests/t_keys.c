/* src/keys: text and check, files, psk and digests. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "keys/keys.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static struct err err;

static struct key key_of(unsigned from, unsigned step)
{
	struct key k;

	for (unsigned i = 0; i < KEYS_BYTES; i++)
		k.b[i] = (uint8_t)(from + i * step);
	return k;
}

/* Fixed for ever: what is on paper must be read by every later version. */
static const struct text_row {
	const char *name;
	unsigned from, step;
	const char *text;
} text_rows[] = {
	{"all bits 0", 0, 0, "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AANG"},
	{"all bits 1", 255, 0, "7777-7777-7777-7777-7777-7777-74GX"},
	{"0 to 15", 0, 1, "AAAQ-EAYE-AUDA-OCAJ-BIFQ-YDIO-B4DK"},
	{"the header's", 0x8d, 0x35, "RXBP-OLDB-S3FQ-ANLK-T7KA-SPTT-VA42"},
};

static void test_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof text_rows / sizeof *text_rows; i++) {
		const struct text_row *r = &text_rows[i];
		struct key k = key_of(r->from, r->step), back;
		char text[KEYS_TEXT];

		print_message("%s\n", r->name);
		assert_string_equal(key_format(&k, text), r->text);
		assert_int_equal(key_parse(text, &back, &err), 0);
		assert_memory_equal(&back, &k, sizeof(k));
	}
}

static const struct parse_row {
	const char *name, *text, *why; /* why NULL: it is key_of(0, 1) */
} parse_rows[] = {
	{"as written", "AAAQ-EAYE-AUDA-OCAJ-BIFQ-YDIO-B4DK", NULL},
	{"small letters", "aaaq-eaye-auda-ocaj-bifq-ydio-b4dk", NULL},
	{"no groups", "AAAQEAYEAUDAOCAJBIFQYDIOB4DK", NULL},
	{"blanks and ends of lines",
	    " AAAQ EAYE\tAUDA OCAJ\r\nBIFQ YDIO B4DK \n", NULL},
	{"0, 1 and 8 for O, I and B", "AAAQ-EAYE-AUDA-0CAJ-81FQ-YD10-84DK",
	    NULL},
	{"empty", "", "0 letters and digits are too few"},
	{"a group is missing", "AAAQ-EAYE-AUDA-OCAJ-BIFQ-YDIO",
	    "24 letters and digits are too few"},
	{"one too few", "AAAQ-EAYE-AUDA-OCAJ-BIFQ-YDIO-B4X",
	    "27 letters and digits are too few"},
	{"one too many", "AAAQ-EAYE-AUDA-OCAJ-BIFQ-YDIO-B4DKA",
	    "29 letters and digits are too many"},
	{"9 is none", "AAAQ-EAY9-AUDA-OCAJ-BIFQ-YDIO-B4DK",
	    "character 8 is neither"},
	{"a byte above 127", "AAAQ-EAYE-AUDA-OCAJ-BIFQ-YDIO-B4X\xc9",
	    "character 28 is neither"},
	{"padding", "AAAQ-EAYE-AUDA-OCAJ-BIFQ-YDIO-B4DK====",
	    "character 29 is neither"},
	{"check is wrong", "AAAQ-EAYE-AUDA-OCAJ-BIFQ-YDIO-B4XY",
	    "do not fit"},
	{"one is wrong", "AAAQ-EAYE-AXDA-OCAJ-BIFQ-YDIO-B4DK",
	    "it is character 2 of group 3"},
	{"one of the check is wrong", "AAAQ-EAYE-AUDA-OCAJ-BIFQ-YDIO-B4DR",
	    "it is character 4 of group 7"},
	{"two are swapped", "AAAQ-EAEY-AUDA-OCAJ-BIFQ-YDIO-B4DK",
	    "characters 7 and 8 of all"},
	{"two far apart are wrong", "XAAQ-EAYE-AUDA-OCAJ-BIFQ-YDIX-B4DK",
	    "do not fit"},
	{"a row of one letter", "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA",
	    "do not fit"},
	{"check is right, spare bits are not",
	    "AAAQ-EAYE-AUDA-OCAJ-BIFQ-YDIO-B5FC", "not a key that"},
};

static void test_parse(void **state)
{
	struct key want = key_of(0, 1);

	(void)state;
	for (size_t i = 0; i < sizeof parse_rows / sizeof *parse_rows; i++) {
		const struct parse_row *r = &parse_rows[i];
		struct key k;
		int rc = key_parse(r->text, &k, &err);

		print_message("%s\n", r->name);
		if (!r->why) {
			assert_int_equal(rc, 0);
			assert_memory_equal(&k, &want, sizeof(k));
			continue;
		}
		assert_int_equal(rc, -1);
		assert_int_equal(err.kind, ERR_CONFIG);
		assert_non_null(strstr(err.text, r->why));
		assert_null(strstr(err.text, "EAY")); /* nothing of the key */
	}
}

/* All wrong characters at one and at two places, and all swaps.  The check is
 * linear: whether an error is found depends on the differences alone, so what
 * is exhaustive for one key is so for all. */
static void test_check(void **state)
{
	struct key k = key_of(0x8d, 0x35), got;
	char text[KEYS_TEXT], good[29];
	size_t n = 0, found = 0;

	(void)state;
	key_format(&k, text);
	for (const char *p = text; *p; p++)
		if (*p != '-')
			good[n++] = *p;
	good[n] = '\0';
	assert_int_equal(n, 28);
	for (size_t i = 0; i < n; i++)
		for (size_t j = i; j < n; j++)
			for (size_t a = 0; a < 32; a++)
				for (size_t b = 0; b < 32; b++) {
					memcpy(text, good, n + 1);
					text[i] = letters[a];
					text[j] = letters[b];
					if (strcmp(text, good) == 0)
						continue;
					if (key_parse(text, &got, NULL) == 0)
						fail_msg("%s passes", text);
					found++;
				}
	/* for j > i each pair but the good one; for j == i, 32 times 31 */
	assert_int_equal(found, 28 * 27 / 2 * 1023 + 28 * 32 * 31);
}

static void test_random(void **state)
{
	struct key a, b;
	char text[KEYS_TEXT];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		key_random(&a);
		assert_int_equal(key_parse(key_format(&a, text), &b, &err), 0);
		assert_memory_equal(&a, &b, sizeof(a));
		key_random(&b);
		assert_memory_not_equal(&a, &b, sizeof(a));
	}
}

/* ---- files ---- */

static char top[40], path[80];

static int setup(void **state)
{
	(void)state;
	umask(022);
	snprintf(top, sizeof(top), "/tmp/t_keys.XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(path, sizeof(path), "%s/keys/hub.key", top);
	return 0;
}

static int teardown(void **state)
{
	char cmd[80];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	return system(cmd);
}

static void test_files(void **state)
{
	struct keys out = {.n = 2}, in;
	struct stat st;
	char dir[60];

	(void)state;
	memset(&in, 1, sizeof(in));
	assert_int_equal(keys_read(top, "hub", &in, &err), 0);
	assert_int_equal(in.n, 0);
	out.key[0] = key_of(1, 1);
	out.key[1] = key_of(9, 7);
	assert_int_equal(keys_write(top, "hub", &out, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	snprintf(dir, sizeof(dir), "%s/keys", top);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(keys_read(top, "hub", &in, &err), 0);
	assert_int_equal(in.n, 2);
	assert_memory_equal(in.key, out.key, 2 * sizeof(struct key));
	/* replaced, and full */
	for (out.n = 0; out.n < KEYS_MAX; out.n++)
		out.key[out.n] = key_of((unsigned)out.n, 3);
	assert_int_equal(keys_write(top, "hub", &out, &err), 0);
	assert_int_equal(keys_read(top, "hub", &in, &err), 0);
	assert_memory_equal(&in, &out, sizeof(out));
	keys_wipe(&in);
	assert_int_equal(in.n, 0);
	assert_int_equal(in.key[1].b[5], 0);
	/* none: no file */
	assert_int_equal(keys_write(top, "hub", &in, &err), 0);
	assert_false(fs_exists(path));
	assert_int_equal(keys_write(top, "hub", &in, &err), 0);
	assert_int_equal(keys_write(top, "../hub", &out, &err), -1);
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_int_equal(keys_read(top, "../hub", &in, &err), -1);
	assert_int_equal(err.kind, ERR_CONFIG);
}

#define KEY0 "AAAQ-EAYE-AUDA-OCAJ-BIFQ-YDIO-B4DK\n"
#define KEY1 "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AANG\n"

static const struct file_row {
	const char *name, *text;
	unsigned mode;
	size_t n;        /* keys */
	const char *why; /* NULL: read */
} file_rows[] = {
	{"empty", "", 0600, 0, "holds no key"},
	{"comments and blank lines", "# one\n\n \t\r\n  # two\n", 0600, 0,
	    "holds no key"},
	{"a comment behind the key", "AAAQEAYEAUDAOCAJBIFQYDIOB4DK # old\n",
	    0600, 1, NULL},
	{"no newline at the end", "AAAQEAYEAUDAOCAJBIFQYDIOB4DK", 0600, 1,
	    NULL},
	{"the first is the first", KEY0 KEY1, 0400, 2, NULL},
	{"eight", KEY0 KEY1 KEY1 KEY1 KEY1 KEY1 KEY1 KEY1, 0600, 8, NULL},
	{"nine", KEY0 KEY1 KEY1 KEY1 KEY1 KEY1 KEY1 KEY1 "#\n" KEY1, 0600, 0,
	    ":10: more than 8 keys"},
	{"a wrong line", KEY0 "# x\nAAAA-AAAA\n", 0600, 0,
	    ":3: 8 letters and digits are too few"},
	{"read by the group", KEY0, 0640, 0, "(mode 640)"},
	{"read by all", KEY0, 0604, 0, "chmod 600 "},
	{"written by the group", KEY0, 0620, 0, "changed by others"},
};

static void put(const char *text, size_t n, unsigned mode)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void expect_refused(const char *why)
{
	struct keys k;

	assert_int_equal(keys_read(top, "hub", &k, &err), -1);
	print_message("    %s\n", err.text);
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.text, why));
	assert_non_null(strstr(err.text, "hub.key"));
	assert_int_equal(k.n, 0);
}

static void test_file_rows(void **state)
{
	struct key first = key_of(0, 1);

	(void)state;
	for (size_t i = 0; i < sizeof file_rows / sizeof *file_rows; i++) {
		const struct file_row *r = &file_rows[i];
		struct keys k;

		print_message("%s\n", r->name);
		put(r->text, strlen(r->text), r->mode);
		if (r->why) {
			expect_refused(r->why);
			continue;
		}
		assert_int_equal(keys_read(top, "hub", &k, &err), 0);
		assert_int_equal(k.n, r->n);
		if (r->n)
			assert_memory_equal(&k.key[0], &first, sizeof(first));
	}
}

static void test_no_files(void **state)
{
	static char much[9000];

	(void)state;
	memset(much, '#', sizeof(much));
	put(much, sizeof(much), 0600);
	expect_refused("longer than 8192");
	put("#\0\n", 3, 0600);
	expect_refused("not text");
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_refused("not a file");
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0);
	expect_refused("a link");
	unlink(path);
}

static void test_carried(void **state)
{
	char other[sizeof(path) + 8];
	struct keys k;

	(void)state;
	/* whoever may read it, as on a stick, and through a link */
	put(KEY0 "# x\n" KEY1, strlen(KEY0 "# x\n" KEY1), 0644);
	snprintf(other, sizeof(other), "%s.link", path);
	assert_int_equal(symlink(path, other), 0);
	assert_int_equal(keys_read_carried(other, &k, &err), 0);
	assert_int_equal(k.n, 2);
	put("# nothing\n", 10, 0644);
	assert_int_equal(keys_read_carried(other, &k, &err), -1);
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.text, "holds no key"));
	put(KEY0 "AAAA\n", strlen(KEY0 "AAAA\n"), 0644);
	assert_int_equal(keys_read_carried(other, &k, &err), -1);
	assert_int_equal(k.n, 0);
	assert_non_null(strstr(err.text, ":2: "));
	unlink(path);
	assert_int_equal(keys_read_carried(other, &k, &err), -1);
	assert_int_equal(err.kind, ERR_MISSING);
	unlink(other);
}

/* ---- psk and digest ---- */

static void unhex(const char *hex, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char two[3] = {hex[2 * i], hex[2 * i + 1], 0};

		out[i] = (uint8_t)strtoul(two, NULL, 16);
	}
}

/* Python: hashlib.blake2b(bytes(range(16)), digest_size=32) */
static void test_psk(void **state)
{
	struct key k = key_of(0, 1);
	uint8_t psk[32], want[32];

	(void)state;
	unhex("c7cb5d1a1a214f1d833a21fe6c7b2420"
	    "e417c2f220784cbe90072975131bc367", want, 32);
	key_psk(&k, psk);
	assert_memory_equal(psk, want, 32);
}

static void mac_of(const struct key *k, const uint8_t *p, size_t n,
    size_t piece, uint8_t out[KEYS_MAC])
{
	struct key_mac m;

	key_mac_start(&m, k);
	for (size_t at = 0; at < n; at += piece)
		key_mac_add(&m, p + at, n - at < piece ? n - at : piece);
	key_mac_end(&m, out);
}

/* Python: sub = hashlib.blake2b(b"dialsync bundle digest", digest_size=32,
 *     key=bytes(range(16))).digest()
 * hashlib.blake2b(bytes(i % 251 for i in range(N)), digest_size=16, key=sub) */
static const struct mac_row {
	size_t n;
	const char *hex;
} mac_rows[] = {
	{0, "cc87a12418e3b9e775b31f9754e953c3"},
	{1, "c93afc262aef6c571cff72fe8299667c"},
	{1000, "478bfcc6b0512df88e0f918313dc5a6c"},
};

static void test_mac(void **state)
{
	struct key k = key_of(0, 1), other = key_of(1, 1);
	uint8_t bytes[1000], want[KEYS_MAC], got[KEYS_MAC];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i % 251);
	for (size_t i = 0; i < sizeof mac_rows / sizeof *mac_rows; i++) {
		size_t n = mac_rows[i].n;

		unhex(mac_rows[i].hex, want, KEYS_MAC);
		for (size_t piece = 1; piece <= 1000; piece += 37) {
			mac_of(&k, bytes, n, piece, got);
			assert_memory_equal(got, want, KEYS_MAC);
		}
		mac_of(&other, bytes, n, n + 1, got);
		assert_false(key_mac_same(got, want));
	}
	/* each bit of a digest counts */
	for (size_t bit = 0; bit < 8 * KEYS_MAC; bit++) {
		memcpy(got, want, KEYS_MAC);
		assert_true(key_mac_same(got, want));
		got[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(key_mac_same(got, want));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_file_rows),
		cmocka_unit_test(test_carried),
		cmocka_unit_test(test_no_files),
		cmocka_unit_test(test_psk),
		cmocka_unit_test(test_mac),
	};

	if (keys_start(&err) < 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
