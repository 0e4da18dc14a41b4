\set ECHO none
-- The world that the tests live in. It starts each file anew: catalogs, schema app, roles, settings.
--
--   acme    workspaces search and support (and the default one)
--     olivia  owner
--     adam    admin
--     mona    manager in search
--     mike    member in search
--     ben     manager in search, member in support
--     wanda   admin in support
--     nora    organization member without a workspace
--   globex  workspace lab
--     gus     owner
--
-- Ids are fixed, secrets are not: app.secrets has them by the key's name.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
-- Autovacuum of a catalog makes sessions forget what they have read from it, when nobody expects that.
DO $$
DECLARE
  catalog regclass;
BEGIN
  FOR catalog IN SELECT oid FROM pg_class WHERE relnamespace::regnamespace::text IN ('tenancy', 'tenancy_internal') AND relkind = 'r' AND reloptions IS NULL LOOP
    EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', catalog);
  END LOOP;
END
$$;
DROP SCHEMA IF EXISTS app CASCADE;
TRUNCATE tenancy.login_bindings, tenancy.protected_tables, tenancy.protected_names;
DELETE FROM tenancy.organizations;
DELETE FROM tenancy.users;
DELETE FROM tenancy_internal.ended_links;
DELETE FROM tenancy.grants WHERE (resource, action) IN (SELECT resource, action FROM tenancy.permissions WHERE NOT built_in);
DELETE FROM tenancy.permissions WHERE NOT built_in;
DROP ROLE IF EXISTS regress_app, regress_plain, regress_bound, regress_owner;
CREATE ROLE regress_app LOGIN;    -- trusted: an application that authenticates its users itself
CREATE ROLE regress_plain LOGIN;  -- stands for nobody
CREATE ROLE regress_bound LOGIN;  -- stands for mike
CREATE ROLE regress_owner LOGIN;  -- owns tables
CREATE SCHEMA app;
GRANT USAGE, CREATE ON SCHEMA app TO regress_owner;
GRANT USAGE ON SCHEMA app TO PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT ALL ON TABLES TO PUBLIC;
SET search_path = app;

INSERT INTO tenancy.organizations (organization_id, slug, name, external_id) VALUES
  ('aaaaaaaa-0000-4000-8000-000000000000', 'acme', 'Acme', '1'),
  ('bbbbbbbb-0000-4000-8000-000000000000', 'globex', 'Globex', '2');
INSERT INTO tenancy.workspaces (workspace_id, organization_id, slug, name, external_id, is_default) VALUES
  ('aaaaaaaa-0000-4000-8000-000000000001', 'aaaaaaaa-0000-4000-8000-000000000000', 'shared-team-workspace', 'Shared Team Workspace', '11', true),
  ('aaaaaaaa-0000-4000-8000-000000000002', 'aaaaaaaa-0000-4000-8000-000000000000', 'search', 'Search', '12', false),
  ('aaaaaaaa-0000-4000-8000-000000000003', 'aaaaaaaa-0000-4000-8000-000000000000', 'support', 'Support', '13', false),
  ('bbbbbbbb-0000-4000-8000-000000000001', 'bbbbbbbb-0000-4000-8000-000000000000', 'shared-team-workspace', 'Shared Team Workspace', '21', true),
  ('bbbbbbbb-0000-4000-8000-000000000002', 'bbbbbbbb-0000-4000-8000-000000000000', 'lab', 'Lab', '22', false);
INSERT INTO tenancy.users (user_id, email, external_id) VALUES
  ('cccccccc-0000-4000-8000-000000000001', 'olivia@acme.test', '101'),
  ('cccccccc-0000-4000-8000-000000000002', 'adam@acme.test', '102'),
  ('cccccccc-0000-4000-8000-000000000003', 'mona@acme.test', '103'),
  ('cccccccc-0000-4000-8000-000000000004', 'mike@acme.test', '104'),
  ('cccccccc-0000-4000-8000-000000000005', 'ben@acme.test', '105'),
  ('cccccccc-0000-4000-8000-000000000006', 'wanda@acme.test', '106'),
  ('cccccccc-0000-4000-8000-000000000007', 'nora@acme.test', '107'),
  ('cccccccc-0000-4000-8000-000000000008', 'gus@globex.test', '201');
\o /dev/null
SELECT tenancy.set_organization_role('acme', 'olivia@acme.test', 'owner'),
       tenancy.set_organization_role('acme', 'adam@acme.test', 'admin'),
       tenancy.set_organization_role('acme', 'mona@acme.test', 'member'),
       tenancy.set_organization_role('acme', 'mike@acme.test', 'member'),
       tenancy.set_organization_role('acme', 'ben@acme.test', 'member'),
       tenancy.set_organization_role('acme', 'wanda@acme.test', 'member'),
       tenancy.set_organization_role('acme', 'nora@acme.test', 'member'),
       tenancy.set_organization_role('globex', 'gus@globex.test', 'owner');
SELECT tenancy.set_workspace_role('acme/search', 'mona@acme.test', 'manager'),
       tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'member'),
       tenancy.set_workspace_role('acme/search', 'ben@acme.test', 'manager'),
       tenancy.set_workspace_role('acme/support', 'ben@acme.test', 'member'),
       tenancy.set_workspace_role('acme/support', 'wanda@acme.test', 'admin');
INSERT INTO tenancy.login_bindings (login, trusted, user_id) VALUES
  ('regress_app', true, NULL),
  ('regress_bound', false, 'cccccccc-0000-4000-8000-000000000004');

-- Keys by name, with fixed ids.
CREATE TABLE secrets (name text PRIMARY KEY, secret text NOT NULL);
INSERT INTO secrets SELECT name, tenancy_internal.generate_api_key()
FROM unnest(ARRAY['acme master', 'search service', 'mike key', 'ben support key', 'globex master']) name;
INSERT INTO tenancy.api_keys (api_key_id, kind, name, organization_id, workspace_id, user_id, external_id, all_scopes) VALUES
  ('dddddddd-0000-4000-8000-000000000001', 'organization_service_key', 'acme master', 'aaaaaaaa-0000-4000-8000-000000000000', NULL, NULL, '901', true),
  ('dddddddd-0000-4000-8000-000000000002', 'workspace_service_key', 'search service', 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', NULL, '902', false),
  ('dddddddd-0000-4000-8000-000000000003', 'workspace_user_key', 'mike key', 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'cccccccc-0000-4000-8000-000000000004', '903', false),
  ('dddddddd-0000-4000-8000-000000000004', 'workspace_user_key', 'ben support key', 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000003', 'cccccccc-0000-4000-8000-000000000005', '904', false),
  ('dddddddd-0000-4000-8000-000000000005', 'organization_service_key', 'globex master', 'bbbbbbbb-0000-4000-8000-000000000000', NULL, NULL, '905', true);
INSERT INTO tenancy.api_key_secrets (secret_hash, api_key_id)
SELECT sha256(convert_to(secret, 'UTF8')), api_key_id FROM secrets JOIN tenancy.api_keys USING (name);
INSERT INTO tenancy.api_key_scopes
SELECT api_key_id, resource, action
FROM tenancy.api_keys, tenancy.permissions
WHERE NOT all_scopes AND (resource = 'prompts' OR resource = 'logs' AND action IN ('view', 'list', 'write'));
\o

-- Makes the session somebody: a user by the local part of the address, a key by its name, or nobody. For good, or
-- (local) until the transaction ends.
CREATE PROCEDURE become(who text, local boolean DEFAULT false) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('tenancy.user', '', local), set_config('tenancy.api_key', '', local);
  IF who IN (SELECT name FROM app.secrets) THEN
    PERFORM set_config('tenancy.api_key', (SELECT secret FROM app.secrets WHERE name = who), local);
  ELSIF who <> 'nobody' THEN
    PERFORM set_config('tenancy.user', who || CASE who WHEN 'gus' THEN '@globex.test' ELSE '@acme.test' END, local);
  END IF;
END
$$;

-- Ids of the rows that somebody sees, or what goes wrong.
CREATE FUNCTION visible(who text, relation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  ids text;
BEGIN
  CALL app.become(who, true);
  EXECUTE format('SELECT coalesce(string_agg(id::text, '' '' ORDER BY id), ''-'') FROM %s', relation) INTO ids;
  RETURN ids;
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s: %s', SQLSTATE, SQLERRM);
END
$$;

-- How many rows a command of somebody touches, or what goes wrong. Nothing of it stays.
CREATE FUNCTION attempt(who text, command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  touched bigint;
BEGIN
  CALL app.become(who, true);
  EXECUTE command;
  GET DIAGNOSTICS touched = ROW_COUNT;
  RAISE EXCEPTION USING ERRCODE = 'TEST0', MESSAGE = touched || CASE touched WHEN 1 THEN ' row' ELSE ' rows' END;
EXCEPTION WHEN SQLSTATE 'TEST0' THEN
  RETURN SQLERRM;
WHEN OTHERS THEN
  RETURN format('%s: %s', SQLSTATE, SQLERRM);
END
$$;

-- How a command fails. Nothing of it stays where it doesn't.
CREATE FUNCTION failure(command text, OUT state text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE command;
  RAISE EXCEPTION USING ERRCODE = 'TEST0', MESSAGE = 'done';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END
$$;

CREATE TABLE people (n serial, who text PRIMARY KEY);
INSERT INTO people (who) VALUES ('olivia'), ('adam'), ('mona'), ('mike'), ('ben'), ('wanda'), ('nora'), ('gus'),
  ('acme master'), ('search service'), ('mike key'), ('ben support key'), ('globex master'), ('nobody');

-- Visible rows of each principal: SELECT * FROM who_sees('logs').
CREATE FUNCTION who_sees(relation text) RETURNS TABLE (who text, ids text) LANGUAGE sql AS
$$ SELECT p.who, app.visible(p.who, relation) FROM app.people p ORDER BY p.n $$;
-- The result of a command for each principal: SELECT * FROM who_can('DELETE FROM prompts').
CREATE FUNCTION who_can(command text) RETURNS TABLE (outcome text, who text) LANGUAGE sql AS
$$ SELECT outcome, string_agg(who, ', ' ORDER BY n) FROM app.people, app.attempt(who, command) outcome GROUP BY outcome ORDER BY min(n) $$;

-- A table with every column that a row can have, and the same rows under another resource.
CREATE TABLE logs (id int PRIMARY KEY, organization_id uuid, workspace_id uuid, user_id uuid, api_key_id uuid, body text);
CREATE TABLE prompts (LIKE logs INCLUDING ALL);
INSERT INTO logs
SELECT id, (org || '-0000-4000-8000-000000000000')::uuid, (org || '-0000-4000-8000-00000000000' || workspace)::uuid,
       ('cccccccc-0000-4000-8000-00000000000' || person)::uuid, ('dddddddd-0000-4000-8000-00000000000' || key)::uuid, body
FROM (VALUES
  (1, 'aaaaaaaa', 2, 4, NULL, 'search, mike'),
  (2, 'aaaaaaaa', 2, 4, 3, 'search, mike by his key'),
  (3, 'aaaaaaaa', 2, 3, NULL, 'search, mona'),
  (4, 'aaaaaaaa', 2, NULL, 2, 'search, service key'),
  (5, 'aaaaaaaa', 3, 5, 4, 'support, ben by his key'),
  (6, 'aaaaaaaa', 3, 6, NULL, 'support, wanda'),
  (7, 'aaaaaaaa', NULL, 1, NULL, 'no workspace, olivia'),
  (8, 'bbbbbbbb', 2, 8, NULL, 'lab, gus')) v (id, org, workspace, person, key, body);
INSERT INTO prompts SELECT * FROM logs;
RESET client_min_messages;
\set ECHO all
