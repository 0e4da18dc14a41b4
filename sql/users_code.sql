-- Code of users that comes with what they own (triggers, domains, casts, index expressions) never runs as the extension's owner: not
-- where deferred foreign keys are checked before rows are removed, and not where rows are written that follow the logging settings.
\pset format unaligned
SET client_min_messages = warning;
SELECT current_user AS superuser \gset
CREATE ROLE regress_climber LOGIN;
CREATE ROLE regress_dba LOGIN;
GRANT USAGE ON TYPE tenancy.administrator TO regress_dba;
CREATE SCHEMA shop;
GRANT USAGE, CREATE ON SCHEMA shop TO regress_climber;
GRANT USAGE ON SCHEMA shop TO regress_dba;
SET search_path = shop;
CREATE TABLE ran (what text, by_superuser boolean);
GRANT INSERT, SELECT ON ran TO PUBLIC;
CREATE FUNCTION noted(what text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  is_superuser CONSTANT boolean := (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user);
BEGIN
  EXECUTE format('SELECT shop.note(%L, %L)', noted.what, is_superuser);
  RETURN true;
END
$$;
CREATE FUNCTION note(what text, by_superuser boolean) RETURNS void LANGUAGE sql AS 'INSERT INTO shop.ran VALUES ($1, $2)';
-- How a command fails; nothing of it stays.
CREATE FUNCTION failed(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE failed.command;
  RAISE EXCEPTION USING ERRCODE = 'TEST0';
EXCEPTION WHEN SQLSTATE 'TEST0' THEN
  RETURN 'done';
WHEN OTHERS THEN
  RETURN format('%s: %s', SQLSTATE, SQLERRM);
END
$$;
CREATE TABLE orders (id int PRIMARY KEY, organization_id uuid NOT NULL, workspace_id uuid);
CREATE TABLE lines (id int CONSTRAINT fk REFERENCES orders DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE others (id int CONSTRAINT fk REFERENCES orders DEFERRABLE INITIALLY DEFERRED);
GRANT INSERT ON lines, others, orders TO regress_climber;
\o /dev/null
SELECT tenancy.protect('orders', 'prompts', 'organization_id', 'workspace_id');
SELECT tenancy.create_organization('Umbra', 'olga@umbra.example', 'umbra');
SELECT tenancy.bind_login('regress_climber', 'olga@umbra.example', 'umbra');
\o
-- Another's constraint trigger of the foreign key's name, in the same schema
SET SESSION AUTHORIZATION regress_climber;
CREATE TABLE mine (i int);
CREATE FUNCTION spring() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM shop.noted(TG_NAME); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER fk AFTER INSERT ON mine DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION spring();
RESET SESSION AUTHORIZATION;
-- The unsafe way: what names the constraint fires whatever has the name.
CREATE FUNCTION unsafe_check() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN SET CONSTRAINTS shop.fk IMMEDIATE; END';
SET SESSION AUTHORIZATION regress_climber;
BEGIN;
INSERT INTO mine VALUES (1);
SELECT unsafe_check();
SELECT what FROM ran;
ROLLBACK;
-- Deleting a workspace with its rows
SELECT tenancy.create_workspace('umbra', 'Short lived') IS NULL AS none;
BEGIN;
INSERT INTO mine VALUES (1);
SELECT tenancy.delete_workspace('short-lived', with_rows => true);
ROLLBACK;
-- So does an exclusion constraint, which evaluates index expressions when it is checked, and a partition's under another name.
DROP TRIGGER fk ON mine;
CREATE TABLE excluded (i int, CONSTRAINT fk EXCLUDE USING btree ((CASE WHEN noted('expression') THEN i END) WITH =) DEFERRABLE INITIALLY DEFERRED);
BEGIN;
INSERT INTO excluded VALUES (1), (1);
SELECT tenancy.delete_workspace('short-lived', with_rows => true);
ROLLBACK;
DROP TABLE excluded;
CREATE TABLE parted (i int, CONSTRAINT fk UNIQUE (i) DEFERRABLE INITIALLY DEFERRED) PARTITION BY RANGE (i);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
ALTER TABLE parted_1 RENAME CONSTRAINT parted_1_i_key TO of_the_partition;
BEGIN;
INSERT INTO parted VALUES (1), (1);
SELECT tenancy.delete_workspace('short-lived', with_rows => true);
ROLLBACK;
SELECT * FROM ran;
-- Another schema's could be renamed to this one meanwhile.
DROP TABLE parted;
RESET SESSION AUTHORIZATION;
CREATE SCHEMA elsewhere AUTHORIZATION regress_climber;
SET SESSION AUTHORIZATION regress_climber;
CREATE TABLE elsewhere.mine (i int);
CREATE CONSTRAINT TRIGGER fk AFTER INSERT ON elsewhere.mine DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION spring();
BEGIN;
INSERT INTO elsewhere.mine VALUES (1);
SELECT tenancy.delete_workspace('short-lived', with_rows => true);
ROLLBACK;
-- Nothing hinders what nobody waits for: the trigger is there, foreign keys of the name are pending, and a constraint that can't be
-- deferred has the name, too.
CREATE CONSTRAINT TRIGGER fk AFTER INSERT ON mine DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION spring();
CREATE TABLE checked (i int CONSTRAINT fk CHECK (i > 0));
BEGIN;
INSERT INTO orders VALUES (1, tenancy.current_organization_id());
INSERT INTO others VALUES (1);
SELECT tenancy.delete_workspace('short-lived', with_rows => true) IS NULL AS none;
COMMIT;
DROP TABLE checked;
-- What is pending and violated is found at once, and foreign keys are deferred again afterwards.
SELECT tenancy.create_workspace('umbra', 'Short lived') IS NULL AS none;
BEGIN;
INSERT INTO lines VALUES (2);
-- From 18 on, who checks is not the owner, and isn't given the key.
\set VERBOSITY terse
SELECT tenancy.delete_workspace('short-lived', with_rows => true);
\set VERBOSITY default
ROLLBACK;
BEGIN;
SELECT tenancy.delete_workspace('short-lived', with_rows => true) IS NULL AS none;
INSERT INTO lines VALUES (2);
INSERT INTO orders VALUES (2, tenancy.current_organization_id());
COMMIT;
-- The user's own SET CONSTRAINTS helps: the trigger then runs as the user.
SELECT tenancy.create_workspace('umbra', 'Short lived') IS NULL AS none;
BEGIN;
INSERT INTO mine VALUES (1);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT tenancy.delete_workspace('short-lived', with_rows => true) IS NULL AS none;
COMMIT;
SELECT * FROM ran;
RESET SESSION AUTHORIZATION;
TRUNCATE ran;
-- Cursors return rows with the rights of whoever has opened them: neither a DBA's own nor the loops of the extension's functions can be
-- read while the code of a table's owner runs on their behalf.
CREATE TYPE one AS ENUM ('one');
CREATE FUNCTION as_json(one) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  one_row record;
  cursors refcursor[] := ARRAY(SELECT c.name FROM pg_cursors c ORDER BY c.name);
  one_cursor refcursor;
  tried text[];
BEGIN
  FOREACH one_cursor IN ARRAY cursors LOOP
    BEGIN
      FETCH one_cursor INTO one_row;
      tried := tried || coalesce(one_row::text, 'nothing');
    EXCEPTION WHEN OTHERS THEN
      tried := tried || SQLSTATE::text;
    END;
  END LOOP;
  -- nor can it give what has been checked another name, or a child
  BEGIN
    COMMENT ON TYPE shop.one IS 'x';
  EXCEPTION WHEN OTHERS THEN
    tried := tried || format('%s %s', SQLSTATE, SQLERRM);
  END;
  -- nor leave a seal, which ends with the transaction, or take the session's challenge away
  PERFORM tenancy.seal();
  BEGIN
    PERFORM tenancy.claim_challenge();
  EXCEPTION WHEN OTHERS THEN
    tried := tried || format('%s %s', SQLSTATE, SQLERRM);
  END;
  RETURN to_json(tried);
END
$$;
CREATE CAST (one AS json) WITH FUNCTION as_json(one);
CREATE TABLE ones (organization_id uuid, one one);
INSERT INTO ones SELECT o.organization_id, 'one' FROM tenancy.organizations o WHERE o.slug = 'umbra';
SELECT tenancy.protect('ones', 'prompts', 'organization_id') IS NULL AS none;
ALTER TABLE ones OWNER TO regress_climber;
BEGIN;
DECLARE secrets CURSOR FOR SELECT rolname FROM pg_authid;
SELECT (SELECT array_agg(DISTINCT outcome) FROM jsonb_array_elements_text(e."row" -> 'one') outcome) AS outcomes FROM tenancy.export_organization('umbra', 'ones') e;
SET LOCAL tenancy.workspace = 'umbra/any';
SET LOCAL tenancy.workspace = DEFAULT;
-- and goes on afterwards, after an error as well
MOVE 1 FROM secrets;
SELECT failed($$SELECT FROM tenancy.export_organization('umbra', 'nowhere')$$) ~ '^42P01' AS fails;
SELECT count(*) AS cursors FROM pg_cursors WHERE name = 'secrets';
MOVE 1 FROM secrets;
COMMIT;
DROP TABLE ones;
-- The purge of an organization, and the removal of expired rows, by a DBA who writes to that table
GRANT INSERT ON mine TO regress_dba;
\o /dev/null
SELECT tenancy.apply_logging_settings('orders', 'logs'), tenancy.set_logging('umbra', 'retention_days.logs', '1');
\o
SET SESSION AUTHORIZATION regress_dba;
BEGIN;
INSERT INTO mine VALUES (1);
SELECT * FROM tenancy.purge_organization('umbra');
ROLLBACK;
BEGIN;
INSERT INTO mine VALUES (1);
SELECT * FROM tenancy.remove_expired_rows();
ROLLBACK;
SELECT relation, removed FROM tenancy.remove_expired_rows();
RESET SESSION AUTHORIZATION;
SELECT * FROM ran;

-- Rows of a table that follows the logging settings have types of users: their checks, casts and input functions are the writer's.
SELECT tenancy.set_logging('umbra', 'store_content', 'metadata') IS NULL AS none;
GRANT ALL ON ran TO regress_climber;
SET SESSION AUTHORIZATION regress_climber;
CREATE TABLE notes (id int, organization_id uuid NOT NULL, body text, detail jsonb NOT NULL DEFAULT '{}');
RESET SESSION AUTHORIZATION;
\o /dev/null
SELECT tenancy.protect('notes', 'prompts', 'organization_id');
SELECT tenancy.apply_logging_settings('notes', 'logs', '{body,detail}');
\o
SET SESSION AUTHORIZATION regress_climber;
CREATE DOMAIN checked AS text CHECK (noted(concat('domain', left(VALUE, 0))));
CREATE TYPE state AS ENUM ('new', 'seen');
CREATE FUNCTION to_json(state) RETURNS json LANGUAGE plpgsql AS $$ BEGIN PERFORM shop.noted('cast'); RETURN '1'; END $$;
CREATE CAST (state AS json) WITH FUNCTION to_json(state);
ALTER TABLE notes ALTER COLUMN body TYPE checked, ADD COLUMN state state DEFAULT 'new', ADD COLUMN doubled text GENERATED ALWAYS AS (body || body) STORED;
TRUNCATE ran;
RESET SESSION AUTHORIZATION;
-- The unsafe way: a trigger that reads the row with the rights of its function's owner.
CREATE FUNCTION unsafe_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
  $$ BEGIN RETURN jsonb_populate_record(NEW, jsonb_build_object('body', to_jsonb(NEW) ->> 'state')); END $$;
CREATE TRIGGER unsafe BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION unsafe_row();
SET SESSION AUTHORIZATION regress_climber;
BEGIN;
INSERT INTO notes VALUES (0, tenancy.current_organization_id(), NULL);
SELECT DISTINCT what, by_superuser FROM ran ORDER BY 1, 2;
ROLLBACK;
DROP TRIGGER unsafe ON notes;
INSERT INTO notes VALUES (1, tenancy.current_organization_id(), 'secret', '{"a": "secret"}');
UPDATE notes SET body = 'secret', detail = '["secret"]', state = 'seen' WHERE id = 1;
SELECT id, body, detail, state, doubled FROM notes;
SELECT DISTINCT what, by_superuser FROM ran ORDER BY 1, 2;
RESET SESSION AUTHORIZATION;
-- Trigger functions for users' tables, which are those that everybody may execute, run with the rights of whoever writes.
SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace::regnamespace::text ~ '^tenancy' AND p.prorettype = 'trigger'::regtype AND (p.prosecdef OR l.lanname <> 'c') AND has_function_privilege('regress_dba', p.oid, 'EXECUTE');
-- A hold compares what is stored, whatever equality a type has.
SELECT tenancy.set_logging('umbra', 'legal_hold', 'on') IS NULL AS none;
SET SESSION AUTHORIZATION regress_climber;
UPDATE notes SET state = 'new' WHERE id = 1;
UPDATE notes SET body = 'other' WHERE id = 1;
DELETE FROM notes WHERE id = 1;
RESET SESSION AUTHORIZATION;
SELECT DISTINCT what, by_superuser FROM ran ORDER BY 1, 2;
SELECT tenancy.reset_logging('umbra', 'legal_hold') IS NULL AS none;
-- AFTER triggers of tables that are changed together with the rows to be removed, by actions of foreign keys: before PostgreSQL 18 they
-- would run as the owner of the rows' table.
GRANT REFERENCES, DELETE ON orders TO regress_climber;
TRUNCATE ran;
SET SESSION AUTHORIZATION regress_climber;
CREATE TABLE tags (id int REFERENCES orders ON DELETE CASCADE, tag int PRIMARY KEY);
CREATE TABLE votes (tag int REFERENCES tags ON DELETE SET NULL);
CREATE FUNCTION spring_after() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM shop.noted(TG_NAME); RETURN NULL; END $$;
CREATE TRIGGER of_votes AFTER UPDATE ON votes FOR EACH ROW EXECUTE FUNCTION spring_after();
SELECT tenancy.create_workspace('umbra', 'Tagged') IS NULL AS none;
INSERT INTO orders SELECT n, organization_id, workspace_id FROM tenancy.workspaces, generate_series(101, 102) n WHERE slug = 'tagged';
INSERT INTO tags VALUES (101, 1), (102, 2);
INSERT INTO votes VALUES (1), (2);
RESET SESSION AUTHORIZATION;
-- The unsafe way: a superuser's own DELETE
SELECT current_setting('server_version_num')::int >= 180000 AS runs_as_owner \gset
BEGIN;
DELETE FROM orders WHERE id = 101;
SELECT what, by_superuser <> :'runs_as_owner' AS as_this_version_says FROM ran;
ROLLBACK;
SET SESSION AUTHORIZATION regress_climber;
SELECT failed('SELECT tenancy.delete_workspace(''tagged'', with_rows => true)') = CASE WHEN :'runs_as_owner' THEN 'done'
  ELSE '55000: trigger "of_votes" of table "votes" would run with the rights of another role' END AS as_this_version_says;
ALTER TABLE votes DISABLE TRIGGER of_votes;
SELECT tenancy.delete_workspace('tagged', with_rows => true);
SELECT (SELECT count(*) FROM tags) AS tags, (SELECT count(tag) FROM votes) AS votes, (SELECT count(*) FROM ran) AS ran;
RESET SESSION AUTHORIZATION;
DROP TABLE votes, tags;
-- The same of our own tables, whoever has made the foreign key: by a constraint that evaluates its expression again, and further on.
GRANT REFERENCES ON tenancy.workspaces TO regress_climber;
CREATE TABLE pinned (workspace_id uuid PRIMARY KEY REFERENCES tenancy.workspaces (workspace_id) ON DELETE CASCADE);
CREATE TABLE chosen (workspace_id uuid REFERENCES tenancy.workspaces (workspace_id) ON DELETE SET NULL);
ALTER TABLE pinned OWNER TO regress_climber;
ALTER TABLE chosen OWNER TO regress_climber;
SET SESSION AUTHORIZATION regress_climber;
CREATE FUNCTION place(uuid) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM shop.noted('exclusion'); RETURN CASE WHEN $1 IS NULL THEN 0 ELSE 1 END; END $$;
CREATE TABLE pins (workspace_id uuid REFERENCES pinned ON DELETE CASCADE);
SELECT failed('CREATE TRIGGER of_pins AFTER DELETE ON pins FOR EACH ROW EXECUTE FUNCTION spring_after()');
SELECT tenancy.create_workspace('umbra', 'Pinned') IS NULL AS none;
RESET SESSION AUTHORIZATION;
SET session_replication_role = replica;
SET tenancy.guard_rails = off;
CREATE TRIGGER of_pins AFTER DELETE ON pins FOR EACH ROW EXECUTE FUNCTION spring_after();
RESET tenancy.guard_rails;
RESET session_replication_role;
INSERT INTO pinned SELECT workspace_id FROM tenancy.workspaces WHERE slug = 'pinned';
INSERT INTO pins TABLE pinned;
SET SESSION AUTHORIZATION regress_climber;
SELECT failed('SELECT tenancy.delete_workspace(''pinned'')') = CASE WHEN :'runs_as_owner' THEN 'done'
  ELSE '55000: trigger "of_pins" of table "pins" would run with the rights of another role' END AS as_this_version_says;
DROP TABLE pins, pinned;
INSERT INTO chosen SELECT workspace_id FROM tenancy.workspaces WHERE slug = 'pinned';
ALTER TABLE chosen ADD CONSTRAINT one_each EXCLUDE USING btree (place(workspace_id) WITH =) DEFERRABLE;
TRUNCATE ran;
SELECT failed('SELECT tenancy.delete_workspace(''pinned'')') = CASE WHEN :'runs_as_owner' THEN 'done'
  ELSE '55000: trigger "' || (SELECT tgname FROM pg_trigger WHERE tgrelid = 'chosen'::regclass AND tgfoid = 'unique_key_recheck'::regproc) || '" of table "chosen" would run with the rights of another role' END AS as_this_version_says,
  (SELECT count(*) FROM ran WHERE by_superuser) AS ran_by_superuser;
DROP TABLE chosen;
-- Checks of a foreign key run as its table's owner. What they set ends with the statement: no function finds the owner's objects by it.
CREATE TABLE referring (workspace_id uuid REFERENCES tenancy.workspaces (workspace_id));
CREATE FUNCTION takes_over(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  PERFORM set_config('search_path', 'shop, pg_catalog', false), shop.noted('index');
  RETURN true;
END
$$;
CREATE INDEX ON referring (workspace_id) WHERE takes_over(1);
CREATE FUNCTION step(jsonb, text, numeric) RETURNS jsonb LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION last_step(jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN PERFORM shop.noted('aggregate'); RETURN '{}'; END $$;
CREATE AGGREGATE jsonb_object_agg(text, numeric) (SFUNC = step, STYPE = jsonb, FINALFUNC = last_step);
CREATE FUNCTION greater(numeric, int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM shop.noted('operator'); RETURN true; END $$;
CREATE OPERATOR > (LEFTARG = numeric, RIGHTARG = int, FUNCTION = greater);
RESET SESSION AUTHORIZATION;
TRUNCATE ran;
-- The unsafe way: a function with the rights of its owner and a search_path of its own
CREATE TABLE parents (id int PRIMARY KEY);
GRANT REFERENCES ON parents TO regress_climber;
CREATE FUNCTION unsafe_delete() RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS
  $$ BEGIN DELETE FROM shop.parents; RETURN current_setting('search_path'); END $$;
INSERT INTO parents VALUES (1);
SET SESSION AUTHORIZATION regress_climber;
CREATE TABLE children (id int REFERENCES parents);
CREATE INDEX ON children (id) WHERE takes_over(1);
SELECT unsafe_delete();
TRUNCATE ran;
SELECT tenancy.create_workspace('umbra', 'Referred') IS NULL AS none;
\connect - regress_climber
SET search_path = shop;
SELECT tenancy.delete_workspace('referred', with_rows => true);
SELECT DISTINCT what, by_superuser FROM ran ORDER BY 1, 2;
SHOW search_path;
RESET SESSION AUTHORIZATION;
\connect - :superuser
SET search_path = shop;
SET client_min_messages = warning;
DROP AGGREGATE jsonb_object_agg(text, numeric);
DROP OPERATOR > (numeric, int);
-- A statement as the owner of a table reads no table that has got a name in it since it was written.
CREATE SCHEMA swapped;
GRANT CREATE, USAGE ON SCHEMA swapped TO regress_climber;
CREATE TABLE swapped.own (id int);
CREATE VIEW shop.looks_own AS SELECT 1 AS id;
CREATE FUNCTION works(statement text, others oid[] DEFAULT '{}') RETURNS jsonb LANGUAGE tenancy SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS
  $$ BEGIN RETURN (SELECT jsonb_agg(r) FROM tenancy_internal.as_owner('shop.orders', works.statement, works.others) r); END $$;
SELECT works('SELECT to_jsonb(count(*)) FROM shop.orders WHERE id < 0'), works('SELECT to_jsonb(id) FROM shop.looks_own'),
  works('SELECT to_jsonb(count(*)) FROM shop.orders, swapped.own', '{swapped.own}'::regclass[]::oid[]);
SELECT works('SELECT to_jsonb(count(*)) FROM shop.orders, swapped.own');
ALTER VIEW shop.looks_own OWNER TO regress_climber;
SELECT works('SELECT to_jsonb(id) FROM shop.looks_own');
DROP SCHEMA swapped CASCADE;
SELECT tenancy.unprotect(t) FROM unnest('{orders,notes}'::regclass[]) t;
DROP OWNED BY regress_climber, regress_dba CASCADE;
DROP SCHEMA shop CASCADE;
DROP ROLE regress_climber, regress_dba;
