-- Rows under a legal hold leave the default partition for a new one of their time; and all kinds of statements that would remove or
-- change them.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set held :srcdir '/sql/include/held.sql'
\i :held
\pset format unaligned
SET client_min_messages = error;
SET TimeZone = 'UTC';
\set VERBOSITY terse
CREATE TABLE times (gone int, id int, start_time timestamptz NOT NULL, organization_id uuid, workspace_id uuid, body text, size int GENERATED ALWAYS AS (length(body)) STORED)
  PARTITION BY RANGE (start_time);
CREATE TABLE times_default PARTITION OF times DEFAULT;
ALTER TABLE times DROP COLUMN gone;
\o /dev/null
SELECT tenancy.protect('times', 'logs', 'organization_id', 'workspace_id');
SELECT tenancy.apply_logging_settings('times', 'logs', '{body}');
\o
INSERT INTO times (id, start_time, organization_id, workspace_id, body) VALUES (1, '2026-03-01 05:00', :acme, :search, 'secret'), (2, '2026-03-01 06:00', :acme, :support, 'open'),
  (3, '2026-03-02', :acme, :search, 'next'), (5, '2026-03-02 01:00', :acme, :search, 'last'), (4, '2026-03-01 07:00', :acme, :search, repeat(md5('long'), 20000));
UPDATE times SET received_at = received_at;
-- What older rows do not contain, and a row that was rolled back
ALTER TABLE times ADD COLUMN extra int DEFAULT 7;
CREATE TABLE seen (what text);
CREATE FUNCTION sees() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO app.seen VALUES (TG_OP || '' '' || TG_TABLE_NAME); RETURN coalesce(NEW, OLD); END';
CREATE TRIGGER a AFTER INSERT OR DELETE ON times FOR EACH ROW EXECUTE FUNCTION sees();
CREATE TABLE referring (log_id int, at timestamptz);
CREATE UNIQUE INDEX ON times (id, start_time);
ALTER TABLE referring ADD FOREIGN KEY (log_id, at) REFERENCES times (id, start_time);
INSERT INTO referring VALUES (1, '2026-03-01 05:00');
SELECT tenancy.set_logging('acme', 'legal_hold', 'on', 'acme/search'), tenancy.set_logging('acme', 'store_content', 'metadata', 'acme/support');
SELECT received_at AS before FROM times WHERE id = 1 \gset
SET client_min_messages = notice;
SELECT tenancy_steps.create_partition('times', 'day', '2026-03-01 12:00');
SET client_min_messages = error;
SELECT tableoid::regclass, id, left(body, 10) AS body, length(body), size, extra, start_time, received_at = :'before' AS received_then FROM times ORDER BY id;
SELECT count(*) FROM seen;
SELECT id FROM times WHERE (id, start_time) = (1, '2026-03-01 05:00');
-- Held there as well, and the hold is that of the same rows
SELECT w, tried(w) FROM unnest(ARRAY['DELETE FROM times WHERE id = 1', 'DELETE FROM times WHERE id = 2', 'TRUNCATE times_p20260301', 'DROP TABLE times_p20260301', 'ALTER TABLE times DETACH PARTITION times_p20260301',
  'ALTER TABLE times_p20260301 SET UNLOGGED', 'DROP TABLE times_default', 'DELETE FROM referring; DELETE FROM times WHERE id = 1', 'UPDATE times SET start_time = ''2026-03-05'' WHERE id = 3', 'UPDATE times SET start_time = ''2026-03-01'' WHERE id = 3']) w;
-- By others, or with other tables, it moves nothing.
CREATE TABLE to_come (LIKE times INCLUDING ALL);
CREATE TABLE copy (LIKE times INCLUDING DEFAULTS INCLUDING GENERATED);
CREATE TABLE less (id int, start_time timestamptz NOT NULL, organization_id uuid, workspace_id uuid, received_at timestamptz NOT NULL, extra int);
CREATE TABLE other (LIKE less) PARTITION BY LIST (id);
CREATE TABLE other_default PARTITION OF other DEFAULT;
CREATE FUNCTION attached(partition text, default_partition text DEFAULT 'times_default', first timestamptz DEFAULT '2026-03-02') RETURNS text LANGUAGE sql AS $$
  SELECT app.tried(format('SELECT tenancy_steps.attach_with_rows(%L, %L, %L, %L)', partition, default_partition, first, first + interval '1 day'))
$$;
SELECT attached('copy'), attached('to_come'), attached('less'), attached('copy', 'times_p20260301'), attached('copy', 'seen'), attached('copy', 'other_default'), attached('times'), attached('times_default'),
  attached('copy', first => '2026-03-01');
GRANT ALL ON ALL TABLES IN SCHEMA app TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SELECT attached('copy'), attached('copy', 'other_default');
RESET SESSION AUTHORIZATION;
-- A row of an earlier function's in the same statement, in the place of a held one; a foreign key that would not follow
CREATE FUNCTION forged() RETURNS int LANGUAGE sql AS $$ INSERT INTO app.copy (id, start_time, organization_id, workspace_id, body) SELECT 3, start_time, organization_id, workspace_id, 'forged' FROM app.times WHERE id = 3 RETURNING id $$;
SELECT tried('SELECT app.forged(), tenancy_steps.attach_with_rows(''copy'', ''times_default'', ''2026-03-02'', ''2026-03-03'')'), tried('INSERT INTO app.copy (start_time) VALUES (''2026-03-02''); SELECT tenancy_steps.attach_with_rows(''copy'', ''times_default'', ''2026-03-02'', ''2026-03-03'')');
CREATE UNIQUE INDEX alone ON times_default (id);
CREATE TABLE referring_alone (id int REFERENCES times_default (id));
SELECT attached('copy'), attached('copy', first => '2026-03-07');
DROP TABLE referring_alone;
DROP INDEX alone;
SELECT attached('copy');
-- Functions of the owner's that change the rows while they have no triggers yet: in an index, in a constraint
CREATE FUNCTION writes() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.is_armed', 'off', true);
  EXECUTE current_setting('app.statement');
  RETURN 1;
END
$$;
CREATE FUNCTION number(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('app.is_armed', true) = 'on' AND i = 5 AND to_regclass('app.times_p20260302') IS NOT NULL THEN
    PERFORM app.writes();
  END IF;
  RETURN i;
END
$$;
CREATE INDEX by_number ON times USING brin (number(id));
CREATE FUNCTION created(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.statement', created.statement, true), set_config('app.is_armed', 'on', true);
  RETURN app.tried('SELECT tenancy_steps.create_partition(''app.times'', ''day'', ''2026-03-02'')');
END
$$;
CREATE TABLE statements (n int, statement text);
INSERT INTO statements VALUES (1, 'DELETE FROM app.times_p20260302'), (2, 'UPDATE app.times_p20260302 SET body = NULL'), (3, 'UPDATE app.times_p20260302 SET extra = 1'),
  (4, 'INSERT INTO app.times_p20260302 (id, start_time, body) SELECT id, start_time, body FROM app.times'), (5, 'TRUNCATE app.times_p20260302'), (6, 'DROP TABLE app.times_p20260302'), (7, 'SELECT'), (8, 'DELETE FROM app.times'), (9, 'ROLLBACK');
SELECT n, created(statement) FROM statements ORDER BY n;
DROP INDEX by_number;
ALTER TABLE times ADD CONSTRAINT numbered CHECK (number(id) > 0) NOT VALID;
SELECT n, created(statement) FROM statements ORDER BY n;
ALTER TABLE times DROP CONSTRAINT numbered;
-- A constraint that was never validated
ALTER TABLE times ADD CONSTRAINT short CHECK (length(body) < 2) NOT VALID;
SELECT created('SELECT');
ALTER TABLE times DROP CONSTRAINT short;
SELECT tableoid::regclass, id, left(body, 10) AS body FROM times ORDER BY id;

-- Statements of all kinds, triggers' and rules' included
CREATE TABLE notes (id int PRIMARY KEY, parent int, organization_id uuid, workspace_id uuid, state text, body text);
CREATE TABLE parents (id int PRIMARY KEY);
INSERT INTO parents VALUES (1), (2), (3);
ALTER TABLE notes ADD CONSTRAINT of_parent FOREIGN KEY (parent) REFERENCES parents ON DELETE CASCADE ON UPDATE CASCADE;
\o /dev/null
SELECT tenancy.protect('notes', 'logs', 'organization_id', 'workspace_id');
SELECT tenancy.apply_logging_settings('notes', 'logs', '{body}');
\o
INSERT INTO notes VALUES (1, 1, :acme, :search, 'new', 'secret'), (2, 2, :acme, :support, 'new', 'open');
CREATE VIEW shown AS SELECT id, body, state FROM notes;
CREATE RULE r AS ON UPDATE TO parents WHERE NEW.id = 9 DO ALSO DELETE FROM notes WHERE parent = OLD.id;
CREATE FUNCTION removes() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM app.notes WHERE id = OLD.id; RETURN NEW; END';
SELECT w, tried(w) FROM unnest(ARRAY[
  'DELETE FROM parents WHERE id = 1', 'DELETE FROM parents WHERE id = 2', 'UPDATE parents SET id = 9 WHERE id = 1', 'UPDATE parents SET id = 7 WHERE id = 1', 'TRUNCATE parents CASCADE',
  'DELETE FROM shown', 'UPDATE shown SET body = NULL', 'UPDATE shown SET body = NULL WHERE id = 2', 'WITH d AS (DELETE FROM notes RETURNING *) SELECT FROM d',
  'INSERT INTO notes (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET body = ''''', 'INSERT INTO notes (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET workspace_id = NULL', 'INSERT INTO notes (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET state = ''x''',
  'MERGE INTO notes n USING parents p ON n.parent = p.id WHEN MATCHED THEN DELETE', 'MERGE INTO notes n USING parents p ON n.parent = p.id WHEN MATCHED THEN UPDATE SET body = p.id::text',
  'CREATE TRIGGER a BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION removes(); UPDATE notes SET state = ''x'' WHERE id = 1',
  'CREATE RULE i AS ON UPDATE TO notes DO INSTEAD DELETE FROM notes WHERE id = OLD.id; UPDATE notes SET state = ''x''',
  'SET session_replication_role = replica; DELETE FROM notes', 'SET session_replication_role = replica; TRUNCATE notes', 'DO ''DECLARE c CURSOR FOR SELECT FROM app.notes WHERE id = 1 FOR UPDATE; BEGIN FOR r IN c LOOP DELETE FROM app.notes WHERE CURRENT OF c; END LOOP; END''',
  'ALTER TABLE notes SET UNLOGGED', 'CREATE TABLE notes_2 () INHERITS (notes); ALTER TABLE notes_2 SET UNLOGGED', 'CREATE UNLOGGED TABLE notes_2 () INHERITS (notes)', 'ALTER TABLE notes RENAME TO n; ALTER TABLE n DROP COLUMN body']) w;
RESET session_replication_role;
-- Rows that take their tenant from a parent: their reference, the parent's place, the parent itself
CREATE TABLE chats (id int PRIMARY KEY, organization_id uuid, workspace_id uuid);
CREATE TABLE said (id int, chat_id int REFERENCES chats ON DELETE CASCADE, organization_id uuid, workspace_id uuid, body text);
\o /dev/null
SELECT tenancy.protect('chats', 'logs', 'organization_id', 'workspace_id');
SELECT tenancy.protect('said', 'logs', through => '{chat_id}');
SELECT tenancy.apply_logging_settings('said', 'logs', '{body}');
\o
INSERT INTO chats VALUES (1, :acme, :search), (2, :acme, :support), (3, :acme, :search);
INSERT INTO said (id, chat_id, body) VALUES (1, 1, 'secret'), (2, 2, 'open');
SELECT id, chat_id, body FROM said ORDER BY id;
SELECT w, tried(w) FROM unnest(ARRAY['UPDATE said SET chat_id = 2 WHERE id = 1', 'UPDATE said SET chat_id = NULL WHERE id = 1', 'UPDATE said SET chat_id = 3 WHERE id = 1', 'UPDATE said SET chat_id = 1 WHERE id = 2', 'UPDATE said SET chat_id = 2, workspace_id = DEFAULT WHERE id = 1',
  'UPDATE chats SET workspace_id = ''aaaaaaaa-0000-4000-8000-000000000003'' WHERE id = 1', 'UPDATE chats SET workspace_id = ''aaaaaaaa-0000-4000-8000-000000000003'' WHERE id = 3', 'DELETE FROM chats WHERE id = 1', 'DELETE FROM chats WHERE id = 2',
  'SET LOCAL tenancy.guard_rails = off; ALTER TABLE said DISABLE TRIGGER "~tenancy_update"; SET LOCAL tenancy.guard_rails = on; UPDATE said SET chat_id = 2 WHERE id = 1', 'INSERT INTO said (id, chat_id, body) VALUES (3, 2, ''new''); UPDATE said SET body = 1 / (body = ''new'')::int WHERE id = 3']) w;
UPDATE said SET chat_id = 2, body = 'moved' WHERE id = 1;
UPDATE said SET chat_id = 3, body = 'other' WHERE id = 2;
UPDATE said SET chat_id = 2 WHERE id = 2;
SELECT id, chat_id, right(workspace_id::text, 1) AS workspace, body FROM said ORDER BY id;
-- Generated columns, also where a restore is pretended
SET check_function_bodies = off;
SELECT tried('ALTER TABLE times DROP COLUMN size, ADD COLUMN size int');
CREATE TABLE made (id int, region int, organization_id uuid, workspace_id uuid, raw text);
\o /dev/null
SELECT tenancy.protect('made', 'logs', 'organization_id', 'workspace_id');
SELECT tenancy.apply_logging_settings('made', 'logs', '{raw}');
\o
ALTER TABLE made DROP COLUMN raw, ADD COLUMN raw text GENERATED ALWAYS AS (region::text) STORED;
RESET check_function_bodies;
SELECT w, tried(w) FROM unnest(ARRAY['INSERT INTO made (id, region, organization_id, workspace_id) VALUES (1, 1, ''aaaaaaaa-0000-4000-8000-000000000000'', ''aaaaaaaa-0000-4000-8000-000000000003'')',
  'INSERT INTO made (id, region) VALUES (1, 1)', 'TRUNCATE made', 'DROP TABLE made']) w;
-- An unlogged table, and one that has left its parent
DROP RULE r ON parents;
CREATE UNLOGGED TABLE fast (LIKE notes INCLUDING DEFAULTS);
CREATE TABLE former () INHERITS (notes);
ALTER TABLE former NO INHERIT notes;
\o /dev/null
SELECT tenancy.protect('fast', 'logs', 'organization_id', 'workspace_id');
\o
SELECT tried('SELECT tenancy.apply_logging_settings(''fast'', ''logs'')');
SELECT severity, object, problem, fix_sql FROM tenancy.advise() WHERE rule = 'protection_broken' ORDER BY 2;
SELECT tenancy.reset_logging('acme', 'legal_hold', 'acme/search');
SELECT w, replace(tried(w), 'fkey_2', 'fkey2') AS tried FROM unnest(ARRAY['DELETE FROM times', 'DELETE FROM referring; DELETE FROM times', 'ALTER TABLE notes SET UNLOGGED', 'UPDATE shown SET body = NULL', 'DELETE FROM parents WHERE id = 1', 'TRUNCATE parents CASCADE', 'DROP TABLE former']) w;
-- A row keeps the content that it has in its partition: it does not move to one where less is content.
CREATE TABLE mixed (id int, at timestamptz, organization_id uuid, workspace_id uuid, body text, note text) PARTITION BY RANGE (at);
CREATE TABLE mixed_default PARTITION OF mixed DEFAULT;
CREATE TABLE mixed_1 PARTITION OF mixed FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE mixed_2 PARTITION OF mixed FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
\o /dev/null
SELECT tenancy.protect('mixed', 'logs', 'organization_id', 'workspace_id');
SELECT tenancy.apply_logging_settings('mixed', 'logs', '{body}');
SELECT tenancy.apply_logging_settings(t, 'logs', '{note}') FROM unnest('{mixed_1,mixed_default}'::regclass[]) t;
\o
INSERT INTO mixed VALUES (1, '2026-01-05', :acme, :search, 'B', 'N'), (2, '2026-01-05', :acme, :support, 'B', 'N'), (3, '2026-02-05', :acme, :search, 'B', 'N'),
  (4, '2026-05-05', :acme, :search, 'B', 'N');
SELECT tenancy.set_logging('acme', 'legal_hold', 'on', 'acme/search') \gset
SELECT s, tried(s) FROM unnest(ARRAY['UPDATE mixed SET at = ''2026-02-05'' WHERE id = 1', 'UPDATE mixed SET at = ''2026-01-06'' WHERE id = 1', 'UPDATE mixed SET at = ''2026-02-05'' WHERE id = 2',
  'UPDATE mixed SET at = ''2026-01-05'' WHERE id = 3', 'UPDATE mixed SET note = ''x'' WHERE id = 1', 'UPDATE mixed SET note = ''x'' WHERE id = 3',
  'CREATE TABLE mixed_5 (LIKE mixed); SELECT tenancy_steps.attach_with_rows(''mixed_5'', ''mixed_default'', ''2026-05-01'', ''2026-06-01'')',
  'CREATE TABLE mixed_6 (LIKE mixed); SELECT tenancy_steps.attach_with_rows(''mixed_6'', ''mixed_default'', ''2026-06-01'', ''2026-07-01'')',
  'SELECT tenancy.apply_logging_settings(''mixed'', ''logs'', ''{body,note}''); CREATE TABLE mixed_5 (LIKE mixed); SELECT tenancy_steps.attach_with_rows(''mixed_5'', ''mixed_default'', ''2026-05-01'', ''2026-06-01'')']) s;
SELECT tenancy.reset_logging('acme', 'legal_hold', 'acme/search') \gset
-- A job's functions are of no use to those who could keep everybody's holds away.
CREATE ROLE regress_keeper;
ALTER TABLE mixed_2 OWNER TO regress_keeper;
SET ROLE regress_keeper;
SELECT tenancy_steps.keep_holds_away_from('app.mixed_2');
SELECT tenancy_steps.settle_changes();
RESET ROLE;
ALTER ROLE regress_keeper BYPASSRLS;
SET ROLE regress_keeper;
SELECT tenancy_steps.keep_holds_away_from('app.mixed_2'), tenancy_steps.settle_changes();
RESET ROLE;
ALTER TABLE mixed_2 OWNER TO CURRENT_USER;
DROP ROLE regress_keeper;
