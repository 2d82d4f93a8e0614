# What the benchmarks share; sourced, not run.
#
#   DIALSYNC_BUILD  a build tree; else the present directory, if it is one;
#                   else the installed programs are measured
#   BENCH_DATA      where generated data and sites go (1 GB), default
#                   $TMPDIR/dialsync-bench; workloads there are used again
# shellcheck shell=sh
set -eu

bench=$(cd "$(dirname "$0")" && pwd -P)
data=${BENCH_DATA:-${TMPDIR:-/tmp}/dialsync-bench}
build=${DIALSYNC_BUILD:-$PWD}
unset DIALSYNC_DIR DIALSYNC_NOW DIALSYNC_STOP_AFTER DIALSYNC_VERBOSE

die() {
	echo "$(basename "$0"): $*" >&2
	exit 2
}

if [ -x "$build/dialsync-pack" ]; then
	build=$(cd "$build" && pwd -P)
	DIALSYNC_EXEC_PATH=$build
	PATH=$build:$PATH
	export DIALSYNC_EXEC_PATH PATH
elif ! command -v dialsync >/dev/null; then
	die "no programs: run it in a build tree after \"make bench\", set" \
	    "DIALSYNC_BUILD, or install dialsync"
fi
mkdir -p "$data"

# A program of this folder, made by "make bench".
program() {
	[ -x "$build/bench/$1" ] ||
		die "$build/bench/$1 is missing; run \"make bench\""
	echo "$build/bench/$1"
}

# workload uuid|int: have gen.py's output in $data.  It draws the words of its
# notes from Debian's /usr/share/common-licenses; elsewhere sizes differ.
workload() {
	[ -f "$data/$1.done" ] && return
	[ -f /usr/share/common-licenses/GPL-3 ] || echo "$(basename "$0"):" \
	    "no /usr/share/common-licenses here; sizes will differ" >&2
	python3 -W ignore "$bench/workloads/gen.py" "$1" "$data" \
	    >"$data/$1.log"
	touch "$data/$1.done"
}

sql() {
	sqlite3 -batch -bail -init /dev/null "$@"
}

# site DIR NAME PEER DATABASE [BUNDLE-SIZE]: a site in DIR around a copy.
site() {
	rm -rf "$1"
	mkdir -p "$1"
	cp "$4" "$1/d.db"
	sql "$1/d.db" "PRAGMA journal_mode = wal" >/dev/null
	dialsync -q init "$2" --database "$1/d.db" -C "$1"
	dialsync -q -C "$1" track --all 2>/dev/null
	dialsync -q -C "$1" peer "$3"
	bundle_size "$1" "${5:-64K}"
}

# put_back SAVED DIR: the site as it was when it was saved with cp -a.  At the
# place where it was made, or it is a copy, which begins a new incarnation.
put_back() {
	rm -rf "$2"
	cp -a "$1" "$2"
}

# same_site SAVED DIR: it did not begin one.
same_site() {
	[ "$(sql "$1/d.db" "SELECT v FROM dialsync_meta WHERE k = 'inc'")" = \
	    "$(sql "$2/d.db" "SELECT v FROM dialsync_meta WHERE k = 'inc'")" ] ||
		die "$2 began a new incarnation, so it is not what was meant"
}

# bundle_size DIR SIZE
bundle_size() {
	sed "s/^#*bundle-size = .*/bundle-size = $2/" "$1/dialsync.conf" \
	    >"$1/conf.new"
	mv "$1/conf.new" "$1/dialsync.conf"
}
