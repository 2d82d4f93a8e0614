#!/bin/sh
# Two sites with databases and a line: what is committed at either side just
# before a call, and while it is made, goes with that call.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"
[ -x "$DIALSYNC_EXEC_PATH/dialsync-dialer" ] ||
	{ echo "skipped: no dialsync-dialer"; exit 77; }
DIALSYNC_LOCK_DIR=$work
export DIALSYNC_LOCK_DIR

make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, v)" ann hub
cat >>ann/dialsync.conf <<END
[line wire]
device = pipe:'$DIALSYNC' -C '$work/hub' answer --stdio 2>answer.err
END

# row SITE ID
row() {
	db "$1" "INSERT INTO t VALUES('$2', 'from $1')"
}
# synced WHAT: what was committed has come over, both ways, in one call
synced() {
	dialsync -C ann call hub >call.out 2>call.err ||
		bad "$1: the call ends with $?: $(cat call.err answer.err)"
	apply ann || bad "$1: apply at ann: $(cat apply.out)"
	apply hub || bad "$1: apply at hub: $(cat apply.out)"
	for id in $2; do
		for s in ann hub; do
			same "$1: $id at $s" 1 \
			    "$(db $s "SELECT count(*) FROM t WHERE id = '$id'")"
		done
	done
}
row ann a1
sleep 1
row hub h1
synced "one second before" "a1 h1"

# with keys, and a change every 50 ms while the call begins
dialsync -C hub peer ann --new-key >key 2>said || bad "$(cat said)"
dialsync -C ann peer hub --key-file key >said 2>&1 || bad "$(cat said)"
for i in 1 2 3 4 5 6; do
	row hub "later$i"
	sleep 0.05
done &
row ann a2
synced "at the same time" "a2 later1"
wait
synced "the rest" "later6"
grep -q "connected encrypted" call.err || bad "no key was used"

finish
