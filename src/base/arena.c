#include "config.h"

#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)256 << 10)

struct arena_block {
	struct arena_block *next;
	size_t size;
	alignas(16) char bytes[];
};

static int add_block(struct arena *a, size_t n)
{
	size_t size = n > BLOCK_BYTES ? n : BLOCK_BYTES;
	struct arena_block *b;

	if (size > SIZE_MAX - sizeof(*b))
		return -1;
	b = malloc(sizeof(*b) + size);
	if (!b)
		return -1;
	b->next = a->blocks;
	b->size = size;
	a->blocks = b;
	a->used = 0;
	a->size = size;
	return 0;
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p;

	n = (n + 15) & ~(size_t)15;
	if ((!a->blocks || n > a->size - a->used) && add_block(a, n) < 0)
		return NULL;
	p = a->blocks->bytes + a->used;
	a->used += n;
	a->total += n;
	return p;
}

void *arena_copy(struct arena *a, const void *p, size_t n)
{
	void *to = arena_alloc(a, n ? n : 1);

	if (to && n)
		memcpy(to, p, n);
	return to;
}

void arena_reset(struct arena *a)
{
	struct arena_block *b = a->blocks, *next;

	/* keep one block of the usual size */
	for (; b && b->next; b = next) {
		next = b->next;
		free(b);
	}
	if (b && b->size > BLOCK_BYTES) {
		free(b);
		b = NULL;
	}
	a->blocks = b;
	a->used = 0;
	a->size = b ? b->size : 0;
	a->total = 0;
}

void arena_free(struct arena *a)
{
	arena_reset(a);
	free(a->blocks);
	a->blocks = NULL;
	a->size = 0;
}
