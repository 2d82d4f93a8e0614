/* The spool: the part of a site's directory through which the programs hand
 * bundles to each other.  This header: names, opening, listing, reading and
 * counting.  What each program may do to the spool is in a header of its own:
 *
 *	spool_lock.h    who may run
 *	spool_outbox.h  packer: tmp -> outbox; dialer: removes; acked
 *	spool_part.h    dialer: part -> inbox, stored
 *	spool_inbox.h   applier: inbox, held, applied; what is known already
 *	status_file.h   status/NAME, small files replaced whole
 *	call_log.h      log/calls.log
 *
 * A bundle is bytes to all of these.  Nothing is done to a file whose name is
 * not exactly a bundle's: it is a stray, and a person's.  Symbolic links are
 * never followed below the site's directory; a link, fifo or directory that
 * bears a bundle's name is a stray too.
 *
 * Errors: ERR_CALLER a name that text_name_ok refuses, or number 0; ERR_DATA a
 * directory of the spool is a link or no directory; ERR_MISSING, ERR_SYSTEM. */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Every name in the spool, once. */
#define SPOOL_OUTBOX   "outbox"
#define SPOOL_INBOX    "inbox"
#define SPOOL_HELD     "held"
#define SPOOL_TMP      "tmp"  /* in outbox/PEER */
#define SPOOL_PART     "part" /* in inbox/PEER */
#define SPOOL_STATUS   "status"
#define SPOOL_LOG      "log"
#define SPOOL_ACKED    "acked"     /* in outbox/PEER */
#define SPOOL_STORED   "stored"    /* in inbox/PEER */
#define SPOOL_APPLIED  "applied"   /* in inbox/PEER */
#define SPOOL_STATE    "state"     /* in the site's directory; the store's */
#define SPOOL_CALLS    "calls.log" /* in log */
#define SPOOL_SUFFIX   ".xml.gz"
#define SPOOL_WHY      ".why"    /* behind a held bundle's name */
#define SPOOL_OFFSET   ".offset" /* behind a partial's number */
#define SPOOL_LOCKFILE ".lock"

#define SPOOL_NUMBER_MAX   ((uint64_t)1 << 53)
#define SPOOL_NAME_SIZE    32     /* room for a bundle's name and its NUL */
#define SPOOL_LIST_MAX     100000 /* bundles in one listing */
#define SPOOL_SIZE_UNKNOWN UINT64_MAX

/* Directories that hold bundles of one peer. */
enum spool_kind {
	SPOOL_KIND_OUTBOX, /* outbox/PEER: ready */
	SPOOL_KIND_TMP,    /* outbox/PEER/tmp: being built */
	SPOOL_KIND_INBOX,  /* inbox/PEER: stored */
	SPOOL_KIND_PART,   /* inbox/PEER/part: being received */
	SPOOL_KIND_HELD    /* held/PEER */
};

struct spool {
	char *dir; /* owned; the site's directory as it was given */
};

struct spool_entry {
	uint64_t number;
	uint64_t size; /* bytes */
	int64_t mtime; /* seconds since 1970 */
};

struct spool_list {
	struct spool_entry *e; /* owned; sorted by number */
	size_t n;
	bool more; /* higher numbers were left out */
};

struct spool_counts {
	uint64_t outbox_bundles, outbox_bytes;
	uint64_t inbox_bundles, inbox_bytes;
	uint64_t held_bundles;
};

/* Open the spool of the site in dir, which must be there.  Makes nothing. */
int spool_open(struct spool *s, const char *dir, struct err *e);
void spool_close(struct spool *s);

/* Make the directories that every site has, or that every peer has, as far as
 * they are missing. */
int spool_make_site(const struct spool *s, struct err *e);
int spool_make_peer(const struct spool *s, const char *peer, struct err *e);

/* "00000042.xml.gz": at least 8 digits, more only without a leading zero,
 * 1 to SPOOL_NUMBER_MAX.  Anything else: false. */
bool spool_name_parse(const char *name, uint64_t *number);
const char *spool_name_format(uint64_t number, char out[SPOOL_NAME_SIZE]);

/* The directory, or a bundle in it, as a path (malloc; caller frees). */
char *spool_dir_path(
    const struct spool *s, enum spool_kind kind, const char *peer);
char *spool_path(const struct spool *s, enum spool_kind kind, const char *peer,
    uint64_t number);

/* The bundles of one directory in order of number, the lowest max of them
 * (0: SPOOL_LIST_MAX).  A missing directory has none.  Memory is bounded by
 * max, whatever lies in the directory. */
int spool_list(const struct spool *s, enum spool_kind kind, const char *peer,
    size_t max, struct spool_list *out, struct err *e);
/* The same, of numbers above `above` only: the next part of a long list. */
int spool_list_above(const struct spool *s, enum spool_kind kind,
    const char *peer, uint64_t above, size_t max, struct spool_list *out,
    struct err *e);
void spool_list_free(struct spool_list *l);

/* Open a bundle for reading; info (may be NULL) gets number, size, mtime.
 * Returns a descriptor, close-on-exec; -1 with ERR_MISSING when there is no
 * regular file of that name. */
int spool_open_bundle(const struct spool *s, enum spool_kind kind,
    const char *peer, uint64_t number, struct spool_entry *info, struct err *e);

/* zlib's CRC-32 of all bytes of fd, read from its start with pread; size (may
 * be NULL) gets their number. */
int spool_crc32(int fd, uint32_t *crc, uint64_t *size, struct err *e);

/* Go on with such a sum (0 at the start) over n bytes. */
uint32_t spool_crc_add(uint32_t crc, const void *p, size_t n);

/* Count what lies there for one peer; memory does not grow with it. */
int spool_count(const struct spool *s, const char *peer,
    struct spool_counts *out, struct err *e);

#endif
