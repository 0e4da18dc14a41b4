-- permissions(), who_can(), access_matrix(), explain_authorize(): what authorize() decides, as lists.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
\o /dev/null
-- A world with something of every kind: roles of the organization's own on both levels, overrides of both kinds that count and that
-- don't, users that are restricted, locked out or without workspace, keys of all kinds, expired, revoked, deleted and wider than their user.
SELECT tenancy.create_role('acme', 'organization', 'auditor', all_workspaces => true), tenancy.create_role('acme', 'organization', 'clerk'), tenancy.create_role('acme', 'workspace', 'reader'), tenancy.create_role('acme', 'workspace', 'editor', 'manager');
SELECT tenancy.grant_permission('acme', 'organization', 'auditor', resource, action) FROM tenancy.permissions WHERE action IN ('view', 'list');
SELECT tenancy.grant_permission('acme', 'organization', 'clerk', resource, action) FROM (VALUES ('billing', 'manage'), ('configs', 'view'), ('prompts', 'delete')) v (resource, action);
SELECT tenancy.grant_permission('acme', 'workspace', 'reader', resource, action) FROM (VALUES ('logs', 'view'), ('traces', 'list'), ('completions', 'write')) v (resource, action);
SELECT tenancy.create_user(name || '@acme.test') FROM unnest(ARRAY['audrey', 'clara', 'rita', 'eddie', 'rob', 'lucy']) name;
SELECT tenancy.set_organization_role('acme', name || '@acme.test', role) FROM (VALUES ('audrey', 'auditor'), ('clara', 'clerk'), ('rita', 'member'), ('eddie', 'member'), ('rob', 'auditor'), ('lucy', 'member')) v (name, role);
SELECT tenancy.set_workspace_role('acme/' || w, name || '@acme.test', role) FROM (VALUES ('clara', 'search', 'member'), ('rita', 'search', 'reader'), ('eddie', 'support', 'editor'), ('rob', 'search', 'manager'), ('lucy', 'support', 'manager')) v (name, w, role);
UPDATE tenancy.users SET active = false WHERE email = 'lucy@acme.test';
SELECT tenancy.register_permission('datasets', 'view', 'View datasets'), tenancy.register_permission('datasets', 'create', 'Create datasets');
SELECT tenancy.grant_permission('acme', 'workspace', 'member', 'datasets', 'view'), tenancy.revoke_permission('acme', 'workspace', 'manager', 'prompts', 'publish'), tenancy.grant_permission('acme', 'organization', 'member', 'audit_logs', 'list');
SELECT tenancy.set_setting('acme', 'members_view_all_data', false), tenancy.set_setting('acme', 'org_admins_view_logs', false), tenancy.set_setting('acme', 'managers_view_analytics', false),
       tenancy.set_setting('acme', 'members_view_keys', true), tenancy.set_setting('acme', 'members_view_prompts', false, 'search'), tenancy.set_setting('acme', 'org_admins_view_logs', true, 'support'),
       tenancy.set_setting('acme', 'managers_view_logs', false, 'search'), tenancy.allow_workspace_overrides('acme', 'logs', true), tenancy.set_role_visibility('acme', 'editor', false);
INSERT INTO secrets
SELECT v.name, k.secret FROM (VALUES ('mike all', 'workspace_user_key', 'search', 'mike@acme.test', '"all"'), ('rita all', 'workspace_user_key', 'search', 'rita@acme.test', '"all"'), ('olivia all', 'workspace_user_key', 'support', 'olivia@acme.test', '"all"'),
    ('nora all', 'workspace_user_key', 'search', 'nora@acme.test', '"all"'), ('lucy all', 'workspace_user_key', 'support', 'lucy@acme.test', '"all"'), ('mona writes', 'workspace_user_key', 'search', 'mona@acme.test', '{"completions": "enabled"}'),
    ('support all', 'workspace_service_key', 'support', NULL, '"all"'), ('acme reader', 'organization_service_key', NULL, NULL, '["logs.view", "billing.manage"]'), ('support keys', 'workspace_service_key', 'support', NULL, '["api_keys.create", "team.list"]')) v (name, kind, w, u, scopes),
  tenancy.create_api_key(v.kind, v.name, 'acme', v.w, v.u, v.scopes::jsonb) k;
INSERT INTO tenancy.api_keys (kind, name, organization_id, all_scopes, expires_at, revoked_at, deleted_at)
SELECT 'organization_service_key', v.name, 'aaaaaaaa-0000-4000-8000-000000000000', true, v.expires_at, v.revoked_at, v.deleted_at
FROM (VALUES ('expired', now() - interval '1 minute', NULL, NULL), ('revoked', NULL, now(), NULL), ('deleted', NULL, now(), now())) v (name, expires_at, revoked_at, deleted_at);
INSERT INTO people (who) SELECT name FROM unnest(ARRAY['audrey', 'clara', 'rita', 'eddie', 'rob', 'lucy']) name UNION ALL SELECT name FROM secrets WHERE name NOT IN (SELECT who FROM people);
GRANT SELECT ON ALL TABLES IN SCHEMA app TO PUBLIC;
\o
CREATE TABLE places (place text);
INSERT INTO places VALUES (NULL), ('search'), ('support');
CREATE TABLE asked AS SELECT resource, action FROM tenancy.permissions;
-- authorize() and permissions() of each session, for every permission in every place, and explain_authorize()'s last row in some.
CREATE TABLE decided (who text, resource text, action text, place text, authorized boolean, permitted text, explained text);
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
CREATE PROCEDURE ask(who text) LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  INSERT INTO app.decided
  SELECT ask.who, a.resource, a.action, p.place, CASE WHEN p.place IS NULL THEN tenancy.authorize(a.resource, a.action) ELSE tenancy.authorize(a.resource, a.action, p.place) END,
         t.rows, CASE WHEN p.place = 'search' AND a.resource IN ('logs', 'api_keys', 'datasets', 'completions') OR a.resource = 'billing' THEN (SELECT e.result FROM tenancy.explain_authorize(a.resource, a.action, p.place) e ORDER BY e.step DESC LIMIT 1) END
  FROM app.places p CROSS JOIN app.asked a LEFT JOIN tenancy.permissions() t ON t.resource = a.resource AND t.action = a.action AND t.workspace IS NOT DISTINCT FROM p.place;
EXCEPTION WHEN invalid_authorization_specification THEN
  INSERT INTO app.decided SELECT ask.who, a.resource, a.action, p.place, false, NULL, 'denied' FROM app.places p, app.asked a;
END
$$;
SET SESSION AUTHORIZATION regress_app;
DO $$
DECLARE
  somebody text;
BEGIN
  FOR somebody IN SELECT who FROM app.people WHERE who NOT IN ('gus', 'globex master') ORDER BY n LOOP
    CALL app.ask(somebody);
  END LOOP;
END
$$;
SELECT who, count(*) FILTER (WHERE authorized) AS allowed, count(*) FILTER (WHERE NOT authorized) AS denied FROM decided JOIN people USING (who) GROUP BY who, n ORDER BY n;
-- permissions() in a workspace: just what authorize() allows there, of what isn't the organization's; on the organization and anywhere
SELECT * FROM decided WHERE place IS NOT NULL AND resource NOT IN ('organization', 'billing', 'audit_logs') AND action <> 'sync_groups' AND authorized <> (permitted IS NOT NULL);
SELECT * FROM decided d WHERE place IS NULL AND authorized <> (permitted IS NOT NULL OR EXISTS (
  SELECT FROM decided o WHERE (o.who, o.resource, o.action) = (d.who, d.resource, d.action) AND o.permitted IS NOT NULL AND d.resource NOT IN ('organization', 'billing', 'audit_logs')));
-- explain_authorize()'s last row: the decision, and as many rows
SELECT * FROM decided WHERE authorized <> (explained LIKE 'allowed%') OR (place IS NOT NULL AND permitted IS NOT NULL AND explained <> 'allowed, ' || permitted || ' rows');

-- who_can(), asked by the owner: just those, by name; and as many rows
CREATE TEMP TABLE answered AS SELECT NULL::text AS resource, NULL::text AS action, NULL::text AS place, NULL::text AS kind, NULL::text AS who, NULL::text AS rows, NULL::text AS via WHERE false;
SELECT set_config('tenancy.user', 'olivia@acme.test', false);
INSERT INTO answered SELECT a.resource, a.action, p.place, w.principal_kind, split_part(w.name, '@', 1), w.rows, w.via FROM asked a CROSS JOIN places p, tenancy.who_can(a.resource, a.action, p.place) w;
SELECT set_config('tenancy.user', '', false);
SELECT count(*) AS answers, count(DISTINCT who) AS principals, count(*) FILTER (WHERE rows = 'own') AS own FROM answered;
SELECT d.who, d.resource, d.action, d.place, d.authorized, a.via FROM decided d FULL JOIN answered a ON (a.who, a.resource, a.action) = (d.who, d.resource, d.action) AND a.place IS NOT DISTINCT FROM d.place
WHERE coalesce(d.authorized, false) <> (a.who IS NOT NULL) ORDER BY 1, 2, 3, 4;
SELECT d.who, d.resource, d.action, d.place, d.permitted, a.rows FROM decided d JOIN answered a ON (a.who, a.resource, a.action) = (d.who, d.resource, d.action) AND a.place = d.place
WHERE a.rows <> d.permitted ORDER BY 1, 2, 3, 4;
-- each once; by which role
SELECT resource, action, place, who FROM answered GROUP BY 1, 2, 3, 4 HAVING count(*) > 1;
SELECT kind, who, rows, via FROM answered WHERE resource = 'logs' AND action = 'view' AND place = 'search' ORDER BY kind, who;
SELECT kind, who, rows, via FROM answered WHERE resource = 'logs' AND action = 'view' AND place = 'support' AND who NOT IN (SELECT who FROM answered WHERE resource = 'logs' AND action = 'view' AND place = 'search') ORDER BY kind, who;
SELECT kind, who, rows, via FROM answered WHERE resource = 'billing' AND place IS NULL ORDER BY kind, who;
-- what isn't known, and what is asked from below
SELECT set_config('tenancy.user', 'mona@acme.test', false);
SELECT count(*) > 0 AS some FROM tenancy.who_can('logs', 'list', 'search');
SELECT tenancy.who_can('logs', 'list', 'support');
SELECT tenancy.who_can('logs', 'lits', 'search');
SELECT tenancy.who_can('lgos', 'list', 'search');
SELECT tenancy.explain_authorize('lgos', 'list');
SELECT tenancy.explain_authorize('logs', 'list', 'lab');
SELECT set_config('tenancy.user', '', false);
SELECT * FROM tenancy.permissions();
SELECT * FROM tenancy.explain_authorize('logs', 'view');
SELECT tenancy.access_matrix();
RESET SESSION AUTHORIZATION;

-- What the organization sets, only with workspaces.view there
BEGIN;
SELECT tenancy.set_setting('acme', 'members_view_all_data', false), tenancy.create_role('acme', 'workspace', 'secretive') IS NOT NULL AS made, tenancy.grant_permission('acme', 'workspace', 'secretive', 'logs', 'view');
SELECT count(*) FILTER (WHERE source = 'organization') > 0 AS of_organization, count(*) > 0 AS any FROM tenancy.access_matrix('acme');
SELECT secret FROM tenancy.create_api_key('workspace_service_key', 'narrow', workspace => 'acme/search', scopes => '["logs.list"]') \gset
SET LOCAL SESSION AUTHORIZATION regress_app;
SET LOCAL tenancy.api_key = :'secret';
SELECT count(*) FILTER (WHERE source = 'organization') > 0 AS of_organization, count(*) > 0 AS any FROM tenancy.access_matrix();
CALL become('olivia', true);
SELECT count(*) FILTER (WHERE source = 'organization') > 0 AS of_organization, count(*) > 0 AS any FROM tenancy.access_matrix();
ROLLBACK;

-- access_matrix(): what a user who is new, and has that role alone, may do where it is given
INSERT INTO tenancy.users (user_id, email) VALUES ('cccccccc-0000-4000-8000-0000000000ff', 'fresh@acme.test');
CREATE TABLE fresh (level text, role text, resource text, action text, authorized boolean);
DO $$
DECLARE
  dba text := session_user;
  given record;
BEGIN
  PERFORM tenancy.create_workspace('acme', 'Untouched');
  FOR given IN SELECT r.level, r.name, r.all_workspaces FROM tenancy.roles r WHERE r.organization_id IS NULL OR r.organization_id = 'aaaaaaaa-0000-4000-8000-000000000000' LOOP
    PERFORM tenancy.set_organization_role('acme', 'fresh@acme.test', CASE given.level WHEN 'organization' THEN given.name ELSE 'member' END);
    IF given.level = 'workspace' THEN
      PERFORM tenancy.set_workspace_role('acme/untouched', 'fresh@acme.test', given.name);
    END IF;
    PERFORM set_config('session_authorization', 'regress_app', true);
    CALL app.become('fresh', true);
    INSERT INTO app.fresh SELECT given.level, given.name, a.resource, a.action, CASE WHEN given.level = 'organization' AND NOT given.all_workspaces THEN tenancy.authorize(a.resource, a.action) ELSE tenancy.authorize(a.resource, a.action, 'untouched') END FROM app.asked a;
    CALL app.become('nobody', true);
    PERFORM set_config('session_authorization', dba, true);
    IF given.level = 'workspace' THEN
      PERFORM tenancy.remove_workspace_member('acme/untouched', 'fresh@acme.test');
    END IF;
  END LOOP;
END
$$;
SELECT level, role, count(*) FILTER (WHERE allowed) AS allowed, count(*) AS of, count(*) FILTER (WHERE source = 'organization') AS overridden FROM tenancy.access_matrix('acme') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT m.level, m.role, m.resource, m.action, m.allowed, f.authorized FROM tenancy.access_matrix('acme') m FULL JOIN fresh f USING (level, role, resource, action)
WHERE m.allowed IS DISTINCT FROM f.authorized AND NOT (m.allowed IS NULL AND f.level = 'workspace' AND f.resource IN ('organization', 'billing', 'audit_logs'));
SELECT level, role, resource, action, allowed FROM tenancy.access_matrix('acme') WHERE source = 'organization' AND role NOT IN ('auditor', 'editor') ORDER BY 1, 2, 3, 4;
SELECT count(*) FROM tenancy.access_matrix('globex') WHERE source = 'organization' OR role IN ('auditor', 'clerk', 'reader', 'editor');

-- explain_authorize() in full: by a role and its overrides, by a restricted role, by a user key, confined, by nobody
SET SESSION AUTHORIZATION regress_app;
CREATE FUNCTION pg_temp.explained(who text, resource text, action text, place text DEFAULT NULL) RETURNS TABLE (step int, rule text, source text, result text) LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  RETURN QUERY SELECT * FROM tenancy.explain_authorize(resource, action, place);
END
$$;
SELECT * FROM pg_temp.explained('mike', 'logs', 'view', 'search');
SELECT * FROM pg_temp.explained('mona', 'logs', 'view', 'search');
SELECT * FROM pg_temp.explained('adam', 'logs', 'view', 'support');
SELECT * FROM pg_temp.explained('eddie', 'prompts', 'delete', 'support');
SELECT * FROM pg_temp.explained('mike all', 'logs', 'write', 'search');
SELECT * FROM pg_temp.explained('mike all', 'api_keys', 'create', 'search');
SELECT * FROM pg_temp.explained('search service', 'billing', 'manage');
SELECT * FROM pg_temp.explained('clara', 'billing', 'manage');
SET tenancy.workspace = 'search';
SELECT * FROM pg_temp.explained('olivia', 'billing', 'manage');
RESET tenancy.workspace;
RESET SESSION AUTHORIZATION;
