/* modem/wire.c: known frames byte for byte; every split, every damaged byte,
 * junk, frames in frames, long frames that end early.  SEED=n repeats the
 * random part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "modem/crc.h"
#include "modem/wire.h"

static unsigned seed;

static const struct wire_ack some_ack = {
	.opened = 0xFEDCB, .last_seq = 0xABC, .stamp = 0x1234, .unopened = true,
	.n = 2, .gap = {{0xFFFFE, 4095}, {0x00010, 0}},
};

/* --- byte by byte --- */

static void expect(const uint8_t *p, size_t n, const char *bytes, size_t m)
{
	uint32_t crc = crc32_add(0, p + 1, n - 5);
	uint8_t tail[4] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16),
	    (uint8_t)(crc >> 8), (uint8_t)crc};

	assert_int_equal(n, m + 4);
	assert_memory_equal(p, bytes, m);
	assert_memory_equal(p + m, tail, 4);
}

#define EXPECT(p, n, s) expect(p, n, s, sizeof(s) - 1)

static void test_bytes(void **state)
{
	uint8_t out[WIRE_FRAME_MAX];
	struct wire_long w;
	uint8_t data[64];
	size_t n;

	(void)state;
	memset(data, 'd', sizeof data);
	n = wire_short(out, 0xABC, 0x12345, NULL, (const uint8_t *)"hi", 2);
	EXPECT(out, n, "\xA5\x00\x02\xAB\xC1\x23\x45\x1Ahi");
	n = wire_short(out, 1, 2, &some_ack, (const uint8_t *)"x", 1);
	EXPECT(out, n, "\xA5\x10\x10\x00\x10\x00\x02\x00"
	    "\x82\xFE\xDC\xBA\xBC\x12\x34\xFF\xFF\xEF\xFF\x00\x01\x00\x00x");
	n = wire_control(out, WIRE_PROBE, (const uint8_t *)"\x07", 1);
	EXPECT(out, n, "\xA5\x50\x01\x0B\x07");
	n = wire_control(out, WIRE_TURN, NULL, 0);
	EXPECT(out, n, "\xA5\x60\x00\xF5");
	/* A whole chunk, another, and an early end. */
	n = wire_long_begin(&w, out, 0, 0xFFF, 0xFFFFF, NULL);
	assert_int_equal(n, 8);
	n += wire_long_chunk(&w, out + n, data, 64, false);
	assert_int_equal(n, 8 + 65);
	n += wire_long_chunk(&w, out + n, data, 0, true);
	assert_int_equal(w.n, 64);
	assert_int_equal(out[8], 0xFF);
	EXPECT(out, n, "\xA5\x20\x00\xFF\xFF\xFF\xFF\xE5\xFF"
	    "dddddddddddddddddddddddddddddddd"
	    "dddddddddddddddddddddddddddddddd\0\0");
	n = wire_long_begin(&w, out, 0, 1, 0, NULL);
	n += wire_long_chunk(&w, out + n, data, 64, true);
	assert_int_equal(n, 8 + 65 + 4);
	assert_int_equal(out[8], 0xFE);
}

/* --- a stream of all kinds of frames --- */

#define STREAM_MAX 40000
#define FRAMES_MAX 64

struct made {
	size_t at, n;         /* on the wire */
	struct wire_frame f;  /* f.p into data */
};

static uint8_t stream[STREAM_MAX], data[WIRE_DATA_MAX];
static struct made made[FRAMES_MAX];
static size_t stream_n, made_n;

static void add(const struct wire_frame *f, size_t n)
{
	struct made *m = &made[made_n++];

	m->f = *f;
	m->at = stream_n;
	m->n = n;
	m->f.size = n;
	stream_n += n;
	assert_true(stream_n <= STREAM_MAX && made_n <= FRAMES_MAX);
}

static void add_short(size_t n, const struct wire_ack *ack)
{
	struct wire_frame f = {.kind = ack ? WIRE_SHORT_ACK : WIRE_SHORT,
	    .seq = (uint16_t)made_n, .off = (uint32_t)(made_n * 77777) &
	    WIRE_OFF_MASK, .p = data, .n = n, .has_ack = ack != NULL};

	if (ack)
		f.ack = *ack;
	add(&f, wire_short(stream + stream_n, f.seq, f.off, ack, data, n));
}

static void add_control(enum wire_kind kind, size_t n)
{
	struct wire_frame f = {.kind = kind, .p = data, .n = n};
	uint8_t body[WIRE_CONTROL_MAX];
	size_t a = 0;

	if (kind == WIRE_ACK) {
		f.has_ack = true;
		f.ack = some_ack;
		a = wire_ack_write(body, &some_ack);
	}
	memcpy(body + a, data, n);
	add(&f, wire_control(stream + stream_n, kind, body, a + n));
}

/* n bytes in chunks; when `early`, another chunk was announced at the end. */
static void add_long(unsigned step, size_t n, const struct wire_ack *ack,
    bool early)
{
	struct wire_frame f = {.kind = ack ? WIRE_LONG_ACK : WIRE_LONG,
	    .seq = (uint16_t)made_n, .off = 9, .p = data, .n = n,
	    .has_ack = ack != NULL};
	size_t whole = (size_t)64 << step, o = stream_n;
	struct wire_long w;

	if (ack)
		f.ack = *ack;
	o += wire_long_begin(&w, stream + o, step, f.seq, f.off, ack);
	while (w.n < n || n == 0) {
		size_t m = n - w.n < whole ? n - w.n : whole;
		bool last = w.n + m == n && !early;

		o += wire_long_chunk(&w, stream + o, data + w.n, m, last);
		if (n == 0)
			break;
	}
	if (early)
		o += wire_long_chunk(&w, stream + o, data, 0, true);
	add(&f, o - stream_n);
}

/* Every kind and border; a sync byte at every other place of the data. */
static void make_stream(void)
{
	stream_n = made_n = 0;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = i % 2 ? WIRE_SYNC : (uint8_t)(i * 31);
	add_short(0, NULL);
	add_short(1, NULL);
	add_short(300, &some_ack);
	add_control(WIRE_PROBE, 1);
	add_control(WIRE_ACK, 0);
	add_control(WIRE_ACK, 1);
	add_control(WIRE_TURN, 4);
	add_control((enum wire_kind)12, 255);
	add_long(0, 0, NULL, false);
	add_long(0, 63, &some_ack, false);
	add_long(0, 64, NULL, false);
	add_long(0, 64, NULL, true);
	add_long(1, 300, &some_ack, false);
	add_long(2, 512, NULL, true);
}

static void check_frame(const struct wire_frame *f, const struct made *m)
{
	assert_int_equal(f->kind, m->f.kind);
	assert_int_equal(f->size, m->n);
	assert_int_equal(f->n, m->f.n);
	assert_memory_equal(f->p, m->f.p, f->n);
	if (f->kind < WIRE_ACK) {
		assert_int_equal(f->seq, m->f.seq);
		assert_int_equal(f->off, m->f.off);
	}
	assert_int_equal(f->has_ack, m->f.has_ack);
	if (!f->has_ack)
		return;
	assert_int_equal(f->ack.opened, some_ack.opened);
	assert_int_equal(f->ack.last_seq, some_ack.last_seq);
	assert_int_equal(f->ack.stamp, some_ack.stamp);
	assert_int_equal(f->ack.unopened, some_ack.unopened);
	assert_int_equal(f->ack.n, some_ack.n);
	for (size_t i = 0; i < f->ack.n; i++) {
		assert_int_equal(f->ack.gap[i].off, some_ack.gap[i].off);
		assert_int_equal(f->ack.gap[i].n, some_ack.gap[i].n);
	}
}

/* Feed p[0..n) and check what comes, from made[*next] on; without[i] are not
 * expected. */
static void feed(struct wire_reader *r, const uint8_t *p, size_t n,
    size_t *next, const bool *without)
{
	struct wire_frame f;

	while (n > 0) {
		size_t room;
		uint8_t *to = wire_reader_room(r, &room);

		assert_true(room > 0);
		if (room > n)
			room = n;
		memcpy(to, p, room);
		wire_reader_add(r, room);
		p += room;
		n -= room;
		while (wire_next(r, &f)) {
			/* A byte lost beside its like damages nothing. */
			while (without && without[*next] &&
			    (f.kind != made[*next].f.kind ||
			    f.size != made[*next].n))
				++*next;
			assert_true(*next < made_n);
			check_frame(&f, &made[(*next)++]);
		}
	}
}

static struct wire_reader r;

static void test_whole_and_byte_by_byte(void **state)
{
	static const size_t steps[] = {1, 2, 3, 5, 64, 1000, STREAM_MAX};

	(void)state;
	make_stream();
	add_long(6, 4096, &some_ack, false);
	add_long(6, 4096, &some_ack, true);
	add_long(0, 4096, NULL, true);
	add_long(3, 4095, NULL, false);
	add_short(WIRE_SHORT_MAX, NULL);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		size_t next = 0;

		wire_reader_init(&r);
		for (size_t at = 0; at < stream_n; at += steps[i])
			feed(&r, stream + at, stream_n - at < steps[i] ?
			    stream_n - at : steps[i], &next, NULL);
		assert_int_equal(next, made_n);
		assert_int_equal(r.junk, 0);
		assert_int_equal(r.bad, 0);
	}
}

static void test_every_split(void **state)
{
	(void)state;
	make_stream();
	for (size_t cut = 0; cut <= stream_n; cut++) {
		size_t next = 0;

		wire_reader_init(&r);
		feed(&r, stream, cut, &next, NULL);
		feed(&r, stream + cut, stream_n - cut, &next, NULL);
		assert_int_equal(next, made_n);
	}
}

/* Change one byte: its frame is lost, and that one only.  Silence at the end
 * brings out what waited behind a wrong length. */
static void test_every_damaged_byte(void **state)
{
	bool without[FRAMES_MAX];

	(void)state;
	make_stream();
	for (size_t at = 0; at < stream_n; at++) {
		uint8_t right = stream[at];
		size_t next = 0;

		for (size_t i = 0; i < made_n; i++)
			without[i] = at >= made[i].at &&
			    at < made[i].at + made[i].n;
		stream[at] ^= (uint8_t)(1u << at % 8);
		wire_reader_init(&r);
		feed(&r, stream, stream_n, &next, without);
		wire_reader_flush(&r);
		feed(&r, (const uint8_t *)"-", 1, &next, without);
		assert_true(next == made_n || (next == made_n - 1 &&
		    without[next]));
		assert_true(r.junk > 0);
		assert_false(wire_reader_waits(&r));
		stream[at] = right;
	}
}

/* A byte left out, or one too many, anywhere. */
static void test_every_lost_byte(void **state)
{
	(void)state;
	make_stream();
	for (size_t at = 0; at < stream_n; at++) {
		for (int more = 0; more < 2; more++) {
			bool without[FRAMES_MAX] = {false};
			size_t next = 0;

			for (size_t i = 0; i < made_n; i++)
				without[i] = at >= made[i].at + (size_t)more &&
				    at < made[i].at + made[i].n;
			wire_reader_init(&r);
			feed(&r, stream, at, &next, without);
			if (more)
				feed(&r, (const uint8_t *)"\xA5", 1, &next,
				    without);
			feed(&r, stream + at + 1 - more,
			    stream_n - at - 1 + (size_t)more, &next, without);
			wire_reader_flush(&r);
			feed(&r, (const uint8_t *)"-", 1, &next, without);
			while (next < made_n && without[next])
				next++;
			assert_int_equal(next, made_n);
		}
	}
}

static void test_junk_between(void **state)
{
	size_t next = 0, junk = 0;

	(void)state;
	make_stream();
	srand(seed);
	wire_reader_init(&r);
	for (size_t i = 0; i < made_n; i++) {
		uint8_t noise[3000];
		size_t n = (size_t)rand() % sizeof noise;

		for (size_t j = 0; j < n; j++)
			noise[j] = (uint8_t)rand();
		junk += n;
		feed(&r, noise, n, &next, NULL);
		wire_reader_flush(&r);
		feed(&r, stream + made[i].at, made[i].n, &next, NULL);
		wire_reader_flush(&r);
	}
	feed(&r, (const uint8_t *)"-", 1, &next, NULL);
	assert_int_equal(next, made_n);
	assert_int_equal(r.junk, junk + 1);
}

/* A frame inside the data of a bad frame is found; inside a good one not. */
static void test_frame_in_frame(void **state)
{
	uint8_t inner[100], outer[200];
	struct wire_frame f;
	size_t room, n, m;

	(void)state;
	n = wire_short(inner, 5, 6, NULL, (const uint8_t *)"in", 2);
	m = wire_short(outer, 7, 8, NULL, inner, n);
	wire_reader_init(&r);
	memcpy(wire_reader_room(&r, &room), outer, m);
	wire_reader_add(&r, m);
	assert_true(wire_next(&r, &f));
	assert_int_equal(f.seq, 7);
	assert_false(wire_next(&r, &f));
	outer[m - 1] ^= 1;
	memcpy(wire_reader_room(&r, &room), outer, m);
	wire_reader_add(&r, m);
	assert_true(wire_next(&r, &f));
	assert_int_equal(f.seq, 5);
	assert_false(wire_next(&r, &f));
	assert_int_equal(r.bad, 1);
}

/* Well-made checks around impossible contents. */
static void test_impossible(void **state)
{
	static const struct {
		const char *name;
		const char *bytes;
		size_t n;
	} rows[] = {
#define B(s) s, sizeof s - 1
		{"an ack frame without a whole ack block", B("\x40\x06")},
		{"gaps counted that are not there", B("\x40\x0b")},
		{"a control frame that is too long", B("\x51\x00")},
#undef B
	};
	uint8_t buf[600];
	struct wire_frame f;
	size_t room;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t len = (size_t)(rows[i].bytes[0] & 15) << 8 |
		    (uint8_t)rows[i].bytes[1];

		print_message("%s\n", rows[i].name);
		memset(buf, 0x02, sizeof buf);
		/* Make it with the right checks, whatever it says. */
		wire_control(buf, (enum wire_kind)
		    ((uint8_t)rows[i].bytes[0] >> 4), buf + 300, len);
		wire_reader_init(&r);
		memcpy(wire_reader_room(&r, &room), buf, 8 + len);
		wire_reader_add(&r, 8 + len);
		wire_reader_flush(&r);
		assert_false(wire_next(&r, &f));
		assert_int_equal(r.junk, 8 + len);
	}
}

/* Nothing but sync bytes, and nothing but headers of long frames. */
static void test_bounded(void **state)
{
	uint8_t head[8];
	struct wire_long w;
	struct wire_frame f;
	size_t n = wire_long_begin(&w, head, 6, 0, 0, NULL), room;

	(void)state;
	wire_reader_init(&r);
	for (int i = 0; i < 50000; i++) {
		uint8_t *to = wire_reader_room(&r, &room);

		assert_true(room >= n);
		if (i % 2)
			memset(to, WIRE_SYNC, n);
		else
			memcpy(to, head, n);
		wire_reader_add(&r, n);
		while (wire_next(&r, &f))
			;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_whole_and_byte_by_byte),
		cmocka_unit_test(test_every_split),
		cmocka_unit_test(test_every_damaged_byte),
		cmocka_unit_test(test_every_lost_byte),
		cmocka_unit_test(test_junk_between),
		cmocka_unit_test(test_frame_in_frame),
		cmocka_unit_test(test_impossible),
		cmocka_unit_test(test_bounded),
	};
	const char *s = getenv("SEED");

	seed = s ? (unsigned)strtoul(s, NULL, 10) : 1;
	print_message("SEED=%u\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
