#include "config.h"

#include "dialsync/site_identity.h"

/* The sequence stays as it is, so that positions in both databases mean the
 * same fragments.  The last clock stays, so that no own clock of the copy is
 * below a change that it holds.  Fragments forget from whom they came: that
 * was a peer of the original's. */
int identity_take(sqlite3 *db, const struct identity *id, struct err *e)
{
	if (db_execf(db, e,
		"UPDATE dialsync_origin SET known = max(known, %lld)"
		" WHERE o = %lld;"
		"INSERT OR IGNORE INTO dialsync_origin(o, site, inc)"
		" SELECT max(o) + 1, %Q, %lld FROM dialsync_origin;"
		"UPDATE dialsync_frag SET a = 0 WHERE a <> 0;"
		"DELETE FROM dialsync_peer; DELETE FROM dialsync_sent;"
		"DELETE FROM dialsync_seen; DELETE FROM dialsync_view;"
		"DELETE FROM dialsync_told; DELETE FROM dialsync_ended;"
		"DELETE FROM dialsync_log; DELETE FROM dialsync_count;"
		"DELETE FROM dialsync_named;",
		(long long)id->known, (long long)id->original, id->site,
		(long long)id->inc) < 0 ||
	    db_execf(db, e,
		"UPDATE dialsync_meta SET v = %Q WHERE k = 'site';"
		"UPDATE dialsync_meta SET v = %lld WHERE k = 'inc';"
		"UPDATE dialsync_meta SET v = 0 WHERE k = 'packed';"
		/* where it is at home shows when it is first used; what was
		 * noted of peers was the original's */
		"DELETE FROM dialsync_meta WHERE k IN ('memo', 'step', 'place',"
		" 'agreed', 'other_self_tries', 'other_self_last')"
		" OR k GLOB 'note:*' OR k GLOB 'noted:*'"
		" OR k GLOB 'renamed:*';",
		id->site, (long long)id->inc) < 0)
		return -1;
	if (!id->memo)
		return 0;
	return db_execf(db, e,
	    "INSERT INTO dialsync_meta(k, v) VALUES('memo', %lld)",
	    (long long)id->memo);
}
