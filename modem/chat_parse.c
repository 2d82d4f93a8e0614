/* A login script from its text.  See chat.h for the form. */
#include "modem/chat_p.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define WRONG -1 /* of escape(): e says why */
#define SKIP -2  /* nothing is sent for it */

/* One string of the script: quotes taken off, escapes as they were. */
struct word {
	const char *p;
	size_t n;
	bool quoted;
};

struct parser {
	struct chat *c;
	const char *p;     /* the rest of the script */
	unsigned number;   /* of the word, from 1 */
	struct word word;
	struct err *e;
};

static int wrong(struct parser *ps, const char *why)
{
	char shown[60];
	size_t i;

	/* As it is written: text_safe() would escape its backslashes. */
	for (i = 0; i < ps->word.n && i < sizeof(shown) - 1; i++)
		shown[i] = ps->word.p[i] < ' ' || ps->word.p[i] > '~' ? '?' :
		    ps->word.p[i];
	shown[i] = '\0';
	return err_set(ps->e, ERR_CONFIG, "login: string %u (%s) %s",
	    ps->number, shown, why);
}

/* 1: a word, 0: the end, -1: a quote is not closed. */
static int next_word(struct parser *ps)
{
	const char *p = ps->p + strspn(ps->p, " \t"), *end;

	if (!*p)
		return 0;
	ps->number++;
	ps->word.quoted = *p == '"' || *p == '\'';
	if (ps->word.quoted) {
		for (end = p + 1; *end && *end != *p; end++)
			if (*end == '\\' && end[1])
				end++;
		ps->word.p = p + 1;
		ps->word.n = (size_t)(end - p) - 1;
		if (!*end)
			return wrong(ps, "has no quote at its end; close it");
		ps->p = end + 1;
		if (*ps->p && !strchr(" \t", *ps->p))
			return wrong(ps, "goes on behind its quote; leave a "
			    "blank between strings");
		return 1;
	}
	end = p + strcspn(p, " \t");
	ps->word.p = p;
	ps->word.n = (size_t)(end - p);
	ps->p = end;
	return 1;
}

static bool is_word(const struct parser *ps, const char *s)
{
	return !ps->word.quoted && ps->word.n == strlen(s) &&
	    memcmp(ps->word.p, s, ps->word.n) == 0;
}

static struct chat_op *new_op(struct parser *ps, enum chat_what what)
{
	struct chat *c = ps->c;
	struct chat_op *op;

	if (c->n_ops == CHAT_OPS_MAX) {
		(void)err_set(ps->e, ERR_CONFIG, "login: has more than %d "
		    "strings; make it shorter", CHAT_OPS_MAX);
		return NULL;
	}
	op = &c->ops[c->n_ops++];
	memset(op, 0, sizeof(*op));
	op->what = what;
	op->from = c->n_codes;
	return op;
}

static void put_code(struct parser *ps, struct chat_op *op, int code)
{
	ps->c->codes[ps->c->n_codes++] = (uint16_t)code;
	op->n++;
}

/* \NNN, one to three octal digits, or \xHH at *p (which is behind the \). */
static int numeric(const char **p, const char *end)
{
	int base = **p == 'x' ? 16 : 8, n = 0, digits = 0;

	if (base == 16)
		(*p)++;
	for (; *p < end && digits < (base == 16 ? 2 : 3); (*p)++, digits++) {
		char d = **p;

		if (base == 8 ? d < '0' || d > '7' :
		    !isxdigit((unsigned char)d))
			break;
		n = n * base + (isdigit((unsigned char)d) ? d - '0' :
		    tolower((unsigned char)d) - 'a' + 10);
	}
	return digits > 0 && n < 256 ? n : WRONG;
}

/* Those that stand for one byte. */
static int plain_escape(char c)
{
	static const char from[] = "bnrst\\-\"'", to[] = "\b\n\r \t\\-\"'";
	const char *at = c ? strchr(from, c) : NULL;

	return at ? to[at - from] : WRONG;
}

static int send_escape(struct parser *ps, struct chat_op *op, char c,
    bool *cr)
{
	switch (c) {
	case 'c':
		*cr = false;
		return SKIP;
	case 'q':
		op->quiet = true;
		return SKIP;
	case 'd':
		return CHAT_SECOND;
	case 'p':
		return CHAT_TENTH;
	case 'K':
		return CHAT_BREAK;
	case 'N':
		return 0;
	case 'L':
		return CHAT_LOGIN;
	case 'P':
		ps->c->needs_password = true;
		return CHAT_PASSWORD;
	default:
		return WRONG;
	}
}

/* One character or escape at *p; WRONG has set the error.  cr: NULL in an
 * expect. */
static int next_code(struct parser *ps, struct chat_op *op, const char **p,
    const char *end, bool *cr)
{
	int code;
	char c;

	if (**p != '\\')
		return (uint8_t)*(*p)++;
	if (++*p == end)
		return wrong(ps, "ends in one \\; write \\\\ for the sign "
		    "itself");
	c = **p;
	if (isdigit((unsigned char)c) || c == 'x')
		code = numeric(p, end);
	else {
		code = plain_escape(c);
		if (code == WRONG && cr)
			code = send_escape(ps, op, c, cr);
		(*p)++;
	}
	if (code == WRONG && !cr && c && strchr("cdpKNLPq", c))
		return wrong(ps, "is awaited, but has an escape that only "
		    "what is sent may have");
	if (code == WRONG)
		return wrong(ps, "has an escape that is not known; there are "
		    "\\b \\c \\d \\K \\L \\n \\N \\p \\P \\q \\r \\s \\t \\\\ "
		    "\\- \\NNN \\xHH");
	if (code == 0 && !cr)
		return wrong(ps, "awaits a zero, which is never seen");
	return code;
}

static int add_codes(struct parser *ps, struct chat_op *op, const char *p,
    const char *end, bool *cr)
{
	while (p < end) {
		int code = next_code(ps, op, &p, end, cr);

		if (code == WRONG)
			return -1;
		if (code != SKIP)
			put_code(ps, op, code);
	}
	return 0;
}

static int add_expect(struct parser *ps, enum chat_what what, const char *p,
    const char *end)
{
	struct chat_op *op = new_op(ps, what);

	if (!op || add_codes(ps, op, p, end, NULL) < 0)
		return -1;
	if (op->n > CHAT_EXPECT_MAX)
		return wrong(ps, "is longer than 100 characters; await its "
		    "end only");
	return 0;
}

static int add_send(struct parser *ps, const char *p, const char *end)
{
	struct chat_op *op = new_op(ps, CHAT_SEND);
	size_t n = (size_t)(end - p);
	bool cr = true;

	if (!op)
		return -1;
	if (!ps->word.quoted && n == 3 && !memcmp(p, "EOT", n)) {
		put_code(ps, op, 4);
		return 0;
	}
	if (!ps->word.quoted && n == 5 && !memcmp(p, "BREAK", n)) {
		put_code(ps, op, CHAT_BREAK);
		return 0;
	}
	if (add_codes(ps, op, p, end, &cr) < 0)
		return -1;
	if (cr)
		put_code(ps, op, '\r');
	return 0;
}

/* The next - that stands for itself, or end. */
static const char *part_end(const char *p, const char *end)
{
	for (; p < end && *p != '-'; p++)
		if (*p == '\\' && p + 1 < end)
			p++;
	return p;
}

/* EXPECT-SEND-EXPECT...; in quotes a - is a character. */
static int add_expects(struct parser *ps)
{
	const char *p = ps->word.p, *end = p + ps->word.n, *stop;
	size_t first = ps->c->n_ops, i;
	bool send = false;

	for (;; send = !send, p = stop + 1) {
		stop = ps->word.quoted ? end : part_end(p, end);
		if (send && stop == end)
			return wrong(ps, "sends after a -, and awaits nothing "
			    "then; write EXPECT-SEND-EXPECT");
		if ((send ? add_send(ps, p, stop) :
		    add_expect(ps, CHAT_EXPECT, p, stop)) < 0)
			return -1;
		if (stop == end)
			break;
		if (!send)
			ps->c->ops[ps->c->n_ops - 1].more = true;
	}
	for (i = first; i < ps->c->n_ops; i++)
		ps->c->ops[i].then = ps->c->n_ops;
	return 0;
}

static int add_timeout(struct parser *ps)
{
	struct chat_op *op;
	char digits[8] = "";
	int64_t s;

	if (next_word(ps) <= 0)
		return wrong(ps, "needs a number of seconds behind it");
	if (ps->word.n < sizeof(digits))
		memcpy(digits, ps->word.p, ps->word.n);
	if (!text_int(digits, 1, 3600, &s))
		return wrong(ps, "is the time of a TIMEOUT, but no number of "
		    "seconds from 1 to 3600");
	op = new_op(ps, CHAT_TIMEOUT);
	if (!op)
		return -1;
	op->timeout_s = (uint32_t)s;
	return 0;
}

static int add_abort(struct parser *ps, unsigned *aborts)
{
	if (next_word(ps) <= 0 || ps->word.n == 0)
		return wrong(ps, "needs a text behind it");
	if (++*aborts > CHAT_ABORTS_MAX)
		return wrong(ps, "is the ninth ABORT; 8 are possible");
	return add_expect(ps, CHAT_ABORT, ps->word.p,
	    ps->word.p + ps->word.n);
}

static int parse(struct parser *ps)
{
	unsigned aborts = 0;
	int r = 0, got;

	while (r == 0 && (got = next_word(ps)) != 0) {
		if (got < 0)
			return -1;
		if (is_word(ps, "TIMEOUT"))
			r = add_timeout(ps);
		else if (is_word(ps, "ABORT"))
			r = add_abort(ps, &aborts);
		else if (is_word(ps, "SAY") || is_word(ps, "REPORT") ||
		    is_word(ps, "HANGUP") || is_word(ps, "CLR_ABORT") ||
		    is_word(ps, "CLR_REPORT"))
			r = wrong(ps, "is a word of chat(8) that is not "
			    "known here; leave it out, with the string "
			    "behind it (or put it in quotes to await it)");
		else if ((r = add_expects(ps)) == 0 &&
		    (r = next_word(ps)) == 1)
			r = add_send(ps, ps->word.p,
			    ps->word.p + ps->word.n);
	}
	return r < 0 ? -1 : 0;
}

int chat_parse(const char *script, struct chat **out, struct err *e)
{
	struct parser ps = {.p = script, .e = e};

	*out = NULL;
	if (strlen(script) > CHAT_SCRIPT_MAX)
		return err_set(e, ERR_CONFIG, "login: is longer than %d "
		    "characters; make it shorter", CHAT_SCRIPT_MAX);
	ps.c = calloc(1, sizeof(*ps.c));
	if (!ps.c)
		return err_set(e, ERR_SYSTEM, "login: no memory");
	ps.word.p = script;
	if (parse(&ps) < 0) {
		free(ps.c);
		return -1;
	}
	*out = ps.c;
	return 0;
}
