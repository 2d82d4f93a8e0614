/* Keys of rows as one value each: canonical, equal exactly when SQLite calls the
 * rows' keys equal under the key's collation and numeric comparison.  INTEGER (a
 * whole number), TEXT (folded as the collation does), else a BLOB that holds
 * types and values. */
#ifndef STORE_KEY_H
#define STORE_KEY_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/value.h"
#include "store/table.h"

/* The canonical key of the columns' values (t->nkey of them); text and blob
 * go to scratch.  false: a NULL in the key. */
bool key_make(const struct table *, const struct value *cols,
    struct buf *scratch, struct value *key);
/* The reverse: values equal to the key's columns.  out borrows from key. */
bool key_split(const struct table *, const struct value *key,
    struct value *out);
/* As SQL text for people: 'a', 3 */
void key_text(const struct table *, const struct value *key, struct buf *out);
/* The reverse: the values of the key's columns, in the arena. */
bool key_from_text(const struct table *, const char *text, size_t n,
    struct arena *, struct value *cols);

#endif
