/* What a user's trigger does, read off its text; pure.  Private to
 * src/capture. */
#ifndef CAPTURE_TRIGGER_TEXT_H
#define CAPTURE_TRIGGER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* More than any trigger of a person's writes to. */
#define TRIGGER_TARGETS_MAX 64

struct trigger_text {
	char *table;         /* owned; the table or view it is on */
	char *targets[TRIGGER_TARGETS_MAX]; /* owned; tables that it writes, in
			      * the order of its statements, each once */
	int ntargets;
	bool instead;        /* INSTEAD OF */
	bool raises;         /* RAISE(...) stands somewhere in it */
	bool undoes;         /* OR ROLLBACK, OR FAIL: not undone as a whole */
	/* borrowed from the text: BEFORE UPDATE OF ...; the condition, n = 0:
	 * none; BEGIN and all behind it */
	const char *event, *when, *body;
	size_t nevent, nwhen;
};

/* Take CREATE TRIGGER apart.  -1: not such a text (nothing to free).  What
 * lies in `out` is valid as long as sql. */
int trigger_text_parse(const char *sql, struct trigger_text *out);
void trigger_text_free(struct trigger_text *);

/* Append a CREATE TEMP TRIGGER that does the same on the same table of main,
 * while the SQL expression `guard` is true. */
void trigger_text_copy(const struct trigger_text *, const char *name,
    const char *guard, struct buf *out);

/* Does the text of a CREATE TABLE say ON CONFLICT FAIL or ROLLBACK? */
bool table_text_undoes(const char *sql);

#endif
