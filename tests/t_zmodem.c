/* modem/zmodem*.c: both ends in one process on a pretended line.  SEED=n
 * repeats the random parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "modem/crc.h"
#include "zmodem_ends.h"

#define A_DAY 86400000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned seed;

static struct zm_conf conf_of(const char *site, const char *peer)
{
	struct zm_conf c;

	zm_conf_init(&c);
	snprintf(c.site, sizeof c.site, "%s", site);
	snprintf(c.peer, sizeof c.peer, "%s", peer);
	return c;
}

/* n files of about `size` bytes; the first of several is empty. */
static void add_files(struct end *e, int n, size_t size)
{
	for (int i = 0; i < n; i++) {
		char name[32];

		snprintf(name, sizeof name, "%08d.xml.gz", i + 1);
		end_add(e, name, n > 1 && i == 0 ? 0 : size + (size_t)i,
		    (unsigned)i + 7);
	}
}

/* --- sessions on a clean line --- */

static const struct session_row {
	const char *name;
	enum zm_side a, b;
	int a_files, b_files;
	uint64_t a_decides, b_decides, stores;
	const char *a_peer, *b_peer; /* as told */
	bool a_safe, b_safe;
	uint64_t from_ms, until_ms; /* it takes so long */
} session_rows[] = {
	{"nothing either way", ZM_CALLER, ZM_ANSWERER, 0, 0, 0, 0, 0,
	    "hub", "ann", true, true, 0, 50},
	{"one out", ZM_CALLER, ZM_ANSWERER, 1, 0, 0, 0, 0,
	    "hub", "ann", true, true, 0, 50},
	{"one back", ZM_CALLER, ZM_ANSWERER, 0, 1, 0, 0, 0,
	    "hub", "ann", true, true, 0, 50},
	{"some both ways, and no wait at the turn", ZM_CALLER, ZM_ANSWERER,
	    5, 4, 0, 0, 0, "hub", "ann", true, true, 0, 50},
	{"the answerer's packer takes 40 s", ZM_CALLER, ZM_ANSWERER,
	    1, 2, 0, 40000, 0, "hub", "ann", true, true, 40000, 50000},
	{"the answerer's packer takes 5 minutes for nothing", ZM_CALLER,
	    ZM_ANSWERER, 1, 0, 0, 300000, 0, "hub", "ann", true, true,
	    300000, 310000},
	{"the caller's packer takes 5 minutes", ZM_CALLER, ZM_ANSWERER,
	    2, 2, 300000, 0, 0, "hub", "ann", true, true, 300000, 310000},
	{"storing takes 90 s a file", ZM_CALLER, ZM_ANSWERER, 2, 1, 0, 0,
	    90000, "hub", "ann", true, true, 270000, 290000},
	{"plain: sender to receiver", ZM_SENDER, ZM_RECEIVER, 4, 0, 0, 0, 0,
	    "-", "-", true, true, 0, 50},
	{"plain: an empty batch", ZM_SENDER, ZM_RECEIVER, 0, 0, 0, 0, 0,
	    "-", "-", true, true, 0, 50},
	{"caller to rz: 10 s for a batch back", ZM_CALLER, ZM_RECEIVER,
	    2, 0, 0, 0, 0, "-", "-", true, true, 10000, 20000},
	{"caller from sz, nothing to send: ends at once", ZM_CALLER,
	    ZM_SENDER, 0, 2, 0, 0, 0, "-", "-", true, true, 0, 50},
	{"answerer to rz", ZM_ANSWERER, ZM_RECEIVER, 2, 0, 0, 0, 0,
	    "-", "-", true, true, 10000, 20000},
	{"answerer from sz, nothing to send", ZM_ANSWERER, ZM_SENDER, 0, 2,
	    0, 0, 0, "-", "-", true, true, 0, 50},
	{"answerer from sz, cannot give its own: 10 s, not safe",
	    ZM_ANSWERER, ZM_SENDER, 1, 2, 0, 0, 0, "-", "-", false, true,
	    9000, 16000},
};

static void run_session(const struct session_row *r, struct end *a,
    struct end *b, struct line *l)
{
	struct zm_conf ca = conf_of("ann", "hub"), cb = conf_of("hub", "ann");
	uint64_t took;

	end_init(a, &ca, r->a);
	end_init(b, &cb, r->b);
	add_files(a, r->a_files, 5000);
	add_files(b, r->b_files, 7000);
	a->decide_at = r->a_decides;
	b->decide_at = r->b_decides;
	a->store_ms = b->store_ms = r->stores;
	took = ends_run(a, b, l, A_DAY);
	if (took < r->from_ms || took > r->until_ms)
		fail_msg("%s: took %llu ms", r->name,
		    (unsigned long long)took);
}

static void test_sessions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof session_rows / sizeof *session_rows;
	    i++) {
		const struct session_row *r = &session_rows[i];
		struct end a, b;
		struct line l;

		print_message("%s\n", r->name);
		line_init(&l);
		run_session(r, &a, &b, &l);
		assert_true(a.ended && b.ended && !a.failed && !b.failed);
		assert_string_equal(a.peer, r->a_peer);
		assert_int_equal(a.safe, r->a_safe);
		assert_int_equal(b.safe, r->b_safe);
		assert_int_equal(zm_safe(a.z), r->a_safe);
		if (r->b <= ZM_ANSWERER)
			assert_string_equal(b.peer, r->b_peer);
		assert_true(!r->a_safe || ends_same(&a, &b));
		assert_true(ends_same(&b, &a));
		line_free(&l);
		end_free(&a);
		end_free(&b);
	}
}

/* However the bytes are cut into pieces, the events are the same. */
static void test_pieces(void **state)
{
	static const size_t steps[] = {4096, 1, 2, 3, 7, 64, 1000};
	char first[2][8192];

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct end a, b;
		struct line l;

		line_init(&l);
		l.step = steps[i];
		run_session(&session_rows[3], &a, &b, &l);
		if (i == 0) {
			strcpy(first[0], a.log);
			strcpy(first[1], b.log);
		}
		assert_string_equal(a.log, first[0]);
		assert_string_equal(b.log, first[1]);
		line_free(&l);
		end_free(&a);
		end_free(&b);
	}
}

/* A whole batch as bytes: what a sender sent to a receiver. */
static size_t record(uint8_t *p, size_t cap)
{
	struct zm_conf c = conf_of("", "");
	struct end a, b;
	struct line l;
	size_t n = 0;

	line_init(&l);
	end_init(&a, &c, ZM_SENDER);
	end_init(&b, &c, ZM_RECEIVER);
	end_add(&a, "00000001.xml.gz", 700, 3);
	end_add(&a, "00000002.xml.gz", 1500, 4);
	while (!a.ended || !b.ended) {
		const uint8_t *o;
		size_t m;

		end_events(&a, 0);
		end_events(&b, 0);
		m = zm_out(a.z, &o);
		assert_true(n + m < cap);
		memcpy(p + n, o, m);
		n += m;
		zm_feed(b.z, o, m, 0);
		zm_sent(a.z, m, 0);
		end_events(&b, 0);
		m = zm_out(b.z, &o);
		zm_feed(a.z, o, m, 0);
		zm_sent(b.z, m, 0);
	}
	line_free(&l);
	end_free(&a);
	end_free(&b);
	return n;
}

static void replay(const uint8_t *p, size_t n, size_t split, char log[8192])
{
	struct zm_conf c = conf_of("", "");
	struct end b;
	const uint8_t *o;

	end_init(&b, &c, ZM_RECEIVER);
	end_events(&b, 0);
	assert_int_equal(zm_feed(b.z, p, split, 0), split);
	end_events(&b, 0);
	assert_int_equal(zm_feed(b.z, p + split, n - split, 0), n - split);
	end_events(&b, 0);
	zm_sent(b.z, zm_out(b.z, &o), 0);
	end_events(&b, 0);
	memcpy(log, b.log, sizeof b.log);
	end_free(&b);
}

static void test_splits(void **state)
{
	uint8_t bytes[8192];
	char first[8192], log[8192];
	size_t n = record(bytes, sizeof bytes);

	(void)state;
	replay(bytes, n, 0, first);
	assert_non_null(strstr(first, "end 1500\nsafe\ndone\n"));
	for (size_t i = 1; i < n; i++) {
		replay(bytes, n, i, log);
		assert_string_equal(log, first);
	}
}

/* --- bad lines --- */

static void one_bad_line(unsigned s, unsigned flip, unsigned drop,
    unsigned insert)
{
	static const uint32_t blocks[] = {128, 1024, 8192};
	struct zm_conf ca = conf_of("ann", "hub"), cb = conf_of("hub", "ann");
	struct end a, b;
	struct line l;
	struct zm_stats sa;
	uint64_t took;

	ca.block = cb.block = blocks[s % 3];
	ca.window = s % 2 ? 8192 : 0;
	ca.silence_ms = cb.silence_ms = 600000;
	line_init(&l);
	l.random = s;
	l.flip = flip;
	l.drop = drop;
	l.insert = insert;
	l.bad_bytes = 60000;
	l.delay_ms = s % 4 * 300;
	l.step = 1 + s % 5 * 97;
	end_init(&a, &ca, ZM_CALLER);
	end_init(&b, &cb, ZM_ANSWERER);
	add_files(&a, 3, 15000);
	add_files(&b, 2, 9000);
	took = ends_run(&a, &b, &l, A_DAY);
	zm_stats(a.z, &sa);
	if (!a.safe || !b.safe || !ends_same(&a, &b) || !ends_same(&b, &a))
		fail_msg("seed %u flip %u drop %u insert %u: after %llu ms: "
		    "%s / %s: %s%s", s, flip, drop, insert,
		    (unsigned long long)took, zm_state(a.z), zm_state(b.z),
		    a.err.text, b.err.text);
	line_free(&l);
	end_free(&a);
	end_free(&b);
}

/* Whatever the first bytes suffer, when the line is clean it comes to a good
 * end, and a safe end is never a false one. */
static void test_bad_lines(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		unsigned s = seed + i;

		one_bad_line(s, 200, 0, 0);
		one_bad_line(s, 0, 200, 0);
		one_bad_line(s, 0, 0, 200);
		one_bad_line(s, 100, 100, 100);
	}
}

/* The line breaks after any number of bytes: both notice, and what is called
 * safe at one end is stored at the other. */
static void test_cuts(void **state)
{
	(void)state;
	for (uint64_t cut = 1; cut < 40000; cut += cut < 200 ||
	    cut > 36000 ? 7 : 997) {
		struct zm_conf ca = conf_of("ann", "hub");
		struct zm_conf cb = conf_of("hub", "ann");
		struct end a, b;
		struct line l;
		uint64_t took;

		line_init(&l);
		l.cut_after = cut;
		l.step = 50;
		end_init(&a, &ca, ZM_CALLER);
		end_init(&b, &cb, ZM_ANSWERER);
		add_files(&a, 3, 5000);
		add_files(&b, 3, 7000);
		took = ends_run(&a, &b, &l, A_DAY);
		assert_true(a.ended && b.ended);
		assert_true(took < 200000);
		assert_true(!a.safe || (a.n_got == b.n_send &&
		    ends_same(&a, &b)));
		assert_true(!b.safe || (b.n_got == a.n_send &&
		    ends_same(&b, &a)));
		for (int i = 0; i < a.n_send; i++)
			assert_true(!a.send[i].done || b.got[i].done);
		for (int i = 0; i < b.n_send; i++)
			assert_true(!b.send[i].done || a.got[i].done);
		if (a.failed)
			assert_int_equal(a.err.kind, ERR_AGAIN);
		line_free(&l);
		end_free(&a);
		end_free(&b);
	}
}

/* --- resume --- */

static void test_resume(void **state)
{
	static const struct {
		const char *name;
		uint64_t at;
		bool same, right;
		uint64_t data; /* bytes that must pass */
	} rows[] = {
		{"from the start", 0, false, true, 20000},
		{"from the middle", 12345, false, true, 7655},
		{"all is here already", 20000, false, true, 0},
		{"compared, the same", 12345, true, true, 7655},
		{"compared, all of it", 20000, true, true, 0},
		{"compared, another file", 12345, true, false, 20000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct zm_conf c = conf_of("", "");
		struct end a, b;
		struct line l;
		struct zm_stats s;

		print_message("%s\n", rows[i].name);
		line_init(&l);
		end_init(&a, &c, ZM_SENDER);
		end_init(&b, &c, ZM_RECEIVER);
		end_add(&a, "00000001.xml.gz", 20000, 1);
		b.accept_at = rows[i].at;
		b.same = rows[i].same;
		b.part_crc = crc32_add(0, a.send[0].p, (size_t)rows[i].at) ^
		    !rows[i].right;
		ends_run(&a, &b, &l, A_DAY);
		assert_true(a.safe && b.safe);
		zm_stats(a.z, &s);
		assert_int_equal(s.data_out, rows[i].data);
		assert_int_equal(b.restarted, !rows[i].right);
		assert_memory_equal(b.got[0].p + 20000 - s.data_out,
		    a.send[0].p + 20000 - s.data_out, s.data_out);
		assert_int_equal(b.got[0].n, 20000);
		line_free(&l);
		end_free(&a);
		end_free(&b);
	}
}

/* --- when it is not yet safe --- */

static void test_not_safe(void **state)
{
	static const struct {
		const char *name;
		bool b_store_fails, a_store_fails, b_skips;
		uint64_t cut_after;
		uint64_t a_decides, b_decides, stop_at;
		bool a_safe, b_safe;
	} rows[] = {
		{"all went well", false, false, false, 0, 0, 0, A_DAY,
		    true, true},
		{"a file is not stored there", true, false, false, 0, 0, 0,
		    A_DAY, false, false},
		{"a file is not stored here", false, true, false, 0, 0, 0,
		    A_DAY, false, false},
		{"a file was skipped there", false, false, true, 0, 0, 0,
		    A_DAY, false, true},
		{"our batch is not decided", false, false, false, 0, 99999,
		    0, 50000, false, false},
		{"the other batch is not decided", false, false, false, 0, 0,
		    99999, 50000, false, false},
		{"the line breaks in the first file", false, false, false,
		    3000, 0, 0, A_DAY, false, false},
		{"the line breaks in the second batch", false, false, false,
		    9000, 0, 0, A_DAY, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct zm_conf ca = conf_of("ann", "hub");
		struct zm_conf cb = conf_of("hub", "ann");
		struct end a, b;
		struct line l;

		print_message("%s\n", rows[i].name);
		line_init(&l);
		l.cut_after = rows[i].cut_after;
		l.step = 100;
		end_init(&a, &ca, ZM_CALLER);
		end_init(&b, &cb, ZM_ANSWERER);
		add_files(&a, 1, 5000);
		add_files(&b, 1, 5000);
		a.store_fails = rows[i].a_store_fails;
		b.store_fails = rows[i].b_store_fails;
		b.skips = rows[i].b_skips;
		a.decide_at = rows[i].a_decides;
		b.decide_at = rows[i].b_decides;
		ends_run(&a, &b, &l, rows[i].stop_at);
		assert_int_equal(zm_safe(a.z), rows[i].a_safe);
		assert_int_equal(zm_safe(b.z), rows[i].b_safe);
		assert_int_equal(a.safe, rows[i].a_safe);
		assert_int_equal(b.safe, rows[i].b_safe);
		line_free(&l);
		end_free(&a);
		end_free(&b);
	}
}

/* --- who is there --- */

static void test_names(void **state)
{
	static const struct {
		const char *name, *a_site, *a_peer, *b_site, *b_peer;
		enum err_kind a, b; /* ERR_NONE: goes well */
		const char *a_told, *b_told;
	} rows[] = {
		{"as they should", "ann", "hub", "hub", "ann",
		    ERR_NONE, ERR_NONE, "hub", "ann"},
		{"the answerer expects nobody", "ann", "hub", "hub", "",
		    ERR_NONE, ERR_NONE, "hub", "ann"},
		{"nobody says anything", "", "", "", "",
		    ERR_NONE, ERR_NONE, "", ""},
		{"a wrong number", "ann", "hub", "bob", "",
		    ERR_REFUSED, ERR_REFUSED, "", ""},
		{"an answerer that does not say", "ann", "hub", "", "",
		    ERR_NONE, ERR_NONE, "", "ann"},
		{"a caller that does not say whom", "ann", "", "bob", "",
		    ERR_NONE, ERR_NONE, "", "ann"},
		{"another caller than expected", "eve", "hub", "hub", "ann",
		    ERR_REFUSED, ERR_REFUSED, "", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct zm_conf ca = conf_of(rows[i].a_site, rows[i].a_peer);
		struct zm_conf cb = conf_of(rows[i].b_site, rows[i].b_peer);
		struct end a, b;
		struct line l;

		print_message("%s\n", rows[i].name);
		line_init(&l);
		end_init(&a, &ca, ZM_CALLER);
		end_init(&b, &cb, ZM_ANSWERER);
		add_files(&a, 1, 100);
		ends_run(&a, &b, &l, A_DAY);
		assert_int_equal(a.err.kind, rows[i].a);
		assert_int_equal(b.err.kind, rows[i].b);
		assert_string_equal(a.peer, rows[i].a_told);
		assert_string_equal(b.peer, rows[i].b_told);
		line_free(&l);
		end_free(&a);
		end_free(&b);
	}
}

/* Never more in flight than the window. */
static void test_window(void **state)
{
	struct zm_conf c = conf_of("", "");
	struct end a, b;
	uint64_t got = 0;

	(void)state;
	c.window = 4096;
	end_init(&a, &c, ZM_SENDER);
	end_init(&b, &c, ZM_RECEIVER);
	end_add(&a, "00000001.xml.gz", 50000, 1);
	for (int i = 0; i < 500 && !(a.ended && b.ended); i++) {
		const uint8_t *p;
		struct zm_stats s;
		size_t n;

		/* All that a may send without hearing of b. */
		do {
			end_events(&a, 0);
			n = zm_out(a.z, &p);
			zm_feed(b.z, p, n, 0);
			zm_sent(a.z, n, 0);
			end_events(&b, 0);
		} while (n > 0);
		zm_stats(a.z, &s);
		assert_true(s.data_out - got <= 4096);
		zm_stats(b.z, &s);
		got = s.data_in;
		n = zm_out(b.z, &p);
		zm_feed(a.z, p, n, 0);
		zm_sent(b.z, n, 0);
	}
	assert_true(a.safe && b.safe);
	end_free(&a);
	end_free(&b);
}

/* --- the worked example of doc/ZMODEM.md --- */

static size_t show_bytes(char *t, size_t room, const char *who,
    const uint8_t *p, size_t n)
{
	size_t at = (size_t)snprintf(t, room, "    %s  ", who), col = 0;

	for (size_t i = 0; i < n; i++, col++) {
		if (col == 44) {
			at += (size_t)snprintf(t + at, room - at,
			    "\n         ");
			col = 0;
		}
		at += (size_t)snprintf(t + at, room - at, p[i] >= ' ' &&
		    p[i] < 127 ? "%c" : "<%02x>", p[i]);
	}
	return at + (size_t)snprintf(t + at, room - at, "\n");
}

static size_t pass_and_show(struct end *from, struct end *to, const char *who,
    char *t, size_t room)
{
	const uint8_t *p;
	size_t n = zm_out(from->z, &p), at;

	if (n == 0)
		return 0;
	at = show_bytes(t, room, who, p, n);
	zm_feed(to->z, p, n, 0);
	zm_sent(from->z, n, 0);
	end_events(to, 0);
	end_events(from, 0);
	return at;
}

static void test_document(void **state)
{
	struct zm_conf ca = conf_of("ann", "hub"), cb = conf_of("hub", "");
	struct end a, b;
	char text[8192] = "", path[1000], *doc;
	const char *top = getenv("abs_top_srcdir");
	size_t at = 0, n;
	FILE *f;

	(void)state;
	end_init(&a, &ca, ZM_CALLER);
	end_init(&b, &cb, ZM_ANSWERER);
	end_add(&a, "00000042.xml.gz", 5, 1);
	memcpy(a.send[0].p, "hello", 5);
	end_events(&a, 0);
	end_events(&b, 0);
	for (int i = 0; i < 20; i++) {
		at += pass_and_show(&a, &b, "ann", text + at,
		    sizeof text - at);
		at += pass_and_show(&b, &a, "hub", text + at,
		    sizeof text - at);
	}
	assert_true(a.safe && b.safe && a.ended && b.ended);
	end_free(&a);
	end_free(&b);
	snprintf(path, sizeof path, "%s/doc/ZMODEM.md",
	    top == NULL ? "." : top);
	f = fopen(path, "r");
	if (f == NULL)
		skip();
	doc = calloc(1, 65536);
	n = fread(doc, 1, 65535, f);
	fclose(f);
	if (n == 0 || strstr(doc, text) == NULL) {
		free(doc);
		fail_msg("%s does not hold:\n%s", path, text);
	}
	free(doc);
}

static void test_random_scripts(void **state)
{
	(void)state;
	srand(seed);
	for (int i = 0; i < 3000; i++) {
		uint8_t script[600];
		size_t n = (size_t)rand() % sizeof script;

		for (size_t k = 0; k < n; k++)
			script[k] = (uint8_t)rand();
		LLVMFuzzerTestOneInput(script, n);
	}
}

int main(void)
{
	const char *s = getenv("SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_splits),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_not_safe),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_random_scripts),
	};

	seed = s != NULL ? (unsigned)atoi(s) : 1;
	print_message("SEED=%u\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
