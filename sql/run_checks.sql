-- A plan's guard is checked once for each run, and row by row from the moment on at which who the session is may have changed.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
CREATE TABLE notes (id int PRIMARY KEY, organization_id uuid NOT NULL, made timestamptz NOT NULL, body text);
INSERT INTO notes SELECT i, 'aaaaaaaa-0000-4000-8000-000000000000', '2026-01-01'::timestamptz + i * interval '1 minute', 'acme ' || i FROM generate_series(1, 200) i;
INSERT INTO notes SELECT i, 'bbbbbbbb-0000-4000-8000-000000000000', '2026-01-01'::timestamptz + i * interval '1 minute', 'globex ' || i FROM generate_series(201, 400) i;
CREATE INDEX notes_made ON notes (organization_id, made);
SELECT tenancy.protect('notes', 'prompts', 'organization_id');
ANALYZE notes;
GRANT ALL ON notes TO PUBLIC;

-- Changes the principal at the n-th call of a query.
\set ECHO none
CREATE FUNCTION app.calls() RETURNS int LANGUAGE sql AS $$ SELECT current_setting('app.calls')::int $$;
CREATE FUNCTION app.nth(n int, who text, by text DEFAULT 'user') RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.calls', (app.calls() + 1)::text, false);
  IF app.calls() = nth.n THEN
    IF nth.by = 'user' THEN
      PERFORM set_config('tenancy.user', nth.who, true);
    ELSE
      PERFORM set_config('session_authorization', nth.who, true);
    END IF;
  END IF;
  RETURN true;
END
$$;
CREATE FUNCTION app.guards_of(query text, OUT guards int) LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  guards := 0;
  FOR line IN EXECUTE guards_of.query LOOP
    guards := guards + (line ~ 'plan_guard')::int;
  END LOOP;
END
$$;
\set ECHO all
-- Runs and rows that have been checked since the last call.
CREATE TABLE counted (runs bigint, rows bigint);
INSERT INTO counted VALUES (0, 0);
\set ECHO none
CREATE FUNCTION app.checked(OUT runs bigint, OUT rows bigint) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  now app.counted;
BEGIN
  SELECT max(session) FILTER (WHERE counter = 'runs_checked'), max(session) FILTER (WHERE counter = 'rows_checked') INTO now FROM tenancy.stats();
  SELECT now.runs - c.runs, now.rows - c.rows INTO checked.runs, checked.rows FROM app.counted c;
  UPDATE app.counted SET runs = now.runs, rows = now.rows;
END
$$;
\set ECHO all
-- Reports what it is shown.
CREATE SEQUENCE app.showings;
GRANT ALL ON SEQUENCE app.showings TO PUBLIC;
\set ECHO none
CREATE FUNCTION app.shown(body text) RETURNS boolean LANGUAGE sql COST 1000 AS $$ SELECT nextval('app.showings') > 0 $$;
CREATE FUNCTION app.moment(n int, who text) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
  PERFORM app.nth(moment.n, moment.who);
  RETURN '2026-01-01 00:05';
END
$$;
-- Rows that a query gives to olivia, of acme, while something in it may make the session somebody else's.
CREATE PROCEDURE app.run(query text, INOUT rows int DEFAULT NULL, INOUT state text DEFAULT NULL, INOUT shown int DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
  ids text[];
BEGIN
  PERFORM set_config('app.calls', '0', false), setval('app.showings', 1000);
  state := 'done';
  BEGIN
    PERFORM set_config('tenancy.user', 'olivia@acme.test', true);
    EXECUTE format('SELECT array_agg(q::text) FROM (%s) q', run.query) INTO ids;
    rows := cardinality(ids);
  EXCEPTION WHEN OTHERS THEN
    state := SQLSTATE;
  END;
  shown := nextval('app.showings') - 1001;
END
$$;
-- Restored by a function's own setting.
CREATE FUNCTION app.as_gus() RETURNS bigint LANGUAGE sql SET tenancy."user" = 'gus@globex.test' AS $$ SELECT count(*) FROM app.notes $$;
-- The same plan, running within itself.
CREATE FUNCTION app.nested(depth int, fails boolean DEFAULT false) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  n int;
  total int := 0;
BEGIN
  IF nested.depth = 0 AND nested.fails THEN RAISE 'failed'; END IF;
  FOR n IN SELECT id FROM notes ORDER BY id LIMIT 3 LOOP
    total := total + 1;
    IF nested.depth > 0 THEN
      BEGIN
        total := total + app.nested(nested.depth - 1, nested.fails);
      EXCEPTION WHEN raise_exception THEN
        total := total + 100;
      END;
    END IF;
  END LOOP;
  RETURN total;
END
$$;
\set ECHO all
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;

-- One check a run.
BEGIN;
CALL become('olivia', true);
SELECT app.checked() \g /dev/null
SELECT count(*) FROM notes;
SELECT app.checked();
PREPARE q AS SELECT count(*) FROM notes WHERE id > $1;
EXECUTE q (0);
EXECUTE q (100);
SELECT app.checked();
-- What is shown is the plan with its guard.
SELECT app.guards_of('EXPLAIN SELECT count(*) FROM notes'), app.guards_of('EXPLAIN ANALYZE SELECT count(*) FROM notes');
ROLLBACK;

-- Between two fetches: other rows, rows of before, rows that were sorted already.
BEGIN;
CALL become('olivia', true);
DECLARE plain CURSOR FOR SELECT id FROM notes;
DECLARE sorted CURSOR FOR SELECT id FROM notes ORDER BY body;
FETCH 1 FROM plain;
FETCH 1 FROM sorted;
CALL become('gus', true);
SELECT * FROM failure('FETCH 1 FROM plain');
SELECT * FROM failure('FETCH 1 FROM sorted');
CALL become('olivia', true);
FETCH 1 FROM plain;
FETCH 1 FROM sorted;
ROLLBACK;

-- In the middle of a run: in the target list, in the scan's own condition, by the login, in a join, in an index key. Controls first.
\set gus '''gus@globex.test'''
CALL app.run($$ SELECT id, app.nth(0, 'gus@globex.test') FROM notes $$);
CALL app.run($$ SELECT id, app.nth(3, 'gus@globex.test') FROM notes $$);
CALL app.run($$ SELECT id, app.nth(3, 'olivia@acme.test') FROM notes $$);
CALL app.run($$ SELECT id FROM notes WHERE app.nth(0, 'gus@globex.test') AND app.shown(body) $$);
CALL app.run($$ SELECT id FROM notes WHERE app.nth(3, 'gus@globex.test') AND app.shown(body) $$);
CALL app.run($$ SELECT count(*) FROM notes WHERE app.nth(3, 'gus@globex.test') AND app.shown(body) $$);
CALL app.run($$ SELECT id FROM notes WHERE id % 2 = 0 AND app.nth(3, 'gus@globex.test') AND app.shown(body) $$);
CALL app.run($$ SELECT a.id FROM notes a JOIN notes b ON b.id = a.id + 1 WHERE app.nth(50, 'gus@globex.test') AND app.shown(b.body) $$);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
CALL app.run($$ SELECT id FROM notes WHERE made = app.moment(0, 'gus@globex.test') $$);
CALL app.run($$ SELECT id FROM notes WHERE made = app.moment(1, 'gus@globex.test') $$);
CALL app.run($$ SELECT id FROM notes WHERE made = (SELECT app.moment(1, 'gus@globex.test')) $$);
CALL app.run($$ SELECT n.id FROM generate_series(1, 3) i, LATERAL (SELECT * FROM notes WHERE id = i) n WHERE app.nth(2, 'gus@globex.test') $$);
SET enable_indexscan = off;
SET enable_bitmapscan = on;
CALL app.run($$ SELECT id FROM notes WHERE made = app.moment(1, 'gus@globex.test') $$);
CALL app.run($$ SELECT id FROM notes WHERE made < '2026-01-02' AND app.nth(3, 'gus@globex.test') AND app.shown(body) $$);
RESET enable_seqscan;
RESET enable_bitmapscan;
RESET enable_indexscan;

-- Restored by a function's own setting: it goes on.
CALL app.run($$ SELECT id, app.as_gus() FROM notes $$);

-- Changed by the login alone.
RESET SESSION AUTHORIZATION;
CALL app.run($$ SELECT id FROM notes $$);
\set ECHO none
CREATE FUNCTION app.bound_rows(n int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  rows int := 0;
BEGIN
  PERFORM set_config('app.calls', '0', false);
  BEGIN
    SELECT count(*) INTO rows FROM notes WHERE app.nth(bound_rows.n, 'regress_plain', 'login');
    RETURN rows;
  EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
  END;
END
$$;
\set ECHO all
SELECT tenancy.bind_login('regress_bound', 'olivia@acme.test');
CREATE FUNCTION app.by_login(n int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  SET LOCAL SESSION AUTHORIZATION regress_bound;
  result := app.bound_rows(by_login.n);
  SET LOCAL SESSION AUTHORIZATION DEFAULT;
  RETURN result;
END
$$;
SELECT app.by_login(0), app.by_login(3);
SET SESSION AUTHORIZATION regress_app;

-- What runs after the run: a modifying CTE that the query doesn't read. A single row has been deleted where the principal changes.
BEGIN;
CALL become('olivia', true);
SELECT set_config('app.calls', '0', false) \g /dev/null
SAVEPOINT before;
WITH deleted AS (DELETE FROM notes RETURNING app.nth(0, :gus)) SELECT 1;
SELECT app.calls();
ROLLBACK TO before;
SELECT set_config('app.calls', '0', false) \g /dev/null
SELECT * FROM failure($$ WITH deleted AS (DELETE FROM notes RETURNING app.nth(3, 'gus@globex.test')) SELECT 1 $$);
ROLLBACK;

-- The same plan, running within itself, starts, stops and fails on its own.
BEGIN;
CALL become('olivia', true);
SELECT app.nested(3), app.nested(2, true), app.nested(3);
CALL become('gus', true);
SELECT app.nested(3);
ROLLBACK;

-- In partitions, more of them than any table of fixed size would hold.
RESET SESSION AUTHORIZATION;
CREATE TABLE parts (id int, organization_id uuid NOT NULL, body text) PARTITION BY RANGE (id);
DO $$
BEGIN
  FOR i IN 1 .. 300 LOOP
    EXECUTE format('CREATE TABLE parts_%s PARTITION OF parts FOR VALUES FROM (%s) TO (%s)', i, i, i + 1);
  END LOOP;
END
$$;
INSERT INTO parts SELECT i, 'aaaaaaaa-0000-4000-8000-000000000000', 'acme' FROM generate_series(1, 300) i;
SELECT tenancy.protect('parts', 'prompts', 'organization_id');
GRANT ALL ON parts TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
CALL app.run($$ WITH p AS MATERIALIZED (SELECT id FROM parts) SELECT id FROM p UNION ALL SELECT id FROM parts WHERE app.nth(0, 'gus@globex.test') AND app.shown(body) $$);
CALL app.run($$ WITH p AS MATERIALIZED (SELECT id FROM parts) SELECT id FROM p UNION ALL SELECT id FROM parts WHERE app.nth(250, 'gus@globex.test') AND app.shown(body) $$);

-- Without our own hooks: the guard is in the plans of workers.
BEGIN;
CALL become('olivia', true);
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
SELECT count(*) FROM notes;
DECLARE in_parallel CURSOR FOR SELECT id FROM notes;
CALL become('gus', true);
SELECT * FROM failure('FETCH 1 FROM in_parallel');
SELECT count(*) FROM notes;
ROLLBACK;
