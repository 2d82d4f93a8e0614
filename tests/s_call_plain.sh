#!/bin/sh
# A plain rz or sz at the far end: it does not say who it is, and it does not
# confirm storing.
PROTOCOL=zmodem
. "${srcdir:-$(dirname "$0")/..}/tests/call_lib.sh"
if ! command -v rz >/dev/null || ! command -v sz >/dev/null; then
	echo "skipped: no lrzsz"
	exit 77
fi
mkdir in plain

case_is "call to a plain rz: sent, not confirmed, the outbox keeps it"
site ann hub
bundle ann hub 1 30000
bundle ann hub 2 500
start_sim --bps 1000000 --exec-b 'cd in && exec rz -b -q'
call 0 ann --no-pack
says call.err 'the other side does not confirm storing'
cmp in/00000001.xml.gz sent/ann/00000001.xml.gz || bad "not whole"
cmp in/00000002.xml.gz sent/ann/00000002.xml.gz || bad "not whole"
cmp ann/outbox/hub/00000001.xml.gz sent/ann/00000001.xml.gz ||
	bad "the outbox did not keep it"

case_is "the same with zmodem-trust = yes: the outbox lets it go"
site ann hub "" "zmodem-trust = yes"
bundle ann hub 3 30000
start_sim --bps 1000000 --exec-b 'cd in && exec rz -b -q'
call 0 ann --no-pack
cmp in/00000003.xml.gz sent/ann/00000003.xml.gz || bad "not whole"
[ -e ann/outbox/hub/00000003.xml.gz ] && bad "the outbox kept it"

case_is "a plain sz calls, and the line does not say who that is"
head -c 40000 /dev/urandom >plain/00000007.xml.gz
site ann hub
start_sim --bps 1000000 --exec-b 'sleep 0.5; exec sz -b -q plain/00000007.xml.gz'
answer ann cable --once --no-pack
wait_answer 77
says answer.err 'peer = NAME'

case_is "a plain sz calls, and the line says who that is"
site ann hub "" "peer = hub"
start_sim --bps 1000000 --exec-b 'sleep 0.5; exec sz -b -q plain/00000007.xml.gz'
answer ann cable --once --no-pack
wait_answer 0
cmp ann/inbox/hub/00000007.xml.gz plain/00000007.xml.gz || bad "not whole"

case_is "the same by --peer, and a name that is no bundle's is not taken"
site ann hub
cp plain/00000007.xml.gz plain/evil.sh
start_sim --bps 1000000 --exec-b \
    'sleep 0.5; exec sz -b -q plain/evil.sh plain/00000007.xml.gz'
answer ann cable --once --no-pack --peer hub
wait_answer 0
says answer.err 'evil.sh'
cmp ann/inbox/hub/00000007.xml.gz plain/00000007.xml.gz || bad "not whole"
is 0 "$(find ann -name 'evil*' | wc -l)" "files of a foreign name"

result
