/* The gzip around the XML (RFC 1952): one member, nothing behind it. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bundle/bundle_p.h"

/* Columns differ much from one another.  A block that ends between two of
 * them gives each its own Huffman table; below this size the table costs more
 * than it saves. */
#define BORDER_BYTES 1536

#define PIECE 32768

/* From here on deflate follows hash chains as level 8 does: 0.3 % larger, and
 * almost twice as fast, which a first load of 100,000 rows needs. */
#define TUNE_BYTES 65536

/* ---- deflate */

static int start_deflate(struct gz_out *g, int strategy)
{
	if (g->raw)
		return deflateInit2(&g->z, 9, Z_DEFLATED, -15, 9, strategy) ==
		    Z_OK ? 0 : -1;
	if (deflateInit2(&g->z, 9, Z_DEFLATED, 15 + 16, 9, strategy) != Z_OK)
		return -1;
	deflateSetHeader(&g->z, &g->head);
	return 0;
}

int gz_out_start(struct gz_out *g, struct buf *out, size_t digests,
    struct err *e)
{
	memset(g, 0, sizeof *g);
	/* ten bytes: no name, no time, system "unknown" */
	g->head.os = 255;
	if (digests > 0) {
		g->head.extra = g->extra;
		g->head.extra_len = (uInt)digest_field_write(g->extra,
		    digests);
	}
	g->out = out;
	g->start = out->n;
	if (start_deflate(g, Z_DEFAULT_STRATEGY) < 0)
		return err_set(e, ERR_SYSTEM, "bundle: out of memory");
	return 0;
}

/* Run deflate until it has taken all of its input. */
static void run_deflate(struct gz_out *g, int flush)
{
	int rc = Z_OK;

	do {
		char *room = buf_room(g->out, PIECE);

		if (!room) {
			g->failed = true;
			return;
		}
		g->z.next_out = (Bytef *)room;
		g->z.avail_out = PIECE;
		rc = deflate(&g->z, flush);
		*g->z.next_out = '\0';  /* a buf ends with one */
		g->out->n += PIECE - g->z.avail_out;
	} while (rc == Z_OK && (g->z.avail_out == 0 || flush == Z_FINISH));
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
		g->failed = true;
}

void gz_out_write(struct gz_out *g, const void *p, size_t n)
{
	const unsigned char *in = p;

	while (n > 0 && !g->failed) {
		size_t part = n < (1u << 30) ? n : 1u << 30;

		/* zlib 1.2.11 declares it without const */
		g->z.next_in = (Bytef *)(uintptr_t)in;
		g->z.avail_in = (uInt)part;
		if (g->raw)
			g->crc = crc32(g->crc, in, (uInt)part);
		run_deflate(g, Z_NO_FLUSH);
		if (g->total + part <= sizeof g->small)
			memcpy(g->small + g->total, in, part);
		if (g->total < TUNE_BYTES && g->total + part >= TUNE_BYTES)
			deflateTune(&g->z, 32, 258, 258, 1024);
		in += part;
		n -= part;
		g->total += part;
		g->pending += part;
	}
}

int gz_out_start_raw(struct gz_out *g, struct buf *out, struct err *e)
{
	memset(g, 0, sizeof *g);
	g->out = out;
	g->start = out->n;
	g->raw = true;
	g->crc = crc32(0, NULL, 0);
	if (start_deflate(g, Z_DEFAULT_STRATEGY) < 0)
		return err_set(e, ERR_SYSTEM, "bundle: out of memory");
	return 0;
}

static void put_le32(struct buf *b, uLong v)
{
	for (int i = 0; i < 4; i++, v >>= 8)
		buf_addc(b, (char)(v & 0xff));
}

/* Deflate streams can be joined where one ends on a byte: the head's ends by
 * an empty stored block (Z_SYNC_FLUSH), and the body refers to nothing before
 * itself. */
int gz_join(struct buf *out, size_t digests, const struct buf *head,
    const struct buf *body, uLong body_crc, size_t body_total, struct err *e)
{
	uint8_t header[10] = {31, 139, 8, 0, 0, 0, 0, 0, 2, 255};
	uint8_t extra[DIGEST_FIELD_MAX];
	size_t nextra = digest_field_write(extra, digests);
	uLong crc = crc32(0, (const Bytef *)head->p, (uInt)head->n);
	struct gz_out g;

	header[3] = nextra > 0 ? 4 : 0;
	buf_add(out, header, sizeof header);
	if (nextra > 0) {
		buf_addc(out, (char)nextra);
		buf_addc(out, (char)(nextra >> 8));
		buf_add(out, extra, nextra);
	}
	if (gz_out_start_raw(&g, out, e) < 0)
		return -1;
	gz_out_write(&g, head->p, head->n);
	g.z.next_in = NULL;
	g.z.avail_in = 0;
	if (!g.failed)
		run_deflate(&g, Z_SYNC_FLUSH);
	deflateEnd(&g.z);
	buf_add(out, body->p, body->n);
	put_le32(out, crc32_combine(crc, body_crc, (z_off_t)body_total));
	put_le32(out, (uLong)(head->n + body_total));
	if (g.failed || out->failed)
		return err_set(e, ERR_SYSTEM, "bundle: out of memory");
	return 0;
}

void gz_out_border(struct gz_out *g)
{
	if (g->pending < BORDER_BYTES || g->failed)
		return;
	g->z.next_in = NULL;
	g->z.avail_in = 0;
	run_deflate(g, Z_BLOCK);
	g->pending = 0;
}

/* A small bundle has few repeats and short ones; the strategy that does not
 * care for those is often some bytes better.  Keep the shorter of the two. */
static void try_again_filtered(struct gz_out *g)
{
	struct buf *kept = g->out, other = BUF_INIT(SIZE_MAX);
	size_t n = kept->n - g->start;

	if (start_deflate(g, Z_FILTERED) < 0)
		return;
	g->out = &other;
	g->z.next_in = (Bytef *)g->small;
	g->z.avail_in = (uInt)g->total;
	run_deflate(g, Z_FINISH);
	deflateEnd(&g->z);
	g->out = kept;
	if (!g->failed && other.n < n) {
		kept->n = g->start;
		buf_add(kept, other.p, other.n);
	}
	g->failed = false;  /* the first one is good */
	buf_free(&other);
}

int gz_out_finish(struct gz_out *g, struct err *e)
{
	g->z.next_in = NULL;
	g->z.avail_in = 0;
	if (!g->failed)
		run_deflate(g, Z_FINISH);
	deflateEnd(&g->z);
	memset(&g->z, 0, sizeof g->z);
	if (!g->failed && !g->raw && g->total <= sizeof g->small)
		try_again_filtered(g);
	if (g->failed)
		return err_set(e, ERR_SYSTEM, "bundle: out of memory");
	return 0;
}

/* ---- inflate */

struct gz_in {
	z_stream z;
	int fd;
	int64_t bytes_in;      /* read from fd */
	bool ended;            /* the member's trailer was read and is right */
	bool head_told;
	gz_header head;
	uint8_t extra[BUNDLE_EXTRA_MAX];
	bool *cut;
	struct err *e;
	const struct gz_in_ops *ops;
	void *arg;
	unsigned char in[PIECE], out[PIECE];
};

static int bad(struct gz_in *g, const char *what)
{
	return err_set(g->e, ERR_DATA, "offset %lld of the gzip file: %s",
	    (long long)(g->bytes_in - (int64_t)g->z.avail_in), what);
}

/* The header is whole: tell what its extra field says. */
static void tell_header(struct gz_in *g)
{
	size_t at[BUNDLE_DIGESTS_MAX], count = 0;

	g->head_told = true;
	if (g->head.extra && g->head.extra_len <= sizeof g->extra)
		count = digest_field_read(g->extra, g->head.extra_len, at);
	if (g->ops->digests)
		g->ops->digests(g->arg, count);
}

/* Inflate what was read; feed it on. */
static int inflate_piece(struct gz_in *g)
{
	do {
		g->z.next_out = g->out;
		g->z.avail_out = sizeof g->out;
		int rc = inflate(&g->z, Z_NO_FLUSH);
		size_t n = sizeof g->out - g->z.avail_out;

		if (rc == Z_MEM_ERROR)
			return err_set(g->e, ERR_SYSTEM,
			    "bundle: out of memory");
		if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
			return bad(g, g->z.msg ? g->z.msg : "bad gzip data");
		if (!g->head_told && g->head.done == 1)
			tell_header(g);
		int r = n > 0 ? g->ops->feed(g->arg, (char *)g->out, n) : 0;

		if (r != 0)
			return r;
		if (rc == Z_STREAM_END) {
			g->ended = true;
			break;
		}
	} while (g->z.avail_out == 0 || g->z.avail_in > 0);
	return 0;
}

static int read_all(struct gz_in *g)
{
	for (;;) {
		ssize_t n = read(g->fd, g->in, sizeof g->in);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(g->e, "read bundle");
		if (n == 0)
			break;
		g->bytes_in += n;
		if (g->ops->progress)
			g->ops->progress(g->arg, g->bytes_in);
		g->z.next_in = g->in;
		g->z.avail_in = (uInt)n;
		int r = g->ended ? 0 : inflate_piece(g);

		if (r != 0)
			return r;
		if (g->ended && g->z.avail_in > 0)
			return bad(g, "there are bytes behind the end");
	}
	if (!g->ended) {
		if (g->cut)
			*g->cut = true;
		return bad(g, "the file ends too early");
	}
	return 0;
}

int gz_in_read(int fd, const struct gz_in_ops *ops, void *arg, bool *cut,
    struct err *e)
{
	struct gz_in g;  /* 64 KB of stack */

	memset(&g.z, 0, sizeof g.z);
	memset(&g.head, 0, sizeof g.head);
	g.head.extra = g.extra;
	g.head.extra_max = sizeof g.extra;
	g.head_told = false;
	g.fd = fd;
	g.bytes_in = 0;
	g.ended = false;
	g.cut = cut;
	g.e = e;
	g.ops = ops;
	g.arg = arg;
	if (cut)
		*cut = false;
	/* gzip only; a name is skipped by zlib */
	if (inflateInit2(&g.z, 15 + 16) != Z_OK ||
	    inflateGetHeader(&g.z, &g.head) != Z_OK)
		return err_set(e, ERR_SYSTEM, "bundle: out of memory");
	int r = read_all(&g);

	inflateEnd(&g.z);
	return r;
}
