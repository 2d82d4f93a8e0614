/* What a line's last call showed: status/line.NAME, `key: value`, for the
 * next call's first seconds.  A wrong or missing file costs a moment only. */
#include "config.h"

#include "modem/call_exchange.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"

#define RATE_MAX   1e9 /* bytes a second: what is more was no line */
#define ERRORS_MAX 0.1 /* damaged frames a byte */
#define MEASURED   4096 /* bytes sent, for the rate to mean something */

static char *line_path(struct call *c)
{
	return fs_format("%s/" SPOOL_STATUS "/line.%s", c->site->dir,
	    c->line->name);
}

static double number(const struct status_map *m, const char *key, double max)
{
	const char *text = status_map_get(m, key);
	double v = text ? strtod(text, NULL) : 0;

	return isfinite(v) && v > 0 && v <= max ? v : 0;
}

void call_line_recall(struct call *c, struct exchange_conf *conf)
{
	char *path = line_path(c);
	struct status_map m = {0};
	bool alive;

	if (status_read(path, &m, &alive, NULL) == 0) {
		conf->rate = number(&m, "rate", RATE_MAX);
		conf->errors = number(&m, "errors", ERRORS_MAX);
		status_map_free(&m);
	}
	free(path);
}

void call_line_remember(struct call *c, const struct exchange_stats *s)
{
	struct buf b = BUF_INIT(400);
	struct err e = ERR_INIT;
	char when[CLOCK_TEXT], *path;

	/* few bytes measure the other side's work, not the line */
	if (!c->met || s->link.rate_out <= 0 ||
	    s->link.stream_out < MEASURED)
		return;
	clock_format(clock_wall(), when);
	buf_addf(&b, "at: %s\nrate: %.1f\nrate_in: %.1f\nerrors: %.3g\n"
	    "rtt_ms: %u\n", when, s->link.rate_out, s->link.rate_in,
	    s->link.errors, (unsigned)s->link.rtt_ms);
	path = line_path(c);
	if (fs_replace_fast(path, b.p, b.n, 0644, &e) < 0)
		log_debug("%s", e.text);
	free(path);
	buf_free(&b);
}
