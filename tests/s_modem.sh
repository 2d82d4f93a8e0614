#!/bin/sh
# Calls over modems, from dialling to hanging up: what reaches the two
# inboxes, exit code, message, status and call log.  Modems and network are
# tests/line/modem-sim.  About 45 s.
MODEM_SIM=${MODEM_SIM:-$PWD/tests/line/modem-sim}
lib=$(cd "${srcdir:-$(dirname "$0")/..}/tests" && pwd)
. "$lib/call_lib.sh"
. "$lib/modem_lib.sh"

case_is "dial, exchange both ways, hang up"
msites
bundle ann hub 1 30000
bundle ann hub 2 3000
bundle hub ann 1 20000
start_net
answer hub --once --no-pack
timeout 50 "$DIALER" call -C ann --no-pack 2>call.err &
caller=$!
wait_for '^state: dialing' ann/status/dialer.modem 100
wait_for '^state: exchanging' ann/status/dialer.modem 100
says ann/status/dialer.modem '^connect: .*CONNECT'
says ann/status/dialer.modem '^direction: out'
says hub/status/dialer.modem '^connect: CONNECT 33600/ARQ'
wait $caller
is 0 $? "call's exit code"
wait_answer 0
arrived ann hub
arrived hub ann
says call.err 'dialing 5552 on line modem'
says call.err 'hub: CARRIER 33600.*CONNECT'
says call.err '^You can hang up now\.'
says answer.err '^You can hang up now\.'
says answer.err 'modem: CONNECT 33600/ARQ'
is done "$(logged ann 6)" "result"
is 5552 "$(logged ann 16)" "number in the log"
is done "$(logged hub 6)" "result at hub"
says ann/log/calls.log 'CARRIER 33600; .*CONNECT'
says hub/log/calls.log 'CONNECT 33600/ARQ'
says ann/status/dialer.modem '^state: safe-to-hang-up'
says net.log 'hangs up'

case_is "the same with ZMODEM, and a second call on the line that waits"
fresh
sed 's/^answer = yes/&\nprotocol = zmodem/' ann/dialsync.conf >t &&
	mv t ann/dialsync.conf
sed 's/^answer = yes/&\nprotocol = zmodem/' hub/dialsync.conf >t &&
	mv t hub/dialsync.conf
start_net --bps 115200
answer hub --no-pack
for n in 11 12; do
	bundle ann hub $n 3000
	bundle hub ann $n 2000
	call 0 ann --no-pack
	arrived ann hub
	arrived hub ann
	wait_for '^state: \(listening\|safe\)' hub/status/dialer.modem 100
done
kill "$answer_pid"
wait_answer 0
is 3 "$(grep -c '	in	done	' hub/log/calls.log)" "good calls"

case_is "a call that does not come about: result, exit code, message"
start_net --result 11=busy --result 12=no-answer --result 13=no-carrier \
	--result 14=no-dialtone --result 15=blacklisted --result 16=delayed \
	--result 17=voice
while read -r number exit result text; do
	msite ann hub "$number"
	call "$exit" ann --no-pack
	says call.err "hub: $number: $text"
	is "$result" "$(logged ann 6)" "result of $number"
	is "$exit" "$(logged ann 7)" "exit of $number in the log"
	is "$number" "$(logged ann 16)" "number in the log"
	is 0 "$(logged ann 8)" "seconds connected"
	says ann/status/dialer.modem '^state: failed'
	says ann/status/dialer.modem "^result: $result"
done <<'END'
11 75 busy busy ("BUSY")
12 75 no-answer no answer ("NO ANSWER")
13 75 no-carrier no carrier ("NO CARRIER")
14 69 no-dialtone no dial tone ("NO DIAL \?TONE")
15 75 blacklisted
16 75 blacklisted
17 75 no-carrier
END

case_is "numbers that cannot be dialed, a modem that does not take init"
msite ann hub 'call me'
call 78 ann --no-pack
says call.err 'cannot be dialled'
is config "$(logged ann 6)" "result"
msite ann hub 5552 'init = AT^X'
call 78 ann --no-pack
says call.err 'correct init'
is config "$(logged ann 6)" "result"

case_is "fallback numbers, on one line and on the next"
fresh
msite ann hub 11 '' 'phone = 12
phone = 5552'
msite hub ann 5551
bundle ann hub 1 2000
start_net --bps 115200 --result 11=busy --result 12=no-answer \
	--result 14=no-dialtone --modem ann2.tty,number=5553
answer hub --once --no-pack
call 0 ann --no-pack
wait_answer 0
arrived ann hub
is "busy no-answer done" "$(sed 1d ann/log/calls.log | cut -f 6 |
	tr '\n' ' ' | sed 's/ $//')" "results in turn"
is "1 1 1" "$(sed 1d ann/log/calls.log | cut -f 17 |
	tr '\n' ' ' | sed 's/ $//')" "all are one try"
fresh
msite ann hub 14 '' 'phone = 5552
line = two'
sed "/^\[peer/i[line two]\ndevice = $work/ann2.tty\n" ann/dialsync.conf >t &&
	mv t ann/dialsync.conf
msite hub ann 5551
bundle ann hub 1 2000
answer hub --once --no-pack
call 75 ann --no-pack --phone 11
is busy "$(logged ann 6)" "--phone: the only number"
call 0 ann --no-pack --dry-run
says call.out 'hub on line modem (.*, dialing 14)'
says call.out 'else hub on line two (.*, dialing 5552)'
call 0 ann --no-pack --line two --phone 5552
wait_answer 0
arrived ann hub
is two "$(logged ann 4)" "line in the log"

case_is "no dial tone: the line's other numbers are left out"
rm -f ann/log/calls.log
call 69 ann --no-pack
is "modem 14 no-dialtone two 14 no-dialtone" "$(sed 1d ann/log/calls.log |
	cut -f 4,6,16 | awk '{print $1, $3, $2}' | tr '\n' ' ' |
	sed 's/ $//')" "tries"
result
