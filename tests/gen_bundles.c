/* gen_bundles DIR COUNT: writes COUNT random bundles DIR/N.xml.gz, for
 * s_bundle_xmllint.sh.  The seed is printed, and taken from $SEED. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/bundle_random.h"

/* Write one; 0 or 1. */
static int write_bundle(struct random *r, const char *dir, int number)
{
	struct bundle_writer *w = bundle_writer_new();
	struct buf out = BUF_INIT(SIZE_MAX);
	struct err e = ERR_INIT;
	struct bundle_head h;
	char path[4096];
	int bad = 1;

	snprintf(path, sizeof path, "%s/%d.xml.gz", dir, number);
	FILE *f = fopen(path, "wb");

	random_bundle(r, w, &h, NULL);
	if (bundle_finish(w, &h, &out, &e) < 0)
		fprintf(stderr, "%s\n", e.text);
	else if (!f || fwrite(out.p, 1, out.n, f) != out.n)
		perror(path);
	else
		bad = 0;
	if (f && fclose(f) != 0)
		bad = 1;
	buf_free(&out);
	bundle_writer_free(w);
	return bad;
}

int main(int argc, char **argv)
{
	struct random r = {seed_from_environment()};
	int bad = 0;

	if (argc != 3) {
		fputs("usage: gen_bundles DIR COUNT\n", stderr);
		return 64;
	}
	printf("SEED=%llu\n", (unsigned long long)r.state);
	for (int i = 0; i < atoi(argv[2]); i++)
		bad |= write_bundle(&r, argv[1], i);
	return bad;
}
