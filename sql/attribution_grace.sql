-- Rows in somebody else's name: for a while also after a member has left.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\pset format unaligned
SET client_min_messages = warning;
CREATE TABLE requests (id int, organization_id uuid, workspace_id uuid, user_id uuid, api_key_id uuid);
\o /dev/null
SELECT tenancy.protect('requests', 'logs', 'organization_id', 'workspace_id', 'user_id', 'api_key_id', create_indexes => true);
\o
GRANT ALL ON requests TO PUBLIC;
-- As a service key writes for a member
CREATE FUNCTION write_for(member text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  id uuid := (SELECT u.user_id FROM app.persons u WHERE u.email = member);
BEGIN
  CALL app.become('search service', true);
  INSERT INTO app.requests (id, user_id) VALUES (1, id);
  CALL app.become('nobody', true);
  RETURN 'written';
EXCEPTION WHEN insufficient_privilege THEN
  CALL app.become('nobody', true);
  RETURN SQLERRM;
END
$$;
CREATE TABLE persons AS SELECT u.user_id, u.email::text FROM tenancy.users u;
GRANT SELECT ON persons TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT write_for('mike@acme.test') AS without_scope;
RESET SESSION AUTHORIZATION;
INSERT INTO tenancy.api_key_scopes SELECT k.api_key_id, 'logs', 'attribute' FROM tenancy.api_keys k WHERE k.name = 'search service';
SET SESSION AUTHORIZATION regress_app;
SELECT write_for('mike@acme.test') AS mike, write_for('nora@acme.test') AS nora, write_for('gus@globex.test') AS gus;
RESET SESSION AUTHORIZATION;
-- Leaving a workspace, and the organization
SELECT tenancy.remove_workspace_member('acme/search', 'mike@acme.test');
SET SESSION AUTHORIZATION regress_app;
SELECT write_for('mike@acme.test') AS left_the_workspace;
RESET SESSION AUTHORIZATION;
SELECT tenancy.remove_organization_member('acme', 'mike@acme.test');
SET SESSION AUTHORIZATION regress_app;
SELECT write_for('mike@acme.test') AS left_the_organization;
-- Whoever has left still has no right, and sees none of it; nobody else may be named.
CALL become('mike');
SELECT count(*) FROM requests;
CALL become('nobody');
SELECT write_for('nora@acme.test') AS nora, write_for('gus@globex.test') AS gus;
RESET SESSION AUTHORIZATION;
-- A day later, and by the organization's setting
UPDATE tenancy_internal.former_members SET left_at = left_at - interval '25 hours';
SET SESSION AUTHORIZATION regress_app;
SELECT write_for('mike@acme.test') AS a_day_later;
CALL become('olivia');
SELECT tenancy.set_logging(NULL, 'attribution_grace_hours', '48');
SELECT setting, value, source FROM tenancy.logging_settings() WHERE setting = 'attribution_grace_hours';
SELECT f.message, f.hint FROM (VALUES ('01'), ('-1'), ('10000'), ('x')) v (value), app.failure(format('SELECT tenancy.set_logging(NULL, ''attribution_grace_hours'', %L)', value)) f;
SELECT app.failure($$SELECT tenancy.set_logging(NULL, 'attribution_grace_hours', '1', 'search')$$);
CALL become('nobody');
SELECT write_for('mike@acme.test') AS two_days;
CALL become('olivia');
SELECT tenancy.set_logging(NULL, 'attribution_grace_hours', '0');
CALL become('nobody');
SELECT write_for('mike@acme.test') AS none;
RESET SESSION AUTHORIZATION;
UPDATE tenancy_internal.former_members SET left_at = clock_timestamp();
SET SESSION AUTHORIZATION regress_app;
SELECT write_for('mike@acme.test') AS none;
RESET SESSION AUTHORIZATION;
SELECT tenancy.reset_logging('acme', 'attribution_grace_hours');
-- A membership that has ended by itself, also where the row is still there
UPDATE tenancy.workspace_members m SET ends_at = clock_timestamp() - interval '1 hour' FROM persons p WHERE p.user_id = m.user_id AND p.email = 'mona@acme.test';
SET SESSION AUTHORIZATION regress_app;
SELECT write_for('mona@acme.test') AS ended;
RESET SESSION AUTHORIZATION;
UPDATE tenancy.workspace_members m SET ends_at = clock_timestamp() - interval '25 hours' FROM persons p WHERE p.user_id = m.user_id AND p.email = 'mona@acme.test';
SET SESSION AUTHORIZATION regress_app;
SELECT write_for('mona@acme.test') AS a_day_later;
RESET SESSION AUTHORIZATION;
-- The end counts, not when the row was removed. One who is locked is not one who has left.
SELECT tenancy.remove_workspace_member('acme/search', 'mona@acme.test');
SET SESSION AUTHORIZATION regress_app;
SELECT write_for('mona@acme.test') AS removed_later;
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_workspace_role('acme/search', 'ben@acme.test', 'member');
UPDATE tenancy.users SET active = false WHERE email = 'ben@acme.test';
SET SESSION AUTHORIZATION regress_app;
SELECT write_for('ben@acme.test') AS locked;
RESET SESSION AUTHORIZATION;
-- Purging takes these along; nobody reads them.
SELECT count(*) > 0 AS remembered FROM tenancy_internal.former_members;
SET SESSION AUTHORIZATION regress_app;
SELECT has_schema_privilege('tenancy_internal', 'USAGE') AS reachable, has_table_privilege(oid, 'SELECT') AS readable FROM pg_class WHERE relname = 'former_members';
RESET SESSION AUTHORIZATION;
SELECT tenancy.unprotect('requests');
SELECT count(*) FROM tenancy.purge_organization('acme');
SELECT count(*) FROM tenancy_internal.former_members;
