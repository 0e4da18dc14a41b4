-- The owner of a protected table, a member of the owner, and whoever bypasses row security elsewhere are told when row security hides
-- all rows from them; everybody else without a principal sees no rows.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = error;
DROP ROLE IF EXISTS regress_owner_1, regress_member, regress_web, regress_hand;
CREATE ROLE regress_owner_1;
CREATE ROLE regress_member LOGIN IN ROLE regress_owner_1;
CREATE ROLE regress_web LOGIN;
CREATE ROLE regress_hand LOGIN BYPASSRLS;
GRANT ALL ON SCHEMA app TO regress_owner_1;
GRANT USAGE ON SCHEMA app TO regress_web, regress_hand;
SET ROLE regress_owner_1;
CREATE TABLE app.customers (id int PRIMARY KEY, organization_id uuid);
CREATE TABLE app.orders (id int PRIMARY KEY, organization_id uuid, customer int, amount int, note text);
CREATE TABLE app.plain (id int PRIMARY KEY);
RESET ROLE;
INSERT INTO app.customers SELECT 1, organization_id FROM tenancy.organizations WHERE slug = 'acme';
INSERT INTO app.orders SELECT n, organization_id, 1, n FROM tenancy.organizations, generate_series(1, 3) n WHERE slug = 'acme';
SELECT tenancy.register_permission('orders', a, a) FROM unnest('{view,create,update,delete}'::text[]) a;
SELECT tenancy.protect('app.customers', 'orders', 'organization_id'), tenancy.protect('app.orders', 'orders', 'organization_id');
CREATE FUNCTION app.outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  counted bigint;
BEGIN
  EXECUTE statement;
  GET DIAGNOSTICS counted = ROW_COUNT;
  RETURN CASE WHEN statement ~ '^EXPLAIN' THEN least(counted, 1) ELSE counted END;  -- plans have other lines in other versions
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END
$$;
CREATE FUNCTION app.all_orders() RETURNS SETOF app.orders LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN QUERY SELECT * FROM app.orders; END $$;
ALTER FUNCTION app.all_orders() OWNER TO regress_owner_1;
SET ROLE regress_owner_1;
CREATE VIEW app.orders_of_owner AS SELECT * FROM app.orders;
CREATE VIEW app.orders_of_invoker WITH (security_invoker) AS SELECT * FROM app.orders;
CREATE MATERIALIZED VIEW app.totals AS SELECT sum(amount) FROM app.orders WITH NO DATA;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app TO regress_web, regress_hand;
RESET ROLE;
CREATE FUNCTION app.tried(who text) RETURNS TABLE (statement text, outcome text) LANGUAGE plpgsql AS $$
BEGIN
  FOREACH statement IN ARRAY ARRAY['SELECT FROM app.orders', 'SELECT FROM app.orders LIMIT 0', 'EXPLAIN SELECT FROM app.orders', 'UPDATE app.orders SET note = 1', 'DELETE FROM app.orders',
      'MERGE INTO app.orders o USING app.plain p ON o.id = p.id WHEN NOT MATCHED THEN DO NOTHING',
      'INSERT INTO app.orders VALUES (9)', 'CREATE TEMP TABLE copied AS SELECT * FROM app.orders', 'SELECT FROM app.orders_of_owner', 'SELECT FROM app.orders_of_invoker', 'SELECT FROM app.all_orders()',
      'SELECT FROM app.plain', 'SELECT FROM app.plain p LEFT JOIN app.orders o USING (id)'] LOOP
    PERFORM set_config('role', who, true);
    BEGIN
      outcome := app.outcome(statement);
      RAISE EXCEPTION USING ERRCODE = 'TEST0';
    EXCEPTION WHEN SQLSTATE 'TEST0' THEN NULL;
    END;
    PERFORM set_config('role', 'none', true);
    RETURN NEXT;
  END LOOP;
END
$$;
-- Numbers of rows, or the error
SELECT t.statement, max(t.outcome) FILTER (WHERE who = 'regress_owner_1') AS owner, max(t.outcome) FILTER (WHERE who = 'regress_member') AS member,
       max(t.outcome) FILTER (WHERE who = 'regress_web') AS web, max(t.outcome) FILTER (WHERE who = 'regress_hand') AS bypassing, max(t.outcome) FILTER (WHERE who = 'none') AS superuser
FROM unnest(ARRAY['regress_owner_1', 'regress_member', 'regress_web', 'regress_hand', 'none']) who, app.tried(who) t GROUP BY t.statement ORDER BY t.statement COLLATE "C";

\set VERBOSITY default
SET ROLE regress_owner_1;
UPDATE app.orders SET note = 'EUR';
-- A materialized view keeps what it has, whoever refreshes it.
RESET ROLE;
REFRESH MATERIALIZED VIEW app.totals;
SET row_security = off;
REFRESH MATERIALIZED VIEW app.totals;
RESET row_security;
\set VERBOSITY terse
SET ROLE regress_owner_1;
REFRESH MATERIALIZED VIEW app.totals;
RESET ROLE;
-- A plan of somebody who sees no rows is not the owner's.
SET SESSION AUTHORIZATION regress_web;
PREPARE counted AS SELECT count(*) FROM app.orders;
EXECUTE counted;
RESET SESSION AUTHORIZATION;
SET ROLE regress_owner_1;
EXECUTE counted;
RESET ROLE;

-- Nor is one that a SECURITY DEFINER function keeps, however the function is called.
GRANT USAGE ON SCHEMA app TO PUBLIC;
CREATE FUNCTION app.of_owner() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN (SELECT count(*) FROM app.orders); END $$;
CREATE PROCEDURE app.by_owner() LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ BEGIN UPDATE app.orders SET note = 'changed'; END $$;
ALTER FUNCTION app.of_owner() OWNER TO regress_owner_1;
ALTER PROCEDURE app.by_owner() OWNER TO regress_owner_1;
PREPARE called AS SELECT app.of_owner();
SET ROLE regress_web;
SELECT app.of_owner();
EXECUTE called;
CALL app.by_owner();
SET ROLE regress_owner_1;
EXECUTE called;
SET ROLE regress_web;
SELECT app.of_owner();
RESET ROLE;
SELECT app.of_owner();
SET ROLE regress_web;
CALL app.by_owner();
SET ROLE regress_hand;
CALL app.by_owner();
RESET ROLE;

-- With a principal the owner is filtered like everybody; and a DBA can have the old way.
SELECT secret FROM tenancy.create_api_key('organization_service_key', 'owner', 'acme', scopes => '["orders.view", "orders.update"]') \gset
SET ROLE regress_owner_1;
SET tenancy.api_key = :'secret';
SELECT count(*) FROM app.orders;
RESET tenancy.api_key;
SET tenancy.filtered_owner = empty;
RESET ROLE;
SET tenancy.filtered_owner = empty;
SET ROLE regress_owner_1;
SELECT count(*) FROM app.orders;
RESET ROLE;
RESET tenancy.filtered_owner;

-- Commands on all rows, or on none, still work.
SET ROLE regress_owner_1;
SELECT statement, app.outcome(statement) FROM unnest(ARRAY['CREATE INDEX ON app.orders (amount)', 'ALTER TABLE app.orders ADD COLUMN currency text DEFAULT ''EUR''', 'ALTER TABLE app.orders ALTER COLUMN amount SET NOT NULL',
  'ALTER TABLE app.orders ADD CHECK (amount > 0)', 'CREATE TABLE app.alike (LIKE app.orders)', 'CREATE VIEW app.later AS SELECT * FROM app.orders', 'ANALYZE app.orders', 'REINDEX TABLE app.orders', 'CLUSTER app.orders USING orders_pkey',
  'LOCK TABLE app.orders', 'CREATE STATISTICS app.s ON id, amount FROM app.orders']) statement;
CREATE INDEX CONCURRENTLY ON app.orders (note);
REINDEX TABLE CONCURRENTLY app.orders;
VACUUM (FULL, ANALYZE) app.orders;
BEGIN;
CREATE TABLE app.parted (id int, organization_id uuid) PARTITION BY LIST (id);
CREATE TABLE app.parted_1 (LIKE app.parted);
ALTER TABLE app.parted ATTACH PARTITION app.parted_1 FOR VALUES IN (1);
CREATE TABLE app.parted_2 PARTITION OF app.parted DEFAULT;
RESET ROLE;
SELECT tenancy.protect('app.parted', 'orders', 'organization_id');
SET ROLE regress_owner_1;
CREATE TABLE app.parted_3 PARTITION OF app.parted FOR VALUES IN (3);
ALTER TABLE app.parted DETACH PARTITION app.parted_1;
TRUNCATE app.parted, app.orders;
DROP TABLE app.parted;
-- A condition whose function reads the table
CREATE FUNCTION app.has_orders() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN EXISTS (SELECT FROM app.orders); END $$;
SAVEPOINT before;
ALTER TABLE app.customers ADD CHECK (app.has_orders());
ROLLBACK TO before;
ROLLBACK;
RESET ROLE;

-- Foreign keys are validated over all rows, for an owner with a principal as well: never valid unchecked, never refused for what the
-- owner doesn't see.
INSERT INTO app.orders SELECT 4, organization_id, 77, 4 FROM tenancy.organizations WHERE slug = 'globex';
SELECT secret AS globex FROM tenancy.create_api_key('organization_service_key', 'owner', 'globex', scopes => '["orders.view"]') \gset
SET ROLE regress_owner_1;
ALTER TABLE app.orders ADD CONSTRAINT to_customer FOREIGN KEY (customer) REFERENCES app.customers;
SET tenancy.api_key = :'secret';
ALTER TABLE app.orders ADD CONSTRAINT to_customer FOREIGN KEY (customer) REFERENCES app.customers;
RESET tenancy.api_key;
ALTER TABLE app.orders ADD CONSTRAINT to_customer FOREIGN KEY (customer) REFERENCES app.customers NOT VALID;
ALTER TABLE app.orders VALIDATE CONSTRAINT to_customer;
RESET ROLE;
DELETE FROM app.orders WHERE customer = 77;
SET ROLE regress_owner_1;
SET tenancy.api_key = :'globex';
ALTER TABLE app.orders VALIDATE CONSTRAINT to_customer;
ALTER TABLE app.orders DROP CONSTRAINT to_customer;
ALTER TABLE app.orders ADD CONSTRAINT to_customer FOREIGN KEY (customer) REFERENCES app.customers;
SELECT convalidated FROM pg_constraint WHERE conname = 'to_customer';
SELECT count(*) AS still_filtered FROM app.orders;
RESET tenancy.api_key;
-- What else a command runs has no exemption: that is the validation's alone.
CREATE FUNCTION app.peek() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM app.orders); END $$;
ALTER TABLE app.plain ADD COLUMN seen int DEFAULT app.peek(), ADD FOREIGN KEY (id) REFERENCES app.customers;
INSERT INTO app.plain VALUES (1);
ALTER TABLE app.plain ADD CHECK (app.peek() > 0) NOT VALID, ADD CONSTRAINT plain_again FOREIGN KEY (id) REFERENCES app.customers;
ALTER TABLE app.plain VALIDATE CONSTRAINT plain_check;
RESET ROLE;
-- Nor has a statement behind one of that form, in a function that a command on somebody's own table calls, or after such a command has
-- failed: through a view of the owner, by a function of the owner whose plan is kept.
SET SESSION AUTHORIZATION regress_web;
SET tenancy.api_key = :'globex';
SET check_function_bodies = off;
SET client_min_messages = error;
CREATE TEMP TABLE mine (a int);
INSERT INTO mine VALUES (1);
CREATE FUNCTION pg_temp.form() RETURNS text LANGUAGE sql AS $$ SELECT 'SELECT fk."a" FROM ONLY mine fk JOIN ONLY mine pk ON true' $$;
SELECT format('CREATE FUNCTION pg_temp.viewed() RETURNS bigint LANGUAGE sql VOLATILE AS $body$%s; SELECT count(*) FROM app.orders_of_owner $body$', pg_temp.form()) \gexec
SELECT format('CREATE FUNCTION pg_temp.called() RETURNS bigint LANGUAGE sql VOLATILE AS $body$%s; SELECT count(*) FROM app.all_orders() $body$', pg_temp.form()) \gexec
SELECT pg_temp.viewed(), pg_temp.called();
ALTER TABLE mine ADD viewed int DEFAULT pg_temp.viewed(), ADD called int DEFAULT pg_temp.called();
SELECT viewed, called FROM mine;
BEGIN;
SAVEPOINT before;
ALTER TABLE mine ADD COLUMN a int;
ROLLBACK TO before;
SELECT pg_temp.viewed(), pg_temp.called();
COMMIT;
SELECT count(*) FROM app.all_orders();
RESET SESSION AUTHORIZATION;
RESET tenancy.api_key;
RESET check_function_bodies;

-- Code that runs during the validation can rename objects of the command: the exemption still ends.
GRANT CREATE ON SCHEMA app TO regress_web;
CREATE SCHEMA regress_mallory AUTHORIZATION regress_web;
SET SESSION AUTHORIZATION regress_web;
SET search_path = regress_mallory;
CREATE TYPE one AS ENUM ('one');
CREATE FUNCTION number_of(one) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
  PERFORM set_config('search_path', '', false);
  ALTER TABLE regress_mallory.renamed RENAME CONSTRAINT k TO k2;
  RETURN 1;
END $$;
CREATE CAST (one AS int) WITH FUNCTION number_of(one) AS IMPLICIT;
CREATE TABLE numbers (id int PRIMARY KEY);
INSERT INTO numbers VALUES (1);
CREATE TABLE renamed (x one);
INSERT INTO renamed VALUES ('one');
ALTER TABLE renamed ADD CONSTRAINT k FOREIGN KEY (x) REFERENCES numbers NOT VALID;
ALTER TABLE renamed VALIDATE CONSTRAINT k;
SELECT count(*) FROM app.orders_of_owner;
CREATE OR REPLACE FUNCTION regress_mallory.number_of(regress_mallory.one) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('search_path', '', false); RETURN 1; END $$;
SET search_path = regress_mallory;
ALTER TABLE renamed VALIDATE CONSTRAINT k;
SELECT count(*) FROM app.orders_of_owner;
RESET SESSION AUTHORIZATION;
-- The server loads a partition key in the midst of the command, and evaluates its constant parts: these see what they see at any time.
SET SESSION AUTHORIZATION regress_web;
CREATE FUNCTION spy(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'sees %', (SELECT count(*) FROM app.orders_of_owner); RETURN i; END $$;
CREATE TABLE parts (id int, x int) PARTITION BY RANGE ((x + regress_mallory.spy(1)));
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
\c -
SET SESSION AUTHORIZATION regress_web;
ALTER TABLE regress_mallory.parts ADD FOREIGN KEY (id) REFERENCES regress_mallory.numbers;
\c -
SET SESSION AUTHORIZATION regress_web;
ALTER TABLE regress_mallory.parts DETACH PARTITION regress_mallory.parts_1;
SELECT regress_mallory.spy(1);
RESET SESSION AUTHORIZATION;
SELECT count(*) > 0 AS there_are_rows FROM app.orders;
SET search_path = app;

SET client_min_messages = error;
DROP OWNED BY regress_owner_1, regress_member, regress_web, regress_hand CASCADE;
DROP ROLE regress_owner_1, regress_member, regress_web, regress_hand;
