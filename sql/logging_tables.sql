-- Tables that follow the logging settings: contents that are not stored, whoever writes; rows hidden at the end of their retention at
-- once, and removed by a job; rows under a legal hold.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\pset format unaligned
CREATE TABLE payloads (id int, organization_id uuid, workspace_id uuid, user_id uuid, model text, request jsonb, extra jsonb NOT NULL DEFAULT '{}', tags jsonb NOT NULL DEFAULT '[]', note text NOT NULL DEFAULT '');
SELECT f.message, f.hint FROM (VALUES ($$apply_logging_settings('payloads', 'logs')$$), ($$apply_logging_settings(NULL, 'logs')$$), ($$apply_logging_settings('app')$$),
  ($$ignore_logging_settings('payloads')$$)) v (call), failure('SELECT tenancy.' || call) f;
\o /dev/null
SELECT tenancy.protect('payloads', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true);
\o
SELECT f.message, f.hint FROM (VALUES ($$apply_logging_settings('payloads', 'log')$$), ($$apply_logging_settings('payloads', 'logs', '{requests}')$$)) v (call), failure('SELECT tenancy.' || call) f;
SELECT tenancy.apply_logging_settings('payloads', 'payloads', '{request,extra,tags,note}');
GRANT ALL ON payloads TO PUBLIC;
CREATE ROLE regress_loader LOGIN BYPASSRLS;
GRANT USAGE ON SCHEMA app TO regress_loader;
CREATE FUNCTION write(id int, workspace text) RETURNS void LANGUAGE sql AS $$
  INSERT INTO app.payloads (id, organization_id, workspace_id, model, request, extra, tags, note)
  SELECT write.id, o, w::uuid, 'm', '{"messages": ["secret"]}', '{"free": "secret"}', '["secret"]', 'secret'
  FROM (VALUES (CASE WHEN workspace = 'lab' THEN 'bbbbbbbb-0000-4000-8000-000000000000' ELSE 'aaaaaaaa-0000-4000-8000-000000000000' END::uuid,
                CASE workspace WHEN 'lab' THEN 'bbbbbbbb-0000-4000-8000-000000000002' WHEN 'search' THEN 'aaaaaaaa-0000-4000-8000-000000000002' ELSE 'aaaaaaaa-0000-4000-8000-000000000003' END)) v (o, w)
$$;
-- Full content is stored by default.
SELECT write(1, 'search'), write(2, 'lab');
SELECT tenancy.set_logging('acme', 'store_content', 'metadata'), tenancy.set_logging('acme', 'store_content', 'none', 'support');
SELECT write(3, 'search'), write(4, 'lab'), write(5, 'support');
-- What another tenant has set, or that there is one, isn't told by what becomes of rows in its name.
CREATE FUNCTION named(organization uuid, workspace uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  stored bigint;
BEGIN
  INSERT INTO app.payloads (id, organization_id, workspace_id, note) VALUES (100, organization, workspace, 'secret');
  GET DIAGNOSTICS stored = ROW_COUNT;
  RETURN stored || ' rows';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE VIEW places AS SELECT * FROM (VALUES ('full', 'bbbbbbbb-0000-4000-8000-000000000000'::uuid, 'bbbbbbbb-0000-4000-8000-000000000002'::uuid),
  ('none', 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000003'), ('metadata', 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002'),
  ('no such', 'aaaaaaaa-0000-4000-8000-0000000000ff', 'aaaaaaaa-0000-4000-8000-0000000000fe')) v (set_to, organization, workspace);
GRANT SELECT ON places TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT set_to, named(organization, workspace), named(NULL, workspace) FROM places;
CALL become('gus');
SELECT set_to, named(organization, workspace), named(NULL, workspace) FROM places;
CALL become('olivia');
SELECT set_to, named(organization, workspace) FROM places;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
DELETE FROM payloads WHERE id = 100;
-- Nor is anything stored because rights elsewhere change in the midst of the statement.
CREATE FUNCTION meddled(i int) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  UPDATE tenancy.organizations SET name = 'Globex ' || i WHERE slug = 'globex';
  RETURN 'secret';
END
$$;
BEGIN;
SET LOCAL SESSION AUTHORIZATION regress_app;
CALL become('olivia');
INSERT INTO payloads (id, organization_id, workspace_id, user_id, note) SELECT i, p.organization, p.workspace, (SELECT tenancy.current_user_id()), meddled(i) FROM places p, generate_series(101, 103) i WHERE p.set_to = 'metadata';
UPDATE payloads SET note = meddled(id) WHERE id > 100;
SELECT id, note FROM payloads WHERE id > 100 ORDER BY id;
ROLLBACK;
-- Any client: a role to which no policy applies, a replication's apply, UPDATE, COPY, a key
SET ROLE regress_loader;
SELECT write(6, 'search');
RESET ROLE;
SET session_replication_role = replica;
SELECT write(7, 'search');
RESET session_replication_role;
UPDATE payloads SET request = '{"messages": ["secret later"]}', received_at = '2001-01-01' WHERE id = 3;
COPY payloads (id, organization_id, workspace_id, model, request) FROM STDIN;
8	aaaaaaaa-0000-4000-8000-000000000000	aaaaaaaa-0000-4000-8000-000000000002	m	{"messages": "secret"}
\.
SET SESSION AUTHORIZATION regress_app;
CALL become('search service');
INSERT INTO payloads (id, model, request, received_at) VALUES (9, 'm', '{"messages": "secret"}', '2001-01-01') RETURNING id, request;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT id, model, request, extra, tags, note, received_at > now() - interval '1 hour' AS received_now FROM payloads ORDER BY id;
-- Retention: leak first, then hidden from the next run on, also of prepared plans.
SET tenancy.guard_rails = off;
ALTER TABLE payloads DISABLE TRIGGER "~~tenancy_keep_row";
RESET tenancy.guard_rails;
UPDATE payloads SET received_at = now() - interval '10 days' WHERE id IN (1, 2, 3);
ALTER TABLE payloads ENABLE ALWAYS TRIGGER "~~tenancy_keep_row";
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM who_sees('payloads');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SET plan_cache_mode = force_generic_plan;
PREPARE ids AS SELECT string_agg(id::text, ' ' ORDER BY id) FROM payloads;
EXECUTE ids;
SELECT tenancy.set_logging(NULL, 'retention_days.payloads', '30');
EXECUTE ids;
SELECT tenancy.set_logging(NULL, 'retention_days.payloads', '7');
EXECUTE ids;
SELECT tenancy.set_logging(NULL, 'retention_days.logs', '1');
EXECUTE ids;
SELECT tenancy.reset_logging(NULL, 'retention_days.payloads');
EXECUTE ids;
SELECT tenancy.set_logging(NULL, 'retention_days.payloads', '7', 'support');
EXECUTE ids;
SELECT tenancy.set_logging(NULL, 'retention_days.payloads', '7', 'search');
EXECUTE ids;
RESET plan_cache_mode;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM who_sees('payloads');
RESET SESSION AUTHORIZATION;
-- A hold shows the row to the owner, and keeps it from everybody's DELETE and from the job.
SELECT tenancy.set_logging('acme', 'legal_hold', 'on', 'acme/search');
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM who_sees('payloads') WHERE who IN ('olivia', 'adam', 'mona', 'acme master', 'gus');
RESET SESSION AUTHORIZATION;
SELECT failure('DELETE FROM payloads WHERE id = 3'), failure($$SELECT tenancy.unprotect('payloads')$$), failure($$SELECT tenancy.ignore_logging_settings('payloads')$$);
SELECT tenancy.set_logging('globex', 'retention_days.payloads', '7');
SELECT * FROM tenancy.remove_expired_rows();
SELECT string_agg(id::text, ' ' ORDER BY id) AS left_over FROM payloads;
SELECT tenancy.reset_logging('acme', 'legal_hold', 'acme/search');
SELECT * FROM tenancy.remove_expired_rows(1);
SELECT * FROM tenancy.remove_expired_rows();
SELECT string_agg(id::text, ' ' ORDER BY id) AS left_over FROM payloads;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM who_can($$SELECT * FROM tenancy.remove_expired_rows()$$);
RESET SESSION AUTHORIZATION;
-- Protected anew, and partitions made later
\o /dev/null
SELECT tenancy.protect('payloads', 'logs', organization => 'organization_id', workspace => 'workspace_id');
\o
SELECT polname, pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polrelid = 'payloads'::regclass AND NOT polpermissive ORDER BY polname;
SELECT tenancy.unprotect('payloads');
SELECT count(*) AS policies FROM pg_policy WHERE polrelid = 'payloads'::regclass;
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid = 'payloads'::regclass;
CREATE SCHEMA regress_kept;
SELECT tenancy.create_observability('regress_kept');
SELECT tenancy.apply_logging_settings('regress_kept');
SELECT relation, kind, content FROM tenancy_internal.kept_tables ORDER BY 1;
INSERT INTO regress_kept.logs (organization_id, workspace_id, metadata) VALUES ('aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', '{"a": "secret"}');
INSERT INTO regress_kept.log_payloads (log_id, start_time, organization_id, workspace_id, request)
VALUES (gen_random_uuid(), now(), 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000003', '"secret"'), (gen_random_uuid(), now(), 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', '"secret"');
INSERT INTO regress_kept.traces (trace_id, span_id, start_time, organization_id, workspace_id, name, status_message, attributes, events, links)
VALUES (repeat('a', 32), repeat('1', 16), now(), 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'n', 'secret', '{"a": "secret"}', '["secret"]', '["secret"]');
SELECT count(*) AS kept_out FROM (SELECT l::text FROM regress_kept.logs l UNION ALL SELECT l::text FROM regress_kept.log_payloads l UNION ALL SELECT l::text FROM regress_kept.traces l) x (text) WHERE text LIKE '%secret%';
SELECT (SELECT count(*) FROM regress_kept.log_payloads) AS payloads, (SELECT count(*) FROM regress_kept.logs) AS logs;
SELECT count(DISTINCT polrelid) > 4 AS partitions_too FROM pg_policy WHERE polname = 'tenancy_retention';
-- Partitions with rows under a hold are not dropped.
INSERT INTO regress_kept.traces (trace_id, span_id, start_time, organization_id, workspace_id, name)
VALUES (repeat('b', 32), repeat('1', 16), now() - interval '40 days', 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'old');
SELECT tenancy.set_logging('acme', 'legal_hold', 'on');
SELECT tenancy.drop_partitions('regress_kept', 'traces', '30 days', false) AS dropped;
SELECT count(*) FROM regress_kept.traces WHERE name = 'old';
SELECT tenancy.reset_logging('acme', 'legal_hold');
SELECT tenancy.drop_partitions('regress_kept', 'traces', '30 days', false) AS dropped;
SELECT count(*) FROM regress_kept.traces WHERE name = 'old';
-- Sums of an organization under a hold are kept, and do not keep others' from being brought up to date.
INSERT INTO regress_kept.logs (start_time, organization_id, workspace_id, request_model)
SELECT '2026-01-01 10:00+00', o, w, 'm' FROM (VALUES
  ('aaaaaaaa-0000-4000-8000-000000000000'::uuid, 'aaaaaaaa-0000-4000-8000-000000000002'::uuid), ('aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000003'),
  ('bbbbbbbb-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000002')) v (o, w), generate_series(1, 2);
SELECT regress_kept.refresh_analytics() > 0 AS refreshed;
SELECT tenancy.set_logging('acme', 'legal_hold', 'on', 'acme/search');
SELECT failure('DELETE FROM regress_kept.analytics');
DELETE FROM regress_kept.logs WHERE start_time = '2026-01-01 10:00+00' AND workspace_id <> 'aaaaaaaa-0000-4000-8000-000000000002';
INSERT INTO regress_kept.logs (start_time, organization_id, workspace_id, request_model)
VALUES ('2026-01-01 10:00+00', 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'm'), ('2026-01-01 10:00+00', 'bbbbbbbb-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000002', 'n');
SELECT regress_kept.refresh_analytics() > 0 AS refreshed;
SELECT organization_id, workspace_id, request_model, requests FROM regress_kept.analytics WHERE hour = '2026-01-01 10:00+00' ORDER BY 1, 2, 3;
SELECT tenancy.reset_logging('acme', 'legal_hold', 'acme/search');
-- Ids are unique in a workspace: one that another workspace has used is free, and nobody learns of it.
INSERT INTO regress_kept.logs (log_id, start_time, organization_id, workspace_id)
SELECT 'eeeeeeee-0000-4000-8000-000000000001', '2026-02-01 10:00+00', 'aaaaaaaa-0000-4000-8000-000000000000', w FROM unnest('{aaaaaaaa-0000-4000-8000-000000000002,aaaaaaaa-0000-4000-8000-000000000003,NULL}'::uuid[]) w;
INSERT INTO regress_kept.log_payloads (log_id, start_time, organization_id, workspace_id, response) SELECT log_id, start_time, organization_id, workspace_id, '1' FROM regress_kept.logs WHERE start_time = '2026-02-01 10:00+00';
INSERT INTO regress_kept.traces (trace_id, span_id, start_time, organization_id, workspace_id, name)
SELECT repeat('c', 32), repeat('1', 16), '2026-02-01 10:00+00', 'aaaaaaaa-0000-4000-8000-000000000000', w, 'n' FROM unnest('{aaaaaaaa-0000-4000-8000-000000000002,aaaaaaaa-0000-4000-8000-000000000003,NULL}'::uuid[]) w;
SELECT failure(format('INSERT INTO regress_kept.%1$s SELECT * FROM regress_kept.%1$s WHERE start_time = ''2026-02-01 10:00+00'' AND workspace_id IS NOT DISTINCT FROM %2$L', t, w))
FROM unnest('{logs,traces}'::text[]) t, unnest('{aaaaaaaa-0000-4000-8000-000000000003,NULL}'::uuid[]) w;
SELECT (SELECT count(*) FROM regress_kept.logs WHERE start_time = '2026-02-01 10:00+00') AS logs, count(*) AS entries FROM regress_kept.log_entries WHERE start_time = '2026-02-01 10:00+00';
DELETE FROM regress_kept.log_payloads WHERE start_time = '2026-02-01 10:00+00';
DELETE FROM regress_kept.traces WHERE start_time = '2026-02-01 10:00+00';
DELETE FROM regress_kept.logs WHERE start_time = '2026-02-01 10:00+00';
-- Logs go at the end of their retention, and what was summed up of them by the hour stays for its own, also when the hour is summed up again.
SELECT count(*) AS logs, (SELECT sum(requests) FROM regress_kept.analytics WHERE organization_id = 'aaaaaaaa-0000-4000-8000-000000000000') AS requests
FROM regress_kept.logs WHERE organization_id = 'aaaaaaaa-0000-4000-8000-000000000000';
SELECT tenancy.set_logging('acme', 'retention_days.logs', '30');
SET tenancy.guard_rails = off;
ALTER TABLE regress_kept.logs DISABLE TRIGGER "~~tenancy_keep_row";
RESET tenancy.guard_rails;
UPDATE regress_kept.logs SET received_at = received_at - interval '40 days', request_model = 'late' WHERE organization_id = 'aaaaaaaa-0000-4000-8000-000000000000' AND start_time = '2026-01-01 10:00+00';
ALTER TABLE regress_kept.logs ENABLE ALWAYS TRIGGER "~~tenancy_keep_row";
-- A late row, not yet summed up
INSERT INTO regress_kept.logs (start_time, organization_id, workspace_id, request_model) VALUES ('2026-01-01 10:00+00', 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'later');
SELECT relation, removed, referred_to, held FROM tenancy.remove_expired_rows();
SELECT count(*) AS logs FROM regress_kept.logs WHERE organization_id = 'aaaaaaaa-0000-4000-8000-000000000000' AND start_time = '2026-01-01 10:00+00';
SELECT request_model, sum(requests) AS requests FROM regress_kept.analytics WHERE organization_id = 'aaaaaaaa-0000-4000-8000-000000000000' AND hour = '2026-01-01 10:00+00' GROUP BY 1 ORDER BY 1;
SELECT regress_kept.refresh_analytics() > 0 AS refreshed, regress_kept.invalidate_analytics() > 0 AS invalidated, regress_kept.refresh_analytics() > 0 AS refreshed;
SELECT request_model, sum(requests) AS requests FROM regress_kept.analytics WHERE organization_id = 'aaaaaaaa-0000-4000-8000-000000000000' AND hour = '2026-01-01 10:00+00' GROUP BY 1 ORDER BY 1;
-- The others' sums follow their logs as before, and analytics end by their own setting.
DELETE FROM regress_kept.logs WHERE organization_id = 'bbbbbbbb-0000-4000-8000-000000000000';
SELECT regress_kept.refresh_analytics() > 0 AS refreshed;
SELECT count(*) FROM regress_kept.analytics WHERE organization_id = 'bbbbbbbb-0000-4000-8000-000000000000';
SET tenancy.guard_rails = off;
ALTER TABLE regress_kept.analytics DISABLE TRIGGER "~~tenancy_keep_row";
RESET tenancy.guard_rails;
UPDATE regress_kept.analytics SET received_at = received_at - interval '400 days';
ALTER TABLE regress_kept.analytics ENABLE ALWAYS TRIGGER "~~tenancy_keep_row";
SELECT removed FROM tenancy.remove_expired_rows() WHERE relation = 'regress_kept.analytics'::regclass;
SELECT tenancy.set_logging('acme', 'retention_days.analytics', '365');
SET client_min_messages = warning;
SELECT removed > 0 AS removed FROM tenancy.remove_expired_rows() WHERE relation = 'regress_kept.analytics'::regclass;
RESET client_min_messages;
-- Rows that others refer to stay, and the job says how many, and why; it goes on with other tables.
CREATE TABLE cited (id int PRIMARY KEY, organization_id uuid);
CREATE TABLE citing (id int REFERENCES cited, organization_id uuid);
CREATE TABLE citing_too (id int REFERENCES cited);
SELECT tenancy.protect(t, 'logs', 'organization_id', create_indexes => true) FROM unnest('{cited,citing}'::regclass[]) t;
SELECT tenancy.apply_logging_settings('cited', 'logs');
INSERT INTO cited SELECT i, 'aaaaaaaa-0000-4000-8000-000000000000' FROM generate_series(1, 5) i;
SET tenancy.guard_rails = off;
ALTER TABLE cited DISABLE TRIGGER "~~tenancy_keep_row";
RESET tenancy.guard_rails;
UPDATE cited SET received_at = received_at - interval '40 days';
ALTER TABLE cited ENABLE ALWAYS TRIGGER "~~tenancy_keep_row";
INSERT INTO citing SELECT i, 'aaaaaaaa-0000-4000-8000-000000000000' FROM generate_series(1, 2) i;
SELECT * FROM tenancy.remove_expired_rows(2) WHERE relation = 'cited'::regclass;
SELECT * FROM tenancy.remove_expired_rows() WHERE relation = 'cited'::regclass;
INSERT INTO cited VALUES (6, 'aaaaaaaa-0000-4000-8000-000000000000');
INSERT INTO citing_too VALUES (6);
SET tenancy.guard_rails = off;
ALTER TABLE cited DISABLE TRIGGER "~~tenancy_keep_row";
RESET tenancy.guard_rails;
UPDATE cited SET received_at = now() - interval '40 days' WHERE id = 6;
ALTER TABLE cited ENABLE ALWAYS TRIGGER "~~tenancy_keep_row";
SELECT * FROM tenancy.remove_expired_rows() WHERE relation = 'cited'::regclass;
DROP TABLE citing, citing_too;
SELECT * FROM tenancy.remove_expired_rows() WHERE relation = 'cited'::regclass;
-- A table whose owner's code fails, with whatever error, stays as it is, and the job goes on with the others,
CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('test.state', true) = 'P0004' THEN
    ASSERT false, 'asserted';
  ELSIF current_setting('test.state', true) <> '' THEN
    RAISE EXCEPTION USING ERRCODE = current_setting('test.state'), MESSAGE = 'for test''s sake';
  END IF;
  RETURN OLD;
END
$$;
CREATE TABLE others (id int, organization_id uuid);
SELECT tenancy.protect('others', 'logs', 'organization_id', create_indexes => true);
SELECT tenancy.apply_logging_settings('others', 'logs');
CREATE TRIGGER fails BEFORE DELETE ON cited FOR EACH ROW EXECUTE FUNCTION fails();
CREATE PROCEDURE expire() LANGUAGE plpgsql AS $$
DECLARE
  t regclass;
BEGIN
  INSERT INTO app.cited SELECT i, 'aaaaaaaa-0000-4000-8000-000000000000' FROM generate_series(11, 13) i ON CONFLICT DO NOTHING;
  INSERT INTO app.others SELECT i, 'aaaaaaaa-0000-4000-8000-000000000000' FROM generate_series(1, 2) i;
  SET tenancy.guard_rails = off;
  FOREACH t IN ARRAY '{app.cited,app.others}'::regclass[] LOOP
    EXECUTE format('ALTER TABLE %s DISABLE TRIGGER "~~tenancy_keep_row"', t);
    EXECUTE format('UPDATE %s SET received_at = now() - interval ''40 days''', t);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER "~~tenancy_keep_row"', t);
  END LOOP;
  RESET tenancy.guard_rails;
END
$$;
CREATE FUNCTION removed_when(state text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('test.state', removed_when.state, true);
  CALL app.expire();
  RETURN QUERY SELECT concat_ws(' ', r.relation, r.removed, 'removed,', r.referred_to, 'stay') FROM tenancy.remove_expired_rows() r WHERE r.relation IN ('app.cited'::regclass, 'app.others'::regclass);
END
$$;
SELECT s.state, r FROM unnest('{23514,42501,57014,XX000,P0004,40001}'::text[]) s (state), removed_when(s.state) r;
-- nor do sums of logs that cannot be kept stop it.
CREATE FUNCTION regress_kept.fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not written'; END $$;
CREATE TRIGGER fails BEFORE INSERT ON regress_kept.analytics_kept EXECUTE FUNCTION regress_kept.fails();
SELECT removed_when('23514');
DROP TRIGGER fails ON regress_kept.analytics_kept;
-- A cancel does.
SET statement_timeout = '1s';
CREATE OR REPLACE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(30); RETURN OLD; END $$;
SELECT removed_when('');
SET statement_timeout = 0;
DROP TRIGGER fails ON cited;
SELECT removed_when('');
SELECT tenancy.unprotect('others');
SELECT tenancy.unprotect('cited');
SELECT tenancy.unprotect(c) FROM unnest('{regress_kept.logs,regress_kept.log_payloads,regress_kept.traces,regress_kept.analytics}'::regclass[]) c;
SELECT count(*) FROM tenancy_internal.kept_tables;
\set VERBOSITY terse
SET client_min_messages = error;
DROP SCHEMA regress_kept CASCADE;
REVOKE ALL ON SCHEMA app FROM regress_loader;
DROP ROLE regress_loader;
-- Types that a session drops at its end would take columns with them.
CREATE TEMP TABLE parts (a text);
CREATE TYPE temporary_parts AS (p parts);
CREATE TABLE typed (organization_id uuid, content temporary_parts[]);
SELECT tenancy.protect('typed', 'logs', 'organization_id', shared => true, create_indexes => true) IS NOT NULL AS protected;
SELECT tenancy.apply_logging_settings('typed', 'payloads', '{content}');
ALTER TABLE typed DROP COLUMN content, ADD COLUMN content text;
SELECT tenancy.apply_logging_settings('typed', 'payloads', '{content}');
ALTER TABLE typed ADD COLUMN more parts;
-- So would a type that gets such a part later, and whatever else goes with the session, also where a restore is pretended.
CREATE TYPE body AS (subject text);
CREATE VIEW shown AS SELECT 1 AS one;
CREATE FUNCTION doubled(n int) RETURNS int LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT n * 2; END;
CREATE FUNCTION pg_temp.halved(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n / 2';
CREATE COLLATION pg_temp.of_session FROM "C";
CREATE TYPE pg_temp.row_of_session AS (organization_id uuid, content text COLLATE "C", received_at timestamptz);
CREATE TABLE lasting (a text);
ALTER TABLE typed ADD COLUMN letter body[], ADD COLUMN other lasting, ADD COLUMN one shown, ADD COLUMN n int;
SET check_function_bodies = off;
ALTER TABLE typed ALTER COLUMN content TYPE parts USING ROW(content)::parts;
RESET check_function_bodies;
ALTER TABLE typed ALTER COLUMN content TYPE varchar;
ALTER TABLE typed ALTER COLUMN content TYPE text COLLATE pg_temp.of_session;
ALTER TABLE typed ALTER COLUMN content TYPE text COLLATE "C";
ALTER TYPE body ADD ATTRIBUTE content parts;
ALTER TYPE body ADD ATTRIBUTE content text;
ALTER TABLE lasting ADD COLUMN b parts;
ALTER TABLE lasting ADD COLUMN b text;
-- From 19 on such a view is another one, and temporary itself.
SELECT CASE WHEN current_setting('server_version_num')::int < 190000 THEN state ELSE '55000' END AS state FROM failure('CREATE OR REPLACE VIEW shown AS SELECT 1 AS one, NULL::parts AS parts');
CREATE OR REPLACE VIEW shown AS SELECT 1 AS one, NULL::text AS parts;
ALTER TABLE typed ADD COLUMN half int GENERATED ALWAYS AS (pg_temp.halved(n)) STORED;
ALTER TABLE typed ADD COLUMN double int GENERATED ALWAYS AS (doubled(n)) STORED, ADD COLUMN half int DEFAULT pg_temp.halved(2);
CREATE OR REPLACE FUNCTION doubled(n int) RETURNS int LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT n * 2 WHERE NULL::parts IS NULL; END;
ALTER TABLE typed DROP COLUMN double, DROP COLUMN half;
ALTER TABLE typed DROP COLUMN letter, DROP COLUMN other, DROP COLUMN one, DROP COLUMN n;
ALTER TABLE typed OF pg_temp.row_of_session;
SELECT attname, atttypid::regtype FROM pg_attribute WHERE attrelid = 'typed'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum;
-- Of a table that doesn't follow them, the session may have what it likes.
SELECT tenancy.ignore_logging_settings('typed');
ALTER TABLE typed ADD COLUMN letter body, ALTER COLUMN content TYPE text COLLATE pg_temp.of_session;
ALTER TYPE body ADD ATTRIBUTE more parts;
SELECT tenancy.apply_logging_settings('typed', 'payloads', '{content}');
DROP TABLE typed;
DROP TABLE lasting;
DROP VIEW shown;
DROP FUNCTION doubled(int), pg_temp.halved(int);
DROP TYPE body, temporary_parts, pg_temp.row_of_session;
DROP COLLATION pg_temp.of_session;
DROP TABLE parts;
-- One partition that follows them, of a table that doesn't, has triggers of its own, also after its columns got other names.
CREATE TABLE whole (id int, organization_id uuid, body text, received_at timestamptz NOT NULL DEFAULT now()) PARTITION BY LIST (id);
CREATE TABLE part PARTITION OF whole FOR VALUES IN (1);
SELECT tenancy.protect('whole', 'logs', 'organization_id', shared => true, create_indexes => true) IS NOT NULL AS protected;
SELECT tenancy.apply_logging_settings('part', 'payloads', '{body}');
SELECT count(*) AS settings FROM tenancy.logging_settings('globex') WHERE source <> 'default';
INSERT INTO whole VALUES (1, 'bbbbbbbb-0000-4000-8000-000000000000', 'kept');
SELECT tenancy.set_logging('globex', 'legal_hold', 'on');
DELETE FROM whole;
ALTER TABLE whole RENAME body TO text;
ALTER TABLE whole RENAME organization_id TO tenant;
ALTER TABLE whole ADD organization_id uuid;
UPDATE whole SET body = NULL;
DELETE FROM part;
TRUNCATE whole;
SELECT tenancy.reset_logging('globex', 'legal_hold');
DROP TABLE whole;
-- Partitions, one with partitions of its own, that are of more content and another kind than their parent, whichever follows the settings first
CREATE TABLE whole (id int, organization_id uuid, body text, extra text, received_at timestamptz NOT NULL DEFAULT now()) PARTITION BY LIST (id);
CREATE TABLE part PARTITION OF whole FOR VALUES IN (1);
CREATE TABLE parts PARTITION OF whole FOR VALUES IN (2, 3) PARTITION BY LIST (id);
CREATE TABLE part_2 PARTITION OF parts FOR VALUES IN (2);
CREATE TABLE rest PARTITION OF whole DEFAULT;
SELECT tenancy.protect('whole', 'logs', 'organization_id', shared => true, create_indexes => true) IS NOT NULL AS protected;
SELECT tenancy.apply_logging_settings('part', 'payloads', '{extra}');
SELECT tenancy.apply_logging_settings('whole', 'logs', '{body}');
SELECT tenancy.apply_logging_settings('parts', 'payloads', '{extra}');
CREATE TABLE part_3 PARTITION OF parts FOR VALUES IN (3);
CREATE VIEW keeping AS SELECT t.tgrelid::regclass::text AS relation, t.tgname, t.tgparentid <> 0 AS of_parent, t.tgenabled, encode(t.tgargs, 'escape') AS arguments
  FROM pg_trigger t WHERE t.tgfoid = 'tenancy_internal.keep_row'::regproc AND t.tgrelid IN (SELECT tenancy_internal.family_of('whole'));
SELECT * FROM keeping ORDER BY relation COLLATE "C", tgname;
INSERT INTO whole SELECT n, 'bbbbbbbb-0000-4000-8000-000000000000', 'body', 'extra' FROM generate_series(1, 4) n;
SELECT tenancy.set_logging('globex', 'legal_hold', 'on');
SELECT w, f.message FROM generate_series(1, 4) n, unnest('{extra,body}'::text[]) c, format('UPDATE whole SET %I = NULL WHERE id = %s', c, n) w, failure(w) f ORDER BY 1;
SELECT w, f.message FROM unnest(ARRAY['ALTER TABLE part DISABLE TRIGGER "~~tenancy_keep_row_content_own"', 'DROP TRIGGER "~~tenancy_keep_row_content_own" ON part',
  $$SELECT tenancy.apply_logging_settings('part', 'logs')$$, $$SELECT tenancy.ignore_logging_settings('whole')$$,
  $$UPDATE whole SET id = 3 WHERE id = 4$$, $$UPDATE whole SET id = 3, extra = 'changed' WHERE id = 4$$]) w, failure(w) f;
SELECT tenancy.reset_logging('globex', 'legal_hold'), tenancy.set_logging('globex', 'store_content', 'metadata');
INSERT INTO whole SELECT n, 'bbbbbbbb-0000-4000-8000-000000000000', 'secret', 'told' FROM generate_series(1, 4) n;
-- What has come with a row moves with it; what is changed then is new.
UPDATE whole SET id = 2 WHERE id = 1 AND extra IS NOT NULL;
UPDATE whole SET id = 3, extra = 'changed' WHERE id = 4 AND body IS NULL;
SELECT tenancy.set_logging('globex', 'store_content', 'none');
INSERT INTO whole SELECT n, 'bbbbbbbb-0000-4000-8000-000000000000', 'secret', 'told' FROM generate_series(1, 4) n;
SELECT tableoid::regclass, id, body, extra FROM whole ORDER BY id, body, extra;
SELECT tenancy.reset_logging('globex', 'store_content');
-- Taken away by a superuser, they are reported, and made anew.
SET tenancy.guard_rails = off;
DROP TRIGGER "~~tenancy_keep_row_content_own" ON part;
RESET tenancy.guard_rails;
SELECT object, problem, fix_sql FROM tenancy.advise() WHERE rule = 'protection_broken' AND object ~ 'part|whole';
SELECT fix_sql FROM tenancy.advise() WHERE rule = 'protection_broken' AND object ~ 'part|whole' \gexec
SELECT relation, arguments FROM keeping WHERE relation = 'part' ORDER BY tgname;
-- They are by the columns' present names, and go as soon as nothing differs; where the parent no longer follows the settings, partitions do by themselves.
ALTER TABLE whole RENAME extra TO more;
SELECT tenancy.ignore_logging_settings('parts');
SELECT relation, tgname, arguments FROM keeping WHERE relation ~ 'part' ORDER BY relation COLLATE "C", tgname;
SELECT tenancy.ignore_logging_settings('whole');
SELECT * FROM keeping;
ALTER TABLE whole DETACH PARTITION part;
SELECT object, problem FROM tenancy.advise() WHERE rule = 'protection_broken' AND object ~ 'part|whole';
DROP TABLE whole, part CASCADE;
-- Whichever way a table comes back by the name of one that followed the settings, it follows them again, or stays closed.
CREATE TABLE mail (id int, organization_id uuid, body text, sent boolean);
CREATE TABLE plain (LIKE mail);
SELECT tenancy.protect(t, 'prompts', 'organization_id', actions => '{"publish": ["sent"]}', create_indexes => true) IS NOT NULL AS protected FROM unnest('{mail,plain}'::regclass[]) t;
SELECT tenancy.apply_logging_settings('mail', 'payloads', '{body}');
-- What DROP takes, and a restore brings: rows, triggers, policies
CREATE FUNCTION dumped(relation regclass) RETURNS TABLE (command text) LANGUAGE sql STABLE AS $$
  (SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t WHERE t.tgrelid = dumped.relation AND NOT t.tgisinternal AND t.tgparentid = 0 ORDER BY t.tgname)
  UNION ALL
  (SELECT format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', dumped.relation, t.tgname) FROM pg_trigger t WHERE t.tgrelid = dumped.relation AND t.tgenabled = 'A'
   ORDER BY t.tgname)
  UNION ALL
  (SELECT format('CREATE POLICY %I ON %s AS %s FOR %s%s%s', p.policyname, dumped.relation, p.permissive, p.cmd, ' USING (' || p.qual || ')', ' WITH CHECK (' || p.with_check || ')')
   FROM pg_policies p WHERE format('%I.%I', p.schemaname, p.tablename)::regclass = dumped.relation ORDER BY p.policyname)
$$;
CREATE FUNCTION follows(relation text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT k.kind || ' ' || k.content::text FROM tenancy_internal.kept_tables k WHERE k.relation = to_regclass(follows.relation)), 'nothing')
    || ', ' || (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = to_regclass(follows.relation) AND t.tgname LIKE '~~tenancy_keep_row%') || ' triggers'
    || CASE WHEN tenancy_internal.is_closed(to_regclass(follows.relation)) THEN ', closed' ELSE '' END
$$;
SELECT t, follows(t) FROM unnest('{mail,plain}'::text[]) t;
-- With its policies, as by pg_dump -t
\set ECHO none
CREATE TEMP TABLE commands AS SELECT t AS relation, d.command, d.n FROM unnest('{mail,plain}'::text[]) t, dumped(t::regclass) WITH ORDINALITY d (command, n);
\set ECHO all
DROP TABLE mail, plain;
SET check_function_bodies = off;
CREATE TABLE mail (id int, organization_id uuid, body text, sent boolean, received_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE plain (id int, organization_id uuid, body text, sent boolean);
INSERT INTO mail VALUES (1, 'bbbbbbbb-0000-4000-8000-000000000000', 'as it was');
SELECT c.command FROM commands c ORDER BY c.relation, c.n \gexec
RESET check_function_bodies;
SELECT t, follows(t) FROM unnest('{mail,plain}'::text[]) t;
SELECT kept_kind, kept_content FROM tenancy.protected_names WHERE table_name IN ('mail', 'plain') ORDER BY table_name;
-- Without them, as by pg_restore -t: by what advise() prints
DROP TABLE mail, plain;
SET check_function_bodies = off;
CREATE TABLE mail (id int, organization_id uuid, body text, sent boolean, received_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE plain (id int, organization_id uuid, body text, sent boolean);
RESET check_function_bodies;
SELECT t, follows(t) FROM unnest('{mail,plain}'::text[]) t;
SELECT object, fix_sql FROM tenancy.advise() WHERE rule = 'closed_table' ORDER BY object;
BEGIN;
SELECT a.fix_sql FROM tenancy.advise() a WHERE a.rule = 'closed_table' ORDER BY a.object \gexec
SELECT t, follows(t) FROM unnest('{mail,plain}'::text[]) t;
ROLLBACK;
-- and by a call of one's own, unless its columns do not allow it
SELECT tenancy.protect('plain', 'prompts', 'organization_id', create_indexes => true);
ALTER TABLE mail RENAME body TO text;
SELECT tenancy.protect('mail', 'prompts', 'organization_id', create_indexes => true);
ALTER TABLE mail RENAME text TO body;
SELECT tenancy.protect('mail', 'prompts', 'organization_id', create_indexes => true);
SELECT t, follows(t) FROM unnest('{mail,plain}'::text[]) t;
INSERT INTO mail VALUES (1, 'aaaaaaaa-0000-4000-8000-000000000000', 'held');
SELECT tenancy.set_logging('acme', 'legal_hold', 'on');
DROP TABLE mail;
SELECT tenancy.reset_logging('acme', 'legal_hold');
-- A protected table that is renamed into its place; another name says nothing.
CREATE TABLE new_mail (LIKE mail);
SELECT tenancy.protect('new_mail', 'prompts', 'organization_id', create_indexes => true);
ALTER TABLE mail RENAME TO old_mail;
ALTER TABLE plain RENAME TO other;
ALTER TABLE new_mail RENAME TO mail;
SELECT t, follows(t) FROM unnest('{mail,old_mail,other}'::text[]) t;
-- Their owner ends it; advise() finds a name whose table doesn't follow the settings.
SELECT tenancy.ignore_logging_settings('mail');
SELECT tenancy.protect('mail', 'prompts', 'organization_id');
SELECT t, follows(t) FROM unnest('{mail,old_mail}'::text[]) t;
DELETE FROM tenancy_internal.kept_tables WHERE relation = 'old_mail'::regclass;
SELECT rule, severity, object, problem, fix_sql FROM tenancy.advise() WHERE object LIKE '%mail' AND severity = 'error';
SELECT fix_sql FROM tenancy.advise() WHERE object LIKE '%mail' AND severity = 'error' \gexec
SELECT follows('old_mail'), (SELECT count(*) FROM tenancy.advise() WHERE object LIKE '%mail' AND severity = 'error') AS errors;
-- What is broken is mended in place, and the settings are followed as before; also while a hold keeps rows.
SELECT tenancy.protect('old_mail', 'prompts', 'organization_id', actions => '{"publish": ["sent"]}');
SELECT tenancy.set_logging('acme', 'legal_hold', 'on');
SET tenancy.guard_rails = off;
ALTER TABLE old_mail DISABLE TRIGGER "~tenancy_action_1_update";
RESET tenancy.guard_rails;
SELECT fix_sql FROM tenancy.advise() WHERE rule = 'protection_broken';
SELECT fix_sql FROM tenancy.advise() WHERE rule = 'protection_broken' \gexec
SELECT follows('old_mail'), (SELECT count(*) FROM tenancy.advise() WHERE rule = 'protection_broken') AS broken;
SELECT tenancy.reset_logging('acme', 'legal_hold');
DROP TABLE mail, old_mail, other;

-- Rows past their retention are hidden from statements that read nothing as well: they are not moved to where they are kept longer, nor
-- counted or deleted. Those that are kept are.
CREATE TABLE moves (id int, organization_id uuid, workspace_id uuid, body text);
ALTER TABLE moves OWNER TO regress_owner;
GRANT SELECT, UPDATE, DELETE ON moves TO regress_app;
\o /dev/null
SELECT tenancy.protect('moves', 'prompts', organization => 'organization_id', workspace => 'workspace_id');
SELECT tenancy.apply_logging_settings('moves', 'logs');
SELECT tenancy.set_logging('acme', 'retention_days.logs', '90');
SELECT tenancy.set_logging('acme', 'retention_days.logs', '30', 'acme/search');
\o
SELECT polname, polcmd, polpermissive FROM pg_policy WHERE polrelid = 'moves'::regclass AND polname LIKE 'tenancy_retention%' ORDER BY 1;
INSERT INTO moves (id, organization_id, workspace_id, body, received_at) VALUES
  (1, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'fresh', now()),
  (2, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'expired', now() - interval '42 days'),
  (3, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000003', 'kept longer', now() - interval '42 days');
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
BEGIN;
UPDATE moves SET workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003';
SELECT id, body, right(workspace_id::text, 1) AS workspace FROM moves ORDER BY id;
ROLLBACK;
BEGIN;
WITH gone AS (DELETE FROM moves RETURNING 1) SELECT count(*) FROM gone;
ROLLBACK;
BEGIN;
DELETE FROM moves;
RESET SESSION AUTHORIZATION;
SELECT id, body FROM moves ORDER BY id;
ROLLBACK;
SET SESSION AUTHORIZATION regress_owner;
SELECT failure('DROP POLICY tenancy_retention_update ON moves'), failure('DROP POLICY tenancy_retention_delete ON moves');
-- ... nor altered, nor renamed; others may be.
SELECT w, failure(w) FROM unnest(ARRAY['ALTER POLICY tenancy_retention ON moves USING (true)', 'ALTER POLICY tenancy_retention_update ON moves TO postgres', 'ALTER POLICY tenancy_retention ON moves RENAME TO other',
  'CREATE POLICY other ON moves AS RESTRICTIVE USING (true)']) w;
RESET SESSION AUTHORIZATION;
CALL become('nobody');
SELECT problem FROM tenancy.advise() WHERE object ~ 'moves' AND rule = 'protection_broken';
SET tenancy.guard_rails = off;
DROP POLICY tenancy_retention_update ON moves;
RESET tenancy.guard_rails;
SELECT rule, problem, fix_sql FROM tenancy.advise() WHERE object ~ 'moves' AND rule = 'protection_broken';
SELECT fix_sql FROM tenancy.advise() WHERE object ~ 'moves' AND rule = 'protection_broken' \gexec
SELECT problem FROM tenancy.advise() WHERE object ~ 'moves' AND rule = 'protection_broken';
SELECT tenancy.ignore_logging_settings('moves');
SELECT count(*) FROM pg_policy WHERE polrelid = 'moves'::regclass AND NOT polpermissive;
DROP TABLE moves;
