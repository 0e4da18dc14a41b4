-- API keys: what a new one stands for and may do.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
CREATE VIEW keys AS
SELECT k.name, k.kind, o.slug AS organization, w.slug AS workspace, u.email, k.all_scopes, k.expires_at, k.revoked_at IS NOT NULL AS revoked,
       (SELECT string_agg(s.resource || '.' || s.action, ' ' ORDER BY s.resource, s.action) FROM tenancy.api_key_scopes s WHERE s.api_key_id = k.api_key_id) AS scopes
FROM tenancy.api_keys k JOIN tenancy.organizations o USING (organization_id) LEFT JOIN tenancy.workspaces w USING (workspace_id) LEFT JOIN tenancy.users u USING (user_id);
-- Secrets: prefix, digits, checksum; no two are the same
SELECT count(DISTINCT s) AS different, bool_and(s ~ '^pgt_[0-9A-Za-z]{49}$') AS well_formed,
       bool_and(tenancy_internal.api_key_display_prefix(s) = left(s, 8)) AS shown, count(DISTINCT left(s, 8)) > 50 AS random
FROM (SELECT tenancy_internal.generate_api_key() AS s FROM generate_series(1, 100)) k;
SELECT tenancy_internal.api_key_display_prefix('pgt_something else') = '' AS nothing_shown;

-- The kinds
SELECT api_key_id, secret FROM tenancy.create_api_key('workspace_user_key', 'defaults', 'acme', 'search', 'mike@acme.test') \gset
SELECT * FROM keys WHERE name = 'defaults';
SET SESSION AUTHORIZATION regress_plain;
SET tenancy.api_key = :'secret';
SELECT kind, organization, workspace, email, api_key_id = :'api_key_id' AS id FROM tenancy.whoami();
RESET tenancy.api_key;
RESET SESSION AUTHORIZATION;
SELECT api_key_id IS NOT NULL AS made FROM tenancy.create_api_key('organization_service_key', 'org', 'acme', scopes => '{"prompts": "write", "metrics": "enabled"}', external_id => '77');
SELECT api_key_id IS NOT NULL AS made FROM tenancy.create_api_key('workspace_service_key', 'ws', workspace => 'acme/support', scopes => '["logs.view", "analytics.view"]', expires_at => '2100-01-01 UTC');
SELECT api_key_id IS NOT NULL AS made FROM tenancy.create_api_key('workspace_service_key', 'none', workspace => 'acme/support', scopes => '[]');
SELECT api_key_id IS NOT NULL AS made FROM tenancy.create_api_key('workspace_service_key', 'all', workspace => 'acme/support', scopes => '"all"');
SELECT name, kind, organization, workspace, email, all_scopes, expires_at AT TIME ZONE 'UTC' AS expires_at, scopes FROM keys WHERE name IN ('org', 'ws', 'none', 'all') ORDER BY name;

-- Levels, as section 5 of the access model has them
SELECT feature, level, (SELECT string_agg(resource || '.' || action, ' ' ORDER BY resource, action) FROM tenancy_internal.expand_scopes(jsonb_build_object(feature, level))) AS scopes
FROM (VALUES ('metrics', 'disabled'), ('metrics', 'enabled'), ('completions', 'disabled'), ('completions', 'enabled'),
             ('prompts', 'disabled'), ('prompts', 'read'), ('prompts', 'write'), ('prompts', 'delete'),
             ('configs', 'read'), ('configs', 'write'), ('configs', 'delete'), ('guardrails', 'read'), ('guardrails', 'write'), ('guardrails', 'delete'),
             ('integrations', 'read'), ('integrations', 'write'), ('integrations', 'delete'), ('providers', 'write'), ('models', 'delete'),
             ('users', 'disabled'), ('users', 'read'), ('users', 'write'), ('users', 'delete'),
             ('logs', 'disabled'), ('logs', 'list'), ('logs', 'view'), ('logs', 'export'), ('logs', 'write'), ('traces', 'view')) v (feature, level);
SELECT * FROM tenancy_internal.expand_scopes('{"logs": ["list", "view"], "prompts": "read"}') ORDER BY 1, 2;
SELECT * FROM tenancy_internal.expand_scopes(NULL) ORDER BY 1, 2;
SELECT * FROM tenancy_internal.expand_scopes('{}');
SELECT state, message, hint FROM (VALUES ('{"prompt": "read"}'), ('{"prompts": "reed"}'), ('{"prompts": null}'), ('{"logs": ["list", "vieuw"]}'), ('{"logs": {"list": true}}'), ('["logs.vieuw"]'), ('["logs"]'), ('[1]'), ('"some"'), ('1'), ('null')) v (scopes),
  failure(format('SELECT tenancy_internal.expand_scopes(%L)', scopes));

-- A user key has of its scopes those that its user holds in the workspace, but writes what a completion leaves behind.
CREATE FUNCTION held(secret text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  scopes text;
BEGIN
  CALL app.become('nobody', true);
  PERFORM set_config('tenancy.api_key', secret, true);
  SELECT string_agg(p.resource || '.' || p.action, ' ' ORDER BY p.resource, p.action) INTO scopes FROM tenancy.permissions p WHERE tenancy.authorize(p.resource, p.action);
  PERFORM set_config('tenancy.api_key', '', true);
  RETURN scopes;
END
$$;
SELECT regexp_replace(held(secret), '(.{80}\S*) ', E'\\1\n', 'g') AS held FROM tenancy.create_api_key('workspace_user_key', 'user, all', 'acme', 'search', 'mike@acme.test', '"all"');
SELECT regexp_replace(held(secret), '(.{80}\S*) ', E'\\1\n', 'g') AS held FROM tenancy.create_api_key('workspace_user_key', 'manager, all', 'acme', 'search', 'mona@acme.test', '"all"');
SELECT regexp_replace(held(secret), '(.{80}\S*) ', E'\\1\n', 'g') AS held FROM tenancy.create_api_key('workspace_user_key', 'user, some', 'acme', 'search', 'mike@acme.test', '["prompts.view", "prompts.delete", "logs.write", "api_keys.create"]');
SELECT regexp_replace(held(secret), '(.{80}\S*) ', E'\\1\n', 'g') AS held FROM tenancy.create_api_key('workspace_user_key', 'no member', 'acme', 'support', 'mike@acme.test', '"all"');
SELECT regexp_replace(held(secret), '(.{80}\S*) ', E'\\1\n', 'g') AS held FROM tenancy.create_api_key('workspace_service_key', 'service, some', 'acme', 'search', NULL, '["prompts.view", "prompts.delete", "logs.write", "api_keys.create"]');
SELECT length(held(secret)) = (SELECT length(string_agg(resource || '.' || action, ' ')) FROM tenancy.permissions WHERE action <> 'attribute') AS everything FROM tenancy.create_api_key('organization_service_key', 'organization, all', 'acme', scopes => '"all"');

-- Contradictory arguments
SELECT state, message, hint FROM (VALUES
  ('''workspace_key'', ''k'', ''acme'', ''search'''),
  ('NULL, ''k'', ''acme'', ''search'''),
  ('''workspace_service_key'', ''k'', ''acme'''),
  ('''workspace_service_key'', ''k'''),
  ('''organization_service_key'', ''k'', ''acme'', ''search'''),
  ('''organization_service_key'', ''k'', ''acme'', member => ''mike@acme.test'''),
  ('''workspace_service_key'', ''k'', ''acme'', ''search'', ''mike@acme.test'''),
  ('''workspace_user_key'', ''k'', ''acme'', ''search'''),
  ('''workspace_user_key'', ''k'', ''acme'', ''search'', ''gus@globex.test'''),
  ('''workspace_service_key'', ''k'', ''acme'', ''lab'''),
  ('''workspace_service_key'', '''', ''acme'', ''search'''),
  ('''workspace_service_key'', ''k'', ''acme'', ''search'', expires_at => ''2000-01-01'''),
  ('''workspace_service_key'', ''k'', ''acme'', ''search'', scopes => ''{"logs": "all"}''')) v (arguments),
  failure(format('SELECT tenancy.create_api_key(%s)', arguments));

-- Revoked for good
SELECT tenancy.revoke_api_key(:'api_key_id');
SELECT revoked FROM keys WHERE name = 'defaults';
SET SESSION AUTHORIZATION regress_plain;
SET tenancy.api_key = :'secret';
SELECT * FROM tenancy.whoami();
RESET tenancy.api_key;
RESET SESSION AUTHORIZATION;
SELECT revoked_at FROM tenancy.api_keys WHERE api_key_id = :'api_key_id' \gset
SELECT tenancy.revoke_api_key(:'api_key_id');
SELECT revoked_at = :'revoked_at' AS unchanged FROM tenancy.api_keys WHERE api_key_id = :'api_key_id';
SELECT tenancy.revoke_api_key('00000000-0000-0000-0000-000000000000');
