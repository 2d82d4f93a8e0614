/* What is shown of a site, from what was read: states, owners that died, the
 * fifteen seconds of "You can hang up now.", several lines, and both forms. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "status/status_json.h"
#include "status/status_model.h"
#include "status/status_text.h"

#define NOW 1795339800           /* 2026-11-22T09:30:00Z */
#define AT_0 "2026-11-22T09:30:00Z"
#define AT_14 "2026-11-22T09:29:46Z"
#define AT_15 "2026-11-22T09:29:45Z"
#define LATER "2026-11-22T10:30:00Z"

/* ---- status files as texts */

struct file {
	char text[8192];
	struct status_pair pair[64];
	struct status_map map;
};

/* "key: value\n" lines as status_read() gives them. */
static const struct status_map *parse(const char *text, struct file *f)
{
	char *line, *save = NULL;

	snprintf(f->text, sizeof(f->text), "%s", text);
	f->map.pair = f->pair;
	f->map.n = 0;
	for (line = strtok_r(f->text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *colon = strstr(line, ": ");

		assert_non_null(colon);
		*colon = '\0';
		f->pair[f->map.n++] = (struct status_pair){line, colon + 2};
	}
	return &f->map;
}

/* A configured line; text NULL: no file. */
static struct status_seen_file seen_line(const char *name, bool alive,
    const char *text, struct file *f)
{
	struct status_seen_file l = {name, true, text != NULL, alive, NULL};

	if (text)
		l.map = parse(text, f);
	return l;
}

/* ---- one line */

#define MID "pid: 4711\nline: modem\npeer: hub\ndirection: out\n"
#define ENDED "ended: " AT_0 "\n"

static const struct {
	const char *name;
	bool alive;
	const char *file;      /* NULL: there is none */
	const char *state;     /* NULL: unknown */
	const char *message;
	const char *since;     /* "" not known */
	const char *peer;
	int64_t pid;
} one_line[] = {
	{"a line that was never used is unknown", false, NULL,
	    NULL, "", "", NULL, STATUS_NONE},
	{"a listening dialer is listening", true,
	    "pid: 4711\nstate: listening\nsince: " AT_15 "\npeer: hub\n",
	    "listening", "Waiting for calls", AT_15, NULL, 4711},
	{"a dialing one says whom it calls", true,
	    MID "state: dialing\nsince: " AT_0 "\n",
	    "dialing", "Calling hub", AT_0, "hub", 4711},
	{"what the dialer says itself is shown", true,
	    MID "state: dialing\nmessage: Dialing 555-1234\n",
	    "dialing", "Dialing 555-1234", "", "hub", 4711},
	{"logging in", true, MID "state: logging-in\n",
	    "logging-in", "Logging in to hub", "", "hub", 4711},
	{"a caller that has not said its name", true,
	    "pid: 1\nstate: connected\ndirection: in\n",
	    "connected", "Connected with a caller", "", NULL, 1},
	{"exchanging both ways", true, MID "state: exchanging\n"
	    "receiving.bytes_done: 1\nreceiving.bytes_total: 2\n"
	    "sending.bytes_done: 1\nsending.bytes_total: 2\n",
	    "exchanging", "Exchanging with hub", "", "hub", 4711},
	{"only receiving is left", true, MID "state: exchanging\n"
	    "receiving.bytes_done: 1\nreceiving.bytes_total: 2\n"
	    "sending.bytes_done: 2\nsending.bytes_total: 2\n",
	    "exchanging", "Receiving from hub", "", "hub", 4711},
	{"only sending is left", true, MID "state: exchanging\n"
	    "sending.bytes_done: 1\nsending.bytes_total: 2\n",
	    "exchanging", "Sending to hub", "", "hub", 4711},
	{"nothing is left", true, MID "state: exchanging\n"
	    "sending.bytes_done: 2\nsending.bytes_total: 2\n",
	    "exchanging", "Exchanging with hub", "", "hub", 4711},
	{"hanging up", true, MID "state: hanging-up\n",
	    "hanging-up", "Hanging up", "", "hub", 4711},
	{"a try that waits says until when", true,
	    MID "state: waiting\nmessage: busy; next try 21:40\n",
	    "waiting", "busy; next try 21:40", "", "hub", 4711},

	{"safe is said at once", true,
	    MID "state: safe-to-hang-up\nsince: " AT_0 "\nmessage: no\n",
	    "safe-to-hang-up", "You can hang up now.", AT_0, "hub", 4711},
	{"safe is said for 14 seconds", true,
	    MID "state: safe-to-hang-up\nsince: " AT_14 "\n",
	    "safe-to-hang-up", "You can hang up now.", AT_14, "hub", 4711},
	{"and no longer than 15", true,
	    MID "state: safe-to-hang-up\nsince: " AT_15 "\n",
	    "idle", "No call", AT_0, NULL, 4711},
	{"a dialer that ended after safe: still said", false,
	    MID "state: safe-to-hang-up\nsince: " AT_14 "\n" ENDED,
	    "safe-to-hang-up", "You can hang up now.", AT_14, "hub",
	    STATUS_NONE},
	{"killed after safe is success too", false,
	    MID "state: safe-to-hang-up\nsince: " AT_14 "\n",
	    "safe-to-hang-up", "You can hang up now.", AT_14, "hub",
	    STATUS_NONE},
	{"killed after safe: idle when the time is over", false,
	    MID "state: safe-to-hang-up\nsince: " AT_15 "\n",
	    "idle", "No call", AT_0, NULL, STATUS_NONE},
	{"safe in the future (a clock set back) is over", false,
	    MID "state: safe-to-hang-up\nsince: " LATER "\n" ENDED,
	    "idle", "No call", LATER, NULL, STATUS_NONE},
	{"safe without a time is over", true,
	    MID "state: safe-to-hang-up\n",
	    "idle", "No call", "", NULL, 4711},
	{"safe at a time that is none is over", true,
	    MID "state: safe-to-hang-up\nsince: yesterday\n",
	    "idle", "No call", "", NULL, 4711},

	{"an owner that died while exchanging", false,
	    MID "state: exchanging\nmessage: Receiving\nsince: " AT_15 "\n",
	    "failed", "dialer ended unexpectedly", AT_15, "hub",
	    STATUS_NONE},
	{"an owner that died while dialing", false,
	    MID "state: dialing\n",
	    "failed", "dialer ended unexpectedly", "", "hub", STATUS_NONE},
	{"an owner that died while listening", false,
	    "pid: 9\nstate: listening\n",
	    "failed", "dialer ended unexpectedly", "", NULL, STATUS_NONE},
	{"an owner that died before it said a state", false,
	    "pid: 9\nsince: " AT_15 "\n",
	    "failed", "dialer ended unexpectedly", AT_15, NULL,
	    STATUS_NONE},
	{"died while hanging up, result not known", false,
	    MID "state: hanging-up\n",
	    "failed", "dialer ended unexpectedly", "", "hub", STATUS_NONE},
	{"died while hanging up after a good call", false,
	    MID "state: hanging-up\nresult: done\n",
	    "idle", "No call", "", NULL, STATUS_NONE},
	{"died while hanging up after a bad call", false,
	    MID "state: hanging-up\nresult: dropped\nmessage: no carrier\n",
	    "failed", "no carrier", "", "hub", STATUS_NONE},
	{"an idle file without an owner is idle", false,
	    MID "state: idle\n", "idle", "No call", "", NULL, STATUS_NONE},
	{"a failed one keeps its reason", false,
	    MID "state: failed\nmessage: busy\n",
	    "failed", "busy", "", "hub", STATUS_NONE},
	{"a failed one without a reason", false,
	    MID "state: failed\n" ENDED,
	    "failed", "The last call failed", "", "hub", STATUS_NONE},
	{"a listener that was told to end", false,
	    "pid: 9\nstate: listening\n" ENDED,
	    "idle", "No call", "", NULL, STATUS_NONE},
	{"ended in good order in whatever state", false,
	    MID "state: exchanging\n" ENDED,
	    "idle", "No call", "", NULL, STATUS_NONE},
	{"waiting for the next try without a process", false,
	    MID "state: waiting\n" ENDED,
	    "waiting", "Waiting for the next try", "", "hub", STATUS_NONE},
	{"waiting, and killed", false, MID "state: waiting\n",
	    "failed", "dialer ended unexpectedly", "", "hub", STATUS_NONE},

	{"an empty file is unknown", false, "", NULL, "", "", NULL,
	    STATUS_NONE},
	{"a foreign file is unknown", false, "a: b\nstate: sleeping\n",
	    NULL, "", "", NULL, STATUS_NONE},
	{"a living owner's new word is unknown", true,
	    "pid: 8\nstate: sleeping\n", NULL, "", "", NULL, 8},
	{"a living owner without a state is unknown", true, "pid: 8\n",
	    NULL, "", "", NULL, 8},
	{"bad values are not known", true,
	    "pid: -3\npeer: ../x\ndirection: up\nstate: connected\n"
	    "since: 99\n",
	    "connected", "Connected with a caller", "", NULL, STATUS_NONE},
};

/* Compare words, either of which may be NULL. */
static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* A time as a file has it, "" when it is not known. */
static const char *time_text(int64_t wall, char out[CLOCK_TEXT])
{
	out[0] = '\0';
	if (wall != STATUS_NONE)
		clock_format(wall, out);
	return out;
}

static void test_one_line(void **state)
{
	static struct file f;
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(one_line) / sizeof(*one_line); i++) {
		struct status_seen_file l = seen_line("modem",
		    one_line[i].alive, one_line[i].file, &f);
		struct status_seen s = {.site = "ann", .now = NOW,
		    .lines = &l, .n_lines = 1};
		struct status_model m;
		char since[CLOCK_TEXT];
		const char *word;

		assert_int_equal(status_model_make(&s, &m, NULL), 0);
		assert_int_equal(m.n_lines, 1);
		word = status_state_word(m.lines[0].state);
		time_text(m.lines[0].since, since);
		if (!same(word, one_line[i].state) ||
		    strcmp(m.lines[0].message, one_line[i].message) != 0 ||
		    strcmp(since, one_line[i].since) != 0 ||
		    !same(m.lines[0].peer, one_line[i].peer) ||
		    m.lines[0].pid != one_line[i].pid) {
			print_error("%s: %s, \"%s\", %s, %s, %lld\n",
			    one_line[i].name, word ? word : "unknown",
			    m.lines[0].message, since,
			    m.lines[0].peer ? m.lines[0].peer : "-",
			    (long long)m.lines[0].pid);
			bad++;
		}
		status_model_free(&m);
	}
	assert_int_equal(bad, 0);
}

/* ---- several lines */

#define LINES_MAX 4

static const struct {
	const char *name;
	struct {
		bool alive;
		const char *file;
	} line[LINES_MAX];     /* the first `n`, named a, b, c, d */
	size_t n;
	const char *state, *message;
	const char *top;       /* name of the line that decided; NULL: none */
	bool safe, idle;
} several[] = {
	{"no line at all", {{false, NULL}}, 0,
	    "idle", "No call", NULL, false, true},
	{"no line was ever used", {{false, NULL}, {false, NULL}}, 2,
	    "idle", "No call", NULL, false, true},
	{"an unused line decides nothing",
	    {{false, NULL}, {false, "pid: 1\nstate: idle\n"}}, 2,
	    "idle", "No call", "b", false, true},
	{"a foreign file decides nothing",
	    {{false, "x: y\n"}, {false, "pid: 1\nstate: idle\n"}}, 2,
	    "idle", "No call", "b", false, true},
	{"a call is more than a listener",
	    {{true, "pid: 1\nstate: listening\n"},
	     {true, "pid: 2\nstate: exchanging\npeer: hub\n"}}, 2,
	    "exchanging", "Exchanging with hub", "b", false, false},
	{"not safe while another line exchanges",
	    {{false, "pid: 1\nstate: safe-to-hang-up\nsince: " AT_0 "\n"},
	     {true, "pid: 2\nstate: exchanging\npeer: hub\n"}}, 2,
	    "exchanging", "Exchanging with hub", "b", false, false},
	{"safe is more than listening and failed",
	    {{true, "pid: 1\nstate: listening\n"},
	     {false, "pid: 1\nstate: safe-to-hang-up\nsince: " AT_0 "\n"},
	     {false, "pid: 1\nstate: failed\nsince: " AT_0 "\n"}}, 3,
	    "safe-to-hang-up", "You can hang up now.", "b", true, false},
	{"a listener is more than a failure",
	    {{false, "pid: 1\nstate: failed\nsince: " AT_0 "\n"},
	     {true, "pid: 1\nstate: listening\n"}}, 2,
	    "listening", "Waiting for calls", "b", false, true},
	{"of idle and failed the later: success on the second line",
	    {{false, "pid: 1\nstate: failed\nsince: " AT_15 "\n"},
	     {false, "pid: 1\nstate: idle\nsince: " AT_14 "\n"}}, 2,
	    "idle", "No call", "b", false, true},
	{"of idle and failed the later: a failure after it",
	    {{false, "pid: 1\nstate: failed\nsince: " AT_0 "\n"
	      "message: busy\n"},
	     {false, "pid: 1\nstate: idle\nsince: " AT_14 "\n"}}, 2,
	    "failed", "busy", "a", false, true},
	{"a dead dialer is no call",
	    {{false, "pid: 1\nstate: exchanging\nsince: " AT_0 "\n"}}, 1,
	    "failed", "dialer ended unexpectedly", "a", false, true},
	{"a living owner that says nothing may be calling",
	    {{true, "a: b\n"}, {false, "pid: 1\nstate: idle\n"}}, 2,
	    NULL, NULL, "a", false, false},
	{"hanging up is still a call",
	    {{true, "pid: 1\nstate: hanging-up\n"}}, 1,
	    "hanging-up", "Hanging up", "a", false, false},
	{"of four the most active",
	    {{true, "pid: 1\nstate: dialing\npeer: x\n"},
	     {true, "pid: 1\nstate: connected\npeer: y\n"},
	     {true, "pid: 1\nstate: logging-in\npeer: z\n"},
	     {true, "pid: 1\nstate: waiting\n"}}, 4,
	    "connected", "Connected with y", "b", false, false},
};

static void test_several(void **state)
{
	static const char *const names[LINES_MAX] = {"a", "b", "c", "d"};
	static struct file f[LINES_MAX];
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(several) / sizeof(*several); i++) {
		struct status_seen_file l[LINES_MAX];
		struct status_seen s = {.site = "ann", .now = NOW,
		    .lines = l, .n_lines = several[i].n};
		struct status_model m;

		for (size_t k = 0; k < several[i].n; k++)
			l[k] = seen_line(names[k],
			    several[i].line[k].alive,
			    several[i].line[k].file, &f[k]);
		assert_int_equal(status_model_make(&s, &m, NULL), 0);
		if (!same(status_state_word(m.state), several[i].state) ||
		    !same(status_model_message(&m), several[i].message) ||
		    !same(m.top ? m.top->name : NULL, several[i].top) ||
		    m.safe_to_hang_up != several[i].safe ||
		    status_model_idle(&m) != several[i].idle) {
			print_error("%s: %s, top %s, safe %d, idle %d\n",
			    several[i].name, status_state_word(m.state) ?
			    status_state_word(m.state) : "unknown",
			    m.top ? m.top->name : "-", m.safe_to_hang_up,
			    status_model_idle(&m));
			bad++;
		}
		status_model_free(&m);
	}
	assert_int_equal(bad, 0);
}

/* A line that is in no configuration is shown while it is in use. */
static void test_not_configured(void **state)
{
	static const struct {
		const char *name;
		bool alive;
		const char *file;
		size_t lines;
	} rows[] = {
		{"in use", true, "pid: 1\nstate: connected\n", 1},
		{"safe a moment ago", false,
		    "pid: 1\nstate: safe-to-hang-up\nsince: " AT_14 "\n", 1},
		{"over", false,
		    "pid: 1\nstate: safe-to-hang-up\nsince: " AT_15 "\n", 0},
		{"dead", false, "pid: 1\nstate: connected\n", 0},
	};
	static struct file f;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct status_seen_file l = seen_line("stdio", rows[i].alive,
		    rows[i].file, &f);
		struct status_seen s = {.site = "ann", .now = NOW,
		    .lines = &l, .n_lines = 1};
		struct status_model m;

		l.configured = false;
		assert_int_equal(status_model_make(&s, &m, NULL), 0);
		if (m.n_lines != rows[i].lines)
			fail_msg("%s: %zu lines", rows[i].name, m.n_lines);
		status_model_free(&m);
	}
}

/* ---- whole documents, kept in tests/data */

#define EXCHANGING MID "state: exchanging\nsince: " AT_15 "\n" \
	"connect: CONNECT 33600/V42\nbps: 31800\nseconds_left: 41\n" \
	"receiving.bundles_done: 2\nreceiving.bundles_total: 5\n" \
	"receiving.bytes_done: 81920\nreceiving.bytes_total: 201733\n" \
	"sending.bundles_done: 1\nsending.bundles_total: 1\n" \
	"sending.bytes_done: 5120\nsending.bytes_total: 5120\n"
#define APPLYING "pid: 77\nprocessing.peer: hub\nprocessing.table: contacts\n" \
	"processing.bundles_done: 1\nprocessing.bundles_total: 2\n" \
	"processing.bytes_done: 9000\nprocessing.bytes_total: 20000\n" \
	"processing.changes_done: 812\n"
/* what a file may hold that is not ours: controls, C1 controls, no UTF-8,
 * numbers that are too large or none */
#define HOSTILE "pid: 99999999999999999999\npeer: hub\x1b[2J\n" \
	"direction: out\nstate: failed\nsince: " AT_0 "\n" \
	"connect: \x1b]0;gotcha\x07 \xc3\x28 \xc2\x9b" "2J\n" \
	"message: \x1b[31mred \"quoted\" back\\slash\ttab\n" \
	"bps: 1e9\nreceiving.bytes_done: -1\nsending.bytes_total: 0x10\n"

struct document {
	const char *data;      /* tests/data/status-<data>.json and .txt */
	bool alive;
	const char *line, *applier;
	struct status_seen_peer peer[2];
	size_t n_peers;
	int64_t held_rows, conflicts;
	const char *note;
	int64_t parked;
	bool untracked;
	size_t n_troubles;     /* of troubles[] */
};

static const char *const troubles[] = {
	"table p: its changes are not logged; run \"dialsync track p\"",
	"table \x1b[2Jq: its changes are not logged",
};

static char one_note[] = "two sites call themselves office: mend it";
static char hostile_note[] = "two sites \x1b[2J";

static const struct document documents[] = {
	{"exchanging", true, EXCHANGING, APPLYING,
	    {{"hub", true, {0, 0, 1, 9000, 0}, true,
	      {.start = NOW - 86400, .result = "done", .exit = 0}, 12,
	      STATUS_NONE, NULL,
	      true, {false, SCHEDULE_EVERY, NOW + 43200, 0}, 0, 4, 28800},
	     {"office", true, {3, 70000, 0, 0, 2}, true,
	      {.start = NOW - 600, .result = "no-carrier", .exit = 75},
	      STATUS_COUNT_MAX, 118, one_note,
	      true, {true, SCHEDULE_DUE, NOW, 900}, 2, 40, 28800}}, 2, 1, 4, NULL, 3, false, 1},
	{"unknown", false, NULL, NULL,
	    {{"hub", false, {9, 9, 9, 9, 9}, false, {.exit = 9},
	      STATUS_NONE, STATUS_NONE, NULL,
	      false, {true, SCHEDULE_DUE, NOW, 0}, 9, 9, 9}}, 1, STATUS_NONE, STATUS_NONE,
	    "contacts.db: the database is locked by another program",
	    STATUS_NONE, false, 0},
	{"hostile", false, HOSTILE, HOSTILE,
	    {{"hub", true, {UINT64_MAX, UINT64_MAX, 0, 0, 0}, true,
	      {.start = NOW, .result = "\x1b[2Jdone", .exit = 0}, 0, -5,
	      hostile_note,
	      true, {false, SCHEDULE_NEVER, SCHEDULE_NONE, 0}, INT64_MAX,
	      -1, 0}},
	    1, 0, 0, NULL, 1, true, 2},
	/* and an applier that was killed is at nothing any more */
	{"safe", false, EXCHANGING "state: exchanging\n", APPLYING,
	    {{NULL, false, {0}, false, {0}, 0, 0, NULL,
	      false, {false, SCHEDULE_DUE, 0, 0}, 0, 0, 0}}, 0, STATUS_NONE,
	    STATUS_NONE, NULL, 0, false, 0},
};

/* Compare with the kept text.  UPDATE=1 in the environment keeps this one, for
 * a person to read before it is committed. */
static int compare(const char *data, const char *ext, const struct buf *got)
{
	const char *top = getenv("abs_top_srcdir");
	char *path = fs_format("%s/tests/data/status-%s.%s",
	    top ? top : ".", data, ext);
	struct buf kept = BUF_INIT(1 << 20);
	bool is_same;

	if (getenv("UPDATE"))
		assert_int_equal(fs_replace_fast(path, got->p, got->n, 0644,
		    NULL), 0);
	if (fs_read(path, &kept, NULL) < 0)
		print_error("%s cannot be read\n", path);
	free(path);
	is_same = !got->failed && strcmp(buf_str(&kept), buf_str(got)) == 0;
	if (!is_same)
		print_error("status-%s.%s should be:\n%s", data, ext,
		    buf_str(got));
	buf_free(&kept);
	return !is_same;
}

static void test_documents(void **state)
{
	static struct file line, applier;
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
		const struct document *d = &documents[i];
		struct status_seen_file l = seen_line("modem", d->alive,
		    d->line, &line);
		struct status_seen s = {.site = "ann", .now = NOW,
		    .lines = &l, .n_lines = 1,
		    .applier = seen_line(NULL, d->alive, d->applier,
			&applier),
		    .peers = d->peer, .n_peers = d->n_peers,
		    .held_rows = d->held_rows, .conflicts = d->conflicts,
		    .parked = d->parked, .untracked = d->untracked,
		    .troubles = troubles, .n_troubles = d->n_troubles};
		struct buf out = BUF_INIT(1 << 20);
		struct status_model m;

		if (strcmp(d->data, "safe") == 0)
			l.map = parse(MID "state: safe-to-hang-up\nsince: "
			    AT_14 "\nbps: 31800\nseconds_left: 9\n" ENDED,
			    &line);
		assert_int_equal(status_model_make(&s, &m, NULL), 0);
		status_json(&m, &out);
		bad += compare(d->data, "json", &out);
		buf_reset(&out);
		status_text(&m, d->note, &out);
		bad += compare(d->data, "txt", &out);
		for (size_t k = 0; k < out.n; k++)
			if ((unsigned char)out.p[k] < 32 && out.p[k] != '\n')
				fail_msg("%s: a control character", d->data);
		buf_free(&out);
		status_model_free(&m);
	}
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_line),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_not_configured),
		cmocka_unit_test(test_documents),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
