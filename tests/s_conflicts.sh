#!/bin/sh
# Conflicts of every kind, found by two and three sites, listed, shown, taken
# and dismissed; and what that does to every other site.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

now=1800000000
tick() {
	now=$((now + ${1:-10}))
	DIALSYNC_NOW=$now
	export DIALSYNC_NOW
}
# edit SITE SQL: at the time that tick has set, for triggers too
edit() {
	db "$1" "$2; UPDATE dialsync_log SET w = $now"
}
conf() {
	s=$1
	shift
	dialsync -C "$s" conflicts "$@"
}
# number SITE WHERE: the conflict's number there
num() {
	db "$1" "SELECT rowid FROM dialsync_conflict WHERE $2"
}
open() {
	db "$1" "SELECT count(*) FROM dialsync_conflict WHERE settled IS NULL"
}
one_edit() { # SITE1 SITE2 COLUMN VALUE1 VALUE2: the second is the later
	tick
	edit "$1" "UPDATE t SET $3 = $4 WHERE id = 'k'"
	pack "$1"
	tick
	edit "$2" "UPDATE t SET $3 = $5 WHERE id = 'k'"
	tick
}
json() {
	if command -v python3 >/dev/null; then
		python3 -m json.tool "$1" >/dev/null
	else
		same "JSON" 1 "$(sqlite3 :memory: \
		    "SELECT json_valid(readfile('$1'))")"
	fi
}

tables="CREATE TABLE t(id TEXT PRIMARY KEY, a, b, u TEXT UNIQUE,
    n INTEGER CHECK(n < 100));"

# ---- an edit: listed, shown, taken
tick 0
make_sites "$tables" x y
edit x "INSERT INTO t VALUES('k', 1, 2, NULL, 3)"
sync_all x y
run "nothing yet" 0 "no conflicts, nothing held" conf x list
one_edit x y a "'mine'" "'theirs'"
sync_all x y
equal "an edit" x y
n=$(num x 1)
run "list" 0 "edit    t 'k' a: 'mine' of x at " conf x
run "list is the default" 0 "lost to 'theirs' of y at " conf y list
run "show" 0 "take would set a to 'mine'" conf x show "$n"
grep -q "    a = 'theirs'" out || bad "show: the row now: $(cat out)"
grep -q "bundle    [xy] [0-9]" out || bad "show: the bundle: $(cat out)"
conf x list --json >out.json || bad "list --json"
json out.json || bad "list --json is none: $(cat out.json)"
conf x show "$n" --json >out.json || bad "show --json"
json out.json || bad "show --json is none: $(cat out.json)"
grep -q '"lost": "mine"' out.json || bad "show --json: $(cat out.json)"
run "no such conflict" 64 "the nearest is $n" conf x take 99
run "no number" 64 "is no number of a conflict" conf x take abc
run "no word" 64 "did you mean dismiss" conf x dismis 1
run "as-new of an edit" 64 "--as-new is for two rows of one key" \
    conf x take "$n" --as-new
same "a refusal changes nothing" 1 "$(open x)"
tick
run "take" 0 "a of t 'k' is 'mine' again; the peers learn of it" \
    conf x take "$n"
same "it is back" mine "$(db x "SELECT a FROM t")"
same "and settled" "taken|x" "$(db x "SELECT settled, settled_by FROM
    dialsync_conflict")"
sync_all x y
equal "taken" x y
same "everywhere" mine "$(db y "SELECT a FROM t")"
same "settled everywhere" "0 0" "$(open x) $(open y)"
same "an edit like any: no new conflict" 1 \
    "$(db y "SELECT count(*) FROM dialsync_conflict")"
run "list has open ones" 0 "no conflicts" conf y list
run "list --all has all" 0 "(taken by x)" conf y list --all

# ---- dismissed; another value; a refusal
one_edit x y b 10 20
sync_all x y
n=$(num y "settled IS NULL")
run "dismiss" 0 "is dismissed" conf y dismiss "$n"
sync_all x y
equal "dismissed" x y
same "the winner stays" 20 "$(db x "SELECT b FROM t")"
same "dismissed everywhere" "0 0" "$(open x) $(open y)"
one_edit x y n 4 5
sync_all x y
n=$(num y "settled IS NULL")
run "a refused value" 65 "CHECK constraint failed" conf y take "$n" \
    --value 500
same "nothing was changed" "5 1" "$(db y "SELECT n FROM t") $(open y)"
run "--value" 0 "n of t 'k' is" conf y take "$n" --value 44
same "a number by the column's affinity" "integer 44" \
    "$(db y "SELECT typeof(n) || ' ' || n FROM t")"
sync_all x y
equal "--value" x y
one_edit x y b "'p'" "'q'"
sync_all x y
run "NULL" 0 "is NULL now" conf x take "$(num x "settled IS NULL")" \
    --value '\N'
sync_all x y
same "NULL everywhere" null "$(db y "SELECT typeof(b) FROM t")"

# ---- every type of value comes back bit for bit
values="NULL/7/-9223372036854775808/9223372036854775807/0.1/1e300/-0.0/1.0/\
9e999/''/'Grüße'/x''/x'00FF'/CAST(x'61FF00' AS TEXT)"
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a)" x y
tick
rest=$values/ sql= i=0
while [ "$rest" ]; do
	i=$((i + 1))
	sql="$sql UPDATE t SET a = ${rest%%/*} WHERE id = 'k$i';"
	rest=${rest#*/}
done
edit x "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT $i)
    INSERT INTO t SELECT 'k' || i, 'before' FROM n"
sync_all x y
tick
edit x "$sql"
types="SELECT id, typeof(a), hex(a), quote(a), printf('%!.20g', a) FROM t ORDER BY id"
want=$(db x "$types")
tick
edit y "UPDATE t SET a = 'over' WHERE id <> 'k1'; UPDATE t SET a = 'over'"
sync_all x y
same "each of them lost" "$i" "$(open x)"
tick
for n in $(num x "settled IS NULL"); do
	conf x take "$n" >/dev/null 2>&1 || bad "take $n"
done
sync_all x y
same "all types come back" "$want" "$(db y "$types")"
equal "all types" x y

# ---- an edit lost to a death: the row comes back, whatever is in it
make_sites "$tables" x y
edit x "INSERT INTO t VALUES('k', 0, 0, NULL, 1), ('l', 0, 0, NULL, 1)"
sync_all x y
tick
edit y "UPDATE t SET a = 0.1, b = CAST(x'61FF' AS TEXT),
    u = 'ä' || char(10) || '\"' WHERE id = 'k'"
tick
edit x "DELETE FROM t WHERE id = 'k'"
row=$(db y "SELECT quote(a), quote(b), quote(u), typeof(b), n FROM t
    WHERE id = 'k'")
sync_all x y
equal "a death" x y
same "one for each field" 3 "$(open x)"
same "of kind death" "death" "$(db x "SELECT DISTINCT kind FROM
    dialsync_conflict")"
same "both have the row" "0 0" "$(for s in x y; do db $s "SELECT count(*)
    FROM dialsync_conflict WHERE row IS NULL"; done | tr '\n' ' ' |
	sed 's/ $//')"
conf x list --json >out.json && json out.json ||
	bad "list --json of rows is none: $(cat out.json)"
run "show a death" 0 "take would bring the row back" conf x show 1
grep -q "^won       the row's deletion" out || bad "a death: $(cat out)"
tick
# taken at the site that deleted it
run "take a death" 0 "row 'k' of t is back; that settles 2 other" \
    conf x take 1
sync_all x y
equal "it is back" x y
same "as it was" "$row" "$(db x "SELECT quote(a), quote(b), quote(u),
    typeof(b), n FROM t WHERE id = 'k'")"
same "all settled" "0 0" "$(open x) $(open y)"

# ---- one key born twice
make_sites "CREATE TABLE o(id INTEGER PRIMARY KEY, who, n);
    CREATE TABLE g(id TEXT PRIMARY KEY, v);
    CREATE TABLE c(p TEXT, q INT, v, PRIMARY KEY(p, q))" x y
uuid=0f8fad5b-d9cb-469f-a165-70867728950e
tick
edit x "INSERT INTO o VALUES(7, 'x', 1.5); INSERT INTO g VALUES('$uuid', 'x');
    INSERT INTO g VALUES('plain', 'x'); INSERT INTO c VALUES('p', 1, 'x')"
tick
edit y "INSERT INTO o VALUES(7, 'y', NULL); INSERT INTO g VALUES('$uuid', 'y');
    INSERT INTO g VALUES('plain', 'y'); INSERT INTO c VALUES('p', 1, 'y')"
sync_all x y
equal "births" x y
same "one record a row" "birth|4" "$(db x "SELECT kind, count(*) FROM
    dialsync_conflict GROUP BY 1")"
same "with the row that lost" '{"id": 7, "who": "x", "n": {"real": "1.5"}}' \
    "$(db y "SELECT row FROM dialsync_conflict WHERE tbl = 'o'")"
# at both sites at once: a UUID of its own, the same at both
n=$(num x "key LIKE '%$uuid%'")
m=$(num y "key LIKE '%$uuid%'")
tick
run "as new" 0 "is a row of its own in g, with key" conf x take "$n" --as-new
tick
run "as new, there too" 0 "is a row of its own" conf y take "$m" --as-new
n=$(num x "tbl = 'o'")
run "an integer key" 0 "with key 8" conf x take "$n" --as-new
run "only once" 65 "it was taken already, by x" conf x take "$n" --as-new
n=$(num x "key = '''plain'''")
run "a key that says nothing" 64 "--as-new --value KEY" \
    conf x take "$n" --as-new
run "so one is given" 0 "with key 'plain-x'" \
    conf x take "$n" --as-new --value plain-x
n=$(num x "tbl = 'c'")
run "a key of two columns" 65 "insert the row by hand" \
    conf x take "$n" --as-new
run "the loser's values" 0 "has the values that had lost" conf x take "$n"
sync_all x y
equal "taken as new" x y
same "the integer row" "7|y||8|x|1.5" \
    "$(db y "SELECT * FROM o ORDER BY id" | tr '\n' '|' | sed 's/|$//')"
same "one new UUID row" "2" \
    "$(db y "SELECT count(*) FROM g WHERE length(id) = 36")"
same "the values" "x" "$(db y "SELECT v FROM c")"
same "all settled" "0 0" "$(open x) $(open y)"

# a row that was edited before it travelled is whole again, too
tick
edit x "INSERT INTO o VALUES(30, 'x', 1)"
dialsync -C x pack x >/dev/null 2>&1
pack x
rm -f x/outbox/y/*.gz
tick
edit x "UPDATE o SET n = 'later' WHERE id = 30"
tick
edit y "INSERT INTO o VALUES(30, 'y', 2)"
dialsync -C y apply >/dev/null 2>&1
sync_all x y
sync_all x y
n=$(num y "kind = 'birth' AND settled IS NULL AND tbl = 'o'")
run "an edited row as new" 0 "is a row of its own in o" conf y take "$n" \
    --as-new
same "with its edit" "x|later" "$(db y "SELECT who, n FROM o ORDER BY id DESC
    LIMIT 1")"

# ---- taken at two sites at once, with different values: it converges
make_sites "$tables" x y z
edit x "INSERT INTO t VALUES('k', 1, 2, NULL, 3)"
sync_all x y z
one_edit x y a "'x'" "'y'"
sync_all x y z
equal "three sites" x y z
tick
conf x take "$(num x 1)" --value one 2>/dev/null || bad "take at x"
tick
conf z dismiss "$(num z 1)" 2>/dev/null || bad "dismiss at z"
sync_all x y z
equal "two decisions" x y z
same "the later decision stands" "dismissed|z" \
    "$(db y "SELECT settled, settled_by FROM dialsync_conflict LIMIT 1")"
same "the value that was taken" one "$(db z "SELECT a FROM t")"

# ---- a late record does not open a settled one, nor blank its row
make_sites "$tables" x y z
edit x "INSERT INTO t VALUES('k', 1, 2, NULL, 3)"
sync_all x y z
tick
edit y "UPDATE t SET a = 'edit' WHERE id = 'k'"
tick
edit x "DELETE FROM t WHERE id = 'k'"
pack x
pack y
tick
# y sees its row vanish; z, much later, sees an edit of a row that is dead
carry x y
apply y
same "y has the row" 1 "$(db y "SELECT count(*) FROM dialsync_conflict
    WHERE row IS NOT NULL")"
conf y dismiss 1 2>/dev/null || bad "dismiss at y"
tick 1000
mkdir -p z/inbox/x z/inbox/y
cp y/outbox/z/00000001.xml.gz z/inbox/y/ 2>/dev/null
carry x z
apply z
tick 1000
sync_all x y z
equal "a late record" x y z
same "it stays settled" "dismissed" "$(db z "SELECT settled FROM
    dialsync_conflict")"
same "its row stays" 1 "$(db x "SELECT count(*) FROM dialsync_conflict
    WHERE row IS NOT NULL")"

# ---- a held row
make_sites "$tables" x y
tick
edit x "INSERT INTO t VALUES('k', 1, 2, 'same', 3)"
tick
edit y "INSERT INTO t VALUES('l', 1, 2, 'same', 3)"
sync_all x y
for s in x y; do
	[ "$(db $s "SELECT count(*) FROM dialsync_held")" = 0 ] && continue
	run "held rows are listed" 0 'UNIQUE ("u"): row ' conf $s
	h=$(awk '/^ *h[0-9]/ {print $1}' out)
	run "show a held row" 0 "has it, by an earlier change" conf $s show "$h"
	conf $s dismiss h99 2>&1 | grep "h99.*h99" && bad "said twice"
	run "dismiss a held row" 65 "cannot be dismissed" conf $s dismiss "$h"
	run "take a held row" 65 "is held: UNIQUE" conf $s take "$h"
	run "no such held row" 64 "the nearest is $h" conf $s show h99
	tick
	run "take it with another value" 0 "in its table, with u 'other'" \
	    conf $s take "$h" --value other
	break
done
sync_all x y
equal "a held row with another value" x y
same "both rows" "other same " "$(db y "SELECT u FROM t ORDER BY u" |
    tr '\n' ' ')"
same "nothing is held" "0 0" "$(db x "SELECT count(*) FROM dialsync_held") \
$(db y "SELECT count(*) FROM dialsync_held")"

# ---- the user's triggers run when something is taken; status tells
make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a); CREATE TABLE l(
    id INTEGER PRIMARY KEY, what); CREATE TRIGGER g AFTER UPDATE OF a ON t
    BEGIN INSERT INTO l(what) VALUES(new.a); END" x y
edit x "INSERT INTO t VALUES('k', 1)"
sync_all x y
one_edit x y a "'x'" "'y'"
sync_all x y
dialsync -C x status --json >out.json
grep -q '"conflicts": 2' out.json || bad "status: $(cat out.json)"
tick
conf x take "$(num x "tbl = 't'")" --json >out.json 2>err ||
	bad "take: $(cat err)"
json out.json || bad "take --json is none: $(cat out.json)"
same "the user's trigger ran" x "$(db x "SELECT what FROM l ORDER BY id DESC
    LIMIT 1")"

finish
