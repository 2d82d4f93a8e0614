/* keys/PEER.key.  See keys.h. */
#include "config.h"

#include "keys/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/text.h"

#define FILE_MAX 8192 /* eight keys and much to say about them */

/* DIR/keys/PEER.key, malloc'd; NULL when peer is no name. */
static char *path_of(const char *dir, const char *peer, struct err *e)
{
	if (!text_name_ok(peer)) {
		err_set(e, ERR_CONFIG, "\"%.40s\" is not a peer's name", peer);
		return NULL;
	}
	return fs_format("%s/keys/%s.key", dir, peer);
}

/* A file that others can read or write holds no secret; nor is a link, whose
 * target may be anywhere, what keys_write made. */
static int check_file(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "fstat %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_CONFIG, "%s is not a file", path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return err_set(e, ERR_CONFIG,
		    "%s can be read or changed by "
		    "others (mode %03o), so it is not used; if nobody else "
		    "has seen it, chmod 600 %s; else make a new key",
		    path, (unsigned)st.st_mode & 0777, path);
	if (st.st_size > FILE_MAX)
		return err_set(e, ERR_CONFIG,
		    "%s is longer than %d bytes; it "
		    "holds at most %d keys",
		    path, FILE_MAX, KEYS_MAX);
	return 0;
}

/* All of fd, at most FILE_MAX bytes, ended by a NUL; -1 or how many. */
static ssize_t read_all(int fd, char *text, const char *path, struct err *e)
{
	size_t n = 0;

	while (n < FILE_MAX) {
		ssize_t got = read(fd, text + n, FILE_MAX - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, "read %s", path);
		if (got == 0)
			break;
		n += (size_t)got;
	}
	text[n] = '\0';
	if (n == FILE_MAX)
		return err_set(e, ERR_CONFIG, "%s is longer than a file of "
		    "keys can be", path);
	if (strlen(text) != n)
		return err_set(e, ERR_CONFIG, "%s is not text", path);
	return (ssize_t)n;
}

/* One line, without its comment, is a key or nothing. */
static int read_line(char *line, struct keys *k, struct err *e)
{
	line[strcspn(line, "#")] = '\0';
	if (line[strspn(line, " \t\r")] == '\0')
		return 0;
	if (k->n == KEYS_MAX)
		return err_set(e, ERR_CONFIG,
		    "more than %d keys; remove the "
		    "oldest, at the bottom",
		    KEYS_MAX);
	if (key_parse(line, &k->key[k->n], e) < 0)
		return -1;
	k->n++;
	return 0;
}

static int read_lines(
    char *text, const char *path, struct keys *k, struct err *e)
{
	unsigned number = 1;

	for (char *line = text, *next; line; line = next, number++) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (read_line(line, k, e) < 0)
			return err_add(e, "%s:%u", path, number);
	}
	return 0;
}

static int read_file(int fd, const char *path, struct keys *k, struct err *e)
{
	char text[FILE_MAX + 1];
	int rc = -1;

	if (read_all(fd, text, path, e) >= 0)
		rc = read_lines(text, path, k, e);
	sodium_memzero(text, sizeof(text));
	if (rc == 0 && k->n == 0)
		rc = err_set(e, ERR_CONFIG, "%s holds no key", path);
	return rc;
}

int keys_read(const char *dir, const char *peer, struct keys *k, struct err *e)
{
	char *path = path_of(dir, peer, e);
	int fd, rc = 0;

	k->n = 0;
	if (!path)
		return -1;
	/* O_NONBLOCK: a fifo in its place must not stop the program */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0) {
		rc = check_file(fd, path, e);
		if (rc == 0)
			rc = read_file(fd, path, k, e);
		close(fd);
	} else if (errno == ELOOP) {
		rc = err_set(e, ERR_CONFIG,
		    "%s is a link; put the file "
		    "itself there",
		    path);
	} else if (errno != ENOENT) {
		rc = err_sys(e, "open %s", path);
	}
	if (rc < 0)
		keys_wipe(k);
	free(path);
	return rc;
}

int keys_read_carried(const char *path, struct keys *k, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;

	k->n = 0;
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return err_set(e, ERR_MISSING, "%s is not there", path);
	if (fd < 0)
		return err_sys(e, "open %s", path);
	rc = read_file(fd, path, k, e);
	close(fd);
	if (rc < 0)
		keys_wipe(k);
	return rc;
}

/* DIR/keys, for its owner only.  Stopped before the directory is synced: it is
 * made again. */
static int make_dir(const char *dir, struct err *e)
{
	char *path = fs_join(dir, "keys");
	int rc = 0;

	if (mkdir(path, 0700) == 0)
		rc = fs_sync_dir(dir, e);
	else if (errno != EEXIST)
		rc = err_sys(e, "mkdir %s", path);
	free(path);
	return rc;
}

static int replace_file(
    const char *path, const char *peer, const struct keys *k, struct err *e)
{
	char text[160 + KEYS_MAX * KEYS_TEXT], line[KEYS_TEXT];
	size_t n;
	int rc;

	n = (size_t)snprintf(text, sizeof(text),
	    "# dialsync: keys shared with "
	    "%.32s.  The first is used for calling, all are accepted.\n",
	    peer);
	for (size_t i = 0; i < k->n && i < KEYS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\n",
		    key_format(&k->key[i], line));
	rc = fs_replace(path, text, n, 0600, e);
	sodium_memzero(text, sizeof(text));
	sodium_memzero(line, sizeof(line));
	return rc;
}

int keys_write(
    const char *dir, const char *peer, const struct keys *k, struct err *e)
{
	char *path = path_of(dir, peer, e);
	int rc;

	if (!path)
		return -1;
	if (k->n == 0)
		rc = fs_remove(path, e);
	else if (make_dir(dir, e) < 0)
		rc = -1;
	else
		rc = replace_file(path, peer, k, e);
	free(path);
	return rc;
}
