#!/bin/sh
# No dialsync at the far end, or one that speaks another protocol: it is told
# within seconds what is there, and what to do.
. "${srcdir:-$(dirname "$0")/..}/tests/call_lib.sh"

# tells CODE SECONDS TEXT: the call ends like this, and in time
tells() {
	start=$(date +%s)
	call "$1" ann --no-pack
	took=$(($(date +%s) - start))
	[ $took -le "$2" ] || bad "it took $took s, not $2"
	says call.err "$3"
	says_not call.err 'hang up now'
}

case_is "a login prompt"
site ann hub "pipe:printf 'Debian GNU/Linux 12 hub ttyS0\r\n\r\nhub login: '; sleep 30"
tells 75 6 'a login prompt came'
is login "$(logged ann 6)" "result in the log"

case_is "a modem's echo and its answer"
site ann hub "pipe:printf 'ATZ\r\r\nOK\r\n'; sleep 30"
tells 75 6 'the modem says'

case_is "ssh"
site ann hub "pipe:printf 'SSH-2.0-OpenSSH_9.2p1\r\n'; sleep 30"
tells 75 6 '[Ss][Ss][Hh]'

case_is "a plain sz, where we speak the exchange"
site ann hub "pipe:printf 'rz\r**\030B00000000000000\r\n\021'; sleep 30"
tells 76 6 'protocol = zmodem'

case_is "an answerer is called by a plain sz"
site hub ann "pipe:printf 'rz\r**\030B00000000000000\r\n\021'; sleep 30"
answer hub cable --once --no-pack
wait_answer 76
says answer.err 'protocol = zmodem'

case_is "the caller speaks the exchange, the answerer zmodem"
port=$((20000 + $$ % 20000))
site ann hub tcp:127.0.0.1:$port
PROTOCOL=zmodem site hub ann tcp-listen:127.0.0.1:$port
bundle ann hub 1 100
answer hub cable --once --no-pack
call 76 ann --no-pack
says call.err 'protocol = zmodem'
wait "$answer_pid"
says answer.err 'protocol = dialsync'
[ -e ann/outbox/hub/00000001.xml.gz ] || bad "it left the outbox"

case_is "the caller speaks zmodem, the answerer the exchange"
PROTOCOL=zmodem site ann hub tcp:127.0.0.1:$port
site hub ann tcp-listen:127.0.0.1:$port
answer hub cable --once --no-pack
timeout 50 "$DIALER" call -C ann --no-pack 2>call.err
[ $? -eq 0 ] && bad "the call cannot be good"
wait "$answer_pid"
says answer.err 'protocol = zmodem'

result
