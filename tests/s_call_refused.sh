#!/bin/sh
# Calls that must not come about, each with its exit code and its reason.
. "${srcdir:-$(dirname "$0")/..}/tests/call_lib.sh"

# run WANT WORDS...: dialsync-dialer
run() {
	want=$1
	shift
	timeout 50 "$DIALER" "$@" >call.out 2>call.err
	is "$want" $? "exit code of \"$*\""
}
sites

case_is "usage"
run 64
run 64 cal
says call.err 'did you mean call'
run 64 call --no-pak
says call.err 'did you mean --no-pack'
run 64 call --frantic
run 64 call a b
run 64 call -C ann nobody
run 64 call -C ann hubb
says call.err 'hub'
run 64 call -C ann --line nothing
run 64 answer -C ann
says call.err 'answer = yes'
run 64 answer -C ann nothing
run 64 answer -C ann cable --peer nobody
run 64 hangup -C ann nothing
run 0 hangup -C ann
for k in call answer hangup; do run 0 $k --help; done
run 0 call --version

case_is "no site here"
run 66 call -C "$work/nowhere"
(cd lock && run 66 call) || bad "see above"

case_is "device missing"
run 69 call -C ann --no-pack
says call.err 'ann.tty'
is device "$(logged ann 6)" "result in the log"
is 69 "$(logged ann 7)" "exit in the log"
says ann/status/dialer.cable '^state: failed$'
run 69 answer -C ann cable --once --no-pack

start_sim --bps 1000000
case_is "port in use by another program"
tty=$(readlink -f ann.tty | sed 's,^/dev/,,; s,/,_,g')
sleep 30 &
others=$!
printf '%10d\n' $others >"lock/LCK..$tty"
run 69 call -C ann --no-pack
says call.err "in use by sleep (process $others"
kill $others
wait $others 2>/dev/null
others=
case_is "a stale lock is removed"
answer hub cable --once --no-pack
run 0 call -C ann --no-pack
wait_answer 0
[ -e "lock/LCK..$tty" ] && bad "the lock was left behind"

case_is "line in use by another of us"
answer hub cable --no-pack
run 69 answer -C hub cable --once --no-pack
says call.err 'line cable is in use'
run 69 call -C hub --no-pack
kill $answer_pid
wait_answer 0

if [ "$PROTOCOL" = zmodem ]; then

case_is "a called site that is another one"
site eve ann "$work/hub.tty"
answer eve cable --once --no-pack
bundle ann hub 1 1000
run 77 call -C ann --no-pack
says call.err 'the far end refuses this call.* is it "hub"'
says_not call.err 'what came'
is refused "$(logged ann 6)" "result in the caller's log"
wait_answer 77
says answer.err 'wants another site'
[ -e ann/outbox/hub/00000001.xml.gz ] || bad "it was sent to eve"

case_is "a caller that is not known here"
site hub bob
answer hub cable --once --no-pack
run 77 call -C ann --no-pack
wait_answer 77
says call.err 'has it a peer "ann" with security = none'
says answer.err '"ann", which is no peer'
is refused "$(logged hub 6)" "result in hub's log"
is - "$(logged hub 3)" "peer in hub's log"
[ -e hub/inbox/ann ] && bad "something was made for an unknown caller"
[ -e ann/outbox/hub/00000001.xml.gz ] || bad "it was sent all the same"

case_is "security that ZMODEM cannot give, on either side"
site hub ann "" "" "security = encrypt"
answer hub cable --once --no-pack
says answer.err 'calls of ann will be refused: .*protocol = dialsync'
run 77 call -C ann --no-pack
wait_answer 77
run 77 call -C hub --no-pack
says call.err 'protocol = dialsync'
site hub ann "" "" ""
run 77 call -C hub --no-pack

else

case_is "a called site that is another one"
site eve ann "$work/hub.tty"
answer eve cable --once --no-pack
bundle ann hub 1 1000
run 77 call -C ann --no-pack
says call.err 'what answers is not hub'
is refused "$(logged ann 6)" "result in the caller's log"
kill "$answer_pid"
wait_answer 75
[ -e ann/outbox/hub/00000001.xml.gz ] || bad "it was sent to eve"

case_is "a caller that is not known here"
site hub bob
answer hub cable --once --no-pack
run 77 call -C ann --no-pack
says call.err 'hub refused the call: it does not know ann'
wait_answer 77
says answer.err 'a caller is refused'
is refused "$(logged hub 6)" "result in hub's log"
is - "$(logged hub 3)" "peer in hub's log"
[ -e hub/inbox/ann ] && bad "something was made for an unknown caller"
[ -e ann/outbox/hub/00000001.xml.gz ] || bad "it was sent all the same"

case_is "no key, on either side: what to do is said"
site hub ann "" "" ""
answer hub cable --once --no-pack
says answer.err 'calls of ann will be refused: peer ann has no key yet; run'
kill "$answer_pid"
wait_answer 75
run 77 call -C hub --no-pack
says call.err 'dialsync peer ann --new-key'

fi

case_is "a peer with a key does not go without it"
sites
mkdir -m 700 ann/keys
echo RXBP-OLDB-S3FQ-ANLK-T7KA-SPTT-VA42 >ann/keys/hub.key
chmod 600 ann/keys/hub.key
run 77 call -C ann --no-pack
says call.err 'keys/hub.key'
chmod 644 ann/keys/hub.key
run 78 call -C ann --no-pack
says call.err 'chmod 600'
rm -r ann/keys

case_is "two callers on one cable: the smaller name answers"
fresh
bundle ann hub 1 2000
bundle hub ann 1 3000
timeout 50 "$DIALER" call -C hub --no-pack 2>answer.err &
answer_pid=$!
timeout 50 "$DIALER" call -C ann --no-pack 2>call.err
one=$?
wait $answer_pid
two=$?
is 00 $one$two "the two exit codes"
arrived ann hub
arrived hub ann
stop_sim

case_is "nothing at the far end, and what is no dialsync"
site ann hub 'pipe:echo "login: "; sleep 0.3; exit 3'
run 75 call -C ann --no-pack
says call.err 'login: '
says call.err 'the command ended with status 3'
site ann hub tcp:127.0.0.1:1
run 75 call -C ann --no-pack
is no-carrier "$(logged ann 6)" "result in the log"

if [ "$PROTOCOL" = zmodem ]; then
case_is "a peer that breaks the protocol"
# ZRINIT that asks for eighth-bit quoting, which ZMODEM never defined
site ann hub 'pipe:printf "**\030B01000000803bd9\r\n\021"; sleep 5'
run 76 call -C ann --no-pack
is protocol "$(logged ann 6)" "result in the log"
fi

case_is "interrupted while waiting for a call"
site hub ann 'pipe:sleep 20'
answer hub cable --once --no-pack
kill $answer_pid
wait_answer 75
says hub/status/dialer.cable '^state: idle$'
says_not hub/status/dialer.cable interrupted

case_is "what is wrong with a lock is not \"in use\""
rm hub/status/.dialer.cable.lock
mkdir hub/status/.dialer.cable.lock
run 74 answer -C hub cable --once --no-pack
says call.err 'line cable: open .*Is a directory'
says_not call.err 'in use'
rmdir hub/status/.dialer.cable.lock
rm -f hub/inbox/ann/.lock
mkdir -p hub/inbox/ann/.lock
run 74 call -C hub --no-pack
says call.err 'peer ann: open .*Is a directory'
says_not call.err 'under way'

case_is "an echoing line is recognised at once, by either name's rule"
for one in "ann hub" "hub ann"; do
	set -- $one
	site "$1" "$2" pipe:cat
	start=$(date +%s)
	run 76 call -C "$1" --no-pack
	says call.err 'our own bytes come back\|the line echoes'
	[ $(($(date +%s) - start)) -le 5 ] || bad "it took more than 5 s"
done

case_is "a line that never stops sending"
site ann hub 'pipe:cat /dev/zero'
run 76 call -C ann --no-pack
says call.err 'bytes came, and no \(ZMODEM frame\|hello of a dialsync\)'

case_is "another call with the same peer is under way"
site hub ann
printf '\n[line two]\ndevice = pipe:%s answer -C %s --stdio --no-pack\n' \
    "$DIALER" "$work/hub" >>ann/dialsync.conf
site ann hub 'pipe:sleep 3'
timeout 50 "$DIALER" call -C ann --no-pack 2>/dev/null &
others=$!
wait_for 'state: connected' ann/status/dialer.cable
run 75 call -C ann --no-pack
says call.err 'another call with hub'
kill -INT "$(cat ann/status/.dialer.cable.lock)"
wait $others
others=

if [ "$PROTOCOL" != zmodem ]; then
case_is "the answerer has another call with this peer"
fresh
site hub ann "pipe:sleep 5"
timeout 50 "$DIALER" call -C hub --no-pack 2>/dev/null &
others=$!
wait_for 'state: connected' hub/status/dialer.cable
site ann hub "pipe:'$DIALER' answer -C '$work/hub' --stdio --no-pack 2>answer.err"
bundle ann hub 1 100
run 75 call -C ann --no-pack
says call.err 'another call'
says answer.err 'another call with ann is under way'
is busy "$(logged hub 6)" "result in hub's log"
[ -e ann/outbox/hub/00000001.xml.gz ] || bad "it left the outbox"
kill -INT "$(cat hub/status/.dialer.cable.lock)"
wait $others
others=
site ann hub 'pipe:sleep 3'
fi

case_is "a modem line without a number, and one where calls cannot come in"
sed 's/^modem = no/modem = yes/' ann/dialsync.conf >t && mv t ann/dialsync.conf
run 78 call -C ann --no-pack
says call.err 'phone = NUMBER'
sed 's/^device = .*/device = tcp-listen:17001/' ann/dialsync.conf >t &&
	mv t ann/dialsync.conf
run 78 answer -C ann cable
says call.err 'modem = no'
run 78 call -C ann --no-pack
says call.err 'modem = no'
run 64 call -C ann --phone 1 --connected
says call.err 'leave out --phone'
run 64 answer -C ann --now --stdio
says call.err 'leave out --now'
sed 's/^modem = yes/modem = no/' ann/dialsync.conf >t && mv t ann/dialsync.conf
run 64 answer -C ann --now cable
says call.err 'a modem on which the call is'

case_is "configuration"
echo 'no such key = 1' >>ann/dialsync.conf
run 78 call -C ann --no-pack
says call.err 'dialsync.conf:[0-9]*:'
is 1 "$(wc -l <call.err)" "lines about one wrong line"
echo 'another = 2' >>ann/dialsync.conf
run 78 call -C ann --no-pack
says call.err '2 errors, the first in line'
is 3 "$(wc -l <call.err)" "lines about two wrong lines"

case_is "the disk is full"
fresh
site ann hub "pipe:(ulimit -f 20; trap '' XFSZ; exec '$DIALER' answer ${PROTOCOL:+cable} -C '$work/hub' --stdio --no-pack 2>answer.err; )"
site hub ann
bundle ann hub 1 1000
bundle ann hub 2 90000
run 75 call -C ann --no-pack
is io "$(logged hub 6)" "result in hub's log"
is 74 "$(logged hub 7)" "exit in hub's log"
[ -e ann/outbox/hub/00000002.xml.gz ] || bad "an unstored bundle is gone"
[ -e ann/outbox/hub/00000001.xml.gz ] && bad "a stored bundle is left"

result
