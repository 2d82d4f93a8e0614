#!/bin/sh
# Capture as applications meet it: the sqlite3 shell writes to the tables of a
# site, and the log has every row that changed.  t_triggers has the cases; this
# is that they hold for real files, two programs, WAL and later schemas.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

sqlite3 c.db "PRAGMA journal_mode = wal;
    CREATE TABLE contacts(id TEXT PRIMARY KEY COLLATE NOCASE, name, phone
    UNIQUE);
    CREATE TABLE orders(a, b, note, PRIMARY KEY(a, b)) WITHOUT ROWID;
    INSERT INTO contacts VALUES('a', 'Ann', 1), ('b', 'Bob', 2)" >/dev/null
dialsync init ann --database c.db >out 2>&1 || { cat out; exit 1; }
dialsync -C ann track --all >out 2>&1 || { cat out; exit 1; }

sql() {
	sqlite3 c.db "PRAGMA foreign_keys = 1; $1" || bad "$1"
}
# logs NAME WANT SQL: these entries and no others: "table mask key..." each
logs() {
	sqlite3 c.db "DELETE FROM dialsync_log"
	sql "$3"
	same "$1" "$2" "$(sqlite3 -separator ' ' c.db "SELECT group_concat(e,
	    '; ') FROM (SELECT d.name || ' ' || m || ' ' || k1 || coalesce(',' ||
	    k2, '') AS e FROM dialsync_log l JOIN dialsync_table d USING(t)
	    ORDER BY seq)")"
}

logs "insert" "contacts -1 c" "INSERT INTO contacts VALUES('c', 'Cy', 3)"
logs "update" "contacts 8 c" "UPDATE contacts SET name = 'C' WHERE id = 'c'"
logs "spelling" "contacts 2 C" "UPDATE contacts SET id = 'C' WHERE id = 'c'"
logs "upsert" "contacts 24 a" "INSERT INTO contacts VALUES('A', 'x', 9)
    ON CONFLICT(id) DO UPDATE SET name = excluded.name, phone = 8"
logs "replace of another row" "contacts 0 b; contacts -1 d" \
    "REPLACE INTO contacts VALUES('d', 'D', 2)"
same "it is gone" 0 "$(sqlite3 c.db \
    "SELECT count(*) FROM contacts WHERE id = 'b'")"
logs "composite key" "orders -1 1,2; orders -2 1,2; orders -1 1,3" \
    "INSERT INTO orders VALUES(1, 2, 'x'); UPDATE orders SET b = 3"
logs "delete all" "contacts -2 a; contacts -2 C; contacts -2 d" \
    "DELETE FROM contacts"
logs "rollback" "" "BEGIN; INSERT INTO contacts VALUES('z', 1, 1); ROLLBACK"
sqlite3 c.db "DELETE FROM dialsync_log"
printf '7,8,imported\n' | sqlite3 -csv c.db ".import /dev/stdin orders"
same "import" "-1|7|8" "$(sqlite3 c.db "SELECT m, k1, k2 FROM dialsync_log")"

# an application that knows nothing of us, at the same time
i=0
while [ $i -lt 20 ]; do
	sqlite3 -cmd ".timeout 10000" c.db \
	    "INSERT INTO contacts VALUES('p$i', 1, 'p$i')" &
	sqlite3 -cmd ".timeout 10000" c.db \
	    "INSERT INTO contacts VALUES('q$i', 1, 'q$i')"
	wait
	i=$((i + 1))
done
same "two programs at once" 40 \
    "$(sqlite3 c.db "SELECT count(*) FROM dialsync_log WHERE m = -1
	AND k1 GLOB '[pq]*'")"

# later schemas; any command that folds notices them
sql "ALTER TABLE contacts ADD COLUMN vat DEFAULT 0;
    UPDATE contacts SET vat = 7 WHERE id = 'p1';
    CREATE TABLE later(id TEXT PRIMARY KEY, x);
    INSERT INTO later VALUES('early', 1)"
run "fold" 0 "ready" dialsync -C ann copy bob bob
same "a new column's values have versions" 1 "$(sqlite3 c.db "SELECT count(*)
    FROM dialsync_frag WHERE k = 'p1' AND m & 32")"
same "a later table is tracked, with its rows" early "$(sqlite3 c.db \
    "SELECT k FROM dialsync_frag f JOIN dialsync_table d USING(t)
    WHERE d.name = 'later'")"
logs "the new column is captured" "contacts 32 p2" \
    "UPDATE contacts SET vat = 9 WHERE id = 'p2'"
sql "CREATE TABLE n(id TEXT PRIMARY KEY, x); INSERT INTO n SELECT * FROM later;
    DROP TABLE later; ALTER TABLE n RENAME TO later"
run "a rebuilt table is told" 0 "lost its triggers" dialsync -C ann copy cy cy
run "and tracked again" 0 "tracked" dialsync -C ann track later
logs "it is captured again" "later -1 k" "INSERT INTO later VALUES('k', 1)"
run "untrack before DROP COLUMN" 0 "no more" dialsync -C ann untrack contacts
sql "ALTER TABLE contacts DROP COLUMN vat"
run "and track after it" 0 "tracked" dialsync -C ann track contacts
logs "still captured" "contacts 8 p3" \
    "UPDATE contacts SET name = 'n' WHERE id = 'p3'"

# ---- schemas that move at two sites
# is_same NAME SITE WANT SQL
is_same() {
	same "$1" "$3" "$(db "$2" "$4" | tr '\n' ' ' | sed 's/ $//')"
}
p_rows="SELECT * FROM p ORDER BY id"

make_sites "CREATE TABLE p(id TEXT PRIMARY KEY, phone);
    INSERT INTO p VALUES('1', '1'), ('2', '2'), ('3', '3')" a b
db a "ALTER TABLE p RENAME COLUMN phone TO tel;
    UPDATE p SET tel = '99' WHERE id = '1';
    UPDATE p SET tel = '22' WHERE id = '2'"
db b "UPDATE p SET phone = '55' WHERE id = '2'"
sync_all a b
db b "ALTER TABLE p RENAME COLUMN phone TO tel"
sync_all a b
sync_all a b
is_same "rename: the edit is everywhere, a" a "1|99 3|3" \
    "SELECT * FROM p WHERE id <> '2' ORDER BY id"
is_same "rename: the edit is everywhere, b" b "1|99 3|3" \
    "SELECT * FROM p WHERE id <> '2' ORDER BY id"
same "rename: two edits end equal" "$(db a "$p_rows")" "$(db b "$p_rows")"
is_same "rename: the other of two edits is a conflict" b 1 \
    "SELECT count(*) FROM dialsync_conflict"
is_same "rename: nothing waits for tel" b 0 "SELECT count(*) FROM
    dialsync_aside JOIN dialsync_column USING(t, r) WHERE name = 'tel'"

# a table dropped and made again gets what came meanwhile
make_sites "CREATE TABLE p(id TEXT PRIMARY KEY, x);
    INSERT INTO p VALUES('1', '1')" a b
db a "INSERT INTO p VALUES('2', '2')"
sync_all a b
db b "DROP TABLE p"
db a "INSERT INTO p VALUES('3', '3')"
sync_all a b
db b "CREATE TABLE p(id TEXT PRIMARY KEY, x);
    INSERT INTO p VALUES('1', '1'), ('2', '2')"
run "made again" 0 "tracked" dialsync -C b track p
sync_all a b
is_same "what waited is placed" b "1|1 2|2 3|3" "$p_rows"
is_same "and the peer is as it was" a "1|1 2|2 3|3" "$p_rows"
db b "DROP TABLE p; CREATE TABLE p(id TEXT PRIMARY KEY, x)"
run "made again, empty" 0 "not deleted at the peers" dialsync -C b track p
sync_all a b
is_same "nothing is deleted there" a "1|1 2|2 3|3" "$p_rows"

# untrack: births and deaths of both sides
make_sites "CREATE TABLE p(id TEXT PRIMARY KEY, x); INSERT INTO p
    VALUES('1', '1'), ('2', '2')" a b
db a "INSERT INTO p VALUES('3', '3'), ('4', '4')"
sync_all a b
run "untrack" 0 "no more" dialsync -C b untrack p
db a "DELETE FROM p WHERE id = '3'; INSERT INTO p VALUES('5', '5')"
sync_all a b
run "track" 0 "was not logged for a time" dialsync -C b track p
grep -q "sent to the peers" out && bad "nothing was born: $(cat out)"
apply b
sync_all a b
is_same "a peer's birth and death are carried out" b "1|1 2|2 4|4 5|5" \
    "$p_rows"
run "untrack again" 0 "no more" dialsync -C b untrack p
db b "DELETE FROM p WHERE id = '4'; INSERT INTO p VALUES('6', '6')"
run "track again" 0 "sent to the peers" dialsync -C b track p
sync_all a b
is_same "own births and deaths travel" a "1|1 2|2 5|5 6|6" "$p_rows"
is_same "and stay" b "1|1 2|2 5|5 6|6" "$p_rows"

# a rebuilt table is told in every run, and by the status, until track
db b "CREATE TABLE n(id TEXT PRIMARY KEY, x); INSERT INTO n SELECT * FROM p;
    DROP TABLE p; ALTER TABLE n RENAME TO p; DELETE FROM p WHERE id = '5';
    INSERT INTO p VALUES('7', '7')"
for i in 1 2 3; do
	run "pack tells, $i" 0 "lost its triggers" dialsync -C b pack
	run "apply tells, $i" 0 "lost its triggers" dialsync -C b apply
done
run "status shows it" 0 'table p: its changes are not logged; run "dialsync' \
    dialsync -C b status
run "status --json has it" 0 '"table_troubles": ["table p:' \
    dialsync -C b status --json
run "track" 0 "tracked" dialsync -C b track p
run "it is told no more" 0 "" dialsync -C b pack --flush
grep -q "triggers" out && bad "still told: $(cat out)"
sync_all a b
is_same "what came and went meanwhile travels" a "1|1 2|2 6|6 7|7" "$p_rows"

# values that wait for a column are shown
db a "ALTER TABLE p ADD COLUMN vat; UPDATE p SET vat = 7 WHERE id < '6'"
sync_all a b
run "values that wait" 0 "2 values wait for a column" dialsync -C b status
run "in JSON" 0 '"parked_values": 2' dialsync -C b status --json
finish
