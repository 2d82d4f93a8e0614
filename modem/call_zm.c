/* Classic ZMODEM on the line: one file at a time, one direction after the
 * other.  A name proves nothing here, so only peers with security = none get
 * through.  See session.h. */
#include "config.h"

#include "modem/call_p.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "modem/call_peer.h"
#include "modem/zmodem.h"

struct session_zm {
	struct zm *zm;           /* owned */
	bool yielded;            /* a collision was seen */
	bool wanted;             /* the protocol waits for an offer */
	bool ended;              /* we have said "no more" */
	bool again;              /* what is offered is here already */
	uint64_t number, size;   /* being sent; 0: none */
	uint64_t coming;         /* being received */
};

static struct session_zm *session(const struct call *c)
{
	return c->session;
}

/* The protocol's settings for this line. */
static void configure(struct call *c, struct zm_conf *z)
{
	const char *whom = c->outgoing ? c->peer->name : c->insist;
	double second = c->port->speed / 10.0;

	zm_conf_init(z);
	snprintf(z->site, sizeof z->site, "%s", c->site->cfg->site.name);
	snprintf(z->peer, sizeof z->peer, "%s", whom ? whom : "");
	/* a block lasts a second at most, so that a repeat is cheap */
	if (second > 0 && second < z->block)
		z->block = second < 128 ? 128 : (uint32_t)second;
}

/* A new session, as caller or answerer. */
static void begin(struct call *c, enum zm_side side, uint64_t now)
{
	struct zm_conf z;

	configure(c, &z);
	zm_free(session(c)->zm);
	session(c)->zm = zm_new(&z, side, now);
	if (!session(c)->zm)
		abort();
}

static int start(struct call *c, uint64_t now, struct err *e)
{
	(void)e;
	c->session = calloc(1, sizeof(struct session_zm));
	if (!c->session)
		abort();
	begin(c, c->outgoing ? ZM_CALLER : ZM_ANSWERER, now);
	return 0;
}

static void end(struct call *c)
{
	zm_free(session(c)->zm);
	free(c->session);
	c->session = NULL;
}

/* A dialsync caller's ZRQINIT as it is on the wire (hex header): 'd', 's',
 * version 1, "I am the caller". */
static const char callers_hello[] = "**\x18"
				    "B0064730101";

/* Two callers on one cable: the smaller name becomes the answerer.  Each side
 * knows both names, so both come to the same result. */
static void check_collision(struct call *c, uint64_t now)
{
	if (!c->outgoing || c->met || session(c)->yielded ||
	    !memmem(
		c->first, c->first_n, callers_hello, sizeof callers_hello - 1))
		return;
	session(c)->yielded = true;
	if (strcmp(c->site->cfg->site.name, c->peer->name) > 0)
		return;
	log_info("%s: both sides call, or the line echoes; this one answers",
	    c->peer->name);
	begin(c, ZM_ANSWERER, now);
}

/* A hello of our own protocol (doc/EXCHANGE.md, Hello). */
static void check_exchange(struct call *c)
{
	if (c->met || c->why.kind != ERR_NONE ||
	    !memmem(c->first, c->first_n, "\x9D" "ds\x01", 4))
		return;
	call_stop(c, SESSION_STOP_PROTOCOL, ERR_PEER,
	    "the far end speaks the exchange of dialsync, and this line has "
	    "protocol = zmodem; write protocol = dialsync into the line's "
	    "section here, or protocol = zmodem there");
}

static void feed(struct call *c, const uint8_t *p, size_t n, uint64_t now)
{
	check_collision(c, now);
	zm_feed(session(c)->zm, p, n, now);
	check_exchange(c);
}

static void tick(struct call *c, uint64_t now)
{
	zm_tick(session(c)->zm, now);
}

static uint64_t deadline(struct call *c)
{
	return zm_deadline(session(c)->zm);
}

static size_t out(struct call *c, const uint8_t **p, uint64_t now)
{
	(void)now;
	return zm_out(session(c)->zm, p);
}

static void sent(struct call *c, size_t n, uint64_t now)
{
	zm_sent(session(c)->zm, n, now);
}

/* End the call for this reason: the far end is told (cancel), and ZM_EV_FAILED
 * brings the reason back. */
static void stop(struct call *c, enum session_stop reason, enum err_kind kind,
    const char *why)
{
	(void)reason;
	zm_abort(session(c)->zm, kind, why);
}

/* --- who is there ------------------------------------------------------ */

/* The caller of an incoming call, or NULL with e. */
static const struct config_peer *identify(
    struct call *c, const char *name, struct err *e)
{
	const struct config_peer *p;
	char safe[4 * TEXT_NAME_MAX + 8];

	if (!name || !*name)
		name = c->insist ? c->insist : c->line->peer;
	if (!name) {
		err_set(e, ERR_REFUSED,
		    "line %s: the caller does not say "
		    "who it is (plain ZMODEM); write peer = NAME into [line "
		    "%s] of dialsync.conf, or answer with --peer NAME",
		    c->line->name, c->line->name);
		return NULL;
	}
	text_safe(name, strlen(name), safe, sizeof safe);
	if (strcmp(name, c->site->cfg->site.name) == 0) {
		err_set(e, ERR_REFUSED,
		    "line %s: our own name \"%s\" came "
		    "back; the line echoes, or two sites have one name",
		    c->line->name, safe);
		return NULL;
	}
	p = config_peer(c->site->cfg, name);
	if (!p)
		err_set(e, ERR_REFUSED,
		    "line %s: the caller says that it is "
		    "\"%s\", which is no peer of this site; if it is to be "
		    "one: dialsync peer %s",
		    c->line->name, safe, text_name_ok(name) ? name : "NAME");
	return p;
}

/* ZM_EV_PEER. */
static void meet(struct call *c, const char *name)
{
	const struct config_peer *p = c->peer;
	struct err e = ERR_INIT;

	if (!p) {
		p = identify(c, name, &e);
		if (!p || call_peer_allowed(c->site, p, c->line, &e) < 0 ||
		    call_take_peer(c, p, &e) < 0) {
			zm_abort(session(c)->zm, e.kind, e.text);
			return;
		}
	}
	call_meet(c, name ? NULL : "with a plain ZMODEM program");
}

/* --- outbox -> line ------------------------------------------------------ */

/* Offer this one; false: it cannot be sent, try the next. */
static bool offer(struct call *c, const struct spool_entry *entry)
{
	struct session_zm *z = session(c);
	char name[SPOOL_NAME_SIZE];

	spool_name_format(entry->number, name);
	if (zm_offer(z->zm, name, entry->size, entry->mtime,
		(uint32_t)entry->number) < 0) {
		log_warn("%s: %s cannot be sent on this line (%llu bytes); "
			 "carry it by other means",
		    c->peer->name, name, (unsigned long long)entry->size);
		return false;
	}
	z->number = entry->number;
	z->size = entry->size;
	z->wanted = false;
	return true;
}

static bool work(struct call *c, uint64_t now)
{
	struct session_zm *z = session(c);
	struct spool_entry entry;
	enum call_next next;

	(void)now;
	if (!z->wanted || z->ended || !c->met || c->err.kind != ERR_NONE)
		return false;
	while ((next = call_send_next(c, &entry)) == CALL_NEXT_BUNDLE)
		if (offer(c, &entry))
			return false;
	if (next == CALL_NEXT_LATER || c->err.kind != ERR_NONE)
		return false;
	z->ended = true;
	z->wanted = false;
	zm_no_more(z->zm);
	return false;
}

static void want_data(struct call *c, const struct zm_event *ev)
{
	uint8_t buf[ZM_BLOCK_MAX];
	size_t n = ev->n < sizeof buf ? ev->n : sizeof buf;
	ssize_t got =
	    call_send_read(c, session(c)->number, ev->off, buf, n);

	zm_data(session(c)->zm, ev->off, buf, got > 0 ? (size_t)got : 0);
}

/* ZM_EV_FILE_SENT: a dialsync peer has stored it.  A plain rz has only
 * received it, and syncs nothing: the outbox keeps it, unless told to trust. */
static void file_sent(struct call *c, const struct zm_event *ev)
{
	struct session_zm *z = session(c);

	if (ev->acknowledged)
		call_send_done(c, z->number, z->size,
		    zm_is_dialsync(z->zm) || c->line->zmodem_trust);
	else
		log_warn("%s: bundle %08llu was not taken; it stays in the "
			 "outbox for the next call",
		    c->peer->name, (unsigned long long)z->number);
	z->number = 0;
	call_report_tick(c, 0, true);
}

/* --- line -> inbox ------------------------------------------------------- */

/* The digest under which this number and size was stored or applied here. */
static bool known_digest(
    struct call *c, uint64_t number, uint64_t size, uint32_t *crc)
{
	struct spool_mark m = {number, size, 0};
	struct spool_entry info;
	bool found = spool_known_mark(c->recv.known, &m);
	int fd;

	*crc = m.crc;
	fd = found ? -1
		   : spool_open_bundle(&c->site->spool, SPOOL_KIND_INBOX,
			 c->peer->name, number, &info, NULL);
	if (fd >= 0) {
		found = info.size == size &&
			spool_crc32(fd, crc, NULL, NULL) == 0;
		close(fd);
	}
	return found;
}

/* Open the partial and ask for the rest.  What is there of an earlier call is
 * used only if the sender's file begins with the same bytes. */
static int begin_part(
    struct call *c, const struct spool_source *source, struct err *e)
{
	struct session_zm *z = session(c);
	uint64_t offset = 0;
	uint32_t crc;

	if (call_recv_begin(c, z->coming, source, &offset, e) < 0)
		return -1;
	if (offset == 0)
		return zm_accept(z->zm, 0);
	if (spool_crc32(c->recv.part->fd, &crc, NULL, e) < 0)
		return -1;
	return zm_accept_same(z->zm, offset, crc);
}

static void file_offered(struct call *c, const struct zm_event *ev)
{
	struct session_zm *z = session(c);
	struct spool_source source = {SPOOL_SIZE_UNKNOWN, ev->mtime, ""};
	struct err e = ERR_INIT;
	uint32_t crc;

	if (!c->met || !spool_name_parse(ev->name, &z->coming)) {
		zm_skip(z->zm);
		return;
	}
	if (ev->size != ZM_NO_SIZE)
		source.size = ev->size;
	z->again = ev->size != ZM_NO_SIZE &&
		   spool_known_has(c->recv.known, z->coming, ev->size, NULL);
	c->recv.number = z->coming;
	c->recv.source = source;
	if (!z->again) {
		if (begin_part(c, &source, &e) < 0)
			call_fail(c, &e);
	} else if (known_digest(c, z->coming, ev->size, &crc)) {
		/* same number and size; the digest tells a restored peer's
		 * second bundle of that number from the first */
		zm_accept_same(z->zm, ev->size, crc);
	} else {
		zm_accept(z->zm, ev->size);
	}
}

static void got_data(struct call *c, const struct zm_event *ev)
{
	struct session_zm *z = session(c);
	const struct spool_part *p = c->recv.part;
	struct err e = ERR_INIT;

	if (c->err.kind != ERR_NONE)
		return;
	/* the sender's file is not the one whose beginning we have */
	if ((!p || ev->off != p->end) && ev->off == 0) {
		z->again = false;
		if (call_recv_anew(c, &e) < 0) {
			call_fail(c, &e);
			return;
		}
	}
	if (call_recv_data(c, ev->off, ev->p, ev->n, &e) < 0)
		call_fail(c, &e);
}

static void file_end(struct call *c)
{
	struct session_zm *z = session(c);
	struct err e = ERR_INIT;

	if (!c->recv.part && z->again) {
		zm_stored(z->zm, true); /* here since an earlier call */
		return;
	}
	/* a bundle of 0 bytes: bytes all the same */
	if (!c->recv.part && call_recv_anew(c, &e) < 0) {
		call_fail(c, &e);
		return;
	}
	call_recv_end(c);
}

static void stored(
    struct call *c, uint64_t number, enum spool_commit_result result)
{
	(void)number; /* there is one at a time */
	zm_stored(session(c)->zm, result == SPOOL_COMMIT_STORED);
}

/* The peer offered a file under a name that is no bundle's. */
static void refused_name(struct call *c, const char *name)
{
	char safe[120];

	text_safe(name, strlen(name), safe, sizeof safe);
	log_warn("%s: \"%s\" was offered and not taken: bundles are called "
		 "NNNNNNNN.xml.gz and are smaller than 1 GB",
	    c->peer ? c->peer->name : c->line->name, safe);
}

/* --- events -------------------------------------------------------------- */

static void one_event(struct call *c, const struct zm_event *ev)
{
	switch (ev->type) {
	case ZM_EV_PEER:
		meet(c, ev->name);
		break;
	case ZM_EV_WANT_FILE:
		session(c)->wanted = true;
		work(c, 0);
		break;
	case ZM_EV_WANT_DATA:
		want_data(c, ev);
		break;
	case ZM_EV_FILE_SENT:
		file_sent(c, ev);
		break;
	case ZM_EV_FILE_OFFERED:
		file_offered(c, ev);
		break;
	case ZM_EV_FILE_REFUSED:
		refused_name(c, ev->name);
		break;
	case ZM_EV_GOT_DATA:
		got_data(c, ev);
		break;
	case ZM_EV_FILE_END:
		file_end(c);
		break;
	case ZM_EV_FILE_CUT:
		call_recv_cut(c);
		break;
	case ZM_EV_SAFE:
		call_report_safe(c);
		break;
	case ZM_EV_DONE:
		c->over = true;
		break;
	case ZM_EV_FAILED:
		if (c->err.kind == ERR_NONE)
			c->err = *ev->err;
		break;
	}
}

static void events(struct call *c)
{
	struct zm_event ev;

	while (zm_event(session(c)->zm, &ev))
		one_event(c, &ev);
}

/* --- how it went --------------------------------------------------------- */

/* A plain rz hangs up when it has the last file; nobody waits there for the
 * end that dialsync sites agree on.  Nothing more can be known of it. */
static bool plain_is_done(const struct call *c)
{
	const struct session_zm *z = session(c);
	struct zm_stats s;

	zm_stats(z->zm, &s);
	return c->met && !zm_is_dialsync(z->zm) && z->ended && !z->number &&
	       !c->recv.part && !c->result && c->err.kind == ERR_AGAIN &&
	       c->send.bundles_done > 0 && s.sent_skipped == 0 &&
	       s.not_stored == 0;
}

static bool safe(const struct call *c)
{
	return zm_safe(session(c)->zm) || plain_is_done(c);
}

static void stats(const struct call *c, struct session_stats *s)
{
	const struct session_zm *z = session(c);
	struct zm_stats t;

	zm_stats(z->zm, &t);
	*s = (struct session_stats){t.bytes_out, t.bytes_in, t.resent,
	    z->number ? t.data_acked : 0, z->number != 0};
}

/* A call that ended by itself, but without "safe": what was left out. */
static void explain(struct call *c)
{
	struct zm_stats z;

	zm_stats(session(c)->zm, &z);
	if (z.refused > 0)
		err_set(&c->err, ERR_PEER,
		    "%u offered file%s no bundle%s "
		    "and not taken; all else is done",
		    z.refused, z.refused == 1 ? " was" : "s were",
		    z.refused == 1 ? "" : "s");
	else
		err_set(&c->err, ERR_AGAIN,
		    "%u bundle%s not taken there, "
		    "%u not here; the next call tries again",
		    z.sent_skipped, z.sent_skipped == 1 ? " was" : "s were",
		    z.not_stored);
}

static bool was_cancelled(const struct call *c)
{
	return memmem(c->first, c->first_n, "\x18\x18\x18\x18\x18", 5) !=
		   NULL &&
	       c->err.kind == ERR_AGAIN && !c->result;
}

static void facts(struct call *c, struct buf *m)
{
	if (!c->safe && !c->met && was_cancelled(c))
		buf_adds(m, "; the far end refused the call, and says there "
			    "why");
	if (c->safe && !zm_is_dialsync(session(c)->zm) &&
	    c->send.bundles_done > 0)
		buf_addf(m, "; the other side does not confirm storing, %s",
		    c->line->zmodem_trust
			? "and is trusted (zmodem-trust = yes)"
			: "so the outbox keeps them");
}

static bool is_ours(const struct call *c)
{
	return was_cancelled(c) || c->why.kind == ERR_PEER ||
	       memmem(c->first, c->first_n,
		   "**\x18"
		   "B",
		   4) != NULL;
}

const struct session_ops session_zmodem = {
	.start = start,
	.end = end,
	.feed = feed,
	.tick = tick,
	.deadline = deadline,
	.out = out,
	.sent = sent,
	.events = events,
	.work = work,
	.stored = stored,
	.stop = stop,
	.safe = safe,
	.stats = stats,
	.explain = explain,
	.facts = facts,
	.is_ours = is_ours,
};
