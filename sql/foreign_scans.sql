-- Scans of which the executor knows less than of others: of foreign tables, and of a cursor's current row. What another server returns is
-- what its own login may see, whoever the session is here; and rows of protected tables here keep their guard.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = error;
DROP EXTENSION IF EXISTS postgres_fdw CASCADE;
CREATE EXTENSION postgres_fdw;
CREATE TABLE notes (id int PRIMARY KEY, organization_id uuid NOT NULL, workspace_id uuid NOT NULL, body text);
INSERT INTO notes SELECT i, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'search' FROM generate_series(1, 20) i;
INSERT INTO notes SELECT i, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000003', 'support' FROM generate_series(21, 40) i;
INSERT INTO notes SELECT i, 'bbbbbbbb-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000002', 'lab' FROM generate_series(41, 60) i;
SELECT tenancy.protect('notes', 'prompts', 'organization_id', 'workspace_id') \g /dev/null
ANALYZE notes;
DO $$
DECLARE
  here text := format('host %L, port %L, dbname %L', split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database());
BEGIN
  EXECUTE format('CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (%s)', here);
  -- The same, and the session there is somebody by a setting.
  EXECUTE format('CREATE SERVER far_as_gus FOREIGN DATA WRAPPER postgres_fdw OPTIONS (%s, options ''-ctenancy.user=gus@globex.test'')', here);
END
$$;
-- regress_bound stands for mike, regress_plain for nobody.
CREATE USER MAPPING FOR regress_app SERVER far OPTIONS (user 'regress_bound', password_required 'false');
CREATE USER MAPPING FOR regress_plain SERVER far OPTIONS (user 'regress_plain', password_required 'false');
CREATE USER MAPPING FOR PUBLIC SERVER far_as_gus OPTIONS (user 'regress_app', password_required 'false');
CREATE FOREIGN TABLE far_notes (id int, organization_id uuid, workspace_id uuid, body text) SERVER far OPTIONS (schema_name 'app', table_name 'notes', fetch_size '3');
CREATE FOREIGN TABLE notes_of_gus (id int, organization_id uuid, workspace_id uuid, body text) SERVER far_as_gus OPTIONS (schema_name 'app', table_name 'notes');
CREATE TABLE far_ids (id int);
INSERT INTO far_ids SELECT generate_series(1, 60);
CREATE FOREIGN TABLE open_ids (id int) SERVER far OPTIONS (schema_name 'app', table_name 'far_ids');
CREATE FUNCTION app.nth(n int, who text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.calls', (current_setting('app.calls')::int + 1)::text, false);
  IF current_setting('app.calls')::int = nth.n THEN PERFORM set_config('tenancy.user', nth.who, true); END IF;
  RETURN true;
END
$$;
-- The bodies that a query returns to a user, or the error.
CREATE FUNCTION app.bodies(who text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  found text;
BEGIN
  PERFORM set_config('app.calls', '0', false);
  CALL app.become(bodies.who, true);
  EXECUTE format('SELECT string_agg(DISTINCT b.body, '' '' ORDER BY b.body) || '': '' || count(*) FROM (%s) b (body)', bodies.query) INTO found;
  RETURN coalesce(found, 'nothing');
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END
$$;
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO PUBLIC;

-- Far end: mike's rows, to everybody with this login here. Conditions are evaluated there where they can be.
SET SESSION AUTHORIZATION regress_app;
SELECT who, bodies(who, 'SELECT body FROM notes') AS here, bodies(who, 'SELECT body FROM far_notes') AS there, bodies(who, 'SELECT body FROM notes_of_gus') AS there_as_gus,
  bodies(who, 'SELECT f.body FROM far_notes f JOIN open_ids USING (id)') AS joined_there
FROM unnest(ARRAY['olivia', 'mike', 'wanda', 'gus', 'nobody']) who;
SELECT bodies('olivia', 'SELECT body FROM far_notes WHERE id > 20'), bodies('olivia', $$ SELECT body FROM far_notes WHERE body = 'support' OR organization_id = 'bbbbbbbb-0000-4000-8000-000000000000' $$),
  bodies('olivia', $$ SELECT body FROM far_notes WHERE app.nth(0, '') AND body <> 'search' $$), bodies('olivia', 'SELECT max(body) FROM far_notes');
SELECT attempt('olivia', $$ UPDATE far_notes SET body = 'changed' WHERE id IN (21, 41) $$),
  attempt('olivia', $$ UPDATE far_notes SET body = 'changed' WHERE id IN (1, 21, 41) $$), attempt('gus', $$ DELETE FROM far_notes WHERE id IN (1, 41) $$),
  attempt('gus', $$ UPDATE notes_of_gus SET body = 'changed' WHERE id IN (1, 41) $$);
SELECT attempt('olivia', $$ INSERT INTO far_notes VALUES (100, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'new') $$),
  attempt('olivia', $$ INSERT INTO far_notes VALUES (100, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000003', 'new') $$),
  attempt('olivia', $$ INSERT INTO far_notes VALUES (100, 'bbbbbbbb-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000002', 'new') $$),
  attempt('gus', $$ INSERT INTO notes_of_gus VALUES (100, 'bbbbbbbb-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000002', 'new') $$);
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_plain;
SELECT bodies('nobody', 'SELECT body FROM far_notes') AS of_nobody;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_app;

-- A cursor reads there in parts: the principal there is that of the session there.
BEGIN;
CALL become('olivia', true);
DECLARE c CURSOR FOR SELECT id FROM far_notes ORDER BY id;
FETCH 1 FROM c;
CALL become('gus', true);
FETCH 1 FROM c;
MOVE ALL IN c;
ROLLBACK;

-- Near end: protected rows here beside foreign ones. First without a change.
BEGIN;
CALL become('olivia', true);
DECLARE c CURSOR FOR SELECT n.id FROM notes n JOIN open_ids o USING (id);
FETCH 1 FROM c;
CALL become('gus', true);
SELECT * FROM failure('FETCH 1 FROM c');
CALL become('olivia', true);
FETCH 1 FROM c;
ROLLBACK;
-- The principal changes in a condition of the foreign scan, or of the protected one, in joins of any kind. Rows that have been read before
-- are those of who has asked; no more are read, of nobody.
CREATE FUNCTION pg_temp.plans() RETURNS TABLE (plan text) LANGUAGE sql AS $$ VALUES ('hash'), ('merge'), ('nestloop') $$;
CREATE FUNCTION pg_temp.by_plan(chosen text, who text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  plan text;
BEGIN
  FOR plan IN SELECT * FROM pg_temp.plans() LOOP
    PERFORM set_config('enable_' || plan || CASE plan WHEN 'nestloop' THEN '' ELSE 'join' END, (plan = by_plan.chosen)::text, true);
  END LOOP;
  RETURN app.bodies(by_plan.who, by_plan.query);
END
$$;
CREATE FUNCTION pg_temp.is_right(found text) RETURNS boolean LANGUAGE sql AS $$ SELECT is_right.found IN ('55000', 'search support: 40') $$;
SELECT plan, pg_temp.by_plan(plan, 'olivia', $$ SELECT n.body FROM open_ids o JOIN notes n USING (id) WHERE app.nth(0, 'gus@globex.test') $$) AS nobody_switches,
  pg_temp.is_right(pg_temp.by_plan(plan, 'olivia', $$ SELECT n.body FROM open_ids o JOIN notes n USING (id) WHERE app.nth(o.id * 0 + 3, 'gus@globex.test') OR o.id = 0 $$)) AS in_foreign_scan,
  pg_temp.by_plan(plan, 'olivia', $$ SELECT n.body FROM open_ids o JOIN notes n USING (id) WHERE app.nth(n.id * 0 + 3, 'gus@globex.test') $$) AS in_protected_scan,
  pg_temp.is_right(pg_temp.by_plan(plan, 'olivia', $$ SELECT n.body FROM open_ids o JOIN notes n USING (id) WHERE app.nth(o.id + n.id - 2 * o.id + 3, 'gus@globex.test') $$)) AS in_join
FROM pg_temp.plans();
SELECT pg_temp.by_plan('nestloop', 'olivia', $$ SELECT n.body FROM open_ids o, LATERAL (SELECT * FROM notes WHERE notes.id = o.id) n WHERE app.nth(o.id * 0 + 3, 'gus@globex.test') $$) AS in_loop;
-- Rows are locked.
SELECT bodies('olivia', 'SELECT n.body FROM notes n JOIN open_ids o USING (id) WHERE o.id IN (1, 41) FOR UPDATE OF n'),
  bodies('gus', 'SELECT n.body FROM notes n JOIN open_ids o USING (id) WHERE o.id IN (1, 41) FOR UPDATE');

-- Where a cursor stands: a row of before is no row of the session that is another's now. Each in its turn, and back.
BEGIN;
CALL become('olivia', true);
DECLARE c CURSOR FOR SELECT id FROM notes WHERE id > 5 FOR UPDATE;
FETCH 1 FROM c;
UPDATE notes SET body = body || ', touched' WHERE CURRENT OF c RETURNING id, body;
FETCH 1 FROM c;
CALL become('gus', true);
UPDATE notes SET body = body || ', touched' WHERE CURRENT OF c RETURNING id, body;
DELETE FROM notes WHERE CURRENT OF c RETURNING id;
CALL become('olivia', true);
DELETE FROM notes WHERE CURRENT OF c RETURNING id;
SAVEPOINT before;
FETCH 1 FROM c;
SELECT set_config('app.calls', '0', false) \g /dev/null
SAVEPOINT before;
UPDATE notes SET body = 'theirs' WHERE CURRENT OF c RETURNING app.nth(1, 'gus@globex.test');
ROLLBACK TO before;
UPDATE notes SET body = CASE WHEN app.nth(1, 'gus@globex.test') THEN 'theirs' END WHERE CURRENT OF c RETURNING id;
ROLLBACK;
BEGIN;
CALL become('olivia', true);
-- Prepared, for the same cursor.
DECLARE c CURSOR FOR SELECT id FROM notes WHERE id > 5 FOR UPDATE;
FETCH 1 FROM c;
PREPARE touch AS UPDATE notes SET body = body || ', touched' WHERE CURRENT OF c RETURNING id, body;
EXECUTE touch;
EXECUTE touch;
CALL become('gus', true);
EXECUTE touch;
CALL become('olivia', true);
EXECUTE touch;
ROLLBACK;
-- There, too.
BEGIN;
CALL become('olivia', true);
DECLARE c CURSOR FOR SELECT id FROM far_notes WHERE id > 5 FOR UPDATE;
FETCH 1 FROM c;
UPDATE far_notes SET body = 'touched' WHERE CURRENT OF c RETURNING id, body;
ROLLBACK;

RESET SESSION AUTHORIZATION;
DROP EXTENSION postgres_fdw CASCADE;
