/* Who has a unique value: claims, and what a row does that meets others.  The
 * tables are doc/MERGE.md's: the test prints its rows as that file has them
 * ("t_held --print") and fails when the file says something else.  And what
 * an index's text speaks of. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "apply/claim.h"
#include "capture/source.h"

/* Registers as letters, clocks as digits: L life, S spelling, u w columns of
 * unique indexes, a another column. */
static const char letters[] = "LSuwa";
static const char claims[] = "Luw";

struct claim_row {
	const char *name;
	const char *x, *y;  /* fragments: registers, then @clock and site */
	const char *first;
};

static const struct claim_row claim_rows[] = {
	{"the earlier birth", "LSuwa@1a", "LSuwa@2a", "x"},
	{"a later edit of a unique column", "LSwa@1a u@5a", "LSuwa@2a", "y"},
	{"a later edit of another column", "LSuw@1a a@5a", "LSuwa@2a", "x"},
	{"a later spelling", "Luwa@1a S@5a", "LSuwa@2a", "x"},
	{"another unique column's edit counts", "LSua@1a w@5a", "LSuwa@2a",
	    "y"},
	{"the latest of several", "La@1a u@2a w@4a", "L@1a u@3a w@3a", "y"},
	{"one second, two sites", "LSuwa@2b", "LSuwa@2a", "y"},
	{"a row of the base", "-", "LSuwa@1a", "x"},
	{"a row of the base, edited", "u@2a", "LSuwa@1a", "y"},
	{"a row of the base, edited elsewhere", "a@9a", "LSuwa@1a", "x"},
	{"one statement made both", "LSuwa@1a", "LSuwa@1a", "smaller key"},
	{"two rows of the base", "-", "-", "smaller key"},
};

/* The indexes in their order: - its value is free; E a row with an earlier
 * claim has it, L one with a later; n: a column of it may be NULL. */
struct step_row {
	const char *name;
	const char *indexes;
	const char *then;
};

static const struct step_row step_rows[] = {
	{"nobody has its values", "- -", "placed"},
	{"a later one has it", "L", "placed; the later one goes"},
	{"an earlier one has it, NULL allowed", "En", "1 is NULL, look again"},
	{"an earlier one has it", "E", "held whole"},
	{"one earlier, one later", "L En", "2 is NULL, look again"},
	{"two earlier", "En En", "1 is NULL, look again"},
	{"the second is enough", "- E", "held whole"},
	{"NULL first, whole next", "En E", "1 is NULL, look again"},
	{"NULL already", "- Ln", "placed; the later one goes"},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int cmp(void *arg, const struct version *a, const struct version *b)
{
	(void)arg;
	if (a->clock != b->clock)
		return a->clock < b->clock ? -1 : 1;
	return a->origin < b->origin ? -1 : a->origin > b->origin;
}

static void read_letters(const char **p, uint64_t *m)
{
	const char *at;

	memset(m, 0, sizeof(uint64_t));
	for (; **p && (at = strchr(letters, **p)) != NULL; (*p)++)
		mask_set(m, (int)(at - letters));
}

static int read_frags(const char *p, struct frag *f)
{
	int n = 0;

	if (strcmp(p, "-") == 0)
		return 0;
	for (; *p; n++) {
		memset(&f[n], 0, sizeof(f[n]));
		read_letters(&p, f[n].mask.w);
		assert_int_equal(*p++, '@');
		f[n].ver.clock = *p++ - '0';
		f[n].ver.origin = 1 + *p++ - 'a';
		p += *p == ' ';
	}
	return n;
}

static struct claim read_claim(const char *text, int64_t key)
{
	static struct frag f[4];
	struct claim c;
	const char *p = claims;
	uint64_t m[MASK_WORDS];

	memset(&c, 0, sizeof(c));
	read_letters(&p, m);
	c.ver = claim_version(f, read_frags(text, f), m, 1, cmp, NULL);
	c.key.type = VALUE_INTEGER;
	c.key.i = key;
	return c;
}

/* Either may have the smaller key, and either may be asked first. */
static void test_claims(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(claim_rows); i++) {
		const struct claim_row *r = &claim_rows[i];
		struct claim x = read_claim(r->x, 1), y = read_claim(r->y, 2);
		int a = claim_cmp(&x, &y, cmp, NULL), b;

		if (claim_cmp(&y, &x, cmp, NULL) != -a)
			fail_msg("%s: two answers", r->name);
		x.key.i = 3;
		b = claim_cmp(&x, &y, cmp, NULL);
		if (strcmp(r->first, a != b ? "smaller key"
			: a < 0 ? "x" : "y") != 0)
			fail_msg("%s: %d, %d", r->name, a, b);
	}
}

static void test_keys(void **state)
{
	/* in this order: numbers, text, blobs */
	static const struct value keys[] = {
		{VALUE_INTEGER, -3, 0, NULL, 0},
		{VALUE_INTEGER, 0, 0, NULL, 0},
		{VALUE_INTEGER, INT64_MAX, 0, NULL, 0},
		{VALUE_TEXT, 0, 0, "", 0},
		{VALUE_TEXT, 0, 0, "A", 1},
		{VALUE_TEXT, 0, 0, "A\0b", 3},
		{VALUE_TEXT, 0, 0, "a", 1},
		{VALUE_TEXT, 0, 0, "\xc3\xa9", 2},
		{VALUE_BLOB, 0, 0, "", 0},
		{VALUE_BLOB, 0, 0, "a", 1},
		{VALUE_BLOB, 0, 0, "\xff", 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++)
		for (size_t k = 0; k < COUNT(keys); k++) {
			struct claim x = {{1, 1}, keys[i]};
			struct claim y = {{1, 1}, keys[k]};

			assert_int_equal(claim_cmp(&x, &y, cmp, NULL),
			    i < k ? -1 : i > k);
		}
}

static void test_steps(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(step_rows); i++) {
		const struct step_row *r = &step_rows[i];
		struct claim_index ix[4];
		char then[60] = "placed";
		int n = 0, which = -1;
		bool later = false;

		for (const char *p = r->indexes; *p; n++) {
			ix[n].holder = *p == 'E' ? CLAIM_EARLIER
			    : *p == 'L'          ? CLAIM_LATER
						 : CLAIM_FREE;
			later |= *p++ == 'L';
			ix[n].yields = *p == 'n';
			p += *p == 'n';
			p += *p == ' ';
		}
		switch (claim_decide(ix, n, &which)) {
		case CLAIM_PLACE:
			strcat(then, later ? "; the later one goes" : "");
			break;
		case CLAIM_YIELD:
			snprintf(then, sizeof(then), "%d is NULL, look again",
			    which + 1);
			break;
		case CLAIM_WHOLE:
			strcpy(then, "held whole");
			break;
		}
		if (strcmp(then, r->then) != 0)
			fail_msg("%s: %s", r->name, then);
	}
}

/* ---- what texts of the schema speak of */

static void test_names(void **state)
{
	static const struct {
		const char *text, *column;
		bool names;
	} rows[] = {
		{"lower(a)", "a", true},
		{"lower(a)", "A", true},
		{"lower(a)", "lower", true}, /* too many do no harm */
		{"lower(ab)", "a", false},
		{"a.b", "b", true},
		{"'a'", "b", false},
		{"\"odd \"\"one\"\"\" > 1", "odd \"one\"", true},
		{"[odd one] > 1", "odd one", true},
		{"`odd``one` > 1", "odd`one", true},
		{"b /* a */ > 0 -- a", "a", false},
		{"\"a\"", "", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (capture_text_names(rows[i].text, rows[i].column) !=
		    rows[i].names)
			fail_msg("%s: %s", rows[i].text, rows[i].column);
}

static void test_generated(void **state)
{
	static const struct {
		const char *name, *sql, *want;
	} rows[] = {
		{"short", "CREATE TABLE t(a, g AS (a + 1), b)", "a + 1"},
		{"long", "CREATE TABLE t(a, g INT GENERATED ALWAYS AS"
		    " (max(a, (b))) STORED, b)", "max(a, (b))"},
		{"quoted", "CREATE TABLE [t(](a, \"g\" TEXT AS(')'||a))",
		    "')'||a"},
		{"a default before it", "CREATE TABLE t(a DEFAULT (1 + (2)), g"
		    " DECIMAL(1, 2) CHECK(g > 0) AS (a))", "a"},
		{"one before it", "CREATE TABLE t(f AS (1), g AS (2))", "2"},
		{"none", "CREATE TABLE t(f AS (1), g)", NULL},
		{"cut", "CREATE TABLE t(g AS (1", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *got = capture_text_generated(rows[i].sql, "g");

		if (!got != !rows[i].want ||
		    (got && strcmp(got, rows[i].want) != 0))
			fail_msg("%s: %s", rows[i].name, got ? got : "none");
		free(got);
	}
}

/* ---- doc/MERGE.md */

static void line_of(size_t i, char *out, size_t size)
{
	size_t k = i - COUNT(claim_rows);

	if (i < COUNT(claim_rows))
		snprintf(out, size, "| %s | %s | %s | %s |\n",
		    claim_rows[i].name, claim_rows[i].x, claim_rows[i].y,
		    claim_rows[i].first);
	else
		snprintf(out, size, "| %s | %s | %s |\n", step_rows[k].name,
		    step_rows[k].indexes, step_rows[k].then);
}

/* It has these rows behind these heads, in this order, and no others. */
static void test_doc(void **state)
{
	const char *top = getenv("abs_top_srcdir");
	char path[500], line[400], want[400];
	bool ours = false;
	size_t i = 0;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/doc/MERGE.md", top ? top : ".");
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s is missing", path);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "| ", 2) != 0) {
			ours &= line[0] == '|';
			continue;
		}
		if (strncmp(line, "| case ", 7) == 0) {
			ours = strstr(line, "| row x |") ||
			    strstr(line, "| indexes |");
			continue;
		}
		if (!ours)
			continue;
		if (i == COUNT(claim_rows) + COUNT(step_rows))
			fail_msg("doc/MERGE.md has more: %s", line);
		line_of(i++, want, sizeof(want));
		assert_string_equal(line, want);
	}
	fclose(f);
	assert_int_equal(i, COUNT(claim_rows) + COUNT(step_rows));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_generated),
		cmocka_unit_test(test_doc),
	};

	if (argc > 1 && strcmp(argv[1], "--print") == 0) {
		for (size_t i = 0;
		     i < COUNT(claim_rows) + COUNT(step_rows); i++) {
			char line[400];

			line_of(i, line, sizeof(line));
			fputs(line, stdout);
		}
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
