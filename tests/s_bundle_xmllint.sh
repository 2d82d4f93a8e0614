#!/bin/sh
# Tools that everybody has read our bundles: zcat unpacks them, and xmllint
# finds that they follow the RELAX NG schema.
# usage: SEED=n s_bundle_xmllint.sh   (from the top of a build)
set -eu

top=${abs_top_srcdir:-.}
schema=$top/doc/dialsync-bundle.rng
gen=${GEN_BUNDLES:-${abs_top_builddir:-.}/tests/gen_bundles}

if ! command -v xmllint >/dev/null 2>&1; then
	echo "xmllint is missing; on Debian: apt-get install libxml2-utils"
	exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$gen" "$dir" 200

failed=0
for f in "$dir"/*.xml.gz; do
	gzip -t "$f" || failed=1
	zcat "$f" >"${f%.gz}"
done
# xmllint says "FILE validates" or what is wrong, on standard error
if ! xmllint --noout --nonet --relaxng "$schema" "$dir"/*.xml \
    2>"$dir/said"; then
	grep -v ' validates$' "$dir/said" | head -20
	failed=1
fi
n=$(grep -c ' validates$' "$dir/said")
[ "$n" -eq 200 ] || { echo "$n of 200 bundles validate"; failed=1; }

# the schema can say no
printf '<b v="2"/>' >"$dir/bad.xml"
if xmllint --noout --relaxng "$schema" "$dir/bad.xml" 2>/dev/null; then
	echo "the schema accepts format 2"
	failed=1
fi
exit $failed
