#!/bin/sh
# Foreign keys hold nothing back: a reference that dangles is placed, and is a
# conflict whose take brings the parent back.  After each sync, every row of
# PRAGMA foreign_key_check is an open conflict; when all are taken it is empty
# at every site.
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"

now=1800000000
tick() {
	now=$((now + ${1:-10}))
	DIALSYNC_NOW=$now
	export DIALSYNC_NOW
}
# edit SITE SQL: as an application with foreign keys on
edit() {
	db "$1" "PRAGMA foreign_keys = ON; $2; UPDATE dialsync_log SET w = $now"
}
conf() {
	s=$1
	shift
	dialsync -C "$s" conflicts "$@"
}
dangling() {
	db "$1" "SELECT count(*) FROM pragma_foreign_key_check"
}
parents() {
	db "$1" "SELECT count(*) FROM dialsync_conflict WHERE kind = 'parent'
	    AND settled IS NULL"
}
# told NAME SITE...: what dangles is recorded, row for row
told() {
	name=$1
	shift
	for s in "$@"; do
		same "$name: recorded at $s" "$(dangling "$s")" \
		    "$(parents "$s")"
	done
}
# mend SITE...: take all of them, in turn at each site
mend() {
	round=0
	while [ $round -lt 6 ]; do
		left=0
		for s in "$@"; do
			for n in $(db "$s" "SELECT rowid FROM dialsync_conflict
			    WHERE kind = 'parent' AND settled IS NULL"); do
				left=1
				tick
				conf "$s" take "$n" >take.out 2>&1
			done
			sync_all "$@"
		done
		[ $left = 0 ] && break
		round=$((round + 1))
	done
	for s in "$@"; do
		same "mended at $s" "0 0" "$(dangling "$s") $(parents "$s")"
	done
}

# ---- a parent goes while a child comes
tick 0
shop="CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT, x);
    CREATE TABLE c(id TEXT PRIMARY KEY, p INT REFERENCES p(id), v);
    CREATE INDEX ci ON c(p);"
make_sites "$shop" a b
edit a "INSERT INTO p VALUES(1, 'one', x'00FF'), (2, 'two', 0.1)"
sync_all a b
tick
edit a "DELETE FROM p WHERE id = 1"
tick
edit b "INSERT INTO c VALUES('k', 1, 'v'), ('l', 2, 'v'), ('n', NULL, 'v')"
sync_all a b
equal "a parent went" a b
same "it dangles at both" "1 1" "$(dangling a) $(dangling b)"
told "a parent went" a b
run "list" 0 "c 'k' p: refers to p 1, which is not there" conf a
run "show" 0 "take would bring the row back that it refers to" conf b show 1
grep -q "    name = 'one'" out || bad "show: the parent: $(cat out)"
grep -q "^refers to [^']" out || grep -q "^refers to '[^']" out ||
	bad "show: the key: $(cat out)"
tick
run "take" 0 "p 1 is back" conf a take 1
sync_all a b
equal "the parent is back" a b
same "as it was" "1|one|X'00FF'" "$(db b "SELECT id, name, quote(x) FROM p
    WHERE id = 1")"
same "nothing dangles" "0 0 0 0" \
    "$(dangling a) $(dangling b) $(parents a) $(parents b)"

# ---- dismissed: it stays; whole again: it settles by itself
tick
edit a "DELETE FROM c WHERE id = 'k'; DELETE FROM p WHERE id = 1"
edit b "INSERT INTO c VALUES('m', 1, 'v'), ('o', 1, 'v')"
sync_all a b
told "two children" a b
n=$(db a "SELECT rowid FROM dialsync_conflict WHERE settled IS NULL LIMIT 1")
key=$(db a "SELECT trim(key, '''') FROM dialsync_conflict WHERE rowid = $n")
conf a dismiss "$n" >out 2>&1 || bad "dismiss: $(cat out)"
sync_all a b
same "dismissed" "2 1" "$(dangling b) $(parents b)"
tick
# the other one changes: whole again
edit b "UPDATE c SET p = 2 WHERE id <> '$key' AND p = 1"
sync_all a b
equal "changed" a b
same "settled by itself" "whole" "$(db a "SELECT settled FROM
    dialsync_conflict WHERE kind = 'parent' AND key <> '''$key'''
    ORDER BY rowid DESC LIMIT 1")"
same "what was dismissed stays so" "1 0" "$(dangling a) $(parents a)"
tick
# and dangles again: the record opens again
edit a "UPDATE c SET p = NULL WHERE p = 1"
sync_all a b
edit a "INSERT INTO p VALUES(1, 'anew', NULL)"
sync_all a b
tick
edit a "DELETE FROM p WHERE id = 1"
tick
edit b "UPDATE c SET p = 1 WHERE id <> '$key' AND p = 2"
sync_all a b
[ "$(dangling a)" -gt 0 ] || bad "again: nothing dangles"
told "again" a b
mend a b

# ---- an index lacks; a parent by a UNIQUE column; NOCASE; two columns; itself
make_sites "CREATE TABLE p(id TEXT PRIMARY KEY COLLATE NOCASE,
    code TEXT COLLATE NOCASE UNIQUE, x INT, y INT, UNIQUE(x, y));
    CREATE TABLE c(id INTEGER PRIMARY KEY, p TEXT REFERENCES p,
    code TEXT REFERENCES p(code), x INT, y INT,
    FOREIGN KEY(x, y) REFERENCES p(x, y));
    CREATE TABLE tree(id INTEGER PRIMARY KEY, up INT REFERENCES tree
    ON DELETE CASCADE);
    CREATE TABLE s(id INTEGER PRIMARY KEY, p TEXT REFERENCES p
    ON DELETE SET NULL)" a b c
edit a "INSERT INTO p VALUES('Ann', 'A1', 1, 2), ('Bob', 'B1', 3, 4),
    ('Eve', 'E1', 5, 6); INSERT INTO tree VALUES(1, NULL), (2, 1);
    INSERT INTO s VALUES(1, 'Ann')"
sync_all a b c
tick
edit a "DELETE FROM p WHERE id = 'ANN'; UPDATE p SET code = 'B2' WHERE id =
    'bob'; UPDATE p SET x = 50 WHERE id = 'eve'; DELETE FROM tree WHERE id = 1"
tick
edit b "INSERT INTO c VALUES(1, 'aNN', NULL, NULL, NULL),
    (2, NULL, 'b1', NULL, NULL), (3, NULL, NULL, 5, 6),
    (4, NULL, NULL, 5, NULL); INSERT INTO tree VALUES(3, 2);
    INSERT INTO s VALUES(2, 'ann')"
sync_all a b c
equal "kinds of keys" a b c
same "all of them dangle" 5 "$(dangling c)"
told "kinds of keys" a b c
same "SET NULL and CASCADE came as changes" "1|" \
    "$(db b "SELECT * FROM s WHERE id = 1")"
same "the one with a NULL is none" "" "$(db a "SELECT key FROM
    dialsync_conflict WHERE key = '4'")"
# 'b1' has no row to bring back under that code: Bob is there, as B2
n=$(db a "SELECT rowid FROM dialsync_conflict WHERE field = 'code'")
conf a take "$n" >out 2>&1
same "a parent that changed cannot come back" 65 $?
tick
edit b "UPDATE c SET code = 'B2' WHERE id = 2; UPDATE c SET x = 50 WHERE id = 3"
sync_all a b c
mend a b c
equal "kinds of keys, mended" a b c
same "rows that are back" "Ann Bob Eve " "$(db c "SELECT id FROM p ORDER BY
    id" | tr '\n' ' ')"

# ---- a parent that one site's own rule refuses is there all the same
shop="CREATE TABLE p(id INTEGER PRIMARY KEY, code TEXT UNIQUE, n INT);
    CREATE TABLE c(id INTEGER PRIMARY KEY, p INT REFERENCES p(id),
    code TEXT REFERENCES p(code));
    CREATE INDEX ci ON c(p); CREATE INDEX cc ON c(code);"
PEERS_OF_a="a b"
PEERS_OF_b="a b"
make_sites "$shop" a
make_sites "$(echo "$shop" | sed 's/n INT/n INT CHECK(n < 10)/')" b
PEERS_OF_a=
PEERS_OF_b=
tick
edit a "INSERT INTO p VALUES(1, 'one', 99), (2, 'two', 1), (3, 'three', 1);
    INSERT INTO c VALUES(1, 1, NULL), (2, NULL, 'one'), (3, 2, 'two')"
sync_all a b
same "held at one site" "1 2" "$(db b "SELECT count(*) FROM dialsync_held") \
$(dangling b)"
same "its children are none of a conflict" "0 0" "$(parents a) $(parents b)"
# taken out of its table by a later edit
tick
edit a "UPDATE p SET n = 99 WHERE id = 2"
sync_all a b
same "one is held later" "2 4" "$(db b "SELECT count(*) FROM dialsync_held") \
$(dangling b)"
same "nor are the children of that one" "0 0" "$(parents a) $(parents b)"
# gone: what comes to refer to it meanwhile dangles, by either column
tick
edit a "DELETE FROM c; DELETE FROM p WHERE id IN (1, 2)"
edit b "INSERT INTO c VALUES(7, 3, NULL); PRAGMA foreign_keys = OFF;
    INSERT INTO c VALUES(8, 1, NULL), (9, NULL, 'two')"
sync_all a b
same "gone, and no longer held" 0 "$(db b "SELECT count(*) FROM dialsync_held")"
same "two dangle" 2 "$(dangling b)"
told "a held parent went" a b
# it comes back, where it may
tick
for n in $(db a "SELECT rowid FROM dialsync_conflict WHERE kind = 'parent'
    AND settled IS NULL"); do
	conf a take "$n" >out 2>&1 || bad "take: $(cat out)"
done
sync_all a b
same "held parents are back" "0 0 0 2" "$(dangling a) $(parents a) \
$(parents b) $(db b "SELECT count(*) FROM dialsync_held")"

# ---- Northwind
sql=${NORTHWIND:-${abs_top_srcdir:-$OLDPWD}/../shared/data/northwind.sql}
if [ ! -r "$sql" ]; then
	echo "skipped: Northwind (no file; name it in \$NORTHWIND)"
	finish
fi
make_sites "$(grep -v '^PRAGMA foreign' "$sql")" a b c
tick
edit a "DELETE FROM [Order Details] WHERE OrderID IN (SELECT OrderID FROM Orders
    WHERE CustomerID IN ('ALFKI', 'ANATR'));
    DELETE FROM Orders WHERE CustomerID IN ('ALFKI', 'ANATR');
    DELETE FROM Customers WHERE CustomerID IN ('ALFKI', 'ANATR');
    DELETE FROM [Order Details] WHERE ProductID = 1;
    DELETE FROM Products WHERE ProductID = 1"
tick
edit b "INSERT INTO Orders(OrderID, CustomerID, EmployeeID) VALUES
    (20001, 'ALFKI', 1), (20002, 'ANATR', 2);
    INSERT INTO [Order Details](OrderID, ProductID, UnitPrice, Quantity,
    Discount) VALUES(20001, 1, 9.99, 1, 0), (10643, 2, 1.5, 2, 0.1),
    (10643, 1, 1.5, 2, 0.1)"
edit c "INSERT INTO [Order Details](OrderID, ProductID, UnitPrice, Quantity,
    Discount) SELECT OrderID, 77, 1, 1, 0 FROM Orders
    WHERE CustomerID = 'ANATR';
    UPDATE Products SET CategoryID = 2 WHERE ProductID = 1"
sync_all a b c
equal "Northwind" a b c
[ "$(dangling a)" -gt 5 ] || bad "Northwind: only $(dangling a) dangle"
told "Northwind" a b c
mend a b c
equal "Northwind, mended" a b c
same "an order's customer is back, too" 2 "$(db b "SELECT count(*) FROM
    Customers WHERE CustomerID IN ('ALFKI', 'ANATR')")"
same "nothing is remembered for longer than needed" "0 0" \
    "$(db c "SELECT count(*) FROM dialsync_gone") \
$(db c "SELECT count(*) FROM dialsync_dangling")"
finish
