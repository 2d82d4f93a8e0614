#!/bin/sh
# Sticks: "dialsync carry" both ways, in both orders, for several sites, mixed
# with a line, pulled out half-way, full; and "dialsync resend".
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

stick() {
	s=$1
	shift
	dialsync -C "$s" carry ./stick "$@" >carry.out 2>&1
}
visit() {
	stick "$1" || bad "$1: exit code $?: $(cat carry.out)"
	apply "$1"
	stick "$1" || bad "$1, again: exit code $?: $(cat carry.out)"
}
files() {
	(cd "$1" 2>/dev/null && find . -name '*.gz' | LC_ALL=C sort |
		tr '\n' ' ')
}
stick_state() {
	(cd stick && find . -type f | LC_ALL=C sort |
	    xargs -r cksum; ls -lR --time-style=full-iso | grep -v '^total')
}
rows() {
	db "$1" "SELECT group_concat(id || '=' || v, ' ') FROM
	    (SELECT * FROM t ORDER BY id)"
}
T="CREATE TABLE t(id TEXT PRIMARY KEY, v)"

# ---- to and fro, and twice is once
make_sites "$T" a b
rm -rf stick; mkdir stick
echo mine >stick/letter.txt
mkdir -p stick/a/b
echo mine >stick/a/b/notes.xml.gz
db a "INSERT INTO t VALUES('1', 'a')"
run "first visit" 0 "b: 1 bundle (" dialsync -C a carry stick
same "on the stick" "./a/b/00000001.xml.gz ./a/b/notes.xml.gz " \
    "$(files stick)"
same "stays in the outbox" "./00000001.xml.gz " "$(files a/outbox/b)"
stick_state >before
stick a
stick_state >after
cmp -s before after || { bad "twice is not once"; diff before after; }
run "at the other site" 0 "a: 1 bundle is taken in" \
    dialsync -C b carry stick a
same "taken in" "./00000001.xml.gz " "$(files b/inbox/a)"
grep -q '^1 ' b/inbox/a/stored || bad "not noted in stored"
same "not yet applied, stays" "./a/b/00000001.xml.gz ./a/b/notes.xml.gz " \
    "$(files stick)"
apply b
same "applied" "1=a" "$(rows b)"
stick b
same "applied, so it is deleted" "./a/b/notes.xml.gz " "$(files stick)"
grep -q '^through: 1' stick/b/a/applied || bad "the stick does not say so"
run "back home" 0 "b: 1 bundle was applied there and left the outbox" \
    dialsync -C a carry stick
same "left the outbox" "" "$(files a/outbox/b)"
same "acknowledging makes no bundles" "" "$(files b/outbox/a)"
same "strangers stay" "mine mine" \
    "$(cat stick/letter.txt stick/a/b/notes.xml.gz | xargs)"
stick_state >before
stick a; stick b; stick a
stick_state >after
cmp -s before after || { bad "not silent"; diff before after; }

# ---- first inserted where nothing is to be said; then both write
make_sites "$T" a b
rm -rf stick; mkdir stick
visit b
same "nothing to say" "" "$(ls stick)"
db a "INSERT INTO t VALUES('1', 'a')"
db b "INSERT INTO t VALUES('2', 'b')"
visit b; visit a; visit b; visit a; visit b
equal "both ways" a b
same "both ways" "1=a 2=b" "$(rows a)"
same "the stick is empty at the end" "" "$(files stick)"
same "the outboxes too" "" "$(files a/outbox/b)$(files b/outbox/a)"

# ---- one stick, three sites, a round trip; c only with b
PEERS_OF_a="b c" PEERS_OF_b="a c" PEERS_OF_c="a b"
make_sites "$T" a b c
rm -rf stick; mkdir stick
for s in a b c; do db $s "INSERT INTO t VALUES('$s', 1)"; done
for round in 1 2 3; do for s in a b c; do visit $s; done; done
equal "a round trip" a b c
same "a round trip" "a=1 b=1 c=1" "$(rows c)"
same "a round trip: the stick is empty" "" "$(files stick)"
same "a round trip: the outboxes" "" "$(files a/outbox)$(files b/outbox)$(
    files c/outbox)"

unset PEERS_OF_a PEERS_OF_b PEERS_OF_c

# ---- a mixed life: some by line, some by stick, duplicates
make_sites "$T" a b
rm -rf stick; mkdir stick
db a "INSERT INTO t VALUES('1', 1)"
stick a
carry a b
apply b
db a "INSERT INTO t VALUES('2', 2)"
stick a
cp stick/a/b/*2.xml.gz b/inbox/a/
visit b
same "by line first: nothing is taken twice" "1=1 2=2" "$(rows b)"
same "by line first: deleted from the stick" "" "$(files stick)"
visit a
same "by line first: the outbox" "" "$(files a/outbox/b)"
# a gap: the stick comes late
db a "INSERT INTO t VALUES('3', 3)"
stick a
db a "INSERT INTO t VALUES('4', 4)"
pack a
mv a/outbox/b/*4.xml.gz b/inbox/a/
apply b
same "the stick is late" "1=1 2=2" "$(rows b)"
visit b
same "the stick came" "1=1 2=2 3=3 4=4" "$(rows b)"
visit a; visit b; visit a; visit b
same "the stick came: clean" "" "$(files stick)$(files a/outbox/b)"

# ---- a number used again by other bytes is not taken for the first
cp a/outbox/b/.lock x.gz 2>/dev/null
printf 'through: 9999\n5 100 crc32=00000000\n9999 1 crc32=00000000\n' \
    >stick/b/a/applied
db a "INSERT INTO t VALUES('5', 5)"
stick a
same "hostile receipt" 1 "$(files a/outbox/b | wc -w)"
visit b

# ---- damaged, cut, misplaced, linked
db a "INSERT INTO t VALUES('6', 6)"
stick a
f=$(ls stick/a/b/*[0-9].xml.gz | tail -n 1)
cp "$f" good.gz
head -c 60 good.gz >"$f"
run "cut on the stick" 65 "cannot be used" dialsync -C b carry stick
[ -e "$f" ] || bad "the damaged one is gone"
same "cut on the stick: nothing is taken" "" "$(files b/inbox/a)"
stick a
cmp -s good.gz "$f" || bad "not written again"
cp "$f" "stick/a/b/$(number 77)"
run "misplaced" 65 "inside it says that it is number" \
    dialsync -C b carry stick
rm "stick/a/b/$(number 77)"
ln -s "$PWD/good.gz" "stick/a/b/$(number 78)"
stick b || bad "a link: exit code $?"
same "a link is a stranger" "" "$(ls b/inbox/a/"$(number 78)" 2>/dev/null)"
rm "stick/a/b/$(number 78)"
apply b
same "whole again" 6 "$(db b "SELECT v FROM t WHERE id = '6'")"
visit b; visit a
mv stick/a stick/A
echo file >stick/a
run "a file in the way" 65 "no directory of that very name" \
    dialsync -C a carry stick
rm -r stick/a stick/A

# ---- words
run "no stick" 66 "is the stick mounted" dialsync -C a carry ./nowhere
run "which stick" 64 "which stick" dialsync -C a carry
run "no such peer" 64 "bo" dialsync -C a carry stick bo
dialsync -C a -q carry stick >out 2>&1
same "quiet" "" "$(cat out)"
db a "INSERT INTO t VALUES('np', 1)"
dialsync -C a carry stick --no-pack >out 2>&1
same "no packing" "" "$(cat out)"

# ---- full, and taken out
if unshare -rm true 2>/dev/null; then
	rm -rf stick; mkdir stick
	db a "INSERT INTO t VALUES('big', hex(randomblob(200000)))"
	rm -rf ro; mkdir -p ro/b/a
	db b "INSERT INTO t VALUES('ro', 1)"
	pack b a
	cp b/outbox/a/*.gz ro/b/a/
	cat >ro.sh <<'END'
mount --bind ro ro && mount -o remount,bind,ro ro || exit 77
"$DIALSYNC" -C a carry ro >ro.out 2>&1
echo $? >ro.code
END
	DIALSYNC=$DIALSYNC timeout 60 unshare -rm sh ./ro.sh
	if [ $? != 77 ]; then
		same "write-protected: exit code" 74 "$(cat ro.code)"
		grep -q "Read-only file system" ro.out || bad "$(cat ro.out)"
		same "write-protected: taken in all the same" \
		    "$(files b/outbox/a)" "$(files a/inbox/b)"
	fi
	apply a

	cat >full.sh <<'END'
mount -t tmpfs -o size=64k none stick || exit 77
"$DIALSYNC" -C a carry stick >full.out 2>&1
echo $? >full.code
ls -A stick/a/b >full.ls
umount stick
END
	DIALSYNC=$DIALSYNC timeout 60 unshare -rm sh ./full.sh
	if [ $? != 77 ]; then
		same "full: exit code" 74 "$(cat full.code)"
		grep -q "No space left" full.out || bad "full: $(cat full.out)"
		grep -q "still in the outbox" full.out ||
			bad "full: $(cat full.out)"
		same "full: nothing half is left" "" \
		    "$(grep -v '^applied$' full.ls)"
		same "full: the outbox keeps it" 1 \
		    "$(files a/outbox/b | wc -w)"
	fi
	visit a; visit b
	equal "after a full one" a b
fi

# ---- taken out while the packer ran; another directory is there now
mkdir exec
ln -s "$DIALSYNC_EXEC_PATH/dialsync-carry" exec/
cat >exec/dialsync-pack <<'END'
#!/bin/sh
mv stick stick.away
mkdir stick
END
chmod +x exec/dialsync-pack
mkdir -p stick
db a "INSERT INTO t VALUES('out', 1)"
pack a
ready=$(files a/outbox/b)
DIALSYNC_EXEC_PATH=$PWD/exec run "taken out" 74 "was taken out" \
    dialsync -C a carry ./stick
same "taken out: one message" 1 "$(wc -l <out)"
same "taken out: nothing is written elsewhere" "" "$(ls -A stick)"
same "taken out: the outbox keeps it" "$ready" "$(files a/outbox/b)"
rm -r stick; mv stick.away stick
printf '#!/bin/sh\nexit 75\n' >exec/dialsync-pack
DIALSYNC_EXEC_PATH=$PWD/exec run "no packer" 75 "the packer did not end well" \
    dialsync -C a carry ./stick
[ -e stick/a/b ] || bad "no packer: what is ready is not carried"
rm exec/dialsync-pack
DIALSYNC_EXEC_PATH=$PWD/exec run "none at all" 75 \
    "dialsync carry: cannot run $PWD/exec/dialsync-pack: No such file" \
    dialsync -C a carry ./stick

# ---- while a call is under way
if command -v python3 >/dev/null; then
	python3 - a/inbox/b/.lock <<'END' &
import fcntl, struct, sys, time
f = open(sys.argv[1], "r+")
fcntl.fcntl(f, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
open("locked", "w").close()
time.sleep(20)
END
	locker=$!
	n=0
	while [ ! -e locked ] && [ $n -lt 50 ]; do sleep 0.1; n=$((n + 1)); done
	run "a call is under way" 75 "under way" dialsync -C a carry ./stick
	kill $locker
	wait $locker 2>/dev/null
fi

# ---- stopped at every step, at both sites
if DIALSYNC_STOP_AFTER=1 dialsync -C a pack --flush >out 2>&1; then :; fi
db a "INSERT INTO t VALUES('s1', 1), ('s2', hex(randomblob(40000)))"
DIALSYNC_STOP_AFTER=1 dialsync -C a pack --flush >out 2>&1
if [ $? = 100 ]; then
	n=1
	while :; do
		DIALSYNC_STOP_AFTER=$n dialsync -C a carry stick >out 2>&1
		code=$?
		[ $code = 0 ] && break
		# what is there under its name is whole
		for f in stick/a/b/*.gz; do
			[ ! -e "$f" ] || gzip -t "$f" || bad "half of $f"
		done
		n=$((n + 1))
		[ $n -lt 60 ] || { bad "endless at a"; break; }
	done
	[ $n -gt 3 ] || bad "only $n steps at a"
	cp -a stick stick.one
	cp -a b b.one
	n=1
	while :; do
		rm -rf stick b
		cp -a stick.one stick
		cp -a b.one b
		DIALSYNC_STOP_AFTER=$n dialsync -C b carry stick --no-pack \
		    >out 2>&1
		code=$?
		stick b || bad "stopped at step $n: $(cat carry.out)"
		same "stopped at step $n: parts" "" \
		    "$(ls b/inbox/a/part)"
		for f in stick/a/b/*.gz; do
			cmp -s "$f" "b/inbox/a/${f##*/}" ||
				bad "stopped at step $n: ${f##*/} is missing"
		done
		[ $code = 100 ] || break
		n=$((n + 1))
		[ $n -lt 60 ] || { bad "endless at b"; break; }
	done
	[ $n -gt 5 ] || bad "only $n steps at b"
	visit b; visit a; visit b; visit a
	equal "stopped everywhere" a b
	same "stopped everywhere: clean" "" \
	    "$(files stick)$(files a/outbox/b)$(ls -A stick/*/* |
		grep tmp)"
fi

# ---- resend
make_sites "$T" a b
rm -rf stick; mkdir stick
db a "INSERT INTO t VALUES('a0', 0)"
visit a; visit b
db b "INSERT INTO t VALUES('r0', 0)"
visit b; visit a
run "all is applied" 0 "nothing to send again" dialsync -C a resend b
db a "INSERT INTO t VALUES('r1', 1)"
pack a
run "still here" 0 "still in the outbox" dialsync -C a resend
rm a/outbox/b/*.gz
run "lost" 0 "sent again" dialsync -C a resend b
run "lost, asked twice" 0 "the next pack makes bundles of" \
    dialsync -C a resend b
stick a
visit b
same "sent again" 1 "$(db b "SELECT v FROM t WHERE id = 'r1'")"
# in doubt without need: applied there, but not known to be
db a "INSERT INTO t VALUES('r2', 2)"
pack a
carry a b
apply b
db a "INSERT INTO t VALUES('r3', 3)"
run "in doubt" 0 "sent again" dialsync -C a resend
pack a
same "in doubt: one bundle" 1 "$(files a/outbox/b | wc -w)"
sync_all a b
equal "in doubt" a b
same "in doubt" 3 "$(db b "SELECT v FROM t WHERE id = 'r3'")"
same "no conflicts from all this" 0 \
    "$(db b "SELECT count(*) FROM dialsync_conflict")"
db b "INSERT INTO t VALUES('ack', 1)"
sync_all a b
run "now it is known" 0 "nothing to send again" dialsync -C a resend b
run "resend: no such peer" 64 "nobody" dialsync -C a resend nobody
finish
