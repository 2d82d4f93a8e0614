/* Login scripts: expect, send, expect, send, as UUCP and chat(8) have them;
 * without input/output, as at.h.
 *
 *     ogin:--ogin: \L ssword: \P
 *
 * Strings are apart by blanks; "..." and '...' hold blanks and -.  An expect may be
 * EXPECT-SEND-EXPECT...: what is between is sent when nothing came in time,
 * then the next is awaited.  "" awaits nothing.  A send ends with CR unless
 * it has \c; "" sends CR alone; EOT is ^D, BREAK a break, both without CR.
 * TIMEOUT N (s, from here on; 45 at first) and ABORT TEXT (fail when it comes)
 * stand in place of a pair.
 *
 * Both:       \b \n \r \s (blank) \t \\ \- \NNN (octal) \xHH
 * Sends only: \c \d (1 s) \p (0.1 s) \K (break) \L (login name) \N (a zero)
 *             \P (password) \q (never show this string)
 * ^ is itself, and so is any other character.
 *
 * What came is compared with and without its bit 7; zeros in it are left out.
 * Errors: chat_parse() ERR_CONFIG; a script that fails ERR_AGAIN.  Memory is
 * taken by chat_parse() only (some 20 KB). */
#ifndef MODEM_CHAT_H
#define MODEM_CHAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define CHAT_SCRIPT_MAX 4096
#define CHAT_EXPECT_MAX 100  /* bytes of one expect or ABORT */
#define CHAT_ABORTS_MAX 8
#define CHAT_TIMEOUT_S 45

struct chat; /* a script and where it is; opaque */

enum chat_state {
	CHAT_RUNNING,
	CHAT_DONE,   /* all is out: the line is the caller's */
	CHAT_FAILED  /* chat_error() says what was awaited and what came */
};

/* *out is the caller's, for chat_free(). -1: e says which string of the
 * script is wrong, why, and what to write. */
int chat_parse(const char *script, struct chat **out, struct err *e);
void chat_free(struct chat *c); /* NULL is allowed */
bool chat_needs_password(const struct chat *c);

/* Begin (again).  login and password stand for \L and \P: borrowed until the
 * script is over; password may be NULL when it is not needed. */
void chat_start(struct chat *c, const char *login, const char *password,
    uint64_t now_ms);

/* Takes all, but for what follows the last expect when nothing is left to
 * be sent: that is the caller's.  Returns how many it took. */
size_t chat_feed(struct chat *c, const void *p, size_t n, uint64_t now_ms);
void chat_tick(struct chat *c, uint64_t now_ms);
uint64_t chat_deadline(const struct chat *c); /* UINT64_MAX: never */
size_t chat_out(const struct chat *c, const uint8_t **p);
void chat_sent(struct chat *c, size_t n, uint64_t now_ms);
/* A break is due: send it (tcsendbreak; nothing where there is none), then
 * chat_break_done(). */
bool chat_wants_break(const struct chat *c);
void chat_break_done(struct chat *c, uint64_t now_ms);

enum chat_state chat_state(const struct chat *c);
/* FAILED only; NULL else.  Printable; the password is shown as "****". */
const struct err *chat_error(const struct chat *c);
/* "waiting for \"ogin:\"", "sending"; never NULL, borrowed. */
const char *chat_doing(const struct chat *c);

#endif
