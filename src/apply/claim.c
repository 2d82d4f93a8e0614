#include "config.h"

#include "apply/claim.h"

#include <string.h>

struct version claim_version(const struct frag *frags, int n,
    const uint64_t *registers, int words, claim_version_cmp *cmp, void *arg)
{
	struct version latest = {0, 0};
	uint64_t both[MASK_WORDS];

	for (int i = 0; i < n; i++)
		if (mask_and(both, frags[i].mask.w, registers, words) &&
		    cmp(arg, &frags[i].ver, &latest) > 0)
			latest = frags[i].ver;
	return latest;
}

static int bytes_cmp(const struct value *a, const struct value *b)
{
	size_t n = a->n < b->n ? a->n : b->n;
	int c = n ? memcmp(a->p, b->p, n) : 0;

	return c ? c : a->n < b->n ? -1 : a->n > b->n;
}

int claim_cmp(const struct claim *a, const struct claim *b,
    claim_version_cmp *cmp, void *arg)
{
	int c = cmp(arg, &a->ver, &b->ver);

	if (c)
		return c;
	if (a->key.type != b->key.type)
		return a->key.type < b->key.type ? -1 : 1;
	if (a->key.type == VALUE_INTEGER)
		return a->key.i < b->key.i ? -1 : a->key.i > b->key.i;
	c = bytes_cmp(&a->key, &b->key);
	return c < 0 ? -1 : c > 0;
}

enum claim_step claim_decide(const struct claim_index *ix, int n, int *which)
{
	for (int i = 0; i < n; i++) {
		if (ix[i].holder != CLAIM_EARLIER)
			continue;
		*which = i;
		return ix[i].yields ? CLAIM_YIELD : CLAIM_WHOLE;
	}
	return CLAIM_PLACE;
}
