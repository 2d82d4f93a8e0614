/* dialsync.conf edited in place: the file before, the edit, the file after;
 * each edit once more, which must change nothing.  And the template. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "config/config_edit.h"
#include "config/config_p.h"

#define SITE "[site]\nname = ann\ndatabase = c.db\n"
#define LINE SITE "\n[line m]\ndevice = /dev/m\n"
#define LIST(...) (const char *const[]) {__VA_ARGS__, NULL}
#define NONE (const char *const[]) {NULL}

enum what { SET_PEER, REMOVE_PEER, SET_SITE };

struct row {
	const char *name, *before;
	enum what what;
	const char *peer;
	struct config_edit edits[3];  /* key NULL: the end */
	const char *after;            /* NULL: an error, nothing changed */
	enum err_kind kind;           /* of the error ... */
	const char *text;             /* ... and a piece of it */
};

static const struct row rows[] = {
/* Adding. */
{"a new peer goes to the end", LINE, SET_PEER, "hub",
 {{"line", LIST("m")}, {"phone", LIST("1", "2")}},
 LINE "\n[peer hub]\nline = m\nphone = 1\nphone = 2\n", 0, NULL},
{"a new peer without keys", LINE, SET_PEER, "hub", {{0}},
 LINE "\n[peer hub]\n", 0, NULL},
{"no second blank line before it", LINE "\n", SET_PEER, "hub", {{0}},
 LINE "\n[peer hub]\n", 0, NULL},
{"a file without a line end at its end",
 "[site]\nname = ann\ndatabase = c.db", SET_PEER, "hub",
 {{"phone", LIST("1")}}, SITE "\n[peer hub]\nphone = 1\n", 0, NULL},
{"CRLF stays CRLF", "[site]\r\nname = ann\r\ndatabase = c.db\r\n", SET_PEER,
 "hub", {{"phone", LIST("1")}},
 "[site]\r\nname = ann\r\ndatabase = c.db\r\n\r\n[peer hub]\r\nphone = 1\r\n",
 0, NULL},
{"a byte order mark stays", "\xef\xbb\xbf" SITE, SET_SITE, NULL,
 {{"name", LIST("bob")}},
 "\xef\xbb\xbf[site]\nname = bob\ndatabase = c.db\n", 0, NULL},
{"signs that begin comments are escaped", LINE, SET_PEER, "hub",
 {{"phone", LIST("#31#5 ;6")}},
 LINE "\n[peer hub]\nphone = \\#31#5 \\;6\n", 0, NULL},
{"a backslash before such a sign is kept", LINE, SET_PEER, "hub",
 {{"phone", LIST("x\\#y\\;", "\\L")}},
 LINE "\n[peer hub]\nphone = x\\\\#y\\\\;\nphone = \\L\n", 0, NULL},
/* Changing. */
{"a key goes behind the last key, not behind the comments below",
 "[peer hub]\nphone = 1\n\n; the site\n" SITE, SET_PEER, "hub",
 {{"login", LIST("x")}},
 "[peer hub]\nphone = 1\nlogin = x\n\n; the site\n" SITE, 0, NULL},
{"a key of an empty section goes behind its header",
 SITE "[peer hub] ; c\n\n[hooks]\n", SET_PEER, "hub", {{"phone", LIST("1")}},
 SITE "[peer hub] ; c\nphone = 1\n\n[hooks]\n", 0, NULL},
{"a value changes, what stands around it stays",
 SITE "[peer hub]\n  phone=1\t; office\nevery = 1h\n", SET_PEER, "hub",
 {{"phone", LIST("2 3")}},
 SITE "[peer hub]\n  phone=2 3\t; office\nevery = 1h\n", 0, NULL},
{"a value with escapes changes", SITE "[peer hub]\nphone = \\#1 \\;2 ; c\r\n",
 SET_PEER, "hub", {{"phone", LIST("9")}},
 SITE "[peer hub]\nphone = 9 ; c\r\n", 0, NULL},
{"an equal value is not written anew", SITE "[peer hub]\nphone =   a\\#b;c\n",
 SET_PEER, "hub", {{"phone", LIST("a#b;c")}},
 SITE "[peer hub]\nphone =   a\\#b;c\n", 0, NULL},
{"a list grows in its place", SITE "[peer hub]\nphone = 1\nevery = 1h\n",
 SET_PEER, "hub", {{"phone", LIST("1", "2", "3")}},
 SITE "[peer hub]\nphone = 1\nphone = 2\nphone = 3\nevery = 1h\n", 0, NULL},
{"a list shrinks, comments between stay",
 SITE "[peer hub]\nphone = 1\n; b\nphone = 2\nphone = 3\n", SET_PEER, "hub",
 {{"phone", LIST("9")}}, SITE "[peer hub]\nphone = 9\n; b\n", 0, NULL},
{"a list is removed, another comes",
 SITE "[line m]\ndevice = /m\n[peer hub]\nphone = 1\nphone = 2\n", SET_PEER,
 "hub", {{"phone", NONE}, {"line", LIST("m")}},
 SITE "[line m]\ndevice = /m\n[peer hub]\nline = m\n", 0, NULL},
{"other peers' keys are left alone",
 SITE "[peer a]\nphone = 1\n[peer hub]\nphone = 1\n[peer b]\nphone = 1\n",
 SET_PEER, "hub", {{"phone", LIST("2")}},
 SITE "[peer a]\nphone = 1\n[peer hub]\nphone = 2\n[peer b]\nphone = 1\n",
 0, NULL},
{"two keys of the site", SITE "[line m]\ndevice = /m\nprefix =\n",
 SET_SITE, NULL, {{"name", LIST("bob")}, {"database", LIST("d b.db")}},
 "[site]\nname = bob\ndatabase = d b.db\n[line m]\ndevice = /m\nprefix =\n",
 0, NULL},
/* Removing. */
{"a peer goes with its comments", SITE "\n; the hub\n; in town\n[peer hub]\n"
 "phone = 1\n\n; night\nevery = 1h\n\n[hooks]\n", REMOVE_PEER, "hub", {{0}},
 SITE "\n[hooks]\n", 0, NULL},
{"the last peer leaves no blank line", LINE "\n[peer hub]\nphone = 1\n",
 REMOVE_PEER, "hub", {{0}}, LINE, 0, NULL},
{"comments with a blank line between stay",
 SITE "\n; peers\n\n[peer hub]\n\n; others\n\n[hooks]\n", REMOVE_PEER, "hub",
 {{0}}, SITE "\n; peers\n\n; others\n\n[hooks]\n", 0, NULL},
{"the next section's comment stays",
 SITE "[peer hub]\nphone = 1\n; hooks\n[hooks]\n", REMOVE_PEER, "hub", {{0}},
 SITE "; hooks\n[hooks]\n", 0, NULL},
{"keys in comments go too", SITE "[peer hub]\nphone = 1\n;every = 1h\n",
 REMOVE_PEER, "hub", {{0}}, SITE, 0, NULL},
/* Refused. */
{"removing what is not there", LINE, REMOVE_PEER, "hub", {{0}}, NULL,
 ERR_USAGE, "has no [peer hub]; nothing was removed"},
{"removing what a line names", LINE "peer = hub\n[peer hub]\n", REMOVE_PEER,
 "hub", {{0}}, NULL, ERR_CONFIG, ":7: there is no [peer hub]"},
{"a line that is not there", LINE, SET_PEER, "hub",
 {{"line", LIST("n")}}, NULL, ERR_CONFIG, "did you mean \"m\"?"},
{"a wrong value", LINE, SET_PEER, "hub", {{"every", LIST("1")}}, NULL,
 ERR_CONFIG, "nothing was changed: it would be wrong: "},
{"a key that is no key", LINE, SET_PEER, "hub", {{"evry", LIST("1h")}}, NULL,
 ERR_CONFIG, "did you mean \"every\"?"},
{"the site's own name", LINE, SET_PEER, "ann", {{0}}, NULL, ERR_CONFIG,
 "this site's own name"},
{"a file that is wrong already", SITE "foo\n", SET_PEER, "hub", {{0}}, NULL,
 ERR_CONFIG, ":4: there is no = in the line"},
{"a peer's name", LINE, SET_PEER, "a]\n[b", {{0}}, NULL, ERR_USAGE,
 "is not a name for a peer"},
{"a value with a line end", LINE, SET_PEER, "hub",
 {{"phone", LIST("1\n[hooks]")}}, NULL, ERR_USAGE, "cannot be written"},
{"a value with a blank at its end", LINE "[peer hub]\nphone = 2\n", SET_PEER,
 "hub", {{"phone", LIST("1 ")}}, NULL, ERR_USAGE, "cannot be written"},
{"a value that is not UTF-8", LINE, SET_PEER, "hub",
 {{"phone", LIST("\xfc")}}, NULL, ERR_USAGE, "cannot be written"},
};

static char dir[] = "/tmp/t_config_edit.XXXXXX";
static char *path;

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int apply(const struct row *row, struct err *e)
{
	size_t n = 0;

	while (n < 3 && row->edits[n].key)
		n++;
	switch (row->what) {
	case SET_PEER:
		return config_edit_set_peer(path, row->peer, row->edits, n, e);
	case REMOVE_PEER:
		return config_edit_remove_peer(path, row->peer, e);
	default:
		return config_edit_set_site(path, row->edits, n, e);
	}
}

/* The file must hold this text. */
static int differs(const char *name, const char *want)
{
	struct buf got = BUF_INIT(100000);
	int wrong;

	assert_int_equal(fs_read(path, &got, NULL), 0);
	wrong = strcmp(buf_str(&got), want) != 0;
	if (wrong)
		print_error("%s:\n got\n%s\n want\n%s\n", name, buf_str(&got),
		    want);
	buf_free(&got);
	return wrong;
}

static int run_row(const struct row *row)
{
	struct err e = ERR_INIT;
	struct stat first, second;
	int wrong = 0, ret;

	write_file(row->before);
	ret = apply(row, &e);
	if (!row->after) {
		if (ret != -1 || e.kind != row->kind ||
		    !strstr(e.text, row->text)) {
			print_error("%s: got %d, kind %d, %s\n", row->name,
			    ret, (int)e.kind, e.text);
			wrong = 1;
		}
		return wrong + differs(row->name, row->before);
	}
	if (ret != 0) {
		print_error("%s: %s\n", row->name, e.text);
		return 1;
	}
	wrong += differs(row->name, row->after);
	/* Once more: not even a new file (a new one has another inode). */
	if (row->what == REMOVE_PEER)
		return wrong;
	assert_int_equal(stat(path, &first), 0);
	if (apply(row, &e) != 0) {
		print_error("%s, again: %s\n", row->name, e.text);
		wrong++;
	}
	assert_int_equal(stat(path, &second), 0);
	if (first.st_ino != second.st_ino) {
		print_error("%s: written again\n", row->name);
		wrong++;
	}
	return wrong + differs(row->name, row->after);
}

static void test_rows(void **state)
{
	size_t i;
	int wrong = 0;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		wrong += run_row(&rows[i]);
	assert_int_equal(wrong, 0);
}

/* Added and removed again is as before, also in the template. */
static void test_there_and_back(void **state)
{
	const struct config_edit edits[] = {{"phone", LIST("1", "2")}};
	struct buf text = BUF_INIT(100000);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(config_template(&text, "ann", "c.db", &e), 0);
	write_file(buf_str(&text));
	assert_int_equal(config_edit_set_peer(path, "hub", edits, 1, &e), 0);
	assert_int_equal(config_edit_set_peer(path, "b", edits, 1, &e), 0);
	assert_int_equal(config_edit_remove_peer(path, "hub", &e), 0);
	assert_int_equal(config_edit_remove_peer(path, "b", &e), 0);
	assert_int_equal(differs("there and back", buf_str(&text)), 0);
	buf_free(&text);
}

/* The file's mode stays, and a symbolic link stays a link. */
static void test_mode_and_link(void **state)
{
	char *target = fs_join(dir, "real.conf");
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	write_file(SITE);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink("real.conf", path), 0);
	assert_int_equal(config_edit_set_peer(path, "hub", NULL, 0, &e), 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(differs("link", SITE "\n[peer hub]\n"), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(target), 0);
	free(target);
}

static void test_missing(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	unlink(path);
	assert_int_equal(config_edit_set_peer(path, "hub", NULL, 0, &e), -1);
	assert_int_equal(e.kind, ERR_MISSING);
}

/* The line without the # of a key or section that is switched off. */
static const char *switched_on(const char *line)
{
	return line[0] == '#' && line[1] != ' ' ? line + 1 : line;
}

/* The template is read; as it stands it means the defaults, and with every #
 * taken away it is right too. */
static void test_template(void **state)
{
	struct buf text = BUF_INIT(100000), on = BUF_INIT(100000);
	struct err e = ERR_INIT;
	struct config *cfg;
	const char *line;
	size_t n;

	(void)state;
	assert_int_equal(config_template(&text, "ann", "a #b.db", &e), 0);
	assert_int_equal(config_parse("f", text.p, text.n, &cfg, NULL, &e), 0);
	assert_string_equal(cfg->site.name, "ann");
	assert_string_equal(cfg->site.database, "a #b.db");
	assert_int_equal(cfg->n_lines + cfg->n_peers + cfg->n_tables, 0);
	config_free(cfg);
	assert_non_null(strstr(buf_str(&text), "the password\n"));
	assert_non_null(strstr(buf_str(&text), "or sign, none\n"));
	for (line = buf_str(&text); *line; line += n) {
		n = strcspn(line, "\n") + 1;
		if (n > 110)
			fail_msg("too long: %.*s", (int)n, line);
		buf_add(&on, switched_on(line),
		    n - (size_t)(switched_on(line) - line));
	}
	if (config_parse("f", on.p, on.n, &cfg, NULL, &e) != 0)
		fail_msg("%s", e.text);
	assert_int_equal(cfg->site.apply_every, 120);
	assert_string_equal(cfg->lines[0].init, "AT&F E0V1Q0X4 &C1&D2 S0=0");
	assert_string_equal(cfg->peers[0].login, "ogin: \\L ssword: \\P");
	assert_int_equal(cfg->peers[0].budget, 1800);
	assert_int_equal(cfg->n_tables, 1);
	assert_string_equal(cfg->hooks.safe, "/usr/local/bin/ring");
	config_free(cfg);
	buf_free(&text);
	buf_free(&on);
}

static void test_template_refuses(void **state)
{
	struct buf text = BUF_INIT(100000);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(config_template(&text, "a b", "c.db", &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_int_equal(config_template(&text, "ann", "c\n.db", &e), -1);
	assert_int_equal(config_template(&text, "ann", "", &e), -1);
	assert_int_equal(text.n, 0);
	buf_free(&text);
}

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	path = fs_join(dir, CONFIG_NAME);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	free(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_mode_and_link),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_template),
		cmocka_unit_test(test_template_refuses),
	};

	return cmocka_run_group_tests_name("config_edit", tests, make_dir,
	    remove_dir);
}
