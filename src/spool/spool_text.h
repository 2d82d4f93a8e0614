/* One line of text in a file of the spool: escaping and reading lines back.
 * Never fails on hostile bytes. */
#ifndef SPOOL_SPOOL_TEXT_H
#define SPOOL_SPOOL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Add at most max bytes of s to b as one line of printable UTF-8: \n \r \t \\
 * and \xHH for other controls (C1 too) and for bytes that are no UTF-8. */
void spool_escape(struct buf *b, const char *s, size_t max);

/* Undo it in place.  A broken escape stays as it is; \x00 too, since the
 * result is a C string. */
void spool_unescape(char *s);

/* Walk over the lines of b: each call ends the next line with a NUL in place
 * and returns it; NULL at the end.  A last line without its newline is torn
 * and left out.  at: 0 at first. */
char *spool_next_line(struct buf *b, size_t *at);

#endif
