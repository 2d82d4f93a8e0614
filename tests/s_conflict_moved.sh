#!/bin/sh
# Conflicts whose table or column was renamed or dropped since; rows that refer
# to themselves or to each other; text that is no text.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

now=1800000000
tick() {
	now=$((now + 10))
	DIALSYNC_NOW=$now
	export DIALSYNC_NOW
}
edit() {
	tick
	db "$1" "$2; UPDATE dialsync_log SET w = $now"
}
conf() {
	s=$1
	shift
	dialsync -C "$s" conflicts "$@"
}
num() {
	db "$1" "SELECT rowid FROM dialsync_conflict WHERE $2"
}

# ---- renamed between the conflict and its being taken
tick
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a, b);
CREATE TABLE o(id INTEGER PRIMARY KEY, a)" x y
edit x "INSERT INTO t VALUES('k', 1, 2), ('d', 3, 4)"
sync_all x y
edit x "UPDATE t SET a = 'lost' WHERE id = 'k'"
edit x "UPDATE t SET b = 'gone' WHERE id = 'd'"
pack x
edit y "UPDATE t SET a = 'won' WHERE id = 'k'; DELETE FROM t WHERE id = 'd'"
tick
sync_all x y
same "two conflicts" "death edit" "$(echo $(db x "SELECT kind FROM
    dialsync_conflict ORDER BY 1"))"
edit x "ALTER TABLE t RENAME COLUMN a TO a2;
    ALTER TABLE t RENAME COLUMN b TO b2; ALTER TABLE t RENAME TO t2"
edit y "ALTER TABLE t RENAME COLUMN a TO a2;
    ALTER TABLE t RENAME COLUMN b TO b2; ALTER TABLE t RENAME TO t2"
sync_all x y
tick
run "shown by its new name" 0 "take would set a" conf x show \
    "$(num x "kind = 'edit'")"
run "an edit of a renamed column" 0 "is taken" conf x take \
    "$(num x "kind = 'edit'")"
run "a row of before" 0 "is taken" conf x take "$(num x "kind = 'death'")"
same "all of it is back" "d|3|gone
k|lost|2" "$(db x "SELECT * FROM t2 ORDER BY id")"
sync_all x y
equal "renamed" x y

# ---- the table is gone
edit x "UPDATE o SET a = 1"
edit x "INSERT INTO o VALUES(1, 'x')"
pack x
edit y "INSERT INTO o VALUES(1, 'y')"
tick
sync_all x y
edit x "DROP TABLE o"
sync_all x y
n=$(num x "kind = 'birth'")
run "list without the table" 0 "two rows of one key" conf x list
run "show without the table" 0 "table o is not here" conf x show "$n"
run "take without the table" 65 "table o is not here" conf x take "$n"
run "dismissed all the same" 0 "is dismissed" conf x dismiss "$n"
sync_all x y
same "everywhere" 0 "$(db y "SELECT count(*) FROM dialsync_conflict
    WHERE settled IS NULL")"

# ---- a column is dropped while a value for it waits, and made again
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a, b)" x y
printf '\n[table t]\nresolve = hold\n' >>x/dialsync.conf
edit x "INSERT INTO t VALUES('k', 1, 2), ('l', 1, 2)"
sync_all x y
edit x "UPDATE t SET a = 'x'"
pack x
edit y "UPDATE t SET a = 'y'"
tick
sync_all x y
same "two wait" 2 "$(db x "SELECT count(*) FROM dialsync_held")"
dialsync -C x untrack t >out 2>&1
db x "ALTER TABLE t DROP COLUMN a"
dialsync -C x track t >out 2>&1
tick
run "take without the column" 0 "is taken" conf x take \
    "h$(db x "SELECT rowid FROM dialsync_held WHERE k = 'k'")"
run "dismiss without the column" 0 "is dismissed" conf x dismiss \
    "h$(db x "SELECT rowid FROM dialsync_held WHERE k = 'l'")"
sync_all x y
edit x "ALTER TABLE t ADD COLUMN a"
sync_all x y
same "the value comes back with its column" "y y" \
    "$(echo $(db x "SELECT a FROM t"))"
same "and is nobody's edit" "y y" "$(echo $(db y "SELECT a FROM t"))"

# ---- resolve = mine, column renamed at one site between edit and bundle
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a, b)" x y
printf '\n[table t]\nresolve = mine\n' >>x/dialsync.conf
edit x "INSERT INTO t VALUES('k', 1, 2)"
sync_all x y
edit x "UPDATE t SET a = 'mine'"
pack x
edit y "UPDATE t SET a = 'later'"
tick
pack y
carry x y
apply y
pack y
edit x "ALTER TABLE t RENAME COLUMN a TO a2"
carry y x
apply x
same "mine, under another name" mine "$(db x "SELECT a2 FROM t")"

# ---- rows that refer to themselves, and to each other
make_sites "CREATE TABLE e(id INTEGER PRIMARY KEY, boss INTEGER REFERENCES
    e(id), other INTEGER REFERENCES e(id), name)" x y
edit x "INSERT INTO e VALUES(1, 1, 1, 'Ann'), (2, 3, 3, 'Bob'),
    (3, 2, 2, 'Cyd')"
sync_all x y
edit x "DELETE FROM e WHERE id = 1"
edit y "INSERT INTO e VALUES(10, 1, NULL, 'Dot')"
sync_all x y
n=$(num x "kind = 'parent' AND settled IS NULL")
tick
run "one that refers to itself" 0 "e 1 is back" conf x take "$n"
sync_all x y
equal "to itself" x y
same "nothing dangles" "" "$(db x "PRAGMA foreign_key_check")"
edit x "DELETE FROM e WHERE id IN (2, 3)"
edit y "INSERT INTO e VALUES(11, 2, NULL, 'Eve')"
sync_all x y
# the other one was not missed by anybody yet: a conflict of its own
for round in 1 2 3; do
	for n in $(num x "kind = 'parent' AND settled IS NULL"); do
		tick
		run "two that refer to each other" 0 "is taken" conf x take "$n"
	done
	sync_all x y
done
equal "to each other" x y
same "nothing dangles" "" "$(db y "PRAGMA foreign_key_check")"

# ---- a reference dangles, and its column is renamed
edit x "DELETE FROM e WHERE id = 1"
edit y "INSERT INTO e VALUES(12, 1, NULL, 'Fay')"
sync_all x y
for s in x y; do
	edit $s "ALTER TABLE e RENAME COLUMN boss TO chief"
done
sync_all x y
edit x "INSERT INTO e VALUES(20, NULL, NULL, 'Gus')"
sync_all x y
same "it dangles" 2 "$(db x "PRAGMA foreign_key_check" | wc -l)"
same "and is told" 2 "$(db x "SELECT count(*) FROM dialsync_conflict
    WHERE kind = 'parent' AND settled IS NULL")"
for n in $(num x "kind = 'parent' AND settled IS NULL"); do
	tick
	run "renamed reference" 0 "" conf x take "$n"
done
sync_all x y
equal "renamed reference" x y
same "whole again" "" "$(db y "PRAGMA foreign_key_check")"

# ---- a row that is too large for one record loses value by value
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a, b)" x y
edit x "INSERT INTO t VALUES('n', zeroblob(9000000), 'x')"
pack x
edit y "INSERT INTO t VALUES('n', 'small', 'y')"
tick
sync_all x y
for n in $(num x "settled IS NULL"); do
	run "a large row" 0 "is taken" conf x take "$n"
done
sync_all x y
equal "a large row" x y
same "all of it is back" "9000000|x" "$(db y "SELECT length(a), b FROM t")"

# ---- what looks like text and is none comes back bit for bit
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a, b)" x y
edit x "INSERT INTO t VALUES('k', 1, CAST(x'8080808080808080808080' AS TEXT)),
    ('l', 1, CAST(x'FF80808080808080808041' AS TEXT))"
sync_all x y
edit x "UPDATE t SET a = 2"
pack x
edit y "DELETE FROM t"
tick
sync_all x y
for n in $(num x "settled IS NULL"); do
	conf x take "$n" >out 2>&1 || bad "odd text: $(cat out)"
done
same "odd text" "8080808080808080808080
FF80808080808080808041" "$(db x "SELECT hex(b) FROM t ORDER BY id")"

finish
