/* Names, walking the directories safely, listing, counting.  See spool.h. */
#include "config.h"

#include "spool/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/text.h"
#include "spool/spool_p.h"

/* Where each kind lies: first directory, then PEER, then sub (or none). */
static const struct {
	const char *top, *sub;
} places[] = {
    [SPOOL_KIND_OUTBOX] = {SPOOL_OUTBOX, NULL},
    [SPOOL_KIND_TMP] = {SPOOL_OUTBOX, SPOOL_TMP},
    [SPOOL_KIND_INBOX] = {SPOOL_INBOX, NULL},
    [SPOOL_KIND_PART] = {SPOOL_INBOX, SPOOL_PART},
    [SPOOL_KIND_HELD] = {SPOOL_HELD, NULL},
};

int spool_open(struct spool *s, const char *dir, struct err *e)
{
	struct stat st;

	s->dir = NULL;
	if (stat(dir, &st) < 0) {
		int missing = errno == ENOENT || errno == ENOTDIR;

		err_sys(e, "site directory %s", dir);
		if (missing && e)
			e->kind = ERR_MISSING;
		return -1;
	}
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_MISSING, "%s is not a directory", dir);
	s->dir = fs_format("%s", dir);
	return 0;
}

void spool_close(struct spool *s)
{
	free(s->dir);
	s->dir = NULL;
}

/* Make DIR/a[/b[/c]], one level at a time, and sync every parent that got a
 * new entry: what is published below must not vanish with its directory. */
static int make_dirs(const struct spool *s, const char *a, const char *b,
    const char *c, struct err *e)
{
	const char *names[] = {a, b, c};
	char *path = fs_format("%s", s->dir), *next;
	int rc = 0;

	for (size_t i = 0; i < 3 && names[i] && rc == 0; i++) {
		next = fs_join(path, names[i]);
		if (mkdir(next, 0777) == 0)
			rc = fs_sync_dir(path, e);
		else if (errno != EEXIST)
			rc = err_sys(e, "mkdir %s", next);
		free(path);
		path = next;
	}
	free(path);
	return rc;
}

int spool_make_site(const struct spool *s, struct err *e)
{
	const char *const names[] = {
	    SPOOL_OUTBOX, SPOOL_INBOX, SPOOL_HELD, SPOOL_STATUS, SPOOL_LOG};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (make_dirs(s, names[i], NULL, NULL, e) < 0)
			return -1;
	return 0;
}

int spool_make_peer(const struct spool *s, const char *peer, struct err *e)
{
	if (spool_check_name(peer, e) < 0 ||
	    make_dirs(s, SPOOL_OUTBOX, peer, SPOOL_TMP, e) < 0 ||
	    make_dirs(s, SPOOL_INBOX, peer, SPOOL_PART, e) < 0 ||
	    make_dirs(s, SPOOL_HELD, peer, NULL, e) < 0)
		return -1;
	for (int k = SPOOL_KIND_OUTBOX; k <= SPOOL_KIND_HELD; k++)
		if (spool_dir_check(s, (enum spool_kind)k, peer, e) < 0)
			return -1;
	return 0;
}

/* Digits up to end, in the one way that spool_name_format writes them. */
static bool parse_number(const char *p, size_t n, uint64_t *number)
{
	uint64_t v = 0;

	/* 2^53 has 16 digits, so v cannot overflow */
	if (n < 8 || n > 16 || (n > 8 && p[0] == '0'))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(p[i] - '0');
	}
	if (v < 1 || v > SPOOL_NUMBER_MAX)
		return false;
	*number = v;
	return true;
}

bool spool_name_parse(const char *name, uint64_t *number)
{
	size_t n = strlen(name), tail = strlen(SPOOL_SUFFIX);

	return n > tail && strcmp(name + n - tail, SPOOL_SUFFIX) == 0 &&
	       parse_number(name, n - tail, number);
}

const char *spool_name_format(uint64_t number, char out[SPOOL_NAME_SIZE])
{
	snprintf(out, SPOOL_NAME_SIZE, "%08" PRIu64 SPOOL_SUFFIX, number);
	return out;
}

bool spool_held_parse(const char *name, uint64_t *number, unsigned *k)
{
	const char *dash = strchr(name, '-');
	char tail[16];

	*k = 1;
	if (!dash)
		return spool_name_parse(name, number);
	if (!parse_number(name, (size_t)(dash - name), number))
		return false;
	for (const char *p = dash + 1; *p >= '0' && *p <= '9'; p++) {
		if (p - dash > 3)
			return false;
		*k = (p == dash + 1 ? 0 : *k * 10) + (unsigned)(*p - '0');
	}
	/* written back it must be the same, so "-02" and "-" are strays */
	snprintf(tail, sizeof(tail), "%u" SPOOL_SUFFIX, *k);
	return *k >= 2 && strcmp(dash + 1, tail) == 0;
}

int spool_check_name(const char *name, struct err *e)
{
	if (name && text_name_ok(name))
		return 0;
	return err_set(e, ERR_CALLER, "not a name for the spool: \"%.40s\"",
	    name ? name : "");
}

int spool_check(const char *peer, uint64_t number, struct err *e)
{
	if (spool_check_name(peer, e) < 0)
		return -1;
	if (number < 1 || number > SPOOL_NUMBER_MAX)
		return err_set(
		    e, ERR_CALLER, "not a bundle's number: %" PRIu64, number);
	return 0;
}

char *spool_dir_path(
    const struct spool *s, enum spool_kind kind, const char *peer)
{
	if (places[kind].sub)
		return fs_format("%s/%s/%s/%s", s->dir, places[kind].top, peer,
		    places[kind].sub);
	return fs_format("%s/%s/%s", s->dir, places[kind].top, peer);
}

char *spool_path(const struct spool *s, enum spool_kind kind, const char *peer,
    uint64_t number)
{
	char name[SPOOL_NAME_SIZE], *dir = spool_dir_path(s, kind, peer), *path;

	path = fs_join(dir, spool_name_format(number, name));
	free(dir);
	return path;
}

/* Say why a step of the walk failed. */
static int walk_error(const struct spool *s, enum spool_kind kind,
    const char *peer, const char *at, struct err *e)
{
	char *path = spool_dir_path(s, kind, peer);

	if (errno == ELOOP || errno == ENOTDIR) {
		err_set(e, ERR_DATA,
		    "%s: \"%s\" in it is a link or no "
		    "directory; the spool must be plain directories",
		    path, at);
	} else {
		int missing = errno == ENOENT;

		err_sys(e, "open %s", path);
		if (missing && e)
			e->kind = ERR_MISSING;
	}
	free(path);
	return -1;
}

int spool_dir_fd(const struct spool *s, enum spool_kind kind, const char *peer,
    struct err *e)
{
	const char *step[] = {places[kind].top, peer, places[kind].sub};
	int fd, next;

	if (spool_check_name(peer, e) < 0)
		return -1;
	fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return walk_error(s, kind, peer, s->dir, e);
	for (size_t i = 0; i < 3 && step[i]; i++) {
		next = openat(fd, step[i],
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			walk_error(s, kind, peer, step[i], e);
		close(fd);
		if (next < 0)
			return -1;
		fd = next;
	}
	return fd;
}

int spool_dir_check(const struct spool *s, enum spool_kind kind,
    const char *peer, struct err *e)
{
	int fd = spool_dir_fd(s, kind, peer, e);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

/* Sorts by number. */
static int by_number(const void *a, const void *b)
{
	const struct spool_entry *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

/* Keep the lowest max of what is collected. */
static void keep_lowest(struct spool_list *l, size_t max)
{
	if (l->n > 1)
		qsort(l->e, l->n, sizeof(*l->e), by_number);
	if (l->n > max) {
		l->n = max;
		l->more = true;
	}
}

/* Room for one more entry, up to 2 * max, so that sorting happens only once
 * in max entries. */
static int list_room(
    struct spool_list *l, size_t *cap, size_t max, struct err *e)
{
	struct spool_entry *p;
	size_t want;

	if (l->n == 2 * max)
		keep_lowest(l, max);
	if (l->n < *cap)
		return 0;
	want = *cap ? *cap * 2 : 64;
	if (want > 2 * max)
		want = 2 * max;
	p = realloc(l->e, want * sizeof(*p));
	if (!p)
		return err_set(e, ERR_SYSTEM, "no memory for a listing");
	l->e = p;
	*cap = want;
	return 0;
}

/* Fill in size and mtime; what has gone meanwhile, or is no regular file,
 * leaves the list. */
static void stat_entries(struct spool_list *l, int fd)
{
	char name[SPOOL_NAME_SIZE];
	struct stat st;
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct spool_entry x = l->e[i];

		spool_name_format(x.number, name);
		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		x.size = (uint64_t)st.st_size;
		x.mtime = st.st_mtime;
		l->e[kept++] = x;
	}
	l->n = kept;
}

/* Open the directory as a stream.  NULL and 0: it is not there. */
static int open_stream(const struct spool *s, enum spool_kind kind,
    const char *peer, DIR **out, struct err *e)
{
	struct err why = ERR_INIT;
	int fd = spool_dir_fd(s, kind, peer, &why);

	*out = NULL;
	if (fd < 0 && why.kind == ERR_MISSING)
		return 0;
	if (fd < 0) {
		if (e)
			*e = why;
		return -1;
	}
	*out = fdopendir(fd);
	if (*out)
		return 0;
	close(fd);
	return err_sys(e, "list the bundles of %s", peer);
}

int spool_list(const struct spool *s, enum spool_kind kind, const char *peer,
    size_t max, struct spool_list *out, struct err *e)
{
	return spool_list_above(s, kind, peer, 0, max, out, e);
}

int spool_list_above(const struct spool *s, enum spool_kind kind,
    const char *peer, uint64_t above, size_t max, struct spool_list *out,
    struct err *e)
{
	size_t cap = 0;
	struct dirent *d;
	uint64_t number;
	DIR *dir;
	int rc = 0;

	*out = (struct spool_list){NULL, 0, false};
	if (max == 0 || max > SPOOL_LIST_MAX)
		max = SPOOL_LIST_MAX;
	if (open_stream(s, kind, peer, &dir, e) < 0)
		return -1;
	if (!dir)
		return 0;
	while (rc == 0 && (errno = 0, d = readdir(dir))) {
		if (!spool_name_parse(d->d_name, &number) || number <= above)
			continue;
		rc = list_room(out, &cap, max, e);
		if (rc == 0)
			out->e[out->n++] = (struct spool_entry){number, 0, 0};
	}
	if (rc == 0 && errno)
		rc = err_sys(e, "list the bundles of %s", peer);
	keep_lowest(out, max);
	stat_entries(out, dirfd(dir));
	closedir(dir);
	if (rc < 0)
		spool_list_free(out);
	return rc;
}

void spool_list_free(struct spool_list *l)
{
	free(l->e);
	*l = (struct spool_list){NULL, 0, false};
}

int spool_open_file(int dirfd, const char *path, struct stat *st, struct err *e)
{
	/* O_NONBLOCK: a fifo that bears the name must not stop us */
	int fd = openat(dirfd, path,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0) {
		int missing = errno == ENOENT || errno == ELOOP;

		err_sys(e, "open %s", path);
		if (missing && e)
			e->kind = ERR_MISSING;
		return -1;
	}
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	close(fd);
	return err_set(e, ERR_MISSING, "%s is not a regular file", path);
}

int spool_open_bundle(const struct spool *s, enum spool_kind kind,
    const char *peer, uint64_t number, struct spool_entry *info, struct err *e)
{
	char name[SPOOL_NAME_SIZE];
	struct stat st;
	int dir, fd;

	if (spool_check(peer, number, e) < 0)
		return -1;
	dir = spool_dir_fd(s, kind, peer, e);
	if (dir < 0)
		return -1;
	fd = spool_open_file(dir, spool_name_format(number, name), &st, e);
	close(dir);
	if (fd < 0)
		return err_add(e, "%s", peer);
	if (info)
		*info = (struct spool_entry){
		    number, (uint64_t)st.st_size, st.st_mtime};
	return fd;
}

int spool_crc32(int fd, uint32_t *crc, uint64_t *size, struct err *e)
{
	unsigned char chunk[16384];
	uLong sum = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, chunk, sizeof(chunk), at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(
			    e, "read a bundle at byte %lld", (long long)at);
		sum = crc32(sum, chunk, (uInt)n);
		at += n;
	}
	*crc = (uint32_t)sum;
	if (size)
		*size = (uint64_t)at;
	return 0;
}

uint32_t spool_crc_add(uint32_t crc, const void *p, size_t n)
{
	return (uint32_t)crc32_z(crc, p, n);
}

/* Count the bundles of one directory. */
static int count_dir(const struct spool *s, enum spool_kind kind,
    const char *peer, uint64_t *bundles, uint64_t *bytes, struct err *e)
{
	struct dirent *d;
	struct stat st;
	uint64_t number;
	unsigned k;
	DIR *dir;
	int rc = 0;

	*bundles = *bytes = 0;
	if (open_stream(s, kind, peer, &dir, e) < 0)
		return -1;
	if (!dir)
		return 0;
	while ((errno = 0, d = readdir(dir))) {
		if (kind == SPOOL_KIND_HELD
			? !spool_held_parse(d->d_name, &number, &k)
			: !spool_name_parse(d->d_name, &number))
			continue;
		if (fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) <
			0 ||
		    !S_ISREG(st.st_mode))
			continue;
		*bundles += 1;
		*bytes += (uint64_t)st.st_size;
	}
	if (errno)
		rc = err_sys(e, "count the bundles of %s", peer);
	closedir(dir);
	return rc;
}

int spool_count(const struct spool *s, const char *peer,
    struct spool_counts *out, struct err *e)
{
	uint64_t held_bytes;

	memset(out, 0, sizeof(*out));
	if (count_dir(s, SPOOL_KIND_OUTBOX, peer, &out->outbox_bundles,
		&out->outbox_bytes, e) < 0 ||
	    count_dir(s, SPOOL_KIND_INBOX, peer, &out->inbox_bundles,
		&out->inbox_bytes, e) < 0)
		return -1;
	return count_dir(
	    s, SPOOL_KIND_HELD, peer, &out->held_bundles, &held_bytes, e);
}
