/* Where a database is at home: which computer, directory and file.  The
 * database remembers it; where it wakes up elsewhere it was moved, or it is a
 * copy that nobody told us of, while the original goes on under the same name.
 * doc/STORE.md, "Moved, or copied". */
#ifndef CAPTURE_IDENTITY_H
#define CAPTURE_IDENTITY_H

#include <limits.h>

#include "store/store.h"

struct host_identity {
	char machine[20];     /* a hash of the machine's id; "" not known;
			       * "network": the file system is shared */
	int64_t device, inode; /* of the database; device 0 on a network */
	char dir[PATH_MAX];   /* of the site, real; "" nothing known yet */
};

enum identity_change {
	IDENTITY_FIRST,   /* nothing was known: this is its home now */
	IDENTITY_SAME,
	IDENTITY_MOVED,   /* the same file under another path */
	IDENTITY_COPIED   /* another file elsewhere: moved to another disk or
			   * computer, or a second copy; nobody can tell */
};

/* Pure; the table is in doc/STORE.md. */
enum identity_change identity_decide(const struct host_identity *old,
    const struct host_identity *now);

/* As it is kept in dialsync_meta ("place"), and back; false: no such text. */
#define IDENTITY_META "place"
void identity_write(const struct host_identity *, char *out, size_t size);
bool identity_read(const char *text, struct host_identity *);

/* Where this database is now.  site_dir: the site's directory. */
int identity_look(struct store *, const char *site_dir,
    struct host_identity *, struct err *);

/* Remember it, in an open write transaction. */
int identity_store(struct store *, const struct host_identity *,
    struct err *);

/* Before a program packs or applies (outside of a transaction): compare.  A
 * database that is elsewhere than it was begins a new incarnation, since both
 * a moved site and a second copy can go on with one of their own; what to do
 * if it is a copy is said through the store's warn. */
int identity_check(struct store *, const char *site_dir, struct err *);

#endif
