/* Outbox -> protocol, in order of number.  Bundles that become ready during
 * the call join until "no more" is said. */
#include "config.h"

#include "modem/call_p.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "spool/spool_outbox.h"

int call_send_open(struct call *c, struct err *e)
{
	struct call_send *s = &c->send;
	size_t i;

	if (spool_outbox_drop_acked(&c->site->spool, c->peer->name, NULL, e) <
		0 ||
	    spool_list(&c->site->spool, SPOOL_KIND_OUTBOX, c->peer->name, 0,
		&s->list, e) < 0)
		return -1;
	for (i = 0; i < s->list.n; i++)
		s->bytes_total += (int64_t)s->list.e[i].size;
	s->bundles_total = (int64_t)s->list.n;
	return 0;
}

/* Look again for bundles above the last one; true: there are some. */
static bool look_again(struct call *c, struct err *e)
{
	struct call_send *s = &c->send;
	struct spool_list fresh = {0};
	size_t i;

	if (spool_list(&c->site->spool, SPOOL_KIND_OUTBOX, c->peer->name, 0,
		&fresh, e) < 0)
		return false;
	spool_list_free(&s->list);
	s->list = fresh;
	s->at = fresh.n;
	for (i = fresh.n; i-- > 0 && fresh.e[i].number > s->last;) {
		s->at = i;
		s->bundles_total++;
		s->bytes_total += (int64_t)fresh.e[i].size;
	}
	return s->at < fresh.n;
}

/* Offer this one; false: it cannot be sent, try the next. */
static bool offer(struct call *c, const struct spool_entry *entry)
{
	struct call_send *s = &c->send;
	struct spool_entry info;
	struct err e = ERR_INIT;
	char name[SPOOL_NAME_SIZE];

	s->last = entry->number;
	spool_name_format(entry->number, name);
	s->fd = spool_open_bundle(&c->site->spool, SPOOL_KIND_OUTBOX,
	    c->peer->name, entry->number, &info, &e);
	if (s->fd < 0) {
		log_warn(
		    "%s: %s is passed over: %s", c->peer->name, name, e.text);
		return false;
	}
	if (zm_offer(c->zm, name, info.size, info.mtime,
		(uint32_t)entry->number) < 0) {
		log_warn("%s: %s cannot be sent on this line (%llu bytes); "
			 "carry it by other means",
		    c->peer->name, name, (unsigned long long)info.size);
		close(s->fd);
		s->fd = -1;
		return false;
	}
	s->number = entry->number;
	s->size = info.size;
	s->wanted = false;
	return true;
}

void call_send_next(struct call *c)
{
	struct call_send *s = &c->send;
	struct err e = ERR_INIT;
	bool packed;

	if (!s->wanted || s->ended || !c->met || c->err.kind != ERR_NONE)
		return;
	/* asked before the last look, so that nothing falls between */
	packed = call_pack_over(c, clock_ms());
	do {
		while (s->at < s->list.n)
			if (offer(c, &s->list.e[s->at++]))
				return;
	} while (look_again(c, &e));
	if (e.kind != ERR_NONE) {
		zm_abort(c->zm, e.kind, e.text);
		return;
	}
	if (!packed)
		return;
	s->ended = true;
	s->wanted = false;
	zm_no_more(c->zm);
}

void call_send_data(struct call *c, const struct zm_event *ev)
{
	uint8_t buf[ZM_BLOCK_MAX];
	size_t n = ev->n < sizeof buf ? ev->n : sizeof buf;
	ssize_t got = -1;

	if (c->send.fd >= 0)
		got = pread(c->send.fd, buf, n, (off_t)ev->off);
	if (got <= 0)
		log_warn("%s: bundle %08llu cannot be read at %llu",
		    c->peer->name, (unsigned long long)c->send.number,
		    (unsigned long long)ev->off);
	zm_data(c->zm, ev->off, buf, got > 0 ? (size_t)got : 0);
}

/* ZM_EV_FILE_SENT: a dialsync peer has stored it.  A plain rz has only
 * received it, and syncs nothing: the outbox keeps it, unless told to trust. */
void call_send_done(struct call *c, const struct zm_event *ev)
{
	struct call_send *s = &c->send;
	struct err e = ERR_INIT;

	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	if (!ev->acknowledged) {
		log_warn("%s: bundle %08llu was not taken; it stays in the "
			 "outbox for the next call",
		    c->peer->name, (unsigned long long)s->number);
	} else {
		s->bundles_done++;
		s->bytes_done += (int64_t)s->size;
		if ((zm_is_dialsync(c->zm) || c->line->zmodem_trust) &&
		    spool_outbox_stored(
			&c->site->spool, c->peer->name, s->number, &e) < 0)
			log_warn("%s: bundle %08llu is stored there, but stays "
				 "in the outbox: %s",
			    c->peer->name, (unsigned long long)s->number,
			    e.text);
	}
	s->number = 0;
	call_report_tick(c, 0, true);
}

void call_send_close(struct call *c)
{
	if (c->send.fd >= 0)
		close(c->send.fd);
	c->send.fd = -1;
	spool_list_free(&c->send.list);
}
