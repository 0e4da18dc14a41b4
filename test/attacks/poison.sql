-- Rows of one tenant that could stop the jobs for all: each column with each of its extreme values, as far as they are taken.
INSERT INTO attacks.cases (family, title, script, forbidden, may, jobs)
SELECT 'poison', format('observability.%s: %s', v.relation, v.name), format(E'@as att_web %s\n', p.principal) || string_agg(
  format(E'INSERT INTO observability.%s (workspace_id, %s) VALUES (''aaaaaaaa-0000-4000-8000-000000000002'', %s);\n', v.relation, concat_ws(', ', v.name, o.names), concat_ws(', ', x.value, o.vals)), ''), p.forbidden, '{audit log,catalog audit}', true
FROM attacks.principals p, (VALUES ('logs', 'start_time', 'timestamptz'), ('logs', 'end_time', 'timestamptz'), ('logs', 'usage_input_tokens', 'bigint'), ('logs', 'usage_output_tokens', 'bigint'), ('logs', 'usage_cache_read_input_tokens', 'bigint'),
  ('logs', 'cost', 'numeric'), ('logs', 'time_to_first_token', 'interval'), ('logs', 'request_model', 'text'), ('logs', 'operation_name', 'text'), ('logs', 'provider_name', 'text'), ('logs', 'http_response_status_code', 'int'), ('logs', 'metadata', 'jsonb'),
  ('log_payloads', 'start_time', 'timestamptz'), ('log_payloads', 'request', 'jsonb'), ('traces', 'start_time', 'timestamptz'), ('traces', 'end_time', 'timestamptz'), ('traces', 'service_name', 'text')) v (relation, name, type),
-- what a row needs besides
LATERAL (SELECT string_agg(n.name, ', ') AS names, string_agg(n.value, ', ') AS vals FROM (VALUES ('start_time', 'now()', 'logs'), ('start_time', 'now()', 'log_payloads'), ('log_id', 'gen_random_uuid()', 'log_payloads'), ('start_time', 'now()', 'traces'),
  ('trace_id', '''a''', 'traces'), ('span_id', 'gen_random_uuid()', 'traces'), ('name', '''c''', 'traces')) n (name, value, relation) WHERE n.relation = v.relation AND n.name <> v.name) o,
  unnest(CASE v.type WHEN 'timestamptz' THEN ARRAY['''infinity''', '''-infinity''', '''4713-01-02 BC''', '''290000-01-01''', '''1900-01-01''', '''epoch''', '''2100-01-01''']
    WHEN 'bigint' THEN ARRAY['9223372036854775807', '9223372036854775806', '-9223372036854775808', '-1'] WHEN 'int' THEN ARRAY['2147483647', '-1'] WHEN 'numeric' THEN ARRAY['''NaN''', '''Infinity''', '''-Infinity''', '1e200', '-1e200', '1e-200']
    WHEN 'interval' THEN ARRAY['''178000000 years''', '''-178000000 years'''] WHEN 'text' THEN ARRAY['repeat(md5(''a''), 500)', '(SELECT string_agg(md5(i::text), '''') FROM generate_series(1, 1000) i)', '(SELECT string_agg(md5(i::text), '''') FROM generate_series(1, 200) i)', 'E''\u0001'''] ELSE ARRAY['''[]''', '''{"a": null}'''] END) x (value)
WHERE p.principal = 'search key'
GROUP BY v.relation, v.name, p.principal, p.forbidden;
INSERT INTO attacks.cases (family, title, script, forbidden, may, jobs) VALUES
  ('poison', 'sums beyond bigint', E'@as att_web search key\nINSERT INTO observability.logs (workspace_id, usage_input_tokens) SELECT ''aaaaaaaa-0000-4000-8000-000000000002'', 9223372036854775807 FROM generate_series(1, 2);', 'canary_globex', '{}', true),
  ('poison', 'sums of durations', E'@as att_web search key\nINSERT INTO observability.logs (workspace_id, start_time, end_time) SELECT ''aaaaaaaa-0000-4000-8000-000000000002'', now(), ''290000-01-01'' FROM generate_series(1, 1000);', 'canary_globex', '{}', true),
  ('poison', 'one partition a day', E'@as att_web search key\nINSERT INTO observability.logs (workspace_id, start_time) SELECT ''aaaaaaaa-0000-4000-8000-000000000002'', ''1900-01-01''::timestamptz + i * interval ''1 day'' FROM generate_series(1, 300) i;', 'canary_globex', '{}', true),
  ('poison', 'one partition a day, in the future', E'@as att_web search key\nINSERT INTO observability.logs (workspace_id, start_time) SELECT ''aaaaaaaa-0000-4000-8000-000000000002'', ''2090-01-01''::timestamptz + i * interval ''1 day'' FROM generate_series(1, 300) i;', 'canary_globex', '{}', true),
  ('poison', 'one partition a day of traces', E'@as att_web search key\nINSERT INTO observability.traces (workspace_id, trace_id, span_id, name, start_time) SELECT ''aaaaaaaa-0000-4000-8000-000000000002'', i, i, ''x'', ''1900-01-01''::timestamptz + i * interval ''1 day'' FROM generate_series(1, 100) i;', 'canary_globex', '{}', true);
