#include "config.h"

#include "apply/refuse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "capture/ahead.h"

/* What the peer is known to know of itself in that incarnation; -1. */
static int64_t view_of(struct store *s, const struct peer *p,
    const int64_t *view, int64_t inc)
{
	for (int64_t o = 1; o <= store_origin_count(s); o++) {
		const struct origin *x = store_origin_get(s, o);

		if (x->inc == inc && strcmp(x->site, p->name) == 0)
			return view[o];
	}
	return -1;
}

/* The peer left the bundle's incarnation. */
static int look_ended(const struct receive *r, const struct peer *p,
    enum refuse_what *what, struct err *e)
{
	int64_t *view;

	if (store_origins_load(r->store, e) < 0 ||
	    peer_view_load(r->store, p, &view, e) < 0)
		return -1;
	/* until a bundle of the new one was applied nothing is known */
	if (view_of(r->store, p, view, p->inc) < 0)
		*what = REFUSE_WAIT;
	else if (view_of(r->store, p, view, r->inc) >= r->clock)
		*what = REFUSE_DROP;
	else
		*what = REFUSE_HOLD;
	free(view);
	return 0;
}

static int agree(struct store *s, int64_t wall, struct err *e)
{
	if (store_begin(s, e) < 0)
		return -1;
	if (ahead_agree(s, wall, e) == 0 && store_commit(s, e) == 0)
		return 0;
	store_rollback(s);
	return -1;
}

int refuse_look(const struct receive *r, struct refuse *f,
    enum refuse_what *what, struct err *e)
{
	int64_t now = clock_wall();
	enum far why = far_decide(r->wall, r->clock, now);
	struct peer p;
	int ended;

	*what = REFUSE_NO;
	if (why == FAR_NO && r->inc != f->inc)
		return 0;
	if (peer_load(r->store, r->name, &p, e) < 0)
		return -1;
	ended = p.inc == r->inc ? 0 : peer_ended(r->store, &p, r->inc, e);
	if (ended < 0)
		return -1;
	if (ended && why != FAR_NO && look_ended(r, &p, what, e) < 0)
		return -1;
	if (*what == REFUSE_DROP || *what == REFUSE_HOLD)
		return 0;
	/* merged whenever it comes; or the next one, or nothing new */
	if (why == FAR_NO && (ended || r->after <= p.pos))
		return 0;
	if (!ended && p.inc == r->inc && r->upto <= p.pos)
		return 0;
	*what = REFUSE_WAIT;
	f->count++;
	if (f->inc)
		return 0;
	f->inc = r->inc;
	f->number = r->number;
	f->why = why;
	f->clock = r->wall > now + CLOCK_FAR_S ? r->wall : r->clock;
	return agree(r->store, r->wall, e);
}

void refuse_change(const struct receive *r, struct refuse *f)
{
	f->count++;
	if (f->inc)
		return;
	f->inc = r->inc;
	f->number = r->number;
	f->why = FAR_AHEAD;
	f->clock = r->far_clock;
}

void refuse_text(const struct refuse *f, const char *peer, char *out,
    size_t size)
{
	char theirs[CLOCK_TEXT], ours[CLOCK_TEXT], more[80] = "";

	clock_format(f->clock, theirs);
	clock_format(clock_wall(), ours);
	if (f->count > 1)
		snprintf(more, sizeof(more), ", with %d more behind it",
		    f->count - 1);
	if (f->why == FAR_UNSET)
		snprintf(out, size, "bundle %08lld of %s waits in the inbox%s:"
		    " it says %s, and the clock of this computer says %s,"
		    " which cannot be: set it (\"date\", or a time service)"
		    " and run \"dialsync apply\"", (long long)f->number, peer,
		    more, theirs, ours);
	else
		snprintf(out, size, "bundle %08lld of %s waits in the inbox%s:"
		    " it says %s, and here it is %s, more than a day earlier."
		    " Set the clock that is wrong: at %s, whose changes then"
		    " come again by themselves, or here (\"date\", or a time"
		    " service)", (long long)f->number, peer, more, theirs,
		    ours, peer);
}
