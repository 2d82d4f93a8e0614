#!/bin/sh
# compare.sh ONE.db OTHER.db: are all rows of all tables the same, to the last
# bit?  Storage classes count too: 1, 1.0 and '1' are three different values.
# Tables of dialsync's own (dialsync_*) are left out.  Prints a line a table;
# exit 0: equal, 1: something differs, 2: could not be compared.
set -u

if [ $# -ne 2 ] || [ ! -f "$1" ] || [ ! -f "$2" ]; then
	echo "usage: compare.sh ONE.db OTHER.db (both must exist)" >&2
	exit 2
fi
one=$1
other=$2

sql() {
	sqlite3 -batch -bail -readonly -init /dev/null "$@"
}

# The names of the user's tables.  _ is a wildcard of LIKE, hence ESCAPE.
tables="SELECT name FROM sqlite_schema WHERE type = 'table'
	AND name NOT LIKE 'sqlite!_%' ESCAPE '!'
	AND name NOT LIKE 'dialsync!_%' ESCAPE '!' ORDER BY name"

names=$(sql "$one" "$tables") || exit 2
names_other=$(sql "$other" "$tables") || exit 2
if [ "$names" != "$names_other" ]; then
	echo "the databases do not have the same tables"
	exit 1
fi
if [ -z "$names" ]; then
	echo "compare.sh: no tables in $one; is it the right file?" >&2
	exit 2
fi

# The first pass writes one comparison a table.  Each value becomes its
# storage class and its bytes: hex() for text and blobs, since quote() ends
# at a NUL; quote() for numbers, since it is exact for REAL.
columns="SELECT group_concat('typeof(' || c || ') || '':'' || CASE WHEN typeof('
	|| c || ') IN (''text'', ''blob'') THEN hex(' || c || ') ELSE quote('
	|| c || ') END', ', ' || char(10)) FROM
	(SELECT '\"' || replace(x.name, '\"', '\"\"') || '\"' AS c
	FROM pragma_table_xinfo(t.name) AS x)"
queries=$(sql "$one" "
WITH t AS ($tables),
q AS (SELECT t.name AS label,
	'\"' || replace(t.name, '\"', '\"\"') || '\"' AS name,
	($columns) AS list FROM t)
SELECT printf('SELECT %Q,
	(SELECT count(*) FROM main.%s), (SELECT count(*) FROM other.%s),
	(SELECT count(*) FROM (SELECT %s FROM main.%s
		EXCEPT SELECT %s FROM other.%s)),
	(SELECT count(*) FROM (SELECT %s FROM other.%s
		EXCEPT SELECT %s FROM main.%s));',
	label, name, name, list, name, list, name, list, name, list, name)
FROM q") || exit 2

# One run, one snapshot of both.
quoted=$(printf '%s' "$other" | sed "s/'/''/g")
result=$(printf "ATTACH '%s' AS other;\nBEGIN;\n%s\nCOMMIT;\n" \
	"$quoted" "$queries" | sql -separator '|' "$one") || exit 2

printf '%s\n' "$result" | awk -F '|' '
NF >= 5 {
	n += $2; tables++
	if ($2 == $3 && $4 == 0 && $5 == 0) {
		printf "  %-16s %6d rows  equal\n", $1, $2
		next
	}
	bad++
	printf "  %-16s %6d and %d rows  DIFFERENT: %d rows only in the first, " \
	    "%d only in the second\n", $1, $2, $3, $4, $5
}
END {
	if (!tables)
		exit 2
	if (bad) {
		printf "  %d of %d tables differ\n", bad, tables
		exit 1
	}
	printf "  %d tables, %d rows: all equal\n", tables, n
}'
