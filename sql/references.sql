-- References to organizations, workspaces, users and permissions: any length, any number of slashes.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set VERBOSITY terse
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
SELECT tenancy.authorize('logs', 'view', 'search') AS slug, tenancy.authorize('logs', 'view', 'acme/search') AS with_organization,
       tenancy.authorize('logs', 'view', '1/12') AS external_ids, tenancy.authorize('logs', 'view', 'aaaaaaaa-0000-4000-8000-000000000002') AS id;
-- the organization once
SELECT tenancy.authorize('logs', 'view', 'acme/acme/search');
SELECT tenancy.authorize('logs', 'view', '/search');
SELECT tenancy.authorize('logs', 'view', 'search/');
SELECT tenancy.authorize('logs', 'view', 'acme/');
SELECT tenancy.authorize('logs', 'view', 'globex/lab');
SELECT tenancy.authorize('logs', 'view', '');
SELECT length((failure(format('SELECT tenancy.authorize(''logs'', ''view'', %L)', repeat('acme/', 700) || 'x'))).message) AS length_of_message;
-- That many ended the server.
SELECT tenancy.authorize('logs', 'view', repeat('acme/', 100000) || 'x');
SELECT tenancy.authorize('logs', 'view', repeat('/', 5000));
SELECT tenancy.authorize('logs', 'view', repeat('x', 4097));
SELECT tenancy.authorize('logs', repeat('x', 64));
SELECT tenancy.authorize(repeat('x', 64), 'view');
SELECT tenancy.authorize(repeat('x', 1000000), 'view', repeat('x', 1000000));
SELECT tenancy.require('logs', repeat('x', 1000000)), tenancy.require(repeat('x', 1000000), 'view');
SELECT tenancy.row_visible(repeat('x', 1000000), 'view', NULL, workspace_id, NULL, NULL) FROM logs WHERE id = 1;
SELECT * FROM tenancy.explain_authorize('logs', 'view', repeat('acme/', 100000) || 'x');
SELECT * FROM tenancy.settings(repeat('x', 5000));

-- in a setting
SELECT set_config('tenancy.workspace', repeat('acme/', 100000) || 'x', false) IS NOT NULL;
SELECT tenancy.current_organization_id();
RESET tenancy.workspace;
SELECT set_config('tenancy.organization', repeat('acme/', 100000), false) IS NOT NULL;
SELECT tenancy.current_organization_id();
RESET tenancy.organization;
SELECT set_config('tenancy.user', repeat('m', 100000) || '@acme.test', false) IS NOT NULL;
SELECT tenancy.current_user_id();
RESET SESSION AUTHORIZATION;
CALL become('nobody');

-- by a DBA
SELECT tenancy_internal.find_workspace('acme/search', NULL), tenancy_internal.find_workspace('search', NULL), tenancy_internal.find_workspace('acme/search', 'aaaaaaaa-0000-4000-8000-000000000000');
SELECT tenancy_internal.find_workspace('acme/acme/search', NULL);
SELECT tenancy_internal.find_workspace('globex/search', 'aaaaaaaa-0000-4000-8000-000000000000');
SELECT tenancy_internal.find_workspace(repeat('acme/', 100000), NULL);
SELECT tenancy_internal.find_organization(repeat('x', 5000));
SELECT tenancy_internal.find_user(repeat('x', 5000));
SELECT tenancy.delete_workspace(repeat('acme/', 100000));
SELECT tenancy.set_organization_role(repeat('x', 5000), 'mike@acme.test', 'member');
-- a workspace whose external id has slashes in it
UPDATE tenancy.workspaces SET external_id = 'a/b/c' WHERE slug = 'search';
SELECT tenancy_internal.find_workspace('a/b/c', NULL), tenancy_internal.find_workspace('acme/a/b/c', NULL);
