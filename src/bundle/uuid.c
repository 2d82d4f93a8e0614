/* UUIDs: 36 characters in the database, 16 bytes here, 22 in a bundle, and
 * two or three when the bundle has named it before. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bundle/bundle_p.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Only the lower-case form with dashes at 8, 13, 18 and 23, since just that
 * comes out of uuid_format() again. */
bool uuid_parse(const char *p, size_t n, struct uuid *u)
{
	size_t o = 0;

	if (n != UUID_TEXT || p[8] != '-' || p[13] != '-' || p[18] != '-' ||
	    p[23] != '-')
		return false;
	for (size_t i = 0; i < UUID_TEXT; i += 2) {
		if (p[i] == '-')
			i++;
		int hi = hex_value(p[i]), lo = hex_value(p[i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		u->b[o++] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

void uuid_format(const struct uuid *u, char out[UUID_TEXT])
{
	static const char hex[] = "0123456789abcdef";

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = hex[u->b[i] >> 4];
		*out++ = hex[u->b[i] & 15];
	}
}

void uuid_dict_free(struct uuid_dict *d)
{
	free(d->list);
	free(d->slot);
	memset(d, 0, sizeof *d);
}

void uuid_dict_add(struct uuid_dict *d, const struct uuid *u)
{
	if (d->n == UUID_DICT_MAX || d->failed)
		return;
	if (d->n == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 256;
		struct uuid *p = realloc(d->list, cap * sizeof *p);

		if (!p) {
			d->failed = true;
			return;
		}
		d->list = p;
		d->cap = cap;
	}
	d->list[d->n++] = *u;
}

/* FNV-1a; our own rows are no attack on it. */
static size_t hash(const struct uuid *u)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < sizeof u->b; i++)
		h = (h ^ u->b[i]) * 1099511628211u;
	return (size_t)(h ^ h >> 32);
}

/* The slot where u is, or where it would be put. */
static size_t find_slot(const struct uuid_dict *d, const struct uuid *u)
{
	size_t s = hash(u) & (d->nslot - 1);

	while (d->slot[s] && memcmp(&d->list[d->slot[s] - 1], u, sizeof *u))
		s = (s + 1) & (d->nslot - 1);
	return s;
}

/* Keep at least half of the slots free. */
static bool grow_slots(struct uuid_dict *d)
{
	size_t nslot = d->nslot ? d->nslot * 2 : 512;
	uint32_t *slot = calloc(nslot, sizeof *slot);

	if (!slot) {
		d->failed = true;
		return false;
	}
	free(d->slot);
	d->slot = slot;
	d->nslot = nslot;
	for (size_t i = 0; i < d->n; i++)
		slot[find_slot(d, &d->list[i])] = (uint32_t)i + 1;
	return true;
}

int64_t uuid_dict_use(struct uuid_dict *d, const struct uuid *u)
{
	if (d->n * 2 >= d->nslot && !grow_slots(d))
		return -1;
	size_t s = find_slot(d, u);

	if (d->slot[s])
		return d->slot[s] - 1;
	uuid_dict_add(d, u);
	if (!d->failed && d->n <= UUID_DICT_MAX &&
	    memcmp(&d->list[d->n - 1], u, sizeof *u) == 0)
		d->slot[s] = (uint32_t)d->n;
	return -1;
}
