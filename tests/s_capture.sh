#!/bin/sh
# Capture as applications meet it: the sqlite3 shell writes to the tables of a
# site, and the log has every row that changed.  t_triggers has the cases; this
# is that they hold for real files, two programs, WAL and later schemas.
. "${abs_top_srcdir:-$PWD}/tests/site_lib.sh"

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
finish
