-- A database of 1.0 with rows for every statement of the update that changes some, in every form that it changes: test/upgrade/run.sh
-- updates it. A statement that is added to the update gets its rows here.
SET client_min_messages = warning;
CREATE EXTENSION pg_tenancy VERSION '1.0';
-- External ids, also former ones
SELECT tenancy.create_organization('Acme', 'olivia@acme.test', external_id => 'o-1'), tenancy.create_organization('Globex', 'gus@globex.test');
SELECT tenancy.create_workspace('acme', 'Search'), tenancy.create_workspace('acme', 'Gone', external_id => 'w-gone');
SELECT tenancy.set_organization_role('acme', u || '@acme.test', 'member') FROM unnest(ARRAY['mia', 'max', 'lou']) u;
SELECT tenancy.set_workspace_role('acme/search', 'lou@acme.test', 'member');
UPDATE tenancy.users SET external_id = split_part(email, '@', 1) || '-1';
UPDATE tenancy.users SET external_id = 'mia-2' WHERE email = 'mia@acme.test';
-- A key whose user leaves
SELECT tenancy.create_api_key('workspace_user_key', 'lou', 'acme', 'search', 'lou@acme.test', '["logs.view"]', external_id => 'k-1');
SELECT tenancy.remove_workspace_member('acme/search', 'lou@acme.test');
SELECT tenancy.create_api_key('organization_service_key', 'pipeline', 'acme', scopes => '["logs.view"]', external_id => 'k-2');
SELECT tenancy.delete_workspace('acme/gone');
SELECT tenancy.create_role('acme', 'organization', 'clerk');
INSERT INTO tenancy.roles (organization_id, level, name) SELECT organization_id, 'organization', 'dddddddd-0000-4000-8000-000000000001' FROM tenancy.organizations WHERE slug = 'acme';
-- An override that counts no more
INSERT INTO tenancy.grants (role_id, organization_id, workspace_id, resource, action, allowed)
SELECT r.role_id, w.organization_id, w.workspace_id, 'logs', 'view', false FROM tenancy.roles r, tenancy.workspaces w WHERE r.name = 'admin' AND w.slug = 'search';
-- Permissions of a DBA's that are built in from now on
INSERT INTO tenancy.permissions (resource, action, description) VALUES ('team', 'sync_groups', 'Mine'), ('logs', 'attribute', 'Mine');
SELECT tenancy.grant_permission('acme', 'organization', 'clerk', 'team', 'sync_groups');
-- Names that are cut
UPDATE tenancy.organizations SET name = repeat('n', 1001) WHERE slug = 'acme';
UPDATE tenancy.workspaces SET name = repeat('n', 1001) WHERE slug = 'search';
UPDATE tenancy.users SET name = repeat('n', 1001) WHERE email = 'mia@acme.test';
UPDATE tenancy.roles SET description = repeat('n', 1001) WHERE name = 'clerk';
UPDATE tenancy.permissions SET description = repeat('n', 1001) WHERE action = 'sync_groups';
UPDATE tenancy.api_keys SET name = repeat('n', 1001) WHERE name = 'pipeline';
-- Logins: with an organization to be filled in, complete, of a role that is gone; DBAs
CREATE ROLE rows_mia LOGIN; CREATE ROLE rows_max LOGIN; CREATE ROLE rows_gone LOGIN; CREATE ROLE rows_dba;
SELECT tenancy.bind_login('rows_mia', 'mia@acme.test'), tenancy.bind_login('rows_max', 'max@acme.test', 'acme'), tenancy.bind_login('rows_gone', 'lou@acme.test', 'acme');
DROP ROLE rows_gone;
GRANT INSERT ON tenancy.organizations TO rows_dba, PUBLIC;
-- Tables
CREATE TABLE logs (id int, organization_id uuid, body text);
SELECT tenancy.protect('logs', 'logs', 'organization_id', payload => ARRAY['body']), tenancy.create_scoped_view('logs', 'scoped_logs');
SELECT tenancy.create_observability('obs');
