/* The simulated telephone network: who calls whom, and what becomes of it;
 * see phone.h.  What a modem says and understands is in hayes.c. */
#include "tests/line/phone.h"
#include "tests/line/hayes.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S_NS (1000 * SIM_MS)
#define LEFT_NS (2 * S_NS)  /* for a program to read what came before the end */
#define NUMBERS_MAX 16      /* a modem remembers for its blacklist */
#define COMMAND_LOT 128

enum call_state {
	CALL_NONE,
	CALL_SETUP,    /* off hook, the number is being dialled */
	CALL_FAILING,  /* .result is what the caller will be told */
	CALL_RINGING,
	CALL_TRAINING,
	CALL_UP,
	CALL_OVER      /* no carrier; sides that are there are told yet */
};

/* A call is kept at its caller's index. */
struct call {
	enum call_state state;
	int side[2];           /* caller, called; -1: not (any more) in it */
	char number[PHONE_NUMBER_MAX + 1];
	enum phone_result result;
	uint64_t at;           /* when its state goes on */
	uint64_t give_up;      /* S7 of the caller */
	unsigned rings;
	struct sim_line *line; /* owned; UP and OVER only */
	uint64_t hold;         /* retraining until then */
	uint64_t over_at;      /* OVER: what was due until then is shown */
	uint64_t next_retrain;
};

struct tried {
	char number[PHONE_NUMBER_MAX + 1];
	unsigned in_vain;
	uint64_t last;
};

struct modem {
	struct hayes h;
	char number[PHONE_NUMBER_MAX + 1];
	int call;              /* its call, also while it only rings; -1 */
	bool dead;
	bool hand_calls, hand_answers; /* a person has made the call */
	struct tried tried[NUMBERS_MAX];
};

struct phone {
	struct phone_conf conf;
	struct modem modem[PHONE_MODEMS_MAX];
	struct call call[PHONE_MODEMS_MAX];
	int n;
	struct {
		char number[PHONE_NUMBER_MAX + 1];
		enum phone_result result;
	} results[PHONE_RESULTS_MAX];
	size_t n_results;
	unsigned cuts;         /* calls that were to be cut by themselves */
	uint64_t rng;
	struct phone_stats stats;
};

static const struct {
	const char *word;
	enum hayes_code code;
} results[] = {
	[PHONE_RINGS] = {"rings", HAYES_NO_CARRIER},
	[PHONE_BUSY] = {"busy", HAYES_BUSY},
	[PHONE_NO_ANSWER] = {"no-answer", HAYES_NO_ANSWER},
	[PHONE_NO_CARRIER] = {"no-carrier", HAYES_NO_CARRIER},
	[PHONE_NO_DIALTONE] = {"no-dialtone", HAYES_NO_DIALTONE},
	[PHONE_VOICE] = {"voice", HAYES_VOICE},
	[PHONE_DELAYED] = {"delayed", HAYES_DELAYED},
	[PHONE_BLACKLISTED] = {"blacklisted", HAYES_BLACKLISTED},
};

bool phone_result_of(const char *word, enum phone_result *r)
{
	size_t i;

	for (i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		if (strcmp(results[i].word, word) == 0) {
			*r = (enum phone_result)i;
			return true;
		}
	return false;
}

void phone_conf_init(struct phone_conf *c)
{
	memset(c, 0, sizeof(*c));
	c->line.bps = 33600;
	c->line.delay_ms = 60;
	c->line.buffer_bytes = 4096;
	c->line.cut_times = 1;
	c->dial_ms = 300;
	c->ring_ms = 2000;
	c->train_ms = 500;
	c->fail_ms = 300;
	c->blacklist_ms = 30000;
}

struct phone *phone_new(const struct phone_conf *c, const char **why)
{
	struct sim_line *probe = sim_line_new(&c->line, why);
	struct phone *p;

	if (!probe)
		return NULL;
	sim_line_free(probe);
	p = calloc(1, sizeof(*p));
	*why = "no memory for the modems";
	if (!p)
		return NULL;
	p->conf = *c;
	p->rng = c->line.seed;
	return p;
}

void phone_free(struct phone *p)
{
	int i;

	if (!p)
		return;
	for (i = 0; i < p->n; i++)
		sim_line_free(p->call[i].line);
	free(p);
}

int phone_add(struct phone *p, const char *number, const char *maker,
    const char **why)
{
	const struct hayes_maker *k = hayes_maker(maker);
	struct modem *m = &p->modem[p->n];

	*why = !k ? "there is no such maker" :
	    p->n == PHONE_MODEMS_MAX ? "there are too many modems" :
	    !*number || number[strspn(number, "0123456789")] ||
	    strlen(number) > PHONE_NUMBER_MAX ?
	    "a number is 1 to 32 digits" : NULL;
	if (*why)
		return -1;
	hayes_init(&m->h, k);
	(void)snprintf(m->number, sizeof(m->number), "%s", number);
	m->call = -1;
	return p->n++;
}

static void say(struct phone *p, uint64_t now, const struct modem *m,
    const char *what, const char *more)
{
	char text[200];

	if (!p->conf.log)
		return;
	(void)snprintf(text, sizeof(text), "%s %s%s%s", m->number, what,
	    *more ? " " : "", more);
	p->conf.log(p->conf.log_arg, now, text);
}

/* --- the ends of calls ------------------------------------------------------ */

static void free_call(struct call *c)
{
	sim_line_free(c->line);
	c->line = NULL;
	c->state = CALL_NONE;
}

/* A modem is on hook again; code < 0: nothing is said. */
static void on_hook(struct phone *p, int m, int code)
{
	struct modem *mo = &p->modem[m];
	struct call *c = mo->call >= 0 ? &p->call[mo->call] : NULL;

	mo->h.state = HAYES_COMMAND;
	mo->h.plus_n = 0;
	mo->hand_calls = mo->hand_answers = false;
	mo->call = -1;
	if (c) {
		c->side[c->side[1] == m] = -1;
		if (c->side[0] < 0 && c->side[1] < 0)
			free_call(c);
	}
	if (code >= 0)
		hayes_result(&mo->h, (enum hayes_code)code);
}

/* The carrier is gone for both; who is in it is told when it has read what
 * was due. */
static void end_call(struct phone *p, struct call *c, uint64_t now)
{
	int i;

	if (c->state == CALL_UP) {
		c->state = CALL_OVER;
		c->hold = 0;
		c->over_at = now;
		c->at = now + LEFT_NS;
		return;
	}
	if (c->state == CALL_OVER)
		return;
	c->state = CALL_OVER;
	c->at = now;
	for (i = 0; i < 2; i++) {
		int m = c->side[i];

		if (m < 0)
			continue;
		/* One that only rang has nothing to say. */
		on_hook(p, m, p->modem[m].h.state == HAYES_COMMAND ? -1 :
		    HAYES_NO_CARRIER);
	}
	if (c->state == CALL_OVER && c->side[0] < 0 && c->side[1] < 0)
		free_call(c);
}

/* This side hangs up. */
static void leave(struct phone *p, int m, int code, uint64_t now)
{
	struct modem *mo = &p->modem[m];
	struct call *c = mo->call >= 0 ? &p->call[mo->call] : NULL;

	if (c && mo->h.state != HAYES_COMMAND)
		say(p, now, mo, "hangs up", "");
	/* A modem that only rings is not in the call. */
	if (mo->h.state == HAYES_COMMAND)
		c = NULL;
	if (!c) {
		mo->h.state = HAYES_COMMAND;
		mo->hand_calls = mo->hand_answers = false;
		if (code >= 0)
			hayes_result(&mo->h, (enum hayes_code)code);
		return;
	}
	on_hook(p, m, code);
	if (c->state != CALL_NONE)
		end_call(p, c, now);
}

/* --- dialling ---------------------------------------------------------------- */

static void digits_of(const char *dial, char *out)
{
	size_t n = 0;

	for (; *dial && n < PHONE_NUMBER_MAX; dial++)
		if (isdigit((unsigned char)*dial))
			out[n++] = *dial;
	out[n] = '\0';
}

/* "9,5551234" reaches 5551234: a prefix is somebody's exchange. */
static bool reaches(const char *digits, const char *number)
{
	size_t n = strlen(digits), k = strlen(number);

	return k <= n && strcmp(digits + n - k, number) == 0;
}

static int find_number(const struct phone *p, const char *digits)
{
	int i, best = -1;

	for (i = 0; i < p->n; i++)
		if (reaches(digits, p->modem[i].number) && (best < 0 ||
		    strlen(p->modem[i].number) >
		    strlen(p->modem[best].number)))
			best = i;
	return best;
}

/* This modem's memory of a number; the oldest makes place. */
static struct tried *tried(struct modem *m, const char *number)
{
	struct tried *t = &m->tried[0];
	size_t i;

	for (i = 0; i < NUMBERS_MAX; i++) {
		if (strcmp(m->tried[i].number, number) == 0)
			return &m->tried[i];
		if (m->tried[i].last < t->last)
			t = &m->tried[i];
	}
	memset(t, 0, sizeof(*t));
	(void)snprintf(t->number, sizeof(t->number), "%s", number);
	return t;
}

static enum phone_result check_blacklist(struct phone *p, struct modem *m,
    const char *number, uint64_t now)
{
	struct tried *t = tried(m, number);

	if (p->conf.blacklist == 0)
		return PHONE_RINGS;
	if (now > t->last + p->conf.blacklist_ms * SIM_MS)
		t->in_vain = 0;
	if (t->in_vain >= 2 * p->conf.blacklist)
		return PHONE_BLACKLISTED;
	return t->in_vain >= p->conf.blacklist ? PHONE_DELAYED : PHONE_RINGS;
}

static void dial(struct phone *p, int m, uint64_t now)
{
	struct modem *mo = &p->modem[m];
	struct call *c = &p->call[m];
	char digits[PHONE_NUMBER_MAX + 1];

	if (mo->call >= 0 && mo->call != m) {
		/* It rang, and now it is off the hook: that call is lost. */
		struct call *other = &p->call[mo->call];

		on_hook(p, m, -1);
		end_call(p, other, now);
	}
	if (c->state != CALL_NONE) { /* somebody still reads its end */
		hayes_result(&mo->h, HAYES_NO_CARRIER);
		return;
	}
	digits_of(mo->h.dial, digits);
	mo->h.state = HAYES_DIALLING;
	p->stats.dialled++;
	say(p, now, mo, "dials", digits);
	if (!*digits && !mo->dead) {
		mo->hand_calls = true;
		return;
	}
	memset(c, 0, sizeof(*c));
	c->state = CALL_SETUP;
	c->side[0] = m;
	c->side[1] = -1;
	(void)snprintf(c->number, sizeof(c->number), "%s", digits);
	c->at = now + p->conf.dial_ms * SIM_MS;
	c->give_up = c->at + mo->h.s[7] * S_NS;
	mo->call = m;
}

static void fail_call(struct phone *p, struct call *c, enum phone_result r,
    uint64_t now)
{
	struct modem *m = &p->modem[c->side[0]];
	struct tried *t = tried(m, c->number);

	say(p, now, m, "call fails:", results[r].word);
	if (r != PHONE_BLACKLISTED) {
		t->in_vain++;
		t->last = now;
	}
	on_hook(p, c->side[0], (int)results[r].code);
	if (c->state != CALL_NONE) /* it rang somewhere */
		end_call(p, c, now);
}

/* The number is dialled: what does it reach? */
static void set_up(struct phone *p, struct call *c, uint64_t now)
{
	struct modem *m = &p->modem[c->side[0]];
	int to = find_number(p, c->number);
	size_t i;

	c->result = check_blacklist(p, m, c->number, now);
	if (m->dead)
		c->result = PHONE_NO_DIALTONE;
	for (i = 0; i < p->n_results && c->result == PHONE_RINGS; i++)
		if (reaches(c->number, p->results[i].number))
			c->result = p->results[i].result;
	if (c->result == PHONE_RINGS && to < 0)
		c->result = PHONE_NO_CARRIER;
	else if (c->result == PHONE_RINGS && p->modem[to].dead)
		c->result = PHONE_NO_ANSWER;
	else if (c->result == PHONE_RINGS && (p->modem[to].call >= 0 ||
	    p->modem[to].h.state != HAYES_COMMAND))
		c->result = PHONE_BUSY;
	c->state = c->result == PHONE_RINGS ? CALL_RINGING : CALL_FAILING;
	c->at = now;
	if (c->state == CALL_FAILING) {
		c->at += p->conf.fail_ms * SIM_MS;
		return;
	}
	c->side[1] = to;
	p->modem[to].call = (int)(c - p->call);
}

static void answer_call(struct phone *p, struct call *c, uint64_t now)
{
	struct modem *b = &p->modem[c->side[1]];

	say(p, now, b, "answers", "");
	b->h.state = HAYES_ANSWERING;
	c->state = CALL_TRAINING;
	c->at = now + p->conf.train_ms * SIM_MS;
}

static void ring(struct phone *p, struct call *c, uint64_t now)
{
	struct modem *a = &p->modem[c->side[0]], *b = &p->modem[c->side[1]];

	if (now >= c->give_up) {
		fail_call(p, c, PHONE_NO_ANSWER, now);
		return;
	}
	c->rings++;
	hayes_result(&b->h, HAYES_RING);
	b->h.s[1] = (uint8_t)c->rings;
	if (a->h.maker->ringing)
		hayes_result(&a->h, HAYES_RINGING);
	c->at = now + p->conf.ring_ms * SIM_MS;
	if (b->h.dtr && b->h.s[0] > 0 && c->rings >= b->h.s[0])
		answer_call(p, c, now);
}

/* Is this call one that is to be cut by itself? */
static void set_cut(struct phone *p, struct sim_line_conf *l)
{
	bool any = l->cut_bytes > 0 || l->cut_ms > 0 ||
	    p->conf.cut_random > 0;

	if (any && (l->cut_times == 0 || p->cuts < l->cut_times)) {
		p->cuts++;
		if (p->conf.cut_random > 0)
			l->cut_bytes = 1 + sim_random(&p->rng) %
			    p->conf.cut_random;
		l->cut_times = 0;
	} else
		l->cut_bytes = l->cut_ms = 0;
}

static void connect_call(struct phone *p, struct call *c, uint64_t now)
{
	struct sim_line_conf l = p->conf.line;
	const char *why;
	int i;

	set_cut(p, &l);
	l.seed = sim_random(&p->rng);
	c->line = sim_line_new(&l, &why);
	if (!c->line) {
		fprintf(stderr, "phone: %s\n", why);
		abort();
	}
	c->state = CALL_UP;
	c->next_retrain = p->conf.retrain_every_ms ?
	    now + p->conf.retrain_every_ms * SIM_MS : SIM_NEVER;
	p->stats.connected++;
	say(p, now, &p->modem[c->side[0]], "is connected to",
	    p->modem[c->side[1]].number);
	tried(&p->modem[c->side[0]], c->number)->in_vain = 0;
	for (i = 0; i < 2; i++) {
		struct modem *m = &p->modem[c->side[i]];

		m->h.state = HAYES_DATA;
		m->h.last_data = now;
		m->h.plus_n = 0;
		hayes_connect(&m->h, l.bps);
	}
}

/* --- wishes of modems -------------------------------------------------------- */

static void answer(struct phone *p, int m, uint64_t now)
{
	struct modem *mo = &p->modem[m];

	if (mo->call >= 0 && p->call[mo->call].state == CALL_RINGING) {
		answer_call(p, &p->call[mo->call], now);
		return;
	}
	mo->h.state = HAYES_ANSWERING;
	mo->hand_answers = true;
	say(p, now, mo, "answers by hand", "");
}

static void grant(struct phone *p, int m, uint64_t now)
{
	struct modem *mo = &p->modem[m];
	enum hayes_wish wish = mo->h.wish;

	mo->h.wish = HAYES_WISH_NONE;
	if (wish == HAYES_WISH_DIAL)
		dial(p, m, now);
	else if (wish == HAYES_WISH_ANSWER)
		answer(p, m, now);
	else if (wish == HAYES_WISH_ONLINE) {
		mo->h.state = HAYES_DATA;
		mo->h.last_data = now;
		mo->h.plus_n = 0;
		hayes_connect(&mo->h, p->conf.line.bps);
	} else if (wish == HAYES_WISH_HANGUP)
		leave(p, m, mo->h.state == HAYES_DIALLING ||
		    mo->h.state == HAYES_ANSWERING ? HAYES_NO_CARRIER :
		    HAYES_OK, now);
}

/* Two persons have talked, and each has started a modem. */
static void join_hands(struct phone *p, uint64_t now)
{
	int a, b;

	for (a = 0; a < p->n && !p->modem[a].hand_calls; a++)
		;
	for (b = 0; b < p->n && !p->modem[b].hand_answers; b++)
		;
	if (a == p->n || b == p->n || p->call[a].state != CALL_NONE)
		return;
	memset(&p->call[a], 0, sizeof(p->call[a]));
	p->call[a].state = CALL_TRAINING;
	p->call[a].side[0] = a;
	p->call[a].side[1] = b;
	p->call[a].at = now + p->conf.train_ms * SIM_MS;
	p->modem[a].call = p->modem[b].call = a;
	p->modem[a].hand_calls = p->modem[b].hand_answers = false;
}

/* --- bytes ------------------------------------------------------------------- */

static struct call *call_of(struct phone *p, int m)
{
	return p->modem[m].call >= 0 ? &p->call[p->modem[m].call] : NULL;
}

/* The direction of what m sends. */
static enum sim_dir way_from(const struct call *c, int m)
{
	return c->side[0] == m ? SIM_AB : SIM_BA;
}

/* The modems of a call that is over say so once all that was due is read. */
static void tell_over(struct phone *p, struct call *c, uint64_t now)
{
	int i, m;
	const uint8_t *rest;

	for (i = 0; i < 2; i++) {
		m = c->side[i];
		if (m < 0)
			continue;
		if (now < c->at && p->modem[m].h.state == HAYES_DATA &&
		    (p->modem[m].h.out_n > 0 ||
		    sim_line_due(c->line, !way_from(c, m), c->over_at,
		    &rest) > 0))
			continue;
		on_hook(p, m, HAYES_NO_CARRIER);
		if (c->state == CALL_NONE)
			return;
	}
}

size_t phone_room(struct phone *p, int m, uint64_t now)
{
	const struct hayes *h = &p->modem[m].h;
	struct call *c = call_of(p, m);

	if (h->state != HAYES_DATA)
		return h->out_n < HAYES_OUT_MAX / 2 ? COMMAND_LOT : 0;
	if (c->state != CALL_UP)
		return 0;
	if (p->conf.need_flow && !h->flow)
		return COMMAND_LOT;
	return now < c->hold ? 0 : sim_line_room(c->line, way_from(c, m),
	    now);
}

static void feed_data(struct phone *p, int m, const uint8_t *bytes, size_t n,
    uint64_t now)
{
	struct call *c = call_of(p, m);
	size_t put = 0;

	hayes_watch(&p->modem[m].h, bytes, n, now);
	if (c->state == CALL_UP && now >= c->hold)
		put = sim_line_put(c->line, way_from(c, m), bytes, n, now);
	p->stats.dropped += n - put;
}

void phone_feed(struct phone *p, int m, const uint8_t *bytes, size_t n,
    uint64_t now)
{
	struct hayes *h = &p->modem[m].h;
	size_t i;

	for (i = 0; i < n; i++) {
		if (h->state == HAYES_DATA) {
			feed_data(p, m, bytes + i, n - i, now);
			return;
		}
		if (h->dtr)
			hayes_command_byte(h, bytes[i]);
		grant(p, m, now);
	}
	phone_tick(p, now);
}

size_t phone_out(struct phone *p, int m, uint64_t now, const uint8_t **bytes)
{
	struct hayes *h = &p->modem[m].h;
	struct call *c = call_of(p, m);

	*bytes = h->out;
	if (h->out_n > 0 || h->state != HAYES_DATA || now < c->hold)
		return h->out_n;
	return sim_line_due(c->line, !way_from(c, m),
	    c->state == CALL_OVER ? c->over_at : now, bytes);
}

void phone_take(struct phone *p, int m, size_t n, uint64_t now)
{
	struct hayes *h = &p->modem[m].h;
	struct call *c = call_of(p, m);

	if (h->out_n > 0) {
		hayes_taken(h, n);
		return;
	}
	sim_line_take(c->line, !way_from(c, m), n);
	p->stats.bytes += n;
	if (c->state == CALL_OVER)
		tell_over(p, c, now);
}

/* --- time --------------------------------------------------------------------- */

static void tick_up(struct phone *p, struct call *c, uint64_t now)
{
	if (sim_line_is_cut(c->line, now)) {
		p->stats.cut++;
		say(p, now, &p->modem[c->side[0]], "loses its carrier", "");
		end_call(p, c, now);
		tell_over(p, c, now);
	} else if (now >= c->next_retrain) {
		c->hold = now + p->conf.retrain_ms * SIM_MS;
		c->next_retrain = c->hold + p->conf.retrain_every_ms * SIM_MS;
	}
}

static void tick_call(struct phone *p, struct call *c, uint64_t now)
{
	if (c->state == CALL_UP)
		tick_up(p, c, now);
	else if (c->state == CALL_OVER)
		tell_over(p, c, now);
	else if (c->state == CALL_NONE || now < c->at)
		return;
	else if (c->state == CALL_SETUP)
		set_up(p, c, now);
	else if (c->state == CALL_FAILING)
		fail_call(p, c, c->result, now);
	else if (c->state == CALL_RINGING)
		ring(p, c, now);
	else
		connect_call(p, c, now);
}

void phone_tick(struct phone *p, uint64_t now)
{
	int i;

	join_hands(p, now);
	for (i = 0; i < p->n; i++) {
		struct hayes *h = &p->modem[i].h;

		if (hayes_escape_at(h) <= now) {
			h->state = HAYES_ESCAPED;
			h->plus_n = 0;
			hayes_result(h, HAYES_OK);
		}
		tick_call(p, &p->call[i], now);
	}
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t next_of_call(struct phone *p, struct call *c, uint64_t now)
{
	uint64_t next = SIM_NEVER, t;
	int d;

	if (c->state == CALL_NONE)
		return SIM_NEVER;
	if (c->state != CALL_UP)
		return c->at;
	if (now < c->hold)
		return c->hold;
	next = earlier(sim_line_cut_at(c->line), c->next_retrain);
	for (d = 0; d < 2; d++) {
		int to = c->side[!d];

		if (to >= 0 && p->modem[to].h.state == HAYES_DATA)
			next = earlier(next, sim_line_next(c->line,
			    (enum sim_dir)d));
		t = sim_line_room_at(c->line, (enum sim_dir)d, 1, now);
		if (t > now)
			next = earlier(next, t);
	}
	return next;
}

uint64_t phone_next(const struct phone *p, uint64_t now)
{
	struct phone *w = (struct phone *)(uintptr_t)p; /* sim_line_room_at */
	uint64_t next = SIM_NEVER;
	int i;

	for (i = 0; i < p->n; i++) {
		next = earlier(next, next_of_call(w, &w->call[i], now));
		next = earlier(next, hayes_escape_at(&p->modem[i].h));
	}
	return next;
}

/* --- what a program and a tester do -------------------------------------------- */

void phone_dtr(struct phone *p, int m, bool on, uint64_t now)
{
	struct hayes *h = &p->modem[m].h;

	if (h->dtr == on)
		return;
	h->dtr = on;
	h->line_n = 0;
	if (on)
		return;
	h->out_n = 0;
	if (h->dtr_option == 1 && h->state == HAYES_DATA)
		h->state = HAYES_ESCAPED;
	else if (h->dtr_option >= 2)
		leave(p, m, -1, now);
	if (h->dtr_option == 3)
		hayes_defaults(h);
	phone_tick(p, now);
}

void phone_cable(struct phone *p, int m, uint32_t bps)
{
	if (bps > 0)
		p->modem[m].h.cable_bps = bps;
}

bool phone_in_call(const struct phone *p, int m)
{
	enum hayes_state s = p->modem[m].h.state;

	return s == HAYES_DATA || s == HAYES_ESCAPED;
}

bool phone_carrier(const struct phone *p, int m)
{
	return p->modem[m].h.dcd == 0 || phone_in_call(p, m);
}

void phone_cut(struct phone *p, int m, uint64_t now)
{
	int i;

	for (i = 0; i < p->n; i++)
		if (p->call[i].state == CALL_UP && (m < 0 ||
		    p->call[i].side[0] == m || p->call[i].side[1] == m))
			sim_line_cut(p->call[i].line);
	phone_tick(p, now);
}

void phone_retrain(struct phone *p, uint32_t ms, uint64_t now)
{
	int i;

	for (i = 0; i < p->n; i++)
		if (p->call[i].state == CALL_UP)
			p->call[i].hold = now + ms * SIM_MS;
}

void phone_ring(struct phone *p, int m, uint64_t now)
{
	say(p, now, &p->modem[m], "rings", "");
	hayes_result(&p->modem[m].h, HAYES_RING);
}

void phone_dead(struct phone *p, int m, bool dead)
{
	p->modem[m].dead = dead;
}

bool phone_set_result(struct phone *p, const char *number,
    enum phone_result r)
{
	size_t i;

	for (i = 0; i < p->n_results; i++)
		if (strcmp(p->results[i].number, number) == 0)
			break;
	if (i == PHONE_RESULTS_MAX || strlen(number) > PHONE_NUMBER_MAX)
		return false;
	if (i == p->n_results)
		p->n_results++;
	(void)snprintf(p->results[i].number, sizeof(p->results[i].number),
	    "%s", number);
	p->results[i].result = r;
	return true;
}

void phone_stats(const struct phone *p, struct phone_stats *s)
{
	*s = p->stats;
}
