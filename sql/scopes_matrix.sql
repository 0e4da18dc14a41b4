-- Levels of API keys, cell by cell: what a key that was made with {"feature": "level"} may do, and nothing else.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world

-- The model's table, spelled out by hand. Nothing here is read from the extension.
CREATE TABLE levels (feature text, level text, resource text, actions text, PRIMARY KEY (feature, level, resource));
INSERT INTO levels VALUES
  ('metrics', 'disabled', 'analytics', ''),
  ('metrics', 'enabled', 'analytics', 'view filter group'),
  ('completions', 'disabled', 'completions', ''),
  ('completions', 'enabled', 'completions', 'write'),
  ('completions', 'enabled', 'logs', 'write'),
  ('completions', 'enabled', 'traces', 'write'),
  ('completions', 'enabled', 'analytics', 'write'),
  ('prompts', 'disabled', 'prompts', ''),
  ('prompts', 'read', 'prompts', 'list view'),
  ('prompts', 'write', 'prompts', 'list view create update publish'),
  ('prompts', 'delete', 'prompts', 'list view create update publish delete'),
  ('configs', 'disabled', 'configs', ''),
  ('configs', 'read', 'configs', 'list view'),
  ('configs', 'write', 'configs', 'list view create update'),
  ('configs', 'delete', 'configs', 'list view create update delete'),
  ('guardrails', 'disabled', 'guardrails', ''),
  ('guardrails', 'read', 'guardrails', 'list view'),
  ('guardrails', 'write', 'guardrails', 'list view create update'),
  ('guardrails', 'delete', 'guardrails', 'list view create update delete'),
  ('integrations', 'disabled', 'integrations', ''),
  ('integrations', 'read', 'integrations', 'list copy'),
  ('integrations', 'write', 'integrations', 'list copy create edit duplicate'),
  ('integrations', 'delete', 'integrations', 'list copy create edit duplicate delete'),
  ('providers', 'disabled', 'providers', ''),
  ('providers', 'read', 'providers', 'list copy'),
  ('providers', 'write', 'providers', 'list copy create edit duplicate'),
  ('providers', 'delete', 'providers', 'list copy create edit duplicate delete'),
  ('models', 'disabled', 'models', ''),
  ('models', 'read', 'models', 'list copy'),
  ('models', 'write', 'models', 'list copy create edit duplicate'),
  ('models', 'delete', 'models', 'list copy create edit duplicate delete'),
  ('users', 'disabled', 'team', ''),
  ('users', 'read', 'team', 'list view'),
  ('users', 'write', 'team', 'list view add_users assign_roles'),
  ('users', 'delete', 'team', 'list view add_users assign_roles'),
  ('logs', 'disabled', 'logs', ''),
  ('logs', 'list', 'logs', 'list'),
  ('logs', 'view', 'logs', 'view filter group'),
  ('logs', 'export', 'logs', 'export'),
  ('logs', 'write', 'logs', 'write'),
  ('traces', 'disabled', 'traces', ''),
  ('traces', 'list', 'traces', 'list'),
  ('traces', 'view', 'traces', 'view filter group'),
  ('traces', 'export', 'traces', 'export'),
  ('traces', 'write', 'traces', 'write');
CREATE VIEW cells AS
SELECT feature, level, coalesce(array_agg(resource || '.' || action ORDER BY resource || '.' || action) FILTER (WHERE action <> ''), '{}') AS scopes
FROM levels LEFT JOIN LATERAL string_to_table(actions, ' ') action ON true GROUP BY feature, level;

-- Permissions of a session with the key in that place (NULL: on the organization), sorted; or its error.
CREATE FUNCTION permissions_of(key text, place text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  found text[];
BEGIN
  CALL app.become(key, true);
  SELECT coalesce(array_agg(p.resource || '.' || p.action ORDER BY p.resource || '.' || p.action), '{}') INTO found
  FROM tenancy.permissions() p WHERE p.workspace IS NOT DISTINCT FROM place;
  RETURN found;
EXCEPTION WHEN OTHERS THEN
  RETURN ARRAY[SQLSTATE || ': ' || SQLERRM];
END
$$;
-- And whether authorize() says the same of every registered permission.
CREATE FUNCTION authorized(key text, place text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  found text[];
BEGIN
  CALL app.become(key, true);
  SELECT coalesce(array_agg(p.resource || '.' || p.action ORDER BY p.resource || '.' || p.action), '{}') INTO found
  FROM tenancy.permissions p WHERE tenancy.authorize(p.resource, p.action, place);
  RETURN found;
EXCEPTION WHEN OTHERS THEN
  RETURN ARRAY[SQLSTATE || ': ' || SQLERRM];
END
$$;
CREATE FUNCTION make_key(name text, kind text, workspace text, scopes jsonb, member text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
  INSERT INTO app.secrets SELECT name, k.secret FROM tenancy.create_api_key(kind, name, 'acme', workspace, member, scopes) k
$$;

-- A workspace service key, an organization service key, and mona's and mike's user keys, for each cell.
\o /dev/null
SELECT make_key(format('service %s %s', feature, level), 'workspace_service_key', 'search', jsonb_build_object(feature, level)) FROM cells;
SELECT make_key(format('organization %s %s', feature, level), 'organization_service_key', NULL, jsonb_build_object(feature, level)) FROM cells;
SELECT make_key(format('%s %s %s', who, feature, level), 'workspace_user_key', 'search', jsonb_build_object(feature, level), who || '@acme.test')
FROM cells, unnest(ARRAY['mona', 'mike']) who;
\o
GRANT SELECT ON ALL TABLES IN SCHEMA app TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
CREATE TEMP TABLE found AS
SELECT c.feature, c.level, c.scopes AS expected, permissions_of(format('service %s %s', c.feature, c.level), 'search') AS in_search,
       authorized(format('service %s %s', c.feature, c.level), 'search') AS authorized,
       permissions_of(format('service %s %s', c.feature, c.level), NULL) AS on_organization,
       authorized(format('service %s %s', c.feature, c.level), 'support') AS in_support,
       permissions_of(format('organization %s %s', c.feature, c.level), 'search') AS of_organization_in_search,
       permissions_of(format('organization %s %s', c.feature, c.level), 'support') AS of_organization_in_support,
       permissions_of(format('organization %s %s', c.feature, c.level), NULL) AS of_organization
FROM cells c ORDER BY 1, 2;
-- The table as it is
SELECT feature, level, array_to_string(in_search, ' ') AS permissions FROM found ORDER BY 1, 2;
-- Where it isn't as the model says: nowhere
SELECT * FROM found WHERE in_search <> expected OR authorized <> expected OR on_organization <> '{}' OR in_support <> '{}'
  OR of_organization_in_search <> expected OR of_organization_in_support <> expected OR of_organization <> expected;
-- A user key: what the user holds of it in the workspace; what a completion leaves behind by the scope alone
CREATE TEMP TABLE users_own AS SELECT who, permissions_of(who, 'search') AS held FROM unnest(ARRAY['mona', 'mike']) who;
CREATE TEMP TABLE by_user AS
SELECT u.who, c.feature, c.level, permissions_of(format('%s %s %s', u.who, c.feature, c.level), 'search') AS actual,
       ARRAY(SELECT s FROM unnest(c.scopes) s WHERE s = ANY (u.held) OR s IN ('completions.write', 'logs.write', 'traces.write', 'analytics.write') ORDER BY s) AS expected
FROM users_own u, cells c;
SELECT * FROM by_user WHERE actual <> expected;
SELECT who, feature, level, array_to_string(actual, ' ') AS permissions FROM by_user
WHERE feature IN ('completions', 'prompts', 'integrations', 'users') AND level IN ('enabled', 'delete') ORDER BY 1, 2, 3;
RESET SESSION AUTHORIZATION;

-- The defaults, several features, several levels, single scopes, everything, nothing
\o /dev/null
SELECT make_key('default', 'workspace_service_key', 'search', NULL), make_key('default of mike', 'workspace_user_key', 'search', NULL, 'mike@acme.test'),
       make_key('several', 'workspace_service_key', 'search', '{"logs": ["list", "write"], "traces": ["view", "disabled"], "metrics": "enabled", "prompts": "disabled"}'),
       make_key('single', 'workspace_service_key', 'search', '["logs.view", "analytics.view", "logs.view"]'),
       make_key('nothing', 'workspace_service_key', 'search', '[]'), make_key('empty', 'workspace_service_key', 'search', '{}'),
       make_key('of the organization', 'workspace_service_key', 'search', '["billing.manage", "organization.update", "audit_logs.list"]'),
       make_key('everything in search', 'workspace_service_key', 'search', '"all"'),
       make_key('everything of mike', 'workspace_user_key', 'search', '"all"', 'mike@acme.test'),
       make_key('everything of mona', 'workspace_user_key', 'search', '"all"', 'mona@acme.test'),
       make_key('everything of olivia', 'workspace_user_key', 'search', '"all"', 'olivia@acme.test'),
       make_key('everything of nora', 'workspace_user_key', 'search', '"all"', 'nora@acme.test');
\o
SET SESSION AUTHORIZATION regress_app;
SELECT key, array_to_string(permissions_of(key, 'search'), ' ') AS permissions FROM unnest(ARRAY['default', 'default of mike', 'several', 'single', 'nothing', 'empty', 'of the organization', 'everything of nora']) key;
-- Everything, or all but what is the organization's, or the user's rights and what a completion leaves behind, but never the management of keys
CREATE TEMP TABLE registered AS SELECT resource || '.' || action AS scope, resource FROM tenancy.permissions;
SELECT key, cardinality(permissions_of(key, 'search')) AS permissions,
       ARRAY(SELECT scope FROM registered WHERE resource NOT IN ('organization', 'billing', 'audit_logs') AND scope <> 'team.sync_groups' EXCEPT SELECT unnest(permissions_of(key, 'search')) ORDER BY 1) AS not_held
FROM unnest(ARRAY['acme master', 'everything in search', 'everything of olivia']) key;
SELECT permissions_of('acme master', NULL) = ARRAY(SELECT scope FROM registered WHERE scope NOT LIKE '%.attribute' ORDER BY scope) AS master_has_all_on_the_organization,
       permissions_of('everything in search', NULL) AS on_organization, permissions_of('everything of olivia', NULL) AS olivias_key_on_organization;
SELECT key, ARRAY(SELECT unnest(permissions_of(key, 'search')) EXCEPT SELECT unnest(permissions_of(who, 'search')) ORDER BY 1) AS more_than_the_user,
       ARRAY(SELECT unnest(permissions_of(who, 'search')) EXCEPT SELECT unnest(permissions_of(key, 'search')) ORDER BY 1) AS less
FROM (VALUES ('everything of olivia', 'olivia'), ('everything of mona', 'mona'), ('everything of mike', 'mike')) v (key, who);

-- Each registered permission as a single scope gives just itself: to an organization service key on the organization and in every
-- workspace (but for what is the organization's), to a workspace service key in its workspace
RESET SESSION AUTHORIZATION;
\o /dev/null
SELECT make_key('o ' || resource || '.' || action, 'organization_service_key', NULL, jsonb_build_array(resource || '.' || action)),
       make_key('w ' || resource || '.' || action, 'workspace_service_key', 'search', jsonb_build_array(resource || '.' || action)) FROM tenancy.permissions;
\o
SET SESSION AUTHORIZATION regress_app;
SELECT count(*) AS scopes, count(*) FILTER (WHERE permissions_of('o ' || scope, NULL) = ARRAY[scope]) AS on_organization,
       count(*) FILTER (WHERE permissions_of('o ' || scope, 'support') = ARRAY[scope]) AS in_workspaces,
       count(*) FILTER (WHERE permissions_of('w ' || scope, 'search') = ARRAY[scope]) AS by_workspace_keys,
       count(*) FILTER (WHERE permissions_of('w ' || scope, 'support') = '{}' AND permissions_of('w ' || scope, NULL) = '{}') AS nothing_elsewhere
FROM registered;

-- Single scopes in the words of gateways: a level where no permission has that name, and completions.write with what a completion leaves behind
RESET SESSION AUTHORIZATION;
\o /dev/null
SELECT make_key('words ' || scopes, 'workspace_service_key', 'search', scopes::jsonb)
FROM unnest(ARRAY['["completions.write"]', '["completions.enabled"]', '["prompts.read"]', '["prompts.write"]', '["prompts.delete"]', '["integrations.delete"]', '["users.read"]', '["metrics.enabled"]', '["logs.view", "prompts.disabled"]']) scopes;
\o
SET SESSION AUTHORIZATION regress_app;
SELECT scopes, array_to_string(permissions_of('words ' || scopes, 'search'), ' ') AS held
FROM unnest(ARRAY['["completions.write"]', '["completions.enabled"]', '["prompts.read"]', '["prompts.write"]', '["prompts.delete"]', '["integrations.delete"]', '["users.read"]', '["metrics.enabled"]', '["logs.view", "prompts.disabled"]']) scopes;
-- What is neither
RESET SESSION AUTHORIZATION;
SELECT scopes, f.state, f.message, f.hint FROM unnest(ARRAY['["prompts.raed"]', '["prompts.enabled"]', '["portkey.prompts.read"]', '["api_keys.read"]', '[".read"]', '["prompts."]']) scopes,
  failure(format('SELECT tenancy.create_api_key(''workspace_service_key'', ''k'', ''acme'', ''search'', scopes => %L)', scopes)) f;

SET SESSION AUTHORIZATION regress_app;
-- A user key follows its user: fewer rights, own rows, locked out; out of the workspace it ends for good
CREATE FUNCTION pg_temp.rows_of(key text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(key, true);
  RETURN (SELECT string_agg(DISTINCT p.rows, ' ') || ' of ' || count(*) FROM tenancy.permissions() p);
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;
SELECT pg_temp.rows_of('everything of mike'), pg_temp.rows_of('mike'), pg_temp.rows_of('everything in search');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'members_view_all_data', false), tenancy.set_setting('acme', 'members_view_prompts', false);
SET SESSION AUTHORIZATION regress_app;
SELECT pg_temp.rows_of('everything of mike'), pg_temp.rows_of('everything in search'), pg_temp.rows_of('everything of mona');
SELECT array_to_string(permissions_of('mike prompts delete', 'search'), ' ') AS mikes, array_to_string(permissions_of('mona prompts delete', 'search'), ' ') AS monas,
       array_to_string(permissions_of('service prompts delete', 'search'), ' ') AS services;
RESET SESSION AUTHORIZATION;
SELECT tenancy.remove_workspace_member('acme/search', 'mike@acme.test');
SET SESSION AUTHORIZATION regress_app;
SELECT permissions_of('everything of mike', 'search') AS mikes, cardinality(permissions_of('everything of mona', 'search')) AS monas;
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'member');
SET SESSION AUTHORIZATION regress_app;
SELECT permissions_of('everything of mike', 'search') AS mikes;
RESET SESSION AUTHORIZATION;
-- For the rest of this file, the catalogs' owner brings them back.
UPDATE tenancy.api_keys SET revoked_at = NULL WHERE user_id = 'cccccccc-0000-4000-8000-000000000004';
UPDATE tenancy.users SET active = false WHERE email = 'mike@acme.test';
SET SESSION AUTHORIZATION regress_app;
SELECT permissions_of('everything of mike', 'search') AS mikes, cardinality(permissions_of('everything of mona', 'search')) AS monas;
RESET SESSION AUTHORIZATION;
UPDATE tenancy.users SET active = true;
SET SESSION AUTHORIZATION regress_app;
SELECT cardinality(permissions_of('everything of mike', 'search')) AS mikes;
RESET SESSION AUTHORIZATION;

-- A key's own to write: by the scope, although no role of the user has it
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id', create_indexes => true);
SET SESSION AUTHORIZATION regress_app;
SELECT who, attempt(who, 'INSERT INTO app.logs (id) VALUES (100)') AS outcome
FROM unnest(ARRAY['mike', 'mike completions enabled', 'mike completions disabled', 'mike logs write', 'mike logs view', 'everything of nora', 'default', 'service logs view', 'organization logs write']) who;
RESET SESSION AUTHORIZATION;

-- An unknown name is an error that suggests the nearest
SELECT scopes, f.state, f.message, f.hint
FROM unnest(ARRAY['{"metric": "enabled"}', '{"logs": "viewe"}', '{"prompts": "enabled"}', '{"completions": "write"}', '{"logs": ["view", "lst"]}', '{"team": "read"}', '{"api_keys": "write"}',
                  '{"Logs": "view"}', '{"logs": 3}', '{"logs": {"view": true}}', '{"logs": [["view"]]}', '{"": ""}', '["logs.vieuw"]', '["logs"]', '["logs."]', '["logs.view.x"]', '["*"]',
                  '[1]', '[null]', '[["logs.view"]]', '"everything"', '3', 'true', 'null']) scopes,
     failure(format('SELECT tenancy.create_api_key(''workspace_service_key'', ''k'', ''acme'', ''search'', scopes => %L)', scopes)) f;
SELECT scopes, (failure(format('SELECT tenancy.create_api_key(''workspace_service_key'', ''k'', ''acme'', ''search'', scopes => %L)', scopes))).state
FROM unnest(ARRAY['{"logs": null}', '{"logs": [null]}', '{"logs": []}', '{"logs": "disabled"}']) scopes;
-- Kinds, workspaces and users that don't go together
SELECT arguments, f.state, f.message, f.hint
FROM unnest(ARRAY['''workspace_servise_key'', ''k'', ''acme'', ''search''', 'NULL, ''k'', ''acme''', '''organization_service_key'', ''k'', ''acme'', ''search''', '''workspace_service_key'', ''k'', ''acme''',
                  '''workspace_service_key'', ''k'', ''acme'', ''search'', ''mike@acme.test''', '''organization_service_key'', ''k'', ''acme'', NULL, ''mike@acme.test''', '''workspace_user_key'', ''k'', ''acme'', ''search''',
                  '''workspace_user_key'', ''k'', ''acme'', ''search'', ''gus@globex.test''', '''workspace_user_key'', ''k'', ''acme'', ''lab'', ''mike@acme.test''', '''workspace_service_key'', '''', ''acme'', ''search''',
                  '''workspace_service_key'', NULL, ''acme'', ''search''', '''workspace_service_key'', ''k'', ''acme'', ''search'', expires_at => ''2020-01-01''']) arguments,
     failure(format('SELECT tenancy.create_api_key(%s)', arguments)) f;
