/* The subcommands of dialsync-site: each gets its own words, argv[0] being its
 * name, and returns an exit code (contract: sysexits.h).  They print what they
 * did and what went wrong themselves. */
#ifndef DIALSYNC_SITE_CMD_H
#define DIALSYNC_SITE_CMD_H

#include "base/err.h"
#include "site/site.h"

int cmd_init(int argc, char **argv);
int cmd_track(int argc, char **argv);
int cmd_untrack(int argc, char **argv);
int cmd_peer(int argc, char **argv);
int cmd_copy(int argc, char **argv);
int cmd_resend(int argc, char **argv);

#define EXIT_USAGE 64

/* The options that all of them have: -C, -q, -v, --help, --version.  program is what
 * messages begin with. */
struct site_options {
	const char *program;
	const char *usage;
	const char *dir;  /* of -C, or NULL */
	char *const *argv;             /* for messages */
	const struct option *longopts;
};
#define SITE_SHORT "C:qvh"

/* Take one of them; c as getopt_long() gave it.  -1: go on; else the exit code
 * with which to end. */
int site_option(struct site_options *, int c);
/* A mistake in the command line: print it, return EXIT_USAGE. */
int site_usage(const struct site_options *, const char *what);

/* Where the site's database is; malloc'd. */
char *site_database(const char *dir, const struct config *);

/* Open the site and its database for writing; prints what is wrong.  0, or an
 * exit code. */
int site_begin(struct site *, const struct site_options *);

#endif
