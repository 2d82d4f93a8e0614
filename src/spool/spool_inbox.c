/* The applier's moves: remove, hold, unhold.  See spool_inbox.h. */
#include "config.h"

#include "spool/spool_inbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool/spool_p.h"
#include "spool/spool_text.h"

#define HELD_MAX 999 /* bundles held under one number */

/* Stopped before: the applier finds it, sees that it is applied, and removes
 * it again.  The bundle's changes are committed before this is called. */
int spool_inbox_remove(
    const struct spool *s, const char *peer, uint64_t number, struct err *e)
{
	char *path;
	int rc;

	if (spool_check(peer, number, e) < 0 ||
	    spool_dir_check(s, SPOOL_KIND_INBOX, peer, e) < 0)
		return -1;
	path = spool_path(s, SPOOL_KIND_INBOX, peer, number);
	rc = fs_remove(path, e);
	free(path);
	return rc;
}

/* held/PEER/N.xml.gz, or held/PEER/N-K.xml.gz. */
static char *held_path(
    const struct spool *s, const char *peer, uint64_t number, unsigned k)
{
	char *dir, *path;

	if (k == 1)
		return spool_path(s, SPOOL_KIND_HELD, peer, number);
	dir = spool_dir_path(s, SPOOL_KIND_HELD, peer);
	path = fs_format("%s/%08" PRIu64 "-%u" SPOOL_SUFFIX, dir, number, k);
	free(dir);
	return path;
}

/* The first free name, or the one that an earlier hold of this very file was
 * stopped at.  NULL: none left. */
static char *free_held_path(
    const struct spool *s, const char *peer, uint64_t number, const char *from)
{
	for (unsigned k = 1; k <= HELD_MAX; k++) {
		char *path = held_path(s, peer, number, k);

		if (!fs_exists(path) || spool_same_file(from, path))
			return path;
		free(path);
	}
	return NULL;
}

/* One line beside the bundle, synced with its directory. */
static int write_why(const char *held, const char *reason, struct err *e)
{
	struct buf b = BUF_INIT(4 * SPOOL_REASON_MAX + 2);
	char *path = fs_format("%s" SPOOL_WHY, held);
	int rc;

	spool_escape(&b, reason ? reason : "", SPOOL_REASON_MAX);
	buf_addc(&b, '\n');
	rc = b.failed ? err_set(e, ERR_SYSTEM, "no memory to write %s", path)
		      : fs_replace(path, b.p, b.n, 0644, e);
	free(path);
	buf_free(&b);
	return rc;
}

/* Is there a bundle to move?  ERR_MISSING if not. */
static int check_there(const struct spool *s, enum spool_kind kind,
    const char *peer, uint64_t number, struct err *e)
{
	int fd = spool_open_bundle(s, kind, peer, number, NULL, e);

	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 0 : -1;
}

/* The reason first, so that nothing is ever held without one.
 * Stopped before the link: a reason without a bundle, which the next hold of
 * the number overwrites or spool_held_sweep removes; the bundle is in the
 * inbox and is judged again.  Between link and unlink: it has both names; the
 * applier judges it again and this function finishes.  A power cut after the
 * unlink but before the last sync is that same case. */
int spool_hold(const struct spool *s, const char *peer, uint64_t number,
    const char *reason, struct err *e)
{
	char *from, *to, *dir;
	int rc;

	if (check_there(s, SPOOL_KIND_INBOX, peer, number, e) < 0 ||
	    spool_make_peer(s, peer, e) < 0)
		return -1;
	from = spool_path(s, SPOOL_KIND_INBOX, peer, number);
	to = free_held_path(s, peer, number, from);
	if (!to) {
		free(from);
		return err_set(e, ERR_DATA,
		    "%d bundles are held under number "
		    "%" PRIu64 " of %s already",
		    HELD_MAX, number, peer);
	}
	rc = write_why(to, reason, e);
	if (rc == 0)
		rc = spool_move_new(from, to, e);
	if (rc == 1) /* somebody put a file there just now */
		rc = err_set(e, ERR_AGAIN, "%s exists already", to);
	free(from);
	free(to);
	if (rc < 0)
		return rc;
	dir = spool_dir_path(s, SPOOL_KIND_INBOX, peer);
	rc = fs_sync_dir(dir, e);
	free(dir);
	return rc;
}

/* Stopped between link and unlink: in the inbox and still held; the applier
 * settles the one in the inbox, holding it again finds the same file.  After
 * the unlink: a reason without a bundle, which the sweep removes. */
int spool_unhold(
    const struct spool *s, const char *peer, uint64_t number, struct err *e)
{
	char *from, *to, *why;
	int rc;

	if (check_there(s, SPOOL_KIND_HELD, peer, number, e) < 0 ||
	    spool_make_peer(s, peer, e) < 0)
		return -1;
	from = spool_path(s, SPOOL_KIND_HELD, peer, number);
	to = spool_path(s, SPOOL_KIND_INBOX, peer, number);
	why = fs_format("%s" SPOOL_WHY, from);
	rc = spool_move_new(from, to, e);
	if (rc == 0)
		rc = fs_remove(why, e); /* syncs held/PEER for both */
	free(from);
	free(to);
	free(why);
	return rc;
}

/* Does name end so?  Then the length before it, else 0. */
static size_t before_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);

	return n > k && strcmp(name + n - k, suffix) == 0 ? n - k : 0;
}

/* Is this a reason whose bundle is not there? */
static bool orphan_why(int dir, const char *name)
{
	size_t n = before_suffix(name, SPOOL_WHY);
	char bundle[SPOOL_NAME_SIZE];
	uint64_t number;
	struct stat st;
	unsigned k;

	if (n == 0 || n >= sizeof(bundle))
		return false;
	memcpy(bundle, name, n);
	bundle[n] = '\0';
	return spool_held_parse(bundle, &number, &k) &&
	       fstatat(dir, bundle, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
	       errno == ENOENT;
}

/* Nothing here needs to be durable: what comes back is swept again. */
int spool_held_sweep(const struct spool *s, const char *peer, struct err *e)
{
	struct err why = ERR_INIT;
	struct dirent *d;
	DIR *dir;
	int fd = spool_dir_fd(s, SPOOL_KIND_HELD, peer, &why);

	if (fd < 0) {
		if (why.kind == ERR_MISSING)
			return 0;
		if (e)
			*e = why;
		return -1;
	}
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return err_sys(e, "list what is held of %s", peer);
	}
	while ((d = readdir(dir)))
		if (orphan_why(fd, d->d_name) ||
		    spool_is_leftover(d->d_name, SPOOL_WHY))
			unlinkat(fd, d->d_name, 0);
	closedir(dir);
	return 0;
}

/* Nobody waits for it, and nothing depends on it. */
void spool_wake_applier(const struct spool *s)
{
	char *path = fs_format("%s/" SPOOL_STATUS "/applier.wake", s->dir);
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	ssize_t n = 0;

	free(path);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
		n = write(fd, "b", 1);
	(void)n; /* full: it is awake, or will look by itself */
	close(fd);
}
