/* The dialer's three commands.  Each is a whole run: it takes locks, opens
 * ports, tells the user and the status file how it goes, writes the call
 * log, and returns an exit code of contract.md.  Where it returns a failure
 * that the user was not told yet, e holds it. */
#ifndef MODEM_CALL_H
#define MODEM_CALL_H

#include <signal.h>
#include <stdbool.h>

#include "base/err.h"
#include "config/config.h"
#include "hook/hook.h"
#include "spool/spool.h"

/* What every command stands on. */
struct call_site {
	char *dir;          /* owned; the site's directory */
	struct config *cfg; /* owned */
	struct spool spool;
	int stop_fd;   /* readable: a signal came, see call_stop_take */
	bool stopping; /* the whole process is to end */
	struct hooks hooks; /* that run */
};

struct call_options {
	const char *peer;         /* PEER, or --peer; NULL: not given */
	const char *line;         /* --line; NULL: not given */
	const char *const *lines; /* answer: LINE... */
	size_t n_lines;
	const char *phone;        /* --phone; NULL: not given */
	bool no_pack, dry_run, once, use_stdio, due, urgent;
	bool connected; /* call: a person has dialed */
	bool now;       /* answer: ... or taken the call */
};

/* Find and read the site, catch signals.  dir: of -C, or NULL.  Every wrong
 * line of dialsync.conf is printed; e has the summary, or no text if there is
 * one wrong line only. */
int call_site_open(struct call_site *s, const char *dir, struct err *e);
void call_site_close(struct call_site *s);

/* Read what signals came: true when the call is to end.  Sets s->stopping
 * unless only the call is meant (SIGUSR1, from `dialsync hangup`). */
bool call_stop_take(struct call_site *s);
/* In a child process: a pipe of its own, nothing seen yet. */
int call_stop_init(struct call_site *s, struct err *e);

int call_place(
    struct call_site *s, const struct call_options *o, struct err *e);
int call_answer(
    struct call_site *s, const struct call_options *o, struct err *e);
int call_hangup(
    struct call_site *s, const struct call_options *o, struct err *e);

#endif
