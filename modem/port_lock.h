/* UUCP lock files: how mgetty, minicom, cu, uucico and we keep off each
 * other's ports.  DIR/LCK..NAME holds the owner's process id in HDB format
 * (ten columns, decimal, newline); NAME is the device without /dev/, with
 * every / made a _.  DIR is /run/lock, or $DIALSYNC_LOCK_DIR.
 * Source: Filesystem Hierarchy Standard 3.0, section 5.9. */
#ifndef MODEM_PORT_LOCK_H
#define MODEM_PORT_LOCK_H

#include "base/err.h"

/* Take the lock of this device (a resolved path).  A lock whose process is
 * gone is removed first.  Returns the lock file's path (the caller frees),
 * or NULL: ERR_DEVICE, held by whom or why it cannot be made. */
char *port_lock_take(const char *device, struct err *e);

/* Remove the lock if it is still ours. */
void port_lock_drop(const char *lock);

#endif
