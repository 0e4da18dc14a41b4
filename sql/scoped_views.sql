-- Scoped views: whoever may list sees the row, whoever may view sees the payload.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
CREATE TABLE requests AS SELECT id, organization_id, workspace_id, user_id, 'request ' || id AS request, 'response ' || id AS response FROM logs;
-- Not without payload columns
SELECT * FROM failure($$SELECT tenancy.create_scoped_view('requests', 'requests_scoped')$$);
SELECT tenancy.protect('requests', 'logs', 'organization_id', 'workspace_id', 'user_id');
SELECT * FROM failure($$SELECT tenancy.create_scoped_view('requests', 'requests_scoped')$$);
SELECT tenancy.protect('requests', 'logs', 'organization_id', 'workspace_id', 'user_id', payload => '{request,response}');
SELECT tenancy.create_scoped_view('requests', 'requests_scoped');
SELECT tenancy.create_scoped_view('requests', 'requests_scoped');
SELECT * FROM failure($$SELECT tenancy.create_scoped_view('requests', 'logs')$$);
SELECT * FROM failure($$SELECT tenancy.create_scoped_view('requests', 'nowhere.view')$$);
GRANT SELECT ON requests, requests_scoped TO PUBLIC;
GRANT ALL ON requests_scoped TO regress_app;

-- Visible rows: of the table, of the view, with their payload
CREATE FUNCTION sees(who text) RETURNS TABLE ("table" text, "view" text, payload text) LANGUAGE sql AS $$
  SELECT visible(who, 'requests'), visible(who, 'requests_scoped'),
         visible(who, '(SELECT id FROM requests_scoped WHERE request IS NOT NULL AND response IS NOT NULL) with_payload')
$$;
SET SESSION AUTHORIZATION regress_app;
SELECT who, (sees(who)).* FROM unnest(ARRAY['olivia', 'adam', 'mona', 'mike', 'ben', 'wanda', 'nora', 'gus', 'search service', 'nobody']) who;
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'members_view_logs', false), tenancy.set_setting('acme', 'org_admins_view_logs', false);
SET SESSION AUTHORIZATION regress_app;
SELECT who, (sees(who)).* FROM unnest(ARRAY['olivia', 'adam', 'mona', 'mike', 'ben', 'nora', 'gus']) who;
RESET SESSION AUTHORIZATION;
-- Own rows only, in one of two workspaces the payload, too
SELECT tenancy.set_setting('acme', 'members_view_all_data', false), tenancy.set_setting('acme', 'managers_view_all_data', false);
SET SESSION AUTHORIZATION regress_app;
SELECT who, (sees(who)).* FROM unnest(ARRAY['olivia', 'mona', 'mike', 'ben']) who;
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'members_view_logs_metadata', false);
SET SESSION AUTHORIZATION regress_app;
SELECT who, (sees(who)).* FROM unnest(ARRAY['olivia', 'mike']) who;
RESET SESSION AUTHORIZATION;

-- For reading only
SET SESSION AUTHORIZATION regress_app;
SELECT attempt('olivia', 'INSERT INTO requests_scoped (id) VALUES (99)'), attempt('olivia', 'UPDATE requests_scoped SET id = 99'),
       attempt('olivia', 'DELETE FROM requests_scoped');
-- A cursor doesn't go on for another principal.
CALL become('olivia');
BEGIN;
DECLARE page CURSOR FOR SELECT id FROM requests_scoped;
MOVE 1 FROM page;
CALL become('gus');
SELECT * FROM failure('FETCH 1 FROM page');
ROLLBACK;
RESET SESSION AUTHORIZATION;
-- A column that is generated from payload is payload, too; others are not.
ALTER TABLE requests ADD COLUMN length int GENERATED ALWAYS AS (length(request)) STORED, ADD COLUMN next int GENERATED ALWAYS AS (id + 1) STORED;
DROP VIEW requests_scoped;
SELECT tenancy.create_scoped_view('requests', 'requests_scoped');
GRANT SELECT ON requests_scoped TO regress_app;
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT count(*), count(request) AS request, count(length) AS length, count(next) AS next FROM requests_scoped;
CALL become('adam');
SELECT count(*), count(request) AS request, count(length) AS length, count(next) AS next FROM requests_scoped;
RESET SESSION AUTHORIZATION;
DROP VIEW requests_scoped;
SELECT count(*) FROM tenancy.scoped_views;
