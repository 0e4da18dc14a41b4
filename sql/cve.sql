-- Faults that PostgreSQL has had in row security, by number: the shape of each, first where nothing of ours guards
-- against it, then on a protected table, on the same rows. test/isolation/specs/cve_2026_14666.spec needs two sessions.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\set tokens :srcdir '/sql/include/tokens.sql'
\i :world
\set ECHO none
\i :tokens
\o /dev/null
SET client_min_messages = warning;
CREATE TABLE open (LIKE logs INCLUDING ALL);
INSERT INTO open TABLE logs;
CREATE TABLE open_parts (LIKE logs INCLUDING ALL) PARTITION BY RANGE (id);
CREATE TABLE open_parts_all PARTITION OF open_parts DEFAULT;
CREATE TABLE parts (LIKE logs INCLUDING ALL) PARTITION BY RANGE (id);
CREATE TABLE parts_all PARTITION OF parts DEFAULT;
CREATE TABLE children (LIKE prompts INCLUDING ALL);
CREATE TABLE child () INHERITS (children);
INSERT INTO open_parts TABLE logs;
INSERT INTO parts TABLE logs;
INSERT INTO child TABLE logs;
CREATE TABLE paid (LIKE logs INCLUDING ALL);
INSERT INTO paid TABLE logs;
SELECT tenancy.protect('paid', 'logs', 'organization_id', 'workspace_id', 'user_id', payload => '{body}'), tenancy.create_scoped_view('paid', 'scoped');
SELECT tenancy.protect(relation, 'prompts', 'organization_id', 'workspace_id', 'user_id') FROM unnest(ARRAY['prompts', 'parts', 'children']::regclass[]) relation;
SELECT tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id'), tenancy.set_jwks('acme', jwks) FROM jwks WHERE name = 'acme';
ANALYZE;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app TO PUBLIC;
RESET client_min_messages;
\o
\set ECHO all

-- CVE-2016-2193, CVE-2023-2455, CVE-2024-10976: a plan made for one is run for another. The server looks at the role only;
-- a policy by a setting that planning takes for a constant goes on with the first one's rows.
CREATE FUNCTION frozen_organization() RETURNS uuid LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN RETURN (SELECT organization_id FROM tenancy.organizations WHERE slug = current_setting('app.organization')); END $$;
CREATE TABLE naive AS TABLE logs;
ALTER TABLE naive ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON naive USING (organization_id = frozen_organization());
GRANT SELECT ON naive TO PUBLIC;
CREATE VIEW naive_as_invoker WITH (security_invoker) AS SELECT * FROM naive;
CREATE VIEW logs_as_invoker WITH (security_invoker) AS SELECT * FROM logs;
CREATE FUNCTION naive_inlined() RETURNS TABLE (id int) LANGUAGE sql STABLE AS 'SELECT id FROM app.naive';
CREATE FUNCTION logs_inlined() RETURNS TABLE (id int) LANGUAGE sql STABLE AS 'SELECT id FROM app.logs';
CREATE FUNCTION naive_static() RETURNS SETOF int LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT id FROM app.naive; END';
CREATE FUNCTION logs_static() RETURNS SETOF int LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT id FROM app.logs; END';
CREATE TABLE ways (n serial, cve text, way text, sql text);
INSERT INTO ways (cve, way, sql) VALUES
  ('2016-2193', 'prepared', 'SELECT id FROM $T'),
  ('2023-2455', 'SQL function, inlined', 'SELECT id FROM $T_inlined()'),
  ('2024-10976', 'sub-query', 'SELECT id FROM (SELECT id FROM $T OFFSET 0) s'),
  ('2024-10976', 'sub-link', 'SELECT n AS id FROM generate_series(1, 8) n WHERE n IN (SELECT id FROM $T)'),
  ('2024-10976', 'WITH', 'WITH w AS MATERIALIZED (SELECT id FROM $T) SELECT id FROM w'),
  ('2024-10976', 'security_invoker view', 'SELECT id FROM $T_as_invoker'),
  ('2024-10976', 'PL/pgSQL', 'SELECT id FROM $T_static() id');
-- One prepared statement, run by olivia of acme, then by somebody else: by another user, key, token, role.
\set ECHO none
CREATE FUNCTION run_switched(sql text, become text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  olivia text;
  other text;
BEGIN
  EXECUTE 'PREPARE q AS SELECT coalesce(string_agg(id::text, '' '' ORDER BY id), ''-'') FROM (' || sql || ') s';
  SET LOCAL SESSION AUTHORIZATION regress_app;
  PERFORM set_config('tenancy.user', 'olivia@acme.test', true), set_config('app.organization', 'acme', true);
  EXECUTE 'EXECUTE q' INTO olivia;
  PERFORM set_config('tenancy.user', '', true), set_config('app.organization', 'globex', true);
  EXECUTE become;
  EXECUTE 'EXECUTE q' INTO other;
  RAISE EXCEPTION USING ERRCODE = 'TEST0', MESSAGE = olivia || ', then ' || other;
EXCEPTION WHEN SQLSTATE 'TEST0' THEN
  DEALLOCATE q;
  RETURN SQLERRM;
END
$$;
\set ECHO all
CREATE TABLE switches (n serial, who text, become text);
INSERT INTO switches (who, become) VALUES
  ('user', 'SET LOCAL tenancy."user" = ''gus@globex.test'''),
  ('key', (SELECT format('SET LOCAL tenancy.api_key = %L', secret) FROM secrets WHERE name = 'globex master')),
  ('token', (SELECT format('SET LOCAL tenancy.jwt = %L', token) FROM tokens WHERE name = 'RS256')),
  ('role', 'SET LOCAL SESSION AUTHORIZATION regress_bound');
SET plan_cache_mode = force_generic_plan;
SELECT cve, way, who, run_switched(replace(sql, '$T', 'naive'), become) AS naive, run_switched(replace(sql, '$T', 'logs'), become) AS ours
FROM ways, switches ORDER BY ways.n, switches.n;
RESET plan_cache_mode;
REVOKE SELECT ON tenancy.organizations FROM PUBLIC;

-- CVE-2024-10978: SET ROLE and SET SESSION AUTHORIZATION came back to the wrong user, and policies that ask for the role
-- change with it. A binding counts for who has logged in.
CREATE TABLE by_role AS SELECT id, CASE WHEN id < 3 THEN 'regress_bound' ELSE 'regress_plain' END AS login FROM logs;
ALTER TABLE by_role ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON by_role USING (login = current_setting('role'));
GRANT SELECT ON by_role TO PUBLIC;
GRANT regress_plain TO regress_bound;
CREATE FUNCTION ids(relation text) RETURNS text LANGUAGE plpgsql AS
$$ DECLARE ids text; BEGIN EXECUTE format('SELECT coalesce(string_agg(id::text, '' '' ORDER BY id), ''-'') FROM app.%I', relation) INTO ids; RETURN ids; END $$;
CREATE FUNCTION ids_with_role(relation text) RETURNS text LANGUAGE sql VOLATILE SET role = regress_plain AS 'SELECT app.ids($1)';
CREATE FUNCTION ids_by_definer(relation text) RETURNS text LANGUAGE sql VOLATILE SECURITY DEFINER AS 'SELECT app.ids($1)';
ALTER FUNCTION ids_by_definer OWNER TO regress_app;  -- which is trusted, and has no part in it
SET SESSION AUTHORIZATION regress_bound;
SELECT ids('by_role') AS naive, ids('logs') AS ours, ids_with_role('by_role') AS naive_with_role, ids_with_role('logs') AS ours_with_role,
       ids_by_definer('logs') AS ours_by_definer, (SELECT email FROM tenancy.whoami());
SET ROLE regress_plain;
SELECT ids('by_role') AS naive, ids('logs') AS ours, (SELECT email FROM tenancy.whoami());
RESET ROLE;
BEGIN;
SET LOCAL ROLE regress_plain;
SAVEPOINT s;
SET LOCAL ROLE NONE;
ROLLBACK TO s;
SELECT current_user, ids('logs') AS ours;
ROLLBACK;
SET tenancy."user" = 'olivia@acme.test';
SELECT * FROM failure('SELECT ids_by_definer(''logs'')');
DISCARD ALL;
SET search_path = app;
SET SESSION AUTHORIZATION DEFAULT;
SELECT ids('logs') AS superuser, (SELECT kind FROM tenancy.whoami());
SET SESSION AUTHORIZATION regress_bound;
SELECT CASE WHEN :SERVER_VERSION_NUM < 160000 THEN 'force_parallel_mode' ELSE 'debug_parallel_query' END AS parallel \gset
\o /dev/null
SELECT set_config(:'parallel', 'on', false);
\o
SELECT string_agg(id::text, ' ' ORDER BY id) AS ours FROM logs;
\o /dev/null
SELECT set_config(:'parallel', 'off', false);
\o
RESET SESSION AUTHORIZATION;
REVOKE regress_plain FROM regress_bound;

-- CVE-2023-39418: MERGE passed policies over. Where none applies it touches every row; on protected tables it touches
-- what one may, and stops at a row that one sees and may not touch.
\set ECHO none
CREATE FUNCTION upserts(relation text, id int, what text) RETURNS text LANGUAGE sql AS
$$ SELECT format('INSERT INTO app.%I (id, workspace_id) VALUES (%s, ''aaaaaaaa-0000-4000-8000-000000000002'') ON CONFLICT (id) DO %s', relation, id, what) $$;
CREATE FUNCTION merges(relation text, what text) RETURNS text LANGUAGE sql AS
$$ SELECT format('MERGE INTO app.%I t USING generate_series(1, 8) n ON t.id = n WHEN MATCHED THEN %s', relation, what) $$;
\set ECHO all
SET SESSION AUTHORIZATION regress_app;
SELECT relation, what, left(attempt('mona', merges(relation, what)), 6) AS mona, left(attempt('mike', merges(relation, what)), 6) AS mike,
       left(attempt('gus', merges(relation, what)), 6) AS gus, left(attempt('nobody', merges(relation, what)), 6) AS nobody
FROM unnest(ARRAY['open', 'prompts', 'parts', 'parts_all', 'children', 'child', 'logs']) relation,
     unnest(ARRAY['UPDATE SET body = ''merged''', 'DELETE', 'UPDATE SET organization_id = ''bbbbbbbb-0000-4000-8000-000000000000''']) what;

-- CVE-2017-15099: INSERT .. ON CONFLICT DO UPDATE changed, and returned, rows that policies hide.
SELECT relation, what, attempt('mike', upserts(relation, 1, what)) AS own_row,
       regexp_replace(attempt('mike', upserts(relation, 8, what)), '^(0 rows|42501).*', 'unchanged') AS hidden_row  -- refused or not even tried: versions differ
FROM unnest(ARRAY['open', 'prompts', 'parts']) relation, unnest(ARRAY['UPDATE SET body = ''mine'' RETURNING body', 'UPDATE SET id = EXCLUDED.id WHERE EXCLUDED.id < 0', 'NOTHING']) what;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM prompts WHERE body = 'mine';

-- CVE-2026-120154: the WHERE of an upsert was evaluated on rows that policies hide, of any table with row security. Which of the rows
-- 1 and 8 does a function in it get to see? Only the row that one may update, which first the function is shown to notice.
CREATE FUNCTION noticed(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE INFO 'a function sees %', $1; RETURN false; END $$;
CREATE TABLE by_hand AS SELECT id, workspace_id, body FROM logs;
ALTER TABLE by_hand ADD PRIMARY KEY (id);
ALTER TABLE by_hand ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON by_hand USING (workspace_id = 'aaaaaaaa-0000-4000-8000-000000000002');
GRANT ALL ON by_hand TO PUBLIC;
GRANT EXECUTE ON FUNCTION noticed TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT relation, id, attempt('mike', upserts(relation, id, format('UPDATE SET body = ''mine'' WHERE noticed(%I.body)', relation)))
FROM unnest(ARRAY['open', 'by_hand', 'prompts', 'parts']) relation, unnest(ARRAY[1, 8]) id;
PREPARE upsert (int) AS WITH written AS (INSERT INTO prompts AS p (id, workspace_id) VALUES ($1, 'aaaaaaaa-0000-4000-8000-000000000002')
  ON CONFLICT (id) DO UPDATE SET body = 'mine' WHERE noticed(p.body) AND p.body <> EXCLUDED.body RETURNING 1) SELECT count(*) FROM written;
SET plan_cache_mode = force_generic_plan;
SELECT attempt('mike', format('EXECUTE upsert (%s)', id)) FROM unnest(ARRAY[1, 8]) id;
SELECT attempt('gus', 'EXECUTE upsert (8)');
RESET plan_cache_mode;
DEALLOCATE upsert;
RESET SESSION AUTHORIZATION;
-- CVE-2026-116311: DROP OWNED took a role out of restrictive policies of others. Ours name no role.
SELECT DISTINCT polroles FROM pg_policy WHERE polname ~ '^tenancy_';

-- CVE-2017-7484, CVE-2019-10130, CVE-2025-8713: the planner asks an operator of the user's own about values from the
-- statistics, of a table, and of the partitions and children below it. And the executor about values of hidden rows.
CREATE FUNCTION tell(text, text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
  IF strpos(current_setting('app.told'), $1) = 0 THEN
    PERFORM set_config('app.told', concat_ws('; ', nullif(current_setting('app.told'), ''), $1), false);
  END IF;
  RETURN $1 < $2;
END
$$;
CREATE OPERATOR <<< (LEFTARG = text, RIGHTARG = text, FUNCTION = tell, RESTRICT = scalarltsel);
CREATE VIEW barrier WITH (security_barrier, security_invoker) AS SELECT * FROM logs;
\set ECHO none
CREATE FUNCTION told(relation text, explain text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.told', '', false);
  EXECUTE format('%s SELECT FROM app.%I WHERE body OPERATOR(app.<<<) ''m''', explain, relation);
  RETURN (SELECT string_agg(told, '; ' ORDER BY told) FROM string_to_table(current_setting('app.told'), '; ') told);
END
$$;
\set ECHO all
GRANT SELECT ON ALL TABLES IN SCHEMA app TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
CALL become('gus');
SELECT relation, told(relation, 'EXPLAIN') AS when_planned, told(relation, '') AS when_run
FROM unnest(ARRAY['open', 'open_parts', 'logs', 'parts', 'parts_all', 'children', 'child', 'logs_as_invoker', 'barrier', 'scoped']) relation;
RESET SESSION AUTHORIZATION;

-- CVE-2024-4317: statistics, extended ones too, were readable without rights.
CREATE STATISTICS open_statistics (mcv) ON (left(body, 3)), workspace_id FROM open;
CREATE STATISTICS logs_statistics (mcv) ON (left(body, 3)), workspace_id FROM logs;
ANALYZE open, logs, parts, children;
\set ECHO none
CREATE FUNCTION statistics() RETURNS TABLE (tablename text, pg_stats bigint, pg_stats_ext bigint, pg_stats_ext_exprs bigint) LANGUAGE sql AS $$
  SELECT name, (SELECT count(*) FROM pg_stats s WHERE s.tablename = name AND (most_common_vals IS NOT NULL OR histogram_bounds IS NOT NULL)),
         (SELECT count(*) FROM pg_stats_ext s WHERE s.tablename = name AND most_common_vals IS NOT NULL),
         (SELECT count(*) FROM pg_stats_ext_exprs s WHERE s.tablename = name)
  FROM unnest(ARRAY['open', 'logs', 'parts', 'parts_all', 'children', 'child']) name
$$;
\set ECHO all
ALTER TABLE open OWNER TO regress_owner;
ALTER TABLE logs OWNER TO regress_owner;
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT tablename, pg_stats > 0 AS pg_stats, pg_stats_ext > 0 AS pg_stats_ext, pg_stats_ext_exprs > 0 AS pg_stats_ext_exprs FROM statistics();
-- their owner
SET SESSION AUTHORIZATION regress_owner;
SELECT tablename, pg_stats > 0 AS pg_stats, pg_stats_ext > 0 AS pg_stats_ext, pg_stats_ext_exprs > 0 AS pg_stats_ext_exprs FROM statistics();
RESET SESSION AUTHORIZATION;

-- CVE-2021-3393, CVE-2021-20229: values in the text of errors, and of columns that one may not read.
CREATE TABLE refers (id int, to_id int REFERENCES logs (id), organization_id uuid, workspace_id uuid);
CREATE TABLE open_refers (id int, to_id int REFERENCES open (id));
ALTER TABLE open ADD CHECK (id < 1000);
ALTER TABLE logs ADD CHECK (id < 1000);
CREATE TABLE narrow_parts (LIKE logs) PARTITION BY RANGE (id);
CREATE TABLE narrow_parts_low PARTITION OF narrow_parts FOR VALUES FROM (0) TO (10);
CREATE TABLE open_narrow_parts (LIKE logs) PARTITION BY RANGE (id);
CREATE TABLE open_narrow_parts_low PARTITION OF open_narrow_parts FOR VALUES FROM (0) TO (10);
SET client_min_messages = warning;
SELECT tenancy.protect('refers', 'logs', 'organization_id', 'workspace_id'), tenancy.protect('narrow_parts', 'logs', 'organization_id', 'workspace_id');
RESET client_min_messages;
GRANT INSERT, SELECT ON ALL TABLES IN SCHEMA app TO PUBLIC;
CREATE FUNCTION detail(command text, OUT state text, OUT message text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE command;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
END
$$;
SET SESSION AUTHORIZATION regress_app;
CALL become('globex master');
SELECT (detail(replace(replace(command, '$LOGS', CASE prefix WHEN '' THEN 'logs' ELSE 'open' END), '$O', prefix))).* FROM (VALUES
  ('INSERT INTO $LOGS (id, workspace_id, body) VALUES (1, ''bbbbbbbb-0000-4000-8000-000000000002'', ''secret'')'),
  ('INSERT INTO $LOGS (id, workspace_id, body) VALUES (1001, ''bbbbbbbb-0000-4000-8000-000000000002'', ''secret'')'),
  ('INSERT INTO $Orefers (id, to_id) VALUES (1, 99)'),
  ('INSERT INTO $Onarrow_parts (id, workspace_id) VALUES (99, ''bbbbbbbb-0000-4000-8000-000000000002'')'),
  ('INSERT INTO $Onarrow_parts_low (id, workspace_id) VALUES (99, ''bbbbbbbb-0000-4000-8000-000000000002'')')) v (command),
  unnest(ARRAY['open_', '']) prefix;
RESET SESSION AUTHORIZATION;
REVOKE SELECT ON open, logs FROM PUBLIC;
GRANT SELECT (id, organization_id, workspace_id, user_id) ON open, logs TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT relation, (detail(format(command, relation))).* FROM unnest(ARRAY['open', 'logs']) relation,
  unnest(ARRAY['SELECT body FROM %1$s', 'SELECT j.hidden FROM (%1$s a JOIN (VALUES (1)) v (id) USING (id)) AS j (id, o, w, u, k, hidden)', 'SELECT j FROM (%1$s a JOIN (VALUES (1)) v (id) USING (id)) j', 'SELECT id FROM %1$s']) command;
RESET SESSION AUTHORIZATION;
GRANT SELECT ON open, logs TO PUBLIC;

-- CVE-2026-6470: a policy needs USAGE on the types that it names. Who owns a table without it can't write such a policy
-- by hand, and protect() names none.
CREATE DOMAIN organization_number AS int;
REVOKE USAGE ON DOMAIN organization_number FROM PUBLIC;
CREATE TABLE numbered (id int, organization organization_number);
ALTER TABLE numbered OWNER TO regress_owner;
INSERT INTO numbered VALUES (1, 1), (2, 2);
GRANT EXECUTE ON FUNCTION tenancy.protect TO regress_owner;
SET SESSION AUTHORIZATION regress_owner;
ALTER TABLE numbered ENABLE ROW LEVEL SECURITY;
SELECT * FROM failure('CREATE POLICY mine ON app.numbered USING (organization = 1::app.organization_number)');
SELECT tenancy.protect('app.numbered', 'prompts', organization => 'organization', create_indexes => true);
RESET SESSION AUTHORIZATION;
REVOKE EXECUTE ON FUNCTION tenancy.protect FROM regress_owner;
GRANT SELECT ON numbered TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT visible('olivia', 'app.numbered') AS olivia, visible('gus', 'app.numbered') AS gus, visible('nobody', 'app.numbered') AS nobody;
RESET SESSION AUTHORIZATION;

-- CVE-2026-2004: an estimator that trusts its arguments' types. Our support functions on functions of other shapes, and
-- our functions on values of all types: an answer or an error, and the server stays up.
CREATE FUNCTION mixed(int, point, uuid, text, json, numeric) RETURNS boolean LANGUAGE sql IMMUTABLE SUPPORT tenancy_internal.row_visible_support AS 'SELECT true';
CREATE FUNCTION short(text) RETURNS boolean LANGUAGE plpgsql STABLE SUPPORT tenancy_internal.row_accepted_support AS 'BEGIN RETURN true; END';
CREATE FUNCTION other(text, text, int) RETURNS boolean LANGUAGE plpgsql STABLE SUPPORT tenancy_internal.authorize_support AS 'BEGIN RETURN true; END';
CREATE FUNCTION guard() RETURNS boolean LANGUAGE plpgsql STABLE SUPPORT tenancy_internal.plan_guard_support AS 'BEGIN RETURN true; END';
CREATE FUNCTION payload(text, text) RETURNS SETOF boolean LANGUAGE plpgsql STABLE SUPPORT tenancy_internal.payload_visible_support AS 'BEGIN RETURN NEXT true; END';
SELECT count(*) FROM logs WHERE mixed(id, point(id, id), user_id, body, to_json(body), id) AND short(body) AND other('logs', 'view', id) AND guard() AND (SELECT bool_and(p) FROM payload(body, body) p);
\set ECHO none
CREATE FUNCTION answer(value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text;
BEGIN
  EXECUTE format('SELECT tenancy.row_visible(''logs'', ''view'', %1$s, %1$s, %1$s, %1$s)::text', value) INTO answer;
  RETURN answer;
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s: %s', SQLSTATE, SQLERRM);
END
$$;
\set ECHO all
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT value, answer(value) FROM unnest(ARRAY[
  '''aaaaaaaa-0000-4000-8000-000000000000''::uuid', '1::bigint', '''1''::text', '''1''', 'NULL::uuid', 'NULL', '1.0::numeric', '''1''::json', 'point(1, 1)', 'ARRAY[1]',
  'ROW(1, 2)', 'NULL::record', '''x''::name', '''a''::"char"', '''1''::bpchar', 'B''1''', '''1''::oid', 'true', '''infinity''::timestamptz', 'int4range(1, 2)', '''logs''::regclass', '''\x01''::bytea',
  'repeat(''1'', 1000000)']) value;
RESET SESSION AUTHORIZATION;

-- CVE-2026-6473: sizes that wrap. Megabytes in each setting; then the session goes on.
\set ECHO none
CREATE FUNCTION with_setting(setting text, value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  email text;
BEGIN
  PERFORM set_config(setting, value, true);
  SELECT w.email INTO email FROM tenancy.whoami() w;
  RETURN email;
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s: %s', SQLSTATE, CASE WHEN length(SQLERRM) > 200 THEN left(SQLERRM, 20) || '…' ELSE SQLERRM END);
END
$$;
\set ECHO all
SET SESSION AUTHORIZATION regress_app;
CALL become('nobody');
SELECT setting, what, with_setting(setting, value)
FROM unnest(ARRAY['tenancy.api_key', 'tenancy.jwt', 'tenancy.user']) setting,
     (VALUES (1, '20 MB', repeat('A', 20000000)), (2, '3 parts of 5 MB', concat_ws('.', repeat('e', 5000000), repeat('e', 5000000), repeat('e', 5000000))),
             (3, 'dots', repeat('.', 1000000)), (4, 'quotes and backslashes', repeat('''\"%s$1', 100000))) v (n, what, value)
ORDER BY setting, n;
SELECT with_setting('tenancy.user', 'mike@acme.test');
RESET SESSION AUTHORIZATION;

-- CVE-2022-1552: maintenance by a superuser runs code of a table's owner, as the owner. It can't make the session
-- somebody else, nor read more than the session's principal may.
CREATE TABLE taken (who text, "user" text);
GRANT INSERT, SELECT ON taken TO regress_owner;
CREATE FUNCTION note() RETURNS void LANGUAGE sql VOLATILE AS $$ INSERT INTO app.taken VALUES (current_user, current_setting('tenancy.user')) $$;
CREATE FUNCTION take(id int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT id';
ALTER FUNCTION take OWNER TO regress_owner;
SET ROLE regress_owner;
CREATE TABLE bait AS SELECT n AS id FROM generate_series(1, 3) n;
CREATE INDEX bait_index ON bait (take(id));
CREATE OR REPLACE FUNCTION take(id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  PERFORM set_config('tenancy.user', 'olivia@acme.test', false), app.note();
  RETURN id;
END
$$;
RESET ROLE;
ANALYZE bait;
REINDEX TABLE bait;
CLUSTER bait USING bait_index;
VACUUM FULL bait;
SELECT who, "user", count(*) >= 3 AS often FROM taken GROUP BY 1, 2;
SELECT current_setting('tenancy.user') AS "user", kind FROM tenancy.whoami();

-- CVE-2024-7348, CVE-2025-8714, CVE-2025-8715: names that break out of the commands made of them. protect(), the event
-- triggers and advise() make commands of names, too.
CREATE SCHEMA "s'; DROP TABLE app.logs; --";
SET search_path = "s'; DROP TABLE app.logs; --";
CREATE TABLE "t""; DROP TABLE app.logs; --
\! echo broken out" (id int, "o'); DROP TABLE app.logs; --" uuid, "w""
\echo broken out" uuid) PARTITION BY LIST (id);
CREATE TABLE "p%s%I$1" PARTITION OF "t""; DROP TABLE app.logs; --
\! echo broken out" DEFAULT;
SELECT tenancy.protect(c.oid, 'prompts', organization => a.attname, workspace => b.attname, create_indexes => true)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname LIKE 'o%' JOIN pg_attribute b ON b.attrelid = c.oid AND b.attname LIKE 'w%'
WHERE c.relname LIKE 't"; DROP%' AND c.relkind = 'p';
CREATE TABLE "q'""\" PARTITION OF "t""; DROP TABLE app.logs; --
\! echo broken out" FOR VALUES IN (7);
SELECT count(*) AS protected, count(i.problem) AS problems FROM pg_class c JOIN tenancy.protected_tables t ON t.relation = c.oid, tenancy_internal.inspect_protection(t.relation) i
WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema());
-- The SQL that advise() prints can be run.
CREATE ROLE "regress_r'""; --" LOGIN;
GRANT TRUNCATE ON "p%s%I$1" TO "regress_r'""; --";
SELECT fix_sql FROM tenancy.advise() WHERE rule = 'truncate_granted' AND object LIKE '%p\%s%' \gset
:fix_sql;
SELECT has_table_privilege('regress_r''"; --', c.oid, 'TRUNCATE') FROM pg_class c WHERE relname = 'p%s%I$1';
SELECT tenancy.unprotect(c.oid) FROM pg_class c WHERE relname LIKE 't"; DROP%' AND relkind = 'p';
SELECT count(*) AS still_there FROM app.logs;
SET search_path = app;
SET client_min_messages = warning;
DROP SCHEMA "s'; DROP TABLE app.logs; --" CASCADE;
DROP ROLE "regress_r'""; --";
-- And a dump holds no secret: no table does.
\set ECHO none
CREATE FUNCTION catalogs_with(secret text) RETURNS SETOF regclass LANGUAGE plpgsql AS $$
DECLARE
  catalog regclass;
  found boolean;
BEGIN
  FOR catalog IN SELECT c.oid FROM pg_class c WHERE relnamespace::regnamespace::text IN ('tenancy', 'tenancy_internal') AND relkind = 'r' ORDER BY 1 LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM %s t WHERE strpos(t::text, $1) > 0 OR strpos(t::text, encode(convert_to($1, ''UTF8''), ''hex'')) > 0)', catalog) INTO found USING secret;
    IF found THEN
      RETURN NEXT catalog;
    END IF;
  END LOOP;
END
$$;
\set ECHO all
SELECT catalogs_with('olivia@acme.test') LIMIT 1;
SELECT catalogs_with(secret) FROM tenancy.create_api_key('workspace_service_key', 'dumped', 'acme', 'search');
RESET client_min_messages;

-- CVE-2020-14350, CVE-2022-2625, CVE-2023-39417: an extension's script meets what somebody has prepared. A schema of
-- another role's is refused; objects in a schema of one's own are refused, not replaced.
SET client_min_messages = warning;
DROP EXTENSION pg_tenancy CASCADE;
DROP SCHEMA IF EXISTS tenancy;
RESET client_min_messages;
CREATE SCHEMA tenancy AUTHORIZATION regress_plain;
SET SESSION AUTHORIZATION regress_plain;
CREATE FUNCTION tenancy.row_visible(text, text, uuid, uuid, uuid, uuid) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE TABLE tenancy.organizations (organization_id uuid);
RESET SESSION AUTHORIZATION;
SELECT * FROM failure('CREATE EXTENSION pg_tenancy');
ALTER SCHEMA tenancy OWNER TO CURRENT_USER;
SELECT * FROM failure('CREATE EXTENSION pg_tenancy');
DROP TABLE tenancy.organizations;
SELECT * FROM failure('CREATE EXTENSION pg_tenancy');
DROP FUNCTION tenancy.row_visible;
-- Nor while somebody else might still create some, by whatever grant; an object of one's own is no trap, and not replaced either.
GRANT CREATE ON SCHEMA tenancy TO regress_plain;
SELECT * FROM failure('CREATE EXTENSION pg_tenancy');
REVOKE CREATE ON SCHEMA tenancy FROM regress_plain;
GRANT CREATE ON SCHEMA tenancy TO PUBLIC;
SELECT * FROM failure('CREATE EXTENSION pg_tenancy');
REVOKE CREATE ON SCHEMA tenancy FROM PUBLIC;
CREATE TABLE tenancy.organizations (organization_id uuid);
SELECT * FROM failure('CREATE EXTENSION pg_tenancy');
DROP TABLE tenancy.organizations;
GRANT USAGE ON SCHEMA tenancy TO regress_plain;
CREATE EXTENSION pg_tenancy;
SET client_min_messages = warning;
DROP EXTENSION pg_tenancy;
RESET client_min_messages;
DROP SCHEMA tenancy;

-- CVE-2018-1058, CVE-2023-2454: names that the caller's search_path finds in front: of the one who installs, of one who
-- administers, of one who queries. First a function that is careless.
CREATE SCHEMA trap;
GRANT USAGE ON SCHEMA trap TO PUBLIC;
CREATE FUNCTION trap.format(text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION trap.trapped(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION trap.trapped(uuid, uuid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.trapped);
CREATE OPERATOR trap.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = trap.trapped);
CREATE OPERATOR trap.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.trapped);
CREATE TABLE trap.organizations (organization_id uuid);
CREATE TABLE trap.users (user_id uuid);
CREATE FUNCTION careless(a text, b text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN a = b; END $$;
SET search_path = trap, pg_catalog;
SELECT app.careless('a', 'a');
CREATE EXTENSION pg_tenancy;
SELECT organization_id IS NOT NULL AS made FROM tenancy.create_organization('Acme', 'olivia@acme.test');
SELECT tenancy.create_workspace('acme', 'Search') IS NOT NULL AS workspace, tenancy.create_user('mike@acme.test') IS NOT NULL AS "user";
SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'member'), tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'manager'),
       tenancy.trust_login('regress_app'), tenancy.set_setting('acme', 'members_view_logs', true);
SELECT length(secret) > 40 AS secret FROM tenancy.create_api_key('workspace_service_key', 'k', 'acme', 'search');
CREATE TABLE app.trapped (id int, workspace_id uuid);
SELECT tenancy.protect('app.trapped', 'logs', workspace => 'workspace_id', create_indexes => true);
INSERT INTO app.trapped SELECT 1, workspace_id FROM tenancy.workspaces WHERE slug OPERATOR(pg_catalog.=) 'search';
INSERT INTO app.trapped SELECT 2, workspace_id FROM tenancy.workspaces WHERE is_default;
GRANT SELECT ON app.trapped TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SET tenancy."user" = 'mike@acme.test';
SELECT email, tenancy.authorize('logs', 'view', 'acme/search') AS may_view, (SELECT count(*) > 0 FROM tenancy.permissions()) AS permissions FROM tenancy.whoami();
SELECT id FROM app.trapped;
RESET tenancy."user";
RESET SESSION AUTHORIZATION;
SET client_min_messages = warning;
DROP SCHEMA trap CASCADE;
