/* The model as a few lines for a person. */
#ifndef STATUS_STATUS_TEXT_H
#define STATUS_STATUS_TEXT_H

#include "base/buf.h"
#include "status/status_model.h"

/* Append lines: the site, each line, what is being applied, each peer, what is
 * held and what to do about it.  Times are local (TZ).  Values from outside
 * are escaped, so that no control character reaches a terminal.  database_note
 * (may be NULL): why figures of the database are not known.  Check
 * out->failed. */
void status_text(const struct status_model *m, const char *database_note,
    struct buf *out);

#endif
