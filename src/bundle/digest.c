#include "config.h"

#include "bundle/digest.h"

#include <string.h>
#include <unistd.h>

#include "bundle/bundle_p.h"

/* RFC 1952: 10 bytes of header, and when FLG has FEXTRA, behind them a length
 * of two bytes and so many bytes of subfields. */
#define GZ_FIXED 10
#define GZ_FLG   3
#define FEXTRA   0x04

/* Subfield: two letters, a length of two bytes, its bytes. */
#define SUB_HEAD 4

static size_t le16(const uint8_t *p)
{
	return p[0] | (size_t)p[1] << 8;
}

size_t digest_field_write(uint8_t *out, size_t count)
{
	static const uint8_t head[SUB_HEAD] = {'D', 'S', BUNDLE_DIGEST, 0};
	size_t n = 0;

	for (size_t i = 0; i < count && i < BUNDLE_DIGESTS_MAX; i++) {
		memcpy(out + n, head, SUB_HEAD);
		memset(out + n + SUB_HEAD, 0, BUNDLE_DIGEST);
		n += SUB_HEAD + BUNDLE_DIGEST;
	}
	return n;
}

size_t digest_field_read(const uint8_t *p, size_t n,
    size_t at[BUNDLE_DIGESTS_MAX])
{
	size_t count = 0, i = 0;

	while (n - i >= SUB_HEAD) {
		size_t len = le16(p + i + 2);

		if (len > n - i - SUB_HEAD)
			return 0;  /* not made of subfields */
		if (p[i] == 'D' && p[i + 1] == 'S' && len == BUNDLE_DIGEST &&
		    count < BUNDLE_DIGESTS_MAX)
			at[count++] = i + SUB_HEAD;
		i += SUB_HEAD + len;
	}
	return i == n ? count : 0;
}

size_t bundle_digest_places(const void *bytes, size_t n,
    size_t at[BUNDLE_DIGESTS_MAX])
{
	static const uint8_t begin[GZ_FLG] = {31, 139, 8};
	const size_t field = GZ_FIXED + 2;
	const uint8_t *p = bytes;
	size_t len, count;

	if (n < field || memcmp(p, begin, sizeof begin) != 0 ||
	    !(p[GZ_FLG] & FEXTRA))
		return 0;
	len = le16(p + GZ_FIXED);
	if (len > BUNDLE_EXTRA_MAX || len > n - field)
		return 0;
	count = digest_field_read(p + field, len, at);
	for (size_t i = 0; i < count; i++)
		at[i] += field;
	return count;
}

/* More text than any bundle has: whether it is cut does not matter then. */
static int count_text(void *arg, const char *p, size_t n)
{
	size_t *total = arg;

	(void)p;
	*total += n;
	return *total > BUNDLE_TEXT_MAX ? 1 : 0;
}

bool bundle_is_cut(int fd)
{
	static const struct gz_in_ops ops = {.feed = count_text};
	struct err ignored = ERR_INIT;
	bool cut = false;
	size_t total = 0;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return false;
	gz_in_read(fd, &ops, &total, &cut, &ignored);
	return lseek(fd, 0, SEEK_SET) == 0 && cut;
}
