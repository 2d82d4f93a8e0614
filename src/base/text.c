#include "config.h"

#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool text_int(const char *s, int64_t min, int64_t max, int64_t *out)
{
	char *end;
	long long v;

	/* strtoll would take blanks and a plus sign */
	if (!isdigit((unsigned char)s[0]) &&
	    !(s[0] == '-' && isdigit((unsigned char)s[1])))
		return false;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (errno || *end || v < min || v > max)
		return false;
	*out = v;
	return true;
}

/* Digits, then one unit letter of units (or none where bare is allowed). */
static bool number_unit(const char *s, const char *units,
    const int64_t *factors, bool bare, int64_t *out)
{
	char digits[20];
	size_t n = strspn(s, "0123456789");
	const char *u;
	int64_t v, f = 1;

	if (n == 0 || n >= sizeof(digits))
		return false;
	memcpy(digits, s, n);
	digits[n] = '\0';
	if (!text_int(digits, 0, INT64_MAX, &v))
		return false;
	if (s[n]) {
		u = strchr(units, s[n]);
		if (!u || s[n + 1])
			return false;
		f = factors[u - units];
	} else if (!bare && v != 0) {
		return false;
	}
	if (v > INT64_MAX / f)
		return false;
	*out = v * f;
	return true;
}

bool text_size(const char *s, int64_t *bytes)
{
	static const int64_t factors[] = {1024, 1024 * 1024};

	return number_unit(s, "KM", factors, true, bytes);
}

bool text_duration(const char *s, int64_t *seconds)
{
	static const int64_t factors[] = {1, 60, 3600, 86400};

	return number_unit(s, "smhd", factors, false, seconds);
}

bool text_name_ok(const char *s)
{
	size_t i;

	if (!isalnum((unsigned char)s[0]) || (unsigned char)s[0] > 127)
		return false;
	for (i = 0; s[i]; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c > 127 || !(isalnum(c) || c == '_' || c == '-' || c == '.'))
			return false;
	}
	return i <= TEXT_NAME_MAX;
}

/* Levenshtein's distance; words longer than 63 are never near. */
static size_t distance(const char *a, const char *b)
{
	size_t row[65], na = strlen(a), nb = strlen(b), i, j;

	if (na > 63 || nb > 63)
		return 64;
	for (j = 0; j <= nb; j++)
		row[j] = j;
	for (i = 1; i <= na; i++) {
		size_t diag = row[0];

		row[0] = i;
		for (j = 1; j <= nb; j++) {
			size_t best = diag + (a[i - 1] != b[j - 1]);

			diag = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[nb];
}

const char *text_nearest(const char *s, const char *const *list)
{
	const char *best = NULL;
	size_t best_d = strlen(s) / 3 + 2, i;

	for (i = 0; list[i]; i++) {
		size_t d = distance(s, list[i]);

		if (d < best_d) {
			best_d = d;
			best = list[i];
		}
	}
	return best;
}

const char *text_bytes(int64_t n, char *out, size_t out_n)
{
	if (n < 1024)
		snprintf(out, out_n, "%" PRId64 " B", n);
	else if (n < 1024 * 1024)
		snprintf(out, out_n, "%.1f KB", (double)n / 1024);
	else
		snprintf(out, out_n, "%.1f MB", (double)n / 1024 / 1024);
	return out;
}

const char *text_safe(const void *p, size_t n, char *out, size_t out_n)
{
	const unsigned char *s = p;
	size_t used = 0, i;

	for (i = 0; i < n; i++) {
		bool plain = s[i] >= 32 && s[i] < 127 && s[i] != '\\';
		size_t need = plain ? 1 : 4;

		/* keep room for "..." and the NUL */
		if (used + need + 4 > out_n) {
			if (out_n >= 4)
				used += (size_t)snprintf(out + used,
				    out_n - used, "...");
			break;
		}
		if (plain)
			out[used++] = (char)s[i];
		else
			used += (size_t)snprintf(out + used, out_n - used,
			    "\\x%02X", s[i]);
	}
	if (out_n)
		out[used < out_n ? used : out_n - 1] = '\0';
	return out;
}
