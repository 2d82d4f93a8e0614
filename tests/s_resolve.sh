#!/bin/sh
# "resolve" of a table: mine takes this site's lost values back, hold lets a
# person decide; wherever the conflict was found.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

now=1800000000
tick() {
	now=$((now + ${1:-10}))
	DIALSYNC_NOW=$now
	export DIALSYNC_NOW
}
edit() {
	db "$1" "$2; UPDATE dialsync_log SET w = $now"
}
conf() {
	s=$1
	shift
	dialsync -C "$s" conflicts "$@"
}
open() {
	db "$1" "SELECT count(*) FROM dialsync_conflict WHERE settled IS NULL"
}
rule() { # SITE WHICH
	printf '\n[table t]\nresolve = %s\n' "$2" >>"$1/dialsync.conf"
}
# registers SITE: versions of all registers, as the site has them
registers() {
	db "$1" "WITH RECURSIVE bit(r) AS (SELECT 0 UNION ALL SELECT r + 1
	    FROM bit LIMIT 8) SELECT t.name, k, r, c, site FROM dialsync_frag
	    JOIN dialsync_table t USING(t) JOIN dialsync_origin USING(o)
	    JOIN bit ON m >> r & 1 WHERE t.name = 't' AND r <> 2 ORDER BY 1, 2, 3"
}
tables="CREATE TABLE t(id TEXT PRIMARY KEY, a, b, u TEXT UNIQUE)"
begin() { # SITE...
	make_sites "$tables" "$@"
	db "$1" "INSERT INTO t VALUES('k', 0, 0, NULL)"
	sync_all "$@"
}
both() { # FIRST SECOND: edits of a, the second is the later
	tick
	edit "$1" "UPDATE t SET a = '$1' WHERE id = 'k'"
	tick
	edit "$2" "UPDATE t SET a = '$2' WHERE id = 'k'"
	tick
}

# ---- mine: the one that lost here takes it back
begin x y
rule x mine
both x y
sync_all x y
equal "mine" x y
same "the lost value is everywhere" "x x" \
    "$(db x "SELECT a FROM t") $(db y "SELECT a FROM t")"
same "settled by the rule" "rule|x" "$(db y "SELECT settled, settled_by FROM
    dialsync_conflict")"
same "and no new conflict" 1 "$(db x "SELECT count(*) FROM
    dialsync_conflict")"
# what wins anyway is left alone
tick
edit y "UPDATE t SET a = 'y2' WHERE id = 'k'"
tick
edit x "UPDATE t SET a = 'x2' WHERE id = 'k'"
sync_all x y
same "mine won by itself" "x2 1" "$(db y "SELECT a FROM t") $(open y)"

# ---- both say mine: no ping-pong
begin x y
rule x mine
rule y mine
both x y
sync_all x y || bad "two sites with mine: ping-pong"
equal "two sites with mine" x y
same "one value" x "$(db y "SELECT a FROM t")"
same "nothing is open" "0 0" "$(open x) $(open y)"
same "one take" 1 "$(db x "SELECT count(*) FROM dialsync_conflict")"

# ---- the conflict is found at a hub, three sites, all with mine
PEERS_OF_x=h PEERS_OF_y=h PEERS_OF_h="x y"
begin h x y
for s in h x y; do rule $s mine; done
both x y
sync_all h x y || bad "a hub with mine: ping-pong"
equal "a hub with mine" h x y
same "x takes it back" x "$(db y "SELECT a FROM t")"
same "nothing is open" 0 "$(open h)"
# a newer edit of this site is not undone
begin h x y
rule x mine
tick
edit x "UPDATE t SET a = 'old' WHERE id = 'k'"
pack x
tick
edit y "UPDATE t SET a = 'y2' WHERE id = 'k'"
pack y
tick
edit x "UPDATE t SET a = 'new' WHERE id = 'k'"
sync_all h x y
equal "an own newer edit" h x y
same "it stays" new "$(db h "SELECT a FROM t")"

# ---- mine brings back a row that a death took
begin h x y
rule x mine
tick
edit x "UPDATE t SET a = 'kept', b = 1 WHERE id = 'k'"
tick
edit y "DELETE FROM t WHERE id = 'k'"
sync_all h x y
equal "mine and a death" h x y
same "the row is back" "kept|1" "$(db y "SELECT a, b FROM t")"

# ... also where the death was at the hub before the edit
begin h x y
rule x mine
tick
edit x "UPDATE t SET a = 'kept', b = 1 WHERE id = 'k'"
tick
edit y "DELETE FROM t WHERE id = 'k'"
pack y
carry y h
apply h
sync_all h x y
equal "mine and an earlier death" h x y
same "this row is back, too" "kept|1" "$(db y "SELECT a, b FROM t")"

# ---- hold: a person decides
for found in there hub; do
	for decide in take dismiss number; do
		if [ $found = hub ]; then
			PEERS_OF_x=h PEERS_OF_y=h PEERS_OF_h="x y"
		else
			PEERS_OF_x='' PEERS_OF_y='' PEERS_OF_h=''
		fi
		what="hold, found $found, $decide"
		begin h x y
		rule x hold
		both x y
		sync_all h x y
		same "$what: x keeps its own" x "$(db x "SELECT a FROM t")"
		same "$what: others have the later" "y y" \
		    "$(db y "SELECT a FROM t") $(db h "SELECT a FROM t")"
		registers x >want.reg
		registers h >got.reg
		cmp -s want.reg got.reg || { bad "$what: registers differ"; diff want.reg got.reg; }
		same "$what: it waits" "person|0|1" "$(db x "SELECT kind,
		    since IS NULL, wait IS NOT NULL FROM dialsync_held")"
		dialsync -C x status --json | grep -q '"held_rows": 1' ||
			bad "$what: status does not tell"
		# a still later value waits there, too
		tick
		edit y "UPDATE t SET a = 'y3', b = 3 WHERE id = 'k'"
		sync_all h x y
		same "$what: still its own" "x|3" "$(db x "SELECT a, b FROM t")"
		h=$(conf x list | awk '/^ *h[0-9]/ {print $1}')
		run "$what: show" 0 "    a = 'y3'" conf x show "$h"
		tick
		case $decide in
		take)
			run "$what" 0 "what this site wrote" conf x take "$h"
			want=x ;;
		dismiss)
			run "$what" 0 "what had waited is in row" \
			    conf x dismiss "$h"
			want=y3 ;;
		number)
			n=$(db x "SELECT rowid FROM dialsync_conflict WHERE
			    settled IS NULL")
			run "$what" 0 "a of t 'k' is 'x' again" conf x take "$n"
			want=x ;;
		esac
		sync_all h x y
		equal "$what" h x y
		same "$what: it holds everywhere" "$want" \
		    "$(db h "SELECT a FROM t")"
		same "$what: nothing waits" "0 0" "$(open h) \
$(db x "SELECT count(*) FROM dialsync_held")"
		same "$what: no conflict came of it" 1 \
		    "$(db h "SELECT count(*) FROM dialsync_conflict")"
		registers x >want.reg
		registers h >got.reg
		cmp -s want.reg got.reg || { bad "$what: registers differ afterwards"; diff want.reg got.reg; }
		# the second half needs only one
		[ $found = hub ] && break
	done
done

PEERS_OF_x='' PEERS_OF_y='' PEERS_OF_h=''

# ---- hold: who edits the field has decided
begin x y
rule x hold
both x y
sync_all x y
tick
edit x "UPDATE t SET a = 'decided' WHERE id = 'k'"
sync_all x y
equal "an edit decides" x y
same "it holds" decided "$(db y "SELECT a FROM t")"
same "nothing waits" 0 "$(db x "SELECT count(*) FROM dialsync_held")"
finish
