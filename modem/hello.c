/* Hellos.  See hello.h. */
#include "config.h"

#include "modem/hello.h"

#include <string.h>

#include "base/text.h"
#include "modem/crc.h"
#include "modem/stuff.h"

#define HEAD 4
#define CRC  4
#define ALL  (HEAD + HELLO_BODY_MAX + CRC)

static const uint8_t magic[3] = {0x9d, 'd', 's'};

enum { SECURITY_NONE, SECURITY_SIGN, SECURITY_ENCRYPT, SECURITY_UNKNOWN };

static unsigned security_of(const struct hello *h)
{
	return (h->fixed[1] & HELLO_SECURITY) >> 1;
}

/* What the flags say that the body has. */
static bool has_reason(const struct hello *h)
{
	return h->fixed[1] & HELLO_REFUSED;
}

static bool has_noise(const struct hello *h)
{
	return !has_reason(h) && (security_of(h) == SECURITY_SIGN ||
				     security_of(h) == SECURITY_ENCRYPT);
}

static bool has_name(const struct hello *h)
{
	return !has_reason(h) && (security_of(h) == SECURITY_SIGN ||
				     security_of(h) == SECURITY_NONE);
}

void hello_set_length(struct hello *h)
{
	size_t n = 0;

	if (has_reason(h))
		n++;
	if (has_noise(h))
		n += NOISE_MESSAGE;
	if (has_name(h))
		n += 1 + strnlen(h->name, HELLO_NAME_MAX);
	h->fixed[3] = (uint8_t)n;
}

size_t hello_write(struct hello *h, uint8_t *out)
{
	uint8_t b[ALL], *p = b;
	uint32_t crc;

	hello_set_length(h);
	memcpy(p, h->fixed, HEAD);
	p += HEAD;
	if (has_reason(h))
		*p++ = h->reason;
	if (has_noise(h)) {
		memcpy(p, h->noise, NOISE_MESSAGE);
		p += NOISE_MESSAGE;
	}
	if (has_name(h)) {
		*p = (uint8_t)strnlen(h->name, HELLO_NAME_MAX);
		memcpy(p + 1, h->name, *p);
		p += 1 + *p;
	}
	crc = crc32_add(0, b, (size_t)(p - b));
	for (int shift = 24; shift >= 0; shift -= 8)
		*p++ = (uint8_t)(crc >> shift);
	memcpy(out, magic, sizeof(magic));
	return sizeof(magic) + stuff_encode(STUFF_HELLO, b, (size_t)(p - b),
				   out + sizeof(magic));
}

/* The body, behind version, flags, mask and length.  What is behind what the
 * flags name is a later version's. */
static bool parse_body(struct hello *h, const uint8_t *p)
{
	const uint8_t *end = p + h->fixed[3];
	size_t n;

	if (has_reason(h)) {
		if (p == end)
			return false;
		h->reason = *p;
		return true;
	}
	if (has_noise(h)) {
		if (end - p < NOISE_MESSAGE)
			return false;
		memcpy(h->noise, p, NOISE_MESSAGE);
		p += NOISE_MESSAGE;
	}
	if (!has_name(h))
		return true;
	if (p == end)
		return false;
	n = *p++;
	if (n > HELLO_NAME_MAX || (size_t)(end - p) < n)
		return false;
	memcpy(h->name, p, n);
	/* it will be in file names and messages */
	return n == 0 || (strlen(h->name) == n && text_name_ok(h->name));
}

static bool parse(const uint8_t *b, size_t n, struct hello *out)
{
	const uint8_t *c = b + n - CRC;
	uint32_t crc = (uint32_t)c[0] << 24 | (uint32_t)c[1] << 16 |
		       (uint32_t)c[2] << 8 | c[3];
	struct hello h = {0};

	if (crc != crc32_add(0, b, n - CRC))
		return false;
	memcpy(h.fixed, b, HEAD);
	if (!parse_body(&h, b + HEAD))
		return false;
	*out = h;
	return true;
}

void hello_reader_init(struct hello_reader *r)
{
	memset(r, 0, sizeof(*r));
	r->stuff.mask = STUFF_HELLO;
}

/* One candidate, after another byte. */
static enum hello_got look(
    const struct hello_reader *r, uint32_t begin, struct hello *out)
{
	uint32_t have = r->n - begin;
	uint8_t b[ALL];
	size_t length;

	if (have < HEAD)
		return HELLO_NOTHING;
	length = r->ring[(begin + 3) % HELLO_RING];
	if (length > HELLO_BODY_MAX)
		return HELLO_BAD;
	if (have < HEAD + length + CRC)
		return HELLO_NOTHING;
	for (uint32_t i = 0; i < have; i++)
		b[i] = r->ring[(begin + i) % HELLO_RING];
	return parse(b, have, out) ? HELLO_WHOLE : HELLO_BAD;
}

/* All candidates; those that are over are left out. */
static enum hello_got look_at_all(struct hello_reader *r, struct hello *out)
{
	enum hello_got got = HELLO_NOTHING;
	unsigned kept = 0;

	for (unsigned i = 0; i < r->candidates; i++) {
		enum hello_got one = look(r, r->begin[i], out);

		if (one == HELLO_WHOLE) { /* the others are damaged or in it */
			r->candidates = 0;
			return HELLO_WHOLE;
		}
		if (one == HELLO_NOTHING)
			r->begin[kept++] = r->begin[i];
		else
			got = one;
	}
	r->candidates = kept;
	return got;
}

/* Behind the magic's 'd' nothing is escaped, wherever decoding began: each
 * candidate sees the same decoded bytes. */
static void begin_candidate(struct hello_reader *r)
{
	if (r->candidates == HELLO_CANDIDATES)
		memmove(r->begin, r->begin + 1,
		    --r->candidates * sizeof(r->begin[0]));
	r->begin[r->candidates++] = r->n;
}

/* Does byte end a magic?  Also one whose bit 7 is gone, or is a parity. */
static enum hello_got end_magic(struct hello_reader *r, uint8_t byte)
{
	uint8_t a = r->magic[0], b = r->magic[1];

	r->magic[0] = b;
	r->magic[1] = byte;
	if (a == magic[0] && b == magic[1] && byte == magic[2])
		return HELLO_WHOLE;
	if ((a & 0x7f) == (magic[0] & 0x7f) && (b & 0x7f) == magic[1] &&
	    (byte & 0x7f) == magic[2])
		return HELLO_SEVEN_BIT;
	return HELLO_NOTHING;
}

enum hello_got hello_feed(
    struct hello_reader *r, uint8_t byte, struct hello *out)
{
	enum hello_got seen, got = HELLO_NOTHING;
	uint8_t decoded;

	/* flow control of the line, not a byte of anybody's */
	if (byte == 0x11 || byte == 0x13 || byte == 0x91 || byte == 0x93)
		return HELLO_NOTHING;
	seen = end_magic(r, byte);
	if (stuff_decode(&r->stuff, &byte, 1, &decoded) == 1) {
		r->ring[r->n++ % HELLO_RING] = decoded;
		got = look_at_all(r, out);
	}
	if (seen == HELLO_WHOLE)
		begin_candidate(r);
	return got == HELLO_NOTHING && seen == HELLO_SEVEN_BIT ? seen : got;
}
