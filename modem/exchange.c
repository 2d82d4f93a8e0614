/* The exchange, as the loop sees it: bytes and the time go in, bytes and
 * events come out.  See exchange.h, exchange_p.h, doc/EXCHANGE.md. */
#include "modem/exchange.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modem/exchange_p.h"

static int copy_peers(struct exchange *x)
{
	size_t n = x->conf.n_peers;

	x->peers = calloc(n, sizeof *x->peers);
	if (x->peers == NULL)
		return -1;
	memcpy(x->peers, x->conf.peers, n * sizeof *x->peers);
	for (size_t i = 0; i < n; i++) {
		struct exchange_peer *p = &x->peers[i];

		p->name[EXCHANGE_NAME_MAX] = '\0';
		if (p->n_psk > EXCHANGE_KEYS_MAX)
			p->n_psk = EXCHANGE_KEYS_MAX;
		if (p->n_psk == 0 && p->security != RECORD_NONE)
			return -1;
	}
	x->conf.peers = x->peers;
	return 0;
}

struct exchange *exchange_new(const struct exchange_conf *c, uint64_t now_ms)
{
	struct exchange *x;

	if (c->n_peers == 0)
		return NULL;
	x = calloc(1, sizeof *x);
	if (x == NULL)
		return NULL;
	x->conf = *c;
	x->conf.site[EXCHANGE_NAME_MAX] = '\0';
	if (copy_peers(x) < 0) {
		exchange_free(x);
		return NULL;
	}
	if (c->insist != NULL)
		snprintf(x->insist, sizeof x->insist, "%s", c->insist);
	if (x->conf.silence_ms == 0)
		x->conf.silence_ms = EXCHANGE_SILENCE_MS;
	if (x->conf.record_ms == 0)
		x->conf.record_ms = EXCHANGE_RECORD_MS;
	x->caller = c->caller;
	x->now = x->start = now_ms;
	exchange_send_init(x);
	exchange_recv_init(x);
	exchange_hello_start(x);
	return x;
}

void exchange_free(struct exchange *x)
{
	if (x == NULL)
		return;
	link_free(x->link);
	if (x->peers != NULL)
		sodium_memzero(x->peers, x->conf.n_peers * sizeof *x->peers);
	free(x->peers);
	sodium_memzero(x, sizeof *x);
	free(x);
}

/* --- bytes in, time --- */

void exchange_feed(struct exchange *x, const uint8_t *p, size_t n,
    uint64_t now_ms)
{
	struct link *before = x->link;
	size_t used = 0;

	x->now = now_ms;
	if (exchange_over(x))
		return;
	/* The answerer listens to both until the session has begun: someone
	 * may have hung up and called again on a line without a carrier. */
	if (x->link != NULL && !x->caller)
		link_feed(x->link, p, n, now_ms);
	if (exchange_hello_reads(x))
		used = exchange_hello_feed(x, p, n);
	if (x->link != NULL && (x->caller || before == NULL))
		link_feed(x->link, p + used, n - used, now_ms);
}

void exchange_tick(struct exchange *x, uint64_t now_ms)
{
	x->now = now_ms;
	exchange_hello_tick(x);
	if (x->link != NULL && !exchange_over(x))
		link_tick(x->link, now_ms);
	exchange_end_tick(x);
	exchange_pump(x);
}

uint64_t exchange_deadline(const struct exchange *x)
{
	uint64_t at = exchange_hello_deadline(x), end, link;

	if (exchange_over(x))
		return UINT64_MAX;
	end = exchange_end_deadline(x);
	link = x->link != NULL ? link_deadline(x->link) : UINT64_MAX;
	if (end < at)
		at = end;
	return link < at ? link : at;
}

/* --- bytes out --- */

/* A hello once more goes between two frames only. */
static bool hello_is_next(struct exchange *x)
{
	struct exchange_hello *h = &x->h;

	if (h->sent == h->n && h->again &&
	    (x->link == NULL || link_drained(x->link))) {
		h->again = false;
		h->sent = 0;
	}
	return h->sent < h->n;
}

size_t exchange_out(struct exchange *x, const uint8_t **p, uint64_t now_ms)
{
	x->now = now_ms;
	x->out_is_hello = hello_is_next(x);
	if (x->out_is_hello) {
		*p = x->h.out + x->h.sent;
		return x->h.n - x->h.sent;
	}
	if (x->link == NULL || exchange_over(x))
		return 0;
	exchange_pump_late(x);
	exchange_pump(x);
	return link_out(x->link, p, now_ms);
}

void exchange_sent(struct exchange *x, size_t n, uint64_t now_ms)
{
	x->now = now_ms;
	if (x->out_is_hello)
		exchange_hello_sent(x, n);
	else if (x->link != NULL)
		link_sent(x->link, n, now_ms);
	exchange_end_tick(x);
	exchange_pump(x);
}

/* --- events --- */

static bool peer_event(struct exchange *x, struct exchange_event *ev)
{
	if (x->st == EXCHANGE_ST_ASKED && !x->h.told) {
		x->h.told = true;
		ev->type = EXCHANGE_EV_HELLO;
	} else if (x->st == EXCHANGE_ST_SESSION && !x->peer_told) {
		x->peer_told = true;
		ev->type = EXCHANGE_EV_PEER;
	} else {
		return false;
	}
	ev->peer = x->h.peer->name;
	ev->key = x->h.key;
	return true;
}

bool exchange_event(struct exchange *x, struct exchange_event *ev)
{
	memset(ev, 0, sizeof *ev);
	if (peer_event(x, ev) || exchange_send_news(x, ev) ||
	    exchange_recv_event(x, ev) || peer_event(x, ev) ||
	    exchange_send_news(x, ev))
		return true;
	exchange_pump(x);
	exchange_end_tick(x);
	if (exchange_send_event(x, ev))
		return true;
	return exchange_end_event(x, ev);
}

int exchange_have(struct exchange *x, const struct message_have *have)
{
	if (x->st != EXCHANGE_ST_ASKED || have->n > MESSAGE_PARTS_MAX)
		return -1;
	x->s.have = *have;
	x->s.have.more = false;
	exchange_send_init(x);
	exchange_recv_init(x);
	x->st = EXCHANGE_ST_OPEN;
	if (!x->caller)
		exchange_hello_answer(x);
	exchange_pump(x);
	return 0;
}

/* --- what can be seen --- */

void exchange_get_stats(const struct exchange *x, struct exchange_stats *s)
{
	uint64_t under_way = 0;

	*s = x->stats;
	if (x->link != NULL) {
		link_get_stats(x->link, &s->link);
		under_way = link_unacked(x->link);
		s->unsent = x->s.stream - s->link.stream_out + x->s.fill;
	}
	s->acked = s->data_out > under_way ? s->data_out - under_way : 0;
}

const char *exchange_state(const struct exchange *x)
{
	switch (x->st) {
	case EXCHANGE_ST_HELLO:
		return x->caller ? "waiting for an answer" :
		    "waiting for a caller";
	case EXCHANGE_ST_ASKED:
	case EXCHANGE_ST_OPEN:
		return "beginning";
	case EXCHANGE_ST_SESSION:
		if (x->e.failing)
			return "ending the call early";
		return exchange_safe(x) ? "finishing" : "exchanging";
	case EXCHANGE_ST_DONE:
		return "over";
	case EXCHANGE_ST_FAILED:
		break;
	}
	return "failed";
}
