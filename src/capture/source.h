/* A table's unique indexes and generated columns, read from the schema: for the
 * triggers, and for the applier, which has to know whom a value clashes with. */
#ifndef CAPTURE_SOURCE_H
#define CAPTURE_SOURCE_H

#include "capture/capture.h"

struct capture_source {
	struct capture_def def;
	struct capture_unique *unique; /* owned, with all that it points to */
	char **generated;              /* owned */
};

/* Read it.  ERR_DATA when an index cannot be understood (nothing to free). */
int capture_source_load(struct store *, const struct table *,
    struct capture_source *, struct err *);
void capture_source_free(struct capture_source *);

/* Does this expression, as the schema has it, speak of that column? */
bool capture_text_names(const char *text, const char *column);

/* The expression of a generated column, without its parentheses, from the text
 * of CREATE TABLE; malloc'd.  NULL: there is no such. */
char *capture_text_generated(const char *sql, const char *column);

#endif
