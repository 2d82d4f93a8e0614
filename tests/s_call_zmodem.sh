#!/bin/sh
# The same calls with protocol = zmodem.
PROTOCOL=zmodem
export PROTOCOL
code=0
for t in s_call s_call_cut s_call_refused s_call_stop; do
	echo "--- $t"
	sh "${srcdir:-$(dirname "$0")/..}/tests/$t.sh"
	one=$?
	[ $one = 77 ] || [ $one = 0 ] || code=1
done
exit $code
