#!/bin/sh
# A wish for a resend is granted once: what is on its way is not sent twice,
# and what is lost on its way is sent again.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

make_sites "CREATE TABLE t(id TEXT PRIMARY KEY, a)" a b

# write SITE KEY: one row, one bundle
write() {
	db $1 "INSERT INTO t VALUES('$2', hex(randomblob(200)))"
	pack $1
}

ready() {
	ls a/outbox/b/*.gz 2>/dev/null | wc -l
}

# to SITE: only that way, and applied
to() {
	[ $1 = a ] && carry b a || carry a b
	apply $1
}

write b b0
to a
write a 1
to b
write a 2
rm a/outbox/b/*.gz
write a 3
to b
same "it waits" 1 "$(ls b/inbox/a/*.gz | wc -l)"
# two bundles that say so, the second made before the resend came
write b b1
write b b2
mkdir later
mv b/outbox/a/$(number 3) later/
to a
pack a
same "the resend" 1 "$(ready)"
mv later/* a/inbox/b/
apply a
pack a
same "not twice" 1 "$(ready)"

# the resend is lost, too; what follows shows it
rm a/outbox/b/*.gz
write a 4
same "only what is new" 1 "$(ready)"
to b
write b b3
to a
pack a
to b
same "all is there" "1 2 3 4 " "$(db b "SELECT id FROM t WHERE id < '9'
    ORDER BY id" | tr '\n' ' ')"

# all of it is lost, and nothing follows: it counts again a day later
write a 5
rm a/outbox/b/*.gz
write a 6
to b
write b b4
to a
pack a
rm a/outbox/b/*.gz
write b b5
to a
pack a
same "granted already" 0 "$(ready)"
write b b6
DIALSYNC_NOW=$(($(date +%s) + 86401))
export DIALSYNC_NOW
to a
pack a
to b
same "all is there" "1 2 3 4 5 6 " "$(db b "SELECT id FROM t WHERE id < '9'
    ORDER BY id" | tr '\n' ' ')"
sync_all a b
equal "the end" a b
finish
