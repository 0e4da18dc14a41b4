-- Plans are those of a hand-written WHERE: the filter in constants, then the guard. The only file with EXPLAIN output.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
CREATE TABLE made AS SELECT * FROM logs;
CREATE TABLE parted (id int, organization_id uuid NOT NULL, workspace_id uuid, user_id uuid, body text) PARTITION BY LIST (organization_id);
CREATE TABLE parted_acme PARTITION OF parted FOR VALUES IN ('aaaaaaaa-0000-4000-8000-000000000000');
CREATE TABLE parted_globex PARTITION OF parted FOR VALUES IN ('bbbbbbbb-0000-4000-8000-000000000000');
\o /dev/null
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id',
                       owner => 'user_id', api_key => 'api_key_id', create_indexes => true);
SELECT tenancy.protect('parted', 'logs', organization => 'organization_id', workspace => 'workspace_id',
                       owner => 'user_id', create_indexes => true);
SELECT tenancy.protect('prompts', 'prompts', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true);
-- mona and ben see their own rows only, where they are managers
SELECT tenancy.set_setting('acme', 'managers_view_all_data', false);
\o
-- The guard's stamp depends on secrets.
CREATE FUNCTION plan(who text, query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  CALL app.become(who, true);
  PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true);
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    -- PostgreSQL 18 says so where these settings left no other way.
    CONTINUE WHEN line ~ '^ *Disabled: true$';
    RETURN NEXT regexp_replace(line, 'plan_guard\(''-?\d+''::bigint', 'plan_guard(STAMP', 'g');
  END LOOP;
END
$$;
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;

-- owner: the organization
SELECT plan('olivia', 'SELECT * FROM app.logs');
-- member with all rows: the workspace alone
SELECT plan('mike', 'SELECT * FROM app.logs');
-- two workspaces
SELECT plan('wanda', 'SELECT * FROM app.logs');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_workspace_role('acme/search', 'wanda@acme.test', 'member');
SET SESSION AUTHORIZATION regress_app;
SELECT plan('wanda', 'SELECT * FROM app.logs');
-- own rows
SELECT plan('mona', 'SELECT * FROM app.logs');
-- all rows in one workspace, own rows in another
SELECT plan('ben', 'SELECT * FROM app.logs');
-- nobody
SELECT plan('nobody', 'SELECT * FROM app.logs');
-- and with conditions of the query's own, which the server alone would check row by row
SELECT plan('nobody', 'SELECT * FROM app.logs WHERE user_id IS NOT NULL AND id > 0');
SELECT plan('nobody', 'SELECT * FROM app.parted WHERE id > 0');
SELECT plan('nobody', 'SELECT * FROM generate_series(1, 2) n LEFT JOIN app.logs ON id > n WHERE n > 0');
SELECT plan('nobody', 'UPDATE app.parted SET body = '''' WHERE id > 0');
-- a key, and when it expires
SELECT plan('search service', 'SELECT * FROM app.logs');
RESET SESSION AUTHORIZATION;
UPDATE tenancy.api_keys SET expires_at = '2100-01-01 00:00:00+00' WHERE name = 'search service';
SET timezone = 'UTC';
SET SESSION AUTHORIZATION regress_app;
SELECT plan('search service', 'SELECT * FROM app.logs');
-- partitions are pruned at planning: the organization is added where it is the partition key
SELECT plan('olivia', 'SELECT * FROM app.parted');
SELECT plan('mike', 'SELECT * FROM app.parted');
SELECT plan('gus', 'SELECT * FROM app.parted');
-- authorize() over a column
SELECT plan('mike', 'SELECT * FROM app.people WHERE tenancy.authorize(''logs'', ''view'')');
SELECT plan('mike', 'SELECT * FROM tenancy.authorize(''logs'', ''view'', ''aaaaaaaa-0000-4000-8000-000000000002''::uuid)');
CREATE TEMP TABLE boards (workspace_id uuid PRIMARY KEY);
SELECT plan('mike', 'SELECT * FROM pg_temp.boards WHERE tenancy.authorize(''logs'', ''view'', workspace_id)');
SELECT plan('nobody', 'SELECT * FROM pg_temp.boards WHERE tenancy.authorize(''logs'', ''view'', workspace_id)');
-- A change asks two policies, and somebody may add a restrictive one: comparisons are leakproof, and so indexes are used although
-- the guards are not.
SELECT plan('mike', 'UPDATE app.prompts SET body = NULL WHERE id > 0');
SELECT plan('mona', 'DELETE FROM app.prompts WHERE body > ''m''');
RESET SESSION AUTHORIZATION;
CREATE POLICY a_first_one ON logs AS RESTRICTIVE USING (body IS DISTINCT FROM 'secret');
SET SESSION AUTHORIZATION regress_app;
SELECT plan('mike', 'SELECT * FROM app.logs');
SELECT plan('mona', 'SELECT * FROM app.logs WHERE body > ''m''');
RESET SESSION AUTHORIZATION;
DROP POLICY a_first_one ON logs;
SET SESSION AUTHORIZATION regress_app;
-- By hand: a condition is like a policy's; elsewhere the call is false of NULL, and the guard comes first; over anything but the
-- row's columns it is left as it is.
CREATE TEMP TABLE calls AS SELECT * FROM (VALUES
  (1, 'SELECT * FROM app.made WHERE tenancy.row_visible(''logs'', ''view'', organization_id, workspace_id, user_id, NULL)'),
  (2, 'SELECT * FROM app.made WHERE tenancy.row_visible(''logs'', ''view'', organization_id, workspace_id, user_id, NULL) OR id = 1'),
  (3, 'SELECT * FROM app.made WHERE NOT tenancy.row_visible(''logs'', ''view'', organization_id, workspace_id, user_id, NULL)'),
  (4, 'SELECT * FROM app.made WHERE tenancy.row_visible(''logs'', ''view'', organization_id, workspace_id, user_id, NULL) IS NULL'),
  (5, 'SELECT * FROM app.made ORDER BY tenancy.row_visible(''logs'', ''view'', organization_id, workspace_id, user_id, NULL)'),
  (6, 'SELECT * FROM app.made WHERE tenancy.row_visible(''logs'', ''view'', organization_id, coalesce(workspace_id, organization_id), user_id, NULL)'),
  (7, 'SELECT * FROM app.made m WHERE tenancy.row_visible(''logs'', ''view'', organization_id, (SELECT m.workspace_id), user_id, NULL)'),
  (8, 'SELECT * FROM app.made WHERE tenancy.authorize(''logs'', ''view'', workspace_id) OR NOT tenancy.authorize(''logs'', ''list'', workspace_id)')) v (n, query);
\pset format unaligned
SELECT n, who, p FROM calls, unnest(ARRAY['mona', 'nobody']) who, LATERAL plan(who, query) p;
\pset format aligned
-- not specialized
RESET SESSION AUTHORIZATION;
SET tenancy.specialize = off;
SET SESSION AUTHORIZATION regress_app;
SELECT plan('mike', 'SELECT * FROM app.logs');
RESET SESSION AUTHORIZATION;
-- What the planner thinks the guard costs must not turn it to another plan than by hand, a parallel one for instance
RESET tenancy.specialize;
CREATE TABLE many (organization_id uuid, workspace_id uuid);
INSERT INTO many SELECT 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002' FROM generate_series(1, 20000);
ANALYZE many;
CREATE FUNCTION cost(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  RETURN plan -> 0 -> 'Plan' -> 'Total Cost';
END
$$;
SELECT cost('SELECT count(*) FROM app.many WHERE organization_id = ''aaaaaaaa-0000-4000-8000-000000000000''') AS by_hand \gset
\o /dev/null
SELECT tenancy.protect('many', 'logs', organization => 'organization_id', workspace => 'workspace_id', create_indexes => false);
\o
GRANT SELECT ON many TO regress_app;
SET SESSION AUTHORIZATION regress_app;
CALL app.become('olivia');
SELECT count(*) FROM app.many;
SELECT app.cost('SELECT count(*) FROM app.many') / :by_hand BETWEEN 1 AND 1.2 AS hardly_more;
RESET SESSION AUTHORIZATION;
