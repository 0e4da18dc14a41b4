-- References to organizations, workspaces, users and permissions: any length, any number of slashes.
\pset format unaligned
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
-- One tenant's names take no reference from another's workspace: a/b is a workspace of organization a where there is one, whatever 1.0 has left
SELECT f.* FROM unnest(ARRAY['globex/lab', 'bbbbbbbb-0000-4000-8000-000000000000/lab', 'globex/anything', 'acme/anything', 'nobody/anything']) id, failure(format('UPDATE tenancy.workspaces SET external_id = %L WHERE slug = ''search''', id)) f;
SELECT f.* FROM unnest(ARRAY['globex/lab', 'acme/anything', 'nobody/anything']) id, failure(format('UPDATE tenancy.organizations SET external_id = %L WHERE slug = ''acme''', id)) f;
BEGIN;
SET LOCAL check_function_bodies = off;
SELECT set_config('search_path', '', true) AS restored;
UPDATE tenancy.workspaces SET external_id = 'globex/lab' WHERE slug = 'search';
COMMIT;
SELECT tenancy.create_workspace('globex', 'Search') IS NOT NULL AS made, tenancy.create_workspace('globex', 'Own', 'acme') IS NOT NULL AS made_too;
SELECT call, f.* FROM unnest(ARRAY[$$tenancy_internal.find_workspace('globex/lab', NULL)$$, $$tenancy_internal.find_workspace('search', NULL)$$, $$tenancy_internal.find_workspace('acme/search', NULL)$$,
  $$tenancy.set_workspace_role('search', 'mike@acme.test', 'member')$$, $$tenancy.set_group_role('acme', 'g', 'admin')$$, $$tenancy_internal.find_workspace('globex/lab', 'bbbbbbbb-0000-4000-8000-000000000000')$$,
  $$tenancy_internal.find_workspace('globex/lab', 'aaaaaaaa-0000-4000-8000-000000000000')$$]) call, failure('SELECT ' || call) f;
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
SELECT tenancy.authorize('logs', 'view', 'search') AS of_his_own, tenancy.authorize('logs', 'view', 'globex/lab') AS by_external_id;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
DELETE FROM tenancy.workspaces WHERE slug IN ('search', 'acme') AND organization_id = (SELECT organization_id FROM tenancy.organizations WHERE slug = 'globex');
UPDATE tenancy.workspaces SET external_id = 'a/b/c' WHERE slug = 'search';

-- A slug in the form of an id would take a reference from its row: refused where it is new
RESET SESSION AUTHORIZATION;
SELECT f.state, f.message, f.hint FROM unnest(ARRAY[
  $$tenancy.create_workspace('acme', 'W', 'bbbbbbbb-0000-4000-8000-000000000002')$$, $$tenancy.create_workspace('acme', 'bbbbbbbb000040008000000000000002')$$,
  $$tenancy.create_organization('O', 'o@o.test', 'aaaaaaaa-0000-4000-8000-000000000000')$$]) call, failure('SELECT ' || call) f;
SELECT f.state, f.message FROM unnest(ARRAY['workspaces', 'organizations']) catalog,
  failure(format('UPDATE tenancy.%I SET slug = ''bbbbbbbb-0000-4000-8000-000000000002'' WHERE slug IN (''search'', ''acme'')', catalog)) f;
SELECT tenancy.create_workspace('acme', 'W', 'bbbbbbbb-0000-4000-8000-00000000000g') IS NOT NULL AS no_digit, tenancy.create_workspace('acme', 'W', 'bbbbbbbb-0000-4000-8000-00000000000') IS NOT NULL AS too_short;
-- what is there already stays, and is found by all that it is not ambiguous with
ALTER TABLE tenancy.workspaces DISABLE TRIGGER check_slug;
UPDATE tenancy.workspaces SET slug = 'bbbbbbbb-0000-4000-8000-0000000000ff' WHERE slug = 'search';
ALTER TABLE tenancy.workspaces ENABLE TRIGGER check_slug;
UPDATE tenancy.workspaces SET name = 'Search, again' WHERE name = 'Search';
SELECT tenancy_internal.find_workspace('bbbbbbbb-0000-4000-8000-0000000000ff', NULL) = 'aaaaaaaa-0000-4000-8000-000000000002' AS found;
