-- Hints and errors in words: what would help the session here, the nearest name that it may know, and no inner workings.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\pset format unaligned
CREATE FUNCTION hint(who text, command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  hint text;
BEGIN
  CALL app.become(who, true);
  EXECUTE command;
  RETURN 'done';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
  RETURN hint;
END
$$;
\o /dev/null
SELECT tenancy.create_role('acme', 'workspace', 'librarian'), tenancy.grant_permission('acme', 'workspace', 'librarian', 'prompts', 'delete');
SELECT tenancy.set_setting('acme', 'managers_view_logs', false), tenancy.allow_workspace_overrides('acme', 'logs', true),
       tenancy.set_setting('acme', 'managers_view_logs', true, 'search');
\o
SET SESSION AUTHORIZATION regress_app;
-- A role is named where it has the permission: with roles of the organization and settings, and on the organization no role of workspaces.
SELECT who, resource, action, workspace, hint(who, format('SELECT tenancy.require(%L, %L, %L)', resource, action, workspace)) FROM (VALUES
  ('mike', 'prompts', 'delete', 'search'),
  ('mike', 'prompts', 'delete', NULL),
  ('ben', 'logs', 'view', 'support'),
  ('mike', 'api_keys', 'create', 'search'),
  ('nora', 'logs', 'view', 'search'),
  ('wanda', 'organization', 'update', NULL),
  ('wanda', 'billing', 'manage', 'support'),
  ('adam', 'billing', 'manage', NULL),
  ('search service', 'prompts', 'delete', 'search'),
  ('acme master', 'logs', 'view', 'search'),
  ('mike key', 'team', 'assign_roles', 'search'),
  ('nobody', 'logs', 'view', NULL)) v (who, resource, action, workspace);
SELECT who, command, hint(who, 'SELECT tenancy.' || command) FROM (VALUES
  ('wanda', $$create_workspace(NULL, 'X')$$),
  ('wanda', $$update_organization(NULL, name => 'X')$$),
  ('wanda', $$set_organization_role(NULL, 'mike@acme.test', 'member')$$),
  ('mike', $$set_workspace_role('search', 'ben@acme.test', 'member')$$),
  ('search service', $$create_workspace(NULL, 'X')$$)) v (who, command);
-- A manager loses full logs by the organization's setting, but not in search, which has its own: the hint's setting does help.
SELECT hint('ben', $$SELECT tenancy.require('logs', 'view', 'search')$$), hint('mona', $$SELECT tenancy.require('logs', 'view', 'search')$$);
RESET SESSION AUTHORIZATION;
\o /dev/null
SELECT tenancy.allow_workspace_overrides('acme', 'logs', false);
\o
SET SESSION AUTHORIZATION regress_app;
SELECT hint('mona', $$SELECT tenancy.require('logs', 'view', 'search')$$);
-- Likewise by a group's role
SELECT hint('nora', $$SELECT tenancy.require('logs', 'view', 'support')$$) AS without_group;
RESET SESSION AUTHORIZATION;
\o /dev/null
SELECT tenancy.create_group('acme', 'desk'), tenancy.set_group_role('acme/support', 'desk', 'manager'), tenancy.sync_group('acme', 'desk', '{nora@acme.test}');
\o
SET SESSION AUTHORIZATION regress_app;
SELECT hint('nora', $$SELECT tenancy.require('logs', 'view', 'support')$$) AS by_group, hint('nora', $$SELECT tenancy.require('logs', 'view', 'search')$$) AS elsewhere;
-- and not by one that has ended for its member
RESET SESSION AUTHORIZATION;
UPDATE tenancy.group_members SET ends_at = clock_timestamp() - interval '1 second';
SET SESSION AUTHORIZATION regress_app;
SELECT hint('nora', $$SELECT tenancy.require('logs', 'view', 'support')$$) AS ended;
RESET SESSION AUTHORIZATION;
UPDATE tenancy.group_members SET ends_at = NULL;
\o /dev/null
SELECT tenancy.set_workspace_role('acme/support', 'nora@acme.test', 'manager');
\o
SET SESSION AUTHORIZATION regress_app;
SELECT hint('nora', $$SELECT tenancy.require('logs', 'view', 'support')$$) AS both;
RESET SESSION AUTHORIZATION;
UPDATE tenancy.group_members SET ends_at = clock_timestamp() - interval '1 second';
UPDATE tenancy.workspace_members m SET ends_at = clock_timestamp() - interval '1 second' FROM tenancy.users u WHERE u.user_id = m.user_id AND u.email = 'nora@acme.test';
SET SESSION AUTHORIZATION regress_app;
SELECT hint('nora', $$SELECT tenancy.require('logs', 'view', 'support')$$) AS both_ended;
RESET SESSION AUTHORIZATION;
UPDATE tenancy.group_members SET ends_at = NULL;
DELETE FROM tenancy.workspace_members m USING tenancy.users u WHERE u.user_id = m.user_id AND u.email = 'nora@acme.test';
SET SESSION AUTHORIZATION regress_app;
-- Near names of workspaces: those that the session may know
SELECT who, workspace, hint(who, format('SELECT tenancy.authorize(''logs'', ''view'', %L)', workspace)) AS authorize,
       hint(who, format('SELECT tenancy.set_workspace_role(%L, ''mike@acme.test'', ''member'')', workspace)) AS set_workspace_role
FROM (VALUES ('olivia', 'serach'), ('olivia', 'acme/suport'), ('mike', 'suport'), ('ben', 'suport'), ('olivia', 'labb'), ('gus', 'labb'),
             ('search service', 'suport')) v (who, workspace);
RESET SESSION AUTHORIZATION;
SELECT hint('nobody', $$SELECT tenancy.bind_login('regress_plain', 'mike@acme.test', 'acme', 'serch')$$);
-- Constraints in words; SQLSTATE, table and constraint stay.
CREATE FUNCTION words(command text, OUT state text, OUT "constraint" text, OUT message text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE command;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, "constraint" = CONSTRAINT_NAME, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
END
$$;
SELECT w.* FROM unnest(ARRAY[$$create_workspace('acme', 'Search')$$, $$create_workspace('acme', 'X', 'Not A Slug')$$, $$create_workspace('acme', '', 'x')$$,
  $$create_workspace('acme', 'X', external_id => '12')$$, $$create_workspace('acme', 'X', external_id => '')$$, $$create_organization('Acme', 'new@new.test')$$,
  $$create_user('mike@acme.test')$$, $$create_user('new@new.test', external_id => '101')$$, $$create_role('acme', 'workspace', 'librarian')$$,
  $$create_role('acme', 'workspace', 'member')$$, $$create_role('acme', 'workspace', 'A B')$$, $$register_permission('logs', 'view', 'x')$$,
  $$register_permission('Bad Name', 'view', 'x')$$, $$create_api_key('organization_service_key', '', 'acme')$$,
  $$create_api_key('organization_service_key', NULL, 'acme')$$, $$register_permission('things', 'view', NULL)$$]) call, words('SELECT tenancy.' || call) w;
-- By plain DML a DBA gets the server's own.
SELECT * FROM words($$INSERT INTO tenancy.workspaces (organization_id, slug, name) VALUES ('aaaaaaaa-0000-4000-8000-000000000000', 'search', 'X')$$);
-- The context ends where the caller's own code does.
\set SHOW_CONTEXT always
SELECT tenancy.create_workspace('acme', 'Search');
-- Notices and warnings, guard rails, triggers of catalogs, functions with their caller's rights
SET client_min_messages = notice;
CREATE TABLE contexts (organization_id uuid);
SELECT tenancy.protect('contexts', 'logs', 'organization_id') \g /dev/null
ALTER TABLE contexts NO FORCE ROW LEVEL SECURITY;
CREATE FUNCTION opens() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tenancy.protect('contexts', 'logs', 'organization_id');
  ALTER TABLE contexts NO FORCE ROW LEVEL SECURITY;
END
$$;
SELECT opens();
UPDATE tenancy.users SET email = 'no address' WHERE email = 'mike@acme.test';
SELECT tenancy.trust_function('pg_catalog.lower(text)', '');
SELECT tenancy.unprotect('contexts') \g /dev/null
DROP TABLE contexts;
RESET client_min_messages;
DO $$
BEGIN
  PERFORM tenancy.create_workspace('acme', 'Search');
END
$$;
SET SESSION AUTHORIZATION regress_app;
SET "tenancy.user" = 'mike@acme.test';
SELECT tenancy.require('prompts', 'delete');
SELECT tenancy.create_workspace(NULL, 'X');
\set SHOW_CONTEXT never
RESET "tenancy.user";
RESET SESSION AUTHORIZATION;
-- Whoever catches an error goes on as before it, also in the extension's own functions.
DO $$
BEGIN
  FOR i IN 1 .. 3 LOOP
    BEGIN
      PERFORM tenancy.create_workspace('acme', 'Search');
    EXCEPTION WHEN unique_violation THEN
      NULL;
    END;
  END LOOP;
  PERFORM tenancy.create_workspace('acme', 'After ' || current_user);
END
$$;
SELECT slug, current_user = session_user AS same_user FROM tenancy.workspaces WHERE slug LIKE 'after-%';
-- The nearest of the session's workspaces, also where the setting is mistyped
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
SET tenancy.workspace = 'acme/serch';
SELECT count(*) FROM tenancy.whoami();
SET tenancy.workspace = 'suport';
SELECT count(*) FROM tenancy.whoami();
RESET tenancy.workspace;
SELECT count(*) FROM tenancy.explain_authorize('logs', 'view', 'serch');
CALL become('search service');
SET tenancy.workspace = 'seerch';
SELECT count(*) FROM tenancy.whoami();
RESET tenancy.workspace;
CALL become('gus');
SET tenancy.workspace = 'serch';
SELECT count(*) FROM tenancy.whoami();
RESET tenancy.workspace;
CALL become('nobody');
RESET SESSION AUTHORIZATION;

-- A workspace that must be given is missed at once, and nothing loops or succeeds without one.
SELECT command, f.* FROM (VALUES ('delete_workspace(NULL)'), ('delete_workspace(NULL, true)'), ($$remove_workspace_member(NULL, 'mike@acme.test')$$),
  ($$set_workspace_role(NULL, 'mike@acme.test', 'member')$$), ($$update_workspace(NULL, 'X')$$), ($$set_workspace_role('acme/search', 'mike@acme.test', NULL)$$),
  ('trust_login(NULL)'), ('forget(NULL)'), ('create_user(NULL)'), ('accept_invitation(NULL)'), ('withdraw_invitation(NULL)'), ('approve_elevation(NULL)'), ('revoke_api_key(NULL::uuid)'),
  ($$unlink_identity(NULL, 'x')$$), ($$trust_issuer(NULL, NULL, '{"keys": []}', '{}')$$), ($$drop_role('acme', 'workspaces', 'librarian')$$), ($$trust_function('lower(text)', '')$$), ('trust_function(NULL, NULL)'),
  ($$set_key_policy('acme', '7 days')$$), ($$bind_login('regress_app', 'gus@globex.test', 'acme')$$), ($$bind_login('regress_app', 'gus@globex.test', NULL, 'acme/search')$$),
  ($$create_organization('Again', 'olivia@acme.test', external_id => 'of globex')$$)) v (command),
  failure('SELECT tenancy.update_organization(''globex'', external_id => ''of globex''); SELECT tenancy.' || command) f;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM failure($$SELECT tenancy.create_organization('Mine', 'me@mine.test')$$);
-- A trusted login is told of its own setting.
RESET SESSION AUTHORIZATION;
CREATE ROLE regress_trusted LOGIN;
SELECT tenancy.trust_login('regress_trusted');
-- One column says one thing of a row.
CREATE TABLE numbered (id int, tenant bigint, team bigint);
GRANT ALL ON numbered TO regress_trusted;
SELECT * FROM failure($$SELECT tenancy.protect('numbered', 'prompts', organization => 'tenant', workspace => 'tenant')$$);
SELECT tenancy.protect('numbered', 'prompts', organization => 'tenant');
UPDATE tenancy.organizations SET external_id = 'A17' WHERE slug = 'acme';
SET SESSION AUTHORIZATION regress_trusted;
INSERT INTO numbered VALUES (1, 17);
SELECT tenancy.create_workspace(NULL, 'X');
RESET SESSION AUTHORIZATION;
SET tenancy.anonymous_access = 'error';
SET SESSION AUTHORIZATION regress_trusted;
SELECT * FROM numbered;
RESET SESSION AUTHORIZATION;
RESET tenancy.anonymous_access;
SET SESSION AUTHORIZATION regress_trusted;
-- No value of the column names an organization whose external id is no number.
SET tenancy."user" = 'olivia@acme.test';
INSERT INTO numbered (id) VALUES (1);
INSERT INTO numbered VALUES (1, 17);
RESET SESSION AUTHORIZATION;
RESET tenancy."user";
SELECT tenancy.update_organization('acme', external_id => '17');
SET SESSION AUTHORIZATION regress_trusted;
SET tenancy."user" = 'olivia@acme.test';
INSERT INTO numbered (id) VALUES (1) RETURNING tenant;
INSERT INTO numbered VALUES (1, 18);
-- seal() lasts as long as its transaction.
SELECT tenancy.seal();
BEGIN;
SELECT tenancy.seal();
COMMIT;
RESET SESSION AUTHORIZATION;
RESET tenancy."user";
