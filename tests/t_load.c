/* First loads: what a header says of them, which bundles count when one begins,
 * and the order of tables. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <zlib.h>

#include "apply/order.h"
#include "capture/capture.h"
#include "capture/load.h"

/* ---- the header */

#define FULL "load 3 77 all 900: "

static const struct {
	const char *name, *attrs, *inner;
	const char *want; /* as said() says, or a part of the error */
} heads[] = {
	{"no load", "", "", "none: "},
	{"part of a load", " l=\"3 77\"", "", "load 3 77: "},
	{"that is all there is", " l=\"3 77\" m=\"100\"", "", FULL},
	{"which forgot nothing", " l=\"3 77\" m=\"1000\"", "",
	    "load 3 77 all 0: "},
	{"all without a load", " m=\"100\"", "", "attribute \"m\""},
	{"all that is no number", " l=\"3 77\" m=\"x\"", "",
	    "attribute \"m\""},
	{"one number", " l=\"3\"", "", "attribute \"l\""},
	{"three numbers", " l=\"3 77 1\"", "", "attribute \"l\""},
	{"a number that cannot be", " l=\"0 77\"", "", "attribute \"l\""},
	{"an end before the beginning", " l=\"3 -1\"", "", "attribute \"l\""},
	{"counts", "", "<r>12 t\n0 two words</r>", "none: t=12 two words=0 "},
	{"counts with escapes", "", "<r>1 a&lt;\\tb</r>", "none: a<\tb=1 "},
	{"counts and a load", " l=\"3 77\" m=\"100\"", "<r>5 t</r>",
	    FULL "t=5 "},
	{"no counts", "", "<r></r>", "none: "},
	{"a count that is none", "", "<r>x t</r>", "line 1 of <r>"},
	{"a count below nothing", "", "<r>1 t\n-1 u</r>", "line 2 of <r>"},
	{"a count without a table", "", "<r>4</r>", "line 1 of <r>"},
	{"a table without a name", "", "<r>4 </r>", "line 1 of <r>"},
	{"a name that is a number", "", "<r>4 \\I5</r>", "line 1 of <r>"},
	{"a name with a NUL", "", "<r>4 a\\x00b</r>", "line 1 of <r>"},
	{"counts twice", "", "<r>4 t</r><r>4 t</r>", "<r> twice"},
	{"counts before knowledge", "", "<r>4 t</r><w></w>", "too late"},
};

struct said {
	char text[500];
};

static int on_head(void *arg, const struct bundle_head *h, struct err *e)
{
	struct said *s = arg;
	size_t n;

	(void)e;
	if (h->load && h->load_all)
		snprintf(s->text, sizeof(s->text), "load %lld %lld all %lld: ",
		    (long long)h->load, (long long)h->load_end,
		    (long long)h->forgotten);
	else if (h->load)
		snprintf(s->text, sizeof(s->text), "load %lld %lld: ",
		    (long long)h->load, (long long)h->load_end);
	else
		snprintf(s->text, sizeof(s->text), "none: ");
	for (size_t i = 0; i < h->ncounts; i++) {
		n = strlen(s->text);
		snprintf(s->text + n, sizeof(s->text) - n, "%s=%lld ",
		    h->counts[i].table, (long long)h->counts[i].rows);
	}
	return 0;
}

static int on_group(void *arg, struct bundle_group *g, struct err *e)
{
	(void)arg;
	(void)g;
	(void)e;
	return 0;
}

/* A file with that header; its descriptor at the beginning. */
static int file_with(const char *attrs, const char *inner)
{
	char path[] = "/tmp/t_load.XXXXXX", xml[1000];
	int n = snprintf(xml, sizeof(xml), "<b v=\"1\" f=\"ann\" t=\"hub\""
	    " i=\"B\" n=\"3\" r=\"0 5\" g=\"C\" c=\"1000\"%s>%s</b>", attrs,
	    inner);
	int fd = mkstemp(path), copy;
	gzFile gz;

	assert_true(fd >= 0);
	unlink(path);
	copy = dup(fd);
	gz = gzdopen(copy, "wb");
	assert_int_equal(gzwrite(gz, xml, (unsigned)n), n);
	assert_int_equal(gzclose(gz), Z_OK);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void test_heads(void **state)
{
	static const struct bundle_ops ops = {on_head, on_group, NULL};
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		int fd = file_with(heads[i].attrs, heads[i].inner), rc;
		struct said s = {""};
		struct err e = ERR_INIT;

		rc = bundle_read(fd, &ops, &s, NULL, &e);
		close(fd);
		if (rc == 0 ? strcmp(s.text, heads[i].want) == 0
			    : strstr(e.text, heads[i].want) != NULL)
			continue;
		print_error("%s: \"%s\", not \"%s\"\n", heads[i].name,
		    rc == 0 ? s.text : e.text, heads[i].want);
		bad++;
	}
	assert_int_equal(bad, 0);
}

/* ---- which bundles count */

#define THEM 7

static const struct {
	const char *name;
	int64_t number, after, upto, load; /* the bundle */
	int64_t began, pos;                /* here; pos has no tag that fits */
	int64_t inc;
	bool begins;
	enum order order;
} orders[] = {
	{"the first of a load, at a new peer", 1, 0, 9, 1, 0, 0, 0, true,
	    ORDER_NEW},
	{"the first of a load, at an old one", 8, 0, 9, 8, 0, 20, THEM, true,
	    ORDER_APPLY},
	{"with a number that was not the first", 9, 0, 9, 8, 0, 20, THEM, true,
	    ORDER_APPLY},
	{"the second, and the first is missing", 9, 9, 12, 8, 0, 20, THEM,
	    true, ORDER_GAP},
	{"a later load", 18, 0, 9, 18, 8, 20, THEM, true, ORDER_APPLY},
	{"one of before the load", 7, 20, 25, 0, 8, 9, THEM, false,
	    ORDER_DUPLICATE},
	{"one of an earlier load", 7, 3, 25, 4, 8, 9, THEM, false,
	    ORDER_DUPLICATE},
	{"one after it, and the load is missing", 12, 30, 33, 0, 0, 20, THEM,
	    false, ORDER_GAP},
	{"a new incarnation in the middle of a load", 12, 0, 9, 8, 8, 5,
	    THEM + 1, true, ORDER_NEW},
	{"a new incarnation's numbers begin anew", 3, 0, 9, 0, 8, 20, THEM + 1,
	    false, ORDER_NEW},
};

static void test_orders(void **state)
{
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct bundle_head h;
		struct peer p;
		struct order_in in = {&h, &p, "ann", 5, false, false, false};
		char why[300] = "?";
		enum order got;

		memset(&h, 0, sizeof(h));
		memset(&p, 0, sizeof(p));
		strcpy(h.from, "hub");
		strcpy(h.to, "ann");
		strcpy(p.name, "hub");
		h.inc = orders[i].inc == THEM + 1 ? THEM + 1 : THEM;
		p.inc = orders[i].inc ? THEM : 0;
		h.number = orders[i].number;
		h.after = orders[i].after;
		h.upto = orders[i].upto;
		h.load = orders[i].load;
		p.began = orders[i].began;
		p.pos = orders[i].pos;
		p.pos_tag = 1;
		/* as the applier has it when it comes to this */
		in.fresh = (int64_t)h.inc != p.inc;
		if (in.fresh)
			p.pos = p.began = 0;
		got = order_decide(&in, why, sizeof(why));
		if (got == orders[i].order && why[0] == '\0' &&
		    order_load_begins(&in) == orders[i].begins)
			continue;
		print_error("%s: %d, not %d; \"%s\"; begins: %d\n",
		    orders[i].name, (int)got, (int)orders[i].order, why,
		    order_load_begins(&in));
		bad++;
	}
	assert_int_equal(bad, 0);
}

/* ---- the order of tables */

#define T(name, rest) "CREATE TABLE " name "(id INTEGER PRIMARY KEY" rest ");"
#define REF(name) ", r_" name " REFERENCES " name

static const struct {
	const char *name, *sql, *want;
} tables[] = {
	{"none", "", ""},
	{"by name", T("b", "") T("a", ""), "a b "},
	{"parents first", T("a", REF("b")) T("b", REF("c")) T("c", ""),
	    "c b a "},
	{"a table of its own rows", T("a", REF("a")) T("b", ""), "a b "},
	{"names in another case", T("a", REF("B")) T("b", ""), "b a "},
	{"a table that is not there", T("a", REF("zz")) T("b", ""), "a b "},
	{"a circle begins with its first name", T("c", REF("b")) T("b",
	    REF("a")) T("a", REF("c")), "a b c "},
	{"behind a circle", T("a", REF("b")) T("b", REF("c")) T("c", REF("b")),
	    "b a c "},
	{"two parents", T("a", REF("c") REF("b")) T("b", REF("d")) T("c", "")
	    T("d", ""), "c d b a "},
};

/* The order that the tables of that schema come in; "!" and why it failed. */
static void order_of(const char *sql, char *out, size_t size)
{
	char path[] = "/tmp/t_load.XXXXXX", **names, **all;
	int fd = mkstemp(path), n = 0, nall = 0;
	struct err e = ERR_INIT;
	struct store *s = NULL;
	sqlite3 *db;

	close(fd);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(store_create(db, "ann", &e), 0);
	sqlite3_close(db);
	assert_int_equal(store_open(path, "ann", DB_WRITE, &s, &e), 0);
	assert_int_equal(store_begin(s, &e), 0);
	assert_int_equal(sqlite3_exec(s->db, "CREATE TEMP TABLE x AS SELECT"
	    " name FROM sqlite_master WHERE type = 'table' AND"
	    " name NOT LIKE 'dialsync%'", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_get_table(s->db, "SELECT name FROM x", &all,
	    &nall, NULL, NULL), SQLITE_OK);
	for (int i = 1; i <= nall; i++)
		if (capture_track(s, all[i], &e) < 0)
			fail_msg("%s", e.text);
	sqlite3_free_table(all);
	assert_int_equal(capture_load_order(s, &names, &n, &e), 0);
	out[0] = '\0';
	for (int i = 0; i < n; i++) {
		size_t at = strlen(out);

		snprintf(out + at, size - at, "%s ", names[i]);
		free(names[i]);
	}
	free(names);
	store_rollback(s);
	store_close(s);
	unlink(path);
}

static void test_tables(void **state)
{
	char got[200];
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		order_of(tables[i].sql, got, sizeof(got));
		if (strcmp(got, tables[i].want) == 0)
			continue;
		print_error("%s: \"%s\", not \"%s\"\n", tables[i].name, got,
		    tables[i].want);
		bad++;
	}
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
