/* The model as the JSON document of `dialsync status --json`. */
#ifndef STATUS_STATUS_JSON_H
#define STATUS_STATUS_JSON_H

#include "base/buf.h"
#include "status/status_model.h"

/* Append the document and a newline.  Keys and nesting are those that
 * doc/STATUS.md lists; what is not known is null.  Check out->failed. */
void status_json(const struct status_model *m, struct buf *out);

#endif
