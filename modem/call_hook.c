/* What the call tells a hook. */
#include "config.h"

#include "modem/call_p.h"

#include "base/log.h"

void call_hook(struct call *c, enum hook_event event)
{
	const struct call_record *d = &c->report.record;
	struct hook_facts f = HOOK_FACTS_INIT;
	struct session_stats s = {0};
	struct err e = ERR_INIT;

	if (c->session)
		c->ops->stats(c, &s);
	f.dir = c->site->dir;
	f.site = c->site->cfg->site.name;
	f.peer = c->peer ? c->peer->name : NULL;
	f.line = c->line->name;
	f.direction = c->outgoing ? "out" : "in";
	f.connect = call_connect_text(c);
	f.phone = d->phone[0] ? d->phone : NULL;
	f.bundles_sent = c->send.bundles_done;
	f.bundles_received = c->recv.bundles_done;
	f.bytes_sent = (int64_t)s.wire_out;
	f.bytes_received = (int64_t)s.wire_in;
	if (event == HOOK_HANGUP) {
		f.result = d->result;
		f.message = d->message;
		f.exit_code = d->exit;
		f.seconds = d->seconds;
	}
	if (hook_run(&c->site->hooks, &c->site->cfg->hooks, event, &f, &e) < 0)
		log_warn("%s", e.text);
}
