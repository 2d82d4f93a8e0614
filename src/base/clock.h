/* Time as the programs see it; the sans-IO cores never include this. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Wall time in seconds since 1970.  DIALSYNC_NOW in the environment (seconds)
 * replaces it in tests: then time stands still. */
int64_t clock_wall(void);

/* A clock that says less than this (2024) is not set: no computer that runs
 * this program can be so early. */
#define CLOCK_SANE INT64_C(1704067200)
/* Clocks that are further apart than this are not let work together. */
#define CLOCK_FAR_S INT64_C(86400)

/* Milliseconds on a clock that never jumps. */
uint64_t clock_ms(void);

/* "2026-11-22T09:30:00Z"; out has room for CLOCK_TEXT bytes. */
#define CLOCK_TEXT 24
void clock_format(int64_t wall, char out[CLOCK_TEXT]);

/* The reverse; -1 when it is not such a text. */
int clock_parse(const char *s, int64_t *wall);

#endif
