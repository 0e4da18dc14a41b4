-- A schema is renamed, and another one with views in its tables' places takes its name: the triggers of child
-- tables go on with the tables, and run nothing of the views.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
\set VERBOSITY terse
SELECT format('GRANT CREATE ON DATABASE %I TO regress_plain', current_database()) AS allow, format('REVOKE CREATE ON DATABASE %I FROM regress_plain', current_database()) AS disallow \gset
:allow;
-- The owner of the schemas isn't the one of the tables.
CREATE SCHEMA places AUTHORIZATION regress_plain;
CREATE SCHEMA things AUTHORIZATION regress_plain;
GRANT USAGE, CREATE ON SCHEMA places, things TO regress_owner;
GRANT USAGE ON SCHEMA places, things TO PUBLIC;
SET ROLE regress_owner;
CREATE TABLE places.rooms (id int PRIMARY KEY, organization_id uuid, workspace_id uuid);
CREATE TABLE places.shelves (id int PRIMARY KEY, organization_id uuid, workspace_id uuid);
CREATE TABLE things.chairs (id int PRIMARY KEY, room int REFERENCES places.rooms);
CREATE TABLE things.books (id int PRIMARY KEY, room int REFERENCES places.rooms, shelf int REFERENCES places.shelves);
-- Its own column decides nothing, so that the policies ask for the parent.
CREATE TABLE things.notes (id int PRIMARY KEY, room int REFERENCES places.rooms, organization_id uuid, workspace_id uuid, owner uuid);
GRANT ALL ON ALL TABLES IN SCHEMA places, things TO PUBLIC;
RESET ROLE;
SELECT tenancy.protect('places.rooms', 'prompts', organization => 'organization_id', workspace => 'workspace_id', create_indexes => true);
SELECT tenancy.protect('places.shelves', 'prompts', organization => 'organization_id', workspace => 'workspace_id', create_indexes => true);
SELECT tenancy.protect('things.chairs', 'prompts', through => '{room}', create_indexes => true);
SELECT tenancy.protect('things.books', 'prompts', through => '{room,shelf}', create_indexes => true);
SELECT tenancy.protect('things.notes', 'prompts', through => '{room}', owner => 'owner', create_indexes => true);
INSERT INTO places.rooms VALUES
  (1, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002'),
  (2, 'bbbbbbbb-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000002'),
  (3, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002');
INSERT INTO places.shelves SELECT * FROM places.rooms;

-- What the views call, and as whom
CREATE SCHEMA loot;
CREATE TABLE loot.taken (who name, what text);
GRANT USAGE, CREATE ON SCHEMA loot TO PUBLIC;
GRANT ALL ON loot.taken TO PUBLIC;
SET ROLE regress_plain;
CREATE FUNCTION loot.take(what text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO loot.taken VALUES (current_user, what); RETURN 1; END $$;
CREATE FUNCTION loot.take_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM loot.take(TG_TABLE_NAME); RETURN NULL; END $$;
CREATE PROCEDURE loot.take_places() LANGUAGE plpgsql AS $$
DECLARE
  the_table text;
BEGIN
  ALTER SCHEMA places RENAME TO old_places;
  CREATE SCHEMA places;
  GRANT USAGE ON SCHEMA places TO PUBLIC;
  FOREACH the_table IN ARRAY ARRAY['rooms', 'shelves'] LOOP
    EXECUTE format($view$CREATE VIEW places.%I AS SELECT n * loot.take(%L) AS id, 'aaaaaaaa-0000-4000-8000-000000000000'::uuid AS organization_id, 'aaaaaaaa-0000-4000-8000-000000000003'::uuid AS workspace_id FROM generate_series(1, 3) n$view$, the_table, the_table);
  END LOOP;
  GRANT ALL ON ALL TABLES IN SCHEMA places TO PUBLIC;
END $$;
CREATE PROCEDURE loot.give_places() LANGUAGE plpgsql AS $$ BEGIN
  DROP SCHEMA places CASCADE;
  ALTER SCHEMA old_places RENAME TO places;
END $$;
CREATE PROCEDURE loot.take_things() LANGUAGE plpgsql AS $$
DECLARE
  the_table text;
BEGIN
  ALTER SCHEMA things RENAME TO old_things;
  CREATE SCHEMA things;
  GRANT USAGE ON SCHEMA things TO PUBLIC;
  FOREACH the_table IN ARRAY ARRAY['chairs', 'books', 'notes'] LOOP
    EXECUTE format('CREATE VIEW things.%I AS SELECT loot.take(%L) AS id, 1 AS room, 1 AS shelf, NULL::uuid AS organization_id, NULL::uuid AS workspace_id', the_table, the_table);
    EXECUTE format('CREATE TRIGGER take INSTEAD OF UPDATE ON things.%I FOR EACH ROW EXECUTE FUNCTION loot.take_row()', the_table);
  END LOOP;
  GRANT ALL ON ALL TABLES IN SCHEMA things TO PUBLIC;
END $$;
CREATE PROCEDURE loot.give_things() LANGUAGE plpgsql AS $$ BEGIN
  DROP SCHEMA things CASCADE;
  ALTER SCHEMA old_things RENAME TO things;
END $$;
RESET ROLE;

-- The plans are made.
SET SESSION AUTHORIZATION regress_app;
CALL become('adam');
INSERT INTO things.chairs (id, room) VALUES (1, 1);
INSERT INTO things.books (id, room, shelf) VALUES (1, 1, 1);
INSERT INTO things.notes (id, room) VALUES (1, 1);
RESET SESSION AUTHORIZATION;
UPDATE places.rooms SET workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003' WHERE id = 1;
UPDATE places.rooms SET workspace_id = 'aaaaaaaa-0000-4000-8000-000000000002' WHERE id = 1;
UPDATE places.shelves SET workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003' WHERE id = 1;

-- Rows are written while the parents have another name.
SET ROLE regress_plain;
CALL loot.take_places();
SET SESSION AUTHORIZATION regress_app;
CALL become('adam');
INSERT INTO things.chairs (id, room) VALUES (2, 1) RETURNING left(organization_id::text, 1) AS organization, right(workspace_id::text, 1) AS workspace;
INSERT INTO things.books (id, room, shelf) VALUES (2, 1, 1) RETURNING left(organization_id::text, 1) AS organization, right(workspace_id::text, 1) AS workspace;
INSERT INTO things.notes (id, room) VALUES (2, 1) RETURNING left(organization_id::text, 1) AS organization, right(workspace_id::text, 1) AS workspace;
UPDATE things.chairs SET room = 3 WHERE id = 1 RETURNING left(organization_id::text, 1) AS organization, right(workspace_id::text, 1) AS workspace;
UPDATE things.books SET shelf = 3 WHERE id = 1 RETURNING left(organization_id::text, 1) AS organization, right(workspace_id::text, 1) AS workspace;
UPDATE things.notes SET room = 3 WHERE id = 1 RETURNING left(organization_id::text, 1) AS organization, right(workspace_id::text, 1) AS workspace;
SELECT * FROM failure('INSERT INTO things.chairs (id, room) VALUES (3, 2)');
CALL become('nobody');
RESET SESSION AUTHORIZATION;
TABLE loot.taken;
TRUNCATE loot.taken;
SET ROLE regress_plain;
CALL loot.give_places();
RESET ROLE;

-- Parents move while their children have another name.
SET ROLE regress_plain;
CALL loot.take_things();
RESET ROLE;
UPDATE places.rooms SET workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003' WHERE id = 1;
SELECT * FROM failure($$UPDATE places.shelves SET organization_id = 'bbbbbbbb-0000-4000-8000-000000000000', workspace_id = 'bbbbbbbb-0000-4000-8000-000000000002' WHERE id = 1; SET CONSTRAINTS ALL IMMEDIATE$$);
TABLE loot.taken;
TRUNCATE loot.taken;
SET ROLE regress_plain;
CALL loot.give_things();
RESET ROLE;
SELECT 'chairs' AS relation, right(workspace_id::text, 1) AS workspace FROM things.chairs UNION ALL
SELECT 'books', right(workspace_id::text, 1) FROM things.books UNION ALL
SELECT 'notes', right(workspace_id::text, 1) FROM things.notes ORDER BY 1, 2;

-- The names are compared each time when they have been looked up: of the tables in their order, and of operators.
CREATE OPERATOR loot.= (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
CREATE FUNCTION meant(meant text, sql text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('/* tenancy means %s */ %s', meant, sql); RETURN 'accepted'; EXCEPTION WHEN object_not_in_prerequisite_state THEN RETURN SQLERRM; END $$;
SELECT 'places.rooms'::regclass::oid AS rooms, 'places.shelves'::regclass::oid AS shelves, 'loot.=(int,int)'::regoperator::oid AS equal \gset
SELECT meant(:'shelves' || ' =', 'SELECT FROM places.rooms'), meant(:'rooms' || ' =', 'SELECT FROM places.rooms');
SELECT meant(:'rooms' || ' ' || :'shelves' || ' =', 'UPDATE places.rooms r SET id = r.id FROM places.shelves s WHERE r.id = s.id AND false'),
  meant(:'rooms' || ' ' || :'shelves' || ' =', 'UPDATE places.shelves s SET id = s.id FROM places.rooms r WHERE r.id = s.id AND false');
SELECT meant(:'rooms' || ' ' || :'shelves' || ' =', 'SELECT FROM (SELECT FROM places.shelves, places.rooms) one'),
  meant(:'rooms' || ' ' || :'shelves' || ' =', 'SELECT FROM places.rooms'), meant(:'rooms' || ' =', 'SELECT FROM places.rooms WHERE EXISTS (SELECT FROM places.shelves)');
SELECT meant(:'rooms' || ' =', 'SELECT FROM places.rooms WHERE id OPERATOR(loot.=) 1'), meant(:'rooms' || ' = ' || :'equal', 'SELECT FROM places.rooms WHERE id OPERATOR(loot.=) 1 AND id = 1');

-- What triggers of a child's owner set as a parent moves ends with the move.
CREATE FUNCTION loot.set_path() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('search_path', 'loot', false), set_config('app.noted', NEW.id::text, true); RETURN NEW; END $$;
CREATE TRIGGER set_path BEFORE UPDATE ON things.chairs FOR EACH ROW EXECUTE FUNCTION loot.set_path();
BEGIN;
UPDATE places.rooms SET workspace_id = 'aaaaaaaa-0000-4000-8000-000000000002' WHERE id = 1;
SELECT current_setting('search_path') AS search_path, current_setting('app.noted', true) AS noted;
COMMIT;
SELECT current_setting('search_path') AS search_path;

SET search_path = app;
:disallow;
DROP SCHEMA places, things, loot CASCADE;

-- A partition takes its rows from the default one, and its check renames the schema meanwhile: it is not attached elsewhere.
CREATE SCHEMA events;
CREATE TABLE events.log (id int, at timestamptz) PARTITION BY RANGE (at);
CREATE TABLE events.rest PARTITION OF events.log DEFAULT;
INSERT INTO events.log VALUES (1, '2026-01-01 12:00Z');
CREATE FUNCTION rename_events() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
  ALTER SCHEMA events RENAME TO old_events;
  CREATE SCHEMA events;
  CREATE TABLE events.log (id int, at timestamptz) PARTITION BY RANGE (at);
  CREATE TABLE events.day (id int, at timestamptz);
  RETURN true;
END $$;
CREATE TABLE events.day (id int, at timestamptz, CHECK (rename_events()));
SELECT * FROM failure($$SELECT tenancy_steps.attach_with_rows('events.day', 'events.rest', '2026-01-01Z', '2026-01-02Z')$$);
SELECT tableoid::regclass, id FROM events.log;
DROP SCHEMA events CASCADE;
