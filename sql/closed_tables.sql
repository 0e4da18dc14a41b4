-- No table comes to stand open: what takes a protected table's place, or is made from it, is protected like it, or closed.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
DROP TABLE prompts;
\o /dev/null
SELECT tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id', create_indexes => true);
CREATE TABLE parts (LIKE logs) PARTITION BY RANGE (id);
CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (4);
INSERT INTO parts SELECT * FROM logs WHERE id < 4;
SELECT tenancy.protect('parts', 'logs', 'organization_id', 'workspace_id', 'user_id', create_indexes => true);
\o
-- No rights of others come by themselves.
CREATE SCHEMA plain;
GRANT USAGE ON SCHEMA plain TO PUBLIC;

\set ECHO none
CREATE FUNCTION stands(relation text) RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN to_regclass(relation) IS NULL THEN 'is gone'
              WHEN EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = to_regclass(stands.relation))
                THEN coalesce((tenancy_internal.inspect_protection(to_regclass(relation))).problem, 'protected')
              WHEN tenancy_internal.is_closed(to_regclass(relation)) THEN 'closed'
              WHEN c.relkind NOT IN ('r', 'p') THEN 'no table' ELSE 'open' END
  FROM (SELECT) one LEFT JOIN pg_class c ON c.oid = to_regclass(relation)
$$;
CREATE FUNCTION seen(relation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  ids text;
BEGIN
  SET LOCAL SESSION AUTHORIZATION regress_app;
  ids := format('mike %s, gus %s, nobody %s', app.visible('mike', relation), app.visible('gus', relation), app.visible('nobody', relation));
  RAISE SQLSTATE 'TEST0';
EXCEPTION WHEN SQLSTATE 'TEST0' THEN
  RETURN ids;
END
$$;
-- The result of some commands on a table, without guard rails and with them, rolled back.
CREATE FUNCTION outcome(commands text, relation text, rails boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  PERFORM set_config('tenancy.guard_rails', rails::text, true),
          set_config('client_min_messages', CASE WHEN rails THEN 'notice' ELSE 'error' END, true);
  EXECUTE commands;
  PERFORM set_config('client_min_messages', 'error', true);
  result := stands(relation) || ': ' || seen(relation);
  RAISE SQLSTATE 'TEST0';
EXCEPTION WHEN SQLSTATE 'TEST0' THEN
  RETURN result;
WHEN OTHERS THEN
  RETURN format('%s %s', SQLSTATE, SQLERRM);
END
$$;
\set ECHO all
\set VERBOSITY terse
-- Without the guard rails rows of others are seen; with them none are.
SELECT n, outcome(commands, relation, false) AS without, outcome(commands, relation, true) AS with FROM (VALUES
  -- inside of CREATE SCHEMA
  (1, 'CREATE SCHEMA gap CREATE TABLE part PARTITION OF app.parts FOR VALUES FROM (4) TO (100);
       GRANT USAGE ON SCHEMA gap TO PUBLIC; GRANT SELECT ON gap.part TO PUBLIC; INSERT INTO app.parts SELECT * FROM app.logs WHERE id > 3', 'gap.part'),
  (2, 'CREATE SCHEMA gap CREATE TABLE child () INHERITS (app.logs) GRANT SELECT ON child TO PUBLIC;
       GRANT USAGE ON SCHEMA gap TO PUBLIC; INSERT INTO gap.child SELECT * FROM app.logs', 'gap.child'),
  -- copied, and renamed into its place
  (3, 'CREATE TABLE plain.copy (LIKE app.logs INCLUDING ALL); INSERT INTO plain.copy SELECT * FROM app.logs; ALTER TABLE plain.copy SET SCHEMA app;
       ALTER TABLE app.logs RENAME TO logs_old; ALTER TABLE app.copy RENAME TO logs; DROP TABLE app.logs_old; GRANT SELECT ON app.logs TO PUBLIC', 'app.logs'),
  (4, 'CREATE TABLE app.new_logs (id int PRIMARY KEY, organization_id uuid, workspace_id uuid, user_id uuid, api_key_id uuid, body text);
       INSERT INTO app.new_logs SELECT * FROM app.logs; DROP TABLE app.logs; ALTER TABLE app.new_logs RENAME TO logs', 'app.logs'),
  (5, 'CREATE TABLE app.new_logs AS TABLE app.logs; ALTER TABLE app.logs RENAME TO logs_old; ALTER TABLE app.new_logs RENAME TO logs', 'app.logs_old'),
  -- partitioned, and renamed into its place
  (6, 'CREATE TABLE app.new_logs (LIKE app.logs) PARTITION BY RANGE (id); CREATE TABLE app.logs_all PARTITION OF app.new_logs DEFAULT;
       INSERT INTO app.new_logs SELECT * FROM app.logs; DROP TABLE app.logs; ALTER TABLE app.new_logs RENAME TO logs', 'app.logs_all'),
  -- dropped, and made anew
  (7, 'CREATE TEMP TABLE kept AS TABLE app.logs; DROP TABLE app.logs;
       CREATE TABLE app.logs (id int, organization_id uuid, workspace_id uuid, user_id uuid, body text, more text); INSERT INTO app.logs SELECT id, organization_id, workspace_id, user_id, body FROM kept', 'app.logs'),
  (8, 'CREATE TEMP TABLE kept AS TABLE app.logs; DROP TABLE app.logs; CREATE TABLE app.logs AS TABLE kept', 'app.logs'),
  (9, 'CREATE TEMP TABLE kept AS TABLE app.logs; DROP TABLE app.logs; CREATE TYPE app.log AS (id int, organization_id uuid, workspace_id uuid, user_id uuid);
       CREATE TABLE app.logs OF app.log; INSERT INTO app.logs SELECT id, organization_id, workspace_id, user_id FROM kept', 'app.logs'),
  (10, 'CREATE TEMP TABLE kept AS TABLE app.logs; DROP SCHEMA plain CASCADE; DROP TABLE app.logs; CREATE SCHEMA plain CREATE TABLE logs (LIKE kept);
        ALTER TABLE plain.logs SET SCHEMA app; INSERT INTO app.logs SELECT * FROM kept; GRANT SELECT ON app.logs TO PUBLIC', 'app.logs'),
  -- with tenant columns of other names, or of types that hold no ids
  (11, 'CREATE TEMP TABLE kept AS TABLE app.logs; DROP TABLE app.logs; CREATE TABLE app.logs AS SELECT id, organization_id AS org, workspace_id AS place, user_id, body FROM kept', 'app.logs'),
  (12, 'CREATE TEMP TABLE kept AS TABLE app.logs; DROP TABLE app.logs; CREATE TABLE app.logs AS SELECT id, organization_id::text::name AS organization_id, workspace_id, user_id FROM kept', 'app.logs'),
  -- blue and green
  (13, 'CREATE TABLE plain.new_logs (LIKE app.logs); INSERT INTO plain.new_logs SELECT * FROM app.logs; GRANT SELECT ON plain.new_logs TO PUBLIC;
        ALTER TABLE app.logs SET SCHEMA plain; ALTER TABLE plain.new_logs SET SCHEMA app; ALTER INDEX app.new_logs RENAME TO logs', 'app.logs'),
  (14, 'CREATE TABLE plain.logs (LIKE app.logs); INSERT INTO plain.logs SELECT * FROM app.logs; GRANT SELECT ON plain.logs TO PUBLIC;
        ALTER TABLE app.logs RENAME TO logs_old; ALTER TABLE plain.logs SET SCHEMA app', 'app.logs'),
  -- a copy by LIKE that others have rights on
  (15, 'CREATE TABLE plain.copy (LIKE app.logs INCLUDING DEFAULTS); INSERT INTO plain.copy SELECT * FROM app.logs; GRANT SELECT ON plain.copy TO regress_app', 'plain.copy'),
  (16, 'CREATE TABLE plain.copy (LIKE app.logs INCLUDING DEFAULTS); INSERT INTO plain.copy SELECT * FROM app.logs; GRANT SELECT (id) ON plain.copy TO PUBLIC', 'plain.copy'),
  (17, 'CREATE TABLE plain.copy (LIKE app.logs INCLUDING DEFAULTS); INSERT INTO plain.copy SELECT * FROM app.logs; GRANT ALL ON ALL TABLES IN SCHEMA plain TO PUBLIC', 'plain.copy'),
  (18, 'CREATE TABLE app.copy (LIKE app.logs INCLUDING DEFAULTS); INSERT INTO app.copy SELECT * FROM app.logs', 'app.copy'),
  (19, 'CREATE TABLE app.copy (LIKE app.logs); INSERT INTO app.copy SELECT * FROM app.logs;
        ALTER TABLE app.copy ALTER COLUMN workspace_id SET DEFAULT tenancy.current_workspace_id()', 'app.copy'),
  -- below a parent that isn't protected
  (20, 'CREATE TABLE app.above (LIKE app.logs); ALTER TABLE app.logs INHERIT app.above', 'app.above'),
  (21, 'CREATE TABLE app.above (LIKE app.parts) PARTITION BY RANGE (id); ALTER TABLE app.above ATTACH PARTITION app.parts FOR VALUES FROM (0) TO (100)', 'app.above'),
  -- renamed for good, and something else by its old name
  (22, 'ALTER TABLE app.logs RENAME TO requests; CREATE TABLE app.logs (id int, organization_id uuid, workspace_id uuid, user_id uuid); INSERT INTO app.logs VALUES (1)', 'app.logs')
  ) v (n, commands, relation) ORDER BY n;
BEGIN;
CREATE TEMP TABLE kept AS TABLE logs;
DROP TABLE logs;
SELECT * INTO logs FROM kept;
SELECT stands('app.logs'), seen('app.logs');
ROLLBACK;
-- A schema that takes another's name
BEGIN;
CREATE SCHEMA green;
CREATE TABLE green.logs (LIKE app.logs);
CREATE TABLE green.other (LIKE app.logs);
ALTER SCHEMA app RENAME TO blue;
ALTER SCHEMA green RENAME TO app;
SELECT relation, blue.stands(relation) FROM unnest(ARRAY['app.logs', 'app.other', 'blue.logs', 'blue.parts']) relation;
SELECT schema_name, table_name, holder FROM tenancy.protected_names ORDER BY 1, 2;
ROLLBACK;

-- check_function_bodies = off is also set by files that pg_dump has made, and that migration tools run: what a restore doesn't do is decided
-- as ever.
SELECT n, outcome('SET LOCAL check_function_bodies = off; ' || commands, relation, true) AS with FROM (VALUES
  (1, 'CREATE TABLE app.new_logs AS TABLE app.logs; ALTER TABLE app.logs RENAME TO logs_old; ALTER TABLE app.new_logs RENAME TO logs', 'app.logs'),
  (2, 'CREATE TABLE app.new_logs AS TABLE app.logs; DROP TABLE app.logs; ALTER TABLE app.new_logs RENAME TO logs', 'app.logs'),
  (3, 'CREATE TABLE plain.logs (LIKE app.logs); INSERT INTO plain.logs SELECT * FROM app.logs; GRANT SELECT ON plain.logs TO PUBLIC;
       ALTER TABLE app.logs RENAME TO logs_old; ALTER TABLE plain.logs SET SCHEMA app', 'app.logs'),
  (4, 'ALTER TABLE app.logs RENAME TO requests; DROP TABLE app.requests; CREATE TABLE app.requests (id int, organization_id uuid, workspace_id uuid, user_id uuid)', 'app.requests'),
  (5, 'SELECT tenancy.unprotect(''app.logs''); SELECT tenancy.protect(''app.logs'', ''logs'', ''organization_id''); DROP TABLE app.logs;
       CREATE TABLE app.logs (id int, organization_id uuid)', 'app.logs'),
  (6, 'CREATE TABLE plain.copy (LIKE app.logs INCLUDING DEFAULTS); INSERT INTO plain.copy SELECT * FROM app.logs; GRANT SELECT ON plain.copy TO regress_app', 'plain.copy'),
  (7, 'CREATE TABLE app.child () INHERITS (app.logs)', 'app.child'),
  (8, 'CREATE TABLE app.part (LIKE app.parts); ALTER TABLE app.parts ATTACH PARTITION app.part DEFAULT', 'app.part'),
  (9, 'ALTER TABLE app.logs DISABLE ROW LEVEL SECURITY', 'app.logs'),
  (10, 'CREATE POLICY everybody ON app.logs USING (true)', 'app.logs')
  ) v (n, commands, relation) ORDER BY n;

-- What is nobody's business: views, temporary tables, indexes and sequences of its name, other tables, other owners, and a copy that
-- its owner fills and attaches
SELECT n, outcome(commands, relation, true) AS with FROM (VALUES
  (1, 'ALTER TABLE app.logs RENAME TO requests; CREATE VIEW app.logs AS SELECT 1 AS id', 'app.logs'),
  (2, 'DROP TABLE app.logs; CREATE SEQUENCE app.logs', 'app.logs'),
  (3, 'CREATE TEMP TABLE logs (LIKE app.logs INCLUDING DEFAULTS); GRANT SELECT ON pg_temp.logs TO PUBLIC', 'pg_temp.logs'),
  (4, 'CREATE TABLE app.other (id int); CREATE INDEX ON app.other (id); GRANT SELECT ON app.other TO PUBLIC', 'app.other'),
  (5, 'ALTER TABLE app.logs OWNER TO regress_owner; REASSIGN OWNED BY regress_owner TO regress_plain; DROP OWNED BY regress_app', 'app.logs'),
  (6, 'SET LOCAL ROLE regress_owner; CREATE TABLE app.mine (id int); ALTER TABLE app.mine ADD COLUMN more text; DROP TABLE app.mine; RESET ROLE', 'app.logs'),
  (7, 'CREATE TABLE plain.part (LIKE app.parts INCLUDING ALL); INSERT INTO plain.part SELECT * FROM app.logs WHERE id > 3;
       ALTER TABLE app.parts ATTACH PARTITION plain.part FOR VALUES FROM (4) TO (100); GRANT SELECT ON plain.part TO PUBLIC', 'plain.part'),
  (8, 'CREATE TABLE plain.own (LIKE app.logs INCLUDING DEFAULTS); ALTER TABLE plain.own ENABLE ROW LEVEL SECURITY; GRANT SELECT ON plain.own TO PUBLIC', 'plain.own'),
  (9, 'CREATE TABLE plain.feedback (id int, by_whom uuid DEFAULT tenancy.current_user_id()); GRANT ALL ON plain.feedback TO PUBLIC', 'plain.feedback')
  ) v (n, commands, relation) ORDER BY n;

-- Closed it stays, until it is protected or its name forgotten.
\set VERBOSITY default
SET client_min_messages = notice;
ALTER TABLE logs RENAME TO requests;
CREATE TABLE logs (id int, organization_id uuid, workspace_id uuid, user_id uuid);
INSERT INTO logs VALUES (1), (2);
SELECT stands('app.logs'), seen('app.logs');
SELECT command, (failure(command)).* FROM (VALUES
  ('ALTER TABLE logs DISABLE ROW LEVEL SECURITY'),
  ('ALTER TABLE logs NO FORCE ROW LEVEL SECURITY'),
  ('DROP POLICY tenancy_closed ON logs'),
  ('ALTER TABLE logs ADD COLUMN note text'),
  ('DROP TABLE logs')) v (command);
ALTER TABLE logs ADD COLUMN note text;
SELECT stands('app.logs');
SELECT severity, object, problem, fix_sql FROM tenancy.advise() WHERE rule = 'closed_table';
BEGIN;
SELECT tenancy.protect('logs', 'logs', 'organization_id', create_indexes => true);
SELECT stands('app.logs'), seen('app.logs');
SELECT tenancy.unprotect('logs');
SELECT stands('app.logs'), seen('app.logs');
SELECT schema_name, table_name, holder FROM tenancy.protected_names ORDER BY 1, 2;
ROLLBACK;
SELECT tenancy.forget('logs');
SELECT stands('app.logs'), seen('app.logs');
SELECT schema_name, table_name, holder FROM tenancy.protected_names ORDER BY 1, 2;
SELECT count(*) FROM tenancy.advise() WHERE rule = 'closed_table';
-- A policy that is only called so closes nothing: it does not keep a table from being closed, which fails.
CREATE TABLE looks_closed (id int);
CREATE POLICY tenancy_closed ON looks_closed USING (true);
SELECT tenancy_internal.is_closed('looks_closed') AS permissive;
DROP TABLE looks_closed;
CREATE TABLE looks_closed (id int);
CREATE POLICY tenancy_closed ON looks_closed AS RESTRICTIVE USING (false);
SELECT tenancy_internal.is_closed('looks_closed') AS without_row_security;
ALTER TABLE looks_closed ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SELECT tenancy_internal.is_closed('looks_closed') AS closed;
DROP TABLE looks_closed;
-- What becomes part of a closed table is closed, too; and it can't become part of an open one.
CREATE TABLE logs_copy (LIKE requests INCLUDING DEFAULTS) PARTITION BY RANGE (id);
CREATE TABLE logs_part PARTITION OF logs_copy FOR VALUES FROM (0) TO (10);
CREATE TABLE logs_other (LIKE requests);
CREATE TABLE above (LIKE requests) PARTITION BY LIST (id);
INSERT INTO logs_other (id) VALUES (11);
ALTER TABLE logs_copy ATTACH PARTITION logs_other FOR VALUES FROM (10) TO (20);
SELECT relation, stands(relation), seen(relation) FROM unnest(ARRAY['app.logs_copy', 'app.logs_part', 'app.logs_other']) relation;
SELECT * FROM failure('ALTER TABLE above ATTACH PARTITION logs_copy DEFAULT');
DROP TABLE logs_copy, above;
-- Rights for forget(), and its limits
GRANT EXECUTE ON FUNCTION tenancy.forget TO regress_owner;
SELECT what, (failure(format('SELECT tenancy.forget(%L)', what))).* FROM unnest(ARRAY['requests', 'logs', 'nothing', 'app.requests', 'a.b.c', '"']) what;
SET SESSION AUTHORIZATION regress_owner;
SELECT what, (failure(format('SELECT tenancy.forget(%L)', what))).state FROM unnest(ARRAY['requests', 'nothing']) what;
RESET SESSION AUTHORIZATION;
DROP TABLE logs;
-- Of a table that is gone the name is left, for a DBA to forget.
DROP TABLE parts;
SELECT schema_name, table_name, holder FROM tenancy.protected_names ORDER BY 1, 2;
SET SESSION AUTHORIZATION regress_owner;
SELECT (failure('SELECT tenancy.forget(''app.parts'')')).state;
RESET SESSION AUTHORIZATION;
SELECT tenancy.forget('app.parts');
REVOKE EXECUTE ON FUNCTION tenancy.forget FROM regress_owner;
-- A copy is closed, and what it had before is there again.
CREATE TABLE copy (LIKE requests INCLUDING DEFAULTS);
SELECT failure('SELECT tenancy.forget(''copy'')');
ALTER TABLE copy ALTER COLUMN organization_id DROP DEFAULT, ALTER COLUMN workspace_id DROP DEFAULT;
SELECT tenancy.forget('copy');
SELECT stands('app.copy'), relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'copy'::regclass;
CREATE TABLE other (id int);
ALTER TABLE other ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON other USING (true);
SELECT tenancy.unprotect('requests');
SELECT tenancy.protect('requests', 'logs', 'organization_id', create_indexes => true);
DROP TABLE requests;
ALTER TABLE other RENAME TO requests;
SELECT stands('app.requests');
SELECT tenancy.forget('app.requests');
SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'requests'::regclass;
SELECT polname FROM pg_policy WHERE polrelid = 'requests'::regclass;
DROP TABLE requests, copy;

-- The same by an owner who is no superuser
CREATE SCHEMA theirs AUTHORIZATION regress_owner;
GRANT USAGE ON SCHEMA theirs TO PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.protect, tenancy.forget TO regress_owner;
SET SESSION AUTHORIZATION regress_owner;
CREATE TABLE theirs.items (id int, organization_id uuid);
SELECT tenancy.protect('theirs.items', 'logs', 'organization_id', create_indexes => true);
DROP TABLE theirs.items;
CREATE TABLE theirs.items (id int, organization_id uuid);
GRANT SELECT ON theirs.items TO PUBLIC;
DROP TABLE theirs.items;
CREATE TABLE theirs.items (id int, org uuid);
GRANT SELECT ON theirs.items TO PUBLIC;
SELECT tenancy.forget('theirs.items');
RESET SESSION AUTHORIZATION;
SELECT stands('theirs.items');
REVOKE EXECUTE ON FUNCTION tenancy.protect, tenancy.forget FROM regress_owner;
DROP SCHEMA theirs CASCADE;

-- Columns: the record follows by whatever command they are renamed, and defaults stay.
CREATE TYPE row_type AS (id int, organization_id uuid, workspace_id uuid, body text);
CREATE TABLE typed OF row_type;
CREATE TABLE above (LIKE typed);
CREATE TABLE below () INHERITS (above);
\o /dev/null
SET client_min_messages = warning;
SELECT tenancy.protect('typed', 'logs', 'organization_id', 'workspace_id', payload => '{body}', create_indexes => true),
       tenancy.protect('above', 'logs', 'organization_id', 'workspace_id', payload => '{body}', create_indexes => true);
SET client_min_messages = notice;
\o
ALTER VIEW above RENAME COLUMN organization_id TO org;
ALTER FOREIGN TABLE above RENAME COLUMN body TO content;
ALTER TYPE row_type RENAME ATTRIBUTE organization_id TO org CASCADE;
ALTER TYPE row_type RENAME ATTRIBUTE body TO content CASCADE;
SELECT relation, organization_column, payload, defaulted_columns FROM tenancy.protected_tables ORDER BY relation::text;
SELECT table_name, organization_column, payload FROM tenancy.protected_names WHERE holder IS NOT NULL ORDER BY 1;
SELECT command, (failure(command)).* FROM (VALUES
  ('ALTER TABLE above ALTER COLUMN org DROP DEFAULT'),
  ('ALTER TABLE ONLY below ALTER COLUMN org DROP DEFAULT'),
  ('ALTER VIEW above ALTER COLUMN org SET DEFAULT NULL'),
  ('ALTER TABLE above ALTER COLUMN content DROP DEFAULT'),
  ('ALTER TABLE above ADD COLUMN note text DEFAULT ''x'', ALTER COLUMN note DROP DEFAULT')) v (command);
ALTER TABLE ONLY above ALTER COLUMN workspace_id SET DEFAULT 'aaaaaaaa-0000-4000-8000-000000000002';
SELECT relation, defaulted_columns FROM tenancy.protected_tables ORDER BY relation::text;
SELECT tenancy.unprotect('above');
SELECT a.attname, pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE d.adrelid IN ('above'::regclass, 'below'::regclass);

-- advise() reports changes made while the guard rails were off.
SELECT tenancy.unprotect('typed');
DROP TABLE below, above, typed;
CREATE TABLE one (id int, organization_id uuid, workspace_id uuid);
CREATE TABLE parent (LIKE one);
SET client_min_messages = error;
\o /dev/null
SELECT tenancy.protect('one', 'logs', 'organization_id', 'workspace_id', create_indexes => true);
\o
SET tenancy.guard_rails = off;
ALTER TABLE one INHERIT parent;
ALTER TABLE parent RENAME COLUMN organization_id TO org;
ALTER TABLE one ALTER COLUMN workspace_id DROP DEFAULT;
CREATE TABLE plain.copy (LIKE one INCLUDING DEFAULTS);
CREATE TABLE two (LIKE one INCLUDING DEFAULTS);
RESET tenancy.guard_rails;
ALTER ROLE regress_plain SET tenancy.guard_rails = off;
SELECT tenancy.protect('two', 'logs', 'org', create_indexes => true) \g /dev/null
SET tenancy.guard_rails = off;
DROP TABLE two;
CREATE TABLE two (LIKE one INCLUDING DEFAULTS);
RESET tenancy.guard_rails;
CREATE VIEW found AS SELECT severity, rule, object, problem, fix_sql FROM tenancy.advise()
WHERE rule IN ('closed_table', 'open_table', 'open_copy', 'stale_record', 'dropped_default', 'unprotected_parent', 'foreign_partition', 'guard_rails_off');
\x
SELECT * FROM found;
\x
SELECT fix_sql FROM found WHERE fix_sql !~ '[.]{3}' AND rule <> 'open_copy' \gexec
SELECT severity, rule, object, problem FROM found;

-- What a role has said of its own table does not count for a later one of another role: that is closed, and nothing of it is emptied or removed.
CREATE ROLE regress_former; CREATE ROLE regress_later;
CREATE SCHEMA common;
GRANT CREATE, USAGE ON SCHEMA common TO regress_former, regress_later;
CREATE TABLE common.taken (id int, organization_id uuid, body text);
ALTER TABLE common.taken OWNER TO regress_former;
SELECT tenancy.protect('common.taken', 'logs', 'organization_id') \g /dev/null
SELECT tenancy.apply_logging_settings('common.taken', 'logs', '{body}') \g /dev/null
SELECT holder_role FROM tenancy.protected_names WHERE schema_name = 'common';
CREATE FUNCTION what_it_is(OUT closed boolean, OUT protected boolean, OUT triggers bigint) LANGUAGE sql AS $$
  SELECT tenancy_internal.is_closed('common.taken'), EXISTS (SELECT FROM tenancy.protected_tables WHERE relation = 'common.taken'::regclass),
         (SELECT count(*) FROM pg_trigger WHERE tgrelid = 'common.taken'::regclass) $$;
SET ROLE regress_former;
DROP TABLE common.taken;
SET ROLE regress_later;
CREATE TABLE common.taken (id int, organization_id uuid, body text);
RESET ROLE;
SELECT * FROM what_it_is();
SET ROLE regress_later;
DROP TABLE common.taken;
SET ROLE regress_former;
CREATE TABLE common.taken (id int, organization_id uuid, body text);
RESET ROLE;
SELECT * FROM what_it_is();
-- As of the owner that it has got
ALTER TABLE common.taken OWNER TO regress_later;
SELECT holder_role FROM tenancy.protected_names WHERE schema_name = 'common';
SET client_min_messages = warning;
DROP TABLE common.taken;
-- The name of a role's table is remembered whatever another role does to a table of its own that has the name, logging settings included.
GRANT EXECUTE ON FUNCTION tenancy.protect, tenancy.unprotect, tenancy.forget, tenancy.ignore_logging_settings, tenancy.apply_logging_settings(regclass, text, name[]) TO regress_former, regress_later;
CREATE FUNCTION remembered(OUT holder regclass, OUT holder_role name, OUT kept_kind text) LANGUAGE sql AS $$
  SELECT holder, holder_role, kept_kind FROM tenancy.protected_names WHERE (schema_name, table_name) = ('common', 'taken') $$;
SELECT tenancy.forget('common.taken');
SET ROLE regress_former;
CREATE TABLE common.taken (id int, organization_id uuid, body text);
SELECT tenancy.protect('common.taken', 'logs', 'organization_id') \g /dev/null
SELECT tenancy.apply_logging_settings('common.taken', 'logs', '{body}') \g /dev/null
DROP TABLE common.taken;
SET ROLE regress_later;
CREATE TABLE common.taken (id int, organization_id uuid, body text);
SELECT * FROM failure('SELECT tenancy.forget(''common.taken'')');
SELECT tenancy.protect('common.taken', 'prompts', 'organization_id') \g /dev/null
RESET ROLE;
SELECT * FROM remembered();
SELECT object, problem, fix_sql FROM tenancy.advise() WHERE rule = 'unknown_name';
ALTER TABLE common.taken ADD COLUMN more text;
SELECT * FROM remembered();
SET ROLE regress_later;
SELECT * FROM failure('SELECT tenancy.forget(''common.taken'')');
SELECT tenancy.unprotect('common.taken');
RESET ROLE;
SELECT * FROM what_it_is(), remembered();
-- Nor where a restore is pretended
SET ROLE regress_later;
DROP TABLE common.taken;
SET check_function_bodies = off;
CREATE TABLE common.taken (id int, organization_id uuid, body text);
SELECT tenancy.protect('common.taken', 'prompts', 'organization_id') \g /dev/null
ALTER TABLE common.taken ADD COLUMN more text;
RESET check_function_bodies;
SELECT tenancy.unprotect('common.taken');
DROP TABLE common.taken;
-- Nor while that role's table has another name
SET ROLE regress_former;
CREATE TABLE common.taken (id int, organization_id uuid, body text);
ALTER TABLE common.taken RENAME TO taken_before;
SET ROLE regress_later;
CREATE TABLE common.taken (id int);
SELECT * FROM failure('SELECT tenancy.forget(''common.taken'')');
DROP TABLE common.taken;
SET ROLE regress_former;
CREATE TABLE common.taken_anew (id int, organization_id uuid, body text);
ALTER TABLE common.taken_anew RENAME TO taken;
RESET ROLE;
SELECT closed, protected FROM what_it_is();
SELECT * FROM remembered();
-- The role itself may, and a DBA that has the table
SET ROLE regress_former;
SELECT tenancy.ignore_logging_settings('common.taken') \g /dev/null
SELECT tenancy.unprotect('common.taken');
DROP TABLE common.taken, common.taken_before;
RESET ROLE;
SELECT count(*) FROM tenancy.protected_names WHERE (schema_name, table_name) = ('common', 'taken');
-- A name that is no longer one role's is that of the protected table which has it, whoever owns this.
SET ROLE regress_former;
CREATE TABLE common.taken (id int, organization_id uuid, body text);
SELECT tenancy.protect('common.taken', 'logs', 'organization_id') \g /dev/null
ALTER TABLE common.taken RENAME TO taken_long_ago;
SET ROLE regress_later;
CREATE TABLE common.taken (id int, organization_id uuid, body text);
SELECT tenancy.protect('common.taken', 'prompts', 'organization_id') \g /dev/null
RESET ROLE;
CREATE VIEW unnamed AS SELECT t.relation FROM tenancy.protected_tables t
WHERE (tenancy_internal.remembered_name(t.relation)).table_name IS NULL AND (tenancy_internal.protected_parent(t.relation)).relation IS NULL;
SELECT * FROM remembered();
BEGIN;
SET LOCAL ROLE regress_former;
SELECT tenancy.unprotect('common.taken_long_ago') \g /dev/null
RESET ROLE;
SELECT * FROM remembered();
SET LOCAL ROLE regress_later;
DROP TABLE common.taken;
CREATE TABLE common.taken (id int, organization_id uuid, body text);
RESET ROLE;
SELECT * FROM what_it_is(), remembered();
ROLLBACK;
BEGIN;
SET LOCAL ROLE regress_former;
DROP TABLE common.taken_long_ago;
RESET ROLE;
SELECT * FROM remembered();
ROLLBACK;
-- While the former table is still protected, it remains its role's; and it is forgotten where no protected table has it.
BEGIN;
SET LOCAL ROLE regress_later;
DROP TABLE common.taken;
CREATE TABLE common.taken (id int, organization_id uuid, body text);
RESET ROLE;
SELECT * FROM what_it_is(), remembered();
SET LOCAL ROLE regress_former;
SELECT tenancy.unprotect('common.taken_long_ago') \g /dev/null
RESET ROLE;
SELECT count(*) FROM tenancy.protected_names WHERE schema_name = 'common';
ROLLBACK;
-- By a schema that had the name
BEGIN;
CREATE SCHEMA moved AUTHORIZATION regress_former;
SET LOCAL ROLE regress_former;
CREATE TABLE moved.parcels (id int, organization_id uuid);
SELECT tenancy.protect('moved.parcels', 'logs', 'organization_id') \g /dev/null
RESET ROLE;
ALTER SCHEMA moved RENAME TO away;
CREATE SCHEMA moved AUTHORIZATION regress_later;
SET LOCAL ROLE regress_later;
CREATE TABLE moved.parcels (id int, organization_id uuid);
SELECT tenancy.protect('moved.parcels', 'logs', 'organization_id') \g /dev/null
SET LOCAL ROLE regress_former;
SELECT tenancy.unprotect('away.parcels') \g /dev/null
RESET ROLE;
SELECT schema_name, holder, holder_role FROM tenancy.protected_names WHERE table_name = 'parcels';
ROLLBACK;
-- A partition that leaves its table has a name of its own.
SET ROLE regress_later;
CREATE TABLE common.parted (id int, organization_id uuid) PARTITION BY LIST (id);
CREATE TABLE common.part_1 PARTITION OF common.parted FOR VALUES IN (1);
CREATE TABLE common.part_2 PARTITION OF common.parted FOR VALUES IN (2);
CREATE TABLE common.part_3 (CHECK (id = 3)) INHERITS (common.taken);
SELECT tenancy.protect('common.parted', 'prompts', 'organization_id') \g /dev/null
ALTER TABLE common.parted DETACH PARTITION common.part_1;
ALTER TABLE common.parted DETACH PARTITION common.part_2 CONCURRENTLY;
ALTER TABLE common.part_3 NO INHERIT common.taken;
RESET ROLE;
SELECT table_name, holder_role FROM tenancy.protected_names WHERE schema_name = 'common' AND table_name ~ '^part' ORDER BY 1;
TABLE unnamed;
SET ROLE regress_later;
SELECT tenancy.unprotect(t) FROM unnest('{common.part_1,common.part_2,common.part_3,common.parted,common.taken}'::regclass[]) t \g /dev/null
DROP TABLE common.part_1, common.part_2, common.part_3, common.parted, common.taken;
SET ROLE regress_former;
SELECT tenancy.unprotect('common.taken_long_ago') \g /dev/null
DROP TABLE common.taken_long_ago;
RESET ROLE;
DROP VIEW unnamed;

-- Whose the name is follows the table's owner, however that has changed.
SELECT tenancy.forget('common.taken_before');
CREATE PROCEDURE make_anew(as_role name) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SET LOCAL ROLE %I', as_role);
  DROP TABLE common.taken;
  CREATE TABLE common.taken (id int, organization_id uuid);
  RESET ROLE;
END $$;
CREATE PROCEDURE begin_anew() LANGUAGE plpgsql AS $$
BEGIN
  DROP TABLE IF EXISTS common.taken;
  DELETE FROM tenancy.protected_names WHERE schema_name = 'common';
  SET LOCAL ROLE regress_former;
  CREATE TABLE common.taken (id int, organization_id uuid);
  PERFORM tenancy.protect('common.taken', 'logs', 'organization_id');
  RESET ROLE;
END $$;
CALL begin_anew();
REASSIGN OWNED BY regress_former TO regress_later;
SELECT * FROM remembered();
CALL make_anew('regress_later');
SELECT * FROM what_it_is();
CALL begin_anew();
ALTER ROLE regress_former RENAME TO regress_renamed;
CALL make_anew('regress_renamed');
SELECT * FROM what_it_is(), remembered();
-- While the table is there under another name
ALTER ROLE regress_renamed RENAME TO regress_former;
SET ROLE regress_former;
CREATE TABLE common.swapped (id int, organization_id uuid);
ALTER TABLE common.taken RENAME TO taken_before;
RESET ROLE;
ALTER ROLE regress_former RENAME TO regress_renamed;
SET ROLE regress_renamed;
ALTER TABLE common.swapped RENAME TO taken;
RESET ROLE;
SELECT * FROM what_it_is(), remembered();
ALTER ROLE regress_renamed RENAME TO regress_former;
CALL begin_anew();
REASSIGN OWNED BY regress_former TO regress_later;
SET ROLE regress_later;
CREATE TABLE common.swapped (id int, organization_id uuid);
ALTER TABLE common.taken RENAME TO taken_since;
ALTER TABLE common.swapped RENAME TO taken;
RESET ROLE;
SELECT * FROM what_it_is(), remembered();
ALTER TABLE common.taken OWNER TO regress_former; ALTER TABLE common.taken_since OWNER TO regress_former; DROP TABLE common.taken_since; ALTER ROLE regress_former RENAME TO regress_renamed;
-- Not once it is gone: advise() says it before a table is closed.
SET ROLE regress_renamed;
DROP TABLE common.taken;
RESET ROLE;
DROP TABLE IF EXISTS common.taken_before;
ALTER ROLE regress_renamed RENAME TO regress_former;
SELECT object, problem, fix_sql FROM tenancy.advise() WHERE rule = 'unknown_name';
-- As a restore without owners leaves it
CALL begin_anew();
UPDATE tenancy.protected_names SET holder_role = 'regress_nobody' WHERE schema_name = 'common';
CALL make_anew('regress_former');
SELECT * FROM what_it_is(), remembered();
DROP SCHEMA common CASCADE;
DELETE FROM tenancy.protected_names WHERE schema_name = 'common';
DROP PROCEDURE make_anew, begin_anew;
DROP FUNCTION what_it_is, remembered;
DROP OWNED BY regress_former, regress_later;
DROP ROLE regress_former, regress_later;
