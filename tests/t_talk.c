/* modem/talk.c on real ptys: two processes at the modems of modem-sim call
 * each other, log in, and hang up.  About 8 s.
 *
 * MODEM_SIM names another build of the simulator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "modem/talk.h"

static char dir[] = "/tmp/t_talk.XXXXXX";
static pid_t sim;

/* A program at a modem. */
struct program {
	struct talk talk;
	char said[500]; /* progress */
};

static void note(void *arg, const char *text)
{
	char *said = arg;

	(void)snprintf(said + strlen(said), 500 - strlen(said), "%s; ", text);
}

static void path_of(char *out, size_t n, const char *name)
{
	(void)snprintf(out, n, "%s/%s", dir, name);
}

static void must(const struct program *p, bool so, const char *what,
    const struct err *e)
{
	if (so)
		return;
	fprintf(stderr, "%s: %s (%s)\n", p->talk.port ? p->talk.port->name :
	    "?", what, e->text);
	abort();
}

static void begin(struct program *p, const char *modem)
{
	struct port_conf c = {.stop_fd = -1, .modem = true, .speed = 57600};
	struct at_conf at;
	struct err e = ERR_INIT;
	char device[100];

	memset(p, 0, sizeof(*p));
	path_of(device, sizeof(device), modem);
	c.device = device;
	must(p, port_open(&c, &p->talk.port, &e) == 0, "port_open", &e);
	at_conf_init(&at);
	at.guard_ms = 1100;
	p->talk.at = at_new(&at, clock_ms());
	p->talk.stop_fd = -1;
	p->talk.progress = note;
	p->talk.arg = p->said;
}

static void finish(struct program *p)
{
	at_free(p->talk.at);
	port_close(p->talk.port);
}

static struct at_event expect(struct program *p, enum at_event_type type,
    const char *what)
{
	struct at_event ev = {.type = AT_EV_FAILED, .text = ""};
	struct err e = ERR_INIT;
	int r = talk_event(&p->talk, &ev, &e);

	must(p, r == 1 && ev.type == type, what, ev.err ? ev.err : &e);
	return ev;
}

static void write_all(struct program *p, const char *text)
{
	struct err e = ERR_INIT;
	ssize_t n;

	for (; *text; text += n) {
		n = port_write(p->talk.port, text, strlen(text), &e);
		must(p, n >= 0, "port_write", &e);
	}
}

/* Read up to and with this text. */
static void read_to(struct program *p, const char *text)
{
	char got[300] = "";
	size_t n = 0;
	struct err e = ERR_INIT;
	uint64_t end = clock_ms() + 10000;

	while (!strstr(got, text)) {
		ssize_t r = port_read(p->talk.port, got + n, 1, &e);

		must(p, r >= 0 && clock_ms() < end && n + 2 < sizeof(got),
		    got, &e);
		n += (size_t)r;
		got[n] = '\0';
		if (r == 0)
			(void)usleep(2000);
	}
}

/* The called side: asks for a name and a password, says hello, and waits for
 * the end. */
static void be_called(void)
{
	struct program p;
	struct at_event ev;

	begin(&p, "b");
	at_init(p.talk.at, clock_ms());
	(void)expect(&p, AT_EV_READY, "READY");
	ev = expect(&p, AT_EV_RING, "RING");
	must(&p, ev.rings == 1, "one ring", &(struct err)ERR_INIT);
	(void)at_answer(p.talk.at, clock_ms());
	do
		(void)talk_event(&p.talk, &ev, NULL);
	while (ev.type == AT_EV_RING);
	must(&p, ev.type == AT_EV_CONNECT, "CONNECT",
	    &(struct err)ERR_INIT);
	write_all(&p, "\r\nhub login: ");
	read_to(&p, "ann\r");
	write_all(&p, "ann\r\nPassword: ");
	read_to(&p, "sesame\r");
	write_all(&p, "\r\n$ hello");
	read_to(&p, "\r\nNO CARRIER\r\n");
	finish(&p);
}

static pid_t fork_called(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)alarm(40);
		be_called();
		_exit(0);
	}
	return pid;
}

static void reap(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Until CONNECT; the other side may still be looking for its modem. */
static void dial(struct program *p)
{
	struct at_event ev;
	struct err e = ERR_INIT;

	for (int i = 0; i < 20; i++) {
		assert_int_equal(at_dial(p->talk.at, "5552", clock_ms(), &e),
		    0);
		assert_int_equal(talk_event(&p->talk, &ev, &e), 1);
		if (ev.type == AT_EV_CONNECT) {
			assert_int_equal(ev.connect->bps, 33600);
			return;
		}
		assert_int_equal(ev.type, AT_EV_NO_CALL);
		(void)usleep(300000);
	}
	fail();
}

static void test_call(void **state)
{
	struct program p;
	struct err e = ERR_INIT;
	struct chat *c;
	pid_t pid = fork_called();
	struct at_event ev;

	(void)state;
	begin(&p, "a");
	at_init(p.talk.at, clock_ms());
	(void)expect(&p, AT_EV_READY, "READY");
	dial(&p);
	assert_non_null(strstr(p.said, "RINGING; "));
	assert_int_equal(chat_parse("TIMEOUT 9 ogin:--ogin: \\L ssword: \\P $",
	    &c, &e), 0);
	assert_int_equal(talk_login(&p.talk, c, "ann", "sesame", &e), 1);
	chat_free(c);
	assert_non_null(strstr(p.said, "waiting for \"ssword:\"; "));
	read_to(&p, " hello"); /* all that follows the login is there */
	at_hangup(p.talk.at, clock_ms());
	ev = expect(&p, AT_EV_HUNG_UP, "HUNG_UP");
	assert_int_equal(ev.code, AT_OK);
	reap(pid);
	finish(&p);
}

/* A close is what drops DTR at a pty; a script that fails says why. */
static void test_close(void **state)
{
	struct program p;
	struct err e = ERR_INIT;
	struct chat *c;
	pid_t pid = fork_called();

	(void)state;
	begin(&p, "a");
	at_init(p.talk.at, clock_ms());
	(void)expect(&p, AT_EV_READY, "READY");
	dial(&p);
	assert_int_equal(chat_parse("TIMEOUT 1 ogin: ann ssword: sesame ] x",
	    &c, &e), 0);
	assert_int_equal(talk_login(&p.talk, c, "", NULL, &e), -1);
	assert_string_equal(e.text, "login: waited 1 s for \"]\"; what came "
	    "ends in \" \\x0D\\x0A$ hello\"");
	chat_free(c);
	finish(&p);
	reap(pid);
}

static void test_stop(void **state)
{
	struct program p;
	struct at_event ev;
	struct err e = ERR_INIT;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	begin(&p, "a");
	p.talk.stop_fd = fd[0];
	at_init(p.talk.at, clock_ms());
	(void)expect(&p, AT_EV_READY, "READY");
	assert_int_equal(write(fd[1], "x", 1), 1);
	assert_int_equal(talk_event(&p.talk, &ev, &e), 0);
	finish(&p);
	(void)close(fd[0]);
	(void)close(fd[1]);
}

/* The modem has gone: so has the port. */
static void test_gone(void **state)
{
	struct program p;
	struct at_event ev;
	struct err e = ERR_INIT;

	(void)state;
	begin(&p, "a");
	at_init(p.talk.at, clock_ms());
	(void)expect(&p, AT_EV_READY, "READY");
	(void)kill(sim, SIGTERM);
	(void)waitpid(sim, NULL, 0);
	sim = 0;
	assert_int_equal(talk_event(&p.talk, &ev, &e), -1);
	assert_int_equal(e.kind, ERR_AGAIN);
	finish(&p);
}

/* 0: the simulator is ready. */
static int start_sim(const char *program)
{
	char a[100], b[100], ready[8] = "";
	int fd[2];

	path_of(a, sizeof(a), "a,number=5551,maker=usr");
	path_of(b, sizeof(b), "b,number=5552");
	if (pipe(fd) < 0)
		return -1;
	sim = fork();
	if (sim == 0) {
		(void)dup2(fd[1], 1);
		(void)close(fd[0]);
		(void)close(fd[1]);
		(void)alarm(60);
		execl(program, program, "--modem", a, "--modem", b,
		    "--delay", "20", (char *)NULL);
		_exit(127);
	}
	(void)close(fd[1]);
	return read(fd[0], ready, 6) == 6 ? 0 : -1;
}

static int clean_up(void **state)
{
	(void)state;
	if (sim > 0)
		(void)kill(sim, SIGTERM);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_gone),
	};
	const char *program = getenv("MODEM_SIM");

	if (!program)
		program = "tests/line/modem-sim";
	if (access(program, X_OK) < 0) {
		fprintf(stderr, "%s is not built; run \"make check\"\n",
		    program);
		return 77;
	}
	if (!mkdtemp(dir) || setenv("DIALSYNC_LOCK_DIR", dir, 1) < 0 ||
	    start_sim(program) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, clean_up);
}
