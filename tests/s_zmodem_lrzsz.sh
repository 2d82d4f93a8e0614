#!/bin/sh
# The ZMODEM core against the real rz and sz of lrzsz, over pipes: batches both
# ways, every coding, resume after a cut.  All files must arrive unchanged.
# SEED=n repeats a run.  Exit 77: lrzsz is not installed.
set -u
command -v rz >/dev/null && command -v sz >/dev/null || exit 77
pipe=${ZMODEM_PIPE:-${abs_top_builddir:-$(pwd)}/tests/zmodem_pipe}
[ -x "$pipe" ] || { echo "$pipe is missing: run make check"; exit 1; }
seed=${SEED:-$$}
echo "SEED=$seed"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1
mkfifo there back
head -c 1048576 /dev/urandom > blob
bad=0

# fail WHAT: count it and show what both ends said.
fail()
{
	echo "FAILED: $1"
	tail -c 400 ours.log theirs.log 2>/dev/null
	bad=$((bad + 1))
}

# make_files N: files 00000001.xml.gz .. in ./from, from 0 bytes to 1 MB.
make_files()
{
	rm -rf from to
	mkdir from to
	i=1
	while [ "$i" -le "$1" ]; do
		case $((i % 100)) in
		1) size=0 ;;
		2) size=1048576 ;;
		*) size=$(((i * i * 37 + seed) % 9000)) ;;
		esac
		head -c "$size" blob > "from/$(printf '%08d.xml.gz' "$i")"
		i=$((i + 1))
	done
}

# same WHAT: ./to holds what ./from does.
same()
{
	diff -r from to >/dev/null 2>&1 || fail "$1: the files differ"
}

# send WHAT "our options" "rz options" FILE...: ours sends, rz receives.
send()
{
	what=$1 ours=$2 theirs=$3
	shift 3
	(cd to && exec timeout 30 rz -q $theirs) <there >back 2>theirs.log &
	# shellcheck disable=SC2086
	timeout 30 "$pipe" $ours send . "$@" >there <back 2>ours.log ||
		fail "$what: our exit $?"
	wait $! || fail "$what: rz exit $?"
}

# receive WHAT "our options" "sz options" FILE...: sz sends, ours receives.
receive()
{
	what=$1 ours=$2 theirs=$3
	shift 3
	# shellcheck disable=SC2086
	timeout 30 sz -q $theirs "$@" <there >back 2>theirs.log &
	# shellcheck disable=SC2086
	timeout 30 "$pipe" $ours receive to >there <back 2>ours.log ||
		fail "$what: our exit $?"
	# sz may miss our ZFIN's end when we are gone first; the files count.
	wait $!
}

for n in 1 3 30 300; do
	make_files "$n"
	send "$n files to rz" "" "" from/*
	same "$n files to rz"
	rm -rf to && mkdir to
	receive "$n files from sz" "" "" from/*
	same "$n files from sz"
done

# No file at all: the batch ends at once.  (sz without a file is an error.)
make_files 0
send "an empty batch to rz" "" ""
same "an empty batch to rz"

make_files 5
while IFS='|' read -r what ours theirs; do
	rm -rf to && mkdir to
	send "$what" "$ours" "$theirs" from/*
	same "$what"
done <<END
rz -e|| -e
our -e to rz|-e|
CRC-16 to rz|-o|
8 KB blocks to rz|-b 8192|
8 KB blocks, escaped, to rz -e|-b 8192 -e|-e
128 byte blocks to rz|-b 128|
no window|-w 0|
a window of 4 KB|-w 4096|
rz with a window of 2 KB||-w 2048
rz with a buffer of 1 KB||-B 1024
END
while IFS='|' read -r what ours theirs; do
	rm -rf to && mkdir to
	receive "$what" "$ours" "$theirs" from/*
	same "$what"
done <<END
sz -e||-e
sz -o||-o
CRC-16 asked of sz|-o|
controls escaped asked of sz|-e|
sz -k||-k
sz -8||-8
sz --start-8k||--start-8k
sz -L 128||-L 128
sz -w 4096||-w 4096
sz -l 1024||-l 1024
sz -b||-b
END

# Resume.  sz is cut off at a random byte of the line; the next one goes on.
make_files 2
size=1048576
file=00000002.xml.gz
cut=$((seed * 7919 % 700000 + 200000))
for compare in -r -c; do
	rm -rf to && mkdir to
	timeout 30 sz -q "from/$file" <there >back 2>theirs.log &
	timeout 30 "$pipe" -k "$cut" receive to >there <back 2>ours.log
	wait $!
	have=$(wc -c < "to/$file")
	[ "$have" -gt 10000 ] && [ "$have" -lt "$size" ] ||
		fail "cut at $cut: a part of $have bytes"
	receive "resume from sz $compare" "-v $compare" "" "from/$file"
	cmp -s "from/$file" "to/$file" || fail "resume from sz $compare"
	in=$(sed -n 's/.* in \([0-9]*\),.*/\1/p' ours.log)
	[ "$in" -eq $((size - have)) ] ||
		fail "resume from sz $compare: got $in bytes, had $have"
done
# sz -r, and a part that is not the same.
head -c 5000 from/"$file" > to/"$file"
receive "sz -r" "-r" "-r" "from/$file"
cmp -s "from/$file" "to/$file" || fail "sz -r"
head -c 5000 /dev/zero > to/"$file"
receive "another part" "-c" "" "from/$file"
cmp -s "from/$file" "to/$file" || fail "another part"

# rz is hung up on (SIGHUP: then it keeps the part), the next one goes on.
rm -rf to && mkdir to
mkfifo cut
(cd to && exec timeout -s HUP 1 rz -q) <cut >back 2>theirs.log &
# dd passes on what it reads at once; head would keep it in its buffer.
(dd bs=4096 iflag=count_bytes count="$cut" status=none; sleep 2) \
	<there >cut &
timeout 2 "$pipe" send . "from/$file" >there <back 2>ours.log
wait
have=$(wc -c < "to/$file") || have=0
[ "$have" -gt 10000 ] && [ "$have" -lt "$size" ] ||
	fail "rz cut at $cut: a part of $have bytes"
send "resume to rz -r" "-v -r" "-r" "from/$file"
cmp -s "from/$file" "to/$file" || fail "resume to rz -r"
again=$(sed -n 's/data out \([0-9]*\),.*/\1/p' ours.log)
[ "$again" -le $((size - have + 2048)) ] ||
	fail "resume to rz -r: sent $again bytes, $have were there"

# The two-way sides with a plain peer: one direction each.
make_files 3
(cd to && exec timeout 30 rz -q) <there >back 2>theirs.log &
timeout 40 "$pipe" -n ann caller . from/* >there <back 2>ours.log
wait
same "caller to rz"
grep -q 'peer: (plain)' ours.log || fail "rz was not taken for a plain one"
rm -rf to && mkdir to
timeout 30 sz -q from/* <there >back 2>theirs.log &
timeout 40 "$pipe" -n ann answerer to >there <back 2>ours.log ||
	fail "answerer from sz: exit $?"
wait
same "answerer from sz"
rm -rf to && mkdir to
timeout 30 sz -q from/* <there >back 2>theirs.log &
timeout 40 "$pipe" -n ann caller to >there <back 2>ours.log ||
	fail "caller from sz: exit $?"
wait
same "caller from sz"

# A disk that is so slow that the sender must be kept waiting.
make_files 1
receive "a slow disk" "-d 7" "" from/*
same "a slow disk"
make_files 3

# Both ways with a plain peer: rz, then sz; and sz, then rz.
rm -rf to back_to more && mkdir to back_to more
head -c 30000 blob > more/00000009.xml.gz
(cd to && timeout 20 rz -q && exec timeout 20 sz -q ../more/*) \
	<there >back 2>theirs.log &
timeout 40 "$pipe" -n ann caller back_to from/* >there <back 2>ours.log ||
	fail "caller, rz then sz: exit $?"
wait
same "caller, rz then sz"
diff -r more back_to || fail "caller, rz then sz: the second batch"
rm -rf to back_to && mkdir to back_to
(cd to && timeout 20 sz -q ../more/* && exec timeout 20 rz -q) \
	<there >back 2>theirs.log &
timeout 40 "$pipe" -n ann answerer back_to from/* >there <back 2>ours.log ||
	fail "answerer, sz then rz: exit $?"
wait
same "answerer, sz then rz"
diff -r more back_to || fail "answerer, sz then rz: the first batch"

# Commands are not executed.
timeout 8 sz -q -c "touch $work/hacked" <there >back 2>theirs.log &
timeout 8 "$pipe" receive to >there <back 2>ours.log
wait
[ ! -e hacked ] || fail "a command was executed"

[ "$bad" -eq 0 ] && echo "all well"
exit $((bad > 0))
