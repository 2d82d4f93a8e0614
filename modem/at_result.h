/* What modems say: result codes in words or numbers, and CONNECT texts of
 * many makers, as pure functions.
 *
 * Words are matched without regard to case; the whole text is kept, since
 * what follows a CONNECT is a maker's own.  Numbers mean the same only from 0
 * to 8 (and 5); above, the maker decides.  Errors: none; what is not
 * understood is AT_NONE, or 0, or "". */
#ifndef MODEM_AT_RESULT_H
#define MODEM_AT_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define AT_TEXT_MAX 255 /* bytes of one line, and of a whole CONNECT text */
#define AT_WORD_MAX 15

enum at_code {
	AT_NONE,        /* not a result: echo, identification, junk */
	AT_OK,
	AT_CONNECT,
	AT_RING,
	AT_NO_CARRIER,
	AT_ERROR,
	AT_NO_DIALTONE, /* also LINE IN USE, NO LINE: nothing can be dialled */
	AT_BUSY,
	AT_NO_ANSWER,
	AT_DELAYED,     /* the number was dialled too often: wait */
	AT_BLACKLISTED, /* ... and is not dialled any more */
	AT_VOICE,       /* a person or a fax machine answered */
	AT_PROGRESS,    /* RINGING and the like: the call goes on */
	AT_DETAIL,      /* CARRIER, PROTOCOL, COMPRESSION before CONNECT */
	AT_TIMEOUT,     /* nothing came in time (never from a line) */
	AT_CODES
};

enum at_maker {
	AT_MAKER_UNKNOWN,
	AT_MAKER_USR,      /* USRobotics, 3Com */
	AT_MAKER_ROCKWELL, /* Rockwell, Conexant, Askey, most others */
	AT_MAKER_LUCENT,   /* Lucent, Agere */
	AT_MAKER_MICROCOM,
	AT_MAKER_MULTITECH,
	AT_MAKER_ZYXEL,
	AT_MAKERS
};

/* What a connection is, as far as its texts say. */
struct at_connect {
	uint32_t bps;           /* 0: not said.  The carrier's rate where it
	                         * is known, else the number after CONNECT,
	                         * which with some modems is the cable's */
	bool bps_is_carrier;    /* a CARRIER line said it, or two rates */
	bool corrected;         /* error control is named, and is not NONE */
	char modulation[AT_WORD_MAX + 1];  /* "V34", "V90", "HST", ... */
	char protocol[AT_WORD_MAX + 1];    /* "LAPM", "MNP", "NONE", ... */
	char compression[AT_WORD_MAX + 1]; /* "V42BIS", "MNP5", ... */
	char text[AT_TEXT_MAX + 1];        /* all of it: details and CONNECT
	                                    * joined by "; " */
};

/* The result that a line (without CR and LF) is.  numeric: it may also be a
 * number, with the meaning that maker gives it. */
enum at_code at_result(const char *line, bool numeric, enum at_maker maker);

/* Add a line of AT_DETAIL or AT_CONNECT to c, which began as {0}. */
void at_connect_add(struct at_connect *c, const char *line);

/* "no carrier", "busy": for messages. */
const char *at_code_words(enum at_code code);
/* "no-carrier", "busy": the result in the call log and status. */
const char *at_code_result(enum at_code code);
/* The party that must act: ERR_AGAIN, or ERR_DEVICE without a dial tone. */
enum err_kind at_code_kind(enum at_code code);

/* Who made a modem, from what it answers to ATI and +GMM (any length). */
enum at_maker at_maker(const char *identity);
const char *at_maker_name(enum at_maker maker);

/* The i-th command that makes a modem tell what it is; NULL: no more.  They
 * change nothing; an ERROR is no harm. */
const char *at_identity_command(size_t i);

/* The i-th command that may turn on RTS/CTS flow control at this maker's
 * modems, the likeliest first; NULL: no more.  Each is one line to send,
 * without "AT".  *resets: it loads a whole profile, so that in an init it
 * must come first, in the place of &F. */
const char *at_flow_command(enum at_maker maker, size_t i, bool *resets);

#endif
