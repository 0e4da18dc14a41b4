-- Rows past their retention are removed tenant by tenant: whatever keeps one's keeps nobody else's.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\pset format unaligned
\set acme aaaaaaaa-0000-4000-8000-000000000000
\set globex bbbbbbbb-0000-4000-8000-000000000000
CREATE TABLE notes (id int PRIMARY KEY, organization_id uuid, content text);
SELECT tenancy.protect('notes', 'logs', 'organization_id', create_indexes => true) IS NOT NULL AS protected;
SELECT tenancy.apply_logging_settings('notes', 'payloads', '{content}');
SELECT tenancy.set_logging(o, 'retention_days.payloads', '1') FROM unnest('{acme,globex}'::text[]) o;
CREATE FUNCTION expire(first int) RETURNS void LANGUAGE sql AS $$
  INSERT INTO app.notes (id, organization_id, content, received_at)
  SELECT first + i, CASE WHEN i < 3 THEN 'aaaaaaaa-0000-4000-8000-000000000000' ELSE 'bbbbbbbb-0000-4000-8000-000000000000' END::uuid, 'x', now() - interval '3 days' FROM generate_series(1, 4) i
$$;
CREATE VIEW left_over AS SELECT string_agg(id::text, ' ' ORDER BY id) AS left_over FROM notes;
-- A row of a table that is not protected refers to one of them: the others go, also those of the same tenant.
CREATE TABLE attached (note_id int REFERENCES notes);
SELECT expire(0);
INSERT INTO attached VALUES (1);
SELECT * FROM tenancy.remove_expired_rows();
TABLE left_over;
-- Also where there are more of these than a call removes.
INSERT INTO attached VALUES (1);
SELECT expire(10);
INSERT INTO attached VALUES (11), (12);
SELECT * FROM tenancy.remove_expired_rows(1);
SELECT * FROM tenancy.remove_expired_rows(1);
SELECT * FROM tenancy.remove_expired_rows(1);
TABLE left_over;
-- Deferred to the end, and of a partition
DROP TABLE attached;
CREATE TABLE attached (note_id int REFERENCES notes DEFERRABLE INITIALLY DEFERRED) PARTITION BY LIST (note_id);
CREATE TABLE attached_default PARTITION OF attached DEFAULT;
INSERT INTO attached VALUES (1);
SELECT * FROM tenancy.remove_expired_rows();
TABLE left_over;
DROP TABLE attached;
-- One tenant's rows fail, by whatever error.
CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.organization_id = 'aaaaaaaa-0000-4000-8000-000000000000' THEN
    RAISE EXCEPTION USING ERRCODE = current_setting('test.state'), MESSAGE = 'for test''s sake';
  END IF;
  RETURN OLD;
END
$$;
CREATE TRIGGER fails BEFORE DELETE ON notes FOR EACH ROW EXECUTE FUNCTION fails();
CREATE FUNCTION removed_when(state text, first int) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('test.state', removed_when.state, true), app.expire(removed_when.first);
  RETURN QUERY SELECT concat_ws(' ', r.removed, 'removed,', r.referred_to, 'stay') FROM tenancy.remove_expired_rows() r;
END
$$;
SELECT s.state, r FROM unnest('{23514,23503,42501,XX000,55P03}'::text[]) WITH ORDINALITY s (state, i), removed_when(s.state, 20 + 10 * s.i::int) r;
DROP TRIGGER fails ON notes;
-- What waits is limited, and what the caller has set stays.
SELECT removed FROM tenancy.remove_expired_rows();
SHOW lock_timeout;
BEGIN;
SET LOCAL lock_timeout = '3s';
SELECT removed FROM tenancy.remove_expired_rows();
SHOW lock_timeout;
COMMIT;
-- What was summed up of logs outlives them, also of those whose writer's clock was ahead of the time they were received.
CREATE SCHEMA kept;
SET client_min_messages = warning;
SELECT tenancy.create_observability('kept');
SELECT tenancy.apply_logging_settings('kept');
SELECT tenancy.set_logging('acme', 'retention_days.logs', '1');
SELECT date_bin('1 hour', now() - interval '5 hours', 'epoch') AS hour \gset
CREATE FUNCTION log(at timestamptz, received timestamptz) RETURNS void LANGUAGE sql AS $$
  INSERT INTO kept.logs (start_time, organization_id, workspace_id, received_at, usage_input_tokens)
  VALUES (at, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', received, 10)
$$;
CREATE FUNCTION sums(hour timestamptz) RETURNS TABLE (hours int, requests numeric, tokens numeric) LANGUAGE sql AS $$
  SELECT extract(epoch FROM a.hour - sums.hour) / 3600, a.requests, a.usage_input_tokens FROM kept.analytics a ORDER BY 1
$$;
SELECT log(:'hour', now() - interval '25 hours'), log(:'hour'::timestamptz + interval '59 minutes', now() - interval '25 hours'), log(:'hour'::timestamptz - interval '26 hours', now() - interval '28 hours'),
       log(:'hour'::timestamptz + interval '1 hour', now()), log(:'hour'::timestamptz + interval '2 hours', now());
SELECT kept.refresh_analytics() > 0 AS refreshed;
SELECT * FROM sums(:'hour');
INSERT INTO kept.analytics_kept (organization, before, since) VALUES (:'acme', :'hour'::timestamptz - interval '40 days', :'hour'::timestamptz - interval '41 days');
SELECT relation, removed FROM tenancy.remove_expired_rows() WHERE removed > 0;
SELECT kept.refresh_analytics() > 0 AS refreshed;
SELECT * FROM sums(:'hour');
SELECT organization, workspace, since = '-infinity' AS all_before, CASE WHEN since > '-infinity' THEN since = :'hour' AND before - since = '1 hour' ELSE before BETWEEN now() - interval '25 hours' AND now() - interval '24 hours' END AS as_expected
FROM kept.analytics_kept ORDER BY since;
-- Only these hours: others follow their logs as before.
DELETE FROM kept.logs WHERE start_time = :'hour'::timestamptz + interval '1 hour';
UPDATE kept.logs SET usage_input_tokens = 20;
SELECT kept.invalidate_analytics() > 0 AS invalidated, kept.refresh_analytics() > 0 AS refreshed;
SELECT * FROM sums(:'hour');
-- Logs that come late for an hour of which some were removed count once they are more than these.
SELECT log(:'hour', now()), log(:'hour', now());
SELECT kept.refresh_analytics() > 0 AS refreshed;
SELECT * FROM sums(:'hour');
SELECT log(:'hour', now());
SELECT kept.refresh_analytics() > 0 AS refreshed;
SELECT * FROM sums(:'hour');
-- A partition, and a child, that follow the settings as another kind: by that kind, also where a query of the parent hides their rows
CREATE TABLE parent (id int, organization_id uuid) PARTITION BY LIST (id);
CREATE TABLE parent_1 PARTITION OF parent FOR VALUES IN (1);
CREATE TABLE parent_2 PARTITION OF parent FOR VALUES IN (2) PARTITION BY LIST (id);
CREATE TABLE parent_2_2 PARTITION OF parent_2 DEFAULT;
CREATE TABLE above (id int, organization_id uuid);
CREATE TABLE below () INHERITS (above);
\o /dev/null
SELECT tenancy.protect(t, 'prompts', 'organization_id', create_indexes => true), tenancy.apply_logging_settings(t, 'payloads') FROM unnest('{parent,above}'::regclass[]) t;
SELECT tenancy.apply_logging_settings(t, 'analytics') FROM unnest('{parent_2,below}'::regclass[]) t;
SELECT tenancy.set_logging('acme', 'retention_days.analytics', '30');
\o
INSERT INTO parent SELECT i, :'acme', now() - interval '3 days' FROM generate_series(1, 2) i;
INSERT INTO above VALUES (3, :'acme', now() - interval '3 days');
INSERT INTO below VALUES (4, :'acme', now() - interval '3 days');
SELECT relation, removed, referred_to, held FROM tenancy.remove_expired_rows() WHERE relation::text ~ '^(parent|above|below)';
SELECT id FROM parent UNION ALL SELECT id FROM above ORDER BY 1;
SELECT tenancy.set_logging('acme', 'retention_days.analytics', '2');
SELECT relation, removed, referred_to, held FROM tenancy.remove_expired_rows() WHERE relation::text ~ '^(parent|above|below)';
SELECT id FROM parent UNION ALL SELECT id FROM above ORDER BY 1;
-- Advisory locks that a trigger takes or releases: the session has those that it had, also where the trigger fails.
SET client_min_messages = error;
SELECT expire(70);
CREATE FUNCTION takes_locks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_unlock(1), pg_advisory_unlock_all(), pg_advisory_lock(i), pg_advisory_lock_shared(i), pg_advisory_xact_lock(i) FROM generate_series(1, 3) i;
  PERFORM 1 / (OLD.id - 71);
  RETURN OLD;
END
$$;
CREATE TRIGGER takes_locks BEFORE DELETE ON notes FOR EACH ROW EXECUTE FUNCTION takes_locks();
CREATE VIEW advisory AS SELECT objid, mode FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
SELECT removed FROM tenancy.remove_expired_rows() WHERE relation = 'notes'::regclass;
TABLE advisory;
SELECT expire(80);
SELECT FROM pg_advisory_lock(1), pg_advisory_lock(1) again, pg_advisory_lock_shared(4);
BEGIN;
SELECT FROM pg_advisory_xact_lock(5);
SELECT removed FROM tenancy.remove_expired_rows() WHERE relation = 'notes'::regclass;
COMMIT;
SELECT * FROM advisory ORDER BY 1, 2;
SHOW client_min_messages;
SELECT expire(90);
DO $$ BEGIN PERFORM FROM tenancy.purge_organization('globex'); END $$;
SELECT * FROM advisory ORDER BY 1, 2;
\set VERBOSITY terse
SELECT FROM tenancy.purge_organization('acme');
\set VERBOSITY default
SELECT pg_advisory_unlock(1), pg_advisory_unlock(1), pg_advisory_unlock(1), pg_advisory_unlock_shared(4);
TABLE advisory;
SET client_min_messages = warning;
DROP TRIGGER takes_locks ON notes;
-- An owner that defers constraints does so for its own work alone.
CREATE TABLE "Aside" (id int, organization_id uuid NOT NULL);
CREATE TABLE referring (note_id int REFERENCES notes DEFERRABLE);
CREATE FUNCTION defers() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN SET CONSTRAINTS ALL DEFERRED; RETURN NULL; END';
CREATE TRIGGER defers AFTER DELETE ON "Aside" FOR EACH STATEMENT EXECUTE FUNCTION defers();
SELECT count(tenancy.protect('"Aside"', 'logs', 'organization_id')) AS protected;
SELECT count(tenancy.apply_logging_settings('"Aside"', 'payloads')) AS applied;
SELECT expire(100);
SET client_min_messages = warning;
SELECT relation, removed, referred_to FROM tenancy.remove_expired_rows() WHERE relation IN ('notes'::regclass, '"Aside"'::regclass) ORDER BY 1;
SELECT count(tenancy.ignore_logging_settings('"Aside"')), count(tenancy.unprotect('"Aside"'));
DROP TABLE referring;
-- A rule that is gone is none.
CREATE RULE nothing AS ON DELETE TO notes DO INSTEAD NOTHING;
SELECT expire(110);
SELECT relation, removed FROM tenancy.remove_expired_rows() WHERE relation = 'notes'::regclass;
DROP RULE nothing ON notes;
SELECT relhasrules FROM pg_class WHERE oid = 'notes'::regclass;
SELECT relation, removed FROM tenancy.remove_expired_rows() WHERE relation = 'notes'::regclass;
SELECT count(tenancy.ignore_logging_settings(t)) AS ignored FROM unnest('{parent_2,below}'::regclass[]) t;
SELECT count(tenancy.unprotect(t)) AS unprotected FROM unnest('{parent,above}'::regclass[]) t;
SELECT count(tenancy.unprotect(c)) AS unprotected FROM unnest('{app.notes,kept.logs,kept.log_payloads,kept.traces,kept.analytics}'::regclass[]) c;
\set VERBOSITY terse
SET client_min_messages = error;
DROP SCHEMA kept CASCADE;
