/* What bundles carry, register by register: for random_sites.c and fanout.c.
 *
 * A register on the wire is (table, key, field, clock, origin).  It is sent
 * twice when the same edge carries it again in the same direction, and it is
 * an echo when the sender had applied it from a bundle of the receiver.  Where
 * it had come from somebody else, too, before the receiver's knowledge covered
 * it, the sender cannot know: a fragment remembers one giver (two_givers).
 * Bundles of a resend (they list where earlier ones ended) may do both. */
#ifndef RANDOM_WIRE_H
#define RANDOM_WIRE_H

#include <stdbool.h>

struct wire;
struct world;

struct wire_edge {
	long long bundles, bytes, registers;
	long long twice, echoes, two_givers; /* of registers */
};

struct wire *wire_new(void);
void wire_free(struct wire *);

/* All take NULL, and then do nothing. */

/* The bundle of that flight left the outbox; its file is at path. */
void wire_sent(struct wire *, int flight, int from, int to, const char *path);
/* The site is going to apply what lies in its inbox; it has done so. */
void wire_reads(struct wire *, struct world *, int site);
void wire_applied(struct wire *, struct world *, int site);
/* The site went back: what it says and hears from now on is new. */
void wire_forget(struct wire *, int site);

const struct wire_edge *wire_edge(const struct wire *, int from, int to);

#endif
