/* See bundle_random.h. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "bundle/digest.h"
#include "tests/bundle_random.h"

#define TABLES 4
#define COLS   9

uint64_t seed_from_environment(void)
{
	const char *s = getenv("SEED");

	return s ? strtoull(s, NULL, 10) : (uint64_t)time(NULL);
}

/* xorshift64*: the same numbers on every machine. */
uint32_t random_below(struct random *r, uint32_t n)
{
	uint64_t x = r->state ? r->state : 88172645463325252u;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	r->state = x;
	return (uint32_t)(((x * 2685821657736338717u) >> 33) % n);
}

/* ---- lines */

void lines_free(struct lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->line[i]);
	free(l->line);
	memset(l, 0, sizeof *l);
}

void lines_add(struct lines *l, const char *s)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->line = realloc(l->line, l->cap * sizeof *l->line);
		if (!l->line)
			abort();
	}
	if (!(l->line[l->n++] = strdup(s)))
		abort();
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void lines_sort(struct lines *l)
{
	if (l->n > 0)
		qsort(l->line, l->n, sizeof *l->line, compare);
}

const char *lines_differ(const struct lines *a, const struct lines *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (strcmp(a->line[i], b->line[i]) != 0)
			return a->line[i];
	return a->n == b->n ? NULL : a->n < b->n ? b->line[a->n] :
	    a->line[b->n];
}

/* ---- as text, without the code that is being tested */

static void dump_value(struct buf *b, const struct value *v)
{
	uint64_t bits;

	switch (v->type) {
	case VALUE_NULL:
		buf_addc(b, 'N');
		break;
	case VALUE_INTEGER:
		buf_addf(b, "I%" PRId64, v->i);
		break;
	case VALUE_REAL:
		memcpy(&bits, &v->r, sizeof bits);
		buf_addf(b, "R%016" PRIx64, bits);
		break;
	default:
		buf_addc(b, v->type == VALUE_TEXT ? 'T' : 'B');
		for (size_t i = 0; i < v->n; i++)
			buf_addf(b, "%02x", (unsigned char)v->p[i]);
	}
}

static void dump_clocks(struct buf *b, const struct bundle_clock *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_addf(b, " %u:%" PRId64, c[i].origin, c[i].clock);
}

static void dump_head(struct lines *l, const struct bundle_head *h)
{
	struct buf b = BUF_INIT(SIZE_MAX);

	buf_addf(&b, "head %s %s %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64
	    " %" PRId64 " %u %" PRIu64 " %d %" PRId64 " %" PRId64 " %u %d",
	    h->from, h->to, h->inc, h->rinc, h->number, h->after, h->upto,
	    h->prev, h->tag, h->end, h->clock, h->wall, h->schema, h->full);
	for (size_t i = 0; i < h->nchain; i++)
		buf_addf(&b, " q%" PRId64 ":%" PRIu64, h->chain[i].upto,
		    h->chain[i].tag);
	if (h->has_ack)
		buf_addf(&b, " ack %" PRIu64 " %" PRId64 " %" PRIu64 " %" PRId64,
		    h->ack_inc, h->ack_upto, h->ack_tag, h->want);
	for (size_t i = 0; i < h->nacktags; i++)
		buf_addf(&b, " t%" PRIu64, h->acktags[i]);
	for (size_t i = 0; i < h->norigins; i++)
		buf_addf(&b, " o%s:%" PRIu64, h->origins[i].site,
		    h->origins[i].inc);
	buf_adds(&b, " know");
	dump_clocks(&b, h->know, h->nknow);
	buf_adds(&b, " ends");
	dump_clocks(&b, h->ends, h->nends);
	buf_adds(&b, " adopt");
	dump_clocks(&b, h->adopt, h->nadopt);
	buf_addf(&b, " load %lld %lld %d %lld", (long long)h->load,
	    (long long)h->load_end, h->load_all, (long long)h->forgotten);
	for (size_t i = 0; i < h->ncounts; i++)
		buf_addf(&b, " %s=%lld", h->counts[i].table,
		    (long long)h->counts[i].rows);
	lines_add(l, buf_str(&b));
	buf_free(&b);
}

/* ---- making */

/* Bytes that hurt somebody: quotes, controls, halves of characters. */
static size_t random_bytes(struct random *r, char *p, size_t max)
{
	static const char *const bits[] = {"\\", "\\N", "\\x41", "]]>", "<",
	    "&", "\"", "'", ">", "\t", "\n", "\r", "=", "@0", "\xef\xbf\xbe",
	    "\xed\xa0\x80", "\xc3", "\xc3\xa4", "\xe2\x82\xac",
	    "\xf0\x9f\x93\x9e", " ", "\x1b[2J", "\x7f", "\xc2\x85", "]]"};
	size_t n = 0, want = random_below(r, (uint32_t)max);

	if (random_below(r, 3) == 0) {
		while (n < want)
			p[n++] = (char)random_below(r, 256);
		return n;
	}
	while (n < want && n + 8 < max) {
		if (random_below(r, 3)) {
			p[n++] = (char)('a' + random_below(r, 26));
			continue;
		}
		const char *s = bits[random_below(r, sizeof bits /
		    sizeof *bits)];

		memcpy(p + n, s, strlen(s));
		n += strlen(s);
	}
	return n;
}

static size_t random_uuid(struct random *r, char *p, uint32_t range)
{
	return (size_t)sprintf(p, "%08x-0000-4000-8000-%012x",
	    random_below(r, range) * 2654435761u, random_below(r, 3));
}

/* style: 0 anything, 1 integers, 2 reals, 3 UUIDs mostly, 4 words, 5 one
 * value, 6 small integers */
static struct value random_value(struct random *r, int style, char *space)
{
	static const int64_t ints[] = {0, 1, -1, INT64_MAX, INT64_MIN,
	    9007199254740993, 42, -1000000};
	static const double reals[] = {0.0, -0.0, 0.1, 1e300, 5e-324, -12.5,
	    3.141592653589793, 1e15, 123456789012345680.0, 99.95};
	struct value v = {.type = VALUE_TEXT, .p = space};
	int class = style;

	if (style == 0 || random_below(r, 20) == 0)
		class = (int)random_below(r, 9);
	if (class == 1) {
		v.type = VALUE_INTEGER;
		v.i = ints[random_below(r, 8)];
	} else if (class == 2) {
		v.type = VALUE_REAL;
		v.r = reals[random_below(r, 10)] *
		    (random_below(r, 2) ? 1 : random_below(r, 1000));
	} else if (class == 3) {
		v.n = random_uuid(r, space, 40);
	} else if (class == 4) {
		v.n = (size_t)sprintf(space, "word%u", random_below(r, 9));
	} else if (class == 5) {
		v.n = (size_t)sprintf(space, "const & \"ant\"");
	} else if (class == 6) {
		v.type = VALUE_INTEGER;
		v.i = random_below(r, 5000);
	} else {
		v.type = class == 7 ? VALUE_BLOB :
		    class == 8 ? VALUE_NULL : VALUE_TEXT;
		v.n = v.type == VALUE_NULL ? 0 : random_bytes(r, space, 60);
	}
	if (v.type != VALUE_TEXT && v.type != VALUE_BLOB)
		v.p = NULL;
	return v;
}

static const char *const names[TABLES] = {"contacts", "a \"b\" <c> & \\d\n",
    "x", "\xff\x01name"};
static const char *const cols[COLS] = {"id", "phone", "rep & co", "c\\4",
    "price", "who", "seventh", "\xc3\xa4\xff", "n"};

/* One row; its table decides the key's class and the columns' styles. */
static void random_row(struct random *r, struct bundle_writer *w, int table,
    int nkey, uint32_t norigins, int64_t base, struct lines *l)
{
	enum bundle_kind kind = (enum bundle_kind)random_below(r, 3);
	int64_t clock = base - (random_below(r, 2) ? 0 : random_below(r, 900));
	uint32_t origin = random_below(r, 4) ? 0 : random_below(r, norigins);
	static const int key_style[TABLES] = {3, 6, 0, 1};
	struct buf b = BUF_INIT(SIZE_MAX);
	char space[128];

	bundle_row(w, table, kind, clock, origin);
	buf_addf(&b, "row %s %d %" PRId64 " %u", names[table], kind, clock,
	    origin);
	for (int i = 0; i < nkey; i++) {
		struct value v = random_value(r, key_style[table], space);

		bundle_key(w, &v);
		buf_addc(&b, ' ');
		dump_value(&b, &v);
	}
	for (int i = 0; i < COLS && kind != BUNDLE_DEATH; i++) {
		if (random_below(r, 10) < (uint32_t)(i % 3) * 3 ||
		    (i < nkey && random_below(r, 10)))
			continue;
		struct value v = random_value(r, (i + table) % 7, space);

		bundle_field(w, i, &v);
		buf_addf(&b, " %s=", cols[i]);
		dump_value(&b, &v);
	}
	if (l)
		lines_add(l, buf_str(&b));
	buf_free(&b);
}

static void random_head(struct random *r, struct bundle_head *h)
{
	static struct bundle_pos chain[5];
	static struct bundle_origin origins[6];
	static struct bundle_clock know[6], ends[6], adopt[6];
	static uint64_t tags[4];
	static struct bundle_count counts[3] = {{"t", 0}, {"a <table> & b", 0},
	    {"\\B tab\t\xC3\xA9", 0}};
	static const char *const sites[] = {"ann", "hub", "office-2", "b.c"};

	memset(h, 0, sizeof *h);
	strcpy(h->from, "ann");
	strcpy(h->to, "hub");
	h->inc = (uint64_t)random_below(r, 1000000) * 7777777777;
	h->rinc = random_below(r, 3) ? random_below(r, 9999999) : 0;
	h->number = random_below(r, 1000);
	h->after = random_below(r, 100000);
	h->upto = h->after + random_below(r, 3) * 50;
	h->prev = h->after ? (uint32_t)random_below(r, 1u << 30) : 0;
	h->tag = h->upto > h->after ? random_below(r, 1u << 30) : 0;
	h->end = random_below(r, 2);
	h->clock = 1779091368 + random_below(r, 5000);
	h->wall = h->clock + random_below(r, 2) * random_below(r, 100);
	h->schema = random_below(r, 3) ? random_below(r, UINT32_MAX) : 0;
	h->full = random_below(r, 2);
	h->nchain = random_below(r, 5);
	h->ack_inc = h->rinc;
	h->has_ack = random_below(r, 2);
	if (h->has_ack) {
		h->want = random_below(r, 4) == 0 ? random_below(r, 9) : 0;
		h->ack_inc = random_below(r, 2) ? h->rinc : 77;
		h->ack_upto = random_below(r, 5000);
		h->ack_tag = random_below(r, 2) * 12345;
		h->nacktags = random_below(r, 4);
	}
	h->norigins = 1 + random_below(r, 5);
	h->nknow = random_below(r, (uint32_t)h->norigins);
	h->nends = random_below(r, (uint32_t)h->norigins);
	h->nadopt = h->end ? 0 : random_below(r, (uint32_t)h->norigins);
	for (uint32_t i = 0; i < 5; i++) {
		chain[i].upto = i * 7;
		chain[i].tag = random_below(r, 1u << 30);
		tags[i % 4] = random_below(r, 1u << 30);
		strcpy(origins[i].site, i == 0 ? "ann" :
		    sites[random_below(r, 4)]);
		origins[i].inc = i == 0 ? h->inc : random_below(r, 99);
		know[i].origin = i + 1;
		know[i].clock = h->clock - random_below(r, 9) + 2;
		ends[i].origin = i + 1;
		ends[i].clock = h->clock - random_below(r, 99999);
		adopt[i].origin = i;
		adopt[i].clock = h->clock - random_below(r, 99999);
	}
	if (random_below(r, 3) == 0) {
		h->load = 1 + random_below(r, 999);
		h->load_end = 1 + random_below(r, 99999);
		h->load_all = random_below(r, 2);
		h->forgotten = h->load_all * random_below(r, 9999999);
	}
	if (random_below(r, 3) == 0)
		h->digests = random_below(r, BUNDLE_DIGESTS_MAX + 1);
	h->ncounts = random_below(r, 4) ? 0 : random_below(r, 4);
	for (size_t i = 0; i < 3; i++)
		counts[i].rows = random_below(r, 5) * 1000;
	h->counts = counts;
	h->chain = chain;
	h->origins = origins;
	h->know = know;
	h->ends = ends;
	h->adopt = adopt;
	h->acktags = tags;
}

void random_bundle(struct random *r, struct bundle_writer *w,
    struct bundle_head *h, struct lines *l)
{
	static const int key[] = {0, 1};
	uint32_t rows = random_below(r, 5) ? random_below(r, 60) :
	    random_below(r, 1500);
	int tables = 1 + (int)random_below(r, TABLES);

	random_head(r, h);
	if (l)
		dump_head(l, h);
	for (uint32_t i = 0; i < rows; i++) {
		int t = (int)random_below(r, (uint32_t)tables);
		int nkey = 1 + (t == 2);

		/* named in order, so that the index is t */
		for (int k = 0; i == 0 && k < tables; k++)
			bundle_table(w, names[k], COLS, cols, 1 + (k == 2),
			    key);
		random_row(r, w, t, nkey, (uint32_t)h->norigins, h->clock, l);
	}
}

/* ---- reading */

int file_of(const void *p, size_t n)
{
	static FILE *f;
	int fd;

	if (!f && !(f = tmpfile()))
		abort();
	fd = fileno(f);
	if (ftruncate(fd, 0) != 0 || pwrite(fd, p, n, 0) != (ssize_t)n ||
	    lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

static int on_head(void *arg, const struct bundle_head *h, struct err *e)
{
	(void)e;
	dump_head(arg, h);
	return 0;
}

static int on_group(void *arg, struct bundle_group *g, struct err *e)
{
	struct bundle_rowview row;
	struct buf b = BUF_INIT(SIZE_MAX);
	int rc;

	while ((rc = bundle_group_next(g, &row, e)) == 1) {
		buf_reset(&b);
		buf_addf(&b, "row %s %d %" PRId64 " %u", bundle_group_table(g),
		    bundle_group_kind(g), row.clock, row.origin);
		for (int i = 0; i < bundle_group_nkey(g); i++) {
			buf_addc(&b, ' ');
			dump_value(&b, &row.key[i]);
		}
		for (int i = 0; i < bundle_group_ncols(g); i++) {
			if (!row.has[i])
				continue;
			buf_addf(&b, " %s=", bundle_group_col(g, i));
			dump_value(&b, &row.field[i]);
		}
		lines_add(arg, buf_str(&b));
	}
	buf_free(&b);
	return rc;
}

int read_bundle(const void *p, size_t n, struct lines *l, bool *cut,
    struct err *e)
{
	static const struct bundle_ops ops = {on_head, on_group, NULL};

	return bundle_read(file_of(p, n), &ops, l, cut, e);
}

/* ---- gzip without a bundle around it */

static void must(bool so)
{
	if (!so)
		abort();
}

void gzip(const char *p, size_t n, struct buf *out)
{
	z_stream z = {0};
	size_t max;

	must(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) ==
	    Z_OK);
	max = deflateBound(&z, n) + 32;
	z.next_out = (Bytef *)buf_room(out, max);
	z.next_in = (Bytef *)(uintptr_t)p;
	z.avail_in = (uInt)n;
	z.avail_out = (uInt)max;
	must(deflate(&z, Z_FINISH) == Z_STREAM_END);
	out->n += max - z.avail_out;
	deflateEnd(&z);
}

void gunzip(const struct buf *in, struct buf *out)
{
	z_stream z = {0};
	int rc;

	must(inflateInit2(&z, 31) == Z_OK);
	z.next_in = (Bytef *)in->p;
	z.avail_in = (uInt)in->n;
	do {
		char *room = buf_room(out, 65536);

		z.next_out = (Bytef *)room;
		z.avail_out = 65536;
		rc = inflate(&z, Z_NO_FLUSH);
		out->n += 65536 - z.avail_out;
	} while (rc == Z_OK);
	must(rc == Z_STREAM_END);
	buf_addc(out, '\0');
	out->n--;
	inflateEnd(&z);
}
