/* Which lines and peers may be used, and who owns a line. */
#include "config.h"

#include "modem/call_line.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"

int call_line_take(struct call_site *s, const struct config_line *line,
    struct call_line *l, struct err *e)
{
	struct err why = ERR_INIT;
	char *name;

	l->line = line;
	l->status = NULL;
	if (spool_lock(&s->spool, SPOOL_LOCK_LINE, line->name, &l->lock, e) <
	    0) {
		if (e->kind != ERR_BUSY)
			return err_add(e, "line %s", line->name);
		/* whoever holds a line has the device in use */
		e->kind = ERR_DEVICE;
		return err_add(e, "line %s is in use", line->name);
	}
	name = fs_format("dialer.%s", line->name);
	l->status = status_open(&s->spool, name, &why);
	if (!l->status)
		log_warn("no status file: %s", why.text);
	free(name);
	if (l->status)
		status_set(l->status, "line", line->name);
	return 0;
}

void call_line_drop(struct call_line *l)
{
	status_close(l->status);
	l->status = NULL;
	spool_unlock(&l->lock);
}

int call_line_allowed(const struct config_line *line, struct err *e)
{
	if (!line->modem || line->device.kind != CONFIG_DEVICE_LISTEN)
		return 0;
	return err_set(e, ERR_CONFIG,
	    "line %s has modem = yes, but waits for connections "
	    "(tcp-listen), where no modem can be dialed; write modem = no "
	    "into [line %s] of dialsync.conf",
	    line->name, line->name);
}

void call_port_conf(
    struct call_site *s, const struct config_line *line, struct port_conf *pc)
{
	static const enum port_flow flow[] = {
	    [CONFIG_FLOW_RTSCTS] = PORT_FLOW_RTSCTS,
	    [CONFIG_FLOW_NONE] = PORT_FLOW_NONE,
	    [CONFIG_FLOW_XONXOFF] = PORT_FLOW_XONXOFF,
	};

	memset(pc, 0, sizeof *pc);
	pc->device = line->device.text;
	pc->speed = (int)line->speed;
	pc->flow = flow[line->flow];
	pc->modem = line->modem;
	pc->connect_wait_ms = (int)line->connect_wait * 1000;
	pc->stop_fd = s->stop_fd;
}
