-- Rows for schema.sql: about 32,000, always the same ones.  The numbers come
-- from three multiplicative generators (Park and Miller, 1988), not from
-- random(), so that two people see the same demonstration.

BEGIN;

-- n, three pseudo-random numbers below 2^31 - 1, and a UUID made of them.
-- Each kind of thing takes its ids from a range of n of its own.
CREATE TEMP TABLE r (n INTEGER PRIMARY KEY, a INTEGER, b INTEGER, c INTEGER,
	id TEXT);
WITH RECURSIVE g (n, a, b, c) AS (
	SELECT 0, 20261123, 33600, 57600
	UNION ALL
	SELECT n + 1, a * 16807 % 2147483647, b * 48271 % 2147483647,
		c * 69621 % 2147483647
	FROM g WHERE n < 24000
)
INSERT INTO r SELECT n, a, b, c, printf('%08x-%04x-4%03x-%04x-%08x%04x',
	(a * 2 + b % 2), b >> 9 & 65535, c >> 5 & 4095,
	32768 + (a >> 11 & 16383), c * 2 + a % 2, b >> 3 & 65535)
FROM g WHERE n > 0;

INSERT INTO languages VALUES
	('en', 'English', 'English'), ('de', 'German', 'Deutsch'),
	('fr', 'French', 'français'), ('pl', 'Polish', 'polski'),
	('el', 'Greek', 'Ελληνικά'), ('ru', 'Russian', 'русский'),
	('ar', 'Arabic', 'العربية'), ('hi', 'Hindi', 'हिन्दी'),
	('zh', 'Chinese', '中文'), ('ja', 'Japanese', '日本語');

INSERT INTO countries VALUES
	('DE', 'Germany', 'EUR', 0.19), ('FR', 'France', 'EUR', 0.2),
	('PL', 'Poland', 'PLN', 0.23), ('GR', 'Greece', 'EUR', 0.24),
	('IN', 'India', 'INR', 0.18), ('CN', 'China', 'CNY', 0.13),
	('JP', 'Japan', 'JPY', 0.1), ('EG', 'Egypt', 'EGP', 0.14),
	('KE', 'Kenya', 'KES', 0.16), ('GB', 'United Kingdom', 'GBP', 0.2),
	('IE', 'Ireland', 'EUR', 0.23), ('NO', 'Norway', 'NOK', 0.25),
	('IS', 'Iceland', 'ISK', 0.24), ('CA', 'Canada', 'CAD', 0.05),
	('PE', 'Peru', 'PEN', 0.18), ('CL', 'Chile', 'CLP', 0.19);

WITH t (id, parent, name, margin) AS (VALUES
	(1, NULL, 'Food', 0.22), (2, NULL, 'Household', 0.31),
	(3, NULL, 'Tools', 0.35), (4, NULL, 'Marine', 0.4),
	(11, 1, 'Tea and coffee', 0.25), (12, 1, 'Spices', 0.3),
	(13, 1, 'Honey and preserves', 0.24), (14, 1, 'Dried fruit', 0.2),
	(21, 2, 'Lamps', 0.33), (22, 2, 'Textiles', 0.37),
	(23, 2, 'Pottery', 0.45), (24, 2, 'Soap', 0.29),
	(31, 3, 'Hand tools', 0.34), (32, 3, 'Measuring', 0.38),
	(33, 3, 'Fastenings', 0.5), (41, 4, 'Rope', 0.36),
	(42, 4, 'Charts and instruments', 0.41), (43, 4, 'Paint', 0.33))
INSERT INTO categories SELECT * FROM t;

INSERT INTO warehouses VALUES
	('HAM', 'Hamburg', 'DE', 9000), ('GDY', 'Gdynia', 'PL', 4200),
	('PIR', 'Πειραιάς', 'GR', 3500), ('MBA', 'Mombasa', 'KE', NULL);

-- Words to make names of.  k counts from 0 within a list.
CREATE TEMP TABLE w (list TEXT, k INTEGER, word TEXT, PRIMARY KEY (list, k));
INSERT INTO w VALUES
	('first', 0, 'Adaeze'), ('first', 1, 'Jürgen'), ('first', 2, 'Zoé'),
	('first', 3, 'Łucja'), ('first', 4, 'Νίκος'), ('first', 5, 'Ольга'),
	('first', 6, 'ليلى'), ('first', 7, 'आशा'), ('first', 8, '小明'),
	('first', 9, 'さくら'), ('first', 10, 'Siân'), ('first', 11, 'Ingrid'),
	('first', 12, 'Tomás'),
	('last', 0, 'Okafor'), ('last', 1, 'Großmann'), ('last', 2, 'Lefèvre'),
	('last', 3, 'Wójcik'), ('last', 4, 'Παπαδάκης'), ('last', 5, 'Смирнова'),
	('last', 6, 'حداد'), ('last', 7, 'शर्मा'), ('last', 8, '王'),
	('last', 9, '高橋'), ('last', 10, 'O''Brien'), ('last', 11, 'Þórsdóttir'),
	('last', 12, 'Quispe'), ('last', 13, 'Lindqvist'), ('last', 14, 'Mwangi'),
	('last', 15, 'Achterberg'), ('last', 16, 'MacLeod'),
	('firm', 0, '& Sons'), ('firm', 1, 'GmbH'), ('firm', 2, 'et Cie'),
	('firm', 3, 'Sp. z o.o.'), ('firm', 4, 'Α.Ε.'), ('firm', 5, 'ООО'),
	('firm', 6, 'للتجارة'), ('firm', 7, 'प्रा. लि.'), ('firm', 8, '有限公司'),
	('firm', 9, '株式会社'), ('firm', 10, 'Stores'),
	('city', 0, 'Lübeck'), ('city', 1, 'Besançon'), ('city', 2, 'Łódź'),
	('city', 3, 'Θεσσαλονίκη'), ('city', 4, 'भोपाल'), ('city', 5, '厦门'),
	('city', 6, '函館'), ('city', 7, 'الإسكندرية'), ('city', 8, 'Kisumu'),
	('city', 9, 'Ullapool'), ('city', 10, 'Galway'), ('city', 11, 'Ålesund'),
	('city', 12, 'Ísafjörður'), ('city', 13, 'St. John''s'),
	('city', 14, 'Arequipa'), ('city', 15, 'Valparaíso'),
	('kind', 0, 'plain'), ('kind', 1, 'fine'), ('kind', 2, 'heavy'),
	('kind', 3, 'small'), ('kind', 4, 'large'), ('kind', 5, 'striped'),
	('kind', 6, 'blue'), ('kind', 7, 'dark'), ('kind', 8, 'old style'),
	('kind', 9, 'half size'), ('kind', 10, 'export'),
	('thing', 0, 'tea'), ('thing', 1, 'pepper'), ('thing', 2, 'honey'),
	('thing', 3, 'dates'), ('thing', 4, 'lamp'), ('thing', 5, 'blanket'),
	('thing', 6, 'bowl'), ('thing', 7, 'soap'), ('thing', 8, 'hammer'),
	('thing', 9, 'compass'), ('thing', 10, 'screws'), ('thing', 11, 'rope'),
	('thing', 12, 'paint'),
	('role', 0, 'owner'), ('role', 1, 'buyer'), ('role', 2, 'accounts'),
	('role', 3, 'warehouse'), ('role', 4, NULL),
	('note', 0, 'Called back, wants the new price list.'),
	('note', 1, 'Lieferung bitte nur vormittags, Rampe ist schmal.'),
	('note', 2, 'Réclamation réglée ; avoir de 48,50 € émis.'),
	('note', 3, 'Płaci zawsze w terminie, można zwiększyć limit.'),
	('note', 4, 'Ζήτησε δείγματα από τα νέα χρώματα.'),
	('note', 5, 'Просит счёт на русском языке, адрес прежний.'),
	('note', 6, 'يفضل الاتصال بعد الظهر، لا يعمل يوم الجمعة.'),
	('note', 7, 'अगले महीने बड़ा ऑर्डर देने की सोच रहे हैं।'),
	('note', 8, '客户要求更换包装,下次发货前确认。'),
	('note', 9, '次回の納品は雨天のため延期、電話で確認すること。'),
	('note', 10, 'Very pleased 🎉 and 3 boxes short 📦📦📦 - sent after.');

-- Codes, picked by number in the same way.
INSERT INTO w
SELECT 'country', row_number() OVER (ORDER BY code) - 1, code FROM countries
UNION ALL
SELECT 'house', row_number() OVER (ORDER BY code) - 1, code FROM warehouses
UNION ALL
SELECT 'category', row_number() OVER (ORDER BY id) - 1, id FROM categories
	WHERE parent IS NOT NULL
UNION ALL
SELECT 'language', row_number() OVER (ORDER BY code) - 1, code FROM languages;

INSERT INTO suppliers
SELECT r.id, l.word || ' ' || f.word || ' ' || r.n,
	(SELECT word FROM w WHERE list = 'country' AND k = r.b % 16),
	CASE WHEN r.c % 9 THEN printf('+%d %d %06d', 30 + r.a % 60,
		100 + r.b % 800, r.c % 1000000) END,
	CASE WHEN r.b % 5 THEN 1 + r.a % 5 END
FROM r JOIN w AS l ON l.list = 'last' AND l.k = r.a % 17
	JOIN w AS f ON f.list = 'firm' AND f.k = r.b % 11
WHERE r.n BETWEEN 1 AND 120;

INSERT INTO products
SELECT r.id, printf('%s-%05d', upper(substr(t.word, 1, 3)), r.n - 200),
	t.word || ', ' || k.word || ' no. ' || (r.n - 200),
	(SELECT word FROM w WHERE list = 'category' AND k = r.a % 14),
	CASE WHEN r.c % 11 THEN (SELECT s.id FROM r AS s
		WHERE s.n = 1 + r.b % 120) END,
	round(0.5 + r.b % 25000 / 100.0, 2),
	CASE WHEN r.c % 7 THEN 20 + r.c % 9000 END,
	CASE r.a % 4 WHEN 0 THEN 'box of 12' WHEN 1 THEN '500 g bag'
		WHEN 2 THEN 'each' END,
	date('2015-01-01', (r.a % 3900) || ' days'),
	CASE WHEN r.b % 23 = 0 THEN date('2026-01-01',
		(r.c % 300) || ' days') END
FROM r JOIN w AS t ON t.list = 'thing' AND t.k = r.a % 13
	JOIN w AS k ON k.list = 'kind' AND k.k = r.b % 11
WHERE r.n BETWEEN 201 AND 1400;

-- The first 300 products are in the catalogue of every language.
CREATE TEMP TABLE said (language TEXT, thing INTEGER, word TEXT);
INSERT INTO said VALUES
	('de', 0, 'Tee'), ('de', 1, 'Pfeffer'), ('de', 2, 'Honig'),
	('de', 3, 'Datteln'), ('de', 4, 'Lampe'), ('de', 5, 'Wolldecke'),
	('de', 6, 'Schüssel'), ('de', 7, 'Seife'), ('de', 8, 'Hammer'),
	('de', 9, 'Kompass'), ('de', 10, 'Schrauben'), ('de', 11, 'Tauwerk'),
	('de', 12, 'Farbe'),
	('fr', 0, 'thé'), ('fr', 1, 'poivre'), ('fr', 2, 'miel'),
	('fr', 3, 'dattes'), ('fr', 4, 'lampe'), ('fr', 5, 'couverture'),
	('fr', 6, 'bol'), ('fr', 7, 'savon'), ('fr', 8, 'marteau'),
	('fr', 9, 'boussole'), ('fr', 10, 'vis à bois'), ('fr', 11, 'cordage'),
	('fr', 12, 'peinture'),
	('pl', 0, 'herbata'), ('pl', 1, 'pieprz'), ('pl', 2, 'miód'),
	('pl', 3, 'daktyle'), ('pl', 4, 'lampa'), ('pl', 5, 'koc wełniany'),
	('pl', 6, 'miska'), ('pl', 7, 'mydło'), ('pl', 8, 'młotek'),
	('pl', 9, 'kompas'), ('pl', 10, 'śruby'), ('pl', 11, 'lina'),
	('pl', 12, 'farba'),
	('el', 0, 'τσάι'), ('el', 1, 'πιπέρι'), ('el', 2, 'μέλι'),
	('el', 3, 'χουρμάδες'), ('el', 4, 'λάμπα'), ('el', 5, 'κουβέρτα'),
	('el', 6, 'μπολ'), ('el', 7, 'σαπούνι'), ('el', 8, 'σφυρί'),
	('el', 9, 'πυξίδα'), ('el', 10, 'βίδες'), ('el', 11, 'σχοινί'),
	('el', 12, 'χρώμα'),
	('ru', 0, 'чай'), ('ru', 1, 'перец'), ('ru', 2, 'мёд'),
	('ru', 3, 'финики'), ('ru', 4, 'лампа'), ('ru', 5, 'одеяло'),
	('ru', 6, 'миска'), ('ru', 7, 'мыло'), ('ru', 8, 'молоток'),
	('ru', 9, 'компас'), ('ru', 10, 'шурупы'), ('ru', 11, 'канат'),
	('ru', 12, 'краска'),
	('ar', 0, 'شاي'), ('ar', 1, 'فلفل'), ('ar', 2, 'عسل'),
	('ar', 3, 'تمر'), ('ar', 4, 'مصباح'), ('ar', 5, 'بطانية'),
	('ar', 6, 'وعاء'), ('ar', 7, 'صابون'), ('ar', 8, 'مطرقة'),
	('ar', 9, 'بوصلة'), ('ar', 10, 'براغي'), ('ar', 11, 'حبل'),
	('ar', 12, 'طلاء'),
	('hi', 0, 'चाय'), ('hi', 1, 'काली मिर्च'), ('hi', 2, 'शहद'),
	('hi', 3, 'खजूर'), ('hi', 4, 'दीपक'), ('hi', 5, 'कंबल'),
	('hi', 6, 'कटोरा'), ('hi', 7, 'साबुन'), ('hi', 8, 'हथौड़ा'),
	('hi', 9, 'कुतुबनुमा'), ('hi', 10, 'पेंच'), ('hi', 11, 'रस्सी'),
	('hi', 12, 'रंग'),
	('zh', 0, '茶叶'), ('zh', 1, '胡椒'), ('zh', 2, '蜂蜜'),
	('zh', 3, '椰枣'), ('zh', 4, '灯'), ('zh', 5, '毛毯'),
	('zh', 6, '碗'), ('zh', 7, '肥皂'), ('zh', 8, '锤子'),
	('zh', 9, '指南针'), ('zh', 10, '螺丝'), ('zh', 11, '绳索'),
	('zh', 12, '油漆'),
	('ja', 0, '紅茶'), ('ja', 1, '胡椒'), ('ja', 2, '蜂蜜'),
	('ja', 3, 'なつめやし'), ('ja', 4, 'ランプ'), ('ja', 5, '毛布'),
	('ja', 6, '茶碗'), ('ja', 7, '石けん'), ('ja', 8, '金槌'),
	('ja', 9, '羅針盤'), ('ja', 10, 'ねじ'), ('ja', 11, 'ロープ'),
	('ja', 12, '塗料');
INSERT INTO translations
SELECT r.id, s.language, s.word || ' ' || (r.n - 200),
	CASE WHEN (r.b + s.rowid) % 3 THEN s.word || ' - '
		|| (SELECT own_name FROM languages WHERE code = s.language)
		|| ' №' || (r.c % 97) END
FROM r JOIN said AS s ON s.thing = r.a % 13
WHERE r.n BETWEEN 201 AND 500;

INSERT INTO price_history
SELECT p.id, date(p.listed_on, (g.value * 190 + r.c % 40) || ' days'),
	round(p.price * (0.82 + g.value * 0.06), 2),
	CASE (r.a + g.value) % 5 WHEN 0 THEN 'supplier''s price'
		WHEN 1 THEN 'exchange rate' WHEN 2 THEN 'season' END
FROM products AS p JOIN r ON r.id = p.id
	JOIN (SELECT 0 AS value UNION ALL SELECT 1 UNION ALL SELECT 2) AS g;

INSERT INTO stock
SELECT p.id, h.code, (r.a >> h.rowid) % 400,
	CASE WHEN (r.b + h.rowid) % 6 THEN printf('%s%02d',
		substr('ABCDEFGH', 1 + (r.b >> h.rowid) % 8, 1),
		1 + (r.c >> h.rowid) % 40) END,
	date('2026-06-01', ((r.c >> h.rowid) % 170) || ' days')
FROM products AS p JOIN r ON r.id = p.id JOIN warehouses AS h;

INSERT INTO customers
SELECT r.id, printf('C%05d', r.n - 2000), l.word || ' ' || f.word,
	(SELECT word FROM w WHERE list = 'country' AND k = r.c % 16),
	(SELECT word FROM w WHERE list = 'city' AND k = r.c % 16),
	CASE WHEN r.a % 8 THEN (1 + r.b % 180) || ', '
		|| CASE r.a % 3 WHEN 0 THEN 'Harbour Road'
		WHEN 1 THEN 'Marktstraße' ELSE 'rue de l''Église' END END,
	printf('+%d %d %07d', 20 + r.c % 70, 10 + r.a % 90, r.b % 10000000),
	(r.b >> 4) % 6 * 0.025,
	CASE WHEN r.a % 4 THEN (r.c % 80) * 250 END,
	date('2004-03-01', (r.b % 8200) || ' days')
FROM r JOIN w AS l ON l.list = 'last' AND l.k = r.a % 17
	JOIN w AS f ON f.list = 'firm' AND f.k = r.b % 11
WHERE r.n BETWEEN 2001 AND 3500;

INSERT INTO contacts
SELECT r.id, k.id, f.word || ' ' || l.word,
	(SELECT word FROM w WHERE list = 'role' AND k = r.c % 5),
	CASE WHEN r.a % 5 THEN printf('+%d %d %07d', 20 + r.c % 70,
		10 + r.a % 90, r.b % 10000000) END,
	CASE WHEN r.b % 6 THEN printf('p%d@c%d.example', r.n % 1000, k.n) END,
	CASE WHEN r.c % 3 = 0 THEN date('1950-01-01',
		(r.a % 19000) || ' days') END
FROM r JOIN r AS k ON k.n = 2001 + r.a % 1500
	JOIN w AS f ON f.list = 'first' AND f.k = r.b % 13
	JOIN w AS l ON l.list = 'last' AND l.k = r.c % 17
WHERE r.n BETWEEN 4001 AND 6400;

INSERT INTO orders (id, customer, ordered_on, wanted_by, shipped_on,
	warehouse, state, freight)
SELECT r.id, k.id, date('2026-11-20', (r.n - 12000) || ' hours'),
	CASE WHEN r.a % 3 THEN date('2026-11-20', (r.n - 12000) || ' hours',
		'14 days') END,
	CASE WHEN r.n < 11700 THEN date('2026-11-20', (r.n - 12000)
		|| ' hours', (1 + r.b % 9) || ' days') END,
	(SELECT word FROM w WHERE list = 'house' AND k = r.c % 4),
	CASE WHEN r.n < 11700 THEN 'shipped'
		WHEN r.n < 11850 THEN 'packed' ELSE 'open' END,
	round(4.9 + r.c % 9000 / 100.0, 2)
FROM r JOIN r AS k ON k.n = 2001 + r.a % 1500
WHERE r.n BETWEEN 9001 AND 12000;

INSERT INTO order_lines
SELECT o.id, g.value, p.id, 1 + (r.b >> g.value) % 24, p.price,
	CASE (r.c >> g.value) % 4 WHEN 0 THEN 0.05 WHEN 1 THEN 0.1 END
FROM r JOIN r AS o ON o.n = r.n
	JOIN (SELECT 1 AS value UNION ALL SELECT 2 UNION ALL SELECT 3
		UNION ALL SELECT 4 UNION ALL SELECT 5) AS g
	JOIN r AS q ON q.n = 201 + ((r.a >> g.value) + g.value * 97) % 1200
	JOIN products AS p ON p.id = q.id
WHERE r.n BETWEEN 9001 AND 12000 AND g.value <= 1 + r.c % 5;

-- Small grey pictures (PGM, 24 x 16) and some empty or missing contents.
-- Every byte there is, to take one from: CAST, since || makes text.
CREATE TEMP TABLE every (byte BLOB);
INSERT INTO every VALUES (CAST(
	x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f' ||
	x'202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f' ||
	x'404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f' ||
	x'606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f' ||
	x'808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f' ||
	x'a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf' ||
	x'c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf' ||
	x'e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff' AS BLOB));
INSERT INTO documents
SELECT r.id, (SELECT p.id FROM r AS p WHERE p.n = 201 + r.a % 1200),
	'picture ' || (r.n - 7000), 'image/x-portable-graymap',
	CASE WHEN r.n % 40 = 0 THEN NULL WHEN r.n % 41 = 0 THEN x''
	ELSE CAST('P5 24 16 255 ' || (SELECT group_concat(
		substr(byte, 1 + ((y.n * y.n + r.a) / (1 + r.b % 60)
			+ y.n / 24 * (r.c % 40)) % 256, 1), '')
		FROM r AS y, every WHERE y.n BETWEEN 1 AND 384) AS BLOB) END
FROM r WHERE r.n BETWEEN 7001 AND 7240;

INSERT INTO notes
SELECT r.id, k.id, (SELECT word FROM w WHERE list = 'language' AND k = r.b % 10),
	datetime('2026-01-02 08:00', ((r.n - 7500) * 300) || ' minutes'),
	CASE WHEN r.a % 6 THEN lower(substr(r.id, 1, 2)) END,
	n.word || CASE WHEN r.c % 4 = 0 THEN char(10) || m.word ELSE '' END
FROM r JOIN r AS k ON k.n = 2001 + r.a % 1500
	JOIN w AS n ON n.list = 'note' AND n.k = r.b % 11
	JOIN w AS m ON m.list = 'note' AND m.k = r.c % 11
WHERE r.n BETWEEN 7501 AND 9000;

INSERT INTO exchange_rates
SELECT c.code, date('2026-05-25', (r.n - 1) || ' days'),
	round(c.rate * (1 + ((r.a >> unicode(c.code) % 7) % 2000 - 1000) / 50000.0), 5)
FROM r JOIN (SELECT 'PLN' AS code, 4.31 AS rate UNION ALL
	SELECT 'INR', 98.4 UNION ALL SELECT 'CNY', 8.12 UNION ALL
	SELECT 'JPY', 171.5 UNION ALL SELECT 'KES', 149.2 UNION ALL
	SELECT 'GBP', 0.8431 UNION ALL SELECT 'NOK', 11.62 UNION ALL
	SELECT 'CAD', 1.587 UNION ALL SELECT 'PEN', 4.05 UNION ALL
	SELECT 'CLP', 1061.0) AS c
WHERE r.n <= 180;

-- The value of a setting may be of any type.
INSERT INTO settings VALUES
	('Company', 'Tern & Tide Trading', '2019-04-01'),
	('Company.Phone', '+49 40 555 0100', '2024-02-11'),
	('Invoice.Next', 48211, '2026-11-20'),
	('Invoice.Prefix', 'T', NULL),
	('Rate.Reminder', 0.02, '2025-01-01'),
	('Rate.Fuel', 1.0, '2026-10-01'),
	('Logo', x'89504e470d0a1a0a0000000d49484452', '2021-08-30'),
	('Logo.Small', x'', NULL),
	('Hours', '08:00-17:00', '2026-03-29'),
	('Greeting', 'Moin 👋', NULL),
	('Fax', NULL, NULL),
	('Count.Day', '2026-12-31', NULL);

DROP TABLE r;
DROP TABLE w;
DROP TABLE said;
DROP TABLE every;
COMMIT;
