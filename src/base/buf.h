/* A growable byte buffer with a limit and one sticky failure: after the first
 * failed add (limit or memory) every further add is a no-op, so a caller may
 * build a long text and test once.  The bytes are always followed by a NUL
 * that is not counted. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *p;       /* owned; NULL only before the first add */
	size_t n;      /* bytes used */
	size_t cap;    /* bytes allocated */
	size_t limit;  /* n never exceeds this; SIZE_MAX: no limit */
	bool failed;
};

#define BUF_INIT(lim) {NULL, 0, 0, (lim), false}

void buf_init(struct buf *b, size_t limit);
void buf_free(struct buf *b);   /* frees and makes it empty; reusable */
void buf_reset(struct buf *b);  /* n = 0, failed = false, memory kept */

void buf_add(struct buf *b, const void *p, size_t n);
void buf_addc(struct buf *b, char c);
void buf_adds(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Make room for n more bytes and return where they go, or NULL (failed).
 * The caller then adds what it wrote to b->n. */
char *buf_room(struct buf *b, size_t n);

/* Drop the first n bytes. */
void buf_eat(struct buf *b, size_t n);

/* The bytes as a C string: "" when empty. */
const char *buf_str(const struct buf *b);

#endif
