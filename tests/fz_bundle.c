/* libFuzzer's entry to the reader.  The first byte decides whether the rest is
 * a gzip file or XML, which is then compressed, as no fuzzer guesses a CRC:
 *   clang -fsanitize=fuzzer,address,undefined fz_bundle.c ... */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>

#include <zlib.h>

#include "bundle/digest.h"
#include "tests/bundle_random.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void gzip(const uint8_t *p, size_t n, struct buf *out)
{
	z_stream z = {0};

	if (deflateInit2(&z, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	size_t max = deflateBound(&z, n) + 32;

	z.next_in = (Bytef *)(uintptr_t)p;
	z.avail_in = (uInt)n;
	z.next_out = (Bytef *)buf_room(out, max);
	z.avail_out = (uInt)max;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	out->n = max - z.avail_out;
	deflateEnd(&z);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf gz = BUF_INIT(SIZE_MAX);
	struct lines got = {0};
	struct err e = ERR_INIT;

	size_t at[BUNDLE_DIGESTS_MAX];

	if (n == 0)
		return 0;
	/* asked first of each file, before anything is believed */
	for (size_t k = bundle_digest_places(p + 1, n - 1, at); k > 0; k--)
		if (at[k - 1] + BUNDLE_DIGEST > n - 1)
			abort();
	if (p[0] & 1)
		read_bundle(p + 1, n - 1, &got, NULL, &e);
	else {
		gzip(p + 1, n - 1, &gz);
		read_bundle(gz.p, gz.n, &got, NULL, &e);
	}
	lines_free(&got);
	buf_free(&gz);
	return 0;
}
