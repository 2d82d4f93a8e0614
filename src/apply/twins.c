#include "config.h"

#include "apply/twins.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "capture/capture.h"
#include "store/note.h"

/* A clock that is set right by a little is no second site. */
#define STEP_S 60
/* Longer than any wait between two tries: what drives them has ended. */
#define QUIET_S (30 * (int64_t)CLOCK_FAR_S)

/* In dialsync_meta: how often, and when last, a new incarnation was begun since
 * a peer knew us by another. */
#define META_TRIES "other_self_tries"
#define META_LAST  "other_self_last"

bool twins_may_renew(int64_t tries, int64_t last, int64_t now)
{
	static const int days[] = {0, 1, 2, 4, 7};
	int64_t wait = days[tries < 4 ? tries : 4] * CLOCK_FAR_S;

	if (tries == 0)
		return true;
	/* a clock that went back does not make it wait for years */
	return now >= last + wait || now < last - CLOCK_FAR_S;
}

int64_t twins_tries(int64_t tries, int64_t last, int64_t now)
{
	return now >= last + QUIET_S ? 0 : tries;
}

/* Where this history was last shared for certain: what a peer has acknowledged
 * of it.  What was packed past that, others may have got from the other site,
 * or from ourselves before the backup was put back, with other contents. */
static int last_shared(struct store *s, int64_t *clock, struct err *e)
{
	static const char from[] = " FROM dialsync_sent x JOIN dialsync_peer p"
	    " ON p.p = x.p WHERE x.upto <= p.acked"
	    " AND x.inc = (SELECT v FROM dialsync_meta WHERE k = 'inc')";
	char sql[240];

	snprintf(sql, sizeof(sql), "SELECT max(x.clock)%s", from);
	return db_int(s->db, sql, -1, clock, e);
}

static int renew(struct receive *r, int64_t tries, int64_t now, struct err *e)
{
	struct store *s = r->store;
	int64_t clock;

	if (last_shared(s, &clock, e) < 0 || capture_renew(s, clock, e) < 0 ||
	    store_meta_set_int(s, META_TRIES, tries + 1, e) < 0 ||
	    store_meta_set_int(s, META_LAST, now, e) < 0)
		return -1;
	r->renewed_self = true;
	/* the peer's own entry was changed with all others */
	return peer_load(s, r->name, &r->peer, e);
}

static int other_self(struct receive *r, struct err *e)
{
	struct store *s = r->store;
	int64_t tries, last, now = clock_wall();

	r->other_self = true;
	if (store_meta_int(s, META_TRIES, 0, &tries, e) < 0 ||
	    store_meta_int(s, META_LAST, 0, &last, e) < 0)
		return -1;
	tries = twins_tries(tries, last, now);
	return twins_may_renew(tries, last, now) ? renew(r, tries, now, e) : 0;
}

int twins_look(struct receive *r, const struct bundle_head *h, bool ended,
    struct err *e)
{
	struct store *s = r->store;
	int64_t wall;
	int own;

	r->twins = r->other_self = r->renewed_self = false;
	if (strcmp(h->from, r->peer.name) || strcmp(h->to, s->site))
		return 0;
	if (ended) {
		if (peer_ended_wall(s, &r->peer, (int64_t)h->inc, &wall,
			e) < 0)
			return -1;
		/* a clock that was never set says nothing */
		r->twins = wall >= CLOCK_SANE && h->wall > wall + STEP_S;
	} else if (h->rinc && (int64_t)h->inc == r->peer.inc) {
		/* of a peer that we know: else this site was made anew, and
		 * the bundle is for the one before it */
		own = peer_own_inc(s, (int64_t)h->rinc, e);
		if (own < 0 || (own == 0 && other_self(r, e) < 0))
			return -1;
	}
	return 0;
}

void twins_text(const struct receive *r, const char *dir, char *out,
    size_t size)
{
	if (r->twins)
		snprintf(out, size, "two sites call themselves %s: one goes on"
		    " that another has taken the place of, since its database"
		    " or computer was copied, or it came back from a repair."
		    " What both send is merged, but each gets only a part of"
		    " what is sent to %s: give one of them a name of its own"
		    " there with \"dialsync init NAME --database FILE"
		    " --copy\", and add it here with \"dialsync peer NAME\"",
		    r->name, r->name);
	else
		snprintf(out, size, "%s knows this site as another than this"
		    " database is: two sites call themselves %s, or an older"
		    " backup was put back here more than once. Nothing is"
		    " lost. If there is another %s, give this one a name of"
		    " its own with \"dialsync -C %s init NAME --database FILE"
		    " --copy\", and add it at %s with \"dialsync peer NAME\"",
		    r->name, r->store->site, r->store->site, dir, r->name);
}
