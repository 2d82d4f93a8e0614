/* A site in a temporary directory, for the tests of the spool only, which
 * include it after cmocka.h. */
#ifndef TESTS_T_SPOOL_SITE_H
#define TESTS_T_SPOOL_SITE_H

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool/spool_p.h"

#define PEER   "hub"
#define BODY   "0123456789abcdefghijklmnopqrstuvwxyz"
#define BODY_N (sizeof(BODY) - 1)

static char top[64];
static struct spool sp;
static struct err err;

/* A fresh site for each test. */
static inline int setup(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/t_spool.XXXXXX");
	if (!mkdtemp(top))
		return -1;
	err_clear(&err);
	return spool_open(&sp, top, &err) < 0 ||
	       spool_make_site(&sp, &err) < 0 ||
	       spool_make_peer(&sp, PEER, &err) < 0;
}

/* Run a command in a shell; only for setting up and clearing. */
static inline void shell(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
static inline void shell(const char *fmt, ...)
{
	char cmd[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	assert_int_equal(system(cmd), 0);
}

static inline int teardown(void **state)
{
	(void)state;
	spool_close(&sp);
	shell("rm -rf %s", top);
	return 0;
}

/* A path below the site. */
static inline const char *at(const char *rel)
{
	static char path[4][200];
	static unsigned i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", top, rel);
	return path[i];
}

static inline void put(const char *rel, const char *text)
{
	int fd = open(at(rel), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* The contents of a file, "" when it is empty, NULL when it is not there. */
static inline const char *get(const char *rel)
{
	static char text[100000];
	int fd = open(at(rel), O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return NULL;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

static inline void expect_file(const char *rel, const char *text)
{
	const char *found = get(rel);

	if (!found)
		print_error("%s is not there\n", rel);
	assert_non_null(found);
	assert_string_equal(found, text);
}

static inline bool there(const char *rel)
{
	return fs_exists(at(rel));
}

#endif
