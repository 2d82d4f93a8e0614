/* A key as text, and back.  See keys.h.
 *
 * 16 bytes are 26 symbols of five bits, most significant first; the last
 * symbol's low two bits are zero.  The check is Reed-Solomon's over GF(32)
 * (x^5 + x^2 + 1, a = 2) with the generator (x + a)(x + a^2): a code of up to
 * 31 symbols in which any two words differ in three places or more, so one or
 * two wrong symbols never make another word, and two that were swapped are two
 * wrong symbols.  The division begins with 1, 1, so that a row of As is no
 * key. */
#include "config.h"

#include "keys/keys.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define DATA_SYMBOLS 26
#define SYMBOLS      28

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* v times a in GF(32). */
static unsigned times_a(unsigned v)
{
	v <<= 1;
	return v & 0x20 ? v ^ 0x25 : v;
}

/* The remainder of the division by x^2 + (a + a^2) x + a^3. */
static void check_of(const uint8_t s[DATA_SYMBOLS], uint8_t check[2])
{
	unsigned high = 1, low = 1;

	for (size_t i = 0; i < DATA_SYMBOLS; i++) {
		unsigned f = s[i] ^ high, a1 = times_a(f), a2 = times_a(a1);

		high = low ^ a1 ^ a2;
		low = times_a(a2);
	}
	check[0] = (uint8_t)high;
	check[1] = (uint8_t)low;
}

static void symbols_of(const struct key *k, uint8_t s[DATA_SYMBOLS])
{
	unsigned bits = 0, n = 0, at = 0;

	for (size_t i = 0; i < KEYS_BYTES; i++) {
		bits = (bits << 8 | k->b[i]) & 0xfff;
		for (n += 8; n >= 5; n -= 5)
			s[at++] = bits >> (n - 5) & 31;
	}
	s[at] = bits << (5 - n) & 31;
}

static void bytes_of(const uint8_t s[DATA_SYMBOLS], struct key *k)
{
	unsigned bits = 0, n = 0, at = 0;

	for (size_t i = 0; i < DATA_SYMBOLS; i++) {
		bits = (bits << 5 | s[i]) & 0xfff;
		n += 5;
		if (n >= 8)
			k->b[at++] = (uint8_t)(bits >> (n -= 8));
	}
}

const char *key_format(const struct key *k, char out[KEYS_TEXT])
{
	uint8_t s[SYMBOLS];
	char *p = out;

	symbols_of(k, s);
	check_of(s, s + DATA_SYMBOLS);
	for (size_t i = 0; i < SYMBOLS; i++) {
		if (i && i % 4 == 0)
			*p++ = '-';
		*p++ = alphabet[s[i]];
	}
	*p = '\0';
	sodium_memzero(s, sizeof(s));
	return out;
}

/* The symbol that a person meant by c; -1: none. */
static int symbol_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	if (c >= '2' && c <= '7')
		return c - '2' + 26;
	switch (c) { /* not in the alphabet, but easily taken for these */
	case '0':
		return 'O' - 'A';
	case '1':
		return 'I' - 'A';
	case '8':
		return 'B' - 'A';
	default:
		return -1;
	}
}

/* All of the text's symbols into s; how many, or -1. */
static int symbols_in(const char *text, uint8_t s[SYMBOLS], struct err *e)
{
	size_t n = 0;

	for (const char *p = text; *p; p++) {
		int v = symbol_of(*p);

		if (strchr(" \t\r\n-", *p))
			continue;
		if (v < 0)
			return err_set(e, ERR_CONFIG,
			    "character %zu is neither a letter nor 2 to 7; a "
			    "key is %d letters and digits",
			    n + 1, SYMBOLS);
		if (n < SYMBOLS)
			s[n] = (uint8_t)v;
		n++;
	}
	if (n != SYMBOLS)
		return err_set(e, ERR_CONFIG,
		    "%zu letters and digits are %s; "
		    "a key is %d, in seven groups of four",
		    n, n < SYMBOLS ? "too few" : "too many", SYMBOLS);
	return 0;
}

static bool fits(const uint8_t s[SYMBOLS])
{
	uint8_t check[2];

	check_of(s, check);
	return memcmp(check, s + DATA_SYMBOLS, sizeof(check)) == 0 &&
	    !(s[DATA_SYMBOLS - 1] & 3);
}

/* The one symbol that can be replaced so that all fit, from 1; 0: there is
 * none.  The code's distance is 3, so there is one at most. */
static unsigned wrong_one(uint8_t s[SYMBOLS])
{
	for (unsigned i = 0; i < SYMBOLS; i++) {
		uint8_t was = s[i];
		bool found = false;

		for (unsigned v = 0; v < 32 && !found; v++) {
			s[i] = (uint8_t)v;
			found = fits(s);
		}
		s[i] = was;
		if (found)
			return i + 1;
	}
	return 0;
}

/* The first of two neighbours that fit when swapped, from 1; 0. */
static unsigned swapped(uint8_t s[SYMBOLS])
{
	for (unsigned i = 0; i + 1 < SYMBOLS; i++) {
		uint8_t was = s[i];
		bool found;

		s[i] = s[i + 1];
		s[i + 1] = was;
		found = fits(s);
		s[i + 1] = s[i];
		s[i] = was;
		if (found)
			return i + 1;
	}
	return 0;
}

/* Where to look, as far as the check tells; a place, never a character. */
static int does_not_fit(uint8_t s[SYMBOLS], struct err *e)
{
	char where[160] = "more than one is wrong";
	unsigned one, two;

	if (!e)
		return -1;
	one = wrong_one(s);
	two = swapped(s);
	if (one && two)
		snprintf(where, sizeof(where), "character %u of group %u is "
		    "wrong, or characters %u and %u of all are swapped",
		    (one - 1) % 4 + 1, (one - 1) / 4 + 1, two, two + 1);
	else if (one)
		snprintf(where, sizeof(where), "if one is wrong, it is "
		    "character %u of group %u", (one - 1) % 4 + 1,
		    (one - 1) / 4 + 1);
	else if (two)
		snprintf(where, sizeof(where), "characters %u and %u of all "
		    "may be swapped", two, two + 1);
	return err_set(e, ERR_CONFIG, "the key's characters do not fit one "
	    "another: %s; compare it with the peer's", where);
}

int key_parse(const char *text, struct key *k, struct err *e)
{
	uint8_t s[SYMBOLS], check[2];
	int rc = symbols_in(text, s, e);

	if (rc == 0) {
		check_of(s, check);
		if (memcmp(check, s + DATA_SYMBOLS, sizeof(check)) != 0)
			rc = does_not_fit(s, e);
		else if (s[DATA_SYMBOLS - 1] & 3)
			rc = err_set(e, ERR_CONFIG,
			    "this is not a key that "
			    "dialsync made; keys are never chosen by hand");
		else
			bytes_of(s, k);
	}
	sodium_memzero(s, sizeof(s));
	return rc;
}
