#!/bin/sh
# The application is never locked out: programs that write and read with a busy
# timeout of 2 s, while 100,000 rows are packed and applied, get no
# SQLITE_BUSY; and their transactions are waited for.  Errors are judged, not
# times: the machine may be busy.
[ -z "${TEST_SHORT:-}" ] || { echo "skipped: TEST_SHORT is set"; exit 77; }
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"
writers=${abs_top_builddir:-${DIALSYNC_EXEC_PATH}}/tests/writers
[ -x "$writers" ] || { echo "skipped: no $writers"; exit 77; }

# hold SITE SECONDS WHAT: a program sits in a transaction
hold() {
	(echo "$3"; sleep "$2"; echo "COMMIT;") |
		sqlite3 -cmd ".timeout 10000" "$1.tmp/d.db" >hold.out 2>&1 &
	holder=$!
	sleep 0.3
}

T="CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, v);
    CREATE TABLE w(id INTEGER PRIMARY KEY, v)"
MANY="WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
    WHERE i < 100000) INSERT INTO t SELECT i, 'name ' || i, i FROM n"

# ---- for longer than we wait: in the background, since it takes its time
make_sites "$T" c d
db c "INSERT INTO t VALUES(1, 'one', 1)"
pack c
carry c d
hold d 13 "BEGIN IMMEDIATE; INSERT INTO t VALUES(2, 'two', 2);"
long=$holder
dialsync -C d apply >apply.long 2>&1 &
apply_long=$!
dialsync -C d pack --flush >pack.long 2>&1 &
pack_long=$!

# ---- writers during pack and apply
for journal in wal delete; do
	make_sites "$T" a b
	for s in a b; do
		db $s "PRAGMA journal_mode = $journal" >/dev/null
		dialsync -C $s untrack w >out 2>&1
		# one large bundle here, many of the usual size there
		[ $journal = wal ] || continue
		sed 's/^# *bundle-size.*/bundle-size = 16M/' \
		    $s/dialsync.conf >conf.new
		mv conf.new $s/dialsync.conf
	done
	db a "$MANY"
	for what in "a pack --flush" "b apply"; do
		[ "${what#b}" = "$what" ] || carry a b
		# shellcheck disable=SC2086  # words
		set -- $what
		timeout 60 "$writers" "$1.tmp/d.db" 2 0.2 \
		    "$DIALSYNC" -C "$@" >writers.out 2>writers.err ||
			bad "$journal, $what: $(cat writers.err)"
		grep -q ' busy 0 code 0 ' writers.out ||
			bad "$journal, $what: $(cat writers.out writers.err)"
		echo "$journal, $what: $(cat writers.out)"
	done
	same "$journal: all is there" 100000 "$(db b "SELECT count(*) FROM t")"
	# many rows in few bytes: seen by the clock only, in the midst of it
	[ $journal = wal ] || continue
	db a "UPDATE t SET v = 'the same'"
	pack a
	carry a b
	timeout 60 "$writers" b.tmp/d.db 2 0.2 "$DIALSYNC" -C b apply \
	    >writers.out 2>&1
	grep -q ' busy 0 code 0 ' writers.out ||
		bad "$journal, one value: $(cat writers.out)"
	same "$journal: one value" 100000 \
	    "$(db b "SELECT count(*) FROM t WHERE v = 'the same'")"
done

# ---- the packer comes to an end although a program keeps writing
dialsync -C a track w >out 2>&1
timeout 60 "$writers" a.tmp/d.db 1 0.2 timeout 20 "$DIALSYNC" -C a \
    pack --flush >writers.out 2>&1
grep -q ' code 0 ' writers.out || bad "never ends: $(cat writers.out)"

# ---- a writer sits in its transaction for a while: we wait (journal: delete)
db a "INSERT INTO t VALUES(200000, 'x', 1)"
pack a
carry a b
hold b 3 "BEGIN IMMEDIATE; INSERT INTO t VALUES(200001, 'y', 1);"
apply b || bad "3 s: exit code $?: $(cat apply.out)"
wait $holder
same "3 s" 2 "$(db b "SELECT count(*) FROM t WHERE id >= 200000")"

# ---- a reader sits in its own: the commit is tried again, readers get in
db a "INSERT INTO t VALUES(200002, 'z', 1)"
pack a
carry a b
hold b 4 "BEGIN; SELECT count(*) FROM t;"
dialsync -C b apply >apply.out 2>&1 &
applying=$!
n=0
while kill -0 $applying 2>/dev/null && [ $n -lt 40 ]; do
	sqlite3 -cmd ".timeout 2000" b.tmp/d.db "SELECT 1 FROM t LIMIT 1" \
	    >read.out 2>&1 || bad "a reader is locked out: $(cat read.out)"
	n=$((n + 1))
	sleep 0.1
done
wait $applying || bad "a reader: exit code $?: $(cat apply.out)"
wait $holder
same "a reader" 1 "$(db b "SELECT count(*) FROM t WHERE id = 200002")"

# ---- and the one that sat for too long
wait $apply_long
same "13 s: exit code of apply" 75 $?
grep -q "locked by another program" apply.long || bad "$(cat apply.long)"
grep -q "nothing is lost" apply.long || bad "$(cat apply.long)"
wait $pack_long
same "13 s: exit code of pack" 75 $?
grep -q "nothing is lost" pack.long || bad "$(cat pack.long)"
wait $long
apply d || bad "13 s, again: $(cat apply.out)"
same "13 s: nothing is lost" 2 "$(db d "SELECT count(*) FROM t")"
finish
