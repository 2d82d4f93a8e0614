#!/bin/sh
# The process modem-sim on real ptys: two programs dial and answer, data goes
# both ways; how DTR, DCD, cuts, control and log show.  What modems say and do
# is in t_phone.c.  About 15 s.
#
# MODEM_SIM names another build of the program.
[ -z "${TEST_SHORT:-}" ] || { echo "skipped: TEST_SHORT is set"; exit 77; }

sim=${MODEM_SIM:-tests/line/modem-sim}
[ -x "$sim" ] || {
	echo "$sim is not built; run \"make check\""
	exit 77
}
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
dir=$(mktemp -d "${TMPDIR:-/tmp}/s_modem_sim.XXXXXX") || exit 77
pid=
failed=0
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

ok() {
	name=$1
	shift
	if "$@"; then
		echo "ok: $name"
	else
		echo "FAILED: $name: not: $*"
		failed=1
	fi
}

# start OPTIONS...: a network with the modems a, b and c.
start() {
	rm -f "$dir/ready" "$dir/log"
	timeout 60 "$sim" --modem "$dir/a,number=5551,maker=usr" \
	    --modem "$dir/b,number=5552" --modem "$dir/c,number=5553,maker=plain" \
	    --log "$dir/log" --stats "$dir/stats" --control "$dir/control" \
	    --pidfile "$dir/pid" --ring-ms 300 --train-ms 100 "$@" \
	    >"$dir/ready" 2>"$dir/err" &
	job=$!
	tries=100
	until grep -q '^ready$' "$dir/ready" 2>/dev/null; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || {
			echo "FAILED: not ready: $(cat "$dir/err")"
			exit 1
		}
		sleep 0.05
	done
	pid=$(cat "$dir/pid")
}

finish() {
	kill "$pid" 2>/dev/null
	wait "$job"
	ok "exit status 0" [ $? = 0 ]
	pid=
	ok "nothing is left" [ ! -L "$dir/a" -a ! -e "$dir/pid" -a \
	    ! -e "$dir/control" ]
}

refused() {
	timeout 5 "$sim" "$@" >/dev/null 2>"$dir/err"
	[ $? = 64 ] && grep -q 'nothing was started' "$dir/err"
}

# A program at a modem, in Python: each test is a few lines.
cat >"$dir/ends.py" <<'END'
import os, select, sys, termios, time

DIR = os.path.dirname(__file__)

class End:
    def __init__(self, name):
        self.name = DIR + "/" + name
        self.fd = -1
        self.open()
    def open(self):
        self.fd = os.open(self.name, os.O_RDWR | os.O_NOCTTY)
        self.got = b""
    def close(self):
        os.close(self.fd)
        self.fd = -1
    def send(self, text):
        os.write(self.fd, text.encode() if isinstance(text, str) else text)
    def at(self, command, want="OK\r\n"):
        self.send(command + "\r")
        self.want(want)
    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            more = os.read(self.fd, 65536)
        except OSError:
            more = b""
        self.got += more
        return len(more) > 0
    def want(self, text, seconds=5):
        text = text.encode() if isinstance(text, str) else text
        end = time.time() + seconds
        while text not in self.got:
            left = end - time.time()
            if left <= 0 or not self.read(left):
                sys.exit("%s: no %r, only %r" % (self.name, text, self.got))
        self.got = self.got[self.got.index(text) + len(text):]
    def silent(self, seconds):
        if self.read(seconds):
            sys.exit("%s: %r came" % (self.name, self.got))
    def speed(self, bps):
        t = termios.tcgetattr(self.fd)
        t[4] = t[5] = bps
        termios.tcsetattr(self.fd, termios.TCSANOW, t)
    def hung_up(self):
        end = time.time() + 3
        while time.time() < end:
            try:
                if os.read(self.fd, 1) == b"":
                    return
            except OSError:
                return
        sys.exit("%s: is not hung up" % self.name)

def control(text):
    with open(DIR + "/control", "w") as f:
        f.write(text + "\n")

def call(a, b, number="5552"):
    a.send("ATDT" + number + "\r")
    b.want("RING\r\n")
    b.send("ATA\r")
    a.want("CONNECT")
    a.want("\r\n")
    b.want("\r\nCONNECT 57600\r\n")
    a.got = b.got = b""

exec(open(DIR + "/test.py").read())
END

# talk NAME: the Python on standard input.
talk() {
	cat >"$dir/test.py"
	ok "$1" timeout 30 python3 "$dir/ends.py"
}

ok "no modem" refused
ok "a maker nobody knows" refused --modem "$dir/x,maker=acme"
ok "a number of letters" refused --modem "$dir/x,number=five"
ok "a result nobody knows" refused --modem "$dir/x" --result 1=perhaps
ok "nothing is left of a refused start" [ ! -e "$dir/x" ]

start --result 111=busy --result 112=no-dialtone
talk "commands, echo, registers" <<'END'
a = End("a")
a.at("AT", "AT\r\r\nOK\r\n")
a.at("ATE0S7=30", "\r\nOK\r\n")
a.at("ATS7?", "\r\n030\r\n\r\nOK\r\n")
a.at("AT\\Q3", "ERROR")
a.at("ATV0", "0\r")
a.at("ATI3", "U.S. Robotics 56K FAX EXT V1.2.23\r\n0\r")
a.at("ATDT111", "7\r")
a.at("ATDT112", "6\r")
a.send("ATQ1\r")
a.silent(0.3)
END
talk "settings stay while nobody has it open" <<'END'
a = End("a")
a.silent(0.2)
a.at("ATQ0", "0\r")
a.at("AT&F", "OK")
END
talk "a call, data both ways, +++ and ATH" <<'END'
a, b = End("a"), End("b")
b.speed(termios.B57600)
time.sleep(0.05)
call(a, b, "5552")
data = bytes(range(256)) * 8
a.send(data)
b.send(data[::-1])
b.want(data)
a.want(data[::-1])
time.sleep(1.1)
a.send("+++")
a.want("\r\nOK\r\n", 3)
b.want("+++")
a.at("ATO", "CONNECT 33600/ARQ/V34/LAPM/V42BIS\r\n")
time.sleep(1.1)
a.send("+++")
a.want("\r\nOK\r\n", 3)
a.at("ATH", "OK\r\n")
b.want("NO CARRIER\r\n")
END
talk "a close and B0 drop DTR" <<'END'
a, b = End("a"), End("b")
b.speed(termios.B57600)
time.sleep(0.05)
call(a, b)
a.close()
b.want("NO CARRIER\r\n")
a.open()
a.at("AT")
call(a, b)
b.speed(termios.B0)
a.want("NO CARRIER\r\n")
b.speed(termios.B57600)
time.sleep(0.1)
b.at("AT")
b.at("AT&D0")
call(a, b)
b.speed(termios.B0)
a.silent(0.3)
END
talk "control: cut, dead, ring, result" <<'END'
a, b = End("a"), End("b")
b.speed(termios.B57600)
a.at("AT&F")
b.at("AT&F")
call(a, b)
control("cut 5551")
a.want("NO CARRIER\r\n")
b.want("NO CARRIER\r\n")
control("dead 5551")
a.at("ATDT5552", "NO DIALTONE\r\n")
control("alive " + a.name)
control("result 5552=voice")
a.at("ATDT5552", "VOICE\r\n")
control("result 5552=rings")
control("ring 5551")
a.want("RING\r\n")
control("nonsense")
call(a, b)
control("retrain 700")
time.sleep(0.05)
a.send("late")
b.silent(0.5)
b.want("late")
END
ok "control that is not known is said" grep -q nonsense "$dir/err"
ok "calls are logged" grep -q ' 5551 is connected to 5552$' "$dir/log"
ok "... and their ends" grep -q ' 5551 loses its carrier$' "$dir/log"
finish
ok "the statistics count" grep -qx 'connected: 6' "$dir/stats"

start --hup --cut-bytes 10 --cuts 1 --delay 0
talk "--hup: the pty is hung up with DCD, and there again" <<'END'
a, b = End("a"), End("b")
b.speed(termios.B57600)
time.sleep(0.05)
call(a, b)
a.send("0123456789abc")
b.want("0123456789", 2)
a.hung_up()
b.hung_up()
time.sleep(0.1)
a.close()
a.open()
a.at("AT")
END
finish

# 12,000 bytes at 33,600 bps: 3.57 s.
start --delay 0
talk "as fast as the line, both ways" <<'END'
a, b = End("a"), End("b")
b.speed(termios.B57600)
time.sleep(0.05)
for try_ in range(2):
    call(a, b)
    data = os.urandom(12000).replace(b"+", b"-")
    start = time.time()
    todo = {a.fd: data, b.fd: data}
    for e in (a, b):
        os.set_blocking(e.fd, False)
    while (todo[a.fd] or todo[b.fd] or len(a.got) < 12000 or
           len(b.got) < 12000):
        if time.time() > start + 8:
            sys.exit("%d and %d bytes only" % (len(a.got), len(b.got)))
        r, w, x = select.select([a.fd, b.fd],
                                [f for f in todo if todo[f]], [], 1)
        for f in w:
            todo[f] = todo[f][os.write(f, todo[f][:512]):]
        for e in (a, b):
            if e.fd in r:
                e.read(0)
    seconds = time.time() - start
    if a.got != data or b.got != data:
        sys.exit("not what was sent")
    print("%.3f s, ideal 3.571" % seconds)
    if 3.5 < seconds < 3.75:
        break
    a.close()
    time.sleep(0.5)
    a.open()
    b.got = b""
else:
    sys.exit("not in time")
END
finish
exit $failed
