#!/bin/sh
# The program dialsync-status on real files: its exit codes, what it says of a
# site in every condition, --wait, and that it changes and owns nothing.
#
# STATUS, DIALER: the programs, if not those of this build tree.  Without a
# dialer the cases that need a living one are left out.
set -u
STATUS=${STATUS:-$PWD/dialsync-status}
DIALER=${DIALER:-$PWD/dialsync-dialer}
[ -x "$STATUS" ] || { echo "skipped: no $STATUS"; exit 77; }

work=$(mktemp -d) || exit 1
cd "$work" || exit 1
unset DIALSYNC_DIR
TZ=UTC DIALSYNC_LOCK_DIR=$work/lock
export TZ DIALSYNC_LOCK_DIR
mkdir lock
pids=
failures=0
trap 'for p in $pids; do kill "$p" 2>/dev/null; done; cd /; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

bad() { echo "FAILED: $name: $*"; failures=$((failures + 1)); }
# status ARG...: run it; output in out and err, exit code in code.
status() { timeout 20 "$STATUS" "$@" >out 2>err; code=$?; }
# expect CODE
expect() { [ "$code" = "$1" ] || bad "exit $code, not $1; $(cat err)"; }
# shows TEXT: the output has it; says TEXT: standard error has it
shows() { grep -F -q -e "$1" out || bad "does not show \"$1\" but: $(cat out)"; }
says() { grep -F -q -e "$1" err || bad "does not say \"$1\" but: $(cat err)"; }
# site DIR NAME PEER DEVICE
site() {
	mkdir -p "$1"
	cat >"$1/dialsync.conf" <<-END
	[site]
	name = $2
	database = data.db
	[line cable]
	device = $4
	modem = no
	[peer $3]
	line = cable
	security = none
	END
}

name="no site"
status -C nowhere
expect 66
status
expect 66

name="usage"
site ann ann hub "pipe:'$DIALER' answer cable --stdio --no-pack -C '$work/hub'"
site hub hub ann pipe:false
for a in --watch --wait "--wait rain" "--timeout 1s" \
    "--wait idle --timeout 3" "--wait idle --json" extra; do
	# shellcheck disable=SC2086  # words on purpose
	status -C ann $a
	[ $code = 64 ] || bad "$a: exit $code, not 64"
	[ -s err ] || bad "$a: says nothing"
	[ -s out ] && bad "$a: prints $(cat out)"
done
status -C ann --jsn
says "did you mean --json"
status --help
expect 0
shows "usage: dialsync status"

name="wrong configuration"
mkdir wrong
echo nonsense >wrong/dialsync.conf
status -C wrong
expect 78
says "dialsync.conf:1:"

name="a new site"
find ann -exec stat -c '%n %Y' {} + >before
status -C ann
expect 0
shows "ann: No call"
shows "line cable: not used yet"
shows "peer hub: no call yet"
shows "data.db"
status -C ann --json
expect 0
shows '"state": "idle"'
shows '"unpacked_changes": null'
shows '"outbox_bundles": 0'
find ann -exec stat -c '%n %Y' {} + >after
cmp -s before after || bad "the site was changed"

name="counts of the spool"
mkdir -p ann/outbox/hub ann/inbox/hub ann/held/hub ann/status ann/log
printf 12345 >ann/outbox/hub/00000042.xml.gz
printf 1 >ann/inbox/hub/00000007.xml.gz
printf 1 >ann/held/hub/00000003.xml.gz
echo stray >ann/outbox/hub/README
status -C ann --json
shows '"outbox_bundles": 1, "outbox_bytes": 5, "inbox_bundles": 1'
shows '"held_bundles": 1'
status -C ann
shows "held/hub/*.why"

name="the last call of the log"
printf '%s\t%s\thub\tcable\tout\t%s\t%d\t1\t2\t3\t4\t5\t6\t-\t-\n' \
    2026-11-21T09:00:00Z 2026-11-21T09:01:00Z done 0 \
    2026-11-22T09:00:00Z 2026-11-22T09:01:00Z dropped 75 \
    >ann/log/calls.log
echo "a torn line" >>ann/log/calls.log
status -C ann --json
shows '"last_call": "2026-11-22T09:00:00Z", "last_result": "dropped", "last_exit": 75'
status -C ann
shows "last call 2026-11-22 09:00:00: dropped (exit 75)"

# what the schedule says of the log: every, hours, retry, in local time (UTC)
name="the next call"
cp -r ann due
cat >>due/dialsync.conf <<END
every = 12h
hours = 22:00-05:00
retry = 5m 10m
END
DIALSYNC_NOW=$(date -u -d 2026-11-22T09:30:00Z +%s)
export DIALSYNC_NOW
status -C due --json
shows '"next_call": "2026-11-22T22:00:00Z", "tries": 1, "estimate_seconds": 1'
status -C due
shows "next call: 2026-11-22 22:00:00; 1 call failed since the last good one"
shows "a call will take about 1 s for 1 bundle"
status -C ann --json
shows '"next_call": null, "tries": 1'
DIALSYNC_NOW=$(date -u -d 2026-11-22T22:01:00Z +%s)
status -C due --json
shows '"next_call": "2026-11-22T22:01:00Z"'
status -C due
shows "next call: due now"
printf '%s\t%s\thub\tcable\tout\tbusy\t75\t0\t0\t0\t0\t0\t0\t-\t-\t555\t2\n' \
    2026-11-22T22:00:30Z 2026-11-22T22:00:40Z >>due/log/calls.log
status -C due --json
shows '"next_call": "2026-11-22T22:05:30Z", "tries": 2'
rm -rf due
unset DIALSYNC_NOW

name="safe for fifteen seconds"
cat >ann/status/dialer.cable <<END
pid: 4711
since: 2026-11-22T09:30:00Z
line: cable
peer: hub
state: safe-to-hang-up
ended: 2026-11-22T09:30:01Z
END
at=$(date -u -d 2026-11-22T09:30:00Z +%s)
export DIALSYNC_NOW=$((at + 14))
status -C ann --json
shows '"state": "safe-to-hang-up", "message": "You can hang up now.", "safe_to_hang_up": true'
status -C ann --wait safe --timeout 0
expect 0
[ -s out ] && bad "--wait prints"
status -C ann --wait idle --timeout 0
expect 75
export DIALSYNC_NOW=$((at + 15))
status -C ann --json
shows '"state": "idle"'
status -C ann --wait idle --timeout 0
expect 0
status -C ann --wait safe --timeout 1s
expect 75
unset DIALSYNC_NOW

name="a dialer that died"
sed 's/safe-to-hang-up/exchanging/; /^ended/d' ann/status/dialer.cable >x
mv x ann/status/dialer.cable
status -C ann --json
expect 0
shows '"state": "failed", "message": "dialer ended unexpectedly"'
shows '"pid": null'

# what is no status file is unknown; nothing hangs, crashes or is obeyed
hostile() {
	name="hostile file: $1"
	status -C ann --json
	expect 0
	shows '"line": "cable", "peer": null, "direction": null, "state": null'
	status -C ann
	expect 0
	shows "line cable: unknown"
	rm -rf ann/status/dialer.cable
}
head -c 60000 /dev/urandom >ann/status/dialer.cable
hostile "random bytes"
printf 'state: \033[2J\npeer: \033]0;x\007\nsince' >ann/status/dialer.cable
hostile "control characters"
: >ann/status/dialer.cable
hostile "empty"
name="what cannot be read"
for how in "mkfifo P" "mkdir P" "ln -s /etc/passwd P" \
    "dd if=/dev/zero of=P bs=100k count=1"; do
	eval "$(echo "$how" | sed 's,P,ann/status/dialer.cable,')" 2>/dev/null
	status -C ann --json
	[ $code = 0 ] || bad "$how: exit $code"
	shows '"line": "cable", "peer": null, "direction": null, "state": null'
	rm -rf ann/status/dialer.cable
done
name="control characters in a message"
printf 'pid: 1\nstate: failed\nmessage: \033[2Jgone\n' >ann/status/dialer.cable
status -C ann
shows '\x1B[2Jgone'
LC_ALL=C tr -d '\n -~' <out | grep -q . && bad "a control character came out"
rm ann/status/dialer.cable

name="a database that is none"
echo "no database" >ann/data.db
status -C ann
expect 0
shows "database: ann/data.db"
rm ann/data.db

if [ ! -x "$DIALER" ]; then
	echo "no $DIALER: cases with a living dialer are left out"
	[ $failures = 0 ]
	exit
fi

name="a living dialer"
mkfifo in
exec 3<>in
"$DIALER" answer cable --stdio --no-pack -C hub <in >/dev/null 2>log &
pids=$!
dialer=$!
i=0
until [ -s hub/status/dialer.cable ] || [ $i -ge 100 ]; do
	sleep 0.1
	i=$((i + 1))
done
sleep 0.3
status -C hub --json
expect 0
shows "\"pid\": $dialer"
shows '"state": "connected", "message": "Connected with a caller"'
status -C hub --wait idle --timeout 0
expect 75
[ -s err ] && bad "--wait says: $(cat err)"
"$STATUS" -C hub --wait idle --timeout 10s &
waiter=$!
pids="$pids $waiter"
kill -9 $dialer
wait $dialer 2>/dev/null
wait $waiter || bad "--wait idle: exit $?"
status -C hub --json
shows '"state": "failed", "message": "dialer ended unexpectedly"'
exec 3>&-

name="a whole call, waited for"
"$STATUS" -C ann --wait safe --timeout 20s &
waiter=$!
pids="$pids $waiter"
timeout 30 "$DIALER" call hub --no-pack -C ann >log 2>&1 ||
    bad "the call: exit $?; $(cat log)"
wait $waiter || bad "--wait safe: exit $?"
for s in ann hub; do
	status -C $s --json
	shows '"safe_to_hang_up": true'
	shows '"last_result": "done", "last_exit": 0'
done
status -C hub
shows "received 1 bundle, 5 B of 5 B"

[ $failures = 0 ]
