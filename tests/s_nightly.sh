#!/bin/sh
# scripts/nightly-call, with a dialsync that ends with the codes it is told to:
# what is called, when again, what is logged and told, and the exit code.
set -u
top=${abs_top_srcdir:-$PWD}
nightly=$top/scripts/nightly-call
# another shell: SHELL_UNDER_TEST=bash, "busybox sh"
sh=${SHELL_UNDER_TEST:-sh}

work=$(mktemp -d) || exit 1
cd "$work" || exit 1
trap 'cd / && rm -rf "$work"' EXIT
unset DIALSYNC_DIR NIGHTLY_WAITS NIGHTLY_NOTIFY NIGHTLY_APPLY DIALSYNC
failures=0
bad() {
	echo "FAILED: $name: $*"
	failures=$((failures + 1))
}
same() {
	[ "$2" = "$3" ] || bad "$1: \"$3\", not \"$2\""
}

# The next code of the file for this command; without one, 0.
mkdir bin site site/log
cat >bin/dialsync <<'END'
#!/bin/sh
echo "$*" >>"$WORK/called"
echo "${DIALSYNC_DIR:-none}" >"$WORK/dir"
case $1 in
conflicts) echo "1 conflict listed"; exit 0 ;;
--version) echo "dialsync 9.9"; exit 0 ;;
esac
f=$WORK/codes.$1
[ -s "$f" ] || exit 0
code=$(sed -n 1p "$f")
sed 1d "$f" >"$f.new"
mv "$f.new" "$f"
[ "$code" = 0 ] || printf 'reason %s\nlast \033[2Jwords\n' "$code" >&2
[ "$code" != killed ] || kill -9 $$
exit "$code"
END
cat >bin/sleep <<'END'
#!/bin/sh
echo "$*" >>"$WORK/slept"
END
chmod +x bin/*
WORK=$work
PATH=$work/bin:$PATH
export WORK PATH

# run ARG...: nightly-call; its code, and what was called, slept, told.
run() {
	rm -f called slept told
	NIGHTLY_NOTIFY='{ echo "$SUBJECT"; cat; } >>"$WORK/told"' \
	    timeout 60 $sh "$nightly" -C site "$@" >out 2>&1 </dev/null
	code=$?
	calls=$(grep '^call' called 2>/dev/null | tr '\n' ',')
	applied=$(grep -c '^apply' called 2>/dev/null)
	slept=$(tr '\n' ' ' 2>/dev/null <slept || :)
	rm -f codes.*
}
# codes COMMAND CODE...
codes() {
	f=codes.$1
	shift
	printf '%s\n' "$@" >"$f"
}

# one code, once: exit code, tries, applied or not, and the words to a person
while read -r want tries applies words; do
	name="code $want"
	# enough of them for all tries
	codes call "$want" "$want" "$want" "$want" "$want" "$want"
	rm -f site/log/nightly.log slept
	run hub
	same "exit code" "$want" "$code"
	same "calls" "$tries" "$(grep -c '^call hub -q$' called)"
	same "applied" "$applies" "$applied"
	same "lines in the log" "$tries" \
	    "$(grep -c "	hub	$want	" site/log/nightly.log)"
	if [ "$words" = - ]; then
		[ ! -e told ] || bad "told: $(cat told)"
	else
		grep -q "$words" told || bad "not told: $(cat told 2>&1)"
		grep -q "reason $want" told || bad "the reason is not told"
	fi
	[ ! -s out ] || bad "prints $(cat out)"
done <<END
0 1 1 -
64 1 0 hub: the command is wrong
65 1 1 hub: something is held
66 1 0 hub: there is no site here
69 5 1 hub: the line is missing, in use or dead
70 1 1 hub: a bug; please report it
74 1 1 hub: input or output failed here; make room
75 5 1 hub: not reached tonight; the next call resumes
76 1 1 hub: the versions do not fit
77 1 1 hub: refused; check the keys
78 1 0 hub: dialsync.conf is wrong
END

name="what belongs to a code is told with it"
codes call 65
run hub
grep -q "1 conflict listed" told || bad "no conflicts"
codes call 70
run hub
grep -q "dialsync 9.9" told || bad "no version"
codes call 74
run hub
grep -q "%" told || bad "no df"

name="a code of no contract"
codes call 127
run hub
same "exit code" 70 "$code"
grep -q "ended with 127" told || bad "not told"
codes call killed
run hub
same "killed" 70 "$code"
grep -q "ended with 137" told || bad "not told: $(cat told)"

name="retries"
codes call 75 75 0
run hub
same "exit code" 0 "$code"
same "waits" "300 600 " "$slept"
[ ! -e told ] || bad "told: $(cat told)"
codes call 75 77
run hub
same "a failure that stays ends them" 77 "$code"
same "waits" "300 " "$slept"
export NIGHTLY_WAITS="1 2"
codes call 75 75 75
run hub
same "other waits" "1 2 " "$slept"
export NIGHTLY_WAITS=
codes call 75
run hub
same "no waits" "" "$slept"
unset NIGHTLY_WAITS

name="several peers"
codes call 75 0 77 0
run hub zoe office
same "those left are called again" \
    "call hub -q,call zoe -q,call office -q,call hub -q," "$calls"
same "the first of the contract's order" 77 "$code"
codes call 75 78 75 0 75 75 75 75
run hub zoe office
same "78 comes before 75" 78 "$code"
codes call 69 0 0
run hub zoe
same "one recovers" 0 "$code"

name="no peer: the only one"
run
same "calls" "call -q," "$calls"
same "directory" site "$(cat dir)"

name="--due"
run --due
same "calls" "call --due -q," "$calls"
same "exit code" 0 "$code"
codes call 75
run --due
same "its own retries" "call --due -q," "$calls"
same "exit code" 75 "$code"
[ ! -e told ] || bad "told: $(cat told)"
codes call 77
run --due
grep -q "check the keys" told || bad "not told"

name="what came in is applied"
codes apply 65
run hub
same "held" 65 "$code"
grep -q "apply: something is held" told || bad "not told"
codes apply 75
run hub
same "another applier is at it" 0 "$code"
NIGHTLY_APPLY=no
export NIGHTLY_APPLY
run hub
same "not if not wanted" 0 "$applied"
unset NIGHTLY_APPLY

name="nobody to notify: cron sends it"
codes call 77
timeout 60 $sh "$nightly" -C site hub >out 2>&1 </dev/null
same "exit code" 77 $?
grep -q "check the keys" out || bad "not printed"
rm -f codes.*
codes call 77
NIGHTLY_NOTIFY=false timeout 60 $sh "$nightly" -C site hub >out 2>&1
grep -q "check the keys" out || bad "a notifier that fails: not printed"
rm -f codes.*

name="the log"
LC_ALL=C grep -q "$(printf '\033')" site/log/nightly.log &&
	bad "a control character"
grep -q "last .*words" site/log/nightly.log || bad "no message"
dd if=/dev/zero bs=1024 count=300 2>/dev/null | tr '\0' x >site/log/nightly.log
run hub
# one line for the call, one for the applier
same "is kept short" 2 "$(wc -l <site/log/nightly.log)"
[ -s site/log/nightly.log.1 ] || bad "the old one is gone"
rm -r site/log
run hub
same "no log, no harm" 0 "$code"
[ ! -s out ] || bad "prints $(cat out)"

name="usage"
for a in --x "-C" "--due hub"; do
	# shellcheck disable=SC2086  # words on purpose
	$sh "$nightly" $a >out 2>&1 </dev/null
	same "$a" 64 $?
	grep -q usage out || bad "$a: no usage"
done

name="a signal ends the call in good order"
cat >bin/dialsync <<'END'
#!/bin/sh
trap 'echo ended >"$WORK/ended"; exit 75' TERM
echo >"$WORK/begun"
while :; do /bin/sleep 0.1; done
END
$sh "$nightly" -C site hub >out 2>&1 </dev/null &
pid=$!
i=0
until [ -e begun ] || [ $i -ge 100 ]; do
	/bin/sleep 0.1
	i=$((i + 1))
done
kill $pid
wait $pid
same "exit code" 75 $?
[ -e ended ] || bad "it was not told"

[ $failures = 0 ] && echo "all is well"
[ $failures = 0 ]
