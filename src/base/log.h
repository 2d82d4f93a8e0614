/* Messages to people, on standard error, one line and one write() each:
 * "dialsync call: hub: no carrier; ...".  Used by programs (*_main.c and the
 * files that they call for progress), never by libraries.
 *
 * Severity says who must act: info nobody, warn soon, error a person. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

/* program: "dialsync pack"; kept by pointer, must outlive the process.
 * verbosity: -1 quiet (warnings and errors only), 0 normal, 1 explains. */
void log_init(const char *program, int verbosity);
int log_verbosity(void);

void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Print the error, with what to do next behind "; " (next may be NULL), and
 * return its exit code. */
int log_err(const struct err *e, const char *next);

/* A progress line: on a terminal it is overwritten by the next one; on a pipe
 * it is a line of its own, at most one in two seconds.  Silent when quiet.
 * The text must not contain control characters. */
void log_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* End an overwritten line, if there is one. */
void log_progress_end(void);

#endif
