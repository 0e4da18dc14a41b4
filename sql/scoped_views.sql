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

-- Restrictive policies apply in the view as in the table, as they are created, altered and dropped.
SELECT tenancy.create_scoped_view('requests', 'requests_scoped');
GRANT SELECT ON requests_scoped TO regress_app;
CREATE FUNCTION shown(who text) RETURNS TABLE ("table" text, "view" text) LANGUAGE sql AS $$
  SELECT visible(who, 'requests'), visible(who, 'requests_scoped')
$$;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM shown('olivia');
RESET SESSION AUTHORIZATION;
-- Conditions are alternatives within, and a column may be renamed below the view.
CREATE POLICY first ON requests AS RESTRICTIVE FOR SELECT USING (id < 2 OR requests.id = 3 OR requests IS NULL);
ALTER TABLE requests RENAME request TO question;
CREATE POLICY second ON requests AS RESTRICTIVE USING ((SELECT current_setting('app.hidden', true)) IS DISTINCT FROM id::text);
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM shown('olivia');
SET app.hidden = '3';
SELECT * FROM shown('olivia');
RESET app.hidden;
RESET SESSION AUTHORIZATION;
ALTER POLICY first ON requests USING (id < 3);
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM shown('olivia');
RESET SESSION AUTHORIZATION;
-- For some roles, and for others
ALTER POLICY first ON requests TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM shown('olivia');
RESET SESSION AUTHORIZATION;
ALTER POLICY first ON requests TO pg_monitor;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM shown('olivia');
RESET SESSION AUTHORIZATION;
DROP POLICY first ON requests;
-- Those for writing don't matter.
CREATE POLICY first ON requests AS RESTRICTIVE FOR UPDATE USING (false);
DROP POLICY second ON requests;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM shown('olivia');
RESET SESSION AUTHORIZATION;
-- What would read tables as the view's owner is refused, and constants that would be checked by others' code.
SELECT * FROM failure('CREATE POLICY second ON requests AS RESTRICTIVE USING (id IN (SELECT id FROM logs))');
SELECT * FROM failure('CREATE POLICY second ON requests AS RESTRICTIVE USING (id = (SELECT (SELECT max(id) FROM logs)))');
SELECT * FROM failure('CREATE POLICY second ON requests AS RESTRICTIVE USING (id IN (WITH x AS (SELECT 1) TABLE x))');
CREATE FUNCTION checked(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'as %', current_user; RETURN true; END $$;
CREATE DOMAIN checked AS text CHECK (checked(VALUE));
SELECT * FROM failure($$CREATE POLICY second ON requests AS RESTRICTIVE USING (cardinality('{a}'::checked[]) = 1)$$);
DROP VIEW requests_scoped;
CREATE POLICY second ON requests AS RESTRICTIVE USING (id IN (SELECT id FROM logs));
SELECT * FROM failure($$SELECT tenancy.create_scoped_view('requests', 'requests_scoped')$$);
DROP POLICY second ON requests;
DROP DOMAIN checked;
DROP FUNCTION checked(text);
-- Retention
SELECT tenancy.create_scoped_view('requests', 'requests_scoped');
GRANT SELECT ON requests_scoped TO regress_app;
SELECT tenancy.apply_logging_settings('requests', 'payloads');
SET tenancy.guard_rails = off;
ALTER TABLE requests DISABLE TRIGGER "~~tenancy_keep_row";
RESET tenancy.guard_rails;
UPDATE requests SET received_at = now() - interval '40 days' WHERE id < 3;
ALTER TABLE requests ENABLE ALWAYS TRIGGER "~~tenancy_keep_row";
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM shown('olivia');
CALL become('olivia');
SELECT tenancy.set_logging(NULL, 'retention_days.payloads', '30');
SELECT * FROM shown('olivia');
RESET SESSION AUTHORIZATION;
SELECT tenancy.ignore_logging_settings('requests');
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM shown('olivia');
RESET SESSION AUTHORIZATION;
-- By a table's owner who is no superuser; the payload stays hidden from principals that may only list.
CREATE ROLE regress_views_owner;
GRANT USAGE ON SCHEMA app TO regress_views_owner;
ALTER TABLE requests OWNER TO regress_views_owner;
SET SESSION AUTHORIZATION regress_views_owner;
CREATE POLICY second ON app.requests AS RESTRICTIVE USING (id <> 4);
SELECT * FROM failure('CREATE POLICY third ON app.requests AS RESTRICTIVE USING (EXISTS (SELECT FROM tenancy.api_keys))');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_app;
SELECT who, (SELECT "view" FROM shown(who)),
       visible(who, '(SELECT id FROM requests_scoped WHERE question IS NOT NULL OR length IS NOT NULL) with_payload') AS payload
FROM unnest('{olivia,adam,gus}'::text[]) who;
RESET SESSION AUTHORIZATION;
-- Nothing is shown after the table has been unprotected and opened to others' policies.
SELECT tenancy.unprotect('requests');
-- ... nor is anything read any more, such as a foreign table that its owner puts below it; protected again, the views follow.
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (COSTS off) ' || query; END $$;
SELECT line FROM plan_of('SELECT * FROM requests_scoped') line WHERE line !~ 'Replaces:';
BEGIN;
SELECT tenancy.protect('requests', 'logs', 'organization_id', payload => '{question}') \g /dev/null
SELECT definition ~ 'row_visible' AS has_rows, regexp_count(definition, 'payload_visible') AS columns_with_payload FROM pg_get_viewdef('requests_scoped'::regclass) definition;
SELECT tenancy.protect('requests', 'logs', 'organization_id', payload => '{question,response}') \g /dev/null
SELECT definition ~ 'row_visible' AS has_rows, regexp_count(definition, 'payload_visible') AS columns_with_payload FROM pg_get_viewdef('requests_scoped'::regclass) definition;
ROLLBACK;
CREATE POLICY everything ON requests USING (true);
ALTER POLICY second ON requests USING (true);
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM shown('olivia');
RESET SESSION AUTHORIZATION;
-- A column of a domain is shown as what is below it, payload or not.
CREATE DOMAIN short AS varchar(20) NOT NULL;
CREATE TABLE domains (organization_id uuid, question short, answer short);
SELECT tenancy.protect('domains', 'logs', 'organization_id', payload => '{question}'), tenancy.create_scoped_view('domains', 'domains_scoped') \g /dev/null
SELECT attname, atttypid::regtype FROM pg_attribute WHERE attrelid = 'domains_scoped'::regclass AND attnum > 1 ORDER BY attnum;
SELECT tenancy.protect('domains', 'logs', 'organization_id', payload => '{answer}'), tenancy.unprotect('domains') \g /dev/null
DROP TABLE domains CASCADE;
DROP DOMAIN short;
DROP TABLE requests CASCADE;
SELECT count(*) FROM tenancy.scoped_views;
REVOKE ALL ON SCHEMA app FROM regress_views_owner;
DROP ROLE regress_views_owner;
