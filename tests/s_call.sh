#!/bin/sh
# Calls in which all goes well: every direction, every kind of descriptor, the
# packer beside them, and what is said.
. "${srcdir:-$(dirname "$0")/..}/tests/call_lib.sh"

# exchange: one call between ann and hub over the line.
exchange() {
	answer hub cable --once --no-pack
	call 0 ann hub --no-pack
	wait_answer 0
	for f in call.err answer.err; do
		is 1 "$(grep -c '^You can hang up now\.$' $f)" "said in $f"
	done
	arrived ann hub
	arrived hub ann
}

sites
start_sim --bps 1000000

case_is "nothing to send either way"
exchange
is "done" "$(logged ann 6)" "result in ann's call log"
is "done" "$(logged hub 6)" "result in hub's call log"
is in "$(logged hub 5)" "direction in hub's call log"
is ann "$(logged hub 3)" "peer in hub's call log"
says ann/status/dialer.cable '^state: safe-to-hang-up$'
says ann/status/dialer.cable '^safe_to_hang_up: true$'
says ann/status/dialer.cable '^exit: 0$'
says ann/status/dialer.cable '^ended: '

case_is "from the caller to the answerer"
bundle ann hub 1 20000
bundle ann hub 2 1
exchange
is 2 "$(logged ann 11)" "bundles sent in the log"

case_is "from the answerer to the caller"
bundle hub ann 1 30000
exchange
is 1 "$(logged ann 12)" "bundles received in the log"

case_is "both ways, many sizes, an empty file, a gap in the numbers"
for n in 3 4 5 8 9; do bundle ann hub $n $((n * n * 131)); done
bundle ann hub 10 0
for n in 2 3 12345678; do bundle hub ann $n 1025; done
exchange
is 0 "$(logged ann 13)" "bytes sent again"
says ann/status/dialer.cable '^sending.bundles_done: 6$'
says ann/status/dialer.cable '^receiving.bytes_done: 3075$'

case_is "what is stored already is not bought twice"
cp sent/ann/00000009.xml.gz ann/outbox/hub/
exchange
[ "$(logged ann 9)" -lt 1000 ] || bad "$(logged ann 9) bytes sent"

case_is "the applier that watches is woken"
mkfifo hub/status/applier.wake
(head -c 1 hub/status/applier.wake >woke) &
woken=$!
others="$others $woken"
bundle ann hub 20 100
exchange
sleep 0.2
is 1 "$(wc -c <woke)" "bytes in the applier's fifo"
kill $woken 2>/dev/null
rm -f hub/status/applier.wake

if [ "$PROTOCOL" != zmodem ]; then
case_is "half duplex, if one side says so"
fresh
site ann hub "" "duplex = half"
bundle ann hub 30 3000
bundle hub ann 30 4000
exchange
sites

case_is "an outbox of more parts than are listed at once"
fresh
head -c 50 /dev/urandom >small
n=1000
mkdir -p sent/ann
while [ $n -lt 2200 ]; do
	cp small "ann/outbox/hub/0000$n.xml.gz"
	cp small "sent/ann/0000$n.xml.gz"
	n=$((n + 1))
done
exchange
is 1200 "$(logged ann 11)" "bundles sent"
says hub/inbox/ann/stored '^2199 50 crc32='
[ -s hub/status/line.cable ] || [ -s ann/status/line.cable ] ||
	bad "what the line showed is not kept"
fi

case_is "--dry-run changes nothing and says what is ready"
bundle ann hub 21 1000
call 0 ann --dry-run
says call.out 'would call hub on line cable'
says call.out '1 bundle, 1,000 bytes'
exchange

case_is "bundles of a slow packer join, on both sides"
mkdir bin
cat >bin/dialsync-pack <<'END'
#!/bin/sh
[ "$2" = --flush ] || exit 64
cd "$DIALSYNC_DIR/outbox/$1" || exit 66
echo "stdout must not reach the line"
sleep 0.6
mkdir -p tmp
head -c 5000 /dev/urandom >tmp/00000900.xml.gz
mv tmp/00000900.xml.gz .
END
chmod +x bin/dialsync-pack
DIALSYNC_EXEC_PATH=$work/bin
export DIALSYNC_EXEC_PATH
answer hub cable --once
call 0 ann
wait_answer 0
is 5000 "$(wc -c <hub/inbox/ann/00000900.xml.gz)" "ann's new bundle"
is 5000 "$(wc -c <ann/inbox/hub/00000900.xml.gz)" "hub's new bundle"

case_is "a packer that fails is a warning; what is ready goes"
printf '#!/bin/sh\nexit 74\n' >bin/dialsync-pack
bundle ann hub 901 777
answer hub cable --once --no-pack
call 0 ann
wait_answer 0
says call.err 'warning: .*packer ended with exit code 74'
arrived ann hub

case_is "a packer that hangs is waited for pack-wait only"
printf '#!/bin/sh\nexec sleep 20\n' >bin/dialsync-pack
bundle ann hub 902 777
answer hub cable --once --no-pack
call 0 ann
wait_answer 0
says call.err 'packer is still at work'
arrived ann hub
unset DIALSYNC_EXEC_PATH
stop_sim

case_is "a command's pipe; the far end on standard input and output"
fresh
far=stdio
[ -z "$PROTOCOL" ] || far=cable # only a line's section has a protocol
site ann hub "pipe:'$DIALER' answer ${PROTOCOL:+cable} -C '$work/hub' --stdio --no-pack 2>answer.err"
bundle ann hub 950 40000
bundle hub ann 950 50000
call 0 ann --no-pack
arrived ann hub
arrived hub ann
says hub/status/dialer.$far '^state: safe-to-hang-up$'

# 57,600 bps would take 9 minutes.
case_is "a pty is not held to its speed, and a fast line is found fast"
fresh
for s in ann hub; do
	[ $s = ann ] && p=hub || p=ann
	site $s $p
	sed '/^speed = /d' $s/dialsync.conf >t && mv t $s/dialsync.conf
done
if [ "$PROTOCOL" != zmodem ]; then
	bundle ann hub 1 3000000
	start_sim --bps 10000000
	begun=$(date +%s)
	answer hub cable --once --no-pack
	call 0 ann --no-pack
	wait_answer 0
	took=$(($(date +%s) - begun))
	[ "$took" -le 15 ] || bad "$took s for 3 MB at 10,000,000 bps"
	arrived ann hub
fi

case_is "TCP, two lines answered at once, one call after the other"
fresh
port=$((20000 + $$ % 20000))
site ann hub tcp:127.0.0.1:$port
site hub ann tcp-listen:127.0.0.1:$port 'answer = yes'
cat >>hub/dialsync.conf <<END
[line other]
device = tcp-listen:127.0.0.1:$((port + 1))
answer = yes
protocol = ${PROTOCOL:-dialsync}
END
answer hub --no-pack
bundle ann hub 1 60000
bundle hub ann 1 60000
wait_for 'state: listening' hub/status/dialer.cable
wait_for 'state: listening' hub/status/dialer.other
call 0 ann --no-pack
bundle ann hub 2 100
call 0 ann --no-pack
sed "s/:$port/:$((port + 1))/" ann/dialsync.conf >t && mv t ann/dialsync.conf
bundle ann hub 3 100
call 0 ann --no-pack
arrived ann hub
arrived hub ann
is 3 "$(grep -c "done" hub/log/calls.log)" "calls in hub's log"

case_is "hangup right after a good call: it is over, and nothing is ended"
says hub/status/dialer.other '^state: safe-to-hang-up$'
timeout 5 "$DIALER" hangup -C hub 2>hangup.err
is 0 $? "hangup's exit code"
says hangup.err 'no call on any line'
bundle ann hub 4 100
call 0 ann --no-pack
arrived ann hub
kill -TERM "$answer_pid"
wait_answer 0

result
