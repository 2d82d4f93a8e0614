/* Starting hooks.  See hook.h. */
#include "config.h"

#include "hook/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"

#define VALUE_MAX 600   /* of one variable, made safe */
#define FDS_MAX 1024    /* a dialer has some dozens */

extern char **environ;

static const char *const events[] = {
	[HOOK_CONNECT] = "connect",
	[HOOK_SAFE] = "safe",
	[HOOK_HANGUP] = "hangup",
	[HOOK_HELD] = "held",
};

/* All variables that a hook has from us, in the order of set_all(). */
static const char *const hook_names[] = {
	"DIALSYNC_HOOK", "DIALSYNC_DIR", "DIALSYNC_SITE", "DIALSYNC_PEER",
	"DIALSYNC_LINE", "DIALSYNC_DIRECTION", "DIALSYNC_CONNECT",
	"DIALSYNC_PHONE", "DIALSYNC_RESULT", "DIALSYNC_MESSAGE",
	"DIALSYNC_EXIT", "DIALSYNC_SECONDS", "DIALSYNC_BUNDLES_SENT",
	"DIALSYNC_BUNDLES_RECEIVED", "DIALSYNC_BYTES_SENT",
	"DIALSYNC_BYTES_RECEIVED", "DIALSYNC_HELD_BUNDLES",
	"DIALSYNC_HELD_ROWS",
};
#define N_NAMES (sizeof(hook_names) / sizeof(*hook_names))

static const char *command_of(const struct config_hooks *cfg,
    enum hook_event event)
{
	switch (event) {
	case HOOK_CONNECT: return cfg->connect;
	case HOOK_SAFE:    return cfg->safe;
	case HOOK_HANGUP:  return cfg->hangup;
	case HOOK_HELD:    return cfg->held;
	}
	return NULL;
}

/* ---- the environment: made before fork(), since a process with threads may
 * not allocate between fork() and exec */

/* Is this "NAME=..." one that we set anew? */
static bool is_ours(const char *entry)
{
	for (size_t i = 0; i < N_NAMES; i++) {
		size_t n = strlen(hook_names[i]);

		if (strncmp(entry, hook_names[i], n) == 0 && entry[n] == '=')
			return true;
	}
	return false;
}

static char *name_text(const char *name, const char *value)
{
	char safe[VALUE_MAX];

	if (value)
		text_safe(value, strlen(value), safe, sizeof(safe));
	return fs_format("%s=%s", name, value ? safe : "");
}

static char *name_number(const char *name, int64_t value)
{
	return value < 0 ? fs_format("%s=", name)
	                 : fs_format("%s=%" PRId64, name, value);
}

/* Our variables, into out[0] to out[N_NAMES - 1]. */
static void set_all(char **out, enum hook_event event,
    const struct hook_facts *f, const char *dir)
{
	const char *const text[] = {events[event], NULL, f->site, f->peer,
	    f->line, f->direction, f->connect, f->phone, f->result,
	    f->message};
	const int64_t number[] = {f->exit_code, f->seconds, f->bundles_sent,
	    f->bundles_received, f->bytes_sent, f->bytes_received,
	    f->held_bundles, f->held_rows};
	const size_t n_text = sizeof(text) / sizeof(*text);

	_Static_assert(sizeof(text) / sizeof(*text) +
	    sizeof(number) / sizeof(*number) == N_NAMES, "hook_names");
	for (size_t i = 0; i < n_text; i++)
		out[i] = name_text(hook_names[i], text[i]);
	/* a path is no message: it is passed on byte by byte */
	free(out[1]);
	out[1] = fs_format("%s=%s", hook_names[1], dir);
	for (size_t i = n_text; i < N_NAMES; i++)
		out[i] = name_number(hook_names[i], number[i - n_text]);
}

/* The first N_NAMES are owned, the rest borrowed from environ. */
static char **make_environment(enum hook_event event,
    const struct hook_facts *f, const char *dir)
{
	size_t n = 0, at = N_NAMES;
	char **env;

	while (environ && environ[n])
		n++;
	env = calloc(N_NAMES + n + 1, sizeof(*env));
	if (!env)
		return NULL;
	set_all(env, event, f, dir);
	for (size_t i = 0; i < n; i++)
		if (!is_ours(environ[i]))
			env[at++] = environ[i];
	return env;
}

static void free_environment(char **env)
{
	for (size_t i = 0; env && i < N_NAMES; i++)
		free(env[i]);
	free(env);
}

/* ---- the process */

/* In the child, where only system calls are allowed.  All descriptors go: one
 * of a serial port that stayed open would keep DTR up after we hang up. */
static void become(const char *command, const char *dir, char *const *env,
    bool silent)
{
	static const int sigs[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2,
	    SIGPIPE, SIGCHLD, SIGALRM};
	char *const argv[] = {(char *)"sh", (char *)"-c", (char *)command,
	    NULL};
	sigset_t none;
	int null;

	setsid();
	for (size_t i = 0; i < sizeof(sigs) / sizeof(*sigs); i++)
		signal(sigs[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    (silent && dup2(null, 2) < 0))
		_exit(126); /* not with the line in its hands */
	for (int fd = 3; fd < FDS_MAX; fd++)
		close(fd);
	if (chdir(dir) < 0)
		_exit(126);
	execve("/bin/sh", argv, env);
	_exit(127);
}

void hook_reap(struct hooks *h)
{
	uint64_t now = clock_ms();
	int kept = 0;

	for (int i = 0; i < h->n; i++) {
		pid_t pid = h->run[i].pid;

		/* ended, or somebody else has waited for it */
		if (waitpid(pid, NULL, WNOHANG) != 0)
			continue;
		/* its whole session; it stays listed until it is gone */
		if (now - h->run[i].start_ms > HOOK_TIME_MAX_S * 1000)
			kill(-pid, SIGKILL);
		h->run[kept++] = h->run[i];
	}
	h->n = kept;
}

static int start(struct hooks *h, const char *command, const char *dir,
    char *const *env, const char *name, struct err *e)
{
	pid_t pid = fork();

	if (pid == 0)
		become(command, dir, env, h->line_is_stdio);
	if (pid < 0)
		return err_sys(e, "hook %s: fork", name);
	h->run[h->n].pid = pid;
	h->run[h->n++].start_ms = clock_ms();
	return 1;
}

int hook_run(struct hooks *h, const struct config_hooks *cfg,
    enum hook_event event, const struct hook_facts *f, struct err *e)
{
	const char *command = command_of(cfg, event);
	char *dir, **env;
	int rc;

	hook_reap(h);
	if (!command || !*command)
		return 0;
	if (h->n >= HOOKS_MAX)
		return err_set(e, ERR_BUSY, "hook %s is not run: %d are "
		    "running already; a hook should end soon (\"%s\")",
		    events[event], HOOKS_MAX, command);
	dir = realpath(f->dir, NULL);
	if (!dir)
		return err_sys(e, "hook %s: %s", events[event], f->dir);
	env = make_environment(event, f, dir);
	rc = env ? start(h, command, dir, env, events[event], e) :
	    err_set(e, ERR_SYSTEM, "hook %s: no memory", events[event]);
	free_environment(env);
	free(dir);
	return rc;
}
