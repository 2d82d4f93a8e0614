#!/bin/sh
# The packer and the applier killed after each durable step in turn, and run
# again: the same end as when nobody disturbed them.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a, b UNIQUE)" a b

DIALSYNC_STOP_AFTER=1 dialsync -C a pack --flush >out 2>&1
if db a "INSERT INTO t VALUES('probe', 1, 'probe')"; then
	DIALSYNC_STOP_AFTER=1 dialsync -C a pack --flush >out 2>&1
fi
[ $? = 100 ] || {
	echo "skipped: not built with --enable-stop-points"
	exit 77
}

# several bundles for b, and one of b's that conflicts and acknowledges
sed 's/^# *bundle-size.*//; s/^bundle-size.*//
    s/^\[site\]$/[site]\nbundle-size = 1K/' a/dialsync.conf >c.new
mv c.new a/dialsync.conf
sync_all a b
db b "UPDATE t SET a = 'b' WHERE id = 'probe'; INSERT INTO t VALUES('b', 1, 7000)"
pack b a
db a "UPDATE t SET a = 'a' WHERE id = 'probe'; WITH RECURSIVE n(i) AS (SELECT 1
    UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO t
    SELECT hex(randomblob(8)), randomblob(8), i FROM n; DELETE FROM t
    WHERE b = 17"
carry b a

# state SITE PEER: what must be the same, however often it was killed.  Conflict
# records (table 1) get their versions by the next fold, whenever that is.
state() {
	dump "$1"
	db "$1" "SELECT name, number, mark, acked, pos, pos_number, want, tell,
	    told, unanswered, waiting_for, ack_number FROM dialsync_peer;
	    SELECT t, k, s, m, a FROM dialsync_frag WHERE t > 1;
	    SELECT upto, number FROM dialsync_sent;
	    SELECT t, k, why FROM dialsync_held;
	    PRAGMA integrity_check"
	ls "$1/outbox/$2" "$1/outbox/$2/tmp" "$1/inbox/$2" "$1/held/$2"
	cat "$1/outbox/$2/acked" 2>/dev/null
	sed -n '/^through/p' "$1/inbox/$2/applied" 2>/dev/null
	for f in "$1/outbox/$2"/*.gz; do
		[ -e "$f" ] && gzip -t "$f"
	done
}

# packed SITE PEER: the same for the packer.  Where bundles end may differ, since
# the guess of what compresses how well begins anew; so the peer takes them in.
packed() {
	db "$1" "SELECT name, mark, acked, pos, pos_number, want, tell, told
	    FROM dialsync_peer; SELECT count(*) FROM dialsync_log;
	    SELECT max(upto), max(number) = (SELECT number FROM dialsync_peer)
	    FROM dialsync_sent; PRAGMA integrity_check"
	ls "$1/outbox/$2/tmp"
	db "$1" "SELECT number FROM dialsync_peer" | {
		read -r last
		[ -e "$1/outbox/$2/$(number "$last")" ] || echo "no last one"
	}
	carry "$1" "$2"
	dialsync -C "$2" apply || echo "exit code $?"
	dump "$2"
	db "$2" "SELECT name, pos, waiting_for, want FROM dialsync_peer;
	    SELECT t, k, m FROM dialsync_frag WHERE t > 1"
	ls "$2/inbox/$1" "$2/held/$1"
}

keep() {
	rm -rf "$1.d"
	mkdir "$1.d"
	cp -a a a.tmp b b.tmp "$1.d/"
}
back() {
	rm -rf a a.tmp b b.tmp
	cp -a "$1.d/." .
}

# kill_each STATE NAME SITE PEER COMMAND...: kill at every step; the undisturbed
# result is left
kill_each() {
	state=$1 what=$2 site=$3 peer=$4
	shift 4
	keep start
	dialsync -C "$site" "$@" >out 2>&1
	want_code=$?
	keep end
	"$state" "$site" "$peer" 2>&1 | grep -v 'is applied:' >undisturbed
	n=1
	while :; do
		back start
		DIALSYNC_STOP_AFTER=$n dialsync -C "$site" "$@" >out 2>&1
		code=$?
		[ $code = 100 ] || break
		dialsync -C "$site" "$@" >out 2>&1 || code=$?
		"$state" "$site" "$peer" 2>&1 | grep -v 'is applied:' >killed
		cmp -s undisturbed killed || {
			bad "$what: killed after step $n, the end is another"
			diff undisturbed killed | head -10
		}
		n=$((n + 1))
		[ $n -lt 300 ] || break
	done
	same "$what: exit code" "$want_code" $code
	[ $n -gt 4 ] || bad "$what: only $n steps"
	echo "$what: killed after each of $((n - 1)) steps"
	back end
}

kill_each packed "pack" a b pack --flush
same "several bundles" yes \
    "$([ "$(ls a/outbox/b/*.gz | wc -l)" -gt 2 ] && echo yes)"
kill_each state "apply with a conflict" a b apply
carry a b
kill_each state "apply" b a apply
kill_each packed "pack, with an acknowledgement" b a pack --flush
carry b a
kill_each state "apply, acknowledged" a b apply
sync_all a b
equal "at the end" a b
same "nothing is lost" 300 "$(db b "SELECT count(*) FROM t
    WHERE typeof(b) = 'integer'")"
finish
