-- Roles of an organization's own, overrides of the built-in ones, permissions of one's own.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
\o /dev/null
SELECT tenancy.protect(relation, relation, organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id')
FROM unnest(ARRAY['logs', 'prompts']) relation;
-- by organization alone
CREATE TABLE configs AS SELECT * FROM logs;
SELECT tenancy.protect('configs', 'configs', organization => 'organization_id', owner => 'user_id');
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
\o
CREATE FUNCTION may(who text, resource text, action text, workspace text DEFAULT NULL) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  RETURN CASE WHEN workspace IS NULL THEN tenancy.authorize(resource, action) ELSE tenancy.authorize(resource, action, workspace) END;
END
$$;
-- Permissions and rows of nora, with a single role.
CREATE FUNCTION nora() RETURNS TABLE (view_logs boolean, in_search boolean, delete_prompts boolean, in_search_too boolean, billing boolean, logs text, prompts text, configs text) LANGUAGE sql AS $$
  SELECT app.may('nora', 'logs', 'view'), app.may('nora', 'logs', 'view', 'search'), app.may('nora', 'prompts', 'delete'), app.may('nora', 'prompts', 'delete', 'search'),
         app.may('nora', 'billing', 'manage'), app.visible('nora', 'app.logs'), app.visible('nora', 'app.prompts'), app.visible('nora', 'app.configs')
$$;
\set check 'SET SESSION AUTHORIZATION regress_app; SELECT * FROM app.nora(); RESET SESSION AUTHORIZATION;'

-- On the organization level, from scratch: nothing, then what it is given. A billing clerk reaches no workspace, an auditor all.
SELECT tenancy.create_role('acme', 'organization', 'clerk') IS NOT NULL AS created, tenancy.create_role('acme', 'organization', 'auditor', all_workspaces => true) IS NOT NULL AS created;
SELECT level, name, all_workspaces FROM tenancy.roles WHERE organization_id IS NOT NULL ORDER BY name;
:check
SELECT tenancy.set_organization_role('acme', 'nora@acme.test', 'clerk');
:check
SELECT tenancy.grant_permission('acme', 'organization', 'clerk', resource, action) FROM (VALUES ('billing', 'manage'), ('logs', 'view'), ('configs', 'view')) v (resource, action);
:check
SELECT tenancy.set_organization_role('acme', 'nora@acme.test', 'auditor');
:check
SELECT tenancy.grant_permission('acme', 'organization', 'auditor', resource, action) FROM (VALUES ('logs', 'view'), ('prompts', 'view'), ('configs', 'view')) v (resource, action);
-- all workspaces, but not what has none; and never restricted to own rows
:check
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
:check
-- the clerk is, on the organization level
SELECT tenancy.set_organization_role('acme', 'nora@acme.test', 'clerk');
:check
SELECT tenancy.reset_setting('acme', 'members_view_all_data');
:check
SELECT tenancy.revoke_permission('acme', 'organization', 'clerk', 'configs', 'view');
:check

-- As a copy: what the template has in this organization, its overrides included, and nothing of it later
SELECT tenancy.revoke_permission('acme', 'organization', 'member', 'logs', 'view'), tenancy.grant_permission('acme', 'organization', 'member', 'prompts', 'delete');
SELECT tenancy.create_role('acme', 'organization', 'like_member', 'member') IS NOT NULL AS created, tenancy.create_role('acme', 'organization', 'like_owner', 'owner', true) IS NOT NULL AS created;
SELECT tenancy.grant_permission('acme', 'organization', 'member', 'logs', 'view'), tenancy.revoke_permission('acme', 'organization', 'member', 'prompts', 'delete');
SELECT tenancy.set_organization_role('acme', 'nora@acme.test', 'like_member');
:check
SELECT tenancy.set_organization_role('acme', 'nora@acme.test', 'member');
:check
SELECT tenancy.set_organization_role('acme', 'nora@acme.test', 'like_owner');
-- like an owner, but for rows without a workspace
:check
SELECT count(*) AS more_than_the_template FROM (
  SELECT resource, action FROM tenancy.grants JOIN tenancy.roles USING (role_id) WHERE name = 'like_owner' AND allowed
  EXCEPT SELECT resource, action FROM tenancy.grants JOIN tenancy.roles USING (role_id) WHERE roles.organization_id IS NULL AND level = 'organization' AND name = 'owner') more;
-- Only owners count as owners: the last one stays.
SELECT tenancy.set_organization_role('acme', 'olivia@acme.test', 'like_owner');
SELECT tenancy.set_organization_role('acme', 'nora@acme.test', 'member');

-- On the workspace level
SELECT tenancy.create_role('acme', 'workspace', 'reader') IS NOT NULL AS created, tenancy.create_role('acme', 'workspace', 'editor', 'manager') IS NOT NULL AS created;
SELECT tenancy.set_workspace_role('acme/search', 'nora@acme.test', 'reader');
:check
SELECT tenancy.grant_permission('acme', 'workspace', 'reader', 'logs', 'view');
:check
SELECT tenancy.set_workspace_role('acme/search', 'nora@acme.test', 'editor');
:check
SELECT tenancy.revoke_permission('acme', 'workspace', 'editor', 'prompts', 'delete');
:check
SELECT tenancy.grant_permission('acme', 'workspace', 'editor', 'prompts', 'delete');
:check
-- settings of managers don't reach a copy of theirs
SELECT tenancy.set_setting('acme', 'managers_view_logs', false), tenancy.set_setting('acme', 'managers_view_all_data', false);
:check
SELECT tenancy.reset_setting('acme', setting) FROM unnest(ARRAY['managers_view_logs', 'managers_view_all_data']) setting;

-- Data visibility: like members', or the role's own; a workspace's wins where it is allowed
UPDATE logs SET user_id = 'cccccccc-0000-4000-8000-000000000007' WHERE id = 3;
UPDATE prompts SET user_id = 'cccccccc-0000-4000-8000-000000000007' WHERE id = 3;
CREATE FUNCTION seen() RETURNS TABLE (nora text, mike text) LANGUAGE sql AS $$ SELECT app.visible('nora', 'app.logs'), app.visible('mike', 'app.logs') $$;
\set check 'SET SESSION AUTHORIZATION regress_app; SELECT * FROM app.seen(); RESET SESSION AUTHORIZATION;'
:check
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
:check
SELECT tenancy.set_role_visibility('acme', 'editor', true);
:check
SELECT tenancy.set_role_visibility('acme', 'editor', false, 'search');
:check
SELECT tenancy.allow_workspace_overrides('acme', 'data_visibility', true);
:check
SELECT tenancy.set_role_visibility('acme', 'editor', NULL, 'search');
:check
-- members' in the workspace doesn't count for a role with its own in the organization
SELECT tenancy.set_setting('acme', 'members_view_all_data', false, 'search'), tenancy.reset_setting('acme', 'members_view_all_data');
:check
SELECT tenancy.set_role_visibility('acme', 'editor', NULL);
:check
SELECT tenancy.allow_workspace_overrides('acme', 'data_visibility', false);
:check
SELECT count(*) FROM tenancy.visibility JOIN tenancy.roles USING (role_id) WHERE name = 'editor';
-- not of who is above it, or has none
SELECT f.* FROM unnest(ARRAY[$$'acme', 'admin', false$$, $$'acme', 'clerk', false$$, $$'acme', 'nobody', false$$, $$'globex', 'editor', false$$, $$'acme', 'editor', false, 'lab'$$]) arguments,
  failure(format('SELECT tenancy.set_role_visibility(%s)', arguments)) f;

-- Built-in roles: overridden for this organization alone, and back without a trace
SELECT tenancy.set_organization_role('globex', 'nora@acme.test', 'member');
SELECT tenancy.grant_permission('acme', 'workspace', 'member', 'prompts', 'delete'), tenancy.revoke_permission('acme', 'workspace', 'member', 'prompts', 'update');
SET SESSION AUTHORIZATION regress_app;
SELECT may('mike', 'prompts', 'delete', 'search') AS deletes, may('mike', 'prompts', 'update', 'search') AS updates, may('ben', 'prompts', 'delete', 'support') AS bens;
RESET SESSION AUTHORIZATION;
SELECT r.name, g.resource, g.action, g.allowed FROM tenancy.grants g JOIN tenancy.roles r USING (role_id) WHERE g.organization_id IS NOT NULL AND r.organization_id IS NULL ORDER BY 1, 2, 3;
SELECT tenancy.revoke_permission('acme', 'workspace', 'member', 'prompts', 'delete'), tenancy.grant_permission('acme', 'workspace', 'member', 'prompts', 'update');
SELECT r.name, g.resource, g.action, g.allowed FROM tenancy.grants g JOIN tenancy.roles r USING (role_id) WHERE g.organization_id IS NOT NULL AND r.organization_id IS NULL ORDER BY 1, 2, 3;
-- granted twice, revoked twice
SELECT tenancy.grant_permission('acme', 'workspace', 'reader', 'logs', 'view'), tenancy.grant_permission('acme', 'workspace', 'member', 'logs', 'view'), tenancy.revoke_permission('acme', 'workspace', 'reader', 'logs', 'list');
SELECT count(*) FROM tenancy.grants g JOIN tenancy.roles r USING (role_id) WHERE r.name = 'reader';
-- and who is above overrides
SELECT level, role, resource, action, f.state, f.message FROM (VALUES ('organization', 'owner', 'logs', 'view'), ('workspace', 'admin', 'logs', 'view'), ('organization', 'admin', 'prompts', 'view'),
    ('organization', 'admin', 'logs', 'view'), ('organization', 'admin', 'logs', 'list'), ('workspace', 'manager', 'logs', 'view'), ('workspace', 'reader', 'billing', 'manage'), ('workspace', 'reader', 'audit_logs', 'list')) v (level, role, resource, action),
  failure(format('SELECT tenancy.revoke_permission(''acme'', %L, %L, %L, %L)', level, role, resource, action)) f;

-- Names: what can't be made, found, changed or dropped
SELECT call, f.state, f.message, f.hint FROM unnest(ARRAY[$$create_role('acme', 'workspace', 'reader')$$, $$create_role('acme', 'organization', 'reader')$$, $$create_role('globex', 'workspace', 'reader')$$,
    $$create_role('acme', 'workspace', 'Read er')$$, $$create_role('acme', 'workspace', '')$$, $$create_role('acme', 'workspace', NULL)$$, $$create_role('acme', 'workspace', 'copy', 'auditor')$$,
    $$create_role('acme', 'workspace', 'copy', 'memberr')$$, $$create_role('acme', 'workspace', 'wide', all_workspaces => true)$$,
    $$grant_permission('acme', 'workspace', 'readerr', 'logs', 'view')$$, $$grant_permission('acme', 'organization', 'reader', 'logs', 'view')$$, $$grant_permission('globex', 'workspace', 'reader', 'logs', 'view')$$,
    $$grant_permission('acme', 'workspace', 'reader', 'logs', 'vieuw')$$, $$grant_permission('acme', 'workspace', 'reader', 'lgos', 'view')$$, $$grant_permission('acme', 'workspace', 'reader', 'logs', 'delete')$$,
    $$drop_role('acme', 'workspace', 'editor')$$, $$drop_role('acme', 'workspace', 'member')$$, $$drop_role('acme', 'organization', 'owner')$$, $$drop_role('acme', 'workspace', 'editorr')$$, $$drop_role('globex', 'workspace', 'editor')$$,
    $$set_workspace_role('acme/search', 'nora@acme.test', 'clerk')$$, $$set_organization_role('acme', 'nora@acme.test', 'editor')$$, $$set_organization_role('globex', 'gus@globex.test', 'auditor')$$]) call,
  failure('SELECT tenancy.' || call) f;
-- a level that isn't one, and a name that would hide a built-in role
SELECT call, (failure('SELECT tenancy.' || call)).state FROM unnest(ARRAY[$$create_role('acme', 'team', 'x')$$, $$create_role('acme', NULL, 'x')$$, $$create_role('acme', 'organization', 'owner')$$, $$create_role('acme', 'workspace', 'member')$$]) call;

-- A role goes when nobody has it any more, with its grants and its visibility
SELECT tenancy.set_role_visibility('acme', 'editor', false);
SELECT tenancy.drop_role('acme', 'workspace', 'editor');
SELECT tenancy.set_workspace_role('acme/search', 'nora@acme.test', 'reader');
SELECT tenancy.drop_role('acme', 'workspace', 'editor');
SELECT tenancy.drop_role('acme', 'workspace', 'reader');
SELECT tenancy.remove_workspace_member('acme/search', 'nora@acme.test');
SELECT tenancy.drop_role('acme', 'workspace', 'reader'), tenancy.drop_role('acme', 'organization', 'clerk'), tenancy.drop_role('acme', 'organization', 'auditor');
SELECT name FROM tenancy.roles WHERE organization_id IS NOT NULL ORDER BY name;
SELECT count(*) FROM tenancy.visibility v WHERE NOT EXISTS (SELECT FROM tenancy.roles r WHERE r.role_id = v.role_id);

-- A permission of one's own, for a table under it: every command as with any other
SELECT tenancy.register_permission('datasets', action, action || ' datasets', data_visibility => true) FROM unnest(ARRAY['list', 'view', 'create', 'update', 'delete']) action;
CREATE TABLE datasets (LIKE logs INCLUDING ALL);
INSERT INTO datasets SELECT * FROM logs;
SELECT tenancy.protect('datasets', 'datasets', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id', create_indexes => true);
GRANT ALL ON datasets TO PUBLIC;
CREATE FUNCTION commands(only_who text[]) RETURNS TABLE (who text, sees text, inserts text, updates text, deletes text) LANGUAGE sql AS $$
  SELECT p.who, app.visible(p.who, 'app.datasets'), app.attempt(p.who, 'INSERT INTO app.datasets (id, workspace_id) VALUES (100, ''aaaaaaaa-0000-4000-8000-000000000002'')'),
         app.attempt(p.who, 'UPDATE app.datasets SET body = body'), app.attempt(p.who, 'DELETE FROM app.datasets')
  FROM app.people p WHERE p.who = ANY (only_who) ORDER BY p.n
$$;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM commands('{olivia,adam,mona,mike,ben,wanda,nora,gus,acme master,search service,mike key,nobody}');
RESET SESSION AUTHORIZATION;
-- given to members, action by action; to a key; and taken away
SELECT tenancy.grant_permission('acme', 'workspace', 'member', 'datasets', 'view');
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM commands('{mona,mike,gus}');
RESET SESSION AUTHORIZATION;
SELECT tenancy.grant_permission('acme', 'workspace', 'member', 'datasets', action) FROM unnest(ARRAY['create', 'delete']) action;
SELECT tenancy.update_api_key('dddddddd-0000-4000-8000-000000000002', scopes => '["datasets.view", "datasets.update"]');
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM commands('{mona,mike,search service}');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM commands('{mike,search service}');
RESET SESSION AUTHORIZATION;
SELECT tenancy.revoke_permission('acme', 'workspace', 'member', 'datasets', 'view');
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM commands('{olivia,mike}');
RESET SESSION AUTHORIZATION;
-- a level that the feature doesn't have; the organization's other roles know nothing of it
SELECT level, role, action, allowed, source FROM tenancy.access_matrix('globex') WHERE resource = 'datasets' AND (allowed OR source = 'organization') ORDER BY 1, 2, 3;
SELECT level, role, action, allowed, source FROM tenancy.access_matrix('acme') WHERE resource = 'datasets' AND source = 'organization' ORDER BY 1, 2, 3;
