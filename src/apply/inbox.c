/* A peer's inbox, bundle by bundle in order of number; what was applied or can
 * never be leaves it, the rest waits. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/keyring.h"
#include "apply/receive.h"
#include "apply/refuse.h"
#include "apply/twins.h"
#include "base/clock.h"
#include "base/fs.h"
#include "bundle/digest.h"
#include "capture/ahead.h"
#include "capture/capture.h"
#include "spool/spool_inbox.h"
#include "spool/spool_outbox.h"
#include "store/note.h"
#include "store/foreign.h"

/* A dropped file may still grow: left alone until it is this old. */
#define GROWING_S 120

/* Two sites of one name stay in the status so long after they were seen. */
#define TWINS_NOTE_S (7 * CLOCK_FAR_S)

struct drain {
	const struct apply_conf *conf;
	const char *name;
	struct apply_result *result;
	struct receive r;
	struct spool_applied *applied; /* owned */
	struct keyring ring;
	struct trust trust;            /* of the bundle in hand */
	int unchecked;                 /* signed ones, no key is shared */
	uint64_t done[100];            /* to be deleted, after `applied` */
	size_t ndone;
	struct refuse refused;         /* in this pass */
	bool doubted;                  /* two sites of one name were told */
	bool progress;                 /* in this pass */
	int64_t bytes_before, bytes_total, bundles_total;
};

static void tell(struct drain *d, int severity, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void tell(struct drain *d, int severity, const char *fmt, ...)
{
	char text[700];
	va_list ap;

	if (!d->conf->tell)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->conf->tell(d->conf->arg, severity, text);
}

/* ---- status */

static void on_group(void *arg, const char *table, int rows)
{
	struct drain *d = arg;

	(void)rows;
	status_set(d->conf->status, "processing.table", table);
	status_set_int(d->conf->status, "processing.changes_done",
	    d->result->changes);
	status_flush(d->conf->status, false, NULL);
}

static void on_bytes(void *arg, int64_t bytes)
{
	struct drain *d = arg;

	status_set_int(d->conf->status, "processing.bytes_done",
	    d->bytes_before + bytes);
	status_flush(d->conf->status, false, NULL);
}

static void status_begin(struct drain *d, const struct spool_list *l)
{
	struct status_file *f = d->conf->status;

	d->bytes_total = 0;
	d->bytes_before = 0;
	for (size_t i = 0; i < l->n; i++)
		d->bytes_total += (int64_t)l->e[i].size;
	status_set(f, "state", "processing");
	status_set(f, "processing.peer", d->name);
	status_set_int(f, "processing.bundles_total", (int64_t)l->n);
	status_set_int(f, "processing.bundles_done", 0);
	status_set_int(f, "processing.bytes_total", d->bytes_total);
	status_set_int(f, "processing.bytes_done", 0);
	status_flush(f, true, NULL);
}

/* ---- leaving the inbox */

/* What was committed is noted, then deleted; the note first, so that the
 * dialer never takes a deleted bundle for one that it lacks. */
static int flush_done(struct drain *d, struct err *e)
{
	if (d->ndone == 0)
		return 0;
	if (spool_applied_write(d->conf->spool, d->name, d->applied, e) < 0)
		return -1;
	for (size_t i = 0; i < d->ndone; i++)
		if (spool_inbox_remove(d->conf->spool, d->name, d->done[i],
			e) < 0)
			return -1;
	d->ndone = 0;
	return 0;
}

static int applied(struct drain *d, const struct spool_entry *en, int fd,
    struct err *e)
{
	struct spool_mark m = {en->number, en->size, 0};

	if (spool_crc32(fd, &m.crc, NULL, e) < 0)
		return -1;
	spool_applied_add(d->applied, &m);
	if (d->r.peer.pos_number > 0 && d->r.peer.waiting_for == 0 &&
	    (uint64_t)d->r.peer.pos_number > d->applied->through)
		d->applied->through = (uint64_t)d->r.peer.pos_number;
	d->done[d->ndone++] = en->number;
	d->progress = true;
	return d->ndone == sizeof(d->done) / sizeof(d->done[0])
	    ? flush_done(d, e)
	    : 0;
}

static int hold(struct drain *d, const struct spool_entry *en,
    const char *why, struct err *e)
{
	if (flush_done(d, e) < 0 ||
	    spool_hold(d->conf->spool, d->name, en->number, why, e) < 0)
		return -1;
	d->result->held++;
	d->progress = true;
	tell(d, APPLY_WARN, "%s bundle %08llu cannot be used: %s; it is kept"
	    " in held/%s, and what is missing will be asked for again",
	    d->name, (unsigned long long)en->number, why, d->name);
	return 0;
}

/* A gap is asked for with the next bundle to the peer; so is what a held
 * bundle of that number would have brought. */
static int want_resend(struct drain *d, uint64_t number, struct err *e)
{
	struct store *s = d->conf->store;
	struct peer p;

	if (store_begin(s, e) < 0)
		return -1;
	if (peer_load(s, d->name, &p, e) < 0)
		goto fail;
	if (p.want >= (int64_t)number) {
		store_rollback(s);
		return 0;
	}
	p.want = (int64_t)number;
	p.tell = true;
	if (peer_save(s, &p, e) == 0 && store_commit(s, e) == 0)
		return 0;
fail:
	store_rollback(s);
	return -1;
}

/* ---- one bundle */

static int unusable(struct drain *d, const struct spool_entry *en, bool cut,
    struct err *why, struct err *e)
{
	if (d->r.far) {
		refuse_change(&d->r, &d->refused);
		return 0;
	}
	if (d->r.ours || (why->kind != ERR_DATA && why->kind != ERR_PEER)) {
		*e = *why;
		return -1;
	}
	/* a file that ends early may still be on its way in */
	if (cut && clock_wall() - en->mtime < GROWING_S) {
		d->result->waiting++;
		return 0;
	}
	return hold(d, en, why->text, e) < 0 || 
	    want_resend(d, en->number, e) < 0 ? -1 : 0;
}

static int write_state(struct drain *d, struct err *e)
{
	char *path = fs_join(d->conf->spool->dir, SPOOL_STATE);
	int rc = capture_state_write(d->conf->store, path, e);

	free(path);
	return rc;
}

/* A note that `dialsync status` shows; text NULL: it is over. */
static int note(struct drain *d, const char *kind, const char *text,
    struct err *e)
{
	struct store *s = d->conf->store;

	if (store_begin(s, e) < 0)
		return -1;
	if (note_set(s, kind, d->name, text, e) == 0 &&
	    store_commit(s, e) == 0)
		return 0;
	store_rollback(s);
	return -1;
}

/* Two sites of one name, once a run; a peer that begins anew. */
static int tell_doubt(struct drain *d, struct err *e)
{
	struct receive *r = &d->r;
	char text[700];

	if (r->renewed_self && write_state(d, e) < 0)
		return -1;
	r->renewed_self = false;
	if (r->anew != ANEW_NO)
		tell(d, APPLY_WARN, r->anew == ANEW_MADE ? "%s was made anew"
		    " and has nothing of what it had from here: all that was"
		    " changed since \"dialsync track\" is sent to it again;"
		    " older rows only by \"dialsync peer %s --load\"" :
		    "%s begins a new incarnation: it was moved, its clock"
		    " was set right, or an older backup was put back there;"
		    " what it lacks is sent again",
		    d->name, d->name);
	r->anew = ANEW_NO;
	if (!r->twins && !r->other_self)
		return 0;
	r->twins = r->twins && !r->other_self;
	if (!d->doubted) {
		twins_text(r, d->conf->spool->dir, text, sizeof(text));
		tell(d, APPLY_WARN, "%s", text);
		if (note(d, NOTE_TWINS, text, e) < 0)
			return -1;
	}
	d->doubted = true;
	r->twins = r->other_self = false;
	return 0;
}

/* What the commit of a bundle means for its file. */
static int after(struct drain *d, const struct spool_entry *en, int fd,
    struct err *e)
{
	struct receive *r = &d->r;

	if (r->renewed) {
		tell(d, APPLY_WARN, "%s knows changes of this site that this"
		    " database does not have: an older backup was put back"
		    " here. The site goes on as a new incarnation; what is"
		    " missing comes back from the peers with the next calls",
		    d->name);
		r->renewed = false;
		if (write_state(d, e) < 0)
			return -1;
	}
	if (tell_doubt(d, e) < 0)
		return -1;
	switch (r->order) {
	case ORDER_HOLD:
		return hold(d, en, r->why, e);
	case ORDER_GAP:
		d->result->waiting++;
		return 0;
	case ORDER_DUPLICATE:
		d->result->duplicates++;
		return applied(d, en, fd, e);
	case ORDER_APPLY:
	case ORDER_NEW:
		if (keyring_used(&d->ring, d->conf->store, d->name, &d->trust,
			e) < 0)
			return -1;
		break;
	case ORDER_MERGE:
		break;
	case ORDER_FORK:
		tell(d, APPLY_WARN, "%s bundle %08llu goes on from a state of"
		    " %s that was never applied here: an older backup was put"
		    " back there, or there are two sites of that name. Its"
		    " changes are taken in, and %s is told", d->name,
		    (unsigned long long)en->number, d->name, d->name);
		break;
	}
	d->result->applied++;
	d->unchecked += d->ring.keys.n == 0 && d->trust.digests > 0;
	d->result->changes += r->changes;
	d->result->conflicts += r->conflicts;
	d->result->held_rows += r->held_rows;
	tell(d, APPLY_INFO, "%s: bundle %08llu is applied: %lld change%s%s",
	    d->name, (unsigned long long)en->number, (long long)r->changes,
	    r->changes == 1 ? "" : "s",
	    r->conflicts ? ", with conflicts" : "");
	if (d->conf->tell && load_tell(d->conf->store, &r->peer, &r->work,
		d->conf->tell, d->conf->arg, e) < 0)
		return -1;
	return applied(d, en, fd, e);
}

/* Is its clock near enough to ours?  0 yes; 1: it was dealt with; -1. */
static int clock_ok(struct drain *d, const struct spool_entry *en, int fd,
    struct err *e)
{
	enum refuse_what what;

	d->r.ours = true;
	if (refuse_look(&d->r, &d->refused, &what, e) < 0)
		return -1;
	switch (what) {
	case REFUSE_NO:
		d->r.ours = false;
		return 0;
	case REFUSE_WAIT:
		return 1;
	case REFUSE_DROP:
		tell(d, APPLY_INFO, "%s: bundle %08llu, which waited because"
		    " of a clock, is not needed: what was in it came again",
		    d->name, (unsigned long long)en->number);
		d->result->duplicates++;
		return applied(d, en, fd, e) < 0 ? -1 : 1;
	case REFUSE_HOLD:
		break;
	}
	return hold(d, en, "its clock was far ahead, and the site that packed"
	    " it has gone back behind it: what is in it is nowhere else; if it"
	    " is of use, read it with \"dialsync show\"", e) < 0 ? -1 : 1;
}

/* Where the journal is no WAL, a reader holds up our commit; it was given up
 * soon, so that it does not hold up other readers, and is tried again.  Nothing
 * is lost by it but the work. */
static int receive_patiently(struct drain *d, int fd, bool *cut,
    struct err *why)
{
	uint64_t until = clock_ms() + DB_BUSY_MS;
	int rc;

	while ((rc = receive_bundle(&d->r, fd, cut, why)) < 0 &&
	    (why->kind == ERR_BUSY || why->kind == ERR_AGAIN) &&
	    clock_ms() < until) {
		store_yield(d->conf->store, true);
		if (lseek(fd, 0, SEEK_SET) < 0)
			return err_sys(why, "lseek");
		err_clear(why);
	}
	return rc;
}

/* Before anything that it says is believed: is it the peer's?  On the
 * descriptor that is read afterwards, so that nobody can put another file in
 * its place in between. */
static int check_trust(struct drain *d, int fd, bool *cut, struct err *why)
{
	if (trust_look(fd, &d->ring.keys, &d->trust, why) < 0)
		return -1;
	if (trust_judge(&d->trust, &d->ring.keys, d->name, why) < 0) {
		/* one that is still being copied does not fit yet */
		*cut = bundle_is_cut(fd);
		return -1;
	}
	return 0;
}

static int one_file(struct drain *d, const struct spool_entry *en,
    struct err *e)
{
	struct err why = ERR_INIT;
	struct spool_entry info = *en;
	bool cut = false;
	int rc, fd = spool_open_bundle(d->conf->spool, SPOOL_KIND_INBOX,
	    d->name, en->number, &info, &why);

	if (fd < 0 && why.kind == ERR_MISSING)
		return 0; /* a person took it */
	if (fd < 0) {
		*e = why;
		return -1;
	}
	/* is it one, and does it say the number that its name says?  Before
	 * a transaction is opened for it */
	d->r.ours = d->r.far = false;
	rc = check_trust(d, fd, &cut, &why);
	if (rc == 0)
		rc = receive_peek(&d->r, fd, &cut, &why);
	if (rc == 0 && (uint64_t)d->r.number != en->number)
		rc = err_set(&why, ERR_DATA, "inside it says that it is"
		    " number %lld", (long long)d->r.number);
	if (rc == 0)
		rc = clock_ok(d, &info, fd, &why);
	if (rc == 0 && lseek(fd, 0, SEEK_SET) < 0)
		rc = err_sys(&why, "lseek");
	if (rc == 0)
		rc = receive_patiently(d, fd, &cut, &why);
	if (rc == 1)
		rc = 0;
	else if (rc < 0)
		rc = unusable(d, &info, cut, &why, e);
	else
		rc = after(d, &info, fd, e);
	close(fd);
	d->bytes_before += (int64_t)info.size;
	return rc;
}

/* ---- the whole inbox */

/* A number that was applied is known to be stored there; the dialer deletes up
 * to it before a call. */
static int write_acked(struct drain *d, struct err *e)
{
	struct store *s = d->conf->store;
	struct peer_sent sent;
	uint64_t was;
	struct peer p;
	int rc;

	if (peer_load(s, d->name, &p, e) < 0)
		return -1;
	rc = p.acked ? peer_sent_get(s, &p, p.acked, &sent, e) : 0;
	if (rc <= 0)
		return rc;
	if (spool_acked_read(d->conf->spool, d->name, &was, e) < 0)
		return -1;
	return (uint64_t)sent.number <= was
	    ? 0
	    : spool_acked_write(d->conf->spool, d->name,
		  (uint64_t)sent.number, e);
}

/* Was the database put back, or our clock ahead?  Before anything is folded or
 * applied. */
static int check_state(struct drain *d, struct err *e)
{
	char *path = fs_join(d->conf->spool->dir, SPOOL_STATE);
	int rc = capture_state_check(d->conf->store, path, e);

	if (rc >= 0)
		rc = ahead_check(d->conf->store, path, e);
	free(path);
	return rc;
}

static int pass(struct drain *d, struct err *e)
{
	struct spool_list l;
	int rc = 0;

	if (spool_list(d->conf->spool, SPOOL_KIND_INBOX, d->name, 0, &l,
		e) < 0)
		return -1;
	d->progress = false;
	memset(&d->refused, 0, sizeof(d->refused));
	d->result->waiting = 0;
	if (l.n)
		status_begin(d, &l);
	for (size_t i = 0; i < l.n && rc == 0; i++) {
		rc = one_file(d, &l.e[i], e);
		status_set_int(d->conf->status, "processing.bundles_done",
		    (int64_t)i + 1);
	}
	spool_list_free(&l);
	return rc < 0 || flush_done(d, e) < 0 ? -1 : 0;
}

/* What waits for a clock is said in each run, and what is over no more. */
static int settle_notes(struct drain *d, struct err *e)
{
	struct store *s = d->conf->store;
	int64_t clock, twins;
	char text[700];

	if (note_when(s, NOTE_CLOCK, d->name, &clock, e) < 0 ||
	    note_when(s, NOTE_TWINS, d->name, &twins, e) < 0)
		return -1;
	if (twins && clock_wall() > twins + TWINS_NOTE_S &&
	    note(d, NOTE_TWINS, NULL, e) < 0)
		return -1;
	d->result->refused = d->refused.count;
	if (d->refused.count == 0)
		return clock ? note(d, NOTE_CLOCK, NULL, e) : 0;
	refuse_text(&d->refused, d->name, text, sizeof(text));
	tell(d, APPLY_WARN, "%s", text);
	return note(d, NOTE_CLOCK, text, e);
}

/* Keys that have been replaced go when nothing waits that they may be needed
 * for. */
static int settle_keys(struct drain *d, struct err *e)
{
	size_t gone = 0;

	if (d->unchecked)
		tell(d, APPLY_WARN, "%s signs its bundles, but this site shares"
		    " no key with it: %d %s taken as %s; get the key with"
		    " \"dialsync peer %s --key-file FILE\" or --ask-key",
		    d->name, d->unchecked, d->unchecked == 1 ? "was" : "were",
		    d->unchecked == 1 ? "it is" : "they are", d->name);
	if (d->result->waiting > 0 || d->refused.count > 0)
		return 0;
	if (keyring_settle(&d->ring, d->conf->spool, d->conf->store, d->name,
		&gone, e) < 0)
		return -1;
	if (gone > 0)
		tell(d, APPLY_INFO, "%s uses the new key: %zu old one%s"
		    " removed from keys/%s.key", d->name, gone,
		    gone == 1 ? " is" : "s are", d->name);
	return 0;
}

int apply_peer(const struct apply_conf *conf, const char *name,
    struct apply_result *result, struct err *e)
{
	struct drain d;
	int rc;

	memset(&d, 0, sizeof(d));
	d.conf = conf;
	d.name = name;
	d.result = result;
	d.r.store = conf->store;
	d.r.cfg = conf->cfg;
	d.r.name = name;
	conf->store->watch = true;
	d.r.on_group = on_group;
	d.r.on_bytes = on_bytes;
	d.r.arg = &d;
	d.r.part_rows = conf->part_rows;
	d.r.part_ms = APPLY_PART_MS;
	d.applied = calloc(1, sizeof(*d.applied));
	if (!d.applied)
		return err_set(e, ERR_SYSTEM, "apply: out of memory");
	rc = keyring_open(&d.ring, conf->spool, conf->store, name, e);
	if (rc == 0)
		rc = check_state(&d, e);
	if (rc == 0)
		rc = spool_make_peer(conf->spool, name, e);
	if (rc == 0)
		rc = spool_held_sweep(conf->spool, name, e);
	if (rc == 0)
		rc = spool_applied_read(conf->spool, name, d.applied, e);
	/* a bundle that filled a gap may let others go on */
	do {
		if (rc == 0)
			rc = pass(&d, e);
	} while (rc == 0 && d.progress &&
	    (result->waiting > 0 || d.refused.count > 0));
	if (rc == 0)
		rc = settle_notes(&d, e);
	if (rc == 0)
		rc = settle_keys(&d, e);
	if (rc == 0)
		rc = write_acked(&d, e);
	if (rc == 0 && result->applied)
		rc = write_state(&d, e);
	keyring_close(&d.ring);
	free(d.applied);
	return rc;
}

/* Is there a reason to look at held rows?  Somebody asked, or what
 * applications did since the last fold may be one. */
static int held_reason(struct store *s, struct err *e)
{
	int64_t any, asked, log = 0;
	bool moved;

	if (store_meta_int(s, HELD_META_RETRY, 0, &asked, e) < 0 ||
	    db_int(s->db, "SELECT EXISTS(SELECT 1 FROM dialsync_held)", 0,
		&any, e) < 0)
		return -1;
	if (!any)
		return 0;
	if (db_int(s->db, "SELECT EXISTS(SELECT 1 FROM dialsync_log)", 0,
		&log, e) < 0 ||
	    capture_moved(s, &moved, e) < 0)
		return -1;
	return asked || log || moved;
}

int apply_held(const struct apply_conf *conf, struct apply_result *result,
    struct err *e)
{
	struct store *s = conf->store;
	int64_t asked;
	bool moved;
	int rc;

	/* a table or column that has come may be what something waits for */
	if (capture_moved(s, &moved, e) < 0)
		return -1;
	if (moved && (capture_fold_begin(s, e) < 0 ||
			 store_commit(s, e) < 0)) {
		store_rollback(s);
		return -1;
	}
	rc = held_reason(s, e);
	if (rc <= 0)
		return rc;
	if (capture_fold_begin(s, e) < 0)
		return -1;
	s->watch = true;
	/* the fold says whether it touched a table with held rows */
	rc = store_meta_int(s, HELD_META_RETRY, 0, &asked, e);
	if (rc == 0 && asked)
		rc = held_evaluate_all(s, &result->held_rows, e);
	if (rc == 0 && asked)
		rc = dangling_review(s, NULL, &result->conflicts, e);
	if (rc == 0 && asked)
		rc = store_meta_set_int(s, HELD_META_RETRY, 0, e);
	if (rc == 0 && store_commit(s, e) == 0)
		return 0;
	store_rollback(s);
	return -1;
}
