#!/bin/sh
# Clocks that are wrong by years: ahead, at 1970, back; on one side or both.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

T="CREATE TABLE t(id TEXT PRIMARY KEY, a)"
N=1795400000          # 2026-11-23
YEARS=$((5 * 31536000))

# at SITE TIME SQL: an edit, by an application that sees that time
at() {
	db "$1" "$3; UPDATE dialsync_log SET w = $2"
}

# clock SITE TIME: what its programs see from now on
clock() {
	eval "NOW_$1=$2"
}

# as SITE COMMAND...: under its clock
as() {
	eval "DIALSYNC_NOW=\$NOW_$1"
	export DIALSYNC_NOW
	shift
	"$@"
	rc=$?
	unset DIALSYNC_NOW
	return $rc
}

# rounds SITE...: pack, carry, apply; what each says is in SITE.said
rounds() {
	for round in 1 2 3 4 5 6; do
		for s in "$@"; do
			as $s pack $s || bad "$name: pack at $s"
			cat pack.out >>$s.said
		done
		[ $round -lt 3 ] || ls $(printf '%s/outbox/*/*.gz ' "$@") \
		    >/dev/null 2>&1 || break
		for s in "$@"; do
			for p in "$@"; do
				[ $s = $p ] || carry $s $p
			done
		done
		for s in "$@"; do
			as $s apply $s
			cat apply.out >>$s.said
		done
	done
}

# begin SITE...: sites that have exchanged one row when all was right
begin() {
	rm -f *.said
	make_sites "$T" "$@"
	for s in "$@"; do
		clock $s $N
		: >$s.said
	done
	at $1 $N "INSERT INTO t VALUES('x', 0)"
	rounds "$@"
	at $2 $N "INSERT INTO t VALUES('y', 0)"
	rounds "$@"
	equal "$name: begins" "$@"
}

inc() {
	db "$1" "SELECT v FROM dialsync_meta WHERE k = 'inc'"
}

says() {
	grep -qF -- "$2" "$1.said" || {
		bad "$name: $1 does not say \"$2\""
		sort -u $1.said
	}
}

silent() {
	grep -E "$2" "$1.said" && bad "$name: $1 says it"
}

# near TIME SITE...: no change is stamped later than a day after it
near() {
	t=$1
	shift
	for s in "$@"; do
		same "$name: late clocks at $s" 0 "$(db $s "SELECT count(*)
		    FROM dialsync_frag WHERE c > $t + 86400")"
	done
}

name="one is ahead"
begin a hub
was=$(inc a)
far=$((N + YEARS))
clock a $far
at a $far "UPDATE t SET a = 'far' WHERE id = 'x'; INSERT INTO t VALUES('a1', 1)"
as a pack a
at a $far "UPDATE t SET a = 2 WHERE id = 'a1'; INSERT INTO t VALUES('a2', 1)"
as a pack a
carry a hub
as hub apply hub
same "$name: exit code" 75 $?
for words in "waits in the inbox, with 1 more behind it" \
    "it says 2031-11-22T" "here it is 2026-11-23T" "Set the clock that is wrong"
do
	grep -q "$words" apply.out || bad "$name: no \"$words\": $(cat apply.out)"
done
same "$name: nothing moved" 0 "$(db hub "SELECT a FROM t WHERE id = 'x'")"
same "$name: both wait" 2 "$(ls hub/inbox/a/*.gz | wc -l)"
[ -z "$(ls hub/held/a/*.gz 2>/dev/null)" ] || bad "$name: held"
as hub apply hub
same "$name: exit code, again" 75 $?
grep -q "waits in the inbox" apply.out || bad "$name: not said again"
run "$name: status" 0 "it says 2031-11-22T" dialsync -C hub status
run "$name: status, JSON" 0 '"note": "bundle 0' dialsync -C hub status --json
at hub $((N + 5)) "UPDATE t SET a = 'right' WHERE id = 'y'"
# the clock is set
clock a $((N + 100))
rounds a hub
says a "the clock of this computer was ahead: changes here were made at 2031"
[ "$(inc a)" != "$was" ] || bad "$name: no new incarnation"
equal "$name" a hub
same "$name" "a1=2 a2=1 x=far y=right " \
    "$(db hub "SELECT id || '=' || a FROM t ORDER BY id" | tr '\n' ' ')"
near $N a hub
[ -z "$(ls hub/inbox/a/*.gz hub/held/a/*.gz 2>/dev/null)" ] ||
	bad "$name: still waiting, or held"
dialsync -C hub status | grep -q "2031" && bad "$name: status nags"
was=$(inc a)
clock hub $((N + 200))
at hub $((N + 200)) "UPDATE t SET a = 'later' WHERE id = 'x'"
: >a.said
rounds a hub
equal "$name, later" a hub
same "$name: the later edit wins" later \
    "$(db a "SELECT a FROM t WHERE id = 'x'")"
same "$name: no other incarnation" "$was" "$(inc a)"
silent a "ahead|clock"

# the bundle says a time that is far ahead, what is in it does not
name="ahead only while packing"
begin a hub
at a $((N + 1)) "UPDATE t SET a = 'a' WHERE id = 'x'"
clock a $far
as a pack a
carry a hub
as hub apply hub
same "$name: exit code" 75 $?
clock a $((N + 100))
at a $((N + 100)) "UPDATE t SET a = 'b' WHERE id = 'y'"
rounds a hub
says a "the clock of this computer was ahead"
equal "$name" a hub
same "$name: it came" "x=a y=b " \
    "$(db hub "SELECT id || '=' || a FROM t ORDER BY id" | tr '\n' ' ')"
near $N a hub
[ -z "$(ls hub/inbox/a/*.gz hub/held/a/*.gz 2>/dev/null)" ] ||
	bad "$name: still waiting, or held"

name="ahead, and then a backup is put back"
begin a hub
sqlite3 a.tmp/d.db ".backup backup.db"
clock a $far
at a $far "INSERT INTO t VALUES('lost', 1)"
as a pack a
carry a hub
as hub apply hub
rm -f a.tmp/d.db*
cp backup.db a.tmp/d.db
# the next bundle must not have the name of the one that waits
db a "UPDATE dialsync_peer SET number = 50"
clock a $((N + 100))
at a $((N + 100)) "INSERT INTO t VALUES('new', 1)"
rounds a hub
equal "$name" a hub
same "$name: kept" 1 "$(ls hub/held/a/*.gz | wc -l)"
grep -q "dialsync show" hub/held/a/*.why || bad "$name: no reason"
as hub apply hub
same "$name: no nagging" 0 $?

name="ours is at 1970"
begin a hub
clock hub 1000
at a $N "INSERT INTO t VALUES('a1', 1)"
as a pack a
carry a hub
as hub apply hub
same "$name: exit code" 75 $?
grep -q "1970-01-01T00:16:40Z, which cannot be: set it" apply.out ||
	bad "$name: not said: $(cat apply.out)"
was=$(inc hub)
at hub 1000 "UPDATE t SET a = 'h' WHERE id = 'x'"
at hub 1001 "INSERT INTO t VALUES('h1', 1)"
rounds hub a
says hub "says 1970-01-01T00:16:40Z, which cannot be; changes count"
same "$name: it is heard" "h 1 " "$(db a "SELECT a FROM t WHERE id IN
    ('x', 'h1') ORDER BY id DESC" | tr '\n' ' ')"
clock hub $((N + 50))
rounds hub a
equal "$name, set" a hub
same "$name: incarnation" "$was" "$(inc hub)"
same "$name: order" 0 "$(db hub "SELECT count(*) FROM dialsync_frag
    WHERE c < $N AND o")"

name="both at 1970"
begin a b
clock a 1000
clock b 2000
for i in 1 2 3; do
	at a $((1000 + i)) "INSERT INTO t VALUES('a$i', $i);
	    UPDATE t SET a = 'a$i' WHERE id = 'x'"
	rounds a b
	at b $((2000 + i)) "INSERT INTO t VALUES('b$i', $i);
	    UPDATE t SET a = 'b$i' WHERE id = 'x'"
	rounds a b
done
equal "$name" a b
same "$name: each edit was the later one" b3 \
    "$(db a "SELECT a FROM t WHERE id = 'x'")"
clock a $((N + 500))
at a $((N + 500)) "UPDATE t SET a = 'now' WHERE id = 'x'"
clock b $((N + 510))
rounds a b
equal "$name, set" a b
same "$name, set" now "$(db b "SELECT a FROM t WHERE id = 'x'")"
silent a "ahead|waits"
silent b "ahead|waits"

name="never right, at 1970 from the beginning"
make_sites "$T" a b
clock a 1000
clock b 90000000
at a 1000 "INSERT INTO t VALUES('x', 1)"
at b 90000000 "INSERT INTO t VALUES('y', 1)"
as a pack a
carry a b
as b apply b
same "$name" 1 "$(db b "SELECT a FROM t WHERE id = 'x'")"

name="two are ahead together, a third is right"
begin a b c
far=$((N + YEARS))
clock a $far
clock b $((far + 3000))
at a $far "UPDATE t SET a = 'far' WHERE id = 'x'; INSERT INTO t VALUES('a1', 1)"
rounds a b
at b $((far + 3000)) "UPDATE t SET a = 2 WHERE id = 'a1'; DELETE FROM t WHERE
    id = 'y'"
rounds a b
equal "$name" a b
at c $((N + 9)) "UPDATE t SET a = 'c' WHERE id = 'y'"
rounds c a b
same "$name: c lets nothing in" 0 "$(db c "SELECT a FROM t WHERE id = 'x'")"
clock a $((N + 1000))
clock b $((N + 1010))
clock c $((N + 1020))
at a $((N + 1000)) "INSERT INTO t VALUES('a2', 1)"
at b $((N + 1010)) "INSERT INTO t VALUES('b2', 1)"
rounds a b c
at c $((N + 1020)) "INSERT INTO t VALUES('c2', 1)"
rounds a b c
equal "$name, set" a b c
near $N a b c
same "$name: nothing is lost" "a1=2 a2=1 b2=1 c2=1 x=far " \
    "$(db c "SELECT id || '=' || a FROM t ORDER BY id" | tr '\n' ' ')"
same "$name: c's edit met a death" 1 "$(db c "SELECT count(*) > 0 FROM
    dialsync_conflict WHERE lost = 'c'")"
: >a.said
: >b.said
rounds a b c
silent a "ahead|waits"
silent b "ahead|waits"

name="passed on by one who is a little ahead"
begin a b c
H=3600
clock a $((N + 40 * H))
clock b $((N + 20 * H))
at a $((N + 40 * H)) "INSERT INTO t VALUES('a1', 1)"
as a pack a
carry a b
as b apply b
same "$name: 20 hours are let in" 1 "$(db b "SELECT a FROM t WHERE id = 'a1'")"
at b $((N + 20 * H)) "INSERT INTO t VALUES('b1', 1)"
as b pack b c
carry b c
as c apply c
same "$name: 40 hours wait" 75 $?
grep -q "it says 2026-11-24T" apply.out || bad "$name: $(cat apply.out)"
same "$name: whole" 0 "$(db c "SELECT count(*) FROM t WHERE id > 'a'
    AND id < 'c'")"
[ -z "$(ls c/held/b/*.gz 2>/dev/null)" ] || bad "$name: held"
clock c $((N + 17 * H))
as c apply c
same "$name: until it is time" "0 1 1 " "$(db c "SELECT count(*) > 2 FROM t
    WHERE id >= 'x'; SELECT a FROM t WHERE id IN ('a1', 'b1')" | tr '\n' ' ')"

name="back by two years, but others have our clocks"
begin a hub
at a $((N + 100 * 86400)) "INSERT INTO t VALUES('late', 1)"
clock a $((N + 100 * 86400))
clock hub $((N + 100 * 86400))
rounds a hub
at hub $((N + 100 * 86400)) "INSERT INTO t VALUES('late2', 1)"
rounds a hub
was=$(inc a)
clock a $((N - 2 * 365 * 86400))
at a $((N - 2 * 365 * 86400)) "UPDATE t SET a = 7 WHERE id = 'late'"
rounds a hub
says a "but changes that other sites have too were made at 2027"
same "$name: same incarnation" "$was" "$(inc a)"
same "$name: heard" 7 "$(db hub "SELECT a FROM t WHERE id = 'late'")"
finish
