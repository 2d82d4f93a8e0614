/* status/NAME: what one process is doing, as `key: value` lines, nested keys
 * with dots; replaced whole.  Its owner holds a lock (fcntl F_OFD_SETLK, the
 * whole file) on every version before that version gets the name; so a file
 * without a lock is one whose owner is gone.  An owner that ends in good
 * order writes `ended: TIME` last.  Nothing here must survive a crash.
 *
 * Values are one line: \n \r \t \\ and \xHH for other control characters.
 *
 * Errors: ERR_BUSY another process owns the file; ERR_CALLER a bad name or
 * key; ERR_DATA (reader) too long; ERR_MISSING (reader); ERR_SYSTEM. */
#ifndef SPOOL_STATUS_FILE_H
#define SPOOL_STATUS_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "spool/spool.h"

#define STATUS_FILE_MAX  ((size_t)64 << 10) /* bytes */
#define STATUS_KEYS_MAX  256
#define STATUS_KEY_MAX   64   /* a-z 0-9 _ - . */
#define STATUS_VALUE_MAX 1000 /* bytes before escaping; longer ones are cut */
#define STATUS_FLUSH_MS  200  /* at most five versions a second */

struct status_file;

/* Become the owner of status/NAME ("dialer.modem", "packer", "applier") and
 * write a first version: pid and since.  The caller holds the spool_lock of
 * that kind, which settles races between two starting processes. */
struct status_file *status_open(
    const struct spool *s, const char *name, struct err *e);

/* All calls below take NULL for the owner and then do nothing: a program that
 * could not open its status file goes on without.
 *
 * Set a key (kept in memory until a flush); NULL removes it.  A bad key or too
 * many of them: the first such error comes out of the next flush. */
void status_set(struct status_file *f, const char *key, const char *value);
void status_set_int(struct status_file *f, const char *key, int64_t value);
void status_set_bool(struct status_file *f, const char *key, bool value);
void status_set_time(struct status_file *f, const char *key, int64_t wall);

/* Write a new version if something was set and the last one is 200 ms old, or
 * force is true.  A caller that gets an error goes on without status. */
int status_flush(struct status_file *f, bool force, struct err *e);

/* How long until status_flush has something to write: 0 now, UINT64_MAX
 * nothing to write. */
uint64_t status_due_ms(const struct status_file *f);

/* Write `ended` and let go.  NULL is fine. */
void status_close(struct status_file *f);

struct status_pair {
	char *key, *value; /* owned; value unescaped */
};

struct status_map {
	struct status_pair *pair; /* owned; in the order of the file */
	size_t n;
};

/* Read a file; alive: its owner holds the lock at this moment.  Takes no lock.
 * Lines that are no `key: value` are skipped. */
int status_read(
    const char *path, struct status_map *m, bool *alive, struct err *e);
/* The value, or NULL. */
const char *status_map_get(const struct status_map *m, const char *key);
int64_t status_map_int(
    const struct status_map *m, const char *key, int64_t otherwise);
void status_map_free(struct status_map *m);

#endif
