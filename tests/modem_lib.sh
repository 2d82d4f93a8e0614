# Read by the s_modem*.sh tests, after call_lib.sh: sites with modems on a
# telephone network (tests/line/modem-sim).
#
# MODEM_SIM: the program.

[ -x "$MODEM_SIM" ] || { echo "skipped: no $MODEM_SIM"; exit 77; }

# msite NAME PEER NUMBER [LINE-TEXT [PEER-TEXT]]: a site with a modem, which
# dials NUMBER ("": none).
msite() {
	rm -rf "$1"
	mkdir -p "$1/outbox/$2"
	{
		printf '[site]\nname = %s\ndatabase = x.db\n' "$1"
		printf 'pack-wait = 2s\n\n'
		printf '[line modem]\ndevice = %s\nconnect-wait = 20s\nanswer = yes\n' \
		    "$work/$1.tty"
		printf '%s\n\n' "${4:-}"
		printf '[peer %s]\nline = modem\nsecurity = none\n' "$2"
		[ -z "$3" ] || printf 'phone = %s\n' "$3"
		printf '%s\n' "${5:-}"
	} >"$1/dialsync.conf"
}
# Both: ann is 5551, hub 5552.
msites() {
	msite ann hub 5552
	msite hub ann 5551
}

# start_net OPTION...: ann.tty, hub.tty and more modems; control: a FIFO.
start_net() {
	stop_sim
	rm -f sim.out net.log
	"$MODEM_SIM" --modem ann.tty,number=5551 \
	    --modem hub.tty,number=5552,maker=usr --log net.log \
	    --control control --dial-ms 100 --ring-ms 500 --train-ms 100 \
	    --fail-ms 100 --delay 20 "$@" >sim.out 2>sim.err &
	sim_pid=$!
	wait_for ready sim.out
}
