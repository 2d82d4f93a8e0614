/* Partials: receive, resume, commit.  See spool_part.h. */
#include "config.h"

#include "spool/spool_part.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "spool/spool_inbox.h"
#include "spool/spool_p.h"
#include "spool/spool_text.h"

#define SIDE_FILE_MAX 1024

/* inbox/PEER/part/N.offset */
static char *side_path(const struct spool *s, const char *peer, uint64_t number)
{
	char *dir = spool_dir_path(s, SPOOL_KIND_PART, peer), *path;

	path = fs_format("%s/%08" PRIu64 SPOOL_OFFSET, dir, number);
	free(dir);
	return path;
}

/* Graphic ASCII that fits its field. */
static bool digest_ok(const char *s)
{
	size_t n = strnlen(s, SPOOL_DIGEST_SIZE);

	if (n == SPOOL_DIGEST_SIZE)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] < 33 || s[i] > 126)
			return false;
	return true;
}

/* Take one line of the side file; unknown keys are for later versions. */
static void side_line(
    const char *line, struct spool_source *src, int64_t *offset)
{
	int64_t v;

	if (strncmp(line, "offset: ", 8) == 0) {
		if (!text_int(line + 8, 0, INT64_MAX, offset))
			*offset = -1;
	} else if (strncmp(line, "size: ", 6) == 0) {
		if (text_int(line + 6, 0, INT64_MAX, &v))
			src->size = (uint64_t)v;
	} else if (strncmp(line, "mtime: ", 7) == 0) {
		if (text_int(line + 7, INT64_MIN, INT64_MAX, &v))
			src->mtime = v;
	} else if (strncmp(line, "digest: ", 8) == 0 && digest_ok(line + 8)) {
		snprintf(src->digest, sizeof(src->digest), "%s", line + 8);
	}
}

/* Read the side file; false when it vouches for nothing. */
static int read_side(
    const char *path, struct spool_source *src, uint64_t *offset, struct err *e)
{
	struct buf b = BUF_INIT(SIDE_FILE_MAX + 1);
	int64_t v = -1;
	size_t at = 0;
	char *line;
	bool cut;
	int rc = spool_read_tail(path, SIDE_FILE_MAX, &b, &cut, e);

	*src = (struct spool_source){SPOOL_SIZE_UNKNOWN, 0, ""};
	*offset = 0;
	while (rc == 0 && !cut && (line = spool_next_line(&b, &at)))
		side_line(line, src, &v);
	if (v > 0 && (uint64_t)v <= src->size)
		*offset = (uint64_t)v;
	buf_free(&b);
	return rc;
}

int spool_part_read(const struct spool *s, const char *peer, uint64_t number,
    struct spool_source *src, uint64_t *offset, struct err *e)
{
	struct stat st;
	char *side, *path;
	int rc;

	*src = (struct spool_source){SPOOL_SIZE_UNKNOWN, 0, ""};
	*offset = 0;
	if (spool_check(peer, number, e) < 0)
		return -1;
	side = side_path(s, peer, number);
	path = spool_path(s, SPOOL_KIND_PART, peer, number);
	rc = read_side(side, src, offset, e);
	/* a file with a second name is published already, see the sweep */
	if (rc == 0 && (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) ||
			   st.st_nlink != 1 || (uint64_t)st.st_size < *offset))
		*offset = 0;
	if (*offset == 0)
		*src = (struct spool_source){SPOOL_SIZE_UNKNOWN, 0, ""};
	free(side);
	free(path);
	return rc;
}

/* Does the sender offer another file than the one that we have a part of? */
static bool source_differs(
    const struct spool_source *old, const struct spool_source *now)
{
	if (old->size != SPOOL_SIZE_UNKNOWN &&
	    now->size != SPOOL_SIZE_UNKNOWN && old->size != now->size)
		return true;
	/* equal digests settle it: a copied outbox has other times */
	if (old->digest[0] && now->digest[0])
		return strcmp(old->digest, now->digest) != 0;
	return old->mtime && now->mtime && old->mtime != now->mtime;
}

/* What both know. */
static void merge_source(
    struct spool_source *src, const struct spool_source *old)
{
	if (src->size == SPOOL_SIZE_UNKNOWN)
		src->size = old->size;
	if (src->mtime == 0)
		src->mtime = old->mtime;
	if (src->digest[0] == '\0')
		memcpy(src->digest, old->digest, sizeof(src->digest));
}

/* Remove side file, then part.  In this order: stopped between the two, a
 * part without side file is begun anew; the other way round, the old offset
 * would vouch for the bytes of a new file. */
static int drop_both(const char *side, const char *path, struct err *e)
{
	if (fs_remove(side, e) < 0)
		return -1;
	return fs_remove(path, e);
}

/* Open the file and cut it to the offset.  What is behind may be garbage. */
static int open_at(struct spool_part *p, struct err *e)
{
	struct stat st;

	p->fd = open(p->path,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
	if (p->fd < 0 || fstat(p->fd, &st) < 0)
		return err_sys(e, "open %s", p->path);
	/* writing into a file with two names would spoil the inbox's */
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return err_set(e, ERR_DATA,
		    "%s is not a plain file of one "
		    "name; remove it",
		    p->path);
	if (ftruncate(p->fd, (off_t)p->end) < 0 ||
	    lseek(p->fd, (off_t)p->end, SEEK_SET) < 0)
		return err_sys(
		    e, "cut %s to %" PRIu64 " bytes", p->path, p->end);
	return 0;
}

/* Settle what to go on from: p->end is the offset or 0. */
static int settle(struct spool_part *p, struct err *e)
{
	struct spool_source old;

	if (spool_part_read(p->spool, p->peer, p->number, &old, &p->end, e) < 0)
		return -1;
	if (p->end > 0 && !source_differs(&old, &p->source)) {
		merge_source(&p->source, &old);
		p->synced = p->end;
		return 0;
	}
	p->end = p->synced = 0;
	p->crc = 0;
	p->crc_known = true;
	return drop_both(p->side, p->path, e);
}

int spool_part_open(const struct spool *s, const char *peer, uint64_t number,
    const struct spool_source *src, struct spool_part **out, uint64_t *offset,
    struct err *e)
{
	struct spool_part *p;

	*out = NULL;
	*offset = 0;
	if (spool_check(peer, number, e) < 0 || spool_make_peer(s, peer, e) < 0)
		return -1;
	if (!digest_ok(src->digest))
		return err_set(e, ERR_PEER,
		    "%s bundle %08" PRIu64 ": its "
		    "digest is not graphic ASCII",
		    peer, number);
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_set(e, ERR_SYSTEM, "no memory for a partial");
	p->spool = s;
	p->peer = fs_format("%s", peer);
	p->number = number;
	p->source = *src;
	p->path = spool_path(s, SPOOL_KIND_PART, peer, number);
	p->side = side_path(s, peer, number);
	p->fd = -1;
	if (settle(p, e) < 0 || open_at(p, e) < 0) {
		spool_part_close(p);
		return -1;
	}
	*out = p;
	*offset = p->end;
	return 0;
}

int spool_part_append(
    struct spool_part *p, const void *data, size_t n, struct err *e)
{
	if (p->source.size != SPOOL_SIZE_UNKNOWN && n > p->source.size - p->end)
		return err_set(e, ERR_PEER,
		    "%s bundle %08" PRIu64 ": more "
		    "than the %" PRIu64 " bytes announced",
		    p->peer, p->number, p->source.size);
	if (fs_write_all(p->fd, data, n, e) < 0) {
		/* some of it may be written: back to what is counted */
		if (ftruncate(p->fd, (off_t)p->end) == 0)
			lseek(p->fd, (off_t)p->end, SEEK_SET);
		return err_add(e, "%s", p->path);
	}
	p->end += n;
	if (p->crc_known)
		p->crc = spool_crc_add(p->crc, data, n);
	return 0;
}

/* Write the side file: what is before `end` is synced. */
static int write_side(const struct spool_part *p, uint64_t end, struct err *e)
{
	struct buf b = BUF_INIT(SIDE_FILE_MAX);
	int rc;

	buf_addf(&b, "offset: %" PRIu64 "\n", end);
	if (p->source.size != SPOOL_SIZE_UNKNOWN)
		buf_addf(&b, "size: %" PRIu64 "\n", p->source.size);
	if (p->source.mtime)
		buf_addf(&b, "mtime: %" PRId64 "\n", p->source.mtime);
	if (p->source.digest[0])
		buf_addf(&b, "digest: %s\n", p->source.digest);
	rc = b.failed ? err_set(e, ERR_SYSTEM, "no memory to write %s", p->side)
		      : fs_replace(p->side, b.p, b.n, 0644, e);
	buf_free(&b);
	return rc;
}

/* Bytes first, then the offset that vouches for them.  Stopped between: the
 * old offset stands, the bytes behind it are cut off and received again.  The
 * replace of the side file syncs part/, and with it the partial's own name. */
int spool_part_vouch(const struct spool_part *p, uint64_t end, struct err *e)
{
	if (fdatasync(p->fd) < 0)
		return err_sys(e, "fdatasync %s", p->path);
	fs_step();
	return write_side(p, end, e);
}

int spool_part_sync(struct spool_part *p, struct err *e)
{
	if (p->end == p->synced)
		return 0;
	if (spool_part_vouch(p, p->end, e) < 0)
		return -1;
	p->synced = p->end;
	return 0;
}

/* Compare with what the sender said.  A whole file that differs is useless,
 * and is dropped so that it is received again from the start. */
static int check_sum(struct spool_commit *c, struct err *e)
{
	struct spool_part *p = c->part;
	char digest[24];

	c->crc = p->crc;
	if (!p->crc_known && spool_crc32(p->fd, &c->crc, NULL, e) < 0)
		return err_add(e, "%s", p->path);
	snprintf(digest, sizeof(digest), "crc32=%08" PRIx32, c->crc);
	if (strncmp(p->source.digest, "crc32=", 6) != 0 ||
	    strcmp(p->source.digest, digest) == 0)
		return 0;
	c->result = SPOOL_COMMIT_DIFFERS;
	return drop_both(p->side, p->path, e);
}

/* The name is taken: by the same bytes (dropped by hand, or received before a
 * sweep was possible)?  Then they are synced as ours would have been, since
 * the peer will be told "stored".  1: other bytes. */
static int take_existing(struct spool_part *p, uint32_t crc, struct err *e)
{
	struct spool_entry info;
	char *dir;
	uint32_t sum = 0;
	int rc, fd = spool_open_bundle(p->spool, SPOOL_KIND_INBOX, p->peer,
		    p->number, &info, NULL);

	if (fd < 0)
		return 1; /* a link or so has the name, or it went just now */
	rc = info.size != p->end ? 1 : spool_crc32(fd, &sum, NULL, e);
	if (rc == 0 && sum != crc)
		rc = 1;
	if (rc == 0)
		rc = spool_sync_fd(fd, p->path, e);
	close(fd);
	if (rc != 0)
		return rc;
	dir = spool_dir_path(p->spool, SPOOL_KIND_INBOX, p->peer);
	rc = fs_sync_dir(dir, e);
	free(dir);
	return rc < 0 ? rc : fs_remove(p->path, e);
}

/* Where the files of a group get their names. */
static int publish_group(struct spool_commit *c, size_t n, struct err *e)
{
	struct fs_name f[SPOOL_COMMIT_MAX];
	char *path[SPOOL_COMMIT_MAX];
	size_t k = 0;
	int rc;

	for (size_t i = 0; i < n; i++) {
		struct spool_part *p = c[i].part;

		if (c[i].result == SPOOL_COMMIT_DIFFERS)
			continue;
		path[k] =
		    spool_path(p->spool, SPOOL_KIND_INBOX, p->peer, p->number);
		f[k] = (struct fs_name){p->fd, p->path, path[k], 0};
		k++;
	}
	rc = k > 0 ? fs_publish_all(f, k, e) : 0;
	k = 0;
	for (size_t i = 0; i < n; i++) {
		if (c[i].result == SPOOL_COMMIT_DIFFERS)
			continue;
		if (rc == 0 && f[k].rc == 1)
			f[k].rc = take_existing(c[i].part, c[i].crc, e);
		if (f[k].rc < 0)
			rc = -1;
		if (f[k].rc == 1)
			c[i].result = SPOOL_COMMIT_TAKEN;
		free(path[k]);
		k++;
	}
	return rc;
}

/* Lines in `stored`, then no side files: nothing of a partial is left. */
static int note_group(struct spool_commit *c, size_t n, struct err *e)
{
	struct spool_mark m[SPOOL_COMMIT_MAX];
	const char *side[SPOOL_COMMIT_MAX];
	const struct spool_part *p = c[0].part;
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (c[i].result != SPOOL_COMMIT_STORED)
			continue;
		m[k] = (struct spool_mark){
		    c[i].part->number, c[i].size, c[i].crc};
		side[k++] = c[i].part->side;
	}
	if (k == 0)
		return 0;
	if (spool_stored_add(p->spool, p->peer, m, k, e) < 0)
		return -1;
	return fs_remove_all(side, k, e);
}

/* Sync each, link each, sync inbox/PEER once, unlink the partials; note all in
 * `stored` with one sync; remove the side files.  Stopped
 *   before a link: the partial goes on from its side file;
 *   between link and unlink: one file with two names; the sweep unlinks part/N
 *     (nobody writes into a file with two names, see open_at);
 *   before the line in `stored`: the bundle is in the inbox, or applied and
 *     noted in `applied`, and is known from there; the sweep adds the line
 *     where there is a side file;
 *   before the side file goes: the sweep removes it.
 * This holds for each bundle of a group by itself, whatever the others have
 * come to; no partial goes before the directory that has its new name is
 * synced.  Returns 0 only when all of it is on the disk: only then may the
 * peer delete any of them. */
int spool_part_commit_all(struct spool_commit *c, size_t n, struct err *e)
{
	if (n == 0 || n > SPOOL_COMMIT_MAX)
		return err_set(e, ERR_CALLER, "a group of %zu bundles", n);
	for (size_t i = 0; i < n; i++) {
		struct spool_part *p = c[i].part;

		if (p->end != c[i].size)
			return err_set(e, ERR_PEER,
			    "%s bundle %08" PRIu64 ": ends "
			    "after %" PRIu64 " bytes of %" PRIu64,
			    p->peer, p->number, p->end, c[i].size);
		c[i].result = SPOOL_COMMIT_STORED;
		if (check_sum(&c[i], e) < 0)
			return -1;
	}
	if (publish_group(c, n, e) < 0 || note_group(c, n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		/* keep it all, so that trying again costs no line */
		if (c[i].result == SPOOL_COMMIT_TAKEN &&
		    spool_part_sync(c[i].part, e) < 0)
			return -1;
	}
	return 0;
}

int spool_part_commit(struct spool_part *p, uint64_t size, struct err *e)
{
	struct spool_commit c = {p, size, SPOOL_COMMIT_STORED, 0};

	if (spool_part_commit_all(&c, 1, e) < 0)
		return -1;
	if (c.result == SPOOL_COMMIT_DIFFERS)
		return err_set(e, ERR_PEER,
		    "%s bundle %08" PRIu64 ": came with "
		    "crc32=%08" PRIx32 " instead of %s",
		    p->peer, p->number, c.crc, p->source.digest);
	if (c.result == SPOOL_COMMIT_TAKEN)
		return 1;
	spool_part_close(p);
	return 0;
}

void spool_part_close(struct spool_part *p)
{
	if (!p)
		return;
	if (p->fd >= 0)
		close(p->fd);
	free(p->peer);
	free(p->path);
	free(p->side);
	free(p);
}

int spool_part_drop(
    const struct spool *s, const char *peer, uint64_t number, struct err *e)
{
	char *side, *path;
	int rc;

	if (spool_check(peer, number, e) < 0 || spool_make_peer(s, peer, e) < 0)
		return -1;
	side = side_path(s, peer, number);
	path = spool_path(s, SPOOL_KIND_PART, peer, number);
	rc = drop_both(side, path, e);
	free(side);
	free(path);
	return rc;
}

/* Note a bundle of the inbox in `stored` as the stopped commit would have,
 * unless it came so far. */
static int note_stored(const struct spool *s, const char *peer, uint64_t number,
    const struct spool_known *known, struct err *e)
{
	struct spool_mark m = {number, 0, 0};
	int rc,
	    fd = spool_open_bundle(s, SPOOL_KIND_INBOX, peer, number, NULL, e);

	if (fd < 0)
		return -1;
	rc = spool_crc32(fd, &m.crc, &m.size, e);
	close(fd);
	if (rc < 0 || spool_known_noted(known, &m))
		return rc;
	return spool_stored_add(s, peer, &m, 1, e);
}

/* A commit that was stopped between link and unlink: sync the new name first,
 * as fs_publish would have. */
static int finish_commit(const struct spool *s, const char *peer,
    uint64_t number, const struct spool_known *known, struct err *e)
{
	char *dir = spool_dir_path(s, SPOOL_KIND_INBOX, peer);
	int rc = fs_sync_dir(dir, e);

	free(dir);
	if (rc < 0 || note_stored(s, peer, number, known, e) < 0)
		return -1;
	return spool_part_drop(s, peer, number, e);
}

/* One partial of the sweep: 1 when it was found stored. */
static int sweep_part(const struct spool *s, const char *peer, uint64_t number,
    const struct spool_known *known, struct err *e)
{
	char *path = spool_path(s, SPOOL_KIND_PART, peer, number);
	char *stored = spool_path(s, SPOOL_KIND_INBOX, peer, number);
	bool published = spool_same_file(path, stored);
	struct spool_source src;
	uint64_t offset;
	int rc;

	free(path);
	free(stored);
	if (published) {
		rc = finish_commit(s, peer, number, known, e);
		return rc < 0 ? -1 : 1;
	}
	rc = spool_part_read(s, peer, number, &src, &offset, e);
	/* only where the size is known: a number alone proves too little to
	 * throw away what was paid for */
	if (rc < 0 || src.size == SPOOL_SIZE_UNKNOWN ||
	    !spool_known_has(known, number, src.size, NULL))
		return rc;
	rc = spool_part_drop(s, peer, number, e);
	return rc < 0 ? -1 : 1;
}

/* The number of "N.offset"; false for anything else. */
static bool side_parse(const char *name, uint64_t *number)
{
	size_t n = strlen(name), tail = strlen(SPOOL_OFFSET);
	char bundle[SPOOL_NAME_SIZE + sizeof(SPOOL_SUFFIX)];

	if (n <= tail || n - tail > 16 ||
	    strcmp(name + n - tail, SPOOL_OFFSET) != 0)
		return false;
	snprintf(
	    bundle, sizeof(bundle), "%.*s" SPOOL_SUFFIX, (int)(n - tail), name);
	return spool_name_parse(bundle, number);
}

/* A side file whose partial is gone: the commit was stopped after its unlink.
 * If the bundle is in the inbox, it may lack its line in `stored`. */
static int sweep_side(const struct spool *s, const char *peer, uint64_t number,
    const struct spool_known *known, unsigned *finished, struct err *e)
{
	char *path = spool_path(s, SPOOL_KIND_PART, peer, number);
	char *stored = spool_path(s, SPOOL_KIND_INBOX, peer, number);
	int rc = 0;

	if (!fs_exists(path)) {
		struct stat st;

		if (lstat(stored, &st) == 0 && S_ISREG(st.st_mode)) {
			rc = note_stored(s, peer, number, known, e);
			*finished += rc == 0;
		}
		if (rc == 0)
			rc = spool_part_drop(s, peer, number, e);
	}
	free(path);
	free(stored);
	return rc;
}

/* All side files, and what a stopped replacement of one left; removing while
 * reading a directory is allowed. */
static int sweep_sides(const struct spool *s, const char *peer,
    const struct spool_known *known, unsigned *finished, struct err *e)
{
	int rc = 0, fd = spool_dir_fd(s, SPOOL_KIND_PART, peer, e);
	struct dirent *d;
	uint64_t number;
	DIR *dir;

	if (fd < 0)
		return -1;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return err_sys(e, "list the partials of %s", peer);
	}
	while (rc == 0 && (d = readdir(dir))) {
		if (side_parse(d->d_name, &number))
			rc = sweep_side(s, peer, number, known, finished, e);
		else if (spool_is_leftover(d->d_name, SPOOL_OFFSET))
			unlinkat(fd, d->d_name, 0);
	}
	closedir(dir);
	return rc;
}

int spool_part_sweep(
    const struct spool *s, const char *peer, unsigned *finished, struct err *e)
{
	struct spool_known *known;
	struct spool_list l;
	unsigned count = 0;
	int rc = 0;

	if (spool_check_name(peer, e) < 0 || spool_make_peer(s, peer, e) < 0)
		return -1;
	known = spool_known_load(s, peer, e);
	if (!known)
		return -1;
	rc = spool_list(s, SPOOL_KIND_PART, peer, 0, &l, e);
	for (size_t i = 0; rc == 0 && i < l.n; i++) {
		int one = sweep_part(s, peer, l.e[i].number, known, e);

		rc = one < 0 ? -1 : 0;
		count += one > 0;
	}
	spool_list_free(&l);
	if (rc == 0)
		rc = sweep_sides(s, peer, known, &count, e);
	spool_known_free(known);
	if (finished)
		*finished = count;
	return rc;
}
