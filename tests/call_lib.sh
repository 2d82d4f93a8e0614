# Read by the s_call*.sh tests: two sites made by hand and a line between them.
# No database is needed: bundles are random bytes, and the packer is left out
# or is a script of a few lines.
#
# DIALER, LINE_SIM: the programs, if not those of this build tree.
# PROTOCOL: zmodem, for sites whose lines have protocol = zmodem; else the
# default.

DIALER=${DIALER:-$PWD/dialsync-dialer}
PROTOCOL=${PROTOCOL:-}
LINE_SIM=${LINE_SIM:-$PWD/tests/line/line-sim}
[ -x "$DIALER" ] || { echo "skipped: no $DIALER"; exit 77; }
[ -x "$LINE_SIM" ] || { echo "skipped: no $LINE_SIM"; exit 77; }

work=$(mktemp -d) || exit 1
cd "$work" || exit 1
mkdir lock
DIALSYNC_LOCK_DIR=$work/lock
export DIALSYNC_LOCK_DIR
unset DIALSYNC_DIR DIALSYNC_EXEC_PATH
sim_pid=
others=
failures=0

finish() {
	code=$?
	for pid in $sim_pid $others; do
		kill "$pid" 2>/dev/null
	done
	wait 2>/dev/null
	cd / && rm -rf "$work"
	exit "$code"
}
trap finish EXIT
trap 'exit 1' INT TERM

now=$(date +%s)
# case_is NAME: what is tested from here on.
case_is() {
	echo "$(($(date +%s) - now)) s: $1"
	case_name=$1
}
# bad TEXT: this case has failed.
bad() {
	echo "FAILED: $case_name: $*"
	for f in call.err answer.err; do
		[ -s "$f" ] && sed "s/^/    $f: /" "$f"
	done
	failures=$((failures + 1))
}
# is WANT GOT WHAT
is() {
	[ "$1" = "$2" ] || bad "$3: expected $1, got $2"
}
# says FILE PATTERN
says() {
	grep -q -e "$2" "$1" || bad "$1 does not say \"$2\""
}
says_not() {
	if grep -q -e "$2" "$1"; then bad "$1 says \"$2\""; fi
}
# The test's exit code.
result() {
	echo "$(($(date +%s) - now)) s: $failures failures"
	[ "$failures" -eq 0 ]
}

# site NAME PEER [DEVICE [LINE-TEXT [PEER-TEXT]]]
site() {
	rm -rf "$1"
	mkdir -p "$1/outbox/$2"
	{
		printf '[site]\nname = %s\ndatabase = x.db\n' "$1"
		printf 'pack-wait = 2s\n\n'
		printf '[line cable]\ndevice = %s\n' "${3:-$work/$1.tty}"
		printf 'modem = no\nspeed = 1000000\nflow = none\n%s\n' \
		    "${4:-}"
		[ -z "$PROTOCOL" ] || printf 'protocol = %s\n' "$PROTOCOL"
		echo
		printf '[peer %s]\nline = cable\n' "$2"
		printf '%s\n' "${5-security = none}"
	} >"$1/dialsync.conf"
}
# Both, joined by a line of 1,000,000 bps.
sites() {
	site ann hub
	site hub ann
}

# bundle SITE PEER NUMBER SIZE: a ready bundle, and a copy to compare with.
bundle() {
	mkdir -p "$1/outbox/$2/tmp" "sent/$1"
	name=$(printf '%08d.xml.gz' "$3")
	head -c "$4" /dev/urandom >"$1/outbox/$2/tmp/$name"
	cp "$1/outbox/$2/tmp/$name" "sent/$1/$name"
	mv "$1/outbox/$2/tmp/$name" "$1/outbox/$2/$name"
}
# arrived FROM TO: all that was made is stored there, byte for byte, and the
# outbox is empty.
arrived() {
	for f in sent/"$1"/*.xml.gz; do
		[ -e "$f" ] || continue
		cmp -s "$f" "$2/inbox/$1/${f##*/}" ||
			bad "${f##*/} of $1 is not whole in $2's inbox"
	done
	left=$(find "$1/outbox/$2" -name '*.gz' | wc -l)
	is 0 "$left" "bundles left in $1's outbox"
	left=$(find "$2/inbox/$1/part" -type f 2>/dev/null | wc -l)
	is 0 "$left" "files left in $2's part"
}
fresh() {
	rm -rf sent
}

# start_sim OPTION...: the line ann.tty - hub.tty, ready when this returns.
start_sim() {
	stop_sim
	rm -f sim.out # it says that the last one was ready
	"$LINE_SIM" --a ann.tty --b hub.tty "$@" >sim.out 2>sim.err &
	sim_pid=$!
	wait_for ready sim.out
}
stop_sim() {
	if [ -n "$sim_pid" ]; then
		kill "$sim_pid" 2>/dev/null
		wait "$sim_pid" 2>/dev/null
	fi
	sim_pid=
}
# wait_for TEXT FILE [TENTHS]
wait_for() {
	tries=${3:-50}
	until grep -q -e "$1" "$2" 2>/dev/null; do
		tries=$((tries - 1))
		if [ "$tries" -le 0 ]; then
			bad "\"$1\" did not come in $2"
			return 1
		fi
		sleep 0.1
	done
}

# answer SITE OPTION...: in the background; its end by wait_answer.
answer() {
	site_dir=$1
	shift
	timeout 50 "$DIALER" answer -C "$site_dir" "$@" 2>answer.err \
	    >answer.out &
	answer_pid=$!
	tries=50
	until grep -qs '^state: listening' "$site_dir"/status/dialer.*; do
		tries=$((tries - 1))
		kill -0 "$answer_pid" 2>/dev/null || break
		[ "$tries" -gt 0 ] || break
		sleep 0.05
	done
}
# wait_answer WANT
wait_answer() {
	wait "$answer_pid"
	is "$1" $? "answer's exit code"
}
# call WANT SITE OPTION...
call() {
	want=$1
	dir=$2
	shift 2
	timeout 50 "$DIALER" call -C "$dir" "$@" 2>call.err >call.out
	is "$want" $? "call's exit code"
}
# The n-th column of the last line of a site's call log.
logged() {
	tail -n 1 "$1/log/calls.log" | cut -f "$2"
}
