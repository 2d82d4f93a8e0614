#!/bin/sh
# Two sites of one name: a whole site was copied, or a whole computer, or only
# the database; and the way out of it.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

T="CREATE TABLE t(id TEXT PRIMARY KEY, a)"
export DIALSYNC_MACHINE=one
now=$(date +%s)

inc() {
	db "$1" "SELECT v FROM dialsync_meta WHERE k = 'inc'"
}

# a and hub, a's database in a's directory
history() {
	export DIALSYNC_MACHINE=one
	unset DIALSYNC_NOW
	rm -rf a b a.tmp b.tmp hub
	make_sites "$T" a hub
	rm -rf a
	mkdir a
	sqlite3 a/d.db "$T"
	dialsync init a -C a --database a/d.db >out 2>&1 || cat out
	dialsync -C a track --all >out 2>&1
	dialsync -C a peer hub >out 2>&1
	rm -rf a.tmp
	ln -s a a.tmp
	db a "INSERT INTO t VALUES('a1', 1), ('a2', 1)"
	db hub "INSERT INTO t VALUES('h1', 1)"
	sync_all a hub
	db hub "UPDATE t SET a = 0 WHERE id = 'a2'"
	sync_all a hub
	: >a.said
	: >b.said
	: >hub.said
}

# call SITE: it exchanges with hub under the name a, and an hour passes
call() {
	now=$((now + 3600))
	DIALSYNC_NOW=$now
	export DIALSYNC_NOW
	for x in 1 2; do
		pack $1
		cat pack.out >>$1.said
		pack hub
		cat pack.out >>hub.said
		mkdir -p hub/inbox/a $1/inbox/hub
		for f in $1/outbox/hub/*.gz; do
			[ -e "$f" ] || continue
			# the name of another one that waits there?
			[ ! -e hub/inbox/a/${f##*/} ] || apply hub
			mv "$f" hub/inbox/a/
		done
		for f in hub/outbox/a/*.gz; do
			[ -e "$f" ] && mv "$f" $1/inbox/hub/
		done
		apply hub
		cat apply.out >>hub.said
		apply $1
		cat apply.out >>$1.said
	done
}

# go_on SITE: it writes, and calls, and hub writes
go_on() {
	n=$((n + 1))
	db $1 "INSERT INTO t VALUES('$1.$n', $n); UPDATE t SET a = '$1.$n'
	    WHERE id = 'a1'"
	db hub "INSERT INTO t VALUES('hub.$n', $n)"
	call $1
}

# has SITE KEY...: these rows are there
has() {
	s=$1
	shift
	for k in "$@"; do
		same "$name: $k at $s" 1 \
		    "$(db $s "SELECT count(*) FROM t WHERE id = '$k'")"
	done
}

says() {
	grep -qF -- "$2" "$1.said" || {
		bad "$name: $1 does not say \"$2\""
		sort -u $1.said
	}
}

# few SITE N: of its name's incarnations hub knows at most so many
few() {
	c=$(db hub "SELECT count(*) FROM dialsync_origin WHERE site = 'a'")
	[ "$c" -le "$1" ] || bad "$name: $c incarnations of a"
}

for how in "a directory" "a computer"; do
	name="$how was copied"
	history
	cp -r a b
	ln -s b b.tmp
	if [ "$how" = "a computer" ]; then
		# the copy believes that it is at home
		sqlite3 b/d.db "UPDATE dialsync_meta SET v = (SELECT '1 ' ||
		    substr(v, 3, 17) || '0 $(stat -c %i b/d.db) $(pwd -P)/b'
		    FROM dialsync_meta WHERE k = 'place') WHERE k = 'place'"
	fi
	n=0
	keys=
	for i in 1 2 3 4 5 6; do
		go_on a
		go_on b
		keys="$keys a.$((n - 1)) b.$n"
	done
	if [ "$how" = "a directory" ]; then
		says b "If it is still in use there too, two sites"
	else
		grep -q "is now in" b.said && bad "$name: noticed at b"
	fi
	has hub $keys
	says hub "two sites call themselves a"
	says hub '"dialsync init NAME --database FILE --copy"'
	grep -q "two sites call themselves a" a.said b.said ||
		bad "$name: neither says it"
	run "$name: status" 0 "two sites call themselves a" \
	    dialsync -C hub status
	few 6
	was=$(db hub "SELECT count(*) FROM dialsync_origin")
	for i in 1 2 3 4; do
		call a
		call b
	done
	same "$name: quiet" "$was" \
	    "$(db hub "SELECT count(*) FROM dialsync_origin")"
	[ -z "$(ls hub/outbox/a/*.gz a/outbox/hub/*.gz 2>/dev/null)" ] ||
		bad "$name: never silent"

	# the way out: b becomes carl
	run "$name: a name of its own" 0 "site carl is ready" \
	    dialsync -C b init carl --database b/d.db --copy
	grep -q "^name = carl" b/dialsync.conf || bad "$name: not renamed"
	rm -f b.tmp
	mv b carl
	ln -s carl carl.tmp
	dialsync -C hub peer carl >out 2>&1 || cat out
	db carl "INSERT INTO t VALUES('c1', 1)"
	db a "INSERT INTO t VALUES('a9', 1)"
	# a does not drive what may be another to and fro too often
	now=$((now + 8 * 86400))
	DIALSYNC_NOW=$now
	sync_all a hub carl
	dialsync -C a apply >a.said 2>&1
	equal "$name: after all" hub carl
	equal "$name: after all" hub a
	has hub $keys c1 a9
	now=$((now + 9 * 86400))
	DIALSYNC_NOW=$now
	apply hub
	dialsync -C hub status | grep -q "two sites" &&
		bad "$name: the status nags"
	rm -rf carl carl.tmp
done

# ---- only the database was copied, to another site's directory
name="another site's database"
history
make_sites "$T" bob
cp a/d.db bob.tmp/d.db
rm -f bob.tmp/d.db-*
for c in pack apply track peer; do
	run "$name: $c" 65 "is the database of site a, not of bob" \
	    dialsync -C bob $c $([ $c != track ] || echo --all)
done
command=$(sed 's/.*"dialsync \(.*--copy\)".*/\1/' out)
run "$name: init" 64 "is the database of site a; nothing was changed" \
    dialsync init bob -C bob2 --database bob.tmp/d.db
run "$name: the remedy" 0 "site bob is ready" dialsync $command
dialsync -C bob peer hub >out 2>&1
dialsync -C hub peer bob >out 2>&1
db bob "INSERT INTO t VALUES('bob1', 1)"
db a "INSERT INTO t VALUES('a3', 1)"
sync_all a hub bob
equal "$name" a hub bob
has hub bob1 a3

# ---- a copy of the copy, and of that one
name="copies of copies"
for s in c1 c2; do
	[ $s = c1 ] && from=bob || from=c1
	mkdir -p $s.tmp
	sqlite3 $from.tmp/d.db ".backup $s.tmp/d.db"
	run "$name: init again" 64 "" dialsync init $from -C x.$s \
	    --database $s.tmp/d.db
	run "$name: $s" 0 "site $s is ready" \
	    dialsync init $s --database $s.tmp/d.db --copy
	dialsync -C $s peer hub >out 2>&1
	dialsync -C hub peer $s >out 2>&1
	db $s "INSERT INTO t VALUES('$s.1', 1); UPDATE t SET a = '$s'
	    WHERE id = 'a1'"
done
db bob "UPDATE t SET a = 'bob' WHERE id = 'a1'"
sync_all a hub bob c1 c2
equal "$name" a hub bob c1 c2
has a c1.1 c2.1

# ---- no second site, but an old backup put back twice, its file lost
name="put back twice"
history
sqlite3 a/d.db ".backup a.backup"
for i in 1 2; do
	db a "INSERT INTO t VALUES('new$i', $i)"
	db hub "INSERT INTO t VALUES('hub$i', $i)"
	sync_all a hub
	sync_all a hub
	equal "$name: $i" a hub
	rm -f a/d.db* a/state
	cp a.backup a/d.db
done
db a "INSERT INTO t VALUES('new3', 3)"
sync_all a hub
sync_all a hub
equal "$name" a hub
has a new1 new2 new3 hub1 hub2
dialsync -C hub status | grep -q "two sites" && bad "$name: hub sees two"
finish
