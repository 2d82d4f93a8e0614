#include "config.h"

#include "apply/trust.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle/digest.h"

#define PIECE 65536

_Static_assert(PIECE >= BUNDLE_DIGEST_LOOK, "the places are in one piece");

struct look {
	const struct keys *keys;
	size_t count;              /* digests */
	uint8_t digest[BUNDLE_DIGESTS_MAX][BUNDLE_DIGEST];
	struct key_mac mac[KEYS_MAX];
	uint8_t piece[PIECE];
};

/* Fill the piece from off on; bytes, fewer than PIECE only at the end; -1. */
static ssize_t fill(struct look *l, int fd, off_t off, struct err *e)
{
	size_t n = 0;

	while (n < PIECE) {
		ssize_t got = pread(fd, l->piece + n, PIECE - n,
		    off + (off_t)n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, "read bundle");
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

/* The digests leave the first piece, as they were zero when it was signed. */
static void take_digests(struct look *l, size_t n)
{
	size_t at[BUNDLE_DIGESTS_MAX];

	l->count = bundle_digest_places(l->piece, n, at);
	for (size_t i = 0; i < l->count; i++) {
		memcpy(l->digest[i], l->piece + at[i], BUNDLE_DIGEST);
		memset(l->piece + at[i], 0, BUNDLE_DIGEST);
	}
}

static int read_through(struct look *l, int fd, struct err *e)
{
	off_t off = 0;
	ssize_t n;

	do {
		n = fill(l, fd, off, e);
		if (n < 0)
			return -1;
		if (off == 0)
			take_digests(l, (size_t)n);
		if (l->count == 0)
			return 0;
		for (size_t i = 0; i < l->keys->n; i++)
			key_mac_add(&l->mac[i], l->piece, (size_t)n);
		off += n;
	} while (n == PIECE);
	return 0;
}

static void compare(struct look *l, struct trust *t)
{
	for (size_t i = 0; i < l->keys->n; i++) {
		uint8_t mac[KEYS_MAC];

		key_mac_end(&l->mac[i], mac);
		for (size_t k = 0; k < l->count; k++) {
			if (!key_mac_same(mac, l->digest[k]))
				continue;
			t->by[i] = t->any = true;
			t->same_first |= i == 0 && k == 0;
		}
	}
	t->digests = l->count;
}

int trust_look(int fd, const struct keys *keys, struct trust *t,
    struct err *e)
{
	struct look *l = calloc(1, sizeof(*l));
	int rc;

	memset(t, 0, sizeof(*t));
	if (!l)
		return err_set(e, ERR_SYSTEM, "apply: out of memory");
	l->keys = keys;
	for (size_t i = 0; i < keys->n; i++)
		key_mac_start(&l->mac[i], &keys->key[i]);
	rc = read_through(l, fd, e);
	if (rc == 0)
		compare(l, t);
	free(l);
	return rc;
}

int trust_judge(const struct trust *t, const struct keys *keys,
    const char *peer, struct err *e)
{
	if (keys->n == 0 || t->any)
		return 0;
	if (t->digests == 0)
		return err_set(e, ERR_DATA, "it is not signed, and a key is"
		    " shared with %s (keys/%s.key)", peer, peer);
	return err_set(e, ERR_DATA, "its digest fits %s in keys/%s.key: it was"
	    " altered, or signed with another key", keys->n == 1 ?
	    "not the key" : "none of the keys", peer);
}
