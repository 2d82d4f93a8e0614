/* What the files of this library share; nobody else includes it but their
 * tests.  The text forms are those of doc/BUNDLE.md. */
#ifndef BUNDLE_BUNDLE_P_H
#define BUNDLE_BUNDLE_P_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zlib.h>

#include "bundle/bundle.h"
#include "bundle/digest.h"

/* ---- number_text.c: integers and bytes as text.  One base 64 alphabet
 * everywhere: A-Z a-z 0-9 - _ (RFC 4648, section 5), never padded. */

void text_write_int(struct buf *, int64_t);
/* Canonical decimal only: no plus, no leading zero, no "-0". */
bool text_read_int(const char *p, size_t n, int64_t *out);

/* Most significant digit first, "A" is zero. */
void text_write_b64_number(struct buf *, uint64_t);
bool text_read_b64_number(const char *p, size_t n, uint64_t max, uint64_t *out);

size_t text_b64_length(size_t nbytes);
void text_write_b64(struct buf *, const void *p, size_t n);
/* out has room for n * 3 / 4 bytes and may be p itself. */
bool text_read_b64(const char *p, size_t n, char *out, size_t *out_n);

/* The shortest of %.15g %.16g %.17g that comes back exactly; any locale. */
void text_write_real(struct buf *, double);
bool text_read_real(const char *p, size_t n, double *out);

/* A list of canonical integers parted by sep; p == NULL at its end. */
struct text_list {
	const char *p, *end;
	char sep;
};
void text_list_start(struct text_list *, const char *p, size_t n, char sep);
/* 1: a number; 0: the list has ended; -1: no number there. */
int text_list_next(struct text_list *, int64_t *out);

/* Take the next part up to sep out of [*p, end); *p is NULL after the last. */
bool text_part(const char **p, const char *end, char sep, const char **part,
    size_t *n);

/* ---- value_text.c */

/* bundle_value_read() without a scratch buffer: out has room for n bytes and
 * may be the line itself. */
bool value_decode(const char *line, size_t n, enum value_type plain, char *out,
    struct value *v);
/* Length of the character at p, as XML 1.0 may carry it; 0: it may not (or it
 * is no UTF-8).  n > 0. */
size_t value_xml_char(const unsigned char *p, size_t n);

/* ---- uuid.c: canonical lower-case UUID texts, and the bundle's dictionary */

#define UUID_TEXT     36
#define UUID_B64      22
#define UUID_DICT_MAX 262144

struct uuid {
	uint8_t b[16];
};

bool uuid_parse(const char *p, size_t n, struct uuid *);
void uuid_format(const struct uuid *, char out[UUID_TEXT]);

/* The UUIDs that were written in full, in file order. */
struct uuid_dict {
	struct uuid *list;     /* owned */
	size_t n, cap;
	uint32_t *slot;        /* owned; hash to index + 1; the writer only */
	size_t nslot;
	bool failed;           /* out of memory */
};

void uuid_dict_free(struct uuid_dict *);
/* Append, unless it is full. */
void uuid_dict_add(struct uuid_dict *, const struct uuid *);
/* The writer: find u, else add it; -1 when it must be written in full. */
int64_t uuid_dict_use(struct uuid_dict *, const struct uuid *);

/* ---- digest.c: the extra field of the gzip header */

/* Subfields for so many digests, zeroed: bytes written.  out has room for
 * DIGEST_FIELD_MAX. */
#define DIGEST_FIELD_MAX (BUNDLE_DIGESTS_MAX * (4 + BUNDLE_DIGEST))
size_t digest_field_write(uint8_t *out, size_t count);
/* Where they are in such a field; their number. */
size_t digest_field_read(const uint8_t *p, size_t n,
    size_t at[BUNDLE_DIGESTS_MAX]);

/* ---- gzip.c */

struct gz_out {
	z_stream z;
	gz_header head;        /* zlib keeps a pointer to it */
	uint8_t extra[DIGEST_FIELD_MAX]; /* ... and to this */
	struct buf *out;       /* borrowed */
	size_t pending;        /* bytes since the last block border */
	size_t total;
	size_t start;          /* where it begins in out */
	bool raw;              /* no gzip around it, crc is kept here */
	uLong crc;
	bool failed;
	char small[2048];      /* all of it, while it fits */
};

/* digests: places for keyed digests in its header. */
int gz_out_start(struct gz_out *, struct buf *out, size_t digests,
    struct err *);
/* Raw deflate: the later part of a file whose header is not known yet. */
int gz_out_start_raw(struct gz_out *, struct buf *out, struct err *);
/* A whole gzip file of head and, behind it, what a raw one wrote. */
int gz_join(struct buf *out, size_t digests, const struct buf *head,
    const struct buf *body, uLong body_crc, size_t body_total, struct err *);
void gz_out_write(struct gz_out *, const void *p, size_t n);
/* A good place for a block to end. */
void gz_out_border(struct gz_out *);
/* Write the trailer and free; also needed after a failure. */
int gz_out_finish(struct gz_out *, struct err *);

/* Inflate fd to its end, piece by piece: feed() gets each piece and returns 0,
 * or anything else to stop; that is then returned.  -1 with err as for
 * bundle_read. */
struct gz_in_ops {
	int (*feed)(void *arg, const char *p, size_t n);
	void (*progress)(void *arg, int64_t bytes_in);  /* may be NULL */
	/* before the first feed(): how many digests the header has a place
	 * for; may be NULL */
	void (*digests)(void *arg, size_t count);
};
int gz_in_read(int fd, const struct gz_in_ops *, void *arg, bool *cut,
    struct err *);

/* ---- writer */

struct cell {
	int32_t col;           /* -1: of the key */
	uint32_t type;         /* enum value_type */
	size_t n;
	union {
		int64_t i;
		double r;
		size_t off;    /* into the writer's bytes */
	} u;
};

struct row {
	size_t cell;           /* its first; the key's cells come first */
	uint32_t ncells;
	int32_t table;
	enum bundle_kind kind;
	uint32_t origin;
	int64_t clock;
};

struct wtable {
	char *name;            /* owned */
	char **cols;           /* owned, and each of them */
	int ncols, nkey;
	int *key;              /* owned */
};

struct bundle_writer {
	struct row *rows;      /* owned */
	size_t nrows, caprows;
	struct cell *cells;    /* owned */
	size_t ncells, capcells;
	struct wtable *tables; /* owned */
	int ntables, captables;
	struct buf bytes;      /* texts and blobs of the cells */
	size_t raw;
	struct chunked *chunked; /* owned; NULL: no chunk was taken yet */
	struct err err;        /* the first failure; told by bundle_finish() */
};

/* A bundle that is encoded in chunks, before its header is known. */
struct chunked;

/* The encoder: one pass over the groups, into gz. */
struct encoder {
	const struct bundle_writer *w;
	const struct bundle_head *head;
	struct gz_out gz;
	struct buf xml;        /* what goes to gz next */
	struct buf lines;      /* one column, before XML escapes */
	struct uuid_dict dict;
	struct cell_at *at;    /* owned: a group's cells, column by column */
	size_t capat;
	bool twice;            /* a row has two fields for one column */
};

void encode_head(struct encoder *);                    /* writer_head.c */
int encode_group(struct encoder *, const uint32_t *order, size_t n);
void encode_flush(struct encoder *);                   /* xml -> gz */
void encode_text(struct buf *xml, const char *p, size_t n);
void encode_attr(struct buf *xml, const char *p, size_t n);
void encode_line_end(struct encoder *);
struct value cell_value(const struct bundle_writer *, const struct cell *);

#endif
