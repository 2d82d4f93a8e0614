/* The options of modem-sim, and the words of its control FIFO. */
#ifndef TESTS_LINE_MODEM_ARGS_H
#define TESTS_LINE_MODEM_ARGS_H

#include "tests/line/phone.h"

struct modem_arg {
	char *link;          /* into a copy of the option */
	const char *number, *maker;
};

struct modem_args {
	struct phone_conf phone;
	struct modem_arg modem[PHONE_MODEMS_MAX];
	int n;
	const char *result[PHONE_RESULTS_MAX]; /* NUMBER=WORD */
	size_t n_results;
	const char *stats, *log, *control, *pidfile; /* or NULL */
	int ready_fd;        /* "ready" is written here; 1 by default */
	bool hup;
};

/* Read the command line.  Returns 0; 1 after --help, which it prints; -1 when
 * something is wrong, which it has told the user. */
int modem_args_read(struct modem_args *a, int argc, char **argv);

/* NUMBER=WORD: the number's result from now on; -1: told the user. */
int modem_args_result(struct phone *p, const char *text);

/* One line from the control FIFO.  find: the modem of that link or number, or
 * -1.  -1: not understood, told the user. */
int modem_args_control(struct phone *p, char *line, uint64_t now,
    int (*find)(void *arg, const char *name), void *arg);

#endif
