/* What goes into our records.  A record is sealed as late as the link allows:
 * answers and control first, then the bytes of the bundle with the lowest
 * number; what the process must supply is asked for while the record waits. */
#include "modem/exchange_p.h"

#include <math.h>
#include <string.h>

#define NUMBER(n) ((unsigned long long)(n))
#define ROOM_MIN  96u /* a bundle is begun, or goes on, in so much room */

/* --- the table --- */

static void become(struct exchange *x, struct offer *o, enum offer_st st)
{
	x->s.rows[o->st]--;
	x->s.rows[st]++;
	o->st = st;
}

static struct offer *find(struct exchange *x, uint64_t number)
{
	for (size_t i = 0; i < EXCHANGE_OFFERS_MAX; i++) {
		struct offer *o = &x->s.offer[i];

		if (o->st != OFFER_FREE && o->number == number)
			return o;
	}
	return NULL;
}

/* The lowest number in this state. */
static struct offer *lowest(struct exchange *x, enum offer_st st)
{
	struct offer *low = NULL;

	for (size_t i = 0; i < EXCHANGE_OFFERS_MAX && x->s.rows[st] > 0;
	    i++) {
		struct offer *o = &x->s.offer[i];

		if (o->st == st && (low == NULL || o->number < low->number))
			low = o;
	}
	return low;
}

/* Where another one goes: a free row, or that of one that is gone. */
static struct offer *free_row(struct exchange *x)
{
	struct offer *o = lowest(x, OFFER_FREE);

	return o != NULL ? o : lowest(x, OFFER_GONE);
}

static void stop_asking(struct exchange *x, const struct offer *o)
{
	if (x->s.ask && x->s.ask_number == o->number)
		x->s.ask = false;
}

/* --- offers --- */

void exchange_send_init(struct exchange *x)
{
	memset(x->s.rows, 0, sizeof x->s.rows);
	x->s.rows[OFFER_FREE] = EXCHANGE_OFFERS_MAX;
	x->s.datan = SIZE_MAX;
}

void exchange_send_begin(struct exchange *x)
{
	x->s.theirs_known = true;
	x->s.want_offer = true;
	x->s.want_told = false;
}

/* What they have already said of this bundle. */
static void place_offer(struct exchange *x, struct offer *o)
{
	const struct message_have *t = &x->s.theirs;

	if (t->has_top && o->number == t->top && o->crc == t->top_crc) {
		become(x, o, OFFER_STORED);
		return;
	}
	if (t->has_top && o->number <= t->top) {
		become(x, o, OFFER_ASK);
		return;
	}
	become(x, o, OFFER_READY);
	for (size_t i = 0; i < t->n; i++)
		if (t->part[i].number == o->number &&
		    t->part[i].size == o->size && t->part[i].crc == o->crc)
			o->offset = t->part[i].offset;
}

int exchange_offer(struct exchange *x, uint64_t number, uint64_t size,
    uint32_t crc)
{
	struct exchange_send *s = &x->s;
	struct offer *o = free_row(x);

	if (x->st != EXCHANGE_ST_SESSION || !s->theirs_known || s->fin_out ||
	    x->r.fin || x->e.failing || number <= s->last ||
	    number > MESSAGE_NUMBER_MAX || size > INT64_MAX || o == NULL)
		return -1;
	become(x, o, OFFER_FREE);
	memset(o, 0, sizeof *o);
	o->number = number;
	o->size = size;
	o->crc = crc;
	place_offer(x, o);
	o->reach = o->offset;
	s->last = number;
	s->no_more = false;
	s->end_out = false;
	s->news = s->news || o->st == OFFER_STORED;
	s->want_offer = true;
	s->want_told = false;
	return 0;
}

int exchange_no_more(struct exchange *x)
{
	if (x->st != EXCHANGE_ST_SESSION || !x->s.theirs_known)
		return -1;
	x->s.no_more = true;
	x->s.want_offer = false;
	return 0;
}

int exchange_unreadable(struct exchange *x, uint64_t number)
{
	struct offer *o = find(x, number);

	if (o == NULL || o->st > OFFER_SENT)
		return -1;
	stop_asking(x, o);
	o->gone = true;
	if (o->st == OFFER_ASK || (o->st == OFFER_READY && o->again == 0))
		become(x, o, OFFER_FREE); /* they have not heard of it */
	else if (o->st == OFFER_SENDING)
		become(x, o, OFFER_GONE);
	return 0;
}

bool exchange_send_over(const struct exchange *x)
{
	const size_t *rows = x->s.rows;

	return rows[OFFER_FREE] + rows[OFFER_STORED] + rows[OFFER_PASSED] +
	    rows[OFFER_GONE] == EXCHANGE_OFFERS_MAX;
}

/* --- what they say of ours --- */

static void resolve(struct exchange *x, struct offer *o, enum offer_st st)
{
	stop_asking(x, o);
	become(x, o, st);
	x->s.news = x->s.news || st == OFFER_STORED || st == OFFER_PASSED;
}

static struct offer *find_said(struct exchange *x, uint64_t number,
    const char *what)
{
	struct offer *o = find(x, number);

	if (o != NULL && o->st != OFFER_STORED && o->st != OFFER_PASSED &&
	    o->st != OFFER_ASK && (o->st != OFFER_READY || o->again > 0)) {
		/* They know of it: no FIN answers an END before it. */
		if (number > x->s.due)
			x->s.due = number;
		return o;
	}
	exchange_fail_peer(x, "it %s bundle %llu, which was not sent",
	    what, NUMBER(number));
	return NULL;
}

void exchange_send_stored(struct exchange *x, uint64_t number, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		struct offer *o = find_said(x, number + i, "has stored");

		if (o == NULL)
			return;
		resolve(x, o, OFFER_STORED);
	}
}

void exchange_send_passed(struct exchange *x, uint64_t number)
{
	struct offer *o = find_said(x, number, "will not store");

	if (o != NULL)
		resolve(x, o, OFFER_PASSED);
}

void exchange_send_wanted(struct exchange *x, uint64_t number,
    uint64_t offset)
{
	struct offer *o = find_said(x, number, "wants");

	if (o == NULL)
		return;
	if (offset > o->size) {
		exchange_fail_peer(x, "it wants bundle %llu from %llu on, it "
		    "has %llu bytes", NUMBER(number), NUMBER(offset),
		    NUMBER(o->size));
		return;
	}
	if (o->again >= EXCHANGE_AGAINS) {
		exchange_fail_peer(x, "it wants bundle %llu again and again",
		    NUMBER(number));
		return;
	}
	resolve(x, o, OFFER_READY);
	o->again++;
	o->offset = offset;
	x->s.end_out = false;
}

/* Theirs is final.  Which of our ENDs it answers it does not say: what was
 * begun after the first one may have crossed it, with its END, and waits for
 * the next call. */
void exchange_send_final(struct exchange *x)
{
	struct exchange_send *s = &x->s;

	for (size_t i = 0; i < EXCHANGE_OFFERS_MAX; i++) {
		struct offer *o = &s->offer[i];
		bool open = o->st != OFFER_FREE && o->st < OFFER_STORED;

		if (open && o->number <= s->due) {
			exchange_fail_peer(x, "it says that all is stored, "
			    "and has not said so of bundle %llu",
			    NUMBER(o->number));
			return;
		}
		if (open)
			resolve(x, o, OFFER_PASSED);
	}
	s->no_more = s->end_out = true;
	s->want_offer = false;
	s->fill = 0;
	s->datan = SIZE_MAX;
}

bool exchange_send_news(struct exchange *x, struct exchange_event *ev)
{
	struct offer *o = lowest(x, OFFER_STORED);

	if (!x->s.news)
		return false;
	ev->type = EXCHANGE_EV_STORED;
	if (o == NULL) {
		ev->type = EXCHANGE_EV_PASSED;
		o = lowest(x, OFFER_PASSED);
	}
	x->s.news = o != NULL;
	if (o == NULL)
		return false;
	ev->number = o->number;
	ev->size = o->size;
	ev->crc = o->crc;
	if (ev->type == EXCHANGE_EV_STORED)
		x->stats.acknowledged++;
	else
		x->stats.passed++;
	become(x, o, OFFER_FREE);
	return true;
}

bool exchange_send_event(struct exchange *x, struct exchange_event *ev)
{
	struct exchange_send *s = &x->s;

	if (x->st != EXCHANGE_ST_SESSION || x->e.failing || s->fin_out)
		return false;
	if (s->want_offer && !s->want_told && free_row(x) != NULL) {
		s->want_told = true;
		ev->type = EXCHANGE_EV_WANT_OFFER;
		return true;
	}
	if (!s->ask || s->ask_told)
		return false;
	s->ask_told = true;
	ev->type = EXCHANGE_EV_WANT_DATA;
	ev->number = s->ask_number;
	ev->offset = s->ask_offset;
	ev->n = s->ask_n;
	return true;
}

/* --- records --- */

/* A record lasts record_ms at most, so that control is not late; and it fits
 * into one frame of the link's (as long as costs least under the errors that
 * there are), so that a cut costs one record and not two.  Where frames are
 * short, records are not: each costs 18 bytes. */
static size_t record_limit(const struct exchange *x)
{
	struct link_stats ls;
	double rate, n, frame;

	link_get_stats(x->link, &ls);
	rate = ls.rate_out > 0 ? ls.rate_out : x->conf.rate;
	n = rate > 0 ? rate * x->conf.record_ms / 1000 : 2 *
	    EXCHANGE_RECORD_MIN;
	frame = ls.errors > 0 ? sqrt(12 / ls.errors) - RECORD_TAG - 2 : n;
	if (frame < EXCHANGE_RECORD_SPAN)
		frame = EXCHANGE_RECORD_SPAN;
	if (n > frame)
		n = frame;
	if (n < EXCHANGE_RECORD_MIN)
		return EXCHANGE_RECORD_MIN;
	return n > EXCHANGE_RECORD_MAX ? EXCHANGE_RECORD_MAX : (size_t)n;
}

/* The last DATAN becomes a DATA, which needs no length. */
static void shorten(struct exchange_send *s)
{
	size_t head = s->fill - s->datan > 129 ? 3 : 2;

	s->buf[s->datan] = MESSAGE_DATA;
	memmove(s->buf + s->datan + 1, s->buf + s->datan + head,
	    s->fill - s->datan - head);
	s->fill -= head - 1;
}

static void seal(struct exchange *x)
{
	struct exchange_send *s = &x->s;
	size_t n;

	if (s->datan != SIZE_MAX)
		shorten(s);
	n = record_seal(&s->record, s->buf, s->fill, s->sealed);
	s->fill = 0;
	s->datan = SIZE_MAX;
	if (n == 0)
		exchange_fail(x, ERR_AGAIN, "the call is too long: its keys "
		    "are used up");
	else
		link_put(x->link, s->sealed, n);
	s->stream += n;
}

static void put(struct exchange *x, const struct message *m)
{
	struct exchange_send *s = &x->s;

	s->fill += message_write(m, s->buf + s->fill);
	s->datan = SIZE_MAX;
}

/* The answerer's first record always has the same size, whatever there is to
 * say: what does not fit comes behind the caller's first. */
static void put_first_have(struct exchange *x)
{
	struct exchange_send *s = &x->s;
	struct message m = {.type = MESSAGE_HAVE, .have = s->have};
	uint8_t b[MESSAGE_HAVE_MAX];

	while (message_write(&m, b) > EXCHANGE_FIRST_HAVE) {
		m.have.n--;
		m.have.more = true;
	}
	memset(s->buf, 0, EXCHANGE_FIRST_HAVE);
	put(x, &m);
	s->fill = EXCHANGE_FIRST_HAVE;
	s->have_sent = true;
	s->have_more = m.have.more;
	s->have_told = m.have.n;
}

/* All of it, or what the first did not say. */
static void put_have(struct exchange *x)
{
	struct exchange_send *s = &x->s;
	struct message m = {.type = MESSAGE_HAVE, .have = s->have};

	if (s->have_more) {
		m.have.has_top = false;
		m.have.n -= s->have_told;
		memmove(m.have.part, m.have.part + s->have_told,
		    m.have.n * sizeof m.have.part[0]);
	}
	put(x, &m);
	s->have_sent = true;
	s->have_more = false;
}

static void put_asks(struct exchange *x, size_t limit)
{
	struct exchange_send *s = &x->s;
	struct offer *o;

	while (s->fill + MESSAGE_HEAD_MAX <= limit &&
	    (o = lowest(x, OFFER_ASK)) != NULL) {
		struct message m = {.type = MESSAGE_ASK, .number = o->number,
		    .size = o->size, .crc = o->crc};

		put(x, &m);
		become(x, o, OFFER_ASKED);
		if (o->number > s->high)
			s->high = o->number;
	}
}

static void put_answers(struct exchange *x, size_t limit)
{
	struct exchange_send *s = &x->s;
	size_t n = exchange_recv_answers(x, s->buf, s->fill, limit);

	if (n > s->fill)
		s->datan = SIZE_MAX;
	s->fill = n;
}

static void put_bundle(struct exchange *x, struct offer *o)
{
	struct message m = {.type = MESSAGE_BUNDLE, .number = o->number,
	    .size = o->size, .crc = o->crc, .offset = o->offset};

	put(x, &m);
	if (o->number > x->s.high)
		x->s.high = o->number;
	become(x, o, OFFER_SENDING);
	if (o->gone) /* they see that nothing follows */
		become(x, o, OFFER_GONE);
	else if (o->offset == o->size)
		become(x, o, OFFER_SENT);
	if (o->st == OFFER_SENT && o->again == 0)
		x->stats.sent++;
}

/* Is there a bundle whose bytes fit in here?  Then the process is asked. */
static bool ask_data(struct exchange *x, size_t limit)
{
	struct exchange_send *s = &x->s;
	struct offer *o = lowest(x, OFFER_SENDING);

	while (o == NULL && (o = lowest(x, OFFER_READY)) != NULL) {
		if (s->fill + ROOM_MIN > limit)
			return false;
		put_bundle(x, o);
		if (o->st != OFFER_SENDING)
			o = NULL;
	}
	if (o == NULL || s->fill + 16 > limit)
		return false;
	s->ask = true;
	s->ask_told = false;
	s->ask_number = o->number;
	s->ask_offset = o->offset;
	s->ask_n = limit - s->fill - 1;
	if (s->ask_n > o->size - o->offset)
		s->ask_n = (size_t)(o->size - o->offset);
	return true;
}

static bool may_end(struct exchange *x)
{
	return x->s.no_more && !x->s.end_out &&
	    lowest(x, OFFER_ASK) == NULL && lowest(x, OFFER_READY) == NULL &&
	    lowest(x, OFFER_SENDING) == NULL;
}

static void put_end(struct exchange *x, size_t limit)
{
	struct exchange_send *s = &x->s;

	if (may_end(x) && s->fill + MESSAGE_HEAD_MAX <= limit) {
		struct message m = {.type = MESSAGE_END, .number = s->high};

		put(x, &m);
		s->end_out = true;
		if (!s->ended)
			s->due = s->high;
		s->ended = true;
	}
	if (!s->fin_out && exchange_safe(x) &&
	    !exchange_recv_has_answers(x) &&
	    s->fill + MESSAGE_HEAD_MAX <= limit) {
		struct message m = {.type = MESSAGE_FIN};

		put(x, &m);
		s->fin_out = true;
		s->want_offer = false;
	}
}

static void put_bye(struct exchange *x, size_t limit)
{
	struct message m = {.type = MESSAGE_BYE, .reason = x->s.bye_reason};

	if (x->s.fill + MESSAGE_HEAD_MAX > limit)
		return;
	put(x, &m);
	x->s.bye_out = true;
}

/* Collect the next record.  true: seal it; false: it waits for the process, or
 * there is nothing to say. */
static bool collect(struct exchange *x)
{
	struct exchange_send *s = &x->s;
	size_t limit = record_limit(x);

	if (s->bye_out || (s->fin_out && !s->bye))
		return false;
	if (!s->have_sent && !x->caller) {
		put_first_have(x);
		return true;
	}
	if (!x->caller && x->st == EXCHANGE_ST_OPEN)
		return false;
	if (!s->have_sent || s->have_more)
		put_have(x);
	put_answers(x, limit);
	if (s->bye) {
		put_bye(x, limit);
		return s->fill > 0;
	}
	put_asks(x, limit);
	if (s->ask)
		return false;
	if (s->theirs_known && ask_data(x, limit))
		return false;
	put_end(x, limit);
	return s->fill > 0;
}

static bool link_can_take(const struct exchange *x)
{
	return x->link != NULL && !exchange_over(x) &&
	    x->st >= EXCHANGE_ST_OPEN && link_wants(x->link) > 0 &&
	    link_unacked(x->link) + RECORD_MAX <= LINK_WINDOW;
}

void exchange_pump(struct exchange *x)
{
	while (link_can_take(x) && !(x->s.ask && !x->s.bye) && collect(x))
		seal(x);
}

void exchange_pump_late(struct exchange *x)
{
	struct exchange_send *s = &x->s;

	if (!s->ask || !s->ask_told || !link_can_take(x))
		return;
	if (exchange_recv_has_answers(x) || lowest(x, OFFER_ASK) != NULL) {
		put_answers(x, EXCHANGE_RECORD_MAX);
		put_asks(x, EXCHANGE_RECORD_MAX);
		if (s->fill > 0)
			seal(x);
	}
}

/* --- the process's bytes --- */

static void count_data(struct exchange *x, struct offer *o, size_t n)
{
	o->offset += n;
	if (o->offset > o->reach) {
		uint64_t from = o->offset - n > o->reach ? o->offset - n :
		    o->reach;

		x->stats.data_out += o->offset - from;
		o->reach = o->offset;
	}
	if (x->stats.first_data_ms == 0)
		x->stats.first_data_ms = x->now - x->start;
	if (o->offset < o->size)
		return;
	become(x, o, OFFER_SENT);
	if (o->again == 0)
		x->stats.sent++;
}

int exchange_data(struct exchange *x, uint64_t number, uint64_t offset,
    const uint8_t *p, size_t n)
{
	struct exchange_send *s = &x->s;
	struct message m = {.n = n};
	size_t at = s->fill;
	bool last;

	if (!s->ask || number != s->ask_number || offset != s->ask_offset ||
	    n == 0 || n > s->ask_n || exchange_over(x))
		return -1;
	s->ask = false;
	/* A length that would not fit is not needed: the record is full. */
	last = s->fill + n + 3 > EXCHANGE_RECORD_MAX;
	m.type = last ? MESSAGE_DATA : MESSAGE_DATAN;
	put(x, &m);
	memcpy(s->buf + s->fill, p, n);
	s->fill += n;
	s->datan = last ? SIZE_MAX : at;
	count_data(x, find(x, number), n);
	if (last)
		seal(x);
	exchange_pump(x);
	return 0;
}
