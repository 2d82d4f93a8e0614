/* From what was read to what is shown.  See status_model.h. */
#include "config.h"

#include "status/status_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

static const char safe_message[] = "You can hang up now.";
static const char died_message[] = "dialer ended unexpectedly";

static const char *const words[] = {
	[STATUS_IDLE] = "idle",
	[STATUS_FAILED] = "failed",
	[STATUS_UNKNOWN] = NULL,
	[STATUS_LISTENING] = "listening",
	[STATUS_WAITING] = "waiting",
	[STATUS_SAFE] = "safe-to-hang-up",
	[STATUS_HANGING_UP] = "hanging-up",
	[STATUS_DIALING] = "dialing",
	[STATUS_LOGGING_IN] = "logging-in",
	[STATUS_CONNECTED] = "connected",
	[STATUS_EXCHANGING] = "exchanging",
};
#define N_WORDS (sizeof(words) / sizeof(*words))

const char *status_state_word(enum status_state state)
{
	return words[state];
}

/* ---- values of a status file; they are anybody's bytes until checked */

static const char *get(const struct status_seen_file *f, const char *key)
{
	return f->there && f->map ? status_map_get(f->map, key) : NULL;
}

/* A number that counts something. */
static int64_t get_count(const struct status_seen_file *f, const char *key)
{
	const char *s = get(f, key);
	int64_t v;

	return s && text_int(s, 0, INT64_MAX, &v) ? v : STATUS_NONE;
}

static int64_t get_time(const struct status_seen_file *f, const char *key)
{
	const char *s = get(f, key);
	int64_t v;

	return s && clock_parse(s, &v) == 0 && v >= 0 ? v : STATUS_NONE;
}

/* A site's name, since users copy it into commands. */
static const char *get_name(const struct status_seen_file *f, const char *key)
{
	const char *s = get(f, key);

	return s && text_name_ok(s) ? s : NULL;
}

static const char *get_text(const struct status_seen_file *f, const char *key)
{
	const char *s = get(f, key);

	return s && *s ? s : NULL;
}

static enum status_state get_state(const struct status_seen_file *f)
{
	const char *s = get(f, "state");

	for (size_t i = 0; s && i < N_WORDS; i++)
		if (words[i] && strcmp(s, words[i]) == 0)
			return (enum status_state)i;
	return STATUS_UNKNOWN;
}

static bool is_word(const struct status_seen_file *f, const char *key,
    const char *word)
{
	const char *s = get(f, key);

	return s && strcmp(s, word) == 0;
}

/* "receiving.bundles_done" and so on. */
static void get_flow(const struct status_seen_file *f, const char *prefix,
    struct status_flow *out)
{
	static const char *const part[] = {
		"bundles_done", "bundles_total", "bytes_done", "bytes_total"
	};
	int64_t *const to[] = {&out->bundles_done, &out->bundles_total,
	    &out->bytes_done, &out->bytes_total};
	char key[STATUS_KEY_MAX + 1];

	for (size_t i = 0; i < 4; i++) {
		snprintf(key, sizeof(key), "%s.%s", prefix, part[i]);
		*to[i] = get_count(f, key);
	}
}

static const struct status_flow no_flow = {
	STATUS_NONE, STATUS_NONE, STATUS_NONE, STATUS_NONE
};

/* ---- one line */

/* Was this said in the last 15 seconds?  A clock that was set back must not
 * leave the message standing for hours. */
static bool fresh(int64_t since, int64_t now)
{
	return since != STATUS_NONE && now - since < STATUS_SAFE_SECONDS &&
	    since - now < STATUS_SAFE_SECONDS;
}

/* The state of a line whose owner is gone.  `ended` is the last thing that an
 * owner writes; without it, it died where it stood, which is harmless only
 * where a call was over. */
static enum status_state state_of_dead(const struct status_seen_file *f,
    enum status_state written, bool *died)
{
	const char *result = get(f, "result");
	bool ended = get(f, "ended") != NULL;

	switch (written) {
	case STATUS_IDLE:
	case STATUS_FAILED:
	case STATUS_SAFE:
		return written;
	case STATUS_WAITING:
		if (ended)
			return written;
		break;
	case STATUS_HANGING_UP:
		if (result)
			return is_word(f, "result", "done") ? STATUS_IDLE
			                                    : STATUS_FAILED;
		break;
	case STATUS_UNKNOWN:
		/* no process of ours wrote this */
		if (!get(f, "pid"))
			return STATUS_UNKNOWN;
		break;
	case STATUS_LISTENING:
	case STATUS_DIALING:
	case STATUS_LOGGING_IN:
	case STATUS_CONNECTED:
	case STATUS_EXCHANGING:
		break;
	}
	*died = !ended;
	return ended ? STATUS_IDLE : STATUS_FAILED;
}

/* State and since.  died: the owner vanished in the middle of something. */
static void settle_state(const struct status_seen_file *f, int64_t now,
    struct status_line *l, bool *died)
{
	enum status_state s = get_state(f);

	*died = false;
	l->since = get_time(f, "since");
	if (f->there && !f->alive)
		s = state_of_dead(f, s, died);
	if (s == STATUS_SAFE && !fresh(l->since, now)) {
		s = STATUS_IDLE;
		if (l->since != STATUS_NONE && l->since < now)
			l->since += STATUS_SAFE_SECONDS;
	}
	l->state = s;
}

/* Is there more to come in this direction? */
static bool unfinished(const struct status_flow *f)
{
	return f->bytes_total != STATUS_NONE && f->bytes_done < f->bytes_total;
}

/* What a person is told where the dialer has not said it itself. */
static void compose(struct status_line *l)
{
	const char *who = l->peer ? l->peer : "a caller";
	const char *text = NULL;
	bool in = unfinished(&l->receiving), out = unfinished(&l->sending);

	switch (l->state) {
	case STATUS_IDLE:       text = "No call"; break;
	case STATUS_FAILED:     text = "The last call failed"; break;
	case STATUS_UNKNOWN:    break;
	case STATUS_LISTENING:  text = "Waiting for calls"; break;
	case STATUS_WAITING:    text = "Waiting for the next try"; break;
	case STATUS_SAFE:       text = safe_message; break;
	case STATUS_HANGING_UP: text = "Hanging up"; break;
	case STATUS_DIALING:    text = "Calling "; break;
	case STATUS_LOGGING_IN: text = "Logging in to "; break;
	case STATUS_CONNECTED:  text = "Connected with "; break;
	case STATUS_EXCHANGING:
		text = in == out ? "Exchanging with " :
		    in ? "Receiving from " : "Sending to ";
		break;
	}
	snprintf(l->message, sizeof(l->message), "%s%s", text ? text : "",
	    l->state >= STATUS_DIALING ? who : "");
}

static void settle_message(const struct status_seen_file *f, bool died,
    struct status_line *l)
{
	const char *said = get_text(f, "message");

	if (died && l->state == STATUS_FAILED)
		said = died_message;
	if (said && (l->state == STATUS_FAILED || l->state == STATUS_WAITING ||
	    l->state >= STATUS_HANGING_UP))
		snprintf(l->message, sizeof(l->message), "%s", said);
	else
		compose(l);
}

/* A dialer's status file, as it is shown.  Figures of a call stay as long as
 * the call is what the line shows. */
static void make_line(const struct status_seen_file *f, int64_t now,
    struct status_line *l)
{
	bool died, in_call, of_call;

	memset(l, 0, sizeof(*l));
	l->name = f->line;
	l->used = f->there;
	l->alive = f->there && f->alive;
	l->pid = l->bps = l->seconds_left = STATUS_NONE;
	l->receiving = l->sending = no_flow;
	settle_state(f, now, l, &died);
	in_call = l->state >= STATUS_HANGING_UP;
	of_call = in_call || l->state == STATUS_SAFE ||
	    l->state == STATUS_FAILED;
	if (l->alive)
		l->pid = get_count(f, "pid");
	if (of_call || l->state == STATUS_WAITING) {
		l->peer = get_name(f, "peer");
		l->direction = is_word(f, "direction", "out") ? "out" :
		    is_word(f, "direction", "in") ? "in" : NULL;
	}
	if (of_call) {
		l->connect = get_text(f, "connect");
		l->bps = get_count(f, "bps");
		get_flow(f, "receiving", &l->receiving);
		get_flow(f, "sending", &l->sending);
	}
	if (in_call)
		l->seconds_left = get_count(f, "seconds_left");
	else if (l->state == STATUS_SAFE)
		l->seconds_left = 0;
	settle_message(f, died, l);
}

/* A line that is in no configuration (--stdio, or removed since) is shown
 * while it is in use. */
static bool shown(const struct status_seen_file *f,
    const struct status_line *l)
{
	return f->configured || l->alive || l->state == STATUS_SAFE;
}

/* ---- the site */

/* A line that no dialer used yet, or a damaged file that nobody owns. */
static bool silent(const struct status_line *l)
{
	return l->state == STATUS_UNKNOWN && !l->alive;
}

/* Does a say more of the site than b? */
static bool more_active(const struct status_line *a,
    const struct status_line *b)
{
	bool calm_a = a->state <= STATUS_FAILED;
	bool calm_b = b->state <= STATUS_FAILED;

	if (silent(a) || silent(b))
		return !silent(a);
	if (calm_a && calm_b)
		return a->since > b->since;
	return a->state > b->state;
}

static void choose_top(struct status_model *m)
{
	const struct status_line *top = NULL;

	for (size_t i = 0; i < m->n_lines; i++)
		if (!top || more_active(&m->lines[i], top))
			top = &m->lines[i];
	if (top && silent(top))
		top = NULL;
	m->top = top;
	m->state = top ? top->state : STATUS_IDLE;
	m->safe_to_hang_up = m->state == STATUS_SAFE;
}

/* What the applier is at; nothing when it is not running. */
static void make_processing(const struct status_seen_file *f,
    struct status_processing *p)
{
	struct status_seen_file live = *f;

	live.there = f->there && f->alive;
	p->peer = get_name(&live, "processing.peer");
	p->table = get_text(&live, "processing.table");
	p->changes_done = get_count(&live, "processing.changes_done");
	get_flow(&live, "processing", &p->done);
}

/* A count of the spool, which has 64 bits. */
static int64_t count(const struct status_seen_peer *s, uint64_t n)
{
	if (!s->counted)
		return STATUS_NONE;
	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

/* The next call: when, and how long it will last. */
static void make_next(const struct status_seen_peer *s, struct status_peer *p)
{
	p->next_call = p->estimate_seconds = p->estimate_bps = STATUS_NONE;
	p->tries = STATUS_NONE;
	p->due = false;
	if (!s->scheduled)
		return;
	p->tries = s->tries;
	if (s->next.next != SCHEDULE_NONE) {
		p->next_call = s->next.next;
		p->due = s->next.due;
	}
	if (s->estimate_s >= 0)
		p->estimate_seconds = s->estimate_s;
	if (s->estimate_s >= 0 && s->estimate_bps > 0)
		p->estimate_bps = s->estimate_bps;
}

static void make_peer(const struct status_seen *seen,
    const struct status_seen_peer *s, struct status_peer *p)
{
	p->name = s->name;
	p->unpacked_changes = s->unpacked;
	p->outbox_bundles = count(s, s->counts.outbox_bundles);
	p->outbox_bytes = count(s, s->counts.outbox_bytes);
	p->inbox_bundles = count(s, s->counts.inbox_bundles);
	p->held_bundles = count(s, s->counts.held_bundles);
	p->waiting_for = s->waiting_for > 0 ? s->waiting_for : STATUS_NONE;
	p->note = s->note;
	p->held_rows = seen->held_rows;
	p->conflicts = seen->conflicts;
	p->last_call = s->called ? s->call.start : STATUS_NONE;
	p->last_exit = s->called ? s->call.exit : STATUS_NONE;
	p->last_result = s->called && s->call.result[0] ? s->call.result
	                                                : NULL;
	make_next(s, p);
}

int status_model_make(const struct status_seen *seen, struct status_model *m,
    struct err *e)
{
	memset(m, 0, sizeof(*m));
	m->site = seen->site;
	m->time = seen->now;
	m->parked = seen->parked;
	m->untracked = seen->untracked;
	m->troubles = seen->troubles;
	m->n_troubles = seen->n_troubles;
	m->lines = calloc(seen->n_lines + 1, sizeof(*m->lines));
	m->peers = calloc(seen->n_peers + 1, sizeof(*m->peers));
	if (!m->lines || !m->peers) {
		status_model_free(m);
		return err_set(e, ERR_SYSTEM, "no memory for the status");
	}
	for (size_t i = 0; i < seen->n_lines; i++) {
		make_line(&seen->lines[i], seen->now, &m->lines[m->n_lines]);
		if (shown(&seen->lines[i], &m->lines[m->n_lines]))
			m->n_lines++;
	}
	choose_top(m);
	make_processing(&seen->applier, &m->processing);
	for (size_t i = 0; i < seen->n_peers; i++)
		make_peer(seen, &seen->peers[i], &m->peers[m->n_peers++]);
	return 0;
}

void status_model_free(struct status_model *m)
{
	free(m->lines);
	free(m->peers);
	memset(m, 0, sizeof(*m));
}

const char *status_model_message(const struct status_model *m)
{
	if (!m->top)
		return "No call";
	return m->top->message[0] ? m->top->message : NULL;
}

bool status_model_idle(const struct status_model *m)
{
	for (size_t i = 0; i < m->n_lines; i++) {
		const struct status_line *l = &m->lines[i];

		/* an owner that is there may be calling, whatever it says */
		if (l->state >= STATUS_SAFE ||
		    (l->state == STATUS_UNKNOWN && l->alive))
			return false;
	}
	return true;
}
