/* The ports: raw ptys, lock files, TCP both ways, commands.  What needs a
 * real serial port is not reached here. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "modem/port.h"
#include "modem/port_lock.h"

static char lock_dir[] = "/tmp/t_port.XXXXXX";

static struct port_conf conf(const char *device)
{
	struct port_conf c = {0};

	c.device = device;
	c.connect_wait_ms = 2000;
	c.stop_fd = -1;
	return c;
}

/* A pty; returns the master and the slave's name. */
static int new_pty(char *name, size_t n)
{
	int m = posix_openpt(O_RDWR | O_NOCTTY);

	assert_true(m >= 0);
	assert_int_equal(grantpt(m), 0);
	assert_int_equal(unlockpt(m), 0);
	assert_int_equal(ptsname_r(m, name, n), 0);
	return m;
}

/* Read until n bytes came or two seconds have passed. */
static size_t read_n(struct port *p, void *buf, size_t n, struct err *e)
{
	size_t got = 0;
	int tries;
	struct timespec t = {0, 5 * 1000 * 1000};

	for (tries = 0; got < n && tries < 4000; tries++) {
		ssize_t r = port_read(p, (char *)buf + got, n - got, e);

		if (r < 0)
			break;
		got += (size_t)r;
		if (r == 0)
			nanosleep(&t, NULL);
	}
	return got;
}

/* Read until the port says that it is gone. */
static bool gone(struct port *p, struct err *e)
{
	char c;
	int tries;
	struct timespec t = {0, 5 * 1000 * 1000};

	for (tries = 0; tries < 4000; tries++) {
		if (port_read(p, &c, 1, e) < 0)
			return true;
		nanosleep(&t, NULL);
	}
	return false;
}

static void pty_is_raw(void **state)
{
	char name[64];
	unsigned char all[256], back[256];
	int m = new_pty(name, sizeof name), i;
	struct port_conf c = conf(name);
	struct port *p;
	struct err e = ERR_INIT;
	struct termios t;

	(void)state;
	for (i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	assert_int_equal(port_open(&c, &p, &e), 0);
	assert_int_equal(write(m, all, 256), 256);
	assert_int_equal(read_n(p, back, 256, &e), 256);
	assert_memory_equal(all, back, 256);
	assert_int_equal(port_write(p, all, 256, &e), 256);
	for (i = 0; i < 256;) {
		ssize_t r = read(m, back + i, (size_t)(256 - i));

		assert_true(r > 0);
		i += (int)r;
	}
	assert_memory_equal(all, back, 256);
	assert_int_equal(port_signals(p), PORT_UNKNOWN);
	assert_false(p->wire);
	port_close(p);
	/* the settings are put back */
	assert_int_equal(tcgetattr(m, &t), 0);
	assert_true(t.c_lflag & ECHO);
	close(m);
}

static void pty_master_closed_is_carrier_lost(void **state)
{
	char name[64];
	int m = new_pty(name, sizeof name);
	struct port_conf c = conf(name);
	struct port *p;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(port_open(&c, &p, &e), 0);
	close(m);
	assert_true(gone(p, &e));
	assert_int_equal(e.kind, ERR_AGAIN);
	assert_non_null(strstr(e.text, "carrier lost"));
	assert_int_equal(port_write(p, "x", 1, &e), -1);
	port_close(p);
}

static void symlink_is_resolved(void **state)
{
	char name[64], link_name[128];
	int m = new_pty(name, sizeof name);
	struct port_conf c = conf(link_name);
	struct port *p;
	struct err e = ERR_INIT;

	(void)state;
	snprintf(link_name, sizeof link_name, "%s/by-id", lock_dir);
	assert_int_equal(symlink(name, link_name), 0);
	assert_int_equal(port_open(&c, &p, &e), 0);
	/* the lock bears the real device's name, or it would not meet others */
	assert_non_null(strstr(p->lock, "LCK..pts_"));
	port_close(p);
	unlink(link_name);
	close(m);
}

/* Process ids for the lock rows: of this test, and of one that has ended. */
static long dead_pid(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static void write_lock(const char *path, const void *p, size_t n, int age)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	struct timespec t[2] = {{0, 0}, {0, 0}};

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	t[0].tv_sec = t[1].tv_sec = time(NULL) - age;
	assert_int_equal(futimens(fd, t), 0);
	close(fd);
}

static void locks(void **state)
{
	long live = (long)getppid(), dead = dead_pid();
	int live_bin = (int)live, dead_bin = (int)dead;
	/* above the largest process id; its low byte is the digit 1, and as
	 * text it would be the living process 1 */
	int digit_bin = 0x400031;
	char live_text[16], dead_text[16], path[128], text[16];
	const struct {
		const char *name;
		const void *p;
		size_t n;
		int age;
		bool taken;
	} rows[] = {
	    {"no lock", NULL, 0, 0, true},
	    {"a live owner keeps it", live_text, 11, 0, false},
	    {"a live owner keeps it for days", live_text, 11, 99999, false},
	    {"a dead owner's lock is removed", dead_text, 11, 0, true},
	    {"binary, live", &live_bin, sizeof live_bin, 0, false},
	    {"binary, dead", &dead_bin, sizeof dead_bin, 0, true},
	    {"binary, dead, begins like a text", &digit_bin,
		sizeof digit_bin, 0, true},
	    {"short text, live", "1\n", 2, 0, false},
	    {"text as long as a binary number, live", "  1\n", 4, 0, false},
	    {"empty and young is being written", "", 0, 0, false},
	    {"empty and old is stale", "", 0, 600, true},
	    {"no number and old is stale", "hello\n", 6, 600, true},
	};
	size_t i;

	(void)state;
	snprintf(live_text, sizeof live_text, "%10ld\n", live);
	snprintf(dead_text, sizeof dead_text, "%10ld\n", dead);
	snprintf(path, sizeof path, "%s/LCK..ttyT0", lock_dir);
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = ERR_INIT;
		char *lock;
		int fd;

		unlink(path);
		if (rows[i].p)
			write_lock(path, rows[i].p, rows[i].n, rows[i].age);
		lock = port_lock_take("/dev/ttyT0", &e);
		if ((lock != NULL) != rows[i].taken)
			fail_msg("%s: %s", rows[i].name, e.text);
		if (!lock) {
			assert_int_equal(e.kind, ERR_DEVICE);
			assert_int_equal(err_exit_code(&e), 69);
			continue;
		}
		fd = open(lock, O_RDONLY);
		assert_int_equal(read(fd, text, sizeof text), 11);
		text[11] = '\0';
		assert_int_equal(text[10], '\n');
		assert_int_equal(atol(text), getpid());
		close(fd);
		port_lock_drop(lock);
		assert_int_equal(access(lock, F_OK), -1);
		free(lock);
	}
	unlink(path);
}

static void second_open_names_the_holder(void **state)
{
	char name[64], number[16];
	int m = new_pty(name, sizeof name);
	struct port_conf c = conf(name);
	struct port *p, *q;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(port_open(&c, &p, &e), 0);
	assert_int_equal(port_open(&c, &q, &e), -1);
	assert_null(q);
	assert_int_equal(e.kind, ERR_DEVICE);
	snprintf(number, sizeof number, "%d", (int)getpid());
	assert_non_null(strstr(e.text, number));
	assert_non_null(strstr(e.text, "t_port"));
	port_close(p);
	assert_int_equal(port_open(&c, &q, &e), 0);
	port_close(q);
	close(m);
}

static void lock_of_another_is_not_dropped(void **state)
{
	char path[128], text[16];

	(void)state;
	snprintf(path, sizeof path, "%s/LCK..ttyT1", lock_dir);
	snprintf(text, sizeof text, "%10ld\n", (long)getppid());
	write_lock(path, text, 11, 0);
	port_lock_drop(path);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
}

static void pipe_echoes(void **state)
{
	struct port_conf c = conf("pipe:cat");
	struct port *p;
	struct err e = ERR_INIT;
	char back[8];

	(void)state;
	assert_int_equal(port_open(&c, &p, &e), 0);
	assert_int_equal(port_write(p, "eight by", 8, &e), 8);
	assert_int_equal(read_n(p, back, 8, &e), 8);
	assert_memory_equal(back, "eight by", 8);
	port_unread(p, 0xff);
	assert_int_equal(port_read(p, back, 8, &e), 1);
	assert_int_equal((unsigned char)back[0], 0xff);
	port_hangup(p);
	assert_int_equal(p->child, 0);
	port_close(p);
}

static void pipe_command_that_fails_says_so(void **state)
{
	struct port_conf c = conf("pipe:exit 3");
	struct port *p;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(port_open(&c, &p, &e), 0);
	assert_true(gone(p, &e));
	assert_int_equal(e.kind, ERR_AGAIN);
	assert_non_null(strstr(e.text, "status 3"));
	port_close(p);
}

/* Wait until the listener has taken a connection. */
static void accept_one(struct port *l)
{
	struct pollfd v[2];
	struct err e = ERR_INIT;

	port_pollfd(l, v, false);
	assert_int_equal(poll(v, 1, 20000), 1);
	assert_int_equal(port_accept(l, &e), 1);
}

static void tcp_both_ways_and_again(void **state)
{
	struct port_conf lc = conf("tcp-listen:127.0.0.1:0"), cc;
	struct port *l, *p;
	struct err e = ERR_INIT;
	struct sockaddr_in a;
	socklen_t an = sizeof a;
	char device[64], back[4];
	int round;

	(void)state;
	assert_int_equal(port_open(&lc, &l, &e), 0);
	assert_int_equal(
	    getsockname(l->listen_fd, (struct sockaddr *)&a, &an), 0);
	snprintf(device, sizeof device, "tcp:127.0.0.1:%d", ntohs(a.sin_port));
	cc = conf(device);
	assert_int_equal(port_accept(l, &e), 0);
	for (round = 0; round < 2; round++) {
		assert_int_equal(port_open(&cc, &p, &e), 0);
		accept_one(l);
		assert_int_equal(port_write(p, "ping", 4, &e), 4);
		assert_int_equal(read_n(l, back, 4, &e), 4);
		assert_memory_equal(back, "ping", 4);
		assert_int_equal(port_write(l, "pong", 4, &e), 4);
		assert_int_equal(read_n(p, back, 4, &e), 4);
		assert_memory_equal(back, "pong", 4);
		port_close(p);
		assert_true(gone(l, &e));
		port_hangup(l);
	}
	port_close(l);
	/* nobody listens any more */
	assert_int_equal(port_open(&cc, &p, &e), -1);
	assert_int_equal(e.kind, ERR_AGAIN);
}

static void devices_that_are_refused(void **state)
{
	static const struct {
		const char *device;
		enum err_kind kind;
	} rows[] = {
	    {"", ERR_CONFIG},
	    {"ttyS0", ERR_CONFIG},
	    {"tcp:", ERR_CONFIG},
	    {"tcp:host", ERR_CONFIG},
	    {"tcp:host:", ERR_CONFIG},
	    {"tcp:host:99999", ERR_CONFIG},
	    {"tcp-listen:x:y", ERR_CONFIG},
	    {"/dev/no-such-port", ERR_DEVICE},
	    {"/dev", ERR_DEVICE},
	    {"/etc/passwd", ERR_DEVICE},
	    {"/dev/null", ERR_DEVICE},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct port_conf c = conf(rows[i].device);
		struct err e = ERR_INIT;
		struct port *p;

		assert_int_equal(port_open(&c, &p, &e), -1);
		if (e.kind != rows[i].kind)
			fail_msg("\"%s\": kind %d: %s", rows[i].device, e.kind,
			    e.text);
	}
}

/* On a real port, if there is one to spare: DIALSYNC_TEST_SERIAL=/dev/ttyS0.
 * Twice with each setting, as what the last user left must not matter. */
static void serial_settings_stick(void **state)
{
	static const struct {
		const char *name;
		enum port_flow flow;
		tcflag_t cflag, iflag;
	} rows[] = {
	    {"rtscts", PORT_FLOW_RTSCTS, CRTSCTS, 0},
	    {"rtscts again", PORT_FLOW_RTSCTS, CRTSCTS, 0},
	    {"none after rtscts", PORT_FLOW_NONE, 0, 0},
	    {"xonxoff", PORT_FLOW_XONXOFF, 0, IXON | IXOFF},
	    {"rtscts after xonxoff", PORT_FLOW_RTSCTS, CRTSCTS, 0},
	};
	struct port_conf c = conf(getenv("DIALSYNC_TEST_SERIAL"));
	struct err e = ERR_INIT;
	struct termios t;
	struct port *p;
	size_t i;

	(void)state;
	if (!c.device)
		skip();
	c.speed = 57600;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		c.flow = rows[i].flow;
		if (port_open(&c, &p, &e) < 0)
			fail_msg("%s: %s", rows[i].name, e.text);
		assert_int_equal(tcgetattr(p->fd_in, &t), 0);
		assert_int_equal(t.c_cflag & CRTSCTS, rows[i].cflag);
		assert_int_equal(t.c_iflag & (IXON | IXOFF), rows[i].iflag);
		assert_int_equal(t.c_lflag & (ICANON | ECHO | ISIG), 0);
		assert_int_equal(t.c_oflag & OPOST, 0);
		assert_int_equal(cfgetospeed(&t), B57600);
		assert_int_not_equal(port_signals(p), PORT_UNKNOWN);
		assert_true(p->wire);
		port_close(p);
	}
}

static int setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(lock_dir))
		return -1;
	return setenv("DIALSYNC_LOCK_DIR", lock_dir, 1);
}

static int teardown(void **state)
{
	(void)state;
	/* a lock or temporary file left behind fails this, and the test */
	return rmdir(lock_dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pty_is_raw),
	    cmocka_unit_test(pty_master_closed_is_carrier_lost),
	    cmocka_unit_test(symlink_is_resolved),
	    cmocka_unit_test(locks),
	    cmocka_unit_test(second_open_names_the_holder),
	    cmocka_unit_test(lock_of_another_is_not_dropped),
	    cmocka_unit_test(pipe_echoes),
	    cmocka_unit_test(pipe_command_that_fails_says_so),
	    cmocka_unit_test(tcp_both_ways_and_again),
	    cmocka_unit_test(devices_that_are_refused),
	    cmocka_unit_test(serial_settings_stick),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
