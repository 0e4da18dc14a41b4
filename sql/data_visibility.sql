-- Data visibility decides over observability data, and over nothing else: logs, traces, analytics, and what is registered so.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
\o /dev/null
SELECT tenancy.register_permission('readings', action, 'Readings', true), tenancy.register_permission('notes', action, 'Notes')
FROM unnest('{view,create}'::text[]) action;
INSERT INTO tenancy.grants (role_id, resource, action)
SELECT r.role_id, resource, action FROM tenancy.roles r, unnest('{readings,notes}'::text[]) resource, unnest('{view,create}'::text[]) action
WHERE r.organization_id IS NULL AND r.name IN ('manager', 'member');
CREATE TABLE readings AS SELECT * FROM logs;
CREATE TABLE notes AS SELECT * FROM logs;
CREATE TABLE readings_of_organization AS SELECT id, organization_id, user_id FROM logs;
CREATE TABLE notes_of_organization AS SELECT id, organization_id, user_id FROM logs;
SELECT tenancy.protect(t, t, organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id') FROM unnest('{logs,prompts,readings,notes}'::text[]) t;
SELECT tenancy.protect(t || '_of_organization', t, organization => 'organization_id', owner => 'user_id') FROM unnest('{readings,notes}'::text[]) t;
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
\o
CREATE FUNCTION all_tables(who text, OUT logs text, OUT prompts text, OUT readings text, OUT notes text, OUT readings_of_organization text, OUT notes_of_organization text) LANGUAGE sql AS $$
  SELECT app.visible(who, 'app.logs'), app.visible(who, 'app.prompts'), app.visible(who, 'app.readings'), app.visible(who, 'app.notes'),
         app.visible(who, 'app.readings_of_organization'), app.visible(who, 'app.notes_of_organization')
$$;
CREATE FUNCTION rows_by_resource(who text) RETURNS TABLE (resource text, rows text) LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  RETURN QUERY SELECT p.resource, string_agg(DISTINCT p.rows, ' ') FROM tenancy.permissions() p WHERE p.workspace = 'search' GROUP BY p.resource ORDER BY p.resource;
END
$$;
SET SESSION AUTHORIZATION regress_app;
SELECT who, a.* FROM unnest(ARRAY['olivia', 'mona', 'mike']) who, all_tables(who) a;
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'members_view_all_data', false), tenancy.set_setting('acme', 'managers_view_all_data', false);
SET SESSION AUTHORIZATION regress_app;
SELECT who, a.* FROM unnest(ARRAY['olivia', 'wanda', 'mona', 'mike', 'search service']) who, all_tables(who) a;
SELECT * FROM rows_by_resource('mona');
RESET SESSION AUTHORIZATION;

-- A DBA changes it for a resource of one's own; the next query is told
SELECT tenancy.set_data_visibility('notes', true), tenancy.set_data_visibility('readings', false);
SET SESSION AUTHORIZATION regress_app;
SELECT who, a.* FROM unnest(ARRAY['olivia', 'mona', 'mike']) who, all_tables(who) a;
RESET SESSION AUTHORIZATION;
-- Further actions follow the resource's first
SELECT tenancy.register_permission('notes', 'export', 'Notes'), tenancy.register_permission('readings', 'export', 'Readings');
SELECT resource, action, data_visibility FROM tenancy.permissions WHERE NOT built_in ORDER BY 1, 2;
SELECT resource FROM tenancy.permissions WHERE built_in AND data_visibility GROUP BY resource ORDER BY resource;
-- Refused
SELECT command, f.* FROM unnest(ARRAY['set_data_visibility(''prompts'', true)', 'set_data_visibility(''logs'', false)', 'set_data_visibility(''note'', true)', 'set_data_visibility(''notes'', NULL)',
  'register_permission(''readings'', ''x'', ''x'', true)', 'register_permission(''prompts'', ''x'', ''x'', true)']) command, failure('SELECT tenancy.' || command) f;
SELECT f.* FROM failure('UPDATE tenancy.permissions SET data_visibility = false WHERE resource = ''logs''') f;
SET SESSION AUTHORIZATION regress_app;
SELECT attempt('olivia', 'SELECT tenancy.set_data_visibility(''notes'', false)');
RESET SESSION AUTHORIZATION;
-- A row that says nothing of it is under it: what 1.0 registered, in a dump
INSERT INTO tenancy.permissions (resource, action, description) VALUES ('things', 'view', 'x') RETURNING data_visibility;
