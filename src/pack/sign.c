/* Keyed digests of a bundle that is whole. */
#include "config.h"

#include <string.h>

#include "bundle/digest.h"
#include "pack/pack_p.h"

_Static_assert(BUNDLE_DIGEST == KEYS_MAC && BUNDLE_DIGESTS_MAX >= KEYS_MAX,
    "a bundle has room for a digest by each key");

int pack_sign(struct buf *out, const struct keys *k, struct err *e)
{
	uint8_t mac[KEYS_MAX][KEYS_MAC];
	size_t at[BUNDLE_DIGESTS_MAX];
	struct key_mac m;

	if (k->n == 0)
		return 0;
	if (bundle_digest_places(out->p, out->n, at) != k->n)
		return err_set(e, ERR_CALLER, "a bundle without places for %zu"
		    " digests", k->n);
	/* all of them first: each is over a file in which all are zero */
	for (size_t i = 0; i < k->n; i++) {
		key_mac_start(&m, &k->key[i]);
		key_mac_add(&m, out->p, out->n);
		key_mac_end(&m, mac[i]);
	}
	for (size_t i = 0; i < k->n; i++)
		memcpy(out->p + at[i], mac[i], KEYS_MAC);
	return 0;
}
