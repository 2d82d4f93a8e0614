/* Fuzzing a whole session, from either side, before and after the handshake.
 * The input is a script of what the line, the other side and the process do.
 * Random bytes would never get past a tag, so the other side is worked by
 * hand (exchange_hand.h): what the fuzzer writes is sealed in good records. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "exchange_hand.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BUNDLES 8

static struct fuzz {
	struct hand h;
	const uint8_t *p;
	size_t n;
	uint64_t last;     /* the highest number offered */
	bool open;         /* a bundle comes in */
	uint64_t number, at, size;
	bool peer, safe;
} f;

#define MUST(c) do { if (!(c)) { \
	fprintf(stderr, "fz_exchange: %s does not hold\n", #c); abort(); \
} } while (0)

static uint8_t byte(void)
{
	if (f.n == 0)
		return 0;
	f.n--;
	return *f.p++;
}

/* What x tells its process must hang together. */
static void tell(void *ctx, const struct exchange_event *ev)
{
	(void)ctx;
	f.h.n_events = f.h.n_heard = 0; /* no log */
	MUST(f.peer || ev->type == EXCHANGE_EV_PEER ||
	    ev->type == EXCHANGE_EV_HELLO || ev->type == EXCHANGE_EV_FAILED);
	switch (ev->type) {
	case EXCHANGE_EV_HELLO: {
		struct message_have none = {0};

		exchange_have(f.h.x, &none);
		break;
	}
	case EXCHANGE_EV_PEER:
		MUST(!f.peer);
		f.peer = true;
		break;
	case EXCHANGE_EV_BUNDLE:
		MUST(ev->offset <= ev->size && ev->number > 0);
		f.open = true;
		f.number = ev->number;
		f.at = ev->offset;
		f.size = ev->size;
		break;
	case EXCHANGE_EV_DATA:
		MUST(f.open && ev->number == f.number &&
		    ev->offset == f.at && ev->n > 0 &&
		    ev->n <= f.size - f.at);
		f.at += ev->n;
		break;
	case EXCHANGE_EV_BUNDLE_END:
		MUST(f.open && ev->number == f.number && f.at == f.size);
		MUST(!exchange_safe(f.h.x));
		f.open = false;
		break;
	case EXCHANGE_EV_WANT_DATA:
		MUST(ev->n > 0 && ev->n < RECORD_DATA_MAX &&
		    ev->number <= f.last);
		break;
	case EXCHANGE_EV_STORED:
	case EXCHANGE_EV_PASSED:
		MUST(ev->number <= f.last);
		break;
	case EXCHANGE_EV_SAFE:
		MUST(exchange_safe(f.h.x) && !f.safe);
		f.safe = true;
		break;
	case EXCHANGE_EV_DONE:
		MUST(exchange_safe(f.h.x));
		break;
	case EXCHANGE_EV_FAILED:
		MUST(ev->err->kind != ERR_NONE && ev->err->text[0] != '\0');
		break;
	case EXCHANGE_EV_WANT_OFFER:
	case EXCHANGE_EV_ASK:
		break;
	}
}

static void feed_raw(size_t n)
{
	uint8_t b[64];

	for (size_t i = 0; i < n; i++)
		b[i] = byte();
	exchange_feed(f.h.x, b, n, f.h.now);
	f.h.deaf = true;
}

/* A well-made hello with hostile contents. */
static void feed_hello(void)
{
	struct hello o = {.fixed = {byte(), byte(), byte(), 0}};
	uint8_t b[HELLO_WIRE_MAX];
	size_t n = byte() % sizeof o.name;

	for (size_t i = 0; i < n; i++)
		o.name[i] = (char)('a' + byte() % 26);
	for (size_t i = 0; i < 4; i++)
		o.noise[byte() % NOISE_MESSAGE] = byte();
	if (n == 4)
		memcpy(o.name, "hand", 5);
	exchange_feed(f.h.x, b, hello_write(&o, b), f.h.now);
	f.h.deaf = true;
}

static void say_raw(size_t n, bool bad)
{
	uint8_t b[256];

	for (size_t i = 0; i < n; i++)
		b[i] = byte();
	if (n > 0)
		hand_say(&f.h, b, n, bad);
}

/* Well-made messages, several in a record. */
static void say_messages(unsigned count)
{
	uint8_t b[2048] = {0};
	size_t n = 0;

	for (unsigned i = 0; i < count; i++) {
		struct message m = {.number = byte() % BUNDLES,
		    .size = byte(), .crc = byte() & 1, .offset = 0,
		    .count = 1u + byte() % 4, .n = 0};

		m.type = (enum message_type)(byte() % (MESSAGE_PASS + 1));
		m.offset = byte() & 64 ? byte() : 0;
		m.have.has_top = m.offset & 1;
		m.have.top = m.number;
		m.have.n = m.count - 1;
		for (size_t k = 0; k < m.have.n; k++) {
			m.have.part[k].number = 1 + k;
			m.have.part[k].size = 200;
			m.have.part[k].offset = 100;
		}
		if (m.type == MESSAGE_DATA)
			m.type = MESSAGE_DATAN;
		if (m.type == MESSAGE_DATAN)
			m.n = 1 + m.size;
		n += message_write(&m, b + n) + m.n;
	}
	hand_say(&f.h, b, n, false);
}

static void offer(void)
{
	uint64_t number = f.last + 1 + byte() % 2;

	if (exchange_offer(f.h.x, number, byte() * 20u, byte() & 1) == 0)
		f.last = number;
}

static void give_data(void)
{
	static const uint8_t zero[RECORD_DATA_MAX];
	size_t n = f.h.want.n;

	if (n == 0)
		return;
	if (byte() & 1)
		n = 1 + n / 2;
	exchange_data(f.h.x, f.h.want.number, f.h.want.offset, zero, n);
	f.h.want.n = 0;
}

static void answer(void)
{
	uint8_t what = byte();
	uint64_t number = byte() % BUNDLES;

	switch (what % 9) {
	case 0:
	case 1:
		offer();
		break;
	case 2:
		exchange_no_more(f.h.x);
		break;
	case 3:
		give_data();
		break;
	case 4:
		exchange_stored(f.h.x, number);
		break;
	case 5:
		exchange_pass(f.h.x, number);
		break;
	case 6:
		if (exchange_restart(f.h.x, number, byte() & 3) == 0 &&
		    f.open && f.number == number)
			f.open = false;
		break;
	case 7:
		exchange_unreadable(f.h.x, number);
		break;
	case 8:
		if (what > 250)
			exchange_stop(f.h.x, what & 3, ERR_AGAIN, "stopped");
		break;
	}
}

static void step(void)
{
	uint8_t op = byte();

	switch (op % 8) {
	case 0:
		feed_raw(op / 8 + 1);
		break;
	case 1:
		if (op > 200)
			feed_hello();
		else
			say_raw(op / 2, false);
		break;
	case 2:
	case 3:
		say_messages(1 + op / 64);
		break;
	case 4:
	case 5:
		answer();
		break;
	case 6:
		hand_move(&f.h, 20u + op);
		break;
	case 7:
		say_raw(op / 8, op > 240);
		break;
	}
	hand_move(&f.h, 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return sodium_init();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct message_have some = {.has_top = true, .top = 3,
	    .n = 1, .part = {{.number = 5, .size = 200, .offset = 100}}};
	uint8_t how;

	memset(&f, 0, sizeof f);
	f.p = data;
	f.n = size > 4000 ? 4000 : size;
	how = byte();
	hand_start(&f.h, how & 1, (enum record_security)(how / 2 % 3),
	    &some);
	f.h.tell = tell;
	while (f.n > 0 && !f.h.over)
		step();
	/* Left alone it ends, within its own time limits: the process says
	 * nothing more, so the other side's silence must end it. */
	f.h.deaf = true;
	for (int i = 0; i < 400 && !f.h.over; i++) {
		uint64_t at = exchange_deadline(f.h.x);
		const uint8_t *p;
		size_t n;

		MUST(at != UINT64_MAX);
		f.h.now = at > f.h.now ? at : f.h.now + 1;
		exchange_tick(f.h.x, f.h.now);
		hand_drain(&f.h);
		while ((n = exchange_out(f.h.x, &p, f.h.now)) > 0) {
			exchange_sent(f.h.x, n, f.h.now);
			hand_drain(&f.h);
		}
		give_data();
		hand_drain(&f.h);
	}
	MUST(f.h.over);
	hand_free(&f.h);
	return 0;
}
