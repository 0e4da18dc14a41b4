-- Rows for a member, many of them: what has been accepted is accepted again, until something of it changes.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
CREATE TABLE requests (id int GENERATED ALWAYS AS IDENTITY, organization_id uuid, workspace_id uuid, user_id uuid, api_key_id uuid);
SELECT tenancy.protect('requests', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id', create_indexes => true);
INSERT INTO tenancy.api_key_scopes SELECT k.api_key_id, 'logs', 'attribute' FROM tenancy.api_keys k WHERE k.name = 'search service';
SELECT tenancy.set_logging('acme', 'attribution_grace_hours', '0');
\set ECHO none
CREATE FUNCTION write_for(owner uuid, key uuid DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  the_detail text;
BEGIN
  IF key IS NULL THEN
    INSERT INTO app.requests (user_id) VALUES (owner);
  ELSE
    INSERT INTO app.requests (user_id, api_key_id) VALUES (owner, key);
  END IF;
  RETURN 'written';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS the_detail = PG_EXCEPTION_DETAIL;
  RETURN concat_ws(' ', SQLSTATE, nullif(the_detail, ''));
END
$$;
-- Twice for mike, the change, and once more for him; then the change is undone, and he is written for again.
CREATE FUNCTION after(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  outcome text;
  again text;
BEGIN
  CALL app.become('search service', true);
  BEGIN
    SET LOCAL ROLE regress_app;
    IF app.write_for('cccccccc-0000-4000-8000-000000000004') <> 'written' OR app.write_for('cccccccc-0000-4000-8000-000000000004') <> 'written' THEN
      RETURN 'nothing to change';
    END IF;
    RESET ROLE;
    EXECUTE change;
    SET LOCAL ROLE regress_app;
    outcome := app.write_for('cccccccc-0000-4000-8000-000000000004');
    RAISE SQLSTATE 'UNDO1';
  EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
    NULL;
  END;
  SET LOCAL ROLE regress_app;
  again := app.write_for('cccccccc-0000-4000-8000-000000000004');
  RESET ROLE;
  RETURN outcome || CASE again WHEN 'written' THEN '' ELSE ', and for good' END;
END
$$;
\set ECHO all
SET client_min_messages = warning;
SELECT change, after(change) FROM unnest(ARRAY['SELECT 1', $$SELECT tenancy.remove_workspace_member('acme/search', 'mike@acme.test')$$, $$SELECT tenancy.remove_organization_member('acme', 'mike@acme.test')$$,
  $$UPDATE tenancy.users SET active = false WHERE email = 'mike@acme.test'$$, $$UPDATE tenancy.workspace_members m SET ends_at = clock_timestamp() WHERE user_id = 'cccccccc-0000-4000-8000-000000000004'$$,
  $$SELECT tenancy.set_setting('acme', 'members_view_logs', false)$$, $$SELECT tenancy.set_setting('acme', 'members_view_logs', false), tenancy.set_setting('acme', 'members_view_logs_metadata', false)$$,
  $$DELETE FROM tenancy.api_key_scopes s USING tenancy.api_keys k WHERE k.api_key_id = s.api_key_id AND k.name = 'search service' AND s.action = 'attribute'$$,
  $$DELETE FROM tenancy.api_key_scopes s USING tenancy.api_keys k WHERE k.api_key_id = s.api_key_id AND k.name = 'search service' AND (s.resource, s.action) = ('logs', 'write')$$,
  $$SELECT tenancy.revoke_api_key('search service', 'acme')$$, $$CALL app.become('ben support key', true)$$, $$CALL app.become('nobody', true)$$]) change;
-- Whom and what a row names is each looked at
SET SESSION AUTHORIZATION regress_app;
CALL become('search service');
SELECT n, who, write_for(owner::uuid, key::uuid) FROM (VALUES
  (1, 'mike', 'cccccccc-0000-4000-8000-000000000004', NULL), (2, 'mike by his key', 'cccccccc-0000-4000-8000-000000000004', 'dddddddd-0000-4000-8000-000000000003'),
  (3, 'mike by a key of ben''s', 'cccccccc-0000-4000-8000-000000000004', 'dddddddd-0000-4000-8000-000000000004'), (4, 'nora', 'cccccccc-0000-4000-8000-000000000007', NULL),
  (5, 'nobody whose id ends in the same byte', 'eeeeeeee-0000-4000-8000-000000000004', NULL), (6, 'mike', 'cccccccc-0000-4000-8000-000000000004', NULL)) v (n, who, owner, key) ORDER BY n;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
-- In the middle of a statement
CREATE FUNCTION member_removed(i int) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF i = 3 THEN
    DELETE FROM tenancy.workspace_members WHERE user_id = 'cccccccc-0000-4000-8000-000000000004';
  END IF;
  RETURN 'cccccccc-0000-4000-8000-000000000004';
END
$$;
SET SESSION AUTHORIZATION regress_app;
CALL become('search service');
INSERT INTO requests (user_id) SELECT member_removed(i) FROM generate_series(1, 2) i;
INSERT INTO requests (user_id) SELECT member_removed(i) FROM generate_series(1, 4) i;
INSERT INTO requests (user_id) SELECT member_removed(i) FROM generate_series(1, 2) i;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
-- One whose membership ends, at that moment
SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'member', clock_timestamp() + interval '1.5 s');
SET SESSION AUTHORIZATION regress_app;
CALL become('search service');
SELECT write_for('cccccccc-0000-4000-8000-000000000004'), write_for('cccccccc-0000-4000-8000-000000000004');
SELECT pg_sleep(1.6);
SELECT write_for('cccccccc-0000-4000-8000-000000000004');
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.unprotect('requests');
-- Of rows that can be updated: without "actions", whoever may update all of them says whose they are; with it, who holds "attribute"
CREATE TABLE papers (id int PRIMARY KEY, organization_id uuid, workspace_id uuid, user_id uuid, body text);
SELECT tenancy.register_resource('papers', 'papers', members => '{list,view,create,update}', data_visibility => true), tenancy.register_permission('papers', 'attribute', 'Say whose a paper is');
INSERT INTO tenancy.api_key_scopes SELECT k.api_key_id, 'papers', a FROM tenancy.api_keys k, unnest(ARRAY['view', 'create', 'update']) a WHERE k.name = 'search service';
SELECT tenancy.protect('papers', 'papers', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true);
CREATE FUNCTION tried(who text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
BEGIN
  CALL app.become(who, true);
  EXECUTE statement;
  GET DIAGNOSTICS n = ROW_COUNT;
  RAISE SQLSTATE 'UNDO1';
EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
  RETURN n;
WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE TABLE attempts (n int, statement text);
INSERT INTO attempts VALUES (1, $$UPDATE app.papers SET body = 'x'$$), (2, $$UPDATE app.papers SET user_id = 'cccccccc-0000-4000-8000-000000000003' WHERE id = 1$$),
  (3, $$INSERT INTO app.papers (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET user_id = EXCLUDED.user_id$$),
  (4, $$MERGE INTO app.papers p USING (VALUES (1)) v (id) ON p.id = v.id WHEN MATCHED THEN UPDATE SET user_id = 'cccccccc-0000-4000-8000-000000000003'$$),
  (5, $$INSERT INTO app.papers (id, user_id) VALUES (1, 'cccccccc-0000-4000-8000-000000000003') ON CONFLICT (id) DO UPDATE SET body = 'x'$$),
  (6, $$MERGE INTO app.papers p USING (VALUES (9)) v (id) ON p.id = v.id WHEN NOT MATCHED THEN INSERT (id, user_id) VALUES (9, 'cccccccc-0000-4000-8000-000000000003')$$),
  (7, $$MERGE INTO app.papers p USING (VALUES (9)) v (id) ON p.id = v.id WHEN NOT MATCHED THEN INSERT (id, workspace_id) VALUES (9, 'aaaaaaaa-0000-4000-8000-000000000002')$$);
INSERT INTO papers SELECT 1, organization_id, workspace_id, 'cccccccc-0000-4000-8000-000000000004', 'of mike' FROM tenancy.workspaces WHERE slug = 'search';
SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'member');
SET SESSION AUTHORIZATION regress_app;
SELECT n, tried('search service', statement) AS service, tried('olivia', statement) AS olivia FROM attempts ORDER BY n;
RESET SESSION AUTHORIZATION;
SELECT tenancy.protect('papers', 'papers', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true, actions => '{"attribute": ["user_id"]}');
SET SESSION AUTHORIZATION regress_app;
SELECT n, tried('search service', statement) AS service, tried('olivia', statement) AS olivia FROM attempts ORDER BY n;
RESET SESSION AUTHORIZATION;
INSERT INTO tenancy.api_key_scopes SELECT k.api_key_id, 'papers', 'attribute' FROM tenancy.api_keys k WHERE k.name = 'search service';
SET SESSION AUTHORIZATION regress_app;
SELECT n, tried('search service', statement) AS service FROM attempts ORDER BY n;
RESET SESSION AUTHORIZATION;
SELECT tenancy.unprotect('papers');
