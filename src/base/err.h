/* Errors with context.  A library function that can fail takes a struct err *
 * as its last argument, returns 0 or -1 (or NULL), and never prints or exits;
 * only the *_main.c files decide what an error means for the process.
 *
 * The kind names the party that must act.  Context is added on the way up,
 * once a layer: "offset 118: bad escape" becomes
 * "hub bundle 00000123: offset 118: bad escape". */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>

enum err_kind {
	ERR_NONE = 0,
	ERR_CALLER,   /* our bug: a broken invariant              -> exit 70 */
	ERR_USAGE,    /* the command line                         -> exit 64 */
	ERR_DATA,     /* a bundle, row or schema cannot be used   -> exit 65 */
	ERR_MISSING,  /* no site here, or a file is missing       -> exit 66 */
	ERR_DEVICE,   /* the line's device is missing or in use   -> exit 69 */
	ERR_SYSTEM,   /* the operating system said no             -> exit 74 */
	ERR_BUSY,     /* locked by someone                        -> exit 75 */
	ERR_AGAIN,    /* try again later, no person needed        -> exit 75 */
	ERR_PEER,     /* the peer's bytes broke the protocol      -> exit 76 */
	ERR_REFUSED,  /* unknown peer or wrong key                -> exit 77 */
	ERR_CONFIG    /* dialsync.conf                            -> exit 78 */
};

#define ERR_TEXT_MAX 600

struct err {
	enum err_kind kind;
	int sys;                  /* errno, or 0 */
	char text[ERR_TEXT_MAX];  /* one line, no newline; cut if too long */
};

#define ERR_INIT {ERR_NONE, 0, ""}

/* Set kind and text, replacing what was there.  Return -1, so that a caller
 * can write "return err_set(...)".  e may be NULL: then nothing is kept. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_set with ERR_SYSTEM and ": " strerror(errno) appended.  ENOSPC,
 * EDQUOT and friends stay ERR_SYSTEM; the text names call, path and reason
 * as the caller wrote them. */
int err_sys(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Put context in front of the text: "context: text".  Returns -1. */
int err_add(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

void err_clear(struct err *e);

/* The exit code of contract.md for this kind (sysexits.h). */
int err_exit_code(const struct err *e);

#endif
