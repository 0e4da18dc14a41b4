-- The catalogs as others than a superuser see them: a principal its own organization, a DBA everything, nobody a secret's hash.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_dba, regress_reader;
CREATE ROLE regress_dba LOGIN;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tenancy TO regress_dba;
GRANT USAGE ON TYPE tenancy.administrator TO regress_dba;
CREATE ROLE regress_reader LOGIN;
GRANT SELECT ON ALL TABLES IN SCHEMA tenancy TO regress_reader;
GRANT USAGE, CREATE ON SCHEMA app TO regress_dba;
\o /dev/null
-- Both organizations have something of every kind.
SELECT tenancy.create_role(o, 'workspace', 'role-of-' || o, 'member'), tenancy.create_role(o, 'organization', 'clerk-of-' || o),
       tenancy.set_setting(o, 'members_view_logs', false), tenancy.set_setting(o, 'members_view_all_data', false), tenancy.allow_workspace_overrides(o, 'logs', true),
       tenancy.set_setting(o, 'members_view_logs', true, w), tenancy.set_setting(o, 'members_view_all_data', true, w),
       tenancy.create_api_key('workspace_service_key', 'service of ' || o, o, w)
FROM (VALUES ('acme', 'search'), ('globex', 'lab')) v (o, w);
SELECT tenancy.set_workspace_role('globex/lab', 'gus@globex.test', 'admin');
INSERT INTO tenancy.login_bindings (login, user_id) VALUES ('regress_plain', 'cccccccc-0000-4000-8000-000000000008');
GRANT SELECT ON ALL TABLES IN SCHEMA app TO PUBLIC;
\o

-- How a command ends; what it did stays.
\set ECHO none
CREATE FUNCTION kept(command text, OUT state text, OUT message text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE command;
  state := 'done';
EXCEPTION WHEN OTHERS THEN
  state := SQLSTATE;
  message := SQLERRM;
END
$$;
-- How many rows of each catalog somebody sees: of acme's, of globex's, of nobody's.
CREATE FUNCTION catalogs_of(somebody text) RETURNS TABLE (who text, "catalog" text, acme bigint, globex bigint, built_in bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  seen record;
BEGIN
  CALL app.become(somebody, true);
  FOR seen IN SELECT c.oid::regclass::text AS name, bool_or(a.attname = 'organization_id') AS has_organization, bool_or(a.attname = 'user_id') AS has_user, bool_or(a.attname = 'api_key_id') AS has_key
              FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
              WHERE c.relnamespace = 'tenancy'::regnamespace AND c.relkind IN ('r', 'v', 'm') AND c.relname IN ('organizations', 'workspaces', 'users', 'roles', 'organization_members', 'workspace_members', 'grants',
                 'visibility', 'workspace_overrides', 'api_keys', 'api_key_scopes') GROUP BY c.oid ORDER BY 1 LOOP
    who := somebody;
    "catalog" := seen.name;
    -- an id says whose a row is
    EXECUTE format('SELECT count(*) FILTER (WHERE org LIKE ''a%%''), count(*) FILTER (WHERE org LIKE ''b%%''), count(*) FILTER (WHERE org IS NULL) FROM (SELECT %s AS org FROM %s t) s',
      CASE WHEN seen.has_organization THEN 'organization_id::text' WHEN seen.has_user THEN 'CASE WHEN email LIKE ''%globex%'' THEN ''b'' ELSE ''a'' END'
           ELSE 'CASE (SELECT k.organization_id FROM tenancy.api_keys k WHERE k.api_key_id = t.api_key_id) WHEN ''aaaaaaaa-0000-4000-8000-000000000000'' THEN ''a'' ELSE ''b'' END' END, seen.name)
      INTO acme, globex, built_in;
    RETURN NEXT;
  END LOOP;
END
$$;
CREATE FUNCTION names(who text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  found text;
BEGIN
  CALL app.become(who, true);
  EXECUTE format('SELECT coalesce(string_agg(name, '' '' ORDER BY name), ''-'') FROM (%s) q (name)', query) INTO found;
  RETURN found;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END
$$;
\set ECHO all
SET SESSION AUTHORIZATION regress_app;
SELECT c."catalog", string_agg(format('%s %s', c.who, c.acme), ', ' ORDER BY p.n) AS acme FROM people p, catalogs_of(p.who) c WHERE c.acme > 0 GROUP BY 1 ORDER BY 1;
SELECT c."catalog", string_agg(format('%s %s', c.who, c.globex), ', ' ORDER BY p.n) AS globex FROM people p, catalogs_of(p.who) c WHERE c.globex > 0 GROUP BY 1 ORDER BY 1;
SELECT c."catalog", c.built_in, count(*) AS sessions FROM people p, catalogs_of(p.who) c WHERE c.built_in > 0 GROUP BY 1, 2 ORDER BY 1;
-- Nobody sees both
SELECT p.who FROM people p, catalogs_of(p.who) c GROUP BY p.who HAVING sum(c.acme) > 0 AND sum(c.globex) > 0;
-- In detail
SELECT who, names(who, 'SELECT slug FROM tenancy.workspaces') AS workspaces, names(who, 'SELECT split_part(email, ''@'', 1) FROM tenancy.members') AS members, names(who, 'SELECT split_part(email, ''@'', 1) FROM tenancy.users') AS users,
       names(who, 'SELECT replace(name, '' '', ''-'') FROM tenancy.api_keys') AS keys
FROM people ORDER BY n;
-- A workspace's team sees of others who they are, also of those by a group and until its end, and not what the organization says of their membership.
RESET SESSION AUTHORIZATION;
BEGIN;
UPDATE tenancy.organization_members SET reason = 'on-notice', external_id = 'p' || right(user_id::text, 1), ends_at = '2099-01-01' WHERE role_id <> '00000000-0000-4000-8000-000000000001' AND organization_id = 'aaaaaaaa-0000-4000-8000-000000000000';
SELECT tenancy.create_group('acme', 'crew') IS NOT NULL AS made, tenancy.set_group_role('acme/support', 'crew', 'member'), tenancy.sync_group('acme', 'crew', ARRAY['nora@acme.test']);
INSERT INTO secrets SELECT 'team service', secret FROM tenancy.create_api_key('workspace_service_key', 'team', 'acme', 'support', scopes => '["team.view", "team.list"]');
UPDATE tenancy.workspace_members SET ends_at = '2020-01-01' WHERE user_id = (SELECT user_id FROM tenancy.users WHERE email = 'ben@acme.test') AND workspace_id = (SELECT workspace_id FROM tenancy.workspaces WHERE slug = 'support');
SET LOCAL SESSION AUTHORIZATION regress_app;
SELECT who, names(who, 'SELECT concat_ws('','', split_part(email, ''@'', 1), role, external_id, extract(year FROM ends_at), reason) FROM tenancy.members') AS members,
       names(who, 'SELECT right(user_id::text, 1) FROM tenancy.organization_members') AS base FROM unnest(ARRAY['olivia', 'mona', 'wanda', 'search service', 'team service', 'acme master']) who;
-- Nor does an owner in a session of one workspace.
SET LOCAL tenancy.workspace = 'support';
SELECT names('olivia', 'SELECT concat_ws('','', split_part(email, ''@'', 1), reason) FROM tenancy.members') AS members, names('olivia', 'SELECT right(user_id::text, 1) FROM tenancy.organization_members') AS base;
ROLLBACK;
-- Whoever adds a member to a workspace by address still does.
SET SESSION AUTHORIZATION regress_app;
SELECT names('mona', 'SELECT split_part(email, ''@'', 1) FROM tenancy.members') AS members, names('mona', $$SELECT tenancy.set_workspace_role('search', 'nora@acme.test', 'member')::text$$) AS added,
       names('mona', 'SELECT split_part(email, ''@'', 1) FROM tenancy.members') AS members_then, names('mona', $$SELECT tenancy.remove_workspace_member('search', 'nora@acme.test')::text$$) AS removed;
-- What counts in the organization is shown by the catalogs to whom the functions show it.
RESET SESSION AUTHORIZATION;
BEGIN;
SELECT tenancy.set_logging('acme', 'legal_hold', 'on'), tenancy.set_logging('acme', 'store_content', 'none', 'search');
INSERT INTO secrets SELECT 'viewing service', secret FROM tenancy.create_api_key('workspace_service_key', 'viewing', 'acme', 'search', scopes => '["workspaces.view"]');
SET LOCAL SESSION AUTHORIZATION regress_app;
SELECT who, names(who, 'SELECT setting FROM tenancy.logging_settings') AS logging, names(who, 'SELECT min(source) FROM tenancy.logging_settings()') AS function,
       names(who, 'SELECT category FROM tenancy.workspace_overrides') AS overrides, names(who, 'SELECT count(*)::text FROM tenancy.visibility WHERE workspace_id IS NULL') AS visibility,
       names(who, 'SELECT count(*)::text FROM tenancy.grants WHERE organization_id IS NOT NULL AND workspace_id IS NULL') AS grants, names(who, 'SELECT (count(*) > 0)::text FROM tenancy.settings()') AS settings
FROM unnest(ARRAY['olivia', 'mona', 'mike', 'nora', 'acme master', 'search service', 'viewing service', 'gus']) who;
ROLLBACK;
SET SESSION AUTHORIZATION regress_app;
SELECT who, names(who, 'SELECT name FROM tenancy.roles WHERE organization_id IS NOT NULL') AS roles FROM unnest(ARRAY['mike', 'acme master', 'gus', 'nobody']) who;
-- entries of one's own organization, where they may be listed
SELECT who, names(who, 'SELECT DISTINCT o.slug FROM tenancy.audit_log a LEFT JOIN tenancy.organizations o USING (organization_id)') AS audit FROM people ORDER BY n;
-- a setting changes what of the keys is seen; a bound login sees its user's organization, one that stands for nobody nothing
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'members_view_keys', true);
SET SESSION AUTHORIZATION regress_app;
SELECT names('mike', 'SELECT replace(name, '' '', ''-'') FROM tenancy.api_keys') AS mike, names('ben', 'SELECT replace(name, '' '', ''-'') FROM tenancy.api_keys') AS ben;
SELECT names('mike', 'SELECT DISTINCT resource FROM tenancy.api_key_scopes') AS scopes;
SET SESSION AUTHORIZATION regress_bound;
SELECT string_agg(slug, ' ' ORDER BY slug) AS organizations, (SELECT string_agg(slug, ' ' ORDER BY slug) FROM tenancy.workspaces) AS workspaces, (SELECT string_agg(login::text, ' ') FROM tenancy.login_bindings) AS logins FROM tenancy.organizations;
SET SESSION AUTHORIZATION regress_owner;
SELECT count(*) AS organizations, (SELECT count(*) FROM tenancy.users) AS users, (SELECT count(*) FROM tenancy.login_bindings) AS logins FROM tenancy.organizations;
-- a narrowed session: that workspace
SET SESSION AUTHORIZATION regress_app;
SET tenancy.workspace = 'search';
SELECT who, names(who, 'SELECT slug FROM tenancy.workspaces') AS workspaces, names(who, 'SELECT replace(name, '' '', ''-'') FROM tenancy.api_keys') AS keys FROM unnest(ARRAY['olivia', 'mona', 'acme master']) who;
RESET tenancy.workspace;
-- several organizations: the active one
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_organization_role('globex', 'olivia@acme.test', 'admin');
CREATE TABLE own_logs (id int, organization_id uuid, workspace_id uuid);
SELECT tenancy.protect('own_logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', create_indexes => true);
SET SESSION AUTHORIZATION regress_app;
-- without a choice the catalogs, permissions() and settings() are empty; whoami() and tables say that one has to be chosen
SELECT relation, names('olivia', 'SELECT count(*)::text FROM ' || relation) AS rows FROM unnest(ARRAY['tenancy.organizations', 'tenancy.workspaces',
  'tenancy.users', 'tenancy.organization_members', 'tenancy.workspace_members', 'tenancy.members', 'tenancy.visibility', 'tenancy.workspace_overrides',
  'tenancy.invitations', 'tenancy.api_keys', 'tenancy.api_key_scopes', 'tenancy.jwt_keys', 'tenancy.audit_log', 'tenancy.permissions()', 'tenancy.settings(NULL)']) relation;
SELECT names('olivia', 'SELECT organization FROM tenancy.my_organizations()') AS choices, names('olivia', 'SELECT tenancy.authorize(''logs'', ''view'')::text') AS authorized;
CALL become('olivia');
SELECT kind FROM tenancy.whoami();
SELECT count(*) FROM app.own_logs;
INSERT INTO app.own_logs (id) VALUES (1);
SELECT tenancy.require('logs', 'view');
SELECT * FROM tenancy.settings('acme');
SELECT tenancy.set_setting(NULL, 'members_view_logs', false);
CALL become('nobody');
SELECT names('olivia', 'SELECT slug FROM tenancy.organizations') AS without_choice;
SET tenancy.organization = 'globex';
SELECT names('olivia', 'SELECT slug FROM tenancy.organizations') AS organizations, names('olivia', 'SELECT slug FROM tenancy.workspaces') AS workspaces, names('olivia', 'SELECT split_part(email, ''@'', 1) FROM tenancy.members') AS members;
SET tenancy.organization = 'acme';
SELECT names('olivia', 'SELECT slug FROM tenancy.organizations') AS organizations, names('olivia', 'SELECT slug FROM tenancy.workspaces') AS workspaces, names('olivia', 'SELECT split_part(email, ''@'', 1) FROM tenancy.members') AS members;
RESET tenancy.organization;

RESET SESSION AUTHORIZATION;
SELECT tenancy.remove_organization_member('globex', 'olivia@acme.test');
SET SESSION AUTHORIZATION regress_app;

-- Another's row can't be had by its id, nor by what is made to look at it
SELECT names('olivia', 'SELECT slug FROM tenancy.workspaces WHERE workspace_id = ''bbbbbbbb-0000-4000-8000-000000000002''') AS by_id,
       names('gus', 'SELECT slug FROM tenancy.workspaces WHERE workspace_id = ''bbbbbbbb-0000-4000-8000-000000000002''') AS its_owner;
CREATE FUNCTION pg_temp.leak(value text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'leaked %', value; RETURN true; END $$;
SET client_min_messages = notice;
SELECT attempt('mike', 'SELECT FROM tenancy.workspaces WHERE pg_temp.leak(slug)');
SELECT attempt('mike', 'SELECT FROM tenancy.users WHERE pg_temp.leak(email) AND email LIKE ''g%''');
SELECT attempt('mike', 'SELECT FROM tenancy.members WHERE pg_temp.leak(email) AND email LIKE ''g%''');
SELECT attempt('mona', 'SELECT FROM tenancy.api_keys WHERE pg_temp.leak(CASE WHEN name IN (''search service'', ''mike key'', ''service of acme'') THEN ''one of hers'' ELSE name END)');
SET client_min_messages = warning;

-- No plain DML
SELECT command, string_agg(DISTINCT left(outcome, 5), ' ') AS state
FROM people, unnest(ARRAY['organizations', 'workspaces', 'users', 'organization_members', 'workspace_members', 'roles', 'grants', 'visibility', 'workspace_overrides', 'api_keys', 'api_key_secrets', 'api_key_scopes',
                          'jwt_keys', 'jwt_issuers', 'audit_log', 'audit_heads', 'login_bindings', 'permissions', 'setting_definitions', 'protected_tables']) relation,
     LATERAL (VALUES (format('DELETE FROM tenancy.%I', relation)), (format('INSERT INTO tenancy.%I OVERRIDING SYSTEM VALUE SELECT * FROM tenancy.%I', relation, relation)), (format('TRUNCATE tenancy.%I CASCADE', relation)),
                     (format('UPDATE tenancy.%I SET %I = %I', relation, (SELECT attname FROM pg_attribute WHERE attrelid = ('tenancy.' || relation)::regclass AND attnum = 2), (SELECT attname FROM pg_attribute WHERE attrelid = ('tenancy.' || relation)::regclass AND attnum = 2)))) c (command),
     attempt(who, command) outcome
WHERE who IN ('olivia', 'acme master') GROUP BY command HAVING string_agg(DISTINCT left(outcome, 5), ' ') <> '42501';
SELECT attempt('olivia', 'SELECT FROM tenancy.organizations FOR UPDATE') AS locks, attempt('olivia', 'SELECT FROM tenancy.organizations') AS reads;
RESET SESSION AUTHORIZATION;

-- No way to a secret's hash: who may read which column that holds one, and which functions and views return it
SELECT c.oid::regclass AS relation, a.attname, a.atttypid::regtype FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace::regnamespace::text IN ('tenancy', 'tenancy_internal') AND c.relkind IN ('r', 'v', 'm') AND a.attname ~ 'hash|secret' AND c.relname NOT LIKE 'audit%' ORDER BY 1::text;
SELECT has_table_privilege('regress_plain', 'tenancy.api_key_secrets', 'SELECT') AS reads_table, has_any_column_privilege('regress_plain', 'tenancy.api_key_secrets', 'SELECT') AS reads_column;
SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace::regnamespace::text ~ '^tenancy' AND has_function_privilege('regress_plain', p.oid, 'EXECUTE')
  AND p.proname <> 'kept_since' AND (pg_get_function_result(p.oid) ~ 'bytea|api_key_secrets|hash' OR p.proargnames::text ~ 'hash');
SELECT c.oid::regclass FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class c ON c.oid = r.ev_class WHERE d.refobjid = 'tenancy.api_key_secrets'::regclass;
SET SESSION AUTHORIZATION regress_app;
SELECT attempt('olivia', 'SELECT FROM tenancy.api_key_secrets') AS olivia, attempt('acme master', 'SELECT secret_hash FROM tenancy.api_key_secrets') AS master;
-- nor of any secret in what a principal can read, its own key's display prefix aside
\set ECHO none
CREATE FUNCTION pg_temp.secrets_in_catalogs(who text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  relation regclass;
  found bigint := 0;
  here bigint;
BEGIN
  CALL app.become(who, true);
  FOR relation IN SELECT c.oid FROM pg_class c WHERE c.relnamespace::regnamespace::text IN ('tenancy', 'tenancy_internal') AND c.relkind IN ('r', 'v') AND has_any_column_privilege(c.oid, 'SELECT') LOOP
    EXECUTE format('SELECT count(*) FROM %s t, app.secrets s WHERE t::text LIKE ''%%'' || s.secret || ''%%'' OR t::text LIKE ''%%'' || encode(sha256(s.secret::bytea), ''hex'') || ''%%''', relation) INTO here;
    found := found + here;
  END LOOP;
  RETURN found;
END
$$;
\set ECHO all
SELECT who, pg_temp.secrets_in_catalogs(who) FROM unnest(ARRAY['olivia', 'acme master']) who;
RESET SESSION AUTHORIZATION;
-- Who may read a table by a grant still sees through it only what is the principal's
SET SESSION AUTHORIZATION regress_reader;
SELECT (SELECT count(*) FROM tenancy.organizations) AS organizations, (SELECT count(*) FROM tenancy.users) AS users, (SELECT count(*) FROM tenancy.api_keys) AS keys, tenancy.is_dba();
RESET SESSION AUTHORIZATION;

-- A DBA who is no superuser reads and changes all, by plain SQL and by every function
SET SESSION AUTHORIZATION regress_dba;
SELECT tenancy.is_dba(), (SELECT count(*) FROM tenancy.organizations) AS organizations, (SELECT count(*) FROM tenancy.workspaces) AS workspaces, (SELECT count(*) FROM tenancy.users) AS users,
       (SELECT count(*) FROM tenancy.api_keys) AS keys, (SELECT count(*) FROM tenancy.api_key_secrets) AS secrets, (SELECT count(*) FROM tenancy.login_bindings) AS logins, (SELECT count(*) FROM tenancy.organization_members) AS members;
INSERT INTO tenancy.organizations (organization_id, slug, name) VALUES ('eeeeeeee-0000-4000-8000-000000000000', 'initech', 'Initech');
UPDATE tenancy.organizations SET name = 'Initech Inc.' WHERE slug = 'initech' RETURNING name;
DELETE FROM tenancy.organizations WHERE slug = 'initech' RETURNING name;
SELECT organization_id IS NOT NULL AS made, length(master_key) > 40 AS with_key FROM tenancy.create_organization('Initech', 'ian@initech.test');
SELECT call, f.state, f.message FROM unnest(ARRAY[$$create_user('new@initech.test', 'New')$$, $$create_workspace('initech', 'Printers')$$, $$set_organization_role('initech', 'new@initech.test', 'member')$$,
    $$set_workspace_role('initech/printers', 'new@initech.test', 'manager')$$, $$set_setting('initech', 'members_view_logs', false)$$, $$set_setting('initech', 'members_view_logs', false, 'printers')$$,
    $$allow_workspace_overrides('initech', 'logs', true)$$, $$reset_setting('initech', 'members_view_logs')$$, $$settings('initech', 'printers')$$, $$create_role('initech', 'workspace', 'helper', 'member')$$,
    $$grant_permission('initech', 'workspace', 'helper', 'prompts', 'delete')$$, $$revoke_permission('initech', 'workspace', 'helper', 'prompts', 'delete')$$, $$set_role_visibility('initech', 'helper', false)$$,
    $$drop_role('initech', 'workspace', 'helper')$$, $$create_api_key('workspace_user_key', 'key', 'initech', 'printers', 'new@initech.test')$$, $$register_permission('papers', 'view', 'View papers')$$,
    $$trust_login('regress_owner')$$, $$bind_login('regress_owner', 'new@initech.test', 'initech', 'printers')$$, $$unbind_login('regress_owner')$$, $$access_matrix('initech')$$, $$set_jwks('initech', NULL)$$,
    $$who_can('logs', 'view', 'initech/printers')$$, $$remove_workspace_member('initech/printers', 'new@initech.test')$$, $$remove_organization_member('initech', 'new@initech.test')$$, $$delete_workspace('initech/printers')$$]) call,
  kept('SELECT tenancy.' || call) f;
-- of a principal's own organization as well, whatever the principal may
SELECT set_config('tenancy.api_key', (SELECT secret FROM secrets WHERE name = 'search service'), false) <> '' AS as_a_key;
SELECT * FROM kept('SELECT tenancy.create_workspace(NULL, ''By key'')');
SELECT count(*) FROM tenancy.workspaces WHERE slug = 'by-key';
SELECT set_config('tenancy.api_key', '', false);
RESET SESSION AUTHORIZATION;
DROP OWNED BY regress_dba, regress_reader;
DROP ROLE regress_dba, regress_reader;
