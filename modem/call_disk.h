/* The durable steps of a call, in a thread of their own, so that the line
 * never stops for a disk.  Jobs are given, and results fetched, by the loop's
 * thread; only the functions of src/spool touch the disk.
 *
 * At most CALL_DISK_MAX jobs wait; a giver waits beyond that.  While
 * call_disk_room() is false the loop should not read the line.
 *
 * Errors: the first one stays in call_disk_error(); jobs after it are still
 * done.  A partial whose commit failed is synced, if possible, and kept. */
#ifndef MODEM_CALL_DISK_H
#define MODEM_CALL_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "spool/spool_part.h"

#define CALL_DISK_MAX 512 /* each commit that waits holds a descriptor */

enum call_disk_what {
	CALL_DISK_SYNC,   /* have the side file vouch for what came so far */
	CALL_DISK_COMMIT, /* all of it has come: make it stored */
	CALL_DISK_KEEP,   /* no more comes in this call: sync, close */
	CALL_DISK_REMOVE  /* a bundle of the outbox is stored there */
};
struct call_disk_result {
	enum call_disk_what what;
	uint64_t number;
	uint64_t size; /* SYNC, KEEP: the offset that is vouched for now */
	enum spool_commit_result result; /* COMMIT */
	bool failed;   /* see call_disk_error() */
};

struct call_disk; /* opaque */

/* Start the thread.  NULL: ERR_SYSTEM. */
struct call_disk *call_disk_new(
    const struct spool *s, const char *peer, struct err *e);
/* Finish what was given, end the thread, free; results not fetched are lost.
 * NULL is fine. */
void call_disk_free(struct call_disk *d);

bool call_disk_room(struct call_disk *d);
int call_disk_fd(const struct call_disk *d); /* readable: there are results */

/* COMMIT and KEEP take the partial.  SYNC borrows it until its result: only
 * appending is allowed meanwhile, and giving it to COMMIT or KEEP.  Committing
 * wants all of size bytes appended. */
void call_disk_sync(struct call_disk *d, struct spool_part *p);
void call_disk_commit(struct call_disk *d, struct spool_part *p);
void call_disk_keep(struct call_disk *d, struct spool_part *p);
void call_disk_remove(struct call_disk *d, uint64_t number);

/* The next result, or false. */
bool call_disk_done(struct call_disk *d, struct call_disk_result *r);
/* Wait until all that was given is done. */
void call_disk_wait(struct call_disk *d);
/* The first error; kind ERR_NONE while there is none. */
void call_disk_error(struct call_disk *d, struct err *e);

#endif
