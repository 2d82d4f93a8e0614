#!/bin/sh
# The carrier is lost at a random moment of a call, again and again, in calls
# both ways: the exit code is always 75, the next call resumes, and in the end
# every bundle is there once.
#
# N: how many calls are cut (5; 200 in "make check-long").  SEED: where.
[ -z "${TEST_SHORT:-}" ] || { echo "skipped: TEST_SHORT is set"; exit 77; }
MODEM_SIM=${MODEM_SIM:-$PWD/tests/line/modem-sim}
lib=$(cd "${srcdir:-$(dirname "$0")/..}/tests" && pwd)
. "$lib/call_lib.sh"
. "$lib/modem_lib.sh"
N=${N:-5}
SEED=${SEED:-$(date +%s)}
echo "SEED=$SEED N=$N"

# ann calls hub; hub answers, call after call, in one process.
msites
start_net --bps 115200 --cuts 0 --cut-random 40000 --seed "$SEED" \
	--stats stats
timeout $((N * 20 + 300)) "$DIALER" answer -C hub --no-pack 2>answer.err &
answer_pid=$!
others=$answer_pid
wait_for '^state: listening' hub/status/dialer.modem 100

case_is "$N calls are cut"
calls=0
cut=0
good=0
number=0
while [ $cut -lt "$N" ] && [ $calls -lt $((N * 4 + 20)) ]; do
	calls=$((calls + 1))
	# always more than gets through
	while [ "$(find ann/outbox/hub -name '*.gz' | wc -l)" -lt 4 ] ||
	    [ "$(find hub/outbox/ann -name '*.gz' | wc -l)" -lt 4 ]; do
		number=$((number + 1))
		bundle ann hub $number $((1000 + number * 7919 % 30000))
		bundle hub ann $number $((1000 + number * 6133 % 30000))
	done
	timeout 200 "$DIALER" call -C ann --no-pack -q 2>call.err
	code=$?
	case $code in
	75)
		case $(logged ann 6) in
		dropped)
			cut=$((cut + 1))
			says call.err 'carrier lost\|has fallen silent'
			;;
		# hub sets up its modem anew
		busy | no-answer | no-carrier) sleep 0.3 ;;
		*) bad "call $calls: result $(logged ann 6)" ;;
		esac
		;;
	0) good=$((good + 1)) ;;
	*) bad "call $calls: exit $code" ;;
	esac
	is $code "$(logged ann 7)" "exit in the log"
	[ $failures -lt 5 ] || break
done
echo "$calls calls, $cut cut, $good good, $number bundles each way"
[ $cut -ge "$N" ] || bad "only $cut calls were cut"
is 0 "$(cut -f 6 hub/log/calls.log | grep -c 'protocol\|io\|config')" \
    "calls that failed otherwise at hub"

case_is "the rest, undisturbed"
kill "$answer_pid"
wait "$answer_pid"
others=
start_net --bps 1000000
answer hub --once --no-pack
call 0 ann --no-pack
wait_answer 0
arrived ann hub
arrived hub ann
resent=$(cut -f 13 ann/log/calls.log | awk '{n += $1} END {print n}')
echo "resent by ann: $resent bytes"
result
