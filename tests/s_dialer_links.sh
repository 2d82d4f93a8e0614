#!/bin/sh
# The program that faces the line cannot touch the database or parse a bundle:
# it links neither SQLite nor libxml2, directly or through another library.
DIALER=${DIALER:-$PWD/dialsync-dialer}
[ -x "$DIALER" ] || { echo "skipped: no $DIALER"; exit 77; }
failures=0

if command -v ldd >/dev/null; then
	list=$(ldd "$DIALER")
elif command -v readelf >/dev/null; then
	list=$(readelf -d "$DIALER")
else
	echo "skipped: neither ldd nor readelf"
	exit 77
fi
# the check must be able to fail: a library that is needed is seen
echo "$list" | grep -q libserialport || {
	echo "FAILED: libserialport is not among: $list"
	failures=1
}
for lib in libsqlite3 libxml2 libncurses; do
	if echo "$list" | grep -i "$lib"; then
		echo "FAILED: $DIALER links $lib"
		failures=1
	fi
done
if command -v nm >/dev/null &&
    nm "$DIALER" 2>/dev/null | grep -E ' (sqlite3_|xmlTextReader)'; then
	echo "FAILED: $DIALER contains parts of SQLite or libxml2"
	failures=1
fi
exit $failures
