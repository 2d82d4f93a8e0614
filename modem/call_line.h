/* Which lines and peers may be used in a call, and who owns a line.
 *
 * Errors: ERR_DEVICE the line is in use, by whom; ERR_REFUSED the peer may not
 * exchange like this; ERR_CONFIG the line cannot be driven; ERR_SYSTEM. */
#ifndef MODEM_CALL_LINE_H
#define MODEM_CALL_LINE_H

#include "modem/call.h"
#include "modem/port.h"
#include "spool/spool_lock.h"
#include "spool/status_file.h"

/* A line that this process owns, across calls. */
struct call_line {
	const struct config_line *line;
	struct spool_lock lock;
	struct status_file *status; /* NULL: goes without */
	uint64_t refuse_ms;         /* how long the next refusal waits */
};

/* Take the line's lock and its status file; call_line_drop gives both back. */
int call_line_take(struct call_site *s, const struct config_line *line,
    struct call_line *l, struct err *e);
void call_line_drop(struct call_line *l);
/* Lines whose modem could do nothing: ERR_CONFIG. */
int call_line_allowed(const struct config_line *line, struct err *e);
/* The port that the line describes; borrows from s and line. */
void call_port_conf(
    struct call_site *s, const struct config_line *line, struct port_conf *pc);

#endif
