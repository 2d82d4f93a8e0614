/* The outbox's bundles, offered in order.  The offer names the CRC-32 of the
 * whole file, so each is read through once before: in slices, as the line
 * waits meanwhile. */
#include "config.h"

#include "modem/call_exchange.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define SLICE    ((size_t)1 << 20) /* bytes that are summed in one turn */
#define CHUNK    ((size_t)32 << 10)
#define DATA_MAX 4096 /* of one WANT_DATA */

static struct session_exchange *session(struct call *c)
{
	return c->session;
}

void call_offer_close(struct session_exchange *s)
{
	if (s->next.fd >= 0)
		close(s->next.fd);
	s->next.fd = -1;
	s->next.entry.number = 0;
}

/* Take up the next bundle of the outbox; false: there is none now. */
static bool begin(struct call *c, enum call_next *next)
{
	struct exchange_offer_next *o = &session(c)->next;
	struct err e = ERR_INIT;

	while ((*next = call_send_next(c, &o->entry)) == CALL_NEXT_BUNDLE) {
		o->at = 0;
		o->crc = 0;
		o->fd = spool_open_bundle(&c->site->spool, SPOOL_KIND_OUTBOX,
		    c->peer->name, o->entry.number, &o->entry, &e);
		if (o->fd >= 0)
			return true;
		log_warn("%s: bundle %08llu is passed over: %s",
		    c->peer->name, (unsigned long long)o->entry.number,
		    e.text);
	}
	o->entry.number = 0;
	return false;
}

/* Sum a piece.  1: all is summed, 0: there is more, -1: cannot be read. */
static int sum_some(struct exchange_offer_next *o, size_t *budget)
{
	uint8_t buf[CHUNK];
	ssize_t n;

	while (o->at < o->entry.size && *budget > 0) {
		n = pread(o->fd, buf, sizeof buf, (off_t)o->at);
		if (n <= 0)
			return -1;
		/* one that grows meanwhile is its first size long */
		if ((uint64_t)n > o->entry.size - o->at)
			n = (ssize_t)(o->entry.size - o->at);
		o->crc = spool_crc_add(o->crc, buf, (size_t)n);
		o->at += (uint64_t)n;
		*budget = *budget > (size_t)n ? *budget - (size_t)n : 0;
	}
	return o->at == o->entry.size;
}

/* Make the offer; false: there is no room for it at the moment. */
static bool offer(struct call *c)
{
	struct session_exchange *s = session(c);
	struct exchange_offer_next *o = &s->next;

	if (exchange_offer(s->x, o->entry.number, o->entry.size, o->crc) < 0)
		return false;
	s->wanted = false;
	s->ended = false;
	o->entry.number = 0;
	return true;
}

/* The sum is there, or the file cannot be read. */
static bool through(struct call *c, int rc)
{
	struct exchange_offer_next *o = &session(c)->next;

	close(o->fd);
	o->fd = -1;
	if (rc > 0)
		return true;
	log_warn("%s: bundle %08llu is passed over: it cannot be read at "
		 "byte %llu",
	    c->peer->name, (unsigned long long)o->entry.number,
	    (unsigned long long)o->at);
	o->entry.number = 0;
	return false;
}

/* Nothing is ready.  Said once; a later offer takes it back. */
static void no_more(struct call *c, enum call_next next)
{
	struct session_exchange *s = session(c);

	if (next != CALL_NEXT_NONE || s->ended || !s->wanted)
		return;
	if (exchange_no_more(s->x) == 0)
		s->ended = true;
}

bool call_offer_work(struct call *c)
{
	struct session_exchange *s = session(c);
	struct exchange_offer_next *o = &s->next;
	size_t budget = SLICE;
	enum call_next next;
	int rc;

	if (!c->met || c->err.kind != ERR_NONE)
		return false;
	while ((s->wanted || s->ended) && budget > 0) {
		if (o->entry.number == 0 && !begin(c, &next)) {
			no_more(c, next);
			return false;
		}
		if (o->fd >= 0) {
			rc = sum_some(o, &budget);
			if (rc == 0)
				return true;
			if (!through(c, rc))
				continue;
			/* many small ones cost time, too */
			budget -= budget < CHUNK ? budget : CHUNK;
		}
		if (!offer(c))
			return false;
		c->ops->events(c);
	}
	return s->wanted || s->ended;
}

void call_offer_data(struct call *c, const struct exchange_event *ev)
{
	struct session_exchange *s = session(c);
	uint8_t buf[DATA_MAX];
	size_t n = ev->n < sizeof buf ? ev->n : sizeof buf;
	ssize_t got;

	if (ev->number > s->asked) {
		s->asked = ev->number;
		s->skipped += ev->offset;
		if (ev->offset > 0)
			log_info("%s: bundle %08llu is there up to byte %llu",
			    c->peer->name, (unsigned long long)ev->number,
			    (unsigned long long)ev->offset);
	}
	got = call_send_read(c, ev->number, ev->offset, buf, n);
	if (got <= 0) {
		exchange_unreadable(s->x, ev->number);
		s->passed++;
		return;
	}
	exchange_data(s->x, ev->number, ev->offset, buf, (size_t)got);
}

/* The peer has this very bundle: number and sum are those that were offered,
 * so the file may go. */
void call_offer_stored(struct call *c, const struct exchange_event *ev)
{
	struct session_exchange *s = session(c);

	if (ev->number > s->asked) { /* it was there before this call */
		s->asked = ev->number;
		s->skipped += ev->size;
	}
	s->settled += ev->size;
	call_send_done(c, ev->number, ev->size, true);
	call_report_tick(c, 0, false);
}

void call_offer_passed(struct call *c, const struct exchange_event *ev)
{
	session(c)->passed++;
	log_warn("%s: bundle %08llu was not taken; it stays in the outbox "
		 "for the next call",
	    c->peer->name, (unsigned long long)ev->number);
}
