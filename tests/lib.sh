# Read by the tests of the pipeline (s_values, s_apply, s_mutate, s_kill): two
# or three sites, bundles carried by hand, databases compared.  On top of
# site_lib.sh: the command, a work directory, small checks.
. "${abs_top_srcdir:-$PWD}/tests/site_lib.sh"

# make_sites SQL NAME...: sites that all know each other (PEERS_OF_x limits
# that), each with these tables, tracked.
make_sites() {
	schema=$1
	shift
	all=$*
	for s in $all; do
		rm -rf "$s" "$s.tmp"
		mkdir "$s.tmp"
		printf '%s' "$schema" | sqlite3 "$s.tmp/d.db" >/dev/null || exit 1
		sqlite3 "$s.tmp/d.db" "PRAGMA journal_mode = wal" >/dev/null
		dialsync init "$s" --database "$s.tmp/d.db" >out 2>&1 &&
			dialsync -C "$s" track --all >>out 2>&1 ||
			{ cat out; exit 1; }
		eval "peers=\${PEERS_OF_$s:-}"
		for p in ${peers:-$all}; do
			[ "$p" = "$s" ] ||
				printf '\n[peer %s]\nsecurity = none\n' "$p" \
				    >>"$s/dialsync.conf"
		done
	done
}

# db SITE SQL
db() {
	sqlite3 -cmd ".timeout 10000" "$1.tmp/d.db" "$2"
}

pack() {
	s=$1
	shift
	dialsync -C "$s" pack --flush "$@" >pack.out 2>&1
}

# apply SITE: its exit code; what it says is in apply.out
apply() {
	s=$1
	shift
	dialsync -C "$s" apply "$@" >apply.out 2>&1
}

# carry FROM TO: by hand, as with a stick
carry() {
	mkdir -p "$2/inbox/$1"
	for f in "$1/outbox/$2"/*.gz; do
		[ -e "$f" ] && mv "$f" "$2/inbox/$1/"
	done
	:
}

# sync NAME...: pack, carry and apply among all until nobody has more to say
sync_all() {
	rounds=0
	while :; do
		for s in "$@"; do
			pack "$s" || bad "pack at $s: $(cat pack.out)"
		done
		ready=$(ls $(printf '%s/outbox/*/*.gz ' "$@") 2>/dev/null |
			wc -l)
		[ "$ready" -gt 0 ] || break
		for s in "$@"; do
			for t in "$@"; do
				[ -d "$s/outbox/$t" ] && carry "$s" "$t"
			done
		done
		for s in "$@"; do
			apply "$s"
		done
		rounds=$((rounds + 1))
		if [ $rounds -gt 20 ]; then
			bad "never silent"
			return 1
		fi
	done
}

# dump SITE: tables of users and the conflicts, bit for bit, but not what is
# each site's own; reals with all their digits, in an order that both have
dump() {
	sqlite3 "$1.tmp/d.db" >dump.sql <<'END'
SELECT 'SELECT ' || quote(name) || ';' || char(10) || 'SELECT ' || (SELECT
    group_concat(printf('typeof("%w") || '':'' || CASE typeof("%w") WHEN ''real''
	THEN printf(''%%!.17g'', "%w") ELSE hex("%w") END', c.name, c.name,
	c.name, c.name), ' || ''|'' || ') FROM pragma_table_xinfo(m.name) c)
    || printf(' AS x FROM "%w" ORDER BY x;', name)
FROM sqlite_master m WHERE type = 'table' AND name NOT GLOB 'sqlite_*'
    AND (name NOT GLOB 'dialsync_*' OR name = 'dialsync_conflict') ORDER BY name;
END
	sqlite3 "$1.tmp/d.db" <dump.sql
}

# equal NAME SITE SITE...
equal() {
	what=$1 first=$2
	shift 2
	dump "$first" >want.dump
	for s in "$@"; do
		dump "$s" >got.dump
		cmp -s want.dump got.dump || {
			bad "$what: $first and $s differ"
			diff want.dump got.dump | head -20
		}
	done
}

# number N: a bundle's name
number() {
	printf '%08d.xml.gz' "$1"
}
