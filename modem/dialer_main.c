/* dialsync-dialer: the process that faces the line.  Run by the front command
 * as `dialsync-dialer call|answer|hangup ...`.  It opens no database and
 * looks into no bundle: it links neither SQLite nor libxml2. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "keys/keys.h"
#include "modem/call.h"

enum {
	OPT_HELP = 256,
	OPT_VERSION,
	OPT_LINE,
	OPT_NO_PACK,
	OPT_DRY_RUN,
	OPT_DUE,
	OPT_URGENT,
	OPT_PHONE,
	OPT_CONNECTED,
	OPT_NOW,
	OPT_ONCE,
	OPT_STDIO,
	OPT_PEER
};

static const struct option call_opts[] = {
    {"line", required_argument, NULL, OPT_LINE},
    {"phone", required_argument, NULL, OPT_PHONE},
    {"connected", no_argument, NULL, OPT_CONNECTED},
    {"no-pack", no_argument, NULL, OPT_NO_PACK},
    {"dry-run", no_argument, NULL, OPT_DRY_RUN},
    {"due", no_argument, NULL, OPT_DUE},
    {"urgent", no_argument, NULL, OPT_URGENT},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};
static const struct option answer_opts[] = {
    {"once", no_argument, NULL, OPT_ONCE},
    {"now", no_argument, NULL, OPT_NOW},
    {"stdio", no_argument, NULL, OPT_STDIO},
    {"peer", required_argument, NULL, OPT_PEER},
    {"no-pack", no_argument, NULL, OPT_NO_PACK},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};
static const struct option hangup_opts[] = {
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static const struct command {
	const char *name, *program, *usage, *about;
	int max_words;
	const struct option *opts;
	int (*run)(
	    struct call_site *, const struct call_options *, struct err *);
} commands[] = {
    {"call", "dialsync call", "[PEER | --due] [--line L] [--phone N | --connected] [--urgent] "
	"[--no-pack] [--dry-run]",
	"Connect to PEER, exchange what is ready both ways, hang up.\n"
	"  --due       call every peer whose time has come; nothing due: 0\n"
	"  --line L    use this line only\n"
	"  --phone N   dial this number only\n"
	"  --connected the call is there: the modem goes on the line\n"
	"  --urgent    also outside of the peer's hours\n"
	"  --no-pack   send what is ready; do not run the packer first\n"
	"  --dry-run   say what would be done\n",
	1, call_opts, call_place},
    {"answer", "dialsync answer",
	"[LINE...] [--once] [--now] [--stdio] [--peer NAME] [--no-pack]",
	"Wait for calls; no LINE: on all lines with answer = yes.\n"
	"  --once      end after one call\n"
	"  --now       a person has taken the call: answer it at once\n"
	"  --stdio     the caller is on standard input and output\n"
	"  --peer NAME who calls; needed for plain ZMODEM callers\n"
	"  --no-pack   send what is ready; do not run the packer first\n",
	1000, answer_opts, call_answer},
    {"hangup", "dialsync hangup", "[LINE]",
	"End calls in good order; partials are kept.\n", 1, hangup_opts,
	call_hangup},
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

static void print_help(const struct command *k)
{
	printf("usage: %s %s\n%s"
	       "  -C DIR      the site's directory\n"
	       "  -q, -v      no progress; explain\n",
	    k->program, k->usage, k->about);
}

static const struct command *find_command(const char *word)
{
	const char *names[N_COMMANDS + 1] = {0};
	const char *near;
	size_t i;

	for (i = 0; i < N_COMMANDS; i++) {
		names[i] = commands[i].name;
		if (strcmp(word, names[i]) == 0)
			return &commands[i];
	}
	near = text_nearest(word, names);
	log_error("\"%.40s\" is none of call, answer, hangup%s%s", word,
	    near ? "; did you mean " : "", near ? near : "");
	return NULL;
}

/* An option that getopt does not know: the nearest one is named. */
static int unknown_option(const struct command *k, const char *word)
{
	const char *names[16] = {0};
	const char *near = NULL;
	size_t i;

	for (i = 0; k->opts[i].name && i < 15; i++)
		names[i] = k->opts[i].name;
	if (strncmp(word, "--", 2) == 0)
		near = text_nearest(word + 2, names);
	log_error("option %.60s is not known or lacks its value%s%s; see "
		  "\"%s --help\"",
	    word, near ? "; did you mean --" : "", near ? near : "",
	    k->program);
	return 64;
}

/* Options into o.  -1: go on; else the exit code. */
static int parse(const struct command *k, int argc, char **argv,
    struct call_options *o, const char **dir)
{
	/* the front command's -q and -v come in the environment */
	const char *v = getenv("DIALSYNC_VERBOSE");
	int c, verbosity = 0;

	if (v && (strcmp(v, "1") == 0 || strcmp(v, "-1") == 0))
		verbosity = v[0] == '1' ? 1 : -1;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "C:qv", k->opts, NULL)) != -1) {
		switch (c) {
		case 'C':
			*dir = optarg;
			break;
		case 'q':
			verbosity = -1;
			break;
		case 'v':
			verbosity = 1;
			break;
		case OPT_LINE:
			o->line = optarg;
			break;
		case OPT_NO_PACK:
			o->no_pack = true;
			break;
		case OPT_DRY_RUN:
			o->dry_run = true;
			break;
		case OPT_DUE:
			o->due = true;
			break;
		case OPT_URGENT:
			o->urgent = true;
			break;
		case OPT_PHONE:
			o->phone = optarg;
			break;
		case OPT_CONNECTED:
			o->connected = true;
			break;
		case OPT_NOW:
			o->now = o->once = true;
			break;
		case OPT_ONCE:
			o->once = true;
			break;
		case OPT_STDIO:
			o->use_stdio = true;
			break;
		case OPT_PEER:
			o->peer = optarg;
			break;
		case OPT_HELP:
			print_help(k);
			return 0;
		case OPT_VERSION:
			printf("dialsync %s\n", PACKAGE_VERSION);
			return 0;
		default:
			return unknown_option(k, argv[optind - 1]);
		}
	}
	log_init(k->program, verbosity);
	if (argc - optind > k->max_words) {
		log_error("\"%.60s\" is one word too many; usage: %s %s",
		    argv[optind + k->max_words], k->program, k->usage);
		return 64;
	}
	return -1;
}

/* The words behind the options. */
static void take_words(
    const struct command *k, int n, char **words, struct call_options *o)
{
	if (k->run == call_place && n > 0)
		o->peer = words[0];
	if (k->run == call_hangup && n > 0)
		o->line = words[0];
	o->lines = (const char *const *)words;
	o->n_lines = (size_t)n;
}

int main(int argc, char **argv)
{
	struct call_options o;
	struct call_site site;
	struct err e = ERR_INIT;
	const struct command *k;
	const char *dir = NULL;
	int code;

	log_init("dialsync", 0);
	if (argc < 2) {
		log_error("usage: dialsync-dialer call|answer|hangup ...");
		return 64;
	}
	k = find_command(argv[1]);
	if (!k)
		return 64;
	log_init(k->program, 0);
	memset(&o, 0, sizeof o);
	argc--;
	argv++;
	code = parse(k, argc, argv, &o, &dir);
	if (code >= 0)
		return code;
	take_words(k, argc - optind, argv + optind, &o);
	memset(&site, 0, sizeof site);
	code = keys_start(&e) < 0 || call_site_open(&site, dir, &e) < 0
		   ? err_exit_code(&e)
		   : k->run(&site, &o, &e);
	if (e.text[0])
		log_err(&e, NULL);
	call_site_close(&site);
	return code;
}
