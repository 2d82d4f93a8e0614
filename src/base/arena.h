/* Memory that is freed all at once: pointers stay valid until arena_reset. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks; /* owned; newest first */
	size_t used, size;          /* of the newest block */
	size_t total;               /* bytes given since the last reset */
};

#define ARENA_INIT {NULL, 0, 0, 0}

/* n bytes, aligned for any type; NULL when out of memory. */
void *arena_alloc(struct arena *a, size_t n);
/* A copy of n bytes (NULL only when out of memory). */
void *arena_copy(struct arena *a, const void *p, size_t n);
/* Give everything back but one block. */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);

#endif
