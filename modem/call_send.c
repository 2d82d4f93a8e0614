/* The outbox, bundle by bundle in order of number.  It is read in parts, so
 * that memory does not grow with it, and again when all was handed out:
 * bundles that become ready during the call join. */
#include "config.h"

#include "modem/call_p.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "spool/spool_outbox.h"

#define PART    1024 /* entries read at once */
#define LOOK_MS 1000 /* an empty outbox is looked at again */

int call_send_open(struct call *c, struct err *e)
{
	struct call_send *s = &c->send;
	struct spool_counts n;

	if (spool_outbox_drop_acked(&c->site->spool, c->peer->name, NULL, e) <
		0 ||
	    spool_count(&c->site->spool, c->peer->name, &n, e) < 0)
		return -1;
	s->bytes_total = (int64_t)n.outbox_bytes;
	s->bundles_total = (int64_t)n.outbox_bundles;
	s->ready = true;
	return 0;
}

/* Read the next part of the outbox; true: there is one. */
static bool look(struct call *c, struct err *e)
{
	struct call_send *s = &c->send;

	spool_list_free(&s->list);
	s->at = 0;
	return spool_list_above(&c->site->spool, SPOOL_KIND_OUTBOX,
		   c->peer->name, s->last, PART, &s->list, e) == 0 &&
	       s->list.n > 0;
}

/* Hand this one out, and count it if it was not there at the start. */
static void hand_out(struct call_send *s, const struct spool_entry *entry)
{
	s->last = entry->number;
	s->seen++;
	s->seen_bytes += (int64_t)entry->size;
	if (s->bundles_total < s->seen)
		s->bundles_total = s->seen;
	if (s->bytes_total < s->seen_bytes)
		s->bytes_total = s->seen_bytes;
}

enum call_next call_send_next(struct call *c, struct spool_entry *entry)
{
	struct call_send *s = &c->send;
	struct err e = ERR_INIT;
	uint64_t now = clock_ms();
	bool packing, packed;

	if (!s->ready)
		return CALL_NEXT_LATER;
	/* asked before the last look, so that nothing falls between */
	packing = c->pack.pid != 0;
	packed = call_pack_over(c, now);
	if (s->at == s->list.n) {
		if (now < s->look_ms && !(packing && packed))
			return packed ? CALL_NEXT_NONE : CALL_NEXT_LATER;
		s->look_ms = now + (packed ? LOOK_MS : LOOK_MS / 5);
		if (!look(c, &e)) {
			if (e.kind != ERR_NONE)
				call_fail(c, &e);
			return packed ? CALL_NEXT_NONE : CALL_NEXT_LATER;
		}
		s->look_ms = 0; /* there may be another part */
	}
	*entry = s->list.e[s->at++];
	hand_out(s, entry);
	return CALL_NEXT_BUNDLE;
}

ssize_t call_send_read(
    struct call *c, uint64_t number, uint64_t offset, void *p, size_t n)
{
	struct call_send *s = &c->send;
	struct err e = ERR_INIT;
	ssize_t got = -1;

	if (s->number != number) {
		if (s->fd >= 0)
			close(s->fd);
		s->fd = spool_open_bundle(&c->site->spool, SPOOL_KIND_OUTBOX,
		    c->peer->name, number, NULL, &e);
		s->number = s->fd >= 0 ? number : 0;
	}
	if (s->fd >= 0)
		got = pread(s->fd, p, n, (off_t)offset);
	if (got <= 0)
		log_warn("%s: bundle %08llu cannot be read at %llu%s%s",
		    c->peer->name, (unsigned long long)number,
		    (unsigned long long)offset, e.text[0] ? ": " : "", e.text);
	return got;
}

void call_send_done(
    struct call *c, uint64_t number, uint64_t size, bool remove)
{
	struct call_send *s = &c->send;

	if (s->number == number) {
		close(s->fd);
		s->fd = -1;
		s->number = 0;
	}
	s->bundles_done++;
	s->bytes_done += (int64_t)size;
	if (remove)
		call_disk_remove(c->disk, number);
}

void call_send_close(struct call *c)
{
	if (c->send.fd >= 0)
		close(c->send.fd);
	c->send.fd = -1;
	spool_list_free(&c->send.list);
}
