#!/bin/sh
# Keys: made, carried, typed in; "dialsync peer" and "dialsync copy".
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

T="CREATE TABLE t(id TEXT PRIMARY KEY, v)"
# the key lines of a site's file for a peer
keys() {
	grep -v '^#' "$1/keys/$2.key" 2>/dev/null
}
mode() {
	stat -c %a "$1"
}

# ---- made: on standard output alone, in a file that only its owner reads
make_sites "$T" a b
run "no keys" 0 "keys 0" dialsync -C a peer
dialsync -C a peer b --new-key >key 2>said || bad "new key: $(cat said)"
grep -qxE '([A-Z2-7]{4}-){6}[A-Z2-7]{4}' key || bad "not a key: $(cat key)"
same "one line" 1 "$(wc -l <key)"
same "the file" "$(cat key)" "$(keys a b)"
same "its mode" 600 "$(mode a/keys/b.key)"
same "its directory's" 700 "$(mode a/keys)"
grep -qF "a/keys/b.key" said || bad "does not say where: $(cat said)"
grep -qF '"dialsync peer a --key-file FILE"' said || bad "not what to do there"
grep -qF '"dialsync peer a --ask-key"' said || bad "not what to read out to"
grep -qF "security = none" said || bad "security: $(cat said)"
grep -q "^security = encrypt" a/dialsync.conf || bad "security stays none"
grep -qF "$(cat key)" said && bad "the key is on standard error too"
run "list" 0 "keys 1" dialsync -C a peer

# ---- carried: whoever may read it on the stick, nobody here
cp a/keys/b.key carried
chmod 644 carried
run "carried" 0 "1 new key is on top" dialsync -C b peer a --key-file carried
cmp -s a/keys/b.key b/keys/a.key && bad "the comment was carried too"
same "carried" "$(keys a b)" "$(keys b a)"
same "carried, its mode" 600 "$(mode b/keys/a.key)"
grep -q "^security = encrypt" b/dialsync.conf || bad "security stays none at b"
run "carried again" 0 "nothing was changed" \
    dialsync -C b peer a --key-file carried
same "no duplicate" 1 "$(keys b a | wc -l)"

# ---- another on top; the whole file, and one key of it
dialsync -C a peer b --new-key >key2 2>said || bad "second: $(cat said)"
same "on top" "$(cat key2 key)" "$(keys a b)"
grep -q "go on with the old key" said || bad "second: $(cat said)"
run "two" 0 "keys 2" dialsync -C a peer
run "the whole file" 0 "1 new key is on top" \
    dialsync -C b peer a --key-file a/keys/b.key
same "the whole file" "$(keys a b)" "$(keys b a)"
rm b/keys/a.key
run "one key" 0 "1 new key" dialsync -C b peer a --key-file key2
run "what is there stays where it is" 0 "1 new key" \
    dialsync -C b peer a --key-file a/keys/b.key
same "what is there stays where it is" "$(cat key key2)" "$(keys b a)"
rm b/keys/a.key
run "two at once" 0 "2 new keys are on top" \
    dialsync -C b peer a --key-file a/keys/b.key
same "in their order" "$(keys a b)" "$(keys b a)"

# ---- typed in
rm b/keys/a.key
ask() {
	name=$1 code=$2 words=$3
	printf '%b' "$4" >typed
	run "$name" "$code" "$words" dialsync -C b peer a --ask-key <typed
}
K=$(cat key)
small=$(tr 'A-Z-' 'a-z ' <key)
ask "typed" 0 "1 new key" "$K\n"
same "typed" "$K" "$(keys b a)"
ask "in small letters, again" 0 "nothing was changed" "$small\r\n"
rm b/keys/a.key
ask "without a line end" 0 "1 new key" "$K"
# the first character of the third group, one further in the alphabet
wrong=$(echo "$K" | awk '{
	abc = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567A"
	print substr($0, 1, 10) substr(abc, index(abc, substr($0, 11, 1)) + 1,
	    1) substr($0, 12) }')
ask "one wrong character" 78 "character 1 of group 3" "$wrong\n"
grep -qF "$(echo "$K" | cut -c1-9)" out && bad "the key is in the message"
ask "too short" 78 "too few" "$(echo "$K" | cut -c1-20)\n"
ask "nothing" 78 "without a key" ""
ask "no key" 78 "too few" "please\n"
same "none of these changed anything" "$K" "$(keys b a)"

# on a terminal nothing is shown, and there is another try
if command -v script >/dev/null; then
	rm b/keys/a.key
	{ sleep 1; printf '%s\n' "$wrong"; sleep 1; printf '%s\n' "$K"
	    sleep 1; } | timeout 20 script -qec \
	    "$DIALSYNC -C b peer a --ask-key" typescript >out 2>&1
	grep -qF "$K" typescript && bad "the terminal shows the key"
	grep -q "not shown" out || bad "no question: $(cat out)"
	grep -q "again" out || bad "not asked again: $(cat out)"
	same "typed at a terminal" "$K" "$(keys b a)"
fi

# ---- what cannot be
run "two ways at once" 64 "one of --new-key" \
    dialsync -C a peer b --new-key --ask-key
run "not with --remove" 64 "alone" dialsync -C a peer b --remove --new-key
run "whose?" 64 "name is missing" dialsync -C a peer --new-key
run "no such file" 66 "nowhere.key is not there" \
    dialsync -C b peer a --key-file nowhere.key
echo "AAAA-BBBB" >letter
run "a file that is no key" 78 "letter:1: " \
    dialsync -C b peer a --key-file letter
: >letter
run "an empty file" 78 "holds no key" dialsync -C b peer a --key-file letter
same "none of these changed anything either" "$K" "$(keys b a)"
i=2
while [ $i -lt 8 ]; do
	dialsync -C a peer b --new-key >out 2>&1 || bad "$i: $(cat out)"
	i=$((i + 1))
done
run "a ninth" 78 "remove the oldest lines" dialsync -C a peer b --new-key
run "eight" 0 "keys 8" dialsync -C a peer

# ---- a file that is broken, or that others read: 78, and what to do
for s in pack apply peer; do
	chmod 640 a/keys/b.key
	run "$s: read by others" 78 "chmod 600" dialsync -C a $s
	chmod 600 a/keys/b.key
done
: >a/keys/b.key
run "emptied: pack" 78 "holds no key" dialsync -C a pack
run "emptied: apply" 78 "holds no key" dialsync -C a apply
echo nonsense >a/keys/b.key
run "broken" 78 "b.key:1:" dialsync -C a pack
run "broken: not replaced" 78 "b.key:1:" dialsync -C a peer b --new-key
rm a/keys/b.key

# ---- a peer that comes with its key; and goes
make_sites "$T" a b
printf '[site]\nname = a\ndatabase = ../a.tmp/d.db\n' >a/dialsync.conf
run "added with a key" 0 "peer b is added" dialsync -C a peer b --new-key
grep -q '^security' a/dialsync.conf && bad "security was written"
run "changed: the key stays" 0 "peer b is changed" dialsync -C a peer b
grep -q "has no key" out && bad "it has one: $(cat out)"
cp a/keys/b.key before
run "removed" 0 "delete that file" dialsync -C a peer b --remove
cmp -s before a/keys/b.key || bad "the key went"
run "and back" 0 "peer b is added" dialsync -C a peer b
run "with its key" 0 "keys 1" dialsync -C a peer
rm a/keys/b.key
dialsync -C a peer b --remove >out 2>&1
grep -q "its key" out && bad "told of a key that is not there: $(cat out)"

# ---- stopped at every step of it: a whole file or none, and the same again ends
make_sites "$T" a b
i=1
while :; do
	rm -rf a/keys
	DIALSYNC_STOP_AFTER=$i dialsync -C a peer b --new-key >out 2>&1
	[ $? = 100 ] || break
	[ ! -s a/keys/b.key ] || same "stopped at $i: the mode" 600 \
	    "$(mode a/keys/b.key)"
	run "stopped at $i: again" 0 "on top of keys/b.key" \
	    dialsync -C a peer b --new-key
	i=$((i + 1))
	[ $i -lt 40 ] || { bad "never ends"; break; }
done
[ $i -gt 3 ] || echo "no stop points in this build"

# ---- a copy has the key already, and needs nothing more
make_sites "$T" a b
db a "INSERT INTO t VALUES('1', 1)"
run "copy" 0 "has a key" dialsync -C a copy c ccopy
same "both have it" "$(keys a c)" "$(keys ccopy a)"
same "one" 1 "$(keys a c | wc -l)"
same "its mode" "600 600" "$(mode a/keys/c.key) $(mode ccopy/keys/a.key)"
grep -h -A3 -e '^\[peer a\]' ccopy/dialsync.conf | grep -q security &&
	bad "the copy's security"
db a "INSERT INTO t VALUES('2', 2)"
sqlite3 ccopy/d.db "INSERT INTO t VALUES('3', 3)"
for d in a ccopy; do dialsync -C $d pack --flush >out 2>&1 || cat out; done
mv a/outbox/c/*.gz ccopy/inbox/a/
mv ccopy/outbox/a/*.gz a/inbox/c/
run "what the copy sends" 0 "" dialsync -C a apply
run "what it gets" 0 "" dialsync -C ccopy apply
same "both" "1 2 3|1 2 3" "$(db a "SELECT group_concat(id, ' ') FROM
    (SELECT id FROM t ORDER BY id)")|$(sqlite3 ccopy/d.db "SELECT
    group_concat(id, ' ') FROM (SELECT id FROM t ORDER BY id)")"
# once more for the same peer: a new key on top, the old one below it, which
# goes when the new copy is heard of
run "another copy" 0 "has a key" dialsync -C a copy c ccopy2
same "the new one on top" "$(keys ccopy2 a)" "$(keys a c | head -n 1)"
same "the old one below" "$(keys ccopy a)" "$(keys a c | tail -n 1)"
sqlite3 ccopy2/d.db "INSERT INTO t VALUES('4', 4)"
dialsync -C ccopy2 pack --flush >out 2>&1 || cat out
mv ccopy2/outbox/a/*.gz a/inbox/c/
run "it is heard of" 0 "old one is removed" dialsync -C a apply
same "the old one is gone" "$(keys ccopy2 a)" "$(keys a c)"
# both sides must say the same of encryption
make_sites "$T" a b
sed 's/^security = none/security = sign/' a/dialsync.conf >conf &&
	cp conf a/dialsync.conf
run "copy, sign only" 0 "has a key" dialsync -C a copy b bsign
grep -q "^security = sign" a/dialsync.conf || bad "sign: it was changed here"
sed -n '/^\[peer a\]/,$p' bsign/dialsync.conf | grep -q "^security = sign" ||
	bad "sign: the copy says nothing of it"
# a whole directory that is copied becomes another site, with no keys of its own
cp -R ccopy2 carl
run "keys of the original" 0 "share new keys" \
    dialsync init carl --database carl/d.db --copy -C carl
[ -e carl/keys/a.key ] && bad "the copy goes on with the original's keys"
same "put aside" "$(keys ccopy2 a)" "$(grep -v '^#' carl/keys.of-c/a.key)"
# security = none of before gives way
make_sites "$T" a b
run "copy for a peer that had none" 0 "says encrypt" dialsync -C a copy b bcopy
finish
