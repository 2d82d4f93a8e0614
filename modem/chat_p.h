/* A parsed login script, as chat_parse.c makes it and chat.c runs it. */
#ifndef MODEM_CHAT_P_H
#define MODEM_CHAT_P_H

#include "modem/chat.h"

#define CHAT_OPS_MAX 128
#define CHAT_SEEN 1024  /* of what came since the last match */
#define CHAT_OUT 512
#define CHAT_WORD_MAX 160 /* of \L and \P */

/* A send is bytes and these. */
enum {
	CHAT_SECOND = 256, CHAT_TENTH, CHAT_BREAK, CHAT_LOGIN, CHAT_PASSWORD
};

enum chat_what { CHAT_EXPECT, CHAT_SEND, CHAT_ABORT, CHAT_TIMEOUT };

struct chat_op {
	enum chat_what what;
	bool quiet;        /* \q */
	bool more;         /* EXPECT: when it fails, go on to the next */
	size_t from, n;    /* in codes */
	size_t then;       /* EXPECT: the op after a match */
	uint32_t timeout_s; /* TIMEOUT */
};

struct chat {
	/* the script */
	struct chat_op ops[CHAT_OPS_MAX];
	size_t n_ops;
	uint16_t codes[CHAT_SCRIPT_MAX + CHAT_OPS_MAX];
	size_t n_codes;
	bool needs_password;
	/* where it is */
	const char *login, *password; /* borrowed */
	enum chat_state state;
	size_t op, sent;       /* sent: codes of this op */
	size_t aborts[CHAT_ABORTS_MAX];
	size_t n_aborts;
	uint32_t timeout_s;
	uint64_t clock, deadline;
	bool break_due;
	uint8_t out[CHAT_OUT];
	size_t out_n;
	uint8_t seen[CHAT_SEEN]; /* what came and was not matched yet */
	size_t seen_n;
	char doing[CHAT_EXPECT_MAX * 4 + 40];
	struct err err;
};

#endif
