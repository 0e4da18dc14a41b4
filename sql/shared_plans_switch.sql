-- A shared plan shows rows of one principal only, whenever another takes its place: also between the keys of an index scan.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
\o /dev/null
-- max is a colleague of mike: same workspace, same role. Both see own rows only, with a key each that sees its own.
INSERT INTO tenancy.users (user_id, email, external_id) VALUES ('cccccccc-0000-4000-8000-000000000009', 'max@acme.test', '109');
SELECT tenancy.set_organization_role('acme', 'max@acme.test', 'member'), tenancy.set_workspace_role('acme/search', 'max@acme.test', 'member');
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
INSERT INTO secrets SELECT 'max key', tenancy_internal.generate_api_key();
INSERT INTO tenancy.api_keys (api_key_id, kind, name, organization_id, workspace_id, user_id, external_id, all_scopes)
VALUES ('dddddddd-0000-4000-8000-000000000009', 'workspace_user_key', 'max key', 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'cccccccc-0000-4000-8000-000000000009', '909', false);
INSERT INTO tenancy.api_key_secrets (secret_hash, api_key_id) SELECT sha256(convert_to(secret, 'UTF8')), 'dddddddd-0000-4000-8000-000000000009' FROM secrets WHERE name = 'max key';
INSERT INTO tenancy.api_key_scopes SELECT 'dddddddd-0000-4000-8000-000000000009', resource, action FROM tenancy.api_key_scopes WHERE api_key_id = 'dddddddd-0000-4000-8000-000000000003';
\o
CREATE TABLE notes (id int PRIMARY KEY, organization_id uuid NOT NULL, workspace_id uuid NOT NULL, user_id uuid, made int NOT NULL, part int NOT NULL, body text);
CREATE TABLE key_notes (id int PRIMARY KEY, organization_id uuid NOT NULL, workspace_id uuid NOT NULL, api_key_id uuid, made int NOT NULL, part int NOT NULL, body text);
INSERT INTO notes SELECT 10 * v.n + i, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', v.user_id, 1, 1, v.body
FROM generate_series(0, 4) i, (VALUES (1, 'cccccccc-0000-4000-8000-000000000004'::uuid, 'mike'), (2, 'cccccccc-0000-4000-8000-000000000009', 'max')) v (n, user_id, body);
INSERT INTO key_notes SELECT id, organization_id, workspace_id, CASE body WHEN 'mike' THEN 'dddddddd-0000-4000-8000-000000000003'::uuid ELSE 'dddddddd-0000-4000-8000-000000000009' END, made, part, body FROM notes;
SELECT tenancy.protect('notes', 'logs', 'organization_id', 'workspace_id', owner => 'user_id'),
       tenancy.protect('key_notes', 'logs', 'organization_id', 'workspace_id', api_key => 'api_key_id') \g /dev/null
GRANT ALL ON notes, key_notes TO PUBLIC;

-- The number, after the session has become somebody: a user by address, a key by its secret. STABLE, so that it can be a key.
\set ECHO none
CREATE FUNCTION app.number_as(setting text, value text) RETURNS int LANGUAGE plpgsql STABLE AS $$
BEGIN
  PERFORM set_config(number_as.setting, number_as.value, true);
  RETURN 1;
END
$$;
-- Whose rows a query returns while one of its keys may make the session somebody else ($2, $3), and who the session is then. The plan is
-- generic, so that planning evaluates no key.
CREATE FUNCTION app.seen(query text, setting text, one text, other text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  bodies text;
BEGIN
  PERFORM set_config(seen.setting, seen.one, true);
  EXECUTE format('PREPARE shown (text, text, text) AS SELECT string_agg(DISTINCT body, '' '') FROM (%s) q', seen.query);
  BEGIN
    EXECUTE format('EXECUTE shown (%L, %L, %L)', seen.setting, seen.one, seen.other) INTO bodies;
    bodies := format('%s to %s', coalesce(bodies, 'nothing'), CASE tenancy.current_user_id() WHEN 'cccccccc-0000-4000-8000-000000000004' THEN 'mike' ELSE 'max' END);
  EXCEPTION WHEN OTHERS THEN
    bodies := SQLSTATE;
  END;
  DEALLOCATE shown;
  RETURN bodies;
END
$$;
-- By each way in which a user's function can come among the keys.
CREATE FUNCTION app.attacks(relation text, setting text, one text, other text) RETURNS TABLE (moment text, rows text) LANGUAGE plpgsql AS $$
DECLARE
  condition text;
BEGIN
  FOR moment, condition IN SELECT * FROM (VALUES
      ('nobody switches', 'made = app.number_as($1, $2)'),
      ('once', 'made = app.number_as($1, $3)'),
      ('there and back', 'made = app.number_as($1, $3) AND part = app.number_as($1, $2)'),
      ('in an array', 'made = ANY (ARRAY[app.number_as($1, $3), 2])'),
      ('in a sub-select', 'made = (SELECT app.number_as($1, $3))'),
      ('in a row', '(made, part) >= (app.number_as($1, $3), 0)'),
      ('in a limit', 'made = 1 LIMIT app.number_as($1, $3)')) v (moment, condition) LOOP
    rows := app.seen(format('SELECT body FROM app.%s WHERE %s', attacks.relation, condition), attacks.setting, attacks.one, attacks.other);
    RETURN NEXT;
  END LOOP;
END
$$;
-- The ids that each row is compared with once more.
CREATE FUNCTION app.guards_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || guards_of.query LOOP
    RETURN QUERY SELECT m[1] FROM regexp_matches(line, 'shape_guard\(''[-\w]+''::uuid, ''(\w+)''', 'g') m;
  END LOOP;
END
$$;
\set ECHO all
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO PUBLIC;
SELECT secret AS mike_key FROM secrets WHERE name = 'mike key' \gset
SELECT secret AS max_key FROM secrets WHERE name = 'max key' \gset

SET tenancy.share_plans = on;
SET SESSION AUTHORIZATION regress_app;
SET enable_seqscan = off;
SET plan_cache_mode = force_generic_plan;
BEGIN;
CALL become('mike', true);
SELECT * FROM app.guards_of('SELECT FROM notes');
CALL become('mike key', true);
SELECT * FROM app.guards_of('SELECT FROM key_notes');
ROLLBACK;

-- The ids first, then the function.
RESET SESSION AUTHORIZATION;
DROP INDEX IF EXISTS keys, key_keys;
CREATE INDEX keys ON notes (workspace_id, user_id, made, part);
CREATE INDEX key_keys ON key_notes (workspace_id, api_key_id, made, part);
ANALYZE notes, key_notes;
SET SESSION AUTHORIZATION regress_app;
SET enable_bitmapscan = off;
BEGIN;
SELECT * FROM app.attacks('notes', 'tenancy.user', 'mike@acme.test', 'max@acme.test');
ROLLBACK;
BEGIN;
SELECT * FROM app.attacks('key_notes', 'tenancy.api_key', :'mike_key', :'max_key');
ROLLBACK;
RESET enable_bitmapscan;
SET enable_indexscan = off;
BEGIN;
SELECT * FROM app.attacks('notes', 'tenancy.user', 'mike@acme.test', 'max@acme.test');
ROLLBACK;
BEGIN;
SELECT * FROM app.attacks('key_notes', 'tenancy.api_key', :'mike_key', :'max_key');
ROLLBACK;
RESET enable_indexscan;

-- The function between the ids.
RESET SESSION AUTHORIZATION;
DROP INDEX IF EXISTS keys, key_keys;
CREATE INDEX keys ON notes (workspace_id, made, user_id, part);
CREATE INDEX key_keys ON key_notes (workspace_id, made, api_key_id, part);
ANALYZE notes, key_notes;
SET SESSION AUTHORIZATION regress_app;
SET enable_bitmapscan = off;
BEGIN;
SELECT * FROM app.attacks('notes', 'tenancy.user', 'mike@acme.test', 'max@acme.test');
ROLLBACK;
BEGIN;
SELECT * FROM app.attacks('key_notes', 'tenancy.api_key', :'mike_key', :'max_key');
ROLLBACK;
RESET enable_bitmapscan;
SET enable_indexscan = off;
BEGIN;
SELECT * FROM app.attacks('notes', 'tenancy.user', 'mike@acme.test', 'max@acme.test');
ROLLBACK;
BEGIN;
SELECT * FROM app.attacks('key_notes', 'tenancy.api_key', :'mike_key', :'max_key');
ROLLBACK;
RESET enable_indexscan;

-- The function first.
RESET SESSION AUTHORIZATION;
DROP INDEX IF EXISTS keys, key_keys;
CREATE INDEX keys ON notes (made, part, workspace_id, user_id);
CREATE INDEX key_keys ON key_notes (made, part, workspace_id, api_key_id);
ANALYZE notes, key_notes;
SET SESSION AUTHORIZATION regress_app;
SET enable_bitmapscan = off;
BEGIN;
SELECT * FROM app.attacks('notes', 'tenancy.user', 'mike@acme.test', 'max@acme.test');
ROLLBACK;
BEGIN;
SELECT * FROM app.attacks('key_notes', 'tenancy.api_key', :'mike_key', :'max_key');
ROLLBACK;
RESET enable_bitmapscan;
SET enable_indexscan = off;
BEGIN;
SELECT * FROM app.attacks('notes', 'tenancy.user', 'mike@acme.test', 'max@acme.test');
ROLLBACK;
BEGIN;
SELECT * FROM app.attacks('key_notes', 'tenancy.api_key', :'mike_key', :'max_key');
ROLLBACK;
RESET enable_indexscan;

-- Keys that are evaluated anew while the session is a colleague's, who has left again when the rows come: between two runs, and in a join.
RESET SESSION AUTHORIZATION;
DROP INDEX IF EXISTS keys, key_keys;
CREATE INDEX keys ON notes (workspace_id, user_id, made, part);
ANALYZE notes, key_notes;
\set ECHO none
CREATE FUNCTION app.text_as(who text, value text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('tenancy.user', text_as.who || '@acme.test', true);
  RETURN text_as.value;
END
$$;
-- Restored by a function's own setting.
CREATE FUNCTION app.as_max() RETURNS text LANGUAGE sql SET tenancy."user" = 'max@acme.test' AS $$ SELECT string_agg(DISTINCT body, ' ') FROM app.notes $$;
\set ECHO all
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SET enable_bitmapscan = off;
BEGIN;
CALL become('mike', true);
DECLARE c SCROLL CURSOR FOR SELECT body FROM notes;
FETCH 1 FROM c;
MOVE ABSOLUTE 0 FROM c;
FETCH 1 FROM c;
CALL become('max', true);
MOVE ABSOLUTE 0 FROM c;
CALL become('mike', true);
SELECT * FROM failure('FETCH ALL FROM c');
ROLLBACK;
BEGIN;
CALL become('mike', true);
SELECT n.body, count(*) FROM (VALUES ('mike'), ('mike')) v (who),
  LATERAL (SELECT app.text_as(v.who, 'x') AS x OFFSET 0) s, LATERAL (SELECT a.body FROM notes a, notes b WHERE a.made = length(s.x) AND b.made = app.number_as('tenancy.user', 'mike@acme.test') AND a.id = b.id + 0) n GROUP BY 1;
PREPARE back AS SELECT n.body, count(*) FROM (VALUES ('mike'), ($1)) v (who),
  LATERAL (SELECT app.text_as(v.who, 'x') AS x OFFSET 0) s, LATERAL (SELECT a.body FROM notes a, notes b WHERE a.made = length(s.x) AND b.made = app.number_as('tenancy.user', 'mike@acme.test') AND a.id = b.id + 0) n GROUP BY 1;
EXECUTE back ('mike');
EXECUTE back ('max');
-- It goes on, row by row.
SELECT body, app.as_max(), count(*) FROM notes GROUP BY 1, 2;
SELECT id, body, app.as_max() FROM notes ORDER BY id;
SELECT id FROM notes WHERE app.as_max() = 'max' ORDER BY id;
SELECT count(*) FROM notes WHERE body = 'mike' AND app.as_max() = 'max';
ROLLBACK;
RESET enable_bitmapscan;

-- Rights that change while a query is open are no change of the principal: the transaction can be run again (40001). It makes no
-- difference whether a row has been returned before, and whether another query has learned of the change since.
RESET SESSION AUTHORIZATION;
GRANT SELECT, DELETE ON tenancy.visibility TO regress_app;
GRANT USAGE ON TYPE tenancy.administrator TO regress_app;
\set ECHO none
CREATE PROCEDURE app.open_and_change(fetched int, seen_since boolean, key_of_user boolean) LANGUAGE plpgsql AS $$
DECLARE
  state text := 'done';
  body text;
  c refcursor;
BEGIN
  CALL app.become('mike', true);
  BEGIN
    IF open_and_change.key_of_user THEN
      OPEN c FOR SELECT n.body FROM app.notes n WHERE made = app.number_as('app.nothing', '');
    ELSE
      OPEN c FOR SELECT n.body FROM app.notes n;
    END IF;
    FOR i IN 1 .. open_and_change.fetched LOOP
      FETCH c INTO body;
    END LOOP;
    DELETE FROM tenancy.visibility;
    IF open_and_change.seen_since THEN
      PERFORM count(*) FROM app.notes;
    END IF;
    FETCH c INTO body;
    RAISE EXCEPTION USING ERRCODE = 'TEST0';
  EXCEPTION WHEN SQLSTATE 'TEST0' THEN
    state := 'not noticed';
  WHEN OTHERS THEN
    state := SQLSTATE;
  END;
  RAISE INFO '% fetched, seen since %, a user''s key %: %', open_and_change.fetched, open_and_change.seen_since, open_and_change.key_of_user, state;
END
$$;
\set ECHO all
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA app TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
DO $$
DECLARE
  c record;
BEGIN
  FOR c IN SELECT * FROM generate_series(0, 1) n, unnest(ARRAY[false, true]) s, unnest(ARRAY[false, true]) k LOOP
    CALL app.open_and_change(c.n, c.s, c.k);
  END LOOP;
END
$$;
RESET SESSION AUTHORIZATION;
REVOKE ALL ON tenancy.visibility FROM regress_app;
REVOKE USAGE ON TYPE tenancy.administrator FROM regress_app;
