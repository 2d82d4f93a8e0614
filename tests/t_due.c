/* What stands before a call, and "call --due": with a real configuration,
 * spool and log of calls, and calls that are only written to the log. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <inttypes.h>
#include <time.h>

#include "config/config.h"
#include "modem/due.h"
#include "spool/call_log.h"
#include "t_spool_site.h"

#define NOW INT64_C(1795521600) /* Tuesday 2026-11-24T12:00:00Z */

static struct config *cfg;

static void set_now(int64_t now)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, now);
	setenv("DIALSYNC_NOW", text, 1);
}

static void configure(const char *peers)
{
	char text[2000];

	snprintf(text, sizeof(text), "[site]\nname = ann\ndatabase = d.db\n"
	    "[line modem]\ndevice = /dev/ttyS0\n"
	    "[line net]\ndevice = tcp:hub:1234\n%s", peers);
	put("dialsync.conf", text);
	config_free(cfg);
	cfg = NULL;
	if (config_read(at("dialsync.conf"), &cfg, NULL, &err) < 0)
		fail_msg("%s", err.text);
	set_now(NOW);
}

static int clear(void **state)
{
	config_free(cfg);
	cfg = NULL;
	return teardown(state);
}

/* A call in the log that ended a second ago or so. */
static void log_call(const char *peer, int code, int64_t start, int try)
{
	struct call_record r = {.start = start, .end = start + 23,
	    .seconds = code ? 0 : 23, .exit = code, .try = try,
	    .bytes_sent = code ? 0 : 60000};

	snprintf(r.peer, sizeof(r.peer), "%s", peer);
	strcpy(r.line, "modem");
	strcpy(r.direction, "out");
	strcpy(r.result, code ? "busy" : "done");
	assert_int_equal(call_log_append(&sp, &r, &err), 0);
}

static void test_prepare(void **state)
{
	struct due_call c;

	(void)state;
	configure("[peer hub]\nline = modem\nphone = 1\nphone = 2\n"
	    "line = net\nmax-call = 15m\nbudget = 10m/day\n");
	assert_int_equal(due_prepare(&sp, cfg, &cfg->peers[0],
	    SCHEDULE_BY_HAND, &c, &err), 0);
	assert_ptr_equal(c.peer, &cfg->peers[0]);
	assert_int_equal(c.n_routes, 3);
	assert_string_equal(c.route[1].phone, "2");
	assert_string_equal(c.route[2].line->name, "net");
	assert_int_equal(schedule_limit(c.peer, &c.facts, NOW), 600);
	assert_int_equal(c.try, 1);
	assert_string_equal(c.about, "");
	/* two failed; the good one before them says how fast the line is */
	log_call("hub", 0, NOW - 3600, 1);
	log_call("hub", 75, NOW - 600, 1);
	log_call("hub", 75, NOW - 300, 2);
	shell("mkdir -p %s/outbox/hub", top);
	shell("head -c 60000 /dev/zero >%s/outbox/hub/00000001.xml.gz", top);
	shell("head -c 60000 /dev/zero >%s/outbox/hub/00000002.xml.gz", top);
	assert_int_equal(due_prepare(&sp, cfg, &cfg->peers[0],
	    SCHEDULE_BY_HAND, &c, &err), 0);
	assert_int_equal(c.try, 3);
	assert_int_equal(schedule_limit(c.peer, &c.facts, NOW), 600 - 23);
	assert_in_range(c.estimate_s, 42, 44);
	assert_string_equal(c.about, "about 43 s for 2 bundles at 30.0k");
}

static void test_not_now(void **state)
{
	struct due_call c;

	(void)state;
	configure("[peer hub]\nline = modem\nhours = 22:00-05:00\n");
	assert_int_equal(due_prepare(&sp, cfg, &cfg->peers[0],
	    SCHEDULE_BY_HAND, &c, &err), -1);
	assert_int_equal(err.kind, ERR_AGAIN);
	assert_int_equal(err_exit_code(&err), 75);
	assert_string_equal(err.text, "hub: outside of its hours; next at "
	    "2026-11-24 22:00; add --urgent to call now");
	assert_int_equal(due_prepare(&sp, cfg, &cfg->peers[0],
	    SCHEDULE_URGENT, &c, &err), 0);
}

/* ---- call --due */

struct made {
	char peers[200];       /* in the order in which they were called */
	const char *codes;     /* "ann=75 bob=0 " */
	const char *stop_at;   /* or NULL */
};

static int make_call(void *arg, const struct due_call *c, struct err *e)
{
	struct made *m = arg;
	const char *code = strstr(m->codes, c->peer->name);
	int n = code ? atoi(code + strlen(c->peer->name) + 1) : 0;

	if (m->stop_at && strcmp(m->stop_at, c->peer->name) == 0)
		return -1;
	snprintf(m->peers + strlen(m->peers),
	    sizeof(m->peers) - strlen(m->peers), "%s ", c->peer->name);
	/* -78: it fails before there is anything to log */
	if (n < 0) {
		err_set(e, n == -75 ? ERR_BUSY : ERR_CONFIG, "no line");
		return err_exit_code(e);
	}
	log_call(c->peer->name, n, NOW, (int)c->try);
	return n;
}

#define PEER_DUE(name) "[peer " name "]\nevery = 12h\n"

static void test_call_all(void **state)
{
	static const struct {
		const char *name, *peers, *codes, *stop_at, *called;
		int code;
	} rows[] = {
		{"nothing to call", "[peer hub]\n", "", NULL, "", 0},
		{"all that are due, in their order",
		    PEER_DUE("zoe") "[peer hub]\n" PEER_DUE("bob"), "", NULL,
		    "zoe bob ", 0},
		{"not outside of hours", PEER_DUE("zoe")
		    "hours = 22:00-05:00\n" PEER_DUE("bob"), "", NULL,
		    "bob ", 0},
		{"one fails", PEER_DUE("zoe") PEER_DUE("bob"), "zoe=75",
		    NULL, "zoe bob ", 75},
		{"the worst of three", PEER_DUE("zoe") PEER_DUE("bob")
		    PEER_DUE("cid"), "zoe=75 bob=77 cid=69", NULL,
		    "zoe bob cid ", 77},
		{"what the order does not name is worse", PEER_DUE("zoe")
		    PEER_DUE("bob"), "zoe=70 bob=78", NULL, "zoe bob ", 70},
		{"a failure before the call counts as one", PEER_DUE("zoe")
		    PEER_DUE("bob"), "zoe=-78", NULL, "zoe bob ", 78},
		{"a signal ends it", PEER_DUE("zoe") PEER_DUE("bob"),
		    "zoe=75", "bob", "zoe ", 75},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct made m = {"", rows[i].codes, rows[i].stop_at};
		int code;

		shell("rm -f %s/log/calls.log", top);
		configure(rows[i].peers);
		code = due_call_all(&sp, cfg, make_call, &m, &err);
		if (code != rows[i].code ||
		    strcmp(m.peers, rows[i].called) != 0)
			fail_msg("%s: %d, called %s", rows[i].name, code,
			    m.peers);
		/* whom it has called is not due a second time */
		if (rows[i].stop_at)
			continue;
		m.peers[0] = '\0';
		assert_int_equal(due_call_all(&sp, cfg, make_call, &m, &err),
		    0);
		assert_string_equal(m.peers, "");
	}
}

/* Another call with the peer is under way: that is no failure and no try. */
static void test_under_way(void **state)
{
	struct made m = {"", "zoe=-75", NULL};
	struct due_call c;

	(void)state;
	configure(PEER_DUE("zoe"));
	assert_int_equal(due_call_all(&sp, cfg, make_call, &m, &err), 0);
	assert_string_equal(m.peers, "zoe ");
	assert_int_equal(due_prepare(&sp, cfg, &cfg->peers[0],
	    SCHEDULE_BY_CLOCK, &c, &err), 0);
	assert_int_equal(c.try, 1);
}

static void test_next_try(void **state)
{
	char text[DUE_NEXT_TEXT];

	(void)state;
	configure("[peer hub]\nevery = 12h\n[peer zoe]\n");
	log_call("hub", 75, NOW - 60, 1);
	assert_string_equal(due_next_try(&sp, cfg, &cfg->peers[0], text),
	    "next try at 2026-11-24 12:04");
	assert_string_equal(due_next_try(&sp, cfg, &cfg->peers[1], text), "");
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, setup, clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_prepare),
		EACH(test_not_now),
		EACH(test_call_all),
		EACH(test_under_way),
		EACH(test_next_try),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
