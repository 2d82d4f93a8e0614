/* The spool killed at every durable step, started again, and compared with the
 * undisturbed end.  Needs a build with --enable-stop-points; else it says that
 * it was skipped. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spool/spool_inbox.h"
#include "spool/spool_outbox.h"
#include "spool/spool_p.h"
#include "spool/spool_part.h"
#include "tests/t_spool_site.h"

/* Each scenario is what a program does from its start, sweep included: run
 * again after a kill, it must come to the same end. */
static int committed_file(void *ctx, uint64_t number, struct err *e)
{
	(void)ctx;
	(void)number;
	(void)e;
	return there("committed");
}

static int run_publish(void)
{
	struct spool_sweep done;
	int fd, rc;

	if (spool_sweep_outbox_tmp(
		&sp, PEER, committed_file, NULL, &done, &err) < 0)
		return -1;
	if (there("committed"))
		return 0;
	fd = spool_tmp_create(&sp, PEER, 7, NULL, &err);
	if (fd < 0)
		return -1;
	rc = fs_write_all(fd, BODY, BODY_N, &err) < 0 ||
	     spool_tmp_sync(&sp, PEER, 7, fd, &err) < 0 ||
	     fs_replace(at("committed"), "7", 1, 0644, &err) < 0 ||
	     spool_publish_outbox(&sp, PEER, 7, &err) != 0;
	close(fd);
	return rc ? -1 : 0;
}

static void check_publish(bool last)
{
	if (there("outbox/hub/00000007.xml.gz"))
		expect_file("outbox/hub/00000007.xml.gz", BODY);
	else if (there("committed"))
		expect_file("outbox/hub/tmp/00000007.xml.gz", BODY);
	if (last) {
		assert_true(there("outbox/hub/00000007.xml.gz"));
		assert_false(there("outbox/hub/tmp/00000007.xml.gz"));
	}
}

static int run_receive(void)
{
	struct spool_source src = {BODY_N, 0, "crc32=fdb5537d"};
	struct spool_part *p;
	uint64_t offset;
	bool have;
	int rc = 0;

	if (spool_part_sweep(&sp, PEER, NULL, &err) < 0 ||
	    spool_have(&sp, PEER, 7, BODY_N, &have, &err) < 0)
		return -1;
	if (have)
		return 0;
	if (spool_part_open(&sp, PEER, 7, &src, &p, &offset, &err) < 0)
		return -1;
	while (rc == 0 && offset < BODY_N) {
		size_t n = BODY_N - offset < 15 ? BODY_N - offset : 15;

		rc = spool_part_append(p, &BODY[offset], n, &err) < 0 ||
		     spool_part_sync(p, &err) < 0;
		offset += n;
	}
	if (rc == 0 && spool_part_commit(p, BODY_N, &err) == 0)
		return 0;
	spool_part_close(p);
	return -1;
}

static void check_receive(bool last)
{
	struct spool_source src;
	uint64_t offset;
	bool have;

	if (there("inbox/hub/00000007.xml.gz"))
		expect_file("inbox/hub/00000007.xml.gz", BODY);
	assert_int_equal(spool_part_read(&sp, PEER, 7, &src, &offset, &err), 0);
	if (offset > 0)
		assert_memory_equal(
		    get("inbox/hub/part/00000007.xml.gz"), BODY, offset);
	assert_int_equal(spool_have(&sp, PEER, 7, BODY_N, &have, &err), 0);
	assert_int_equal(have, there("inbox/hub/00000007.xml.gz"));
	if (last) {
		assert_true(have);
		expect_file("inbox/hub/stored", "7 36 crc32=fdb5537d\n");
		assert_false(there("inbox/hub/part/00000007.xml.gz"));
		assert_false(there("inbox/hub/part/00000007.offset"));
	}
}

/* Three bundles of BODY in one group. */
#define GROUP 3
static int run_group(void)
{
	struct spool_source src = {BODY_N, 0, "crc32=fdb5537d"};
	struct spool_commit c[GROUP];
	uint64_t offset;
	bool have;
	size_t n = 0;
	int rc = 0;

	if (spool_part_sweep(&sp, PEER, NULL, &err) < 0)
		return -1;
	for (uint64_t i = 31; i < 31 + GROUP && rc == 0; i++) {
		if (spool_have(&sp, PEER, i, BODY_N, &have, &err) < 0)
			return -1;
		if (have)
			continue;
		c[n].size = BODY_N;
		rc = spool_part_open(
		    &sp, PEER, i, &src, &c[n].part, &offset, &err);
		if (rc < 0)
			break;
		rc = spool_part_append(
		    c[n].part, &BODY[offset], BODY_N - offset, &err);
		if (rc == 0 && i == 32) /* one has a side file, too */
			rc = spool_part_sync(c[n].part, &err);
		n++;
	}
	if (rc == 0 && n > 0)
		rc = spool_part_commit_all(c, n, &err);
	while (n-- > 0)
		spool_part_close(c[n].part);
	return rc;
}

static void check_group(bool last)
{
	char name[64];
	bool have;

	for (uint64_t i = 31; i < 31 + GROUP; i++) {
		snprintf(name, sizeof(name), "inbox/hub/%08d.xml.gz", (int)i);
		if (there(name))
			expect_file(name, BODY);
		assert_int_equal(
		    spool_have(&sp, PEER, i, BODY_N, &have, &err), 0);
		assert_int_equal(have, there(name));
		assert_true(have || !last);
	}
	if (last) {
		assert_false(there("inbox/hub/part/00000032.offset"));
		assert_false(there("inbox/hub/part/00000032.xml.gz"));
	}
}

static int run_hold(void)
{
	if (spool_held_sweep(&sp, PEER, &err) < 0)
		return -1;
	if (!there("inbox/hub/00000016.xml.gz"))
		return 0;
	return spool_hold(&sp, PEER, 16, "why not", &err);
}

static void check_hold(bool last)
{
	bool held = there("held/hub/00000016.xml.gz");

	if (held) {
		expect_file("held/hub/00000016.xml.gz", BODY);
		expect_file("held/hub/00000016.xml.gz.why", "why not\n");
	} else {
		expect_file("inbox/hub/00000016.xml.gz", BODY);
	}
	if (last) {
		assert_true(held);
		assert_false(there("inbox/hub/00000016.xml.gz"));
	}
}

static int run_unhold(void)
{
	if (spool_held_sweep(&sp, PEER, &err) < 0)
		return -1;
	if (!there("held/hub/00000020.xml.gz"))
		return 0;
	return spool_unhold(&sp, PEER, 20, &err);
}

static void check_unhold(bool last)
{
	bool held = there("held/hub/00000020.xml.gz");

	if (held)
		assert_true(there("held/hub/00000020.xml.gz.why"));
	expect_file(
	    held ? "held/hub/00000020.xml.gz" : "inbox/hub/00000020.xml.gz",
	    BODY);
	if (last) {
		assert_false(held);
		assert_false(there("held/hub/00000020.xml.gz.why"));
	}
}

static const struct scenario {
	const char *name;
	int (*run)(void);
	void (*check)(bool last);
	int least; /* durable steps that it must have */
} scenarios[] = {
    {"publish", run_publish, check_publish, 6},
    {"receive", run_receive, check_receive, 10},
    {"receive three", run_group, check_group, 12},
    {"hold", run_hold, check_hold, 5},
    {"unhold", run_unhold, check_unhold, 4},
};
#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

/* The child of the kill tests: "--run NAME DIR". */
static int run_child(const char *name, const char *dir)
{
	snprintf(top, sizeof(top), "%s", dir);
	if (spool_open(&sp, top, &err) < 0)
		return 1;
	for (size_t i = 0; i < SCENARIOS; i++)
		if (strcmp(scenarios[i].name, name) == 0 &&
		    scenarios[i].run() == 0)
			return 0;
	fprintf(stderr, "%s: %s\n", name, err.text);
	return 1;
}

#ifdef STOP_POINTS
/* Run a scenario in a process of its own, which counts its steps anew; it is
 * stopped after so many, 0: never.  Returns its exit code. */
static int run_stopped(const char *name, int stop)
{
	char text[16];
	int status;
	pid_t pid;

	snprintf(text, sizeof(text), "%d", stop);
	pid = fork();
	if (pid == 0) {
		setenv("DIALSYNC_STOP_AFTER", text, 1);
		execl("/proc/self/exe", "t_spool", "--run", name, top,
		    (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* One kill, then a second kill one step later in the next run, then to the
 * end, then once more: nothing may change any more. */
static bool kill_at(const struct scenario *sc, int n, int second)
{
	int code;
	void *state = NULL;

	assert_int_equal(setup(&state), 0);
	put("inbox/hub/00000016.xml.gz", BODY);
	put("held/hub/00000020.xml.gz", BODY);
	put("held/hub/00000020.xml.gz.why", "why\n");
	code = run_stopped(sc->name, n);
	sc->check(code == 0);
	if (code == 100 && second) {
		run_stopped(sc->name, second);
		sc->check(false);
	}
	for (int again = 0; again < 2; again++) {
		assert_int_equal(run_stopped(sc->name, 0), 0);
		sc->check(true);
	}
	teardown(&state);
	assert_true(code == 0 || code == 100);
	return code == 100;
}
#endif

static void test_killed_at_every_step(void **state)
{
	(void)state;
#ifndef STOP_POINTS
	print_message("SKIPPED: not built with --enable-stop-points\n");
	skip();
#else
	for (size_t i = 0; i < SCENARIOS; i++) {
		int n = 1;

		while (kill_at(&scenarios[i], n, 1 + n % 4))
			n++;
		print_message("  %s: killed at each of %d steps\n",
		    scenarios[i].name, n - 1);
		assert_true(n - 1 >= scenarios[i].least);
	}
#endif
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_killed_at_every_step),
	};

	if (argc == 4 && strcmp(argv[1], "--run") == 0)
		return run_child(argv[2], argv[3]);
	alarm(300);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
