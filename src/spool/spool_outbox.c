/* tmp -> outbox -> gone.  See spool_outbox.h. */
#include "config.h"

#include "spool/spool_outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "spool/spool_p.h"

int spool_tmp_create(const struct spool *s, const char *peer, uint64_t number,
    char **path, struct err *e)
{
	char *tmp;
	int fd;

	if (path)
		*path = NULL;
	if (spool_check(peer, number, e) < 0 || spool_make_peer(s, peer, e) < 0)
		return -1;
	tmp = spool_path(s, SPOOL_KIND_TMP, peer, number);
	/* O_EXCL: what lies there may be committed, and no link is followed */
	fd =
	    open(tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0) {
		int there = errno == EEXIST;

		err_sys(e, "create %s", tmp);
		if (there && e)
			e->kind = ERR_CALLER;
	}
	if (fd >= 0 && path)
		*path = tmp;
	else
		free(tmp);
	return fd;
}

/* Stopped in here: the number is not committed yet, so whatever is in tmp is
 * swept.  Returned: bytes and name are on the disk, so that once the number
 * is committed there is a whole file to publish. */
int spool_tmp_sync(const struct spool *s, const char *peer, uint64_t number,
    int fd, struct err *e)
{
	char *dir, *path;
	int rc;

	if (spool_check(peer, number, e) < 0)
		return -1;
	path = spool_path(s, SPOOL_KIND_TMP, peer, number);
	rc = spool_sync_fd(fd, path, e);
	free(path);
	if (rc < 0)
		return -1;
	dir = spool_dir_path(s, SPOOL_KIND_TMP, peer);
	rc = fs_sync_dir(dir, e);
	free(dir);
	return rc;
}

/* Remove bundles from one of the outbox's two places.  Stopped after an
 * unlink and before the sync: a power cut may bring it back; then it is swept
 * or sent again, and the receiver has it already. */
static int drop(const struct spool *s, enum spool_kind kind, const char *peer,
    const uint64_t *number, size_t n, struct err *e)
{
	struct err why = ERR_INIT;
	char *path[SPOOL_REMOVE_MAX];
	int rc = 0;

	if (n == 0 || n > SPOOL_REMOVE_MAX)
		return err_set(e, ERR_CALLER, "%zu bundles to remove", n);
	for (size_t i = 0; i < n; i++)
		if (spool_check(peer, number[i], e) < 0)
			return -1;
	if (spool_dir_check(s, kind, peer, &why) < 0) {
		if (why.kind == ERR_MISSING)
			return 0; /* no directory, nothing to remove */
		if (e)
			*e = why;
		return -1;
	}
	for (size_t i = 0; i < n; i++)
		path[i] = spool_path(s, kind, peer, number[i]);
	rc = fs_remove_all((const char *const *)path, n, e);
	for (size_t i = 0; i < n; i++)
		free(path[i]);
	return rc;
}

int spool_tmp_drop(
    const struct spool *s, const char *peer, uint64_t number, struct err *e)
{
	return drop(s, SPOOL_KIND_TMP, peer, &number, 1, e);
}

/* Stopped before the link: tmp/N is there and committed, the sweep publishes
 * it.  Between link and unlink: N is ready, and tmp/N is a second name of it;
 * the sweep unlinks that.  If the dialer has sent and removed N before the
 * sweep comes, N is published and sent once more, and the peer, which has it
 * in `stored`, takes no byte of it. */
int spool_publish_outbox(
    const struct spool *s, const char *peer, uint64_t number, struct err *e)
{
	char *tmp, *path;
	int rc;

	if (spool_check(peer, number, e) < 0 ||
	    spool_dir_check(s, SPOOL_KIND_TMP, peer, e) < 0)
		return -1;
	tmp = spool_path(s, SPOOL_KIND_TMP, peer, number);
	path = spool_path(s, SPOOL_KIND_OUTBOX, peer, number);
	rc = spool_move_new(tmp, path, e);
	free(tmp);
	free(path);
	return rc;
}

/* The highest number in one directory, whatever lies in it. */
static int highest(const struct spool *s, enum spool_kind kind,
    const char *peer, uint64_t *number, struct err *e)
{
	struct spool_list l;

	/* more than SPOOL_LIST_MAX: the caller's database knows better */
	if (spool_list(s, kind, peer, 0, &l, e) < 0)
		return -1;
	if (l.n > 0 && l.e[l.n - 1].number > *number)
		*number = l.e[l.n - 1].number;
	spool_list_free(&l);
	return 0;
}

int spool_outbox_last(
    const struct spool *s, const char *peer, uint64_t *number, struct err *e)
{
	if (spool_acked_read(s, peer, number, e) < 0 ||
	    highest(s, SPOOL_KIND_TMP, peer, number, e) < 0)
		return -1;
	return highest(s, SPOOL_KIND_OUTBOX, peer, number, e);
}

/* One file of the sweep. */
static int sweep_one(const struct spool *s, const char *peer, uint64_t number,
    spool_committed_fn *is_committed, void *ctx, struct spool_sweep *done,
    struct err *e)
{
	int committed = is_committed(ctx, number, e), rc;

	if (committed < 0)
		return -1;
	if (!committed) {
		rc = spool_tmp_drop(s, peer, number, e);
		done->removed += rc == 0;
		return rc;
	}
	rc = spool_publish_outbox(s, peer, number, e);
	done->published += rc == 0;
	done->clashed += rc == 1;
	return rc < 0 ? -1 : 0;
}

/* Each file is settled by itself; stopped anywhere, the next sweep finds the
 * rest and comes to the same end. */
int spool_sweep_outbox_tmp(const struct spool *s, const char *peer,
    spool_committed_fn *is_committed, void *ctx, struct spool_sweep *done,
    struct err *e)
{
	struct spool_list l;
	int rc = 0;

	*done = (struct spool_sweep){0, 0, 0};
	if (spool_list(s, SPOOL_KIND_TMP, peer, 0, &l, e) < 0)
		return -1;
	for (size_t i = 0; i < l.n && rc == 0; i++)
		rc = sweep_one(
		    s, peer, l.e[i].number, is_committed, ctx, done, e);
	spool_list_free(&l);
	return rc;
}

int spool_outbox_stored(
    const struct spool *s, const char *peer, uint64_t number, struct err *e)
{
	return drop(s, SPOOL_KIND_OUTBOX, peer, &number, 1, e);
}

int spool_outbox_stored_all(const struct spool *s, const char *peer,
    const uint64_t *number, size_t n, struct err *e)
{
	return drop(s, SPOOL_KIND_OUTBOX, peer, number, n, e);
}

/* outbox/PEER/acked */
static char *acked_path(const struct spool *s, const char *peer)
{
	return fs_format("%s/" SPOOL_OUTBOX "/%s/" SPOOL_ACKED, s->dir, peer);
}

/* Replaced whole: a reader, and whoever comes after a crash, sees the old
 * number or the new one, and both were true. */
int spool_acked_write(
    const struct spool *s, const char *peer, uint64_t number, struct err *e)
{
	char text[40], *path;
	int n, rc;

	if (spool_check_name(peer, e) < 0 || spool_make_peer(s, peer, e) < 0)
		return -1;
	n = snprintf(text, sizeof(text), "number: %" PRIu64 "\n", number);
	path = acked_path(s, peer);
	rc = fs_replace(path, text, (size_t)n, 0644, e);
	free(path);
	return rc;
}

int spool_acked_read(
    const struct spool *s, const char *peer, uint64_t *number, struct err *e)
{
	struct buf b = BUF_INIT(256);
	const char *p;
	int64_t v;
	char *path;
	int rc;

	*number = 0;
	if (spool_check_name(peer, e) < 0)
		return -1;
	path = acked_path(s, peer);
	rc = spool_read_tail(path, 200, &b, NULL, e);
	free(path);
	p = buf_str(&b);
	if (rc == 0 && strncmp(p, "number: ", 8) == 0 && p[b.n - 1] == '\n') {
		b.p[strcspn(p, "\n")] = '\0';
		if (text_int(p + 8, 0, (int64_t)SPOOL_NUMBER_MAX, &v))
			*number = (uint64_t)v;
	}
	buf_free(&b);
	return rc;
}

int spool_outbox_drop_acked(
    const struct spool *s, const char *peer, unsigned *removed, struct err *e)
{
	struct spool_list l;
	uint64_t through;
	int rc = 0;

	if (removed)
		*removed = 0;
	if (spool_acked_read(s, peer, &through, e) < 0)
		return -1;
	if (through == 0)
		return 0;
	if (spool_list(s, SPOOL_KIND_OUTBOX, peer, 0, &l, e) < 0)
		return -1;
	for (size_t i = 0; i < l.n && l.e[i].number <= through; i++) {
		rc = spool_outbox_stored(s, peer, l.e[i].number, e);
		if (rc < 0)
			break;
		if (removed)
			++*removed;
	}
	spool_list_free(&l);
	return rc;
}
