/* Integers, reals and bytes as text: doc/BUNDLE.md, "Numbers". */
#include "config.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle/bundle_p.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The value of a base 64 digit; -1: it is none. */
static int digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* By hand: snprintf would be a third of the time that writing takes. */
void text_write_int(struct buf *b, int64_t v)
{
	char tmp[20];
	size_t at = sizeof tmp;
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do
		tmp[--at] = (char)('0' + u % 10);
	while ((u /= 10) != 0);
	if (v < 0)
		tmp[--at] = '-';
	buf_add(b, tmp + at, sizeof tmp - at);
}

bool text_read_int(const char *p, size_t n, int64_t *out)
{
	bool minus = n > 0 && *p == '-';
	uint64_t u = 0, limit = (uint64_t)INT64_MAX + minus;
	size_t i = minus;

	/* 19 digits never overflow 64 bits, 20 never fit an int64 */
	if (n == i || n - i > 19 || (p[i] == '0' && n > 1))
		return false;
	for (; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		u = u * 10 + (uint64_t)(p[i] - '0');
	}
	if (u > limit)
		return false;
	*out = minus ? (int64_t)(0 - u) : (int64_t)u;
	return true;
}

void text_write_b64_number(struct buf *b, uint64_t v)
{
	char tmp[11];
	size_t at = sizeof tmp;

	do
		tmp[--at] = alphabet[v & 63];
	while ((v >>= 6) != 0);
	buf_add(b, tmp + at, sizeof tmp - at);
}

bool text_read_b64_number(const char *p, size_t n, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (n == 0 || (n > 1 && *p == 'A'))
		return false;
	for (size_t i = 0; i < n; i++) {
		int d = digit_value(p[i]);

		if (d < 0 || v > UINT64_MAX >> 6)
			return false;
		v = v << 6 | (uint64_t)d;
	}
	*out = v;
	return v <= max;
}

size_t text_b64_length(size_t nbytes)
{
	return nbytes / 3 * 4 + (nbytes % 3 ? nbytes % 3 + 1 : 0);
}

void text_write_b64(struct buf *b, const void *src, size_t n)
{
	const uint8_t *p = src;
	size_t len = text_b64_length(n), i = 0;
	char *out = buf_room(b, len);

	if (!out)
		return;
	for (; n - i >= 3; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 |
		    p[i + 2];

		*out++ = alphabet[v >> 18];
		*out++ = alphabet[v >> 12 & 63];
		*out++ = alphabet[v >> 6 & 63];
		*out++ = alphabet[v & 63];
	}
	if (n - i == 1) {
		*out++ = alphabet[p[i] >> 2];
		*out++ = alphabet[(p[i] & 3) << 4];
	} else if (n - i == 2) {
		*out++ = alphabet[p[i] >> 2];
		*out++ = alphabet[(p[i] & 3) << 4 | p[i + 1] >> 4];
		*out++ = alphabet[(p[i + 1] & 15) << 2];
	}
	*out = '\0';  /* buf_room() always leaves room for it */
	b->n += len;
}

/* Bits left over must be zero, so that bytes have one spelling. */
bool text_read_b64(const char *p, size_t n, char *out, size_t *out_n)
{
	uint32_t v = 0;
	size_t o = 0;
	int bits = 0;

	if (n % 4 == 1)
		return false;
	for (size_t i = 0; i < n; i++) {
		int d = digit_value(p[i]);

		if (d < 0)
			return false;
		v = v << 6 | (uint32_t)d;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[o++] = (char)(v >> bits & 255);
		}
	}
	*out_n = o;
	return (v & ((1u << bits) - 1)) == 0;
}

/* ---- reals */

static const double tens[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
    1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21,
    1e22};

/* The process may have called setlocale(): numbers in bundles always have a
 * point.  Made once and kept; NULL (out of memory) leaves the locale as it
 * is. */
static locale_t c_locale(void)
{
	static locale_t c;

	if (!c)
		c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	return c;
}

/* Up to three decimals: what prices and quantities have.  When the decimal
 * fraction m / 10^k (at most 15 digits) reads back as r, then %.15g prints
 * just it, as 15 digits survive the way through a double. */
static bool write_short_real(struct buf *b, double r)
{
	double a = fabs(r);
	int k = 0;

	if (a >= 1e12 || (a < 1e-3 && a > 0))
		return false;
	while (k <= 3 && nearbyint(a * tens[k]) / tens[k] != a)
		k++;
	if (k > 3)
		return false;
	uint64_t m = (uint64_t)nearbyint(a * tens[k]);
	uint64_t one = (uint64_t)tens[k];

	if (signbit(r))
		buf_addc(b, '-');
	text_write_int(b, (int64_t)(m / one));
	if (k == 0)
		return true;
	buf_addc(b, '.');
	for (m %= one; k > 0; k--) {
		one /= 10;
		buf_addc(b, (char)('0' + m / one));
		m %= one;
	}
	return true;
}

void text_write_real(struct buf *b, double r)
{
	char tmp[40];

	if (isinf(r)) {
		buf_adds(b, r < 0 ? "-Inf" : "Inf");
		return;
	}
	if (write_short_real(b, r))
		return;
	locale_t c = c_locale();
	locale_t old = c ? uselocale(c) : (locale_t)0;

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(tmp, sizeof tmp, "%.*g", digits, r);
		if (strtod(tmp, NULL) == r)
			break;
	}
	if (old)
		uselocale(old);
	buf_adds(b, tmp);
}

/* Skip digits: how many. */
static size_t skip_digits(const char **p)
{
	const char *s = *p;

	while (**p >= '0' && **p <= '9')
		++*p;
	return (size_t)(*p - s);
}

/* [-]digits[.digits][e[+-]digits], nothing else that strtod would take.
 * Sets how many digits there are in all, and behind the point; -1: none. */
static int real_shape(const char *s, size_t *digits, size_t *decimals)
{
	*decimals = 0;
	if (*s == '-')
		s++;
	if ((*digits = skip_digits(&s)) == 0)
		return -1;
	if (*s == '.') {
		s++;
		if ((*decimals = skip_digits(&s)) == 0)
			return -1;
		*digits += *decimals;
	}
	if (*s == '\0')
		return 0;
	if (*s++ != 'e')
		return -1;
	if (*s == '+' || *s == '-')
		s++;
	return skip_digits(&s) > 0 && *s == '\0' ? 1 : -1;
}

bool text_read_real(const char *p, size_t n, double *out)
{
	char tmp[48];
	size_t digits, decimals;

	if (n == 0 || n >= sizeof tmp)
		return false;
	memcpy(tmp, p, n);
	tmp[n] = '\0';
	if (strlen(tmp) != n)
		return false;
	if (strcmp(tmp, "Inf") == 0 || strcmp(tmp, "-Inf") == 0) {
		*out = *tmp == '-' ? -HUGE_VAL : HUGE_VAL;
		return true;
	}
	int shape = real_shape(tmp, &digits, &decimals);

	if (shape < 0)
		return false;
	if (shape == 0 && digits <= 15) {
		/* both exact in a double: one correctly rounded division */
		double m = 0;

		for (const char *s = tmp; *s; s++)
			if (*s >= '0' && *s <= '9')
				m = m * 10 + (*s - '0');
		m /= tens[decimals];
		*out = *tmp == '-' ? -m : m;
		return true;
	}
	locale_t c = c_locale();
	locale_t old = c ? uselocale(c) : (locale_t)0;

	*out = strtod(tmp, NULL);
	if (old)
		uselocale(old);
	return isfinite(*out);
}

/* ---- lists */

void text_list_start(struct text_list *l, const char *p, size_t n, char sep)
{
	l->p = n > 0 ? p : NULL;
	l->end = p + n;
	l->sep = sep;
}

int text_list_next(struct text_list *l, int64_t *out)
{
	const char *part;
	size_t n;

	if (!text_part(&l->p, l->end, l->sep, &part, &n))
		return 0;
	return text_read_int(part, n, out) ? 1 : -1;
}

bool text_part(const char **p, const char *end, char sep, const char **part,
    size_t *n)
{
	if (!*p)
		return false;
	const char *q = memchr(*p, sep, (size_t)(end - *p));

	*part = *p;
	*n = (size_t)((q ? q : end) - *p);
	*p = q ? q + 1 : NULL;
	return true;
}
