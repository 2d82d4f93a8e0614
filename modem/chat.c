/* A login script that runs: what came is held until it is matched, what is
 * sent goes out piece by piece between pauses.  See chat.h. */
#include "modem/chat_p.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define NEVER UINT64_MAX
#define SHOWN 100    /* bytes of what came, in a message */
#define SECOND_MS 1000
#define TENTH_MS 100

static void go_on(struct chat *c);

void chat_free(struct chat *c)
{
	free(c);
}

bool chat_needs_password(const struct chat *c)
{
	return c->needs_password;
}

enum chat_state chat_state(const struct chat *c)
{
	return c->state;
}

const struct err *chat_error(const struct chat *c)
{
	return c->state == CHAT_FAILED ? &c->err : NULL;
}

const char *chat_doing(const struct chat *c)
{
	return c->doing;
}

/* --- messages ------------------------------------------------------------ */

/* The text of an expect, escaped. */
static const char *expect_text(const struct chat *c, const struct chat_op *op,
    char *out, size_t size)
{
	uint8_t bytes[CHAT_EXPECT_MAX];
	size_t i;

	for (i = 0; i < op->n && i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)c->codes[op->from + i];
	return text_safe(bytes, i, out, size);
}

/* How many bytes at p are the password, or a string with \q: 0 for none. */
static size_t secret_at(const struct chat *c, const uint8_t *p, size_t n)
{
	size_t len = c->needs_password && c->password ?
	    strlen(c->password) : 0, i, k;

	for (i = 0; i < len && i < n && (p[i] & 0x7f) ==
	    ((uint8_t)c->password[i] & 0x7f); i++)
		;
	if (len > 0 && i == len)
		return len;
	for (k = 0; k < c->n_ops; k++) {
		const uint16_t *q = c->codes + c->ops[k].from;

		len = c->ops[k].n;
		if (len > 0 && q[len - 1] == '\r')
			len--;
		for (i = 0; i < len && i < n && p[i] == q[i]; i++)
			;
		if (c->ops[k].quiet && len > 0 && i == len)
			return len;
	}
	return 0;
}

/* The end of what came, escaped, with echoed secrets made stars. */
static const char *came_text(const struct chat *c, char *out, size_t size)
{
	uint8_t bytes[CHAT_SEEN * 4];
	size_t n = 0, i = 0, hit;

	while (i < c->seen_n) {
		hit = secret_at(c, c->seen + i, c->seen_n - i);
		if (hit > 0) {
			memcpy(bytes + n, "****", 4);
			n += 4;
			i += hit;
		} else
			bytes[n++] = c->seen[i++];
	}
	hit = n > SHOWN ? n - SHOWN : 0;
	return text_safe(bytes + hit, n - hit, out, size);
}

static void fail_waiting(struct chat *c)
{
	char awaited[CHAT_EXPECT_MAX * 4 + 1], came[SHOWN * 4 + 1];

	(void)expect_text(c, &c->ops[c->op], awaited, 160);
	if (c->seen_n == 0)
		(void)err_set(&c->err, ERR_AGAIN, "login: waited %u s for "
		    "\"%s\", and nothing came", (unsigned)c->timeout_s,
		    awaited);
	else
		(void)err_set(&c->err, ERR_AGAIN, "login: waited %u s for "
		    "\"%s\"; what came ends in \"%s\"",
		    (unsigned)c->timeout_s, awaited,
		    came_text(c, came, sizeof(came)));
	c->state = CHAT_FAILED;
	c->deadline = NEVER;
	c->out_n = 0;
}

static void fail_abort(struct chat *c, const struct chat_op *op)
{
	char text[CHAT_EXPECT_MAX * 4 + 1];

	(void)err_set(&c->err, ERR_AGAIN, "login: the other side says \"%s\"",
	    expect_text(c, op, text, sizeof(text)));
	c->state = CHAT_FAILED;
	c->deadline = NEVER;
	c->out_n = 0;
}

/* --- what came ------------------------------------------------------------ */

/* Does op's text end at seen[end]? */
static bool ends_at(const struct chat *c, const struct chat_op *op,
    size_t end)
{
	size_t i;

	if (op->n > end)
		return false;
	for (i = 0; i < op->n; i++) {
		uint8_t got = c->seen[end - op->n + i];
		uint16_t want = c->codes[op->from + i];

		if (got != want && (got & 0x7f) != want)
			return false;
	}
	return true;
}

static void drop_seen(struct chat *c, size_t n)
{
	memmove(c->seen, c->seen + n, c->seen_n - n);
	c->seen_n -= n;
}

static void matched(struct chat *c, size_t end)
{
	drop_seen(c, end);
	c->op = c->ops[c->op].then;
	go_on(c);
}

/* Look at what came up to and with seen[end - 1].  True: the script has gone
 * on, and seen is another. */
static bool look(struct chat *c, size_t end)
{
	size_t i;

	for (i = 0; i < c->n_aborts; i++)
		if (ends_at(c, &c->ops[c->aborts[i]], end)) {
			fail_abort(c, &c->ops[c->aborts[i]]);
			return true;
		}
	if (!ends_at(c, &c->ops[c->op], end))
		return false;
	matched(c, end);
	return true;
}

static void note_byte(struct chat *c, uint8_t byte)
{
	if (byte == 0)
		return;
	if (c->seen_n == CHAT_SEEN)
		drop_seen(c, CHAT_SEEN / 2);
	c->seen[c->seen_n++] = byte;
}

/* --- the script goes on ---------------------------------------------------- */

static void start_expect(struct chat *c)
{
	char text[CHAT_EXPECT_MAX * 4 + 1];
	size_t end;

	c->deadline = c->clock + c->timeout_s * UINT64_C(1000);
	(void)snprintf(c->doing, sizeof(c->doing), "waiting for \"%s\"",
	    expect_text(c, &c->ops[c->op], text, sizeof(text)));
	/* It may have come while we were sending. */
	for (end = c->ops[c->op].n > 0; end <= c->seen_n; end++)
		if (look(c, end))
			return;
}

static bool put_text(struct chat *c, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	if (n > CHAT_WORD_MAX)
		n = CHAT_WORD_MAX;
	if (c->out_n + n > CHAT_OUT)
		return false;
	memcpy(c->out + c->out_n, text ? text : "", n);
	c->out_n += n;
	return true;
}

/* The next of what is to be sent.  False: not before the line has taken what
 * waits, or a pause is over. */
static bool send_code(struct chat *c, uint16_t code)
{
	if (code < 256 && c->out_n < CHAT_OUT)
		c->out[c->out_n++] = (uint8_t)code;
	else if (code == CHAT_LOGIN)
		return put_text(c, c->login);
	else if (code == CHAT_PASSWORD)
		return put_text(c, c->password);
	else if (code < 256 || c->out_n > 0)
		return false;
	else if (code == CHAT_BREAK)
		c->break_due = true;
	else
		c->deadline = c->clock +
		    (code == CHAT_SECOND ? SECOND_MS : TENTH_MS);
	return true;
}

/* True: all of this op is out. */
static bool send_some(struct chat *c)
{
	const struct chat_op *op = &c->ops[c->op];

	(void)snprintf(c->doing, sizeof(c->doing), "sending");
	while (c->deadline == NEVER && !c->break_due && c->sent < op->n)
		if (send_code(c, c->codes[op->from + c->sent]))
			c->sent++;
		else
			return false;
	return c->sent == op->n && c->out_n == 0 && c->deadline == NEVER &&
	    !c->break_due;
}

/* Run ops until one must wait. */
static void go_on(struct chat *c)
{
	c->sent = 0;
	for (; c->op < c->n_ops; c->op++, c->sent = 0) {
		const struct chat_op *op = &c->ops[c->op];

		c->deadline = NEVER;
		if (op->what == CHAT_TIMEOUT)
			c->timeout_s = op->timeout_s;
		else if (op->what == CHAT_ABORT)
			c->aborts[c->n_aborts++] = c->op;
		else if (op->what == CHAT_EXPECT) {
			start_expect(c);
			return;
		} else if (!send_some(c))
			return;
	}
	c->deadline = NEVER;
	c->state = CHAT_DONE;
	(void)snprintf(c->doing, sizeof(c->doing), "done");
}

static bool is_sending(const struct chat *c)
{
	return c->state == CHAT_RUNNING && c->op < c->n_ops &&
	    c->ops[c->op].what == CHAT_SEND;
}

/* After bytes have gone, a pause is over, a break is made. */
static void go_on_sending(struct chat *c)
{
	if (is_sending(c) && send_some(c)) {
		c->op++;
		go_on(c);
	}
}

void chat_start(struct chat *c, const char *login, const char *password,
    uint64_t now_ms)
{
	c->login = login;
	c->password = password;
	c->state = CHAT_RUNNING;
	c->op = c->n_aborts = c->out_n = c->seen_n = 0;
	c->timeout_s = CHAT_TIMEOUT_S;
	c->clock = now_ms;
	c->break_due = false;
	err_clear(&c->err);
	go_on(c);
}

size_t chat_feed(struct chat *c, const void *p, size_t n, uint64_t now_ms)
{
	const uint8_t *bytes = p;
	size_t i;

	c->clock = now_ms;
	for (i = 0; i < n && c->state == CHAT_RUNNING; i++) {
		note_byte(c, bytes[i]);
		if (!is_sending(c) && bytes[i] != 0)
			(void)look(c, c->seen_n);
	}
	chat_tick(c, now_ms);
	return i;
}

void chat_tick(struct chat *c, uint64_t now_ms)
{
	c->clock = now_ms;
	if (c->state != CHAT_RUNNING || c->deadline > now_ms)
		return;
	c->deadline = NEVER;
	if (is_sending(c))
		go_on_sending(c);
	else if (c->ops[c->op].more) {
		c->op++;
		go_on(c);
	} else
		fail_waiting(c);
}

uint64_t chat_deadline(const struct chat *c)
{
	return c->deadline;
}

size_t chat_out(const struct chat *c, const uint8_t **p)
{
	*p = c->out;
	return c->out_n;
}

void chat_sent(struct chat *c, size_t n, uint64_t now_ms)
{
	c->clock = now_ms;
	if (n > c->out_n)
		n = c->out_n;
	memmove(c->out, c->out + n, c->out_n - n);
	c->out_n -= n;
	if (c->out_n == 0)
		go_on_sending(c);
}

bool chat_wants_break(const struct chat *c)
{
	return c->break_due && c->out_n == 0;
}

void chat_break_done(struct chat *c, uint64_t now_ms)
{
	c->clock = now_ms;
	c->break_due = false;
	go_on_sending(c);
}
