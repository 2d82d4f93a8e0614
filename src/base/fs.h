/* Durable files.  All writes that must survive a power cut go through here;
 * every durable step is counted, so that a test can stop the program after
 * the n-th one (configure --enable-stop-points; DIALSYNC_STOP_AFTER=n in the
 * environment; the process then ends at once with _exit(100)). */
#ifndef BASE_FS_H
#define BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* A durable step was just made.  fs_* call it themselves; the store calls it
 * after each COMMIT. */
void fs_step(void);

/* Told of each step, in any build; NULL (the default): nobody.  For tests that
 * stop a child process at a step of their choice. */
extern void (*fs_step_hook)(void);

/* mkdir -p; mode of new directories is 0777 & ~umask. */
int fs_mkdirs(const char *path, struct err *e);

/* fsync the directory itself, so that a rename or unlink in it is durable. */
int fs_sync_dir(const char *dir, struct err *e);

/* Replace path by these bytes: write path's directory/.NAME.tmp, fsync,
 * rename, fsync the directory.  A reader sees the old file or the new one.
 * mode: of the new file (0644, 0600), or 0 to keep the old file's mode
 * (0644 if there is none). */
int fs_replace(const char *path, const void *p, size_t n, mode_t mode,
    struct err *e);

/* As fs_replace without any fsync: for status files, which tell nothing that
 * matters after a crash.  Not a durable step. */
int fs_replace_fast(const char *path, const void *p, size_t n, mode_t mode,
    struct err *e);

/* Copy all bytes of `from` (read with pread from its start) to path, on
 * whatever file system that is (a stick's: no links, no modes): written beside
 * as .NAME.tmp, fsync, rename, fsync of the directory.  What had the name is
 * replaced; stopped before, it is there as it was, and the next copy to path
 * writes over .NAME.tmp.  more (may be NULL) is told of each piece; when it
 * returns false, the copy is given up with ERR_AGAIN. */
int fs_copy(int from, const char *path, bool (*more)(void *arg, size_t n),
    void *arg, struct err *e);

/* fsync fd, then give it the name: link(2) from tmp to path so that an
 * existing path is never replaced, fsync the directory, unlink tmp.  Both
 * must be on one file system.  Returns 0; 1 when path exists already (tmp is
 * left); -1 with e.  fd may be -1 when tmp has been synced already. */
int fs_publish(int fd, const char *tmp, const char *path, struct err *e);

/* One of several files that get names in one directory. */
struct fs_name {
	int fd;                 /* -1: synced already */
	const char *tmp, *path; /* borrowed */
	int rc;                 /* 0, or 1: path exists already, tmp is left */
};
/* fs_publish for n >= 1 files of one directory, which is synced once for all
 * of them; so is the file system where they are many (then all fd count, or
 * none).  -1: some may have their names, all have kept their tmp. */
int fs_publish_all(struct fs_name *f, size_t n, struct err *e);

/* unlink, then fsync its directory.  A missing file is no error. */
int fs_remove(const char *path, struct err *e);
/* The same for n files of one directory, which is synced once, after the
 * last of them. */
int fs_remove_all(const char *const *path, size_t n, struct err *e);

/* Read a whole file of at most b->limit bytes into b (appended).  A missing
 * file: -1 with kind ERR_MISSING; too long: ERR_DATA. */
int fs_read(const char *path, struct buf *b, struct err *e);

/* write(2) until all is written, EINTR handled. */
int fs_write_all(int fd, const void *p, size_t n, struct err *e);

bool fs_exists(const char *path);

/* "DIR/NAME" into a new string (malloc); aborts when out of memory, as these
 * are short and bounded. */
char *fs_join(const char *dir, const char *name);
char *fs_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
