#!/bin/sh
# What may happen to bundles on their way: twice, never, out of order, to and
# from the wrong site, half a file; and what each does to the receiver.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

# inbox PEER: the names there, in one line
files() {
	ls "$1" 2>/dev/null | grep '\.gz$' | tr '\n' ' '
}
# held NAME BUNDLE WORDS: exit code, place and reason
held() {
	same "$1: exit code" 65 "$code"
	[ -e "b/held/$2" ] || bad "$1: held/$2 is not there"
	grep -qF -- "$3" "b/held/$2.why" ||
		bad "$1: the reason is: $(cat "b/held/$2.why")"
	grep -qF -- "$3" apply.out || bad "$1: not told: $(cat apply.out)"
}
edit() {
	db a "INSERT INTO t VALUES('$1', '$1', NULL)"
	pack a b
}
rows() {
	db "$1" "SELECT group_concat(id, ' ') FROM (SELECT id FROM t ORDER BY id)"
}

make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a, b)" a b c

edit 01
cp a/outbox/b/00000001.xml.gz first.gz
carry a b
apply b
same "applied" 01 "$(rows b)"
same "and gone" "" "$(files b/inbox/a)"
cp first.gz b/inbox/a/00000001.xml.gz
apply b || bad "a duplicate: $(cat apply.out)"
same "a duplicate goes silently" "" "$(files b/inbox/a)$(files b/held/a)"

# a gap, and bundles out of order
for i in 02 03 04 05; do edit $i; done
mkdir later
mv a/outbox/b/00000003.xml.gz a/outbox/b/00000004.xml.gz later/
carry a b
apply b
same "up to the gap" "01 02" "$(rows b)"
same "the rest waits" "00000005.xml.gz " "$(files b/inbox/a)"
same "waiting for" 3 "$(db b "SELECT waiting_for FROM dialsync_peer
    WHERE name = 'a'")"
mv later/00000003.xml.gz b/inbox/a/
apply b
same "one of two came" "01 02 03" "$(rows b)"
same "waiting for the other" 4 "$(db b "SELECT waiting_for FROM dialsync_peer
    WHERE name = 'a'")"
mv later/00000004.xml.gz b/inbox/a/
apply b
same "all came" "01 02 03 04 05" "$(rows b)"
same "waiting for nothing" 0 "$(db b "SELECT waiting_for FROM dialsync_peer
    WHERE name = 'a'")"
same "nothing held" "" "$(files b/held/a)"

# a lost bundle is asked for, and sent again under a new number
edit 06
rm a/outbox/b/*.gz
edit 07
carry a b
apply b
same "the lost one is missed" "01 02 03 04 05" "$(rows b)"
pack b a
carry b a
apply a || bad "the wish: $(cat apply.out)"
pack a b
same "a resend has a new number" "00000008.xml.gz " "$(files a/outbox/b)"
carry a b
apply b
same "and brings all" "01 02 03 04 05 06 07" "$(rows b)"
same "the inbox is empty" "" "$(files b/inbox/a)"
grep -q '[1-9]' a/outbox/b/acked || bad "outbox/b/acked says nothing"

# the first bundle of all is lost
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a, b)" a b c
edit 01
rm a/outbox/b/*.gz
edit 02
carry a b
apply b
pack b a
carry b a
apply a
pack a b
carry a b
apply b
same "the first bundle was lost" "01 02" "$(rows b)"

# not for us, not from there, not that number
db a "INSERT INTO t VALUES('x', 1, 1)"
pack a c
cp a/outbox/c/00000001.xml.gz b/inbox/a/00000009.xml.gz
apply b
code=$?
held "for another" a/00000009.xml.gz "it says that it is number 1"
cp a/outbox/c/00000001.xml.gz b/inbox/a/00000001.xml.gz
apply b
code=$?
held "for another" a/00000001.xml.gz "it is for c"
db c "INSERT INTO t VALUES('y', 1, 1)"
pack c b
mkdir -p b/inbox/a
cp c/outbox/b/00000001.xml.gz b/inbox/a/00000001.xml.gz
rm b/held/a/*
apply b
code=$?
held "from another" a/00000001.xml.gz "it is from c"
rm b/held/a/*

# half a file: left alone while it may grow, held when it does not
edit 03
name=$(files a/outbox/b | tr -d ' ')
cp "a/outbox/b/$name" whole.gz
size=$(wc -c <whole.gz)
head -c $((size / 2)) whole.gz >"b/inbox/a/$name"
apply b || bad "a growing file: $(cat apply.out)"
same "left alone" "$name " "$(files b/inbox/a)"
touch -d '3 minutes ago' "b/inbox/a/$name"
apply b
code=$?
held "half a file" "a/$name" "too early"
same "nothing of it is applied" "" \
    "$(db b "SELECT id FROM t WHERE id = '03'")"
cp whole.gz "b/held/a/$name"
mv "b/held/a/$name" b/inbox/a/
apply b || bad "moved back: $(cat apply.out)"
same "moved back, applied" 03 "$(db b "SELECT id FROM t WHERE id = '03'")"
[ ! -e "b/held/a/$name.why" ] || bad "the reason of a bundle that is gone"
rm a/outbox/b/*.gz

# what is not acknowledged for long is, by a bundle without changes
pack b a
rm -f b/outbox/a/*.gz
i=0
while [ $i -lt 63 ]; do
	db a "UPDATE t SET a = $i WHERE id = '01'"
	pack a b
	i=$((i + 1))
done
carry a b
apply b
pack b a
same "63 unanswered bundles" "" "$(files b/outbox/a)"
db a "UPDATE t SET a = 64 WHERE id = '01'"
pack a b
carry a b
apply b
pack b a
same "64 are worth one" 1 "$(files b/outbox/a | wc -w)"
carry b a
apply a
pack a b
same "that is not acknowledged" "" "$(files a/outbox/b)"

# a ring falls silent, and nothing goes back
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a, b)" a b c
db a "INSERT INTO t VALUES('p', 1, 2), ('q', 1, 2)"
sync_all a b c
equal "ring" a b c
db a "UPDATE t SET a = 'a' WHERE id = 'p'"
db b "UPDATE t SET b = 'b' WHERE id = 'p'; DELETE FROM t WHERE id = 'q'"
db c "UPDATE t SET a = 'c' WHERE id = 'q'"
sync_all a b c
equal "ring" a b c
same "different fields merge" "a|b" "$(db c "SELECT a, b FROM t WHERE id = 'p'")"
same "an edit lost to a death is a conflict" "q|a|c" "$(db c "SELECT
    trim(key, ''''), field, lost FROM dialsync_conflict")"
db a "UPDATE t SET a = 'echo'"
pack a b
carry a b
apply b
pack b
same "no echo" "" "$(files b/outbox/a)"

# tables and columns that are not here: parked, passed on, placed later
PEERS_OF_a=b PEERS_OF_b="a c" PEERS_OF_c=b
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a, b)" a b c
for s in a c; do
	db $s "ALTER TABLE t ADD COLUMN more;
	    CREATE TABLE extra(x INTEGER, y TEXT, z, PRIMARY KEY(x, y))"
done
db a "INSERT INTO t VALUES('m', 1, 2, 'more'); INSERT INTO t(id) VALUES('n');
    INSERT INTO extra VALUES(1, 'one', 'z1'), (2, 'two', x'02')"
sync_all a b c
same "passed on" "more" "$(db c "SELECT more FROM t WHERE id = 'm'")"
same "a table, too" "2" "$(db c "SELECT count(*) FROM extra")"
same "the rest is placed" "1|2" "$(db b "SELECT a, b FROM t WHERE id = 'm'")"
db b "ALTER TABLE t ADD COLUMN more"
pack b
same "placed after ALTER TABLE" more "$(db b "SELECT more FROM t WHERE id = 'm'")"
db b "CREATE TABLE extra(x INTEGER, y TEXT, z, PRIMARY KEY(x, y))"
pack b
apply b
same "placed after CREATE TABLE" 2 "$(db b "SELECT count(*) FROM extra")"
db b "UPDATE extra SET z = 'b' WHERE x = 1"
sync_all a b c
equal "all have all" a b c

# rows that a rule of this site refuses are held, and come back by themselves
unset PEERS_OF_a PEERS_OF_b PEERS_OF_c
rm -rf held
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a, b)" a
for s in b c; do
	make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a NOT NULL CHECK(a <> 13),
	    b UNIQUE)" $s
done
for s in a b c; do
	for p in a b c; do
		[ $s = $p ] ||
			printf '[peer %s]\nsecurity = none\n' $p >>$s/dialsync.conf
	done
done
# the hook runs as the applier goes on; it is started once for what is new
cat >>b/dialsync.conf <<'END'
[hooks]
held = echo "$DIALSYNC_HOOK $DIALSYNC_SITE $DIALSYNC_PEER $DIALSYNC_EXIT $DIALSYNC_HELD_BUNDLES $DIALSYNC_HELD_ROWS: $DIALSYNC_MESSAGE" >>told
END
db a "INSERT INTO t VALUES('null', NULL, 1), ('check', 13, 2), ('good', 3, 3)"
pack a
carry a b
apply b
same "held rows: exit code" 65 $?
i=0
until [ -s b/told ] || [ $i -ge 100 ]; do
	sleep 0.1
	i=$((i + 1))
done
same "others are placed" good "$(rows b)"
same "two are held" 2 "$(db b "SELECT count(*) FROM dialsync_held")"
pack b
same "they travel on" 1 "$(files b/outbox/c | wc -w)"
apply b || bad "nothing new is held, and that is no 65: $(cat apply.out)"
same "the hook is told, once" \
    "held b a 65 0 2: 0 bundles and 2 rows newly held" "$(cat b/told)"
db a "UPDATE t SET a = 14"
pack a
carry a b
apply b || bad "they come back: $(cat apply.out)"
same "they come back" "check good null" "$(rows b)"
same "none is held" 0 "$(db b "SELECT count(*) FROM dialsync_held")"

# a resend that is lost, too, is asked for again by the next bundle that waits
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a)" a b
db a "INSERT INTO t VALUES('0', 0)"
sync_all a b
db a "INSERT INTO t VALUES('1', 1)"
pack a
rm -f a/outbox/b/*.gz
db a "INSERT INTO t VALUES('2', 2)"
pack a
carry a b
apply b
pack b
carry b a
apply a
pack a
rm -f a/outbox/b/*.gz
db a "INSERT INTO t VALUES('3', 3)"
pack a
carry a b
apply b
pack b
same "asked again" 1 "$(files b/outbox/a | wc -w)"
sync_all a b
same "a lost resend" "0 1 2 3" "$(rows b)"

# the application deletes a row of which a value is held: that is a death
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, v, w)" a
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, v UNIQUE, w)" b
printf '[peer b]\nsecurity = none\n' >>a/dialsync.conf
printf '[peer a]\nsecurity = none\n' >>b/dialsync.conf
db a "INSERT INTO t VALUES('0', 50, 'w'), ('1', 1, 'w')"
sync_all a b
db a "UPDATE t SET v = 50 WHERE id = '1'"
sync_all a b
same "a value is held" 1 "$(db b "SELECT count(*) FROM dialsync_aside")"
db b "DELETE FROM t WHERE id = '1'"
sync_all a b
same "deleted with a held value, there" "0" "$(rows a)"
same "deleted with a held value, here" "0" "$(rows b)"
same "nothing is left beside it" 0 \
    "$(db b "SELECT (SELECT count(*) FROM dialsync_aside) +
	(SELECT count(*) FROM dialsync_held)")"
same "the value that it lost is kept" 50 \
    "$(db b "SELECT lost FROM dialsync_conflict WHERE field = 'v'")"
equal "deleted with a held value" a b

# an index of the receiver's that cannot digest a value holds the row only
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a)" a
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a);
    CREATE INDEX t_a ON t(json_extract(a, '\$.x'))" b
printf '[peer b]\nsecurity = none\n' >>a/dialsync.conf
printf '[peer a]\nsecurity = none\n' >>b/dialsync.conf
db a "INSERT INTO t VALUES('bad', '{'), ('good', '{}')"
pack a
carry a b
apply b
same "an index that cannot: exit code" 65 $?
same "an index that cannot" "good" "$(rows b)"

# 300 columns, each edited at another time
cols=$(i=1; while [ $i -le 300 ]; do printf ', c%d' $i; i=$((i + 1)); done)
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY$cols)" a b
db a "INSERT INTO t(id) VALUES('1')"
sync_all a b
i=1
while [ $i -le 300 ]; do
	echo "UPDATE t SET c$i = $i; UPDATE dialsync_log SET w = w + $i WHERE seq
	    = (SELECT max(seq) FROM dialsync_log);"
	i=$((i + 1))
done >wide.sql
sqlite3 a.tmp/d.db <wide.sql
sync_all a b
same "300 versions of one row" "$(db a "SELECT * FROM t")" \
    "$(db b "SELECT * FROM t")"
same "300 versions of one row" 300 "$(db b "SELECT c300 FROM t")"
finish
