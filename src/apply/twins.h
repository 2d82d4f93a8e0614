/* Two sites of one name: a database, or a whole computer, was copied and both
 * go on.  Private to src/apply. */
#ifndef APPLY_TWINS_H
#define APPLY_TWINS_H

#include "apply/receive.h"

/* In a bundle's transaction, before it is decided on.  ended: the peer has
 * left the bundle's incarnation.
 *
 * Sets r->twins where the peer's name is used by two sites: the bundle was
 * packed after its incarnation had ended.  Sets r->other_self where the peer
 * knows this site by an incarnation that this database never had: then either
 * a backup was put back here that is older than another one put back before,
 * or there is a second site of our name.  A new incarnation mends the first;
 * it is begun (r->renewed_self) ever more rarely, since two copies would else
 * drive each other from one to the next for ever. */
int twins_look(struct receive *, const struct bundle_head *, bool ended,
    struct err *);

/* What to tell a person; r->twins or r->other_self is set. */
void twins_text(const struct receive *, const char *site_dir, char *out,
    size_t size);

/* May a new incarnation be begun for that reason, when it was done `tries`
 * times before, last at `last`?  Pure: at once, then after
 * 1, 2, 4 and 7 days: so it also comes right in a week when one of two copies
 * has got a name of its own. */
bool twins_may_renew(int64_t tries, int64_t last, int64_t now);
/* How many of them still count: none after a quiet month, then it is another
 * matter (a backup, years later) and begins at once and after a day again. */
int64_t twins_tries(int64_t tries, int64_t last, int64_t now);

#endif
