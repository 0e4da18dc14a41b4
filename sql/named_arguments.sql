-- References by name or id everywhere, and the organization left out: then it is the session's own.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
-- In every function, an organization is called that and has a default. Exceptions: ends of tenants and exports are never by default,
-- and an issuer that a DBA trusts for no organization counts in all of them.
SELECT p.proname, a.n AS position FROM pg_proc p, unnest(p.proargnames[:p.pronargs]) WITH ORDINALITY a (name, n)
WHERE p.pronamespace = 'tenancy'::regnamespace AND a.name = 'organization' AND p.pronargs - p.pronargdefaults >= a.n AND p.proargtypes[a.n - 1] = 'text'::regtype ORDER BY 1;
-- It comes first, except after what already says whose it is: a key, login, identity, query or time.
SELECT p.proname, p.proargnames[a.n - 1] AS after FROM pg_proc p, unnest(p.proargnames[:p.pronargs]) WITH ORDINALITY a (name, n)
WHERE p.pronamespace = 'tenancy'::regnamespace AND a.name = 'organization' AND a.n > 1 AND p.proargtypes[a.n - 1] = 'text'::regtype ORDER BY 1;
-- and no function that people call takes a key, workspace or member by id only (is_kept() is called by policies)
SELECT p.proname FROM pg_proc p, unnest(p.proargnames[:p.pronargs]) WITH ORDINALITY a (name, n)
WHERE p.pronamespace = 'tenancy'::regnamespace AND p.proname <> 'is_kept' AND a.name IN ('workspace', 'member', 'api_key', 'api_key_id') AND p.proargtypes[a.n - 1] = 'uuid'::regtype
  AND NOT EXISTS (SELECT FROM pg_proc o WHERE o.pronamespace = p.pronamespace AND o.proname = p.proname AND o.proargtypes[a.n - 1] = 'text'::regtype) ORDER BY 1;

-- An owner in its own organization
SET SESSION AUTHORIZATION regress_app;
CALL app.become('olivia', false);
SELECT tenancy.create_workspace(name => 'Sales') IS NOT NULL AS workspace;
SELECT tenancy.create_role(level => 'organization', name => 'auditor', all_workspaces => true) IS NOT NULL AS role;
SELECT tenancy.grant_permission(level => 'organization', role => 'auditor', resource => 'audit_logs', action => 'list');
SELECT tenancy.revoke_permission(level => 'organization', role => 'auditor', resource => 'audit_logs', action => 'list');
SELECT tenancy.set_organization_role(member => 'nora@acme.test', role => 'auditor');
SELECT tenancy.set_setting(setting => 'members_view_all_data', value => false);
SELECT value FROM tenancy.settings() WHERE setting = 'members_view_all_data';
SELECT tenancy.reset_setting(setting => 'members_view_all_data');
SELECT tenancy.allow_workspace_overrides(category => 'logs', allowed => true);
SELECT tenancy.set_role_visibility(role => 'manager', all_rows => false);
SELECT tenancy.remove_organization_member(member => 'nora@acme.test');
SELECT tenancy.drop_role(level => 'organization', name => 'auditor');
SELECT tenancy.create_group(name => 'carers') IS NOT NULL AS "group";
SELECT tenancy.sync_group("group" => 'carers', members => '{mike@acme.test}');
SELECT tenancy.drop_group("group" => 'carers');
SELECT tenancy.invite(email => 'new@acme.test') IS NOT NULL AS invitation;
SELECT tenancy.set_member(member => 'mike@acme.test', name => 'Mike of Acme');
SELECT tenancy.update_organization(name => 'Acme Limited');
SELECT tenancy.set_key_policy();
SELECT key_max_age, key_warning FROM tenancy.organizations;
SELECT tenancy.set_key_policy(max_age => NULL);
SELECT tenancy.allow_elevation(role => 'organization/admin', subject => 'mike@acme.test');
SELECT maximum FROM tenancy.elevation_rules;
SELECT tenancy.allow_elevation(role => 'organization/admin', subject => 'mike@acme.test', maximum => NULL);
SELECT tenancy.set_jwks(jwks => '{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}');
-- What must be given is missing
SELECT f.message, f.state FROM unnest(ARRAY[
  'create_workspace()', 'create_role(level => ''organization'')', 'create_role(name => ''x'')', 'drop_role(level => ''workspace'')', 'drop_role(name => ''x'')',
  'grant_permission(level => ''workspace'', role => ''member'')', 'grant_permission(level => ''workspace'', role => ''member'', resource => ''logs'')',
  'set_organization_role(role => ''member'')', 'set_organization_role(member => ''mike@acme.test'')', 'remove_organization_member()', 'set_setting()',
  'set_setting(setting => ''members_view_logs'')', 'reset_setting()', 'allow_workspace_overrides()', 'allow_workspace_overrides(category => ''logs'')',
  'set_role_visibility()', 'allow_elevation()', 'allow_elevation(role => ''organization/admin'')', 'set_jwks()', 'create_group()', 'drop_group()', 'sync_group("group" => ''x'')', 'sync_group(members => ''{}'')', 'invite()', 'set_member()']) call, failure('SELECT tenancy.' || call) f;
-- what is left out removes nothing
SELECT kid FROM tenancy.jwt_keys;
SELECT tenancy.set_jwks(jwks => NULL);
SELECT count(*) FROM tenancy.jwt_keys;

-- Keys by name
SELECT api_key_id AS one FROM tenancy.create_api_key('workspace_service_key', 'Importer', NULL, 'search', scopes => '["logs.view"]') \gset
SELECT api_key_id AS two FROM tenancy.create_api_key('workspace_service_key', 'Twin', NULL, 'search', scopes => '["logs.view"]') \gset
SELECT api_key_id AS three FROM tenancy.create_api_key('workspace_service_key', 'Twin', NULL, 'support', scopes => '["logs.view"]') \gset
SELECT tenancy.update_api_key('Importer', name => 'Reader');
SELECT tenancy.rotate_api_key('Reader') IS NOT NULL AS rotated;
SELECT tenancy.end_api_key_transition('Reader');
SELECT tenancy.revoke_api_key('Reader');
SELECT name, revoked_at IS NOT NULL AS revoked FROM tenancy.api_keys WHERE api_key_id = :'one';
SELECT f.* FROM unnest('{Importer,Twin}'::text[]) name, failure(format('SELECT tenancy.revoke_api_key(%L)', name)) f;
-- A name that is another key's id doesn't shadow it; one that is another's external id is ambiguous
SELECT tenancy.update_api_key(:'three', name => :'two');
SELECT tenancy.revoke_api_key(:'two');
SELECT api_key_id = :'two' AS first, revoked_at IS NOT NULL AS revoked FROM tenancy.api_keys WHERE api_key_id IN (:'two', :'three') ORDER BY 1 DESC;
RESET SESSION AUTHORIZATION;
RESET tenancy."user";
UPDATE tenancy.api_keys SET external_id = 'ext' WHERE api_key_id = :'three';
UPDATE tenancy.api_keys SET name = 'ext' WHERE api_key_id = :'two';
SELECT tenancy.delete_api_key('ext', organization => 'acme');
UPDATE tenancy.api_keys SET name = 'Two' WHERE api_key_id = :'two';
SELECT tenancy.delete_api_key('ext', organization => 'acme');
SELECT api_key_id = :'three' AS by_external_id FROM tenancy.api_keys WHERE deleted_at IS NOT NULL;
-- Another organization's keys, and those that the session may not list, are not found
SELECT api_key_id AS theirs FROM tenancy.create_api_key('organization_service_key', 'Globex only', 'globex', scopes => '["logs.view"]') \gset
SET SESSION AUTHORIZATION regress_app;
CALL app.become('olivia', false);
SELECT f.* FROM unnest('{Globex only,Reader}'::text[]) name, failure(format('SELECT tenancy.delete_api_key(%L)', name)) f;
SELECT f.state FROM failure(format('SELECT tenancy.delete_api_key(%L)', :'theirs')) f;
SELECT * FROM failure('SELECT tenancy.delete_api_key(''Globex only'', ''globex'')');
CALL app.become('mike', false);
SELECT f.* FROM unnest('{Reader,Nothing}'::text[]) name, failure(format('SELECT tenancy.delete_api_key(%L)', name)) f;
RESET SESSION AUTHORIZATION;
RESET tenancy."user";
-- A DBA without an organization: names are the tenants' choice, ids are not
SELECT * FROM failure($$SELECT tenancy.delete_api_key('Globex only')$$);
SELECT * FROM failure($$SELECT tenancy.delete_api_key('Globex only', 'acme')$$);
SELECT tenancy.delete_api_key('Globex only', 'globex');
SELECT tenancy.delete_api_key(:'one');
SELECT name, deleted_at IS NOT NULL AS deleted FROM tenancy.api_keys WHERE api_key_id IN (:'one', :'theirs') ORDER BY 1;

-- Every function that takes a workspace, member, role, group or key: by id, by name, and by external id where it has one
UPDATE tenancy.organizations SET external_id = 'ext-o' WHERE slug = 'acme';
UPDATE tenancy.workspaces SET external_id = 'ext-w' WHERE workspace_id = 'aaaaaaaa-0000-4000-8000-000000000002';
UPDATE tenancy.users SET external_id = 'ext-m' WHERE email = 'mike@acme.test';
SELECT tenancy.create_group('acme', 'carers') AS the_group \gset
SELECT tenancy.create_role('acme', 'workspace', 'reader') AS the_role \gset
SELECT api_key_id AS the_key FROM tenancy.create_api_key('workspace_service_key', 'Reader 2', 'acme', 'search', scopes => '["logs.view"]', external_id => 'ext-k') \gset
SELECT tenancy.trust_issuer('acme', 'https://idp.test', '{"kty": "OKP", "crv": "Ed25519", "kid": "idp", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}', '{database}');
CREATE TABLE forms (form text, o text, w text, m text, r text, g text, k text);
INSERT INTO forms VALUES
  ('id', 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'cccccccc-0000-4000-8000-000000000004', :'the_role', :'the_group', :'the_key'),
  ('name', 'acme', 'acme/search', 'Mike@ACME.test', 'reader', 'carers', 'Reader 2'),
  ('external id', 'ext-o', 'ext-o/ext-w', 'ext-m', 'reader', 'carers', 'ext-k');
CREATE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  RAISE EXCEPTION USING ERRCODE = 'DONE0';
EXCEPTION
  WHEN SQLSTATE 'DONE0' THEN RETURN 'done';
  WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE TABLE calls (call text);
INSERT INTO calls SELECT unnest(ARRAY['access_matrix({o})', 'access_review({o})', 'allow_elevation({o}, {r}, {m})', 'allow_elevation({o}, {r}, ''group/'' || {g})', 'allow_workspace_overrides({o}, ''logs'', true)',
  'bind_login(''regress_plain'', {m}, {o}, {w})', 'close_organization({o})', 'create_api_key(''workspace_user_key'', ''n'', {o}, {w}, {m}, ''["logs.view"]'')', 'create_group({o}, ''n'')',
  'create_role({o}, ''workspace'', ''n'', copy_of => {r})', 'create_workspace({o}, ''n'')', 'delete_api_key({k}, {o})', 'delete_workspace({w}, with_rows => true)', 'drop_group({o}, {g})', 'drop_role({o}, ''workspace'', {r})',
  'end_api_key_transition({k}, {o})', 'explain_authorize(''logs'', ''view'', {w})', 'export_organization({o})', 'grant_permission({o}, ''workspace'', {r}, ''logs'', ''view'')',
  'invite({o}, ''n@acme.test'', workspaces => jsonb_build_object({w}::text, ''member''))', 'link_identity(''https://idp.test'', ''s'', {m}, {o})', 'logging_settings({o}, {w})', 'purge_audit_log(now() - interval ''1 year'', {o})',
  'purge_organization({o})', 'remove_organization_member({o}, {m})', 'remove_workspace_member({w}, {m})', 'authorize(''logs'', ''view'', {w}::text)', 'reset_logging({o}, ''store_content'', {w})',
  'reset_setting({o}, ''members_view_logs'', {w})', 'review_api_keys({o})', 'review_elevations({o})', 'revoke_api_key({k}, {o})', 'revoke_api_keys({m}, {o})', 'revoke_permission({o}, ''workspace'', {r}, ''logs'', ''view'')',
  'rotate_api_key({k}, organization => {o})', 'set_group_role({o}, {g}, ''member'')', 'set_group_role({w}, {g}, {r})', 'set_jwks({o}, NULL)', 'set_key_policy({o})', 'set_logging({o}, ''store_content'', ''none'', {w})',
  'set_member({o}, {m}, ''n'')', 'set_organization_role({o}, {m}, ''member'')', 'set_role_visibility({o}, {r}, true, {w})', 'set_setting({o}, ''members_view_logs'', false, {w})', 'set_workspace_role({w}, {m}, {r})',
  'settings({o}, {w})', 'simulate(''SELECT 1'', {m}, {o}, ''regress_app'')', 'sync_group({o}, {g}, ARRAY[{m}])', 'trust_issuer({o}, ''https://idp.test'', NULL, NULL)', 'update_api_key({k}, ''n'', organization => {o})',
  'update_organization({o}, ''n'')', 'update_user({m}, ''n'')', 'update_workspace({w}, ''n'')', 'verify_audit_log({o})', 'who_can(''logs'', ''view'', {w})']);
SELECT call, form, outcome('SELECT tenancy.' || c.statement) FROM calls, forms f, LATERAL (SELECT regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(call,
  '{o}', quote_literal(f.o), 'g'), '{w}', quote_literal(f.w), 'g'), '{m}', quote_literal(f.m), 'g'), '{r}', quote_literal(f.r), 'g'), '{g}', quote_literal(f.g), 'g'), '{k}', quote_literal(f.k), 'g') AS statement) c
WHERE outcome('SELECT tenancy.' || c.statement) <> 'done' ORDER BY call, form;
-- all of them are tried, but what a session does for itself
SELECT DISTINCT p.proname FROM pg_proc p, unnest(p.proargnames[:p.pronargs]) a (name)
WHERE p.pronamespace = 'tenancy'::regnamespace AND a.name IN ('organization', 'workspace', 'member', 'members', 'role', 'group', 'api_key') AND p.proargtypes[array_position(p.proargnames, a.name) - 1] = 'text'::regtype
  AND NOT EXISTS (SELECT FROM calls WHERE call LIKE p.proname || '(%') ORDER BY 1;
