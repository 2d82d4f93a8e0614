#!/bin/sh
# A peer is removed and becomes one again, on one side or on both; a site is
# made anew under its old name: each goes on by itself, and nothing is lost.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

T="CREATE TABLE t(id TEXT PRIMARY KEY, a)"

history() {
	make_sites "$T" a b
	db a "INSERT INTO t VALUES('a1', 1)"
	db b "INSERT INTO t VALUES('b1', 1)"
	sync_all a b
}

# calm SITE: no alarm, nothing held, the same incarnation
calm() {
	[ -z "$(ls "$1"/held/*/*.gz 2>/dev/null)" ] || bad "$name: held at $1"
	grep -q "put back\|two sites" "$1.said" && {
		bad "$name: alarm at $1"
		cat "$1.said"
	}
	same "$name: incarnations of $1" 1 "$(db "$1" "SELECT count(*) FROM
	    dialsync_origin WHERE site = '$1'")"
}

# as sync_all, but all that is said is kept
sync_said() {
	: >a.said
	: >b.said
	for i in 1 2 3 4 5 6; do
		for s in a b; do
			pack $s
			cat pack.out >>$s.said
		done
		carry a b
		carry b a
		for s in a b; do
			apply $s
			cat apply.out >>$s.said
		done
	done
	[ -z "$(ls a/outbox/b/*.gz b/outbox/a/*.gz 2>/dev/null)" ] ||
		bad "$name: not silent"
}

for who in "a" "b" "a b"; do
	for spool in kept deleted; do
		name="removed at $who, spool $spool"
		history
		db a "INSERT INTO t VALUES('a2', 2)"
		db b "INSERT INTO t VALUES('b2', 2)"
		pack a
		pack b
		carry a b
		for s in $who; do
			[ $s = a ] && p=b || p=a
			run "$name" 0 "adds it again" \
			    dialsync -C $s peer $p --remove
			[ $spool = kept ] || rm -rf $s/outbox/$p $s/inbox/$p
		done
		db a "INSERT INTO t VALUES('a3', 3)"
		db b "INSERT INTO t VALUES('b3', 3); UPDATE t SET a = 9
		    WHERE id = 'a1'"
		for s in a b; do
			pack $s || bad "$name: pack: $(cat pack.out)"
		done
		for s in $who; do
			[ $s = a ] && p=b || p=a
			run "$name: again" 0 "where they stood" \
			    dialsync -C $s peer $p
		done
		sync_said
		equal "$name" a b
		same "$name" "a1=9 a2=2 a3=3 b1=1 b2=2 b3=3 " "$(db b \
		    "SELECT id || '=' || a FROM t ORDER BY id" | tr '\n' ' ')"
		calm a
		calm b
	done
done

# b is made anew around an empty database, with a as its peer
name="made anew, empty"
history
pack a
rm -rf b b.tmp
all="a b" && mkdir b.tmp && sqlite3 b.tmp/d.db "$T"
dialsync init b --database b.tmp/d.db >out 2>&1
dialsync -C b track --all >out 2>&1
run "$name" 0 "added" dialsync -C b peer a
db a "INSERT INTO t VALUES('a4', 4)"
db b "INSERT INTO t VALUES('b4', 4)"
sync_said
grep -q "b was made anew" a.said || bad "$name: not said: $(cat a.said)"
grep "two sites\|backup" a.said b.said && bad "$name: false alarm"
grep -q 'dialsync peer b --load' a.said || bad "$name: no remedy"
equal "$name" a b
same "$name" "a1 a4 b1 b4 " \
    "$(db b "SELECT id FROM t ORDER BY id" | tr '\n' ' ')"

# ... around its old data, our tables taken out
name="made anew, old data"
history
rm -rf b
sqlite3 b.tmp/d.db "SELECT 'DROP ' || type || ' ' || name || ';' FROM
    sqlite_master WHERE name GLOB 'dialsync_*' AND type IN ('trigger', 'table')
    ORDER BY type = 'table'" >drop.sql
sqlite3 b.tmp/d.db <drop.sql
dialsync init b --database b.tmp/d.db >out 2>&1 || cat out
dialsync -C b track --all >out 2>&1
dialsync -C b peer a >out 2>&1
db b "UPDATE t SET a = 5 WHERE id = 'a1'"
db a "INSERT INTO t VALUES('a4', 4)"
sync_said
grep -q "b was made anew" a.said || bad "$name: not said: $(cat a.said)"
grep "two sites\|backup" a.said b.said && bad "$name: false alarm"
equal "$name" a b
same "$name" "a1=5 a4=4 b1=1 " \
    "$(db a "SELECT id || '=' || a FROM t ORDER BY id" | tr '\n' ' ')"
finish
