-- examples/observability and examples/ingest: filters and groups as people use them, each person's own; and the batch writer.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
SET TimeZone = 'UTC';
DROP SCHEMA IF EXISTS observability CASCADE;
DROP ROLE IF EXISTS log_loader;
SELECT tenancy.create_observability();
SELECT observability.create_partitions('7 days', '2026-03-01 00:00+00') > 0 AS made;
INSERT INTO observability.logs (log_id, start_time, end_time, organization_id, workspace_id, user_id, api_key_id, request_model, http_response_status_code,
                                error_type, usage_input_tokens, usage_output_tokens, cost, metadata)
SELECT md5(n::text)::uuid, at, CASE WHEN n % 11 > 0 THEN at + n % 97 * interval '0.1 second' END,
       (org || '-0000-4000-8000-000000000000')::uuid, (org || '-0000-4000-8000-000000000002')::uuid,
       CASE WHEN org = 'bbbbbbbb' THEN 'cccccccc-0000-4000-8000-000000000008' WHEN n % 3 < 2 THEN 'cccccccc-0000-4000-8000-00000000000' || 3 + n % 3 END::uuid,
       CASE WHEN org = 'bbbbbbbb' THEN 'dddddddd-0000-4000-8000-000000000005' WHEN n % 3 = 1 THEN 'dddddddd-0000-4000-8000-000000000003'
            WHEN n % 3 = 2 THEN 'dddddddd-0000-4000-8000-000000000002' END::uuid,
       (ARRAY['small', 'large', 'large-vision'])[1 + n % 7 % 3], CASE WHEN n % 13 = 0 THEN 429 WHEN n % 29 = 0 THEN 500 ELSE 200 END,
       CASE WHEN n % 13 = 0 THEN 'rate_limit' WHEN n % 29 = 0 THEN 'server_error' END, n % 1000, n % 100, round(n % 100 / 10000.0, 4),
       jsonb_strip_nulls(jsonb_build_object('team', (ARRAY['blue', 'green'])[1 + n % 3], 'env', CASE WHEN n % 2 = 0 THEN 'production' ELSE 'test' END,
                                            'experiment', CASE WHEN n % 17 = 0 THEN n END))
FROM (SELECT n, '2026-03-01 00:00+00'::timestamptz + n * interval '8 minutes' AS at, CASE n % 5 WHEN 4 THEN 'bbbbbbbb' ELSE 'aaaaaaaa' END AS org
      FROM generate_series(1, 1000) n) numbered;
SELECT observability.refresh_analytics() > 0 AS refreshed;
GRANT USAGE ON SCHEMA observability TO regress_app;
GRANT SELECT ON observability.logs, observability.analytics TO regress_app;
\set since '2026-03-01 00:00+00'
\set until '2026-03-08 00:00+00'
\set queries :srcdir '/examples/observability/queries.sql'

-- The results for mona, a manager
SET SESSION AUTHORIZATION regress_app;
CALL become('mona');
\set ECHO queries
\i :queries
\set ECHO all
-- And mike, who sees his own only
CALL become('nobody'); RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
\set ECHO none
\i :queries
\set ECHO all
-- And nobody
CALL become('nobody');
\set ECHO none
\i :queries
\set ECHO all
RESET SESSION AUTHORIZATION;

-- A key of the metadata that is asked for often: a column of its own, which an index can serve under row security.
ALTER TABLE observability.logs ADD COLUMN team text COLLATE "C" GENERATED ALWAYS AS (metadata ->> 'team') STORED;
CREATE INDEX logs_team_idx ON observability.logs (workspace_id, team, start_time);
CREATE INDEX logs_expression_idx ON observability.logs (workspace_id, (metadata ->> 'team'), start_time);
ANALYZE observability.logs;
SET SESSION AUTHORIZATION regress_app;
CALL become('mona');
SELECT count(*) FROM observability.logs WHERE start_time >= :'since' AND start_time < :'until' AND team = 'blue';
-- The index that serves the condition on the column, and on the expression
CREATE FUNCTION pg_temp.index_of(condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT json) SELECT * FROM observability.logs WHERE start_time >= ''2026-03-02 00:00+00'' AND start_time < ''2026-03-03 00:00+00'' AND ' || condition INTO plan;
  RETURN coalesce(substring(plan::text FROM '"Index Name": "([^"]*)"'), 'none');
END
$$;
SET enable_seqscan = off;
SELECT condition, pg_temp.index_of(condition) FROM unnest(ARRAY[$$team = 'blue'$$, $$metadata ->> 'team' = 'blue'$$]) condition;
RESET enable_seqscan;
CALL become('nobody'); RESET SESSION AUTHORIZATION;
ALTER TABLE observability.logs DROP COLUMN team;

-- The batch writer: it takes what is right, for any tenant, and nothing else. It reads nothing.
\set loader :srcdir '/examples/ingest/loader.sql'
\set ECHO errors
\i :loader
\set ECHO all
UPDATE observability.accepted_times SET past = '100 years';
SET SESSION AUTHORIZATION log_loader;
SELECT count(*) FROM observability.logs;
BEGIN;
COPY observability.logs_staging (log_id, start_time, organization_id, workspace_id, user_id, request_model) FROM STDIN;
eeeeeeee-0000-4000-8000-000000000001	2026-03-01 00:00+00	aaaaaaaa-0000-4000-8000-000000000000	aaaaaaaa-0000-4000-8000-000000000002	cccccccc-0000-4000-8000-000000000004	loaded
eeeeeeee-0000-4000-8000-000000000002	2026-03-01 00:00+00	bbbbbbbb-0000-4000-8000-000000000000	bbbbbbbb-0000-4000-8000-000000000002	\N	loaded
eeeeeeee-0000-4000-8000-000000000002	2026-03-01 00:00+00	bbbbbbbb-0000-4000-8000-000000000000	bbbbbbbb-0000-4000-8000-000000000002	\N	loaded
\.
SELECT observability.load_staged_logs();
COMMIT;
BEGIN;
COPY observability.logs_staging (log_id, start_time, organization_id, workspace_id, request_model) FROM STDIN;
eeeeeeee-0000-4000-8000-000000000003	2026-03-01 00:00+00	aaaaaaaa-0000-4000-8000-000000000000	bbbbbbbb-0000-4000-8000-000000000002	mixed up
\.
SELECT observability.load_staged_logs();
COMMIT;
BEGIN;
COPY observability.logs_staging (log_id, start_time, organization_id, user_id, request_model) FROM STDIN;
eeeeeeee-0000-4000-8000-000000000004	2026-03-01 00:00+00	aaaaaaaa-0000-4000-8000-000000000000	cccccccc-0000-4000-8000-000000000008	mixed up
\.
SELECT observability.load_staged_logs();
COMMIT;
-- Rows of one tenant that logs refuses do not block the others'.
BEGIN;
COPY observability.logs_staging (log_id, start_time, organization_id, request_model, usage_input_tokens, cost) FROM STDIN;
eeeeeeee-0000-4000-8000-000000000006	2026-03-01 00:00+00	aaaaaaaa-0000-4000-8000-000000000000	loaded, too	1	0.1
eeeeeeee-0000-4000-8000-000000000007	2026-03-01 00:00+00	bbbbbbbb-0000-4000-8000-000000000000	too many	9223372036854775807	0.1
eeeeeeee-0000-4000-8000-000000000008	2026-03-01 00:00+00	bbbbbbbb-0000-4000-8000-000000000000	no number	1	NaN
eeeeeeee-0000-4000-8000-000000000009	2199-03-01 00:00+00	bbbbbbbb-0000-4000-8000-000000000000	far	1	0.1
eeeeeeee-0000-4000-8000-00000000000a	infinity	bbbbbbbb-0000-4000-8000-000000000000	farther	1	0.1
eeeeeeee-0000-4000-8000-00000000000b	2026-03-01 00:00+00	aaaaaaaa-0000-4000-8000-000000000000	loaded, too	1	0.1
\.
SELECT observability.load_staged_logs();
COMMIT;
BEGIN;
COPY observability.logs_staging (log_id, start_time, request_model) FROM STDIN;
eeeeeeee-0000-4000-8000-000000000005	2026-03-01 00:00+00	nobody's
\.
ROLLBACK;
COPY observability.logs FROM STDIN;
\.
RESET SESSION AUTHORIZATION;
SELECT request_model, problem FROM observability.logs_refused ORDER BY log_id;
SELECT request_model, count(*) FROM observability.logs WHERE request_model = 'loaded, too' GROUP BY 1;
SELECT observability.refresh_analytics();
SET SESSION AUTHORIZATION regress_app;
SELECT who, visible(who, '(SELECT log_id AS id FROM observability.logs WHERE request_model IN (''loaded'', ''mixed up'')) loaded') FROM unnest(ARRAY['mike', 'mona', 'gus', 'nobody']) who;
RESET SESSION AUTHORIZATION;
SELECT tenancy.reset_setting('acme', 'members_view_all_data');
DROP SCHEMA observability CASCADE;
DROP ROLE log_loader;
