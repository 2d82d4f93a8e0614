#!/bin/sh
# Users' triggers while peers' changes are placed: those that write untracked
# tables only run (a full-text index, counters, an audit), others do not.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

# is NAME SITE WANT SQL
is() {
	same "$1" "$3" "$(db "$2" "$4" | tr '\n' ' ' | sed 's/ $//')"
}
all3() {
	name=$1 want=$2 sql=$3
	for s in a b c; do
		is "$name at $s" $s "$want" "$sql"
	done
}
# what is tracked is equal; the others are each site's own
equal() {
	for t in doc note kept dialsync_conflict; do
		rows="SELECT * FROM $t ORDER BY 2, 1"
		for s in b c; do
			same "$1: $t at a and $s" "$(db a "$rows")" \
			    "$(db $s "$rows")"
		done
	done
}
# a full-text index says itself whether it is true to its table
fts() {
	for s in a b c; do
		db $s "INSERT INTO fts(fts) VALUES('integrity-check');
		    INSERT INTO own(own) VALUES('integrity-check')" >fts.out 2>&1 ||
			bad "$1: index at $s: $(cat fts.out)"
		is "$1: own content at $s" $s "" "SELECT id FROM doc WHERE NOT
		    EXISTS (SELECT 1 FROM own WHERE own.key = doc.id AND
		    own.title IS doc.title) UNION ALL SELECT key FROM own
		    WHERE key NOT IN (SELECT id FROM doc)"
	done
}

schema="
CREATE TABLE doc(n INTEGER UNIQUE, id TEXT PRIMARY KEY, title TEXT, body TEXT,
    code TEXT UNIQUE);
CREATE VIRTUAL TABLE fts USING fts5(title, body, content='doc');
CREATE TRIGGER doc_ai AFTER INSERT ON doc BEGIN
    INSERT INTO fts(rowid, title, body) VALUES (new.rowid, new.title, new.body);
END;
CREATE TRIGGER doc_ad AFTER DELETE ON doc BEGIN
    INSERT INTO fts(fts, rowid, title, body)
	VALUES ('delete', old.rowid, old.title, old.body);
END;
CREATE TRIGGER doc_au AFTER UPDATE ON doc BEGIN
    INSERT INTO fts(fts, rowid, title, body)
	VALUES ('delete', old.rowid, old.title, old.body);
    INSERT INTO fts(rowid, title, body) VALUES (new.rowid, new.title, new.body);
END;
CREATE VIRTUAL TABLE own USING fts5(key UNINDEXED, title);
CREATE TRIGGER own_i AFTER INSERT ON doc BEGIN
    INSERT INTO own VALUES (new.id, new.title);
END;
CREATE TRIGGER own_d AFTER DELETE ON doc BEGIN
    DELETE FROM own WHERE key = old.id;
END;
CREATE TRIGGER own_u AFTER UPDATE OF id, title ON doc BEGIN
    DELETE FROM own WHERE key = old.id;
    INSERT INTO own VALUES (new.id, new.title);
END;
CREATE TABLE seen(k TEXT PRIMARY KEY, n INTEGER);
CREATE TABLE \"odd \"\" audit\"(what, x);
CREATE TABLE kept(k TEXT PRIMARY KEY, n INTEGER);
CREATE TABLE note(id TEXT PRIMARY KEY, x);
CREATE TRIGGER counts_here AFTER INSERT ON note BEGIN
    INSERT OR IGNORE INTO seen VALUES('notes', 0);
    UPDATE seen SET n = n + 1 WHERE k = 'notes';
END;
CREATE TRIGGER counts_there AFTER INSERT ON note BEGIN
    UPDATE kept SET n = n + 1 WHERE k = 'notes';
END;
CREATE TRIGGER \"odd [name]\" BEFORE UPDATE OF x ON [note]
    FOR EACH ROW WHEN (new.x <> 'quiet') -- BEGIN
BEGIN
    /* DELETE FROM kept; */
    INSERT INTO 'odd \" audit' SELECT 'was; END', old.x WHERE 1;
END;
CREATE TRIGGER audited AFTER INSERT ON \"odd \"\" audit\" BEGIN
    REPLACE INTO seen SELECT 'audit', count(*) FROM \"odd \"\" audit\";
END;
CREATE TRIGGER checks BEFORE INSERT ON note WHEN new.x = 'bad' BEGIN
    SELECT RAISE(ABORT, 'bad');
END;
CREATE TRIGGER both AFTER DELETE ON note BEGIN
    UPDATE seen SET n = 0 WHERE k = 'never';
    UPDATE kept SET n = n WHERE k = 'never';
END;
INSERT INTO kept VALUES('notes', 0);"

for s in a b c; do
	rm -rf $s $s.tmp
	mkdir $s.tmp
	printf '%s' "$schema" | sqlite3 $s.tmp/d.db || exit 1
	dialsync init $s --database $s.tmp/d.db >out 2>&1 &&
		dialsync -C $s track doc note kept >track.$s 2>&1 ||
		{ cat out track.$s; exit 1; }
	for p in a b c; do
		[ $p = $s ] || printf '\n[peer %s]\nsecurity = none\n' $p \
		    >>$s/dialsync.conf
	done
done
for t in "counts_there does not run for changes that come from peers: it
 writes kept, which is tracked" "both does not run for changes that come from
 peers: it writes kept, which is tracked: what it does there comes as changes
 of its own; it writes seen, too" "checks does not run for changes that come
 from peers: it only checks"; do
	grep -qF "$(echo $t)" track.a || bad "track does not say: $t"
done
for t in doc_ai counts_here "odd \[name\]" audited own_u; do
	grep -q "trigger $t does not" track.a && bad "track: $t does run"
done

# inserts, updates, deletes, key changes, REPLACE, unique swaps
db a "INSERT INTO doc VALUES(1, 'a1', 'red apple', 'one', 'x'),
    (2, 'a2', 'green pear', 'two', 'y')"
db b "INSERT INTO doc VALUES(11, 'b1', 'blue plum', 'three', 'z'),
    (12, 'b2', 'white fig', 'four', 'w')"
sync_all a b c
equal "born" a b c
fts "born"
is "it is found elsewhere" c b1 "SELECT id FROM doc WHERE rowid IN
    (SELECT rowid FROM fts WHERE fts MATCH 'plum')"
db a "UPDATE doc SET title = 'yellow quince' WHERE id = 'a1';
    UPDATE doc SET id = 'a2x' WHERE id = 'a2'"
db b "DELETE FROM doc WHERE id = 'b2'; UPDATE doc SET body = 'moved'"
sync_all a b c
equal "edited" a b c
fts "edited"
db a "REPLACE INTO doc VALUES(3, 'a3', 'black olive', 'five', 'y')" # takes a2x
db c "PRAGMA recursive_triggers = 1;
    REPLACE INTO doc VALUES(11, 'c1', 'long bean', 'six', 'v')" # takes b1
# its own site has to look after what REPLACE evicts silently
db a "INSERT INTO fts(fts) VALUES('rebuild');
    DELETE FROM own WHERE key NOT IN (SELECT id FROM doc)"
sync_all a b c
equal "replaced" a b c
fts "replaced"
db b "UPDATE doc SET code = NULL; UPDATE doc SET code = 'q' WHERE id = 'a1';
    UPDATE doc SET code = 'x' WHERE id = 'a3'"
sync_all a b c
equal "unique values moved" a b c
fts "unique values moved"
db a "UPDATE doc SET title = 'at a' WHERE id = 'a1'"
db b "UPDATE doc SET title = 'at b' WHERE id = 'a1'"
db c "DELETE FROM doc WHERE id = 'a1'"
sync_all a b c
equal "conflicts" a b c
fts "conflicts"

# a counter that is tracked counts once; one that is not counts at each site
db a "INSERT INTO note VALUES('1', 'one')"
sync_all a b c
db b "INSERT INTO note VALUES('2', 'two')"
sync_all a b c
db c "INSERT INTO note VALUES('3', 'three')"
sync_all a b c
all3 "tracked counter" 3 "SELECT n FROM kept"
all3 "own counter" 3 "SELECT n FROM seen WHERE k = 'notes'"
db a "UPDATE note SET x = 'loud' WHERE id = '1'"
db b "UPDATE note SET x = 'quiet' WHERE id = '2'"
sync_all a b c
all3 "audit, with its WHEN" "was; END|one" 'SELECT * FROM "odd "" audit"'
all3 "a trigger behind a trigger" 1 "SELECT n FROM seen WHERE k = 'audit'"
db a "PRAGMA writable_schema = 0; DROP TRIGGER checks; INSERT INTO note
    VALUES('4', 'bad')"
sync_all a b c
all3 "a check of one site refuses nothing" bad \
    "SELECT x FROM note WHERE id = '4'"
equal "all in all" a b c

# a trigger that fails, or cannot run here, keeps no row out
db b "CREATE TABLE once(x UNIQUE); CREATE TRIGGER fails AFTER INSERT ON note
    BEGIN INSERT INTO once VALUES(1); END;
    CREATE TRIGGER deletes AFTER DELETE ON note
    BEGIN INSERT INTO once VALUES(1); END"
db c "CREATE TRIGGER foreign_function AFTER UPDATE ON note
    BEGIN INSERT INTO seen VALUES(of_the_application(1), 1); END"
db a "INSERT INTO note VALUES('5', 'x'), ('6', 'y');
    UPDATE note SET x = 'z' WHERE id = '1'"
sync_all a b c
db a "DELETE FROM note WHERE id = '5'; INSERT INTO note VALUES('7', 'y')"
pack a && carry a b && carry a c
run "a trigger that fails is told" 0 \
    "a trigger failed for a change of a peer (UNIQUE" dialsync -C b apply
run "and one that cannot run" 0 "it does not work outside of the application" \
    dialsync -C c apply
sync_all a b c
equal "all rows are there" a b c
all3 "and were counted" 7 "SELECT n FROM seen WHERE k = 'notes'"
db c "DROP TRIGGER foreign_function"

# made by others while an applier watches
dialsync -C c apply --watch --every 1s >watch.out 2>&1 &
watcher=$!
db c "CREATE TABLE log2(id); CREATE TRIGGER log2 AFTER INSERT ON note
    BEGIN INSERT INTO log2 VALUES(new.id); END"
db a "INSERT INTO note VALUES('8', 'z')"
pack a && carry a c
for i in 1 2 3 4 5 6 7 8; do
	[ "$(db c "SELECT count(*) FROM log2")" = 1 ] && break
	sleep 1
done
kill $watcher
wait $watcher
is "a later trigger runs" c 8 "SELECT id FROM log2"

# a value that waited for its column
db a "ALTER TABLE doc ADD COLUMN extra; UPDATE doc SET extra = 'more' || id"
sync_all a b c
db b "DROP TRIGGER doc_au; DROP TABLE fts; ALTER TABLE doc ADD COLUMN extra;
    CREATE VIRTUAL TABLE fts USING fts5(title, body, extra, content='doc');
    INSERT INTO fts(fts) VALUES('rebuild');
    CREATE TRIGGER doc_ai2 AFTER UPDATE ON doc BEGIN
	INSERT INTO fts(fts, rowid, title, body, extra)
	    VALUES ('delete', old.rowid, old.title, old.body, old.extra);
	INSERT INTO fts(rowid, title, body, extra)
	    VALUES (new.rowid, new.title, new.body, new.extra);
    END"
pack b || bad "pack: $(cat pack.out)"
is "it is placed" b "morea3 morec1" "SELECT extra FROM doc ORDER BY id"
fts "placed"
is "and found" b a3 "SELECT id FROM doc WHERE rowid IN
    (SELECT rowid FROM fts WHERE fts MATCH 'extra:morea3')"
finish
