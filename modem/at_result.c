/* Result codes and CONNECT texts: tables, and the search in them.  See
 * at_result.h; the dialogues of tests/data/at/ are its examples. */
#include "modem/at_result.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define ROWS(t) (sizeof(t) / sizeof *(t))

/* A result begins with the word and goes on with its end or a character
 * that is no letter, so that RINGING is not RING.  The first row counts. */
static const struct word_row {
	const char *word;
	enum at_code code;
} word_rows[] = {
	{"OK", AT_OK},
	{"CONNECT", AT_CONNECT},
	{"RINGING", AT_PROGRESS},
	{"RRING", AT_PROGRESS},
	{"RING BACK", AT_PROGRESS},
	{"RINGBACK", AT_PROGRESS},
	{"DIALING", AT_PROGRESS},
	{"DIALLING", AT_PROGRESS},
	{"DIAL TONE", AT_PROGRESS},
	{"RING", AT_RING},
	{"NO CARRIER", AT_NO_CARRIER},
	{"ERROR", AT_ERROR},
	{"+CME ERROR", AT_ERROR},
	{"+CMS ERROR", AT_ERROR},
	{"COMMAND NOT SUPPORT", AT_ERROR},
	{"NO DIALTONE", AT_NO_DIALTONE},
	{"NO DIAL TONE", AT_NO_DIALTONE},
	{"NO DIAL-TONE", AT_NO_DIALTONE},
	{"NO LINE", AT_NO_DIALTONE},
	{"LINE IN USE", AT_NO_DIALTONE},
	{"BUSY", AT_BUSY},
	{"NO ANSWER", AT_NO_ANSWER},
	{"NO QUIET ANSWER", AT_NO_ANSWER},
	{"DELAYED", AT_DELAYED},
	{"BLACKLISTED", AT_BLACKLISTED},
	{"BLACKLIST FULL", AT_BLACKLISTED},
	{"VOICE", AT_VOICE},
	{"FAX", AT_VOICE},
	{"CARRIER", AT_DETAIL},
	{"PROTOCOL", AT_DETAIL},
	{"COMPRESSION", AT_DETAIL},
	{"MODULATION", AT_DETAIL},
	{"+MCR", AT_DETAIL},
	{"+MRR", AT_DETAIL},
	{"+ER", AT_DETAIL},
	{"+ILRR", AT_PROGRESS},
	{"+DR", AT_DETAIL},
};

/* The numbers on which all agree.  Above, each maker has a table of some
 * hundred, of which nearly all are CONNECTs. */
static const enum at_code number_codes[] = {AT_OK, AT_CONNECT, AT_RING,
    AT_NO_CARRIER, AT_ERROR, AT_CONNECT, AT_NO_DIALTONE, AT_BUSY,
    AT_NO_ANSWER};

static const struct number_row {
	enum at_maker maker;
	unsigned from, to;
	enum at_code code;
} number_rows[] = {
	{AT_MAKER_USR, 11, 11, AT_PROGRESS},  /* RINGING */
	{AT_MAKER_USR, 12, 12, AT_VOICE},
	{AT_MAKER_ROCKWELL, 24, 24, AT_DELAYED},
	{AT_MAKER_ROCKWELL, 32, 32, AT_BLACKLISTED},
	{AT_MAKER_ROCKWELL, 40, 58, AT_DETAIL}, /* CARRIER rates */
	{AT_MAKER_ROCKWELL, 66, 82, AT_DETAIL}, /* COMPRESSION, PROTOCOL */
	{AT_MAKER_ROCKWELL, 83, 83, AT_NO_DIALTONE}, /* LINE IN USE */
	{AT_MAKER_LUCENT, 24, 24, AT_DELAYED},
	{AT_MAKER_LUCENT, 32, 32, AT_BLACKLISTED},
	/* Most modems that have a number for these were made so. */
	{AT_MAKER_UNKNOWN, 24, 24, AT_DELAYED},
	{AT_MAKER_UNKNOWN, 32, 32, AT_BLACKLISTED},
};

static char upper(char c)
{
	return (char)toupper((unsigned char)c);
}

/* Does s begin with word (capitals)? */
static bool begins(const char *s, const char *word)
{
	for (; *word; s++, word++)
		if (upper(*s) != *word)
			return false;
	return true;
}

/* 1 to 3 digits and nothing else: the number; else -1. */
static int number_of(const char *line)
{
	int n = 0;
	size_t i;

	for (i = 0; line[i] >= '0' && line[i] <= '9' && i < 4; i++)
		n = n * 10 + (line[i] - '0');
	return i > 0 && i < 4 && line[i] == '\0' ? n : -1;
}

static enum at_code code_of_number(unsigned n, enum at_maker maker)
{
	size_t i;

	if (n < ROWS(number_codes))
		return number_codes[n];
	for (i = 0; i < ROWS(number_rows); i++)
		if (number_rows[i].maker == maker &&
		    n >= number_rows[i].from && n <= number_rows[i].to)
			return number_rows[i].code;
	return AT_CONNECT;
}

enum at_code at_result(const char *line, bool numeric, enum at_maker maker)
{
	int n = numeric ? number_of(line) : -1;
	size_t i;

	if (n >= 0)
		return code_of_number((unsigned)n, maker);
	for (i = 0; i < ROWS(word_rows); i++) {
		const char *word = word_rows[i].word;

		if (begins(line, word) && !isalpha((unsigned char)
		    line[strlen(word)]))
			return word_rows[i].code;
	}
	return AT_NONE;
}

/* --- CONNECT texts --------------------------------------------------- */

enum what { MODULATION, PROTOCOL, VAGUE, COMPRESSION };

/* One word of a text, without dots and dashes, in capitals.  VAGUE: error
 * control of a kind that another word may name better. */
static const struct part_row {
	const char *word;
	enum what what;
	const char *name;
} part_rows[] = {
	{"V21", MODULATION, "V21"}, {"V22", MODULATION, "V22"},
	{"V22B", MODULATION, "V22BIS"}, {"V22BIS", MODULATION, "V22BIS"},
	{"V23", MODULATION, "V23"}, {"V23C", MODULATION, "V23"},
	{"V32", MODULATION, "V32"}, {"V32B", MODULATION, "V32BIS"},
	{"V32BIS", MODULATION, "V32BIS"}, {"V32T", MODULATION, "V32TERBO"},
	{"V32TER", MODULATION, "V32TERBO"},
	{"V32TERBO", MODULATION, "V32TERBO"},
	{"V34", MODULATION, "V34"}, {"V34B", MODULATION, "V34"},
	{"V34BIS", MODULATION, "V34"}, {"V34S", MODULATION, "V34"},
	{"VFC", MODULATION, "VFC"}, {"HST", MODULATION, "HST"},
	{"X2", MODULATION, "X2"}, {"V90", MODULATION, "V90"},
	{"V92", MODULATION, "V92"}, {"V110", MODULATION, "V110"},
	{"K56", MODULATION, "K56FLEX"}, {"K56FLEX", MODULATION, "K56FLEX"},
	{"B103", MODULATION, "BELL103"}, {"B212", MODULATION, "BELL212"},
	{"LAPM", PROTOCOL, "LAPM"}, {"MNP", PROTOCOL, "MNP"},
	{"MNP2", PROTOCOL, "MNP"}, {"MNP3", PROTOCOL, "MNP"},
	{"MNP4", PROTOCOL, "MNP"}, {"MNP10", PROTOCOL, "MNP10"},
	{"ALT", PROTOCOL, "MNP"}, {"RLP", PROTOCOL, "RLP"},
	{"V120", PROTOCOL, "V120"}, {"X75", PROTOCOL, "X75"},
	{"NONE", PROTOCOL, "NONE"}, {"SYNC", PROTOCOL, "NONE"},
	{"ARQ", VAGUE, "ARQ"}, {"REL", VAGUE, "ARQ"},
	{"RELIABLE", VAGUE, "ARQ"}, {"EC", VAGUE, "ARQ"},
	{"V42", VAGUE, "V42"}, {"LAP", VAGUE, "LAP"},
	{"V42B", COMPRESSION, "V42BIS"}, {"V42BIS", COMPRESSION, "V42BIS"},
	{"V44", COMPRESSION, "V44"}, {"MNP5", COMPRESSION, "MNP5"},
	{"REL5", COMPRESSION, "MNP5"},
	{"CLASS5", COMPRESSION, "MNP5"}, {"COMP", COMPRESSION, "YES"},
};

static void set_word(char *to, const char *name)
{
	(void)snprintf(to, AT_WORD_MAX + 1, "%s", name);
}

/* Which kind of detail a line tells; -1: all kinds, as CONNECT does. */
static int line_kind(const char *line)
{
	if (begins(line, "PROTOCOL") || begins(line, "+ER"))
		return PROTOCOL;
	if (begins(line, "COMPRESSION") || begins(line, "+DR"))
		return COMPRESSION;
	if (begins(line, "CARRIER") || begins(line, "+M") ||
	    begins(line, "MODULATION"))
		return MODULATION;
	return -1;
}

static bool is_vague(const char *protocol)
{
	return !*protocol || !strcmp(protocol, "ARQ") ||
	    !strcmp(protocol, "V42") || !strcmp(protocol, "LAP");
}

static void note_part(struct at_connect *c, int kind, const char *word)
{
	const struct part_row *r;

	for (r = part_rows; r < part_rows + ROWS(part_rows); r++)
		if (strcmp(r->word, word) == 0)
			break;
	if (r == part_rows + ROWS(part_rows))
		return;
	if (kind == COMPRESSION && !strcmp(word, "NONE"))
		set_word(c->compression, "NONE");
	else if (r->what == MODULATION)
		set_word(c->modulation, r->name);
	else if (r->what == COMPRESSION && kind != PROTOCOL)
		set_word(c->compression, r->name);
	/* "V.42bis" in a PROTOCOL line is V.42 with it. */
	if (r->what == PROTOCOL && kind != COMPRESSION &&
	    (strcmp(word, "NONE") || is_vague(c->protocol)))
		set_word(c->protocol, r->name);
	else if (r->what == VAGUE && !*c->protocol)
		set_word(c->protocol, r->name);
	/* There is no compression without error control: MNP 5 needs MNP 4,
	 * and V.42bis V.42, where no other is named. */
	if (r->what == COMPRESSION && !*c->protocol)
		set_word(c->protocol, *r->word == 'V' ? "V42" :
		    !strncmp(r->name, "MNP", 3) ? "MNP" : "ARQ");
}

/* The words of a text between blanks, slashes, commas and the like; dots and
 * dashes inside are left out (V.42 bis and LAP-M come both ways). */
static const char *next_word(const char *p, char *word, size_t size)
{
	size_t n = 0;

	while (*p && !isalnum((unsigned char)*p))
		p++;
	for (; isalnum((unsigned char)*p || *p == '.' || *p == '-' ? *p : 0) ||
	    *p == '.' || *p == '-'; p++)
		if (isalnum((unsigned char)*p) && n + 1 < size)
			word[n++] = upper(*p);
	/* "V.42 bis" and "CLASS 5" are one word each. */
	if (n + 5 < size && n > 2 && word[0] == 'V' && begins(p, " BIS") &&
	    !isalpha((unsigned char)p[4])) {
		memcpy(word + n, "BIS", 3);
		n += 3;
		p += 4;
	} else if (n == 5 && !memcmp(word, "CLASS", 5) && p[0] == ' ' &&
	    p[1] == '5') {
		word[n++] = '5';
		p += 2;
	}
	word[n] = '\0';
	return p;
}

static void read_parts(struct at_connect *c, const char *line)
{
	int kind = line_kind(line);
	char word[32];
	const char *p = line;

	/* The line's first word says what it is about. */
	while (*p && *p != ' ' && *p != ':')
		p++;
	while (*p) {
		p = next_word(p, word, sizeof(word));
		note_part(c, kind, word);
	}
	c->corrected = *c->protocol && strcmp(c->protocol, "NONE") != 0;
}

/* A number from 75 to 100,000,000 that stands for itself: not the 34 of V.34
 * or the 10 of MNP10.  Returns its end, or NULL. */
static const char *read_rate(const char *p, const char *start, uint32_t *rate)
{
	uint32_t n = 0;
	size_t digits = 0;

	if (p > start && (isalnum((unsigned char)p[-1]) || p[-1] == '.'))
		return NULL;
	for (; *p >= '0' && *p <= '9' && digits < 9; p++, digits++)
		n = n * 10 + (uint32_t)(*p - '0');
	if (n < 75 || n > 100000000 || (*p >= '0' && *p <= '9'))
		return NULL;
	*rate = n;
	return p;
}

/* "CONNECT 38400/V.32bis 14400/V.42bis" has the cable's rate and the
 * carrier's; "1200/75" and "1200TX/75RX" have one for each direction. */
static void read_rates(struct at_connect *c, const char *line)
{
	bool detail = !begins(line, "CONNECT");
	const char *p, *end;
	uint32_t rate;
	unsigned found = 0;

	if (detail && !begins(line, "CARRIER") && !begins(line, "+MRR"))
		return;
	for (p = line; *p; p++) {
		end = *p >= '0' && *p <= '9' ? read_rate(p, line, &rate) :
		    NULL;
		if (!end)
			continue;
		if (found == 0 && (detail || !c->bps_is_carrier))
			c->bps = rate;
		else if (!detail && !c->bps_is_carrier && p[-1] == ' ' &&
		    rate != c->bps) {
			c->bps = rate;
			c->bps_is_carrier = true;
		}
		found++;
		p = end - 1;
	}
	if (detail && found > 0)
		c->bps_is_carrier = true;
}

void at_connect_add(struct at_connect *c, const char *line)
{
	size_t n = strlen(c->text);

	(void)snprintf(c->text + n, sizeof(c->text) - n, "%s%s",
	    n > 0 ? "; " : "", line);
	if (number_of(line) == 5)
		c->bps = 1200;
	else if (number_of(line) == 10)
		c->bps = 2400;
	read_rates(c, line);
	read_parts(c, line);
}

/* --- words for people ------------------------------------------------- */

static const struct code_row {
	const char *words, *result;
	enum err_kind kind;
} code_rows[AT_CODES] = {
	[AT_NONE] = {"nothing", "no-carrier", ERR_AGAIN},
	[AT_OK] = {"OK", "done", ERR_NONE},
	[AT_CONNECT] = {"connected", "done", ERR_NONE},
	[AT_RING] = {"somebody calls", "busy", ERR_AGAIN},
	[AT_NO_CARRIER] = {"no carrier", "no-carrier", ERR_AGAIN},
	[AT_ERROR] = {"error", "config", ERR_CONFIG},
	[AT_NO_DIALTONE] = {"no dial tone", "no-dialtone", ERR_DEVICE},
	[AT_BUSY] = {"busy", "busy", ERR_AGAIN},
	[AT_NO_ANSWER] = {"no answer", "no-answer", ERR_AGAIN},
	[AT_DELAYED] = {"the modem delays calls to this number",
	    "blacklisted", ERR_AGAIN},
	[AT_BLACKLISTED] = {"the modem has blacklisted this number",
	    "blacklisted", ERR_AGAIN},
	[AT_VOICE] = {"a person or a fax machine answered", "no-carrier",
	    ERR_AGAIN},
	[AT_PROGRESS] = {"ringing", "no-carrier", ERR_AGAIN},
	[AT_DETAIL] = {"connecting", "no-carrier", ERR_AGAIN},
	[AT_TIMEOUT] = {"no connection in time", "no-carrier", ERR_AGAIN},
};

const char *at_code_words(enum at_code code)
{
	return code_rows[code].words;
}

const char *at_code_result(enum at_code code)
{
	return code_rows[code].result;
}

enum err_kind at_code_kind(enum at_code code)
{
	return code_rows[code].kind;
}
