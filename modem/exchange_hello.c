/* Who is there: the first bytes each way; doc/EXCHANGE.md, Hello.  The caller
 * says its hello again and again, the answerer answers.  Every key of every
 * peer is tried, always, and whatever is wrong gets the same refusal. */
#include "modem/exchange_p.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define REPEAT_MS     2000u
#define REPEAT_MAX_MS 8000u

static enum record_security security_of(const struct hello *h)
{
	return (enum record_security)((h->fixed[1] & HELLO_SECURITY) >> 1);
}

/* Each ephemeral key is used once: the first is the seed, others are hashed
 * from it. */
static void next_seed(struct exchange *x, uint8_t seed[32])
{
	uint64_t k = x->h.derived++;
	uint8_t b[8];

	if (k == 0) {
		memcpy(seed, x->conf.seed, 32);
		return;
	}
	for (int i = 0; i < 8; i++)
		b[i] = (uint8_t)(k >> (8 * i));
	crypto_generichash(seed, 32, b, sizeof b, x->conf.seed,
	    sizeof x->conf.seed);
}

/* "dialsync", the caller's first four bytes, who calls, who is called. */
static size_t make_prologue(const uint8_t fixed[4], const char *caller,
    const char *called, uint8_t out[13 + 2 * (EXCHANGE_NAME_MAX + 1)])
{
	size_t n = 9;

	memcpy(out, "dialsync", 9);
	memcpy(out + n, fixed, 4);
	n += 4;
	memcpy(out + n, caller, strlen(caller) + 1);
	n += strlen(caller) + 1;
	memcpy(out + n, called, strlen(called) + 1);
	return n + strlen(called) + 1;
}

static void start_noise(struct exchange *x, struct noise *s, bool caller,
    const struct hello *hello, const struct exchange_peer *peer, size_t key,
    const uint8_t seed[32])
{
	uint8_t b[13 + 2 * (EXCHANGE_NAME_MAX + 1)];
	const char *a = caller ? x->conf.site : peer->name;
	const char *z = caller ? peer->name : x->conf.site;
	size_t n = make_prologue(hello->fixed, a, z, b);

	noise_init(s, caller, peer->psk[key], b, n, seed);
}

/* Our four first bytes and our name. */
static void make_hello(struct exchange *x, struct hello *h, unsigned flags,
    enum record_security security)
{
	memset(h, 0, sizeof *h);
	h->fixed[0] = HELLO_VERSION;
	h->fixed[1] = (uint8_t)(flags | (unsigned)security << 1 |
	    (x->conf.half ? HELLO_HALF : 0));
	h->fixed[2] = x->conf.mask;
	if (security != RECORD_ENCRYPT)
		snprintf(h->name, sizeof h->name, "%s", x->conf.site);
	hello_set_length(h);
}

static void queue_hello(struct exchange *x, struct hello *h)
{
	x->h.n = hello_write(h, x->h.out);
	x->h.sent = 0;
	x->h.again = false;
}

/* A new hello, with the current key. */
static void call_them(struct exchange *x)
{
	struct exchange_hello *h = &x->h;
	struct hello *o = &h->ours;
	uint8_t seed[32];

	h->peer = &x->peers[0];
	make_hello(x, o, 0, h->peer->security);
	if (h->peer->security != RECORD_NONE) {
		next_seed(x, seed);
		start_noise(x, &h->noise, true, o, h->peer, h->key, seed);
		noise_write(&h->noise, NULL, 0, o->noise);
		memcpy(h->e[h->key], o->noise, NOISE_KEY);
		sodium_memzero(seed, sizeof seed);
	}
	queue_hello(x, o);
	h->stale = h->tries;
	h->tries++;
	h->first_at = 0;
	h->wait_ms = REPEAT_MS;
	h->repeat_at = x->now + h->wait_ms;
	h->unopened = 0;
}

void exchange_hello_start(struct exchange *x)
{
	hello_reader_init(&x->h.reader);
	x->h.heard_at = x->now;
	x->h.repeat_at = UINT64_MAX;
	if (x->caller)
		call_them(x);
}

/* --- the session begins --- */

static void begin_link(struct exchange *x, const struct hello *answer)
{
	const struct hello *theirs = x->caller ? answer : &x->h.theirs;
	struct link_conf c = {0};
	uint8_t out[NOISE_KEY] = {0}, in[NOISE_KEY] = {0};
	enum record_security security = x->h.peer->security;

	if (security != RECORD_NONE)
		noise_split(&x->h.noise, out, in);
	record_init(&x->s.record, security, out, answer->fixed);
	record_init(&x->r.record, security, in, answer->fixed);
	sodium_memzero(out, sizeof out);
	sodium_memzero(in, sizeof in);
	x->half = ((x->h.ours.fixed[1] | theirs->fixed[1]) & HELLO_HALF) != 0;
	c.caller = x->caller;
	c.half = x->half;
	c.mask_out = theirs->fixed[2];
	c.mask_in = x->conf.mask;
	c.break_plus = security != RECORD_ENCRYPT;
	c.rtt_ms = x->caller && x->h.first_at != 0 ?
	    (uint32_t)(x->now - x->h.first_at) : 0;
	c.rate = x->conf.rate;
	c.rate_max = x->conf.rate_max;
	c.errors = x->conf.errors;
	c.silence_ms = x->conf.silence_ms;
	x->link = link_new(&c, x->now);
	if (x->link == NULL)
		exchange_fail(x, ERR_SYSTEM, "no memory for the call");
}

/* --- the answerer --- */

/* A peer without keys tells by its name. */
static bool open_plain(struct exchange *x, const struct hello *got)
{
	for (size_t i = 0; i < x->conf.n_peers; i++) {
		const struct exchange_peer *p = &x->peers[i];

		if (p->security != RECORD_NONE ||
		    strcmp(p->name, got->name) != 0)
			continue;
		x->h.peer = p;
		x->h.key = 0;
		return true;
	}
	return false;
}

static bool is_meant(const struct hello *got, const struct exchange_peer *p)
{
	if (p->security != security_of(got))
		return false;
	return p->security == RECORD_ENCRYPT ||
	    strcmp(p->name, got->name) == 0;
}

/* The tag tells who calls.  All keys are tried whatever was found, and an
 * answer is computed whether or not it will be sent. */
static bool open_sealed(struct exchange *x, const struct hello *got,
    uint8_t answer[NOISE_MESSAGE])
{
	struct exchange_hello *h = &x->h;
	struct exchange_peer decoy = {.n_psk = 1};
	struct noise s;
	uint8_t seed[32];
	bool found = false;

	next_seed(x, seed);
	start_noise(x, &h->noise, false, got, &decoy, 0, seed);
	for (size_t i = 0; i < x->conf.n_peers; i++) {
		const struct exchange_peer *p = &x->peers[i];

		for (size_t k = 0; k < p->n_psk; k++) {
			start_noise(x, &s, false, got, p, k, seed);
			if (noise_read(&s, got->noise, NOISE_MESSAGE, NULL) ||
			    !is_meant(got, p) || found)
				continue;
			found = true;
			h->noise = s;
			h->peer = p;
			h->key = k;
		}
	}
	noise_write(&h->noise, NULL, 0, answer);
	noise_wipe(&s);
	sodium_memzero(seed, sizeof seed);
	return found;
}

static void refuse(struct exchange *x)
{
	struct hello *o = &x->h.ours;

	make_hello(x, o, HELLO_ANSWERER | HELLO_REFUSED,
	    security_of(&x->h.theirs));
	memset(o->name, 0, sizeof o->name);
	o->fixed[1] &= (uint8_t)~HELLO_HALF;
	o->fixed[2] = 0;
	o->reason = 1;
	queue_hello(x, o);
	x->st = EXCHANGE_ST_HELLO;
	x->stats.refused++;
}

/* Someone calls: everything begins anew. */
static void take_call(struct exchange *x, const struct hello *got)
{
	struct exchange_hello *h = &x->h;
	struct hello *o = &h->ours;
	uint8_t answer[NOISE_MESSAGE];
	bool ok;

	link_free(x->link);
	x->link = NULL;
	memset(&x->s, 0, sizeof x->s);
	memset(&x->r, 0, sizeof x->r);
	h->theirs = *got;
	h->have_theirs = true;
	h->n = h->sent = 0;
	h->told = false;
	ok = security_of(got) == RECORD_NONE ? open_plain(x, got) :
	    open_sealed(x, got, answer);
	if (ok && x->insist[0] != '\0')
		ok = strcmp(h->peer->name, x->insist) == 0;
	if (!ok) {
		refuse(x);
		return;
	}
	make_hello(x, o, HELLO_ANSWERER, h->peer->security);
	o->fixed[1] |= got->fixed[1] & HELLO_HALF;
	if (h->peer->security != RECORD_NONE) {
		memcpy(o->noise, answer, NOISE_MESSAGE);
		memcpy(h->e[0], answer, NOISE_KEY);
	}
	x->st = EXCHANGE_ST_ASKED;
}

void exchange_hello_answer(struct exchange *x)
{
	queue_hello(x, &x->h.ours);
	begin_link(x, &x->h.ours);
}

void exchange_refuse(struct exchange *x)
{
	if (x->st != EXCHANGE_ST_ASKED)
		return;
	if (x->caller)
		exchange_fail(x, ERR_REFUSED, "%s was refused here",
		    x->h.peer->name);
	else
		refuse(x);
}

static bool same_hello(const struct hello *a, const struct hello *b)
{
	return memcmp(a->fixed, b->fixed, sizeof a->fixed) == 0 &&
	    memcmp(a->noise, b->noise, sizeof a->noise) == 0 &&
	    strcmp(a->name, b->name) == 0;
}

static void got_call(struct exchange *x, const struct hello *got)
{
	if (!x->h.have_theirs || !same_hello(&x->h.theirs, got))
		take_call(x, got);
	else if (x->st != EXCHANGE_ST_ASKED)
		x->h.again = true;
}

/* --- the caller --- */

static void got_refusal(struct exchange *x)
{
	struct exchange_hello *h = &x->h;

	/* The line does not reorder: so many belong to earlier keys. */
	if (++h->refusals <= h->stale)
		return;
	if (h->key + 1 < h->peer->n_psk) {
		h->key++;
		call_them(x);
		return;
	}
	exchange_fail(x, ERR_REFUSED, "%s refused the call: it does not know "
	    "%s, or not with this key or security", h->peer->name,
	    x->conf.site);
}

/* Is it them, and do they know our key? */
static bool open_answer(struct exchange *x, const struct hello *got)
{
	const struct exchange_peer *p = x->h.peer;

	if (security_of(got) != p->security)
		return false;
	if (p->security != RECORD_ENCRYPT && strcmp(got->name, p->name) != 0)
		return false;
	return p->security == RECORD_NONE ||
	    noise_read(&x->h.noise, got->noise, NOISE_MESSAGE, NULL) == 0;
}

static void got_answer(struct exchange *x, const struct hello *got)
{
	if (got->fixed[0] > HELLO_VERSION) {
		exchange_fail(x, ERR_PEER, "%s answers in version %u of the "
		    "exchange, this is version %u", x->h.peer->name,
		    got->fixed[0], HELLO_VERSION);
		return;
	}
	if (got->fixed[1] & HELLO_REFUSED) {
		got_refusal(x);
		return;
	}
	/* One left over from an earlier call of ours may be on the line. */
	if (!open_answer(x, got)) {
		if (++x->h.unopened >= EXCHANGE_UNOPENED)
			exchange_fail(x, ERR_REFUSED, "what answers is not %s,"
			    " or has another key", x->h.peer->name);
		return;
	}
	x->st = EXCHANGE_ST_ASKED;
	begin_link(x, got);
}

/* Another caller on the same cable: the smaller name answers. */
static void got_caller(struct exchange *x, const struct hello *got)
{
	if (strcmp(x->conf.site, x->peers[0].name) >= 0)
		return;
	x->caller = false;
	x->h.repeat_at = UINT64_MAX;
	take_call(x, got);
}

/* --- both --- */

/* Bytes that we have sent ourselves. */
static bool is_echo(const struct exchange *x, const struct hello *got)
{
	if (got->fixed[1] & HELLO_REFUSED)
		return false;
	if (security_of(got) != RECORD_ENCRYPT &&
	    strcmp(got->name, x->conf.site) == 0)
		return true;
	if (security_of(got) == RECORD_NONE)
		return false;
	for (size_t i = 0; i < EXCHANGE_KEYS_MAX; i++)
		if (!sodium_is_zero(x->h.e[i], NOISE_KEY) &&
		    memcmp(x->h.e[i], got->noise, NOISE_KEY) == 0)
			return true;
	return false;
}

static void got_hello(struct exchange *x, const struct hello *got)
{
	x->h.bytes = 0;
	x->h.heard_at = x->now;
	x->h.sevens = 0;
	if (is_echo(x, got))
		exchange_fail(x, ERR_PEER, "the line echoes: what comes back "
		    "is what this site sent; is a modem in command mode, or "
		    "a plug looped?");
	else if (got->fixed[0] == 0)
		x->h.bytes++;
	else if (!x->caller && !(got->fixed[1] & HELLO_ANSWERER))
		got_call(x, got);
	else if (x->caller && (got->fixed[1] & HELLO_ANSWERER))
		got_answer(x, got);
	else if (x->caller)
		got_caller(x, got);
}

bool exchange_hello_reads(const struct exchange *x)
{
	if (x->caller)
		return x->st == EXCHANGE_ST_HELLO;
	return x->st == EXCHANGE_ST_HELLO || x->st == EXCHANGE_ST_ASKED ||
	    x->st == EXCHANGE_ST_OPEN;
}

size_t exchange_hello_feed(struct exchange *x, const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n && exchange_hello_reads(x)) {
		struct hello got;

		x->h.bytes++;
		switch (hello_feed(&x->h.reader, p[i++], &got)) {
		case HELLO_WHOLE:
			got_hello(x, &got);
			break;
		case HELLO_SEVEN_BIT:
			/* The first may be a bit that turned over. */
			if (x->link != NULL || ++x->h.sevens < 2)
				break;
			exchange_fail(x, ERR_PEER, "the line carries seven "
			    "bits only; both ends must be set to eight bits "
			    "without parity");
			break;
		case HELLO_BAD:
		case HELLO_NOTHING:
			break;
		}
	}
	return i;
}

void exchange_hello_sent(struct exchange *x, size_t n)
{
	struct exchange_hello *h = &x->h;

	h->sent += n;
	if (h->sent == h->n && h->first_at == 0)
		h->first_at = x->now;
}

/* --- time --- */

static uint64_t silent_at(const struct exchange *x)
{
	uint32_t ms = x->conf.silence_ms;

	if (!x->caller && x->stats.refused > 0 && ms > EXCHANGE_REFUSED_MS)
		ms = EXCHANGE_REFUSED_MS;
	return x->h.heard_at + ms;
}

static void fail_silent(struct exchange *x)
{
	if (x->caller && x->h.unopened > 0)
		exchange_fail(x, ERR_REFUSED, "what answers is not %s, or has "
		    "another key", x->h.peer->name);
	else if (!x->caller && x->stats.refused > 0)
		exchange_fail(x, ERR_REFUSED, "an unknown caller, or one with "
		    "another key or security, was refused");
	else if (x->h.bytes == 0)
		exchange_fail(x, ERR_AGAIN, "nothing came from the line");
	else
		exchange_fail(x, ERR_AGAIN, "no dialsync on the line: %llu "
		    "bytes came, and no hello among them",
		    (unsigned long long)x->h.bytes);
}

void exchange_hello_tick(struct exchange *x)
{
	struct exchange_hello *h = &x->h;

	if (x->st != EXCHANGE_ST_HELLO)
		return;
	if (x->now >= silent_at(x)) {
		fail_silent(x);
		return;
	}
	if (!x->caller || x->now < h->repeat_at)
		return;
	if (h->sent == h->n) {
		h->sent = 0;
		h->tries++;
	}
	h->wait_ms = h->wait_ms * 2 > REPEAT_MAX_MS ? REPEAT_MAX_MS :
	    h->wait_ms * 2;
	h->repeat_at = x->now + h->wait_ms;
}

uint64_t exchange_hello_deadline(const struct exchange *x)
{
	uint64_t at = silent_at(x);

	if (x->st != EXCHANGE_ST_HELLO)
		return UINT64_MAX;
	if (x->caller && x->h.repeat_at < at)
		at = x->h.repeat_at;
	return at;
}
