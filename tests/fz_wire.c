/* Fuzzing the frame reader and the link above it: the input is a script of
 * what comes from the line and what its user does.  Also linked into t_link,
 * which feeds it random scripts; scripts/fuzz makes the libFuzzer target.
 * Raw bytes alone would rarely get past the CRCs, so a step can also be a
 * well-made frame with hostile contents. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modem/link.h"
#include "modem/stuff.h"
#include "modem/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(c) do { if (!(c)) { \
	fprintf(stderr, "fz_wire: %s does not hold\n", #c); abort(); \
} } while (0)

struct fuzz {
	struct link *l;
	const uint8_t *p;
	size_t n;
	uint64_t now;
	uint8_t mask;
	uint64_t taken, put;
	uint16_t seq;
};

static uint8_t byte(struct fuzz *f)
{
	if (f->n == 0)
		return 0;
	f->n--;
	return *f->p++;
}

static uint32_t word(struct fuzz *f)
{
	return (uint32_t)byte(f) << 8 | byte(f);
}

static void feed(struct fuzz *f, const uint8_t *p, size_t n)
{
	static uint8_t buf[2 * WIRE_FRAME_MAX];

	n = stuff_encode(f->mask, p, n, buf);
	link_feed(f->l, buf, n, f->now);
}

/* Take what goes out: all, or little of it at a time.  At one moment it comes
 * to an end. */
static void drain(struct fuzz *f, bool slow)
{
	const uint8_t *p;
	size_t n;

	for (int i = 0;; i++) {
		MUST(i < 2000); /* it would write for ever */
		if (link_deadline(f->l) <= f->now)
			link_tick(f->l, f->now);
		n = link_out(f->l, &p, f->now);
		if (n == 0)
			return;
		if (slow && n > 10)
			n = 10;
		link_sent(f->l, n, f->now);
		if (slow && i > 3)
			return;
	}
}

/* An ack block: near the truth, or anything. */
static void make_ack(struct fuzz *f, struct wire_ack *a)
{
	uint8_t how = byte(f);
	struct link_stats s;

	link_get_stats(f->l, &s);
	a->opened = (uint32_t)(s.stream_out - (how & 1 ? word(f) : 0)) &
	    WIRE_OFF_MASK;
	a->last_seq = (how & 2 ? word(f) : byte(f)) & WIRE_SEQ_MASK;
	a->stamp = (uint16_t)(how & 4 ? word(f) : f->now / 4);
	a->unopened = how & 8;
	a->n = how >> 4;
	for (size_t i = 0; i < a->n; i++) {
		a->gap[i].off = (a->opened + word(f)) & WIRE_OFF_MASK;
		a->gap[i].n = (uint16_t)(word(f) & 0xFFF);
	}
}

/* A data frame: the next one, or anything. */
static size_t make_data(struct fuzz *f, uint8_t *out)
{
	static const uint8_t zero[WIRE_DATA_MAX];
	uint8_t how = byte(f);
	struct wire_ack a, *ack = NULL;
	uint32_t off = (uint32_t)f->taken + (how & 1 ? word(f) : 0);
	size_t n = how & 2 ? word(f) % 2000 : byte(f);
	struct wire_long w;
	size_t o;

	if (how & 4) {
		make_ack(f, &a);
		ack = &a;
	}
	f->seq = (uint16_t)(how & 8 ? word(f) : f->seq + 1u) & WIRE_SEQ_MASK;
	off = (off - (how & 16 ? byte(f) : 0)) & WIRE_OFF_MASK;
	if (!(how & 32))
		return wire_short(out, f->seq, off, ack, zero, n);
	o = wire_long_begin(&w, out, 1, f->seq, off, ack);
	while (n >= 128) {
		o += wire_long_chunk(&w, out + o, zero, 128, false);
		n -= 128;
	}
	return o + wire_long_chunk(&w, out + o, zero, n, true);
}

static size_t make_control(struct fuzz *f, uint8_t *out)
{
	uint8_t body[WIRE_ACK_MAX + 4], how = byte(f);
	struct wire_ack a;
	size_t n = 0;

	if (how % 3 == 0) {
		make_ack(f, &a);
		n = wire_ack_write(body, &a);
		for (int i = 0; i < (how >> 2) % 3; i++)
			body[n++] = byte(f);
		return wire_control(out, WIRE_ACK, body, n);
	}
	for (int i = 0; i < (how >> 2) % 7; i++)
		body[n++] = byte(f);
	return wire_control(out, (enum wire_kind)(WIRE_PROBE + how / 3 % 4),
	    body, n);
}

static void use(struct fuzz *f, uint8_t op)
{
	static const uint8_t zero[8192];
	const uint8_t *p;
	size_t n = link_peek(f->l, &p), take = word(f);

	MUST(n <= LINK_WINDOW);
	for (size_t i = 0; i < n; i += 97)
		MUST(p[i] == p[i]); /* readable */
	if (take > n)
		take = n;
	if (op & 8) {
		link_reject(f->l, take);
	} else {
		link_take(f->l, take);
		f->taken += take;
	}
	n = link_wants(f->l);
	MUST(n <= LINK_WINDOW - link_unacked(f->l));
	if (op & 16)
		link_put(f->l, zero, n < sizeof zero ? n : sizeof zero);
	if (op & 32)
		link_probe(f->l);
}

static void step(struct fuzz *f)
{
	static uint8_t buf[WIRE_FRAME_MAX];
	uint8_t op = byte(f);
	size_t n = 0;

	switch (op % 8) {
	case 0:
		for (n = 0; n < op / 4u && f->n > 0; n++)
			buf[n] = byte(f);
		link_feed(f->l, buf, n, f->now);
		break;
	case 1:
	case 2:
	case 3:
		n = make_data(f, buf);
		if (op & 64 && n > 0)
			buf[word(f) % n] ^= (uint8_t)(1u << op % 8);
		feed(f, buf, n);
		break;
	case 4:
	case 5:
		feed(f, buf, make_control(f, buf));
		break;
	case 6:
		f->now += op * (op & 128 ? 100u : 1u);
		break;
	case 7:
		use(f, op);
		break;
	}
	drain(f, op & 128);
	MUST(link_unacked(f->l) <= LINK_WINDOW);
}

/* The reader alone: what it gives lies inside of what it was fed. */
static void read_alone(const uint8_t *p, size_t n)
{
	static struct wire_reader r;
	struct wire_frame f;
	size_t fed = n, frames = 0;

	wire_reader_init(&r);
	while (n > 0) {
		size_t room;
		uint8_t *to = wire_reader_room(&r, &room);

		MUST(room > 0);
		room = room < n ? room : n;
		memcpy(to, p, room);
		wire_reader_add(&r, room);
		p += room;
		n -= room;
		while (wire_next(&r, &f)) {
			frames += f.size;
			MUST(f.n <= WIRE_DATA_MAX && f.ack.n <= WIRE_GAPS_MAX);
			MUST(f.p >= r.buf && f.p + f.n <= r.buf + r.n);
		}
	}
	wire_reader_flush(&r);
	while (wire_next(&r, &f))
		frames += f.size;
	MUST(frames + r.junk == fed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {.p = data, .n = size, .now = 1000, .seq = 0xFFF};
	struct link_conf c = {.silence_ms = 5000};
	uint8_t how = byte(&f);

	read_alone(data, size);
	c.caller = how & 1;
	c.half = how & 2;
	c.break_plus = how & 4;
	f.mask = c.mask_in = c.mask_out = how & 8 ? STUFF_HELLO : 0;
	c.rate = how & 16 ? 3360 : 0;
	c.rtt_ms = how & 32 ? 200 : 0;
	c.rate_max = how & 64 ? 11520 : 0;
	f.l = link_new(&c, f.now);
	MUST(f.l != NULL);
	drain(&f, false);
	while (f.n > 0)
		step(&f);
	/* Left alone it notices, and does not write for ever. */
	for (int i = 0; i < 20000 && !link_dead(f.l); i++) {
		uint64_t at = link_deadline(f.l);

		MUST(at != UINT64_MAX);
		f.now = at > f.now ? at : f.now + 1;
		link_tick(f.l, f.now);
		drain(&f, false);
	}
	MUST(link_dead(f.l));
	link_free(f.l);
	return 0;
}
