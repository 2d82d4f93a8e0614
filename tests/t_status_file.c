/* Status files and the log of calls. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "spool/call_log.h"
#include "spool/spool_p.h"
#include "spool/status_file.h"

static char top[64];
static char status_path[200], log_path[200];
static struct spool sp;
static struct err err;

static int setup(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/t_status.XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(
	    status_path, sizeof(status_path), "%s/status/dialer.modem", top);
	snprintf(log_path, sizeof(log_path), "%s/log/calls.log", top);
	err_clear(&err);
	return spool_open(&sp, top, &err) < 0 || spool_make_site(&sp, &err) < 0;
}

static int teardown(void **state)
{
	char cmd[100];

	(void)state;
	spool_close(&sp);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	return system(cmd);
}

static void put(const char *path, const char *text, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	close(fd);
}

static void add_bytes(const char *text, size_t n)
{
	int fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	close(fd);
}

/* Read one key of the status file as a reader would; "(none)". */
static const char *ask(const char *key, bool *alive)
{
	static char value[2000];
	struct status_map m;
	const char *v;

	if (status_read(status_path, &m, alive, &err) < 0)
		fail_msg("%s", err.text);
	v = status_map_get(&m, key);
	snprintf(value, sizeof(value), "%s", v ? v : "(none)");
	status_map_free(&m);
	return value;
}

/* ------------------------------------------------------------ status */

static void test_owner(void **state)
{
	struct status_file *f, *second;
	bool alive;
	char pid[16];

	(void)state;
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	f = status_open(&sp, "dialer.modem", &err);
	assert_non_null(f);
	assert_string_equal(ask("pid", &alive), pid);
	assert_true(alive);
	second = status_open(&sp, "dialer.modem", &err);
	assert_null(second);
	assert_int_equal(err.kind, ERR_BUSY);
	assert_non_null(strstr(err.text, pid));
	status_set(f, "state", "dialing");
	status_set_int(f, "sending.bytes_done", -3);
	status_set_bool(f, "safe_to_hang_up", false);
	status_set(f, "message", "two\nlines\\ \x1b[2J\ttab caf\xc3\xa9");
	assert_int_equal(status_flush(f, true, &err), 0);
	assert_string_equal(ask("state", &alive), "dialing");
	assert_string_equal(ask("sending.bytes_done", &alive), "-3");
	assert_string_equal(
	    ask("message", &alive), "two\nlines\\ \x1b[2J\ttab caf\xc3\xa9");
	assert_true(alive);
	status_set(f, "message", NULL);
	status_close(f);
	assert_string_equal(ask("message", &alive), "(none)");
	assert_false(alive);
	assert_string_not_equal(ask("ended", &alive), "(none)");
	/* the next one may have it */
	f = status_open(&sp, "dialer.modem", &err);
	assert_non_null(f);
	assert_string_equal(ask("ended", &alive), "(none)");
	assert_true(alive);
	status_close(f);
}

static void test_rate(void **state)
{
	struct status_file *f = status_open(&sp, "dialer.modem", &err);
	bool alive;

	(void)state;
	assert_non_null(f);
	assert_true(status_due_ms(f) == UINT64_MAX);
	status_set(f, "state", "one");
	assert_int_equal(status_flush(f, false, &err), 0);
	assert_string_equal(ask("state", &alive), "(none)"); /* too soon */
	assert_true(status_due_ms(f) <= STATUS_FLUSH_MS);
	usleep((STATUS_FLUSH_MS + 20) * 1000);
	assert_true(status_due_ms(f) == 0);
	assert_int_equal(status_flush(f, false, &err), 0);
	assert_string_equal(ask("state", &alive), "one");
	status_set(f, "state", "one"); /* nothing new */
	assert_true(status_due_ms(f) == UINT64_MAX);
	status_close(f);
}

static void test_bounds(void **state)
{
	struct status_file *f = status_open(&sp, "dialer.modem", &err);
	static char big[5000];
	char key[40];
	bool alive;

	(void)state;
	assert_non_null(f);
	memset(big, 'x', sizeof(big) - 1);
	status_set(f, "message", big);
	assert_int_equal(status_flush(f, true, &err), 0);
	assert_int_equal(strlen(ask("message", &alive)), STATUS_VALUE_MAX);
	status_set(f, "bad key", "x");
	status_set(f, "bad\nkey", "x");
	assert_int_equal(status_flush(f, true, &err), -1);
	assert_int_equal(err.kind, ERR_CALLER);
	assert_int_equal(status_flush(f, true, &err), 0);
	for (int i = 0; i < STATUS_KEYS_MAX + 10; i++) {
		snprintf(key, sizeof(key), "k.%d", i);
		status_set_int(f, key, i);
	}
	assert_int_equal(status_flush(f, true, &err), -1);
	assert_int_equal(status_flush(f, true, &err), 0);
	assert_string_equal(ask("k.200", &alive), "200");
	status_close(f);
	assert_null(status_open(&sp, "../x", &err));
	assert_null(status_open(&sp, ".x", &err));
	assert_null(status_open(&sp, "", &err));
}

static void test_reader_is_bounded(void **state)
{
	static char big[STATUS_FILE_MAX + 2];
	static const char odd[] = "no colon\na: 1\n: x\nb b: 2\nc:3\nd: \n"
				  "\xff: 1\ne: \\x41\\q\nf: torn";
	struct status_map m;
	bool alive = true;

	(void)state;
	assert_int_equal(status_read(status_path, &m, &alive, &err), -1);
	assert_int_equal(err.kind, ERR_MISSING);
	assert_false(alive);
	memset(big, 'a', sizeof(big));
	put(status_path, big, sizeof(big));
	assert_int_equal(status_read(status_path, &m, &alive, &err), -1);
	assert_int_equal(err.kind, ERR_DATA);
	put(status_path, odd, sizeof(odd) - 1);
	assert_int_equal(status_read(status_path, &m, &alive, &err), 0);
	assert_int_equal(m.n, 3);
	assert_int_equal(status_map_int(&m, "a", 7), 1);
	assert_string_equal(status_map_get(&m, "d"), "");
	assert_string_equal(status_map_get(&m, "e"), "A\\q");
	assert_int_equal(status_map_int(&m, "e", 7), 7);
	status_map_free(&m);
	unlink(status_path);
	assert_int_equal(symlink("/etc/passwd", status_path), 0);
	assert_int_equal(status_read(status_path, &m, &alive, &err), -1);
}

/* An owner in another process replaces its file as fast as it can; a reader
 * must always see it whole and alive, until the owner is killed. */
static void test_always_alive_until_killed(void **state)
{
	bool alive;
	int ready[2];
	pid_t pid;
	char c;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct status_file *f = status_open(&sp, "dialer.modem", NULL);

		if (!f || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (int64_t i = 0; i < 100000000; i++) {
			status_set_int(f, "a", i);
			status_set_int(f, "z", i);
			status_flush(f, true, NULL);
		}
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	for (int i = 0; i < 2000; i++) {
		struct status_map m;

		assert_int_equal(status_read(status_path, &m, &alive, &err), 0);
		assert_true(alive);
		assert_int_equal(
		    status_map_int(&m, "a", -1), status_map_int(&m, "z", -1));
		status_map_free(&m);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_string_equal(ask("ended", &alive), "(none)");
	assert_false(alive);
	close(ready[0]);
	close(ready[1]);
}

/* ------------------------------------------------------- log of calls */

static struct call_record record(int n)
{
	struct call_record r = {.start = 1790000000 + n * 100,
	    .end = 1790000060 + n * 100,
	    .peer = "hub",
	    .line = "modem",
	    .direction = "out",
	    .result = "done",
	    .exit = n % 2 ? 75 : 0,
	    .seconds = 60,
	    .bytes_sent = n,
	    .bytes_received = 2 * n,
	    .bundles_sent = 3,
	    .bundles_received = 4,
	    .resent_bytes = 5,
	    .connect = "CONNECT 33600/V42",
	    .message = "You can hang up now."};

	return r;
}

static void append(const struct call_record *r)
{
	if (call_log_append(&sp, r, &err) < 0)
		fail_msg("%s", err.text);
}

/* Count the records both ways; they must be the same ones. */
static int count_both(uint64_t *skipped)
{
	struct call_log *l = call_log_open(&sp, &err);
	struct call_record r;
	int64_t seen[300];
	int n = 0, back = 0;

	assert_non_null(l);
	while (call_log_next(l, &r, &err) == 1)
		seen[n++ % 300] = r.bytes_sent;
	*skipped = call_log_skipped(l);
	call_log_close(l);
	l = call_log_open(&sp, &err);
	while (call_log_prev(l, &r, &err) == 1) {
		back++;
		assert_int_equal(r.bytes_sent, seen[(n - back) % 300]);
	}
	assert_int_equal(back, n);
	assert_int_equal(call_log_skipped(l), *skipped);
	call_log_close(l);
	return n;
}

static void assert_same(
    const struct call_record *a, const struct call_record *b)
{
	assert_string_equal(a->peer, b->peer);
	assert_string_equal(a->line, b->line);
	assert_string_equal(a->direction, b->direction);
	assert_string_equal(a->result, b->result);
	assert_string_equal(a->connect, b->connect);
	assert_string_equal(a->message, b->message);
	assert_int_equal(a->start, b->start);
	assert_int_equal(a->end, b->end);
	assert_int_equal(a->exit, b->exit);
	assert_int_equal(a->seconds, b->seconds);
	assert_int_equal(a->bytes_sent, b->bytes_sent);
	assert_int_equal(a->bytes_received, b->bytes_received);
	assert_int_equal(a->bundles_sent, b->bundles_sent);
	assert_int_equal(a->bundles_received, b->bundles_received);
	assert_int_equal(a->resent_bytes, b->resent_bytes);
	assert_string_equal(a->phone, b->phone);
	assert_int_equal(a->try, b->try);
}

static void test_call_log_round_trip(void **state)
{
	struct call_record r = record(1), got;
	struct call_log *l;
	char first[12] = "";
	int fd;

	(void)state;
	assert_null(call_log_open(&sp, &err));
	assert_int_equal(err.kind, ERR_MISSING);
	snprintf(r.connect, sizeof(r.connect), "CARRIER\r\n\t\xff\x01-");
	snprintf(r.phone, sizeof(r.phone), "9,555-1234");
	r.try = 3;
	r.line[0] = '\0';
	append(&r);
	l = call_log_open(&sp, &err);
	assert_non_null(l);
	assert_int_equal(call_log_next(l, &got, &err), 1);
	assert_same(&got, &r);
	assert_int_equal(call_log_next(l, &got, &err), 0);
	assert_int_equal(call_log_prev(l, &got, &err), 1);
	assert_int_equal(call_log_prev(l, &got, &err), 0);
	assert_int_equal(call_log_skipped(l), 0);
	call_log_close(l);
	fd = open(log_path, O_RDONLY);
	assert_int_equal(read(fd, first, 8), 8);
	close(fd);
	assert_string_equal(first, "# start\t");
}

/* A line that is right, and more columns than are known. */
#define GOOD                                                                   \
	"2026-11-22T09:30:00Z\t2026-11-22T09:31:00Z\thub\tmodem\tout\t"        \
	"done\t0\t60\t7\t2\t3\t4\t5\t-\t-"

static void test_call_log_lines(void **state)
{
	static const struct {
		const char *what, *line;
		int records, skipped;
	} rows[] = {
	    {"right", GOOD "\n", 1, 0},
	    {"more columns than known", GOOD "\tnew\tnewer\n", 1, 0},
	    {"a comment", "# " GOOD "\n", 0, 0},
	    {"an empty line", "\n", 0, 0},
	    {"too few columns", "2026-11-22T09:30:00Z\thub\n", 0, 1},
	    {"no time", "yesterday" GOOD "\n", 0, 1},
	    {"torn", GOOD, 0, 1},
	    {"torn behind a right one", GOOD "\n" GOOD, 1, 1},
	    {"bytes", "\xff\xfe\x80\n", 0, 1},
	    {"tabs alone", "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\n", 0, 1},
	};
	uint64_t skipped;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int n;

		put(log_path, rows[i].line, strlen(rows[i].line));
		n = count_both(&skipped);
		if (n != rows[i].records || (int)skipped != rows[i].skipped)
			fail_msg("%s: %d records, %d skipped", rows[i].what, n,
			    (int)skipped);
	}
}

/* Long lines around the border of the buffer, NULs, torn lines in between:
 * the good records are all found, both ways. */
static void test_call_log_broken_between(void **state)
{
	static const size_t lengths[] = {
	    1, 4094, 4095, 4096, 4097, 8191, 8192, 8193, 50000};
	static char junk[50001];
	struct call_record r;
	uint64_t skipped;
	int n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		r = record(n++);
		append(&r);
		memset(junk, i % 2 ? 'j' : '\0', lengths[i]);
		junk[lengths[i] - 1] = i % 3 ? 'x' : '\n';
		add_bytes(junk, lengths[i]);
	}
	r = record(n++);
	append(&r);
	assert_int_equal(count_both(&skipped), n);
	/* the first junk is an empty line, which is no broken one */
	assert_int_equal(skipped, sizeof(lengths) / sizeof(lengths[0]) - 1);
}

static void test_call_log_two_writers(void **state)
{
	uint64_t skipped;

	(void)state;
	for (int child = 0; child < 2; child++) {
		if (fork() == 0) {
			for (int i = 0; i < 100; i++) {
				struct call_record r = record(i + 1000 * child);

				if (call_log_append(&sp, &r, NULL) < 0)
					_exit(1);
			}
			_exit(0);
		}
	}
	for (int child = 0; child < 2; child++) {
		int status;

		wait(&status);
		assert_int_equal(status, 0);
	}
	assert_int_equal(count_both(&skipped), 200);
	assert_int_equal(skipped, 0);
}

int main(void)
{
#define SITE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    SITE_TEST(test_owner),
	    SITE_TEST(test_rate),
	    SITE_TEST(test_bounds),
	    SITE_TEST(test_reader_is_bounded),
	    SITE_TEST(test_always_alive_until_killed),
	    SITE_TEST(test_call_log_round_trip),
	    SITE_TEST(test_call_log_lines),
	    SITE_TEST(test_call_log_broken_between),
	    SITE_TEST(test_call_log_two_writers),
	};

	alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
