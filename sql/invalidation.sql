-- A change of a catalog that decides rights is noticed by the session that made it, at once, and forgotten on rollback.
-- (test/isolation has the other sessions.)
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\o /dev/null
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true);
\o
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
CREATE FUNCTION ids() RETURNS text LANGUAGE sql VOLATILE AS 'SELECT string_agg(id::text, '' '' ORDER BY id) FROM app.logs';
SET plan_cache_mode = force_generic_plan;
PREPARE q AS SELECT string_agg(id::text, ' ' ORDER BY id) AS prepared, ids() AS function FROM logs;
-- Changed and read in one session: by a DBA who is no superuser, and so bound by row security.
GRANT INSERT, UPDATE, DELETE, SELECT, TRUNCATE ON ALL TABLES IN SCHEMA tenancy TO regress_app;
GRANT USAGE ON TYPE tenancy.administrator TO regress_app;
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
EXECUTE q;

\set member '00000000-0000-4000-8000-000000000013'
\set acme 'aaaaaaaa-0000-4000-8000-000000000000'
\set search 'aaaaaaaa-0000-4000-8000-000000000002'
\set mike 'cccccccc-0000-4000-8000-000000000004'

-- INSERT, UPDATE, DELETE, TRUNCATE; rollback, rollback to a savepoint
BEGIN;
INSERT INTO tenancy.visibility VALUES (:'member', :'acme', NULL, false);
EXECUTE q;
UPDATE tenancy.visibility SET all_rows = true;
EXECUTE q;
UPDATE tenancy.visibility SET all_rows = false;
EXECUTE q;
DELETE FROM tenancy.visibility;
EXECUTE q;
SAVEPOINT s;
TRUNCATE tenancy.workspace_members;
EXECUTE q;
ROLLBACK TO s;
EXECUTE q;
SAVEPOINT t;
DELETE FROM tenancy.workspace_members WHERE user_id = :'mike';
RELEASE t;
EXECUTE q;
ROLLBACK;
EXECUTE q;
BEGIN;
INSERT INTO tenancy.grants VALUES (:'member', :'acme', NULL, 'logs', 'view', false);
EXECUTE q;
COMMIT;
EXECUTE q;
BEGIN;
DELETE FROM tenancy.grants WHERE role_id = :'member' AND organization_id = :'acme';
EXECUTE q;
ROLLBACK;
EXECUTE q;
DELETE FROM tenancy.grants WHERE role_id = :'member' AND organization_id = :'acme';
EXECUTE q;
-- Each catalog
BEGIN;
UPDATE tenancy.users SET active = false WHERE user_id = :'mike';
EXECUTE q;
ROLLBACK;
BEGIN;
UPDATE tenancy.workspace_members SET role_id = '00000000-0000-4000-8000-000000000011' WHERE user_id = :'mike';
INSERT INTO tenancy.visibility VALUES (:'member', :'acme', NULL, false);
EXECUTE q;
ROLLBACK;
BEGIN;
INSERT INTO tenancy.visibility VALUES (:'member', :'acme', NULL, false), (:'member', :'acme', :'search', true);
EXECUTE q;
INSERT INTO tenancy.workspace_overrides VALUES (:'acme', 'data_visibility', true);
EXECUTE q;
UPDATE tenancy.workspace_overrides SET allowed = false;
EXECUTE q;
ROLLBACK;
BEGIN;
UPDATE tenancy.organization_members SET role_id = '00000000-0000-4000-8000-000000000002' WHERE user_id = :'mike';
EXECUTE q;
ROLLBACK;
BEGIN;
DELETE FROM tenancy.login_bindings;
EXECUTE q;
ROLLBACK;
CALL become('mike key');
EXECUTE q;
BEGIN;
DELETE FROM tenancy.api_key_scopes WHERE action = 'view';
EXECUTE q;
ROLLBACK;
BEGIN;
SELECT tenancy.delete_api_key(api_key_id) FROM tenancy.api_keys WHERE name = 'mike key';
EXECUTE q;
ROLLBACK;
BEGIN;
UPDATE tenancy.api_keys SET revoked_at = now();
EXECUTE q;
ROLLBACK;
EXECUTE q;

-- A session that replicates fires ALWAYS triggers only.
CALL become('mike');
EXECUTE q;
RESET SESSION AUTHORIZATION;
SET session_replication_role = replica;
DELETE FROM tenancy.workspace_members WHERE user_id = :'mike';
RESET session_replication_role;
SET SESSION AUTHORIZATION regress_app;
EXECUTE q;
RESET SESSION AUTHORIZATION;
SELECT tgrelid::regclass AS catalog, string_agg(tgname, ' ' ORDER BY tgname) AS always
FROM pg_trigger WHERE tgname LIKE 'invalidate%' AND tgenabled = 'A' GROUP BY tgrelid::regclass ORDER BY tgrelid::regclass::text;
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgname LIKE 'invalidate%' AND tgenabled <> 'A';

-- The extension's objects can come again under other OIDs.
SELECT tenancy.unprotect('logs');
SET SESSION AUTHORIZATION regress_app;
SELECT kind FROM tenancy.whoami();
RESET SESSION AUTHORIZATION;
DROP EXTENSION pg_tenancy;
CREATE EXTENSION pg_tenancy;
SET SESSION AUTHORIZATION regress_app;
SELECT kind FROM tenancy.whoami();
RESET SESSION AUTHORIZATION;
RESET "tenancy.user";
SELECT tenancy.trust_login('regress_app');
SELECT organization_id IS NOT NULL AS made FROM tenancy.create_organization('Acme', 'olivia@acme.test');
SET SESSION AUTHORIZATION regress_app;
SET "tenancy.user" = 'olivia@acme.test';
SELECT kind, organization FROM tenancy.whoami();
RESET SESSION AUTHORIZATION;
