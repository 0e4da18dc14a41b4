-- Rights that somebody takes on its own count once they are committed: rolled back, they would leave no entry, and no limit would count them.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id');
SELECT tenancy.allow_elevation('acme', 'organization/owner', 'nora@acme.test', '1 hour', 1) \g /dev/null
SELECT max(audit_id) AS begins FROM tenancy.audit_log \gset
CREATE FUNCTION rows_seen() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT count(*) FROM logs);
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s %s', SQLSTATE, SQLERRM);
END
$$;
GRANT EXECUTE ON FUNCTION rows_seen() TO PUBLIC;

-- A role by elevate(): within its transaction, in a part of it that is rolled back, in a block
SET SESSION AUTHORIZATION regress_app;
CALL become('nora');
PREPARE seen AS SELECT count(*) FROM logs;
EXECUTE seen;
BEGIN;
SELECT until > now() AS taken FROM tenancy.elevate('owner', 'test', '1 hour');
SELECT count(*) FROM logs;
ROLLBACK;
BEGIN;
SELECT until > now() AS taken FROM tenancy.elevate('owner', 'test', '1 hour');
EXECUTE seen;
ROLLBACK;
BEGIN;
SAVEPOINT before;
SELECT until > now() AS taken, rows_seen() FROM tenancy.elevate('owner', 'test', '1 hour');
SELECT rows_seen();
SELECT tenancy.authorize('billing', 'manage');
ROLLBACK TO before;
SELECT rows_seen();
SAVEPOINT within;
SAVEPOINT deeper;
SELECT until > now() AS taken FROM tenancy.elevate('owner', 'test', '1 hour');
RELEASE deeper;
SELECT rows_seen();
ROLLBACK TO within;
SELECT rows_seen();
COMMIT;
DO $$
DECLARE
  n text;
BEGIN
  BEGIN
    PERFORM tenancy.elevate('owner', 'test', '1 hour');
    n := rows_seen();
    RAISE EXCEPTION 'undone';
  EXCEPTION WHEN raise_exception THEN
    RAISE WARNING '% and %', n, rows_seen();
  END;
END
$$;
-- Others' sessions are what they are
BEGIN;
SELECT until > now() AS taken FROM tenancy.elevate('owner', 'test', '1 hour');
CALL become('mike', true);
SELECT rows_seen();
CALL become('nora', true);
SELECT rows_seen();
ROLLBACK;
-- and committed it counts, with its entry, as often as it may be taken
BEGIN;
SELECT until > now() AS taken FROM tenancy.elevate('owner', 'test', '1 hour');
COMMIT;
SELECT rows_seen();
EXECUTE seen;
SELECT tenancy.end_elevation();
SELECT * FROM tenancy.elevate('owner', 'test', '1 hour');
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT action, actor, after ->> 'reason' AS reason FROM tenancy.audit_log WHERE resource_type = 'elevation' AND audit_id > :begins ORDER BY audit_id;

-- Parallel workers have none of their leader's caches, and see what it has not committed.
SELECT tenancy.allow_elevation('acme', 'organization/owner', 'mona@acme.test', '1 hour') \g /dev/null
SELECT CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'force_parallel_mode' ELSE 'debug_parallel_query' END AS parallel \gset
SELECT set_config(:'parallel', 'on', false) \g /dev/null
SET SESSION AUTHORIZATION regress_app;
CALL become('mona');
SELECT kind, tenancy.authorize('billing', 'manage') FROM tenancy.whoami();
BEGIN;
SAVEPOINT before;
SELECT until > now() AS taken FROM tenancy.elevate('owner', 'test', '1 hour');
SELECT tenancy.authorize('billing', 'manage');
ROLLBACK TO before;
SELECT until > now() AS taken FROM tenancy.elevate('owner', 'test', '1 hour');
SELECT kind FROM tenancy.whoami();
ROLLBACK TO before;
SELECT kind, tenancy.authorize('billing', 'manage') FROM tenancy.whoami();
-- By hand it cannot be taken back.
SET LOCAL tenancy.taken_rights = '';
ROLLBACK;
SELECT until > now() AS taken FROM tenancy.elevate('owner', 'test', '1 hour');
SELECT tenancy.authorize('billing', 'manage');
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT set_config(:'parallel', 'off', false) \g /dev/null

-- A membership: in its organization, and nowhere else
SELECT tenancy.invite('acme', 'gus@globex.test', 'admin') AS invitation \gset
SET SESSION AUTHORIZATION regress_app;
CALL become('gus');
SELECT rows_seen();
BEGIN;
SELECT tenancy.accept_invitation(:'invitation');
SELECT organization, state FROM tenancy.my_organizations() ORDER BY organization;
SET LOCAL tenancy.organization = 'globex';
SELECT rows_seen();
SET LOCAL tenancy.organization = 'acme';
SELECT rows_seen();
ROLLBACK;
BEGIN;
SELECT tenancy.accept_invitation(:'invitation');
COMMIT;
SET tenancy.organization = 'acme';
SELECT rows_seen();
RESET tenancy.organization;
CALL become('nobody');
RESET SESSION AUTHORIZATION;

-- A key that was too old, by its new secret or the old one; one that is not goes on
SELECT secret FROM tenancy.create_api_key('organization_service_key', 'turns', 'acme', scopes => '["logs.view", "api_keys.rotate"]') \gset
SET SESSION AUTHORIZATION regress_app;
SET tenancy.api_key = :'secret';
BEGIN;
SELECT tenancy.rotate_own_api_key() AS other \gset
SELECT rows_seen();
SET LOCAL tenancy.api_key = :'other';
SELECT rows_seen();
ROLLBACK;
RESET SESSION AUTHORIZATION;
UPDATE tenancy.api_keys SET rotate_by = now() - interval '1 s' WHERE name = 'turns';
SET SESSION AUTHORIZATION regress_app;
SELECT rows_seen();
BEGIN;
SELECT tenancy.rotate_own_api_key() AS other \gset
SELECT rows_seen();
SET LOCAL tenancy.api_key = :'other';
SELECT rows_seen();
ROLLBACK;
SELECT rows_seen();
-- One that becomes too old while the statement runs
RESET SESSION AUTHORIZATION;
UPDATE tenancy.api_keys SET rotate_by = clock_timestamp() + interval '0.2 s' WHERE name = 'turns';
SET SESSION AUTHORIZATION regress_app;
DO $$
BEGIN
  PERFORM pg_sleep(0.3);
  RAISE WARNING '%', rows_seen();
  BEGIN
    PERFORM set_config('tenancy.api_key', tenancy.rotate_own_api_key(), true);
    RAISE EXCEPTION '%', rows_seen();
  EXCEPTION WHEN raise_exception THEN
    RAISE WARNING '%', SQLERRM;
  END;
END
$$;
SELECT tenancy.rotate_own_api_key() AS other \gset
SELECT rows_seen();
SET tenancy.api_key = :'other';
SELECT rows_seen();
RESET tenancy.api_key;
RESET SESSION AUTHORIZATION;

-- A group that is open to whoever may sync it, for those that it adds: itself, or whose keys it has
SELECT tenancy.create_group('acme', 'open', open_to_sync => true) IS NOT NULL AS made, tenancy.set_group_role('acme', 'open', 'admin');
SELECT tenancy.create_role('acme', 'organization', 'syncs', 'member') IS NOT NULL AS made, tenancy.grant_permission('acme', 'organization', 'syncs', 'team', 'sync_groups');
SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'syncs');
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
SELECT rows_seen();
BEGIN;
SELECT tenancy.sync_group(NULL, 'open', '{mike@acme.test, ben@acme.test}');
SELECT rows_seen();
CALL become('ben', true);
SELECT rows_seen();
CALL become('adam', true);
SELECT rows_seen() <> '' AS counts;
ROLLBACK;
SELECT tenancy.sync_group(NULL, 'open', '{mike@acme.test}');
SELECT rows_seen();
-- who is in it already gets nothing by the next call
BEGIN;
SELECT tenancy.sync_group(NULL, 'open', '{mike@acme.test}');
SELECT rows_seen();
ROLLBACK;
CALL become('nobody');
-- A DBA may do all of it
RESET SESSION AUTHORIZATION;
BEGIN;
SELECT tenancy.allow_elevation('acme', 'organization/owner', 'ben@acme.test', '1 hour', 1), tenancy.trust_login(session_user) \g /dev/null
SET LOCAL tenancy."user" = 'ben@acme.test';
SELECT until > now() AS taken FROM tenancy.elevate('owner', 'test', '1 hour');
SELECT tenancy.authorize('billing', 'manage');
ROLLBACK;
