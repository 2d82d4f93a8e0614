/* The merge of one fragment, case by case.  The table is doc/MERGE.md's: the
 * test prints its rows as that file has them ("t_merge --print") and fails when
 * the file says something else. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "apply/merge.h"

/* Registers as letters: L life, S spelling, a b c columns.  A fragment of the
 * row: its registers ("D": a death), then < = > as it is older than what comes,
 * the same, or later, then ! when the sender knew it; registers behind ! it has
 * under another name.  Where it is the same, a+ says that another value of a
 * comes, the greater one, a- that ours is. */
struct row {
	const char *name;
	const char *has;
	const char *comes;   /* edit, birth or death, and its registers */
	bool known;          /* this site knew the incoming version */
	const char *wins;
	const char *then;    /* alive, dead or unknown; "goes": leaves its
			      * table */
	const char *stays;   /* of each fragment */
	const char *conflicts; /* of each fragment; "late", "life" */
};

static const struct row rows[] = {
	/* edits */
	{"edit of an unknown row", "-", "edit a", false,
	    "a", "unknown", "-", "-"},
	{"later edit, knowingly", "LSab<!", "edit a", false,
	    "a", "alive", "LSb", "-"},
	{"later edit, unknowingly", "LSab<", "edit a", false,
	    "a", "alive", "LSb", "a"},
	{"later edit, known here", "LSab<", "edit a", true,
	    "a", "alive", "LSb", "a"},
	{"earlier edit", "LSab>", "edit a", false,
	    "-", "alive", "LSab", "a"},
	{"earlier edit, known here", "LSab>", "edit a", true,
	    "-", "alive", "LSab", "-"},
	{"earlier edit, ours known there", "LSab>!", "edit a", false,
	    "-", "alive", "LSab", "-"},
	{"the same edit", "a=", "edit a", false,
	    "-", "unknown", "a", "-"},
	{"one version, a greater value", "ab=a+", "edit ab", false,
	    "a", "unknown", "b", "a"},
	{"one version, a lesser value", "ab=a-", "edit ab", false,
	    "-", "unknown", "ab", "a"},
	{"one version, known there", "ab=a+b-!", "edit ab", false,
	    "a", "unknown", "b", "-"},
	{"edit of another field", "LSa<", "edit b", false,
	    "b", "alive", "LSa", "-"},
	{"one field later, one earlier", "a> b<", "edit ab", false,
	    "b", "unknown", "a -", "a b"},
	{"spelling makes no conflict", "LSa<", "edit S", false,
	    "S", "alive", "La", "-"},
	{"edit after the death", "D<", "edit a", false,
	    "a", "dead", "L", "late"},
	{"edit after the death, known here", "D<", "edit a", true,
	    "a", "dead", "L", "late"},
	{"edit before the death", "D>", "edit a", false,
	    "-", "dead", "L", "late"},
	{"edit before the death, known here", "D>", "edit a", true,
	    "-", "dead", "L", "-"},
	{"edit of a dead row's later field", "D< a>", "edit a", false,
	    "-", "dead", "L a", "- a late"},
	/* deaths */
	{"death of an unknown row", "-", "death L", false,
	    "L", "dead, goes", "-", "-"},
	{"death, knowingly", "LSab<!", "death L", false,
	    "L", "dead, goes", "-", "-"},
	{"death, unknowingly", "LSab<", "death L", false,
	    "L", "dead, goes", "-", "ab"},
	{"death of a row with a later edit", "LSa<! b>", "death L", false,
	    "L", "dead, goes", "- b", "- b"},
	{"death of edits without a row", "a<", "death L", false,
	    "L", "dead, goes", "-", "a"},
	{"death before the birth", "LSab>", "death L", false,
	    "-", "alive", "LSab", "life"},
	{"death before the birth, known here", "LSab>", "death L", true,
	    "-", "alive", "LSab", "-"},
	{"death before the birth, known there", "LSab>!", "death L", false,
	    "-", "alive", "LSab", "-"},
	{"the same death", "D=", "death L", false,
	    "-", "dead", "L", "-"},
	{"death of the birth's version", "LSab=", "death L", false,
	    "L", "dead, goes", "-", "ab"},
	{"earlier death", "D>", "death L", false,
	    "-", "dead", "L", "-"},
	{"later death", "D<", "death L", false,
	    "L", "dead, goes", "-", "-"},
	/* births */
	{"birth", "-", "birth LSab", false,
	    "LSab", "alive", "-", "-"},
	{"the same birth", "LSab=", "birth LSab", false,
	    "-", "alive", "LSab", "-"},
	{"later birth, knowingly", "LSab<!", "birth LSab", false,
	    "LSab", "alive", "-", "-"},
	{"later birth of the same key", "LSab<", "birth LSab", false,
	    "LSab", "alive", "-", "ab"},
	{"earlier birth of the same key", "LSab>", "birth LSab", false,
	    "-", "alive", "LSab", "ab"},
	{"one version, another birth", "LSab=a+b-", "birth LSab", false,
	    "a", "alive", "LSb", "ab"},
	{"birth of the death's version", "D=", "birth LSab", false,
	    "-", "dead", "L", "late"},
	{"birth after its edit", "a>", "birth LSab", false,
	    "LSb", "alive", "a", "a"},
	{"birth without the field that was edited", "a>!", "birth LSb", false,
	    "LSb", "alive", "a", "-"},
	{"birth after the death", "D<", "birth LSab", false,
	    "LSab", "alive", "-", "-"},
	{"birth after the death, later edit", "D< a>", "birth LSab", false,
	    "LSb", "alive", "- a", "- a"},
	{"birth before the death", "D>", "birth LSab", false,
	    "-", "dead", "L", "late life"},
	{"birth before the death, known here", "D>", "birth LSab", true,
	    "-", "dead", "L", "-"},
	{"birth before the death, known there", "D>!", "birth LSab", false,
	    "-", "dead", "L", "late"},
	/* where one side has columns that the other has not */
	{"birth where a column is not", "LSabc<", "birth LSab", false,
	    "LSab", "alive", "-", "abc"},
	{"birth where a column is not, knowingly", "LSab<! c<!", "birth LSab",
	    false, "LSab", "alive", "-", "-"},
	{"birth where a column is not, later edit", "LSab< c>",
	    "birth LSab", false, "LSab", "alive", "- c", "ab -"},
	{"birth where a column is not, edit before it", "c<", "birth LSab",
	    false, "LSab", "alive", "-", "c"},
	{"earlier birth with one more column", "LSab>", "birth LSabc", false,
	    "-", "alive", "LSab", "abc"},
	{"edit before the birth, of a column that is not there", "LSab>",
	    "edit c", false, "-", "alive", "LSab", "c"},
	{"edit after the birth, of a column that is not there", "LSab<",
	    "edit c", false, "c", "alive", "LSab", "-"},
	/* where the sender has a column under its name of before */
	{"later edit of a renamed column", "LSab<!a", "edit ab", false,
	    "ab", "alive", "LS", "a"},
	{"earlier edit of a renamed column", "LSab>!a", "edit ab", false,
	    "-", "alive", "LSab", "a"},
	{"the same, known here", "LSab>!a", "edit ab", true,
	    "-", "alive", "LSab", "-"},
	{"birth where a column is renamed", "LSab<!a", "birth LSb", false,
	    "LSb", "alive", "-", "a"},
};

#define NROWS (sizeof(rows) / sizeof(rows[0]))

static const char letters[] = "LSabc";

/* ---- text to masks and back */

static void read_mask(const char **p, struct mask *m)
{
	const char *at;

	memset(m, 0, sizeof(*m));
	for (; **p && (at = strchr(letters, **p)) != NULL; (*p)++)
		mask_set(m->w, (int)(at - letters));
}

/* The values that differ, behind a '='. */
static void read_values(const char **p, struct merge_frag *f)
{
	const char *at;

	for (; **p && (at = strchr(letters, **p)) != NULL; *p += 2) {
		mask_set(f->differs.w, (int)(at - letters));
		if ((*p)[1] == '+')
			mask_set(f->greater.w, (int)(at - letters));
	}
}

static int read_frags(const char *p, struct merge_frag *f)
{
	int n = 0;

	if (strcmp(p, "-") == 0)
		return 0;
	for (; *p; n++) {
		memset(&f[n], 0, sizeof(f[n]));
		f[n].death = *p == 'D';
		if (f[n].death) {
			mask_set(f[n].mask.w, REG_LIFE);
			p++;
		} else {
			read_mask(&p, &f[n].mask);
		}
		f[n].cmp = *p == '<' ? 1 : *p == '=' ? 0 : -1;
		assert_non_null(strchr("<=>", *p));
		p++;
		read_values(&p, &f[n]);
		f[n].sender_knows = *p == '!';
		p += *p == '!';
		if (f[n].sender_knows)
			read_mask(&p, &f[n].apart);
		p += *p == ' ';
	}
	return n;
}

static void put_mask(char *out, const struct mask *m)
{
	char *p = out + strlen(out);

	if (p > out)
		*p++ = ' ';
	for (int i = 0; letters[i]; i++)
		if (mask_has(m->w, i))
			*p++ = letters[i];
	if (p == out || p[-1] == ' ')
		*p++ = '-';
	*p = '\0';
}

/* "- - -" is "-" */
static void shorten(char *s)
{
	if (strspn(s, "- ") == strlen(s))
		strcpy(s, "-");
}

static void put_word(char *out, const char *word)
{
	if (strcmp(out, "-") == 0)
		strcpy(out, word);
	else
		strcat(strcat(out, " "), word);
}

/* ---- */

static void run_row(const struct row *r, struct merge *m,
    struct merge_frag *frags)
{
	const char *p = strchr(r->comes, ' ') + 1;

	memset(m, 0, sizeof(*m));
	m->kind = r->comes[0] == 'd' ? BUNDLE_DEATH
	    : r->comes[0] == 'b'     ? BUNDLE_BIRTH
				     : BUNDLE_UPDATE;
	m->words = 1;
	read_mask(&p, &m->mask);
	assert_int_equal(*p, 0);
	m->known = r->known;
	m->frag = frags;
	m->nfrag = read_frags(r->has, frags);
	merge_run(m);
}

static void test_rows(void **state)
{
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < NROWS; i++) {
		const struct row *r = &rows[i];
		struct merge_frag f[4];
		struct merge m;
		char wins[20] = "", stays[60] = "", clash[60] = "";
		char then[40];

		run_row(r, &m, f);
		put_mask(wins, &m.win);
		for (int k = 0; k < m.nfrag; k++) {
			put_mask(stays, &f[k].keep);
			put_mask(clash, &f[k].clash);
		}
		shorten(stays);
		shorten(clash);
		if (m.late)
			put_word(clash, "late");
		if (m.life_clash)
			put_word(clash, "life");
		snprintf(then, sizeof(then), "%s%s",
		    m.alive       ? "alive"
			: m.dead ? "dead"
				 : "unknown", m.kill ? ", goes" : "");
		assert_false(m.alive && m.dead);
		if (strcmp(wins, r->wins) == 0 && strcmp(then, r->then) == 0 &&
		    strcmp(stays[0] ? stays : "-", r->stays) == 0 &&
		    strcmp(clash[0] ? clash : "-", r->conflicts) == 0)
			continue;
		print_error("%s: wins %s, row %s, stays %s, conflicts %s\n",
		    r->name, wins, then, stays, clash);
		bad++;
	}
	assert_int_equal(bad, 0);
}

/* The registers past the first word behave as those in it. */
static void test_wide(void **state)
{
	struct merge_frag f;
	struct merge m;

	(void)state;
	memset(&f, 0, sizeof(f));
	memset(&m, 0, sizeof(m));
	mask_set(f.mask.w, REG_LIFE);
	mask_set(f.mask.w, 61);
	mask_set(f.mask.w, 62);
	mask_set(f.mask.w, 130);
	f.cmp = 1;
	m.kind = BUNDLE_UPDATE;
	m.words = 3;
	mask_set(m.mask.w, 62);
	mask_set(m.mask.w, 130);
	mask_set(m.mask.w, 131);
	m.frag = &f;
	m.nfrag = 1;
	merge_run(&m);
	assert_true(mask_has(m.win.w, 62) && mask_has(m.win.w, 130) &&
	    mask_has(m.win.w, 131));
	assert_true(mask_has(f.keep.w, 61) && mask_has(f.keep.w, REG_LIFE));
	assert_false(mask_has(f.keep.w, 62) || mask_has(f.keep.w, 130));
	assert_true(mask_has(f.clash.w, 62) && mask_has(f.clash.w, 130));
	assert_false(mask_has(f.clash.w, 61));
}

static void row_line(const struct row *r, char *out, size_t size)
{
	snprintf(out, size, "| %s | %s | %s | %s | %s | %s | %s | %s |\n",
	    r->name, r->has, r->comes, r->known ? "yes" : "no", r->wins,
	    r->then, r->stays, r->conflicts);
}

/* doc/MERGE.md has these rows, in this order, and no others. */
static void test_doc(void **state)
{
	const char *top = getenv("abs_top_srcdir");
	char path[500], line[400], want[400];
	bool ours = false; /* other tables are other tests' */
	size_t i = 0;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/doc/MERGE.md", top ? top : ".");
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s is missing", path);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "| case ", 7) == 0)
			ours = strstr(line, "| row has |") != NULL;
		if (!ours || strncmp(line, "| ", 2) != 0 ||
		    strncmp(line, "| case ", 7) == 0)
			continue;
		if (i == NROWS)
			fail_msg("doc/MERGE.md has more: %s", line);
		row_line(&rows[i++], want, sizeof(want));
		assert_string_equal(line, want);
	}
	fclose(f);
	assert_int_equal(i, NROWS);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_doc),
	};

	if (argc > 1 && strcmp(argv[1], "--print") == 0) {
		for (size_t i = 0; i < NROWS; i++) {
			char line[400];

			row_line(&rows[i], line, sizeof(line));
			fputs(line, stdout);
		}
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
