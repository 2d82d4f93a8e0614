#!/bin/sh
# Calls by the clock, with the real dialer: --due, --urgent, hours, retries, the
# budget, hooks, what is logged and shown; and a week of it.
[ -z "${TEST_SHORT:-}" ] || { echo "skipped: TEST_SHORT is set"; exit 77; }
. "${srcdir:-$(dirname "$0")/..}/tests/call_lib.sh"
STATUS=${STATUS:-$PWD/dialsync-status}
[ -x "$STATUS" ] || STATUS=$OLDPWD/dialsync-status
TZ=UTC
export TZ

# The far end answers behind a pipe, unless the line is broken.
cat >far <<END
#!/bin/sh
[ ! -e "$work/broken" ] || exit 1
exec '$DIALER' answer cable --stdio --no-pack -q -C '$work/hub' 2>>'$work/far.err'
END
chmod +x far
# pair [PEER-TEXT]: two fresh sites, at noon of a Tuesday
pair() {
	site ann hub "pipe:$work/far" "" "security = none
$1"
	site hub ann pipe:false
	rm -f broken told
	at 2026-11-24T12:00:00Z
}
at() {
	DIALSYNC_NOW=$(date -u -d "$1" +%s)
	export DIALSYNC_NOW
}
later() {
	DIALSYNC_NOW=$((DIALSYNC_NOW + $1))
}
# run CODE OPTION...
run() {
	want=$1
	shift
	timeout 60 "$DIALER" call --no-pack -C ann "$@" >call.out 2>call.err
	is "$want" $? "exit code of call $*"
}
# column N: of the last call
column() {
	tail -n 1 ann/log/calls.log 2>/dev/null | cut -f "$1"
}
calls() {
	grep -c -v '^#' ann/log/calls.log 2>/dev/null || echo 0
}
shows() {
	"$STATUS" -C ann --json >status.out 2>&1
	says status.out "$1"
}

case_is "nothing due: 0, silent, nothing done"
pair
run 0 --due
[ ! -s call.err ] || bad "says $(cat call.err)"
is 0 "$(calls | tail -n 1)" "calls"

case_is "due, and then not any more"
pair "every = 12h"
bundle ann hub 1 5000
run 0 --due
arrived ann hub
is 1 "$(calls)" "calls"
is "done" "$(column 6)" "result"
is 1 "$(column 17)" "try"
run 0 --due
[ ! -s call.err ] || bad "says $(cat call.err)"
is 1 "$(calls)" "calls"
shows '"next_call": "2026-11-25T00:00:00Z", "tries": 0'
later 43140
run 0 --due
is 2 "$(calls)" "calls a minute before"

case_is "a failed call is tried again after 5, 10 minutes, then by every"
pair "every = 12h
retry = 5m 10m"
touch broken
run 75 --due
says call.err "next try at 2026-11-24 12:05"
says ann/status/dialer.cable '^state: waiting$'
says ann/status/dialer.cable '^message: .*; next try at 2026-11-24 12:05$'
shows '"next_call": "2026-11-24T12:05:00Z", "tries": 1'
later 299
run 0 --due
later 1
run 75 --due
is 2 "$(column 17)" "try"
shows '"next_call": "2026-11-24T12:15:00Z", "tries": 2'
later 600
run 75 --due
shows '"next_call": "2026-11-25T00:15:00Z", "tries": 3'
rm broken
later 43200
run 0 --due
is "done" "$(column 6)" "result"
is 4 "$(column 17)" "try"
shows '"tries": 0'

case_is "outside of hours: not by hand, but urgently"
pair "hours = 22:00-05:00"
run 75
says call.err "hub: outside of its hours; next at 2026-11-24 22:00; add --urgent"
is 0 "$(calls | tail -n 1)" "calls"
run 0 --urgent
is 1 "$(calls)" "calls"

case_is "what does not go together"
run 64 --due hub
run 64 --due --urgent
run 64 --due --line cable

case_is "a peer that cannot be called is noted once a window"
pair "every = 12h"
sed '/^line = cable/d; s/^device = .*/device = tcp-listen:1/' \
    ann/dialsync.conf >x && mv x ann/dialsync.conf
run 64 --due
is 64 "$(column 7)" "exit code in the log"
run 0 --due
[ ! -s call.err ] || bad "says $(cat call.err)"

case_is "another call with the peer is under way: silent"
pair "every = 12h"
mkdir -p ann/inbox/hub
(
	exec 9>ann/inbox/hub/.lock
	python3 - <<'END'
import fcntl, struct, time
fcntl.fcntl(9, 37, struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 0, 0))
open('locked', 'w').close()
time.sleep(5)
END
) &
others="$others $!"
i=0
until [ -e locked ] || [ $i -ge 50 ]; do sleep 0.1; i=$((i + 1)); done
run 0 --due
[ ! -s call.err ] || bad "says $(cat call.err)"
is 0 "$(calls | tail -n 1)" "calls"

case_is "the budget ends a call, and then there is none"
pair "budget = 2s/day"
sed 's/^device = .*/device = ann.tty/' ann/dialsync.conf >x
sed "s,ann.tty,$work/ann.tty," x >ann/dialsync.conf
sed "s,^device = .*,device = $work/hub.tty," hub/dialsync.conf >x
mv x hub/dialsync.conf
start_sim --bps 9600
bundle ann hub 2 40000
"$DIALER" answer cable --once --no-pack -q -C hub 2>answer.err &
others="$others $!"
run 75
says call.err "budget for today is used up"
is max-call "$(column 6)" "result"
stop_sim
run 75
says call.err "hub: the budget of today is used up; next at 2026-11-25 00:00; raise"
run 75 --urgent
says call.err "the budget of today is used up"

case_is "hooks, and what they are told"
pair
cat >>ann/dialsync.conf <<END
[hooks]
connect = echo "\$DIALSYNC_HOOK \$DIALSYNC_SITE \$DIALSYNC_PEER \$DIALSYNC_LINE \$DIALSYNC_DIRECTION" >>told
safe = echo "\$DIALSYNC_HOOK \$DIALSYNC_BUNDLES_SENT \$DIALSYNC_EXIT-" >>told
hangup = sleep 1; echo "\$DIALSYNC_HOOK \$DIALSYNC_RESULT \$DIALSYNC_EXIT \$DIALSYNC_BUNDLES_SENT" >>told
END
# and the one that is called has its line on standard output
printf '[hooks]\nconnect = echo noise\nsafe = echo noise >&2\n' \
    >>hub/dialsync.conf
bundle ann hub 3 3000
run 0
wait_for hangup ann/told
is "connect ann hub cable out,safe 1 -,hangup done 0 1," \
    "$(tr '\n' ',' <ann/told)" "told"
touch broken
rm -f ann/told
run 75
wait_for hangup ann/told
is "hangup $(column 6) 75 0" "$(cat ann/told)" "told of a call that failed"

case_is "a week: in its hours, three tries a night at most"
pair "every = 12h
hours = Mon-Fri 22:00-23:00
retry = 5m 10m"
touch broken
at 2026-11-22T00:07:00Z
ticks=0
while [ $ticks -lt 504 ]; do
	timeout 60 "$DIALER" call --due --no-pack -q -C ann >/dev/null 2>&1
	# on Thursday the line is mended
	[ $ticks -ne 330 ] || rm broken
	later 1200
	ticks=$((ticks + 1))
done
is "2026-11-23T22:07 75,2026-11-23T22:27 75,2026-11-23T22:47 75,2026-11-24T22:07 75,2026-11-24T22:27 75,2026-11-24T22:47 75,2026-11-25T22:07 75,2026-11-25T22:27 75,2026-11-25T22:47 75,2026-11-26T22:07 0,2026-11-27T22:07 0," \
    "$(awk -F '\t' '!/^#/ {printf "%s %s,", substr($1, 1, 16), $7}' \
	ann/log/calls.log)" "calls of the week"
result
