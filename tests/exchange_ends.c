/* See exchange_ends.h. */
#include "exchange_ends.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#define SYNC_MS 2000

static void broken(const char *what)
{
	fprintf(stderr, "exchange: %s\n", what);
	abort();
}

void (*ends_broken)(const char *what) = broken;

#define MUST(e, c, what) do { if (!(c)) { \
	char must_[200]; \
	snprintf(must_, sizeof must_, "%s: %s (%s)", (e)->name, what, #c); \
	ends_broken(must_); \
} } while (0)

/* --- the spool --- */

static struct bundle *find(struct bundle *b, size_t n, uint64_t number)
{
	for (size_t i = 0; i < n; i++)
		if (b[i].number == number)
			return &b[i];
	return NULL;
}

static struct bundle *outbox(struct end *e, uint64_t number)
{
	return find(e->disk.out, e->disk.n_out, number);
}

static struct bundle *inbox(struct end *e, uint64_t number)
{
	return find(e->disk.in, e->disk.n_in, number);
}

static struct part *find_part(struct end *e, uint64_t number)
{
	for (size_t i = 0; i < e->disk.n_part; i++)
		if (e->disk.part[i].number == number)
			return &e->disk.part[i];
	return NULL;
}

static void drop_part(struct end *e, struct part *p)
{
	free(p->p);
	*p = e->disk.part[--e->disk.n_part];
}

void end_add(struct end *e, uint64_t number, size_t size, uint64_t seed)
{
	struct bundle *b = &e->disk.out[e->disk.n_out++];

	memset(b, 0, sizeof *b);
	b->number = number;
	b->size = size;
	b->p = malloc(size + 8);
	for (size_t i = 0; i < size; i += 8) {
		uint64_t r = sim_random(&seed);

		memcpy(b->p + i, &r, 8);
	}
	b->crc = (uint32_t)crc32(0, b->p, (uInt)size);
}

bool end_delivered(const struct end *e)
{
	for (size_t i = 0; i < e->disk.n_out; i++)
		if (!e->disk.out[i].gone)
			return false;
	return true;
}

/* --- begin and end --- */

void end_init(struct end *e, const char *name, struct end *other,
    bool caller, enum record_security s, uint64_t seed)
{
	static struct exchange_peer peer[2];
	struct exchange_peer *p = &peer[caller];

	memset(e, 0, sizeof *e);
	e->name = name;
	e->other = other;
	memset(p, 0, sizeof *p);
	p->security = s;
	p->n_psk = s == RECORD_NONE ? 0 : 1;
	memset(p->psk[0], 7, 32);
	snprintf(p->name, sizeof p->name, "%s", caller ? "hub" : "ann");
	snprintf(e->conf.site, sizeof e->conf.site, "%s",
	    caller ? "ann" : "hub");
	e->conf.caller = caller;
	e->conf.peers = p;
	e->conf.n_peers = 1;
	(void)seed;
}

void end_fini(struct end *e)
{
	exchange_free(e->x);
	e->x = NULL;
	for (size_t i = 0; i < e->disk.n_out; i++)
		free(e->disk.out[i].p);
	while (e->disk.n_part > 0)
		drop_part(e, e->disk.part);
}

void end_start(struct end *e, uint64_t seed, uint64_t now_ms)
{
	for (size_t i = 0; i < sizeof e->conf.seed; i++)
		e->conf.seed[i] = (uint8_t)sim_random(&seed);
	e->x = exchange_new(&e->conf, now_ms);
	MUST(e, e->x != NULL, "exchange_new");
	e->began = now_ms;
	e->peer_at = e->safe_at = e->done_at = e->data_at = 0;
	e->hello = e->peer = e->safe = e->ended = e->failed = false;
	e->no_more = e->want_offer = e->killed = false;
	e->offered = 0;
	e->want.n = 0;
	e->n_store = 0;
	e->sync_at = UINT64_MAX;
	e->restarts = 0;
	e->events = 0;
	e->n_log = 0;
	e->log[0] = '\0';
	for (size_t i = 0; i < e->disk.n_out; i++)
		e->disk.out[i].passed = false;
}

static void sync_parts(struct end *e)
{
	for (size_t i = 0; i < e->disk.n_part; i++)
		e->disk.part[i].synced = e->disk.part[i].have;
	e->sync_at = UINT64_MAX;
}

static void count(struct end *e)
{
	struct exchange_stats st;

	exchange_get_stats(e->x, &st);
	/* sealed and still in the link is not sent */
	if (st.unsent < st.data_out)
		e->wire_data += st.data_out - st.unsent;
	e->again += st.link.again;
}

void end_stop(struct end *e, uint64_t now_ms)
{
	if (e->x == NULL)
		return;
	end_events(e, now_ms);
	if (e->x == NULL)
		return;
	if (e->safe)
		MUST(e, exchange_safe(e->x), "safe and then not");
	count(e);
	if (!e->power_cut)
		sync_parts(e);
	for (size_t i = 0; i < e->disk.n_part; i++)
		e->disk.part[i].have = e->disk.part[i].synced;
	exchange_free(e->x);
	e->x = NULL;
}

void end_kill(struct end *e)
{
	if (e->x == NULL)
		return;
	count(e);
	for (size_t i = 0; i < e->disk.n_part; i++)
		e->disk.part[i].have = e->disk.part[i].synced;
	exchange_free(e->x);
	e->x = NULL;
	e->killed = true;
}

/* --- the process's answers --- */

static void say(struct end *e, const char *what, uint64_t number)
{
	size_t room = sizeof e->log - e->n_log;
	int n = snprintf(e->log + e->n_log, room, "%s %llu;", what,
	    (unsigned long long)number);

	if (n > 0 && (size_t)n < room)
		e->n_log += (size_t)n;
}

static void say_have(struct end *e)
{
	struct message_have h = {0};

	for (size_t i = 0; i < e->disk.n_in; i++)
		if (!h.has_top || e->disk.in[i].number > h.top) {
			h.has_top = true;
			h.top = e->disk.in[i].number;
			h.top_crc = e->disk.in[i].crc;
		}
	for (size_t i = 0; i < e->disk.n_part && h.n < MESSAGE_PARTS_MAX;
	    i++) {
		struct part *p = &e->disk.part[i];

		if (p->synced == 0)
			continue;
		h.part[h.n].number = p->number;
		h.part[h.n].size = p->size;
		h.part[h.n].crc = p->crc;
		h.part[h.n++].offset = p->synced;
	}
	MUST(e, exchange_have(e->x, &h) == 0, "exchange_have");
}

static void make_offers(struct end *e, uint64_t now)
{
	if (!e->want_offer || now < e->peer_at + e->decide_ms)
		return;
	e->want_offer = false;
	for (size_t i = 0; i < e->disk.n_out; i++) {
		struct bundle *b = &e->disk.out[i];

		if (b->gone || b->number <= e->offered)
			continue;
		if (exchange_offer(e->x, b->number, b->size, b->crc) < 0)
			break; /* FIN is out: it came too late */
		e->offered = b->number;
		return;
	}
	/* the other side's FIN may have ended it already */
	e->no_more = true;
	exchange_no_more(e->x);
}

static void give_data(struct end *e)
{
	struct bundle *b = outbox(e, e->want.number);
	size_t n = e->want.n;

	e->want.n = 0;
	MUST(e, b != NULL && e->want.offset + n <= b->size, "asked bytes");
	if (b->unreadable) {
		exchange_unreadable(e->x, b->number);
		b->passed = true;
		return;
	}
	if (e->data_max != 0 && n > e->data_max)
		n = e->data_max;
	exchange_data(e->x, b->number, e->want.offset,
	    b->p + e->want.offset, n);
}

static void got_stored(struct end *e, const struct exchange_event *ev)
{
	struct bundle *b = outbox(e, ev->number);
	struct bundle *there = inbox(e->other, ev->number);

	MUST(e, b != NULL && b->crc == ev->crc, "STORED of another bundle");
	MUST(e, !b->gone, "STORED twice");
	MUST(e, there != NULL && there->crc == b->crc,
	    "STORED and it is not");
	b->gone = true;
}

static void got_bundle(struct end *e, const struct exchange_event *ev)
{
	struct bundle *b = inbox(e, ev->number);
	struct part *p = find_part(e, ev->number);

	MUST(e, ev->offset <= ev->size, "offset");
	if (ev->number == e->pass) {
		exchange_pass(e->x, ev->number);
		return;
	}
	if (b != NULL && b->crc == ev->crc) {
		exchange_stored(e->x, ev->number);
		return;
	}
	MUST(e, b == NULL, "another bundle with a number that is stored");
	if (p != NULL && (p->crc != ev->crc || p->size != ev->size ||
	    ev->offset == 0)) {
		MUST(e, ev->offset == 0, "resumes what is not there");
		drop_part(e, p);
		p = NULL;
	}
	if (p == NULL) {
		MUST(e, e->disk.n_part < PARTS_MAX, "parts");
		p = &e->disk.part[e->disk.n_part++];
		memset(p, 0, sizeof *p);
		p->number = ev->number;
		p->size = ev->size;
		p->crc = ev->crc;
		p->p = malloc(p->size + 1);
	}
	MUST(e, ev->offset <= p->have, "begins behind what is here");
	p->have = ev->offset;
	if (p->synced > p->have)
		p->synced = p->have;
	if (e->damage_part && p->have > 0) {
		p->p[p->have / 2] ^= 1;
		e->damage_part = false;
	}
}

static void got_data(struct end *e, const struct exchange_event *ev,
    uint64_t now)
{
	struct part *p = find_part(e, ev->number);

	MUST(e, p != NULL && ev->offset == p->have &&
	    p->have + ev->n <= p->size, "data elsewhere");
	memcpy(p->p + p->have, ev->p, ev->n);
	p->have += ev->n;
	if (e->sync_at == UINT64_MAX)
		e->sync_at = now + SYNC_MS;
	if (e->data_at == 0)
		e->data_at = now;
}

static void got_end(struct end *e, const struct exchange_event *ev,
    uint64_t now)
{
	MUST(e, e->n_store < EXCHANGE_OFFERS_MAX, "stores");
	MUST(e, !exchange_safe(e->x), "safe before it is stored");
	e->store[e->n_store].number = ev->number;
	e->store[e->n_store++].at = now + e->store_ms;
}

static void got_ask(struct end *e, const struct exchange_event *ev)
{
	struct bundle *b = inbox(e, ev->number);
	struct part *p = find_part(e, ev->number);

	if (b != NULL && b->crc == ev->crc)
		exchange_stored(e->x, ev->number);
	else if (b != NULL || ev->number == e->pass)
		exchange_pass(e->x, ev->number);
	else
		exchange_restart(e->x, ev->number, p != NULL &&
		    p->crc == ev->crc && p->size == ev->size ? p->have : 0);
}

/* fsync, rename, fsync: done. */
static void store(struct end *e, uint64_t number)
{
	struct part *p = find_part(e, number);
	struct bundle *from = outbox(e->other, number);
	struct bundle *b;

	MUST(e, p != NULL && p->have == p->size, "stores a part");
	if ((uint32_t)crc32(0, p->p, (uInt)p->size) != p->crc) {
		MUST(e, e->restarts++ < 2, "a bundle never gets right");
		p->have = p->synced = 0;
		MUST(e, exchange_restart(e->x, number, 0) == 0, "restart");
		return;
	}
	MUST(e, inbox(e, number) == NULL, "a bundle arrives twice");
	MUST(e, from != NULL && from->crc == p->crc && !from->gone,
	    "a bundle that nobody sent");
	b = &e->disk.in[e->disk.n_in++];
	memset(b, 0, sizeof *b);
	b->number = number;
	b->size = p->size;
	b->crc = p->crc;
	drop_part(e, p);
	MUST(e, exchange_stored(e->x, number) == 0 || e->failed ||
	    strcmp(exchange_state(e->x), "failed") == 0, "exchange_stored");
}

/* All that this session offered, and all that came, is on disk. */
static void check_safe(struct end *e)
{
	MUST(e, exchange_safe(e->x) && e->n_store == 0, "said safe");
	for (size_t i = 0; i < e->disk.n_out; i++) {
		struct bundle *b = &e->disk.out[i];
		struct bundle *there = inbox(e->other, b->number);

		if (b->number > e->offered || b->passed)
			continue;
		MUST(e, there != NULL && there->crc == b->crc,
		    "safe, and not all is stored there");
	}
}

static void got_over(struct end *e, const struct exchange_event *ev,
    uint64_t now)
{
	e->ended = true;
	e->done_at = now;
	e->failed = ev->type == EXCHANGE_EV_FAILED;
	if (e->failed)
		e->err = *ev->err;
	else
		MUST(e, exchange_safe(e->x), "done, and not safe");
}

static void handle(struct end *e, const struct exchange_event *ev,
    uint64_t now)
{
	static const char *const names[] = {"HELLO", "PEER", "STORED",
		"PASSED", "WANT_OFFER", "WANT_DATA", "BUNDLE", "ASK", "DATA",
		"BUNDLE_END", "SAFE", "DONE", "FAILED"};
	struct bundle *b;

	MUST(e, !e->ended, "an event after the end");
	MUST(e, e->peer || ev->type <= EXCHANGE_EV_PEER ||
	    ev->type == EXCHANGE_EV_FAILED, "an event before the peer");
	/* What goes out has its own order, bytes come in any pieces. */
	if (ev->type != EXCHANGE_EV_DATA &&
	    ev->type != EXCHANGE_EV_WANT_OFFER &&
	    ev->type != EXCHANGE_EV_WANT_DATA)
		say(e, names[ev->type], ev->number);
	switch (ev->type) {
	case EXCHANGE_EV_HELLO:
		e->hello = true;
		say_have(e);
		break;
	case EXCHANGE_EV_PEER:
		MUST(e, e->hello && !e->peer, "a second peer");
		e->key = ev->key;
		e->peer = true;
		e->peer_at = now;
		snprintf(e->peer_name, sizeof e->peer_name, "%s", ev->peer);
		break;
	case EXCHANGE_EV_STORED:
		got_stored(e, ev);
		break;
	case EXCHANGE_EV_PASSED:
		b = outbox(e, ev->number);
		MUST(e, b != NULL, "PASSED");
		b->passed = true;
		break;
	case EXCHANGE_EV_WANT_OFFER:
		e->want_offer = true;
		make_offers(e, now);
		break;
	case EXCHANGE_EV_WANT_DATA:
		e->want = *ev;
		e->want_at = now + e->data_ms;
		if (e->data_ms == 0)
			give_data(e);
		break;
	case EXCHANGE_EV_BUNDLE:
		got_bundle(e, ev);
		break;
	case EXCHANGE_EV_ASK:
		got_ask(e, ev);
		break;
	case EXCHANGE_EV_DATA:
		got_data(e, ev, now);
		break;
	case EXCHANGE_EV_BUNDLE_END:
		got_end(e, ev, now);
		break;
	case EXCHANGE_EV_SAFE:
		e->safe = true;
		e->safe_at = now;
		check_safe(e);
		break;
	case EXCHANGE_EV_DONE:
	case EXCHANGE_EV_FAILED:
		got_over(e, ev, now);
		break;
	}
}

/* A bundle becomes ready during the call: it joins, unless FIN is out. */
static void come_late(struct end *e)
{
	struct bundle *last = e->disk.n_out == 0 ? NULL :
	    &e->disk.out[e->disk.n_out - 1];
	uint64_t number = last == NULL ? 1 : last->number + 1;

	e->late_at = 0;
	end_add(e, number, e->late_size, number);
	last = &e->disk.out[e->disk.n_out - 1];
	if (!e->no_more || e->ended ||
	    exchange_offer(e->x, number, last->size, last->crc) < 0)
		return;
	e->offered = number;
	e->no_more = false;
}

static void do_due(struct end *e, uint64_t now)
{
	if (e->late_at != 0 && now >= e->late_at)
		come_late(e);
	if (e->peer && !e->ended)
		make_offers(e, now);
	if (e->want.n != 0 && now >= e->want_at && !e->ended)
		give_data(e);
	if (now >= e->sync_at)
		sync_parts(e);
	for (size_t i = 0; i < e->n_store;) {
		uint64_t number = e->store[i].number;

		if (now < e->store[i].at) {
			i++;
			continue;
		}
		e->store[i] = e->store[--e->n_store];
		store(e, number);
	}
}

void end_events(struct end *e, uint64_t now_ms)
{
	struct exchange_event ev;

	do {
		while (e->x != NULL && exchange_event(e->x, &ev)) {
			handle(e, &ev, now_ms);
			if (++e->events == e->kill_at)
				end_kill(e);
		}
		if (e->x == NULL)
			return;
		do_due(e, now_ms);
	} while (exchange_event(e->x, &ev) && (handle(e, &ev, now_ms), 1));
	if (e->safe && !e->failed)
		MUST(e, exchange_safe(e->x), "safe and then not");
}

uint64_t end_deadline(const struct end *e)
{
	uint64_t at = exchange_deadline(e->x);

	if (e->ended)
		return UINT64_MAX;
	if (e->sync_at < at)
		at = e->sync_at;
	if (e->late_at != 0 && e->late_at < at)
		at = e->late_at;
	if (e->want.n != 0 && e->want_at < at)
		at = e->want_at;
	if (e->want_offer && e->peer_at + e->decide_ms < at)
		at = e->peer_at + e->decide_ms;
	for (size_t i = 0; i < e->n_store; i++)
		if (e->store[i].at < at)
			at = e->store[i].at;
	return at;
}

/* --- the line --- */

static double chance(struct wire *w)
{
	return (double)(sim_random(&w->rng) >> 11) / 9007199254740992.0;
}

static bool noisy(const struct wire *w)
{
	return w->now < w->clean_at &&
	    (w->drop > 0 || w->twice > 0 || w->insert > 0 || w->flow > 0);
}

/* What the bytes become on the way; out has room for 4 * n. */
static size_t damage(struct wire *w, const uint8_t *p, size_t n, uint8_t *out)
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		if (chance(w) < w->flow)
			out[m++] = sim_random(&w->rng) & 1 ? 0x11 : 0x13;
		if (chance(w) < w->insert)
			out[m++] = (uint8_t)sim_random(&w->rng);
		if (chance(w) < w->drop)
			continue;
		out[m++] = p[i];
		if (chance(w) < w->twice)
			out[m++] = p[i];
	}
	return m;
}

static void carry(struct wire *w, int d)
{
	struct end *to = w->end[1 - d];
	const uint8_t *p;
	size_t n;

	while (!w->cut && (n = sim_line_due(w->l, (enum sim_dir)d, w->now,
	    &p)) > 0) {
		uint8_t b[4 * 1024];
		bool dead = w->now >= w->dead_from[d] &&
		    w->now < w->dead_until[d];

		if (n > 1024)
			n = 1024;
		if (w->cut_at != 0 && w->carried + n >= w->cut_at) {
			n = w->cut_at - w->carried;
			w->cut = true;
		}
		w->carried += n;
		if (to->x != NULL && !to->ended && !dead && n > 0) {
			size_t m = n;

			if (noisy(w))
				m = damage(w, p, n, b);
			else
				memcpy(b, p, n);
			exchange_feed(to->x, b, m, w->now / SIM_MS);
			end_events(to, w->now / SIM_MS);
		}
		sim_line_take(w->l, (enum sim_dir)d, n);
	}
}

static void put(struct wire *w, int d)
{
	struct end *e = w->end[d];
	uint64_t ms = w->now / SIM_MS;
	const uint8_t *p;
	size_t n, room;

	while (e->x != NULL &&
	    (room = sim_line_room(w->l, (enum sim_dir)d, w->now)) > 0 &&
	    (n = exchange_out(e->x, &p, ms)) > 0) {
		n = sim_line_put(w->l, (enum sim_dir)d, p,
		    n < room ? n : room, w->now);
		exchange_sent(e->x, n, ms);
		end_events(e, ms);
	}
}

static uint64_t next_time(struct wire *w)
{
	uint64_t at = SIM_NEVER;

	for (int d = 0; d < 2; d++) {
		uint64_t t = sim_line_next(w->l, (enum sim_dir)d);
		struct end *e = w->end[d];
		const uint8_t *p;

		if (t < at)
			at = t;
		if (e->x == NULL || e->ended)
			continue;
		t = end_deadline(e);
		if (t != UINT64_MAX && t * SIM_MS < at)
			at = t * SIM_MS;
		if (exchange_out(e->x, &p, w->now / SIM_MS) > 0) {
			t = sim_line_room_at(w->l, (enum sim_dir)d, 1,
			    w->now);
			if (t < at)
				at = t;
		}
	}
	return at;
}

/* An end that is over hangs up, once its bytes have arrived. */
static bool hung_up(const struct wire *w)
{
	if (w->keep)
		return w->end[0]->ended && w->end[1]->ended;
	for (int d = 0; d < 2; d++) {
		struct end *e = w->end[d];

		if (e->x == NULL)
			return true;
		if (e->ended &&
		    sim_line_pending(w->l, (enum sim_dir)d) == 0)
			return true;
	}
	return false;
}

static void step(struct wire *w)
{
	for (int d = 0; d < 2; d++) {
		struct end *e = w->end[d];
		uint64_t ms = w->now / SIM_MS;

		if (e->x == NULL)
			continue;
		if (!e->ended && exchange_deadline(e->x) <= ms)
			exchange_tick(e->x, ms);
		end_events(e, ms);
		put(w, d);
	}
	carry(w, 0);
	carry(w, 1);
	put(w, 0);
	put(w, 1);
}

bool wire_run(struct wire *w, uint64_t until)
{
	w->cut = false;
	w->carried = 0;
	for (;;) {
		uint64_t at;

		w->steps++;
		step(w);
		if (w->cut || hung_up(w))
			break;
		at = next_time(w);
		if (at == SIM_NEVER || at > until)
			return false;
		/* deadlines are in ms: round up */
		at = (at + SIM_MS - 1) / SIM_MS * SIM_MS;
		w->now = at > w->now + w->step ? at : w->now + w->step;
	}
	sim_line_cut(w->l);
	end_stop(w->end[0], w->now / SIM_MS);
	end_stop(w->end[1], w->now / SIM_MS);
	return true;
}
