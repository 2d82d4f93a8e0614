#!/bin/sh
# Held rows and values: all sites hold the same, whatever came first; what is
# held travels on, can be seen, and comes back by itself.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

# Two sites edit at the same time; a's edits are the earlier claims.  Clocks are
# set by hand, since a second is long.
at() {
	s=$1 t=$2
	shift 2
	db "$s" "$1; UPDATE dialsync_log SET w = $t WHERE w > 1700000000"
}
held() {
	db "$1" "SELECT group_concat(x, ' ') FROM (SELECT k || ':' || kind AS x
	    FROM dialsync_held ORDER BY k)"
}
# all NAME SQL WANT SITE...: the query says the same everywhere
all() {
	what=$1 sql=$2 want=$3
	shift 3
	for s in "$@"; do
		same "$what, at $s" "$want" "$(db "$s" "$sql")"
	done
}
equal_held() {
	equal "$@"
	name=$1
	first=$2
	shift 2
	for s in "$@"; do
		same "$name: held at $s" "$(held "$first")" "$(held "$s")"
	done
}
T=1600000000
# what the packer tells is by this clock, too
DIALSYNC_NOW=$T
export DIALSYNC_NOW
rows="SELECT group_concat(id || '=' || coalesce(u, '-'), ' ') FROM
    (SELECT * FROM t ORDER BY id)"

# one value, two rows: the earlier claim has it, at both sites
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, u UNIQUE, v)" a b
at b $((T + 2)) "INSERT INTO t VALUES('1', 'x', 'late')"
at a $((T + 1)) "INSERT INTO t VALUES('2', 'x', 'early')"
sync_all a b
all "the earlier claim" "$rows" "1=- 2=x" a b
all "the value is kept" "SELECT v FROM dialsync_aside" x a b
same "kind" "1:unique" "$(held a)"
dialsync -C a status >out 2>&1
grep -q "1 row" out || bad "status does not tell: $(cat out)"
same "why says whose it is" 1 "$(db a "SELECT why LIKE '%row ''2'' has it%'
    FROM dialsync_held")"
equal_held "the earlier claim" a b

# the peer gives the value up: it comes back by itself, at both
at a $((T + 5)) "UPDATE t SET u = 'y' WHERE id = '2'"
sync_all a b
all "freed by a peer" "$rows" "1=x 2=y" a b
all "nothing held" "SELECT count(*) FROM dialsync_held" 0 a b
all "nothing aside" "SELECT count(*) FROM dialsync_aside" 0 a b

# the site's own application takes the holder away: the next apply places it,
# with nothing in its inbox
at a $((T + 10)) "INSERT INTO t VALUES('4', 'z', 1)"
at b $((T + 11)) "INSERT INTO t VALUES('5', 'z', 1)"
sync_all a b
all "held again" "$rows" "1=x 2=y 4=z 5=-" a b
db b "DELETE FROM t WHERE id = '4'"
apply b || bad "an empty inbox: $(cat apply.out)"
same "freed by the application" "1=x 2=y 5=z" "$(db b "$rows")"
sync_all a b
all "freed by the application" "$rows" "1=x 2=y 5=z" a b
equal_held "freed by the application" a b

# an edit of the value that is NULL for now: what was held is a conflict
at a $((T + 20)) "INSERT INTO t VALUES('6', 'w', 1)"
at b $((T + 21)) "INSERT INTO t VALUES('7', 'w', 1)"
sync_all a b
db a "UPDATE t SET u = 'other' WHERE id = '7'"
sync_all a b
all "edited while held" "$rows" "1=x 2=y 5=z 6=w 7=other" a b
all "what was held is a conflict" "SELECT lost FROM dialsync_conflict" w a b
equal_held "edited while held" a b

# an application takes a value that a held row claims by an earlier change
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, u UNIQUE, v)" a b
at a $((T + 1)) "INSERT INTO t VALUES('1', 'x', 0)"
at b $((T + 2)) "INSERT INTO t VALUES('2', 'x', 0)"
sync_all a b
db b "UPDATE t SET u = 'free' WHERE id = '1'; INSERT INTO t VALUES('3', 'x', 0)"
apply b
same "taken by the application: told" 65 $?
same "the older claim displaces it" "1=free 2=x 3=-" "$(db b "$rows")"
sync_all a b
all "the older claim displaces it" "$rows" "1=free 2=x 3=-" a b
equal_held "the older claim displaces it" a b

# swaps and chains in one bundle
make_sites "CREATE TABLE t(id INTEGER PRIMARY KEY, u INTEGER NOT NULL UNIQUE)" a b
db a "INSERT INTO t VALUES(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6)"
sync_all a b
db a "UPDATE t SET u = -u; UPDATE t SET u = CASE id WHEN 1 THEN 2 WHEN 2 THEN 1
    WHEN 6 THEN 3 ELSE id + 1 END"
pack a
carry a b
apply b || bad "a swap holds something: $(cat apply.out)"
all "swap and ring" "$rows" "1=2 2=1 3=4 4=5 5=6 6=3" a b
db a "UPDATE t SET u = -u; UPDATE t SET u = 1 - u"
pack a
carry a b
apply b || bad "a chain holds something: $(cat apply.out)"
all "chain" "$rows" "1=3 2=2 3=5 4=6 5=7 6=4" a b
same "nothing is left" 0 "$(db b "SELECT (SELECT count(*) FROM dialsync_held) +
    (SELECT count(*) FROM dialsync_aside)")"

# a NOT NULL column cannot give its value up: the row is held whole, and passed
# on; the death of the holder brings it back
PEERS_OF_a=b PEERS_OF_b="a c" PEERS_OF_c=b
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, u NOT NULL UNIQUE, v)" a b c
at a $((T + 3)) "INSERT INTO t VALUES('1', 'x', 'one')"
at b $((T + 2)) "INSERT INTO t VALUES('2', 'x', 'two')"
at c $((T + 1)) "INSERT INTO t VALUES('3', 'x', 'three')"
sync_all a b c
all "whole rows" "$rows" "3=x" a b c
same "two are held" "1:unique 2:unique" "$(held a)"
equal_held "whole rows" a b c
at a $((T + 9)) "DELETE FROM t"
sync_all a b c
all "the next in line" "$rows" "2=x" a b c
db b "DELETE FROM t"
sync_all a b c
all "and the last" "SELECT id, v FROM t" "1|one" a b c
equal_held "and the last" a b c
unset PEERS_OF_a PEERS_OF_b PEERS_OF_c

# a claim that comes late displaces, also a chain of them: 3 has x until 2 comes,
# which had it before; 4 then gets y, which 3 gave up
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, u UNIQUE, v)" a b c
at a $((T + 1)) "INSERT INTO t VALUES('2', 'x', 1)"
at b $((T + 2)) "INSERT INTO t VALUES('3', 'x', 1)"
at c $((T + 3)) "INSERT INTO t VALUES('4', 'x', 1)"
pack c
carry c b
apply b
same "arrival b" "3=x 4=-" "$(db b "$rows")"
pack a
carry a c
apply c
same "arrival c" "2=x 4=-" "$(db c "$rows")"
sync_all a b c
all "a late claim displaces" "$rows" "2=x 3=- 4=-" a b c
equal_held "a late claim displaces" a b c

# the base version is the earliest claim of all, and can be displaced by none
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, u UNIQUE, v);
    INSERT INTO t VALUES('1', 'x', 1), ('2', 'y', 1)" a b
at a $((T + 5)) "UPDATE t SET u = 'z' WHERE id = '2'"
at b $((T + 1)) "INSERT INTO t VALUES('0', 'z', 1)"
db b "UPDATE t SET v = 2"
sync_all a b
all "an edit of a base row is a claim of its time" "$rows" "0=z 1=x 2=-" a b
equal_held "base rows" a b

# several indexes, made in another order at each site; one value gives way to
# one row, the other to another
ddl="CREATE TABLE t(id TEXT PRIMARY KEY, u, w, v)"
for s in a b; do
	make_sites "$ddl" $s
done
db a "CREATE UNIQUE INDEX i1 ON t(u); CREATE UNIQUE INDEX i2 ON t(w, v)"
db b "CREATE UNIQUE INDEX i2 ON t(w, v); CREATE UNIQUE INDEX i1 ON t(u)"
printf '[peer b]\nsecurity = none\n' >>a/dialsync.conf
printf '[peer a]\nsecurity = none\n' >>b/dialsync.conf
at a $((T + 1)) "INSERT INTO t VALUES('1', 'u', 'w', 1)"
at a $((T + 2)) "INSERT INTO t VALUES('2', 'U', 'w', 2)"
at b $((T + 3)) "INSERT INTO t VALUES('3', 'u', 'w', 2)"
sync_all a b
all "two indexes" "SELECT * FROM t WHERE id = '3'" "3|||2" a b
equal_held "two indexes" a b
db b "DELETE FROM t WHERE id = '1'"
sync_all a b
all "one of two comes back" "SELECT * FROM t WHERE id = '3'" "3|u||2" a b
equal_held "one of two comes back" a b

# a partial index, and one of an expression, without a column to give up
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, u TEXT, on_ INT, v);
    CREATE UNIQUE INDEX p ON t(u) WHERE on_ = 1 AND u <> 'any';
    CREATE UNIQUE INDEX e ON t(lower(v) COLLATE NOCASE)" a b
at a $((T + 1)) "INSERT INTO t VALUES('1', 'x', 1, 'A'), ('2', 'any', 1, 'B'),
    ('3', 'y', 0, 'C')"
at b $((T + 2)) "INSERT INTO t VALUES('4', 'x', 1, 'D'), ('5', 'any', 1, 'E'),
    ('6', 'y', 1, 'F'), ('7', 'z', 0, 'a')"
sync_all a b
all "partial: clash" "SELECT u IS NULL FROM t WHERE id = '4'" 1 a b
all "partial: no clash" "$rows" "1=x 2=any 3=y 4=- 5=any 6=y" a b
same "expression: the row" "4:unique 7:unique" "$(held a)"
equal_held "partial and expression" a b
db a "UPDATE t SET on_ = 0 WHERE id = '1'; UPDATE t SET v = 'G' WHERE id = '1'"
sync_all a b
all "they come back" "$rows" "1=x 2=any 3=y 4=x 5=any 6=y 7=z" a b
equal_held "they come back" a b

# a generated column in an index, WITHOUT ROWID, a composite key, collations
make_sites "CREATE TABLE t(k COLLATE NOCASE, l INT, u TEXT COLLATE NOCASE,
    g TEXT COLLATE NOCASE AS (u || ':' || l) STORED, PRIMARY KEY(k, l), UNIQUE(g)) WITHOUT ROWID" \
    a b
at a $((T + 1)) "INSERT INTO t VALUES('Ann', 1, 'x')"
at b $((T + 2)) "INSERT INTO t VALUES('Bob', 1, 'X')"
sync_all a b
all "generated" "SELECT k, u FROM t" "Ann|x" a b
equal_held "generated" a b
at a $((T + 5)) "UPDATE t SET k = 'ANN', u = 'y' WHERE l = 1"
sync_all a b
all "generated, back" "SELECT k, u FROM t ORDER BY k" "ANN|y
Bob|X" a b

# a rule: the row is taken out whole, not left as it was; the next edit brings
# it back
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, u, v, CHECK(u <> v))" a b c
db a "INSERT INTO t VALUES('1', 1, 2)"
sync_all a b c
at a $((T + 300000001)) "UPDATE t SET u = 5"
at b $((T + 300000002)) "UPDATE t SET v = 5"
sync_all a b c
all "a rule" "SELECT count(*) FROM t" 0 a b c
same "a rule" "1:rule" "$(held c)"
equal_held "a rule" a b c
db c "INSERT INTO t VALUES('1', 6, 7)"
sync_all a b c
all "born again" "$rows" "1=6" a b c
equal_held "born again" a b c

# ... a base row, too; and what the rule refuses makes no claim
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, u UNIQUE, v, w,
    CHECK(v <> w)); INSERT INTO t VALUES('1', 'x', 1, 2)" a b
at a $((T + 1)) "UPDATE t SET v = 5"
at b $((T + 2)) "UPDATE t SET w = 5"
sync_all a b
all "a base row" "SELECT count(*) FROM t" 0 a b
db a "INSERT INTO t VALUES('2', 'x', 0, 1)"
sync_all a b
all "it makes no claim" "$rows" "2=x" a b
sqlite3 b.tmp/d.db "PRAGMA writable_schema = 1; UPDATE sqlite_master SET
    sql = replace(sql, 'CHECK(v <> w)', 'CHECK(1)') WHERE name = 't';
    PRAGMA schema_version = 999"
apply b
same "the rule goes" "1=x 2=-" "$(db b "$rows")"

# the index goes, and comes again: at the site where it does
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, u, v);
    CREATE UNIQUE INDEX i ON t(u)" a b
at a $((T + 1)) "INSERT INTO t VALUES('1', 'x', 1)"
at b $((T + 2)) "INSERT INTO t VALUES('2', 'x', 1)"
sync_all a b
all "an index" "$rows" "1=x 2=-" a b
db b "DROP INDEX i"
apply b || bad "the index goes: $(cat apply.out)"
same "the index goes" "1=x 2=x" "$(db b "$rows")"
same "the index goes: nothing held" "" "$(held b)"

# values that waited for their column, and clash when it comes
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, u, v)" a b
db a "ALTER TABLE t ADD COLUMN n"
at a $((T + 1)) "INSERT INTO t VALUES('1', 1, 1, 'same'), ('2', 2, 2, 'same')"
sync_all a b
db b "ALTER TABLE t ADD COLUMN n; CREATE UNIQUE INDEX i ON t(n)"
pack b
apply b
same "a column with clashes: told" 65 $?
same "a column with clashes" "1|same
2|" "$(db b "SELECT id, n FROM t ORDER BY id")"
same "a column with clashes: held" "2:unique" "$(held b)"

# an application evicts a row of which a value is held: the row is dead, and the
# value a conflict; an edit of a held base value, too
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, u UNIQUE, v UNIQUE);
    INSERT INTO t VALUES('b', 'base', 9)" a b
at a $((T + 1)) "INSERT INTO t VALUES('1', 'x', 1)"
at b $((T + 2)) "INSERT INTO t VALUES('2', 'x', 2)"
sync_all a b
db b "REPLACE INTO t VALUES('3', 'y', 2)"
sync_all a b
all "evicted" "$rows" "1=x 3=y b=base" a b
all "evicted: the held value" "SELECT lost FROM dialsync_conflict" x a b
equal_held "evicted" a b
at a $((T + 5)) "UPDATE t SET v = 3 WHERE id = 'b'"
at b $((T + 4)) "INSERT INTO t VALUES('4', 'base2', 8)"
sync_all a b
equal_held "a base row edited" a b

# what waits for a person is not placed, nor is what came too late
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, u UNIQUE, v)" a b
at a $((T + 1)) "INSERT INTO t VALUES('1', 'x', 'mine'), ('2', 'y', 'mine')"
sync_all a b
db b "INSERT INTO dialsync_aside SELECT t, '1', 4, 'theirs' FROM dialsync_table
	WHERE name = 't';
    INSERT INTO dialsync_held SELECT t, '1', 'person', 'w', 1, 1 << 4
	FROM dialsync_table WHERE name = 't';
    INSERT INTO dialsync_aside SELECT t, '9', 2, '9' FROM dialsync_table
	WHERE name = 't';
    INSERT INTO dialsync_held SELECT t, '9', 'old', 'o', 1, NULL
	FROM dialsync_table WHERE name = 't'"
at a $((T + 3)) "UPDATE t SET u = 'z' WHERE id = '1'"
sync_all a b
same "waits for a person" "1|z|mine" "$(db b "SELECT * FROM t WHERE id = '1'")"
same "they stay" "1:person 9:old" "$(held b)"
at a $((T + 1)) "INSERT INTO t VALUES('0', 'w', 1)"
at b $((T + 2)) "UPDATE t SET u = 'w' WHERE id = '1'"
sync_all a b
same "clashes meanwhile" "1||mine" "$(db b "SELECT * FROM t WHERE id = '1'")"
same "clashes meanwhile" "1:unique 9:old" "$(held b)"
db a "UPDATE t SET u = 'v' WHERE id = '0'"
sync_all a b
same "no longer" "1|w|mine" "$(db b "SELECT * FROM t WHERE id = '1'")"
same "no longer" "1:person 9:old" "$(held b)"

# a default that clashes, in a column that the sender lacks
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, u)" a
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, u, d TEXT DEFAULT 7 UNIQUE)" b
printf '[peer b]\nsecurity = none\n' >>a/dialsync.conf
printf '[peer a]\nsecurity = none\n' >>b/dialsync.conf
db a "INSERT INTO t VALUES('1', 1), ('2', 2)"
sync_all a b
same "a default" "1|7
2|" "$(db b "SELECT id, d FROM t ORDER BY id")"
db a "DELETE FROM t WHERE id = '1'"
sync_all a b
same "a default comes back" "2|7" "$(db b "SELECT id, d FROM t")"
same "a default: nothing held" "" "$(held b)"
finish
