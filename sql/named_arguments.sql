-- References by name or id everywhere, and the organization left out: then it is the session's own.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
-- In every function, an organization is called that, has a default, and comes first if the function is about an organization's
-- own things. Exceptions: ends of tenants, exports and keys of tokens, which NULL removes, are never by default; functions of
-- identity.
SELECT p.proname, a.n AS position FROM pg_proc p, unnest(p.proargnames[:p.pronargs]) WITH ORDINALITY a (name, n)
WHERE p.pronamespace = 'tenancy'::regnamespace AND a.name = 'organization' AND p.pronargs - p.pronargdefaults >= a.n AND p.proargtypes[a.n - 1] = 'text'::regtype ORDER BY 1;
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
-- What must be given is missing
SELECT f.message, f.state FROM unnest(ARRAY[
  'create_workspace()', 'create_role(level => ''organization'')', 'create_role(name => ''x'')', 'drop_role(level => ''workspace'')', 'drop_role(name => ''x'')',
  'grant_permission(level => ''workspace'', role => ''member'')', 'grant_permission(level => ''workspace'', role => ''member'', resource => ''logs'')',
  'set_organization_role(role => ''member'')', 'set_organization_role(member => ''mike@acme.test'')', 'remove_organization_member()', 'set_setting()',
  'set_setting(setting => ''members_view_logs'')', 'reset_setting()', 'allow_workspace_overrides()', 'allow_workspace_overrides(category => ''logs'')',
  'set_role_visibility()', 'create_group()', 'drop_group()', 'sync_group("group" => ''x'')', 'sync_group(members => ''{}'')', 'invite()', 'set_member()']) call, failure('SELECT tenancy.' || call) f;

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
-- A name that is another key's id, or external id, doesn't shadow it
SELECT tenancy.update_api_key(:'three', name => :'two');
SELECT tenancy.revoke_api_key(:'two');
SELECT api_key_id = :'two' AS first, revoked_at IS NOT NULL AS revoked FROM tenancy.api_keys WHERE api_key_id IN (:'two', :'three') ORDER BY 1 DESC;
RESET SESSION AUTHORIZATION;
RESET tenancy."user";
UPDATE tenancy.api_keys SET external_id = 'ext' WHERE api_key_id = :'three';
UPDATE tenancy.api_keys SET name = 'ext' WHERE api_key_id = :'two';
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
