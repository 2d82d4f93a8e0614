/* Bundles: hostile files, and files that are damaged by chance. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bundle/bundle.h"
#include "tests/bundle_random.h"

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
	static const char good[] = U "<c n=\"a\">one</c>" UE;
	struct buf gz = BUF_INIT(SIZE_MAX), b = BUF_INIT(SIZE_MAX);
	struct lines got = {0};
	struct err e = ERR_INIT;
	bool cut;

	(void)state;
	gzip(good, strlen(good), &gz);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_xml_is_refused),
		cmocka_unit_test(the_gzip_is_checked),
		cmocka_unit_test(bombs_are_refused),
		cmocka_unit_test(too_many_values_are_refused),
		cmocka_unit_test(damaged_bundles_never_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
