/* Bundles: what is written is read again; the worked example of the format's
 * document, byte for byte; callbacks.  Hostile files: t_bundle_hostile.c. */
#include "config.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "bundle/bundle.h"
#include "tests/bundle_random.h"

/* ---- helpers */

static struct value text(const char *s)
{
	return (struct value){.type = VALUE_TEXT, .p = s, .n = strlen(s)};
}

static struct value integer(int64_t i)
{
	return (struct value){.type = VALUE_INTEGER, .i = i};
}

/* ---- round trips */

static void random_bundles_come_back(void **state)
{
	struct random r = {seed_from_environment()};
	struct bundle_writer *w = bundle_writer_new();
	struct buf out = BUF_INIT(SIZE_MAX);

	(void)state;
	print_message("SEED=%llu\n", (unsigned long long)r.state);
	for (int i = 0; i < 150; i++) {
		struct lines want = {0}, got = {0};
		struct err e = ERR_INIT;
		struct bundle_head h;
		bool cut;

		buf_reset(&out);
		random_bundle(&r, w, &h, &want);
		assert_true(bundle_rows(w) + 1 == want.n);
		if (bundle_finish(w, &h, &out, &e) != 0)
			fail_msg("bundle %d: %s", i, e.text);
		assert_true(bundle_rows(w) == 0 && bundle_raw(w) == 0);
		if (read_bundle(out.p, out.n, &got, &cut, &e) != 0)
			fail_msg("bundle %d: %s", i, e.text);
		assert_false(cut);
		/* the head is the first line of both */
		assert_string_equal(want.line[0], got.line[0]);
		lines_sort(&want);
		lines_sort(&got);
		if (lines_differ(&want, &got))
			fail_msg("bundle %d: %s", i,
			    lines_differ(&want, &got));
		lines_free(&want);
		lines_free(&got);
	}
	buf_free(&out);
	bundle_writer_free(w);
}

/* A group shape: rows of one table (id, a, b), and the XML that they make. */
struct shape_row {
	enum bundle_kind kind;
	int64_t key, ago;
	uint32_t origin;
	const char *a, *b;  /* NULL: not carried */
};

static const struct {
	const char *name, *xml;
	struct shape_row row[4];
} shapes[] = {
	{"no rows", "", {{0}}},
	{"one death", "<d t=\"t\"><k y=\"d\">7</k></d>",
	    {{BUNDLE_DEATH, 7, 0, 0, 0, 0}}},
	{"three deaths, sorted, of one clock",
	    "<d t=\"t\" n=\"3\" s=\"1\" v=\"5\"><k y=\"d\">-3\n8\n4</k></d>",
	    {{BUNDLE_DEATH, 9, 5, 1, 0, 0}, {BUNDLE_DEATH, -3, 5, 1, 0, 0},
	    {BUNDLE_DEATH, 5, 5, 1, 0, 0}}},
	{"origins and clocks differ",
	    "<d t=\"t\" n=\"2\"><k y=\"d\">1\n1</k><s>0 1</s><v>-2 5</v></d>",
	    {{BUNDLE_DEATH, 2, 3, 1, 0, 0}, {BUNDLE_DEATH, 1, -2, 0, 0, 0}}},
	{"an update names only what it carries",
	    "<u t=\"t\"><k y=\"d\">1</k><c n=\"b\">x</c></u>",
	    {{BUNDLE_UPDATE, 1, 0, 0, 0, "x"}}},
	{"a birth names all columns",
	    "<i t=\"t\"><k y=\"d\">1</k><c n=\"a\" i=\"\"/>"
	    "<c n=\"b\">x</c></i>",
	    {{BUNDLE_BIRTH, 1, 0, 0, 0, "x"}}},
	{"some rows carry it",
	    "<u t=\"t\" n=\"3\"><k y=\"d\">1\n1\n1</k>"
	    "<c n=\"a\" i=\"1 2\">p\nq</c><c n=\"b\" i=\"2\">r</c></u>",
	    {{BUNDLE_UPDATE, 1, 0, 0, "p", 0}, {BUNDLE_UPDATE, 3, 0, 0, "q",
	    0}, {BUNDLE_UPDATE, 2, 0, 0, 0, "r"}}},
	{"a constant", "<u t=\"t\" n=\"2\"><k y=\"d\">1\n1</k>"
	    "<c n=\"a\" x=\"&lt;&quot;>\"/></u>",
	    {{BUNDLE_UPDATE, 1, 0, 0, "<\">", 0},
	    {BUNDLE_UPDATE, 2, 0, 0, "<\">", 0}}},
	{"empty texts", "<u t=\"t\" n=\"2\"><k y=\"d\">1\n1</k>"
	    "<c n=\"a\" x=\"\"/><c n=\"b\" i=\"1\"></c></u>",
	    {{BUNDLE_UPDATE, 1, 0, 0, "", ""}, {BUNDLE_UPDATE, 2, 0, 0, "",
	    0}}},
	{"end of CDATA", "<u t=\"t\"><k y=\"d\">1</k>"
	    "<c n=\"a\">]>]]&gt;&amp;</c></u>",
	    {{BUNDLE_UPDATE, 1, 0, 0, "]>]]>&", 0}}},
	{"deaths, updates, births", "<d t=\"t\"><k y=\"d\">3</k></d>"
	    "<u t=\"t\"><k y=\"d\">2</k><c n=\"a\">v</c></u>"
	    "<i t=\"t\"><k y=\"d\">1</k><c n=\"a\" i=\"\"/>"
	    "<c n=\"b\" i=\"\"/></i>",
	    {{BUNDLE_BIRTH, 1, 0, 0, 0, 0}, {BUNDLE_UPDATE, 2, 0, 0, "v", 0},
	    {BUNDLE_DEATH, 3, 0, 0, 0, 0}}},
};

#define SHAPE_HEAD "<b v=\"1\" f=\"ann\" t=\"hub\" i=\"B\" n=\"1\" r=\"0 1\" " \
	"g=\"C\" c=\"1000\"><o>bob D</o>"

static void shape_head(struct bundle_head *h)
{
	static const struct bundle_origin origins[] = {{"ann", 1}, {"bob", 3}};

	memset(h, 0, sizeof *h);
	strcpy(h->from, "ann");
	strcpy(h->to, "hub");
	h->inc = 1;
	h->number = h->upto = 1;
	h->tag = 2;
	h->clock = h->wall = 1000;
	h->norigins = 2;
	h->origins = origins;
}

static void each_shape_has_its_xml(void **state)
{
	static const char *const cols[] = {"id", "a", "b"};
	static const int key[] = {0};
	struct buf out = BUF_INIT(SIZE_MAX), xml = BUF_INIT(SIZE_MAX);
	struct bundle_writer *w = bundle_writer_new();

	(void)state;
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		struct err e = ERR_INIT;
		struct bundle_head h;
		char want[1024];

		shape_head(&h);
		int t = bundle_table(w, "t", 3, cols, 1, key);

		for (int k = 0; k < 4 && shapes[i].row[k].key; k++) {
			const struct shape_row *s = &shapes[i].row[k];
			struct value id = integer(s->key);

			bundle_row(w, t, s->kind, 1000 - s->ago, s->origin);
			bundle_key(w, &id);
			if (s->a)
				bundle_field(w, 1, &(struct value){VALUE_TEXT,
				    0, 0, s->a, strlen(s->a)});
			if (s->b)
				bundle_field(w, 2, &(struct value){VALUE_TEXT,
				    0, 0, s->b, strlen(s->b)});
		}
		buf_reset(&out);
		buf_reset(&xml);
		assert_int_equal(bundle_finish(w, &h, &out, &e), 0);
		gunzip(&out, &xml);
		snprintf(want, sizeof want, SHAPE_HEAD "%s</b>",
		    shapes[i].xml);
		if (strcmp(buf_str(&xml), want) != 0)
			fail_msg("%s:\n%s instead of\n%s", shapes[i].name,
			    buf_str(&xml), want);
	}
	buf_free(&out);
	buf_free(&xml);
	bundle_writer_free(w);
}

/* ---- the worked example of doc/BUNDLE.md */

static void example_head(struct bundle_head *h)
{
	static const struct bundle_origin origins[] = {
	    {"ann", 0x2b1c04d8}, {"carl", 0x77aa0e51}};
	static const struct bundle_clock know[] = {{1, 1779090000}};
	static const uint64_t tags[] = {0x5f3a};

	memset(h, 0, sizeof *h);
	strcpy(h->from, "ann");
	strcpy(h->to, "hub");
	h->inc = origins[0].inc;
	h->rinc = 0x1f00c2b7;
	h->number = 118;
	h->after = 4711;
	h->upto = 4716;
	h->tag = 0x9d3f2a11;
	h->end = true;
	h->clock = h->wall = 1779091368;
	h->schema = 0x12345678;
	h->has_ack = true;
	h->ack_inc = h->rinc;
	h->ack_upto = 331;
	h->ack_tag = 0x44332211;
	h->nacktags = 1;
	h->acktags = tags;
	h->norigins = 2;
	h->origins = origins;
	h->nknow = 1;
	h->know = know;
}

#define EXAMPLE_ID "6f1c9a52-0d3e-4b7a-9c58-21e4f7a0b3d6"

static void example_rows(struct bundle_writer *w)
{
	static const char *const contacts[] = {"id", "name", "phone", "rep"};
	static const char *const visits[] = {"n", "contact", "at", "fee"};
	static const int key[] = {0};
	struct value id = text(EXAMPLE_ID), v;
	int c = bundle_table(w, "contacts", 4, contacts, 1, key);
	int t = bundle_table(w, "visits", 4, visits, 1, key);

	bundle_row(w, c, BUNDLE_UPDATE, 1779091367, 0);
	bundle_key(w, &id);
	v = text("312-555-0142");
	bundle_field(w, 2, &v);
	for (int i = 0; i < 3; i++) {
		bundle_row(w, t, BUNDLE_BIRTH, 1779091300 + i * 20, 0);
		v = integer(17 + i);
		bundle_key(w, &v);
		v = text(EXAMPLE_ID);
		bundle_field(w, 1, &v);
		v = (struct value){.type = VALUE_REAL, .r = 80 + i * 2.5};
		if (i != 1)
			bundle_field(w, 3, &v);
	}
	bundle_row(w, t, BUNDLE_DEATH, 1779089999, 1);
	v = integer(4);
	bundle_key(w, &v);
}

static const char example_xml[] =
    "<b v=\"1\" f=\"ann\" t=\"hub\" i=\"rHATY\" j=\"fAMK3\" n=\"118\" "
    "r=\"4711 4716\" g=\"CdPyoR\" c=\"1779091368\" h=\"SNFZ4\" e=\"1\">"
    "<y u=\"331\" g=\"BEMyIR\">F86</y><o>carl B3qg5R</o><w>1 1368</w>"
    "<d t=\"visits\" s=\"1\" v=\"1369\"><k y=\"d\">4</k></d>"
    "<u t=\"contacts\" v=\"1\"><k y=\"u\">bxyaUg0-S3qcWCHk96Cz1g</k>"
    "<c n=\"phone\">312-555-0142</c></u>"
    "<i t=\"visits\" n=\"3\"><k y=\"d\">17\n1\n1</k><v>68 -20 -20</v>"
    "<c n=\"contact\" x=\"@0\" y=\"u\"/><c n=\"at\" i=\"\"/>"
    "<c n=\"fee\" i=\"1 2\" a=\"r\">80\n85</c></i></b>";

static void the_example_is_true(void **state)
{
	struct buf out = BUF_INIT(SIZE_MAX), xml = BUF_INIT(SIZE_MAX);
	struct bundle_writer *w = bundle_writer_new();
	struct err e = ERR_INIT;
	struct bundle_head h;

	(void)state;
	example_head(&h);
	example_rows(w);
	assert_int_equal(bundle_finish(w, &h, &out, &e), 0);
	gunzip(&out, &xml);
	assert_string_equal(buf_str(&xml), example_xml);
	/* the document breaks lines between elements, and only there */
	struct buf doc = BUF_INIT((size_t)1 << 20);
	const char *top = getenv("abs_top_srcdir");
	char *path = fs_join(top ? top : ".", "doc/BUNDLE.md");

	if (fs_read(path, &doc, &e) != 0)
		fail_msg("%s; set abs_top_srcdir", e.text);
	const char *p = strstr(buf_str(&doc), "    <b v=\"1\"");
	const char *want = example_xml;

	assert_non_null(p);
	for (p += 4; *want; p++) {
		if (strncmp(p, "\n    ", 5) == 0 && want[-1] == '>' &&
		    *want == '<')
			p += 5;
		else if (strncmp(p, "\n    ", 5) == 0 && *want == '\n')
			p += 5, want++;
		if (*p != *want++)
			fail_msg("doc/BUNDLE.md differs before %s", p);
	}
	free(path);
	buf_free(&doc);
	buf_free(&out);
	buf_free(&xml);
	bundle_writer_free(w);
}

/* What show prints, and that nothing reaches the terminal raw. */
static int gather_line(void *arg, const char *s, size_t n)
{
	buf_add(arg, s, n);
	buf_addc(arg, '\n');
	return 0;
}

static void the_example_in_words(void **state)
{
	static const char want[] =
	    "bundle 118 from ann (incarnation rHATY) to hub (incarnation "
	    "fAMK3), packed 2026-05-18T08:02:48Z\n"
	    "  not signed\n"
	    "  changes after 4711 up to 4716 of ann's sequence, tag CdPyoR; "
	    "reaches its end\n"
	    "  acknowledges hub up to 331, tag BEMyIR\n"
	    "  knows: ann 2026-05-18T08:02:48Z, carl 2026-05-18T07:40:00Z\n"
	    "visits  death  key=4  (2026-05-18T07:39:59Z carl)\n"
	    "contacts  update  key='" EXAMPLE_ID "'  phone='312-555-0142'  "
	    "(2026-05-18T08:02:47Z ann)\n"
	    "visits  birth  key=17  contact='" EXAMPLE_ID "'  fee=80.0  "
	    "(2026-05-18T08:01:40Z ann)\n"
	    "visits  birth  key=18  contact='" EXAMPLE_ID "'  "
	    "(2026-05-18T08:02:00Z ann)\n"
	    "visits  birth  key=19  contact='" EXAMPLE_ID "'  fee=85.0  "
	    "(2026-05-18T08:02:20Z ann)\n";
	struct buf gz = BUF_INIT(SIZE_MAX), b = BUF_INIT(SIZE_MAX);
	struct err e = ERR_INIT;

	(void)state;
	gzip(example_xml, strlen(example_xml), &gz);
	if (bundle_show(file_of(gz.p, gz.n), gather_line, &b, &e) != 0)
		fail_msg("%s", e.text);
	assert_string_equal(buf_str(&b), want);
	buf_free(&gz);
	buf_free(&b);
}

static void show_is_safe_on_a_terminal(void **state)
{
	static const char body[] = SHAPE_HEAD "<u t=\"\\x1B]0;t\"><k>\\x07</k>"
	    "<c n=\"\xc2\x9b\">\\x1B[2J\\r\\n\xc2\x9b"
	    "1m\xe2\x80\xae'\\\\\xc3\xa4</c></u></b>";
	struct buf gz = BUF_INIT(SIZE_MAX), b = BUF_INIT(SIZE_MAX);
	struct err e = ERR_INIT;

	(void)state;
	gzip(body, strlen(body), &gz);
	if (bundle_show(file_of(gz.p, gz.n), gather_line, &b, &e) != 0)
		fail_msg("%s", e.text);
	assert_non_null(strstr(buf_str(&b),
	    "\\x1B]0;t  update  key='\\x07'  \\xC2\\x9B='\\x1B[2J\\x0D\\n"
	    "\\xC2\\x9B1m\\xE2\\x80\\xAE''\\\\\xc3\xa4'"));
	buf_free(&gz);
	buf_free(&b);
}

/* ---- callbacks and callers */

static int head_enough(void *arg, const struct bundle_head *h, struct err *e)
{
	(void)h, (void)e;
	++*(int *)arg;
	return 1;
}

static int head_fails(void *arg, const struct bundle_head *h, struct err *e)
{
	(void)arg, (void)h;
	return err_set(e, ERR_REFUSED, "not for us");
}

static int group_fails(void *arg, struct bundle_group *g, struct err *e)
{
	(void)arg, (void)g;
	return err_set(e, ERR_BUSY, "database locked");
}

static int head_fine(void *arg, const struct bundle_head *h, struct err *e)
{
	(void)arg, (void)h, (void)e;
	return 0;
}

static void callbacks_decide(void **state)
{
	static const struct bundle_ops enough = {head_enough, group_fails, 0},
	    refused = {head_fails, group_fails, 0},
	    locked = {head_fine, group_fails, 0};
	struct buf gz = BUF_INIT(SIZE_MAX);
	struct err e = ERR_INIT;
	int calls = 0;

	(void)state;
	gzip(example_xml, strlen(example_xml), &gz);
	assert_int_equal(bundle_read(file_of(gz.p, gz.n), &enough, &calls,
	    NULL, &e), 1);
	assert_int_equal(calls, 1);
	assert_int_equal(bundle_read(file_of(gz.p, gz.n), &refused, NULL,
	    NULL, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_string_equal(e.text, "not for us");
	assert_int_equal(bundle_read(file_of(gz.p, gz.n), &locked, NULL,
	    NULL, &e), -1);
	assert_int_equal(e.kind, ERR_BUSY);
	assert_int_equal(bundle_read(-1, &locked, NULL, NULL, &e), -1);
	assert_int_equal(e.kind, ERR_SYSTEM);
	buf_free(&gz);
}

static void what_callers_must_not_do(void **state)
{
	static const char *const cols[] = {"id", "a"};
	static const int key[] = {0};
	struct value v = integer(1);
	struct buf out = BUF_INIT(SIZE_MAX);

	(void)state;
	for (int i = 0; i < 8; i++) {
		struct bundle_writer *w = bundle_writer_new();
		struct err e = ERR_INIT;
		struct bundle_head h;
		int t = bundle_table(w, "t", 2, cols, 1, key);

		assert_int_equal(bundle_table(w, "t", 2, cols, 1, key), t);
		shape_head(&h);
		if (i != 7)
			bundle_row(w, i == 0 ? 5 : t, i == 1 ? BUNDLE_DEATH :
			    BUNDLE_UPDATE, 1000, i == 2 ? 2 : 0);
		if (i != 3)
			bundle_key(w, &v);
		if (i == 4)
			bundle_key(w, &v);
		bundle_field(w, i == 5 ? 2 : 1, &v);
		if (i == 6)
			bundle_field(w, 1, &v);
		assert_int_equal(bundle_finish(w, &h, &out, &e), -1);
		assert_int_equal(e.kind, ERR_CALLER);
		assert_true(out.n == 0);
		bundle_writer_free(w);
	}
	buf_free(&out);
}

/* More rows than a group holds, UUIDs enough to fill the dictionary. */
static void large_groups_are_split(void **state)
{
	static const char *const cols[] = {"id", "a"};
	static const int key[] = {0};
	struct bundle_writer *w = bundle_writer_new();
	struct buf out = BUF_INIT(SIZE_MAX);
	struct lines want = {0}, got = {0};
	struct err e = ERR_INIT;
	struct bundle_head h;
	char id[40], line[200];

	(void)state;
	shape_head(&h);
	int t = bundle_table(w, "t", 2, cols, 1, key);

	for (int i = 0; i < 70000; i++) {
		snprintf(id, sizeof id, "%08x-1111-4222-8333-0123456789ab",
		    (unsigned)i * 2654435761u);
		struct value v = text(id);

		bundle_row(w, t, BUNDLE_UPDATE, 1000, 0);
		bundle_key(w, &v);
		bundle_field(w, 1, &v);
		buf_reset(&out);
		for (int k = 0; k < 36; k++)
			buf_addf(&out, "%02x", (unsigned char)id[k]);
		snprintf(line, sizeof line, "row t 1 1000 0 T%s a=T%s", out.p,
		    out.p);
		lines_add(&want, line);
	}
	buf_reset(&out);
	assert_int_equal(bundle_finish(w, &h, &out, &e), 0);
	if (read_bundle(out.p, out.n, &got, NULL, &e) != 0)
		fail_msg("%s", e.text);
	lines_add(&want, got.line[0]);
	lines_sort(&want);
	lines_sort(&got);
	assert_null(lines_differ(&want, &got));
	lines_free(&want);
	lines_free(&got);
	buf_free(&out);
	bundle_writer_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_shape_has_its_xml),
		cmocka_unit_test(random_bundles_come_back),
		cmocka_unit_test(the_example_in_words),
		cmocka_unit_test(show_is_safe_on_a_terminal),
		cmocka_unit_test(callbacks_decide),
		cmocka_unit_test(what_callers_must_not_do),
		cmocka_unit_test(large_groups_are_split),
		cmocka_unit_test(the_example_is_true),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
