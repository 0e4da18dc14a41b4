-- One tenant's rows don't stop the jobs that work for all: what would is refused when it is written, and what is there all the same,
-- from before these bounds or by whoever may write anything, is passed over and reported.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
SET TimeZone = 'UTC';
\set VERBOSITY terse
DROP SCHEMA IF EXISTS obs CASCADE;
SELECT tenancy.create_observability('obs');
GRANT USAGE ON SCHEMA obs TO regress_plain;
GRANT SELECT, INSERT, UPDATE ON obs.logs, obs.log_payloads, obs.traces, obs.analytics TO regress_plain;
INSERT INTO tenancy.api_key_scopes SELECT api_key_id, r, a FROM tenancy.api_keys, unnest(ARRAY['traces', 'analytics']) r, unnest(ARRAY['write', 'view']) a WHERE NOT all_scopes;

-- Rows that a tenant may not write, in each table
SET SESSION AUTHORIZATION regress_plain;
CALL app.become('globex master');
CREATE TEMPORARY TABLE poison (n serial, relation text, columns text, "values" text);
INSERT INTO poison (relation, columns, "values") VALUES
  ('logs', 'start_time', $$'infinity'$$), ('logs', 'start_time', $$'-infinity'$$), ('logs', 'start_time', $$'4713-01-02 00:00+00 BC'$$),
  ('logs', 'start_time', $$'294276-12-31 00:00+00'$$), ('logs', 'start_time', $$'1900-01-01 00:00+00'$$), ('logs', 'start_time', $$'2200-01-01 00:00+00'$$),
  ('logs', 'start_time', $$now() - interval '401 days'$$), ('logs', 'start_time', $$now() + interval '25 hours'$$),
  ('logs', 'end_time', $$'infinity'$$), ('logs', 'end_time', $$'-infinity'$$), ('logs', 'end_time', $$now() - interval '25 hours'$$),
  ('logs', 'end_time', $$now() + interval '8 days'$$), ('logs', 'end_time', $$'294276-12-31 00:00+00'$$), ('logs', 'end_time', $$'4713-01-02 00:00+00 BC'$$),
  ('logs', 'usage_input_tokens', '9223372036854775807'), ('logs', 'usage_input_tokens', '-1'), ('logs', 'usage_output_tokens', '1000000001'),
  ('logs', 'usage_cache_read_input_tokens', '9223372036854775807'), ('logs', 'usage_cache_creation_input_tokens', '-9223372036854775808'),
  ('logs', 'cost', $$'NaN'$$), ('logs', 'cost', $$'Infinity'$$), ('logs', 'cost', $$'-Infinity'$$), ('logs', 'cost', '1e30'), ('logs', 'cost', '1e-16000'),
  ('logs', 'operation_name', $$repeat('x', 201)$$), ('logs', 'provider_name', $$repeat('ü', 101)$$),
  ('logs', 'request_model', $$(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 400) i)$$), ('logs', 'response_model', $$repeat('x', 1001)$$),
  ('logs', 'trace_id', $$repeat('x', 201)$$), ('logs', 'span_id', $$repeat('x', 201)$$),
  ('log_payloads', 'log_id, start_time', $$gen_random_uuid(), 'infinity'$$), ('log_payloads', 'log_id, start_time', $$gen_random_uuid(), now() - interval '2 years'$$),
  ('traces', 'trace_id, span_id, name, start_time', $$'t', 's', 'n', '-infinity'$$), ('traces', 'trace_id, span_id, name, start_time', $$'t', 's', 'n', now() + interval '2 days'$$),
  ('traces', 'trace_id, span_id, name, start_time, end_time', $$'t', 's', 'n', now(), 'infinity'$$), ('traces', 'trace_id, span_id, name, start_time', $$'t', 's', repeat('n', 2001), now()$$),
  ('traces', 'trace_id, span_id, name, start_time', $$repeat('t', 201), 's', 'n', now()$$), ('traces', 'trace_id, span_id, name, start_time', $$'t', repeat('s', 201), 'n', now()$$),
  ('traces', 'trace_id, span_id, name, start_time, parent_span_id', $$'t', 's', 'n', now(), repeat('s', 201)$$),
  ('analytics', 'hour, requests, usage_input_tokens, usage_output_tokens, usage_cache_read_input_tokens, usage_cache_creation_input_tokens, cost, timed_requests, duration', $$'infinity', 1, 1, 1, 1, 1, 1, 1, '1'$$),
  ('analytics', 'hour, requests, usage_input_tokens, usage_output_tokens, usage_cache_read_input_tokens, usage_cache_creation_input_tokens, cost, timed_requests, duration', $$now() + interval '2 days', 1, 1, 1, 1, 1, 1, 1, '1'$$);
-- Each by its state and the bound; which partition it would have gone to is the day's.
SELECT relation, CASE relation WHEN 'analytics' THEN 'hour' ELSE columns END AS columns, left("values", 45) AS "values", f.state,
       coalesce(substring(f.message FROM 'constraint "(.*)"'), regexp_replace(f.message, ' \w{3} .*(UTC|BC)', '')) AS bound
FROM poison, app.failure(format('INSERT INTO obs.%I (%s) VALUES (%s)', relation, columns, "values")) f ORDER BY n;
-- Values at the bounds are accepted, and so are NULLs.
INSERT INTO obs.logs (start_time, end_time, operation_name, provider_name, request_model, usage_input_tokens, usage_output_tokens, cost) VALUES
  (now() - interval '399 days', now() - interval '399 days' + interval '7 days', repeat('x', 200), repeat('ü', 100), repeat(U&'\+01F600', 250), 1000000000, 0, 1e15),
  (now() + interval '23 hours', now(), '', '', '', 0, NULL, -1e15), (now(), NULL, NULL, NULL, NULL, NULL, NULL, 0.1::float8::numeric);
RESET SESSION AUTHORIZATION;
SELECT obs.refresh_analytics() AS hours;
SELECT sum(requests) AS requests FROM obs.analytics;

-- How far from now is the owner's to say; a tenant can't.
SET SESSION AUTHORIZATION regress_plain;
SELECT state FROM app.failure($$UPDATE obs.accepted_times SET past = '100 years'$$);
RESET SESSION AUTHORIZATION;
UPDATE obs.accepted_times SET past = '2 years', future = '1 hour';
SET SESSION AUTHORIZATION regress_plain;
INSERT INTO obs.logs (start_time) VALUES (now() - interval '700 days');
SELECT state, hint FROM app.failure($$INSERT INTO obs.logs (start_time) VALUES (now() + interval '2 hours')$$);
RESET SESSION AUTHORIZATION;
SELECT state FROM failure($$UPDATE obs.accepted_times SET past = '-1 day'$$);
-- Without a row, nothing that is far from now
DELETE FROM obs.accepted_times;
SET SESSION AUTHORIZATION regress_plain;
SELECT state FROM app.failure($$INSERT INTO obs.logs (start_time) VALUES (now() - interval '2 days')$$);
INSERT INTO obs.logs (start_time) VALUES (now());
RESET SESSION AUTHORIZATION;
INSERT INTO obs.accepted_times VALUES ('400 days', '1 day');
-- In hours, whatever time zone the session has chosen: by this one's, a day from now is two weeks ahead.
SELECT format('AAA167BBB-167,J%s,J%s', 1 + (today + 164) % 365, 1 + (today + 17) % 365) AS zone FROM least(365, extract(doy FROM now())::int) today \gset
SET TimeZone = :'zone';
SELECT now() + interval '1 day' - now() > '300 hours' AS two_weeks;
SET SESSION AUTHORIZATION regress_plain;
INSERT INTO obs.logs (start_time) VALUES (now() + interval '23 hours');
SELECT state FROM app.failure($$INSERT INTO obs.logs (start_time) VALUES (now() + interval '25 hours')$$);
RESET SESSION AUTHORIZATION;
SET TimeZone = 'UTC';
-- Whom row security doesn't filter loads history, with dates, and nothing else.
INSERT INTO obs.logs (start_time, organization_id) VALUES ('2015-01-01 00:00+00', 'bbbbbbbb-0000-4000-8000-000000000000');
SELECT state FROM failure($$INSERT INTO obs.logs (start_time, organization_id) VALUES ('infinity', 'bbbbbbbb-0000-4000-8000-000000000000')$$);
SELECT state FROM failure($$UPDATE obs.logs SET start_time = 'infinity'$$);
SELECT state FROM failure($$UPDATE obs.logs SET usage_input_tokens = -1$$);
-- An id that another tenant has is free.
INSERT INTO obs.logs (log_id, start_time, organization_id) SELECT log_id, start_time, 'aaaaaaaa-0000-4000-8000-000000000000' FROM obs.logs WHERE start_time = '2015-01-01 00:00+00';
SELECT count(*), count(DISTINCT log_id) FROM obs.logs WHERE start_time = '2015-01-01 00:00+00';

-- Rows of many days, wherever from, make no partitions: they are deleted by retention.
DELETE FROM obs.logs;
INSERT INTO obs.logs (start_time, organization_id, request_model)
SELECT '1970-01-01 12:00+00'::timestamptz + n * interval '20 days', 'bbbbbbbb-0000-4000-8000-000000000000', 'many days' FROM generate_series(1, 300) n;
INSERT INTO obs.logs (start_time, organization_id, request_model) VALUES ('2019-05-06 12:00+00', 'aaaaaaaa-0000-4000-8000-000000000000', 'late'), (now(), 'aaaaaaaa-0000-4000-8000-000000000000', 'now');
SELECT count(*) AS before FROM pg_class WHERE relnamespace = 'obs'::regnamespace AND relkind = 'r' \gset
SELECT obs.drop_partitions('logs', '30 days', keep_analytics => true) AS dropped;
SELECT count(*) - :before AS new_tables FROM pg_class WHERE relnamespace = 'obs'::regnamespace AND relkind = 'r';
SELECT request_model, count(*) FROM obs.logs GROUP BY 1 ORDER BY 1;
-- Their sums stay, and later rows of these days no longer count.
SELECT obs.refresh_analytics() >= 0 AS refreshed;
SELECT request_model, sum(requests) FROM obs.analytics GROUP BY 1 ORDER BY 1;
INSERT INTO obs.logs (start_time, organization_id, request_model) VALUES ('2019-05-06 13:00+00', 'aaaaaaaa-0000-4000-8000-000000000000', 'too late'),
  ('2019-05-07 13:00+00', 'aaaaaaaa-0000-4000-8000-000000000000', 'counts');
SELECT obs.refresh_analytics() AS hours;
SELECT request_model, sum(requests) FROM obs.analytics GROUP BY 1 ORDER BY 1;
SELECT obs.drop_partitions('logs', '30 days') AS dropped;
SELECT obs.refresh_analytics() AS hours;
SELECT request_model, sum(requests) FROM obs.analytics GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM obs.job_problems;

-- Tables as 1.0 made them: no bounds, and no place for problems.
DROP SCHEMA obs CASCADE;
SELECT tenancy.create_observability('obs');
SELECT obs.create_partitions('2 days', '2026-03-01 00:00+00') > 0 AS made;
DO $$
DECLARE
  c record;
BEGIN
  FOR c IN SELECT t.conname, t.conrelid::regclass AS relation FROM pg_constraint t
           WHERE t.contype = 'c' AND t.conrelid IN ('obs.logs'::regclass, 'obs.log_payloads'::regclass, 'obs.traces'::regclass, 'obs.analytics'::regclass)
             AND t.conname ~ '_(times|tokens|cost|names|hours)_check$' LOOP
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.relation, c.conname);
  END LOOP;
  FOR c IN SELECT unnest(ARRAY['obs.logs', 'obs.log_payloads', 'obs.traces', 'obs.analytics']) AS relation LOOP
    EXECUTE format('DROP TRIGGER check_time ON %s', c.relation);
  END LOOP;
END
$$;
DROP FUNCTION obs.check_time;
DROP TABLE obs.accepted_times, obs.job_problems;
GRANT USAGE ON SCHEMA obs TO regress_plain;
GRANT SELECT, INSERT ON obs.logs TO regress_plain;
CREATE FUNCTION charts() RETURNS TABLE (organization text, hour timestamptz, model text, requests numeric) LANGUAGE sql AS $$
  SELECT o.slug, a.hour, left(a.request_model, 10), sum(a.requests) FROM obs.analytics a JOIN tenancy.organizations o USING (organization_id)
  GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
$$;
-- Honest rows of one, poison of the other: each of it by itself stopped the job.
INSERT INTO obs.logs (start_time, end_time, organization_id, request_model, usage_input_tokens) VALUES
  ('2026-03-01 10:10+00', '2026-03-01 10:10:02+00', 'aaaaaaaa-0000-4000-8000-000000000000', 'honest', 7),
  ('2026-03-02 10:10+00', '2026-03-02 10:10:02+00', 'aaaaaaaa-0000-4000-8000-000000000000', 'honest', 7);
SET SESSION AUTHORIZATION regress_plain;
INSERT INTO obs.logs (start_time, request_model) VALUES ('2026-03-01 10:20+00', 'honest, too');
INSERT INTO obs.logs (start_time, end_time, request_model) VALUES ('2026-03-01 10:20+00', 'infinity', 'poison');
INSERT INTO obs.logs (start_time, usage_input_tokens, request_model) SELECT '2026-03-01 11:20+00', 9223372036854775807, 'poison' FROM generate_series(1, 2);
INSERT INTO obs.logs (start_time, request_model) VALUES ('2026-03-01 12:20+00', (SELECT left(string_agg(md5(i::text), ''), 2620) FROM generate_series(1, 100) i));
INSERT INTO obs.logs (start_time, request_model) VALUES ('infinity', 'poison'), ('-infinity', 'poison'), ('4713-01-02 00:00+00 BC', 'poison');
RESET SESSION AUTHORIZATION;
SELECT obs.refresh_analytics() AS hours;
SELECT * FROM charts();
-- The tenant can't be recorded yet, but nothing stops.
SELECT obs.create_partitions('0', '2026-03-07 00:00+00') > 0 AS made;
SELECT obs.drop_partitions('logs', '1000 years') AS dropped;
SELECT count(*) FILTER (WHERE start_time = '-infinity') AS oldest, count(*) FILTER (WHERE start_time = 'infinity') AS latest FROM obs.logs;

-- The update gives them bounds for what is written from now on. Twice is as good as once.
SELECT tenancy.update_observability('obs'), tenancy.update_observability('obs');
SELECT conname, convalidated FROM pg_constraint WHERE conrelid = 'obs.logs'::regclass AND contype = 'c' ORDER BY conname;
SELECT count(*) AS unprotected FROM tenancy.advise() WHERE object LIKE 'obs.%';
SET SESSION AUTHORIZATION regress_plain;
SELECT count(*) AS taken FROM poison, app.failure(format('INSERT INTO obs.%I (%s) VALUES (%s)', relation, columns, "values")) f
WHERE relation = 'logs' AND f.state NOT IN ('23514', '22008', '22015');
RESET SESSION AUTHORIZATION;
SELECT obs.invalidate_analytics() AS hours;
SELECT obs.refresh_analytics() AS hours;
SELECT * FROM charts();
SELECT job, hour, o.slug, rows, problem FROM obs.job_problems p JOIN tenancy.organizations o ON o.organization_id = p.organization ORDER BY hour NULLS FIRST;
-- Once they are gone, so is what was said about them.
DELETE FROM obs.logs WHERE request_model !~ 'honest' AND start_time < '2026-03-01 12:00+00';
SELECT obs.refresh_analytics() AS hours;
SELECT hour, rows FROM obs.job_problems ORDER BY hour NULLS FIRST;
DELETE FROM obs.logs WHERE request_model !~ 'honest';
SELECT obs.refresh_analytics() AS hours;
SELECT count(*) FROM obs.job_problems;
ALTER TABLE obs.logs VALIDATE CONSTRAINT logs_times_check, VALIDATE CONSTRAINT logs_tokens_check, VALIDATE CONSTRAINT logs_names_check;

-- Rows in the default partition that the bounds refuse: the partition of their day can't be made, that of others can.
ALTER TABLE obs.logs DROP CONSTRAINT logs_tokens_check;
INSERT INTO obs.logs (start_time, organization_id, request_model, usage_input_tokens) VALUES
  ('2026-03-11 10:10+00', 'bbbbbbbb-0000-4000-8000-000000000000', 'poison', -1), ('2026-03-12 10:10+00', 'aaaaaaaa-0000-4000-8000-000000000000', 'honest', 1);
SELECT tenancy.update_observability('obs');
SELECT obs.create_partitions('3 days', '2026-03-10 00:00+00') AS made;
SELECT tableoid::regclass, request_model FROM obs.logs WHERE start_time >= '2026-03-10 00:00+00' ORDER BY 2;
SELECT job, object, problem FROM obs.job_problems;
DELETE FROM obs.logs WHERE request_model = 'poison';
SELECT obs.create_partitions('3 days', '2026-03-10 00:00+00') AS made;
SELECT count(*) AS problems FROM obs.job_problems;

-- The owner's changes to the tables can also conflict with rows: all others are summed up.
ALTER TABLE obs.analytics ALTER cost TYPE numeric(6, 2);
INSERT INTO obs.logs (start_time, organization_id, request_model, cost) VALUES
  ('2026-03-02 11:10+00', 'bbbbbbbb-0000-4000-8000-000000000000', 'dear', 10000), ('2026-03-02 11:10+00', 'aaaaaaaa-0000-4000-8000-000000000000', 'cheap', 1);
SELECT obs.refresh_analytics() AS hours;
SELECT * FROM charts() WHERE hour = '2026-03-02 11:00+00';
SELECT o.slug, hour, rows, problem FROM obs.job_problems p JOIN tenancy.organizations o ON o.organization_id = p.organization;

-- A cancel is no problem of rows: the job stops, nothing is on record of it, and its work is left for the next run.
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE INSERT ON obs.analytics FOR EACH ROW EXECUTE FUNCTION slow();
INSERT INTO obs.logs (start_time, organization_id, request_model) VALUES ('2026-03-02 13:10+00', 'aaaaaaaa-0000-4000-8000-000000000000', 'slow');
SET statement_timeout = '300ms';
SELECT obs.refresh_analytics() AS hours;
RESET statement_timeout;
DROP TRIGGER slow ON obs.analytics;
SELECT count(*) AS problems FROM obs.job_problems WHERE problem !~ 'numeric field overflow';
SELECT obs.refresh_analytics() AS hours;
SELECT o.slug, sum(requests) FROM obs.analytics JOIN tenancy.organizations o USING (organization_id) WHERE hour = '2026-03-02 13:00+00' GROUP BY 1;

-- A partition that can't be dropped doesn't keep the others.
CREATE VIEW of_a_day AS SELECT count(*) FROM obs.logs_p20260302;
SELECT obs.create_partitions('1 day', '2019-03-01 00:00+00') > 0 AS made;
CREATE VIEW of_an_old_day AS SELECT count(*) FROM obs.logs_p20190301;
SELECT obs.drop_partitions('logs', now() - '2026-01-01 00:00+00') AS dropped;
SELECT job, object, problem FROM obs.job_problems WHERE job ~ 'drop';
DROP VIEW of_an_old_day;
SELECT obs.drop_partitions('logs', now() - '2026-01-01 00:00+00') AS dropped;
SELECT count(*) AS problems FROM obs.job_problems WHERE job ~ 'drop';
-- Nor does one whose name is taken.
CREATE TABLE obs.traces_p20190304 (n integer);
SELECT obs.create_partitions('1 day', '2019-03-03 00:00+00') AS made;
SELECT object, problem FROM obs.job_problems WHERE job ~ 'create';

-- The caller's time zone and date style don't matter: bounds of partitions are not read as other days.
SET TimeZone = 'Asia/Kolkata';
SET DateStyle = 'SQL, DMY';
SELECT obs.create_partitions('1 day', '2019-12-01 00:00+00') AS made, obs.create_partitions('1 day', '2019-12-01 00:00+00') AS made_already;
SELECT obs.drop_partitions('log_payloads', now() - '2019-12-01 12:00+00');
RESET DateStyle;
SET TimeZone = 'UTC';
SELECT partition, lower, upper FROM tenancy_steps.partition_ranges('obs.log_payloads') WHERE upper < '2020-01-01' ORDER BY 1;

-- Only of observability tables, and only their owner
SELECT * FROM failure($$SELECT tenancy.update_observability('app')$$);
SELECT * FROM failure($$SELECT tenancy.update_observability('nowhere')$$);
SELECT * FROM failure($$SELECT tenancy.update_observability(NULL)$$);
SET SESSION AUTHORIZATION regress_plain;
SELECT state FROM app.failure($$SELECT tenancy.update_observability('obs')$$);
SELECT state FROM app.failure($$SELECT * FROM obs.job_problems$$);
RESET SESSION AUTHORIZATION;
DROP SCHEMA obs CASCADE;
