/* The AT dialogue: what is sent when, and what an answer means in each state.
 * See at.h; doc/MODEMS.md has the table of states. */
#include "modem/at.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define NEVER UINT64_MAX
#define OUT_MAX (AT_INIT_MAX + 8)
#define EVENTS_MAX 8
#define GAP_MS 120        /* between an answer and the next command */
#define SYNC_MS 1200      /* for the OK of a modem that listens */
#define SYNC_TRIES 2
#define LF_MS 100         /* for the LF behind CONNECT's CR */
#define HANGUP_MS 6000    /* ATH takes its time */
#define ABORT_MS 4000     /* for the result of a call that is broken off */
#define COLLISION_MS 3000 /* so long after ATD the modem may be on hook */
#define RING_GAP_MS 10000
#define COMMA_MS 2000     /* S8 */
#define DIAL_SPARE_MS 8000

/* Each state has a line in state_rows, and in doc/MODEMS.md. */
enum state {
	ST_OFF,
	ST_SYNC,    /* ATQ0V1E0 is out */
	ST_SETUP,   /* conf.init is out */
	ST_S7,
	ST_IDLE,
	ST_COMMAND,
	ST_DIAL,
	ST_ANSWER,
	ST_ABORT,   /* a CR breaks off dialling */
	ST_ONLINE,
	ST_DTR,     /* the caller drops it */
	ST_QUIET,   /* before +++ */
	ST_ESCAPE,  /* +++ is out */
	ST_ATH,
	ST_FAILED
};

static const char *const state_names[] = {"off", "looking for the modem",
    "initialising", "initialising", "idle", "asking the modem", "dialling",
    "answering", "breaking off", "connected", "hanging up", "hanging up",
    "hanging up", "hanging up", "failed"};

/* What hanging up is for. */
enum goal { GOAL_INIT, GOAL_HANGUP, GOAL_COLLISION, GOAL_NO_CALL };

struct queued {
	enum at_event_type type;
	enum at_code code;
	unsigned rings;
	char text[AT_TEXT_MAX + 1];
};

struct at {
	struct at_conf conf;
	enum state state;
	enum goal goal;        /* of ABORT, DTR, QUIET, ESCAPE, ATH */
	enum at_maker maker;
	bool numeric;          /* results may be numbers */
	unsigned tries;        /* of ST_SYNC */
	unsigned stage;        /* what was tried for a silent modem */
	bool escaped_twice;

	char command[OUT_MAX]; /* the last one, to know its echo */
	char out[OUT_MAX + 1];
	size_t out_n;
	uint64_t send_at;      /* out is not shown before; 0: it may go */
	uint64_t wait_ms;      /* for the answer, from the last byte sent */
	uint64_t deadline;
	uint64_t clock;        /* the last time we were told */
	uint64_t heard;        /* when the last byte came */
	uint64_t began;        /* when the task's command had gone */

	char line[AT_TEXT_MAX + 1];
	size_t line_n;
	bool connected;        /* CONNECT came, its LF may follow */
	unsigned rings;
	uint64_t rang;         /* when; 0: never */
	char info[AT_INFO_MAX + 1];
	char last[AT_TEXT_MAX + 1]; /* last line that came */
	struct at_connect connect;
	struct err err;

	struct queued queue[EVENTS_MAX];
	size_t queue_first, queue_n;
	struct queued shown;
};

void at_conf_init(struct at_conf *c)
{
	memset(c, 0, sizeof(*c));
	c->dtr = true;
	c->connect_wait_ms = 60000;
	c->command_ms = 3000;
	c->guard_ms = 1200;
}

struct at *at_new(const struct at_conf *c, uint64_t now_ms)
{
	struct at *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->conf = *c;
	a->deadline = NEVER;
	a->clock = now_ms;
	return a;
}

void at_free(struct at *a)
{
	free(a);
}

/* When the queue is full the newest progress or ring is lost, which comes
 * again; an end of a task always finds the place that is left for it. */
static void put_event(struct at *a, enum at_event_type type,
    enum at_code code, const char *text)
{
	bool passing = type == AT_EV_RING || type == AT_EV_PROGRESS;
	struct queued *q;

	if (a->queue_n >= EVENTS_MAX - (passing ? 3 : 0))
		return;
	q = &a->queue[(a->queue_first + a->queue_n++) % EVENTS_MAX];
	q->type = type;
	q->code = code;
	q->rings = a->rings;
	(void)snprintf(q->text, sizeof(q->text), "%s", text);
}

bool at_event(struct at *a, struct at_event *ev)
{
	if (a->queue_n == 0)
		return false;
	a->shown = a->queue[a->queue_first];
	a->queue_first = (a->queue_first + 1) % EVENTS_MAX;
	a->queue_n--;
	*ev = (struct at_event){.type = a->shown.type,
	    .code = a->shown.code, .rings = a->shown.rings,
	    .text = a->shown.text};
	if (ev->type == AT_EV_DONE)
		ev->text = a->info;
	if (ev->type == AT_EV_CONNECT)
		ev->connect = &a->connect;
	if (ev->type == AT_EV_NO_CALL || ev->type == AT_EV_FAILED)
		ev->err = &a->err;
	return true;
}

/* --- sending ---------------------------------------------------------- */

/* A wait without anything to send. */
static void wait_for(struct at *a, enum state state, uint64_t ms)
{
	a->state = state;
	a->out_n = 0;
	a->wait_ms = 0;
	a->deadline = ms == NEVER ? NEVER : a->clock + ms;
}

/* Send bytes not before a gap after what came last, then wait for wait_ms. */
static void send_bytes(struct at *a, enum state state, const char *bytes,
    uint64_t wait_ms)
{
	uint64_t from = a->heard + GAP_MS;

	a->state = state;
	a->out_n = strlen(bytes);
	memcpy(a->out, bytes, a->out_n);
	a->send_at = a->heard > 0 && from > a->clock ? from : 0;
	a->wait_ms = wait_ms;
	a->deadline = NEVER; /* counts from the last byte sent */
	a->line_n = 0;
	a->info[0] = '\0';
	a->last[0] = '\0';
}

/* Send AT and a command, or the command as it is when it has its AT. */
static void send_command(struct at *a, enum state state, const char *command,
    uint64_t wait_ms)
{
	char bytes[OUT_MAX + 1];
	bool has_at = toupper((unsigned char)command[0]) == 'A' &&
	    toupper((unsigned char)command[1]) == 'T';

	(void)snprintf(a->command, sizeof(a->command), "%s%s",
	    has_at ? "" : "AT", command);
	(void)snprintf(bytes, sizeof(bytes), "%s\r", a->command);
	send_bytes(a, state, bytes, wait_ms);
}

size_t at_out(const struct at *a, const uint8_t **p)
{
	*p = (const uint8_t *)a->out;
	return a->send_at > a->clock ? 0 : a->out_n;
}

void at_sent(struct at *a, size_t n, uint64_t now_ms)
{
	a->clock = now_ms;
	if (n > a->out_n)
		n = a->out_n;
	memmove(a->out, a->out + n, a->out_n - n);
	a->out_n -= n;
	if (n > 0 && a->out_n == 0 && a->wait_ms > 0) {
		a->began = now_ms;
		a->deadline = now_ms + a->wait_ms;
	}
}

uint64_t at_deadline(const struct at *a)
{
	if (a->out_n > 0 && a->send_at > a->clock)
		return a->send_at;
	return a->deadline;
}

/* --- the modem is found, set up, lost ---------------------------------- */

static void idle(struct at *a)
{
	wait_for(a, ST_IDLE, NEVER);
	memset(&a->connect, 0, sizeof(a->connect));
}

/* Results in words, no echo.  It works under Q1 and V0 as well, and an ERROR
 * (what somebody left in the modem's buffer) is an answer too. */
static void sync_modem(struct at *a)
{
	a->numeric = true;
	send_command(a, ST_SYNC, "ATQ0V1E0", SYNC_MS);
}

static void fail(struct at *a, enum err_kind kind, const char *sent)
{
	char came[AT_TEXT_MAX + 1];

	text_safe(a->last, strlen(a->last), came, sizeof(came));
	if (kind == ERR_CONFIG)
		(void)err_set(&a->err, kind, "the modem answers \"%s\" to "
		    "\"%s\"; correct init", came, sent);
	else
		(void)err_set(&a->err, kind, "the modem does not answer to "
		    "\"%s\"%s%s%s; is it switched on, and is this its port "
		    "and speed?", sent, *came ? " (it sent \"" : "", came,
		    *came ? "\")" : "");
	wait_for(a, ST_FAILED, NEVER);
	put_event(a, AT_EV_FAILED, kind == ERR_CONFIG ? AT_ERROR :
	    AT_TIMEOUT, came);
}

static void start_setup(struct at *a)
{
	a->numeric = true; /* init may have V0 in it */
	if (a->conf.init[0])
		send_command(a, ST_SETUP, a->conf.init, a->conf.command_ms);
	else
		send_command(a, ST_SETUP, "AT", a->conf.command_ms);
}

/* S7 holds 255 s at most, some modems take less; then our own clock is the
 * one that ends the call. */
static void set_s7(struct at *a)
{
	uint32_t s = (a->conf.connect_wait_ms + 999) / 1000;
	char command[24];

	(void)snprintf(command, sizeof(command), "ATS7=%u",
	    (unsigned)(s > 255 ? 255 : s));
	send_command(a, ST_S7, command, a->conf.command_ms);
}

static void ready(struct at *a)
{
	idle(a);
	put_event(a, AT_EV_READY, AT_OK, a->last);
}

/* Nothing but silence lets a modem in data mode listen to +++. */
static void start_escape(struct at *a)
{
	wait_for(a, ST_QUIET, a->conf.guard_ms);
}

/* S12 may have been set longer than ours. */
static void start_long_escape(struct at *a)
{
	a->escaped_twice = true;
	wait_for(a, ST_QUIET, 2 * a->conf.guard_ms + 500);
}

static void ask_dtr(struct at *a)
{
	wait_for(a, ST_DTR, NEVER);
	put_event(a, AT_EV_DTR, AT_NONE, "");
}

/* The modem is silent: say it again, then think that it is in data mode
 * (+++, then DTR or a longer +++), and say it again. */
static void sync_failed(struct at *a)
{
	a->goal = GOAL_INIT;
	if (a->tries++ < SYNC_TRIES - 1) {
		sync_modem(a);
		return;
	}
	a->tries = 0;
	if (a->stage == 0)
		start_escape(a);
	else if (a->stage == 1 && a->conf.dtr)
		ask_dtr(a);
	else if (a->stage == 1)
		start_long_escape(a);
	else
		fail(a, ERR_DEVICE, a->command);
	a->stage++;
}

/* The modem is in command mode and on hook, as far as it can be known. */
static void hung_up(struct at *a, enum at_code code)
{
	idle(a);
	if (a->goal == GOAL_INIT)
		sync_modem(a);
	else if (a->goal == GOAL_COLLISION)
		put_event(a, AT_EV_COLLISION, AT_RING, "RING");
	else if (a->goal == GOAL_NO_CALL)
		put_event(a, AT_EV_NO_CALL, AT_TIMEOUT, "");
	else
		put_event(a, AT_EV_HUNG_UP, code, a->last);
}

static void send_ath(struct at *a)
{
	send_command(a, ST_ATH, "ATH", HANGUP_MS);
}

/* Neither +++ nor ATH were answered: once more, with a longer silence. */
static void hangup_failed(struct at *a)
{
	if (a->goal != GOAL_INIT && !a->escaped_twice) {
		start_long_escape(a);
		return;
	}
	hung_up(a, AT_TIMEOUT);
}

/* --- calls ------------------------------------------------------------- */

static void no_call(struct at *a, enum at_code code, const char *text)
{
	(void)err_set(&a->err, at_code_kind(code), "%s%s%s%s",
	    at_code_words(code), *text ? " (\"" : "", text,
	    *text ? "\")" : "");
	idle(a);
	put_event(a, AT_EV_NO_CALL, code, text);
}

static void connected(struct at *a)
{
	a->connected = false;
	a->rings = 0;
	a->rang = 0;
	wait_for(a, ST_ONLINE, NEVER);
	put_event(a, AT_EV_CONNECT, AT_CONNECT, a->connect.text);
}

/* A byte ends the dialling of any modem; what it says then is awaited. */
static void abort_call(struct at *a, enum goal goal)
{
	a->goal = goal;
	a->escaped_twice = false;
	a->heard = 0; /* at once */
	send_bytes(a, ST_ABORT, "\r", ABORT_MS);
}

/* It is on hook after that, but for the ones that ignored the byte. */
static void aborted(struct at *a)
{
	if (a->goal == GOAL_COLLISION)
		hung_up(a, AT_OK);
	else
		send_ath(a);
}

static void note_ring(struct at *a, const char *line)
{
	if (a->rang == 0 || a->clock - a->rang > RING_GAP_MS)
		a->rings = 0;
	a->rings++;
	a->rang = a->clock;
	/* Off the hook no call can come in: a RING later is a modem's word
	 * for the tone that the caller hears. */
	if (a->state == ST_DIAL && (a->out_n > 0 ||
	    a->clock - a->began <= COLLISION_MS))
		abort_call(a, GOAL_COLLISION);
	else if (a->state == ST_IDLE)
		put_event(a, AT_EV_RING, AT_RING, line);
	else
		put_event(a, AT_EV_PROGRESS, AT_RING, line);
}

/* --- what a line means in each state ------------------------------------ */

/* How the modem gives results is seen at the first one. */
static void note_form(struct at *a, const char *line)
{
	a->numeric = isdigit((unsigned char)line[0]);
}

/* The answer to a command that ends in OK or ERROR. */
static void on_final(struct at *a, enum at_code code, const char *line)
{
	note_form(a, line);
	switch (a->state) {
	case ST_SYNC:
		if (code == AT_ERROR && a->tries++ < SYNC_TRIES)
			sync_modem(a);
		else
			start_setup(a);
		break;
	case ST_SETUP:
		if (code == AT_ERROR)
			fail(a, ERR_CONFIG, a->command);
		else
			set_s7(a);
		break;
	case ST_S7:
		ready(a);
		break;
	case ST_COMMAND:
		idle(a);
		put_event(a, AT_EV_DONE, code, "");
		break;
	case ST_ESCAPE:
		send_ath(a);
		break;
	case ST_ATH:
		hung_up(a, AT_OK);
		break;
	default:
		break;
	}
}

/* While a call is made or answered. */
static void on_call(struct at *a, enum at_code code, const char *line)
{
	switch (code) {
	case AT_CONNECT:
		note_form(a, line);
		at_connect_add(&a->connect, line);
		a->connected = true;
		a->deadline = a->clock + LF_MS;
		break;
	case AT_DETAIL:
		at_connect_add(&a->connect, line);
		put_event(a, AT_EV_PROGRESS, code, line);
		break;
	case AT_PROGRESS:
		put_event(a, AT_EV_PROGRESS, code, line);
		break;
	case AT_OK: /* of a command before, or of a ";" in the number */
		break;
	default:
		no_call(a, code, line);
		break;
	}
}

static void remember(struct at *a, const char *line)
{
	size_t n = strlen(a->info);

	(void)snprintf(a->info + n, sizeof(a->info) - n, "%s%s",
	    n > 0 ? "; " : "", line);
}

/* While hanging up: the other side was faster.  (In ST_QUIET and ST_ESCAPE it
 * may be data; then ATH is not answered, and +++ tried again.) */
static void on_no_carrier(struct at *a)
{
	if (a->state == ST_ATH)
		hung_up(a, AT_OK);
	else if (a->state == ST_QUIET || a->state == ST_ESCAPE)
		send_ath(a);
}

static void on_result(struct at *a, enum at_code code, const char *line)
{
	switch (a->state) {
	case ST_DIAL:
	case ST_ANSWER:
		on_call(a, code, line);
		break;
	case ST_IDLE: /* S0 answers by itself; lines before its CONNECT */
		if (code == AT_CONNECT || code == AT_DETAIL)
			on_call(a, code, line);
		break;
	case ST_ABORT:
		if (code == AT_CONNECT) /* too late: it is a call by now */
			start_escape(a);
		else if (code != AT_PROGRESS && code != AT_DETAIL)
			aborted(a);
		break;
	default:
		if (code == AT_OK || code == AT_ERROR)
			on_final(a, code, line);
		else if (code == AT_NO_CARRIER)
			on_no_carrier(a);
		break;
	}
}

static bool same_word(const char *p, const char *q)
{
	for (; *p && *q; p++, q++)
		if (toupper((unsigned char)*p) != toupper((unsigned char)*q))
			return false;
	return *p == *q;
}

static void on_line(struct at *a, const char *line)
{
	enum at_code code;
	bool info = a->state == ST_COMMAND;

	if (!*line || same_word(line, a->command))
		return;
	(void)snprintf(a->last, sizeof(a->last), "%s", line);
	code = at_result(line, a->numeric, a->maker);
	/* An identification may be a number (ATI0), or a word that could be
	 * a result in a call. */
	if (info && code != AT_OK && code != AT_ERROR && code != AT_RING)
		code = AT_NONE;
	if (code == AT_NONE && info)
		remember(a, line);
	else if (code == AT_RING)
		note_ring(a, line);
	else if (code != AT_NONE)
		on_result(a, code, line);
}

/* --- bytes and time ------------------------------------------------------ */

static void on_byte(struct at *a, uint8_t byte)
{
	char c = (char)(byte & 0x7f); /* some modems send parity */

	if (c == '\r' || c == '\n') {
		char line[AT_TEXT_MAX + 1];

		while (a->line_n > 0 && a->line[a->line_n - 1] == ' ')
			a->line_n--;
		memcpy(line, a->line, a->line_n);
		line[a->line_n] = '\0';
		a->line_n = 0;
		on_line(a, line);
	} else if (c >= ' ' && c < 127 && a->line_n < AT_TEXT_MAX &&
	    (a->line_n > 0 || c != ' '))
		a->line[a->line_n++] = c;
}

size_t at_feed(struct at *a, const void *p, size_t n, uint64_t now_ms)
{
	const uint8_t *bytes = p;
	size_t i;

	a->clock = now_ms;
	for (i = 0; i < n; i++) {
		if (a->connected) {
			i += (bytes[i] & 0x7f) == '\n';
			connected(a);
			return i;
		}
		if (a->state == ST_ONLINE)
			return i;
		a->heard = now_ms;
		on_byte(a, bytes[i]);
		/* In numbers no LF follows. */
		if (a->connected && a->numeric) {
			connected(a);
			return i + 1;
		}
	}
	at_tick(a, now_ms);
	return n;
}

/* The time of a state is over. */
static void on_timeout(struct at *a)
{
	switch (a->state) {
	case ST_SYNC:
		sync_failed(a);
		break;
	case ST_SETUP:
		fail(a, ERR_DEVICE, a->command);
		break;
	case ST_S7:
		ready(a);
		break;
	case ST_COMMAND:
		idle(a);
		put_event(a, AT_EV_DONE, AT_TIMEOUT, "");
		break;
	case ST_DIAL:
	case ST_ANSWER:
		(void)err_set(&a->err, ERR_AGAIN, "no CONNECT within %" PRIu32
		    " s%s%s%s", a->conf.connect_wait_ms / 1000,
		    *a->last ? ", but \"" : "", a->last,
		    *a->last ? "\"" : "");
		abort_call(a, GOAL_NO_CALL);
		break;
	case ST_ABORT:
		aborted(a);
		break;
	case ST_QUIET:
		send_bytes(a, ST_ESCAPE, "+++",
		    a->conf.guard_ms + (a->escaped_twice ? 4000 : 2000));
		break;
	case ST_ESCAPE: /* it may have been in command mode all the time */
		send_ath(a);
		break;
	case ST_ATH:
		hangup_failed(a);
		break;
	default:
		break;
	}
}

void at_tick(struct at *a, uint64_t now_ms)
{
	a->clock = now_ms;
	if (a->out_n > 0 && a->send_at <= now_ms)
		a->send_at = 0;
	if (a->deadline > now_ms)
		return;
	a->deadline = NEVER;
	if (a->connected)
		connected(a);
	else
		on_timeout(a);
}

/* --- tasks ---------------------------------------------------------------- */

void at_init(struct at *a, uint64_t now_ms)
{
	a->clock = now_ms;
	a->goal = GOAL_INIT;
	a->tries = a->stage = 0;
	a->escaped_twice = false;
	a->connected = false;
	a->heard = 0;
	sync_modem(a);
}

/* How long the number takes to dial, and what may follow. */
static uint64_t dial_ms(const struct at *a, const char *number)
{
	uint64_t ms = a->conf.connect_wait_ms + DIAL_SPARE_MS;

	for (; *number; number++)
		if (*number == ',')
			ms += COMMA_MS;
		else if (*number == 'W' || *number == '@')
			ms += 30000;
		else
			ms += a->conf.pulse ? 1500 : 250;
	return ms;
}

/* Prefix and number into all, or the reason why not. */
static int check_number(const struct at *a, const char *number,
    char all[AT_DIAL_MAX + 1], struct err *e)
{
	int n = snprintf(all, AT_DIAL_MAX + 1, "%s%s", a->conf.prefix,
	    number);
	size_t good = strspn(all, "0123456789*#ABCDabcd,Ww@!TPtp+-(). /");

	if (n <= 0 || n > AT_DIAL_MAX)
		return err_set(e, ERR_CONFIG, "number \"%s\" is %s; 1 to %d "
		    "characters can be dialled", number,
		    n <= 0 ? "empty" : "too long", AT_DIAL_MAX);
	if (all[good] || !strpbrk(number, "0123456789*#"))
		return err_set(e, ERR_CONFIG, "number \"%s\" cannot be "
		    "dialled; write digits, * # and , for a pause", number);
	return 0;
}

int at_dial(struct at *a, const char *number, uint64_t now_ms, struct err *e)
{
	char all[AT_DIAL_MAX + 1] = "", command[AT_DIAL_MAX + 8];

	a->clock = now_ms;
	if (a->state != ST_IDLE || a->connected)
		return err_set(e, ERR_CALLER, "the modem is %s", at_state(a));
	if (number && check_number(a, number, all, e) < 0)
		return -1;
	memset(&a->connect, 0, sizeof(a->connect));
	if (!number) {
		/* X1: there is no dial tone to wait for. */
		send_command(a, ST_DIAL, "ATX1D", dial_ms(a, ""));
		return 0;
	}
	if (a->rang > 0 && now_ms - a->rang <= RING_GAP_MS) {
		a->goal = GOAL_COLLISION;
		hung_up(a, AT_OK);
		return 0;
	}
	(void)snprintf(command, sizeof(command), "ATD%c%s",
	    a->conf.pulse ? 'P' : 'T', all);
	send_command(a, ST_DIAL, command, dial_ms(a, all));
	return 0;
}

int at_answer(struct at *a, uint64_t now_ms)
{
	a->clock = now_ms;
	if (a->state != ST_IDLE || a->connected)
		return -1;
	memset(&a->connect, 0, sizeof(a->connect));
	a->rang = 0;
	send_command(a, ST_ANSWER, "ATA",
	    a->conf.connect_wait_ms + DIAL_SPARE_MS);
	return 0;
}

int at_command(struct at *a, const char *command, uint64_t now_ms)
{
	a->clock = now_ms;
	if (a->state != ST_IDLE || a->connected ||
	    strlen(command) > AT_INIT_MAX || strpbrk(command, "\r\n"))
		return -1;
	send_command(a, ST_COMMAND, command, a->conf.command_ms);
	return 0;
}

void at_hangup(struct at *a, uint64_t now_ms)
{
	enum state was = a->state;

	a->clock = now_ms;
	if (at_hangs_up(a))
		return;
	if (a->connected)
		was = ST_ONLINE;
	a->goal = GOAL_HANGUP;
	a->escaped_twice = false;
	a->connected = false;
	a->last[0] = '\0';
	if (was == ST_DIAL || was == ST_ANSWER || was == ST_ABORT)
		abort_call(a, GOAL_HANGUP);
	else if (was == ST_IDLE || was == ST_COMMAND)
		send_ath(a);
	else if (a->conf.dtr)
		ask_dtr(a);
	else
		start_escape(a);
}

void at_dtr_done(struct at *a, bool gone, uint64_t now_ms)
{
	a->clock = now_ms;
	if (a->state != ST_DTR)
		return;
	a->heard = now_ms; /* a modem says OK or NO CARRIER first */
	if (a->goal == GOAL_INIT || gone)
		hung_up(a, AT_OK);
	else
		start_escape(a);
}

void at_carrier_lost(struct at *a, uint64_t now_ms)
{
	a->clock = now_ms;
	if (a->state != ST_ONLINE)
		return;
	idle(a);
	a->heard = now_ms;
	a->line_n = 0;
}

void at_set_maker(struct at *a, enum at_maker maker)
{
	a->maker = maker;
}

bool at_online(const struct at *a)
{
	return a->state == ST_ONLINE;
}

bool at_idle(const struct at *a)
{
	return a->state == ST_IDLE && !a->connected;
}

bool at_hangs_up(const struct at *a)
{
	return a->goal == GOAL_HANGUP && (a->state == ST_DTR ||
	    a->state == ST_QUIET || a->state == ST_ESCAPE ||
	    a->state == ST_ATH || a->state == ST_ABORT);
}

const char *at_state(const struct at *a)
{
	return state_names[a->state];
}
