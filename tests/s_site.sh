#!/bin/sh
# init, track, untrack, copy, and the front command: what they do, say and
# return, and that each can be stopped anywhere and run again.
. "${abs_top_srcdir:-$PWD}/tests/site_lib.sh"

make_db() {
	rm -rf "$1" "$1-wal" "$1-shm"
	sqlite3 "$1" "CREATE TABLE contacts(id TEXT PRIMARY KEY, name, phone
	    UNIQUE); CREATE TABLE orders(id INTEGER PRIMARY KEY, what);
	    CREATE TABLE nokey(a); CREATE VIEW v AS SELECT * FROM orders;
	    INSERT INTO contacts VALUES('a', 'Ann', 1), ('b', 'Bob', 2),
	    (NULL, 'nobody', 3)"
}
meta() {
	sqlite3 "$1" "SELECT v FROM dialsync_meta WHERE k = '$2'"
}

# ---- the front
run "version" 0 "dialsync " dialsync --version
run "help" 0 "make a site" dialsync help
run "help of a command" 0 "usage: dialsync init" dialsync help init
run "--help of a command" 0 "usage: dialsync track" dialsync track --help
run "no command" 64 "usage:" dialsync
run "a command to come" 64 "has no command sync yet; run" dialsync sync
run "no site there" 66 "no site in $PWD/nowhere (-C)" dialsync -C nowhere status
run "unknown command" 64 "did you mean track?" dialsync trakc
run "unknown command, nothing near" 64 "dialsync help" dialsync xyzzyplugh
run "unknown option" 64 "dialsync help" dialsync --frob
run "missing program" 66 "DIALSYNC_EXEC_PATH" \
    env DIALSYNC_EXEC_PATH=/nonexistent "$DIALSYNC" track x
run "no site here" 66 "no site here" dialsync track contacts
run "no site there" 66 "no site in" dialsync -C nowhere track contacts

# one line of our own for a wrong option, with the nearest one; never a path
for c in "init --datbase" "track --alls" "untrack --frob" "peer --lines" \
    "copy --frob" "pack --flsh" "apply --wach" "--versoin" "track -x"; do
	# shellcheck disable=SC2086  # words on purpose
	run "wrong option: $c" 64 "is not known" dialsync $c
	same "one line: $c" 1 "$(wc -l <out | tr -d ' ')"
	grep -q "$(dirname "$DIALSYNC")" out && bad "$c: prints a path"
done
run "nearest option" 64 "did you mean --flush" dialsync pack --flsh
run "nearest option of a site command" 64 "did you mean --database" \
    dialsync init --databse x
for c in init track untrack peer copy pack apply; do
	run "$c --version" 0 "dialsync " dialsync "$c" --version
done

# ---- init
make_db c.db
run "init without a database" 64 "--database" dialsync init ann
run "init without a name" 64 "site name" dialsync init --database c.db
run "init with a bad name" 64 "1 to 32" dialsync init ../x --database c.db
run "init of no file" 66 "make it first" dialsync init ann --database no.db
[ -e ann ] && bad "init of no file left a directory"
echo "this is no database, but text that is long enough" >text.db
run "init of text" 65 "not a database" dialsync init ann --database text.db
[ -e ann ] && bad "init of text left a directory"
run "init of text says what to do" 65 "name an SQLite database" \
    dialsync init ann --database text.db
mkdir adir
run "init of a directory" 66 "is a directory" dialsync init ann --database adir
[ -e ann ] && bad "init of a directory left a directory"
run "init" 0 "track --all" dialsync init ann --database c.db
grep -q '^database = \.\./c\.db' ann/dialsync.conf ||
	bad "database beside the site is not relative"
for d in outbox inbox held status log; do
	[ -d "ann/$d" ] || bad "no $d"
done
same "name in the database" ann "$(meta c.db site)"
cp ann/dialsync.conf conf.before
run "init again" 64 "complete" dialsync init ann --database c.db
make_db other.db
run "init over another site" 64 "there is a site already" \
    dialsync -C ann init bob --database other.db
cmp -s conf.before ann/dialsync.conf || bad "dialsync.conf was touched"
run "init of a site's database" 64 "--copy" dialsync init bob --database c.db
run "init --copy of no copy" 65 "leave out --copy" \
    dialsync init bob --database other.db --copy
mkdir in && make_db in/d.db
run "init with -C before" 0 "ready in" dialsync -q -C in init ines \
    --database in/d.db -v
grep -q '^database = d\.db' in/dialsync.conf || bad "database in the site"

# ---- a site in trouble: what, where, and what to do, once
cp -r in bad
echo nonsense >>bad/dialsync.conf
run "one wrong line" 78 "dialsync.conf:" dialsync -C bad pack
same "told once" 1 "$(grep -c . out)"
sed 's/^database.*/database = no.db/' in/dialsync.conf >bad/dialsync.conf
run "no such database" 66 'correct "database"' dialsync -C bad pack
run "no such database, apply" 66 'correct "database"' dialsync -C bad apply
run "no such database, track" 66 'correct "database"' dialsync -C bad track t
cp text.db bad/no.db
run "a database that is none" 65 "put a backup back" dialsync -C bad apply
run "forgotten track" 0 "no table is tracked" dialsync -C in pack
run "forgotten track, copy" 0 "no table is tracked" dialsync -C in copy x xcopy
mkdir -p in/inbox/stranger
touch in/inbox/stranger/00000001.xml.gz
run "bundles of no peer" 0 "stranger is no peer here" dialsync -C in apply
same "told once" 1 "$(grep -c stranger out)"

# ---- track, untrack
run "track nothing" 64 "no table" dialsync -C ann track
run "track an unknown table" 64 "did you mean contacts?" \
    dialsync -C ann track contcts
run "track a view" 65 "view" dialsync -C ann track v
run "track without a key" 65 "no primary key" dialsync -C ann track nokey
run "track" 0 "contacts: tracked, 3 columns" dialsync track -C ann CONTACTS
run "NULL keys are told" 0 "1 row has a NULL" dialsync -C ann track contacts
run "track some that fail" 64 "orders: tracked" \
    dialsync -C ann track nothere orders
run "colliding keys are told" 0 "UUID" dialsync -C ann track orders
sqlite3 c.db "UPDATE contacts SET name = 'Anna' WHERE id = 'a'"
same "a change is logged" "a" "$(sqlite3 c.db 'SELECT k1 FROM dialsync_log')"
run "untrack" 0 "no more" dialsync -C ann untrack contacts
run "untrack again" 64 "not tracked" dialsync -C ann untrack contacts
sqlite3 c.db "UPDATE contacts SET name = 'Annie' WHERE id = 'a'"
same "nothing is logged" 0 "$(sqlite3 c.db 'SELECT count(*) FROM dialsync_log')"
same "what was logged before is folded, not lost" a "$(sqlite3 c.db \
    'SELECT k FROM dialsync_frag')"
run "track --all" 0 "2 tables are tracked" dialsync -C ann track --all
run "track --all and names" 64 "exclude" dialsync -C ann track --all contacts
run "track --all tells what is left out" 0 "nokey has no primary key" \
    dialsync -C ann track --all
sqlite3 c.db "CREATE TABLE nokey2(a); CREATE VIRTUAL TABLE f USING fts5(x)"
run "later ones are told" 0 "nokey2 has no primary key" dialsync -C ann copy x1 x1
grep -q 'nokey has\|table f' out && bad "told again, or of f: $(cat out)"
sqlite3 c.db "ALTER TABLE orders ADD COLUMN gone; ALTER TABLE contacts
    ADD COLUMN gone"
run "once" 0 "" dialsync -C ann copy x2 x2
grep -q 'nokey\|table f' out && bad "told again: $(cat out)"
dialsync -C ann untrack contacts orders >out 2>&1
sqlite3 c.db "ALTER TABLE contacts DROP COLUMN gone;
    ALTER TABLE orders DROP COLUMN gone"
run "dropped columns are not counted" 0 "contacts: tracked, 3 columns" \
    dialsync -C ann track contacts orders
DIALSYNC_DIR=$PWD/ann
export DIALSYNC_DIR
run "the site from the environment" 0 "tracked" dialsync track contacts
unset DIALSYNC_DIR

# ---- a full disk: told with its own code, and harmless
mkdir full
cols=$(seq -s, -f 'c%.0f' 1 60)
for i in $(seq 1 150); do
	echo "CREATE TABLE big$i(id TEXT PRIMARY KEY, $cols);"
done | sqlite3 full/d.db "PRAGMA journal_mode = wal" ".read /dev/stdin" >out
dialsync -C full init full --database full/d.db >out 2>&1 || cat out
run "full disk" 74 "nothing was changed" sh -c "trap '' XFSZ; ulimit -f 1500
    exec '$DIALSYNC' -C full track --all"
grep -q savepoint out && bad "not the first error: $(cat out)"
run "with room again" 0 "150 tables are tracked" dialsync -C full track --all

# ---- a locked database: waits, then says so
if [ -n "${LONG_TESTS:-}" ]; then
	sqlite3 c.db "BEGIN IMMEDIATE" ".shell sleep 14" &
	sleep 1
	run "locked" 75 "locked" dialsync -C ann track contacts
	wait
fi

# ---- copy
run "copy to a directory that is in use" 64 "not empty" \
    dialsync -C ann copy bob in
run "copy for itself" 64 "this site itself" dialsync -C ann copy ann new
run "copy" 0 "ready to carry" dialsync -C ann copy bob bob
same "the copy's name" bob "$(meta bob/c.db site)"
same "the copy's sequence" "$(meta c.db seq)" "$(meta bob/c.db seq)"
[ "$(meta c.db inc)" != "$(meta bob/c.db inc)" ] || bad "same incarnation"
same "one tag" "$(sqlite3 c.db \
    "SELECT tag, pos_tag, mark, pos FROM dialsync_peer WHERE name = 'bob'")" \
    "$(sqlite3 bob/c.db \
    "SELECT tag, pos_tag, mark, pos FROM dialsync_peer WHERE name = 'ann'")"
same "each has the other's incarnation" \
    "$(meta bob/c.db inc) $(meta c.db inc)" \
    "$(sqlite3 c.db "SELECT inc FROM dialsync_peer WHERE name = 'bob'") \
$(sqlite3 bob/c.db "SELECT inc FROM dialsync_peer WHERE name = 'ann'")"
same "the log is folded" "0 0" "$(sqlite3 c.db \
    'SELECT count(*) FROM dialsync_log') $(sqlite3 bob/c.db \
    'SELECT count(*) FROM dialsync_log')"
same "the rows" "$(sqlite3 c.db 'SELECT * FROM contacts')" \
    "$(sqlite3 bob/c.db 'SELECT * FROM contacts')"
same "the states" "$(sed 1q ann/state)" "$(cat bob/state)"
run "the copy is a site" 0 "ann" dialsync -C bob peer
run "here the peer is known" 0 "bob" dialsync -C ann peer
sqlite3 bob/c.db "DELETE FROM contacts WHERE id = 'b'"
same "the copy logs changes" b \
    "$(sqlite3 bob/c.db 'SELECT k1 FROM dialsync_log')"
run "a copy of the copy" 0 "ready to carry" dialsync -C bob copy cy cy
same "its peers" bob "$(sqlite3 cy/c.db 'SELECT name FROM dialsync_peer')"
mkdir empty
run "copy into an empty directory" 0 "ready" dialsync -C ann copy eve empty
[ -f empty/c.db ] || bad "empty directory is still empty"

# ---- init --copy
sqlite3 c.db "PRAGMA journal_mode = wal; UPDATE contacts SET name = 'B'
    WHERE id = 'b'" >/dev/null
cp c.db carl.db
run "init --copy with the same name" 64 "name of its own" \
    dialsync init ann --database carl.db --copy -C ann2
run "init --copy" 0 "no carl.db-wal" dialsync init carl --database carl.db \
    --copy
same "its name" carl "$(meta carl.db site)"
same "no peers" 0 "$(sqlite3 carl.db 'SELECT count(*) FROM dialsync_peer')"
same "the copied log is folded under the original's name" "ann 0" \
    "$(sqlite3 carl.db "SELECT site FROM dialsync_origin, dialsync_frag
	ON dialsync_origin.o = dialsync_frag.o ORDER BY s DESC LIMIT 1;") \
$(sqlite3 carl.db 'SELECT count(*) FROM dialsync_log')"
same "what it knows of the original" 1 "$(sqlite3 carl.db "SELECT known >=
    (SELECT v FROM dialsync_meta WHERE k = 'last') - 1 FROM dialsync_origin
    WHERE site = 'ann'")"
run "init --copy again" 64 "complete" dialsync init carl --database carl.db \
    --copy

# ---- stopped anywhere (builds with stop points; others end at n = 1)
n=1
while [ $n -lt 30 ]; do
	rm -rf st && make_db st.db
	DIALSYNC_STOP_AFTER=$n dialsync init st --database st.db >out 2>&1
	code=$?
	[ $code = 100 ] || break
	dialsync init st --database st.db >out 2>&1
	code=$?
	[ $code = 0 ] || grep -q "complete" out ||
		{ bad "init stopped at $n, then again: $code"; cat out; }
	run "works after a stop at $n" 0 "tracked" dialsync -C st track contacts
	n=$((n + 1))
done
same "the last init" 0 $code
n=1
while [ $n -lt 60 ]; do
	rm -rf sc sc.dialsync-tmp
	DIALSYNC_STOP_AFTER=$n dialsync -C st copy sc sc >out 2>&1
	code=$?
	[ $code = 100 ] || break
	if [ -e sc ]; then
		run "a copy stopped at $n is whole" 0 "st" dialsync -C sc peer
	else
		run "a copy again after a stop at $n" 0 "ready" \
		    dialsync -C st copy sc sc
	fi
	n=$((n + 1))
done
same "the last copy" 0 $code
finish
