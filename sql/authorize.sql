-- May the session do this?
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET SESSION AUTHORIZATION regress_app;
CREATE FUNCTION pg_temp.may(who text, resource text, action text, workspace text DEFAULT NULL) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  RETURN CASE WHEN workspace IS NULL THEN tenancy.authorize(resource, action) ELSE tenancy.authorize(resource, action, workspace) END;
END
$$;
-- Anywhere in the organization; a resource of the organization: there
SELECT p.who, pg_temp.may(p.who, 'logs', 'view') AS view_logs, pg_temp.may(p.who, 'logs', 'write') AS write_logs,
       pg_temp.may(p.who, 'prompts', 'delete') AS delete_prompts, pg_temp.may(p.who, 'billing', 'manage') AS billing,
       pg_temp.may(p.who, 'audit_logs', 'list') AS audit, pg_temp.may(p.who, 'organization', 'update') AS organization
FROM people p ORDER BY p.n;
-- In a workspace: by slug, by id, and as a filter on a column
SELECT p.who, pg_temp.may(p.who, 'prompts', 'delete', 'shared-team-workspace') AS default_workspace FROM people p WHERE p.who NOT IN ('nobody') ORDER BY p.n;
SELECT p.who, pg_temp.may(p.who, 'prompts', 'delete', 'search') AS search, pg_temp.may(p.who, 'prompts', 'delete', 'acme/support') AS support
FROM people p WHERE p.who NOT LIKE 'g%' ORDER BY p.n;
RESET SESSION AUTHORIZATION;
CREATE VIEW workspaces AS SELECT workspace_id, o.slug || '/' || w.slug AS slug FROM tenancy.workspaces w JOIN tenancy.organizations o USING (organization_id);
CREATE FUNCTION workspaces_with(who text, resource text, action text) RETURNS TABLE (planned text, called text) LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  EXECUTE format('SELECT string_agg(slug, '' '' ORDER BY slug) FROM app.workspaces WHERE tenancy.authorize(%L, %L, workspace_id)', resource, action) INTO planned;
  -- evaluated for each row, since the arguments aren't constant
  EXECUTE 'SELECT string_agg(slug, '' '' ORDER BY slug) FROM app.workspaces w, (SELECT $1 AS resource, $2 AS action OFFSET 0) p
           WHERE tenancy.authorize(p.resource, p.action, workspace_id)' INTO called USING resource, action;
  RETURN NEXT;
END
$$;
GRANT SELECT ON workspaces TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT p.who, w.planned, w.called IS NOT DISTINCT FROM w.planned AS same FROM people p, workspaces_with(p.who, 'prompts', 'view') w ORDER BY p.n;
SELECT p.who, w.planned, w.called IS NOT DISTINCT FROM w.planned AS same FROM people p, workspaces_with(p.who, 'prompts', 'delete') w ORDER BY p.n;
-- Another organization's workspace: by its id false, by name not there
SELECT pg_temp.may('mike', 'logs', 'view', 'lab');
SELECT pg_temp.may('mike', 'logs', 'view', 'bbbbbbbb-0000-4000-8000-000000000002');
CALL become('olivia');
SELECT tenancy.authorize('logs', 'view', 'bbbbbbbb-0000-4000-8000-000000000002'::uuid), tenancy.authorize('logs', 'view', 'aaaaaaaa-0000-4000-8000-000000000002'::uuid),
       tenancy.authorize('logs', 'view', gen_random_uuid()), tenancy.authorize('logs', 'view', NULL::uuid), tenancy.authorize(NULL, 'view');

-- An unregistered permission is an error, not false.
SELECT tenancy.authorize('log', 'view');
SELECT tenancy.authorize('logs', 'vieuw');
SELECT tenancy.authorize('logs', 'vieuw', 'search');
SELECT tenancy.authorize('logs', 'vieuw', 'aaaaaaaa-0000-4000-8000-000000000002'::uuid);
SELECT tenancy.authorize('something else', 'view');
SELECT tenancy.authorize('LOGS', 'view');
SELECT tenancy.authorize('', '');
SELECT tenancy.authorize(repeat('x', 100), 'view');
SELECT tenancy.authorize('logs', repeat('x', 100));
CALL become('nobody');
SELECT tenancy.authorize('logs', 'vieuw');
SELECT tenancy.authorize('logs', 'view'), tenancy.authorize('logs', 'view', 'no-such');

-- require() says who, what and where, and which roles would do.
CALL become('olivia');
SELECT tenancy.require('billing', 'manage');
CALL become('mike');
SELECT tenancy.require('prompts', 'update'), tenancy.require('prompts', 'update', 'search');
SELECT tenancy.require('billing', 'manage');
SELECT tenancy.require('prompts', 'delete', 'search');
SELECT tenancy.require('prompts', 'update', 'support');
SELECT tenancy.require('prompts', 'updat');
SELECT tenancy.require('prompts', 'update', 'lab');
CALL become('search service');
SELECT tenancy.require('billing', 'manage');
SELECT tenancy.require('completions', 'write');
CALL become('nobody');
SELECT tenancy.require('logs', 'view');
RESET SESSION AUTHORIZATION;

-- A permission of one's own
SELECT tenancy.register_permission('invoices', 'view', 'View invoices'), tenancy.register_permission('invoices', 'create', 'Create invoices');
SELECT tenancy.register_permission('invoices', 'view', 'View invoices');
SELECT tenancy.register_permission('logs', 'update', 'Change logs');
SELECT tenancy.register_permission('In voices', 'view', 'View invoices');
CREATE TABLE invoices AS SELECT * FROM logs;
SELECT tenancy.protect('invoices', 'invoices', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true);
GRANT ALL ON invoices TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM who_sees('app.invoices');
SELECT * FROM who_can('INSERT INTO app.invoices (id, workspace_id) VALUES (100, ''aaaaaaaa-0000-4000-8000-000000000003'')');
SELECT * FROM who_can('UPDATE app.invoices SET body = ''''');
RESET SESSION AUTHORIZATION;
INSERT INTO tenancy.grants VALUES ('00000000-0000-4000-8000-000000000013', 'aaaaaaaa-0000-4000-8000-000000000000', NULL, 'invoices', 'view', true);
SET SESSION AUTHORIZATION regress_app;
SELECT visible('mike', 'app.invoices'), visible('ben', 'app.invoices');
RESET SESSION AUTHORIZATION;

-- One call site asks again: for another principal, after the workspace got another name, after another got its name.
CREATE FUNCTION asked_again() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  step text;
BEGIN
  FOREACH step IN ARRAY ARRAY['CALL app.become(''mike'', true)', 'CALL app.become(''gus'', true)', 'CALL app.become(''wanda'', true)',
    'CALL app.become(''mike'', true)', 'UPDATE tenancy.workspaces SET slug = ''found'' WHERE slug = ''search''',
    'INSERT INTO tenancy.workspaces (organization_id, slug, name) SELECT organization_id, ''search'', ''New'' FROM tenancy.organizations WHERE slug = ''acme'''] LOOP
    EXECUTE step;
    BEGIN
      RETURN NEXT format('%s: %s', step, tenancy.authorize('logs', 'view', 'search'));
    EXCEPTION WHEN OTHERS THEN
      RETURN NEXT format('%s: %s', step, SQLSTATE);
    END;
  END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE ON tenancy.workspaces, tenancy.organizations TO regress_app;
GRANT USAGE ON TYPE tenancy.administrator TO regress_app;
BEGIN;
SET LOCAL SESSION AUTHORIZATION regress_app;
SELECT asked_again();
ROLLBACK;
REVOKE SELECT, INSERT, UPDATE ON tenancy.workspaces, tenancy.organizations FROM regress_app;
REVOKE USAGE ON TYPE tenancy.administrator FROM regress_app;
