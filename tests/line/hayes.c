/* A Hayes modem's commands and results; see hayes.h. */
#include "tests/line/hayes.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S12 UINT64_C(20000000) /* S12 counts fiftieths of a second */

static const struct hayes_maker makers[] = {
	{.name = "usr", .identity = {"5601", "U.S. Robotics 56K FAX EXT "
	    "V1.2.23", "U.S. Robotics 56K FAX EXT Settings...", NULL, NULL},
	    .flow = "&H1&R2", .commands = "&H&R&A&B&G&I&K&M&N&P&S&T&Y",
	    .connect = "CONNECT $b/ARQ/$m/LAPM/V42BIS", .ringing = true},
	{.name = "rockwell", .identity = {"56000", "V1.301-V90_2M_DLS",
	    "RCV56DPF-PLL L8571A", "Rockwell", "RC56D"}, .flow = "&K3",
	    .commands = "&K&G&J&L&M&P&Q&R&S&T&X&Y\\N\\A\\B%C%E%L",
	    .connect = "CARRIER $b|PROTOCOL: LAP-M|COMPRESSION: V.42BIS|"
	    "CONNECT $c", .plus = true},
	{.name = "lucent", .identity = {"LT V.90 Data+Fax Modem Version 5.94",
	    "LT V.90 Data+Fax Modem Version 5.94", NULL, NULL, NULL},
	    .flow = "&K3", .commands = "&K&G&J&M&P&Q&R&S&T&X&Y\\N\\Q\\V%C%E",
	    .connect = "CONNECT $b V42bis"},
	{.name = "zyxel", .identity = {"2864", "U-1496E V 6.12", NULL, NULL,
	    NULL}, .flow = "&H3", .commands = "&H&B&G&K&L&M&N&R&S&X&Y",
	    .connect = "CONNECT $c/$m $b/V42b", .ringing = true,
	    .dial_tone_apart = true},
	{.name = "multitech", .identity = {"247", "MT5634ZBA V1.31k", NULL,
	    "Multi-Tech Systems", "MT5634ZBA"}, .flow = "\\Q3",
	    .commands = "&E&G&K&P&R&S&T\\Q\\N\\A\\V%C%E",
	    .connect = "CONNECT $b REL", .dial_tone_apart = true},
	{.name = "iridium", .identity = {"2400", "INC0620", NULL, "Motorola",
	    "9522 Satellite Data Phone"}, .flow = "&K3", .commands = "&K&R&S",
	    .connect = "CARRIER $b|PROTOCOL: NONE|COMPRESSION: NONE|"
	    "CONNECT $c", .plus = true},
	{.name = "v250", .identity = {"", NULL, NULL, "Example", "V.250 "
	    "modem"}, .flow = "+IFC=2,2", .commands = "",
	    .connect = "+MCR: $m|+MRR: $b,$b|+ER: LAPM|+DR: V42B|CONNECT $c",
	    .plus = true},
	{.name = "plain", .identity = {"960", NULL, NULL, NULL, NULL},
	    .flow = "", .commands = "", .connect = "CONNECT $b"},
};

const struct hayes_maker *hayes_maker(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
		if (strcmp(makers[i].name, name) == 0)
			return &makers[i];
	return NULL;
}

void hayes_defaults(struct hayes *h)
{
	memset(h->s, 0, sizeof(h->s));
	h->s[2] = '+';
	h->s[3] = '\r';
	h->s[4] = '\n';
	h->s[5] = '\b';
	h->s[6] = 2;
	h->s[7] = 50;
	h->s[8] = 2;
	h->s[10] = 14;
	h->s[12] = 50;
	h->echo = h->verbose = true;
	h->quiet = h->flow = false;
	h->x = 4;
	h->dcd = 1;
	h->dtr_option = 2;
}

void hayes_init(struct hayes *h, const struct hayes_maker *maker)
{
	memset(h, 0, sizeof(*h));
	h->maker = maker;
	h->dtr = true;
	h->cable_bps = 57600;
	hayes_defaults(h);
}

/* --- what it says -------------------------------------------------------- */

static void put(struct hayes *h, const char *p, size_t n)
{
	if (!h->dtr || h->out_n + n > HAYES_OUT_MAX)
		return; /* nobody listens */
	memcpy(h->out + h->out_n, p, n);
	h->out_n += n;
}

/* A result or a line of information: V0 leaves out what is before it, and
 * results are ended by S3 alone. */
static void put_text(struct hayes *h, const char *text, bool result)
{
	char all[HAYES_LINE_MAX + 8];
	const char *head = h->verbose ? "\r\n" : "";
	const char *tail = h->verbose || !result ? "\r\n" : "\r";

	(void)snprintf(all, sizeof(all), "%s%s%s", head, text, tail);
	put(h, all, strlen(all));
}

void hayes_taken(struct hayes *h, size_t n)
{
	memmove(h->out, h->out + n, h->out_n - n);
	h->out_n -= n;
}

/* What X leaves of a result. */
static enum hayes_code as_x(const struct hayes *h, enum hayes_code code)
{
	switch (code) {
	case HAYES_BUSY:
		return h->x == 3 || h->x >= 4 ? code : HAYES_NO_CARRIER;
	case HAYES_NO_DIALTONE:
		return h->x == 2 || h->x >= 4 ? code : HAYES_NO_CARRIER;
	case HAYES_DELAYED:
	case HAYES_BLACKLISTED:
		return h->x >= 4 ? code : HAYES_NO_CARRIER;
	case HAYES_VOICE:
		return h->maker->ringing ? code : HAYES_NO_CARRIER;
	default:
		return code;
	}
}

void hayes_result(struct hayes *h, enum hayes_code code)
{
	static const struct {
		enum hayes_code code;
		const char *words;
	} words[] = {
		{HAYES_OK, "OK"}, {HAYES_RING, "RING"},
		{HAYES_NO_CARRIER, "NO CARRIER"}, {HAYES_ERROR, "ERROR"},
		{HAYES_NO_DIALTONE, "NO DIALTONE"}, {HAYES_BUSY, "BUSY"},
		{HAYES_NO_ANSWER, "NO ANSWER"}, {HAYES_RINGING, "RINGING"},
		{HAYES_VOICE, "VOICE"}, {HAYES_DELAYED, "DELAYED"},
		{HAYES_BLACKLISTED, "BLACKLISTED"}, {HAYES_CONNECT, "CONNECT"}
	};
	char number[12];
	size_t i = 0;

	if (h->quiet)
		return;
	code = as_x(h, code);
	while (words[i].code != code)
		i++;
	(void)snprintf(number, sizeof(number), "%d", (int)code);
	put_text(h, !h->verbose ? number : code == HAYES_NO_DIALTONE &&
	    h->maker->dial_tone_apart ? "NO DIAL TONE" : words[i].words,
	    true);
}

static const char *modulation(uint32_t bps)
{
	return bps <= 2400 ? "V22B" : bps <= 14400 ? "V32b" :
	    bps <= 33600 ? "V34" : "V90";
}

/* One of the texts between |. */
static void connect_text(const struct hayes *h, const char *p, size_t n,
    uint32_t bps, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (; n > 0 && used < size; p++, n--) {
		if (*p != '$' || n < 2)
			used += (size_t)snprintf(out + used, size - used,
			    "%c", *p);
		else {
			p++;
			n--;
			if (*p == 'm')
				used += (size_t)snprintf(out + used,
				    size - used, "%s", modulation(bps));
			else
				used += (size_t)snprintf(out + used,
				    size - used, "%lu", (unsigned long)
				    (*p == 'b' ? bps : h->cable_bps));
		}
	}
}

void hayes_connect(struct hayes *h, uint32_t bps)
{
	const char *p = h->maker->connect, *end;
	char text[100];

	if (h->quiet)
		return;
	if (!h->verbose || h->x == 0) {
		hayes_result(h, HAYES_CONNECT);
		return;
	}
	for (;; p = end + 1) {
		end = p + strcspn(p, "|");
		connect_text(h, p, (size_t)(end - p), bps, text,
		    sizeof(text));
		put_text(h, text, true);
		if (!*end)
			break;
	}
}

/* --- commands -------------------------------------------------------------- */

static int read_number(const char **p)
{
	int n = 0;

	for (; isdigit((unsigned char)**p); (*p)++)
		if (n < 10000)
			n = n * 10 + (**p - '0');
	return n;
}

static bool set_register(struct hayes *h, const char **p)
{
	int r = read_number(p), n;
	char text[8];

	if (r >= HAYES_REGISTERS)
		return false;
	if (**p == '?') {
		(*p)++;
		(void)snprintf(text, sizeof(text), "%03d", h->s[r]);
		put_text(h, text, false);
		return true;
	}
	if (**p != '=')
		return false;
	(*p)++;
	n = read_number(p);
	if (n > 255)
		return false;
	h->s[r] = (uint8_t)n;
	return true;
}

static bool identify(struct hayes *h, int which)
{
	const char *text = which < 5 ? h->maker->identity[which] : NULL;

	if (!text)
		return false;
	put_text(h, text, false);
	return true;
}

/* & \ and %: the maker's own take any number.  The one that turns on flow
 * control is noticed in do_line(). */
static bool special(struct hayes *h, const char **p)
{
	char kind = *(*p)++, letter = (char)toupper((unsigned char)**p);
	const char *known;
	int n;

	if (!letter)
		return false;
	(*p)++;
	n = read_number(p);
	if (kind == '&' && letter == 'C' && n <= 1)
		h->dcd = n;
	else if (kind == '&' && letter == 'D' && n <= 3)
		h->dtr_option = n;
	else if (kind == '&' && letter == 'F') {
		hayes_defaults(h);
		/* A whole profile of USRobotics with RTS/CTS. */
		h->flow = n == 1 && !strcmp(h->maker->name, "usr");
	} else if (kind == '&' && strchr("WVZ", letter))
		return true;
	else {
		for (known = h->maker->commands; *known; known += 2)
			if (known[0] == kind && known[1] == letter)
				return true;
		return false;
	}
	return true;
}

static bool plus(struct hayes *h, const char **p)
{
	size_t n = strcspn(*p, ";");
	const char *text = *p;

	*p += n + (text[n] == ';');
	if (n == 4 && !strncmp(text, "+GMI", n))
		return identify(h, 3);
	if (n == 4 && !strncmp(text, "+GMM", n))
		return identify(h, 4);
	return h->maker->plus && n > 2;
}

static void online_again(struct hayes *h)
{
	h->wish = HAYES_WISH_ONLINE;
}

/* The basic commands of one letter, but for A, D, S.  False: ERROR. */
static bool letter(struct hayes *h, char c, int n)
{
	switch (c) {
	case 'E':
		h->echo = n == 1;
		return n <= 1;
	case 'H':
		h->wish = HAYES_WISH_HANGUP;
		return n <= 1;
	case 'I':
		return identify(h, n == 0 ? 0 : n == 3 ? 1 : n == 4 ? 2 : 9);
	case 'O':
		online_again(h);
		return h->state == HAYES_ESCAPED;
	case 'Q':
		h->quiet = n == 1;
		return n <= 1;
	case 'V':
		h->verbose = n == 1;
		return n <= 1;
	case 'X':
		h->x = n;
		return n <= 7;
	case 'Z':
		hayes_defaults(h);
		h->wish = HAYES_WISH_HANGUP;
		return true;
	default:
		return strchr("BFLMNPTWY", c) != NULL;
	}
}

/* One command line without its AT.  Returns false for ERROR; *says: a result
 * follows at once. */
static bool commands(struct hayes *h, const char *p, bool *says)
{
	*says = true;
	while (*p) {
		char c = (char)toupper((unsigned char)*p);

		if (c == '&' || c == '\\' || c == '%') {
			if (!special(h, &p))
				return false;
			continue;
		}
		if (c == '+') {
			if (!plus(h, &p))
				return false;
			continue;
		}
		p++;
		if (c == 'D' || c == 'A') {
			h->wish = c == 'D' ? HAYES_WISH_DIAL :
			    HAYES_WISH_ANSWER;
			(void)snprintf(h->dial, sizeof(h->dial), "%s", p);
			*says = h->state == HAYES_ESCAPED;
			return !*says;
		}
		if (c == 'S') {
			if (!set_register(h, &p))
				return false;
		} else if (c != ' ' && !letter(h, c, read_number(&p)))
			return false;
	}
	*says = h->wish != HAYES_WISH_ONLINE;
	return true;
}

static bool has_text(const char *line, const char *text)
{
	size_t i;

	for (; *line; line++) {
		for (i = 0; text[i] && toupper((unsigned char)line[i]) ==
		    text[i]; i++)
			;
		if (!text[i])
			return true;
	}
	return false;
}

/* A whole line has come. */
static void do_line(struct hayes *h)
{
	const char *at = h->line;
	bool says, good;

	h->line[h->line_n] = '\0';
	h->line_n = 0;
	/* What is before the AT is not looked at, as modems do. */
	while (*at && (toupper((unsigned char)at[0]) != 'A' ||
	    toupper((unsigned char)at[1]) != 'T'))
		at++;
	if (!*at)
		return;
	if (h->too_long) {
		h->too_long = false;
		hayes_result(h, HAYES_ERROR);
		return;
	}
	(void)snprintf(h->last, sizeof(h->last), "%s", at);
	good = commands(h, at + 2, &says);
	if (good && *h->maker->flow && has_text(at, h->maker->flow))
		h->flow = true;
	if (!good)
		h->wish = HAYES_WISH_NONE;
	/* ATH is answered when the line is free (phone.c). */
	if (says && (!good || h->wish != HAYES_WISH_HANGUP))
		hayes_result(h, good ? HAYES_OK : HAYES_ERROR);
}

void hayes_command_byte(struct hayes *h, uint8_t byte)
{
	char c = (char)byte;

	if (h->state == HAYES_DIALLING || h->state == HAYES_ANSWERING) {
		if (c != '\n') /* the one behind a command's CR */
			h->wish = HAYES_WISH_HANGUP;
		return;
	}
	if (h->echo)
		put(h, &c, 1);
	if (byte == h->s[3])
		do_line(h);
	else if (byte == h->s[5] && h->line_n > 0)
		h->line_n--;
	else if (byte >= ' ' && byte < 127 && h->line_n < HAYES_LINE_MAX)
		h->line[h->line_n++] = c;
	else if (h->line_n == HAYES_LINE_MAX)
		h->too_long = true;
	if (h->line_n == 2 && toupper((unsigned char)h->line[0]) == 'A' &&
	    h->line[1] == '/') {
		(void)snprintf(h->line, sizeof(h->line), "%s", h->last);
		h->line_n = strlen(h->line);
		do_line(h);
	}
}

/* --- the escape ------------------------------------------------------------- */

void hayes_watch(struct hayes *h, const uint8_t *p, size_t n, uint64_t now)
{
	uint64_t guard = h->s[12] * NS_PER_S12;
	size_t i;

	for (i = 0; i < n; i++, h->last_data = now) {
		bool quiet = now >= h->last_data + guard;

		if (p[i] != h->s[2] || h->s[2] > 127)
			h->plus_n = 0;
		else if (h->plus_n == 0)
			h->plus_n = quiet;
		else if (h->plus_n < 3 && !quiet)
			h->plus_n++;
		else
			h->plus_n = 0;
	}
}

uint64_t hayes_escape_at(const struct hayes *h)
{
	return h->state == HAYES_DATA && h->plus_n == 3 ?
	    h->last_data + h->s[12] * NS_PER_S12 : UINT64_MAX;
}
