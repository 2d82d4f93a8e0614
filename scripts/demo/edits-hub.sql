-- A day's work at the head office, as its people would do it: by any program
-- that writes SQL.  Nothing here knows of dialsync.

PRAGMA foreign_keys = ON;

-- Ids for what is new today.
CREATE TEMP TABLE new (n INTEGER PRIMARY KEY, a INTEGER, b INTEGER, id TEXT);
WITH RECURSIVE g (n, a, b) AS (
	SELECT 0, 1122334455, 987654321
	UNION ALL
	SELECT n + 1, a * 16807 % 2147483647, b * 48271 % 2147483647
	FROM g WHERE n < 60
)
INSERT INTO new SELECT n, a, b, printf('%08x-%04x-4%03x-9%03x-%08x%04x',
	a * 2, b >> 7 & 65535, a >> 3 & 4095, b >> 5 & 4095, b * 2,
	a >> 9 & 65535) FROM g WHERE n > 0;

-- One supplier got dearer; the prices of the day are kept.
BEGIN;
UPDATE products SET price = round(price * 1.035, 2) WHERE supplier IN
	(SELECT supplier FROM products WHERE sku IN ('HAM-00002', 'TEA-00001'));
INSERT INTO price_history
	SELECT id, '2026-11-21', price, 'supplier''s price' FROM products
	WHERE supplier IN (SELECT supplier FROM products
		WHERE sku IN ('HAM-00002', 'TEA-00001'))
	ON CONFLICT (product, valid_from) DO UPDATE SET price = excluded.price;
COMMIT;

-- Today's exchange rates; the pound was mistyped yesterday.
INSERT INTO exchange_rates
	SELECT currency, '2026-11-21', round(rate * 1.0013, 5)
	FROM exchange_rates WHERE day = '2026-11-20';
UPDATE exchange_rates SET rate = 0.84455
	WHERE currency = 'GBP' AND day = '2026-11-20';

-- Stock was counted in Hamburg.
UPDATE stock SET on_hand = on_hand - 3, counted_on = '2026-11-21'
	WHERE warehouse = 'HAM' AND shelf IN ('A01', 'B07', 'C11', 'D21');

-- Packed orders left the house.
UPDATE orders SET state = 'shipped', shipped_on = '2026-11-21'
	WHERE state = 'packed' AND ordered_on < '2026-11-15';

-- Credit limits, looked at once a quarter.
UPDATE customers SET credit = coalesce(credit, 0) + 750
	WHERE number BETWEEN 'C00020' AND 'C00039';
-- Numbers that the switchboard corrected (two of them are also corrected in
-- the field today, differently).
UPDATE customers SET phone = '+49 40 555 ' || substr(number, 2)
	WHERE number BETWEEN 'C00010' AND 'C00012';
UPDATE suppliers SET name = upper(name) WHERE name LIKE 'macleod%';
UPDATE suppliers SET rating = NULL WHERE rating = 1 AND country = 'PE';

-- Two customers called, with one contact each, and some ordered at once.
INSERT INTO customers (id, number, name, country, city, phone, since) VALUES
	((SELECT id FROM new WHERE n = 1), 'H00001', 'Möwe & Töchter', 'DE',
		'Flensburg', '+49 461 555 017', '2026-11-21'),
	((SELECT id FROM new WHERE n = 2), 'H00002', 'Καφές του Λιμανιού',
		'GR', 'Χανιά', NULL, '2026-11-21');
INSERT INTO contacts (id, customer, name, role, phone) VALUES
	((SELECT id FROM new WHERE n = 3), (SELECT id FROM new WHERE n = 1),
		'Frauke Möwe', 'owner', '+49 461 555 018'),
	((SELECT id FROM new WHERE n = 4), (SELECT id FROM new WHERE n = 2),
		'Ελένη Μαρκάκη', 'buyer', '+30 28210 55 501');
BEGIN;
INSERT INTO orders (id, customer, ordered_on, wanted_by, warehouse, freight)
	SELECT new.id, c.id, '2026-11-21', '2026-12-04', 'HAM', 12.5
	FROM new JOIN customers AS c
		ON c.number = printf('C%05d', 100 + new.n * 7)
	WHERE new.n BETWEEN 10 AND 21;
INSERT INTO order_lines
	SELECT new.id, l.line, p.id, 1 + new.a % 12, p.price,
		CASE WHEN new.b % 3 = 0 THEN 0.05 END
	FROM new JOIN (SELECT 1 AS line UNION ALL SELECT 2 UNION ALL SELECT 3)
		AS l
	JOIN products AS p
		ON p.sku LIKE printf('%%-%05d', new.n * 31 + l.line)
	WHERE new.n BETWEEN 10 AND 21;
COMMIT;

-- Somebody began to rename a category, and thought better of it.
BEGIN;
SAVEPOINT rename;
UPDATE categories SET name = 'Hot drinks' WHERE id = 11;
DELETE FROM notes WHERE language = 'el';
ROLLBACK TO rename;
UPDATE categories SET margin = 0.26 WHERE id = 11;
COMMIT;

-- What is over: cancelled orders (their lines go with them), old pictures,
-- people who left.
DELETE FROM orders WHERE state = 'open' AND id IN (SELECT id FROM orders
	WHERE ordered_on = '2026-11-19' ORDER BY id LIMIT 4);
DELETE FROM documents WHERE content IS NULL;
DELETE FROM contacts WHERE mail IN ('P4@C2338.example', 'p41@c2905.example')
	OR id IN (SELECT id FROM contacts WHERE role = 'accounts'
		AND phone IS NULL ORDER BY id LIMIT 5);

-- Settings.  Keys here are the same whatever their case.
UPDATE settings SET value = value + 16, changed = '2026-11-21'
	WHERE key = 'invoice.next';
UPDATE settings SET value = 1 WHERE key = 'RATE.FUEL';
UPDATE settings SET key = 'FAX', value = 'gone since 2019' WHERE key = 'fax';
UPDATE settings SET value = 'Moin, moin ⚓' WHERE key = 'Greeting';
INSERT OR REPLACE INTO settings VALUES ('Holiday', '2026-12-24', NULL);

-- A better translation, a new one, and one that nobody understood.
UPDATE translations SET name = replace(name, 'Wolldecke', 'Wolldecke (kariert)')
	WHERE language = 'de' AND name LIKE 'Wolldecke%';
UPDATE translations SET blurb = NULL
	WHERE language = 'ja' AND blurb LIKE '%№42';

DROP TABLE new;
