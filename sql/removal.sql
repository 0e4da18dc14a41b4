-- Taking the extension away: refused while tables are protected; CASCADE leaves these closed; unprotect() leaves them as they were
-- before; and it can be installed again, in the same session.
\pset format unaligned
\set SHOW_CONTEXT never
CREATE DATABASE regress_removal;
\c regress_removal
SET client_min_messages = warning;
CREATE ROLE regress_removal_app LOGIN;
CREATE ROLE regress_removal_owner LOGIN;
GRANT CREATE, USAGE ON SCHEMA public TO regress_removal_owner;
CREATE TABLE orders (id int, customer int, note text DEFAULT 'none');
CREATE TABLE invoices (id int, customer int) PARTITION BY LIST (id);
CREATE TABLE invoices_1 PARTITION OF invoices FOR VALUES IN (1);
CREATE TABLE invoices_2 PARTITION OF invoices FOR VALUES IN (2);
CREATE TABLE contracts (id int, customer int, body text);
CREATE TABLE drafts (version int) INHERITS (contracts);
-- One that had row security before
CREATE TABLE payments (id int, customer int);
ALTER TABLE payments ENABLE ROW LEVEL SECURITY;
CREATE POLICY small ON payments AS RESTRICTIVE USING (id < 100);
INSERT INTO orders VALUES (1, 1), (2, 2); INSERT INTO invoices VALUES (1, 1), (2, 2); INSERT INTO contracts VALUES (1, 1), (2, 2); INSERT INTO drafts VALUES (3, 1, NULL, 1); INSERT INTO payments VALUES (1, 1), (2, 2);
ALTER TABLE orders OWNER TO regress_removal_owner;
GRANT ALL ON ALL TABLES IN SCHEMA public TO regress_removal_app;
-- The tables' own definition, and what sessions see. A superuser sees all there is, so that nothing seen means closed and not empty.
CREATE VIEW definition AS
SELECT c.relname, c.relrowsecurity AS row_security, c.relforcerowsecurity AS forced,
       (SELECT string_agg(p.polname, ' ' ORDER BY p.polname) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
       (SELECT string_agg(a.attname || ' ' || pg_get_expr(d.adbin, d.adrelid), ', ' ORDER BY a.attnum) FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE d.adrelid = c.oid) AS defaults
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname NOT LIKE 'before%' ORDER BY c.relname;
CREATE FUNCTION seen() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  relation text;
  ids text;
  answer text := '';
BEGIN
  FOREACH relation IN ARRAY ARRAY['orders', 'invoices', 'invoices_1', 'contracts', 'payments'] LOOP
    EXECUTE format('SELECT coalesce(string_agg(id::text, '' '' ORDER BY id), ''-'') FROM %I', relation) INTO ids;
    answer := concat_ws(', ', nullif(answer, ''), relation || ' ' || ids);
  END LOOP;
  RETURN answer;
END
$$;
CREATE TABLE before AS SELECT * FROM definition;
CREATE FUNCTION install() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  CREATE EXTENSION pg_tenancy;
  PERFORM tenancy.register_permission('things', 'view', 'x');
  PERFORM tenancy.create_organization('Globex', 'gus@globex.test', external_id => '2');
  RETURN (SELECT master_key FROM tenancy.create_organization('Acme', 'olivia@acme.test', external_id => '1'));
END
$$;
CREATE PROCEDURE protect_all() LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tenancy.protect('orders', 'things', 'customer'), tenancy.protect('invoices', 'things', 'customer'),
         tenancy.protect('contracts', 'things', 'customer', payload => '{body}'), tenancy.protect('payments', 'things', 'customer');
END
$$;
SELECT install() AS key \gset
CALL protect_all();
SELECT tenancy.create_scoped_view('contracts', 'contract_list');
SELECT * FROM definition;
SET SESSION AUTHORIZATION regress_removal_app;
SET tenancy.api_key = :'key';
PREPARE seen AS SELECT string_agg(id::text, ' ' ORDER BY id) AS seen FROM orders;
SELECT seen();
EXECUTE seen;
RESET SESSION AUTHORIZATION;

-- Refused while tables are protected, in whole and in parts, and to others than its owner
\set VERBOSITY terse
DROP EXTENSION pg_tenancy;
DROP SCHEMA tenancy;
DROP FUNCTION tenancy.row_visible(text, text, "any", "any", "any", "any") CASCADE;
DROP EVENT TRIGGER tenancy_ddl;
DROP TABLE tenancy.protected_tables;
SET SESSION AUTHORIZATION regress_removal_owner;
DROP EXTENSION pg_tenancy CASCADE;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM tenancy.protected_tables;

-- CASCADE: closed for everybody under row security, the owner too, and what was prepared before
DROP EXTENSION pg_tenancy CASCADE;
\set VERBOSITY default
SELECT * FROM definition;
SELECT seen();
SET SESSION AUTHORIZATION regress_removal_app;
SELECT seen();
EXECUTE seen;
COPY orders TO STDOUT;
INSERT INTO orders VALUES (9, 1);
UPDATE orders SET id = 9;
DELETE FROM invoices_1;
SET SESSION AUTHORIZATION regress_removal_owner;
SELECT count(*) FROM orders;
RESET SESSION AUTHORIZATION;
SELECT to_regclass('contract_list') AS scoped_view, to_regnamespace('tenancy') AS schema, count(*) AS event_triggers FROM pg_event_trigger;

-- Again, in the same session: closed until protected, then as before, since the application's ids are the same
RESET tenancy.api_key;
SELECT install() AS key \gset
SET SESSION AUTHORIZATION regress_removal_app;
SET tenancy.api_key = :'key';
SELECT kind, organization FROM tenancy.whoami();
SELECT seen();
RESET SESSION AUTHORIZATION;
SELECT rule, object FROM tenancy.advise() WHERE severity <> 'performance' AND rule NOT IN ('bypassing_login', 'not_preloaded');
CALL protect_all();
SET SESSION AUTHORIZATION regress_removal_app;
SELECT seen();
EXECUTE seen;
RESET SESSION AUTHORIZATION;

RESET tenancy.api_key;
-- unprotect() first, and nothing is in the way. Here the tables stay closed, as it found them.
SELECT tenancy.unprotect(relation) FROM unnest('{orders,invoices,contracts,payments}'::regclass[]) relation;
SELECT relname, row_security, forced, policies, defaults FROM definition WHERE relname IN ('orders', 'payments');
DROP EXTENSION pg_tenancy;
SELECT count(*) FROM definition WHERE row_security AND forced;
-- From the beginning, it leaves the tables exactly as they were.
DO $$ BEGIN EXECUTE (SELECT string_agg(format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', relname) || CASE WHEN relname = 'payments' THEN '' ELSE format('; ALTER TABLE %I DISABLE ROW LEVEL SECURITY', relname) END, '; ') FROM definition); END $$;
SELECT count(*) FROM (SELECT * FROM definition EXCEPT SELECT * FROM before) d;
SELECT install() AS key \gset
CALL protect_all();
SELECT count(*) > 0 AS different FROM (SELECT * FROM definition EXCEPT SELECT * FROM before) d;
SELECT tenancy.unprotect(relation) FROM unnest('{orders,invoices,contracts,payments}'::regclass[]) relation;
SELECT count(*) FROM (SELECT * FROM definition EXCEPT SELECT * FROM before) d;
DROP EXTENSION pg_tenancy;
SELECT count(*) FROM (SELECT * FROM definition EXCEPT SELECT * FROM before) d;
SET SESSION AUTHORIZATION regress_removal_app;
SELECT seen();
RESET SESSION AUTHORIZATION;
\c contrib_regression
SET client_min_messages = warning;
DROP DATABASE regress_removal;
DROP ROLE regress_removal_app, regress_removal_owner;
