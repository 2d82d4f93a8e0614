#!/bin/sh
# doc/EXCHANGE.md ends with a worked byte dump: it must be what the program
# says today.  "s_exchange_dump.sh --write" puts it there.
set -eu
src=${abs_top_srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
build=${abs_top_builddir:-$PWD}
page=$src/doc/EXCHANGE.md
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

"$build/tests/dump_exchange" | sed 's/^/    /; s/ *$//' >"$tmp/now"
sed '1,/^<!-- the dump -->$/d' "$page" >"$tmp/page"
if [ "${1:-}" = --write ]; then
	sed '/^<!-- the dump -->$/q' "$page" >"$tmp/new"
	cat "$tmp/now" >>"$tmp/new"
	cat "$tmp/new" >"$page"
	exit 0
fi
diff "$tmp/page" "$tmp/now" >"$tmp/diff" || {
	head -n 40 "$tmp/diff"
	echo "doc/EXCHANGE.md is not what the program says; after a change" \
	    "that is meant: sh tests/s_exchange_dump.sh --write"
	exit 1
}
