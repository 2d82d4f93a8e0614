#!/bin/sh
# A database is put back from a backup, on the sender, the receiver, with and
# without the file beside it: it is noticed, said, repaired, and nothing is
# lost.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

T="CREATE TABLE t(id TEXT PRIMARY KEY, a, b)"

backup() {
	rm -f "$1.backup"
	sqlite3 "$1.tmp/d.db" ".backup $1.backup"
}

# restore SITE [forget]: with forget the file beside the database is gone, too
restore() {
	rm -f "$1.tmp/d.db" "$1.tmp/d.db-wal" "$1.tmp/d.db-shm"
	cp "$1.backup" "$1.tmp/d.db"
	[ "$2" != forget ] || rm -f "$1/state"
}

rows() {
	db "$1" "SELECT id || '=' || coalesce(a, '') FROM t ORDER BY id" |
		tr '\n' ' '
}

inc() {
	db "$1" "SELECT v FROM dialsync_meta WHERE k = 'inc'"
}

# Edits on both sides before and after the backup, all of them carried; then
# the backup, another edit, and calls.
history() {
	make_sites "$T" a b
	db a "INSERT INTO t VALUES('a1', 1, 1), ('x', 1, 1)"
	db b "INSERT INTO t VALUES('b1', 1, 1)"
	sync_all a b
	backup "$1"
	db a "INSERT INTO t VALUES('a2', 2, 2); UPDATE t SET a = 9 WHERE id = 'x'"
	db b "INSERT INTO t VALUES('b2', 2, 2)"
	sync_all a b
	was=$(inc "$1")
}

for forget in "" forget; do
	name="a put back${forget:+, state gone}"
	history a
	restore a $forget
	db a "INSERT INTO t VALUES('a3', 3, 3)"
	sync_all a b
	sync_all a b
	equal "$name" a b
	same "$name: nothing is lost" "a1=1 a2=2 a3=3 b1=1 b2=2 x=9 " \
	    "$(rows b)"
	[ "$(inc a)" != "$was" ] || bad "$name: no new incarnation"
	db a "UPDATE t SET b = 'on' WHERE id = 'b2'"
	db b "UPDATE t SET b = 'on' WHERE id = 'a2'"
	sync_all a b
	equal "$name, later edits" a b
	same "$name, later edits" "a2 b2 " \
	    "$(db a "SELECT id FROM t WHERE b = 'on' ORDER BY id" | tr '\n' ' ')"
done

# said, with the file beside it, by whoever runs first
history a
restore a
pack a
grep -q "a backup was put back" pack.out || bad "not said: $(cat pack.out)"
pack a
grep -q "put back" pack.out && bad "said twice"

# nothing new here: the new incarnation alone brings back what was lost
history a
restore a
sync_all a b
equal "put back, no edit since" a b
same "put back, no edit since" "a1=1 a2=2 b1=1 b2=2 x=9 " "$(rows a)"

# the receiver of most changes is put back
history b
restore b forget
db a "INSERT INTO t VALUES('a3', 3, 3)"
sync_all a b
sync_all a b
equal "the receiver put back" a b
same "the receiver put back" "a1=1 a2=2 a3=3 b1=1 b2=2 x=9 " "$(rows b)"

# three sites; what the restored one had told only one of them comes back
make_sites "$T" a b c
db a "INSERT INTO t VALUES('a1', 1, 1)"
sync_all a b c
backup a
db a "INSERT INTO t VALUES('a2', 2, 2)"
pack a b
carry a b
apply b
restore a
db a "INSERT INTO t VALUES('a3', 3, 3)"
sync_all a b c
sync_all a b c
equal "three sites" a b c
same "three sites" "a1=1 a2=2 a3=3 " "$(rows c)"
finish
