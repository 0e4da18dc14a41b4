-- What PostgreSQL tells of rows that a policy hides: today's behaviour. Whatever is here is in "What cannot be closed" of
-- docs/threat-model.md, with what to do. A test that fails may be good news: then that document has to change. What takes two
-- connections is in test/integration/side_channels_test.cpp.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set ECHO none
\o /dev/null
SET client_min_messages = warning;
-- Two tenants with 1000 rows each. Only globex uses the model "codename".
CREATE TABLE visits (id serial PRIMARY KEY, organization_id uuid NOT NULL, workspace_id uuid NOT NULL, model text NOT NULL, body text);
INSERT INTO visits (organization_id, workspace_id, model, body)
SELECT organization_id, workspace_id, CASE WHEN slug = 'lab' AND n % 2 = 0 THEN 'codename' ELSE 'small' END, repeat(slug, 50)
FROM tenancy.workspaces, generate_series(1, 1000) n WHERE slug IN ('search', 'lab');
CREATE INDEX ON visits (organization_id);
CREATE INDEX visits_expression ON visits (upper(model));
ANALYZE visits;
SELECT tenancy.protect('visits', 'prompts', 'organization_id', 'workspace_id'), tenancy.protect('prompts', 'prompts', 'organization_id', 'workspace_id', 'user_id'),
       tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id');
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app TO PUBLIC;
REVOKE TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES IN SCHEMA app FROM PUBLIC;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA app TO PUBLIC;
CREATE FUNCTION explained(query text) RETURNS jsonb LANGUAGE plpgsql AS
$$ DECLARE plan jsonb; BEGIN EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) ' || query INTO plan; RETURN plan -> 0 -> 'Plan'; END $$;
CREATE FUNCTION estimated(query text) RETURNS float LANGUAGE plpgsql AS
$$ DECLARE plan jsonb; BEGIN EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan; RETURN (plan -> 0 -> 'Plan' ->> 'Plan Rows')::float; END $$;
RESET client_min_messages;
\o
\set ECHO all
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT count(*) AS sees, count(*) FILTER (WHERE model = 'codename') AS sees_codename FROM visits;

-- EXPLAIN ANALYZE: rows that were looked at and removed; with an index on the tenant column, none are looked at.
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SELECT plan -> 'Rows Removed by Filter' AS removed, plan ->> 'Node Type' AS node, (plan ->> 'Shared Hit Blocks')::int > 10 AS reads_all_pages FROM explained('SELECT * FROM visits') plan;
RESET enable_indexscan;
RESET enable_bitmapscan;
SET enable_seqscan = off;
SELECT coalesce(jsonb_path_query_first(plan, '$.**."Rows Removed by Filter"'), '0') AS removed FROM explained('SELECT * FROM visits') plan;
RESET enable_seqscan;

-- EXPLAIN: estimates come from the statistics of all tenants, where an operator is leakproof. A value that only others
-- have is expected, a value that nobody has isn't. One's own tenant column gives nothing away: the filter contradicts it.
SELECT estimated('SELECT FROM visits WHERE model = ''codename''') > 100 AS of_others, estimated('SELECT FROM visits WHERE model = ''nobody''''s''') > 100 AS of_nobody,
       estimated('SELECT FROM visits WHERE organization_id = ''bbbbbbbb-0000-4000-8000-000000000000''') > 100 AS of_other_tenant;

-- Sizes and counters
SELECT reltuples, relpages > 10 AS pages, pg_relation_size(oid) > 100000 AS size FROM pg_class WHERE oid = 'visits'::regclass;
SELECT count(*) FROM pg_stat_user_tables WHERE relid = 'visits'::regclass AND n_tup_ins IS NOT NULL AND n_live_tup IS NOT NULL;
-- Whether there is a row at a place, and whether it has been updated
SELECT currtid2('visits', '(0,1)') = '(0,1)' AS own_row, currtid2('visits', ctid) = ctid AS at_others_place
FROM (SELECT format('(%s,1)', relpages - 1)::tid AS ctid FROM pg_class WHERE oid = 'visits'::regclass) last_page;

-- Statistics: of the table none; of an index on an expression, for who has the right to read all tables
SELECT tablename, attname FROM pg_stats WHERE tablename LIKE 'visits%';
RESET SESSION AUTHORIZATION;
GRANT pg_read_all_data TO regress_plain;
ALTER TABLE visits OWNER TO regress_owner;
RESET tenancy."user";
SET SESSION AUTHORIZATION regress_plain;
SELECT count(*) FROM visits;
SELECT tablename, attname, most_common_vals FROM pg_stats WHERE tablename LIKE 'visits%';
SET SESSION AUTHORIZATION regress_owner;
SELECT count(*) FROM visits;
SELECT tablename, attname, most_common_vals FROM pg_stats WHERE tablename LIKE 'visits%';
RESET SESSION AUTHORIZATION;
-- Countermeasures
ALTER INDEX visits_expression ALTER COLUMN 1 SET STATISTICS 0;
DELETE FROM pg_statistic WHERE starelid = 'visits_expression'::regclass;
ANALYZE visits;
SET SESSION AUTHORIZATION regress_plain;
SELECT count(*) FROM pg_stats WHERE tablename LIKE 'visits%';
RESET SESSION AUTHORIZATION;
-- The rights to read and write all tables give no row.
GRANT pg_write_all_data TO regress_plain;
SET SESSION AUTHORIZATION regress_plain;
SELECT attempt('nobody', command), command FROM unnest(ARRAY['SELECT FROM app.visits', 'UPDATE app.visits SET body = NULL', 'DELETE FROM app.visits', 'INSERT INTO app.visits (model) VALUES (''small'')']) command;
RESET SESSION AUTHORIZATION;
REVOKE pg_read_all_data, pg_write_all_data FROM regress_plain;

-- Unique keys: an error, or a row less. With the tenant in the key, two tenants don't meet.
CREATE TABLE names (organization_id uuid, workspace_id uuid, name text UNIQUE);
CREATE TABLE names_of_tenant (organization_id uuid, workspace_id uuid, name text, UNIQUE (organization_id, name));
SET client_min_messages = warning;
SELECT tenancy.protect(relation, 'prompts', 'organization_id', 'workspace_id') FROM unnest(ARRAY['names', 'names_of_tenant']::regclass[]) relation;
RESET client_min_messages;
GRANT SELECT, INSERT ON names, names_of_tenant TO regress_app;
SET SESSION AUTHORIZATION regress_app;
CALL become('gus');
INSERT INTO names (name) VALUES ('merger');
INSERT INTO names_of_tenant (name) VALUES ('merger');
CALL become('olivia');
SELECT command, attempt('olivia', command) FROM unnest(ARRAY[
  'SELECT FROM app.names', 'INSERT INTO app.names (name) VALUES (''merger'')', 'INSERT INTO app.names (name) VALUES (''other'')',
  'INSERT INTO app.names (name) VALUES (''merger''), (''other'') ON CONFLICT DO NOTHING', 'INSERT INTO app.names_of_tenant (name) VALUES (''merger'')']) command;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT rule, object FROM tenancy.advise() WHERE rule = 'unique_without_tenant' AND object ~ 'names';

CREATE TABLE bookings (organization_id uuid, during int4range, EXCLUDE USING gist (during WITH &&));
SET client_min_messages = warning;
SELECT tenancy.protect('bookings', 'prompts', 'organization_id');
RESET client_min_messages;
SET SESSION AUTHORIZATION regress_app;
CALL become('gus');
INSERT INTO bookings (during) VALUES ('[10,20)');
SELECT attempt('olivia', 'SELECT FROM app.bookings') AS sees, attempt('olivia', 'INSERT INTO app.bookings (during) VALUES (''[15,16)'')') AS taken, attempt('olivia', 'INSERT INTO app.bookings (during) VALUES (''[1,2)'')') AS free;
CALL become('nobody');
RESET SESSION AUTHORIZATION;

-- Foreign keys: a reference that is accepted says that the row is there. And what they do on deletion asks no policy: who
-- deletes the row that is referred to takes others' rows along.
CREATE TABLE refers (to_id int REFERENCES prompts (id) ON DELETE CASCADE, organization_id uuid, workspace_id uuid);
SET client_min_messages = warning;
SELECT tenancy.protect('refers', 'prompts', 'organization_id', 'workspace_id');
RESET client_min_messages;
GRANT SELECT, INSERT ON refers TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SELECT attempt('gus', 'SELECT FROM app.prompts WHERE id = 1') AS sees, attempt('gus', 'INSERT INTO app.refers (to_id) VALUES (1)') AS hidden, attempt('gus', 'INSERT INTO app.refers (to_id) VALUES (99)') AS absent;
CALL become('gus');
INSERT INTO refers (to_id) VALUES (1);
BEGIN;
CALL become('olivia', true);
SELECT count(*) FROM refers;
DELETE FROM prompts WHERE id = 1;
CALL become('gus', true);
SELECT count(*) AS left_of_gus FROM refers;
ROLLBACK;

-- Sequences
SELECT last_value FROM visits_id_seq;
SELECT pg_sequence_last_value('visits_id_seq'), (SELECT last_value FROM pg_sequences WHERE sequencename = 'visits_id_seq');

-- Definitions: bounds of partitions, conditions of indexes and checks are everybody's to read.
RESET SESSION AUTHORIZATION;
CREATE TABLE parts (LIKE logs) PARTITION BY LIST (organization_id);
CREATE TABLE parts_of_globex PARTITION OF parts FOR VALUES IN ('bbbbbbbb-0000-4000-8000-000000000000');
SET SESSION AUTHORIZATION regress_app;
SELECT relname, pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname LIKE 'parts_%';
RESET SESSION AUTHORIZATION;

-- A secret that is stored with a role is everybody's to read; and so advise() says.
ALTER ROLE regress_bound SET tenancy.api_key = 'pgt_a_secret_of_another_login';
SET SESSION AUTHORIZATION regress_plain;
SELECT rolconfig FROM pg_roles WHERE rolname = 'regress_bound';
RESET SESSION AUTHORIZATION;
SELECT rule, object FROM tenancy.advise() WHERE rule = 'stored_secret';
ALTER ROLE regress_bound RESET ALL;

DROP TABLE refers;
-- Privileges that no policy asks for: TRUNCATE; TRIGGER, by which one's code sees what others write; REFERENCES.
GRANT TRUNCATE, TRIGGER, REFERENCES ON prompts TO regress_plain;
CREATE SCHEMA of_plain AUTHORIZATION regress_plain;
GRANT USAGE ON SCHEMA of_plain TO PUBLIC;
SET SESSION AUTHORIZATION regress_plain;
CREATE TABLE of_plain.seen (who text, body text);
GRANT INSERT ON of_plain.seen TO PUBLIC;
CREATE FUNCTION of_plain.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO of_plain.seen SELECT email, NEW.body FROM tenancy.whoami(); RETURN NEW; END $$;
CREATE TRIGGER see BEFORE UPDATE ON prompts FOR EACH ROW EXECUTE FUNCTION of_plain.see();
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
UPDATE prompts SET body = 'for acme only' WHERE id = 3;
CALL become('nobody');
SET SESSION AUTHORIZATION regress_plain;
SELECT count(*) FROM prompts;
SELECT * FROM of_plain.seen;
BEGIN;
TRUNCATE prompts;
SELECT * FROM failure('TRUNCATE app.logs');
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM prompts;
ROLLBACK;
RESET SESSION AUTHORIZATION;
SELECT rule, object FROM tenancy.advise() WHERE rule = 'truncate_granted' AND object ~ 'prompts';
REVOKE TRUNCATE, TRIGGER, REFERENCES ON prompts FROM regress_plain;

-- Code that runs with the rights of a role to which no policy applies, and copies
SET client_min_messages = warning;
DROP SCHEMA of_plain CASCADE;
RESET client_min_messages;
CREATE VIEW of_superuser AS SELECT * FROM visits;
CREATE VIEW of_invoker WITH (security_invoker) AS SELECT * FROM visits;
CREATE MATERIALIZED VIEW copied AS SELECT * FROM visits;
CREATE FUNCTION by_definer() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM app.visits';
CREATE FUNCTION by_invoker() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM app.visits';
GRANT SELECT ON of_superuser, of_invoker, copied TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT (SELECT count(*) FROM of_superuser) AS of_superuser, (SELECT count(*) FROM of_invoker) AS of_invoker, (SELECT count(*) FROM copied) AS copied, by_definer(), by_invoker();
RESET SESSION AUTHORIZATION;
SELECT rule, object FROM tenancy.advise() WHERE object ~ 'of_superuser|of_invoker|copied|by_definer|by_invoker' ORDER BY 1, 2;

-- COPY .. FROM is refused, whatever the rows.
SET SESSION AUTHORIZATION regress_app;
COPY visits (model) FROM STDIN;
small
\.
RESET SESSION AUTHORIZATION;

-- Exact counters, and predicate locks of a serializable transaction, tell whether an index has a hidden entry; without EXECUTE on their
-- functions, nothing is told.
CREATE INDEX visits_model ON visits (model);
GRANT USAGE ON SCHEMA app TO regress_plain;
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SET enable_seqscan = off;
SET enable_bitmapscan = off;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) AS visible FROM visits WHERE model = 'codename';
SELECT count(*) > 0 AS locks FROM pg_locks WHERE mode = 'SIReadLock' AND relation = 'visits'::regclass AND pid = pg_backend_pid();
SELECT pg_stat_get_xact_tuples_fetched('visits'::regclass) + pg_stat_get_xact_tuples_fetched('visits_model'::regclass) > 0 AS fetched, pg_stat_get_xact_blocks_fetched('visits'::regclass) > 0 AS blocks;
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) AS visible FROM visits WHERE model = 'nobody''s';
SELECT count(*) > 0 AS locks FROM pg_locks WHERE mode = 'SIReadLock' AND relation = 'visits'::regclass AND pid = pg_backend_pid();
ROLLBACK;
RESET SESSION AUTHORIZATION;
BEGIN;
DO $$
DECLARE
  command text;
BEGIN
  FOR command IN SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', p.oid::regprocedure) FROM pg_proc p
      WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ '^pg_stat_get_.*(tuples|numscans|blocks|io$)|^pg_lock_status$' LOOP
    EXECUTE command;
  END LOOP;
END
$$;
SET LOCAL SESSION AUTHORIZATION regress_app;
SELECT view, message ~ '^permission denied for function' AS refused FROM unnest(ARRAY['pg_locks', 'pg_stat_xact_user_tables', 'pg_stat_user_tables', 'pg_stat_user_indexes', 'pg_statio_user_tables', 'pg_stat_database']) view,
  app.failure('SELECT * FROM ' || view) ORDER BY 1;
SELECT count(*) AS not_among_them FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ 'blocks_fetched|blocks_hit|tuples_fetched|tuples_returned|numscans' AND has_function_privilege(p.oid, 'EXECUTE');
ROLLBACK;
RESET enable_seqscan;
RESET enable_bitmapscan;
