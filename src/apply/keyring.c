#include "config.h"

#include "apply/keyring.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "spool/spool_lock.h"

/* In dialsync_meta: "key:PEER:NAME" is 1 when the peer was seen to use it. */
#define KEY_META "key:%s:%016" PRIx64
#define META_MAX (TEXT_NAME_MAX + 32)

/* A name for a key in the database, which tells nothing of it. */
static uint64_t name_of(const struct key *k)
{
	static const char text[] = "which key";
	uint8_t mac[KEYS_MAC];
	struct key_mac m;
	uint64_t name;

	key_mac_start(&m, k);
	key_mac_add(&m, text, sizeof(text) - 1);
	key_mac_end(&m, mac);
	memcpy(&name, mac, sizeof(name));
	return name;
}

static void meta_name(char out[META_MAX], const char *peer,
    const struct key *k)
{
	snprintf(out, META_MAX, KEY_META, peer, name_of(k));
}

int keyring_open(struct keyring *r, const struct spool *sp, struct store *s,
    const char *peer, struct err *e)
{
	memset(r, 0, sizeof(*r));
	if (keys_read(sp->dir, peer, &r->keys, e) < 0)
		return -1;
	for (size_t i = 0; i < r->keys.n; i++) {
		char name[META_MAX];
		int64_t seen;

		meta_name(name, peer, &r->keys.key[i]);
		if (store_meta_int(s, name, 0, &seen, e) < 0)
			return -1;
		r->seen[i] = seen == 1;
	}
	return 0;
}

void keyring_close(struct keyring *r)
{
	keys_wipe(&r->keys);
}

static int remember(struct store *s, const char *peer, const struct key *k,
    struct err *e)
{
	char name[META_MAX];

	meta_name(name, peer, k);
	if (store_begin(s, e) < 0)
		return -1;
	if (store_meta_set_int(s, name, 1, e) == 0 && store_commit(s, e) == 0)
		return 0;
	store_rollback(s);
	return -1;
}

/* Why an old key may go.  The peer has our first key on top, so it accepts what
 * is signed with that alone; it signs with all that it has, so from this bundle
 * on all of its bundles carry a digest by our first.  Those before it were
 * applied, or will be found to be known.
 *
 * Only keys go that the peer was seen to use, then or before: one that it has not
 * got yet may be the one that it puts on top next.  Otherwise two sites that made
 * a key each at the same time, and exchanged them, could drop each other's and
 * be left without a common one. */
int keyring_used(struct keyring *r, struct store *s, const char *peer,
    const struct trust *t, struct err *e)
{
	for (size_t i = 0; i < r->keys.n; i++) {
		if (!t->by[i] || r->seen[i])
			continue;
		if (remember(s, peer, &r->keys.key[i], e) < 0)
			return -1;
		r->seen[i] = true;
	}
	for (size_t i = 1; i < r->keys.n && t->same_first; i++)
		if (r->seen[i])
			r->drop[i] = r->any_drop = true;
	return 0;
}

static bool same_keys(const struct keys *a, const struct keys *b)
{
	return a->n == b->n &&
	    memcmp(a->key, b->key, a->n * sizeof(*a->key)) == 0;
}

static int forget(struct keyring *r, struct store *s, const char *peer,
    struct err *e)
{
	if (store_begin(s, e) < 0)
		return -1;
	for (size_t i = 0; i < r->keys.n; i++) {
		char name[META_MAX];

		meta_name(name, peer, &r->keys.key[i]);
		if (r->drop[i] && db_execf(s->db, e, "DELETE FROM"
			" dialsync_meta WHERE k = %Q", name) < 0)
			goto fail;
	}
	if (store_commit(s, e) == 0)
		return 0;
fail:
	store_rollback(s);
	return -1;
}

/* The packer's lock is held: nobody else writes the file. */
static int drop_keys(struct keyring *r, const struct spool *sp,
    const char *peer, size_t *gone, struct err *e)
{
	struct keys now, left = {.n = 0};
	int rc = keys_read(sp->dir, peer, &now, e);

	/* a person was faster; what is there now is judged next time */
	if (rc == 0 && same_keys(&now, &r->keys)) {
		for (size_t i = 0; i < r->keys.n; i++)
			if (!r->drop[i])
				left.key[left.n++] = r->keys.key[i];
		rc = keys_write(sp->dir, peer, &left, e);
		if (rc == 0)
			*gone = r->keys.n - left.n;
	}
	keys_wipe(&now);
	keys_wipe(&left);
	return rc;
}

/* Stopped before the file is replaced: the keys stay, and go with a later
 * bundle.  After it: marks without a key stay in the database, and mean
 * nothing. */
int keyring_settle(struct keyring *r, const struct spool *sp, struct store *s,
    const char *peer, size_t *gone, struct err *e)
{
	struct spool_lock lock = SPOOL_LOCK_INIT;
	int rc;

	*gone = 0;
	if (!r->any_drop)
		return 0;
	if (spool_lock(sp, SPOOL_LOCK_PACKER, peer, &lock, e) < 0) {
		if (e->kind != ERR_BUSY)
			return -1;
		err_clear(e);
		return 0;
	}
	rc = drop_keys(r, sp, peer, gone, e);
	spool_unlock(&lock);
	if (rc == 0 && *gone > 0)
		rc = forget(r, s, peer, e);
	r->any_drop = false;
	return rc;
}
