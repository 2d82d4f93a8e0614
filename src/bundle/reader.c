/* Reads a bundle: gzip, then libxml2's push parser with handlers of our own,
 * so that nothing is ever held but one group.  Every byte is hostile: there
 * is no DTD, no entity of its own, no comment or processing instruction, and
 * each size is checked before memory is taken for it. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle/reader_p.h"

/* The longest tag has a list of row indexes, at most two bytes for each row
 * of a group; more than that without an event is no tag of ours.  (libxml2
 * takes quadratic time for the attributes of one tag.) */
#define TAG_MAX (192 << 10)

/* Text of a header element: origins are the longest. */
#define HEAD_TEXT_MAX ((size_t)1 << 20)

int64_t reader_offset(const struct reader *r)
{
	xmlParserInputPtr in = r->xml ? r->xml->input : NULL;

	return in ? (int64_t)in->consumed + (in->cur - in->base) : r->fed;
}

static void stop(struct reader *r, int result)
{
	r->result = result;
	if (r->xml)
		xmlStopParser(r->xml);
}

int reader_fail(struct reader *r, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	if (r->result != 0)
		return -1;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	err_set(r->e, ERR_DATA, "offset %lld: %s",
	    (long long)reader_offset(r), text);
	stop(r, -1);
	return -1;
}

int reader_no_memory(struct reader *r)
{
	if (r->result == 0) {
		err_set(r->e, ERR_SYSTEM, "bundle: out of memory");
		stop(r, -1);
	}
	return -1;
}

/* ---- what may stand where */

/* One row for each element: where it may be, in which order (a smaller rank
 * first), whether again, and its attributes. */
static const struct element {
	char name;
	int depth;
	int rank;
	bool many, text;
	const char *attrs;
} elements[] = {
	{'b', 0, 1, false, false, ATTRS_B},
	{'q', 1, 1, false, true, ""},
	{'y', 1, 2, false, true, ATTRS_Y},
	{'o', 1, 3, false, true, ""},
	{'w', 1, 4, false, true, ""},
	{'l', 1, 5, false, true, ""},
	{'a', 1, 6, false, true, ""},
	{'r', 1, 7, false, true, ""},
	{'d', 1, 8, true, false, ATTRS_GROUP},
	{'u', 1, 8, true, false, ATTRS_GROUP},
	{'i', 1, 8, true, false, ATTRS_GROUP},
	{'k', 2, 1, true, true, ATTRS_K},
	{'s', 2, 2, false, true, ""},
	{'v', 2, 3, false, true, ""},
	{'c', 2, 4, true, true, ATTRS_C},
};

#define RANK_GROUPS 8

static const struct element *find_element(struct reader *r, const char *name)
{
	char safe[64];

	for (size_t i = 0; i < sizeof elements / sizeof *elements; i++)
		if (elements[i].depth == r->depth &&
		    elements[i].name == name[0] && name[1] == '\0')
			return &elements[i];
	reader_fail(r, "unknown element <%s>",
	    text_safe(name, strlen(name), safe, sizeof safe));
	return NULL;
}

static int check_order(struct reader *r, const struct element *el)
{
	int last = r->rank[el->depth];

	if (el->rank < last)
		return reader_fail(r, "element <%c> comes too late", el->name);
	if (el->rank == last && !el->many)
		return reader_fail(r, "element <%c> twice", el->name);
	r->rank[el->depth] = el->rank;
	return 0;
}

/* Sort libxml2's attributes (five pointers each: name, prefix, URI, value,
 * its end) into a. */
static int sort_attrs(struct reader *r, const struct element *el, int n,
    const xmlChar **list, struct attr *a)
{
	char safe[64];

	memset(a, 0, ATTRS_MAX * sizeof *a);
	for (int i = 0; i < n; i++, list += 5) {
		const char *name = (const char *)list[0];
		const char *at = list[1] || name[1] ? NULL :
		    strchr(el->attrs, name[0]);

		if (!at || name[0] == '\0')
			return reader_fail(r, "unknown attribute \"%s\" of "
			    "<%c>", text_safe(name, strlen(name), safe,
			    sizeof safe), el->name);
		a[at - el->attrs].p = (const char *)list[3];
		a[at - el->attrs].n = (size_t)(list[4] - list[3]);
	}
	return 0;
}

/* Once the header is whole: before the first group, or at the end. */
static int tell_head(struct reader *r)
{
	if (r->head_told)
		return 0;
	r->head_told = true;
	int rc = r->ops->head(r->arg, &r->head, r->e);

	if (rc != 0)
		stop(r, rc);
	return rc;
}

static int start_element(struct reader *r, const struct element *el,
    const struct attr *a)
{
	switch (el->name) {
	case 'b':
		return head_start(r, a);
	case 'y':
		return head_ack(r, a);
	case 'd':
		return group_start(r, BUNDLE_DEATH, a);
	case 'u':
		return group_start(r, BUNDLE_UPDATE, a);
	case 'i':
		return group_start(r, BUNDLE_BIRTH, a);
	case 'k':
		return group_key_start(r, a);
	case 'c':
		return group_column_start(r, a);
	case 's':
	case 'v':
		return group_list_start(r);
	default:
		return 0;
	}
}

static void on_start(void *arg, const xmlChar *name, const xmlChar *prefix,
    const xmlChar *uri, int nns, const xmlChar **ns, int nattrs,
    int ndefaulted, const xmlChar **attrs)
{
	struct reader *r = arg;
	struct attr a[ATTRS_MAX];

	(void)uri, (void)ns, (void)ndefaulted;
	if (r->result != 0)
		return;
	if (prefix || nns > 0) {
		reader_fail(r, "a namespace in a bundle");
		return;
	}
	const struct element *el = find_element(r, (const char *)name);

	if (!el || check_order(r, el) < 0 ||
	    sort_attrs(r, el, nattrs, attrs, a) < 0)
		return;
	if (el->depth == 1 && el->rank >= RANK_GROUPS && tell_head(r) != 0)
		return;
	if (++r->depth < 3)
		r->rank[r->depth] = 0;
	r->open = el->text ? el->name : 0;
	buf_reset(&r->text);
	start_element(r, el, a);
}

static void on_end(void *arg, const xmlChar *name, const xmlChar *prefix,
    const xmlChar *uri)
{
	struct reader *r = arg;

	(void)prefix, (void)uri;
	if (r->result != 0)
		return;
	r->depth--;
	r->open = 0;
	if (r->depth == 2) {
		group_text_end(r, (char)name[0]);
	} else if (r->depth == 1 && r->rank[1] < RANK_GROUPS) {
		head_text(r, (char)name[0]);
	} else if (r->depth == 1) {
		group_end(r);
	} else {
		r->done = true;
		tell_head(r);
	}
}

static void on_text(void *arg, const xmlChar *p, int n)
{
	struct reader *r = arg;
	struct buf *b = r->depth == 3 ? &r->group.arena : &r->text;

	if (r->result != 0)
		return;
	if (r->open) {
		if (r->depth == 2 && (size_t)n > HEAD_TEXT_MAX - b->n) {
			reader_fail(r, "element <%c> of more than 1 MB",
			    r->open);
			return;
		}
		buf_add(b, p, (size_t)n);
		if (b->failed)
			reader_no_memory(r);
		return;
	}
	for (int i = 0; i < n; i++)
		if (p[i] != '\n' && p[i] != ' ' && p[i] != '\t') {
			reader_fail(r, "text where only elements may be");
			return;
		}
}

/* ---- what may not stand anywhere */

static void on_dtd(void *arg, const xmlChar *name, const xmlChar *id,
    const xmlChar *sys)
{
	(void)name, (void)id, (void)sys;
	reader_fail(arg, "a document type in a bundle");
}

static void on_comment(void *arg, const xmlChar *text)
{
	(void)text;
	reader_fail(arg, "a comment in a bundle");
}

static void on_instruction(void *arg, const xmlChar *target,
    const xmlChar *text)
{
	(void)target, (void)text;
	reader_fail(arg, "a processing instruction in a bundle");
}

static void on_cdata(void *arg, const xmlChar *p, int n)
{
	(void)p, (void)n;
	reader_fail(arg, "a CDATA section in a bundle");
}

static void on_reference(void *arg, const xmlChar *name)
{
	(void)name;
	reader_fail(arg, "an entity in a bundle");
}

/* The parser's own complaints: the first one counts, and none is printed. */
static void on_error(void *arg, xmlErrorPtr err)
{
	struct reader *r = arg;
	char safe[200];
	const char *m = err && err->message ? err->message : "not XML";
	size_t n = strlen(m);

	if (!err || r->result != 0)
		return;
	if (err->code == XML_ERR_NO_MEMORY) {
		reader_no_memory(r);
		return;
	}
	while (n > 0 && m[n - 1] == '\n')
		n--;
	reader_fail(r, "not well-formed: %s",
	    text_safe(m, n, safe, sizeof safe));
}

/* ---- feeding */

/* One byte of a character that is not ASCII: gathered until it is whole. */
static int utf8_byte(struct reader *r, unsigned char c)
{
	if (r->utf8_n == 0)
		r->utf8_need = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	r->utf8[r->utf8_n++] = c;
	if (r->utf8_n < r->utf8_need)
		return 0;
	if (value_xml_char(r->utf8, r->utf8_n) != r->utf8_n)
		return reader_fail(r,
		    "not UTF-8, or a character that XML does not allow");
	r->utf8_n = 0;
	return 0;
}

/* The whole text must be UTF-8, whatever libxml2 would let pass; characters
 * may be split between pieces. */
static int check_utf8(struct reader *r, const unsigned char *p, size_t n)
{
	static const uint64_t high = 0x8080808080808080u;
	size_t i = 0;
	uint64_t w;

	while (i < n) {
		if (r->utf8_n == 0 && n - i >= sizeof w) {
			memcpy(&w, p + i, sizeof w);
			if ((w & high) == 0) {
				i += sizeof w;
				continue;
			}
		}
		unsigned char c = p[i++];

		if ((c >= 0x80 || r->utf8_n > 0) && utf8_byte(r, c) < 0)
			return -1;
	}
	return 0;
}

/* A piece of the XML. */
static int feed(void *arg, const char *p, size_t n)
{
	static const char begin[] = "<b ";
	struct reader *r = arg;

	/* no declaration, byte order mark or other encoding comes first */
	for (size_t i = 0; i < n && r->fed + (int64_t)i < 3; i++)
		if (p[i] != begin[r->fed + (int64_t)i])
			return reader_fail(r, "not a bundle: it must begin "
			    "with <b");
	if (n > BUNDLE_TEXT_MAX - (size_t)r->fed)
		return reader_fail(r, "more than 64 MB of text");
	if (check_utf8(r, (const unsigned char *)p, n) < 0)
		return -1;
	r->fed += (int64_t)n;
	xmlParseChunk(r->xml, p, (int)n, 0);
	if (r->result == 0 && r->xml->input &&
	    r->xml->input->end - r->xml->input->cur > TAG_MAX)
		reader_fail(r, "a tag of more than 192 KB");
	return r->result;
}

static void progress(void *arg, int64_t bytes)
{
	const struct reader *r = arg;

	if (r->ops->progress)
		r->ops->progress(r->arg, bytes);
}

static void digests(void *arg, size_t count)
{
	struct reader *r = arg;

	r->head.digests = count;
}

static void free_reader(struct reader *r)
{
	if (r->xml)
		xmlFreeParserCtxt(r->xml);
	group_free(&r->group);
	uuid_dict_free(&r->dict);
	buf_free(&r->text);
	free(r->chain);
	free(r->origins);
	free(r->know);
	free(r->ends);
	free(r->adopt);
	free(r->counts);
	buf_free(&r->names);
	free(r);
}

static struct reader *new_reader(const struct bundle_ops *ops, void *arg,
    struct err *e)
{
	struct reader *r = calloc(1, sizeof *r);
	xmlSAXHandler sax = {.initialized = XML_SAX2_MAGIC,
	    .startElementNs = on_start, .endElementNs = on_end,
	    .characters = on_text, .ignorableWhitespace = on_text,
	    .internalSubset = on_dtd, .comment = on_comment,
	    .processingInstruction = on_instruction, .cdataBlock = on_cdata,
	    .reference = on_reference, .serror = on_error};

	if (!r)
		return NULL;
	r->ops = ops;
	r->arg = arg;
	r->e = e;
	buf_init(&r->text, HEAD_TEXT_MAX);
	buf_init(&r->names, HEAD_TEXT_MAX);
	buf_init(&r->group.arena, BUNDLE_TEXT_MAX);
	r->group.dict = &r->dict;
	r->xml = xmlCreatePushParserCtxt(&sax, r, NULL, 0, NULL);
	if (!r->xml) {
		free_reader(r);
		return NULL;
	}
	/* HUGE: our own limits hold, and a column may be long.  NOENT: "&amp;"
	 * in an attribute becomes "&"; there are no other entities */
	xmlCtxtUseOptions(r->xml, XML_PARSE_NONET | XML_PARSE_HUGE |
	    XML_PARSE_NOENT);
	return r;
}

int bundle_read(int fd, const struct bundle_ops *ops, void *arg, bool *cut,
    struct err *e)
{
	static const struct gz_in_ops in = {feed, progress, digests};
	struct reader *r = new_reader(ops, arg, e);

	if (!r)
		return err_set(e, ERR_SYSTEM, "bundle: out of memory");
	int rc = gz_in_read(fd, &in, r, cut, e);

	if (rc == 0) {
		xmlParseChunk(r->xml, NULL, 0, 1);
		if (r->result == 0 && !r->done)
			reader_fail(r, "the text ends before </b>");
		rc = r->result;
	}
	free_reader(r);
	return rc;
}
