#!/bin/sh
# Nothing queues unseen: a control frame that is written while data flows at
# full rate, both ways, over ptys that hide 17 KB, is at the other end within
# 0.5 s at 33,600 bps and 2 s at 2,400; and a program that writes as long as
# the tty takes bytes is later, so the measurement sees what it is for.
# About 45 s; LONG=1 measures four times as long.
[ -z "${TEST_SHORT:-}" ] || { echo "skipped: TEST_SHORT is set"; exit 77; }
set -u
sim=${LINE_SIM:-$PWD/tests/line/line-sim}
queueing=${QUEUEING:-$PWD/tests/queueing}
for program in "$sim" "$queueing"; do
	[ -x "$program" ] || {
		echo "$program is not built; run \"make check\""
		exit 77
	}
done
dir=$(mktemp -d "${TMPDIR:-/tmp}/s_queueing.XXXXXX") || exit 77
pid=
failures=0
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
times=1
[ -z "${LONG:-}" ] || times=4

# line BPS: a line between $dir/a and $dir/b.
line() {
	[ -z "$pid" ] || { kill "$pid"; wait "$pid"; }
	rm -f "$dir/ready"
	"$sim" --a "$dir/a" --b "$dir/b" --bps "$1" >"$dir/ready" 2>&1 &
	pid=$!
	tries=100
	until grep -qs '^ready$' "$dir/ready"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || {
			echo "FAILED: no line: $(cat "$dir/ready")"
			exit 1
		}
		sleep 0.05
	done
}

# rate_of WAY: bytes a second in the last report.
rate_of() {
	sed -n "s/.* \([0-9]*\) B\/s to $1.*/\1/p" "$dir/out"
}

# late WHAT BPS SECONDS EVERY LIMIT: no probe is later, and the line is full.
# A machine that is busy with other things only makes it later: the best of
# three runs counts.
late() {
	for try in 1 2 3; do
		line "$2"
		timeout 200 "$queueing" "$dir/a" "$dir/b" $(($3 * times)) \
		    "$4" "$5" >"$dir/out" 2>&1
		status=$?
		echo "$1: $(cat "$dir/out"), limit $5 ms"
		[ $status != 0 ] || break
	done
	[ $status = 0 ] || {
		echo "FAILED: $1: too late in run $try, too, or it did not come"
		failures=$((failures + 1))
	}
	for way in A B; do
		[ "$(rate_of $way)" -ge $(($2 / 10 * 8 / 10)) ] || {
			echo "FAILED: $1: not at full rate to $way"
			failures=$((failures + 1))
		}
	done
}

late "33,600 bps" 33600 12 400 500
late "2,400 bps" 2400 24 2500 2000

line 33600
if timeout 100 "$queueing" "$dir/a" "$dir/b" 5 500 500 flood >"$dir/out" 2>&1
then
	echo "FAILED: written without a pace, control was not late"
	failures=$((failures + 1))
fi
echo "without a pace: $(cat "$dir/out")"
echo "$failures failures"
[ "$failures" -eq 0 ]
