-- Foreign keys to and from protected tables: whatever command validates them sees all rows, or is refused.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = error;
\set VERBOSITY terse
SELECT organization_id AS acme FROM tenancy.organizations WHERE slug = 'acme' \gset
SELECT organization_id AS globex FROM tenancy.organizations WHERE slug = 'globex' \gset
DROP ROLE IF EXISTS regress_keys;
CREATE ROLE regress_keys LOGIN;
GRANT ALL ON SCHEMA app TO regress_keys;
SELECT tenancy.trust_login('regress_keys');
SET SESSION AUTHORIZATION regress_keys;
CREATE TABLE customers (id int PRIMARY KEY, organization_id uuid);
CREATE TABLE orders (id int, organization_id uuid, customer int) PARTITION BY RANGE (id);
CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (100);
CREATE TABLE parents (id int PRIMARY KEY, organization_id uuid) PARTITION BY RANGE (id);
CREATE TABLE parents_1 PARTITION OF parents FOR VALUES FROM (0) TO (100);
CREATE TABLE parents_2 PARTITION OF parents FOR VALUES FROM (100) TO (200);
CREATE TABLE children (parent int REFERENCES parents, organization_id uuid);
INSERT INTO customers VALUES (1, :'acme'), (2, :'globex');
INSERT INTO orders VALUES (1, :'acme', 1), (2, :'globex', 2);
INSERT INTO parents VALUES (1, :'acme'), (2, :'globex');
INSERT INTO children VALUES (1, :'acme'), (2, :'globex');
RESET SESSION AUTHORIZATION;
SELECT tenancy.protect(t, 'logs', 'organization_id') FROM unnest('{customers,orders,parents,children}'::regclass[]) t \g /dev/null
-- What happens to a command, by who runs it; rolled back.
CREATE FUNCTION tried(commands text) RETURNS TABLE (nobody text, acme text, globex text) LANGUAGE plpgsql AS $$
DECLARE
  results text[];
  email text;
BEGIN
  FOREACH email IN ARRAY ARRAY['', 'olivia@acme.test', 'gus@globex.test'] LOOP
    BEGIN
      PERFORM set_config('tenancy.user', email, true);
      EXECUTE tried.commands;
      RAISE SQLSTATE 'TEST0';
    EXCEPTION WHEN SQLSTATE 'TEST0' THEN
      results := results || 'done'::text;
    WHEN OTHERS THEN
      -- Versions name keys of partitions differently.
      results := results || format('%s %s', SQLSTATE, regexp_replace(SQLERRM, '_fkey_?\d', '_fkey'));
    END;
  END LOOP;
  RETURN QUERY SELECT results[1], results[2], results[3];
END
$$;
GRANT EXECUTE ON FUNCTION tried TO regress_keys;
SET SESSION AUTHORIZATION regress_keys;
CREATE TABLE plain (id int, customer int);
INSERT INTO plain VALUES (1, 1), (2, 2);
CREATE TABLE orders_2 (LIKE orders);
INSERT INTO orders_2 VALUES (101, :'acme', 1), (102, :'globex', 2);
CREATE TABLE orders_3 (LIKE orders);
INSERT INTO orders_3 VALUES (201, :'acme', 77);
CREATE TABLE orders_4 (LIKE orders) PARTITION BY LIST (id);
CREATE TABLE orders_4_301 PARTITION OF orders_4 FOR VALUES IN (301);
INSERT INTO orders_4 VALUES (301, :'globex', 2);
\x
-- A key of its own
SELECT * FROM tried('ALTER TABLE plain ADD FOREIGN KEY (customer) REFERENCES customers');
SELECT * FROM tried('ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers');
SELECT * FROM tried('INSERT INTO plain VALUES (3, 77); ALTER TABLE plain ADD FOREIGN KEY (customer) REFERENCES customers');
-- With anything else besides: the query that validates it is exempt, and nothing else
SELECT * FROM tried('ALTER TABLE plain ADD CHECK (id > 0), ADD FOREIGN KEY (customer) REFERENCES customers');
SELECT * FROM tried('ALTER TABLE plain ADD COLUMN other int DEFAULT 77 REFERENCES customers');
SELECT * FROM tried('ALTER TABLE plain ADD COLUMN other int REFERENCES customers');
SELECT * FROM tried('ALTER TABLE plain ADD FOREIGN KEY (customer) REFERENCES customers; ALTER TABLE plain ALTER COLUMN customer TYPE bigint');
-- A new partition has the keys of its parent, whether it had them before or not.
ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers;
SELECT * FROM tried('ALTER TABLE orders ATTACH PARTITION orders_2 FOR VALUES FROM (100) TO (200)');
SELECT * FROM tried('ALTER TABLE orders ATTACH PARTITION orders_3 FOR VALUES FROM (200) TO (300)');
SELECT * FROM tried('ALTER TABLE orders ATTACH PARTITION orders_4 FOR VALUES FROM (300) TO (400)');
SELECT * FROM tried('ALTER TABLE orders_2 ADD CONSTRAINT orders_customer_fkey FOREIGN KEY (customer) REFERENCES customers; ALTER TABLE orders ATTACH PARTITION orders_2 FOR VALUES FROM (100) TO (200)');
SELECT * FROM tried('ALTER TABLE orders_2 ADD CONSTRAINT orders_customer_fkey CHECK (id > 0); ALTER TABLE orders ATTACH PARTITION orders_2 FOR VALUES FROM (100) TO (200)');
SELECT * FROM tried('CREATE TABLE orders_5 PARTITION OF orders DEFAULT');
-- A partition goes, to which rows of others refer.
SELECT * FROM tried('ALTER TABLE parents DETACH PARTITION parents_1');
SELECT * FROM tried('ALTER TABLE parents DETACH PARTITION parents_2');
\x
SET tenancy."user" = 'olivia@acme.test';
\set VERBOSITY sqlstate
ALTER TABLE parents DETACH PARTITION parents_1 CONCURRENTLY;
\set VERBOSITY terse
ALTER TABLE parents DETACH PARTITION parents_2 CONCURRENTLY;
-- The exemption has ended, and with it the refusal of queries that look like the server's own.
SELECT count(*) FROM customers;
SELECT fk.id FROM ONLY customers fk JOIN ONLY customers pk ON pk.id = fk.id;
ALTER TABLE orders ATTACH PARTITION orders_2 FOR VALUES FROM (100) TO (200);
SELECT conname, convalidated, conparentid <> 0 AS is_its_parents FROM pg_constraint WHERE conrelid = 'orders_2'::regclass AND contype = 'f';
RESET tenancy."user";
RESET SESSION AUTHORIZATION;
-- A row that an action changes, and that violates a constraint, is shown to nobody who doesn't see it: the action runs as the table's
-- owner, a superuser here.
\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE TABLE items (id int PRIMARY KEY, organization_id uuid);
CREATE TABLE bought (item int NOT NULL REFERENCES items ON DELETE SET NULL, organization_id uuid, card text);
SELECT tenancy.protect('items', 'prompts', 'organization_id'), tenancy.protect('bought', 'prompts', 'organization_id');
INSERT INTO items SELECT 1, organization_id FROM tenancy.organizations WHERE slug = 'acme';
INSERT INTO bought SELECT 1, organization_id, 'card 4711' FROM tenancy.organizations WHERE slug = 'globex';
GRANT ALL ON items, bought TO regress_app;
DELETE FROM items;
SET SESSION AUTHORIZATION regress_app;
SET tenancy."user" = 'olivia@acme.test';
SELECT count(*) AS seen FROM bought;
DELETE FROM items;
RESET tenancy."user";
RESET SESSION AUTHORIZATION;
DROP TABLE bought, items;
DROP OWNED BY regress_keys CASCADE;
SELECT tenancy.unbind_login('regress_keys');
DROP ROLE regress_keys;
