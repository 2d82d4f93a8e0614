/* The options of line-sim. */
#ifndef TESTS_LINE_SIM_ARGS_H
#define TESTS_LINE_SIM_ARGS_H

#include "tests/line/line.h"

struct sim_args {
	struct sim_line_conf line;
	const char *link[2];     /* --a, --b; NULL: not given */
	const char *command[2];  /* --exec-a, --exec-b; NULL: none */
	const char *stats;       /* file, or NULL */
	const char *pidfile;     /* file, or NULL */
	int ready_fd;            /* "ready" is written here; 1 by default */
	bool redial;
};

/* Read the command line.  The strings are borrowed from argv.  Returns 0;
 * 1 after --help, which it prints; -1 when something is wrong, which it has
 * told the user. */
int args_read(struct sim_args *a, int argc, char **argv);

#endif
