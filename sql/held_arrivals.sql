-- A row under a legal hold that leaves a partition must arrive in another: what counts is that it is stored there, not that
-- somebody inserts one that looks the same.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set held :srcdir '/sql/include/held.sql'
\i :held
\pset format unaligned
\set VERBOSITY terse
SET client_min_messages = error;
SET TimeZone = 'UTC';
-- The partitions of April have other column numbers, and are a level deeper.
CREATE TABLE notes (id int, day date NOT NULL, organization_id uuid, workspace_id uuid, state text, body text) PARTITION BY RANGE (day);
CREATE TABLE notes_1 PARTITION OF notes FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE notes_2 PARTITION OF notes FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE notes_3 (gone int, body text, state text, day date NOT NULL, id int, workspace_id uuid, organization_id uuid) PARTITION BY LIST (id);
CREATE TABLE notes_3_all (gone int, more int, day date NOT NULL, body text, state text, id int, workspace_id uuid, organization_id uuid);
ALTER TABLE notes_3 DROP COLUMN gone;
ALTER TABLE notes_3_all DROP COLUMN gone, DROP COLUMN more;
ALTER TABLE notes_3 ATTACH PARTITION notes_3_all DEFAULT;
ALTER TABLE notes ATTACH PARTITION notes_3 FOR VALUES FROM ('2026-04-01') TO ('2026-05-01');
CREATE UNIQUE INDEX ON notes (day, id);
\o /dev/null
SELECT tenancy.protect('notes', 'logs', 'organization_id', 'workspace_id');
SELECT tenancy.apply_logging_settings('notes', 'logs', '{body}');
\o
-- Rows in the way of those that arrive
INSERT INTO notes VALUES (1, '2026-01-05', :acme, :search, 'new', 'secret'), (1, '2026-02-07', :acme, :support, 'in the way', 'other'), (1, '2026-04-07', :acme, :support, 'in the way', 'other'),
  (2, '2026-01-06', :acme, :search, 'new', 'secret');
SELECT tenancy.set_logging('acme', 'legal_hold', 'on', 'acme/search');
-- The trigger that lets nothing in, and what it does beforehand: in its body, or in its condition, which is no deeper.
CREATE FUNCTION nix() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN CASE WHEN current_setting(''app.lets_in'', true) = ''on'' THEN NEW END; END';
CREATE FUNCTION does(day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  statement text := current_setting('app.beside', true);
  lets_in text := current_setting('app.lets_in', true);
BEGIN
  IF statement <> '' THEN
    PERFORM set_config('app.beside', '', true), set_config('app.lets_in', 'on', true);
    EXECUTE format(statement, does.day);
    PERFORM set_config('app.lets_in', lets_in, true);
  END IF;
  RETURN true;
END
$$;
CREATE TRIGGER a BEFORE INSERT ON notes_2 FOR EACH ROW WHEN (does(NEW.day)) EXECUTE FUNCTION nix();
CREATE TRIGGER a BEFORE INSERT ON notes_3_all FOR EACH ROW WHEN (does(NEW.day)) EXECUTE FUNCTION nix();
-- RETURNS how many rows are held afterwards, of two, and how many of these are where they were to move; nothing remains of it.
CREATE FUNCTION attempt(day date, beside text, VARIADIC statements text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  statement text;
BEGIN
  PERFORM set_config('app.beside', attempt.beside, true), set_config('app.lets_in', 'off', true);
  -- As a transaction ends, so does a subtransaction.
  BEGIN
    FOREACH statement IN ARRAY attempt.statements LOOP
      EXECUTE format(statement, attempt.day);
    END LOOP;
  EXCEPTION WHEN division_by_zero THEN NULL;
  END;
  RAISE EXCEPTION USING ERRCODE = 'P0099', MESSAGE = (SELECT format('%s, %s moved', count(*), count(*) FILTER (WHERE n.day = attempt.day)) FROM notes n WHERE n.body = 'secret');
EXCEPTION WHEN SQLSTATE 'P0099' THEN
  RETURN SQLERRM;
WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE FUNCTION attempts(beside text, VARIADIC statements text[]) RETURNS TABLE (to_same_columns text, to_others text) LANGUAGE sql AS $$
  SELECT attempt('2026-02-07', beside, VARIADIC statements), attempt('2026-04-07', beside, VARIADIC statements)
$$;
\set same 'SELECT 1, ''%1$s''::date, ''aaaaaaaa-0000-4000-8000-000000000000''::uuid, ''aaaaaaaa-0000-4000-8000-000000000002''::uuid, ''new'', ''secret'''
\set insert 'INSERT INTO notes (id, day, organization_id, workspace_id, state, body) '
\set move 'UPDATE notes SET day = ''%1$s'' WHERE id = 1 AND state = ''new'''
\set merge 'MERGE INTO notes n USING (SELECT 1 AS id) v ON n.id = v.id AND n.state = ''new'' WHEN MATCHED THEN UPDATE SET day = ''%1$s'''
\set lets_in 'SET LOCAL app.lets_in = on'
\set makes_room 'DELETE FROM notes WHERE state = ''in the way'''
\set then_nothing :insert :same ' ON CONFLICT DO NOTHING'
\set then_update :insert :same ' ON CONFLICT (day, id) DO UPDATE SET state = ''met'''
\set caught 'DO $d$BEGIN ' :then_nothing '; EXCEPTION WHEN division_by_zero THEN NULL; END$d$'
\set undone 'DO $d$BEGIN ' :makes_room '; ' :insert :same '; PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN NULL; END$d$'
\set after_m :insert 'SELECT s.* FROM (' :same ') s, (SELECT count(*), set_config(''app.lets_in'', ''on'', true) FROM m) m ON CONFLICT DO NOTHING'
CREATE TABLE days (id int PRIMARY KEY, day date UNIQUE);
INSERT INTO days VALUES (1, '2026-01-05'), (2, '2026-01-06'), (3, '2026-02-07'), (4, '2026-04-07'), (5, '2026-05-07');
ALTER TABLE notes ADD FOREIGN KEY (day) REFERENCES days (day) ON UPDATE CASCADE ON DELETE CASCADE;
-- Rows that do not arrive
SELECT * FROM attempts('', :'move');
SELECT * FROM attempts('', :'move', :'lets_in', :'then_nothing');
SELECT * FROM attempts('', :'move', :'lets_in', :'then_update');
SELECT * FROM attempts('', :'move', :'lets_in', :'caught');
SELECT * FROM attempts('', :'move', :'lets_in', :'undone');
SELECT * FROM attempts('', :'merge', :'lets_in', :'then_nothing');
\set in_with 'WITH m AS (' :move ' RETURNING 1) ' :after_m
SELECT * FROM attempts('', :'in_with');
\set in_with 'WITH m AS (' :move ' RETURNING 1), i AS (' :after_m ') SELECT 1'
SELECT * FROM attempts('', :'in_with');
\set in_with 'WITH m AS (' :move ' RETURNING 1), i AS (' :after_m ') DELETE FROM days WHERE id > 9'
SELECT * FROM attempts('', :'in_with');
SELECT * FROM attempts(:'then_nothing', :'move');
SELECT * FROM attempts(:'then_update', :'move');
SELECT * FROM attempts(:'caught', :'move');
SELECT * FROM attempts(:'undone', :'move');
-- Those that do, however they are moved
SELECT * FROM attempts('', :'lets_in', :'makes_room', :'move');
SELECT * FROM attempts('', :'lets_in', :'makes_room', :'merge');
\set in_with 'WITH m AS (' :move ' RETURNING *) SELECT count(*) FROM m'
SELECT * FROM attempts('', :'lets_in', :'makes_room', :'in_with');
\set in_with 'WITH m AS (' :move ' RETURNING *) INSERT INTO days SELECT id + 9 FROM m'
SELECT * FROM attempts('', :'lets_in', :'makes_room', :'in_with');
SELECT * FROM attempts('', :'lets_in', :'makes_room', 'UPDATE notes SET day = ''%1$s''');
SELECT * FROM attempts('', :'lets_in', 'DELETE FROM days WHERE day = ''%1$s''', 'UPDATE days SET day = ''%1$s'' WHERE id = 1');
SELECT * FROM attempts('', :'lets_in', :'makes_room', 'DO $d$DECLARE c CURSOR FOR SELECT FROM notes WHERE id = 1 FOR UPDATE; BEGIN FOR r IN c LOOP UPDATE notes SET day = ''%1$s'' WHERE CURRENT OF c; END LOOP; END$d$');
SELECT * FROM attempts('INSERT INTO days VALUES (1, NULL) ON CONFLICT DO NOTHING', :'lets_in', :'makes_room', :'move');
-- The same at the end of a transaction
SET app.lets_in = off;
BEGIN;
UPDATE notes SET day = '2026-02-07' WHERE id = 1 AND state = 'new';
SET LOCAL app.lets_in = on;
INSERT INTO notes SELECT 1, '2026-02-07', :acme, :search, 'new', 'secret' ON CONFLICT DO NOTHING;
COMMIT;
BEGIN;
UPDATE notes SET day = '2026-02-07' WHERE id = 1 AND state = 'new';
SET LOCAL app.lets_in = on;
COPY notes (id, day, organization_id, workspace_id, state, body) FROM stdin;
3	2026-02-07	aaaaaaaa-0000-4000-8000-000000000000	aaaaaaaa-0000-4000-8000-000000000002	new	secret
\.
COMMIT;
-- As the first statement of a session that has not loaded the module, where no policy loads it
\set first 'WITH m AS (UPDATE app.notes SET day = ''2026-02-07'' WHERE id = 1 AND state = ''new'' RETURNING 1) INSERT INTO app.notes (id, day, organization_id, workspace_id, state, body) SELECT 1, ''2026-02-07''::date, ''aaaaaaaa-0000-4000-8000-000000000000''::uuid, ''aaaaaaaa-0000-4000-8000-000000000002''::uuid, ''new'', ''secret'' FROM (SELECT count(*), set_config(''app.lets_in'', ''on'', true) FROM m) m ON CONFLICT DO NOTHING'
\set in_do 'BEGIN ' :first '; END'
\connect -reuse-previous=on "options='-c search_path=app -c app.lets_in=off'"
:first;
\connect -reuse-previous=on "options='-c search_path=app -c app.lets_in=off'"
DO :'in_do';
\connect -reuse-previous=on "options='-c search_path=app -c app.lets_in=off'"
SELECT id, tableoid::regclass, state, body FROM notes ORDER BY 1, 2;
DELETE FROM notes WHERE state = 'in the way';
\connect -reuse-previous=on "options='-c search_path=app -c app.lets_in=on'"
UPDATE notes SET day = '2026-02-07' WHERE id = 1;
CREATE TABLE notes_5 PARTITION OF notes FOR VALUES FROM ('2026-05-01') TO ('2026-06-01');
UPDATE notes SET day = '2026-05-07' WHERE id = 2;
\connect -reuse-previous=on "options='-c search_path=app -c app.lets_in=on'"
DO 'BEGIN UPDATE notes SET day = ''2026-02-07'' WHERE id = 2; END';
\connect -reuse-previous=on "options='-c search_path=app -c app.lets_in=on'"
-- That it was a plain UPDATE is not known where a function's statement has loaded the module.
\set VERBOSITY default
DO 'BEGIN UPDATE notes SET day = ''2026-04-07'' WHERE id = 2; END';
\set VERBOSITY terse
DO 'BEGIN UPDATE notes SET day = ''2026-04-07'' WHERE id = 2; END';
\connect -reuse-previous=on "options='-c search_path=app -c app.lets_in=on'"
WITH m AS (UPDATE notes SET day = '2026-04-07' WHERE id = 1 RETURNING id) SELECT id FROM m ORDER BY id;
SELECT id, tableoid::regclass, state, body FROM notes ORDER BY 1, 2;
SELECT tenancy.reset_logging('acme', 'legal_hold', 'acme/search');
