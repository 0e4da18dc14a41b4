-- delete_workspace(…, with_rows => true): a workspace with append-only rows goes as a whole, by a right on the organization.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\pset format unaligned
\o /dev/null
SELECT tenancy.protect(t, t::text, organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true)
FROM unnest('{logs, prompts}'::regclass[]) t;
-- A child of logs, whose rows refer to them
CREATE TABLE feedback (id int, log_id int REFERENCES logs, organization_id uuid, workspace_id uuid);
INSERT INTO feedback SELECT id * 10, id, organization_id, workspace_id FROM logs;
SELECT tenancy.protect('feedback', 'logs', organization => 'organization_id', workspace => 'workspace_id');
-- A table whose rows name no organization
CREATE TABLE notes (id int, workspace_id uuid);
INSERT INTO notes SELECT id, workspace_id FROM logs;
SELECT tenancy.protect('notes', 'logs', workspace => 'workspace_id');
\o
GRANT ALL ON logs, prompts, feedback, notes TO PUBLIC;
CREATE VIEW counts AS
SELECT (SELECT count(*) FROM logs WHERE workspace_id = 'aaaaaaaa-0000-4000-8000-000000000002') AS logs_of_search,
       (SELECT count(*) FROM feedback WHERE workspace_id = 'aaaaaaaa-0000-4000-8000-000000000002') AS feedback_of_search,
       (SELECT count(*) FROM notes WHERE workspace_id = 'aaaaaaaa-0000-4000-8000-000000000002') AS notes_of_search,
       (SELECT count(*) FROM notes WHERE workspace_id IS DISTINCT FROM 'aaaaaaaa-0000-4000-8000-000000000002') AS other_notes,
       (SELECT count(*) FROM prompts WHERE workspace_id = 'aaaaaaaa-0000-4000-8000-000000000002') AS prompts_of_search,
       (SELECT count(*) FROM logs WHERE workspace_id IS DISTINCT FROM 'aaaaaaaa-0000-4000-8000-000000000002') AS other_logs;
SELECT * FROM counts;
-- Nobody deletes logs row by row, and without rows nobody deletes the workspace.
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM who_can($$DELETE FROM logs$$);
SELECT * FROM who_can($$SELECT tenancy.delete_workspace('search')$$);
-- Who may delete it with its rows
SELECT * FROM who_can($$SELECT tenancy.delete_workspace('search', with_rows => true)$$);
SELECT * FROM who_can($$SELECT tenancy.delete_workspace('shared-team-workspace', with_rows => true)$$);
RESET SESSION AUTHORIZATION;
-- A key that may delete workspaces and not update the organization may not; with both, it needs to delete what it could delete.
\o /dev/null
INSERT INTO secrets SELECT name, (tenancy.create_api_key('organization_service_key', name, 'acme', scopes => scopes)).secret FROM (VALUES
  ('deletes', '["workspaces.delete"]'::jsonb), ('updates', '["workspaces.delete", "organization.update"]'),
  ('all of it', '["workspaces.delete", "organization.update", "prompts.delete"]')) v (name, scopes);
\o
SET SESSION AUTHORIZATION regress_app;
SELECT who, regexp_replace(attempt(who, $$SELECT tenancy.delete_workspace('search', with_rows => true)$$), '[0-9a-f-]{36}', '…') FROM unnest(ARRAY['deletes', 'updates', 'all of it']) who;
CALL become('olivia');
SELECT tenancy.delete_workspace('search', with_rows => true);
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT * FROM counts;
SELECT actor, action, resource_type, after FROM tenancy.audit_log WHERE action = 'purge' ORDER BY audit_id DESC LIMIT 1;
SELECT count(*) AS broken FROM tenancy.verify_audit_log();
-- Rows that name another organization with the workspace are disputed, and keep it.
INSERT INTO logs (id, organization_id, workspace_id) VALUES (900, 'bbbbbbbb-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000003');
SELECT * FROM failure($$SELECT tenancy.delete_workspace('acme/support', true)$$);
DELETE FROM logs WHERE id = 900;
-- Nor in a transaction whose snapshot lacks rows that others write
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM failure($$SELECT tenancy.delete_workspace('acme/support', true)$$);
SELECT * FROM failure($$SELECT * FROM tenancy.purge_organization('globex')$$);
SELECT * FROM failure($$SELECT tenancy.protect('logs', 'logs', through => '{id}')$$);
ROLLBACK;
SELECT tenancy.delete_workspace('acme/support', true);
SELECT slug FROM tenancy.workspaces WHERE organization_id = 'aaaaaaaa-0000-4000-8000-000000000000';
