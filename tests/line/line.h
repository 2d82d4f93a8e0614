/* A simulated 8N1 line between two ends, A and B: bytes and the time go in,
 * bytes come out when they are due.  No descriptor, no clock, no thread: the
 * caller says what time it is, so a protocol test of minutes runs in no time,
 * and the process line-sim uses the same code on two ptys.
 *
 * Each direction has a transmit clock of its own (full duplex).  A byte put
 * at t starts at max(t, end of the byte before), takes 10 bits, and is due
 * delay_ms after its end: never early, and an idle line saves up no credit.
 * Times are nanoseconds from any origin that never goes back.
 *
 *     n = sim_line_put(l, SIM_AB, bytes, n, now);       sender's side
 *     n = sim_line_due(l, SIM_AB, now, &p);             receiver's side
 *     ... use p[0..n) ...
 *     sim_line_take(l, SIM_AB, n);
 *
 * Errors: only sim_line_new can fail; a wrong argument elsewhere aborts. */
#ifndef TESTS_LINE_LINE_H
#define TESTS_LINE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_NEVER UINT64_MAX
#define SIM_MS UINT64_C(1000000) /* nanoseconds */

enum sim_dir { SIM_AB, SIM_BA };

/* Which direction's bytes count for cut_bytes. */
enum sim_cut { SIM_CUT_EITHER, SIM_CUT_AB, SIM_CUT_BA };

struct sim_line_conf {
	uint32_t bps;          /* 50 to 10,000,000; 10 bits a byte */
	uint32_t delay_ms;     /* one way, 60,000 at most */
	double bit_errors;     /* rate on the 8 payload bits, 0 to 1 */
	size_t buffer_bytes;   /* per direction; 1 to 1 MiB */
	uint64_t cut_bytes;    /* carrier lost after so many; 0: never */
	enum sim_cut cut_dir;
	uint64_t cut_ms;       /* ... so long after a connection's first
	                        * byte starts; 0: never */
	uint32_t cut_times;    /* only the first so many connections are cut
	                        * so; 0: all */
	uint64_t seed;         /* of the bit errors */
	bool xonxoff;          /* XOFF from an end stops delivery to it, XON
	                        * goes on; neither is carried */
	bool seven;            /* bit 8 arrives as 0 */
};

/* What the line has carried, over all connections. */
struct sim_line_stats {
	uint64_t bytes;        /* taken at the receiving end */
	uint64_t lost;         /* in the line or its buffers at a cut */
	uint64_t bit_errors;   /* bits turned over in what was put */
	uint64_t first_ns;     /* the first byte's start; SIM_NEVER: none */
	uint64_t last_ns;      /* the last taken byte was due (came in) */
	/* Bulk: SIM_BULK_BYTES or more, put without a pause of SIM_BULK_NS. */
	uint64_t bulk_first_ns; /* the first bulk's start; SIM_NEVER: none */
	uint64_t bulk_last_ns;  /* the last bulk's end, at its sender */
};

#define SIM_BULK_BYTES 512
#define SIM_BULK_NS (5 * SIM_MS)

struct sim_line;

/* A line, connected.  The conf is copied.  NULL: *why says which value is
 * out of range (a constant string), or that there is no memory. */
struct sim_line *sim_line_new(const struct sim_line_conf *conf,
    const char **why);
void sim_line_free(struct sim_line *l);

/* How many bytes the sender's modem takes now; 0 when its buffer is full,
 * when the receiver has long stopped taking, or after a cut. */
size_t sim_line_room(struct sim_line *l, enum sim_dir d, uint64_t now);

/* When there will be room for want bytes (at most the buffer's size), if
 * nothing else is put; SIM_NEVER when that depends on the receiver. */
uint64_t sim_line_room_at(struct sim_line *l, enum sim_dir d, size_t want,
    uint64_t now);

/* Put up to n bytes; returns how many fitted.  The rest is the caller's to
 * keep: that is flow control.  XON and XOFF need no room where they are
 * not carried, but stand in the queue with the rest. */
size_t sim_line_put(struct sim_line *l, enum sim_dir d, const uint8_t *p,
    size_t n, uint64_t now);

/* The bytes that are due at the receiving end by now: *p is borrowed until
 * the next call on l.  Fewer than all may be shown; after sim_line_take ask
 * again until 0.  Held back while that end has sent XOFF. */
size_t sim_line_due(struct sim_line *l, enum sim_dir d, uint64_t now,
    const uint8_t **p);
void sim_line_take(struct sim_line *l, enum sim_dir d, size_t n);

/* When the next byte of this direction is due, which may be in the past;
 * SIM_NEVER: nothing is under way, or held back by XOFF. */
uint64_t sim_line_next(const struct sim_line *l, enum sim_dir d);

/* Bytes put and not yet taken. */
size_t sim_line_pending(const struct sim_line *l, enum sim_dir d);

/* Is the carrier gone?  Cut by count: at once when exactly cut_bytes have
 * been taken.  Cut by time: from sim_line_cut_at on; what was due before
 * it and is not taken yet is still shown. */
bool sim_line_is_cut(const struct sim_line *l, uint64_t now);
uint64_t sim_line_cut_at(const struct sim_line *l);

/* Lose the carrier now. */
void sim_line_cut(struct sim_line *l);

/* A new connection: both queues empty, counts towards a cut from 0, XOFF
 * forgotten.  Statistics and the sequence of errors go on. */
void sim_line_redial(struct sim_line *l);

const struct sim_line_stats *sim_line_stats(const struct sim_line *l,
    enum sim_dir d);

/* The share of the physical limit that was reached, from the first byte's
 * start to the last one's arrival: fuller direction x 10 / bps / time.
 * *ns, unless NULL, is that time.  0 when nothing was carried. */
double sim_line_utilisation(const struct sim_line *l, uint64_t *ns);

/* The generator of the errors (splitmix64), for whoever needs bytes that
 * come out the same for the same seed. */
uint64_t sim_random(uint64_t *state);

#endif
