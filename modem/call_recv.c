/* What comes, into the inbox.  A bundle is received into part/, synced every
 * two seconds, and only when it is synced, renamed and noted is the peer told
 * that it is stored.  Appending happens here; whatever waits for the disk is
 * given to call_disk.c. */
#include "config.h"

#include "modem/call_p.h"

#include "base/clock.h"
#include "base/log.h"

#define SYNC_MS 2000

int call_recv_open(struct call *c, struct err *e)
{
	unsigned finished = 0;

	if (spool_part_sweep(&c->site->spool, c->peer->name, &finished, e) < 0)
		return -1;
	if (finished)
		spool_wake_applier(&c->site->spool);
	spool_known_free(c->recv.known);
	c->recv.known = spool_known_load(&c->site->spool, c->peer->name, e);
	return c->recv.known ? 0 : -1;
}

static int bundle_error(struct call *c, struct err *e)
{
	return err_add(e, "%s: bundle %08llu", c->peer->name,
	    (unsigned long long)c->recv.number);
}

int call_recv_begin(struct call *c, uint64_t number,
    const struct spool_source *source, uint64_t *offset, struct err *e)
{
	struct call_recv *r = &c->recv;

	call_recv_cut(c);
	r->number = number;
	r->source = *source;
	if (spool_part_open(&c->site->spool, c->peer->name, number, source,
		&r->part, offset, e) < 0)
		return bundle_error(c, e);
	r->sync_ms = clock_ms() + SYNC_MS;
	if (source->size != SPOOL_SIZE_UNKNOWN)
		r->bytes_total += (int64_t)source->size;
	if (*offset > 0)
		log_info("%s: bundle %08llu goes on at byte %llu",
		    c->peer->name, (unsigned long long)number,
		    (unsigned long long)*offset);
	return 0;
}

int call_recv_anew(struct call *c, struct err *e)
{
	struct call_recv *r = &c->recv;
	uint64_t offset = 0;

	if (r->part) {
		/* the disk may be syncing it */
		call_disk_wait(c->disk);
		spool_part_close(r->part);
	}
	r->part = NULL;
	if (spool_part_drop(&c->site->spool, c->peer->name, r->number, e) < 0 ||
	    spool_part_open(&c->site->spool, c->peer->name, r->number,
		&r->source, &r->part, &offset, e) < 0)
		return bundle_error(c, e);
	return 0;
}

int call_recv_data(struct call *c, uint64_t offset, const uint8_t *p, size_t n,
    struct err *e)
{
	struct call_recv *r = &c->recv;

	if (!r->part || offset != r->part->end) {
		err_set(e, ERR_CALLER, "data at %llu, expected %llu",
		    (unsigned long long)offset,
		    (unsigned long long)(r->part ? r->part->end : 0));
		return bundle_error(c, e);
	}
	if (spool_part_append(r->part, p, n, e) < 0)
		return bundle_error(c, e);
	return 0;
}

void call_recv_end(struct call *c)
{
	struct call_recv *r = &c->recv;

	call_disk_commit(c->disk, r->part);
	r->part = NULL;
}

/* What has come of it is counted again when it is offered again. */
void call_recv_cut(struct call *c)
{
	struct call_recv *r = &c->recv;

	if (!r->part)
		return;
	if (r->source.size != SPOOL_SIZE_UNKNOWN)
		r->bytes_total -= (int64_t)r->source.size;
	r->kept = r->number;
	r->kept_at = r->part->synced;
	r->kept_size = r->part->source.size;
	call_disk_keep(c->disk, r->part);
	r->part = NULL;
}

/* The commit of a bundle. */
static void committed(struct call *c, const struct call_disk_result *d)
{
	struct call_recv *r = &c->recv;
	struct err e = ERR_INIT;

	if (d->failed) {
		call_disk_error(c->disk, &e);
		err_add(&e, "%s: bundle %08llu", c->peer->name,
		    (unsigned long long)d->number);
		call_fail(c, &e);
		return;
	}
	if (d->result == SPOOL_COMMIT_TAKEN)
		log_warn("%s: bundle %08llu is not stored: another file has "
			 "its name in the inbox; the next call tries again",
		    c->peer->name, (unsigned long long)d->number);
	if (d->result == SPOOL_COMMIT_STORED) {
		r->bundles_done++;
		r->bytes_done += (int64_t)d->size;
	}
	if (c->ops)
		c->ops->stored(c, d->number, d->result);
	call_report_tick(c, 0, true);
}

void call_recv_result(struct call *c, const struct call_disk_result *d)
{
	struct call_recv *r = &c->recv;
	struct err e = ERR_INIT;

	if (d->what == CALL_DISK_COMMIT) {
		committed(c, d);
		return;
	}
	if (d->what == CALL_DISK_SYNC) {
		r->syncing = false;
		if (!d->failed && r->part && r->number == d->number)
			r->part->synced = d->size;
	}
	if (d->what == CALL_DISK_KEEP && r->kept == d->number)
		r->kept_at = d->size;
	if (!d->failed)
		return;
	call_disk_error(c->disk, &e);
	if (d->what == CALL_DISK_SYNC) {
		call_fail(c, &e);
	} else {
		log_warn("%s: %s", c->peer->name, e.text);
	}
}

void call_recv_tick(struct call *c, uint64_t now_ms)
{
	struct call_recv *r = &c->recv;

	if (!r->part || now_ms < r->sync_ms || r->syncing ||
	    c->err.kind != ERR_NONE)
		return;
	r->sync_ms = now_ms + SYNC_MS;
	if (r->part->end == r->part->synced)
		return;
	r->syncing = true;
	call_disk_sync(c->disk, r->part);
}

void call_recv_close(struct call *c)
{
	call_recv_cut(c);
	spool_known_free(c->recv.known);
	c->recv.known = NULL;
}
