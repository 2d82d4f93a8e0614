/* Keys that are shared with a peer: made, brought along, typed; for peer and
 * copy.  doc/KEYS.md says how they are exchanged and replaced. */
#ifndef DIALSYNC_SITE_KEY_H
#define DIALSYNC_SITE_KEY_H

#include "base/err.h"
#include "keys/keys.h"
#include "site/site.h"

/* Where the user takes a key from. */
enum key_source { KEY_FROM_NOWHERE, KEY_NEW, KEY_FROM_FILE, KEY_ASKED };

/* Get what the user wishes; file: of KEY_FROM_FILE.  Changes nothing here.
 * Errors: ERR_CONFIG it is no key, and why; ERR_MISSING, ERR_SYSTEM; ERR_AGAIN
 * stopped while typing. */
int site_key_get(enum key_source, const char *file, const char *peer,
    struct keys *, struct err *);

/* Put those of `more` on top of keys/PEER.key that are not in it, in their
 * order; the others stay where they are.  *added: how many; *all: how many
 * there are now.  Waits some seconds for a packer.  Errors: ERR_BUSY the packer is
 * at work for the peer; ERR_CONFIG the file is broken, or would have more than
 * KEYS_MAX; ERR_SYSTEM. */
int site_key_add(const struct site *, const char *peer,
    const struct keys *more, size_t *added, size_t *all, struct err *);

/* What a person does next with a key that was put on top. */
void site_key_tell(const struct site *, const char *peer, enum key_source,
    const struct keys *more, size_t added, size_t all);

#endif
