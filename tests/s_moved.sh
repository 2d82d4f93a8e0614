#!/bin/sh
# A site wakes up elsewhere: renamed, on another disk, on another computer.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

T="CREATE TABLE t(id TEXT PRIMARY KEY, a)"
export DIALSYNC_MACHINE=one

inc() {
	sqlite3 "$1" "SELECT v FROM dialsync_meta WHERE k = 'inc'"
}

# a site that lies in one directory with its database, and a peer
history() {
	export DIALSYNC_MACHINE=one
	rm -rf a b a.tmp
	make_sites "$T" a hub
	rm -rf a
	sqlite3 a.tmp/d.db "PRAGMA journal_mode = delete" >out
	mkdir a
	sqlite3 a/d.db "$T"
	dialsync init a -C a --database a/d.db >out 2>&1 || cat out
	dialsync -C a track --all >out 2>&1
	dialsync -C a peer hub >out 2>&1
	rm -rf a.tmp
	ln -s a a.tmp
	db a "INSERT INTO t VALUES('a1', 1), ('a2', 1)"
	db hub "INSERT INTO t VALUES('h1', 1)"
	sync_all a hub
	# the peer says what it has with the next that it sends
	db hub "UPDATE t SET a = 0 WHERE id = 'a2'"
	sync_all a hub
	was=$(inc a/d.db)
}

# back: the site lies at $1 now; it is called a for the rest
work_on() {
	sqlite3 "$1/d.db" "UPDATE t SET a = 2 WHERE id = 'h1';
	    INSERT INTO t VALUES('a3', 3)"
	db hub "UPDATE t SET a = 3 WHERE id = 'a1'"
	[ "$1" = a ] || ln -s "$1" a
	rm -f a.tmp
	ln -s "$1" a.tmp
}

# said WORDS: pack, and see
said() {
	pack a
	grep -qF -- "$1" pack.out || bad "$name: not said: $(cat pack.out)"
}

name="renamed"
history
mv a b
work_on b
pack a
[ ! -s pack.out ] || grep -v "is ready" pack.out && bad "$name: said something"
same "$name: same incarnation" "$was" "$(inc b/d.db)"
sync_all a hub
equal "$name" a hub
grep -q "/b$" <<END || bad "$name: not noted"
$(sqlite3 b/d.db "SELECT v FROM dialsync_meta WHERE k = 'place'")
END

name="copied to another disk, the old one gone"
history
cp -r a b
rm -rf a
work_on b
said "site a was in $(pwd -P)/a and is now in $(pwd -P)/b"
[ "$(inc b/d.db)" != "$was" ] || bad "$name: no new incarnation"
pack a
grep -q "is now in" pack.out && bad "$name: said twice"
was=$(inc b/d.db)
# what was known to be there is not sent again
f=$(ls a/outbox/hub/*.gz | tail -1)
dialsync show "$f" | grep -q "a2" && bad "$name: a2 travels again"
sync_all a hub
apply hub
equal "$name" a hub
same "$name" "a1=3 a2=0 a3=3 h1=2 " \
    "$(db hub "SELECT id || '=' || a FROM t ORDER BY id" | tr '\n' ' ')"
same "$name: one new incarnation" "$was" "$(inc b/d.db)"
db hub "UPDATE t SET a = 4 WHERE id = 'a3'"
sync_all a hub
equal "$name, later" a hub

name="another computer, the same path"
history
DIALSYNC_MACHINE=two
work_on a
said "on another computer"
[ "$(inc a/d.db)" != "$was" ] || bad "$name: no new incarnation"
sync_all a hub
equal "$name" a hub
same "$name: the peer says so" 0 "$(db hub "SELECT count(*) FROM dialsync_meta
    WHERE k GLOB 'note:*'")"

name="another file at the same place"
history
cp a/d.db d.new
mv d.new a/d.db
work_on a
pack a
grep -q "is now in" pack.out && bad "$name: said"
same "$name: same incarnation" "$was" "$(inc a/d.db)"
sync_all a hub
equal "$name" a hub

name="moved, and the database is older than the file beside it"
history
cp a/d.db d.old
db a "INSERT INTO t VALUES('a9', 9)"
sync_all a hub
cp -r a b
rm -rf a
mv d.old b/d.db
work_on b
said "a backup was put back"
grep -q "is now in" pack.out || bad "$name: place not said"
same "$name: one new incarnation" 2 "$(sqlite3 b/d.db "SELECT count(*) FROM
    dialsync_origin WHERE site = 'a'")"
sync_all a hub
equal "$name" a hub
same "$name" "a1=3 a2=0 a3=3 a9=9 h1=2 " \
    "$(db a "SELECT id || '=' || a FROM t ORDER BY id" | tr '\n' ' ')"

name="a backup put back on a new computer"
history
cp a/d.db d.old
db a "INSERT INTO t VALUES('a9', 9)"
sync_all a hub
cp d.old a/d.db
rm -f a/state
DIALSYNC_MACHINE=two
work_on a
said "on another computer"
sync_all a hub
sync_all a hub
equal "$name" a hub
same "$name" "a1=3 a2=0 a3=3 a9=9 h1=2 " \
    "$(db a "SELECT id || '=' || a FROM t ORDER BY id" | tr '\n' ' ')"
same "$name: one new incarnation" 2 "$(sqlite3 a/d.db "SELECT count(*) FROM
    dialsync_origin WHERE site = 'a'")"

# a copy that is made to be carried is at home where it is first used
name="carried"
history
dialsync -C a copy c carried >out 2>&1 || cat out
same "$name: nowhere yet" "" "$(sqlite3 carried/d.db "SELECT v FROM
    dialsync_meta WHERE k = 'place'")"
mv carried c
export DIALSYNC_MACHINE=three
dialsync -C c pack >out 2>&1 || bad "$name: $(cat out)"
grep -q "is now in" out && bad "$name: said"
sqlite3 c/d.db "SELECT v FROM dialsync_meta WHERE k = 'place'" |
    grep -q "/c$" || bad "$name: not noted"
finish
