/* Protocol -> inbox.  A bundle is received into part/, synced every two
 * seconds, and only after it is synced and renamed is the peer told that it
 * is stored. */
#include "config.h"

#include "modem/call_p.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"

#define SYNC_MS 2000

/* This call cannot go on receiving. */
static void fail(struct call *c, struct err *e)
{
	err_add(e, "%s: bundle %08llu", c->peer->name,
	    (unsigned long long)c->recv.number);
	zm_abort(c->zm, e->kind, e->text);
}

int call_recv_open(struct call *c, struct err *e)
{
	unsigned finished = 0;

	if (spool_part_sweep(&c->site->spool, c->peer->name, &finished, e) < 0)
		return -1;
	if (finished)
		spool_wake_applier(&c->site->spool);
	c->recv.known = spool_known_load(&c->site->spool, c->peer->name, e);
	return c->recv.known ? 0 : -1;
}

/* The digest under which this number and size was stored or applied here. */
static bool known_digest(
    struct call *c, uint64_t number, uint64_t size, uint32_t *crc)
{
	struct spool_mark *m = calloc(SPOOL_KNOWN_MAX, sizeof *m);
	struct spool_applied *a = calloc(1, sizeof *a);
	struct err e = ERR_INIT;
	size_t n = 0, i;
	bool found = false;
	int fd;

	if (!m || !a)
		abort();
	fd = spool_open_bundle(
	    &c->site->spool, SPOOL_KIND_INBOX, c->peer->name, number, NULL, &e);
	if (fd >= 0) {
		found = spool_crc32(fd, crc, NULL, &e) == 0;
		close(fd);
	}
	if (!found &&
	    spool_stored_read(&c->site->spool, c->peer->name, m, &n, &e) == 0)
		for (i = 0; i < n; i++)
			if (m[i].number == number && m[i].size == size) {
				*crc = m[i].crc;
				found = true;
			}
	if (!found &&
	    spool_applied_read(&c->site->spool, c->peer->name, a, &e) == 0)
		for (i = 0; i < a->n; i++)
			if (a->mark[i].number == number &&
			    a->mark[i].size == size) {
				*crc = a->mark[i].crc;
				found = true;
			}
	free(m);
	free(a);
	return found;
}

/* Open the partial and ask for the rest.  What is there of an earlier call is
 * used only if the sender's file begins with the same bytes. */
static int begin_part(struct call *c, struct err *e)
{
	struct call_recv *r = &c->recv;
	uint64_t offset = 0;
	uint32_t crc;

	if (spool_part_open(&c->site->spool, c->peer->name, r->number,
		&r->source, &r->part, &offset, e) < 0)
		return -1;
	r->sync_ms = clock_ms() + SYNC_MS;
	if (offset == 0)
		return zm_accept(c->zm, 0);
	if (spool_crc32(r->part->fd, &crc, NULL, e) < 0)
		return -1;
	log_info("%s: bundle %08llu goes on at byte %llu", c->peer->name,
	    (unsigned long long)r->number, (unsigned long long)offset);
	return zm_accept_same(c->zm, offset, crc);
}

void call_recv_offer(struct call *c, const struct zm_event *ev)
{
	struct call_recv *r = &c->recv;
	struct err e = ERR_INIT;
	uint32_t crc;

	if (!c->met || !spool_name_parse(ev->name, &r->number)) {
		zm_skip(c->zm);
		return;
	}
	r->source.size = ev->size == ZM_NO_SIZE ? SPOOL_SIZE_UNKNOWN : ev->size;
	r->source.mtime = ev->mtime;
	r->source.digest[0] = '\0';
	r->again = ev->size != ZM_NO_SIZE &&
		   spool_known_has(r->known, r->number, ev->size, NULL);
	if (!r->again) {
		if (ev->size != ZM_NO_SIZE)
			r->bytes_total += (int64_t)ev->size;
		if (begin_part(c, &e) < 0)
			fail(c, &e);
	} else if (known_digest(c, r->number, ev->size, &crc)) {
		/* same number and size; the digest tells a restored peer's
		 * second bundle of that number from the first */
		zm_accept_same(c->zm, ev->size, crc);
	} else {
		zm_accept(c->zm, ev->size);
	}
}

/* The sender's file is not the one whose beginning we have: from the start. */
static int begin_anew(struct call *c, struct err *e)
{
	struct call_recv *r = &c->recv;
	uint64_t offset = 0;

	if (r->part)
		spool_part_close(r->part);
	r->part = NULL;
	r->again = false;
	if (spool_part_drop(&c->site->spool, c->peer->name, r->number, e) < 0)
		return -1;
	return spool_part_open(&c->site->spool, c->peer->name, r->number,
	    &r->source, &r->part, &offset, e);
}

void call_recv_data(struct call *c, const struct zm_event *ev)
{
	struct call_recv *r = &c->recv;
	struct err e = ERR_INIT;
	uint64_t end = r->part ? r->part->end : 0;

	if (c->err.kind != ERR_NONE)
		return;
	if ((!r->part || ev->off != end) && ev->off == 0 &&
	    begin_anew(c, &e) < 0) {
		fail(c, &e);
		return;
	}
	if (!r->part || ev->off != r->part->end) {
		err_set(&e, ERR_CALLER, "data at %llu, expected %llu",
		    (unsigned long long)ev->off, (unsigned long long)end);
		fail(c, &e);
		return;
	}
	if (spool_part_append(r->part, ev->p, ev->n, &e) < 0)
		fail(c, &e);
}

/* ZM_EV_FILE_END.  Stored means: synced, renamed, directory synced, noted;
 * zm_stored() comes after all of that. */
void call_recv_end(struct call *c, const struct zm_event *ev)
{
	struct call_recv *r = &c->recv;
	struct err e = ERR_INIT;
	int rc;

	if (!r->part && !r->again && begin_anew(c, &e) < 0) {
		fail(c, &e); /* a bundle of 0 bytes: bytes all the same */
		return;
	}
	if (!r->part) {
		zm_stored(c->zm, true); /* here since an earlier call */
		return;
	}
	rc = spool_part_commit(r->part, ev->size, &e);
	if (rc < 0) {
		fail(c, &e);
		return;
	}
	if (rc == 1) {
		log_warn("%s: bundle %08llu is not stored: another file has "
			 "its name in the inbox; the next call tries again",
		    c->peer->name, (unsigned long long)r->number);
		spool_part_close(r->part);
	} else {
		r->bundles_done++;
		r->bytes_done += (int64_t)ev->size;
		spool_wake_applier(&c->site->spool);
	}
	r->part = NULL;
	zm_stored(c->zm, rc == 0);
	call_report_tick(c, 0, true);
}

/* Sync what has come, remember what stays for the message, close. */
static void keep_part(struct call *c)
{
	struct call_recv *r = &c->recv;
	struct err e = ERR_INIT;

	if (!r->part)
		return;
	if (spool_part_sync(r->part, &e) < 0)
		log_warn("%s: %s", c->peer->name, e.text);
	r->kept = r->number;
	r->kept_at = r->part->synced;
	r->kept_size = r->source.size;
	spool_part_close(r->part);
	r->part = NULL;
}

void call_recv_cut(struct call *c)
{
	struct call_recv *r = &c->recv;

	/* it will be offered, and counted, again */
	if (r->part && r->source.size != SPOOL_SIZE_UNKNOWN)
		r->bytes_total -= (int64_t)r->source.size;
	keep_part(c);
}

void call_recv_tick(struct call *c, uint64_t now_ms)
{
	struct call_recv *r = &c->recv;
	struct err e = ERR_INIT;

	if (!r->part || now_ms < r->sync_ms || c->err.kind != ERR_NONE)
		return;
	r->sync_ms = now_ms + SYNC_MS;
	if (spool_part_sync(r->part, &e) < 0)
		fail(c, &e);
}

void call_recv_close(struct call *c)
{
	keep_part(c);
	spool_known_free(c->recv.known);
	c->recv.known = NULL;
}
