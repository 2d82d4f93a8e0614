/* A peer's section in dialsync.conf; for peer and copy. */
#ifndef DIALSYNC_SITE_PEER_H
#define DIALSYNC_SITE_PEER_H

#include "base/err.h"
#include "config/config.h"

/* Write [peer NAME] with these lines and phones (NULL, or a list with NULL at
 * its end; an empty one leaves what is there).  keyed: a key is, or will be,
 * shared with it; security = none, which is refused then, becomes encrypt.  cfg:
 * what the file says now.  Errors as config_edit.h. */
int site_peer_write(const char *path, const struct config *cfg,
    const char *name, const char *const *lines, const char *const *phones,
    bool keyed, struct err *);

#endif
