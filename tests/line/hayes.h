/* One Hayes modem of phone.c: its settings, its commands, what it says.  It
 * knows nothing of calls but whether it is in one; what commands want of the
 * network is left in .wish. */
#ifndef TESTS_LINE_HAYES_H
#define TESTS_LINE_HAYES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HAYES_LINE_MAX 255
#define HAYES_OUT_MAX 8192
#define HAYES_REGISTERS 100

enum hayes_state {
	HAYES_COMMAND, /* on hook */
	HAYES_DIALLING, /* off hook, until a carrier comes; a byte ends it */
	HAYES_ANSWERING,
	HAYES_DATA,
	HAYES_ESCAPED   /* in a call, but taking commands */
};

enum hayes_wish {
	HAYES_WISH_NONE,
	HAYES_WISH_DIAL,    /* .dial has the number as it was typed */
	HAYES_WISH_ANSWER,
	HAYES_WISH_HANGUP,  /* also: a byte came while it dialled */
	HAYES_WISH_ONLINE   /* ATO */
};

enum hayes_code { /* as V0 says them */
	HAYES_OK = 0, HAYES_CONNECT = 1, HAYES_RING = 2,
	HAYES_NO_CARRIER = 3, HAYES_ERROR = 4, HAYES_NO_DIALTONE = 6,
	HAYES_BUSY = 7, HAYES_NO_ANSWER = 8, HAYES_RINGING = 11,
	HAYES_VOICE = 12, HAYES_DELAYED = 24, HAYES_BLACKLISTED = 32
};

struct hayes_maker {
	const char *name;
	const char *identity[5];  /* ATI0, ATI3, ATI4, +GMI, +GMM; NULL:
	                           * ERROR */
	const char *flow;         /* the command that turns RTS/CTS on */
	const char *commands;     /* of & \ %, beside &C &D &F &W &V: pairs */
	const char *connect;      /* $b carrier's rate, $c cable's, $m
	                           * modulation; | between results */
	bool plus;                /* + commands are known */
	bool ringing;             /* tells RINGING */
	bool dial_tone_apart;     /* NO DIAL TONE in three words */
};

struct hayes {
	const struct hayes_maker *maker;
	enum hayes_state state;
	enum hayes_wish wish;
	char dial[HAYES_LINE_MAX + 1];
	bool echo, quiet, verbose, flow;
	int x, dcd, dtr_option;  /* X, &C, &D */
	uint8_t s[HAYES_REGISTERS];
	bool dtr;                /* of the program */
	uint32_t cable_bps;
	/* the command line */
	char line[HAYES_LINE_MAX + 1];
	size_t line_n;
	char last[HAYES_LINE_MAX + 1]; /* for A/ */
	bool too_long;
	/* +++ */
	unsigned plus_n;
	uint64_t last_data;      /* ns */
	/* for the program */
	uint8_t out[HAYES_OUT_MAX];
	size_t out_n;
};

const struct hayes_maker *hayes_maker(const char *name);
void hayes_init(struct hayes *h, const struct hayes_maker *maker);
/* &F */
void hayes_defaults(struct hayes *h);
/* One byte while not in HAYES_DATA. */
void hayes_command_byte(struct hayes *h, uint8_t byte);
/* Data that goes by: is it +++?  And has the silence after it made it so? */
void hayes_watch(struct hayes *h, const uint8_t *p, size_t n, uint64_t now);
uint64_t hayes_escape_at(const struct hayes *h); /* UINT64_MAX: not */
/* A result, as X, Q and V want it. */
void hayes_result(struct hayes *h, enum hayes_code code);
void hayes_connect(struct hayes *h, uint32_t carrier_bps);
void hayes_taken(struct hayes *h, size_t n);

#endif
