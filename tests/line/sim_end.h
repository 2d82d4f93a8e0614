/* One end of the process line-sim: a pty in raw mode, the symbolic link under
 * which programs find it, and perhaps a command that runs on it.
 *
 * The slave side is kept open here too, so that a program may close it and
 * open it again; only a cut (end_hang_up) is seen by programs, as EIO or end
 * of file.  Errors: a function that can fail has told the user why on
 * standard error, and returns -1. */
#ifndef TESTS_LINE_SIM_END_H
#define TESTS_LINE_SIM_END_H

#include <stdbool.h>
#include <sys/types.h>

struct sim_end {
	const char *link;     /* borrowed; NULL: none wanted */
	const char *command;  /* borrowed; NULL: none */
	char name[64];        /* of the slave; "": no pty now */
	int master, slave;    /* -1: closed */
	pid_t pid;            /* of the command; 0: not running */
	int status;           /* its exit status, 128 + signal if killed */
};

#define SIM_END_INIT {NULL, NULL, "", -1, -1, 0, 0}

/* A new pty and its link.  A link that is there is replaced (another run may
 * have left it); any other kind of file is an error. */
int end_open(struct sim_end *e);

/* Start the command, its standard input and output on the slave, as the
 * leader of a session of its own (the pty is not its controlling terminal,
 * since the kernel then throws away the last bytes when the leader ends). */
int end_start(struct sim_end *e);

/* Note that process pid has ended, if it is this end's. */
void end_ended(struct sim_end *e, pid_t pid, int wait_status);

/* Have programs read all that was written to them?  (What they have not
 * read when the carrier goes, the kernel throws away.) */
bool end_is_read(const struct sim_end *e);

/* Close both sides of the pty: programs see a hang-up. */
void end_hang_up(struct sim_end *e);

/* Remove the link, if it is still ours. */
void end_unlink(struct sim_end *e);

#endif
