/* mutate SEED MODE IN OUT: a bundle with something wrong in it.  MODE:
 *
 *	byte    one byte of the file is another
 *	cut     the file ends early
 *	splice  a part of the file is copied over another place
 *	xml     as these three, but in the XML inside, compressed again
 *
 * Always another file than IN.  Used by s_mutate.sh. */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define LIMIT ((size_t)4 << 20)

static uint64_t state;

/* splitmix64 */
static size_t rnd(size_t n)
{
	uint64_t z = (state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return (size_t)((z ^ z >> 31) % n);
}

static void change_byte(unsigned char *p, size_t n)
{
	static const char nasty[] = "<>&;\"'/\\ \n\0-9@xNB=";
	size_t at = rnd(n);
	unsigned char was = p[at];

	if (rnd(2))
		p[at] = (unsigned char)nasty[rnd(sizeof(nasty) - 1)];
	if (p[at] == was)
		p[at] ^= (unsigned char)(1u << rnd(8));
}

static void splice(unsigned char *p, size_t n)
{
	size_t len = 1 + rnd(n / 4 + 1), from, to;

	if (len > n)
		len = n;
	from = rnd(n - len + 1);
	to = rnd(n - len + 1);
	if (memcmp(p + from, p + to, len) == 0)
		change_byte(p, n);
	else
		memmove(p + to, p + from, len);
}

static void mutate(const char *mode, unsigned char *p, size_t *n)
{
	if (strcmp(mode, "byte") == 0)
		change_byte(p, *n);
	else if (strcmp(mode, "cut") == 0)
		*n = rnd(*n);
	else
		splice(p, *n);
}

static int fail(const char *what)
{
	fprintf(stderr, "mutate: %s\n", what);
	return 99;
}

int main(int argc, char **argv)
{
	static const char *const modes[] = {"byte", "cut", "splice"};
	static unsigned char p[LIMIT];
	int xml, got;
	size_t n;
	gzFile z;
	FILE *f;

	if (argc != 5)
		return fail("SEED MODE IN OUT");
	state = strtoull(argv[1], NULL, 10);
	xml = strcmp(argv[2], "xml") == 0;
	if (xml) {
		z = gzopen(argv[3], "rb");
		got = z ? gzread(z, p, LIMIT) : -1;
		if (got <= 0)
			return fail(argv[3]);
		n = (size_t)got;
		gzclose(z);
		mutate(modes[rnd(3)], p, &n);
		z = gzopen(argv[4], "wb");
		if (!z || (n && gzwrite(z, p, (unsigned)n) != (int)n) ||
		    gzclose(z) != Z_OK)
			return fail(argv[4]);
		return 0;
	}
	f = fopen(argv[3], "rb");
	n = f ? fread(p, 1, LIMIT, f) : 0;
	if (n == 0)
		return fail(argv[3]);
	fclose(f);
	mutate(argv[2], p, &n);
	f = fopen(argv[4], "wb");
	if (!f || fwrite(p, 1, n, f) != n || fclose(f) != 0)
		return fail(argv[4]);
	return 0;
}
