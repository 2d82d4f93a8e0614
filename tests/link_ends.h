/* Two links joined by the simulated line, each with a small user on top: it
 * puts a stream that follows from its seed, in records, takes what comes in
 * order by whole records, and checks it.  Time is simulated. */
#ifndef TESTS_LINK_ENDS_H
#define TESTS_LINK_ENDS_H

#include "modem/link.h"
#include "tests/line/line.h"

struct ends_conf {
	struct sim_line_conf line;
	struct link_conf link[2]; /* 0 is the caller, A */
	size_t send[2];           /* bytes of stream */
	size_t record;            /* 0: 4096 */
	/* a byte in so many: 0 never */
	uint32_t drop, twice, insert;
	bool flow_noise;          /* inserted are XON and XOFF */
	uint64_t dead_from[2];    /* ms; what A (B) sends is lost: 0 never */
	uint64_t dead_to[2];
	uint32_t late_ms;         /* a step comes so late at most: a busy host */
	uint64_t reject;          /* one record in so many fails, once */
};

struct end {
	struct link *l;
	size_t put, got, want;
	bool rejected;
	uint64_t rejects;
	uint64_t done_ms;         /* when the last byte was taken */
	size_t plus;              /* "+++" seen in what it sends */
	size_t plus_run;
	uint64_t heard_ms;
};

struct ends {
	struct ends_conf conf;
	struct sim_line *line;
	struct end e[2];
	uint64_t ns;              /* now */
	uint64_t rng;
	bool wrong;               /* a byte that was not sent so */
	int talks;                /* whose bytes are on the line, or -1 */
	uint64_t turns, both;     /* changes of it; times when it was both */
};

/* Aborts when the line cannot be made. */
void ends_open(struct ends *x, const struct ends_conf *c, uint64_t seed);
void ends_close(struct ends *x);
/* One step of time; false: nothing will happen any more. */
bool ends_step(struct ends *x);
/* Until all is taken and acknowledged, or ms; true when it was. */
bool ends_run(struct ends *x, uint64_t ms);
bool ends_finished(const struct ends *x);
uint64_t ends_now_ms(const struct ends *x);
uint8_t ends_byte(int side, size_t at);

#endif
