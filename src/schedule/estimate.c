/* A straight line through earlier calls: seconds = overhead + bytes / rate.
 * Its slope is the median of the slopes between each two calls (Theil and
 * Sen), so that one call with a long retrain does not count for more than
 * its place. */
#include "config.h"

#include "schedule/estimate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define OVERHEAD_S 3.0      /* handshake and hanging up, where not measured */
#define APART_MIN 4096      /* bytes: nearer calls say nothing of the slope */
#define BYTES_MIN 1024      /* a call of less says nothing of the rate */
#define PAIRS_MAX (ESTIMATE_CALLS_MAX * (ESTIMATE_CALLS_MAX - 1) / 2)
/* what async framing and our own overhead leave of a nominal rate */
#define NOMINAL_PART 0.95

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* What the line had to carry. */
static double load(const struct estimate_line *line, int64_t sent,
    int64_t received)
{
	double a = sent > 0 ? (double)sent : 0;
	double b = received > 0 ? (double)received : 0;

	if (line->both_at_once)
		return a > b ? a : b;
	return a + b;
}

/* Seconds a byte, from calls of different size; 0: cannot be told. */
static double slope(const double *bytes, const double *seconds, size_t n)
{
	double s[PAIRS_MAX], m;
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < i; j++) {
			double d = bytes[i] - bytes[j];

			if (d > APART_MIN || d < -APART_MIN)
				s[k++] = (seconds[i] - seconds[j]) / d;
		}
	}
	if (k == 0)
		return 0;
	m = median(s, k);
	return m > 0 ? m : 0;
}

/* Calls of about one size: what is not the usual overhead is the bytes'. */
static double slope_of_one_size(const double *bytes, const double *seconds,
    size_t n)
{
	double s[ESTIMATE_CALLS_MAX];
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		double left = seconds[i] - OVERHEAD_S;

		if (bytes[i] >= BYTES_MIN)
			s[k++] = (left > seconds[i] / 2 ? left
			                                : seconds[i] / 2) /
			    bytes[i];
	}
	return k ? median(s, k) : 0;
}

void estimate_make(const struct estimate_calls *calls,
    const struct estimate_line *line, struct estimate *out)
{
	double bytes[ESTIMATE_CALLS_MAX], seconds[ESTIMATE_CALLS_MAX];
	double rest[ESTIMATE_CALLS_MAX], per_byte;
	size_t n = calls->n < ESTIMATE_CALLS_MAX ? calls->n
	                                         : ESTIMATE_CALLS_MAX;

	*out = (struct estimate){0, OVERHEAD_S, false, n > 0};
	for (size_t i = 0; i < n; i++) {
		const struct estimate_call *c = &calls->call[i];

		bytes[i] = load(line, c->bytes_sent, c->bytes_received);
		seconds[i] = (double)c->seconds;
	}
	per_byte = slope(bytes, seconds, n);
	if (per_byte == 0)
		per_byte = slope_of_one_size(bytes, seconds, n);
	out->measured = per_byte > 0;
	if (per_byte == 0 && line->nominal > 0)
		per_byte = 1 / ((double)line->nominal * NOMINAL_PART);
	if (per_byte > 0)
		out->rate = 1 / per_byte;
	for (size_t i = 0; i < n; i++)
		rest[i] = seconds[i] - bytes[i] * per_byte;
	if (n > 0)
		out->overhead = median(rest, n);
	if (out->overhead < 0)
		out->overhead = 0;
}

int64_t estimate_seconds(const struct estimate *e,
    const struct estimate_line *line, int64_t to_send, int64_t to_receive)
{
	double bytes = load(line, to_send, to_receive), s;

	if (e->rate <= 0 && (!e->called || bytes > BYTES_MIN))
		return -1;
	s = e->overhead + (e->rate > 0 ? bytes / e->rate : 0);
	return s < 1e9 ? (int64_t)(s + 0.999) : 1000000000;
}

int64_t estimate_connect_bps(const char *connect)
{
	/* what follows CONNECT is the cable's speed where this is said */
	static const char carrier[] = "CARRIER ";
	const char *c = strstr(connect, carrier);
	const char *p = strstr(connect, "CONNECT");
	char digits[12];
	int64_t bps;
	size_t n;

	if (!p)
		return 0;
	p += strlen("CONNECT");
	if (c && c < p)
		p = c + strlen(carrier);
	p += strspn(p, " ");
	n = strspn(p, "0123456789");
	if (n == 0 || n >= sizeof(digits))
		return 0;
	memcpy(digits, p, n);
	digits[n] = '\0';
	return text_int(digits, 50, 100000000, &bps) ? bps : 0;
}

/* "28.8k", "115.2k", "9600", "1.5M" */
static void put_bps(char *out, size_t n, int64_t bps)
{
	if (bps >= 1000000)
		snprintf(out, n, " at %.1fM", (double)bps / 1e6);
	else if (bps >= 10000)
		snprintf(out, n, " at %.1fk", (double)bps / 1e3);
	else if (bps > 0)
		snprintf(out, n, " at %d", (int)bps);
	else
		out[0] = '\0';
}

const char *estimate_text(int64_t seconds, int64_t bundles, int64_t bps,
    char out[ESTIMATE_TEXT])
{
	char time[40], rate[24];

	out[0] = '\0';
	if (seconds < 0)
		return out;
	if (seconds < 100)
		snprintf(time, sizeof(time), "%d s", (int)seconds);
	else if (seconds < 100 * 60)
		snprintf(time, sizeof(time), "%d min",
		    (int)(seconds + 59) / 60);
	else
		snprintf(time, sizeof(time), "%.1f h",
		    (double)seconds / 3600);
	put_bps(rate, sizeof(rate), bps);
	snprintf(out, ESTIMATE_TEXT, "about %s for %lld bundle%s%s", time,
	    (long long)bundles, bundles == 1 ? "" : "s", rate);
	return out;
}
