/* The reader's parts: the XML events (reader.c) fill the header
 * (reader_head.c) and one group at a time (reader_group.c), which group.c
 * walks row by row. */
#ifndef BUNDLE_READER_P_H
#define BUNDLE_READER_P_H

#include <libxml/parser.h>

#include "bundle/bundle_p.h"

/* How the lines of a column are to be read. */
enum column_form {
	FORM_PLAIN = 0,
	FORM_DIFFERENCE,       /* <k y="d"> */
	FORM_UUID              /* y="u" */
};

/* One text node of a group: a key column or a column.  While the group is
 * being read its bytes are at off in the arena; p is set when it is whole. */
struct column {
	size_t off, n;         /* its lines (or its one constant) */
	size_t name_off;       /* its name, with a NUL */
	size_t index_off, index_n; /* the i attribute */
	int64_t at;            /* offset in the XML, for messages */
	enum column_form form;
	enum value_type plain;
	bool all, constant, key;
	int carry;             /* rows that carry it */
	/* the cursor */
	char *line, *end;      /* line: NULL after the last */
	struct text_list index;
	int next;              /* the next row that carries it; 0: none */
	int64_t last;          /* FORM_DIFFERENCE: the value before */
	char uuid[UUID_TEXT];
};

struct bundle_group {
	enum bundle_kind kind;
	const char *table;     /* in the arena, when the group is whole */
	size_t table_off, list_off;
	int64_t at;
	int nrows, nkey, ncols, row;
	bool bad;              /* a value could not be read */
	struct column *col;    /* owned: nkey keys, then ncols columns */
	int ncol_all, cap;
	struct buf arena;      /* all texts of the group */
	const struct uuid_dict *dict;
	/* of the rows: constant, or a list each */
	uint32_t origin;
	int64_t clock;
	bool has_origins, has_clocks;
	uint32_t *origins;     /* owned */
	int64_t *clocks;       /* owned */
	int caporigins, capclocks;
	/* what the current row shows: nkey + ncols of each */
	struct value *value;   /* owned */
	bool *has;             /* owned */
	/* names seen, to find a column that is there twice */
	uint32_t generation;
	struct {
		uint32_t generation;
		int col;
	} seen[4096];
};

/* One attribute as libxml2 gives it; p is NULL when it is absent. */
struct attr {
	const char *p;
	size_t n;
};

struct reader {
	const struct bundle_ops *ops;
	void *arg;
	struct err *e;
	xmlParserCtxtPtr xml;
	int result;            /* 0: going on; 1: enough; -1: failed */
	int64_t fed;           /* bytes of XML so far */
	unsigned char utf8[4]; /* a character split between pieces */
	size_t utf8_n, utf8_need;
	int depth;             /* open elements */
	int rank[3];           /* the last child seen, at each depth */
	char open;             /* the element that takes text, or 0 */
	bool head_told, done;
	struct bundle_head head;
	struct buf text;       /* of a header element */
	struct bundle_pos *chain;      /* owned, and below */
	struct bundle_origin *origins;
	struct bundle_clock *know, *ends, *adopt;
	struct bundle_count *counts;   /* their names are in names */
	struct buf names;
	uint64_t acktags[BUNDLE_TAGS_MAX];
	struct uuid_dict dict;
	int64_t values;        /* of all groups */
	struct bundle_group group;
};

/* Constants make values out of few bytes; a writer stays far below this. */
#define VALUES_MAX (16 << 20)

/* reader.c: end with an error at this place; returns -1. */
int reader_fail(struct reader *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int reader_no_memory(struct reader *);
int64_t reader_offset(const struct reader *);

/* reader_head.c: 0 or -1 (reader_fail was called). */
int head_start(struct reader *, const struct attr *a);  /* <b> */
int head_ack(struct reader *, const struct attr *a);    /* <y> */
int head_text(struct reader *, char element);           /* its text is whole */

/* reader_group.c, as above */
int group_start(struct reader *, enum bundle_kind, const struct attr *a);
int group_key_start(struct reader *, const struct attr *a);
int group_column_start(struct reader *, const struct attr *a);
int group_list_start(struct reader *);
int group_text_end(struct reader *, char element);
int group_end(struct reader *);
void group_free(struct bundle_group *);

/* The letters of the attributes that each element may have; an attribute's
 * place in it is its place in the array a. */
#define ATTRS_B "vftijnrpgcwhezlm"
#define ATTRS_Y "ugix"
#define ATTRS_GROUP "tnsv"
#define ATTRS_K "y"
#define ATTRS_C "nixay"
#define ATTRS_MAX 20

#endif
