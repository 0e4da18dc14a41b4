-- Conditions of applications on a table in addition to the tenant, each with a suitable index: by an enum, a price, a date, a
-- word, a field of JSON, a label, nearness. In a query {docs} stands for the table, {logs} and {traces} for others.

CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') AS with_vectors \gset
\if :with_vectors
CREATE EXTENSION IF NOT EXISTS vector;
\endif
CREATE TYPE app.stage AS ENUM ('new', 'open', 'done');
CREATE TABLE app.docs AS
SELECT log_id AS doc_id, organization_id, workspace_id, user_id, api_key_id, created_at, md5(log_id::text) || ' ' || model AS title, model,
       (ARRAY['new', 'open', 'done'])[1 + (log_id % 50 = 0)::int + (log_id % 500 = 0)::int]::app.stage AS stage, cost AS price,
       jsonb_build_object('n', log_id % 5000, 'model', model, 'tags', jsonb_build_array(log_id % 700, log_id % 13)) AS doc,
       ARRAY[(log_id % 700)::int, (log_id % 13)::int] AS tags, to_tsvector('simple', model || ' word' || log_id % 3000) AS words,
       int4range((log_id % 10000)::int, (log_id % 10000 + 5)::int) AS during, 'u' || log_id % 20000 || '@Example.org' AS email
FROM app.logs WHERE log_id <= :docs ORDER BY log_id;
ALTER TABLE app.docs ADD PRIMARY KEY (doc_id);
ALTER TABLE app.docs ALTER organization_id SET NOT NULL, ALTER workspace_id SET NOT NULL,
  ADD FOREIGN KEY (workspace_id, organization_id) REFERENCES tenancy.workspaces (workspace_id, organization_id);
-- Led by the tenant: a member's by the workspace, own rows' by the workspace and the user, an owner's by the organization.
SELECT format('CREATE INDEX ON app.docs (%s, %s)', tenant, columns)
FROM unnest('{workspace_id,"workspace_id, user_id",organization_id}'::text[]) tenant,
  unnest(ARRAY['created_at DESC', 'title text_pattern_ops', 'stage', 'price', 'lower(email)', '(doc ->> ''n'')', 'doc_id']) columns
\gexec
-- By what is looked for, over all tenants.
CREATE INDEX ON app.docs USING gin (doc jsonb_path_ops);
CREATE INDEX ON app.docs USING gin (tags);
CREATE INDEX ON app.docs USING gin (words);
CREATE INDEX ON app.docs USING gin (title gin_trgm_ops);
CREATE INDEX ON app.docs USING gist (during);
\if :with_vectors
ALTER TABLE app.docs ADD place vector(3);
UPDATE app.docs SET place = format('[%s,%s,%s]', doc_id * 7919 % 1000, doc_id * 104729 % 1000, doc_id * 1299709 % 1000)::vector;
CREATE INDEX ON app.docs USING hnsw (place vector_l2_ops);
\endif
GRANT SELECT ON app.docs, app.logs, app.traces TO bench_app;
VACUUM (ANALYZE, FREEZE) app.docs;
SELECT tenancy.protect(relation, 'logs', 'organization_id', 'workspace_id', 'user_id', 'api_key_id') FROM unnest('{app.docs,app.logs,app.traces}'::regclass[]) relation;

-- needs: which indexes serve it under row security: any ("leakproof"), those led by the tenant ("tenant"), or those of trusted
-- conditions ("trusted"); "order": no condition.
CREATE TABLE bench.searches (n serial, search text PRIMARY KEY, needs text NOT NULL, query text NOT NULL);
INSERT INTO bench.searches (search, needs, query) VALUES
  ('enum', 'tenant', 'SELECT doc_id, title FROM {docs} d WHERE stage = ''done'''),
  ('timestamptz against date', 'tenant', 'SELECT doc_id, title FROM {docs} d WHERE created_at >= ''2025-03-31''::date'),
  ('timestamptz against timestamp', 'tenant', 'SELECT doc_id, title FROM {docs} d WHERE created_at BETWEEN timestamp ''2025-03-01'' AND timestamp ''2025-03-02'''),
  ('numeric, top 20', 'tenant', 'SELECT doc_id, price FROM {docs} d WHERE price > 0.02 ORDER BY price DESC LIMIT 20'),
  ('prefix', 'tenant', 'SELECT doc_id, title FROM {docs} d WHERE title LIKE ''abc%'''),
  ('field of JSON', 'tenant', 'SELECT doc_id, title FROM {docs} d WHERE doc ->> ''n'' = ''77'''),
  ('lower(email)', 'tenant', 'SELECT doc_id, title FROM {docs} d WHERE lower(email) = ''u77@example.org'''),
  ('part of a text', 'trusted', 'SELECT doc_id, title FROM {docs} d WHERE title LIKE ''%abcde%'''),
  ('part, in any case', 'trusted', 'SELECT doc_id, title FROM {docs} d WHERE title ILIKE ''%ABCDE%'''),
  ('JSON contains', 'trusted', 'SELECT doc_id, title FROM {docs} d WHERE doc @> ''{"n": 77}'''),
  ('array contains', 'trusted', 'SELECT doc_id, title FROM {docs} d WHERE tags @> ''{77,12}'''),
  ('arrays overlap', 'trusted', 'SELECT doc_id, title FROM {docs} d WHERE tags && ''{77}'''),
  ('word', 'trusted', 'SELECT doc_id, title FROM {docs} d WHERE words @@ ''word77''::tsquery'),
  ('range', 'trusted', 'SELECT doc_id, title FROM {docs} d WHERE during && ''[70,75)'''),
  ('newest with a text', 'order', 'SELECT doc_id, title FROM {docs} d WHERE title LIKE ''%claude%'' ORDER BY created_at DESC LIMIT 20'),
  ('newest 50', 'order', 'SELECT doc_id, title FROM {docs} d ORDER BY created_at DESC LIMIT 50'),
  ('next page', 'leakproof', 'SELECT doc_id, title FROM {docs} d WHERE (created_at, doc_id) < (timestamptz ''2025-02-15'', 100000) ORDER BY created_at DESC, doc_id DESC LIMIT 50'),
  ('list of keys', 'leakproof', 'SELECT doc_id, title FROM {docs} d WHERE doc_id IN (77, 777, 7777, 77777)'),
  ('between', 'leakproof', 'SELECT doc_id, title FROM {docs} d WHERE created_at BETWEEN timestamptz ''2025-02-01'' AND timestamptz ''2025-02-02'''),
  ('by day', 'leakproof', 'SELECT date_trunc(''day'', created_at), count(*) FROM {docs} d WHERE created_at >= timestamptz ''2025-03-20'' GROUP BY 1'),
  ('latest', 'order', 'SELECT max(created_at) FROM {docs} d'),
  ('CTE', 'tenant', 'WITH c AS (SELECT * FROM {docs} d WHERE stage = ''done'') SELECT model, count(*) FROM c GROUP BY 1'),
  ('LATERAL', 'tenant', 'SELECT v.stage, d.doc_id FROM (VALUES (''done''::app.stage), (''open'')) v (stage), LATERAL (SELECT doc_id FROM {docs} d WHERE d.stage = v.stage ORDER BY created_at DESC LIMIT 5) d'),
  ('join of three', 'tenant', 'SELECT count(*), sum(l.cost), avg(t.duration_ms) FROM {docs} d JOIN {logs} l ON l.log_id = d.doc_id JOIN {traces} t ON t.log_id = l.log_id WHERE d.stage = ''done'''),
  ('LEFT JOIN', 'tenant', 'SELECT count(*), count(l.log_id) FROM {docs} d LEFT JOIN {logs} l ON l.log_id = d.doc_id AND l.status = 429 WHERE d.price > 0.03'),
  ('EXISTS', 'tenant', 'SELECT count(*) FROM {docs} d WHERE stage = ''done'' AND EXISTS (SELECT FROM {logs} l WHERE l.log_id = d.doc_id AND l.status = 429)'),
  ('scalar sub-select', 'tenant', 'SELECT doc_id, (SELECT l.cost FROM {logs} l WHERE l.log_id = d.doc_id) FROM {docs} d WHERE doc ->> ''n'' = ''77'''),
  ('DISTINCT ON', 'tenant', 'SELECT DISTINCT ON (model) model, doc_id FROM {docs} d WHERE stage = ''done'' ORDER BY model, created_at DESC'),
  ('window', 'tenant', 'SELECT doc_id, row_number() OVER (PARTITION BY model ORDER BY price) FROM {docs} d WHERE price > 0.03'),
  ('OFFSET', 'order', 'SELECT doc_id FROM {docs} d ORDER BY created_at DESC OFFSET 100 LIMIT 20');
\if :with_vectors
INSERT INTO bench.searches (search, needs, query) VALUES
  ('nearest neighbours', 'order', 'SELECT doc_id FROM {docs} d ORDER BY place <-> ''[500,500,500]'' LIMIT 10');
\endif
GRANT SELECT ON bench.searches TO bench_app;

-- Searching principals, one of each kind
CREATE VIEW bench.searchers AS SELECT * FROM bench.principals WHERE principal IN ('unrestricted member', 'owner', 'member of 5', 'member of 1000');
GRANT SELECT ON bench.searchers TO bench_app;

-- The query over the tables, or as an expert writes it.
CREATE FUNCTION bench.search_query(query text, filter text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT regexp_replace(search_query.query, '\{([a-z]+)\}', CASE WHEN filter IS NULL THEN 'app.\1' ELSE '(SELECT * FROM app.\1 WHERE ' || filter || ')' END, 'g')
$$;

-- Plan, pages and rows of one run: the second, when all is in memory. Pages of planning do not count. Of times, the best of all runs, also of
-- earlier calls.
CREATE TABLE bench.search_results (principal text, search text, mode text, plan text, indexes text, pages bigint, rows float8, estimate float8, best_ms float8, planning_ms float8, result text,
  PRIMARY KEY (principal, search, mode));
GRANT SELECT, INSERT, UPDATE ON bench.search_results TO bench_app;
CREATE FUNCTION bench.search_indexes(plan jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  WITH RECURSIVE nodes AS (SELECT plan AS node UNION ALL SELECT jsonb_array_elements(node -> 'Plans') FROM nodes WHERE node ? 'Plans')
  SELECT string_agg(DISTINCT node ->> 'Index Name', ', ' ORDER BY node ->> 'Index Name') FROM nodes
$$;
CREATE FUNCTION bench.search(principal text, mode text, runs integer) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  who bench.searchers;
  one bench.searches;
  statement text;
  plan jsonb;
  best float8;
  best_planning float8;
  result text;
BEGIN
  SELECT * INTO who FROM bench.searchers s WHERE s.principal = search.principal;
  FOR one IN SELECT * FROM bench.searches ORDER BY n LOOP
    statement := bench.search_query(one.query, CASE search.mode WHEN 'hand-written' THEN who.filter END);
    EXECUTE format('SELECT md5(coalesce(string_agg(q::text, '','' ORDER BY q::text), '''')) FROM (%s) q', statement) INTO result;
    best := NULL;
    best_planning := NULL;
    FOR i IN 0 .. runs LOOP
      EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) ' || statement INTO plan;
      best := least(best, (plan -> 0 ->> 'Execution Time')::float8);
      best_planning := least(best_planning, (plan -> 0 ->> 'Planning Time')::float8);
    END LOOP;
    INSERT INTO bench.search_results AS r
    VALUES (search.principal, one.search, search.mode, bench.plan_shape(plan -> 0 -> 'Plan'), bench.search_indexes(plan -> 0 -> 'Plan'),
            (plan -> 0 -> 'Plan' ->> 'Shared Hit Blocks')::bigint + (plan -> 0 -> 'Plan' ->> 'Shared Read Blocks')::bigint,
            (plan -> 0 -> 'Plan' ->> 'Actual Rows')::float8, (plan -> 0 -> 'Plan' ->> 'Plan Rows')::float8, best, best_planning, result)
    ON CONFLICT (principal, search, mode) DO UPDATE SET best_ms = least(r.best_ms, EXCLUDED.best_ms), planning_ms = least(r.planning_ms, EXCLUDED.planning_ms);
  END LOOP;
END
$$;
