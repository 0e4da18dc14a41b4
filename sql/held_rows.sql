-- Ways out of a legal hold: by a former child, by columns of other types, by triggers of a partition while a row moves, by types of
-- columns. And who learns that rows are held.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set held :srcdir '/sql/include/held.sql'
\i :held
\pset format unaligned
SET client_min_messages = error;
\set VERBOSITY terse
CREATE TABLE line (id int, organization_id uuid, workspace_id uuid, state text, body text);
CREATE TABLE line_e () INHERITS (line);
CREATE TABLE line_f () INHERITS (line_e);
CREATE TABLE line_g () INHERITS (line);
CREATE TABLE line_h () INHERITS (line);
CREATE TABLE line_i () INHERITS (line);
CREATE TABLE notes (id int, day date NOT NULL, organization_id uuid, workspace_id uuid, state text, body text) PARTITION BY RANGE (day);
CREATE TABLE notes_1 PARTITION OF notes FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE notes_2 (body text, gone int, state text, id int, day date NOT NULL, workspace_id uuid, organization_id uuid);
ALTER TABLE notes_2 DROP COLUMN gone;
ALTER TABLE notes ATTACH PARTITION notes_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE other (id int, organization_id uuid, workspace_id uuid, body text);
\o /dev/null
SELECT tenancy.protect(t, 'logs', 'organization_id', 'workspace_id') FROM unnest('{line,notes,other}'::regclass[]) t;
SELECT tenancy.apply_logging_settings(t, 'logs', '{body}') FROM unnest('{line,notes,other}'::regclass[]) t;
\o
INSERT INTO line_f VALUES (1, :acme, :search, 'new', 'secret');
INSERT INTO notes VALUES (1, '2026-01-05', :acme, :search, 'new', 'secret'), (2, '2026-01-05', :acme, :support, 'new', 'open');
INSERT INTO other VALUES (1, :acme, :support, 'open');
-- Without a held row, a child may leave; its triggers stay, and so do the names by which they keep rows.
ALTER TABLE line_g NO INHERIT line;
SELECT tenancy.unprotect(t) FROM unnest('{line_h,line_i}'::regclass[]) t;
SELECT tried('ALTER TABLE line RENAME body TO b2'), tried('ALTER TABLE line RENAME state TO s2');
ALTER TABLE line_h NO INHERIT line;
ALTER TABLE line_i NO INHERIT line;
ALTER TABLE line_h ALTER organization_id DROP DEFAULT, ALTER organization_id TYPE int USING 1;
DROP POLICY tenancy_retention ON line_i; DROP POLICY tenancy_retention_update ON line_i; DROP POLICY tenancy_retention_delete ON line_i;
ALTER TABLE line_i ALTER workspace_id DROP DEFAULT, ALTER workspace_id TYPE int USING 1;
SELECT tgrelid::regclass, count(*) FROM pg_trigger WHERE tgrelid IN ('line_h'::regclass, 'line_i'::regclass) AND tgname LIKE '~~tenancy%' GROUP BY 1 ORDER BY 1;
SELECT w, tried(w) FROM unnest(ARRAY['ALTER TABLE line_e NO INHERIT line', 'ALTER TABLE line_g RENAME organization_id TO x', 'ALTER TABLE line_g RENAME body TO b2', 'ALTER TABLE line_g RENAME received_at TO b2',
  'ALTER TABLE line_g RENAME state TO s2', 'SELECT tenancy.apply_logging_settings(''line_g'', ''logs'', ''{body}''); ALTER TABLE line_g RENAME body TO b2']) w;
INSERT INTO line_g (id, organization_id, workspace_id, body) VALUES (2, :acme, :search, 'secret');
SELECT tenancy.set_logging('acme', 'legal_hold', 'on', 'acme/search');
-- Two columns of content that swap their names say something else.
SELECT w, tried(w) FROM unnest(ARRAY['ALTER TABLE line RENAME body TO b2', 'ALTER TABLE line RENAME state TO s2', 'ALTER TABLE other RENAME body TO b2']) w;
SELECT w, tried(w) FROM unnest(ARRAY['ALTER TABLE line_e NO INHERIT line', 'ALTER TABLE line_f NO INHERIT line_e',
  'ALTER TABLE line_g RENAME organization_id TO x; ALTER TABLE line_g ADD organization_id uuid; TRUNCATE line_g', 'ALTER TABLE line_g RENAME body TO b2; UPDATE line_g SET b2 = NULL', 'ALTER TABLE line_g RENAME workspace_id TO x']) w;
-- Fewer columns with content, or others that say whose a row is: by itself, by another parent, by the parent's columns alone
CREATE TABLE lesser (LIKE line);
\o /dev/null
SELECT tenancy.protect('lesser', 'logs', 'organization_id', 'workspace_id');
SELECT tenancy.apply_logging_settings('lesser', 'logs', '{}');
SELECT tenancy.protect('line_g', 'logs', 'organization_id', 'workspace_id');
\o
SELECT w, tried(w) FROM unnest(ARRAY['SELECT tenancy.apply_logging_settings(''line_f'', ''logs'', ''{}''); UPDATE line_f SET body = NULL', 'SELECT tenancy.apply_logging_settings(''line_f'', ''logs'', ''{state}''); UPDATE line_f SET body = NULL',
  'SELECT tenancy.apply_logging_settings(''line'', ''logs'', ''{state}'')', 'SELECT tenancy.apply_logging_settings(''line_e'', ''logs'', ''{body,state}''); UPDATE line_f SET body = NULL', 'SELECT tenancy.apply_logging_settings(''line_e'', ''logs'', ''{body,state}''); UPDATE line_f SET state = NULL',
  'ALTER TABLE line_f INHERIT lesser; ALTER TABLE lesser ADD COLUMN more int; UPDATE line_f SET body = NULL', 'ALTER TABLE ONLY line DROP COLUMN body; UPDATE line_f SET body = NULL', 'ALTER TABLE line DROP COLUMN body', 'ALTER TABLE lesser DROP COLUMN body',
  'SELECT tenancy.apply_logging_settings(''line_g'', ''logs'', ''{}''); UPDATE line_g SET body = NULL', 'SELECT tenancy.protect(''line_g'', ''logs'', ''organization_id''); SELECT tenancy.apply_logging_settings(''line_g'', ''logs'', ''{body}''); DELETE FROM line_g',
  'SELECT tenancy.apply_logging_settings(''line_g'', ''logs'', ''{body,state}''); UPDATE line_g SET state = NULL', 'SELECT tenancy.unprotect(''line_g'')']) w;
DROP TABLE lesser;
-- The columns of a former child are also those of a new parent, and those of one that follows the settings of one that doesn't.
CREATE TABLE beside (id int, organization_id uuid, workspace_id uuid, state text, body text, received_at timestamptz NOT NULL);
\o /dev/null
SELECT tenancy.protect('beside', 'logs', 'organization_id', 'workspace_id');
\o
ALTER TABLE line_g INHERIT beside;
SELECT w, tried(w) FROM unnest(ARRAY['ALTER TABLE beside RENAME workspace_id TO x', 'ALTER TABLE beside RENAME body TO b2', 'ALTER TABLE line_g NO INHERIT beside']) w;
\o /dev/null
SELECT tenancy.apply_logging_settings('line_g', 'logs', '{body}');
\o
BEGIN;
ALTER TABLE beside RENAME workspace_id TO x;
ALTER TABLE beside ADD workspace_id uuid;
SELECT tried('UPDATE line_g SET body = NULL'), tried('UPDATE line_g SET x = NULL'), tried('TRUNCATE line_g'), tried('UPDATE line_g SET workspace_id = NULL');
ROLLBACK;
-- A former child was protected by other columns before the hold, and comes back.
CREATE TABLE back (id int, organization_id uuid, workspace_id uuid, place uuid, state text, body text);
CREATE TABLE gone () INHERITS (back);
\o /dev/null
SELECT tenancy.protect('back', 'logs', 'organization_id', 'workspace_id');
SELECT tenancy.apply_logging_settings('back', 'logs', '{body,state}');
ALTER TABLE gone NO INHERIT back;
SELECT tenancy.unprotect('gone');
SELECT tenancy.protect('gone', 'logs', 'organization_id', 'place');
SELECT tenancy.apply_logging_settings('back', 'logs', '{body}');
\o
INSERT INTO gone VALUES (1, :acme, :search, NULL, 'secret', 'secret');
SELECT w, tried(w) FROM unnest(ARRAY['ALTER TABLE gone INHERIT back; ALTER TABLE back RENAME workspace_id TO x; DELETE FROM gone', 'ALTER TABLE gone INHERIT back; ALTER TABLE back RENAME organization_id TO x; DELETE FROM gone', 'ALTER TABLE gone INHERIT back; ALTER TABLE back ADD COLUMN x int; DELETE FROM gone',
  'ALTER TABLE gone INHERIT back; ALTER TABLE back ADD COLUMN x int; UPDATE gone SET state = NULL', 'ALTER TABLE gone INHERIT back; DELETE FROM gone', 'SELECT tenancy.protect(''gone'', ''logs'', ''organization_id'', ''workspace_id''); ALTER TABLE gone INHERIT back; ALTER TABLE back ADD COLUMN x int; UPDATE gone SET state = NULL',
  'SELECT tenancy.unprotect(''gone''); ALTER TABLE gone INHERIT back; DELETE FROM gone', 'SELECT tenancy.apply_logging_settings(''gone'', ''logs'', ''{body,state}''); DELETE FROM gone']) w;
-- Columns that are no uuids any more: whose the rows are is not known, so any hold keeps them.
SELECT tried('ALTER TABLE line_h ALTER organization_id TYPE text');
SELECT w, tried(w) FROM unnest(ARRAY['TRUNCATE line_h', 'DROP TABLE line_h', 'DELETE FROM line_h', 'TRUNCATE line_i', 'DROP TABLE line_i']) w;
SELECT left(tried('DROP EXTENSION pg_tenancy CASCADE'), 40);
SELECT w, tried(w) FROM unnest(ARRAY['TRUNCATE line_h', 'TRUNCATE line_i']) t, format('SELECT tenancy.reset_logging(''acme'', ''legal_hold'', ''acme/search''); %s', t) w;
-- A trigger of the partition writes other rows while a held one is on its way, and moves them.
CREATE FUNCTION on_arrival() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF pg_trigger_depth() > 1 THEN
    RETURN NEW;
  END IF;
  CASE current_setting('app.way')
    WHEN 'update' THEN UPDATE other SET id = id + 1;
    WHEN 'insert' THEN INSERT INTO other VALUES (5);
    WHEN 'delete' THEN DELETE FROM other;
    WHEN 'move' THEN UPDATE notes SET day = '2026-02-09' WHERE id = 2;
    WHEN 'forge' THEN INSERT INTO notes (id, day, organization_id, workspace_id, state, body) VALUES (NEW.id, NEW.day, NEW.organization_id, NEW.workspace_id, NEW.state, NEW.body);
    WHEN 'caught' THEN
      BEGIN
        UPDATE other SET id = id + 1;
        INSERT INTO other VALUES (5);
        PERFORM 1 / 0;
      EXCEPTION WHEN division_by_zero THEN NULL;
      END;
    WHEN 'content' THEN NEW.body := NULL;
    WHEN 'place' THEN NEW.workspace_id := 'aaaaaaaa-0000-4000-8000-000000000003';
    WHEN 'state' THEN NEW.state := 'arrived';
    ELSE NULL;
  END CASE;
  RETURN CASE WHEN current_setting('app.arrives')::boolean THEN NEW END;
END
$$;
CREATE TRIGGER a BEFORE INSERT ON notes_2 FOR EACH ROW EXECUTE FUNCTION on_arrival();
CREATE FUNCTION arrives(way text, arrives boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  found text;
BEGIN
  PERFORM set_config('app.way', way, true), set_config('app.arrives', arrives::text, true);
  BEGIN
    UPDATE notes SET day = '2026-02-07' WHERE id = 1;
  EXCEPTION WHEN division_by_zero THEN NULL;
  END;
  SELECT string_agg(format('%s in %s: %s, %s', n.id, n.tableoid::regclass, n.state, n.body), '; ' ORDER BY n.id) INTO found FROM notes n;
  RAISE EXCEPTION USING ERRCODE = 'P0099', MESSAGE = found;
EXCEPTION WHEN SQLSTATE 'P0099' THEN
  RETURN SQLERRM;
WHEN object_not_in_prerequisite_state THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT w.way, a.arrives, arrives(w.way, a.arrives) FROM unnest('{none,update,insert,delete,move,forge,caught,content,place,state}'::text[]) WITH ORDINALITY w (way, n),
  (VALUES (true), (false)) a (arrives) ORDER BY w.n, a.arrives DESC;
-- The same, where the transaction's end has to find it
SET app.way = 'update';
SET app.arrives = 'false';
UPDATE notes SET day = '2026-02-07' WHERE id = 1;
SET app.way = 'caught';
UPDATE notes SET day = '2026-02-07' WHERE id = 1;
-- One level deeper: a trigger of another table moves the row.
CREATE FUNCTION moves() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE notes SET day = ''2026-02-07'' WHERE id = 1; RETURN NEW; END';
CREATE OR REPLACE FUNCTION on_arrival() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER a AFTER UPDATE ON other FOR EACH ROW EXECUTE FUNCTION moves();
UPDATE other SET id = 7;
SELECT id, tableoid::regclass, body FROM notes ORDER BY id;
-- A condition of a trigger writes rows at the same depth.
DROP TRIGGER a ON notes_2;
CREATE FUNCTION writes_beside() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  BEGIN
    EXECUTE current_setting('app.statement');
  EXCEPTION WHEN OTHERS THEN NULL;
  END;
  IF NOT current_setting('app.caught')::boolean THEN
    EXECUTE current_setting('app.statement');
  END IF;
  RETURN true;
END
$$;
CREATE TRIGGER a BEFORE INSERT ON notes_2 FOR EACH ROW WHEN (writes_beside()) EXECUTE FUNCTION on_arrival();
CREATE TABLE statements (n int, statement text);
INSERT INTO statements VALUES (1, 'INSERT INTO other VALUES (5)'), (2, 'UPDATE other SET id = 5'), (3, 'DELETE FROM other'), (4, 'SELECT 1'),
  (5, 'INSERT INTO notes_1 (id, day, organization_id, workspace_id, body) VALUES (9, ''2026-01-09'', ''aaaaaaaa-0000-4000-8000-000000000000'', ''aaaaaaaa-0000-4000-8000-000000000002'', ''forged'')');
CREATE FUNCTION moved(statement text, caught boolean) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.statement', statement, true), set_config('app.caught', caught::text, true);
  BEGIN
    UPDATE notes SET day = '2026-02-07' WHERE id = 1;
  EXCEPTION WHEN division_by_zero THEN NULL;
  END;
  RETURN 'gone';
EXCEPTION WHEN object_not_in_prerequisite_state THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
DROP TRIGGER a ON other;
SELECT s.n, c.caught, moved(s.statement, c.caught) FROM statements s, (VALUES (true), (false)) c (caught) ORDER BY 1, 2;
DROP TRIGGER a ON notes_2;
SELECT id, tableoid::regclass, body FROM notes ORDER BY id;
-- Content that such a trigger writes into a row that isn't held is new content.
CREATE FUNCTION writes() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.body := ''secret''; RETURN NEW; END';
CREATE TRIGGER a BEFORE INSERT ON notes_2 FOR EACH ROW EXECUTE FUNCTION writes();
SELECT tenancy.set_logging('acme', 'store_content', 'metadata', 'acme/support');
BEGIN;
UPDATE notes SET day = '2026-02-07' WHERE id = 2;
SELECT id, tableoid::regclass, body FROM notes WHERE id = 2;
ROLLBACK;
DROP TRIGGER a ON notes_2;
UPDATE notes SET day = '2026-02-07';
SELECT id, tableoid::regclass, body FROM notes ORDER BY id;
-- Who may not run a command does not learn whether rows are held.
CREATE TYPE mood AS ENUM ('good');
ALTER TABLE notes ADD COLUMN mood mood;
CREATE TABLE free (id int, organization_id uuid) PARTITION BY LIST (id);
GRANT ALL ON notes, notes_2, free TO regress_app;
GRANT CREATE ON SCHEMA app TO regress_app;
SET SESSION AUTHORIZATION regress_app;
CREATE TABLE own (id int) PARTITION BY LIST (id);
ALTER TABLE notes DETACH PARTITION notes_2 CONCURRENTLY;
ALTER TABLE own DETACH PARTITION notes_2 CONCURRENTLY;
ALTER TABLE own DETACH PARTITION nothing CONCURRENTLY;
ALTER TYPE mood RENAME VALUE 'good' TO 'bad';
ALTER TYPE nothing RENAME VALUE 'good' TO 'bad';
DROP TABLE own;
RESET SESSION AUTHORIZATION;
REVOKE CREATE ON SCHEMA app FROM regress_app;
ALTER TABLE notes DETACH PARTITION notes_2 CONCURRENTLY;
ALTER TABLE free DETACH PARTITION notes_2 CONCURRENTLY;
ALTER TYPE mood RENAME VALUE 'good' TO 'bad';
-- Columns of a table's row type: a column of that table, a value of a type within it
CREATE TYPE shade AS ENUM ('red');
CREATE TABLE rt (street text, shade shade);
CREATE TABLE rt_parts (street text, shade shade) PARTITION BY LIST (street);
CREATE TABLE rt_free (street text);
CREATE TYPE sent AS (sender text, recipient text);
CREATE TYPE sent_freely AS (sender text);
ALTER TABLE notes ADD COLUMN place rt, ADD COLUMN places rt_parts[], ADD COLUMN sent sent[];
CREATE VIEW v AS SELECT 'red'::shade AS shade;
ALTER TABLE line_g ADD COLUMN seen v;
SELECT w, tried(w) FROM unnest(ARRAY['ALTER TABLE rt DROP COLUMN street', 'ALTER TABLE rt_parts DROP COLUMN shade', 'ALTER TYPE shade RENAME VALUE ''red'' TO ''blue''', 'DROP TABLE rt CASCADE',
  'DROP TYPE shade CASCADE', 'ALTER TYPE sent RENAME ATTRIBUTE sender TO former', 'ALTER TYPE sent_freely RENAME ATTRIBUTE sender TO former', 'ALTER TABLE rt_free DROP COLUMN street', 'ALTER TABLE rt ADD COLUMN house int']) w;
ALTER TABLE notes DROP COLUMN place;
-- Generated columns are computed after triggers have judged the row.
CREATE TABLE made (id int, region int, organization_id uuid, workspace_id uuid, raw text, body text GENERATED ALWAYS AS (raw || '!') STORED,
  place uuid GENERATED ALWAYS AS (CASE region WHEN 1 THEN 'aaaaaaaa-0000-4000-8000-000000000002'::uuid END) STORED);
\o /dev/null
SELECT tenancy.protect('made', 'logs', 'organization_id', 'workspace_id');
\o
\set VERBOSITY default
SELECT tenancy.apply_logging_settings('made', 'logs', '{raw,body}');
\set VERBOSITY terse
SELECT tenancy.apply_logging_settings('made', 'logs', '{raw}');
SELECT w, tried(w) FROM unnest(ARRAY['ALTER TABLE made DROP COLUMN body, DROP COLUMN raw, ADD COLUMN raw text GENERATED ALWAYS AS (region::text) STORED', 'SELECT tenancy.protect(''made'', ''logs'', ''organization_id'', ''place'')',
  'SELECT tenancy.ignore_logging_settings(''made''); SELECT tenancy.protect(''made'', ''logs'', ''organization_id'', ''place''); SELECT tenancy.apply_logging_settings(''made'', ''logs'', ''{raw}'')']) w;
SELECT tenancy.reset_logging('acme', 'legal_hold', 'acme/search');
-- Without a hold, each goes through.
SELECT w, tried(w) FROM unnest(ARRAY['ALTER TABLE rt_parts DROP COLUMN shade', 'ALTER TYPE shade RENAME VALUE ''red'' TO ''blue''', 'TRUNCATE line_h', 'TRUNCATE line_i', 'ALTER TABLE line_e NO INHERIT line', 'ALTER TABLE line_g NO INHERIT beside']) w;
-- Of two parents, each counts: what one calls content is content, and without one the other still does.
CREATE TABLE one (id int, organization_id uuid, workspace_id uuid, body text, subject text);
CREATE TABLE two (LIKE one);
\o /dev/null
SELECT tenancy.protect(t, 'logs', 'organization_id', 'workspace_id') FROM unnest('{one,two}'::regclass[]) t;
SELECT tenancy.apply_logging_settings('one', 'logs', '{body}'), tenancy.apply_logging_settings('two', 'logs', '{subject}');
CREATE TABLE joint () INHERITS (one, two);
SELECT tenancy.set_logging('acme', 'store_content', 'metadata', 'acme/search');
\o
INSERT INTO joint VALUES (1, :acme, :search, 'secret', 'secret') RETURNING id, body, subject;
SELECT tenancy.ignore_logging_settings('one');
INSERT INTO joint VALUES (2, :acme, :search, 'secret', 'secret') RETURNING id, body, subject;
SELECT tenancy.set_logging('acme', 'legal_hold', 'on', 'acme/search');
SELECT w, tried(w) FROM unnest(ARRAY['DELETE FROM joint', 'SELECT tenancy.ignore_logging_settings(''two'')', 'ALTER TABLE joint NO INHERIT one', 'ALTER TABLE joint NO INHERIT two']) w;
SELECT tenancy.reset_logging('acme', 'legal_hold', 'acme/search');
-- Rows that name no organization are their workspace's: as they are written, under a hold, and at the end of their retention.
CREATE TABLE placed (id int, organization_id uuid, workspace_id uuid, body text);
CREATE INDEX ON placed (organization_id);
\o /dev/null
SELECT tenancy.protect('placed', 'logs', 'organization_id', 'workspace_id');
SELECT tenancy.apply_logging_settings('placed', 'logs', '{body}');
\o
INSERT INTO placed VALUES (1, NULL, :search, 'content'), (2, NULL, :support, 'content'), (3, NULL, NULL, 'content') RETURNING id, organization_id, body;
SELECT tenancy.reset_logging('acme', 'store_content', 'acme/search');
INSERT INTO placed VALUES (4, NULL, :search, 'content') RETURNING id, organization_id, body;
SELECT tenancy.set_logging('acme', 'legal_hold', 'on', 'acme/search');
SELECT w, tried(w) FROM unnest(ARRAY['DELETE FROM placed WHERE id = 4', 'UPDATE placed SET body = NULL WHERE id = 4', 'DELETE FROM placed WHERE id IN (2, 3)', 'TRUNCATE placed', 'DROP TABLE placed', 'SELECT tenancy.ignore_logging_settings(''placed'')',
  'ALTER TABLE placed DROP COLUMN body', 'SELECT 1 / (NOT tenancy_steps.has_held_rows(''placed''))::int']) w;
SELECT tenancy.set_logging('acme', 'retention_days.logs', '1');
SELECT tenancy.reset_logging('acme', 'legal_hold', 'acme/search'), tenancy.set_logging('acme', 'legal_hold', 'on', 'acme/support');
SELECT w, tried(w) FROM unnest(ARRAY['DELETE FROM placed WHERE id = 4', 'DELETE FROM placed WHERE id = 2', 'DELETE FROM placed WHERE id IN (1, 3, 4); TRUNCATE placed', 'DROP INDEX placed_organization_id_idx; TRUNCATE placed', 'UPDATE placed SET workspace_id = NULL WHERE id = 2']) w;
SELECT tenancy.reset_logging('acme', 'legal_hold', 'acme/support');
SELECT w, tried(w) FROM unnest(ARRAY['TRUNCATE placed', 'DROP INDEX placed_organization_id_idx; TRUNCATE placed', 'SELECT tenancy.ignore_logging_settings(''placed'')']) w;
DELETE FROM placed;
INSERT INTO placed (id, organization_id, workspace_id, received_at) VALUES (5, NULL, :search, now() - interval '2 days'), (6, NULL, :search, now()), (7, NULL, NULL, now() - interval '2 days'), (8, :acme, NULL, now() - interval '2 days');
SELECT removed, held FROM tenancy.remove_expired_rows() WHERE relation = 'placed'::regclass;
SELECT id FROM placed ORDER BY id;
-- Only its owner has others' holds wait for the removal of its rows.
SELECT tenancy_steps.keep_holds_away_from('placed');
SET SESSION AUTHORIZATION regress_app;
SELECT tenancy_steps.keep_holds_away_from('placed');
-- Nor does anybody else learn whether there are holds.
SELECT tried('SELECT tenancy_steps.has_held_rows(''placed'')');
SELECT count(*) AS holds FROM tenancy.logging_settings WHERE setting = 'legal_hold';
RESET SESSION AUTHORIZATION;
SELECT tenancy.reset_logging('acme', 'retention_days.logs');
-- A child by whose other columns rows would be kept, and not by those of the parent's policies; and what its former columns kept
CREATE TABLE above (id int, organization_id uuid, workspace_id uuid, body text);
CREATE TABLE below (other uuid) INHERITS (above);
\o /dev/null
SELECT tenancy.protect('above', 'logs', 'organization_id', 'workspace_id');
\o
SELECT w, tried(w) FROM unnest(ARRAY['SELECT tenancy.protect(''below'', ''logs'', ''other'')', 'SELECT tenancy.protect(''below'', ''logs'', ''other''); SELECT tenancy.apply_logging_settings(''above'', ''logs'', ''{body}'')',
  'SELECT tenancy.apply_logging_settings(''above'', ''logs'', ''{body}''); SELECT tenancy.protect(''below'', ''logs'', ''other'')', 'SELECT tenancy.apply_logging_settings(''above'', ''logs'', ''{body}''); SELECT tenancy.apply_logging_settings(''below'', ''logs'', ''{body}''); SELECT tenancy.protect(''below'', ''logs'', ''other'', ''workspace_id'')',
  'SELECT tenancy.apply_logging_settings(''above'', ''logs'', ''{body}''); SELECT tenancy.protect(''below'', ''logs'', ''organization_id'', ''workspace_id'')']) w;
-- Types within types in ever more ways, each visited once (the server itself takes as long for each way, when it creates them)
CREATE TYPE t0 AS (x int, y int, z int);
DO $$ BEGIN FOR i IN 1..18 LOOP EXECUTE format('CREATE TYPE t%s AS (a t%s, b t%2$s)', i, i - 1); END LOOP; END $$;
CREATE TABLE deep (id int, organization_id uuid, content t0, place t3[]);
\o /dev/null
SELECT tenancy.protect('deep', 'logs', 'organization_id');
SELECT tenancy.apply_logging_settings('deep', 'logs', '{content}');
\o
SET statement_timeout = '2s';
SELECT tenancy.set_logging('acme', 'legal_hold', 'on');
ALTER TYPE t0 DROP ATTRIBUTE z;
INSERT INTO deep VALUES (1, :acme, '(1,2)', NULL);
SELECT tried('ALTER TYPE t0 DROP ATTRIBUTE y');
SELECT tenancy.reset_logging('acme', 'legal_hold');
SELECT tried('ALTER TYPE t0 DROP ATTRIBUTE y');
RESET statement_timeout;
-- Any login may connect with ignore_system_indexes, also of users' tables: rows that name no organization are found all the same.
CREATE TABLE by_workspace (id int, organization_id uuid, workspace_id uuid, body text);
CREATE INDEX ON by_workspace (organization_id);
\o /dev/null
SELECT tenancy.protect('by_workspace', 'logs', 'organization_id', 'workspace_id');
SELECT tenancy.apply_logging_settings('by_workspace', 'logs', '{body}');
SELECT tenancy.set_logging('acme', 'legal_hold', 'on', 'acme/search');
\o
INSERT INTO by_workspace VALUES (1, NULL, :search, 'content');
\connect -reuse-previous=on "options='-c search_path=app -c client_min_messages=error -c ignore_system_indexes=on'"
SELECT w, tried(w) FROM unnest('{TRUNCATE by_workspace,DROP TABLE by_workspace,ALTER TABLE by_workspace DROP COLUMN body}'::text[]) w;
\connect -reuse-previous=on "options='-c search_path=app -c client_min_messages=error'"
SELECT tenancy.reset_logging('acme', 'legal_hold', 'acme/search');
-- Names within a value say what it is: of a type's attributes, and of columns of tables and views whose rows are values.
CREATE TABLE shape (model text, answer text);
CREATE TABLE shape_child () INHERITS (shape);
CREATE VIEW shape_view AS SELECT 'a'::text AS model, 'b'::text AS answer;
CREATE TYPE shape_type AS (model text, answer text);
CREATE TABLE shape_of OF shape_type;
CREATE TABLE shape_free (model text, answer text);
CREATE TABLE shaped (id int, organization_id uuid, workspace_id uuid, a shape, b shape_child, c shape_view, d shape_of);
\o /dev/null
SELECT tenancy.protect('shaped', 'logs', 'organization_id', 'workspace_id');
SELECT tenancy.apply_logging_settings('shaped', 'logs', '{a,b,c,d}');
\o
CREATE VIEW renamings AS SELECT w FROM unnest('{ALTER TABLE shape RENAME answer TO x,ALTER TABLE shape_child RENAME answer TO x,ALTER VIEW shape_view RENAME answer TO x,ALTER TABLE shape_view RENAME answer TO x,
  ALTER TYPE shape_type RENAME ATTRIBUTE answer TO x CASCADE,ALTER TABLE shape_free RENAME answer TO x,ALTER TABLE shaped RENAME a TO x,ALTER TABLE shaped RENAME id TO x}'::text[]) w;
SELECT w, tried(w) FROM renamings;
INSERT INTO shaped VALUES (1, :acme, :search, ROW('m', 'a'));
SELECT tenancy.set_logging('acme', 'legal_hold', 'on', 'acme/search');
SELECT w, tried(w) FROM renamings;
SELECT tenancy.reset_logging('acme', 'legal_hold', 'acme/search');

-- Rows are read as they are stored, also in a command that gives columns before theirs another type: by the types that the catalog has then,
-- a number would be the length of a text.
CREATE TABLE retyped (id bigint, organization_id uuid, workspace_id uuid, state text, content text);
CREATE TABLE retyped_child (own bigint, organization_id uuid, workspace_id uuid, state text, content text);
\o /dev/null
SELECT tenancy.protect(t, 'logs', 'organization_id', 'workspace_id', create_indexes => true), tenancy.apply_logging_settings(t, 'logs', '{content}') FROM unnest('{retyped,retyped_child}'::regclass[]) t;
CREATE INDEX ON retyped (organization_id, state);
INSERT INTO retyped VALUES (4294967292, :acme, :search, 's', 'c');
INSERT INTO retyped_child SELECT * FROM retyped;
\o
CREATE VIEW retypings AS SELECT w FROM unnest(ARRAY['ALTER TABLE retyped ALTER id TYPE numeric', 'ALTER TABLE retyped ALTER id TYPE numeric, ALTER content TYPE text USING ''gone''',
  'ALTER TABLE retyped ALTER id TYPE numeric, ALTER state TYPE varchar(9), ALTER content TYPE text USING ''gone''',
  'ALTER TABLE retyped ALTER workspace_id TYPE text, ALTER content TYPE text USING ''gone''', 'ALTER TABLE retyped ALTER id TYPE numeric, DROP COLUMN content',
  'DO $x$ BEGIN ALTER TABLE retyped ALTER id TYPE numeric; ALTER TABLE retyped ALTER id TYPE text, ALTER content TYPE text USING ''gone''; END $x$',
  'ALTER TABLE retyped ALTER id TYPE numeric; ALTER TABLE retyped ALTER content TYPE text USING ''gone''', 'ALTER TABLE retyped_child ALTER own TYPE numeric, DISABLE TRIGGER ALL']) WITH ORDINALITY u (w, n) ORDER BY n;
SELECT tenancy.set_logging('acme', 'legal_hold', 'on', 'acme/search');
SELECT w, tried(w) FROM retypings;
SELECT tenancy.reset_logging('acme', 'legal_hold', 'acme/search'), tenancy.set_logging('globex', 'legal_hold', 'on');
SELECT w, tried(w) FROM retypings;
SELECT tenancy.reset_logging('globex', 'legal_hold');
DROP VIEW retypings;
DROP TABLE retyped, retyped_child;
-- Nor by code that the command runs, while it has rewritten another partition only
SET ROLE regress_owner;
CREATE TABLE parted_h (id bigint, p int, organization_id uuid, workspace_id uuid, content text) PARTITION BY RANGE (p);
CREATE TABLE parted_h1 PARTITION OF parted_h FOR VALUES FROM (1) TO (2);
CREATE TABLE parted_h2 PARTITION OF parted_h FOR VALUES FROM (2) TO (3);
CREATE TABLE scratch (x int);
RESET ROLE;
\o /dev/null
SELECT tenancy.protect('parted_h', 'logs', 'organization_id', 'workspace_id'), tenancy.apply_logging_settings('parted_h', 'logs', '{content}');
INSERT INTO parted_h VALUES (1, 1, 'bbbbbbbb-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000002', 'g'), (2, 2, :acme, :search, 'h');
INSERT INTO scratch VALUES (1);
SELECT tenancy.set_logging('acme', 'legal_hold', 'on', 'acme/search');
\o
CREATE FUNCTION meanwhile(id bigint, command text) RETURNS int LANGUAGE plpgsql AS 'BEGIN EXECUTE command; RETURN id; END';
CREATE FUNCTION meanwhile(x int, command text) RETURNS text LANGUAGE plpgsql AS 'BEGIN EXECUTE command; RETURN x; END';
SELECT command, nested, tried(format('ALTER TABLE parted_h ALTER id TYPE int USING meanwhile(id, %L)',
  CASE WHEN nested THEN format('ALTER TABLE scratch ALTER x TYPE text USING meanwhile(x::int, %L)', command) ELSE command END)) AS altered
FROM unnest('{SELECT,TRUNCATE parted_h2,DELETE FROM parted_h2,UPDATE parted_h2 SET content = NULL,DROP TABLE parted_h2}'::text[]) WITH ORDINALITY u (command, n), unnest('{f,t}'::boolean[]) nested ORDER BY n, nested;
SELECT tenancy.reset_logging('acme', 'legal_hold', 'acme/search');
SELECT command, nested, tried(format('ALTER TABLE parted_h ALTER id TYPE int USING meanwhile(id, %L)',
  CASE WHEN nested THEN format('ALTER TABLE scratch ALTER x TYPE text USING meanwhile(x::int, %L)', command) ELSE command END)) AS altered
FROM unnest('{SELECT,TRUNCATE parted_h2,DELETE FROM parted_h2}'::text[]) WITH ORDINALITY u (command, n), unnest('{f,t}'::boolean[]) nested ORDER BY n, nested;
SELECT id, content FROM parted_h ORDER BY id;
DROP TABLE parted_h, scratch;
