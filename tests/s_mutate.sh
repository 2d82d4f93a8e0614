#!/bin/sh
# Damaged bundles: each is held with a reason and nothing of it is applied, or
# (where the damage is no damage to XML that was compressed again) it is applied
# as a whole; nothing crashes.  Then hostile ones, made by hand.
#
# SEED: of the first mutation; N: how many.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

# beside the programs, or where DIALSYNC was told to be
MUTATE=${MUTATE:-$DIALSYNC_EXEC_PATH/tests/mutate}
[ -x "$MUTATE" ] || { echo "skipped: no $MUTATE"; exit 77; }
seed=${SEED:-$(date +%s)}
total=${N:-1000}
echo "SEED=$seed N=$total"

make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a, b, c);
    CREATE TABLE u(x, y, z, PRIMARY KEY(x, y)) WITHOUT ROWID" a b
db b "INSERT INTO t VALUES('mine', 1, 2, 3)"
pack b a
carry b a
apply a
db a "INSERT INTO t VALUES('one', 1, 1.5, 'text'), ('two', NULL, x'00ff', 'Ü'),
	('three', 'x' || char(0) || 'y', 1e300, '');
    INSERT INTO u VALUES(1, 'p', 'q'), (2, 'p', NULL);
    UPDATE t SET b = 'changed' WHERE id = 'mine'; DELETE FROM t WHERE id = 'no'"
pack a b
mv a/outbox/b/00000001.xml.gz good.gz
apply b # what start-up writes is written
inbox=b/inbox/a
mkdir -p $inbox

# contents: tables, and how far we are; not the wish for a resend
contents() {
	db b "SELECT id, quote(a), quote(b), quote(c) FROM t; SELECT * FROM u;
	    SELECT * FROM dialsync_conflict; SELECT * FROM dialsync_held;
	    SELECT name, pos, pos_number, acked, inc FROM dialsync_peer;
	    SELECT t, k, s, m, c FROM dialsync_frag; SELECT * FROM dialsync_aside"
}
contents >before
rm -f clean.state; cp b/state clean.state 2>/dev/null; cp b.tmp/d.db clean.db
db b "PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
rm -f clean.state; cp b/state clean.state 2>/dev/null; cp b.tmp/d.db clean.db

# what the whole bundle does
cp good.gz $inbox/00000001.xml.gz
apply b || bad "the good one: $(cat apply.out)"
contents >whole
rm -f b.tmp/d.db-wal b.tmp/d.db-shm b/held/a/* b/inbox/a/applied
rm -f b/state; cp clean.state b/state 2>/dev/null; cp clean.db b.tmp/d.db

# each bundle is tried alone; many at a time would be applied in order
try() {
	touch -d '3 minutes ago' "$inbox/00000001.xml.gz"
	apply b
	code=$?
	contents >after
	# a clock that is now far ahead: it waits for the clock to be set
	if [ $code = 75 ] && [ "$mode" = xml ] && [ -e "$inbox/00000001.xml.gz" ] &&
	    grep -q "more than a day earlier" apply.out; then
		cmp -s before after ||
			bad "$1: it waits, but something of it is applied"
		nwait=$((nwait + 1))
		rm -f $inbox/00000001.xml.gz
		return
	fi
	case $code in
	0 | 65) ;;
	*) bad "$1: exit code $code: $(tail -n 3 apply.out)" ;;
	esac
	[ ! -e "$inbox/00000001.xml.gz" ] ||
		bad "$1: it stays in the inbox: $(cat apply.out)"
	if [ -e b/held/a/00000001.xml.gz ]; then
		[ -s b/held/a/00000001.xml.gz.why ] || bad "$1: no reason"
		cmp -s before after || {
			bad "$1: held, but something of it is applied"
			diff before after | head -5
			cp b/held/a/00000001.xml.gz "$work/bad.gz"
		}
		same "$1: exit code" 65 $code
		nheld=$((nheld + 1))
	else
		# a byte of gzip's header may be any; nothing else may
		[ "$mode" = xml ] || cmp -s whole after ||
			bad "$1: applied, and not what was sent"
		napplied=$((napplied + 1))
	fi
	if ! cmp -s before after; then
		rm -f b.tmp/d.db-wal b.tmp/d.db-shm
		rm -f b/state; cp clean.state b/state 2>/dev/null; cp clean.db b.tmp/d.db
	fi
	rm -f b/held/a/* b/inbox/a/applied
}

nheld=0 napplied=0 nwait=0 i=0
for mode in byte cut splice xml; do
	k=0
	while [ $k -lt $((total / 4)) ]; do
		k=$((k + 1)) i=$((i + 1))
		"$MUTATE" $((seed + i)) $mode good.gz \
		    $inbox/00000001.xml.gz || exit 99
		try "$mode, seed $((seed + i))"
		[ $failures -lt 5 ] || finish
	done
	echo "$mode: $nheld held, $napplied applied, $nwait wait"
	[ $mode = xml ] || [ $napplied -lt $((total / 20 + 2)) ] ||
		bad "$mode: $napplied damaged files were applied"
	nheld=0 napplied=0 nwait=0
done

# ---- hostile ones
zcat good.gz >good.xml
hostile() {
	gzip -c <bad.xml >$inbox/00000001.xml.gz
	nheld=0
	try "$1"
	same "$1: held" 1 $nheld
}
# swap NAME SED-SCRIPT: the good bundle, changed
swap() {
	sed "$2" good.xml >bad.xml
	cmp -s good.xml bad.xml && bad "$1: nothing was changed"
	hostile "$1"
}

{ echo '<!DOCTYPE b SYSTEM "file:///etc/passwd">'; cat good.xml; } >bad.xml
hostile "a DTD"
{
	echo '<!DOCTYPE b [<!ENTITY a "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa">'
	p=a
	for e in b c d e f g h i j; do
		echo "<!ENTITY $e \"&$p;&$p;&$p;&$p;&$p;&$p;&$p;&$p;&$p;&$p;\">"
		p=$e
	done
	echo ']>'
	sed 's/changed/\&j;/' good.xml
} >bad.xml
hostile "an entity bomb"
swap "an entity of its own" 's/changed/\&xxe;/'
head -c 300000000 /dev/zero | gzip -c >$inbox/00000001.xml.gz
nheld=0
try "an inflate bomb"
same "an inflate bomb: held" 1 $nheld
{
	head -c 30 good.xml | sed 's/>.*//; s/$/>/' | head -n 1
	head -c 3000000 /dev/zero | tr '\0' ' ' | sed 's/   /<u>/g'
} >bad.xml
hostile "depth"
swap "a huge number of rows" 's/ n="4"/ n="99999999999999999999"/; s/<i t="u" n="2"/<i t="u" n="4294967297"/'
swap "more rows than it has" 's/<i t="u" n="2"/<i t="u" n="3"/'
swap "rows beyond memory" 's/<i t="u" n="2"/<i t="u" n="2000000000"/'
swap "a range backwards" 's/ r="[^"]*"/ r="9 3"/'
swap "another version" 's/<b v="1"/<b v="2"/'
swap "a name that is a path" 's/ f="a"/ f="..\/a"/'
for name in sqlite_master sqlite_sequence dialsync_meta dialsync_log \
    dialsync_peer DIALSYNC_META dialsync_frag; do
	swap "table $name" "s/t=\"u\"/t=\"$name\"/"
done
swap "a NULL in the key" 's/<k>p$/<k>\\N/; s/<k>p</<k>\\N</'
swap "junk behind the end" 's/<\/b>$/<\/b><b\/>/'
: >bad.xml
hostile "nothing inside"
swap "an unknown element" 's/<i t="u"/<zz t="u"/'

# and the good one, after all that
cp good.gz $inbox/00000001.xml.gz
apply b || bad "the good one: $(cat apply.out)"
sync_all a b
equal "at the end" a b
finish
