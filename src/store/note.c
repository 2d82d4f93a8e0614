#include "config.h"

#include "store/note.h"

#include <stdio.h>

#include "base/clock.h"

int note_set(struct store *s, const char *kind, const char *peer,
    const char *text, struct err *e)
{
	if (!text)
		return db_execf(s->db, e, "DELETE FROM dialsync_meta WHERE k"
		    " IN ('" NOTE_META "%q:%q', '" NOTED_META "%q:%q')", kind,
		    peer, kind, peer);
	return db_execf(s->db, e, "INSERT OR REPLACE INTO dialsync_meta(k, v)"
	    " VALUES('" NOTE_META "%q:%q', %Q),"
	    " ('" NOTED_META "%q:%q', %lld)", kind, peer, text, kind, peer,
	    (long long)clock_wall());
}

int note_when(struct store *s, const char *kind, const char *peer,
    int64_t *when, struct err *e)
{
	char key[2 * TEXT_NAME_MAX + 20];

	snprintf(key, sizeof(key), NOTED_META "%s:%s", kind, peer);
	return store_meta_int(s, key, 0, when, e);
}
