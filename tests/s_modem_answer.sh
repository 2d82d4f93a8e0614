#!/bin/sh
# Answering over modems: two lines at once, a second call of the same peer,
# calls that a person has made, rings that lead to nothing, a modem that answers
# by itself; and calls that are ended: max-call, hangup, a signal; a collision.
[ -z "${TEST_SHORT:-}" ] || { echo "skipped: TEST_SHORT is set"; exit 77; }
MODEM_SIM=${MODEM_SIM:-$PWD/tests/line/modem-sim}
lib=$(cd "${srcdir:-$(dirname "$0")/..}/tests" && pwd)
. "$lib/call_lib.sh"
. "$lib/modem_lib.sh"

# two_lines: hub has two modems and two peers, ann and bob.
two_lines() {
	msite hub ann 5551
	sed "/^\[peer/i[line two]\ndevice = $work/hub2.tty\nanswer = yes\n" \
	    hub/dialsync.conf >t
	{ cat t; printf '\n[peer bob]\nline = two\nsecurity = none\n'; } \
	    >hub/dialsync.conf
	mkdir -p hub/outbox/bob
}
# in_background SITE: a call; its messages in SITE.err.
in_background() {
	timeout 50 "$DIALER" call -C "$1" --no-pack 2>"$1.err" &
}
# listening LINE
listening() {
	wait_for '^state: \(listening\|safe\)' "hub/status/dialer.$1" 150
}

case_is "two peers call at once, on two lines"
two_lines
msite ann hub 5552
msite bob hub 5553
bundle ann hub 1 20000
bundle hub ann 1 20000
start_net --modem hub2.tty,number=5553 --modem bob.tty,number=5554
timeout 100 "$DIALER" answer -C hub --no-pack 2>answer.err &
answer_pid=$!
others=$answer_pid
listening modem
listening two
in_background ann
ann_pid=$!
in_background bob
bob_pid=$!
wait_for '^state: exchanging' hub/status/dialer.modem 100
wait_for '^peer: bob' hub/status/dialer.two 100
wait $ann_pid
is 0 $? "ann's exit code"
wait $bob_pid
is 0 $? "bob's exit code"
arrived ann hub
arrived hub ann
listening modem
is "modem two" "$(cut -f 4 hub/log/calls.log | sed 1d | sort |
	tr '\n' ' ' | sed 's/ $//')" "lines in hub's log"

case_is "a second call of the same peer, on the other line, is told so"
fresh
rm -rf bob
msite ann hub 5552
cp -r ann bob # the same site, at another modem
sed "s,/ann.tty,/bob.tty,; s/^phone = .*/phone = 5553/" ann/dialsync.conf \
    >bob/dialsync.conf
bundle ann hub 2 25000
listening two
in_background ann
ann_pid=$!
wait_for '^state: exchanging' hub/status/dialer.modem 100
call 75 bob --no-pack
says call.err 'another call'
wait_for 'another call with ann is under way' answer.err 100
wait $ann_pid
is 0 $? "the first call's exit code"
arrived ann hub
kill "$answer_pid"
wait "$answer_pid"
is 0 $? "answer's exit code"
others=

case_is "persons have dialed and answered: --connected, --now"
fresh
msites
bundle ann hub 1 2000
bundle hub ann 1 1000
start_net --bps 115200
timeout 50 "$DIALER" answer -C hub --now --no-pack 2>answer.err &
answer_pid=$!
call 0 ann --connected --no-pack
wait "$answer_pid"
is 0 $? "answer's exit code"
arrived ann hub
arrived hub ann
is - "$(logged ann 16)" "no number in the log"
says net.log '5551'

case_is "S0: the modem answers by itself"
fresh
msites
sed 's/^answer = yes/&\ninit = AT\&F E0V1Q0X4 \&C1\&D2 S0=1/' \
    hub/dialsync.conf >t && mv t hub/dialsync.conf
bundle ann hub 1 2000
answer hub --once --no-pack
call 0 ann --no-pack
wait_answer 0
arrived ann hub

case_is "a call that rings, and is not there when it is answered"
msites
start_net --train-ms 3000
sed 's/^connect-wait = .*/connect-wait = 4s/' hub/dialsync.conf >t &&
	mv t hub/dialsync.conf
answer hub --once --no-pack
echo 'ring 5552' >control
wait_answer 75
is no-carrier "$(logged hub 6)" "result"
is in "$(logged hub 5)" "direction"
says answer.err 'modem: no \(carrier\|CONNECT\)'

case_is "a call that is longer than max-call"
fresh
msites
echo 'max-call = 4s' >>ann/dialsync.conf
bundle ann hub 1 60000
start_net
answer hub --once --no-pack
call 75 ann --no-pack
wait_answer 75
is max-call "$(logged ann 6)" "result"
says call.err 'longer than the peer.s max-call'
says call.err 'the next call resumes\|partial\|longer'
says hub/log/calls.log 'the longest time of a call was over'

case_is "dialsync hangup, while the number is dialed and in the call"
msites
start_net --dial-ms 4000
in_background ann
ann_pid=$!
wait_for '^state: dialing' ann/status/dialer.modem
wait_for '5551 dials' net.log 100
timeout 20 "$DIALER" hangup -C ann 2>hangup.err
is 0 $? "hangup's exit code"
wait $ann_pid
is 75 $? "exit code while dialing"
is interrupted "$(logged ann 6)" "result"
fresh
bundle ann hub 1 60000
start_net
answer hub --once --no-pack
in_background ann
ann_pid=$!
wait_for '^state: exchanging' ann/status/dialer.modem 100
timeout 20 "$DIALER" hangup -C hub 2>hangup.err
wait $ann_pid
is 75 $? "exit code in a call"
wait_answer 75
is interrupted "$(logged hub 6)" "result at hub"
says net.log 'hangs up'

case_is "no modem there"
msites
sed "s,^device = .*,device = $work/nobody.tty," ann/dialsync.conf >t &&
	mv t ann/dialsync.conf
"$LINE_SIM" --a nobody.tty --b other.tty >sim2.out 2>&1 &
others=$!
wait_for ready sim2.out
call 69 ann --no-pack
is device "$(logged ann 6)" "result"
says call.err 'the modem does not answer to .*switched on'
kill $others
wait $others 2>/dev/null
others=

case_is "a call comes in while ours is dialed"
fresh
msites
bundle ann hub 1 1000
start_net --dial-ms 1500 --bps 115200
answer hub --once --no-pack
in_background ann
ann_pid=$!
wait_for '5551 dials' net.log 100
echo 'ring 5551' >control
wait $ann_pid
is 0 $? "exit code"
says ann.err 'a call comes in just now; dialing again later'
wait_answer 0
arrived ann hub
result
