/* Who saw and wrote which value, what tables hold, and whether all that is as
 * it must be at the end of a random history: for random_sites.c. */
#ifndef RANDOM_JUDGE_H
#define RANDOM_JUDGE_H

#include "base/buf.h"
#include "tests/random_world.h"

void seen_tables(struct world *, int site, struct seen *);
void seen_edit(struct world *, int site, const struct seen *before);
void seen_after_apply(struct world *, int site);
void seen_restored(struct world *, int site);
/* A copy of it is made. */
void seen_copied(struct world *, int site, int copy, bool by_hand);
static inline bool seen_has(const struct seen *s, int i)
{
	return s->w[i / 64] >> (i % 64) & 1;
}
/* Findings of the whole program. */
struct findings {
	long long worlds, bundles, tokens, conflicts, held, registers;
	long long false_conflicts, echoes, twice,
	    after_restore, two_givers, kills, restores, copies, alters;
};
void judge(struct world *, struct findings *);

/* Rows of all tables as sorted lines, reals bit for bit; what is held and in
 * conflict; then registers. */
void dump_site(struct world *, int site, bool registers, struct buf *);
/* Values that are kept beside the tables and in records, each between blanks. */
void dump_kept(struct world *, int site, struct buf *values);
/* Each conflict about a field: "t0.a[", the two values by put_value, and the
 * site that wrote what lost. */
void each_conflict(struct world *, int site, void (*f)(void *arg,
    const char *field, const char *lost, const char *won, int loser),
    void *arg);
/* Values that wait for a column which the site has not, of rows that the log
 * says were born there since the last fold: "t0.a[" and the value. */
void each_born_with(struct world *, int site, void (*f)(void *arg,
    const char *field, const char *value), void *arg);
long long dump_count(sqlite3 *, const char *table);
/* Values of columns other than keys, one by one: "t0.a[key]=value". */
void dump_values(struct world *, int site,
    void (*f)(void *arg, const char *line, size_t n), void *arg);
/* One value bit for bit: type and text. */
void put_value(struct buf *, sqlite3_stmt *, int i);

#endif
