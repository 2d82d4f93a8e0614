/* Sets of registers of one table.  Register 0 is the row's life (birth or
 * death), 1 the exact spelling of its key, 2 + k the column that was
 * registered k-th.  A set is `words` words of 62 bits each: SQL integers have
 * 63 bits that behave, and 62 leaves one to spare.
 *
 * In the database a set is an INTEGER when one word is enough, else a BLOB of
 * 8-byte little-endian words (the log has text "w0,w1,..." instead, since
 * triggers cannot make blobs). */
#ifndef STORE_MASK_H
#define STORE_MASK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define MASK_BITS     62
#define MASK_ALL_BITS ((UINT64_C(1) << MASK_BITS) - 1)
#define MASK_WORDS    33  /* 2 + 2000 columns */

#define REG_LIFE     0
#define REG_SPELLING 1
#define REG_COLUMN   2

/* Codes in place of a set. */
#define LOG_BIRTH  (-1)  /* an INSERT: every register */
#define LOG_DEATH  (-2)  /* a DELETE; in a fragment: a death */
#define LOG_TOUCH  0     /* look at this key: REPLACE may have evicted it */

struct mask {
	uint64_t w[MASK_WORDS];
};

static inline void mask_set(uint64_t *m, int reg)
{
	m[reg / MASK_BITS] |= UINT64_C(1) << (reg % MASK_BITS);
}

static inline void mask_clear(uint64_t *m, int reg)
{
	m[reg / MASK_BITS] &= ~(UINT64_C(1) << (reg % MASK_BITS));
}

static inline bool mask_has(const uint64_t *m, int reg)
{
	return m[reg / MASK_BITS] >> (reg % MASK_BITS) & 1;
}

static inline bool mask_empty(const uint64_t *m, int words)
{
	for (int i = 0; i < words; i++)
		if (m[i])
			return false;
	return true;
}

static inline void mask_or(uint64_t *m, const uint64_t *o, int words)
{
	for (int i = 0; i < words; i++)
		m[i] |= o[i];
}

static inline void mask_minus(uint64_t *m, const uint64_t *o, int words)
{
	for (int i = 0; i < words; i++)
		m[i] &= ~o[i];
}

/* out = a & b; true when something is left. */
static inline bool mask_and(uint64_t *out, const uint64_t *a,
    const uint64_t *b, int words)
{
	uint64_t any = 0;

	for (int i = 0; i < words; i++) {
		out[i] = a[i] & b[i];
		any |= out[i];
	}
	return any != 0;
}

#endif
