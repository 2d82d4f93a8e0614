#!/bin/sh
# tests/exchange.pml, checked by spin: the exchange's end game and its resume
# as the model has them hold what it claims; and spin finds each rule that is
# left out (BROKEN=n), so that the claims are known to see something.
#
# Some rules and small bounds here; MODEL=long: all of them, more carriers
# lost, both sites killed (5 minutes, 1.5 GB).
# shellcheck disable=SC2086  # lists of flags
[ -z "${TEST_SHORT:-}" ] || { echo "skipped: TEST_SHORT is set"; exit 77; }
set -u
model=${srcdir:-$(dirname "$0")/..}/tests/exchange.pml
cc=${CC:-cc}
command -v spin >/dev/null || {
	echo "skipped: no spin here, the model is not checked (Debian: spin)"
	exit 77
}
dir=$(mktemp -d "${TMPDIR:-/tmp}/s_exchange_model.XXXXXX") || exit 77
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cp "$model" "$dir/exchange.pml"
cd "$dir" || exit 1
failures=0

# verify BOUNDS COMPILE RUN: leaves spin's words in out.
verify() {
	rm -f pan.* *.trail
	spin -a $1 exchange.pml >spin.out 2>&1 && [ -f pan.c ] || {
		cat spin.out
		exit 1
	}
	$cc -O1 -w -DMEMLIM=3000 $2 -o pan pan.c || exit 1
	timeout 900 ./pan -m1000000 $3 >out 2>&1
	grep -q "max search depth too small" out && {
		echo "FAILED: the search was not deep enough: $1"
		failures=$((failures + 1))
	}
	states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' out)
	errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' out)
}

# holds BOUNDS COMPILE RUN WHAT
holds() {
	verify "$1" "$2" "$3"
	if [ "$errors" = 0 ] && ! grep -q "Search not completed" out; then
		echo "ok: $4, $states states"
		return
	fi
	echo "FAILED: $4 with $1:"
	grep "pan:" out
	if [ -f exchange.pml.trail ]; then
		spin -t -p $1 exchange.pml | tail -n 60
	else
		tail -n 20 out
	fi
	failures=$((failures + 1))
}

# finds N BOUNDS COMPILE RUN: spin objects when rule N is left out.
finds() {
	verify "$2 -DBROKEN=$1" "$3" "$4"
	what=$(sed -n "s/^ \* *$1  //p" exchange.pml)
	if [ "${errors:-0}" -gt 0 ]; then
		echo "ok: found: $what"
		return
	fi
	echo "FAILED: spin does not see that $what"
	tail -n 20 out
	failures=$((failures + 1))
}

safety="-DSAFETY -DCOLLAPSE"
cycles="-DNP -DNOFAIR -DCOLLAPSE"
if [ "${MODEL:-short}" = long ]; then
	holds "-DCUTS=2 -DKILLS=1" "$safety" "" \
	    "2 + 1 bundles, 2 cuts, 1 kill"
	holds "-DN1=2 -DCUTS=1 -DKILLS=0" "$safety" "" "2 + 2 bundles, 1 cut"
	holds "-DN0=1 -DCUTS=2 -DKILLS=2" "$safety" "" \
	    "1 + 1 bundles, 2 cuts, 2 kills"
	holds "-DCUTS=1 -DKILLS=1" "$cycles" -l \
	    "2 + 1 bundles, 1 cut, 1 kill: all ends"
	for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
		finds $n "-DCUTS=1 -DKILLS=1" "$safety" ""
	done
	finds 13 "-DCUTS=0 -DKILLS=0" "$cycles" -l
else
	holds "-DN0=1 -DCUTS=1 -DKILLS=1" "$safety" "" \
	    "1 + 1 bundles, 1 cut, 1 kill"
	holds "-DCUTS=0 -DKILLS=0" "$cycles" -l "2 + 1 bundles: all ends"
	for n in 1 2 5 6 8; do
		finds $n "-DCUTS=1 -DKILLS=1" "$safety" ""
	done
fi
echo "$failures failures"
[ "$failures" -eq 0 ]
