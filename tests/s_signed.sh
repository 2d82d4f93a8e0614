#!/bin/sh
# Bundles with keyed digests: what is not the peer's own is held, wherever it
# came from; a key is replaced while bundles cross, and nothing is lost.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

T="CREATE TABLE t(id TEXT PRIMARY KEY, v)"
rows() {
	db "$1" "SELECT group_concat(id, ' ') FROM
	    (SELECT id FROM t ORDER BY id)"
}
put() {
	db "$1" "INSERT INTO t VALUES('$2', '$2')"
}
# share A B: the same new key at both
share() {
	dialsync -C "$1" peer "$2" --new-key >out 2>&1 &&
		dialsync -C "$2" peer "$1" --key-file "$1/keys/$2.key" \
		    >out 2>&1 || bad "share $1 $2: $(cat out)"
}
new_key() {
	dialsync -C "$1" peer "$2" --new-key >out 2>&1 || bad "$(cat out)"
}
bring_key() {
	dialsync -C "$2" peer "$1" --key-file "$1/keys/$2.key" >out 2>&1 ||
		bad "$(cat out)"
}
nkeys() {
	grep -cv '^#' "$1/keys/$2.key"
}
held_files() {
	find "$@" -name '*.gz'
}
signed() {
	dialsync show "$1" | grep -o 'not signed\|[0-9]* keyed' | tr '\n' ' '
}
# held SITE PEER NAME WORDS: the run held one, for this reason; then forget it
held() {
	what=$3
	apply "$1"
	same "$what: exit code" 65 $?
	grep -qF "$4" "$1/held/$2/"*.why 2>/dev/null ||
		bad "$what: reason: $(cat "$1/held/$2/"*.why apply.out)"
	same "$what: held" 1 "$(ls "$1/held/$2" | grep -c 'gz$')"
	same "$what: inbox" "" "$(ls "$1/inbox/$2" | grep gz)"
	rm -f "$1/held/$2/"*
}
# flip FILE OFFSET: change one byte
flip() {
	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	printf "\\$(printf %03o $((byte ^ 1)))" |
	    dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
ONE=00000001.xml.gz TWO=00000002.xml.gz

# ---- without keys all is as it was, and nothing is larger
make_sites "$T" a b
put a 1
pack a
same "no key" "not signed " "$(signed a/outbox/b/$ONE)"
plain=$(stat -c %s a/outbox/b/$ONE)
sync_all a b
equal "no key" a b

# ---- with a key: a digest for 22 bytes; every reader of before reads it
make_sites "$T" a b
share a b
put a 1
pack a
f=a/outbox/b/$ONE
same "a key" "1 keyed " "$(signed $f)"
grown=$(($(stat -c %s $f) - plain))
[ $grown -ge 18 ] && [ $grown -le 26 ] || bad "$grown bytes for a digest"
gzip -t $f || bad "gzip does not like it"
zcat $f | head -c 3 | grep -q '<b ' || bad "zcat"
cp $f genuine
put b 2
sync_all a b
equal "a key" a b
same "nothing is held" "" "$(held_files a/held b/held)"

# ---- replayed: the same again is dropped, under another number it is held
cp genuine b/inbox/a/$ONE
apply b
same "replayed: exit code" 0 $?
same "replayed: gone" "" "$(ls b/inbox/a | grep gz)"
cp genuine b/inbox/a/00000009.xml.gz
held b a "renamed" "it is number 1"

# ---- altered: each byte counts, those of the header and digest too
size=$(stat -c %s genuine)
for at in 3 4 9 12 14 16 24 31 32 33 $((size / 2)) $((size - 6)) \
    $((size - 1)); do
	cp genuine b/inbox/a/00000009.xml.gz
	flip b/inbox/a/00000009.xml.gz $at
	touch -d "3 minutes ago" b/inbox/a/00000009.xml.gz
	apply b
	same "byte $at: exit code" 65 $?
	grep -q "altered, or signed with another\|not signed" b/held/a/*.why ||
	    bad "byte $at: $(cat b/held/a/*.why)"
	rm -f b/held/a/*
done
# a byte more, a byte less
{ cat genuine; echo; } >b/inbox/a/00000009.xml.gz
held b a "longer" "altered, or signed with another key"
head -c $((size - 1)) genuine >b/inbox/a/00000009.xml.gz
apply b
same "still growing: exit code" 0 $?
[ -f b/inbox/a/00000009.xml.gz ] || bad "a growing file was not left alone"
touch -d "3 minutes ago" b/inbox/a/00000009.xml.gz
held b a "cut" "altered"
# other contents in a good gzip file, under the old digest
zcat genuine | sed 's/>1</>7</g' | gzip -9n >new
{ head -c 32 genuine; tail -c +11 new; } >b/inbox/a/00000009.xml.gz
gzip -t b/inbox/a/00000009.xml.gz || bad "the forgery is no gzip file"
held b a "other contents" "altered, or signed with another key"

# ---- unsigned: the digest taken off
{ head -c 3 genuine; printf '\0'; tail -c +5 genuine | head -c 6
    tail -c +33 genuine; } >b/inbox/a/00000009.xml.gz
gzip -t b/inbox/a/00000009.xml.gz || bad "the unsigned one is no gzip file"
held b a "unsigned" "not signed, and a key is shared with a (keys/a.key)"
grep -q "will be asked for again" apply.out || bad "unsigned: $(cat apply.out)"

# ---- reflected: our own comes back
put b 3
pack b
cp b/outbox/a/$TWO b/inbox/a/$TWO
held b a "reflected" "it is from b, not from a"
sync_all a b
equal "after all that" a b

# ---- foreign: from another peer, with its own key and with the same one
make_sites "$T" a b c
share a b
share a c
put c 1
pack c
cp c/outbox/a/$ONE a/inbox/b/$ONE
held a b "foreign" "fits not the key in keys/b.key"
cp a/keys/b.key a/keys/c.key
cp a/keys/b.key c/keys/a.key
put c 2
pack c
cp c/outbox/a/$TWO a/inbox/b/$TWO
held a b "foreign with the same key" "it is from c, not from b"
# for another one
pack c
cp c/outbox/b/$ONE a/inbox/c/$ONE
held a c "for another" "not signed"
sync_all a b c
equal "foreign ones did no harm" a b c

# ---- only one side has a key: what it signs is taken, and said
make_sites "$T" a b
new_key a b
put a 1
pack a
carry a b
run "signed, no key here" 0 "this site shares no key with it" \
    dialsync -C b apply
same "taken" 1 "$(rows b)"
put b 2
pack b
carry b a
held a b "unsigned, a key here" "not signed"
# then it comes there, and what was held is sent again, signed
bring_key a b
put b 3
sync_all a b
equal "the key came" a b
same "the key came" "1 2 3" "$(rows a)"

# ---- a stick is checked as the line is
make_sites "$T" a b
share a b
mkdir stick
put a 1
dialsync -C a carry stick >out 2>&1 || bad "carry: $(cat out)"
zcat stick/a/b/$ONE | gzip -9n >new
cp new stick/a/b/$ONE
dialsync -C b carry stick >out 2>&1 || bad "carry: $(cat out)"
held b a "a stick" "not signed"
put a 2
dialsync -C a carry stick >out 2>&1 || bad "carry: $(cat out)"
same "written again" "1 keyed " "$(signed stick/a/b/$ONE)"
dialsync -C b carry stick >out 2>&1 || bad "carry: $(cat out)"
apply b
same "the stick came again" "1 2" "$(rows b)"

# ---- a large one, made and merged in many parts
make_sites "$T" a b
share a b
db a "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE
    i < 30000) INSERT INTO t SELECT hex(randomblob(8)), hex(randomblob(40))
    FROM n"
sed '/^\[site\]/a bundle-size = 4M' a/dialsync.conf >conf && cp conf a/dialsync.conf
pack a
same "large" "1 keyed " "$(signed a/outbox/b/$ONE)"
[ "$(stat -c %s a/outbox/b/$ONE)" -gt 1000000 ] || bad "not large"
cp a/outbox/b/$ONE large
flip large 700000
cp large b/inbox/a/$ONE
touch -d "3 minutes ago" b/inbox/a/$ONE
held b a "large, altered" "altered"
same "large, altered: nothing is merged" 0 "$(db b "SELECT count(*) FROM t")"
carry a b
DIALSYNC_APPLY_ROWS=500 dialsync -C b apply >out 2>&1 || bad "$(cat out)"
equal "large" a b

# ---- a new key, and bundles that cross
make_sites "$T" a b
share a b
put a a1; put b b1
sync_all a b
put a a2; pack a; put b b2; pack b        # signed with the old one only
cp a/outbox/b/*.gz late_a; cp b/outbox/a/*.gz late_b
new_key a b
put a a3; pack a                           # with both
same "both" "2 keyed " "$(for f in a/outbox/b/*3.xml.gz; do signed $f; done)"
carry a b
apply b || bad "b has the old key only: $(cat apply.out)"
same "b took both" "a1 a2 a3 b1 b2" "$(rows b)"
put b b3; pack b                           # b has the old one only
carry b a
apply a || bad "a takes the old key: $(cat apply.out)"
same "nothing goes yet" "2 1" "$(nkeys a b) $(nkeys b a)"
put b b4; pack b                           # old only, on its way
mkdir way; mv b/outbox/a/*.gz way/
bring_key a b
put a a4; pack a; put b b5; pack b         # both, crossing
carry b a
apply a || bad "a gap is no error: $(cat apply.out)"
same "one is missing, so the old key stays" 2 "$(nkeys a b)"
mv way/*.gz a/inbox/b/
apply a || bad "the late one: $(cat apply.out)"
grep -q "1 old one is removed from keys/b.key" apply.out ||
	bad "a: $(cat apply.out)"
same "old gone at a" 1 "$(nkeys a b)"
carry a b
apply b || bad "b: $(cat apply.out)"
same "old gone at b" 1 "$(nkeys b a)"
same "the same key is left" "$(grep -v '#' a/keys/b.key)" \
    "$(grep -v '#' b/keys/a.key)"
put a a5; put b b6
sync_all a b
equal "rotation" a b
same "rotation: nothing is lost" "a1 a2 a3 a4 a5 b1 b2 b3 b4 b5 b6" "$(rows a)"
same "rotation: nothing is held" "" "$(held_files a/held b/held)"
# what turns up signed with the old one is held, and nothing is missing
cp late_a b/inbox/a/00000002.xml.gz
held b a "a late copy" "signed with another key"
sync_all a b
equal "a late copy" a b

# ---- b is silent but for its key: it knows the old one from before
make_sites "$T" a b
share a b
put a 1; put b 2
sync_all a b
new_key a b
bring_key a b
put b 3; pack b; carry b a
apply a
same "a has seen the new one on top at b" 1 "$(nkeys a b)"
put a 4; pack a; carry a b                 # signed with the new one alone
apply b
same "b too" 1 "$(nkeys b a)"

# ---- what waits behind a gap is signed with the old one: it stays till then
make_sites "$T" a b
share a b
put a 1; put b 2
sync_all a b
db b "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE
    i < 60) INSERT INTO t SELECT hex(randomblob(8)), hex(randomblob(40))
    FROM n"
pack b; rm b/outbox/a/*.gz                 # lost
put b 3; pack b; carry b a
apply a || bad "a gap: $(cat apply.out)"
new_key a b; bring_key a b
pack a; carry a b; apply b                 # asked for again
sed '/^\[site\]/a bundle-size = 1K' b/dialsync.conf >conf &&
	cp conf b/dialsync.conf
pack b
[ "$(ls b/outbox/a | grep -c gz)" -gt 1 ] || bad "one bundle: $(cat pack.out)"
mv "$(held_files b/outbox/a | sort | head -n 1)" a/inbox/b/
apply a || bad "a part of it: $(cat apply.out)"
same "while something waits" 2 "$(nkeys a b)"
carry b a
apply a || bad "the rest: $(cat apply.out)"
same "nothing waits" 1 "$(nkeys a b)"
same "nothing waits: held" "" "$(held_files a/held)"
equal "nothing waits" a b

# ---- both make a key at the same time, and exchange them: a common one stays
for had in one none; do
	make_sites "$T" a b
	[ $had = none ] || share a b
	put a 1; put b 2
	[ $had = none ] || sync_all a b
	new_key a b; new_key b a
	cp a/keys/b.key from_a; cp b/keys/a.key from_b
	put a 3; pack a; put b 4; pack b       # made before the exchange
	dialsync -C a peer b --key-file from_b >out 2>&1 || bad "$(cat out)"
	dialsync -C b peer a --key-file from_a >out 2>&1 || bad "$(cat out)"
	carry a b; carry b a
	apply a || bad "crossing, had $had: $(cat apply.out)"
	apply b || bad "crossing, had $had: $(cat apply.out)"
	for i in 5 6 7; do
		put a a$i; put b b$i
		sync_all a b
	done
	equal "crossing, had $had" a b
	same "crossing, had $had: held" "" "$(held_files a/held b/held)"
	grep -v '#' a/keys/b.key | sort >one
	grep -v '#' b/keys/a.key | sort >two
	[ -n "$(comm -12 one two)" ] || bad "crossing, had $had: no" \
	    "common key is left: $(cat one two)"
done

# ---- stopped at every step of packing: nothing unsigned is ever ready
make_sites "$T" a b
share a b
i=1
while :; do
	put a $i
	DIALSYNC_STOP_AFTER=$i dialsync -C a pack --flush >out 2>&1
	code=$?
	for f in $(held_files a/outbox/b); do
		same "packing stopped at $i: $f" "1 keyed " "$(signed "$f")"
	done
	[ $code = 100 ] || break
	pack a || bad "packing stopped at $i: $(cat pack.out)"
	carry a b
	apply b || bad "packing stopped at $i: $(cat apply.out)"
	i=$((i + 1))
	[ $i -lt 40 ] || { bad "never ends"; break; }
done
carry a b
apply b || bad "packing: $(cat apply.out)"
equal "packing stopped" a b

# ---- stopped at every step of applying what makes an old key go
make_sites "$T" a b
share a b
put a 1; put b 2
sync_all a b
new_key a b; bring_key a b
put b 3; pack b; carry b a
cp -R a a.kept; cp -R a.tmp a.tmp.kept
i=1
while :; do
	rm -rf a a.tmp
	cp -R a.kept a; cp -R a.tmp.kept a.tmp
	DIALSYNC_STOP_AFTER=$i dialsync -C a apply >out 2>&1
	[ $? = 100 ] || break
	apply a || bad "stopped at $i: $(cat apply.out)"
	same "stopped at $i" "1 2 3" "$(rows a)"
	[ -z "$(ls a/held/b)" ] || bad "stopped at $i: held"
	i=$((i + 1))
	[ $i -lt 40 ] || { bad "never ends"; break; }
done
same "at the end" 1 "$(nkeys a b)"
finish
