/* dialsync: finds the program for a subcommand and becomes it. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"

/* In the order in which a new user needs them. */
static const struct command {
	const char *name;
	const char *program;
	bool passed;        /* the program does several: it gets the name */
	const char *about;
} commands[] = {
	{"init", "dialsync-site", true, "make a site around a database"},
	{"track", "dialsync-site", true, "log the changes of tables"},
	{"untrack", "dialsync-site", true, "log them no more"},
	{"peer", "dialsync-site", true, "add, change, remove, list peers"},
	{"copy", "dialsync-site", true, "make a site for a peer, to carry"},
	{"pack", "dialsync-pack", false, "make bundles of what was changed"},
	{"call", "dialsync-dialer", true, "connect, exchange, hang up"},
	{"answer", "dialsync-dialer", true, "wait for calls"},
	{"hangup", "dialsync-dialer", true, "end calls in good order"},
	{"carry", "dialsync-carry", false, "exchange bundles by stick"},
	{"resend", "dialsync-site", true, "send again, when in doubt"},
	{"apply", "dialsync-apply", false, "bring what came into the database"},
	{"conflicts", "dialsync-conflicts", false,
	    "what lost, what is held, and to decide"},
	{"status", "dialsync-status", false, "what is going on"},
	{"show", "dialsync-show", false, "a bundle in words"},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

#define EXIT_USAGE 64
#define EXIT_MISSING 66

static void print_help(FILE *f)
{
	fputs("usage: dialsync [-C DIR] [-q] [-v] COMMAND ...\n"
	    "\n"
	    "Keeps SQLite databases in step over slow lines.\n"
	    "\n", f);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(f, "  %-9s  %s\n", commands[i].name,
		    commands[i].about);
	fputs("\n"
	    "  -C DIR     the site's directory; else $DIALSYNC_DIR, else here\n"
	    "  -q, -v     be quiet; explain\n"
	    "  --version  what this is\n"
	    "\n"
	    "\"dialsync help COMMAND\" says more.\n", f);
}

static int print_version(void)
{
	printf("dialsync %s\nmade with SQLite %s\n", PACKAGE_VERSION,
	    SQLITE_VERSION);
	return 0;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/* Commands that are known of dialsync, but that this version does not have: what
 * helps instead; else NULL. */
static const char *coming(const char *name)
{
	static const char *const names[][2] = {
	    {"check", "\"dialsync status\" says what is wrong"},
	    {"line", "\"dialsync call --dry-run\" says which line is used"},
	    {"log", "how calls ended is in log/calls.log of the site"},
	    {"sync", "run \"dialsync call\", then \"dialsync apply\""},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i][0], name))
			return names[i][1];
	return NULL;
}

static int unknown(const char *name)
{
	const char *list[COMMANDS + 2];
	const char *near, *instead;
	char safe[80];
	size_t n = 0;

	for (; n < COMMANDS; n++)
		list[n] = commands[n].name;
	list[n++] = "help";
	list[n] = NULL;
	instead = coming(name);
	near = text_nearest(name, list);
	text_safe(name, strlen(name), safe, sizeof(safe));
	if (instead)
		log_error("this version has no command %s yet; %s", safe,
		    instead);
	else if (near)
		log_error("there is no command %s; did you mean %s?", safe,
		    near);
	else
		log_error("there is no command %s; see \"dialsync help\"",
		    safe);
	return EXIT_USAGE;
}

/* The directory as an absolute path; it need not exist (init makes it). */
static char *absolute(const char *dir)
{
	char here[PATH_MAX];

	if (*dir == '/' || !getcwd(here, sizeof(here)))
		return fs_format("%s", dir);
	return fs_join(here, dir);
}

/* Become the program.  dir: of -C, or NULL; args: the subcommand's, with NULL
 * at the end. */
static int become(const struct command *c, const char *dir, char **args,
    int n)
{
	const char *where = getenv("DIALSYNC_EXEC_PATH");
	char **argv = calloc((size_t)n + 5, sizeof(*argv));
	char *path;
	int k = 0;

	if (!argv)
		abort();
	path = fs_join(where && *where ? where : LIBEXECDIR, c->program);
	argv[k++] = path;
	if (c->passed)
		argv[k++] = (char *)c->name;
	/* messages speak of -C then, and init makes a site there, but not in
	 * $DIALSYNC_DIR; "show" has no site */
	if (dir && strcmp(c->program, "dialsync-show") != 0) {
		argv[k++] = (char *)"-C";
		argv[k++] = (char *)dir;
	}
	for (int i = 0; i < n; i++)
		argv[k++] = args[i];
	if (dir)
		setenv("DIALSYNC_DIR", dir, 1);
	execv(path, argv);
	log_error("%s: %s; install dialsync again, or set DIALSYNC_EXEC_PATH"
	    " to where its programs are", path, strerror(errno));
	free(path);
	free(argv);
	return EXIT_MISSING;
}

static int help(char **args, int n)
{
	char *ask[] = {(char *)"--help", NULL};
	const struct command *c;

	if (n == 0) {
		print_help(stdout);
		return 0;
	}
	c = find_command(args[0]);
	return c ? become(c, NULL, ask, 1) : unknown(args[0]);
}

/* An option in front of the command that is none of the few that are known. */
static int bad_option(const char *word)
{
	static const char *const names[] = {"version", "help", NULL};
	const char *near = optopt == 0 ? text_nearest(word + 2, names) : NULL;
	const char one[3] = {'-', (char)optopt, '\0'};
	char safe[80];

	if (optopt)
		word = one;
	text_safe(word, strlen(word), safe, sizeof(safe));
	log_error("option %s is not known here or lacks its value%s%s; options"
	    " of a command stand behind it; see \"dialsync help\"", safe,
	    near ? "; did you mean --" : "", near ? near : "");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option longopts[] = {
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const struct command *command;
	char *dir = NULL;
	int c;

	log_init("dialsync", 0);
	opterr = 0;
	/* "+": what stands behind the command is the program's */
	while ((c = getopt_long(argc, argv, "+C:qvh", longopts, NULL)) != -1) {
		switch (c) {
		case 'C':
			free(dir);
			dir = absolute(optarg);
			break;
		case 'q':
		case 'v':
			setenv("DIALSYNC_VERBOSE", c == 'q' ? "-1" : "1", 1);
			break;
		case 'V':
			return print_version();
		case 'h':
			print_help(stdout);
			return 0;
		default:
			return bad_option(argv[optind - 1]);
		}
	}
	if (optind == argc) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	argv += optind + 1;
	argc -= optind + 1;
	if (!strcmp(argv[-1], "help"))
		return help(argv, argc);
	command = find_command(argv[-1]);
	c = command ? become(command, dir, argv, argc) : unknown(argv[-1]);
	free(dir);
	return c;
}
