/* Opening a site, as every program that works on the database does it:
 * configuration, spool, store; and the options that all programs share. */
#ifndef SITE_SITE_H
#define SITE_SITE_H

#include <getopt.h>

#include "config/config.h"
#include "spool/spool.h"
#include "store/peer.h"

struct site {
	char *dir;           /* owned */
	struct config *cfg;  /* owned */
	struct spool spool;
	struct store *store; /* owned; NULL when it was not asked for */
};

/* Find the site (dir_option: of -C, or NULL), read its configuration and open
 * its spool.  Two or more wrong lines of the configuration are printed, each on
 * a line of its own; one alone is the error.  Errors as in config_find,
 * config_read. */
int site_open(struct site *, const char *dir_option, struct err *);
/* Open its database too; peers of the configuration that the database does
 * not have yet are added. */
int site_open_store(struct site *, enum db_mode, struct err *);
void site_close(struct site *);

/* -q and -v of the front command come in $DIALSYNC_VERBOSE. */
int site_verbosity(void);

/* What getopt_long() did not know (it returned '?', with opterr = 0): one line,
 * with the nearest option.  Returns the exit code, 64. */
int site_bad_option(const char *program, char *const *argv,
    const struct option *longopts);
/* --version.  Returns the exit code, 0. */
int site_version(void);

/* Say so when this computer's clock was never set. */
void site_warn_clock(void);

/* What to do next about an error on the way to the database; NULL: the text
 * says it already. */
const char *site_next(const struct err *);

/* The exit code that stands for two of several peers (contract, "Exit codes"). */
int site_worse(int a, int b);

/* Set by SIGINT and SIGTERM after site_catch_signals(). */
extern volatile int site_stop;
void site_catch_signals(void);

/* Wait until a signal, a byte in wake_fd (-1: none; it is drained), or so many
 * milliseconds have passed. */
void site_wait(int wake_fd, int64_t ms);

#endif
