/* Changes dialsync.conf in place.  Comments, order, indentation, line ends and
 * all lines that are not meant stay byte for byte; the new file is checked as
 * config_read() does it, and only then put in the old one's place, at once.
 *
 * All return 0, or -1 with nothing written: ERR_MISSING no file, ERR_CONFIG
 * the file as it would be has errors (e names the first), ERR_USAGE a name or
 * value that no line can carry, ERR_SYSTEM.  Doing the same again changes
 * nothing and writes nothing.  Two editors at once are not held apart: the
 * later rename wins whole. */
#ifndef CONFIG_CONFIG_EDIT_H
#define CONFIG_CONFIG_EDIT_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* A key's values from now on: a list with NULL at its end.  More than one is
 * for keys that may be repeated; none removes the key. */
struct config_edit {
	const char *key;             /* borrowed, as are the values */
	const char *const *values;
};

/* Set keys of [peer NAME]; the section is added at the file's end if there is
 * none.  n may be 0. */
int config_edit_set_peer(const char *path, const char *name,
    const struct config_edit *edits, size_t n, struct err *e);

/* Remove [peer NAME] with its keys and the comment lines directly above it.
 * ERR_USAGE: there is no such peer. */
int config_edit_remove_peer(const char *path, const char *name,
    struct err *e);

/* Set keys of [site], for copies: name, database. */
int config_edit_set_site(const char *path, const struct config_edit *edits,
    size_t n, struct err *e);

/* The commented dialsync.conf of a new site, with every key and its default.
 * -1 with ERR_USAGE: name is no site name, or no line can carry database. */
int config_template(struct buf *out, const char *name, const char *database,
    struct err *e);

#endif
