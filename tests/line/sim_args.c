/* The options of line-sim: a table, and what each kind of value may be. */
#include "tests/line/sim_args.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	OPT_A, OPT_B, OPT_BPS, OPT_DELAY, OPT_BER, OPT_BUFFER, OPT_CUT_BYTES,
	OPT_CUT_DIR, OPT_CUT_MS, OPT_CUTS, OPT_REDIAL, OPT_SEED, OPT_XONXOFF,
	OPT_SEVEN, OPT_STATS, OPT_READY_FD, OPT_EXEC_A, OPT_EXEC_B,
	OPT_PIDFILE, OPT_HELP
};

static const struct option options[] = {
	{"a", required_argument, NULL, OPT_A},
	{"b", required_argument, NULL, OPT_B},
	{"bps", required_argument, NULL, OPT_BPS},
	{"delay", required_argument, NULL, OPT_DELAY},
	{"ber", required_argument, NULL, OPT_BER},
	{"buffer", required_argument, NULL, OPT_BUFFER},
	{"cut-bytes", required_argument, NULL, OPT_CUT_BYTES},
	{"cut-dir", required_argument, NULL, OPT_CUT_DIR},
	{"cut-ms", required_argument, NULL, OPT_CUT_MS},
	{"cuts", required_argument, NULL, OPT_CUTS},
	{"redial", no_argument, NULL, OPT_REDIAL},
	{"seed", required_argument, NULL, OPT_SEED},
	{"xonxoff", no_argument, NULL, OPT_XONXOFF},
	{"seven", no_argument, NULL, OPT_SEVEN},
	{"stats", required_argument, NULL, OPT_STATS},
	{"ready-fd", required_argument, NULL, OPT_READY_FD},
	{"exec-a", required_argument, NULL, OPT_EXEC_A},
	{"exec-b", required_argument, NULL, OPT_EXEC_B},
	{"pidfile", required_argument, NULL, OPT_PIDFILE},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0}
};

static const char usage[] =
"line-sim: two ptys joined by a simulated 8N1 line\n"
"  --a PATH --b PATH    links to the two ends (may be left out with --exec)\n"
"  --exec-a CMD --exec-b CMD  run CMD by sh -c on that end; when all have\n"
"                       ended, exit with the first status that is not 0\n"
"  --bps N              10 bits a byte (33600)\n"
"  --delay MS           one way (0)\n"
"  --ber R              bit error rate on the payload, such as 1e-5 (0)\n"
"  --buffer BYTES       what the modem takes per direction (4096)\n"
"  --cut-bytes N        lose the carrier after N bytes have arrived\n"
"  --cut-dir ab|ba|both in that direction; both: in either (both)\n"
"  --cut-ms N           lose it N ms after the first byte was sent\n"
"  --cuts N             only the first N connections are cut; 0: all (1)\n"
"  --redial             after a cut: new ptys under the same names\n"
"  --xonxoff            swallow XON and XOFF and obey them\n"
"  --seven              clear bit 8\n"
"  --seed N             of the bit errors ($SEED, else from the clock)\n"
"  --stats FILE         key: value lines, at the end and on SIGUSR1\n"
"  --pidfile FILE\n"
"  --ready-fd N         write \"ready\" there, not on standard output\n"
"SIGUSR2 loses the carrier; SIGTERM and SIGINT end the line.\n";

/* A whole number from 0 to max, or a message. */
static int read_number(const char *name, const char *text, uint64_t max,
    uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 &&
	    *value <= max)
		return 0;
	fprintf(stderr, "line-sim: --%s \"%s\" is not a number from 0 to "
	    "%llu; nothing was started; see line-sim --help\n", name, text,
	    (unsigned long long)max);
	return -1;
}

/* A rate such as 1e-5, or a message. */
static int read_rate(const char *name, const char *text, double *value)
{
	char *end;

	*value = strtod(text, &end);
	if (end != text && *end == '\0' && *value >= 0 && *value <= 1)
		return 0;
	fprintf(stderr, "line-sim: --%s \"%s\" is not a rate from 0 to 1; "
	    "nothing was started; see line-sim --help\n", name, text);
	return -1;
}

static int read_direction(const char *text, enum sim_cut *dir)
{
	if (strcmp(text, "ab") == 0)
		*dir = SIM_CUT_AB;
	else if (strcmp(text, "ba") == 0)
		*dir = SIM_CUT_BA;
	else if (strcmp(text, "both") == 0)
		*dir = SIM_CUT_EITHER;
	else {
		fprintf(stderr, "line-sim: --cut-dir \"%s\" is not ab, ba or "
		    "both; nothing was started; see line-sim --help\n", text);
		return -1;
	}
	return 0;
}

/* The options of the line itself.  Returns -1 on a bad value. */
static int set_line(struct sim_line_conf *c, int opt, const char *text)
{
	const char *name = options[opt].name;
	uint64_t n = 0;

	switch (opt) {
	case OPT_BER:
		return read_rate(name, text, &c->bit_errors);
	case OPT_CUT_DIR:
		return read_direction(text, &c->cut_dir);
	case OPT_XONXOFF:
		c->xonxoff = true;
		return 0;
	case OPT_SEVEN:
		c->seven = true;
		return 0;
	case OPT_SEED:
		return read_number(name, text, UINT64_MAX, &c->seed);
	case OPT_CUT_BYTES:
		return read_number(name, text, UINT64_MAX, &c->cut_bytes);
	default:
		break;
	}
	if (read_number(name, text, 1000000000, &n) < 0)
		return -1;
	if (opt == OPT_BPS)
		c->bps = (uint32_t)n;
	else if (opt == OPT_DELAY)
		c->delay_ms = (uint32_t)n;
	else if (opt == OPT_BUFFER)
		c->buffer_bytes = (size_t)n;
	else if (opt == OPT_CUT_MS)
		c->cut_ms = n;
	else
		c->cut_times = (uint32_t)n; /* OPT_CUTS, the only one left */
	return 0;
}

/* One option.  Returns as args_read. */
static int set_option(struct sim_args *a, int opt, const char *text)
{
	uint64_t n;

	switch (opt) {
	case OPT_A:
	case OPT_B:
		a->link[opt == OPT_B] = text;
		return 0;
	case OPT_EXEC_A:
	case OPT_EXEC_B:
		a->command[opt == OPT_EXEC_B] = text;
		return 0;
	case OPT_STATS:
		a->stats = text;
		return 0;
	case OPT_PIDFILE:
		a->pidfile = text;
		return 0;
	case OPT_REDIAL:
		a->redial = true;
		return 0;
	case OPT_READY_FD:
		if (read_number("ready-fd", text, 1023, &n) < 0)
			return -1;
		a->ready_fd = (int)n;
		return 0;
	case OPT_HELP:
		(void)fputs(usage, stdout);
		return 1;
	case '?': /* getopt_long has said what is wrong */
		fprintf(stderr, "line-sim: see line-sim --help\n");
		return -1;
	default:
		return set_line(&a->line, opt, text);
	}
}

/* What no single option shows. */
static int check_args(const struct sim_args *a)
{
	const char *wrong = NULL;
	int i;

	for (i = 0; i < 2; i++)
		if (!a->link[i] && !a->command[i])
			wrong = "each end needs a link (--a, --b) or a "
			    "command (--exec-a, --exec-b)";
	if (a->link[0] && a->link[1] && strcmp(a->link[0], a->link[1]) == 0)
		wrong = "--a and --b are the same name";
	if (a->redial && (a->command[0] || a->command[1]))
		wrong = "--redial and --exec do not go together: a command "
		    "is started once";
	if (!wrong)
		return 0;
	fprintf(stderr, "line-sim: %s; nothing was started; "
	    "see line-sim --help\n", wrong);
	return -1;
}

int args_read(struct sim_args *a, int argc, char **argv)
{
	const char *seed = getenv("SEED");
	int opt, r;

	memset(a, 0, sizeof(*a));
	a->ready_fd = 1;
	a->line.bps = 33600;
	a->line.buffer_bytes = 4096;
	a->line.cut_times = 1;
	a->line.seed = (uint64_t)time(NULL);
	if (seed && *seed && read_number("seed (from $SEED)", seed,
	    UINT64_MAX, &a->line.seed) < 0)
		return -1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		r = set_option(a, opt, optarg);
		if (r != 0)
			return r;
	}
	if (optind < argc) {
		fprintf(stderr, "line-sim: \"%s\" is no option; nothing was "
		    "started; see line-sim --help\n", argv[optind]);
		return -1;
	}
	return check_args(a);
}
