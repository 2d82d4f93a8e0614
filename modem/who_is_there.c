/* Who is there: first what we sent ourselves is taken away, then what is
 * certain is looked for (signatures), then prompts and a modem's words, and
 * the shapes of damaged bytes last. */
#include "modem/who_is_there.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define ECHO_MIN 8      /* so many of our bytes in a row are no accident */
#define SPEED_MIN 8     /* fewer bytes say nothing about a speed */
#define PARITY_MIN 6
#define LINE_MAX_SHOWN 60

/* What came, prepared: without our own bytes and without flow control; and
 * the same as text, without what only moves a terminal's cursor. */
struct look {
	uint8_t raw[WHO_LOOK];
	size_t n;
	size_t echoed;          /* bytes that were ours */
	char text[WHO_LOOK + 1];
	size_t text_n;
	const char *last;       /* last line of text that is not blank */
	size_t last_n;
	bool open;              /* no line end came after it: a prompt */
};

static const struct {
	const char *word;
	bool final;
	const char *sentence;   /* %s: text */
} answers[WHO_COUNT] = {
	[WHO_NOBODY] = {"nobody", false, "nothing came from the other side; "
	    "see that dialsync answers there, and check cable and speed"},
	[WHO_FLOW] = {"flow", false, "only XON and XOFF came; a device on the "
	    "way controls the flow in software: set flow = xonxoff for this "
	    "line, or turn it off in that device"},
	[WHO_ECHO] = {"echo", false, "our own bytes came back; a modem, a "
	    "terminal or a looped cable echoes them and no dialsync listens: "
	    "see that the other side answers, and that a modem is in data "
	    "mode"},
	[WHO_LOGIN] = {"login", true, "a login prompt came, \"%s\"; let the "
	    "peer's login = answer it, such as login = ogin: \\L ssword: \\P"},
	[WHO_PASSWORD] = {"password", true, "it asks for a password, \"%s\"; "
	    "let the peer's login = answer it with \\P, and put the password "
	    "into the file that password-file names"},
	[WHO_LOGIN_FAILED] = {"login-failed", true, "the login was not "
	    "accepted, \"%s\"; check the name and the password that the "
	    "peer's login = sends"},
	[WHO_PROMPT] = {"prompt", true, "it asks \"%s\"; let the peer's "
	    "login = answer it"},
	[WHO_SHELL] = {"shell", true, "a command line is there, \"%s\"; "
	    "let it run \"dialsync answer --stdio\": as that user's login "
	    "shell, or as the last word of the peer's login ="},
	[WHO_MODEM] = {"modem", true, "the modem says \"%s\" and is not "
	    "connected; call again, and if it stays so check modem =, init = "
	    "and the carrier's wire (DCD)"},
	[WHO_TELNET] = {"telnet", true, "a telnet server is there (%s); "
	    "let the device name a port that carries bytes unchanged (raw), "
	    "or run \"dialsync answer\" on a port of its own"},
	[WHO_ZMODEM] = {"zmodem", true, "a plain ZMODEM program is there "
	    "(%s); to talk with it set protocol = zmodem for the line, and "
	    "security = none for the peer"},
	[WHO_UUCP] = {"uucp", true, "a UUCP system is there, \"%s\"; let "
	    "that login run \"dialsync answer --stdio\" in place of uucico"},
	[WHO_SSH] = {"ssh", true, "an ssh server is there, \"%s\"; use "
	    "device = pipe:ssh HOST dialsync answer --stdio, or another "
	    "port"},
	[WHO_HTTP] = {"http", true, "a web server is there, \"%s\"; "
	    "correct host and port of the line's device"},
	[WHO_PPP] = {"ppp", true, "PPP is spoken there (%s); call a number "
	    "where dialsync answers, or connect by PPP and use "
	    "device = tcp:HOST:PORT"},
	[WHO_PROGRAM] = {"program", true, "another program is there (%s); "
	    "correct the number or the device of the line, or see what "
	    "answers there"},
	[WHO_DIALSYNC] = {"dialsync", false, "a dialsync is there, but what "
	    "it says does not arrive whole; check flow = and speed = on both "
	    "sides (hardware flow control needs its wires)"},
	[WHO_SEVEN_BITS] = {"seven-bits", true, "the line carries seven bits "
	    "(%s); dialsync needs eight: set 8N1 in the modem or the device "
	    "on the way"},
	[WHO_SPEED] = {"speed", false, "only bytes came as a wrong speed "
	    "makes them (%s); set the same speed = on both sides, and check "
	    "that the modem keeps the cable's speed"},
	[WHO_TEXT] = {"text", false, "text came that is not dialsync's, "
	    "\"%s\"; see who answers there"},
	[WHO_NOISE] = {"noise", false, "noise came (%s); check speed =, "
	    "cable and modem, and that dialsync answers there"},
};

const char *who_word(enum who who)
{
	return who < WHO_COUNT ? answers[who].word : "?";
}

static bool same7(uint8_t a, uint8_t b)
{
	return ((a ^ b) & 0x7f) == 0;
}

/* How much of p[0..n-1] is a piece of sent. */
static size_t echo_length(const uint8_t *p, size_t n, const uint8_t *sent,
    size_t n_sent)
{
	size_t best = 0;

	for (size_t i = 0; i < n_sent; i++) {
		size_t k = 0;

		while (k < n && i + k < n_sent && same7(p[k], sent[i + k]))
			k++;
		if (k > best)
			best = k;
	}
	return best;
}

/* What we sent as a terminal shows it: ^P for 0x10. */
static size_t shown(const uint8_t *sent, size_t n, uint8_t out[2 * WHO_LOOK])
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		uint8_t b = sent[i] & 0x7f;

		if (b < 0x20 || b == 0x7f) {
			out[m++] = '^';
			b ^= 0x40;
		}
		out[m++] = b;
	}
	return m;
}

/* Copy what came, but not what we sent and not XON and XOFF. */
static void take_raw(struct look *l, const uint8_t *in, size_t n,
    const uint8_t *sent, size_t n_sent)
{
	uint8_t caret[2 * WHO_LOOK];
	size_t n_caret = shown(sent, n_sent, caret);
	size_t least = n_sent && n_sent < ECHO_MIN ? n_sent : ECHO_MIN;

	for (size_t i = 0; i < n;) {
		size_t k = echo_length(in + i, n - i, sent, n_sent);

		if (k < least)
			k = echo_length(in + i, n - i, caret, n_caret);
		if (k >= least) {
			l->echoed += k;
			i += k;
			continue;
		}
		if (in[i] != 0x11 && in[i] != 0x13)
			l->raw[l->n++] = in[i];
		i++;
	}
}

/* The length of an escape sequence at p (n > 0), 0 if there is none: colours,
 * titles, bracketed paste.  One that is cut off runs to the end. */
static size_t escape_length(const uint8_t *p, size_t n)
{
	size_t i = 2;

	if (p[0] != 0x1b)
		return 0;
	if (n < 2)
		return n;
	if (p[1] == '[') {
		while (i < n && p[i] >= 0x20 && p[i] < 0x40)
			i++;
	} else if (p[1] == ']') {
		while (i < n && p[i] != 0x07 && p[i] != 0x1b)
			i++;
		if (i < n && p[i] == 0x1b)
			i++;
	} else if (!strchr("()#%", p[1])) {
		return 2;
	}
	return i < n ? i + 1 : n;
}

static void take_text(struct look *l)
{
	for (size_t i = 0; i < l->n;) {
		size_t k = escape_length(l->raw + i, l->n - i);

		if (k == 0) {
			k = 1;
			if (l->raw[i] != 0 && l->raw[i] != 0x07)
				l->text[l->text_n++] = (char)l->raw[i];
		}
		i += k;
	}
	l->text[l->text_n] = '\0';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_end(char c)
{
	return c == '\r' || c == '\n';
}

/* The last line that is not blank.  A carriage return alone behind blanks is
 * how some getties redraw; what follows it counts. */
static void take_last_line(struct look *l)
{
	size_t end = l->text_n, at;

	while (end > 0 && is_blank(l->text[end - 1]))
		end--;
	l->open = true;
	for (at = end; at < l->text_n; at++)
		if (l->text[at] == '\n')
			l->open = false;
	if (end > 0 && end < l->text_n && l->text[end] == '\r')
		l->open = false;
	for (at = end; at > 0 && !is_end(l->text[at - 1]); at--)
		;
	l->last = l->text + at;
	l->last_n = end - at;
}

static void look_at(struct look *l, const uint8_t *in, size_t n,
    const uint8_t *sent, size_t n_sent)
{
	memset(l, 0, sizeof *l);
	if (n > WHO_LOOK) {
		in += n - WHO_LOOK;
		n = WHO_LOOK;
	}
	if (n_sent > WHO_LOOK)
		n_sent = WHO_LOOK;
	take_raw(l, in, n, sent, n_sent);
	take_text(l);
	take_last_line(l);
}

static void set_text(struct who_is_there *w, const void *p, size_t n)
{
	const char *s = p;

	while (n > 0 && is_blank(*s)) {
		s++;
		n--;
	}
	while (n > 0 && is_blank(s[n - 1]))
		n--;
	text_safe(s, n, w->text, sizeof w->text);
}

static bool found(struct who_is_there *w, enum who who, const void *p, size_t n)
{
	w->who = who;
	set_text(w, p, n);
	return true;
}

static bool found_word(struct who_is_there *w, enum who who, const char *word)
{
	w->who = who;
	snprintf(w->text, sizeof w->text, "%s", word);
	return true;
}

/* ---- what is certain ------------------------------------------------- */

enum place {
	ANYWHERE,
	LINE,     /* at the start of a line */
	START     /* at the very start */
};

/* Bytes that one program sends and nobody else.  word: what it is called;
 * NULL: the rest of the line says it.  mask 0x7f: parity is ignored. */
static const struct signature {
	const char *bytes;
	size_t n;
	uint8_t mask;
	enum place place;
	enum who who;
	const char *word;
} signatures[] = {
#define B(s) s, sizeof s - 1
	{B("SSH-2.0-"), 0xff, LINE, WHO_SSH, NULL},
	{B("SSH-1."), 0xff, LINE, WHO_SSH, NULL},
	{B("HTTP/1."), 0xff, LINE, WHO_HTTP, NULL},
	{B("\x10Shere"), 0x7f, ANYWHERE, WHO_UUCP, NULL},
	{B("**\x18" "B00"), 0x7f, ANYWHERE, WHO_ZMODEM, "sz, which sends"},
	{B("**\x18" "B01"), 0x7f, ANYWHERE, WHO_ZMODEM, "rz, which receives"},
	{B("**\x18" "B0"), 0x7f, ANYWHERE, WHO_ZMODEM, "sz or rz"},
	{B("rz waiting to receive"), 0x7f, ANYWHERE, WHO_ZMODEM,
	    "rz, which receives"},
	{B("\x7e\xff\x7d\x23"), 0xff, ANYWHERE, WHO_PPP, "LCP"},
	{B("\x7e\x7f\x7d\x23"), 0xff, ANYWHERE, WHO_PPP, "LCP in seven bits"},
	{B("\x7e\xff\x03\xc0\x21"), 0xff, ANYWHERE, WHO_PPP, "LCP"},
	{B("\x7e\x7d\xdf\x7d\x23\xc0\x21"), 0xff, ANYWHERE, WHO_PPP, "LCP"},
	{B("\x15\x03\x00\x00\x02"), 0xff, START, WHO_PROGRAM, "TLS"},
	{B("\x15\x03\x01\x00\x02"), 0xff, START, WHO_PROGRAM, "TLS"},
	{B("\x15\x03\x03\x00\x02"), 0xff, START, WHO_PROGRAM, "TLS"},
	{B("220 "), 0xff, START, WHO_PROGRAM, "mail or FTP"},
	{B("220-"), 0xff, START, WHO_PROGRAM, "mail or FTP"},
	{B("+OK "), 0xff, START, WHO_PROGRAM, "POP3"},
	{B("* OK "), 0xff, START, WHO_PROGRAM, "IMAP"},
	{B("@RSYNCD: "), 0xff, START, WHO_PROGRAM, "rsync"},
	{B("RFB 00"), 0xff, START, WHO_PROGRAM, "VNC"},
	{B("$GPGGA,"), 0xff, ANYWHERE, WHO_PROGRAM, "a GPS receiver"},
	{B("$GPRMC,"), 0xff, ANYWHERE, WHO_PROGRAM, "a GPS receiver"},
	{B("$GNRMC,"), 0xff, ANYWHERE, WHO_PROGRAM, "a GPS receiver"},
#undef B
};

static bool bytes_at(const struct look *l, size_t i, const struct signature *s)
{
	if (s->place == START && i > 0)
		return false;
	if (s->place == LINE && i > 0 && !is_end((char)l->raw[i - 1]))
		return false;
	for (size_t k = 0; k < s->n; k++)
		if (((l->raw[i + k] ^ (uint8_t)s->bytes[k]) & s->mask) != 0)
			return false;
	return true;
}

/* From byte i to the end of its line. */
static size_t rest_of_line(const struct look *l, size_t i)
{
	size_t k = i;

	while (k < l->n && k - i < LINE_MAX_SHOWN && l->raw[k] != 0 &&
	       !is_end((char)l->raw[k]))
		k++;
	return k - i;
}

static bool find_signature(const struct look *l, struct who_is_there *w)
{
	const struct signature *s = signatures;
	const struct signature *end = s + sizeof signatures / sizeof *s;

	for (; s < end; s++)
		for (size_t i = 0; i + s->n <= l->n; i++) {
			if (!bytes_at(l, i, s))
				continue;
			if (s->word)
				return found_word(w, s->who, s->word);
			/* UUCP's begins with a DLE that is not shown */
			i += (l->raw[i] & 0x7f) == 0x10;
			return found(w, s->who, l->raw + i,
			    rest_of_line(l, i));
		}
	return false;
}

/* Our magic, with bit 8 or without.  Asked late: a getty may have shown our
 * own hello in pieces. */
static bool find_magic(const struct look *l, struct who_is_there *w)
{
	for (size_t i = 0; i + 3 <= l->n; i++) {
		if (!same7(l->raw[i], 0x1d) || !same7(l->raw[i + 1], 'd') ||
		    !same7(l->raw[i + 2], 's'))
			continue;
		if (memcmp(l->raw + i, "\x9d" "ds", 3) == 0)
			return found_word(w, WHO_DIALSYNC, "");
		return found_word(w, WHO_SEVEN_BITS, "dialsync's hello");
	}
	return false;
}

/* IAC WILL, WONT, DO or DONT and an option, at the start or twice.  Noise has
 * one every 400 KB. */
static bool find_telnet(const struct look *l, struct who_is_there *w)
{
	int n = 0;

	for (size_t i = 0; i + 2 < l->n; i++)
		if (l->raw[i] == 0xff && l->raw[i + 1] >= 0xfb &&
		    l->raw[i + 1] <= 0xfe && l->raw[i + 2] < 50)
			n += i == 0 ? 2 : 1;
	if (n < 2)
		return false;
	return found_word(w, WHO_TELNET, "it negotiates options");
}

/* Kermit: SOH, length, sequence number, S, ..., CR; XMODEM's receiver asks
 * with C or NAK, alone, again and again. */
static bool find_old_programs(const struct look *l, struct who_is_there *w)
{
	size_t asks = 0;

	for (size_t i = 0; i + 4 < l->n; i++)
		if (l->raw[i] == 1 && l->raw[i + 1] >= 0x23 &&
		    l->raw[i + 1] < 0x7f && l->raw[i + 2] == ' ' &&
		    strchr("SNY", l->raw[i + 3]) && l->raw[i + 3])
			return found_word(w, WHO_PROGRAM, "Kermit");
	while (asks < l->n && l->raw[asks] == l->raw[0] &&
	       (l->raw[0] == 'C' || l->raw[0] == 0x15))
		asks++;
	if (asks >= 3 && asks == l->n)
		return found_word(w, WHO_PROGRAM, "XMODEM or YMODEM");
	return false;
}

/* ---- what is asked for ------------------------------------------------ */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* Does p begin with word (small letters), in any case? */
static bool same_text(const char *p, const char *word)
{
	for (; *word; p++, word++)
		if (lower(*p) != *word)
			return false;
	return true;
}

static bool ends_with(const char *p, size_t n, const char *end)
{
	size_t m = strlen(end);

	return m <= n && same_text(p + n - m, end);
}

/* word in the text, in any case; where, or NULL.  The text's final NUL ends
 * every comparison. */
static const char *find_text(const struct look *l, const char *word)
{
	for (size_t i = 0; i < l->text_n; i++)
		if (same_text(l->text + i, word))
			return l->text + i;
	return NULL;
}

static bool is_printable(char c)
{
	return (c >= 0x20 && c < 0x7f) || c == '\t' || is_end(c) || c == '\b';
}

/* Per cent of p that a terminal would print. */
static unsigned printable(const char *p, size_t n)
{
	size_t good = 0;

	for (size_t i = 0; i < n; i++)
		good += is_printable(p[i]);
	return n ? (unsigned)(good * 100 / n) : 0;
}

/* What the last line of a prompt ends with, in small letters. */
static const struct {
	const char *end;
	enum who who;
} prompts[] = {
	{"ogin:", WHO_LOGIN},
	{"ogin>", WHO_LOGIN},
	{"sername:", WHO_LOGIN},
	{"user name:", WHO_LOGIN},
	{"user:", WHO_LOGIN},
	{"userid:", WHO_LOGIN},
	{"user id:", WHO_LOGIN},
	{"login as:", WHO_LOGIN},
	{"account:", WHO_LOGIN},
	{"your name?", WHO_LOGIN},
	{"callsign:", WHO_LOGIN},
	{"benutzername:", WHO_LOGIN},
	{"anmeldename:", WHO_LOGIN},
	{"identifiant:", WHO_LOGIN},
	{"assword:", WHO_PASSWORD},
	{"assword>", WHO_PASSWORD},
	{"assword?", WHO_PASSWORD},
	{"passphrase:", WHO_PASSWORD},
	{"passcode:", WHO_PASSWORD},
	{"pin:", WHO_PASSWORD},
	{"asswort:", WHO_PASSWORD},
	{"kennwort:", WHO_PASSWORD},
	{"mot de passe:", WHO_PASSWORD},
	{"mot de passe :", WHO_PASSWORD},
};

static const char *const login_failures[] = {
	"login incorrect", "login failed", "access denied",
	"permission denied", "authentication fail", "invalid login",
	"invalid password", "bad password", "logon failure",
};

static const char *const shell_failures[] = {
	"command not found", ": not found", "bad command or file name",
	"is not recognized as an internal", "unknown command",
	"invalid input detected", "no such file or directory",
};

/* "user@host:~$", "#", "router>", "C:\>": a sign at the end, and before it
 * one word or something of a path. */
static bool is_shell_prompt(const char *p, size_t n)
{
	bool one_word = true, path = false;

	if (n == 0 || !strchr("$#%>", p[n - 1]))
		return false;
	for (size_t i = 0; i + 1 < n; i++) {
		one_word &= p[i] != ' ' && p[i] != '<';
		path |= strchr("@~/\\", p[i]) != NULL;
	}
	return one_word || path;
}

/* The line that p is in. */
static bool found_line(const struct look *l, struct who_is_there *w,
    enum who who, const char *p)
{
	const char *a = p, *b = p;

	while (a > l->text && !is_end(a[-1]) && p - a < LINE_MAX_SHOWN)
		a--;
	while (b < l->text + l->text_n && !is_end(*b))
		b++;
	return found(w, who, a, (size_t)(b - a));
}

static bool find_failure(const struct look *l, struct who_is_there *w)
{
	const char *p;

	for (size_t i = 0; i < sizeof login_failures / sizeof *login_failures;
	     i++)
		if ((p = find_text(l, login_failures[i])) != NULL)
			return found_line(l, w, WHO_LOGIN_FAILED, p);
	for (size_t i = 0; i < sizeof shell_failures / sizeof *shell_failures;
	     i++)
		if ((p = find_text(l, shell_failures[i])) != NULL)
			return found_line(l, w, WHO_SHELL, p);
	return false;
}

static bool find_prompt(const struct look *l, struct who_is_there *w)
{
	const char *p = l->last;
	size_t n = l->last_n;

	if (!l->open || n == 0 || printable(p, n) < 90)
		return false;
	for (size_t i = 0; i < sizeof prompts / sizeof *prompts; i++)
		if (ends_with(p, n, prompts[i].end))
			return found(w, prompts[i].who, p, n);
	if (is_shell_prompt(p, n))
		return found(w, WHO_SHELL, p, n);
	/* "Press ENTER:", "ANSI graphics (Y/n)?": more than a sign, and what
	 * stands before it is text, too */
	if (n >= 4 && printable(l->text, l->text_n) >= 90 &&
	    (strchr(":?", p[n - 1]) || ends_with(p, n, "continue") ||
		ends_with(p, n, "...") || ends_with(p, n, "]")))
		return found(w, WHO_PROMPT, p, n);
	return false;
}

/* ---- the modem -------------------------------------------------------- */

static const struct {
	const char *line;
	bool starts;         /* the line may go on */
	const char *number;  /* under V0 */
} results[] = {
	{"OK", false, "0"}, {"RING", false, "2"}, {"NO CARRIER", false, "3"},
	{"ERROR", false, "4"}, {"NO DIALTONE", false, "6"},
	{"NO DIAL TONE", false, "6"}, {"BUSY", false, "7"},
	{"NO ANSWER", false, "8"}, {"DELAYED", true, NULL},
	{"BLACKLISTED", true, NULL}, {"CONNECT", true, NULL},
	{"VOICE", false, NULL}, {"+CME ERROR", true, NULL},
};

/* The last line is a result code.  CONNECT alone is none that tells: what
 * comes after it does. */
static bool find_modem(const struct look *l, struct who_is_there *w)
{
	const char *p = l->last;
	size_t n = l->last_n;

	for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
		size_t m = strlen(results[i].line);

		if (n >= m && memcmp(p, results[i].line, m) == 0 &&
		    (n == m || results[i].starts))
			return found(w, WHO_MODEM, p, n);
		/* "3\r" and nothing else */
		if (results[i].number && n == 1 && l->text_n == 2 &&
		    l->text[1] == '\r' && *p == *results[i].number)
			return found_word(w, WHO_MODEM, results[i].line);
	}
	return false;
}

/* ---- damage ----------------------------------------------------------- */

static unsigned ones(uint8_t b)
{
	unsigned n = 0;

	for (; b; b = (uint8_t)(b & (b - 1)))
		n++;
	return n;
}

/* Text whose bit 8 is parity: all bytes even, or all odd, or bit 8 set in
 * all of them, and text is what stands below. */
static bool find_parity(const struct look *l, struct who_is_there *w)
{
	size_t odd = 0, high = 0;
	char text[WHO_LOOK];
	size_t at = 0;

	for (size_t i = 0; i < l->n; i++) {
		odd += ones(l->raw[i]) & 1;
		high += l->raw[i] >> 7;
		text[i] = (char)(l->raw[i] & 0x7f);
	}
	if (l->n < PARITY_MIN || high < 2 || printable(text, l->n) < 90 ||
	    (odd != 0 && odd != l->n && high != l->n))
		return false;
	while (at < l->n && is_blank(text[at]))
		at++;
	return found(w, WHO_SEVEN_BITS, text + at, l->n - at);
}

/* How often the bits of b change from one to the next. */
static unsigned changes(uint8_t b)
{
	return ones((uint8_t)((b ^ (b >> 1)) & 0x7f));
}

static void set_hex(struct who_is_there *w, const uint8_t *p, size_t n)
{
	size_t at = 0;

	w->text[0] = '\0';
	for (size_t i = 0; i < n && i < 8; i++)
		at += (size_t)snprintf(w->text + at, sizeof w->text - at,
		    "%s%02X", i ? " " : "", p[i]);
	if (n > 8)
		snprintf(w->text + at, sizeof w->text - at, " ...");
}

/* A slow sender's bits are several of ours each, so the bytes are runs of
 * equal bits: 00 80 F8 FE.  Of random bytes 1 in 16 has at most one change,
 * and 58 in 256 have at most two. */
static bool find_speed(const struct look *l, struct who_is_there *w)
{
	size_t one = 0, two = 0;

	for (size_t i = 0; i < l->n; i++) {
		one += changes(l->raw[i]) <= 1;
		two += changes(l->raw[i]) <= 2;
	}
	if (l->n < SPEED_MIN || (one * 2 < l->n && two * 4 < l->n * 3))
		return false;
	w->who = WHO_SPEED;
	set_hex(w, l->raw, l->n);
	return true;
}

static void find_shape(const struct look *l, struct who_is_there *w)
{
	if (printable(l->text, l->text_n) >= 80) {
		found(w, WHO_TEXT, l->last, l->last_n);
		return;
	}
	if (find_speed(l, w))
		return;
	w->who = WHO_NOISE;
	set_hex(w, l->raw, l->n);
}

static void decide(const struct look *l, size_t n, struct who_is_there *w)
{
	if (find_signature(l, w) || find_telnet(l, w) || find_failure(l, w) ||
	    find_old_programs(l, w) || find_modem(l, w) || find_prompt(l, w) ||
	    find_magic(l, w))
		return;
	if (l->echoed > 0)
		w->who = WHO_ECHO;
	else if (l->n == 0)
		w->who = n ? WHO_FLOW : WHO_NOBODY;
	else if (!find_parity(l, w))
		find_shape(l, w);
}

/* The sentence, with text in the place of its %s. */
static void say(struct who_is_there *w)
{
	const char *s = answers[w->who].sentence;
	const char *at = strstr(s, "%s");

	if (!at)
		at = s + strlen(s);
	snprintf(w->sentence, sizeof w->sentence, "%.*s%s%s", (int)(at - s), s,
	    *at ? w->text : "", *at ? at + 2 : "");
}

void who_is_there(const uint8_t *in, size_t n, const uint8_t *sent,
    size_t n_sent, struct who_is_there *w)
{
	struct look l;

	memset(w, 0, sizeof *w);
	look_at(&l, in, n, sent, n_sent);
	decide(&l, n, w);
	w->final = answers[w->who].final;
	say(w);
}
