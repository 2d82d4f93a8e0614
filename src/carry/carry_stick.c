/* The stick's own directories and files.  Its file system may know neither
 * links nor modes, nor lower from upper case; whoever had it last may have put
 * anything on it. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"
#include "carry/carry.h"

int carry_stick_there(const struct carry *c, struct err *e)
{
	struct stat now;

	if (stat(c->dir, &now) < 0)
		return err_sys(e, "the stick at %s is gone", c->dir);
	/* where it was mounted is a directory of our own disk now */
	if (now.st_dev != c->at.st_dev || now.st_ino != c->at.st_ino)
		return err_set(e, ERR_SYSTEM, "the stick at %s was taken out",
		    c->dir);
	return 0;
}

/* Is there an entry of just this name?  A file system that does not know lower
 * from upper case opens Ann's directory for ann. */
static int has_name(const char *dir, const char *name, struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *en;
	int found = 0;

	if (!d)
		return err_sys(e, "open %s", dir);
	while (!found && (en = readdir(d)))
		found = strcmp(en->d_name, name) == 0;
	closedir(d);
	return found;
}

/* One directory below dir: 1 it is there, 0 not, -1. */
static int step_into(char **dir, const char *name, bool make, struct err *e)
{
	char *path = fs_join(*dir, name);
	struct stat st;
	int rc = 0;

	if (lstat(path, &st) < 0 && errno != ENOENT)
		rc = err_sys(e, "%s", path);
	else if (lstat(path, &st) < 0 && make &&
	    (mkdir(path, 0777) < 0 || fs_sync_dir(*dir, NULL) < 0))
		rc = err_sys(e, "mkdir %s", path);
	if (rc == 0 && lstat(path, &st) == 0) {
		rc = S_ISDIR(st.st_mode) ? has_name(*dir, name, e) : 0;
		if (rc == 0)
			rc = err_set(e, ERR_DATA, "%s is no directory of that"
			    " very name; move it away", path);
	}
	free(*dir);
	*dir = path;
	return rc;
}

char *carry_stick_dir(const struct carry *c, const char *from, const char *to,
    bool make, struct err *e)
{
	char *dir = fs_format("%s", c->dir);
	int rc = carry_stick_there(c, e);

	if (rc == 0)
		rc = step_into(&dir, from, make, e);
	if (rc == 1)
		rc = step_into(&dir, to, make, e);
	if (rc == 1)
		return dir;
	free(dir);
	return NULL;
}

/* ".N.xml.gz.tmp": what fs_copy() was stopped in. */
static bool is_leftover(const char *name)
{
	size_t n = strlen(name);
	char inner[SPOOL_NAME_SIZE];
	uint64_t number;

	if (name[0] != '.' || n < 6 || n - 5 >= sizeof(inner) ||
	    strcmp(name + n - 4, ".tmp") != 0)
		return false;
	snprintf(inner, sizeof(inner), "%.*s", (int)(n - 5), name + 1);
	return spool_name_parse(inner, &number);
}

static int by_number(const void *a, const void *b)
{
	const struct spool_entry *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

/* One entry of the directory. */
static int list_add(int fd, const char *name, struct spool_list *l,
    size_t *room, struct err *e)
{
	struct spool_entry en = {0, 0, 0}, *more;
	struct stat st;

	if (!spool_name_parse(name, &en.number) ||
	    fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return 0; /* a stranger */
	if (l->n == SPOOL_LIST_MAX) {
		l->more = true;
		return 0;
	}
	if (l->n == *room) {
		*room = *room ? *room * 2 : 64;
		more = realloc(l->e, *room * sizeof(*more));
		if (!more)
			return err_set(e, ERR_SYSTEM, "no memory for the list"
			    " of bundles");
		l->e = more;
	}
	en.size = (uint64_t)st.st_size;
	en.mtime = st.st_mtime;
	l->e[l->n++] = en;
	return 0;
}

int carry_stick_list(const char *dir, bool sweep, struct spool_list *l,
    struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *en;
	size_t room = 0;
	int rc = 0;

	memset(l, 0, sizeof(*l));
	if (!d)
		return err_sys(e, "open %s", dir);
	while (rc == 0 && (errno = 0, en = readdir(d))) {
		if (sweep && is_leftover(en->d_name))
			unlinkat(dirfd(d), en->d_name, 0);
		else
			rc = list_add(dirfd(d), en->d_name, l, &room, e);
	}
	if (rc == 0 && errno)
		rc = err_sys(e, "read %s", dir);
	closedir(d);
	if (l->n)
		qsort(l->e, l->n, sizeof(*l->e), by_number);
	return rc;
}

int carry_stick_open(const char *dir, const char *name)
{
	char *path = fs_join(dir, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	free(path);
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int carry_stick_mark(const char *dir, uint64_t number, struct spool_mark *m,
    struct err *e)
{
	char name[SPOOL_NAME_SIZE];
	int rc, fd = carry_stick_open(dir, spool_name_format(number, name));

	m->number = number;
	if (fd < 0)
		return 0;
	rc = spool_crc32(fd, &m->crc, &m->size, e);
	close(fd);
	return rc < 0 ? err_add(e, "%s/%s", dir, name) : 1;
}

int carry_stick_remove(const char *dir, uint64_t number, struct err *e)
{
	char name[SPOOL_NAME_SIZE];
	char *path = fs_join(dir, spool_name_format(number, name));
	int rc = fs_remove(path, e);

	free(path);
	return rc;
}

bool carry_more(void *arg, size_t n)
{
	struct carry *c = arg;
	char done[32], all[32];

	c->copied += n;
	/* a bundle of the usual size is a moment's work */
	if (c->copied < c->size && c->size > (uint64_t)1 << 20)
		log_progress("%s: bundle %08llu, %s of %s", c->peer,
		    (unsigned long long)c->number,
		    text_bytes((int64_t)c->copied, done, sizeof(done)),
		    text_bytes((int64_t)c->size, all, sizeof(all)));
	return !site_stop;
}
