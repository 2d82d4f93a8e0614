/* modem/exchange*.c: two cores on a simulated line, and one against a side
 * that is worked by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <malloc.h>

#include <cmocka.h>
#include <sodium.h>

#include "exchange_ends.h"
#include "exchange_hand.h"

#define ROWS(a) (sizeof (a) / sizeof *(a))

static struct end a, b;
static struct wire w;

static void line_up(uint32_t bps, uint32_t delay_ms)
{
	struct sim_line_conf c = {.bps = bps, .delay_ms = delay_ms,
	    .buffer_bytes = 4096};
	const char *why;

	memset(&w, 0, sizeof w);
	w.l = sim_line_new(&c, &why);
	assert_non_null(w.l);
	w.end[0] = &a;
	w.end[1] = &b;
	w.now = 1000 * SIM_MS;
	w.step = 2 * SIM_MS;
}

static void set_up(enum record_security s)
{
	end_init(&a, "ann", &b, true, s, 1);
	end_init(&b, "hub", &a, false, s, 2);
}

static void go(uint64_t limit_ms)
{
	uint64_t ms = w.now / SIM_MS;

	end_start(&a, ms, ms);
	end_start(&b, ms + 1, ms);
	if (!wire_run(&w, w.now + limit_ms * SIM_MS))
		fail_msg("it hangs: %s, %s", exchange_state(a.x),
		    exchange_state(b.x));
}

static void tear_down(void)
{
	sim_line_free(w.l);
	end_fini(&a);
	end_fini(&b);
}

static void add(struct end *e, int n, size_t size)
{
	for (int i = 0; i < n; i++)
		end_add(e, (uint64_t)i + 1, size, (uint64_t)i + 77);
}

/* --- sessions on a clean line --- */

static const struct session_row {
	const char *name;
	enum record_security security;
	uint32_t bps, delay_ms;
	int n_a, n_b;
	size_t size_a, size_b;
	uint64_t decides_a, decides_b, stores, reads;
	uint64_t until_ms; /* both are safe by then */
} sessions[] = {
	{"nothing either way", RECORD_ENCRYPT, 33600, 60, 0, 0, 0, 0, 0, 0,
	    0, 0, 500},
	{"one out", RECORD_ENCRYPT, 33600, 60, 1, 0, 2000, 0, 0, 0, 0, 0,
	    1500},
	{"one back", RECORD_ENCRYPT, 33600, 60, 0, 1, 0, 2000, 0, 0, 0, 0,
	    1500},
	{"both ways at once take as long as one", RECORD_ENCRYPT, 33600, 60,
	    5, 5, 6000, 6000, 0, 0, 0, 0, 10300},
	{"many small ones", RECORD_ENCRYPT, 33600, 60, 150, 150, 100, 100,
	    0, 0, 0, 0, 6200},
	{"empty bundles", RECORD_ENCRYPT, 33600, 60, 3, 3, 0, 0, 0, 0, 0, 0,
	    1000},
	{"signed", RECORD_SIGN, 33600, 60, 3, 3, 1000, 1000, 0, 0, 0, 0,
	    2000},
	{"neither", RECORD_NONE, 33600, 60, 3, 3, 1000, 1000, 0, 0, 0, 0,
	    2000},
	{"the packer takes 5 minutes", RECORD_ENCRYPT, 33600, 60, 2, 2, 500,
	    500, 0, 300000, 0, 0, 302000},
	{"storing takes 3 minutes", RECORD_ENCRYPT, 33600, 60, 2, 2, 500,
	    500, 0, 0, 180000, 0, 183000},
	{"reading is slow, answers go out meanwhile", RECORD_ENCRYPT, 33600,
	    60, 2, 2, 500, 500, 0, 0, 0, 2000, 6000},
	{"20 s one way", RECORD_ENCRYPT, 33600, 20000, 1, 1, 500, 500, 0, 0,
	    0, 0, 150000},
	{"300 bps", RECORD_ENCRYPT, 300, 100, 1, 1, 500, 500, 0, 0, 0, 0,
	    40000},
};

static void test_sessions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(sessions); i++) {
		const struct session_row *r = &sessions[i];

		print_message("%s\n", r->name);
		set_up(r->security);
		line_up(r->bps, r->delay_ms);
		add(&a, r->n_a, r->size_a);
		add(&b, r->n_b, r->size_b);
		a.decide_ms = r->decides_a;
		b.decide_ms = r->decides_b;
		a.store_ms = b.store_ms = r->stores;
		a.data_ms = b.data_ms = r->reads;
		a.conf.rate = b.conf.rate = r->bps / 10.0;
		go(r->until_ms + 60000);
		assert_string_equal(a.err.text, "");
		assert_string_equal(b.err.text, "");
		assert_true(a.safe && b.safe);
		assert_true(end_delivered(&a) && end_delivered(&b));
		assert_string_equal(a.peer_name, "hub");
		assert_string_equal(b.peer_name, "ann");
		if (a.safe_at > 1000 + r->until_ms ||
		    b.safe_at > 1000 + r->until_ms)
			fail_msg("safe after %llu and %llu ms",
			    (unsigned long long)a.safe_at - 1000,
			    (unsigned long long)b.safe_at - 1000);
		tear_down();
	}
}

/* With nothing to send: two round trips to safe, none is wasted on waiting. */
static void test_round_trips(void **state)
{
	(void)state;
	set_up(RECORD_ENCRYPT);
	line_up(1000000, 1000);
	go(60000);
	print_message("caller safe after %llu ms, answerer %llu\n",
	    (unsigned long long)a.safe_at - 1000,
	    (unsigned long long)b.safe_at - 1000);
	assert_in_range(a.safe_at, 1000, 1000 + 4 * 1000 + 60);
	assert_in_range(b.safe_at, 1000, 1000 + 3 * 1000 + 60);
	assert_in_range(a.done_at, 1000, 1000 + 4 * 1000 + 60);
	tear_down();

	/* and the first byte of a bundle after 1.5 */
	set_up(RECORD_ENCRYPT);
	line_up(1000000, 1000);
	add(&a, 1, 100);
	add(&b, 1, 100);
	go(60000);
	assert_in_range(b.data_at, 1000, 1000 + 3 * 1000 + 60);
	assert_in_range(a.data_at, 1000, 1000 + 4 * 1000 + 60);
	tear_down();
}

/* --- pieces --- */

#define CHUNKS 4000

static struct {
	uint64_t at;
	size_t n;
	uint8_t p[4096];
} *chunks;
static size_t n_chunks;
static char whole[LOG_MAX];

/* Run both ends with bytes carried at once; keep what came to b. */
static void record_session(void)
{
	uint64_t now = 1000;

	n_chunks = 0;
	end_start(&a, 5, now);
	end_start(&b, 6, now);
	for (; !(a.ended && b.ended) && n_chunks < CHUNKS; now += 5) {
		const uint8_t *p;
		size_t n;

		exchange_tick(a.x, now);
		exchange_tick(b.x, now);
		end_events(&a, now);
		end_events(&b, now);
		while ((n = exchange_out(b.x, &p, now)) > 0) {
			exchange_feed(a.x, p, n, now);
			end_events(&a, now);
			exchange_sent(b.x, n, now);
			end_events(&b, now);
		}
		while ((n = exchange_out(a.x, &p, now)) > 0) {
			assert_in_range(n, 1, 4096);
			chunks[n_chunks].at = now;
			chunks[n_chunks].n = n;
			memcpy(chunks[n_chunks++].p, p, n);
			exchange_feed(b.x, p, n, now);
			end_events(&b, now);
			exchange_sent(a.x, n, now);
			end_events(&a, now);
		}
	}
	assert_true(a.safe && b.safe);
}

/* The same bytes at the same times to a new b; each chunk is cut where `cut`
 * says.  What b does must be the same. */
static void replay(size_t (*cut)(size_t, size_t, size_t), size_t k)
{
	uint64_t now = 1000;
	size_t at = 0;

	end_start(&b, 6, now);
	for (size_t i = 0; now < 60000 && !b.ended; now += 5) {
		const uint8_t *p;
		size_t n;

		exchange_tick(b.x, now);
		end_events(&b, now);
		while ((n = exchange_out(b.x, &p, now)) > 0) {
			exchange_sent(b.x, n, now);
			end_events(&b, now);
		}
		for (; i < n_chunks && chunks[i].at <= now; i++)
			for (size_t j = 0; j < chunks[i].n; j += n) {
				n = cut(at, chunks[i].n - j, k);
				exchange_feed(b.x, chunks[i].p + j, n, now);
				end_events(&b, now);
				at += n;
			}
	}
	if (strcmp(b.log, whole) != 0)
		fail_msg("cut %zu: %s\ninstead of %s", k, b.log, whole);
	exchange_free(b.x);
	b.x = NULL;
}

static size_t cut_each(size_t at, size_t n, size_t k)
{
	(void)at;
	return n < k ? n : k;
}

/* Once, before the byte at k. */
static size_t cut_once(size_t at, size_t n, size_t k)
{
	return at < k && at + n > k ? k - at : n;
}

static void test_pieces(void **state)
{
	static const size_t sizes[] = {4096, 1, 2, 3, 7, 64, 1000};
	size_t total = 0;
	struct spool keep;

	(void)state;
	chunks = malloc(CHUNKS * sizeof *chunks);
	set_up(RECORD_ENCRYPT);
	add(&a, 2, 300);
	add(&b, 2, 200);
	b.pass = 1;
	record_session();
	snprintf(whole, sizeof whole, "%s", b.log);
	for (size_t i = 0; i < n_chunks; i++)
		total += chunks[i].n;
	exchange_free(a.x);
	exchange_free(b.x);
	a.x = b.x = NULL;
	for (size_t i = 0; i < ROWS(sizes) + total; i++) {
		/* b as it was; a has its bundles still */
		for (size_t j = 0; j < 2; j++)
			a.disk.out[j].gone = b.disk.out[j].gone = false;
		keep = b.disk;
		b.disk.n_in = b.disk.n_part = 0;
		if (i < ROWS(sizes))
			replay(cut_each, sizes[i]);
		else
			replay(cut_once, i - ROWS(sizes));
		for (size_t j = 0; j < b.disk.n_part; j++)
			free(b.disk.part[j].p);
		b.disk = keep;
	}
	print_message("%zu bytes, each split\n", total);
	free(chunks);
	end_fini(&a);
	end_fini(&b);
}

/* --- who is there --- */

struct who {
	const char *site, *peer;
	enum record_security security;
	const char *keys;  /* a letter each */
	const char *insist;
};

static const struct hello_row {
	const char *name;
	struct who a, b;
	bool both_call;
	const char *says_a, *says_b; /* "": a good call */
	size_t key;                  /* of the answerer's */
} hellos[] = {
	{"a good call", {"ann", "hub", RECORD_ENCRYPT, "k", NULL},
	    {"hub", "ann", RECORD_ENCRYPT, "k", NULL}, false, "", "", 0},
	{"any of the answerer's keys", {"ann", "hub", RECORD_ENCRYPT, "k",
	    NULL}, {"hub", "ann", RECORD_ENCRYPT, "xyk", NULL}, false, "",
	    "", 2},
	{"the caller's second key, after a refusal", {"ann", "hub",
	    RECORD_ENCRYPT, "ok", NULL}, {"hub", "ann", RECORD_ENCRYPT, "k",
	    NULL}, false, "", "", 0},
	{"the caller's eighth key", {"ann", "hub", RECORD_SIGN, "abcdefgk",
	    NULL}, {"hub", "ann", RECORD_SIGN, "k", NULL}, false, "", "", 0},
	{"no common key", {"ann", "hub", RECORD_ENCRYPT, "abc", NULL},
	    {"hub", "ann", RECORD_ENCRYPT, "k", NULL}, false,
	    "hub refused the call", "was refused", 0},
	{"an unknown name", {"eve", "hub", RECORD_ENCRYPT, "k", NULL},
	    {"hub", "ann", RECORD_ENCRYPT, "k", NULL}, false,
	    "hub refused the call", "was refused", 0},
	{"the key of one, the name of another", {"eve", "hub", RECORD_SIGN,
	    "k", NULL}, {"hub", "ann", RECORD_SIGN, "k", NULL}, false,
	    "hub refused the call", "was refused", 0},
	{"it is not the site that was meant", {"ann", "hub", RECORD_ENCRYPT,
	    "k", NULL}, {"pub", "ann", RECORD_ENCRYPT, "k", NULL}, false,
	    "hub refused the call", "was refused", 0},
	{"only another may call", {"ann", "hub", RECORD_ENCRYPT, "k", NULL},
	    {"hub", "ann", RECORD_ENCRYPT, "k", "bob"}, false,
	    "hub refused the call", "was refused", 0},
	{"insisted on", {"ann", "hub", RECORD_ENCRYPT, "k", NULL},
	    {"hub", "ann", RECORD_ENCRYPT, "k", "ann"}, false, "", "", 0},
	{"no security where a key is set: downgrade", {"ann", "hub",
	    RECORD_NONE, "", NULL}, {"hub", "ann", RECORD_ENCRYPT, "k",
	    NULL}, false, "hub refused the call", "was refused", 0},
	{"signed where encryption is set", {"ann", "hub", RECORD_SIGN, "k",
	    NULL}, {"hub", "ann", RECORD_ENCRYPT, "k", NULL}, false,
	    "hub refused the call", "was refused", 0},
	{"encrypted where signing is set", {"ann", "hub", RECORD_ENCRYPT,
	    "k", NULL}, {"hub", "ann", RECORD_SIGN, "k", NULL}, false,
	    "hub refused the call", "was refused", 0},
	{"encrypted where nothing is set", {"ann", "hub", RECORD_ENCRYPT,
	    "k", NULL}, {"hub", "ann", RECORD_NONE, "", NULL}, false,
	    "hub refused the call", "was refused", 0},
	{"neither has a key", {"ann", "hub", RECORD_NONE, "", NULL},
	    {"hub", "ann", RECORD_NONE, "", NULL}, false, "", "", 0},
	{"neither has a key, an unknown name", {"eve", "hub", RECORD_NONE,
	    "", NULL}, {"hub", "ann", RECORD_NONE, "", NULL}, false,
	    "hub refused the call", "was refused", 0},
	{"two callers: the smaller name answers", {"ann", "hub",
	    RECORD_ENCRYPT, "k", NULL}, {"hub", "ann", RECORD_ENCRYPT, "k",
	    NULL}, true, "", "", 0},
	{"two callers, signed", {"hub", "ann", RECORD_SIGN, "k", NULL},
	    {"ann", "hub", RECORD_SIGN, "k", NULL}, true, "", "", 0},
	{"two callers without a common key", {"ann", "hub", RECORD_ENCRYPT,
	    "j", NULL}, {"hub", "ann", RECORD_ENCRYPT, "k", NULL}, true,
	    "was refused", "ann refused the call", 0},
};

static void be(struct end *e, struct exchange_peer *p, const struct who *who,
    bool caller)
{
	memset(p, 0, sizeof *p);
	snprintf(p->name, sizeof p->name, "%s", who->peer);
	p->security = who->security;
	p->n_psk = strlen(who->keys);
	for (size_t i = 0; i < p->n_psk; i++)
		memset(p->psk[i], who->keys[i], 32);
	snprintf(e->conf.site, sizeof e->conf.site, "%s", who->site);
	e->conf.peers = p;
	e->conf.insist = who->insist;
	e->conf.caller = caller;
}

static void expect(const struct end *e, const char *says)
{
	if (*says == '\0')
		assert_string_equal(e->err.text, "");
	else if (strstr(e->err.text, says) == NULL)
		fail_msg("%s: \"%s\" instead of \"%s\"", e->name,
		    e->err.text, says);
	assert_int_equal(e->safe, *says == '\0');
}

static void test_hellos(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(hellos); i++) {
		const struct hello_row *r = &hellos[i];
		struct exchange_peer pa, pb;

		print_message("%s\n", r->name);
		set_up(RECORD_ENCRYPT);
		line_up(33600, 60);
		be(&a, &pa, &r->a, true);
		be(&b, &pb, &r->b, r->both_call);
		add(&a, 1, 100);
		add(&b, 1, 100);
		end_start(&a, 1, 1000);
		end_start(&b, 2, 1000);
		w.keep = true; /* a refused caller keeps the line */
		assert_true(wire_run(&w, w.now + 120000 * SIM_MS));
		expect(&a, r->says_a);
		expect(&b, r->says_b);
		if (*r->says_a == '\0') {
			assert_true(end_delivered(&a));
			assert_true(end_delivered(&b));
			assert_int_equal(b.key, r->key);
		} else {
			assert_true(a.err.kind == ERR_REFUSED);
			assert_true(b.err.kind == ERR_REFUSED);
			assert_false(a.hello || b.hello);
		}
		tear_down();
	}
}

/* The refusals cannot be told apart. */
static void test_same_refusal(void **state)
{
	static const struct who callers[] = {
		{"ann", "hub", RECORD_ENCRYPT, "x", NULL},
		{"eve", "hub", RECORD_ENCRYPT, "k", NULL},
		{"ann", "pub", RECORD_ENCRYPT, "k", NULL}};
	uint8_t first[HELLO_WIRE_MAX];
	size_t n_first = 0;

	(void)state;
	for (size_t i = 0; i < ROWS(callers); i++) {
		static const struct who hub = {"hub", "ann", RECORD_ENCRYPT,
		    "k", NULL};
		struct exchange_peer pa, pb;
		const uint8_t *p;
		size_t n;

		set_up(RECORD_ENCRYPT);
		be(&a, &pa, &callers[i], true);
		be(&b, &pb, &hub, false);
		end_start(&a, 1, 1000);
		end_start(&b, 2, 1000);
		n = exchange_out(a.x, &p, 1000);
		exchange_feed(b.x, p, n, 1000);
		end_events(&b, 1000);
		n = exchange_out(b.x, &p, 1000);
		assert_in_range(n, 1, sizeof first);
		if (i == 0)
			memcpy(first, p, n_first = n);
		assert_int_equal(n, n_first);
		assert_memory_equal(p, first, n);
		end_fini(&a);
		end_fini(&b);
	}
}

/* The hello is repeated byte for byte, after 2, 4, 8, 8 s, and gets the same
 * answer each time; until then the answerer says nothing. */
static void test_repeats(void **state)
{
	static const uint64_t at[] = {0, 2000, 6000, 14000, 22000, 30000};
	uint8_t first[HELLO_WIRE_MAX], answer[HELLO_WIRE_MAX];
	size_t n_first = 0, n_answer = 0, k = 0;
	const uint8_t *p;

	(void)state;
	set_up(RECORD_ENCRYPT);
	end_start(&a, 1, 1000);
	end_start(&b, 2, 1000);
	for (uint64_t t = 0; t < 31000; t += 100) {
		size_t n;

		exchange_tick(a.x, 1000 + t);
		end_events(&a, 1000 + t);
		n = exchange_out(a.x, &p, 1000 + t);
		if (k >= ROWS(at) || t != at[k]) {
			assert_int_equal(n, 0);
			continue;
		}
		if (k++ == 0)
			memcpy(first, p, n_first = n);
		assert_int_equal(n, n_first);
		assert_memory_equal(p, first, n);
		assert_int_equal(exchange_out(b.x, &p, 1000), k > 1 ? 0 : 0);
		exchange_sent(a.x, n, 1000 + t);
		exchange_feed(b.x, first, n_first - 1, 1000 + t);
		end_events(&b, 1000 + t);
		assert_int_equal(exchange_out(b.x, &p, 1000 + t), 0);
		exchange_feed(b.x, first + n_first - 1, 1, 1000 + t);
		end_events(&b, 1000 + t);
		n = exchange_out(b.x, &p, 1000 + t);
		if (k == 1)
			memcpy(answer, p, n_answer = n);
		assert_int_equal(n, n_answer);
		assert_memory_equal(p, answer, n);
		exchange_sent(b.x, n, 1000 + t);
		/* its HAVE, and what asks after it */
		while ((n = exchange_out(b.x, &p, 1000 + t)) > 0)
			exchange_sent(b.x, n, 1000 + t);
		assert_false(b.peer);
	}
	assert_int_equal(k, ROWS(at));
	end_fini(&a);
	end_fini(&b);
}

/* Someone hung up and called again, on a line that has no carrier. */
static void test_called_again(void **state)
{
	const uint8_t *p;
	size_t n;

	(void)state;
	set_up(RECORD_ENCRYPT);
	line_up(33600, 60);
	add(&a, 1, 100);
	end_start(&a, 1, 1000);
	end_start(&b, 2, 1000);
	n = exchange_out(a.x, &p, 1000);
	exchange_feed(b.x, p, n, 1000);
	end_events(&b, 1000);
	assert_true(b.hello && !b.peer);
	exchange_free(a.x);
	end_start(&a, 3, 1000);
	assert_true(wire_run(&w, w.now + 60000 * SIM_MS));
	assert_true(a.safe && b.safe && end_delivered(&a));
	tear_down();
}

static void test_echo(void **state)
{
	static const enum record_security how[] = {RECORD_NONE, RECORD_SIGN,
	    RECORD_ENCRYPT};

	(void)state;
	for (size_t i = 0; i < ROWS(how); i++) {
		const uint8_t *p;
		size_t n;

		set_up(how[i]);
		end_start(&a, 1, 1000);
		n = exchange_out(a.x, &p, 1000);
		exchange_feed(a.x, p, n, 1000);
		end_events(&a, 1000);
		assert_true(a.failed && a.err.kind == ERR_PEER);
		assert_non_null(strstr(a.err.text, "echoes"));
		end_fini(&a);
	}
}

/* One magic of seven bits may be damage, two are not. */
static void test_seven_bits(void **state)
{
	static const uint8_t magic[] = {0x1d, 'd', 's'};

	(void)state;
	for (int times = 1; times <= 2; times++) {
		set_up(RECORD_ENCRYPT);
		line_up(33600, 60);
		add(&a, 1, 100);
		end_start(&a, 1, 1000);
		end_start(&b, 2, 1000);
		for (int i = 0; i < times; i++)
			exchange_feed(b.x, magic, sizeof magic, 1000);
		end_events(&b, 1000);
		assert_int_equal(b.failed, times == 2);
		if (b.failed)
			assert_non_null(strstr(b.err.text, "seven bits"));
		else
			assert_true(wire_run(&w, w.now + 60000 * SIM_MS) &&
			    a.safe && b.safe && end_delivered(&a));
		tear_down();
	}
}

/* The answerer's first bytes have one size, whatever it has to say; what did
 * not fit comes later, and is used. */
static void test_first_have(void **state)
{
	size_t n_first = 0;

	(void)state;
	for (size_t parts = 0; parts < 6; parts++) {
		const uint8_t *p;
		size_t n, sum = 0;

		set_up(RECORD_ENCRYPT);
		line_up(33600, 60);
		for (size_t i = 0; i < parts; i++) {
			struct part *q = &b.disk.part[b.disk.n_part++];

			end_add(&a, 900 + i, 5000, i);
			q->number = 900 + i;
			q->size = 5000;
			q->crc = a.disk.out[i].crc;
			q->p = malloc(5001);
			q->have = q->synced = 4000 + i;
			memcpy(q->p, a.disk.out[i].p, q->have);
		}
		end_start(&a, 1, 1000);
		end_start(&b, 2, 1000);
		n = exchange_out(a.x, &p, 1000);
		exchange_feed(b.x, p, n, 1000);
		exchange_sent(a.x, n, 1000);
		end_events(&b, 1000);
		while ((n = exchange_out(b.x, &p, 1000)) > 0) {
			sum += n;
			exchange_feed(a.x, p, n, 1000);
			exchange_sent(b.x, n, 1000);
		}
		end_events(&a, 1000);
		if (parts == 0)
			n_first = sum;
		/* stuffing of the hello's random bytes apart */
		assert_in_range(sum, n_first - 12, n_first + 12);
		assert_true(wire_run(&w, w.now + 60000 * SIM_MS));
		assert_true(a.safe && b.safe && end_delivered(&a));
		if (parts > 0)
			assert_in_range(a.wire_data, 1, parts * 1000);
		tear_down();
	}
}

/* --- by hand --- */

/* Each way in which it is not yet safe, and when it is. */
static const struct safe_row {
	const char *name, *script;
	bool safe;
	const char *heard; /* the last of what x said */
} safe_rows[] = {
	{"nothing was said", "", false, "HAVE "},
	{"they have nothing yet said to the end", "H", false, "HAVE "},
	{"we have ended, they have not", "H n", false, "END "},
	{"they have ended, we have not", "H E0", false, "HAVE "},
	{"both have ended", "H n E0", true, "END FIN "},
	{"both have ended, the other first", "H E0 n", true, "END FIN "},
	{"ours is offered, not sent", "H E0 o1 n", false, "HAVE "},
	{"ours is sent, not stored", "H E0 o1 n d", false,
	    "BUNDLE1 DATA END1 "},
	{"ours is stored", "H E0 o1 n d S1", true, "END1 FIN "},
	{"ours is passed", "H E0 o1 n d P1", true, "END1 FIN "},
	{"ours is wanted again", "H E0 o1 n d W1", false, "END1 "},
	{"ours is sent again, not stored", "H E0 o1 n d W1 d", false,
	    "BUNDLE1 DATA END1 "},
	{"ours is sent again and stored", "H E0 o1 n d W1 d S1", true,
	    "END1 FIN "},
	{"our END was withdrawn", "H n o1 d S1 E0", false, "DATA "},
	{"our END was withdrawn and said again", "H n o1 d S1 E0 n", true,
	    "END1 FIN "},
	{"ours cannot be read", "H E0 o1 n u1", true, "FIN "},
	{"theirs is whole, not stored", "H n B1 D3 E1", false, "END "},
	{"theirs is stored", "H n B1 D3 E1 s1", true, "END STORED1 FIN "},
	{"theirs is passed", "H n B1 D3 E1 p1", true, "END PASS1 FIN "},
	{"theirs was known when it began", "H n B1 s1 E1", true,
	    "END STORED1 FIN "},
	{"theirs was given up", "H n B1 D2 E1", true, "END FIN "},
	{"theirs is not whole, and they have not ended", "H n B1 D2", false,
	    "END "},
	{"theirs is wanted again", "H n B1 D3 E1 r1", false, "WANT1 "},
	{"theirs came again, not stored", "H n B1 D3 E1 r1 B1 D3 E1", false,
	    "WANT1 "},
	{"theirs came again and is stored",
	    "H n B1 D3 E1 r1 B1 D3 E1 s1", true, "WANT1 STORED1 FIN "},
	{"their END was withdrawn by a bundle",
	    "H B1 D3 s1 E1 B2 D3 s2 n", false, "STORED2 END "},
	{"their END was withdrawn by a question", "H E0 A1 s1 n", false,
	    "STORED1 END "},
	{"their question is open", "H n A1 E1", false, "END "},
	{"their question is answered: stored", "H n A1 E1 s1", true,
	    "STORED1 FIN "},
	{"their question is answered: send it", "H n A1 E1 r1", false,
	    "WANT1 "},
	{"their FIN crosses our bundle", "H n o1 d E0 F", true,
	    "BUNDLE1 DATA FIN "},
	{"their FIN crosses our bundle and its END", "H n o1 n d E0 F", true,
	    "END1 FIN "},
	{"their FIN comes before our bundle has left", "H n o1 n E0 F", true,
	    "FIN "},
	{"a bundle behind our FIN waits for the next call",
	    "H n E0 B1 D3 E1", true, "END FIN "},
};

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static void test_safe(void **state)
{
	static const struct message_have none = {0};

	(void)state;
	for (size_t i = 0; i < 2 * ROWS(safe_rows); i++) {
		const struct safe_row *r = &safe_rows[i / 2];
		struct hand h;

		print_message("%s\n", r->name);
		hand_start(&h, i & 1, RECORD_SIGN, &none);
		hand_play(&h, r->script);
		if (exchange_safe(h.x) != r->safe ||
		    !ends_with(h.heard, r->heard) ||
		    (strstr(h.events, "SAFE") != NULL) != r->safe)
			fail_msg("safe: %d; heard: %s; events: %s; %s",
			    exchange_safe(h.x), h.heard, h.events,
			    h.err.text);
		hand_free(&h);
	}
}

static const struct wrong_row {
	const char *name, *script, *why;
	enum err_kind kind;
} wrong_rows[] = {
	{"a bundle before HAVE", "B1", "did not say first what it has",
	    ERR_PEER},
	{"HAVE twice", "H H", "says twice what it has", ERR_PEER},
	{"bytes of nothing", "H D1", "bytes of no bundle", ERR_PEER},
	{"bytes behind a whole bundle", "H B1 D3 D1", "bytes of no bundle",
	    ERR_PEER},
	{"too many bytes", "H B1 D4", "bundle 1 is longer", ERR_PEER},
	{"from a place that was not said", "H b1",
	    "bundle 1 begins at 1, which was not said to be there",
	    ERR_PEER},
	{"from another place than asked for", "H B1 D3 r1 b1",
	    "begins at 1, 0 was asked for", ERR_PEER},
	{"back to a lower number", "H B2 D3 B1", "goes back to bundle 1",
	    ERR_PEER},
	{"the same number again", "H B2 D3 B2", "goes back to bundle 2",
	    ERR_PEER},
	{"asks for a lower number", "H B2 D3 A1",
	    "asks for bundle 1 after 2", ERR_PEER},
	{"END of what did not come", "H E1", "ends at bundle 1, but 0",
	    ERR_PEER},
	{"END before the last", "H B2 D3 E1", "ends at bundle 1, but 2",
	    ERR_PEER},
	{"STORED of what was not sent", "H S1",
	    "has stored bundle 1, which was not sent", ERR_PEER},
	{"PASS of what was not sent", "H P7",
	    "will not store bundle 7, which was not sent", ERR_PEER},
	{"WANT of what was not sent", "H W1",
	    "wants bundle 1, which was not sent", ERR_PEER},
	{"STORED twice", "H o1 d S1 S1", "which was not sent", ERR_PEER},
	{"WANT from behind the end", "H o1 d V1",
	    "wants bundle 1 from 4 on, it has 3 bytes", ERR_PEER},
	{"WANT for ever", "H o1 d W1 d W1 d W1 d W1 d W1 d W1 d W1 d W1 d W1",
	    "again and again", ERR_PEER},
	{"too many questions", "H M", "more than 256 bundles", ERR_PEER},
	{"FIN without END", "H F", "says that all is stored", ERR_PEER},
	{"FIN before our END", "H E0 F", "says that all is stored",
	    ERR_PEER},
	{"FIN while ours is not stored", "H E0 o1 n d F",
	    "has not said so of bundle 1", ERR_PEER},
	{"FIN while one before a stored one is not",
	    "H n o1 o2 n d d S2 E0 F", "has not said so of bundle 1",
	    ERR_PEER},
	{"FIN while theirs is not stored", "H n B1 D3 E1 F",
	    "says that all is stored", ERR_PEER},
	{"a message of a later version", "H ?", "a later version",
	    ERR_PEER},
	{"a forged record", "H X", "a record does not open", ERR_PEER},
	{"a forged first record", "X", "a record does not open", ERR_PEER},
	{"BYE: interrupted", "H Y2", "hand ended the call because it was "
	    "interrupted there", ERR_AGAIN},
	{"BYE: max-call", "H Y1", "longest time", ERR_AGAIN},
	{"BYE for a reason of later versions", "H Y99", "not known here",
	    ERR_AGAIN},
	{"stopped here", "H o1 q", "interrupted", ERR_AGAIN},
};

static void test_wrong(void **state)
{
	static const struct message_have none = {0};

	(void)state;
	for (size_t i = 0; i < 2 * ROWS(wrong_rows); i++) {
		const struct wrong_row *r = &wrong_rows[i / 2];
		struct hand h;

		print_message("%s\n", r->name);
		hand_start(&h, i & 1, RECORD_SIGN, &none);
		hand_play(&h, r->script);
		hand_move(&h, 12000);
		if (!h.over || h.done || h.err.kind != r->kind ||
		    strstr(h.err.text, r->why) == NULL)
			fail_msg("%s; events: %s; heard: %s", h.err.text,
			    h.events, h.heard);
		if (r->kind == ERR_PEER && strcmp(r->script, "X") != 0)
			assert_true(ends_with(h.heard, "BYE4 "));
		assert_false(exchange_safe(h.x));
		hand_free(&h);
	}
}

/* What HAVE makes of offers. */
static void test_offers(void **state)
{
	static const struct message_have none = {0};
	static const uint8_t have[] = {MESSAGE_HAVE, 1, 5, 0, 0, 0, 0, 1,
	    6, 3, 0, 0, 0, 0, 2};
	static const struct {
		const char *name, *script, *heard, *events;
	} rows[] = {
		{"the same as the highest there: stored, without a byte",
		    "o5 n", "HAVE END ", "STORED5"},
		{"below the highest there: asked", "o4 n",
		    "HAVE ASK4 END4 ", ""},
		{"asked, and it is there", "o4 n S4", "ASK4 END4 ",
		    "STORED4"},
		{"asked, and wanted", "o4 n W4 d", "BUNDLE4 DATA END4 ",
		    "DATA?4"},
		{"a partial goes on", "o6 n d", "BUNDLE6 DATA END6 ",
		    "DATA?6"},
		{"in order of number", "o3 o6 o7 n W3 d d d",
		    "BUNDLE6 DATA BUNDLE3 DATA BUNDLE7 DATA END7 ", ""},
		{"wanted, and then unreadable: begun and given up",
		    "o4 n u4 W4", "ASK4 END4 BUNDLE4 END4 ", ""},
		{"stored while it is sent: no more of it", "o6 S6 n",
		    "BUNDLE6 END6 ", "STORED6"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct hand h;

		print_message("%s\n", rows[i].name);
		hand_start(&h, true, RECORD_ENCRYPT, &none);
		hand_say(&h, have, sizeof have, false);
		hand_move(&h, 500);
		hand_play(&h, rows[i].script);
		hand_move(&h, 500);
		if (!ends_with(h.heard, rows[i].heard) && *rows[i].heard)
			fail_msg("heard: %s; %s", h.heard, h.err.text);
		if (strstr(h.events, rows[i].events) == NULL)
			fail_msg("events: %s", h.events);
		hand_free(&h);
	}
}

/* --- bounds --- */

/* 3,000 bundles in one call, both ways: memory does not grow with them. */
static void test_memory(void **state)
{
	static const struct message_have none = {0};
	static const uint8_t zero[RECORD_DATA_MAX];
	struct mallinfo2 before = mallinfo2(), now;
	size_t most = 0;
	struct hand h;

	(void)state;
	hand_start(&h, true, RECORD_ENCRYPT, &none);
	hand_play(&h, "H");
	for (uint64_t n = 1; n <= 3000; n++) {
		uint8_t p[64] = {0};
		struct message m = {.type = MESSAGE_BUNDLE, .number = n,
		    .size = 9};
		size_t at = message_write(&m, p);

		m.type = MESSAGE_DATAN;
		m.n = 9;
		at += message_write(&m, p + at) + 9;
		if (n > 1) {
			m.type = MESSAGE_STORED;
			m.number = n - 1;
			m.count = 1;
			at += message_write(&m, p + at);
		}
		hand_say(&h, p, at, false);
		assert_int_equal(exchange_offer(h.x, n, 5000, 1), 0);
		for (int i = 0; i < 4; i++) {
			hand_move(&h, 20);
			if (h.want.n == 0)
				continue;
			exchange_data(h.x, h.want.number, h.want.offset,
			    zero, h.want.n);
			h.want.n = 0;
		}
		exchange_stored(h.x, n);
		h.n_events = h.n_heard = 0;
		assert_string_equal(h.err.text, "");
		now = mallinfo2();
		if (now.uordblks + now.hblkhd - before.uordblks -
		    before.hblkhd > most)
			most = now.uordblks + now.hblkhd - before.uordblks -
			    before.hblkhd;
	}
	/* two links and a core */
	print_message("%zu bytes\n", most);
	assert_in_range(most, 0, 2u << 20);
	hand_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_hellos),
		cmocka_unit_test(test_same_refusal),
		cmocka_unit_test(test_repeats),
		cmocka_unit_test(test_called_again),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_seven_bits),
		cmocka_unit_test(test_first_have),
		cmocka_unit_test(test_safe),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_offers),
		cmocka_unit_test(test_memory),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
