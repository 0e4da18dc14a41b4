-- A credential that is confined to a workspace learns of no other: a setting that names another one is an error like one that names none,
-- and no hint has a name. Ben is in search and in support.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\pset format unaligned
SELECT tenancy.bind_login('regress_bound', 'ben@acme.test', 'acme', 'search');
-- What the application would be told
CREATE FUNCTION told(setting text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
  hint text;
BEGIN
  PERFORM set_config('tenancy.workspace', told.setting, true);
  RETURN 'none, in ' || (tenancy.whoami()).workspace;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(' ', SQLSTATE, SQLERRM || '.', detail, hint);
END
$$;
\set names '(VALUES (1, \'search\'), (2, \'support\'), (3, \'suport\'), (4, \'serch\'), (5, \'acme/support\'), (6, \'globex/lab\'), (7, \'13\'), (8, \'99\')) n (i, name)'
SET SESSION AUTHORIZATION regress_bound;
SELECT name, told(name) FROM :names ORDER BY i;
SET SESSION AUTHORIZATION DEFAULT;
-- By a login that is not confined, the names of the user's own workspaces are hints.
SELECT tenancy.bind_login('regress_bound', 'ben@acme.test', 'acme');
SET SESSION AUTHORIZATION regress_bound;
SELECT name, told(name) FROM :names ORDER BY i;
SET SESSION AUTHORIZATION DEFAULT;
-- A key of one workspace
SELECT secret FROM secrets WHERE name ~ 'search' LIMIT 1 \gset
SET SESSION AUTHORIZATION regress_plain;
SET tenancy.api_key = :'secret';
SELECT name, told(name) FROM :names ORDER BY i;
RESET tenancy.api_key;
SET SESSION AUTHORIZATION DEFAULT;
-- A login of one workspace is less than its user, as a token is: it takes no role that would count in the user's other sessions, and ends no keys.
BEGIN;
\o /dev/null
SELECT tenancy.allow_elevation('acme', 'workspace/manager', 'ben@acme.test', '1 hour');
\o
CREATE FUNCTION takes(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SELECT %s', call);
  RETURN 'done';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
\set calls '(VALUES (3, \'tenancy.elevate(\'\'manager\'\', \'\'ticket\'\', \'\'1 hour\'\', \'\'support\'\')\'), (1, \'tenancy.revoke_api_keys(\'\'ben@acme.test\'\')\'), (2, \'tenancy.update_user(NULL, name => \'\'B\'\')\'), (4, \'tenancy.leave_organization(\'\'acme\'\')\'), (5, \'count(*) FROM tenancy.my_organizations()\')) n (i, call)'
SELECT tenancy.bind_login('regress_bound', 'ben@acme.test', 'acme', 'support');
SET SESSION AUTHORIZATION regress_bound;
SELECT call, takes(call) FROM :calls ORDER BY i;
SET SESSION AUTHORIZATION DEFAULT;
SELECT tenancy.bind_login('regress_bound', 'ben@acme.test', 'acme');
SET SESSION AUTHORIZATION regress_bound;
SELECT call, takes(call) FROM :calls ORDER BY i;
SET SESSION AUTHORIZATION DEFAULT;
ROLLBACK;
-- What an organization says of a user is for the user itself. A key, whose maker knows its secret, and a login of one workspace are told of
-- the workspace that they are in, as its team is.
\o /dev/null
SELECT tenancy.set_workspace_role('acme/search', 'ben@acme.test', 'manager', reason => 'relevance'), tenancy.set_workspace_role('acme/support', 'ben@acme.test', 'member', reason => 'acquisition'),
       tenancy.set_member('acme', 'ben@acme.test', external_id => 'ben-77');
SELECT tenancy.create_group('acme', name) FROM unnest('{crew,desk,board}'::text[]) name;
SELECT tenancy.set_group_role('acme/search', 'crew', 'member'), tenancy.set_group_role('acme/support', 'desk', 'member'), tenancy.set_group_role('acme', 'board', 'member');
SELECT tenancy.sync_group('acme', name, '{ben@acme.test}', reason => 'on call') FROM unnest('{crew,desk,board}'::text[]) name;
SELECT tenancy.allow_elevation('acme', 'workspace/admin', 'ben@acme.test', '1 hour');
SET SESSION AUTHORIZATION regress_app;
CALL become('ben');
SELECT tenancy.elevate('admin', 'incident', '1 hour', 'support');
CALL become('mona');
SELECT secret AS narrow FROM tenancy.create_api_key('workspace_user_key', 'narrow', 'acme', 'search', 'ben@acme.test', '["logs.list"]') \gset
SELECT secret AS team FROM tenancy.create_api_key('workspace_user_key', 'team', 'acme', 'search', 'ben@acme.test', '["logs.list", "team.list", "team.view"]') \gset
CALL become('nobody');
RESET SESSION AUTHORIZATION;
INSERT INTO secrets VALUES ('narrow key', :'narrow'), ('team key', :'team');
CREATE TEMP TABLE questions (n int GENERATED ALWAYS AS IDENTITY, question text, query text);
GRANT SELECT ON questions TO PUBLIC;
INSERT INTO questions (question, query) VALUES
  ('whoami()', $$SELECT concat_ws(' ', kind, email, workspace) FROM tenancy.whoami()$$),
  ('my_organizations()', $$SELECT concat_ws(' ', organization, role) FROM tenancy.my_organizations()$$),
  ('members', $$SELECT concat_ws(' ', email, role, external_id, ends_at, reason) FROM tenancy.members$$),
  ('organization_members', $$SELECT concat_ws(' ', right(user_id::text, 1), external_id) FROM tenancy.organization_members$$),
  ('workspace_members', $$SELECT concat_ws(' ', right(m.workspace_id::text, 1), right(m.user_id::text, 1), r.name, m.reason) FROM tenancy.workspace_members m JOIN tenancy.roles r USING (role_id)$$),
  ('groups', $$SELECT name FROM tenancy.groups$$),
  ('group_members', $$SELECT right(user_id::text, 1) || ' ' || reason FROM tenancy.group_members$$),
  ('elevation_rules', $$SELECT maximum::text FROM tenancy.elevation_rules$$),
  ('elevations', $$SELECT reason FROM tenancy.elevations$$),
  ('review_elevations()', $$SELECT concat_ws(' ', member, role, workspace, reason) FROM tenancy.review_elevations()$$),
  ('explain_authorize()', $$SELECT concat_ws(', ', rule, source, result) FROM tenancy.explain_authorize('logs', 'list') WHERE source ~ '_roles|members|elevations'$$),
  ('... in its workspace', $$SELECT concat_ws(', ', rule, source, result) FROM tenancy.explain_authorize('logs', 'list', 'search') WHERE source ~ '_roles|members|elevations' OR rule = 'decision'$$),
  ('... elsewhere', $$SELECT concat_ws(', ', rule, source, result) FROM tenancy.explain_authorize('logs', 'list', 'support') WHERE source ~ '_roles|members|elevations' OR rule = 'decision'$$);
CREATE FUNCTION learns(who text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  found text;
BEGIN
  IF session_user = 'regress_app' THEN
    CALL app.become(who, true);
  END IF;
  EXECUTE format('SELECT string_agg(x, ''; '' ORDER BY x COLLATE "C") FROM (%s) q (x)', query) INTO found;
  RETURN coalesce(found, '-');
END
$$;
\o
SET SESSION AUTHORIZATION regress_app;
SELECT question, learns('ben', query) AS ben FROM questions ORDER BY n;
SELECT question, learns('narrow key', query) AS a_key FROM questions ORDER BY n;
SELECT question, learns('team key', query) AS a_key_for_the_team FROM questions ORDER BY n;
RESET SESSION AUTHORIZATION;
SELECT tenancy.bind_login('regress_bound', 'ben@acme.test', 'acme', 'search');
SET SESSION AUTHORIZATION regress_bound;
SELECT question, learns('ben', query) AS a_login_of_search FROM questions ORDER BY n;
RESET SESSION AUTHORIZATION;
-- The key works for what it is for.
\o /dev/null
CREATE TABLE notes (id int, organization_id uuid, workspace_id uuid, user_id uuid);
SELECT tenancy.protect('notes', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id');
GRANT SELECT ON notes TO PUBLIC;
INSERT INTO notes SELECT i, w.organization_id, w.workspace_id, 'cccccccc-0000-4000-8000-000000000005' FROM tenancy.workspaces w, generate_series(1, 2) i WHERE w.slug IN ('search', 'support');
INSERT INTO secrets SELECT 'views', secret FROM tenancy.create_api_key('workspace_user_key', 'views', 'acme', 'search', 'ben@acme.test', '["logs.view"]');
\o
SET SESSION AUTHORIZATION regress_app;
CALL become('views');
SELECT count(*), tenancy.current_user_id() FROM notes;
CALL become('nobody');
RESET SESSION AUTHORIZATION;

-- Nor do who_can(), and what says who has made a key, name people and keys whom the session sees nowhere else.
\o /dev/null
SET SESSION AUTHORIZATION regress_app;
CALL become('acme master');
SELECT tenancy.create_api_key('workspace_service_key', 'made by the master key', 'acme', 'search', scopes => '["logs.list"]');
CALL become('nobody');
RESET SESSION AUTHORIZATION;
CREATE FUNCTION holders(who text, place text) RETURNS TABLE (kind text, id text, name text, via text) LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  RETURN QUERY SELECT w.principal_kind, CASE w.principal_kind WHEN 'user' THEN right(w.principal_id::text, 1) END, w.name, w.via FROM tenancy.who_can('logs', 'list', place) w ORDER BY 1, 2, 3;
END
$$;
\o
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM holders('mike', 'search');
SELECT * FROM holders('mona', 'search');
SELECT * FROM holders('team key', 'search');
SELECT * FROM holders('olivia', 'search');
SELECT who, learns(who, $$SELECT regexp_replace(created_by, '[0-9a-f-]{36}', 'ID') FROM tenancy.review_api_keys() WHERE name = 'made by the master key'$$) AS made_by FROM unnest('{mona,olivia}'::text[]) who;
RESET SESSION AUTHORIZATION;
