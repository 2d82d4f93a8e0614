/* What came: records are opened in order, their messages checked against what
 * may come now, and told to the process one by one.  Each bundle that is
 * begun or asked for has a row until it is answered; a peer that keeps more
 * than EXCHANGE_OFFERS_MAX unanswered breaks the protocol. */
#include "modem/exchange_p.h"

#include <string.h>

#define NUMBER(n) ((unsigned long long)(n))

/* --- the table --- */

static void become(struct exchange *x, struct income *in, enum income_st st)
{
	x->r.rows[in->st]--;
	x->r.rows[st]++;
	in->st = st;
}

void exchange_recv_init(struct exchange *x)
{
	memset(x->r.rows, 0, sizeof x->r.rows);
	x->r.rows[INCOME_FREE] = EXCHANGE_OFFERS_MAX;
}

static struct income *find(struct exchange *x, uint64_t number)
{
	for (size_t i = 0; i < EXCHANGE_OFFERS_MAX; i++) {
		struct income *in = &x->r.income[i];

		if (in->st != INCOME_FREE && in->number == number)
			return in;
	}
	return NULL;
}

static struct income *add(struct exchange *x, const struct message *m,
    enum income_st st)
{
	for (size_t i = 0; i < EXCHANGE_OFFERS_MAX; i++) {
		struct income *in = &x->r.income[i];

		if (in->st != INCOME_FREE)
			continue;
		in->number = m->number;
		in->size = m->size;
		in->crc = m->crc;
		in->offset = m->offset;
		become(x, in, st);
		return in;
	}
	exchange_fail_peer(x, "more than %d bundles wait for an answer",
	    EXCHANGE_OFFERS_MAX);
	return NULL;
}

/* The bundle that was open is not finished: its sender could not read on. */
static void abandon(struct exchange *x)
{
	struct income *in = x->r.coming ? find(x, x->r.number) : NULL;

	x->r.coming = false;
	if (in != NULL && in->st == INCOME_COMING)
		become(x, in, INCOME_FREE);
}

static void note_done(struct exchange *x, const struct income *in)
{
	size_t i = x->r.done_n++ % EXCHANGE_OFFERS_MAX;

	x->r.done[i].number = in->number;
	x->r.done[i].crc = in->crc;
}

/* Stored in this call: 1, with another crc: -1. */
static int is_done(const struct exchange *x, uint64_t number, uint32_t crc)
{
	size_t n = x->r.done_n < EXCHANGE_OFFERS_MAX ? x->r.done_n :
	    EXCHANGE_OFFERS_MAX;

	for (size_t i = 0; i < n; i++)
		if (x->r.done[i].number == number)
			return x->r.done[i].crc == crc ? 1 : -1;
	return 0;
}

/* --- messages; each returns true when *ev is to be told --- */

static bool got_have(struct exchange *x, const struct message *m)
{
	struct message_have *t = &x->s.theirs;

	if (x->r.have_done) {
		exchange_fail_peer(x, "it says twice what it has");
		return false;
	}
	if (m->have.has_top) {
		t->has_top = true;
		t->top = m->have.top;
		t->top_crc = m->have.top_crc;
	}
	for (size_t i = 0; i < m->have.n; i++) {
		if (t->n == MESSAGE_PARTS_MAX) {
			exchange_fail_peer(x, "it holds more than %d partial "
			    "bundles", MESSAGE_PARTS_MAX);
			return false;
		}
		t->part[t->n++] = m->have.part[i];
	}
	x->r.have_done = !m->have.more;
	if (x->r.have_done)
		exchange_send_begin(x);
	return false;
}

static void fill(struct exchange_event *ev, enum exchange_event_type type,
    const struct income *in)
{
	ev->type = type;
	ev->number = in->number;
	ev->size = in->size;
	ev->offset = in->offset;
	ev->crc = in->crc;
}

/* Rows that may come again: asked for anew, or stored already.  -1: no. */
static int begin_again(struct exchange *x, const struct message *m,
    struct income *in)
{
	int done = is_done(x, m->number, m->crc);

	if (in == NULL && done == 1) {
		return add(x, m, INCOME_STORED) == NULL ? -1 : 0;
	}
	if (in == NULL || in->st != INCOME_WANTED) {
		exchange_fail_peer(x, done < 0 ? "bundle %llu has changed "
		    "within the call" : "it goes back to bundle %llu",
		    NUMBER(m->number));
		return -1;
	}
	if (in->size != m->size || in->crc != m->crc) {
		exchange_fail_peer(x, "bundle %llu is another than it was",
		    NUMBER(m->number));
		return -1;
	}
	if (in->offset != m->offset) {
		exchange_fail_peer(x, "bundle %llu begins at %llu, %llu was "
		    "asked for", NUMBER(m->number), NUMBER(m->offset),
		    NUMBER(in->offset));
		return -1;
	}
	become(x, in, INCOME_COMING);
	return 1;
}

/* A new one: at 0, or where our partial ends. */
static int begin_new(struct exchange *x, const struct message *m)
{
	bool known = m->offset == 0;

	for (size_t i = 0; i < x->s.have.n; i++) {
		const struct message_part *p = &x->s.have.part[i];

		known = known || (p->number == m->number &&
		    p->size == m->size && p->crc == m->crc &&
		    p->offset == m->offset);
	}
	if (!known) {
		exchange_fail_peer(x, "bundle %llu begins at %llu, which was "
		    "not said to be there", NUMBER(m->number),
		    NUMBER(m->offset));
		return -1;
	}
	if (add(x, m, INCOME_COMING) == NULL)
		return -1;
	x->r.high = m->number;
	return 1;
}

static bool got_bundle(struct exchange *x, const struct message *m,
    struct exchange_event *ev)
{
	struct exchange_recv *r = &x->r;
	struct income *in;
	int tell;

	abandon(x);
	in = find(x, m->number);
	if (in != NULL || m->number <= r->high)
		tell = begin_again(x, m, in);
	else
		tell = begin_new(x, m);
	if (tell < 0)
		return false;
	r->end = false;
	r->number = m->number;
	r->left = m->size - m->offset;
	r->coming = r->left > 0;
	r->skip = tell == 0;
	if (tell == 0)
		return false;
	in = find(x, m->number);
	if (r->left == 0) {
		become(x, in, INCOME_WHOLE);
		r->whole = true;
	}
	fill(ev, EXCHANGE_EV_BUNDLE, in);
	return true;
}

static bool got_data(struct exchange *x, const struct message *m,
    struct exchange_event *ev)
{
	struct exchange_recv *r = &x->r;
	struct income *in;

	if (!r->coming) {
		exchange_fail_peer(x, "bytes of no bundle");
		return false;
	}
	if (m->n > r->left) {
		exchange_fail_peer(x, "bundle %llu is longer than it should "
		    "be", NUMBER(r->number));
		return false;
	}
	r->left -= m->n;
	r->coming = r->left > 0;
	if (r->skip)
		return false;
	in = find(x, r->number);
	fill(ev, EXCHANGE_EV_DATA, in);
	ev->p = m->p;
	ev->n = m->n;
	in->offset += m->n;
	x->stats.data_in += m->n;
	if (x->stats.first_data_ms == 0)
		x->stats.first_data_ms = x->now - x->start;
	if (!r->coming) {
		become(x, in, INCOME_WHOLE);
		r->whole = true;
	}
	return true;
}

static bool got_ask(struct exchange *x, const struct message *m,
    struct exchange_event *ev)
{
	struct income *in;

	if (m->number <= x->r.high) {
		exchange_fail_peer(x, "it asks for bundle %llu after %llu",
		    NUMBER(m->number), NUMBER(x->r.high));
		return false;
	}
	in = add(x, m, INCOME_ASK);
	if (in == NULL)
		return false;
	x->r.high = m->number;
	x->r.end = false;
	fill(ev, EXCHANGE_EV_ASK, in);
	return true;
}

static bool got_end(struct exchange *x, const struct message *m)
{
	abandon(x);
	if (m->number != x->r.high)
		exchange_fail_peer(x, "it ends at bundle %llu, but %llu was "
		    "the last", NUMBER(m->number), NUMBER(x->r.high));
	else
		x->r.end = true;
	return false;
}

static bool got_fin(struct exchange *x)
{
	if (!x->r.end || !exchange_recv_over(x) || !x->s.ended)
		exchange_fail_peer(x, "it says that all is stored, and has "
		    "not ended");
	else
		exchange_send_final(x);
	if (!x->e.failing)
		x->r.fin = true;
	return false;
}

static bool got_bye(struct exchange *x, const struct message *m)
{
	static const char *const why[] = {
		"for a reason that is not known here",
		"because the longest time of a call was over",
		"because it was interrupted there",
		"because of an error there",
		"because what it got from here was not the protocol",
		"because it is busy with another call from here"};

	/* it gave up waiting for a FIN that it does not need any more */
	if (exchange_safe(x)) {
		x->st = EXCHANGE_ST_DONE;
		return false;
	}
	exchange_fail(x, ERR_AGAIN, "%s ended the call %s",
	    exchange_peer_name(x),
	    why[m->reason < sizeof why / sizeof *why ? m->reason : 0]);
	return false;
}

/* Behind our FIN nothing new is taken: it crossed on the line, its sender
 * knows from the FIN that it waits for the next call. */
static bool is_too_late(const struct exchange *x, enum message_type t)
{
	return x->s.fin_out && (t == MESSAGE_BUNDLE || t == MESSAGE_DATA ||
	    t == MESSAGE_DATAN || t == MESSAGE_ASK || t == MESSAGE_END);
}

static bool got_message(struct exchange *x, const struct message *m,
    struct exchange_event *ev)
{
	if (!x->r.have_done && m->type != MESSAGE_HAVE &&
	    m->type != MESSAGE_BYE) {
		exchange_fail_peer(x, "it did not say first what it has");
		return false;
	}
	if (x->r.fin && m->type != MESSAGE_BYE) {
		exchange_fail_peer(x, "it goes on after the end");
		return false;
	}
	if (is_too_late(x, m->type))
		return false;
	switch (m->type) {
	case MESSAGE_HAVE:
		return got_have(x, m);
	case MESSAGE_BUNDLE:
		return got_bundle(x, m, ev);
	case MESSAGE_DATA:
	case MESSAGE_DATAN:
		return got_data(x, m, ev);
	case MESSAGE_ASK:
		return got_ask(x, m, ev);
	case MESSAGE_STORED:
		exchange_send_stored(x, m->number, m->count);
		return false;
	case MESSAGE_WANT:
		exchange_send_wanted(x, m->number, m->offset);
		return false;
	case MESSAGE_PASS:
		exchange_send_passed(x, m->number);
		return false;
	case MESSAGE_END:
		return got_end(x, m);
	case MESSAGE_FIN:
		return got_fin(x);
	case MESSAGE_BYE:
		return got_bye(x, m);
	case MESSAGE_PAD:
		break;
	}
	return false;
}

/* --- records --- */

static void first_record(struct exchange *x)
{
	x->st = EXCHANGE_ST_SESSION;
	x->stats.hello_ms = x->now - x->start;
}

static void bad_record(struct exchange *x, size_t need)
{
	if (x->r.rejects++ < EXCHANGE_REJECTS)
		link_reject(x->link, need);
	else
		exchange_fail_peer(x, "a record does not open, though the "
		    "line was clean");
}

/* The next record, if there is one. */
static bool open_record(struct exchange *x)
{
	struct exchange_recv *r = &x->r;
	const uint8_t *p;
	size_t have = link_peek(x->link, &p), need;

	switch (record_open(&r->record, p, have, &need, r->plain,
	    &r->n_plain)) {
	case RECORD_MORE:
		return false;
	case RECORD_BAD:
		bad_record(x, need);
		r->n_plain = 0;
		return false;
	case RECORD_OPENED:
		break;
	}
	link_take(x->link, need);
	r->at = 0;
	r->rejects = 0;
	if (x->st == EXCHANGE_ST_OPEN)
		first_record(x);
	return true;
}

static bool next_message(struct exchange *x, struct exchange_event *ev)
{
	struct exchange_recv *r = &x->r;
	const char *why = "";
	struct message m;
	int got = message_read(r->plain, r->n_plain, &r->at, &m, &why);

	if (got > 0)
		return got_message(x, &m, ev);
	r->n_plain = r->at = 0;
	if (got < 0)
		exchange_fail_peer(x, "%s", why);
	return false;
}

static bool tell_whole(struct exchange *x, struct exchange_event *ev)
{
	struct income *in = find(x, x->r.number);

	x->r.whole = false;
	if (in == NULL || in->st != INCOME_WHOLE)
		return false;
	x->stats.received++;
	fill(ev, EXCHANGE_EV_BUNDLE_END, in);
	return true;
}

bool exchange_recv_event(struct exchange *x, struct exchange_event *ev)
{
	while ((x->st == EXCHANGE_ST_OPEN || x->st == EXCHANGE_ST_SESSION) &&
	    !x->e.deaf) {
		if (x->r.whole && tell_whole(x, ev))
			return true;
		if (x->r.at < x->r.n_plain) {
			if (next_message(x, ev))
				return true;
		} else if (!open_record(x)) {
			return false;
		}
		/* who it is comes before what it says; and each thing that
		 * it says before the next */
		if ((x->st == EXCHANGE_ST_SESSION && !x->peer_told) ||
		    x->s.news)
			return false;
	}
	return false;
}

/* --- the process answers --- */

int exchange_stored(struct exchange *x, uint64_t number)
{
	struct income *in = find(x, number);

	if (in == NULL || exchange_over(x))
		return -1;
	if (in->st == INCOME_WHOLE)
		x->stats.stored++;
	else if (in->st == INCOME_ASK || in->st == INCOME_COMING)
		x->stats.known++;
	else
		return -1;
	if (x->r.coming && x->r.number == number)
		x->r.skip = true;
	become(x, in, INCOME_STORED);
	note_done(x, in);
	return 0;
}

int exchange_restart(struct exchange *x, uint64_t number, uint64_t offset)
{
	struct income *in = find(x, number);

	if (in == NULL || exchange_over(x) || offset > in->size ||
	    (in->st != INCOME_ASK && in->st != INCOME_COMING &&
	    in->st != INCOME_WHOLE))
		return -1;
	if (x->r.coming && x->r.number == number)
		x->r.skip = true;
	become(x, in, INCOME_WANT);
	in->offset = offset;
	return 0;
}

int exchange_pass(struct exchange *x, uint64_t number)
{
	struct income *in = find(x, number);

	if (in == NULL || exchange_over(x) || (in->st != INCOME_ASK &&
	    in->st != INCOME_COMING && in->st != INCOME_WHOLE))
		return -1;
	if (x->r.coming && x->r.number == number)
		x->r.skip = true;
	become(x, in, INCOME_PASS);
	return 0;
}

bool exchange_recv_over(const struct exchange *x)
{
	if (x->r.coming)
		return false;
	return x->r.rows[INCOME_FREE] + x->r.rows[INCOME_STORED] +
	    x->r.rows[INCOME_PASS] == EXCHANGE_OFFERS_MAX;
}

/* --- our answers go out --- */

bool exchange_recv_has_answers(const struct exchange *x)
{
	return x->r.rows[INCOME_STORED] + x->r.rows[INCOME_PASS] +
	    x->r.rows[INCOME_WANT] > 0;
}

/* One STORED for neighbours. */
static uint64_t take_run(struct exchange *x, uint64_t number)
{
	struct income *in;
	uint64_t n = 0;

	while ((in = find(x, number + n)) != NULL &&
	    in->st == INCOME_STORED) {
		become(x, in, INCOME_FREE);
		n++;
	}
	return n;
}

static bool is_run_start(struct exchange *x, const struct income *in)
{
	const struct income *before = find(x, in->number - 1);

	return before == NULL || before->st != INCOME_STORED;
}

static size_t answer(struct exchange *x, struct income *in, uint8_t *out)
{
	struct message m = {.number = in->number};

	switch (in->st) {
	case INCOME_STORED:
		if (!is_run_start(x, in))
			return 0;
		m.type = MESSAGE_STORED;
		m.count = take_run(x, m.number);
		break;
	case INCOME_PASS:
		m.type = MESSAGE_PASS;
		become(x, in, INCOME_FREE);
		break;
	case INCOME_WANT:
		m.type = MESSAGE_WANT;
		m.offset = in->offset;
		become(x, in, INCOME_WANTED);
		break;
	default:
		return 0;
	}
	return message_write(&m, out);
}

size_t exchange_recv_answers(struct exchange *x, uint8_t *out, size_t n,
    size_t limit)
{
	for (size_t i = 0; i < EXCHANGE_OFFERS_MAX &&
	    exchange_recv_has_answers(x); i++) {
		if (n + MESSAGE_HEAD_MAX > limit)
			break;
		n += answer(x, &x->r.income[i], out + n);
	}
	return n;
}
