-- What logs are searched by, each with the index that a tenant's query uses: model and status, what failed, a key of metadata, any
-- key, words of payloads; and words are as secret as what they are of.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set plans :srcdir '/sql/include/plans.sql'
\i :plans
\set ECHO none
\pset format unaligned
\o /dev/null
SET client_min_messages = warning;
SET TimeZone = 'UTC';
DROP SCHEMA IF EXISTS observability CASCADE;
SELECT tenancy.create_observability(partition_by => 'month');
SELECT observability.create_partitions('1 day', '2026-03-01 00:00+00');
INSERT INTO observability.logs (log_id, start_time, organization_id, workspace_id, user_id, request_model, http_response_status_code, metadata)
SELECT md5(n::text)::uuid, '2026-03-01 00:00+00'::timestamptz + n * interval '1 minute', (org || '-0000-4000-8000-000000000000')::uuid, (org || '-0000-4000-8000-000000000002')::uuid,
       CASE WHEN n % 3 = 0 THEN 'cccccccc-0000-4000-8000-000000000004'::uuid END, 'model-' || n % 7, CASE n % 97 WHEN 0 THEN 429 WHEN 1 THEN 500 ELSE 200 END,
       jsonb_build_object('team', 'team-' || n % 50, 'run', n)
FROM generate_series(1, 20000) n, unnest('{aaaaaaaa,bbbbbbbb}'::text[]) org WHERE n % 2 = CASE org WHEN 'aaaaaaaa' THEN 0 ELSE 1 END;
INSERT INTO observability.log_payloads (log_id, start_time, organization_id, workspace_id, user_id, request, response)
SELECT log_id, start_time, organization_id, workspace_id, user_id, jsonb_build_object('messages', jsonb_build_array(E'first\nword' || (metadata ->> 'run'))),
       jsonb_build_object('content', 'refund of ' || request_model)
FROM observability.logs;
GRANT USAGE ON SCHEMA observability TO regress_app;
GRANT SELECT ON observability.logs, observability.log_payloads, observability.log_payloads_scoped TO regress_app;
CREATE FUNCTION index_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  SET LOCAL enable_seqscan = off;
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  -- by the names that the parents' indexes have
  RETURN (SELECT string_agg(DISTINCT pg_partition_root(c.oid)::regclass::text, ', ') FROM regexp_matches(plan::text, '"Index Name": "([^"]*)"', 'g') m
          JOIN pg_class c ON c.relname = m[1] AND c.relnamespace = 'observability'::regnamespace AND c.relname !~ 'default');
END
$$;
CREATE TABLE searches (n serial, query text);
INSERT INTO searches (query) VALUES
  ('SELECT FROM observability.logs WHERE request_model = ''model-3'' AND http_response_status_code = 429'),
  ('SELECT FROM observability.logs WHERE http_response_status_code >= 500 AND start_time >= ''2026-03-02 00:00+00'''),
  ('SELECT FROM observability.logs WHERE metadata ->> ''team'' = ''team-7'' AND start_time >= ''2026-03-02 00:00+00'''),
  ('SELECT FROM observability.logs WHERE metadata @> ''{"run": 77}'''),
  ('SELECT FROM observability.log_payloads WHERE words @@ websearch_to_tsquery(''simple'', ''refund word77'')');
GRANT SELECT ON searches TO PUBLIC;
RESET client_min_messages;
\o
\set ECHO all
-- Asked for, and twice
SELECT tenancy.add_observability_search('observability', '{team}', words => true, any_key => true);
SELECT tenancy.add_observability_search('observability', '{team}', words => true, any_key => true);
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid IN ('observability.logs'::regclass, 'observability.log_payloads'::regclass) ORDER BY c.relname COLLATE "C";
SELECT * FROM failure('SELECT tenancy.add_observability_search(''public'')');
ANALYZE observability.logs, observability.log_payloads;
SELECT sum((response::text ~ 'refund')::int) = count(*) AND bool_and(words @@ to_tsquery('simple', 'first & word' || (SELECT metadata ->> 'run' FROM observability.logs l WHERE l.log_id = p.log_id))) AS found FROM (SELECT * FROM observability.log_payloads LIMIT 100) p;

SET SESSION AUTHORIZATION regress_app;
CALL become('mona');
SELECT query, index_of(query) FROM searches, trust('own_rows') ORDER BY n;
SELECT query, index_of(query) FROM searches, trust('all') ORDER BY n;
CALL become('olivia');
SELECT query, index_of(query) FROM searches, trust('all') ORDER BY n;
SELECT count(*) FROM observability.log_payloads WHERE words @@ websearch_to_tsquery('simple', 'refund word77');
SELECT count(*) FROM observability.log_payloads WHERE words @@ websearch_to_tsquery('simple', 'refund word78');
-- Who may list and not view sees no words, nor can look for them
CALL become('nobody'); RESET SESSION AUTHORIZATION;
SELECT tenancy.revoke_permission('acme', 'workspace', 'member', 'logs', 'view');
SELECT tenancy.set_setting('acme', 'members_view_all_data', true);
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
SELECT count(*), count(words) AS words, count(*) FILTER (WHERE words @@ 'refund') AS found FROM observability.log_payloads_scoped;
SELECT count(*) FROM observability.log_payloads WHERE words @@ 'refund';
CALL become('nobody'); RESET SESSION AUTHORIZATION;
-- No payload is too large, too long or too strange
SET client_min_messages = warning;
INSERT INTO observability.log_payloads (log_id, start_time, organization_id, workspace_id, request, response)
SELECT gen_random_uuid(), '2026-03-05 00:00+00', 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', to_jsonb(request), NULL
FROM (VALUES (repeat('A', 3000000)), ((SELECT string_agg(md5(n::text), ' ') FROM generate_series(1, 60000) n)), ((SELECT string_agg(to_hex(n), ' ') FROM generate_series(1, 300000) n)), (repeat('a-b-c-', 40000)), (U&'\4F60\597D \+01F600 "\\"'),
  ((SELECT string_agg(chr(20000 + n), ' ') FROM generate_series(1, 15000) n)), (repeat('\', 100000)), (repeat('http://a.b/c?d=e ', 20000))) v (request);
SELECT count(*) AS large FROM observability.log_payloads WHERE start_time = '2026-03-05 00:00+00' AND request IS NOT NULL AND response IS NULL;
SELECT count(*) FROM observability.log_payloads WHERE words @@ to_tsquery('simple', U&'\4F60\597D');
DROP SCHEMA observability CASCADE;
