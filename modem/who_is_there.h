/* Who is there, when no hello of our protocol came: a login prompt, a modem,
 * our own bytes, another program, a line of the wrong speed.  A guess for a
 * person to act on; nothing of the protocol depends on it.
 *
 * Sans-IO and without state: give it what came and what was sent, as often
 * as wanted.  It costs well under a millisecond and takes no memory. */
#ifndef MODEM_WHO_IS_THERE_H
#define MODEM_WHO_IS_THERE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many bytes are looked at: the last that came (a prompt stands last), the
 * first that were sent.  More need not be kept; half of it nearly always
 * does, since banners end before a prompt. */
#define WHO_LOOK 512

enum who {
	WHO_NOBODY,       /* nothing came at all */
	WHO_FLOW,         /* XON and XOFF only */
	WHO_ECHO,         /* our own bytes, and nothing that tells more */
	WHO_LOGIN,        /* waits for a name */
	WHO_PASSWORD,     /* waits for a password */
	WHO_LOGIN_FAILED, /* did not take name and password */
	WHO_PROMPT,       /* asks something else */
	WHO_SHELL,        /* a command line */
	WHO_MODEM,        /* result codes of the modem */
	WHO_TELNET,
	WHO_ZMODEM,       /* sz or rz */
	WHO_UUCP,
	WHO_SSH,
	WHO_HTTP,
	WHO_PPP,
	WHO_PROGRAM,      /* another one that is known by name */
	WHO_DIALSYNC,     /* our magic, but never a whole hello */
	WHO_SEVEN_BITS,   /* bit 8 is gone, or is parity */
	WHO_SPEED,        /* bytes as a wrong speed makes them */
	WHO_TEXT,         /* text that is none of these */
	WHO_NOISE,
	WHO_COUNT
};

struct who_is_there {
	enum who who;
	bool final;         /* no hello can follow: do not wait for one */
	char text[64];      /* what told so, safe to print; "": nothing */
	char sentence[288]; /* what it is, with text; then what to do */
};

/* in[0..n-1] came, sent[0..n_sent-1] went out before (a login script's part
 * too).  Both borrowed, either may be empty.  Cannot fail. */
void who_is_there(const uint8_t *in, size_t n, const uint8_t *sent,
    size_t n_sent, struct who_is_there *w);

/* A word for logs and tests: "login", "echo", ... */
const char *who_word(enum who who);

#endif
