-- Partitions of the observability tables: made ahead, dropped when old.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS obs CASCADE;
SELECT tenancy.create_observability('obs');
SET client_min_messages = notice;
SET TimeZone = 'UTC';
CREATE VIEW past AS
SELECT p.partition, p.lower, p.upper FROM unnest(ARRAY['obs.logs', 'obs.log_payloads', 'obs.traces', 'obs.analytics']) t, tenancy_steps.partition_ranges(to_regclass(t)) p
WHERE p.upper < '2026-01-01';
CREATE FUNCTION charts() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT string_agg(request_model || ' ' || requests, ', ' ORDER BY request_model) FROM obs.analytics);
END
$$;

-- Days in UTC, whatever the session's time zone; nothing twice
SET TimeZone = 'Asia/Kolkata';
SELECT obs.create_partitions('1 day', '2020-02-28 12:00+00'), obs.create_partitions('1 day', '2020-02-28 12:00+00');
SET TimeZone = 'UTC';
TABLE past ORDER BY 1;
-- Ahead of now: today's, and of seven more days
SELECT count(*) IN (7, 8) AS is_week FROM tenancy_steps.partition_ranges('obs.logs') WHERE upper > now() AND lower <= now() + interval '7 days' AND NOT tenancy_steps.is_default_partition(partition);
SELECT obs.create_partitions('9 days') > 0 AS made, obs.create_partitions('8 days') AS made_already;
-- A row that fits nowhere is taken, and moves when its partition is made, with its mark for the roll-up
INSERT INTO obs.logs (start_time, organization_id, request_model) VALUES
  ('2020-03-01 23:59:59.999+00', 'aaaaaaaa-0000-4000-8000-000000000000', 'last'), ('2020-03-02 00:00+00', 'aaaaaaaa-0000-4000-8000-000000000000', 'next');
SELECT tableoid::regclass, request_model FROM obs.logs ORDER BY start_time;
SELECT obs.create_partitions('0', '2020-03-01 00:00+00');
SELECT tableoid::regclass, request_model FROM obs.logs ORDER BY start_time;
SELECT obs.refresh_analytics();
SELECT charts();
-- Columns and indexes that somebody has added are theirs, too.
ALTER TABLE obs.logs ADD COLUMN team text GENERATED ALWAYS AS (metadata ->> 'team') STORED, ADD COLUMN gone integer;
ALTER TABLE obs.logs DROP COLUMN gone;
CREATE INDEX logs_team_idx ON obs.logs (workspace_id, team);
INSERT INTO obs.logs (start_time, organization_id, request_model, metadata) VALUES
  ('2020-03-05 00:00+00', 'aaaaaaaa-0000-4000-8000-000000000000', 'with team', '{"team": "blue"}');
SELECT obs.create_partitions('0', '2020-03-05 00:00+00');
SELECT tableoid::regclass, team FROM obs.logs WHERE request_model = 'with team';
SELECT count(*) FROM pg_indexes WHERE schemaname = 'obs' AND tablename = 'logs_p20200305' AND indexdef LIKE '%(workspace_id, team)';
DELETE FROM obs.logs WHERE request_model = 'with team';
-- One that somebody has made is left alone, wherever it ends.
CREATE TABLE obs.week PARTITION OF obs.logs FOR VALUES FROM ('2020-04-01') TO ('2020-04-08');
SELECT obs.create_partitions('3 days', '2020-04-01 00:00+00');
SELECT partition, lower, upper FROM past WHERE lower >= '2020-04-01' ORDER BY 1;
-- It is protected, and a statement that names it is noticed.
INSERT INTO obs.week (start_time, organization_id, request_model) VALUES ('2020-04-02 10:20+00', 'aaaaaaaa-0000-4000-8000-000000000000', 'direct');
SELECT obs.refresh_analytics(), (SELECT problem FROM tenancy_internal.inspect_protection('obs.week')) AS problem;
INSERT INTO obs.week (start_time, organization_id, request_model) VALUES ('2020-04-02 10:30+00', 'aaaaaaaa-0000-4000-8000-000000000000', 'direct');
SELECT obs.refresh_analytics();
SELECT charts();

-- For a longer time, committed week by week, and again from where it was
CALL tenancy.create_partitions_in_batches('obs', '2020-05-01 00:00+00', '2020-05-10 00:00+00');
CALL tenancy.create_partitions_in_batches('obs', '2020-05-06 00:00+00', '2020-05-14 00:00+00');
SELECT count(*), min(lower), max(upper) FROM past WHERE partition::text ~ 'traces_p202005';

-- Dropped by age, each table by itself
SELECT count(*) FILTER (WHERE partition::text ~ 'logs_p') AS logs, count(*) FILTER (WHERE partition::text ~ 'payloads') AS payloads FROM past;
SET client_min_messages = warning;
SELECT obs.drop_partitions('log_payloads', '1 year') AS dropped;
SELECT count(*) FILTER (WHERE partition::text ~ 'logs_p') AS logs, count(*) FILTER (WHERE partition::text ~ 'payloads') AS payloads FROM past;
SET client_min_messages = notice;
SELECT obs.drop_partitions('logs', now() - '2020-03-02 12:00+00');
SELECT obs.drop_partitions('logs', '1000 years');
-- The sums of what was dropped go, too; but stay where that is asked for.
SELECT obs.refresh_analytics();
SELECT charts();
INSERT INTO obs.logs (start_time, organization_id, request_model) VALUES ('2020-04-02 10:40+00', 'aaaaaaaa-0000-4000-8000-000000000000', 'not yet summed up');
SET client_min_messages = warning;
SELECT obs.drop_partitions('logs', '1 year', keep_analytics => true) > 0 AS dropped;
SELECT obs.refresh_analytics();
SELECT charts();
-- Later rows of these hours no longer count; those of others do.
INSERT INTO obs.logs (start_time, organization_id, request_model) VALUES ('2020-04-02 10:50+00', 'aaaaaaaa-0000-4000-8000-000000000000', 'too late'),
  ('2020-06-01 10:50+00', 'aaaaaaaa-0000-4000-8000-000000000000', 'late');
SELECT obs.invalidate_analytics(), obs.refresh_analytics();
SELECT charts();
-- They lie in the default partition, and are dropped in time, too; so is what else is old there.
SELECT tableoid::regclass, request_model FROM obs.logs WHERE start_time < '2021-01-01' ORDER BY start_time;
SELECT obs.drop_partitions('logs', now() - '2020-06-01 12:00+00');
SELECT request_model FROM obs.logs WHERE start_time < '2021-01-01';
SELECT obs.refresh_analytics();
SELECT charts();
SELECT obs.drop_partitions('logs', '1 year', keep_analytics => true);
SELECT obs.refresh_analytics();
SELECT charts(), (SELECT count(*) FROM obs.logs) AS logs;
SET client_min_messages = notice;
SELECT obs.drop_partitions('analytics', '1 year') > 0 AS dropped;
SELECT charts();

-- Refused
SELECT * FROM failure($$SELECT obs.drop_partitions('prompts', '1 year')$$);
SELECT * FROM failure($$SELECT obs.drop_partitions(NULL, '1 year')$$);
SELECT * FROM failure($$SELECT obs.drop_partitions('logs', NULL)$$);
SELECT * FROM failure($$SELECT obs.drop_partitions('logs', '-1 year')$$);
-- Not for whoever may call nothing; who is granted the jobs needs no rights on the tables.
GRANT USAGE ON SCHEMA obs TO regress_plain;
SET SESSION AUTHORIZATION regress_plain;
SELECT * FROM app.failure($$SELECT obs.create_partitions()$$);
SELECT * FROM app.failure($$SELECT obs.drop_partitions('logs', '1 day')$$);
RESET SESSION AUTHORIZATION;
GRANT EXECUTE ON FUNCTION obs.create_partitions, obs.drop_partitions TO regress_plain;
SET SESSION AUTHORIZATION regress_plain;
SET client_min_messages = warning;
SELECT obs.create_partitions('0', '2020-07-01 00:00+00') AS made, obs.drop_partitions('traces', '1 year') > 0 AS dropped;
RESET SESSION AUTHORIZATION;
SET client_min_messages = warning;
DROP SCHEMA obs CASCADE;

-- By month
SELECT tenancy.create_observability('obs', 'month');
SELECT obs.create_partitions('1 month', '2020-01-31 23:00+00');
TABLE past ORDER BY 1;
SELECT count(*) IN (2, 3) AS is_ahead FROM tenancy_steps.partition_ranges('obs.logs') WHERE upper > now() AND lower <= now() + interval '2 months' AND NOT tenancy_steps.is_default_partition(partition);
DROP SCHEMA obs CASCADE;
