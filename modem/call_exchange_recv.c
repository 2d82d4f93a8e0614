/* What is here already (HAVE), and what comes: known bundles are not bought
 * twice, partials go on, sums are checked before anything is called stored. */
#include "config.h"

#include "modem/call_exchange.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/log.h"

#define DIFFERING_MAX 8 /* sums that may be wrong in one call */
#define DISK_KEEP     ((uint64_t)1 << 20) /* left free on the disk */

static struct session_exchange *session(struct call *c)
{
	return c->session;
}

/* "crc32=1a2b3c4d" as a number. */
static bool digest_crc(const char *digest, uint32_t *crc)
{
	char *end;

	if (strncmp(digest, "crc32=", 6) != 0 || strlen(digest) != 14)
		return false;
	*crc = (uint32_t)strtoul(digest + 6, &end, 16);
	return *end == '\0';
}

/* What an earlier call left of this bundle, if it may be used. */
static bool read_part(struct call *c, const char *peer, uint64_t number,
    struct message_part *p)
{
	struct spool_source src;

	p->number = number;
	if (spool_part_read(&c->site->spool, peer, number, &src, &p->offset,
		NULL) < 0 ||
	    p->offset == 0 || src.size == SPOOL_SIZE_UNKNOWN ||
	    !digest_crc(src.digest, &p->crc))
		return false;
	p->size = src.size;
	return true;
}

/* The lowest partials, as many as can be said; the others are seen when their
 * bundle begins. */
static int have_parts(struct call *c, const char *peer,
    struct message_have *have, struct err *e)
{
	struct spool_list l;
	size_t i;

	if (spool_list(&c->site->spool, SPOOL_KIND_PART, peer,
		MESSAGE_PARTS_MAX, &l, e) < 0)
		return -1;
	for (i = 0; i < l.n; i++)
		if (read_part(c, peer, l.e[i].number, &have->part[have->n]))
			have->n++;
	spool_list_free(&l);
	return 0;
}

int call_have(struct call *c, const char *peer, struct message_have *have,
    struct err *e)
{
	struct spool_known *known;
	struct spool_mark top;

	memset(have, 0, sizeof *have);
	known = spool_known_load(&c->site->spool, peer, e);
	if (!known)
		return -1;
	if (spool_known_top(known, &top)) {
		have->has_top = true;
		have->top = top.number;
		have->top_crc = top.crc;
	}
	spool_known_free(known);
	return have_parts(c, peer, have, e);
}

static struct spool_source source_of(const struct exchange_event *ev)
{
	struct spool_source src = {ev->size, 0, ""};

	snprintf(src.digest, sizeof src.digest, "crc32=%08" PRIx32, ev->crc);
	return src;
}

static bool is_known(struct call *c, const struct exchange_event *ev)
{
	return spool_known_has(
	    c->recv.known, ev->number, ev->size, &ev->crc);
}

/* Would it fit?  What cannot be asked is tried. */
static bool fits(struct call *c, uint64_t bytes)
{
	struct statvfs v;

	if (statvfs(c->site->dir, &v) < 0)
		return true;
	return bytes + DISK_KEEP <= (uint64_t)v.f_bavail * v.f_frsize;
}

/* Not in this call, and why. */
static void pass(struct call *c, uint64_t number, const char *why)
{
	session(c)->passed++;
	log_warn("%s: bundle %08llu is not taken: %s; the next call tries "
		 "again",
	    c->peer->name, (unsigned long long)number, why);
	exchange_pass(session(c)->x, number);
}

static bool number_ok(struct call *c, const struct exchange_event *ev)
{
	if (ev->number >= 1 && ev->number <= SPOOL_NUMBER_MAX)
		return true;
	pass(c, ev->number, "that is no bundle's number");
	return false;
}

/* EXCHANGE_EV_BUNDLE: its bytes come from ev->offset on. */
void call_income_bundle(struct call *c, const struct exchange_event *ev)
{
	struct session_exchange *s = session(c);
	struct spool_source src = source_of(ev);
	struct err e = ERR_INIT;
	uint64_t offset;

	if (c->err.kind != ERR_NONE || !number_ok(c, ev))
		return;
	if (is_known(c, ev)) {
		exchange_stored(s->x, ev->number);
		return;
	}
	if (!fits(c, ev->size - ev->offset)) {
		pass(c, ev->number, "the disk has no room for it");
		return;
	}
	if (call_recv_begin(c, ev->number, &src, &offset, &e) < 0) {
		call_fail(c, &e);
		return;
	}
	/* ours is not what we said at the start, or they begin elsewhere */
	if (offset != ev->offset)
		exchange_restart(s->x, ev->number, offset);
}

/* EXCHANGE_EV_ASK: an old number that the other side is not sure of. */
void call_income_ask(struct call *c, const struct exchange_event *ev)
{
	struct session_exchange *s = session(c);
	struct message_part p;

	if (c->err.kind != ERR_NONE || !number_ok(c, ev))
		return;
	if (is_known(c, ev))
		exchange_stored(s->x, ev->number);
	else if (read_part(c, c->peer->name, ev->number, &p) &&
		 p.size == ev->size && p.crc == ev->crc)
		exchange_restart(s->x, ev->number, p.offset);
	else
		exchange_restart(s->x, ev->number, 0);
}

void call_income_data(struct call *c, const struct exchange_event *ev)
{
	struct err e = ERR_INIT;

	if (c->err.kind == ERR_NONE &&
	    call_recv_data(c, ev->offset, ev->p, ev->n, &e) < 0)
		call_fail(c, &e);
}

/* EXCHANGE_EV_BUNDLE_END. */
void call_income_end(struct call *c, const struct exchange_event *ev)
{
	(void)ev;
	if (c->err.kind == ERR_NONE && c->recv.part)
		call_recv_end(c);
}

/* The sum of what came is wrong, though all frames and records were good: the
 * sender's disk, or the prefix of an earlier call.  Once more from the start,
 * and that is all. */
static void differs(struct call *c, uint64_t number)
{
	struct session_exchange *s = session(c);
	struct err e = ERR_INIT;

	if (s->restarted != number && ++s->differing <= DIFFERING_MAX) {
		s->restarted = number;
		log_warn("%s: bundle %08llu came with another CRC-32 than "
			 "announced; it is asked for once more",
		    c->peer->name, (unsigned long long)number);
		exchange_restart(s->x, number, 0);
		return;
	}
	err_set(&e, ERR_PEER,
	    "%s: bundle %08llu comes with another CRC-32 than announced, "
	    "again; look at the disk there",
	    c->peer->name, (unsigned long long)number);
	call_fail(c, &e);
}

void call_income_stored(
    struct call *c, uint64_t number, enum spool_commit_result result)
{
	struct session_exchange *s = session(c);

	switch (result) {
	case SPOOL_COMMIT_STORED:
		exchange_stored(s->x, number);
		break;
	case SPOOL_COMMIT_TAKEN:
		s->passed++;
		exchange_pass(s->x, number);
		break;
	case SPOOL_COMMIT_DIFFERS:
		differs(c, number);
		break;
	}
}
