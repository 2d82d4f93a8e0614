#!/bin/sh
# The units and the crontab that are installed as examples: nothing is left to
# be substituted, they name the programs that are there, systemd takes them,
# and they are as confined as they say.
#
# DIALSYNC_BIN: the directory of the command, if not this build tree.
set -u
bin=${DIALSYNC_BIN:-$PWD}
units=scripts/systemd
[ -e $units/dialsync-call.service ] ||
	{ echo "skipped: $units is not made; run make"; exit 77; }

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0
bad() {
	echo "FAILED: $*"
	failures=$((failures + 1))
}

n=0
for f in $units/*.service $units/*.timer scripts/crontab.example; do
	n=$((n + 1))
	grep -H '@[a-z]*@' "$f" && bad "$f: not substituted"
	# each "dialsync WORD OPTION" is one that the command has
	sed -n 's/^ExecStart=//p' "$f" >"$work/exec"
	[ -s "$work/exec" ] || continue
	read -r program words <"$work/exec"
	case $program in
	/*/dialsync) ;;
	*) bad "$f: runs $program" ;;
	esac
	case " call answer apply pack " in
	*" ${words%% *} "*) ;;
	*) bad "$f: runs dialsync $words" ;;
	esac
	for line in User=dialsync NoNewPrivileges=yes ProtectSystem=strict \
	    CapabilityBoundingSet= Environment=DIALSYNC_DIR=/; do
		grep -q "^$line" "$f" || bad "$f: lacks $line"
	done
done
[ $n = 6 ] || bad "$n files, not 6"
# what touches lines cannot be without devices, what does not has none
for u in answer@ call; do
	grep -q '^DeviceAllow=char-ttyS rw' "$units/dialsync-$u.service" ||
		bad "$u: no serial port"
done
for u in apply pack; do
	grep -q '^PrivateDevices=yes' "$units/dialsync-$u.service" ||
		bad "$u: has devices"
done

if ! command -v systemd-analyze >/dev/null; then
	echo "no systemd-analyze: what systemd says of the units is left out"
	[ $failures = 0 ]
	exit
fi
# as installed, but with a command that is there
for f in $units/*.service $units/*.timer; do
	sed "s|^ExecStart=[^ ]*/dialsync |ExecStart=$bin/dialsync |" "$f" \
	    >"$work/$(basename "$f" | sed 's/@/@modem/')"
done
systemd-analyze --man=no verify "$work"/dialsync-*.service \
    "$work"/dialsync-*.timer >"$work/said" 2>&1
code=$?
# complaints about other units of this machine are none of ours
grep -e dialsync "$work/said" && bad "systemd complains"
if [ $code != 0 ] && ! grep -q dialsync "$work/said"; then
	echo "systemd-analyze verify cannot work here: $(head -n 3 "$work/said")"
fi
for f in "$work"/dialsync-*.service; do
	systemd-analyze security --offline=true --threshold=30 "$f" \
	    >"$work/said" 2>&1 || {
		grep -q -i overall "$work/said" || {
			echo "systemd-analyze security --offline is not there"
			break
		}
		bad "$(tail -n 1 "$work/said")"
	}
done
[ $failures = 0 ] && echo "all is well"
[ $failures = 0 ]
