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

-- Without a workspace, in a query of tables: planning answers. False takes its alternative away; true is the guard.
SELECT tenancy.register_permission('environments', 'prod', 'See production');
CREATE TABLE calls (id int, organization_id uuid, workspace_id uuid, env text, body text);
INSERT INTO calls SELECT n, organization_id, workspace_id, CASE WHEN n % 2 = 0 THEN 'prod' ELSE 'test' END, 'body ' || n
FROM (SELECT row_number() OVER (ORDER BY workspace_id) AS n, organization_id, workspace_id FROM tenancy.workspaces w CROSS JOIN generate_series(1, 2)
      WHERE w.slug IN ('search', 'support', 'lab')) w;
SELECT tenancy.protect('calls', 'logs', organization => 'organization_id', workspace => 'workspace_id', create_indexes => true);
-- (without the rule, everybody who sees a row sees production)
SET SESSION AUTHORIZATION regress_app;
SELECT visible('olivia', 'app.calls') AS olivia, visible('mike', 'app.calls') AS mike, visible('gus', 'app.calls') AS gus;
RESET SESSION AUTHORIZATION;
CREATE POLICY production ON calls AS RESTRICTIVE FOR SELECT USING (env <> 'prod' OR tenancy.authorize('environments', 'prod'));
CREATE FUNCTION plan_of(who text, query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  CALL app.become(who, true);
  FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
    RETURN NEXT regexp_replace(line, 'plan_guard\(''-?\d+''', 'plan_guard(''…''', 'g');
  END LOOP;
END
$$;
SET SESSION AUTHORIZATION regress_app;
SELECT visible('olivia', 'app.calls') AS olivia, visible('mike', 'app.calls') AS mike, visible('gus', 'app.calls') AS gus, visible('nobody', 'app.calls') AS nobody;
SELECT plan_of('mike', 'SELECT id FROM app.calls');
SELECT plan_of('olivia', 'SELECT id FROM app.calls');
-- A mask, and its opposite
SELECT plan_of('mike', $$SELECT id, CASE WHEN tenancy.authorize('environments', 'prod') THEN body END FROM app.calls$$);
CREATE FUNCTION pg_temp.masked(who text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  RETURN (SELECT string_agg(coalesce(CASE WHEN tenancy.authorize('environments', 'prod') THEN body END, '-') || ' ' ||
                            (NOT tenancy.authorize('environments', 'prod')), ', ' ORDER BY id) FROM app.calls);
END
$$;
SELECT pg_temp.masked('olivia') AS olivia, pg_temp.masked('mike') AS mike, pg_temp.masked('gus') AS gus, pg_temp.masked('mike') AS mike_again;
-- A prepared statement follows the principal, and rights that change; on a table that isn't protected as well.
RESET SESSION AUTHORIZATION;
CREATE TABLE secrets_of_production AS SELECT 'production' AS word;
SET SESSION AUTHORIZATION regress_app;
SET plan_cache_mode = force_generic_plan;
PREPARE words AS SELECT (SELECT count(*) FROM app.secrets_of_production WHERE word = '' OR tenancy.authorize('environments', 'prod')) AS rows,
  (SELECT CASE WHEN tenancy.authorize('environments', 'prod') THEN word END FROM app.secrets_of_production) AS word,
  (SELECT CASE WHEN NOT tenancy.authorize('environments', 'prod') THEN 'hidden' ELSE word END FROM app.secrets_of_production) AS hidden;
CALL become('olivia');
EXECUTE words;
CALL become('mike');
EXECUTE words;
CALL become('adam');
EXECUTE words;
RESET SESSION AUTHORIZATION;
CALL become('nobody');
SELECT tenancy.set_organization_role('acme', 'adam@acme.test', 'member');
SET SESSION AUTHORIZATION regress_app;
CALL become('adam');
EXECUTE words;
-- (in the same session, with the same principal)
RESET SESSION AUTHORIZATION;
GRANT USAGE ON TYPE tenancy.administrator TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SELECT tenancy.set_organization_role('acme', 'adam@acme.test', 'admin');
EXECUTE words;
SELECT tenancy.set_organization_role('acme', 'adam@acme.test', 'member');
EXECUTE words;
RESET SESSION AUTHORIZATION;
REVOKE USAGE ON TYPE tenancy.administrator FROM regress_app;
SET SESSION AUTHORIZATION regress_app;
-- A cursor that outlives its principal raises an error where rows are masked or let through.
BEGIN;
CALL become('olivia');
DECLARE c CURSOR FOR SELECT CASE WHEN tenancy.authorize('environments', 'prod') THEN n END FROM generate_series(1, 3) n;
FETCH c;
CALL become('mike');
FETCH c;
ROLLBACK;
DEALLOCATE words;
RESET plan_cache_mode;
-- Where there is no table, nothing is replaced: PL/pgSQL keeps its plan for all principals.
SELECT plan_of('olivia', 'SELECT tenancy.authorize(''environments'', ''prod'')');
-- Names that aren't registered are errors here, too.
CALL become('olivia');
SELECT count(*) FROM app.calls WHERE tenancy.authorize('environments', 'prd');
RESET SESSION AUTHORIZATION;
-- A nil uuid is no workspace, as in coalesce(workspace_id, '00000000-0000-0000-0000-000000000000'): false like any other that there isn't, planned
-- or row by row; where the right is one on the organization, there.
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
SELECT tenancy.authorize('logs', 'view') AS anywhere, tenancy.authorize('logs', 'view', '00000000-0000-0000-0000-000000000000'::uuid) AS nowhere, tenancy.authorize('logs', 'view', 'aaaaaaaa-0000-4000-8000-000000000002'::uuid) AS in_search,
       tenancy.authorize('billing', 'manage', '00000000-0000-0000-0000-000000000000'::uuid) AS billing;
SELECT w, tenancy.authorize('logs', 'view', coalesce(w, '00000000-0000-0000-0000-000000000000')) AS held FROM (VALUES (NULL::uuid), ('aaaaaaaa-0000-4000-8000-000000000002')) v (w) ORDER BY 1;
CALL become('olivia');
SELECT tenancy.authorize('logs', 'view', '00000000-0000-0000-0000-000000000000'::uuid) AS nowhere, tenancy.authorize('billing', 'manage', '00000000-0000-0000-0000-000000000000'::uuid) AS billing;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
