/* A simulated telephone network with Hayes modems on it: bytes of the
 * programs and the time go in, bytes for the programs come out.  No
 * descriptor, no clock, as line.h, which carries the data of each call; so a
 * test dials for a week in no time, and the process modem-sim uses the same
 * code on ptys.
 *
 * A modem is what its program sees of it: AT commands, result codes, data,
 * DTR; phone_carrier() is its DCD.  Times are nanoseconds from any origin
 * that never goes back.  Errors: phone_new() and phone_add() only; a wrong
 * argument elsewhere aborts. */
#ifndef TESTS_LINE_PHONE_H
#define TESTS_LINE_PHONE_H

#include "tests/line/line.h"

#define PHONE_MODEMS_MAX 64
#define PHONE_NUMBER_MAX 32
#define PHONE_RESULTS_MAX 16

/* What calling a number gives. */
enum phone_result {
	PHONE_RINGS,       /* the modem that has the number; else no carrier */
	PHONE_BUSY, PHONE_NO_ANSWER, PHONE_NO_CARRIER, PHONE_NO_DIALTONE,
	PHONE_VOICE, PHONE_DELAYED, PHONE_BLACKLISTED
};

struct phone_conf {
	struct sim_line_conf line; /* of each call.  cut_times: calls of the
	                            * network, not of one line */
	uint64_t cut_random;  /* cut each call (of those) after 1 to so many
	                       * bytes; 0: as line says */
	uint32_t dial_ms;     /* from ATD to the other end */
	uint32_t ring_ms;     /* from ring to ring */
	uint32_t train_ms;    /* from answering to CONNECT */
	uint32_t fail_ms;     /* until BUSY and the like */
	uint32_t blacklist;   /* after so many calls in vain to a number it is
	                       * delayed, after twice as many blacklisted; 0:
	                       * never */
	uint32_t blacklist_ms; /* without a try, and it is forgotten */
	uint32_t retrain_every_ms, retrain_ms; /* 0: never */
	bool need_flow;       /* a modem loses what its buffer does not take
	                       * until the maker's command turned on RTS/CTS */
	void (*log)(void *arg, uint64_t now, const char *text); /* or NULL */
	void *log_arg;
};

/* 33,600 bps, 60 ms, 4 KB; 300, 2000, 500, 300 ms; no blacklist (30 s). */
void phone_conf_init(struct phone_conf *c);

struct phone;

struct phone *phone_new(const struct phone_conf *c, const char **why);
void phone_free(struct phone *p);

/* A modem.  number: of its line, digits; maker: usr, rockwell, lucent, zyxel,
 * multitech, iridium, v250, plain.  Returns its index, or -1 with *why. */
int phone_add(struct phone *p, const char *number, const char *maker,
    const char **why);

/* How many bytes the modem takes from its program now: flow control. */
size_t phone_room(struct phone *p, int m, uint64_t now);
void phone_feed(struct phone *p, int m, const uint8_t *bytes, size_t n,
    uint64_t now);

/* What the modem has for its program by now; borrowed until the next call.
 * Fewer than all may be shown; after phone_take() ask again until 0. */
size_t phone_out(struct phone *p, int m, uint64_t now, const uint8_t **bytes);
void phone_take(struct phone *p, int m, size_t n, uint64_t now);

/* DTR; off hangs up unless &D0 or &D1, and while it is off nothing is
 * answered. */
void phone_dtr(struct phone *p, int m, bool on, uint64_t now);
/* The program's speed, for CONNECT texts. */
void phone_cable(struct phone *p, int m, uint32_t bps);
/* DCD, as &C has it. */
bool phone_carrier(const struct phone *p, int m);
bool phone_in_call(const struct phone *p, int m);

/* Let what is due happen; phone_next(): when to do so next (bytes that become
 * due included), SIM_NEVER: nothing will happen by itself. */
void phone_tick(struct phone *p, uint64_t now);
uint64_t phone_next(const struct phone *p, uint64_t now);

/* Things that happen to lines. */
void phone_cut(struct phone *p, int m, uint64_t now); /* m < 0: all calls */
void phone_retrain(struct phone *p, uint32_t ms, uint64_t now); /* all calls */
void phone_ring(struct phone *p, int m, uint64_t now); /* one RING */
void phone_dead(struct phone *p, int m, bool dead);    /* no dial tone */
/* What calling this number gives from now on; false: too many. */
bool phone_set_result(struct phone *p, const char *number,
    enum phone_result r);
/* The word of --result and the log; false: no such word. */
bool phone_result_of(const char *word, enum phone_result *r);

struct phone_stats {
	unsigned dialled, connected, cut; /* calls */
	uint64_t bytes;                   /* carried */
	uint64_t dropped;                 /* for want of flow control */
};
void phone_stats(const struct phone *p, struct phone_stats *s);

#endif
