-- One plan for all principals whose rights have the same shape (tenancy.share_plans).
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\o /dev/null
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id',
                       owner => 'user_id', create_indexes => true);
SELECT tenancy.protect('prompts', 'prompts', organization => 'organization_id', workspace => 'workspace_id', api_key => 'api_key_id');
-- leo, of globex, is to mike what nobody in acme is: a member of one workspace, elsewhere
INSERT INTO tenancy.users (user_id, email, external_id) VALUES ('cccccccc-0000-4000-8000-000000000009', 'leo@globex.test', '209');
SELECT tenancy.set_organization_role('globex', 'leo@globex.test', 'member');
SELECT tenancy.set_workspace_role('globex/lab', 'leo@globex.test', 'member');
\o
CREATE FUNCTION seen() RETURNS text LANGUAGE sql VOLATILE AS 'SELECT string_agg(id::text, '' '' ORDER BY id) FROM app.logs';
-- The EXPLAIN output of the prepared statement q, or another, without parts that depend on the world.
CREATE FUNCTION plan_of_q(query text DEFAULT 'EXECUTE q') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    -- PostgreSQL 18 says so where the settings leave no other way, and 19 what a constant result stands for.
    CONTINUE WHEN line ~ '^ *(Disabled: true$|Replaces: )';
    line := regexp_replace(line, 'plan_guard\(''-?\d+''::bigint', 'plan_guard(STAMP', 'g');
    RETURN NEXT regexp_replace(line, 'shape_guard\(''[-\w]+''', 'shape_guard(SHAPE', 'g');
  END LOOP;
END
$$;
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
-- as a DBA who is no superuser, so that the plan outlives the change as far as the login is concerned
GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA tenancy TO regress_app;
GRANT USAGE ON TYPE tenancy.administrator TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SET plan_cache_mode = force_generic_plan;
PREPARE q AS SELECT id, body FROM logs ORDER BY id;
PREPARE add (int, uuid, uuid, uuid) AS INSERT INTO logs (id, organization_id, workspace_id, user_id) VALUES ($1, $2, $3, $4) RETURNING id;

-- Not asked for: the plan holds mike's ids, and the next principal gets another.
SET enable_seqscan = off;
SET enable_bitmapscan = off;
CALL become('mike');
SELECT plan_of_q();
SET enable_indexscan = off;
SET enable_sort = off;
SET tenancy."user" = 'leo@globex.test';
SELECT plan_of_q();
RESET enable_indexscan;
RESET enable_sort;

-- Asked for: a plan made with indexes stays when they are switched off, which a new one would heed.
SET tenancy.share_plans = on;
CALL become('mike');
SELECT plan_of_q();
EXECUTE q;
SET tenancy."user" = 'leo@globex.test';
EXECUTE q;  -- leo's shape is learned, mike's is known
SET enable_indexscan = off;
SET enable_sort = off;
BEGIN;
CALL become('mike', true);
SELECT plan_of_q();
EXECUTE q;
COMMIT;
BEGIN;
SELECT set_config('tenancy.user', 'leo@globex.test', true) \g /dev/null
EXECUTE q;
SELECT seen();
ROLLBACK;
SELECT plan_of_q() LIMIT 3;

-- nobody keeps it, and sees nothing by it
RESET tenancy."user";
EXECUTE q;
SELECT plan_of_q() LIMIT 3;
RESET SESSION AUTHORIZATION;
SET tenancy.anonymous_access = 'error';
SET SESSION AUTHORIZATION regress_app;
EXECUTE q;
-- where nobody is an error, also by a plan that reads no row: that of a principal who may see none
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'members_view_logs', false) \g /dev/null
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
EXECUTE q;
SELECT plan_of_q();
CALL become('nobody');
EXECUTE q;
RESET SESSION AUTHORIZATION;
SELECT tenancy.reset_setting('acme', 'members_view_logs') \g /dev/null
RESET tenancy.anonymous_access;
SET SESSION AUTHORIZATION regress_app;

-- another shape is another plan: mona is a manager, olivia an owner, ben is in two workspaces
RESET enable_indexscan;
RESET enable_sort;
CALL become('mike');
EXECUTE q;
SET enable_indexscan = off;
SET enable_sort = off;
CALL become('mona');
SELECT plan_of_q();
EXECUTE q;
CALL become('olivia');
SELECT plan_of_q();
EXECUTE q;
CALL become('gus');
EXECUTE q;
CALL become('ben');
SELECT plan_of_q();
EXECUTE q;
RESET enable_indexscan;
RESET enable_sort;

-- A change of rights is seen at once, and changes the shape.
CALL become('mike');
EXECUTE q;
INSERT INTO tenancy.visibility VALUES ('00000000-0000-4000-8000-000000000013', 'aaaaaaaa-0000-4000-8000-000000000000', NULL, false);
EXECUTE q;
SELECT plan_of_q();
SET tenancy."user" = 'leo@globex.test';
EXECUTE q;
CALL become('mike');
EXECUTE q;
-- a user is removed
BEGIN;
DELETE FROM tenancy.workspace_members WHERE user_id = 'cccccccc-0000-4000-8000-000000000004';
EXECUTE q;
ROLLBACK;
EXECUTE q;

-- Writing: the row must say what is the present principal's, whoever the plan was made for.
CALL become('mike key');
EXECUTE add (11, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'cccccccc-0000-4000-8000-000000000004');
EXECUTE add (12, 'bbbbbbbb-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000002', 'cccccccc-0000-4000-8000-000000000009');
CALL become('ben support key');
EXECUTE add (13, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'cccccccc-0000-4000-8000-000000000004');
EXECUTE add (14, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000003', 'cccccccc-0000-4000-8000-000000000005');
RESET tenancy.api_key;
EXECUTE add (15, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000003', 'cccccccc-0000-4000-8000-000000000005');

-- A cursor that still scans stops when the principal changes, though the plan would serve both.
DELETE FROM tenancy.visibility;
CALL become('mike');
EXECUTE q;
SET tenancy."user" = 'leo@globex.test';
EXECUTE q;
CALL become('mike');
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM logs;
FETCH 1 FROM c;
SELECT set_config('tenancy.user', 'leo@globex.test', true) \g /dev/null
FETCH 1 FROM c;
ROLLBACK;
-- Opened but not yet begun: it is the present principal's.
BEGIN;
DECLARE c CURSOR FOR SELECT id, body FROM logs;
SELECT set_config('tenancy.user', 'leo@globex.test', true) \g /dev/null
FETCH ALL FROM c;
ROLLBACK;

-- A query that compares the policy's column can leave its own comparison alone on the row: nothing that comes says that others have such
-- a row, as logs of another organization do here, and nobody has there.
RESET SESSION AUTHORIZATION;
SELECT max(id) AS theirs FROM logs WHERE organization_id = (SELECT organization_id FROM tenancy.organizations WHERE slug = 'globex') \gset
SET SESSION AUTHORIZATION regress_app;
SET plan_cache_mode = auto;
SET enable_indexscan = off;
CALL become('mike');
SET tenancy.workspace = 'aaaaaaaa-0000-4000-8000-000000000002';
SELECT plan_of_q('SELECT id FROM logs WHERE id = 0 AND workspace_id = tenancy.current_workspace_id()');
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM logs WHERE id = :theirs AND workspace_id = tenancy.current_workspace_id();
SET LOCAL tenancy.share_plans = on;  -- from here on each row is checked
FETCH ALL FROM c;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM logs WHERE id = 0 AND workspace_id = tenancy.current_workspace_id();
SET LOCAL tenancy.share_plans = on;
FETCH ALL FROM c;
ROLLBACK;
RESET tenancy.workspace;
RESET enable_indexscan;
SET plan_cache_mode = force_generic_plan;

-- A plan serves one rights profile; forging one gains nothing.
SELECT tenancy.shape_guard('00000000-0000-4000-8000-000000000000', 'workspace', 'aaaaaaaa-0000-4000-8000-000000000002');
SELECT tenancy.filter_id('workspace'), tenancy.filter_id('organization'), tenancy.filter_id('user'), tenancy.filter_id('api_key');
SELECT tenancy.filter_id('planet');
-- A key that reaches everything, and one that expires while the plan is kept.
CALL become('acme master');
EXECUTE q;
CALL become('globex master');
EXECUTE q;
RESET SESSION AUTHORIZATION;
UPDATE tenancy.api_keys SET expires_at = statement_timestamp() - interval '1 second' WHERE name = 'globex master';
SET SESSION AUTHORIZATION regress_app;
EXECUTE q;
RESET SESSION AUTHORIZATION;
REVOKE ALL ON ALL TABLES IN SCHEMA tenancy FROM regress_app;
REVOKE USAGE ON TYPE tenancy.administrator FROM regress_app;
