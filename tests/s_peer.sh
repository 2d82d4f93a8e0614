#!/bin/sh
# dialsync peer: dialsync.conf and the database agree on who the peers are.
. "${abs_top_srcdir:-$PWD}/tests/site_lib.sh"

sqlite3 c.db "CREATE TABLE t(id TEXT PRIMARY KEY, a)"
dialsync init ann --database c.db >out 2>&1 || { cat out; exit 1; }
cat >>ann/dialsync.conf <<'EOF'

[line modem]                    ; mine
device = /dev/ttyS9
[line cable]
device = tcp:localhost:4000
EOF
names() {
	sqlite3 c.db "SELECT group_concat(name) FROM
	    (SELECT name FROM dialsync_peer WHERE NOT removed)"
}

run "no peers" 0 "no peers yet" dialsync -C ann peer
run "add" 0 "peer hub is added" dialsync -C ann peer hub --line modem \
    --phone 555-1234 --phone 555-9876
same "in the database" hub "$(names)"
for line in 'line = modem' 'phone = 555-1234' 'phone = 555-9876'; do
	sed -n '/^\[peer hub\]/,$p' ann/dialsync.conf | grep -qF "$line" ||
		bad "dialsync.conf lacks $line"
done
# who wants to go without a key must say so
grep -q '^security' ann/dialsync.conf && bad "security was written unasked"
run "no key is told" 0 "hub has no key" dialsync -C ann peer hub --line modem
grep -q '; mine' ann/dialsync.conf || bad "a comment was lost"
[ -d ann/outbox/hub/tmp ] || bad "no outbox for hub"
run "list" 0 "hub" dialsync -C ann peer
run "the list names lines" 0 "modem" dialsync -C ann peer
run "the list names phones" 0 "555-1234,555-9876" dialsync -C ann peer
cp ann/dialsync.conf before
run "the same again" 0 "changed" dialsync -C ann peer hub --line modem \
    --phone 555-1234 --phone 555-9876
cmp -s before ann/dialsync.conf || bad "the same again changed the file"
run "change" 0 "changed" dialsync -C ann peer hub --line cable
run "changed line" 0 "lines cable" dialsync -C ann peer
sed '/^\[peer hub\]/a security = sign' ann/dialsync.conf >new &&
	mv new ann/dialsync.conf
run "security that a person wrote stays" 0 "changed" \
    dialsync -C ann peer hub --phone 1
grep -q '^security = sign' ann/dialsync.conf || bad "security was changed"
run "unknown line" 64 "modem" dialsync -C ann peer hub --line moden
run "itself" 64 "this site itself" dialsync -C ann peer ann
run "a bad name" 64 "1 to 32" dialsync -C ann peer a/b
run "two names" 64 "one peer" dialsync -C ann peer a b
run "options without a name" 64 "name is missing" dialsync -C ann peer --line x
run "remove with others" 64 "alone" dialsync -C ann peer hub --remove --line x
run "remove an unknown one" 64 "hub" dialsync -C ann peer hob --remove
run "two peers" 0 "added" dialsync -C ann peer other
touch ann/outbox/hub/00000001.xml.gz
run "remove tells" 0 'if "dialsync peer other" adds it again' \
    dialsync -C ann peer other --remove
sqlite3 c.db "UPDATE dialsync_peer SET number = 7 WHERE name = 'other'"
run "added again" 0 "both go on where they stood" dialsync -C ann peer other
same "where it stood" 7 \
    "$(sqlite3 c.db "SELECT number FROM dialsync_peer WHERE name = 'other'")"
run "changed is not added" 0 "changed" dialsync -C ann peer other --line modem
grep -q "where they stood" out && bad "told of a peer that is there"
run "remove" 0 "are left" dialsync -C ann peer hub --remove
same "only other is left" other "$(names)"
grep -q '^\[peer hub\]' ann/dialsync.conf && bad "the section is left"
run "removed again" 64 "not known" dialsync -C ann peer hub --remove
printf '[peer hand]\nsecurity = none\n' >>ann/dialsync.conf
run "written by hand" 0 "hand" dialsync -C ann peer
echo 'nonsense' >>ann/dialsync.conf
run "a wrong file" 78 "dialsync.conf:" dialsync -C ann peer x
finish
