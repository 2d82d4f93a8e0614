/* Small text helpers: numbers, sizes, durations, names, spelling. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The whole string is a decimal number in [min, max]; else false. */
bool text_int(const char *s, int64_t min, int64_t max, int64_t *out);

/* "64K", "2M", "500": bytes (K = 1024, M = 1024 K). */
bool text_size(const char *s, int64_t *bytes);

/* "90s", "2m", "12h", "400d", "0": seconds. A unit is needed unless it is 0. */
bool text_duration(const char *s, int64_t *seconds);

/* Site, peer and line names: 1 to 32 of a-z A-Z 0-9 _ - . , the first a
 * letter or digit; so that a name is one safe path component. */
#define TEXT_NAME_MAX 32
bool text_name_ok(const char *s);

/* The word of list (NULL at the end) nearest to s by edit distance, if it is
 * near enough to be meant; else NULL. */
const char *text_nearest(const char *s, const char *const *list);

/* Bytes as a person reads them: "812 B", "64.0 KB", "1.5 MB". */
const char *text_bytes(int64_t n, char *out, size_t out_n);

/* Print n bytes of a peer's or modem's text safely: control characters and
 * bytes above 126 as \xHH; cut with "..." when out is too small. */
const char *text_safe(const void *p, size_t n, char *out, size_t out_n);

#endif
