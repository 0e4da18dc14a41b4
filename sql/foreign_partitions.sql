-- Foreign tables have no row security: what is routed to one isn't checked, so that none may be part of a protected table.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = error;
DROP EXTENSION IF EXISTS postgres_fdw CASCADE;
CREATE EXTENSION postgres_fdw;
DO $$
BEGIN
  EXECUTE format('CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L)',
                 split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database());
  EXECUTE format('CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (user %L, password_required ''false'')', session_user);
END
$$;
CREATE TABLE far (id int, organization_id uuid, workspace_id uuid, user_id uuid, body text);
CREATE TABLE parts (LIKE far) PARTITION BY RANGE (id);
CREATE TABLE near PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE SCHEMA other CREATE TABLE logs (id int);

-- How it would be: where it is tried without the guard rails, anybody writes into any tenant.
BEGIN;
SELECT tenancy.protect('parts', 'prompts', 'organization_id', 'workspace_id', 'user_id', create_indexes => true) \g /dev/null
SET LOCAL tenancy.guard_rails = off;
CREATE FOREIGN TABLE off PARTITION OF parts FOR VALUES FROM (100) TO (200) SERVER elsewhere OPTIONS (schema_name 'app', table_name 'far');
SET LOCAL SESSION AUTHORIZATION regress_app;
SELECT id, attempt('gus', format('INSERT INTO app.parts VALUES (%s, ''aaaaaaaa-0000-4000-8000-000000000000'', ''aaaaaaaa-0000-4000-8000-000000000002'')', id)) AS gus,
       attempt('nobody', format('INSERT INTO app.parts VALUES (%s, ''aaaaaaaa-0000-4000-8000-000000000000'', ''aaaaaaaa-0000-4000-8000-000000000002'')', id)) AS nobody
FROM unnest(ARRAY[1, 101]) id;
RESET SESSION AUTHORIZATION;
RESET tenancy.guard_rails;
SELECT severity, object, problem, fix_sql FROM tenancy.advise() WHERE rule = 'foreign_partition';
SELECT fix_sql FROM tenancy.advise() WHERE rule = 'foreign_partition' \gexec
SELECT count(*) FROM tenancy.advise() WHERE rule IN ('foreign_partition', 'unprotected_partition');
ROLLBACK;

-- Tables that have one can't be protected, on whatever level it is.
CREATE FUNCTION refused(commands text[]) RETURNS TABLE (state text, message text, detail text, hint text) LANGUAGE plpgsql AS $$
DECLARE
  command text;
BEGIN
  FOREACH command IN ARRAY commands LOOP
    EXECUTE command;
  END LOOP;
  RAISE EXCEPTION USING ERRCODE = 'TEST0', MESSAGE = 'done';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN NEXT;
END
$$;
\x
SELECT n, r.* FROM (VALUES
  (1, ARRAY['CREATE FOREIGN TABLE off PARTITION OF parts FOR VALUES FROM (100) TO (200) SERVER elsewhere OPTIONS (schema_name ''app'', table_name ''far'')',
            'SELECT tenancy.protect(''app.parts'', ''prompts'', ''organization_id'')']),
  (2, ARRAY['CREATE TABLE middle PARTITION OF parts FOR VALUES FROM (100) TO (200) PARTITION BY LIST (body)',
            'CREATE FOREIGN TABLE off PARTITION OF middle DEFAULT SERVER elsewhere', 'SELECT tenancy.protect(''app.parts'', ''prompts'', ''organization_id'')']),
  (3, ARRAY['CREATE FOREIGN TABLE off () INHERITS (logs) SERVER elsewhere', 'SELECT tenancy.protect(''app.logs'', ''logs'', ''organization_id'')']),
  (4, ARRAY['CREATE FOREIGN TABLE off (id int, organization_id uuid) SERVER elsewhere', 'SELECT tenancy.protect(''app.off'', ''logs'', ''organization_id'')']),
  -- nor take the name of a protected one
  (5, ARRAY['CREATE TABLE one (LIKE app.far)', 'SELECT tenancy.protect(''one'', ''prompts'', ''organization_id'')', 'DROP TABLE one', 'CREATE TABLE another (LIKE app.far)',
            'CREATE FOREIGN TABLE off () INHERITS (another) SERVER elsewhere', 'ALTER TABLE another RENAME TO one'])) v (n, commands),
  refused(commands) r;
-- Nor can a foreign table become part of a protected one.
\o /dev/null
SELECT tenancy.protect('parts', 'prompts', 'organization_id', 'workspace_id', 'user_id', create_indexes => true),
       tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id', create_indexes => true);
\o
CREATE FOREIGN TABLE off (id int, organization_id uuid, workspace_id uuid, user_id uuid, body text) SERVER elsewhere OPTIONS (schema_name 'app', table_name 'far');
SELECT n, r.state, r.message, r.hint FROM (VALUES
  (1, ARRAY['CREATE FOREIGN TABLE other PARTITION OF parts FOR VALUES FROM (100) TO (200) SERVER elsewhere']),
  (2, ARRAY['ALTER TABLE parts ATTACH PARTITION off FOR VALUES FROM (100) TO (200)']),
  (3, ARRAY['CREATE TABLE middle (LIKE parts) PARTITION BY RANGE (id)', 'ALTER TABLE middle ATTACH PARTITION off DEFAULT',
            'ALTER TABLE parts ATTACH PARTITION middle FOR VALUES FROM (100) TO (200)']),
  (4, ARRAY['CREATE FOREIGN TABLE other () INHERITS (logs) SERVER elsewhere']),
  (5, ARRAY['ALTER FOREIGN TABLE off ADD COLUMN api_key_id uuid', 'ALTER FOREIGN TABLE off ALTER COLUMN id SET NOT NULL', 'ALTER FOREIGN TABLE off INHERIT logs']),
  (6, ARRAY['ALTER FOREIGN TABLE off ADD COLUMN api_key_id uuid', 'ALTER FOREIGN TABLE off ALTER COLUMN id SET NOT NULL', 'ALTER TABLE off INHERIT logs']),
  -- nor in a protected one's place
  (7, ARRAY['DROP TABLE logs', 'ALTER FOREIGN TABLE off RENAME TO logs']),
  (8, ARRAY['DROP TABLE parts', 'CREATE FOREIGN TABLE parts (id int) SERVER elsewhere']),
  (9, ARRAY['DROP TABLE logs', 'IMPORT FOREIGN SCHEMA other LIMIT TO (logs) FROM SERVER elsewhere INTO app'])) v (n, commands),
  refused(commands) r;
\x
-- Others are nobody's business.
SELECT r.state FROM refused(ARRAY['ALTER FOREIGN TABLE off RENAME TO other', 'CREATE TABLE plain (LIKE far)', 'ALTER FOREIGN TABLE other INHERIT plain', 'DROP FOREIGN TABLE other']) r;
DROP TABLE parts, logs, far;
DROP SCHEMA other CASCADE;
DROP EXTENSION postgres_fdw CASCADE;
