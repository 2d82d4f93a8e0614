#include "config.h"

#include "pack/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "capture/ahead.h"
#include "capture/capture.h"
#include "pack/pack_p.h"
#include "spool/spool_lock.h"
#include "spool/spool_outbox.h"

/* Fragments that a transaction may look at beside its bundle's. */
#define REST_AHEAD 50000

/* What one bundle needs while it is made. */
struct work {
	const struct pack_conf *conf;
	const char *name;          /* the peer's */
	struct peer peer;          /* as it was in the first transaction */
	struct pack_filter filter;
	struct pack_rest rest;
	int64_t rest_mark, rest_back, rest_load; /* the peer's, when rest was right */
	struct pack_known known;
	struct pack_rows rows;
	struct pack_head head;
	struct pack_counts counts; /* when the peer gets its first bundle */
	struct buf out;            /* the compressed bundle */
	size_t nrows;              /* in it */
	double ratio;              /* compressed bytes a raw byte, last seen */
	bool measured;             /* ... or still a guess */
	struct keys keys;          /* shared with the peer; none: unsigned */
	struct pack_result *result;
};

static void bundle_done(struct work *w)
{
	pack_head_free(&w->head);
	pack_rows_free(&w->rows);
	pack_known_free(&w->known);
	free(w->filter.view);
	free(w->filter.own);
	pack_counts_free(&w->counts);
	memset(&w->filter, 0, sizeof(w->filter));
	buf_free(&w->out);
}

/* Committed numbers are those that the peer's counter has reached. */
static int is_committed(void *ctx, uint64_t number, struct err *e)
{
	const struct peer *p = ctx;

	(void)e;
	return number <= (uint64_t)p->number;
}

static int load_filter(struct work *w, struct err *e)
{
	struct store *s = w->conf->store;

	if (peer_view_load(s, &w->peer, &w->filter.view, e) < 0)
		return -1;
	w->filter.nview = store_origin_count(s) + 1;
	w->filter.back = w->peer.back;
	w->filter.load = w->peer.load;
	w->filter.loading = w->peer.loading == PEER_LOAD_ON;
	w->filter.giver = 0;
	w->filter.own = calloc((size_t)w->filter.nview, sizeof(bool));
	if (!w->filter.own)
		return err_set(e, ERR_SYSTEM, "pack: out of memory");
	for (int64_t o = 1; o <= store_origin_count(s); o++) {
		const struct origin *x = store_origin_get(s, o);

		if (x->inc == w->peer.inc && strcmp(x->site, w->name) == 0)
			w->filter.giver = o;
		w->filter.own[o] = strcmp(x->site, s->site) == 0;
	}
	return 0;
}

/* Nothing found: the next look begins behind what was looked at. */
static int save_scan(struct work *w, struct err *e)
{
	if (bundle_rows(w->rows.w) > 0 ||
	    w->peer.scan == w->conf->store->seq)
		return 0;
	w->peer.scan = w->conf->store->seq;
	return peer_save(w->conf->store, &w->peer, e);
}

/* The next rows and, when they close the bundle, its header. */
static int collect(struct work *w, int64_t from, int64_t scan, size_t raw,
    struct err *e)
{
	struct store *s = w->conf->store;

	if (pack_rows_collect(&w->rows, s, &w->filter, from, scan, raw,
		e) < 0)
		return -1;
	if (w->peer.mark == 0 && !w->counts.taken &&
	    (bundle_rows(w->rows.w) > 0 || pack_load_left(&w->peer)) &&
	    pack_counts_take(&w->counts, s, e) < 0)
		return -1;
	pack_head_free(&w->head);
	return pack_head_make(&w->head, s, &w->peer, &w->rows, &w->known,
	    &w->rest, &w->filter, &w->counts, e);
}

/* Is there so much to come that looking at it would make the transaction long? */
static bool rest_is_long(const struct work *w)
{
	int64_t done = w->peer.mark;

	if (w->peer.scan > done)
		done = w->peer.scan;
	if (w->rest.least && w->rest.to > done)
		done = w->rest.to;
	return w->conf->store->seq - done > REST_AHEAD;
}

/* Look at it beforehand, piece by piece and without the write lock; what comes
 * meanwhile is looked at in the transaction. */
static int look_ahead(struct work *w, struct err *e)
{
	int rc;

	while ((rc = pack_rest_update(&w->rest, w->conf->store, &w->filter,
		w->peer.mark, REST_AHEAD, e)) == 1)
		;
	return rc;
}

/* The first transaction: fold, fix the bundle's range and what it tells, and
 * collect.  It is short: at most one chunk's rows are read in it. */
static int begin_bundle(struct work *w, size_t raw, struct err *e)
{
	struct store *s = w->conf->store;
	bool looked = false;

again:
	bundle_done(w);
	buf_init(&w->out, SIZE_MAX);
	if (capture_fold_begin(s, e) < 0)
		return -1;
	if (peer_load(s, w->name, &w->peer, e) < 0 || load_filter(w, e) < 0 ||
	    pack_rows_init(&w->rows, s, e) < 0 ||
	    pack_known_take(&w->known, s, e) < 0)
		goto fail;
	w->rows.top = s->seq;
	/* a resend was asked for since: more is to come than it says */
	if (w->peer.mark != w->rest_mark || w->peer.back != w->rest_back ||
	    w->peer.load != w->rest_load)
		pack_rest_free(&w->rest);
	w->rest_load = w->peer.load;
	w->rest_mark = w->peer.mark;
	w->rest_back = w->peer.back;
	if (!looked && rest_is_long(w)) {
		if (store_commit(s, e) < 0)
			goto fail;
		looked = true;
		if (look_ahead(w, e) < 0)
			return -1;
		goto again;
	}
	if (collect(w, w->peer.mark, w->peer.scan, raw, e) == 0 &&
	    save_scan(w, e) == 0 && store_commit(s, e) == 0)
		return 0;
fail:
	store_rollback(s);
	return -1;
}

/* One more transaction of the same bundle.  Its range stays; a register that
 * was set anew since has left the range and comes with a later bundle. */
static int continue_bundle(struct work *w, size_t raw, struct err *e)
{
	struct store *s = w->conf->store;

	if (capture_fold_begin(s, e) < 0)
		return -1;
	if (collect(w, w->rows.upto, 0, raw, e) == 0 &&
	    store_commit(s, e) == 0)
		return 0;
	store_rollback(s);
	return -1;
}

/* Is there anything to send, and may it be enough? */
static bool worth(const struct work *w)
{
	/* an acknowledgement alone needs something to acknowledge */
	if (bundle_rows(w->rows.w) == 0)
		return w->peer.tell ||
		    (pack_load_left(&w->peer) && w->conf->flush);
	if (w->conf->flush || !w->rows.end || w->peer.tell)
		return true;
	/* a bundle is hardly larger than its values and names */
	return (int64_t)bundle_raw(w->rows.w) * 2 + 1024 >=
	    w->conf->bundle_size;
}

static int write_tmp(struct work *w, uint64_t number, struct err *e)
{
	const struct spool *sp = w->conf->spool;
	int fd = spool_tmp_create(sp, w->name, number, NULL, e), rc;

	if (fd < 0)
		return -1;
	rc = fs_write_all(fd, w->out.p, w->out.n, e);
	if (rc == 0)
		rc = spool_tmp_sync(sp, w->name, number, fd, e);
	close(fd);
	if (rc < 0) {
		struct err ignored = ERR_INIT;

		spool_tmp_drop(sp, w->name, number, &ignored);
	}
	return rc;
}

/* The peer was told all that the header says: later headers say what is new
 * since then. */
static int save_told(struct work *w, struct err *e)
{
	const struct bundle_head *h = &w->head.head;
	struct store *s = w->conf->store;

	for (size_t i = 0; i < h->nknow; i++) {
		const struct bundle_origin *b = &h->origins[h->know[i].origin];
		int64_t o;

		if (store_origin(s, b->site, (int64_t)b->inc, &o, e) < 0 ||
		    peer_told_set(s, &w->peer, o, h->know[i].clock, e) < 0)
			return -1;
	}
	w->peer.full = false;
	return 0;
}

/* The second transaction.  1: the peer's mark moved meanwhile (a resend was
 * asked for), the bundle must be made anew. */
static int commit(struct work *w, struct err *e)
{
	const struct bundle_head *h = &w->head.head;
	struct store *s = w->conf->store;
	struct peer_sent sent = {h->upto, h->tag, h->clock, h->number};
	struct peer was = w->peer;

	if (store_begin(s, e) < 0)
		return -1;
	if (peer_load(s, w->name, &w->peer, e) < 0)
		goto fail;
	if (w->peer.mark != h->after || (uint64_t)s->inc != h->inc) {
		store_rollback(s);
		return 1;
	}
	w->peer.number = h->number;
	if (h->upto > h->after) {
		w->peer.mark = w->rest_mark = h->upto;
		w->peer.tag = h->tag;
		if (peer_sent_add(s, &w->peer, &sent, e) < 0)
			goto fail;
	}
	if (h->end && save_told(w, e) < 0)
		goto fail;
	/* unless the applier went on or wants something else by now */
	if (was.inc == w->peer.inc && was.pos == w->peer.pos &&
	    was.want == w->peer.want && was.told == w->peer.told) {
		if (h->has_ack)
			w->peer.told = h->ack_upto;
		w->peer.tell = false;
	}
	w->peer.unanswered = 0;
	if (peer_save(s, &w->peer, e) < 0 ||
	    peer_sent_prune(s, &w->peer, e) < 0 || store_note(s, e) < 0)
		goto fail;
	if (store_commit(s, e) == 0)
		return 0;
fail:
	store_rollback(s);
	return -1;
}

/* The last tag beside the database, after the commit. */
static int write_state(struct work *w, struct err *e)
{
	char *path = fs_join(w->conf->spool->dir, SPOOL_STATE);
	int rc;

	rc = capture_state_write(w->conf->store, path, e);
	free(path);
	return rc;
}

/* Was the database put back since a bundle was last made here, or our clock
 * ahead? */
static int check_state(struct work *w, struct err *e)
{
	char *path = fs_join(w->conf->spool->dir, SPOOL_STATE);
	int rc = capture_state_check(w->conf->store, path, e);

	if (rc >= 0)
		rc = ahead_check(w->conf->store, path, e);
	free(path);
	return rc;
}

/* Finish or forget what a killed packer left, and bring the counter past any
 * number that was ever used for this peer here. */
static int start(struct work *w, struct err *e)
{
	struct spool_sweep done;
	struct store *s = w->conf->store;
	uint64_t last;

	if (check_state(w, e) < 0 ||
	    peer_load(s, w->name, &w->peer, e) < 0 ||
	    spool_make_peer(w->conf->spool, w->name, e) < 0 ||
	    spool_sweep_outbox_tmp(w->conf->spool, w->name, is_committed,
		&w->peer, &done, e) < 0 ||
	    spool_outbox_last(w->conf->spool, w->name, &last, e) < 0)
		return -1;
	if (last <= (uint64_t)w->peer.number)
		return 0;
	/* the database is older than the outbox: a restored backup */
	if (store_begin(s, e) < 0)
		return -1;
	w->peer.number = (int64_t)last;
	if (peer_save(s, &w->peer, e) < 0 || store_commit(s, e) < 0) {
		store_rollback(s);
		return -1;
	}
	return 0;
}

static int publish(struct work *w, struct err *e)
{
	uint64_t number = (uint64_t)w->head.head.number;
	size_t rows = w->nrows;
	int rc;

	if (write_tmp(w, number, e) < 0)
		return -1;
	rc = commit(w, e);
	if (rc != 0) {
		struct err ignored = ERR_INIT;

		spool_tmp_drop(w->conf->spool, w->name, number, &ignored);
		return rc;
	}
	if (write_state(w, e) < 0)
		return -1;
	rc = spool_publish_outbox(w->conf->spool, w->name, number, e);
	if (rc > 0)
		return err_set(e, ERR_DATA, "outbox/%s has another file of"
		    " the name %08llu.xml.gz; move it away", w->name,
		    (unsigned long long)number);
	if (rc < 0)
		return -1;
	w->result->bundles++;
	w->result->rows += (int64_t)rows;
	w->result->bytes += (int64_t)w->out.n;
	if (w->conf->progress)
		w->conf->progress(w->conf->arg, w->name, (int64_t)number,
		    (int64_t)rows, (int64_t)w->out.n);
	return 0;
}

/* Raw bytes that are likely to compress to what the bundle still lacks. */
static size_t raw_wanted(const struct work *w, size_t have)
{
	double raw = ((double)w->conf->bundle_size - (double)have) / w->ratio;

	if (raw > (double)BUNDLE_RAW_MAX)
		return BUNDLE_RAW_MAX;
	return raw < 512 ? 512 : (size_t)raw;
}

/* Fill the bundle chunk by chunk until it has its size or all there is; *have
 * gets the compressed bytes of the chunks before the last one. */
static int fill(struct work *w, size_t *have, struct err *e)
{
	int64_t size = w->conf->bundle_size;

	*have = 0;
	while (!w->rows.end) {
		size_t raw = bundle_raw(w->rows.w), before = *have;

		/* by the ratio seen so far this chunk closes it */
		if (w->measured &&
		    (double)*have + (double)raw * w->ratio >=
			0.85 * (double)size)
			break;
		w->nrows += bundle_rows(w->rows.w);
		if (bundle_chunk(w->rows.w, w->known.clock, have, e) < 0)
			return -1;
		w->rows.chunks = true;
		w->measured = true;
		w->ratio = (double)(*have - before + 1) / (double)(raw + 1);
		if (continue_bundle(w, raw_wanted(w, *have), e) < 0)
			return -1;
		if ((double)*have >= 0.85 * (double)size)
			break;
	}
	return 0;
}

/* Make one bundle: 1 made, 0 nothing (more) to make, -1. */
static int one_bundle(struct work *w, struct err *e)
{
	int rc;

	for (int tries = 0; tries < 4; tries++) {
		size_t raw, have;

		w->nrows = 0;
		if (begin_bundle(w, raw_wanted(w, 0), e) < 0)
			return -1;
		if (!worth(w))
			return 0;
		if (fill(w, &have, e) < 0)
			return -1;
		w->nrows += bundle_rows(w->rows.w);
		raw = bundle_raw(w->rows.w);
		w->head.head.digests = w->keys.n;
		if (bundle_finish(w->rows.w, &w->head.head, &w->out, e) < 0 ||
		    pack_sign(&w->out, &w->keys, e) < 0)
			return -1;
		if (raw && !w->rows.chunks) {
			w->ratio = (double)w->out.n / (double)raw;
			w->measured = true;
		}
		if (w->nrows && w->rows.end && !w->conf->flush &&
		    !w->peer.tell && (int64_t)w->out.n < w->conf->bundle_size)
			return 0; /* not full yet */
		rc = publish(w, e);
		if (rc <= 0)
			return rc < 0 ? -1 : 1;
	}
	return err_set(e, ERR_AGAIN, "the position moved while packing");
}

/* Where the journal is no WAL, a reader holds up our commit; it was given up
 * soon, so that it does not hold up other readers, and is tried again. */
static int patiently(struct work *w, struct err *e)
{
	uint64_t until = clock_ms() + DB_BUSY_MS;
	int rc;

	while ((rc = one_bundle(w, e)) < 0 && e->kind == ERR_BUSY &&
	    clock_ms() < until) {
		store_yield(w->conf->store, true);
		err_clear(e);
	}
	return rc;
}

int pack_peer(const struct pack_conf *conf, const char *name,
    struct pack_result *result, struct err *e)
{
	struct spool_lock lock = SPOOL_LOCK_INIT;
	struct work w;
	int rc;

	memset(&w, 0, sizeof(w));
	w.conf = conf;
	w.name = name;
	w.ratio = 0.4;
	w.result = result;
	if (spool_lock(conf->spool, SPOOL_LOCK_PACKER, name, &lock, e) < 0)
		return -1;
	/* whoever changes them takes the same lock */
	rc = keys_read(conf->spool->dir, name, &w.keys, e);
	if (rc >= 0)
		rc = start(&w, e);
	if (rc >= 0 && w.peer.loading == PEER_LOAD_WANTED)
		rc = pack_load_begin(conf->store, &w.peer, e);
	/* to the end as it was then, or programs that keep writing would keep
	 * us here, with a small bundle for each of their changes */
	while (rc >= 0 && (rc = patiently(&w, e)) == 1 &&
	    (!w.head.head.end || pack_load_left(&w.peer)))
		;
	bundle_done(&w);
	keys_wipe(&w.keys);
	pack_rest_free(&w.rest);
	spool_unlock(&lock);
	return rc < 0 ? -1 : 0;
}
