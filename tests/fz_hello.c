/* Fuzzing the search for hellos: the input is a script of pieces, each a byte
 * that says what it is, one that says how long, and its bytes.  Raw bytes
 * alone would rarely get past a CRC-32, so a piece can also be the inside of a
 * hello that gets magic, length and CRC.  Also linked into t_hello, which
 * feeds it random scripts. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "modem/crc.h"
#include "modem/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(c) do { if (!(c)) { \
	fprintf(stderr, "fz_hello: %s does not hold\n", #c); abort(); \
} } while (0)

/* What is always so with a hello that was found. */
static void check(const struct hello *h)
{
	struct hello again = *h, back;
	uint8_t out[HELLO_WIRE_MAX];
	struct hello_reader r;
	size_t n;

	MUST(h->fixed[3] <= HELLO_BODY_MAX);
	MUST(memchr(h->name, 0, sizeof(h->name)));
	MUST(h->name[0] == '\0' || text_name_ok(h->name));
	/* written by us it is the same, but for what a later version added */
	n = hello_write(&again, out);
	MUST(n <= sizeof(out) && again.fixed[3] <= h->fixed[3]);
	hello_reader_init(&r);
	for (size_t i = 0; i < n; i++)
		MUST((hello_feed(&r, out[i], &back) == HELLO_WHOLE) ==
		    (i == n - 1));
	MUST(memcmp(&back, &again, sizeof(back)) == 0);
}

static enum hello_got feed(
    struct hello_reader *r, const uint8_t *p, size_t n)
{
	enum hello_got got = HELLO_NOTHING;
	struct hello h;

	for (size_t i = 0; i < n; i++) {
		got = hello_feed(r, p[i], &h);
		if (got == HELLO_WHOLE)
			check(&h);
		MUST(r->candidates <= HELLO_CANDIDATES);
	}
	return got;
}

/* p is version, flags, mask and body. */
static void feed_sealed(struct hello_reader *r, const uint8_t *p, size_t n)
{
	uint8_t b[4 + 255 + 4] = {0}, out[3 + 2 * sizeof(b)] = {0x9d, 'd', 's'};
	size_t body = n > 3 ? n - 3 : 0, all = 4 + body;
	uint32_t crc;

	memcpy(b, p, n > 3 ? 3 : n);
	b[3] = (uint8_t)body;
	if (body)
		memcpy(b + 4, p + 3, body);
	crc = crc32_add(0, b, all);
	for (int shift = 24; shift >= 0; shift -= 8)
		b[all++] = (uint8_t)(crc >> shift);
	feed(r, out, 3 + stuff_encode(STUFF_HELLO, b, all, out + 3));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hello_reader r;

	hello_reader_init(&r);
	while (size >= 2) {
		size_t n = data[1];

		if (n > size - 2)
			n = size - 2;
		if (data[0] & 1)
			feed_sealed(&r, data + 2, n);
		else
			feed(&r, data + 2, n);
		data += 2 + n;
		size -= 2 + n;
	}
	return 0;
}
