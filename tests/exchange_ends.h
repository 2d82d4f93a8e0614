/* Two exchange cores in one process, each with a spool in memory and what the
 * dialer does around it, on a simulated line (tests/line/line.h).  Used by
 * t_exchange and random_exchange.  Times are virtual.
 *
 * What would be on disk is in struct spool and survives end_kill(); all else
 * does not.  The invariants are checked where they can break: a broken one
 * prints what, and calls ends_broken(). */
#ifndef TESTS_EXCHANGE_ENDS_H
#define TESTS_EXCHANGE_ENDS_H

#include "line/line.h"
#include "modem/exchange.h"

#define SPOOL_MAX 160
#define PARTS_MAX 160
#define LOG_MAX   8192

struct bundle {
	uint64_t number;
	size_t size;
	uint32_t crc;
	uint8_t *p;     /* outbox only: its bytes */
	bool gone;      /* outbox: it was removed, they have it */
	bool unreadable; /* outbox: exchange_data() cannot be answered */
	bool passed;    /* outbox: in this call */
};
struct part {
	uint64_t number;
	size_t size, have, synced;
	uint32_t crc;
	uint8_t *p;
};
struct spool {
	struct bundle out[SPOOL_MAX], in[SPOOL_MAX];
	size_t n_out, n_in;
	struct part part[PARTS_MAX];
	size_t n_part;
};

struct end {
	const char *name;
	struct spool disk;
	struct end *other;
	struct exchange_conf conf;
	struct exchange *x;

	/* how the process behaves */
	uint64_t store_ms, data_ms, decide_ms;
	size_t data_max;       /* WANT_DATA is answered so at most; 0: all */
	uint64_t pass;         /* this number is never stored; 0: none */
	bool power_cut;        /* a lost carrier syncs nothing */
	uint64_t late_at;      /* a bundle becomes ready; 0: none does */
	size_t late_size;

	/* of this session */
	uint64_t began, peer_at, safe_at, done_at, data_at;
	bool hello, peer, safe, ended, failed, no_more;
	char peer_name[EXCHANGE_NAME_MAX + 1];
	size_t key;
	struct err err;
	uint64_t offered;      /* highest number */
	bool want_offer;
	struct exchange_event want; /* n != 0: WANT_DATA, not answered yet */
	uint64_t want_at;
	struct { uint64_t number, at; } store[EXCHANGE_OFFERS_MAX];
	size_t n_store;
	uint64_t sync_at;
	uint32_t restarts;
	size_t events;
	size_t kill_at;        /* after so many events; 0: never */
	bool killed;
	bool damage_part;      /* the next partial has a wrong byte */
	char log[LOG_MAX];
	size_t n_log;

	/* of all sessions */
	uint64_t wire_data, again; /* bundle bytes sent; the link's repeats */
};

/* Prints and aborts, unless the test says otherwise. */
extern void (*ends_broken)(const char *what);

void end_init(struct end *e, const char *name, struct end *other,
    bool caller, enum record_security s, uint64_t seed);
void end_fini(struct end *e);
void end_add(struct end *e, uint64_t number, size_t size, uint64_t seed);
void end_start(struct end *e, uint64_t seed, uint64_t now_ms);
/* The call is over; what the core said is kept. */
void end_stop(struct end *e, uint64_t now_ms);
/* The process is gone, and what it had not synced. */
void end_kill(struct end *e);
/* Answer all events, and what is due. */
void end_events(struct end *e, uint64_t now_ms);
uint64_t end_deadline(const struct end *e);
/* All that e sends has arrived. */
bool end_delivered(const struct end *e);

struct wire {
	struct sim_line *l;
	struct end *end[2];    /* A, B */
	uint64_t now;          /* ns */
	uint64_t step;         /* ns; bytes are carried in such steps */
	double drop, twice, insert, flow; /* a byte */
	uint64_t clean_at;     /* ns: no more noise from here */
	uint64_t dead_from[2], dead_until[2]; /* by direction */
	uint64_t cut_at;       /* so many bytes carried; 0: never */
	uint64_t carried;
	bool cut;
	bool keep;             /* the line stays until both have ended */
	uint64_t rng;
	size_t steps;
};
/* One call, until both have ended or the line is cut; false: it did not end
 * by `until` (ns). */
bool wire_run(struct wire *w, uint64_t until);

#endif
