/* See zmodem_ends.h. */
#include "zmodem_ends.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void end_init(struct end *e, const struct zm_conf *c, enum zm_side side)
{
	memset(e, 0, sizeof *e);
	e->stored_at = UINT64_MAX;
	e->z = zm_new(c, side, 0);
}

void end_add(struct end *e, const char *name, size_t n, unsigned seed)
{
	struct end_file *f = &e->send[e->n_send++];

	snprintf(f->name, sizeof f->name, "%s", name);
	f->p = malloc(n + 1);
	f->n = n;
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1103515245u + 12345u;
		f->p[i] = (uint8_t)(seed >> 16);
	}
}

void end_free(struct end *e)
{
	for (int i = 0; i < END_FILES; i++) {
		free(e->send[i].p);
		free(e->got[i].p);
	}
	zm_free(e->z);
}

static void note(struct end *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void note(struct end *e, const char *fmt, ...)
{
	va_list ap;
	size_t room = sizeof e->log - e->log_n;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(e->log + e->log_n, room, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < room)
		e->log_n += (size_t)n;
}

static void decide(struct end *e, uint64_t now)
{
	struct end_file *f = &e->send[e->next_send];

	if (!e->asked || now < e->decide_at)
		return;
	e->asked = false;
	if (e->next_send == e->n_send)
		zm_no_more(e->z);
	else
		zm_offer(e->z, f->name, f->n, 1700000000,
		    (uint32_t)e->next_send++);
}

static void offered(struct end *e, const struct zm_event *ev)
{
	struct end_file *f = &e->got[e->n_got];

	note(e, "offered %s %llu\n", ev->name, (unsigned long long)ev->size);
	if (e->skips || e->n_got == END_FILES) {
		zm_skip(e->z);
		return;
	}
	snprintf(f->name, sizeof f->name, "%s", ev->name);
	free(f->p);
	f->p = calloc(1, ev->size == ZM_NO_SIZE ? 1 : (size_t)ev->size + 1);
	f->n = 0;
	if (e->same)
		zm_accept_same(e->z, e->accept_at, e->part_crc);
	else
		zm_accept(e->z, e->accept_at);
}

/* Data is compared file by file at the end; here only its place counts. */
static void got_data(struct end *e, const struct zm_event *ev)
{
	struct end_file *f = &e->got[e->n_got];

	if (ev->off == 0 && e->accept_at != 0)
		e->restarted = true;
	memcpy(f->p + ev->off, ev->p, ev->n);
	f->n = (size_t)ev->off + ev->n;
}

static void store(struct end *e, uint64_t now)
{
	struct end_file *f = &e->got[e->n_got];

	if (now < e->stored_at)
		return;
	e->stored_at = UINT64_MAX;
	f->done = !e->store_fails;
	e->n_got++;
	note(e, "end %zu\n", f->n);
	zm_stored(e->z, !e->store_fails);
}

static void handle(struct end *e, const struct zm_event *ev, uint64_t now)
{
	struct end_file *f;

	switch (ev->type) {
	case ZM_EV_PEER:
		snprintf(e->peer, sizeof e->peer, "%s",
		    ev->name == NULL ? "-" : ev->name);
		note(e, "peer %s\n", e->peer);
		break;
	case ZM_EV_WANT_FILE:
		e->asked = true;
		break;
	case ZM_EV_WANT_DATA:
		f = &e->send[ev->number];
		zm_data(e->z, ev->off, f->p + ev->off, ev->n);
		break;
	case ZM_EV_FILE_SENT:
		e->send[ev->number].done = ev->acknowledged;
		note(e, "sent %u %d\n", ev->number, ev->acknowledged);
		break;
	case ZM_EV_FILE_OFFERED:
		offered(e, ev);
		break;
	case ZM_EV_FILE_REFUSED:
		note(e, "refused %s\n", ev->name);
		break;
	case ZM_EV_GOT_DATA:
		got_data(e, ev);
		break;
	case ZM_EV_FILE_END:
		e->got[e->n_got].n = (size_t)ev->size;
		e->stored_at = now + e->store_ms;
		break;
	case ZM_EV_FILE_CUT:
		e->cuts++;
		break;
	case ZM_EV_SAFE:
		e->safe = true;
		note(e, "safe\n");
		break;
	case ZM_EV_FAILED:
		e->failed = true;
		e->err = *ev->err;
		/* fall through */
	case ZM_EV_DONE:
		e->ended = true;
		note(e, e->failed ? "failed\n" : "done\n");
		break;
	}
}

void end_events(struct end *e, uint64_t now)
{
	struct zm_event ev;

	decide(e, now);
	store(e, now);
	while (zm_event(e->z, &ev)) {
		handle(e, &ev, now);
		decide(e, now);
		store(e, now);
	}
}

/* --- the line --- */

void line_init(struct line *l)
{
	memset(l, 0, sizeof *l);
	l->step = 4096;
}

void line_free(struct line *l)
{
	free(l->to[0].p);
	free(l->to[1].p);
}

static unsigned rnd(struct line *l)
{
	l->random = l->random * 1664525u + 1013904223u;
	return l->random >> 8;
}

static bool happens(struct line *l, unsigned per_million)
{
	return per_million != 0 && l->passed < l->bad_bytes &&
	    rnd(l) % 1000000u < per_million;
}

static void add(struct flight *t, uint8_t c)
{
	if (t->n == t->cap) {
		t->cap = t->cap * 2 + 4096;
		t->p = realloc(t->p, t->cap);
	}
	t->p[t->n++] = c;
}

/* Take what e has to send onto the line.  Returns whether there was any. */
static bool take(struct end *e, struct line *l, struct flight *t, uint64_t now)
{
	const uint8_t *p;
	size_t n = zm_out(e->z, &p);

	if (n > l->step)
		n = l->step;
	if (n > 0 && t->at == t->n)
		t->due = now + l->delay_ms;
	for (size_t i = 0; i < n; i++, l->passed++) {
		if (l->cut_after != 0 && l->passed >= l->cut_after)
			continue;
		if (happens(l, l->insert))
			add(t, (uint8_t)rnd(l));
		if (happens(l, l->drop))
			continue;
		add(t, p[i]);
		if (happens(l, l->flip))
			t->p[t->n - 1] ^= (uint8_t)(1u << rnd(l) % 8);
	}
	zm_sent(e->z, n, now);
	return n > 0;
}

static bool give(struct end *e, struct line *l, struct flight *t, uint64_t now)
{
	size_t n = t->n - t->at;

	if (n > l->step)
		n = l->step;
	if (n == 0 || now < t->due)
		return false;
	t->at += zm_feed(e->z, t->p + t->at, n, now);
	if (t->at == t->n)
		t->at = t->n = 0;
	return true;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t end_deadline(const struct end *e, uint64_t now)
{
	uint64_t at = earlier(zm_deadline(e->z), e->stored_at);

	return e->asked && e->decide_at > now ? earlier(at, e->decide_at) : at;
}

uint64_t ends_run(struct end *a, struct end *b, struct line *l, uint64_t until)
{
	uint64_t now = 0;

	while (now <= until) {
		bool moved = false;

		end_events(a, now);
		end_events(b, now);
		moved |= take(a, l, &l->to[1], now);
		moved |= take(b, l, &l->to[0], now);
		moved |= give(a, l, &l->to[0], now);
		moved |= give(b, l, &l->to[1], now);
		end_events(a, now);
		end_events(b, now);
		if (a->ended && b->ended)
			break;
		if (!moved) {
			uint64_t at = earlier(end_deadline(a, now),
			    end_deadline(b, now));

			for (int i = 0; i < 2; i++)
				if (l->to[i].at < l->to[i].n)
					at = earlier(at, l->to[i].due);
			now = at > now ? at : now + 1;
			zm_tick(a->z, now);
			zm_tick(b->z, now);
		}
	}
	return now;
}

bool ends_same(const struct end *from, const struct end *to)
{
	int k = 0;

	for (int i = 0; i < from->n_send; i++) {
		const struct end_file *f = &from->send[i];

		if (!f->done)
			return false;
		while (k < to->n_got && (strcmp(to->got[k].name, f->name) ||
		    !to->got[k].done))
			k++;
		if (k == to->n_got || to->got[k].n != f->n ||
		    memcmp(to->got[k].p, f->p, f->n) != 0)
			return false;
	}
	return true;
}
