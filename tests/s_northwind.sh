#!/bin/sh
# Northwind among three sites: edits, deletes and new orders with their lines
# at the same time.  Equal everywhere; each reference that hangs in the air is
# a conflict, and once each of these was taken, none does.
#
# NORTHWIND: the file, if it is not in ../shared/data.
here=$(cd "${abs_top_srcdir:-$PWD}" && pwd)
NORTHWIND=${NORTHWIND:-$here/../shared/data/northwind.sql}
. "${abs_top_srcdir:-$PWD}/tests/lib.sh"
[ -r "$NORTHWIND" ] ||
	{ echo "skipped: no $NORTHWIND; NORTHWIND=FILE names it"; exit 77; }
dialsync conflicts --help >/dev/null 2>&1 ||
	{ echo "skipped: \"dialsync conflicts\" is not built here"; exit 77; }
echo 'SELECT json(1);' | sqlite3 >/dev/null 2>&1 ||
	{ echo "skipped: this sqlite3 has no JSON"; exit 77; }

PEERS_OF_ann=hub PEERS_OF_bob=hub
make_sites "$(cat "$NORTHWIND")" hub ann bob

# Each writes what its own copy allows: foreign keys are on.
write() {
	sqlite3 -cmd ".timeout 10000" -cmd "PRAGMA foreign_keys = on" \
	    "$1.tmp/d.db" "$2" || bad "$1: $2"
}

# order SITE NUMBER CUSTOMER PRODUCT...: a new order with its lines
order() {
	site=$1 number=$2 customer=$3
	shift 3
	sql="BEGIN; INSERT INTO Orders(OrderID, CustomerID, EmployeeID,
	    OrderDate, ShipVia, Freight) VALUES($number, '$customer', 3,
	    '2026-11-22', 1, 12.5);"
	for p in "$@"; do
		sql="$sql INSERT INTO [Order Details] SELECT $number,
		    ProductID, UnitPrice, $p % 9 + 1, 0.05 FROM Products
		    WHERE ProductID = $p;"
	done
	write "$site" "$sql COMMIT;"
}

# forget SITE CUSTOMER: with all orders that this site knows
forget() {
	write "$1" "BEGIN;
	    DELETE FROM [Order Details] WHERE OrderID IN (SELECT OrderID FROM
		Orders WHERE CustomerID = '$2');
	    DELETE FROM Orders WHERE CustomerID = '$2';
	    DELETE FROM Customers WHERE CustomerID = '$2'; COMMIT;"
}

# drop SITE PRODUCT: with all lines that name it
drop() {
	write "$1" "BEGIN; DELETE FROM [Order Details] WHERE ProductID = $2;
	    DELETE FROM Products WHERE ProductID = $2; COMMIT;"
}

# cancel SITE ORDER
cancel() {
	write "$1" "BEGIN; DELETE FROM [Order Details] WHERE OrderID = $2;
	    DELETE FROM Orders WHERE OrderID = $2; COMMIT;"
}

# references in the air, each once: child table, parent table
dangling() {
	db "$1" "SELECT \"table\", count(*), parent FROM
	    pragma_foreign_key_check GROUP BY 1, 3 ORDER BY 1, 3"
}

# open conflicts of one kind, as JSON lines of $2
conflicts() {
	dialsync -C "$1" conflicts list --json >conflicts.json 2>&1 ||
		bad "conflicts at $1: $(cat conflicts.json)"
	sqlite3 :memory: "SELECT $2 FROM json_each(readfile('conflicts.json'),
	    '\$.conflicts') c WHERE c.value ->> 'kind' = '$3' $4"
}

same "no reference hangs to begin with" "" "$(dangling hub)"

# ---- a day at three sites, all off-line
write ann "UPDATE Customers SET Phone = '030-111' WHERE CustomerID = 'BLAUS'"
write bob "UPDATE Customers SET City = 'Mainz' WHERE CustomerID = 'BLAUS'"
write hub "UPDATE Customers SET Phone = '030-222' WHERE CustomerID = 'BLAUS'"
write ann "UPDATE Products SET UnitPrice = UnitPrice + 1 WHERE SupplierID = 2"
write bob "UPDATE Products SET UnitsInStock = 7 WHERE SupplierID = 2"
write hub "UPDATE Products SET UnitPrice = UnitPrice * 1.1 WHERE ProductID < 9"
write bob "UPDATE Employees SET Photo = x'00ff00', Notes = 'new' WHERE
    EmployeeID = 4"
order ann 20001 ALFKI 1 2 3
order ann 20002 SAVEA 11 42
order ann 20003 BERGS 72
order bob 30001 ANATR 11 12
order bob 30002 ALFKI 5 72
order hub 11999 BLAUS 20 21
# the same number at two sites, with other lines
order ann 12000 BLONP 30 31
order bob 12000 BOLID 31 32
# what others still refer to
forget ann ANATR
forget bob SAVEA
forget hub ALFKI
drop hub 11
drop bob 72
cancel bob 10250
write ann "INSERT INTO [Order Details] VALUES(10250, 1, 18, 4, 0)"
cancel ann 10260
write hub "INSERT INTO [Order Details] VALUES(10260, 2, 19, 4, 0)"
write hub "UPDATE Orders SET Freight = 99 WHERE OrderID = 10250"
write bob "UPDATE Orders SET CustomerID = 'FAMIA' WHERE OrderID = 10300"
forget hub FAMIA

sync_all hub ann bob
sync_all hub ann bob
equal "after the day" hub ann bob

# ---- what hangs in the air is said, row by row
for s in hub ann bob; do
	db "$s" "SELECT \"table\" || '>' || parent FROM
	    pragma_foreign_key_check" | sort >dangling.$s
	conflicts "$s" "printf('%s>%s', c.value ->> 'table',
	    c.value ->> 'parent')" parent | sort >said.$s
done
[ -s dangling.hub ] || bad "no reference hangs: the day was too tame"
cmp -s dangling.hub dangling.ann && cmp -s dangling.hub dangling.bob ||
	bad "what hangs in the air is not the same everywhere"
n=$(wc -l <dangling.hub)
for s in hub ann bob; do
	same "$s: each reference that hangs is a conflict" "$n" \
	    "$(conflicts "$s" "count(*)" parent)"
done
for t in "Order Details" Orders; do
	same "$t" "$(grep -c "^$t>" dangling.hub)" "$(conflicts hub "count(*)" \
	    parent "AND c.value ->> 'table' = '$t'")"
done

# ---- taken, one by one, at two of the sites
take=$(conflicts hub "c.value ->> 'n'" parent)
[ -n "$take" ] || bad "nothing to take"
for i in $take; do
	dialsync -C hub conflicts take "$i" >take.out 2>&1 || {
		# one parent serves many children: the others settle with it
		grep -q settled take.out || bad "take $i: $(cat take.out)"
	}
done
sync_all hub ann bob
# a parent that came back may have a parent of its own that is gone
for s in ann bob hub; do
	for i in $(conflicts $s "c.value ->> 'n'" parent); do
		dialsync -C $s conflicts take "$i" >take.out 2>&1 ||
			grep -q settled take.out || bad "take $i: $(cat take.out)"
	done
	sync_all hub ann bob
done
equal "after taking" hub ann bob
for s in hub ann bob; do
	same "$s: no reference hangs" "" "$(dangling $s)"
	same "$s: no conflict of parents is left" "" \
	    "$(conflicts $s "c.value ->> 'n'" parent)"
	same "$s: the rows that came back" "ALFKI|ANATR|FAMIA|SAVEA" \
	    "$(db $s "SELECT group_concat(CustomerID, '|') FROM (SELECT
		CustomerID FROM Customers WHERE CustomerID IN ('ALFKI',
		'ANATR', 'SAVEA', 'FAMIA') ORDER BY 1)")"
done
finish
