/* modem/zmodem*.c against hostile and odd peers: frames made by hand, one
 * row each, and the answer that must come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "modem/frame.h"
#include "zmodem_ends.h"

/* One machine, and we are its peer. */
struct hand {
	struct end e;
	uint8_t buf[16384];
	struct frame_out o;
	struct frame_parser f;
	uint64_t now;
	size_t data_n;   /* of the last subpacket in the answer */
	int errors;      /* ZFERR in the answer */
};

/* size > 0: it has a file of so many bytes to send. */
static void hand_init(struct hand *h, enum zm_side side, size_t size)
{
	struct zm_conf c;

	memset(h, 0, sizeof *h);
	zm_conf_init(&c);
	c.max_file = 10000;
	end_init(&h->e, &c, side);
	h->o.p = h->buf;
	h->o.cap = sizeof h->buf;
	if (size > 0)
		end_add(&h->e, "00000001.xml.gz", size, 1);
	end_events(&h->e, 0);
}

static void put(struct hand *h, enum frame_type t, uint32_t pos)
{
	uint8_t p[4];

	frame_set_pos(p, pos);
	frame_put_header(&h->o, FRAME_BIN32, t, p);
}

static void put_data(struct hand *h, const char *p, size_t n,
    enum frame_end end)
{
	frame_put_data(&h->o, true, (const uint8_t *)p, n, end);
}

/* Give what was put, take the answer: its last header's type, or -1. */
static int answer(struct hand *h)
{
	const uint8_t *p;
	size_t n, used;
	int last = -1;

	h->errors = 0;
	n = zm_out(h->e.z, &p);
	zm_sent(h->e.z, n, h->now);
	zm_feed(h->e.z, h->buf, h->o.n, h->now);
	h->o.n = 0;
	end_events(&h->e, h->now);
	n = zm_out(h->e.z, &p);
	frame_parser_init(&h->f);
	while (n > 0) {
		enum frame_found f = frame_read(&h->f, p, n, &used);

		p += used;
		n -= used;
		if (f == FRAME_HEADER)
			last = (int)h->f.header.type;
		if (f == FRAME_HEADER && h->f.header.type == ZFERR)
			h->errors++;
		if (f == FRAME_DATA)
			h->data_n = h->f.n;
		if (f == FRAME_CANCEL)
			last = ZCAN;
	}
	return last;
}

#define FILE_INFO(s) s, sizeof s

static void test_offers(void **state)
{
	static const struct {
		const char *name, *info;
		size_t n;
		int expected;
		const char *log;
	} rows[] = {
		{"a bundle", FILE_INFO("00000001.xml.gz\0" "100 1 0"), ZRPOS,
		    "peer -\noffered 00000001.xml.gz 100\n"},
		{"a path", FILE_INFO("/etc/00000001.xml.gz\0" "1 1 0"), ZSKIP,
		    "peer -\nrefused /etc/00000001.xml.gz\n"},
		{"the directory above", FILE_INFO("..\0" "1 1 0"), ZSKIP,
		    "peer -\nrefused ..\n"},
		{"nine digits",
		    FILE_INFO("100000001.xml.gz\0" "100 1 0"), ZRPOS,
		    "peer -\noffered 100000001.xml.gz 100\n"},
		{"nine digits with a zero in front",
		    FILE_INFO("000000001.xml.gz\0" "100 1 0"), ZSKIP,
		    "peer -\nrefused 000000001.xml.gz\n"},
		{"seven digits", FILE_INFO("0000001.xml.gz\0" "1"), ZSKIP,
		    "peer -\nrefused 0000001.xml.gz\n"},
		{"more behind", FILE_INFO("00000001.xml.gz~\0" "1"), ZSKIP,
		    "peer -\nrefused 00000001.xml.gz~\n"},
		{"a size above the limit",
		    FILE_INFO("00000001.xml.gz\0" "10001 1 0"), ZSKIP,
		    "peer -\nrefused 00000001.xml.gz\n"},
		{"a size that wraps in 32 bits",
		    FILE_INFO("00000001.xml.gz\0" "4294967297 1 0"), ZSKIP,
		    "peer -\nrefused 00000001.xml.gz\n"},
		{"a size that wraps in 64 bits",
		    FILE_INFO("00000001.xml.gz\0" "18446744073709551617 1"),
		    ZSKIP, "peer -\nrefused 00000001.xml.gz\n"},
		{"a size of a hundred digits",
		    FILE_INFO("00000001.xml.gz\0" "9999999999999999999999999"
		    "99999999999999999999999999999999999999999999999999999999"
		    "9999999999999999999"), ZSKIP,
		    "peer -\nrefused 00000001.xml.gz\n"},
		{"a time that overflows",
		    FILE_INFO("00000001.xml.gz\0" "5 7777777777777777777777"
		    "7777"), ZRPOS, "peer -\noffered 00000001.xml.gz 5\n"},
		{"no name", FILE_INFO("\0" "100 1"), ZSKIP, ""},
		{"nothing", "", 0, ZSKIP, ""},
		{"no NUL", "00000001.xml.gz", 15, ZRPOS,
		    "peer -\noffered 00000001.xml.gz 18446744073709551615\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct hand h;
		int got;

		hand_init(&h, ZM_RECEIVER, 0);
		put(&h, ZFILE, 0);
		put_data(&h, rows[i].info, rows[i].n, ZCRCW);
		got = answer(&h);
		if (got != rows[i].expected)
			fail_msg("%s: answer %d", rows[i].name, got);
		assert_string_equal(h.e.log, rows[i].log);
		end_free(&h.e);
	}
}

/* A receiver in the middle of a file of 100 bytes, 10 of which are here. */
static void in_file(struct hand *h)
{
	hand_init(h, ZM_RECEIVER, 0);
	put(h, ZFILE, 0);
	put_data(h, FILE_INFO("00000001.xml.gz\0" "100 1"), ZCRCW);
	assert_int_equal(answer(h), ZRPOS);
	put(h, ZDATA, 0);
	put_data(h, "0123456789", 10, ZCRCW);
	assert_int_equal(answer(h), ZACK);
	assert_int_equal(frame_pos(&h->f.header), 10);
	h->now += 5000;
}

static void test_receiver_frames(void **state)
{
	static const struct {
		const char *name;
		enum frame_type type;
		uint32_t pos;
		int data; /* bytes of a subpacket behind it; -1: none */
		int expected;
		enum err_kind err;
	} rows[] = {
		{"data here", ZDATA, 10, 5, ZACK, ERR_NONE},
		{"data elsewhere is asked for again", ZDATA, 20, 5, ZRPOS,
		    ERR_NONE},
		{"data before it, too", ZDATA, 0, 10, ZRPOS, ERR_NONE},
		{"more than announced", ZDATA, 10, 91, ZCAN, ERR_PEER},
		{"an end elsewhere is ignored", ZEOF, 9, -1, -1, ERR_NONE},
		{"an end beyond is ignored", ZEOF, 100, -1, -1, ERR_NONE},
		{"an end here", ZEOF, 10, -1, ZRINIT, ERR_NONE},
		{"a command is refused", ZCOMMAND, 0, 9, ZCOMPL, ERR_NONE},
		{"a challenge is answered", ZCHALLENGE, 77, -1, ZACK,
		    ERR_NONE},
		{"free space is asked for", ZFREECNT, 0, -1, ZACK, ERR_NONE},
		{"text for standard error is dropped", ZSTDERR, 0, 20, -1,
		    ERR_NONE},
		{"the sender gives up", ZABORT, 0, -1, ZCAN, ERR_AGAIN},
		{"the batch ends in the file", ZFIN, 0, -1, ZCAN, ERR_PEER},
		{"the sender starts anew", ZRQINIT, 0, -1, ZRINIT, ERR_NONE},
		{"the sender drops the file", ZSKIP, 0, -1, ZRINIT, ERR_NONE},
		{"ZRPOS to a receiver", ZRPOS, 5, -1, -1, ERR_NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		static const char zeros[100];
		struct hand h;
		int got;

		in_file(&h);
		put(&h, rows[i].type, rows[i].pos);
		if (rows[i].data >= 0)
			put_data(&h, zeros, (size_t)rows[i].data, ZCRCW);
		got = answer(&h);
		if (got != rows[i].expected)
			fail_msg("%s: answer %d", rows[i].name, got);
		assert_int_equal(h.e.err.kind, rows[i].err);
		end_free(&h.e);
	}
}

/* A sender that has sent all of its file and waits for the answer. */
static void test_sender_frames(void **state)
{
	static const struct {
		const char *name;
		enum frame_type type;
		uint32_t pos;
		int expected;
		enum err_kind err;
		bool done;
	} rows[] = {
		{"ZRINIT: stored", ZRINIT, 0x23000000, ZFIN, ERR_NONE, true},
		{"ZSKIP: not stored", ZSKIP, 0, ZFIN, ERR_NONE, false},
		{"ZRPOS: again from there", ZRPOS, 100, ZDATA, ERR_NONE,
		    false},
		{"ZRPOS at the end: the end again", ZRPOS, 3000, ZEOF,
		    ERR_NONE, false},
		{"ZRPOS beyond the end is a lie", ZRPOS, 3001, -1, ERR_NONE,
		    false},
		{"ZACK is only a sign of life", ZACK, 3000, -1, ERR_NONE,
		    false},
		{"ZACK far beyond", ZACK, 4000000000u, -1, ERR_NONE, false},
		{"ZNAK: the end again", ZNAK, 0, ZEOF, ERR_NONE, false},
		{"ZFERR", ZFERR, 0, ZCAN, ERR_AGAIN, false},
		{"a command is refused", ZCOMMAND, 0, ZCOMPL, ERR_NONE,
		    false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct hand h;
		int got;

		hand_init(&h, ZM_SENDER, 3000);
		put(&h, ZRINIT, 0x23000000);
		assert_int_equal(answer(&h), ZFILE);
		put(&h, ZRPOS, 0);
		got = answer(&h);
		for (int k = 0; got != ZEOF && k < 9; k++)
			got = answer(&h); /* takes what is out */
		assert_int_equal(got, ZEOF);
		put(&h, rows[i].type, rows[i].pos);
		got = answer(&h);
		if (got != rows[i].expected)
			fail_msg("%s: answer %d", rows[i].name, got);
		assert_int_equal(h.e.err.kind, rows[i].err);
		assert_int_equal(h.e.send[0].done, rows[i].done);
		end_free(&h.e);
	}
}

static void test_receiver_kinds(void **state)
{
	struct hand h;

	(void)state;
	hand_init(&h, ZM_SENDER, 0);
	put(&h, ZRINIT, 0xa3000000); /* ESC8 */
	assert_int_equal(answer(&h), ZCAN);
	assert_int_equal(h.e.err.kind, ERR_PEER);
	end_free(&h.e);
	hand_init(&h, ZM_SENDER, 0);
	h.o.n = 0;
	frame_put_raw(&h.o, "\030\030\030\030\030", 5);
	answer(&h);
	assert_int_equal(h.e.err.kind, ERR_AGAIN);
	end_free(&h.e);
	/* A part larger than the file. */
	hand_init(&h, ZM_SENDER, 3000);
	put(&h, ZRINIT, 0x23000000);
	assert_int_equal(answer(&h), ZFILE);
	put(&h, ZRPOS, 3001);
	assert_int_equal(answer(&h), ZCAN);
	assert_int_equal(h.e.err.kind, ERR_PEER);
	end_free(&h.e);
}

/* After an error one subpacket goes out alone; its ZACK lets the rest go. */
static void test_after_error(void **state)
{
	struct hand h;

	(void)state;
	hand_init(&h, ZM_SENDER, 3000);
	put(&h, ZRINIT, 0x23000000);
	assert_int_equal(answer(&h), ZFILE);
	put(&h, ZRPOS, 0);
	for (int k = 0; answer(&h) != ZEOF && k < 9; k++)
		;
	put(&h, ZRPOS, 100);
	assert_int_equal(answer(&h), ZDATA);
	assert_int_equal(frame_pos(&h.f.header), 100);
	assert_int_equal(h.data_n, 512); /* half as long as before */
	assert_int_equal(h.f.end, ZCRCW);
	assert_int_equal(answer(&h), -1);
	put(&h, ZACK, 612);
	assert_int_equal(answer(&h), ZDATA);
	assert_int_equal(h.f.end, ZCRCG);
	end_free(&h.e);
}

/* An answer that was not asked for changes nothing. */
static void test_wrong_answers(void **state)
{
	struct hand h;

	(void)state;
	hand_init(&h, ZM_RECEIVER, 0);
	assert_int_equal(zm_offer(h.e.z, "a", 1, 1, 1), -1);
	assert_int_equal(zm_data(h.e.z, 0, h.buf, 1), -1);
	assert_int_equal(zm_accept(h.e.z, 0), -1);
	assert_int_equal(zm_skip(h.e.z), -1);
	assert_int_equal(zm_stored(h.e.z, true), -1);
	assert_false(h.e.ended);
	end_free(&h.e);
	hand_init(&h, ZM_SENDER, 0);
	assert_int_equal(zm_no_more(h.e.z), -1); /* has been said */
	assert_int_equal(zm_offer(h.e.z, "a", 1, 1, 1), -1);
	end_free(&h.e);
}

/* An old ZRINIT, or one of a receiver that was started anew, is not taken for
 * "stored" between dialsync sites: it counts its files. */
static void test_stale_rinit(void **state)
{
	struct hand h;

	(void)state;
	hand_init(&h, ZM_CALLER, 3000);
	put(&h, ZRINIT, 0x23580000); /* a dialsync answerer, none stored */
	assert_int_equal(answer(&h), ZSINIT);
	put(&h, ZACK, 1);
	assert_int_equal(answer(&h), ZFILE);
	put(&h, ZRPOS, 0);
	for (int k = 0; answer(&h) != ZEOF && k < 9; k++)
		;
	put(&h, ZRINIT, 0x23580000);
	assert_int_equal(answer(&h), -1);
	assert_false(h.e.send[0].done);
	put(&h, ZRINIT, 0x23590000); /* one stored */
	assert_int_equal(answer(&h), ZFIN);
	assert_true(h.e.send[0].done);
	end_free(&h.e);
	/* Our own ZRINIT, echoed, starts nothing. */
	hand_init(&h, ZM_CALLER, 3000);
	put(&h, ZRINIT, 0x23540000);
	assert_int_equal(answer(&h), -1);
	end_free(&h.e);
}

/* Give the machine all that it says. */
static int echo(struct hand *h)
{
	const uint8_t *p;
	size_t n = zm_out(h->e.z, &p);

	memcpy(h->buf, p, n);
	h->o.n = n;
	return answer(h);
}

/* A line that echoes is recognised without waiting; two callers on one cable,
 * whose first frames are the same bytes, are not taken for that. */
static void test_echo(void **state)
{
	struct hand h;

	(void)state;
	hand_init(&h, ZM_CALLER, 3000);
	assert_int_equal(echo(&h), ZACK); /* "is that us?" */
	assert_int_equal(echo(&h), ZCAN);
	assert_int_equal(h.e.err.kind, ERR_PEER);
	end_free(&h.e);
	hand_init(&h, ZM_CALLER, 3000);
	for (int i = 0; i < 5; i++) {
		put(&h, ZRQINIT, 0x01017364); /* another caller, until ... */
		assert_int_equal(answer(&h), ZACK);
		put(&h, ZACK, 12345);
		assert_int_equal(answer(&h), -1);
	}
	put(&h, ZRINIT, 0x23580000); /* ... it becomes the answerer */
	assert_int_equal(answer(&h), ZSINIT);
	end_free(&h.e);
	/* a caller that took its echo for another caller, and answers */
	hand_init(&h, ZM_ANSWERER, 0);
	put(&h, ZRQINIT, 0x01017364);
	assert_int_equal(answer(&h), ZRINIT);
	assert_int_equal(echo(&h), ZCAN);
	assert_int_equal(h.e.err.kind, ERR_PEER);
	end_free(&h.e);
	/* two answerers, or an echo */
	hand_init(&h, ZM_ANSWERER, 3000);
	put(&h, ZRQINIT, 0x02017364);
	assert_int_equal(answer(&h), ZCAN);
	assert_int_equal(h.e.err.kind, ERR_PEER);
	end_free(&h.e);
}

/* Feed n bytes of what is no frame. */
static void feed_junk(struct hand *h, size_t n, int byte)
{
	uint8_t junk[4096];

	memset(junk, byte, sizeof junk);
	while (n > 0) {
		size_t k = n < sizeof junk ? n : sizeof junk;

		zm_feed(h->e.z, junk, k, h->now);
		end_events(&h->e, h->now);
		n -= k;
	}
}

/* A long banner may come before the first frame, but not without end. */
static void test_junk(void **state)
{
	static const struct {
		const char *name;
		size_t before, after;
		int byte;
		enum err_kind err;
	} rows[] = {
		{"64 KB before the first frame", 65536, 1 << 20, 'x',
		    ERR_NONE},
		{"one byte more", 65537, 0, 'x', ERR_PEER},
		{"all of them '*'", 65537, 0, '*', ERR_PEER},
		{"zeros", 65537, 0, 0, ERR_PEER},
		{"CAN, which may be left over", 65537, 0, 0x18, ERR_PEER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct hand h;

		hand_init(&h, ZM_ANSWERER, 0);
		feed_junk(&h, rows[i].before, rows[i].byte);
		if (rows[i].after) {
			put(&h, ZRQINIT, 0x01017364);
			assert_int_equal(answer(&h), ZRINIT);
			feed_junk(&h, rows[i].after, rows[i].byte);
		}
		if (h.e.err.kind != rows[i].err)
			fail_msg("%s: %d, %s", rows[i].name, h.e.err.kind,
			    h.e.err.text);
		end_free(&h.e);
	}
}

/* "Refused" is believed of the other dialsync site only. */
static void test_refused(void **state)
{
	static const struct {
		const char *name;
		bool dialsync;
		uint32_t bytes;
		enum err_kind err;
	} rows[] = {
		{"the answerer refuses", true, 0x0a017364, ERR_REFUSED},
		{"an echo of our own", true, 0x09017364, ERR_AGAIN},
		{"without the bit", true, 0x02017364, ERR_AGAIN},
		{"without the mark", true, 0x0a010000, ERR_AGAIN},
		{"a plain ZFERR", true, 0, ERR_AGAIN},
		{"a plain program", false, 0x0a017364, ERR_AGAIN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct hand h;

		hand_init(&h, ZM_CALLER, 3000);
		put(&h, ZRINIT, rows[i].dialsync ? 0x23580000 : 0x23000000);
		assert_int_equal(answer(&h),
		    rows[i].dialsync ? ZSINIT : ZFILE);
		put(&h, ZFERR, rows[i].bytes);
		assert_int_equal(answer(&h), ZCAN);
		assert_int_equal(h.errors, 0); /* not said back */
		if (h.e.err.kind != rows[i].err)
			fail_msg("%s: %d, %s", rows[i].name, h.e.err.kind,
			    h.e.err.text);
		end_free(&h.e);
	}
	/* and said to another dialsync site only: ZFERR is 0c */
	for (int dialsync = 0; dialsync < 2; dialsync++) {
		struct hand h;
		const uint8_t *p;
		size_t n;

		hand_init(&h, ZM_ANSWERER, 0);
		put(&h, ZRQINIT, dialsync ? 0x01017364 : 0);
		assert_int_equal(answer(&h), ZRINIT);
		n = zm_out(h.e.z, &p);
		zm_sent(h.e.z, n, 0);
		zm_abort(h.e.z, ERR_REFUSED, "who are you?");
		n = zm_out(h.e.z, &p);
		assert_in_range(n, 18, 60);
		assert_int_equal(memcmp(p, "**\030B0c", 6) == 0, dialsync);
		assert_int_equal(memcmp(p + n - 18, "\030\030\030\030\030", 5),
		    0);
		end_free(&h.e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offers),
		cmocka_unit_test(test_receiver_frames),
		cmocka_unit_test(test_sender_frames),
		cmocka_unit_test(test_receiver_kinds),
		cmocka_unit_test(test_after_error),
		cmocka_unit_test(test_wrong_answers),
		cmocka_unit_test(test_stale_rinit),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_junk),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
