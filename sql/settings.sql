-- Settings: section 4 of the access model.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\o /dev/null
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true);
SELECT tenancy.protect('prompts', 'prompts', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true);
\o
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
-- mona manages search; ben manages search and is a member of support.
CREATE FUNCTION managers_and_members(relation text) RETURNS TABLE (mona text, mike text, ben text, mike_key text) LANGUAGE sql AS
$$ SELECT app.visible('mona', relation), app.visible('mike', relation), app.visible('ben', relation), app.visible('mike key', relation) $$;

SELECT * FROM tenancy.settings('acme');

-- data visibility: managers and members, one by one
\set check 'SET SESSION AUTHORIZATION regress_app; SELECT * FROM managers_and_members(\'app.logs\'); RESET SESSION AUTHORIZATION;'
:check
SELECT tenancy.set_setting('acme', 'managers_view_all_data', false);
:check
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
:check
SELECT tenancy.set_setting('acme', 'managers_view_all_data', true);
:check
-- others are above it
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM who_sees('app.logs');
RESET SESSION AUTHORIZATION;

-- a workspace counts while the organization allows it
SELECT tenancy.set_setting('acme', 'members_view_all_data', true, 'search');
:check
SELECT tenancy.allow_workspace_overrides('acme', 'data_visibility', true);
:check
SELECT setting, value, source FROM tenancy.settings('acme', 'search') WHERE category = 'data_visibility';
SELECT setting, value, source FROM tenancy.settings('acme', 'support') WHERE category = 'data_visibility';
SELECT tenancy.allow_workspace_overrides('acme', 'data_visibility', false);
:check
SELECT setting, value, source FROM tenancy.settings('acme', 'search') WHERE category = 'data_visibility';
-- narrower in the workspace than in the organization
SELECT tenancy.reset_setting('acme', 'members_view_all_data');
SELECT tenancy.set_setting('acme', 'members_view_all_data', false, 'search'), tenancy.allow_workspace_overrides('acme', 'data_visibility', true);
:check
-- another category allows nothing here; reset falls back
SELECT tenancy.allow_workspace_overrides('acme', 'data_visibility', false), tenancy.allow_workspace_overrides('acme', 'logs', true);
:check
SELECT tenancy.allow_workspace_overrides('acme', 'data_visibility', true), tenancy.reset_setting('acme', 'members_view_all_data', 'search');
:check

-- a custom role follows the role member, unless it has a switch of its own
INSERT INTO tenancy.roles (role_id, organization_id, level, name) VALUES
  ('eeeeeeee-0000-4000-8000-000000000001', 'aaaaaaaa-0000-4000-8000-000000000000', 'workspace', 'reader');
INSERT INTO tenancy.grants VALUES ('eeeeeeee-0000-4000-8000-000000000001', 'aaaaaaaa-0000-4000-8000-000000000000', NULL, 'logs', 'view', true);
SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'reader');
:check
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
:check
INSERT INTO tenancy.visibility VALUES ('eeeeeeee-0000-4000-8000-000000000001', 'aaaaaaaa-0000-4000-8000-000000000000', NULL, true);
:check
DELETE FROM tenancy.visibility;
SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'member');

-- logs: owners are above every setting, admins above all but theirs
SELECT tenancy.set_setting('acme', setting, false) FROM unnest(ARRAY['managers_view_logs', 'members_view_logs', 'org_admins_view_logs']) setting;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM who_sees('app.logs');
SELECT * FROM who_sees('app.prompts');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'managers_view_logs', true, 'search');
:check
SELECT tenancy.reset_setting('acme', setting) FROM unnest(ARRAY['managers_view_logs', 'members_view_logs', 'org_admins_view_logs']) setting;
:check

-- prompts: view and write
SELECT tenancy.set_setting('acme', 'members_view_prompts', false), tenancy.set_setting('acme', 'managers_write_prompts', false);
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM managers_and_members('app.prompts');
SELECT * FROM who_can('UPDATE app.prompts SET body = body');
SELECT * FROM who_can('DELETE FROM app.prompts');
RESET SESSION AUTHORIZATION;

-- members see no keys unless it is switched on
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM who_can('SELECT WHERE tenancy.authorize(''api_keys'', ''list'')');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'members_view_keys', true), tenancy.set_setting('acme', 'members_manage_keys', true);
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM who_can('SELECT WHERE tenancy.authorize(''api_keys'', ''list'')');
SELECT * FROM who_can('SELECT WHERE tenancy.authorize(''api_keys'', ''create'')');
RESET SESSION AUTHORIZATION;

SELECT setting, value, source FROM tenancy.settings('acme') WHERE source <> 'default';

-- bad values
SELECT tenancy.set_setting('acme', 'members_view_all_dat', false);
SELECT tenancy.set_setting('acme', 'members_view_all_data', NULL);
SELECT tenancy.set_setting('nobody', 'members_view_all_data', false);
SELECT tenancy.set_setting(NULL, 'members_view_all_data', false);
SELECT tenancy.set_setting('acme', 'members_view_all_data', false, 'lab');
SELECT tenancy.reset_setting('acme', 'members_view_all_dat');
SELECT tenancy.allow_workspace_overrides('acme', 'log', true);
SELECT tenancy.allow_workspace_overrides('acme', NULL, true);
SELECT tenancy.settings('acmee');

-- Whoever opens a category lets workspaces' grants count of all resources in it, and needs what they give.
SELECT tenancy.register_resource('deeds', 'Deeds', '{list,view,create,sign}', managers => '{list,view,create}') \g /dev/null
SELECT tenancy.create_role('acme', 'workspace', 'clerk') IS NOT NULL AS made, tenancy.create_role('acme', 'organization', 'cfg', all_workspaces => true) IS NOT NULL AS one_more;
INSERT INTO tenancy.grants (role_id, organization_id, workspace_id, resource, action)
SELECT r.role_id, r.organization_id, w.workspace_id, 'deeds', 'sign' FROM tenancy.roles r JOIN tenancy.workspaces w USING (organization_id) WHERE r.name = 'clerk' AND w.slug = 'search';
SELECT count(tenancy.grant_permission('acme', 'organization', 'cfg', r, a)) FROM (VALUES ('organization', 'update'), ('deeds', 'list'), ('deeds', 'view'), ('deeds', 'create')) v (r, a);
SELECT tenancy.set_organization_role('acme', 'nora@acme.test', 'cfg'), tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'clerk');
SET SESSION AUTHORIZATION regress_app;
SELECT who, attempt(who, 'SELECT tenancy.allow_workspace_overrides(NULL, ''resources'', true)') AS opens, attempt(who, 'SELECT tenancy.allow_workspace_overrides(NULL, ''prompts'', true)') AS another
FROM unnest('{nora,olivia}'::text[]) who;
RESET SESSION AUTHORIZATION;
