#!/bin/sh
# What a call takes of memory does not grow with the bundles: one large, and
# many small, stay under 16 MB on both sides.
#
# N: small bundles; MB: the large one's size.  100,000 and 2,048 take minutes.
. "${srcdir:-$(dirname "$0")/..}/tests/call_lib.sh"
N=${N:-1500}
MB=${MB:-64}
# A build with AddressSanitizer keeps what was freed, else.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=0
export ASAN_OPTIONS
[ -r /proc/self/status ] || { echo "skipped: no /proc"; exit 77; }

# watch PIDFILE OUT: the process's peak, in KB, as long as it lives
watch() {
	until pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ]; do sleep 0.02; done
	while kb=$(awk '$1 == "VmHWM:" { print $2 }' /proc/$pid/status \
	    2>/dev/null) && [ -n "$kb" ]; do
		echo "$kb" >"$2"
		sleep 0.05
	done
}
# measured WHAT
measured() {
	case_is "$1"
	rm -f ann.kb hub.kb
	watch ann/status/.dialer.cable.lock ann.kb &
	one=$!
	watch hub/status/.dialer.stdio.lock hub.kb &
	two=$!
	others="$one $two"
	timeout "${LIMIT:-50}" "$DIALER" call -q -C ann --no-pack 2>call.err
	is 0 $? "call's exit code"
	kill $one $two 2>/dev/null
	wait $one $two 2>/dev/null
	others=
	for s in ann hub; do
		kb=$(cat $s.kb 2>/dev/null || echo 0)
		echo "$s: $kb KB"
		[ "$kb" -gt 0 ] || bad "$s was not measured"
		[ "$kb" -lt 16384 ] || bad "$s took $kb KB"
	done
}
both() {
	site ann hub \
	    "pipe:'$DIALER' answer -q -C '$work/hub' --stdio --no-pack 2>answer.err"
	site hub ann
}

both
truncate -s "${MB}M" ann/outbox/hub/00000001.xml.gz
measured "one bundle of $MB MB"
is $((MB * 1048576)) "$(wc -c <hub/inbox/ann/00000001.xml.gz)" "its size"

both
head -c 1024 /dev/urandom >small
n=0
while [ $n -lt "$N" ]; do
	n=$((n + 1))
	ln small "ann/outbox/hub/$(printf '%08d' $n).xml.gz" 2>/dev/null ||
		cp small "ann/outbox/hub/$(printf '%08d' $n).xml.gz"
done
measured "$N bundles of 1 KB"
is "$N" "$(find hub/inbox/ann -name '*.gz' | wc -l)" "bundles that arrived"

result
