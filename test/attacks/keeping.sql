-- Promises about what is kept: the owner of tables that follow the logging settings, a login to which no policy applies, and a member try to remove,
-- move, blank or reopen rows under a legal hold, to have content stored that is not to be, or to have a row kept longer, or for shorter. A hold and the settings are those of the organization.

-- held is partitioned, line has a child, former was one until the hold was set. Each has an old row of search, under the hold; 2 is in support, where
-- content is no longer stored. Columns are found by their numbers, whatever they are called in the end.
CREATE TABLE attacks.kept_columns (relation regclass, number int, original name);
CREATE PROCEDURE attacks.kept_tables() LANGUAGE plpgsql AS $$
BEGIN
  SET LOCAL ROLE att_owner;
  CREATE TYPE app.shade AS ENUM ('red', 'green');
  CREATE TABLE app.street (name text, shade app.shade);
  CREATE TABLE app.held (id int, region int NOT NULL DEFAULT 1, organization_id uuid, workspace_id uuid, user_id uuid, state text, body text, detail jsonb NOT NULL DEFAULT '{}', place app.street) PARTITION BY LIST (region);
  CREATE TABLE app.held_1 PARTITION OF app.held FOR VALUES IN (1);
  CREATE TABLE app.held_2 (gone int, place app.street, body text, detail jsonb NOT NULL DEFAULT '{}', id int, state text, region int NOT NULL DEFAULT 1, user_id uuid, workspace_id uuid, organization_id uuid);
  ALTER TABLE app.held_2 DROP COLUMN gone;
  ALTER TABLE app.held ATTACH PARTITION app.held_2 FOR VALUES IN (2);
  CREATE TABLE app.line (id int, region int DEFAULT 1, organization_id uuid, workspace_id uuid, user_id uuid, state text, body text, detail jsonb NOT NULL DEFAULT '{}', place app.street);
  CREATE TABLE app.line_old () INHERITS (app.line);
  CREATE TABLE app.former () INHERITS (app.line);
  CREATE TABLE app.talk (id int PRIMARY KEY, organization_id uuid, workspace_id uuid);
  CREATE TABLE app.said (id int, talk_id int REFERENCES app.talk ON DELETE CASCADE ON UPDATE CASCADE, organization_id uuid, workspace_id uuid, state text, body text, detail jsonb NOT NULL DEFAULT '{}', place app.street);
  -- The owner's trigger while a row moves: a statement, whose error it catches or not, and then a change of the row
  CREATE FUNCTION app.on_way() RETURNS trigger LANGUAGE plpgsql AS $x$
  BEGIN
    IF pg_trigger_depth() < 3 AND TG_ARGV[1] = 'caught' THEN
      BEGIN
        EXECUTE TG_ARGV[0];
        PERFORM 1 / (TG_ARGV[2] <> 'undone')::int;
      EXCEPTION WHEN OTHERS THEN NULL;
      END;
    ELSIF pg_trigger_depth() < 3 THEN
      EXECUTE TG_ARGV[0];
    END IF;
    CASE WHEN TG_ARGV[2] = 'suppressed' THEN RETURN NULL;
         WHEN TG_OP = 'DELETE' THEN RETURN OLD;
         WHEN TG_ARGV[2] = 'body' THEN NEW.body := 'stored';
         WHEN TG_ARGV[2] = 'place' THEN NEW.place := NULL;
         WHEN TG_ARGV[2] = 'workspace' THEN NEW.workspace_id := 'aaaaaaaa-0000-4000-8000-000000000003';
         WHEN TG_ARGV[2] = 'organization' THEN NEW.organization_id := NULL;
         ELSE NULL;
    END CASE;
    RETURN NEW;
  END
  $x$;
  CREATE FUNCTION app.is_so(statement text) RETURNS boolean LANGUAGE plpgsql AS $x$ BEGIN EXECUTE is_so.statement; RETURN true; EXCEPTION WHEN OTHERS THEN RETURN true; END $x$;
  RESET ROLE;
  PERFORM tenancy.protect('app.held', 'prompts', 'organization_id', 'workspace_id', 'user_id', create_indexes => true), tenancy.protect('app.line', 'prompts', 'organization_id', 'workspace_id', 'user_id');
  PERFORM tenancy.protect('app.talk', 'prompts', 'organization_id', 'workspace_id');
  PERFORM tenancy.protect('app.said', 'prompts', through => '{talk_id}');
  PERFORM tenancy.apply_logging_settings('app.said', 'logs', '{body,detail,place}');
  PERFORM tenancy.apply_logging_settings('app.held', 'payloads', '{body,detail,place}'), tenancy.apply_logging_settings('app.line', 'logs', '{body,detail,place}');
  INSERT INTO app.held (id, organization_id, workspace_id, body, detail, place)
  SELECT i, 'aaaaaaaa-0000-4000-8000-000000000000', CASE i WHEN 1 THEN 'aaaaaaaa-0000-4000-8000-000000000002' ELSE 'aaaaaaaa-0000-4000-8000-000000000003' END::uuid, 'of old', '{"of": "old"}', '("of old",red)'::app.street FROM generate_series(1, 2) i;
  INSERT INTO app.talk SELECT id, organization_id, workspace_id FROM app.held;
  INSERT INTO app.said (id, talk_id, body, detail, place) SELECT id, id, body, detail, place FROM app.held;
  INSERT INTO app.line SELECT * FROM app.held WHERE id = 2;
  INSERT INTO app.line_old SELECT * FROM app.held WHERE id = 1;
  INSERT INTO app.former SELECT * FROM app.held;
  ALTER TABLE app.former NO INHERIT app.line;
  PERFORM tenancy.set_logging('acme', 'legal_hold', 'on', 'acme/search'), tenancy.set_logging('acme', 'store_content', 'metadata', 'acme/support');
  GRANT ALL ON app.held, app.held_1, app.held_2, app.line, app.line_old, app.former, app.talk, app.said TO PUBLIC;
  INSERT INTO attacks.kept_columns SELECT a.attrelid, a.attnum, a.attname FROM pg_attribute a WHERE a.attrelid IN ('app.held'::regclass, 'app.line'::regclass, 'app.former'::regclass, 'app.said'::regclass) AND a.attnum > 0;
END
$$;
-- The held row is where it was, with its content; nobody's new content is stored in support.
CREATE FUNCTION attacks.kept() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  kept regclass;
  c jsonb;
  got bigint;
BEGIN
  IF NOT EXISTS (SELECT FROM attacks.kept_columns) THEN
    RETURN NEXT '@found held rows: the tables were not made';
  END IF;
  FOR kept IN SELECT DISTINCT k.relation FROM attacks.kept_columns k LOOP
    IF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = kept) THEN
      RETURN NEXT format('@found held rows: %s is gone', kept);
      CONTINUE;
    END IF;
    SELECT jsonb_object_agg(k.original, quote_ident(a.attname)) INTO c FROM attacks.kept_columns k JOIN pg_attribute a ON a.attrelid = k.relation AND a.attnum = k.number WHERE k.relation = kept AND NOT a.attisdropped;
    IF NOT c ?& '{organization_id,workspace_id,body,detail,place,received_at}' THEN
      RETURN NEXT format('@found held rows of %s: columns are gone, %s are left', kept, c);
      CONTINUE;
    END IF;
    EXECUTE format($x$SELECT count(*) FROM %s t WHERE t.%s::text = 'of old' AND t.%s::text = '{"of": "old"}' AND t.%s::text = '("of old",red)' AND t.%s::text = 'aaaaaaaa-0000-4000-8000-000000000002' AND t.%s::text = 'aaaaaaaa-0000-4000-8000-000000000000'$x$,
      kept, c ->> 'body', c ->> 'detail', c ->> 'place', c ->> 'workspace_id', c ->> 'organization_id') INTO got;
    IF got = 0 THEN
      RETURN NEXT format('@found held rows of %s: none', kept);
    END IF;
    EXECUTE format($x$SELECT count(*) FROM %s t WHERE (t.%s::text ~ 'stored' OR t.%s::text ~ 'stored' OR t.%s::text ~ 'stored') AND t.%s::text = 'aaaaaaaa-0000-4000-8000-000000000003'$x$, kept, c ->> 'body', c ->> 'detail', c ->> 'place', c ->> 'workspace_id') INTO got;
    IF got > 0 THEN
      RETURN NEXT format('@found content stored in support, in %s: %s rows', kept, got);
    END IF;
    EXECUTE format('SELECT count(*) FROM %s t WHERE t.%s::timestamptz NOT BETWEEN now() - interval ''1 minute'' AND clock_timestamp()', kept, c ->> 'received_at') INTO got;
    IF got > 0 THEN
      RETURN NEXT format('@found another moment of reception, in %s: %s rows', kept, got);
    END IF;
  END LOOP;
END
$$;
-- Columns by other names, of other types, below other parents, and then the row is within reach: in a table that follows the settings, or did.
CREATE FUNCTION attacks.shaping_step() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  relation text := attacks.pick(ARRAY['held', 'held_1', 'held_2', 'line', 'line_old', 'said', 'former', 'former', 'former']);
  named text := attacks.pick(ARRAY['body', 'detail', 'place', 'organization_id', 'workspace_id', 'received_at', 'state', 'x', 'y']);
  renamed text := attacks.pick(ARRAY['body', 'detail', 'place', 'organization_id', 'workspace_id', 'received_at', 'state', 'x', 'y', 'x', 'y']);
BEGIN
  RETURN attacks.pick(ARRAY[
    format('ALTER TABLE app.%s RENAME COLUMN %s TO %s', relation, named, renamed), format('ALTER TABLE app.%s RENAME COLUMN %s TO %s', relation, named, renamed), format('ALTER TABLE app.%s RENAME COLUMN %s TO x', relation, named),
    format('ALTER TABLE app.%s ADD COLUMN %s %s', relation, named, attacks.pick(ARRAY['text', 'uuid', 'timestamptz NOT NULL DEFAULT now()', 'jsonb NOT NULL DEFAULT ''{}''', 'text GENERATED ALWAYS AS (state) STORED', 'uuid GENERATED ALWAYS AS (organization_id) STORED'])),
    format('ALTER TABLE app.%s DROP COLUMN %s CASCADE', relation, named), format('ALTER TABLE app.%s ALTER %s TYPE text USING NULL', relation, named), format('ALTER TABLE app.%s ALTER %s DROP NOT NULL', relation, named),
    format('ALTER TABLE app.%s %s app.%s', relation, attacks.pick(ARRAY['INHERIT', 'NO INHERIT']), attacks.pick(ARRAY['line', 'line_old', 'former', 'held'])), 'ALTER TABLE app.held DETACH PARTITION app.held_1', 'ALTER TABLE app.held ATTACH PARTITION app.former FOR VALUES IN (3)',
    format('SELECT tenancy.unprotect(''app.%s'')', relation), format('SELECT tenancy.protect(''app.%s'', ''prompts'', %s)', relation, attacks.pick(ARRAY['''organization_id'', ''workspace_id''', '''organization_id''', '''x'', ''y''', '''organization_id'', ''x''', '''x'', ''workspace_id''', 'workspace => ''workspace_id'''])),
    format('SELECT tenancy.apply_logging_settings(''app.%s'', ''logs'', %s)', relation, attacks.pick(ARRAY['''{}''', '''{body,detail,place}''', '''{x,y}''', '''{body,x}'''])), format('SELECT tenancy.ignore_logging_settings(''app.%s'')', relation), format('SELECT tenancy.forget(''app.%s'')', relation),
    format('UPDATE app.%s SET %s = NULL', relation, named), format('UPDATE app.%s SET %s = DEFAULT, %s = DEFAULT', relation, named, renamed), format('DELETE FROM app.%s', relation), format('TRUNCATE app.%s', relation), format('DROP TABLE app.%s CASCADE', relation),
    'ALTER TYPE app.shade RENAME VALUE ''red'' TO ''x''', 'ALTER TABLE app.street DROP COLUMN name', 'ALTER TABLE app.street RENAME COLUMN name TO x', 'DROP TYPE app.shade CASCADE', 'DROP TABLE app.street CASCADE', 'ALTER TABLE app.street ALTER name TYPE int USING 1',
    'SET check_function_bodies = off', format('DROP TRIGGER %s ON app.former', attacks.pick(ARRAY['"~~tenancy_keep_row"', '"~~tenancy_keep_row_content"', '"~~tenancy_keep_rows"'])), format('ALTER TABLE app.%s DISABLE TRIGGER USER', relation), format('ALTER TABLE app.%s SET UNLOGGED', relation)]);
END
$$;
-- A trigger at either end of a move, and the move.
CREATE FUNCTION attacks.moving_step() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  statement text := attacks.pick(ARRAY['UPDATE app.line SET state = ''x''', 'INSERT INTO app.line (id, organization_id, workspace_id, body) VALUES (9, ''aaaaaaaa-0000-4000-8000-000000000000'', ''aaaaaaaa-0000-4000-8000-000000000003'', ''stored'')',
    'DELETE FROM app.line WHERE id = 2', 'UPDATE app.held SET region = 2 WHERE id = 2', 'UPDATE app.held SET region = 3 - region', 'INSERT INTO app.held SELECT * FROM app.held WHERE id = 2', 'DELETE FROM app.held WHERE id = 1', 'UPDATE app.held SET state = ''x''', 'SELECT 1',
    'DELETE FROM app.held_1', 'INSERT INTO app.held_1 SELECT * FROM app.held WHERE id = 1', 'WITH d AS (DELETE FROM app.held WHERE id = 2 RETURNING *) INSERT INTO app.line SELECT * FROM d', 'SET CONSTRAINTS ALL IMMEDIATE']);
  target text := attacks.pick(ARRAY['held_1', 'held_2', 'held_2', 'held_2']);
  event text := attacks.pick(ARRAY['INSERT', 'INSERT', 'INSERT', 'DELETE', 'UPDATE']);
  name text := attacks.pick(ARRAY['a', 'b', 'c']);
BEGIN
  RETURN attacks.pick(ARRAY[
    format('CREATE OR REPLACE TRIGGER %s BEFORE %s ON app.%s FOR EACH ROW %s EXECUTE FUNCTION app.on_way(%L, %L, %L)', name, event, target, CASE WHEN random() < 0.3 THEN format('WHEN (app.is_so(%L))', statement) END,
      statement, attacks.pick(ARRAY['caught', 'not']), attacks.pick(ARRAY['suppressed', 'suppressed', 'undone', 'body', 'place', 'workspace', 'organization', 'same'])),
    format('CREATE OR REPLACE TRIGGER %s BEFORE %s ON app.%s FOR EACH ROW EXECUTE FUNCTION app.on_way(%L, %L, %L)', name, event, target, statement, attacks.pick(ARRAY['caught', 'not']), attacks.pick(ARRAY['suppressed', 'suppressed', 'undone', 'body', 'same'])),
    format('CREATE OR REPLACE TRIGGER %s AFTER %s ON app.%s FOR EACH ROW EXECUTE FUNCTION app.on_way(%L, %L, ''same'')', name, event, target, statement, attacks.pick(ARRAY['caught', 'not'])),
    format('UPDATE app.held SET region = 2 WHERE id = %s', 1 + floor(random() * 2)), 'UPDATE app.held SET region = 2', 'UPDATE app.held SET region = 3 - region', 'UPDATE app.held SET region = 1', 'MERGE INTO app.held t USING (VALUES (1)) v (i) ON t.id = v.i WHEN MATCHED THEN UPDATE SET region = 2',
    'DO $x$ BEGIN UPDATE app.held SET region = 2 WHERE id = 1; EXCEPTION WHEN OTHERS THEN NULL; END $x$', format('WITH u AS (UPDATE app.held SET region = 2 WHERE id = 1 RETURNING *) SELECT app.is_so(%L) FROM u', statement), 'DELETE FROM app.held WHERE id = 1']);
END
$$;
CREATE FUNCTION attacks.keeping_step(is_owner boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  relation text := attacks.pick(ARRAY['held', 'held', 'held_1', 'held_2', 'line', 'line_old', 'former', 'said']);
  id text := (1 + floor(random() * 3))::int::text;
  workspace text := attacks.pick(ARRAY['''aaaaaaaa-0000-4000-8000-000000000002''', '''aaaaaaaa-0000-4000-8000-000000000003''', '''aaaaaaaa-0000-4000-8000-000000000003''', 'NULL']);
  -- The owner of the table, without a principal, can bring rows with their moment of reception: as it could disable triggers.
  moment text := CASE WHEN is_owner THEN 'DEFAULT' ELSE attacks.pick(ARRAY['now() - interval ''30 days''', '''infinity''', '''-infinity''', 'DEFAULT']) END;
  change text := attacks.pick(ARRAY['body = NULL', 'body = ''stored''', 'detail = ''{}''', 'detail = ''{"a": "stored"}''', 'region = 2', 'region = 3 - region', 'region = 2, body = ''stored''', 'workspace_id = ' || workspace,
    'workspace_id = ' || workspace || ', region = 2', 'organization_id = NULL', 'received_at = ''infinity''', 'received_at = ''-infinity'', region = 2', 'state = ''x''', 'id = 7']);
  dml text;
  ddl text;
BEGIN
  dml := attacks.pick(ARRAY[
    format('UPDATE app.%s SET %s', relation, change), format('UPDATE app.%s SET %s WHERE id = %s', relation, change, id), format('DELETE FROM app.%s WHERE id = %s', relation, id), format('DELETE FROM app.%s', relation),
    format('INSERT INTO app.%s (id, region, workspace_id, organization_id, body, received_at) VALUES (1%s, %s, %s, ''aaaaaaaa-0000-4000-8000-000000000000'', ''stored'', %s)', relation, id, 1 + floor(random() * 2), workspace, moment),
    format('WITH d AS (DELETE FROM app.%s WHERE id = %s RETURNING *) INSERT INTO app.line (id, workspace_id, organization_id, body) SELECT 1%2$s, workspace_id, organization_id, ''stored'' FROM d', relation, id),
    format('MERGE INTO app.%s t USING (VALUES (%s)) v (i) ON t.id = v.i WHEN MATCHED THEN UPDATE SET %s', relation, id, change), format('MERGE INTO app.%s t USING (VALUES (%s)) v (i) ON t.id = v.i WHEN MATCHED THEN DELETE', relation, id),
    format('DO $x$ BEGIN UPDATE app.%s SET %s WHERE id = %s; DELETE FROM app.%1$s WHERE id = %3$s; INSERT INTO app.%1$s (id, region, workspace_id, organization_id, body) VALUES (1%3$s, 1, %4$s, ''aaaaaaaa-0000-4000-8000-000000000000'', ''stored''); END $x$', relation, change, id, workspace),
    format('TRUNCATE app.%s', relation), format('TRUNCATE app.%s CASCADE', relation), format('UPDATE app.said SET talk_id = %s', id), format('UPDATE app.said SET talk_id = %s WHERE id = 1', id), format('UPDATE app.talk SET workspace_id = %s WHERE id = %s', workspace, id),
    'UPDATE app.said SET talk_id = NULL', 'UPDATE app.talk SET id = id + 7', format('DELETE FROM app.talk WHERE id = %s', id), format('MERGE INTO app.said t USING (VALUES (1)) v (i) ON t.id = v.i WHEN MATCHED THEN UPDATE SET talk_id = %s', id)]);
  ddl := attacks.pick(ARRAY[
    format('DROP TABLE app.%s', relation), format('DROP TABLE app.%s CASCADE', relation), 'ALTER TABLE app.held DETACH PARTITION app.held_1', 'ALTER TABLE app.held DETACH PARTITION app.held_2', 'DROP OWNED BY att_owner CASCADE', 'DROP SCHEMA app CASCADE',
    format('ALTER TABLE app.%s DROP COLUMN %s', attacks.pick(ARRAY['held', 'line']), attacks.pick(ARRAY['body', 'detail CASCADE', 'received_at CASCADE', 'workspace_id CASCADE', 'organization_id CASCADE'])),
    format('ALTER TABLE app.%s ALTER body TYPE int USING NULL', attacks.pick(ARRAY['held', 'line'])), format('ALTER TABLE app.%s ALTER detail TYPE text USING ''''', attacks.pick(ARRAY['held', 'line'])),
    format('ALTER TABLE app.%s RENAME COLUMN %s TO other', attacks.pick(ARRAY['held', 'line']), attacks.pick(ARRAY['received_at', 'received_at'])),
    format('ALTER TABLE app.%s DISABLE TRIGGER %s', relation, attacks.pick(ARRAY['USER', '"~~tenancy_keep_row"', '"~~tenancy_keep_row_content"', '"~~tenancy_keep_rows"'])),
    format('ALTER TABLE app.%s ENABLE TRIGGER %s', relation, attacks.pick(ARRAY['USER', '"~~tenancy_keep_row"', '"~~tenancy_keep_row_content"', '"~~tenancy_keep_rows"'])),
    format('ALTER TABLE ONLY app.%s DISABLE TRIGGER %s', relation, attacks.pick(ARRAY['ALL', '"~~tenancy_keep_row"', '"~~tenancy_keep_row_content"'])), format('ALTER TRIGGER "~~tenancy_keep_row_content" ON app.%s RENAME TO a', attacks.pick(ARRAY['held', 'line'])),
    format('CREATE TRIGGER %s BEFORE UPDATE OR DELETE ON app.%s FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()', attacks.pick(ARRAY['"~~z"', '"~~tenancy_z"', '"~tenancy_z"']), relation),
    format('ALTER TABLE app.%s SET UNLOGGED', relation), 'DO $x$ BEGIN ALTER TABLE app.line_old NO INHERIT app.line; PERFORM tenancy.unprotect(''app.line_old''); END $x$', 'ALTER TABLE app.held DETACH PARTITION app.held_1 CONCURRENTLY',
    format('DROP TRIGGER %s ON app.%s', attacks.pick(ARRAY['"~~tenancy_keep_row"', '"~~tenancy_keep_row_content"', '"~~tenancy_keep_rows"']), relation), format('DROP POLICY tenancy_retention ON app.%s', relation),
    format('CREATE OR REPLACE TRIGGER %s BEFORE INSERT OR UPDATE OR DELETE ON app.%s FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()', attacks.pick(ARRAY['"~~tenancy_keep_row"', '"~~tenancy_keep_row_content"']), relation),
    format('SELECT tenancy.unprotect(''app.%s'')', relation), format('SELECT tenancy.ignore_logging_settings(''app.%s'')', relation), 'SELECT tenancy.apply_logging_settings(''app.line'', ''logs'', ''{}'')',
    format('SELECT tenancy.protect(''app.%s'', ''prompts'', %s)', relation, attacks.pick(ARRAY['''organization_id''', '''organization_id'', ''user_id''', 'workspace => ''workspace_id'''])),
    'SET session_replication_role = replica', 'SET tenancy.guard_rails = off', 'SELECT tenancy.reset_logging(''acme'', ''legal_hold'', ''acme/search'')']);
  RETURN CASE WHEN is_owner AND random() < 0.6 THEN ddl ELSE dml END;
END
$$;
INSERT INTO attacks.cases (family, title, script, forbidden, watched, fresh)
SELECT 'keeping', concat_ws(', ', w.login, w.who, 'series ' || i), E'@as postgres\nSET LOCAL client_min_messages = warning;\nCALL attacks.kept_tables();\n' ||
  attacks.as_script(w.login, 'nobody', CASE w.who WHEN 'nobody' THEN '' ELSE format(E'SELECT set_config(''tenancy.user'', %L, true) IS NULL;', w.who) END, ARRAY(SELECT attacks.keeping_step(w.login = 'att_owner') FROM generate_series(1, 4) WHERE i > 0)) || E'\n@as postgres\nSELECT * FROM attacks.kept();', 'canary_globex', false, false
FROM (VALUES ('att_owner', 'nobody', 40), ('att_mover', 'nobody', 20), ('att_app', 'mona@acme.test', 20)) w (login, who, n), generate_series(1, w.n * :rounds) i;

INSERT INTO attacks.cases (family, title, script, forbidden, watched, fresh)
SELECT 'keeping', concat_ws(', ', 'att_owner', w.title, 'series ' || i), E'@as postgres\nSET LOCAL client_min_messages = warning;\nCALL attacks.kept_tables();\nALTER ROLE att_owner BYPASSRLS;\n' ||
  'GRANT EXECUTE ON FUNCTION tenancy.apply_logging_settings(regclass, text, name[]), tenancy.ignore_logging_settings, tenancy.forget TO att_owner;' || E'\n' ||
  attacks.as_script('att_owner', 'nobody', '', ARRAY(SELECT CASE w.title WHEN 'shapes' THEN attacks.shaping_step() ELSE attacks.moving_step() END FROM generate_series(1, 6) WHERE i > 0)) || E'\n@as postgres\nSELECT * FROM attacks.kept();', 'canary_globex', false, false
FROM (VALUES ('shapes', 50), ('moves', 50)) w (title, n), generate_series(1, w.n * :rounds) i;

-- Rows past their retention, which a hold shows to the owner of the organization alone: a query of an admin's makes the session the
-- owner's in the middle, and the admin's again.
CREATE PROCEDURE attacks.expired_rows() LANGUAGE plpgsql AS $$
BEGIN
  CREATE TABLE app.expired (n int, organization_id uuid, workspace_id uuid, amount int, body text, received_at timestamptz NOT NULL DEFAULT now());
  PERFORM tenancy.protect('app.expired', 'logs', 'organization_id', 'workspace_id', create_indexes => true);
  INSERT INTO app.expired SELECT n, organization_id, workspace_id, 1, 'canary_expired', now() - interval '10 days' FROM app.logs WHERE organization_id = 'aaaaaaaa-0000-4000-8000-000000000000';
  PERFORM tenancy.apply_logging_settings('app.expired', 'logs');
  PERFORM tenancy.set_logging('acme', 'retention_days.logs', '5'), tenancy.set_logging('acme', 'legal_hold', 'on');
  GRANT SELECT ON app.expired TO PUBLIC;
END
$$;
INSERT INTO attacks.cases (family, title, script, forbidden, watched, fresh)
SELECT 'keeping', concat_ws(', ', 'expired', m.title, i.columns, s.plan),
  concat_ws(E'\n', '@as postgres', 'SET LOCAL client_min_messages = warning;', 'CALL attacks.expired_rows();', format('CREATE INDEX ON app.expired (%s);', i.columns), s.plan, '@as att_app nobody',
    format('PREPARE turning (text, text) AS SELECT body FROM app.expired t WHERE %s;', m.condition), 'SELECT set_config(''tenancy.user'', ''adam@acme.test'', true) IS NULL;',
    'EXECUTE turning (''olivia@acme.test'', ''adam@acme.test'');', 'DEALLOCATE turning;'), 'canary_(globex|expired)', false, false
FROM (VALUES ('n, amount'), ('amount, n'), ('received_at')) i (columns),
  (VALUES ('back', 'n >= attacks.turned($1, 0) AND amount >= attacks.turned($2, 0)'), ('sub-selects', 'n >= (SELECT attacks.turned($1, 0)) AND amount >= (SELECT attacks.turned($2, 0))'),
    ('in one', 'n >= (SELECT attacks.turned($1, 0) + count(*) + attacks.turned($2, 0) FROM app.expired)'), ('rows', 'EXISTS (SELECT FROM (VALUES ($1), ($2)) v (who), LATERAL (SELECT attacks.turned(v.who, 0) OFFSET 0) x, LATERAL (SELECT FROM app.expired o OFFSET 0) y) AND attacks.turned($2, 1) = 1'),
    ('none', 'true')) m (title, condition),
  (VALUES ('SET LOCAL enable_seqscan = off;'), ('SET LOCAL tenancy.specialize = off;'), ('SET LOCAL tenancy.share_plans = on; SET LOCAL plan_cache_mode = force_generic_plan;')) s (plan);
