/* Shared by the files of src/spool and their tests only. */
#ifndef SPOOL_SPOOL_P_H
#define SPOOL_SPOOL_P_H

#include <sys/stat.h>

#include "base/buf.h"
#include "base/fs.h"
#include "spool/spool.h"

/* Check a peer's (or line's) name before it becomes part of a path. */
int spool_check_name(const char *name, struct err *e);
/* ... and a bundle's number: 1 to SPOOL_NUMBER_MAX. */
int spool_check(const char *peer, uint64_t number, struct err *e);

/* Open the directory, walking from the site's directory with O_NOFOLLOW at
 * each step.  -1 with ERR_MISSING (not there), ERR_DATA (a link or a file). */
int spool_dir_fd(const struct spool *s, enum spool_kind kind, const char *peer,
    struct err *e);

/* The same as a check, before path-based steps. */
int spool_dir_check(const struct spool *s, enum spool_kind kind,
    const char *peer, struct err *e);

/* fsync and count the step. */
int spool_sync_fd(int fd, const char *path, struct err *e);

/* Open a regular file for reading; never follows a link, never waits for a
 * fifo.  -1 with ERR_MISSING when it is not there or not regular. */
int spool_open_file(
    int dirfd, const char *path, struct stat *st, struct err *e);

/* The last limit bytes of a small file, appended to b; a missing file is
 * empty.  cut (may be NULL): the beginning was left out. */
int spool_read_tail(
    const char *path, size_t limit, struct buf *b, bool *cut, struct err *e);

/* Both names are the same regular file. */
bool spool_same_file(const char *a, const char *b);

/* Link tmp to path and unlink tmp, like fs_publish(-1, ...), but also
 * finishes when an earlier try was stopped after its link: 0.  1: another
 * file has the name. */
int spool_move_new(const char *tmp, const char *path, struct err *e);

/* ".N" suffix ".tmp": left by an fs_replace of a small file of ours that was
 * stopped.  Only the one process that replaces such files may remove it. */
bool spool_is_leftover(const char *name, const char *suffix);

/* A held file's name: "N.xml.gz" or "N-K.xml.gz" with K from 2. */
bool spool_held_parse(const char *name, uint64_t *number, unsigned *k);

/* Is exactly this bundle noted in `stored`, as it was when k was loaded? */
struct spool_known;
struct spool_mark;
bool spool_known_noted(const struct spool_known *k, const struct spool_mark *m);

#endif
