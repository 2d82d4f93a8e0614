/* Two ZMODEM machines in one process with a pretended line between them: used
 * by t_zmodem.c.  Time is a number; it moves only when nothing else can. */
#ifndef TESTS_ZMODEM_ENDS_H
#define TESTS_ZMODEM_ENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modem/zmodem.h"

#define END_FILES 8

struct end_file {
	char name[40];
	uint8_t *p;      /* owned when received */
	size_t n;
	bool done;       /* sent: acknowledged; received: stored */
};

/* One machine with its process. */
struct end {
	struct zm *z;
	struct end_file send[END_FILES], got[END_FILES];
	int n_send, next_send, n_got, n_done;
	uint64_t decide_at;   /* not before: offers or says no more */
	uint64_t store_ms;    /* storing takes so long */
	uint64_t stored_at;   /* UINT64_MAX: nothing to store */
	bool store_fails, skips, asked, safe, ended, failed;
	bool same;            /* zm_accept_same() */
	uint64_t accept_at;   /* a part of so many bytes is here */
	uint32_t part_crc;
	bool restarted;       /* data came at 0 though a part was accepted */
	char peer[64];        /* "-": a plain one */
	struct err err;
	char log[8192];       /* events as text */
	size_t log_n;
	int cuts;
};

/* What the line does to each byte, in 1 / a million; bytes in flight. */
struct line {
	unsigned flip, drop, insert;
	uint64_t bad_bytes;   /* the first so many only; then it is clean */
	uint64_t cut_after;   /* bytes, then nothing passes; 0: never */
	uint32_t delay_ms;
	size_t step;          /* bytes taken and fed at once */
	unsigned random;      /* state of its own generator */
	uint64_t passed;
	struct flight { uint8_t *p; size_t n, cap, at; uint64_t due; } to[2];
};

void end_init(struct end *e, const struct zm_conf *c, enum zm_side side);
void end_add(struct end *e, const char *name, size_t n, unsigned seed);
void end_free(struct end *e);
/* Take all events, answer them. */
void end_events(struct end *e, uint64_t now);
/* Run both until both have ended, or the time is over.  Returns the time. */
uint64_t ends_run(struct end *a, struct end *b, struct line *l,
    uint64_t until_ms);
void line_init(struct line *l);
void line_free(struct line *l);
/* All that one sent is stored at the other, unchanged. */
bool ends_same(const struct end *from, const struct end *to);

#endif
