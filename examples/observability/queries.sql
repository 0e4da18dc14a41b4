-- Questions that people ask of their logs, for psql. Each is answered with the rows that the session may see: the same query is
-- an owner's, a manager's and a member's.
--
-- psql -v since='2026-03-01 00:00+00' -v until='2026-03-08 00:00+00' -f queries.sql

-- Newest page of errors, of the models of one family
SELECT start_time, request_model, http_response_status_code, error_type
FROM observability.logs
WHERE start_time >= :'since' AND start_time < :'until' AND http_response_status_code >= 400 AND request_model LIKE 'large%'
ORDER BY start_time DESC, log_id LIMIT 5;

-- The page after it: from the last row on, instead of OFFSET
SELECT start_time, request_model, http_response_status_code
FROM observability.logs
WHERE start_time >= :'since' AND (start_time, log_id) < (:'until', '00000000-0000-0000-0000-000000000000')
ORDER BY start_time DESC, log_id DESC LIMIT 3;

-- By a key of the metadata: equal, and present at all
SELECT count(*) AS requests, sum(cost) AS cost
FROM observability.logs
WHERE start_time >= :'since' AND start_time < :'until' AND metadata ->> 'team' = 'blue';
SELECT count(*) FILTER (WHERE metadata @> '{"env": "production", "team": "green"}') AS green_in_production,
       count(*) FILTER (WHERE metadata ? 'experiment') AS in_an_experiment
FROM observability.logs
WHERE start_time >= :'since' AND start_time < :'until';

-- Cost, tokens and errors by model and day
SELECT date_trunc('day', start_time, 'UTC')::date AS day, request_model, count(*) AS requests, sum(cost) AS cost,
       sum(usage_input_tokens + usage_output_tokens) AS tokens,
       round(100.0 * count(*) FILTER (WHERE http_response_status_code >= 400) / count(*), 1) AS error_percent
FROM observability.logs
WHERE start_time >= :'since' AND start_time < :'until'
GROUP BY 1, 2 ORDER BY 1, 2;

-- Percentiles of the duration by model, in seconds
SELECT request_model, round(p[1]::numeric, 2) AS p50, round(p[2]::numeric, 2) AS p95, round(p[3]::numeric, 2) AS p99
FROM (SELECT request_model, percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM end_time - start_time)) AS p
      FROM observability.logs
      WHERE start_time >= :'since' AND start_time < :'until' AND end_time IS NOT NULL
      GROUP BY request_model) durations
ORDER BY request_model;

-- By user, and by key, by name (the catalogs, too, show what the session may see)
SELECT coalesce(u.email, l.user_id::text, '(service)') AS "user", count(*) AS requests, sum(l.cost) AS cost
FROM observability.logs l LEFT JOIN tenancy.members u USING (organization_id, user_id)
WHERE l.start_time >= :'since' AND l.start_time < :'until'
GROUP BY 1 ORDER BY cost DESC, 1;
SELECT coalesce(k.name, l.api_key_id::text, '(none)') AS api_key, count(*) AS requests, sum(l.cost) AS cost
FROM observability.logs l LEFT JOIN tenancy.api_keys k USING (api_key_id)
WHERE l.start_time >= :'since' AND l.start_time < :'until'
GROUP BY 1 ORDER BY cost DESC, 1;

-- By a value of the metadata
SELECT coalesce(metadata ->> 'team', '(none)') AS team, count(*) AS requests, sum(cost) AS cost
FROM observability.logs
WHERE start_time >= :'since' AND start_time < :'until'
GROUP BY 1 ORDER BY 1;

-- Charts over a long time: from the roll-up, with days that have no requests
SELECT day::date, coalesce(sum(a.requests), 0) AS requests, coalesce(sum(a.cost), 0) AS cost,
       round(extract(epoch FROM sum(a.duration)) / nullif(sum(a.timed_requests), 0), 2) AS mean_seconds
FROM generate_series(:'since'::timestamptz, :'until'::timestamptz - interval '1 day', '1 day') day
LEFT JOIN observability.analytics a ON a.hour >= day AND a.hour < day + interval '1 day'
GROUP BY day ORDER BY day;
-- The models that cost most, and their part of the whole
SELECT request_model, sum(cost) AS cost, round(100 * sum(cost) / sum(sum(cost)) OVER (), 1) AS percent
FROM observability.analytics
WHERE hour >= :'since' AND hour < :'until'
GROUP BY request_model ORDER BY cost DESC LIMIT 3;
