/* See exchange_hand.h. */
#include "exchange_hand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUR_NAME "hand"
#define ITS_NAME "site"

static const uint8_t psk[32] = {1, 2, 3};

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "exchange_hand: %s\n", what);
	abort();
}

/* --- the handshake --- */

static size_t prologue(const uint8_t fixed[4], bool x_calls, uint8_t *out)
{
	memcpy(out, "dialsync", 9);
	memcpy(out + 9, fixed, 4);
	memcpy(out + 13, x_calls ? ITS_NAME : OUR_NAME, 5);
	memcpy(out + 18, x_calls ? OUR_NAME : ITS_NAME, 5);
	return 23;
}

static void our_hello(struct hello *o, enum record_security s, unsigned flags)
{
	memset(o, 0, sizeof *o);
	o->fixed[0] = HELLO_VERSION;
	o->fixed[1] = (uint8_t)((unsigned)s << 1 | flags);
	if (s != RECORD_ENCRYPT)
		memcpy(o->name, OUR_NAME, sizeof OUR_NAME);
	hello_set_length(o);
}

static void feed_hello(struct hand *h, struct hello *o)
{
	uint8_t b[HELLO_WIRE_MAX];

	exchange_feed(h->x, b, hello_write(o, b), h->now);
}

/* What x says now is a hello. */
static void read_hello(struct hand *h, struct hello *got)
{
	struct hello_reader r;
	const uint8_t *p;
	size_t n = exchange_out(h->x, &p, h->now);
	bool whole = false;

	hello_reader_init(&r);
	for (size_t i = 0; i < n; i++)
		whole = hello_feed(&r, p[i], got) == HELLO_WHOLE || whole;
	need(whole, "no hello came");
	exchange_sent(h->x, n, h->now);
}

static void begin(struct hand *h, enum record_security s, bool x_calls,
    const struct noise *noise, const struct hello *answer)
{
	struct link_conf c = {.caller = !x_calls,
	    .break_plus = s != RECORD_ENCRYPT, .rate = 100000,
	    .silence_ms = 60000};
	uint8_t out[32] = {0}, in[32] = {0};

	if (s != RECORD_NONE)
		noise_split(noise, out, in);
	record_init(&h->out, s, out, answer->fixed);
	record_init(&h->in, s, in, answer->fixed);
	h->l = link_new(&c, h->now);
	need(h->l != NULL, "link_new");
}

static void answer_it(struct hand *h, enum record_security s,
    const struct message_have *have)
{
	uint8_t b[64], seed[32] = {5};
	struct exchange_event ev;
	struct hello theirs, o;
	struct noise noise;

	read_hello(h, &theirs);
	our_hello(&o, s, HELLO_ANSWERER);
	if (s != RECORD_NONE) {
		noise_init(&noise, false, psk, b, prologue(theirs.fixed,
		    true, b), seed);
		need(noise_read(&noise, theirs.noise, NOISE_MESSAGE, NULL)
		    == 0, "its hello does not open");
		noise_write(&noise, NULL, 0, o.noise);
	}
	feed_hello(h, &o);
	need(exchange_event(h->x, &ev) && ev.type == EXCHANGE_EV_HELLO,
	    "no HELLO");
	need(exchange_have(h->x, have) == 0, "exchange_have");
	begin(h, s, true, &noise, &o);
}

static void call_it(struct hand *h, enum record_security s,
    const struct message_have *have)
{
	uint8_t b[64], seed[32] = {5};
	struct exchange_event ev;
	struct hello theirs, o;
	struct noise noise;

	our_hello(&o, s, 0);
	if (s != RECORD_NONE) {
		noise_init(&noise, true, psk, b, prologue(o.fixed, false, b),
		    seed);
		noise_write(&noise, NULL, 0, o.noise);
	}
	feed_hello(h, &o);
	need(exchange_event(h->x, &ev) && ev.type == EXCHANGE_EV_HELLO,
	    "no HELLO");
	need(exchange_have(h->x, have) == 0, "exchange_have");
	read_hello(h, &theirs);
	if (s != RECORD_NONE)
		need(noise_read(&noise, theirs.noise, NOISE_MESSAGE, NULL)
		    == 0, "its answer does not open");
	begin(h, s, false, &noise, &theirs);
}

void hand_start(struct hand *h, bool x_calls, enum record_security s,
    const struct message_have *have)
{
	struct exchange_peer peer = {.name = OUR_NAME, .security = s,
	    .n_psk = s == RECORD_NONE ? 0 : 1};
	struct exchange_conf c = {.caller = x_calls, .site = ITS_NAME,
	    .peers = &peer, .n_peers = 1, .seed = {9}, .rate = 100000};

	memcpy(peer.psk[0], psk, 32);
	memset(h, 0, sizeof *h);
	h->now = 1000;
	h->x = exchange_new(&c, h->now);
	need(h->x != NULL, "exchange_new");
	if (x_calls)
		answer_it(h, s, have);
	else
		call_it(h, s, have);
}

void hand_free(struct hand *h)
{
	exchange_free(h->x);
	link_free(h->l);
}

/* --- records --- */

void hand_say(struct hand *h, const uint8_t *p, size_t n, bool bad)
{
	uint8_t sealed[RECORD_MAX];

	n = record_seal(&h->out, p, n, sealed);
	if (bad)
		sealed[n - 1] ^= 1;
	if (link_unacked(h->l) + n <= LINK_WINDOW)
		link_put(h->l, sealed, n);
}

static void note(char *log, size_t *n, const char *what, uint64_t number)
{
	size_t room = HAND_LOG - *n;
	int w = number == 0 ? snprintf(log + *n, room, "%s ", what) :
	    snprintf(log + *n, room, "%s%llu ", what,
	    (unsigned long long)number);

	if (w > 0 && (size_t)w < room)
		*n += (size_t)w;
}

static void hear_record(struct hand *h, const uint8_t *p, size_t n)
{
	static const char *const names[] = {"PAD", "HAVE", "BUNDLE", "DATA",
		"DATA", "STORED", "ASK", "WANT", "END", "FIN", "BYE",
		"PASS"};
	const char *why;
	struct message m;
	size_t at = 0;
	int got;

	while ((got = message_read(p, n, &at, &m, &why)) == 1)
		note(h->heard, &h->n_heard, names[m.type],
		    m.type == MESSAGE_BYE ? m.reason : m.number);
	need(got == 0, "it sends what cannot be read");
}

static void hear(struct hand *h)
{
	uint8_t plain[RECORD_DATA_MAX];
	size_t have, want, n;
	const uint8_t *p;

	while (!h->deaf) {
		have = link_peek(h->l, &p);
		switch (record_open(&h->in, p, have, &want, plain, &n)) {
		case RECORD_MORE:
			return;
		case RECORD_BAD:
			need(false, "its record does not open");
			return;
		case RECORD_OPENED:
			link_take(h->l, want);
			hear_record(h, plain, n);
		}
	}
}

static void see(struct hand *h, const struct exchange_event *ev)
{
	static const char *const names[] = {"HELLO", "PEER", "STORED",
		"PASSED", "OFFER?", "DATA?", "BUNDLE", "ASK", "DATA",
		"WHOLE", "SAFE", "DONE", "FAILED"};

	need(!h->over, "an event after the end");
	note(h->events, &h->n_events, names[ev->type], ev->number);
	if (ev->type == EXCHANGE_EV_WANT_DATA)
		h->want = *ev;
	h->done = ev->type == EXCHANGE_EV_DONE;
	h->over = h->done || ev->type == EXCHANGE_EV_FAILED;
	if (h->over && !h->done)
		h->err = *ev->err;
	if (h->tell != NULL)
		h->tell(h->ctx, ev);
}

void hand_drain(struct hand *h)
{
	struct exchange_event ev;

	while (exchange_event(h->x, &ev))
		see(h, &ev);
}

void hand_move(struct hand *h, uint64_t ms)
{
	uint64_t until = h->now + ms;
	const uint8_t *p;
	size_t n;

	for (; h->now <= until && !h->over; h->now += 20) {
		link_tick(h->l, h->now);
		exchange_tick(h->x, h->now);
		hand_drain(h);
		while ((n = exchange_out(h->x, &p, h->now)) > 0) {
			link_feed(h->l, p, n, h->now);
			exchange_sent(h->x, n, h->now);
			hand_drain(h);
		}
		hear(h);
		while ((n = link_out(h->l, &p, h->now)) > 0) {
			exchange_feed(h->x, p, n, h->now);
			link_sent(h->l, n, h->now);
			hand_drain(h);
		}
	}
}

/* --- scripts ---
 * Words, parted by blanks.  Capital letters are messages of ours, each in a
 * record of its own; small ones are answers of x's process.  Every bundle has
 * 3 bytes and crc 0.
 *	H       HAVE            B1 BUNDLE from 0   b1 BUNDLE from 1
 *	D2      DATA, 2 bytes   E1 END    F FIN    S1 STORED   P1 PASS
 *	A1      ASK             W1 WANT   V1 WANT from 4   Y1 BYE
 *	M       65 times ASK    ? type 99          X a record that is forged
 *	o1      exchange_offer  n exchange_no_more d exchange_data (all)
 *	s1 p1 r1 u1  exchange_stored, _pass, _restart (0), _unreadable
 *	q       exchange_stop */

static void say_message(struct hand *h, const struct message *m)
{
	uint8_t b[MESSAGE_HAVE_MAX + 8] = {0};
	size_t n = message_write(m, b);

	hand_say(h, b, n + (m->type == MESSAGE_DATA ? m->n : 0), false);
}

static bool play_message(struct hand *h, char c, uint64_t n)
{
	static const struct {
		char c;
		enum message_type type;
	} words[] = {{'H', MESSAGE_HAVE}, {'B', MESSAGE_BUNDLE},
	    {'b', MESSAGE_BUNDLE}, {'D', MESSAGE_DATA}, {'E', MESSAGE_END},
	    {'F', MESSAGE_FIN}, {'S', MESSAGE_STORED}, {'P', MESSAGE_PASS},
	    {'A', MESSAGE_ASK}, {'W', MESSAGE_WANT}, {'V', MESSAGE_WANT},
	    {'Y', MESSAGE_BYE}};
	struct message m = {.number = n, .size = 3, .count = 1,
	    .reason = (unsigned)n, .n = (size_t)n,
	    .offset = c == 'b' ? 1 : c == 'V' ? 4 : 0};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (words[i].c != c)
			continue;
		m.type = words[i].type;
		say_message(h, &m);
		return true;
	}
	return false;
}

static void play_answer(struct hand *h, char c, uint64_t n)
{
	static const uint8_t zero[RECORD_DATA_MAX];
	static const uint8_t later[] = {99};

	switch (c) {
	case 'M':
		for (n = 1; n <= EXCHANGE_OFFERS_MAX + 1; n++)
			play_message(h, 'A', n);
		break;
	case '?':
	case 'X':
		hand_say(h, later, 1, c == 'X');
		break;
	case 'o':
		exchange_offer(h->x, n, 3, 0);
		break;
	case 'n':
		exchange_no_more(h->x);
		break;
	case 'd':
		need(h->want.n > 0, "no bytes are wanted");
		exchange_data(h->x, h->want.number, h->want.offset, zero,
		    h->want.n);
		h->want.n = 0;
		break;
	case 's':
		exchange_stored(h->x, n);
		break;
	case 'p':
		exchange_pass(h->x, n);
		break;
	case 'r':
		exchange_restart(h->x, n, 0);
		break;
	case 'u':
		exchange_unreadable(h->x, n);
		break;
	case 'q':
		exchange_stop(h->x, 2, ERR_AGAIN, "interrupted");
		break;
	default:
		need(false, "no such word");
	}
}

void hand_play(struct hand *h, const char *script)
{
	for (const char *p = script; *p != '\0'; p++) {
		char c = *p;
		char *end;
		uint64_t n;

		if (c == ' ')
			continue;
		n = strtoull(p + 1, &end, 10);
		if (!play_message(h, c, n))
			play_answer(h, c, n);
		p = end - 1;
		hand_move(h, 400);
	}
	hand_move(h, 1500);
}
