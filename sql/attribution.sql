-- Rows for somebody else: logs.attribute and traces.attribute, who holds and who can give them, and who really wrote a row.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
SELECT tenancy.create_observability('obs') \gset
GRANT USAGE ON SCHEMA obs TO regress_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA obs TO regress_app;
CREATE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE FUNCTION make_key(new_name text, member text, scopes jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO app.secrets SELECT new_name, secret FROM tenancy.create_api_key(CASE WHEN member IS NULL THEN 'workspace_service_key' ELSE 'workspace_user_key' END,
    new_name, 'acme', 'search', member, scopes);
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
GRANT INSERT ON app.secrets TO regress_app;
SELECT user_id AS mike FROM tenancy.users WHERE email = 'mike@acme.test' \gset
SELECT r.level, r.name, g.resource FROM tenancy.grants g JOIN tenancy.roles r USING (role_id) WHERE g.action = 'attribute' AND r.organization_id IS NULL ORDER BY 1, 2, 3;
SELECT outcome($$SELECT tenancy.register_permission('logs', 'attribute', 'again')$$) AS built_in;
SET SESSION AUTHORIZATION regress_app;
CALL become('acme master');
SELECT tenancy.authorize('logs', 'attribute') AS master_key, tenancy.authorize('logs', 'write') AS writes;
-- It makes admins and owners, as before, and gives the permission to nothing that names it.
SELECT outcome($$SELECT tenancy.set_organization_role('acme', 'nora@acme.test', 'admin')$$) AS admin,
       outcome($$SELECT tenancy.set_organization_role('acme', 'nora@acme.test', 'member')$$) AS back,
       outcome($$SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'admin')$$) AS workspace_admin,
       outcome($$SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'member')$$) AS back_again,
       outcome($$SELECT tenancy.invite('acme', 'new@acme.test', 'owner')$$) AS invited;
SELECT make_key('gateway', NULL, '["completions.write", "logs.attribute"]') AS gateway, make_key('all of olivia', 'olivia@acme.test', '"all"') AS all_of_olivia,
       make_key('named for olivia', 'olivia@acme.test', '["logs.write", "logs.attribute"]') AS named_for_olivia;
SELECT outcome($$SELECT tenancy.create_role('acme', 'workspace', 'writer')$$) AS made, outcome($$SELECT tenancy.grant_permission('acme', 'workspace', 'writer', 'logs', 'attribute')$$) AS granted;
-- A copy of a role doesn't have it, so that a key with every scope can make one.
SELECT outcome($$SELECT tenancy.create_role('acme', 'workspace', 'second', copy_of => 'admin')$$) AS copied;
CALL become('olivia');
SELECT make_key('gateway', NULL, '["completions.write", "logs.attribute", "traces.attribute"]') AS by_owner, make_key('plain', NULL, '["completions.write"]') AS plain,
       make_key('olivia names it', 'olivia@acme.test', '["logs.write", "logs.attribute"]') AS of_olivia;
SELECT outcome($$SELECT tenancy.grant_permission('acme', 'workspace', 'writer', 'logs', 'attribute')$$) AS granted_by_owner;
-- A role with it in hand is no longer the master key's to give.
CALL become('acme master');
SELECT outcome($$SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'writer')$$) AS writer;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT api_key_id AS gateway FROM tenancy.api_keys WHERE name = 'gateway' \gset
CREATE TABLE whom AS SELECT user_id, workspace_id FROM tenancy.users, tenancy.workspaces WHERE email = 'mike@acme.test' AND slug = 'search';
GRANT SELECT ON whom TO regress_app;
CREATE FUNCTION writes(who text, more text DEFAULT '', value text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  EXECUTE format('INSERT INTO obs.logs (request_model, workspace_id, user_id%s) SELECT %L, workspace_id, user_id%s FROM app.whom', more, who, value);
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
GRANT EXECUTE ON FUNCTION writes TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SELECT who, writes(who) FROM unnest(ARRAY['olivia', 'adam', 'mona', 'mike', 'acme master', 'gateway', 'plain', 'all of olivia', 'olivia names it']) who;
-- Who wrote it isn't for the writer to say.
SELECT writes('gateway', ', written_by', ', user_id') AS as_mike, writes('gateway', ', written_by', ', NULL::uuid') AS as_nobody, writes('olivia', ', written_by', ', user_id') AS olivia_as_mike,
       writes('gateway', ', written_by', ', tenancy.current_api_key_id()') AS itself;
-- Nor in a partition that is named: one that was there, made ahead, or attached since, by whoever
RESET SESSION AUTHORIZATION;
SELECT obs.create_partitions('0', now() + interval '40 days') > 0 AS made;
CREATE TABLE obs.attached (LIKE obs.logs INCLUDING CONSTRAINTS);
ALTER TABLE obs.logs ATTACH PARTITION obs.attached FOR VALUES FROM ('2021-01-01') TO ('2021-02-01');
CREATE TABLE obs.part PARTITION OF obs.traces FOR VALUES FROM ('2021-01-01') TO ('2022-01-01') PARTITION BY RANGE (start_time);
CREATE TABLE obs.part_of_part PARTITION OF obs.part FOR VALUES FROM ('2021-01-01') TO ('2021-02-01');
SELECT count(*) > 20 AS partitions, count(*) FILTER (WHERE NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t AND p.polname = 'written_by_session')) AS without
FROM unnest('{obs.logs,obs.log_payloads,obs.traces}'::regclass[]) r, pg_partition_tree(r) t (t);
SELECT count(*) FROM unnest('{obs.logs,obs.log_payloads,obs.traces}'::regclass[]) r, pg_partition_tree(r) t (t), pg_attribute a
WHERE a.attrelid = t AND a.attname = 'written_by' AND NOT a.atthasdef;
SELECT r.partition AS today FROM tenancy_steps.partition_ranges('obs.logs') r WHERE now() >= r.lower AND now() < r.upper AND NOT tenancy_steps.is_default_partition(r.partition) \gset
GRANT SELECT, INSERT ON :today, obs.attached TO regress_app;
CREATE FUNCTION writes_to(who text, part text, written_by text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  EXECUTE format('INSERT INTO %s (start_time, request_model, workspace_id, user_id, written_by) SELECT now(), %L, workspace_id, tenancy.current_user_id(), %s FROM app.whom', part, who, written_by);
  RAISE EXCEPTION 'written';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || regexp_replace(SQLERRM, '_(p[0-9]+|default)', '_pN');
END
$$;
GRANT EXECUTE ON FUNCTION writes_to TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SELECT writes_to('olivia', :'today', 'app.whom.user_id') AS as_mike, writes_to('olivia', :'today', 'NULL') AS as_nobody,
       writes_to('olivia', :'today', 'tenancy.current_user_id()') AS herself;
SELECT writes_to('olivia', 'obs.attached', 'app.whom.user_id') AS as_mike;
CALL become('mike');
SELECT l.request_model AS writer, l.user_id = :'mike' AS of_mike, l.written_by = :'gateway' AS by_gateway, l.written_by = l.user_id AS by_mike FROM obs.logs l ORDER BY l.request_model COLLATE "C", 3;
PREPARE by_default AS INSERT INTO obs.log_payloads (log_id, start_time, workspace_id, request) SELECT gen_random_uuid(), now(), workspace_id, '{}' FROM app.whom
  RETURNING written_by IS NOT DISTINCT FROM coalesce(tenancy.current_api_key_id(), tenancy.current_user_id()) AS by_session, written_by IS NULL AS by_nobody;
CALL become('olivia');
EXECUTE by_default;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
-- What somebody else writes as the content of a log isn't shown as such, and is no obstacle to the writer's own.
INSERT INTO tenancy.api_key_scopes SELECT k.api_key_id, 'logs', a FROM tenancy.api_keys k, unnest(ARRAY['list', 'view']) a WHERE k.name = 'plain';
CREATE FUNCTION writes_content(who text, log text, content text, name text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  IF name IS NOT NULL THEN
    INSERT INTO obs.logs (log_id, start_time, workspace_id, request_model) SELECT log::uuid, current_date, workspace_id, name FROM app.whom;
  END IF;
  INSERT INTO obs.log_payloads (log_id, start_time, workspace_id, request) SELECT log::uuid, current_date, workspace_id, to_jsonb(content) FROM app.whom;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || regexp_replace(SQLERRM, '_(p[0-9]+|default)_.*', '_pN');
END
$$;
GRANT EXECUTE ON FUNCTION writes_content TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SELECT writes_content('olivia', 'eeeeeeee-0000-4000-8000-000000000001', 'of olivia');
SELECT writes_content('plain', 'eeeeeeee-0000-4000-8000-000000000001', 'of the key', 'log of the key');
SELECT writes_content('plain', 'eeeeeeee-0000-4000-8000-000000000001', 'again');
CALL become('plain');
SELECT e.request_model, e.request FROM obs.log_entries e WHERE e.log_id = 'eeeeeeee-0000-4000-8000-000000000001';
SELECT p.request FROM obs.log_payloads p WHERE p.log_id = 'eeeeeeee-0000-4000-8000-000000000001' ORDER BY 1;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
-- A member's keys and tokens: no scope gives what the user lacks
SELECT make_key('mike names it', 'mike@acme.test', '["logs.write", "logs.attribute"]');
SET SESSION AUTHORIZATION regress_app;
SELECT writes('mike names it') AS for_himself;
CALL become('mike names it');
SELECT tenancy.authorize('logs', 'attribute') AS attributes, tenancy.authorize('logs', 'write') AS writes;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
DROP SCHEMA obs CASCADE;
-- Where no permission for it is registered, owners and admins in sessions of their own: no key has a scope that names it.
CREATE TABLE notes (id int GENERATED ALWAYS AS IDENTITY, organization_id uuid, workspace_id uuid, user_id uuid, api_key_id uuid, begun_by uuid);
SELECT tenancy.protect('notes', 'prompts', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id', initiator => 'begun_by', create_indexes => true);
SELECT make_key('prompts of olivia', 'olivia@acme.test', '["prompts.create"]'), make_key('service for prompts', NULL, '["prompts.create"]');
SELECT tenancy.set_workspace_role('acme/search', 'wanda@acme.test', 'admin'), make_key('prompts of wanda', 'wanda@acme.test', '["prompts.create"]');
SET SESSION AUTHORIZATION regress_app;
SELECT who, attempt(who, 'INSERT INTO app.notes (workspace_id, user_id) SELECT workspace_id, user_id FROM app.whom') AS for_mike,
       attempt(who, 'INSERT INTO app.notes (workspace_id, user_id, api_key_id) SELECT workspace_id, user_id, NULL FROM app.whom') AS by_no_key,
       attempt(who, 'INSERT INTO app.notes (workspace_id, begun_by) SELECT workspace_id, user_id FROM app.whom') AS begun_by_mike,
       attempt(who, 'INSERT INTO app.notes (workspace_id) SELECT workspace_id FROM app.whom') AS its_own
FROM unnest(ARRAY['olivia', 'wanda', 'mona', 'acme master', 'prompts of olivia', 'prompts of wanda', 'service for prompts']) who;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
