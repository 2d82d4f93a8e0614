#!/bin/sh
# Records of conflicts that no honest site makes: of odd kinds, fields, keys,
# tables and rows.  Whatever a peer sends, listing, showing, taking and
# dismissing end in order, and touch no row but the one that the record names.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

DIALSYNC_NOW=1800000000
export DIALSYNC_NOW

make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a, b);
CREATE TABLE i(id INTEGER PRIMARY KEY, a);
CREATE TABLE c(id INTEGER PRIMARY KEY, t TEXT REFERENCES t(id));" x y
db x "INSERT INTO t VALUES('k', 1, 2), ('z', 3, 4);
INSERT INTO i VALUES(1, 'one'), (2, 'two')"
sync_all x y

# record ID KIND TBL KEY FIELD LOST WON ROW: as SQL; of y, sent to x
record() {
	db y "INSERT INTO dialsync_conflict(id, kind, tbl, key, field, lost,
	    lost_clock, lost_site, won, won_clock, won_site, seen_by, row)
	    VALUES('$1', $2, $3, $4, $5, $6, 5, 'y', $7, 6, 'x', 'y', $8);
	    INSERT INTO dialsync_log(t, m, w, k1)
	    VALUES(1, -1, $DIALSYNC_NOW, '$1')"
}
num() {
	db x "SELECT rowid FROM dialsync_conflict WHERE id = '$1'"
}
tables() {
	db x "SELECT * FROM t; SELECT * FROM i; SELECT * FROM c"
}
# try RECORD...: nothing may change in the tables
try() {
	record "$@"
	sync_all x y
	n=$(num "$1")
	[ -n "$n" ] || { bad "$1: it did not come"; return; }
	for what in list "show $n" "list --json" "show $n --json" "take $n" \
	    "take $n --value 7" "take $n --as-new" "dismiss $n"; do
		case $what in
		take*) [ "$(db x "SELECT settled IS NULL FROM dialsync_conflict
		    WHERE rowid = $n")" = 1 ] || continue ;;
		esac
		before=$(tables)
		dialsync -C x conflicts $what >out 2>&1
		rc=$?
		case $rc in
		0 | 64 | 65) ;;
		*) bad "$1: $what: exit code $rc: $(head -c 2000 out)" ;;
		esac
		if LC_ALL=C grep -q "$(printf '[\001-\010\013-\037]')" out; then
			bad "$1: $what: controls reach the terminal"
		fi
		[ "$before" = "$(tables)" ] ||
			bad "$1: $what changed the tables:
$before
->
$(tables)"
	done
	sync_all x y
	equal "$1" x y
}

esc="char(27) || '[2J'"
try no_field "'edit'" "'t'" "'''k'''" "''" 1 2 NULL
try key_field "'edit'" "'t'" "'''k'''" "'id'" "'q'" 2 NULL
try odd_field "'edit'" "'t'" "'''k'''" "$esc" 1 2 NULL
try odd_kind "$esc" "'t'" "'''k'''" "'a'" 1 2 NULL
try odd_table "'edit'" "$esc" "'''k'''" "'a'" 1 2 NULL
try no_table "'edit'" "'sqlite_master'" "'''k'''" "'sql'" 1 2 NULL
try own_table "'edit'" "'dialsync_conflict'" "'''no_field'''" "'settled'" \
    "'taken'" 2 NULL
try odd_key "'edit'" "'t'" "'k,,,''''(('" "'a'" 1 2 NULL
try blob_key "'edit'" "'t'" "x'00FF'" "'a'" 1 2 NULL
try long_key "'edit'" "'t'" "hex(zeroblob(100000))" "'a'" 1 2 NULL
try death_field "'death'" "'t'" "'''gone'''" "''" 1 2 \
    "'{\"id\":\"gone\",\"a\":1}'"
try death_other "'death'" "'t'" "'''gone'''" "'a'" 1 NULL \
    "'{\"id\":\"other\",\"a\":1}'"
try death_key "'death'" "'t'" "'''k'''" "'id'" "'q'" NULL \
    "'{\"id\":\"other\",\"a\":1}'"
try birth_other "'birth'" "'t'" "'''gone'''" "''" NULL NULL \
    "'{\"id\":\"birth_other\",\"a\":1}'"
try birth_json "'birth'" "'t'" "'''k'''" "''" NULL NULL "'{\"id\":'"
try birth_deep "'birth'" "'t'" "'''k'''" "''" NULL NULL \
    "'{\"a\":{\"int\":{\"x\":1}}}'"
try birth_array "'birth'" "'t'" "'''k'''" "''" NULL NULL "'[1,2]'"
try life_other "'life'" "'t'" "'''gone'''" "''" "'birth'" "'death'" \
    "'{\"id\":\"life_other\",\"a\":1}'"
try parent_none "'parent'" "'t'" "'''k'''" "'a'" 1 "'t'" \
    "'{\"id\":\"parent_none\",\"a\":1}'"
try parent_null "'parent'" "'c'" "'1'" "'t'" NULL NULL NULL
db x "INSERT INTO c VALUES(1, 'gone')"
sync_all x y
same "a reference that dangles" 1 "$(db x "SELECT count(*) FROM
    dialsync_conflict WHERE kind = 'parent' AND settled IS NULL")"
try parent_other "'parent'" "'c'" "'1'" "'t'" "'x'" "'t'" \
    "'{\"id\":\"parent_other\",\"a\":1}'"


# a row that is kept without its key has the record's
record nokey "'death'" "'i'" "'77'" "'a'" 1 NULL "'{\"a\":2}'"
sync_all x y
run "a row without its key" 0 "row 77 of i is back" \
    dialsync -C x conflicts take "$(num nokey)"
same "it is where the record says" "77|1" "$(db x "SELECT * FROM i
    WHERE id > 2")"
# resolve = mine does what take does, by itself: not either
printf '\n[table t]\nresolve = mine\n' >>x/dialsync.conf
record mine "'death'" "'t'" "'''mine'''" "'a'" 1 NULL \
    "'{\"id\":\"not mine\",\"a\":1}'"
db y "UPDATE dialsync_conflict SET lost_site = 'x' WHERE id = 'mine'"
sync_all x y
same "it came" x "$(db x "SELECT lost_site FROM dialsync_conflict
    WHERE id = 'mine'")"
same "resolve = mine and another row" 0 "$(db x "SELECT count(*) FROM t
    WHERE id = 'not mine'")"
equal "in the end" x y

finish
