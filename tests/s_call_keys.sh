#!/bin/sh
# Keys on the line: what is encrypted, what is signed, who is refused, and how
# long that takes.
. "${srcdir:-$(dirname "$0")/..}/tests/call_lib.sh"

# Keys, each with its check.
one=RXBP-OLDB-S3FQ-ANLK-T7KA-SPTT-VA42
COMMAND=${DIALSYNC:-$OLDPWD/dialsync}
dialsync() {
	DIALSYNC_EXEC_PATH=$(dirname "$COMMAND") timeout 20 "$COMMAND" "$@"
}
: >k.db
dialsync init keys --database k.db >init.out 2>&1 ||
	{ echo "skipped: $(cat init.out)"; exit 77; }
printf '\n[peer x]\n' >>keys/dialsync.conf
mint() {
	dialsync -C keys peer x --new-key 2>/dev/null
}
two=$(mint) three=$(mint)
[ -n "$three" ] || { echo "skipped: no dialsync peer --new-key"; exit 77; }

# key SITE PEER KEY...: the file of a site
key() {
	at=$1/keys/$2.key
	mkdir -p -m 700 "$1/keys"
	shift 2
	(umask 077; printf '%s\n' "$@" >"$at")
}
# pair SECURITY [HUB'S]: a call through a pipe, both directions kept in files.
pair() {
	rm -f up down
	far="tee up | '$DIALER' answer -C '$work/hub' --stdio --no-pack"
	site ann hub "pipe:$far 2>answer.err | tee down" "" "security = $1"
	site hub ann "" "" "security = ${2:-$1}"
}
# marked SITE PEER NUMBER: a bundle whose bytes can be recognised
marked() {
	bundle "$1" "$2" "$3" 3000
	yes 'the word that must not be read' | head -c 3000 |
		tee "sent/$1/$name" >"$1/outbox/$2/$name"
}
readable() {
	grep -qa 'the word that must not be read' up &&
		grep -qa 'the word that must not be read' down
}

for security in encrypt sign; do
	case_is "security = $security, both ways"
	fresh
	pair $security
	key ann hub $one
	key hub ann $one
	marked ann hub 1
	marked hub ann 1
	call 0 ann --no-pack
	arrived ann hub
	arrived hub ann
	case $security in
	encrypt)
		readable && bad "the line can be read"
		says call.err 'hub: connected encrypted, key 1 of keys/hub.key'
		says_not up ann
		;;
	sign)
		readable || bad "the line cannot be read"
		says call.err 'hub: connected signed, not encrypted, key 1'
		;;
	esac
done

# refused WHAT: nothing is sent, nothing is made
refused() {
	case_is "$1"
	marked ann hub 5
	marked hub ann 5
	rm -rf hub/inbox ann/inbox
	call 77 ann --no-pack
	says call.err 'refused'
	says answer.err 'a caller is refused'
	is refused "$(logged hub 6)" "result in hub's log"
	is - "$(logged hub 3)" "peer in hub's log"
	[ -e hub/inbox/ann ] && bad "hub made something for it"
	[ -e ann/outbox/hub/00000005.xml.gz ] || bad "it left ann's outbox"
	[ -e hub/outbox/ann/00000005.xml.gz ] || bad "it left hub's outbox"
	fresh
}
pair encrypt
key ann hub $two
key hub ann $one
refused "a wrong key"

pair encrypt
key hub ann $one
sed 's/^name = ann/name = eve/' ann/dialsync.conf >t && mv t ann/dialsync.conf
key ann hub $one
refused "the right key under another name"

pair encrypt
sed 's/\[peer ann\]/[peer bob]/' hub/dialsync.conf >t && mv t hub/dialsync.conf
key ann hub $one
key hub bob $two
refused "an unknown caller"

pair sign encrypt
key ann hub $one
key hub ann $one
refused "a caller that wants less than the other side"

pair none encrypt
key hub ann $one
refused "a caller without a key"

pair encrypt none
key ann hub $one
refused "a caller with a key, where none is wanted"

case_is "a called site with another key, to which nothing is told"
pair encrypt
key ann hub $one $two
key hub ann $three
marked ann hub 6
call 77 ann --no-pack
says call.err 'hub refused the call'
says_not up "the word"
fresh

case_is "rotation: the answerer has the new key on top, the caller the old one"
pair encrypt
key ann hub $one
key hub ann $two $one
marked ann hub 7
call 0 ann --no-pack
says answer.err 'ann: connected encrypted, key 2 of keys/ann.key'
arrived ann hub

case_is "rotation: the caller has a new one, the answerer not yet"
fresh
pair encrypt
key ann hub $two $one
key hub ann $one
marked ann hub 8
call 0 ann --no-pack
says call.err 'hub: connected encrypted, key 2 of keys/hub.key'
arrived ann hub

case_is "refusals take longer each time, a right key never does"
fresh
port=$((20000 + $$ % 20000))
site ann hub tcp:127.0.0.1:$port "" ""
site hub ann tcp-listen:127.0.0.1:$port 'answer = yes' ""
key ann hub $two
key hub ann $one
answer hub --no-pack
ms() {
	echo $(($(date +%s%N) / 1000000))
}
for least in 1000 2000 4000; do
	start=$(ms)
	call 77 ann --no-pack
	took=$(($(ms) - start))
	[ $took -ge $least ] || bad "refused after $took ms, not $least"
	[ $took -le $((least + 2000)) ] || bad "refused only after $took ms"
	wait_for 'state: listening' hub/status/dialer.cable 250
done
key ann hub $one
marked ann hub 9
start=$(ms)
call 0 ann --no-pack
took=$(($(ms) - start))
[ $took -le 1000 ] || bad "the right key took $took ms"
arrived ann hub
key ann hub $two
start=$(ms)
call 77 ann --no-pack
took=$(($(ms) - start))
[ $took -le 2500 ] || bad "after a right key the delay is $took ms"
kill -TERM $answer_pid
wait_answer 0
is 4 "$(grep -c 'a caller is refused' answer.err)" "refusals in the log"

result
