#!/bin/sh
# Columns and tables that are renamed at one site first, at the others months
# later; and tables that one side drops.  Nothing is lost, and an edit that
# nobody made is made by no rename.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

# is NAME SITE WANT SQL
is() {
	same "$1" "$3" "$(db "$2" "$4" | tr '\n' ' ' | sed 's/ $//')"
}
settle() {
	sync_all "$@"
	for s in "$@"; do
		apply $s
	done
	sync_all "$@"
}
all_p="SELECT * FROM p ORDER BY 1"
conflicts="SELECT count(*) FROM dialsync_conflict"
versions="SELECT group_concat(s || ' ' || c || ' ' || m) FROM dialsync_frag f
    JOIN dialsync_table d USING(t) WHERE d.name = 'p'"

make_sites "CREATE TABLE p(id TEXT PRIMARY KEY, phone, x);
    INSERT INTO p VALUES('1', '1', 0), ('2', '2', 0), ('3', '3', 0)" a b c
db a "UPDATE p SET phone = '11' WHERE id = '1'"
settle a b c
before=$(db a "$versions")
db a "ALTER TABLE p RENAME COLUMN phone TO tel"
pack a
same "a rename is no edit" "$before" "$(db a "$versions")"
# edits of both names meet at the site that has renamed
db b "UPDATE p SET phone = 'b1' WHERE id = '1'"
db a "UPDATE p SET tel = 'a2' WHERE id = '2'"
settle a b c
is "an edit under the old name comes" a "1|b1|0 2|a2|0 3|3|0" "$all_p"
is "one under the new name waits" b "1|b1|0 2|2|0 3|3|0" "$all_p"
is "at both that have the old one" c "1|b1|0 2|2|0 3|3|0" "$all_p"
db c "UPDATE p SET phone = 'c3' WHERE id = '3'"
settle a b c
db b "ALTER TABLE p RENAME COLUMN phone TO tel"
settle a b c
is "then it is placed" b "1|b1|0 2|a2|0 3|c3|0" "$all_p"
db b "UPDATE p SET tel = 'b3', x = 1 WHERE id = '3'"
settle a b c
is "two sites of the new name" a "1|b1|0 2|a2|0 3|b3|1" "$all_p"
is "and one of the old" c "1|b1|0 2|2|0 3|c3|1" "$all_p"
db c "ALTER TABLE p RENAME COLUMN phone TO tel"
settle a b c
for s in a b c; do
	is "all have it at $s" $s "1|b1|0 2|a2|0 3|b3|1" "$all_p"
	is "nothing waits at $s" $s 0 "SELECT count(*) FROM dialsync_aside"
done
equal "renamed everywhere" a b c

# edits of one field under both names, without knowing of each other
make_sites "CREATE TABLE p(id TEXT PRIMARY KEY, phone);
    INSERT INTO p VALUES('1', '1'), ('2', '2')" a b
db a "ALTER TABLE p RENAME COLUMN phone TO tel; UPDATE p SET tel = 'a'"
db b "UPDATE p SET phone = 'b' WHERE id = '1'"
settle a b
db b "ALTER TABLE p RENAME COLUMN phone TO tel"
settle a b
equal "two edits" a b
is "one is a conflict, a" a 1 "$conflicts"
is "one is a conflict, b" b 1 "$conflicts"
# a key column; several at once; a new column of the old name
db a "ALTER TABLE p RENAME COLUMN id TO code; ALTER TABLE p RENAME COLUMN tel
    TO number; UPDATE p SET number = 'n' WHERE code = '2';
    INSERT INTO p VALUES('3', 'three')"
db b "UPDATE p SET tel = 'm' WHERE id = '1'; INSERT INTO p VALUES('4', 'four')"
settle a b
is "a key column: it goes on, a" a "1|m 2|n 3|three 4|four" "$all_p"
is "a key column: rows come, b" b "1 2 3 4" "SELECT id FROM p ORDER BY 1"
db b "ALTER TABLE p RENAME COLUMN id TO code; ALTER TABLE p RENAME COLUMN tel
    TO number"
settle a b
is "a key column: it goes on, b" b "1|m 2|n 3|three 4|four" "$all_p"
db a "ALTER TABLE p ADD COLUMN tel; UPDATE p SET tel = 'new' WHERE code = '1'"
run "it is told" 0 "another column was called so before" \
    dialsync -C a pack --flush
settle a b
is "it is not taken for the other" b "1|m" "SELECT * FROM p WHERE code = '1'"
db b "ALTER TABLE p ADD COLUMN tel"
run "track at the others" 0 "tracked" dialsync -C b track p
run "track here last" 0 "tracked" dialsync -C a track p
settle a b
equal "a new column of an old name" a b
is "it is another" b "1|m|new" "SELECT * FROM p WHERE code = '1'"
# swapped names are no rename of ours to guess: values are sent
db a "ALTER TABLE p RENAME COLUMN tel TO zz; ALTER TABLE p RENAME COLUMN number
    TO tel; ALTER TABLE p RENAME COLUMN zz TO number"
db b "ALTER TABLE p RENAME COLUMN tel TO zz; ALTER TABLE p RENAME COLUMN number
    TO tel; ALTER TABLE p RENAME COLUMN zz TO number"
settle a b
equal "swapped" a b
is "swapped: each where it is" a "1|m|new" \
    "SELECT code, tel, number FROM p WHERE code = '1'"

# who has only the old name has what comes under the new one beside the table,
# and does not see it: an edit there is of what was there before the rename
make_sites "CREATE TABLE p(id TEXT PRIMARY KEY, phone);
    INSERT INTO p VALUES('1', '1'), ('2', '2'), ('3', '3')" a b
db a "UPDATE p SET phone = 'a1' WHERE id = '1'"
settle a b
db a "ALTER TABLE p RENAME COLUMN phone TO tel;
    UPDATE p SET tel = 'a2' WHERE id = '2'"
settle a b
db b "UPDATE p SET phone = 'b1' WHERE id = '1'"
settle a b
is "of what was told before the rename: no conflict" a 0 "$conflicts"
db b "UPDATE p SET phone = 'b2' WHERE id = '2'"
settle a b
is "the later one has the row" a "1|b1 2|b2 3|3" "$all_p"
is "what it did not see is a conflict" a "'2' tel a2 b2" \
    "SELECT key || ' ' || field || ' ' || lost || ' ' || won
    FROM dialsync_conflict"
db b "UPDATE p SET phone = 'b3'"
settle a b
is "its own it has seen" a 1 "$conflicts"
db b "ALTER TABLE p RENAME COLUMN phone TO tel"
settle a b
equal "seen under one name" a b

# so it is where a bundle of before the rename was lost, and came again after it
make_sites "CREATE TABLE p(id TEXT PRIMARY KEY, phone);
    INSERT INTO p VALUES('1', '1'), ('2', '2')" a b
settle a b
db a "UPDATE p SET phone = 'a1' WHERE id = '1'"
pack a
rm a/outbox/b/*.gz
db a "ALTER TABLE p RENAME COLUMN phone TO tel;
    UPDATE p SET tel = 'a2' WHERE id = '2'"
settle a b
settle a b
db b "UPDATE p SET phone = 'b1' WHERE id = '1'"
settle a b
is "what came again under the new name" a "'1' tel a1 b1" \
    "SELECT key || ' ' || field || ' ' || lost || ' ' || won
    FROM dialsync_conflict"

# two renames at once, where a peer has the name in between: what waits under
# it is shown, and comes by way of that name
make_sites "CREATE TABLE p(id TEXT PRIMARY KEY, phone);
    INSERT INTO p VALUES('1', '1')" a b
db a "ALTER TABLE p RENAME COLUMN phone TO tel; UPDATE p SET tel = 'x'"
settle a b
both="ALTER TABLE p RENAME COLUMN tel TO number"
db a "$both"
db b "ALTER TABLE p RENAME COLUMN phone TO tel; $both"
settle a b
run "it is shown" 0 "1 value wait" dialsync -C b status
db b "ALTER TABLE p RENAME COLUMN number TO tel"
pack b
db b "$both"
settle a b
equal "by way of the name in between" a b
is "the value" b "1|x" "$all_p"

# the site in the middle has the old name, and passes on what waits there
PEERS_OF_a=c PEERS_OF_b=c
make_sites "CREATE TABLE p(id TEXT PRIMARY KEY COLLATE NOCASE, phone, x);
    INSERT INTO p VALUES('1', '1', 0), ('2', '2', 0), ('3', '3', 0)" a b c
for s in a b; do
	db $s "ALTER TABLE p RENAME COLUMN phone TO tel;
	    ALTER TABLE p RENAME COLUMN id TO code"
done
db a "UPDATE p SET tel = 'a1' WHERE code = '1'; INSERT INTO p VALUES('Ann',
    'new', 1)"
pack a && carry a c && apply c
db c "UPDATE p SET phone = 'c2' WHERE id = '2'"
pack c
run "both names in one bundle" 0 "tel='a1'" dialsync show c/outbox/b/*.gz
grep -q "phone='c2'" out || bad "both names in one bundle: $(cat out)"
settle a b c
is "through the middle" b "1|a1|0 2|c2|0 3|3|0 Ann|new|1" "$all_p"
is "and back" a "1|a1|0 2|c2|0 3|3|0 Ann|new|1" "$all_p"
db c "ALTER TABLE p RENAME COLUMN phone TO tel; ALTER TABLE p RENAME COLUMN id
    TO code"
settle a b c
equal "the middle, too" a b c
is "with the key as it is spelled" c Ann "SELECT code FROM p WHERE x = 1"
[ -z "$(find a/held b/held c/held -type f)" ] || bad "bundles are held"
unset PEERS_OF_a PEERS_OF_b

# tables
make_sites "CREATE TABLE p(id TEXT PRIMARY KEY, x); CREATE TABLE q(id TEXT
    PRIMARY KEY); INSERT INTO p VALUES('1', 'one'), ('2', 'two')" a b
r="SELECT * FROM r ORDER BY id"
db a "ALTER TABLE p RENAME TO r; UPDATE r SET x = 'ONE' WHERE id = '1'"
db b "UPDATE p SET x = 'TWO' WHERE id = '2'; DROP TABLE q"
db a "INSERT INTO q VALUES('k')"
run "it is told" 0 "table p is called r now" dialsync -C a pack --flush
settle a b
r="SELECT * FROM r ORDER BY id"
is "what comes under the old name" a "1|ONE 2|TWO" "$r"
is "what waits under the new one" b "1|one 2|TWO" "$all_p"
db b "INSERT INTO p VALUES('3', 'three')"
db a "INSERT INTO r VALUES('4', 'four'), ('5', 'five')"
db b "INSERT INTO p VALUES('6', 'six')"
settle a b
db a "DELETE FROM r WHERE id IN ('5', '6')"
settle a b
is "a death waits, too" b six "SELECT x FROM p WHERE id = '6'"
db b "ALTER TABLE p RENAME TO r; UPDATE r SET x = 'THREE' WHERE id = '3'"
settle a b
r="SELECT * FROM r ORDER BY id"
for s in a b; do
	is "both are one, $s" $s "1|ONE 2|TWO 3|THREE 4|four" "$r"
done
equal "tables without the dropped one" a a
is "no conflict" a 0 "$conflicts"
db b "CREATE TABLE q(id TEXT PRIMARY KEY)"
run "made again" 0 "tracked" dialsync -C b track q
settle a b
is "what came for it is placed" b k "SELECT id FROM q"
equal "at last" a b
# a new table of the old name is another one
db a "CREATE TABLE p(id TEXT PRIMARY KEY, y)"
run "it is told, too" 0 "was called so before" dialsync -C a pack --flush
settle a b
r="SELECT * FROM r ORDER BY id"
is "and is not taken for the other" b "1|ONE 2|TWO 3|THREE 4|four" "$r"
db b "CREATE TABLE p(id TEXT PRIMARY KEY, y)"
run "track it at the others" 0 "tracked" dialsync -C b track p
run "track it here last" 0 "tracked" dialsync -C a track p
db a "INSERT INTO p VALUES('newer', 1); UPDATE p SET y = 1"
settle a b
equal "a new table of the old name" a b
is "it has its row" b "newer|1" "$all_p"
finish
