#!/bin/sh
# The process line-sim on real ptys: is its time right, what programs see of
# a cut, links, statistics, commands.  The arithmetic of the line itself is
# in t_line_sim.c.  About 20 s, nearly all of it the measured transfer.
#
# LINE_SIM and LINE_PUMP name other builds of the two programs.

sim=${LINE_SIM:-tests/line/line-sim}
pump=${LINE_PUMP:-tests/line/line-pump}
for program in "$sim" "$pump"; do
	[ -x "$program" ] || {
		echo "$program is not built; run \"make check\""
		exit 77
	}
done
# Commands run by line-sim get the names by the environment.
PUMP=$pump
dir=$(mktemp -d "${TMPDIR:-/tmp}/s_line_sim.XXXXXX") || exit 77
export PUMP dir
pid=
failed=0
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

# ok NAME CONDITION...: one line a check.
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

# value KEY: of the statistics file.
value() {
	sed -n "s/^$1: //p" "$dir/stats"
}

# got WORD FILE: the number after WORD in a report of line-pump.
got() {
	sed -n "s/.*$1 \([0-9.]*\).*/\1/p" "$2"
}

# within NUMBER IDEAL PERCENT
within() {
	awk -v n="$1" -v i="$2" -v p="$3" \
	    'BEGIN { exit !(n != "" && n >= i*(1-p/100) && n <= i*(1+p/100)) }'
}

# until_true COMMAND...: at most 5 s.
until_true() {
	tries=100
	until "$@" 2>/dev/null; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.05
	done
}

# start OPTIONS...: a line between $dir/a and $dir/b, in the background.
start() {
	rm -f "$dir/ready"
	timeout 30 "$sim" --a "$dir/a" --b "$dir/b" --stats "$dir/stats" \
	    --pidfile "$dir/pid" "$@" >"$dir/ready" 2>"$dir/err" &
	job=$!
	until_true grep -q '^ready$' "$dir/ready" || {
		echo "FAILED: not ready: $(cat "$dir/err")"
		exit 1
	}
	pid=$(cat "$dir/pid")
}

# finish STATUS: end the line and check how it ended.
finish() {
	kill "$pid" 2>/dev/null
	wait "$job"
	ok "exit status $1" [ $? = "$1" ]
	pid=
}

# exec_both OPTIONS...: run $a and $b on the two ends; sets $status.
exec_both() {
	timeout 30 "$sim" --stats "$dir/stats" "$@" --exec-a "$a" \
	    --exec-b "$b" >/dev/null 2>"$dir/err"
	status=$?
}

refused() {
	"$sim" "$@" >/dev/null 2>"$dir/err"
	[ $? = 64 ] && grep -q 'nothing was started' "$dir/err"
}

ok "an end without link and command" refused --a "$dir/a"
ok "a rate that is no number" refused --a "$dir/a" --b "$dir/b" --bps 96O0
ok "a rate out of range" refused --a "$dir/a" --b "$dir/b" --bps 5
ok "redial with a command" refused --a "$dir/a" --exec-b true --redial
ok "nothing is left of a refused start" [ ! -e "$dir/a" ]
echo mine >"$dir/a"
"$sim" --a "$dir/a" --b "$dir/b" >/dev/null 2>&1
ok "a plain file under the link's name is refused" [ $? = 69 ]
ok "and kept" grep -q mine "$dir/a"
rm -f "$dir/a"

echo "# links, reopening, statistics"
start --bps 115200
ok "links lead to ttys" [ -c "$dir/a" ]
exec 3<>"$dir/b"
for word in one two three; do
	# The shell opens and closes end a each time.
	echo $word >"$dir/a" || ok "open after close" false
done
lines=$(timeout 5 head -n 3 <&3 | tr '\n' ' ')
exec 3<&-
ok "words come in order over closed and opened ends" \
    [ "$lines" = "one two three " ]
rm -f "$dir/stats"
kill -USR1 "$pid"
ok "statistics on SIGUSR1" until_true grep -q '^utilisation:' "$dir/stats"
ok "state: connected" [ "$(value state)" = connected ]
ok "14 bytes went from a to b" [ "$(value ab.bytes)" = 14 ]
ok "none from b to a" [ "$(value ba.first_ms)" = null ]
finish 0
ok "no link is left" [ ! -L "$dir/a" ]
ok "no pidfile is left" [ ! -e "$dir/pid" ]
ok "state: ended" [ "$(value state)" = ended ]

echo "# carrier lost"
a='"$PUMP" --send 9000 --get 9000 2>"$dir/a.log"'
b='"$PUMP" --send 9000 --get 9000 2>"$dir/b.log"'
exec_both --bps 115200 --delay 20 --cut-bytes 3000 --cut-dir ab
ok "commands see the hang-up" [ $status = 2 ]
ok "exactly 3,000 bytes came to b" [ "$(got got "$dir/b.log")" = 3000 ]
ok "and were right" [ "$(got wrong "$dir/b.log")" = 0 ]
ok "state: cut" [ "$(value state)" = cut ]

start --bps 115200 --redial
old=$(readlink "$dir/a")
new_pty() { [ "$(value connections)" = 2 ] || { kill -USR1 "$pid"; false; }; }
timeout 10 "$pump" --get 1 <"$dir/a" >/dev/null 2>"$dir/a.log" &
reader=$!
sleep 0.2
kill -USR2 "$pid"
wait $reader
ok "a reader sees the cut of SIGUSR2" [ $? = 2 ]
ok "a second connection" until_true new_pty
ok "links lead to ttys again" [ -c "$dir/a" ]
exec 3<>"$dir/b"
echo again >"$dir/a"
ok "and carry again ($old, $(readlink "$dir/a"))" \
    [ "$(timeout 5 head -n 1 <&3)" = again ]
exec 3<&-
finish 0

echo "# commands and kinds of line"
a='exit 3' b='sleep 0.2; exit 4'
exec_both
ok "the first status that is not 0" [ $status = 3 ]
a='printf "last words"' b='timeout 1 cat >"$dir/out"; true'
exec_both --bps 2400 --delay 100
ok "what a command sends last arrives" [ "$(cat "$dir/out")" = "last words" ]
a='"$PUMP" --seven --send 3000 --get 3000 2>"$dir/a.log"'
b='"$PUMP" --seven --send 3000 --get 3000 2>"$dir/b.log"'
exec_both --bps 115200 --seven --xonxoff
ok "seven bits, XON/XOFF, both ways" [ $status = 0 ]
a='"$PUMP" --send 50000 2>"$dir/a.log"'
b='"$PUMP" --get 50000 2>"$dir/b.log"'
exec_both --bps 1000000 --ber 1e-3 --seed 7
ok "bit errors are seen" [ $status = 1 ]
ok "about 1e-3 of 400,000 bits" within "$(value ab.bit_errors)" 400 25

# 60,000 bytes at 33,600 bps both ways at once: 59,999 bytes x 10 bits lie
# between the first and the last.  A machine that is busy may be late, which
# is no fault of the line, so the better of two tries counts.
echo "# time, about 18 s"
a='"$PUMP" --send 60000 --get 60000 2>"$dir/a.log"'
b='"$PUMP" --send 60000 --get 60000 2>"$dir/b.log"'
for try in 1 2; do
	exec_both --bps 33600 --delay 60
	span_a=$(got span_ms "$dir/a.log")
	span_b=$(got span_ms "$dir/b.log")
	total_b=$(got total_ms "$dir/b.log")
	echo "try $try: $span_a and $span_b ms, ideal 17857;" \
	    "from the start $total_b ms, ideal 17917"
	if [ $status = 0 ] && within "$span_a" 17857 0.5 &&
	    within "$span_b" 17857 0.5 && within "$total_b" 17917 0.5; then
		break
	fi
done
ok "all came and was right" [ $status = 0 ]
ok "to a in time" within "$span_a" 17857 0.5
ok "to b in time" within "$span_b" 17857 0.5
ok "with the delay once" within "$total_b" 17917 0.5
ok "the statistics agree" within "$(value utilisation)" 0.9966 0.5
exit $failed
