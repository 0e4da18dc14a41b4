-- Promises about what is kept: the owner of tables that follow the logging settings, a login to which no policy applies, and a member try to remove,
-- move, blank or reopen rows under a legal hold, to have content stored that is not to be, or to have a row kept longer, or for shorter. A hold and the settings are those of the organization.

CREATE PROCEDURE attacks.kept_tables() LANGUAGE plpgsql AS $$
BEGIN
  SET LOCAL ROLE att_owner;
  CREATE TABLE app.held (id int, region int NOT NULL DEFAULT 1, organization_id uuid, workspace_id uuid, user_id uuid, state text, body text, detail jsonb NOT NULL DEFAULT '{}') PARTITION BY LIST (region);
  CREATE TABLE app.held_1 PARTITION OF app.held FOR VALUES IN (1);
  CREATE TABLE app.held_2 PARTITION OF app.held FOR VALUES IN (2);
  CREATE TABLE app.line (id int, region int DEFAULT 1, organization_id uuid, workspace_id uuid, user_id uuid, state text, body text, detail jsonb NOT NULL DEFAULT '{}');
  CREATE TABLE app.line_old () INHERITS (app.line);
  RESET ROLE;
  PERFORM tenancy.protect('app.held', 'prompts', 'organization_id', 'workspace_id', 'user_id', create_indexes => true), tenancy.protect('app.line', 'prompts', 'organization_id', 'workspace_id', 'user_id');
  PERFORM tenancy.apply_logging_settings('app.held', 'payloads', '{body,detail}'), tenancy.apply_logging_settings('app.line', 'logs', '{body,detail}');
  -- 1 in search, under the hold; 2 in support, where content is no longer stored
  INSERT INTO app.held (id, organization_id, workspace_id, body, detail)
  SELECT i, 'aaaaaaaa-0000-4000-8000-000000000000', CASE i WHEN 1 THEN 'aaaaaaaa-0000-4000-8000-000000000002' ELSE 'aaaaaaaa-0000-4000-8000-000000000003' END::uuid, 'of old', '{"of": "old"}' FROM generate_series(1, 2) i;
  INSERT INTO app.line SELECT * FROM app.held WHERE id = 2;
  INSERT INTO app.line_old SELECT * FROM app.held WHERE id = 1;
  PERFORM tenancy.set_logging('acme', 'legal_hold', 'on', 'acme/search'), tenancy.set_logging('acme', 'store_content', 'metadata', 'acme/support');
  GRANT ALL ON app.held, app.held_1, app.held_2, app.line, app.line_old TO PUBLIC;
  ALTER ROLE att_etl BYPASSRLS;
END
$$;
-- The held row is where it was, with its content; nobody's new content is stored in support.
CREATE FUNCTION attacks.kept() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  relation text;
  got text;
  stored bigint;
BEGIN
  FOREACH relation IN ARRAY ARRAY['app.held', 'app.line'] LOOP
    IF to_regclass(relation) IS NULL THEN
      RETURN NEXT format('@found held rows: %s is gone', relation);
      CONTINUE;
    END IF;
    EXECUTE format('SELECT string_agg(t::text, '','') FROM %s t WHERE to_jsonb(t) @> ''{"body": "of old", "detail": {"of": "old"}, "workspace_id": "aaaaaaaa-0000-4000-8000-000000000002"}''', relation) INTO got;
    IF got IS NULL THEN
      RETURN NEXT format('@found held rows of %s: none', relation);
    END IF;
    EXECUTE format('SELECT count(*) FROM %s t WHERE t::text ~ ''stored'' AND to_jsonb(t) ->> ''workspace_id'' = ''aaaaaaaa-0000-4000-8000-000000000003''', relation) INTO stored;
    IF stored > 0 THEN
      RETURN NEXT format('@found content stored in support, in %s: %s rows', relation, stored);
    END IF;
    EXECUTE format('SELECT count(*) FROM %s t WHERE (to_jsonb(t) ->> ''received_at'')::timestamptz NOT BETWEEN now() - interval ''1 minute'' AND clock_timestamp()', relation) INTO stored;
    IF stored > 0 THEN
      RETURN NEXT format('@found another moment of reception, in %s: %s rows', relation, stored);
    END IF;
  END LOOP;
END
$$;
CREATE FUNCTION attacks.keeping_step(is_owner boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  relation text := attacks.pick(ARRAY['held', 'held', 'held_1', 'held_2', 'line', 'line_old']);
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
    format('TRUNCATE app.%s', relation), format('TRUNCATE app.%s CASCADE', relation)]);
  ddl := attacks.pick(ARRAY[
    format('DROP TABLE app.%s', relation), format('DROP TABLE app.%s CASCADE', relation), 'ALTER TABLE app.held DETACH PARTITION app.held_1', 'ALTER TABLE app.held DETACH PARTITION app.held_2', 'DROP OWNED BY att_owner CASCADE', 'DROP SCHEMA app CASCADE',
    format('ALTER TABLE app.%s DROP COLUMN %s', attacks.pick(ARRAY['held', 'line']), attacks.pick(ARRAY['body', 'detail CASCADE', 'received_at CASCADE', 'workspace_id CASCADE', 'organization_id CASCADE'])),
    format('ALTER TABLE app.%s ALTER body TYPE int USING NULL', attacks.pick(ARRAY['held', 'line'])), format('ALTER TABLE app.%s ALTER detail TYPE text USING ''''', attacks.pick(ARRAY['held', 'line'])),
    format('ALTER TABLE app.%s RENAME COLUMN %s TO other', attacks.pick(ARRAY['held', 'line']), attacks.pick(ARRAY['received_at', 'received_at'])),
    format('ALTER TABLE app.%s DISABLE TRIGGER %s', relation, attacks.pick(ARRAY['USER', '"~tenancy_keep_row"', '"~tenancy_keep_row_content"', '"~tenancy_keep_rows"'])),
    format('ALTER TABLE app.%s ENABLE TRIGGER %s', relation, attacks.pick(ARRAY['USER', '"~tenancy_keep_row"', '"~tenancy_keep_row_content"', '"~tenancy_keep_rows"'])),
    format('ALTER TABLE ONLY app.%s DISABLE TRIGGER %s', relation, attacks.pick(ARRAY['ALL', '"~tenancy_keep_row"', '"~tenancy_keep_row_content"'])), format('ALTER TRIGGER "~tenancy_keep_row_content" ON app.%s RENAME TO a', attacks.pick(ARRAY['held', 'line'])),
    format('CREATE TRIGGER %s BEFORE UPDATE OR DELETE ON app.%s FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()', attacks.pick(ARRAY['"~z"', '"~tenancy_z"']), relation),
    format('ALTER TABLE app.%s SET UNLOGGED', relation), 'DO $x$ BEGIN ALTER TABLE app.line_old NO INHERIT app.line; PERFORM tenancy.unprotect(''app.line_old''); END $x$', 'ALTER TABLE app.held DETACH PARTITION app.held_1 CONCURRENTLY',
    format('DROP TRIGGER %s ON app.%s', attacks.pick(ARRAY['"~tenancy_keep_row"', '"~tenancy_keep_row_content"', '"~tenancy_keep_rows"']), relation), format('DROP POLICY tenancy_retention ON app.%s', relation),
    format('CREATE OR REPLACE TRIGGER %s BEFORE INSERT OR UPDATE OR DELETE ON app.%s FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()', attacks.pick(ARRAY['"~tenancy_keep_row"', '"~tenancy_keep_row_content"']), relation),
    format('SELECT tenancy.unprotect(''app.%s'')', relation), format('SELECT tenancy.ignore_logging_settings(''app.%s'')', relation), 'SELECT tenancy.apply_logging_settings(''app.line'', ''logs'', ''{}'')',
    format('SELECT tenancy.protect(''app.%s'', ''prompts'', %s)', relation, attacks.pick(ARRAY['''organization_id''', '''organization_id'', ''user_id''', 'workspace => ''workspace_id'''])),
    'SET session_replication_role = replica', 'SET tenancy.guard_rails = off', 'SELECT tenancy.reset_logging(''acme'', ''legal_hold'', ''acme/search'')']);
  RETURN CASE WHEN is_owner AND random() < 0.6 THEN ddl ELSE dml END;
END
$$;
INSERT INTO attacks.cases (family, title, script, forbidden, watched, fresh)
SELECT 'keeping', concat_ws(', ', w.login, w.who, 'series ' || i), E'@as postgres\nSET LOCAL client_min_messages = warning;\nCALL attacks.kept_tables();\n' ||
  attacks.as_script(w.login, 'nobody', CASE w.who WHEN 'nobody' THEN '' ELSE format(E'SELECT set_config(''tenancy.user'', %L, true) IS NULL;', w.who) END, ARRAY(SELECT attacks.keeping_step(w.login = 'att_owner') FROM generate_series(1, 4) WHERE i > 0)) || E'\n@as postgres\nSELECT * FROM attacks.kept();', 'canary_globex', false, false
FROM (VALUES ('att_owner', 'nobody', 40), ('att_etl', 'nobody', 20), ('att_app', 'mona@acme.test', 20)) w (login, who, n), generate_series(1, w.n * :rounds) i;

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
