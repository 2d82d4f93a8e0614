#!/bin/sh
# First loads: rows that were there before "track" travel to who asked for them
# and to nobody else, in bounded bundles, and what differs there is not lost.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

TABLES="CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE);
CREATE TABLE child(parent INTEGER REFERENCES parent(id), no INTEGER, v, w,
    PRIMARY KEY(no, parent));
CREATE TABLE aunt(name TEXT PRIMARY KEY COLLATE NOCASE, x BLOB) WITHOUT ROWID;"
ROWS="WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
    WHERE i < 1000) INSERT INTO parent SELECT i, 'Name ' || i FROM n;
INSERT INTO child SELECT id, id % 7, hex(randomblob(16)), id / 7.0 FROM parent;
INSERT INTO aunt VALUES('Ann', 1), ('BEA', x'00ff'), ('cara', NULL);"

# site NAME SQL PEER...: tables and rows are there before it is a site
site() {
	s=$1 sql=$2
	shift 2
	rm -rf "$s" "$s.tmp"
	mkdir "$s.tmp"
	printf '%s' "$sql" | sqlite3 "$s.tmp/d.db" || exit 1
	dialsync init "$s" --database "$s.tmp/d.db" >out 2>&1 &&
		dialsync -C "$s" track --all >>out 2>&1 || { cat out; exit 1; }
	for p; do
		dialsync -C "$s" peer "$p" >out 2>&1 || cat out
	done
}

# rows SITE: how many; got FROM TO: bundles made for it so far
rows() {
	db "$1" "SELECT (SELECT count(*) FROM parent) + (SELECT count(*) FROM
	    child) + (SELECT count(*) FROM aunt)"
}
made() {
	db "$1" "SELECT number FROM dialsync_peer WHERE name = '$2'"
}
small() {
	sed 's/^# *bundle-size.*//; s/^bundle-size.*//
	    s/^\[site\]$/[site]\nbundle-size = '"$2"'/' "$1/dialsync.conf" >c.new
	mv c.new "$1/dialsync.conf"
}

# ---- without --load: rows of before stay where they are, and are missed

site hub "$TABLES $ROWS" ann
site ann "$TABLES" hub
db hub "INSERT INTO parent VALUES(9001, 'new')"
db ann "INSERT INTO parent VALUES(9002, 'newer')"
sync_all hub ann
same "without --load" 2 "$(rows ann)"
db hub "INSERT INTO parent VALUES(9003, 'newest')"
pack hub && carry hub ann && apply ann
run "the other side says what is missing" 0 \
    "table parent: hub had 1001 rows, this site had 2" dialsync -C ann status
run "and what to do" 0 "dialsync peer ann --load\" at hub" \
    dialsync -C ann status
run "this side, too" 0 "ann may lack rows" dialsync -C hub status

# ---- with it: everything, parents first, in bounded bundles

small hub 2K
run "a load" 0 "2003 rows of before" dialsync -C hub peer ann --load
run "it waits to be packed" 0 "to send: 2003 changes to pack" \
    dialsync -C hub status
pack hub
n=$(ls hub/outbox/ann | grep -c gz)
[ "$n" -gt 4 ] || bad "$n bundles only"
for f in hub/outbox/ann/*.gz; do
	size=$(wc -c <"$f")
	[ "$size" -lt 8000 ] || bad "$f has $size bytes"
	dialsync show "$f"
done >shown
first_child=$(grep -n '^child  birth' shown | head -1 | cut -d: -f1)
last_parent=$(grep -n '^parent  birth' shown | grep -v 'key=900' | tail -1 |
    cut -d: -f1)
[ "$last_parent" -lt "$first_child" ] || bad "children before parents"
grep -q 'part of a first load' shown || bad "the load does not say so"
grep -q 'hub has 1003 rows in parent' shown || bad "no counts"
carry hub ann
apply ann || bad "apply: $(cat apply.out)"
grep -q 'first load is complete' apply.out || bad "no word of the end"
sync_all hub ann
equal "after the load" hub ann
dialsync -C ann status | grep -q 'may lack rows' && bad "still lacks rows"
dialsync -C hub status | grep -q 'may lack rows' && bad "hub: still lacks rows"
same "no conflicts" 0 "$(db ann "SELECT count(*) FROM dialsync_conflict")"
number=$(made hub ann)
db hub "UPDATE parent SET name = 'x' WHERE id = 1"
sync_all hub ann
same "afterwards changes travel as ever" $((number + 1)) "$(made hub ann)"
run "nothing is stamped twice" 0 "0 rows of before" \
    dialsync -C hub peer ann --load
sync_all hub ann
equal "a second load" hub ann
same "a second load changes nothing" 0 \
    "$(db ann "SELECT count(*) FROM dialsync_conflict")"

# ---- copies and existing peers get nothing of it

site hub "$TABLES $ROWS"
dialsync -C hub copy bob bob >out 2>&1 || cat out
mkdir bob.tmp
mv bob/*.db bob.tmp/d.db
sed 's|^database.*|database = ../bob.tmp/d.db|' bob/dialsync.conf >c.new
mv c.new bob/dialsync.conf
db bob "UPDATE child SET v = 'bob' WHERE no = 3 AND parent < 100;
    DELETE FROM parent WHERE id = 50"
site ann "$TABLES" hub
number=$(made hub bob)
dialsync -C hub peer ann --load >out 2>&1 || cat out
pack hub bob
same "the copy gets nothing" "$number" "$(made hub bob)"
sync_all hub ann
same "ann gets all" 2003 "$(rows ann)"
# what the copy changes and deletes meets rows that have a version meanwhile
sync_all hub bob ann
equal "a copy made before the load" hub ann bob
same "which is no conflict" 0 \
    "$(db hub "SELECT count(*) FROM dialsync_conflict WHERE kind <> 'parent'")"
[ $(($(made hub bob) - number)) -le 2 ] ||
	bad "the copy got $(($(made hub bob) - number)) bundles"
# a third site, loaded from the copy, where the same rows get the copy's version
site cy "$TABLES" bob hub
printf '\n[peer cy]\nsecurity = none\n' >>hub/dialsync.conf
dialsync -C bob peer cy --load >out 2>&1 || cat out
sync_all hub bob ann cy
db cy "UPDATE parent SET name = 'cy' WHERE id BETWEEN 200 AND 300;
    DELETE FROM child WHERE no = 2"
db ann "UPDATE parent SET name = 'ann' WHERE id BETWEEN 290 AND 310"
sync_all hub bob ann cy
equal "two stamped the same rows" hub bob ann cy

# ---- a site with rows of its own

site hub "$TABLES $ROWS" ann
site ann "$TABLES INSERT INTO parent VALUES(1, 'other'), (2, 'Name 2'),
    (7000, 'only here'); INSERT INTO aunt VALUES('ANN', 1), ('zoe', 2)" hub
db hub "DELETE FROM parent WHERE id = 2; UPDATE parent SET name = 'edited'
    WHERE id = 3"
dialsync -C hub peer ann --load >out 2>&1 || cat out
pack hub && carry hub ann && apply ann
same "what differs is a conflict" "name|other|ann|Name 1" "$(db ann "SELECT
    field, lost, lost_site, won FROM dialsync_conflict WHERE tbl = 'parent'
    AND key = '1'")"
same "so is what was deleted there" 1 "$(db ann "SELECT count(*) FROM
    dialsync_conflict WHERE key = '2' AND lost = 'Name 2'")"
same "and nothing else" 2 "$(db ann "SELECT count(*) FROM dialsync_conflict
    WHERE kind <> 'parent'")"
same "the spelling is the loader's" Ann \
    "$(db ann "SELECT name FROM aunt WHERE name = 'ann'")"
dialsync -C ann peer hub --load >out 2>&1 || cat out
sync_all hub ann
equal "loaded both ways" hub ann
same "rows of both" "only here" \
    "$(db hub "SELECT name FROM parent WHERE id = 7000")"

# ---- lost bundles: the first of a load, one in the middle

for lost in 1 3; do
	site hub "$TABLES $ROWS" ann
	site ann "$TABLES INSERT INTO parent VALUES(8000, 'a')" hub
	small hub 2K
	db hub "INSERT INTO parent VALUES(9001, 'new')"
	sync_all hub ann
	dialsync -C hub peer ann --load >out 2>&1 || cat out
	pack hub
	rm "$(ls hub/outbox/ann/*.gz | sed -n "${lost}p")"
	carry hub ann
	apply ann
	sync_all hub ann
	same "bundle $lost of the load is lost" 2005 "$(rows ann)"
	# a late one of before counts no more, and does no harm
	same "nothing is held" "" "$(ls ann/held/hub | head -1)"
done

# ---- nothing to send is an end, too

site hub "$TABLES" ann
site ann "$TABLES" hub
dialsync -C hub peer ann --load >out 2>&1 || cat out
pack hub && carry hub ann && apply ann
grep -q 'first load is complete' apply.out || bad "an empty load never ends"
db ann "INSERT INTO parent VALUES(1, 'one')"
sync_all hub ann
same "it is done" 0 "$(db hub "SELECT loading FROM dialsync_peer")"

# ---- killed at every step

site hub "$TABLES $ROWS" ann
DIALSYNC_STOP_AFTER=1 dialsync -C hub peer ann >out 2>&1
if [ $? = 100 ]; then
	i=1
	while :; do
		rm -rf k && mkdir k && cp -a hub hub.tmp k/
		DIALSYNC_STOP_AFTER=$i dialsync -C hub peer ann --load \
		    >out 2>&1
		code=$?
		[ $code = 100 ] || break
		dialsync -C hub peer ann --load >out 2>&1 || bad "again: $(cat out)"
		same "killed after $i: each row once" 2003 "$(db hub \
		    "SELECT count(*) FROM dialsync_frag WHERE c = 1")"
		rm -rf hub hub.tmp && mv k/hub k/hub.tmp .
		i=$((i + 1))
	done
	[ $code = 0 ] || bad "not killed: exit code $code"
	# while rows get their versions: by a signal, since that is no durable
	# step of ours but the database's
	for t in 0.01 0.03 0.05 0.08 0.12; do
		timeout -s KILL $t "$DIALSYNC_EXEC_PATH/dialsync-site" peer ann \
		    --load -C hub >out 2>&1
		db hub "INSERT OR IGNORE INTO parent VALUES(9000, 'between')"
	done
	dialsync -C hub peer ann --load >out 2>&1 || bad "at last: $(cat out)"
	same "killed and killed again: each row once" 2003 "$(db hub \
	    "SELECT count(*) FROM dialsync_frag WHERE c = 1")"
	same "and no row twice" 0 "$(db hub "SELECT count(*) FROM (SELECT 1 FROM
	    dialsync_frag GROUP BY t, k HAVING count(*) > 1)")"
	site ann "$TABLES" hub
	sync_all hub ann
	equal "loaded after all" hub ann
else
	echo "not tried: kills (not built with --enable-stop-points)"
fi

# ---- Northwind, where it is

north=${NORTHWIND:-${abs_top_srcdir:-$OLDPWD}/../shared/data/northwind.sql}
if [ -e "$north" ]; then
	rm -rf hub hub.tmp ann ann.tmp
	mkdir hub.tmp ann.tmp
	sqlite3 hub.tmp/d.db <"$north" >/dev/null 2>&1
	sqlite3 hub.tmp/d.db "SELECT sql || ';' FROM sqlite_master WHERE
	    type = 'table' AND name NOT GLOB 'sqlite_*'" >schema.sql
	sqlite3 ann.tmp/d.db <schema.sql
	for s in hub ann; do
		dialsync init $s --database $s.tmp/d.db >out 2>&1
		dialsync -C $s track --all >>out 2>&1 || cat out
	done
	dialsync -C ann peer hub >out 2>&1
	dialsync -C hub peer ann --load >out 2>&1 || bad "Northwind: $(cat out)"
	sync_all hub ann
	for t in $(db hub "SELECT name FROM dialsync_table WHERE tracked AND
	    name NOT GLOB 'dialsync_*' AND name NOT GLOB '* *'"); do
		same "Northwind $t" "$(db hub "SELECT count(*) FROM \"$t\"")" \
		    "$(db ann "SELECT count(*) FROM \"$t\"")"
	done
	equal "Northwind" hub ann
else
	echo "not tried: Northwind (no shared/data/northwind.sql)"
fi

finish
