#!/bin/sh
# A bundle that is merged in several transactions ends as one that is merged in
# one: undisturbed, killed after every durable step, and not at all when it is
# damaged.
top=${abs_top_srcdir:-$PWD}
. "$top/tests/lib.sh"

make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a, b UNIQUE);
    CREATE TABLE u(id INTEGER PRIMARY KEY, v)" a b
db a "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE
    i < 40) INSERT INTO t SELECT 'k' || i, i, i FROM n;
    INSERT INTO u SELECT b, a FROM t"
sync_all a b

# edits against edits, edits against deaths, deaths against edits, one key born
# twice, a table that b lacks, a column that b lacks; and nothing of b's packed
db b "UPDATE t SET a = 'b' || id WHERE b % 3 = 0; DELETE FROM t WHERE b % 7 = 0;
    INSERT INTO t VALUES('new1', 'b', 1001); UPDATE u SET v = -v WHERE id % 2"
sleep 1
db a "ALTER TABLE u ADD COLUMN w; CREATE TABLE later(id TEXT PRIMARY KEY, x)"
dialsync -C a track --all >out 2>&1
db a "UPDATE t SET a = 'a' || id WHERE b % 2 = 0; DELETE FROM t WHERE b % 5 = 0;
    INSERT INTO t VALUES('new1', 'a', 2001), ('new2', 'a', 2002);
    UPDATE u SET v = v + 1000, w = 'w' WHERE id % 3 = 0;
    INSERT INTO later SELECT id, b FROM t;
    DELETE FROM u WHERE id % 11 = 0"
pack a
same "one bundle" 1 "$(ls a/outbox/b/*.gz | wc -l)"
carry a b

keep() {
	rm -rf "$1.d"
	mkdir "$1.d"
	cp -a b b.tmp "$1.d/"
}
back() {
	rm -rf b b.tmp
	cp -a "$1.d/." .
}
# all but sequence numbers: conflict records are folded between the parts
state() {
	dump b
	db b "SELECT name, number, mark, acked, pos, pos_number, want, tell,
	    told, unanswered, waiting_for, ack_number FROM dialsync_peer;
	    SELECT t, hex(k), m, c, o, a FROM dialsync_frag WHERE t > 1
	    ORDER BY t, k, c, o, m;
	    SELECT t, hex(k), r, hex(v) FROM dialsync_aside ORDER BY 1, 2, 3;
	    SELECT o, clock FROM dialsync_view ORDER BY o;
	    SELECT site, known FROM dialsync_origin WHERE site <> 'b';
	    SELECT t, name FROM dialsync_table ORDER BY t;
	    SELECT upto FROM dialsync_seen; PRAGMA integrity_check"
	ls b/inbox/a b/held/a
	sed -n '/^through/p' b/inbox/a/applied
}

keep start
dialsync -C b apply >out 2>&1
same "in one: exit code" 0 $?
state >whole
[ "$(db b "SELECT count(*) FROM dialsync_conflict")" -gt 5 ] ||
	bad "hardly a conflict: the test shows nothing"
for rows in 1 5 50; do
	back start
	DIALSYNC_APPLY_ROWS=$rows dialsync -C b apply >out 2>&1
	same "in parts of $rows: exit code" 0 $?
	state >parts
	cmp -s whole parts || {
		bad "in parts of $rows the end is another"
		diff whole parts | head
	}
done

# damaged near its end: nothing of it is merged
back start
pack_out=$(dialsync -C b pack 2>&1) || bad "pack: $pack_out" # folds the log
state >before
f=$(ls b/inbox/a/*.gz)
size=$(wc -c <"$f")
printf '\377\377\377' | dd of="$f" bs=1 seek=$((size - 40)) conv=notrunc \
    2>/dev/null
DIALSYNC_APPLY_ROWS=1 dialsync -C b apply >out 2>&1
same "damaged: exit code" 65 $?
state | sed '/xml.gz/d' | grep -v '^a|' >after
sed '/xml.gz/d' before | grep -v '^a|' >b4
cmp -s b4 after || { bad "damaged: something was merged"; diff b4 after; }

# the same for bundles whose sums are right and whose contents are not
if [ -x "$DIALSYNC_EXEC_PATH/tests/mutate" ]; then
	N=120 DIALSYNC_APPLY_ROWS=2 DIALSYNC=$DIALSYNC abs_top_srcdir=$top \
	    sh "$top/tests/s_mutate.sh" >mutate.out 2>&1 ||
		bad "mutated bundles, in parts: $(cat mutate.out)"
fi

DIALSYNC_STOP_AFTER=1 dialsync -C a pack --flush >out 2>&1
db a "INSERT INTO u(id) VALUES(5000)"
DIALSYNC_STOP_AFTER=1 dialsync -C a pack --flush >out 2>&1
[ $? = 100 ] || { [ "$failures" = 0 ] && echo "no stop points"; finish; }
for rows in 4 30; do
	n=1
	while :; do
		back start
		DIALSYNC_APPLY_ROWS=$rows DIALSYNC_STOP_AFTER=$n \
		    dialsync -C b apply >out 2>&1
		code=$?
		[ $code = 100 ] || break
		# once more in the middle, then to the end
		DIALSYNC_APPLY_ROWS=$rows DIALSYNC_STOP_AFTER=3 \
		    dialsync -C b apply >out 2>&1
		DIALSYNC_APPLY_ROWS=$rows dialsync -C b apply >out 2>&1 ||
			bad "after step $n: $(cat out)"
		state >parts
		cmp -s whole parts || {
			bad "parts of $rows, killed after step $n"
			diff whole parts | head
		}
		n=$((n + 3))
	done
	[ $n -gt 6 ] || bad "parts of $rows: only $n steps"
	echo "parts of $rows: killed after steps 1, 4, ... of $n"
done
back start
DIALSYNC_APPLY_ROWS=3 dialsync -C b apply >out 2>&1
db b "ALTER TABLE u ADD COLUMN w; CREATE TABLE later(id TEXT PRIMARY KEY, x)"
dialsync -C b track --all >out 2>&1
sync_all a b
equal "at the end" a b
finish
