-- The same day in the field: a week's round along the coast, far from any
-- network, with the whole database at hand.

PRAGMA foreign_keys = ON;

CREATE TEMP TABLE new (n INTEGER PRIMARY KEY, a INTEGER, b INTEGER, id TEXT);
WITH RECURSIVE g (n, a, b) AS (
	SELECT 0, 1357924680, 864209753
	UNION ALL
	SELECT n + 1, a * 16807 % 2147483647, b * 48271 % 2147483647
	FROM g WHERE n < 120
)
INSERT INTO new SELECT n, a, b, printf('%08x-%04x-4%03x-a%03x-%08x%04x',
	a * 2 + 1, b >> 7 & 65535, a >> 3 & 4095, b >> 5 & 4095, b * 2,
	a >> 9 & 65535) FROM g WHERE n > 0;

-- Visits: a note on each, in the language of the talk.
INSERT INTO notes
	SELECT new.id, c.id, s.language, datetime('2026-11-21 07:10',
		(new.n * 11) || ' minutes'), 'field', s.body || ' (' || c.city || ')'
	FROM new JOIN customers AS c
		ON c.number = printf('C%05d', 300 + new.n * 3)
	JOIN (SELECT 0 AS k, 'en' AS language,
		'Visited; shelves half empty, will order.' AS body UNION ALL
	SELECT 1, 'fr', 'Rayon thé déplacé à l''entrée, bonne idée.' UNION ALL
	SELECT 2, 'ar', 'تمت الزيارة، المخزون قليل.' UNION ALL
	SELECT 3, 'hi', 'दुकान बंद थी, कल फिर जाना है।' UNION ALL
	SELECT 4, 'zh', '新仓库很大,可以多放货 🚢' UNION ALL
	SELECT 5, 'pl', 'Prosi o katalog z cenami.') AS s ON s.k = new.a % 6
	WHERE new.n BETWEEN 1 AND 36;
UPDATE notes SET body = body || char(10) || '2026-11-21: settled.'
	WHERE written BETWEEN '2026-10-20' AND '2026-10-22';

-- Telephone numbers, read from the cards on the counter.
UPDATE contacts SET phone = '+254 41 ' || substr(phone, -7)
	WHERE phone LIKE '+25 %';
UPDATE contacts SET role = 'buyer' WHERE role IS NULL AND mail LIKE 'p5%';
-- The switchboard had two of these today as well.
UPDATE customers SET phone = '+254 41 555 ' || substr(number, 2)
	WHERE number BETWEEN 'C00011' AND 'C00013';
-- The office changes the credit of the same customers today: other fields of
-- the same rows, so both edits stand.
UPDATE customers SET street = 'Moi Avenue ' || substr(number, 5), city = 'Mombasa'
	WHERE number BETWEEN 'C00025' AND 'C00034';
-- She left, says the office; the number is kept as a conflict there.
UPDATE contacts SET phone = '+254 20 555 0199' WHERE mail = 'p4@c2338.example';

-- Stock was counted in Mombasa, and on one shelf that is counted in Hamburg.
UPDATE stock SET on_hand = on_hand + 2, counted_on = '2026-11-21'
	WHERE warehouse = 'MBA' AND shelf IN ('A05', 'B12', 'F30', 'H02');
UPDATE stock SET shelf = 'G40', on_hand = on_hand - 1
	WHERE warehouse = 'HAM' AND shelf = 'D21';
REPLACE INTO stock
	SELECT product, warehouse, 0, NULL, '2026-11-21' FROM stock
	WHERE warehouse = 'MBA' AND shelf = 'C09';

-- A new customer on the way, and orders written at the counter.
INSERT INTO customers (id, number, name, country, city, discount, since)
	VALUES ((SELECT id FROM new WHERE n = 40), 'F00001',
	'दुकान & Daughters', 'KE', 'Malindi', 0.025, '2026-11-21');
INSERT INTO contacts (id, customer, name, role, born) VALUES
	((SELECT id FROM new WHERE n = 41), (SELECT id FROM new WHERE n = 40),
	'Wanjirũ Kamau', 'owner', '1979-07-07');
BEGIN;
INSERT INTO orders (id, customer, ordered_on, warehouse, freight)
	SELECT new.id, c.id, '2026-11-21', 'MBA', 7.25
	FROM new JOIN customers AS c
		ON c.number = printf('C%05d', 900 + new.n * 5)
	WHERE new.n BETWEEN 50 AND 61;
INSERT INTO order_lines
	SELECT new.id, l.line, p.id, 1 + new.a % 9, p.price, NULL
	FROM new JOIN (SELECT 1 AS line UNION ALL SELECT 2) AS l
	JOIN products AS p
		ON p.sku LIKE printf('%%-%05d', new.n * 17 + l.line)
	WHERE new.n BETWEEN 50 AND 61;
COMMIT;

-- Changes of mind: more of this, none of that.
UPDATE order_lines SET quantity = quantity + 1 WHERE line = 1
	AND order_id IN (SELECT id FROM orders
		WHERE ordered_on = '2026-11-17' ORDER BY id LIMIT 6);
DELETE FROM order_lines WHERE line = 2 AND order_id IN
	(SELECT id FROM orders WHERE ordered_on = '2026-11-18'
		ORDER BY id LIMIT 5);
UPDATE orders SET wanted_by = '2026-12-01'
	WHERE state = 'packed' AND warehouse = 'MBA';

-- A new picture, and a corrected one.
INSERT INTO documents
	SELECT id, (SELECT id FROM products WHERE sku = 'TEA-00001'),
	'tea chest', 'application/octet-stream',
	x'00ff1011138a0d0a18181818188d8a90919300' FROM new WHERE n = 70;
UPDATE documents SET content = CAST(substr(content, 1, 300) || x'00' AS BLOB)
	WHERE title IN ('picture 7', 'picture 21');

-- Written twice: the copies go.
DELETE FROM notes WHERE written BETWEEN '2026-01-09' AND '2026-01-10';

UPDATE settings SET value = 'Jambo 🌍' WHERE key = 'Greeting';

DROP TABLE new;
