/* Hooks, with real scripts: what they are told, that nobody waits for them,
 * that they have nothing of ours, and that they end. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "hook/hook.h"

#define WAIT_MS 10000

static char top[] = "/tmp/t_hook.XXXXXX";
static struct config_hooks cfg;

static char *at(const char *name)
{
	static char path[2][100];
	static unsigned i;

	i = !i;
	snprintf(path[i], sizeof(path[i]), "%s/%s", top, name);
	return path[i];
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(top) ? 0 : -1;
}

static int teardown(void **state)
{
	char cmd[100];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	return system(cmd);
}

static struct hook_facts some_facts(void)
{
	struct hook_facts f = HOOK_FACTS_INIT;

	f.dir = top;
	f.site = "ann";
	return f;
}

/* Wait until all have ended; nothing here takes longer than a moment. */
static void wait_all(struct hooks *h)
{
	uint64_t end = clock_ms() + WAIT_MS;

	for (hook_reap(h); h->n > 0 && clock_ms() < end; hook_reap(h))
		usleep(5000);
	assert_int_equal(h->n, 0);
}

static const char *contents(const char *name)
{
	static struct buf b = BUF_INIT(100000);

	buf_reset(&b);
	fs_read(at(name), &b, NULL);
	return buf_str(&b);
}

/* Every variable, for every event. */
static void test_told(void **state)
{
	struct hooks h = HOOKS_INIT;
	struct hook_facts f = some_facts();
	struct err e = ERR_INIT;
	char want[2000];

	(void)state;
	setenv("DIALSYNC_PEER", "inherited", 1);
	setenv("DIALSYNC_RESULT", "inherited", 1);
	setenv("OTHER", "stays", 1);
	cfg.hangup = (char *)"env | grep -e ^DIALSYNC_ -e ^OTHER= | "
	    "LC_ALL=C sort "
	    ">told; pwd >>told";
	f.peer = "hub";
	f.line = "modem";
	f.direction = "out";
	f.connect = "CONNECT 33600/V42";
	f.phone = "9,555-1234";
	f.message = "carrier lost; it's $(touch pwned) `touch pwned`";
	f.exit_code = 75;
	f.seconds = 41;
	f.bundles_sent = 3;
	f.bytes_sent = INT64_C(9000000000);
	f.bytes_received = 0;
	assert_int_equal(hook_run(&h, &cfg, HOOK_HANGUP, &f, &e), 1);
	wait_all(&h);
	snprintf(want, sizeof(want),
	    "DIALSYNC_BUNDLES_RECEIVED=\nDIALSYNC_BUNDLES_SENT=3\n"
	    "DIALSYNC_BYTES_RECEIVED=0\nDIALSYNC_BYTES_SENT=9000000000\n"
	    "DIALSYNC_CONNECT=CONNECT 33600/V42\nDIALSYNC_DIR=%s\n"
	    "DIALSYNC_DIRECTION=out\nDIALSYNC_EXIT=75\n"
	    "DIALSYNC_HELD_BUNDLES=\nDIALSYNC_HELD_ROWS=\n"
	    "DIALSYNC_HOOK=hangup\nDIALSYNC_LINE=modem\n"
	    "DIALSYNC_MESSAGE=carrier lost; it's $(touch pwned) `touch "
	    "pwned`\nDIALSYNC_PEER=hub\nDIALSYNC_PHONE=9,555-1234\n"
	    "DIALSYNC_RESULT=\nDIALSYNC_SECONDS=41\nDIALSYNC_SITE=ann\n"
	    "OTHER=stays\n%s\n", top, top);
	assert_string_equal(contents("told"), want);
	assert_false(fs_exists(at("pwned")));
	unsetenv("DIALSYNC_PEER");
	unsetenv("DIALSYNC_RESULT");
}

static void test_events(void **state)
{
	static const struct {
		enum hook_event event;
		const char *said;
	} rows[] = {
		{HOOK_CONNECT, "connect\n"}, {HOOK_SAFE, "safe\n"},
		{HOOK_HANGUP, "hangup\n"}, {HOOK_HELD, "held\n"},
	};
	struct hooks h = HOOKS_INIT;
	struct hook_facts f = some_facts();
	struct err e = ERR_INIT;

	(void)state;
	cfg.connect = (char *)"echo connect >event";
	cfg.safe = (char *)"echo safe >event";
	cfg.hangup = (char *)"echo $DIALSYNC_HOOK >event";
	cfg.held = (char *)"echo $DIALSYNC_HOOK >event";
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(hook_run(&h, &cfg, rows[i].event, &f, &e),
		    1);
		wait_all(&h);
		assert_string_equal(contents("event"), rows[i].said);
	}
	cfg.safe = NULL;
	assert_int_equal(hook_run(&h, &cfg, HOOK_SAFE, &f, &e), 0);
	assert_int_equal(h.n, 0);
}

/* Whatever a modem says, a terminal that shows it obeys nothing. */
static void test_hostile_values(void **state)
{
	struct hooks h = HOOKS_INIT;
	struct hook_facts f = some_facts();
	struct err e = ERR_INIT;
	const char *got;

	(void)state;
	cfg.connect = (char *)"printf %s \"$DIALSYNC_CONNECT\" >hostile";
	f.connect = "CONNECT\r\nX=1\x1b[2J\x07\xff\x9b";
	assert_int_equal(hook_run(&h, &cfg, HOOK_CONNECT, &f, &e), 1);
	wait_all(&h);
	got = contents("hostile");
	for (const char *p = got; *p; p++)
		if ((unsigned char)*p < 32 || (unsigned char)*p > 126)
			fail_msg("byte %d in \"%s\"", (unsigned char)*p, got);
	assert_non_null(strstr(got, "CONNECT\\x0D\\x0AX=1\\x1B[2J"));
}

/* The line may be our standard files, or any other: none is passed on. */
static void test_no_files(void **state)
{
	struct hooks h = HOOKS_INIT;
	struct hook_facts f = some_facts();
	struct err e = ERR_INIT;
	int line[2], saved[3];
	char c;

	(void)state;
	cfg.connect = (char *)"echo out; echo err >&2; cat; "
	    "ls -l /proc/self/fd >fds 2>/dev/null; sleep 1000 & "
	    "echo $! >child";
	assert_int_equal(pipe(line), 0); /* not close-on-exec on purpose */
	for (int i = 0; i < 3; i++) {
		saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
		dup2(line[1], i);
	}
	h.line_is_stdio = true;
	assert_int_equal(hook_run(&h, &cfg, HOOK_CONNECT, &f, &e), 1);
	for (int i = 0; i < 3; i++) {
		dup2(saved[i], i);
		close(saved[i]);
	}
	close(line[1]);
	/* nothing was written, and nobody has it open, though a child of
	 * the hook's still runs: this is how DTR falls when we hang up */
	assert_int_equal(read(line[0], &c, 1), 0);
	close(line[0]);
	wait_all(&h);
	assert_null(strstr(contents("fds"), "pipe:"));
	kill(atoi(contents("child")), SIGKILL);
}

/* Standard error stays where it cannot be the line: there people look. */
static void test_standard_error(void **state)
{
	struct hooks h = HOOKS_INIT;
	struct hook_facts f = some_facts();
	struct err e = ERR_INIT;
	int fd = open(at("err"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int saved = fcntl(2, F_DUPFD_CLOEXEC, 10);

	(void)state;
	cfg.connect = (char *)"echo out; echo it is broken >&2";
	dup2(fd, 2);
	assert_int_equal(hook_run(&h, &cfg, HOOK_CONNECT, &f, &e), 1);
	dup2(saved, 2);
	close(saved);
	close(fd);
	wait_all(&h);
	assert_string_equal(contents("err"), "it is broken\n");
}

/* A hook that hangs holds nobody up; the ninth is not started; a signal for
 * our group does not reach them. */
static void test_slow(void **state)
{
	struct hooks h = HOOKS_INIT;
	struct hook_facts f = some_facts();
	struct err e = ERR_INIT;
	uint64_t start = clock_ms();

	(void)state;
	cfg.safe = (char *)"exec sleep 1000";
	for (int i = 0; i < HOOKS_MAX; i++)
		assert_int_equal(hook_run(&h, &cfg, HOOK_SAFE, &f, &e), 1);
	assert_int_equal(hook_run(&h, &cfg, HOOK_SAFE, &f, &e), -1);
	assert_int_equal(e.kind, ERR_BUSY);
	assert_non_null(strstr(e.text, "sleep 1000"));
	assert_true(clock_ms() - start < 5000);
	while (getpgid(h.run[0].pid) == getpgrp() &&
	    clock_ms() - start < WAIT_MS)
		usleep(1000);
	assert_int_equal(getpgid(h.run[0].pid), h.run[0].pid);
	/* over time: they are ended at the next look */
	for (int i = 0; i < h.n; i++)
		h.run[i].start_ms -= (HOOK_TIME_MAX_S + 1) * 1000;
	wait_all(&h);
}

static void test_failures(void **state)
{
	struct hooks h = HOOKS_INIT;
	struct hook_facts f = some_facts();
	struct err e = ERR_INIT;

	(void)state;
	/* a command that is not there is the shell's to report */
	h.line_is_stdio = true;
	cfg.safe = (char *)"/nowhere/at/all";
	assert_int_equal(hook_run(&h, &cfg, HOOK_SAFE, &f, &e), 1);
	wait_all(&h);
	/* somebody else has waited for it */
	assert_int_equal(hook_run(&h, &cfg, HOOK_SAFE, &f, &e), 1);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	hook_reap(&h);
	assert_int_equal(h.n, 0);
	f.dir = "/nowhere/at/all";
	assert_int_equal(hook_run(&h, &cfg, HOOK_SAFE, &f, &e), -1);
	assert_non_null(strstr(e.text, "/nowhere/at/all"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_hostile_values),
		cmocka_unit_test(test_no_files),
		cmocka_unit_test(test_standard_error),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
