/* `stored`, `applied`, and what is known here.  See spool_inbox.h.
 *
 * A line of either file is "NUMBER SIZE crc32=HEX"; applied begins with
 * "through: NUMBER".  Lines that are not exactly so (torn by a crash, or
 * edited) are skipped: then a bundle may be received twice, which the applier
 * notices; never is one missed. */
#include "config.h"

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

/* A line is 54 bytes at most, so SPOOL_KNOWN_MAX of them fit well. */
#define MARK_LINE_MAX  64
#define MARKS_FILE_MAX ((size_t)SPOOL_KNOWN_MAX * MARK_LINE_MAX)

struct spool_known {
	const struct spool *spool; /* borrowed */
	char *peer;                /* owned */
	struct spool_applied applied;
	size_t n;
	struct spool_mark stored[SPOOL_KNOWN_MAX];
};

/* "inbox/PEER/NAME" */
static char *inbox_file(
    const struct spool *s, const char *peer, const char *name)
{
	return fs_format("%s/" SPOOL_INBOX "/%s/%s", s->dir, peer, name);
}

/* Write one line. */
static void add_mark(struct buf *b, const struct spool_mark *m)
{
	buf_addf(b, "%" PRIu64 " %" PRIu64 " crc32=%08" PRIx32 "\n", m->number,
	    m->size, m->crc);
}

/* Read one line; it is cut into its words. */
static bool parse_mark(char *line, struct spool_mark *m)
{
	char *size = strchr(line, ' '), *crc, *end;
	int64_t number, bytes;

	if (!size)
		return false;
	*size++ = '\0';
	crc = strchr(size, ' ');
	if (!crc)
		return false;
	*crc++ = '\0';
	if (!text_int(line, 1, (int64_t)SPOOL_NUMBER_MAX, &number) ||
	    !text_int(size, 0, INT64_MAX, &bytes) ||
	    strncmp(crc, "crc32=", 6) != 0 || strlen(crc) != 14 ||
	    strspn(crc + 6, "0123456789abcdef") != 8)
		return false;
	m->number = (uint64_t)number;
	m->size = (uint64_t)bytes;
	m->crc = (uint32_t)strtoul(crc + 6, &end, 16);
	return true;
}

/* Append to an array of SPOOL_KNOWN_MAX; the oldest goes when it is full. */
static void push_mark(
    struct spool_mark *marks, size_t *n, const struct spool_mark *m)
{
	if (*n == SPOOL_KNOWN_MAX) {
		memmove(marks, marks + 1, (*n - 1) * sizeof(*marks));
		--*n;
	}
	marks[(*n)++] = *m;
}

/* Read the marks of a file; through (may be NULL) is its first line. */
static int read_marks_file(const char *path, struct spool_mark *m, size_t *n,
    uint64_t *through, struct err *e)
{
	struct buf b = BUF_INIT(2 * MARKS_FILE_MAX + 64);
	struct spool_mark mark;
	char *line;
	size_t at = 0;
	int64_t v;
	bool cut;
	int rc;

	*n = 0;
	if (through)
		*through = 0;
	rc = spool_read_tail(path, 2 * MARKS_FILE_MAX, &b, &cut, e);
	if (rc == 0 && cut)
		spool_next_line(&b, &at); /* begins in the middle */
	while (rc == 0 && (line = spool_next_line(&b, &at))) {
		if (through && strncmp(line, "through: ", 9) == 0 &&
		    text_int(line + 9, 0, (int64_t)SPOOL_NUMBER_MAX, &v))
			*through = (uint64_t)v;
		else if (parse_mark(line, &mark))
			push_mark(m, n, &mark);
	}
	buf_free(&b);
	return rc;
}

static int read_marks(const struct spool *s, const char *peer, const char *name,
    struct spool_mark *m, size_t *n, uint64_t *through, struct err *e)
{
	char *path;
	int rc;

	if (spool_check_name(peer, e) < 0)
		return -1;
	path = inbox_file(s, peer, name);
	rc = read_marks_file(path, m, n, through, e);
	free(path);
	return rc;
}

int spool_applied_read_file(const char *path, struct spool_applied *a,
    struct err *e)
{
	return read_marks_file(path, a->mark, &a->n, &a->through, e);
}

int spool_applied_read(const struct spool *s, const char *peer,
    struct spool_applied *a, struct err *e)
{
	return read_marks(
	    s, peer, SPOOL_APPLIED, a->mark, &a->n, &a->through, e);
}

/* Replaced whole, after the database's commit and before the bundle is
 * deleted: stopped before it, the bundle is still in the inbox and the dialer
 * knows it from there; the applier sees that it is applied and writes again. */
int spool_applied_write(const struct spool *s, const char *peer,
    const struct spool_applied *a, struct err *e)
{
	struct buf b = BUF_INIT(MARKS_FILE_MAX + 64);
	char *path;
	int rc;

	if (spool_check_name(peer, e) < 0 || spool_make_peer(s, peer, e) < 0)
		return -1;
	if (a->n > SPOOL_KNOWN_MAX || a->through > SPOOL_NUMBER_MAX)
		return err_set(e, ERR_CALLER, "too much for %s", SPOOL_APPLIED);
	buf_addf(&b, "through: %" PRIu64 "\n", a->through);
	for (size_t i = 0; i < a->n; i++)
		add_mark(&b, &a->mark[i]);
	path = inbox_file(s, peer, SPOOL_APPLIED);
	rc = b.failed ? err_set(e, ERR_SYSTEM, "no memory to write %s", path)
		      : fs_replace(path, b.p, b.n, 0644, e);
	free(path);
	buf_free(&b);
	return rc;
}

void spool_applied_add(struct spool_applied *a, const struct spool_mark *m)
{
	push_mark(a->mark, &a->n, m);
}

int spool_stored_read(const struct spool *s, const char *peer,
    struct spool_mark *m, size_t *n, struct err *e)
{
	return read_marks(s, peer, SPOOL_STORED, m, n, NULL, e);
}

/* Write the file anew with the last lines and these.  Stopped anywhere: the
 * old file or the new one is there, whole. */
static int rewrite_stored(const struct spool *s, const char *peer,
    const char *path, const struct spool_mark *m, size_t add, struct err *e)
{
	struct spool_mark *old = calloc(SPOOL_KNOWN_MAX, sizeof(*old));
	struct buf b = BUF_INIT(MARKS_FILE_MAX + MARK_LINE_MAX);
	size_t n = 0;
	int rc;

	if (!old)
		return err_set(e, ERR_SYSTEM, "no memory to write %s", path);
	rc = spool_stored_read(s, peer, old, &n, e);
	for (size_t i = 0; i < add; i++)
		push_mark(old, &n, &m[i]);
	for (size_t i = 0; i < n; i++)
		add_mark(&b, &old[i]);
	if (rc == 0 && b.failed)
		rc = err_set(e, ERR_SYSTEM, "no memory to write %s", path);
	if (rc == 0)
		rc = fs_replace(path, b.p, b.n, 0644, e);
	free(old);
	buf_free(&b);
	return rc;
}

/* Append with one write and sync.  The lines are led by a newline when the
 * line before was torn, so that a torn line spoils itself only. */
static int append_stored(int fd, off_t size, const char *path,
    const struct spool_mark *m, size_t n, struct err *e)
{
	struct buf b = BUF_INIT((n + 1) * MARK_LINE_MAX);
	char last = '\n';
	int rc;

	if (size > 0 && pread(fd, &last, 1, size - 1) != 1)
		return err_sys(e, "read %s", path);
	if (last != '\n')
		buf_addc(&b, '\n');
	for (size_t i = 0; i < n; i++)
		add_mark(&b, &m[i]);
	rc = b.failed ? err_set(e, ERR_SYSTEM, "no memory to write %s", path)
		      : fs_write_all(fd, b.p, b.n, e);
	buf_free(&b);
	return rc < 0 ? rc : spool_sync_fd(fd, path, e);
}

/* Stopped before a line is on the disk: the bundle itself is in the inbox
 * (published first) and is known from there; spool_part_sweep adds the line. */
int spool_stored_add(const struct spool *s, const char *peer,
    const struct spool_mark *m, size_t n, struct err *e)
{
	struct stat st;
	char *path, *dir;
	int fd, rc = 0;

	if (n == 0 || n > SPOOL_KNOWN_MAX)
		return err_set(e, ERR_CALLER, "%zu lines for stored", n);
	if (spool_check(peer, m->number, e) < 0 ||
	    spool_dir_check(s, SPOOL_KIND_INBOX, peer, e) < 0)
		return -1;
	path = inbox_file(s, peer, SPOOL_STORED);
	fd = open(
	    path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0 || fstat(fd, &st) < 0)
		rc = err_sys(e, "open %s", path);
	else if ((size_t)st.st_size > 3 * MARKS_FILE_MAX / 2)
		rc = rewrite_stored(s, peer, path, m, n, e);
	else
		rc = append_stored(fd, st.st_size, path, m, n, e);
	if (fd >= 0)
		close(fd);
	if (rc == 0 && st.st_size == 0) { /* a new name */
		dir = spool_dir_path(s, SPOOL_KIND_INBOX, peer);
		rc = fs_sync_dir(dir, e);
		free(dir);
	}
	free(path);
	return rc;
}

struct spool_known *spool_known_load(
    const struct spool *s, const char *peer, struct err *e)
{
	struct spool_known *k;

	if (spool_check_name(peer, e) < 0)
		return NULL;
	k = calloc(1, sizeof(*k));
	if (!k) {
		err_set(e, ERR_SYSTEM, "no memory for what %s sent", peer);
		return NULL;
	}
	k->spool = s;
	k->peer = fs_format("%s", peer);
	if (spool_applied_read(s, peer, &k->applied, e) == 0 &&
	    spool_stored_read(s, peer, k->stored, &k->n, e) == 0)
		return k;
	spool_known_free(k);
	return NULL;
}

void spool_known_free(struct spool_known *k)
{
	if (k)
		free(k->peer);
	free(k);
}

uint64_t spool_known_through(const struct spool_known *k)
{
	return k->applied.through;
}

/* 1: a mark agrees with what is asked; -1: marks of that number differ; 0:
 * none.  The later mark of a number is asked first. */
static int ask_marks(const struct spool_mark *m, size_t n, uint64_t number,
    uint64_t size, const uint32_t *crc)
{
	int answer = 0;

	while (n-- > 0) {
		if (m[n].number != number)
			continue;
		if ((size == SPOOL_SIZE_UNKNOWN || m[n].size == size) &&
		    (!crc || m[n].crc == *crc))
			return 1;
		answer = -1;
	}
	return answer;
}

/* Does a file of that number lie there, with that size and sum? */
static bool ask_file(const struct spool_known *k, enum spool_kind kind,
    uint64_t number, uint64_t size, const uint32_t *crc)
{
	struct spool_entry info;
	uint32_t sum;
	bool same;
	int fd =
	    spool_open_bundle(k->spool, kind, k->peer, number, &info, NULL);

	if (fd < 0)
		return false;
	same =
	    (size == SPOOL_SIZE_UNKNOWN || info.size == size) &&
	    (!crc || (spool_crc32(fd, &sum, NULL, NULL) == 0 && sum == *crc));
	close(fd);
	return same;
}

static bool lies_here(const struct spool_known *k, uint64_t number,
    uint64_t size, const uint32_t *crc)
{
	return ask_file(k, SPOOL_KIND_INBOX, number, size, crc) ||
	    ask_file(k, SPOOL_KIND_HELD, number, size, crc);
}

bool spool_known_exactly(const struct spool_known *k,
    const struct spool_mark *m)
{
	return spool_known_noted(k, m) || spool_applied_has(&k->applied, m) ||
	    lies_here(k, m->number, m->size, &m->crc);
}

bool spool_applied_has(const struct spool_applied *a,
    const struct spool_mark *m)
{
	return ask_marks(a->mark, a->n, m->number, m->size, &m->crc) > 0;
}

bool spool_known_has(const struct spool_known *k, uint64_t number,
    uint64_t size, const uint32_t *crc)
{
	int stored = ask_marks(k->stored, k->n, number, size, crc);
	int applied =
	    ask_marks(k->applied.mark, k->applied.n, number, size, crc);

	if (stored > 0 || applied > 0 || lies_here(k, number, size, crc))
		return true;
	/* an old number whose particulars are forgotten */
	return number >= 1 && number <= k->applied.through && stored == 0 &&
	       applied == 0;
}

bool spool_known_noted(const struct spool_known *k, const struct spool_mark *m)
{
	return ask_marks(k->stored, k->n, m->number, m->size, &m->crc) > 0;
}

/* The last mark of that number and size. */
static bool find_mark(
    const struct spool_mark *mark, size_t n, struct spool_mark *m)
{
	while (n-- > 0) {
		if (mark[n].number != m->number || mark[n].size != m->size)
			continue;
		m->crc = mark[n].crc;
		return true;
	}
	return false;
}

bool spool_known_mark(const struct spool_known *k, struct spool_mark *m)
{
	return find_mark(k->stored, k->n, m) ||
	       find_mark(k->applied.mark, k->applied.n, m);
}

/* The later one counts where a number was used twice. */
static void highest_mark(
    const struct spool_mark *mark, size_t n, struct spool_mark *top)
{
	for (size_t i = 0; i < n; i++)
		if (mark[i].number >= top->number)
			*top = mark[i];
}

/* One that came by a stick is not noted: the inbox is asked too, but not
 * for the sum of a very large one, as somebody waits for the answer. */
#define SUM_AT_ONCE ((uint64_t)16 << 20)
bool spool_known_top(const struct spool_known *k, struct spool_mark *top)
{
	struct spool_list l;
	struct spool_entry *last;
	uint32_t crc;
	int fd;

	*top = (struct spool_mark){0, 0, 0};
	highest_mark(k->applied.mark, k->applied.n, top);
	highest_mark(k->stored, k->n, top);
	if (spool_list_above(k->spool, SPOOL_KIND_INBOX, k->peer, top->number,
		0, &l, NULL) == 0 &&
	    l.n > 0 && l.e[l.n - 1].size <= SUM_AT_ONCE) {
		last = &l.e[l.n - 1];
		fd = spool_open_bundle(k->spool, SPOOL_KIND_INBOX, k->peer,
		    last->number, NULL, NULL);
		if (fd >= 0 && spool_crc32(fd, &crc, NULL, NULL) == 0)
			*top = (struct spool_mark){
			    last->number, last->size, crc};
		if (fd >= 0)
			close(fd);
	}
	spool_list_free(&l);
	return top->number > 0;
}

int spool_have(const struct spool *s, const char *peer, uint64_t number,
    uint64_t size, bool *have, struct err *e)
{
	struct spool_known *k = spool_known_load(s, peer, e);

	*have = false;
	if (!k)
		return -1;
	*have = spool_known_has(k, number, size, NULL);
	spool_known_free(k);
	return 0;
}
