-- Every fifth row of app.logs in a table with a partition for each of its 90 days.

CREATE TABLE app.daily_logs (LIKE app.logs INCLUDING DEFAULTS) PARTITION BY RANGE (created_at);
SELECT format('CREATE TABLE app.daily_logs_%s PARTITION OF app.daily_logs FOR VALUES FROM (%L) TO (%L)',
              to_char(day, 'MMDD'), day, day + interval '1 day')
FROM (SELECT timestamptz '2025-01-01 00:00:00+00' + n * interval '1 day' AS day FROM generate_series(0, 90) n) days
\gexec
INSERT INTO app.daily_logs SELECT * FROM app.logs WHERE log_id % 5 = 0;
CREATE INDEX ON app.daily_logs (workspace_id, created_at DESC);
CREATE INDEX ON app.daily_logs (workspace_id, user_id, created_at DESC);
CREATE INDEX ON app.daily_logs (organization_id, created_at DESC);
GRANT SELECT ON app.daily_logs TO bench_app;
VACUUM ANALYZE app.daily_logs;

-- How many tables a plan, written as one line, reads: a bitmap's index scan is no table of its own.
CREATE FUNCTION bench.scans(shape text) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
  SELECT count(*) FROM regexp_matches(shape, '(Seq|Bitmap Heap|(?<!Bitmap )Index|Index Only) Scan', 'g') m
$$;
