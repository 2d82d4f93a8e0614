#include "config.h"

#include "base/value.h"

#include <string.h>

bool value_same(const struct value *a, const struct value *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case VALUE_NULL:
		return true;
	case VALUE_INTEGER:
		return a->i == b->i;
	case VALUE_REAL:
		/* the bits, so that -0.0 and 0.0 are two values */
		return memcmp(&a->r, &b->r, sizeof(a->r)) == 0;
	case VALUE_TEXT:
	case VALUE_BLOB:
		return a->n == b->n &&
		    (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
	}
	return false;
}
