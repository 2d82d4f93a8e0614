#!/bin/sh
# Either side is stopped after its n-th durable step, for every n; the next
# call brings all to where an undisturbed one would have brought it.
. "${srcdir:-$(dirname "$0")/..}/tests/call_lib.sh"

# first_call VARIABLE=VALUE: to its end, and to that of the answerer, which has
# the pipe of $( ) open as 9: it goes on for a moment when the caller stops, and
# the next one would find its line in use.
first_call() {
	code=$(
		exec 9>&1
		env "$1" timeout 50 "$DIALER" call -C ann --no-pack \
		    2>call.err >/dev/null
		echo $?
	)
}
# round WHO N: both have something to send; WHO stops after step N.  Sets over
# when WHO came to its end.
round() {
	fresh
	far="'$DIALER' answer ${PROTOCOL:+cable} -C '$work/hub' --stdio --no-pack 2>answer.err"
	[ "$1" = answer ] && far="DIALSYNC_STOP_AFTER=$2 $far"
	site ann hub "pipe:$far"
	site hub ann
	bundle ann hub 1 3000
	bundle ann hub 2 500
	bundle hub ann 1 2000
	if [ "$1" = call ]; then
		first_call "DIALSYNC_STOP_AFTER=$2"
		[ "$code" = 100 ] || over=yes
	else
		first_call "x=x"
		is "$code" "$(logged ann 7)" "exit in the log"
		[ "$(logged hub 7 2>/dev/null)" = 0 ] && over=yes
	fi
	# a bundle may have left an outbox only if the other side stored it
	for f in sent/*/*.gz; do
		from=${f#sent/}
		from=${from%/*}
		to=hub
		[ "$from" = hub ] && to=ann
		[ -e "$from/outbox/$to/${f##*/}" ] ||
			cmp -s "$f" "$to/inbox/$from/${f##*/}" ||
			bad "step $2 of $1: ${f##*/} of $from is lost"
	done
	site_again
	call 0 ann --no-pack
	arrived ann hub
	arrived hub ann
}
# The same sites, nobody stops.
site_again() {
	sed 's/DIALSYNC_STOP_AFTER=[0-9]* //' ann/dialsync.conf >t &&
		mv t ann/dialsync.conf
}

for who in call answer; do
	case_is "$who is stopped after each durable step"
	n=0
	over=
	while [ -z "$over" ] && [ $n -lt 80 ] && [ $failures -eq 0 ]; do
		n=$((n + 1))
		round $who $n
		if [ $n = 1 ] && [ -n "$over" ]; then
			echo "skipped: built without --enable-stop-points"
			exit 77
		fi
	done
	echo "$who has $((n - 1)) durable steps"
	if [ $n -le 5 ] || [ $n -ge 80 ]; then bad "$n steps cannot be"; fi
done
result
