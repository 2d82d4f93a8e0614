/* Login scripts: what happens between a connection and the exchange.  See
 * call_modem.h. */
#include "config.h"

#include "modem/call_modem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"

#define PASSWORD_MAX 200

struct call_login {
	struct chat *chat; /* owned */
	char password[PASSWORD_MAX + 1];
};

/* The first line of the peer's password file. */
static int read_password(const struct call_site *s,
    const struct config_peer *p, char out[PASSWORD_MAX + 1], struct err *e)
{
	char *path = p->password_file[0] == '/'
	    ? fs_format("%s", p->password_file)
	    : fs_format("%s/%s", s->dir, p->password_file);
	FILE *f = fopen(path, "re");
	size_t n = 0;
	int c = EOF, rc = 0;

	if (!f) {
		err_sys(e, "%s: password-file %s", p->name, path);
		e->kind = ERR_CONFIG;
		rc = -1;
	}
	while (f && (c = getc(f)) != EOF && c != '\n' && n < PASSWORD_MAX)
		if (c != '\r')
			out[n++] = (char)c;
	out[n] = '\0';
	if (f && (n == 0 || (c != '\n' && c != EOF)))
		rc = err_set(e, ERR_CONFIG, "%s: password-file %s: its first "
		    "line must be the password, of 1 to %d characters",
		    p->name, path, PASSWORD_MAX);
	if (f)
		fclose(f);
	free(path);
	return rc;
}

int call_login_open(const struct call_site *s, const struct config_peer *p,
    struct call_login **out, struct err *e)
{
	struct call_login *l;

	*out = NULL;
	if (!p->login)
		return 0;
	l = calloc(1, sizeof *l);
	if (!l)
		abort();
	if (chat_parse(p->login, &l->chat, e) < 0) {
		free(l);
		return err_add(e, "%s: login", p->name);
	}
	if (chat_needs_password(l->chat) &&
	    read_password(s, p, l->password, e) < 0) {
		call_login_free(l);
		return -1;
	}
	*out = l;
	return 0;
}

void call_login_free(struct call_login *l)
{
	if (!l)
		return;
	chat_free(l->chat);
	explicit_bzero(l->password, sizeof l->password);
	free(l);
}

static void show(void *arg, const char *text)
{
	struct status_file *f = arg;

	log_debug("login: %s", text);
	call_note(f, "message", text);
	if (f)
		(void)status_flush(f, true, NULL);
}

int call_login_run(struct call *c, struct call_login *l, struct call_modem *m,
    struct port *port)
{
	struct talk t = {.port = port, .at = m ? m->talk.at : NULL,
	    .stop_fd = c->site->stop_fd, .progress = show,
	    .arg = c->report.status};
	int got;

	if (!l)
		return 1;
	if (!c->report.start_ms)
		call_report_start(c);
	call_state(c->report.status, "logging-in", NULL);
	got = talk_login(&t, l->chat, c->site->cfg->site.name, l->password,
	    &c->err);
	if (got < 0 && chat_state(l->chat) == CHAT_FAILED)
		c->result = "login";
	else if (got < 0)
		c->result = "dropped";
	if (got < 0 && m && chat_state(l->chat) != CHAT_FAILED)
		m->gone = true;
	if (got > 0)
		call_state(c->report.status, "connected", NULL);
	return got;
}
