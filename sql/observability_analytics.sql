-- The roll-up is the aggregate of the rows that a principal sees, for every principal, whatever happened to the rows.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS obs CASCADE;
SELECT tenancy.create_observability('obs');
SELECT obs.create_partitions('6 days', '2026-03-01 00:00+00') AS made;
-- Keys that read charts, and the logs themselves
INSERT INTO tenancy.api_key_scopes SELECT api_key_id, 'analytics', 'view' FROM tenancy.api_keys WHERE NOT all_scopes;
GRANT USAGE ON SCHEMA obs TO regress_app;
GRANT SELECT ON obs.logs, obs.analytics TO regress_app;

-- The expected analytics for the logs that a principal sees
CREATE VIEW sums WITH (security_invoker) AS
SELECT date_trunc('hour', start_time, 'UTC') AS hour, organization_id, workspace_id, user_id, api_key_id, operation_name, provider_name, request_model,
       http_response_status_code, count(*) AS requests, coalesce(sum(usage_input_tokens), 0)::bigint AS usage_input_tokens,
       coalesce(sum(usage_output_tokens), 0)::bigint AS usage_output_tokens, coalesce(sum(usage_cache_read_input_tokens), 0)::bigint AS usage_cache_read_input_tokens,
       coalesce(sum(usage_cache_creation_input_tokens), 0)::bigint AS usage_cache_creation_input_tokens, coalesce(sum(cost), 0) AS cost,
       count(end_time) AS timed_requests, coalesce(sum(end_time - start_time), '0') AS duration
FROM obs.logs GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;
-- The same for the logs that somebody would see by the rights on analytics: by the superuser's rights, filtered row by row
SELECT format('CREATE VIEW sums_by_analytics WITH (security_barrier) AS %s',
              replace(pg_get_viewdef('sums'), 'FROM obs.logs',
                      'FROM obs.logs WHERE tenancy.row_visible(''analytics'', ''view'', organization_id, workspace_id, user_id, api_key_id)')) AS view \gset
:view
GRANT SELECT ON sums, sums_by_analytics TO regress_app;

-- Rows of somebody's charts, and how many of them are wrong, missing or too many.
\set ECHO none
CREATE FUNCTION compare(who text, expected text, OUT rows bigint, OUT wrong bigint) LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  EXECUTE format('WITH charts AS MATERIALIZED (TABLE obs.analytics), expected AS MATERIALIZED (TABLE app.%I)
                  SELECT (SELECT count(*) FROM charts),
                         (SELECT count(*) FROM ((TABLE charts EXCEPT ALL TABLE expected) UNION ALL (TABLE expected EXCEPT ALL TABLE charts)) different)',
                 expected) INTO rows, wrong;
END
$$;
-- For everybody: those whose charts are wrong, how many see any, and how many different charts there are
CREATE FUNCTION compare_all(expected text DEFAULT 'sums', OUT wrong_for text, OUT people bigint, OUT charts bigint) LANGUAGE sql AS $$
  SELECT string_agg(who, ', ' ORDER BY n) FILTER (WHERE wrong > 0), count(*) FILTER (WHERE rows > 0), count(DISTINCT rows)
  FROM app.people, app.compare(who, expected)
$$;
\set ECHO all

SELECT setseed(0.6);
-- Logs of anybody, by anybody, at any time, some of them nobody's
\set ECHO none
CREATE PROCEDURE write_logs(n integer, since timestamptz, until timestamptz, relation text DEFAULT 'obs.logs') LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format($insert$
    INSERT INTO %s (log_id, start_time, end_time, organization_id, workspace_id, user_id, api_key_id, operation_name, provider_name, request_model,
                    http_response_status_code, usage_input_tokens, usage_output_tokens, cost)
    SELECT md5(random()::text)::uuid, $2 + ($3 - $2) * random(), CASE WHEN random() < 0.9 THEN $3 END, (org || '-0000-4000-8000-000000000000')::uuid,
           CASE WHEN random() < 0.9 THEN (org || '-0000-4000-8000-00000000000' || 1 + floor(random() * 3))::uuid END,
           CASE WHEN random() < 0.8 THEN ('cccccccc-0000-4000-8000-00000000000' || 1 + floor(random() * 8))::uuid END,
           CASE WHEN random() < 0.5 THEN ('dddddddd-0000-4000-8000-00000000000' || 1 + floor(random() * 5))::uuid END,
           CASE WHEN random() < 0.9 THEN 'chat' END, CASE WHEN random() < 0.9 THEN 'openai' END, 'model ' || floor(random() * 2),
           CASE WHEN random() < 0.9 THEN 200 END, floor(random() * 1000), CASE WHEN random() < 0.9 THEN floor(random() * 100) END, round(random()::numeric, 6)
    FROM (SELECT CASE WHEN random() < 0.8 THEN 'aaaaaaaa' ELSE 'bbbbbbbb' END AS org FROM generate_series(1, $1)) o $insert$, relation) USING n, since, until;
END
$$;
\set ECHO all
CALL write_logs(2000, '2026-03-01 00:00+00', '2026-03-04 00:00+00');

-- Not yet: what is compared can be wrong
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM compare_all();
CALL become('nobody'); RESET SESSION AUTHORIZATION;
SELECT obs.refresh_analytics() AS hours, obs.refresh_analytics() AS again;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM compare_all();
-- And nothing of another's is in it
SELECT p.who, c.* FROM people p, compare(who, 'sums') c ORDER BY n;
SELECT attempt('mike', 'SELECT 1 FROM obs.analytics WHERE organization_id <> ''aaaaaaaa-0000-4000-8000-000000000000'' OR workspace_id <> ''aaaaaaaa-0000-4000-8000-000000000002''');
CALL become('nobody'); RESET SESSION AUTHORIZATION;

-- Everything that can happen to rows, in any order, in statements that name the table or a partition, by roles and settings as they change.
-- Each round is refreshed twice, and all at once is compared.
CREATE TABLE rounds (n serial, event text, hours integer, again integer, wrong_for text, people bigint, charts bigint);
GRANT ALL ON rounds, rounds_n_seq TO regress_app;
-- Some rows, the same every time
\set ECHO none
CREATE FUNCTION chosen(log_id uuid, percent integer) RETURNS boolean LANGUAGE sql AS $$
  SELECT ('x' || left(md5(log_id::text || (SELECT count(*) FROM app.rounds)), 4))::bit(16)::integer % 100 < percent
$$;
CREATE PROCEDURE happen(event text) LANGUAGE plpgsql AS $$
DECLARE
  day date := date '2026-03-01' + floor(random() * 4)::integer;
  partition text := format('obs.logs_p%s', to_char(day, 'YYYYMMDD'));
  setting text := (ARRAY['managers_view_all_data', 'members_view_all_data'])[1 + floor(random() * 2)];
BEGIN
  -- An earlier round may have taken it away.
  PERFORM obs.create_partitions('0', day::text::timestamptz);
  CASE event
    WHEN 'late rows' THEN CALL app.write_logs(100, '2026-03-01 00:00+00', '2026-03-05 00:00+00');
    WHEN 'rows far away' THEN
      CALL app.write_logs(10, '2026-01-01 00:00+00', '2026-01-03 00:00+00');
      CALL app.write_logs(10, '2026-06-03 00:00+00', '2026-06-05 00:00+00');
    WHEN 'rows for a partition' THEN CALL app.write_logs(100, day::text::timestamptz, day::text::timestamptz + interval '1 day', partition);
    WHEN 'deletes' THEN DELETE FROM obs.logs WHERE app.chosen(log_id, 5);
    WHEN 'deletes of a user' THEN DELETE FROM obs.logs WHERE user_id = 'cccccccc-0000-4000-8000-000000000004';
    WHEN 'deletes from a partition' THEN EXECUTE format('DELETE FROM %s WHERE app.chosen(log_id, 30)', partition);
    WHEN 'updates' THEN UPDATE obs.logs SET cost = cost + 1, usage_output_tokens = NULL WHERE app.chosen(log_id, 5);
    WHEN 'updates that move' THEN UPDATE obs.logs SET start_time = start_time + interval '7 hours', request_model = 'model 3' WHERE app.chosen(log_id, 2);
    WHEN 'upserts' THEN
      INSERT INTO obs.logs SELECT * FROM (SELECT * FROM obs.logs ORDER BY log_id LIMIT 50) l ON CONFLICT (log_id, start_time, organization_id, workspace_id, written_by) DO UPDATE SET cost = 0;
    WHEN 'merge' THEN
      MERGE INTO obs.logs l USING (SELECT log_id, start_time, row_number() OVER (ORDER BY log_id) AS n FROM obs.logs ORDER BY log_id LIMIT 60) s
      ON l.log_id = s.log_id AND l.start_time = s.start_time
      WHEN MATCHED AND s.n % 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET cost = 5;
    WHEN 'truncate partition' THEN EXECUTE format('TRUNCATE %s', partition);
    WHEN 'drop partition' THEN EXECUTE format('DROP TABLE %s', partition);
    WHEN 'detach partition' THEN
      EXECUTE format('ALTER TABLE obs.logs DETACH PARTITION %s', partition);
      EXECUTE format('ALTER TABLE %s RENAME TO detached', partition);
    WHEN 'truncate' THEN TRUNCATE obs.logs;
    WHEN 'setting' THEN PERFORM tenancy.set_setting('acme', setting, random() < 0.5);
  END CASE;
END
$$;
\set ECHO all
\set ECHO errors
\o /dev/null
SET TimeZone = 'UTC';
CREATE PROCEDURE play(event text) LANGUAGE plpgsql AS $$
DECLARE
  round app.rounds;
BEGIN
  round.event := event;
  CALL app.happen(event);
  round.hours := obs.refresh_analytics();
  round.again := obs.refresh_analytics();
  SET LOCAL SESSION AUTHORIZATION regress_app;
  SELECT c.wrong_for, c.people, c.charts INTO round.wrong_for, round.people, round.charts FROM app.compare_all() c;
  CALL app.become('nobody', true);
  RESET SESSION AUTHORIZATION;
  INSERT INTO app.rounds (event, hours, again, wrong_for, people, charts) VALUES (round.event, round.hours, round.again, round.wrong_for, round.people, round.charts);
END
$$;
SELECT format('CALL play(%L)', event) FROM unnest(ARRAY[
  'late rows', 'deletes', 'setting', 'rows for a partition', 'updates', 'truncate partition', 'late rows', 'updates that move', 'deletes from a partition', 'merge', 'upserts',
  'drop partition', 'rows for a partition', 'rows far away', 'setting', 'late rows', 'detach partition', 'late rows', 'deletes', 'deletes of a user', 'setting', 'updates',
  'late rows', 'truncate', 'late rows']) event \gexec
\o
\set ECHO all
SELECT n, event, hours > 0 AS refreshed, again, coalesce(wrong_for, '-') AS wrong_for, people, charts FROM rounds ORDER BY n;

-- A partition that comes back with its rows: detached once more, late rows taken away with it
TRUNCATE obs.logs;
CALL write_logs(500, '2026-03-05 00:00+00', '2026-03-07 00:00+00');
SELECT obs.refresh_analytics();
ALTER TABLE obs.logs DETACH PARTITION obs.logs_p20260305;
SELECT obs.refresh_analytics();
SET SESSION AUTHORIZATION regress_app;
SELECT wrong_for, people FROM compare_all();
CALL become('nobody'); RESET SESSION AUTHORIZATION;
ALTER TABLE obs.logs ATTACH PARTITION obs.logs_p20260305 FOR VALUES FROM ('2026-03-05 00:00+00') TO ('2026-03-06 00:00+00');
SELECT obs.refresh_analytics();
SET SESSION AUTHORIZATION regress_app;
SELECT wrong_for, people FROM compare_all();
CALL become('nobody'); RESET SESSION AUTHORIZATION;

-- Rights on logs alone show no charts; rights on analytics alone show charts of all that the role reaches.
SELECT tenancy.set_setting('acme', 'members_view_analytics', false), tenancy.set_setting('acme', 'managers_view_logs', false),
       tenancy.set_setting('acme', 'managers_view_logs_metadata', false);
SET SESSION AUTHORIZATION regress_app;
SELECT wrong_for FROM compare_all();
SELECT wrong_for, people FROM compare_all('sums_by_analytics');
SELECT who, (compare(who, 'sums_by_analytics')).* FROM unnest(ARRAY['mona', 'mike', 'ben']) who;
CALL become('nobody'); RESET SESSION AUTHORIZATION;

-- In parts, and again from the start
SELECT obs.invalidate_analytics();
SELECT obs.refresh_analytics(10), obs.refresh_analytics(10), obs.refresh_analytics(1000), obs.refresh_analytics(1000);
SELECT obs.invalidate_analytics('2026-03-05 00:00+00', '2026-03-05 12:00+00');
SET client_min_messages = notice;
CALL tenancy.refresh_analytics_in_batches('obs', 5);
CALL tenancy.refresh_analytics_in_batches('obs');
SET client_min_messages = warning;
-- Arbitrary contents of the table of sums are corrected
UPDATE obs.analytics SET cost = -1;
INSERT INTO obs.analytics SELECT hour, organization_id, NULL, NULL, NULL, 'made up', NULL, NULL, NULL, 1, 1, 1, 1, 1, 1, 1, '1' FROM obs.analytics LIMIT 1;
SELECT obs.invalidate_analytics() > 0 AS marked, obs.refresh_analytics() > 0 AS refreshed;
SET SESSION AUTHORIZATION regress_app;
SELECT wrong_for, people FROM compare_all('sums_by_analytics');
CALL become('nobody'); RESET SESSION AUTHORIZATION;
-- A role that row security filters would sum up its own rows only: refused
ALTER ROLE regress_owner NOBYPASSRLS;
GRANT ALL ON SCHEMA obs TO regress_owner;
GRANT ALL ON ALL TABLES IN SCHEMA obs TO regress_owner;
INSERT INTO obs.analytics_pending VALUES ('2026-03-05 00:00+00', true);
SET SESSION AUTHORIZATION regress_owner;
SELECT * FROM app.failure($$SELECT tenancy.refresh_analytics('obs', NULL)$$);
RESET SESSION AUTHORIZATION;
DROP SCHEMA obs CASCADE;
