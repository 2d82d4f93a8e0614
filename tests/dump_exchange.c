/* dump_exchange: a small session with fixed keys, byte for byte, each frame
 * opened and named: the worked byte dump of doc/EXCHANGE.md
 * (tests/s_exchange_dump.sh compares, and writes it anew).  ann calls hub and
 * sends one bundle; nothing goes back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "exchange_ends.h"
#include "modem/crc.h"
#include "modem/hello.h"
#include "modem/wire.h"

static const char text[] = "a bundle of no meaning\n";

static struct direction {
	const char *who;
	bool hello_seen;
	struct hello hello;
	struct wire_reader reader;
	struct record record;
	uint8_t stream[65536];
	size_t n, opened;
} way[2] = {{.who = "ann > hub"}, {.who = "hub > ann"}};

static struct end ann, hub;

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "dump_exchange: %s\n", what);
	exit(1);
}

static void print_hex(const uint8_t *p, size_t n, const char *indent)
{
	for (size_t i = 0; i < n; i++)
		printf("%s%02x%s", i % 16 == 0 ? indent : " ", p[i],
		    i % 16 == 15 || i + 1 == n ? "\n" : "");
}

/* --- who knows both ephemeral keys knows the keys of the session --- */

static void fixed_seed(uint8_t seed[32], uint8_t first)
{
	for (int i = 0; i < 32; i++)
		seed[i] = (uint8_t)(first + i);
}

static void derive_keys(void)
{
	static const char names[] = "ann\0hub";
	uint8_t prologue[21], message[2][NOISE_MESSAGE], seed[32];
	uint8_t out[32], in[32];
	struct noise a, b;

	memcpy(prologue, "dialsync", 9);
	memcpy(prologue + 9, way[0].hello.fixed, 4);
	memcpy(prologue + 13, names, 8);
	fixed_seed(seed, 0x20);
	noise_init(&a, true, ann.conf.peers->psk[0], prologue, 21, seed);
	fixed_seed(seed, 0x60);
	noise_init(&b, false, ann.conf.peers->psk[0], prologue, 21, seed);
	noise_write(&a, NULL, 0, message[0]);
	need(memcmp(message[0], way[0].hello.noise, NOISE_MESSAGE) == 0,
	    "ann's message is another");
	need(noise_read(&b, message[0], NOISE_MESSAGE, NULL) == 0, "read");
	noise_write(&b, NULL, 0, message[1]);
	need(memcmp(message[1], way[1].hello.noise, NOISE_MESSAGE) == 0,
	    "hub's message is another");
	noise_split(&b, out, in);
	record_init(&way[0].record, RECORD_ENCRYPT, in, way[1].hello.fixed);
	record_init(&way[1].record, RECORD_ENCRYPT, out, way[1].hello.fixed);
	printf("      key of ann > hub\n");
	print_hex(in, 32, "        ");
	printf("      key of hub > ann\n");
	print_hex(out, 32, "        ");
}

static void print_hello(struct direction *w, const uint8_t *p, size_t n)
{
	const struct hello *h = &w->hello;

	printf("%s  hello, %zu bytes\n", w->who, n);
	print_hex(p, n, "    ");
	printf("      version %u, flags %02x, mask %02x, length %u\n",
	    h->fixed[0], h->fixed[1], h->fixed[2], h->fixed[3]);
	printf("      ephemeral key, before stuffing\n");
	print_hex(h->noise, 32, "        ");
	printf("      tag\n");
	print_hex(h->noise + 32, 16, "        ");
}

/* --- messages --- */

static void print_have(const struct message_have *h)
{
	printf("top %s", h->has_top ? "" : "none");
	if (h->has_top)
		printf("%llu crc %08x", (unsigned long long)h->top,
		    (unsigned)h->top_crc);
	printf(", %zu partials%s\n", h->n, h->more ? ", more follows" : "");
}

static void print_message(const struct message *m)
{
	static const char *const names[] = {"PAD", "HAVE", "BUNDLE", "DATA",
		"DATAN", "STORED", "ASK", "WANT", "END", "FIN", "BYE",
		"PASS"};
	unsigned long long number = m->number, size = m->size,
	    offset = m->offset, count = m->count;

	printf("      %s ", names[m->type]);
	switch (m->type) {
	case MESSAGE_HAVE:
		print_have(&m->have);
		return;
	case MESSAGE_BUNDLE:
		printf("number %llu, size %llu, crc %08x, offset %llu\n",
		    number, size, (unsigned)m->crc, offset);
		return;
	case MESSAGE_DATA:
	case MESSAGE_DATAN:
		printf("%zu bytes\n", m->n);
		return;
	case MESSAGE_STORED:
		printf("number %llu, count %llu\n", number, count);
		return;
	case MESSAGE_END:
		printf("number %llu\n", number);
		return;
	default:
		printf("\n");
	}
}

static void print_record(const uint8_t *p, size_t n)
{
	const char *why;
	struct message m;
	size_t at = 0;

	print_hex(p, n, "        ");
	while (message_read(p, n, &at, &m, &why) == 1)
		print_message(&m);
	if (n > 0 && p[n - 1] == MESSAGE_PAD && n == 28)
		printf("      PAD to 28 bytes\n");
}

static void open_records(struct direction *w)
{
	uint8_t plain[RECORD_DATA_MAX];
	size_t used, n;

	while (record_open(&w->record, w->stream + w->opened,
	    w->n - w->opened, &used, plain, &n) == RECORD_OPENED) {
		printf("      opened: record %llu, %zu bytes on the stream "
		    "from %zu\n", (unsigned long long)w->record.count - 1,
		    used, w->opened);
		w->opened += used;
		print_record(plain, n);
	}
}

/* --- frames --- */

static void print_ack(const struct wire_ack *a)
{
	printf("      ack: opened %u, last seq %u, stamp %u, %zu gaps\n",
	    (unsigned)a->opened, a->last_seq, a->stamp, a->n);
}

static void print_frame(struct direction *w, const struct wire_frame *f,
    const uint8_t *p, size_t n)
{
	static const char *const names[] = {"short frame",
		"short frame with ack", "long frame", "long frame with ack",
		"ack", "probe", "turn"};

	printf("%s  %s, %zu bytes\n", w->who, names[f->kind], n);
	print_hex(p, n, "    ");
	if (f->kind <= WIRE_LONG_ACK)
		printf("      seq %u, offset %u, %zu bytes of the stream\n",
		    f->seq, (unsigned)f->off, f->n);
	if (f->has_ack)
		print_ack(&f->ack);
	if (f->kind == WIRE_PROBE && f->n > 0)
		printf("      identity %u\n", f->p[0]);
	if (f->kind > WIRE_LONG_ACK)
		return;
	need(f->off == w->n, "a frame out of order");
	memcpy(w->stream + w->n, f->p, f->n);
	w->n += f->n;
	open_records(w);
}

/* Bytes on the way, as they come from exchange_out(). */
static void look(int d, const uint8_t *p, size_t n)
{
	struct direction *w = &way[d];
	struct hello_reader r;
	struct wire_frame f;

	if (!w->hello_seen) {
		hello_reader_init(&r);
		for (size_t i = 0; i < n; i++)
			w->hello_seen |= hello_feed(&r, p[i], &w->hello) ==
			    HELLO_WHOLE;
		need(w->hello_seen, "no hello");
		print_hello(w, p, n);
		if (d == 1)
			derive_keys();
		return;
	}
	for (size_t i = 0, from = 0; i < n; i++) {
		size_t room;

		*wire_reader_room(&w->reader, &room) = p[i];
		wire_reader_add(&w->reader, 1);
		if (!wire_next(&w->reader, &f))
			continue;
		print_frame(w, &f, p + from, i + 1 - from);
		from = i + 1;
	}
}

static void move(int d, struct end *from, struct end *to, uint64_t now)
{
	const uint8_t *p;
	size_t n;

	while ((n = exchange_out(from->x, &p, now)) > 0) {
		look(d, p, n);
		exchange_feed(to->x, p, n, now);
		end_events(to, now);
		exchange_sent(from->x, n, now);
		end_events(from, now);
	}
}

int main(void)
{
	uint64_t now = 1000;

	if (sodium_init() < 0)
		return 1;
	end_init(&ann, "ann", &hub, true, RECORD_ENCRYPT, 0);
	end_init(&hub, "hub", &ann, false, RECORD_ENCRYPT, 0);
	end_add(&ann, 1, sizeof text - 1, 0);
	memcpy(ann.disk.out[0].p, text, sizeof text - 1);
	ann.disk.out[0].crc = crc32_add(0, ann.disk.out[0].p,
	    sizeof text - 1);
	ann.conf.rate = hub.conf.rate = 3360;
	wire_reader_init(&way[0].reader);
	wire_reader_init(&way[1].reader);
	end_start(&ann, 0, now);
	end_start(&hub, 0, now);
	/* the same each time: not the seeds of the tests */
	exchange_free(ann.x);
	exchange_free(hub.x);
	fixed_seed(ann.conf.seed, 0x20);
	fixed_seed(hub.conf.seed, 0x60);
	ann.x = exchange_new(&ann.conf, now);
	hub.x = exchange_new(&hub.conf, now);
	need(ann.x != NULL && hub.x != NULL, "exchange_new");
	for (int i = 0; i < 4000 && !(ann.ended && hub.ended); i++) {
		move(0, &ann, &hub, now);
		move(1, &hub, &ann, now);
		now += 20;
		exchange_tick(ann.x, now);
		exchange_tick(hub.x, now);
		end_events(&ann, now);
		end_events(&hub, now);
	}
	need(ann.safe && hub.safe, "not safe");
	end_fini(&ann);
	end_fini(&hub);
	return 0;
}
