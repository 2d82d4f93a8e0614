#!/bin/sh
# Schemas that move, at one site first, at the other months later: nothing is
# lost, other tables go on, and in the end all sites are equal.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

# is NAME SITE WANT SQL
is() {
	same "$1" "$3" "$(db "$2" "$4" | tr '\n' ' ' | sed 's/ $//')"
}
# both NAME WANT SQL: at a and b
both() {
	is "$1, a" a "$2" "$3"
	is "$1, b" b "$2" "$3"
}
all_p="SELECT * FROM p ORDER BY 1, 2"
conflicts="SELECT count(*) FROM dialsync_conflict"
# quiet NAME SITE...: nothing waits any more, and nothing is held
quiet() {
	name=$1
	shift
	for s in "$@"; do
		is "$name: nothing is aside at $s" $s 0 \
		    "SELECT count(*) FROM dialsync_aside"
		is "$name: nothing is held at $s" $s 0 \
		    "SELECT count(*) FROM dialsync_held"
		[ -z "$(find $s/held -type f)" ] ||
			bad "$name: bundles are held at $s"
	done
}
# settle SITE...: what an hour of appliers and packers does
settle() {
	sync_all "$@"
	for s in "$@"; do
		apply $s
	done
	sync_all "$@"
}
begin() {
	case_=$1
	shift
	make_sites "$@"
}

# ---- ADD COLUMN, here first; and at both with values on both
begin add "CREATE TABLE p(id TEXT PRIMARY KEY, x); CREATE TABLE q(id TEXT
    PRIMARY KEY, x); INSERT INTO p VALUES('1', 'one'), ('2', 'two')" a b
db a "ALTER TABLE p ADD COLUMN v DEFAULT 'd'; UPDATE p SET v = 'va' WHERE id = '1';
    INSERT INTO q VALUES('k', 1); INSERT INTO p(id, v) VALUES('3', 'v3')"
settle a b
is "add: the other table goes on" b "k|1" "SELECT * FROM q"
is "add: the row is there" b 3 "SELECT id FROM p WHERE id = '3'"
db b "UPDATE p SET x = 'ONE' WHERE id = '1'"
settle a b
db b "ALTER TABLE p ADD COLUMN v DEFAULT 'd'"
settle a b
both "add: values that waited" "1|ONE|va 2|two|d 3||v3" "$all_p"
db a "ALTER TABLE p ADD COLUMN w"
db b "ALTER TABLE p ADD COLUMN w"
db a "UPDATE p SET w = 'a' WHERE id <> '3'"
DIALSYNC_NOW= db b "UPDATE p SET w = 'b' WHERE id <> '2'"
settle a b
equal "add at both" a b
is "add at both: one is a conflict" a 1 "$conflicts"
is "add at both: the others" a "2|a 3|b" "SELECT id, w FROM p WHERE id > '1'"
quiet "add" a b
# NOT NULL without a default can be added by a rebuild only; at one side first
db a "CREATE TABLE n(id TEXT PRIMARY KEY, x, v, w, nn TEXT NOT NULL);
    INSERT INTO n SELECT *, 'given' FROM p; DROP TABLE p;
    ALTER TABLE n RENAME TO p"
run "add NOT NULL" 0 "tracked" dialsync -C a track p
db b "INSERT INTO p(id, x) VALUES('9', 'no nn')"
settle a b
is "add NOT NULL: a row without it is held" a 1 \
    "SELECT count(*) FROM dialsync_held"
db b "CREATE TABLE n(id TEXT PRIMARY KEY, x, v, w, nn TEXT NOT NULL);
    INSERT INTO n SELECT *, 'of b' FROM p; DROP TABLE p;
    ALTER TABLE n RENAME TO p"
run "add NOT NULL, b" 0 "tracked" dialsync -C b track p
settle a b
equal "add NOT NULL" a b
is "add NOT NULL: and comes with it" a "of b" "SELECT nn FROM p WHERE id = '9'"
quiet "add NOT NULL" a b

# ---- DROP COLUMN
begin drop "CREATE TABLE p(id TEXT PRIMARY KEY, x, y);
    INSERT INTO p VALUES('1', 'one', 'y1'), ('2', 'two', 'y2')" a b
run "drop: untrack" 0 "no more" dialsync -C a untrack p
db a "ALTER TABLE p DROP COLUMN y"
run "drop: track" 0 "tracked" dialsync -C a track p
db b "UPDATE p SET y = 'Y1', x = 'ONE' WHERE id = '1'; INSERT INTO p
    VALUES('3', 'three', 'y3')"
db a "UPDATE p SET x = 'TWO' WHERE id = '2'"
settle a b
is "drop: the rest goes on, a" a "1|ONE 2|TWO 3|three" "$all_p"
is "drop: the rest goes on, b" b "1|ONE|Y1 2|TWO|y2 3|three|y3" "$all_p"
run "drop: untrack, b" 0 "no more" dialsync -C b untrack p
db b "ALTER TABLE p DROP COLUMN y"
run "drop: track, b" 0 "tracked" dialsync -C b track p
settle a b
equal "drop" a b

# ---- the key gets a second column, here first; other tables go on
begin widen "CREATE TABLE p(id TEXT PRIMARY KEY, site TEXT DEFAULT 's', x);
    CREATE TABLE q(id TEXT PRIMARY KEY, x);
    INSERT INTO p VALUES('1', 's', 'one'), ('2', 's', 'two')" a b c
db b "UPDATE p SET x = 'TWO' WHERE id = '2'"
settle a b c
wide="CREATE TABLE n(id TEXT, site TEXT DEFAULT 's', x, PRIMARY KEY(id, site));
    INSERT INTO n SELECT * FROM p; DROP TABLE p; ALTER TABLE n RENAME TO p"
db a "$wide; INSERT INTO p VALUES('1', 't', 'other')"
run "widen: track" 0 "tracked" dialsync -C a track p
db b "UPDATE p SET x = 'ONE of b' WHERE id = '1'; INSERT INTO q VALUES('k', 1);
    INSERT INTO p VALUES('4', 's', 'four')"
pack a && carry a b
run "widen: it is told" 0 "its key has 2 columns at a and 1 here" \
    dialsync -C b apply
settle a b c
for s in a b c; do
	is "widen: other tables go on at $s" $s "k|1" "SELECT * FROM q"
	[ -z "$(find $s/held -type f)" ] || bad "widen: held at $s"
done
is "widen: two sites of one key go on" c "1|s|ONE of b 2|s|TWO 4|s|four" "$all_p"
is "widen: rows of another key wait" b 1 "SELECT count(*) > 0 FROM
    dialsync_frag JOIN dialsync_table USING(t) WHERE name = 'p' AND width = 2"
db b "$wide"
run "widen: track, b" 0 "tracked" dialsync -C b track p
settle a b c
both "widen: rows of both" "1|s|ONE of b 1|t|other 2|s|TWO 4|s|four" "$all_p"
db c "UPDATE p SET x = 'FOUR' WHERE id = '4'; $wide"
run "widen: track, c" 0 "tracked" dialsync -C c track p
settle a b c
equal "widen" a b c
is "widen: the last one's edit, too" a "4|s|FOUR" \
    "SELECT * FROM p WHERE id = '4'"
# ... and back to one column
narrow="CREATE TABLE n(id TEXT PRIMARY KEY, site TEXT DEFAULT 's', x);
    INSERT INTO n SELECT * FROM p WHERE site = 's'; DROP TABLE p;
    ALTER TABLE n RENAME TO p"
for s in c b a; do
	db $s "$narrow"
	run "narrow: track, $s" 0 "tracked" dialsync -C $s track p
	settle a b c
done
settle a b c
equal "narrow" a b c
is "narrow: the rows" a "1|s|ONE of b 2|s|TWO 4|s|FOUR" "$all_p"
db c "UPDATE p SET x = 'again' WHERE id = '2'"
settle a b c
equal "narrow: it goes on" a b c
is "narrow: an edit" a again "SELECT x FROM p WHERE id = '2'"

# ---- a table that comes later at both, with rows in both
begin both "CREATE TABLE q(id TEXT PRIMARY KEY)" a b
db a "CREATE TABLE p(id TEXT PRIMARY KEY, x, y);
    INSERT INTO p VALUES('1', 'same', 1), ('2', 'of a', 1), ('3', 'a', 1)"
settle a b
db b "CREATE TABLE p(id TEXT PRIMARY KEY, x, y);
    INSERT INTO p VALUES('1', 'same', 1), ('2', 'of b', 1), ('4', 'b', 1)"
settle a b
equal "both" a b
is "both: all rows" a "1 2 3 4" "SELECT id FROM p ORDER BY 1"
both "both: only what differs is a conflict" "p|x" \
    "SELECT tbl, field FROM dialsync_conflict"
quiet "both" a b
# ... tracked by name
begin named "CREATE TABLE q(id TEXT PRIMARY KEY)" a b
for s in a b; do
	db $s "DELETE FROM dialsync_meta WHERE k = 'track_all'"
done
db a "CREATE TABLE p(id TEXT PRIMARY KEY, x)"
run "named: track, a" 0 tracked dialsync -C a track p
db a "INSERT INTO p VALUES('1', 'of a'), ('2', 'same')"
settle a b
db b "CREATE TABLE p(id TEXT PRIMARY KEY, x);
    INSERT INTO p VALUES('1', 'of b'), ('2', 'same')"
run "named: track, b" 0 tracked dialsync -C b track p
settle a b
equal "named" a b
is "named: nothing is overwritten in silence" a 1 "$conflicts"

# ---- keys of a table that comes with a collation
begin collate "CREATE TABLE q(id TEXT PRIMARY KEY)" a b
db a "CREATE TABLE p(id TEXT PRIMARY KEY COLLATE NOCASE, x);
    CREATE TABLE r(id TEXT PRIMARY KEY COLLATE RTRIM, x);
    INSERT INTO p VALUES('Ann', 1), ('BOB', 2);
    INSERT INTO r VALUES('r  ', 1)"
settle a b
db a "UPDATE p SET x = 3 WHERE id = 'ann'; UPDATE p SET id = 'bob', x = 4
    WHERE id = 'bob'"
settle a b
db b "CREATE TABLE p(id TEXT PRIMARY KEY COLLATE NOCASE, x);
    CREATE TABLE r(id TEXT PRIMARY KEY COLLATE RTRIM, x)"
settle a b
both "collate: they are placed" "Ann|3 bob|4" "$all_p"
both "collate: RTRIM" "r  |1" "SELECT * FROM r"
db b "UPDATE p SET x = 5 WHERE id = 'ANN'; DELETE FROM p WHERE id = 'BOB'"
settle a b
both "collate: and go on" "Ann|5" "$all_p"
quiet "collate" a b
# another collation by a rebuild, at one side first
begin recollate "CREATE TABLE p(id TEXT PRIMARY KEY, x);
    INSERT INTO p VALUES('Ann', 1), ('bob', 2)" a b
db a "UPDATE p SET x = 10 WHERE id = 'Ann'; INSERT INTO p VALUES('Cy', 3)"
settle a b
nocase="CREATE TABLE n(id TEXT PRIMARY KEY COLLATE NOCASE, x);
    INSERT INTO n SELECT * FROM p; DROP TABLE p; ALTER TABLE n RENAME TO p"
db a "$nocase"
run "recollate: track" 0 "tracked" dialsync -C a track p
db b "$nocase"
run "recollate: track, b" 0 "tracked" dialsync -C b track p
settle a b
db b "UPDATE p SET x = 30 WHERE id = 'cy'; DELETE FROM p WHERE id = 'ANN'"
settle a b
both "recollate" "bob|2 Cy|30" "$all_p"
binary="CREATE TABLE n(id TEXT PRIMARY KEY, x);
    INSERT INTO n SELECT * FROM p; DROP TABLE p; ALTER TABLE n RENAME TO p"
for s in a b; do
	db $s "$binary"
	run "recollate: back, $s" 0 "tracked" dialsync -C $s track p
done
settle a b
db a "UPDATE p SET x = 31 WHERE id = 'Cy'"
settle a b
both "recollate: back" "Cy|31 bob|2" "$all_p"
quiet "recollate" a b

# ---- an affinity that is another at one side
begin affinity "CREATE TABLE p(id TEXT PRIMARY KEY, x TEXT);
    INSERT INTO p VALUES('1', '1')" a b
db a "CREATE TABLE n(id TEXT PRIMARY KEY, x INTEGER); INSERT INTO n SELECT *
    FROM p; DROP TABLE p; ALTER TABLE n RENAME TO p"
run "affinity: track" 0 tracked dialsync -C a track p
db a "UPDATE p SET x = 7 WHERE id = '1'"
db b "INSERT INTO p VALUES('2', '08'), ('3', 'word')"
settle a b
is "affinity: each has it as its table does, a" a "7 8 word" \
    "SELECT x FROM p ORDER BY id"
is "affinity: each has it as its table does, b" b "7 08 word" \
    "SELECT x FROM p ORDER BY id"

# ---- STRICT, generated columns, WITHOUT ROWID
begin kinds "CREATE TABLE p(id TEXT PRIMARY KEY, x INT, y TEXT) STRICT;
    CREATE TABLE g(id TEXT PRIMARY KEY, x, v AS (x * 2), s AS (x + 1) STORED);
    CREATE TABLE w(a, b, x, PRIMARY KEY(b, a)) WITHOUT ROWID;
    INSERT INTO p VALUES('1', 1, 'y'); INSERT INTO g(id, x) VALUES('1', 1);
    INSERT INTO w VALUES(1, 2, 3)" a b
db a "UPDATE p SET x = 2; UPDATE g SET x = 5; UPDATE w SET x = 4;
    INSERT INTO w VALUES(7, 8, 9); ALTER TABLE g ADD COLUMN z AS (x || 'z');
    ALTER TABLE p ADD COLUMN n INT; UPDATE p SET n = 6"
settle a b
both "kinds: STRICT" "2|y" "SELECT x, y FROM p"
both "kinds: generated" "5|10|6" "SELECT x, v, s FROM g"
both "kinds: WITHOUT ROWID" "1|2|4 7|8|9" "SELECT * FROM w ORDER BY 1"
db b "ALTER TABLE p ADD COLUMN n INT; ALTER TABLE g ADD COLUMN z AS (x || 'z')"
settle a b
equal "kinds" a b
db a "DROP TABLE p; CREATE TABLE p(id TEXT PRIMARY KEY, x TEXT, y, n)"
run "kinds: STRICT no more" 0 tracked dialsync -C a track p
db a "INSERT INTO p VALUES('t', 'text', 1, 1), ('i', '5', 1, 1)"
settle a b
is "kinds: what a STRICT table refuses is held" b "t" \
    "SELECT k FROM dialsync_held"
is "kinds: and no other row is" b i "SELECT id FROM p WHERE id = 'i'"

# ---- refused, with a reason
begin refused "CREATE TABLE p(id TEXT PRIMARY KEY)" a
db a "CREATE VIEW v AS SELECT 1; CREATE VIRTUAL TABLE f USING fts5(x);
    CREATE TABLE nokey(x)"
for t in "v is a view" "f is a virtual" "f_data is a shadow" \
    "nokey has no primary key" "dialsync_log belongs"; do
	set -- $t
	run "refused: $1" 65 "$t" dialsync -C a track "$1"
done

# two keys of one site that are one where the table comes with NOCASE
begin twins "CREATE TABLE q(id TEXT PRIMARY KEY)" a b
db a "CREATE TABLE p(id TEXT PRIMARY KEY, x);
    INSERT INTO p VALUES('Ann', 'first')"
settle a b
db a "INSERT INTO p VALUES('ANN', 'second'), ('b', 1)"
settle a b
db b "CREATE TABLE p(id TEXT PRIMARY KEY COLLATE NOCASE, x)"
settle a b
is "twins: one row" b 2 "SELECT count(*) FROM p"
is "twins: the other is kept" b 1 "SELECT count(*) FROM dialsync_conflict
    WHERE lost IN ('first', 'second')"
is "twins: nothing waits" b 0 "SELECT count(*) FROM dialsync_held"

# ---- a row that is born where the column is not, after another that had it and
# a death between: the same in whatever order they are heard of
begin reborn "CREATE TABLE p(id TEXT PRIMARY KEY, x)" a b c
db b "ALTER TABLE p ADD COLUMN v DEFAULT 'd'; INSERT INTO p VALUES('1', 'b', 'vb')"
pack b
sleep 1
db c "INSERT INTO p VALUES('1', 'c'); DELETE FROM p"
pack c
sleep 1
db a "INSERT INTO p VALUES('1', 'a')"
settle a b c
for s in a c; do
	db $s "ALTER TABLE p ADD COLUMN v DEFAULT 'd'"
done
settle a b c
is "reborn: with the default" b "1|a|d" "SELECT * FROM p"
equal "reborn" a b c
equal_rows() { db "$1" "SELECT * FROM p"; }
same "reborn: a and c" "$(equal_rows a)" "$(equal_rows c)"

# two births of one key, met where the column is not: the row that lost is kept
# with it
begin births "CREATE TABLE p(id TEXT PRIMARY KEY, x)" a b
db b "ALTER TABLE p ADD COLUMN v"
pack b
db b "INSERT INTO p VALUES('1', 'b', 'vb')"
pack b
sleep 2 # b has told its clock of now, its row is a second later
db a "INSERT INTO p VALUES('1', 'a')"
carry b a
apply a
is "births: the record has the value" a 1 "SELECT count(*) FROM
    dialsync_conflict WHERE row LIKE '%vb%'"
settle a b
is "births: the later is there" b "1|a|" "SELECT * FROM p"

# a row replaced where the column is not keeps what came for the column
begin replaced "CREATE TABLE p(id TEXT PRIMARY KEY, x)" a b
db b "ALTER TABLE p ADD COLUMN v; INSERT INTO p VALUES('1', 'b', 'vb')"
settle a b
sleep 1
db a "REPLACE INTO p VALUES('1', 'a')"
settle a b
is "replaced: the value stays" b "1|a|vb" "SELECT * FROM p"
db a "ALTER TABLE p ADD COLUMN v"
settle a b
both "replaced: and comes" "1|a|vb" "SELECT * FROM p"
is "replaced: no conflict" a 0 "$conflicts"

# ... as its own: what a third site wrote is not lost to an edit that did not
# know it, although who brings both knew it
PEERS_OF_a="b c" PEERS_OF_b=a PEERS_OF_c=a
begin third "CREATE TABLE p(id TEXT PRIMARY KEY, x);
    INSERT INTO p VALUES('1', 0)" a b c
db b "ALTER TABLE p ADD COLUMN v"
db c "ALTER TABLE p ADD COLUMN v; UPDATE p SET v = 'vc'"
pack c
carry c a
apply a
sleep 1
db a "REPLACE INTO p VALUES('1', 'a')"
pack a
sleep 1
db b "UPDATE p SET v = 'vb'"
settle a b c
unset PEERS_OF_a PEERS_OF_b PEERS_OF_c
for s in a b c; do
	is "third: both values are there, $s" $s "v vc a vb b" "SELECT field ||
	    ' ' || lost || ' ' || lost_site || ' ' || won || ' ' || won_site
	    FROM dialsync_conflict"
done

# a row dies where two of its values wait: each is kept, or lost, as itself
PEERS_OF_a=b PEERS_OF_b="a c" PEERS_OF_c=b
begin dies "CREATE TABLE p(id TEXT PRIMARY KEY, v);
    INSERT INTO p VALUES('1', 0)" a b c
db a "ALTER TABLE p ADD COLUMN x; ALTER TABLE p ADD COLUMN y;
    UPDATE p SET x = 'of x'"
pack a
sleep 1
db c "DELETE FROM p"
pack c
sleep 1
db a "UPDATE p SET y = 'of y'"
pack a
carry a b
apply b
carry c b
apply b
is "dies: the later one waits" b "of y" "SELECT v FROM dialsync_aside WHERE
    t = (SELECT t FROM dialsync_table WHERE name = 'p')"
is "dies: both are conflicts" b "x of x y of y" "SELECT field || ' ' || lost
    FROM dialsync_conflict ORDER BY 1"
settle a b c
unset PEERS_OF_a PEERS_OF_b PEERS_OF_c
# ---- a key's spelling that came while the table was not here: one that is older
# and comes later has lost all the same
spell="CREATE TABLE p(id TEXT COLLATE NOCASE PRIMARY KEY, x);
    INSERT INTO p VALUES('Ann', 1)"
registers="SELECT m FROM dialsync_frag JOIN dialsync_table USING(t)
    WHERE name = 'p'"
for there in "untrack p" "track p"; do
	begin "spelling" "$spell" a b c
	run "spelling: $there" 0 "p" dialsync -C b $there
	db a "UPDATE p SET id = 'aNN'"
	db c "UPDATE p SET id = 'ANN'" # at the same second, or later
	pack c
	carry c b
	apply b
	dialsync -C b track p >out 2>&1 || bad "spelling: $(cat out)"
	apply b
	is "spelling: $there: it has come" b "ANN|1" "SELECT * FROM p"
	settle a b c
	is "spelling: $there: the later stands" b "ANN|1" "SELECT * FROM p"
	equal "spelling: $there" a b c
	is "spelling: $there: one register" b 2 "$registers"
	quiet "spelling: $there" a b c
done

# ---- a site that SQLite's backup made counts its schema's versions from 1, and so
# does a copy of it that is made after a rename which nobody has looked at yet
begin copied "CREATE TABLE p(id TEXT PRIMARY KEY, x)" a
run "copied: one" 0 "ready to carry" dialsync -C a copy one one
dialsync -C one pack >out 2>&1 || bad "copied: pack: $(cat out)"
sqlite3 one/d.db "ALTER TABLE p RENAME COLUMN x TO y"
sqlite3 one/d.db ".backup two.db"
run "copied: two" 0 "site two is ready" dialsync init two --database two.db \
    --copy
sqlite3 two.db "INSERT INTO p VALUES('1', 'why')"
dialsync -C two peer one >out 2>&1
run "copied: pack" 0 "1 change" dialsync -C two pack --flush
run "copied: the renamed column travels" 0 "y='why'" \
    dialsync show two/outbox/one/*.gz

# ---- what was written before a column came has the same registers whether it was
# folded before, as in a copy made by hand, or after; also of a row that was born
# with what waited for the column, and where another one got a new name, too
for rename in "" "ALTER TABLE p RENAME COLUMN x TO y"; do
	begin before "CREATE TABLE p(id TEXT PRIMARY KEY, x);
	    INSERT INTO p VALUES('1', 0)" a b
	db b "ALTER TABLE p ADD COLUMN v; UPDATE p SET v = 'vb'"
	settle a b
	db a "REPLACE INTO p VALUES('1', 1); INSERT INTO p VALUES('2', 2)"
	rm -rf hand hand.db
	sqlite3 a.tmp/d.db ".backup hand.db"
	run "before: a copy" 0 "site hand is ready" dialsync init hand \
	    --database hand.db --copy
	for db in a.tmp/d.db hand.db; do
		sqlite3 $db "ALTER TABLE p ADD COLUMN v; $rename"
	done
	for s in a hand; do
		dialsync -C $s pack >out 2>&1 || bad "before: pack: $(cat out)"
	done
	registers="SELECT k, m, c FROM dialsync_frag ORDER BY k, c"
	same "before: registers ($rename)" "$(sqlite3 hand.db "$registers")" \
	    "$(sqlite3 a.tmp/d.db "$registers")"
	is "before: the value that waited ($rename)" a "1|1|vb 2|2|" "$all_p"
	is "before: no conflict ($rename)" a 0 "$conflicts"
	db b "$rename"
	settle a b
	is "before: the other site ($rename)" b "1|1|vb 2|2|" "$all_p"
done

# ---- half-way: a table that cannot be followed stays as it was, others go on
begin half "CREATE TABLE p(id TEXT PRIMARY KEY, x); CREATE TABLE q(id TEXT
    PRIMARY KEY, x); INSERT INTO p VALUES('1', 1)" a b
db a "ALTER TABLE p ADD COLUMN y DEFAULT 0; UPDATE p SET y = 5;
    ALTER TABLE q ADD COLUMN y; INSERT INTO q VALUES('k', 1, 2)"
settle a b
db b "ALTER TABLE p ADD COLUMN y DEFAULT 0; ALTER TABLE q ADD COLUMN y;
    CREATE TRIGGER stop BEFORE UPDATE OF here ON dialsync_column WHEN NEW.t =
    (SELECT t FROM dialsync_table WHERE name = 'p')
    BEGIN SELECT RAISE(ABORT, 'stopped'); END"
run "half: it is told" 0 "dialsync cannot follow: " dialsync -C b pack
is "half: the table is as it was" b "1|1|0" "SELECT * FROM p"
is "half: its value waits" b 5 "SELECT v FROM dialsync_aside"
is "half: the other is followed" b "k|1|2" "SELECT * FROM q"
db b "DROP TRIGGER stop"
settle a b
equal "half" a b
is "half: and it comes" b "1|1|5" "SELECT * FROM p"
finish
