-- An INSERT of one row is planned with the principal's ids, and checked at planning where these decide.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
\o /dev/null
SELECT tenancy.protect('prompts', 'prompts', 'organization_id', 'workspace_id', 'user_id', 'api_key_id');
\o
GRANT ALL ON prompts TO PUBLIC;
CREATE FUNCTION app.become_gus() RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('tenancy.api_key', '', true), set_config('tenancy.user', 'gus@globex.test', true); RETURN 'by gus'; END $$;
-- Calls that are left in a plan
CREATE FUNCTION app.calls_in(query text, OUT calls int) LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  calls := 0;
  FOR line IN EXECUTE 'EXPLAIN VERBOSE ' || calls_in.query LOOP
    calls := calls + (line ~ 'current_\w+_id')::int;
  END LOOP;
END
$$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
PREPARE fill (int) AS INSERT INTO prompts (id, body) VALUES ($1, 'filled in') RETURNING right(organization_id::text, 4) AS organization, right(workspace_id::text, 1) AS workspace, right(user_id::text, 1) AS whose, right(api_key_id::text, 1) AS key;
PREPARE name (int, uuid, uuid) AS INSERT INTO prompts (id, organization_id, workspace_id) VALUES ($1, $2, $3);

BEGIN;
CALL become('mike key', true);
SELECT app.calls_in('INSERT INTO prompts (id) VALUES (99)');
EXECUTE fill (100);
EXECUTE fill (101);
-- As others, with the same prepared statement: theirs, or refused.
CALL become('search service', true);
EXECUTE fill (102);
CALL become('globex master', true);
SELECT * FROM failure('EXECUTE fill (103)');
CALL become('nobody', true);
SELECT state, message FROM failure('EXECUTE fill (104)');
ROLLBACK;

-- What is filled in is for each principal what the functions say: folded, and in a statement that isn't.
CREATE FUNCTION pg_temp.filled(who text, command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  ids text;
BEGIN
  CALL app.become(who, true);
  EXECUTE command || ' RETURNING concat_ws('' '', organization_id, workspace_id, user_id, api_key_id)' INTO ids;
  RAISE EXCEPTION USING ERRCODE = 'TEST0', MESSAGE = ids;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLERRM;
END
$$;
SELECT count(*) AS people, count(*) FILTER (WHERE pg_temp.filled(who, 'INSERT INTO prompts (id) VALUES (105)') IS DISTINCT FROM
  pg_temp.filled(who, 'INSERT INTO prompts (id) SELECT 105 FROM generate_series(1, 1)')) AS differ FROM people;
SELECT count(*) AS people, count(*) FILTER (WHERE pg_temp.filled(who, 'INSERT INTO prompts (id, workspace_id) VALUES (105, ''aaaaaaaa-0000-4000-8000-000000000002'')') IS DISTINCT FROM
  pg_temp.filled(who, 'INSERT INTO prompts (id, workspace_id) SELECT 105, ''aaaaaaaa-0000-4000-8000-000000000002'' FROM generate_series(1, 1)')) AS differ FROM people;

-- The same of every combination of ids, those of nobody included, for all: written, and written and returned. The second form isn't folded.
CREATE FUNCTION pg_temp.ids(own text, foreign_id text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT * FROM unnest(ARRAY['DEFAULT', 'NULL', quote_literal(ids.own), quote_literal(ids.foreign_id), quote_literal('00000000-0000-0000-0000-000000000000')])
$$;
CREATE FUNCTION pg_temp.outcome(who text, command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(outcome.who, true);
  EXECUTE outcome.command;
  RAISE EXCEPTION USING ERRCODE = 'TEST0', MESSAGE = 'written';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END
$$;
CREATE TEMP TABLE outcomes AS
SELECT p.who, o.o, w.w, u.u, k.k, r.form,
  pg_temp.outcome(p.who, format('INSERT INTO prompts (id, organization_id, workspace_id, user_id, api_key_id) VALUES (106, %s, %s, %s, %s) %s', o, w, u, k, form)) AS one,
  pg_temp.outcome(p.who, format('INSERT INTO prompts (id, organization_id, workspace_id, user_id, api_key_id) VALUES (106, %1$s, %2$s, %3$s, %4$s), (107, %1$s, %2$s, %3$s, %4$s) %5$s', o, w, u, k, form)) AS two
FROM people p, pg_temp.ids('aaaaaaaa-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000000') o (o),
  pg_temp.ids('aaaaaaaa-0000-4000-8000-000000000002', 'bbbbbbbb-0000-4000-8000-000000000002') w (w),
  pg_temp.ids('cccccccc-0000-4000-8000-000000000004', 'cccccccc-0000-4000-8000-000000000008') u (u),
  pg_temp.ids('dddddddd-0000-4000-8000-000000000003', 'dddddddd-0000-4000-8000-000000000005') k (k),
  unnest(ARRAY['', 'RETURNING id']) r (form);
SELECT count(*) > 10000 AS many, count(*) FILTER (WHERE one = 'TEST0') > 100 AS some_are_written, count(*) FILTER (WHERE one = '42501') > 100 AS some_are_refused,
  count(*) FILTER (WHERE one NOT IN ('TEST0', '42501', '28000')) AS failed, count(*) FILTER (WHERE one <> two) AS differ FROM outcomes;

-- Through views, of the caller's rights, that PostgreSQL or a trigger writes through: as into the table itself.
RESET SESSION AUTHORIZATION;
CREATE VIEW plain_view WITH (security_invoker = true) AS SELECT * FROM prompts;
CREATE VIEW checking_view WITH (security_invoker = true) AS SELECT * FROM prompts WHERE id > 100 WITH CHECK OPTION;
CREATE VIEW trigger_view WITH (security_invoker = true) AS SELECT * FROM prompts;
CREATE FUNCTION app.write_prompt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO app.prompts (id, organization_id, workspace_id, user_id, api_key_id) VALUES (NEW.id, NEW.organization_id, NEW.workspace_id, NEW.user_id, NEW.api_key_id);
  RETURN NEW;
END
$$;
CREATE TRIGGER write INSTEAD OF INSERT ON trigger_view FOR EACH ROW EXECUTE FUNCTION app.write_prompt();
GRANT ALL ON plain_view, checking_view, trigger_view TO PUBLIC;
GRANT EXECUTE ON FUNCTION app.write_prompt TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT r.relation, count(*) > 50 AS many, count(*) FILTER (WHERE o.one = 'TEST0') > 10 AS some_are_written,
  count(*) FILTER (WHERE pg_temp.outcome(o.who, format('INSERT INTO %s (id, organization_id, workspace_id, user_id, api_key_id) VALUES (106, %s, %s, %s, %s) %s', r.relation, o.o, o.w, o.u, o.k, o.form)) <> o.one) AS differ
FROM unnest(ARRAY['plain_view', 'checking_view', 'trigger_view']) r (relation),
  (SELECT * FROM outcomes WHERE 'DEFAULT' NOT IN (o, w, u, k) AND (one = 'TEST0' OR u = 'NULL' AND k = 'NULL')) o GROUP BY 1 ORDER BY 1;

-- Whatever is written by name is refused as before: as a constant, as a parameter, NULL.
SELECT * FROM who_can($$ INSERT INTO prompts (id, organization_id, workspace_id) VALUES (110, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002') $$);
SELECT * FROM who_can($$ INSERT INTO prompts (id, organization_id, workspace_id) VALUES (110, 'bbbbbbbb-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000002') $$);
SELECT * FROM who_can($$ INSERT INTO prompts (id, organization_id, workspace_id, user_id) VALUES (110, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', NULL) $$);
SELECT * FROM who_can($$ EXECUTE name (111, 'aaaaaaaa-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000002') $$);
SELECT * FROM who_can($$ EXECUTE name (111, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002') $$);

-- The principal changes while the row is made: in VALUES, ...
BEGIN;
CALL become('mike key', true);
SELECT state, message FROM failure($$ INSERT INTO prompts (id, body) VALUES (120, app.become_gus()) $$);
SELECT state, message FROM failure($$ INSERT INTO prompts (id, body) SELECT 120, app.become_gus() $$);
SELECT state, message FROM failure($$ INSERT INTO prompts (id, body) SELECT 120, 'x' WHERE app.become_gus() > '' $$);
ROLLBACK;
-- ... in a trigger before the statement or the row, ...
RESET SESSION AUTHORIZATION;
CREATE FUNCTION app.switch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM app.become_gus(); RETURN NEW; END $$;
CREATE TRIGGER switch BEFORE INSERT ON prompts EXECUTE FUNCTION app.switch();
SET SESSION AUTHORIZATION regress_app;
SELECT attempt('olivia', $$ INSERT INTO prompts (id, workspace_id) VALUES (121, 'aaaaaaaa-0000-4000-8000-000000000002') $$);
SELECT attempt('mike key', $$ INSERT INTO prompts (id) VALUES (121) $$);
RESET SESSION AUTHORIZATION;
DROP TRIGGER switch ON prompts;
CREATE TRIGGER switch BEFORE INSERT ON prompts FOR EACH ROW EXECUTE FUNCTION app.switch();
SET SESSION AUTHORIZATION regress_app;
SELECT attempt('mike key', $$ INSERT INTO prompts (id) VALUES (122) $$);
RESET SESSION AUTHORIZATION;
DROP TRIGGER switch ON prompts;
-- ... or a trigger changes what has been filled in.
CREATE FUNCTION app.move() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.workspace_id := 'bbbbbbbb-0000-4000-8000-000000000002'; RETURN NEW; END $$;
CREATE TRIGGER move BEFORE INSERT ON prompts FOR EACH ROW EXECUTE FUNCTION app.move();
SET SESSION AUTHORIZATION regress_app;
SELECT attempt('mike key', $$ INSERT INTO prompts (id) VALUES (123) $$);
RESET SESSION AUTHORIZATION;
DROP TRIGGER move ON prompts;
-- The trigger is made after the statement has been prepared.
SET SESSION AUTHORIZATION regress_app;
BEGIN;
CALL become('mike key', true);
EXECUTE fill (124);
RESET SESSION AUTHORIZATION;
CREATE TRIGGER move BEFORE INSERT ON prompts FOR EACH ROW EXECUTE FUNCTION app.move();
SET SESSION AUTHORIZATION regress_app;
SELECT state, message FROM failure('EXECUTE fill (125)');
ROLLBACK;

-- A generated column is computed later than anything that planning knows.
RESET SESSION AUTHORIZATION;
CREATE TABLE computed (id int, organization_id uuid GENERATED ALWAYS AS (CASE id WHEN 1 THEN 'aaaaaaaa-0000-4000-8000-000000000000'::uuid ELSE 'bbbbbbbb-0000-4000-8000-000000000000' END) STORED NOT NULL);
\o /dev/null
SELECT tenancy.protect('computed', 'prompts', 'organization_id');
\o
GRANT ALL ON computed TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT attempt('olivia', 'INSERT INTO computed (id) VALUES (1)'), attempt('olivia', 'INSERT INTO computed (id) VALUES (2)'), attempt('gus', 'INSERT INTO computed (id) VALUES (2)');

-- Several rows, rows of a query, a partition's parent, a conflict, shared plans: as before.
BEGIN;
CALL become('mike key', true);
SELECT app.calls_in('INSERT INTO prompts (id) VALUES (130), (131)') > 0 AS calls, app.calls_in('INSERT INTO prompts (id) SELECT i FROM generate_series(1, 2) i') > 0 AS calls;
INSERT INTO prompts (id) VALUES (132) ON CONFLICT (id) DO UPDATE SET body = 'twice';
SET LOCAL tenancy.share_plans = on;
SELECT app.calls_in('INSERT INTO prompts (id) VALUES (133)') > 0 AS calls;
INSERT INTO prompts (id) VALUES (133) RETURNING right(workspace_id::text, 1) AS workspace;
ROLLBACK;
SELECT count(*) FROM prompts WHERE id >= 100;
