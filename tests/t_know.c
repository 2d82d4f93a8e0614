/* What follows from knowledge, case by case.  The tables are those of
 * doc/KNOWLEDGE.md: "t_know --print" writes them as that file has them, and the
 * test fails when the file says something else. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "store/know.h"

#define NONE INT64_MAX

/* The expectations are written by hand: "yes", "no", clocks, "-". */
static const struct {
	const char *name;
	struct know_frag in;
	const char *lacks;
} lacks[] = {
	{"later than what it knows", {false, 12, 11, false, false}, "yes"},
	{"the last one that it knows", {false, 11, 11, false, false}, "no"},
	{"it knows nothing of the origin", {false, 0, -1, false, false},
	    "yes"},
	{"a row that was there before track", {true, 0, -1, false, false},
	    "no"},
	{"it gave it to us", {false, 12, 11, true, false}, "no"},
	{"it gave it to us, and may have lost it", {false, 12, 11, true, true},
	    "yes"},
	{"it gave it, may have lost it, knows it", {false, 11, 11, true, true},
	    "no"},
};

static const struct {
	const char *name;
	struct know_say in;
	const char *tell, *adopt;
} say[] = {
	{"nothing is known", {-1, -1, -1, NONE, false, true, 0, 0, 0}, "no",
	    "-"},
	{"new here, the bundle is the last", {20, 15, 15, NONE, false, true, 0,
	    0, 0}, "yes", "-"},
	{"told before", {20, 20, 15, NONE, false, true, 0, 0, 0}, "no", "-"},
	{"told before, all is told again", {20, 20, 15, NONE, true, true, 0, 0,
	    0}, "yes", "-"},
	{"nothing is known, all is told", {-1, -1, -1, NONE, true, true, 0, 0,
	    0}, "no", "-"},
	{"more bundles come, none with this origin", {20, 15, 15, NONE, false,
	    false, 0, 0, 0}, "yes", "20"},
	{"more bundles come, with a change at 18", {20, 15, 15, 18, false,
	    false, 0, 0, 0}, "yes", "17"},
	{"... at 16, the first that it lacks", {20, 15, 15, 16, false, false,
	    0, 0, 0}, "yes", "-"},
	{"... later than what we know for sure", {20, 15, 15, 25, false, false,
	    0, 0, 0}, "yes", "20"},
	{"told before, and it knows as much", {20, 20, 20, NONE, false, false,
	    0, 0, 0}, "no", "-"},
};

static const struct {
	const char *name;
	struct know_take in;
	const char *then;
} take[] = {
	{"the last bundle: what the sender knows", {false, true, 20, -1},
	    "20"},
	{"more come: what may be adopted", {false, false, 20, 17}, "17"},
	{"more come, nothing may be adopted", {false, false, 20, -1}, "-"},
	{"the sender knows nothing of it", {false, true, -1, -1}, "-"},
	{"of this site itself", {true, true, 20, -1}, "-"},
	{"of this site itself, more come", {true, false, 20, 17}, "-"},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NLINES   (COUNT(lacks) + COUNT(say) + COUNT(take))

/* A clock as the tables have it. */
static const char *num(char *s, int64_t v)
{
	if (v == NONE || v == KNOW_NOTHING)
		strcpy(s, "-");
	else
		snprintf(s, 24, "%lld", (long long)v);
	return s;
}

static const char *yes(bool b)
{
	return b ? "yes" : "no";
}

static void test_lacks(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lacks); i++)
		if (strcmp(yes(know_lacks(&lacks[i].in)), lacks[i].lacks))
			fail_msg("%s: not %s", lacks[i].name, lacks[i].lacks);
}

static void test_say(void **state)
{
	char s[24];

	(void)state;
	for (size_t i = 0; i < COUNT(say); i++) {
		struct know_say k = say[i].in;

		know_say(&k);
		if (strcmp(yes(k.tell), say[i].tell) ||
		    strcmp(k.may ? num(s, k.adopt) : "-", say[i].adopt))
			fail_msg("%s: tell %s, adopt %s", say[i].name,
			    yes(k.tell), k.may ? num(s, k.adopt) : "-");
	}
}

static void test_take(void **state)
{
	char s[24];

	(void)state;
	for (size_t i = 0; i < COUNT(take); i++)
		if (strcmp(num(s, know_take(&take[i].in)), take[i].then))
			fail_msg("%s: %s", take[i].name, s);
}

/* Line i of all tables. */
static void doc_line(size_t i, char *out, size_t size)
{
	char a[24], b[24], c[24], d[24];

	if (i < COUNT(lacks)) {
		const struct know_frag *f = &lacks[i].in;

		snprintf(out, size, "| %s | %s | %s | %s | %s | %s |\n",
		    lacks[i].name, f->base ? "base" : num(a, f->clock),
		    num(b, f->view), yes(f->theirs), yes(f->lost),
		    lacks[i].lacks);
		return;
	}
	i -= COUNT(lacks);
	if (i < COUNT(say)) {
		const struct know_say *k = &say[i].in;

		snprintf(out, size,
		    "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n",
		    say[i].name, num(a, k->known), num(b, k->told),
		    num(c, k->view), num(d, k->least), yes(k->full),
		    yes(k->end), say[i].tell, say[i].adopt);
		return;
	}
	i -= COUNT(say);
	snprintf(out, size, "| %s | %s | %s | %s | %s | %s |\n", take[i].name,
	    yes(take[i].in.self), yes(take[i].in.end),
	    num(a, take[i].in.sender), num(b, take[i].in.adopt),
	    take[i].then);
}

/* doc/KNOWLEDGE.md has these rows, in this order, and no others. */
static void test_doc(void **state)
{
	const char *top = getenv("abs_top_srcdir");
	char path[500], line[400], want[400];
	size_t i = 0;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/doc/KNOWLEDGE.md", top ? top : ".");
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s is missing", path);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "| ", 2) != 0 ||
		    strncmp(line, "| case ", 7) == 0)
			continue;
		if (i == NLINES)
			fail_msg("doc/KNOWLEDGE.md has more: %s", line);
		doc_line(i++, want, sizeof(want));
		assert_string_equal(line, want);
	}
	fclose(f);
	assert_int_equal(i, NLINES);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lacks),
		cmocka_unit_test(test_say),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_doc),
	};

	if (argc > 1 && strcmp(argv[1], "--print") == 0) {
		for (size_t i = 0; i < NLINES; i++) {
			char line[400];

			doc_line(i, line, sizeof(line));
			fputs(line, stdout);
		}
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
