/* The log of calls.  See call_log.h. */
#include "config.h"

#include "spool/call_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "spool/spool_p.h"
#include "spool/spool_text.h"

#define COLUMNS 17
#define COLUMNS_NEEDED 15 /* of the first version */

static const char header[] =
    "# start\tend\tpeer\tline\tdirection\tresult\texit\tseconds\tbytes_sent\t"
    "bytes_received\tbundles_sent\tbundles_received\tresent_bytes\tconnect\t"
    "message\tphone\ttry\n";

struct call_log {
	int fd;
	off_t size;        /* when it was opened, whole lines only */
	off_t from, until; /* positions of next and prev */
	uint64_t skipped;
	char *path; /* owned */
};

/* log/calls.log */
static char *log_path(const struct spool *s)
{
	return fs_format("%s/" SPOOL_LOG "/" SPOOL_CALLS, s->dir);
}

/* A text column; "-" when empty, so that columns stay visible to cut and
 * awk. */
static void add_text(struct buf *b, const char *s, size_t max)
{
	if (*s)
		spool_escape(b, s, max);
	else
		buf_addc(b, '-');
}

/* One line. */
static void add_record(struct buf *b, const struct call_record *r)
{
	char start[CLOCK_TEXT], end[CLOCK_TEXT];
	const char *const words[] = {r->peer, r->line, r->direction, r->result};

	clock_format(r->start, start);
	clock_format(r->end, end);
	buf_addf(b, "%s\t%s\t", start, end);
	for (size_t i = 0; i < 4; i++) {
		add_text(b, words[i], TEXT_NAME_MAX);
		buf_addc(b, '\t');
	}
	buf_addf(b,
	    "%d\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64
	    "\t%" PRId64 "\t",
	    r->exit, r->seconds, r->bytes_sent, r->bytes_received,
	    r->bundles_sent, r->bundles_received, r->resent_bytes);
	add_text(b, r->connect, CALL_CONNECT_MAX);
	buf_addc(b, '\t');
	add_text(b, r->message, CALL_MESSAGE_MAX);
	buf_addc(b, '\t');
	add_text(b, r->phone, CALL_PHONE_MAX);
	buf_addf(b, "\t%" PRId64 "\n", r->try);
}

/* Header for a new file, a newline behind a torn line, the line.  One write
 * with O_APPEND, so that two dialers' lines do not mix; torn by a power cut,
 * it spoils itself only.  Two headers, if two begin at once, do no harm. */
static int append(
    int fd, const char *path, const struct call_record *r, struct err *e)
{
	struct buf b = BUF_INIT(2 * CALL_LOG_LINE_MAX);
	struct stat st;
	char last = '\n';
	int rc = 0;

	if (fstat(fd, &st) < 0 ||
	    (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) != 1))
		return err_sys(e, "read %s", path);
	if (st.st_size == 0)
		buf_adds(&b, header);
	if (last != '\n')
		buf_addc(&b, '\n');
	add_record(&b, r);
	if (b.failed)
		rc = err_set(e, ERR_SYSTEM, "no memory to write %s", path);
	if (rc == 0 && fs_write_all(fd, b.p, b.n, e) < 0)
		rc = err_add(e, "%s", path);
	buf_free(&b);
	return rc < 0 ? rc : spool_sync_fd(fd, path, e);
}

int call_log_append(
    const struct spool *s, const struct call_record *r, struct err *e)
{
	char *path;
	int fd, rc;

	if (spool_make_site(s, e) < 0)
		return -1;
	path = log_path(s);
	fd = open(
	    path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
	rc = fd < 0 ? err_sys(e, "open %s", path) : append(fd, path, r, e);
	if (fd >= 0)
		close(fd);
	free(path);
	return rc;
}

struct call_log *call_log_open(const struct spool *s, struct err *e)
{
	struct call_log *l = calloc(1, sizeof(*l));
	struct stat st;

	if (!l) {
		err_set(e, ERR_SYSTEM, "no memory for the log of calls");
		return NULL;
	}
	l->path = log_path(s);
	l->fd = spool_open_file(AT_FDCWD, l->path, &st, e);
	if (l->fd < 0) {
		call_log_close(l);
		return NULL;
	}
	l->size = l->until = st.st_size;
	return l;
}

void call_log_close(struct call_log *l)
{
	if (!l)
		return;
	if (l->fd >= 0)
		close(l->fd);
	free(l->path);
	free(l);
}

uint64_t call_log_skipped(const struct call_log *l)
{
	return l->skipped;
}

/* Copy a text column; "-" is empty; what is too long is cut. */
static void take_text(char *field, char *out, size_t out_n)
{
	size_t n;

	if (strcmp(field, "-") == 0)
		*field = '\0';
	spool_unescape(field);
	n = strnlen(field, out_n - 1);
	memcpy(out, field, n);
	out[n] = '\0';
}

/* The numbers, columns 6 to 12. */
static bool take_numbers(char **f, struct call_record *r)
{
	int64_t code;

	r->exit = 0;
	if (!text_int(f[6], 0, 255, &code))
		return false;
	r->exit = (int)code;
	return text_int(f[7], 0, INT64_MAX, &r->seconds) &&
	       text_int(f[8], 0, INT64_MAX, &r->bytes_sent) &&
	       text_int(f[9], 0, INT64_MAX, &r->bytes_received) &&
	       text_int(f[10], 0, INT64_MAX, &r->bundles_sent) &&
	       text_int(f[11], 0, INT64_MAX, &r->bundles_received) &&
	       text_int(f[12], 0, INT64_MAX, &r->resent_bytes);
}

/* Read a line; further columns are of later versions.  line is spoilt. */
static bool parse_line(char *line, struct call_record *r)
{
	char *f[COLUMNS];

	memset(r, 0, sizeof(*r));
	for (size_t i = 0; i < COLUMNS; i++) {
		f[i] = line;
		line = line ? strchr(line, '\t') : NULL;
		if (line)
			*line++ = '\0';
		else if (i + 1 < COLUMNS_NEEDED)
			return false;
	}
	if (clock_parse(f[0], &r->start) < 0 || clock_parse(f[1], &r->end) < 0)
		return false;
	take_text(f[2], r->peer, sizeof(r->peer));
	take_text(f[3], r->line, sizeof(r->line));
	take_text(f[4], r->direction, sizeof(r->direction));
	take_text(f[5], r->result, sizeof(r->result));
	take_text(f[13], r->connect, sizeof(r->connect));
	take_text(f[14], r->message, sizeof(r->message));
	if (f[15])
		take_text(f[15], r->phone, sizeof(r->phone));
	if (f[16] && !text_int(f[16], 0, INT64_MAX, &r->try))
		r->try = 0;
	return take_numbers(f, r);
}

/* Read up to n bytes at a place; fewer only at the end of the file. */
static ssize_t read_at(
    const struct call_log *l, char *p, size_t n, off_t at, struct err *e)
{
	size_t got = 0;

	while (got < n) {
		ssize_t k = pread(l->fd, p + got, n - got, at + (off_t)got);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_sys(e, "read %s", l->path);
		if (k == 0)
			break;
		got += (size_t)k;
	}
	return (ssize_t)got;
}

/* Is this line a record?  Comments and empty lines are not, and are not
 * broken either. */
static bool use_line(
    struct call_log *l, char *line, size_t n, struct call_record *r)
{
	if (n == 0 || line[0] == '#')
		return false;
	/* a NUL inside would hide the rest */
	if (n < CALL_LOG_LINE_MAX && !memchr(line, '\0', n)) {
		line[n] = '\0';
		if (parse_line(line, r))
			return true;
	}
	l->skipped++;
	return false;
}

int call_log_next(struct call_log *l, struct call_record *r, struct err *e)
{
	char line[CALL_LOG_LINE_MAX + 1], *end;
	bool whole = true; /* line begins where a line begins */

	while (l->from < l->size) {
		size_t left = (size_t)(l->size - l->from);
		ssize_t n = read_at(l, line,
		    left < CALL_LOG_LINE_MAX ? left : CALL_LOG_LINE_MAX,
		    l->from, e);

		if (n < 0)
			return -1;
		end = memchr(line, '\n', (size_t)n);
		if (!end) { /* too long, or torn at the end: skip, once */
			l->skipped += whole;
			whole = false;
			l->from += n ? n : (off_t)left;
			continue;
		}
		l->from += end - line + 1;
		if (whole && use_line(l, line, (size_t)(end - line), r))
			return 1;
		whole = true;
	}
	return 0;
}

/* Where the line begins that ends right before `until` (which is behind its
 * newline): *start; looks back in blocks, so that a line of any length is
 * passed in bounded memory. */
static int line_start(
    const struct call_log *l, off_t until, off_t *start, struct err *e)
{
	char block[CALL_LOG_LINE_MAX];
	off_t at = until - 1; /* the newline itself does not count */

	while (at > 0) {
		size_t n =
		    at < (off_t)sizeof(block) ? (size_t)at : sizeof(block);
		ssize_t got = read_at(l, block, n, at - (off_t)n, e);
		char *nl;

		if (got < 0)
			return -1;
		nl = memrchr(block, '\n', (size_t)got);
		if (nl) {
			*start = at - (off_t)n + (nl - block) + 1;
			return 0;
		}
		at -= (off_t)n;
	}
	*start = 0;
	return 0;
}

int call_log_prev(struct call_log *l, struct call_record *r, struct err *e)
{
	char line[CALL_LOG_LINE_MAX + 1];
	off_t start;

	while (l->until > 0) {
		size_t n;
		ssize_t got;

		if (line_start(l, l->until, &start, e) < 0)
			return -1;
		n = (size_t)(l->until - start);
		l->until = start;
		if (n > CALL_LOG_LINE_MAX) {
			l->skipped++;
			continue;
		}
		got = read_at(l, line, n, start, e);
		if (got < 0)
			return -1;
		/* without its newline it is torn, or being written */
		if (got == 0 || line[got - 1] != '\n')
			l->skipped++;
		else if (use_line(l, line, (size_t)got - 1, r))
			return 1;
	}
	return 0;
}
