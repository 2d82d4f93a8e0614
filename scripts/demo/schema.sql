-- The database of a small trading company, invented for the demonstration.
--
-- What is made at several sites (customers, orders, notes ...) has a UUID as
-- its key, so that two sites never use one key for two things; what only the
-- head office makes (categories, languages ...) may have a number.

PRAGMA page_size = 4096;
BEGIN;

CREATE TABLE languages (
	code       TEXT PRIMARY KEY,
	name       TEXT NOT NULL,
	own_name   TEXT NOT NULL
);

CREATE TABLE countries (
	code       TEXT PRIMARY KEY CHECK (length(code) = 2),
	name       TEXT NOT NULL,
	currency   TEXT NOT NULL,
	vat        REAL NOT NULL
);

CREATE TABLE categories (
	id         INTEGER PRIMARY KEY,
	parent     INTEGER REFERENCES categories (id),
	name       TEXT NOT NULL,
	margin     REAL NOT NULL
);

CREATE TABLE warehouses (
	code       TEXT PRIMARY KEY,
	city       TEXT NOT NULL,
	country    TEXT NOT NULL REFERENCES countries (code),
	capacity   INTEGER
);

CREATE TABLE suppliers (
	id         TEXT PRIMARY KEY,
	name       TEXT NOT NULL COLLATE NOCASE,
	country    TEXT NOT NULL REFERENCES countries (code),
	phone      TEXT,
	rating     INTEGER CHECK (rating IS NULL OR rating BETWEEN 1 AND 5)
);

CREATE TABLE products (
	id         TEXT PRIMARY KEY,
	sku        TEXT NOT NULL UNIQUE,
	name       TEXT NOT NULL,
	category   INTEGER NOT NULL REFERENCES categories (id),
	supplier   TEXT REFERENCES suppliers (id),
	price      REAL NOT NULL CHECK (price >= 0),
	weight_g   INTEGER,
	packed     TEXT,
	listed_on  TEXT NOT NULL,
	dropped_on TEXT
);

CREATE TABLE translations (
	product    TEXT NOT NULL REFERENCES products (id) ON DELETE CASCADE,
	language   TEXT NOT NULL REFERENCES languages (code),
	name       TEXT NOT NULL,
	blurb      TEXT,
	PRIMARY KEY (product, language)
);

CREATE TABLE price_history (
	product    TEXT NOT NULL REFERENCES products (id) ON DELETE CASCADE,
	valid_from TEXT NOT NULL,
	price      REAL NOT NULL,
	reason     TEXT,
	PRIMARY KEY (product, valid_from)
);

CREATE TABLE stock (
	product    TEXT NOT NULL REFERENCES products (id) ON DELETE CASCADE,
	warehouse  TEXT NOT NULL REFERENCES warehouses (code),
	on_hand    INTEGER NOT NULL DEFAULT 0,
	shelf      TEXT,
	counted_on TEXT,
	PRIMARY KEY (product, warehouse)
) WITHOUT ROWID;

CREATE TABLE customers (
	id         TEXT PRIMARY KEY,
	number     TEXT NOT NULL,
	name       TEXT NOT NULL,
	country    TEXT NOT NULL REFERENCES countries (code),
	city       TEXT,
	street     TEXT,
	phone      TEXT,
	discount   REAL NOT NULL DEFAULT 0 CHECK (discount BETWEEN 0 AND 0.5),
	credit     INTEGER,
	since      TEXT NOT NULL
);
CREATE UNIQUE INDEX customers_number ON customers (number);

CREATE TABLE contacts (
	id         TEXT PRIMARY KEY,
	customer   TEXT NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
	name       TEXT NOT NULL,
	role       TEXT,
	phone      TEXT,
	mail       TEXT COLLATE NOCASE,
	born       TEXT
);
CREATE INDEX contacts_customer ON contacts (customer);

CREATE TABLE orders (
	id         TEXT PRIMARY KEY,
	customer   TEXT NOT NULL REFERENCES customers (id),
	ordered_on TEXT NOT NULL,
	wanted_by  TEXT,
	shipped_on TEXT,
	warehouse  TEXT REFERENCES warehouses (code),
	state      TEXT NOT NULL DEFAULT 'open'
	           CHECK (state IN ('open', 'packed', 'shipped', 'cancelled')),
	freight    REAL NOT NULL DEFAULT 0,
	total      REAL NOT NULL DEFAULT 0
);
CREATE INDEX orders_customer ON orders (customer);

CREATE TABLE order_lines (
	order_id   TEXT NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
	line       INTEGER NOT NULL,
	product    TEXT NOT NULL REFERENCES products (id),
	quantity   INTEGER NOT NULL CHECK (quantity > 0),
	price      REAL NOT NULL,
	discount   REAL,
	PRIMARY KEY (order_id, line)
);

CREATE TABLE documents (
	id         TEXT PRIMARY KEY,
	product    TEXT REFERENCES products (id) ON DELETE SET NULL,
	title      TEXT NOT NULL,
	type       TEXT NOT NULL,
	content    BLOB
);

CREATE TABLE notes (
	id         TEXT PRIMARY KEY,
	customer   TEXT REFERENCES customers (id) ON DELETE CASCADE,
	language   TEXT REFERENCES languages (code),
	written    TEXT NOT NULL,
	author     TEXT,
	body       TEXT NOT NULL
);

CREATE TABLE exchange_rates (
	currency   TEXT NOT NULL,
	day        TEXT NOT NULL,
	rate       REAL NOT NULL,
	PRIMARY KEY (currency, day)
);

CREATE TABLE settings (
	key        TEXT PRIMARY KEY COLLATE NOCASE,
	value,
	changed    TEXT
);

-- The company's own triggers: the total of an order follows its lines.
CREATE TRIGGER order_lines_added AFTER INSERT ON order_lines BEGIN
	UPDATE orders SET total = round(total + NEW.quantity * NEW.price
		* (1 - coalesce(NEW.discount, 0)), 2) WHERE id = NEW.order_id;
END;
CREATE TRIGGER order_lines_gone AFTER DELETE ON order_lines BEGIN
	UPDATE orders SET total = round(total - OLD.quantity * OLD.price
		* (1 - coalesce(OLD.discount, 0)), 2) WHERE id = OLD.order_id;
END;
CREATE TRIGGER order_lines_changed AFTER UPDATE OF quantity, price, discount
ON order_lines BEGIN
	UPDATE orders SET total = round(total
		- OLD.quantity * OLD.price * (1 - coalesce(OLD.discount, 0))
		+ NEW.quantity * NEW.price * (1 - coalesce(NEW.discount, 0)), 2)
	WHERE id = NEW.order_id;
END;

CREATE VIEW open_orders AS
	SELECT o.id, c.number, c.name, o.ordered_on, o.total
	FROM orders AS o JOIN customers AS c ON c.id = o.customer
	WHERE o.state IN ('open', 'packed');

COMMIT;
