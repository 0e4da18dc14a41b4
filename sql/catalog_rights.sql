-- Catalogs of rights: what they take.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set VERBOSITY terse
SELECT state, message FROM (VALUES
  ('INSERT INTO tenancy.permissions (resource, action, description) VALUES (''logs'', ''view'', ''x'')'),
  ('INSERT INTO tenancy.permissions (resource, action, description) VALUES (''Logs'', ''view'', ''x'')'),
  ('INSERT INTO tenancy.permissions (resource, action, description) VALUES (''logs.view'', ''view'', ''x'')'),
  ('INSERT INTO tenancy.permissions (resource, action, description) VALUES (''logs'', '''', ''x'')'),
  ('INSERT INTO tenancy.permissions (resource, action, description) VALUES (repeat(''x'', 64), ''view'', ''x'')'),
  ('INSERT INTO tenancy.permissions (resource, action, description) VALUES (repeat(''x'', 63), ''view'', ''x'')')) v (command), failure(command);

-- Overrides: of an organization, of a workspace where its category can be opened, of registered permissions only
\set member '00000000-0000-4000-8000-000000000013'
\set acme 'aaaaaaaa-0000-4000-8000-000000000000'
\set globex 'bbbbbbbb-0000-4000-8000-000000000000'
\set search 'aaaaaaaa-0000-4000-8000-000000000002'
INSERT INTO tenancy.grants VALUES (:'member', :'acme', NULL, 'logs', 'view', false), (:'member', :'acme', :'search', 'logs', 'view', true);
INSERT INTO tenancy.grants VALUES (:'member', :'acme', NULL, 'logs', 'view', true);
INSERT INTO tenancy.grants VALUES (:'member', :'acme', :'search', 'logs', 'view', true);
INSERT INTO tenancy.grants VALUES (:'member', NULL, :'search', 'logs', 'view', true);
INSERT INTO tenancy.grants VALUES (:'member', :'globex', :'search', 'logs', 'view', true);
INSERT INTO tenancy.grants VALUES (:'member', :'acme', :'search', 'configs', 'delete', true);
INSERT INTO tenancy.grants VALUES (:'member', :'acme', NULL, 'logs', 'vieuw', true);
INSERT INTO tenancy.grants VALUES (:'member', :'acme', NULL, 'configs', 'delete', true);
INSERT INTO tenancy.visibility VALUES (:'member', :'acme', NULL, false), (:'member', :'acme', :'search', true);
INSERT INTO tenancy.visibility VALUES (:'member', :'acme', NULL, true);
INSERT INTO tenancy.visibility VALUES (:'member', :'globex', :'search', true);
INSERT INTO tenancy.workspace_overrides VALUES (:'acme', 'logs', true);
INSERT INTO tenancy.workspace_overrides VALUES (:'acme', 'logs', false);
INSERT INTO tenancy.workspace_overrides VALUES (:'acme', 'billing', true);
-- They go with their workspace, and with their organization.
DELETE FROM tenancy.workspaces WHERE workspace_id = :'search';
SELECT workspace_id, resource, action, allowed FROM tenancy.grants WHERE organization_id IS NOT NULL ORDER BY resource;
SELECT workspace_id, all_rows FROM tenancy.visibility;
DELETE FROM tenancy.organizations WHERE slug = 'acme';
SELECT count(*) FROM tenancy.grants WHERE organization_id IS NOT NULL;
SELECT count(*) FROM tenancy.visibility;
SELECT count(*) FROM tenancy.workspace_overrides;
-- A grant that a role has in all organizations has no end.
INSERT INTO tenancy.permissions (resource, action, description) VALUES ('datasets', 'view', 'x');
INSERT INTO tenancy.grants (role_id, resource, action, ends_at) VALUES (:'member', 'datasets', 'view', now());
INSERT INTO tenancy.grants (role_id, resource, action) VALUES (:'member', 'datasets', 'view');
