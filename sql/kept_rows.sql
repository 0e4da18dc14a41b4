-- Rows that follow the logging settings, wherever they lie and whatever moves them: one moment of reception, one judgement of their
-- content, and no way past a legal hold.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set held :srcdir '/sql/include/held.sql'
\i :held
\pset format unaligned
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE TABLE notes (id int, day date NOT NULL, organization_id uuid, workspace_id uuid, user_id uuid, state text, body text, detail jsonb NOT NULL DEFAULT '{}') PARTITION BY RANGE (day);
CREATE TABLE notes_1 PARTITION OF notes FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE notes_2 PARTITION OF notes FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE calls (id int, organization_id uuid, workspace_id uuid, user_id uuid, body text);
CREATE TYPE mood AS ENUM ('good');
CREATE TYPE place AS (street text, mood mood);
ALTER TABLE calls ADD COLUMN places place[];
CREATE TABLE calls_old () INHERITS (calls);
\o /dev/null
SELECT tenancy.protect(t, 'logs', 'organization_id', 'workspace_id', 'user_id', create_indexes => true) FROM unnest('{notes,calls}'::regclass[]) t;
SELECT tenancy.apply_logging_settings('notes', 'payloads', '{body,detail}'), tenancy.apply_logging_settings('calls', 'logs', '{body}');
\o
GRANT ALL ON notes, calls, calls_old TO PUBLIC;
-- Ages rows, as time would.
CREATE FUNCTION age(t regclass, condition text, by interval) RETURNS void LANGUAGE plpgsql SET tenancy.guard_rails = off AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s DISABLE TRIGGER "~~tenancy_keep_row"', t);
  EXECUTE format('UPDATE %s SET received_at = received_at - $1 WHERE %s', t, condition) USING by;
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER "~~tenancy_keep_row"', t);
END
$$;
-- With the settings, moves between partitions change neither when a row was received nor its content.
INSERT INTO notes VALUES (1, '2026-01-05', :acme, :search, NULL, 'new', 'secret', '{"a": "secret"}'), (2, '2026-01-06', :acme, :search, NULL, 'new', 'secret', '{"a": "secret"}');
SELECT age('notes', 'true', '10 days');
SELECT tenancy.set_logging('acme', 'store_content', 'none');
UPDATE notes SET day = '2026-02-05' WHERE id = 1;
UPDATE notes SET state = 'seen' WHERE id = 2;
SELECT id, tableoid::regclass, state, body, detail, received_at < now() - interval '9 days' AS received_then FROM notes ORDER BY id;
-- What is changed is new content, in the same place and in another partition.
UPDATE notes SET body = 'another secret' WHERE id = 2;
UPDATE notes SET day = '2026-01-07', detail = '{"b": "secret"}' WHERE id = 1;
MERGE INTO notes n USING (VALUES (2)) v (id) ON n.id = v.id WHEN MATCHED THEN UPDATE SET day = '2026-02-09';
SELECT id, tableoid::regclass, body, detail, received_at < now() - interval '9 days' AS received_then FROM notes ORDER BY id;
-- A new row of this kind isn't stored, an updated one that was deleted in vain beforehand neither.
INSERT INTO notes VALUES (3, '2026-01-05', :acme, :search, NULL, 'new', 'secret');
BEGIN;
UPDATE notes SET state = 'again' WHERE id = 1;
DELETE FROM notes WHERE id = 1;
INSERT INTO notes VALUES (1, '2026-01-05', :acme, :search, NULL, 'forged', 'secret');
SELECT count(*) AS forged FROM notes WHERE state = 'forged';
ROLLBACK;
-- Maintenance moves rows by DELETE and INSERT: from the owner without a principal, the moment of reception is true.
CREATE TEMP TABLE moving AS SELECT * FROM notes WHERE id = 1;
BEGIN;
DELETE FROM notes WHERE id = 1;
INSERT INTO notes SELECT * FROM moving;
SELECT id, body, detail, received_at = (SELECT received_at FROM moving) AS same FROM notes WHERE id = 1;
ROLLBACK;
-- Not from anybody else, and not in the future; what is received since the setting is emptied.
SELECT tenancy.set_logging('acme', 'store_content', 'metadata');
CREATE ROLE regress_loader LOGIN BYPASSRLS;
GRANT USAGE ON SCHEMA app TO regress_loader;
BEGIN;
SET LOCAL ROLE regress_loader;
INSERT INTO notes (id, day, organization_id, workspace_id, body, received_at) VALUES (10, '2026-01-05', :acme, :search, 'secret', now() - interval '30 days');
RESET ROLE;
INSERT INTO notes (id, day, organization_id, workspace_id, body, received_at)
VALUES (11, '2026-01-05', :acme, :search, 'secret', now() - interval '1 second'), (12, '2026-01-05', :acme, :search, 'secret', 'infinity'), (13, '2026-01-05', :acme, :search, 'of old', now() - interval '1 day');
SET LOCAL tenancy."user" = 'olivia@acme.test';
SET LOCAL tenancy.organization = 'acme';
INSERT INTO notes (id, day, workspace_id, body, received_at) VALUES (14, '2026-01-05', :search, 'secret', now() - interval '30 days');
RESET tenancy."user";
SELECT id, body, received_at > now() - interval '1 hour' AND received_at <= clock_timestamp() AS received_now FROM notes WHERE id >= 10 ORDER BY id;
ROLLBACK;
-- Rows of inheritance children, also of new ones
CREATE TABLE calls_new () INHERITS (calls);
INSERT INTO calls_old VALUES (1, :acme, :search, NULL, 'secret');
INSERT INTO calls_new VALUES (2, :acme, :search, NULL, 'secret');
CREATE TABLE calls_joined (LIKE calls INCLUDING DEFAULTS);
ALTER TABLE calls_joined INHERIT calls;
INSERT INTO calls_joined VALUES (3, :acme, :search, NULL, 'secret');
SELECT id, tableoid::regclass, body FROM calls ORDER BY id;
SELECT tenancy.set_logging('acme', 'retention_days.logs', '5');
SELECT age(t, 'true', '7 days') FROM unnest('{calls_old,calls_new}'::regclass[]) t;
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT string_agg(id::text, ' ' ORDER BY id) AS seen FROM calls;
SELECT string_agg(id::text, ' ' ORDER BY id) AS seen FROM calls_new;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
-- A hold: every way to remove rows, parts of them, or what keeps them. First that each of these goes through without one.
\set VERBOSITY terse
CREATE FUNCTION ways() RETURNS TABLE (n bigint, way text) LANGUAGE sql AS $$
  SELECT row_number() OVER (), w FROM unnest(ARRAY[
    'DELETE FROM notes', 'DELETE FROM calls_old', 'DELETE FROM calls_new', 'TRUNCATE notes', 'TRUNCATE notes_1', 'TRUNCATE calls_old', 'TRUNCATE calls', 'DROP TABLE notes',
    'DROP TABLE notes_1', 'DROP TABLE calls_new', 'DROP TABLE calls CASCADE', 'ALTER TABLE notes DETACH PARTITION notes_1', 'DROP SCHEMA app CASCADE',
    'UPDATE notes SET body = NULL WHERE id = 1', 'UPDATE notes SET detail = ''{}'' WHERE id = 2', 'UPDATE calls_old SET body = ''x''',
    'UPDATE notes SET workspace_id = ''aaaaaaaa-0000-4000-8000-000000000003'' WHERE id = 1', 'UPDATE notes SET workspace_id = ''aaaaaaaa-0000-4000-8000-000000000003'', day = ''2026-02-20'' WHERE id = 1',
    'ALTER TABLE notes DROP COLUMN body', 'ALTER TABLE notes DROP COLUMN state', 'ALTER TABLE calls DROP COLUMN body CASCADE',
    'ALTER TABLE notes ALTER body TYPE int USING 0', 'ALTER TABLE calls ALTER body TYPE int USING 0',
    'ALTER TABLE notes DISABLE TRIGGER ALL', 'ALTER TABLE notes_1 DISABLE TRIGGER "~~tenancy_keep_row_content"', 'ALTER TABLE calls_old DISABLE TRIGGER USER', 'ALTER TABLE notes ENABLE TRIGGER "~~tenancy_keep_row"',
    'ALTER TABLE ONLY notes DISABLE TRIGGER "~~tenancy_keep_row_content"', 'ALTER TRIGGER "~~tenancy_keep_row_content" ON calls RENAME TO a', 'ALTER TABLE calls_old SET UNLOGGED', 'ALTER TABLE calls_old NO INHERIT calls; SELECT tenancy.unprotect(''calls_old'')',
    'CREATE TRIGGER "~~z" BEFORE UPDATE ON calls FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()', 'CREATE TRIGGER a BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger(); ALTER TRIGGER a ON notes RENAME TO "~~z"',
    'ALTER TYPE place DROP ATTRIBUTE street CASCADE', 'ALTER TYPE mood RENAME VALUE ''good'' TO ''bad''',
    'SELECT tenancy.ignore_logging_settings(''notes'')', 'SELECT tenancy.unprotect(''notes'')', 'SELECT tenancy.unprotect(''calls'')',
    'SELECT tenancy.protect(''notes'', ''logs'', ''organization_id'')', 'SELECT tenancy.protect(''notes'', ''logs'', ''organization_id'', ''user_id'')', 'SELECT tenancy.protect(''calls'', ''logs'', ''organization_id'')',
    'SELECT tenancy.apply_logging_settings(''notes'', ''payloads'', ''{body}'')', 'SELECT tenancy.apply_logging_settings(''calls'', ''logs'')', 'SELECT tenancy.remove_expired_rows()',
    'ALTER TRIGGER "~~tenancy_keep_row_content" ON calls RENAME TO "~~tenancy_keep_row_zz"', 'ALTER TRIGGER "~~tenancy_keep_row" ON notes RENAME TO "~~tenancy_keep_row_zz"'
  ]) w
$$;
CREATE FUNCTION number_of(t text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  n bigint := -1;
BEGIN
  IF to_regclass(t) IS NOT NULL THEN
    EXECUTE 'SELECT count(*) FROM ' || t INTO n;
  END IF;
  RETURN n;
END
$$;
CREATE OR REPLACE FUNCTION tried(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  before bigint[] := ARRAY[number_of('app.notes'), number_of('app.calls')];
BEGIN
  EXECUTE statement;
  IF to_regprocedure('app.number_of(text)') IS NOT NULL AND before = ARRAY[number_of('app.notes'), number_of('app.calls')] THEN
    RAISE EXCEPTION USING ERRCODE = 'P0099', MESSAGE = 'done';
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'P0099', MESSAGE = 'rows are gone';
EXCEPTION WHEN SQLSTATE 'P0099' THEN
  RETURN SQLERRM;
WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SET client_min_messages = error;
SELECT w.n, w.way, tried(w.way) FROM ways() w ORDER BY 1;
SELECT tenancy.set_logging('acme', 'legal_hold', 'on', 'acme/search');
SELECT w.n, w.way, tried(w.way) FROM ways() w ORDER BY 1;
-- As the first command of a session that has not loaded the module
\connect -
SET search_path = app;
DROP TABLE notes_1;
\connect -
SET search_path = app;
TRUNCATE notes, calls;
SET client_min_messages = error;
-- An UPDATE that was rolled back, in the same message, is of no later DELETE.
BEGIN\; UPDATE notes SET state = 'x' WHERE id = 1\; ROLLBACK\; BEGIN\; DELETE FROM notes WHERE id = 1;
ROLLBACK;
BEGIN\; UPDATE notes SET state = 'x' WHERE id = 1\; ROLLBACK AND CHAIN\; DELETE FROM notes WHERE id = 1;
ROLLBACK;
-- A row that a trigger does not let into its new partition; moved by itself, it is held where it comes to.
CREATE FUNCTION nix() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER a BEFORE INSERT ON notes_2 FOR EACH ROW EXECUTE FUNCTION nix();
UPDATE notes SET day = '2026-02-07' WHERE id = 1;
DO $$ BEGIN BEGIN UPDATE notes SET day = '2026-02-07' WHERE id = 1; EXCEPTION WHEN division_by_zero THEN NULL; END; END $$;
CREATE OR REPLACE FUNCTION nix() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF pg_trigger_depth() = 1 THEN
    INSERT INTO notes SELECT NEW.*;
  END IF;
  RETURN CASE WHEN pg_trigger_depth() > 1 THEN NEW END;
END
$$;
UPDATE notes SET day = '2026-02-07' WHERE id = 1;
DROP TRIGGER a ON notes_2;
-- Refused before its first transaction, which would be committed
ALTER TABLE notes DETACH PARTITION notes_1 CONCURRENTLY;
SELECT count(*) FROM pg_inherits WHERE inhdetachpending;
SELECT tenancy_internal.kept_by(now(), '{NULL}', '{NULL}');
-- What takes nothing away is allowed: other columns, moves within the place, more columns.
SELECT tried(w) FROM unnest(ARRAY['UPDATE notes SET state = ''held'' WHERE id = 1', 'UPDATE notes SET day = ''2026-02-07'' WHERE id = 1', 'ALTER TABLE notes ADD COLUMN more int',
  'DROP TABLE notes_2']) w;
UPDATE notes SET day = '2026-02-07' WHERE id = 1;
SELECT id, tableoid::regclass, body, received_at < now() - interval '9 days' AS received_then FROM notes ORDER BY id;
-- pg_partman's retention drops or detaches: it fails with the hold's words. A superuser's last resort:
SET tenancy.guard_rails = off;
SELECT tried('DROP TABLE notes_2');
ALTER TABLE ONLY notes DISABLE TRIGGER "~~tenancy_keep_row_content";
ALTER TABLE calls_old ENABLE TRIGGER "~~tenancy_keep_rows";
ALTER TRIGGER "~~tenancy_keep_row_content" ON calls RENAME TO "~~tenancy_keep_row_zz";
ALTER TRIGGER "~~tenancy_keep_row" ON calls RENAME TO "~~tenancy_keep_row_z";
RESET tenancy.guard_rails;
SELECT object, problem, fix_sql FROM tenancy.advise() WHERE rule = 'protection_broken' ORDER BY 1;
SELECT fix_sql FROM tenancy.advise() WHERE rule = 'protection_broken' ORDER BY 1 \gexec
SELECT count(*) FROM tenancy.advise() WHERE rule = 'protection_broken';
SELECT count(*) FROM pg_trigger WHERE tgname IN ('~~tenancy_keep_row_zz', '~~tenancy_keep_row_z');
-- A table of the name of a trigger that keeps rows
CREATE FUNCTION noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
SELECT tried('CREATE OR REPLACE TRIGGER "~~tenancy_keep_row_content" BEFORE INSERT OR UPDATE OR DELETE ON calls FOR EACH ROW EXECUTE FUNCTION noop()');
SELECT tenancy.reset_logging('acme', 'legal_hold', 'acme/search');
SELECT tried('CREATE OR REPLACE TRIGGER "~~tenancy_keep_row_content" BEFORE INSERT OR UPDATE OR DELETE ON calls FOR EACH ROW EXECUTE FUNCTION noop()');
-- Replaced by what has the same name and function: as it is, but no longer enabled always; of fewer events; on a condition; of other arguments.
CREATE VIEW replacements AS
SELECT w.n, tried(w.way) FROM pg_trigger t, replace(pg_get_triggerdef(t.oid), 'CREATE', 'CREATE OR REPLACE') d, unnest(ARRAY[d, replace(d, 'OR DELETE OR UPDATE', ''),
  replace(d, ' EXECUTE', ' WHEN (false) EXECUTE'), replace(d, 'workspace_id', '')]) WITH ORDINALITY w (way, n)
WHERE t.tgrelid = 'notes'::regclass AND t.tgname = '~~tenancy_keep_row_content';
SELECT * FROM replacements ORDER BY 1;
SELECT tried(replace(pg_get_triggerdef(t.oid), 'CREATE', 'CREATE OR REPLACE')) FROM pg_trigger t WHERE t.tgrelid = 'notes'::regclass AND t.tgname IN ('~~tenancy_keep_row', '~~tenancy_keep_rows') ORDER BY t.tgname;
SET tenancy.guard_rails = off;
SELECT * FROM replacements ORDER BY 1;
RESET tenancy.guard_rails;
DROP VIEW replacements;
-- The settings stay with a table whose columns are renamed, which is protected anew, renamed, or replaced.
CREATE VIEW followed AS
SELECT c.relname, k.kind, k.content, EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'tenancy_retention') AS policy,
       (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname LIKE '~~tenancy\_keep\_row%' AND t.tgenabled = 'A') AS triggers
FROM pg_class c LEFT JOIN tenancy_internal.kept_tables k ON k.relation = c.oid WHERE c.relnamespace = 'app'::regnamespace AND c.relname ~ '^(notes|calls)' AND c.relkind IN ('r', 'p');
SELECT * FROM followed ORDER BY 1;
ALTER TABLE calls RENAME COLUMN body TO content;
ALTER TABLE notes RENAME COLUMN workspace_id TO area;
ALTER TABLE notes RENAME COLUMN organization_id TO tenant;
ALTER TABLE calls DROP COLUMN places;
INSERT INTO calls VALUES (4, :acme, :search, NULL, 'secret');
INSERT INTO calls_old VALUES (5, :acme, :search, NULL, 'secret');
INSERT INTO notes (id, day, tenant, area, body) VALUES (5, '2026-01-08', :acme, :search, 'secret');
SELECT id, content FROM calls WHERE id IN (4, 5) UNION ALL SELECT id, body FROM notes WHERE id = 5;
SELECT tried(w) FROM unnest(ARRAY['ALTER TABLE calls RENAME received_at TO x', 'ALTER TABLE calls DROP COLUMN received_at CASCADE', 'DROP TRIGGER "~~tenancy_keep_row" ON calls', 'DROP TRIGGER "~~tenancy_keep_rows" ON notes_1',
  'DROP POLICY tenancy_retention ON calls_old']) w;
-- protected by another column, and by one that is not possible
ALTER TABLE calls ADD COLUMN place uuid, ADD COLUMN number int;
SELECT failure($$SELECT tenancy.protect('calls', 'logs', organization => 'number')$$);
SELECT tenancy.protect('calls', 'logs', organization => 'organization_id', workspace => 'place');
SELECT tenancy.set_logging('acme', 'store_content', 'full'), tenancy.set_logging('acme', 'store_content', 'metadata', 'acme/support');
INSERT INTO calls (id, organization_id, workspace_id, place, content) VALUES (6, :acme, :search, :support, 'secret'), (7, :acme, :support, :search, 'open');
SELECT id, content FROM calls WHERE id IN (6, 7) ORDER BY 1;
SELECT * FROM followed ORDER BY 1;
-- a swap, and a table dropped and made again
CREATE TABLE calls_2 (id int, organization_id uuid, workspace_id uuid, place uuid, user_id uuid, content text);
BEGIN;
ALTER TABLE calls RENAME TO calls_before;
ALTER TABLE calls_2 RENAME TO calls;
COMMIT;
DROP TABLE notes;
CREATE TABLE notes (id int, tenant uuid, area uuid, user_id uuid, body text, detail jsonb);
SELECT * FROM followed ORDER BY 1;
INSERT INTO calls (id, organization_id, place, content) VALUES (8, :acme, :support, 'secret');
INSERT INTO notes (id, tenant, area, body, detail) VALUES (8, :acme, :support, 'secret', '"secret"');
SELECT id, content FROM calls UNION ALL SELECT id, body FROM notes;
-- One that cannot follow them as its predecessor did is closed.
DROP TABLE notes;
CREATE TABLE notes (id int, tenant uuid, area uuid, user_id uuid, body text);
SELECT tenancy_internal.is_closed('notes');
DROP TABLE notes;
SELECT k.relation FROM tenancy_internal.kept_tables k ORDER BY 1;
SELECT tenancy.forget('notes');
SELECT tenancy.unprotect('calls'), tenancy.unprotect('calls_before');
SELECT schema_name, table_name FROM tenancy.protected_names WHERE kept_kind IS NOT NULL;
REVOKE ALL ON SCHEMA app FROM regress_loader;
DROP ROLE regress_loader;
