# Read by s_site.sh, s_peer.sh, s_capture.sh: a work directory, the command,
# and small checks.
#
# DIALSYNC: the command, and its programs' directory, if not this build tree.

DIALSYNC=${DIALSYNC:-$PWD/dialsync}
DIALSYNC_EXEC_PATH=${DIALSYNC_EXEC_PATH:-$(dirname "$DIALSYNC")}
export DIALSYNC_EXEC_PATH
[ -x "$DIALSYNC" ] || { echo "skipped: no $DIALSYNC"; exit 77; }
[ -x "$DIALSYNC_EXEC_PATH/dialsync-site" ] ||
	{ echo "skipped: no dialsync-site"; exit 77; }
command -v sqlite3 >/dev/null ||
	{ echo "skipped: no sqlite3; on Debian: apt-get install sqlite3"
	exit 77; }

work=$(mktemp -d) || exit 1
cd "$work" || exit 1
trap 'cd / && rm -rf "$work"' EXIT
unset DIALSYNC_DIR DIALSYNC_VERBOSE
failures=0

dialsync() {
	timeout 60 "$DIALSYNC" "$@"
}

bad() {
	echo "FAILED: $*"
	failures=$((failures + 1))
}

# run NAME CODE WORDS COMMAND...: the command ends with CODE, and what it
# prints holds WORDS.
run() {
	name=$1 want=$2 words=$3
	shift 3
	"$@" >out 2>&1
	code=$?
	if [ "$code" != "$want" ]; then
		bad "$name: exit code $code, not $want"
		cat out
	elif ! grep -qF -- "$words" out; then
		bad "$name: does not say \"$words\""
		cat out
	fi
}

# same NAME WANT GOT
same() {
	[ "$2" = "$3" ] || bad "$1: \"$3\", not \"$2\""
}

finish() {
	[ "$failures" = 0 ] && echo "all is well"
	[ "$failures" = 0 ]
	exit
}
