#!/bin/sh
# Login scripts over modems: a program at the far modem answers, asks for a
# name and a password as getty does, and hands its line to `dialsync answer
# --stdio`, as mgetty does.
[ -z "${TEST_SHORT:-}" ] || { echo "skipped: TEST_SHORT is set"; exit 77; }
MODEM_SIM=${MODEM_SIM:-$PWD/tests/line/modem-sim}
lib=$(cd "${srcdir:-$(dirname "$0")/..}/tests" && pwd)
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
. "$lib/call_lib.sh"
. "$lib/modem_lib.sh"

# getty.py TTY DIALER SITE WHAT: one call.  WHAT: login, or deaf: nothing is
# said, or drop: it hangs up at the password.
cat >getty.py <<'END'
import os, sys, time, tty

tty_name, dialer, site, what = sys.argv[1:]
fd = os.open(tty_name, os.O_RDWR | os.O_NOCTTY)
tty.setraw(fd)

def expect(text):
    got = b""
    while not got.endswith(text):
        got += os.read(fd, 1)
    return got[:-len(text)]

def modem(command, answer):
    os.write(fd, command + b"\r")
    expect(answer)

modem(b"ATE0V1", b"OK\r\n")
open("getty.ready", "w").close()
expect(b"RING\r\n")
modem(b"ATA", b"CONNECT")
expect(b"\r\n")
if what == "deaf":
    time.sleep(30)
while True:
    os.write(fd, b"\r\nhub login: ")
    name = expect(b"\r")
    if what == "noise":
        os.write(fd, b"\r\nThe system is down for backups.\r\n")
        time.sleep(30)
    os.write(fd, name + b"\r\nPassword: ")
    if what == "drop":
        time.sleep(0.3)
        os.close(fd)
        sys.exit(0)
    if name == b"ann" and expect(b"\r") == b"ses ame":
        break
    os.write(fd, b"\r\nLogin incorrect\r\n")
os.write(fd, b"\r\nWelcome to hub\r\n")
os.dup2(fd, 0)
os.dup2(fd, 1)
os.execv(dialer, [dialer, "answer", "-C", site, "--stdio", "--no-pack"])
END
getty() {
	rm -f getty.ready
	timeout 50 python3 getty.py hub.tty "$DIALER" hub "$1" 2>answer.err &
	getty_pid=$!
	others=$getty_pid
	tries=50
	until [ -e getty.ready ] || [ $tries -le 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done
}
end_getty() {
	kill $getty_pid 2>/dev/null
	wait $getty_pid 2>/dev/null
	others=
}
login() {
	msite ann hub 5552 "" "login = $1
password-file = keys/hub.password"
	mkdir ann/keys
	printf 'ses ame\nno password\n' >ann/keys/hub.password
}

start_net --bps 115200
case_is "a login, then the exchange"
msite hub ann 5551
login 'ogin:--ogin: \L ssword: \P elcome'
bundle ann hub 1 3000
bundle hub ann 1 2000
getty login
call 0 ann --no-pack -v
wait $getty_pid
is 0 $? "answer's exit code"
arrived ann hub
arrived hub ann
is "done" "$(logged ann 6)" "result"
says call.err 'login: waiting for "ssword:"'
says_not call.err 'ses ame'
is stdio "$(logged hub 4)" "line in hub's log"

case_is "a wrong password: what was awaited, what came"
login 'ABORT incorrect ogin:--ogin: \L ssword: \P elcome'
echo wrong >ann/keys/hub.password
getty login
call 75 ann --no-pack
is login "$(logged ann 6)" "result"
is 75 "$(logged ann 7)" "exit in the log"
says call.err 'hub: login: the other side says "incorrect"'
says_not call.err 'wrong'
end_getty

case_is "what is awaited does not come"
login 'TIMEOUT 2 ogin:--ogin: \L ssword: \P'
getty noise
call 75 ann --no-pack
is login "$(logged ann 6)" "result"
says call.err 'login: waited 2 s for "ssword:"; what came ends in ".*backups'
end_getty
getty deaf
login 'TIMEOUT 2 ogin:--ogin: \L ssword: \P'
call 75 ann --no-pack
says call.err 'login: waited 2 s for "ogin:"'
says ann/status/dialer.modem '^state: failed'
says ann/status/dialer.modem '^result: login'
end_getty

case_is "the carrier goes while logging in"
login 'ogin:--ogin: \L ssword: \P'
sed -i 's/\\P/\\d\\d\\P elcome/' ann/dialsync.conf
getty drop
call 75 ann --no-pack
is dropped "$(logged ann 6)" "result"
says call.err 'carrier lost'
end_getty

case_is "the state while logging in; a signal ends it"
login 'TIMEOUT 20 ogin:--ogin: \L ssword: \P'
getty deaf
timeout 50 "$DIALER" call -C ann --no-pack 2>call.err &
caller=$!
wait_for '^state: logging-in' ann/status/dialer.modem 100
says ann/status/dialer.modem '^message: waiting for "ogin:"'
kill "$(cat ann/status/.dialer.modem.lock)"
wait $caller
is 75 $? "call's exit code"
is interrupted "$(logged ann 6)" "result"
says net.log '5551 hangs up'
end_getty

case_is "scripts and passwords that cannot be used"
login 'ogin: \Q'
call 78 ann --no-pack
says call.err 'login'
login 'ogin: \P'
: >ann/keys/hub.password
call 78 ann --no-pack
says call.err 'its first line must be the password'
rm ann/keys/hub.password
call 78 ann --no-pack
says call.err 'hub.password'
result
