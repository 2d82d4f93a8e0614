#!/bin/sh
# Forgetting: deaths that every peer knows, a peer that was silent for too long
# and comes back, and what is not lost by it.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

DAY=86400
START=1800000000
day() {
	DIALSYNC_NOW=$((START + $1 * DAY))
	export DIALSYNC_NOW
}
# at DAY SITE SQL: capture stamps with SQLite's clock, so entries of the log
# are set to the pretended one
at() {
	day "$1"
	db "$2" "$3; UPDATE dialsync_log SET w = $DIALSYNC_NOW
	    WHERE w < $START"
}
# deaths SITE: how many it remembers
deaths() {
	db "$1" "SELECT count(*) FROM dialsync_frag WHERE m = -2"
}
# frags SITE: versions of users' rows
frags() {
	db "$1" "SELECT count(*) FROM dialsync_frag WHERE t > 1"
}
SQL="CREATE TABLE t(id TEXT PRIMARY KEY, a, b); CREATE TABLE u(id TEXT
    PRIMARY KEY, a)"
FILL="INSERT INTO t VALUES('keep', 1, 1), ('gone', 1, 1), ('edited', 1, 1),
    ('both', 1, 1); INSERT INTO u VALUES('x', 1), ('y', 2)"

# ---- deaths go once all peers have them, not before, and not too early

make_sites "$SQL" hub ann bob
at 0 hub "$FILL"
sync_all hub ann bob
at 1 hub "DELETE FROM t WHERE id = 'gone'"
at 1 ann "DELETE FROM u WHERE id = 'x'"
sync_all hub ann bob
same "remembered" "2 2 2" "$(deaths hub) $(deaths ann) $(deaths bob)"
at 2 ann "INSERT INTO t VALUES('n', 1, 1)"
at 2 bob "INSERT INTO t VALUES('m', 1, 1)"
at 2 hub "INSERT INTO t VALUES('h', 1, 1)"
sync_all hub ann bob
for d in 100 200 300 390; do
	day $d
	at $d hub "UPDATE t SET a = $d WHERE id = 'h'"
	at $d ann "UPDATE t SET a = $d WHERE id = 'n'"
	at $d bob "UPDATE t SET a = $d WHERE id = 'm'"
	sync_all hub ann bob
done
same "not too early" "2 2 2" "$(deaths hub) $(deaths ann) $(deaths bob)"
day 402
for s in hub ann bob; do apply $s; done
same "forgotten" "0 0 0" "$(deaths hub) $(deaths ann) $(deaths bob)"
sync_all hub ann bob
equal "as before" hub ann bob
same "the key may be used again" 1 "$(at 403 ann \
    "INSERT INTO t VALUES('gone', 2, 2); SELECT count(*) FROM t
    WHERE id = 'gone'")"
sync_all hub ann bob
equal "a new row of a forgotten key" hub ann bob
same "and it is there" 2 "$(db bob "SELECT a FROM t WHERE id = 'gone'")"

# once a day only
at 404 hub "DELETE FROM t WHERE id = 'keep'"
sync_all hub ann bob
was=$(db hub "SELECT v FROM dialsync_meta WHERE k = 'forgot_at'")
DIALSYNC_NOW=$((DIALSYNC_NOW + 3600)) apply hub
same "once a day" "$was" \
    "$(db hub "SELECT v FROM dialsync_meta WHERE k = 'forgot_at'")"

# ---- settled conflicts: deleted by who settled them

make_sites "$SQL" hub ann
at 0 hub "$FILL"
sync_all hub ann
at 1 hub "UPDATE t SET a = 'hub'"
at 1 ann "UPDATE t SET a = 'ann'"
sync_all hub ann
same "conflicts" 4 "$(db ann "SELECT count(*) FROM dialsync_conflict")"
at 2 ann "UPDATE dialsync_conflict SET settled = 'dismiss' WHERE key <> '''keep'''"
sync_all hub ann
day 403
apply hub
apply ann
sync_all hub ann
same "the settled ones are gone" "1 1" \
    "$(db hub "SELECT count(*) FROM dialsync_conflict") $(db ann \
    "SELECT count(*) FROM dialsync_conflict")"

# ---- a peer that was silent for too long

# silence: hub and ann are equal on day 0; then hub deletes and edits
silence() {
	make_sites "$SQL" hub ann bob
	# rows of before, too, which no site ever logged
	at 0 hub "$FILL"
	sync_all hub ann bob
	: >all.out
	at 20 hub "DELETE FROM t WHERE id IN ('gone', 'edited', 'both');
	    UPDATE u SET a = 'hub' WHERE id = 'x'; INSERT INTO t VALUES
	    ('hubs', 1, 1)"
	for d in 20 100 200 300 410 430 500; do
		at $d hub "UPDATE u SET a = $d WHERE id = 'y'"
		at $d bob "UPDATE t SET a = $d WHERE id = 'keep'"
		pack hub bob; cat pack.out >>all.out; carry hub bob && apply bob
		pack bob hub && carry bob hub && apply hub
		cat apply.out >>all.out
	done
}
silence
rm -rf hub/outbox/ann
same "forgotten without ann" "0 0" "$(deaths hub) $(deaths bob)"
grep -q 'ann has not been heard of for 4[0-9]* days' all.out || {
	bad "nobody says that ann is silent"; cat all.out; }
at 450 ann "UPDATE t SET a = 'ann' WHERE id = 'edited'; INSERT INTO t
    VALUES('anns', 1, 1); UPDATE u SET a = 'ann' WHERE id = 'x'"
at 510 ann "INSERT INTO u VALUES('late', 1)"
sync_all hub ann bob
equal "a silent peer is back" hub ann bob
same "what was deleted meanwhile is gone" 0 \
    "$(db ann "SELECT count(*) FROM t WHERE id IN ('gone', 'both')")"
same "what ann edited has come back" "ann|1" \
    "$(db bob "SELECT a, b FROM t WHERE id = 'edited'")"
same "rows of ann's own are everywhere" "anns late" "$(db bob \
    "SELECT group_concat(id, ' ') FROM (SELECT id FROM t WHERE id = 'anns'
    UNION ALL SELECT id FROM u WHERE id = 'late')")"
same "rows made meanwhile are at ann" 1 \
    "$(db ann "SELECT count(*) FROM t WHERE id = 'hubs'")"
same "the values of rows that went are kept" \
    "INSERT INTO \"t\"(\"id\", \"a\", \"b\") VALUES('gone', 1, 1);" \
    "$(db ann "SELECT sql FROM dialsync_removed WHERE key = '''gone'''")"
same "only those" 2 "$(db ann "SELECT count(*) FROM dialsync_removed")"
same "the scratch table is empty" 0 \
    "$(db ann "SELECT count(*) FROM dialsync_named")"
same "nothing is held" 0 "$(for s in hub ann bob; do db $s \
    "SELECT count(*) FROM dialsync_held"; done | paste -sd+ - | bc)"
at 511 ann "UPDATE t SET b = 'now' WHERE id = 'keep'"
sync_all hub ann bob
equal "as before" hub ann bob

# ---- silent, and its old rows come first: held until ann has heard

silence
at 10 ann "INSERT INTO t VALUES('old', 1, 1)"
at 510 ann "UPDATE t SET b = 'ann' WHERE id = 'both'"
pack ann hub && carry ann hub
apply hub
same "the exit code says so" 65 $?
same "an old birth is held" "old" \
    "$(db hub "SELECT kind FROM dialsync_held")"
sync_all hub ann bob
equal "held no more" hub ann bob
same "it is there" 1 "$(db bob "SELECT count(*) FROM t WHERE id = 'old'")"
same "nothing is held any more" 0 \
    "$(db hub "SELECT count(*) FROM dialsync_held")"

# ---- both sides have forgotten of each other

silence
at 25 ann "DELETE FROM u WHERE id = 'x'; DELETE FROM t WHERE id = 'keep'"
pack ann hub
rm -rf ann/outbox/hub ann/outbox/bob
day 505
apply ann
same "ann forgets, too" 0 "$(deaths ann)"
at 510 ann "INSERT INTO u VALUES('late', 1)"
at 510 hub "INSERT INTO u VALUES('later', 1)"
# each packs before it hears the other
pack hub
pack ann
sync_all hub ann bob
at 511 hub "INSERT INTO u VALUES('more', 1)"
sync_all hub ann bob
equal "both forgot" hub ann bob
same "deleted there" 0 "$(db ann "SELECT count(*) FROM t WHERE id = 'gone'")"
same "new rows" 3 \
    "$(db ann "SELECT count(*) FROM u WHERE id IN ('late', 'later', 'more')")"

# ---- rows of before "track" that only the silent one has are kept beside

rm -rf hub hub.tmp ann ann.tmp
for s in hub ann; do
	mkdir $s.tmp
	sqlite3 $s.tmp/d.db "$SQL; INSERT INTO t VALUES('base', 1, x'00'),
	    ('$s', 9e999, 'it''s')"
	day 0
	dialsync init $s --database $s.tmp/d.db >out 2>&1
	dialsync -C $s track --all >out 2>&1
done
dialsync -C hub peer ann >out 2>&1
dialsync -C ann peer hub >out 2>&1
at 0 hub "INSERT INTO u VALUES('a', 1)"
sync_all hub ann
at 1 hub "DELETE FROM t WHERE id = 'base'; DELETE FROM u"
for d in 1 402 404; do
	day $d
	pack hub
	rm -f hub/outbox/ann/*.gz
done
at 405 ann "INSERT INTO u VALUES('b', 1)"
sync_all hub ann
equal "rows of before" hub ann
same "are kept beside" \
    "VALUES('ann', 9e999, 'it''s'); VALUES('base', 1, x'00');" \
    "$(db ann "SELECT group_concat(substr(sql, instr(sql, 'VALUES')), ' ')
    FROM (SELECT sql FROM dialsync_removed WHERE tbl = 't' ORDER BY key)")"
day 900
apply ann
same "but not for ever" 0 "$(db ann "SELECT count(*) FROM dialsync_removed")"

finish
