/* Status files.  See status_file.h. */
#include "config.h"

#include "spool/status_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "spool/spool_p.h"
#include "spool/spool_text.h"

struct status_file {
	char *path, *tmp; /* owned */
	struct status_map map;
	struct err wrong;    /* the first bad key, for the next flush */
	uint64_t written_ms; /* when the last version was written */
	bool dirty;
	int fd; /* of the last version: holds the lock */
};

/* Keys are written as they are, so they must be one plain word. */
static bool key_ok(const char *key)
{
	size_t n = strspn(key, "abcdefghijklmnopqrstuvwxyz"
			       "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");

	return n > 0 && n <= STATUS_KEY_MAX && key[n] == '\0';
}

/* Lock the whole file; false with errno when another has it. */
static bool take_lock(int fd)
{
	struct flock f = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_SETLK, &f) == 0;
}

/* Does anybody hold the lock?  Asks only. */
static bool is_locked(int fd)
{
	struct flock f = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_GETLK, &f) == 0 && f.l_type != F_UNLCK;
}

/* Text of a whole version. */
static int format(const struct status_file *f, struct buf *b, struct err *e)
{
	for (size_t i = 0; i < f->map.n; i++) {
		buf_addf(b, "%s: ", f->map.pair[i].key);
		spool_escape(b, f->map.pair[i].value, STATUS_VALUE_MAX);
		buf_addc(b, '\n');
	}
	if (b->failed)
		return err_set(e, ERR_CALLER, "%s: more than %zu bytes",
		    f->path, STATUS_FILE_MAX);
	return 0;
}

/* The new version is locked before it gets the name, and the old one stays
 * locked until then: at no instant does the name lead to an unlocked file
 * while its owner lives.  (fs_replace_fast cannot do that.)  No fsync: after a
 * crash the owner is gone, and so is what it said. */
static int write_version(
    struct status_file *f, const struct buf *b, struct err *e)
{
	int fd, rc;

	if (unlink(f->tmp) < 0 && errno != ENOENT)
		return err_sys(e, "unlink %s", f->tmp);
	fd = open(
	    f->tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_sys(e, "create %s", f->tmp);
	rc = take_lock(fd) ? fs_write_all(fd, buf_str(b), b->n, e)
			   : err_sys(e, "lock %s", f->tmp);
	if (rc == 0 && rename(f->tmp, f->path) < 0)
		rc = err_sys(e, "rename %s to %s", f->tmp, f->path);
	if (rc < 0) {
		close(fd);
		unlink(f->tmp);
		return -1;
	}
	if (f->fd >= 0)
		close(f->fd);
	f->fd = fd;
	return 0;
}

/* Is the file owned by a living process?  Then say which. */
static int check_owner(const char *path, const char *name, struct err *e)
{
	struct status_map m;
	bool alive;
	const char *pid;

	if (status_read(path, &m, &alive, NULL) < 0)
		return 0; /* none yet, or damaged: replace it */
	pid = status_map_get(&m, "pid");
	if (alive)
		err_set(e, ERR_BUSY, "%s is running already (process %.20s)",
		    name, pid ? pid : "unknown");
	status_map_free(&m);
	return alive ? -1 : 0;
}

struct status_file *status_open(
    const struct spool *s, const char *name, struct err *e)
{
	struct status_file *f;

	/* "dialer." and a line's name may be longer than a name alone */
	if (!key_ok(name) || name[0] == '.') {
		err_set(
		    e, ERR_CALLER, "not a status file's name: \"%.40s\"", name);
		return NULL;
	}
	if (spool_make_site(s, e) < 0)
		return NULL;
	f = calloc(1, sizeof(*f));
	if (!f) {
		err_set(e, ERR_SYSTEM, "no memory for status/%s", name);
		return NULL;
	}
	f->fd = -1;
	f->path = fs_format("%s/" SPOOL_STATUS "/%s", s->dir, name);
	f->tmp = fs_format("%s/" SPOOL_STATUS "/.%s.tmp", s->dir, name);
	status_set_int(f, "pid", (int64_t)getpid());
	status_set_time(f, "since", clock_wall());
	if (check_owner(f->path, name, e) == 0 && status_flush(f, true, e) == 0)
		return f;
	status_map_free(&f->map);
	free(f->path);
	free(f->tmp);
	free(f);
	return NULL;
}

/* The place of a key, or map.n. */
static size_t find(const struct status_map *m, const char *key)
{
	size_t i = 0;

	while (i < m->n && strcmp(m->pair[i].key, key) != 0)
		i++;
	return i;
}

/* Append a pair; false when there are too many or memory is out. */
static bool add_pair(struct status_map *m, const char *key, const char *value)
{
	struct status_pair *p;

	if (m->n >= STATUS_KEYS_MAX)
		return false;
	if (m->n % 16 == 0) {
		p = realloc(m->pair, (m->n + 16) * sizeof(*p));
		if (!p)
			return false;
		m->pair = p;
	}
	p = &m->pair[m->n++];
	p->key = fs_format("%s", key);
	p->value = fs_format("%.*s", STATUS_VALUE_MAX, value);
	return true;
}

/* Remove the pair at i; order is kept. */
static void remove_pair(struct status_map *m, size_t i)
{
	free(m->pair[i].key);
	free(m->pair[i].value);
	memmove(
	    &m->pair[i], &m->pair[i + 1], (m->n - i - 1) * sizeof(*m->pair));
	m->n--;
}

void status_set(struct status_file *f, const char *key, const char *value)
{
	size_t i;

	if (!f)
		return;
	i = find(&f->map, key);
	if (i == f->map.n) {
		if (!value)
			return;
		if (key_ok(key) && add_pair(&f->map, key, value))
			f->dirty = true;
		else if (f->wrong.kind == ERR_NONE)
			err_set(&f->wrong, ERR_CALLER,
			    "%s: key \"%.64s\" is bad or one too many", f->path,
			    key);
		return;
	}
	if (!value) {
		remove_pair(&f->map, i);
	} else if (strcmp(f->map.pair[i].value, value) != 0) {
		free(f->map.pair[i].value);
		f->map.pair[i].value =
		    fs_format("%.*s", STATUS_VALUE_MAX, value);
	} else {
		return;
	}
	f->dirty = true;
}

void status_set_int(struct status_file *f, const char *key, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	status_set(f, key, text);
}

void status_set_bool(struct status_file *f, const char *key, bool value)
{
	status_set(f, key, value ? "true" : "false");
}

void status_set_time(struct status_file *f, const char *key, int64_t wall)
{
	char text[CLOCK_TEXT];

	clock_format(wall, text);
	status_set(f, key, text);
}

uint64_t status_due_ms(const struct status_file *f)
{
	uint64_t gone;

	if (!f || !f->dirty)
		return UINT64_MAX;
	gone = clock_ms() - f->written_ms;
	return gone >= STATUS_FLUSH_MS ? 0 : STATUS_FLUSH_MS - gone;
}

int status_flush(struct status_file *f, bool force, struct err *e)
{
	struct buf b = BUF_INIT(STATUS_FILE_MAX);
	int rc;

	if (!f)
		return 0;
	if (f->wrong.kind != ERR_NONE) {
		if (e)
			*e = f->wrong;
		err_clear(&f->wrong);
		return -1;
	}
	if (!f->dirty || (!force && status_due_ms(f) > 0))
		return 0;
	rc = format(f, &b, e);
	if (rc == 0)
		rc = write_version(f, &b, e);
	buf_free(&b);
	/* after an error too: no more than five tries a second */
	f->written_ms = clock_ms();
	if (rc == 0)
		f->dirty = false;
	return rc;
}

void status_close(struct status_file *f)
{
	if (!f)
		return;
	err_clear(&f->wrong);
	status_set_time(f, "ended", clock_wall());
	status_flush(f, true, NULL);
	if (f->fd >= 0)
		close(f->fd);
	status_map_free(&f->map);
	free(f->path);
	free(f->tmp);
	free(f);
}

/* Cut the text into pairs; what is no pair is skipped. */
static void parse(struct buf *b, struct status_map *m)
{
	size_t at = 0;
	char *line, *colon;

	while ((line = spool_next_line(b, &at))) {
		colon = strstr(line, ": ");
		if (!colon)
			continue;
		*colon = '\0';
		if (!key_ok(line))
			continue;
		spool_unescape(colon + 2);
		if (!add_pair(m, line, colon + 2))
			return;
	}
}

/* Open the file that has the name now, and say whether it is locked.  An owner
 * may replace it between open and question, and drop the old one's lock: then
 * the name leads elsewhere, and the new one is asked. */
static int open_version(const char *path, bool *alive, struct err *e)
{
	struct stat st, now;
	int fd;

	for (int tries = 0;; tries++) {
		fd = spool_open_file(AT_FDCWD, path, &st, e);
		if (fd < 0)
			return -1;
		*alive = is_locked(fd);
		if (*alive || tries >= 8 || lstat(path, &now) < 0 ||
		    (now.st_ino == st.st_ino && now.st_dev == st.st_dev))
			return fd;
		close(fd);
	}
}

int status_read(
    const char *path, struct status_map *m, bool *alive, struct err *e)
{
	struct buf b = BUF_INIT(STATUS_FILE_MAX + 1);
	ssize_t n = 1;
	char *p = buf_room(&b, STATUS_FILE_MAX + 1);
	int fd, rc = 0;

	*m = (struct status_map){NULL, 0};
	*alive = false;
	fd = p ? open_version(path, alive, e)
	       : err_set(e, ERR_SYSTEM, "no memory to read %s", path);
	while (fd >= 0 && n > 0 && b.n <= STATUS_FILE_MAX) {
		n = read(fd, b.p + b.n, STATUS_FILE_MAX + 1 - b.n);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			b.n += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	if (fd < 0)
		rc = -1;
	else if (n < 0)
		rc = err_sys(e, "read %s", path);
	else if (b.n > STATUS_FILE_MAX)
		rc = err_set(e, ERR_DATA, "%s is longer than %zu bytes", path,
		    STATUS_FILE_MAX);
	else
		parse(&b, m);
	buf_free(&b);
	return rc;
}

const char *status_map_get(const struct status_map *m, const char *key)
{
	size_t i = find(m, key);

	return i < m->n ? m->pair[i].value : NULL;
}

int64_t status_map_int(
    const struct status_map *m, const char *key, int64_t otherwise)
{
	const char *s = status_map_get(m, key);
	int64_t v;

	return s && text_int(s, INT64_MIN, INT64_MAX, &v) ? v : otherwise;
}

void status_map_free(struct status_map *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->pair[i].key);
		free(m->pair[i].value);
	}
	free(m->pair);
	*m = (struct status_map){NULL, 0};
}
