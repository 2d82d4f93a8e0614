/* One bundle: header, decision, and its changes in one transaction. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/apply_p.h"
#include "apply/far.h"
#include "apply/order.h"
#include "apply/receive.h"
#include "apply/twins.h"
#include "base/clock.h"
#include "capture/ahead.h"
#include "capture/capture.h"
#include "store/foreign.h"
#include "store/know.h"

/* A wish for a resend that was granted counts again after so long. */
#define WISH_AGAIN_S 86400
/* Uncompressed bytes from which on a bundle is verified first: what 100 ms may
 * not be enough for. */
#define LARGE_BYTES ((uint32_t)1 << 20)

static int out_of_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "apply: out of memory");
}

static void work_free(struct apply_work *w)
{
	free(w->touched);
	free(w->origins);
	free(w->adopt);
	free(w->chain);
	free(w->sender_knows);
	free(w->frags);
	free(w->judged);
	free(w->mfrags);
	free(w->row);
	arena_free(&w->arena);
	buf_free(&w->scratch);
}

static bool clocks_ok(const struct bundle_clock *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c[i].clock < -1 || c[i].clock > STORE_CLOCK_MAX)
			return false;
	return true;
}

/* Numbers that no site can have come from damage or malice. */
static int check_head(const struct bundle_head *h, struct err *e)
{
	if (h->clock < 0 || h->clock > STORE_CLOCK_MAX ||
	    h->wall > STORE_CLOCK_MAX ||
	    !clocks_ok(h->know, h->nknow) || !clocks_ok(h->adopt, h->nadopt))
		return err_set(e, ERR_DATA, "its header has a clock that"
		    " cannot be");
	if (h->number > STORE_SEQ_MAX || h->upto > STORE_SEQ_MAX ||
	    h->ack_upto > STORE_SEQ_MAX || h->inc == 0 ||
	    h->inc > INT64_MAX || h->rinc > INT64_MAX ||
	    h->ack_inc > INT64_MAX)
		return err_set(e, ERR_DATA, "its header has a number that"
		    " cannot be");
	for (size_t i = 0; i < h->norigins; i++)
		if (h->origins[i].inc == 0 || h->origins[i].inc > INT64_MAX)
			return err_set(e, ERR_DATA, "an origin of it cannot"
			    " be");
	return 0;
}

/* The bundle's origins as ours. */
static int map_origins(struct apply_work *w, const struct bundle_head *h,
    struct err *e)
{
	if (store_origin_count(w->s) + (int64_t)h->norigins >
	    BUNDLE_ORIGINS_MAX - 96 && h->norigins > 64)
		return err_set(e, ERR_DATA, "it names %zu origins, more than"
		    " there can be sites", h->norigins);
	w->origins = calloc(h->norigins, sizeof(*w->origins));
	w->adopt = calloc(h->nadopt + 1, sizeof(*w->adopt));
	if (!w->origins || !w->adopt)
		return out_of_memory(e);
	for (size_t i = 0; i < h->norigins; i++)
		if (store_origin(w->s, h->origins[i].site,
			(int64_t)h->origins[i].inc, &w->origins[i], e) < 0)
			return -1;
	w->sender = w->origins[0];
	for (size_t i = 0; i < h->nadopt; i++)
		w->adopt[w->nadopt++] = (struct version){h->adopt[i].clock,
		    w->origins[h->adopt[i].origin]};
	return 0;
}

/* What the sender knew when it packed: told whole, or as what changed since
 * it last told.  Of an incarnation that has ended only what it says itself
 * counts: what was told since is another's. */
static int load_knowledge(struct apply_work *w, const struct bundle_head *h,
    bool whole, struct err *e)
{
	if (peer_view_load(w->s, w->peer, &w->sender_knows, e) < 0)
		return -1;
	w->norigins = store_origin_count(w->s);
	for (int64_t i = 0; whole && i <= w->norigins; i++)
		w->sender_knows[i] = -1;
	for (size_t i = 0; i < h->nknow; i++)
		w->sender_knows[w->origins[h->know[i].origin]] =
		    h->know[i].clock;
	w->sender_knows[w->sender] = h->clock;
	/* nobody counts as knowing what has more than one past */
	for (int64_t o = 1; o <= w->norigins; o++) {
		int64_t ends = store_origin_get(w->s, o)->ends;

		if (w->sender_knows[o] > ends)
			w->sender_knows[o] = ends;
	}
	return 0;
}

static int work_init(struct apply_work *w, struct store *s,
    const struct bundle_head *h, struct peer *p, bool whole, struct err *e)
{
	memset(w, 0, sizeof(*w));
	w->s = s;
	w->head = *h;
	w->chain = malloc((h->nchain + 1) * sizeof(*w->chain));
	if (!w->chain)
		return out_of_memory(e);
	for (; w->nchain < h->nchain; w->nchain++)
		w->chain[w->nchain] = h->chain[w->nchain];
	w->peer = p;
	w->base_unknown = h->load && !h->load_all;
	w->limit = far_limit(clock_wall());
	snprintf(w->name, sizeof(w->name), "%s %lld", h->from,
	    (long long)h->number);
	buf_init(&w->scratch, SIZE_MAX);
	w->frags = calloc(FRAGS_MAX, sizeof(*w->frags));
	w->judged = calloc(FRAGS_MAX, sizeof(*w->judged));
	w->mfrags = calloc(FRAGS_MAX, sizeof(*w->mfrags));
	w->row = calloc(TABLE_COLUMNS_MAX, sizeof(*w->row));
	if (!w->frags || !w->judged || !w->mfrags || !w->row)
		return out_of_memory(e);
	return map_origins(w, h, e) < 0 || load_knowledge(w, h, whole, e) < 0 ? -1 : 0;
}

/* ---- the header's consequences */

/* Was a resend from there begun already, and has the peer seen nothing of it
 * when it asked?  Then it is on its way.  If all of it is lost and nothing
 * follows, which would show it, a day later the wish counts again. */
static bool wish_granted(const struct peer *p, const struct bundle_head *h)
{
	int64_t ago = clock_wall() - p->wish_when;

	return p->wish_pos == h->ack_upto && h->want < p->wish_number &&
	    ago >= 0 && ago < WISH_AGAIN_S;
}

/* Take what it acknowledges, once a bundle: the position that the peer has
 * applied, and its wish for a resend from there. */
static int take_ack(struct store *s, struct peer *p,
    const struct bundle_head *h, const int64_t *sender_knows, int64_t n,
    struct err *e)
{
	int64_t *view;
	bool less;
	int rc = 0;

	/* numbers begin again when a backup is put back, clocks do not */
	if (h->number <= p->ack_number && h->wall <= p->ack_wall)
		return 0;
	if (h->number > p->ack_number)
		p->ack_number = h->number;
	if (h->wall > p->ack_wall)
		p->ack_wall = h->wall;
	if (!h->has_ack || (int64_t)h->ack_inc != s->inc)
		return 0;
	/* who has less than it had was put back to a backup, too */
	less = h->ack_upto < p->acked;
	p->acked = h->ack_upto;
	if (p->loading == PEER_LOAD_ON && h->ack_upto >= p->load) {
		p->loading = PEER_LOAD_NONE;
		p->load_all = false;
		/* it has all rows now */
		if (db_execf(s->db, e, "DELETE FROM dialsync_count WHERE"
			" p = %lld AND there < here", (long long)p->id) < 0)
			return -1;
	}
	if (h->ack_upto >= p->mark ||
	    (!less && (!h->want || wish_granted(p, h))))
		return 0;
	p->wish_pos = h->ack_upto;
	p->wish_number = p->number + 1;
	p->wish_when = clock_wall();
	/* send again from there, what the peer says it lacks: also what it
	 * once gave us and may have lost */
	p->mark = p->scan = h->ack_upto;
	p->tag = h->ack_tag;
	p->back = s->seq;
	p->full = true;
	p->told = -1;
	if (peer_told_clear(s, p, e) < 0 ||
	    table_told_again(s, p->id, p->mark, e) < 0 ||
	    peer_view_load(s, p, &view, e) < 0)
		return -1;
	/* lowered, never raised: this bundle has no place in its sequence, and
	 * nobody would notice if the state that it tells of were lost */
	for (int64_t o = 1; o <= n && rc == 0; o++)
		if (view[o] > sender_knows[o])
			rc = peer_view_set(s, p, o, sender_knows[o], e);
	free(view);
	return rc;
}

/* What the bundle makes known here, its changes being in. */
static int take_knowledge(struct apply_work *w, struct err *e)
{
	int64_t *adopt = malloc((size_t)(w->norigins + 1) * sizeof(*adopt));
	int rc = 0;

	if (!adopt)
		return out_of_memory(e);
	for (int64_t o = 0; o <= w->norigins; o++)
		adopt[o] = KNOW_NOTHING;
	for (size_t i = 0; i < w->nadopt; i++)
		adopt[w->adopt[i].origin] = w->adopt[i].clock;
	for (int64_t o = 1; o <= w->norigins && rc == 0; o++) {
		struct know_take take = {o == w->s->self, w->head.end,
		    w->sender_knows[o], adopt[o]};

		rc = store_know(w->s, o, know_take(&take), e);
		if (rc == 0 && w->sender_knows[o] >= 0)
			rc = peer_view_set(w->s, w->peer, o,
			    w->sender_knows[o], e);
	}
	free(adopt);
	return rc;
}

/* number: of the bundle that shows that something is missing. */
static void ask_resend(struct peer *p, int64_t number, bool again)
{
	if (!p->want || again)
		p->tell = true;
	if (p->want < number || p->want < 1)
		p->want = number < 1 ? 1 : number;
}

/* The tag of the bundle, if it has one. */
static int add_seen(struct apply_work *w, int64_t upto, struct err *e)
{
	const struct bundle_head *h = &w->head;
	struct peer_seen seen = {upto, h->tag, (int64_t)h->inc, h->clock};

	return h->upto == h->after || !h->tag
	    ? 0
	    : peer_seen_add(w->s, w->peer, &seen, e);
}

/* After its changes: what the peer knows, what we may say to know, and how
 * far we are. */
static int take_position(struct apply_work *w, struct err *e)
{
	const struct bundle_head *h = &w->head;
	struct peer *p = w->peer;

	if (take_knowledge(w, e) < 0 || load_end(w, e) < 0)
		return -1;
	p->pos = h->upto;
	p->pos_tag = h->tag;
	p->pos_number = h->number;
	p->want = 0;
	p->waiting_for = 0;
	/* enough unanswered ones are worth an acknowledgement alone */
	if (++p->unanswered >= 64)
		p->tell = true;
	/* a resend also stands for the bundles that it repeats */
	for (size_t k = 0; k < w->nchain; k++) {
		struct peer_seen seen = {w->chain[k].upto, w->chain[k].tag,
		    (int64_t)h->inc, h->clock};

		if (seen.upto < h->upto && seen.tag &&
		    peer_seen_add(w->s, p, &seen, e) < 0)
			return -1;
	}
	return add_seen(w, h->upto, e);
}

/* Of a bundle for or of an incarnation that has ended only the changes are
 * taken; but that it was here is told, so that a sender that does not know it
 * any more finds out that it went back. */
static int take_merged(struct receive *r, struct err *e)
{
	const struct bundle_head *h = &r->work.head;
	struct peer *p = &r->peer;

	if (r->order == ORDER_FORK) {
		p->told = -1;
		p->tell = true;
	}
	/* what it brought is not counted; one that brought nothing leaves
	 * nothing to ask for, but that it was made for another is told */
	if (h->upto > h->after || !r->ended)
		ask_resend(p, h->number, r->first_look && !r->ended);
	if (!r->ended && h->number > p->ack_number)
		p->ack_number = h->number;
	return add_seen(&r->work, 0, e);
}

/* ---- the reader's callbacks */

/* First look: only the header. */
static int on_peek(void *arg, const struct bundle_head *h, struct err *e)
{
	struct receive *r = arg;

	(void)e;
	r->number = h->number;
	r->inc = (int64_t)h->inc;
	r->wall = h->wall;
	r->after = h->after;
	r->upto = h->upto;
	r->clock = h->clock;
	r->head_seen = true;
	return 1;
}

static int no_group(void *arg, struct bundle_group *g, struct err *e)
{
	(void)arg;
	(void)g;
	return err_set(e, ERR_CALLER, "a group before the header");
}

/* What must be right when a transaction ends, whether or not the bundle does:
 * edits that met a death are judged, and references that may dangle listed, so
 * that none is forgotten in a crash; and what is held is what the registers
 * say. */
static int settle(struct apply_work *w, struct err *e)
{
	return late_judge(w, e) < 0 || place_held(w, e) < 0 ? -1
	    : dangling_scan(w->s, e);
}

/* Has this transaction lasted long enough? */
static bool part_due(struct receive *r)
{
	r->rows++;
	if (r->whole)
		return false;
	if (r->part_rows > 0)
		return r->rows >= r->part_rows;
	/* asking the time costs, too */
	return r->rows % 32 == 0 &&
	    clock_ms() - r->begun_ms >= (uint64_t)r->part_ms;
}

/* Begin a transaction: the log is folded first, since what was written
 * meanwhile must have its versions when ours meet it. */
static int begin(struct receive *r, struct err *e)
{
	r->ours = true;
	if (capture_fold_begin(r->store, e) < 0 ||
	    peer_load(r->store, r->name, &r->peer, e) < 0)
		return -1;
	r->ours = false;
	r->rows = 0;
	r->begun_ms = clock_ms();
	return 0;
}

/* Commit what was merged so far, let others in, go on in a new transaction.
 *
 * What the header says of who the peer is (a new incarnation) is saved with the
 * first part; where its sequence stands then is the beginning.  Position,
 * knowledge and acknowledgement are not taken before the last part.  So after a
 * crash the bundle is merged from its beginning.  What was merged then meets its
 * own versions, which is no change; conflicts were recorded with the part that
 * found them (one that is found again has the key of the first).  An edit made
 * here between the crash and then may be told as a conflict although its author
 * saw the other value: one too many, never one too few.
 *
 * The packer may change the peer's row meanwhile: it is read again.  Incarnation
 * and position are the applier's, of which there is one. */
static int end_part(struct receive *r, struct err *e)
{
	int64_t inc = r->store->inc;
	struct peer was;

	r->ours = true;
	if (settle(&r->work, e) < 0 ||
	    peer_save(r->store, &r->peer, e) < 0 ||
	    store_commit(r->store, e) < 0)
		return -1;
	was = r->peer;
	if (begin(r, e) < 0)
		return -1;
	if (inc == r->store->inc && was.id == r->peer.id &&
	    was.inc == r->peer.inc && was.pos == r->peer.pos)
		return 0;
	r->ours = true;
	return err_set(e, ERR_AGAIN, "this site or its peer %s began anew while"
	    " a bundle was merged; it is merged again", r->name);
}

static int row_done(struct apply_work *w, struct err *e)
{
	struct receive *r = w->arg;

	if (!part_due(r))
		return 0;
	if (!r->verified) {
		r->too_long = true;
		return err_set(e, ERR_AGAIN, "not verified yet");
	}
	return end_part(r, e) < 0 ? -1 : 1;
}

static int on_head(void *arg, const struct bundle_head *h, struct err *e)
{
	struct receive *r = arg;
	bool merged;

	if (check_head(h, e) < 0 || receive_decide(r, h, e) < 0)
		return -1;
	r->first_look = h->number > r->peer.ack_number;
	merged = r->order == ORDER_MERGE || r->order == ORDER_FORK;
	if (r->order == ORDER_HOLD)
		return 1;
	r->number = h->number;
	if (work_init(&r->work, r->store, h, &r->peer,
		h->full || merged, e) < 0)
		return -1;
	/* only with a position is it part of the load */
	r->work.naming = h->load_all && !merged;
	r->work.row_done = row_done;
	r->work.arg = r;
	switch (r->order) {
	case ORDER_APPLY:
	case ORDER_NEW:
	case ORDER_MERGE:
	case ORDER_FORK:
		return load_head(&r->work, h, e);
	default:
		break;
	}
	if (take_ack(r->store, &r->peer, h, r->work.sender_knows,
		r->work.norigins, e) < 0)
		return -1;
	switch (r->order) {
	case ORDER_DUPLICATE:
		/* says less than it said before: it is told what is known */
		if (h->after == h->upto && h->upto < r->peer.pos &&
		    r->first_look) {
			r->peer.told = -1;
			r->peer.tell = true;
		}
		return 1;
	case ORDER_GAP:
		/* an acknowledgement alone has nothing to wait for */
		if (h->after == h->upto)
			r->order = ORDER_DUPLICATE;
		r->peer.waiting_for = r->peer.pos_number + 1;
		/* each bundle that newly waits is a reason to ask again: the
		 * resend that was asked for may be lost, too */
		ask_resend(&r->peer, h->number, r->first_look);
		return 1;
	default:
		return 1;
	}
}

static int on_group(void *arg, struct bundle_group *g, struct err *e)
{
	struct receive *r = arg;

	if (r->on_group)
		r->on_group(r->arg, bundle_group_table(g),
		    bundle_group_rows(g));
	return place_group(&r->work, g, e);
}

static void on_progress(void *arg, int64_t bytes)
{
	struct receive *r = arg;

	if (r->on_bytes)
		r->on_bytes(r->arg, bytes);
}

/* ---- */

int receive_peek(struct receive *r, int fd, bool *cut, struct err *e)
{
	static const struct bundle_ops ops = {on_peek, no_group, NULL};
	int rc;

	r->head_seen = false;
	rc = bundle_read(fd, &ops, r, cut, e);
	return rc < 0 ? -1 : 0;
}

/* The end of the transaction, when the bundle was read to its end. */
static int finish(struct receive *r, struct err *e)
{
	struct apply_work *w = &r->work;
	bool merged = r->order == ORDER_MERGE || r->order == ORDER_FORK;

	if (merged || r->order == ORDER_APPLY || r->order == ORDER_NEW) {
		if (settle(w, e) < 0 ||
		    (w->head.end && dangling_review(w->s, w->name,
			&w->conflicts, e) < 0) ||
		    resolve_own(w->s, r->cfg, e) < 0)
			return -1;
		if (!merged &&
		    take_ack(r->store, &r->peer, &w->head, w->sender_knows,
			w->norigins, e) < 0)
			return -1;
		if ((merged ? take_merged(r, e) : take_position(w, e)) < 0 ||
		    store_note(r->store, e) < 0)
			return -1;
		if (ahead_agree(r->store, w->head.wall, e) < 0)
			return -1;
		if (place_held(w, e) < 0)
			return -1;
		r->changes = w->changes;
		r->conflicts = w->conflicts;
		r->held_rows = w->held;
	}
	return peer_save(r->store, &r->peer, e);
}

/* ---- a large bundle is read twice: first whether it is whole */

static int verify_head(void *arg, const struct bundle_head *h, struct err *e)
{
	struct receive *r = arg;

	r->norigins = (uint32_t)h->norigins;
	return check_head(h, e);
}

static int verify_group(void *arg, struct bundle_group *g, struct err *e)
{
	struct receive *r = arg;
	struct bundle_rowview row;
	int rc;

	if (check_group(r->store, g, e) < 0)
		return -1;
	while ((rc = bundle_group_next(g, &row, e)) == 1) {
		if (check_row(&row, r->norigins, far_limit(clock_wall()),
			&r->far_clock, bundle_group_table(g), e) < 0)
			return -1;
		for (int i = 0; i < bundle_group_nkey(g); i++)
			if (row.key[i].type == VALUE_NULL)
				return err_set(e, ERR_DATA, "table %s: a key is"
				    " NULL", bundle_group_table(g));
	}
	return rc;
}

/* Every byte, sum and value, without a transaction: so that no part of a
 * damaged bundle is ever merged. */
static int verify(struct receive *r, int fd, bool *cut, struct err *e)
{
	static const struct bundle_ops ops = {verify_head, verify_group, NULL};

	r->ours = false;
	if (bundle_read(fd, &ops, r, cut, e) < 0) {
		r->far = r->far_clock != 0;
		return -1;
	}
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "lseek");
	r->verified = true;
	return 0;
}

/* gzip ends with the size of what was compressed.  It may lie: then we see by
 * the clock. */
static bool looks_large(int fd)
{
	unsigned char b[4];
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_size > 18 &&
	    pread(fd, b, sizeof(b), st.st_size - 4) == 4 &&
	    ((uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 |
		(uint32_t)b[1] << 8 | b[0]) > LARGE_BYTES;
}

static int merge_bundle(struct receive *r, int fd, bool *cut, struct err *e)
{
	static const struct bundle_ops ops = {on_head, on_group, on_progress};
	int rc;

	r->changes = r->conflicts = r->held_rows = 0;
	memset(&r->work, 0, sizeof(r->work));
	rc = begin(r, e);
	if (rc == 0)
		rc = bundle_read(fd, &ops, r, cut, e);
	if (rc >= 0)
		rc = r->order == ORDER_HOLD ? 0 : finish(r, e);
	if (rc >= 0)
		rc = store_commit(r->store, e);
	if (rc < 0)
		store_rollback(r->store);
	r->far = rc < 0 && r->work.far_clock;
	r->far_clock = r->work.far_clock;
	work_free(&r->work);
	/* tables or columns that it registered are gone with a rollback */
	if (rc < 0 && tables_load(r->store, NULL) < 0)
		return -1;
	return rc < 0 ? -1 : 0;
}

int receive_bundle(struct receive *r, int fd, bool *cut, struct err *e)
{
	r->verified = r->too_long = r->whole = r->far = false;
	r->far_clock = 0;
	if ((r->part_rows > 0 || looks_large(fd)) &&
	    verify(r, fd, cut, e) < 0)
		return -1;
	if (merge_bundle(r, fd, cut, e) == 0)
		return 0;
	if (!r->too_long || r->verified)
		return -1;
	err_clear(e);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "lseek");
	if (verify(r, fd, cut, e) < 0)
		return -1;
	return merge_bundle(r, fd, cut, e);
}
