-- The row triggers that protect() puts on tables: partitions get them whoever creates these, and on other tables they refuse.
-- And errors of a table owner's code that handlers pass over.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
\set VERBOSITY terse
SET ROLE regress_owner;
CREATE TABLE chats (LIKE logs INCLUDING ALL);
CREATE TABLE filled (id int, organization_id uuid, workspace_id uuid, body text) PARTITION BY RANGE (id);
CREATE TABLE copied (id int, chat_id int REFERENCES chats, other_id int REFERENCES chats) PARTITION BY RANGE (id);
CREATE TABLE moved (id int PRIMARY KEY, organization_id uuid, workspace_id uuid) PARTITION BY RANGE (id);
CREATE TABLE moved_1 PARTITION OF moved FOR VALUES FROM (1) TO (2);
CREATE TABLE moving (id int, moved_id int REFERENCES moved, chat_id int REFERENCES chats);
GRANT ALL ON chats, filled, copied, moved, moving TO regress_app;
RESET ROLE;
INSERT INTO chats SELECT * FROM logs;
SELECT tenancy.protect('chats', 'logs', 'organization_id', 'workspace_id'),
       tenancy.protect('filled', 'logs', 'organization_id', 'workspace_id', fill_nulls => true),
       tenancy.protect('copied', 'logs', through => '{chat_id,other_id}'),
       tenancy.protect('moved', 'logs', 'organization_id', 'workspace_id'),
       tenancy.protect('moving', 'logs', through => '{moved_id,chat_id}');

-- The owner is no superuser, and creates and attaches partitions.
SET ROLE regress_owner;
SELECT rolsuper, has_schema_privilege('tenancy_internal', 'USAGE') FROM pg_roles WHERE rolname = current_user;
CREATE TABLE filled_1 PARTITION OF filled FOR VALUES FROM (1) TO (2);
CREATE TABLE filled_2 (LIKE filled INCLUDING DEFAULTS);
ALTER TABLE filled ATTACH PARTITION filled_2 FOR VALUES FROM (2) TO (3);
CREATE TABLE copied_1 PARTITION OF copied FOR VALUES FROM (1) TO (2);
CREATE TABLE copied_2 (LIKE copied INCLUDING DEFAULTS, FOREIGN KEY (chat_id) REFERENCES chats, FOREIGN KEY (other_id) REFERENCES chats);
ALTER TABLE copied ATTACH PARTITION copied_2 FOR VALUES FROM (2) TO (3);
CREATE TABLE moved_2 PARTITION OF moved FOR VALUES FROM (2) TO (3);
RESET ROLE;
SELECT t.tgrelid::regclass, t.tgname, t.tgfoid::regproc FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
WHERE p.pronamespace = 'tenancy_internal'::regnamespace AND t.tgparentid <> 0 ORDER BY t.tgrelid::regclass::text, t.tgname;
SELECT t.relation, i.problem FROM tenancy.protected_tables t, tenancy_internal.inspect_protection(t.relation) i ORDER BY 1;
SET SESSION AUTHORIZATION regress_app;
BEGIN;
CALL become('olivia', true);
INSERT INTO filled VALUES (1, NULL, 'aaaaaaaa-0000-4000-8000-000000000002'), (2, NULL, 'aaaaaaaa-0000-4000-8000-000000000002')
RETURNING tableoid::regclass, right(organization_id::text, 1) AS organization, right(workspace_id::text, 1) AS workspace;
INSERT INTO copied SELECT n, c.id, c.id FROM generate_series(1, 2) n, (SELECT min(id) AS id FROM chats WHERE workspace_id IS NOT NULL) c
RETURNING tableoid::regclass, organization_id IS NOT NULL AS organization, workspace_id IS NOT NULL AS workspace;
COMMIT;
RESET SESSION AUTHORIZATION;
INSERT INTO moved VALUES (2, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002');
INSERT INTO moving VALUES (1, 2, NULL);
UPDATE moved SET workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003';
SELECT id, right(workspace_id::text, 1) AS workspace FROM moving;

-- Whatever writes a row runs before all that judge it, on a table with everything that protect() and apply_logging_settings() make.
CREATE TABLE whole (id int, moved_id int REFERENCES moved, published boolean DEFAULT false, body text) PARTITION BY RANGE (id);
CREATE TABLE whole_1 PARTITION OF whole FOR VALUES FROM (1) TO (2);
SELECT FROM tenancy.protect('whole', 'prompts', through => '{moved_id}', fill_nulls => true, actions => '{"publish": ["published"]}');
SELECT tenancy.apply_logging_settings('whole', 'logs', '{body}');
CREATE VIEW before_row AS
  SELECT t.tgrelid::regclass AS relation, t.tgname COLLATE "C" AS name, p.proname AS function, p.prosrc AS source, e.event
  FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid, (VALUES ('INSERT', 4), ('UPDATE', 16)) e (event, bit)
  WHERE p.pronamespace = 'tenancy_internal'::regnamespace AND NOT t.tgisinternal AND t.tgtype::int & 3 = 3 AND t.tgtype::int & e.bit <> 0;
SELECT relation, event, string_agg(function, ', ' ORDER BY name) AS in_this_order FROM before_row WHERE relation::text ~ '^(whole|moved)' GROUP BY relation, event ORDER BY relation::text COLLATE "C", event;
-- On the catalogs, those that write behind others: each writes columns that nothing before it judges.
SELECT w.relation, w.event, w.function AS writes,
  (SELECT string_agg(DISTINCT coalesce(m[1], m[2]), ', ') FROM regexp_matches(w.source, 'NEW\.(\w+) :=|INTO (NEW\.[\w., ]*)', 'g') m) AS columns,
  string_agg(DISTINCT j.function, ', ' ORDER BY j.function) AS behind
FROM before_row w JOIN before_row j ON j.relation = w.relation AND j.event = w.event AND j.name < w.name
WHERE w.source ~ 'NEW\.\w+ :=|INTO NEW\.' GROUP BY w.relation, w.event, w.function, w.source ORDER BY w.relation::text COLLATE "C", 2, 3;
DROP VIEW before_row;
SELECT tenancy.ignore_logging_settings('whole'), tenancy.unprotect('whole');
DROP TABLE whole;

-- Triggers on tables of one's own are still nobody's to make.
SET ROLE regress_owner;
CREATE TABLE mine (id int, organization_id uuid, workspace_id uuid);
SELECT * FROM failure('CREATE TRIGGER t BEFORE INSERT ON mine FOR EACH ROW EXECUTE FUNCTION tenancy_internal.fill_nulls()');
SELECT * FROM failure('CREATE TRIGGER t BEFORE UPDATE ON mine FOR EACH ROW EXECUTE FUNCTION tenancy_internal.hold_parent()');
SELECT * FROM failure('CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON mine FROM moving FOR EACH ROW EXECUTE FUNCTION tenancy_internal.move_children()');
RESET ROLE;

-- Made by a superuser: at another event or time, or on a table that isn't protected so
INSERT INTO mine VALUES (1, 'bbbbbbbb-0000-4000-8000-000000000000', NULL);
CREATE FUNCTION fires(trigger text, statement text) RETURNS TABLE (state text, message text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE trigger;
  EXECUTE statement;
  RAISE 'no error';
EXCEPTION WHEN OTHERS THEN
  RETURN QUERY SELECT SQLSTATE, SQLERRM;
END
$$;
\set insert '''INSERT INTO mine VALUES (2)'''
\set update '''UPDATE mine SET id = 3'''
\set delete '''DELETE FROM mine'''
SELECT f.* FROM (VALUES
  ('BEFORE INSERT', 'ROW', 'fill_nulls()', :insert), ('BEFORE UPDATE', 'ROW', 'fill_nulls()', :update),
  ('AFTER INSERT', 'ROW', 'fill_nulls()', :insert), ('BEFORE INSERT', 'STATEMENT', 'fill_nulls()', :insert),
  ('BEFORE INSERT', 'ROW', 'take_from_parent()', :insert), ('BEFORE DELETE', 'ROW', 'take_from_parent()', :delete),
  ('AFTER INSERT', 'ROW', 'take_from_parent()', :insert), ('BEFORE UPDATE', 'STATEMENT', 'take_from_parent()', :update),
  ('BEFORE UPDATE', 'ROW', 'hold_parent()', :update), ('BEFORE INSERT', 'ROW', 'hold_parent()', :insert),
  ('BEFORE DELETE', 'ROW', 'hold_parent()', :delete), ('AFTER UPDATE', 'ROW', 'hold_parent()', :update),
  ('AFTER UPDATE', 'ROW', 'move_children()', :update), ('AFTER INSERT', 'ROW', 'move_children()', :insert),
  ('AFTER DELETE', 'ROW', 'move_children()', :delete), ('BEFORE UPDATE', 'ROW', 'move_children()', :update),
  ('AFTER UPDATE', 'STATEMENT', 'move_children()', :update),
  ('AFTER UPDATE', 'ROW', 'check_parents()', :update), ('AFTER DELETE', 'ROW', 'check_parents()', :delete),
  ('BEFORE INSERT', 'ROW', 'check_parents()', :insert)) t (time, level, function, statement)
CROSS JOIN LATERAL fires(format('CREATE TRIGGER t %s ON mine FOR EACH %s EXECUTE FUNCTION tenancy_internal.%s', t.time, t.level, t.function), t.statement) f;
-- Another's children don't move with one's own rows.
SELECT * FROM fires('CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON mine FROM moving FOR EACH ROW EXECUTE FUNCTION tenancy_internal.move_children()', :update);
SELECT * FROM fires('CREATE CONSTRAINT TRIGGER t AFTER INSERT ON mine FROM moving FOR EACH ROW EXECUTE FUNCTION tenancy_internal.move_children()', :insert);
SELECT * FROM fires('CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON mine FROM moving FOR EACH ROW EXECUTE FUNCTION tenancy_internal.check_parents(1)', :update);
SELECT * FROM fires('CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON mine FROM moving FOR EACH ROW EXECUTE FUNCTION tenancy_internal.check_parents(3)', :update);
SELECT right(workspace_id::text, 1) AS workspace FROM moving;

-- Code of a table's owner raises an error that WHEN OTHERS lets pass: the other advice is still given.
SET ROLE regress_owner;
CREATE TABLE noisy (id int, organization_id uuid, workspace_id uuid);
CREATE TABLE stray (id int, organization_id uuid, workspace_id uuid);
CREATE FUNCTION loud() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
CREATE INDEX noisy_organization ON noisy (organization_id) WHERE loud();
RESET ROLE;
INSERT INTO noisy VALUES (1, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002');
INSERT INTO stray VALUES (1, 'ffffffff-0000-4000-8000-00000000000f', NULL);
SELECT tenancy.protect('noisy', 'logs', 'organization_id', 'workspace_id'), tenancy.protect('stray', 'logs', 'organization_id', 'workspace_id');
CREATE OR REPLACE FUNCTION loud() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN ASSERT false, ''of the owner''; RETURN true; END';
ALTER INDEX noisy_organization RESET (fillfactor);  -- so that the condition is worked out anew
SELECT object, problem FROM tenancy.advise() WHERE rule = 'rows_without_tenant' ORDER BY 1;
CREATE OR REPLACE FUNCTION loud() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE ''of the owner'' USING ERRCODE = ''query_canceled''; END';
ALTER INDEX noisy_organization RESET (fillfactor);
SELECT object, problem FROM tenancy.advise() WHERE rule = 'rows_without_tenant' ORDER BY 1;
-- A timeout of the server stays one.
CREATE OR REPLACE FUNCTION loud() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM pg_sleep(20); RETURN true; END';
ALTER INDEX noisy_organization RESET (fillfactor);
SET statement_timeout = '1s';
SELECT count(*) FROM tenancy.advise();
RESET statement_timeout;
DROP FUNCTION loud() CASCADE;
DROP TABLE noisy, stray;
-- A superuser may put the extension's trigger functions on any table, in any way: what doesn't fit is an error.
SET client_min_messages = error;
CREATE TABLE plain (id int, organization_id uuid);
CREATE FUNCTION fires(function regproc, moment text, level text, event text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER "~t" %s %s ON plain FOR EACH %s EXECUTE FUNCTION %s()', moment, event, level, function);
  INSERT INTO plain VALUES (1, NULL);
  UPDATE plain SET id = 2;
  DELETE FROM plain;
  TRUNCATE plain;
  RAISE EXCEPTION USING ERRCODE = 'TEST0', MESSAGE = 'nothing';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END
$$;
SELECT p.proname, string_agg(DISTINCT fires(p.oid::regproc, m.moment, l.level, e.event), ' ' ) AS outcomes
FROM pg_proc p, unnest('{BEFORE,AFTER}'::text[]) m (moment), unnest('{ROW,STATEMENT}'::text[]) l (level), unnest('{INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) e (event)
WHERE p.pronamespace::regnamespace::text ~ '^tenancy' AND p.prorettype = 'trigger'::regtype AND (e.event <> 'TRUNCATE' OR l.level = 'STATEMENT')
GROUP BY p.proname ORDER BY p.proname COLLATE "C";
DROP TABLE plain;
RESET client_min_messages;
