#!/bin/sh
# Calls that end too early, and the next one that resumes: carrier lost at
# several bytes, either side killed, interrupted, told to hang up, too long.
. "${srcdir:-$(dirname "$0")/..}/tests/call_lib.sh"

# again: the call that finishes the work; at most $1 bytes go to the wire.
again() {
	answer hub cable --once --no-pack
	call 0 ann --no-pack
	wait_answer 0
	arrived ann hub
	arrived hub ann
	sent=$(($(logged ann 9) + $(logged ann 10)))
	[ "$sent" -le "$1" ] || bad "$sent bytes in the second call, not $1"
}

# kept SITE PEER: bytes of its partials that are synced.
kept() {
	cat "$1/inbox/$2"/part/*.offset 2>/dev/null |
		awk '$1 == "offset:" { n += $2 } END { print n + 0 }'
}

loose=5500
[ "$PROTOCOL" != zmodem ] || loose=1500
for at in 300 5000 52000 99000; do
	case_is "ann sends 100,000 bytes, carrier lost at $at"
	fresh
	sites
	bundle ann hub 12 100000
	start_sim --bps 1000000 --cut-bytes "$at" --cut-dir ab --redial
	answer hub cable --once --no-pack
	call 75 ann --no-pack
	wait_answer 75
	says call.err 'carrier lost'
	says_not call.err 'hang up now'
	says_not answer.err 'hang up now'
	is dropped "$(logged ann 6)" "result in the log"
	have=$(kept hub ann)
	# 3 % of what is on the wire are escapes and frames; a record of our
	# protocol is kept when it is whole
	[ "$have" -gt $((at * 95 / 100 - loose)) ] ||
		bad "only $have bytes of $at were kept"
	if [ "$have" -gt 0 ]; then
		says answer.err 'partial of 00000012 kept at [0-9,]* of 100,000'
		says answer.err 'the next call resumes'
	fi
	again $((100000 - have + 5000))
done

case_is "both send, carrier lost while the answerer does"
fresh
sites
bundle ann hub 1 20000
bundle hub ann 1 90000
start_sim --bps 1000000 --cut-bytes 70000 --cut-dir ba --redial
answer hub cable --once --no-pack
call 75 ann --no-pack
wait_answer 75
says call.err 'partial of 00000001 kept at'
is 20000 "$(wc -c <hub/inbox/ann/00000001.xml.gz)" "stored before the cut"
[ -e ann/outbox/hub/00000001.xml.gz ] && bad "still in the outbox"
again 30000

case_is "the sender's bundle has changed: the partial is dropped"
fresh
sites
bundle ann hub 1 100000
start_sim --bps 1000000 --cut-bytes 50000 --cut-dir ab --redial
answer hub cable --once --no-pack
call 75 ann --no-pack
wait_answer 75
bundle ann hub 1 100000
again 105000

# A line of 600,000 bps: time enough to be in the middle of something.
slow() {
	fresh
	site ann hub "" "" "${1:-security = none}"
	site hub ann
	bundle ann hub 1 3000
	bundle ann hub 2 "${2:-60000}"
	bundle hub ann 1 500
	start_sim --bps 600000 --redial
}
in_the_middle() {
	wait_for 'bundles_done: 1' ann/status/dialer.cable
	sleep 0.1
}
calling() {
	timeout 50 "$DIALER" call -C ann --no-pack 2>call.err &
	call_pid=$!
	in_the_middle
	# timeout's child, not timeout
	dialer_pid=$(cat ann/status/.dialer.cable.lock)
}
wait_call() {
	wait "$call_pid"
	is "$1" $? "call's exit code"
}

case_is "the caller is killed, then carrier goes"
slow
answer hub cable --once --no-pack
calling
kill -KILL "$dialer_pid"
wait_call 137
kill -USR2 $sim_pid
wait_answer 75
says answer.err 'partial of 00000002 kept'
again 70000

case_is "the answerer is killed, then carrier goes"
slow
answer hub cable --once --no-pack
calling
kill -KILL "$(cat hub/status/.dialer.cable.lock)"
wait_answer 137
kill -USR2 $sim_pid
wait_call 75
again 70000

for how in INT TERM HUP; do
	case_is "the caller gets SIG$how: both end, partial kept"
	slow
	answer hub cable --once --no-pack
	calling
	kill "-$how" "$dialer_pid"
	wait_call 75
	wait_answer 75
	is interrupted "$(logged ann 6)" "result in ann's log"
	says answer.err 'partial of 00000002 kept'
	says_not answer.err 'hang up now'
	[ $how = TERM ] && again 62000
done

case_is "hangup ends the answerer's call, and it goes on answering"
slow
answer hub cable --no-pack
calling
timeout 20 "$DIALER" hangup -C hub cable 2>hangup.err
is 0 $? "hangup's exit code"
says hangup.err 'the call has ended'
wait_call 75
is interrupted "$(logged hub 6)" "result in hub's log"
timeout 20 "$DIALER" hangup -C hub 2>hangup.err
is 0 $? "hangup's exit code"
says hangup.err 'no call'
wait_for 'state: listening' hub/status/dialer.cable
call 0 ann --no-pack
arrived ann hub
arrived hub ann
kill -TERM $answer_pid
wait_answer 0

case_is "max-call ends a call in good order"
slow 'security = none
max-call = 1s' 200000
answer hub cable --once --no-pack
call 75 ann --no-pack
wait_answer 75
is max-call "$(logged ann 6)" "result in ann's log"
says call.err 'max-call'

result
