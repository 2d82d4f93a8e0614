/* Moved or copied; ahead or behind; let in or not: the tables of doc/STORE.md,
 * row for row.  t_identity --print writes them. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "apply/far.h"
#include "apply/twins.h"
#include "base/clock.h"
#include "base/fs.h"
#include "capture/ahead.h"
#include "capture/identity.h"

#define DAY INT64_C(86400)
#define NOW (CLOCK_SANE + 1000 * DAY)

static const char *const changes[] = {"first", "same", "moved", "copied"};
static const char *const aheads[] = {"no", "was ahead", "is behind"};
static const char *const fars[] = {"goes on", "waits: one is ahead",
    "waits: ours is not set"};

static struct buf doc = BUF_INIT(1 << 20);
static bool print;

/* The row as a line of the table; is it in the document?  1 if not. */
static int undocumented(const char *line)
{
	if (print) {
		fputs(line, stdout);
		return 0;
	}
	if (strstr(buf_str(&doc), line))
		return 0;
	print_error("not in doc/STORE.md: %s", line);
	return 1;
}

/* ---- identity: is it the same computer, directory, file? */

struct place_row {
	const char *name;
	const char *old, *now;   /* machines; NULL: nothing was known */
	bool dir, file;          /* the same */
	enum identity_change change;
};

static const struct place_row places[] = {
	{"a new site", NULL, "m", false, false, IDENTITY_FIRST},
	{"nothing happened", "m", "m", true, true, IDENTITY_SAME},
	{"a backup put back at its place, a file written anew", "m", "m", true,
	    false, IDENTITY_SAME},
	{"a directory renamed, a disk mounted elsewhere", "m", "m", false,
	    true, IDENTITY_MOVED},
	{"`cp -r`; moved to another disk; a backup put back elsewhere", "m",
	    "m", false, false, IDENTITY_COPIED},
	{"another computer, the same path", "m", "n", true, false,
	    IDENTITY_COPIED},
	{"another computer, a disk image or a disk carried there", "m", "n",
	    true, true, IDENTITY_COPIED},
	{"another computer, another path", "m", "n", false, false,
	    IDENTITY_COPIED},
	{"another computer, a disk mounted elsewhere", "m", "n", false, true,
	    IDENTITY_COPIED},
	{"a container started again, its volume at the same path", "", "",
	    true, false, IDENTITY_SAME},
	{"a container started, its volume at another path", "", "", false,
	    true, IDENTITY_MOVED},
	{"a container with a copy at another path", "", "", false, false,
	    IDENTITY_COPIED},
	{"out of a container, the same file", "", "m", false, true,
	    IDENTITY_MOVED},
	{"into a container, the same path", "m", "", true, false,
	    IDENTITY_SAME},
	{"two computers, one file system on a network, one path", "network",
	    "network", true, true, IDENTITY_SAME},
	{"two computers, one file system on a network, two paths", "network",
	    "network", false, true, IDENTITY_MOVED},
	{"a copy on a file system on a network", "network", "network", false,
	    false, IDENTITY_COPIED},
	{"from a disk to a file system on a network", "m", "network", false,
	    false, IDENTITY_COPIED},
};

static const char *machine_word(const struct place_row *r)
{
	if (!r->old)
		return "-";
	if (!*r->old || !*r->now)
		return "not known";
	return strcmp(r->old, r->now) != 0 ? "another" :
	    strcmp(r->now, "network") == 0 ? "network" : "same";
}

static void test_places(void **state)
{
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const struct place_row *r = &places[i];
		struct host_identity old, now;
		enum identity_change got;
		char *line;

		memset(&old, 0, sizeof(old));
		memset(&now, 0, sizeof(now));
		snprintf(now.machine, sizeof(now.machine), "%s", r->now);
		strcpy(now.dir, "/site");
		now.device = 1;
		now.inode = 2;
		if (r->old) {
			snprintf(old.machine, sizeof(old.machine), "%s",
			    r->old);
			strcpy(old.dir, r->dir ? "/site" : "/other");
			old.device = 1;
			old.inode = r->file ? 2 : 3;
		}
		got = identity_decide(&old, &now);
		if (got != r->change)
			print_error("%s: %s\n", r->name, changes[got]);
		bad += got != r->change;
		line = fs_format("| %s | %s | %s | %s | %s |\n", r->name,
		    machine_word(r), !r->old ? "-" : r->dir ? "same" :
		    "another", !r->old ? "-" : r->file ? "same" : "another",
		    changes[r->change]);
		bad += undocumented(line);
		free(line);
	}
	assert_int_equal(bad, 0);
}

/* Another device is another file, whatever its number there. */
static void test_device(void **state)
{
	struct host_identity a, b;

	(void)state;
	memset(&a, 0, sizeof(a));
	strcpy(a.dir, "/a");
	a.device = 1;
	a.inode = 5;
	b = a;
	strcpy(b.dir, "/b");
	assert_int_equal(identity_decide(&a, &b), IDENTITY_MOVED);
	b.device = 2;
	assert_int_equal(identity_decide(&a, &b), IDENTITY_COPIED);
}

static void test_text(void **state)
{
	static const char *const wrong[] = {"", "1", "2 m 1 2 /d", "1 m 1 2 ",
	    "1 m 1 2 d", "1 m x 2 /d", "1 mmmmmmmmmmmmmmmmmmmmmmmmm 1 2 /d"};
	struct host_identity h, back;
	char text[PATH_MAX + 100];

	(void)state;
	memset(&h, 0, sizeof(h));
	strcpy(h.dir, "/a b/c\nd");
	h.device = 77;
	h.inode = INT64_MAX;
	for (int i = 0; i < 2; i++) {
		identity_write(&h, text, sizeof(text));
		assert_true(identity_read(text, &back));
		assert_memory_equal(&h, &back, sizeof(h));
		strcpy(h.machine, "0123456789abcdef");
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_false(identity_read(wrong[i], &back));
		assert_int_equal(back.dir[0], 0);
	}
}

/* ---- our own clock */

struct ahead_row {
	const char *name;
	struct ahead_in in;
	const char *own, *shared, *agreed, *now; /* in words */
	enum ahead ahead;
};

static const struct ahead_row ahead_rows[] = {
	{"all is right", {NOW, NOW, NOW, NOW}, "now", "now", "yes",
	    "set", AHEAD_NO},
	{"ahead by less than a day", {NOW, NOW + DAY, NOW, NOW}, "+ 1 day",
	    "now", "yes", "set", AHEAD_NO},
	{"was ahead, told nobody who believed it", {NOW, NOW + 999 * DAY, NOW,
	    0}, "+ years", "now", "no", "set", AHEAD_WAS},
	{"was ahead together with others, and one agrees now", {NOW,
	    NOW + 999 * DAY, NOW + 999 * DAY, NOW}, "+ years", "+ years",
	    "yes", "set", AHEAD_WAS},
	{"others have such clocks, nobody agrees with ours", {NOW,
	    NOW + 999 * DAY, NOW + 999 * DAY, 0}, "+ years", "+ years", "no",
	    "set", AHEAD_BEHIND},
	{"... one agreed too long ago", {NOW, NOW + 999 * DAY, NOW + 999 * DAY,
	    NOW - 31 * DAY}, "+ years", "+ years", "- 31 days", "set",
	    AHEAD_BEHIND},
	{"... one agreed with the clock that was", {NOW, NOW + 999 * DAY,
	    NOW + 999 * DAY, NOW + 998 * DAY}, "+ years", "+ years",
	    "+ years", "set", AHEAD_BEHIND},
	{"a dead battery: 1970", {1000, NOW, 0, 0}, "+ years", "now", "no",
	    "1970", AHEAD_BEHIND},
	{"at 1970 always", {1000, 2000, 2000, 0}, "now", "now", "no", "1970",
	    AHEAD_NO},
};

static void test_ahead(void **state)
{
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(ahead_rows) / sizeof(ahead_rows[0]);
	     i++) {
		const struct ahead_row *r = &ahead_rows[i];
		enum ahead got = ahead_decide(&r->in);
		char *line = fs_format("| %s | %s | %s | %s | %s | %s |\n",
		    r->name, r->now, r->own, r->shared, r->agreed,
		    aheads[r->ahead]);

		if (got != r->ahead)
			print_error("%s: %s\n", r->name, aheads[got]);
		bad += got != r->ahead;
		bad += undocumented(line);
		free(line);
	}
	assert_int_equal(bad, 0);
}

/* ---- a bundle's clocks */

static const struct far_row {
	const char *name;
	int64_t wall, own, now;
	enum far far;
} far_rows[] = {
	{"both clocks agree", NOW, NOW, NOW, FAR_NO},
	{"packed a day ahead", NOW + DAY, NOW, NOW, FAR_NO},
	{"packed a second more ahead", NOW + DAY + 1, NOW, NOW, FAR_AHEAD},
	{"packed years ahead", NOW + 999 * DAY, NOW, NOW, FAR_AHEAD},
	{"packed now, its last change is stamped years ahead", NOW,
	    NOW + 999 * DAY, NOW, FAR_AHEAD},
	{"packed years ago", NOW - 999 * DAY, NOW - 999 * DAY, NOW, FAR_NO},
	{"packed at 1970, by one who was right before", 1000, NOW, NOW,
	    FAR_NO},
	{"packed now, and it is 1970 here", NOW, NOW, 1000, FAR_UNSET},
	{"packed at 1970, and it is 1970 here", 1000, 1000, 2000, FAR_NO},
	{"the same, by one who was right before", 1000, NOW, 2000, FAR_NO},
};

static void test_far(void **state)
{
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(far_rows) / sizeof(far_rows[0]); i++) {
		const struct far_row *r = &far_rows[i];
		enum far got = far_decide(r->wall, r->own, r->now);
		char *line = fs_format("| %s | %s |\n", r->name,
		    fars[r->far]);

		if (got != r->far)
			print_error("%s: %s\n", r->name, fars[got]);
		bad += got != r->far;
		bad += undocumented(line);
		free(line);
	}
	assert_int_equal(bad, 0);
}

/* ---- two sites of one name drive each other on, but ever more rarely */

static void test_renewals(void **state)
{
	int64_t now = NOW, last = 0, tries = 0;

	(void)state;
	for (int hour = 0; hour < 24 * 365; hour++, now += 3600)
		if (twins_may_renew(tries, last, now)) {
			tries++;
			last = now;
		}
	assert_in_range(tries, 50, 60);
	/* a clock that went back does not stop it for years */
	assert_true(twins_may_renew(3, NOW + 999 * DAY, NOW));
	/* nor does what is long over make it wait */
	assert_int_equal(twins_tries(4, NOW - 29 * DAY, NOW), 4);
	assert_int_equal(twins_tries(4, NOW - 30 * DAY, NOW), 0);
	assert_int_equal(twins_tries(4, NOW + 999 * DAY, NOW), 4);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_device),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_ahead),
		cmocka_unit_test(test_far),
		cmocka_unit_test(test_renewals),
	};
	const char *top = getenv("abs_top_srcdir");
	char *path = fs_format("%s/doc/STORE.md", top ? top : ".");
	struct err e = ERR_INIT;
	int rc;

	print = argc > 1 && strcmp(argv[1], "--print") == 0;
	if (fs_read(path, &doc, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&doc);
	free(path);
	return rc;
}
