-- Rules beyond foreign keys and CHECK constraints.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set acme 'aaaaaaaa-0000-4000-8000-000000000000'
\set globex 'bbbbbbbb-0000-4000-8000-000000000000'
\set olivia 'cccccccc-0000-4000-8000-000000000001'
\set mike 'cccccccc-0000-4000-8000-000000000004'
\set owner '00000000-0000-4000-8000-000000000001'
\set member '00000000-0000-4000-8000-000000000003'
\set workspace_member '00000000-0000-4000-8000-000000000013'
INSERT INTO tenancy.roles (role_id, organization_id, level, name) VALUES
  ('eeeeeeee-0000-4000-8000-000000000001', :'globex', 'organization', 'clerk'),
  ('eeeeeeee-0000-4000-8000-000000000002', :'globex', 'workspace', 'reader'),
  ('eeeeeeee-0000-4000-8000-000000000003', :'acme', 'workspace', 'reader');
-- A role is given on its level, in its organization.
UPDATE tenancy.organization_members SET role_id = :'workspace_member' WHERE user_id = :'mike';
UPDATE tenancy.organization_members SET role_id = 'eeeeeeee-0000-4000-8000-000000000001' WHERE user_id = :'mike';
UPDATE tenancy.workspace_members SET role_id = :'member' WHERE user_id = :'mike';
UPDATE tenancy.workspace_members SET role_id = 'eeeeeeee-0000-4000-8000-000000000002' WHERE user_id = :'mike';
UPDATE tenancy.workspace_members SET role_id = 'eeeeeeee-0000-4000-8000-000000000003' WHERE user_id = :'mike';
INSERT INTO tenancy.visibility VALUES (:'member', :'acme', NULL, false);
INSERT INTO tenancy.visibility VALUES ('eeeeeeee-0000-4000-8000-000000000002', :'acme', NULL, false);
INSERT INTO tenancy.grants VALUES ('eeeeeeee-0000-4000-8000-000000000002', :'acme', NULL, 'logs', 'view', true);
INSERT INTO tenancy.grants VALUES ('eeeeeeee-0000-4000-8000-000000000002', NULL, NULL, 'logs', 'view', true);

-- The built-in roles and matrix stay.
UPDATE tenancy.roles SET name = 'boss' WHERE role_id = :'owner';
DELETE FROM tenancy.roles WHERE role_id = :'owner';
UPDATE tenancy.roles SET organization_id = :'acme' WHERE name = 'clerk';
UPDATE tenancy.roles SET level = 'organization' WHERE role_id = 'eeeeeeee-0000-4000-8000-000000000003';
UPDATE tenancy.roles SET description = 'Reads' WHERE name = 'reader';
DELETE FROM tenancy.roles WHERE role_id = 'eeeeeeee-0000-4000-8000-000000000003';  -- mike has it
INSERT INTO tenancy.grants VALUES (:'workspace_member', NULL, NULL, 'logs', 'write', true);
UPDATE tenancy.grants SET allowed = false WHERE organization_id IS NULL AND resource = 'logs';
DELETE FROM tenancy.grants WHERE organization_id IS NULL AND resource = 'logs';

-- A workspace keeps its organization, an organization its default workspace; a key what it stands for.
UPDATE tenancy.workspaces SET organization_id = :'globex' WHERE slug = 'search';
UPDATE tenancy.workspaces SET is_default = false WHERE is_default;
DELETE FROM tenancy.workspaces WHERE is_default;
UPDATE tenancy.workspaces SET name = 'All of us' WHERE is_default;
UPDATE tenancy.api_keys SET kind = 'workspace_service_key', user_id = NULL WHERE name = 'mike key';
UPDATE tenancy.api_keys SET user_id = :'olivia' WHERE name = 'mike key';
UPDATE tenancy.api_keys SET workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003' WHERE name = 'mike key';
UPDATE tenancy.api_keys SET api_key_id = gen_random_uuid() WHERE name = 'mike key';
UPDATE tenancy.api_keys SET name = 'key of mike' WHERE name = 'mike key';

-- The last owner is neither removed nor demoted, by whichever way.
DELETE FROM tenancy.organization_members WHERE user_id = :'olivia';
UPDATE tenancy.organization_members SET role_id = :'member' WHERE user_id = :'olivia';
UPDATE tenancy.organization_members SET user_id = :'mike' WHERE organization_id = :'globex';
DELETE FROM tenancy.users WHERE user_id = :'olivia';
BEGIN;
SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'owner');
SELECT tenancy.set_organization_role('acme', 'olivia@acme.test', 'member');
SELECT tenancy.remove_organization_member('acme', 'mike@acme.test');
ROLLBACK;
-- Deferred, the order of changes doesn't matter, the outcome does.
BEGIN;
SET CONSTRAINTS tenancy.check_last_owner DEFERRED;
SELECT tenancy.set_organization_role('acme', 'olivia@acme.test', 'member');
SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'owner');
COMMIT;
BEGIN;
SET CONSTRAINTS tenancy.check_last_owner DEFERRED;
SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'member');
COMMIT;
SELECT u.email FROM tenancy.organization_members m JOIN tenancy.users u USING (user_id)
WHERE m.organization_id = :'acme' AND m.role_id = :'owner';
-- An organization itself can go, with all that is in it.
DELETE FROM tenancy.organizations WHERE slug = 'acme';
SELECT (SELECT count(*) FROM tenancy.workspaces WHERE organization_id = :'acme') AS workspaces,
       (SELECT count(*) FROM tenancy.organization_members WHERE organization_id = :'acme') AS members,
       (SELECT count(*) FROM tenancy.api_keys WHERE organization_id = :'acme') AS keys,
       (SELECT count(*) FROM tenancy.users) AS users;
