/* Random bundles from a seed, and bundles as sorted lines of text, so that
 * what was written can be compared with what was read. */
#ifndef TESTS_BUNDLE_RANDOM_H
#define TESTS_BUNDLE_RANDOM_H

#include <stdint.h>

#include "base/buf.h"
#include "bundle/bundle.h"

struct lines {
	char **line;  /* owned, each */
	size_t n, cap;
};

void lines_free(struct lines *);
void lines_add(struct lines *, const char *);
void lines_sort(struct lines *);
/* The first difference, or NULL. */
const char *lines_differ(const struct lines *a, const struct lines *b);

struct random {
	uint64_t state;
};
uint32_t random_below(struct random *, uint32_t n);

/* Add random rows to w and fill head; all rows and the head go to lines (may
 * be NULL).  head's arrays are static: valid until the next call. */
void random_bundle(struct random *, struct bundle_writer *w,
    struct bundle_head *head, struct lines *);

/* Read a bundle into lines (the head first). */
int read_bundle(const void *p, size_t n, struct lines *, bool *cut,
    struct err *);
/* A file that holds these bytes, at its begin; the same one each time. */
int file_of(const void *p, size_t n);

/* Text in a gzip file of its own, appended to out; and what such a file holds, a
 * NUL behind it. */
void gzip(const char *p, size_t n, struct buf *out);
void gunzip(const struct buf *in, struct buf *out);

/* $SEED, or the time; printed by the caller. */
uint64_t seed_from_environment(void);

#endif
