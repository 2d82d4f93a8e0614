/* The options of modem-sim; see modem_args.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* strdup, strtok_r */
#endif
#include "tests/line/modem_args.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	OPT_MODEM, OPT_RESULT, OPT_BPS, OPT_DELAY, OPT_BER, OPT_BUFFER,
	OPT_CUT_BYTES, OPT_CUT_MS, OPT_CUT_RANDOM, OPT_CUTS, OPT_DIAL,
	OPT_RING, OPT_TRAIN, OPT_FAIL, OPT_BLACKLIST, OPT_BLACKLIST_MS,
	OPT_RETRAIN_EVERY, OPT_RETRAIN, OPT_NEED_FLOW, OPT_HUP, OPT_SEED,
	OPT_STATS, OPT_LOG, OPT_CONTROL, OPT_PIDFILE, OPT_READY_FD, OPT_HELP
};

static const struct option options[] = {
	{"modem", required_argument, NULL, OPT_MODEM},
	{"result", required_argument, NULL, OPT_RESULT},
	{"bps", required_argument, NULL, OPT_BPS},
	{"delay", required_argument, NULL, OPT_DELAY},
	{"ber", required_argument, NULL, OPT_BER},
	{"buffer", required_argument, NULL, OPT_BUFFER},
	{"cut-bytes", required_argument, NULL, OPT_CUT_BYTES},
	{"cut-ms", required_argument, NULL, OPT_CUT_MS},
	{"cut-random", required_argument, NULL, OPT_CUT_RANDOM},
	{"cuts", required_argument, NULL, OPT_CUTS},
	{"dial-ms", required_argument, NULL, OPT_DIAL},
	{"ring-ms", required_argument, NULL, OPT_RING},
	{"train-ms", required_argument, NULL, OPT_TRAIN},
	{"fail-ms", required_argument, NULL, OPT_FAIL},
	{"blacklist", required_argument, NULL, OPT_BLACKLIST},
	{"blacklist-ms", required_argument, NULL, OPT_BLACKLIST_MS},
	{"retrain-every-ms", required_argument, NULL, OPT_RETRAIN_EVERY},
	{"retrain-ms", required_argument, NULL, OPT_RETRAIN},
	{"need-flow", no_argument, NULL, OPT_NEED_FLOW},
	{"hup", no_argument, NULL, OPT_HUP},
	{"seed", required_argument, NULL, OPT_SEED},
	{"stats", required_argument, NULL, OPT_STATS},
	{"log", required_argument, NULL, OPT_LOG},
	{"control", required_argument, NULL, OPT_CONTROL},
	{"pidfile", required_argument, NULL, OPT_PIDFILE},
	{"ready-fd", required_argument, NULL, OPT_READY_FD},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0}
};

static const char usage[] =
"modem-sim: ptys that behave like Hayes modems on a telephone network\n"
"  --modem PATH[,number=DIGITS][,maker=WORD]  a link to a modem's pty; may be\n"
"                       repeated (5551001, 5551002 ...; rockwell).  Makers:\n"
"                       usr rockwell lucent zyxel multitech iridium v250 plain\n"
"  --result NUMBER=WORD what calling NUMBER gives: busy no-answer no-carrier\n"
"                       no-dialtone voice delayed blacklisted\n"
"  --bps N --delay MS --ber R --buffer BYTES  of each call, as line-sim\n"
"                       (33600, 60, 0, 4096)\n"
"  --cut-bytes N        lose the carrier when N bytes have arrived in either\n"
"                       direction\n"
"  --cut-ms N           ... or N ms after the first byte\n"
"  --cut-random N       ... or after 1 to N bytes, by the seed\n"
"  --cuts N             only the first N calls are cut; 0: all (1)\n"
"  --dial-ms N --ring-ms N --train-ms N --fail-ms N  from ATD to the other\n"
"                       end, between rings, from answering to CONNECT, until\n"
"                       BUSY and the like (300, 2000, 500, 300)\n"
"  --blacklist N        after N calls in vain to one number DELAYED, after 2N\n"
"                       BLACKLISTED (0: never)\n"
"  --blacklist-ms N     and so long without a try it is forgotten (30000)\n"
"  --retrain-every-ms N --retrain-ms N  all calls stand still now and then\n"
"  --need-flow          full buffers lose bytes until the maker's command has\n"
"                       turned on RTS/CTS\n"
"  --hup                when DCD falls (&C1) the pty is hung up too\n"
"  --control FIFO       takes commands: cut [MODEM], retrain MS, ring MODEM,\n"
"                       dead MODEM, alive MODEM, result NUMBER=WORD\n"
"                       (MODEM: its number or path)\n"
"  --seed N --stats FILE --pidfile FILE --ready-fd N  as line-sim\n"
"  --log FILE           calls, a line each, with ms since the start\n"
"SIGUSR2 cuts all calls, SIGUSR1 writes the statistics; SIGTERM ends.\n";

static int read_number(const char *name, const char *text, uint64_t max,
    uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 &&
	    *value <= max)
		return 0;
	fprintf(stderr, "modem-sim: --%s \"%s\" is not a number from 0 to "
	    "%llu; nothing was started; see modem-sim --help\n", name, text,
	    (unsigned long long)max);
	return -1;
}

static int wrong(const char *option, const char *text, const char *why)
{
	fprintf(stderr, "modem-sim: --%s \"%s\": %s; nothing was started; see "
	    "modem-sim --help\n", option, text, why);
	return -1;
}

static int add_modem(struct modem_args *a, const char *text)
{
	static char numbers[PHONE_MODEMS_MAX][16];
	struct modem_arg *m = &a->modem[a->n];
	char *rest, *word;

	if (a->n == PHONE_MODEMS_MAX)
		return wrong("modem", text, "64 are possible");
	m->link = strdup(text);
	if (!m->link)
		return wrong("modem", text, "no memory");
	(void)snprintf(numbers[a->n], sizeof(numbers[0]), "%d",
	    5551001 + a->n);
	m->number = numbers[a->n++];
	m->maker = "rockwell";
	(void)strtok_r(m->link, ",", &rest);
	while ((word = strtok_r(NULL, ",", &rest)))
		if (!strncmp(word, "number=", 7))
			m->number = word + 7;
		else if (!strncmp(word, "maker=", 6))
			m->maker = word + 6;
		else
			return wrong("modem", text, "only number= and maker= "
			    "may follow the path");
	return 0;
}

/* Options that are one number of milliseconds or the like. */
static uint32_t *number_of(struct phone_conf *c, int opt)
{
	switch (opt) {
	case OPT_BPS: return &c->line.bps;
	case OPT_DELAY: return &c->line.delay_ms;
	case OPT_CUTS: return &c->line.cut_times;
	case OPT_DIAL: return &c->dial_ms;
	case OPT_RING: return &c->ring_ms;
	case OPT_TRAIN: return &c->train_ms;
	case OPT_FAIL: return &c->fail_ms;
	case OPT_BLACKLIST: return &c->blacklist;
	case OPT_BLACKLIST_MS: return &c->blacklist_ms;
	case OPT_RETRAIN_EVERY: return &c->retrain_every_ms;
	case OPT_RETRAIN: return &c->retrain_ms;
	default: return NULL;
	}
}

static const char **text_of(struct modem_args *a, int opt)
{
	switch (opt) {
	case OPT_STATS: return &a->stats;
	case OPT_LOG: return &a->log;
	case OPT_CONTROL: return &a->control;
	case OPT_PIDFILE: return &a->pidfile;
	default: return NULL;
	}
}

static int set_wide(struct modem_args *a, int opt, const char *text)
{
	struct phone_conf *c = &a->phone;
	const char *name = options[opt].name;
	uint64_t n;
	char *end;

	if (opt == OPT_BER) {
		c->line.bit_errors = strtod(text, &end);
		return end != text && !*end && c->line.bit_errors >= 0 &&
		    c->line.bit_errors <= 1 ? 0 :
		    wrong(name, text, "is not a rate from 0 to 1");
	}
	if (read_number(name, text, UINT64_MAX, &n) < 0)
		return -1;
	if (opt == OPT_BUFFER)
		c->line.buffer_bytes = (size_t)n;
	else if (opt == OPT_CUT_BYTES)
		c->line.cut_bytes = n;
	else if (opt == OPT_CUT_MS)
		c->line.cut_ms = n;
	else if (opt == OPT_CUT_RANDOM)
		c->cut_random = n;
	else if (opt == OPT_SEED)
		c->line.seed = n;
	else if (n <= 1023)
		a->ready_fd = (int)n; /* the only one left */
	else
		return wrong(name, text, "is no descriptor");
	return 0;
}

static int set_option(struct modem_args *a, int opt, const char *text)
{
	uint32_t *number = number_of(&a->phone, opt);
	const char **word = text_of(a, opt);
	uint64_t n;

	if (number) {
		if (read_number(options[opt].name, text, 1000000000, &n) < 0)
			return -1;
		*number = (uint32_t)n;
		return 0;
	}
	if (word) {
		*word = text;
		return 0;
	}
	switch (opt) {
	case OPT_MODEM:
		return add_modem(a, text);
	case OPT_RESULT:
		if (a->n_results == PHONE_RESULTS_MAX)
			return wrong("result", text, "16 are possible");
		a->result[a->n_results++] = text;
		return 0;
	case OPT_NEED_FLOW:
		a->phone.need_flow = true;
		return 0;
	case OPT_HUP:
		a->hup = true;
		return 0;
	case OPT_HELP:
		(void)fputs(usage, stdout);
		return 1;
	case '?':
		fprintf(stderr, "modem-sim: see modem-sim --help\n");
		return -1;
	default:
		return set_wide(a, opt, text);
	}
}

int modem_args_read(struct modem_args *a, int argc, char **argv)
{
	const char *seed = getenv("SEED");
	int opt, r;

	memset(a, 0, sizeof(*a));
	a->ready_fd = 1;
	phone_conf_init(&a->phone);
	a->phone.line.seed = (uint64_t)time(NULL);
	if (seed && *seed && read_number("seed (from $SEED)", seed,
	    UINT64_MAX, &a->phone.line.seed) < 0)
		return -1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		r = set_option(a, opt, optarg);
		if (r != 0)
			return r;
	}
	if (optind < argc)
		return wrong("", argv[optind], "is no option");
	if (a->n == 0) {
		fprintf(stderr, "modem-sim: there is no --modem; nothing was "
		    "started; see modem-sim --help\n");
		return -1;
	}
	return 0;
}

int modem_args_result(struct phone *p, const char *text)
{
	char number[PHONE_NUMBER_MAX + 1];
	const char *word = strchr(text, '=');
	enum phone_result r;
	size_t n = word ? (size_t)(word - text) : 0;

	if (n > 0 && n < sizeof(number) && phone_result_of(word + 1, &r)) {
		memcpy(number, text, n);
		number[n] = '\0';
		if (phone_set_result(p, number, r))
			return 0;
	}
	fprintf(stderr, "modem-sim: result \"%s\" is not NUMBER=WORD (or the "
	    "seventeenth); see modem-sim --help\n", text);
	return -1;
}

int modem_args_control(struct phone *p, char *line, uint64_t now,
    int (*find)(void *arg, const char *name), void *arg)
{
	char *rest = strchr(line, ' ');
	int m;

	if (rest)
		*rest++ = '\0';
	m = rest ? find(arg, rest) : -1;
	if (!strcmp(line, "cut") && (m >= 0 || !rest))
		phone_cut(p, m, now);
	else if (!strcmp(line, "retrain") && rest && atoi(rest) > 0)
		phone_retrain(p, (uint32_t)atoi(rest), now);
	else if (!strcmp(line, "result") && rest)
		return modem_args_result(p, rest);
	else if (!strcmp(line, "ring") && m >= 0)
		phone_ring(p, m, now);
	else if (!strcmp(line, "dead") && m >= 0)
		phone_dead(p, m, true);
	else if (!strcmp(line, "alive") && m >= 0)
		phone_dead(p, m, false);
	else {
		fprintf(stderr, "modem-sim: control \"%s%s%s\" is not known; "
		    "see modem-sim --help\n", line, rest ? " " : "",
		    rest ? rest : "");
		return -1;
	}
	return 0;
}
