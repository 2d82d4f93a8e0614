/* Bundles: what is written is read again; the worked example of the format's
 * document, byte for byte; hostile files; files that are damaged by chance. */
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
#include <zlib.h>

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

static void gzip(const char *p, size_t n, struct buf *out)
{
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8,
	    Z_DEFAULT_STRATEGY), Z_OK);
	size_t max = deflateBound(&z, n) + 32;
	char *room = buf_room(out, max);

	z.next_in = (Bytef *)(uintptr_t)p;
	z.avail_in = (uInt)n;
	z.next_out = (Bytef *)room;
	z.avail_out = (uInt)max;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->n += max - z.avail_out;
	deflateEnd(&z);
}

static void gunzip(const struct buf *in, struct buf *out)
{
	z_stream z = {0};
	int rc;

	assert_int_equal(inflateInit2(&z, 31), Z_OK);
	z.next_in = (Bytef *)in->p;
	z.avail_in = (uInt)in->n;
	do {
		char *room = buf_room(out, 65536);

		z.next_out = (Bytef *)room;
		z.avail_out = 65536;
		rc = inflate(&z, Z_NO_FLUSH);
		out->n += 65536 - z.avail_out;
	} while (rc == Z_OK);
	assert_int_equal(rc, Z_STREAM_END);
	buf_addc(out, '\0');
	out->n--;
	inflateEnd(&z);
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

/* ---- hostile files */

#define H "<b v=\"1\" f=\"ann\" t=\"hub\" i=\"B\" n=\"1\" r=\"0 1\" g=\"C\" " \
	"c=\"1000\""
#define U H "><u t=\"t\"><k>1</k>"
#define UE "</u></b>"

static const struct {
	const char *name, *xml, *message;  /* message NULL: it is good */
} hostile[] = {
	{"smallest", H "/>", NULL},
	{"smallest with a row", U UE, NULL},
	{"character references", U "<c n=\"a\">&#65;&#x42;&lt;</c>" UE, NULL},
	{"empty", "", "not well-formed"},
	{"no XML", "hello", "it must begin with <b"},
	{"declaration", "<?xml version=\"1.0\"?>" H "/>", "it must begin"},
	{"byte order mark", "\xef\xbb\xbf" H "/>", "it must begin"},
	{"UTF-16", "\xff\xfe<\0b\0", "it must begin"},
	{"document type", "<!DOCTYPE b>" H "/>", "it must begin"},
	{"document type later", H "><!DOCTYPE b></b>", "not well-formed"},
	{"other root", "<b2 v=\"1\"/>", "it must begin"},
	{"not closed", H ">", "not well-formed"},
	{"two roots", H "/>" H "/>", "not well-formed"},
	{"text behind", H "/>x", "not well-formed"},
	{"wrong nesting", U "</b></u>", "not well-formed"},
	{"format 2", "<b v=\"2\"/>", "not format 1"},
	{"no format", "<b f=\"a\"/>", "not format 1"},
	{"no sender", "<b v=\"1\" t=\"hub\"/>", "attribute \"f\""},
	{"sender is a path", "<b v=\"1\" f=\"../x\"/>", "attribute \"f\""},
	{"no receiver", "<b v=\"1\" f=\"a\"/>", "attribute \"t\""},
	{"no incarnation", "<b v=\"1\" f=\"a\" t=\"b\"/>", "attribute \"i\""},
	{"incarnation of 67 bits", "<b v=\"1\" f=\"a\" t=\"b\" "
	    "i=\"Q__________\"/>", "attribute \"i\""},
	{"no number", "<b v=\"1\" f=\"a\" t=\"b\" i=\"A\"/>",
	    "attribute \"n\""},
	{"negative number", "<b v=\"1\" f=\"a\" t=\"b\" i=\"A\" n=\"-1\"/>",
	    "attribute \"n\""},
	{"range backwards", "<b v=\"1\" f=\"a\" t=\"b\" i=\"A\" n=\"1\" "
	    "r=\"2 1\"/>", "attribute \"r\""},
	{"range of three", "<b v=\"1\" f=\"a\" t=\"b\" i=\"A\" n=\"1\" "
	    "r=\"1 2 3\"/>", "attribute \"r\""},
	{"no clock", "<b v=\"1\" f=\"a\" t=\"b\" i=\"A\" n=\"1\" "
	    "r=\"1 2\"/>", "attribute \"c\""},
	{"flag of two", H " e=\"2\"/>", "attribute \"e\""},
	{"fingerprint of 36 bits", H " h=\"______\"/>", "attribute \"h\""},
	{"unknown attribute", H " q=\"2\"/>", "unknown attribute \"q\""},
	{"long attribute", H " end=\"2\"/>", "unknown attribute \"end\""},
	{"attribute twice", H " n=\"2\"/>", "not well-formed"},
	{"namespace", H " xmlns=\"urn:x\"/>", "a namespace"},
	{"prefix", H " xmlns:a=\"urn:x\" a:e=\"1\"/>", "a namespace"},
	{"unknown element", H "><p/></b>", "unknown element <p>"},
	{"unknown element in a group", U "<z/>" UE, "unknown element <z>"},
	{"too deep", U "<c n=\"a\"><c/></c>" UE, "unknown element <c>"},
	{"comment", U "<!-- -->" UE, "a comment"},
	{"instruction", U "<?x y?>" UE, "a processing instruction"},
	{"CDATA", U "<c n=\"a\"><![CDATA[x]]></c>" UE, "a CDATA section"},
	{"entity", U "<c n=\"a\">&foo;</c>" UE, "not well-formed"},
	{"NUL", U "<c n=\"a\">&#0;</c>" UE, "not well-formed"},
	{"text between elements", H ">x</b>", "text where only"},
	{"text in a group", U "x" UE, "text where only"},
	{"invalid UTF-8", U "<c n=\"a\">\xc3(</c>" UE, "not UTF-8"},
	{"overlong UTF-8", U "<c n=\"a\">\xc0\xaf</c>" UE, "not UTF-8"},
	{"surrogate", U "<c n=\"a\">\xed\xa0\x80</c>" UE, "not UTF-8"},
	{"control character", U "<c n=\"a\">\x01</c>" UE, "not well-formed"},
	{"header after a group", U "</u><q>1 A</q></b>", "comes too late"},
	{"header element twice", H "><o>a A</o><o>b B</o></b>", "twice"},
	{"chain of words", H "><q>x A</q></b>", "line 1 of <q>"},
	{"chain without a tag", H "><q>1 A\n2</q></b>", "line 2 of <q>"},
	{"chain of three", H "><q>1 A B</q></b>", "line 1 of <q>"},
	{"acknowledgement of nothing", H "><y/></b>", "attribute \"u\""},
	{"a wish after no bundle", H "><y u=\"1\" x=\"0\"/></b>",
	    "attribute \"x\""},
	{"tags that are none", H "><y u=\"1\">A +</y></b>", "tag 2 of <y>"},
	{"origin without a name", H "><o> A</o></b>", "line 1 of <o>"},
	{"the end of an unknown origin", H "><l>1 5</l></b>",
	    "line 1 of <l>"},
	{"knowledge of an unknown origin", H "><w>1 5</w></b>",
	    "line 1 of <w>"},
	{"knowledge of the sender", H "><o>a A</o><w>0 5</w></b>",
	    "line 1 of <w>"},
	{"adoption at the end", H " e=\"1\"><a>0 5</a></b>", "reaches the end"},
	{"group without a table", H "><u><k>1</k></u></b>", "valid name"},
	{"table with an empty name", H "><u t=\"\"/></b>", "valid name"},
	{"table with a NUL", H "><u t=\"a\\x00\"/></b>", "valid name"},
	{"table that is a number", H "><u t=\"\\I5\"/></b>", "valid name"},
	{"group of no rows", H "><u t=\"t\" n=\"0\"/></b>", "from 1 to 65536"},
	{"group too large", H "><u t=\"t\" n=\"65537\"/></b>",
	    "from 1 to 65536"},
	{"unknown origin", H "><u t=\"t\" s=\"1\"/></b>", "from 0 to 0"},
	{"clock is no number", H "><u t=\"t\" v=\"x\"/></b>",
	    "attribute \"v\""},
	{"group without a key", H "><u t=\"t\"></u></b>", "without a key"},
	{"column before the key", H "><u t=\"t\"><c n=\"a\"/></u></b>",
	    "before the key"},
	{"key after a column", U "<c n=\"a\">1</c><k>1</k>" UE,
	    "comes too late"},
	{"death with a column", H "><d t=\"t\"><k>1</k><c n=\"a\">1</c></d>"
	    "</b>", "in a group of deaths"},
	{"too many lines", U "<c n=\"a\">1\n2</c>" UE, "2 lines for 1 rows"},
	{"too few lines", H "><u t=\"t\" n=\"2\"><k>1\n2</k><c n=\"a\">1</c>"
	    UE, "1 lines for 2 rows"},
	{"too few keys", H "><u t=\"t\" n=\"2\"><k>1</k>" UE,
	    "1 lines for 2 rows"},
	{"unknown form", H "><u t=\"t\"><k y=\"x\">1</k>" UE, "unknown form"},
	{"differences in a column", U "<c n=\"a\" y=\"d\">1</c>" UE,
	    "unknown form"},
	{"unknown class", U "<c n=\"a\" a=\"t\">1</c>" UE, "unknown class"},
	{"column twice", U "<c n=\"a\">1</c><c n=\"a\">1</c>" UE,
	    "column \"a\" twice"},
	{"column without a name", U "<c>1</c>" UE, "valid name"},
	{"row that is not there", U "<c n=\"a\" i=\"2\">1</c>" UE,
	    "not in the group"},
	{"row zero", U "<c n=\"a\" i=\"0\">1</c>" UE, "not in the group"},
	{"row index is no number", U "<c n=\"a\" i=\"x\">1</c>" UE,
	    "not in the group"},
	{"update that carries nothing", U "<c n=\"a\" i=\"\"/>" UE,
	    "not in the group"},
	{"value that no row carries", H "><i t=\"t\"><k>1</k>"
	    "<c n=\"a\" i=\"\">1</c></i></b>", "no row carries"},
	{"constant and text", U "<c n=\"a\" x=\"1\">1</c>" UE, "both \"x\""},
	{"constant of two lines", U "<c n=\"a\" x=\"1&#10;1\"/>" UE,
	    "2 lines for 1 rows"},
	{"UUID cut short", H "><u t=\"t\"><k y=\"u\">AAAA</k>" UE,
	    "line 1 of <k>"},
	{"UUID not yet written", H "><u t=\"t\"><k y=\"u\">@0</k>" UE,
	    "line 1 of <k>"},
	{"NULL as a UUID key", H "><u t=\"t\"><k y=\"u\">\\N</k>" UE,
	    "line 1 of <k>"},
	{"empty UUID", U "<c n=\"a\" y=\"u\"></c>" UE, "line 1 of <c>"},
	{"empty UUID constant", U "<c n=\"a\" y=\"u\" x=\"\"/>" UE,
	    "line 1 of <c>"},
	{"UUID reference to itself", U "<c n=\"a\" y=\"u\">@0</c>" UE,
	    "line 1 of <c>"},
	{"origin list too short", H "><u t=\"t\" n=\"2\"><k>1\n2</k><s>0</s>"
	    UE, "number 2 of <s>"},
	{"origin list too long", U "<s>0 0</s>" UE, "more numbers"},
	{"origin list unknown", U "<s>1</s>" UE, "number 1 of <s>"},
	{"clock list of words", U "<v>x</v>" UE, "number 1 of <v>"},
	{"clock list empty", U "<v></v>" UE, "number 1 of <v>"},
	{"bad value", U "<c n=\"a\">\\q</c>" UE,
	    "table t, column a, row 1: the value"},
	{"integer that is none", U "<c n=\"a\" a=\"i\">x</c>" UE,
	    "table t, column a, row 1: the value"},
	{"bad constant", U "<c n=\"a\" x=\"\\q\"/>" UE, "column a, row 1"},
	{"bad key", H "><u t=\"t\"><k>\\q</k>" UE, "row 1: the key"},
	{"key over the edge", H "><u t=\"t\" n=\"2\"><k y=\"d\">"
	    "9223372036854775807\n1</k>" UE, "row 2: the key"},
	{"bad exception", U "<c n=\"a\" y=\"u\">=\\q</c>" UE,
	    "column a, row 1"},
};

static void hostile_xml_is_refused(void **state)
{
	struct buf gz = BUF_INIT(SIZE_MAX);

	(void)state;
	for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
		struct lines got = {0};
		struct err e = ERR_INIT;
		bool cut = true;

		buf_reset(&gz);
		gzip(hostile[i].xml, strlen(hostile[i].xml), &gz);
		int rc = read_bundle(gz.p, gz.n, &got, &cut, &e);

		if (!hostile[i].message && rc != 0)
			fail_msg("%s: refused: %s", hostile[i].name, e.text);
		if (hostile[i].message && (rc != -1 || e.kind != ERR_DATA ||
		    strncmp(e.text, "offset ", 7) ||
		    !strstr(e.text, hostile[i].message)))
			fail_msg("%s: %d \"%s\" instead of \"%s\"",
			    hostile[i].name, rc, e.text, hostile[i].message);
		assert_false(cut);
		lines_free(&got);
	}
	buf_free(&gz);
}

/* Changes to the gzip file of a good bundle. */
static void the_gzip_is_checked(void **state)
{
	struct buf gz = BUF_INIT(SIZE_MAX), b = BUF_INIT(SIZE_MAX);
	struct lines got = {0};
	struct err e = ERR_INIT;
	bool cut;

	(void)state;
	gzip(example_xml, strlen(example_xml), &gz);
	for (size_t n = 0; n < gz.n; n++) {
		if (read_bundle(gz.p, n, &got, &cut, &e) != -1 || !cut ||
		    e.kind != ERR_DATA || !strstr(e.text, "too early"))
			fail_msg("cut at %zu: %s", n, e.text);
	}
	buf_add(&b, gz.p, gz.n);
	buf_addc(&b, '\0');
	assert_int_equal(read_bundle(b.p, b.n, &got, &cut, &e), -1);
	assert_non_null(strstr(e.text, "behind the end"));
	assert_false(cut);
	b.n--;
	buf_add(&b, gz.p, gz.n);
	assert_int_equal(read_bundle(b.p, b.n, &got, &cut, &e), -1);
	assert_non_null(strstr(e.text, "behind the end"));
	gz.p[gz.n - 8] ^= 1;
	assert_int_equal(read_bundle(gz.p, gz.n, &got, &cut, &e), -1);
	assert_non_null(strstr(e.text, "incorrect data check"));
	assert_int_equal(read_bundle("hello, world", 12, &got, &cut, &e), -1);
	assert_false(cut);
	gz.p[gz.n - 8] ^= 1;
	/* with an extra field: room for a digest */
	buf_reset(&b);
	buf_add(&b, gz.p, 10);
	b.p[3] |= 4;
	buf_add(&b, "\x06\0DS\x02\0xy", 8);
	buf_add(&b, gz.p + 10, gz.n - 10);
	if (read_bundle(b.p, b.n, &got, &cut, &e) != 0)
		fail_msg("extra field: %s", e.text);
	lines_free(&got);
	buf_free(&gz);
	buf_free(&b);
}

/* Small files that would become large: the text, one tag, the values. */
static void bombs_are_refused(void **state)
{
	static const struct {
		const char *begin, *repeat, *end, *message;
		size_t times;
	} bombs[] = {
		{U "<c n=\"a\">", "aaaaaaaaaaaaaaaa", "", "more than 64 MB",
		    5 << 20},
		{U "<c n=\"a\" x=\"", "aaaaaaaa", "", "a tag of more than",
		    1 << 16},
		{H " ", "b  ", "", "a tag of more than", 1 << 18},
		{U "<!--", "aaaaaaaa", "", "a tag of more than", 1 << 16},
		{H "><o>", "a A\n", "</o></b>", "more than 4095 lines",
		    1 << 14},
		{H "><o>", "aaaaaaaa", "", "of more than 1 MB", 1 << 18},
		{U, "<c n=\"a\">", "", "unknown element <c>", 1 << 10},
		{H ">", "<u t=\"t\"><k>1</k></u>", "", "not well-formed", 5000},
	};
	struct buf xml = BUF_INIT(SIZE_MAX), gz = BUF_INIT(SIZE_MAX);

	(void)state;
	for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
		struct lines got = {0};
		struct err e = ERR_INIT;

		buf_reset(&xml);
		buf_reset(&gz);
		buf_adds(&xml, bombs[i].begin);
		for (size_t k = 0; k < bombs[i].times; k++)
			buf_adds(&xml, bombs[i].repeat);
		buf_adds(&xml, bombs[i].end);
		gzip(xml.p, xml.n, &gz);
		assert_int_equal(read_bundle(gz.p, gz.n, &got, NULL, &e), -1);
		if (!strstr(e.text, bombs[i].message))
			fail_msg("bomb %zu: %s", i, e.text);
		lines_free(&got);
	}
	buf_free(&xml);
	buf_free(&gz);
}

static void too_many_values_are_refused(void **state)
{
	struct buf xml = BUF_INIT(SIZE_MAX), gz = BUF_INIT(SIZE_MAX);
	struct lines got = {0};
	struct err e = ERR_INIT;

	(void)state;
	buf_adds(&xml, H "><u t=\"t\" n=\"65536\"><k>");
	for (int i = 1; i < 65536; i++)
		buf_addc(&xml, '\n');
	buf_adds(&xml, "</k>");
	for (int i = 0; i < 300; i++)
		buf_addf(&xml, "<c n=\"%d\" x=\"\"/>", i);
	gzip(xml.p, xml.n, &gz);
	assert_int_equal(read_bundle(gz.p, gz.n, &got, NULL, &e), -1);
	assert_non_null(strstr(e.text, "more than 16777216 values"));
	lines_free(&got);
	buf_free(&xml);
	buf_free(&gz);
}

/* ---- damage by chance */

static void damage(struct random *r, struct buf *b, const struct buf *other)
{
	size_t at = random_below(r, (uint32_t)b->n);

	switch (random_below(r, 4)) {
	case 0:
		b->p[at] ^= (char)(1 << random_below(r, 8));
		break;
	case 1:
		b->n = at;
		break;
	case 2:  /* a piece of another bundle in place of the rest */
		b->n = at;
		at = random_below(r, (uint32_t)other->n);
		buf_add(b, other->p + at, other->n - at);
		break;
	default:  /* a piece twice */
		buf_eat(b, at);
		buf_add(b, other->p, random_below(r, (uint32_t)other->n));
	}
}

static void damaged_bundles_never_pass(void **state)
{
	struct random r = {seed_from_environment()};
	struct bundle_writer *w = bundle_writer_new();
	struct buf gz[2] = {BUF_INIT(SIZE_MAX), BUF_INIT(SIZE_MAX)};
	struct buf b = BUF_INIT(SIZE_MAX), xml = BUF_INIT(SIZE_MAX);
	int passed = 0;

	(void)state;
	print_message("SEED=%llu\n", (unsigned long long)r.state);
	for (int i = 0; i < 1000; i++) {
		struct lines want = {0}, got = {0};
		struct err e = ERR_INIT;
		struct bundle_head h;
		const struct buf *good = &gz[i / 20 % 2];

		if (i % 20 == 0) {
			buf_reset(&gz[i / 20 % 2]);
			random_bundle(&r, w, &h, NULL);
			assert_int_equal(bundle_finish(w, &h,
			    &gz[i / 20 % 2], &e), 0);
		}
		if (i < 20)
			continue;
		/* the file: found by the CRC, or only its header changed */
		buf_reset(&b);
		buf_add(&b, good->p, good->n);
		damage(&r, &b, &gz[1 - i / 20 % 2]);
		if (read_bundle(b.p, b.n, &got, NULL, &e) == 0) {
			read_bundle(good->p, good->n, &want, NULL, &e);
			if (lines_differ(&want, &got)) {
				lines_free(&want);
				read_bundle(gz[1 - i / 20 % 2].p,
				    gz[1 - i / 20 % 2].n, &want, NULL, &e);
			}
			assert_null(lines_differ(&want, &got));
			passed++;
		}
		lines_free(&got);
		lines_free(&want);
		/* the XML inside: whatever comes out, no crash */
		buf_reset(&xml);
		gunzip(good, &xml);
		buf_reset(&b);
		damage(&r, &xml, good);
		gzip(xml.p, xml.n, &b);
		read_bundle(b.p, b.n, &got, NULL, &e);
		lines_free(&got);
	}
	print_message("%d harmless changes\n", passed);
	buf_free(&gz[0]);
	buf_free(&gz[1]);
	buf_free(&b);
	buf_free(&xml);
	bundle_writer_free(w);
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
		cmocka_unit_test(hostile_xml_is_refused),
		cmocka_unit_test(the_gzip_is_checked),
		cmocka_unit_test(bombs_are_refused),
		cmocka_unit_test(too_many_values_are_refused),
		cmocka_unit_test(damaged_bundles_never_pass),
		cmocka_unit_test(callbacks_decide),
		cmocka_unit_test(what_callers_must_not_do),
		cmocka_unit_test(large_groups_are_split),
		cmocka_unit_test(the_example_is_true),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
